/* The inner loops over rows, compiled once for every instruction set and precision; all give the same bits.
 *
 * A dot product is 16 lane sums, lane l adding the columns j with j mod 16 = l in order, and then a fixed tree: the same
 * additions whether a register holds 2 lanes or 16. A gradient adds rows in order. */
#ifndef CUSGD_HOST_CPU_ROWS_H
#define CUSGD_HOST_CPU_ROWS_H

#include "cusgd.h"
#include "real.h"
#include "scalar/sampling.h"

enum { LANES = 16 };

static inline int64_t rows_padded(int64_t d) { return (d + LANES - 1) / LANES * LANES; }

/* What a pass over rows works on: bound examples, parameters, and the sums it adds to.
 *
 * Loops run over a multiple of LANES columns: behind a row's d values stand the next row's, which meet zeros of theta. Behind the
 * last rows there may be nothing, so those are read from a copy with zeros behind it. */
typedef struct rows_task {
    const real *x, *y, *w; /* n x d, n x k; n, or NULL */
    const real *tail;      /* rows from tail_first on, copied; NULL where tail_first is n */
    int64_t tail_first;
    int64_t d, k;
    cusgd_loss loss;
    const real *theta; /* k x ld: an output's coefficients, zeros from d on, and at [rows_padded(d)] its intercept */
    real *gradient;    /* k x ld, likewise, added to; NULL: only the loss is wanted */
    int64_t ld;        /* rows_padded(d) + LANES */
} rows_task;

typedef struct rows_functions {
    /* Adds `count` rows, those listed or (rows NULL) those from `first` on. Returns the sum of w l over rows and outputs. */
    double (*gradient)(const rows_task *t, const int64_t *rows, int64_t first, int64_t count);
    /* p of rows first .. first + count - 1: out count x k. */
    void (*predict)(const rows_task *t, int64_t first, int64_t count, double *out);
    /* The rows at positions first .. first + count - 1 of the epoch (sampler_row). table: SAMPLING_SPAN values, which
     * order_table() has filled for the sampler; needed by `blocks` alone. */
    void (*order)(const sampler *s, const int64_t *table, int64_t first, int64_t count, int64_t *rows);
    void (*order_table)(const sampler *s, int64_t *table);
} rows_functions;

/* Those of the best instruction set that this machine has, or of the one that the environment's CUSGD_ISA names (baseline, avx2,
 * avx512); *name is set to it. */
const rows_functions *NAMED(rows_select)(const char **name);

#endif
