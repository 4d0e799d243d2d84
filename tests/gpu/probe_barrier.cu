/* Barriers over all blocks, made by hand of flags in global memory. Blocks wait for each other by looking, so that all must be
 * resident: they are launched as a cooperative grid of one block a multiprocessor. */
#include "block.h"
#include "probe.h"

enum barrier_kind { COUNTER, GATHER, ALL_TO_ALL, PACKED, BARRIER_KINDS };
static const char *const barrier_names[] = {"one counter", "flags gathered by block 0", "flags seen by all",
                                            "the product's: flags of 4 bytes"};
enum { FLAG_WORDS = 32, PATIENCE = 1 << 24 }; /* a flag has 128 bytes for itself; looks before a block gives up */

__device__ static void add_release(unsigned *p, unsigned v)
{
    asm volatile("red.release.gpu.global.add.u32 [%0], %1;" : : "l"(p), "r"(v) : "memory");
}

/* Until *p is `least` or beyond; false if it never is. (Relaxed looks and a fence after them would cost a MEMBAR more.) */
__device__ static bool await(const unsigned *p, unsigned minimum)
{
    int looks = 0;
#pragma unroll 1
    while (looks < PATIENCE && (int)(load_acquire(p) - minimum) < 0) looks++;
    return looks < PATIENCE;
}

/* Barrier number `round`, from 1. flags: FLAG_WORDS for each block and one more, zero at first. */
__device__ static bool barrier_cross(int kind, unsigned *flags, unsigned round)
{
    unsigned *shared_flag = flags + (size_t)gridDim.x * FLAG_WORDS;
    bool well = true;
    if (kind == PACKED) return grid_barrier(flags, round); /* kernels/port.h */
    __syncthreads();
    if (kind == COUNTER) {
        if (threadIdx.x == 0) {
            add_release(shared_flag, 1);
            well = await(shared_flag, round * gridDim.x);
        }
    } else {
        if (threadIdx.x == 0) store_release(flags + (size_t)blockIdx.x * FLAG_WORDS, round);
        if (kind == ALL_TO_ALL || blockIdx.x == 0)
            for (unsigned i = threadIdx.x; well && i < gridDim.x; i += blockDim.x)
                well = await(flags + (size_t)i * FLAG_WORDS, round);
        if (kind == GATHER && blockIdx.x == 0) {
            __syncthreads();
            if (threadIdx.x == 0) store_release(shared_flag, round);
        } else if (kind == GATHER && threadIdx.x == 0)
            well = await(shared_flag, round);
    }
    return __syncthreads_and(well);
}

/* With `slots`, as in probe_launch.cu, each block sees to it that the next one had come. */
__global__ static void flag_barrier_kernel(int kind, int rounds, unsigned *flags, unsigned *slots, unsigned *wrong)
{
    unsigned next = (blockIdx.x + 1) % gridDim.x;
    for (int r = 1; r <= rounds; r++) {
        unsigned *now = slots ? slots + (r & 1) * gridDim.x : nullptr;
        if (now && threadIdx.x == 0) now[blockIdx.x] = (unsigned)r;
        bool well = barrier_cross(kind, flags, (unsigned)r);
        if (!well || (now && threadIdx.x == 0 && ((volatile unsigned *)now)[next] != (unsigned)r)) atomicAdd(wrong, 1u);
        if (!well) return;
    }
}

typedef struct barrier_run {
    int kind, rounds;
    unsigned blocks, *flags, *slots;
} barrier_run;

static size_t flag_bytes(const barrier_run *b) { return (b->blocks + 1) * FLAG_WORDS * sizeof *b->flags; }

static void flag_barrier_run(probe *p, void *context)
{
    const barrier_run *b = (const barrier_run *)context;
    CHECK(cudaMemsetAsync(b->flags, 0, flag_bytes(b), p->stream));
    CHECK(LAUNCH_COOPERATIVE(flag_barrier_kernel, b->blocks, THREADS, 0, p->stream, b->kind, b->rounds, b->flags, b->slots,
                             p->sum));
}

/* ---- A block's arrival, as in probe_latency.cu, by one atomic that orders memory itself ---- */

__global__ static void count_kernel(int rounds, unsigned *counter, volatile unsigned *seen, unsigned *wrong)
{
    volatile unsigned *mine = seen + blockIdx.x * FLAG_WORDS;
    unsigned misses = 0;
    if (threadIdx.x > 0) return;
    for (int r = 1; r <= rounds; r++) {
        unsigned before;
        *mine = (unsigned)r;
        asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], 1;" : "=r"(before) : "l"(counter) : "memory");
        misses += mine[before >> 31] != (unsigned)r; /* looks once it has been counted */
    }
    if (misses) atomicAdd(wrong, misses);
}

static void count_run(probe *p, void *context)
{
    const barrier_run *b = (const barrier_run *)context;
    CHECK(LAUNCH(count_kernel, b->blocks, 32, 0, p->stream, b->rounds, b->flags, b->flags + FLAG_WORDS, p->sum));
}

static void count_measure(probe *p, barrier_run b)
{
    CHECK(cudaMemsetAsync(b.flags, 0, flag_bytes(&b), p->stream));
    probe_time(p, count_run, &b);
    probe_expect_sum(p, 0, "what a block sees of what it wrote");
    probe_latency(p, b.rounds, "arrive: write, count by an atomic that orders memory, look; %u blocks", b.blocks);
}

void probe_flag_barriers(probe *p)
{
    barrier_run b = {0, 2000, (unsigned)p->multiprocessors, nullptr, nullptr};
    size_t slot_bytes = 2 * b.blocks * sizeof *b.slots;
    unsigned *slots = nullptr;
    if (!p->cooperative) {
        probe_refused(p, "the device has no cooperative launches", "barrier of the grid, by flags");
        return;
    }
    CHECK(cudaMalloc((void **)&b.flags, flag_bytes(&b)));
    CHECK(cudaMalloc((void **)&slots, slot_bytes));
    count_measure(p, b);
    for (b.kind = 0; b.kind < BARRIER_KINDS; b.kind++) {
        CHECK(cudaMemsetAsync(slots, 0, slot_bytes, p->stream));
        b.slots = slots;
        flag_barrier_run(p, &b);
        p->runs = 1;
        probe_expect_sum(p, 0, "blocks passed a barrier of flags before others had come, or never");
        b.slots = nullptr;
        probe_time(p, flag_barrier_run, &b);
        probe_expect_sum(p, 0, "a barrier of flags was never passed");
        probe_latency(p, b.rounds, "barrier of the grid, %s, %u blocks of %d threads", barrier_names[b.kind], b.blocks, THREADS);
    }
    CHECK(cudaFree(slots));
    CHECK(cudaFree(b.flags));
}
