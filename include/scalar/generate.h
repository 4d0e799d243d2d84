/* Generates synthetic rows: element (i, j) of x is computed from word i d + j of its stream, and element (i, c) of y from word i
 * k + c. Sums have a fixed order, so that every device generates the same bits. */
#ifndef CUSGD_SCALAR_GENERATE_H
#define CUSGD_SCALAR_GENERATE_H

#include "../cusgd_tools.h"
#include "loss.h"
#include "random.h"

/* The number of Householder reflections x := x - 2 (x.u) u, for unit vectors u, that are applied to the scaled axes, so that
 * columns are correlated and standardization does not remove the condition number. */
enum { GENERATE_REFLECTIONS = 2 };

/* Returns the standard deviation along axis j. The eigenvalues of the covariance decrease geometrically from 1 to 1 /
 * condition. */
static inline double generate_scale(double condition, int64_t d, int64_t j)
{
    return d > 1 ? pow(condition, -0.5 * (double)j / (double)(d - 1)) : 1;
}

/* Computes the unit vector of reflection r, d numbers. */
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

/* Transforms a row of d independent normals: correlates neighbors (AR(1)), or scales each axis and applies the reflections.
 * scale: d, or NULL for neither; reflection: GENERATE_REFLECTIONS x d. */
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

/* Returns x theta + b of output c, for x as stored. truth: (d+1) x k. */
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
