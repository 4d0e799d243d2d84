/* Rows stored by columns, for methods that visit one column at a time. */
#ifndef CUSGD_HOST_PROBLEM_COLUMNS_H
#define CUSGD_HOST_PROBLEM_COLUMNS_H

#include "backend.h"

/* Column j has the stored values start[j] .. start[j + 1] - 1; its other values are 0. Rows have the numbers of the view. Needs
 * 12 bytes per value. */
typedef struct columns {
    int64_t n, d;
    int64_t *start; /* d + 1 */
    int32_t *row;   /* ascending in each column */
    double *value;
} columns;

/* Copies rows by columns. The values are transformed as for an upload, and rounded to single precision if `single` is 1, but
 * columns of sparse rows are never centered. device: may be NULL if x is not in the memory of a GPU. columns_close() frees the
 * copy, also after a failure. Errors: MEMORY, INTERRUPTED; USAGE for more than 2^31 - 1 rows. */
cusgd_status columns_open(const examples *rows, const transform *t, int single, const backend *device, columns *out);
void columns_close(columns *x);
/* Returns the bytes of such a copy of `stored` values. */
static inline double columns_bytes(double stored, double d) { return 12 * stored + 16 * (d + 1); }

#endif
