/* The optimizers' updates of many parameters, as kernels/update.cu makes them: what of the copy bandwidth they reach. */
#include "block.h"
#include "kernels.h"
#include "probe.h"
#include "scalar/update.h"

#include <math.h>

/* Values between 0 and 1. */
__host__ __device__ static float update_value(uint64_t i) { return (float)(probe_word(i) >> 8) * 0x1p-24f; }

__global__ static void fill_update_kernel(float *values, int64_t count)
{
    for (int64_t i = thread_number(); i < count; i += thread_count()) values[i] = update_value((uint64_t)i);
}

/* theta, slot1, slot2 and gradient, one behind the other, of `count` values each. */
enum { ARRAYS = 4, CHECKED = 1000 };

static const step_numbers numbers = {1e-3, 0.9, 1.5, 1.25, 0, 0};

static update_task task_of(float *arrays, int64_t count, slice_table *table, run_state *state, int optimizer)
{
    update_task t = {};
    t.precision = CUSGD_PRECISION_FLOAT;
    t.table = table;
    t.state = state;
    t.optimizer = optimizer;
    t.beta1 = 0.9;
    t.beta2 = 0.999;
    t.epsilon = 1e-8;
    t.penalized = t.size = count;
    t.theta = arrays;
    t.slot1 = optimizer == CUSGD_OPTIMIZER_SGD ? nullptr : arrays + count;
    t.slot2 = optimizer == CUSGD_OPTIMIZER_ADAM ? arrays + 2 * count : nullptr;
    t.gradient = arrays + 3 * count;
    return t;
}

static void update_run(probe *p, void *context) { CHECK(kernel_update((const update_task *)context, p->stream)); }

/* The last parameters after one step, by the host. */
static void update_check(probe *p, const update_task *t)
{
    float got[CHECKED];
    int64_t first = t->size - CHECKED;
    update_rule<float> rule = {t->optimizer, 0, (float)t->beta1, (float)t->beta2, 0, (float)t->epsilon, 0, 0, 0};
    own_rule<float> own = {1, 1, 1, 0, 0};
    CHECK(cudaMemcpyAsync(got, (const float *)t->theta + first, sizeof got, cudaMemcpyDeviceToHost, p->stream));
    CHECK(cudaStreamSynchronize(p->stream));
    for (int64_t i = 0; i < CHECKED; i++) {
        uint64_t u = (uint64_t)(first + i), count = (uint64_t)t->size;
        parameter<float> q = {update_value(u), update_value(count + u), update_value(2 * count + u), 0, 0};
        update_parameter<float>(rule, update_step_from<float>(&numbers), own, 0, 1, q.theta, update_value(3 * count + u), &q);
        probe_expect(fabsf(got[i] - q.theta) <= 1e-5f, "a parameter after a step");
    }
}

void probe_updates(probe *p)
{
    static const struct {
        const char *name;
        int optimizer, bytes; /* read and written a parameter */
    } kinds[] = {
        {"sgd", CUSGD_OPTIMIZER_SGD, 12}, {"momentum", CUSGD_OPTIMIZER_MOMENTUM, 20}, {"adam", CUSGD_OPTIMIZER_ADAM, 28}};
    int64_t count = (int64_t)(p->bytes / 4 / sizeof(float));
    float *arrays;
    slice_table *table;
    run_state *state;
    step_row row = {numbers, 0, 1};
    int64_t steps = 1;
    CHECK(cudaMalloc((void **)&arrays, ARRAYS * (size_t)count * sizeof *arrays));
    CHECK(cudaMalloc((void **)&table, sizeof *table));
    CHECK(cudaMalloc((void **)&state, sizeof *state));
    CHECK(cudaMemsetAsync(state, 0, sizeof *state, p->stream));
    CHECK(cudaMemcpyAsync(&table->count, &steps, sizeof steps, cudaMemcpyHostToDevice, p->stream));
    CHECK(cudaMemcpyAsync(table->row, &row, sizeof row, cudaMemcpyHostToDevice, p->stream));
    for (const auto &kind : kinds) {
        update_task t = task_of(arrays, count, table, state, kind.optimizer);
        CHECK(LAUNCH(fill_update_kernel, blocks_for(ARRAYS * count), THREADS, 0, p->stream, arrays, ARRAYS * count));
        update_run(p, &t);
        update_check(p, &t);
        probe_time(p, update_run, &t);
        probe_bandwidth(p, (double)kind.bytes * (double)count, "update of %lld parameters by %s, %d bytes each", (long long)count,
                        kind.name, kind.bytes);
    }
    CHECK(cudaFree(arrays));
    CHECK(cudaFree(table));
    CHECK(cudaFree(state));
}
