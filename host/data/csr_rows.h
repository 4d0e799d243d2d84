/* A sparse matrix that grows by rows and becomes the x of data. The columns of a row must be in ascending order. */
#ifndef CUSGD_HOST_DATA_CSR_ROWS_H
#define CUSGD_HOST_DATA_CSR_ROWS_H

#include "grown.h"

typedef struct csr_rows {
    int64_t rows, stored;
    cusgd_type type;
    const cusgd_reader *reader; /* says where large arrays are stored; or NULL */
    grown start, column, value; /* int64_t, int32_t, `type` */
} csr_rows;

/* csr_add_row() adds a row of d values without those that are 0. csr_end_row() ends a row of the values that were put since the
 * last row. */
cusgd_status csr_add_row(csr_rows *s, const double *x, int64_t d);
cusgd_status csr_put(csr_rows *s, int64_t j, double value); /* does nothing if the value is 0 */
cusgd_status csr_end_row(csr_rows *s);
cusgd_status csr_give(csr_rows *s, cusgd_data *data); /* replaces and frees the x of the data */
void csr_free(csr_rows *s);
/* See cusgd_data_set_sparse(data, 1). */
cusgd_status data_make_sparse(cusgd_data *data, const cusgd_reader *reader);

#endif
