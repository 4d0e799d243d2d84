/* The end of a fit: chooses the parameters that are the result, and describes them. */
#include "sgd.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PROXIMAL_STEPS = 3 }; /* after a run with l1: they set coefficients to 0 that noise keeps near 0 */

/* Returns whether coefficients may be slightly different from zeros or bounds at which the optimum has them, because steps are
 * noisy or the result is an average. */
static int blurs(const sgd *s)
{
    const cusgd_options *o = s->run->options;
    return s->problem->l1 > 0 || (o->average && s->problem->limit[0] && options_have_bounds(o));
}

/* Runs proximal steps: theta -= rate gradient, followed by soft thresholding and the bounds, so that coefficients reach the zeros
 * and bounds of the optimum. The result is in SNAPSHOT_EPOCH, so that a run that continues does so from where it was. */
static cusgd_status proximal_steps(sgd *s)
{
    const backend *b = s->problem->backend;
    int64_t penalized = s->problem->d * s->problem->k, size = penalized + s->problem->k;
    double loss, objective, noise, before = (double)INFINITY;
    cusgd_status status = run_theta(s->run, s->run->at.result, s->run->theta);
    if (!status && isnan(s->lipschitz)) {
        status = sample_curvature(s->problem, NULL, &s->lipschitz, &noise);
        s->lipschitz *= s->problem->targets.steepest;
    }
    for (int i = 0; i < PROXIMAL_STEPS && !status; i++) {
        status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, s->run->gradient);
        if (!isfinite(loss)) return status; /* choose_result() finds this too */
        if (i == 0) before = objective;
        for (int64_t u = 0; u < size; u++) {
            double *theta = &s->run->theta[u], g = s->run->gradient[u];
            double l2 = u < penalized ? problem_l2(s->problem, u) : s->problem->l2, rate = 1 / (1.1 * s->lipschitz + l2);
            if (u < penalized)
                *theta = problem_bounded(s->problem, u,
                                         soft_threshold(*theta - rate * (g + l2 * *theta), rate * problem_l1(s->problem, u)));
            else if (s->problem->intercept)
                *theta -= rate * g;
        }
    }
    /* If the second derivative of the loss is not bounded, the steps may have been too long. */
    if (!status) status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, NULL);
    if (status || (!isfinite(loss_curvature_bound(s->problem->loss)) && !(objective <= before))) return status;
    status = b->ops->state.put(b->self, SNAPSHOT_EPOCH, STATE_THETA, s->run->theta);
    if (!status) status = b->ops->state.put(b->self, SNAPSHOT_EPOCH, STATE_AVERAGE, s->run->theta);
    if (!status) s->run->at.result = SNAPSHOT_EPOCH;
    return status;
}

/* Sets the result of a run that has diverged: its best parameters, unless the last step before the divergence made them bad,
 * which no later loss has shown. A run that continues starts there. */
static cusgd_status retire(sgd *s, fit *f)
{
    f->m.stop = CUSGD_STOP_DIVERGED;
    s->run->at.result = SNAPSHOT_BEST;
    cusgd_status status = watch_evaluate(s, SNAPSHOT_BEST, s->run->by_gradient, f);
    if (!status && !isfinite(f->m.now.loss)) {
        status = run_copy(s->run, SNAPSHOT_BEST, SNAPSHOT_EPOCH);
        if (!status) status = watch_evaluate(s, SNAPSHOT_BEST, s->run->by_gradient, f);
        if (status) return status;
        memcpy(s->run->best, s->run->theta, theta_bytes(s->problem));
        s->run->at.kept = (double)INFINITY;
        s->run->at.kept_epoch = f->safe_epoch;
    }
    f->m.result_epoch = s->run->at.kept_epoch;
    sgd_next_epoch(s);
    return status ? status : run_copy(s->run, SNAPSHOT_CURRENT, SNAPSHOT_BEST);
}

/* Chooses the result: the best evaluated parameters, or the last ones if none were evaluated. In the latter case, if the library
 * chose the rate, and the last ones are worse than the intercept-only model and than the best by the estimates of the epochs, the
 * best by these estimates. *known: 1 if f->m.now and s->run->theta are those of the result. */
static cusgd_status choose_snapshot(sgd *s, fit *f, int *known)
{
    cusgd_status status = CUSGD_OK;
    int evaluates = s->run->options->evaluate_every > 0;
    s->run->at.result = SNAPSHOT_CURRENT;
    *known = 0;
    if (!evaluates && !s->retreats) return CUSGD_OK;
    if (f->evaluated_step != s->run->at.step) {
        status = watch_evaluate(s, SNAPSHOT_CURRENT, 0, f);
        *known = !evaluates && !s->run->by_gradient && !(f->m.now.loss > s->problem->null_loss);
    }
    if (status) return status;
    if (evaluates) {
        if (isfinite(f->m.now.loss)) status = watch_keep_best(s, monitor_score(&f->m), f->m.now.objective);
        if (isfinite(s->run->at.kept)) s->run->at.result = SNAPSHOT_BEST;
    } else if (f->m.now.loss > s->problem->null_loss) {
        double last = f->m.now.objective;
        status = watch_evaluate(s, SNAPSHOT_BEST, 0, f);
        if (f->m.now.objective < last) s->run->at.result = SNAPSHOT_BEST;
    }
    return status;
}

/* Checks that the loss of the result is finite. Optimizer auto replaces exponentials by linear functions far beyond the targets,
 * but models are evaluated without that. */
static cusgd_status check_loss(sgd *s)
{
    double loss;
    if (!isfinite(s->problem->loss.minimum) && !isfinite(s->problem->loss.maximum)) return CUSGD_OK;
    cusgd_status status = problem_loss(s->problem, &s->problem->train, loss_rule_of(s->run->options), s->run->theta, &loss, NULL);
    return status || isfinite(loss) ? status : fit_diverged(s, sgd_rate_at(s, s->run->at.step));
}

/* Chooses the result, and evaluates it. */
static cusgd_status choose_result(sgd *s, fit *f)
{
    int known;
    if (f->m.stop == CUSGD_STOP_DIVERGED) return retire(s, f);
    cusgd_status status = choose_snapshot(s, f, &known);
    f->m.result_epoch = s->run->at.result == SNAPSHOT_BEST ? s->run->at.kept_epoch : s->run->at.epoch;
    if (!status && blurs(s)) status = proximal_steps(s);
    if (!status && (!known || blurs(s))) status = watch_evaluate(s, s->run->at.result, s->run->by_gradient, f);
    if (status) return status;
    if (isfinite(f->m.now.loss)) {
        status = check_loss(s);
        if (status == CUSGD_ERROR_DIVERGED) {
            f->m.stop = CUSGD_STOP_DIVERGED;
            f->m.now.loss = f->m.now.objective = (double)INFINITY;
        }
        return status;
    }
    status = retire(s, f);
    return status ? status : fit_diverged(s, sgd_rate_at(s, s->run->at.step));
}

/* Sets the result of a run whose device failed or whose data is lost: the best parameters, which cannot be evaluated again. */
static void lose(sgd *s, fit *f, cusgd_status status)
{
    s->run->lost |= status == CUSGD_ERROR_DEVICE;
    s->run->at.result = SNAPSHOT_BEST;
    f->m.stop = status == CUSGD_ERROR_DEVICE ? CUSGD_STOP_DEVICE : CUSGD_STOP_DATA;
    f->m.result_epoch = s->run->at.kept_epoch;
    f->m.now.loss = f->m.now.objective = f->m.now.gradient = s->run->at.last[0] = (double)NAN;
    f->m.now.valid = isfinite(s->run->at.kept) ? s->run->at.kept : (double)NAN;
}

/* Adds a note if a run from given coefficients ended above its starting point, which may happen because it begins with a new
 * average, momentum and rate. */
static void note_rise(const sgd *s, const fit *f, cusgd_result *result)
{
    const double share = 1e-4;
    double given = s->run->given, lowest = s->problem->targets.lower_bound;
    if (*result->note || isnan(given) || !(f->m.now.objective > given + share * fabs(given - lowest))) return;
    snprintf(result->note, sizeof result->note,
             "the objective is %.6g, above %.6g at the coefficients that were given to start from: a start takes over the "
             "coefficients only, and the average and the rate begin anew; %s",
             problem_reported(s->problem, f->m.now.objective), problem_reported(s->problem, given), watch_more_epochs(s));
}

static cusgd_status tell_result(const sgd *s, const fit *f, cusgd_result *result)
{
    int64_t step = s->run->at.step;
    monitor_result(&f->m, sgd_rate_at(s, step > 0 ? step - 1 : 0), result);
    result->rollbacks = f->rollbacks;
    if (s->run->lost || !isfinite(f->m.now.loss)) return CUSGD_OK;
    cusgd_status status = monitor_tell_compared(&f->m, watch_advice(s), result);
    note_rise(s, f, result);
    return status;
}

/* Fails if a rate that was given, directly or by options that determine it, was so large that the run ended far from any useful
 * model, although its losses are finite. A run of too few epochs does not fail, because it ends below its starting point, and
 * neither does the noise of steps around an optimum that is no better than the intercept-only model. */
static cusgd_status check_rate(const sgd *s, const fit *f)
{
    const double beyond_noise = 1.01;
    double start, objective;
    int worse, was_given = !s->retreats || s->given_t0;
    if (!was_given || f->m.stop == CUSGD_STOP_CANCELLED) return CUSGD_OK;
    cusgd_status status = monitor_compare(&f->m, &worse);
    if (status || !worse) return status;
    status = problem_objective(s->problem, &s->problem->train, s->run->start, &start, &objective, NULL);
    double lowest = s->problem->targets.lower_bound, limit = fmax(start, s->problem->null_loss) - lowest;
    if (status || !(f->m.now.loss - lowest > beyond_noise * limit)) return status;
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "not converged: after %lld epoch%s the loss is %.6g, above the starting point's %.6g and the intercept-only "
                "model's %.6g; %s",
                (long long)f->m.epochs, f->m.epochs == 1 ? "" : "s", problem_reported(s->problem, f->m.now.loss),
                problem_reported(s->problem, start), problem_reported(s->problem, s->problem->null_loss), watch_advice(s));
}

/* Looks for a direction of separation. Cancellations are ignored meanwhile, because the fit has ended. */
static cusgd_status look_for_separation(sgd *s, cusgd_result *result)
{
    cusgd_status status =
        problem_separation(s->problem, s->run->theta, s->run->spec.constants.decay > 0, result->note, sizeof result->note);
    s->run->cancelled = 0;
    return status;
}

cusgd_status fit_end(sgd *s, fit *f, cusgd_status status, cusgd_result *result)
{
    cusgd_status ended = CUSGD_OK;
    interrupt_defer(1);
    if (!status || status == CUSGD_ERROR_DIVERGED) ended = choose_result(s, f);
    interrupt_defer(-1);
    if (ended != CUSGD_OK) status = ended;
    if (!status && result && f->m.stop != CUSGD_STOP_CANCELLED) ended = look_for_separation(s, result);
    if (ended != CUSGD_OK && ended != CUSGD_ERROR_INTERRUPTED) status = ended; /* after an interruption the answer is unknown */
    interrupt_defer(1);
    if (!status) status = check_rate(s, f);
    ended = status == CUSGD_ERROR_MEMORY || status == CUSGD_ERROR_DEVICE ? CUSGD_OK : problem_check_data(s->problem);
    if (ended != CUSGD_OK) status = ended; /* other failures may follow from this one */
    if (status == CUSGD_ERROR_DEVICE || status == CUSGD_ERROR_DATA) lose(s, f, status);
    if (result && status != CUSGD_ERROR_MEMORY && status != CUSGD_ERROR_USAGE) {
        ended = tell_result(s, f, result);
        if (!status) status = ended;
    }
    interrupt_defer(-1);
    s->run->cancelled = 0;
    return status;
}
