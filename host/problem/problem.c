/* A problem: checks of the data, standardization, and bounds. */
#include "problem.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "stream.h"
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

static int penalizes_in_data_units(const cusgd_options *o)
{
    return o->penalty_units == CUSGD_PENALTY_DATA && o->standardize && (o->l1 > 0 || o->l2 > 0);
}

/* An l2 in the data's units is l2 / scale^2 on a standardized coefficient. Where that is above 1, it and not the loss is the
 * second derivative along the column, and a larger scale brings it to 1: the rate of the other columns need not be small for it.
 */
static double penalized_scale(const cusgd_options *o, int64_t j, double scale)
{
    double root = sqrt(o->l2 * (o->l2_factors ? o->l2_factors[j] : 1));
    return penalizes_in_data_units(o) ? fmax(scale, root) : scale;
}

/* Medians in the place of means, and ranges between quartiles in that of deviations, but for columns of which half the values or
 * more are equal: these have no range. work: 2 d. */
static cusgd_status take_quartiles(problem *p, double *work)
{
    const cusgd_options *o = p->options;
    cusgd_status status = data_on_host(p->train.data, "the standardization of option robust");
    if (!status) status = problem_quartiles(p, work, work + p->d);
    for (int64_t j = 0; j < p->d && !status; j++) {
        double median = work[j], range = work[p->d + j];
        if (o->intercept) p->units.mean[j] = median;
        if (!(range > 10 * DBL_EPSILON * fabs(median))) continue;
        p->units.own_scale[j] = range;
        p->units.scale[j] = penalized_scale(o, j, range);
    }
    return status;
}

#define SMALLEST_SQUARE 1e-305 /* below which a variance has lost digits, or all of them */

/* Columns far from 0 in the given units: a float cannot tell their values apart, and their squares overflow. */
static cusgd_status check_given(const problem *p, int64_t j, double distance)
{
    const double far = 1e15;
    if (!(p->options->column_means || p->options->column_scales) || distance <= far * p->units.own_scale[j]) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: the values of column %lld are about %.3g from the mean %.3g, in units of %.3g: give column-means and "
                "column-scales that fit",
                p->train.data->source, (long long)j + 1, distance, p->units.mean[j], p->units.own_scale[j]);
}

/* Without an intercept, centering would put one in by the back door: then columns are scaled only. */
static int columns_are_centered(const problem *p)
{
    const cusgd_options *o = p->options;
    int sparse = examples_are_sparse(&p->train.rows);
    return o->standardize && o->intercept && (!sparse || o->sparse_scale == CUSGD_SPARSE_SCALE_FULL);
}

/* Chooses column j's mean and scale, given its own mean, which is in units.mean, and variance. */
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
    p->units.scale[j] = penalized_scale(o, j, p->units.own_scale[j]);
    if (!centers)
        p->units.mean[j] = 0;
    else if (o->column_means)
        p->units.mean[j] = o->column_means[j];
    return check_given(p, j, sqrt(variance + (own - p->units.mean[j]) * (own - p->units.mean[j])));
}

/* variance: d, target: k, both work. */
static cusgd_status standardize(problem *p, double *variance, double *target)
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

/* A factor on a penalty, so that their product is far from what overflows: it leaves nothing but zeros all the same. */
static double limit_factor(double factor, double penalty) { return fmin(factor, 1e30 / fmax(penalty, 1)); }

/* The options' penalty factors and bounds, parameter by parameter: theta is the coefficient times its column's scale. */
static cusgd_status set_limits(problem *p)
{
    const cusgd_options *o = p->options;
    int64_t d = p->d, k = p->k, size = (d + 1) * k;
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    int in_data = penalizes_in_data_units(o);
    if (!in_data && !o->l1_factors && !o->l2_factors && isnan(o->lower) && isnan(o->upper)) return CUSGD_OK;
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
        for (int i = 0; i < LIMIT_COUNT && single; i++) p->limit[i][u] = (double)(float)p->limit[i][u];
    }
    return CUSGD_OK;
}

/* ---- Making one ---- */

static const char *offset_phrase(cusgd_offset kind)
{
    static const char *const phrases[] = {"no offset", "an offset", "an exposure"};
    return phrases[kind];
}

/* Lazy updates leave out the columns that a batch does not have, which only few methods can make up for later. */
static cusgd_status check_update(const cusgd_options *o, const examples *train)
{
    if (o->update != CUSGD_UPDATE_LAZY || o->solver != CUSGD_SOLVER_SGD) return CUSGD_OK;
    if (!examples_are_sparse(train)) return fail_option("update", "lazy updates are those of sparse data; leave out --update");
    if (o->optimizer != CUSGD_OPTIMIZER_AUTO && !optimizer_may_wait((int)o->optimizer))
        return fail_option(
            "update", "lazy updates are those of the optimizers sgd, adagrad and ftrl: choose one of them, or --update dense");
    if (o->optimizer == CUSGD_OPTIMIZER_SGD && (o->l1_factors || o->l2_factors))
        return fail_option("update",
                           "lazy updates of sgd take no penalty factors: leave those out, or choose optimizer adagrad or "
                           "ftrl, or --update dense");
    if (o->sparse_scale == CUSGD_SPARSE_SCALE_FULL)
        return fail_option("update", "a step changes all columns where they are centered (--sparse-scale full): choose --update "
                                     "dense, or --sparse-scale rms");
    if (o->shards > 1)
        return fail_option("update",
                           "updates of several shards, which several processes have, are not lazy: choose --update dense, "
                           "or leave out --shards");
    if (o->clip_norm > 0 || o->clip_value > 0)
        return fail_option("update", "lazy updates take no clipping: leave it out, or choose --update dense");
    return CUSGD_OK;
}

/* Given numbers that would change sparse columns, which are centered and scaled only where --sparse-scale says so. */
static cusgd_status check_sparse_scales(const cusgd_options *o, const cusgd_data *train)
{
    int64_t d = train->view.d;
    for (int64_t j = 0; o->column_means && o->sparse_scale != CUSGD_SPARSE_SCALE_FULL && j < d; j++)
        if (o->column_means[j] != 0)
            return fail_option("column-means", "sparse columns are not centered: give them the means 0, or leave the means out, "
                                               "or take --sparse-scale full");
    for (int64_t j = 0; o->column_scales && o->sparse_scale == CUSGD_SPARSE_SCALE_NONE && j < d; j++)
        if (o->column_scales[j] != 1)
            return fail_option("column-scales",
                               "sparse columns are divided by given scales with --sparse-scale rms or full only: give that "
                               "too, or leave the scales out");
    return CUSGD_OK;
}

cusgd_status problem_check_options(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid)
{
    const examples *a = &train->view;
    if (a->k == 0) return fail(CUSGD_ERROR_DATA, "%s: there are no targets to train on", train->source);
    if (o->multiclass == CUSGD_MULTICLASS_SOFTMAX && o->loss != CUSGD_LOSS_SOFTMAX)
        return fail_option("classes", "classes softmax is for the loss logistic: leave it out, or give one-vs-rest");
    if (o->loss == CUSGD_LOSS_SOFTMAX && (a->k != 1 || (a->classes == 0 && train->class_count != 0 && train->class_count != 2)))
        return fail(CUSGD_ERROR_DATA, "%s has %lld targets, and the loss softmax takes one: the numbers of classes, from 0",
                    train->source, (long long)a->k);
    if (a->classes > 0 && !loss_is_of_classes(o->loss))
        return fail(CUSGD_ERROR_DATA,
                    "%s: the target has %lld classes, and the loss %s takes numbers: take --loss logistic, or choose another "
                    "target (--target)",
                    train->source, (long long)a->classes, loss_word(o->loss));
    if (o->loss == CUSGD_LOSS_SOFTMAX && o->solver == CUSGD_SOLVER_NEWTON)
        return fail_option("solver", "the outputs of the loss softmax have no second derivatives of their own, which solver "
                                     "newton needs; take lbfgs, or --classes one-vs-rest");
    if (o->solver != CUSGD_SOLVER_SGD && loss_is_nonsmooth(o->loss))
        return fail(
            CUSGD_ERROR_USAGE,
            "the loss %s is not differentiable everywhere and requires solver sgd: the other solvers need a smooth objective",
            loss_word(o->loss));
    cusgd_status status = check_update(o, a);
    if (!status && o->sparse_scale != CUSGD_SPARSE_SCALE_NONE && !examples_are_sparse(a))
        status = fail_option("sparse-scale", "sparse-scale is for sparse data: leave it out");
    if (!status && examples_are_sparse(a)) status = check_sparse_scales(o, train);
    if (!status && o->robust) status = data_is_dense(train, "option robust");
    if (!status && o->whiten != CUSGD_WHITEN_NONE) status = data_is_dense(train, "option whiten");
    if (status) return status;
    int by_gradients = o->solver == CUSGD_SOLVER_AUTO || o->solver == CUSGD_SOLVER_SGD || o->solver == CUSGD_SOLVER_GD ||
                       o->solver == CUSGD_SOLVER_CG || o->solver == CUSGD_SOLVER_LBFGS;
    if (examples_are_sparse(a) && !by_gradients)
        return fail_option("solver", "sparse data is trained by the solvers sgd, gd, cg and lbfgs: the others need second "
                                     "derivatives or the matrix itself");
    if (valid && examples_are_sparse(a) != examples_are_sparse(&valid->view))
        return fail(CUSGD_ERROR_DATA, "%s is %s and the training data is not: both need to be sparse, or dense", valid->source,
                    examples_are_sparse(a) ? "dense" : "sparse");
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
    if (b->classes != a->classes && b->classes != 0)
        return fail(CUSGD_ERROR_DATA, "%s has %lld classes where the training data has %lld: give both the same", valid->source,
                    (long long)b->classes, (long long)a->classes);
    if (a->d != b->d || a->k != b->k)
        return fail(CUSGD_ERROR_DATA, "%s has %lld columns and %lld targets where the training data has %lld and %lld",
                    valid->source, (long long)b->d, (long long)b->k, (long long)a->d, (long long)a->k);
    return CUSGD_OK;
}

static cusgd_status allocate_vectors(problem *p)
{
    size_t d = (size_t)p->d, k = (size_t)p->k;
    p->units.mean = allocate_zeroed(d, sizeof(double));
    p->units.scale = allocate_zeroed(d, sizeof(double));
    p->units.rms = allocate_zeroed(d, sizeof(double));
    p->units.own_scale = allocate_zeroed(d, sizeof(double));
    p->units.shift = allocate_zeroed(k, sizeof(double));
    p->targets.null = allocate_zeroed(k, sizeof(double));
    p->targets.scale = allocate_zeroed(k, sizeof(double));
    int complete = p->units.mean && p->units.scale && p->units.rms && p->units.own_scale && p->units.shift && p->targets.null &&
                   p->targets.scale;
    return complete ? CUSGD_OK : fail_memory((4 * d + 3 * k) * sizeof(double), "the columns' means and scales");
}

static cusgd_status check_shards(const example_set *set)
{
    if (set->shards <= set->rows.n) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "%d shards of %lld rows: each needs a row; give fewer", set->shards, (long long)set->rows.n);
}

static cusgd_status take_examples(problem *p)
{
    const cusgd_options *o = p->options;
    cusgd_status status = CUSGD_OK;
    if (p->valid.data) status = examples_check(&p->valid.rows, (int)o->loss, p->valid.data->source, o->threads);
    if (!status) status = examples_check(&p->train.rows, (int)o->loss, p->train.data->source, o->threads);
    if (!status) status = leave_out_weightless(&p->train);
    if (!status && p->valid.data) status = leave_out_weightless(&p->valid);
    if (!status && loss_is_of_classes(o->loss)) status = examples_have_target(&p->train.rows, -1, &p->targets.minus);
    if (!status) status = allocate_vectors(p);
    if (!status && o->valid_fraction > 0) status = hold_out(p);
    if (!status) status = check_shards(&p->train);
    if (p->valid.shards > p->valid.rows.n) p->valid.shards = p->valid.rows.n > 1 ? (int)p->valid.rows.n : 1;
    return status ? status : examples_check_classes(&p->train.rows, (int)o->loss, p->train.data->source);
}

cusgd_status problem_open(problem *p, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid)
{
    *p = (problem){.options = options,
                   .loss = loss_rule_of(options),
                   .d = train->view.d,
                   .m = train->view.k,
                   .intercept = options->intercept,
                   .l1 = options->l1,
                   .l2 = options->l2,
                   .train = {.data = train, .rows = train->view, .shards = options->shards},
                   .valid = {.data = valid, .shards = options->shards},
                   .units = {.target = 1, .loss = 1},
                   .null_loss = (double)NAN,
                   .null_gradient = (double)NAN,
                   .separated = -1};
    if (valid) p->valid.rows = valid->view;
    p->train.rows.classes = p->valid.rows.classes = classes_of(options, train);
    p->k = examples_outputs(&p->train.rows);
    cusgd_status status = problem_check_options(options, train, valid);
    return status ? status : take_examples(p);
}

static cusgd_status bind_training(problem *p)
{
    double *variance = allocate_zeroed((size_t)(2 * p->d + p->m + p->k), sizeof *variance);
    if (!variance) return fail_memory((size_t)(2 * p->d + p->m + p->k) * sizeof *variance, "the columns' variances");
    cusgd_status status = standardize(p, variance, variance + p->d);
    if (!status && p->options->robust) status = take_quartiles(p, variance);
    free(variance);
    return status ? status : stream_bind_training(p);
}

/* Validation losses weigh by the validation rows' own mean weight, and what judges the model is the data as given. */
static cusgd_status bind_validation(problem *p)
{
    transform own = p->units.transform;
    double weight = 0, *unused = allocate((size_t)(2 * p->d + p->m), sizeof *unused);
    if (!unused) return fail_memory((size_t)(2 * p->d + p->m) * sizeof *unused, "the columns' means");
    cusgd_status status = shards_moments(p, &p->valid, unused, unused + p->d, unused + 2 * p->d, &weight);
    free(unused);
    own.storage = CUSGD_STORAGE_FULL;
    own.weight_mean = weight / (double)p->valid.rows.n;
    return status ? status : shards_bind(p, &own, &p->valid);
}

cusgd_status problem_bind(problem *p, const backend *b)
{
    p->backend = b;
    cusgd_status status = scale_targets(p);
    if (!status) status = bind_training(p);
    if (!status && p->valid.rows.n > 0) status = bind_validation(p);
    return status ? status : set_limits(p);
}

static void close_set(const problem *p, example_set *set)
{
    shards_unbind(p, set);
    stream_close(p, set->stream);
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
    free(p->units.own_scale);
    free(p->units.shift);
    free(p->targets.null);
    free(p->targets.scale);
    for (int i = 0; i < LIMIT_COUNT; i++) free(p->limit[i]);
}

/* ---- Other rows, and other options ---- */

/* Names that are there on both sides must be equal: columns in another order would be trained on as if they were the same. */
static cusgd_status check_names(const char *what, char *const *known, char *const *names, int64_t count, const char *source)
{
    for (int64_t j = 0; known && names && j < count; j++) {
        char here[64], there[64];
        if (!known[j] || !names[j] || strcmp(known[j], names[j]) == 0) continue;
        cusgd_text_escape(names[j], here, sizeof here);
        cusgd_text_escape(known[j], there, sizeof there);
        return fail(CUSGD_ERROR_DATA, "%s: %s %lld is '%s', and that of the rows before '%s'", source, what, (long long)j + 1,
                    here, there);
    }
    return CUSGD_OK;
}

static cusgd_status check_alike(const problem *p, const cusgd_data *data)
{
    const cusgd_data *known = p->train.data;
    examples rows = data->view;
    if (data->view.d != p->d || data->view.k != p->m)
        return fail(CUSGD_ERROR_DATA, "%s has %lld columns and %lld targets where the rows before have %lld and %lld",
                    data->source, (long long)data->view.d, (long long)data->view.k, (long long)p->d, (long long)p->m);
    if (data->offset != known->offset)
        return fail(CUSGD_ERROR_DATA, "%s has %s, and the rows before have %s: all need the same", data->source,
                    offset_phrase(data->offset), offset_phrase(known->offset));
    if (examples_are_sparse(&data->view) != examples_are_sparse(&known->view))
        return fail(CUSGD_ERROR_DATA, "%s: sparse rows cannot follow dense ones, nor dense ones sparse ones", data->source);
    cusgd_status status = check_names("column", known->features, data->features, p->d, data->source);
    if (!status) status = check_names("target", known->targets, data->targets, p->m, data->source);
    if (!status && known->classes && data->classes && known->class_count != data->class_count)
        status = fail(CUSGD_ERROR_DATA, "%s has %lld classes where the rows before have %lld", data->source,
                      (long long)data->class_count, (long long)known->class_count);
    if (!status) status = check_names("class", known->classes, data->classes, known->class_count, data->source);
    rows.classes = p->train.rows.classes;
    return status ? status : examples_check(&rows, (int)p->options->loss, data->source, p->options->threads);
}

cusgd_status problem_rebind(problem *p, const cusgd_data *train)
{
    problem next = *p;
    next.train = (example_set){.data = train, .rows = train->view, .shards = p->train.shards};
    next.train.rows.classes = p->train.rows.classes;
    next.separated = -1;
    cusgd_status status = check_alike(p, train);
    if (!status) status = leave_out_weightless(&next.train);
    if (!status) status = check_shards(&next.train);
    if (!status) status = rescale_targets(&next);
    if (!status) status = shards_bind(&next, &next.units.transform, &next.train);
    if (!status) next.targets.lower_bound = targets_lower_bound(&next);
    if (!status && !isnan(p->null_loss)) status = problem_measure_null(&next, !isnan(p->null_gradient));
    if (!status && interrupt_asked()) status = fail_interrupted();
    if (!status) status = data_check_files(train);
    close_set(p, !status ? &p->train : &next.train);
    if (!status) *p = next;
    return status;
}

int problem_binds_alike(const problem *p, const cusgd_options *after)
{
    const cusgd_options *before = p->options;
    loss_rule old = loss_rule_of(before), new = loss_rule_of(after);
    int was_auto = before->solver == CUSGD_SOLVER_SGD && before->optimizer == CUSGD_OPTIMIZER_AUTO;
    int is_auto = after->solver == CUSGD_SOLVER_SGD && after->optimizer == CUSGD_OPTIMIZER_AUTO; /* which bounds exponentials */
    int alike = old.kind == new.kind && !(old.number < new.number) && !(old.number > new.number) && was_auto == is_auto &&
                before->precision == after->precision && before->storage == after->storage &&
                before->standardize == after->standardize && before->robust == after->robust && before->whiten == after->whiten &&
                before->intercept == after->intercept && before->threads == after->threads && before->shards == after->shards &&
                before->memory == after->memory &&strcmp(before->device, after->device) == 0 && !(p->units.target > 1) &&
                !(p->units.target < 1) && !(before->valid_fraction > 0) && !(after->valid_fraction > 0);
    alike = alike && options_standardize_alike(before, after) && options_formula_alike(before, after);
    if (p->train.stream) alike = alike && before->sampling == after->sampling && before->solver == after->solver;
    for (int64_t j = 0; j < p->d && alike; j++) {
        double scale = penalized_scale(after, j, p->units.own_scale[j]);
        alike = !(scale < p->units.scale[j]) && !(scale > p->units.scale[j]);
    }
    return alike;
}

cusgd_status problem_reset(problem *p)
{
    const cusgd_options *o = p->options;
    p->l1 = o->l1;
    p->l2 = o->l2;
    p->null_loss = p->null_gradient = (double)NAN;
    p->separated = -1;
    for (int i = 0; i < LIMIT_COUNT; i++) {
        free(p->limit[i]);
        p->limit[i] = NULL;
    }
    return set_limits(p);
}

cusgd_status problem_check_data(const problem *p)
{
    cusgd_status status = data_check_files(p->train.data);
    if (!status && p->train.stream) status = stream_check(p->train.stream);
    return !status && p->valid.data ? data_check_files(p->valid.data) : status;
}
