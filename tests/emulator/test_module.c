/* The CUDA module on the emulated GPU where things go wrong: too little memory, a module of another version, a device that lacks
 * something. CUSGD_MODULE_DIR names its folder. */
#include "cuda/code.h"
#include "emulated.h"
#include "interface.h"
#include "training.h"

#include "failure.h"
#include "pool.h"

#include "scalar/loss_formula.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static emulated_module emulated;

static void setup(void) { cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module"); }
TestSuite(module, .init = setup);

static const backend_services services = {fail, pool_share, sparse_moments, world_shards, world_nodes, world_any, world_tell};

static void check_failed(cusgd_status status, const char *words)
{
    cr_assert_eq(status, CUSGD_ERROR_DEVICE, "status %d", (int)status);
    cr_assert(strstr(cusgd_last_error(), words), "'%s' is not in: %s", words, cusgd_last_error());
}

Test(module, emul_another_version_is_refused)
{
    backend b;
    cusgd_device device = CUSGD_INIT(cusgd_device);
    int count;
    check_failed(emulated.open(MODULE_ABI + 1, &services, 0, CUSGD_PRECISION_FLOAT, &b), "another version");
    check_failed(emulated.describe(MODULE_ABI - 1, &services, 0, &device, &count), "another version");
}

Test(module, emul_devices_are_listed)
{
    cusgd_device device = CUSGD_INIT(cusgd_device);
    cr_assert(cusgd_device_at(1, &device));
    cr_assert(device.usable && device.memory > 0 && strcmp(device.id, "cuda:0") == 0, "%s: %s", device.id, device.note);
    cr_assert(strstr(device.note, "compute capability") && strstr(device.note, "libcusgd-cuda.so"), "%s", device.note);
    cr_assert_eq(device.compiles, 0);
    cr_assert_not(cusgd_device_at(2, &device));
    backend b;
    check_failed(backend_open("cuda:7", CUSGD_PRECISION_FLOAT, 1, &b), "there is no cuda:7");
}

/* A list asks for properties alone: none of the calls that make a context on a GPU. */
Test(module, emul_a_list_of_devices_makes_no_context)
{
    static const char *const making[] = {"cudaSetDevice", "cudaFuncGetAttributes", "cudaMalloc", "cudaGetDevice"};
    for (size_t i = 0; i < sizeof making / sizeof making[0]; i++) {
        cusgd_device device = CUSGD_INIT(cusgd_device);
        emulated.refuse(making[i]);
        cr_assert(cusgd_device_at(1, &device));
        cr_assert(device.usable && device.memory > 0 && device.cache > 0, "without %s: %s", making[i], device.note);
        emulated.refuse(NULL);
    }
}

Test(module, emul_code_by_list_of_architectures)
{
    static const struct {
        const char *list;
        int major, minor;
        code_kind kind;
    } cases[] = {
        {"75-real,80-real,90-real,100-real,120", 9, 0, CODE_BINARY},
        {"75-real,80-real,90-real,100-real,120", 8, 9, CODE_BINARY},
        {"75-real,80-real,90-real,100-real,120", 12, 1, CODE_BINARY},
        {"75-real,80-real,90-real,100-real,120", 11, 0, CODE_NONE},
        {"75-real,80-real,90-real,100-real,120", 13, 0, CODE_PTX},
        {"75-real,80-real,90-real,100-real,120", 7, 0, CODE_NONE},
        {"86-real", 8, 0, CODE_NONE},
        {"80-virtual", 8, 0, CODE_PTX},
        {"80-virtual,90", 9, 0, CODE_BINARY},
        {"90", 9, 0, CODE_BINARY},
        {"90a-real", 9, 0, CODE_BINARY},
        {"90a", 10, 0, CODE_NONE},
        {"100f-real", 10, 3, CODE_BINARY},
        {"100f", 11, 0, CODE_NONE},
        {"native", 9, 0, CODE_UNKNOWN},
        {"90-real,all", 9, 0, CODE_UNKNOWN},
        {"90-maybe", 9, 0, CODE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(code_for(cases[i].list, cases[i].major, cases[i].minor), cases[i].kind, "%s for %d.%d", cases[i].list,
                     cases[i].major, cases[i].minor);
}

Test(module, emul_no_device_when_cuda_fails)
{
    backend b;
    cusgd_device device = CUSGD_INIT(cusgd_device);
    emulated.fail_from(1);
    cr_assert(cusgd_device_at(1, &device));
    cr_assert(!device.usable && *device.note, "%s", device.note);
    check_failed(backend_open("cuda", CUSGD_PRECISION_FLOAT, 1, &b), "cudaGetDeviceCount");
    cr_assert_eq(backend_open("auto", CUSGD_PRECISION_FLOAT, 1, &b), CUSGD_OK);
    cr_assert(strncmp(b.name, "cuda", 4) != 0, "%s", b.name);
    b.ops->close(b.self);
}

Test(module, emul_out_of_memory_says_how_much)
{
    backend b;
    dataset *at = NULL;
    interface_examples e;
    interface_spec spec = {.n = 1000, .d = 5000, .k = 1, .seed = 1};
    emulated.set_memory((size_t)64 << 20);
    interface_ok(backend_open("cuda", CUSGD_PRECISION_FLOAT, 1, &b), "backend_open");
    interface_examples_make(&spec, &e);
    check_failed(b.ops->bind(b.self, &e.source, &e.transform, &at), "out of memory on GPU 0: the examples need 20000000 bytes");
    cr_assert(strstr(cusgd_last_error(), "are free") && strstr(cusgd_last_error(), "--device cpu"), "%s", cusgd_last_error());
    interface_examples_free(&e);
    b.ops->close(b.self);
    cr_assert_eq(emulated.live_bytes(), 0);
}

/* Shapes that no GPU takes are refused before anything is read. */
Test(module, emul_shapes_beyond_a_gpu)
{
    backend b;
    dataset *at = NULL;
    interface_ok(backend_open("cuda", CUSGD_PRECISION_FLOAT, 1, &b), "backend_open");
    examples wide = {.n = 1, .d = INT64_C(1) << 31, .k = 1}, long_ones = {.n = INT64_C(1) << 62, .d = 3, .k = 1};
    examples many = {.n = INT64_C(1) << 60, .d = 3, .k = 1};
    transform same = {.weight_mean = 1};
    check_failed(b.ops->bind(b.self, &wide, &same, &at), "columns");
    check_failed(b.ops->bind(b.self, &long_ones, &same, &at), "too large");
    check_failed(b.ops->bind(b.self, &many, &same, &at), "out of memory");
    run_spec p = {.d = 1, .k = INT64_C(1) << 21, .batch = 1};
    check_failed(b.ops->start(b.self, &p), "targets");
    steps_report report;
    interface_ok(b.ops->report(b.self, &report), "report without a run");
    cr_assert(report.done == 0 && !report.failed);
    b.ops->close(b.self);
}

/* A GPU that holds no clusters says so by an error of CUDA's, which is an answer: rows that need clusters are refused, others
 * train. */
Test(module, emul_a_gpu_without_clusters)
{
    backend b;
    interface_examples e;
    steps_report report;
    double theta[10], before[10];
    interface_spec spec = {.n = 64, .d = 9, .k = 1, .precision = CUSGD_PRECISION_DOUBLE, .seed = 3};
    run_spec p = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = 9, .k = 1, .batch = 16, .engine = CUSGD_ENGINE_FUSED};
    interface_examples_make(&spec, &e);
    for (int multiprocessors = 2; multiprocessors >= 1; multiprocessors--) {
        emulated.set_multiprocessors(multiprocessors);
        interface_ok(backend_open("cuda", CUSGD_PRECISION_DOUBLE, 1, &b), "backend_open");
        run_spec wide = p;
        wide.d = 8200;
        cr_assert_eq(b.ops->refuses(b.self, &wide), multiprocessors == 1 ? CUSGD_ERROR_USAGE : CUSGD_OK);
        if (multiprocessors == 1) cr_assert(strstr(cusgd_last_error(), "rows of more than 64 KB"), "%s", cusgd_last_error());
        dataset *at = interface_bind(&b, &e);
        sampler order = sampler_make(CUSGD_SAMPLING_NONE, 3, 64, 4, 0);
        step_numbers numbers[4];
        for (int t = 0; t < 4; t++) numbers[t] = (step_numbers){.rate = 1e-2, .correction1 = 1, .correction2 = 1};
        slice s = {&(batch_share){at, &order}, 0, 4, numbers};
        interface_ok(b.ops->start(b.self, &p), "start");
        interface_ok(b.ops->steps(b.self, &s), "steps");
        interface_ok(b.ops->report(b.self, &report), "report");
        interface_ok(b.ops->state.get(b.self, SNAPSHOT_CURRENT, STATE_THETA, multiprocessors == 1 ? theta : before), "get");
        cr_assert_eq(report.done, 4);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
    }
    cr_assert_arr_eq(theta, before, sizeof theta);
    interface_examples_free(&e);
}

/* Where cuRAND has another order, kernels make the words themselves: the rows are the same. */
Test(module, emul_words_of_another_order)
{
    enum { ROWS = 700, COLS = 5 };
    double truth[COLS + 1] = {1, -2, 3, 0.5, 2, 1}, x[2][ROWS * COLS], y[2][ROWS];
    const cusgd_generator g = {.rows = ROWS, .cols = COLS, .outputs = 1, .noise = 1, .condition = 1, .type = CUSGD_TYPE_FLOAT64};
    for (int reversed = 0; reversed < 2; reversed++) {
        backend b;
        emulated.reverse_words(reversed);
        interface_ok(backend_open("cuda", CUSGD_PRECISION_DOUBLE, 1, &b), "backend_open");
        unsigned long calls = emulated.calls_of("curandGenerate");
        for (int64_t first = 0; first < ROWS; first += ROWS / 2)
            interface_ok(
                b.ops->tools.generate(b.self, &g, truth, first, ROWS / 2, x[reversed] + first * COLS, y[reversed] + first),
                "generate");
        /* once found to differ, cuRAND is not asked again */
        cr_assert_eq(emulated.calls_of("curandGenerate") - calls, reversed ? 1 : 2);
        b.ops->close(b.self);
    }
    cr_assert_arr_eq(x[1], x[0], sizeof x[0]);
    cr_assert_arr_eq(y[1], y[0], sizeof y[0]);
}

/* What an engine does not take is refused by name, and the word that helps is said. */
Test(module, emul_engines_refuse)
{
    static const struct {
        int64_t d, k;
        cusgd_engine engine;
        const char *words;
        int formula;
    } cases[] = {{5, 1, CUSGD_ENGINE_FUSED, "engine fused takes no run with a loss that is a formula", 1},
                 {5, 1, CUSGD_ENGINE_PERSISTENT, "engine persistent takes no run with a loss that is a formula", 1},
                 {5, 2, CUSGD_ENGINE_FUSED, "engine fused takes no run with more than one output", 0},
                 {5, 2, CUSGD_ENGINE_PERSISTENT, "engine persistent takes no run with more than one output", 0},
                 {16400, 1, CUSGD_ENGINE_FUSED, "engine fused takes no run with rows of more than 128 KB", 0},
                 {2100, 1, CUSGD_ENGINE_PERSISTENT, "engine persistent takes no run with rows of more than 16 KB", 0}};
    const loss_formula formula = {.kind = CUSGD_LOSS_EXPRESSION};
    backend b;
    interface_ok(backend_open("cuda", CUSGD_PRECISION_DOUBLE, 1, &b), "backend_open");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_spec p = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = cases[i].d, .k = cases[i].k, .batch = 4, .engine = cases[i].engine};
        if (cases[i].formula) p.loss = (loss_rule){.kind = formula.kind, .formula = &formula};
        cr_assert_eq(b.ops->start(b.self, &p), CUSGD_ERROR_USAGE);
        cr_assert(strstr(cusgd_last_error(), cases[i].words) && strstr(cusgd_last_error(), "use --engine auto"), "%s",
                  cusgd_last_error());
        cr_assert_eq(b.ops->refuses(b.self, &p), CUSGD_ERROR_USAGE);
        p.engine = CUSGD_ENGINE_AUTO;
        interface_ok(b.ops->refuses(b.self, &p), "whether engine auto is refused");
        interface_ok(b.ops->start(b.self, &p), "start with engine auto");
    }
    b.ops->close(b.self);
}

/* What a GPU does not take is refused before anything is brought there, and the run before goes on. */
static const loss_formula long_formula = {.loss = {.count = 40, .places = LOSS_PLACES + 1}, .kind = CUSGD_LOSS_EXPRESSION};
Test(module, emul_device_refuses)
{
    static const struct {
        run_spec spec;
        cusgd_status status;
        const char *words;
    } cases[] = {{{.d = 5, .k = 1, .batch = 4, .shards = 2, .engine = CUSGD_ENGINE_PERSISTENT},
                  CUSGD_ERROR_USAGE,
                  "takes no run with more than one shard"},
                 {{.d = 5, .k = 1, .batch = 4, .loss = {.kind = CUSGD_LOSS_EXPRESSION, .formula = &long_formula}},
                  CUSGD_ERROR_USAGE,
                  "needs 17 intermediate results at a time"},
                 {{.d = INT32_MAX, .k = 1, .batch = 4}, CUSGD_ERROR_DEVICE, "use --device cpu"},
                 {{.d = 5, .k = INT64_C(1) << 21, .batch = 4}, CUSGD_ERROR_DEVICE, "use --device cpu"}};
    const run_spec sound = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = 2, .k = 1, .batch = 4, .shards = 1};
    double theta[3] = {1, 2, 3}, kept[3];
    backend b;
    interface_ok(backend_open("cuda", CUSGD_PRECISION_DOUBLE, 1, &b), "backend_open");
    interface_ok(b.ops->start(b.self, &sound), "start");
    interface_ok(b.ops->state.put(b.self, SNAPSHOT_CURRENT, STATE_THETA, theta), "put");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(b.ops->refuses(b.self, &cases[i].spec), cases[i].status);
        cr_assert(strstr(cusgd_last_error(), cases[i].words), "%s", cusgd_last_error());
        cr_assert_eq(b.ops->start(b.self, &cases[i].spec), cases[i].status);
        interface_ok(b.ops->state.get(b.self, SNAPSHOT_CURRENT, STATE_THETA, kept), "get");
        cr_assert(memcmp(theta, kept, sizeof theta) == 0);
    }
    b.ops->close(b.self);
}

/* A trainer hears of it before the data is studied: these targets would be refused, too. */
Test(module, emul_trainer_is_refused_first)
{
    const double x[] = {1, 2, 3, 4}, y[] = {1e300, 2, 3, 4};
    cusgd_data *data = data_of(4, 1, 1, x, y, NULL);
    cusgd_options o = options_default();
    cusgd_trainer *t;
    strcpy(o.device, "cuda");
    o.shards = 2;
    o.engine = CUSGD_ENGINE_PERSISTENT;
    cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "engine persistent takes no run with more than one shard"), "%s", cusgd_last_error());
    cusgd_data_free(data);
}

/* ---- A device that does not bear graphs ---- */

enum { D = 5 };

/* 40 steps of the run spec in two slices; theta, and what the reports say. */
static void run_plainly(const interface_examples *e, cusgd_engine engine, double *theta, char note[2][512])
{
    enum { EACH = 20 };
    backend b;
    steps_report report;
    step_numbers numbers[EACH];
    run_spec p = {.optimizer = CUSGD_OPTIMIZER_NESTEROV, .d = D, .k = 1, .batch = 3, .intercept = 1, .engine = engine};
    sampler order = sampler_make(CUSGD_SAMPLING_PERMUTE, 3, (uint64_t)e->spec.n, 2 * EACH, 0);
    for (int t = 0; t < EACH; t++) numbers[t] = (step_numbers){.rate = 0.01, .momentum = 0.5, .correction1 = 1, .correction2 = 1};
    interface_ok(backend_open("cuda", CUSGD_PRECISION_FLOAT, 1, &b), "backend_open");
    dataset *at = interface_bind(&b, e);
    interface_ok(b.ops->start(b.self, &p), "start");
    for (int i = 0; i < 2; i++) {
        slice s = {&(batch_share){at, &order}, i * EACH, EACH, numbers};
        interface_ok(b.ops->steps(b.self, &s), "steps");
        interface_ok(b.ops->report(b.self, &report), "report");
        cr_assert(report.done == EACH && !report.failed, "%d steps", (int)report.done);
        snprintf(note[i], 512, "%s", report.note ? report.note : "");
    }
    interface_ok(b.ops->state.get(b.self, SNAPSHOT_CURRENT, STATE_THETA, theta), "get");
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
    cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0);
}

/* The steps are launched one by one, with the same bits; the first report says why, and no later one does. */
Test(module, emul_a_refused_graph_is_no_failure)
{
    static const char *const refused[] = {"cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate", "captured"};
    double sound[D + 1], theta[D + 1];
    char note[2][512];
    interface_examples e;
    interface_spec spec = {.n = 120, .d = D, .k = 1, .precision = CUSGD_PRECISION_FLOAT, .seed = 4};
    interface_examples_make(&spec, &e);
    for (int engine = CUSGD_ENGINE_CUBLAS; engine <= CUSGD_ENGINE_FUSED; engine++) {
        run_plainly(&e, (cusgd_engine)engine, sound, note);
        cr_assert(!*note[0] && !*note[1], "%s%s", note[0], note[1]);
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
            emulated.refuse(refused[i]);
            run_plainly(&e, (cusgd_engine)engine, theta, note);
            emulated.refuse(NULL);
            cr_assert(strstr(note[0], "launched one by one"), "%s: %s", refused[i], note[0]);
            if (strcmp(refused[i], "captured") == 0) /* what failed first is reported, not that the capture then did */
                cr_assert(!strstr(note[0], "cudaStreamEndCapture"), "%s", note[0]);
            else
                cr_assert(strstr(note[0], refused[i]), "%s: %s", refused[i], note[0]);
            cr_assert_str_empty(note[1]);
            cr_assert_arr_eq(theta, sound, sizeof theta, "%s, engine %d: other parameters", refused[i], engine);
        }
    }
    interface_examples_free(&e);
}

/* ---- Persistent kernels ---- */

enum { PERSISTENT_STEPS = 6 };

/* Starts a run of the engine `persistent`, of two parts and so of two blocks. */
static dataset *start_persistent(const backend *b, const interface_examples *e)
{
    run_spec p = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = e->spec.d, .k = 1, .intercept = 1, .engine = CUSGD_ENGINE_PERSISTENT};
    p.batch = e->spec.n / PERSISTENT_STEPS;
    dataset *at = interface_bind(b, e);
    interface_ok(b->ops->start(b->self, &p), "start");
    return at;
}

/* Its steps are on their way, in one launch. */
static void launch_persistent(const backend *b, const dataset *at, int64_t n)
{
    step_numbers numbers[PERSISTENT_STEPS];
    sampler order = sampler_make(CUSGD_SAMPLING_PERMUTE, 3, (uint64_t)n, PERSISTENT_STEPS, 0);
    for (int t = 0; t < PERSISTENT_STEPS; t++) numbers[t] = (step_numbers){.rate = 1e-3, .correction1 = 1, .correction2 = 1};
    slice s = {&(batch_share){at, &order}, 0, PERSISTENT_STEPS, numbers};
    interface_ok(b->ops->steps(b->self, &s), "steps");
}

static const interface_spec of_two_parts = {.n = 6 * 1200, .d = 33, .k = 1, .precision = CUSGD_PRECISION_FLOAT, .seed = 8};

/* A block that never comes ends the launch with a message that says what helps, and leaves the parameters as they were. */
Test(module, emul_a_barrier_that_is_missed_is_an_error)
{
    for (unsigned round = 1; round <= 6; round += 5) {
        backend b;
        dataset *at;
        steps_report report;
        double theta[34] = {1};
        interface_examples e;
        interface_examples_make(&of_two_parts, &e);
        interface_ok(backend_open("cuda", CUSGD_PRECISION_FLOAT, 1, &b), "backend_open");
        emulated.miss_barrier(round);
        at = start_persistent(&b, &e);
        launch_persistent(&b, at, e.spec.n);
        check_failed(b.ops->report(b.self, &report), "did not meet");
        cr_assert(strstr(cusgd_last_error(), "--engine fused"), "%s", cusgd_last_error());
        interface_ok(b.ops->state.get(b.self, SNAPSHOT_CURRENT, STATE_THETA, theta), "get");
        for (int u = 0; u < 34; u++) cr_assert_eq(theta[u], 0);
        emulated.miss_barrier(0);
        b.ops->unbind(b.self, at);
        at = start_persistent(&b, &e); /* the next run is well */
        launch_persistent(&b, at, e.spec.n);
        interface_ok(b.ops->report(b.self, &report), "report");
        cr_assert(report.done == 6 && !report.failed, "%d steps", (int)report.done);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
        interface_examples_free(&e);
        cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0);
    }
}

/* Of two backends' launches the second waits for the first, though its report is asked for first. */
Test(module, emul_persistent_launches_take_turns)
{
    backend b[2];
    dataset *at[2];
    steps_report report;
    interface_examples e;
    emulated.set_laziness(1);
    interface_examples_make(&of_two_parts, &e);
    for (int i = 0; i < 2; i++) {
        interface_ok(backend_open("cuda", CUSGD_PRECISION_FLOAT, 1, &b[i]), "backend_open");
        at[i] = start_persistent(&b[i], &e);
    }
    for (int i = 0; i < 2; i++) launch_persistent(&b[i], at[i], e.spec.n);
    for (int i = 1; i >= 0; i--) {
        interface_ok(b[i].ops->report(b[i].self, &report), "report");
        cr_assert(report.done == 6 && !report.failed, "%d steps", (int)report.done);
        b[i].ops->unbind(b[i].self, at[i]);
        b[i].ops->close(b[i].self);
    }
    interface_examples_free(&e);
    cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0);
}
