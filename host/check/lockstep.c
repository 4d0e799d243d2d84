/* The steps of a check: one by one from the same state, independent runs of each device, and lazy updates compared with dense
 * ones. */
#include "sides.h"

#include "failure.h"

#include "scalar/clip.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lockstep ------------------------------------------------------------------------------------------------------------ */

/* Opens the first step of a run. */
cusgd_status check_place_open(const check *c, place *at)
{
    size_t shards = (size_t)c->t->options.shards;
    *at = (place){.orders = allocate(shards, sizeof(sampler)), .shares = allocate(shards, sizeof(batch_share))};
    return at->orders && at->shares ? CUSGD_OK : fail_memory(shards * sizeof(sampler), "a check's orders");
}

void check_place_close(place *at)
{
    free(at->orders);
    free(at->shares);
}

static void place_at(const check *c, place *at)
{
    const cusgd_trainer *t = c->t;
    if (at->batch == t->sgd.batches) {
        at->batch = 0;
        at->epoch++;
    }
    for (int h = 0; h < t->options.shards && at->batch == 0; h++)
        at->orders[h] =
            sampler_of_shard(t->options.sampling, t->options.seed,
                             (shard_of_rows){(uint64_t)c->n, (uint64_t)t->problem.d, (uint64_t)t->options.shards, (uint64_t)h},
                             (uint64_t)t->sgd.batches, (uint64_t)at->epoch);
    at->numbers = sgd_numbers(&t->sgd, at->step);
}

static int64_t rows_of(const check *c, const place *at)
{
    int64_t count = 0;
    for (int h = 0; h < c->t->options.shards; h++) {
        const sampler *order = &at->orders[h];
        int64_t start = (int64_t)shard_start((uint64_t)c->n, order->shards, order->shard);
        batch_span span = sampler_span(order, (uint64_t)at->batch);
        for (int64_t i = span.first; i < span.first + span.count; i++)
            c->order[count++] = start + (int64_t)sampler_row(order, (uint64_t)i);
    }
    return count;
}

static cusgd_status run_step(const check *c, int peer, const place *at, const step_numbers *numbers, steps_report *report)
{
    const backend *b = &c->peer[peer];
    for (int h = 0; h < c->t->options.shards; h++) at->shares[h] = (batch_share){c->of[peer].train.bounds[h], &at->orders[h]};
    slice s = {at->shares, at->batch, 1, numbers};
    cusgd_status status = b->ops->steps(b->self, &s);
    return status ? status : b->ops->report(b->self, report);
}

/* Gets the gradient at c->point as the velocity after a step of rate 1 without momentum. */
static cusgd_status gradient_of(const check *c, int peer, const place *at, steps_report *report)
{
    const backend *b = &c->peer[peer];
    const run_spec *given = &c->t->run.spec;
    run_spec p = {.loss = given->loss, .optimizer = CUSGD_OPTIMIZER_MOMENTUM, .d = c->d, .k = c->k, .batch = given->batch};
    step_numbers one = {.rate = 1, .correction1 = 1, .correction2 = 1, .average = 1};
    p.intercept = 1;
    p.sparse = given->sparse;
    p.shards = given->shards;
    p.storage = given->storage;
    p.tf32 = given->tf32;
    p.engine = given->clip.norm > 0 ? CUSGD_ENGINE_CUBLAS : given->engine; /* adds in the order of the run */
    cusgd_status status = b->ops->start(b->self, &p);
    if (!status) status = b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, c->point);
    if (!status) status = run_step(c, peer, at, &one, report);
    if (!status) status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, c->gradient[peer]);
    return status;
}

static cusgd_status put_state(const check *c, int peer)
{
    const backend *b = &c->peer[peer];
    cusgd_status status = b->ops->start(b->self, &c->t->run.spec);
    for (int part = 0; part < STATE_PARTS && !status; part++)
        status = b->ops->state.put(b->self, SNAPSHOT_CURRENT, (enum state_part)part, c->state + part * c->size);
    return status;
}

/* Runs one step of a peer from the common state, with the result in c->next. */
static cusgd_status step_of(const check *c, int peer, const place *at, steps_report *report)
{
    const backend *b = &c->peer[peer];
    cusgd_status status = put_state(c, peer);
    if (!status) status = run_step(c, peer, at, &at->numbers, report);
    for (int part = 0; part < STATE_PARTS && !status; part++)
        status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, (enum state_part)part, c->next + part * c->size);
    return status;
}

/* Checks that c->next has exactly the bits that follow from c->state and the gradient of the peer. */
static void compare_update(check *c, int peer, const place *at)
{
    const cusgd_trainer *t = c->t;
    const run_spec *p = &t->run.spec;
    int64_t trained = p->intercept ? c->size : c->d * c->k;
    double clip = clip_scale(p->clip.norm, p->clip.norm > 0 ? clip_squares(c->gradient[peer], trained) : 0);
    int single = t->options.precision == CUSGD_PRECISION_FLOAT;
    for (int64_t u = 0; u < c->size; u++) {
        int penalized = u < c->d * c->k;
        double expected[STATE_PARTS], scale = 0;
        double own[OWN_NUMBERS] = {[OWN_METRIC] = t->sgd.rate_factor ? t->sgd.rate_factor[u] : 1, [OWN_CLIP] = clip};
        for (int i = 0; i < LIMIT_COUNT; i++) own[OWN_LIMIT + i] = p->limit[i] ? p->limit[i][u] : 0;
        for (int part = 0; part < STATE_PARTS; part++) expected[part] = c->state[part * c->size + u];
        if (penalized || t->problem.intercept)
            (single ? reference_update_float : reference_update_double)(p, &at->numbers, own, penalized, c->point[u],
                                                                        c->gradient[peer][u], expected);
        for (int part = 0; part < STATE_PARTS; part++) scale = fmax(scale, fabs(expected[part]));
        for (int part = 0; part < STATE_PARTS; part++)
            check_compare(c, UPDATE, peer, c->next[part * c->size + u], expected[part], scale, 0);
    }
}

/* *Checks one step. *failed becomes 1 if the loss of the step is not finite, which must be so for all peers. */
static cusgd_status check_step(check *c, const place *at, int *failed)
{
    const cusgd_trainer *t = c->t;
    int single = t->options.precision == CUSGD_PRECISION_FLOAT;
    steps_report seen[PEERS], stepped;
    cusgd_status status = CUSGD_OK;
    for (int64_t u = 0; u < c->size; u++)
        c->point[u] = (single ? reference_point_float : reference_point_double)(
            &t->run.spec, &at->numbers, c->state[STATE_THETA * c->size + u], c->state[STATE_SLOT1 * c->size + u]);
    for (int i = 0; i < PEERS && !status; i++) status = gradient_of(c, i, at, &seen[i]);
    if (status) return status;
    *failed = seen[ON_CPU].failed;
    if (seen[ON_DEVICE].failed != seen[ON_CPU].failed)
        check_compare(c, LOSS, ON_DEVICE, (double)NAN, seen[IN_DOUBLE].loss, fabs(seen[IN_DOUBLE].loss), 0);
    if (seen[ON_DEVICE].failed || seen[ON_CPU].failed) return CUSGD_OK;

    status = bounds_of(&c->bounds, c->order, rows_of(c, at));
    check_compare_gradients(c, GRADIENT);
    for (int peer = ON_DEVICE; peer <= ON_CPU && !status; peer++) {
        status = step_of(c, peer, at, &stepped);
        if (status) return status;
        compare_update(c, peer, at);
        check_compare(c, LOSS, peer, stepped.loss, seen[IN_DOUBLE].loss, fabs(seen[IN_DOUBLE].loss), c->bounds.value);
        if (stepped.rows != seen[IN_DOUBLE].rows || stepped.done != 1 || stepped.failed)
            check_compare(c, LOSS, peer, (double)NAN, seen[IN_DOUBLE].loss, fabs(seen[IN_DOUBLE].loss), 0);
    }
    return status;
}

static void state_start(const check *c)
{
    memset(c->state, 0, sizeof(double) * (size_t)(STATE_PARTS * c->size));
    memcpy(c->state + STATE_THETA * c->size, c->t->run.start, sizeof(double) * (size_t)c->size);
    memcpy(c->state + STATE_AVERAGE * c->size, c->t->run.start, sizeof(double) * (size_t)c->size);
}

cusgd_status check_lockstep(check *c, place at, int64_t steps)
{
    int failed = 0;
    cusgd_status status = CUSGD_OK;
    state_start(c);
    status = put_state(c, ON_CPU); /* and read back, rounded to the precision */
    for (int part = 0; part < STATE_PARTS && !status; part++)
        status = c->peer[ON_CPU].ops->state.get(c->peer[ON_CPU].self, SNAPSHOT_CURRENT, (enum state_part)part,
                                                c->state + part * c->size);
    for (; at.step < steps && !status; at.step++, at.batch++) {
        place_at(c, &at);
        c->step = at.step + 1;
        status = check_step(c, &at, &failed);
        if (failed || status) break;
        memcpy(c->state, c->next, sizeof(double) * (size_t)(STATE_PARTS * c->size));
    }
    c->step = 0;
    c->report->steps = at.step;
    if (!status && failed && at.step == 0)
        return fail(CUSGD_ERROR_DIVERGED, "the loss is not finite at the first step: choose another starting point");
    return status;
}

/* ---- Free run ------------------------------------------------------------------------------------------------------------ */

/* Checks that the device's steps have the same bits when many are submitted in one slice, as in a run, as one by one.
 * c->gradient[ON_DEVICE] has the latter. */
static cusgd_status check_slices(check *c, int64_t steps)
{
    cusgd_status status = run_begin(&c->t->run);
    if (!status) status = cusgd_trainer_step(c->t, steps);
    if (!status) status = run_theta(&c->t->run, SNAPSHOT_CURRENT, c->point);
    for (int64_t u = 0; u < c->size && !status; u++)
        check_compare(c, SLICES, ON_DEVICE, c->point[u], c->gradient[ON_DEVICE][u], fabs(c->gradient[ON_DEVICE][u]), 0);
    return status;
}

cusgd_status check_free_run(check *c, place start, int64_t steps)
{
    double loss[PEERS];
    enum state_part result = c->t->run.spec.average ? STATE_AVERAGE : STATE_THETA;
    state_start(c);
    for (int i = 0; i < PEERS; i++) {
        const backend *b = &c->peer[i];
        steps_report report;
        cusgd_status status = put_state(c, i);
        for (place at = start; at.step < steps && !status; at.step++, at.batch++) {
            place_at(c, &at);
            status = run_step(c, i, &at, &at.numbers, &report);
        }
        if (!status) status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, result, c->gradient[i]);
        if (!status) status = problem_loss(&c->of[i], &c->of[i].train, c->t->problem.loss, c->gradient[i], &loss[i], NULL);
        if (status) return status;
    }
    double scale = check_largest(c->gradient[IN_DOUBLE], c->size);
    for (int peer = ON_DEVICE; peer <= ON_CPU; peer++) {
        for (int64_t u = 0; u < c->size; u++)
            check_compare(c, FREE_THETA, peer, c->gradient[peer][u], c->gradient[IN_DOUBLE][u], scale, (double)INFINITY);
        check_compare(c, FREE_LOSS, peer, loss[peer], loss[IN_DOUBLE], fabs(loss[IN_DOUBLE]), (double)INFINITY);
    }
    return check_slices(c, steps);
}

/* ---- Lazy updates -------------------------------------------------------------------------------------------------------- */

/* Runs the first `steps` steps of an epoch in one slice, and gets theta and the average. */
static cusgd_status run_slice(const check *c, int peer, place at, const run_spec *spec, int64_t steps, double *theta,
                              double *average)
{
    const backend *b = &c->peer[peer];
    step_numbers *numbers = allocate((size_t)steps, sizeof *numbers);
    steps_report report;
    if (!numbers) return fail_memory((size_t)steps * sizeof *numbers, "a check's steps");
    for (int64_t i = 0; i < steps; i++) numbers[i] = sgd_numbers(&c->t->sgd, i);
    place_at(c, &at);
    *at.shares = (batch_share){*c->of[peer].train.bounds, at.orders};
    slice s = {at.shares, 0, steps, numbers};
    cusgd_status status = b->ops->start(b->self, spec);
    for (int part = 0; part < STATE_PARTS && !status; part++)
        status = b->ops->state.put(b->self, SNAPSHOT_CURRENT, (enum state_part)part, c->state + part * c->size);
    if (!status) status = b->ops->steps(b->self, &s);
    if (!status) status = b->ops->report(b->self, &report);
    if (!status) status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, theta);
    if (!status) status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_AVERAGE, average);
    free(numbers);
    return status;
}

cusgd_status check_lazy_run(check *c, place start, int64_t steps)
{
    run_spec spec = c->t->run.spec;
    if (!sgd_may_wait(&spec, &c->t->options) || spec.shards > 1) return CUSGD_OK;
    if (spec.optimizer == CUSGD_OPTIMIZER_ADAGRAD) spec.constants.l1 = spec.constants.l2 = 0;
    if (steps > c->t->sgd.batches) steps = c->t->sgd.batches;
    int64_t count = spec.constants.l1 > 0 || spec.constants.l2 > 0 ? c->size : 2 * c->size;
    state_start(c);
    c->report->line_count = LINES;
    for (int peer = ON_DEVICE; peer <= ON_CPU; peer++) {
        double *dense = c->next, *lazy = c->next + 2 * c->size;
        spec.lazy = 0;
        cusgd_status status = run_slice(c, peer, start, &spec, steps, dense, dense + c->size);
        spec.lazy = 1;
        if (!status) status = run_slice(c, peer, start, &spec, steps, lazy, lazy + c->size);
        if (status) return status;
        double scale = check_largest(dense, count), allowed = 64 * (double)steps * c->bounds.unit * scale;
        for (int64_t u = 0; u < count && isfinite(scale); u++) check_compare(c, LAZY, peer, lazy[u], dense[u], scale, allowed);
    }
    return CUSGD_OK;
}
