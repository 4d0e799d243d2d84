/* A fit by minibatch steps while it runs: fit.c takes the steps, monitor.c judges what they have led to. */
#ifndef CUSGD_HOST_FIT_H
#define CUSGD_HOST_FIT_H

#include "trainer.h"

/* Where a fit stands. */
typedef struct fit {
    double begun, stepping; /* seconds: the time at its start; the time spent in steps */
    int64_t rows, epochs;   /* visited; run in this fit */
    double best, last[3];   /* score: the lowest so far; objectives of the latest evaluations, newest first */
    int64_t stale;          /* evaluations in a row without improvement */
    int64_t safe_epoch;     /* the epoch at whose end AREA_EPOCH was copied */
    int64_t result_epoch;   /* the epoch that the result is from */
    int64_t evaluated_step; /* the step at which the current parameters were last evaluated; -1: never */
    double loss, objective; /* of the latest evaluation, on the training rows */
    double gradient, valid; /* likewise; NaN: not asked for */
    cusgd_stop stop;
    int64_t backoffs; /* epochs undone, and returns to the best parameters */
} fit;

/* Evaluates the parameters of an area by full passes over the training rows and, where there are any, the validation rows. */
cusgd_status monitor_evaluate(cusgd_trainer *t, enum area area, int with_gradient, fit *f);
/* Copies the current parameters to AREA_BEST, whatever their score. */
cusgd_status monitor_keep_current(cusgd_trainer *t);
/* Copies them if `score` is below that of AREA_BEST. `objective` is their training objective, or NaN. */
cusgd_status monitor_keep_best(cusgd_trainer *t, double score, double objective);
/* What decides which parameters are the best: the validation loss if there are validation rows, else the training objective. */
double monitor_score(const cusgd_trainer *t, const fit *f);
/* Applies the stopping rules after an evaluation; sets f->stop. */
void monitor_judge(cusgd_trainer *t, fit *f);
/* Whether a mean loss is so bad that the run cannot go on from there. */
int monitor_loss_is_bad(const cusgd_trainer *t, double loss);
/* Whether the objective has risen above the best one by more than noise explains. */
int monitor_has_risen(const cusgd_trainer *t, const fit *f);
/* Whether even the best parameters are worse than the intercept-only model, where a lower rate can be tried. */
int monitor_is_worse_than_null(const cusgd_trainer *t);
/* The relative distance of the objective to the limit that its latest values point to; NaN where they point to none. */
double monitor_excess(const cusgd_trainer *t, const fit *f);
/* Writes to `note` (size bytes), if it is empty and the result is worse than the intercept-only model, that it is, and what to
 * do. */
cusgd_status monitor_compare_null(cusgd_trainer *t, const fit *f, char *note, size_t size);

/* divergence.c: fails with DIVERGED, at the step and the rate that the trainer stands at. */
cusgd_status fit_diverged(const cusgd_trainer *t, double rate);

#endif
