/* Paths of sparse rows: coordinate descent on their columns (problem/column_descent.h), from penalty to penalty. Nothing grows
 * with the square of the number of columns. Coefficients are those of the columns before scaling; the scales are factors on the
 * penalties. */
#include "path.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "physical_memory.h"
#include "problem/column_descent.h"
#include "problem/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 200, IDLE_STEPS = 20, LOOSE = 100 };

/* The columns of the rows of a fold, or of the others. */
typedef struct columns_of_rows {
    cusgd_path *path;
    examples rows;
    columns x;
    column_problem problem;
    column_descent now;
    double *block;   /* 3 n + 4 d */
    double *l1, *l2; /* d: factors on the penalties */
    double unit;     /* the largest gradient of the model without columns */
} columns_of_rows;

cusgd_status path_check_sparse_memory(const cusgd_path *s)
{
    double n = (double)s->trainer->problem.train.rows.n, side = (double)s->d + 1;
    double stored = (double)cusgd_data_stored(s->trainer->problem.train.data), all = memory_of_machine();
    double bytes = columns_bytes(stored, side) + sizeof(double) * (7 * n + side * (12 + 2 * (double)s->count));
    if (all == 0 || bytes <= all) return CUSGD_OK;
    return fail(
        CUSGD_ERROR_MEMORY,
        "out of memory: a path of %lld penalties and %lld columns needs %.3g GB, and this machine has %.3g GB; ask for fewer "
        "penalties",
        (long long)s->count, (long long)s->d, bytes / 1e9, all / 1e9);
}

/* ---- Rows ---- */

static cusgd_status select_rows(const cusgd_path *s, int fold, int inside, int64_t *index, examples *rows)
{
    const examples *all = &s->trainer->problem.train.rows;
    int64_t count = 0;
    *rows = *all;
    for (int64_t i = 0; i < all->n; i++) {
        int64_t row = examples_row(all, i);
        if (fold < 0 || (s->fold[row] == fold) == inside) index[count++] = row;
    }
    if (count == 0) return fail(CUSGD_ERROR_USAGE, "fold %d has no rows, or all; give fewer folds", fold);
    rows->n = count;
    rows->rows = index;
    return CUSGD_OK;
}

static cusgd_status take_rows(columns_of_rows *t)
{
    const problem *p = &t->path->trainer->problem;
    const examples *rows = &t->rows;
    size_t n = (size_t)rows->n, d = (size_t)rows->d, values = 3 * n + 4 * d;
    double sum = 0, *at = t->block = allocate(values, sizeof *at);
    if (!at) return fail_memory(values * sizeof *at, "the rows of a path");
    t->problem = (column_problem){.x = &t->x,
                                  .loss = p->loss,
                                  .intercept = p->intercept,
                                  .steepest = p->targets.steepest,
                                  .target = at,
                                  .weight = at + n,
                                  .offset = rows->o.at ? at + 2 * n : NULL,
                                  .l1 = at + 3 * n,
                                  .l2 = at + 3 * n + d,
                                  .stride = 1};
    t->l1 = at + 3 * n + 2 * d;
    t->l2 = t->l1 + d;
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t row = examples_row(rows, i);
        t->problem.target[i] = output_target(rows, row, 0);
        sum += t->problem.weight[i] = weight_at(rows, row);
        if (t->problem.offset) t->problem.offset[i] = offset_at(rows, row);
    }
    for (int64_t i = 0; i < rows->n; i++) t->problem.weight[i] /= sum;
    return CUSGD_OK;
}

static cusgd_status open_rows(columns_of_rows *t, int fold, int inside, int64_t *index)
{
    const transform as_they_are = {.weight_mean = 1};
    cusgd_status status = select_rows(t->path, fold, inside, index, &t->rows);
    if (!status) status = take_rows(t);
    if (!status) status = columns_open(&t->rows, &as_they_are, 0, NULL, &t->x);
    return status ? status : column_descent_open(&t->problem, &t->now);
}

static void close_rows(columns_of_rows *t)
{
    column_descent_close(&t->now);
    columns_close(&t->x);
    free(t->block);
}

/* ---- The path of one set of rows ---- */

static void set_penalties(columns_of_rows *t, double l1, double l2)
{
    for (int64_t j = 0; j < t->x.d; j++) t->problem.l1[j] = l1 * t->l1[j];
    for (int64_t j = 0; j < t->x.d; j++) t->problem.l2[j] = l2 * t->l2[j];
    column_descent_judge(&t->now);
}

/* Minimizes with these penalties, starting at the measured point. */
static cusgd_status minimize(columns_of_rows *t, double l1, double l2, double enough)
{
    const double far = 1e-3;
    column_descent *now = &t->now;
    set_penalties(t, l1, l2);
    double least = now->violation;
    for (int i = 0, idle = 0; now->violation > enough && i < MAX_STEPS && idle < IDLE_STEPS; i++) {
        cusgd_status status = column_descent_step(now, enough);
        if (status) return status;
        if (!(now->step > 0)) break;
        column_descent_measure(now);
        idle = now->violation < least / 2 ? 0 : idle + 1;
        least = fmin(least, now->violation);
    }
    if (!(now->violation > far * t->unit)) return CUSGD_OK;
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "the path ends at l1 %g and l2 %g, short of the minimum; train for this penalty alone, with more l2", l1, l2);
}

/* Fits the model without penalized columns. Sets t->unit, and *largest to the smallest l1 for which no penalized column is in the
 * model. */
static cusgd_status begin(columns_of_rows *t, double *largest)
{
    const problem *p = &t->path->trainer->problem;
    cusgd_status status = CUSGD_OK;
    *largest = 0;
    t->now.intercept = p->intercept ? p->targets.null[0] : 0;
    column_descent_measure(&t->now);
    t->unit = 1;
    for (int i = 0; i < 2 && !status; i++) { /* the second time with the unit from the first */
        status = minimize(t, NULL_L1, 0, 1e-10 * t->unit);
        double unit = 0;
        for (int64_t j = 0; j < t->x.d; j++) unit = fmax(unit, fabs(t->now.gradient[j]));
        if (unit > 0) t->unit = unit;
    }
    for (int64_t j = 0; j < t->x.d; j++)
        if (t->l1[j] > 0) *largest = fmax(*largest, fabs(t->now.gradient[j]) / t->l1[j]);
    return status;
}

/* Sets the factors of the path, which refer to columns in units of their scales. */
static cusgd_status take_factors(columns_of_rows *t, int fold)
{
    const cusgd_path *s = t->path;
    transform unused;
    least_squares factors = {.d = s->d, .l1 = t->l1, .l2 = t->l2};
    cusgd_status status = path_fold_factors(s, fold, &t->rows, &factors, &unused);
    for (int64_t j = 0; j < s->d && !status; j++) {
        t->l1[j] *= s->scale[j];
        t->l2[j] *= s->scale[j] * s->scale[j];
    }
    return status;
}

static cusgd_status trace(columns_of_rows *t, int fold, const cusgd_path_plan *plan, double *theta)
{
    cusgd_path *s = t->path;
    double largest, accuracy = sqrt(s->tolerance) / 100;
    cusgd_status status = take_factors(t, fold);
    if (!status) status = begin(t, &largest);
    if (!status && fold < 0) path_choose_alphas(s, plan, largest * s->unit);
    for (int64_t i = 0; i < s->count && !status; i++) {
        double *at = theta + i * (s->d + 1);
        status = minimize(t, s->alphas[i] * s->l1_ratio / s->unit, s->alphas[i] * (1 - s->l1_ratio), accuracy * t->unit);
        vector_copy(s->d, t->now.theta, at);
        at[s->d] = t->now.intercept;
        if (fold >= 0) continue;
        s->points[i].loss = path_reported(s, t->now.loss);
        s->points[i].converged = !(t->now.violation > LOOSE * accuracy * t->unit); /* less may be rounding */
    }
    return status;
}

static cusgd_status trace_rows(cusgd_path *s, int fold, const cusgd_path_plan *plan, int64_t *index, double *theta)
{
    columns_of_rows t = {.path = s};
    cusgd_status status = open_rows(&t, fold, 0, index);
    if (!status) status = trace(&t, fold, plan, theta);
    close_rows(&t);
    return status;
}

/* Computes the losses of the rows of a fold at each point of the path without them. */
static cusgd_status judge_fold(cusgd_path *s, int fold, int64_t *index, const double *theta)
{
    columns_of_rows t = {.path = s};
    cusgd_status status = open_rows(&t, fold, 1, index);
    for (int64_t i = 0; i < s->count && !status; i++) {
        vector_copy(s->d, theta + i * (s->d + 1), t.now.theta);
        t.now.intercept = theta[i * (s->d + 1) + s->d];
        s->losses[i * s->folds + fold] = path_reported(s, column_descent_loss(&t.now));
        if (interrupt_asked()) status = fail_interrupted();
    }
    close_rows(&t);
    return status;
}

cusgd_status path_sparse(cusgd_path *s, const cusgd_path_plan *plan)
{
    size_t values = (size_t)(s->count * (s->d + 1)), rows = (size_t)s->trainer->problem.train.rows.n;
    double *theta = s->folds > 0 ? allocate(values, sizeof *theta) : NULL;
    int64_t *index = allocate(rows, sizeof *index);
    cusgd_status status = (theta || s->folds == 0) && index
                              ? CUSGD_OK
                              : fail_memory(values * sizeof *theta + rows * sizeof *index, "the coefficients of a fold");
    if (!status) status = trace_rows(s, -1, plan, index, s->theta);
    for (int64_t i = 0; i < s->count; i++) s->points[i].gap = (double)NAN;
    for (int f = 0; f < s->folds && !status; f++) {
        status = trace_rows(s, f, plan, index, theta);
        if (!status) status = judge_fold(s, f, index, theta);
    }
    free(theta);
    free(index);
    for (int64_t j = 0; j < s->d; j++) { /* of the coefficients, which are those of columns as they are */
        s->scale[j] = 1;
        s->mean[j] = 0;
    }
    s->shift = 0;
    return status;
}
