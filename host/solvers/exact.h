/* What the two ways of solver exact by orthogonal factors share: of X (exact.c), and of X^T where rows are fewer (wide.c). */
#ifndef CUSGD_HOST_SOLVERS_EXACT_H
#define CUSGD_HOST_SOLVERS_EXACT_H

#include "solver.h"

/* The weighted means of the columns as the data are given, where an intercept takes them away; else zeros. */
typedef struct center {
    double *x, *y, weight; /* d, k; one malloc'd block at x */
} center;
cusgd_status find_centre(const problem *p, center *m);
/* sqrt(w_i / w_mean), the factor of row i. */
double row_factor(const problem *p, const center *m, int64_t i);
/* n l2 / l'' with column j's l2: what it adds to the sum of squares. */
double ridge_of(const solver *s, int64_t j);
/* From the solution for centered columns to theta in the coordinates of the bound data. */
void put_intercepts(const solver *s, const center *m, double *theta);
/* Below this share of the largest a singular value is rounding. */
double rank_tolerance(int64_t d, int64_t n);
void note_rank(solver *s, int64_t rank, double condition);

/* Whether solve_wide() is for these data: fewer rows of positive weight than columns. */
int is_wide(const solver *s);
/* The iterate becomes the solution (of least norm, where there are many); cost 2 n^2 d. Ends early where somebody cancels. */
cusgd_status solve_wide(solver *s);

/* quantile.c: the iterate becomes the optimum of the loss quantile. Error: NOT_CONVERGED, after it has moved. */
cusgd_status solve_quantile(solver *s);

#endif
