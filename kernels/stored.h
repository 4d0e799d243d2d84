/* Values of x as stored: of type `real`, or of type bf16, which is converted to float without rounding. */
#ifndef CUSGD_KERNELS_STORED_H
#define CUSGD_KERNELS_STORED_H

#include "port.h"
#include "scalar/bf16.h"

/* 16 bytes of bf16: 8 values, two per word. One instruction loads them, and one instruction per value converts it to float. */
template <> struct alignas(16) pack<bf16> {
    uint32_t at[4];
};

__device__ static inline float value_of(float v) { return v; }
__device__ static inline double value_of(double v) { return v; }
__device__ static inline float value_of(bf16 v) { return __uint_as_float((uint32_t)v.bits << 16); }

/* Returns value i of a pack. */
template <class T> __device__ static inline T value_at(const pack<T> &v, int i) { return v.at[i]; }
__device__ static inline float value_at(const pack<bf16> &v, int i)
{
    uint32_t both = v.at[i / 2];
    return __uint_as_float(i % 2 ? both & 0xffff0000u : both << 16);
}

/* Returns a pack whose first value is v and whose other values are zero. */
template <class T> __device__ static inline pack<T> pack_first(T v)
{
    pack<T> one = {};
    one.at[0] = v;
    return one;
}
__device__ static inline pack<bf16> pack_first(bf16 v) { return {{v.bits, 0, 0, 0}}; }

#endif
