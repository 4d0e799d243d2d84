#include "cli.h"
#include "reading.h"

#include <math.h>
#include <string.h>

/* One run of `cusgd check`. */
typedef struct checking {
    const syntax *syntax;
    const char *data_path;
    cusgd_generator made; /* rows 0: synthetic data was not requested */
    char device[CUSGD_OPTION_TEXT];
    int64_t steps; /* 0: the default number */
    int json;
    reading reading;
    cusgd_options *options;
} checking;

/* ---- Output -------------------------------------------------------------------------------------------------------------- */

static void put_difference(double value)
{
    if (value == 0)
        printf("  %10s", "equal");
    else
        printf("  %10.2e", value);
}

static void put_table(const cusgd_check_report *r)
{
    puts("largest relative difference to the CPU in double, and the device's as a share of what rounding explains");
    printf("%-16s  %10s  %10s  %10s  %s\n", "", "device", "CPU", "share", "step");
    for (int i = 0; i < r->line_count; i++) {
        const cusgd_check_line *l = &r->lines[i];
        printf("%-16s", l->what);
        put_difference(l->device);
        put_difference(l->cpu);
        if (isnan(l->share))
            printf("  %10s", "-");
        else
            printf("  %10.3g", l->share);
        if (l->step) printf("  %lld", (long long)l->step);
        printf("%s\n", l->share > 1 ? "  FAIL" : "");
    }
}

/* Prints the fields of a report without the braces. */
static void put_json(const cusgd_check_report *r)
{
    printf("\"device\": ");
    put_json_string(stdout, r->device);
    printf(", \"passed\": %s, \"steps\": %lld, \"lines\": [", r->passed ? "true" : "false", (long long)r->steps);
    for (int i = 0; i < r->line_count; i++) {
        const cusgd_check_line *l = &r->lines[i];
        printf("%s{\"what\": \"%s\", \"passed\": %s, \"device\": ", i ? ", " : "", l->what,
               isnan(l->share) ? "null"
               : l->share > 1  ? "false"
                               : "true");
        put_json_number(stdout, l->device);
        printf(", \"cpu\": ");
        put_json_number(stdout, l->cpu);
        printf(", \"share\": ");
        put_json_number(stdout, l->share);
        printf(", \"step\": %lld}", (long long)l->step);
    }
    putchar(']');
}

/* ---- The user's problem -------------------------------------------------------------------------------------------------- */

static int open_problem(const checking *c, cusgd_data **data)
{
    cusgd_reader reader;
    cusgd_status status;
    reading as = c->reading;
    if (c->data_path) {
        int wrong = reading_reader(&as, c->syntax, c->data_path, NULL, &reader);
        if (wrong) return wrong;
        status = cusgd_data_open(c->data_path, &reader, data);
    } else {
        status = cusgd_data_generate(&c->made, data);
    }
    return status ? complain_last(status) : CUSGD_OK;
}

static int check_problem(const checking *c)
{
    enum { USUAL_STEPS = 32 };
    cusgd_data *data = NULL;
    cusgd_check_report report = CUSGD_INIT(cusgd_check_report);
    int wrong = open_problem(c, &data);
    if (wrong) return wrong;
    cusgd_status status = cusgd_check(c->options, data, c->steps ? c->steps : USUAL_STEPS, &report);
    cusgd_data_free(data);
    if (status && status != CUSGD_ERROR_MISMATCH) return complain_last(status);
    if (c->json) {
        putchar('{');
        put_json(&report);
        puts("}");
    } else {
        printf("%s compared with the CPU, %lld step%s in lockstep\n", report.device, (long long)report.steps,
               plural(report.steps));
        put_table(&report);
        puts(report.passed ? "PASS" : "FAIL");
    }
    return status ? complain_last(status) : CUSGD_OK;
}

/* ---- The standard set ---------------------------------------------------------------------------------------------------- */

/* Options, then the data. Every optimizer meets both precisions, most losses and samplings several. */
static const struct problem {
    const char *options; /* as on the command line */
    int64_t rows, cols, outputs;
} problems[] = {
    {"--optimizer sgd --loss squared --sampling permute --rate 0.05", 1000, 7, 1},
    {"--optimizer sgd --loss logistic --sampling blocks --rate 0.1 --l1 0.001 --precision double", 3000, 33, 1},
    {"--optimizer momentum --loss mse --sampling none --batch 256 --l2 0.01", 2000, 128, 3},
    {"--optimizer momentum --loss squared --sampling replace --precision double", 500, 200, 1},
    {"--optimizer nesterov --loss logistic --sampling replace-blocks --average", 1000, 31, 3},
    {"--optimizer nesterov --loss squared --sampling permute --batch 1 --precision double", 300, 5, 1},
    {"--optimizer adagrad --loss squared --sampling blocks --batch 100 --l1 0.01", 2000, 64, 1},
    {"--optimizer adagrad --loss logistic --sampling none --precision double", 1000, 32, 1},
    {"--optimizer ftrl --loss logistic --sampling permute --l1 0.001 --l2 0.01", 1500, 33, 1},
    {"--optimizer ftrl --loss squared --sampling blocks --average --precision double", 1000, 21, 2},
    {"--optimizer adadelta --loss logistic --sampling permute --no-intercept", 1500, 12, 1},
    {"--optimizer adadelta --loss mse --sampling replace --l2 0.1 --precision double", 700, 17, 2},
    {"--optimizer rmsprop --loss squared --sampling replace --no-standardize", 1000, 257, 1},
    {"--optimizer rmsprop --loss logistic --sampling blocks --average --precision double", 4000, 16, 1},
    {"--optimizer adam --loss logistic --sampling permute --batch 64", 1000, 100, 5},
    {"--optimizer adam --loss squared --sampling none --batch 1000 --precision double", 1000, 40, 1},
    {"--optimizer auto --loss squared", 5000, 20, 1},
    {"--optimizer auto --loss logistic --l1 0.0001 --precision double", 3000, 20, 1},
    {"--optimizer sgd --loss squared --sampling none --batch 5000 --rate 0.5", 5000, 1, 1},
    {"--optimizer adam --loss mse --sampling permute --schedule time-decay", 64, 1000, 1},
    {"--optimizer adamw --loss huber --sampling batches --schedule cosine --rate 0.05", 1000, 9, 1},
    {"--optimizer amsgrad --loss poisson --schedule one-cycle --rate 0.01 --precision double", 1000, 20, 1},
    {"--optimizer nadam --loss gamma --schedule polynomial --clip-value 0.01", 800, 33, 2},
    {"--optimizer radam --loss tweedie --schedule exponential --rate 0.01 --l2 0.01", 1000, 12, 1},
    {"--optimizer adamax --loss quantile --schedule step --quantile 0.25 --precision double", 900, 17, 1},
    {"--optimizer asgd --loss squared --clip-norm 0.01", 2000, 40, 3},
    {"--optimizer rmsprop --centered --loss epsilon-insensitive --schedule inverse-scaling", 1000, 31, 1},
    {"--optimizer rmsprop --momentum 0.9 --loss squared-epsilon-insensitive --lower 0", 1000, 64, 1},
    {"--optimizer rmsprop --centered --momentum 0.5 --loss hinge --l1 0.001 --precision double", 700, 15, 1},
    {"--optimizer sgd --loss squared-hinge --schedule optimal --l2 0.01 --upper 0.5", 1000, 16, 1},
    {"--optimizer momentum --loss squared --schedule plateau --clip-norm 0.1 --precision double", 500, 5000, 1},
    {"--optimizer auto --loss huber", 2000, 12, 2},
    {"--optimizer auto --loss poisson --l1 0.001", 2000, 12, 1},
    {"--optimizer nesterov --loss squared --sampling permute --storage bf16", 2000, 64, 1},
    {"--optimizer adam --loss logistic --sampling none --batch 300 --storage bf16", 1500, 33, 3},
    {"--optimizer nesterov --loss logistic --sampling permute --batch 20", 120, 5000, 1},
    {"--optimizer adam --loss squared --sampling permute --batch 50 --shards 3", 1000, 20, 1},
    {"--optimizer momentum --loss logistic --sampling blocks --shards 8 --precision double", 700, 12, 2},
    {"--optimizer adam --loss logistic --sampling pages --batch 100", 3000, 1024, 1},
    {"--optimizer adam --loss-expr 'log(cosh(p-y))' --sampling permute --l2 0.01", 1000, 40, 3},
    {"--optimizer momentum --loss-expr 'abs(p-y)<1.35?(p-y)^2/2:1.35*(abs(p-y)-.675)' --rate 0.01", 1000, 20, 1},
    {"--optimizer rmsprop --loss-expr 'log(1+(p-y)^2)+(p*tanh(y)-1)^2/9' --precision double", 700, 12, 2},
};
enum { PROBLEMS = sizeof problems / sizeof problems[0], STANDARD_STEPS = 36 };

/* Returns whether a problem above has the option with that value. */
static int is_named(const char *name, const char *value)
{
    char words[120];
    size_t length = (size_t)snprintf(words, sizeof words, "--%s %s", name, value);
    for (int i = 0; i < PROBLEMS; i++)
        for (const char *at = problems[i].options; (at = strstr(at, words)) != NULL; at++)
            if (at[length] == '\0' || at[length] == ' ') return 1;
    return 0;
}

static int has_formula(const cusgd_options *options) { return option_is(options, "loss", "expression"); }

/* Removes the loss from options. */
static void drop_loss(char *words)
{
    char *at = strstr(words, "--loss"), *next = at ? strstr(at, " --") : NULL;
    if (next)
        memmove(at, next + 1, strlen(next));
    else if (at)
        at[-1] = '\0';
}

/* Problem i of the set: those above, then one for each loss, optimizer, schedule and sampling that none of them has. `words` has
 * its options then. own: 1: the user's loss is in the place of theirs. Returns 0 past the last. */
static int problem_at(int i, size_t own, struct problem *p, char words[120])
{
    static const char *const families[] = {"loss", "optimizer", "schedule", "sampling"};
    const cusgd_option_info *info;
    if (i < PROBLEMS) {
        *p = problems[i];
        if (!own) return 1;
        snprintf(words, 120, "%s", p->options);
        drop_loss(words);
        p->options = words;
        return 1;
    }
    i -= PROBLEMS;
    for (size_t o = 0; (info = cusgd_option_at(o)) != NULL; o++) {
        int is_family = 0;
        for (size_t f = own; f < sizeof families / sizeof families[0]; f++) is_family |= strcmp(info->name, families[f]) == 0;
        for (const char *const *value = info->choices; is_family && *value; value++) {
            if (is_named(info->name, *value) || strcmp(*value, "constant") == 0 || i-- > 0) continue;
            snprintf(words, 120, "--optimizer momentum --rate 0.01 --%s %s", info->name, *value);
            *p = (struct problem){words, 1000, 20, 1};
            return 1;
        }
    }
    return 0;
}

static cusgd_status set_words(cusgd_options *options, const char *words)
{
    char text[200], *rest = text, *next;
    snprintf(text, sizeof text, "%s", words);
    cusgd_status status = CUSGD_OK;
    for (char *name = strtok_r(rest, " ", &rest); name && !status; name = next) {
        char *value = strtok_r(rest, " ", &rest);
        next = value;
        if (value && *value == '\'') { /* as a shell has it */
            value++;
            value[strlen(value) - 1] = '\0';
        }
        if (value && strncmp(value, "--", 2) == 0)
            value = NULL;
        else if (value)
            next = strtok_r(rest, " ", &rest);
        status = cusgd_options_set(options, name + 2, value);
    }
    return status;
}

/* The standard set chooses all other options itself. */
static int check_standard_options(const checking *c)
{
    static const char *const kept[] = {"device", "seed", "threads", "math", "engine", "loss-expr", "constant", "link"};
    cusgd_options *usual;
    const cusgd_option_info *info;
    int status = options_open(&usual);
    if (status) return status;
    for (size_t i = 0; !status && (info = cusgd_option_at(i)) != NULL; i++) {
        char given[CUSGD_OPTION_TEXT], otherwise[CUSGD_OPTION_TEXT];
        int is_kept = 0;
        for (size_t l = 0; l < sizeof kept / sizeof kept[0]; l++) is_kept |= strcmp(info->name, kept[l]) == 0;
        is_kept |= has_formula(c->options) && strcmp(info->name, "loss") == 0;
        cusgd_options_get(c->options, info->name, given);
        cusgd_options_get(usual, info->name, otherwise);
        if (!is_kept && strcmp(given, otherwise) != 0)
            status = complain_usage(c->syntax, "--%s is for data: name DATA, or give --rows and --cols", info->name);
    }
    cusgd_options_free(usual);
    return status;
}

/* Replaces the loss of the problem by the one that the user has given. */
static cusgd_status set_formula(const checking *c, cusgd_options *options)
{
    char formula[CUSGD_OPTION_TEXT];
    if (!has_formula(c->options)) return CUSGD_OK;
    cusgd_options_get(c->options, "loss-expr", formula);
    return cusgd_options_set(options, "loss-expr", formula);
}

static cusgd_status run_problem(const checking *c, const struct problem *p, cusgd_check_report *report)
{
    cusgd_options *options;
    cusgd_generator g;
    cusgd_data *data = NULL;
    cusgd_status status = cusgd_options_copy(c->options, &options);
    if (status) return status;
    status = set_words(options, p->options);
    if (!status) status = set_formula(c, options);
    int takes_any = option_is(options, "engine", "cublas"); /* others support only one target, no --clip-norm and no formula */
    if (!takes_any && (p->outputs > 1 || option_number(options, "clip-norm") > 0 || has_formula(options)))
        cusgd_options_set(options, "engine", "auto");
    g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = p->rows, g.cols = p->cols, g.outputs = p->outputs, g.seed = seed_of(options);
    g.targets = targets_for(options);
    g.correlation = 0.5;
    g.type = type_for(options);
    if (!status) status = cusgd_data_generate(&g, &data);
    if (!status) status = cusgd_check(options, data, c->steps ? c->steps : STANDARD_STEPS, report);
    cusgd_data_free(data);
    cusgd_options_free(options);
    return status;
}

static void put_problem(const checking *c, int i, const struct problem *p, const cusgd_check_report *r)
{
    if (c->json) {
        printf("%s\n {\"options\": \"%s\", \"rows\": %lld, \"cols\": %lld, \"outputs\": %lld, ", i ? "," : "", p->options,
               (long long)p->rows, (long long)p->cols, (long long)p->outputs);
        put_json(r);
        putchar('}');
        return;
    }
    if (i == 0)
        printf("%s compared with the CPU: largest relative differences\n%10s  %10s  %10s  %10s  %s\n", r->device, "gradient",
               "update", "loss", "free run", "problem");
    for (int l = 0; l < r->line_count; l++) {
        static const char *const shown[] = {"gradient", "update", "loss", "free run: theta"};
        for (int s = 0; s < 4; s++)
            if (strcmp(r->lines[l].what, shown[s]) == 0) put_difference(r->lines[l].device);
    }
    printf("  %s (%lld x %lld, %lld output%s)%s\n", p->options, (long long)p->rows, (long long)p->cols, (long long)p->outputs,
           plural(p->outputs), r->passed ? "" : "  FAIL");
}

static int check_standard(const checking *c)
{
    int failed = 0, count = 0, wrong = check_standard_options(c);
    char words[120];
    struct problem p;
    if (wrong) return wrong;
    if (c->json) printf("{\"problems\": [");
    for (; problem_at(count, has_formula(c->options) != 0, &p, words); count++) {
        cusgd_check_report report = CUSGD_INIT(cusgd_check_report);
        cusgd_status status = run_problem(c, &p, &report);
        if (status && status != CUSGD_ERROR_MISMATCH) return complain_last(status);
        put_problem(c, count, &p, &report);
        if (!status) continue;
        failed++;
        complain_last(status);
    }
    if (c->json)
        printf("],\n \"passed\": %s}\n", failed ? "false" : "true");
    else
        printf("%s: %d of %d problems agree\n", failed ? "FAIL" : "PASS", count - failed, count);
    return failed ? CUSGD_ERROR_MISMATCH : CUSGD_OK;
}

/* ---- Arguments ----------------------------------------------------------------------------------------------------------- */

static int check_arguments(checking *c)
{
    int synthetic = c->made.rows > 0 || c->made.cols > 0;
    if (synthetic && c->data_path) return complain_usage(c->syntax, "--rows and --cols make data, and DATA is given: choose one");
    if (synthetic && (c->made.rows == 0 || c->made.cols == 0))
        return complain_usage(c->syntax, "--rows and --cols go together, each at least 1");
    if (cusgd_options_check(c->options)) return complain_usage(c->syntax, "%s", cusgd_last_error());
    c->made.targets = targets_for(c->options);
    c->made.type = type_for(c->options);
    c->made.seed = seed_of(c->options);
    cusgd_options_get(c->options, "device", c->device);
    c->made.device = c->device;
    return CUSGD_OK;
}

static int check(checking *c)
{
    cusgd_device gpu = CUSGD_INIT(cusgd_device);
    int status = check_arguments(c);
    if (status) return status;
    status = c->data_path || c->made.rows > 0 ? check_problem(c) : check_standard(c);
    int on_cpu = option_is(c->options, "device", "cpu");
    on_cpu |= option_is(c->options, "device", CUSGD_AUTO) && !(cusgd_device_at(1, &gpu) && gpu.usable);
    if (!status && on_cpu) fputs("note: no GPU took part: the CPU was compared with itself in double\n", stderr);
    return status;
}

int check_main(int argc, char **argv)
{
    checking c = {.steps = 0};
    argument reading_table[READING_ARGUMENTS];
    c.made = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&c.made);
    c.made.rows = c.made.cols = 0;
    const argument table[] = {
        {0, "rows", "N", "none", "check on synthetic data of N rows", TAKES_COUNT, &c.made.rows},
        {0, "cols", "D", "none", "and D columns", TAKES_COUNT, &c.made.cols},
        {0, "outputs", "K", "1", "and K targets", TAKES_COUNT, &c.made.outputs},
        {0, "steps", "N", "32; standard set: 36", "steps compared", TAKES_COUNT, &c.steps},
        {0, "json", NULL, NULL, "print one JSON object, numbers in full", TAKES_NOTHING, &c.json},
    };
    static const char *const usual[] = {"target", "loss", "optimizer", "rate",      "batch",  "l1",
                                        "l2",     "seed", "device",    "precision", "engine", NULL};
    reading_arguments(&c.reading, reading_table);
    int status = options_open(&c.options);
    if (status) return status;
    const syntax s = {.word = "check",
                      .operands = "[DATA | --rows N --cols D] [OPTION]...",
                      .operand_count = 1,
                      .optional = 1,
                      .summary = "Compares a device with the CPU, step by step; without data on a standard set of problems.",
                      .example = "cusgd check --device cuda",
                      .groups = {{table, sizeof table / sizeof table[0]}, {reading_table + 1, READING_ARGUMENTS - 1}},
                      .options = c.options,
                      .usual = usual};
    c.syntax = &s;
    if (arguments_parse(&s, argc, argv, &c.data_path, &status)) status = check(&c);
    cusgd_options_free(c.options);
    reading_free(&c.reading);
    return status;
}
