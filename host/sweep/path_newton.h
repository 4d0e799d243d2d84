/* Newton's method for a loss that is not quadratic, in some of the columns. */
#ifndef CUSGD_HOST_SWEEP_PATH_NEWTON_H
#define CUSGD_HOST_SWEEP_PATH_NEWTON_H

#include "path.h"

typedef struct newton {
    const cusgd_path *of;
    const dataset *rows; /* device dataset of d columns */
    loss_rule loss;
    int64_t d;
    least_squares model;                               /* the second derivatives after eliminating the intercept; the factors on
                                                        * the penalties */
    descent step;                                      /* the descent on the model */
    double *hessian;                                   /* side x side, as from the device; at the current parameters if
                                                        * `is_fresh` */
    double *theta, *gradient, *moved, *moved_gradient; /* side each, the intercept last */
    double *curved;                                    /* side: the parameters at which the Hessian was computed, if it
                                                        * `is_known` */
    double value;                                      /* the mean loss at theta */
    double unit;                                       /* the largest gradient of the model without columns */
    double steepest;                                   /* the largest second derivative of a column */
    int is_fresh, is_known;                            /* whether the Hessian is that of the current parameters; whether there is
                                                        * one */
} newton;

/* Allocates the state for d columns. newton_close() frees it, also after a failure. The caller sets the factors, rows and
 * unit. */
cusgd_status newton_open(const cusgd_path *s, int64_t d, newton *n);
void newton_close(newton *n);
/* Computes value and gradient at theta. */
cusgd_status newton_measure(newton *n);
/* Takes over the second derivatives from `before`, whose columns are the first ones of n, if the other columns have coefficients
 * of 0 there: computes only those with the other columns. Does nothing if `before` has none. */
cusgd_status newton_take_over(newton *n, const newton *before);
/* Returns the largest violation of the optimality conditions with these penalties. */
double newton_violation(const newton *n, double l1, double l2);
/* Moves theta, at which newton_measure() was called, to the minimum with these penalties. l1_before: see descent_solve(). */
cusgd_status newton_minimize(newton *n, double l1, double l2, double l1_before, double tolerance);

#endif
