/* Compares a device with the CPU, step by step. */
#include "check.h"

#include "failure.h"
#include "public.h"
#include "trainer/trainer.h"

#include "scalar/clip.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who takes part: the device, the CPU in its precision, and the CPU in double, which the others are compared with. */
enum { ON_DEVICE, ON_CPU, IN_DOUBLE, PEERS };

enum { MOMENTS, ROWS, GRADIENT, UPDATE, LOSS, OBJECTIVE, FULL_GRADIENT, PREDICTIONS, SLICES, FREE_THETA, FREE_LOSS, LAZY, LINES };
static const char *const line_names[LINES] = {
    "moments",       "bound rows",  "gradient",    "update",          "loss",           "objective",
    "full gradient", "predictions", "long slices", "free run: theta", "free run: loss", "lazy updates",
};

typedef struct check {
    cusgd_trainer *t; /* the device's: it made the choices that were left open */
    cusgd_check_report *report;
    backend peer[PEERS];
    problem of[PEERS]; /* the trainer's, on each peer: views, but for the examples that the CPU has bound */
    bounds bounds;
    int64_t n, d, k, size;   /* size: (d+1) x k */
    double *state, *next;    /* PARTS x size */
    double *point;           /* size: where a gradient is taken */
    double *gradient[PEERS]; /* size */
    double derivative;       /* the largest value of a gradient so far: their scale, as they may vanish at the optimum */
    int64_t *order;          /* n: a batch's rows */
    int64_t step;            /* that is being compared, from 1; 0: no step */
} check;

/* One step of the run: batch `batch` of the epoch whose orders these are. */
typedef struct place {
    sampler *orders;     /* of the shards */
    batch_share *shares; /* likewise: work */
    int64_t step, epoch, batch;
    step_numbers numbers;
} place;

/* ---- Comparing ----------------------------------------------------------------------------------------------------------- */

static double largest(const double *values, int64_t count)
{
    double maximum = 0;
    for (int64_t i = 0; i < count; i++) maximum = fmax(maximum, fabs(values[i]));
    return maximum;
}

/* Keeps the worst: differences on a scale, and as a share of what is allowed. NaN on either side is beyond every bound. */
static void compare(check *c, int line, int peer, double value, double reference, double scale, double allowed)
{
    cusgd_check_line *l = &c->report->lines[line];
    double difference = value == reference ? 0 : fabs(value - reference);
    if (isnan(difference)) difference = (double)INFINITY;
    double relative = difference == 0 ? 0 : difference / scale, share = difference == 0 ? 0 : difference / allowed;
    if (peer == ON_CPU) l->cpu = fmax(l->cpu, relative);
    if (peer != ON_DEVICE) return;
    l->device = fmax(l->device, relative);
    if (!(share > l->share) && l->step) return;
    l->share = fmax(l->share, share);
    l->step = c->step;
}

/* A device's values and the CPU's in its precision, each against the double reference. */
static void compare_all(check *c, int line, const double *const values[PEERS], int64_t count, double scale, const double *allowed)
{
    for (int peer = ON_DEVICE; peer <= ON_CPU; peer++)
        for (int64_t i = 0; i < count; i++) compare(c, line, peer, values[peer][i], values[IN_DOUBLE][i], scale, allowed[i]);
}

static void compare_gradients(check *c, int line)
{
    c->derivative = fmax(c->derivative, largest(c->gradient[IN_DOUBLE], c->size));
    compare_all(c, line, (const double *const *)c->gradient, c->size, c->derivative, c->bounds.gradient);
}

/* ---- Before the steps ---------------------------------------------------------------------------------------------------- */

/* Sums of n values in double, merged in any order. */
static cusgd_status check_moments(check *c)
{
    int64_t d = c->d, k = c->t->problem.m;
    double *sums = allocate((size_t)(PEERS * (2 * d + k)), sizeof *sums), weight[PEERS];
    double *mean[PEERS], *variance[PEERS], *target[PEERS];
    cusgd_status status = CUSGD_OK;
    if (!sums) return fail_memory((size_t)(PEERS * (2 * d + k)) * sizeof *sums, "the moments");
    for (int i = 0; i < PEERS && !status; i++) {
        mean[i] = sums + i * (2 * d + k), variance[i] = mean[i] + d, target[i] = mean[i] + 2 * d;
        status = problem_moments(&c->of[i], mean[i], variance[i], target[i], &weight[i]);
    }
    for (int peer = ON_DEVICE; peer <= ON_CPU && !status; peer++) {
        double slack = 64 * DBL_EPSILON * sqrt((double)c->n);
        for (int64_t j = 0; j < d; j++) {
            double second = variance[IN_DOUBLE][j] + mean[IN_DOUBLE][j] * mean[IN_DOUBLE][j], rms = sqrt(second);
            compare(c, MOMENTS, peer, mean[peer][j], mean[IN_DOUBLE][j], rms, slack * rms);
            compare(c, MOMENTS, peer, variance[peer][j], variance[IN_DOUBLE][j], second, slack * second);
        }
        for (int64_t i = 0; i < k; i++) {
            double size =
                fabs(target[IN_DOUBLE][i]) + fabs(c->t->problem.units.shift[i]) + largest(c->t->problem.targets.null, k);
            compare(c, MOMENTS, peer, target[peer][i], target[IN_DOUBLE][i], size, slack * size + DBL_MIN);
        }
        compare(c, MOMENTS, peer, weight[peer], weight[IN_DOUBLE], weight[IN_DOUBLE], slack * weight[IN_DOUBLE]);
    }
    free(sums);
    return status;
}

/* Some rows as they were bound: the same bits as on the CPU in the same precision. */
static cusgd_status check_rows(check *c)
{
    enum { MOST = 64 };
    int64_t count = c->n < MOST ? c->n : MOST, rows[MOST];
    double *x = allocate((size_t)(PEERS * count * c->d), sizeof *x), w[PEERS][MOST];
    cusgd_status status = CUSGD_OK;
    if (!x) return fail_memory((size_t)(PEERS * count * c->d) * sizeof *x, "a check's rows");
    for (int64_t i = 0; i < count; i++) rows[i] = i * (c->n - 1) / (count > 1 ? count - 1 : 1);
    for (int i = 0; i < PEERS && !status; i++)
        status = shards_rows(&c->of[i], &c->of[i].train, rows, count, x + i * count * c->d, w[i]);
    for (int64_t i = 0; i < count * c->d && !status; i++) {
        double device = x[i], same = x[ON_CPU * count * c->d + i], exact = x[IN_DOUBLE * count * c->d + i];
        compare(c, ROWS, ON_DEVICE, device, same, fabs(same), 0);
        compare(c, ROWS, ON_CPU, same, exact, fabs(exact), 1);
    }
    for (int64_t i = 0; i < count && !status; i++) compare(c, ROWS, ON_DEVICE, w[ON_DEVICE][i], w[ON_CPU][i], w[ON_CPU][i], 0);
    free(x);
    return status;
}

/* ---- Lockstep ------------------------------------------------------------------------------------------------------------ */

/* The run's first step. */
static cusgd_status place_open(const check *c, place *at)
{
    size_t shards = (size_t)c->t->options.shards;
    *at = (place){.orders = allocate(shards, sizeof(sampler)), .shares = allocate(shards, sizeof(batch_share))};
    return at->orders && at->shares ? CUSGD_OK : fail_memory(shards * sizeof(sampler), "a check's orders");
}

static void place_close(place *at)
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

/* The gradient at c->point, seen as the velocity after a step of rate 1 without momentum. */
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
    p.engine = given->clip.norm > 0 ? CUSGD_ENGINE_CUBLAS : given->engine; /* the order of additions that the run takes */
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

/* One step of a peer from the common state to c->next. */
static cusgd_status step_of(const check *c, int peer, const place *at, steps_report *report)
{
    const backend *b = &c->peer[peer];
    cusgd_status status = put_state(c, peer);
    if (!status) status = run_step(c, peer, at, &at->numbers, report);
    for (int part = 0; part < STATE_PARTS && !status; part++)
        status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, (enum state_part)part, c->next + part * c->size);
    return status;
}

/* c->next must be what the peer's gradient makes of c->state, to the bit. */
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
            compare(c, UPDATE, peer, c->next[part * c->size + u], expected[part], scale, 0);
    }
}

/* *failed: the step's loss is not finite, for all alike. */
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
        compare(c, LOSS, ON_DEVICE, (double)NAN, seen[IN_DOUBLE].loss, fabs(seen[IN_DOUBLE].loss), 0);
    if (seen[ON_DEVICE].failed || seen[ON_CPU].failed) return CUSGD_OK;

    status = bounds_of(&c->bounds, c->order, rows_of(c, at));
    compare_gradients(c, GRADIENT);
    for (int peer = ON_DEVICE; peer <= ON_CPU && !status; peer++) {
        status = step_of(c, peer, at, &stepped);
        if (status) return status;
        compare_update(c, peer, at);
        compare(c, LOSS, peer, stepped.loss, seen[IN_DOUBLE].loss, fabs(seen[IN_DOUBLE].loss), c->bounds.value);
        if (stepped.rows != seen[IN_DOUBLE].rows || stepped.done != 1 || stepped.failed)
            compare(c, LOSS, peer, (double)NAN, seen[IN_DOUBLE].loss, fabs(seen[IN_DOUBLE].loss), 0);
    }
    return status;
}

static void state_start(const check *c)
{
    memset(c->state, 0, sizeof(double) * (size_t)(STATE_PARTS * c->size));
    memcpy(c->state + STATE_THETA * c->size, c->t->run.start, sizeof(double) * (size_t)c->size);
    memcpy(c->state + STATE_AVERAGE * c->size, c->t->run.start, sizeof(double) * (size_t)c->size);
}

/* From the run's start; the CPU in the device's precision leads. */
static cusgd_status lockstep(check *c, place at, int64_t steps)
{
    int failed = 0;
    cusgd_status status = CUSGD_OK;
    state_start(c);
    status = put_state(c, ON_CPU); /* and back, as the precision has it */
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

/* ---- Full passes --------------------------------------------------------------------------------------------------------- */

static cusgd_status predict_all(const problem *p, const double *theta, double *out)
{
    cusgd_status status = CUSGD_OK;
    for (int h = 0; h < p->train.shards && !status; h++) {
        uint64_t start = shard_start((uint64_t)p->train.rows.n, (uint64_t)p->train.shards, (uint64_t)h);
        status = p->backend->ops->predict(p->backend->self, p->train.bounds[h], theta, out + (int64_t)start * p->k);
    }
    return status;
}

static cusgd_status check_predictions(check *c, const double *theta)
{
    double *out[PEERS] = {NULL}, *allowed = allocate((size_t)(BOUNDS_PIECE * c->k), sizeof *allowed);
    cusgd_status status = allowed ? CUSGD_OK : fail_memory((size_t)(BOUNDS_PIECE * c->k) * sizeof *allowed, "predictions");
    for (int i = 0; i < PEERS && !status; i++) {
        out[i] = allocate((size_t)(c->n * c->k), sizeof *out[i]);
        if (!out[i]) status = fail_memory((size_t)(c->n * c->k) * sizeof *out[i], "predictions");
        if (!status) status = predict_all(&c->of[i], theta, out[i]);
    }
    for (int64_t first = 0, most = bounds_piece(c->d); first < c->n && !status; first += most) {
        int64_t count = c->n - first < most ? c->n - first : most;
        const double *const values[PEERS] = {out[ON_DEVICE] + first * c->k, out[ON_CPU] + first * c->k,
                                             out[IN_DOUBLE] + first * c->k};
        status = bounds_predictions(&c->bounds, first, count, allowed);
        if (!status) compare_all(c, PREDICTIONS, values, count * c->k, largest(values[IN_DOUBLE], count * c->k), allowed);
    }
    for (int i = 0; i < PEERS; i++) free(out[i]);
    free(allowed);
    return status;
}

/* At the parameters where the lockstep ended. */
static cusgd_status full_passes(check *c)
{
    const double *theta = c->state + STATE_THETA * c->size;
    double value[PEERS];
    cusgd_status status = CUSGD_OK;
    for (int i = 0; i < PEERS && !status; i++)
        status = problem_loss(&c->of[i], &c->of[i].train, c->t->problem.loss, theta, &value[i], c->gradient[i]);
    for (int64_t i = 0; i < c->n; i++) c->order[i] = i;
    c->bounds.theta = theta;
    c->bounds.unit = c->t->options.precision == CUSGD_PRECISION_FLOAT ? 0x1p-24 : 0x1p-52; /* never TF32 */
    if (!status) status = bounds_of(&c->bounds, c->order, c->n);
    if (status) return status;
    if (!isfinite(value[ON_CPU])) { /* a run on its way to divergence: the precision does not hold it, on no device */
        if (isfinite(value[ON_DEVICE])) compare(c, OBJECTIVE, ON_DEVICE, value[ON_DEVICE], (double)NAN, 1, 0);
        return CUSGD_OK;
    }
    for (int peer = ON_DEVICE; peer <= ON_CPU; peer++)
        compare(c, OBJECTIVE, peer, value[peer], value[IN_DOUBLE], fabs(value[IN_DOUBLE]), c->bounds.value / (double)c->n);
    compare_gradients(c, FULL_GRADIENT);
    return check_predictions(c, theta);
}

/* ---- Free run ------------------------------------------------------------------------------------------------------------ */

/* The device's steps as a run takes them, many in a slice: the same bits as one by one, which c->gradient[ON_DEVICE] has. */
static cusgd_status check_slices(check *c, int64_t steps)
{
    cusgd_status status = run_begin(&c->t->run);
    if (!status) status = cusgd_trainer_step(c->t, steps);
    if (!status) status = run_theta(&c->t->run, SNAPSHOT_CURRENT, c->point);
    for (int64_t u = 0; u < c->size && !status; u++)
        compare(c, SLICES, ON_DEVICE, c->point[u], c->gradient[ON_DEVICE][u], fabs(c->gradient[ON_DEVICE][u]), 0);
    return status;
}

/* `steps` steps from the run's start, each peer on its own way; theta (or the average) and the objective there. */
static cusgd_status free_run(check *c, place start, int64_t steps)
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
    double scale = largest(c->gradient[IN_DOUBLE], c->size);
    for (int peer = ON_DEVICE; peer <= ON_CPU; peer++) {
        for (int64_t u = 0; u < c->size; u++)
            compare(c, FREE_THETA, peer, c->gradient[peer][u], c->gradient[IN_DOUBLE][u], scale, (double)INFINITY);
        compare(c, FREE_LOSS, peer, loss[peer], loss[IN_DOUBLE], fabs(loss[IN_DOUBLE]), (double)INFINITY);
    }
    return check_slices(c, steps);
}

/* ---- Lazy updates -------------------------------------------------------------------------------------------------------- */

/* The first `steps` steps of an epoch in one slice, to theta and the average. */
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

/* Of sparse rows, lazy updates are the dense ones of the same peer but for rounding; adagrad's where there are no penalties. So
 * are averages, where nothing moves a column that no batch has. */
static cusgd_status lazy_run(check *c, place start, int64_t steps)
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
        double scale = largest(dense, count), allowed = 64 * (double)steps * c->bounds.unit * scale;
        for (int64_t u = 0; u < count && isfinite(scale); u++) compare(c, LAZY, peer, lazy[u], dense[u], scale, allowed);
    }
    return CUSGD_OK;
}

/* ---- All of it ----------------------------------------------------------------------------------------------------------- */

static cusgd_status open_peers(check *c)
{
    cusgd_trainer *t = c->t;
    if (t->problem.train.stream)
        return fail_option("memory",
                           "a check holds all rows in memory, and %s does not fit into the memory that was given: leave out "
                           "--memory, or give more",
                           t->problem.train.data->source);
    cusgd_precision precision[PEERS] = {t->options.precision, t->options.precision, CUSGD_PRECISION_DOUBLE};
    c->peer[ON_DEVICE] = t->backend;
    for (int i = 0; i < PEERS; i++) {
        c->of[i] = t->problem;
        c->of[i].backend = &c->peer[i];
        if (i != ON_DEVICE) c->of[i].train.bounds = NULL;
    }
    for (int i = ON_CPU; i < PEERS; i++) {
        backend *b = &c->peer[i];
        cusgd_status status = cpu_backend_open(precision[i], t->options.threads, b);
        if (!status) status = shards_bind(&c->of[i], &t->problem.units.transform, &c->of[i].train);
        if (status) return status;
    }
    return CUSGD_OK;
}

static cusgd_status prepare(check *c)
{
    const cusgd_trainer *t = c->t;
    int single = t->options.precision == CUSGD_PRECISION_FLOAT;
    c->n = t->problem.train.rows.n, c->d = t->problem.d, c->k = t->problem.k, c->size = (c->d + 1) * c->k;
    c->state = allocate((size_t)(STATE_PARTS * c->size), sizeof(double));
    c->next = allocate((size_t)(STATE_PARTS * c->size), sizeof(double));
    c->point = allocate((size_t)c->size, sizeof(double));
    c->order = allocate((size_t)c->n, sizeof(int64_t));
    int complete = c->state && c->next && c->point && c->order;
    for (int i = 0; i < PEERS; i++) complete &= (c->gradient[i] = allocate((size_t)c->size, sizeof(double))) != NULL;
    if (!complete) return fail_memory((size_t)(12 * c->size + c->n) * sizeof(double), "a check's states");
    c->bounds = (bounds){.e = &t->problem.train.rows,
                         .t = &t->problem.units.transform,
                         .loss = t->problem.loss,
                         .theta = c->point,
                         .d = c->d,
                         .k = c->k};
    /* In double the reference rounds as well: twice the unit. TF32 has 10 bits behind the point. */
    c->bounds.unit = t->run.spec.tf32 && single ? 0x1p-10 : single ? 0x1p-24 : 0x1p-52;
    c->bounds.tiny = single ? (double)FLT_MIN : DBL_MIN;
    c->bounds.reference = &c->of[IN_DOUBLE];
    return bounds_allocate(&c->bounds);
}

static void close_all(check *c)
{
    for (int i = ON_CPU; i < PEERS; i++) {
        if (!c->peer[i].ops) continue;
        shards_unbind(&c->of[i], &c->of[i].train);
        c->peer[i].ops->close(c->peer[i].self);
    }
    for (int i = 0; i < PEERS; i++) free(c->gradient[i]);
    bounds_free(&c->bounds);
    free(c->state);
    free(c->next);
    free(c->point);
    free(c->order);
    cusgd_trainer_free(c->t);
}

/* The verdict, and a sentence on the first line that fails. */
static cusgd_status judge(cusgd_check_report *r)
{
    for (int i = 0; i < r->line_count; i++) {
        const cusgd_check_line *l = &r->lines[i];
        if (!(l->share > 1)) continue;
        char step[48] = "", allowance[64] = "where all bits must be equal";
        if (l->step) snprintf(step, sizeof step, " at step %lld", (long long)l->step);
        if (isfinite(l->share)) snprintf(allowance, sizeof allowance, "%.3g times what rounding explains", l->share);
        return fail(CUSGD_ERROR_MISMATCH, "%s and the CPU disagree: %s%s: a relative difference of %.3g, %s", r->device, l->what,
                    step, l->device, allowance);
    }
    r->passed = 1;
    return CUSGD_OK;
}

cusgd_status check_device(const cusgd_options *options, const cusgd_data *data, int64_t steps, cusgd_check_report *report)
{
    check c = {.report = report};
    place start = {.orders = NULL};
    if (steps < 1) return fail(CUSGD_ERROR_USAGE, "a check compares at least 1 step, not %lld", (long long)steps);
    report->line_count = LAZY; /* that line is of sparse rows alone */
    for (int i = 0; i < LINES; i++) report->lines[i].what = line_names[i];
    if (options->solver != CUSGD_SOLVER_SGD) return fail(CUSGD_ERROR_USAGE, "a check compares minibatch steps: leave out solver");
    cusgd_options dense = *options; /* lazy updates are compared with dense ones */
    if (examples_are_sparse(&data->view)) dense.update = CUSGD_UPDATE_DENSE;
    cusgd_status status = cusgd_trainer_create(&dense, data, NULL, &c.t);
    if (status) return status;
    snprintf(report->device, sizeof report->device, "%s", cusgd_trainer_device_name(c.t));
    status = open_peers(&c);
    if (!status) status = prepare(&c);
    if (!status) status = check_moments(&c);
    if (!status) status = check_rows(&c);
    if (!status) status = place_open(&c, &start);
    if (!status) status = lockstep(&c, start, steps);
    if (!status) status = full_passes(&c);
    if (!status) status = free_run(&c, start, report->steps);
    if (!status && report->steps > 0) status = lazy_run(&c, start, report->steps);
    report->lines[FREE_THETA].share = report->lines[FREE_LOSS].share = (double)NAN;
    place_close(&start);
    close_all(&c);
    return status ? status : judge(report);
}
