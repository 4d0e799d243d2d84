/* A fit by a full-batch method: which one, when it ends, and what is told of it. */
#include "solver.h"

#include "clock.h"
#include "error.h"
#include "interrupt.h"
#include "options.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Which method, and for how long ---- */

static int is_first_order(cusgd_solver which) { return which == CUSGD_SOLVER_GD || which == CUSGD_SOLVER_STEEPEST; }

void solver_choose(run *r, char *announcement, size_t room)
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
    r->plan.batch = 1; /* no steps are run: room for one row will do */
    r->plan.optimizer = CUSGD_OPTIMIZER_SGD;
}

static cusgd_status run_method(solver *s)
{
    switch (s->run->options->solver) {
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
    double unit = s->run->options->precision == CUSGD_PRECISION_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON, square = 1;
    double steepest = loss_curvature_bound(s->problem->loss);
    for (int64_t j = 0; j < s->d; j++)
        square += s->run->options->standardize ? 1 : s->problem->units.rms[j] * s->problem->units.rms[j];
    double derivative = fmin(sqrt(2 * steepest * fabs(s->problem->null_loss)), loss_derivative_bound(s->problem->loss));
    return isfinite(steepest) ? 4 * unit * sqrt(square) * derivative : 0;
}

cusgd_status solver_open(solver *s)
{
    s->d = s->problem->d;
    s->k = s->problem->k;
    s->penalised = s->d * s->k;
    s->size = s->penalised + s->k;
    s->quadratic = loss_is_quadratic(s->problem->loss.kind);
    s->noise = s->run->options->precision == CUSGD_PRECISION_DOUBLE ? 4e-15 : 4e-7;
    s->x = allocate((size_t)(5 * s->size), sizeof *s->x);
    s->best = s->problem->valid.bound ? allocate((size_t)s->size, sizeof *s->best) : NULL;
    if (!s->x || (s->problem->valid.bound && !s->best)) return fail_memory((size_t)(5 * s->size) * sizeof *s->x, "the iterate");
    s->g = s->x + s->size;
    s->trial = s->g + s->size;
    s->trial_g = s->trial + s->size;
    s->sound = s->trial_g + s->size;
    if (s->problem->valid.bound && isfinite(s->run->at.kept)) { /* a fit that goes on */
        s->best_iteration = s->run->at.kept_epoch;
        cusgd_status status = run_theta(s->run, AREA_BEST, s->best);
        if (status != CUSGD_OK) return status;
    }
    s->enough = fmax(s->run->options->gradient_tolerance * s->problem->null_gradient, rounding_gradient(s));
    return run_theta(s->run, s->run->at.result, s->x);
}

void solver_close(solver *s)
{
    free(s->x);
    free(s->best);
}

/* ---- Iterations ---- */

enum { SILENT_ITERATIONS = 100 };

static void measure(solver *s)
{
    solver_subgradient(s, s->x, s->g, s->trial_g);
    s->gradient = vector_norm(s->size, s->trial_g);
    if (s->gradient <= s->enough) s->stop = CUSGD_STOP_GRADIENT;
}

void solver_move(solver *s, double f)
{
    vector_copy(s->size, s->trial, s->x);
    vector_copy(s->size, s->trial_g, s->g);
    s->f = f;
}

static cusgd_status keep_best(solver *s)
{
    double valid, unused;
    if (!s->problem->valid.bound) return CUSGD_OK;
    cusgd_status status = problem_objective(s->problem, &s->problem->valid, s->x, &valid, &unused, NULL);
    if (status == CUSGD_OK) status = problem_check_data(s->problem);
    if (status == CUSGD_OK && valid < s->run->at.kept) {
        s->run->at.kept = valid;
        s->best_iteration = s->run->at.epoch + s->iterations;
        vector_copy(s->size, s->x, s->best);
    }
    s->valid = valid;
    return status;
}

static int tell(const solver *s)
{
    double seconds = clock_seconds() - s->begun, rows = (double)s->passes * (double)s->problem->train.rows.n;
    int64_t epochs = s->run->options->epochs;
    if (!s->callback) return 0;
    cusgd_progress p = {
        .epoch = s->iterations,
        .epochs = epochs,
        .step = s->run->at.step + s->iterations,
        .loss = problem_reported(s->problem, s->loss),
        .evaluated = 1,
        .valid_loss = s->problem->valid.bound ? problem_reported(s->problem, s->valid) : (double)NAN,
        .rate = s->step,
        .seconds = seconds,
        .rows_per_second = seconds > 0 ? rows / seconds : 0,
        .seconds_left = seconds / (double)s->iterations * (double)(epochs - s->iterations),
    };
    return s->callback(&p, s->user);
}

cusgd_status solver_iterated(solver *s)
{
    const cusgd_options *o = s->run->options;
    s->iterations++;
    cusgd_status status = problem_check_data(s->problem);
    if (s->silent) {
        measure(s);
        if (s->stop == CUSGD_STOP_NONE && s->iterations >= SILENT_ITERATIONS) s->stop = CUSGD_STOP_EPOCHS;
        if (s->iterations > 1 && s->before - s->f <= s->noise * fabs(s->f)) s->stop = CUSGD_STOP_TOLERANCE;
        if (interrupt_asked()) s->stop = CUSGD_STOP_CANCELLED;
        s->before = s->f;
        return status;
    }
    if (status == CUSGD_OK) status = keep_best(s);
    if (status != CUSGD_OK) return status;
    vector_copy(s->size, s->x, s->sound);
    s->sound_iterations = s->iterations;
    s->stale = s->before - s->f > o->tolerance * fabs(s->before) ? 0 : s->stale + 1;
    s->before = s->f;
    measure(s);
    if (s->stop == CUSGD_STOP_NONE && s->run->by_tolerance && s->stale >= (o->patience > 0 ? o->patience : 1))
        s->stop = CUSGD_STOP_TOLERANCE;
    if (s->stop == CUSGD_STOP_NONE && s->iterations >= o->epochs) s->stop = CUSGD_STOP_EPOCHS;
    if (tell(s) || interrupt_asked()) s->stop = CUSGD_STOP_CANCELLED;
    return CUSGD_OK;
}

/* ---- The end ---- */

/* The parameters go where the run keeps them, in the device's precision; what is reported is theirs. */
static cusgd_status store(solver *s, cusgd_result *r)
{
    double unused;
    int kept = s->problem->valid.bound && s->best_iteration > 0;
    s->run->at.step += s->iterations;
    s->run->at.epoch += s->iterations;
    s->run->at.result = kept ? AREA_BEST : AREA_CURRENT;
    if (kept) s->run->at.kept_epoch = s->best_iteration;
    r->epoch = kept ? s->best_iteration : s->run->at.epoch;
    cusgd_status status = run_put(s->run, AREA_CURRENT, s->x);
    if (status == CUSGD_OK && kept) status = run_put(s->run, AREA_BEST, s->best);
    if (status == CUSGD_OK) status = run_theta(s->run, s->run->at.result, s->x);
    if (status == CUSGD_OK) status = solver_evaluate(s, s->x, &r->objective, s->g);
    if (status != CUSGD_OK) return status;
    r->objective *= s->problem->units.loss;
    r->loss = problem_reported(s->problem, s->loss);
    solver_subgradient(s, s->x, s->g, s->trial_g);
    r->gradient = s->problem->null_gradient > 0 ? vector_norm(s->size, s->trial_g) / s->problem->null_gradient : 0;
    r->valid_loss = (double)NAN;
    if (s->problem->valid.bound) {
        status = problem_objective(s->problem, &s->problem->valid, s->x, &r->valid_loss, &unused, NULL);
        r->valid_loss = problem_reported(s->problem, r->valid_loss);
    }
    return status;
}

static cusgd_status finish(solver *s, cusgd_result *result)
{
    cusgd_result r = {.excess = (double)NAN};
    double seconds = clock_seconds() - s->begun, rows = (double)s->passes * (double)s->problem->train.rows.n;
    cusgd_status status = store(s, &r);
    r.stop = s->stop;
    r.epochs = s->run->at.epoch;
    r.steps = s->run->at.step;
    r.rate = s->step;
    r.seconds = clock_seconds() - s->begun;
    r.rows_per_second = seconds > 0 ? rows / seconds : 0;
    r.separated = s->problem->separated > 0;
    memcpy(r.note, s->note, sizeof r.note);
    if (result) *result = r;
    return status;
}

/* The end of a run whose data is gone: what was reached while it was whole is kept; it can no more be evaluated. */
static cusgd_status lose_data(solver *s, cusgd_result *result)
{
    int kept = s->problem->valid.bound && s->best_iteration > 0;
    cusgd_status status = CUSGD_OK;
    s->run->at.step += s->sound_iterations;
    s->run->at.epoch += s->sound_iterations;
    s->run->at.result = kept ? AREA_BEST : AREA_CURRENT;
    if (kept) s->run->at.kept_epoch = s->best_iteration;
    if (s->sound_iterations > 0) status = run_put(s->run, AREA_CURRENT, s->sound);
    if (status == CUSGD_OK && kept) status = run_put(s->run, AREA_BEST, s->best);
    double unknown = (double)NAN;
    cusgd_result r = {.stop = CUSGD_STOP_DATA,
                      .epochs = s->run->at.epoch,
                      .steps = s->run->at.step,
                      .epoch = kept ? s->best_iteration : s->run->at.epoch,
                      .loss = unknown,
                      .valid_loss = kept ? problem_reported(s->problem, s->run->at.kept) : unknown,
                      .objective = unknown,
                      .gradient = unknown,
                      .excess = unknown,
                      .rate = s->step,
                      .seconds = clock_seconds() - s->begun};
    if (result) *result = r;
    return status;
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

/* Never what was done already: solver auto only where it is another one. */
static const char *advice_of(const solver *s)
{
    cusgd_solver which = s->run->options->solver;
    if (!s->run->options->standardize) return "standardizing (leave out --no-standardize)";
    if (s->problem->separated > 0) return "--l2 (1e-4, for example), as no finite optimum exists without it";
    if (is_first_order(which)) return "more --epochs, or --solver auto";
    if (solver_usual(s->problem) != which) return "--solver auto, or some --l2";
    if (!s->stuck) return "more --epochs, or some --l2";
    return s->run->options->precision == CUSGD_PRECISION_FLOAT ? "--precision double, or some --l2"
                                                               : "some --l2, or a larger --gradient-tolerance";
}

static cusgd_status not_converged(const solver *s)
{
    char share[32];
    put_above(s->problem->null_gradient > 0 ? s->gradient / s->problem->null_gradient : s->gradient,
              s->run->options->gradient_tolerance, share, sizeof share);
    return fail(CUSGD_ERROR_CONVERGED,
                "not converged: after %lld iteration%s of solver %s the gradient is %s of the intercept-only model's, not within "
                "%.3g%s; try %s",
                (long long)s->iterations, s->iterations == 1 ? "" : "s", solver_word(s->run->options->solver), share,
                s->run->options->gradient_tolerance, s->stuck ? ", and no step lowers the objective any further" : "",
                advice_of(s));
}

/* Where curvature all but vanishes a gradient is small far from the optimum: f - least = g' H^-1 g / 2. So where the least
 * objective is known it has the last word: f is to be within that share of it that the gradient is to be of the null model's,
 * and, where the data can be fitted exactly, as near as such a gradient comes with columns that do not depend on each other. */
static cusgd_status check_optimum(solver *s)
{
    double least, seconds, share = s->run->options->gradient_tolerance;
    if (!s->quadratic || s->problem->valid.bound || s->run->options->solver == CUSGD_SOLVER_EXACT || s->iterations == 0)
        return CUSGD_OK;
    cusgd_status status = solver_optimum(s->run, &least, &seconds);
    if (status != CUSGD_OK || isnan(least)) return status;
    least = s->run->least; /* in the unit of s->f */
    share = fmax(share, s->run->options->precision == CUSGD_PRECISION_DOUBLE ? 1e-12 : 1e-5);
    double above = s->f - least;
    if (!(above > share * least + 100 * share * share * fabs(s->problem->null_loss))) return CUSGD_OK;
    s->stop = CUSGD_STOP_EPOCHS;
    return fail(CUSGD_ERROR_CONVERGED,
                "not converged: after %lld iteration%s of solver %s the gradient is small, but the objective, %.6g, is above "
                "the least, %.6g: columns nearly depend on each other. Try --solver exact, some --l2, or a smaller "
                "--gradient-tolerance",
                (long long)s->iterations, s->iterations == 1 ? "" : "s", solver_word(s->run->options->solver),
                s->f * s->problem->units.loss, least * s->problem->units.loss);
}

/* Where no step is left to take, what rounding may have left of the gradient is no shortfall. */
static cusgd_status judge(solver *s)
{
    int stuck = s->stuck && s->stop == CUSGD_STOP_NONE;
    if (stuck) s->stop = s->gradient <= 100 * s->enough ? CUSGD_STOP_TOLERANCE : CUSGD_STOP_EPOCHS;
    if (s->stop == CUSGD_STOP_EPOCHS) return not_converged(s);
    return stuck || s->stop == CUSGD_STOP_GRADIENT ? check_optimum(s) : CUSGD_OK;
}

/* ---- A fit ---- */

/* A cancellation that comes meanwhile is of no more use: the iterations have ended. */
static cusgd_status look_for_separation(solver *s)
{
    int looks = s->problem->separated < 0;
    cusgd_status status = problem_separation(s->problem, s->x, s->run->plan.decay > 0, s->note, sizeof s->note);
    if (looks) s->run->cancelled = 0;
    return status;
}

/* What comes after the iterations: the verdict, which an interruption leaves out, and the result, which nothing does. */
static cusgd_status end_fit(solver *s, cusgd_status status, cusgd_result *result)
{
    if (status == CUSGD_OK && s->stop != CUSGD_STOP_CANCELLED) status = look_for_separation(s);
    if (status == CUSGD_OK) status = judge(s);
    if (status == CUSGD_ERROR_INTERRUPTED) { /* in a pass over the data; x is where the last iteration ended */
        status = CUSGD_OK;
        s->stop = CUSGD_STOP_CANCELLED;
    }
    s->run->cancelled = 0;
    s->run->at.was_cancelled = s->stop == CUSGD_STOP_CANCELLED;
    s->run->at.unfinished = status != CUSGD_OK || s->run->at.was_cancelled;
    cusgd_status ended = status, gone = problem_check_data(s->problem);
    int has_result = status == CUSGD_OK || status == CUSGD_ERROR_CONVERGED || status == CUSGD_ERROR_DIVERGED;
    interrupt_defer(1);
    if (gone != CUSGD_OK)
        ended = lose_data(s, result);
    else if (has_result)
        ended = finish(s, result);
    interrupt_defer(-1);
    if (gone == CUSGD_OK || ended != CUSGD_OK) return ended != CUSGD_OK ? ended : status;
    return problem_check_data(s->problem);
}

cusgd_status solver_fit(run *r, cusgd_callback callback, void *user, cusgd_result *result)
{
    solver s = {.run = r,
                .problem = r->problem,
                .begun = clock_seconds(),
                .callback = callback,
                .user = user,
                .before = (double)INFINITY};
    if (result) memset(result, 0, sizeof *result);
    _Atomic int *watched = interrupt_watch(&r->cancelled);
    cusgd_status status = solver_check_memory(r->problem);
    if (status == CUSGD_OK) status = solver_open(&s);
    int is_open = status == CUSGD_OK;
    if (status == CUSGD_OK) status = solver_evaluate(&s, s.x, &s.f, s.g);
    if (status == CUSGD_OK && !isfinite(s.f)) {
        is_open = 0;
        if (result) result->stop = CUSGD_STOP_DIVERGED;
        status = fail(CUSGD_ERROR_DIVERGED, "the loss is not finite where the solver starts; scale the data or leave out --init");
    }
    if (status == CUSGD_OK) {
        measure(&s);
        if (r->options->solver == CUSGD_SOLVER_EXACT)
            s.stop = CUSGD_STOP_NONE; /* of many solutions it takes the one of least norm */
        s.before = s.f;
        if (s.stop == CUSGD_STOP_NONE) status = run_method(&s);
    }
    if (is_open) status = end_fit(&s, status, result);
    r->cancelled = 0;
    interrupt_watch(watched);
    solver_close(&s);
    return status;
}
