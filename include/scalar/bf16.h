/* bfloat16: the sign, the exponent and the first 7 bits of the mantissa of a float, in half its bytes. Numbers are only stored in
 * this type: for computations they are converted to float, which is exact. */
#ifndef CUSGD_SCALAR_BF16_H
#define CUSGD_SCALAR_BF16_H

#include "real.h"

#include <string.h>

typedef struct bf16 {
    uint16_t bits;
} bf16;

DEVICE float bf16_value(bf16 x)
{
    uint32_t bits = (uint32_t)x.bits << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounds to the nearest bfloat16, ties to even, in a single rounding: the intermediate float is rounded to odd, so that it is not
 * mistaken for the midpoint of two values (Boldo, Melquiond 2008). Values within the range of float remain finite: those beyond
 * the largest bfloat16, 3.39e38, become that one, which is at most 0.4 % smaller. Values beyond the range of float become
 * infinite. */
DEVICE bf16 bf16_of(double value)
{
    float near = (float)value, size = near < 0 ? -near : near;
    double wide = (double)near;
    uint32_t bits;
    bf16 out = {0x7FC0};
    memcpy(&bits, &near, sizeof bits);
    if (wide != wide) return out;
    if (wide != value) bits = ((wide > value) == (value > 0) ? bits - 1 : bits) | 1;
    out.bits = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    if (size > 0x1.FEp127f && size <= 0x1.FFFFFEp127f) out.bits = (uint16_t)(bits >> 16);
    return out;
}

#endif
