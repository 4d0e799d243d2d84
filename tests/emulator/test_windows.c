/* Rows that come to the emulated GPU while it takes steps (windows_ops of backend.h): the steps are those on rows that are bound
 * together, whatever is late; and each CUDA call fails in turn. CUSGD_MODULE_DIR names the module's folder. */
#include "emulated.h"
#include "interface.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static emulated_module emulated;

static void setup(void) { cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module"); }
TestSuite(windows, .init = setup, .timeout = 300);

/* Groups of GROUP positions, of which batches of BATCH rows leave some; pages of PAGE rows, of which the first KEPT stay. */
enum { GROUP = 8, GROUPS = 6, ROWS = GROUP * GROUPS, BATCH = 3, BATCHES = ROWS / BATCH, PAGE = 4, KEPT = 4, EPOCHS = 3, D = 5 };

/* The memory of a run that is the host's: a slot for each half. */
typedef struct slots {
    void *x[2], *y[2], *w[2], *list[2];
} slots;

static int64_t row_at(int64_t position) { return position / GROUP * GROUP + GROUP - 1 - position % GROUP; }

static int64_t half_start(int half) { return KEPT * PAGE + GROUP + half * (BATCH + GROUP) + BATCH; }

static sampler order_of(int64_t epoch, int64_t origin)
{
    sampler order = sampler_make(CUSGD_SAMPLING_NONE, 1, ROWS, BATCHES, (uint64_t)epoch);
    order.origin = (uint64_t)origin;
    return order;
}

/* Batches first .. end - 1 of the epoch. */
static cusgd_status take_steps(const backend *b, const dataset *at, const sampler *order, int64_t first, int64_t end)
{
    step_numbers numbers[BATCHES];
    slice s = {&(batch_share){at, order}, first, end - first, numbers};
    for (int i = 0; i < BATCHES; i++) numbers[i] = (step_numbers){.rate = 0.05, .correction1 = 1, .correction2 = 1, .average = 1};
    return b->ops->steps(b->self, &s);
}

/* Group `number` of all epochs, into its half; rows of pages that stay are sent in the first epoch alone. */
static cusgd_status load(const backend *b, const interface_examples *e, dataset *at, const slots *s, int64_t number)
{
    int half = (int)(number % 2), count = 0;
    int64_t first = number % GROUPS * GROUP, n = 0;
    row_move moves[GROUP / PAGE];
    double *x = s->x[half], *y = s->y[half], *w = s->w[half];
    cusgd_status status = number < 2 ? CUSGD_OK : b->ops->pieces.windows.await(b->self, at, half);
    for (int64_t p = 0; p < GROUP && !status; p += PAGE) {
        int64_t stays = (first + p) / PAGE < KEPT, to = stays ? first + p : KEPT * PAGE + p;
        for (int64_t i = 0; i < PAGE; i++) ((int64_t *)s->list[half])[GROUP - 1 - p - i] = to + i;
        if (stays && number >= GROUPS) continue;
        moves[count++] = (row_move){0, PAGE, to};
        for (int64_t i = 0; i < PAGE; i++, n++) {
            memcpy(x + n * D, e->source_x + (first + p + i) * D, sizeof(double) * D);
            y[n] = e->source_y[first + p + i];
            w[n] = e->source_w[first + p + i];
        }
    }
    examples sent = {.n = n, .d = D, .k = 1, .x = {x, CUSGD_TYPE_FLOAT64, D, 1}, .y = {y, CUSGD_TYPE_FLOAT64, 1, 1}};
    sent.w = (cusgd_matrix){w, CUSGD_TYPE_FLOAT64, 1, 1};
    enum { SOME = 3 };
    row_move parts[] = {{0, SOME, half_start(half)}, {0, 0, 0}, {0, GROUP - SOME, half_start(half) + SOME}};
    window_rows rows = {sent, moves, count, s->list[half], GROUP, parts, 3};
    return status ? status : b->ops->pieces.windows.load(b->self, at, half, &rows);
}

/* What the host reads for a later group is on its way to where this one was. */
static cusgd_status overwrite(const backend *b, const dataset *at, const slots *s, int half)
{
    cusgd_status status = b->ops->pieces.windows.await(b->self, at, half);
    for (int i = 0; i < GROUP * D && !status; i++) ((double *)s->x[half])[i] = (double)NAN;
    for (int i = 0; i < GROUP && !status; i++) ((int64_t *)s->list[half])[i] = 0;
    return status;
}

/* Waits for the steps. */
static cusgd_status count(const backend *b, steps_report *total)
{
    steps_report r;
    cusgd_status status = b->ops->report(b->self, &r);
    if (status) return status;
    total->rows += r.rows;
    total->done += r.done;
    total->failed |= r.failed;
    return CUSGD_OK;
}

/* While steps are taken on a group, the next one is on its way. Either may be done first: sometimes the steps are waited for. */
static cusgd_status pass(const backend *b, const interface_examples *e, dataset *at, const slots *s, steps_report *total)
{
    int64_t batch = 0;
    cusgd_status status = load(b, e, at, s, 0);
    for (int64_t number = 0; number < EPOCHS * GROUPS && !status; number++) {
        int half = (int)(number % 2);
        int64_t group = number % GROUPS, first = group * GROUP, end = (first + GROUP) / BATCH, left = first - batch * BATCH;
        int64_t one = left > 0, from = half_start(!half) + GROUP - left, to = half_start(half) - left;
        row_move move[] = {{from, one, to}, {from + one, left - one, to + one}};
        sampler order = order_of(number / GROUPS, first - half_start(half));
        status = b->ops->pieces.windows.use(b->self, at, half, move, 2);
        if (!status && number + 1 < EPOCHS * GROUPS) status = load(b, e, at, s, number + 1);
        if (!status) status = take_steps(b, at, &order, batch, end);
        if (!status && number % 4 == 3) status = count(b, total);
        if (!status) status = overwrite(b, at, s, half);
        batch = group + 1 < GROUPS ? end : 0;
    }
    return status;
}

static cusgd_status pin(const backend *b, slots *s)
{
    cusgd_status status = CUSGD_OK;
    for (int half = 0; half < 2 && !status; half++) {
        status = b->ops->pieces.windows.pin(b->self, sizeof(double) * GROUP * D, "x", &s->x[half]);
        if (!status) status = b->ops->pieces.windows.pin(b->self, sizeof(double) * GROUP, "y", &s->y[half]);
        if (!status) status = b->ops->pieces.windows.pin(b->self, sizeof(double) * GROUP, "w", &s->w[half]);
        if (!status) status = b->ops->pieces.windows.pin(b->self, sizeof(int64_t) * GROUP, "list", &s->list[half]);
    }
    return status;
}

static void unpin(const backend *b, const slots *s)
{
    for (int half = 0; half < 2; half++) {
        b->ops->pieces.windows.unpin(b->self, s->x[half]);
        b->ops->pieces.windows.unpin(b->self, s->y[half]);
        b->ops->pieces.windows.unpin(b->self, s->w[half]);
        b->ops->pieces.windows.unpin(b->self, s->list[half]);
    }
}

static run_spec spec_of_run(void)
{
    return (run_spec){.optimizer = CUSGD_OPTIMIZER_MOMENTUM, .d = D, .k = 1, .batch = BATCH, .intercept = 1};
}

/* theta at the end, and what came of all steps. */
static cusgd_status run_windows(const interface_examples *e, double theta[D + 1], steps_report *total)
{
    backend b;
    slots s = {0};
    dataset *at = NULL;
    run_spec p = spec_of_run();
    window_shape shape = {.rows = GROUP + 2 * (BATCH + GROUP), .page = PAGE, .pages = KEPT, .spare = GROUP, .most_sent = GROUP};
    cusgd_status status = backend_open("cuda", e->spec.precision, 1, &b);
    if (status) return status;
    p.storage = e->spec.storage;
    status = pin(&b, &s);
    if (!status) status = b.ops->start(b.self, &p);
    if (!status) status = b.ops->pieces.windows.open(b.self, &e->source, &e->transform, &shape, &at);
    if (!status) cr_assert_eq(shape.pages, KEPT);
    memset(total, 0, sizeof *total);
    if (!status) status = pass(&b, e, at, &s, total);
    if (!status) status = count(&b, total);
    if (!status) status = b.ops->state.get(b.self, SNAPSHOT_CURRENT, STATE_THETA, theta);
    b.ops->unbind(b.self, at);
    unpin(&b, &s);
    b.ops->close(b.self);
    return status;
}

static void run_bound(const interface_examples *e, double theta[D + 1])
{
    backend b;
    int64_t rows[ROWS];
    run_spec p = spec_of_run();
    dataset *at;
    examples source = e->source;
    for (int64_t i = 0; i < ROWS; i++) rows[i] = row_at(i);
    source.rows = rows;
    p.storage = e->spec.storage;
    interface_ok(backend_open("cuda", e->spec.precision, 1, &b), "backend_open");
    interface_ok(b.ops->bind(b.self, &source, &e->transform, &at), "bind");
    interface_ok(b.ops->start(b.self, &p), "start");
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        sampler order = order_of(epoch, 0);
        interface_ok(take_steps(&b, at, &order, 0, BATCHES), "steps");
    }
    interface_ok(b.ops->state.get(b.self, SNAPSHOT_CURRENT, STATE_THETA, theta), "get");
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
}

static interface_examples make(cusgd_precision precision, cusgd_storage storage)
{
    interface_examples e;
    interface_spec spec = {.n = ROWS,
                           .d = D,
                           .k = 1,
                           .precision = precision,
                           .storage = storage,
                           .type = precision == CUSGD_PRECISION_FLOAT ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64,
                           .weighted = 1,
                           .standardized = 2,
                           .shifted = 1,
                           .seed = 4};
    interface_examples_make(&spec, &e);
    return e;
}

static void check_steps(cusgd_precision precision, cusgd_storage storage)
{
    interface_examples e = make(precision, storage);
    double bound[D + 1], passed[D + 1];
    steps_report total;
    run_bound(&e, bound);
    interface_ok(run_windows(&e, passed, &total), "windows");
    for (int j = 0; j <= D; j++)
        if (!(passed[j] == bound[j])) interface_fail("theta %d is %.17g, not %.17g", j, passed[j], bound[j]);
    cr_assert(total.rows == EPOCHS * ROWS && total.done == EPOCHS * BATCHES && !total.failed);
    interface_examples_free(&e);
}

/* Rows of 40 bytes, and of 10, which are moved by values of 8 and of 2. */
Test(windows, emul_steps_are_those_of_bound_rows)
{
    check_steps(CUSGD_PRECISION_DOUBLE, CUSGD_STORAGE_FULL);
    check_steps(CUSGD_PRECISION_FLOAT, CUSGD_STORAGE_BF16);
}

/* Closing waits for what is under way, and has nobody to tell. */
static int is_quiet(const char *call) { return emulated_is_cleanup(call) || strcmp(call, "cudaStreamSynchronize") == 0; }

Test(windows, emul_any_call_may_fail)
{
    interface_examples e = make(CUSGD_PRECISION_DOUBLE, CUSGD_STORAGE_FULL);
    double theta[D + 1];
    int calls = 0, reported = 0;
    steps_report total;
    for (unsigned long n = 1;; n += REDUCED ? 5 : 1, calls++) {
        emulated.fail_call(n);
        cusgd_status status = run_windows(&e, theta, &total);
        const char *call = emulated.failed_call();
        char name[200];
        snprintf(name, sizeof name, "%s", call ? call : "");
        emulated.fail_call(0);
        if (!call) break;
        if (!status && !is_quiet(name)) interface_fail("call %lu, %s, failed, and nobody said so", n, name);
        if (status && !emulated_is_named(cusgd_last_error(), name))
            interface_fail("call %lu, %s: status %d, and the message is: %s", n, name, (int)status, cusgd_last_error());
        if (emulated.live_bytes() || emulated.live_objects())
            interface_fail("call %lu, %s, failed: %zu bytes and %zu objects are leaked", n, name, emulated.live_bytes(),
                           emulated.live_objects());
        reported += status != CUSGD_OK;
    }
    cr_assert(reported > 3 * calls / 4, "of %d faults %d were reported", calls, reported);
    interface_examples_free(&e);
}
