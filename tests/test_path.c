/* Regularization paths: against scikit-learn, and by the conditions that a minimum meets. */
#include "sweeps.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_OF_DEPENDENT = 300 };

static cusgd_path_plan plan_of(double l1_ratio, int64_t count)
{
    cusgd_path_plan plan = CUSGD_INIT(cusgd_path_plan);
    plan.l1_ratio = l1_ratio;
    plan.count = count;
    plan.ratio = 1e-3;
    return plan;
}

static cusgd_path *path_of_data(const cusgd_options *o, const cusgd_data *data, const cusgd_path_plan *plan)
{
    cusgd_path *path;
    cusgd_status status = cusgd_path_create(o, data, plan, &path);
    cr_assert_eq(status, CUSGD_OK, "%s", cusgd_last_error());
    return path;
}

static cusgd_path_point point_of(const cusgd_path *path, size_t i)
{
    cusgd_path_point p = CUSGD_INIT(cusgd_path_point);
    cr_assert(cusgd_path_at(path, i, &p));
    return p;
}

/* ---- scikit-learn ---- */

/* Of scikit-learn 1.9.1: a StandardScaler and Lasso, ElasticNet (l1_ratio 0.4, with weights) or Ridge, fitted to the other folds'
 * rows with tol 1e-15: the mean squared errors of the folds, for three penalties; and for the second of these the coefficients
 * of all rows and the intercept. */
static const double alphas[3] = {.02, 1.5, .3}, falling[3] = {1.5, .3, .02}, ratios[3] = {1, .4, 0};
static const double fold_losses[3][3][FOLDS] = {
    {{26.0009550474, 8.82520336765, 8.83258267663, 14.3394452787},
     {6.8857921912, 4.3511317166, 5.12722953045, 5.10675192633},
     {5.07659447976, 4.98546262527, 4.75050430323, 5.08909649966}},
    {{28.6808246628, 12.2301763766, 11.2086368532, 19.9538133351},
     {9.3750544876, 4.89400718443, 5.70753059351, 7.44616763554},
     {5.08006591895, 5.21867757528, 4.58950109575, 5.5758916466}},
    {{28.6801171298, 13.685358675, 10.495719867, 21.0767585089},
     {11.3261333947, 5.39836325108, 5.61008982499, 8.32441350137},
     {5.37084299432, 4.90598966567, 4.73907770353, 5.19302393479}},
};
static const double coefficients[3][D + 1] = {
    {0.938136843303, -0.449329277447, 0.247791450878, 0.00327514571899, -0.353648707293},
    {0.827128593872, -0.40732569241, 0.222013928245, 0.0163109194284, 0.000964088747627},
    {0.758945788057, -0.376054299845, 0.203650534545, 0.0189019190788, 0.234891121486},
};

Test(path, is_scikit_learns)
{
    rows_made t;
    sweep_rows_make(&t);
    for (int kind = 0; kind < 3; kind++) {
        cusgd_options o = options_default();
        cusgd_data *data = data_of(N, D, 1, t.x, t.y, kind == 1 ? t.w : NULL);
        cusgd_path_plan plan = plan_of(ratios[kind], 3);
        plan.alphas = alphas;
        plan.folds = FOLDS;
        plan.fold = t.fold;
        cusgd_path *path = path_of_data(&o, data, &plan);
        for (size_t i = 0; i < 3; i++) {
            cusgd_path_point p = point_of(path, i);
            double mean = 0;
            cr_assert_eq(p.alpha, falling[i]);
            for (int f = 0; f < FOLDS; f++) {
                double expected = fold_losses[kind][i][f], found = cusgd_path_losses(path, i)[f];
                cr_assert(fabs(found - expected) <= 1e-9 * expected, "kind %d, %zu, fold %d: %.12g, not %.12g", kind, i, f, found,
                          expected);
                mean += found / FOLDS;
            }
            cr_assert_float_eq(p.mean, mean, 1e-12 * mean);
        }
        for (int j = 0; j <= D; j++)
            cr_assert_float_eq(cusgd_path_coefficients(path, 1)[j], coefficients[kind][j], 1e-9, "kind %d, %d: %.12g", kind, j,
                               cusgd_path_coefficients(path, 1)[j]);
        cr_assert_eq(cusgd_path_chosen(path), 2);
        cusgd_path_free(path);
        cusgd_data_free(data);
    }
}

/* ---- Columns that nearly depend on each other ---- */

/* Coordinate descent alone takes millions of passes: its duality gaps were .004 after 100000. */
Test(path, converges_where_columns_nearly_depend_on_each_other)
{
    enum { MANY = 30, SHARED = 3 };
    static double x[ROWS_OF_DEPENDENT * MANY], y[ROWS_OF_DEPENDENT];
    uint64_t state = 5;
    double mix[SHARED * MANY];
    for (int i = 0; i < SHARED * MANY; i++) mix[i] = random_normal(&state);
    for (int i = 0; i < ROWS_OF_DEPENDENT; i++) {
        double shared[SHARED];
        for (int s = 0; s < SHARED; s++) shared[s] = random_normal(&state);
        y[i] = random_normal(&state);
        for (int j = 0; j < MANY; j++) {
            double value = 1e-4 * random_normal(&state);
            for (int s = 0; s < SHARED; s++) value += shared[s] * mix[s * MANY + j];
            x[i * MANY + j] = value;
            y[i] += j % 2 ? value : -value;
        }
    }
    cusgd_options o = options_default();
    cusgd_data *data = data_of(ROWS_OF_DEPENDENT, MANY, 1, x, y, NULL);
    for (int kind = 0; kind < 2; kind++) {
        cusgd_path_plan plan = plan_of(kind ? .5 : 1, 50);
        plan.ratio = 1e-6;
        cusgd_path *path = path_of_data(&o, data, &plan);
        for (size_t i = 0; i < 50; i++) {
            cusgd_path_point p = point_of(path, i);
            cr_assert(p.gap <= 1e-8 && p.converged, "alpha %g: gap %g", p.alpha, p.gap);
        }
        cusgd_path_free(path);
    }
    cusgd_data_free(data);
}

/* ---- Conditions of a minimum ---- */

enum { ROWS = 200, COLS = 9, EMPTY = 7 };

/* Of means far from 0 and scales far from 1, correlated; one column is constant, and one a multiple of another. */
static void columns_make(double *x, double *y)
{
    uint64_t state = 11;
    for (int i = 0; i < ROWS; i++) {
        double common = random_normal(&state);
        for (int j = 0; j < COLS; j++) x[i * COLS + j] = (random_normal(&state) + common) * pow(3, j - 4) + 10 * j;
        x[i * COLS + EMPTY] = 4;
        x[i * COLS + COLS - 1] = 2 * x[i * COLS];
        y[i] = 50 * x[i * COLS] - x[i * COLS + 5] + 2 * random_normal(&state) + 7;
    }
}

/* What the penalties are of: the coefficients times `unit`, l1 with a factor. */
typedef struct penalties {
    double unit[COLS], factor[COLS];
} penalties;

/* The largest violation of the conditions for a minimum of the mean loss and the penalties, from the residuals. */
static double violation(const double *x, const double *y, const double *theta, const penalties *of, const cusgd_path_point *p)
{
    double worst = 0, residual[ROWS], sum = 0;
    for (int i = 0; i < ROWS; i++) {
        residual[i] = y[i] - theta[COLS];
        for (int j = 0; j < COLS; j++) residual[i] -= x[i * COLS + j] * theta[j];
        sum += residual[i];
    }
    for (int j = 0; j < COLS; j++) {
        double g = 0, scaled = theta[j] * of->unit[j], bound = p->l1 * of->factor[j];
        for (int i = 0; i < ROWS; i++) g += (residual[i] - sum / ROWS) * x[i * COLS + j] / ROWS / of->unit[j];
        g -= p->l2 * scaled;
        worst = fmax(worst, theta[j] > 0 ? fabs(g - bound) : theta[j] < 0 ? fabs(g + bound) : fmax(fabs(g) - bound, 0));
    }
    return fmax(worst, fabs(sum / ROWS) / 10);
}

static penalties penalties_of(const double *x, int standardizes, const double *factors)
{
    penalties of;
    for (int j = 0; j < COLS; j++) {
        double mean = 0, squares = 0;
        for (int i = 0; i < ROWS; i++) mean += x[i * COLS + j] / ROWS;
        for (int i = 0; i < ROWS; i++) squares += pow(x[i * COLS + j] - mean, 2) / ROWS;
        of.unit[j] = standardizes && squares > 1e-20 ? sqrt(squares) : 1;
        of.factor[j] = factors ? factors[j] : 1;
    }
    return of;
}

Test(path, all_points_are_minima)
{
    static double x[ROWS * COLS], y[ROWS];
    columns_make(x, y);
    cusgd_data *data = data_of(ROWS, COLS, 1, x, y, NULL);
    for (int kind = 0; kind < 6; kind++) {
        cusgd_options o = options_default();
        cusgd_path_plan plan = plan_of((const double[]){1, .5, 0}[kind % 3], 12);
        o.standardize = kind < 3;
        penalties of = penalties_of(x, o.standardize, NULL);
        cusgd_path *path = path_of_data(&o, data, &plan);
        double largest = 0, scale = 0;
        for (int j = 0; j < COLS; j++) {
            double product = 0, mean = 0;
            for (int i = 0; i < ROWS; i++) mean += y[i] / ROWS;
            for (int i = 0; i < ROWS; i++) product += (y[i] - mean) * x[i * COLS + j] / ROWS / of.unit[j];
            if (j != EMPTY) largest = fmax(largest, fabs(product));
        }
        for (int i = 0; i < ROWS; i++) scale += y[i] * y[i] / ROWS;
        double first = largest / fmax(plan.l1_ratio, 1e-3);
        for (size_t i = 0; i < 12; i++) {
            cusgd_path_point p = point_of(path, i);
            double wrong = violation(x, y, cusgd_path_coefficients(path, i), &of, &p);
            cr_assert_float_eq(p.alpha, first * pow(1e-3, (double)i / 11), 1e-9 * p.alpha);
            cr_assert(wrong <= 1e-7 * largest, "kind %d, point %zu: %g of %g", kind, i, wrong, largest);
            cr_assert_eq(cusgd_path_coefficients(path, i)[EMPTY], 0);
            if (plan.l1_ratio > 0) cr_assert(p.gap <= 1e-12, "kind %d, point %zu: gap %g", kind, i, p.gap);
            if (plan.l1_ratio > 0) cr_assert(i == 0 ? p.nonzeros == 0 : p.nonzeros > 0);
            cr_assert(isnan(p.gap) == !(plan.l1_ratio > 0) && isnan(p.mean) && p.loss > 0 && p.loss <= scale);
        }
        cr_assert_null(cusgd_path_losses(path, 0));
        cr_assert_eq(cusgd_path_chosen(path), 11);
        cusgd_path_free(path);
    }
    cusgd_data_free(data);
}

/* Factors, penalties in the data's units and the loss mse are the penalties that they say. */
Test(path, penalties_of_columns)
{
    static double x[ROWS * COLS], y[ROWS];
    static const double factors[COLS] = {0, 1, 2, .5, 3, 1, .25, 1, 4};
    columns_make(x, y);
    cusgd_data *data = data_of(ROWS, COLS, 1, x, y, NULL);
    for (int kind = 0; kind < 3; kind++) {
        cusgd_options o = options_default();
        cusgd_path_plan plan = plan_of(1, 8);
        if (kind == 0) o.l1_factors = factors;
        if (kind == 1) o.penalty_units = CUSGD_PENALTY_DATA;
        if (kind == 2) o.loss = CUSGD_LOSS_MSE;
        penalties of = penalties_of(x, kind != 1, kind == 0 ? factors : NULL);
        cusgd_path *path = path_of_data(&o, data, &plan);
        for (size_t i = 0; i < 8; i++) {
            cusgd_path_point p = point_of(path, i);
            const double *theta = cusgd_path_coefficients(path, i);
            if (kind == 2) p.l1 /= 2; /* of the squared loss */
            if (kind == 0 && i > 0) cr_assert(theta[0] > 0 || theta[0] < 0, "a column without penalty is never left out");
            double wrong = violation(x, y, theta, &of, &p);
            cr_assert(wrong <= 1e-6 * point_of(path, 0).l1, "kind %d, point %zu: %g of %g", kind, i, wrong, point_of(path, 0).l1);
        }
        cusgd_path_free(path);
    }
    cusgd_data_free(data);
}

Test(path, model_and_rule)
{
    rows_made t;
    sweep_rows_make(&t);
    cusgd_options o = options_default();
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_path_plan plan = plan_of(1, 30);
    plan.folds = 5;
    cusgd_path *best = path_of_data(&o, data, &plan);
    plan.select = CUSGD_SELECT_ONE_SE;
    cusgd_path *simple = path_of_data(&o, data, &plan);
    size_t chosen = cusgd_path_chosen(simple), least = cusgd_path_chosen(best);
    cusgd_path_point at = point_of(best, least);
    cr_assert_lt(chosen, least);
    cr_assert_leq(point_of(simple, chosen).mean, at.mean + at.standard_error);
    cr_assert_gt(point_of(simple, chosen - 1).mean, at.mean + at.standard_error);
    for (size_t i = 0; i < 30; i++) cr_assert_geq(point_of(best, i).mean, at.mean);
    cusgd_model *model;
    cr_assert_eq(cusgd_path_create_model(best, least, &model), CUSGD_OK, "%s", cusgd_last_error());
    for (int j = 0; j < D; j++) cr_assert_float_eq(cusgd_model_weight(model)[j], cusgd_path_coefficients(best, least)[j], 1e-15);
    cr_assert_float_eq(*cusgd_model_bias(model), cusgd_path_coefficients(best, least)[D], 1e-12);
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    cr_assert_eq(cusgd_model_evaluate(model, data, -1, &metrics), CUSGD_OK);
    cr_assert_float_eq(metrics.mse, at.loss, 1e-10 * at.loss);
    cusgd_model_free(model);
    cr_assert_eq(cusgd_path_create_model(best, 30, &model), CUSGD_ERROR_USAGE);
    cusgd_path_free(best);
    cusgd_path_free(simple);
    cusgd_data_free(data);
}

/* The mean logistic loss's derivatives by the coefficients and the intercept, at data of weight 1. */
static void logistic_gradient(const rows_made *t, const double *theta, double *gradient)
{
    for (int j = 0; j <= D; j++) gradient[j] = 0;
    for (int i = 0; i < N; i++) {
        double p = theta[D];
        for (int j = 0; j < D; j++) p += t->x[i * D + j] * theta[j];
        double error = 1 / (1 + exp(-p)) - t->y[i];
        for (int j = 0; j <= D; j++) gradient[j] += error * (j < D ? t->x[i * D + j] : 1) / N;
    }
}

/* Of a loss that is not quadratic: the conditions of a minimum, from the first penalty, which leaves nothing, on. */
Test(path, logistic_points_are_minima)
{
    rows_made t;
    sweep_rows_make(&t);
    for (int i = 0; i < N; i++) t.y[i] = (t.y[i] > 4) != (i % 7 == 0);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    cusgd_options o = options_default();
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.standardize = 0;
    cusgd_path_plan plan = plan_of(.7, 12);
    cusgd_path *path = path_of_data(&o, data, &plan);
    double largest = point_of(path, 0).l1;
    cr_assert_eq(point_of(path, 0).nonzeros, 0);
    cr_assert_gt(point_of(path, 1).nonzeros, 0);
    for (size_t i = 0; i < 12; i++) {
        const double *theta = cusgd_path_coefficients(path, i);
        cusgd_path_point at = point_of(path, i);
        double gradient[D + 1];
        logistic_gradient(&t, theta, gradient);
        cr_assert_leq(fabs(gradient[D]), 1e-5 * largest);
        for (int j = 0; j < D; j++) {
            double g = gradient[j] + at.l2 * theta[j], sign = theta[j] > 0 ? 1 : -1;
            double off = theta[j] != 0 ? fabs(g + sign * at.l1) : fmax(fabs(g) - at.l1, 0);
            cr_assert_leq(off, 1e-5 * largest, "penalty %zu, column %d: %g of %g", i, j, off, largest);
        }
    }
    cusgd_path_free(path);
    cusgd_data_free(data);
}

static void refused(const cusgd_options *o, const cusgd_path_plan *plan, const cusgd_data *data, const char *words)
{
    cusgd_path *path;
    cr_assert_eq(cusgd_path_create(o, data, plan, &path), CUSGD_ERROR_USAGE, "%s", words);
    cr_assert(strstr(cusgd_last_error(), words), "%s", cusgd_last_error());
    cr_assert_null(path);
}

Test(path, refusals)
{
    rows_made t;
    sweep_rows_make(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    const double none[D] = {1, 1, 0, 1}, zero[1] = {0};
    cusgd_options o = options_default();
    cusgd_path_plan plan = plan_of(1, 10), wrong = plan;
    o.loss = CUSGD_LOSS_QUANTILE;
    refused(&o, &plan, data, "second derivatives");
    o = options_default();
    o.lower = 0;
    refused(&o, &plan, data, "no bounds");
    o = options_default();
    o.valid_fraction = .2;
    refused(&o, &plan, data, "folds");
    o = options_default();
    wrong.l1_ratio = 1.5;
    refused(&o, &wrong, data, "l1-ratio is 1.5");
    wrong = plan;
    wrong.ratio = 1;
    refused(&o, &wrong, data, "between 0 and 1");
    wrong = plan;
    wrong.alphas = zero;
    wrong.count = 1;
    refused(&o, &wrong, data, "penalty 1 is 0");
    wrong = plan;
    wrong.folds = N + 1;
    refused(&o, &wrong, data, "folds");
    wrong.folds = 0;
    wrong.l1_ratio = 0;
    o.l2_factors = none;
    refused(&o, &wrong, data, "column 3 has no l2 penalty");
    cusgd_data_free(data);
}

/* What needs more memory than there is, is refused with both numbers, before anything is allocated. */
Test(path, memory_is_checked_first)
{
    enum { FEW = 6, WIDE = 300000, CONFIGURATIONS = 2000 };
    double *x = zeros((int64_t)FEW * WIDE), y[FEW] = {1, 2, 3, 5, 8, 13};
    for (int64_t i = 0; i < (int64_t)FEW * WIDE; i++) x[i] = (double)(i * 7 % 11);
    cusgd_options o = options_default();
    cusgd_data *data = data_of(FEW, WIDE, 1, x, y, NULL);
    cusgd_path_plan plan = plan_of(1, 10);
    cusgd_path *path;
    cr_assert_eq(cusgd_path_create(&o, data, &plan, &path), CUSGD_ERROR_MEMORY);
    cr_assert(strstr(cusgd_last_error(), "300000 columns and 0 folds needs 1.44e+03 GB"), "%s", cusgd_last_error());
    cusgd_configuration *all = calloc(CONFIGURATIONS, sizeof *all);
    cusgd_sweep_plan sweep_plan = CUSGD_INIT(cusgd_sweep_plan);
    cusgd_sweep *sweep;
    for (int i = 0; i < CONFIGURATIONS; i++) all[i] = (cusgd_configuration){0, i, .1, (double)NAN, 0, 0};
    sweep_plan.configurations = all;
    sweep_plan.count = CONFIGURATIONS;
    sweep_plan.folds = FEW;
    o.optimizer = CUSGD_OPTIMIZER_SGD;
    sweep_plan.memory = 1e9;
    cr_assert_eq(cusgd_sweep_create(&o, data, NULL, &sweep_plan, &sweep), CUSGD_ERROR_MEMORY);
    cr_assert(strstr(cusgd_last_error(), "7 models of 300000 columns need "), "%s", cusgd_last_error());
    free(all);
    free(x);
    cusgd_data_free(data);
}
