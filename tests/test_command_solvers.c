/* What `cusgd train` and `cusgd info` say of solvers: how near the optimum is, whether there is one, and standard errors. */
#include "command.h"

#include <math.h>

TestSuite(command_solvers, .init = command_setup, .fini = folder_teardown);

static outcome o;

/* The number after `before` in the text. */
static double number_after(const char *text, const char *before)
{
    const char *at = strstr(text, before);
    cr_assert(at, "\"%s\" is not in:\n%.4000s", before, text);
    return strtod(at + strlen(before), NULL);
}

/* rows lines "a,b,c" of a file, by an awk expression that prints one; i counts from 0, and normal() is about Gaussian. */
static void make(const char *name, const char *header, int rows, const char *print)
{
    run(&o,
        "awk 'function normal() { return rand() + rand() + rand() + rand() - 2 } BEGIN { srand(1); print \"%s\"; for (i = 0; i < "
        "%d; i++) { %s } }' >%s",
        header, rows, print, name);
    assert_code(o, 0);
}

/* ---- The gradient ---- */

static void check_gradient(const char *arguments)
{
    run(&o, "\"$CUSGD\" train %s --model m 2>&1 | grep -v '^epoch'", arguments);
    if (strstr(o.out, ", within ")) {
        double gradient = number_after(o.out, "the gradient is "), bound = number_after(o.out, ", within ");
        cr_assert(gradient <= bound, "%s: %g is not within %g:\n%s", arguments, gradient, bound, o.out);
    }
    if (strstr(o.out, ", not within ")) {
        double gradient = number_after(o.out, "the gradient is "), bound = number_after(o.out, ", not within ");
        cr_assert(gradient > bound, "%s: %g is within %g:\n%s", arguments, gradient, bound, o.out);
    }
}

Test(command_solvers, no_number_is_said_to_be_within_a_smaller_one)
{
    static const char *const solvers[] = {"auto", "newton", "lbfgs", "cg", "gd", "steepest", "bfgs", "broyden-good", "sgd"};
    make("zeros.csv", "a,y", 60, "print normal() \",0\"");
    make("hot.csv", "a,b,c,y", 90, "k = i % 3; print (k == 0) \",\" (k == 1) \",\" (k == 2) \",\" (normal() + k > 1)");
    make("flat.csv", "a,y", 30, "print normal() \",\" 3");
    make("counts.csv", "a,y", 80, "x = normal(); print x \",\" int(exp(x) + rand())");
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        static const char *const more[] = {"", "--precision double", "--gradient-tolerance 1e-3", "--epochs 3"};
        for (size_t j = 0; j < sizeof more / sizeof *more; j++) {
            char arguments[4][200];
            const char *tolerance = strcmp(solvers[i], "sgd") == 0 && j < 2 ? "--gradient-tolerance 1e-2" : "";
            snprintf(arguments[0], 200, "zeros.csv --loss logistic --solver %s %s %s", solvers[i], more[j], tolerance);
            snprintf(arguments[1], 200, "hot.csv --loss logistic --solver %s %s %s", solvers[i], more[j], tolerance);
            snprintf(arguments[2], 200, "flat.csv --solver %s %s %s", solvers[i], more[j], tolerance);
            snprintf(arguments[3], 200, "counts.csv --l2 1e-3 --loss poisson --solver %s %s %s --valid-fraction 0.2", solvers[i],
                     more[j], tolerance);
            for (int a = 0; a < 4; a++) check_gradient(arguments[a]);
        }
    }
}

/* ---- Separation ---- */

Test(command_solvers, separation_is_said_and_named)
{
    static const char *const solvers[] = {"sgd", "auto", "newton", "lbfgs", "cg", "gd", "bfgs"};
    make("dummy.csv", "age,vip,y", 80, "v = i % 10 == 0; print normal() \",\" v \",\" (v || rand() < 0.5)");
    make("cells.csv", "age,closed,y", 80, "c = i % 10 == 0; print normal() \",\" c \",\" (c ? 0 : int(4 * rand()))");
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        const char *rate = strcmp(solvers[i], "gd") == 0 ? "--rate 0.1" : "";
        run(&o, "\"$CUSGD\" train dummy.csv --loss logistic --solver %s --epochs 40 --model m", solvers[i]);
        assert_has(o.err, "note: column \"vip\" separates the classes: no finite optimum exists");
        assert_has(o.err, "--l2");
        run(&o, "\"$CUSGD\" info m --coefficients");
        assert_code(o, 0);
        assert_lacks(o.out, "standard error");
        assert_has(o.err, "no standard errors: ");
        assert_has(o.err, "no finite optimum exists");
        run(&o, "\"$CUSGD\" train cells.csv --loss poisson --solver %s %s --epochs 40 --model m", solvers[i], rate);
        assert_has(o.err, "note: column \"closed\" separates rows whose targets are all 0: no finite optimum exists");
        run(&o, "\"$CUSGD\" train dummy.csv --loss logistic --l2 0.01 --solver %s --model m", solvers[i]);
        assert_lacks(o.err, "no finite optimum");
    }
    run(&o, "\"$CUSGD\" train dummy.csv --loss logistic --solver lbfgs --epochs 2 --model m");
    assert_code(o, CUSGD_ERROR_NOT_CONVERGED);
    assert_has(o.err, "try --l2");
}

/* ---- Not converged ---- */

Test(command_solvers, a_run_that_falls_short_names_what_gets_further)
{
    make("overlap.csv", "a,b,y", 300, "x = normal(); print x \",\" normal() \",\" (x + 2 * normal() > 0)");
    make("separate.csv", "a,b,y", 300, "x = normal(); print x \",\" normal() \",\" (x > 0)");
    make("counts.csv", "a,b,y", 300, "x = normal(); print x \",\" normal() \",\" int(exp(x) + rand())");
    static const char *const losses[] = {"overlap.csv --loss logistic", "counts.csv --loss poisson", "counts.csv --loss tweedie",
                                         "counts.csv --loss huber", "counts.csv --loss log-cosh"};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        run(&o, "\"$CUSGD\" train %s --epochs 2 --tolerance 1e-7 --model m", losses[i]);
        assert_code(o, 0);
        assert_has(o.err, "note: not converged");
        assert_has(o.err, "--solver auto gets there");
        assert_has(o.err, "--solver newton takes");
        /* the solver's own objective is the least that was named */
        run(&o, "\"$CUSGD\" train %s --solver auto --model m", losses[i]);
        assert_code(o, 0);
        assert_lacks(o.err, "not converged");
    }
    run(&o, "\"$CUSGD\" train separate.csv --loss logistic --epochs 2 --tolerance 1e-7 --model m");
    assert_has(o.err, "would lower the loss without end, as no finite optimum exists: give --l2");
    assert_lacks(o.err, "optimum: ");
    run(&o, "\"$CUSGD\" train overlap.csv --loss hinge --epochs 2 --tolerance 1e-7 --model m");
    assert_has(o.err, "note: not converged");
    assert_lacks(o.err, "--solver");
    run(&o, "\"$CUSGD\" train overlap.csv --loss logistic --lower 0 --epochs 2 --tolerance 1e-7 --model m");
    assert_has(o.err, "note: not converged; --solver auto gets there");
    run(&o, "\"$CUSGD\" train overlap.csv --loss logistic --lower 0 --solver auto --model m");
    assert_code(o, 0);
    assert_has(o.err, "chosen: solver lbfgs");
    assert_lacks(o.err, "not converged");
}

/* Solver auto is not advised to somebody who has it. */
Test(command_solvers, advice_is_not_what_was_done_already)
{
    make("overlap.csv", "a,b,y", 300, "x = normal(); print x \",\" normal() \",\" (x + 2 * normal() > 0)");
    run(&o, "\"$CUSGD\" train overlap.csv --loss logistic --solver auto --epochs 1 --precision double --model m");
    assert_code(o, CUSGD_ERROR_NOT_CONVERGED);
    assert_has(o.err, "try more --epochs, or some --l2");
    run(&o, "\"$CUSGD\" train overlap.csv --loss logistic --solver cg --epochs 1 --precision double --model m");
    assert_code(o, CUSGD_ERROR_NOT_CONVERGED);
    assert_has(o.err, "try --solver auto");
}

/* The gap that is printed is that to the loss of a converged solver. */
Test(command_solvers, the_gap_is_the_true_one)
{
    make("overlap.csv", "a,b,y", 300, "x = normal(); print x \",\" normal() \",\" (x + 2 * normal() > 0)");
    run(&o, "\"$CUSGD\" train overlap.csv --loss logistic --epochs 1 --tolerance 1e-7 --precision double --model m");
    double percent = number_after(o.err, "optimum: the objective is "), loss = number_after(o.err, "training: loss ");
    run(&o, "\"$CUSGD\" train overlap.csv --loss logistic --solver auto --precision double --model m");
    double minimum = number_after(o.err, "training: loss ");
    cr_assert(fabs(percent / (100 * (loss / minimum - 1)) - 1) < 0.1, "%g %% for %g above %g", percent, loss, minimum);
}

Test(command_solvers, no_percentage_of_nothing)
{
    make("line.csv", "a,b,y", 200, "x = normal(); z = normal(); printf \"%.12f,%.12f,%.12f\\n\", x, z, 2 * x - z + 1");
    static const char *const runs[] = {"", "--epochs 8 --tolerance 1e-9", "--precision double --epochs 40 --tolerance 0",
                                       "--precision double", "--solver cg --precision double --gradient-tolerance 1e-3"};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        run(&o, "\"$CUSGD\" train line.csv %s --model m", runs[i]);
        if (!strstr(o.err, "R2 1.000000")) continue;
        assert_lacks(o.err, " % above");
    }
    run(&o, "\"$CUSGD\" train line.csv --model m");
    assert_has(o.err, "R2 1.000000");
}

/* ---- Standard errors ---- */

Test(command_solvers, the_reason_why_there_are_no_standard_errors)
{
    static const struct {
        const char *arguments, *reason;
    } cases[] = {
        {"--solver auto --l2 0.1", "penalty"},
        {"--solver auto --loss huber", "losses squared, mse, logistic and poisson"},
        {"--solver lbfgs --precision double", "--solver newton does"},
        {"", "--solver newton does"},
        {"--solver auto --features a,c,twice", "depend on each other"},
    };
    run(&o, "awk -F, -v OFS=, '{ print $1, $2, $3, NR == 1 ? \"twice\" : 2 * $1, $4 }' data.csv >t.csv");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&o, "\"$CUSGD\" train t.csv %s --model m && \"$CUSGD\" info m --coefficients", cases[i].arguments);
        assert_code(o, 0);
        assert_has(o.err, "no standard errors: ");
        assert_has(o.err, cases[i].reason);
        if (strstr(cases[i].arguments, "auto")) assert_lacks(strstr(o.err, "no standard errors"), "--solver auto");
    }
}

/* Counts as weights are rows as often. */
Test(command_solvers, weights_are_counts)
{
    make("cells.csv", "male,y,count", 4, "print (i > 1) \",\" i % 2 \",\" 10 + 7 * i");
    run(&o, "\"$CUSGD\" train cells.csv --weights count --target y --loss logistic --solver auto --precision double --model m && "
            "\"$CUSGD\" info m --coefficients | awk '$1 == \"male\" { print \"error\", $3 }'");
    assert_code(o, 0);
    double expected = sqrt(1 / 10.0 + 1 / 17.0 + 1 / 24.0 + 1 / 31.0);
    cr_assert(fabs(number_after(o.out, "error ") / expected - 1) < 1e-4, "%s, not %g", o.out, expected);
}

/* ---- Validation ---- */

/* Rows of weight 0 are none: of one row that is left no share can be held out. */
Test(command_solvers, a_held_out_share_without_weight)
{
    make("w.csv", "a,w,y", 40, "print normal() \",\" (i == 5) \",\" i");
    run(&o, "\"$CUSGD\" train w.csv --weights w --valid-fraction 0.3 --model m");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "of 1 rows leaves no row");
    cr_assert(!file_exists("m"));
    make("w.csv", "a,w,y", 40, "print normal() \",\" (i % 2) \",\" i");
    run(&o, "\"$CUSGD\" train w.csv --weights w --valid-fraction 0.3 --model m");
    assert_code(o, 0);
}

/* ---- Solver best ---- */

Test(command_solvers, best_says_why)
{
    static const char *const cases[][2] = {
        {"", "chosen: solver exact (estimated at "},
        {"--gradient-tolerance 1e-6", "chosen: solver exact (sgd does not come near a gradient of 0"},
        {"--rate 0.1 --epochs 2", "chosen: solver sgd (only sgd reads the option rate), "},
        {"--loss quantile --epochs 2", "chosen: solver sgd (the loss quantile is not differentiable everywhere), "},
    };
    make("few.csv", "a,b,y", 60, "x = normal(); print x \",\" normal() \",\" 2 * x + normal()");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&o, "\"$CUSGD\" train few.csv --solver best %s --model m", cases[i][0]);
        assert_code(o, 0);
        assert_has(o.err, cases[i][1]);
        cr_assert(!strstr(o.err, "changes nothing"), "%s", o.err);
    }
}

/* ---- Wide data ---- */

Test(command_solvers, exact_is_interrupted_between_blocks)
{
    run(&o, "\"$CUSGD\" generate wide --rows 1500 --cols 9000");
    assert_code(o, 0);
    run(&o, "\"$CUSGD\" train wide --solver exact --model m & p=$!; sleep 0.7; kill -TERM $p; wait $p; echo code $?");
    int done = strstr(o.out, "code 0") != NULL; /* a machine so fast that it had ended */
    cr_assert(done || strstr(o.out, "code 143"), "%s%s", o.out, o.err);
}
