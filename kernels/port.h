/* The portability layer that every kernel source includes. nvcc compiles the sources as CUDA C; g++ -DCUSGD_EMULATED compiles
 * the same sources for the CPU, in tests (tests/emulator/README.md). Kernels are plain CUDA C except for the following, whose
 * forms here are accepted by both compilers:
 *   LAUNCH(kernel, grid, block, shared bytes, stream, arguments...) replaces <<<>>> and returns the error of the launch. The name
 *       of a template kernel with several arguments needs parentheses: LAUNCH((kernel<T, 4>), ...)
 *   LAUNCH_COOPERATIVE(...): the same with all blocks resident, so that grid_barrier() may be called
 *   LAUNCH_AS(way, ...): the same in clusters of blocks, or early: see launch_way
 *   SHARED(T, name, count): __shared__ T name[count], aligned to 16 bytes
 *   DYNAMIC_SHARED(T, name): declares the dynamic shared memory of the launch as T *name, aligned to 16 bytes
 *   UNROLLED: #pragma unroll before a loop; NOT_UNROLLED: #pragma unroll 1
 *   APART: __noinline__, for functions that must not share registers with their caller
 *   GRID_CONSTANT: __grid_constant__, for a kernel argument that is indexed without a copy in each thread
 *   wait_for_earlier(), let_later_begin(), fetch(), fetch_line(): overlap of successive kernels of a stream
 *   ASSERT_ALONE(condition): asserts what holds if no two kernels run at the same time; only the emulated GPU checks it
 *   cluster_sync(), exchange_...(): synchronization of the blocks of a cluster
 *   count_arrival(): synchronization of the blocks of a grid, instead of __threadfence() and atomicAdd()
 * Other features that the emulator does not support (bulk copies, matrix instructions) are added here, with a portable
 * equivalent, together with the first kernel that needs them. Only this file and its counterpart in the emulator depend on the
 * compiler. cooperative_groups.h of CUDA is not included, because it adds 4 seconds to nvcc's time for each source. */
#ifndef CUSGD_KERNELS_PORT_H
#define CUSGD_KERNELS_PORT_H

/* How a kernel is launched. early: the kernel may start before the previous kernel of the stream has finished, once each block
 * of that kernel has called let_later_begin() or returned. cluster: groups of this many blocks of a one-dimensional grid, at
 * most 8, are resident together and can access each other's shared memory; 0: no clusters. Both require compute capability 9.0,
 * and neither can be combined with cooperative. */
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

/* Prevents deduction of a template parameter from an argument, so that the arguments of a launch convert to the types of the
 * kernel's parameters. */
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

/* Release and acquire operations between the blocks of a launch. A thread that acquires a released value also sees what the
 * releasing thread wrote before. */
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

/* The number of times that a thread reads another block's flag before it gives up. That takes more than 10 seconds, because a
 * read takes at least the latency of the L2 cache, about 0.15 us. Between two barriers a block works for milliseconds at most. */
enum { BARRIER_LOOKS = 1 << 26 };

/* Adds 1 to *count in device memory and returns the previous value, which is the number of blocks of the grid that have called
 * before. What this thread wrote, and what other threads wrote before a __syncthreads() with it, is visible to each thread that
 * counts later, and to others after a __syncthreads() with that thread. One thread per block calls. The memory order is
 * acquire-release; __threadfence() before and after an atomicAdd() would be sequentially consistent, which costs several times
 * as much. */
__device__ static inline unsigned count_arrival(unsigned *count)
{
    unsigned before;
    asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], 1;" : "=r"(before) : "l"(count) : "memory");
    return before;
}

/* Copies a T of 4, 8 or 16 bytes asynchronously from global to shared memory. The calling thread sees it after
 * copy_async_wait(). Before compute capability 8.0 the copy passes through registers. */
template <class T> __device__ static inline void copy_async(T *shared, const T *global)
{
    __pipeline_memcpy_async(shared, global, sizeof(T));
}
__device__ static inline void copy_async_wait()
{
    __pipeline_commit();
    __pipeline_wait_prior(0);
}

/* The functions below have an effect from compute capability 9.0 on. On other devices no kernel is launched early or in
 * clusters. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define CUSGD_FROM_90(...) __VA_ARGS__
enum { CAN_FETCH = 1 };
#else
#define CUSGD_FROM_90(...)
enum { CAN_FETCH = 0 };
#endif

/* Waits, in a kernel that is launched early, until everything that earlier kernels wrote is visible. Every thread must call. */
__device__ static inline void wait_for_earlier() { CUSGD_FROM_90(asm volatile("griddepcontrol.wait;" : : : "memory");) }
/* Permits, on behalf of this block, that a later kernel that is launched early starts. */
__device__ static inline void let_later_begin()
{
    CUSGD_FROM_90(asm volatile("griddepcontrol.launch_dependents;" : : : "memory");)
}

/* Prefetches `bytes` bytes of device memory at p into the L2 cache; both are multiples of 16. The requests of the threads of a
 * warp are issued one after another, so each should be for many bytes. */
__device__ static inline void fetch(const void *p, unsigned bytes)
{
    (void)p, (void)bytes;
    CUSGD_FROM_90(asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;"
                               :
                               : "l"(__cvta_generic_to_global(p)), "r"(bytes)
                               : "memory");)
}

/* Prefetches the 128-byte line of device memory that contains p into the L2 cache. The requests of the threads of a warp are
 * issued together. */
__device__ static inline void fetch_line(const void *p)
{
    (void)p;
    CUSGD_FROM_90(asm volatile("prefetch.global.L2 [%0];" : : "l"(__cvta_generic_to_global(p)) : "memory");)
}

/* Synchronizes all threads of all blocks of a cluster. What they wrote before, including to each other's shared memory, is
 * visible afterwards. Before the first call other blocks may not have started, and after the last call they may have ended. */
__device__ static inline void cluster_sync()
{
    CUSGD_FROM_90(asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" : : : "memory");)
}

/* An exchange sends values between the blocks of a cluster in rounds. A block waits only for the bytes that it receives, and
 * not for threads of other blocks or other memory accesses, as cluster_sync() does, which also invalidates the L1 cache. An
 * exchange is a variable in shared memory, at the same address in each block; every round transfers the same number of bytes.
 * It may be reused for the next round once all threads of the block have returned from exchange_await() of this round and all
 * other blocks are known to have done so. Two exchanges used in alternation meet this requirement if each round starts with a
 * __syncthreads() and every block sends to every block. */
typedef unsigned long long exchange;

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
__device__ static inline unsigned shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
/* Returns the address of the variable that corresponds to *p in block `rank` of the cluster. */
__device__ static inline unsigned cluster_address(const void *p, unsigned rank)
{
    unsigned there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_address(p)), "r"(rank));
    return there;
}

/* Initializes an exchange. One thread of each block calls it first, before a cluster_sync(). */
__device__ static inline void exchange_open(exchange *e)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" : : "r"(shared_address(e)) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" : : : "memory");
}

/* Announces the number of bytes that the block receives in a round. One thread of each block calls it in each round, before or
 * after their arrival. */
__device__ static inline void exchange_expect(exchange *e, unsigned bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(shared_address(e)), "r"(bytes) : "memory");
}

/* Sends a value to *to in block `rank` of the cluster, where the exchange that corresponds to *e counts its bytes. Both
 * pointers are addresses in this block. */
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

/* Waits until the bytes of the round have arrived and are visible. Every thread of the block must call. parity: 0 in the first
 * round of the exchange, 1 in the second, and so on alternately. The acquire has block scope, which suffices for the block's
 * own shared memory; with cluster scope, every thread would invalidate the L1 cache (CCTL.IVALL). */
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

/* Synchronizes all threads of all blocks of a cooperative launch with one-dimensional blocks and grid; what they wrote before
 * is visible afterwards. flags: one per block, in device memory; round: number of the barrier, from 1 on. Each block sets its
 * own flag and polls all flags, so that the latency is one store and one load. Returns false in all threads of the block if
 * another block did not arrive, that is, if it is not running although a cooperative launch guarantees that it does. */
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

/* 16 bytes of values of T that one instruction loads or stores: 4 floats or 2 doubles, at an address that is a multiple of 16. */
template <class T> struct alignas(16) pack {
    T at[16 / sizeof(T)];
};
template <class T> __device__ static inline pack<T> load_pack(const T *p) { return *reinterpret_cast<const pack<T> *>(p); }
template <class T> __device__ static inline void store_pack(T *p, const pack<T> &v) { *reinterpret_cast<pack<T> *>(p) = v; }
__host__ __device__ static inline bool is_pack_aligned(const void *p) { return reinterpret_cast<size_t>(p) % 16 == 0; }

/* Sums v over the 32 lanes of a warp by a fixed tree; every lane receives the same bits. All lanes must call. */
template <class T> __device__ static inline T warp_sum(T v)
{
    for (int offset = 16; offset > 0; offset /= 2) v += __shfl_xor_sync(FULL_WARP, v, offset);
    return v;
}

#endif
