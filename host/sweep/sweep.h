/* Sweeps: many configurations, and their folds, as outputs of one run that are models of their own. */
#ifndef CUSGD_HOST_SWEEP_SWEEP_H
#define CUSGD_HOST_SWEEP_SWEEP_H

#include "trainer/trainer.h"

/* One model: a configuration, without the rows of a fold. */
typedef struct column {
    size_t configuration;
    int fold;       /* of its rows none count; -1: all rows count */
    double share;   /* of the rows' weight that counts */
    double best;    /* the least training objective so far, */
    int64_t stale;  /* and the evaluations since that have not improved on it */
    double loss;    /* the latest mean loss on its training rows */
    int64_t epochs; /* that it took */
    cusgd_stop stop;
} column;

struct cusgd_sweep {
    cusgd_trainer *trainer; /* of one output: the problem, the choices, the device */
    cusgd_configuration *configurations;
    size_t count;
    int folds;       /* 0: validation rows judge */
    uint8_t *fold;   /* the data's rows */
    double *ratio;   /* folds x d: a column's scale without a fold's rows, as a share of the one with all; NULL: all 1 */
    column *columns; /* those of a configuration side by side, the one of all rows last */
    int64_t k;       /* of them */
    double *theta;   /* (d+1) x k */
    double *sums;    /* folds x k, or k: losses */
    double *losses;  /* count x folds, or count: in the units of the data */
    double *rate, *limit[LIMIT_COUNT]; /* (d+1) x k: of the run spec */
    cusgd_outcome *outcomes;
    size_t chosen;
};

static inline int64_t columns_each(const cusgd_sweep *s) { return s->folds + 1; }

/* folds.c: each row's fold, as given (checked) or (NULL) dealt in the seed's order; *fold is malloc'd. */
cusgd_status folds_make(const uint8_t *given, int folds, const problem *p, uint8_t **fold);
/* Makes the folds; binds the training rows with them. Sets fold, ratio and the columns' shares.
 */
cusgd_status sweep_take_folds(cusgd_sweep *s, const uint8_t *given);
/* memory.c: refuses models that do not fit; the trainer, count and folds are there. */
cusgd_status sweep_check_memory(const cusgd_sweep *s);
/* run.c: trains all columns; theta and what is known of each column. */
cusgd_status sweep_run(cusgd_sweep *s);
/* select.c: the configurations' outcomes, and the one that is chosen. */
cusgd_status sweep_judge(cusgd_sweep *s, cusgd_select select);

#endif
