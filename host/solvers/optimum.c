/* Computes the minimum of the objective, with which a run is compared, by the exact solution, or by Newton's method if that is
 * cheap. */
#include "solver.h"

#include "clock.h"
#include "failure.h"
#include "interrupt.h"
#include "lapack_library.h"
#include <math.h>

/* Returns whether computing the matrices of second derivatives takes little work compared with the run so far, in
 * multiplications. */
static int is_affordable(const run *r)
{
    enum { MAX_COLUMNS = 2000, MAX_NEWTON_COLUMNS = 500, NEWTON_ITERATIONS = 10 };
    const double second = 2e9;
    double n = (double)r->problem->train.rows.n, d = (double)r->problem->d, side = d + 1, visited = (double)r->at.epoch * n;
    int quadratic = loss_is_quadratic(r->problem->loss.kind);
    if (loss_is_nonsmooth(r->problem->loss.kind) || is_softmax(r->problem) || r->problem->l1 > 0 || r->lost) return 0;
    if (examples_are_sparse(&r->problem->train.rows) || r->problem->train.stream) return 0;
    if (r->problem->d > (quadratic ? MAX_COLUMNS : MAX_NEWTON_COLUMNS) || (!quadratic && r->problem->separated != 0)) return 0;
    if (options_have_bounds(r->options)) return 0; /* bounds have another optimum */
    double work =
        quadratic ? n * side * side : NEWTON_ITERATIONS * (double)r->problem->k * (n * side * side + side * side * side);
    return work <= fmax(quadratic ? second : second / 4, 2 * visited * d);
}

/* Searches from the intercept-only model. *found: 1 if it ended at an optimum. */
static cusgd_status find(solver *s, int *found)
{
    double share = s->m.run->options->precision == CUSGD_PRECISION_DOUBLE ? 1e-9 : 1e-5;
    problem_null(s->problem, s->x);
    cusgd_status status = solver_evaluate(s, s->x, &s->f, s->g);
    *found = 1;
    if (status || s->quadratic) return status ? status : solver_solve(s);
    s->silent.on = 1;
    s->gradient = vector_norm(s->size, s->g);
    double small = 100 * fmax(s->goal.enough, share * s->gradient);
    s->goal = (goal){
        0, 0}; /* where columns depend on each other a small gradient is not near enough: it goes on as long as steps help */
    if (s->gradient > s->goal.enough) status = solve_newton(s);
    *found = isfinite(s->f) && s->gradient <= small;
    return status;
}

cusgd_status solver_optimum(run *r, double *objective, double *seconds)
{
    solver s = {.m = {.run = r, .begun = clock_seconds()}, .problem = r->problem};
    int found = 0;
    *objective = r->minimum * r->problem->units.loss;
    *seconds = r->min_seconds;
    if (!isnan(r->minimum) || !is_affordable(r) || !lapack_is_here()) return CUSGD_OK;
    cusgd_status status = solver_open(&s);
    if (!status) status = find(&s, &found);
    if (!status && found && !interrupt_asked()) {
        r->minimum = s.f;
        *objective = s.f * r->problem->units.loss;
        *seconds = r->min_seconds = clock_seconds() - s.m.begun;
    } else if (!status && interrupt_asked()) {
        status = fail_interrupted();
    }
    solver_close(&s);
    return status;
}
