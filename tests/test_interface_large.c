/* The device interface's operations where a device does its work in pieces: slices of many steps, rows of many columns, many
 * outputs. See device interface.h. */
#include "interface.h"
#include "training.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Slices of many steps: the same steps, one slice each, are those that test_seam_steps.c judges ---- */

/* A run over the epoch of `order`, and what it comes to. */
typedef struct course {
    const backend *b;
    dataset *at;
    run_spec spec;
    sampler order;
    int64_t steps, size;
    step_numbers *numbers;
} course;

static course course_make(const backend *b, const interface_examples *e, const run_spec *p, cusgd_sampling sampling)
{
    int64_t n = e->spec.n, steps = (n + p->batch - 1) / p->batch;
    course c = {b,     interface_bind(b, e), *p,  sampler_make(sampling, 5, (uint64_t)n, (uint64_t)steps, 2),
                steps, (p->d + 1) * p->k,    NULL};
    c.numbers = interface_allocate(steps, sizeof *c.numbers);
    for (int64_t t = 0; t < steps; t++)
        c.numbers[t] = (step_numbers){.rate = 0.1 / (double)(1 + t % 7),
                                      .momentum = 0.5 + 0.01 * (double)(t % 13),
                                      .correction1 = 1,
                                      .correction2 = 1,
                                      .average = 1 / (double)(t + 1)};
    return c;
}

static void course_free(course *c)
{
    c->b->ops->unbind(c->b->self, c->at);
    free(c->numbers);
}

/* From zeros, in slices of `each` steps, without waiting between: state is PARTS x size. */
static steps_report course_run(const course *c, int64_t each, double *state)
{
    steps_report report;
    interface_ok(c->b->ops->start(c->b->self, &c->spec), "start");
    for (int64_t t = 0; t < c->steps; t += each) {
        slice s = {&(batch_share){c->at, &c->order}, t, t + each < c->steps ? each : c->steps - t, c->numbers + t};
        interface_ok(c->b->ops->steps(c->b->self, &s), "steps");
    }
    interface_ok(c->b->ops->report(c->b->self, &report), "report");
    for (int part = 0; part < STATE_PARTS; part++)
        interface_ok(c->b->ops->state.get(c->b->self, SNAPSHOT_CURRENT, (enum state_part)part, state + part * c->size), "get");
    return report;
}

/* In slices of `each` steps it comes to the same as in slices of one; the report is returned. */
static steps_report check_course(const course *c, int64_t each)
{
    double *one = interface_allocate(STATE_PARTS * c->size, sizeof(double)),
           *many = interface_allocate(STATE_PARTS * c->size, sizeof(double));
    steps_report a = course_run(c, 1, one), b = course_run(c, each, many);
    for (int64_t i = 0; i < STATE_PARTS * c->size; i++)
        if (one[i] != many[i])
            interface_fail("sampling %d, k %d, slices of %d: part %d of parameter %d is %.17g, not %.17g", (int)c->order.sampling,
                           (int)c->spec.k, (int)each, (int)(i / c->size), (int)(i % c->size), many[i], one[i]);
    if (a.loss != b.loss || a.rows != b.rows || a.done != b.done || a.failed != b.failed)
        interface_fail("sampling %d, slices of %d: loss %.17g, %d rows, %d done, failed %d, not %.17g, %d, %d, %d",
                       (int)c->order.sampling, (int)each, b.loss, (int)b.rows, (int)b.done, b.failed, a.loss, (int)a.rows,
                       (int)a.done, a.failed);
    free(one);
    free(many);
    return b;
}

enum { ROWS = 203, BATCH = 4, BATCHES = 51, BAD_ROW = 120 };

Test(interface_large, slices_of_many_steps)
{
    int samplings = interface_short() ? 1 : REDUCED ? 3 : SAMPLING_COUNT;
    for (int i = 0; i < 4 * samplings; i++) {
        cusgd_precision precision = (cusgd_precision)(i % 2);
        int64_t k = i / 2 % 2 ? 3 : 1;
        backend b;
        interface_examples e;
        interface_spec spec = {.n = ROWS, .d = 5, .k = k, .precision = precision, .type = (cusgd_type)precision, .seed = 61};
        run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED,
                      .optimizer = CUSGD_OPTIMIZER_NESTEROV,
                      .d = 5,
                      .k = k,
                      .batch = BATCH,
                      .intercept = 1,
                      .average = 1};
        interface_backend_open(precision, 2, &b);
        interface_examples_make(&spec, &e);
        course c = course_make(&b, &e, &p, (cusgd_sampling)(i / 4));
        if (c.steps != BATCHES) interface_fail("%d steps", (int)c.steps);
        for (int64_t each = 20; each <= 60; each += REDUCED ? 40 : 20) {
            steps_report r = check_course(&c, each);
            if (r.failed || r.done != BATCHES) interface_fail("%d of %d steps", (int)r.done, BATCHES);
        }
        course_free(&c);
        interface_examples_free(&e);
        b.ops->close(b.self);
    }
}

/* Of a run of 51 steps, one of whose losses is not finite. */
static void check_bad_step(cusgd_precision precision, cusgd_engine engine, int64_t d)
{
    backend b;
    interface_examples e;
    interface_spec spec = {.n = ROWS, .d = d, .k = 1, .precision = precision, .type = (cusgd_type)precision};
    run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED, .optimizer = CUSGD_OPTIMIZER_NESTEROV, .d = d, .k = 1, .batch = BATCH};
    interface_backend_open(precision, 2, &b);
    interface_examples_make(&spec, &e);
    if (precision == CUSGD_PRECISION_FLOAT)
        ((float *)e.memory[1])[BAD_ROW] = 1e30f;
    else
        ((double *)e.memory[1])[BAD_ROW] = 1e200;
    p.engine = interface_engine(&b, &p, (int)engine);
    course c = course_make(&b, &e, &p, CUSGD_SAMPLING_PERMUTE);
    for (int64_t t = 0; t < c.steps; t++) c.numbers[t].rate /= (double)d;
    steps_report r = check_course(&c, BATCHES);
    if (!r.failed || r.done == 0 || r.done >= BATCHES) interface_fail("d %d: %d steps, failed %d", (int)d, (int)r.done, r.failed);
    course_free(&c);
    interface_examples_free(&e);
    b.ops->close(b.self);
}

/* The run ends at the same step, wherever in a slice it stands. A device loads packs of such rows; of the long ones the gradients
 * are so long that it ends a step in a kernel of its own. */
Test(interface_large, a_bad_step_within_a_long_slice)
{
    const int step = REDUCED ? 2 : 1; /* in one precision alone */
    for (int i = 0; i < 2 * INTERFACE_ENGINES; i += step) check_bad_step((cusgd_precision)(i % 2), (cusgd_engine)(i / 2), 33);
    for (int i = 0; i < 2; i += step) check_bad_step((cusgd_precision)i, CUSGD_ENGINE_FUSED, 9000);
}

/* More steps than a device's table of them may hold. What `fused` does in one slice, `persistent` does in parts. */
Test(interface_large, a_slice_of_thousands_of_steps)
{
    backend b;
    interface_examples e;
    enum { STEPS = 4200 };
    interface_spec spec = {.n = STEPS, .d = 2, .k = 1, .precision = CUSGD_PRECISION_FLOAT, .seed = 62};
    run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED, .optimizer = CUSGD_OPTIMIZER_SGD, .d = 2, .k = 1, .batch = 1, .intercept = 1};
    interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
    interface_examples_make(&spec, &e);
    for (int engine = CUSGD_ENGINE_CUBLAS; engine <= (REDUCED ? CUSGD_ENGINE_CUBLAS : CUSGD_ENGINE_FUSED); engine++) {
        double whole[STATE_PARTS * 3], parts[STATE_PARTS * 3];
        p.engine = (cusgd_engine)engine;
        course c = course_make(&b, &e, &p, CUSGD_SAMPLING_PERMUTE);
        steps_report a = course_run(&c, STEPS, whole);
        if (engine == CUSGD_ENGINE_FUSED) c.spec.engine = CUSGD_ENGINE_PERSISTENT;
        steps_report in_parts = course_run(&c, REDUCED ? 4100 : 1100, parts);
        cr_assert(a.done == STEPS && a.rows == STEPS && a.loss == in_parts.loss);
        cr_assert(memcmp(whole, parts, sizeof whole) == 0);
        course_free(&c);
    }
    interface_examples_free(&e);
    b.ops->close(b.self);
}

/* ---- Large shapes ---- */

typedef struct shape {
    int64_t n, d, k, batch;
} shape;
static const shape shapes[] = {{130, 66000, 1, 65}, {3, 1100000, 1, 2}, {40, 3, 70, 9}, {20000, 2, 1, 9000}};

static void check_close(double value, long double exact, long double slack, const char *what, int64_t at)
{
    if (!(fabsl((long double)value - exact) <= slack))
        interface_fail("%s %d is %.17g, not %.17g to within %.3g", what, (int)at, value, (double)exact, (double)slack);
}

static void check_moments(const backend *b, const interface_examples *e)
{
    int64_t n = e->spec.n, d = e->spec.d, k = e->spec.k;
    double *mean = interface_allocate(d, sizeof(double)), *variance = interface_allocate(d, sizeof(double)), weight;
    double *target = interface_allocate(k, sizeof(double));
    interface_ok(b->ops->moments(b->self, &e->source, mean, variance, target, &weight), "moments");
    for (int64_t j = 0; j < d; j++) {
        long double sum = 0, square = 0, size = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (long double)e->source_x[i * d + j], size += fabsl((long double)e->source_x[i * d + j]);
        for (int64_t i = 0; i < n; i++) square += powl((long double)e->source_x[i * d + j] - sum / n, 2);
        check_close(mean[j], sum / n, 1e-14L * size, "mean", j);
        check_close(variance[j], square / n, 1e-14L * square + 1e-28L * size * size, "variance", j);
    }
    free(mean);
    free(variance);
    free(target);
}

static void check_curvature(const backend *b, const interface_examples *e, const dataset *at)
{
    int64_t n = e->spec.n, d = e->spec.d;
    curvature got = {interface_allocate(d, sizeof(double)), interface_allocate(d, sizeof(double)), 0, 0};
    long double *q = interface_allocate(n, sizeof *q), q1 = 0;
    interface_ok(b->ops->curvature(b->self, at, NULL, &got), "curvature");
    for (int64_t i = 0; i < n; i++) {
        q[i] = 1;
        for (int64_t j = 0; j < d; j++) q[i] += (long double)e->x[i * d + j] * (long double)e->x[i * d + j];
        q1 += q[i];
    }
    check_close(got.q1, q1, 1e-12L * q1, "sum of squares", 0);
    for (int64_t j = 0; j < d; j++) {
        long double fourth = 0;
        for (int64_t i = 0; i < n; i++) fourth += q[i] * (long double)e->x[i * d + j] * (long double)e->x[i * d + j];
        check_close(got.fourth[j], fourth, 1e-12L * fourth, "fourth moment", j);
    }
    free(got.fourth);
    free(got.second);
    free(q);
}

/* sums: of the rows. As the velocity of a step by momentum, with rate 1; or of all rows, by objective(). */
static void check_sums(const interface_examples *e, const double *gradient, const interface_sums *sums, const char *what)
{
    for (int64_t u = 0; u < (e->spec.d + 1) * e->spec.k; u++)
        check_close(gradient[u], (long double)sums->gradient[u], (long double)sums->bound[u], what, u);
}

static void check_gradients(const backend *b, const interface_examples *e, dataset *at, int64_t batch, cusgd_sampling sampling,
                            cusgd_engine engine)
{
    int64_t n = e->spec.n, d = e->spec.d, k = e->spec.k, size = (d + 1) * k, batches = (n + batch - 1) / batch;
    run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED,
                  .optimizer = CUSGD_OPTIMIZER_MOMENTUM,
                  .d = d,
                  .k = k,
                  .batch = batch,
                  .intercept = 1,
                  .storage = e->spec.storage,
                  .engine = engine};
    sampler order = sampler_make(sampling, 3, (uint64_t)n, (uint64_t)batches, 1);
    step_numbers numbers = {.rate = 1, .correction1 = 1, .correction2 = 1, .average = 1};
    slice first = {&(batch_share){at, &order}, 0, 1, &numbers};
    double *theta = interface_allocate(size, sizeof(double)), *gradient = interface_allocate(size, sizeof(double)), value;
    interface_sums sums = {interface_allocate(size, sizeof(double)), interface_allocate(size, sizeof(double)), 0, 0};
    int64_t *rows = interface_allocate(n, sizeof *rows), count = 0;
    uint64_t state = 71, batch0 = sampler_batch(&order, 0);
    interface_theta(&e->spec, &state, 1 / sqrt((double)d), theta);
    for (uint64_t i = batch_start(order.n, order.batches, batch0); i < batch_start(order.n, order.batches, batch0 + 1); i++)
        rows[count++] = (int64_t)sampler_row(&order, i);
    interface_gradient(e, interface_loss(CUSGD_LOSS_SQUARED), theta, rows, count, &sums);
    interface_ok(b->ops->start(b->self, &p), "start");
    interface_ok(b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, theta), "put");
    interface_ok(b->ops->steps(b->self, &first), "steps");
    interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, gradient), "get");
    check_sums(e, gradient, &sums, "gradient of parameter");
    for (int64_t i = 0; i < n; i++) rows[i] = i;
    interface_gradient(e, interface_loss(CUSGD_LOSS_SQUARED), theta, rows, n, &sums);
    interface_ok(b->ops->objective(b->self, at, interface_loss(CUSGD_LOSS_SQUARED), theta, &value, gradient), "objective");
    check_sums(e, gradient, &sums, "gradient over all rows of parameter");
    check_close(value * (double)n, (long double)sums.loss, (long double)sums.loss_bound, "objective", 0);
    free(theta);
    free(gradient);
    free(sums.gradient);
    free(sums.bound);
    free(rows);
}

Test(interface_large, large_shapes)
{
    for (int i = 0; i < 4; i++) {
        const shape *s = &shapes[i];
        cusgd_precision precision = (cusgd_precision)(i == 0);
        interface_spec spec = {.n = s->n, .d = s->d, .k = s->k, .precision = precision, .type = (cusgd_type)(i % 2), .seed = 63};
        backend b;
        interface_examples e;
        interface_backend_open(precision, 2, &b);
        interface_examples_make(&spec, &e);
        dataset *at = interface_bind(&b, &e);
        check_moments(&b, &e);
        check_curvature(&b, &e, at);
        check_gradients(&b, &e, at, s->batch, CUSGD_SAMPLING_NONE, CUSGD_ENGINE_AUTO);
        check_gradients(&b, &e, at, s->batch, CUSGD_SAMPLING_PERMUTE, CUSGD_ENGINE_AUTO);
        b.ops->unbind(b.self, at);
        interface_examples_free(&e);
        b.ops->close(b.self);
    }
}

/* ---- Engines: rows of every length that a device treats in its own way ---- */

static const shape engine_shapes[] = {{900, 3, 1, 300}, {2500, 40, 1, 1200}, {600, 100, 1, 150}, {400, 250, 1, 200},
                                      {90, 450, 1, 31}, {60, 1000, 1, 20},   {40, 1900, 1, 20},  {40, 3001, 1, 17},
                                      {20, 7000, 1, 9}, {20, 16000, 1, 9},   {9, 30001, 1, 5},   {6, 40000, 1, 4}};
enum { ENGINE_SHAPES = sizeof engine_shapes / sizeof *engine_shapes };

static void same_bits(const course *fused, const course *persistent)
{
    double *a = interface_allocate(STATE_PARTS * fused->size, sizeof(double)),
           *b = interface_allocate(STATE_PARTS * fused->size, sizeof(double));
    steps_report r = course_run(fused, fused->steps, a), s = course_run(persistent, persistent->steps, b);
    if (r.done != fused->steps || r.failed)
        interface_fail("d %d: %d steps, failed %d", (int)fused->spec.d, (int)r.done, r.failed);
    if (r.loss != s.loss || r.done != s.done || r.rows != s.rows)
        interface_fail("d %d: losses of two engines, %.17g and %.17g", (int)fused->spec.d, r.loss, s.loss);
    if (memcmp(a, b, sizeof(double) * (size_t)(STATE_PARTS * fused->size)))
        interface_fail("d %d: two engines differ", (int)fused->spec.d);
    free(a);
    free(b);
}

static void check_engines(const backend *b, const interface_examples *e, int64_t batch, cusgd_sampling sampling)
{
    run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED,
                  .optimizer = CUSGD_OPTIMIZER_NESTEROV,
                  .d = e->spec.d,
                  .k = 1,
                  .batch = batch,
                  .intercept = 1,
                  .average = 1,
                  .storage = e->spec.storage,
                  .constants.l1 = 1e-3};
    cusgd_engine engines[] = {interface_engine(b, &p, CUSGD_ENGINE_FUSED), interface_engine(b, &p, CUSGD_ENGINE_PERSISTENT)};
    course runs[2];
    for (int i = 0; i < 2; i++) {
        dataset *at = interface_bind(b, e);
        check_gradients(b, e, at, batch, sampling, engines[i]);
        b->ops->unbind(b->self, at);
        p.engine = engines[i];
        runs[i] = course_make(b, e, &p, sampling);
        for (int64_t t = 0; t < runs[i].steps; t++) runs[i].numbers[t].rate /= (double)(10 * p.d);
        check_course(&runs[i], runs[i].steps);
    }
    if (engines[0] && engines[1]) same_bits(&runs[0], &runs[1]);
    for (int i = 0; i < 2; i++) course_free(&runs[i]);
}

Test(interface_large, engines_and_lengths_of_rows)
{
    int stride = interface_short() || REDUCED ? 3 : 1;
    for (int i = 0; i < (INTERFACE_KINDS - 1) * ENGINE_SHAPES; i += stride) {
        const shape *s = &engine_shapes[i % ENGINE_SHAPES];
        int kind = i / ENGINE_SHAPES;
        cusgd_precision precision = interface_precision(kind);
        interface_spec spec = {.n = s->n,
                               .d = precision ? (s->d + 1) / 2 : s->d,
                               .k = 1,
                               .precision = precision,
                               .storage = interface_storage(kind),
                               .type = (cusgd_type)precision,
                               .weighted = i / 2 % 2,
                               .offset = i / 4 % 2,
                               .seed = 64 + (uint64_t)i};
        backend b;
        interface_examples e;
        interface_backend_open(precision, 2, &b);
        interface_examples_make(&spec, &e);
        check_engines(&b, &e, s->batch, i % 3 ? CUSGD_SAMPLING_PERMUTE : CUSGD_SAMPLING_NONE);
        interface_examples_free(&e);
        b.ops->close(b.self);
    }
}
