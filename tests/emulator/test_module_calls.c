/* The CUDA module where every CUDA call in turn fails: it is reported, nothing is leaked, and the next run is well. */
#include "emulated.h"
#include "interface.h"
#include "training.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static emulated_module emulated;

static void setup(void) { cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module"); }
TestSuite(module_calls, .init = setup);

/* How many calls further the next one is that fails; a run under a sanitizer takes ten times as long. */
static unsigned long stride(unsigned long sample) { return interface_torture() ? 1 : REDUCED ? 4 * sample : sample; }

enum { N = 150, D = 5, K = 2, BATCH = 4, STEPS = 38, DRAWN = 20 };

/* The run over examples of its own, as far as it comes. note: what the report says of it; "" if nothing. */
static cusgd_status work(const backend *b, const interface_examples *e, const dataset *at, char note[512])
{
    double theta[(D + 1) * K] = {0.5}, rate_factor[(D + 1) * K], value, gradient[(D + 1) * K], out[N * K], x[DRAWN * D],
                           y[DRAWN * K];
    double hessian[(D + 1) * (D + 1) * K], mean[D], variance[D], target[K], weight, fourth[D], second[D];
    int64_t rows[2] = {3, 1};
    int failed;
    step_numbers numbers[STEPS];
    steps_report report;
    curvature sums = {fourth, second, 0, 0};
    cusgd_generator g = {.rows = DRAWN, .cols = D, .outputs = K, .noise = 1, .condition = 9, .type = CUSGD_TYPE_FLOAT64};
    run_spec p = {.optimizer = CUSGD_OPTIMIZER_NESTEROV,
                  .d = D,
                  .k = K,
                  .batch = BATCH,
                  .intercept = 1,
                  .average = 1,
                  .rate_factor = rate_factor};
    sampler order = sampler_make(CUSGD_SAMPLING_PERMUTE, 3, N, STEPS, 1);
    sampler plain = sampler_make(CUSGD_SAMPLING_NONE, 3, N, STEPS, 1);
    slice s = {&(batch_share){at, &order}, 0, STEPS, numbers},
          in_order = {&(batch_share){at, &plain}, 0, STEPS, numbers}; /* a graph each */
    for (int u = 0; u < (D + 1) * K; u++) rate_factor[u] = 1;
    for (int t = 0; t < STEPS; t++)
        numbers[t] = (step_numbers){.rate = 0.01, .momentum = 0.5, .correction1 = 1, .correction2 = 1, .average = 1};
    cusgd_status status = b->ops->moments(b->self, &e->source, mean, variance, target, &weight);
    if (!status) status = b->ops->curvature(b->self, at, mean, &sums);
    if (!status) status = b->ops->rows(b->self, at, rows, 2, x, y);
    if (!status) status = b->ops->start(b->self, &p);
    if (!status) status = b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, theta);
    if (!status) status = b->ops->state.copy(b->self, SNAPSHOT_BEST, SNAPSHOT_CURRENT);
    if (!status) status = b->ops->steps(b->self, &s);
    if (!status) status = b->ops->steps(b->self, &in_order);
    if (!status) status = b->ops->wait(b->self, &failed);
    if (!status) status = b->ops->report(b->self, &report);
    if (!status && report.note) snprintf(note, 512, "%s", report.note);
    if (!status) status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, theta);
    if (!status) status = b->ops->objective(b->self, at, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, theta, &value, gradient);
    if (!status) status = b->ops->hessian(b->self, at, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, NULL, hessian);
    if (!status) status = b->ops->predict(b->self, at, theta, out);
    if (!status) status = b->ops->tools.generate(b->self, &g, theta, 0, DRAWN, x, y);
    if (!status) status = b->ops->tools.read_bandwidth(b->self, 100, &value);
    return status;
}

static cusgd_status work_apart(const interface_examples *e, char note[512])
{
    backend b;
    *note = '\0';
    dataset *at = NULL;
    cusgd_status status = backend_open("cuda", CUSGD_PRECISION_DOUBLE, 1, &b);
    if (status) return status;
    status = b.ops->bind(b.self, &e->source, &e->transform, &at);
    if (!status) status = work(&b, e, at, note);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
    return status;
}

/* Closing waits for what is under way, and has nobody to tell. */
static int is_quiet(const char *call) { return emulated_is_cleanup(call) || strcmp(call, "cudaStreamSynchronize") == 0; }

/* Once alone, as by chance; then with all calls after it, as if the device were lost. Each time it is reported, nothing is
 * leaked, and the next run is well. */
Test(module_calls, emul_any_call_may_fail)
{
    interface_examples e;
    interface_spec spec = {
        .n = N, .d = D, .k = K, .precision = CUSGD_PRECISION_DOUBLE, .weighted = 1, .standardized = 1, .shifted = 1};
    interface_examples_make(&spec, &e);
    int calls = 0, reported = 0, graphs = 0;
    for (int lost = 0; lost < 2; lost++)
        for (unsigned long n = 1;; n += lost ? 10 * stride(3) : stride(3)) {
            (lost ? emulated.fail_from : emulated.fail_call)(n);
            char note[512];
            cusgd_status status = work_apart(&e, note);
            const char *call = emulated.failed_call();
            char name[200];
            snprintf(name, sizeof name, "%s", call ? call : "");
            emulated.fail_call(0);
            if (!call) break;
            /* What belongs to a graph may fail: the steps are launched one by one, and the report says why. */
            int noted = !status && emulated_is_named(note, name);
            if (!status && !noted && !is_quiet(name)) interface_fail("call %lu, %s, failed, and nobody said so", n, name);
            /* Where a lost device first fails to clean up, the next call that matters is named. */
            if (status && !(lost && is_quiet(name)) && !emulated_is_named(cusgd_last_error(), name))
                interface_fail("call %lu, %s: status %d, and the message is: %s", n, name, (int)status, cusgd_last_error());
            if (emulated.live_bytes() || emulated.live_objects())
                interface_fail("call %lu, %s, failed: %zu bytes and %zu objects are leaked", n, name, emulated.live_bytes(),
                               emulated.live_objects());
            calls++;
            reported += status != CUSGD_OK || noted;
            graphs += noted;
        }
    printf("every-call faults: interface: %d calls failed, %d reported, %d of them of a graph, %d of clean-up\n", calls, reported,
           graphs, calls - reported);
    cr_assert(graphs > 0);
    cr_assert(reported > 3 * calls / 4, "of %d faults %d were reported", calls, reported);
    char note[512];
    interface_ok(work_apart(&e, note), "a run after all that");
    cr_assert_str_empty(note);
    cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0);
    interface_examples_free(&e);
}

/* A start and an epoch: its own calls alone fail. */
static void check_epoch(const interface_examples *e, const run_spec *p, cusgd_sampling sampling, unsigned long minimum)
{
    enum { MOST = 40 };
    int64_t steps = (e->spec.n + p->batch - 1) / p->batch;
    step_numbers numbers[MOST];
    sampler order = sampler_make(sampling, 3, (uint64_t)e->spec.n, (uint64_t)steps, 0);
    int more = 1;
    for (int t = 0; t < MOST; t++) numbers[t] = (step_numbers){.rate = 1e-4, .correction1 = 1, .correction2 = 1};
    cr_assert(steps <= MOST);
    for (unsigned long n = 1; more; n += stride(1)) {
        backend b;
        steps_report report;
        interface_ok(backend_open("cuda", CUSGD_PRECISION_DOUBLE, 1, &b), "backend_open");
        dataset *at = interface_bind(&b, e);
        slice s = {&(batch_share){at, &order}, 0, steps, numbers};
        emulated.fail_call(n);
        cusgd_status status = b.ops->start(b.self, p);
        if (!status) status = b.ops->steps(b.self, &s);
        if (!status) status = b.ops->report(b.self, &report);
        const char *call = emulated.failed_call();
        more = call != NULL;
        /* of a graph, or the capture from which one was made */
        int noted = more && !status && ((report.note && emulated_is_named(report.note, call)) || emulated_is_cleanup(call));
        if (more && !noted && (!status || !emulated_is_named(cusgd_last_error(), call)))
            interface_fail("call %lu of the epoch, %s: status %d: %s", n, call, (int)status, cusgd_last_error());
        if (!more) interface_ok(status, "an epoch without a fault");
        if (!more) cr_assert(n > minimum && report.done == steps && report.rows == e->spec.n, "%lu calls", n);
        emulated.fail_call(0);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
        cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0, "call %lu", n);
    }
}

/* One batch so large that cuBLAS works on it in chunks, gathered or read where it lies. */
Test(module_calls, emul_any_call_of_a_large_step_may_fail)
{
    interface_examples e;
    interface_spec spec = {
        .n = 66000, .d = 8, .k = 1, .precision = CUSGD_PRECISION_DOUBLE, .type = CUSGD_TYPE_FLOAT64, .seed = 9};
    run_spec p = {
        .optimizer = CUSGD_OPTIMIZER_SGD, .d = 8, .k = 1, .batch = 66000, .intercept = 1, .engine = CUSGD_ENGINE_CUBLAS};
    interface_examples_make(&spec, &e);
    check_epoch(&e, &p, CUSGD_SAMPLING_PERMUTE, 20);
    check_epoch(&e, &p, CUSGD_SAMPLING_NONE, 20);
    interface_examples_free(&e);
}

/* Steps of one kernel; of two; many in a launch. */
Test(module_calls, emul_any_call_of_an_engine_may_fail)
{
    interface_examples e;
    interface_spec spec = {
        .n = 70, .d = 2100, .k = 1, .precision = CUSGD_PRECISION_DOUBLE, .type = CUSGD_TYPE_FLOAT64, .seed = 9};
    for (int i = 0; i < 3; i++) {
        spec.d = i == 1 ? 2100 : 9;
        run_spec p = {.optimizer = CUSGD_OPTIMIZER_NESTEROV,
                      .d = spec.d,
                      .k = 1,
                      .batch = i == 1 ? 35 : 2,
                      .intercept = 1,
                      .engine = i == 2 ? CUSGD_ENGINE_PERSISTENT : CUSGD_ENGINE_FUSED};
        interface_examples_make(&spec, &e);
        check_epoch(&e, &p, CUSGD_SAMPLING_PERMUTE, 10);
        interface_examples_free(&e);
    }
}

/* Runs of several shards, whose tables, sums and sets are as many allocations more. */
Test(module_calls, emul_any_call_of_shards_may_fail)
{
    double x[60], y[60];
    uint64_t seed = 2;
    for (int i = 0; i < 60; i++) x[i] = random_normal(&seed), y[i] = x[i] + random_normal(&seed);
    cusgd_data *data = data_of(60, 1, 1, x, y, NULL);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_MOMENTUM, 0.01, 10, 1);
    strcpy(o.device, "cuda");
    o.shards = 3;
    for (int engine = CUSGD_ENGINE_CUBLAS; engine <= CUSGD_ENGINE_FUSED; engine++)
        for (unsigned long n = 1;; n += stride(5)) {
            cusgd_trainer *t = NULL;
            o.engine = (cusgd_engine)engine;
            emulated.fail_call(n);
            cusgd_status status = cusgd_trainer_create(&o, data, NULL, &t);
            if (!status) status = cusgd_trainer_step(t, 6);
            const char *call = emulated.failed_call();
            cr_assert(!call || status || is_quiet(call), "call %lu, %s, fails and is not reported", n, call);
            emulated.fail_call(0);
            cusgd_trainer_free(t);
            cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0, "call %lu leaves something behind", n);
            if (!call) break;
        }
    cusgd_data_free(data);
}
