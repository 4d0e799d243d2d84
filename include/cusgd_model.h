/* cusgd_model.h: models, what they predict, and how they are judged. */
#ifndef CUSGD_MODEL_H
#define CUSGD_MODEL_H

#include "cusgd_data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Models -------------------------------------------------------------------------------------------------------------- */

/* A cusgd_model is a trained model. It never changes, so all functions except cusgd_model_free may be called from several threads
 * at once. */

/* The arrays of a model for cusgd_model_create, which copies them. */
typedef struct cusgd_model_arrays {
    size_t size;
    int64_t cols, outputs;       /* d, k >= 1 */
    const double *weight;        /* k x d, row-major, in the data's units */
    const double *bias;          /* k; NULL: zeros */
    const char *loss;            /* by name; NULL: "squared" */
    double loss_number;          /* the parameter of the loss (cusgd_loss_info.option); 0 or NaN: its default */
    const char *const *features; /* d names, or NULL */
    const char *const *targets;  /* k names, or NULL */
    const char *const *classes;  /* class_count names, or NULL */
    cusgd_offset offset;         /* the kind of offset that data must have for a prediction */
    int64_t class_count;         /* names in `classes`; 0: 2. If it is more than 2, the outputs are the classes of one target */
    /* As the options loss-expr, link and constant have them; NULL: none. loss is then NULL or "expression". */
    const char *loss_expr, *link, *constants;
} cusgd_model_arrays;
/* Creates a model of given coefficients. Errors: USAGE (sizes, names, an unknown loss), DATA (a number that is
 * not finite), MEMORY. */
CUSGD_API cusgd_status cusgd_model_create(const cusgd_model_arrays *arrays, cusgd_model **out);

/* Reads a model from a safetensors file that has `weight` (k x d or d) and `bias` (k, or absent), F32 or F64, with or without the
 * metadata of cuSGD. The tensors may also be named NAME.weight and NAME.bias, as PyTorch names those of a layer ("linear.weight",
 * "0.weight"), if there are no others. */
CUSGD_API cusgd_status cusgd_model_load(const char *path, cusgd_model **out);
/* Writes a model as such a file. Tensors are F64 in all precisions, so that the file gives the predictions of the model; equal
 * models give equal bytes. An existing file is replaced only when the new one is complete. Fails with DATA, and writes nothing,
 * if the model has a number that is not finite. */
CUSGD_API cusgd_status cusgd_model_save(const cusgd_model *model, const char *path);
/* Reads and writes the bytes of such a file from and to memory. cusgd_model_save_memory always sets *bytes to their number. It
 * writes them to `buffer` if they fit into `capacity` bytes, and fails with USAGE if not. With buffer NULL and capacity 0 it only
 * sets *bytes and succeeds. */
CUSGD_API cusgd_status cusgd_model_load_memory(const void *bytes, size_t count, cusgd_model **out);
CUSGD_API cusgd_status cusgd_model_save_memory(const cusgd_model *model, void *buffer, size_t capacity, size_t *bytes);
CUSGD_API void cusgd_model_free(cusgd_model *model);
CUSGD_API int64_t cusgd_model_cols(const cusgd_model *model);
CUSGD_API int64_t
cusgd_model_outputs(const cusgd_model *model); /* k: one for each target, or for each class of the only target */
CUSGD_API int64_t cusgd_model_targets(const cusgd_model *model); /* the number of targets, the columns of y */
CUSGD_API int64_t cusgd_model_classes(const cusgd_model *model); /* the number of classes that have names; 0: none */
/* The coefficients, k x d row-major, and the intercepts, k. Owned by the model. */
CUSGD_API const double *cusgd_model_weight(const cusgd_model *model);
CUSGD_API const double *cusgd_model_bias(const cusgd_model *model);
/* Returns the standard errors, k x (d + 1), those of the intercepts last, owned by the model. They exist only if solver exact or
 * newton (also by auto) trained the model without penalty, the loss is a negative log-likelihood and a finite optimum exists;
 * otherwise the function returns NULL and the metadata entry no_standard_errors has the reason. For logistic and poisson loss,
 * weights are counts of equal rows (freq_weights of statsmodels); for squared and mse loss their scale does not matter (WLS).
 * *degrees_of_freedom (may be NULL) becomes the degrees of freedom of the t distribution of a coefficient divided by its standard
 * error, or 0 if that distribution is normal. */
CUSGD_API const double *cusgd_model_standard_errors(const cusgd_model *model, int64_t *degrees_of_freedom);
/* A coefficient and its uncertainty. Numbers that need a standard error are NaN if there is none, as for an intercept that was
 * not fitted. */
typedef struct cusgd_coefficient {
    size_t size;
    double value, error;        /* the coefficient, its standard error */
    double statistic, p_value;  /* value / error; and the two-sided p-value for a true coefficient of 0 */
    double lower, upper;        /* the confidence interval of probability `level` */
    int64_t degrees_of_freedom; /* of the t distribution of the statistic; 0: it is normal */
} cusgd_coefficient;
/* Gets coefficient j in [0, d) of output `output` in [0, k), or its intercept (j = d). level is in (0, 1), usually 0.95. */
CUSGD_API cusgd_status cusgd_model_coefficient(const cusgd_model *model, int64_t output, int64_t j, double level,
                                               cusgd_coefficient *coefficient);
/* The name of feature j, of target j, and of class 0 or 1; NULL if there are no names. */
CUSGD_API const char *cusgd_model_feature(const cusgd_model *model, int64_t j);
CUSGD_API const char *cusgd_model_target(const cusgd_model *model, int64_t j);
CUSGD_API const char *cusgd_model_class(const cusgd_model *model, int value);
/* Returns the loss that the model was trained with. *number (`number` may be NULL) becomes the parameter of the loss, or NaN if
 * it has none or each output has its own. */
CUSGD_API const cusgd_loss_info *cusgd_model_loss(const cusgd_model *model, double *number);
/* Returns the quantiles that the outputs predict, ascending, as many as there are outputs, which are all of the one target; NULL
 * if the outputs are targets or classes. Owned by the model. */
CUSGD_API const double *cusgd_model_quantiles(const cusgd_model *model);
/* Returns the name of output j, in [0, outputs): that of its target or class, or TARGET:QUANTILE of one of several quantiles;
 * NULL if it has none. Owned by the model. */
CUSGD_API const char *cusgd_model_output(const cusgd_model *model, int64_t j);
/* Returns the kind of offset that the model was trained with; *name (may be NULL) becomes the name of its column, or NULL. */
CUSGD_API cusgd_offset cusgd_model_offset(const cusgd_model *model, const char **name);
/* Gets the index-th entry of the metadata; *name and *value are owned by the model. Returns 0 past the last entry. */
CUSGD_API int cusgd_model_metadata(const cusgd_model *model, size_t index, const char **name, const char **value);
/* The number, from 1, of the column that feature j, target j or the offset had in the table that the model was trained on; 0 if
 * it was not a table (or if there is no offset). */
CUSGD_API int64_t cusgd_model_feature_column(const cusgd_model *model, int64_t j);
CUSGD_API int64_t cusgd_model_target_column(const cusgd_model *model, int64_t j);
CUSGD_API int64_t cusgd_model_offset_column(const cusgd_model *model);

typedef enum cusgd_prediction {
    CUSGD_PREDICT_MEAN,  /* the expected target: the probability of class 1 for logistic loss, e^p for log links, otherwise p */
    CUSGD_PREDICT_LINK,  /* p = x theta + b, plus the offset of the row */
    CUSGD_PREDICT_CLASS, /* the number of the class, 0, 1, ...; losses for classes only */
    CUSGD_PREDICT_PROBABILITY, /* the probability of class 1 (logistic); of each class (softmax; one-vs-rest logistic, normalized)
                                */
} cusgd_prediction;

/* The number of columns of predictions: of CUSGD_PREDICT_CLASS one for each target, of others one for each output. */
CUSGD_API int64_t cusgd_model_prediction_cols(const cusgd_model *model, cusgd_prediction as);

/* Predicts all rows of the data into out, n x cusgd_model_prediction_cols() row-major, in double on the CPU. Fails with DATA if
 * the model was trained with offsets and the data has none, or the other way around. */
CUSGD_API cusgd_status cusgd_model_predict(const cusgd_model *model, const cusgd_data *data, cusgd_prediction as, double *out);

/* Measures of the quality of predictions, weighted by the weights of the data. Those that do not apply to the loss are NAN. */
typedef struct cusgd_metrics {
    size_t size;
    int64_t rows;
    double loss;               /* mean loss per row: the squared error for squared and mse, otherwise l */
    double mse, rmse, mae, r2; /* regression; r2 is relative to the mean of the targets, NAN of one row */
    double log_loss, accuracy; /* classification; log_loss for logistic loss only */
    double deviance, d2; /* losses with a log link: mean deviance, and the share of the deviance of the intercept-only model (with
                          * offsets) that the model explains */
    double explained_variance, max_error; /* regression; max_error ignores the weights except for rows of weight 0 */
    /* Classification, for class 1, as in scikit-learn: 0 if the denominator is 0. */
    double balanced_accuracy, precision, recall, f1;
    double confusion[4];          /* sums of weights: class 0 predicted as 0 and as 1, class 1 predicted as 0 and as 1 */
    double f1_macro, f1_weighted; /* mean of the F1 scores of the classes; weighted by the weights of the classes */
    /* Of more than two classes, precision, recall and f1 are means over the classes ("macro"), and `confusion` is NAN (see
     * cusgd_model_confusion). top3, top5: the share of rows whose class is among the 3, 5 of largest p (a tie counts as missed if
     * the other class comes first); NAN if there are not more classes than that. */
    double top3, top5;
    double pinball_loss; /* quantile loss: its mean; else NAN */
    double crossing; /* several quantiles: the share of the rows in which a quantile is predicted to be less than a smaller one;
                      * it does not depend on `output`; else NAN */
} cusgd_metrics;
/* Evaluates the model on data with targets, in double on the CPU. `output` is in [0, k), or -1 for the mean over the outputs.
 * Errors: USAGE, DATA (data of other columns, targets or offsets than the model's, or invalid values), MEMORY, INTERRUPTED. */
CUSGD_API cusgd_status cusgd_model_evaluate(const cusgd_model *model, const cusgd_data *data, int64_t output,
                                            cusgd_metrics *metrics);

/* Computes the weights of the rows of class i that are predicted as class j into matrix[i * count + j]. count is the number of
 * classes of a model with an output for each class, otherwise 2, and output 0 is used. Fails with USAGE if the loss is not for
 * classes. */
CUSGD_API cusgd_status cusgd_model_confusion(const cusgd_model *model, const cusgd_data *data, double *matrix);

/* Measures how well p ranks rows of class 1 above rows of class 0, weighted: the area under the ROC curve (NAN if the data has
 * only one class) and the average precision, as in scikit-learn. `output` as above. Fails with USAGE if the loss is not for
 * classes. */
typedef struct cusgd_ranking {
    size_t size;
    double auc, average_precision;
} cusgd_ranking;
CUSGD_API cusgd_status cusgd_model_rank(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_ranking *ranking);

/* Metrics of regressions for which rows are sorted, weighted, as in scikit-learn. `output` as above. cusgd_model_order_metrics
 * fails with USAGE if the loss is for classes. */
typedef struct cusgd_order_metrics {
    size_t size;
    double median_absolute_error;
    double d2_absolute_error; /* 1 - (absolute errors) / (those of the median as prediction); NAN of one row */
    double d2_pinball;        /* quantile loss: likewise, of its quantile; else NAN */
} cusgd_order_metrics;
CUSGD_API cusgd_status cusgd_model_order_metrics(const cusgd_model *model, const cusgd_data *data, int64_t output,
                                                 cusgd_order_metrics *metrics);

/* Computes the results of cusgd_model_evaluate, cusgd_model_rank and cusgd_model_order_metrics for all outputs in one pass over
 * the data. Each array has an element for each target (for a model of several quantiles: for each output) and a last one for the
 * mean. The size of its first element, set by CUSGD_INIT, holds for all elements. ranking and order may be NULL; their values are
 * NAN where those functions would fail with USAGE. */
CUSGD_API cusgd_status cusgd_model_evaluate_outputs(const cusgd_model *model, const cusgd_data *data, cusgd_metrics *metrics,
                                                    cusgd_ranking *ranking, cusgd_order_metrics *order);

#ifdef __cplusplus
}
#endif
#endif
