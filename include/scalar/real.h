/* The mathematics of cuSGD is written once, in these headers, and compiled by C and by CUDA C++.
 *
 * It is written in `real`. C sources compile it with `typedef float real;` or `typedef double real;` in force (host/real.h); in
 * CUDA C++ the functions are templates over it. SCALAR starts a function that uses `real`, DEVICE one that does not; STRUCT
 * starts a struct with `real` members and OF names its type. SCALAR_INLINED is SCALAR for a function that C compilers must expand
 * where it is called: callers make one of its arguments a constant, and rely on the branches that this removes.
 *
 * Only + - * / and sqrt, which are rounded correctly, stand in what is computed for each row or parameter (elementary.h makes the
 * other functions of these), and compiler options forbid to contract them (-ffp-contract=off, -fmad=false), so that equal numbers
 * give equal bits on every device. What the host computes once for each step or model takes the C library's functions:
 * schedule.h, link_mean() and the formulas in double in losses.h. */
#ifndef CUSGD_SCALAR_REAL_H
#define CUSGD_SCALAR_REAL_H

#include <math.h>
#include <stdint.h>

#if defined(__CUDACC__)
#define DEVICE __host__ __device__ static inline
#else
#define DEVICE static inline
#endif

#ifdef __cplusplus
#define SCALAR         template <class real> DEVICE
#define SCALAR_INLINED SCALAR
#define STRUCT(name)   template <class real> struct name
#define OF(name)       name<real>
SCALAR real real_sqrt(real x) { return sqrt(x); }
SCALAR real real_abs(real x) { return fabs(x); }
#else
#define SCALAR         DEVICE
#define SCALAR_INLINED DEVICE __attribute__((always_inline))
#define STRUCT(name)   struct name
#define OF(name)       struct name
#define real_sqrt(x)   _Generic((x), float : sqrtf, double : sqrt)(x)
#define real_abs(x)    _Generic((x), float : fabsf, double : fabs)(x)
#endif

#define REAL_IS_DOUBLE (sizeof(real) == sizeof(double)) /* which of two kinds of numbers `real` is */

#endif
