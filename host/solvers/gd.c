/* Gradient descent at a fixed rate (Cauchy 1847), with heavy-ball momentum if the option momentum is set (Polyak 1964):
 *
 *     v = gamma v + eta g,   theta -= v
 *
 * The rate is that of the option, or else 1 / (the largest second derivative). */
#include "solver.h"

#include "failure.h"
#include <math.h>

/* v and its next value have `size` values each. The number of the method is the first objective of the fit. */
static cusgd_status descend(solver *s, double rate, double momentum, double *v, double *next)
{
    cusgd_status status = CUSGD_OK;
    double start = s->keeps.is_loaded ? s->keeps.number[0] : s->f, f;
    s->keeps.number[0] = start;
    s->step = rate;
    if (!s->keeps.is_loaded) vector_zero(s->size, v);
    while (!status && solver_goes_on(s)) {
        for (int64_t u = 0; u < s->size; u++) {
            next[u] = momentum * v[u] + rate * s->g[u];
            s->trial.x[u] = s->x[u] - next[u];
        }
        status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (status) break;
        if (!isfinite(f) || f > start + 1e8 * (fabs(start) + 1)) {
            s->m.stop = CUSGD_STOP_DIVERGED;
            return fail(CUSGD_ERROR_DIVERGED,
                        "diverged: gradient descent at rate %g has the objective at %g after %lld iterations, from %g. Leave out "
                        "--rate: it is then 1 / (the largest second derivative)",
                        rate, f * s->problem->units.loss, (long long)s->m.epochs + 1, start * s->problem->units.loss);
        }
        solver_move(s, f);
        vector_copy(s->size, next, v);
        status = solver_iterated(s);
    }
    return status;
}

cusgd_status solve_gd(solver *s)
{
    cusgd_options *o = s->m.run->options;
    size_t n = (size_t)s->size;
    double maximum = 0, *v = solver_room(s, n, 2 * n);
    cusgd_status status = v ? CUSGD_OK : fail_memory(2 * n * sizeof *v, "a velocity");
    if (!status && isnan(o->rate)) {
        status = solver_steepest_curvature(s, &maximum);
        if (!status) o->rate = maximum > 0 ? 1 / maximum : 1;
        s->m.run->at.chose_rate = !status;
    }
    return !status ? descend(s, o->rate, isnan(o->momentum) ? 0 : o->momentum, v, v + n) : status;
}
