/* Synthetic rows, number by number: element (i, j) of x is made of word i d + j of its stream, element (i, c) of y of word
 * i k + c. Sums run in one order, so that every device makes the same bits. */
#ifndef CUSGD_SCALAR_GENERATE_H
#define CUSGD_SCALAR_GENERATE_H

#include "../cusgd_tools.h"
#include "loss.h"
#include "random.h"

/* Householder reflections that turn the scaled axes, so that columns are correlated and standardization cannot undo the condition
 * number: x := x - 2 (x.u) u for unit vectors u. */
enum { GENERATE_REFLECTIONS = 2 };

/* The covariance's eigenvalues run geometrically from 1 down to 1 / condition: the standard deviation along axis j. */
static inline double generate_scale(double condition, int64_t d, int64_t j)
{
    return d > 1 ? pow(condition, -0.5 * (double)j / (double)(d - 1)) : 1;
}

/* The r-th reflection's unit vector, d numbers. */
static inline void generate_reflection(uint64_t seed, int64_t d, int r, double *u)
{
    uint64_t key = stream_key(seed, STREAM_SHAPE);
    double norm = 0;
    for (int64_t j = 0; j < d; j++) {
        uint64_t word = (uint64_t)(r * d + j);
        u[j] = normal_from(random_block(key, word / 4).at[word % 4]);
        norm += u[j] * u[j];
    }
    for (int64_t j = 0; j < d; j++) u[j] /= sqrt(norm);
}

/* What is made of a row of d independent normals: neighbors are correlated (AR(1)), axis j is scaled and all are turned. scale:
 * d, NULL: neither; reflection: GENERATE_REFLECTIONS x d. */
DEVICE void generate_row_shape(int64_t d, double correlation, const double *scale, const double *reflection, double *x)
{
    double fresh = sqrt(1 - correlation * correlation);
    for (int64_t j = 1; j < d && correlation != 0; j++) x[j] = correlation * x[j - 1] + fresh * x[j];
    if (!scale) return;
    for (int64_t j = 0; j < d; j++) x[j] *= scale[j];
    for (int r = 0; r < GENERATE_REFLECTIONS; r++) {
        const double *u = reflection + r * d;
        double along = 0;
        for (int64_t j = 0; j < d; j++) along += x[j] * u[j];
        for (int64_t j = 0; j < d; j++) x[j] -= 2 * along * u[j];
    }
}

/* x theta + b of output c, from x as it is stored. truth: (d+1) x k. */
SCALAR double generate_linear(int64_t d, int64_t k, const real *x, const double *truth, int64_t c)
{
    double p = truth[d * k + c];
    for (int64_t j = 0; j < d; j++) p += (double)x[j] * truth[j * k + c];
    return p;
}

DEVICE double generate_target(uint64_t key, uint64_t word, cusgd_synthetic_targets kind, double noise, double p)
{
    uint32_t draw = random_block(key, word / 4).at[word % 4];
    if (kind == CUSGD_SYNTHETIC_LOGISTIC) return uniform_open(draw) < link_mean(CUSGD_LINK_LOGIT, p) ? 1 : 0;
    double v = p + noise * normal_from(draw);
    if (kind == CUSGD_SYNTHETIC_POSITIVE) return v > 0 ? 1 + v : 1 / (1 - v);
    return v;
}

#endif
