/* CUDA C for g++: what a kernel source sees instead of nvcc's built-in words. The types and the host functions are those of the
 * real CUDA headers; threads, barriers, shared memory and warps are execute.cpp's. One host thread runs the whole device, so an
 * atomic operation is a read, a change and a write; races.cpp hears of it. What is missing here does not compile: __shared__ (use
 * SHARED), cooperative groups, matrix instructions, approximate functions such as __expf. */
#ifndef CUSGD_EMULATOR_DEVICE_H
#define CUSGD_EMULATOR_DEVICE_H

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <cuda_runtime.h>
#include <memory>
#include <tuple>
#include <type_traits>

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __constant__
#undef __launch_bounds__
#undef __forceinline__
#undef __noinline__ /* the C++ library's headers use the word */
#define __global__
#define __device__
#define __host__
#define __constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))

#pragma GCC visibility push(hidden)
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static const int warpSize = 32;

namespace emulator
{
struct kernel_call {
    const char *name;
    const void *function;
    launch_way way;
    dim3 grid, block;
    size_t shared;
    void (*run)(const void *kernel_and_arguments); /* one device thread */
    std::shared_ptr<const void> kernel_and_arguments;
};
/* pointers: of the arguments, NULL for one that is none; the device must be able to reach them. */
cudaError_t launch_kernel(const kernel_call &call, cudaStream_t stream, const void *const *pointers, size_t count);

void barrier_block(int line);
bool barrier_block_and(int line, bool value); /* whether it was true in all threads */
void barrier_grid(int line);
void let_others_run();
void barrier_cluster(int line);
void *map_cluster(void *p, unsigned rank);
void wait_for_earlier();
void let_later_begin();
void check_fetch(const void *p, size_t bytes);
void check_fetch_line(const void *p);
void exchange_expect(unsigned long long *e, unsigned bytes);
void exchange_count(unsigned long long *e, unsigned bytes); /* in the block that they come to */
void exchange_check(unsigned long long *e, unsigned parity);
void barrier_warp(unsigned mask);
uint64_t exchange_warp(unsigned mask, uint64_t value, unsigned source); /* the value of lane `source` */
unsigned ballot_warp(unsigned mask, bool value);
unsigned lane();
/* The block's shared variable of one SHARED; `site`: 0 at first, then its number. */
void *shared_variable(unsigned *site, size_t bytes);
void *shared_dynamic();
void copy_later(void *shared, const void *global, size_t bytes);
void copy_now();
/* Accesses that other blocks see: atomic ones, and with release or acquire. */
void read_strong(const void *p, void *to, size_t bytes);
void write_strong(void *p, const void *from, size_t bytes);
void store_release(unsigned *p, unsigned v);
unsigned load_acquire(const unsigned *p);
void fence();
/* An assertion of what holds where no other kernel runs may be evaluated now: its accesses are no part of the kernel. */
bool assertion_begins();
void assertion_ends();
[[noreturn]] void trap(int line);

template <class T> struct same {
    typedef T type;
};
template <class T> const void *pointer_of(const T &argument)
{
    if constexpr (std::is_pointer_v<T>)
        return (const void *)argument;
    else
        return (void)argument, nullptr;
}
template <class To, class From> To as_bits(From from)
{
    static_assert(sizeof(From) <= 8 && sizeof(To) <= 8, "one exchange moves 8 bytes");
    To to{};
    memcpy(&to, &from, sizeof to < sizeof from ? sizeof to : sizeof from); /* of a constant size: no call */
    return to;
}
template <class T> T exchange(unsigned mask, T value, unsigned source, unsigned width)
{
    if (source / width != lane() / width) source = lane(); /* beyond its part of the warp a lane gets its own value */
    return as_bits<T>(exchange_warp(mask, as_bits<uint64_t>(value), source));
}
} // namespace emulator
#pragma GCC visibility pop

template <class... P>
static inline cudaError_t launch(launch_way way, const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                                 cudaStream_t stream, typename emulator::same<P>::type... arguments)
{
    struct held { /* the arguments are fixed here, as on the device */
        void (*kernel)(P...);
        std::tuple<P...> arguments;
    };
    const void *pointers[] = {emulator::pointer_of(arguments)..., nullptr};
    emulator::kernel_call call = {name,
                                  (const void *)kernel,
                                  way,
                                  grid,
                                  block,
                                  shared,
                                  [](const void *h) { std::apply(((const held *)h)->kernel, ((const held *)h)->arguments); },
                                  std::make_shared<const held>(held{kernel, std::tuple<P...>(arguments...)})};
    return emulator::launch_kernel(call, stream, pointers, sizeof...(P));
}

#define SHARED(T, name, count)   \
    static unsigned name##_site; \
    T(&name)[count] = *static_cast<T(*)[count]>(emulator::shared_variable(&name##_site, sizeof(T[count])))
#define DYNAMIC_SHARED(T, name) T *name = static_cast<T *>(emulator::shared_dynamic())
#define UNROLLED
#define NOT_UNROLLED
#define APART
#define GRID_CONSTANT

/* The default argument is the line of the call: two __syncthreads() that meet must be the same one. */
static inline void __syncthreads(int line = __builtin_LINE()) { emulator::barrier_block(line); }
/* As cooperative_groups has it; for the tests of the emulator and the probe. */
static inline void grid_sync(int line = __builtin_LINE()) { emulator::barrier_grid(line); }
static inline int __syncthreads_and(int predicate, int line = __builtin_LINE())
{
    return emulator::barrier_block_and(line, predicate != 0);
}
static inline void store_release(unsigned *p, unsigned v) { emulator::store_release(p, v); }
static inline unsigned load_acquire(const unsigned *p) { return emulator::load_acquire(p); }
enum { BARRIER_LOOKS = 100 }; /* between two looks every other block runs until it waits: a few would do */
static inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator::barrier_warp(mask); }
static inline void __threadfence() { emulator::fence(); }
static inline void __threadfence_block() {}
static inline void __trap(int line = __builtin_LINE()) { emulator::trap(line); }
#define ASSERT_ALONE(condition)             \
    do {                                    \
        if (emulator::assertion_begins()) { \
            bool holds = (condition);       \
            emulator::assertion_ends();     \
            if (!holds) __trap();           \
        }                                   \
    } while (0)

template <class T> static inline void copy_async(T *shared, const T *global)
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16, "what the instruction moves");
    emulator::copy_later(shared, global, sizeof(T));
}
static inline void copy_async_wait() { emulator::copy_now(); }

enum { CAN_FETCH = 1 };
static inline void wait_for_earlier() { emulator::wait_for_earlier(); }
static inline void let_later_begin() { emulator::let_later_begin(); }
static inline void fetch(const void *p, unsigned bytes) { emulator::check_fetch(p, bytes); }
static inline void fetch_line(const void *p) { emulator::check_fetch_line(p); }
static inline void cluster_sync(int line = __builtin_LINE()) { emulator::barrier_cluster(line); }
/* Where block `rank` of the cluster has what stands at p in this one's shared memory. */
template <class T> static inline T *of_cluster(T *p, unsigned rank) { return static_cast<T *>(emulator::map_cluster(p, rank)); }

/* Bytes on their way, and in the high half rounds that have begun. Blocks wait for each other's threads as at a cluster_sync().
 */
typedef unsigned long long exchange;
static inline void exchange_open(exchange *e) { *e = 0; }
static inline void exchange_expect(exchange *e, unsigned bytes) { emulator::exchange_expect(e, bytes); }
template <class T> static inline void exchange_send(T *to, T value, exchange *e, unsigned rank)
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "what the instruction sends");
    *of_cluster(to, rank) = value;
    emulator::exchange_count(of_cluster(e, rank), sizeof(T));
}
static inline void exchange_await(exchange *e, unsigned parity, int line = __builtin_LINE())
{
    emulator::barrier_cluster(line);
    emulator::exchange_check(e, parity);
}

template <class T> static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32)
{
    unsigned w = (unsigned)width;
    return emulator::exchange(mask, value, (emulator::lane() & ~(w - 1)) | ((unsigned)source & (w - 1)), w);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32)
{
    return emulator::exchange(mask, value, emulator::lane() ^ (unsigned)lanes, (unsigned)width);
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32)
{
    return emulator::exchange(mask, value, emulator::lane() + lanes, (unsigned)width);
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32)
{
    return emulator::exchange(mask, value, emulator::lane() - lanes, (unsigned)width);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate) { return emulator::ballot_warp(mask, predicate != 0); }
static inline int __any_sync(unsigned mask, int predicate) { return emulator::ballot_warp(mask, predicate != 0) != 0; }
static inline int __all_sync(unsigned mask, int predicate) { return emulator::ballot_warp(mask, predicate == 0) == 0; }

namespace emulator
{
/* An atomic operation; `change` makes the new value of the old one, which is returned. */
template <class T, class F> T exchange_at(T *p, F change)
{
    T old, changed;
    read_strong(p, &old, sizeof old);
    changed = change(old);
    write_strong(p, &changed, sizeof changed);
    return old;
}
} // namespace emulator
#define ATOMIC(name, change)                                                            \
    template <class T> static inline T name(T *p, typename emulator::same<T>::type v)   \
    {                                                                                   \
        return emulator::exchange_at(p, [=](T old) { return (void)old, (T)(change); }); \
    }
ATOMIC(atomicAdd, old + v)
ATOMIC(atomicSub, old - v)
ATOMIC(atomicExch, v)
ATOMIC(atomicMax, std::max(old, v))
ATOMIC(atomicMin, std::min(old, v))
ATOMIC(atomicAnd, (old & v))
ATOMIC(atomicOr, (old | v))
#undef ATOMIC
template <class T> static inline T atomicCAS(T *p, typename emulator::same<T>::type expected, typename emulator::same<T>::type v)
{
    return emulator::exchange_at(p, [=](T old) { return old == expected ? v : old; });
}

static inline unsigned count_arrival(unsigned *count)
{
    emulator::fence();
    unsigned before = atomicAdd(count, 1u);
    emulator::fence();
    return before;
}

using std::max;
using std::min;
template <class T> static inline T __ldg(const T *p) { return *p; }
template <class T> static inline T __ldcs(const T *p) { return *p; }
template <class T> static inline void __stcs(T *p, T v) { *p = v; }
static inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
static inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }

/* Correctly rounded operations, never contracted: -ffp-contract=off makes the plain ones so. */
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return std::sqrt(a); }
static inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __dsqrt_rn(double a) { return std::sqrt(a); }
static inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }

static inline int __float_as_int(float v) { return emulator::as_bits<int>(v); }
static inline unsigned __float_as_uint(float v) { return emulator::as_bits<unsigned>(v); }
static inline float __int_as_float(int v) { return emulator::as_bits<float>(v); }
static inline float __uint_as_float(unsigned v) { return emulator::as_bits<float>(v); }
static inline long long __double_as_longlong(double v) { return emulator::as_bits<long long>(v); }
static inline double __longlong_as_double(long long v) { return emulator::as_bits<double>(v); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline int __clz(int v) { return v ? __builtin_clz((unsigned)v) : 32; }
static inline int __clzll(long long v) { return v ? __builtin_clzll((unsigned long long)v) : 64; }
static inline int __ffs(int v) { return __builtin_ffs(v); }

#endif
