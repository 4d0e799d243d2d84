/* A problem: checks of the data, standardization, and bounds. */
#include "problem.h"

#include "error.h"
#include "interrupt.h"
#include "options.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Standardization ---- */

/* A column whose deviation is rounding of its mean is constant; it keeps its scale. */
static double scale_of(double mean, double variance)
{
    double deviation = sqrt(variance);
    return deviation > 10 * DBL_EPSILON * fabs(mean) ? deviation : 1;
}

#define SMALLEST_SQUARE 1e-305 /* below which a variance has lost digits, or all of them */

/* variance: d, target: k, both work. */
static cusgd_status standardize(problem *p, double *variance, double *target)
{
    const cusgd_options *o = p->options;
    int64_t d = p->d, k = p->k;
    double weight;
    cusgd_status status = problem_moments(p, p->units.mean, variance, target, &weight);
    if (status != CUSGD_OK) return status;
    for (int64_t j = 0; j < d; j++) {
        double second = variance[j] + p->units.mean[j] * p->units.mean[j];
        if (!isfinite(second))
            return fail(CUSGD_ERROR_DATA, "%s: the squares of column %lld overflow; divide it by a power of ten",
                        p->train.data->source, (long long)j + 1);
        if (second < SMALLEST_SQUARE && p->units.mean[j] != 0)
            return fail(CUSGD_ERROR_DATA,
                        "%s: the squares of column %lld are too small for a double; multiply it by a power of ten",
                        p->train.data->source, (long long)j + 1);
        p->units.rms[j] = sqrt(second);
        /* Without an intercept, centering would put one in by the back door: then columns are scaled only. */
        p->units.scale[j] = !o->standardize ? 1
                            : o->intercept  ? scale_of(p->units.mean[j], variance[j])
                            : second > 0    ? p->units.rms[j]
                                            : 1;
        if (!o->standardize || !o->intercept) p->units.mean[j] = 0;
    }
    int centres = o->standardize && o->intercept && loss_is_shift_invariant(o->loss);
    for (int64_t c = 0; c < k && p->targets.minus; c++) target[c] = (target[c] + 1) / 2;
    if (p->train.rows.o.at) targets_beside_offsets(p, target);
    if (interrupt_asked()) return fail_interrupted();
    for (int64_t c = 0; c < k; c++) {
        p->units.shift[c] = centres ? target[c] : 0;
        p->targets.null[c] = loss_best_constant(o->loss, target[c]) - p->units.shift[c];
        if (isnan(target[c]))
            return fail(
                CUSGD_ERROR_DATA,
                "%s: e^offset is beyond what %s holds: give the logarithm as the offset, or the number itself as an exposure",
                p->train.data->source, o->precision == CUSGD_PRECISION_FLOAT ? "a float" : "a double");
    }
    p->units.transform.mean = o->standardize ? p->units.mean : NULL;
    p->units.transform.scale = o->standardize ? p->units.scale : NULL;
    p->units.transform.shift = centres ? p->units.shift : NULL;
    p->units.transform.weight_mean = weight / (double)p->train.rows.n;
    p->units.transform.storage = o->storage;
    p->targets.lower_bound = targets_lower_bound(p);
    return interrupt_asked() ? fail_interrupted() : study_targets(p);
}

/* The options' penalty factors and bounds, parameter by parameter: theta is the coefficient times its column's scale. */
static cusgd_status set_limits(problem *p)
{
    const cusgd_options *o = p->options;
    int64_t d = p->d, k = p->k, size = (d + 1) * k;
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    if (!o->penalty_factors && isnan(o->lower) && isnan(o->upper)) return CUSGD_OK;
    for (int i = 0; i < 3; i++) {
        p->limit[i] = allocate_zeroed((size_t)size, sizeof(double));
        if (!p->limit[i]) return fail_memory((size_t)size * sizeof(double), "the penalties' factors and the bounds");
    }
    for (int64_t u = 0; u < d * k; u++) {
        double factor = o->penalty_factors ? o->penalty_factors[u / k] : 1, scale = p->units.scale[u / k];
        if (!(factor >= 0) || !isfinite(factor))
            return fail(CUSGD_ERROR_USAGE, "penalty factor %lld is %g: factors are finite, and 0 or greater",
                        (long long)(u / k) + 1, factor);
        p->limit[0][u] = factor;
        p->limit[1][u] = isnan(o->lower) ? -(double)INFINITY : o->lower / p->units.target * scale;
        p->limit[2][u] = isnan(o->upper) ? (double)INFINITY : o->upper / p->units.target * scale;
        for (int i = 0; i < 3 && single; i++) p->limit[i][u] = (double)(float)p->limit[i][u];
    }
    return CUSGD_OK;
}

/* ---- Making one ---- */

static const char *offset_phrase(cusgd_offset kind)
{
    static const char *const phrases[] = {"no offset", "an offset", "an exposure"};
    return phrases[kind];
}

static cusgd_status check_shapes(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid)
{
    const examples *a = &train->view;
    if (a->k == 0) return fail(CUSGD_ERROR_DATA, "%s: there are no targets to train on", train->source);
    if (o->solver != CUSGD_SOLVER_SGD && loss_is_nonsmooth(o->loss))
        return fail(
            CUSGD_ERROR_USAGE,
            "the loss %s is not differentiable everywhere and requires solver sgd: the other solvers need a smooth objective",
            loss_word(o->loss));
    if (train->offset == CUSGD_OFFSET_EXPOSURE && !loss_has_log_link(o->loss))
        return fail(
            CUSGD_ERROR_USAGE,
            "an exposure is for losses with a logarithmic link (poisson, gamma, tweedie), where it multiplies the mean; with the "
            "loss %s give an offset, which is added to the prediction",
            loss_word(o->loss));
    if (!valid) return CUSGD_OK;
    if (train->offset != valid->offset)
        return fail(CUSGD_ERROR_DATA, "%s has %s, and the training data has %s: both need the same", valid->source,
                    offset_phrase(valid->offset), offset_phrase(train->offset));
    const examples *b = &valid->view;
    if (o->valid_fraction > 0) return fail(CUSGD_ERROR_USAGE, "validation data and valid-fraction exclude each other; give one");
    if (a->d != b->d || a->k != b->k)
        return fail(CUSGD_ERROR_DATA, "%s has %lld columns and %lld targets where the training data has %lld and %lld",
                    valid->source, (long long)b->d, (long long)b->k, (long long)a->d, (long long)a->k);
    return examples_check(b, (int)o->loss, valid->source, o->threads);
}

static cusgd_status allocate_vectors(problem *p)
{
    size_t d = (size_t)p->d, k = (size_t)p->k;
    p->units.mean = allocate_zeroed(d, sizeof(double));
    p->units.scale = allocate_zeroed(d, sizeof(double));
    p->units.rms = allocate_zeroed(d, sizeof(double));
    p->units.shift = allocate_zeroed(k, sizeof(double));
    p->targets.null = allocate_zeroed(k, sizeof(double));
    p->targets.scale = allocate_zeroed(k, sizeof(double));
    int complete = p->units.mean && p->units.scale && p->units.rms && p->units.shift && p->targets.null && p->targets.scale;
    return complete ? CUSGD_OK : fail_memory(3 * (d + k) * sizeof(double), "the columns' means and scales");
}

static cusgd_status take_examples(problem *p)
{
    const cusgd_options *o = p->options;
    cusgd_status status = examples_check(&p->train.rows, (int)o->loss, p->train.data->source, o->threads);
    if (status == CUSGD_OK && loss_is_of_classes(o->loss)) status = examples_have_target(&p->train.rows, -1, &p->targets.minus);
    if (status == CUSGD_OK) status = allocate_vectors(p);
    if (status == CUSGD_OK && o->valid_fraction > 0) status = hold_out(p);
    return status == CUSGD_OK ? examples_check_classes(&p->train.rows, (int)o->loss, p->train.data->source) : status;
}

cusgd_status problem_open(problem *p, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid)
{
    *p = (problem){.options = options,
                   .loss = loss_rule_of(options),
                   .d = train->view.d,
                   .k = train->view.k,
                   .intercept = options->intercept,
                   .l1 = options->l1,
                   .l2 = options->l2,
                   .train = {.data = train, .rows = train->view},
                   .valid = {.data = valid},
                   .null_loss = (double)NAN,
                   .null_gradient = (double)NAN,
                   .separated = -1};
    if (valid) p->valid.rows = valid->view;
    cusgd_status status = check_shapes(options, train, valid);
    return status != CUSGD_OK ? status : take_examples(p);
}

static cusgd_status bind_training(problem *p)
{
    const backend *b = p->backend;
    double *variance = allocate_zeroed((size_t)(p->d + p->k), sizeof *variance);
    if (!variance) return fail_memory((size_t)(p->d + p->k) * sizeof *variance, "the columns' variances");
    cusgd_status status = standardize(p, variance, variance + p->d);
    free(variance);
    return status == CUSGD_OK ? b->ops->bind(b->self, &p->train.rows, &p->units.transform, &p->train.bound) : status;
}

/* Validation losses weigh by the validation rows' own mean weight, and what judges the model is the data as given. */
static cusgd_status bind_validation(problem *p)
{
    const backend *b = p->backend;
    transform own = p->units.transform;
    double weight = 0, *unused = allocate((size_t)(2 * p->d + p->k), sizeof *unused);
    if (!unused) return fail_memory((size_t)(2 * p->d + p->k) * sizeof *unused, "the columns' means");
    cusgd_status status = b->ops->moments(b->self, &p->valid.rows, unused, unused + p->d, unused + 2 * p->d, &weight);
    free(unused);
    own.storage = CUSGD_STORAGE_FULL;
    own.weight_mean = weight / (double)p->valid.rows.n;
    return status == CUSGD_OK ? b->ops->bind(b->self, &p->valid.rows, &own, &p->valid.bound) : status;
}

cusgd_status problem_bind(problem *p, const backend *b)
{
    p->backend = b;
    cusgd_status status = scale_targets(p);
    if (status == CUSGD_OK) status = bind_training(p);
    if (status == CUSGD_OK && p->valid.rows.n > 0) status = bind_validation(p);
    return status == CUSGD_OK ? set_limits(p) : status;
}

static void close_set(const problem *p, example_set *set)
{
    if (p->backend) p->backend->ops->unbind(p->backend->self, set->bound);
    free(set->index);
    free(set->scaled);
}

void problem_close(problem *p)
{
    close_set(p, &p->train);
    close_set(p, &p->valid);
    free(p->units.mean);
    free(p->units.scale);
    free(p->units.rms);
    free(p->units.shift);
    free(p->targets.null);
    free(p->targets.scale);
    for (int i = 0; i < 3; i++) free(p->limit[i]);
}

cusgd_status problem_check_data(const problem *p)
{
    cusgd_status status = data_check_files(p->train.data);
    return status == CUSGD_OK && p->valid.data ? data_check_files(p->valid.data) : status;
}
