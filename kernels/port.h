/* What every kernel source includes: CUDA C under nvcc; under g++ -DCUSGD_EMULATED the same source runs on the CPU, in tests
 * (tests/emulator/README.md). Kernels are plain CUDA C but for six things, which have a form here that both compilers take:
 *   LAUNCH(kernel, grid, block, shared bytes, stream, arguments...) for <<<>>>; it returns the launch's error. A template kernel
 *       with several arguments stands in parentheses: LAUNCH((kernel<T, 4>), ...)
 *   LAUNCH_COOPERATIVE(...): the same, every block resident, so that grid_sync() may be called
 *   SHARED(T, name, count) for __shared__ T name[count];
 *   DYNAMIC_SHARED(T, name): the launch's shared bytes as T *name, aligned to 16 bytes
 *   UNROLLED, UNROLLED_8 for #pragma unroll before a loop
 *   APART for __noinline__, whose registers are its own
 * What the emulator cannot know of (clusters, distributed shared memory, bulk copies, matrix instructions) comes here, with a
 * portable twin, together with the first kernel that needs it. This file and its twin are the only ones that ask who compiles. */
#ifndef CUSGD_KERNELS_PORT_H
#define CUSGD_KERNELS_PORT_H

#ifdef CUSGD_EMULATED
#include "emulator/device.h"
#else
#include <cooperative_groups.h>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>

#define SHARED(T, name, count) __shared__ T name[count]
#define DYNAMIC_SHARED(T, name)                                           \
    extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[]; \
    T *name = reinterpret_cast<T *>(dynamic_shared_bytes)

#define UNROLLED   _Pragma("unroll")
#define UNROLLED_8 _Pragma("unroll 8")
#define APART      __noinline__

/* A type from which a template's parameter is not deduced: the arguments of a launch convert to the kernel's own types. */
template <class T> struct same {
    typedef T type;
};

template <class... P>
static inline cudaError_t launch(bool cooperative, const char *, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                                 cudaStream_t stream, typename same<P>::type... arguments)
{
    void *pointers[] = {const_cast<void *>(static_cast<const void *>(&arguments))..., nullptr};
    const void *function = reinterpret_cast<const void *>(kernel);
    return cooperative ? cudaLaunchCooperativeKernel(function, grid, block, pointers, shared, stream)
                       : cudaLaunchKernel(function, grid, block, pointers, shared, stream);
}

/* Every thread of every block of a cooperative launch waits for every other; what they wrote before is seen after it. */
__device__ static inline void grid_sync() { cooperative_groups::this_grid().sync(); }

/* The same in a launch of one-dimensional blocks and grid, by flags in device memory, one a block: barrier number `round` of
 * them, from 1. Each block raises its own and looks at all: no block's way is longer than a store and a load. */
__device__ static inline void grid_barrier(unsigned *flags, unsigned round)
{
    __syncthreads();
    if (threadIdx.x == 0) asm volatile("st.release.gpu.global.u32 [%0], %1;" : : "l"(flags + blockIdx.x), "r"(round) : "memory");
    for (unsigned i = threadIdx.x; i < gridDim.x; i += blockDim.x) {
        unsigned seen;
        do asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(flags + i) : "memory");
        while ((int)(seen - round) < 0);
    }
    __syncthreads();
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
#endif

#define LAUNCH(kernel, ...)             launch(false, #kernel, kernel, __VA_ARGS__)
#define LAUNCH_COOPERATIVE(kernel, ...) launch(true, #kernel, kernel, __VA_ARGS__)

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
template <class T> __device__ static inline T warp_max(T v)
{
    for (int offset = 16; offset > 0; offset /= 2) {
        T other = __shfl_xor_sync(FULL_WARP, v, offset);
        v = other > v ? other : v;
    }
    return v;
}

#endif
