/* A training run: a problem, the options of its training, the state of the optimizer on the device, and the position that the run
 * has reached. The methods in sgd/ and solvers/ both work on a run. */
#ifndef CUSGD_HOST_RUN_RUN_H
#define CUSGD_HOST_RUN_RUN_H

#include "interrupt.h"
#include "problem/problem.h"

/* The position of a run. With the state on the device and the resolved options, it is all that is needed to continue. It has no
 * pointers, so that it can be written to a file as it is. */
typedef struct run_position {
    int64_t step, epoch;   /* steps taken; epochs completed. An iteration of a solver counts as both */
    int64_t epoch_index;   /* number of epochs begun before this one, including undone ones; determines the order of rows */
    int64_t batch;         /* the next batch of the current epoch */
    int64_t average_from;  /* the step after which the average starts: that of the option, or of the latest return to the best
                            * parameters */
    double rate_scale;     /* 4^-(number of undone epochs) */
    double plateau_scale;  /* the factor of the schedule `plateau` on the rate */
    double plateau_best;   /* the best score that the schedule `plateau` has seen */
    int64_t plateau_stale; /* number of evaluations since that score */
    enum snapshot result;  /* the snapshot with the result: SNAPSHOT_CURRENT, SNAPSHOT_BEST, or SNAPSHOT_EPOCH after proximal
                            * steps */
    double kept_objective; /* the training objective of SNAPSHOT_BEST; NaN: unknown */
    double kept;           /* the score of SNAPSHOT_BEST, validation loss or training objective; infinite: it is empty */
    int64_t kept_epoch;    /* the epoch at whose end SNAPSHOT_BEST was kept */
    int64_t kept_step;     /* the step at which it was kept */
    double best;           /* the lowest score so far, for patience, including parameters that were not kept */
    int64_t stale;         /* number of consecutive evaluations that did not improve on it */
    double last[3];        /* objectives of the last evaluations, latest first; NaN: none */
    int unfinished;        /* 1: the last fit of the solver has not converged, or there was none */
    int chose_rate;        /* 1: solver gd has chosen the option `rate` during a fit */
    int was_cancelled;     /* 1: the last fit of a solver was canceled; its model has no standard errors, because it is not an
                            * optimum */
} run_position;

/* The evaluation of parameters, in the units of the transformed targets. */
typedef struct evaluation {
    double loss, objective; /* of the training rows */
    double gradient;        /* |gradient| relative to that of the intercept-only model; NaN: not computed */
    double valid;           /* the validation loss; NaN: there are no validation rows */
} evaluation;

/* The position of a fit between two steps or iterations. With the position of the run, the state on the device and the vectors of
 * a solver, it is all that is needed to continue the fit. It has no pointers either. */
typedef struct sgd_position {
    int64_t safe_epoch;             /* the epoch at whose end SNAPSHOT_EPOCH was copied */
    int64_t evaluated_step;         /* the step of the last evaluation of the current parameters; -1: none */
    int64_t rollbacks;              /* number of undone epochs and of returns to the best parameters */
    int64_t first_step;             /* the first step of the current epoch */
    int64_t epoch_rows, epoch_done; /* its rows and steps so far */
    double epoch_loss;
    int epoch_failed;
    int under_way; /* 1: in an epoch, or at its end before its evaluation */
} sgd_position;

enum { SOLVER_NUMBERS = 2 };
typedef struct solver_position {
    int64_t first, best_iteration, least_iterations, result; /* as in the struct iterates (solvers/solver.h) */
    int64_t passes;
    double least_f, f, gradient, step;
    double number[SOLVER_NUMBERS]; /* numbers of the solver */
} solver_position;

typedef struct fit_position {
    int64_t epochs, rows; /* counted by the monitor */
    evaluation now;       /* the latest one */
    sgd_position sgd;     /* the one of these two that is not used is zero */
    solver_position solver;
} fit_position;

/* The vectors of the fit of a solver: [x | g], [least | least_g], the best parameters on validation data, and the vectors of the
 * method. */
enum { VECTOR_ITERATE, VECTOR_LEAST, VECTOR_BEST, VECTOR_METHOD, FIT_VECTORS };
typedef struct fit_vector {
    const double *values; /* NULL: there are none */
    int64_t count;
} fit_vector;

/* The callback of a fit for checkpoints, and what a checkpoint saves. */
typedef struct fit_state {
    cusgd_checkpoint_callback callback; /* NULL: none */
    void *user;
    cusgd_trainer *trainer; /* the owner of the run */
    int is_whole; /* 1: `at` and `vector` are set: in the callback of a fit, or after a fit was loaded, which the next fit
                   * continues */
    fit_position at;
    fit_vector vector[FIT_VECTORS];
    double *loaded; /* the vectors of a fit that was loaded; else NULL */
} fit_state;

typedef struct run {
    cusgd_options *options; /* the options of the trainer, all chosen */
    problem *problem;
    run_spec spec; /* the run spec that the device has */
    run_position at;
    int by_tolerance, by_gradient; /* whether each of the stopping rules is used */
    double aim;                    /* the gradient tolerance to which lbfgs continues after that of the options; NaN: it does
                                    * not */
    double *theta, *gradient;      /* (d+1) x k: work */
    double *start, start_loss;     /* (d+1) x k: the starting point, and its loss; NaN: not needed */
    double given;                  /* the objective at starting coefficients that the caller gave; NaN: none */
    double *best;                  /* (d+1) x k: theta of SNAPSHOT_BEST in host memory, in case the device fails */
    int lost;                      /* 1: the device failed in a fit, and `best` is the result; 2: a reset failed, and there is no
                                    * run */
    const double *shown;           /* (d+1) x k: the iterate of a solver during its callback, which is in no snapshot; else
                                    * NULL */
    fit_state fit;                 /* the fit that can be saved or was loaded */
    int busy;                      /* 1: a fit runs, and its callback must not begin another */
    double minimum, min_seconds;   /* the minimum of the objective and the time to find it; NaN: not computed yet */
    _Atomic int cancelled;
} run;

/* Fails if the device refuses a run with these options. To be called before data is uploaded. Errors: USAGE, DEVICE. */
cusgd_status run_check_spec(const cusgd_options *options, const problem *p, const backend *b);
/* Allocates the parameters. run_close() frees them, also after a failure. */
cusgd_status run_open(run *r, cusgd_options *options, problem *p);
void run_close(run *r);
/* Resets the optimizer to the start of the run. */
cusgd_status run_begin(run *r);

/* Returns whether the call in progress shall end. To be called while the run computes, interruptions are not deferred, and its
 * flag is watched. In a world, the result is the same on all ranks. */
static inline int run_is_cancelled(const run *r)
{
    int alone = !(r->problem->backend && r->problem->backend->world);
    return (alone && r->cancelled) || interrupt_asked();
}

/* Fails if the device has failed in a fit, because its memory may then be invalid. */
cusgd_status run_check_device(const run *r);

/* Calls the callback for checkpoints, which can save the fit in r->fit. epochs, step: the epochs that this fit has completed, and
 * the steps of the run. */
void run_offer(run *r, int64_t epochs, int64_t step);
/* Returns whether the fit may be saved, so that the work between two places where it can be saved must be completed. In a world
 * another rank may save it. */
static inline int run_is_saved(const run *r)
{
    return r->fit.callback != NULL || (r->problem->backend && r->problem->backend->world);
}
/* Forgets the fit that was saved or loaded, so that the next one starts anew. */
void run_forget_fit(run *r);

/* Gets theta, (d+1) x k, of a snapshot, in the coordinates of the device dataset. After a failure of the device it is `best` for
 * all snapshots, and in the callback of a solver its iterate. */
cusgd_status run_theta(const run *r, enum snapshot snapshot, double *theta);
cusgd_status run_put(const run *r, enum snapshot snapshot, const double *theta); /* sets theta and the average likewise */
cusgd_status run_copy(const run *r, enum snapshot to, enum snapshot from);

#endif
