/* `cusgd check` from outside, on the CPU; emulator/faults.sh runs it with kernels that are right and wrong. */
#include "command.h"

#include <cjson/cJSON.h>

static outcome o;

TestSuite(command_check, .init = command_setup, .fini = folder_teardown);

Test(command_check, a_users_data)
{
    run(&o, "$CUSGD check data.csv --device cpu --optimizer adam --batch 7 --steps 11");
    assert_code(o, 0);
    assert_has(o.out, "11 steps in lockstep");
    assert_has(o.out, "update");
    assert_has(o.out, "\nPASS\n");
    assert_has(o.err, "no GPU took part");
    run(&o, "$CUSGD check text.csv --device cpu --loss logistic --target y --l1 0.01");
    assert_code(o, 0);
}

Test(command_check, json_of_made_data)
{
    run(&o, "$CUSGD check --rows 500 --cols 6 --outputs 2 --device cpu --json --steps 5");
    assert_code(o, 0);
    cJSON *report = cJSON_Parse(o.out);
    cr_assert(report, "%s", o.out);
    cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(report, "passed")));
    cr_assert_eq(cJSON_GetObjectItem(report, "steps")->valueint, 5);
    cJSON *lines = cJSON_GetObjectItem(report, "lines");
    cr_assert(cJSON_GetArraySize(lines) >= 11 && cJSON_GetArraySize(lines) <= CUSGD_CHECK_LINES);
    cJSON *gradient = cJSON_GetArrayItem(lines, 2);
    cr_assert_str_eq(cJSON_GetObjectItem(gradient, "what")->valuestring, "gradient");
    cr_assert_gt(cJSON_GetObjectItem(gradient, "device")->valuedouble, 0);
    cr_assert_gt(cJSON_GetObjectItem(gradient, "share")->valuedouble, 0);
    cJSON_Delete(report);
}

/* Whether a problem of the set has the option with that value; "constant" is what holds where no schedule is named. */
static int is_covered(const cJSON *problems, const char *name, const char *value)
{
    const cJSON *problem;
    char words[120], line[256];
    snprintf(words, sizeof words, " --%s %s ", name, value);
    cJSON_ArrayForEach(problem, problems)
    {
        snprintf(line, sizeof line, " %s ", cJSON_GetObjectItem(problem, "options")->valuestring);
        if (strstr(line, words)) return 1;
    }
    return strcmp(value, "constant") == 0;
}

static void assert_all_are_covered(const cJSON *problems)
{
    static const char *const families[] = {"loss", "optimizer", "schedule", "sampling"};
    const cusgd_option_info *info;
    int covered = 0;
    for (size_t i = 0; (info = cusgd_option_at(i)) != NULL; i++)
        for (int f = 0; f < 4; f++)
            for (const char *const *value = info->choices; strcmp(info->name, families[f]) == 0 && *value; value++, covered++)
                cr_assert(is_covered(problems, info->name, *value), "no problem has --%s %s", info->name, *value);
    cr_assert_gt(covered, 30);
}

Test(command_check, standard_set)
{
    run(&o, "$CUSGD check --device cpu --json");
    assert_code(o, 0);
    cJSON *report = cJSON_Parse(o.out), *problem;
    cr_assert(report, "%s", o.out);
    cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(report, "passed")));
    cJSON *problems = cJSON_GetObjectItem(report, "problems");
    cr_assert_geq(cJSON_GetArraySize(problems), 40);
    assert_all_are_covered(problems);
    cJSON_ArrayForEach(problem, problems) cr_assert_geq(cJSON_GetObjectItem(problem, "steps")->valueint, 36);
    cJSON_Delete(report);
    run(&o, "$CUSGD check --device cpu");
    assert_code(o, 0);
    assert_has(o.out, "\nPASS: 46 of 46 problems agree\n");
    run(&o, "$CUSGD check --device cpu --loss-expr 'c*log(1 + (p - y)^2)' --constant c=2 --steps 8"); /* in place of all losses */
    assert_code(o, 0);
    assert_has(o.out, "PASS: ");
    assert_has(o.out, "  --optimizer sgd --sampling permute --rate 0.05 (1000 x 7, 1 output)\n");
    run(&o, "$CUSGD check --device cpu --loss-expr 'c*log(1 + (p - y)^2)' --constant c=2 --rows 100 --cols 5");
    assert_code(o, 0);
    assert_has(o.out, "\nPASS\n");
    /* Each line is a command: the last one is, too. */
    run(&o,
        "$CUSGD check --device cpu --rows 64 --cols 1000 --optimizer adam --loss mse --sampling permute --schedule time-decay");
    assert_code(o, 0);
}

Test(command_check, what_it_refuses)
{
    static const struct {
        const char *line;
        int code;
        const char *says;
    } cases[] = {
        {"--rows 5", 1, "--rows and --cols go together"},
        {"--cols 5", 1, "--rows and --cols go together"},
        {"data.csv --rows 5 --cols 5", 1, "choose one"},
        {"--optimizer adam", 1, "--optimizer is for data"},
        {"data.csv --rate -1", 1, "rate"},
        {"data.csv more.csv", 1, "one argument too many"},
        {"missing.csv", 2, "missing.csv"},
        {"data.csv --target z", 2, "z"},
        {"data.csv --loss logistic", 2, "logistic"},
        {"--rows 10 --cols 3 --device cuda:99", 3, "cuda"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(&o, "$CUSGD check %s", cases[i].line);
        assert_code(o, cases[i].code);
        assert_has(o.err, cases[i].says);
        cr_assert_str_eq(o.out, "");
    }
}
