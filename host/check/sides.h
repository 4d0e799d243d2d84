/* The state of a check, and what its files (check.c, lockstep.c, passes.c) have of each other. */
#ifndef CUSGD_HOST_CHECK_SIDES_H
#define CUSGD_HOST_CHECK_SIDES_H

#include "check.h"
#include "trainer/trainer.h"

/* Who takes part: the device, the CPU in its precision, and the CPU in double, which the others are compared with. */
enum { ON_DEVICE, ON_CPU, IN_DOUBLE, PEERS };

enum { MOMENTS, ROWS, GRADIENT, UPDATE, LOSS, OBJECTIVE, FULL_GRADIENT, PREDICTIONS, SLICES, FREE_THETA, FREE_LOSS, LAZY, LINES };

typedef struct check {
    cusgd_trainer *t; /* the device's: it made the choices that were left open */
    cusgd_check_report *report;
    backend peer[PEERS];
    problem of[PEERS]; /* the trainer's, on each peer: views, but for the examples that the CPU has bound */
    bounds bounds;
    int64_t n, d, k, size;   /* size: (d+1) x k */
    double *state, *next;    /* PARTS x size */
    double *point;           /* size: where a gradient is taken */
    double *gradient[PEERS]; /* size */
    double derivative;       /* the largest value of a gradient so far: their scale, as they may vanish at the optimum */
    int64_t *order;          /* n: a batch's rows */
    int64_t step;            /* that is being compared, from 1; 0: no step */
} check;

/* One step of the run: batch `batch` of the epoch whose orders these are. */
typedef struct place {
    sampler *orders;     /* of the shards */
    batch_share *shares; /* likewise: work */
    int64_t step, epoch, batch;
    step_numbers numbers;
} place;

/* check.c: the largest absolute value. */
double check_largest(const double *values, int64_t count);
/* Keeps the worst: differences on a scale, and as a share of what is allowed. NaN on either side is beyond every bound. */
void check_compare(check *c, int line, int peer, double value, double reference, double scale, double allowed);
/* A device's values and the CPU's in its precision, each against the double reference. */
void check_compare_all(check *c, int line, const double *const values[PEERS], int64_t count, double scale, const double *allowed);
/* The peers' gradients likewise. */
void check_compare_gradients(check *c, int line);

/* passes.c: the moments, sums of n values in double, merged in any order. */
cusgd_status check_moments(check *c);
/* Some rows as they were bound: the same bits as on the CPU in the same precision. */
cusgd_status check_rows(check *c);
/* Passes over all rows, at the parameters where the lockstep ended. */
cusgd_status check_full_passes(check *c);

/* lockstep.c: the first step of a run; check_place_close() accepts a zeroed one. */
cusgd_status check_place_open(const check *c, place *at);
void check_place_close(place *at);
/* Steps from the run's start one by one; the CPU in the device's precision leads. */
cusgd_status check_lockstep(check *c, place at, int64_t steps);
/* `steps` steps from the run's start, each peer on its own way; theta (or the average) and the objective there. */
cusgd_status check_free_run(check *c, place start, int64_t steps);
/* Of sparse rows, lazy updates are the dense ones of the same peer but for rounding; adagrad's where there are no penalties. So
 * are averages, where nothing moves a column that no batch has. */
cusgd_status check_lazy_run(check *c, place start, int64_t steps);

#endif
