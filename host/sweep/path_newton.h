/* The minimum of a loss that is not quadratic, in some of the columns. */
#ifndef CUSGD_HOST_SWEEP_PATH_NEWTON_H
#define CUSGD_HOST_SWEEP_PATH_NEWTON_H

#include "path.h"

typedef struct newton {
    const cusgd_path *of;
    const dataset *rows; /* bound, of d columns */
    loss_rule loss;
    int64_t d;
    least_squares model;                               /* the second derivatives, less what the intercept takes up; its factors */
    descent step;                                      /* of the model */
    double *hessian;                                   /* side x side, as the device has it; at the parameters where `is_fresh` */
    double *theta, *gradient, *moved, *moved_gradient; /* side each, the intercept last */
    double *curved;                                    /* side: the parameters that the hessian is of, where it `is_known` */
    double value;                                      /* the mean loss at theta */
    double unit;                                       /* the largest gradient of the model without columns */
    double steepest;                                   /* the largest second derivative of a column */
    int is_fresh, is_known;                            /* the hessian: of these parameters; at all */
} newton;

/* For d columns; newton_close() frees it, whatever is returned. The factors, rows and unit are the caller's to set. */
cusgd_status newton_open(const cusgd_path *s, int64_t d, newton *n);
void newton_close(newton *n);
/* Sets value and gradient to those at theta. */
cusgd_status newton_measure(newton *n);
/* Gives n, whose first columns are those of `before`, and whose others had coefficients of 0 there, the second derivatives at the
 * same parameters: only those with the other columns are computed. Nothing where `before` has none. */
cusgd_status newton_take_over(newton *n, const newton *before);
/* How far the gradient is from what the penalties take up, at most. */
double newton_violation(const newton *n, double l1, double l2);
/* Moves theta, where it was measured, to the minimum with these penalties; l1_before: as descent_solve() has it. */
cusgd_status newton_minimize(newton *n, double l1, double l2, double l1_before, double tolerance);

#endif
