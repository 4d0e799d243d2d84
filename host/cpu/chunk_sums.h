/* The gradient of a step: the sum of the chunks of a share, in order and in double, divided by the number of rows of the batch.
 * With many outputs this takes as long as the chunks themselves, so that the sums are kept in registers. */
#ifndef CUSGD_HOST_CPU_CHUNK_SUMS_H
#define CUSGD_HOST_CPU_CHUNK_SUMS_H

typedef real reals __attribute__((vector_size(DOUBLES * sizeof(real))));
enum { SUMMED = LANES / DOUBLES }; /* registers of sums of LANES parameters */

static inline __attribute__((always_inline)) doubles widened(const real *at)
{
    double wide[DOUBLES];
    for (int l = 0; l < DOUBLES; l++) wide[l] = (double)at[l];
    return doubles_at(wide);
}

/* exact: 1 if the number of rows is a power of two, so that multiplying by its inverse gives the same result as dividing, in less
 * time. */
static inline __attribute__((always_inline)) void mean_lanes(int exact, const chunk_sums *s, double inverse, int64_t u)
{
    doubles sum[SUMMED];
#pragma GCC unroll 8
    for (int q = 0; q < SUMMED; q++) sum[q] = widened(s->partial + u + q * DOUBLES);
    for (int64_t c = 1; c < s->chunks; c++)
#pragma GCC unroll 8
        for (int q = 0; q < SUMMED; q++) sum[q] += widened(s->partial + c * s->stride + u + q * DOUBLES);
#pragma GCC unroll 8
    for (int q = 0; q < SUMMED; q++) {
        reals mean = __builtin_convertvector(exact ? sum[q] * inverse : sum[q] / (double)s->rows, reals);
        memcpy(s->gradient + u + q * DOUBLES, &mean, sizeof mean);
    }
}

static void mean_gradient(const chunk_sums *s)
{
    double inverse = 1 / (double)s->rows;
    if ((s->rows & (s->rows - 1)) == 0)
        for (int64_t u = 0; u < s->count; u += LANES) mean_lanes(1, s, inverse, u);
    else
        for (int64_t u = 0; u < s->count; u += LANES) mean_lanes(0, s, inverse, u);
}

#endif
