/* What scores rows, of a model and of a trainer alike (metrics.c, scorer.c); and what is made of it where each class has an
 * output (multiclass.c). */
#ifndef CUSGD_HOST_TRAINER_SCORER_H
#define CUSGD_HOST_TRAINER_SCORER_H

#include "backend.h"

/* A backend, parameters in the coordinates of rows bound by `transform`, and what is added to p. */
typedef struct scorer {
    const backend *backend;
    transform transform;
    loss_rule loss;
    const double *quantiles;     /* k: outputs are quantiles of the one target; NULL: they are not */
    int64_t d, m, k;             /* m: targets */
    int64_t classes;             /* as examples have it: 0, or k */
    const double *theta, *shift; /* (d+1) x k; k */
    int offsets;                 /* 1: the model was trained with them; 0: without; -1: who knows */
    const char *offset_name;     /* their column's, or NULL */
    double unit;                 /* predictions in the units of the data are this times those of theta and shift */
    int threads;                 /* that check the data; 0: as many as help */
} scorer;

/* DATA or USAGE where the data is not what the scorer takes. The features' values are not looked at: scorer_pass() does that. */
cusgd_status scorer_check(const scorer *s, const cusgd_data *data, int with_targets);
/* Those of rows first .. first + count - 1: DATA where one is not finite. */
cusgd_status scorer_check_features(const scorer *s, const cusgd_data *data, int64_t first, int64_t count);

/* What is done with p, count x k, of rows first .. first + count - 1. */
typedef void scorer_take(void *context, int64_t first, int64_t count, const double *p);
/* Gives p of all rows to `take`, piece by piece in order, while the next rows are read. DATA where a feature is not finite. */
cusgd_status scorer_pass(const scorer *s, const cusgd_data *data, scorer_take *take, void *context);

/* n x k, or of classes n x m. */
cusgd_status scorer_predict(const scorer *s, const cusgd_data *data, cusgd_prediction as, double *out);
/* The outputs that have metrics of their own. */
int64_t scorer_outputs(const scorer *s);
/* Of one output, or of the mean over all: -1; or of outputs first .. end - 1, of which the last may be that mean. */
cusgd_status scorer_evaluate(const scorer *s, const cusgd_data *data, int64_t output, cusgd_metrics *metrics);
cusgd_status scorer_evaluate_range(const scorer *s, const cusgd_data *data, int64_t first, int64_t end, cusgd_metrics *metrics);

/* ---- A scorer whose outputs are classes (multiclass.c) ---- */

/* What is asked for, of rows whose p is given: out is count x k, or for classes count. p and out may be equal. */
void multiclass_predict(const scorer *s, cusgd_prediction as, int64_t count, const double *p, double *out);
/* All metrics, the data being checked; *metrics has a size and the number of rows, and else NANs. */
cusgd_status multiclass_evaluate(const scorer *s, const cusgd_data *data, cusgd_metrics *metrics);

#endif
