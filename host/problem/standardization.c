/* The units of a problem: standardized columns and targets, and the penalties and bounds of each parameter in these units. */
#include "problem.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "scalar/rounding.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns the scale of a column. If its standard deviation is only rounding error of the mean, it is constant and keeps its
 * scale. */
static double scale_of(double mean, double variance)
{
    double deviation = sqrt(variance);
    return deviation > 10 * DBL_EPSILON * fabs(mean) ? deviation : 1;
}

static int penalizes_in_data_units(const cusgd_options *o)
{
    return o->penalty_units == CUSGD_PENALTY_DATA && o->standardize && (o->l1 > 0 || o->l2 > 0);
}

double problem_penalized_scale(const cusgd_options *o, int64_t j, double scale)
{
    double root = sqrt(o->l2 * (o->l2_factors ? o->l2_factors[j] : 1));
    return penalizes_in_data_units(o) ? fmax(scale, root) : scale;
}

cusgd_status problem_take_quartiles(problem *p, double *work)
{
    const cusgd_options *o = p->options;
    cusgd_status status = problem_quartiles(p, work, work + p->d);
    for (int64_t j = 0; j < p->d && !status; j++) {
        double median = work[j], range = work[p->d + j];
        if (o->intercept) p->units.mean[j] = median;
        if (!(range > 10 * DBL_EPSILON * fabs(median))) continue;
        p->units.own_scale[j] = range;
        p->units.scale[j] = problem_penalized_scale(o, j, range);
    }
    return status;
}

#define SMALLEST_SQUARE 1e-305 /* smaller variances have lost digits */

/* Fails if a column is far from 0 in the given units, because a float could not distinguish its values, or their squares would
 * overflow. */
static cusgd_status check_given(const problem *p, int64_t j, double distance)
{
    const double far = 1e15;
    if (!(p->options->column_means || p->options->column_scales) || distance <= far * p->units.own_scale[j]) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: the values of column %lld are about %.3g from the mean %.3g, in units of %.3g: give column-means and "
                "column-scales that fit",
                p->train.data->source, (long long)j + 1, distance, p->units.mean[j], p->units.own_scale[j]);
}

/* Returns whether columns are centered. Without an intercept they are only scaled, because centering would be equivalent to an
 * intercept. */
static int columns_are_centered(const problem *p)
{
    const cusgd_options *o = p->options;
    int sparse = examples_are_sparse(&p->train.rows);
    return o->standardize && o->intercept && (!sparse || o->sparse_scale == CUSGD_SPARSE_SCALE_FULL);
}

/* Chooses the mean and scale of column j from its own mean, which is in units.mean, and its variance. */
static cusgd_status standardize_column(problem *p, int64_t j, double variance)
{
    const cusgd_options *o = p->options;
    double own = p->units.mean[j], second = variance + own * own;
    if (!isfinite(second))
        return fail(CUSGD_ERROR_DATA, "%s: the squares of column %lld overflow; divide it by a power of ten",
                    p->train.data->source, (long long)j + 1);
    if (second < SMALLEST_SQUARE && own != 0)
        return fail(CUSGD_ERROR_DATA, "%s: the squares of column %lld are too small for a double; multiply it by a power of ten",
                    p->train.data->source, (long long)j + 1);
    p->units.rms[j] = sqrt(second);
    int centers = columns_are_centered(p);
    p->units.own_scale[j] = !o->standardize    ? 1
                            : o->column_scales ? o->column_scales[j]
                            : centers          ? scale_of(own, variance)
                            : second > 0       ? p->units.rms[j]
                                               : 1;
    p->units.scale[j] = problem_penalized_scale(o, j, p->units.own_scale[j]);
    if (!centers)
        p->units.mean[j] = 0;
    else if (o->column_means)
        p->units.mean[j] = o->column_means[j];
    return check_given(p, j, sqrt(variance + (own - p->units.mean[j]) * (own - p->units.mean[j])));
}

void problem_standardize_in_float(problem *p)
{
    const cusgd_options *o = p->options;
    int in_float = p->units.transform.mean && !examples_are_sparse(&p->train.rows) && o->precision == CUSGD_PRECISION_FLOAT &&
                   o->storage == CUSGD_STORAGE_FULL;
    for (int64_t j = 0; j < p->d && in_float; j++) in_float = standardizes_in_float(p->units.mean[j], p->units.scale[j]);
    for (int64_t j = 0; j < p->d && in_float; j++) p->units.mean[j] = (double)(float)p->units.mean[j];
    p->units.transform.in_float = in_float;
}

cusgd_status problem_standardize(problem *p, double *variance, double *target)
{
    const cusgd_options *o = p->options;
    int64_t d = p->d, k = p->k;
    double weight;
    cusgd_status status = problem_moments(p, p->units.mean, variance, target, &weight);
    if (status) return status;
    for (int64_t j = 0; j < d && !status; j++) status = standardize_column(p, j, variance[j]);
    if (status) return status;
    int centers = columns_are_centered(p) && loss_is_shift_invariant(o->loss);
    for (int64_t c = 0; c < p->m && p->targets.minus; c++) target[c] = (target[c] + 1) / 2;
    if (p->train.rows.classes > 0) status = classes_shares(p, target);
    if (status) return status;
    if (p->train.rows.o.at && p->train.rows.classes == 0) targets_given_offsets(p, target);
    if (interrupt_asked()) return fail_interrupted();
    for (int64_t c = 0; c < k; c++) {
        p->units.shift[c] = centers ? target[c] : 0;
        p->targets.null[c] = loss_best_constant(o->loss, target[c]) - p->units.shift[c];
        if (isnan(target[c]))
            return fail(
                CUSGD_ERROR_DATA,
                "%s: e^offset is beyond what %s holds: give the logarithm as the offset, or the number itself as an exposure",
                p->train.data->source, o->precision == CUSGD_PRECISION_FLOAT ? "a float" : "a double");
    }
    if (is_softmax(p)) {
        memcpy(p->targets.null, target, sizeof(double) * (size_t)k);
        classes_null(k, p->targets.null);
    }
    p->units.transform.mean = o->standardize ? p->units.mean : NULL;
    p->units.transform.scale = o->standardize ? p->units.scale : NULL;
    p->units.transform.shift = centers ? p->units.shift : NULL;
    p->units.transform.weight_mean = weight / (double)p->train.rows.n;
    p->units.transform.storage = o->storage;
    if (interrupt_asked()) return fail_interrupted();
    cusgd_status studied = study_targets(p);
    p->targets.lower_bound = targets_lower_bound(p);
    return studied;
}

/* Limits a factor on a penalty so that their product does not overflow. The coefficients are 0 in any case. */
static double limit_factor(double factor, double penalty) { return fmin(factor, 1e30 / fmax(penalty, 1)); }

cusgd_status problem_set_limits(problem *p)
{
    const cusgd_options *o = p->options;
    int64_t d = p->d, k = p->k, size = (d + 1) * k;
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    int in_data = penalizes_in_data_units(o);
    if (!in_data && !o->l1_factors && !o->l2_factors && !options_have_bounds(o)) return CUSGD_OK;
    for (int i = 0; i < LIMIT_COUNT; i++) {
        p->limit[i] = allocate_zeroed((size_t)size, sizeof(double));
        if (!p->limit[i]) return fail_memory((size_t)size * sizeof(double), "the penalties' factors and the bounds");
    }
    for (int64_t u = 0; u < d * k; u++) {
        double scale = p->units.scale[u / k], unit = in_data ? scale : 1;
        double l1 = o->l1_factors ? o->l1_factors[u / k] : 1, l2 = o->l2_factors ? o->l2_factors[u / k] : 1;
        p->limit[LIMIT_L1][u] = limit_factor(l1 / unit, p->l1);
        p->limit[LIMIT_L2][u] = limit_factor(l2 / unit / unit, p->l2);
        p->limit[LIMIT_LOWER][u] = isnan(o->lower) ? -(double)INFINITY : o->lower / p->units.target * scale;
        p->limit[LIMIT_UPPER][u] = isnan(o->upper) ? (double)INFINITY : o->upper / p->units.target * scale;
        for (int i = 0; i < LIMIT_COUNT; i++) p->limit[i][u] = rounded_for(single, p->limit[i][u]);
    }
    return CUSGD_OK;
}
