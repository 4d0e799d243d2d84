/* What the tests of sweeps share. */
#ifndef CUSGD_TESTS_SWEEPS_H
#define CUSGD_TESTS_SWEEPS_H

#include "training.h"

enum { N = 90, D = 4, FOLDS = 4 };

/* Data that any language makes alike: integers, and quotients by powers of two. */
typedef struct rows_made {
    double x[N * D], y[N], classes[N], thirds[N], w[N];
    uint8_t fold[N];
} rows_made;

void sweep_rows_make(rows_made *t);
cusgd_sweep_plan sweep_plan_of(const rows_made *t, const cusgd_configuration *configurations, size_t count);
cusgd_sweep *sweep_of(const cusgd_options *o, const cusgd_data *data, const cusgd_sweep_plan *plan);
cusgd_options sweep_options(void);
cusgd_outcome sweep_outcome_of(const cusgd_sweep *s, size_t i);
/* Configuration i of a and j of b have the same bits. */
void check_same_outcome(const cusgd_sweep *a, size_t i, const cusgd_sweep *b, size_t j);

#endif
