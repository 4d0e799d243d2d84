/* cusgd.h: stochastic gradient descent for linear models, on GPUs and CPUs.
 *
 * The model is p = x theta + b with k outputs, plus an offset o of the row where the data has one; training minimizes over theta
 * and b
 *
 *     (1/n) sum_i (w_i / w_mean) l(p_i, y_i)  +  l2/2 |theta|^2  +  l1 |theta|_1
 *
 * summed over the outputs; b (the intercept) is not penalized. The penalties act on the coefficients of the standardized columns,
 * or, with the option penalty-units "data", on those of the columns as they are given. Letters keep their meaning everywhere: n
 * rows (examples), d columns (features), k outputs (targets), theta d x k coefficients, b k intercepts, x, y, w, o one example's
 * features, targets, weight and offset.
 *
 * Conventions. Every function that can fail returns a cusgd_status, and cusgd_last_error() then says what happened, where, and
 * what to do. Handles are opaque; whoever receives one through an `out` argument frees it with the matching *_free, which accepts
 * NULL. On failure *out is NULL. Strings and arrays passed in are only read, and copied where they are kept, unless said
 * otherwise. A function whose handle is const may be called from several threads at once on the same handle; other calls on one
 * handle are made by one thread at a time. The library prints nothing, never exits and installs no signal handler.
 *
 * Structures begin with their size, so that later versions can add members at the end. The caller sets it, and all other members
 * to 0, with CUSGD_INIT:
 *
 *     cusgd_result result = CUSGD_INIT(cusgd_result);
 *
 * The library reads and writes no more than `size` bytes; members that the caller's version does not have are taken for 0. A
 * structure whose size is not set is refused (USAGE).
 *
 * Files, tables, synthetic data, and the checking and measuring of devices are in cusgd_tools.h. */
#ifndef CUSGD_H
#define CUSGD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CUSGD_INIT(type)           \
    [] {                           \
        type sized = type();       \
        sized.size = sizeof sized; \
        return sized;              \
    }()
#else
#define CUSGD_INIT(type) ((type){.size = sizeof(type)})
#endif

#define CUSGD_VERSION_MAJOR 0
#define CUSGD_VERSION_MINOR 1
#define CUSGD_VERSION_PATCH 0
/* One number that grows from version to version: 100 for 0.1.0, 10203 for 1.2.3. */
#define CUSGD_VERSION (10000 * CUSGD_VERSION_MAJOR + 100 * CUSGD_VERSION_MINOR + CUSGD_VERSION_PATCH)

#if defined(__GNUC__)
#define CUSGD_API __attribute__((visibility("default")))
#else
#define CUSGD_API
#endif

/* The values are the exit codes of the command. */
typedef enum cusgd_status {
    CUSGD_OK = 0,
    CUSGD_ERROR_USAGE = 1,         /* an argument or an option is wrong */
    CUSGD_ERROR_DATA = 2,          /* data or a file is wrong, or cannot be read or written */
    CUSGD_ERROR_DEVICE = 3,        /* the device asked for is missing, out of memory or failed */
    CUSGD_ERROR_DIVERGED = 4,      /* the loss became infinite or NaN */
    CUSGD_ERROR_MISMATCH = 5,      /* two devices disagree */
    CUSGD_ERROR_MEMORY = 6,        /* out of host memory */
    CUSGD_ERROR_NOT_CONVERGED = 7, /* a full-batch solver did not converge, or the rate given to sgd is far too large */
    CUSGD_ERROR_INTERRUPTED = 130, /* the function of cusgd_set_interrupt asked for it; the command: 128 + the signal */
} cusgd_status;

/* "ok", "usage", "data", "device", "diverged", "mismatch", "memory", "not-converged", "interrupted"; "unknown" for other values.
 */
CUSGD_API const char *cusgd_status_name(cusgd_status status);

/* The message of this thread's last failure; "" if there was none. Valid until this thread's next call that fails. */
CUSGD_API const char *cusgd_last_error(void);

/* The same failure as data. */
typedef struct cusgd_error {
    size_t size;
    cusgd_status status; /* CUSGD_OK: this thread has had no failure */
    char option[32];     /* the name of the option whose value is wrong; "" where it is not one option's */
    int64_t row;         /* of the data, from 1; 0 where it is not one row's */
    int64_t column;      /* the feature's number, from 1; 0 where it is not one feature's */
} cusgd_error;
CUSGD_API cusgd_status cusgd_last_error_info(cusgd_error *error);

/* Whether messages and notes call options as the command's arguments ("--rate": 1) or by their names ("rate": 0, as at first).
 * For the whole process; to be called before other threads use the library. */
CUSGD_API void cusgd_set_option_dashes(int dashes);

CUSGD_API const char *cusgd_version(void); /* "0.1.0" */
CUSGD_API int cusgd_version_number(void);  /* the library's CUSGD_VERSION */

/* Ends long calls early. `asked` (NULL: nobody, as at first) is called with `user` from this thread while it is in a call of the
 * library, again and again, mostly within a few milliseconds and within 100 ms but for matrix factorizations, transfers to a GPU
 * and the writing of files; it should only look at a flag. Once it returns other than 0 it must go on to do so until the call has
 * ended: the call then fails with INTERRUPTED, frees what it took and gives no result; but cusgd_trainer_fit ends as by
 * cusgd_trainer_cancel, with the parameters so far. Each thread has its own. */
typedef int (*cusgd_interrupt)(void *user);
CUSGD_API void cusgd_set_interrupt(cusgd_interrupt asked, void *user);

/* Text from a file, such as a column's name, made fit for a terminal: C0 control characters, DEL and bytes that are not UTF-8
 * become \x1b and the like, C1 control characters, marks of direction and line separators \u009b and the like; all else stays.
 * Messages of cusgd_last_error() are fit already; names and metadata of data and models are as the files have them. Returns the
 * length of the whole, and writes as much of it as fits into `size` bytes with its terminator, as snprintf does. */
CUSGD_API size_t cusgd_text_escape(const char *text, char *escaped, size_t size);

/* ---- Losses -------------------------------------------------------------------------------------------------------------- */

typedef enum cusgd_target_kind {
    CUSGD_TARGET_REAL,        /* any number */
    CUSGD_TARGET_CLASS,       /* 0 and 1, or -1 and 1: -1 then stands for 0 */
    CUSGD_TARGET_POSITIVE,    /* > 0 */
    CUSGD_TARGET_NONNEGATIVE, /* >= 0 */
} cusgd_target_kind;

/* How the expected target follows from p. */
typedef enum cusgd_link {
    CUSGD_LINK_IDENTITY, /* p; of hinge losses, which know no expectation, too */
    CUSGD_LINK_LOGIT,    /* 1 / (1 + e^-p): the probability of class 1 */
    CUSGD_LINK_LOG,      /* e^p */
} cusgd_link;

typedef enum cusgd_smoothness {
    CUSGD_SMOOTH_QUADRATIC, /* a quadratic: a constant second derivative */
    CUSGD_SMOOTH_TWICE,     /* a continuous second derivative */
    CUSGD_SMOOTH_ONCE,      /* a continuous derivative */
    CUSGD_SMOOTH_NOT,       /* not differentiable everywhere: only solver sgd minimizes it */
} cusgd_smoothness;

/* One of the losses l(p, y): r = p - y, and s = 1 where y is 1, else -1. All are convex in p. */
typedef struct cusgd_loss_info {
    const char *name;    /* what the option `loss` takes: "huber" */
    const char *formula; /* "log(1 + e^p) - y p" */
    cusgd_target_kind targets;
    cusgd_link link;
    cusgd_smoothness smoothness;
    int likelihood;        /* 1: solvers exact and newton give standard errors of an optimum without penalty */
    double hessian_bound;  /* the least upper bound of d2l/dp2; infinite where there is none */
    const char *option;    /* the option that holds the loss's number ("delta"); NULL: it has none */
    double option_default; /* the number where the option is left open */
} cusgd_loss_info;
/* The index-th loss; NULL past the last. The library's. */
CUSGD_API const cusgd_loss_info *cusgd_loss_at(size_t index);
/* The loss of that name, or NULL. */
CUSGD_API const cusgd_loss_info *cusgd_loss_find(const char *name);

/* ---- Options ------------------------------------------------------------------------------------------------------------- */

/* What to train and how, by the names and values that `cusgd train --help` lists ("loss" "huber", "batch" "256", "lower" "0").
 * Options that are not set are chosen by the trainer when it sees the data, or have the default that cusgd_option_at tells. */
typedef struct cusgd_options cusgd_options;

CUSGD_API cusgd_status cusgd_options_new(cusgd_options **out);
CUSGD_API cusgd_status cusgd_options_copy(const cusgd_options *options, cusgd_options **out);
CUSGD_API void cusgd_options_free(cusgd_options *options);

/* The value that leaves a choice to the trainer: as text, and as a number. */
#define CUSGD_AUTO        "auto"
#define CUSGD_AUTO_NUMBER ((double)NAN)

/* Sets an option by its name or its alias; `value` NULL for flags: the named state. Whole numbers may be written as 1e6.
 * CUSGD_AUTO leaves the choice to the trainer where there is one. On failure (USAGE, with the option in cusgd_last_error_info)
 * the options are as they were. */
CUSGD_API cusgd_status cusgd_options_set(cusgd_options *options, const char *name, const char *value);
/* Likewise of an option whose type is a number, a whole number, a seed (up to 2^53) or a flag (0 or 1). NaN is CUSGD_AUTO, and -1
 * the choice of a whole number that has one ("end" of "evaluate-every"). */
CUSGD_API cusgd_status cusgd_options_set_number(cusgd_options *options, const char *name, double value);
/* Likewise of an option that is an array, copied: "l1-factors" and "l2-factors", d factors >= 0 on the columns' penalties, or
 * "penalty-factors", which sets both. count 0: none. */
CUSGD_API cusgd_status cusgd_options_set_array(cusgd_options *options, const char *name, const double *values, size_t count);

/* An option's value as text that cusgd_options_set takes: a name, a number by %.17g, "true" or "false", "auto". */
enum { CUSGD_OPTION_TEXT = 64 };
CUSGD_API cusgd_status cusgd_options_get(const cusgd_options *options, const char *name, char value[CUSGD_OPTION_TEXT]);
/* The value of an option that cusgd_options_set_number takes; NaN where the choice is open, and -1 where
 * it is the choice of a whole number. */
CUSGD_API cusgd_status cusgd_options_get_number(const cusgd_options *options, const char *name, double *value);

/* Whether the options make sense together. USAGE if not, with a message that says which does not and what to do. */
CUSGD_API cusgd_status cusgd_options_check(const cusgd_options *options);

/* Whether the option changes nothing with the others as they are: the name of the option that makes it so ("loss" where a delta
 * is set and the loss is not huber; "t0" of a rate), or NULL where it is read, or where there is no such option. */
CUSGD_API const char *cusgd_options_unused(const cusgd_options *options, const char *name);

typedef enum cusgd_option_type {
    CUSGD_OPTION_NAME,   /* one of `choices` */
    CUSGD_OPTION_NUMBER, /* a finite number from `min` to `max`, each excluded where min_excluded, max_excluded say so */
    CUSGD_OPTION_WHOLE,  /* a whole number from `min` to `max`, or one of `choices` */
    CUSGD_OPTION_FLAG,   /* "true" or "false" */
    CUSGD_OPTION_SEED,   /* a whole number from 0 to 2^64 - 1 */
    CUSGD_OPTION_DEVICE, /* "auto", "cpu", "cuda" or "cuda:I" */
} cusgd_option_type;

/* What there is to set, one entry per option, for help texts and for programs that pass options on. */
typedef struct cusgd_option_info {
    const char *name;         /* "batch" */
    const char *metavar;      /* what a help text calls its value: "N", "X", "permute|blocks|..."; NULL if it takes none */
    const char *default_text; /* what holds when it is not set, in words or as a value */
    const char *help;         /* one line */
    const char *alias;        /* another name ("lr"), for a flag its opposite; or NULL */
    cusgd_option_type type;
    const char *const *choices; /* NULL-terminated, or NULL */
    double min, max;            /* of numbers */
    int min_excluded, max_excluded;
    int takes_auto; /* 1: CUSGD_AUTO leaves the choice to the trainer, and is the default */
} cusgd_option_info;
CUSGD_API const cusgd_option_info *cusgd_option_at(size_t index); /* NULL past the last; the library's */

/* ---- Data ---------------------------------------------------------------------------------------------------------------- */

typedef struct cusgd_data cusgd_data;

typedef enum cusgd_type { CUSGD_TYPE_FLOAT32, CUSGD_TYPE_FLOAT64 } cusgd_type;

/* A matrix in the caller's memory: element (i, j) stands at at[i * row_stride + j * col_stride], in elements, not bytes. */
typedef struct cusgd_matrix {
    const void *at;
    cusgd_type type;
    int64_t row_stride, col_stride;
} cusgd_matrix;

/* Wraps the caller's arrays without copying them; they must outlive the data and not change meanwhile. x is n x d, y is n x k or
 * has at == NULL (k is then 0: for prediction only), w is n x 1 or has at == NULL (every weight 1). n, d >= 1. Rows
 * of weight 0 are as if they were not there. */
CUSGD_API cusgd_status cusgd_data_wrap(int64_t n, int64_t d, int64_t k, cusgd_matrix x, cusgd_matrix y, cusgd_matrix w,
                                       cusgd_data **out);

/* What is added to p of a row, its coefficient fixed at 1, as statsmodels' GLM has it (McCullagh, Nelder 1989). One number a row
 * serves all outputs. */
typedef enum cusgd_offset {
    CUSGD_OFFSET_NONE,
    CUSGD_OFFSET_LINEAR,   /* the number itself, finite: any loss */
    CUSGD_OFFSET_EXPOSURE, /* its logarithm, the number > 0: losses with a log link (poisson, gamma, tweedie) */
} cusgd_offset;

/* Gives the data offsets, or takes them away (NONE; o is not looked at): o is n x 1. Exposures are copied as their logarithms;
 * other offsets are the caller's, as the arrays of cusgd_data_wrap are. Not while a trainer is at work on the data. */
CUSGD_API cusgd_status cusgd_data_set_offset(cusgd_data *data, cusgd_offset kind, cusgd_matrix o);

/* Gives wrapped or generated data names, in UTF-8, which models, messages and cusgd_data_reader then have: d names of features, k
 * of targets, the two names that a target's 0 and 1 stand for, and what messages call the data ("data" at first). Each may be
 * NULL: it stays as it is. Not while a trainer is at work on the data. */
CUSGD_API cusgd_status cusgd_data_set_names(cusgd_data *data, const char *const *features, const char *const *targets,
                                            const char *const *classes, const char *source);

/* Lets a target of two numbers other than 0 and 1, or -1 and 1, be two classes: they become 0 and 1 in their order, and the
 * classes' names. `model`: NULL, or the one whose classes they are, also where one of them alone occurs. Nothing changes where
 * the target has names of classes already, or where there are several targets. DATA: there are more than two values, or others
 * than the model's. */
typedef struct cusgd_model cusgd_model;
CUSGD_API cusgd_status cusgd_data_find_classes(cusgd_data *data, const cusgd_model *model);

/* The rows `rows`[0 .. count - 1] (from 0, in this order, repeated as often as they occur) as data of its own: x, y, weights and
 * offsets are copied in their own type, names as well. `data` may be freed before it. */
CUSGD_API cusgd_status cusgd_data_select(const cusgd_data *data, const int64_t *rows, int64_t count, cusgd_data **out);

CUSGD_API void cusgd_data_free(cusgd_data *data);
CUSGD_API int64_t cusgd_data_rows(const cusgd_data *data);
CUSGD_API int64_t cusgd_data_cols(const cusgd_data *data);
CUSGD_API int64_t cusgd_data_outputs(const cusgd_data *data);
CUSGD_API const char *cusgd_data_feature(const cusgd_data *data, int64_t j); /* its name, or NULL where columns have none */
CUSGD_API const char *cusgd_data_target(const cusgd_data *data, int64_t j);  /* likewise */
CUSGD_API const char *cusgd_data_class(const cusgd_data *data, int value);   /* what y = 0 or 1 stands for, or NULL */
/* The number, from 1, of the CSV's column that feature or target j was read from; 0 where the data is no CSV. */
CUSGD_API int64_t cusgd_data_feature_column(const cusgd_data *data, int64_t j);
CUSGD_API int64_t cusgd_data_target_column(const cusgd_data *data, int64_t j);
/* What a person should know about how the file was read (a first line with numbers that was taken for a header, a feature that
 * only counts the rows): the index-th sentence, the data's; NULL past the last. */
CUSGD_API const char *cusgd_data_note(const cusgd_data *data, size_t index);
/* Whether there are offsets, and (unless `name` is NULL) their column's name or NULL. */
CUSGD_API cusgd_offset cusgd_data_offset(const cusgd_data *data, const char **name);

/* ---- Models -------------------------------------------------------------------------------------------------------------- */

/* A trained model (cusgd_model); it never changes, so that every function but cusgd_model_free may be called on it from several
 * threads at once. */

/* What cusgd_model_create makes a model of. */
typedef struct cusgd_model_arrays {
    size_t size;
    int64_t cols, outputs;       /* d, k >= 1 */
    const double *weight;        /* k x d, row-major, in the data's units */
    const double *bias;          /* k; NULL: zeros */
    const char *loss;            /* by name; NULL: "squared" */
    double loss_number;          /* of a loss that has one (cusgd_loss_info.option); 0 or NaN: its default */
    const char *const *features; /* d names, or NULL */
    const char *const *targets;  /* k names, or NULL */
    const char *const *classes;  /* two names, or NULL */
    cusgd_offset offset;         /* what rows need for a prediction */
} cusgd_model_arrays;
CUSGD_API cusgd_status cusgd_model_create(const cusgd_model_arrays *arrays, cusgd_model **out);

/* Reads a safetensors file with `weight` (k x d or d) and `bias` (k or absent), F32 or F64, with or without cuSGD's metadata; or
 * with NAME.weight and NAME.bias alone, as PyTorch names one layer's ("linear.weight", "0.weight"). */
CUSGD_API cusgd_status cusgd_model_load(const char *path, cusgd_model **out);
/* Writes one, its tensors F64 whatever the precision of the run, so that the file predicts what the model predicts; equal models
 * give equal bytes. The old file stays until the new one is complete. DATA: a number of the model is not finite, and nothing is
 * written. */
CUSGD_API cusgd_status cusgd_model_save(const cusgd_model *model, const char *path);
/* Likewise from and to memory: the bytes of such a file. cusgd_model_save_memory writes them to `buffer` if they fit into
 * `capacity` bytes, and tells in *bytes how many they are in any case; USAGE where they do not fit (buffer NULL, capacity 0: only
 * asks, OK). */
CUSGD_API cusgd_status cusgd_model_load_memory(const void *bytes, size_t count, cusgd_model **out);
CUSGD_API cusgd_status cusgd_model_save_memory(const cusgd_model *model, void *buffer, size_t capacity, size_t *bytes);
CUSGD_API void cusgd_model_free(cusgd_model *model);
CUSGD_API int64_t cusgd_model_cols(const cusgd_model *model);
CUSGD_API int64_t cusgd_model_outputs(const cusgd_model *model);
CUSGD_API const double *cusgd_model_weight(const cusgd_model *model); /* k x d, row-major; the model's */
CUSGD_API const double *cusgd_model_bias(const cusgd_model *model);   /* k; the model's */
/* Standard errors, k x (d + 1), the intercepts' last; the model's. NULL unless solver exact or newton (auto) trained it without
 * penalty on a loss that is a likelihood's, and a finite optimum exists; the metadata's no_standard_errors then has the reason.
 * Weights count equal rows for logistic and poisson (statsmodels' freq_weights); their scale does not matter for squared and mse
 * (WLS). *degrees_of_freedom (may be NULL): degrees of the t distribution that coefficients over their
 * errors follow; 0: a normal one. */
CUSGD_API const double *cusgd_model_standard_errors(const cusgd_model *model, int64_t *degrees_of_freedom);
CUSGD_API const char *cusgd_model_feature(const cusgd_model *model, int64_t j); /* NULL where there are no names */
CUSGD_API const char *cusgd_model_target(const cusgd_model *model, int64_t j);
CUSGD_API const char *cusgd_model_class(const cusgd_model *model, int value); /* what y = 0 or 1 stands for, or NULL */
/* The loss it was trained with; and its number, NaN where the loss has none (NULL: not asked for). */
CUSGD_API const cusgd_loss_info *cusgd_model_loss(const cusgd_model *model, double *number);
/* What it was trained with, and the column's name or NULL, as cusgd_data_offset. */
CUSGD_API cusgd_offset cusgd_model_offset(const cusgd_model *model, const char **name);
/* The metadata, one entry an index: *name and *value are the model's. Returns 0 past the last. */
CUSGD_API int cusgd_model_metadata(const cusgd_model *model, size_t index, const char **name, const char **value);
/* The number, from 1, of the column that feature or target j had in the CSV that the model was trained on; 0 where it was no CSV.
 */
CUSGD_API int64_t cusgd_model_feature_column(const cusgd_model *model, int64_t j);
CUSGD_API int64_t cusgd_model_target_column(const cusgd_model *model, int64_t j);
CUSGD_API int64_t cusgd_model_offset_column(const cusgd_model *model); /* likewise; 0 also where it had no offset */
typedef enum cusgd_prediction {
    CUSGD_PREDICT_MEAN,  /* the expected target: p; the probability of 1 for logistic loss; e^p for log-link ones. Hinge: p */
    CUSGD_PREDICT_LINK,  /* p = x theta + b, plus the row's offset */
    CUSGD_PREDICT_CLASS, /* 0 or 1 (losses of classes) */
    CUSGD_PREDICT_PROBABILITY, /* of 1 (logistic) */
} cusgd_prediction;

/* out: n x k, row-major. Computed in double on the CPU. A model that was trained with offsets wants data that has them (DATA),
 * one that was trained without takes none. */
CUSGD_API cusgd_status cusgd_model_predict(const cusgd_model *model, const cusgd_data *data, cusgd_prediction as, double *out);

/* Weighted by the data's weights. Fields that do not apply to the model's loss are NAN. */
typedef struct cusgd_metrics {
    size_t size;
    int64_t rows;
    double loss;               /* mean loss a row: the squared error itself for squared and mse, else l */
    double mse, rmse, mae, r2; /* regression, of predictions with their offsets; r2 is beside the targets' mean */
    double log_loss, accuracy; /* classification; the log loss for logistic alone */
    double deviance,
        d2; /* log-link losses: mean deviance, and the share of the intercept-only model's (b + o) that is explained */
    double explained_variance, max_error; /* regression; the largest error counts no weights but 0 */
    /* Classification, of class 1, as scikit-learn has them: 0 where nothing was predicted, or there was nothing to find. */
    double balanced_accuracy, precision, recall, f1;
    double confusion[4]; /* weights of the rows: class 0 predicted as 0 and as 1, class 1 as 0 and as 1 */
} cusgd_metrics;
/* `output` in [0, k), or -1 for the mean over the outputs. */
CUSGD_API cusgd_status cusgd_model_evaluate(const cusgd_model *model, const cusgd_data *data, int64_t output,
                                            cusgd_metrics *metrics);

/* How well p ranks the rows of class 1 before those of class 0, weighted: the area under the ROC curve (NAN where there is one
 * class alone), and the average precision, as scikit-learn has them. `output` as above. USAGE: the loss has no classes. */
typedef struct cusgd_ranking {
    size_t size;
    double auc, average_precision;
} cusgd_ranking;
CUSGD_API cusgd_status cusgd_model_rank(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_ranking *ranking);

/* ---- Training ------------------------------------------------------------------------------------------------------------ */

typedef struct cusgd_trainer cusgd_trainer;

typedef enum cusgd_stop {
    CUSGD_STOP_NONE,      /* has not ended */
    CUSGD_STOP_EPOCHS,    /* all epochs ran */
    CUSGD_STOP_TOLERANCE, /* no improvement of more than `tolerance` for `patience` evaluations */
    CUSGD_STOP_GRADIENT,  /* the gradient is within gradient_tolerance */
    CUSGD_STOP_CANCELLED, /* by the callback or cusgd_trainer_cancel */
    CUSGD_STOP_DIVERGED,  /* the loss became infinite or NaN */
    CUSGD_STOP_SOLVED,    /* by solver exact: there is nothing left to do */
    CUSGD_STOP_DEVICE,    /* the device failed */
    CUSGD_STOP_DATA,      /* a data file became shorter during the run */
} cusgd_stop;

/* After an epoch. Losses are means over rows and outputs: the squared error itself for squared and mse. NAN: not computed. */
typedef struct cusgd_progress {
    size_t size;
    int64_t epoch, epochs; /* this one, from 1; how many at most */
    int64_t step;          /* steps so far */
    double loss;           /* the mean over the epoch's steps, each before its update; exact where `evaluated` */
    int evaluated;         /* 1: `loss` is a full pass at the epoch's end */
    double valid_loss;
    double rate;    /* of the last step */
    double seconds; /* since training began */
    double rows_per_second;
    double seconds_left; /* if every epoch ran */
} cusgd_progress;

/* Called in the thread that called cusgd_trainer_fit; a nonzero value ends training (CUSGD_STOP_CANCELLED). It may read the
 * trainer: cusgd_trainer_get_coefficients, _create_model, _predict and _evaluate are then of the parameters at the epoch's end,
 * which need not become the result. cusgd_trainer_fit, _step, _set_coefficients and _optimum are refused (USAGE); the trainer
 * must not be freed. */
typedef int (*cusgd_callback)(const cusgd_progress *progress, void *user);

typedef struct cusgd_result {
    size_t size;
    cusgd_stop stop;
    int64_t epochs, steps;   /* run in all */
    int64_t epoch;           /* whose end the parameters are from: the best evaluated one's, if epochs were evaluated */
    double loss, valid_loss; /* of these parameters, full passes; NAN where there is no validation data */
    double objective;        /* the objective in full */
    double gradient;     /* |gradient| as a share of the intercept-only model's; NAN unless gradient_tolerance was asked for */
    double relative_gap; /* estimated relative distance of the objective to the optimum; NAN where it cannot be told */
    double rate;         /* of the last step */
    double seconds, rows_per_second;
    int64_t rollbacks; /* how often the run went back to better parameters and divided the rate by 4, because the loss rose */
    int separated;  /* 1: no finite optimum exists, as `note` says (logistic, poisson, tweedie); 0: one exists, or it is not known
                     */
    char note[512]; /* what else there is to know: "rank 3 of 5: ...", that no finite optimum exists (logistic, poisson, tweedie),
                     * that the result is worse than the intercept-only model; "" if nothing */
    double null_loss; /* the intercept-only model's loss on the training rows; NAN where it is not known */
    int worse;        /* 1: `loss` is above that, beyond rounding */
    int converged;    /* 1: a rule of convergence ended the fit (TOLERANCE, GRADIENT, SOLVED), and the result is not worse */
} cusgd_result;

/* `train` and `valid` (NULL: none) must outlive the trainer. Checks the options against the data, refuses what is not finite,
 * standardizes, chooses what was left open. Errors: USAGE, DATA, DEVICE, MEMORY. */
CUSGD_API cusgd_status cusgd_trainer_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                            cusgd_trainer **out);
CUSGD_API void cusgd_trainer_free(cusgd_trainer *trainer);

/* Trains until a rule of the options ends it. `callback` and `result` may be NULL; a solver's iterations are told as epochs.
 * NOT_CONVERGED: of solvers other than sgd the parameters are the best reached, and not yet the optimum; so also where the
 * gradient is small but the least objective, if cusgd_trainer_optimum knows it, is not reached. Of solver sgd under a rate that
 * was given (or t0, or l2 by the schedule optimal): the result is worse than both the intercept-only model and the starting
 * point. DIVERGED leaves the best
 * parameters so far in the trainer (result->epoch 0: its starting point, no epoch was completed). May be called again to go on:
 * `epochs` more at most. DEVICE leaves them likewise, in host memory: cusgd_trainer_get_coefficients and
 * cusgd_trainer_create_model give them without the device. Of the result's losses only valid_loss is then known, the others are
 * NAN, and the trainer cannot go on. DATA, where a data file became shorter during the run, leaves and tells the same, with stop
 * CUSGD_STOP_DATA. */
CUSGD_API cusgd_status cusgd_trainer_fit(cusgd_trainer *trainer, cusgd_callback callback, void *user, cusgd_result *result);

/* The least objective over the training rows, and the seconds that it takes to find it by solver exact (squared and mse) or
 * newton (other losses that are differentiable): what a run can be compared with. Known without l1 and bounds, where it is about
 * a second's work or the run's own, and a finite optimum exists; *objective is NAN elsewhere. The parameters of the trainer stay
 * as they are. */
CUSGD_API cusgd_status cusgd_trainer_optimum(cusgd_trainer *trainer, double *objective, double *seconds);

/* Runs `steps` minibatch steps from where the trainer stands, without evaluation, stopping rules or lowering of the rate. Solver
 * sgd only. INTERRUPTED, also after cusgd_trainer_cancel: fewer steps were taken, and the trainer can go on. */
CUSGD_API cusgd_status cusgd_trainer_step(cusgd_trainer *trainer, int64_t steps);

/* ---- Further data, other options ---- */

/* Gives the trainer other rows to go on with, in the place of those it has. Kept: parameters, the optimizer's state, averages,
 * the count of steps and epochs; the options as they run, with the rate, batch, epochs and schedule that were chosen from the
 * first rows (a batch larger than those was cut to their number); means and scales of columns and targets, the mean weight,
 * validation data. Begun anew: the epoch, the best parameters and all that stopping rules count. The data must have the same
 * number of columns and targets, the same kind of offset, and equal names where both have names; it must outlive the trainer or
 * its replacement, and what it replaces may be freed after the call. On failure the trainer is as it was. Errors: USAGE (another
 * solver than sgd, a valid-fraction), DATA, DEVICE, MEMORY. */
CUSGD_API cusgd_status cusgd_trainer_rebind(cusgd_trainer *trainer, const cusgd_data *train);

/* One pass over further rows: cusgd_trainer_rebind, and the steps of one epoch in the order of the option sampling, without
 * evaluation, stopping rules or lowering of the rate. cusgd_trainer_create takes no steps: its rows are to be given here as well.
 *
 * With sampling none, without standardization and with an optimizer and its rate named, calls with consecutive pieces of some
 * rows are one epoch over them all, to the bit, if every piece but the last has a multiple of `batch` rows (other pieces are cut
 * into batches of equal size) and there are no weights.
 *
 * `progress` (may be NULL): `loss` is the mean over these rows, of each before the step that it had a part in, which is
 * progressive validation; `step` and `epoch` count from the trainer's creation. INTERRUPTED, DIVERGED: as cusgd_trainer_step; the
 * parameters are those before the step that failed. */
CUSGD_API cusgd_status cusgd_trainer_partial_fit(cusgd_trainer *trainer, const cusgd_data *rows, cusgd_progress *progress);

/* Begins a new run with other options on the data that the trainer has, as cusgd_trainer_create does, to the bit; the parameters
 * become those that such a run starts from. The data is neither checked, standardized nor copied again where these options are as
 * they were: loss and its number, precision, storage, standardize, intercept, device and threads; there is no valid-fraction;
 * optimizer auto is not exchanged for another or the other way; and an l2 in the data's units outweighs the loss's second
 * derivative on no column, before or now. Where USAGE comes of options that do not fit each other, or the data has to be bound
 * anew and cannot be, the trainer is as it was; after another failure it can be reset again or freed, and has no parameters
 * (USAGE). */
CUSGD_API cusgd_status cusgd_trainer_reset(cusgd_trainer *trainer, const cusgd_options *options);

/* Ends the cusgd_trainer_fit or cusgd_trainer_step that is at work, after the steps in flight; without one, the next fit. May be
 * called from a signal handler or another thread. */
CUSGD_API void cusgd_trainer_cancel(cusgd_trainer *trainer);

/* What people should know of how the data was taken, of the time and memory that a solver is going to need, and of how the device
 * ran: the index-th sentence, the trainer's; NULL past the last. A run may add sentences at the end. */
CUSGD_API const char *cusgd_trainer_note(const cusgd_trainer *trainer, size_t index);

/* The options as they run, every choice made; the trainer's. */
CUSGD_API const cusgd_options *cusgd_trainer_options(const cusgd_trainer *trainer);
/* The device's name ("CPU, 2 threads"); the trainer's. */
CUSGD_API const char *cusgd_trainer_device_name(const cusgd_trainer *trainer);

/* Parameters in the data's units: weight k x d row-major, bias k; either may be NULL. Setting them restarts the optimizer. */
CUSGD_API cusgd_status cusgd_trainer_get_coefficients(cusgd_trainer *trainer, double *weight, double *bias);
CUSGD_API cusgd_status cusgd_trainer_set_coefficients(cusgd_trainer *trainer, const double *weight, const double *bias);

/* As cusgd_model_predict and cusgd_model_evaluate, on the trainer's device and in its precision. */
CUSGD_API cusgd_status cusgd_trainer_predict(cusgd_trainer *trainer, const cusgd_data *data, cusgd_prediction as, double *out);
CUSGD_API cusgd_status cusgd_trainer_evaluate(cusgd_trainer *trainer, const cusgd_data *data, int64_t output,
                                              cusgd_metrics *metrics);

/* The trained model, with names and classes of the training data. */
CUSGD_API cusgd_status cusgd_trainer_create_model(cusgd_trainer *trainer, cusgd_model **out);

/* ---- Devices ------------------------------------------------------------------------------------------------------------- */

typedef struct cusgd_device {
    size_t size;
    char id[16]; /* what --device takes: "cpu", "cuda:0" */
    char name[128];
    int64_t memory; /* bytes; 0 if unknown */
    int64_t cache;  /* bytes of the last-level cache; 0 if unknown */
    char note[256]; /* the instruction set, the compute capability and module, or why it cannot be used; "" if nothing */
    int usable;
    int compiles; /* 1: the driver compiles code for this GPU at its first use, which takes minutes */
} cusgd_device;
/* The index-th device. Returns 0 past the last. An unusable "cuda" entry says why there is no GPU. */
CUSGD_API int cusgd_device_at(size_t index, cusgd_device *device);

/* The folder in which the CUDA module (libcusgd-cuda.so) lies: to be called before the first call that needs a device; USAGE
 * after it. Without, the module is sought in CUSGD_MODULE_DIR, then beside libcusgd, then below that in cusgd/. */
CUSGD_API cusgd_status cusgd_set_module_folder(const char *folder);

#ifdef __cplusplus
}
#endif
#endif
