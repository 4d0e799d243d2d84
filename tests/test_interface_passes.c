/* The device interface's passes over all rows at given parameters, objective and predict, and the bits of all of them. See device
 * interface.h.
 */
#include "interface.h"
#include "scalar/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t sizes[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 61, 127, 1000};
static const int64_t outputs[] = {1, 2, 3, 17};
enum { SIZES = sizeof sizes / sizeof *sizes, OUTPUTS = sizeof outputs / sizeof *outputs };

/* ---- objective and predict ---- */

enum { KIND, LOSS, WEIGHTED, STANDARDIZED, LISTED, IN_PLACE, K, N, D, OFFSET };
static const interface_factor pass_factors[] = {{"kind", INTERFACE_KINDS, 1},
                                                {"loss", INTERFACE_LOSSES, 1},
                                                {"weighted", 2, 1},
                                                {"standardized", 3, 1},
                                                {"listed", 2, 1},
                                                {"in place", 2, 1},
                                                {"k", OUTPUTS, 1},
                                                {"n", SIZES, 1},
                                                {"d", SIZES, 0},
                                                {"offset", 2, 1},
                                                {NULL, 0, 0}};

static void pass_visit(const int *level, void *context)
{
    interface_session *s = context;
    interface_spec spec = {.n = sizes[level[N]],
                           .d = sizes[level[D]],
                           .k = outputs[level[K]],
                           .precision = interface_precision(level[KIND]),
                           .storage = interface_storage(level[KIND]),
                           .listed = level[LISTED],
                           .weighted = level[WEIGHTED],
                           .standardized = level[STANDARDIZED],
                           .offset = level[OFFSET],
                           .seed = 300 + ++s->cases};
    interface_spec_for(&spec, (cusgd_loss)level[LOSS], level[IN_PLACE]);
    const backend *b = &s->of[spec.precision];
    double *theta = interface_allocate((spec.d + 1) * spec.k, sizeof(double));
    uint64_t state = spec.seed;
    interface_examples e;
    interface_theta(&spec, &state, 2 / sqrt((double)(spec.d + 1)), theta);
    interface_examples_make(&spec, &e);
    dataset *at = interface_bind(b, &e);
    interface_check_objective(b, &e, at, interface_loss(level[LOSS]), theta);
    interface_check_predictions(b, &e, at, theta);
    b->ops->unbind(b->self, at);
    interface_examples_free(&e);
    free(theta);
}

Test(interface_passes, objective_gradient_and_predictions)
{
    interface_session s;
    interface_session_open(&s);
    interface_cover(pass_factors, 5, pass_visit, &s);
    interface_session_close(&s);
}

/* Many chunks of rows, and columns by the thousand; the run under way is not touched. */
Test(interface_passes, many_rows_many_columns)
{
    interface_session s;
    interface_session_open(&s);
    static const int64_t shapes[][3] = {{70000, 3, 1}, {9000, 61, 2}, {100, 5000, 1}};
    for (int i = 0; i < 9; i++) {
        const int64_t *shape = shapes[i / 3];
        int kind = i % 3;
        interface_spec spec = {.n = shape[0],
                               .d = shape[1],
                               .k = shape[2],
                               .precision = interface_precision(kind),
                               .storage = interface_storage(kind),
                               .type = (cusgd_type)(kind % 2),
                               .weighted = 1,
                               .seed = 40};
        const backend *b = &s.of[spec.precision];
        run_spec p = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = spec.d, .k = spec.k, .batch = 1};
        int64_t size = (spec.d + 1) * spec.k;
        double *theta = interface_allocate(size, sizeof(double)), *kept = interface_allocate(size, sizeof(double));
        uint64_t state = 7;
        interface_examples e;
        interface_theta(&spec, &state, 1 / sqrt((double)spec.d), theta);
        interface_examples_make(&spec, &e);
        dataset *at = interface_bind(b, &e);
        interface_ok(b->ops->start(b->self, &p), "start");
        interface_ok(b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, theta), "put");
        interface_check_objective(b, &e, at, interface_loss(CUSGD_LOSS_SQUARED), theta);
        interface_check_predictions(b, &e, at, theta);
        interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, kept), "get");
        cr_assert(memcmp(theta, kept, sizeof(double) * (size_t)size) == 0, "the parameters of the run have changed");
        b->ops->unbind(b->self, at);
        interface_examples_free(&e);
        free(theta);
        free(kept);
    }
    interface_session_close(&s);
}

/* A logistic loss neither overflows nor loses a small value, far out on either side. */
/* The pass over a set whose rows are bound piece by piece; sums: fourth, second, q2, q1. Returns the pieces. */
static int pass_in_pieces(const backend *b, const interface_examples *e, int64_t room, const double *theta, double *value,
                          double *gradient, curvature *sums)
{
    dataset *piece = NULL;
    const interface_spec *s = &e->spec;
    enum full_pass pass = sums ? PASS_CURVATURE : PASS_OBJECTIVE;
    int pieces = 0;
    for (int64_t first = 0, end; first < s->n; first = end, pieces++) {
        end = b->ops->pieces.end(b->self, pass, s->n, s->d, s->k, first, room);
        cr_assert(end > first && end <= s->n && end - first <= room, "a piece of rows %d to %d", (int)first, (int)end);
        examples rows = examples_piece(&e->source, first, end - first);
        piece_of at = {first, s->n};
        interface_ok(b->ops->pieces.bind_again(b->self, &rows, &e->transform, &piece), "bind_again");
        if (sums)
            interface_ok(b->ops->pieces.curvature(b->self, piece, at, NULL, sums), "a piece's curvature");
        else
            interface_ok(b->ops->pieces.objective(b->self, piece, at, interface_loss(CUSGD_LOSS_SQUARED), theta, value, gradient),
                         "a piece's objective");
    }
    b->ops->unbind(b->self, piece);
    return pieces;
}

/* It has the bits of the pass over all rows. */
Test(interface_passes, pieces)
{
    enum { ROWS = 70001, COLUMNS = 3, SIZE = COLUMNS + 1 };
    interface_session s;
    interface_session_open(&s);
    for (int kind = 0; kind < INTERFACE_KINDS - 1; kind++) {
        interface_spec spec = {.n = ROWS,
                               .d = COLUMNS,
                               .k = 1,
                               .precision = interface_precision(kind),
                               .storage = interface_storage(kind),
                               .weighted = 1,
                               .standardized = kind == 1,
                               .seed = 41};
        const backend *b = &s.of[spec.precision];
        double theta[SIZE] = {0.5, -1, 2, 0.25}, value[2], gradient[2][SIZE], sums[2][2 * COLUMNS];
        curvature whole = {sums[0], sums[0] + COLUMNS, 0, 0}, parts = {sums[1], sums[1] + COLUMNS, 0, 0};
        interface_examples e;
        interface_examples_make(&spec, &e);
        dataset *at = interface_bind(b, &e);
        loss_rule loss = interface_loss(CUSGD_LOSS_SQUARED);
        interface_ok(b->ops->objective(b->self, at, loss, theta, &value[0], gradient[0]), "objective");
        interface_ok(b->ops->curvature(b->self, at, NULL, &whole), "curvature");
        b->ops->unbind(b->self, at);
        cr_assert_geq(pass_in_pieces(b, &e, 66000, theta, &value[1], gradient[1], NULL), 2);
        cr_assert_geq(pass_in_pieces(b, &e, 20000, theta, NULL, NULL, &parts), 4);
        cr_assert(!memcmp(&value[0], &value[1], sizeof *value) && !memcmp(gradient[0], gradient[1], sizeof *gradient));
        cr_assert(!memcmp(sums[0], sums[1], sizeof *sums) && !memcmp(&whole.q2, &parts.q2, sizeof whole.q2) &&
                  !memcmp(&whole.q1, &parts.q1, sizeof whole.q1));
        interface_examples_free(&e);
    }
    interface_session_close(&s);
}

Test(interface_passes, logistic_loss_far_out)
{
    interface_session s;
    interface_session_open(&s);
    for (int precision = 0; precision < 2; precision++) {
        interface_spec spec = {.n = 64, .d = 2, .k = 1, .precision = (cusgd_precision)precision, .binary = 1, .seed = 41};
        const backend *b = &s.of[precision];
        interface_examples e;
        interface_examples_make(&spec, &e);
        dataset *at = interface_bind(b, &e);
        for (int i = -3; i <= 3; i++) {
            double theta[3] = {0.5, -0.25, 25.0 * i};
            interface_check_objective(b, &e, at, interface_loss(CUSGD_LOSS_LOGISTIC), theta);
        }
        b->ops->unbind(b->self, at);
        interface_examples_free(&e);
    }
    interface_session_close(&s);
}

/* ---- Equal bits ---- */

enum { BITS_N = 3000, BITS_D = 137, BITS_K = 2, BITS_SIZE = (BITS_D + 1) * BITS_K };

/* What a backend makes of one problem, doubles all: parameters after some steps, gradient, predictions, sums, moments. */
typedef struct outcome {
    double theta[BITS_SIZE], gradient[BITS_SIZE], predictions[BITS_N * BITS_K], fourth[BITS_D], second[BITS_D], q[2];
    double mean[BITS_D], variance[BITS_D], target[BITS_K], weight, value, loss, x[BITS_N * 7], y[BITS_N];
} outcome;

static void outcome_of(int kind, int threads, outcome *o)
{
    cusgd_precision precision = interface_precision(kind);
    interface_spec spec = {.n = BITS_N,
                           .d = BITS_D,
                           .k = BITS_K,
                           .precision = precision,
                           .storage = interface_storage(kind),
                           .type = (cusgd_type)precision,
                           .weighted = 1,
                           .binary = 1,
                           .seed = 60};
    run_spec p = {.loss.kind = CUSGD_LOSS_LOGISTIC,
                  .optimizer = CUSGD_OPTIMIZER_ADAM,
                  .d = BITS_D,
                  .k = BITS_K,
                  .storage = interface_storage(kind),
                  .batch = 1000,
                  .intercept = 1,
                  .constants.beta1 = 0.9,
                  .constants.beta2 = 0.999,
                  .constants.epsilon = 1e-8,
                  .constants.l1 = 1e-3,
                  .constants.l2 = 1e-2};
    cusgd_generator g = {.rows = BITS_N,
                         .cols = 7,
                         .outputs = 1,
                         .informative = 7,
                         .noise = 1,
                         .condition = 50,
                         .seed = 3,
                         .type = (cusgd_type)precision};
    sampler order = sampler_make(CUSGD_SAMPLING_PERMUTE, 1, BITS_N, 3, 0);
    step_numbers numbers[3] = {{0.01, 0, 10, 1000, 0, 1}, {0.01, 0, 5.3, 500, 0, 1}, {0.01, 0, 3.7, 333, 0, 1}};
    curvature sums = {o->fourth, o->second, 0, 0};
    steps_report report;
    backend b;
    interface_examples e;
    interface_backend_open(precision, threads, &b);
    interface_examples_make(&spec, &e);
    dataset *at = interface_bind(&b, &e);
    slice s = {&(batch_share){at, &order}, 0, 3, numbers};
    interface_ok(b.ops->start(b.self, &p), "start");
    interface_ok(b.ops->steps(b.self, &s), "steps");
    interface_ok(b.ops->report(b.self, &report), "report");
    interface_ok(b.ops->state.get(b.self, SNAPSHOT_CURRENT, STATE_THETA, o->theta), "get");
    interface_ok(b.ops->objective(b.self, at, p.loss, o->theta, &o->value, o->gradient), "objective");
    interface_ok(b.ops->predict(b.self, at, o->theta, o->predictions), "predict");
    interface_ok(b.ops->curvature(b.self, at, NULL, &sums), "curvature");
    interface_ok(b.ops->moments(b.self, &e.source, o->mean, o->variance, o->target, &o->weight), "moments");
    interface_generated(&b, &g, o->theta, 0, BITS_N, o->x, o->y);
    o->loss = report.loss;
    o->q[0] = sums.q1;
    o->q[1] = sums.q2;
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
    interface_examples_free(&e);
}

/* The instruction set is the CPU's affair, and what the machine lacks falls back to what it has; other devices repeat themselves.
 */
Test(interface_passes, threads_and_instruction_sets_do_not_change_a_bit)
{
    static const char *const isa[] = {"baseline", "avx2", "avx512"};
    static const int threads[] = {1, 2, 5};
    outcome *first = interface_allocate(1, sizeof *first), *other = interface_allocate(1, sizeof *other);
    for (int kind = 0; kind < INTERFACE_KINDS - 1; kind++)
        for (int i = 0; i < 9; i++) {
            cr_assert(setenv("CUSGD_ISA", isa[i / 3], 1) == 0);
            outcome_of(kind, threads[i % 3], i == 0 ? first : other);
            const double *a = (const double *)first, *b = (const double *)(i == 0 ? first : other);
            for (size_t at = 0; at < sizeof *first / sizeof *a; at++)
                if (a[at] != b[at])
                    interface_fail("kind %d: %s with %d threads differs from baseline with 1: number %d is %.17g, not %.17g",
                                   kind, isa[i / 3], threads[i % 3], (int)at, b[at], a[at]);
        }
    free(first);
    free(other);
}

/* ---- The bits of rows kept as bf16 ---- */

/* What some steps, and passes over all rows, come to at the same theta. */
typedef struct passed {
    double loss, value, *theta, *gradient, *predictions, *hessian, *fourth;
} passed;

static passed pass_over(const backend *b, const examples *source, const transform *t)
{
    int64_t n = source->n, d = source->d, k = source->k, size = (d + 1) * k;
    run_spec p = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = d, .k = k, .batch = 700, .intercept = 1, .storage = t->storage};
    step_numbers numbers[3] = {{.rate = 0.01}, {.rate = 0.01}, {.rate = 0.01}};
    passed o = {.theta = interface_allocate(size, sizeof(double)),
                .gradient = interface_allocate(size, sizeof(double)),
                .predictions = interface_allocate(n * k, sizeof(double)),
                .hessian = interface_allocate((d + 1) * (d + 1), sizeof(double)),
                .fourth = interface_allocate(2 * d, sizeof(double))};
    curvature sums = {o.fourth, o.fourth + d, 0, 0};
    steps_report report;
    dataset *at = NULL;
    interface_ok(b->ops->bind(b->self, source, t, &at), "bind");
    interface_ok(b->ops->start(b->self, &p), "start");
    for (int i = 0; i < 2; i++) {
        sampler order = sampler_make(i ? CUSGD_SAMPLING_NONE : CUSGD_SAMPLING_PERMUTE, 1, (uint64_t)n, 3, 0);
        slice s = {&(batch_share){at, &order}, 0, 3, numbers};
        interface_ok(b->ops->steps(b->self, &s), "steps");
    }
    interface_ok(b->ops->report(b->self, &report), "report");
    interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, o.theta), "get");
    interface_ok(b->ops->objective(b->self, at, p.loss, o.theta, &o.value, o.gradient), "objective");
    interface_ok(b->ops->predict(b->self, at, o.theta, o.predictions), "predict");
    interface_ok(b->ops->hessian(b->self, at, p.loss, NULL, o.hessian), "hessian");
    interface_ok(b->ops->curvature(b->self, at, NULL, &sums), "curvature");
    o.loss = report.loss;
    b->ops->unbind(b->self, at);
    return o;
}

static void passed_free(passed *o)
{
    free(o->theta);
    free(o->gradient);
    free(o->predictions);
    free(o->hessian);
    free(o->fourth);
}

static void check_same_values(const double *a, const double *b, int64_t count, const char *what)
{
    if (memcmp(a, b, sizeof(double) * (size_t)count)) interface_fail("%s: rows kept as bf16 give other bits than as float", what);
}

/* The CPU widens as it reads, and adds in the same order: so the bits are those of the floats that the rows are. */
Test(interface_passes, bf16_rows_give_the_bits_of_the_floats_that_they_are)
{
    static const int64_t many[] = {1, 3, 17};
    backend b;
    interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
    for (int i = 0; i < 3 && strncmp(b.name, "CPU", 3) == 0; i++) {
        interface_spec spec = {.n = 2000, .d = 61, .k = many[i], .storage = CUSGD_STORAGE_BF16, .standardized = 1, .seed = 80};
        int64_t values = spec.n * spec.d;
        interface_examples e;
        interface_examples_make(&spec, &e);
        float *x = interface_allocate(values, sizeof *x);
        for (int64_t j = 0; j < values; j++) x[j] = (float)e.x[j];
        examples rounded = e.source;
        rounded.x = (cusgd_matrix){x, CUSGD_TYPE_FLOAT32, spec.d, 1};
        transform none = {.weight_mean = 1};
        passed kept = pass_over(&b, &e.source, &e.transform), full = pass_over(&b, &rounded, &none);
        check_same_values(&kept.loss, &full.loss, 1, "losses of steps");
        check_same_values(&kept.value, &full.value, 1, "objective");
        check_same_values(kept.theta, full.theta, (spec.d + 1) * spec.k, "theta");
        check_same_values(kept.gradient, full.gradient, (spec.d + 1) * spec.k, "gradient");
        check_same_values(kept.predictions, full.predictions, spec.n * spec.k, "predictions");
        check_same_values(kept.hessian, full.hessian, (spec.d + 1) * (spec.d + 1), "second derivatives");
        check_same_values(kept.fourth, full.fourth, 2 * spec.d, "curvature");
        passed_free(&kept);
        passed_free(&full);
        free(x);
        interface_examples_free(&e);
    }
    b.ops->close(b.self);
}

/* ---- read_bandwidth ---- */

/* That all of the memory was read is checked by the operation itself (tests/emulator/faults.cmake plants a kernel that does not).
 */
Test(interface_passes, read_bandwidth)
{
    static const int64_t bytes[] = {1, 15, 16, 17, 128, 1000, 100001, 1 << 20};
    interface_session s;
    interface_session_open(&s);
    for (int p = 0; p < 2; p++)
        for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
            double rate = (double)NAN;
            interface_ok(s.of[p].ops->tools.read_bandwidth(s.of[p].self, bytes[i], &rate), "read_bandwidth");
            cr_assert(isfinite(rate) && rate > 0, "%d bytes at %g bytes per second", (int)bytes[i], rate);
        }
    interface_session_close(&s);
}
