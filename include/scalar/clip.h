/* Clipping the gradient of a batch. Squares are added in double, in the same order on every device: 256 threads of a block take
 * the values of a chunk of 4096 in turn, their sums are added by halving, and chunks are added in order. */
#ifndef CUSGD_SCALAR_CLIP_H
#define CUSGD_SCALAR_CLIP_H

#include "real.h"

enum { CLIP_LANES = 256, CLIP_CHUNK = 4096 };

static inline double clip_squares(const double *g, int64_t size)
{
    double total = 0;
    for (int64_t first = 0; first < size; first += CLIP_CHUNK) {
        double lane[CLIP_LANES] = {0};
        int64_t end = first + CLIP_CHUNK < size ? first + CLIP_CHUNK : size;
        for (int64_t u = first; u < end; u++) lane[(u - first) % CLIP_LANES] += g[u] * g[u];
        for (int half = CLIP_LANES / 2; half > 0; half /= 2)
            for (int l = 0; l < half; l++) lane[l] += lane[l + half];
        total += lane[0];
    }
    return total;
}

/* Returns the factor on the gradient. maximum: the maximum norm; 0: no limit. */
DEVICE double clip_scale(double maximum, double squares)
{
    double norm = sqrt(squares);
    return maximum > 0 && norm > maximum ? maximum / norm : 1;
}

/* Scales a value, and then projects it on [-maximum, maximum]; maximum 0: no limit. */
SCALAR real clip_value(real maximum, real scale, real g)
{
    real scaled = scale * g;
    if (maximum > 0) return scaled > maximum ? maximum : scaled < -maximum ? -maximum : scaled;
    return scaled;
}

#endif
