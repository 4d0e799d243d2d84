/* Evaluates a run by minibatch steps: which parameters are the best so far, whether the objective has risen, and when to stop. */
#include "sgd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Evaluation ---- */

cusgd_status watch_evaluate(sgd *s, enum snapshot snapshot, int with_gradient, fit *f)
{
    cusgd_status status = run_theta(s->run, snapshot, s->run->theta);
    if (!status)
        status = problem_objective(s->problem, &s->problem->train, s->run->theta, &f->m.now.loss, &f->m.now.objective,
                                   with_gradient ? s->run->gradient : NULL);
    f->m.now.gradient = with_gradient && !status
                            ? problem_gradient_norm(s->problem, s->run->theta, s->run->gradient) / s->problem->null_gradient
                            : (double)NAN;
    if (s->problem->null_gradient == 0) f->m.now.gradient = 0;
    f->m.now.valid = (double)NAN;
    if (!status) status = monitor_validate(&f->m, s->run->theta);
    if (!status) status = problem_check_data(s->problem);
    f->evaluated_step = !status && snapshot == SNAPSHOT_CURRENT ? s->run->at.step : -1;
    return status;
}

/* ---- The best parameters ---- */

/* The copy in host memory is for the case that the device fails, which a CPU does not. */
cusgd_status watch_keep_current(sgd *s)
{
    cusgd_status status = run_copy(s->run, SNAPSHOT_BEST, SNAPSHOT_CURRENT);
    if (!status && !s->problem->backend->is_host) {
        status = run_theta(s->run, SNAPSHOT_CURRENT, s->run->theta); /* not into `best`, as the copy may fail midway */
        if (!status) memcpy(s->run->best, s->run->theta, theta_bytes(s->problem));
    }
    if (status) return status;
    s->run->at.kept_epoch = s->run->at.epoch;
    s->run->at.kept_step = s->run->at.step;
    return CUSGD_OK;
}

cusgd_status watch_keep_best(sgd *s, double score, double objective)
{
    if (!(score < s->run->at.kept)) return CUSGD_OK;
    cusgd_status status = watch_keep_current(s);
    if (status) return status;
    s->run->at.kept = score;
    s->run->at.kept_objective = objective;
    return CUSGD_OK;
}

/* ---- Whether things have gone wrong ---- */

int watch_loss_is_bad(const sgd *s, double loss)
{
    double limit = 4 * (fmax(s->problem->null_loss, s->run->start_loss) -
                        s->problem->targets.lower_bound); /* four times the larger of the losses of both models */
    return !isfinite(loss) || (limit > 0 && loss - s->problem->targets.lower_bound > limit);
}

/* With the default optimizer, the objective of the average falls almost monotonically at a good rate; the iterates of other
 * optimizers fluctuate at any rate. Momentum makes the iterates pass the optimum and return within about 1 / (1 - momentum)
 * steps, which are many epochs if batches are large. A share of the loss of the intercept-only model is allowed for data that a
 * model fits almost exactly, for which the objective changes by large factors that do not matter. */
int watch_has_risen(const sgd *s, const fit *f)
{
    const double share = 0.05, share_of_null = 1e-6, swing = 5 / (1 - s->run->options->momentum);
    double best = s->run->at.kept_objective;
    if (!s->retreats || isnan(best)) return 0;
    if (s->run->options->optimizer != CUSGD_OPTIMIZER_AUTO) return watch_loss_is_bad(s, f->m.now.loss);
    if ((double)(s->run->at.step - s->run->at.kept_step) < swing) return 0;
    return f->m.now.objective >
           best + share * fabs(best - s->problem->targets.lower_bound) + share_of_null * fabs(s->problem->null_loss - best);
}

int watch_is_worse_than_null(const sgd *s)
{
    return s->retreats && s->run->at.kept_objective - s->problem->targets.lower_bound >
                              1.01 * (s->problem->null_loss - s->problem->targets.lower_bound);
}

/* ---- Stopping ---- */

/* Applies the schedule `plateau`. After the rate was lowered, the run continues even if patience is used up. */
static void watch_plateau(sgd *s, double score)
{
    const double threshold = 1e-4, lowest = 1e-3;
    if (s->run->options->schedule != CUSGD_SCHEDULE_PLATEAU) return;
    if (isinf(s->run->at.plateau_best) ||
        score < s->run->at.plateau_best - threshold * fabs(s->run->at.plateau_best - s->problem->targets.lower_bound)) {
        s->run->at.plateau_best = score;
        s->run->at.plateau_stale = 0;
    } else if (++s->run->at.plateau_stale >= s->run->options->decay_patience && s->run->at.plateau_scale > lowest) {
        s->run->at.plateau_scale *= s->run->options->decay;
        s->run->at.plateau_stale = 0;
        s->run->at.stale = 0;
    }
}

void watch_judge(sgd *s, fit *f)
{
    double score = monitor_score(&f->m);
    monitor_count(&f->m, score);
    watch_plateau(s, score);
    monitor_judge(&f->m, s->run->by_gradient && f->m.now.gradient <= s->run->options->gradient_tolerance);
}

/* ---- Advice ---- */

const char *watch_more_epochs(const sgd *s)
{
    if (loss_is_nonsmooth(s->problem->loss.kind)) return "use more --epochs"; /* only sgd supports such a loss */
    return "use more --epochs, or --solver auto";
}

const char *watch_advice(const sgd *s)
{
    const cusgd_options *o = s->run->options;
    if (sampling_flags((int)o->sampling) & SAMPLING_NOT_RANDOM)
        return "the order of the rows may mislead the steps; use --sampling permute";
    if (!o->standardize && !s->run->spec.sparse) return "standardize the columns (leave out --no-standardize)";
    if (o->schedule == CUSGD_SCHEDULE_OPTIMAL) return "use a larger --l2, from which the schedule optimal takes its rate";
    if (s->given_t0) return "use a smaller --t0, which sets the rate";
    if (!s->retreats) return "use a smaller --rate, or leave it out";
    if (s->problem->limit[0] && options_have_bounds(o)) return "the bounds on the coefficients leave out better ones";
    return watch_more_epochs(s);
}
