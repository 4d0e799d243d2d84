/* The progress of a method, whichever it is: losses and scores, patience, the callback, the result. */
#ifndef CUSGD_HOST_RUN_MONITOR_H
#define CUSGD_HOST_RUN_MONITOR_H

#include "run.h"

/* One fit while it runs. What must outlast it stands in the run's position. */
typedef struct monitor {
    run *run;
    cusgd_callback callback;
    void *user;
    double begun, working; /* seconds: the time at its start; the time spent in steps or iterations */
    int64_t epochs, rows;  /* in this fit: epochs or iterations run, rows visited */
    evaluation now;        /* the latest one */
    int64_t result_epoch;  /* the epoch that the result is from */
    cusgd_stop stop;       /* NONE: go on */
} monitor;

/* A fit begins. Patience goes on from where the last fit left it, so that a run that was interrupted ends where it would have
 * ended; only if it was used up it begins anew, as who calls again wants the run to go on. */
void monitor_begin(monitor *m, run *r, cusgd_callback callback, void *user);

/* The validation loss at theta, into m->now. */
cusgd_status monitor_validate(monitor *m, const double *theta);
/* What decides which parameters are the best: the validation loss if there are validation rows, else the training objective. */
double monitor_score(const monitor *m);
/* Counts an evaluation that was no improvement on the best score so far. An improvement is more than the tolerance's share of the
 * best score's distance to the loss's lower bound, which is not 0 for losses with a logarithmic link. */
void monitor_count(monitor *m, double score);
/* Applies the stopping rules; `flat`: the gradient is small enough. */
void monitor_judge(monitor *m, int flat);

/* Calls the callback; 1: it wants the run to end. */
int monitor_tell(const monitor *m, int64_t step, double loss, int evaluated, double rate);
/* What is known of the result, into *result: all but `rollbacks` and what monitor_compare() finds. */
void monitor_result(const monitor *m, double rate, cusgd_result *result);
/* Whether the result's training loss is above the intercept-only model's, beyond rounding. */
cusgd_status monitor_compare(const monitor *m, int *worse);
/* The same into *result, whether it has converged, and if it is worse a note, unless there is one, with `advice`. */
cusgd_status monitor_tell_compared(const monitor *m, const char *advice, cusgd_result *result);

#endif
