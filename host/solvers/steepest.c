/* Steepest descent (Cauchy 1847): moves along -g to the minimum of the objective on that line. For a quadratic that is alpha =
 * g.g / g.Hg, from one more gradient; otherwise it is found by a line search to a tenth of the derivative. */
#include "solver.h"

#include "failure.h"

/* Takes a step on a quadratic. work: 3 size; the gradient at 0 is last. */
static cusgd_status step_exactly(solver *s, double *work, int *ready)
{
    double *hp = work + s->size, *origin = work + 2 * s->size, f;
    cusgd_status status = solver_curve(s, s->g, origin, ready, hp);
    if (status) return status;
    double square = vector_dot(s->size, s->g, s->g), bend = vector_dot(s->size, s->g, hp);
    s->stuck = !(bend > 0);
    if (s->stuck) return CUSGD_OK;
    s->step = square / bend;
    vector_copy(s->size, s->x, s->trial.x);
    vector_add(s->size, -s->step, s->g, s->trial.x);
    status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
    if (!status) solver_move(s, f);
    return status;
}

static cusgd_status step_by_search(solver *s, double *p)
{
    double square = vector_dot(s->size, s->g, s->g), first = s->m.epochs > 0 ? s->step : 1 / (1 + vector_norm(s->size, s->g));
    for (int64_t u = 0; u < s->size; u++) p[u] = -s->g[u];
    return solver_search(s, p, -square, first, 0.1);
}

cusgd_status solve_steepest(solver *s)
{
    double *work = solver_room(s, 0, (size_t)(3 * s->size));
    cusgd_status status = work ? CUSGD_OK : fail_memory((size_t)(3 * s->size) * sizeof *work, "a direction");
    int ready = 0;
    while (!status && solver_goes_on(s)) {
        status = s->quadratic ? step_exactly(s, work, &ready) : step_by_search(s, work);
        if (!status && !s->stuck) status = solver_iterated(s);
    }
    return status;
}
