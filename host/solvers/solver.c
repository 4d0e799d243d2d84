/* A fit by a full-batch method: the choice of the method, its start, and its iterations. */
#include "solver.h"

#include "clock.h"
#include "failure.h"
#include "interrupt.h"
#include "lapack_library.h"
#include "options.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Which method, and for how long ---- */

/* Returns whether the method factors matrices by LAPACK; gd and broyden do so for the largest eigenvalue of the second
 * derivatives. */
static int has_factors(cusgd_solver which)
{
    return which == CUSGD_SOLVER_EXACT || which == CUSGD_SOLVER_NEWTON || which == CUSGD_SOLVER_GD ||
           which == CUSGD_SOLVER_BROYDEN_GOOD || which == CUSGD_SOLVER_BROYDEN_BAD;
}

cusgd_status solver_choose(run *r, char *announcement, size_t room)
{
    cusgd_options *o = r->options;
    int64_t n = r->problem->train.rows.n, size = (r->problem->d + 1) * r->problem->k;
    if (o->solver == CUSGD_SOLVER_AUTO) o->solver = solver_usual(r->problem);
    solver_announce(r->problem, announcement, room);
    r->by_gradient = 1;
    r->by_tolerance = !isnan(o->tolerance);
    if (r->by_tolerance && o->patience < 0) o->patience = 1;
    /* if classes are nearly separated, second derivatives almost vanish, so that a small gradient does not imply accurate
     * coefficients; Newton's method for two classes is more accurate by itself */
    int goes_on = isnan(o->gradient_tolerance) && is_softmax(r->problem) && o->precision == CUSGD_PRECISION_DOUBLE;
    r->aim = goes_on ? 1e-12 : (double)NAN;
    if (isnan(o->gradient_tolerance))
        o->gradient_tolerance = o->precision == CUSGD_PRECISION_FLOAT ? 1e-5 : solver_is_first_order(o->solver) ? 1e-6 : 1e-9;
    if (o->epochs == 0) o->epochs = solver_is_first_order(o->solver) ? 20000 : o->solver == CUSGD_SOLVER_EXACT ? 1 : 1000 + size;
    o->batch = n;
    o->evaluate_every = 1;
    o->average = 0;
    r->spec.batch = 1; /* no minibatch steps are run, so that buffers for one row suffice */
    r->spec.optimizer = CUSGD_OPTIMIZER_SGD;
    return has_factors(o->solver) ? lapack_open("solver", solver_word(o->solver)) : CUSGD_OK;
}

static cusgd_status run_method(solver *s)
{
    switch (s->m.run->options->solver) {
    case CUSGD_SOLVER_EXACT: return solve_exact(s);
    case CUSGD_SOLVER_GD: return solve_gd(s);
    case CUSGD_SOLVER_STEEPEST: return solve_steepest(s);
    case CUSGD_SOLVER_CG: return solve_cg(s);
    case CUSGD_SOLVER_NEWTON: return solve_newton(s);
    case CUSGD_SOLVER_BFGS: return solve_bfgs(s);
    case CUSGD_SOLVER_DFP: return solve_dfp(s);
    case CUSGD_SOLVER_LBFGS: return solve_lbfgs(s);
    case CUSGD_SOLVER_COORDINATE: return solve_coordinate(s);
    case CUSGD_SOLVER_BROYDEN_GOOD: return solve_broyden_good(s);
    default: return solve_broyden_bad(s);
    }
}

/* ---- Beginning ---- */

/* Returns an estimate of the mean absolute derivative of a row at the intercept-only model: at most sqrt(2 bound loss), and at
 * most the bound of the derivative. For a loss with a log link it is |mean - y| times a power of the mean, at most twice the
 * second derivative, of which `steepest` is four times the mean. */
static double null_derivative(const problem *p)
{
    double bound = loss_curvature_bound(p->loss);
    if (loss_has_log_link(p->loss.kind)) return p->targets.steepest / 2;
    if (!isfinite(bound)) bound = p->targets.steepest;
    return fmin(sqrt(2 * bound * fabs(p->null_loss)), loss_derivative_bound(p->loss));
}

/* Returns a bound on the rounding error of a gradient that is zero. */
static double rounding_gradient(const solver *s)
{
    double unit = s->m.run->options->precision == CUSGD_PRECISION_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON, square = 1;
    double derivative = null_derivative(s->problem);
    for (int64_t j = 0; j < s->problem->d; j++)
        square += s->m.run->options->standardize ? 1 : s->problem->units.rms[j] * s->problem->units.rms[j];
    return isfinite(derivative) ? 4 * unit * sqrt(square) * derivative : 0;
}

cusgd_status solver_open(solver *s)
{
    s->kept.first = s->m.run->at.epoch;
    s->penalized = s->problem->d * s->problem->k;
    s->size = s->penalized + s->problem->k;
    s->quadratic = loss_is_quadratic(s->problem->loss.kind);
    s->noise = s->m.run->options->precision == CUSGD_PRECISION_DOUBLE ? 4e-15 : 4e-7;
    s->x = allocate((size_t)(6 * s->size), sizeof *s->x);
    s->kept.best = s->problem->valid.bounds ? allocate((size_t)s->size, sizeof *s->kept.best) : NULL;
    if (!s->x || (s->problem->valid.bounds && !s->kept.best))
        return fail_memory((size_t)(6 * s->size) * sizeof *s->x, "the iterate");
    s->g = s->x + s->size;
    s->trial.x = s->g + s->size;
    s->trial.g = s->trial.x + s->size;
    s->kept.least = s->trial.g + s->size;
    s->kept.least_g = s->kept.least + s->size;
    if (s->problem->valid.bounds && isfinite(s->m.run->at.kept)) { /* a fit that continues */
        s->kept.best_iteration = s->m.run->at.kept_epoch;
        cusgd_status status = run_theta(s->m.run, SNAPSHOT_BEST, s->kept.best);
        if (status) return status;
    }
    s->goal.enough = fmax(s->m.run->options->gradient_tolerance * s->problem->null_gradient, rounding_gradient(s));
    s->goal.aim = s->goal.enough;
    if (!isnan(s->m.run->aim))
        s->goal.aim = fmin(s->goal.enough, fmax(s->m.run->aim * s->problem->null_gradient, rounding_gradient(s)));
    return run_theta(s->m.run, s->m.run->at.result, s->x);
}

void solver_close(solver *s)
{
    solver_free_room(s);
    free(s->x);
    free(s->kept.best);
}

/* ---- Iterations ---- */

enum { SILENT_ITERATIONS = 100 };

static void measure_gradient(solver *s)
{
    problem_subgradient(s->problem, s->x, s->g, s->trial.g);
    s->gradient = vector_norm(s->size, s->trial.g);
}

static void measure(solver *s)
{
    measure_gradient(s);
    if (s->gradient <= s->goal.aim) s->m.stop = CUSGD_STOP_GRADIENT;
}

void solver_move(solver *s, double f)
{
    vector_copy(s->size, s->trial.x, s->x);
    vector_copy(s->size, s->trial.g, s->g);
    s->f = f;
}

/* Keeps the iterate if its objective is the smallest so far, or equal to it. */
static void keep_least(solver *s)
{
    if (!(s->f <= s->kept.least_f)) return;
    vector_copy(s->size, s->x, s->kept.least);
    vector_copy(s->size, s->g, s->kept.least_g);
    s->kept.least_f = s->f;
    s->kept.least_iterations = s->m.epochs;
}

void solver_return_to_least(solver *s)
{
    if (s->f - s->kept.least_f <= s->noise * fabs(s->kept.least_f)) return;
    vector_copy(s->size, s->kept.least, s->x);
    vector_copy(s->size, s->kept.least_g, s->g);
    s->f = s->kept.least_f;
    s->kept.result = s->kept.least_iterations;
    measure_gradient(s);
}

static cusgd_status keep_best(solver *s)
{
    run_position *at = &s->m.run->at;
    cusgd_status status = monitor_validate(&s->m, s->x);
    if (!s->problem->valid.bounds) return status;
    if (!status) status = problem_check_data(s->problem);
    if (!status && s->m.now.valid < at->kept) {
        at->kept = s->m.now.valid;
        s->kept.best_iteration = s->kept.first + s->m.epochs;
        vector_copy(s->size, s->x, s->kept.best);
    }
    return status;
}

void solver_count_work(solver *s)
{
    s->m.working = clock_seconds() - s->m.begun;
    s->m.rows = s->passes * s->problem->train.rows.n;
}

cusgd_status solver_iterated(solver *s)
{
    if (s->function) return function_iterated(s);
    const cusgd_options *o = s->m.run->options;
    s->kept.result = ++s->m.epochs;
    cusgd_status status = problem_check_data(s->problem);
    if (s->silent.on) {
        measure(s);
        if (s->m.stop == CUSGD_STOP_NONE && s->m.epochs >= SILENT_ITERATIONS) s->m.stop = CUSGD_STOP_EPOCHS;
        if (s->m.epochs > 1 && s->silent.before - s->f <= s->noise * fabs(s->f)) s->m.stop = CUSGD_STOP_TOLERANCE;
        if (interrupt_asked()) s->m.stop = CUSGD_STOP_CANCELLED;
        s->silent.before = s->f;
        return status;
    }
    int is_whole = run_is_saved(s->m.run); /* an iteration that has moved x is then completed */
    interrupt_defer(is_whole);
    if (!status) status = keep_best(s);
    interrupt_defer(-is_whole);
    if (status) return status;
    keep_least(s);
    s->m.now.objective = s->f;
    monitor_count(&s->m, s->f); /* counts the objective even with validation data, as the tolerance refers to what is minimized */
    measure(s);
    monitor_judge(&s->m, s->m.stop == CUSGD_STOP_GRADIENT);
    if (s->m.stop == CUSGD_STOP_NONE && s->m.epochs >= o->epochs)
        s->m.stop = s->gradient <= s->goal.enough ? CUSGD_STOP_GRADIENT : CUSGD_STOP_EPOCHS;
    solver_count_work(s);
    s->m.run->shown = s->x;
    int ends = monitor_tell(&s->m, s->kept.first + s->m.epochs, s->m.now.loss, 1, s->step);
    s->m.run->shown = NULL;
    /* a run that has converged is not reported as canceled, unless its callback ends it */
    if (ends || (s->m.stop == CUSGD_STOP_NONE && interrupt_asked())) s->m.stop = CUSGD_STOP_CANCELLED;
    return CUSGD_OK;
}

/* ---- A fit ---- */

/* Begins a new fit. *is_open becomes 0 if that fails. */
static cusgd_status begin(solver *s, int *is_open, cusgd_result *result)
{
    run *r = s->m.run;
    cusgd_status status = solver_evaluate(s, s->x, &s->f, s->g);
    if (status) return status;
    if (!isfinite(s->f)) {
        *is_open = 0;
        if (result) result->stop = CUSGD_STOP_DIVERGED;
        return fail(CUSGD_ERROR_DIVERGED, "the loss is not finite where the solver starts; scale the data or leave out --init");
    }
    s->kept.least_f = s->f;
    keep_least(s);
    measure(s);
    if (r->options->solver == CUSGD_SOLVER_EXACT)
        s->m.stop = CUSGD_STOP_NONE; /* of several solutions it computes that of minimum norm */
    r->at.best = s->f;               /* a fit that continues may begin at another iterate than the last one */
    r->at.unfinished = 1;
    return CUSGD_OK;
}

/* Runs the iterations. If a fit is interrupted during an iteration, its state is that at the beginning of the iteration. */
static cusgd_status iterate(solver *s)
{
    cusgd_status status = run_method(s);
    if (status == CUSGD_ERROR_INTERRUPTED) solver_offer(s);
    solver_free_room(s); /* deciding on convergence may need the memory */
    return status;
}

cusgd_status solver_fit(run *r, cusgd_callback callback, void *user, cusgd_result *result)
{
    solver s = {.problem = r->problem};
    int64_t stale = r->at.stale;
    monitor_begin(&s.m, r, callback, user);
    if (result) memset(result, 0, sizeof *result);
    _Atomic int *watched = interrupt_watch(&r->cancelled);
    cusgd_status status = run_check_device(r);
    if (!status) status = solver_check_memory(r->problem);
    if (!status) status = solver_open(&s);
    int is_open = !status;
    if (!status && r->fit.is_whole)
        solver_resume(&s, stale);
    else if (!status)
        status = begin(&s, &is_open, result);
    if (!status && s.m.stop == CUSGD_STOP_NONE) status = iterate(&s);
    run_forget_fit(r);
    if (is_open) status = solver_end(&s, status, result);
    if (status == CUSGD_ERROR_DEVICE) solver_lose_device(&s, is_open, result);
    r->cancelled = 0;
    interrupt_watch(watched);
    solver_close(&s);
    return status;
}
