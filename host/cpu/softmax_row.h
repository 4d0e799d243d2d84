/* What the outputs of one row have in common under the loss softmax. */
#ifndef CUSGD_HOST_CPU_SOFTMAX_ROW_H
#define CUSGD_HOST_CPU_SOFTMAX_ROW_H

#include "scalar/softmax.h"

/* A row's predictions: output c at [c / lanes stride + c % lanes]. */
typedef struct outputs {
    const real *p;
    int64_t k, lanes, stride;
} outputs;

/* What all outputs of a row have in common, scalar/softmax.h. */
static void softmax_row(outputs of, real *maximum, real *rest)
{
    softmax_sum sum = {0, 0, 0};
    real most = of.p[0];
    for (int64_t start = 0; start < of.k; start += of.lanes)
        for (int64_t l = 0; l < of.lanes && start + l < of.k; l++) {
            real p = of.p[start / of.lanes * of.stride + l];
            if (p > most) most = p;
        }
    for (int64_t start = 0; start < of.k; start += of.lanes)
        for (int64_t l = 0; l < of.lanes && start + l < of.k; l++)
            softmax_add(&sum, of.p[start / of.lanes * of.stride + l], most);
    *maximum = most;
    *rest = (real)softmax_rest(sum);
}

#endif
