/* cusgd sweep: grids, the report, the chosen model, and what is refused. */
#include "command.h"
#include "cusgd.h"

#include <math.h>
#include <stdlib.h>

TestSuite(command_sweep, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* Field `column`, from 0, of line `line` of report.csv. */
static const char *field(const char *report, int line, int column)
{
    for (; line > 0; line--) report = strchr(report, '\n') + 1;
    for (; column > 0; column--) report = strchr(report, ',') + 1;
    return report;
}

Test(command_sweep, notes_of_each_quantile)
{
    run(&o,
        "$CUSGD sweep data.csv --loss quantile --grid quantile=.2,.5 --grid l2=.1,1 --epochs 3 --folds 2 --model m.safetensors");
    assert_code(o, 0);
    assert_has(o.err, "the best l2 of quantile 0.2, ");
    assert_has(o.err, "the best l2 of quantile 0.5, ");
    run(&o, "$CUSGD train data.csv --loss quantile --quantile .2,.5 --solver lbfgs --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "several quantiles are trained as a sweep");
}

Test(command_sweep, report_and_model)
{
    static char report[1 << 16];
    run(&o, "$CUSGD sweep data.csv --grid l2=.1..10:log:5 --grid rate=.01,1e9 --optimizer momentum --folds 3 --epochs 60 --model "
            "m.safetensors --report report.csv");
    assert_code(o, 0);
    assert_has(o.out, "10 configurations, 3 folds, 5 diverged");
    assert_has(o.out, "l2 0.1,");
    assert_has(o.err, "the best l2, 0.1, is the least of its grid");
    text_read("report.csv", report, sizeof report);
    cr_assert(strncmp(report, "rank,l1,l2,rate,momentum,fold_1,fold_2,fold_3,mean,standard_error,loss,epochs,nonzeros,stop\n",
                      90) == 0);
    cr_assert_eq(atoi(field(report, 1, 0)), 1);
    cr_assert_float_eq(strtod(field(report, 3, 2), NULL), sqrt(.1), 1e-15);
    double mean = 0;
    for (int f = 0; f < 3; f++) mean += strtod(field(report, 1, 5 + f), NULL) / 3;
    cr_assert_float_eq(strtod(field(report, 1, 8), NULL), mean, 1e-12);
    cr_assert(strncmp(field(report, 2, 5), ",,,,,,", 6) == 0, "%s", report);
    assert_has(field(report, 2, 13), "diverged");
    run(&o, "$CUSGD info m.safetensors && $CUSGD predict m.safetensors data.csv -o p.csv");
    assert_code(o, 0);
    assert_has(o.out, "l2 = 0.1");
}

/* Draws are by the seed; validation rows take the place of folds. */
Test(command_sweep, random_and_validation)
{
    static char first[1 << 16], second[1 << 16];
    run(&o,
        "for i in 1 2; do $CUSGD sweep data.csv --grid l2=1e-4..1:log:5 --grid l1=0,.1 --random 7 --valid data.csv --epochs 5 "
        "--model m.safetensors --report r$i.csv || exit 9; done");
    assert_code(o, 0);
    assert_has(o.out, "7 configurations, 0 folds");
    text_read("r1.csv", first, sizeof first);
    text_read("r2.csv", second, sizeof second);
    cr_assert_str_eq(first, second);
    for (int i = 1; i <= 7; i++) {
        double l1 = strtod(field(first, i, 1), NULL), l2 = strtod(field(first, i, 2), NULL);
        cr_assert((l1 == 0 || l1 == .1) && l2 >= 1e-4 && l2 <= 1);
    }
    run(&o, "$CUSGD sweep data.csv --grid l2=.1,.01 --select 1se --valid-fraction .2 --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "1se");
}

Test(command_sweep, refusals)
{
    static const char *const wrong[] = {
        "l3=1",    "l2", "l2=", "l2=a", "l2=1,", "l2=1..2", "l2=1..2:log:1", "l2=0..1:log:4", "l2=2..1:log:4", "l2=1..2:cubic:4",
        "l2=1,nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        run(&o, "$CUSGD sweep data.csv --grid '%s' --model m.safetensors", wrong[i]);
        assert_code(o, 1);
        assert_has(o.err, "--grid");
    }
    run(&o, "$CUSGD sweep data.csv --model m.safetensors");
    assert_code(o, 1);
    run(&o, "$CUSGD sweep data.csv --grid l2=1 --grid l2=2 --model m.safetensors");
    assert_code(o, 1);
    run(&o, "$CUSGD sweep data.csv --grid l2=1,2");
    assert_code(o, 1);
    run(&o, "$CUSGD sweep data.csv --grid l2=1,2 --select worst --model m.safetensors");
    assert_code(o, 1);
    run(&o,
        "$CUSGD sweep data.csv --grid rate=1e30 --optimizer sgd --model m.safetensors; code=$?; ls m.safetensors; exit $code");
    assert_code(o, 4);
    assert_has(o.err, "lower rates");
    run(&o, "$CUSGD sweep data.csv --grid l2=1,2 --model data.csv");
    assert_code(o, 1);
    run(&o, "$CUSGD sweep data.csv --grid l2=1,2 --model m.safetensors --report m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "--report and --model are one file");
    run(&o, "i=0; while [ $i -lt 20 ]; do echo \"$i 1:$i 3:2\"; i=$((i + 1)); done >s.svm; "
            "$CUSGD sweep s.svm --grid l2=1,2 --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "the rows of s.svm are sparse, and a sweep needs dense rows: give --sparse no");
    assert_lacks(o.err, "models: "); /* nothing is announced that does not begin */
}

/* What a sweep refuses is refused for several quantiles, too, and says why it speaks of sweeps. */
Test(command_sweep, several_quantiles_are_a_sweep)
{
    static const char *const of[] = {"--solver auto", "--target -1 --target -2", "--sparse yes", "--whiten pca", "--memory 1M"};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        run(&o, "$CUSGD train data.csv --loss quantile --quantile .1,.9 --model q %s", of[i]);
        assert_code(o, 1);
        assert_has(o.err, "several quantiles are trained as a sweep is: ");
    }
}

/* A disk that is full when the report comes to be written: the older one stands, and nothing is left next to it. */
Test(command_sweep, report_on_a_full_disk)
{
    run(&o,
        "echo old >r.csv; (trap '' XFSZ; ulimit -f 8; exec $CUSGD sweep data.csv --grid l2=1..2:linear:200 --folds 2 --epochs 1 "
        "--model m -q --report r.csv)");
    assert_code(o, 2);
    assert_has(o.err, "--report r.csv: ");
    run(&o, "cat r.csv; ls -A");
    assert_has(o.out, "old\n");
    assert_lacks(o.out, ".tmp");
}

/* Tables are encoded, and options and data noted, as by train. */
Test(command_sweep, reads_as_train_does)
{
    run(&o, "printf 'c,y\nu,1\nv,2\nw,4\nu,2\nv,3\nw,5\n' >c.csv; sed s/w/z/ c.csv >v.csv; "
            "$CUSGD sweep c.csv --categorical c --grid l2=.1,1 --valid v.csv --delta 2 --epochs 5 --model m.safetensors && "
            "$CUSGD info m.safetensors --coefficients");
    assert_code(o, 0);
    assert_has(o.out, "c=u");
    assert_has(o.err, "--delta changes nothing");
    assert_has(o.err, "'z'");
    run(&o, "$CUSGD sweep c.csv --categorical c --grid l1=.1,1 --folds 2 --epochs 5 --model m.safetensors && "
            "$CUSGD info m.safetensors --coefficients");
    assert_code(o, 0);
    assert_lacks(o.out, "c=u");
}

/* Two classes by name and their weights are taken as train takes them; more than two are refused. */
Test(command_sweep, classes)
{
    static char plain[1 << 16], weighed[1 << 16];
    run(&o, "$CUSGD sweep text.csv --loss logistic --grid l2=.1,1 --folds 3 --epochs 5 --model m.safetensors --report p.csv && "
            "$CUSGD sweep text.csv --loss logistic --grid l2=.1,1 --folds 3 --epochs 5 --model w.safetensors --report w.csv "
            "--class-weight yes=5 && $CUSGD info m.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "yes");
    text_read("p.csv", plain, sizeof plain);
    text_read("w.csv", weighed, sizeof weighed);
    cr_assert(strcmp(plain, weighed) != 0);
    run(&o, "printf 'a,y\\n1,u\\n2,v\\n3,w\\n4,u\\n5,v\\n6,w\\n' >three.csv; "
            "$CUSGD sweep three.csv --loss logistic --grid l2=.1,1 --folds 2 --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "one for each of more than two classes");
}

/* Halving drops configurations, and the report says so; passes are stated before the run, and what has no room is refused. */
Test(command_sweep, halving_and_memory)
{
    static char report[1 << 16];
    run(&o, "$CUSGD sweep data.csv --grid rate=1e-6,1e-5,1e-4,1e-3,1e-2,.1 --optimizer momentum --folds 3 --epochs 6 --halving 2 "
            "--model m.safetensors --report r.csv");
    assert_code(o, 0);
    assert_has(o.err, "24 models: 1 pass of ");
    text_read("r.csv", report, sizeof report);
    int dropped = 0;
    for (const char *at = report; (at = strstr(at, ",dropped\n")) != NULL; at++) dropped++;
    cr_assert_eq(dropped, 5, "%s", report);
    run(&o, "$CUSGD sweep data.csv --grid l2=1e-3:1e-1 --model m.safetensors --halving 1");
    assert_code(o, 1);
    run(&o, "$CUSGD sweep data.csv --grid l2=.1,1 --folds 2 --epochs 2 --model m.safetensors --halving 1");
    assert_code(o, 1);
    assert_has(o.err, "halving by 1");
    run(&o, "$CUSGD sweep data.csv --grid l2=.1,1 --folds 2 --epochs 2 --model m.safetensors --memory 1K");
    assert_code(o, 6);
    assert_has(o.err, "give more memory");
    run(&o, "$CUSGD sweep data.csv --grid l2=.1,1 --folds 2 --epochs 2 --model m.safetensors --memory 1e-6");
    assert_code(o, 1);
    assert_has(o.err, "memory must be a number of bytes above 0, such as 500M");
}

/* Each weight is an axis value, shown as it was given; the losses by which models are chosen do not have it. */
Test(command_sweep, class_weights)
{
    run(&o, "awk 'BEGIN {OFS=\",\"; print \"a,b,y\"; for (i = 0; i < 90; i++) print i %% 7, i %% 5, (i * 3 %% 7 + i %% 5 > 8 ? "
            "\"yes\" : "
            "\"no\")}' >w.csv && "
            "$CUSGD sweep w.csv --loss logistic --grid class-weight=balanced,none,4 --grid l2=.1 --folds 3 --epochs 5 --model "
            "m.safetensors "
            "--report w.report && cut -d , -f 6 w.report | tr '\\n' ' '");
    assert_code(o, 0);
    assert_has(o.out, "class-weight balanced 1 4 ");
    assert_has(o.out, ", class-weight ");
    run(&o,
        "$CUSGD sweep w.csv --loss logistic --grid class-weight=balanced,none --grid l2=1,1 --epochs 1 --model m.safetensors");
    assert_code(o, 0);
    assert_lacks(o.err, "lie beyond"); /* Nothing lies beyond the one number of an axis. */
    run(&o, "$CUSGD sweep w.csv --loss logistic --grid class-weight=0 --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "class-weight, of numbers above 0");
    run(&o, "$CUSGD sweep data.csv --grid class-weight=balanced,none --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "where it is of classes");
}

Test(command_sweep, numbers_of_one_and_logarithmic_grids)
{
    run(&o, "$CUSGD sweep data.csv --grid l2=0 --valid data.csv --model m.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "1 configuration, 0 folds");
    assert_has(o.err, "1 model: 1 pass of ");
    run(&o, "$CUSGD sweep data.csv --grid l2=0 --folds 1 --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "cusgd: the number of folds is 1; give from 2 to ");
    run(&o, "$CUSGD sweep data.csv --grid l2=0..1:log:3 --model m.safetensors");
    assert_code(o, 1);
    assert_has(o.err, "--grid l2=0..1:log:3: a logarithmic grid starts above 0");
}
