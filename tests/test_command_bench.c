/* cusgd bench from outside: what it prints and what it refuses. */
#include "command.h"
#include "cusgd_tools.h"

#include <cjson/cJSON.h>
#include <math.h>

TestSuite(command_bench, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* A test of the form: the figures mean nothing. The lists go on where they are given again. */
#define BENCH "$CUSGD bench --seconds 0 --epochs 2 --device cpu --batch 8 --shapes 300x5 "

Test(command_bench, prints_a_line_a_case)
{
    run(&o, BENCH "--shapes 2e2x3 --sampling none,blocks --precision float,double --threads 1,2 --fits");
    assert_code(o, 0);
    cr_assert_str_eq(o.err, "");
    int rows = 0;
    for (char *line = strtok(o.out, "\n"); line; line = strtok(NULL, "\n")) {
        char sampling[16], engine[16];
        long long batch, threads;
        double step, rate, x, reads, share, loss;
        if (strncmp(line, "none", 4) != 0 && strncmp(line, "blocks", 6) != 0) continue;
        int found = sscanf(line, "%15s %15s %lld %lld %lf %lf (%*f .. %*f) %lf %lf %lf %% %lf", sampling, engine, &batch,
                           &threads, &step, &rate, &x, &reads, &share, &loss);
        cr_assert_eq(found, 10, "%d: %s", found, line);
        cr_assert(step > 0 && rate > 0 && x > 0 && reads > 0 && share >= 0 && loss > 0 && loss < 20, "%s", line);
        rows++;
    }
    cr_assert_eq(rows, 2 * 2 * 2 * 2);
}

static double number_in(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(object, name);
    cr_assert(cJSON_IsNumber(item), "%s", name);
    return item->valuedouble;
}

static void check_bench(const cJSON *j)
{
    int bf16 = strcmp(cJSON_GetObjectItem(j, "storage")->valuestring, "bf16") == 0;
    double bytes = bf16 ? 2 : sizeof(float);
    double rows = number_in(j, "rows"), cols = number_in(j, "cols"), batch = number_in(j, "batch"), steps = ceil(rows / batch);
    double step = number_in(j, "step_seconds"), rate = number_in(j, "rows_per_second"), x = number_in(j, "x_bytes_per_second");
    cr_assert(batch <= rows && number_in(j, "steps_per_pass") == steps && number_in(j, "repeats") >= 5);
    cr_assert(number_in(j, "step_work_seconds_min") > 0);
    cr_assert(step > 0 && number_in(j, "step_seconds_min") <= step && step <= number_in(j, "step_seconds_max"));
    cr_assert_float_eq(rate * steps * step / rows, 1, 1e-9);
    cr_assert_float_eq(x / (rate * cols * bytes), 1, 1e-9);
    cr_assert_float_eq(number_in(j, "share") * number_in(j, "read_bytes_per_second") / x, 1, 1e-9);
    cr_assert_float_eq(number_in(j, "flops_per_second") / (4 * rate * cols * number_in(j, "outputs")), 1, 1e-9);
    cr_assert_eq(number_in(j, "x_bytes"), rows * cols * bytes);
    cr_assert(number_in(j, "share") > 0 && number_in(j, "passes") == 2);
    cr_assert(number_in(j, "loss") > 0.3 && number_in(j, "loss") < 20, "%g", number_in(j, "loss")); /* of data with noise 1 */
    cr_assert_str_eq(cJSON_GetObjectItem(j, "device")->valuestring, "cpu");
}

Test(command_bench, json)
{
    run(&o, BENCH "--batch 1000 --storage full,bf16 --json --shapes 40x3x9");
    assert_code(o, 0);
    assert_has(o.err, "300 x 5"); /* fits into the cache */
    assert_has(o.err, "--fits");
    int lines = 0, permuted = 0, halved = 0, outputs = 0;
    for (char *line = strtok(o.out, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        cJSON *j = cJSON_Parse(line);
        cr_assert(j, "%s", line);
        check_bench(j);
        halved += strcmp(cJSON_GetObjectItem(j, "storage")->valuestring, "bf16") == 0;
        permuted += strcmp(cJSON_GetObjectItem(j, "sampling")->valuestring, "permute") == 0;
        outputs += (int)number_in(j, "outputs");
        cJSON_Delete(j);
    }
    cr_assert(lines == 16 && permuted == 8 && halved == 8 && outputs == 8 * 1 + 8 * 9);
}

/* Rows of which there is room for some at a time: where the time went. */
Test(command_bench, stages_of_a_stream)
{
    run(&o, "$CUSGD bench --seconds 0 --epochs 1 --device cpu --batch 1000 --shapes 100000x64 --memory 25M --fits --json");
    assert_code(o, 0);
    int lines = 0;
    for (char *line = strtok(o.out, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        cJSON *j = cJSON_Parse(line);
        cr_assert(j, "%s", line);
        double took =
            number_in(j, "stream_wait_seconds") + number_in(j, "stream_copy_seconds") + number_in(j, "stream_compute_seconds");
        double bytes = number_in(j, "stream_read_bytes") + number_in(j, "stream_present_bytes");
        cr_assert(took > 0 && bytes >= 4 * number_in(j, "x_bytes") && number_in(j, "stream_read_seconds") > 0, "%s", line);
        cJSON_Delete(j);
    }
    cr_assert_eq(lines, 2);
    run(&o, "$CUSGD bench --seconds 0 --epochs 1 --device cpu --batch 1000 --shapes 100000x64 --memory 25M --fits");
    assert_code(o, 0);
    assert_has(o.out, "% waiting");
    run(&o, "$CUSGD bench --seconds 0 --device cpu --memory some");
    assert_code(o, 1);
}

Test(command_bench, losses_and_optimizers)
{
    static const char *const words[] = {"--loss logistic --optimizer adam", "--loss mse --optimizer nesterov --rate 0.01",
                                        "--optimizer auto --sampling replace-blocks"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        run(&o, BENCH "--fits %s", words[i]);
        assert_code(o, 0);
        cr_assert_str_eq(o.err, "");
    }
    run(&o, BENCH "--fits --rate 1e30");
    assert_code(o, 4);
    assert_has(o.err, "diverged");
}

Test(command_bench, refuses_before_it_measures)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"--shapes 300x5,7", "ROWSxCOLS"},
        {"--shapes 0x5", "ROWSxCOLS"},
        {"--shapes 1e15x1e15", "ROWSxCOLS"},
        {"--shapes 3x5x", "ROWSxCOLS"},
        {"--shapes 3x5x7x9", "ROWSxCOLS"},
        {"--batch 8,-1", "batch"},
        {"--batch auto", "batch must be a number"},
        {"--sampling none,nonsense", "sampling"},
        {"--precision half", "precision"},
        {"--engine steam", "engine"},
        {"--storage bf16,half", "storage"},
        {"--storage bf16 --precision float,double", "precision float"},
        {"--device gpu", "device"},
        {"--threads 0", "threads"},
        {"--loss nonsense", "loss"},
        {"--optimizer nonsense", "optimizer"},
        {"--rate 0", "rate"},
        {"--seconds -1", "--seconds"},
        {"--epochs 0", "--epochs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&o, "$CUSGD bench %s", cases[i].line);
        assert_code(o, 1);
        cr_assert_str_eq(o.out, "");
        assert_has(o.err, cases[i].says);
    }
    run(&o, "$CUSGD bench --shapes 20x3 --device cuda:999");
    assert_code(o, 3);
    cr_assert_str_eq(o.out, "");
    assert_has(o.err, "cuda:999");
}
