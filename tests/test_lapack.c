/* When LAPACK is opened, and what happens where there is none. */
#include "lapack_library.h"
#include "support.h"
#include "training.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(lapack);

enum { ROWS = 60, COLS = 3 };

static cusgd_data *make_data(void)
{
    static double x[ROWS * COLS], y[ROWS];
    uint64_t state = 9;
    for (int64_t i = 0; i < ROWS; i++) {
        y[i] = random_normal(&state);
        for (int64_t j = 0; j < COLS; j++) {
            x[i * COLS + j] = random_normal(&state);
            y[i] += x[i * COLS + j];
        }
    }
    return data_of(ROWS, COLS, 1, x, y, NULL);
}

#ifndef CUSGD_LAPACK_LINKED

static int is_loaded(void)
{
    char line[512];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    cr_assert(maps);
    while (fgets(line, sizeof line, maps)) found |= strstr(line, "/liblapack") != NULL || strstr(line, "/libopenblas") != NULL;
    fclose(maps);
    return found;
}

static cusgd_options with_solver(const char *word)
{
    cusgd_options o = options_default();
    o.epochs = strcmp(word, "sgd") == 0 ? 2 : 0;
    assert_works(cusgd_options_set(&o, "solver", word));
    return o;
}

Test(lapack, is_opened_by_what_needs_it)
{
    static const char *const without[] = {"sgd", "cg", "lbfgs", "bfgs", "dfp", "steepest"};
    double parameters[COLS + 1];
    cusgd_data *data = make_data();
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        cusgd_options o = with_solver(without[i]);
        o.epochs = 2;
        cusgd_trainer *trainer = trainer_of(&o, data, NULL);
        (void)cusgd_trainer_fit(trainer, NULL, NULL, NULL); /* two iterations may be too few */
        cusgd_trainer_free(trainer);
        cr_assert(!is_loaded(), "%s", without[i]);
    }
    cr_assert(!lapack.dpotrf);
    cusgd_options exact = with_solver("exact");
    train(&exact, data, parameters);
    cr_assert(is_loaded());
    cusgd_data_free(data);
}

static void be_without(const char *library) { cr_assert_eq(setenv("CUSGD_LAPACK", library, 1), 0); }

static void check_missing(const char *why)
{
    static const char *const needing[] = {"exact", "newton", "auto", "best", "gd", "broyden-good", "broyden-bad"};
    double parameters[COLS + 1], objective, seconds;
    cusgd_data *data = make_data();
    cusgd_trainer *trainer;
    for (size_t i = 0; i < sizeof needing / sizeof *needing; i++) {
        cusgd_options o = with_solver(needing[i]);
        cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &trainer), CUSGD_ERROR_USAGE, "%s", needing[i]);
        cr_assert(strstr(cusgd_last_error(), "needs LAPACK") && strstr(cusgd_last_error(), why), "%s", cusgd_last_error());
    }
    cusgd_options whitened = with_solver("sgd");
    whitened.whiten = CUSGD_WHITEN_PCA;
    cr_assert_eq(cusgd_trainer_create(&whitened, data, NULL, &trainer), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "whiten pca needs LAPACK"), "%s", cusgd_last_error());

    cusgd_options o = with_solver("sgd"); /* trains all the same, without the optimum */
    train(&o, data, parameters);
    trainer = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_optimum(trainer, &objective, &seconds));
    cr_assert(isnan(objective));
    cusgd_trainer_free(trainer);
    o = with_solver("lbfgs");
    train(&o, data, parameters);
    cusgd_data_free(data);
}

Test(lapack, missing_is_told)
{
    be_without("/nowhere/liblapacke.so");
    check_missing("/nowhere/liblapacke.so");
}

/* A library that opens and is no LAPACK. */
Test(lapack, another_library_is_told)
{
    be_without("libm.so.6");
    check_missing("undefined symbol: LAPACKE_");
}

/* Two columns whose sum separates the classes, and none of which does; the others tell nothing. */
static int is_found_separated(int64_t cols)
{
    enum { MANY_ROWS = 400, MAX_COLS = 150 };
    static double x[MANY_ROWS * MAX_COLS], y[MANY_ROWS], parameters[MAX_COLS + 1];
    uint64_t state = 4;
    for (int64_t i = 0; i < MANY_ROWS; i++) {
        for (int64_t j = 0; j < cols; j++) x[i * cols + j] = random_normal(&state);
        y[i] = x[i * cols] + x[i * cols + 1] > 0;
    }
    cusgd_data *data = data_of(MANY_ROWS, cols, 1, x, y, NULL);
    cusgd_options o = with_solver("sgd");
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.optimizer = CUSGD_OPTIMIZER_SGD;
    o.rate = 1e-3;
    o.epochs = 1;
    cusgd_result result = train(&o, data, parameters);
    cusgd_data_free(data);
    return result.separated;
}

/* Columns that separate the classes together are found without it. */
Test(lapack, separation_by_several_columns_does_without_it)
{
    cr_assert(is_found_separated(3));
    cr_assert(is_found_separated(150));
    cr_assert(!is_loaded());
}

#endif

Test(lapack, opened_twice_is_one)
{
    cr_assert(lapack_is_here());
    assert_works(lapack_open("solver", "exact"));
    double a[4] = {4, 0, 2, 5};
    cr_assert_eq(lapack.dpotrf(LAPACK_COL_MAJOR, 'U', 2, a, 2), 0);
    cr_assert_float_eq(a[0], 2, 1e-15);
    cr_assert_float_eq(a[2], 1, 1e-15);
    cr_assert_float_eq(a[3], 2, 1e-15);
}
