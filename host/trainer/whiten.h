/* Whitening: training on decorrelated columns z = (x - mean) forward, and leading back to the columns x. */
#ifndef CUSGD_HOST_TRAINER_WHITEN_H
#define CUSGD_HOST_TRAINER_WHITEN_H

#include "problem/problem.h"

typedef struct whitening {
    int64_t d;
    double *mean;                    /* d; zeros where there is no intercept */
    double *forward, *backward;      /* d x d, row-major: x - mean = z backward on all directions that x varies in */
    const cusgd_data *train, *valid; /* the caller's; valid may be NULL */
    char **names;                    /* of the columns z: what messages call them */
    cusgd_data white_train;          /* views of them whose x is z */
    cusgd_data white_valid;
    void *white_x[2];
} whitening;

/* By the covariances of the training rows of weight > 0 of an open problem, on its data and its validation data. */
cusgd_status whitening_open(const problem *p, whitening **out);
void whitening_close(whitening *w); /* accepts NULL */

/* *white: data with z in the place of x, a view of the rest, valid as long as data; *x: what is to be freed behind it. */
cusgd_status whitening_apply(const whitening *w, const cusgd_data *data, cusgd_data *white, void **x);
/* Coefficients of z (weight k x d, bias k) become those of x, and back. */
cusgd_status whitening_to_x(const whitening *w, int64_t k, double *weight, double *bias);
cusgd_status whitening_to_z(const whitening *w, int64_t k, double *weight, double *bias);

#endif
