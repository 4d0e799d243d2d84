/* Nothing that is not finite is written, and no run that ends so ends well. */
#include "command.h"

#include <math.h>

TestSuite(finite, .init = command_setup, .fini = folder_teardown);

static int is_there(const char *name) { return access(name, F_OK) == 0; }

/* log-link data: y = e^(x) */
static void positive_make(void)
{
    FILE *file = fopen("p.csv", "w");
    cr_assert(file);
    fputs("x,y\n", file);
    for (int i = 0; i < 80; i++) fprintf(file, "%d,%g\n", i - 40, exp((i - 40) / 20.0));
    cr_assert_eq(fclose(file), 0);
}

/* e^p overflows, or p itself, or its square: whatever the optimizer, the precision and the loss. */
Test(finite, bounds_that_exclude_every_finite_model_are_refused)
{
    static const struct {
        const char *options, *named;
    } cases[] = {
        {"--loss tweedie --upper -1e30", "upper -1e+30"},
        {"--loss tweedie --upper -1e30 --optimizer adam --epochs 2", "upper -1e+30"},
        {"--loss tweedie --upper -1e30 --precision double", "upper -1e+30"},
        {"--loss poisson --lower 1e5", "lower 100000"},
        {"--loss gamma --upper -1e3", "upper -1000"},
        {"--loss gamma --lower 50 --upper 60 --optimizer sgd --rate 1e-9", "lower 50"},
        {"--loss squared --lower 1e200", "lower 1e+200"},
        {"--loss squared --upper -1e30", "upper -1e+30"},
        {"--loss squared --lower 1e200 --precision double", "lower 1e+200"},
        {"--loss huber --upper -1e308", "upper -1e+308"},
        {"--loss quantile --lower 1e300 --no-standardize", "lower 1e+300"},
    };
    outcome o;
    positive_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&o, "$CUSGD train p.csv %s --model m.safetensors", cases[i].options);
        assert_code(o, 1);
        assert_has(o.err, cases[i].named);
        cr_assert(!is_there("m.safetensors"), "%s", cases[i].options);
    }
}

/* Bounds far from the optimum are none of them. The optimum of mean((80 rows: y - b - w x)^2) at w = 100 has b = mean(y): by hand
 * (NumPy) its mean squared error is that below. */
Test(finite, far_bounds_are_kept)
{
    outcome o;
    positive_make();
    run(&o, "$CUSGD train p.csv --lower 100 --model m.safetensors");
    assert_code(o, 0);
    run(&o, "$CUSGD evaluate m.safetensors p.csv --json");
    assert_code(o, 0);
    cr_assert_float_eq(strtod(strstr(o.out, "\"mse\": ") + 7, NULL), 5324903.024303262, 1e-6 * 5324903.024303262, "%s", o.out);
}

/* A run that diverges in its first epoch leaves no file, and what was there stays. */
Test(finite, a_diverged_run_writes_nothing)
{
    outcome o;
    positive_make();
    run(&o, "echo kept > m.safetensors; $CUSGD train p.csv --loss poisson --optimizer sgd --rate 1e30 --no-standardize "
            "--model m.safetensors");
    assert_code(o, 4);
    run(&o, "cat m.safetensors");
    cr_assert_str_eq(o.out, "kept\n");
}
