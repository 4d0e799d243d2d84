/* Means and scales of columns that are given in the place of their own. */
#include "scalar/standardize.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <string.h>

TestSuite(standardization);

enum { ROWS = 120, COLS = 3, VALUES = COLS + 1 };

static double x[ROWS * COLS], y[ROWS];
static const double means[COLS] = {4, -1, 0.5}, scales[COLS] = {2, 0.25, 30};

static cusgd_data *make_data(void)
{
    uint64_t state = 11;
    for (int64_t i = 0; i < ROWS; i++) {
        y[i] = random_normal(&state);
        for (int64_t j = 0; j < COLS; j++) {
            x[i * COLS + j] = 3 + (double)(j + 1) * random_normal(&state);
            y[i] += x[i * COLS + j] / (double)(j + 2);
        }
    }
    return data_of(ROWS, COLS, 1, x, y, NULL);
}

static cusgd_options with_given(void)
{
    cusgd_options o = options_default();
    o.column_means = means;
    o.column_scales = scales;
    return o;
}

/* Training on columns that the caller has standardized is the same problem, on each kind of loss and method. */
static void check_equal_problem(cusgd_loss loss, cusgd_solver solver, double l1, double tolerance)
{
    static double z[ROWS * COLS], own[ROWS];
    double given[VALUES], plain[VALUES];
    cusgd_data *data = make_data();
    for (int64_t i = 0; i < ROWS; i++) {
        for (int64_t j = 0; j < COLS; j++) z[i * COLS + j] = (x[i * COLS + j] - means[j]) / scales[j];
        if (loss == CUSGD_LOSS_LOGISTIC) y[i] = y[i] > 4;
        own[i] = y[i];
    }
    cusgd_data *scaled = data_of(ROWS, COLS, 1, z, own, NULL);
    cusgd_options o = with_given();
    o.loss = loss;
    o.solver = solver;
    o.l1 = l1;
    o.l2 = 0.1;
    o.epochs = solver == CUSGD_SOLVER_SGD ? 20 : 0;
    train(&o, data, given);
    o.column_means = o.column_scales = NULL;
    o.standardize = 0;
    train(&o, scaled, plain);
    for (int64_t j = 0; j < COLS; j++) {
        plain[j] /= scales[j];
        plain[COLS] -= plain[j] * means[j];
    }
    cr_assert_lt(distance(given, plain, VALUES), tolerance, "%s by %s: %g", loss_word(loss), solver_word(solver),
                 distance(given, plain, VALUES));
    cusgd_data_free(data);
    cusgd_data_free(scaled);
}

Test(standardization, is_that_of_columns_standardized_before)
{
    check_equal_problem(CUSGD_LOSS_SQUARED, CUSGD_SOLVER_EXACT, 0, 1e-11);
    check_equal_problem(CUSGD_LOSS_SQUARED, CUSGD_SOLVER_CG, 0, 1e-7);
    check_equal_problem(CUSGD_LOSS_SQUARED, CUSGD_SOLVER_LBFGS, 0.05, 1e-6);
    check_equal_problem(CUSGD_LOSS_LOGISTIC, CUSGD_SOLVER_NEWTON, 0, 1e-8);
    check_equal_problem(CUSGD_LOSS_SQUARED, CUSGD_SOLVER_SGD, 0, 1e-9);
    check_equal_problem(CUSGD_LOSS_LOGISTIC, CUSGD_SOLVER_SGD, 0.01, 1e-9);
}

/* Scales alone leave the means to the data. Standardization by the columns' own numbers, given, is the usual one to the bit. */
Test(standardization, own_numbers_given_change_no_bit)
{
    double mean[COLS], scale[COLS], unused[COLS], own[VALUES], given[VALUES];
    cusgd_data *data = make_data();
    cusgd_options o = options_default();
    o.l2 = 0.1;
    o.epochs = 5;
    cusgd_trainer *trainer = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_get_standardization(trainer, mean, scale));
    cusgd_trainer_free(trainer);
    train(&o, data, own);
    for (int which = 1; which <= 3; which++) {
        o.column_means = which & 1 ? mean : NULL;
        o.column_scales = which & 2 ? scale : NULL;
        train(&o, data, given);
        cr_assert_arr_eq(own, given, sizeof own);
    }
    o.column_scales = scales;
    o.column_means = NULL;
    trainer = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_get_standardization(trainer, unused, NULL));
    cr_assert_arr_eq(unused, mean, sizeof mean);
    assert_works(cusgd_trainer_get_standardization(trainer, NULL, unused));
    cr_assert_arr_eq(unused, scales, sizeof scales);
    cusgd_trainer_free(trainer);
    cusgd_data_free(data);
}

/* A reset to other numbers binds the data anew; to equal ones it need not. */
Test(standardization, follows_a_reset)
{
    double after[2][VALUES], fresh[VALUES];
    cusgd_data *data = make_data();
    cusgd_options o = options_default();
    o.l2 = 0.1;
    o.epochs = 3;
    cusgd_trainer *trainer = trainer_of(&o, data, NULL);
    cusgd_options given = with_given();
    given.l2 = o.l2;
    given.epochs = o.epochs;
    for (int i = 0; i < 2; i++) {
        assert_works(cusgd_trainer_reset(trainer, &given));
        fit(trainer);
        parameters_of(trainer, COLS, 1, after[i]);
    }
    train(&given, data, fresh);
    cr_assert_arr_eq(after[0], fresh, sizeof fresh);
    cr_assert_arr_eq(after[1], fresh, sizeof fresh);
    assert_works(cusgd_trainer_reset(trainer, &o));
    fit(trainer);
    parameters_of(trainer, COLS, 1, after[0]);
    train(&o, data, fresh);
    cr_assert_arr_eq(after[0], fresh, sizeof fresh);
    given.column_scale_count = COLS - 1;
    cr_assert_eq(cusgd_trainer_reset(trainer, &given), CUSGD_ERROR_USAGE);
    cusgd_trainer_free(trainer);
    cusgd_data_free(data);
}

/* ---- What is refused ---- */

Test(standardization, is_refused_where_it_has_no_meaning)
{
    static const char *const with[][2] = {
        {"standardize", "false"}, {"robust", "true"}, {"whiten", "pca"}, {"intercept", "false"}};
    cusgd_data *data = make_data();
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        cusgd_options o = with_given();
        cusgd_trainer *trainer;
        assert_works(cusgd_options_set(&o, with[i][0], with[i][1]));
        cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &trainer), CUSGD_ERROR_USAGE, "%s", with[i][0]);
        cr_assert(strstr(cusgd_last_error(), "column-means") && strstr(cusgd_last_error(), with[i][0]), "%s", cusgd_last_error());
    }
    cusgd_options scaled = with_given(); /* without an intercept columns may be scaled */
    double parameters[VALUES];
    scaled.column_means = NULL;
    scaled.intercept = 0;
    train(&scaled, data, parameters);
    cusgd_data_free(data);
}

Test(standardization, values_are_checked)
{
    const double bad[][COLS] = {{1, (double)NAN, 1}, {1, 1, (double)INFINITY}, {0, 1, 1}, {-1, 1, 1}};
    cusgd_options *o;
    assert_works(cusgd_options_new(&o));
    for (int i = 0; i < 4; i++) {
        cusgd_status mean = cusgd_options_set_array(o, "column-means", bad[i], COLS);
        cr_assert_eq(mean, i < 2 ? CUSGD_ERROR_USAGE : CUSGD_OK);
        cr_assert_eq(cusgd_options_set_array(o, "column-scales", bad[i], COLS), CUSGD_ERROR_USAGE);
    }
    cr_assert_null(o->column_scales);
    cusgd_options_free(o);
}

/* Values that are 1e15 scales from the mean say nothing in a float. */
Test(standardization, numbers_of_another_column_are_told)
{
    static const double tiny[COLS] = {1, 1e-16, 1};
    cusgd_data *data = make_data();
    cusgd_options o = with_given();
    cusgd_trainer *trainer;
    o.column_scales = tiny;
    cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &trainer), CUSGD_ERROR_DATA);
    cr_assert(strstr(cusgd_last_error(), "column 2"), "%s", cusgd_last_error());
    cusgd_data_free(data);
}

/* A float's standardized value has a relative error of at most three roundings, compared with values that long double computes,
 * near the mean and far from it. */
Test(standardization, in_float_keeps_the_digits)
{
    uint64_t state = 5;
    for (int i = 0; i < 200000; i++) {
        double scale = pow(10, 12 * random_uniform(&state) - 6), spread = scale * pow(10, 6 * random_uniform(&state) - 3);
        double mean = i % 7 ? (double)(float)(random_normal(&state) * scale * pow(10, 8 * random_uniform(&state) - 3)) : 0;
        float value = i % 11 ? (float)(mean + spread * random_normal(&state)) : (float)mean;
        long double exact = ((long double)value - (long double)mean) / (long double)scale;
        double tolerance = 3.01 * 0x1p-24 * (double)fabsl(exact) + 0x1p-140;
        float got = standardized_float((double)value, mean, 1 / scale);
        cr_assert_leq((double)fabsl((long double)got - exact), tolerance, "%.9g, mean %.17g, scale %.17g: %.9g, not %.9g",
                      (double)value, mean, scale, (double)got, (double)exact);
    }
}

/* Columns whose numbers a float does not hold are standardized in double, as are all others then. */
Test(standardization, of_columns_beyond_floats)
{
    enum { N = 200, D = 3 };
    static const double size[D] = {1e30, 1, 1e-30};
    static float from[N * D], target[N];
    static double to[N * D], own[N];
    double mean[D], scale[D], given[D + 1], plain[D + 1];
    uint64_t state = 3;
    for (int64_t i = 0; i < N; i++) {
        target[i] = (float)random_normal(&state);
        for (int64_t j = 0; j < D; j++) {
            double z = random_normal(&state);
            from[i * D + j] = (float)(size[j] * z);
            target[i] += (float)z;
        }
        own[i] = (double)target[i];
    }
    cusgd_data *data = data_of_floats(N, D, 1, from, target, NULL);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.1, 20, 5);
    o.precision = CUSGD_PRECISION_FLOAT;
    o.standardize = 1;
    cusgd_trainer *trainer = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_get_standardization(trainer, mean, scale));
    cusgd_trainer_free(trainer);
    train(&o, data, given);
    for (int64_t i = 0; i < N * D; i++) to[i] = ((double)from[i] - mean[i % D]) / scale[i % D];
    cusgd_data *scaled = data_of(N, D, 1, to, own, NULL);
    o.standardize = 0;
    train(&o, scaled, plain);
    for (int64_t j = 0; j < D; j++)
        cr_assert_float_eq(given[j] * scale[j], plain[j], 1e-3 * fabs(plain[j]), "column %lld: %g, not %g", (long long)j,
                           given[j] * scale[j], plain[j]);
    cr_assert(!standardizes_in_float(mean[0], scale[0]) && !standardizes_in_float(mean[2], scale[2]));
    cr_assert(standardizes_in_float(mean[1], scale[1]) && !standardizes_in_float(2e6, 1));
    cusgd_data_free(data);
    cusgd_data_free(scaled);
}
