/* See measure_elementary.py. Errors of the elementary functions in float over every float, in ulp of the result, against the C
 * library's in double; in double the functions alone, for the script. Compiled with -DREAL=float or -DREAL=double. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef REAL
#define REAL float
#endif
typedef REAL real;
#include "scalar/trigonometry.h"

/* clang-format off */
#define FUNCTIONS(X) X(exp) X(expm1) X(log) X(log1p) X(tanh) X(sinh) X(cosh) X(erf) X(asin) X(acos) X(atan) X(sin) X(cos) X(tan)
/* clang-format on */

#define LOOP(NAME)                                                         \
    void loop_##NAME(long count, const real *restrict x, real *restrict y) \
    {                                                                      \
        for (long i = 0; i < count; i++) y[i] = real_##NAME(x[i]);         \
    }
FUNCTIONS(LOOP)

void loop_pow(long count, const real *restrict x, const real *restrict y, real *restrict z)
{
    for (long i = 0; i < count; i++) z[i] = real_pow(x[i], y[i]);
}

/* |got - exact| in ulp of the float nearest to exact, of which subnormal ones have the smallest; 1e30 where only one is a number,
 * an infinity too many or of the other sign. */
static double error_of(float got, double exact)
{
    int exponent;
    float nearest = (float)exact;
    if (isnan(exact) || isinf(nearest) || isinf(got)) {
        if (isnan(exact) || isnan(got)) return isnan(exact) && isnan(got) ? 0 : 1e30;
        if (isinf(nearest) && isinf(got)) return (nearest > 0) == (got > 0) ? 0 : 1e30;
        if (fabs(exact) < 0x1.fffffcp127 || fabs((double)got) < 0x1.fffffcp127) return 1e30;
        return fabs((isinf(got) ? copysign(0x1p128, got) : got) - exact) * 0x1p-104;
    }
    if (exact == 0) return got == 0 && !signbit(got) == !signbit(exact) ? 0 : 1e30;
    frexp(exact, &exponent);
    return fabs((double)got - exact) * ldexp(1, 24 - (exponent < -125 ? -125 : exponent));
}

#define EVERY(NAME)                                                                         \
    if (!strcmp(name, #NAME))                                                               \
        for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += (uint64_t)step * COUNT) { \
            for (int i = 0; i < COUNT; i++) {                                               \
                uint32_t b = (uint32_t)(bits + (uint64_t)i * (uint64_t)step);               \
                memcpy(x + i, &b, sizeof b);                                                \
            }                                                                               \
            loop_##NAME(COUNT, (const real *)x, (real *)y);                                 \
            for (int i = 0; i < COUNT; i++) {                                               \
                double error = error_of(y[i], NAME((double)x[i]));                          \
                if (error > worst) worst = error, *at = x[i];                               \
            }                                                                               \
        }

/* The largest error of one function over every `step`-th float, and where it is. */
double worst_of(const char *name, int step, float *at)
{
    enum { COUNT = 4096 };
    static float x[COUNT], y[COUNT];
    double worst = -1;
    FUNCTIONS(EVERY)
    return worst;
}
