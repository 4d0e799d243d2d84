/* The table of options: what is set is what is kept, what makes no sense is refused in a sentence. */
#include "cusgd_tools.h"
#include "options.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static cusgd_options fresh(void)
{
    cusgd_options o;
    options_init(&o);
    return o;
}

static void assert_set(cusgd_options *o, const char *name, const char *value, const char *expected)
{
    char text[CUSGD_OPTION_TEXT];
    cr_assert_eq(cusgd_options_set(o, name, value), CUSGD_OK, "%s %s: %s", name, value ? value : "", cusgd_last_error());
    cr_assert_eq(cusgd_options_get(o, name, text), CUSGD_OK);
    cr_assert_str_eq(text, expected, "%s %s is %s", name, value ? value : "", text);
    cr_assert_null(options_check(o), "%s", options_check(o));
}

static void assert_equal(const cusgd_options *a, const cusgd_options *b)
{
    char left[CUSGD_OPTION_TEXT], right[CUSGD_OPTION_TEXT];
    for (size_t i = 0; cusgd_option_at(i); i++) {
        cr_assert_eq(cusgd_options_get(a, cusgd_option_at(i)->name, left), CUSGD_OK);
        cr_assert_eq(cusgd_options_get(b, cusgd_option_at(i)->name, right), CUSGD_OK);
        cr_assert_str_eq(left, right, "%s is %s and %s", cusgd_option_at(i)->name, left, right);
    }
}

static void assert_refused(const char *name, const char *value)
{
    cusgd_options o = fresh(), before = o;
    cr_assert_eq(cusgd_options_set(&o, name, value), CUSGD_ERROR_USAGE, "%s \"%s\" is taken", name, value ? value : "NULL");
    const char *positive = strncmp(name, "no-", 3) == 0 ? name + 3 : name; /* a flag is called by its name */
    cr_assert(strstr(cusgd_last_error(), positive), "%s", cusgd_last_error());
    assert_equal(&o, &before);
}

Test(options, defaults_make_sense)
{
    cusgd_options o = fresh();
    cr_assert_null(options_check(&o));
    cr_assert_eq(o.loss, CUSGD_LOSS_SQUARED);
    cr_assert_eq(o.optimizer, CUSGD_OPTIMIZER_AUTO);
    cr_assert_eq((int)o.sampling, -1);
    cr_assert(o.standardize && o.intercept && o.average == -1 && o.average_from == -1 && o.patience == -1);
    cr_assert(o.batch == 0 && o.epochs == 0 && o.evaluate_every == 0 && o.threads == 0 && o.seed == 0);
    cr_assert(o.l1 == 0 && o.l2 == 0 && o.valid_fraction == 0 && isnan(o.rate) && isnan(o.tolerance) && isnan(o.momentum));
    cr_assert_str_eq(o.device, "auto");
}

Test(options, entries_are_complete_and_unique)
{
    size_t count = 0;
    for (const cusgd_option_info *info; (info = cusgd_option_at(count)) != NULL; count++) {
        cr_assert(info->name && *info->name && info->help && *info->help && info->default_text && *info->default_text,
                  "entry %zu", count);
        for (size_t i = 0; i < count; i++) {
            const cusgd_option_info *other = cusgd_option_at(i);
            cr_assert_str_neq(info->name, other->name);
            cr_assert(!other->alias || strcmp(info->name, other->alias) != 0);
            cr_assert(!info->alias || strcmp(info->alias, other->name) != 0);
        }
    }
    cr_assert_eq(count, 61);
    cr_assert_null(cusgd_option_at(SIZE_MAX));
}

/* The words that the table shows are those that are taken, and the field holds the enumeration's value of the same place. */
Test(options, words)
{
    static const struct {
        const char *name;
        size_t offset;
        int count;
    } enums[] = {{"loss", offsetof(cusgd_options, loss), CUSGD_LOSS_SOFTMAX + 1},
                 {"classes", offsetof(cusgd_options, multiclass), CUSGD_MULTICLASS_ONE_VS_REST + 1},
                 {"update", offsetof(cusgd_options, update), CUSGD_UPDATE_LAZY + 1},
                 {"sparse-scale", offsetof(cusgd_options, sparse_scale), CUSGD_SPARSE_SCALE_FULL + 1},
                 {"optimizer", offsetof(cusgd_options, optimizer), CUSGD_OPTIMIZER_FTRL + 1},
                 {"schedule", offsetof(cusgd_options, schedule), CUSGD_SCHEDULE_PLATEAU + 1},
                 {"rate-changes", offsetof(cusgd_options, rate_changes), CUSGD_PACE_EPOCH + 1},
                 {"sampling", offsetof(cusgd_options, sampling), CUSGD_SAMPLING_PAGES + 1},
                 {"precision", offsetof(cusgd_options, precision), CUSGD_PRECISION_DOUBLE + 1},
                 {"storage", offsetof(cusgd_options, storage), CUSGD_STORAGE_BF16 + 1},
                 {"math", offsetof(cusgd_options, math), CUSGD_MATH_TF32 + 1},
                 {"engine", offsetof(cusgd_options, engine), CUSGD_ENGINE_PERSISTENT + 1},
                 {"penalty-units", offsetof(cusgd_options, penalty_units), CUSGD_PENALTY_DATA + 1}};
    for (size_t e = 0; e < sizeof enums / sizeof enums[0]; e++) {
        const cusgd_option_info *info;
        for (size_t i = 0; (info = cusgd_option_at(i)) && strcmp(info->name, enums[e].name) != 0;) i++;
        cr_assert(info);
        char words[256], *rest = words;
        strcpy(words, info->metavar);
        int value = 0, found;
        for (const char *word; (word = strsep(&rest, "|")) != NULL; value++) {
            cusgd_options o = fresh();
            o.l2 = 1; /* the schedule optimal needs it */
            assert_set(&o, info->name, word, word);
            memcpy(&found, (const char *)&o + enums[e].offset, sizeof found);
            cr_assert_eq(found, value, "%s is %d", word, found);
        }
        cr_assert_eq(value, enums[e].count, "%s", info->name);
        assert_refused(info->name, "");
        assert_refused(info->name, "Squared");
        assert_refused(info->name, "float ");
    }
}

Test(options, words_inside)
{
    cusgd_loss loss = CUSGD_LOSS_SQUARED;
    cr_assert(loss_from_word("logistic", &loss) && loss == CUSGD_LOSS_LOGISTIC);
    cr_assert(!loss_from_word("log", &loss) && loss == CUSGD_LOSS_LOGISTIC);
    cr_assert_str_eq(loss_word(CUSGD_LOSS_MSE), "mse");
}

Test(options, numbers)
{
    cusgd_options o = fresh();
    assert_set(&o, "rate", "1e-3", "0.001");
    cr_assert_eq(o.rate, 1e-3);
    assert_set(&o, "lr", "0.25", "0.25");
    cr_assert_eq(o.rate, 0.25);
    assert_set(&o, "rate", "auto", "auto");
    cr_assert(isnan(o.rate));
    assert_set(&o, "momentum", "0", "0");
    assert_set(&o, "l2", ".5", "0.5");
    assert_set(&o, "tolerance", "0", "0");
    assert_set(&o, "gradient-tolerance", "1e-300", "1e-300");
    assert_set(&o, "valid-fraction", "0.2", "0.20000000000000001");
    assert_set(&o, "t0", "5", "5");
    assert_set(&o, "t1", "1E3", "1000");
    assert_set(&o, "beta1", "0.5", "0.5");
    assert_set(&o, "beta2", "0.75", "0.75");
    assert_set(&o, "rho", "0.875", "0.875");
    assert_set(&o, "epsilon", "1e-8", "1e-08");
    assert_set(&o, "l1", "2", "2");
    assert_set(&o, "l2", " 0.5\t", "0.5"); /* as numbers of a list have them */
    cr_assert(o.t0 == 5 && o.t1 == 1000 && o.beta1 == 0.5 && o.beta2 == 0.75 && o.rho == 0.875 && o.l1 == 2 && o.l2 == 0.5);

    static const char *const no_numbers[] = {"",    " ",   "x",   "nan",   "NaN",   "inf", "-inf", "1e999",
                                             "1,5", "1 1", "- 1", "0x1p3", "1.2.3", "1e",  "-1",   "--1"};
    static const char *const names[] = {"rate",
                                        "t0",
                                        "t1",
                                        "momentum",
                                        "beta1",
                                        "beta2",
                                        "rho",
                                        "epsilon",
                                        "l1",
                                        "l2",
                                        "valid-fraction",
                                        "tolerance",
                                        "gradient-tolerance"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof no_numbers / sizeof no_numbers[0]; j++) assert_refused(names[i], no_numbers[j]);
        assert_refused(names[i], NULL);
    }
    static const char *const positive[] = {"rate", "t0", "t1", "epsilon"};
    for (size_t i = 0; i < sizeof positive / sizeof positive[0]; i++) assert_refused(positive[i], "0");
    static const char *const shares[] = {"momentum", "beta1", "beta2", "rho", "valid-fraction"};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) assert_refused(shares[i], "1");
    assert_refused("decay-power", "nan");
    assert_set(&o, "schedule", "inverse-scaling", "inverse-scaling");
    assert_set(&o, "decay-power", "-0.5", "-0.5"); /* the rate rises */
    cr_assert_eq(cusgd_options_check(&o), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(&o, "schedule", "polynomial"), CUSGD_OK);
    cr_assert_eq(cusgd_options_check(&o), CUSGD_ERROR_USAGE);
    assert_set(&o, "decay-power", "auto", "auto");
    assert_refused("l2", "auto"); /* there is nothing to choose */
}

Test(options, counts)
{
    cusgd_options o = fresh();
    assert_set(&o, "batch", "1", "1");
    assert_set(&o, "batch-size", "1e6", "1000000");
    cr_assert_eq(o.batch, 1000000);
    assert_set(&o, "batch", "auto", "auto");
    cr_assert_eq(o.batch, 0);
    assert_set(&o, "epochs", "1000000000000", "1000000000000");
    assert_set(&o, "evaluate-every", "end", "end");
    cr_assert_eq(o.evaluate_every, -1);
    assert_set(&o, "evaluate-every", "7", "7");
    assert_set(&o, "patience", "1", "1");
    assert_set(&o, "epochs", " 3", "3");
    assert_set(&o, "average-from", "0", "0");
    cr_assert_eq(o.average_from, 0);
    assert_set(&o, "threads", "4096", "4096");
    assert_set(&o, "seed", "18446744073709551615", "18446744073709551615");
    cr_assert_eq(o.seed, UINT64_MAX);

    static const char *const names[] = {"batch",        "epochs",  "evaluate-every", "patience",
                                        "average-from", "threads", "seed",           "shards"};
    static const char *const no_counts[] = {"",     "-1",  "1.5", "x", "1x", "nan", "0x10", "18446744073709551616",
                                            "1e30", "1 1", "1e-1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof no_counts / sizeof no_counts[0]; j++) assert_refused(names[i], no_counts[j]);
    }
    static const char *const from_one[] = {"batch", "epochs", "evaluate-every", "patience", "threads", "shards"};
    for (size_t i = 0; i < sizeof from_one / sizeof from_one[0]; i++) {
        assert_refused(from_one[i], "0");
        assert_refused(from_one[i], "1000000000001");
    }
    assert_refused("threads", "4097");
    assert_set(&o, "shards", "1024", "1024");
    assert_refused("shards", "1025");
    assert_refused("shards", "auto");
    assert_refused("seed", "auto");
    assert_refused("batch", "end");
}

Test(options, flags)
{
    cusgd_options o = fresh();
    assert_set(&o, "no-standardize", NULL, "true");
    cr_assert_eq(o.standardize, 0);
    assert_set(&o, "standardize", NULL, "true");
    cr_assert_eq(o.standardize, 1);
    assert_set(&o, "no-intercept", "true", "true");
    cr_assert_eq(o.intercept, 0);
    assert_set(&o, "no-intercept", "false", "false");
    cr_assert_eq(o.intercept, 1);
    assert_set(&o, "average", NULL, "true");
    cr_assert_eq(o.average, 1);
    assert_set(&o, "no-average", NULL, "true");
    cr_assert_eq(o.average, 0);
    assert_set(&o, "average", "auto", "auto");
    cr_assert_eq(o.average, -1);
    assert_refused("no-standardize", "auto");
    assert_refused("average", "1");
}

Test(options, devices)
{
    cusgd_options o = fresh();
    assert_set(&o, "device", "cpu", "cpu");
    assert_set(&o, "device", "cuda", "cuda");
    assert_set(&o, "device", "cuda:12", "cuda:12");
    assert_set(&o, "device", "auto", "auto");
    static const char *const wrong[] = {
        "", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1234", "cpu ", "CPU", "cuda:111111111111111"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_refused("device", wrong[i]);
    memset(o.device, 'x', sizeof o.device); /* no end */
    cr_assert(strstr(options_check(&o), "device"));
}

Test(options, unknown_names)
{
    assert_refused("bacth", "1");
    assert_refused("no-loss", "squared");
    char text[CUSGD_OPTION_TEXT];
    cusgd_options o = fresh();
    cr_assert_eq(cusgd_options_get(&o, "bacth", text), CUSGD_ERROR_USAGE);
}

#define assert_sentence(change, word)                                                                         \
    do {                                                                                                      \
        cusgd_options o = fresh();                                                                            \
        o.change;                                                                                             \
        const char *sentence = options_check(&o);                                                             \
        cr_assert(sentence &&strstr(sentence, word), "%s: %s", #change, sentence ? sentence : "no sentence"); \
    } while (0)

/* Fields that a program set by itself. */
Test(options, check)
{
    assert_sentence(loss = (cusgd_loss)99, "loss");
    assert_sentence(optimizer = (cusgd_optimizer)-1, "optimizer");
    assert_sentence(rate = 0, "rate");
    assert_sentence(rate = -1, "rate");
    assert_sentence(rate = (double)INFINITY, "rate");
    assert_sentence(momentum = 1, "momentum");
    assert_sentence(l1 = (double)NAN, "l1");
    assert_sentence(l2 = -1e-300, "l2");
    assert_sentence(valid_fraction = (double)NAN, "valid-fraction");
    assert_sentence(batch = -1, "batch");
    assert_sentence(epochs = INT64_MAX, "epochs");
    assert_sentence(evaluate_every = -2, "evaluate-every");
    assert_sentence(patience = 0, "patience");
    assert_sentence(average = 2, "average");
    assert_sentence(standardize = 2, "standardize");
    assert_sentence(robust = 2, "robust");
    assert_sentence(intercept = 2, "intercept");
    assert_sentence(threads = -1, "threads");
    assert_sentence(shards = 0, "shards");
    cusgd_options o = fresh();
    o.robust = 1;
    cr_assert_null(options_check(&o));
    o.standardize = 0;
    cr_assert(strstr(options_check(&o), "robust chooses how"));
    o = fresh();
    o.average = 0;
    o.average_from = 5;
    cr_assert(strstr(options_check(&o), "average-from"));
    o = fresh();
    o.epochs = 3;
    o.warm_up = 2.5;
    cr_assert_null(options_check(&o));
    o.warm_up = 3;
    cr_assert(strstr(options_check(&o), "warm-up"));
}

/* In range as double, out of range as float: the sentence says so, and double is the way out. */
Test(options, numbers_that_float_cannot_hold)
{
    assert_sentence(rate = 1e60, "float");
    assert_sentence(rate = 1e-60, "float");
    assert_sentence(l2 = 1e60, "float");
    assert_sentence(l1 = 1e-60, "float");
    assert_sentence(epsilon = 1e-60, "float");
    assert_sentence(beta2 = 1 - DBL_EPSILON, "float");
    cusgd_options o = fresh();
    o.rate = 1e-60;
    o.beta2 = 1 - DBL_EPSILON;
    o.precision = CUSGD_PRECISION_DOUBLE;
    cr_assert_null(options_check(&o));
    o = fresh();
    o.tolerance = 1e-60; /* the host's alone */
    cr_assert_null(options_check(&o));
}

Test(options, bf16_is_for_steps_in_float)
{
    cusgd_options o = fresh();
    o.storage = CUSGD_STORAGE_BF16;
    cr_assert_null(options_check(&o));
    o.precision = CUSGD_PRECISION_DOUBLE;
    cr_assert(strstr(options_check(&o), "precision float"));
    o.precision = CUSGD_PRECISION_FLOAT;
    o.solver = CUSGD_SOLVER_CG;
    cr_assert(strstr(options_check(&o), "storage bf16 needs solver sgd"));
}

/* What a model's metadata holds sets equal options again. */
Test(options, description_round_trip)
{
    cusgd_options o = fresh(), again = fresh();
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.optimizer = CUSGD_OPTIMIZER_ADAM;
    o.rate = 0.1;
    o.storage = CUSGD_STORAGE_BF16;
    o.math = CUSGD_MATH_TF32;
    o.engine = CUSGD_ENGINE_FUSED;
    o.sampling = CUSGD_SAMPLING_BLOCKS;
    o.batch = 77;
    o.average = 1;
    o.standardize = 0;
    o.evaluate_every = -1;
    o.seed = UINT64_MAX;
    o.threads = 3;
    strcpy(o.device, "cpu");
    const char *name;
    char value[64];
    size_t count = 0;
    for (; options_describe(&o, count, &name, value); count++) {
        cr_assert(strcmp(name, "threads") != 0 && strcmp(name, "device") != 0 && strncmp(name, "no-", 3) != 0, "%s", name);
        cr_assert_str_neq(value, "auto", "%s", name);
        cr_assert_eq(cusgd_options_set(&again, name, value), CUSGD_OK, "%s: %s", name, cusgd_last_error());
    }
    cr_assert_eq(count, 25); /* one shard is left out, and several are not */
    o.shards = 3;
    cr_assert(options_describe(&o, count, &name, value));
    o.shards = 1;
    again.threads = o.threads;
    strcpy(again.device, o.device);
    assert_equal(&o, &again);
}

/* What is read can be set. */
Test(options, numbers_round_trip)
{
    cusgd_options o = fresh();
    double number;
    cr_assert_eq(cusgd_options_set(&o, "evaluate-every", "end"), CUSGD_OK);
    cr_assert_eq(cusgd_options_get_number(&o, "evaluate-every", &number), CUSGD_OK);
    cr_assert_eq(number, -1);
    o = fresh();
    cr_assert_eq(cusgd_options_set_number(&o, "evaluate-every", number), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(o.evaluate_every, -1);
    cr_assert_eq(cusgd_options_set_number(&o, "evaluate-every", -2), CUSGD_ERROR_USAGE);
    cr_assert_eq(cusgd_options_set_number(&o, "batch", -1), CUSGD_ERROR_USAGE);
}

/* Validation rows are held out in blocks where the sampling is, whatever the solver. */
Test(options, sampling_is_read_where_rows_are_held_out)
{
    cusgd_options o = fresh();
    o.solver = CUSGD_SOLVER_LBFGS;
    cr_assert_str_eq(cusgd_options_unused(&o, "sampling"), "solver");
    o.valid_fraction = 0.2;
    cr_assert_null(cusgd_options_unused(&o, "sampling"));
}
