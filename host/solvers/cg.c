/* Conjugate gradients. Quadratic objectives: Hestenes and Stiefel 1952, on the normal equations with products by X and X^T only
 * (CGLS; X^T X is never formed); the residual is recomputed from time to time to limit its drift. Others: Polak and Ribiere 1969
 * with Powell's restarts (Nocedal, Wright 2006, 5.2), beta never negative. */
#include "solver.h"

#include "failure.h"
#include <math.h>

/* A product p -> X p -> X^T X p is one pass of the device interface's objective: the difference of two gradients. */
static cusgd_status iterate_quadratic(solver *s, double *p, double *hp, double *origin)
{
    int ready = 0;
    double square = vector_dot(s->size, s->g, s->g), f;
    cusgd_status status = CUSGD_OK;
    for (int64_t u = 0; u < s->size && !s->keeps.is_loaded; u++) p[u] = -s->g[u];
    while (!status && solver_goes_on(s)) {
        status = solver_curve(s, p, origin, &ready, hp);
        if (status) break;
        double bend = vector_dot(s->size, p, hp), before = square;
        s->stuck = !(bend > 0);
        if (s->stuck) break;
        s->step = -vector_dot(s->size, s->g, p) / bend;
        vector_copy(s->size, s->x, s->trial.x);
        vector_add(s->size, s->step, p, s->trial.x);
        status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (status) break;
        solver_move(s, f);
        status = solver_iterated(s);
        square = vector_dot(s->size, s->g, s->g);
        double beta = square / before;
        if (s->m.epochs % (s->size + 10) == 0) beta = 0; /* rounding errors have destroyed the conjugacy */
        for (int64_t u = 0; u < s->size; u++) p[u] = beta * p[u] - s->g[u];
        if (!(vector_dot(s->size, s->g, p) < 0))
            for (int64_t u = 0; u < s->size; u++) p[u] = -s->g[u];
    }
    return status;
}

/* p: the current direction. kept: the last direction, and the gradient at its start, from which, with its derivative (a number of
 * the method), the next one is computed. next_before: work for such a gradient. All have `size` values. */
static cusgd_status iterate_other(solver *s, double *kept, double *p, double *next_before)
{
    double *before = kept + s->size, derivative = 0, last = s->keeps.is_loaded ? s->keeps.number[0] : 0, first;
    cusgd_status status = CUSGD_OK;
    if (!s->keeps.is_loaded) vector_zero(2 * s->size, kept);
    while (!status && solver_goes_on(s)) {
        double square = vector_dot(s->size, s->g, s->g), beta = 0;
        if (last != 0) {
            double old = vector_dot(s->size, before, before), across = vector_dot(s->size, s->g, before);
            beta = fabs(across) >= 0.5 * square ? 0 : fmax((square - across) / old, 0); /* Powell 1977 */
        }
        for (int64_t u = 0; u < s->size; u++) p[u] = beta * kept[u] - s->g[u];
        derivative = vector_dot(s->size, s->g, p);
        if (!(derivative < -1e-10 * vector_norm(s->size, p) * sqrt(square))) {
            for (int64_t u = 0; u < s->size; u++) p[u] = -s->g[u];
            derivative = -square;
        }
        first =
            last != 0 ? s->step * last / derivative : 1 / (1 + sqrt(square)); /* the same first-order change as the step before */
        vector_copy(s->size, s->g, next_before);
        status = solver_search(s, p, derivative, first, 0.1);
        if (status || s->stuck) break;
        vector_copy(s->size, p, kept);
        vector_copy(s->size, next_before, before);
        s->keeps.number[0] = last = derivative;
        status = solver_iterated(s);
    }
    return status;
}

cusgd_status solve_cg(solver *s)
{
    size_t n = (size_t)s->size;
    double *p = solver_room(s, s->quadratic ? n : 2 * n, 4 * n);
    if (!p) return fail_memory(4 * n * sizeof *p, "a direction");
    return s->quadratic ? iterate_quadratic(s, p, p + n, p + 2 * n) : iterate_other(s, p, p + 2 * n, p + 3 * n);
}
