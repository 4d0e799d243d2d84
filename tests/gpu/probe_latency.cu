/* What stands in a step's chain of dependent work: loads that wait for each other, the last block's arrival, and what one
 * multiprocessor reads and works through by itself (the assumptions of scripts/predict_steps.py). */
#include "block.h"
#include "probe.h"

/* ---- Loads that wait for each other ---- */

enum { LINE_WORDS = 32 }; /* 128 bytes, of which the first word says where the next one is */

/* Lines 0 .. count - 1, count a power of 2, are one cycle in this order (Hull, Dobell 1962: multiplier 1 modulo 4, odd addend).
 * It leaves no two neighbors together, so each load finds a row of memory of its own. */
__host__ __device__ static unsigned line_after(unsigned line, unsigned count)
{
    return (line * 0x9E3779B1u + 0x3C6EF35Fu) & (count - 1);
}

__global__ static void link_kernel(unsigned *words, unsigned count)
{
    for (int64_t i = thread_number(); i < count; i += thread_count())
        words[i * LINE_WORDS] = line_after((unsigned)i, count) * LINE_WORDS;
}

/* One thread, from where the last run ended. Volatile loads pass by the L1 cache. */
__global__ static void chase_kernel(const volatile unsigned *words, int64_t loads, unsigned *position)
{
    unsigned at = *position;
    for (int64_t i = 0; i < loads; i++) at = words[at];
    *position = at;
}

typedef struct chase {
    int64_t loads; /* of a run */
} chase;

static void chase_run(probe *p, void *context)
{
    const chase *c = (const chase *)context;
    CHECK(LAUNCH(chase_kernel, 1, 1, 0, p->stream, p->room, c->loads, p->sum));
}

static void chase_measure(probe *p, const char *name, unsigned lines, int64_t loads)
{
    chase c = {loads};
    unsigned at = 0, position = 0;
    CHECK(LAUNCH(link_kernel, blocks_for(lines), THREADS, 0, p->stream, p->room, lines));
    probe_time(p, chase_run, &c);
    for (int64_t i = 0; i < p->runs * loads; i++) at = line_after(at, lines);
    CHECK(cudaMemcpyAsync(&position, p->sum, sizeof position, cudaMemcpyDeviceToHost, p->stream));
    CHECK(cudaMemsetAsync(p->sum, 0, sizeof position, p->stream));
    CHECK(cudaStreamSynchronize(p->stream));
    probe_expect(position == at * LINE_WORDS, "where a chain of loads ends");
    probe_latency(p, (double)loads, "dependent load, %s, %.4g MB", name, lines * LINE_WORDS * sizeof *p->room / 1e6);
}

/* ---- A block's arrival: what it wrote is seen, it is counted, and the last one may look (kernels/fused.cu) ---- */

__global__ static void arrive_kernel(int rounds, unsigned *arrived, volatile unsigned *seen, unsigned *sum)
{
    unsigned last = 0;
    if (threadIdx.x > 0) return;
    for (int r = 0; r < rounds; r++) {
        seen[blockIdx.x * LINE_WORDS] = (unsigned)r;
        __threadfence();
        unsigned ticket = atomicAdd(arrived, 1u);
        __threadfence();
        last += seen[blockIdx.x * LINE_WORDS + (ticket >> 31)]; /* its own line, but only once it has its ticket */
    }
    atomicAdd(sum, last);
}

typedef struct arrival {
    int rounds;
    unsigned blocks, *counter; /* then a line a block */
} arrival;

static void arrive_run(probe *p, void *context)
{
    const arrival *a = (const arrival *)context;
    CHECK(LAUNCH(arrive_kernel, a->blocks, 32, 0, p->stream, a->rounds, a->counter, a->counter + LINE_WORDS, p->sum));
}

static void arrive_measure(probe *p, unsigned blocks)
{
    arrival a = {p->small ? 10 : 2000, blocks, NULL};
    unsigned counted = 0;
    size_t bytes = (blocks + 1) * LINE_WORDS * sizeof *a.counter;
    CHECK(cudaMalloc((void **)&a.counter, bytes));
    CHECK(cudaMemsetAsync(a.counter, 0, bytes, p->stream));
    probe_time(p, arrive_run, &a);
    probe_expect_sum(p, blocks * (unsigned)(a.rounds * (a.rounds - 1) / 2), "what a block sees of what it wrote");
    CHECK(cudaMemcpyAsync(&counted, a.counter, sizeof counted, cudaMemcpyDeviceToHost, p->stream));
    CHECK(cudaStreamSynchronize(p->stream));
    probe_expect(counted == blocks * (unsigned)a.rounds * (unsigned)p->runs, "how many blocks were counted");
    probe_latency(p, a.rounds, "arrive: write, fence, count, fence, look; %u block%s", blocks, blocks > 1 ? "s" : "");
    CHECK(cudaFree(a.counter));
}

/* ---- One multiprocessor's work on rows, as a step does it ---- */

/* Values -3.5, -2.5 .. 3.5: all sums are exact. */
__host__ __device__ static float small_value(uint64_t i) { return (float)(probe_word(i) & 7u) - 3.5f; }

__global__ static void fill_latency_kernel(float *x, int64_t count)
{
    for (int64_t i = thread_number(); i < count; i += thread_count()) x[i] = small_value((uint64_t)i);
}

/* One block. A row is LANES * PACKS packs of 4 floats; each group of LANES lanes has ROWS rows under way at once: their dot
 * products with ones, and then the gradient of sum (dot)^2 / 2, of which the block adds up all. */
template <int LANES, int PACKS, int ROWS> __global__ static void latency_rows_kernel(const float *x, int64_t rows, float *sum)
{
    const int VALUES = 4;
    int lane = (int)threadIdx.x % LANES;
    int64_t group = threadIdx.x / LANES, groups = blockDim.x / LANES;
    float g[PACKS][VALUES] = {};
    for (int64_t i = group * ROWS; i < rows; i += groups * ROWS) {
        pack<float> v[ROWS][PACKS];
        float dot[ROWS];
        UNROLLED
        for (int r = 0; r < ROWS; r++) UNROLLED
        for (int u = 0; u < PACKS; u++) v[r][u] = load_pack(x + ((i + r) * PACKS * LANES + u * LANES + lane) * VALUES);
        UNROLLED
        for (int r = 0; r < ROWS; r++) {
            dot[r] = 0;
            UNROLLED
            for (int u = 0; u < PACKS; u++) UNROLLED
            for (int e = 0; e < VALUES; e++) dot[r] += v[r][u].at[e];
        }
        UNROLLED
        for (int offset = LANES / 2; offset > 0; offset /= 2) UNROLLED
        for (int r = 0; r < ROWS; r++) dot[r] += __shfl_xor_sync(FULL_WARP, dot[r], offset);
        UNROLLED
        for (int r = 0; r < ROWS; r++) UNROLLED
        for (int u = 0; u < PACKS; u++) UNROLLED
        for (int e = 0; e < VALUES; e++) g[u][e] = fmaf(dot[r], v[r][u].at[e], g[u][e]);
    }
    float mine = 0;
    UNROLLED
    for (int u = 0; u < PACKS; u++) UNROLLED
    for (int e = 0; e < VALUES; e++) mine += g[u][e];
    atomicAdd(sum, mine); /* halves of integers below 2^24: the same in any order */
}

typedef struct row_work {
    const float *x;
    int64_t rows;
    float *sum;
} row_work;

template <int LANES, int PACKS, int ROWS> static void rows_run(probe *p, void *context)
{
    const row_work *w = (const row_work *)context;
    CHECK(LAUNCH((latency_rows_kernel<LANES, PACKS, ROWS>), 1, 512, 0, p->stream, w->x, w->rows, w->sum));
}

/* The gradient's entries add up to the sum of the squared row sums. */
static float rows_expected(int64_t rows, int d)
{
    double sum = 0;
    for (int64_t i = 0; i < rows; i++) {
        double dot = 0;
        for (int j = 0; j < d; j++) dot += (double)small_value((uint64_t)(i * d + j));
        sum += dot * dot;
    }
    return (float)sum;
}

template <int LANES, int PACKS, int ROWS> static void rows_measure(probe *p)
{
    const int d = 4 * LANES * PACKS;
    int64_t rows = (p->small ? 1 << 14 : 1 << 18) / d; /* 1 MB: within the L2 cache */
    row_work w = {(const float *)p->room, rows, (float *)p->sum};
    float got = 0, expected = rows_expected(rows, d);
    CHECK(LAUNCH(fill_latency_kernel, blocks_for(rows * d), THREADS, 0, p->stream, (float *)p->room, rows * d));
    CHECK(cudaMemsetAsync(w.sum, 0, sizeof got, p->stream));
    rows_run<LANES, PACKS, ROWS>(p, &w);
    CHECK(cudaMemcpyAsync(&got, w.sum, sizeof got, cudaMemcpyDeviceToHost, p->stream));
    CHECK(cudaStreamSynchronize(p->stream));
    probe_expect(got == expected, "the gradient of one multiprocessor's rows");
    probe_time(p, rows_run<LANES, PACKS, ROWS>, &w);
    CHECK(cudaMemsetAsync(p->sum, 0, sizeof *p->sum, p->stream));
    probe_bandwidth(p, 4.0 * d * (double)rows, "one multiprocessor: dots and gradient of rows of %d, from L2", d);
}

void probe_latencies(probe *p)
{
    unsigned lines = (unsigned)(p->bytes / (LINE_WORDS * sizeof *p->words)), few = 1u << 15; /* 4 MB */
    if (few > lines) few = lines;
    chase_measure(p, "L2", few, p->small ? 100 : 4 * (int64_t)few); /* each line four times */
    chase_measure(p, "memory", lines, p->small ? 100 : 20000);
    arrive_measure(p, 1);
    arrive_measure(p, (unsigned)p->multiprocessors);
    rows_measure<8, 1, 8>(p);
    rows_measure<32, 2, 8>(p);
}
