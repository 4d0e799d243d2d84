/* Runs steps: an epoch is divided into slices of steps, which are submitted to the device one after another. */
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
    HOST_SLICE_STEPS = 512, /* maximum steps of a slice */
    GPU_SLICE_STEPS = 4096, /* 4 to 10 ms of the shortest steps */
    OUTPUTS_BY_MEMORY = 16  /* number of outputs for which multiplications on a GPU take as long as reading x */
};
/* Maximum bytes of x in a slice: a GPU reads them in 2 ms (4 TB/s) to 25 ms (300 GB/s). */
static const int64_t HOST_SLICE_BYTES = 32 * 1024 * 1024, GPU_SLICE_BYTES = INT64_C(8000000000);

double sgd_rate_at(const sgd *s, int64_t step)
{
    const cusgd_options *o = s->run->options;
    double rate = s->run->at.rate_scale * s->run->at.plateau_scale * schedule_rate(&s->schedule, step);
    return s->run->spec.optimizer == CUSGD_OPTIMIZER_ASGD ? rate * asgd_share(s->run->spec.constants.decay, o->rate, step) : rate;
}

step_numbers sgd_numbers(const sgd *s, int64_t step)
{
    step_numbers now;
    optimizer_numbers(s->run->spec.optimizer, s->run->spec.constants.beta1, s->run->spec.constants.beta2, step, &now);
    now.rate = sgd_rate_at(s, step);
    now.momentum = s->run->options->momentum;
    now.average = average_weight(s->eccentricity, step, s->run->at.average_from);
    return now;
}

/* A slice limits the delay of a cancellation, which has to wait for the current slice, and on a GPU also for the one that was
 * submitted after it. */
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
    if (s->run->spec.sparse) /* values and their column numbers */
        bytes = (double)s->run->options->batch * (double)cusgd_data_stored(s->problem->train.data) /
                    (double)s->problem->train.data->view.n * 2 * sizeof(double) +
                1;
    if (!s->problem->backend->is_host) bytes *= 1 + (double)s->problem->k / OUTPUTS_BY_MEMORY;
    return slice_steps(bytes < 1e18 ? (int64_t)bytes : (int64_t)1e18, s->problem->backend->is_host);
}

/* Sets the orders of the rows of each shard in the current epoch. */
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

/* Submits batches first .. first + count - 1 of the current epoch as one slice. The run counts them when they are reported. */
static cusgd_status give_slice(const sgd *s, const batch_share *shares, int64_t first, int64_t count, step_numbers *numbers)
{
    slice next = {shares, first, count, numbers};
    for (int64_t i = 0; i < count; i++) numbers[i] = sgd_numbers(s, s->run->at.step - s->run->at.batch + first + i);
    return s->problem->backend->ops->steps(s->problem->backend->self, &next);
}

/* The device continues the sum of losses in *total; see go_on_with_sum(). */
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

/* Makes the losses of further steps be added to those of the steps before in the order of the steps. An epoch then ends with the
 * same bits, however it is divided into slices. */
static cusgd_status go_on_with_sum(const sgd *s, const steps_report *total)
{
    const backend *b = s->problem->backend;
    return total->loss != 0 || !b->ops->wait ? b->ops->add_loss(b->self, total->loss) : CUSGD_OK;
}

/* Offers the fit for a checkpoint between two slices. */
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

/* As offer(), in a world. *ahead becomes 1 if a step has failed that the other ranks, whose slices were not reported, notice only
 * after they have submitted the next slice. This rank then submits that slice too, because their devices wait for its part. */
static cusgd_status offer_among(sgd *s, const fit *f, int64_t given, steps_report *total, int *ahead)
{
    const backend *b = s->problem->backend;
    int knew = total->failed;
    cusgd_status status = offer(s, f, given, total);
    *ahead = b->ops->wait && b->world && total->failed && !knew;
    return !status && *ahead ? b->ops->state.stay_failed(b->self) : status;
}

/* Runs the steps. A device that has wait() gets the next slice before the current one is complete, and reports at the end. Its
 * first slices are short, because it is idle until the first one has been prepared, and the numbers of 4096 steps take up to 2
 * ms. This does not apply to lazy updates: columns are brought up to date at the end of a slice, with rounding, so that the
 * slices of a run that continues inside an epoch must end at the same places as those of an uninterrupted run. */
static cusgd_status run_steps(sgd *s, const fit *f, int64_t limit, steps_report *total)
{
    const backend *b = s->problem->backend;
    int64_t maximum = s->slice > 0 ? s->slice : steps_at_once(s),
            count = b->ops->wait && !s->run->spec.lazy ? (maximum + 15) / 16 : maximum;
    int64_t given = s->run->at.batch, end = limit < s->batches - given ? given + limit : s->batches;
    int64_t bound = s->problem->train.stream ? given : end; /* the end of the batches that are on the device */
    int failed = 0, ahead = 0;
    size_t shards = (size_t)s->problem->train.shards;
    step_numbers *numbers = allocate((size_t)maximum, sizeof *numbers);
    sampler *orders = allocate(shards, sizeof *orders);
    batch_share *shares = allocate(shards, sizeof *shares);
    cusgd_status status = go_on_with_sum(s, total);
    if (numbers && orders && shares)
        order_shares(s, orders, shares);
    else
        status = fail_memory((size_t)maximum * sizeof *numbers + shards * sizeof *orders, "a slice of steps");
    while (!status && given < end && !failed && (!total->failed || ahead) && !run_is_cancelled(s->run)) {
        ahead = 0;
        if (given == bound) status = stream_batches(s->problem, s->problem->train.stream, orders, given, shares, &bound);
        if (status) break;
        count = min_of(count, min_of(end, bound) - given);
        status = give_slice(s, shares, given, count, numbers);
        given += count;
        count = min_of(4 * count, maximum);
        if (!status) status = b->ops->wait ? b->ops->wait(b->self, &failed) : sgd_count_steps(s, total);
        if (!status && !b->ops->wait) status = go_on_with_sum(s, total);
        if (!status && f && s->run->fit.callback && given < end) status = offer_among(s, f, given, total, &ahead);
    }
    if (!status && b->ops->wait) status = sgd_count_steps(s, total);
    free(numbers);
    free(orders);
    free(shares);
    return status;
}

cusgd_status sgd_run_steps(sgd *s, const fit *f, int64_t limit, steps_report *total)
{
    double begun = clock_seconds();
    cusgd_status status = run_steps(s, f, limit, total);
    if (s->problem->train.stream) stream_add_seconds(s->problem->train.stream, clock_seconds() - begun);
    return status;
}

void sgd_next_epoch(sgd *s)
{
    s->run->at.batch = 0;
    s->run->at.epoch_index++;
}

/* Runs steps until `steps` of them are done or the run is canceled. */
static cusgd_status take_steps(sgd *s, int64_t steps, steps_report *total)
{
    while (steps > 0) {
        steps_report r = {0};
        cusgd_status status = sgd_run_steps(s, NULL, steps, &r);
        total->loss += r.loss;
        total->rows += r.rows;
        total->done += r.done;
        if (status) return status;
        if (r.failed) return fit_diverged(s, sgd_rate_at(s, s->run->at.step));
        steps -= r.done;
        if (s->run->at.batch == s->batches) {
            sgd_next_epoch(s);
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
    if (at->batch > 0) sgd_next_epoch(s);
    at->kept = at->best = at->plateau_best = (double)INFINITY;
    at->kept_objective = at->last[0] = at->last[1] = at->last[2] = (double)NAN;
    at->stale = at->plateau_stale = 0;
    at->result = SNAPSHOT_CURRENT;
    s->run->given = (double)NAN;
}
