/* A sparse matrix that grows by rows, to become the data's own x. Columns of a row ascend. */
#ifndef CUSGD_HOST_DATA_CSR_ROWS_H
#define CUSGD_HOST_DATA_CSR_ROWS_H

#include "grown.h"

typedef struct csr_rows {
    int64_t rows, stored;
    cusgd_type type;
    const cusgd_reader *reader; /* says where large arrays go; or NULL */
    grown start, column, value; /* int64_t, int32_t, `type` */
} csr_rows;

/* One more row of d values, of which those that are 0 are not stored; then a row of what was put since the last one. */
cusgd_status csr_add_row(csr_rows *s, const double *x, int64_t d);
cusgd_status csr_put(csr_rows *s, int64_t j, double value); /* nothing where the value is 0 */
cusgd_status csr_end_row(csr_rows *s);
cusgd_status csr_give(csr_rows *s, cusgd_data *data); /* in the place of the x that there is, which is freed */
void csr_free(csr_rows *s);
/* As cusgd_data_set_sparse(data, 1). */
cusgd_status data_make_sparse(cusgd_data *data, const cusgd_reader *reader);

#endif
