/* Evaluation of a run by minibatch steps: which parameters are the best so far, whether the objective has risen, when to stop. */
#include "sgd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double gradient_norm(const sgd *s, const double *theta, const double *gradient)
{
    int64_t penalised = s->problem->d * s->problem->k, size = penalised + s->problem->k;
    double sum = 0;
    for (int64_t u = 0; u < size; u++) {
        double g = gradient[u];
        if (u >= penalised && !s->problem->intercept) continue;
        if (u < penalised) {
            double l1 = s->problem->l1 * problem_penalty(s->problem, u);
            g += s->problem->l2 * problem_penalty(s->problem, u) * theta[u];
            if (s->problem->limit[0] && problem_bounded(s->problem, u, theta[u] - g) == theta[u])
                g = 0; /* it points out of the bounds */
            else if (theta[u] != 0)
                g += theta[u] > 0 ? l1 : -l1;
            else
                g = soft_threshold(g, l1); /* the smallest element of the subdifferential */
        }
        sum += g * g;
    }
    return sqrt(sum);
}

/* ---- Evaluation ---- */

cusgd_status monitor_evaluate(sgd *s, enum area area, int with_gradient, fit *f)
{
    double unused;
    cusgd_status status = run_theta(s->run, area, s->run->theta);
    if (status == CUSGD_OK)
        status = problem_objective(s->problem, &s->problem->train, s->run->theta, &f->loss, &f->objective,
                                   with_gradient ? s->run->gradient : NULL);
    f->gradient = with_gradient && status == CUSGD_OK
                      ? problem_gradient_norm(s->problem, s->run->theta, s->run->gradient) / s->problem->null_gradient
                      : (double)NAN;
    if (s->problem->null_gradient == 0) f->gradient = 0;
    f->valid = (double)NAN;
    if (status == CUSGD_OK && s->problem->valid.bound)
        status = problem_objective(s->problem, &s->problem->valid, s->run->theta, &f->valid, &unused, NULL);
    if (status == CUSGD_OK) status = problem_check_data(s->problem);
    f->evaluated_step = status == CUSGD_OK && area == AREA_CURRENT ? s->run->at.step : -1;
    return status;
}

double monitor_score(const sgd *s, const fit *f) { return s->problem->valid.bound ? f->valid : f->objective; }

/* ---- The best parameters ---- */

cusgd_status monitor_keep_current(sgd *s)
{
    cusgd_status status = run_copy(s->run, AREA_BEST, AREA_CURRENT);
    if (status == CUSGD_OK)
        status = run_theta(s->run, AREA_CURRENT, s->run->theta); /* not into `best`: half a copy would be none */
    if (status != CUSGD_OK) return status;
    memcpy(s->run->best, s->run->theta, theta_bytes(s->problem));
    s->run->at.kept_epoch = s->run->at.epoch;
    s->run->at.kept_step = s->run->at.step;
    return CUSGD_OK;
}

cusgd_status monitor_keep_best(sgd *s, double score, double objective)
{
    if (!(score < s->run->at.kept)) return CUSGD_OK;
    cusgd_status status = monitor_keep_current(s);
    if (status != CUSGD_OK) return status;
    s->run->at.kept = score;
    s->run->at.kept_objective = objective;
    return CUSGD_OK;
}

/* ---- Whether things have gone wrong ---- */

int monitor_loss_is_bad(const sgd *s, double loss)
{
    double limit = 4 * (fmax(s->problem->null_loss, s->run->start_loss) -
                        s->problem->targets.floor); /* four times the worse of both models' losses */
    return !isfinite(loss) || (limit > 0 && loss - s->problem->targets.floor > limit);
}

/* The default's average falls nearly steadily when the rate is right; other optimizers' iterates fluctuate at any rate. Momentum
 * carries it past the optimum and back within some 1 / (1 - momentum) steps, which are many epochs where batches are large. The
 * share of the intercept-only model's loss is for data that a model fits nearly exactly, where the objective moves by large
 * factors and yet by nothing that matters. */
int monitor_has_risen(const sgd *s, const fit *f)
{
    const double share = 0.05, share_of_null = 1e-6, swing = 5 / (1 - s->run->options->momentum);
    double best = s->run->at.kept_objective;
    if (!s->retreats || isnan(best)) return 0;
    if (s->run->options->optimizer != CUSGD_OPTIMIZER_AUTO) return monitor_loss_is_bad(s, f->loss);
    if ((double)(s->run->at.step - s->run->at.kept_step) < swing) return 0;
    return f->objective >
           best + share * fabs(best - s->problem->targets.floor) + share_of_null * fabs(s->problem->null_loss - best);
}

int monitor_is_worse_than_null(const sgd *s)
{
    return s->retreats &&
           s->run->at.kept_objective - s->problem->targets.floor > 1.01 * (s->problem->null_loss - s->problem->targets.floor);
}

/* ---- Stopping ---- */

/* The schedule `plateau`. A rate that has just been lowered gets its chance before the run is stopped. */
static void watch_plateau(sgd *s, fit *f, double score)
{
    const double threshold = 1e-4, lowest = 1e-3;
    if (s->run->options->schedule != CUSGD_SCHEDULE_PLATEAU) return;
    if (isinf(s->run->at.plateau_best) ||
        score < s->run->at.plateau_best - threshold * fabs(s->run->at.plateau_best - s->problem->targets.floor)) {
        s->run->at.plateau_best = score;
        s->run->at.plateau_stale = 0;
    } else if (++s->run->at.plateau_stale >= s->run->options->decay_patience && s->run->at.plateau_scale > lowest) {
        s->run->at.plateau_scale *= s->run->options->decay;
        s->run->at.plateau_stale = 0;
        f->stale = 0;
    }
}

void monitor_judge(sgd *s, fit *f)
{
    const cusgd_options *o = s->run->options;
    double score = monitor_score(s, f);
    f->last[2] = f->last[1];
    f->last[1] = f->last[0];
    f->last[0] = f->objective;
    f->stale = score < f->best - o->tolerance * fabs(f->best - s->problem->targets.floor) || isinf(f->best) ? 0 : f->stale + 1;
    f->best = fmin(f->best, score);
    watch_plateau(s, f, score);
    if (s->run->by_gradient && f->gradient <= o->gradient_tolerance)
        f->stop = CUSGD_STOP_GRADIENT;
    else if (s->run->by_tolerance && f->stale >= (o->patience > 0 ? o->patience : 1))
        f->stop = CUSGD_STOP_TOLERANCE;
}

double monitor_excess(const sgd *s, const fit *f)
{
    double before = f->last[2] - f->last[1], after = f->last[1] - f->last[0];
    if (!(before > 0) || !(after > 0) || after >= before) return (double)NAN;
    double ratio = after / before;
    return after * ratio / (1 - ratio) / fabs(f->last[0] - s->problem->targets.floor);
}

/* ---- The result compared with the intercept-only model ---- */

static const char *advice_for(const sgd *s)
{
    const cusgd_options *o = s->run->options;
    if (o->sampling == CUSGD_SAMPLING_NONE || o->sampling == CUSGD_SAMPLING_REPLACE_BLOCKS)
        return "the order of the rows may mislead the steps; use --sampling permute";
    if (!o->standardize) return "standardize the columns (leave out --no-standardize)";
    if (o->schedule == CUSGD_SCHEDULE_OPTIMAL) return "use a larger --l2, from which the schedule optimal takes its rate";
    if (s->given_t0) return "use a smaller --t0, which sets the rate";
    if (!s->retreats) return "use a smaller --rate, or leave it out";
    if (s->problem->limit[0] && !(isnan(o->lower) && isnan(o->upper)))
        return "the bounds on the coefficients leave out better ones";
    return "use more --epochs, or --solver auto";
}

cusgd_status monitor_compare_null(sgd *s, const fit *f, char *note, size_t size)
{
    const double rounding = 1e-6;
    double objective;
    cusgd_status status = CUSGD_OK;
    if (isnan(s->problem->null_loss)) {
        problem_null(s->problem, s->run->theta);
        status = problem_objective(s->problem, &s->problem->train, s->run->theta, &s->problem->null_loss, &objective, NULL);
    }
    if (status == CUSGD_OK && !*note &&
        f->loss > s->problem->null_loss + rounding * fabs(s->problem->null_loss - s->problem->targets.floor))
        snprintf(note, size, "the model is worse than %s on the training rows (loss %.6g, not %.6g): %s",
                 s->problem->intercept ? "the intercept-only model, which predicts a constant,"
                                       : "a model whose coefficients are 0",
                 problem_reported(s->problem, f->loss), problem_reported(s->problem, s->problem->null_loss), advice_for(s));
    return status;
}
