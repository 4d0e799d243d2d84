/* A trainer: checks, standardization, and parameters in the data's units. */
#include "trainer.h"

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

static cusgd_status standardize(cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    int64_t d = t->plan.d, k = t->plan.k;
    double weight, *variance = t->gradient, *target = t->theta; /* work arrays of at least d and k */
    cusgd_status status = t->backend.ops->moments(t->backend.self, &t->train_rows, t->mean, variance, target, &weight);
    if (status != CUSGD_OK) return status;
    for (int64_t j = 0; j < d; j++) {
        double second = variance[j] + t->mean[j] * t->mean[j];
        if (!isfinite(second))
            return fail(CUSGD_ERROR_DATA, "%s: the squares of column %lld overflow; divide it by a power of ten", t->data->source,
                        (long long)j + 1);
        if (second < SMALLEST_SQUARE && t->mean[j] != 0)
            return fail(CUSGD_ERROR_DATA,
                        "%s: the squares of column %lld are too small for a double; multiply it by a power of ten",
                        t->data->source, (long long)j + 1);
        t->rms[j] = sqrt(second);
        /* Without an intercept, centring would put one in by the back door: then columns are scaled only. */
        t->scale[j] = !o->standardize ? 1 : o->intercept ? scale_of(t->mean[j], variance[j]) : second > 0 ? t->rms[j] : 1;
        if (!o->standardize || !o->intercept) t->mean[j] = 0;
    }
    int centres = o->standardize && o->intercept && loss_is_shift_invariant(o->loss);
    for (int64_t c = 0; c < k && t->minus; c++) target[c] = (target[c] + 1) / 2;
    if (t->train_rows.o.at) targets_beside_offsets(t, target);
    if (interrupt_asked()) return fail_interrupted();
    for (int64_t c = 0; c < k; c++) {
        t->shift[c] = centres ? target[c] : 0;
        t->null[c] = loss_best_constant(o->loss, target[c]) - t->shift[c];
        if (isnan(target[c]))
            return fail(
                CUSGD_ERROR_DATA,
                "%s: e^offset is beyond what %s holds: give the logarithm as the offset, or the number itself as an exposure",
                t->data->source, o->precision == CUSGD_PRECISION_FLOAT ? "a float" : "a double");
    }
    t->transform.mean = o->standardize ? t->mean : NULL;
    t->transform.scale = o->standardize ? t->scale : NULL;
    t->transform.shift = centres ? t->shift : NULL;
    t->transform.weight_mean = weight / (double)t->train_rows.n;
    t->transform.storage = o->storage;
    t->floor = targets_floor(t);
    return interrupt_asked() ? fail_interrupted() : study_targets(t);
}

/* Between the data's units (weight k x d, bias k) and theta (d+1) x k: w x + b = (w scale) x' + (b + w mean - shift) + shift.
 * Columns of large mean leave a small difference of large numbers in the intercept, which is why its sum is a long double's; and
 * it is taken of the coefficients as they are rounded and bounded, so that weight and bias predict together what theta predicts.
 */
static void theta_from(const cusgd_trainer *t, const double *weight, const double *bias, double *theta)
{
    int64_t d = t->plan.d, k = t->plan.k;
    for (int64_t c = 0; c < k; c++) {
        long double b = (long double)bias[c];
        for (int64_t j = 0; j < d; j++) {
            theta[j * k + c] = weight[c * d + j] / t->unit * t->scale[j];
            b += (long double)weight[c * d + j] * (long double)t->mean[j];
        }
        theta[d * k + c] = (double)(b / (long double)t->unit - (long double)t->shift[c]);
    }
}

static void theta_to(const cusgd_trainer *t, const double *theta, double *weight, double *bias)
{
    int64_t d = t->plan.d, k = t->plan.k;
    for (int64_t c = 0; c < k; c++) {
        long double b = ((long double)theta[d * k + c] + (long double)t->shift[c]) * (long double)t->unit;
        for (int64_t j = 0; j < d; j++) {
            double w = theta[j * k + c] / t->scale[j] * t->unit;
            if (w < t->options.lower) w = t->options.lower; /* what theta's rounding has left; NaN is no bound, and stays */
            if (w > t->options.upper) w = t->options.upper;
            if (weight) weight[c * d + j] = w;
            b -= (long double)w * (long double)t->mean[j];
        }
        if (bias) bias[c] = (double)b;
    }
}

/* The options' penalty factors and bounds, parameter by parameter: theta is the coefficient times its column's scale. */
static cusgd_status set_limits(cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    int64_t d = t->plan.d, k = t->plan.k, size = (d + 1) * k;
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    if (!o->penalty_factors && isnan(o->lower) && isnan(o->upper)) return CUSGD_OK;
    for (int i = 0; i < 3; i++) {
        t->limit[i] = allocate_zeroed((size_t)size, sizeof(double));
        if (!t->limit[i]) return fail_memory((size_t)size * sizeof(double), "the penalties' factors and the bounds");
    }
    for (int64_t u = 0; u < d * k; u++) {
        double factor = o->penalty_factors ? o->penalty_factors[u / k] : 1, scale = t->scale[u / k];
        if (!(factor >= 0) || !isfinite(factor))
            return fail(CUSGD_ERROR_USAGE, "penalty factor %lld is %g: factors are finite, and 0 or greater",
                        (long long)(u / k) + 1, factor);
        t->limit[0][u] = factor;
        t->limit[1][u] = isnan(o->lower) ? -(double)INFINITY : o->lower / t->unit * scale;
        t->limit[2][u] = isnan(o->upper) ? (double)INFINITY : o->upper / t->unit * scale;
        for (int i = 0; i < 3 && single; i++) t->limit[i][u] = (double)(float)t->limit[i][u];
    }
    t->plan.penalty = t->limit[0];
    t->plan.lower = t->limit[1];
    t->plan.upper = t->limit[2];
    return CUSGD_OK;
}

double trainer_penalty(const cusgd_trainer *t, int64_t u) { return t->limit[0] ? t->limit[0][u] : 1; }
double trainer_bounded(const cusgd_trainer *t, int64_t u, double theta)
{
    return t->limit[0] ? into_bounds(theta, t->limit[1][u], t->limit[2][u]) : theta;
}

void trainer_null(const cusgd_trainer *t, double *theta)
{
    int64_t d = t->plan.d, k = t->plan.k;
    memset(theta, 0, sizeof(double) * (size_t)((d + 1) * k));
    if (t->plan.intercept) memcpy(theta + d * k, t->null, sizeof(double) * (size_t)k);
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
    if (o->solver != CUSGD_SOLVER_SGD && loss_has_kinks(o->loss))
        return fail(CUSGD_ERROR_USAGE, "the loss %s has kinks, and needs solver sgd: the others want a smooth objective",
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

static cusgd_status allocate_vectors(cusgd_trainer *t)
{
    size_t d = (size_t)t->plan.d, k = (size_t)t->plan.k, size = (d + 1) * k;
    t->mean = allocate_zeroed(d, sizeof(double));
    t->scale = allocate_zeroed(d, sizeof(double));
    t->rms = allocate_zeroed(d, sizeof(double));
    t->shift = allocate_zeroed(k, sizeof(double));
    t->null = allocate_zeroed(k, sizeof(double));
    t->spread = allocate_zeroed(k, sizeof(double));
    t->theta = allocate_zeroed(size, sizeof(double));
    t->gradient = allocate_zeroed(size, sizeof(double));
    t->start = allocate_zeroed(size, sizeof(double));
    t->best = allocate_zeroed(size, sizeof(double));
    int complete =
        t->mean && t->scale && t->rms && t->shift && t->null && t->spread && t->theta && t->gradient && t->start && t->best;
    return complete ? CUSGD_OK : fail_memory(7 * size * sizeof(double), "the parameters");
}

static cusgd_status bind_examples(cusgd_trainer *t)
{
    const backend *b = &t->backend;
    cusgd_status status = standardize(t);
    if (status == CUSGD_OK) status = b->ops->bind(b->self, &t->train_rows, &t->transform, &t->train);
    if (status != CUSGD_OK || t->valid_rows.n == 0) return status;
    transform own = t->transform; /* validation losses weigh by the validation rows' own mean weight */
    double weight = 0, *unused = t->gradient;
    status = b->ops->moments(b->self, &t->valid_rows, unused, unused, t->theta, &weight);
    own.storage = CUSGD_STORAGE_FULL; /* what judges the model is the data as given */
    own.weight_mean = weight / (double)t->valid_rows.n;
    return status == CUSGD_OK ? b->ops->bind(b->self, &t->valid_rows, &own, &t->valid) : status;
}

cusgd_status trainer_begin(cusgd_trainer *t)
{
    const backend *b = &t->backend;
    cusgd_status status = b->ops->start(b->self, &t->plan);
    if (status == CUSGD_OK) status = b->ops->put(b->self, AREA_CURRENT, PART_THETA, t->start);
    if (status == CUSGD_OK) status = b->ops->put(b->self, AREA_CURRENT, PART_AVERAGE, t->start);
    if (status == CUSGD_OK) status = b->ops->copy(b->self, AREA_BEST, AREA_CURRENT);
    memcpy(t->best, t->start, theta_bytes(t));
    t->step = 0;
    t->kept = (double)INFINITY;
    t->kept_objective = (double)NAN;
    t->average_from = t->options.average_from;
    t->least = t->least_seconds = (double)NAN;
    t->kept_epoch = t->kept_step = 0;
    return status;
}

/* Bounds that move the start to where the loss overflows leave nothing to train; which of the two is to blame is told by its
 * sign. An epoch is undone where its loss is far above the start's, so that must be the loss within the bounds. */
static cusgd_status check_bounds(cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    double loss;
    if (isnan(o->lower) && isnan(o->upper)) return CUSGD_OK;
    cusgd_status status = t->backend.ops->objective(t->backend.self, t->train, loss_rule_of(o), t->start, &loss, NULL);
    if (status != CUSGD_OK) return status;
    if (isfinite(loss)) {
        if (t->retreats) t->start_loss = loss;
        return CUSGD_OK;
    }
    int lower = o->lower > 0;
    if (!lower && !(o->upper < 0)) return CUSGD_OK; /* the start is as it was given: the run will tell */
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    return fail(CUSGD_ERROR_USAGE,
                "%s %g excludes every model that could be trained: with coefficients at that bound the loss is not finite in %s; "
                "give a bound nearer to 0",
                lower ? "lower" : "upper", lower ? o->lower : o->upper, single ? "float" : "double");
}

/* A new run from theta. */
static cusgd_status restart(cusgd_trainer *t, const double *theta)
{
    memcpy(t->start, theta, theta_bytes(t));
    for (int64_t u = 0; u < t->plan.d * t->plan.k; u++) t->start[u] = trainer_bounded(t, u, theta[u]);
    t->epoch = t->epoch_index = t->batch = 0;
    t->rate_scale = t->plateau_scale = 1;
    t->plateau_best = (double)INFINITY;
    t->plateau_stale = 0;
    t->result = AREA_CURRENT;
    t->unfinished = 1;
    cusgd_status status = check_bounds(t);
    return status == CUSGD_OK ? trainer_begin(t) : status;
}

/* Likewise, at a theta that is not the null model's. */
static cusgd_status restart_at(cusgd_trainer *t, const double *theta)
{
    double objective;
    cusgd_status status = CUSGD_OK;
    if (t->retreats) status = trainer_objective(t, t->train, theta, &t->start_loss, &objective, NULL);
    return status == CUSGD_OK ? restart(t, theta) : status;
}

static cusgd_status prepare(cusgd_trainer *t, const cusgd_data *valid)
{
    cusgd_status status = examples_check(&t->data->view, (int)t->options.loss, t->data->source, t->options.threads);
    t->train_rows = t->data->view;
    if (status == CUSGD_OK && loss_is_of_classes(t->options.loss)) status = examples_have_target(&t->train_rows, -1, &t->minus);
    if (valid) t->valid_rows = valid->view;
    if (status == CUSGD_OK) status = allocate_vectors(t);
    if (status == CUSGD_OK && t->options.valid_fraction > 0) status = hold_out(t);
    if (status == CUSGD_OK) status = examples_check_classes(&t->train_rows, (int)t->options.loss, t->data->source);
    if (status == CUSGD_OK) status = backend_open(t->options.device, t->options.precision, t->options.threads, &t->backend);
    if (status == CUSGD_OK) (t->options.solver == CUSGD_SOLVER_SGD ? choose_run : solver_choose)(t);
    if (status == CUSGD_OK) status = scale_targets(t);
    if (status == CUSGD_OK) status = bind_examples(t);
    if (status == CUSGD_OK) status = set_limits(t);
    if (status == CUSGD_OK) status = choose_optimizer(t);
    if (status != CUSGD_OK) return status;
    if (t->options.optimizer == CUSGD_OPTIMIZER_AUTO || t->options.solver != CUSGD_SOLVER_SGD) {
        trainer_null(t, t->theta);
        t->start_loss = t->null_loss;
        return restart(t, t->theta);
    }
    /* zeros in the data's units */
    memset(t->theta, 0, theta_bytes(t));
    for (int64_t c = 0; c < t->plan.k; c++) t->theta[t->plan.d * t->plan.k + c] = -t->shift[c];
    return restart_at(t, t->theta);
}

cusgd_status cusgd_trainer_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                  cusgd_trainer **out)
{
    *out = NULL;
    const char *wrong = cusgd_options_check(options);
    if (wrong) return fail(CUSGD_ERROR_USAGE, "%s", wrong);
    cusgd_status status = check_shapes(options, train, valid);
    if (status != CUSGD_OK) return status;
    cusgd_trainer *t = allocate_zeroed(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a trainer");
    t->options = *options;
    t->data = train;
    t->valid_data = valid;
    t->separated = -1;
    loss_numbers_choose(&t->options);
    t->plan.loss = loss_rule_of(&t->options);
    t->plan.d = train->view.d;
    t->plan.k = train->view.k;
    t->plan.intercept = options->intercept;
    t->plan.l1 = options->l1;
    t->plan.l2 = options->l2;
    t->plan.clip_norm = isnan(options->clip_norm) ? 0 : options->clip_norm;
    t->plan.clip_value = isnan(options->clip_value) ? 0 : options->clip_value;
    t->plan.storage = options->storage;
    t->plan.tf32 = options->math == CUSGD_MATH_TF32;
    t->plan.engine = options->engine;
    status = prepare(t, valid);
    cusgd_status files = status == CUSGD_ERROR_MEMORY ? CUSGD_OK : trainer_check_data(t);
    if (files != CUSGD_OK) status = files; /* what else went wrong may come of it */
    if (status == CUSGD_OK)
        *out = t;
    else
        cusgd_trainer_free(t);
    return status;
}

void cusgd_trainer_free(cusgd_trainer *t)
{
    if (!t) return;
    if (t->backend.ops) {
        t->backend.ops->unbind(t->backend.self, t->train);
        t->backend.ops->unbind(t->backend.self, t->valid);
        t->backend.ops->close(t->backend.self);
    }
    free(t->scaled[0]);
    free(t->scaled[1]);
    free(t->train_index);
    free(t->valid_index);
    free(t->mean);
    free(t->scale);
    free(t->rms);
    free(t->shift);
    free(t->null);
    free(t->spread);
    free(t->metric);
    for (int i = 0; i < 3; i++) free(t->limit[i]);
    free(t->theta);
    free(t->gradient);
    free(t->start);
    free(t->best);
    free(t);
}

/* ---- What others ask of it ---- */

cusgd_status trainer_check_device(const cusgd_trainer *t)
{
    if (!t->lost) return CUSGD_OK;
    return fail(CUSGD_ERROR_DEVICE,
                "%s failed while this trainer ran, so it cannot go on; make another one, and set it to this one's parameters",
                t->backend.name);
}

cusgd_status trainer_check_data(const cusgd_trainer *t)
{
    cusgd_status status = data_check_files(t->data);
    return status == CUSGD_OK && t->valid_data ? data_check_files(t->valid_data) : status;
}

cusgd_status trainer_theta(cusgd_trainer *t, enum area area, double *theta)
{
    if (t->lost) {
        memcpy(theta, t->best, theta_bytes(t));
        return CUSGD_OK;
    }
    return t->backend.ops->get(t->backend.self, area, t->plan.average ? PART_AVERAGE : PART_THETA, theta);
}

cusgd_status trainer_objective(cusgd_trainer *t, const bound *b, const double *theta, double *loss, double *objective,
                               double *gradient)
{
    cusgd_status status = t->backend.ops->objective(t->backend.self, b, t->plan.loss, theta, loss, gradient);
    double l1 = 0, l2 = 0;
    if (status != CUSGD_OK) {
        *loss = *objective = (double)NAN;
        return status;
    }
    for (int64_t u = 0; u < t->plan.d * t->plan.k; u++) {
        l1 += trainer_penalty(t, u) * fabs(theta[u]);
        l2 += trainer_penalty(t, u) * theta[u] * theta[u];
    }
    *objective = *loss + t->plan.l2 / 2 * l2 + t->plan.l1 * l1;
    return status;
}

double trainer_reported(const cusgd_trainer *t, double loss)
{
    return loss_reported(t->plan.loss.kind, loss / (double)t->plan.k) * t->loss_unit;
}

const char *cusgd_trainer_note(const cusgd_trainer *t, size_t index)
{
    const char *notes[3];
    size_t count = 0;
    if (t->minus) notes[count++] = "targets -1 and 1 are two classes, predicted as 0 and 1";
    if (*t->announcement) notes[count++] = t->announcement;
    if (*t->device_note) notes[count++] = t->device_note; /* last, since it may come during the run */
    return index < count ? notes[index] : NULL;
}

void cusgd_trainer_options(const cusgd_trainer *t, cusgd_options *options) { *options = t->options; }

const char *cusgd_trainer_device(const cusgd_trainer *t) { return t->backend.name; }

void cusgd_trainer_cancel(cusgd_trainer *t) { t->cancelled = 1; }

cusgd_status cusgd_trainer_get(cusgd_trainer *t, double *weight, double *bias)
{
    cusgd_status status = trainer_theta(t, t->result, t->theta);
    if (status == CUSGD_OK) theta_to(t, t->theta, weight, bias);
    return status;
}

cusgd_status cusgd_trainer_set(cusgd_trainer *t, const double *weight, const double *bias)
{
    for (int64_t i = 0; i < t->plan.d * t->plan.k; i++)
        if (!isfinite(weight[i])) return fail(CUSGD_ERROR_DATA, "weight %lld of the starting point is not finite", (long long)i);
    for (int64_t c = 0; c < t->plan.k; c++) {
        if (!isfinite(bias[c])) return fail(CUSGD_ERROR_DATA, "bias %lld of the starting point is not finite", (long long)c);
        if (bias[c] != 0 && !t->plan.intercept)
            return fail(CUSGD_ERROR_USAGE, "the starting point has an intercept, and the run has none; leave out no-intercept");
    }
    theta_from(t, weight, bias, t->theta);
    cusgd_status status = trainer_check_device(t);
    return status == CUSGD_OK ? restart_at(t, t->theta) : status;
}
