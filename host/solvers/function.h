/* The methods on a function of its own, which is no fit: a formula. */
#ifndef CUSGD_HOST_SOLVERS_FUNCTION_H
#define CUSGD_HOST_SOLVERS_FUNCTION_H

#include "cusgd.h"

#include "scalar/kinds.h"

/* An iterate, as `iterated` gets it. */
typedef struct function_iterate {
    int64_t iteration; /* 0: the start */
    const double *x;
    double f, gradient; /* the value, or of equations half the sum of squares; the norm of the gradient, or of what should be 0 */
    double length;      /* of the step that led here; NaN: none did */
} function_iterate;

typedef struct function {
    int64_t size;
    void *user;
    /* f, and the gradient or the equations' values into g (NULL: not wanted). */
    cusgd_status (*evaluate)(void *user, const double *x, double *f, double *g);
    cusgd_status (*derivative)(void *user, const double *x, double *matrix); /* of what evaluate puts into g; size x size */
    int (*iterated)(void *user, const function_iterate *now);                /* nonzero: ends */
    double enough;                                                           /* the norm to reach  */
    int64_t most;                                                            /* iterations */
} function;

/* Moves x by a method that minimizes: bfgs, dfp, cg, newton or lbfgs. *stop: GRADIENT: converged; NONE: no step lowers f. */
cusgd_status function_minimize(const function *f, cusgd_solver which, double *x, cusgd_stop *stop);
/* Moves x by one that searches a root: newton, broyden-good or broyden-bad. NOT_CONVERGED where the derivative is singular. */
cusgd_status function_root(const function *f, cusgd_solver which, double *x, cusgd_stop *stop);

#endif
