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

/* Numbers of the first `columns` columns of two tables that differ by more than rounding and the solvers' tolerance. */
#define APART                                                                                                                   \
    "paste -d, %s %s | awk -F, 'NR > 1 { h = NF / 2; for (i = 1; i <= %d; i++) if (($i - $(i + h)) ^ 2 > 1e-9 * (1 + $i ^ 2)) " \
    "print NR, i, $i, $(i + h) }'"

/* Rows of a LIBSVM file: their path is that of the same rows as a table, which other code computes. */
Test(command_path, sparse_rows)
{
    unsigned state = 7;
    FILE *sparse = fopen("s.svm", "w"), *dense = fopen("d.csv", "w");
    cr_assert(sparse && dense);
    fputs("y,x1,x2,x3,x4,x5,x6,x7,x8\n", dense);
    for (int i = 0; i < 90; i++) {
        double x[9] = {0}, sum = 0;
        for (int s = 0; s < 4; s++) {
            state = state * 1664525u + 1013904223u;
            x[1 + (state >> 20) % 8] = (double)(state >> 8) / (1 << 23) - 1;
        }
        for (int j = 1; j <= 8; j++) sum += x[j] * (j % 3 - 1) + 0.02 * ((i * 13) % 17 - 8);
        fprintf(sparse, "%d", sum > 0);
        fprintf(dense, "%d", sum > 0);
        for (int j = 1; j <= 8; j++) {
            if (x[j] != 0) fprintf(sparse, " %d:%.9f", j, x[j]);
            fprintf(dense, ",%.9f", x[j]);
        }
        fputc('\n', sparse);
        fputc('\n', dense);
    }
    cr_assert(fclose(sparse) == 0 && fclose(dense) == 0);
    const char *options = "--loss logistic --count 6 --ratio 1e-2 --folds 3 --precision double";
    run(&o, "$CUSGD path s.svm %s --coefficients s.csv --report sr.csv --model m && head -n 1 s.csv", options);
    assert_code(o, 0);
    assert_has(o.out, "6 penalties, alpha ");
    assert_has(o.out, "chosen: alpha ");
    assert_has(o.out, "alpha,intercept,x1,x2,x3,x4,x5,x6,x7,x8\n");
    run(&o, "$CUSGD path d.csv %s --target y --no-standardize --coefficients t.csv --report tr.csv", options);
    assert_code(o, 0);
    run(&o, APART, "s.csv", "t.csv", 10);
    cr_assert_str_eq(o.out, "");
    run(&o, APART, "sr.csv", "tr.csv", 7);
    cr_assert_str_eq(o.out, "");
    run(&o, "$CUSGD evaluate m s.svm");
    assert_code(o, 0);
}

/* 60 rows of columns that differ from one of them by `apart`, and are what the target is made of; of a LIBSVM file, if it is
 * sparse, or of a table. */
static void write_near(const char *name, int columns, double apart, int sparse)
{
    unsigned state = 3;
    FILE *file = fopen(name, "w");
    cr_assert(file);
    for (int j = 0; j < columns && !sparse; j++) fprintf(file, "x%d,", j + 1);
    if (!sparse) fputs("y\n", file);
    for (int i = 0; i < 60; i++) {
        double x[12], common = 0, y = 0;
        for (int j = -1; j < columns; j++) {
            state = state * 1664525u + 1013904223u;
            double drawn = (double)(state >> 8) / (1 << 23) - 1;
            if (j < 0) common = drawn;
            if (j >= 0) x[j] = common + apart * drawn;
            if (j >= 0) y += j % 2 ? drawn : -drawn;
        }
        if (sparse) fprintf(file, "%.9f", y);
        for (int j = 0; j < columns; j++) sparse ? fprintf(file, " %d:%.12f", j + 1, x[j]) : fprintf(file, "%.12f,", x[j]);
        if (sparse)
            fprintf(file, " %d:0.5\n", columns + 1);
        else
            fprintf(file, "%.9f\n", y);
    }
    cr_assert(fclose(file) == 0);
}

/* Columns that nearly depend on each other: the note counts the models that the report marks, is left out by -q, and is gone
 * where l2 helps, as it says. */
Test(command_path, models_that_have_not_converged)
{
    static const struct {
        const char *file, *said;
        int columns;
        double apart;
    } kinds[] = {{"near.csv", "not converged: the largest duality gap is ", 12, 1e-4},
                 {"near.svm", "not converged, the first at alpha ", 3, 1e-2}};
    for (int i = 0; i < 2; i++) {
        write_near(kinds[i].file, kinds[i].columns, kinds[i].apart, i);
        run(&o, "$CUSGD path %s --count 10 --folds 0 --report r.csv && awk -F, '$NF == 0' r.csv | wc -l", kinds[i].file);
        assert_code(o, 0);
        assert_has(o.err, kinds[i].said);
        assert_has(o.err, "columns nearly depend on each other");
        int noted = -1, marked = -1;
        for (const char *at = o.err; (at = strstr(at, "note: ")) != NULL; at++)
            if (strstr(at, kinds[i].said)) noted = atoi(at + strlen("note: "));
        const char *summary = strstr(o.out, "nonzeros\n");
        if (summary) marked = atoi(summary + strlen("nonzeros\n"));
        cr_assert(noted > 0 && noted == marked, "%d, %d\n%s\n%s", noted, marked, o.out, o.err);
        run(&o, "$CUSGD path %s --count 10 --folds 0 --report r.csv -q", kinds[i].file);
        assert_code(o, 0);
        cr_assert_str_eq(o.err, "");
        run(&o, "$CUSGD path %s --count 10 --folds 0 --report r.csv --l1-ratio 0.1", kinds[i].file);
        assert_code(o, 0);
        assert_lacks(o.err, "not converged");
    }
}
