/* A fit: runs epochs, evaluates the parameters after them, and undoes epochs that went wrong. steps.c runs the steps, monitor.c
 * applies the stopping rules and result.c chooses the result. */
#include "sgd.h"

#include "clock.h"
#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include <math.h>
#include <string.h>

enum { MAX_ROLLBACKS = 60 };

static int went_wrong(const sgd *s, const steps_report *r)
{
    return r->failed || (s->retreats && r->rows > 0 && watch_loss_is_bad(s, r->loss / (double)r->rows));
}

/* Keeps the current parameters for undoing an epoch that goes wrong, or a run whose best parameters are bad. */
static cusgd_status keep_safe(sgd *s, fit *f)
{
    f->safe_epoch = s->run->at.epoch;
    return run_copy(s->run, SNAPSHOT_EPOCH, SNAPSHOT_CURRENT);
}

static cusgd_status stop_velocity(sgd *s)
{
    if (!optimizer_has_velocity(s->run->spec.optimizer)) return CUSGD_OK;
    memset(s->run->gradient, 0, theta_bytes(s->problem));
    return s->problem->backend->ops->state.put(s->problem->backend->self, SNAPSHOT_CURRENT, STATE_SLOT1, s->run->gradient);
}

/* Makes the best parameters the current ones, with zero velocity. The average starts anew there, because the parameters since
 * then would affect it for a long time. */
static cusgd_status go_to_best(sgd *s, fit *f)
{
    const backend *b = s->problem->backend;
    cusgd_status status = run_copy(s->run, SNAPSHOT_CURRENT, SNAPSHOT_BEST);
    s->run->at.average_from = s->run->at.step;
    f->evaluated_step = -1;
    if (!status) status = run_theta(s->run, SNAPSHOT_CURRENT, s->run->theta);
    if (!status) status = b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, s->run->theta);
    return status ? status : stop_velocity(s);
}

/* Returns to the start of the epoch with zero velocity and a quarter of the rate; or, if the epoch before ended badly too, to the
 * best parameters, or to the start of the run if there are none. */
static cusgd_status undo_epoch(sgd *s, fit *f, int64_t first_step)
{
    const backend *b = s->problem->backend;
    double loss, objective;
    cusgd_status status = run_copy(s->run, SNAPSHOT_CURRENT, SNAPSHOT_EPOCH);
    s->run->at.rate_scale /= 4;
    s->run->at.step = first_step;
    f->rollbacks++;
    sgd_next_epoch(s);
    if (!status) status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, s->run->theta);
    if (!status) status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, NULL);
    if (status || !watch_loss_is_bad(s, loss)) return status ? status : stop_velocity(s);
    status = run_theta(s->run, SNAPSHOT_BEST, s->run->theta);
    if (!status) status = problem_objective(s->problem, &s->problem->train, s->run->theta, &loss, &objective, NULL);
    if (status) return status;
    if (isfinite(s->run->at.kept) && !watch_loss_is_bad(s, loss)) return go_to_best(s, f);
    f->evaluated_step = -1;
    return run_begin(s->run);
}

/* Returns to the best parameters with a quarter of the rate, because the objective has risen since then. */
static cusgd_status return_to_best(sgd *s, fit *f)
{
    s->run->at.rate_scale /= 4;
    f->rollbacks++;
    s->run->at.stale = 0;
    return go_to_best(s, f);
}

/* Runs the remaining steps of the current epoch and adds their report to f->epoch. */
static cusgd_status take_epoch(sgd *s, fit *f)
{
    double start = clock_seconds();
    cusgd_status status = CUSGD_OK;
    if (!f->under_way) {
        memset(&f->epoch, 0, sizeof f->epoch);
        f->first_step = s->run->at.step;
        if (s->retreats) status = keep_safe(s, f);
        f->under_way = !status;
    }
    if (!status) status = sgd_run_steps(s, f, INT64_MAX, &f->epoch);
    f->m.working += clock_seconds() - start;
    f->m.rows += f->epoch.rows;
    if (!status) status = problem_check_data(s->problem);
    if (status) return status;
    f->cancelled = run_is_cancelled(s->run);
    if (f->cancelled) {
        fit_offer(s, f);
    } else if (run_is_saved(s->run)) {
        interrupt_defer(1);
        f->defers = 1;
    }
    f->under_way = 0;
    return CUSGD_OK;
}

/* Runs the rest of the current epoch. *undone becomes 1 if it was undone. */
static cusgd_status run_epoch(sgd *s, fit *f, int *undone)
{
    cusgd_status status = take_epoch(s, f);
    *undone = 0;
    if (status) return status;
    if (went_wrong(s, &f->epoch) && !f->cancelled) {
        if (!s->retreats || f->rollbacks >= MAX_ROLLBACKS) {
            f->m.stop = CUSGD_STOP_DIVERGED;
            return fit_diverged(s, sgd_rate_at(s, s->run->at.step));
        }
        *undone = 1;
        return undo_epoch(s, f, f->first_step);
    }
    if (s->run->at.batch == s->batches) {
        s->run->at.epoch++;
        sgd_next_epoch(s);
    }
    return CUSGD_OK;
}

static int tell(const sgd *s, const fit *f, const steps_report *r, int evaluated)
{
    int64_t step = s->run->at.step;
    double loss = evaluated ? f->m.now.loss : r->loss / (double)r->rows;
    return monitor_tell(&f->m, step, loss, evaluated, sgd_rate_at(s, step > 0 ? step - 1 : 0));
}

/* Evaluates the current parameters; keeps them if they are the best, and returns to the best ones if the objective has risen. */
static cusgd_status watch(sgd *s, fit *f)
{
    cusgd_status status = watch_evaluate(s, SNAPSHOT_CURRENT, s->run->by_gradient, f);
    if (!status) status = watch_keep_best(s, monitor_score(&f->m), f->m.now.objective);
    if (status) return status;
    watch_judge(s, f);
    int must_return = watch_has_risen(s, f) || (f->m.stop == CUSGD_STOP_TOLERANCE && watch_is_worse_than_null(s));
    if (!must_return || f->rollbacks >= MAX_ROLLBACKS) return CUSGD_OK;
    if (f->m.stop == CUSGD_STOP_TOLERANCE) f->m.stop = CUSGD_STOP_NONE; /* continue with the lower rate */
    return return_to_best(s, f);
}

/* Runs one epoch and, if it is due, the evaluation after it. */
static cusgd_status advance(sgd *s, fit *f)
{
    int undone;
    int64_t every = s->run->options->evaluate_every;
    cusgd_status status = run_epoch(s, f, &undone);
    if (status) return status;
    if (f->cancelled) {
        f->m.stop = CUSGD_STOP_CANCELLED;
        return CUSGD_OK;
    }
    f->m.epochs++;
    if (undone) return CUSGD_OK;
    int due = every > 0 && f->m.epochs % every == 0;
    if (due)
        status = watch(s, f);
    else if (every < 0 && !s->problem->valid.bounds)
        status =
            watch_keep_best(s, f->epoch.loss / (double)f->epoch.rows, (double)NAN); /* an estimate, in case the run diverges */
    if (status) return status;
    if (tell(s, f, &f->epoch, due)) f->m.stop = CUSGD_STOP_CANCELLED;
    return CUSGD_OK;
}

/* As advance(), then offers the fit for a checkpoint. */
static cusgd_status go_on(sgd *s, fit *f)
{
    cusgd_status status = advance(s, f);
    if (f->defers) interrupt_defer(-1);
    f->defers = 0;
    if (!status && !f->cancelled && (f->m.stop == CUSGD_STOP_NONE || f->m.stop == CUSGD_STOP_CANCELLED)) fit_offer(s, f);
    return status;
}

cusgd_status sgd_fit(sgd *s, cusgd_callback callback, void *user, cusgd_result *result)
{
    fit f = {.evaluated_step = -1};
    int64_t stale = s->run->at.stale;
    int goes_on = s->run->fit.is_whole;
    monitor_begin(&f.m, s->run, callback, user);
    _Atomic int *watched = interrupt_watch(&s->run->cancelled);
    cusgd_status status = run_check_device(s->run);
    s->run->at.result = SNAPSHOT_CURRENT;
    if (result) memset(result, 0, sizeof *result);
    if (!status && !goes_on) status = keep_safe(s, &f);
    if (!status && !goes_on && !isfinite(s->run->at.kept))
        status = watch_keep_current(s); /* the result if the run diverges at once */
    if (goes_on) fit_resume(s, &f, stale);
    while (!status && f.m.stop == CUSGD_STOP_NONE) {
        if (f.m.epochs == s->run->options->epochs)
            f.m.stop = CUSGD_STOP_EPOCHS;
        else
            status = go_on(s, &f);
    }
    if (status == CUSGD_ERROR_INTERRUPTED) { /* during a pass over the data */
        status = CUSGD_OK;
        f.m.stop = CUSGD_STOP_CANCELLED;
    }
    status = fit_end(s, &f, status, result);
    interrupt_watch(watched);
    return status;
}
