/* Running: epochs as slices of steps, undoing what went wrong, choosing the result. monitor.c judges the evaluations. */
#include "fit.h"

#include "clock.h"
#include "error.h"
#include "interrupt.h"
#include "options.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HOST_SLICE_STEPS = 512, /* of a slice, at most */
    GPU_SLICE_STEPS = 4096, /* 4 to 10 ms of the shortest ones */
    OUTPUTS_BY_MEMORY = 16, /* with so many outputs a GPU multiplies for as long as it reads x */
    MOST_BACKOFFS = 60,
    PROXIMAL_STEPS = 3 /* full-batch ones at the end of a run with l1: they clear the batches' noise from zeros */
};
/* Of x in a slice, at most: a GPU reads them in 2 ms (4 TB/s) to 25 ms (300 GB/s). */
static const int64_t HOST_SLICE_BYTES = 32 * 1024 * 1024, GPU_SLICE_BYTES = INT64_C(8000000000);

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

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
    s.average = average_weight(t->eccentricity, step, t->average_from);
    return s;
}

/* By how long a cancellation may wait: for the slice under way, and on a GPU for the one that it has been given meanwhile. */
int64_t slice_steps(int64_t bytes, int is_host)
{
    int64_t steps = (is_host ? HOST_SLICE_BYTES : GPU_SLICE_BYTES) / bytes, most = is_host ? HOST_SLICE_STEPS : GPU_SLICE_STEPS;
    return steps < 1 ? 1 : steps > most ? most : steps;
}

static int64_t steps_at_once(const cusgd_trainer *t)
{
    double bytes = (double)t->options.batch * (double)t->plan.d * (t->options.precision == CUSGD_PRECISION_DOUBLE ? 8 : 4);
    if (!t->backend.is_host) bytes *= 1 + (double)t->plan.k / OUTPUTS_BY_MEMORY;
    return slice_steps(bytes < 1e18 ? (int64_t)bytes : (int64_t)1e18, t->backend.is_host);
}

static int is_cancelled(const cusgd_trainer *t) { return t->cancelled || interrupt_asked(); }

/* Batches first .. first + count - 1 of the epoch under way, in one slice; the trainer counts them when they are reported. */
static cusgd_status give_slice(const cusgd_trainer *t, const sampler *order, int64_t first, int64_t count, step_numbers *numbers)
{
    slice s = {t->train, order, first, count, numbers};
    for (int64_t i = 0; i < count; i++) numbers[i] = trainer_numbers(t, t->step - t->batch + first + i);
    return t->backend.ops->steps(t->backend.self, &s);
}

/* Waits for all that was given, counts it and adds it to *total. */
static cusgd_status take_report(cusgd_trainer *t, steps_report *total)
{
    steps_report r;
    cusgd_status status = t->backend.ops->report(t->backend.self, &r);
    if (status != CUSGD_OK) return status;
    if (r.note) snprintf(t->device_note, sizeof t->device_note, "%s", r.note);
    t->step += r.done;
    t->batch += r.done;
    total->loss += r.loss;
    total->rows += r.rows;
    total->done += r.done;
    total->failed |= r.failed;
    return CUSGD_OK;
}

/* Steps until `limit` of them are done, the epoch ends, one fails or somebody cancels; sums in *total. A device that can wait for
 * less than all is given the next slice before the one before is done, and reports at the end. Its first slices are short, since
 * it has nothing to do while the first one is made ready: the numbers of 4096 steps take up to 2 ms. */
static cusgd_status run_steps(cusgd_trainer *t, int64_t limit, steps_report *total)
{
    const backend *b = &t->backend;
    int64_t most = t->slice > 0 ? t->slice : steps_at_once(t), count = b->ops->wait ? (most + 15) / 16 : most;
    int64_t given = t->batch, end = limit < t->batches - given ? given + limit : t->batches;
    int failed = 0;
    step_numbers *numbers = allocate((size_t)most, sizeof *numbers);
    cusgd_status status = CUSGD_OK;
    memset(total, 0, sizeof *total);
    if (!numbers) return fail_memory((size_t)most * sizeof *numbers, "a slice of steps");
    sampler order = sampler_make(t->options.sampling, t->options.seed, (uint64_t)t->train_rows.n, (uint64_t)t->batches,
                                 (uint64_t)t->epoch_index);
    while (status == CUSGD_OK && given < end && !failed && !total->failed && !is_cancelled(t)) {
        count = least(count, end - given);
        status = give_slice(t, &order, given, count, numbers);
        given += count;
        count = least(4 * count, most);
        if (status == CUSGD_OK) status = b->ops->wait ? b->ops->wait(b->self, &failed) : take_report(t, total);
    }
    if (status == CUSGD_OK && b->ops->wait) status = take_report(t, total);
    free(numbers);
    return status;
}

static void next_epoch(cusgd_trainer *t)
{
    t->batch = 0;
    t->epoch_index++;
}

/* Until `steps` of them are done, or somebody wants them to end. */
static cusgd_status take_steps(cusgd_trainer *t, int64_t steps)
{
    while (steps > 0) {
        steps_report r;
        cusgd_status status = run_steps(t, steps, &r);
        if (status != CUSGD_OK) return status;
        if (r.failed) return fit_diverged(t, rate_at(t, t->step));
        steps -= r.done;
        if (t->batch == t->batches) {
            next_epoch(t);
            t->epoch++;
        }
        if (steps > 0 && is_cancelled(t)) return fail_interrupted();
    }
    return CUSGD_OK;
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
    _Atomic int *watched = interrupt_watch(&t->cancelled);
    status = take_steps(t, steps);
    interrupt_watch(watched);
    t->cancelled = 0;
    cusgd_status files = trainer_check_data(t);
    return files != CUSGD_OK && status != CUSGD_ERROR_DEVICE ? files : status;
}

/* ---- Epochs ---- */

static int went_wrong(const cusgd_trainer *t, const steps_report *r)
{
    return r->failed || (t->retreats && r->rows > 0 && monitor_loss_is_bad(t, r->loss / (double)r->rows));
}

/* Where an epoch that goes wrong is undone to, or a run whose best is no good. */
static cusgd_status keep_safe(cusgd_trainer *t, fit *f)
{
    f->safe_epoch = t->epoch;
    return t->backend.ops->copy(t->backend.self, AREA_EPOCH, AREA_CURRENT);
}

static cusgd_status stop_velocity(cusgd_trainer *t)
{
    if (!optimizer_has_velocity(t->plan.optimizer)) return CUSGD_OK;
    memset(t->gradient, 0, theta_bytes(t));
    return t->backend.ops->put(t->backend.self, AREA_CURRENT, PART_SLOT1, t->gradient);
}

/* The best parameters become the current ones, at rest. The average starts anew from there: what it held of a rise would take
 * long to fade. */
static cusgd_status go_to_best(cusgd_trainer *t, fit *f)
{
    const backend *b = &t->backend;
    cusgd_status status = b->ops->copy(b->self, AREA_CURRENT, AREA_BEST);
    t->average_from = t->step;
    f->evaluated_step = -1;
    if (status == CUSGD_OK) status = trainer_theta(t, AREA_CURRENT, t->theta);
    if (status == CUSGD_OK) status = b->ops->put(b->self, AREA_CURRENT, PART_THETA, t->theta);
    return status == CUSGD_OK ? stop_velocity(t) : status;
}

/* Back to the epoch's start, at rest and at a quarter of the rate; or, where the epoch before has ended badly already, to the
 * best parameters, or the run's start if none are known. */
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
    if (status != CUSGD_OK || !monitor_loss_is_bad(t, loss)) return status == CUSGD_OK ? stop_velocity(t) : status;
    status = trainer_theta(t, AREA_BEST, t->theta);
    if (status == CUSGD_OK) status = trainer_objective(t, t->train, t->theta, &loss, &objective, NULL);
    if (status != CUSGD_OK) return status;
    if (isfinite(t->kept) && !monitor_loss_is_bad(t, loss)) return go_to_best(t, f);
    f->evaluated_step = -1;
    return trainer_begin(t);
}

/* Goes back to the best parameters at a quarter of the rate, because the objective has risen since. */
static cusgd_status return_to_best(cusgd_trainer *t, fit *f)
{
    t->rate_scale /= 4;
    f->backoffs++;
    f->stale = 0;
    return go_to_best(t, f);
}

/* Runs what is left of the epoch under way; *undone if it had to be taken back. */
static cusgd_status run_epoch(cusgd_trainer *t, fit *f, steps_report *r, int *undone)
{
    int64_t first_step = t->step;
    double start = clock_seconds();
    cusgd_status status = t->retreats ? keep_safe(t, f) : CUSGD_OK;
    *undone = 0;
    if (status == CUSGD_OK) status = run_steps(t, INT64_MAX, r);
    f->stepping += clock_seconds() - start;
    f->rows += r->rows;
    if (status == CUSGD_OK) status = trainer_check_data(t);
    if (status != CUSGD_OK) return status;
    if (went_wrong(t, r) && !is_cancelled(t)) {
        if (!t->retreats || f->backoffs >= MOST_BACKOFFS) {
            f->stop = CUSGD_STOP_DIVERGED;
            return fit_diverged(t, rate_at(t, t->step));
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
        .loss = trainer_reported(t, evaluated ? f->loss : r->loss / (double)r->rows),
        .evaluated = evaluated,
        .valid_loss = evaluated && t->valid ? trainer_reported(t, f->valid) : (double)NAN,
        .rate = rate_at(t, t->step > 0 ? t->step - 1 : 0),
        .seconds = seconds,
        .rows_per_second = f->stepping > 0 ? (double)f->rows / f->stepping : 0,
        .seconds_left = seconds / (double)f->epochs * (double)(t->options.epochs - f->epochs),
    };
    return callback(&p, user);
}

/* Evaluates the current parameters, and keeps them, goes on from them, or goes back to the best ones. */
static cusgd_status watch(cusgd_trainer *t, fit *f)
{
    cusgd_status status = monitor_evaluate(t, AREA_CURRENT, t->by_gradient, f);
    if (status == CUSGD_OK) status = monitor_keep_best(t, monitor_score(t, f), f->objective);
    if (status != CUSGD_OK) return status;
    monitor_judge(t, f);
    int must_return = monitor_has_risen(t, f) || (f->stop == CUSGD_STOP_TOLERANCE && monitor_is_worse_than_null(t));
    if (!must_return || f->backoffs >= MOST_BACKOFFS) return CUSGD_OK;
    if (f->stop == CUSGD_STOP_TOLERANCE) f->stop = CUSGD_STOP_NONE; /* the lower rate gets its chance */
    return return_to_best(t, f);
}

/* One epoch, its evaluation where one is due, and what follows from it. */
static cusgd_status advance(cusgd_trainer *t, fit *f, cusgd_callback callback, void *user)
{
    steps_report r = {0};
    int undone;
    int64_t every = t->options.evaluate_every;
    cusgd_status status = run_epoch(t, f, &r, &undone);
    if (status != CUSGD_OK) return status;
    if (is_cancelled(t)) {
        f->stop = CUSGD_STOP_CANCELLED;
        return CUSGD_OK;
    }
    f->epochs++;
    if (undone) return CUSGD_OK;
    int due = every > 0 && f->epochs % every == 0;
    if (due)
        status = watch(t, f);
    else if (every < 0 && !t->valid)
        status = monitor_keep_best(t, r.loss / (double)r.rows, (double)NAN); /* an estimate, for a run that diverges */
    if (status != CUSGD_OK) return status;
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

/* The result of a run that has diverged: its best, unless that has become bad in its last step, which no later loss has told.
 * What goes on from here goes on from there. */
static cusgd_status retire(cusgd_trainer *t, fit *f)
{
    const backend *b = &t->backend;
    f->stop = CUSGD_STOP_DIVERGED;
    t->result = AREA_BEST;
    cusgd_status status = monitor_evaluate(t, AREA_BEST, t->by_gradient, f);
    if (status == CUSGD_OK && !isfinite(f->loss)) {
        status = b->ops->copy(b->self, AREA_BEST, AREA_EPOCH);
        if (status == CUSGD_OK) status = monitor_evaluate(t, AREA_BEST, t->by_gradient, f);
        if (status != CUSGD_OK) return status;
        memcpy(t->best, t->theta, theta_bytes(t));
        t->kept = (double)INFINITY;
        t->kept_epoch = f->safe_epoch;
    }
    f->result_epoch = t->kept_epoch;
    next_epoch(t);
    return status == CUSGD_OK ? b->ops->copy(b->self, AREA_CURRENT, AREA_BEST) : status;
}

/* The best evaluated parameters, if the run evaluated any; the last ones otherwise, unless the rate is the library's own and they
 * are worse than the intercept-only model and than the best by the epochs' own estimates. */
static cusgd_status choose_area(cusgd_trainer *t, fit *f)
{
    cusgd_status status = CUSGD_OK;
    int evaluates = t->options.evaluate_every > 0;
    t->result = AREA_CURRENT;
    if (!evaluates && !t->retreats) return CUSGD_OK;
    if (f->evaluated_step != t->step) status = monitor_evaluate(t, AREA_CURRENT, 0, f);
    if (status != CUSGD_OK) return status;
    if (evaluates) {
        if (isfinite(f->loss)) status = monitor_keep_best(t, monitor_score(t, f), f->objective);
        if (isfinite(t->kept)) t->result = AREA_BEST;
    } else if (f->loss > t->null_loss) {
        double last = f->objective;
        status = monitor_evaluate(t, AREA_BEST, 0, f);
        if (f->objective < last) t->result = AREA_BEST;
    }
    return status;
}

/* Optimizer auto continues exponentials linearly far beyond the targets; what is written must have a finite loss without that. */
static cusgd_status check_loss(cusgd_trainer *t)
{
    double loss;
    if (!isfinite(t->plan.loss.least) && !isfinite(t->plan.loss.most)) return CUSGD_OK;
    cusgd_status status = t->backend.ops->objective(t->backend.self, t->train, loss_rule_of(&t->options), t->theta, &loss, NULL);
    return status != CUSGD_OK || isfinite(loss) ? status : fit_diverged(t, rate_at(t, t->step));
}

/* Chooses the result and evaluates it. */
static cusgd_status choose_result(cusgd_trainer *t, fit *f)
{
    cusgd_status status = CUSGD_OK;
    if (f->stop == CUSGD_STOP_DIVERGED) return retire(t, f);
    status = choose_area(t, f);
    f->result_epoch = t->result == AREA_BEST ? t->kept_epoch : t->epoch;
    if (status == CUSGD_OK && t->plan.l1 > 0) status = proximal_steps(t);
    if (status == CUSGD_OK) status = monitor_evaluate(t, t->result, t->by_gradient, f);
    if (status != CUSGD_OK) return status;
    if (isfinite(f->loss)) {
        status = check_loss(t);
        if (status == CUSGD_ERROR_DIVERGED) {
            f->stop = CUSGD_STOP_DIVERGED;
            f->loss = f->objective = (double)INFINITY;
        }
        return status;
    }
    status = retire(t, f);
    return status == CUSGD_OK ? fit_diverged(t, rate_at(t, t->step)) : status;
}

/* The result of a run whose device has failed, or whose data is gone: the best, which can no more be evaluated. */
static void lose(cusgd_trainer *t, fit *f, cusgd_status status)
{
    t->lost |= status == CUSGD_ERROR_DEVICE;
    t->result = AREA_BEST;
    f->stop = status == CUSGD_ERROR_DEVICE ? CUSGD_STOP_DEVICE : CUSGD_STOP_DATA;
    f->result_epoch = t->kept_epoch;
    f->loss = f->objective = f->gradient = f->last[0] = (double)NAN;
    f->valid = isfinite(t->kept) ? t->kept : (double)NAN;
}

static cusgd_status tell_result(cusgd_trainer *t, const fit *f, cusgd_result *result)
{
    result->stop = f->stop;
    result->epochs = t->epoch;
    result->steps = t->step;
    result->epoch = f->result_epoch;
    result->loss = trainer_reported(t, f->loss);
    result->valid_loss = t->valid ? trainer_reported(t, f->valid) : (double)NAN;
    result->objective = f->objective * t->loss_unit;
    result->gradient = f->gradient;
    result->excess = monitor_excess(t, f);
    result->rate = rate_at(t, t->step > 0 ? t->step - 1 : 0);
    result->seconds = clock_seconds() - f->begun;
    result->rows_per_second = f->stepping > 0 ? (double)f->rows / f->stepping : 0;
    result->backoffs = f->backoffs;
    result->separated = t->separated > 0;
    if (t->lost || !isfinite(f->loss)) return CUSGD_OK;
    return monitor_compare_null(t, f, result->note, sizeof result->note);
}

/* What comes after the epochs, and no interruption leaves out: the result, what is said of it, and what is kept of a failure. */
static cusgd_status end_fit(cusgd_trainer *t, fit *f, cusgd_status status, cusgd_result *result)
{
    cusgd_status ended = CUSGD_OK;
    interrupt_defer(1);
    if (status == CUSGD_OK || status == CUSGD_ERROR_DIVERGED) ended = choose_result(t, f);
    interrupt_defer(-1);
    if (ended != CUSGD_OK) status = ended;
    if (status == CUSGD_OK && result && f->stop != CUSGD_STOP_CANCELLED)
        ended = trainer_separation(t, t->theta, result->note, sizeof result->note);
    if (ended != CUSGD_OK && ended != CUSGD_ERROR_INTERRUPTED) status = ended; /* an interruption leaves it unknown */
    interrupt_defer(1);
    ended = status == CUSGD_ERROR_MEMORY || status == CUSGD_ERROR_DEVICE ? CUSGD_OK : trainer_check_data(t);
    if (ended != CUSGD_OK) status = ended; /* what else went wrong may come of it */
    if (status == CUSGD_ERROR_DEVICE || status == CUSGD_ERROR_DATA) lose(t, f, status);
    if (result && status != CUSGD_ERROR_MEMORY && status != CUSGD_ERROR_USAGE) {
        ended = tell_result(t, f, result);
        if (status == CUSGD_OK) status = ended;
    }
    interrupt_defer(-1);
    t->cancelled = 0;
    return status;
}

cusgd_status cusgd_trainer_fit(cusgd_trainer *t, cusgd_callback callback, void *user, cusgd_result *result)
{
    if (t->options.solver != CUSGD_SOLVER_SGD) return solver_fit(t, callback, user, result);
    fit f = {.begun = clock_seconds(),
             .best = (double)INFINITY,
             .evaluated_step = -1,
             .last = {(double)NAN, (double)NAN, (double)NAN}};
    _Atomic int *watched = interrupt_watch(&t->cancelled);
    cusgd_status status = trainer_check_device(t);
    t->result = AREA_CURRENT;
    if (result) memset(result, 0, sizeof *result);
    if (status == CUSGD_OK) status = keep_safe(t, &f);
    if (status == CUSGD_OK && !isfinite(t->kept)) status = monitor_keep_current(t); /* where a run that diverges at once ends */
    while (status == CUSGD_OK && f.stop == CUSGD_STOP_NONE) {
        if (f.epochs == t->options.epochs)
            f.stop = CUSGD_STOP_EPOCHS;
        else
            status = advance(t, &f, callback, user);
    }
    if (status == CUSGD_ERROR_INTERRUPTED) { /* in a pass over the data */
        status = CUSGD_OK;
        f.stop = CUSGD_STOP_CANCELLED;
    }
    status = end_fit(t, &f, status, result);
    interrupt_watch(watched);
    return status;
}
