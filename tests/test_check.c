/* cusgd_check through the public API; on the device that CUSGD_TEST_DEVICE names. That it fails where a kernel is wrong is shown
 * by emulator/faults.sh. */
#include "data.h"
#include "options.h"
#include "scalar/sampling.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cusgd_check_line *line_of(const cusgd_check_report *r, const char *what)
{
    for (int i = 0; i < CUSGD_CHECK_LINES; i++)
        if (strcmp(r->lines[i].what, what) == 0) return &r->lines[i];
    cr_assert_fail("there is no line %s", what);
    return NULL;
}

static cusgd_check_report checked(const cusgd_options *o, const cusgd_data *data, int64_t steps)
{
    cusgd_check_report r = CUSGD_INIT(cusgd_check_report);
    cusgd_status status = cusgd_check(o, data, steps, &r);
    cr_assert_eq(status, CUSGD_OK, "status %d: %s", (int)status, cusgd_last_error());
    cr_assert(r.passed && r.steps == steps, "passed %d, %d steps", r.passed, (int)r.steps);
    for (int i = 0; i < CUSGD_CHECK_LINES; i++)
        cr_assert(!(r.lines[i].share > 1) && r.lines[i].step <= steps, "%s: %g", r.lines[i].what, r.lines[i].share);
    return r;
}

static cusgd_data *made(int64_t n, int64_t d, int64_t k, cusgd_precision precision, int logistic)
{
    cusgd_generator g;
    cusgd_data *data;
    g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = n, g.cols = d, g.outputs = k, g.type = (cusgd_type)precision,
    g.targets = logistic ? CUSGD_SYNTHETIC_LOGISTIC : CUSGD_SYNTHETIC_LINEAR;
    cr_assert_eq(cusgd_data_generate(&g, &data), CUSGD_OK, "%s", cusgd_last_error());
    return data;
}

/* Rounding of floats shows, and is explained by far; the update is exact. */
Test(check, float_lies_within_rounding_of_double)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, 50, 1);
    o.precision = CUSGD_PRECISION_FLOAT;
    cusgd_data *data = made(1000, 30, 2, CUSGD_PRECISION_FLOAT, 0);
    cusgd_check_report r = checked(&o, data, 25); /* into the second epoch */
    static const char *const rounded[] = {"gradient", "loss", "full gradient", "predictions", "free run: theta"};
    for (int i = 0; i < 5; i++) {
        const cusgd_check_line *l = line_of(&r, rounded[i]);
        cr_assert(l->device > 1e-9 && l->device < 1e-3 && l->cpu > 1e-9, "%s: %g, %g", l->what, l->device, l->cpu);
    }
    const cusgd_check_line *update = line_of(&r, "update");
    cr_assert(update->device == 0 && update->cpu == 0 && update->share == 0 && update->step == 1);
    cr_assert(isnan(line_of(&r, "free run: theta")->share));
    cr_assert(strlen(r.device) > 0);
    cusgd_data_free(data);
}

/* Synthetic rows are the same bits whichever device computes them; those that no device has are refused. */
Test(check, synthetic_rows_of_a_device)
{
    const char *device = getenv("CUSGD_TEST_DEVICE");
    for (int i = 0; i < 4; i++) {
        cusgd_generator g = CUSGD_INIT(cusgd_generator);
        cusgd_generator_init(&g);
        g.rows = 300, g.cols = 9, g.outputs = 2, g.type = (cusgd_type)(i % 2), g.seed = (uint64_t)i,
        g.targets = (cusgd_synthetic_targets)(i % 3);
        if (i < 2)
            g.condition = 50;
        else
            g.correlation = 0.5;
        cusgd_data *of[2];
        cr_assert_eq(cusgd_data_generate(&g, &of[0]), CUSGD_OK, "%s", cusgd_last_error());
        g.device = device ? device : "cpu";
        cr_assert_eq(cusgd_data_generate(&g, &of[1]), CUSGD_OK, "%s", cusgd_last_error());
        size_t bytes = (size_t)g.rows * (g.type == CUSGD_TYPE_FLOAT32 ? 4 : 8);
        cr_assert_eq(memcmp(of[0]->view.x.at, of[1]->view.x.at, bytes * 9), 0, "case %d: x", i);
        cr_assert_eq(memcmp(of[0]->view.y.at, of[1]->view.y.at, bytes * 2), 0, "case %d: y", i);
        cusgd_data_free(of[0]);
        cusgd_data_free(of[1]);
        g.device = "tpu";
        cr_assert_eq(cusgd_data_generate(&g, &of[0]), CUSGD_ERROR_USAGE);
        cr_assert(strstr(cusgd_last_error(), "device"), "%s", cusgd_last_error());
    }
}

/* Weights, held-out rows, rows of another layout and type, a chosen rate. */
Test(check, whatever_a_trainer_takes)
{
    enum { N = 400, D = 6 };
    uint64_t state = 5;
    double *x = random_normals(&state, N * D), *y = random_normals(&state, N), *w = random_normals(&state, N);
    for (int i = 0; i < N; i++) y[i] = y[i] > 0, w[i] = i % 9 ? fabs(w[i]) : 0;
    cusgd_matrix columns = {x, CUSGD_TYPE_FLOAT64, 1, N}, target = {y, CUSGD_TYPE_FLOAT64, 1, 1},
                 weights = {w, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data;
    cr_assert_eq(cusgd_data_wrap(N, D, 1, columns, target, weights, &data), CUSGD_OK);
    for (int precision = 0; precision < 2; precision++) {
        cusgd_options o = options_default();
        o.precision = (cusgd_precision)precision;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.valid_fraction = 0.2;
        o.l1 = 0.01;
        checked(&o, data, 12);
        o.batch = 1000; /* all rows in one */
        checked(&o, data, 3);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
    free(w);
}

/* Sparse rows, whose updates are dense here even where auto would choose others; and lazy ones, where these may be. */
Test(check, sparse_rows)
{
    enum { N = 300, D = 40, EACH = 4, LINES = 12 };
    static double value[N * EACH], y[N];
    static int32_t column[N * EACH];
    static int64_t start[N + 1];
    uint64_t state = 9;
    for (int64_t i = 0; i < N; i++) {
        start[i + 1] = (i + 1) * EACH;
        for (int64_t t = 0; t < EACH; t++) {
            column[i * EACH + t] = (int32_t)(t * D / EACH + i % 7 * (t + 1) / EACH);
            value[i * EACH + t] = random_uniform(&state) - 0.5;
        }
        y[i] = value[i * EACH] > 0;
    }
    cusgd_csr x = {start, column, value, CUSGD_TYPE_FLOAT64, 0};
    cusgd_matrix target = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    cusgd_data *data;
    cr_assert_eq(cusgd_data_wrap_csr(N, D, 1, x, target, none, &data), CUSGD_OK, "%s", cusgd_last_error());
    for (int i = 0; i < 6; i++) {
        cusgd_options o = options_default();
        o.precision = (cusgd_precision)(i % 2);
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.batch = i == 2 || i == 3 ? 100 : 9;
        o.l2 = 0.01;
        if (i == 3) o.clip_norm = 0.01;
        if (i == 2) o.optimizer = CUSGD_OPTIMIZER_ADAM, o.sampling = CUSGD_SAMPLING_PERMUTE;
        if (i > 3) o.optimizer = i == 4 ? CUSGD_OPTIMIZER_SGD : CUSGD_OPTIMIZER_ADAGRAD, o.l1 = 0.001, o.average = 1;
        cusgd_check_report r = checked(&o, data, 12);
        int waits = i < 2 || i > 3;
        cr_assert_eq(r.line_count, waits ? LINES : LINES - 1);
        if (i > 3) cr_assert(line_of(&r, "lazy updates")->device > 0, "case %d: lazy steps were dense ones", i);
    }
    cusgd_data_free(data);
}

/* Shards, on every engine that takes them, and with batches in which some have no row. */
Test(check, shards)
{
    static const int counts[] = {1, 2, 3, 8};
    for (int engine = CUSGD_ENGINE_AUTO; engine <= CUSGD_ENGINE_FUSED; engine++)
        for (int i = 0; i < 4; i++) {
            cusgd_options o = options_plain(CUSGD_OPTIMIZER_NESTEROV, 0.01, i % 2 ? 5 : 40, 1);
            o.precision = (cusgd_precision)(i / 2);
            o.engine = (cusgd_engine)engine;
            o.shards = counts[i];
            o.sampling = (cusgd_sampling)((i + engine) % SAMPLING_COUNT);
            cusgd_data *data = made(203, 9, 1, o.precision, 0);
            checked(&o, data, 7);
            cusgd_data_free(data);
        }
}

/* A run that diverges is compared as far as it is finite. */
Test(check, a_run_that_diverges_ends_there)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 1e30, 100, 1);
    cusgd_check_report r = CUSGD_INIT(cusgd_check_report);
    cusgd_data *data = made(1000, 5, 1, CUSGD_PRECISION_FLOAT, 0);
    o.precision = CUSGD_PRECISION_FLOAT;
    cr_assert_eq(cusgd_check(&o, data, 10, &r), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert(r.passed && r.steps >= 1 && r.steps < 4, "%d steps", (int)r.steps);
    cusgd_data_free(data);
}

Test(check, what_it_refuses)
{
    cusgd_options o = options_default();
    cusgd_check_report r = CUSGD_INIT(cusgd_check_report);
    cusgd_data *data = made(100, 5, 1, CUSGD_PRECISION_DOUBLE, 0);
    cr_assert_eq(cusgd_check(&o, data, 0, &r), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "at least 1 step"), "%s", cusgd_last_error());
    o.loss = CUSGD_LOSS_LOGISTIC; /* targets are not 0 and 1 */
    cr_assert_eq(cusgd_check(&o, data, 5, &r), CUSGD_ERROR_DATA);
    o.rate = -1;
    cr_assert_eq(cusgd_check(&o, data, 5, &r), CUSGD_ERROR_USAGE);
    cr_assert_not(r.passed);
    cusgd_data_free(data);
}

/* A check asks for predictions of all rows at once. */
Test(check, rows_that_do_not_fit_into_the_memory_given)
{
    cusgd_options o = options_default();
    cusgd_check_report r = CUSGD_INIT(cusgd_check_report);
    cusgd_data *data = made(40000, 64, 1, CUSGD_PRECISION_FLOAT, 0);
    o.precision = CUSGD_PRECISION_FLOAT;
    o.sampling = CUSGD_SAMPLING_PAGES;
    o.memory = 8 << 20;
    cr_assert_eq(cusgd_check(&o, data, 2, &r), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "memory"), "%s", cusgd_last_error());
    o.memory = (int64_t)1 << 30;
    checked(&o, data, 2);
    cusgd_data_free(data);
}
