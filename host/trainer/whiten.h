/* Whitening: training on decorrelated columns z = (x - mean) forward, and conversion back to the columns x. */
#ifndef CUSGD_HOST_TRAINER_WHITEN_H
#define CUSGD_HOST_TRAINER_WHITEN_H

#include "problem/problem.h"

typedef struct whitening {
    int64_t d;
    double *mean;                    /* d; zeros if there is no intercept */
    double *forward, *backward;      /* d x d, row-major: x - mean = z backward in all directions in which x varies */
    const cusgd_data *train, *valid; /* the data of the caller; valid may be NULL */
    char **names;                    /* names of the columns z in messages */
    cusgd_data white_train;          /* views of the data with z instead of x */
    cusgd_data white_valid;
    void *white_x[2];
} whitening;

/* Computes the covariances of the training rows with weight > 0 of an open problem, and applies them to its training and
 * validation data. */
cusgd_status whitening_open(const problem *p, whitening **out);
void whitening_close(whitening *w); /* accepts NULL */

/* *Sets *white to a view of the data with z instead of x, which is valid as long as the data. The caller frees *x after it. */
cusgd_status whitening_apply(const whitening *w, const cusgd_data *data, cusgd_data *white, void **x);
/* Converts coefficients for z (weight k x d, bias k) to those for x, and back. */
cusgd_status whitening_to_x(const whitening *w, int64_t k, double *weight, double *bias);
cusgd_status whitening_to_z(const whitening *w, int64_t k, double *weight, double *bias);

#endif
