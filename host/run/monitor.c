#include "monitor.h"

#include "clock.h"
#include <math.h>
#include <stdio.h>

static int64_t patience(const run *r) { return r->options->patience > 0 ? r->options->patience : 1; }

void monitor_begin(monitor *m, run *r, cusgd_callback callback, void *user)
{
    *m = (monitor){.run = r, .callback = callback, .user = user, .begun = clock_seconds()};
    if (r->at.stale >= patience(r)) r->at.stale = 0;
}

cusgd_status monitor_validate(monitor *m, const double *theta)
{
    const problem *p = m->run->problem;
    double unused;
    m->now.valid = (double)NAN;
    return p->valid.bounds ? problem_objective(p, &p->valid, theta, &m->now.valid, &unused, NULL) : CUSGD_OK;
}

double monitor_score(const monitor *m) { return m->run->problem->valid.bounds ? m->now.valid : m->now.objective; }

/* ---- Stopping ---- */

void monitor_count(monitor *m, double score)
{
    run_position *at = &m->run->at;
    double minimum = at->best - m->run->options->tolerance * fabs(at->best - m->run->problem->targets.lower_bound);
    at->last[2] = at->last[1];
    at->last[1] = at->last[0];
    at->last[0] = m->now.objective;
    at->stale = score < minimum || isinf(at->best) ? 0 : at->stale + 1;
    at->best = fmin(at->best, score);
}

void monitor_judge(monitor *m, int flat)
{
    if (flat)
        m->stop = CUSGD_STOP_GRADIENT;
    else if (m->run->by_tolerance && m->run->at.stale >= patience(m->run))
        m->stop = CUSGD_STOP_TOLERANCE;
}

/* Returns the relative distance of the objective from its limit, which is extrapolated from the latest values; NaN if they do not
 * converge. */
static double relative_gap(const monitor *m)
{
    const double *last = m->run->at.last;
    double before = last[2] - last[1], after = last[1] - last[0];
    if (!(before > 0) || !(after > 0) || after >= before) return (double)NAN;
    double ratio = after / before;
    return after * ratio / (1 - ratio) / fabs(last[0] - m->run->problem->targets.lower_bound);
}

/* ---- What is reported ---- */

static int tell(const monitor *m, int64_t step, double loss, int evaluated, double rate)
{
    const problem *p = m->run->problem;
    double seconds = clock_seconds() - m->begun;
    int64_t epochs = m->run->options->epochs;
    if (!m->callback) return 0;
    cusgd_progress now = {
        .epoch = m->epochs,
        .epochs = epochs,
        .step = step,
        .loss = problem_reported(p, loss),
        .evaluated = evaluated,
        .valid_loss = evaluated && p->valid.bounds ? problem_reported(p, m->now.valid) : (double)NAN,
        .rate = rate,
        .seconds = seconds,
        .rows_per_second = m->working > 0 ? (double)m->rows / m->working : 0,
        .seconds_left = seconds / (double)m->epochs * (double)(epochs - m->epochs),
    };
    return m->callback(&now, m->user);
}

/* In a world, the run ends if the callback of any rank ends it. It also ends if the exchange fails; the next exchange then
 * reports the failure. */
int monitor_tell(const monitor *m, int64_t step, double loss, int evaluated, double rate)
{
    world *w = m->run->problem->backend ? m->run->problem->backend->world : NULL;
    int ends = tell(m, step, loss, evaluated, rate);
    if (w && world_any(w, ends, &ends) != CUSGD_OK) return 1;
    return ends;
}

void monitor_result(const monitor *m, double rate, cusgd_result *result)
{
    const problem *p = m->run->problem;
    result->stop = m->stop;
    result->epochs = m->run->at.epoch;
    result->steps = m->run->at.step;
    result->epoch = m->result_epoch;
    result->loss = problem_reported(p, m->now.loss);
    result->valid_loss = p->valid.bounds ? problem_reported(p, m->now.valid) : (double)NAN;
    result->objective = m->now.objective * p->units.loss;
    result->gradient = m->now.gradient;
    result->relative_gap = relative_gap(m);
    result->rate = rate;
    result->seconds = clock_seconds() - m->begun;
    result->rows_per_second = m->working > 0 ? (double)m->rows / m->working : 0;
    result->separated = p->separated > 0;
    result->null_loss = (double)NAN;
}

/* ---- The result compared with the intercept-only model ---- */

cusgd_status monitor_compare(const monitor *m, int *worse)
{
    const double noise = 2e-5; /* twice the default tolerance: if l1 makes all coefficients 0, steps end within that distance */
    problem *p = m->run->problem;
    cusgd_status status = isnan(p->null_loss) ? problem_measure_null(p, 0) : CUSGD_OK;
    /* The loss perceptron is 0 if all coefficients are 0, which is useless as a classifier, so that the comparison says nothing
     * about the result. */
    int compares = p->options->loss != CUSGD_LOSS_PERCEPTRON;
    *worse = !status && compares && m->now.loss > p->null_loss + noise * fabs(p->null_loss - p->targets.lower_bound);
    return status;
}

cusgd_status monitor_tell_compared(const monitor *m, const char *advice, cusgd_result *result)
{
    const problem *p = m->run->problem;
    cusgd_status status = monitor_compare(m, &result->worse);
    if (status) return status;
    result->null_loss = problem_reported(p, p->null_loss);
    int by_rule = m->stop == CUSGD_STOP_TOLERANCE || m->stop == CUSGD_STOP_GRADIENT || m->stop == CUSGD_STOP_SOLVED;
    /* If bounds exclude coefficients of 0, all models may be worse, and the run can still have found the best of them. */
    result->converged = by_rule && (!result->worse || options_exclude_zero(p->options));
    if (result->worse && !*result->note)
        snprintf(result->note, sizeof result->note, "the model is worse than %s on the training rows (loss %.6g, not %.6g): %s",
                 p->intercept ? "the intercept-only model, which predicts a constant," : "a model whose coefficients are 0",
                 problem_reported(p, m->now.loss), result->null_loss, advice);
    int is_quadratic = loss_info_of(p->options->loss)->smoothness == CUSGD_SMOOTH_QUADRATIC;
    if (is_quadratic && p->intercept && p->null_loss < 1e-14 && !*result->note)
        snprintf(result->note, sizeof result->note,
                 "the target has the same value in every row, which the intercept alone predicts: is another target meant?");
    return CUSGD_OK;
}
