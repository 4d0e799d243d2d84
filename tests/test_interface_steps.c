/* The device interface's steps and report. A step is judged in two: its gradient, against an exact sum and a bound on rounding;
 * and given that gradient, its update, to the last bit. The gradient is seen through a run of momentum with rate 1 and momentum
 * 0, whose velocity it is. See device interface.h. */
#include "interface.h"

typedef double real; /* above the device interface all is double */
#include "scalar/clip.h"
#include "scalar/update.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 10 }; /* at most, of a case */

static const int optimizers[] = {CUSGD_OPTIMIZER_SGD,        CUSGD_OPTIMIZER_MOMENTUM,   CUSGD_OPTIMIZER_NESTEROV,
                                 CUSGD_OPTIMIZER_ADAGRAD,    CUSGD_OPTIMIZER_ADADELTA,   CUSGD_OPTIMIZER_RMSPROP,
                                 CUSGD_OPTIMIZER_ADAM,       OPTIMIZER_ADAGRAD_NESTEROV, CUSGD_OPTIMIZER_ADAMW,
                                 CUSGD_OPTIMIZER_AMSGRAD,    CUSGD_OPTIMIZER_NADAM,      CUSGD_OPTIMIZER_RADAM,
                                 CUSGD_OPTIMIZER_ADAMAX,     CUSGD_OPTIMIZER_ASGD,       CUSGD_OPTIMIZER_FTRL,
                                 OPTIMIZER_RMSPROP_MOMENTUM, OPTIMIZER_RMSPROP_CENTERED, OPTIMIZER_RMSPROP_CENTERED_MOMENTUM};
static const int64_t sizes[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 61, 127, 1000};
static const int64_t outputs[] = {1, 2, 3, 17};
static const int team[] = {1, 2, 5};
enum {
    OPTIMIZERS = sizeof optimizers / sizeof *optimizers,
    SIZES = sizeof sizes / sizeof *sizes,
    OUTPUTS = sizeof outputs / sizeof *outputs,
    TEAMS = sizeof team / sizeof *team
};

typedef struct session {
    backend of[2][TEAMS]; /* by precision and threads */
    uint64_t cases;
} session;

static void session_open(session *s)
{
    s->cases = 0;
    for (int p = 0; p < 2; p++)
        for (int t = 0; t < TEAMS; t++) interface_backend_open((cusgd_precision)p, team[t], &s->of[p][t]);
}

static void session_close(session *s)
{
    for (int p = 0; p < 2; p++)
        for (int t = 0; t < TEAMS; t++) s->of[p][t].ops->close(s->of[p][t].self);
}

/* A run of some steps of one epoch, and what it starts from. */
typedef struct experiment {
    const backend *b;
    interface_examples e;
    dataset *at;
    run_spec spec; /* rate_factor is NULL: see below */
    double *rate_factor, *limit[LIMIT_COUNT];
    sampler order;
    int64_t first, count, size; /* steps; (d+1) k */
    step_numbers numbers[STEPS];
    double *state[STEPS + 1]; /* PARTS x size: before step t */
    char text[400];           /* the case, for messages */
} experiment;

static double *part_of(const experiment *x, int64_t t, int part) { return x->state[t] + part * x->size; }

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
        part_of(x, 0, STATE_THETA)[u] = u % 5 == 4 ? 0 : rounded(size * interface_uniform(state));
        part_of(x, 0, STATE_AVERAGE)[u] = x->spec.average ? rounded(size * interface_uniform(state)) : 0;
        slot2 += 0.1 * slot3 * slot3;
        if (!signed1) slot1 = fabs(slot1) + 0.1 * slot2 * slot2;
        if (kept && optimizer_slots(o) > 0) part_of(x, 0, STATE_SLOT1)[u] = rounded(0.1 * slot1);
        if (kept && optimizer_slots(o) > 1) part_of(x, 0, STATE_SLOT2)[u] = rounded(0.1 * slot2);
        if (kept && optimizer_slots(o) > 2) part_of(x, 0, STATE_SLOT3)[u] = rounded(0.1 * fabs(slot3));
    }
}

static void experiment_make(experiment *x, const backend *b, const interface_spec *spec, const run_spec *p, int rate_factor,
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
    x->first = batches > 2 * STEPS ? batches / 2 : 0;
    x->count = batches - x->first < STEPS ? batches - x->first : STEPS;
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
        p->optimizer, sampling, p->l1, p->l2, p->average, p->intercept, rate_factor, p->limit[0] != NULL, p->clip_norm,
        p->clip_value, (int)x->spec.engine);
}

static void experiment_free(experiment *x)
{
    x->b->ops->unbind(x->b->self, x->at);
    interface_examples_free(&x->e);
    for (int64_t t = 0; t <= STEPS; t++) free(x->state[t]);
    free(x->rate_factor);
    for (int i = 0; i < LIMIT_COUNT; i++) free(x->limit[i]);
}

static void state_get(const experiment *x, double *state)
{
    for (int part = 0; part < STATE_PARTS; part++)
        interface_ok(x->b->ops->get(x->b->self, SNAPSHOT_CURRENT, (enum state_part)part, state + part * x->size), "get");
}

/* The start of the run, with a rate_factor and limits that are gone when start() has returned. */
static void restart(const experiment *x)
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
        interface_ok(x->b->ops->put(x->b->self, SNAPSHOT_CURRENT, (enum state_part)part, part_of(x, 0, part)), "put");
}

/* Steps t .. t + count - 1, with numbers that are gone when steps() has returned. */
static void run_slice(const experiment *x, int64_t t, int64_t count)
{
    step_numbers *numbers = interface_allocate(count, sizeof *numbers);
    memcpy(numbers, x->numbers + t, sizeof *numbers * (size_t)count);
    slice s = {&(batch_share){x->at, &x->order}, x->first + t, count, numbers};
    interface_ok(x->b->ops->steps(x->b->self, &s), "steps");
    free(numbers);
}

static steps_report report_of(const experiment *x)
{
    steps_report r;
    memset(&r, 0xAB, sizeof r);
    interface_ok(x->b->ops->report(x->b->self, &r), "report");
    return r;
}

/* The rows of step t; their number. */
static int64_t batch_rows(const experiment *x, int64_t t, int64_t *rows)
{
    uint64_t b = sampler_batch(&x->order, (uint64_t)(x->first + t)), n = x->order.n, m = x->order.batches;
    int64_t count = 0;
    for (uint64_t i = batch_start(n, m, b); i < batch_start(n, m, b + 1); i++) rows[count++] = (int64_t)sampler_row(&x->order, i);
    return count;
}

/* Step by step, keeping every state. */
static steps_report run_singly(experiment *x)
{
    restart(x);
    for (int64_t t = 0; t < x->count; t++) {
        run_slice(x, t, 1);
        state_get(x, x->state[t + 1]);
    }
    return report_of(x);
}

static void point_of(const experiment *x, int64_t t, double *point)
{
    const interface_scalar *scalar = interface_scalar_of(x->e.spec.precision);
    for (int64_t u = 0; u < x->size; u++)
        point[u] = scalar->point(&x->spec, &x->numbers[t], part_of(x, t, STATE_THETA)[u], part_of(x, t, STATE_SLOT1)[u]);
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
    interface_ok(b->ops->put(b->self, SNAPSHOT_CURRENT, STATE_THETA, point), "put");
    interface_ok(b->ops->steps(b->self, &s), "steps");
    interface_ok(b->ops->get(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, gradient), "get");
    report_of(x);
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
    double clip = clip_scale(p->clip_norm, clip_squares(gradient, trained));
    for (int64_t u = 0; u < x->size; u++) {
        double state[STATE_PARTS], own[OWN_NUMBERS] = {[OWN_METRIC] = x->rate_factor ? x->rate_factor[u] : 1, [OWN_CLIP] = clip};
        for (int i = 0; i < LIMIT_COUNT && x->limit[i]; i++) own[OWN_LIMIT + i] = x->limit[i][u];
        for (int part = 0; part < STATE_PARTS; part++) state[part] = part_of(x, t, part)[u];
        if (is_penalized(x, u) || x->spec.intercept)
            scalar->update(&x->spec, &x->numbers[t], own, is_penalized(x, u), point[u], gradient[u], state);
        for (int part = 0; part < STATE_PARTS; part++)
            if (part_of(x, t + 1, part)[u] != state[part])
                interface_fail("%s: step %d, part %d of parameter %d is %.17g, not %.17g, by the backend's own gradient %.17g",
                               x->text, (int)t, part, (int)u, part_of(x, t + 1, part)[u], state[part], gradient[u]);
    }
}

/* A run of exponentials may grow until a step's loss is no number any more: there it ends. */
static void check_end(const experiment *x, steps_report report, const interface_sums *exact)
{
    double largest = x->e.spec.precision == CUSGD_PRECISION_DOUBLE ? DBL_MAX : (double)FLT_MAX;
    if (!(exact->loss >= 1e-6 * largest)) interface_fail("%s: step %d fails, of loss %g", x->text, (int)report.done, exact->loss);
}

/* Judges every step that run_singly made, and its report. */
static void check_steps(const experiment *x, steps_report report)
{
    int64_t made = report.failed ? report.done : x->count;
    int64_t *rows = interface_allocate(x->e.spec.n, sizeof *rows), visited = 0;
    double *point = interface_allocate(x->size, sizeof(double)), *gradient = interface_allocate(x->size, sizeof(double));
    double loss = 0, slack = 0;
    interface_sums sums = {interface_allocate(x->size, sizeof(double)), interface_allocate(x->size, sizeof(double)), 0, 0};
    for (int64_t t = 0; t < x->count; t++) {
        int64_t count = batch_rows(x, t, rows);
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

static void check_same(const experiment *x, const double *state, steps_report a, steps_report b, int64_t t, const char *what)
{
    double *now = interface_allocate(STATE_PARTS * x->size, sizeof(double));
    state_get(x, now);
    for (int64_t i = 0; i < STATE_PARTS * x->size; i++)
        if (now[i] != state[i] && !(isnan(now[i]) && isnan(state[i])))
            interface_fail("%s: %s: part %d of parameter %d after %d steps is %.17g, not %.17g", x->text, what,
                           (int)(i / x->size), (int)(i % x->size), (int)t, now[i], state[i]);
    if (a.loss != b.loss || a.rows != b.rows || a.done != b.done || a.failed != b.failed)
        interface_fail("%s: %s: loss %.17g, rows %d, done %d, failed %d reported, not %.17g, %d, %d, %d", x->text, what, a.loss,
                       (int)a.rows, (int)a.done, a.failed, b.loss, (int)b.rows, (int)b.done, b.failed);
    free(now);
}

/* The same steps in other slices: all at once; three and the rest; with a report between. */
static void check_slices(const experiment *x, steps_report report)
{
    int64_t head = x->count < 3 ? 1 : 3, rest = x->count - head;
    restart(x);
    run_slice(x, 0, x->count);
    check_same(x, x->state[x->count], report_of(x), report, x->count, "in one slice");
    restart(x);
    run_slice(x, 0, head);
    if (rest > 0) run_slice(x, head, rest);
    check_same(x, x->state[x->count], report_of(x), report, x->count, "in two slices");
    if (report.failed) return;
    restart(x);
    run_slice(x, 0, head);
    steps_report a = report_of(x);
    if (a.done != head || a.failed) interface_fail("%s: %d of %d steps reported between", x->text, (int)a.done, (int)head);
    if (rest > 0) run_slice(x, head, rest);
    steps_report b = report_of(x), both = {report.loss, a.rows + b.rows, a.done + b.done, b.failed, NULL, NULL, NULL};
    if (!(fabs(a.loss + b.loss - report.loss) <= 1e-14 * fabs(report.loss))) interface_fail("%s: reports do not add up", x->text);
    check_same(x, x->state[x->count], both, report, x->count, "with a report between");
}

/* ---- Every kind of step ---- */

enum {
    KIND,
    OPTIMIZER,
    SAMPLING,
    LOSS,
    WEIGHTED,
    L1,
    L2,
    AVERAGE,
    INTERCEPT,
    METRIC,
    LIMITS,
    CLIP,
    K,
    N,
    D,
    BATCH,
    IN_PLACE,
    STANDARDIZED,
    TEAM,
    ENGINE,
    OFFSET
};
static const interface_factor step_factors[] = {{"kind", INTERFACE_KINDS, 1},
                                                {"optimizer", OPTIMIZERS, 1},
                                                {"sampling", SAMPLING_COUNT, 1},
                                                {"loss", INTERFACE_LOSSES, 1},
                                                {"weighted", 2, 1},
                                                {"l1", 2, 1},
                                                {"l2", 2, 1},
                                                {"average", 2, 1},
                                                {"intercept", 2, 1},
                                                {"rate_factor", 2, 1},
                                                {"limits", 2, 0},
                                                {"clip", 3, 0},
                                                {"k", OUTPUTS, 0},
                                                {"n", SIZES, 0},
                                                {"d", SIZES, 0},
                                                {"batch", SIZES, 0},
                                                {"in place", 2, 0},
                                                {"standardized", 2, 0},
                                                {"threads", TEAMS, 0},
                                                {"engine", INTERFACE_ENGINES, 0},
                                                {"offset", 2, 0},
                                                {NULL, 0, 0}};

static void steps_visit(const int *level, void *context)
{
    session *s = context;
    interface_spec spec = {.n = sizes[level[N]],
                           .d = sizes[level[D]],
                           .k = outputs[level[K]],
                           .precision = interface_precision(level[KIND]),
                           .storage = interface_storage(level[KIND]),
                           .weighted = level[WEIGHTED],
                           .standardized = level[STANDARDIZED],
                           .offset = level[OFFSET],
                           .seed = 100 + ++s->cases};
    interface_spec_for(&spec, (cusgd_loss)level[LOSS], level[IN_PLACE]);
    run_spec p = {.loss = interface_loss(level[LOSS]),
                  .optimizer = optimizers[level[OPTIMIZER]],
                  .d = spec.d,
                  .k = spec.k,
                  .batch = sizes[level[BATCH]], /* may be more than there are rows */
                  .intercept = level[INTERCEPT],
                  .average = level[AVERAGE],
                  .beta1 = 0.9,
                  .beta2 = 0.999,
                  .rho = 0.95,
                  .epsilon = 1e-7,
                  .l1 = level[L1] ? 0.3 : 0,
                  .l2 = level[L2] ? 0.7 : 0};
    static const double given; /* that there are limits: experiment_make() makes them */
    if (level[LIMITS]) p.limit[0] = &given;
    p.clip_norm = level[CLIP] == 1 ? 0.25 : 0;
    p.clip_value = level[CLIP] == 2 ? 0.0625 : 0;
    experiment x;
    const backend *b = &s->of[spec.precision][level[TEAM]];
    p.engine = (cusgd_engine)level[ENGINE];
    experiment_make(&x, b, &spec, &p, level[METRIC], level[SAMPLING]);
    steps_report report = run_singly(&x);
    check_slices(&x, report);
    check_steps(&x, report);
    experiment_free(&x);
}

Test(interface_steps, gradient_update_and_report_of_every_kind_of_step)
{
    session s;
    session_open(&s);
    interface_cover(step_factors, 4, steps_visit, &s);
    session_close(&s);
}

/* ---- Shapes that are large in one direction ---- */

static void check_shape(const session *s, interface_spec spec, run_spec p, int threads, int sampling)
{
    experiment x;
    p.d = spec.d;
    p.k = spec.k;
    experiment_make(&x, &s->of[spec.precision][threads], &spec, &p, 0, sampling);
    steps_report report = run_singly(&x);
    check_slices(&x, report);
    check_steps(&x, report);
    experiment_free(&x);
}

Test(interface_steps, many_columns_many_rows)
{
    session s;
    session_open(&s);
    run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED, .optimizer = CUSGD_OPTIMIZER_NESTEROV, .intercept = 1, .average = 1};
    for (int kind = 0; kind < INTERFACE_KINDS - 1; kind++) {
        cusgd_precision precision = interface_precision(kind);
        cusgd_storage storage = interface_storage(kind);
        p.batch = 7;
        p.clip_norm = 0;
        check_shape(&s, (interface_spec){.n = 40, .d = 5000, .k = 1, .precision = precision, .storage = storage, .seed = 11}, p,
                    0, CUSGD_SAMPLING_PERMUTE);
        p.batch = 1999; /* several chunks a batch, several threads */
        check_shape(
            &s,
            (interface_spec){.n = 4001, .d = 61, .k = 2, .precision = precision, .storage = storage, .weighted = 1, .seed = 12},
            p, 2, CUSGD_SAMPLING_BLOCKS);
        p.batch = 4000;
        p.clip_norm = 0.01;
        check_shape(&s, (interface_spec){.n = 30, .d = 9000, .k = 1, .precision = precision, .storage = storage, .seed = 14}, p,
                    1, CUSGD_SAMPLING_NONE);
        check_shape(&s, (interface_spec){.n = 4000, .d = 33, .k = 2, .precision = precision, .storage = storage, .seed = 13}, p,
                    1, CUSGD_SAMPLING_NONE);
    }
    session_close(&s);
}

/* ---- Steps that fail ---- */

/* The experiment's steps with row `bad`'s target such that its squared error overflows. */
static void check_failure(experiment *x, int64_t failing)
{
    double *before = x->state[0];
    int64_t after = x->count - failing - 1;
    restart(x); /* what the steps before it come to */
    if (failing > 0) run_slice(x, 0, failing);
    steps_report good = report_of(x), nothing = {.done = 0};
    if (failing > 0) state_get(x, before = x->state[1]);
    if (good.failed || good.done != failing) interface_fail("%s: the steps before the bad one fail", x->text);
    steps_report bad = good;
    bad.failed = 1;

    restart(x);
    run_slice(x, 0, x->count);
    check_same(x, before, report_of(x), bad, failing, "a slice with a bad step");

    restart(x);
    run_slice(x, 0, failing + 1);
    if (after > 0) run_slice(x, failing + 1, after);
    check_same(x, before, report_of(x), bad, failing, "slices after a bad step");
    if (after > 0) { /* reported: the run may go on */
        run_slice(x, failing + 1, 1);
        steps_report next = report_of(x);
        if (next.failed || next.done != 1) interface_fail("%s: no step after the report", x->text);
    }
    run_slice(x, failing, 1);
    restart(x); /* unreported, and forgotten */
    check_same(x, x->state[0], report_of(x), nothing, 0, "start after a bad step");
}

Test(interface_steps, the_first_bad_step_ends_the_run)
{
    session s;
    session_open(&s);
    static const int64_t shapes[][4] = {{40, 5, 1, 4}, {64, 33, 3, 16}, {12000, 61, 2, 3000}}; /* n, d, k, batch */
    int cases = 3 * 2 * (interface_short() ? 1 : OPTIMIZERS * (REDUCED ? 1 : TEAMS));
    for (int i = 0; i < cases; i++) {
        const int64_t *shape = shapes[i % 3];
        int precision = i / 3 % 2, permute = i % 2, optimizer = i / 6 % OPTIMIZERS, threads = i / 6 / OPTIMIZERS;
        if (REDUCED && i % 3 == 2 && optimizer % 4) continue;
        interface_spec spec = {.n = shape[0],
                               .d = shape[1],
                               .k = shape[2],
                               .precision = (cusgd_precision)precision,
                               .type = (cusgd_type)precision,
                               .seed = 21};
        run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED,
                      .optimizer = optimizers[optimizer],
                      .d = spec.d,
                      .k = spec.k,
                      .batch = shape[3],
                      .intercept = 1,
                      .average = 1,
                      .beta1 = 0.9,
                      .beta2 = 0.99,
                      .rho = 0.9,
                      .epsilon = 1e-7,
                      .l1 = 0.01};
        experiment x;
        int64_t rows[3000];
        experiment_make(&x, &s.of[precision][threads], &spec, &p, 0, permute ? CUSGD_SAMPLING_PERMUTE : CUSGD_SAMPLING_NONE);
        x.b->ops->unbind(x.b->self, x.at);
        int64_t failing = i % x.count, count = batch_rows(&x, failing, rows), row = rows[count - 1];
        if (precision == 0)
            ((float *)x.e.memory[1])[row * spec.k] = 1e30f;
        else
            ((double *)x.e.memory[1])[row * spec.k] = 1e200;
        x.at = interface_bind(x.b, &x.e);
        check_failure(&x, failing);
        experiment_free(&x);
    }
    session_close(&s);
}

Test(interface_steps, parameters_that_are_not_numbers_fail_the_first_step)
{
    session s;
    session_open(&s);
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < 18; i++) {
        int precision = i % 2;
        cusgd_loss loss = (cusgd_loss)(i / 6);
        interface_spec spec = {.n = 12, .d = 4, .k = 2, .precision = (cusgd_precision)precision, .binary = 1, .seed = 22};
        run_spec p = {.loss.kind = loss, .optimizer = CUSGD_OPTIMIZER_SGD, .d = 4, .k = 2, .batch = 6, .intercept = 1};
        experiment x;
        experiment_make(&x, &s.of[precision][0], &spec, &p, 0, CUSGD_SAMPLING_NONE);
        part_of(&x, 0, STATE_THETA)[3] = values[i / 2 % 3];
        restart(&x);
        run_slice(&x, 0, x.count);
        steps_report nothing = {.failed = 1};
        check_same(&x, x.state[0], report_of(&x), nothing, 0, "a parameter that is not a number");
        experiment_free(&x);
    }
    session_close(&s);
}

Test(interface_steps, an_empty_slice_does_nothing)
{
    session s;
    session_open(&s);
    for (int precision = 0; precision < 2; precision++) {
        interface_spec spec = {.n = 12, .d = 4, .k = 2, .precision = (cusgd_precision)precision, .seed = 23};
        run_spec p = {
            .loss.kind = CUSGD_LOSS_SQUARED, .optimizer = CUSGD_OPTIMIZER_ADAM, .d = 4, .k = 2, .batch = 6, .intercept = 1};
        experiment x;
        experiment_make(&x, &s.of[precision][0], &spec, &p, 0, CUSGD_SAMPLING_PERMUTE);
        restart(&x);
        run_slice(&x, 0, 0);
        check_same(&x, x.state[0], report_of(&x), (steps_report){.done = 0}, 0, "no steps");
        experiment_free(&x);
    }
    session_close(&s);
}
