/* Running: epochs as slices of steps, evaluation, stopping, undoing what went wrong. */
#include "trainer.h"

#include "clock.h"
#include "error.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_STEPS = 4096,               /* of a slice */
    SLICE_BYTES = 256 * 1024 * 1024, /* of x in a slice: how long a cancellation waits */
    PROXIMAL_STEPS = 3               /* full-batch ones at the end of a run with l1: they clear the batches' noise from zeros */
};

/* ---- Steps ---- */

static double rate_at(const cusgd_trainer *t, int64_t step)
{
    const cusgd_options *o = &t->options;
    double rate = t->rate_scale * t->plateau_scale * schedule_rate(&t->schedule, step);
    return t->plan.optimizer == CUSGD_OPTIMIZER_ASGD ? rate * asgd_share(t->plan.decay, o->rate, step) : rate;
}

step_numbers trainer_numbers(const cusgd_trainer *t, int64_t step)
{
    step_numbers s;
    optimizer_numbers(t->plan.optimizer, t->plan.beta1, t->plan.beta2, step, &s);
    s.rate = rate_at(t, step);
    s.momentum = t->options.momentum;
    s.average = average_weight(t->eccentricity, step, t->options.average_from);
    return s;
}

/* Up to `most` steps of the epoch under way, in one slice; their report. */
static cusgd_status run_slice(cusgd_trainer *t, const sampler *order, int64_t most, step_numbers *numbers, steps_report *report)
{
    const backend *b = &t->backend;
    int64_t count = t->batches - t->batch;
    if (count > most) count = most;
    for (int64_t i = 0; i < count; i++) numbers[i] = trainer_numbers(t, t->step + i);
    slice s = {t->train, order, t->batch, count, numbers};
    cusgd_status status = b->ops->steps(b->self, &s);
    if (status == CUSGD_OK) status = b->ops->report(b->self, report);
    if (status != CUSGD_OK) return status;
    t->step += report->done;
    t->batch += report->done;
    return CUSGD_OK;
}

static int64_t slice_steps(const cusgd_trainer *t)
{
    int64_t bytes = t->options.batch * t->plan.d * (t->options.precision == CUSGD_PRECISION_DOUBLE ? 8 : 4);
    int64_t steps = SLICE_BYTES / bytes;
    return steps < 1 ? 1 : steps > MOST_STEPS ? MOST_STEPS : steps;
}

/* Steps until `limit` of them are done, the epoch ends, one fails or somebody cancels; sums in *total. */
static cusgd_status run_steps(cusgd_trainer *t, int64_t limit, steps_report *total)
{
    int64_t most = slice_steps(t);
    step_numbers *numbers = allocate((size_t)most, sizeof *numbers);
    cusgd_status status = CUSGD_OK;
    memset(total, 0, sizeof *total);
    if (!numbers) return fail_memory((size_t)most * sizeof *numbers, "a slice of steps");
    sampler order = sampler_make(t->options.sampling, t->options.seed, (uint64_t)t->train_rows.n, (uint64_t)t->batches,
                                 (uint64_t)t->epoch_index);
    while (status == CUSGD_OK && total->done < limit && t->batch < t->batches && !total->failed && !t->cancelled) {
        steps_report r;
        int64_t left = limit - total->done;
        status = run_slice(t, &order, left < most ? left : most, numbers, &r);
        if (status != CUSGD_OK) break;
        total->loss += r.loss;
        total->rows += r.rows;
        total->done += r.done;
        total->failed = r.failed;
    }
    free(numbers);
    return status;
}

static void next_epoch(cusgd_trainer *t)
{
    t->batch = 0;
    t->epoch_index++;
}

/* "a" (1e+06), "b" (3000), ...: the columns of largest scale, which are what makes a rate too large. */
static void largest_columns(const cusgd_trainer *t, char *text, size_t room)
{
    enum { NAMED_COLUMNS = 3 };
    int64_t chosen[NAMED_COLUMNS], d = t->plan.d;
    size_t used = 0;
    for (int i = 0; i < NAMED_COLUMNS && i < d; i++) {
        int64_t best = -1;
        for (int64_t j = 0; j < d; j++) {
            int taken = 0;
            for (int l = 0; l < i; l++) taken |= chosen[l] == j;
            if (!taken && (best < 0 || t->rms[j] > t->rms[best])) best = j;
        }
        chosen[i] = best;
        const char *name = cusgd_data_feature(t->data, best);
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)best + 1);
        int wrote = snprintf(text + used, room - used, "%s%.60s (%.3g)", i ? ", " : "", name ? name : number, t->rms[best]);
        if (wrote < 0 || (size_t)wrote >= room - used) break;
        used += (size_t)wrote;
    }
}

static cusgd_status diverged(const cusgd_trainer *t)
{
    char columns[256] = "";
    const cusgd_options *o = &t->options;
    largest_columns(t, columns, sizeof columns);
    return fail(
        CUSGD_ERROR_DIVERGED,
        "diverged: the loss is not finite at step %lld (epoch %lld), at rate %g. Columns of largest scale: %s. Try %sa smaller "
        "rate, or --optimizer auto, which chooses its own",
        (long long)t->step + 1, (long long)t->epoch + 1, rate_at(t, t->step), columns,
        o->standardize ? "" : "standardizing (leave out --no-standardize), ");
}

cusgd_status cusgd_trainer_step(cusgd_trainer *t, int64_t steps)
{
    if (steps < 0) return fail(CUSGD_ERROR_USAGE, "%lld steps: there is no way back", (long long)steps);
    cusgd_status status = trainer_check_device(t);
    if (status != CUSGD_OK) return status;
    if (t->options.solver != CUSGD_SOLVER_SGD)
        return fail(CUSGD_ERROR_USAGE, "steps are what solver sgd takes; use cusgd_trainer_fit with the others");
    t->cancelled = 0;
    t->result = AREA_CURRENT;
    while (steps > 0) {
        steps_report r;
        status = run_steps(t, steps, &r);
        if (status != CUSGD_OK) return status;
        if (r.failed) return diverged(t);
        if (t->cancelled) return CUSGD_OK;
        steps -= r.done;
        if (t->batch == t->batches) {
            next_epoch(t);
            t->epoch++;
        }
    }
    return CUSGD_OK;
}

/* ---- Evaluation ---- */

double gradient_norm(const cusgd_trainer *t, const double *theta, const double *gradient)
{
    int64_t penalised = t->plan.d * t->plan.k, size = penalised + t->plan.k;
    double sum = 0;
    for (int64_t u = 0; u < size; u++) {
        double g = gradient[u];
        if (u >= penalised && !t->plan.intercept) continue;
        if (u < penalised) {
            double l1 = t->plan.l1 * trainer_penalty(t, u);
            g += t->plan.l2 * trainer_penalty(t, u) * theta[u];
            if (t->limit[0] && trainer_bounded(t, u, theta[u] - g) == theta[u])
                g = 0; /* it points out of the bounds */
            else if (theta[u] != 0)
                g += theta[u] > 0 ? l1 : -l1;
            else
                g = soft_threshold(g, l1); /* the smallest element of the subdifferential */
        }
        sum += g * g;
    }
    return sqrt(sum);
}

/* What is reported for a mean over rows of losses summed over outputs. */
static double reported(const cusgd_trainer *t, double loss) { return loss_reported(t->plan.loss.kind, loss / (double)t->plan.k); }

/* Where a fit stands. */
typedef struct fit {
    double begun, stepping;                  /* seconds at its start; spent in steps */
    int64_t rows, epochs;                    /* visited; run in this fit */
    double best, last[3];                    /* objective: least so far; of the latest evaluations, newest first */
    int64_t stale;                           /* evaluations in a row without improvement */
    int64_t safe_epoch, result_epoch;        /* whose end AREA_EPOCH holds; the result's */
    double loss, objective, gradient, valid; /* of the latest evaluation */
    cusgd_stop stop;
    int64_t backoffs;
} fit;

/* Full passes at the current parameters. */
static cusgd_status evaluate(cusgd_trainer *t, enum area area, int with_gradient, fit *f)
{
    double unused;
    cusgd_status status = trainer_theta(t, area, t->theta);
    if (status == CUSGD_OK)
        status = trainer_objective(t, t->train, t->theta, &f->loss, &f->objective, with_gradient ? t->gradient : NULL);
    f->gradient = with_gradient && status == CUSGD_OK ? gradient_norm(t, t->theta, t->gradient) / t->null_gradient : (double)NAN;
    if (t->null_gradient == 0) f->gradient = 0;
    f->valid = (double)NAN;
    if (status == CUSGD_OK && t->valid) status = trainer_objective(t, t->valid, t->theta, &f->valid, &unused, NULL);
    return status;
}

/* Makes the current parameters the best ones. */
static cusgd_status keep_current(cusgd_trainer *t)
{
    cusgd_status status = t->backend.ops->copy(t->backend.self, AREA_BEST, AREA_CURRENT);
    if (status == CUSGD_OK) status = trainer_theta(t, AREA_CURRENT, t->theta); /* not into `best`: half a copy would be none */
    if (status != CUSGD_OK) return status;
    memcpy(t->best, t->theta, theta_bytes(t));
    t->kept_epoch = t->epoch;
    return CUSGD_OK;
}

/* Keeps the parameters that score best: by validation where there is any, else by the training loss, in case the run diverges. */
static cusgd_status keep_best(cusgd_trainer *t, const fit *f, double loss)
{
    double score = t->valid ? f->valid : loss;
    if (!(score < t->kept)) return CUSGD_OK;
    cusgd_status status = keep_current(t);
    if (status == CUSGD_OK) t->kept = score;
    return status;
}

/* The schedule `plateau`. A rate that has just been lowered gets its chance before the run is stopped. */
static void watch_plateau(cusgd_trainer *t, fit *f, double score)
{
    const double threshold = 1e-4, least = 1e-3;
    if (t->options.schedule != CUSGD_SCHEDULE_PLATEAU) return;
    if (isinf(t->plateau_best) || score < t->plateau_best - threshold * fabs(t->plateau_best - t->floor)) {
        t->plateau_best = score;
        t->plateau_stale = 0;
    } else if (++t->plateau_stale >= t->options.decay_patience && t->plateau_scale > least) {
        t->plateau_scale *= t->options.decay;
        t->plateau_stale = 0;
        f->stale = 0;
    }
}

/* The stopping rules, after an evaluation. */
static void judge(cusgd_trainer *t, fit *f)
{
    const cusgd_options *o = &t->options;
    double score = t->valid ? f->valid : f->objective;
    f->last[2] = f->last[1];
    f->last[1] = f->last[0];
    f->last[0] = f->objective;
    f->stale = score < f->best - o->tolerance * fabs(f->best - t->floor) || isinf(f->best) ? 0 : f->stale + 1;
    f->best = fmin(f->best, score);
    watch_plateau(t, f, score);
    if (t->by_gradient && f->gradient <= o->gradient_tolerance)
        f->stop = CUSGD_STOP_GRADIENT;
    else if (t->by_tolerance && f->stale >= (o->patience > 0 ? o->patience : 1))
        f->stop = CUSGD_STOP_TOLERANCE;
}

/* ---- Epochs ---- */

/* Things have gone wrong where the loss is above four times both the null model's and the starting point's. */
static int loss_is_bad(const cusgd_trainer *t, double loss)
{
    double most = 4 * (fmax(t->null_loss, t->start_loss) - t->floor);
    return !isfinite(loss) || (most > 0 && loss - t->floor > most);
}

static int went_wrong(const cusgd_trainer *t, const steps_report *r)
{
    return r->failed || (t->retreats && r->rows > 0 && loss_is_bad(t, r->loss / (double)r->rows));
}

/* Where an epoch that goes wrong is undone to, or a run whose best is no good. */
static cusgd_status keep_safe(cusgd_trainer *t, fit *f)
{
    f->safe_epoch = t->epoch;
    return t->backend.ops->copy(t->backend.self, AREA_EPOCH, AREA_CURRENT);
}

/* Back to the epoch's start, at rest and at a quarter of the rate; or, where the epoch before has ended badly already, to the
 * run's start. */
static cusgd_status undo_epoch(cusgd_trainer *t, fit *f, int64_t first_step)
{
    const backend *b = &t->backend;
    double loss, objective;
    cusgd_status status = b->ops->copy(b->self, AREA_CURRENT, AREA_EPOCH);
    t->rate_scale /= 4;
    t->step = first_step;
    f->backoffs++;
    next_epoch(t);
    if (status == CUSGD_OK) status = b->ops->get(b->self, AREA_CURRENT, PART_THETA, t->theta);
    if (status == CUSGD_OK) status = trainer_objective(t, t->train, t->theta, &loss, &objective, NULL);
    if (status == CUSGD_OK && loss_is_bad(t, loss)) return trainer_begin(t);
    memset(t->gradient, 0, theta_bytes(t));
    if (status == CUSGD_OK && optimizer_has_velocity(t->plan.optimizer))
        status = b->ops->put(b->self, AREA_CURRENT, PART_SLOT1, t->gradient);
    return status;
}

/* Runs what is left of the epoch under way; *undone if it had to be taken back. */
static cusgd_status run_epoch(cusgd_trainer *t, fit *f, steps_report *r, int *undone)
{
    enum { MOST_BACKOFFS = 60 };
    int64_t first_step = t->step;
    double start = clock_seconds();
    cusgd_status status = t->retreats ? keep_safe(t, f) : CUSGD_OK;
    *undone = 0;
    if (status == CUSGD_OK) status = run_steps(t, INT64_MAX, r);
    f->stepping += clock_seconds() - start;
    f->rows += r->rows;
    if (status != CUSGD_OK) return status;
    if (went_wrong(t, r) && !t->cancelled) {
        if (!t->retreats || f->backoffs >= MOST_BACKOFFS) {
            f->stop = CUSGD_STOP_DIVERGED;
            return diverged(t);
        }
        *undone = 1;
        return undo_epoch(t, f, first_step);
    }
    if (t->batch == t->batches) {
        t->epoch++;
        next_epoch(t);
    }
    return CUSGD_OK;
}

static int tell(const cusgd_trainer *t, const fit *f, const steps_report *r, int evaluated, cusgd_callback callback, void *user)
{
    if (!callback) return 0;
    double seconds = clock_seconds() - f->begun;
    cusgd_progress p = {
        .epoch = f->epochs,
        .epochs = t->options.epochs,
        .step = t->step,
        .loss = reported(t, evaluated ? f->loss : r->loss / (double)r->rows),
        .evaluated = evaluated,
        .valid_loss = evaluated && t->valid ? reported(t, f->valid) : (double)NAN,
        .rate = rate_at(t, t->step > 0 ? t->step - 1 : 0),
        .seconds = seconds,
        .rows_per_second = f->stepping > 0 ? (double)f->rows / f->stepping : 0,
        .seconds_left = seconds / (double)f->epochs * (double)(t->options.epochs - f->epochs),
    };
    return callback(&p, user);
}

/* One epoch, its evaluation where one is due, and what follows from it. */
static cusgd_status advance(cusgd_trainer *t, fit *f, cusgd_callback callback, void *user)
{
    steps_report r = {0};
    int undone;
    int64_t every = t->options.evaluate_every;
    cusgd_status status = run_epoch(t, f, &r, &undone);
    if (status != CUSGD_OK) return status;
    if (t->cancelled) {
        f->stop = CUSGD_STOP_CANCELLED;
        return CUSGD_OK;
    }
    f->epochs++;
    if (undone) return CUSGD_OK;
    int due = every > 0 && f->epochs % every == 0;
    if (due) status = evaluate(t, AREA_CURRENT, t->by_gradient, f);
    if (status == CUSGD_OK && (due || !t->valid)) status = keep_best(t, f, due ? f->loss : r.loss / (double)r.rows);
    if (status != CUSGD_OK) return status;
    if (due) judge(t, f);
    if (tell(t, f, &r, due, callback, user)) f->stop = CUSGD_STOP_CANCELLED;
    return CUSGD_OK;
}

/* ---- The end ---- */

/* theta -= rate gradient, then the threshold: the zeros of the l1 optimum, which noisy steps leave slightly off zero. What comes
 * of it lies in AREA_EPOCH, so that a run that goes on goes on from where it stood. */
static cusgd_status proximal_steps(cusgd_trainer *t)
{
    const backend *b = &t->backend;
    int64_t penalised = t->plan.d * t->plan.k, size = penalised + t->plan.k;
    double rate = 1 / (1.1 * t->lipschitz + t->plan.l2), loss, objective, before = (double)INFINITY;
    cusgd_status status = trainer_theta(t, t->result, t->theta);
    for (int i = 0; i < PROXIMAL_STEPS && status == CUSGD_OK; i++) {
        status = trainer_objective(t, t->train, t->theta, &loss, &objective, t->gradient);
        if (!isfinite(loss)) return status; /* choose_result will find the same */
        if (i == 0) before = objective;
        for (int64_t u = 0; u < size; u++) {
            if (u < penalised) {
                double factor = trainer_penalty(t, u), g = t->gradient[u] + factor * t->plan.l2 * t->theta[u];
                t->theta[u] = trainer_bounded(t, u, soft_threshold(t->theta[u] - rate * g, rate * factor * t->plan.l1));
            } else if (t->plan.intercept) {
                t->theta[u] -= rate * t->gradient[u];
            }
        }
    }
    /* Where the curvature has no bound the steps may have been too long. */
    if (status == CUSGD_OK) status = trainer_objective(t, t->train, t->theta, &loss, &objective, NULL);
    if (status != CUSGD_OK || (!isfinite(loss_curvature_bound(t->plan.loss)) && !(objective <= before))) return status;
    status = b->ops->put(b->self, AREA_EPOCH, PART_THETA, t->theta);
    if (status == CUSGD_OK) status = b->ops->put(b->self, AREA_EPOCH, PART_AVERAGE, t->theta);
    if (status == CUSGD_OK) t->result = AREA_EPOCH;
    return status;
}

/* The objective's distance to its limit if improvements go on shrinking as between the last three evaluations. */
static double excess_of(const cusgd_trainer *t, const fit *f)
{
    double before = f->last[2] - f->last[1], after = f->last[1] - f->last[0];
    if (!(before > 0) || !(after > 0) || after >= before) return (double)NAN;
    double ratio = after / before;
    return after * ratio / (1 - ratio) / fabs(f->last[0] - t->floor);
}

/* The result of a run that has diverged: its best, unless that has become bad in its last step, which no later loss has told.
 * What goes on from here goes on from there. */
static cusgd_status retire(cusgd_trainer *t, fit *f)
{
    const backend *b = &t->backend;
    f->stop = CUSGD_STOP_DIVERGED;
    t->result = AREA_BEST;
    cusgd_status status = evaluate(t, AREA_BEST, t->by_gradient, f);
    if (status == CUSGD_OK && !isfinite(f->loss)) {
        status = b->ops->copy(b->self, AREA_BEST, AREA_EPOCH);
        if (status == CUSGD_OK) status = evaluate(t, AREA_BEST, t->by_gradient, f);
        if (status != CUSGD_OK) return status;
        memcpy(t->best, t->theta, theta_bytes(t));
        t->kept = (double)INFINITY;
        t->kept_epoch = f->safe_epoch;
    }
    f->result_epoch = t->kept_epoch;
    next_epoch(t);
    return status == CUSGD_OK ? b->ops->copy(b->self, AREA_CURRENT, AREA_BEST) : status;
}

/* Chooses the result and evaluates it. */
static cusgd_status choose_result(cusgd_trainer *t, fit *f)
{
    cusgd_status status = CUSGD_OK;
    if (f->stop == CUSGD_STOP_DIVERGED) return retire(t, f);
    t->result = t->valid && isfinite(t->kept) ? AREA_BEST : AREA_CURRENT;
    f->result_epoch = t->result == AREA_BEST ? t->kept_epoch : t->epoch;
    if (t->plan.l1 > 0) status = proximal_steps(t);
    if (status == CUSGD_OK) status = evaluate(t, t->result, t->by_gradient, f);
    if (status != CUSGD_OK || isfinite(f->loss)) return status;
    status = retire(t, f);
    return status == CUSGD_OK ? diverged(t) : status;
}

/* The result of a run whose device has failed: the best, which can no more be evaluated there. */
static void lose_device(cusgd_trainer *t, fit *f)
{
    t->lost = 1;
    f->stop = CUSGD_STOP_DEVICE;
    f->result_epoch = t->kept_epoch;
    f->loss = f->objective = f->gradient = f->last[0] = (double)NAN;
    f->valid = isfinite(t->kept) ? t->kept : (double)NAN;
}

static void tell_result(const cusgd_trainer *t, const fit *f, cusgd_result *result)
{
    result->stop = f->stop;
    result->epochs = t->epoch;
    result->steps = t->step;
    result->epoch = f->result_epoch;
    result->loss = reported(t, f->loss);
    result->valid_loss = t->valid ? reported(t, f->valid) : (double)NAN;
    result->objective = f->objective;
    result->gradient = f->gradient;
    result->excess = excess_of(t, f);
    result->rate = rate_at(t, t->step > 0 ? t->step - 1 : 0);
    result->seconds = clock_seconds() - f->begun;
    result->rows_per_second = f->stepping > 0 ? (double)f->rows / f->stepping : 0;
    result->backoffs = f->backoffs;
}

cusgd_status cusgd_trainer_fit(cusgd_trainer *t, cusgd_callback callback, void *user, cusgd_result *result)
{
    if (t->options.solver != CUSGD_SOLVER_SGD) return solver_fit(t, callback, user, result);
    fit f = {.begun = clock_seconds(), .best = (double)INFINITY, .last = {(double)NAN, (double)NAN, (double)NAN}};
    cusgd_status status = trainer_check_device(t), ended = CUSGD_OK;
    t->result = AREA_CURRENT;
    if (result) memset(result, 0, sizeof *result);
    if (status == CUSGD_OK) status = keep_safe(t, &f);
    if (status == CUSGD_OK && !isfinite(t->kept)) status = keep_current(t); /* where a run that diverges at once ends */
    while (status == CUSGD_OK && f.stop == CUSGD_STOP_NONE) {
        if (f.epochs == t->options.epochs)
            f.stop = CUSGD_STOP_EPOCHS;
        else
            status = advance(t, &f, callback, user);
    }
    t->cancelled = 0;
    if (status == CUSGD_OK || status == CUSGD_ERROR_DIVERGED) ended = choose_result(t, &f);
    if (ended != CUSGD_OK) status = ended;
    if (status == CUSGD_ERROR_DEVICE) lose_device(t, &f);
    if (result && (status == CUSGD_OK || status == CUSGD_ERROR_DIVERGED || status == CUSGD_ERROR_DEVICE))
        tell_result(t, &f, result);
    return status;
}
