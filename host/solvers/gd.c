/* Gradient descent at a fixed rate (Cauchy 1847), with heavy-ball momentum where it is asked for (Polyak 1964):
 *
 *     v = gamma v + eta g,   theta -= v
 *
 * The rate is the option's, else 1 / (the largest second derivative). */
#include "solver.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

static cusgd_status descend(solver *s, double rate, double momentum, double *v)
{
    cusgd_status status = CUSGD_OK;
    double start = s->f, f;
    s->step = rate;
    while (status == CUSGD_OK && s->m.stop == CUSGD_STOP_NONE) {
        for (int64_t u = 0; u < s->size; u++) {
            v[u] = momentum * v[u] + rate * s->g[u];
            s->trial[u] = s->x[u] - v[u];
        }
        status = solver_evaluate(s, s->trial, &f, s->trial_g);
        if (status != CUSGD_OK) break;
        if (!isfinite(f) || f > start + 1e8 * (fabs(start) + 1)) {
            s->m.stop = CUSGD_STOP_DIVERGED;
            return fail(CUSGD_ERROR_DIVERGED,
                        "diverged: gradient descent at rate %g has the objective at %g after %lld iterations, from %g. Leave out "
                        "--rate: it is then 1 / (the largest second derivative)",
                        rate, f * s->problem->units.loss, (long long)s->m.epochs + 1, start * s->problem->units.loss);
        }
        solver_move(s, f);
        status = solver_iterated(s);
    }
    return status;
}

cusgd_status solve_gd(solver *s)
{
    cusgd_options *o = s->m.run->options;
    double maximum = 0, *v = allocate_zeroed((size_t)s->size, sizeof *v);
    cusgd_status status = v ? CUSGD_OK : fail_memory((size_t)s->size * sizeof *v, "a velocity");
    if (status == CUSGD_OK && isnan(o->rate)) {
        status = solver_steepest_curvature(s, &maximum);
        if (status == CUSGD_OK) o->rate = maximum > 0 ? 1 / maximum : 1;
    }
    if (status == CUSGD_OK) status = descend(s, o->rate, isnan(o->momentum) ? 0 : o->momentum, v);
    free(v);
    return status;
}
