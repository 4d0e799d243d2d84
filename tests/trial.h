/* Runs of outputs that are models of their own, for the tests of the device interface, and the steps of such a run by their
 * definition. */
#ifndef CUSGD_TESTS_TRIAL_H
#define CUSGD_TESTS_TRIAL_H

#include "interface.h"

enum {
    N = 203,
    D = 21,
    TARGETS = 2,
    K = 19,
    FOLDS = 3,
    BATCH = 48,
    BATCHES = 5,
    STEPS = 3 * BATCHES,
    SIZE = (D + 1) * K,
    MOST = 150 /* models of a trial */
};

/* The data, and the numbers of each model. */
typedef struct scene {
    double x[N * D], y[N * TARGETS], w[N];
    uint8_t fold[N];
    int target_of[K]; /* and all that follow: as backend.h's `models` has them */
    uint64_t held_out[K];
    double momentum[K], share[K], rate[K], l1[K], l2[K];
} scene;

void scene_make(scene *a, uint64_t seed);
examples examples_of(const scene *a, int targets);
/* The scene's rows on a device, which the caller unbinds. Where there is one target, the other is an offset. */
dataset *bind_targets(const backend *b, const scene *a, int targets);
dataset *bind_scene(const backend *b, const scene *a); /* of all targets */

/* A run of some of the scene's models. */
typedef struct trial {
    const backend *b;
    const dataset *at;
    const scene *of;
    int optimizer, k;
    cusgd_loss loss;
    int batch, batches;
    const int *which;           /* k: their numbers */
    const double *class_weight; /* 2 x k, or NULL */
    cusgd_sampling sampling;
    int64_t repeats;            /* of the run spec */
    double bytes;               /* models.products_bytes */
    int retires, retired_after; /* output `retires` is retired before step `retired_after`; -1: none is */
    double *state;              /* STATE_PARTS x (D+1) x k */
    double losses[MOST];
    uint8_t ended[MOST];
    steps_report report;
} trial;

/* All models of the scene, of logistic loss, in batches that change. */
trial trial_of(const backend *b, const dataset *at, const scene *of, int optimizer);
/* STEPS steps. Sets t->state, which the caller frees, and the report. */
void run_trial(trial *t);
/* Ends the test unless output `c` of one run is output `other` of another, in all bits. */
void check_same(const trial *a, int c, const trial *b, int other, const char *what);
/* Ends the test unless model c, trained by itself as `like` says, has the bits that it has among all. */
void check_alone(const trial *like, const trial *all, int c);
/* Ends the test unless the models' parameters are within `bound` of what double arithmetic makes of the steps' definition. */
void check_reference(const trial *t, double bound);

#endif
