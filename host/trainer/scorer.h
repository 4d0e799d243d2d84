/* Predictions and metrics of models and trainers (metrics.c, scorer.c), and those of outputs that are classes (multiclass.c). */
#ifndef CUSGD_HOST_TRAINER_SCORER_H
#define CUSGD_HOST_TRAINER_SCORER_H

#include "backend.h"

/* A backend, the parameters in the coordinates of rows that `transform` has transformed, and the shift that is added to p. */
typedef struct scorer {
    const backend *backend;
    transform transform;
    loss_rule loss;
    const double *quantiles;     /* k: the quantiles of the only target that the outputs predict; NULL: they predict none */
    int64_t d, m, k;             /* m: number of targets */
    int64_t classes;             /* as in examples: 0, or k */
    const double *theta, *shift; /* (d+1) x k; k */
    int offsets;                 /* 1: the model was trained with offsets; 0: without; -1: unknown */
    const char *offset_name;     /* the name of the column of offsets, or NULL */
    double unit;                 /* the factor from theta and shift to predictions in the units of the data */
    int threads;                 /* threads for checking the data; 0: the number that is fastest */
} scorer;

/* Fails with DATA or USAGE if the scorer does not support the data. Does not check the values of features, which scorer_pass()
 * does. */
cusgd_status scorer_check(const scorer *s, const cusgd_data *data, int with_targets);
/* Fails with DATA if a feature of rows first .. first + count - 1 is not finite. */
cusgd_status scorer_check_features(const scorer *s, const cusgd_data *data, int64_t first, int64_t count);

/* Receives the predictions p, count x k, of rows first .. first + count - 1. */
typedef void scorer_take(void *context, int64_t first, int64_t count, const double *p);
/* Passes the predictions of all rows to `take`, block by block in order, while the next rows are read. Fails with DATA if a
 * feature is not finite. */
cusgd_status scorer_pass(const scorer *s, const cusgd_data *data, scorer_take *take, void *context);

/* Predicts into out, n x k, or n x m for classes. */
cusgd_status scorer_predict(const scorer *s, const cusgd_data *data, cusgd_prediction as, double *out);
/* Returns the number of outputs that have metrics of their own. */
int64_t scorer_outputs(const scorer *s);
/* Compute the metrics of one output, or of the mean over all (-1); or those of outputs first .. end - 1, where the mean has the
 * number after the last output. */
cusgd_status scorer_evaluate(const scorer *s, const cusgd_data *data, int64_t output, cusgd_metrics *metrics);
cusgd_status scorer_evaluate_range(const scorer *s, const cusgd_data *data, int64_t first, int64_t end, cusgd_metrics *metrics);

/* ---- A scorer whose outputs are classes (multiclass.c) ---- */

/* Converts p of `count` rows to the requested predictions: out is count x k, or `count` for classes. p and out may be the same
 * array. */
void multiclass_predict(const scorer *s, cusgd_prediction as, int64_t count, const double *p, double *out);
/* Computes all metrics of data that has been checked. *metrics must have a size and the number of rows, and NAN elsewhere. */
cusgd_status multiclass_evaluate(const scorer *s, const cusgd_data *data, cusgd_metrics *metrics);

#endif
