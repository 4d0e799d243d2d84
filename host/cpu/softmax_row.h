/* What the outputs of one row have in common under the loss softmax. */
#ifndef CUSGD_HOST_CPU_SOFTMAX_ROW_H
#define CUSGD_HOST_CPU_SOFTMAX_ROW_H

#include "rows.h"
#include "scalar/softmax.h"
#include <string.h>

/* A row's predictions: output c at [c / lanes stride + c % lanes], lanes being 1 or LANES. */
typedef struct outputs {
    const real *p;
    int64_t k, lanes, stride;
} outputs;

/* Outputs c .. c + LANES - 1, filled up by the first one. Returns how many there are. */
static inline int outputs_at(outputs of, int64_t c, real *p)
{
    int count = of.k - c < LANES ? (int)(of.k - c) : LANES;
    for (int l = 0; l < LANES; l++) p[l] = of.p[0];
    if (of.lanes == 1)
        for (int l = 0; l < count; l++) p[l] = of.p[(c + l) * of.stride];
    else
        memcpy(p, of.p + c / LANES * of.stride, (size_t)count * sizeof *p);
    return count;
}

/* What all outputs of a row have in common, scalar/softmax.h. */
static void softmax_row(outputs of, real *maximum, real *rest)
{
    softmax_sum sum = {0, 0, 0};
    real most = of.p[0], p[LANES], power[LANES];
    for (int64_t c = 0; c < of.k; c += LANES) {
        int count = outputs_at(of, c, p);
        for (int l = 0; l < count; l++)
            if (p[l] > most) most = p[l];
    }
    for (int64_t c = 0; c < of.k; c += LANES) {
        int count = outputs_at(of, c, p);
        for (int l = 0; l < LANES; l++) power[l] = real_exp(p[l] - most);
        for (int l = 0; l < count; l++) softmax_add_power(&sum, power[l]);
    }
    *maximum = most;
    *rest = (real)softmax_rest(sum);
}

#endif
