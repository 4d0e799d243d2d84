/* Rows of x one by one, as doubles, wherever x lies: in the host's memory or a file that is mapped, of any type and strides;
 * sparse; or in the memory of a GPU, from which blocks are fetched. Above the device interface this alone reads x. Targets,
 * weights and offsets lie in the host's memory, whatever x does: target_at(), weight_at(), offset_at(). */
#ifndef CUSGD_HOST_PROBLEM_ROW_SOURCE_H
#define CUSGD_HOST_PROBLEM_ROW_SOURCE_H

#include "backend.h"

typedef struct row_source {
    const examples *of;
    const backend *device; /* in whose memory x may lie */
    double *row;           /* d: the latest row, where it is not read in place */
    int64_t scattered;     /* sparse: which row that is; -1: none */
    char *block;           /* x in a GPU's memory: `room` rows, of which those from `first` on are there, in x's type */
    int64_t first, count, room;
    int64_t end;         /* behind the last row of x that the view has */
    char *column;        /* x in a GPU's memory: the latest column of rows_column(), in x's type */
    cusgd_status status; /* of the first block that could not be fetched */
} row_source;

/* The examples must last as long. device: may be NULL where x does not lie in the memory of a GPU. Errors: MEMORY; USAGE where x
 * lies on a GPU that the device is not. */
cusgd_status rows_open(row_source *r, const examples *e, const backend *device);
/* Row `row` of the matrices, examples_row() of a position in the view: d values, until the next call. Zeros where it could not be
 * read, which rows_close() reports, so that loops need not ask. Rows are best read in ascending order. */
const double *rows_at(row_source *r, int64_t row);
/* The values of row `row` that are stored, and their columns, ascending: of a dense row all. Room for d of both. Returns how
 * many.
 */
int64_t rows_stored(row_source *r, int64_t row, int32_t *column, double *value);
/* Rows first .. first + count - 1 of the matrices will be asked for, and those near them will not: of a mapped file the system
 * reads these alone, now. */
void rows_announce(const row_source *r, int64_t first, int64_t count);
/* One value, for whoever wants few columns of many. */
static inline double rows_value(row_source *r, int64_t row, int64_t j)
{
    const examples *e = r->of;
    return e->place || examples_are_sparse(e) ? rows_at(r, row)[j] : matrix_at(&e->x, row, j);
}
/* Column j of the rows that count (counted_rows), in their order: at most n values at `out`. Returns how many. From a GPU that
 * column alone is fetched. Zeros where it could not be read, which rows_close() reports. */
int64_t rows_column(row_source *r, int64_t j, double *out);
/* The first error of rows_at() and rows_column(). May be called of what rows_open() has failed to open, and of zeros. */
cusgd_status rows_close(row_source *r);

#endif
