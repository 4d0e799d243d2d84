/* `cusgd train` from outside: every option and its bad values, what it reads, writes and prints. */
#include "command.h"
#include "cusgd_tools.h"

#include <cjson/cJSON.h>
#include <math.h>

TestSuite(command_train, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* A penalty that leaves nothing, and targets that are all the same, say so, whichever solver ran. */
Test(command_train, says_that_nothing_is_learned)
{
    static const char *const solvers[] = {"sgd", "lbfgs"};
    for (int i = 0; i < 2; i++) {
        run(&o, "$CUSGD train data.csv --l1 1e6 --solver %s --model m", solvers[i]);
        assert_code(o, 0);
        assert_has(o.err,
                   "note: all coefficients are 0, so that the model predicts a constant: give a smaller --l1 than 1000000\n");
        assert_lacks(o.err, "no more than rounding");
        run(&o,
            "awk -v OFS=, 'BEGIN { print \"a,y\"; for (i = 0; i < 50; i++) print i %% 7, 0.1 }' >k.csv && $CUSGD train k.csv "
            "--solver %s --model m",
            solvers[i]);
        assert_code(o, 0);
        assert_has(o.err, "note: the target has the same value in every row, which the intercept alone predicts");
    }
    run(&o, "$CUSGD train data.csv --l1 1e-6 --model m");
    assert_lacks(o.err, "coefficients are 0");
    assert_lacks(o.err, "the same value");
}

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
    {"math", "tf32", "math = tf32", {"fast"}},
    {"engine", "fused", "engine = fused", {"fast"}},
    {"threads", "1", NULL, {"0", "-1", "5000", "x"}},
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

/* y of data.csv made positive, and made into classes. */
static const char make_targets[] =
    "awk -F, -v OFS=, 'NR == 1 { print; next } { $NF = $NF * $NF + 0.5; print }' data.csv >positive.csv; "
    "awk -F, -v OFS=, 'NR == 1 { print; next } { $NF = $NF > 0 ? 1 : -1; print }' data.csv >signs.csv; "
    "sed '$s/-\\{0,1\\}1$/0/' signs.csv >mixed.csv; ";

Test(command_train, every_loss_trains_predicts_and_is_read_again)
{
    static const char *const words[][3] = {{"huber", "data", "R2"},
                                           {"epsilon-insensitive", "data", "R2"},
                                           {"quantile", "data", "D2"},
                                           {"squared-epsilon-insensitive", "data", "R2"},
                                           {"log-cosh", "data", "R2"},
                                           {"poisson", "positive", "D2"},
                                           {"gamma", "positive", "D2"},
                                           {"tweedie", "positive", "D2"},
                                           {"logistic", "signs", "accuracy"},
                                           {"hinge", "signs", "accuracy"},
                                           {"squared-hinge", "signs", "accuracy"},
                                           {"modified-huber", "signs", "accuracy"},
                                           {"perceptron", "signs", "accuracy"}};
    run(&o, "%s", make_targets);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        run(&o, "$CUSGD train %s.csv --loss %s --epochs 30 --model m", words[i][1], words[i][0]);
        assert_code(o, 0);
        assert_has(o.err, words[i][2]);
        run(&o, "$CUSGD evaluate m %s.csv && $CUSGD predict m %s.csv -o - --as mean | tail -n 1", words[i][1], words[i][1]);
        assert_code(o, 0);
        if (!strcmp(words[i][1], "positive")) { /* a mean is positive, and the link's exponential */
            run(&o, "$CUSGD predict m positive.csv -o - | tail -n 1 >mean && $CUSGD predict m positive.csv -o - --as link | "
                    "tail -n 1 | awk '{ e = exp($1); getline mean <\"mean\"; exit !(mean > 0 && e / mean - 1 < 1e-9 && "
                    "mean / e - 1 < 1e-9) }'");
            assert_code(o, 0);
        }
    }
    run(&o, "$CUSGD train data.csv --loss quantile --quantile 0.875 --epochs 300 -q --model m && $CUSGD predict m data.csv -o "
            "p.csv && "
            "paste -d, data.csv p.csv | awk -F, 'NR > 1 { n++; if ($(NF - 1) < $NF) below++ } END { exit !(below / n > 0.78 && "
            "below / n < 0.96) }' && $CUSGD info m | grep 'quantile = 0.875'");
    assert_code(o, 0);
}

/* -1 is trained as 0, so that the numbers are the same, and predictions are -1 and 1 again; -1 and 0 are not mixed. */
Test(command_train, targets_of_minus_one)
{
    run(&o,
        "%s sed 's/,-1$/,0/' signs.csv >zeros.csv; for l in logistic hinge squared-hinge; do $CUSGD train signs.csv --loss $l "
        "--epochs 5 --model a && $CUSGD train zeros.csv --loss $l --epochs 5 -q --model b && for as in mean link; do $CUSGD "
        "predict a signs.csv --as $as -o p.csv && $CUSGD predict b signs.csv --as $as -o q.csv && cmp p.csv q.csv || exit 9; "
        "done; $CUSGD "
        "predict a signs.csv --as class -o p.csv && sed 1d p.csv | sort -u | tr '\\n' ' '; $CUSGD evaluate a signs.csv; done",
        make_targets);
    assert_code(o, 0);
    assert_lacks(o.err, "targets -1 and 1");
    assert_has(o.out, "-1 1 ");
    assert_has(o.out, "CLASS \\ PREDICTED               -1             1");
    run(&o, "$CUSGD train mixed.csv --loss hinge --model m && $CUSGD info m"); /* -1, 0 and 1 are three classes */
    assert_code(o, 0);
    assert_has(o.out, "classes   3: -1, 0, 1");
    run(&o, "$CUSGD train data.csv --loss gamma --model m");
    assert_code(o, 2);
    assert_has(o.err, "does not fit gamma loss, which takes numbers greater than 0");
    run(&o, "$CUSGD train data.csv --loss poisson --model m");
    assert_code(o, 2);
    assert_has(o.err, "row ");
    run(&o,
        "$CUSGD train signs.csv --loss hinge --epochs 3 -q --model m && $CUSGD predict m signs.csv -o - --as class | sort -u | "
        "tail -n 2 && $CUSGD predict m signs.csv -o - --as probability");
    assert_code(o, 1);
    assert_has(o.err, "has no probabilities");
}

/* Columns in other units have other penalties, and no others without. */
Test(command_train, standardization_from_a_file)
{
    run(&o, "printf '0 1\\n0 1\\n0 1\\n' >u; printf '3,0.01\\n-2\\t1e6\\n0 1\\n' >v; for s in u v; do $CUSGD train data.csv "
            "--solver exact "
            "--precision double --column-scales $s -q --model m$s && $CUSGD info m$s | tail -n 3 | awk '{ printf \"%%.4f \", $2 "
            "}'; done");
    assert_code(o, 0);
    char *half = o.out + strlen(o.out) / 2;
    cr_assert(strlen(o.out) % 2 == 0 && strncmp(o.out, half, strlen(half)) == 0, "%s", o.out);
    run(&o,
        "for s in u v; do $CUSGD train data.csv --solver exact --precision double --l2 1 --column-scales $s -q --model m$s; "
        "done; $CUSGD train data.csv --solver exact --precision double --l2 1 --no-standardize -q --model mn && cmp -s mu mv; "
        "echo $?; "
        "for m in mu mn; do $CUSGD info $m | tail -n 3 | awk '{ printf \"%%.6f \", $2 }' >$m.txt; done; cmp mu.txt mn.txt");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "1\n");
    static const char *const bad[][2] = {{"printf '1 2\\n2 2\\n' >f", "has 2 lines, and there are 3 columns"},
                                         {"printf '1 2\\n2\\n1 1\\n' >f", "line 2 is no mean and scale"},
                                         {"printf '1 2\\nnan 1\\n1 1\\n' >f", "line 2 is no mean and scale"},
                                         {"rm f", "cannot be opened"}};
    for (int i = 0; i < 4; i++) {
        run(&o, "%s; $CUSGD train data.csv --column-scales f --model m2", bad[i][0]);
        assert_code(o, 2);
        assert_has(o.err, bad[i][1]);
        cr_assert(!file_exists("m2"));
    }
    run(&o, "printf '1 1\\n1 0\\n1 1\\n' >f; $CUSGD train data.csv --column-scales f --model m2");
    assert_code(o, 1);
    assert_has(o.err, "column-scales must be finite numbers above 0, not 0");
    run(&o, "$CUSGD train data.csv --column-scales u --no-standardize --model m2");
    assert_code(o, 1);
    assert_has(o.err, "standardize is off");
}

/* Factors of 0 leave a column out of the penalty; bounds hold in the data's units. */
Test(command_train, penalty_factors_and_bounds)
{
    run(&o, "printf '0\\n1\\n1\\n' >f; $CUSGD train data.csv --l1 10 --penalty-factors f -q --model m && $CUSGD info m | tail -n "
            "3 | awk "
            "'$2 != 0 { n++ } END { exit n != 1 }'");
    assert_code(o, 0);
    run(&o, "$CUSGD train data.csv --lower 0 --upper 0.125 -q --model m && $CUSGD info m | tail -n 3 | awk '$2 < 0 || $2 > 0.125 "
            "{ exit 1 "
            "}'");
    assert_code(o, 0);
    run(&o, "printf '0 1\\n1,1\\n1\\n' >g; $CUSGD train data.csv --l1 10 --penalty-factors g -q --model m && $CUSGD info m | "
            "tail -n 3 | awk "
            "'$2 != 0 { n++ } END { exit n != 1 }'");
    assert_code(o, 0);
    static const char *const bad[][2] = {{"printf '1\\n2\\n' >f", "has 2 lines, and there are 3 columns"},
                                         {"printf '1\\n-2\\n1\\n' >f", "line 2 is no number of 0 or more"},
                                         {"printf '1\\nx\\n1\\n' >f", "line 2 is no number"},
                                         {"printf '1\\n1 2 3\\n1\\n' >f", "line 2 is no number"},
                                         {"rm f", "cannot be opened"}};
    for (int i = 0; i < 5; i++) {
        run(&o, "%s; $CUSGD train data.csv --penalty-factors f --model m2", bad[i][0]);
        assert_code(o, 2);
        assert_has(o.err, bad[i][1]);
        cr_assert(!file_exists("m2"));
    }
    run(&o, "$CUSGD train data.csv --lower 1 --upper 0 --model m2");
    assert_code(o, 1);
    assert_has(o.err, "lower is above upper");
    run(&o, "$CUSGD train data.csv --schedule optimal --model m2");
    assert_code(o, 1);
    assert_has(o.err, "needs l2");
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

Test(command_train, takes_other_words)
{
    run(&o, "$CUSGD train data.csv --model m.safetensors --lr 0.125 --batch-size 7 --no-average --standardize --intercept -q && "
            "$CUSGD "
            "info m.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "rate = 0.125");
    assert_has(o.out, "batch = 7");
    assert_has(o.out, "average = false");
    run(&o, "$CUSGD train data.csv --model m.safetensors --no-average --average-from 3");
    assert_code(o, 1);
    assert_has(o.err, "average-from");
}

Test(command_train, rate_auto_is_the_default)
{
    run(&o, "$CUSGD train data.csv --model a -q && $CUSGD train data.csv --model b -q --rate auto --batch auto --tolerance auto "
            "--patience "
            "auto --average-from auto --threads auto && cmp a b");
    assert_code(o, 0);
}

/* Options that change nothing beside the others are named. */
Test(command_train, notes_on_options_without_effect)
{
    run(&o, "$CUSGD train data.csv --model m --optimizer sgd --momentum 0.5 --beta1 0.5 --t0 3 --epochs 1");
    assert_code(o, 0);
    assert_has(o.err, "note: --momentum changes nothing with --optimizer sgd");
    assert_has(o.err, "note: --beta1 changes nothing");
    assert_has(o.err, "note: --t0 changes nothing with --schedule constant");
    run(&o, "$CUSGD train data.csv --model m --optimizer adam --beta1 0.5 --schedule time-decay --t0 3 --rate 1 --epochs 1");
    assert_lacks(o.err, "beta1 changes");
    assert_has(o.err, "note: --rate changes nothing");
    run(&o, "$CUSGD train data.csv --model m --math tf32 --device cpu --epochs 1");
    assert_code(o, 0);
    assert_has(o.err, "note: --math tf32 changes nothing on the CPU");
    run(&o, "$CUSGD train data.csv --model m --engine fused --device cpu --epochs 1");
    assert_has(o.err, "note: --engine changes nothing on the CPU");
    run(&o, "$CUSGD train data.csv --model m --math exact --engine auto --epochs 1");
    assert_lacks(o.err, "note: --");
}

/* ---- What is read -------------------------------------------------------------------------------------------------------- */

Test(command_train, target_features_ignore_weights_header)
{
    run(&o, "$CUSGD train data.csv --model m -q --target a && $CUSGD info m");
    assert_has(o.out, "features  3: b, c, y\noutputs   1: a\n");
    run(&o, "$CUSGD train data.csv --model m -q --target -1 --target 1 && $CUSGD info m");
    assert_has(o.out, "features  2: b, c\noutputs   2: y, a\n");
    run(&o, "$CUSGD train data.csv --model m -q --features c,a && $CUSGD info m");
    assert_has(o.out, "features  2: c, a\noutputs   1: y\n");
    run(&o, "$CUSGD train data.csv --model m -q --ignore a --ignore b && $CUSGD info m");
    assert_has(o.out, "features  1: c\noutputs   1: y\n");
    run(&o, "sed 's/-//g' data.csv >w.csv; $CUSGD train w.csv --model m -q --weights c && $CUSGD info m");
    assert_has(o.out, "features  2: a, b\noutputs   1: y\n");
    run(&o, "tail -n +2 data.csv >bare.csv; $CUSGD train bare.csv --model m -q --header no && $CUSGD info m");
    assert_has(o.out, "features  3: columns 1, 2, 3\noutputs   1: column 4\n");
    run(&o, "$CUSGD train bare.csv --model m --header yes");
    assert_has(o.err, "59 rows");
    static const char *const wrong[] = {
        "--target z", "--target 5",  "--target 0",     "--features a,z", "--features ''", "--features a --target a",
        "--ignore z", "--weights z", "--ignore a,b,c", "--header no"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run(&o, "rm -f m; $CUSGD train data.csv --model m %s", wrong[i]);
        assert_code(o, 2);
        assert_has(o.err, "data.csv");
        cr_assert(!file_exists("m"));
    }
    run(&o, "$CUSGD generate made --rows 20 --cols 2; $CUSGD train made --model m --target 2");
    assert_code(o, 1);
}

Test(command_train, data_that_is_wrong)
{
    file_text("text.csv", "a,b\n1,2\nx,3\n");
    file_text("nan.csv", "a,b\n1,2\nnan,3\n");
    file_text("ragged.csv", "a,b\n1,2\n1,2,3\n");
    static const char *const wrong[] = {"missing.csv", "text.csv", "nan.csv", "ragged.csv", "/dev/null"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run(&o, "$CUSGD train %s --model m", wrong[i]);
        assert_code(o, 2);
        assert_has(o.err, wrong[i]);
    }
    assert_lacks(o.err, "epoch");
    cr_assert(!file_exists("m"));
    run(&o, "$CUSGD train data.csv --loss logistic --model m");
    assert_code(o, 2);
}

Test(command_train, reads_standard_input)
{
    run(&o, "$CUSGD train - --model a -q <data.csv && cat data.csv | $CUSGD train - --model b && $CUSGD train data.csv -q "
            "--model c && cmp a b && cmp a c");
    assert_code(o, 0);
    assert_has(o.err, "standard input: 60 rows");
}

Test(command_train, validation_data)
{
    run(&o, "sed '1s/.*/c,b,a,y/' data.csv | awk -F, '{print $3\",\"$2\",\"$1\",\"$4}' | head -30 >valid.csv; head -1 valid.csv; "
            "$CUSGD train data.csv "
            "--valid valid.csv --model m --history h");
    assert_code(o, 0);
    assert_has(o.out, "a,b,c,y");
    assert_has(o.err, "  valid_loss ");
    assert_has(o.err, "\nvalidation: loss ");
    assert_has(o.err, "best on validation");
    run(&o, "cut -d, -f1,2,4 data.csv >less.csv; $CUSGD train data.csv --valid less.csv --model n");
    assert_code(o, 2);
    assert_has(o.err, "less.csv");
    run(&o, "$CUSGD train data.csv --valid missing.csv --model n");
    assert_code(o, 2);
    run(&o, "$CUSGD train data.csv --valid valid.csv --valid-fraction 0.2 --model n");
    assert_code(o, 1);
    cr_assert(!file_exists("n"));
}

/* Validation columns are found by the names of the training data, and its classes keep their numbers. */
Test(command_train, validation_data_is_read_as_the_training_data)
{
    run(&o, "awk -F, '{print $4\",\"$3\",\"$2\",\"$1}' text.csv >mixed.csv; tac text.csv | sed '$d' | sed '1i a,b,c,y' "
            ">turned.csv; for v in text mixed turned; do "
            "$CUSGD train text.csv --loss logistic --valid $v.csv --model $v 2>$v.err || exit 9; done; cmp text mixed && grep "
            "validation: *.err");
    assert_code(o, 0);
    double loss[3];
    cr_assert(sscanf(o.out,
                     "mixed.err:validation: loss %lf, accuracy %*f\ntext.err:validation: loss %lf, accuracy "
                     "%*f\nturned.err:validation: loss %lf",
                     &loss[0], &loss[1], &loss[2]) == 3,
              "%s", o.out);
    cr_assert(loss[0] == loss[1] && fabs(loss[2] / loss[0] - 1) < 1e-4);
    run(&o, "sed '/no$/d' text.csv >one.csv; $CUSGD train text.csv --loss logistic --valid one.csv --model one -q && sed "
            "'s/no$/No/' text.csv "
            ">other.csv; $CUSGD train text.csv --loss logistic --valid other.csv --model other -q");
    assert_code(o, 2);
    cr_assert(file_exists("one") && !file_exists("other"), "%s", o.err); /* one of the classes will do, a third will not */
    assert_has(o.err, "'No'");
}

Test(command_train, held_out_rows)
{
    run(&o, "$CUSGD train data.csv --valid-fraction 0.25 --model m");
    assert_code(o, 0);
    assert_has(o.err, "validation: loss ");
    run(&o, "$CUSGD train data.csv --valid-fraction 0.001 --model n");
    assert_code(o, 1);
    assert_has(o.err, "valid-fraction");
}

Test(command_train, starts_from_a_model)
{
    run(&o, "$CUSGD train data.csv --model a --precision double -q && $CUSGD train data.csv --init a --model b --optimizer sgd "
            "--rate 1e-12 --epochs 1 "
            "--precision double -q && for m in a b; do $CUSGD predict $m data.csv -o $m.csv; done; paste -d' ' a.csv b.csv | "
            "tail -n +2");
    assert_code(o, 0);
    double a, b;
    cr_assert(sscanf(o.out, "%lf %lf", &a, &b) == 2 && fabs(a - b) < 1e-9, "%s", o.out);
    run(&o, "$CUSGD train data.csv --model a --init a -q"); /* in its own place */
    assert_code(o, 0);
    run(&o, "$CUSGD train data.csv --ignore c --model d --init a -q");
    assert_code(o, 2);
    run(&o, "cut -d, -f1,2,4 data.csv >less.csv; $CUSGD train less.csv --header yes --features 1,2 --init a --model d");
    assert_code(o, 2);
    assert_has(o.err, "a has 3 features and 1 output, less.csv has 2 and 1");
    run(&o, "$CUSGD train data.csv --target a --features y,b --model t -q && $CUSGD train data.csv --init t --model u -q && "
            "$CUSGD info u");
    assert_has(o.out, "features  2: y, b\noutputs   1: a\n"); /* the model's, where nothing else is said */
    run(&o, "$CUSGD train data.csv --init missing --model d");
    assert_code(o, 2);
}

/* ---- What is written ----------------------------------------------------------------------------------------------------- */

Test(command_train, equal_runs_give_equal_files)
{
    run(&o, "$CUSGD train data.csv --model a --threads 1 && $CUSGD train data.csv --model b --threads 2 --quiet && cmp a b && "
            "$CUSGD train data.csv --model c "
            "--seed 1 -q && ! cmp -s a c");
    assert_code(o, 0);
}

Test(command_train, refuses_a_model_that_cannot_be_written_before_it_trains)
{
    static const struct {
        const char *arguments;
        int code;
    } wrong[] = {{"", 1},
                 {"--model ''", 2},
                 {"--model -", 1},
                 {"--model missing/m", 2},
                 {"--model folder", 2},
                 {"--model folder/", 2},
                 {"--model /proc/m", 2},
                 {"--model /dev/null", 2},
                 {"--model data.csv", 1},
                 {"--model link.csv", 1},
                 {"--valid text.csv --model text.csv", 1},
                 {"--model m --history data.csv", 1},
                 {"--model m --history ./m", 1},
                 {"--model m --history m", 1},
                 {"--model m --history missing/h", 2},
                 {"--model m --history folder", 2}};
    run(&o, "mkdir folder; ln -s data.csv link.csv; cp data.csv data.bak; cp text.csv text.bak; : >m");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run(&o, "$CUSGD train data.csv %s", wrong[i].arguments);
        cr_assert_eq(o.code, wrong[i].code, "%s: exit code %d\n%s", wrong[i].arguments, o.code, o.err);
        cr_assert_str_neq(o.err, "");
        assert_lacks(o.err, "epoch 1/");
    }
    run(&o,
        "cmp data.csv data.bak && cmp text.csv text.bak && test -L link.csv && test ! -s m && test -c /dev/null && ls -A folder");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "", "left in the folder: %s", o.out);
    run(&o, "$CUSGD generate made --rows 9 --cols 2; $CUSGD train made --model made/x.npy; echo $?; $CUSGD train made --model m "
            "--history made/y.npy; echo $?; $CUSGD "
            "info made");
    cr_assert(strncmp(o.out, "1\n1\nrows      9\n", 16) == 0, "%s%s", o.out, o.err);
}

Test(command_train, quiet_prints_nothing)
{
    run(&o, "$CUSGD train data.csv --model m --quiet && $CUSGD train text.csv --loss logistic --model m -q --epochs 2");
    assert_code(o, 0);
    cr_assert(o.out[0] == '\0' && o.err[0] == '\0', "%s%s", o.out, o.err);
    run(&o, "$CUSGD train missing.csv --model m --quiet");
    assert_code(o, 2);
    assert_has(o.err, "missing.csv");
}

/* Off a terminal: what is trained, one plain line an epoch, how it ended; all of it on standard error. */
Test(command_train, says_what_it_does)
{
    run(&o, "$CUSGD train data.csv --model m.safetensors --epochs 3 --optimizer momentum --batch 10");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "");
    assert_has(o.err, "data.csv: 60 rows, 3 columns, 1 output; CPU");
    assert_has(o.err, "chosen: rate ");
    assert_has(o.err, "momentum 0.9");
    assert_lacks(o.err, "batch 10");
    for (int e = 1; e <= 3; e++) {
        char start[32];
        snprintf(start, sizeof start, "\nepoch %d/3  loss ", e);
        assert_has(o.err, start);
    }
    assert_lacks(o.err, "\r");
    assert_lacks(o.err, "\033");
    assert_has(o.err, "\n3 epochs, 18 steps in ");
    assert_has(o.err, "all epochs ran; parameters of epoch 3\n");
    assert_has(o.err, "\ntraining: loss ");
    assert_has(o.err, ", R2 ");
    assert_has(o.err, "\nmodel: m.safetensors\n");
    assert_lacks(o.err, "not converged"); /* no tolerance was asked for */
    run(&o, "$CUSGD train data.csv --model m.safetensors --epochs 234 --tolerance 0 --optimizer momentum");
    assert_has(o.err, "\nepoch 9/234  loss ");
    assert_has(o.err, "\nepoch 90/234  loss ");
    assert_has(o.err, "\nepoch 200/234  loss ");
    assert_has(o.err, "\nepoch 234/234  loss "); /* the last, and between them each of a round number */
    assert_lacks(o.err, "epoch 11/");
    assert_lacks(o.err, "epoch 110/");
    run(&o, "$CUSGD train data.csv --model m.safetensors --solver newton");
    assert_has(o.err, "\niteration 1/");
    assert_lacks(o.err, "epoch ");
    assert_lacks(o.err, "rows/s\n");
    run(&o, "$CUSGD train text.csv --model m.safetensors --loss logistic --epochs 2 --tolerance 1e-12");
    assert_has(o.err, ", accuracy ");
    assert_has(o.err, "note: not converged");
    assert_has(o.err, "more --epochs than 2");
    run(&o, "$CUSGD train data.csv --model m.safetensors --tolerance 0.5 --patience 2");
    assert_has(o.err, "no relative improvement above 0.5 in 2 evaluations");
    run(&o, "$CUSGD train data.csv --model m.safetensors --gradient-tolerance 0.5");
    assert_has(o.err, "within 0.5");
    run(&o, "$CUSGD train text.csv --model m.safetensors --epochs 1");
    assert_has(o.err, "note: the target has two classes; --loss logistic");
    run(&o, "sed 's/yes$/1/; s/no$/0/' text.csv >ones.csv && $CUSGD train ones.csv --model m.safetensors --epochs 1");
    assert_has(o.err, "note: the target has two classes; --loss logistic");
    run(&o, "$CUSGD train ones.csv --model m.safetensors --epochs 1 --loss poisson");
    assert_lacks(o.err, "two classes"); /* counts may be no more than that */
    run(&o, "$CUSGD train ones.csv --model m.safetensors --epochs 1 --loss logistic");
    assert_lacks(o.err, "two classes");
    run(&o, "$CUSGD train data.csv --model m.safetensors --epochs 1 2>&1 >/dev/null | head -1"); /* nobody reads on */
    run(&o, "$CUSGD info m.safetensors");
    assert_code(o, 0);
}

Test(command_train, progress_that_nobody_reads_does_not_cost_the_model)
{
    run(&o, "{ $CUSGD train data.csv --model m --epochs 20000; echo $? >code; } 2>&1 | head -1; cat code; $CUSGD info m");
    assert_code(o, 0);
    assert_has(o.out, "\n0\n");
    assert_has(o.out, "epochs = 20000");
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

/* A full disk: it is said at once, the run goes on, the model is written, the exit code says so. */
Test(command_train, history_on_a_full_disk)
{
    run(&o, "$CUSGD train data.csv --model m --epochs 4 --history /dev/full");
    assert_code(o, 2);
    assert_has(o.err, "--history /dev/full: No space left on device");
    assert_has(o.err, "epoch 4/4");
    run(&o, "$CUSGD info m");
    assert_code(o, 0);
}

/* A disk that is full when the model comes to be written: the older one stands, and nothing is left beside it. */
Test(command_train, model_on_a_full_disk)
{
    run(&o, "$CUSGD generate made --rows 50 --cols 2000 && $CUSGD train made --model m -q --epochs 1 && cp m before");
    run(&o, "(trap '' XFSZ; ulimit -f 4; exec $CUSGD train made --seed 1 --model m -q --epochs 1)");
    assert_code(o, 2);
    assert_has(o.err, "cusgd: m: ");
    run(&o, "cmp m before && ls -A");
    assert_code(o, 0);
    assert_lacks(o.out, ".tmp");
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
