/* bfloat16: a float's sign, exponent and first 7 bits behind the point, in half its bytes. Numbers are kept in it, never computed
 * with: each is widened to the float that it is, exactly. */
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

/* The nearest one, of two the even one, in a single rounding: the float on the way is rounded to odd, which keeps it apart from
 * the middle between two (Boldo, Melquiond 2008). What float holds stays finite: beyond the largest bfloat16, 3.39e38, it becomes
 * that one, at most 0.4 % smaller. What float does not hold is infinite here as there. */
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
