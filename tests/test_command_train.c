/* `cusgd train` from outside: every option of the library and its bad values, and the history. tests/cli has its other tests. */
#include "command.h"
#include "cusgd_tools.h"

#include <cjson/cJSON.h>
#include <math.h>

TestSuite(command_train, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* ---- Options ------------------------------------------------------------------------------------------------------------- */

/* A value of each of the library's options that is not its default, what the model then says of it, and values that are refused.
 */
static const struct {
    const char *name, *good, *metadata, *bad[5];
} cases[] = {
    {"loss", "mse", "loss = mse", {"hinges", "''"}},
    {"solver", "newton", "solver = newton", {"broyden", "NEWTON", "''"}},
    {"optimizer", "adam", "optimizer = adam", {"bfgs", "SGD"}},
    {"rate", "0.125", "rate = 0.125", {"0", "-1", "nan", "1e999", "fast"}},
    {"schedule", "time-decay", "schedule = time-decay", {"cos", "optimal"}},
    {"classes", "one-vs-rest", NULL, {"each", ""}},
    {"delta", "0.5 --loss huber", "delta = 0.5", {"0", "-1", "nan", "x"}},
    {"width", "0.5 --loss epsilon-insensitive", "width = 0.5", {"-1", "nan", "x"}},
    {"quantile", "0.25 --loss quantile", "quantile = 0.25", {"0", "1", "1.5", "nan", "x"}},
    {"power", "1.25", "power = 1.25", {"1", "2", "0", "nan", "x"}},
    {"decay", "0.5 --schedule step", "decay = 0.5", {"0", "1", "x"}},
    {"decay-every", "1.5 --schedule step", "decay-every = 1.5", {"0", "-1", "x"}},
    {"decay-power", "0.5 --schedule inverse-scaling", "decay-power = 0.5", {"0", "-1", "x"}},
    {"decay-patience", "2 --schedule plateau", "decay-patience = 2", {"0", "-1", "x"}},
    {"warm-up", "2 --schedule cosine", "warm-up = 2", {"-1", "x"}},
    {"final-rate", "0.125 --schedule polynomial", "final-rate = 0.125", {"-1", "x"}},
    {"rate-changes", "epoch --schedule exponential", "rate-changes = epoch", {"row"}},
    {"centered", "--optimizer rmsprop", "centered = true", {NULL}},
    {"weight-decay", "0.5 --optimizer adamw", "weight-decay = 0.5", {"-1", "nan", "x"}},
    {"lower", "-1", "lower = -1", {"nan", "inf", "x"}},
    {"upper", "1", "upper = 1", {"nan", "inf", "x"}},
    {"clip-norm", "0.5", "clip-norm = 0.5", {"0", "-1", "x"}},
    {"clip-value", "0.5", "clip-value = 0.5", {"0", "-1", "x"}},
    {"t0", "0.5", "t0 = 0.5", {"0", "-1", "nan", "x"}},
    {"t1", "64", "t1 = 64", {"0", "-1", "inf", "x"}},
    {"momentum", "0.75", "momentum = 0.75", {"1", "-0.1", "nan", "x"}},
    {"beta1", "0.75", "beta1 = 0.75", {"1", "-0.1", "nan", "x"}},
    {"beta2", "0.75", "beta2 = 0.75", {"1", "-0.1", "0.9999999999", "x"}},
    {"rho", "0.75", "rho = 0.75", {"1", "-0.1", "nan", "x"}},
    {"epsilon", "0.25", "epsilon = 0.25", {"0", "-1", "1e-60", "x"}},
    {"batch", "7", "batch = 7", {"0", "-7", "7.5", "1e30", "x"}},
    {"epochs", "3", "epochs = 3", {"0", "-3", "3.5", "99999999999999999999", "x"}},
    {"sampling", "replace-blocks", "sampling = replace-blocks", {"shuffle"}},
    {"shards", "3", "shards = 3", {"0", "-1", "1025", "auto", "x"}},
    {"l1", "0.25", "l1 = 0.25", {"-1", "nan", "auto", "x"}},
    {"l2", "0.25", "l2 = 0.25", {"-1", "nan", "auto", "x"}},
    {"penalty-units", "data", "penalty-units = data", {"auto", "x"}},
    {"average", NULL, "average = true", {NULL}},
    {"average-from", "5", "average-from = 5", {"-1", "x"}},
    {"standardize", "--no-standardize", "standardize = false", {NULL}}, /* the later one holds */
    {"whiten", "zca", "whiten = zca", {"auto", "x"}},
    {"robust", NULL, "robust = true", {NULL}},
    {"intercept", "--no-intercept", "intercept = false", {NULL}},
    {"valid-fraction", "0.25", "valid-fraction = 0.25", {"1", "-0.1", "nan", "x"}},
    {"evaluate-every", "2", "evaluate-every = 2", {"0", "-1", "x"}},
    {"tolerance", "0.25", "tolerance = 0.25", {"-1", "nan", "x"}},
    {"gradient-tolerance", "0.25", "gradient-tolerance = 0.25", {"-1", "nan", "x"}},
    {"patience", "3", "patience = 3", {"0", "-1", "x"}},
    {"seed", "18446744073709551615", "seed = 18446744073709551615", {"-1", "18446744073709551616", "x"}},
    {"device", "cpu", NULL, {"gpu", "cuda:x", "''"}},
    {"update", "dense", "update = dense", {"fast"}},
    {"sparse-scale", "none", NULL, {"auto", "x"}},
    {"precision", "double", "precision = double", {"half"}},
    {"storage", "bf16", "storage = bf16", {"half"}},
    {"loss-expr", "'(p - y)^2/2'", "loss-expr = (p - y)^2/2", {"''", "2p", "y"}},
    {"constant", "c=2", "constant = c=2", {"c", "2", "c=x"}},
    {"link", "'exp(p)'", "link = exp(p)", {"''"}},
    {"math", "tf32", "math = tf32", {"fast"}},
    {"engine", "fused", "engine = fused", {"fast"}},
    {"threads", "1", NULL, {"0", "-1", "5000", "x"}},
    {"memory", "1.5G", NULL, {"0", "-1", "2X", "G", "1e300T"}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

Test(command_train, takes_every_option)
{
    const cusgd_option_info *info;
    for (size_t i = 0; (info = cusgd_option_at(i)) != NULL; i++) {
        size_t c = 0;
        while (c < CASES && strcmp(cases[c].name, info->name) != 0) c++;
        cr_assert(c < CASES, "no case for --%s", info->name);
        run(&o, "$CUSGD train data.csv --model m.safetensors --%s %s && $CUSGD info m.safetensors", info->name,
            cases[c].good ? cases[c].good : "");
        assert_code(o, 0);
        if (cases[c].metadata) assert_has(o.out, cases[c].metadata);
        run(&o, "rm m.safetensors");
        for (int b = 0; b < 5 && cases[c].bad[b]; b++) {
            run(&o, "$CUSGD train data.csv --model m.safetensors --%s=%s", info->name, cases[c].bad[b]);
            assert_code(o, 1);
            assert_has(o.err, info->name);
            cr_assert(!file_exists("m.safetensors"));
        }
    }
}

/* Every schedule runs by its name alone. */
Test(command_train, every_schedule_by_its_name)
{
    static const char *const names[] = {"time-decay", "inverse-scaling", "optimal",    "exponential", "step",
                                        "cosine",     "one-cycle",       "polynomial", "plateau"};
    for (int i = 0; i < 9; i++) {
        run(&o,
            "for o in sgd adamw; do $CUSGD train data.csv --optimizer $o --schedule %s --l2 1e-3 --epochs 20 --model m || exit "
            "9; "
            "done",
            names[i]);
        assert_code(o, 0);
        assert_has(o.err, "R2");
    }
}

/* ---- History ------------------------------------------------------------------------------------------------------------- */

Test(command_train, history)
{
    run(&o, "echo old >h.jsonl; $CUSGD train data.csv --model m --epochs 4 --evaluate-every 2 --valid-fraction 0.25 --history "
            "h.jsonl -q && cat h.jsonl");
    assert_code(o, 0);
    static const char *const keys[] = {"epoch", "step", "loss", "valid_loss", "rate", "seconds", "rows_per_second"};
    int epoch = 0;
    double step = 0;
    for (char *line = strtok(o.out, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *all = cJSON_Parse(line);
        cr_assert(all, "%s", line);
        cr_assert_eq(cJSON_GetArraySize(all), 7);
        epoch++;
        for (int k = 0; k < 7; k++) {
            const cJSON *item = cJSON_GetArrayItem(all, k);
            cr_assert_str_eq(item->string, keys[k]);
            int is_null = k == 3 && epoch % 2 == 1; /* validated every second epoch */
            cr_assert(is_null ? cJSON_IsNull(item) : cJSON_IsNumber(item), "%s: %s", keys[k], line);
        }
        cr_assert_eq(cJSON_GetArrayItem(all, 0)->valuedouble, epoch);
        cr_assert(cJSON_GetArrayItem(all, 1)->valuedouble > step);
        step = cJSON_GetArrayItem(all, 1)->valuedouble;
        cJSON_Delete(all);
    }
    cr_assert_eq(epoch, 4);
}

static double member(const char *json, const char *key)
{
    cJSON *all = cJSON_Parse(json);
    cJSON *outputs = cJSON_GetObjectItemCaseSensitive(all, "outputs");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(outputs ? cJSON_GetArrayItem(outputs, 0) : all, key);
    cr_assert(cJSON_IsNumber(item), "%s of %s", key, json);
    double value = item->valuedouble;
    cJSON_Delete(all);
    return value;
}

/* The measures of the last epoch are those that evaluate finds of the model, which is the same as without them. */
Test(command_train, history_metrics)
{
    static const struct {
        const char *options, *names;
        const char *keys[4];
    } runs[] = {{"--target y data.csv", "standard", {"rmse", "mae", "r2"}},
                {"--loss logistic text.csv", "standard,f1,accuracy", {"log_loss", "accuracy", "f1"}},
                {"--loss hinge text.csv", "standard", {"accuracy", "f1_macro"}},
                {"--loss logistic --classes softmax text.csv", "f1_weighted,top3", {"f1_weighted"}}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        const char *file = strrchr(runs[i].options, ' ') + 1;
        char line[sizeof o.out], key[64];
        run(&o,
            "$CUSGD train %s --epochs 3 --no-average --valid %s --model m -q && cp m n && $CUSGD train %s --epochs 3 "
            "--no-average "
            "--valid %s --history h.jsonl --history-metrics %s --model m -q && cmp m n && tail -n 1 h.jsonl",
            runs[i].options, file, runs[i].options, file, runs[i].names);
        assert_code(o, 0);
        snprintf(line, sizeof line, "%s", o.out);
        run(&o, "$CUSGD evaluate m %s --json", file);
        assert_code(o, 0);
        for (int k = 0; k < 4 && runs[i].keys[k]; k++) {
            snprintf(key, sizeof key, "valid_%s", runs[i].keys[k]);
            double of_history = member(line, key), of_model = member(o.out, runs[i].keys[k]);
            cr_expect(fabs(of_history - of_model) < 1e-6 * (1 + fabs(of_model)), "%s: %.17g, %.17g", key, of_history, of_model);
        }
    }
    run(&o, "$CUSGD train data.csv --valid data.csv --history h.jsonl --history-metrics rmse,speed --model m");
    assert_code(o, 1);
    assert_has(o.err, "there is no measure \"speed\"; there are standard, mse, rmse");
    run(&o, "$CUSGD train data.csv --valid-fraction 0.2 --history h.jsonl --history-metrics rmse --model m");
    assert_code(o, 1);
    assert_has(o.err, "give both");
}

/* Sparse values are kept in the run's precision: a value that a float does not hold is refused with the way out. */
Test(command_train, sparse_values_beyond_float)
{
    run(&o, "printf '1 1:1e39\\n2 1:2e39\\n3 1:4e39\\n' >large.svm; $CUSGD train large.svm --solver cg --model m.safetensors");
    assert_code(o, 2);
    assert_has(o.err, "line 1: '1:1e39' is beyond what precision float holds; use --precision double");
    run(&o, "$CUSGD train large.svm --solver cg --precision double --sparse-scale rms --model m.safetensors");
    assert_code(o, 0);
}

/* Blanks around the numbers and names of a list do not count: the models are the same as without. */
Test(command_train, blanks_in_lists)
{
    static const char *const lines[][2] = {
        {"train data.csv --loss quantile --quantile .05,.5", "train data.csv --loss quantile --quantile ' .05, .5 '"},
        {"train data.csv --l2 .5 --epochs 5", "train data.csv --l2 ' .5' --epochs '5 '"},
        {"train data.csv --features a,c --epochs 5", "train data.csv --features ' a, \"c\" ' --epochs 5"},
        {"train data.csv --loss-expr 'c*(p - y)^2 + d*p^2' --constant c=1,d=2 --epochs 5",
         "train data.csv --loss-expr 'c*(p - y)^2 + d*p^2' --constant ' c = 1, d= 2 ' --epochs 5"},
        {"train text.csv --loss logistic --class-weight no=1,yes=5 --epochs 5",
         "train text.csv --loss logistic --class-weight ' no = 1, yes=5 ' --epochs 5"},
        {"sweep data.csv --grid l2=.1,1 --grid l1=.1..10:log:3 --epochs 5",
         "sweep data.csv --grid ' l2 = .1 , 1' --grid 'l1= .1 .. 10 : log : 3 ' --epochs 5"},
        {"sweep text.csv --loss logistic --grid class-weight=none,balanced,2 --epochs 5",
         "sweep text.csv --loss logistic --grid 'class-weight= none , balanced ,\t2 ' --epochs 5"},
        {"sweep text.csv --loss logistic --grid class-weight=balanced --epochs 5",
         "sweep text.csv --loss logistic --grid ' class-weight = balanced ' --epochs 5"},
        {"sweep data.csv --grid l2=1..2:linear:3 --epochs 5", "sweep data.csv --grid 'l2= 1. ..2 :linear: 3' --epochs 5"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        run(&o, "$CUSGD %s --model plain -q && $CUSGD %s --model blanks -q && cmp plain blanks", lines[i][0], lines[i][1]);
        cr_assert_eq(o.code, 0, "%s: %s%s", lines[i][1], o.out, o.err);
    }
    run(&o, "$CUSGD grad 'x + 2*y' --at 'x = 1, y=2' >a && $CUSGD grad 'x + 2*y' --at x=1,y=2 >b && cmp a b");
    assert_code(o, 0);
    static const char *const refused[] = {"train data.csv --loss quantile --quantile '.05 .5'",
                                          "train data.csv --l2 '1 2'",
                                          "train data.csv --l2 ' '",
                                          "sweep data.csv --grid 'l2=1x..2:log:3'",
                                          "sweep data.csv --grid 'l2=1 2'",
                                          "sweep text.csv --loss logistic --grid 'class-weight=none balanced'",
                                          "sweep text.csv --loss logistic --grid 'class-weight=none, '",
                                          "sweep data.csv --grid 'l2=1 . . 2:log:3'",
                                          "train text.csv --loss logistic --class-weight 'no=1,yes= '"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        run(&o, "$CUSGD %s --model m", refused[i]);
        cr_assert_eq(o.code, 1, "%s: %s%s", refused[i], o.out, o.err);
    }
}
