/* The end of a fit by a full-batch method: decides whether it has converged and which iterate is the result, and reports it. */
#include "solver.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- The result ---- */

static int has_best(const solver *s) { return s->problem->valid.bounds && s->kept.best_iteration > 0; }

/* Stores an iterate, which was reached after `iterations` of this fit, and the best one in the snapshots of the run. */
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

/* Evaluates the result as the device has rounded it, for the report. */
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
    if (loss_is_nonsmooth(s->problem->loss.kind)) whole = (double)NAN; /* a subgradient at the optimum can have any size */
    s->m.now.gradient = isnan(whole) ? whole : whole > 0 ? vector_norm(s->size, s->trial.g) / whole : 0;
    return monitor_validate(&s->m, s->x);
}

/* Returns advice, which does not name what was already done: solver auto only if it means another solver. */
static const char *advice_of(const solver *s)
{
    cusgd_solver which = s->m.run->options->solver;
    int sparse = examples_are_sparse(&s->problem->train.rows);
    const double without_end = -1e9; /* an objective relative to that of the intercept-only model */
    if (s->problem->loss.formula && s->m.now.objective < without_end * fmax(1, fabs(s->problem->null_loss)))
        return "a --loss-expr that has a least value for every target, as it falls without end for some of these";
    if (!s->m.run->options->standardize) return sparse ? "--sparse-scale rms" : "standardizing (leave out --no-standardize)";
    if (s->problem->separated > 0) return "--l2 (1e-4, for example), as no finite optimum exists without it";
    if (solver_is_first_order(which)) return "more --epochs, or --solver auto";
    if (solver_usual(s->problem) != which) return "--solver auto, or some --l2";
    if (!s->stuck) return "more --epochs, or some --l2";
    return s->m.run->options->precision == CUSGD_PRECISION_FLOAT ? "--precision double, or some --l2"
                                                                 : "some --l2, or a larger --gradient-tolerance";
}

static cusgd_status finish(solver *s, cusgd_result *result)
{
    solver_count_work(s);
    cusgd_status status = put_iterates(s, s->x, s->kept.result);
    if (!status) status = evaluate_result(s);
    count_iterations(s, s->m.epochs);
    if (!result || status == CUSGD_ERROR_DEVICE) return status;
    monitor_result(&s->m, s->step, result);
    result->relative_gap = (double)NAN; /* the objectives of a method that converges superlinearly cannot be extrapolated */
    memcpy(result->note, s->note, sizeof result->note);
    const char *advice =
        options_have_bounds(s->m.run->options) ? "the bounds on the coefficients leave out better ones" : advice_of(s);
    return status ? status : monitor_tell_compared(&s->m, advice, result);
}

/* Reports a result that can no longer be evaluated. */
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

/* Ends a run whose data is lost: keeps what was reached while the data was intact. */
static cusgd_status lose_data(solver *s, cusgd_result *result)
{
    cusgd_status status = put_iterates(s, s->kept.least, s->kept.least_iterations);
    count_iterations(s, s->kept.least_iterations);
    tell_lost(s, CUSGD_STOP_DATA, result);
    return status;
}

void solver_lose_device(solver *s, int is_open, cusgd_result *result)
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

/* Writes a share that exceeds a limit with enough digits to show that it does. */
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

/* If second derivatives almost vanish, the gradient is small even far from the optimum, as f - minimum = g' H^-1 g / 2. If the
 * minimum is known, it therefore decides: the relative gap of f must be at most the gradient tolerance, relative to the
 * intercept-only model; if the data can be fitted exactly, the gap must be as small as such a gradient implies for linearly
 * independent columns. */
static cusgd_status check_optimum(solver *s)
{
    double minimum, seconds, share = s->m.run->options->gradient_tolerance;
    if (!s->quadratic || s->problem->valid.bounds || s->m.run->options->solver == CUSGD_SOLVER_EXACT || s->m.epochs == 0)
        return CUSGD_OK;
    cusgd_status status = solver_optimum(s->m.run, &minimum, &seconds);
    /* without memory, or after an interruption, the minimum is not known, but the fit has ended */
    if (status == CUSGD_ERROR_MEMORY || status == CUSGD_ERROR_INTERRUPTED) return CUSGD_OK;
    if (status || isnan(minimum)) return status;
    minimum = s->m.run->minimum; /* in the units of s->f */
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

/* Decides whether the fit has converged. If no step decreases the objective, a gradient within rounding errors is accepted. */
static cusgd_status judge(solver *s)
{
    int stuck = s->stuck && s->m.stop == CUSGD_STOP_NONE;
    if (stuck) s->m.stop = s->gradient <= 100 * s->goal.enough ? CUSGD_STOP_TOLERANCE : CUSGD_STOP_EPOCHS;
    if (s->m.stop == CUSGD_STOP_TOLERANCE || s->m.stop == CUSGD_STOP_EPOCHS) solver_return_to_least(s);
    if (s->m.stop == CUSGD_STOP_EPOCHS) return not_converged(s);
    return stuck || s->m.stop == CUSGD_STOP_GRADIENT ? check_optimum(s) : CUSGD_OK;
}

/* ---- The end ---- */

/* Looks for a direction of separation. Cancellations are ignored meanwhile, because the iterations have ended. */
static cusgd_status look_for_separation(solver *s)
{
    int looks = s->problem->separated < 0;
    cusgd_status status = problem_separation(s->problem, s->x, s->m.run->spec.constants.decay > 0, s->note, sizeof s->note);
    if (looks) s->m.run->cancelled = 0;
    return status;
}

cusgd_status solver_end(solver *s, cusgd_status status, cusgd_result *result)
{
    if (!status && s->m.stop != CUSGD_STOP_CANCELLED) status = look_for_separation(s);
    if (!status) status = judge(s);
    if (status == CUSGD_ERROR_INTERRUPTED) { /* during a pass over the data; x is the end of the last iteration */
        status = CUSGD_OK;
        s->m.stop = CUSGD_STOP_CANCELLED;
    }
    if (status == CUSGD_ERROR_DIVERGED) solver_return_to_least(s);
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
