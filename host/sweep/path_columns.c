/* Paths of losses that are not quadratic. Few of many columns have nonzero coefficients, so that each penalty is minimized in a
 * working set of columns: those whose gradient is near the penalty (Massias, Gramfort, Salmon 2018), and those for which a pass
 * over all columns at the end finds that it exceeds the penalty. The set only grows along a path. */
#include "path_newton.h"

#include "failure.h"
#include "options.h"
#include "problem/row_source.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAR .9 /* more columns make the second derivatives more expensive; fewer columns need more iterations */

/* A working set: rows, and the columns in which the loss is minimized. */
typedef struct working_set {
    cusgd_path *of;
    examples rows;
    transform t;
    least_squares factors; /* of all columns */
    dataset *all, *some;   /* datasets of all columns, and of those of the set in their order; NULL: the set has all columns */
    int64_t *columns, count;
    int64_t bound; /* number of columns that newton has */
    uint8_t *is_member;
    double *x, *mean, *scale; /* of `some`: rows of the data x `bound` */
    double *theta, *gradient; /* for all columns, d + 1 each */
    newton newton;
} working_set;

/* ---- Making one ---- */

static cusgd_status set_open(cusgd_path *s, working_set *w)
{
    size_t d = (size_t)s->d;
    *w = (working_set){.of = s,
                       .columns = allocate(d, sizeof(int64_t)),
                       .is_member = allocate_zeroed(d, 1),
                       .theta = allocate_zeroed(4 * (d + 1), sizeof(double))};
    if (!w->columns || !w->is_member || !w->theta) return fail_memory(6 * d * sizeof(double), "the columns of a path");
    w->gradient = w->theta + d + 1;
    w->mean = w->gradient + d + 1;
    w->scale = w->mean + d + 1;
    return least_squares_open(s->d, &w->factors);
}

static void set_unbind(working_set *w)
{
    const backend *b = &w->of->trainer->backend;
    b->ops->unbind(b->self, w->some);
    free(w->x);
    w->some = NULL;
    w->x = NULL;
    w->bound = 0;
}

static void set_close(working_set *w)
{
    const backend *b = &w->of->trainer->backend;
    newton_close(&w->newton);
    set_unbind(w);
    b->ops->unbind(b->self, w->all);
    free(w->columns);
    free(w->is_member);
    free(w->theta);
    least_squares_close(&w->factors);
}

static void add_column(working_set *w, int64_t j)
{
    if (w->is_member[j]) return;
    w->is_member[j] = 1;
    w->columns[w->count++] = j;
}

/* Copies the columns of the set and uploads them with the same transform as all columns. */
static cusgd_status bind_columns(working_set *w)
{
    const backend *b = &w->of->trainer->backend;
    size_t rows = (size_t)w->of->trainer->problem.train.data->view.n, count = (size_t)w->count;
    transform t = w->t;
    examples some = w->rows;
    w->x = allocate(rows * count, sizeof *w->x);
    if (!w->x) return fail_memory(rows * count * sizeof *w->x, "the columns of a path");
    row_source all;
    cusgd_status status = rows_open(&all, &w->rows, b);
    for (int64_t i = 0; i < w->rows.n && !status; i++) {
        int64_t row = examples_row(&w->rows, i);
        for (int64_t c = 0; c < w->count; c++) w->x[row * w->count + c] = rows_value(&all, row, w->columns[c]);
    }
    cusgd_status read = rows_close(&all);
    if (status || read) return status ? status : read;
    for (int64_t c = 0; c < w->count; c++) {
        w->mean[c] = w->t.mean[w->columns[c]];
        w->scale[c] = w->t.scale[w->columns[c]];
    }
    t.mean = w->mean;
    t.scale = w->scale;
    some.d = w->count;
    some.x = (cusgd_matrix){w->x, CUSGD_TYPE_FLOAT64, w->count, 1};
    return b->ops->bind(b->self, &some, &t, &w->some);
}

/* Makes the set all columns if it has most of them, because a copy would then save less than it costs: copying and uploading a
 * value takes about as long as this many products, and second derivatives need count^2 / 2 products per row. */
static void complete(working_set *w)
{
    enum { COPY = 120 };
    if ((w->of->d * w->of->d - w->count * w->count) / 2 > COPY * w->count) return;
    for (int64_t j = 0; j < w->of->d; j++) w->is_member[j] = 1;
    for (int64_t j = 0; j < w->of->d; j++) w->columns[j] = j;
    w->count = w->of->d;
}

/* Sets up newton, which has just been opened, for the columns of the set at theta. */
static cusgd_status set_fill(working_set *w)
{
    newton *n = &w->newton;
    n->rows = w->some ? w->some : w->all;
    w->bound = w->count;
    for (int64_t c = 0; c < w->count; c++) {
        n->model.l1[c] = w->factors.l1[w->columns[c]];
        n->model.l2[c] = w->factors.l2[w->columns[c]];
        n->theta[c] = w->theta[w->columns[c]];
    }
    n->theta[w->count] = w->theta[w->of->d];
    return newton_measure(n);
}

/* Sets up newton for the present columns of the set. Its previous columns remain the first ones, unless the set has become all
 * columns. */
static cusgd_status set_bind(working_set *w)
{
    newton before = w->newton;
    double unit = before.unit;
    complete(w);
    if (w->count == w->of->d) newton_close(&before); /* the order of its columns has changed */
    set_unbind(w);
    cusgd_status status = newton_open(w->of, w->count, &w->newton);
    w->newton.unit = unit;
    if (!status && w->count < w->of->d) status = bind_columns(w);
    if (!status) status = set_fill(w);
    if (!status) status = newton_take_over(&w->newton, &before);
    newton_close(&before);
    return status;
}

/* ---- Using it ---- */

/* Sets w->theta to the minimum of newton, and computes the gradient of all columns there. */
static cusgd_status take_gradient(working_set *w)
{
    const backend *b = &w->of->trainer->backend;
    const newton *n = &w->newton;
    double value;
    for (int64_t c = 0; c < w->bound; c++) w->theta[w->columns[c]] = n->theta[c];
    w->theta[w->of->d] = n->theta[w->bound];
    for (int64_t c = 0; c < w->bound; c++) w->gradient[w->columns[c]] = n->gradient[c];
    if (!w->some) return CUSGD_OK;
    return b->ops->objective(b->self, w->all, n->loss, w->theta, &value, w->gradient);
}

/* Adds the columns whose gradient exceeds `bound` times their factor plus `more`. Returns their number. */
static int64_t add_beyond(working_set *w, double bound, double more)
{
    int64_t before = w->count;
    for (int64_t j = 0; j < w->of->d; j++)
        if (!w->is_member[j] && fabs(w->gradient[j]) > bound * w->factors.l1[j] + more) add_column(w, j);
    return w->count - before;
}

/* Finds the minimum in all columns. w->theta and gradient must be those for l1_before. */
static cusgd_status solve(working_set *w, double l1, double l2, double l1_before, double tolerance)
{
    cusgd_status status = CUSGD_OK;
    add_beyond(w, NEAR * l1, l1 > 0 ? 0 : -1); /* all columns if there is no l1 */
    do {
        if (w->bound < w->count) status = set_bind(w);
        if (!status) status = newton_minimize(&w->newton, l1, l2, l1_before, tolerance);
        if (!status) status = take_gradient(w);
    } while (!status && add_beyond(w, l1, tolerance * w->newton.unit) > 0);
    return status;
}

/* ---- The path of one set of rows ---- */

/* Selects the rows that are in a fold, or those that are not; fold -1: all rows. */
static cusgd_status select_rows(const cusgd_path *s, int fold, int inside, int64_t *index, examples *rows)
{
    const example_set *train = &s->trainer->problem.train;
    int64_t count = 0;
    *rows = train->rows;
    rows->y = train->data->view.y; /* in the units of the data */
    for (int64_t i = 0; i < train->rows.n; i++) {
        int64_t row = examples_row(&train->rows, i);
        if (fold < 0 || (s->fold[row] == fold) == inside) index[count++] = row;
    }
    if (count == 0) return fail(CUSGD_ERROR_USAGE, "fold %d has no rows, or all; give fewer folds", fold);
    rows->n = count;
    rows->rows = index;
    return CUSGD_OK;
}

/* Fails if theta is not a minimum: the gradient is not 0, and a step along it would decrease the objective by more than rounding
 * errors. */
static cusgd_status check_minimum(const working_set *w, double l1, double l2)
{
    const double far = 1e-3, rounding = 1e-12, least = 1e-6;
    const newton *n = &w->newton;
    double left = newton_violation(n, l1, l2);
    if (left <= far * n->unit || left * left <= rounding * n->steepest * fmax(fabs(n->value), least)) return CUSGD_OK;
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "the path ends at l1 %g and l2 %g, short of the minimum: the loss has second derivatives of almost 0 where most "
                "predictions are far from their targets; divide the targets by their scale, or train by a sweep over l1 and l2",
                l1, l2);
}

/* Fits the model without penalized columns, starting from the intercept-only model, because the second derivatives of a loss may
 * vanish at 0. */
static cusgd_status begin(working_set *w, double tolerance)
{
    const problem *p = &w->of->trainer->problem;
    if (p->intercept) w->theta[w->of->d] = p->targets.null[0] + p->units.shift[0];
    for (int64_t j = 0; j < w->of->d; j++)
        if (!(w->factors.l1[j] > 0)) add_column(w, j);
    if (w->count == 0) add_column(w, 0);
    cusgd_status status = set_bind(w);
    w->newton.unit = 1;
    for (int i = 0; i < 2 && !status; i++) { /* the second time with the unit from the first */
        status = solve(w, NULL_L1, 0, NULL_L1, tolerance);
        double unit = 0;
        for (int64_t j = 0; j < w->of->d; j++) unit = fmax(unit, fabs(w->gradient[j]));
        w->newton.unit = unit;
    }
    return status ? status : check_minimum(w, NULL_L1, 0);
}

/* Returns the smallest l1 for which no penalized column is in the model. */
static double largest_l1(const working_set *w)
{
    double largest = 0;
    for (int64_t j = 0; j < w->of->d; j++)
        if (w->factors.l1[j] > 0) largest = fmax(largest, fabs(w->gradient[j]) / w->factors.l1[j]);
    return largest;
}

static cusgd_status trace_set(working_set *w, int fold, const cusgd_path_plan *plan, double *theta)
{
    cusgd_path *s = w->of;
    double tolerance = sqrt(s->tolerance);
    cusgd_status status = begin(w, tolerance);
    double before = largest_l1(w);
    if (!status && fold < 0) path_choose_alphas(s, plan, before);
    for (int64_t i = 0; i < s->count && !status; i++) {
        double l1 = s->alphas[i] * s->l1_ratio, l2 = s->alphas[i] * (1 - s->l1_ratio);
        status = solve(w, l1, l2, fmax(before, l1), tolerance);
        if (!status) status = check_minimum(w, l1, l2);
        memcpy(theta + i * (s->d + 1), w->theta, sizeof(double) * (size_t)(s->d + 1));
        if (fold < 0) s->points[i].loss = w->newton.value;
        before = l1;
    }
    return status;
}

/* Computes the path for the rows outside a fold. theta: count x side. */
static cusgd_status trace_rows(cusgd_path *s, int fold, const cusgd_path_plan *plan, int64_t *index, double *theta)
{
    const backend *b = &s->trainer->backend;
    working_set w;
    cusgd_status status = set_open(s, &w);
    if (!status) status = select_rows(s, fold, 0, index, &w.rows);
    if (!status) status = path_fold_factors(s, fold, &w.rows, &w.factors, &w.t);
    if (!status) status = b->ops->bind(b->self, &w.rows, &w.t, &w.all);
    if (!status) status = trace_set(&w, fold, plan, theta);
    set_close(&w);
    return status;
}

/* Computes the losses of the rows of a fold at each point of the path without them. */
static cusgd_status judge_fold(cusgd_path *s, int fold, int64_t *index, const double *theta)
{
    const loss_rule loss = loss_rule_of(&s->trainer->options);
    const backend *b = &s->trainer->backend;
    examples rows;
    transform t;
    dataset *bound = NULL;
    cusgd_status status = select_rows(s, fold, 1, index, &rows);
    if (!status) status = path_fold_factors(s, fold, &rows, NULL, &t);
    if (!status) status = b->ops->bind(b->self, &rows, &t, &bound);
    for (int64_t i = 0; i < s->count && !status; i++)
        status = b->ops->objective(b->self, bound, loss, theta + i * (s->d + 1), &s->losses[i * s->folds + fold], NULL);
    b->ops->unbind(b->self, bound);
    return status;
}

cusgd_status path_newton(cusgd_path *s, const cusgd_path_plan *plan)
{
    size_t values = (size_t)(s->count * (s->d + 1)), rows = (size_t)s->trainer->problem.train.rows.n;
    double *theta = allocate(values, sizeof *theta);
    int64_t *index = allocate(rows, sizeof *index);
    cusgd_status status =
        theta && index ? CUSGD_OK : fail_memory(values * sizeof *theta + rows * sizeof *index, "the coefficients of a fold");
    if (!status) status = trace_rows(s, -1, plan, index, s->theta);
    for (int64_t i = 0; i < s->count; i++) s->points[i].gap = (double)NAN;
    for (int f = 0; f < s->folds && !status; f++) {
        status = trace_rows(s, f, plan, index, theta);
        if (!status) status = judge_fold(s, f, index, theta);
    }
    free(theta);
    free(index);
    return status;
}
