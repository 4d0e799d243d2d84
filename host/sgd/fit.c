/* Running: epochs as slices of steps, undoing what went wrong, choosing the result. monitor.c judges the evaluations. */
#include "sgd.h"

#include "clock.h"
#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "problem/stream.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HOST_SLICE_STEPS = 512, /* of a slice, at most */
    GPU_SLICE_STEPS = 4096, /* 4 to 10 ms of the shortest ones */
    OUTPUTS_BY_MEMORY = 16, /* with so many outputs a GPU multiplies for as long as it reads x */
    MAX_ROLLBACKS = 60,
    PROXIMAL_STEPS = 3 /* full-batch ones at the end of a run with l1: they clear the batches' noise from zeros */
};
/* Of x in a slice, at most: a GPU reads them in 2 ms (4 TB/s) to 25 ms (300 GB/s). */
static const int64_t HOST_SLICE_BYTES = 32 * 1024 * 1024, GPU_SLICE_BYTES = INT64_C(8000000000);

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- Steps ---- */

static double rate_at(const sgd *s, int64_t step)
{
    const cusgd_options *o = s->run->options;
    double rate = s->run->at.rate_scale * s->run->at.plateau_scale * schedule_rate(&s->schedule, step);
    return s->run->spec.optimizer == CUSGD_OPTIMIZER_ASGD ? rate * asgd_share(s->run->spec.decay, o->rate, step) : rate;
}

step_numbers sgd_numbers(const sgd *s, int64_t step)
{
    step_numbers now;
    optimizer_numbers(s->run->spec.optimizer, s->run->spec.beta1, s->run->spec.beta2, step, &now);
    now.rate = rate_at(s, step);
    now.momentum = s->run->options->momentum;
    now.average = average_weight(s->eccentricity, step, s->run->at.average_from);
    return now;
}

/* By how long a cancellation may wait: for the slice under way, and on a GPU for the one that it has been given meanwhile. */
int64_t slice_steps(int64_t bytes, int is_host)
{
    int64_t steps = (is_host ? HOST_SLICE_BYTES : GPU_SLICE_BYTES) / bytes,
            maximum = is_host ? HOST_SLICE_STEPS : GPU_SLICE_STEPS;
    return steps < 1 ? 1 : steps > maximum ? maximum : steps;
}

static int64_t steps_at_once(const sgd *s)
{
    double bytes =
        (double)s->run->options->batch * (double)s->problem->d * (s->run->options->precision == CUSGD_PRECISION_DOUBLE ? 8 : 4);
    if (s->run->spec.sparse) /* values and their columns */
        bytes = (double)s->run->options->batch * (double)cusgd_data_stored(s->problem->train.data) /
                    (double)s->problem->train.data->view.n * 2 * sizeof(double) +
                1;
    if (!s->problem->backend->is_host) bytes *= 1 + (double)s->problem->k / OUTPUTS_BY_MEMORY;
    return slice_steps(bytes < 1e18 ? (int64_t)bytes : (int64_t)1e18, s->problem->backend->is_host);
}

/* The shards' orders in the epoch under way. */
static void order_shares(const sgd *s, sampler *orders, batch_share *shares)
{
    const cusgd_options *o = s->run->options;
    const example_set *train = &s->problem->train;
    for (int h = 0; h < train->shards; h++) {
        orders[h] = sampler_of_shard(
            o->sampling, o->seed,
            (shard_of_rows){(uint64_t)train->rows.n, (uint64_t)train->rows.d, (uint64_t)train->shards, (uint64_t)h},
            (uint64_t)s->batches, (uint64_t)s->run->at.epoch_index);
        shares[h] = (batch_share){train->bounds ? train->bounds[h] : NULL, &orders[h]};
    }
}

/* Batches first .. first + count - 1 of the epoch under way, in one slice; the run counts them when they are reported. */
static cusgd_status give_slice(const sgd *s, const batch_share *shares, int64_t first, int64_t count, step_numbers *numbers)
{
    slice next = {shares, first, count, numbers};
    for (int64_t i = 0; i < count; i++) numbers[i] = sgd_numbers(s, s->run->at.step - s->run->at.batch + first + i);
    return s->problem->backend->ops->steps(s->problem->backend->self, &next);
}

/* The device goes on with the sum of losses that *total has (run_steps). */
cusgd_status sgd_count_steps(sgd *s, steps_report *total)
{
    steps_report r;
    const backend *b = s->problem->backend;
    cusgd_status status = b->ops->report(b->self, &r);
    if (status) return status;
    if (r.note) snprintf(s->device_note, sizeof s->device_note, "%s", r.note);
    s->run->at.step += r.done;
    s->run->at.batch += r.done;
    total->loss = r.loss;
    total->rows += r.rows;
    total->done += r.done;
    total->failed |= r.failed;
    return CUSGD_OK;
}

/* What follows of an epoch's steps has its losses added to those of the steps before, in the order of the steps: an epoch that is
 * divided, into whatever slices, ends with the bits of one that is not. */
static cusgd_status go_on_with_sum(const sgd *s, const steps_report *total)
{
    const backend *b = s->problem->backend;
    return total->loss != 0 || !b->ops->wait ? b->ops->add_loss(b->self, total->loss) : CUSGD_OK;
}

/* Between two slices. */
static cusgd_status offer(sgd *s, const fit *f, int64_t given, steps_report *total)
{
    s->counted = total;
    s->given = given;
    s->counting = CUSGD_OK;
    fit_offer(s, f);
    int was_saved = s->counted == NULL;
    s->counted = NULL;
    if (s->counting != CUSGD_OK || !was_saved) return s->counting;
    return go_on_with_sum(s, total);
}

/* Of a stream: where the rows of batch `at` and the next ones are, up to batch *bound, once the steps before are done. */
static cusgd_status bind_batches(sgd *s, int64_t at, const sampler *order, batch_share *share, int64_t *bound,
                                 steps_report *total)
{
    cusgd_status status = at > s->run->at.batch ? sgd_count_steps(s, total) : CUSGD_OK;
    if (!status && !total->failed) status = stream_batches(s->problem, s->problem->train.stream, order, at, share, bound);
    return status ? status : go_on_with_sum(s, total);
}

/* Steps until `limit` of them are done, the epoch ends, one fails or somebody cancels; adds to *total. A device that can wait for
 * less than all is given the next slice before the one before is done, and reports at the end. Its first slices are short, since
 * it has nothing to do while the first one is made ready: the numbers of 4096 steps take up to 2 ms. f: the fit, which can be
 * saved between slices; NULL: there is none. */
static cusgd_status run_steps(sgd *s, const fit *f, int64_t limit, steps_report *total)
{
    const backend *b = s->problem->backend;
    int64_t maximum = s->slice > 0 ? s->slice : steps_at_once(s), count = b->ops->wait ? (maximum + 15) / 16 : maximum;
    int64_t given = s->run->at.batch, end = limit < s->batches - given ? given + limit : s->batches;
    int64_t bound = s->problem->train.stream ? given : end; /* behind the last batch that is bound */
    int failed = 0;
    size_t shards = (size_t)s->problem->train.shards;
    step_numbers *numbers = allocate((size_t)maximum, sizeof *numbers);
    sampler *orders = allocate(shards, sizeof *orders);
    batch_share *shares = allocate(shards, sizeof *shares);
    cusgd_status status = go_on_with_sum(s, total);
    if (numbers && orders && shares)
        order_shares(s, orders, shares);
    else
        status = fail_memory((size_t)maximum * sizeof *numbers + shards * sizeof *orders, "a slice of steps");
    while (!status && given < end && !failed && !total->failed && !run_is_cancelled(s->run)) {
        if (given == bound) status = bind_batches(s, given, orders, shares, &bound, total);
        if (status || total->failed) break;
        count = min_of(count, min_of(end, bound) - given);
        status = give_slice(s, shares, given, count, numbers);
        given += count;
        count = min_of(4 * count, maximum);
        if (!status) status = b->ops->wait ? b->ops->wait(b->self, &failed) : sgd_count_steps(s, total);
        if (!status && !b->ops->wait) status = go_on_with_sum(s, total);
        if (!status && f && s->run->fit.callback && given < end) status = offer(s, f, given, total);
    }
    if (!status && b->ops->wait) status = sgd_count_steps(s, total);
    free(numbers);
    free(orders);
    free(shares);
    return status;
}

static void next_epoch(sgd *s)
{
    s->run->at.batch = 0;
    s->run->at.epoch_index++;
}

/* Until `steps` of them are done, or somebody wants them to end. */
static cusgd_status take_steps(sgd *s, int64_t steps, steps_report *total)
{
    while (steps > 0) {
        steps_report r = {0};
        cusgd_status status = run_steps(s, NULL, steps, &r);
        total->loss += r.loss;
        total->rows += r.rows;
        total->done += r.done;
        if (status) return status;
        if (r.failed) return fit_diverged(s, rate_at(s, s->run->at.step));
        steps -= r.done;
        if (s->run->at.batch == s->batches) {
            next_epoch(s);
            s->run->at.epoch++;
        }
        if (steps > 0 && run_is_cancelled(s->run)) return fail_interrupted();
    }
    return CUSGD_OK;
}

cusgd_status sgd_step(sgd *s, int64_t steps, steps_report *total)
{
    memset(total, 0, sizeof *total);
    run_forget_fit(s->run);
    s->run->cancelled = 0;
    s->run->at.result = SNAPSHOT_CURRENT;
    _Atomic int *watched = interrupt_watch(&s->run->cancelled);
    cusgd_status status = take_steps(s, steps, total);
    interrupt_watch(watched);
    s->run->cancelled = 0;
    cusgd_status files = problem_check_data(s->problem);
    return files != CUSGD_OK && status != CUSGD_ERROR_DEVICE ? files : status;
}

void sgd_rebind(sgd *s)
{
    run_position *at = &s->run->at;
    int64_t batch = s->run->options->batch;
    s->batches = (s->problem->train.rows.n + batch - 1) / batch;
    s->lipschitz = (double)NAN;
    run_forget_fit(s->run);
    if (at->batch > 0) next_epoch(s);
    at->kept = at->best = at->plateau_best = (double)INFINITY;
    at->kept_objective = at->last[0] = at->last[1] = at->last[2] = (double)NAN;
    at->stale = at->plateau_stale = 0;
    at->result = SNAPSHOT_CURRENT;
    s->run->given = (double)NAN;
}

/* ---- Epochs ---- */

static int went_wrong(const sgd *s, const steps_report *r)
{
    return r->failed || (s->retreats && r->rows > 0 && watch_loss_is_bad(s, r->loss / (double)r->rows));
}

/* Where an epoch that goes wrong is undone to, or a run whose best is no good. */
static cusgd_status keep_safe(sgd *s, fit *f)
{
    f->safe_epoch = s->run->at.epoch;
    return run_copy(s->run, SNAPSHOT_EPOCH, SNAPSHOT_CURRENT);
}

static cusgd_status stop_velocity(sgd *s)
{
    if (!optimizer_has_velocity(s->run->spec.optimizer)) return CUSGD_OK;
    memset(s->run->gradient, 0, theta_bytes(s->problem));
    return s->problem->backend->ops->put(s->problem->backend->self, SNAPSHOT_CURRENT, STATE_SLOT1, s->run->gradient);
}

/* The best parameters become the current ones, at rest. The average starts anew from there: what it held of a rise would take
 * long to fade. */
static cusgd_status go_to_best(sgd *s, fit *f)
{
    const backend *b = s->problem->backend;
    cusgd_status status = run_copy(s->run, SNAPSHOT_CURRENT, SNAPSHOT_BEST);
    s->run->at.average_from = s->run->at.step;
    f->evaluated_step = -1;
    if (!status) status = run_theta(s->run, SNAPSHOT_CURRENT, s->run->theta);
    if (!status) status = b->ops->put(b->self, SNAPSHOT_CURRENT, STATE_THETA, s->run->theta);
    return status ? status : stop_velocity(s);
}

/* Back to the epoch's start, at rest and at a quarter of the rate; or, where the epoch before has ended badly already, to the
 * best parameters, or the run's start if none are known. */
static cusgd_status undo_epoch(sgd *s, fit *f, int64_t first_step)
{
    const backend *b = s->problem->backend;
    double loss, objective;
    cusgd_status status = run_copy(s->run, SNAPSHOT_CURRENT, SNAPSHOT_EPOCH);
    s->run->at.rate_scale /= 4;
    s->run->at.step = first_step;
    f->rollbacks++;
    next_epoch(s);
    if (!status) status = b->ops->get(b->self, SNAPSHOT_CURRENT, STATE_THETA, s->run->theta);
    if (!status) status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, NULL);
    if (status || !watch_loss_is_bad(s, loss)) return status ? status : stop_velocity(s);
    status = run_theta(s->run, SNAPSHOT_BEST, s->run->theta);
    if (!status) status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, NULL);
    if (status) return status;
    if (isfinite(s->run->at.kept) && !watch_loss_is_bad(s, loss)) return go_to_best(s, f);
    f->evaluated_step = -1;
    return run_begin(s->run);
}

/* Goes back to the best parameters at a quarter of the rate, because the objective has risen since. */
static cusgd_status return_to_best(sgd *s, fit *f)
{
    s->run->at.rate_scale /= 4;
    f->rollbacks++;
    s->run->at.stale = 0;
    return go_to_best(s, f);
}

/* Takes what is left of the steps of the epoch under way, into f->epoch. */
static cusgd_status take_epoch(sgd *s, fit *f)
{
    double start = clock_seconds();
    cusgd_status status = CUSGD_OK;
    if (!f->under_way) {
        memset(&f->epoch, 0, sizeof f->epoch);
        f->first_step = s->run->at.step;
        if (s->retreats) status = keep_safe(s, f);
        f->under_way = !status;
    }
    if (!status) status = run_steps(s, f, INT64_MAX, &f->epoch);
    f->m.working += clock_seconds() - start;
    f->m.rows += f->epoch.rows;
    if (!status) status = problem_check_data(s->problem);
    if (status) return status;
    f->cancelled = run_is_cancelled(s->run);
    if (f->cancelled) {
        fit_offer(s, f);
    } else if (run_is_saved(s->run)) {
        interrupt_defer(1);
        f->defers = 1;
    }
    f->under_way = 0;
    return CUSGD_OK;
}

/* Runs what is left of the epoch under way; *undone if it had to be taken back. */
static cusgd_status run_epoch(sgd *s, fit *f, int *undone)
{
    cusgd_status status = take_epoch(s, f);
    *undone = 0;
    if (status) return status;
    if (went_wrong(s, &f->epoch) && !f->cancelled) {
        if (!s->retreats || f->rollbacks >= MAX_ROLLBACKS) {
            f->m.stop = CUSGD_STOP_DIVERGED;
            return fit_diverged(s, rate_at(s, s->run->at.step));
        }
        *undone = 1;
        return undo_epoch(s, f, f->first_step);
    }
    if (s->run->at.batch == s->batches) {
        s->run->at.epoch++;
        next_epoch(s);
    }
    return CUSGD_OK;
}

static int tell(const sgd *s, const fit *f, const steps_report *r, int evaluated)
{
    int64_t step = s->run->at.step;
    double loss = evaluated ? f->m.now.loss : r->loss / (double)r->rows;
    return monitor_tell(&f->m, step, loss, evaluated, rate_at(s, step > 0 ? step - 1 : 0));
}

/* Evaluates the current parameters, and keeps them, goes on from them, or goes back to the best ones. */
static cusgd_status watch(sgd *s, fit *f)
{
    cusgd_status status = watch_evaluate(s, SNAPSHOT_CURRENT, s->run->by_gradient, f);
    if (!status) status = watch_keep_best(s, monitor_score(&f->m), f->m.now.objective);
    if (status) return status;
    watch_judge(s, f);
    int must_return = watch_has_risen(s, f) || (f->m.stop == CUSGD_STOP_TOLERANCE && watch_is_worse_than_null(s));
    if (!must_return || f->rollbacks >= MAX_ROLLBACKS) return CUSGD_OK;
    if (f->m.stop == CUSGD_STOP_TOLERANCE) f->m.stop = CUSGD_STOP_NONE; /* the lower rate gets its chance */
    return return_to_best(s, f);
}

/* One epoch, its evaluation where one is due, and what follows from it. */
static cusgd_status advance(sgd *s, fit *f)
{
    int undone;
    int64_t every = s->run->options->evaluate_every;
    cusgd_status status = run_epoch(s, f, &undone);
    if (status) return status;
    if (f->cancelled) {
        f->m.stop = CUSGD_STOP_CANCELLED;
        return CUSGD_OK;
    }
    f->m.epochs++;
    if (undone) return CUSGD_OK;
    int due = every > 0 && f->m.epochs % every == 0;
    if (due)
        status = watch(s, f);
    else if (every < 0 && !s->problem->valid.bounds)
        status =
            watch_keep_best(s, f->epoch.loss / (double)f->epoch.rows, (double)NAN); /* an estimate, for a run that diverges */
    if (status) return status;
    if (tell(s, f, &f->epoch, due)) f->m.stop = CUSGD_STOP_CANCELLED;
    return CUSGD_OK;
}

/* Likewise, and the fit can be saved behind it. */
static cusgd_status go_on(sgd *s, fit *f)
{
    cusgd_status status = advance(s, f);
    if (f->defers) interrupt_defer(-1);
    f->defers = 0;
    if (!status && !f->cancelled && (f->m.stop == CUSGD_STOP_NONE || f->m.stop == CUSGD_STOP_CANCELLED)) fit_offer(s, f);
    return status;
}

/* ---- The end ---- */

/* Whether the result may be slightly off zeros or bounds that the optimum has: by noisy steps, or as an average. */
static int blurs(const sgd *s)
{
    const cusgd_options *o = s->run->options;
    return s->problem->l1 > 0 || (o->average && s->problem->limit[0] && !(isnan(o->lower) && isnan(o->upper)));
}

/* theta -= rate gradient, then the threshold and the bounds: the optimum's zeros, and coefficients at bounds. What comes of it
 * lies in AREA_EPOCH, so that a run that goes on goes on from where it stood. */
static cusgd_status proximal_steps(sgd *s)
{
    const backend *b = s->problem->backend;
    int64_t penalized = s->problem->d * s->problem->k, size = penalized + s->problem->k;
    double loss, objective, noise, before = (double)INFINITY;
    cusgd_status status = run_theta(s->run, s->run->at.result, s->run->theta);
    if (!status && isnan(s->lipschitz)) {
        status = sample_curvature(s->problem, NULL, &s->lipschitz, &noise);
        s->lipschitz *= s->problem->targets.steepest;
    }
    for (int i = 0; i < PROXIMAL_STEPS && !status; i++) {
        status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, s->run->gradient);
        if (!isfinite(loss)) return status; /* choose_result will find the same */
        if (i == 0) before = objective;
        for (int64_t u = 0; u < size; u++) {
            double *theta = &s->run->theta[u], g = s->run->gradient[u];
            double l2 = u < penalized ? problem_l2(s->problem, u) : s->problem->l2, rate = 1 / (1.1 * s->lipschitz + l2);
            if (u < penalized)
                *theta = problem_bounded(s->problem, u,
                                         soft_threshold(*theta - rate * (g + l2 * *theta), rate * problem_l1(s->problem, u)));
            else if (s->problem->intercept)
                *theta -= rate * g;
        }
    }
    /* Where the curvature has no bound the steps may have been too long. */
    if (!status) status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, NULL);
    if (status || (!isfinite(loss_curvature_bound(s->problem->loss)) && !(objective <= before))) return status;
    status = b->ops->put(b->self, SNAPSHOT_EPOCH, STATE_THETA, s->run->theta);
    if (!status) status = b->ops->put(b->self, SNAPSHOT_EPOCH, STATE_AVERAGE, s->run->theta);
    if (!status) s->run->at.result = SNAPSHOT_EPOCH;
    return status;
}

/* The result of a run that has diverged: its best, unless that has become bad in its last step, which no later loss has shown.
 * What goes on from here goes on from there. */
static cusgd_status retire(sgd *s, fit *f)
{
    f->m.stop = CUSGD_STOP_DIVERGED;
    s->run->at.result = SNAPSHOT_BEST;
    cusgd_status status = watch_evaluate(s, SNAPSHOT_BEST, s->run->by_gradient, f);
    if (!status && !isfinite(f->m.now.loss)) {
        status = run_copy(s->run, SNAPSHOT_BEST, SNAPSHOT_EPOCH);
        if (!status) status = watch_evaluate(s, SNAPSHOT_BEST, s->run->by_gradient, f);
        if (status) return status;
        memcpy(s->run->best, s->run->theta, theta_bytes(s->problem));
        s->run->at.kept = (double)INFINITY;
        s->run->at.kept_epoch = f->safe_epoch;
    }
    f->m.result_epoch = s->run->at.kept_epoch;
    next_epoch(s);
    return status ? status : run_copy(s->run, SNAPSHOT_CURRENT, SNAPSHOT_BEST);
}

/* The best evaluated parameters, if the run evaluated any; the last ones otherwise, unless the rate is the library's own and they
 * are worse than the intercept-only model and than the best by the epochs' own estimates. */
static cusgd_status choose_snapshot(sgd *s, fit *f)
{
    cusgd_status status = CUSGD_OK;
    int evaluates = s->run->options->evaluate_every > 0;
    s->run->at.result = SNAPSHOT_CURRENT;
    if (!evaluates && !s->retreats) return CUSGD_OK;
    if (f->evaluated_step != s->run->at.step) status = watch_evaluate(s, SNAPSHOT_CURRENT, 0, f);
    if (status) return status;
    if (evaluates) {
        if (isfinite(f->m.now.loss)) status = watch_keep_best(s, monitor_score(&f->m), f->m.now.objective);
        if (isfinite(s->run->at.kept)) s->run->at.result = SNAPSHOT_BEST;
    } else if (f->m.now.loss > s->problem->null_loss) {
        double last = f->m.now.objective;
        status = watch_evaluate(s, SNAPSHOT_BEST, 0, f);
        if (f->m.now.objective < last) s->run->at.result = SNAPSHOT_BEST;
    }
    return status;
}

/* Optimizer auto continues exponentials linearly far beyond the targets; what is written must have a finite loss without that. */
static cusgd_status check_loss(sgd *s)
{
    double loss;
    if (!isfinite(s->problem->loss.minimum) && !isfinite(s->problem->loss.maximum)) return CUSGD_OK;
    cusgd_status status = problem_loss(s->problem, &s->problem->train, loss_rule_of(s->run->options), s->run->theta, &loss, NULL);
    return status || isfinite(loss) ? status : fit_diverged(s, rate_at(s, s->run->at.step));
}

/* Chooses the result and evaluates it. */
static cusgd_status choose_result(sgd *s, fit *f)
{
    cusgd_status status = CUSGD_OK;
    if (f->m.stop == CUSGD_STOP_DIVERGED) return retire(s, f);
    status = choose_snapshot(s, f);
    f->m.result_epoch = s->run->at.result == SNAPSHOT_BEST ? s->run->at.kept_epoch : s->run->at.epoch;
    if (!status && blurs(s)) status = proximal_steps(s);
    if (!status) status = watch_evaluate(s, s->run->at.result, s->run->by_gradient, f);
    if (status) return status;
    if (isfinite(f->m.now.loss)) {
        status = check_loss(s);
        if (status == CUSGD_ERROR_DIVERGED) {
            f->m.stop = CUSGD_STOP_DIVERGED;
            f->m.now.loss = f->m.now.objective = (double)INFINITY;
        }
        return status;
    }
    status = retire(s, f);
    return status ? status : fit_diverged(s, rate_at(s, s->run->at.step));
}

/* The result of a run whose device has failed, or whose data is gone: the best, which can no more be evaluated. */
static void lose(sgd *s, fit *f, cusgd_status status)
{
    s->run->lost |= status == CUSGD_ERROR_DEVICE;
    s->run->at.result = SNAPSHOT_BEST;
    f->m.stop = status == CUSGD_ERROR_DEVICE ? CUSGD_STOP_DEVICE : CUSGD_STOP_DATA;
    f->m.result_epoch = s->run->at.kept_epoch;
    f->m.now.loss = f->m.now.objective = f->m.now.gradient = s->run->at.last[0] = (double)NAN;
    f->m.now.valid = isfinite(s->run->at.kept) ? s->run->at.kept : (double)NAN;
}

/* A run from given coefficients begins its average, momentum and rate anew, and may end above where it began. */
static void note_rise(const sgd *s, const fit *f, cusgd_result *result)
{
    const double share = 1e-4;
    double given = s->run->given, lowest = s->problem->targets.lower_bound;
    if (*result->note || isnan(given) || !(f->m.now.objective > given + share * fabs(given - lowest))) return;
    snprintf(result->note, sizeof result->note,
             "the objective is %.6g, above %.6g at the coefficients that were given to start from: a start takes over the "
             "coefficients only, and the average and the rate begin anew; use more --epochs, or --solver auto",
             problem_reported(s->problem, f->m.now.objective), problem_reported(s->problem, given));
}

static cusgd_status tell_result(const sgd *s, const fit *f, cusgd_result *result)
{
    int64_t step = s->run->at.step;
    monitor_result(&f->m, rate_at(s, step > 0 ? step - 1 : 0), result);
    result->rollbacks = f->rollbacks;
    if (s->run->lost || !isfinite(f->m.now.loss)) return CUSGD_OK;
    cusgd_status status = monitor_tell_compared(&f->m, watch_advice(s), result);
    note_rise(s, f, result);
    return status;
}

/* A rate that was given, by itself or by what it follows from, may be so large that the run ends far from where any model should,
 * and yet at finite losses. Too few epochs are no such failure: they end below the starting point. Nor is the noise of steps
 * about an optimum that is no better than a constant. */
static cusgd_status check_rate(const sgd *s, const fit *f)
{
    const double beyond_noise = 1.01;
    double start, objective;
    int worse, was_given = !s->retreats || s->given_t0;
    if (!was_given || f->m.stop == CUSGD_STOP_CANCELLED) return CUSGD_OK;
    cusgd_status status = monitor_compare(&f->m, &worse);
    if (status || !worse) return status;
    status = problem_objective(s->problem, &s->problem->train, s->run->start, &start, &objective, NULL);
    double lowest = s->problem->targets.lower_bound, limit = fmax(start, s->problem->null_loss) - lowest;
    if (status || !(f->m.now.loss - lowest > beyond_noise * limit)) return status;
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "not converged: after %lld epoch%s the loss is %.6g, above the starting point's %.6g and the intercept-only "
                "model's %.6g; %s",
                (long long)f->m.epochs, f->m.epochs == 1 ? "" : "s", problem_reported(s->problem, f->m.now.loss),
                problem_reported(s->problem, start), problem_reported(s->problem, s->problem->null_loss), watch_advice(s));
}

/* A cancellation that comes meanwhile is of no more use: the fit has ended. */
static cusgd_status look_for_separation(sgd *s, cusgd_result *result)
{
    cusgd_status status =
        problem_separation(s->problem, s->run->theta, s->run->spec.decay > 0, result->note, sizeof result->note);
    s->run->cancelled = 0;
    return status;
}

/* What comes after the epochs, and no interruption leaves out: the result, what is said of it, and what is kept of a failure. */
static cusgd_status end_fit(sgd *s, fit *f, cusgd_status status, cusgd_result *result)
{
    cusgd_status ended = CUSGD_OK;
    interrupt_defer(1);
    if (!status || status == CUSGD_ERROR_DIVERGED) ended = choose_result(s, f);
    interrupt_defer(-1);
    if (ended != CUSGD_OK) status = ended;
    if (!status && result && f->m.stop != CUSGD_STOP_CANCELLED) ended = look_for_separation(s, result);
    if (ended != CUSGD_OK && ended != CUSGD_ERROR_INTERRUPTED) status = ended; /* an interruption leaves it unknown */
    interrupt_defer(1);
    if (!status) status = check_rate(s, f);
    ended = status == CUSGD_ERROR_MEMORY || status == CUSGD_ERROR_DEVICE ? CUSGD_OK : problem_check_data(s->problem);
    if (ended != CUSGD_OK) status = ended; /* what else went wrong may come of it */
    if (status == CUSGD_ERROR_DEVICE || status == CUSGD_ERROR_DATA) lose(s, f, status);
    if (result && status != CUSGD_ERROR_MEMORY && status != CUSGD_ERROR_USAGE) {
        ended = tell_result(s, f, result);
        if (!status) status = ended;
    }
    interrupt_defer(-1);
    s->run->cancelled = 0;
    return status;
}

cusgd_status sgd_fit(sgd *s, cusgd_callback callback, void *user, cusgd_result *result)
{
    fit f = {.evaluated_step = -1};
    int64_t stale = s->run->at.stale;
    int goes_on = s->run->fit.is_whole;
    monitor_begin(&f.m, s->run, callback, user);
    _Atomic int *watched = interrupt_watch(&s->run->cancelled);
    cusgd_status status = run_check_device(s->run);
    s->run->at.result = SNAPSHOT_CURRENT;
    if (result) memset(result, 0, sizeof *result);
    if (!status && !goes_on) status = keep_safe(s, &f);
    if (!status && !goes_on && !isfinite(s->run->at.kept))
        status = watch_keep_current(s); /* where a run that diverges at once ends */
    if (goes_on) fit_resume(s, &f, stale);
    while (!status && f.m.stop == CUSGD_STOP_NONE) {
        if (f.m.epochs == s->run->options->epochs)
            f.m.stop = CUSGD_STOP_EPOCHS;
        else
            status = go_on(s, &f);
    }
    if (status == CUSGD_ERROR_INTERRUPTED) { /* in a pass over the data */
        status = CUSGD_OK;
        f.m.stop = CUSGD_STOP_CANCELLED;
    }
    status = end_fit(s, &f, status, result);
    interrupt_watch(watched);
    return status;
}
