/* The second moments of each fold, by passes of the device: the second derivatives of the squared loss are the products of the
 * columns, and the gradient at 0 is the negative of the products with the targets. */
#include "path.h"

#include "failure.h"
#include "interrupt.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status add_bound(cusgd_path *s, const dataset *b, int64_t n, moment_sums *out)
{
    const backend *device = &s->trainer->backend;
    loss_rule squared = {.kind = CUSGD_LOSS_SQUARED};
    size_t side = (size_t)s->d + 1;
    double *zeros = allocate_zeroed(side, sizeof *zeros), value = 0;
    if (!zeros) return fail_memory(side * sizeof *zeros, "the columns' moments");
    cusgd_status status = device->ops->hessian(device->self, b, squared, NULL, out->product);
    if (!status) status = device->ops->objective(device->self, b, squared, zeros, &value, out->cross);
    for (size_t i = 0; i < side * side; i++) out->product[i] *= (double)n;
    for (size_t j = 0; j < side; j++) out->cross[j] *= -(double)n;
    out->square = 2 * value * (double)n;
    free(zeros);
    return status;
}

/* Adds the rows of one fold, or all rows. index: work, one value per row. */
static cusgd_status add_fold(cusgd_path *s, int fold, const transform *t, int64_t *index)
{
    const backend *device = &s->trainer->backend;
    const examples *all = &s->trainer->problem.train.rows;
    examples rows = *all;
    dataset *b = NULL;
    int64_t count = 0;
    if (s->folds > 0) {
        for (int64_t i = 0; i < all->n; i++) {
            int64_t row = examples_row(all, i);
            if (s->fold[row] == fold) index[count++] = row;
        }
        if (count == 0) return fail(CUSGD_ERROR_USAGE, "fold %d has no rows; give fewer folds", fold);
        rows.n = count;
        rows.rows = index;
    }
    if (interrupt_asked()) return fail_interrupted();
    cusgd_status status = device->ops->bind(device->self, &rows, t, &b);
    if (!status) status = add_bound(s, b, rows.n, &s->sums[fold]);
    device->ops->unbind(device->self, b);
    return status;
}

/* Returns whether a column varies: as in standardization.c, a standard deviation that is only rounding error of the mean counts
 * as 0. */
static int varies(double deviation, double mean) { return deviation > 10 * DBL_EPSILON * fabs(mean); }

/* Returns whether columns are centered. They are not without an intercept, nor, by default, if they are sparse. */
static int centers(const cusgd_path *s)
{
    const problem *p = &s->trainer->problem;
    int sparse = examples_are_sparse(&p->train.rows);
    return p->intercept && (!sparse || s->trainer->options.sparse_scale == CUSGD_SPARSE_SCALE_FULL);
}

cusgd_status path_standardize(cusgd_path *s, double *shift, transform *t)
{
    const problem *p = &s->trainer->problem;
    double weight = 0, *variance = allocate((size_t)s->d, sizeof *variance);
    cusgd_status status = variance ? CUSGD_OK : fail_memory((size_t)s->d * sizeof *variance, "the columns' moments");
    if (!status) status = problem_moments(p, s->mean, variance, shift, &weight);
    for (int64_t j = 0; j < s->d && !status; j++) {
        if (!centers(s)) {
            variance[j] += s->mean[j] * s->mean[j];
            s->mean[j] = 0;
        }
        double deviation = sqrt(variance[j]);
        s->scale[j] = varies(deviation, s->mean[j]) ? deviation : 1;
    }
    free(variance);
    *t = (transform){
        .mean = s->mean, .scale = s->scale, .weight_mean = weight / (double)p->train.rows.n, .storage = CUSGD_STORAGE_FULL};
    return status;
}

cusgd_status path_add_rows(cusgd_path *s)
{
    const problem *p = &s->trainer->problem;
    transform t;
    int64_t *index = allocate((size_t)p->train.rows.n, sizeof *index);
    cusgd_status status = index ? CUSGD_OK : fail_memory((size_t)p->train.rows.n * sizeof *index, "the rows of a fold");
    if (!status) status = path_standardize(s, &s->shift, &t);
    if (!p->intercept) s->shift = 0;
    t.shift = &s->shift;
    for (int f = 0; f < (s->folds > 0 ? s->folds : 1) && !status; f++) status = add_fold(s, f, &t, index);
    free(index);
    return status;
}

/* ---- Problems of some of the folds ---- */

cusgd_status least_squares_open(int64_t d, least_squares *of)
{
    size_t values = (size_t)(d * d + 4 * d);
    double *at = allocate(values, sizeof *at);
    if (!at) return fail_memory(values * sizeof *at, "the products of the columns");
    *of = (least_squares){.d = d, .matrix = at};
    of->cross = at + d * d;
    of->l1 = of->cross + d;
    of->l2 = of->l1 + d;
    of->x_mean = of->l2 + d;
    return CUSGD_OK;
}

void least_squares_close(least_squares *of)
{
    free(of->matrix);
    of->matrix = NULL;
}

/* Adds all folds except one. Returns their weight. */
static double add_folds(const cusgd_path *s, int without, least_squares *of)
{
    int64_t d = s->d, side = d + 1;
    double weight = 0;
    memset(of->matrix, 0, sizeof(double) * (size_t)(d * d));
    memset(of->cross, 0, sizeof(double) * (size_t)d);
    memset(of->x_mean, 0, sizeof(double) * (size_t)d);
    of->square = of->y_mean = 0;
    for (int f = 0; f < (s->folds > 0 ? s->folds : 1); f++) {
        const moment_sums *one = &s->sums[f];
        if (f == without) continue;
        for (int64_t j = 0; j < d; j++)
            for (int64_t l = 0; l < d; l++) of->matrix[j * d + l] += one->product[j * side + l];
        for (int64_t j = 0; j < d; j++) of->cross[j] += one->cross[j];
        for (int64_t j = 0; j < d; j++) of->x_mean[j] += one->product[d * side + j];
        weight += one->product[d * side + d];
        of->y_mean += one->cross[d];
        of->square += one->square;
    }
    return weight;
}

/* Divides the sums by the weight, and centers them. */
static void center_sums(const cusgd_path *s, double weight, least_squares *of)
{
    int64_t d = s->d;
    int centers = s->trainer->problem.intercept;
    of->y_mean = centers ? of->y_mean / weight : 0;
    of->square = of->square / weight - of->y_mean * of->y_mean;
    for (int64_t j = 0; j < d; j++) of->x_mean[j] = centers ? of->x_mean[j] / weight : 0;
    for (int64_t j = 0; j < d; j++) {
        of->cross[j] = of->cross[j] / weight - of->x_mean[j] * of->y_mean;
        for (int64_t l = 0; l < d; l++) of->matrix[j * d + l] = of->matrix[j * d + l] / weight - of->x_mean[j] * of->x_mean[l];
    }
}

/* Sets the factors on the penalties, which act on the coefficient in the units of the data, theta / scale, or on that of a column
 * with standard deviation 1 in the rows of this problem. deviation: in the units of the transformed columns. Returns whether the
 * column is constant there. */
static int put_factors(const cusgd_path *s, int without, int64_t j, double deviation, double mean, least_squares *of)
{
    const cusgd_options *o = &s->trainer->options;
    int standardized = o->standardize && o->penalty_units == CUSGD_PENALTY_STANDARDIZED;
    int constant = !varies(deviation * s->scale[j], mean);
    double unit = !standardized || constant ? 1 / s->scale[j] : without < 0 ? 1 : deviation;
    of->l1[j] = unit * (o->l1_factors ? o->l1_factors[j] : 1);
    of->l2[j] = unit * unit * (o->l2_factors ? o->l2_factors[j] : 1);
    return constant;
}

cusgd_status path_fold_factors(const cusgd_path *s, int fold, const examples *rows, least_squares *of, transform *t)
{
    const problem *p = &s->trainer->problem;
    const backend *b = p->backend;
    double weight = 0, target, *mean = allocate(2 * (size_t)s->d, sizeof *mean), *variance = mean + s->d;
    if (!mean) return fail_memory(2 * (size_t)s->d * sizeof *mean, "the columns' moments");
    cusgd_status status = b->ops->moments(b->self, rows, mean, variance, &target, &weight);
    for (int64_t j = 0; of && j < s->d && !status; j++) {
        double second = variance[j] + (centers(s) ? 0 : mean[j] * mean[j]);
        put_factors(s, fold, j, sqrt(second) / s->scale[j], centers(s) ? mean[j] : 0, of);
    }
    free(mean);
    *t = (transform){.mean = s->mean, .scale = s->scale, .weight_mean = weight / (double)rows->n, .storage = CUSGD_STORAGE_FULL};
    return status;
}

static void fill_factors(const cusgd_path *s, int without, least_squares *of)
{
    int64_t d = s->d;
    for (int64_t j = 0; j < d; j++) {
        double deviation = sqrt(fmax(of->matrix[j * d + j], 0));
        int constant = put_factors(s, without, j, deviation, s->mean[j] + of->x_mean[j] * s->scale[j], of);
        for (int64_t l = 0; constant && l < d; l++) of->matrix[j * d + l] = of->matrix[l * d + j] = 0;
        if (constant) of->cross[j] = 0;
    }
}

void path_problem(const cusgd_path *s, int without, least_squares *of)
{
    double bound = loss_curvature_bound(s->trainer->problem.loss); /* of mse, twice the squared loss */
    center_sums(s, add_folds(s, without, of), of);
    fill_factors(s, without, of);
    for (int64_t i = 0; i < s->d * s->d; i++) of->matrix[i] *= bound;
    for (int64_t j = 0; j < s->d; j++) of->cross[j] *= bound;
    of->square *= bound;
}

double path_fold_loss(const cusgd_path *s, int fold, const double *theta)
{
    const moment_sums *of = &s->sums[fold];
    int64_t side = s->d + 1;
    double sum = of->square;
    for (int64_t j = 0; j < side; j++) {
        double row = 0;
        if (!(theta[j] > 0 || theta[j] < 0)) continue;
        for (int64_t l = 0; l < side; l++) row += of->product[j * side + l] * theta[l];
        sum += theta[j] * (row - 2 * of->cross[j]);
    }
    return fmax(sum, 0) / of->product[side * side - 1];
}
