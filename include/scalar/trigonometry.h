/* Elementary functions of angles, as elementary.h has the others. Loops over sin, cos and tan do not become vector instructions:
 * what is left of an angle beyond quarters of a turn is found in integers, for angles of any size alike. */
#ifndef CUSGD_SCALAR_TRIGONOMETRY_H
#define CUSGD_SCALAR_TRIGONOMETRY_H

#include "elementary.h"

#define HALF_PI_HIGH ((real)(REAL_IS_DOUBLE ? 0x1.921fb54442d18p+0 : 0x1.921fb6p+0))
#define HALF_PI_LOW  ((real)(REAL_IS_DOUBLE ? 0x1.1a62633145c07p-54 : -0x1.777a5cp-25))

/* 32 digits of 2 / pi, in base 2, behind 64 zeros. */
DEVICE uint32_t two_over_pi(int first)
{
    const uint32_t digits[] = {0x00000000, 0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599,
                               0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c,
                               0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639,
                               0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f,
                               0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7,
                               0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20, 0x9af4361d};
    uint64_t both = (uint64_t)digits[first / 32] << 32 | digits[first / 32 + 1];
    return (uint32_t)(both >> (32 - first % 32));
}

/* x = (turned + the sum of the parts) pi / 2 and whole turns, |the sum| <= 1/2, each of 32 digits. */
typedef struct quarter_turns {
    int turned; /* 0 to 3 */
    double part[4];
} quarter_turns;

/* x 2 / pi for a finite |x| >= 2^-10, modulo 4, as a product of integers: of 2 / pi only those digits are taken that are neither
 * whole turns nor too small to count (M. Payne, R. Hanek, "Radian reduction for trigonometric functions", 1983). */
DEVICE quarter_turns quarter_turns_of(double x)
{
    uint64_t bits, carry = 0;
    uint32_t product[6];
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52 & 2047) - 1075, first = exponent > -62 && exponent < 972 ? exponent + 62 : 0;
    uint64_t number = (bits & 0xfffffffffffff) | 0x10000000000000, below = 0; /* |x| = number 2^exponent */
    for (int i = 0; i < 6; i++) {
        uint64_t digits = two_over_pi(first + 32 * (5 - i));
        uint64_t low = (uint32_t)number * digits, high = (number >> 32) * below;
        uint64_t sum = carry + (uint32_t)low + (uint32_t)high;
        product[i] = (uint32_t)sum;
        carry = (sum >> 32) + (low >> 32) + (high >> 32);
        below = digits;
    }
    uint64_t top = (uint64_t)product[5] << 32 | product[4], next = (uint64_t)product[3] << 32 | product[2];
    uint64_t leading = top << 2 | next >> 62; /* the parts' first 64 digits, in two's complement */
    uint32_t turned = (uint32_t)(top >> 62) + (uint32_t)(leading >> 63);
    double sign = bits >> 63 ? -1 : 1, whole = leading >> 63 ? 4294967296.0 : 0;
    quarter_turns t = {(int)((bits >> 63 ? 4 - turned : turned) & 3),
                       {sign * ((double)(leading >> 32) - whole) * 0x1p-32, sign * (double)(uint32_t)leading * 0x1p-64,
                        sign * (double)(uint32_t)(next >> 30) * 0x1p-96, sign * (double)(uint32_t)(next << 2) * 0x1p-128}};
    return t;
}

/* x = turned pi / 2 + high + low and whole turns, |high| <= pi / 4. Of an infinity high is NaN. */
STRUCT(angle)
{
    real high, low;
    int turned;
};

SCALAR OF(angle) angle_of(real x)
{
    quarter_turns t = quarter_turns_of((double)x);
    OF(real_pair) rest;
    if (REAL_IS_DOUBLE) {
        const OF(real_pair) half_pi = {HALF_PI_HIGH, HALF_PI_LOW};
        OF(real_pair) first = pair_of_sum((real)t.part[0], (real)t.part[1]);
        OF(real_pair) last = pair_of_ordered((real)t.part[2], (real)t.part[3]), all = pair_of_sum(first.high, last.high);
        rest = pair_product(pair_of_ordered(all.high, all.low + (first.low + last.low)), half_pi);
    } else {
        double all = (t.part[0] + t.part[1] + (t.part[2] + t.part[3])) * 1.57079632679489661923;
        rest.high = (real)all;
        rest.low = (real)(all - (double)rest.high);
    }
    int small = real_abs(x) <= (real)0.78, finite = real_abs(x) < REAL_INFINITY;
    OF(angle) a = {small ? x : finite ? rest.high : (real)NAN, small ? 0 : rest.low, small ? 0 : t.turned};
    return a;
}

/* sin(high + low) and cos(high + low). */
SCALAR OF(real_pair) angle_sine(OF(angle) a)
{
    real z = a.high * a.high;
    return pair_of_ordered(a.high, a.high * (z * sin_rest(z)) + a.low * (1 - (real)0.5 * z));
}

SCALAR OF(real_pair) angle_cosine(OF(angle) a)
{
    OF(real_pair) square = pair_of_product(a.high, a.high), cosine = pair_of_ordered((real)1, (real)-0.5 * square.high);
    real z = square.high, rest = z * z * cos_rest(z) - (a.high * a.low + (real)0.5 * square.low);
    return pair_of_ordered(cosine.high, cosine.low + rest);
}

SCALAR real real_sin(real x)
{
    OF(angle) a = angle_of(x);
    OF(real_pair) sine = angle_sine(a), cosine = angle_cosine(a);
    real y = a.turned & 1 ? cosine.high + cosine.low : sine.high + sine.low;
    return x == 0 ? x : a.turned & 2 ? -y : y;
}

SCALAR real real_cos(real x)
{
    OF(angle) a = angle_of(x);
    OF(real_pair) sine = angle_sine(a), cosine = angle_cosine(a);
    real y = a.turned & 1 ? sine.high + sine.low : cosine.high + cosine.low;
    return (a.turned + 1) & 2 ? -y : y;
}

SCALAR real real_tan(real x)
{
    OF(angle) a = angle_of(x);
    OF(real_pair) sine = angle_sine(a), cosine = angle_cosine(a), minus = {-cosine.high, -cosine.low};
    OF(real_pair) tangent = pair_quotient(a.turned & 1 ? minus : sine, a.turned & 1 ? sine : cosine);
    return x == 0 ? x : tangent.high + tangent.low;
}

/* s = sqrt(z), its low part, and asin(s) - s, for z of asin's or of its complement's half. */
STRUCT(arc) { real s, low, rest; };

SCALAR OF(arc) arc_of(real size)
{
    int near = size <= (real)0.5;
    real z = near ? size * size : (1 - size) * (real)0.5, s = near ? size : real_sqrt(z);
    OF(real_pair) square = pair_of_product(s, s);
    OF(arc) a = {s, near ? 0 : ((z - square.high) - square.low) / (s > 0 ? 2 * s : 1), s * (z * asin_rest(z))};
    return a;
}

SCALAR real real_asin(real x)
{
    real size = real_abs(x);
    OF(arc) a = arc_of(size);
    OF(real_pair) sum = pair_of_ordered(HALF_PI_HIGH, -2 * a.s);
    real far = sum.high + (sum.low + (HALF_PI_LOW - 2 * (a.low + a.rest)));
    return real_signed(size <= (real)0.5 ? a.s + a.rest : far, x);
}

SCALAR real real_acos(real x)
{
    real size = real_abs(x);
    OF(arc) a = arc_of(size);
    OF(real_pair) middle = pair_of_ordered(HALF_PI_HIGH, -x), left = pair_of_ordered(2 * HALF_PI_HIGH, -2 * a.s);
    real near = middle.high + (middle.low + (HALF_PI_LOW - (x < 0 ? -a.rest : a.rest)));
    real below = left.high + (left.low + 2 * (HALF_PI_LOW - (a.low + a.rest)));
    return size <= (real)0.5 ? near : x < 0 ? below : 2 * (a.s + (a.low + a.rest));
}

/* Beyond tan(pi / 8) by the angle to pi / 4, beyond tan(3 pi / 8) by that to pi / 2. */
SCALAR real real_atan(real x)
{
    const real most = (real)(REAL_IS_DOUBLE ? 0x1p60 : 0x1p30); /* pi / 2 from here on */
    real size = real_abs(x) > most ? most : real_abs(x);
    int beyond = size > (real)0.41421356237309504880, far = size > (real)2.41421356237309504880;
    OF(real_pair) less = pair_of_sum(size, (real)-1), more = pair_of_sum(size, (real)1);
    OF(real_pair) above = {far ? -1 : beyond ? less.high : size, far ? 0 : beyond ? less.low : 0};
    OF(real_pair) below = {far ? size : beyond ? more.high : 1, far ? 0 : beyond ? more.low : 0};
    OF(real_pair) t = pair_quotient(above, below);
    real quarters = (real)(far ? 1 : beyond ? 0.5 : 0), z = t.high * t.high;
    OF(real_pair) sum = pair_of_ordered(quarters * HALF_PI_HIGH, t.high);
    real low = sum.low + (quarters * HALF_PI_LOW + (t.high * (z * atan_rest(z)) + t.low * (1 - z)));
    return real_signed(sum.high + low, x);
}

#endif
