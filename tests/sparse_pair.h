/* One matrix stored twice, dense and sparse, for the tests of sparse data. */
#ifndef CUSGD_TESTS_SPARSE_PAIR_H
#define CUSGD_TESTS_SPARSE_PAIR_H

#include "cusgd.h"

enum { N = 400, D = 37, K = 2, STORED = 6 };

/* Row 7 and columns from D - 2 on are empty. */
typedef struct sparse_pair {
    double x[N * D], y[N * K], w[N], value[N * STORED];
    int64_t start[N + 1];
    int32_t column[N * STORED];
} sparse_pair;

/* classes: 1 where the targets are 0 and 1. */
void sparse_pair_make(sparse_pair *b, int classes);
/* The sparse rows, which stay where they are. */
cusgd_data *sparse_pair_data(const sparse_pair *b, int weights);
/* The coefficients of a whole fit; frees the data. */
void sparse_pair_fit(const cusgd_options *o, cusgd_data *data, double out[K * (D + 1)]);

#endif
