/* cusgd_train.h: trainers, sweeps (many models trained in one pass) and regularization paths. */
#ifndef CUSGD_TRAIN_H
#define CUSGD_TRAIN_H

#include "cusgd_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Training ------------------------------------------------------------------------------------------------------------ */

typedef struct cusgd_trainer cusgd_trainer;

typedef enum cusgd_stop {
    CUSGD_STOP_NONE,      /* the run has not ended */
    CUSGD_STOP_EPOCHS,    /* all epochs were run */
    CUSGD_STOP_TOLERANCE, /* no improvement of more than `tolerance` in `patience` evaluations */
    CUSGD_STOP_GRADIENT,  /* the gradient norm reached gradient-tolerance */
    CUSGD_STOP_CANCELLED, /* ended by the callback, cusgd_trainer_cancel or the interrupt function */
    CUSGD_STOP_DIVERGED,  /* the loss became infinite or NaN */
    CUSGD_STOP_SOLVED,    /* solver exact has computed the solution */
    CUSGD_STOP_DEVICE,    /* the device failed */
    CUSGD_STOP_DATA,      /* a data file became shorter during the run */
    CUSGD_STOP_DROPPED,   /* of a sweep: halving ended the configuration, which was not among the best */
} cusgd_stop;

/* The state of a run after an epoch. Losses are means over rows and outputs: of the squared error for squared and mse, otherwise
 * of l. NAN: not computed. */
typedef struct cusgd_progress {
    size_t size;
    int64_t epoch, epochs; /* this epoch, from 1, and the maximum number */
    int64_t step;          /* steps so far */
    double loss;   /* if `evaluated`, the loss at the end of the epoch; else the mean over its steps before their updates */
    int evaluated; /* 1: `loss` was computed by a full pass at the end of the epoch */
    double valid_loss;
    double rate;    /* the learning rate of the last step */
    double seconds; /* since the run began */
    double rows_per_second;
    double seconds_left; /* estimate, if all epochs are run */
} cusgd_progress;

/* A function that is called after every epoch, in the thread that called cusgd_trainer_fit. If it returns a nonzero value, the
 * run ends (CUSGD_STOP_CANCELLED). It may call cusgd_trainer_get_coefficients, _create_model, _predict and _evaluate, which use
 * the parameters at the end of the epoch; these need not become the result. cusgd_trainer_fit, _step, _set_coefficients and
 * _optimum fail with USAGE. It must not free the trainer. */
typedef int (*cusgd_callback)(const cusgd_progress *progress, void *user);

typedef struct cusgd_result {
    size_t size;
    cusgd_stop stop;
    int64_t epochs, steps;   /* the numbers that were run */
    int64_t epoch;           /* the parameters are those at the end of this epoch: the best one that was evaluated, or the last */
    double loss, valid_loss; /* losses of these parameters, by full passes; valid_loss is NAN without validation data */
    double objective;        /* loss and penalties */
    double gradient;         /* gradient norm relative to the intercept-only model; NAN unless gradient-tolerance is set */
    double relative_gap;     /* estimate of (objective - minimum) / |minimum|; NAN if there is none */
    double rate;             /* the learning rate of the last step */
    double seconds, rows_per_second;
    int64_t rollbacks; /* how often the loss rose and the run returned to better parameters with a quarter of the rate */
    int separated; /* 1: no finite optimum exists, as `note` says (logistic, softmax, poisson, tweedie); 0: one exists, or unknown
                    */
    char note[512];   /* a message for the user: "rank 3 of 5: ...", that no finite optimum exists, or that the result is worse
                       * than the intercept-only model; "" if there is none */
    double null_loss; /* loss of the intercept-only model on the training rows; NAN if it was not computed */
    int worse;        /* 1: `loss` is larger than null_loss by more than rounding errors */
    int converged;    /* 1: the fit ended by TOLERANCE, GRADIENT or SOLVED, and the result is not worse */
} cusgd_result;

/* Creates a trainer: checks the options and the data, standardizes, copies the data to the device and chooses the options that
 * are not set. `train` and `valid` (NULL: none) must outlive the trainer. Errors: USAGE, DATA, DEVICE, MEMORY, INTERRUPTED. */
CUSGD_API cusgd_status cusgd_trainer_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                            cusgd_trainer **out);
CUSGD_API void cusgd_trainer_free(cusgd_trainer *trainer);

/* Trains until one of the stopping rules in the options holds. `callback` and `result` may be NULL. Iterations of a full-batch
 * solver are reported as epochs. The function may be called again to continue, for at most `epochs` more epochs. Errors:
 *
 * NOT_CONVERGED: a full-batch solver has not reached the optimum; the trainer has the best parameters that it reached. A solver
 * whose gradient is small also fails if its objective is above the minimum that cusgd_trainer_optimum knows. Solver sgd fails if
 * its learning rate was given (by rate, by t0, or by l2 with schedule optimal) and the result is worse than both the
 * intercept-only model and the starting point.
 *
 * DIVERGED: the trainer has the best parameters before the divergence; result->epoch 0 means the starting point.
 *
 * DEVICE: the trainer has the best parameters in host memory, and cusgd_trainer_get_coefficients and cusgd_trainer_create_model
 * return them without the device. Only valid_loss of the result is known; the other losses are NAN. The trainer cannot continue.
 *
 * DATA: a data file became shorter during the run (CUSGD_STOP_DATA). The trainer is left as after DEVICE. */
CUSGD_API cusgd_status cusgd_trainer_fit(cusgd_trainer *trainer, cusgd_callback callback, void *user, cusgd_result *result);

/* Computes the minimum of the objective over the training rows by solver exact (squared and mse) or newton (other differentiable
 * losses), and the seconds that this took, so that a run can be compared with it. *objective is NAN if there is an l1 penalty or
 * a bound, if no finite optimum exists, or if the computation would take longer than both a second and the run itself. The
 * parameters of the trainer are unchanged. */
CUSGD_API cusgd_status cusgd_trainer_optimum(cusgd_trainer *trainer, double *objective, double *seconds);

/* Runs `steps` further minibatch steps without evaluation, stopping rules or reductions of the rate. Solver sgd only. On
 * INTERRUPTED (also after cusgd_trainer_cancel) fewer steps were run, and the trainer can continue. */
CUSGD_API cusgd_status cusgd_trainer_step(cusgd_trainer *trainer, int64_t steps);

/* ---- Further data, other options ---- */

/* Replaces the training rows of a trainer. It keeps the parameters, the optimizer's state, averages, the numbers of steps and
 * epochs, the validation data, the means and scales of columns and targets, the mean weight, and all options including those that
 * were chosen from the first rows (rate, batch, epochs, schedule; the batch is not larger than the first rows were). It starts a
 * new epoch and resets the best parameters and the stopping rules. The new data must have the same numbers of columns and
 * targets, the same kind of offset and, if both have names, the same names. It must outlive the trainer or until it is replaced
 * itself; the old data may be freed after the call. On failure the trainer is unchanged. Errors: USAGE (a solver other than sgd,
 * or a valid-fraction), DATA, DEVICE, MEMORY, INTERRUPTED. */
CUSGD_API cusgd_status cusgd_trainer_rebind(cusgd_trainer *trainer, const cusgd_data *train);

/* Trains one epoch on new rows: calls cusgd_trainer_rebind and runs the steps of one epoch in the order of the option sampling,
 * without evaluation, stopping rules or reductions of the rate. cusgd_trainer_create runs no steps, so the rows that it was given
 * must be passed here too if they are to be trained on.
 *
 * Calls with consecutive parts of a data set give the same bits as one epoch over all of it, if sampling is none, standardization
 * is off, optimizer and rate are given, there are no weights, and the number of rows of every part except the last is a multiple
 * of `batch` (the rows of other parts are divided into batches of equal size).
 *
 * Means and scales of columns, and a rate that is not given, are chosen from the rows of cusgd_trainer_create, and those of few
 * rows may be far from those of all: give it 100 rows or more, or set the options column-means and column-scales. After further
 * rows a note (cusgd_trainer_note) says if there were fewer.
 *
 * In *progress (may be NULL), `loss` is the mean over these rows, each evaluated before the step that uses it (progressive
 * validation); `step` and `epoch` count from the creation of the trainer. INTERRUPTED and DIVERGED: as for cusgd_trainer_step;
 * the parameters are those before the step that failed.
 *
 * If a step fails (INTERRUPTED, DIVERGED, DEVICE, DATA), the trainer has the new rows: they must then outlive it, as after
 * success. If the call fails before the first step (with the errors of cusgd_trainer_rebind, or INTERRUPTED), the trainer is
 * unchanged and has the rows before. cusgd_trainer_data says which rows it has. */
CUSGD_API cusgd_status cusgd_trainer_partial_fit(cusgd_trainer *trainer, const cusgd_data *rows, cusgd_progress *progress);

/* Returns the training rows that the trainer has, and that must therefore not be freed: those of cusgd_trainer_create or of the
 * last cusgd_trainer_rebind or cusgd_trainer_partial_fit that replaced them. */
CUSGD_API const cusgd_data *cusgd_trainer_data(const cusgd_trainer *trainer);

/* Starts a new run with other options on the data of the trainer. The result has the same bits as that of a new trainer. The data
 * is not checked, standardized and copied again if
 * - loss and its parameter, precision, storage, standardize, intercept, device and threads are unchanged,
 * - there is no valid-fraction,
 * - optimizer is auto before and after, or neither before nor after, and
 * - with penalty-units data, l2 is not larger than the second derivative of the loss on any column, before and after.
 * If the options are wrong (USAGE), or if the data must be copied again and this fails, the trainer is unchanged. After another
 * failure the trainer has no parameters (calls that need them fail with USAGE) and can be reset again or freed. */
CUSGD_API cusgd_status cusgd_trainer_reset(cusgd_trainer *trainer, const cusgd_options *options);

/* Ends the running cusgd_trainer_fit, cusgd_trainer_step or cusgd_trainer_partial_fit after the steps that were submitted; if
 * none is running, ends the next fit. May be called from a signal handler or another thread. */
CUSGD_API void cusgd_trainer_cancel(cusgd_trainer *trainer);

/* ---- Checkpoints ---- */

/* Called in the thread of a fit wherever the fit can be saved: between slices of some milliseconds of steps, between the
 * iterations of a full-batch solver, and where a cancellation ends the fit, before its result is chosen. Of `now` `epoch` (of
 * this fit), `epochs` and `step` are known. The function may call cusgd_trainer_save_state and _memory, which then save the fit
 * under way, and cusgd_trainer_cancel; it must change nothing else. */
typedef void (*cusgd_checkpoint_callback)(cusgd_trainer *trainer, const cusgd_progress *now, void *user);
/* Sets the callback for checkpoints; NULL: none. With a callback, a cancellation waits until a running evaluation has ended. */
CUSGD_API void cusgd_trainer_set_checkpoint_callback(cusgd_trainer *trainer, cusgd_checkpoint_callback callback, void *user);

/* Saves the state of the trainer: parameters, the optimizer's or solver's state, averages, the best parameters, counts, what
 * stopping rules and schedules remember, the options, and a fingerprint of the data (shapes, all targets, weights and offsets,
 * and up to 4 million values of x in rows evenly spread); not the data itself. The file is written as PATH.new, synced and
 * renamed; the file that was there becomes PATH.previous. A checkpoint cannot be saved in the callback of cusgd_trainer_fit.
 * Errors: USAGE, DATA (the file cannot be written, or another process is writing it: the one before stands), DEVICE, MEMORY. */
CUSGD_API cusgd_status cusgd_trainer_save_state(cusgd_trainer *trainer, const char *path);
/* Saves the state to memory. Always sets *bytes to the size of the checkpoint, and writes it to `buffer` if it fits into
 * `capacity` bytes; fails with USAGE if not. With buffer NULL it only sets *bytes and succeeds. */
CUSGD_API cusgd_status cusgd_trainer_save_state_memory(cusgd_trainer *trainer, void *buffer, size_t capacity, size_t *bytes);

/* Loads a saved state into a trainer of the same data and options. If the state was saved during a fit, the next
 * cusgd_trainer_fit continues that fit, and ends with the same bits as a fit that was not interrupted; `epochs` counts from the
 * beginning of that fit, and may be larger than before. The number of threads may differ. In *now (`now` may be NULL), `epoch` is
 * the number of epochs that the fit has completed, and `step` the number of steps of the run. Errors, after which the trainer is
 * unchanged: DATA (the file is damaged or not a checkpoint, or the data differs), USAGE (the options or the kind of device
 * differ; the message lists them). After DEVICE the trainer has no parameters. */
CUSGD_API cusgd_status cusgd_trainer_load_state(cusgd_trainer *trainer, const char *path, cusgd_progress *now);
CUSGD_API cusgd_status cusgd_trainer_load_state_memory(cusgd_trainer *trainer, const void *bytes, size_t count,
                                                       cusgd_progress *now);

/* Returns the index-th note for the user, on how the data is used, on the time and memory that a solver will need, or on the
 * device; NULL past the last. Owned by the trainer. A run may add notes at the end. */
CUSGD_API const char *cusgd_trainer_note(const cusgd_trainer *trainer, size_t index);

/* The time that reading, copying and computing took, if the training rows do not fit into the option memory: in all steps and
 * full passes since the trainer was created or given other rows. A separate thread reads ahead while the steps compute, so
 * read_seconds and compute_seconds overlap; wait_seconds, copy_seconds and compute_seconds sum to the total. */
typedef struct cusgd_stream_times {
    size_t size;
    double read_bytes;      /* of x, that were read from files or copied from memory, ahead of their use */
    double present_bytes;   /* of x, that needed no reading: their pages were in memory; on a GPU, they were on the device */
    double read_seconds;    /* of the thread that reads */
    double wait_seconds;    /* in which training waited for that thread */
    double copy_seconds;    /* in which the host copied rows to the device, or on the CPU for second derivatives */
    double compute_seconds; /* all else of the steps and passes */
} cusgd_stream_times;
/* Gets these times. Returns 1; or 0, with *times unchanged, if all training rows fit into memory or times->size is not set. May
 * be called in the callback of cusgd_trainer_fit. With several processes, each has the times of its own rows. */
CUSGD_API int cusgd_trainer_stream_times(const cusgd_trainer *trainer, cusgd_stream_times *times);

/* Returns the options of the run, including those that the trainer has chosen. Owned by the trainer. */
CUSGD_API const cusgd_options *cusgd_trainer_options(const cusgd_trainer *trainer);
/* Returns why option solver `best` became the solver that cusgd_trainer_options has, as a phrase without a full stop; "" if the
 * options name another solver. Owned by the trainer. */
CUSGD_API const char *cusgd_trainer_solver_reason(const cusgd_trainer *trainer);
/* The number of outputs k: one for each target, or for each class of the only target. */
CUSGD_API int64_t cusgd_trainer_outputs(const cusgd_trainer *trainer);
/* Returns the name of the device ("CPU, 2 threads"). Owned by the trainer. */
CUSGD_API const char *cusgd_trainer_device_name(const cusgd_trainer *trainer);

/* Gets and sets the parameters in the units of the data: weight k x d row-major, bias k; either may be NULL. Setting them
 * restarts the optimizer. */
CUSGD_API cusgd_status cusgd_trainer_get_coefficients(cusgd_trainer *trainer, double *weight, double *bias);
CUSGD_API cusgd_status cusgd_trainer_set_coefficients(cusgd_trainer *trainer, const double *weight, const double *bias);

/* Gets the means and scales by which the trainer standardizes the columns, d each, in the units of the data; either may be NULL.
 * Without standardization they are 0 and 1. Given as the options column-means and column-scales, they standardize other data in
 * the same way. Fails with USAGE for the option whiten, whose columns are linear combinations of those of the data. */
CUSGD_API cusgd_status cusgd_trainer_get_standardization(const cusgd_trainer *trainer, double *means, double *scales);

/* As cusgd_model_predict and cusgd_model_evaluate, on the device and in the precision of the trainer. */
CUSGD_API cusgd_status cusgd_trainer_predict(cusgd_trainer *trainer, const cusgd_data *data, cusgd_prediction as, double *out);
CUSGD_API cusgd_status cusgd_trainer_evaluate(cusgd_trainer *trainer, const cusgd_data *data, int64_t output,
                                              cusgd_metrics *metrics);
/* Evaluates the validation rows of the trainer as cusgd_trainer_evaluate evaluates data: those that the option valid-fraction
 * holds out of the training data, or else the validation data that the trainer was given. What metrics compare with (for r2 the
 * mean target, for d2 the intercept-only model) is that of these rows. `output` is in [0, k), or -1 for the mean over the
 * outputs. Errors: USAGE (there are no validation rows), MEMORY, DEVICE, INTERRUPTED. */
CUSGD_API cusgd_status cusgd_trainer_evaluate_valid(cusgd_trainer *trainer, int64_t output, cusgd_metrics *metrics);

/* Creates a model of the current parameters, with the names and classes of the training data. */
CUSGD_API cusgd_status cusgd_trainer_create_model(cusgd_trainer *trainer, cusgd_model **out);

/* ---- Many models in one pass: sweeps -------------------------------------------------------------------------------------- */

/* The numbers in which the models of a sweep may differ; NAN: as in the options. */
typedef struct cusgd_configuration {
    double l1, l2, rate, momentum;
    double loss_number;  /* quantile, delta or width; of other losses NAN or 0 */
    double class_weight; /* of losses of two classes: the factor on the weights of the rows of class 1, > 0, or
                            CUSGD_CLASS_BALANCED; NAN or 0: 1 */
} cusgd_configuration;

/* Class c has the factor n / (2 n_c), where n is the weight of the rows that a model is trained on, and n_c that of class c. */
#define CUSGD_CLASS_BALANCED (-1.0)

typedef enum cusgd_select {
    CUSGD_SELECT_BEST,   /* the smallest mean loss; the first one if several are equal */
    CUSGD_SELECT_ONE_SE, /* among those whose mean loss is within a standard error of the smallest, the one with the largest l1,
                          * and among these with the largest l2: the simplest model that is not clearly worse */
} cusgd_select;

/* A function that is called before the first step of a sweep. models: the number of models; passes: the number of passes over the
 * data; bytes: the memory that a pass needs for its models, and for products that it keeps of batches whose rows are the same in
 * all epochs. */
typedef void (*cusgd_sweep_begins)(void *user, int64_t models, int64_t passes, double bytes);

typedef struct cusgd_sweep_plan {
    size_t size;
    const cusgd_configuration *configurations;
    size_t count;
    int folds;           /* number of folds of cross-validation, 2 .. 63; 0: configurations are compared on validation rows.
                          * Neither is needed if there is nothing to choose: one configuration, or one for each quantile */
    const uint8_t *fold; /* the fold of each row of the data, < folds; NULL: drawn by the seed, stratified if the loss is for
                          * classes */
    cusgd_select select;
    int halving;   /* 0: all configurations are trained to their end; h >= 2: after 1, h, h^2, ... epochs, only the 1/h of the
                    * configurations with the smallest losses on held-out rows continue (successive halving: Jamieson, Talwalkar
                    * 2016); not with several quantiles */
    double memory; /* bytes that the models and the products kept for them may need; as many passes over the data are made as this
                    * requires; 0: half of the machine's memory, or 90 % of the free memory of the GPU */
    cusgd_sweep_begins begins; /* NULL, or called once, before the first step */
    void *user;
} cusgd_sweep_plan;

/* The result of a configuration. Losses are those of cusgd_result. */
typedef struct cusgd_outcome {
    size_t size;
    cusgd_configuration numbers; /* the numbers that were used */
    double mean;                 /* mean of the losses on the folds, each of which is the mean over the rows of the fold; without
                                  * folds, the validation loss, or else the training loss. NAN: a model has diverged. If deltas,
                                  * widths or class weights differ, the losses use those of the options, so that they can be
                                  * compared */
    double standard_error;       /* standard error of `mean`, from the losses on the folds; NAN without folds */
    double loss;                 /* training loss of the model of all training rows; NAN: it has diverged */
    int64_t rank;     /* from 1, by `mean`, among the configurations with the same quantile; those that halving dropped are after
                       * the others, and those that diverged are last */
    int64_t epochs;   /* maximum number of epochs of its models */
    int64_t nonzeros; /* coefficients of the model that was trained on all rows */
    cusgd_stop stop;  /* EPOCHS, TOLERANCE, DROPPED, or DIVERGED if one of its models has diverged */
} cusgd_outcome;

typedef struct cusgd_sweep cusgd_sweep;

/* Trains all configurations together by solver sgd; all models use the same reads of the training rows. With folds, each
 * configuration has folds + 1 models: one without the rows of each fold, and one of all rows. Each model ends independently, by
 * the stopping rules of the options on its training objective, or when its loss is not finite, and changes no bit of the others.
 * On the CPU, no model depends on which others there are or on the number of passes. Columns are standardized by the moments of
 * all training rows, and penalties are scaled so that each model has the same objective as with the moments of its own rows. If
 * configurations have different quantiles, the model has an output for each quantile, from the best configuration with that
 * quantile, and all outputs predict the only target. The data must have one target. It must outlive the sweep. Errors: USAGE
 * (also without folds and validation rows), DATA, DEVICE, MEMORY (not one configuration fits), INTERRUPTED; DIVERGED (all
 * configurations have diverged). */
CUSGD_API cusgd_status cusgd_sweep_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                          const cusgd_sweep_plan *plan, cusgd_sweep **out);
CUSGD_API void cusgd_sweep_free(cusgd_sweep *sweep);
/* Gets the result of configuration i of the plan. Returns 0 past the last. */
CUSGD_API int cusgd_sweep_outcome(const cusgd_sweep *sweep, size_t i, cusgd_outcome *out);
/* Returns the losses of configuration i on the folds, as many as the plan has folds, or one; NULL past the last. Owned by the
 * sweep. */
CUSGD_API const double *cusgd_sweep_losses(const cusgd_sweep *sweep, size_t i);
/* Returns the number in the plan of the chosen configuration; with several quantiles, of that for the smallest quantile. */
CUSGD_API size_t cusgd_sweep_chosen(const cusgd_sweep *sweep);
/* The number of outputs of the model: one, or one for each of several quantiles, in ascending order; and the number in the plan
 * of the configuration that is chosen for an output, SIZE_MAX past the last. */
CUSGD_API int64_t cusgd_sweep_outputs(const cusgd_sweep *sweep);
CUSGD_API size_t cusgd_sweep_chosen_for(const cusgd_sweep *sweep, int64_t output);
/* Creates the model of the chosen configuration (with several quantiles, of the configurations that are chosen for them), trained
 * on all training rows. Errors: USAGE, MEMORY. */
CUSGD_API cusgd_status cusgd_sweep_create_model(cusgd_sweep *sweep, cusgd_model **out);

/* ---- Regularization paths ------------------------------------------------------------------------------------------------ */

/* A path: one model for each of `count` penalties, in falling order. Penalty alpha means l1 = alpha l1_ratio and
 * l2 = alpha (1 - l1_ratio), as scikit-learn's ElasticNet has it. */
typedef struct cusgd_path_plan {
    size_t size;
    double l1_ratio;      /* from 0 (ridge regression) to 1 (the lasso) */
    int64_t count;        /* of penalties */
    double ratio;         /* in (0, 1): the last penalty divided by the first one, which is the smallest for which all
                           * coefficients are 0 (for l1_ratio below 0.001, that for 0.001); the penalties are evenly spaced on a
                           * logarithmic scale */
    const double *alphas; /* count, > 0: these penalties, in any order; NULL: by `ratio` */
    int folds;            /* of cross-validation, 2 .. 63; 0: none */
    const uint8_t *fold;  /* as in cusgd_sweep_plan */
    cusgd_select select;  /* with folds: 1se takes the largest alpha within a standard error of the least mean loss */
    double tolerance;     /* duality gap at which a model has converged, as a share of the loss of the model without columns; 0:
                           * 1e-12 */
} cusgd_path_plan;

/* The result of a penalty. Losses are mean squared errors in the units of the data, or the means of other losses. */
typedef struct cusgd_path_point {
    size_t size;
    double alpha, l1, l2;
    double mean, standard_error; /* of the folds' losses; NAN without folds */
    double loss;                 /* training loss of the model of all training rows */
    double gap;       /* duality gap of that model, as a share as in cusgd_path_plan; NAN for l1_ratio 0, for losses other than
                       * squared and mse, and for sparse rows */
    int64_t nonzeros; /* number of its coefficients that are not 0 */
    int converged;    /* 0: the gap exceeds both the tolerance and the rounding error (1e-8); for sparse rows: the norm of the
                       * subgradient exceeds sqrt(tolerance) times the largest gradient of the model without columns */
} cusgd_path_point;

typedef struct cusgd_path cusgd_path;

/* Computes a path in double. For squared and mse the rows are read once, for the products of all columns, (folds + 2) (d + 1)^2
 * doubles, and coordinate descent follows, or with l1_ratio 0 an eigendecomposition. Losses with second derivatives are minimized
 * by Newton's method, until the conditions of optimality hold to sqrt(tolerance) of the first penalty. Each fold is standardized
 * by the moments of the rows outside it. Sparse rows are copied by columns, 12 bytes per stored value, and coordinate descent
 * runs on the host, whatever the loss, until the norm of the subgradient is at most a hundredth of that; columns are standardized
 * only if the option sparse-scale says so, and there is no duality gap. The data must have one target and outlive the path.
 * Errors: USAGE (other losses, several outputs, bounds, whiten, robust, valid-fraction), NOT_CONVERGED (no minimum was reached,
 * as where second derivatives vanish; there is no path then), DATA, DEVICE, MEMORY, INTERRUPTED. */
CUSGD_API cusgd_status cusgd_path_create(const cusgd_options *options, const cusgd_data *train, const cusgd_path_plan *plan,
                                         cusgd_path **out);
CUSGD_API void cusgd_path_free(cusgd_path *path);
/* Returns 1 if the option of this name affects a path or is refused by it, and 0 if its value has no effect. */
CUSGD_API int cusgd_path_reads(const char *name);
/* Gets the result of penalty i, in descending order of alpha. Returns 0 past the last. */
CUSGD_API int cusgd_path_at(const cusgd_path *path, size_t i, cusgd_path_point *out);
/* Returns the losses of penalty i on the folds, as many as there are folds (NULL without folds); and the d coefficients and the
 * intercept of its model, in the units of the data. NULL past the last. Owned by the path. */
CUSGD_API const double *cusgd_path_losses(const cusgd_path *path, size_t i);
CUSGD_API const double *cusgd_path_coefficients(const cusgd_path *path, size_t i);
/* Returns the number of the chosen penalty; without folds, of the last one. */
CUSGD_API size_t cusgd_path_chosen(const cusgd_path *path);
/* Creates the model of penalty i, trained on all rows. Errors: USAGE (past the last), MEMORY. */
CUSGD_API cusgd_status cusgd_path_create_model(cusgd_path *path, size_t i, cusgd_model **out);

#ifdef __cplusplus
}
#endif
#endif
