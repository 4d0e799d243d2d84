/* Weighted moments of columns in one pass, by merging those of tiles of rows (Chan, Golub, LeVeque 1983), which loses no digits
 * if a mean is large compared with the standard deviation. Tiles are merged in order into spans, and spans in order; both depend
 * only on the numbers of rows and columns. */
#ifndef CUSGD_SCALAR_MOMENTS_H
#define CUSGD_SCALAR_MOMENTS_H

#include "real.h"

enum { MOMENT_SPANS = 64, MOMENT_TILE_BYTES = 128 * 1024 };

/* Returns the rows of a tile, which fits into a second-level cache in double. */
DEVICE int64_t moment_tile_rows(int64_t d)
{
    int64_t rows = MOMENT_TILE_BYTES / ((int64_t)sizeof(double) * d);
    return rows < 1 ? 1 : rows > 1024 ? 1024 : rows;
}

/* The moments of a column: sum of w, weighted mean, sum of w (x - mean)^2. */
typedef struct moment {
    double weight, mean, square;
} moment;

DEVICE void moment_merge(moment *into, const moment *m)
{
    if (m->weight <= 0) return;
    double weight = into->weight + m->weight, share = m->weight / weight, apart = m->mean - into->mean;
    into->mean += apart * share;
    into->square += m->square + apart * apart * (into->weight * share);
    into->weight = weight;
}

#endif
