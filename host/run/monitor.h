/* The progress of a fit by any method: losses and scores, patience, the callback, and the result. */
#ifndef CUSGD_HOST_RUN_MONITOR_H
#define CUSGD_HOST_RUN_MONITOR_H

#include "run.h"

/* The state of a fit while it runs. What must remain after the fit is in run_position. */
typedef struct monitor {
    run *run;
    cusgd_callback callback;
    void *user;
    double begun, working; /* seconds: the time at the start of the fit; the time spent in steps or iterations */
    int64_t epochs, rows;  /* in this fit: number of epochs or iterations, and of rows used */
    evaluation now;        /* the latest evaluation */
    int64_t result_epoch;  /* the epoch at whose end the result was reached */
    cusgd_stop stop;       /* NONE: the fit continues */
} monitor;

/* Begins a fit. The count of evaluations without improvement continues from the previous fit, so that a run that was interrupted
 * ends at the same place as without the interruption. If patience is used up, the count is reset, because a further call means
 * that the run shall continue. */
void monitor_begin(monitor *m, run *r, cusgd_callback callback, void *user);

/* Computes the validation loss at theta into m->now. */
cusgd_status monitor_validate(monitor *m, const double *theta);
/* Returns the score by which parameters are compared: the validation loss if there are validation rows, otherwise the training
 * objective. */
double monitor_score(const monitor *m);
/* Counts the evaluation if it did not improve on the best score so far. An improvement must exceed the tolerance times the
 * distance of the best score from the lower bound of the loss, which is not 0 for losses with a log link. */
void monitor_count(monitor *m, double score);
/* Applies the stopping rules. flat: 1 if the gradient is small enough. */
void monitor_judge(monitor *m, int flat);

/* Calls the callback. Returns 1 if it ends the run. */
int monitor_tell(const monitor *m, int64_t step, double loss, int evaluated, double rate);
/* Sets all members of *result except `rollbacks` and those that monitor_compare() computes. */
void monitor_result(const monitor *m, double rate, cusgd_result *result);
/* Sets *worse to whether the training loss of the result exceeds that of the intercept-only model by more than rounding
 * errors. */
cusgd_status monitor_compare(const monitor *m, int *worse);
/* Sets the same in *result, and whether the fit has converged; if the result is worse, adds a note with `advice` unless there is
 * a note already. */
cusgd_status monitor_tell_compared(const monitor *m, const char *advice, cusgd_result *result);

#endif
