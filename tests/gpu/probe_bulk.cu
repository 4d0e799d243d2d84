/* Reads through shared memory by bulk copies (cp.async.bulk), of compute capability 9.0 and above: each block keeps a ring of
 * chunks under way and adds up those that have come. */
#include "block.h"
#include "probe.h"

enum { MAX_STAGES = 16 };

typedef struct bulk_task {
    const unsigned char *x;
    int64_t chunks;         /* of x */
    unsigned bytes, stages; /* of a chunk; of the ring */
    unsigned *sum;
} bulk_task;

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
/* One thread: the chunk starts on its way. */
__device__ static void chunk_start(unsigned char *to, const unsigned char *from, unsigned bytes, exchange *arrival)
{
    exchange_expect(arrival, bytes);
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                 :
                 : "r"(shared_address(to)), "l"(from), "r"(bytes), "r"(shared_address(arrival))
                 : "memory");
}
#endif

/* Block b takes chunks b, b + gridDim.x, ...; its j-th goes into stage j % stages. */
__global__ static void bulk_kernel(bulk_task t)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    extern __shared__ __align__(128) unsigned char ring[];
    __shared__ exchange arrival[MAX_STAGES];
    unsigned mine = 0, stage = 0, phase = 0;
    int64_t ahead = (int64_t)t.stages * gridDim.x;
    if (threadIdx.x == 0) {
#pragma unroll 1
        for (unsigned s = 0; s < t.stages; s++) exchange_open(arrival + s);
        for (unsigned s = 0; s < t.stages && blockIdx.x + (int64_t)s * gridDim.x < t.chunks; s++)
            chunk_start(ring + s * t.bytes, t.x + (blockIdx.x + (int64_t)s * gridDim.x) * t.bytes, t.bytes, arrival + s);
    }
    __syncthreads();
    for (int64_t c = blockIdx.x; c < t.chunks; c += gridDim.x) {
        const uint4 *x = (const uint4 *)(ring + stage * t.bytes);
        exchange_await(arrival + stage, phase);
#pragma unroll 4
        for (unsigned i = threadIdx.x; i < t.bytes / sizeof(uint4); i += THREADS) {
            uint4 v = x[i];
            mine += v.x + v.y + v.z + v.w;
        }
        __syncthreads(); /* all have read the stage: it may be filled again */
        if (threadIdx.x == 0 && c + ahead < t.chunks)
            chunk_start(ring + stage * t.bytes, t.x + (c + ahead) * t.bytes, t.bytes, arrival + stage);
        if (++stage == t.stages) stage = 0, phase ^= 1;
    }
    mine = warp_sum(mine);
    if (threadIdx.x % 32 == 0) atomicAdd(t.sum, mine);
#else
    if (threadIdx.x == 0) atomicAdd(t.sum, 1u);
#endif
}

static void bulk_run(probe *p, void *context)
{
    const bulk_task *t = (const bulk_task *)context;
    CHECK(LAUNCH(bulk_kernel, (unsigned)p->multiprocessors, THREADS, (size_t)t->bytes * t->stages, p->stream, *t));
}

void probe_bulk_copies(probe *p)
{
    static const struct {
        unsigned kib, stages; /* of a chunk */
    } rings[] = {{4, 8}, {8, 4}, {8, 9}, {16, 4}, {16, 8}, {16, 12}, {32, 3}, {32, 6}, {64, 3}};
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        unsigned bytes = rings[i].kib << 10, stages = rings[i].stages;
        bulk_task t = {(const unsigned char *)p->words, (int64_t)(p->bytes / bytes), bytes, stages, p->sum};
        const char *form = "read by bulk copies, ring of %2u chunks of %2u KiB an SM";
        if (p->major < 9) {
            probe_refused(p, "compute capability 9.0 is needed", form, stages, rings[i].kib);
            continue;
        }
        cudaError_t error =
            cudaFuncSetAttribute((const void *)bulk_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)(bytes * stages));
        if (error != cudaSuccess) {
            (void)cudaGetLastError();
            probe_refused(p, cudaGetErrorString(error), form, stages, rings[i].kib);
            continue;
        }
        probe_time(p, bulk_run, &t);
        probe_expect_sum(p, p->expected, "the sum of what came by bulk copies");
        probe_bandwidth(p, (double)p->bytes, form, stages, rings[i].kib);
    }
}
