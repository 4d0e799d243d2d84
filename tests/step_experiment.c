#include "step_experiment.h"

typedef double real; /* above the device interface all is double */
#include "scalar/clip.h"
#include "scalar/update.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int step_optimizers[STEP_OPTIMIZERS] = {
    CUSGD_OPTIMIZER_SGD,        CUSGD_OPTIMIZER_MOMENTUM,   CUSGD_OPTIMIZER_NESTEROV,
    CUSGD_OPTIMIZER_ADAGRAD,    CUSGD_OPTIMIZER_ADADELTA,   CUSGD_OPTIMIZER_RMSPROP,
    CUSGD_OPTIMIZER_ADAM,       OPTIMIZER_ADAGRAD_NESTEROV, CUSGD_OPTIMIZER_ADAMW,
    CUSGD_OPTIMIZER_AMSGRAD,    CUSGD_OPTIMIZER_NADAM,      CUSGD_OPTIMIZER_RADAM,
    CUSGD_OPTIMIZER_ADAMAX,     CUSGD_OPTIMIZER_ASGD,       CUSGD_OPTIMIZER_FTRL,
    OPTIMIZER_RMSPROP_MOMENTUM, OPTIMIZER_RMSPROP_CENTERED, OPTIMIZER_RMSPROP_CENTERED_MOMENTUM};
static const int team[STEP_TEAMS] = {1, 2, 5};

void step_session_open(step_session *s)
{
    s->cases = 0;
    for (int p = 0; p < 2; p++)
        for (int t = 0; t < STEP_TEAMS; t++) interface_backend_open((cusgd_precision)p, team[t], &s->of[p][t]);
}

void step_session_close(step_session *s)
{
    for (int p = 0; p < 2; p++)
        for (int t = 0; t < STEP_TEAMS; t++) s->of[p][t].ops->close(s->of[p][t].self);
}

static int is_penalized(const experiment *x, int64_t u) { return u < x->spec.d * x->spec.k; }

static void numbers_make(experiment *x, uint64_t *state)
{
    for (int64_t t = 0; t < x->count; t++)
        x->numbers[t] = (step_numbers){.rate = 0.3 / (double)(1 + x->spec.d) * (1 + 0.5 * interface_uniform(state)),
                                       .momentum = 0.6 + 0.3 * interface_uniform(state),
                                       .correction1 = 2 + interface_uniform(state),
                                       .correction2 = x->spec.optimizer == CUSGD_OPTIMIZER_RADAM && t % 4 == 3
                                                          ? 0
                                                          : 5 + interface_uniform(state), /* 0: radam's first steps */
                                       .blend = 0.3 + 0.2 * interface_uniform(state),
                                       .average = 0.5 + 0.4 * interface_uniform(state)};
}

/* Sums of squares are positive, and no less than means squared; an intercept that is not trained has no state. */
static void state_make(experiment *x, uint64_t *state)
{
    int o = x->spec.optimizer, signed1 = optimizer_has_velocity(o) || o >= CUSGD_OPTIMIZER_ADAM;
    signed1 &= o != OPTIMIZER_RMSPROP_CENTERED;
    double (*rounded)(double) = interface_scalar_of(x->e.spec.precision)->round;
    double size = 1 / sqrt((double)(x->spec.d + 1));
    for (int64_t u = 0; u < x->size; u++) {
        double slot1 = interface_uniform(state), slot2 = fabs(interface_uniform(state)), slot3 = interface_uniform(state);
        int kept = is_penalized(x, u) || x->spec.intercept;
        experiment_part(x, 0, STATE_THETA)[u] = u % 5 == 4 ? 0 : rounded(size * interface_uniform(state));
        experiment_part(x, 0, STATE_AVERAGE)[u] = x->spec.average ? rounded(size * interface_uniform(state)) : 0;
        slot2 += 0.1 * slot3 * slot3;
        if (!signed1) slot1 = fabs(slot1) + 0.1 * slot2 * slot2;
        if (kept && optimizer_slots(o) > 0) experiment_part(x, 0, STATE_SLOT1)[u] = rounded(0.1 * slot1);
        if (kept && optimizer_slots(o) > 1) experiment_part(x, 0, STATE_SLOT2)[u] = rounded(0.1 * slot2);
        if (kept && optimizer_slots(o) > 2) experiment_part(x, 0, STATE_SLOT3)[u] = rounded(0.1 * fabs(slot3));
    }
}

void experiment_make(experiment *x, const backend *b, const interface_spec *spec, const run_spec *p, int rate_factor,
                     int sampling)
{
    int64_t n = spec->n, batches = (n + p->batch - 1) / p->batch;
    uint64_t state = spec->seed * 2 + 1;
    memset(x, 0, sizeof *x);
    x->b = b;
    interface_examples_make(spec, &x->e);
    x->at = interface_bind(b, &x->e);
    x->spec = *p;
    x->spec.storage = spec->storage;
    x->size = (p->d + 1) * p->k;
    x->order = sampler_make((cusgd_sampling)sampling, spec->seed, (uint64_t)n, (uint64_t)batches, spec->seed % 5);
    x->first = batches > 2 * EXPERIMENT_STEPS ? batches / 2 : 0;
    x->count = batches - x->first < EXPERIMENT_STEPS ? batches - x->first : EXPERIMENT_STEPS;
    for (int64_t t = 0; t <= x->count; t++) x->state[t] = interface_allocate(STATE_PARTS * x->size, sizeof(double));
    if (rate_factor) x->rate_factor = interface_allocate(x->size, sizeof(double));
    for (int64_t u = 0; rate_factor && u < x->size; u++) x->rate_factor[u] = 1 + 0.5 * interface_uniform(&state);
    for (int i = 0; i < LIMIT_COUNT && p->limit[0]; i++) {
        x->limit[i] = interface_allocate(x->size, sizeof(double));
        for (int64_t u = 0; u < x->size; u++) {
            double size = fabs(interface_uniform(&state));
            x->limit[i][u] = interface_scalar_of(spec->precision)->round(i == LIMIT_LOWER ? -0.2 * size : size);
        }
    }
    for (int i = 0; i < LIMIT_COUNT; i++) x->spec.limit[i] = x->limit[i];
    x->spec.engine = interface_engine(b, &x->spec, (int)p->engine);
    numbers_make(x, &state);
    state_make(x, &state);
    snprintf(
        x->text, sizeof x->text,
        "n %d d %d k %d batch %d precision %d storage %d in place %d weighted %d standardized %d offset %d loss %d optimizer %d "
        "sampling %d l1 %g l2 "
        "%g average %d intercept %d rate_factor %d limits %d clip %g %g engine %d",
        (int)n, (int)p->d, (int)p->k, (int)p->batch, (int)spec->precision, (int)spec->storage,
        (int)spec->type == (int)spec->precision, spec->weighted, spec->standardized, spec->offset, (int)p->loss.kind,
        p->optimizer, sampling, p->constants.l1, p->constants.l2, p->average, p->intercept, rate_factor, p->limit[0] != NULL,
        p->clip.norm, p->clip.value, (int)x->spec.engine);
}

void experiment_free(experiment *x)
{
    x->b->ops->unbind(x->b->self, x->at);
    interface_examples_free(&x->e);
    for (int64_t t = 0; t <= EXPERIMENT_STEPS; t++) free(x->state[t]);
    free(x->rate_factor);
    for (int i = 0; i < LIMIT_COUNT; i++) free(x->limit[i]);
}

void experiment_state(const experiment *x, double *state)
{
    for (int part = 0; part < STATE_PARTS; part++)
        interface_ok(x->b->ops->state.get(x->b->self, SNAPSHOT_CURRENT, (enum state_part)part, state + part * x->size), "get");
}

void experiment_restart(const experiment *x)
{
    run_spec p = x->spec;
    double *rate_factor = x->rate_factor ? interface_allocate(x->size, sizeof(double)) : NULL;
    if (rate_factor) memcpy(rate_factor, x->rate_factor, sizeof(double) * (size_t)x->size);
    double *limit[LIMIT_COUNT] = {NULL};
    for (int i = 0; i < LIMIT_COUNT && x->limit[i]; i++) {
        limit[i] = interface_allocate(x->size, sizeof(double));
        memcpy(limit[i], x->limit[i], sizeof(double) * (size_t)x->size);
    }
    p.rate_factor = rate_factor;
    for (int i = 0; i < LIMIT_COUNT; i++) p.limit[i] = limit[i];
    interface_ok(x->b->ops->start(x->b->self, &p), "start");
    free(rate_factor);
    for (int i = 0; i < LIMIT_COUNT; i++) free(limit[i]);
    for (int part = 0; part < STATE_PARTS; part++)
        interface_ok(x->b->ops->state.put(x->b->self, SNAPSHOT_CURRENT, (enum state_part)part, experiment_part(x, 0, part)),
                     "put");
}

void experiment_slice(const experiment *x, int64_t t, int64_t count)
{
    step_numbers *numbers = interface_allocate(count, sizeof *numbers);
    memcpy(numbers, x->numbers + t, sizeof *numbers * (size_t)count);
    slice s = {&(batch_share){x->at, &x->order}, x->first + t, count, numbers};
    interface_ok(x->b->ops->steps(x->b->self, &s), "steps");
    free(numbers);
}

steps_report experiment_report(const experiment *x)
{
    steps_report r;
    memset(&r, 0xAB, sizeof r);
    interface_ok(x->b->ops->report(x->b->self, &r), "report");
    return r;
}

int64_t experiment_rows(const experiment *x, int64_t t, int64_t *rows)
{
    uint64_t b = sampler_batch(&x->order, (uint64_t)(x->first + t)), n = x->order.n, m = x->order.batches;
    int64_t count = 0;
    for (uint64_t i = batch_start(n, m, b); i < batch_start(n, m, b + 1); i++) rows[count++] = (int64_t)sampler_row(&x->order, i);
    return count;
}

steps_report experiment_run(experiment *x)
{
    experiment_restart(x);
    for (int64_t t = 0; t < x->count; t++) {
        experiment_slice(x, t, 1);
        experiment_state(x, x->state[t + 1]);
    }
    return experiment_report(x);
}

static void point_of(const experiment *x, int64_t t, double *point)
{
    const interface_scalar *scalar = interface_scalar_of(x->e.spec.precision);
    for (int64_t u = 0; u < x->size; u++)
        point[u] =
            scalar->point(&x->spec, &x->numbers[t], experiment_part(x, t, STATE_THETA)[u], experiment_part(x, t, STATE_SLOT1)[u]);
}

/* The backend's own gradient of step t at `point`. */
static void gradient_seen(const experiment *x, int64_t t, const double *point, double *gradient)
{
    const backend *b = x->b;
    run_spec p = {.loss = x->spec.loss,
                  .optimizer = CUSGD_OPTIMIZER_MOMENTUM,
                  .d = x->spec.d,
                  .k = x->spec.k,
                  .batch = x->spec.batch,
                  .intercept = 1,
                  .storage = x->spec.storage,
                  .engine = x->spec.engine};
    step_numbers one = {.rate = 1, .correction1 = 1, .correction2 = 1, .average = 1};
    slice s = {&(batch_share){x->at, &x->order}, x->first + t, 1, &one};
    interface_ok(b->ops->start(b->self, &p), "start");
    interface_ok(b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, point), "put");
    interface_ok(b->ops->steps(b->self, &s), "steps");
    interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, gradient), "get");
    experiment_report(x);
}

static void check_gradient(const experiment *x, int64_t t, const interface_sums *exact, const double *gradient)
{
    for (int64_t u = 0; u < x->size; u++)
        if (!(fabs(gradient[u] - exact->gradient[u]) <= exact->bound[u]))
            interface_fail("%s: step %d, gradient of parameter %d is %.17g, not %.17g to within %g", x->text, (int)t, (int)u,
                           gradient[u], exact->gradient[u], exact->bound[u]);
}

static void check_update(const experiment *x, int64_t t, const double *point, const double *gradient)
{
    const interface_scalar *scalar = interface_scalar_of(x->e.spec.precision);
    const run_spec *p = &x->spec;
    int64_t trained = p->intercept ? x->size : p->d * p->k;
    double clip = clip_scale(p->clip.norm, clip_squares(gradient, trained));
    for (int64_t u = 0; u < x->size; u++) {
        double state[STATE_PARTS], own[OWN_NUMBERS] = {[OWN_METRIC] = x->rate_factor ? x->rate_factor[u] : 1, [OWN_CLIP] = clip};
        for (int i = 0; i < LIMIT_COUNT && x->limit[i]; i++) own[OWN_LIMIT + i] = x->limit[i][u];
        for (int part = 0; part < STATE_PARTS; part++) state[part] = experiment_part(x, t, part)[u];
        if (is_penalized(x, u) || x->spec.intercept)
            scalar->update(&x->spec, &x->numbers[t], own, is_penalized(x, u), point[u], gradient[u], state);
        for (int part = 0; part < STATE_PARTS; part++)
            if (experiment_part(x, t + 1, part)[u] != state[part])
                interface_fail("%s: step %d, part %d of parameter %d is %.17g, not %.17g, by the backend's own gradient %.17g",
                               x->text, (int)t, part, (int)u, experiment_part(x, t + 1, part)[u], state[part], gradient[u]);
    }
}

/* A run of exponentials may grow until a step's loss is no number any more: there it ends. */
static void check_end(const experiment *x, steps_report report, const interface_sums *exact)
{
    double largest = x->e.spec.precision == CUSGD_PRECISION_DOUBLE ? DBL_MAX : (double)FLT_MAX;
    if (!(exact->loss >= 1e-6 * largest)) interface_fail("%s: step %d fails, of loss %g", x->text, (int)report.done, exact->loss);
}

void experiment_check_steps(const experiment *x, steps_report report)
{
    int64_t made = report.failed ? report.done : x->count;
    int64_t *rows = interface_allocate(x->e.spec.n, sizeof *rows), visited = 0;
    double *point = interface_allocate(x->size, sizeof(double)), *gradient = interface_allocate(x->size, sizeof(double));
    double loss = 0, slack = 0;
    interface_sums sums = {interface_allocate(x->size, sizeof(double)), interface_allocate(x->size, sizeof(double)), 0, 0};
    for (int64_t t = 0; t < x->count; t++) {
        int64_t count = experiment_rows(x, t, rows);
        point_of(x, t, point);
        interface_gradient(&x->e, x->spec.loss, point, rows, count, &sums);
        if (t == made) {
            check_end(x, report, &sums);
            break;
        }
        gradient_seen(x, t, point, gradient);
        check_gradient(x, t, &sums, gradient);
        check_update(x, t, point, gradient);
        visited += count;
        loss += sums.loss;
        slack += sums.loss_bound;
    }
    if (report.done != made || report.rows != visited || report.failed != (made < x->count))
        interface_fail("%s: %d steps and %d rows reported, not %d and %d; failed %d", x->text, (int)report.done, (int)report.rows,
                       (int)made, (int)visited, report.failed);
    if (!(fabs(report.loss - loss) <= slack))
        interface_fail("%s: loss %.17g, not %.17g to within %g", x->text, report.loss, loss, slack);
    free(rows);
    free(point);
    free(gradient);
    free(sums.gradient);
    free(sums.bound);
}

void experiment_check_same(const experiment *x, const double *state, steps_report a, steps_report b, int64_t t, const char *what)
{
    double *now = interface_allocate(STATE_PARTS * x->size, sizeof(double));
    experiment_state(x, now);
    for (int64_t i = 0; i < STATE_PARTS * x->size; i++)
        if (now[i] != state[i] && !(isnan(now[i]) && isnan(state[i])))
            interface_fail("%s: %s: part %d of parameter %d after %d steps is %.17g, not %.17g", x->text, what,
                           (int)(i / x->size), (int)(i % x->size), (int)t, now[i], state[i]);
    if (a.loss != b.loss || a.rows != b.rows || a.done != b.done || a.failed != b.failed)
        interface_fail("%s: %s: loss %.17g, rows %d, done %d, failed %d reported, not %.17g, %d, %d, %d", x->text, what, a.loss,
                       (int)a.rows, (int)a.done, a.failed, b.loss, (int)b.rows, (int)b.done, b.failed);
    free(now);
}

void experiment_check_slices(const experiment *x, steps_report report)
{
    int64_t head = x->count < 3 ? 1 : 3, rest = x->count - head;
    experiment_restart(x);
    experiment_slice(x, 0, x->count);
    experiment_check_same(x, x->state[x->count], experiment_report(x), report, x->count, "in one slice");
    experiment_restart(x);
    experiment_slice(x, 0, head);
    if (rest > 0) experiment_slice(x, head, rest);
    experiment_check_same(x, x->state[x->count], experiment_report(x), report, x->count, "in two slices");
    if (report.failed) return;
    experiment_restart(x);
    experiment_slice(x, 0, head);
    steps_report a = experiment_report(x);
    if (a.done != head || a.failed) interface_fail("%s: %d of %d steps reported between", x->text, (int)a.done, (int)head);
    if (rest > 0) experiment_slice(x, head, rest);
    steps_report b = experiment_report(x), both = {report.loss, a.rows + b.rows, a.done + b.done, b.failed, NULL, NULL, NULL};
    if (!(fabs(a.loss + b.loss - report.loss) <= 1e-14 * fabs(report.loss))) interface_fail("%s: reports do not add up", x->text);
    experiment_check_same(x, x->state[x->count], both, report, x->count, "with a report between");
}
