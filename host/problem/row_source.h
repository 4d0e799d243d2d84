/* Reads rows of x one by one as doubles: from host memory or a mapped file, of any type and strides; sparse; or in blocks from
 * the memory of a GPU. This is the only code above the device interface that reads x. Targets, weights and offsets are always in
 * host memory; see target_at(), weight_at() and offset_at(). */
#ifndef CUSGD_HOST_PROBLEM_ROW_SOURCE_H
#define CUSGD_HOST_PROBLEM_ROW_SOURCE_H

#include "backend.h"

typedef struct row_source {
    const examples *of;
    const backend *device; /* the device whose memory may contain x */
    double *row;           /* d: the latest row, if it is not read in place */
    int64_t scattered;     /* sparse: the number of that row; -1: none */
    char *block;           /* x in the memory of a GPU: room for `room` rows in the type of x, which has those from `first` on */
    int64_t first, count, room;
    int64_t end;         /* the row after the last row of x in the view */
    char *column;        /* x in the memory of a GPU: the latest column of rows_column(), in the type of x */
    cusgd_status status; /* the first failure of fetching a block */
} row_source;

/* Opens a source; the examples must outlive it. device: may be NULL if x is not in the memory of a GPU. Errors: MEMORY; USAGE if
 * x is on another GPU than the device. */
cusgd_status rows_open(row_source *r, const examples *e, const backend *device);
/* Returns row `row` of the matrices (examples_row() converts a position in the view): d values, valid until the next call. If it
 * cannot be read, returns zeros, and rows_close() reports the failure, so that loops need not check. Ascending order is
 * fastest. */
const double *rows_at(row_source *r, int64_t row);
/* Gets the stored values of row `row` and their columns in ascending order; for a dense row, all values. Both arrays must have
 * room for d. Returns the number of values. */
int64_t rows_stored(row_source *r, int64_t row, int32_t *column, double *value);
/* Announces that rows first .. first + count - 1 of the matrices will be read and their neighbors will not. The system then reads
 * these rows of a mapped file at once, and no others. */
void rows_announce(const row_source *r, int64_t first, int64_t count);
/* Returns one value, for callers that need few of many columns. */
static inline double rows_value(row_source *r, int64_t row, int64_t j)
{
    const examples *e = r->of;
    return e->place || examples_are_sparse(e) ? rows_at(r, row)[j] : matrix_at(&e->x, row, j);
}
/* Gets column j of the rows of counted_rows, in their order: at most n values in `out`. Returns their number. From a GPU only
 * this column is fetched. If it cannot be read, the values are 0, and rows_close() reports the failure. */
int64_t rows_column(row_source *r, int64_t j, double *out);
/* Closes the source. Returns the first error of rows_at() and rows_column(). Accepts a source that rows_open() failed to open, or
 * that is zeroed. */
cusgd_status rows_close(row_source *r);

#endif
