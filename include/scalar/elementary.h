/* Elementary functions of + - * / and integer operations, so that every device and every instruction set gives the same bits and
 * compilers turn loops over them into vector instructions: nothing branches, what does not apply is computed and not selected.
 * They keep the C library's rules for zeros, infinities and NaN. Errors are below 1 ulp in float and in double
 * (docs/developers/elementary.md has the measurements). Those of angles are in trigonometry.h. */
#ifndef CUSGD_SCALAR_ELEMENTARY_H
#define CUSGD_SCALAR_ELEMENTARY_H

#include "pairs.h"
#include "polynomials.h"

/* log 2 in two parts, the first of so few bits that its product with an exponent is exact. */
#define LOG_2_HIGH ((real)(REAL_IS_DOUBLE ? 0x1.62e42feep-1 : 0x1.62e4p-1))
#define LOG_2_LOW  ((real)(REAL_IS_DOUBLE ? 0x1.a39ef35793c76p-33 : 0x1.7f7d1cp-20))

/* e^x is 0 below the first and infinite above the second; arguments are clipped to them, so that real_scaled() can make 2^n. */
#define EXP_LEAST ((real)(REAL_IS_DOUBLE ? -746 : -104))
#define EXP_MOST  ((real)(REAL_IS_DOUBLE ? 711 : 90))

/* e^x = 2^n (1 + high + low), high from -0.278 to 0.416, so that e^x - 1 loses no digits where n is 1: low holds the powers from
 * the second on and what rounding has left. */
STRUCT(exponent) { real n, high, low; };

SCALAR OF(exponent) exponent_of(real x)
{
    real within = x < EXP_LEAST ? EXP_LEAST : x > EXP_MOST ? EXP_MOST : x;
    real n = real_nearest(within * (real)1.44269504088896340736 - (real)0.1);
    real high = within - n * LOG_2_HIGH, low = n * LOG_2_LOW, r = high - low, square = r * r;
    OF(exponent) e = {n, high, (real)0.5 * square + (r * square * exp_rest(r) - low)};
    return e;
}

/* e^x / 2^n as a pair. */
SCALAR OF(real_pair) exponent_pair(OF(exponent) e)
{
    OF(real_pair) pair = pair_of_ordered((real)1, e.high);
    pair.low += e.low;
    return pair;
}

SCALAR real real_exp(real x)
{
    OF(exponent) e = exponent_of(x);
    OF(real_pair) pair = exponent_pair(e);
    return real_scaled(pair.high + pair.low, e.n);
}

SCALAR real real_expm1(real x)
{
    OF(exponent) e = exponent_of(x < -50 ? (real)-50 : x);                                      /* -1 there */
    OF(real_pair) unit = pair_of_sum((real)1, -real_power_of_two(e.n > 64 ? (real)-64 : -e.n)); /* 1 - 2^-n */
    OF(real_pair) sum = pair_of_ordered(unit.high, e.high);
    real y = real_scaled(sum.high + (sum.low + (unit.low + e.low)), e.n);
    return x == 0 ? x : y;
}

/* x = 2^k (1 + f), 1 + f from sqrt(1/2) to sqrt(2), of a normal x > 0. */
STRUCT(logarithm) { real k, f; };

SCALAR OF(logarithm) logarithm_of(real x)
{
    const REAL_BITS root_half = REAL_IS_DOUBLE ? (REAL_BITS)0x3fe6a09e667f3bcd : (REAL_BITS)0x3f3504f3,
                    one = (REAL_BITS)REAL_BIAS << REAL_DIGITS;
    REAL_BITS bits = real_to_bits(x) + (one - root_half);
    real k = real_from_bits((bits >> REAL_DIGITS) | real_to_bits(REAL_ONE_ULP)) - (REAL_ONE_ULP + REAL_BIAS);
    OF(logarithm) l = {k, real_from_bits((bits & REAL_FRACTION) + root_half) - 1};
    return l;
}

/* k log 2 + log(1 + f) + low for a low that is small compared with f (as FreeBSD's log: log(1 + f) = f - f^2 / 2 + s (f^2 / 2 +
 * R), s = f / (2 + f)). */
SCALAR real logarithm_sum(OF(logarithm) l, real low)
{
    real s = l.f / (2 + l.f), z = s * s, half = (real)0.5 * l.f * l.f;
    real rest = s * (half + z * log_rest(z)) + (l.k * LOG_2_LOW + low);
    return l.k * LOG_2_HIGH + (l.f - (half - rest));
}

/* log_x is log(x) where that is a number. */
SCALAR real logarithm_or_limit(real log_x, real x)
{
    return x > 0 ? (x < REAL_INFINITY ? log_x : x) : x == 0 ? -REAL_INFINITY : (real)NAN;
}

SCALAR real real_log(real x)
{
    int subnormal = x < REAL_SMALLEST;
    OF(logarithm) l = logarithm_of(subnormal ? x * (4 * REAL_ONE_ULP) : x);
    l.k -= subnormal ? (real)(REAL_DIGITS + 2) : 0;
    return logarithm_or_limit(logarithm_sum(l, (real)0), x);
}

/* log(1 + x) for x > -1 that is no infinity: what rounding has left of 1 + x is a part of f. */
SCALAR real log1p_within(real x)
{
    OF(real_pair) sum = pair_of_sum((real)1, x);
    OF(logarithm) l = logarithm_of(sum.high);
    OF(real_pair) f = pair_of_ordered(l.f, sum.low * real_power_of_two(l.k > 64 ? (real)-64 : -l.k));
    l.f = f.high;
    return logarithm_sum(l, f.low - f.low * f.high);
}

SCALAR real real_log1p(real x)
{
    real y = logarithm_or_limit(log1p_within(x), x + 1);
    return x == 0 ? x : y;
}

SCALAR real real_tanh(real x)
{
    const OF(real_pair) two = {2, 0};
    real size = real_abs(x), at = size > 20 ? 20 : size, z = x * x;
    OF(exponent) e = exponent_of(2 * at);
    OF(real_pair) up = exponent_pair(e), sum = pair_of_sum(real_scaled(up.high, e.n), (real)1);
    sum.low += real_scaled(up.low, e.n);
    OF(real_pair) short_of_one = pair_quotient(two, pair_of_ordered(sum.high, sum.low));
    real far = (1 - short_of_one.high) - short_of_one.low;
    return real_signed(size <= (real)0.625 ? size + size * (z * tanh_rest(z)) : far, x);
}

/* e^-|x| / 2^n, from e^|x| = 2^n times the pair. Where n is large the exponent is limited: the result is then too small next to
 * the pair to change it. */
SCALAR real reciprocal_of_exponent(OF(exponent) e, OF(real_pair) pair)
{
    return real_power_of_two(e.n > 30 ? (real)-60 : -2 * e.n) / (pair.high + pair.low);
}

SCALAR real real_cosh(real x)
{
    OF(exponent) e = exponent_of(real_abs(x));
    OF(real_pair) up = exponent_pair(e), sum = pair_of_sum(up.high, reciprocal_of_exponent(e, up));
    return real_scaled(sum.high + (sum.low + up.low), e.n - 1);
}

SCALAR real real_sinh(real x)
{
    real size = real_abs(x), z = x * x;
    OF(exponent) e = exponent_of(size);
    OF(real_pair) up = exponent_pair(e), sum = pair_of_sum(up.high, -reciprocal_of_exponent(e, up));
    real far = real_scaled(sum.high + (sum.low + up.low), e.n - 1);
    return size <= 1 ? x + x * (z * sinh_rest(z)) : real_signed(far, x);
}

#define ERF_1_HIGH ((real)(REAL_IS_DOUBLE ? 0x1.af767a741088bp-1 : 0x1.af767ap-1))
#define ERF_1_LOW  ((real)(REAL_IS_DOUBLE ? -0x1.c97f778122797p-56 : 0x1.d04222p-27))

SCALAR real real_erf(real x)
{
    real size = real_abs(x), at = size > 6 ? 6 : size, z = x * x, from_one = at - 1;
    real near = size + size * ((real)0.12837916709551257390 + z * erf_rest(z));
    real middle = ERF_1_HIGH + (from_one * erf_from_one(from_one) + ERF_1_LOW);
    real far = 1 - real_exp(-at * at) * erfc_scaled((at - 3) / (at + 3));
    return real_signed(size <= (real)0.625 ? near : size <= (real)1.5 ? middle : far, x);
}

/* log(a) as a pair, of a normal a > 0: 2 (s + s^3 / 3 + ...), the first two terms as pairs. */
SCALAR OF(real_pair) logarithm_pair(OF(logarithm) l)
{
    const OF(real_pair) third = {(real)(1.0 / 3), (real)(REAL_IS_DOUBLE ? 0x1.5555555555555p-56 : -0x1.555556p-27)};
    OF(real_pair) f = {l.f, 0}, s = pair_quotient(f, pair_of_ordered((real)2, l.f)), z = pair_product(s, s);
    OF(real_pair) cube = pair_product(pair_product(s, z), third);
    real tail = s.high * (z.high * z.high) * log_far_rest(z.high);
    OF(real_pair) sum = pair_of_ordered(s.high, cube.high);
    real low = sum.low + (cube.low + s.low + tail);
    OF(real_pair) all = pair_of_ordered(l.k * LOG_2_HIGH, 2 * sum.high);
    return pair_of_ordered(all.high, all.low + (2 * low + l.k * LOG_2_LOW));
}

/* a^y for a > 0, no infinity. */
SCALAR real power_within(real a, real y)
{
    int subnormal = a < REAL_SMALLEST;
    OF(logarithm) l = logarithm_of(subnormal ? a * (4 * REAL_ONE_ULP) : a);
    l.k -= subnormal ? (real)(REAL_DIGITS + 2) : 0;
    OF(real_pair) log_a = logarithm_pair(l), product = pair_of_product(y, log_a.high);
    real low = real_abs(product.high) < -EXP_LEAST ? product.low + y * log_a.low : 0;
    OF(exponent) e = exponent_of(product.high);
    OF(real_pair) pair = exponent_pair(e);
    return real_scaled(pair.high + (pair.low + (pair.high + pair.low) * low), e.n);
}

/* a^y where a is 0 or an infinity. */
SCALAR real power_of_limit(real a, real y)
{
    real of_zero = y < 0 ? REAL_INFINITY : 0, of_infinity = y < 0 ? 0 : REAL_INFINITY;
    return a == 0 ? of_zero : of_infinity;
}

/* Whole numbers up to 2 REAL_ONE_ULP have their units in the last digit of what they are in the sum; those beyond are even. */
SCALAR real real_pow(real x, real y)
{
    real a = real_abs(x), size = real_abs(y), sum = size < REAL_ONE_ULP ? size + REAL_ONE_ULP : size;
    real within = power_within(a, y), whole = size < REAL_ONE_ULP ? sum - REAL_ONE_ULP : size;
    real power = a == 0 ? power_of_limit(a, y) : a == REAL_INFINITY ? power_of_limit(a, y) : within;
    power = a == 1 ? 1 : power;
    REAL_BITS odd = sum < 2 * REAL_ONE_ULP ? real_to_bits(sum) & 1 : 0, sign = real_to_bits(x) & REAL_SIGN_BIT;
    real without_root = a == REAL_INFINITY ? power : a == 0 ? power : (real)NAN;
    real of_negative = whole == size ? real_from_bits(real_to_bits(power) | (sign & (0 - odd))) : without_root;
    real all = real_to_bits(x) == real_to_bits(a) ? power : of_negative;
    all = x == x ? y == y ? all : y : x;
    all = x == 1 ? 1 : all;
    return y == 0 ? 1 : all;
}

#endif
