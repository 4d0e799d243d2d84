/* Coordinate descent on the columns of sparse rows: the conditions of optimality by code of its own, on rows that are hard for
 * it, and paths against those of the same rows stored dense, which other code computes. */
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 150, COLUMNS = 60, DRAWN = 5 };

/* Columns 0 and 1 are equal, 2 is 1 in every row, 3 and the last are empty, 4 has one value; the others are drawn. */
typedef struct hard_rows {
    double x[ROWS * COLUMNS], y[ROWS], w[ROWS], o[ROWS], value[ROWS * COLUMNS];
    int64_t n, start[ROWS + 1];
    int32_t column[ROWS * COLUMNS];
} hard_rows;

static void store(hard_rows *h)
{
    int64_t at = 0;
    for (int64_t i = 0; i < h->n; i++) {
        for (int64_t j = 0; j < COLUMNS; j++) {
            if (h->x[i * COLUMNS + j] == 0) continue;
            h->column[at] = (int32_t)j;
            h->value[at++] = h->x[i * COLUMNS + j];
        }
        h->start[i + 1] = at;
    }
}

/* separable: column 5 alone says which class it is. */
static void make(hard_rows *h, int64_t n, int separable)
{
    uint64_t seed = 11 + (uint64_t)n;
    memset(h, 0, sizeof *h);
    h->n = n;
    for (int64_t i = 0; i < n; i++) {
        double *x = h->x + i * COLUMNS, p = .2;
        for (int s = 0; s < DRAWN; s++) x[5 + (int64_t)(fabs(random_normal(&seed)) * 20) % (COLUMNS - 6)] = random_normal(&seed);
        x[0] = x[1] = i % 3 == 0 ? random_normal(&seed) : 0;
        x[2] = 1;
        x[4] = i == 7 ? 2 : 0;
        for (int64_t j = 0; j < COLUMNS; j++) p += x[j] * (double)(j % 5 - 2);
        h->y[i] = p + random_normal(&seed) > 0;
        if (separable) x[5] = h->y[i] > 0 ? 1 : -1;
        h->w[i] = (double)(i % 4);
        h->o[i] = .3 * (double)(i % 3);
    }
    store(h);
}

static cusgd_data *data_from(const hard_rows *h, int dense)
{
    cusgd_csr s = {h->start, h->column, h->value, CUSGD_TYPE_FLOAT64, 0};
    cusgd_matrix x = {h->x, CUSGD_TYPE_FLOAT64, COLUMNS, 1}, y = {h->y, CUSGD_TYPE_FLOAT64, 1, 1},
                 w = {h->w, CUSGD_TYPE_FLOAT64, 1, 1}, o = {h->o, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data;
    assert_works(dense ? cusgd_data_wrap(h->n, COLUMNS, 1, x, y, w, &data)
                       : cusgd_data_wrap_csr(h->n, COLUMNS, 1, s, y, w, &data));
    assert_works(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, o));
    return data;
}

/* dl/dp of a loss, by hand. */
typedef double (*loss_derivative)(double p, double y);
static double squared_derivative(double p, double y) { return p - y; }
static double logistic_derivative(double p, double y) { return 1 / (1 + exp(-p)) - y; }
static double damped_derivative(double p, double y) { return 1 / (1 + exp(-p)) - y + p / 10; }
static double pseudo_huber_derivative(double p, double y) { return (p - y) / sqrt(1 + (p - y) * (p - y)); }

/* The derivative of the mean loss along each column, and of the intercept. */
static void gradient_of(const hard_rows *h, loss_derivative of, const double *theta, double *g)
{
    double weight = 0;
    memset(g, 0, sizeof(double) * (COLUMNS + 1));
    for (int64_t i = 0; i < h->n; i++) {
        double p = theta[COLUMNS] + h->o[i];
        for (int64_t j = 0; j < COLUMNS; j++) p += h->x[i * COLUMNS + j] * theta[j];
        double r = h->w[i] * of(p, h->y[i]);
        for (int64_t j = 0; j < COLUMNS; j++) g[j] += r * h->x[i * COLUMNS + j];
        g[COLUMNS] += r;
        weight += h->w[i];
    }
    for (int64_t j = 0; j <= COLUMNS; j++) g[j] /= weight;
}

/* How far the conditions of optimality (Karush, Kuhn, Tucker) are from being met, at most. */
static double violation_of(const hard_rows *h, const cusgd_options *o, loss_derivative of, const double *theta)
{
    double g[COLUMNS + 1], worst = 0;
    gradient_of(h, of, theta, g);
    for (int64_t j = 0; j < COLUMNS; j++) {
        double along = g[j] + o->l2 * theta[j];
        worst = fmax(worst, theta[j] != 0 ? fabs(along + copysign(o->l1, theta[j])) : fmax(fabs(along) - o->l1, 0));
    }
    return o->intercept ? fmax(worst, fabs(g[COLUMNS])) : worst;
}

static cusgd_options options_of(cusgd_loss loss, double l1, double l2)
{
    cusgd_options o = options_default();
    o.solver = CUSGD_SOLVER_COORDINATE;
    o.precision = CUSGD_PRECISION_DOUBLE;
    o.loss = loss;
    o.l1 = l1;
    o.l2 = l2;
    return o;
}

static void fit_rows(const cusgd_options *o, const hard_rows *h, double *theta)
{
    cusgd_data *data = data_from(h, 0);
    cusgd_trainer *t = trainer_of(o, data, NULL);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    assert_works(cusgd_trainer_get_coefficients(t, theta, theta + COLUMNS));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* From penalties that leave next to nothing to such as leave every column, more rows than columns and fewer. */
Test(coordinate, hard_rows_come_to_their_optimum)
{
    static const double penalties[][2] = {{.3, 0}, {.01, 0}, {1e-4, 0}, {.01, .1}, {1e-4, 1e-4}};
    static hard_rows h;
    double theta[COLUMNS + 1];
    for (int variant = 0; variant < 16; variant++) {
        make(&h, variant & 1 ? ROWS : 25, (variant & 2) != 0);
        for (size_t i = 0; i < sizeof penalties / sizeof *penalties; i++) {
            cusgd_options o =
                options_of(variant & 4 ? CUSGD_LOSS_SQUARED : CUSGD_LOSS_LOGISTIC, penalties[i][0], penalties[i][1]);
            o.intercept = !(variant & 8);
            fit_rows(&o, &h, theta);
            double left = violation_of(&h, &o, variant & 4 ? squared_derivative : logistic_derivative, theta);
            cr_assert(left <= 1e-9, "variant %d, l1 %g, l2 %g: %.3g is left", variant, o.l1, o.l2, left);
            cr_assert(theta[3] == 0 && theta[COLUMNS - 1] == 0, "an empty column has a coefficient");
            if (!o.intercept) cr_assert_eq(theta[COLUMNS], 0);
        }
    }
}

/* Losses as formulas: the conditions of optimality, and the coefficients of the loss that the table has, where there is one. */
Test(coordinate, formulas_come_to_their_optimum)
{
    static const struct {
        const char *text;
        loss_derivative by_p;
        int named;
        cusgd_loss loss;
    } formulas[] = {{"(p - y)^2/2", squared_derivative, 1, CUSGD_LOSS_SQUARED},
                    {"log(1 + exp(p)) - y*p", logistic_derivative, 1, CUSGD_LOSS_LOGISTIC},
                    {"log(1 + exp(p)) - y*p + p^2/20", damped_derivative, 0, 0},
                    {"sqrt(1 + (p - y)^2)", pseudo_huber_derivative, 0, 0}};
    static hard_rows h;
    double theta[COLUMNS + 1], named[COLUMNS + 1];
    make(&h, ROWS, 0);
    for (int64_t i = 0; i < h.n; i++) h.x[i * COLUMNS] = 0;     /* of equal columns the coefficients are not unique, */
    for (int64_t i = 0; i < h.n; i++) h.x[i * COLUMNS + 2] = 0; /* nor is that of a column of ones */
    store(&h);
    for (size_t f = 0; f < sizeof formulas / sizeof *formulas; f++)
        for (int variant = 0; variant < 2; variant++) {
            cusgd_options o = options_of(CUSGD_LOSS_EXPRESSION, .01, variant ? .1 : 0);
            strcpy(o.loss_expression, formulas[f].text);
            fit_rows(&o, &h, theta);
            double left = violation_of(&h, &o, formulas[f].by_p, theta);
            cr_assert(left <= 1e-9, "%s, l2 %g: %.3g is left", formulas[f].text, o.l2, left);
            if (!formulas[f].named) continue;
            o = options_of(formulas[f].loss, o.l1, o.l2);
            fit_rows(&o, &h, named);
            double apart = distance(theta, named, COLUMNS + 1);
            cr_assert(apart <= 1e-7, "%s, l2 %g: %.3g apart", formulas[f].text, o.l2, apart);
        }
}

/* Targets of -1 where the formula means 0: some columns lower it without end. */
Test(coordinate, a_formula_without_a_least_value)
{
    static hard_rows h;
    make(&h, ROWS, 0);
    for (int64_t i = 0; i < h.n; i++) h.y[i] = 1 - 2 * h.y[i]; /* the heavier class is 1 */
    cusgd_options o = options_of(CUSGD_LOSS_EXPRESSION, .01, 0);
    strcpy(o.loss_expression, "log(1 + exp(p)) - y*p");
    o.epochs = 30;
    cusgd_data *data = data_from(&h, 0);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_fails(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_ERROR_NOT_CONVERGED, "falls without end for some of these");
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* The smallest penalty that leaves no coefficient, and a little less. */
Test(coordinate, all_coefficients_are_0_from_the_largest_gradient_on)
{
    static hard_rows h;
    double theta[COLUMNS + 1], g[COLUMNS + 1], largest = 0;
    make(&h, ROWS, 0);
    cusgd_options o = options_of(CUSGD_LOSS_LOGISTIC, 1e3, 0);
    fit_rows(&o, &h, theta);
    for (int64_t j = 0; j < COLUMNS; j++) cr_assert_eq(theta[j], 0);
    gradient_of(&h, logistic_derivative, theta, g);
    for (int64_t j = 0; j < COLUMNS; j++) largest = fmax(largest, fabs(g[j]));
    for (int below = 0; below < 2; below++) {
        int count = 0;
        o.l1 = largest * (below ? 1 - 1e-6 : 1 + 1e-6);
        fit_rows(&o, &h, theta);
        for (int64_t j = 0; j < COLUMNS; j++) count += theta[j] != 0;
        cr_assert(below ? count > 0 : count == 0, "%d coefficients", count);
    }
}

Test(coordinate, threads_do_not_matter)
{
    static hard_rows h;
    double one[COLUMNS + 1], three[COLUMNS + 1];
    make(&h, ROWS, 0);
    for (int single = 0; single < 2; single++) {
        cusgd_options o = options_of(CUSGD_LOSS_LOGISTIC, 1e-3, 0);
        o.precision = single ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
        o.threads = 1;
        fit_rows(&o, &h, one);
        o.threads = 3;
        fit_rows(&o, &h, three);
        cr_assert(memcmp(one, three, sizeof one) == 0);
    }
}

Test(coordinate, auto_takes_it_for_sparse_rows_with_l1)
{
    static hard_rows h;
    make(&h, ROWS, 0);
    for (int variant = 0; variant < 4; variant++) {
        cusgd_options o = options_of(CUSGD_LOSS_LOGISTIC, variant & 1 ? .01 : 0, .01);
        o.solver = CUSGD_SOLVER_AUTO;
        cusgd_data *data = data_from(&h, variant & 2);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        int taken = cusgd_trainer_options(t)->solver == CUSGD_SOLVER_COORDINATE;
        cr_assert_eq(taken, variant == 1, "variant %d", variant);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

Test(coordinate, softmax_is_refused)
{
    static hard_rows h;
    make(&h, ROWS, 0);
    cusgd_options o = options_of(CUSGD_LOSS_SOFTMAX, .01, 0);
    cusgd_data *data = data_from(&h, 0);
    cusgd_trainer *t;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "take lbfgs, or --classes one-vs-rest");
    cusgd_data_free(data);
}

static int stop_at_once(const cusgd_progress *progress, void *user)
{
    (void)progress;
    (void)user;
    return 1;
}

/* A cancelled fit ends behind its iteration, and the next one goes on to the optimum. */
Test(coordinate, a_fit_is_cancelled)
{
    static hard_rows h;
    double theta[COLUMNS + 1];
    make(&h, ROWS, 0);
    cusgd_options o = options_of(CUSGD_LOSS_LOGISTIC, 1e-3, 0);
    cusgd_data *data = data_from(&h, 0);
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, stop_at_once, NULL, &r));
    cr_assert(r.stop == CUSGD_STOP_CANCELLED && r.epochs == 1);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, &r));
    assert_works(cusgd_trainer_get_coefficients(t, theta, theta + COLUMNS));
    cr_assert(violation_of(&h, &o, logistic_derivative, theta) <= 1e-9);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* ---- Paths ---- */

static cusgd_path *trace_path(const cusgd_options *o, const hard_rows *h, int dense, double l1_ratio)
{
    cusgd_data *data = data_from(h, dense);
    cusgd_path_plan plan = CUSGD_INIT(cusgd_path_plan);
    cusgd_path *path;
    plan.count = 12;
    plan.ratio = 1e-3;
    plan.l1_ratio = l1_ratio;
    plan.folds = 3;
    plan.tolerance = 1e-18;
    assert_works(cusgd_path_create(o, data, &plan, &path));
    cusgd_data_free(data);
    return path;
}

/* Dense least squares comes from the products of the columns, other dense losses from the device's second derivatives. */
Test(coordinate, paths_are_those_of_dense_rows)
{
    static hard_rows h;
    make(&h, ROWS, 0);
    for (int64_t i = 0; i < h.n; i++) h.x[i * COLUMNS] = 0; /* of equal columns the coefficients are not unique */
    store(&h);
    for (int variant = 0; variant < 16; variant++) {
        int scaled = (variant & 2) != 0;
        double l1_ratio = variant & 4 ? .5 : 1;
        cusgd_options o = options_of(variant & 1 ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED, 0, 0);
        o.intercept = !(variant & 8);
        o.standardize = scaled;
        cusgd_path *dense = trace_path(&o, &h, 1, l1_ratio);
        o.sparse_scale = scaled ? CUSGD_SPARSE_SCALE_FULL : CUSGD_SPARSE_SCALE_NONE;
        cusgd_path *sparse = trace_path(&o, &h, 0, l1_ratio);
        for (size_t i = 0; i < 12; i++) {
            cusgd_path_point a = CUSGD_INIT(cusgd_path_point), b = CUSGD_INIT(cusgd_path_point);
            cr_assert(cusgd_path_at(dense, i, &a) && cusgd_path_at(sparse, i, &b));
            cr_assert_float_eq(a.alpha, b.alpha, 1e-9 * a.alpha, "variant %d, penalty %zu: %.17g, %.17g", variant, i, a.alpha,
                               b.alpha);
            cr_assert_float_eq(a.loss, b.loss, 1e-7, "variant %d, penalty %zu: %.17g, %.17g", variant, i, a.loss, b.loss);
            const double *x = cusgd_path_coefficients(dense, i), *y = cusgd_path_coefficients(sparse, i);
            for (int64_t j = 0; j <= COLUMNS; j++)
                cr_assert_float_eq(x[j], y[j], 1e-5 * (1 + fabs(x[j])), "variant %d, penalty %zu, column %d: %.12g, %.12g",
                                   variant, i, (int)j, x[j], y[j]);
            const double *p = cusgd_path_losses(dense, i), *q = cusgd_path_losses(sparse, i);
            for (int f = 0; f < 3; f++)
                cr_assert_float_eq(p[f], q[f], 1e-5, "variant %d, penalty %zu, fold %d: %.12g, %.12g", variant, i, f, p[f], q[f]);
        }
        cr_assert_eq(cusgd_path_chosen(dense), cusgd_path_chosen(sparse));
        cusgd_path_free(dense);
        cusgd_path_free(sparse);
    }
}
