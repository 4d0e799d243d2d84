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

void solver_choose(cusgd_trainer *t)
{
    cusgd_options *o = &t->options;
    int64_t n = t->train_rows.n, size = (t->plan.d + 1) * t->plan.k;
    if (o->solver == CUSGD_SOLVER_AUTO) o->solver = solver_usual(t);
    solver_announce(t);
    t->by_gradient = 1;
    t->by_tolerance = !isnan(o->tolerance);
    if (t->by_tolerance && o->patience < 0) o->patience = 1;
    if (isnan(o->gradient_tolerance))
        o->gradient_tolerance = o->precision == CUSGD_PRECISION_FLOAT ? 1e-5 : is_first_order(o->solver) ? 1e-6 : 1e-9;
    if (o->epochs == 0) o->epochs = is_first_order(o->solver) ? 20000 : o->solver == CUSGD_SOLVER_EXACT ? 1 : 1000 + size;
    o->batch = n;
    o->evaluate_every = 1;
    o->average = 0;
    t->batches = 1;
    t->plan.batch = 1; /* no steps are run: room for one row will do */
    t->plan.optimizer = CUSGD_OPTIMIZER_SGD;
    t->eccentricity = AVERAGE_ECCENTRICITY;
    t->lipschitz = (double)NAN;
}

static cusgd_status run_method(solver *s)
{
    switch (s->t->options.solver) {
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
    const cusgd_trainer *t = s->t;
    double unit = t->options.precision == CUSGD_PRECISION_DOUBLE ? DBL_EPSILON : (double)FLT_EPSILON, square = 1;
    double steepest = loss_curvature_bound(t->plan.loss);
    for (int64_t j = 0; j < s->d; j++) square += t->options.standardize ? 1 : t->rms[j] * t->rms[j];
    double derivative = fmin(sqrt(2 * steepest * fabs(t->null_loss)), loss_derivative_bound(t->plan.loss));
    return isfinite(steepest) ? 4 * unit * sqrt(square) * derivative : 0;
}

cusgd_status solver_open(solver *s)
{
    cusgd_trainer *t = s->t;
    s->d = t->plan.d;
    s->k = t->plan.k;
    s->penalised = s->d * s->k;
    s->size = s->penalised + s->k;
    s->quadratic = loss_is_quadratic(t->plan.loss.kind);
    s->noise = t->options.precision == CUSGD_PRECISION_DOUBLE ? 4e-15 : 4e-7;
    s->x = allocate((size_t)(5 * s->size), sizeof *s->x);
    s->best = t->valid ? allocate((size_t)s->size, sizeof *s->best) : NULL;
    if (!s->x || (t->valid && !s->best)) return fail_memory((size_t)(5 * s->size) * sizeof *s->x, "the iterate");
    s->g = s->x + s->size;
    s->trial = s->g + s->size;
    s->trial_g = s->trial + s->size;
    s->sound = s->trial_g + s->size;
    if (t->valid && isfinite(t->kept)) { /* a fit that goes on */
        s->best_iteration = t->kept_epoch;
        cusgd_status status = trainer_theta(t, AREA_BEST, s->best);
        if (status != CUSGD_OK) return status;
    }
    s->enough = fmax(t->options.gradient_tolerance * t->null_gradient, rounding_gradient(s));
    return trainer_theta(t, t->result, s->x);
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
    if (!s->t->valid) return CUSGD_OK;
    cusgd_status status = trainer_objective(s->t, s->t->valid, s->x, &valid, &unused, NULL);
    if (status == CUSGD_OK) status = trainer_check_data(s->t);
    if (status == CUSGD_OK && valid < s->t->kept) {
        s->t->kept = valid;
        s->best_iteration = s->t->epoch + s->iterations;
        vector_copy(s->size, s->x, s->best);
    }
    s->valid = valid;
    return status;
}

static int tell(const solver *s)
{
    double seconds = clock_seconds() - s->begun, rows = (double)s->passes * (double)s->t->train_rows.n;
    int64_t epochs = s->t->options.epochs;
    if (!s->callback) return 0;
    cusgd_progress p = {
        .epoch = s->iterations,
        .epochs = epochs,
        .step = s->t->step + s->iterations,
        .loss = trainer_reported(s->t, s->loss),
        .evaluated = 1,
        .valid_loss = s->t->valid ? trainer_reported(s->t, s->valid) : (double)NAN,
        .rate = s->step,
        .seconds = seconds,
        .rows_per_second = seconds > 0 ? rows / seconds : 0,
        .seconds_left = seconds / (double)s->iterations * (double)(epochs - s->iterations),
    };
    return s->callback(&p, s->user);
}

cusgd_status solver_iterated(solver *s)
{
    const cusgd_options *o = &s->t->options;
    s->iterations++;
    cusgd_status status = trainer_check_data(s->t);
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
    if (s->stop == CUSGD_STOP_NONE && s->t->by_tolerance && s->stale >= (o->patience > 0 ? o->patience : 1))
        s->stop = CUSGD_STOP_TOLERANCE;
    if (s->stop == CUSGD_STOP_NONE && s->iterations >= o->epochs) s->stop = CUSGD_STOP_EPOCHS;
    if (tell(s) || interrupt_asked()) s->stop = CUSGD_STOP_CANCELLED;
    return CUSGD_OK;
}

/* ---- The end ---- */

static cusgd_status put_theta(const solver *s, enum area area, const double *theta)
{
    const backend *b = &s->t->backend;
    cusgd_status status = b->ops->put(b->self, area, PART_THETA, theta);
    return status == CUSGD_OK ? b->ops->put(b->self, area, PART_AVERAGE, theta) : status;
}

/* The parameters go where the trainer keeps them, in the device's precision; what is reported is theirs. */
static cusgd_status store(solver *s, cusgd_result *r)
{
    cusgd_trainer *t = s->t;
    double unused;
    int kept = t->valid && s->best_iteration > 0;
    t->step += s->iterations;
    t->epoch += s->iterations;
    t->result = kept ? AREA_BEST : AREA_CURRENT;
    if (kept) t->kept_epoch = s->best_iteration;
    r->epoch = kept ? s->best_iteration : t->epoch;
    cusgd_status status = put_theta(s, AREA_CURRENT, s->x);
    if (status == CUSGD_OK && kept) status = put_theta(s, AREA_BEST, s->best);
    if (status == CUSGD_OK) status = trainer_theta(t, t->result, s->x);
    if (status == CUSGD_OK) status = solver_evaluate(s, s->x, &r->objective, s->g);
    if (status != CUSGD_OK) return status;
    r->objective *= t->loss_unit;
    r->loss = trainer_reported(s->t, s->loss);
    solver_subgradient(s, s->x, s->g, s->trial_g);
    r->gradient = t->null_gradient > 0 ? vector_norm(s->size, s->trial_g) / t->null_gradient : 0;
    r->valid_loss = (double)NAN;
    if (t->valid) {
        status = trainer_objective(t, t->valid, s->x, &r->valid_loss, &unused, NULL);
        r->valid_loss = trainer_reported(s->t, r->valid_loss);
    }
    return status;
}

static cusgd_status finish(solver *s, cusgd_result *result)
{
    cusgd_result r = {.excess = (double)NAN};
    double seconds = clock_seconds() - s->begun, rows = (double)s->passes * (double)s->t->train_rows.n;
    cusgd_status status = store(s, &r);
    r.stop = s->stop;
    r.epochs = s->t->epoch;
    r.steps = s->t->step;
    r.rate = s->step;
    r.seconds = clock_seconds() - s->begun;
    r.rows_per_second = seconds > 0 ? rows / seconds : 0;
    r.separated = s->t->separated > 0;
    memcpy(r.note, s->note, sizeof r.note);
    if (result) *result = r;
    return status;
}

/* The end of a run whose data is gone: what was reached while it was whole is kept; it can no more be evaluated. */
static cusgd_status lose_data(solver *s, cusgd_result *result)
{
    cusgd_trainer *t = s->t;
    int kept = t->valid && s->best_iteration > 0;
    cusgd_status status = CUSGD_OK;
    t->step += s->sound_iterations;
    t->epoch += s->sound_iterations;
    t->result = kept ? AREA_BEST : AREA_CURRENT;
    if (kept) t->kept_epoch = s->best_iteration;
    if (s->sound_iterations > 0) status = put_theta(s, AREA_CURRENT, s->sound);
    if (status == CUSGD_OK && kept) status = put_theta(s, AREA_BEST, s->best);
    double unknown = (double)NAN;
    cusgd_result r = {.stop = CUSGD_STOP_DATA,
                      .epochs = t->epoch,
                      .steps = t->step,
                      .epoch = kept ? s->best_iteration : t->epoch,
                      .loss = unknown,
                      .valid_loss = kept ? trainer_reported(s->t, t->kept) : unknown,
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
    const cusgd_trainer *t = s->t;
    cusgd_solver which = t->options.solver;
    if (!t->options.standardize) return "standardizing (leave out --no-standardize)";
    if (t->separated > 0) return "--l2 (1e-4, for example), as no finite optimum exists without it";
    if (is_first_order(which)) return "more --epochs, or --solver auto";
    if (solver_usual(t) != which) return "--solver auto, or some --l2";
    if (!s->stuck) return "more --epochs, or some --l2";
    return t->options.precision == CUSGD_PRECISION_FLOAT ? "--precision double, or some --l2"
                                                         : "some --l2, or a larger --gradient-tolerance";
}

static cusgd_status not_converged(const solver *s)
{
    const cusgd_trainer *t = s->t;
    char share[32];
    put_above(t->null_gradient > 0 ? s->gradient / t->null_gradient : s->gradient, t->options.gradient_tolerance, share,
              sizeof share);
    return fail(CUSGD_ERROR_CONVERGED,
                "not converged: after %lld iteration%s of solver %s the gradient is %s of the intercept-only model's, not within "
                "%.3g%s; try %s",
                (long long)s->iterations, s->iterations == 1 ? "" : "s", solver_word(t->options.solver), share,
                t->options.gradient_tolerance, s->stuck ? ", and no step lowers the objective any further" : "", advice_of(s));
}

/* Where curvature all but vanishes a gradient is small far from the optimum: f - least = g' H^-1 g / 2. So where the least
 * objective is known it has the last word: f is to be within that share of it that the gradient is to be of the null model's,
 * and, where the data can be fitted exactly, as near as such a gradient comes with columns that do not depend on each other. */
static cusgd_status check_optimum(solver *s)
{
    cusgd_trainer *t = s->t;
    double least, seconds, share = t->options.gradient_tolerance;
    if (!s->quadratic || t->valid || t->options.solver == CUSGD_SOLVER_EXACT || s->iterations == 0) return CUSGD_OK;
    cusgd_status status = cusgd_trainer_optimum(t, &least, &seconds);
    if (status != CUSGD_OK || isnan(least)) return status;
    least = t->least; /* in the unit of s->f */
    share = fmax(share, t->options.precision == CUSGD_PRECISION_DOUBLE ? 1e-12 : 1e-5);
    double above = s->f - least;
    if (!(above > share * least + 100 * share * share * fabs(t->null_loss))) return CUSGD_OK;
    s->stop = CUSGD_STOP_EPOCHS;
    return fail(CUSGD_ERROR_CONVERGED,
                "not converged: after %lld iteration%s of solver %s the gradient is small, but the objective, %.6g, is above "
                "the least, %.6g: columns nearly depend on each other. Try --solver exact, some --l2, or a smaller "
                "--gradient-tolerance",
                (long long)s->iterations, s->iterations == 1 ? "" : "s", solver_word(t->options.solver), s->f * t->loss_unit,
                least * t->loss_unit);
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

/* What comes after the iterations: the verdict, which an interruption leaves out, and the result, which nothing does. */
static cusgd_status end_fit(solver *s, cusgd_status status, cusgd_result *result)
{
    cusgd_trainer *t = s->t;
    if (status == CUSGD_OK && s->stop != CUSGD_STOP_CANCELLED) status = trainer_separation(t, s->x, s->note, sizeof s->note);
    if (status == CUSGD_OK) status = judge(s);
    if (status == CUSGD_ERROR_INTERRUPTED) { /* in a pass over the data; x is where the last iteration ended */
        status = CUSGD_OK;
        s->stop = CUSGD_STOP_CANCELLED;
    }
    t->cancelled = 0;
    t->was_cancelled = s->stop == CUSGD_STOP_CANCELLED;
    t->unfinished = status != CUSGD_OK || t->was_cancelled;
    cusgd_status ended = status, gone = trainer_check_data(t);
    int has_result = status == CUSGD_OK || status == CUSGD_ERROR_CONVERGED || status == CUSGD_ERROR_DIVERGED;
    interrupt_defer(1);
    if (gone != CUSGD_OK)
        ended = lose_data(s, result);
    else if (has_result)
        ended = finish(s, result);
    interrupt_defer(-1);
    if (gone == CUSGD_OK || ended != CUSGD_OK) return ended != CUSGD_OK ? ended : status;
    return trainer_check_data(t);
}

cusgd_status solver_fit(cusgd_trainer *t, cusgd_callback callback, void *user, cusgd_result *result)
{
    solver s = {.t = t, .begun = clock_seconds(), .callback = callback, .user = user, .before = (double)INFINITY};
    if (result) memset(result, 0, sizeof *result);
    _Atomic int *watched = interrupt_watch(&t->cancelled);
    cusgd_status status = solver_check_memory(t);
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
        if (t->options.solver == CUSGD_SOLVER_EXACT)
            s.stop = CUSGD_STOP_NONE; /* of many solutions it takes the one of least norm */
        s.before = s.f;
        if (s.stop == CUSGD_STOP_NONE) status = run_method(&s);
    }
    if (is_open) status = end_fit(&s, status, result);
    t->cancelled = 0;
    interrupt_watch(watched);
    solver_close(&s);
    return status;
}
