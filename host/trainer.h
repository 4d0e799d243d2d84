/* The trainer's parts: trainer.c makes it, fit.c runs it, auto.c makes the choices left open, metrics.c measures. */
#ifndef CUSGD_HOST_TRAINER_H
#define CUSGD_HOST_TRAINER_H

#include "backend.h"

typedef double real; /* above the seam all is double */
#include "scalar/loss.h"
#include "scalar/update.h"

struct cusgd_trainer {
    cusgd_options options; /* every choice made */
    backend backend;
    plan plan;
    const cusgd_data *data;       /* the training data */
    const cusgd_data *valid_data; /* or NULL */
    examples train_rows, valid_rows;
    int64_t *train_index, *valid_index; /* rows when a share was held out, ascending; NULL otherwise */
    bound *train, *valid;               /* valid: NULL where there is none */
    transform transform;
    double *mean, *scale, *shift; /* d, d, k: the transform's; scale 1, mean and shift 0 where it is off */
    double *null;                 /* k: the best constant prediction, in the coordinates of the bound targets */
    double *spread;               /* k: the scale of what it leaves, for losses of real numbers but quadratic ones; else 1 */
    double steepest;              /* the loss's second derivative: its bound, or one to choose rates by */
    double floor;                 /* the least mean loss that there could be, below 0 for log links */
    int minus;                    /* 1: classes are -1 and 1 */
    double unit;                  /* the targets are bound in this unit, a power of two: see magnitude.c */
    double loss_unit;             /* unit^2: losses in the units of the data are this times those of the bound examples */
    double *scaled[2];            /* copies of the training and validation targets in that unit; NULL where it is 1 */
    double *rms;                  /* d: sqrt(E x^2) in the data's units, for messages */
    double *limit[3];             /* (d+1) x k: factors on the penalties, bounds on theta; NULL: 1, none */
    double *metric;               /* (d+1) x k: each parameter's share of the rate; NULL: 1 */
    double *theta, *gradient;     /* (d+1) x k: work */
    rate_schedule schedule;
    double eccentricity;             /* of the average */
    double lipschitz;                /* bound on the objective's second derivative, without l2; NaN: not needed, not computed */
    int given_t0;                    /* 1: the rate of time-decay follows from a t0 that was given */
    int retreats;                    /* 1: the rate is the library's own, so an epoch that goes wrong is undone */
    int by_tolerance, by_gradient;   /* which stopping rules are on */
    double null_loss, null_gradient; /* objective's and norm's at the best constant model; NaN: not needed */
    double least, least_seconds;     /* the least objective and what finding it took; NaN: nobody has asked yet */
    double *start, start_loss;       /* (d+1) x k: where the run starts, and its loss; NaN: not needed */

    /* Where the run stands. */
    int64_t batches;       /* of an epoch */
    int64_t step, epoch;   /* taken; completed */
    int64_t epoch_index;   /* epochs begun before this one, undone ones too: what the order of rows depends on */
    int64_t batch;         /* the next one of the epoch under way */
    int64_t slice;         /* steps that the device is given at a time; 0: slice_steps() */
    double rate_scale;     /* 4^-(epochs undone) */
    double plateau_scale;  /* what plateaus have left of the rate */
    double plateau_best;   /* the score that has to be beaten, */
    int64_t plateau_stale; /* and the evaluations since */
    enum area result;      /* where the result lies: AREA_CURRENT, AREA_BEST, or AREA_EPOCH after steps of its own */
    int64_t average_from;  /* the step after which the average starts: the option's, or that of the latest return to the best */
    double kept_objective; /* the training objective of what AREA_BEST holds; NaN: unknown */
    double kept;           /* what AREA_BEST scores: the validation loss, or the training objective; infinite: nothing kept yet */
    int64_t kept_epoch;    /* the epoch at whose end it was, */
    int64_t kept_step;     /* and the step */
    int unfinished;        /* 1: no fit of the solver has converged yet, or not the last one */
    int separated;         /* 1: no finite optimum exists (separation.c); 0: one exists, or it is not known; -1: not looked at */
    char announcement[256]; /* what a solver says before a long run; "" if nothing */
    char separation[512];   /* what there is to say then */
    double *best;           /* (d+1) x k: what AREA_BEST holds of it, on the host, in case the device fails */
    char device_note[512];  /* what the device said of how steps ran; "" if nothing */
    int lost;               /* 1: the device failed in a fit; `best` is the result */
    _Atomic int cancelled;
    int was_cancelled; /* 1: a solver's last fit; its model has no standard errors, as it is no optimum */
};

/* Of theta and all that is shaped like it, in double. */
static inline size_t theta_bytes(const cusgd_trainer *t) { return sizeof(double) * (size_t)((t->plan.d + 1) * t->plan.k); }

/* holdout.c: chooses the rows of training and validation by the seed. Errors: USAGE, DATA (a share without weight), INTERRUPTED.
 */
cusgd_status hold_out(cusgd_trainer *t);
/* auto.c: the batch, the epochs and the stopping rules, before anything is bound. */
void choose_run(cusgd_trainer *t);
/* solvers/solver.c: the same for a full-batch method, and which one where that is left open; and its fit. */
void solver_choose(cusgd_trainer *t);
cusgd_status solver_fit(cusgd_trainer *t, cusgd_callback callback, void *user, cusgd_result *result);
/* solvers/inference.c: standard errors in the data's units, k x (d + 1), the intercepts' last, malloc'd; NULL where there are
 * none, and *missing is then the reason (static). *freedom: degrees of freedom of their t distribution; 0: they are a normal
 * one's. */
cusgd_status trainer_errors(cusgd_trainer *t, double **errors, int64_t *freedom, const char **missing);
/* solvers/separation.c: for losses whose optimum may be at infinity, whether it is (t->separated; looked at once); then *note is
 * what there is to say, else it stays. theta: (d+1) x k, the result. */
cusgd_status trainer_separation(cusgd_trainer *t, const double *theta, char *note, size_t room);
/* auto.c: optimizer, rate, momentum, metric and average, from the bound examples. */
cusgd_status choose_optimizer(cusgd_trainer *t);

/* curvature.c: lambda and R of the examples with columns scaled by `scale` (d; NULL: 1); d doubles of work at c. */
cusgd_status curvature_of(cusgd_trainer *t, const double *scale, double *c, double *lambda, double *noise);
/* The parts of it: lambda and what of R a sample of the rows shows; and c_j = E[w^2 |z|^2 z_j^2] / E[w z_j^2] of each column, 0
 * for empty ones, and E[w^2 |z|^4] / E[w |z|^2]. */
cusgd_status sample_curvature(cusgd_trainer *t, const double *scale, double *lambda, double *noise);
cusgd_status column_noise(cusgd_trainer *t, const double *scale, double *c, double *trace);

/* trainer.c: an error if the device has failed in a fit, as what lies on it cannot be relied on. */
cusgd_status trainer_check_device(const cusgd_trainer *t);
/* trainer.c: an error if a file of the data has become shorter, so that what was computed since may be of zeros. */
cusgd_status trainer_check_data(const cusgd_trainer *t);
/* magnitude.c: chooses the targets' unit, before anything is bound. Error: DATA, for targets that the precision cannot hold. */
cusgd_status scale_targets(cusgd_trainer *t);
/* targets.c: null of losses whose best constant is not the mean's link; spread and steepest; the range of auto's exponentials. */
cusgd_status study_targets(cusgd_trainer *t);
/* Where there are offsets: what loss_best_constant() makes the best constant beside them of, k values;
 * NaN: it overflows. */
void targets_beside_offsets(const cusgd_trainer *t, double *mean);
double targets_floor(const cusgd_trainer *t);

/* theta (d+1) x k of the result, in the coordinates of the bound data; after the device's failure `best`, whatever the area. */
cusgd_status trainer_theta(cusgd_trainer *t, enum area area, double *theta);
/* The objective at theta: data loss, and in full with penalties; gradient of the data loss may be NULL. */
cusgd_status trainer_objective(cusgd_trainer *t, const bound *b, const double *theta, double *loss, double *objective,
                               double *gradient);
/* The loss that is reported, in the units of the data, for a mean over rows of losses that are summed over outputs. */
double trainer_reported(const cusgd_trainer *t, double loss);
/* The best constant model, in the same coordinates. */
void trainer_null(const cusgd_trainer *t, double *theta);
/* The factor on parameter u's penalties; theta brought into its bounds. */
double trainer_penalty(const cusgd_trainer *t, int64_t u);
double trainer_bounded(const cusgd_trainer *t, int64_t u, double theta);
/* Puts the optimizer at the run's start, afresh. */
cusgd_status trainer_begin(cusgd_trainer *t);
/* fit.c: what a step does with its gradient. */
step_numbers trainer_numbers(const cusgd_trainer *t, int64_t step);
/* fit.c: the steps of a slice, where each reads `bytes` of x (at least 1). */
int64_t slice_steps(int64_t bytes, int is_host);
/* monitor.c: |minimum-norm subgradient| of the objective, given the data loss's gradient. */
double gradient_norm(const cusgd_trainer *t, const double *theta, const double *gradient);

#endif
