/* Targets that are classes: y is the number of a class, from 0, and each class has an output of its own. Softmax, the loss of all
 * outputs together, is log sum_c e^(p_c) - p_y, and e^(p_c) / sum e^(p_c) is the probability of class c. It is computed in two
 * steps: softmax_add() over the outputs of a row, then softmax_at() for each. */
#ifndef CUSGD_SCALAR_SOFTMAX_H
#define CUSGD_SCALAR_SOFTMAX_H

#include "loss.h"

/* Whether y, of one output for each class, is the class of output c. Of two classes, 0 may be written as -1. */
SCALAR int class_is(real y, int64_t c) { return y == (real)c || (c == 0 && y < 0); }

/* The sum of e^(p - maximum) over a row's outputs, each from 0 to 1, in fixed point: of up to 2^20 outputs, with 64 bits behind
 * the point. Integers add up to the same sum in any order, so a permutation of the classes permutes the model, to the bit. */
typedef struct softmax_sum {
    uint64_t high, low; /* in units of 2^-32 and 2^-64 */
    int bad;            /* 1: some p was not finite */
} softmax_sum;

/* Adds e = e^(p - maximum). */
SCALAR void softmax_add_power(softmax_sum *sum, real e)
{
    real scaled = e * (real)4294967296.0;
    if (!(e <= 1)) { /* NaN, of which no integer can be made */
        sum->bad = 1;
        return;
    }
    uint64_t high = (uint64_t)scaled;
    sum->high += high;
    sum->low += (uint64_t)((scaled - (real)high) * (real)4294967296.0);
}

SCALAR void softmax_add(softmax_sum *sum, real p, real maximum) { softmax_add_power(sum, real_exp(p - maximum)); }

/* The sum less 1, which is what the output of the largest p adds to it: it keeps the digits of a small loss. */
DEVICE double softmax_rest(softmax_sum sum)
{
    const double unit = 1.0 / 4294967296.0;
    if (sum.bad) return (double)NAN;
    return ((double)(sum.high - UINT64_C(4294967296)) + (double)sum.low * unit) * unit;
}

/* What output c adds to the row's loss, with the derivatives by its p; own: the row is of class c; e = e^(p - maximum). */
SCALAR OF(loss_point) softmax_of_power(real e, real p, int own, real maximum, real rest)
{
    real total = 1 + rest, share = e / total;
    real others = e < 1 ? 1 - share : rest / total; /* the probability of the other classes */
    OF(loss_point) l = {own ? real_log1p(rest) + (maximum - p) : 0, own ? -others : share, share * others};
    return l;
}

SCALAR OF(loss_point) softmax_at(real p, int own, real maximum, real rest)
{
    return softmax_of_power(real_exp(p - maximum), p, own, maximum, rest);
}

#endif
