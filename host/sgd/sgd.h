/* Training by minibatch steps: auto.c makes the choices left open, steps.c takes the steps, watch.c judges what they have led to,
 * fit.c goes on or goes back, and result.c chooses the result. */
#ifndef CUSGD_HOST_SGD_SGD_H
#define CUSGD_HOST_SGD_SGD_H

#include "run/monitor.h"

typedef struct sgd {
    run *run;
    problem *problem; /* the run's */
    rate_schedule schedule;
    double eccentricity;   /* of the average */
    double lipschitz;      /* bound on the objective's second derivative, without l2; NaN: not computed */
    double *rate_factor;   /* (d+1) x k: each parameter's share of the rate; NULL: 1 */
    int given_t0;          /* 1: the rate of time-decay follows from a t0 that was given */
    int retreats;          /* 1: the rate is the library's own, so an epoch that goes wrong is undone */
    int64_t batches;       /* of an epoch */
    int64_t slice;         /* steps that the device is given at a time; 0: slice_steps() */
    char device_note[512]; /* what the device said of how steps ran; "" if nothing */
    steps_report *counted; /* of the slices of an epoch under way: those that were given and not counted yet come to it */
    int64_t given;         /* with them, the next batch of that epoch */
    cusgd_status counting; /* what came of counting them when a fit was saved */
} sgd;

/* auto.c: the batch, the epochs and the stopping rules; then optimizer, rate, momentum, rate_factor and average, from the bound
 * examples. */
void sgd_choose_run(sgd *s);
cusgd_status sgd_choose_optimizer(sgd *s);
/* Whether updates of these sparse rows may be lazy. */
int sgd_may_wait(const run_spec *spec, const cusgd_options *o);
void sgd_close(sgd *s);

/* fit.c: cusgd_trainer_fit. */
cusgd_status sgd_fit(sgd *s, cusgd_callback callback, void *user, cusgd_result *result);

/* steps.c: cusgd_trainer_step; *total: of the steps. */
cusgd_status sgd_step(sgd *s, int64_t steps, steps_report *total);
/* The problem has other rows: an epoch of them begins, and none of the parameters kept so far are the best on them. */
void sgd_rebind(sgd *s);
/* What a step does with its gradient, and its rate. */
step_numbers sgd_numbers(const sgd *s, int64_t step);
double sgd_rate_at(const sgd *s, int64_t step);
/* The epoch under way is over. */
void sgd_next_epoch(sgd *s);
/* The steps of a slice, where each reads `bytes` of x (at least 1). */
int64_t slice_steps(int64_t bytes, int is_host);

/* ---- A fit while it runs ---- */

typedef struct fit {
    monitor m;
    int64_t safe_epoch, evaluated_step, rollbacks, first_step; /* as an sgd_position has them */
    int under_way;
    steps_report epoch; /* of the epoch under way */
    int cancelled;      /* 1: the latest epoch was ended by a cancellation */
    int defers;         /* 1: cancellations wait for the end of an epoch's evaluation, so that its state is whole */
} fit;

/* position.c: calls back when the fit can be saved. */
void fit_offer(sgd *s, const fit *f);
/* Where it is saved: what was given to the device is done, and s->run->fit says where the fit stands then. */
cusgd_status fit_settle(sgd *s);
/* Goes on with the fit in s->run->fit; `stale`: what the run had before monitor_begin(). */
void fit_resume(sgd *s, fit *f, int64_t stale);
/* steps.c: takes steps until `limit` of them are done, the epoch ends, one fails or somebody cancels; adds to *total. f: the fit,
 * which can be saved between slices; NULL: there is none. */
cusgd_status sgd_run_steps(sgd *s, const fit *f, int64_t limit, steps_report *total);
/* Waits for all that was given, counts it and adds it to *total. */
cusgd_status sgd_count_steps(sgd *s, steps_report *total);
/* result.c: what comes after the epochs, and no interruption leaves out: the result, what is said of it, and what is kept of a
 * failure, which `status` is of. */
cusgd_status fit_end(sgd *s, fit *f, cusgd_status status, cusgd_result *result);

/* watch.c: evaluates the parameters of a snapshot by full passes over the training rows and, where there are any, the validation
 * rows. */
cusgd_status watch_evaluate(sgd *s, enum snapshot snapshot, int with_gradient, fit *f);
/* Copies the current parameters to AREA_BEST, whatever their score. */
cusgd_status watch_keep_current(sgd *s);
/* Copies them if `score` is below that of AREA_BEST. `objective` is their training objective, or NaN. */
cusgd_status watch_keep_best(sgd *s, double score, double objective);
/* Applies the stopping rules, and the schedule `plateau`, after an evaluation. */
void watch_judge(sgd *s, fit *f);
/* Whether a mean loss is so bad that the run cannot go on from there. */
int watch_loss_is_bad(const sgd *s, double loss);
/* Whether the objective has risen above the best one by more than noise explains. */
int watch_has_risen(const sgd *s, const fit *f);
/* Whether even the best parameters are worse than the intercept-only model, where a lower rate can be tried. */
int watch_is_worse_than_null(const sgd *s);
/* Advice where more steps are needed: full-batch solvers only for losses that they take. */
const char *watch_more_epochs(const sgd *s);
/* What may make a result better that is worse than the intercept-only model. */
const char *watch_advice(const sgd *s);

/* divergence.c: fails with DIVERGED, at the step and the rate that the run stands at. */
cusgd_status fit_diverged(const sgd *s, double rate);

#endif
