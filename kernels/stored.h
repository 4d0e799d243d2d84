/* Values of x as they are kept: of `real`, or of bf16, which are widened to the floats that they are. */
#ifndef CUSGD_KERNELS_STORED_H
#define CUSGD_KERNELS_STORED_H

#include "port.h"
#include "scalar/bf16.h"

/* 16 bytes of bf16: 8 of them, two a word, so that one instruction loads them and one more widens each. */
template <> struct alignas(16) pack<bf16> {
    uint32_t at[4];
};

__device__ static inline float value_of(float v) { return v; }
__device__ static inline double value_of(double v) { return v; }
__device__ static inline float value_of(bf16 v) { return __uint_as_float((uint32_t)v.bits << 16); }

/* Value i of 16 bytes. */
template <class T> __device__ static inline T value_at(const pack<T> &v, int i) { return v.at[i]; }
__device__ static inline float value_at(const pack<bf16> &v, int i)
{
    uint32_t both = v.at[i / 2];
    return __uint_as_float(i % 2 ? both & 0xffff0000u : both << 16);
}

/* 16 bytes that are zero but for their first value. */
template <class T> __device__ static inline pack<T> pack_first(T v)
{
    pack<T> one = {};
    one.at[0] = v;
    return one;
}
__device__ static inline pack<bf16> pack_first(bf16 v) { return {{v.bits, 0, 0, 0}}; }

#endif
