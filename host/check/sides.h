/* The state of a check, and the functions that its files (check.c, lockstep.c, passes.c) share. */
#ifndef CUSGD_HOST_CHECK_SIDES_H
#define CUSGD_HOST_CHECK_SIDES_H

#include "check.h"
#include "trainer/trainer.h"

/* The peers that are compared: the device, the CPU in the precision of the device, and the CPU in double, which is the reference
 * for both. */
enum { ON_DEVICE, ON_CPU, IN_DOUBLE, PEERS };

enum { MOMENTS, ROWS, GRADIENT, UPDATE, LOSS, OBJECTIVE, FULL_GRADIENT, PREDICTIONS, SLICES, FREE_THETA, FREE_LOSS, LAZY, LINES };

typedef struct check {
    cusgd_trainer *t; /* the trainer of the device, which has chosen the options that were not set */
    cusgd_check_report *report;
    backend peer[PEERS];
    problem of[PEERS]; /* the trainer's problem on each peer; views, except for the datasets of the CPU */
    bounds bounds;
    int64_t n, d, k, size;   /* size: (d+1) x k */
    double *state, *next;    /* STATE_PARTS x size */
    double *point;           /* size: the point at which a gradient is computed */
    double *gradient[PEERS]; /* size */
    double derivative;       /* the largest gradient value so far, as the scale of differences: gradients may vanish at the
                              * optimum */
    int64_t *order;          /* n: the rows of a batch */
    int64_t step;            /* the step that is being compared, from 1; 0: none */
} check;

/* A step of the run: batch `batch` of the epoch with these orders of rows. */
typedef struct place {
    sampler *orders;     /* one per shard */
    batch_share *shares; /* one per shard: work */
    int64_t step, epoch, batch;
    step_numbers numbers;
} place;

/* check.c. Returns the largest absolute value. */
double check_largest(const double *values, int64_t count);
/* Records a difference in a line of the report if it is the largest so far, relative to `scale` and as a share of `allowed`. NaN
 * in either value exceeds every bound. */
void check_compare(check *c, int line, int peer, double value, double reference, double scale, double allowed);
/* Compares the values of the device, and of the CPU in its precision, with the reference in double. */
void check_compare_all(check *c, int line, const double *const values[PEERS], int64_t count, double scale, const double *allowed);
/* Compares the gradients of the peers likewise. */
void check_compare_gradients(check *c, int line);

/* passes.c. Compares the moments, which are sums of n values in double in any order. */
cusgd_status check_moments(check *c);
/* Checks that some uploaded rows have the same bits as on the CPU in the same precision. */
cusgd_status check_rows(check *c);
/* Compares passes over all rows, at the parameters after the last compared step. */
cusgd_status check_full_passes(check *c);

/* lockstep.c. Opens the first step of a run; check_place_close() accepts a zeroed place. */
cusgd_status check_place_open(const check *c, place *at);
void check_place_close(place *at);
/* Compares steps from the start of the run one by one. The state after each step is that of the CPU in the precision of the
 * device. */
cusgd_status check_lockstep(check *c, place at, int64_t steps);
/* Runs `steps` steps from the start of the run independently on each peer, and compares theta (or the average) and the objective
 * after them. */
cusgd_status check_free_run(check *c, place start, int64_t steps);
/* Compares lazy updates of sparse rows with dense ones of the same peer, which differ only by rounding errors; for adagrad only
 * if there are no penalties, and for averages only if no step changes a column that is not in its batch. */
cusgd_status check_lazy_run(check *c, place start, int64_t steps);

#endif
