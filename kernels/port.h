/* What every kernel source includes: CUDA C under nvcc; under g++ -DCUSGD_EMULATED the same source runs on the CPU, in tests
 * (tests/emulator/README.md). Kernels are plain CUDA C but for these things, which have a form here that both compilers take:
 *   LAUNCH(kernel, grid, block, shared bytes, stream, arguments...) for <<<>>>; it returns the launch's error. A template kernel
 *       with several arguments stands in parentheses: LAUNCH((kernel<T, 4>), ...)
 *   LAUNCH_COOPERATIVE(...): the same, every block resident, so that grid_barrier() may be called
 *   LAUNCH_AS(way, ...): the same in clusters of blocks, or early: see launch_way
 *   SHARED(T, name, count) for __shared__ T name[count], aligned to 16 bytes
 *   DYNAMIC_SHARED(T, name): the launch's shared bytes as T *name, aligned to 16 bytes
 *   UNROLLED for #pragma unroll before a loop; NOT_UNROLLED for #pragma unroll 1
 *   APART for __noinline__, whose registers are its own
 *   GRID_CONSTANT for __grid_constant__: a kernel's argument that is read by index where it is, without a copy in each thread
 *   wait_for_earlier(), let_later_begin(), fetch(), fetch_line(): between the kernels of a stream
 *   ASSERT_ALONE(condition): of what holds where no two kernels run at once; checked on the emulated GPU alone, when none do
 *   cluster_sync(), exchange_...(): between the blocks of a cluster
 *   count_arrival(): between the blocks of a grid, in place of __threadfence() and atomicAdd()
 * What the emulator cannot know of (bulk copies, matrix instructions) comes here, with a portable twin, together with the first
 * kernel that needs it. This file and its twin are the only ones that ask who compiles. CUDA's cooperative_groups.h stays out:
 * nvcc takes 4 seconds for it, in each source. */
#ifndef CUSGD_KERNELS_PORT_H
#define CUSGD_KERNELS_PORT_H

/* How a kernel is launched. early: it may begin before the kernel before it in the stream is done, once each block of that one
 * has called let_later_begin() or returned. cluster: groups of so many blocks of a one-dimensional grid, at most 8, are resident
 * together and reach each other's shared memory; 0: none. Both need compute capability 9.0, and neither can be combined with
 * cooperative. */
struct launch_way {
    bool cooperative, early;
    unsigned cluster;
};

#ifdef CUSGD_EMULATED
#include "emulator/device.h"
#else
#define ASSERT_ALONE(condition) ((void)0)
#include <cuda_pipeline.h>
#include <cuda_runtime.h>

#define SHARED(T, name, count) __shared__ __align__(16) T name[count]
#define DYNAMIC_SHARED(T, name)                                           \
    extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[]; \
    T *name = reinterpret_cast<T *>(dynamic_shared_bytes)

#define UNROLLED      _Pragma("unroll")
#define NOT_UNROLLED  _Pragma("unroll 1")
#define APART         __noinline__
#define GRID_CONSTANT __grid_constant__

/* A type from which a template's parameter is not deduced: the arguments of a launch convert to the kernel's own types. */
template <class T> struct same {
    typedef T type;
};

template <class... P>
static inline cudaError_t launch(launch_way way, const char *, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                                 cudaStream_t stream, typename same<P>::type... arguments)
{
    void *pointers[] = {const_cast<void *>(static_cast<const void *>(&arguments))..., nullptr};
    const void *function = reinterpret_cast<const void *>(kernel);
    if (way.cooperative) return cudaLaunchCooperativeKernel(function, grid, block, pointers, shared, stream);
    if (!way.early && way.cluster == 0) return cudaLaunchKernel(function, grid, block, pointers, shared, stream);
    cudaLaunchAttribute attributes[2];
    cudaLaunchConfig_t config = {grid, block, shared, stream, attributes, 0};
    if (way.early) {
        attributes[config.numAttrs].id = cudaLaunchAttributeProgrammaticStreamSerialization;
        attributes[config.numAttrs++].val.programmaticStreamSerializationAllowed = 1;
    }
    if (way.cluster > 0) {
        attributes[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
        attributes[config.numAttrs].val.clusterDim.x = way.cluster;
        attributes[config.numAttrs].val.clusterDim.y = attributes[config.numAttrs].val.clusterDim.z = 1;
        config.numAttrs++;
    }
    return cudaLaunchKernelExC(&config, function, pointers);
}

/* Between the blocks of a launch. Who has seen the value that another block released sees what that one wrote before, too. */
__device__ static inline void store_release(unsigned *p, unsigned v)
{
    asm volatile("st.release.gpu.global.u32 [%0], %1;" : : "l"(p), "r"(v) : "memory");
}
__device__ static inline unsigned load_acquire(const unsigned *p)
{
    unsigned v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}

/* How often a thread looks at another block's flag before it gives up: more than 10 seconds, as a look takes at least the latency
 * of the L2 cache, about 0.15 us. Between two barriers a block works for milliseconds at most. */
enum { BARRIER_LOOKS = 1 << 26 };

/* Adds 1 to *count, in device memory, and returns what it was before: how many blocks of a grid have come here. What this thread
 * has written, and other threads before a __syncthreads() with it, is seen by each thread that counts later, and by others after
 * a __syncthreads() with that one. One thread of a block calls. It orders memory as far as that takes; __threadfence() on both
 * sides of an atomicAdd() would order it sequentially, which costs several times as much. */
__device__ static inline unsigned count_arrival(unsigned *count)
{
    unsigned before;
    asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], 1;" : "=r"(before) : "l"(count) : "memory");
    return before;
}

/* Copies T, of 4, 8 or 16 bytes, from global to shared memory in the background; it is there, for the thread that asked, after
 * copy_async_wait(). Through registers before compute capability 8.0. */
template <class T> __device__ static inline void copy_async(T *shared, const T *global)
{
    __pipeline_memcpy_async(shared, global, sizeof(T));
}
__device__ static inline void copy_async_wait()
{
    __pipeline_commit();
    __pipeline_wait_prior(0);
}

/* What follows does something from compute capability 9.0 on; elsewhere no kernel is launched early or in clusters. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define CUSGD_FROM_90(...) __VA_ARGS__
enum { CAN_FETCH = 1 };
#else
#define CUSGD_FROM_90(...)
enum { CAN_FETCH = 0 };
#endif

/* In a kernel that is launched early: what the kernels before it wrote is there from here on; every thread must call. */
__device__ static inline void wait_for_earlier() { CUSGD_FROM_90(asm volatile("griddepcontrol.wait;" : : : "memory");) }
/* A kernel behind this one that is launched early may begin, as far as this block is concerned. */
__device__ static inline void let_later_begin()
{
    CUSGD_FROM_90(asm volatile("griddepcontrol.launch_dependents;" : : : "memory");)
}

/* Brings `bytes` of device memory at p, both multiples of 16, into the L2 cache in the background. Threads of a warp that call
 * ask one after another: for many bytes each. */
__device__ static inline void fetch(const void *p, unsigned bytes)
{
    (void)p, (void)bytes;
    CUSGD_FROM_90(asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;"
                               :
                               : "l"(__cvta_generic_to_global(p)), "r"(bytes)
                               : "memory");)
}

/* Brings the 128 bytes of device memory in which p is into the L2 cache; the threads of a warp ask at once. */
__device__ static inline void fetch_line(const void *p)
{
    (void)p;
    CUSGD_FROM_90(asm volatile("prefetch.global.L2 [%0];" : : "l"(__cvta_generic_to_global(p)) : "memory");)
}

/* Every thread of every block of a cluster waits for every other; what they wrote before, to each other's shared memory too, is
 * seen after it. Before the first one another block may not have begun, and after its last one it may be gone. */
__device__ static inline void cluster_sync()
{
    CUSGD_FROM_90(asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" : : : "memory");)
}

/* Values that the blocks of a cluster send each other, in rounds: a block waits for the bytes that come to itself, and neither
 * for other blocks' threads nor for any other memory, as it does at a cluster_sync(), which also empties the L1 cache. An
 * exchange is a variable in shared memory, at the same place in each block, on which each round has the same bytes on their way.
 * It may serve the next round once all of the block's threads have left exchange_await() of this one, and all other blocks are
 * known to have: two that take turns do, where each round begins with a __syncthreads() and every block sends to every block. */
typedef unsigned long long exchange;

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
__device__ static inline unsigned shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
/* Of what stands at p in block `rank` of the cluster. */
__device__ static inline unsigned cluster_address(const void *p, unsigned rank)
{
    unsigned there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_address(p)), "r"(rank));
    return there;
}

/* One thread of each block, before a cluster_sync() and anything else. */
__device__ static inline void exchange_open(exchange *e)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" : : "r"(shared_address(e)) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" : : : "memory");
}

/* One thread of each block, in each round: so many bytes will come, or have. */
__device__ static inline void exchange_expect(exchange *e, unsigned bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(shared_address(e)), "r"(bytes) : "memory");
}

/* To *to of block `rank` of the cluster, counted there by *e: both as they stand in this block. */
__device__ static inline void exchange_send(float *to, float value, exchange *e, unsigned rank)
{
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b32 [%0], %1, [%2];"
                 :
                 : "r"(cluster_address(to, rank)), "r"(__float_as_uint(value)), "r"(cluster_address(e, rank))
                 : "memory");
}
__device__ static inline void exchange_send(double *to, double value, exchange *e, unsigned rank)
{
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b64 [%0], %1, [%2];"
                 :
                 : "r"(cluster_address(to, rank)), "l"(__double_as_longlong(value)), "r"(cluster_address(e, rank))
                 : "memory");
}

/* Every thread of the block: until this round's bytes have come; they are seen after it. parity: 0 in the exchange's first round,
 * 1 in its second, and so on by turns. It acquires at the block's scope, which is enough for what stands in the block's own
 * shared memory; at the cluster's, every thread would empty the L1 cache (CCTL.IVALL). */
__device__ static inline void exchange_await(exchange *e, unsigned parity)
{
    unsigned done = 0;
    while (!done)
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                     : "=r"(done)
                     : "r"(shared_address(e)), "r"(parity)
                     : "memory");
}
#else
__device__ static inline void exchange_open(exchange *) {}
__device__ static inline void exchange_expect(exchange *, unsigned) {}
template <class T> __device__ static inline void exchange_send(T *, T, exchange *, unsigned) {}
__device__ static inline void exchange_await(exchange *, unsigned) {}
#endif
#endif

/* Every thread of every block of a cooperative launch, of one-dimensional blocks and grid, waits for every other; what they wrote
 * before is seen after it. By flags in device memory, one a block: barrier number `round` of them, from 1. Each block raises its
 * own and looks at all: no block's way is longer than a store and a load. False, for all threads of the block, if another block
 * did not come: it does not run, although a cooperative launch promises that. */
__device__ static inline bool grid_barrier(unsigned *flags, unsigned round)
{
    int met = 1;
    __syncthreads();
    if (threadIdx.x == 0) store_release(flags + blockIdx.x, round);
    for (unsigned i = threadIdx.x; met && i < gridDim.x; i += blockDim.x) {
        unsigned seen, looks = 0;
        do seen = load_acquire(flags + i);
        while ((int)(seen - round) < 0 && ++looks < BARRIER_LOOKS);
        met = (int)(seen - round) >= 0;
    }
    return __syncthreads_and(met) != 0;
}

#define LAUNCH_AS(way, kernel, ...)     launch(way, #kernel, kernel, __VA_ARGS__)
#define LAUNCH(kernel, ...)             LAUNCH_AS((launch_way{false, false, 0}), kernel, __VA_ARGS__)
#define LAUNCH_COOPERATIVE(kernel, ...) LAUNCH_AS((launch_way{true, false, 0}), kernel, __VA_ARGS__)

#define FULL_WARP 0xffffffffu

/* 16 bytes of T, loaded and stored by one instruction: 4 floats or 2 doubles, at an address that is a multiple of 16. */
template <class T> struct alignas(16) pack {
    T at[16 / sizeof(T)];
};
template <class T> __device__ static inline pack<T> load_pack(const T *p) { return *reinterpret_cast<const pack<T> *>(p); }
template <class T> __device__ static inline void store_pack(T *p, const pack<T> &v) { *reinterpret_cast<pack<T> *>(p) = v; }
__host__ __device__ static inline bool is_pack_aligned(const void *p) { return reinterpret_cast<size_t>(p) % 16 == 0; }

/* Over the 32 lanes of a warp, all of which must call; every lane gets the result, in the same bits: a fixed tree. */
template <class T> __device__ static inline T warp_sum(T v)
{
    for (int offset = 16; offset > 0; offset /= 2) v += __shfl_xor_sync(FULL_WARP, v, offset);
    return v;
}

#endif
