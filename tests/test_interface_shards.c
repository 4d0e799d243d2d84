/* Steps over shards: the tree by which the sums over them are added, on every engine that takes shards; that slices of many steps
 * give the bits of single ones; batches from which some shards have no row; and a loss that is not finite. */
#include "interface.h"
#include "scalar/shards.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int counts[] = {1, 2, 3, 4, 5, 7, 8};
enum { COUNTS = sizeof counts / sizeof counts[0], MOST = 8 };

static int is_cuda(void)
{
    const char *device = getenv("CUSGD_INTERFACE_DEVICE");
    return device && strncmp(device, "cuda", 4) == 0;
}

/* Of a CPU, which has one way, the first. */
static const cusgd_engine engines[] = {CUSGD_ENGINE_CUBLAS, CUSGD_ENGINE_FUSED};
static int engine_count(int64_t k) { return is_cuda() && k == 1 ? 2 : 1; }

/* ---- One step ------------------------------------------------------------------------------------------------------------ */

enum { MAX_SIZE = 82 };

typedef struct rows {
    int64_t each; /* of a shard; a power of 2, so that the sum of gradients follows from their mean without rounding */
    int64_t d, k;
    double *x, *y;
} rows;

static rows rows_make(int64_t each, int shards, int64_t d, int64_t k, uint64_t *seed)
{
    int64_t n = shards * each;
    rows r = {each, d, k, interface_allocate(n * d, sizeof(double)), interface_allocate(n * k, sizeof(double))};
    for (int64_t i = 0; i < n * d; i++) r.x[i] = interface_uniform(seed);
    for (int64_t i = 0; i < n * k; i++) r.y[i] = interface_uniform(seed) > -0.2;
    return r;
}

static void rows_free(rows *r)
{
    free(r->x);
    free(r->y);
}

static examples examples_of(const rows *r, int first, int count)
{
    return (examples){.n = count * r->each,
                      .d = r->d,
                      .k = r->k,
                      .x = {r->x + first * r->each * r->d, CUSGD_TYPE_FLOAT64, r->d, 1},
                      .y = {r->y + first * r->each * r->k, CUSGD_TYPE_FLOAT64, r->k, 1}};
}

static dataset *bind(const backend *b, const rows *r, int first)
{
    const transform plain = {.weight_mean = 1};
    examples e = examples_of(r, first, 1);
    dataset *at = NULL;
    interface_ok(b->ops->bind(b->self, &e, &plain, &at), "bind");
    return at;
}

/* The gradient and the loss of a step on shards first .. first + count - 1, each of which is one share. */
static double step_on(const backend *b, cusgd_engine engine, const rows *r, int first, int count, double *gradient)
{
    const run_spec p = {.loss = {.kind = CUSGD_LOSS_LOGISTIC},
                        .optimizer = CUSGD_OPTIMIZER_MOMENTUM,
                        .d = r->d,
                        .k = r->k,
                        .batch = count * r->each,
                        .shards = count,
                        .intercept = 1,
                        .engine = engine};
    step_numbers one = {.rate = 1, .correction1 = 1, .correction2 = 1, .average = 1};
    double theta[MAX_SIZE];
    sampler orders[MOST];
    batch_share shares[MOST];
    dataset *at[MOST];
    steps_report report;
    for (int u = 0; u < (r->d + 1) * r->k; u++) theta[u] = 0.125 * (u % 7 - 3);
    for (int h = 0; h < count; h++) {
        at[h] = bind(b, r, first + h);
        orders[h] = sampler_of_shard(CUSGD_SAMPLING_NONE, 1,
                                     (shard_of_rows){(uint64_t)p.batch, (uint64_t)p.d, (uint64_t)count, (uint64_t)h}, 1, 0);
        shares[h] = (batch_share){at[h], &orders[h]};
    }
    slice s = {shares, 0, 1, &one};
    interface_ok(b->ops->start(b->self, &p), "start");
    interface_ok(b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, theta), "put");
    interface_ok(b->ops->steps(b->self, &s), "steps");
    interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, gradient), "get");
    interface_ok(b->ops->report(b->self, &report), "report");
    cr_assert(report.done == 1 && report.rows == p.batch && !report.failed);
    for (int h = 0; h < count; h++) b->ops->unbind(b->self, at[h]);
    return report.loss;
}

/* values[first .. first + count - 1] by a tree whose left part has the largest power of 2 of them below count; rounds: to float.
 */
static double tree_of(const double *values, int first, int count, int rounds)
{
    int left = 1;
    if (count == 1) return values[first];
    while (2 * left < count) left *= 2;
    double sum = tree_of(values, first, left, rounds) + tree_of(values, first + left, count - left, rounds);
    return rounds ? (double)(float)sum : sum;
}

static void check_tree(const backend *b, const rows *r, cusgd_precision precision, cusgd_engine engine, int most)
{
    int single = precision == CUSGD_PRECISION_FLOAT;
    double alone[MOST][MAX_SIZE], losses[MOST], together[MAX_SIZE], sums[MOST];
    for (int h = 0; h < most; h++) losses[h] = step_on(b, engine, r, h, 1, alone[h]);
    for (int k = 0; k < COUNTS && counts[k] <= most; k++) {
        double loss = step_on(b, engine, r, 0, counts[k], together), all = (double)(counts[k] * r->each);
        cr_assert_eq(loss, tree_of(losses, 0, counts[k], 0), "engine %d, %d shards: the loss", (int)engine, counts[k]);
        for (int u = 0; u < (r->d + 1) * r->k; u++) {
            for (int h = 0; h < most; h++) sums[h] = alone[h][u] * (double)r->each;
            double expected = tree_of(sums, 0, counts[k], single) / all;
            if (single) expected = (double)(float)expected;
            cr_assert_eq(together[u], expected, "engine %d, %d shards of %d rows, parameter %d: %.17g, not %.17g", (int)engine,
                         counts[k], (int)r->each, u, together[u], expected);
        }
    }
}

static void check_rows_of(const rows *r, int threads, int most)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        interface_backend_open((cusgd_precision)precision, threads, &b);
        for (int e = 0; e < engine_count(r->k); e++) check_tree(&b, r, (cusgd_precision)precision, engines[e], most);
        b.ops->close(b.self);
    }
}

Test(interface_shards, sums_are_added_by_the_tree)
{
    uint64_t seed = 5;
    for (int64_t each = 8; each <= 512; each *= 64) /* one chunk or part a share, and several */
        for (int k = 1; k <= 2; k++) {
            rows r = rows_make(each, MOST, 40, k, &seed);
            for (int threads = 1; threads <= (is_cuda() ? 1 : 3); threads += 2) check_rows_of(&r, threads, MOST);
            rows_free(&r);
        }
}

/* Shares that a GPU's products take in pieces. */
Test(interface_shards, long_shares)
{
    uint64_t seed = 6;
    backend b;
    rows r = rows_make(1 << 17, 2, 1, 1, &seed);
    interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
    check_tree(&b, &r, CUSGD_PRECISION_FLOAT, CUSGD_ENGINE_CUBLAS, 2);
    b.ops->close(b.self);
    rows_free(&r);
}

/* ---- Runs ---------------------------------------------------------------------------------------------------------------- */

enum { N = 103, D = 9, BATCHES = 21, EPOCHS = 2, STEPS = EPOCHS * BATCHES, SIZE = D + 1 };

typedef struct trial {
    const backend *b;
    cusgd_engine engine;
    cusgd_sampling sampling;
    int shards, bad; /* a row whose target makes the loss infinite; -1: none */
    int at_once;     /* steps of a slice, at most */
    double theta[SIZE], average[SIZE];
    steps_report report;
} trial;

static dataset *bind_shard(const trial *t, const double *x, const double *y, int number)
{
    uint64_t shards = (uint64_t)t->shards, at = (uint64_t)number;
    int64_t first = (int64_t)shard_start(N, shards, at);
    const transform plain = {.weight_mean = 1};
    dataset *out = NULL;
    examples e = {.n = (int64_t)shard_rows(N, shards, at),
                  .d = D,
                  .k = 1,
                  .x = {x + first * D, CUSGD_TYPE_FLOAT64, D, 1},
                  .y = {y + first, CUSGD_TYPE_FLOAT64, 1, 1}};
    interface_ok(t->b->ops->bind(t->b->self, &e, &plain, &out), "bind");
    return out;
}

static void run_epoch(const trial *t, dataset *const *at, uint64_t epoch)
{
    sampler orders[MOST];
    batch_share shares[MOST];
    step_numbers numbers[BATCHES];
    for (int s = 0; s < BATCHES; s++)
        numbers[s] = (step_numbers){
            .rate = 0.01 + 0.001 * s, .momentum = 0.9, .correction1 = 1.5, .correction2 = 2, .average = 1 / (1.0 + s)};
    for (int h = 0; h < t->shards; h++) {
        orders[h] = sampler_of_shard(t->sampling, 7, (shard_of_rows){N, 1, (uint64_t)t->shards, (uint64_t)h}, BATCHES, epoch);
        shares[h] = (batch_share){at[h], &orders[h]};
    }
    for (int s = 0; s < BATCHES; s += t->at_once) {
        slice some = {shares, s, s + t->at_once < BATCHES ? t->at_once : BATCHES - s, numbers + s};
        interface_ok(t->b->ops->steps(t->b->self, &some), "steps");
    }
}

static void run_trial(trial *t)
{
    uint64_t seed = 11;
    double x[N * D], y[N];
    dataset *at[MOST];
    const backend *b = t->b;
    run_spec p = {.loss = {.kind = CUSGD_LOSS_SQUARED},
                  .optimizer = CUSGD_OPTIMIZER_NESTEROV,
                  .d = D,
                  .k = 1,
                  .batch = (N + BATCHES - 1) / BATCHES,
                  .shards = t->shards,
                  .intercept = 1,
                  .average = 1,
                  .constants.l2 = 0.01,
                  .engine = t->engine};
    for (int i = 0; i < N * D; i++) x[i] = interface_uniform(&seed);
    for (int i = 0; i < N; i++) y[i] = x[i * D] - 2 * x[i * D + 1] + interface_uniform(&seed);
    if (t->bad >= 0) y[t->bad] = 1e300; /* not finite in float */
    for (int h = 0; h < t->shards; h++) at[h] = bind_shard(t, x, y, h);
    interface_ok(b->ops->start(b->self, &p), "start");
    for (int e = 0; e < EPOCHS; e++) run_epoch(t, at, (uint64_t)e);
    interface_ok(b->ops->report(b->self, &t->report), "report");
    interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, t->theta), "get");
    interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_AVERAGE, t->average), "get");
    for (int h = 0; h < t->shards; h++) b->ops->unbind(b->self, at[h]);
}

static void check_same(const trial *a, const trial *b)
{
    cr_assert(memcmp(a->theta, b->theta, sizeof a->theta) == 0 && memcmp(a->average, b->average, sizeof a->average) == 0,
              "engine %d, sampling %d, %d shards: %d steps at once: %.17g, not %.17g", (int)a->engine, (int)a->sampling,
              a->shards, b->at_once, b->theta[0], a->theta[0]);
    cr_assert_eq(a->report.loss, b->report.loss);
    cr_assert(a->report.done == b->report.done && a->report.rows == b->report.rows);
}

/* Batches of 4 or 5 rows: of 8 shards some have none of them. Against the CPU the trajectory is the same but for rounding. */
Test(interface_shards, slices_of_any_length)
{
    backend b, cpu;
    interface_backend_open(CUSGD_PRECISION_DOUBLE, 2, &b);
    interface_ok(cpu_backend_open(CUSGD_PRECISION_DOUBLE, 1, &cpu), "the CPU");
    static const cusgd_sampling samplings[] = {CUSGD_SAMPLING_PERMUTE, CUSGD_SAMPLING_NONE, CUSGD_SAMPLING_REPLACE_BLOCKS,
                                               CUSGD_SAMPLING_BLOCKS, CUSGD_SAMPLING_PAGES};
    for (int e = 0; e < engine_count(1); e++)
        for (int m = 0; m < (e ? 2 : 5); m++)
            for (int shards = 2; shards <= MOST; shards = shards < 3 ? shards + 1 : shards + 5) {
                trial one = {&b, engines[e], samplings[m], shards, -1, 1, {0}, {0}, {.done = 0}}, all = one, other = one;
                all.at_once = BATCHES;
                other.b = &cpu;
                run_trial(&one);
                run_trial(&all);
                run_trial(&other);
                check_same(&one, &all);
                cr_assert(one.report.done == STEPS && one.report.rows == other.report.rows && !one.report.failed);
                for (int u = 0; u < SIZE; u++)
                    cr_assert_float_eq(one.theta[u], other.theta[u], 1e-11, "engine %d, sampling %d, %d shards: %.17g, not %.17g",
                                       (int)engines[e], (int)samplings[m], shards, one.theta[u], other.theta[u]);
            }
    cpu.ops->close(cpu.self);
    b.ops->close(b.self);
}

/* The step whose share of the last shard has a bad row does nothing, and neither do those after it. */
Test(interface_shards, a_loss_that_is_not_finite)
{
    backend b;
    interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
    for (int e = 0; e < engine_count(1); e++) {
        int64_t done[2];
        for (int bad = 0; bad < 2; bad++) {
            trial one = {&b, engines[e], CUSGD_SAMPLING_NONE, 3, bad ? N - 1 : N / 2, 1, {0}, {0}, {.done = 0}}, all = one;
            all.at_once = BATCHES;
            run_trial(&one);
            run_trial(&all);
            check_same(&one, &all);
            cr_assert(one.report.failed && all.report.failed && isfinite(one.theta[0]) && isfinite(one.report.loss));
            done[bad] = one.report.done;
        }
        cr_assert(done[1] == BATCHES - 1 && done[0] < done[1] && done[0] > 0, "%d and %d steps", (int)done[0], (int)done[1]);
    }
    b.ops->close(b.self);
}

/* What a GPU takes without shards alone. */
Test(interface_shards, what_is_refused)
{
    backend b;
    run_spec p = {.d = 5, .k = 1, .batch = 10, .shards = 2, .engine = CUSGD_ENGINE_PERSISTENT};
    models m = {0};
    interface_backend_open(CUSGD_PRECISION_FLOAT, 1, &b);
    cusgd_status expected = is_cuda() ? CUSGD_ERROR_USAGE : CUSGD_OK;
    cr_assert_eq(b.ops->refuses(b.self, &p), expected);
    if (is_cuda()) cr_assert(strstr(cusgd_last_error(), "more than one shard"), "%s", cusgd_last_error());
    p.engine = CUSGD_ENGINE_AUTO;
    cr_assert_eq(b.ops->refuses(b.self, &p), CUSGD_OK);
    p.models = &m;
    cr_assert_eq(b.ops->refuses(b.self, &p), expected);
    if (is_cuda()) cr_assert(strstr(cusgd_last_error(), "without shards"), "%s", cusgd_last_error());
    b.ops->close(b.self);
}
