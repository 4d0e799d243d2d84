/* Full-batch methods: each is a file with one function, which moves an iterate until the caller ends it. Vectors are in double on
 * the host; all that grows with the number of rows is the device interface's (objective, hessian).
 *
 * x is theta, (d+1) x k row-major, the intercepts last, in the coordinates of the bound data. Without an intercept the last row
 * stays as it is: its gradient reads as 0, its second derivatives as those of 1. */
#ifndef CUSGD_HOST_SOLVERS_SOLVER_H
#define CUSGD_HOST_SOLVERS_SOLVER_H

#include "function.h"
#include "problem/linear.h"
#include "run/monitor.h"
#include "solvers.h"

/* Iterates that may become the result. */
typedef struct iterates {
    double *best;            /* size: the one that does best on validation data; NULL: there is none */
    int64_t best_iteration;  /* its number; 0: none yet */
    double *least, *least_g; /* size: the one of least objective at whose end the data was whole, and the gradient there */
    double least_f;
    int64_t least_iterations; /* of this fit, before it; 0: it is where the fit began */
    int64_t first;            /* the run's iterations before this fit */
    int64_t result;           /* those of this fit before the iterate that becomes the result */
} iterates;

/* What a method keeps from one iteration to the next, besides x and g: it is whole wherever solver_goes_on() is called, and until
 * the iterate moves again. */
typedef struct method_state {
    double *values; /* the first `count` of the method's values */
    int64_t count;
    double number[SOLVER_NUMBERS];
    int is_loaded; /* 1: they are those of a fit that goes on */
} method_state;

/* A point besides the iterate: size values each. */
typedef struct trial_point {
    double *x, *g; /* where it is, and the smooth part's gradient there */
} trial_point;

/* A fit of which nothing is reported, kept or stopped by the options (optimum.c). */
typedef struct silent_fit {
    int on;
    double before; /* f of the iteration before */
} silent_fit;

/* Norms of the gradient. A method that has come to `enough` has converged, and goes on to `aim` as long as steps help and the
 * limit of iterations allows it. */
typedef struct goal {
    double enough, aim; /* aim: at most enough */
} goal;

typedef struct solver {
    monitor m;               /* its epochs are the iterations of this fit; `stop`: NONE: go on */
    problem *problem;        /* the run's */
    int64_t size, penalized; /* (d+1) k; d k */
    int quadratic;           /* the smooth part of the objective is a quadratic */
    double *x, *g;           /* size: the iterate, and the smooth part's gradient there (l2 in it, l1 not) */
    double f;                /* the objective there, l1 in it; m.now.loss: without penalties */
    double gradient;         /* norm of the minimum-norm subgradient there */
    goal goal;               /* what it is to become */
    trial_point trial;       /* where the line search looks */
    double noise;            /* what rounding may change of f, as a share of |f| */
    double step;             /* length of the last step, as a multiple of its direction */
    int64_t passes;          /* over the data, of this fit */
    int stuck;               /* 1: no step lowers the objective, to rounding or for good */
    silent_fit silent;
    char note[512]; /* what there is to say besides; "" if nothing */
    iterates kept;
    method_state keeps;
    const function *function; /* what is minimized, or whose root is searched, in the place of the run's objective; NULL */
} solver;

/* The methods. They return where s->m.stop is set, or s->stuck, or a call fails. */
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
cusgd_status solver_solve(solver *s); /* exact.c: the same without a report: the iterate becomes the solution */

/* cost.c. What a method takes to train at a shape, in multiplications, and the bytes of the matrices that it holds besides the
 * data. */
typedef struct shape {
    double n, d, k, side, size; /* side d + 1, size (d + 1) k */
} shape;
static inline shape shape_make(int64_t n, int64_t d, int64_t k)
{
    return (shape){(double)n, (double)d, (double)k, (double)d + 1, ((double)d + 1) * (double)k};
}
double solver_work(cusgd_solver which, shape a);
double solver_bytes(cusgd_solver which, shape a);
/* What solver auto stands for; what there is to say before a long run (t->announcement); MEMORY where the matrices of the
 * solver do not fit. */
cusgd_solver solver_usual(const problem *p);
void solver_announce(const problem *p, char *text, size_t room);
cusgd_status solver_check_memory(const problem *p);

/* Takes room for a fit, which begins at the run's result, and gives it back (solver.c). */
cusgd_status solver_open(solver *s);
void solver_close(solver *s);

/* ---- What they ask of the objective (objective.c) ---- */

/* f at x, l1 in it, and the smooth part's gradient (size; NULL: not wanted). One pass. */
cusgd_status solver_evaluate(solver *s, const double *x, double *f, double *g);
/* Second derivatives at x, l2 in them: solver_blocks() matrices of (d+1) x (d+1). One pass. */
int64_t solver_blocks(const solver *s);
cusgd_status solver_hessian(solver *s, const double *x, double *hessian);
/* hp = H p where the objective is quadratic, from two gradients: X^T X is never formed. origin: the gradient at 0, or where
 * *ready is 0 room for it (size), and that is taken first. */
cusgd_status solver_curve(solver *s, const double *p, double *origin, int *ready, double *hp);
/* Of a function of its own: the inverse of its derivative's matrix at x (size x size). Error: NOT_CONVERGED, where it is
 * singular.
 */
cusgd_status solver_inverse(solver *s, double *inverse);
/* A bound on the largest second derivative in any direction, sharp for quadratics. USAGE where the loss has none. */
cusgd_status solver_steepest_curvature(solver *s, double *maximum);

/* Takes the trial, where the objective is f, as the iterate. */
void solver_move(solver *s, double f);
/* After each iteration: progress, callback, stopping rules; function.c: those of a function of its own. */
cusgd_status function_iterated(solver *s);
cusgd_status solver_iterated(solver *s);

/* Counts the time that has passed and the rows that were visited. */
void solver_count_work(solver *s);
/* Back to the iterate of least objective: methods that do not lower the objective in each iteration, gd and broyden, may end far
 * above it. */
void solver_return_to_least(solver *s);
static inline int solver_is_first_order(cusgd_solver which) { return which == CUSGD_SOLVER_GD || which == CUSGD_SOLVER_STEEPEST; }

/* end.c: what comes after the iterations: the verdict, which an interruption leaves out, and the result, which nothing does. */
cusgd_status solver_end(solver *s, cusgd_status status, cusgd_result *result);
/* The end of a run whose device has failed: the best is kept on the host. is_open: 0 where it failed before the solver began;
 * what the run had before is then its result. */
void solver_lose_device(solver *s, int is_open, cusgd_result *result);

/* position.c: room for `room` values of the method's, freed with the solver, of which the first `state` are kept from one
 * iteration to the next; NULL: no memory. In a fit that goes on those are there, and s->keeps.is_loaded is 1. */
double *solver_room(solver *s, size_t state, size_t room);
void solver_free_room(solver *s);
/* Before each iteration: whether there is one more. Here the fit can be saved. */
int solver_goes_on(solver *s);
/* Calls back: the fit can be saved, as it was when solver_goes_on() was called last. */
void solver_offer(solver *s);
/* Goes on with the fit in the run's fit_state; `stale`: what the run had before monitor_begin(). */
void solver_resume(solver *s, int64_t stale);

/* broyden.c: moves to x + t p for the first t of 1, 1/2, ... at which |g| is at most `maximum`; *taken is 0 where there is none.
 */
cusgd_status solver_step_back(solver *s, const double *p, double maximum, int *taken);

/* precondition.c: the matrix whose inverse lbfgs begins its own from, the same for each output. */
typedef struct preconditioner {
    int64_t side, k;
    double *factor;       /* side x side, of the scaled matrix; NULL: it is the identity */
    double *scale, *work; /* side each, with the factor */
} preconditioner;
cusgd_status preconditioner_open(solver *s, preconditioner *out);
void preconditioner_close(preconditioner *m);
/* p, size, becomes the inverse times p. */
void preconditioner_apply(const preconditioner *m, double *p);

/* ---- Line search (search.c) ---- */

/* A step along p from x that meets the strong Wolfe conditions, with |derivative| at most `share` of the one at 0, or their
 * approximate form where f no longer decides (Hager, Zhang 2005). `first` is tried first; `derivative` is p's at x. Leaves the
 * iterate moved (solver_move) and s->step set, or s->stuck. */
cusgd_status solver_search(solver *s, const double *p, double derivative, double first, double share);

#endif
