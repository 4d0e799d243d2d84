/* Clusters, of compute capability 9.0 and above: their barrier, and reads of the other blocks' shared memory. */
#include "block.h"
#include "probe.h"

#include <cooperative_groups.h>
#include <stdio.h>

enum { SHARED_WORDS = 12 * 1024, WIDEST = 16 }; /* 48 KB per block */

/* With `wrong`, each block looks in every round whether the next one had come; odd and even rounds have slots of their own, since
 * a block may be one barrier ahead. */

/* The barrier of cooperative groups orders memory (a MEMBAR of the whole GPU's scope, by the machine code); bare, it does not, so
 * that nothing can be looked at. */
template <bool BARE> __global__ static void cluster_barrier_kernel(int rounds, unsigned *wrong)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    cooperative_groups::cluster_group cluster = cooperative_groups::this_cluster();
    __shared__ unsigned slot[2];
    const volatile unsigned *other = cluster.map_shared_rank(slot, (cluster.block_rank() + 1) % cluster.num_blocks());
#pragma unroll 1
    for (int r = 1; r <= rounds; r++) {
        if (wrong && threadIdx.x == 0) slot[r & 1] = (unsigned)r;
        if (BARE) {
            asm volatile("barrier.cluster.arrive.relaxed.aligned;" : : : "memory");
            asm volatile("barrier.cluster.wait.aligned;" : : : "memory");
        } else
            cluster.sync();
        if (wrong && threadIdx.x == 0 && other[r & 1] != (unsigned)r) atomicAdd(wrong, 1u);
    }
    cluster.sync(); /* nobody's shared memory goes while another may read it */
#else
    if (rounds > 0 && wrong && threadIdx.x == 0) atomicAdd(wrong, 1u);
#endif
}

/* Each block sends 4 bytes to every block by st.async, which the receiver's mbarrier counts, and goes on when it has all of them:
 * no fence is needed for what is sent. */
__global__ static void cluster_exchange_kernel(int rounds, unsigned *wrong)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    cooperative_groups::cluster_group cluster = cooperative_groups::this_cluster();
    __shared__ unsigned slot[2][WIDEST];
    __shared__ exchange arrival[2];
    unsigned size = cluster.num_blocks(), receiver = threadIdx.x % size;
    unsigned to = cluster_address(slot[0] + cluster.block_rank(), receiver), count = cluster_address(arrival, receiver);
    for (int i = 0; i < 2 && threadIdx.x == 0; i++) exchange_open(arrival + i);
    cluster.sync();
#pragma unroll 1
    for (int r = 1; r <= rounds; r++) {
        int i = r & 1;
        if (threadIdx.x == 0) exchange_expect(arrival + i, size * (unsigned)sizeof slot[0][0]);
        if (threadIdx.x < size)
            asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];"
                         :
                         : "r"(to + (unsigned)i * (unsigned)sizeof slot[0]), "r"((unsigned)r),
                           "r"(count + (unsigned)i * (unsigned)sizeof arrival[0])
                         : "memory");
        exchange_await(arrival + i, ((unsigned)r - 1) / 2 & 1);
        if (wrong && threadIdx.x < size && ((volatile unsigned *)slot[i])[threadIdx.x] != (unsigned)r) atomicAdd(wrong, 1u);
        __syncthreads(); /* no thread may be two rounds late: it would take a later phase for its own */
    }
    cluster.sync();
#else
    if (rounds > 0 && wrong && threadIdx.x == 0) atomicAdd(wrong, 1u);
#endif
}

static const struct {
    const char *name;
    const void *kernel;
    int ordered; /* 1: it can be looked at */
} barriers[] = {{"cooperative groups", (const void *)cluster_barrier_kernel<false>, 1},
                {"ordering no memory", (const void *)cluster_barrier_kernel<true>, 0},
                {"4 bytes sent by all to all", (const void *)cluster_exchange_kernel, 1}};
enum { CLUSTER_BARRIERS = sizeof barriers / sizeof barriers[0] };

/* Each block fills its shared memory with the words of its rank and reads that of every other block `rounds` times, from the next
 * one on, so that no two read the same block at once. */
__global__ static void cluster_read_kernel(int rounds, unsigned *sum)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    DYNAMIC_SHARED(unsigned, words);
    cooperative_groups::cluster_group cluster = cooperative_groups::this_cluster();
    unsigned rank = cluster.block_rank(), size = cluster.num_blocks(), mine = 0;
    for (unsigned i = threadIdx.x; i < SHARED_WORDS; i += blockDim.x) words[i] = probe_word((uint64_t)rank * SHARED_WORDS + i);
    cluster.sync();
    for (int r = 0; r < rounds; r++)
        for (unsigned other = 1; other < size; other++) {
            const uint4 *x = (const uint4 *)cluster.map_shared_rank(words, (rank + other) % size);
#pragma unroll
            for (int u = 0; u < SHARED_WORDS / 4 / THREADS; u++) {
                uint4 v = x[u * THREADS + threadIdx.x];
                mine += v.x + v.y + v.z + v.w;
            }
        }
    mine = warp_sum(mine);
    if (threadIdx.x % 32 == 0) atomicAdd(sum, mine);
    cluster.sync();
#else
    if (rounds > 0 && threadIdx.x == 0) atomicAdd(sum, 1u);
#endif
}

/* ---- Launching ---- */

typedef struct cluster_run {
    const void *kernel;
    unsigned size, clusters; /* blocks of a cluster, clusters */
    int rounds;
    size_t shared;
    unsigned *out;
} cluster_run;

static void cluster_config(const probe *p, const cluster_run *c, cudaLaunchAttribute *attribute, cudaLaunchConfig_t *config)
{
    attribute->id = cudaLaunchAttributeClusterDimension;
    attribute->val.clusterDim.x = c->size;
    attribute->val.clusterDim.y = attribute->val.clusterDim.z = 1;
    *config = cudaLaunchConfig_t();
    config->gridDim = dim3(c->size * c->clusters);
    config->blockDim = dim3(THREADS);
    config->dynamicSmemBytes = c->shared;
    config->stream = p->stream;
    config->attrs = attribute;
    config->numAttrs = 1;
}

static void cluster_launch(probe *p, void *context)
{
    const cluster_run *c = (const cluster_run *)context;
    cudaLaunchAttribute attribute;
    cudaLaunchConfig_t config;
    int rounds = c->rounds;
    unsigned *out = c->out;
    void *arguments[] = {&rounds, &out};
    cluster_config(p, c, &attribute, &config);
    CHECK(cudaLaunchKernelExC(&config, c->kernel, arguments));
}

/* How many clusters of this kind the device holds at once; 0: none, and `why` says why. */
static unsigned clusters_held(const probe *p, const cluster_run *c, char *why, size_t size)
{
    cudaLaunchAttribute attribute;
    cudaLaunchConfig_t config;
    int held = 0;
    if (p->major < 9) {
        snprintf(why, size, "compute capability 9.0 is needed");
        return 0;
    }
    cudaError_t error = cudaFuncSetAttribute(c->kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
    if (error == cudaSuccess)
        error = cudaFuncSetAttribute(c->kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)c->shared);
    cluster_config(p, c, &attribute, &config);
    if (error == cudaSuccess) error = cudaOccupancyMaxActiveClusters(&held, c->kernel, &config);
    if (error == cudaSuccess && held > 0) return (unsigned)held;
    (void)cudaGetLastError(); /* a refusal is an answer */
    snprintf(why, size, "%s", error != cudaSuccess ? cudaGetErrorString(error) : "no such cluster fits the device");
    return 0;
}

/* ---- Measuring ---- */

static void barrier_measure(probe *p, unsigned size, int kind)
{
    const char *name = barriers[kind].name;
    char why[160];
    cluster_run c = {barriers[kind].kernel, size, 1, 2000, 0, p->sum};
    unsigned maximum = clusters_held(p, &c, why, sizeof why);
    if (maximum == 0) probe_refused(p, why, "barrier of a cluster of %u, %s", size, name);
    for (c.clusters = 1; maximum > 0; c.clusters = maximum) {
        c.out = barriers[kind].ordered ? p->sum : nullptr;
        cluster_launch(p, &c);
        p->runs = 1;
        probe_expect_sum(p, 0, "blocks passed a cluster's barrier before others had come");
        c.out = nullptr;
        probe_time(p, cluster_launch, &c);
        probe_latency(p, c.rounds, "barrier of a cluster of %u, %s, %u at once", size, name, c.clusters);
        if (c.clusters == maximum) break;
    }
}

static void read_measure(probe *p, unsigned size)
{
    char why[160];
    cluster_run c = {(const void *)cluster_read_kernel, size, 1, 200, SHARED_WORDS * sizeof(unsigned), p->sum};
    unsigned maximum = clusters_held(p, &c, why, sizeof why);
    unsigned once = probe_sum_words((int64_t)size * SHARED_WORDS) * (size - 1); /* each block's words are read by the others */
    double bytes = (double)c.rounds * (size - 1) * size * SHARED_WORDS * sizeof(unsigned);
    if (maximum == 0) probe_refused(p, why, "read the other blocks' shared memory, cluster of %u blocks", size);
    for (c.clusters = 1; maximum > 0; c.clusters = maximum) {
        probe_time(p, cluster_launch, &c);
        probe_expect_sum(p, once * (unsigned)c.rounds * c.clusters, "the sum of the other blocks' shared memory");
        probe_bandwidth(p, bytes * c.clusters, "read other blocks' shared memory, cluster of %u, %u at once", size, c.clusters);
        if (c.clusters == maximum) break;
    }
}

void probe_clusters(probe *p)
{
    for (unsigned size = 2; size <= WIDEST; size *= 2)
        for (int kind = 0; kind < CLUSTER_BARRIERS; kind++) barrier_measure(p, size, kind);
    read_measure(p, 8);
    read_measure(p, WIDEST);
}

/* With 48 KB of shared memory a block, of THREADS threads. */
void probe_cluster_counts(probe *p)
{
    char why[160];
    for (unsigned size = 2; size <= WIDEST; size *= 2) {
        cluster_run c = {(const void *)cluster_read_kernel, size, 1, 0, SHARED_WORDS * sizeof(unsigned), nullptr};
        unsigned held = clusters_held(p, &c, why, sizeof why);
        const char *form = "clusters of %u blocks that fit the device at once";
        if (held)
            probe_value(p, held, "", form, size);
        else
            probe_refused(p, why, form, size);
    }
}
