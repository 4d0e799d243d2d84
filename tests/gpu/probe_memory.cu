/* Device memory: reads by width and by rows, copies. */
#include "block.h"
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The data ---- */

__global__ static void fill_words_kernel(unsigned *words, int64_t count)
{
    for (int64_t i = thread_number(); i < count; i += thread_count()) words[i] = probe_word((uint64_t)i);
}

void probe_fill(probe *p)
{
    size_t available = 0, total = 0, maximum = p->small ? (size_t)1 << 20 : (size_t)2 << 30;
    CHECK(cudaMemGetInfo(&available, &total));
    for (p->bytes = (size_t)1 << 20; p->bytes * 2 <= maximum && p->bytes * 8 <= available;) p->bytes *= 2;
    CHECK(cudaMalloc((void **)&p->words, p->bytes));
    CHECK(cudaMalloc((void **)&p->room, p->bytes));
    CHECK(cudaMalloc((void **)&p->sum, sizeof *p->sum));
    CHECK(cudaMemsetAsync(p->sum, 0, sizeof *p->sum, p->stream));
    int64_t count = (int64_t)(p->bytes / sizeof *p->words);
    CHECK(LAUNCH(fill_words_kernel, blocks_for(count), THREADS, 0, p->stream, p->words, count));
    p->expected = probe_sum_words(count);
    CHECK(cudaStreamSynchronize(p->stream));
}

/* ---- Read-only ---- */

__device__ static unsigned words_sum(unsigned v) { return v; }
__device__ static unsigned words_sum(uint2 v) { return v.x + v.y; }
__device__ static unsigned words_sum(uint4 v) { return v.x + v.y + v.z + v.w; }

__device__ static void sum_add(unsigned *sum, unsigned mine)
{
    mine = warp_sum(mine);
    if (threadIdx.x % 32 == 0) atomicAdd(sum, mine);
}

/* Each thread has UNROLL loads under way at once, no more: the loops themselves are not unrolled. */
template <class T, int UNROLL> __global__ static void read_kernel(const T *x, int64_t count, unsigned *sum)
{
    int64_t step = thread_count(), i = thread_number();
    unsigned mine = 0;
#pragma unroll 1
    for (; i + (UNROLL - 1) * step < count; i += UNROLL * step) {
        T v[UNROLL];
        for (int u = 0; u < UNROLL; u++) v[u] = x[i + u * step];
        for (int u = 0; u < UNROLL; u++) mine += words_sum(v[u]);
    }
#pragma unroll 1
    for (; i < count; i += step) mine += words_sum(x[i]);
    sum_add(sum, mine);
}

typedef struct reading {
    const void *x;
    size_t bytes;
    unsigned blocks;
} reading;

template <class T, int UNROLL> static void read_run(probe *p, void *context)
{
    const reading *r = (const reading *)context;
    CHECK(LAUNCH((read_kernel<T, UNROLL>), r->blocks, THREADS, 0, p->stream, (const T *)r->x, (int64_t)(r->bytes / sizeof(T)),
                 p->sum));
}

template <class T, int UNROLL> static void read_measure(probe *p)
{
    reading r = {p->words, p->bytes, probe_resident(p, (const void *)read_kernel<T, UNROLL>, THREADS, 0)};
    probe_time(p, read_run<T, UNROLL>, &r);
    probe_expect_sum(p, p->expected, "the sum of what was read");
    probe_bandwidth(p, (double)p->bytes, "read, %d-byte loads, %d a thread at once", (int)sizeof(T), UNROLL);
}

/* The words of `x` must be the first ones. */
static void expect_words(probe *p, const void *x, size_t bytes, unsigned expected)
{
    reading r = {x, bytes, probe_resident(p, (const void *)read_kernel<unsigned, 1>, THREADS, 0)};
    read_run<unsigned, 1>(p, &r);
    p->runs = 1;
    probe_expect_sum(p, expected, "the sum of what was copied");
}

/* ---- Copies on the device ---- */

template <int UNROLL> __global__ static void copy_kernel(uint4 *out, const uint4 *x, int64_t count)
{
    int64_t step = thread_count(), i = thread_number();
#pragma unroll 1
    for (; i + (UNROLL - 1) * step < count; i += UNROLL * step) {
        uint4 v[UNROLL];
        for (int u = 0; u < UNROLL; u++) v[u] = x[i + u * step];
        for (int u = 0; u < UNROLL; u++) out[i + u * step] = v[u];
    }
#pragma unroll 1
    for (; i < count; i += step) out[i] = x[i];
}

static void copy_by_kernel(probe *p, void *)
{
    unsigned blocks = probe_resident(p, (const void *)copy_kernel<4>, THREADS, 0);
    CHECK(LAUNCH(copy_kernel<4>, blocks, THREADS, 0, p->stream, (uint4 *)p->room, (const uint4 *)p->words,
                 (int64_t)(p->bytes / sizeof(uint4))));
}

static void copy_by_call(probe *p, void *)
{
    CHECK(cudaMemcpyAsync(p->room, p->words, p->bytes, cudaMemcpyDeviceToDevice, p->stream));
}

static void copy_measure(probe *p, void (*work)(probe *p, void *context), const char *name)
{
    CHECK(cudaMemsetAsync(p->room, 0, p->bytes, p->stream));
    probe_time(p, work, NULL);
    expect_words(p, p->room, p->bytes, p->expected);
    probe_bandwidth(p, 2 * (double)p->bytes, "copy on the device, read and written, %s", name);
}

void probe_reads(probe *p)
{
    read_measure<unsigned, 1>(p);
    read_measure<unsigned, 4>(p);
    read_measure<unsigned, 8>(p);
    read_measure<uint2, 1>(p);
    read_measure<uint2, 4>(p);
    read_measure<uint2, 8>(p);
    read_measure<uint4, 1>(p);
    read_measure<uint4, 2>(p);
    read_measure<uint4, 4>(p);
    read_measure<uint4, 8>(p);
    copy_measure(p, copy_by_call, "by cudaMemcpyAsync");
    copy_measure(p, copy_by_kernel, "by 16-byte loads and stores");
}

/* ---- Rows in a random order ---- */

/* Row q is 2^shift units of 16 bytes at x + (order[q] << shift): neighboring threads take neighboring units, four at once each.
 */
__global__ static void random_rows_kernel(const uint4 *x, const unsigned *order, int64_t units, int shift, unsigned *sum)
{
    const int UNROLL = 4;
    int64_t step = thread_count(), i = thread_number(), within = ((int64_t)1 << shift) - 1;
    unsigned mine = 0;
#pragma unroll 1
    for (; i + (UNROLL - 1) * step < units; i += UNROLL * step) {
        unsigned row[UNROLL];
        uint4 v[UNROLL];
        for (int u = 0; u < UNROLL; u++) row[u] = order[(i + u * step) >> shift];
        for (int u = 0; u < UNROLL; u++) v[u] = x[((int64_t)row[u] << shift) + ((i + u * step) & within)];
        for (int u = 0; u < UNROLL; u++) mine += words_sum(v[u]);
    }
#pragma unroll 1
    for (; i < units; i += step) mine += words_sum(x[((int64_t)order[i >> shift] << shift) + (i & within)]);
    sum_add(sum, mine);
}

typedef struct row_reading {
    const unsigned *order;
    int shift;
    unsigned blocks;
} row_reading;

static void rows_run(probe *p, void *context)
{
    const row_reading *r = (const row_reading *)context;
    CHECK(LAUNCH(random_rows_kernel, r->blocks, THREADS, 0, p->stream, (const uint4 *)p->words, r->order,
                 (int64_t)(p->bytes / sizeof(uint4)), r->shift, p->sum));
}

/* Fisher and Yates's shuffle, its numbers by xorshift64* (Vigna 2016). */
static void order_shuffle(unsigned *order, unsigned rows)
{
    uint64_t state = 0x9E3779B97F4A7C15u;
    for (unsigned i = 0; i < rows; i++) order[i] = i;
    for (unsigned i = rows - 1; i > 0; i--) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        unsigned j = (unsigned)(((state * 0x2545F4914F6CDD1Du) >> 32) * (i + 1) >> 32), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

void probe_random_rows(probe *p)
{
    enum { LEAST = 128, MOST = 65536 };
    unsigned maximum = (unsigned)(p->bytes / LEAST), *device = NULL, *order = (unsigned *)malloc(maximum * sizeof *order);
    probe_expect(order != NULL, "no host memory for an order of rows");
    CHECK(cudaMalloc((void **)&device, maximum * sizeof *device));
    row_reading r = {device, 3, probe_resident(p, (const void *)random_rows_kernel, THREADS, 0)};
    for (unsigned bytes = LEAST; bytes <= MOST; bytes *= 2, r.shift++) {
        unsigned rows = (unsigned)(p->bytes / bytes);
        order_shuffle(order, rows);
        CHECK(cudaMemcpyAsync(device, order, rows * sizeof *order, cudaMemcpyHostToDevice, p->stream));
        CHECK(cudaStreamSynchronize(p->stream)); /* the order is shuffled anew */
        probe_time(p, rows_run, &r);
        probe_expect_sum(p, p->expected, "the sum of the rows read in a random order");
        probe_bandwidth(p, (double)p->bytes, "read rows of %u bytes in a random order", bytes);
    }
    CHECK(cudaFree(device));
    free(order);
}

/* ---- From the host ---- */

typedef struct host_copy {
    const void *from;
    size_t bytes;
} host_copy;

static void host_copy_run(probe *p, void *context)
{
    const host_copy *c = (const host_copy *)context;
    CHECK(cudaMemcpyAsync(p->room, c->from, c->bytes, cudaMemcpyHostToDevice, p->stream));
}

static void host_copy_measure(probe *p, const void *from, size_t maximum, const char *kind)
{
    for (size_t bytes = (size_t)64 << 10; bytes <= maximum; bytes *= 64) {
        host_copy c = {from, bytes};
        CHECK(cudaMemsetAsync(p->room, 0, bytes, p->stream));
        probe_time_host(p, host_copy_run, &c);
        expect_words(p, p->room, bytes, probe_sum_words((int64_t)(bytes / sizeof(unsigned))));
        probe_bandwidth(p, (double)bytes, "copy %zu KiB from %s host memory and wait", bytes >> 10, kind);
    }
}

void probe_host_copies(probe *p)
{
    size_t maximum = p->bytes < (size_t)256 << 20 ? p->bytes : (size_t)256 << 20;
    unsigned *pageable = (unsigned *)malloc(maximum);
    void *pinned = NULL;
    probe_expect(pageable != NULL, "no host memory to copy from");
    CHECK(cudaHostAlloc(&pinned, maximum, cudaHostAllocDefault));
    for (size_t i = 0; i < maximum / sizeof *pageable; i++) pageable[i] = probe_word(i);
    memcpy(pinned, pageable, maximum);
    host_copy_measure(p, pinned, maximum, "pinned");
    host_copy_measure(p, pageable, maximum, "pageable");
    CHECK(cudaFreeHost(pinned));
    free(pageable);
}
