/* What the two methods of solver exact with orthogonal factors share: the factors of X (exact.c), and those of X^T if there are
 * fewer rows than columns (wide.c). */
#ifndef CUSGD_HOST_SOLVERS_EXACT_H
#define CUSGD_HOST_SOLVERS_EXACT_H

#include "solver.h"

/* The weighted means of the columns of the data, which an intercept removes; zeros if there is none. */
typedef struct center {
    double *x, *y, weight; /* d, k; one malloc'd block at x */
} center;
cusgd_status find_centre(const problem *p, center *m);
/* Returns sqrt(w_i / w_mean), the factor of row i. */
double row_factor(const problem *p, const center *m, int64_t i);
/* Returns n l2 / l'' for the l2 of column j, its term in the sum of squares. */
double ridge_of(const solver *s, int64_t j);
/* Converts the solution for centered columns to theta in the coordinates of the device dataset. */
void put_intercepts(const solver *s, const center *m, double *theta);
/* Returns the share of the largest singular value below which a singular value is rounding error. */
double rank_tolerance(int64_t d, int64_t n);
void note_rank(solver *s, int64_t rank, double condition);

/* Returns whether there are fewer rows of positive weight than columns, so that solve_wide() is to be used. */
int is_wide(const solver *s);
/* Sets the iterate to the solution, or to that of minimum norm if there are several. Cost: 2 n^2 d. Ends early after a
 * cancellation. */
cusgd_status solve_wide(solver *s);

/* quantile.c. Sets the iterate to the optimum of the loss quantile. On NOT_CONVERGED the iterate has changed too. */
cusgd_status solve_quantile(solver *s);

#endif
