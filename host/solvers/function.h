/* The solvers applied to a function that is given as a formula, without a fit. */
#ifndef CUSGD_HOST_SOLVERS_FUNCTION_H
#define CUSGD_HOST_SOLVERS_FUNCTION_H

#include "cusgd.h"

#include "scalar/kinds.h"

/* An iterate, as it is passed to `iterated`. */
typedef struct function_iterate {
    int64_t iteration; /* 0: the start */
    const double *x;
    double f, gradient; /* the value, or for equations half the sum of squares; the norm of the gradient, or of the values of the
                         * equations */
    double length;      /* length of the step to this iterate; NaN at the start */
} function_iterate;

typedef struct function {
    int64_t size;
    void *user;
    /* Computes f, and the gradient or the values of the equations into g (may be NULL). */
    cusgd_status (*evaluate)(void *user, const double *x, double *f, double *g);
    cusgd_status (*derivative)(void *user, const double *x, double *matrix); /* derivative of g; size x size */
    int (*iterated)(void *user, const function_iterate *now);                /* a nonzero value ends the search */
    double enough;                                                           /* the norm at which the search has converged */
    int64_t most;                                                            /* maximum number of iterations */
} function;

/* Minimizes f from x by bfgs, dfp, cg, newton or lbfgs. *stop: GRADIENT: converged; NONE: no step decreases f. */
cusgd_status function_minimize(const function *f, cusgd_solver which, double *x, cusgd_stop *stop);
/* Searches for a root from x by newton, broyden-good or broyden-bad. Fails with NOT_CONVERGED if the derivative is singular. */
cusgd_status function_root(const function *f, cusgd_solver which, double *x, cusgd_stop *stop);

#endif
