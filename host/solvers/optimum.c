/* The least objective, which a run is held against: by the exact solution, or by Newton's method where that is cheap. */
#include "solver.h"

#include "clock.h"
#include "error.h"
#include "interrupt.h"
#include <math.h>

/* The work of the matrices of second derivatives, in multiplications, against the work of the run so far. */
static int is_affordable(const cusgd_trainer *t)
{
    enum { MAX_COLUMNS = 2000, MAX_NEWTON_COLUMNS = 500, NEWTON_ITERATIONS = 10 };
    const double second = 2e9;
    double n = (double)t->train_rows.n, d = (double)t->plan.d, side = d + 1, visited = (double)t->epoch * n;
    int quadratic = loss_is_quadratic(t->plan.loss.kind);
    if (loss_has_kinks(t->plan.loss.kind) || t->plan.l1 > 0 || t->lost) return 0;
    if (t->plan.d > (quadratic ? MAX_COLUMNS : MAX_NEWTON_COLUMNS) || (!quadratic && t->separated != 0)) return 0;
    if (!(isnan(t->options.lower) && isnan(t->options.upper))) return 0; /* the optimum within bounds is another one */
    double work = quadratic ? n * side * side : NEWTON_ITERATIONS * (double)t->plan.k * (n * side * side + side * side * side);
    return work <= fmax(quadratic ? second : second / 4, 2 * visited * d);
}

/* From the intercept-only model; *found: it ended at an optimum. */
static cusgd_status find(solver *s, int *found)
{
    double share = s->t->options.precision == CUSGD_PRECISION_DOUBLE ? 1e-9 : 1e-5;
    trainer_null(s->t, s->x);
    cusgd_status status = solver_evaluate(s, s->x, &s->f, s->g);
    *found = 1;
    if (status != CUSGD_OK || s->quadratic) return status == CUSGD_OK ? solver_solve(s) : status;
    s->silent = 1;
    s->gradient = vector_norm(s->size, s->g);
    double small = 100 * fmax(s->enough, share * s->gradient);
    s->enough = 0; /* where columns depend on each other a small gradient is not near enough: it goes on as long as steps help */
    if (s->gradient > s->enough) status = solve_newton(s);
    *found = isfinite(s->f) && s->gradient <= small;
    return status;
}

cusgd_status cusgd_trainer_optimum(cusgd_trainer *t, double *objective, double *seconds)
{
    solver s = {.t = t, .begun = clock_seconds()};
    int found = 0;
    *objective = t->least * t->loss_unit;
    *seconds = t->least_seconds;
    if (!isnan(t->least) || !is_affordable(t)) return CUSGD_OK;
    cusgd_status status = solver_open(&s);
    if (status == CUSGD_OK) status = find(&s, &found);
    if (status == CUSGD_OK && found && !interrupt_asked()) {
        t->least = s.f;
        *objective = s.f * t->loss_unit;
        *seconds = t->least_seconds = clock_seconds() - s.begun;
    } else if (status == CUSGD_OK && interrupt_asked()) {
        status = fail_interrupted();
    }
    solver_close(&s);
    return status;
}
