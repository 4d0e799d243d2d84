/* A fit by a full-batch method: which one, when it ends, and what is reported. */
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

static int is_first_order(cusgd_solver which) { return which == CUSGD_SOLVER_GD || which == CUSGD_SOLVER_STEEPEST; }

/* Whether LAPACK factors matrices of it; of gd and broyden the second derivatives, for their largest eigenvalue. */
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
    if (isnan(o->gradient_tolerance))
        o->gradient_tolerance = o->precision == CUSGD_PRECISION_FLOAT ? 1e-5 : is_first_order(o->solver) ? 1e-6 : 1e-9;
    if (o->epochs == 0) o->epochs = is_first_order(o->solver) ? 20000 : o->solver == CUSGD_SOLVER_EXACT ? 1 : 1000 + size;
    o->batch = n;
    o->evaluate_every = 1;
    o->average = 0;
    r->spec.batch = 1; /* no steps are run: room for one row will do */
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
    case CUSGD_SOLVER_BROYDEN_GOOD: return solve_broyden_good(s);
    default: return solve_broyden_bad(s);
    }
}

/* ---- Beginning ---- */

/* What rounding leaves of a gradient that is zero: a row's derivative is at most sqrt(2 bound loss), in the mean, and at most the
 * loss's own bound. */
static double rounding_gradient(const solver *s)
{
    double unit = s->m.run->options->precision == CUSGD_PRECISION_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON, square = 1;
    double steepest = loss_curvature_bound(s->problem->loss);
    for (int64_t j = 0; j < s->problem->d; j++)
        square += s->m.run->options->standardize ? 1 : s->problem->units.rms[j] * s->problem->units.rms[j];
    double derivative = fmin(sqrt(2 * steepest * fabs(s->problem->null_loss)), loss_derivative_bound(s->problem->loss));
    return isfinite(steepest) ? 4 * unit * sqrt(square) * derivative : 0;
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
    if (s->problem->valid.bounds && isfinite(s->m.run->at.kept)) { /* a fit that goes on */
        s->kept.best_iteration = s->m.run->at.kept_epoch;
        cusgd_status status = run_theta(s->m.run, SNAPSHOT_BEST, s->kept.best);
        if (status) return status;
    }
    s->enough = fmax(s->m.run->options->gradient_tolerance * s->problem->null_gradient, rounding_gradient(s));
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
    if (s->gradient <= s->enough) s->m.stop = CUSGD_STOP_GRADIENT;
}

void solver_move(solver *s, double f)
{
    vector_copy(s->size, s->trial.x, s->x);
    vector_copy(s->size, s->trial.g, s->g);
    s->f = f;
}

/* Where objectives are equal, the later one. */
static void keep_least(solver *s)
{
    if (!(s->f <= s->kept.least_f)) return;
    vector_copy(s->size, s->x, s->kept.least);
    vector_copy(s->size, s->g, s->kept.least_g);
    s->kept.least_f = s->f;
    s->kept.least_iterations = s->m.epochs;
}

/* Methods that do not lower the objective in each iteration, gd and broyden, may end far above their least one. */
static void return_to_least(solver *s)
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

/* The time that has passed and the rows that were visited. */
static void count_work(solver *s)
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
    int is_whole = run_is_saved(s->m.run); /* then an iteration that has moved x ends as a whole */
    interrupt_defer(is_whole);
    if (!status) status = keep_best(s);
    interrupt_defer(-is_whole);
    if (status) return status;
    keep_least(s);
    s->m.now.objective = s->f;
    monitor_count(&s->m, s->f); /* of the objective, with validation data too: the tolerance is of what is minimized */
    measure(s);
    monitor_judge(&s->m, s->m.stop == CUSGD_STOP_GRADIENT);
    if (s->m.stop == CUSGD_STOP_NONE && s->m.epochs >= o->epochs) s->m.stop = CUSGD_STOP_EPOCHS;
    count_work(s);
    s->m.run->shown = s->x;
    int ends = monitor_tell(&s->m, s->kept.first + s->m.epochs, s->m.now.loss, 1, s->step);
    s->m.run->shown = NULL;
    /* a run that has converged is not one that was cancelled, unless its callback says so */
    if (ends || (s->m.stop == CUSGD_STOP_NONE && interrupt_asked())) s->m.stop = CUSGD_STOP_CANCELLED;
    return CUSGD_OK;
}

/* ---- The end ---- */

static int has_best(const solver *s) { return s->problem->valid.bounds && s->kept.best_iteration > 0; }

/* Puts an iterate, that of so many iterations of this fit, and the best one where the run keeps them. */
static cusgd_status put_iterates(solver *s, const double *x, int64_t iterations)
{
    run *r = s->m.run;
    int kept = has_best(s);
    r->at.result = kept ? SNAPSHOT_BEST : SNAPSHOT_CURRENT;
    if (kept) r->at.kept_epoch = s->kept.best_iteration;
    s->m.result_epoch = kept ? s->kept.best_iteration : s->kept.first + iterations;
    cusgd_status status = iterations > 0 || x == s->x ? run_put(r, SNAPSHOT_CURRENT, x) : CUSGD_OK;
    return !status && kept ? run_put(r, SNAPSHOT_BEST, s->kept.best) : status;
}

static void count_iterations(solver *s, int64_t iterations)
{
    s->m.run->at.step = s->m.run->at.epoch = s->kept.first + iterations;
}

/* What is reported is of the parameters as the device has rounded them. */
static cusgd_status evaluate_result(solver *s)
{
    cusgd_status status = run_theta(s->m.run, s->m.run->at.result, s->x);
    if (!status) { /* in case the device fails later */
        memcpy(s->m.run->best, s->x, theta_bytes(s->problem));
        s->m.run->at.kept_epoch = s->m.result_epoch;
    }
    if (!status) status = solver_evaluate(s, s->x, &s->m.now.objective, s->g);
    if (status) return status;
    problem_subgradient(s->problem, s->x, s->g, s->trial.g);
    double whole = s->problem->null_gradient;
    s->m.now.gradient = whole > 0 ? vector_norm(s->size, s->trial.g) / whole : 0;
    return monitor_validate(&s->m, s->x);
}

/* Never what was done already: solver auto only where it is another one. */
static const char *advice_of(const solver *s)
{
    cusgd_solver which = s->m.run->options->solver;
    int sparse = examples_are_sparse(&s->problem->train.rows);
    if (!s->m.run->options->standardize) return sparse ? "--sparse-scale rms" : "standardizing (leave out --no-standardize)";
    if (s->problem->separated > 0) return "--l2 (1e-4, for example), as no finite optimum exists without it";
    if (is_first_order(which)) return "more --epochs, or --solver auto";
    if (solver_usual(s->problem) != which) return "--solver auto, or some --l2";
    if (!s->stuck) return "more --epochs, or some --l2";
    return s->m.run->options->precision == CUSGD_PRECISION_FLOAT ? "--precision double, or some --l2"
                                                                 : "some --l2, or a larger --gradient-tolerance";
}

static cusgd_status finish(solver *s, cusgd_result *result)
{
    count_work(s);
    cusgd_status status = put_iterates(s, s->x, s->kept.result);
    if (!status) status = evaluate_result(s);
    count_iterations(s, s->m.epochs);
    if (!result || status == CUSGD_ERROR_DEVICE) return status;
    monitor_result(&s->m, s->step, result);
    result->relative_gap = (double)NAN; /* the last objectives of a method that converges faster than by a factor point nowhere */
    memcpy(result->note, s->note, sizeof result->note);
    return status ? status : monitor_tell_compared(&s->m, advice_of(s), result);
}

/* What is reported of a result that can no longer be evaluated. */
static void tell_lost(solver *s, cusgd_stop stop, cusgd_result *result)
{
    double unknown = (double)NAN;
    s->m.stop = stop;
    s->m.now = (evaluation){unknown, unknown, unknown, isfinite(s->m.run->at.kept) ? s->m.run->at.kept : unknown};
    s->m.working = 0;
    if (!result) return;
    monitor_result(&s->m, s->step, result);
    result->relative_gap = unknown;
}

/* The end of a run whose data is gone: what was reached while it was whole is kept. */
static cusgd_status lose_data(solver *s, cusgd_result *result)
{
    cusgd_status status = put_iterates(s, s->kept.least, s->kept.least_iterations);
    count_iterations(s, s->kept.least_iterations);
    tell_lost(s, CUSGD_STOP_DATA, result);
    return status;
}

/* The end of a run whose device has failed: the best is kept on the host. is_open: 0 where it failed before the solver began;
 * what the run had before is then its result. */
static void lose_device(solver *s, int is_open, cusgd_result *result)
{
    run *r = s->m.run;
    int kept = is_open && has_best(s), moved = is_open && s->kept.least_iterations > 0;
    if (kept || moved) {
        memcpy(r->best, kept ? s->kept.best : s->kept.least, theta_bytes(s->problem));
        r->at.kept_epoch = kept ? s->kept.best_iteration : s->kept.first + s->kept.least_iterations;
    }
    if (is_open) count_iterations(s, s->m.epochs);
    s->m.result_epoch = r->at.kept_epoch;
    r->at.result = SNAPSHOT_BEST;
    r->lost = r->at.unfinished = 1;
    tell_lost(s, CUSGD_STOP_DEVICE, result);
}

/* ---- Whether it has converged ---- */

/* A share that is above a bound, with as many digits as it takes to tell. */
static void put_above(double share, double limit, char *text, size_t room)
{
    char within[32];
    for (int digits = 3; digits <= 17; digits++) {
        snprintf(text, room, "%.*g", digits, share);
        snprintf(within, sizeof within, "%.*g", digits, limit);
        if (strcmp(text, within) != 0) break;
    }
}

static cusgd_status not_converged(const solver *s)
{
    char share[32];
    put_above(s->problem->null_gradient > 0 ? s->gradient / s->problem->null_gradient : s->gradient,
              s->m.run->options->gradient_tolerance, share, sizeof share);
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "not converged: after %lld iteration%s of solver %s the gradient is %s of the intercept-only model's, not within "
                "%.3g%s; try %s",
                (long long)s->m.epochs, s->m.epochs == 1 ? "" : "s", solver_word(s->m.run->options->solver), share,
                s->m.run->options->gradient_tolerance, s->stuck ? ", and no step lowers the objective any further" : "",
                advice_of(s));
}

/* Where curvature all but vanishes a gradient is small far from the optimum: f - least = g' H^-1 g / 2. So where the least
 * objective is known it has the last word: f is to be within that share of it that the gradient is to be of the intercept-only
 * model's, and, where the data can be fitted exactly, as near as such a gradient comes with columns that do not depend on each
 * other. */
static cusgd_status check_optimum(solver *s)
{
    double minimum, seconds, share = s->m.run->options->gradient_tolerance;
    if (!s->quadratic || s->problem->valid.bounds || s->m.run->options->solver == CUSGD_SOLVER_EXACT || s->m.epochs == 0)
        return CUSGD_OK;
    cusgd_status status = solver_optimum(s->m.run, &minimum, &seconds);
    /* without memory, or where somebody wants the call to end, the least objective is not known: the fit has ended all the same
     */
    if (status == CUSGD_ERROR_MEMORY || status == CUSGD_ERROR_INTERRUPTED) return CUSGD_OK;
    if (status || isnan(minimum)) return status;
    minimum = s->m.run->minimum; /* in the unit of s->f */
    share = fmax(share, s->m.run->options->precision == CUSGD_PRECISION_DOUBLE ? 1e-12 : 1e-5);
    double above = s->f - minimum;
    if (!(above > share * minimum + 100 * share * share * fabs(s->problem->null_loss))) return CUSGD_OK;
    s->m.stop = CUSGD_STOP_EPOCHS;
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "not converged: after %lld iteration%s of solver %s the gradient is small, but the objective, %.6g, is above "
                "the minimum, %.6g: columns nearly depend on each other. Try --solver exact, some --l2, or a smaller "
                "--gradient-tolerance",
                (long long)s->m.epochs, s->m.epochs == 1 ? "" : "s", solver_word(s->m.run->options->solver),
                s->f * s->problem->units.loss, minimum * s->problem->units.loss);
}

/* Where no step is left to take, what rounding may have left of the gradient is no shortfall. */
static cusgd_status judge(solver *s)
{
    int stuck = s->stuck && s->m.stop == CUSGD_STOP_NONE;
    if (stuck) s->m.stop = s->gradient <= 100 * s->enough ? CUSGD_STOP_TOLERANCE : CUSGD_STOP_EPOCHS;
    if (s->m.stop == CUSGD_STOP_TOLERANCE || s->m.stop == CUSGD_STOP_EPOCHS) return_to_least(s);
    if (s->m.stop == CUSGD_STOP_EPOCHS) return not_converged(s);
    return stuck || s->m.stop == CUSGD_STOP_GRADIENT ? check_optimum(s) : CUSGD_OK;
}

/* ---- A fit ---- */

/* A cancellation that comes meanwhile is of no more use: the iterations have ended. */
static cusgd_status look_for_separation(solver *s)
{
    int looks = s->problem->separated < 0;
    cusgd_status status = problem_separation(s->problem, s->x, s->m.run->spec.constants.decay > 0, s->note, sizeof s->note);
    if (looks) s->m.run->cancelled = 0;
    return status;
}

/* What comes after the iterations: the verdict, which an interruption leaves out, and the result, which nothing does. */
static cusgd_status end_fit(solver *s, cusgd_status status, cusgd_result *result)
{
    if (!status && s->m.stop != CUSGD_STOP_CANCELLED) status = look_for_separation(s);
    if (!status) status = judge(s);
    if (status == CUSGD_ERROR_INTERRUPTED) { /* in a pass over the data; x is where the last iteration ended */
        status = CUSGD_OK;
        s->m.stop = CUSGD_STOP_CANCELLED;
    }
    if (status == CUSGD_ERROR_DIVERGED) return_to_least(s);
    s->m.run->cancelled = 0;
    s->m.run->at.was_cancelled = s->m.stop == CUSGD_STOP_CANCELLED;
    s->m.run->at.unfinished = status || s->m.run->at.was_cancelled;
    if (status == CUSGD_ERROR_DEVICE) return status;
    cusgd_status ended = status, gone = problem_check_data(s->problem);
    int has_result = !status || status == CUSGD_ERROR_NOT_CONVERGED || status == CUSGD_ERROR_DIVERGED;
    interrupt_defer(1);
    if (gone != CUSGD_OK)
        ended = lose_data(s, result);
    else if (has_result)
        ended = finish(s, result);
    interrupt_defer(-1);
    if (gone == CUSGD_OK || ended != CUSGD_OK) return ended != CUSGD_OK ? ended : status;
    return problem_check_data(s->problem);
}

/* Where a new fit stands. *is_open becomes 0 where there is no such place. */
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
        s->m.stop = CUSGD_STOP_NONE; /* of many solutions it takes the one of least norm */
    r->at.best = s->f;               /* a fit that goes on may begin at another iterate than the latest */
    r->at.unfinished = 1;
    return CUSGD_OK;
}

/* A fit that is interrupted inside an iteration stands where that began. */
static cusgd_status iterate(solver *s)
{
    cusgd_status status = run_method(s);
    if (status == CUSGD_ERROR_INTERRUPTED) solver_offer(s);
    solver_free_room(s); /* the verdict may need as much */
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
    if (is_open) status = end_fit(&s, status, result);
    if (status == CUSGD_ERROR_DEVICE) lose_device(&s, is_open, result);
    r->cancelled = 0;
    interrupt_watch(watched);
    solver_close(&s);
    return status;
}
