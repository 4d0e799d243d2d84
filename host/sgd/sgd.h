/* Training by minibatch steps: auto.c chooses the options that are not set, steps.c runs the steps, watch.c evaluates their
 * results, fit.c continues or returns to earlier parameters, and result.c chooses the result. */
#ifndef CUSGD_HOST_SGD_SGD_H
#define CUSGD_HOST_SGD_SGD_H

#include "run/monitor.h"

typedef struct sgd {
    run *run;
    problem *problem; /* the problem of the run */
    rate_schedule schedule;
    double eccentricity;   /* eccentricity of the average */
    double lipschitz;      /* bound on the second derivative of the objective without l2; NaN: not computed */
    double *rate_factor;   /* (d+1) x k: the rate factor of each parameter; NULL: 1 */
    int given_t0;          /* 1: t0 was given and determines the rate of time-decay */
    int retreats;          /* 1: the library chose the rate, so that epochs that go wrong are undone */
    int64_t batches;       /* number of batches of an epoch */
    int64_t slice;         /* number of steps to submit at a time; 0: slice_steps() */
    char device_note[512]; /* the note of the device on how steps ran; "" if none */
    steps_report *counted; /* the report of the current epoch, to which slices that were submitted must be added */
    int64_t given;         /* the next batch of that epoch to submit */
    cusgd_status counting; /* the status of adding them when the fit was saved */
} sgd;

/* auto.c. sgd_choose_run() chooses the batch, the epochs and the stopping rules; sgd_choose_optimizer() then chooses the
 * optimizer, rate, momentum, rate factors and average, from the uploaded examples. */
void sgd_choose_run(sgd *s);
cusgd_status sgd_choose_optimizer(sgd *s);
/* Returns whether updates may be lazy for these sparse rows. */
int sgd_may_wait(const run_spec *spec, const cusgd_options *o);
void sgd_close(sgd *s);

/* fit.c. See cusgd_trainer_fit(). */
cusgd_status sgd_fit(sgd *s, cusgd_callback callback, void *user, cusgd_result *result);

/* steps.c. See cusgd_trainer_step(). *total: the report of the steps. */
cusgd_status sgd_step(sgd *s, int64_t steps, steps_report *total);
/* To be called after the rows of the problem were replaced: begins an epoch, and forgets the best parameters. */
void sgd_rebind(sgd *s);
/* Returns the numbers of a step, and its rate. */
step_numbers sgd_numbers(const sgd *s, int64_t step);
double sgd_rate_at(const sgd *s, int64_t step);
/* Ends the current epoch. */
void sgd_next_epoch(sgd *s);
/* Returns the number of steps of a slice, where each step reads `bytes` of x (at least 1). */
int64_t slice_steps(int64_t bytes, int is_host);

/* ---- A fit while it runs ---- */

typedef struct fit {
    monitor m;
    int64_t safe_epoch, evaluated_step, rollbacks, first_step; /* as in sgd_position */
    int under_way;
    steps_report epoch; /* report of the current epoch */
    int cancelled;      /* 1: a cancellation ended the latest epoch */
    int defers;         /* 1: cancellations are deferred to the end of the evaluation of an epoch, so that the state is
                         * consistent */
} fit;

/* position.c. Calls the callback for checkpoints, when the fit can be saved. */
void fit_offer(sgd *s, const fit *f);
/* Waits for the submitted steps and stores the position of the fit in s->run->fit, to save it. */
cusgd_status fit_settle(sgd *s);
/* Continues the fit in s->run->fit. stale: the count that the run had before monitor_begin(). */
void fit_resume(sgd *s, fit *f, int64_t stale);
/* steps.c. Runs steps until `limit` of them are done, the epoch ends, a step fails or the run is canceled, and adds their report
 * to *total. f: the fit, which can be saved between slices; NULL: there is none. */
cusgd_status sgd_run_steps(sgd *s, const fit *f, int64_t limit, steps_report *total);
/* Waits for all submitted steps and adds their report to *total. */
cusgd_status sgd_count_steps(sgd *s, steps_report *total);
/* result.c. Ends a fit after its last epoch, also after an interruption: chooses the result, describes it, and after a failure,
 * which `status` is, keeps what can be kept. */
cusgd_status fit_end(sgd *s, fit *f, cusgd_status status, cusgd_result *result);

/* watch.c. Evaluates the parameters of a snapshot by full passes over the training rows and the validation rows, if there are
 * any. */
cusgd_status watch_evaluate(sgd *s, enum snapshot snapshot, int with_gradient, fit *f);
/* Copies the current parameters to SNAPSHOT_BEST, whatever their score is. */
cusgd_status watch_keep_current(sgd *s);
/* Copies them if `score` is below that of SNAPSHOT_BEST. objective: their training objective, or NaN. */
cusgd_status watch_keep_best(sgd *s, double score, double objective);
/* Applies the stopping rules, and the schedule `plateau`, after an evaluation. */
void watch_judge(sgd *s, fit *f);
/* Returns whether a mean loss is so large that the run cannot continue from there. */
int watch_loss_is_bad(const sgd *s, double loss);
/* Returns whether the objective exceeds the best one by more than noise explains. */
int watch_has_risen(const sgd *s, const fit *f);
/* Returns whether the best parameters are worse than the intercept-only model and a lower rate can be tried. */
int watch_is_worse_than_null(const sgd *s);
/* Returns advice for runs that need more steps; it names full-batch solvers only for losses that they support. */
const char *watch_more_epochs(const sgd *s);
/* Returns advice for a result that is worse than the intercept-only model. */
const char *watch_advice(const sgd *s);

/* divergence.c. Fails with DIVERGED; the message has the current step of the run and its rate. */
cusgd_status fit_diverged(const sgd *s, double rate);

#endif
