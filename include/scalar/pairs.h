/* What the elementary functions stand on: the bits of a number, and sums of two numbers that hold twice the digits of one. */
#ifndef CUSGD_SCALAR_PAIRS_H
#define CUSGD_SCALAR_PAIRS_H

#include "real.h"
#include <string.h>

/* REAL_BITS is the unsigned integer of the size of `real`. */
#ifdef __cplusplus
template <class real> struct bits_of {
    typedef uint32_t type;
};
template <> struct bits_of<double> {
    typedef uint64_t type;
};
#define REAL_BITS typename bits_of<real>::type
SCALAR REAL_BITS real_to_bits(real x)
{
    REAL_BITS bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
DEVICE float real_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
DEVICE double real_from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
#else
#define REAL_BITS __typeof__(_Generic((real)0, float : (uint32_t)0, double : (uint64_t)0))
SCALAR REAL_BITS real_to_bits(real x)
{
    REAL_BITS bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
SCALAR real real_from_bits(REAL_BITS bits)
{
    real x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
#endif

#define REAL_DIGITS    (REAL_IS_DOUBLE ? 52 : 23) /* behind the point */
#define REAL_BIAS      (REAL_IS_DOUBLE ? 1023 : 127)
#define REAL_SMALLEST  ((real)(REAL_IS_DOUBLE ? 0x1p-1022 : 0x1p-126)) /* that is normal */
#define REAL_ONE_ULP   ((real)(REAL_IS_DOUBLE ? 0x1p52 : 0x1p23))      /* from here on numbers lie 1 apart */
#define REAL_ROUNDING  ((real)(REAL_IS_DOUBLE ? 0x1.8p52 : 0x1.8p23))  /* x + it has x, rounded, in its last digits */
#define REAL_SIGN_BIT  ((REAL_BITS)1 << (REAL_DIGITS == 52 ? 63 : 31))
#define REAL_FRACTION  (((REAL_BITS)1 << REAL_DIGITS) - 1)
#define REAL_LAST_HALF (((REAL_BITS)1 << (REAL_IS_DOUBLE ? 27 : 12)) - 1)
#define REAL_INFINITY  ((real)INFINITY)

/* The nearest whole number; |x| < 2^51, of floats 2^22. */
SCALAR real real_nearest(real x) { return (x + REAL_ROUNDING) - REAL_ROUNDING; }

/* x with the sign of `sign`; x >= 0. */
SCALAR real real_signed(real x, real sign) { return real_from_bits(real_to_bits(x) | (real_to_bits(sign) & REAL_SIGN_BIT)); }

/* 2^n for a whole n from the least normal exponent to the largest, and 0 for the one below. */
SCALAR real real_power_of_two(real n)
{
    return real_from_bits((real_to_bits(n + REAL_ROUNDING) + (REAL_BITS)REAL_BIAS) << REAL_DIGITS);
}

/* x 2^n, rounded once, for a whole n up to twice the exponents' range. */
SCALAR real real_scaled(real x, real n)
{
    real half = real_nearest(n * (real)0.5);
    return x * real_power_of_two(half) * real_power_of_two(n - half);
}

/* high + low, of which low is what rounding to high has left. */
STRUCT(real_pair) { real high, low; };

/* a + b exactly, for |a| >= |b| or a = 0 (T. J. Dekker, "A floating-point technique for extending the available precision",
 * 1971). */
SCALAR OF(real_pair) pair_of_ordered(real a, real b)
{
    real sum = a + b;
    OF(real_pair) pair = {sum, b - (sum - a)};
    return pair;
}

/* a + b exactly (D. E. Knuth, "The Art of Computer Programming", volume 2, 4.2.2). */
SCALAR OF(real_pair) pair_of_sum(real a, real b)
{
    real sum = a + b, of_b = sum - a;
    OF(real_pair) pair = {sum, (a - (sum - of_b)) + (b - of_b)};
    return pair;
}

/* a b but for the last bit of doubles' low part, where nothing overflows or is subnormal (Dekker, by cutting each factor in two).
 */
SCALAR OF(real_pair) pair_of_product(real a, real b)
{
    real a_high = real_from_bits(real_to_bits(a) & ~REAL_LAST_HALF), a_low = a - a_high;
    real b_high = real_from_bits(real_to_bits(b) & ~REAL_LAST_HALF), b_low = b - b_high;
    real product = a * b;
    OF(real_pair) pair = {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
    return pair;
}

SCALAR OF(real_pair) pair_product(OF(real_pair) a, OF(real_pair) b)
{
    OF(real_pair) product = pair_of_product(a.high, b.high);
    return pair_of_ordered(product.high, product.low + (a.high * b.low + a.low * b.high));
}

SCALAR OF(real_pair) pair_quotient(OF(real_pair) a, OF(real_pair) b)
{
    real quotient = a.high / b.high;
    OF(real_pair) back = pair_of_product(quotient, b.high);
    return pair_of_ordered(quotient, (((a.high - back.high) - back.low) + (a.low - quotient * b.low)) / b.high);
}

#endif
