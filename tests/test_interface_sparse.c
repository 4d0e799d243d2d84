/* The operations of the device interface on sparse rows, against the dense matrix with the same values. See interface.h. */
#include "interface.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows that one thread adds up, eight or a warp, and few outputs and many; columns of each length up to all rows, and empty ones.
 */
static const struct shape {
    int64_t n, d, k;
} shapes[] = {{1500, 5, 1}, {1200, 40, 1}, {1100, 330, 1}, {1060, 30, 3}, {1040, 20, 11}, {3, 7, 1}, {70000, 4, 1}};
enum { SHAPES = sizeof shapes / sizeof shapes[0], FOR_STEPS = SHAPES - 1 /* all but the last, whose passes have pieces */ };
static const double shares[] = {1, 0.3, 0.02, 0.003, 0}; /* of the rows that a column has a value in */

typedef struct sparse_case {
    interface_examples e;
    int64_t *start;
    int32_t *column;
    int64_t *wide; /* the same columns */
    float *single; /* the values, in either type */
    double *value;
} sparse_case;

/* Has the columns divided by numbers of their own when they are bound, which zeros survive. */
static void scale_columns(interface_examples *e)
{
    for (int64_t j = 0; j < e->spec.d; j++) {
        e->mean[j] = 0;
        e->scale[j] = 0.3 + (double)(j % 4);
    }
    e->transform.mean = e->mean;
    e->transform.scale = e->scale;
}

/* Keeps some of a dense problem's values, makes those 1 where `ones`, and has the source say so. */
static void thin(sparse_case *s, int ones)
{
    interface_examples *e = &s->e;
    double (*rounded)(double) = interface_scalar_of(e->spec.precision)->round;
    int64_t n = e->spec.n, d = e->spec.d, length = e->spec.listed ? 2 * n + 3 : n, stored = 0, *bound;
    uint64_t state = e->spec.seed + 77;
    bound = interface_allocate(length, sizeof *bound); /* the bound row that each row of the source is; -1: none */
    s->start = interface_allocate(length + 1, sizeof *s->start);
    s->column = interface_allocate(length * d, sizeof *s->column);
    s->wide = interface_allocate(length * d, sizeof *s->wide);
    s->single = interface_allocate(length * d, sizeof *s->single);
    s->value = interface_allocate(length * d, sizeof *s->value);
    for (int64_t row = 0; row < length; row++) bound[row] = e->spec.listed ? -1 : row;
    for (int64_t i = 0; i < n && e->spec.listed; i++) bound[e->rows[i]] = i;
    for (int64_t row = 0; row < length; row++) {
        s->start[row] = stored;
        for (int64_t j = 0; j < d; j++) {
            int64_t i = bound[row];
            int keeps = (interface_uniform(&state) + 1) / 2 < shares[j % 5] && i % 7 != 3;
            double *x = i < 0 ? NULL : &e->x[i * d + j];
            double value = i < 0 ? 1e30 : ones ? 1 : e->source_x[i * d + j]; /* no row that is not listed may be read */
            if (x) *x = rounded(e->transform.scale ? value * (1 / e->scale[j]) : value);
            if (keeps) {
                s->column[stored] = (int32_t)j;
                s->wide[stored] = j;
                s->value[stored] = value;
                s->single[stored] = (float)s->value[stored];
                stored++;
            } else if (x) {
                *x = 0;
            }
        }
    }
    s->start[length] = stored;
    e->source.x.at = NULL;
    const void *values = e->spec.type == CUSGD_TYPE_FLOAT32 ? (const void *)s->single : (const void *)s->value;
    int is_wide = (int)(e->spec.seed % 2);
    e->source.s = (cusgd_csr){s->start, is_wide ? (const void *)s->wide : (const void *)s->column, ones ? NULL : values,
                              e->spec.type, is_wide};
    free(bound);
}

static void make(sparse_case *s, int which, int shape)
{
    interface_spec spec = {.n = shapes[shape].n,
                           .d = shapes[shape].d,
                           .k = shapes[shape].k,
                           .precision = (cusgd_precision)(which % 2),
                           .listed = which / 2 % 2,
                           .weighted = which / 4 % 2,
                           .offset = which / 2 % 2,
                           .seed = (uint64_t)(1 + which + 8 * shape)};
    interface_spec_for(&spec, CUSGD_LOSS_LOGISTIC, which % 3 == 0);
    interface_examples_make(&spec, &s->e);
    if (which % 4 != 3) scale_columns(&s->e);
    thin(s, which % 5 == 4);
}

static void drop(sparse_case *s)
{
    interface_examples_free(&s->e);
    free(s->start);
    free(s->column);
    free(s->wide);
    free(s->single);
    free(s->value);
}

static const loss_rule logistic = {.kind = CUSGD_LOSS_LOGISTIC};

static void near(const interface_spec *s, const char *what, int64_t at, double found, double expected, double bound)
{
    if (!(fabs(found - expected) <= bound))
        interface_fail("%s: %s %d is %.17g, not %.17g to within %g", interface_describe(s), what, (int)at, found, expected,
                       bound);
}

/* ---- What is known of bound rows ---- */

static void check_rows(const backend *b, const interface_examples *e, const dataset *at)
{
    int64_t n = e->spec.n, d = e->spec.d, last = n > 1 ? n - 2 : 0, rows[] = {0, n - 1, n / 2, last};
    double *x = interface_allocate(4 * d, sizeof *x), w[4];
    interface_ok(b->ops->rows(b->self, at, rows, 4, x, w), "rows");
    for (int i = 0; i < 4; i++) {
        near(&e->spec, "weight of row", rows[i], w[i], e->w[rows[i]], 0);
        for (int64_t j = 0; j < d; j++) near(&e->spec, "x of column", j, x[i * d + j], e->x[rows[i] * d + j], 0);
    }
    free(x);
}

static void check_curvature(const backend *b, const interface_examples *e, const dataset *at)
{
    int64_t n = e->spec.n, d = e->spec.d;
    double *sums = interface_allocate(5 * d, sizeof *sums), *scale = sums + 4 * d, q1 = 0, q2 = 0;
    curvature found = {.fourth = sums, .second = sums + d};
    for (int64_t j = 0; j < d; j++) scale[j] = 1 + (double)(j % 3);
    interface_ok(b->ops->curvature(b->self, at, scale, &found), "curvature");
    for (int64_t i = 0; i < n; i++) {
        double q = 1, w = e->w[i];
        for (int64_t j = 0; j < d; j++) q += pow(scale[j] * e->x[i * d + j], 2);
        for (int64_t j = 0; j < d; j++) {
            sums[2 * d + j] += w * w * q * pow(scale[j] * e->x[i * d + j], 2);
            sums[3 * d + j] += w * pow(scale[j] * e->x[i * d + j], 2);
        }
        q1 += w * q;
        q2 += w * w * q * q;
    }
    for (int64_t j = 0; j < d; j++) {
        near(&e->spec, "fourth", j, found.fourth[j], sums[2 * d + j], 1e-12 * sums[2 * d + j]);
        near(&e->spec, "second", j, found.second[j], sums[3 * d + j], 1e-12 * sums[3 * d + j]);
    }
    near(&e->spec, "q1", 0, found.q1, q1, 1e-12 * q1);
    near(&e->spec, "q2", 0, found.q2, q2, 1e-12 * q2);
    free(sums);
}

/* ---- Steps ---- */

static run_spec spec_of(const interface_spec *s, int64_t batch, int optimizer)
{
    return (run_spec){.loss = logistic,
                      .optimizer = optimizer,
                      .d = s->d,
                      .k = s->k,
                      .batch = batch,
                      .sparse = 1,
                      .shards = 1,
                      .intercept = 1,
                      .constants.beta1 = .9,
                      .constants.beta2 = .999,
                      .constants.epsilon = 1e-8};
}

/* One step of each batch: its gradient, seen as the velocity after a step of rate 1 without momentum. */
static void check_gradients(const backend *b, const interface_examples *e, const dataset *at, cusgd_sampling sampling,
                            int64_t parts)
{
    int64_t n = e->spec.n, size = (e->spec.d + 1) * e->spec.k, *rows = interface_allocate(n, sizeof *rows);
    double *theta = interface_allocate(3 * size, sizeof *theta), *found = theta + 2 * size;
    interface_sums exact = {interface_allocate(size, sizeof(double)), interface_allocate(size, sizeof(double)), 0, 0};
    step_numbers one = {.rate = 1, .correction1 = 1, .correction2 = 1, .average = 1};
    sampler order = sampler_make(sampling, 5, (uint64_t)n, (uint64_t)parts, 1);
    batch_share share = {at, &order};
    run_spec spec = spec_of(&e->spec, (n + parts - 1) / parts, CUSGD_OPTIMIZER_MOMENTUM);
    uint64_t state = e->spec.seed;
    interface_theta(&e->spec, &state, 1 / sqrt((double)e->spec.d), theta);
    interface_ok(b->ops->start(b->self, &spec), "start");
    for (int64_t step = 0; step < parts; step++) {
        batch_span span = sampler_span(&order, (uint64_t)step);
        slice s = {&share, step, 1, &one};
        steps_report report;
        for (int64_t i = 0; i < span.count; i++) rows[i] = (int64_t)sampler_row(&order, (uint64_t)(span.first + i));
        interface_gradient(e, logistic, theta, rows, span.count, &exact);
        interface_ok(b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, theta), "put");
        interface_ok(b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, theta + size), "put"); /* zeros */
        interface_ok(b->ops->steps(b->self, &s), "steps");
        interface_ok(b->ops->report(b->self, &report), "report");
        interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, found), "get");
        near(&e->spec, "loss of step", step, report.loss, exact.loss, exact.loss_bound);
        for (int64_t u = 0; u < size; u++)
            near(&e->spec, "gradient of parameter", u, found[u], exact.gradient[u], exact.bound[u]);
    }
    free(rows);
    free(theta);
    free(exact.gradient);
    free(exact.bound);
}

/* Equal calls give equal bits, and so do steps one by one and in one slice. */
static void check_bits(const backend *b, const interface_examples *e, const dataset *at, cusgd_sampling sampling)
{
    enum { STEPS = 40, BATCHES = 41 };
    int64_t size = (e->spec.d + 1) * e->spec.k, parts = e->spec.n < BATCHES ? e->spec.n : BATCHES;
    double *theta = interface_allocate(2 * size, sizeof *theta);
    step_numbers numbers[STEPS];
    sampler order = sampler_make(sampling, 5, (uint64_t)e->spec.n, (uint64_t)parts, 1);
    batch_share share = {at, &order};
    run_spec spec = spec_of(&e->spec, (e->spec.n + parts - 1) / parts, CUSGD_OPTIMIZER_ADAM);
    int64_t steps = parts < STEPS ? parts : STEPS;
    for (int i = 0; i < STEPS; i++) numbers[i] = (step_numbers){.rate = 0.1, .correction1 = 1, .correction2 = 1, .average = 1};
    for (int run = 0; run < 3; run++) {
        steps_report report;
        double *to = theta + (run > 0) * size;
        interface_ok(b->ops->start(b->self, &spec), "start");
        for (int64_t at_once = run < 2 ? steps : 1, i = 0; i < steps; i += at_once) {
            slice s = {&share, i, at_once, numbers + i};
            interface_ok(b->ops->steps(b->self, &s), "steps");
        }
        interface_ok(b->ops->report(b->self, &report), "report");
        cr_assert_eq(report.done, steps);
        interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, to), "get");
        if (run > 0) cr_assert_arr_eq(to, theta, sizeof(double) * (size_t)size, "%s: run %d", interface_describe(&e->spec), run);
    }
    free(theta);
}

/* ---- The tests ---- */

Test(interface_sparse, passes_are_those_of_the_dense_matrix)
{
    interface_session s;
    interface_session_open(&s);
    for (int shape = 0; shape < SHAPES; shape++)
        for (int which = shape % 2; which < (interface_short() ? 2 : 8); which += 2 + which % 3) {
            sparse_case c;
            make(&c, which, shape);
            const interface_spec *spec = &c.e.spec;
            const backend *b = &s.of[spec->precision];
            double *theta = interface_allocate((spec->d + 1) * spec->k, sizeof *theta);
            uint64_t state = 3;
            interface_theta(spec, &state, 2 / sqrt((double)spec->d), theta);
            dataset *at = interface_bind(b, &c.e);
            check_rows(b, &c.e, at);
            check_curvature(b, &c.e, at);
            interface_check_objective(b, &c.e, at, logistic, theta);
            interface_check_predictions(b, &c.e, at, theta);
            b->ops->unbind(b->self, at);
            free(theta);
            drop(&c);
        }
    interface_session_close(&s);
}

Test(interface_sparse, steps_are_those_of_the_dense_matrix)
{
    static const cusgd_sampling samplings[] = {CUSGD_SAMPLING_BATCHES, CUSGD_SAMPLING_PERMUTE, CUSGD_SAMPLING_NONE};
    interface_session s;
    interface_session_open(&s);
    for (int shape = 0; shape < FOR_STEPS; shape++)
        for (int i = 0; i < (interface_short() ? 1 : 3); i++) {
            sparse_case c;
            int which = (shape * 3 + i * 5) % 8;
            make(&c, which, shape);
            const backend *b = &s.of[c.e.spec.precision];
            dataset *at = interface_bind(b, &c.e);
            check_gradients(b, &c.e, at, samplings[i], 1);
            check_gradients(b, &c.e, at, samplings[i], 3);
            check_bits(b, &c.e, at, samplings[i]);
            b->ops->unbind(b->self, at);
            drop(&c);
        }
    interface_session_close(&s);
}

/* What no device takes is refused, with the words to type. */
Test(interface_sparse, runs_are_refused)
{
    interface_spec shape = {.n = 10, .d = 4, .k = 1};
    backend b;
    interface_backend_open(CUSGD_PRECISION_FLOAT, 1, &b);
    for (int i = 0; i < 3; i++) {
        static const char *const words[] = {"use --update dense", "leave out --storage", "instead of a sweep"};
        const models alone = {.target_of = NULL};
        run_spec p = spec_of(&shape, 5, CUSGD_OPTIMIZER_SGD);
        if (i == 0) p.shards = 2, p.lazy = 1;
        if (i == 1) p.storage = CUSGD_STORAGE_BF16;
        if (i == 2) p.models = &alone;
        cusgd_status status = b.ops->refuses(b.self, &p);
        cr_assert_eq(status, CUSGD_ERROR_USAGE, "case %d", i);
        cr_assert(strstr(cusgd_last_error(), words[i]), "%s", cusgd_last_error());
    }
    b.ops->close(b.self);
}
