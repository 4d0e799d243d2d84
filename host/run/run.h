/* A training run: a problem, the options that it is trained by, the parameters' state on the device, and where the run stands.
 * Both kinds of methods, sgd/ and solvers/, work on one. */
#ifndef CUSGD_HOST_RUN_RUN_H
#define CUSGD_HOST_RUN_RUN_H

#include "problem/problem.h"

/* Where a run stands: with the device's state and the resolved options all that it takes to go on from here. No pointers: it can
 * be written as it is. */
typedef struct run_position {
    int64_t step, epoch;   /* taken; completed. A solver's iterations count as both */
    int64_t epoch_index;   /* epochs begun before this one, undone ones too: what the order of rows depends on */
    int64_t batch;         /* the next one of the epoch under way */
    int64_t average_from;  /* the step after which the average starts: the option's, or that of the latest return to the best */
    double rate_scale;     /* 4^-(epochs undone) */
    double plateau_scale;  /* what plateaus have left of the rate */
    double plateau_best;   /* the score that has to be beaten, */
    int64_t plateau_stale; /* and the evaluations since */
    enum snapshot result;  /* where the result lies: AREA_CURRENT, AREA_BEST, or AREA_EPOCH after steps of its own */
    double kept_objective; /* the training objective of what AREA_BEST holds; NaN: unknown */
    double kept;           /* what AREA_BEST scores: the validation loss, or the training objective; infinite: nothing kept yet */
    int64_t kept_epoch;    /* the epoch at whose end it was, */
    int64_t kept_step;     /* and the step */
    double best;           /* the lowest score so far, for patience: also of parameters that were not kept */
    int64_t stale;         /* evaluations in a row that did not improve on it */
    double last[3];        /* objectives of the latest evaluations, newest first; NaN: none */
    int unfinished;        /* 1: no fit of the solver has converged yet, or not the last one */
    int was_cancelled;     /* 1: a solver's last fit; its model has no standard errors, as it is no optimum */
} run_position;

typedef struct run {
    cusgd_options *options; /* the trainer's, every choice made */
    problem *problem;
    run_spec spec; /* what the device was told */
    run_position at;
    int by_tolerance, by_gradient; /* which stopping rules are on */
    double *theta, *gradient;      /* (d+1) x k: work */
    double *start, start_loss;     /* (d+1) x k: where the run starts, and its loss; NaN: not needed */
    double given;                  /* the objective at coefficients that the run was given to start from; NaN: none */
    double *best;                  /* (d+1) x k: what AREA_BEST holds of it, on the host, in case the device fails */
    int lost;                      /* 1: the device failed in a fit, `best` is the result; 2: a reset failed, there is no run */
    const double *shown;           /* (d+1) x k: while a solver's callback runs its iterate, which no snapshot holds; else NULL */
    int busy;                      /* 1: a fit is at work, so that its callback must not begin another */
    double minimum, min_seconds;   /* the least objective and what finding it took; NaN: nobody has asked yet */
    _Atomic int cancelled;
} run;

/* Fails where the device refuses a run by these options; asked before anything is brought there. Error: USAGE, DEVICE. */
cusgd_status run_check_spec(const cusgd_options *options, const problem *p, const backend *b);
/* Takes room for the parameters; run_close() frees it whatever is returned. */
cusgd_status run_open(run *r, cusgd_options *options, problem *p);
void run_close(run *r);
/* Puts the optimizer at the run's start, afresh. */
cusgd_status run_begin(run *r);

/* An error if the device has failed in a fit, as what lies on it cannot be relied on. */
cusgd_status run_check_device(const run *r);

/* theta, (d+1) x k, of a snapshot, in the coordinates of the bound data; after a failure of the device `best` for
 * every snapshot, and in a solver's callback its iterate. */
cusgd_status run_theta(const run *r, enum snapshot snapshot, double *theta);
cusgd_status run_put(const run *r, enum snapshot snapshot, const double *theta); /* likewise, of the average too */
cusgd_status run_copy(const run *r, enum snapshot to, enum snapshot from);

#endif
