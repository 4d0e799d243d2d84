/* cusgd path: its tables, the chosen model, and what is refused. */
#include "command.h"
#include "cusgd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(command_path, .init = command_setup, .fini = folder_teardown);

static outcome o;

static int lines_of(const char *text)
{
    int count = 0;
    for (; *text; text++) count += *text == '\n';
    return count;
}

Test(command_path, tables_and_model)
{
    static char table[1 << 18], report[1 << 16];
    run(&o, "$CUSGD path data.csv --count 20 --folds 3 --coefficients path.csv --report report.csv --model m.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "20 penalties, alpha ");
    assert_has(o.out, "chosen: alpha ");
    text_read("path.csv", table, sizeof table);
    text_read("report.csv", report, sizeof report);
    cr_assert_eq(lines_of(table), 21);
    cr_assert_eq(lines_of(report), 21);
    cr_assert(strncmp(table, "alpha,intercept,", 16) == 0, "%s", table);
    const char *header = "alpha,l1,l2,fold_1,fold_2,fold_3,mean,standard_error,loss,nonzeros,gap,converged\n";
    cr_assert(strncmp(report, header, strlen(header)) == 0, "%s", report);
    run(&o, "$CUSGD evaluate m.safetensors data.csv && $CUSGD info m.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "l1 = ");
    run(&o, "$CUSGD path data.csv --count 20 --folds 3 --coefficients again.csv --l1-ratio 1 -q && cmp path.csv again.csv");
    assert_code(o, 0);
    cr_assert_str_eq(o.out, "");
}

Test(command_path, refusals)
{
    run(&o, "$CUSGD path data.csv");
    assert_code(o, 1);
    assert_has(o.err, "give --coefficients, --report or --model");
    run(&o, "$CUSGD path data.csv --loss quantile --coefficients path.csv");
    assert_code(o, 1);
    assert_has(o.err, "second derivatives");
    run(&o, "$CUSGD path data.csv --loss softmax --coefficients path.csv");
    assert_code(o, 1);
    assert_has(o.err, "a path has one output, and softmax one for each class");
    run(&o, "$CUSGD path data.csv --folds 0 --model m.safetensors");
    assert_code(o, 1);
    run(&o, "$CUSGD path data.csv --coefficients data.csv");
    assert_code(o, 1);
    run(&o, "$CUSGD path data.csv --coefficients one.csv --report one.csv");
    assert_code(o, 1);
    assert_has(o.err, "--coefficients and --report are one file");
    run(&o, "$CUSGD path data.csv --select least --coefficients path.csv");
    assert_code(o, 1);
    run(&o, "$CUSGD path data.csv --folds 0 --l1-ratio 0 --coefficients path.csv");
    assert_code(o, 0);
}

/* As full-batch solvers do, it says which options have no part in it. */
Test(command_path, unused_options_are_named)
{
    run(&o, "$CUSGD path data.csv --coefficients path.csv --rate 0.1 --batch 64 --optimizer adam --l2 1 --no-average "
            "--no-standardize --seed 3 --precision double");
    assert_code(o, 0);
    const char *unused[] = {"rate", "batch", "optimizer", "l2", "no-average"};
    for (size_t i = 0; i < sizeof unused / sizeof unused[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "note: --%s changes nothing for a path", unused[i]);
        assert_has(o.err, line);
    }
    int count = 0;
    for (const char *at = o.err; (at = strstr(at, "changes nothing")) != NULL; at++) count++;
    cr_assert_eq(count, 5, "%s", o.err);
    run(&o, "$CUSGD path data.csv --coefficients path.csv --rate 0.1 -q");
    cr_assert_str_eq(o.err, "");
    run(&o, "printf 'a,y\\n1,2\\n3,1\\n4,2\\n6,5\\n5,3\\n' >t.csv; $CUSGD path t.csv --loss tweedie --power 1.2 --folds 0 "
            "--coefficients 1.csv && $CUSGD path t.csv --loss tweedie --power 1.9 --folds 0 --coefficients 2.csv && "
            "! cmp -s 1.csv 2.csv");
    assert_code(o, 0);
    assert_lacks(o.err, "changes nothing");
    run(&o, "$CUSGD path t.csv --power 1.2 --folds 0 --coefficients 1.csv");
    assert_has(o.err, "note: --power changes nothing for a path");
}

/* Successes and failures of a row are held out together. Half of each row's are successes here: nothing can be learned of them,
 * unless they are torn apart. */
Test(command_path, rows_of_trials_stay_whole)
{
    run(&o, "awk 'BEGIN { print \"a,b,n,y\"; for (i = 0; i < 40; i++) print i %% 9 \",\" i * i %% 7 \",2,1\" }' >t.csv; "
            "$CUSGD path t.csv --loss logistic --trials n --folds 4 --count 4 --report r.csv && "
            "awk -F, 'NR > 1 { for (j = 4; j <= 8; j++) if (($j - log(2)) ^ 2 > 1e-12) exit 1 }' r.csv");
    assert_code(o, 0);
    run(&o, "$CUSGD train t.csv --loss logistic --trials n --valid-fraction 0.3 --solver newton --precision double --model m");
    assert_code(o, 0);
    assert_has(o.err, "validation: loss 0.693147");
    run(&o, "$CUSGD path t.csv --loss logistic --trials n --folds 50 --report r.csv");
    assert_code(o, 1);
    assert_has(o.err, "50 folds of 40 rows");
}

/* Losses that are not quadratic, of classes by name. */
Test(command_path, logistic)
{
    run(&o, "$CUSGD path text.csv --loss logistic --count 8 --ratio .01 --folds 3 --report report.csv --model m.safetensors && "
            "$CUSGD info m.safetensors");
    assert_code(o, 0);
    assert_has(o.out, "8 penalties, alpha ");
    assert_has(o.out, "mean loss ");
    assert_has(o.out, "yes");
}

Test(command_path, numbers_of_one)
{
    run(&o, "$CUSGD path data.csv --coefficients c.csv --count 1 --folds 0");
    assert_code(o, 0);
    assert_has(o.out, "1 penalty, alpha ");
    run(&o, "$CUSGD path data.csv --coefficients c.csv --folds 1");
    assert_code(o, 1);
    assert_has(o.err, "cusgd: the number of folds is 1; give from 2 to ");
}
