/* A solver without a run: the iterate, the members that the methods use, and the conditions at which they end. */
#include "solver.h"

#include "failure.h"
#include "interrupt.h"
#include <math.h>
#include <stdlib.h>

static void measure(solver *s)
{
    s->gradient = vector_norm(s->size, s->g);
    if (s->gradient <= s->goal.enough) s->m.stop = CUSGD_STOP_GRADIENT;
}

static int tell(const solver *s, double length)
{
    const function_iterate now = {s->m.epochs, s->x, s->f, s->gradient, length};
    return s->function->iterated(s->function->user, &now);
}

/* kept.best is the end of the last iteration. */
cusgd_status function_iterated(solver *s)
{
    double square = 0;
    for (int64_t u = 0; u < s->size; u++) square += (s->x[u] - s->kept.best[u]) * (s->x[u] - s->kept.best[u]);
    vector_copy(s->size, s->x, s->kept.best);
    s->m.epochs++;
    measure(s);
    if (s->m.stop == CUSGD_STOP_NONE && s->m.epochs >= s->function->most) s->m.stop = CUSGD_STOP_EPOCHS;
    if (tell(s, sqrt(square))) s->m.stop = CUSGD_STOP_CANCELLED;
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

static cusgd_status run_method(solver *s, cusgd_solver which)
{
    switch (which) {
    case CUSGD_SOLVER_BFGS: return solve_bfgs(s);
    case CUSGD_SOLVER_DFP: return solve_dfp(s);
    case CUSGD_SOLVER_CG: return solve_cg(s);
    case CUSGD_SOLVER_LBFGS: return solve_lbfgs(s);
    case CUSGD_SOLVER_BROYDEN_GOOD: return solve_broyden_good(s);
    case CUSGD_SOLVER_BROYDEN_BAD: return solve_broyden_bad(s);
    default: return solve_newton(s);
    }
}

/* Allocates x, the gradient, a trial point and its gradient, and the last iterate. */
static cusgd_status run_function(const function *f, cusgd_solver which, int is_root, double *x, cusgd_stop *stop)
{
    problem sizes = {.d = f->size - 1, .k = 1, .intercept = 1};
    solver s = {
        .problem = &sizes, .function = f, .size = f->size, .penalized = f->size, .noise = 4e-15, .goal = {f->enough, f->enough}};
    size_t n = (size_t)f->size;
    s.x = allocate(5 * n, sizeof *s.x);
    if (!s.x) return fail_memory(5 * n * sizeof *s.x, "the iterate");
    s.g = s.x + n;
    s.trial.x = s.g + n;
    s.trial.g = s.trial.x + n;
    s.kept.best = s.trial.g + n;
    vector_copy(f->size, x, s.x);
    vector_copy(f->size, x, s.kept.best);
    cusgd_status status = f->evaluate(f->user, s.x, &s.f, s.g);
    if (!status) measure(&s);
    if (!status && tell(&s, (double)NAN)) s.m.stop = CUSGD_STOP_CANCELLED;
    if (!status && s.m.stop == CUSGD_STOP_NONE)
        status = is_root && which == CUSGD_SOLVER_NEWTON ? solve_root(&s) : run_method(&s, which);
    vector_copy(f->size, s.x, x);
    *stop = s.m.stop;
    solver_free_room(&s);
    free(s.x);
    return status;
}

cusgd_status function_minimize(const function *f, cusgd_solver which, double *x, cusgd_stop *stop)
{
    return run_function(f, which, 0, x, stop);
}

cusgd_status function_root(const function *f, cusgd_solver which, double *x, cusgd_stop *stop)
{
    return run_function(f, which, 1, x, stop);
}
