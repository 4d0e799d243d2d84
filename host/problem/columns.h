/* Rows stored by columns, for methods that visit one column at a time. */
#ifndef CUSGD_HOST_PROBLEM_COLUMNS_H
#define CUSGD_HOST_PROBLEM_COLUMNS_H

#include "backend.h"

/* Column j has the values at start[j] .. start[j + 1] - 1; the others are 0. Rows are numbered as in the view. 12 bytes a value.
 */
typedef struct columns {
    int64_t n, d;
    int64_t *start; /* d + 1 */
    int32_t *row;   /* ascending in a column */
    double *value;
} columns;

/* A copy of the rows. The values are those of bound rows (transform), rounded to single precision where `single` is 1; but the
 * columns of sparse rows are never centered. device: may be NULL where x does not lie in the memory of a GPU. columns_close()
 * frees what is there, whatever is returned. Errors: MEMORY, INTERRUPTED; USAGE for more than 2^31 - 1 rows. */
cusgd_status columns_open(const examples *rows, const transform *t, int single, const backend *device, columns *out);
void columns_close(columns *x);
/* Bytes of such a copy of `stored` values. */
static inline double columns_bytes(double stored, double d) { return 12 * stored + 16 * (d + 1); }

#endif
