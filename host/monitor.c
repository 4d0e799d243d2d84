/* Evaluation of a run by minibatch steps: which parameters are the best so far, whether the objective has risen, when to stop. */
#include "fit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double gradient_norm(const cusgd_trainer *t, const double *theta, const double *gradient)
{
    int64_t penalised = t->plan.d * t->plan.k, size = penalised + t->plan.k;
    double sum = 0;
    for (int64_t u = 0; u < size; u++) {
        double g = gradient[u];
        if (u >= penalised && !t->plan.intercept) continue;
        if (u < penalised) {
            double l1 = t->plan.l1 * trainer_penalty(t, u);
            g += t->plan.l2 * trainer_penalty(t, u) * theta[u];
            if (t->limit[0] && trainer_bounded(t, u, theta[u] - g) == theta[u])
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

cusgd_status monitor_evaluate(cusgd_trainer *t, enum area area, int with_gradient, fit *f)
{
    double unused;
    cusgd_status status = trainer_theta(t, area, t->theta);
    if (status == CUSGD_OK)
        status = trainer_objective(t, t->train, t->theta, &f->loss, &f->objective, with_gradient ? t->gradient : NULL);
    f->gradient = with_gradient && status == CUSGD_OK ? gradient_norm(t, t->theta, t->gradient) / t->null_gradient : (double)NAN;
    if (t->null_gradient == 0) f->gradient = 0;
    f->valid = (double)NAN;
    if (status == CUSGD_OK && t->valid) status = trainer_objective(t, t->valid, t->theta, &f->valid, &unused, NULL);
    if (status == CUSGD_OK) status = trainer_check_data(t);
    f->evaluated_step = status == CUSGD_OK && area == AREA_CURRENT ? t->step : -1;
    return status;
}

double monitor_score(const cusgd_trainer *t, const fit *f) { return t->valid ? f->valid : f->objective; }

/* ---- The best parameters ---- */

cusgd_status monitor_keep_current(cusgd_trainer *t)
{
    cusgd_status status = t->backend.ops->copy(t->backend.self, AREA_BEST, AREA_CURRENT);
    if (status == CUSGD_OK) status = trainer_theta(t, AREA_CURRENT, t->theta); /* not into `best`: half a copy would be none */
    if (status != CUSGD_OK) return status;
    memcpy(t->best, t->theta, theta_bytes(t));
    t->kept_epoch = t->epoch;
    t->kept_step = t->step;
    return CUSGD_OK;
}

cusgd_status monitor_keep_best(cusgd_trainer *t, double score, double objective)
{
    if (!(score < t->kept)) return CUSGD_OK;
    cusgd_status status = monitor_keep_current(t);
    if (status != CUSGD_OK) return status;
    t->kept = score;
    t->kept_objective = objective;
    return CUSGD_OK;
}

/* ---- Whether things have gone wrong ---- */

int monitor_loss_is_bad(const cusgd_trainer *t, double loss)
{
    double limit = 4 * (fmax(t->null_loss, t->start_loss) - t->floor); /* four times the worse of both models' losses */
    return !isfinite(loss) || (limit > 0 && loss - t->floor > limit);
}

/* The default's average falls nearly steadily when the rate is right; other optimizers' iterates fluctuate at any rate. Momentum
 * carries it past the optimum and back within some 1 / (1 - momentum) steps, which are many epochs where batches are large. The
 * share of the intercept-only model's loss is for data that a model fits nearly exactly, where the objective moves by large
 * factors and yet by nothing that matters. */
int monitor_has_risen(const cusgd_trainer *t, const fit *f)
{
    const double share = 0.05, share_of_null = 1e-6, swing = 5 / (1 - t->options.momentum);
    double best = t->kept_objective;
    if (!t->retreats || isnan(best)) return 0;
    if (t->options.optimizer != CUSGD_OPTIMIZER_AUTO) return monitor_loss_is_bad(t, f->loss);
    if ((double)(t->step - t->kept_step) < swing) return 0;
    return f->objective > best + share * fabs(best - t->floor) + share_of_null * fabs(t->null_loss - best);
}

int monitor_is_worse_than_null(const cusgd_trainer *t)
{
    return t->retreats && t->kept_objective - t->floor > 1.01 * (t->null_loss - t->floor);
}

/* ---- Stopping ---- */

/* The schedule `plateau`. A rate that has just been lowered gets its chance before the run is stopped. */
static void watch_plateau(cusgd_trainer *t, fit *f, double score)
{
    const double threshold = 1e-4, lowest = 1e-3;
    if (t->options.schedule != CUSGD_SCHEDULE_PLATEAU) return;
    if (isinf(t->plateau_best) || score < t->plateau_best - threshold * fabs(t->plateau_best - t->floor)) {
        t->plateau_best = score;
        t->plateau_stale = 0;
    } else if (++t->plateau_stale >= t->options.decay_patience && t->plateau_scale > lowest) {
        t->plateau_scale *= t->options.decay;
        t->plateau_stale = 0;
        f->stale = 0;
    }
}

void monitor_judge(cusgd_trainer *t, fit *f)
{
    const cusgd_options *o = &t->options;
    double score = monitor_score(t, f);
    f->last[2] = f->last[1];
    f->last[1] = f->last[0];
    f->last[0] = f->objective;
    f->stale = score < f->best - o->tolerance * fabs(f->best - t->floor) || isinf(f->best) ? 0 : f->stale + 1;
    f->best = fmin(f->best, score);
    watch_plateau(t, f, score);
    if (t->by_gradient && f->gradient <= o->gradient_tolerance)
        f->stop = CUSGD_STOP_GRADIENT;
    else if (t->by_tolerance && f->stale >= (o->patience > 0 ? o->patience : 1))
        f->stop = CUSGD_STOP_TOLERANCE;
}

double monitor_excess(const cusgd_trainer *t, const fit *f)
{
    double before = f->last[2] - f->last[1], after = f->last[1] - f->last[0];
    if (!(before > 0) || !(after > 0) || after >= before) return (double)NAN;
    double ratio = after / before;
    return after * ratio / (1 - ratio) / fabs(f->last[0] - t->floor);
}

/* ---- The result compared with the intercept-only model ---- */

static const char *advice_for(const cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    if (o->sampling == CUSGD_SAMPLING_NONE || o->sampling == CUSGD_SAMPLING_REPLACE_BLOCKS)
        return "the order of the rows may mislead the steps; use --sampling permute";
    if (!o->standardize) return "standardize the columns (leave out --no-standardize)";
    if (o->schedule == CUSGD_SCHEDULE_OPTIMAL) return "use a larger --l2, from which the schedule optimal takes its rate";
    if (t->given_t0) return "use a smaller --t0, which sets the rate";
    if (!t->retreats) return "use a smaller --rate, or leave it out";
    if (t->limit[0] && !(isnan(o->lower) && isnan(o->upper))) return "the bounds on the coefficients leave out better ones";
    return "use more --epochs, or --solver auto";
}

cusgd_status monitor_compare_null(cusgd_trainer *t, const fit *f, char *note, size_t size)
{
    const double rounding = 1e-6;
    double objective;
    cusgd_status status = CUSGD_OK;
    if (isnan(t->null_loss)) {
        trainer_null(t, t->theta);
        status = trainer_objective(t, t->train, t->theta, &t->null_loss, &objective, NULL);
    }
    if (status == CUSGD_OK && !*note && f->loss > t->null_loss + rounding * fabs(t->null_loss - t->floor))
        snprintf(note, size, "the model is worse than %s on the training rows (loss %.6g, not %.6g): %s",
                 t->plan.intercept ? "the intercept-only model, which predicts a constant," : "a model whose coefficients are 0",
                 trainer_reported(t, f->loss), trainer_reported(t, t->null_loss), advice_for(t));
    return status;
}
