/* Full-batch solvers. Each solver is a file with one function, which moves an iterate until the caller ends it. Vectors are in
 * double in host memory; all work that grows with the number of rows is done by the device interface (objective, hessian).
 *
 * x is theta, (d+1) x k row-major, the intercepts last, in the coordinates of the device dataset. Without an intercept the last
 * row does not change: its gradient is set to 0 and its second derivatives to those of the identity. */
#ifndef CUSGD_HOST_SOLVERS_SOLVER_H
#define CUSGD_HOST_SOLVERS_SOLVER_H

#include "function.h"
#include "problem/linear.h"
#include "run/monitor.h"
#include "solvers.h"

/* Iterates that may become the result. */
typedef struct iterates {
    double *best;            /* size: the best iterate on validation data; NULL: there is no validation data */
    int64_t best_iteration;  /* its iteration; 0: none yet */
    double *least, *least_g; /* size: the iterate with the smallest objective for which the data files were intact, and its
                              * gradient */
    double least_f;
    int64_t least_iterations; /* number of iterations of this fit up to `least`; 0: the starting point */
    int64_t first;            /* number of iterations of the run before this fit */
    int64_t result;           /* number of iterations of this fit up to the result */
} iterates;

/* What a method keeps from one iteration to the next besides x and g. It is consistent whenever solver_goes_on() is called, and
 * until the iterate moves again. */
typedef struct method_state {
    double *values; /* the values to keep, `count` of them */
    int64_t count;
    double number[SOLVER_NUMBERS];
    int is_loaded; /* 1: they were loaded, from a fit that continues */
} method_state;

/* A trial point: `size` values each. */
typedef struct trial_point {
    double *x, *g; /* the point, and the gradient of the smooth part there */
} trial_point;

/* A fit that reports and keeps nothing and ignores the stopping rules of the options (optimum.c). */
typedef struct silent_fit {
    int on;
    double before; /* f at the previous iteration */
} silent_fit;

/* Norms of the gradient. A method that has reached `enough` has converged, and continues to `aim` as long as steps decrease the
 * objective and the number of iterations allows it. */
typedef struct goal {
    double enough, aim; /* aim <= enough */
} goal;

typedef struct solver {
    monitor m;               /* its epochs are the iterations of this fit; `stop`: NONE: continue */
    problem *problem;        /* the problem of the run */
    int64_t size, penalized; /* (d+1) k; d k */
    int quadratic;           /* the smooth part of the objective is a quadratic */
    double *x, *g;           /* size: the iterate, and the gradient of the smooth part there (with l2, without l1) */
    double f;                /* the objective there, with l1; m.now.loss: without penalties */
    double gradient;         /* norm of the minimum-norm subgradient there */
    goal goal;               /* the norms to reach */
    trial_point trial;       /* the trial point of the line search */
    double noise;            /* bound on the rounding error of f, as a share of |f| */
    double step;             /* length of the last step, as a multiple of its direction */
    int64_t passes;          /* number of passes over the data in this fit */
    int stuck;               /* 1: no step decreases the objective */
    silent_fit silent;
    char note[512]; /* a further note; "" if none */
    iterates kept;
    method_state keeps;
    const function *function; /* the function to minimize or to solve instead of the objective of the run; NULL: none */
} solver;

/* The methods. They return when s->m.stop or s->stuck is set or a call fails. */
cusgd_status solve_gd(solver *s);
cusgd_status solve_steepest(solver *s);
cusgd_status solve_cg(solver *s);
cusgd_status solve_newton(solver *s);
cusgd_status solve_bfgs(solver *s);
cusgd_status solve_dfp(solver *s);
cusgd_status solve_lbfgs(solver *s);
cusgd_status solve_broyden_good(solver *s);
cusgd_status solve_broyden_bad(solver *s);
cusgd_status solve_coordinate(solver *s);
cusgd_status solve_root(solver *s); /* root.c: Newton's method for equations */
cusgd_status solve_exact(solver *s);
cusgd_status solver_solve(solver *s); /* exact.c: sets the iterate to the solution without reporting */

/* cost.c. The cost of a method for data of a shape, in multiplications, and the bytes of its matrices besides the data. */
typedef struct shape {
    double n, d, k, side, size; /* side d + 1, size (d + 1) k */
} shape;
static inline shape shape_make(int64_t n, int64_t d, int64_t k)
{
    return (shape){(double)n, (double)d, (double)k, (double)d + 1, ((double)d + 1) * (double)k};
}
double solver_work(cusgd_solver which, shape a);
double solver_bytes(cusgd_solver which, shape a);
/* solver_usual() returns the solver that `auto` means. The others write the announcement of a long run (t->announcement), and
 * fail with MEMORY if the matrices of the solver do not fit. */
cusgd_solver solver_usual(const problem *p);
void solver_announce(const problem *p, char *text, size_t room);
cusgd_status solver_check_memory(const problem *p);

/* Allocate and free a fit, which begins at the result of the run (solver.c). */
cusgd_status solver_open(solver *s);
void solver_close(solver *s);

/* ---- What they ask of the objective (objective.c) ---- */

/* Computes f at x, with l1, and the gradient of the smooth part (size; may be NULL). One pass. */
cusgd_status solver_evaluate(solver *s, const double *x, double *f, double *g);
/* Computes the second derivatives at x, with l2: solver_blocks() matrices of (d+1) x (d+1). One pass. */
int64_t solver_blocks(const solver *s);
cusgd_status solver_hessian(solver *s, const double *x, double *hessian);
/* Computes hp = H p for a quadratic objective from two gradients, so that X^T X is not needed. origin: the gradient at 0; if
 * *ready is 0, it is computed first (size values). */
cusgd_status solver_curve(solver *s, const double *p, double *origin, int *ready, double *hp);
/* Computes the inverse of the derivative of s->function at x (size x size). Fails with NOT_CONVERGED if the derivative is
 * singular. */
cusgd_status solver_inverse(solver *s, double *inverse);
/* Computes a bound on the largest second derivative in any direction, which is sharp for quadratics. Fails with USAGE if the loss
 * has no bound. */
cusgd_status solver_steepest_curvature(solver *s, double *maximum);

/* Makes the trial point, where the objective is f, the iterate. */
void solver_move(solver *s, double f);
/* To be called after each iteration: progress, callback, stopping rules. function.c has the version for s->function. */
cusgd_status function_iterated(solver *s);
cusgd_status solver_iterated(solver *s);

/* Counts the time since the last call and the rows that were read. */
void solver_count_work(solver *s);
/* Returns to the iterate with the smallest objective, because gd and broyden, which do not decrease the objective in each
 * iteration, may end far above it. */
void solver_return_to_least(solver *s);
static inline int solver_is_first_order(cusgd_solver which) { return which == CUSGD_SOLVER_GD || which == CUSGD_SOLVER_STEEPEST; }

/* end.c. Ends a fit: decides whether it has converged, unless it was interrupted, and sets the result in any case. */
cusgd_status solver_end(solver *s, cusgd_status status, cusgd_result *result);
/* Ends a run whose device has failed, with the best parameters in host memory. is_open: 0 if it failed before the solver began;
 * the result is then that of the run before. */
void solver_lose_device(solver *s, int is_open, cusgd_result *result);

/* position.c. Allocates `room` values for a method, which are freed with the solver. The first `state` of them are kept from one
 * iteration to the next. Returns NULL if there is no memory. In a fit that continues these are set, and s->keeps.is_loaded is
 * 1. */
double *solver_room(solver *s, size_t state, size_t room);
void solver_free_room(solver *s);
/* To be called before each iteration, where the fit can be saved. Returns whether to run another iteration. */
int solver_goes_on(solver *s);
/* Calls the callback for checkpoints, which can save the fit as it was at the last call of solver_goes_on(). */
void solver_offer(solver *s);
/* Continues the fit in the fit_state of the run. stale: the count that the run had before monitor_begin(). */
void solver_resume(solver *s, int64_t stale);

/* broyden.c. Moves to x + t p for the first t of 1, 1/2, ... at which |g| is at most `maximum`. *taken is 0 if there is none. */
cusgd_status solver_step_back(solver *s, const double *p, double maximum, int *taken);

/* precondition.c. The matrix whose inverse is the initial matrix of lbfgs, the same for each output. */
typedef struct preconditioner {
    int64_t side, k;
    double *factor;       /* side x side, the factor of the scaled matrix; NULL: the matrix is the identity */
    double *scale, *work; /* side each, with the factor */
} preconditioner;
cusgd_status preconditioner_open(solver *s, preconditioner *out);
void preconditioner_close(preconditioner *m);
/* Multiplies p, `size` values, by the inverse. */
void preconditioner_apply(const preconditioner *m, double *p);

/* ---- Line search (search.c) ---- */

/* Searches along p from x for a step that meets the strong Wolfe conditions, with |derivative| at most `share` of that at 0, or
 * their approximate form if rounding errors of f are too large (Hager, Zhang 2005). `first` is tried first; `derivative` is that
 * along p at x. Moves the iterate (solver_move) and sets s->step, or sets s->stuck. */
cusgd_status solver_search(solver *s, const double *p, double derivative, double first, double share);

#endif
