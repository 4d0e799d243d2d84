/* A training run: a problem, the options that it is trained by, the parameters' state on the device, and where the run stands.
 * Both kinds of methods, sgd/ and solvers/, work on one. */
#ifndef CUSGD_HOST_RUN_RUN_H
#define CUSGD_HOST_RUN_RUN_H

#include "interrupt.h"
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
    enum snapshot result;  /* where the result lies: SNAPSHOT_CURRENT, SNAPSHOT_BEST, or SNAPSHOT_EPOCH after steps of its own */
    double kept_objective; /* the training objective of what AREA_BEST holds; NaN: unknown */
    double kept;           /* what AREA_BEST scores: the validation loss, or the training objective; infinite: nothing kept yet */
    int64_t kept_epoch;    /* the epoch at whose end it was, */
    int64_t kept_step;     /* and the step */
    double best;           /* the lowest score so far, for patience: also of parameters that were not kept */
    int64_t stale;         /* evaluations in a row that did not improve on it */
    double last[3];        /* objectives of the latest evaluations, newest first; NaN: none */
    int unfinished;        /* 1: no fit of the solver has converged yet, or not the last one */
    int chose_rate;        /* 1: solver gd has chosen the option rate, in a fit */
    int was_cancelled;     /* 1: a solver's last fit; its model has no standard errors, as it is no optimum */
} run_position;

/* How good some parameters are, in the units of the bound targets. */
typedef struct evaluation {
    double loss, objective; /* on the training rows */
    double gradient;        /* |gradient| as a share of the intercept-only model's; NaN: not asked for */
    double valid;           /* the validation loss; NaN: there are no validation rows */
} evaluation;

/* Where a fit stands between two steps or iterations: with the run's position, the device's state and a solver's vectors all that
 * it takes to go on with it. No pointers, like that. */
typedef struct sgd_position {
    int64_t safe_epoch;             /* the epoch at whose end SNAPSHOT_EPOCH was copied */
    int64_t evaluated_step;         /* the step at which the current parameters were last evaluated; -1: never */
    int64_t rollbacks;              /* epochs undone, and returns to the best parameters */
    int64_t first_step;             /* of the epoch under way */
    int64_t epoch_rows, epoch_done; /* the report of its steps so far, */
    double epoch_loss;
    int epoch_failed;
    int under_way; /* 1: inside an epoch, or at its end before its evaluation */
} sgd_position;

enum { SOLVER_NUMBERS = 2 };
typedef struct solver_position {
    int64_t first, best_iteration, least_iterations, result; /* as in `iterates` (solvers/solver.h) */
    int64_t passes;
    double least_f, f, gradient, step;
    double number[SOLVER_NUMBERS]; /* the method's own */
} solver_position;

typedef struct fit_position {
    int64_t epochs, rows; /* as the monitor counts them */
    evaluation now;       /* the latest one */
    sgd_position sgd;     /* of these two the one that is not in use is zeros */
    solver_position solver;
} fit_position;

/* The vectors of a solver's fit: [x | g], [least | least_g], the best on validation data, what the method keeps. */
enum { VECTOR_ITERATE, VECTOR_LEAST, VECTOR_BEST, VECTOR_METHOD, FIT_VECTORS };
typedef struct fit_vector {
    const double *values; /* NULL: there are none */
    int64_t count;
} fit_vector;

/* Whom the fit calls where it can be saved, and what is saved then. */
typedef struct fit_state {
    cusgd_checkpoint_callback callback; /* NULL: nobody */
    void *user;
    cusgd_trainer *trainer; /* whose the run is */
    int is_whole; /* 1: `at` and `vector` are those of the fit whose callback runs, or of one that was loaded, with which
                     the next fit goes on */
    fit_position at;
    fit_vector vector[FIT_VECTORS];
    double *loaded; /* the vectors of one that was loaded; else NULL */
} fit_state;

typedef struct run {
    cusgd_options *options; /* the trainer's, every choice made */
    problem *problem;
    run_spec spec; /* what the device was given */
    run_position at;
    int by_tolerance, by_gradient; /* which stopping rules are on */
    double aim;                    /* the gradient tolerance to which lbfgs goes on from the options'; NaN: it does not */
    double *theta, *gradient;      /* (d+1) x k: work */
    double *start, start_loss;     /* (d+1) x k: where the run starts, and its loss; NaN: not needed */
    double given;                  /* the objective at coefficients that the run was given to start from; NaN: none */
    double *best;                  /* (d+1) x k: what AREA_BEST holds of it, on the host, in case the device fails */
    int lost;                      /* 1: the device failed in a fit, `best` is the result; 2: a reset failed, there is no run */
    const double *shown;           /* (d+1) x k: while a solver's callback runs its iterate, which no snapshot holds; else NULL */
    fit_state fit;                 /* a fit that can be saved, or was loaded */
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

/* Whether the call in progress is to end: where the run is at work, not deferred, and its flag is watched. Of several processes
 * all say the same. */
static inline int run_is_cancelled(const run *r)
{
    int alone = !(r->problem->backend && r->problem->backend->world);
    return (alone && r->cancelled) || interrupt_asked();
}

/* An error if the device has failed in a fit, as what lies on it cannot be relied on. */
cusgd_status run_check_device(const run *r);

/* Calls the callback: the fit in r->fit can be saved: `epochs` of it are done, and `step` steps of the run. */
void run_offer(run *r, int64_t epochs, int64_t step);
/* Whether the work between two places where the fit can be saved must be completed: one of several processes may save it. */
static inline int run_is_saved(const run *r)
{
    return r->fit.callback != NULL || (r->problem->backend && r->problem->backend->world);
}
/* There is no fit to go on with. */
void run_forget_fit(run *r);

/* theta, (d+1) x k, of a snapshot, in the coordinates of the bound data; after a failure of the device `best` for
 * every snapshot, and in a solver's callback its iterate. */
cusgd_status run_theta(const run *r, enum snapshot snapshot, double *theta);
cusgd_status run_put(const run *r, enum snapshot snapshot, const double *theta); /* likewise, of the average too */
cusgd_status run_copy(const run *r, enum snapshot to, enum snapshot from);

#endif
