/* Weighted means and variances of sparse columns, with the zeros that are not stored: two sums over the stored values. */
#include "cpu.h"

#include <math.h>
#include <string.h>

cusgd_status sparse_moments(const examples *e, double *mean, double *variance, double *target_mean, double *weight)
{
    double total = 0;
    memset(mean, 0, sizeof(double) * (size_t)e->d);
    memset(variance, 0, sizeof(double) * (size_t)e->d);
    for (int64_t c = 0; c < e->k; c++) target_mean[c] = 0;
    for (int64_t i = 0; i < e->n; i++) {
        int64_t row = examples_row(e, i);
        double w = weight_at(e, row);
        total += w;
        for (int64_t at = e->s.start[row]; at < e->s.start[row + 1]; at++) {
            double x = csr_value(&e->s, at);
            int64_t j = csr_column(&e->s, at);
            mean[j] += w * x;
            variance[j] += w * x * x;
        }
        /* A running mean, which a constant target leaves as it is. */
        for (int64_t c = 0; c < e->k && e->y.at && w > 0; c++)
            target_mean[c] += (matrix_at(&e->y, row, c) - target_mean[c]) * (w / total);
    }
    for (int64_t j = 0; j < e->d; j++) {
        mean[j] /= total;
        variance[j] = fmax(0, variance[j] / total - mean[j] * mean[j]);
    }
    *weight = total;
    return CUSGD_OK;
}
