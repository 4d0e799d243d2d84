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
 * otherwise. A handle that is NULL is a USAGE error unless the function says what it means; functions that do not return a status
 * then return 0 or NULL. A function whose handle is const may be called from several threads at once on the same handle; other
 * calls on one handle are made by one thread at a time. The library prints nothing, never exits and installs no signal handler
 * unless it is asked to (cusgd_handle_faults in cusgd_tools.h).
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
    CUSGD_ERROR_DEVICE = 3,        /* the requested device is missing, out of memory or has failed */
    CUSGD_ERROR_DIVERGED = 4,      /* the loss became infinite or NaN */
    CUSGD_ERROR_MISMATCH = 5,      /* two devices disagree */
    CUSGD_ERROR_MEMORY = 6,        /* out of host memory */
    CUSGD_ERROR_NOT_CONVERGED = 7, /* a full-batch solver did not converge, or the rate given to sgd is far too large */
    CUSGD_ERROR_INTERRUPTED = 130, /* the interrupt function ended the call; exit code of the command: 128 + the signal */
} cusgd_status;

/* The name of a status: "ok", "usage", "data", "device", "diverged", "mismatch", "memory", "not-converged" or "interrupted";
 * "unknown" for other values. */
CUSGD_API const char *cusgd_status_name(cusgd_status status);

/* Returns the message of the last failure in this thread, or "" if there was none. Valid until the next failure in this thread.
 */
CUSGD_API const char *cusgd_last_error(void);

/* The parts of that failure, for programs. */
typedef struct cusgd_error {
    size_t size;
    cusgd_status status; /* CUSGD_OK: this thread has had no failure */
    char option[32];     /* the name of the option whose value is wrong; "" if the failure does not concern one option */
    int64_t row;         /* the row of the data, from 1; 0 if the failure does not concern one row */
    int64_t column;      /* the number of the feature, from 1; 0 if the failure does not concern one feature */
} cusgd_error;
CUSGD_API cusgd_status cusgd_last_error_info(cusgd_error *error);

/* Sets how messages and notes write options: 1 as arguments of the command ("--rate"), 0 by name ("rate"; the default). It
 * applies to the whole process; call it before other threads use the library. */
CUSGD_API void cusgd_set_option_dashes(int dashes);

CUSGD_API const char *cusgd_version(void); /* "0.1.0" */
CUSGD_API int cusgd_version_number(void);  /* the library's CUSGD_VERSION */

/* Sets a function that can end long calls of this thread early. While the thread is in a call of the library, the library calls
 * `asked` with `user` repeatedly: usually every few milliseconds and at least every 100 ms, except during matrix factorizations,
 * transfers to a GPU and writes to files. The function should only read a flag. If it returns a nonzero value, it must continue
 * to do so until the call has ended. The call then fails with INTERRUPTED, frees its memory and gives no result;
 * cusgd_trainer_fit instead ends as after cusgd_trainer_cancel and keeps the parameters reached so far. NULL (the default): no
 * function. Each thread has a setting of its own. */
typedef int (*cusgd_interrupt)(void *user);
CUSGD_API void cusgd_set_interrupt(cusgd_interrupt asked, void *user);

/* Escapes text from a file, such as the name of a column, so that it can be printed on a terminal. C0 control characters, DEL and
 * bytes that are not UTF-8 become \x1b and the like; C1 control characters, marks of text direction and line separators become
 * \u009b and the like. Messages of cusgd_last_error() are escaped already; names and metadata of data and models are returned as
 * the files have them. Returns the length of the escaped text and writes as much of it as fits into `size` bytes including its
 * terminator, as snprintf does. */
CUSGD_API size_t cusgd_text_escape(const char *text, char *escaped, size_t size);

/* ---- Losses -------------------------------------------------------------------------------------------------------------- */

typedef enum cusgd_target_kind {
    CUSGD_TARGET_REAL,        /* any number */
    CUSGD_TARGET_CLASS,       /* 0 and 1, or -1 and 1, where -1 means class 0 */
    CUSGD_TARGET_POSITIVE,    /* > 0 */
    CUSGD_TARGET_NONNEGATIVE, /* >= 0 */
} cusgd_target_kind;

/* How the expected target follows from p. */
typedef enum cusgd_link {
    CUSGD_LINK_IDENTITY, /* p; also for hinge losses, which do not model an expectation */
    CUSGD_LINK_LOGIT,    /* 1 / (1 + e^-p): the probability of class 1 */
    CUSGD_LINK_LOG,      /* e^p */
    CUSGD_LINK_SOFTMAX,  /* e^p / sum of e^p over the outputs: the probability of each class */
} cusgd_link;

typedef enum cusgd_smoothness {
    CUSGD_SMOOTH_QUADRATIC, /* a quadratic: a constant second derivative */
    CUSGD_SMOOTH_TWICE,     /* a continuous second derivative */
    CUSGD_SMOOTH_ONCE,      /* a continuous derivative */
    CUSGD_SMOOTH_NOT,       /* not differentiable everywhere: only solver sgd minimizes it */
} cusgd_smoothness;

/* A loss function l(p, y). In formulas r = p - y, and s = 1 for y = 1, otherwise -1. All losses are convex in p. */
typedef struct cusgd_loss_info {
    const char *name;    /* what the option `loss` takes: "huber" */
    const char *formula; /* "log(1 + e^p) - y p" */
    cusgd_target_kind targets;
    cusgd_link link;
    cusgd_smoothness smoothness;
    int likelihood;        /* 1: solvers exact and newton compute standard errors if there is no penalty */
    double hessian_bound;  /* the least upper bound of d2l/dp2; infinite if there is none */
    const char *option;    /* the option that sets the parameter of the loss ("delta"); NULL: it has none */
    double option_default; /* the value of that parameter if the option is not set */
} cusgd_loss_info;
/* Returns the index-th loss, or NULL past the last. Static. */
CUSGD_API const cusgd_loss_info *cusgd_loss_at(size_t index);
/* Returns the loss of that name, or NULL. Static. */
CUSGD_API const cusgd_loss_info *cusgd_loss_find(const char *name);

/* ---- Options ------------------------------------------------------------------------------------------------------------- */

/* The options of a training run, by the names and values that `cusgd train --help all` lists ("loss" "huber", "batch" "256",
 * "lower" "0"). An option that is not set has the default that cusgd_option_at gives, or is chosen by the trainer from the data.
 */
typedef struct cusgd_options cusgd_options;

CUSGD_API cusgd_status cusgd_options_new(cusgd_options **out);
CUSGD_API cusgd_status cusgd_options_copy(const cusgd_options *options, cusgd_options **out);
CUSGD_API void cusgd_options_free(cusgd_options *options);

/* The value that leaves an option to the trainer: as text and as a number. */
#define CUSGD_AUTO        "auto"
#define CUSGD_AUTO_NUMBER ((double)NAN)

/* Sets an option by its name or alias. For a flag, `value` NULL sets the state that the name says ("no-intercept"). Whole numbers
 * may be written as 1e6. CUSGD_AUTO leaves the option to the trainer if it can choose it. On failure (USAGE; the option is in
 * cusgd_last_error_info) the options are unchanged. */
CUSGD_API cusgd_status cusgd_options_set(cusgd_options *options, const char *name, const char *value);
/* Sets an option whose type is a number, a whole number, a seed (up to 2^53) or a flag (0 or 1). NaN means CUSGD_AUTO; -1 means
 * the word that a whole number accepts ("end" for "evaluate-every"). */
CUSGD_API cusgd_status cusgd_options_set_number(cusgd_options *options, const char *name, double value);
/* Sets an option that is an array, which is copied: "l1-factors" or "l2-factors", d factors >= 0 on the penalties of the columns,
 * or "penalty-factors", which sets both; "column-means", d finite numbers, and "column-scales", d numbers > 0, by which columns
 * are standardized, (x - mean) / scale, in the place of their own; either may be set alone. Penalties then act on these columns'
 * coefficients; the optimum without penalties and the model's units are the same. column-means need an intercept. count 0 removes
 * an array. */
CUSGD_API cusgd_status cusgd_options_set_array(cusgd_options *options, const char *name, const double *values, size_t count);

/* Gets the value of an option as text that cusgd_options_set accepts: a name, a number by %.17g, "true" or "false", or "auto". */
enum { CUSGD_OPTION_TEXT = 64 };
CUSGD_API cusgd_status cusgd_options_get(const cusgd_options *options, const char *name, char value[CUSGD_OPTION_TEXT]);
/* Gets the value of an option that cusgd_options_set_number accepts: NaN for CUSGD_AUTO, -1 for the word of a whole number. */
CUSGD_API cusgd_status cusgd_options_get_number(const cusgd_options *options, const char *name, double *value);

/* Checks the options against each other. Fails with USAGE and a message that says which option is wrong and what to do. */
CUSGD_API cusgd_status cusgd_options_check(const cusgd_options *options);

/* Finds options that have no effect. Returns the name of the option because of which `name` is not used ("loss" for "delta" if
 * the loss is not huber; "t0" for "rate"), or NULL if it is used or if there is no such option. */
CUSGD_API const char *cusgd_options_unused(const cusgd_options *options, const char *name);

typedef enum cusgd_option_type {
    CUSGD_OPTION_NAME,   /* one of `choices` */
    CUSGD_OPTION_NUMBER, /* a finite number from `min` to `max`, each excluded where min_excluded, max_excluded say so */
    CUSGD_OPTION_WHOLE,  /* a whole number from `min` to `max`, or one of `choices` */
    CUSGD_OPTION_FLAG,   /* "true" or "false" */
    CUSGD_OPTION_SEED,   /* a whole number from 0 to 2^64 - 1 */
    CUSGD_OPTION_DEVICE, /* "auto", "cpu", "cuda" or "cuda:I" */
} cusgd_option_type;

/* The description of an option, for help texts and for programs that pass options on. */
typedef struct cusgd_option_info {
    const char *name;         /* "batch" */
    const char *metavar;      /* the value in a help text: "N", "X", "permute|blocks|..."; NULL if it takes none */
    const char *default_text; /* the default, in words or as a value */
    const char *help;         /* one line */
    const char *alias;        /* another name ("lr"), for a flag its opposite; or NULL */
    cusgd_option_type type;
    const char *const *choices; /* NULL-terminated, or NULL */
    double min, max;            /* of numbers */
    int min_excluded, max_excluded;
    int takes_auto; /* 1: CUSGD_AUTO leaves the choice to the trainer, and is the default */
} cusgd_option_info;
/* Returns the index-th option, or NULL past the last. Static. */
CUSGD_API const cusgd_option_info *cusgd_option_at(size_t index);

/* ---- Data ---------------------------------------------------------------------------------------------------------------- */

typedef struct cusgd_data cusgd_data;

typedef enum cusgd_type { CUSGD_TYPE_FLOAT32, CUSGD_TYPE_FLOAT64 } cusgd_type;

/* A matrix in the caller's memory: element (i, j) is at[i * row_stride + j * col_stride]. Strides count elements, not bytes. */
typedef struct cusgd_matrix {
    const void *at;
    cusgd_type type;
    int64_t row_stride, col_stride;
} cusgd_matrix;

/* Wraps the caller's arrays without copying them. They must outlive the data and must not change meanwhile. n, d >= 1. x is n x
 * d; y is n x k, or y.at is NULL and k 0 (data for prediction only); w is n x 1, or w.at is NULL (all weights are 1). Rows of
 * weight 0 are ignored everywhere. */
CUSGD_API cusgd_status cusgd_data_wrap(int64_t n, int64_t d, int64_t k, cusgd_matrix x, cusgd_matrix y, cusgd_matrix w,
                                       cusgd_data **out);

/* Arrays of which x lies in the memory of a GPU; y and w may lie there or in the host's memory. `at` is an address as
 * cudaMalloc gives it, and the arrays are ready once what the stream has been given is done, for which the call waits. */
typedef struct cusgd_device_arrays {
    size_t size;
    cusgd_matrix x, y, w; /* as in cusgd_data_wrap */
    void *stream;         /* a cudaStream_t; NULL: the default stream */
} cusgd_device_arrays;

/* Wraps arrays in the memory of a GPU. y and w are copied to the host. x stays where it is: a trainer on that GPU uses it in
 * place if it has the precision of the run, is stored in full, is not standardized, has all rows behind one another (and each a
 * multiple of 16 bytes, from 32 columns on), and no row is held out; otherwise it is copied there. x must outlive the data and
 * its trainers and must not change meanwhile. Such data is for solver sgd on that GPU and for predictions of its trainers.
 * Errors: USAGE, also for x in the host's memory and from all that reads rows on the host; DATA, if a column of x is not finite;
 * DEVICE, MEMORY. */
CUSGD_API cusgd_status cusgd_data_wrap_device(int64_t n, int64_t d, int64_t k, const cusgd_device_arrays *arrays,
                                              cusgd_data **out);
/* A sparse matrix in the caller's memory, by rows (CSR): row i holds the stored values start[i] .. start[i + 1] - 1, in strictly
 * ascending columns; a column that is not stored is 0. */
typedef struct cusgd_csr {
    const int64_t *start; /* n + 1, the first 0 */
    const void *column;   /* of each stored value, from 0: int32_t, or int64_t where `wide` is 1 */
    const void *value;    /* of `type`; NULL: every stored value is 1 */
    cusgd_type type;
    int wide;
} cusgd_csr;

/* As cusgd_data_wrap, for sparse x of at most 2^31 - 1 columns. Reads the columns once; DATA where they do not ascend or are out
 * of range, with the row. Sparse data is trained on the CPU by the solvers sgd, gd, cg and lbfgs. */
CUSGD_API cusgd_status cusgd_data_wrap_csr(int64_t n, int64_t d, int64_t k, cusgd_csr x, cusgd_matrix y, cusgd_matrix w,
                                           cusgd_data **out);
CUSGD_API int64_t cusgd_data_stored(const cusgd_data *data); /* the stored values of sparse data; -1: the data is dense */

/* A term that is added to p with coefficient 1, as in generalized linear models (McCullagh, Nelder 1989): one number per row, for
 * all outputs. */
typedef enum cusgd_offset {
    CUSGD_OFFSET_NONE,
    CUSGD_OFFSET_LINEAR,   /* the number itself, finite; for any loss */
    CUSGD_OFFSET_EXPOSURE, /* the logarithm of the number, which is > 0; for losses with a log link (poisson, gamma, tweedie) */
} cusgd_offset;

/* Sets the offsets of the data, o: n x 1; NONE removes them and ignores o. Exposures are copied as their logarithms. Other
 * offsets are not copied: as the arrays of cusgd_data_wrap they must outlive the data. Not allowed while a trainer uses the data.
 */
CUSGD_API cusgd_status cusgd_data_set_offset(cusgd_data *data, cusgd_offset kind, cusgd_matrix o);

/* Sets the names of wrapped or generated data, in UTF-8, which models, messages and cusgd_data_reader use: d feature names, k
 * target names, the names of the two classes 0 and 1, and the name of the data in messages (default "data"). NULL leaves a name
 * unchanged. Not allowed while a trainer uses the data. */
CUSGD_API cusgd_status cusgd_data_set_names(cusgd_data *data, const char *const *features, const char *const *targets,
                                            const char *const *classes, const char *source);

/* Declares that the only target of wrapped or generated data is the number of a class, 0 .. count - 1, and names the classes, in
 * UTF-8 (NULL: they are named by their numbers). With more than two classes there is an output for each class, trained by the
 * loss softmax if the loss is logistic, otherwise each class against the rest (option "classes"). Not allowed while a trainer
 * uses the data. Errors: DATA (several targets), USAGE (count is not from 2 to 65536, or a name is missing). */
CUSGD_API cusgd_status cusgd_data_set_classes(cusgd_data *data, const char *const *names, int64_t count);

/* Makes classes of a target of numbers: of two values other than 0 and 1, or of more than two whole numbers. They become classes
 * 0, 1, ... in ascending order, and the numbers become the names of the classes. With `model` (may be NULL), the
 * classes are those of the model, of which the data may lack some. Nothing changes if the target has class names already or if
 * there are several targets. Fails with DATA if there are more than two values that are not whole, more values than half the
 * rows, or values that are not classes of the model. */
typedef struct cusgd_model cusgd_model;
CUSGD_API cusgd_status cusgd_data_find_classes(cusgd_data *data, const cusgd_model *model);

/* Lets losses of two classes train on shares or on counts. Each row becomes a row of class 1 and one of class 0 whose weights sum
 * to the row's; rows of weight 0 are left out. `counts` 0: the target is a share of class 1, from 0 to 1, with weight w: the rows
 * weigh w y and w (1 - y); targets none of which is between 0 and 1 are left unchanged. `counts` 1: the target is the number of
 * successes out of w trials, which the weights are: the rows weigh y and w - y. x is copied; a note tells the number of rows.
 * cusgd_data_find_classes without a model does it for shares with more than two values. Not allowed while a trainer uses the
 * data. Fails with DATA for a target outside its range, several targets, or named classes; USAGE if there are no weights. */
CUSGD_API cusgd_status cusgd_data_split_targets(cusgd_data *data, int counts);

/* Multiplies the weight of each row by the weight of its class: weights[i] >= 0 for the class names[i], 1 for classes that are
 * not named. names NULL ("balanced"): the weight of class c is n / (classes n_c), where n is the sum of the row weights and n_c
 * that of class c. Classes without names are called "0" and "1". Not allowed while a trainer uses the data. Fails with DATA if
 * there is no such class or if the target is not of classes. */
CUSGD_API cusgd_status cusgd_data_weigh_classes(cusgd_data *data, const char *const *names, const double *weights, int64_t count);

/* Copies the rows `rows`[0 .. count - 1] (numbers from 0, in this order; a row may occur several times) to new data: x, y,
 * weights, offsets, in their types, and names. `data` may be freed before *out. */
CUSGD_API cusgd_status cusgd_data_select(const cusgd_data *data, const int64_t *rows, int64_t count, cusgd_data **out);

CUSGD_API void cusgd_data_free(cusgd_data *data);
CUSGD_API int64_t cusgd_data_rows(const cusgd_data *data);
CUSGD_API int64_t cusgd_data_cols(const cusgd_data *data);
CUSGD_API int64_t cusgd_data_outputs(const cusgd_data *data); /* the number of targets, the columns of y */
CUSGD_API int64_t cusgd_data_classes(const cusgd_data *data); /* the number of classes that have names; 0: none */
/* The name of feature j, of target j, and of class `value` (0, 1, ...); NULL if there are no names. */
CUSGD_API const char *cusgd_data_feature(const cusgd_data *data, int64_t j);
CUSGD_API const char *cusgd_data_target(const cusgd_data *data, int64_t j);
CUSGD_API const char *cusgd_data_class(const cusgd_data *data, int value);
/* The number, from 1, of the column of the table that feature or target j was read from; 0 if the data is not from a table. */
CUSGD_API int64_t cusgd_data_feature_column(const cusgd_data *data, int64_t j);
CUSGD_API int64_t cusgd_data_target_column(const cusgd_data *data, int64_t j);
/* Returns the index-th note on how the file was read, for the user (for example that a first line of numbers was used as a
 * header, or that a feature is a row number), or NULL past the last. Owned by the data. */
CUSGD_API const char *cusgd_data_note(const cusgd_data *data, size_t index);
/* Returns the kind of the offsets. *name (`name` may be NULL) becomes the name of their column, or NULL. */
CUSGD_API cusgd_offset cusgd_data_offset(const cusgd_data *data, const char **name);

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
    int64_t class_count;         /* 0: 2. More than 2: the outputs, which are then the classes of one target */
} cusgd_model_arrays;
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
 * it has none. */
CUSGD_API const cusgd_loss_info *cusgd_model_loss(const cusgd_model *model, double *number);
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
    double mse, rmse, mae, r2; /* regression; r2 is relative to the mean of the targets */
    double log_loss, accuracy; /* classification; log_loss for logistic loss only */
    double deviance, d2; /* losses with a log link: mean deviance, and the share of the deviance of the intercept-only model (with
                            the offsets) that the model explains */
    double explained_variance, max_error; /* regression; max_error is not weighted, but rows of weight 0 are ignored */
    /* Classification, for class 1, as in scikit-learn: 0 if the denominator is 0. */
    double balanced_accuracy, precision, recall, f1;
    double confusion[4];          /* sums of weights: class 0 predicted as 0 and as 1, class 1 predicted as 0 and as 1 */
    double f1_macro, f1_weighted; /* mean of the F1 scores of the classes; weighted by the weights of the classes */
    /* Of more than two classes, precision, recall and f1 are means over the classes ("macro"), and `confusion` is NAN (see
     * cusgd_model_confusion). top3, top5: the share of rows whose class is among the 3, 5 of largest p (a tie counts as missed if
     * the other class comes first); NAN if there are not more classes than that. */
    double top3, top5;
} cusgd_metrics;
/* Evaluates the model on data. `output` is in [0, k), or -1 for the mean over the outputs. */
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

/* Metrics of regressions that need the rows in order, weighted, as scikit-learn has them. `output` as above. USAGE: the loss is
 * one of classes. */
typedef struct cusgd_order_metrics {
    size_t size;
    double median_absolute_error;
    double d2_absolute_error; /* the share of the absolute errors beside the median that is explained */
    double d2_pinball;        /* quantile loss: likewise, of its quantile; else NAN */
} cusgd_order_metrics;
CUSGD_API cusgd_status cusgd_model_order_metrics(const cusgd_model *model, const cusgd_data *data, int64_t output,
                                                 cusgd_order_metrics *metrics);

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
    double loss, valid_loss; /* of these parameters, by full passes; valid_loss is NAN without validation data */
    double objective;        /* loss and penalties */
    double gradient;         /* gradient norm relative to the intercept-only model; NAN unless gradient-tolerance is set */
    double relative_gap;     /* estimate of (objective - minimum) / |minimum|; NAN if there is none */
    double rate;             /* the learning rate of the last step */
    double seconds, rows_per_second;
    int64_t rollbacks; /* how often the loss rose and the run returned to better parameters with a quarter of the rate */
    int separated;     /* 1: no finite optimum exists, as `note` says (logistic, poisson, tweedie); 0: one exists, or unknown */
    char note[512];    /* a message for the user: "rank 3 of 5: ...", that no finite optimum exists, or that the result is worse
                        * than the intercept-only model; "" if there is none */
    double null_loss;  /* loss of the intercept-only model on the training rows; NAN if it was not computed */
    int worse;         /* 1: `loss` is larger than null_loss by more than rounding errors */
    int converged;     /* 1: the fit ended by TOLERANCE, GRADIENT or SOLVED, and the result is not worse */
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
/* Sets it; NULL: none. While there is one, a cancellation waits for the end of an evaluation that has begun. */
CUSGD_API void cusgd_trainer_set_checkpoint_callback(cusgd_trainer *trainer, cusgd_checkpoint_callback callback, void *user);

/* Saves where the trainer stands: parameters, the optimizer's or solver's state, averages, the best parameters, counts, what
 * stopping rules and schedules remember, the options, and a fingerprint of the data (shapes, all targets, weights and offsets,
 * and up to 4 million values of x in rows evenly spread); not the data itself. The file is written as PATH.new, synced and
 * renamed; the file that was there becomes PATH.previous. A checkpoint cannot be saved in the callback of cusgd_trainer_fit.
 * Errors: USAGE, DATA (the file cannot be written, or another process is writing it: the one before stands), DEVICE, MEMORY. */
CUSGD_API cusgd_status cusgd_trainer_save_state(cusgd_trainer *trainer, const char *path);
/* The same to memory: *bytes is the size of the checkpoint, which is at `buffer` where `capacity` has room for it; with a NULL
 * buffer only the size is returned. USAGE where there is not enough room. */
CUSGD_API cusgd_status cusgd_trainer_save_state_memory(cusgd_trainer *trainer, void *buffer, size_t capacity, size_t *bytes);

/* Brings a trainer of the same data and options to where the saved one stood. If that was in a fit, the next cusgd_trainer_fit
 * goes on with that one, and both end with the same bits; `epochs` counts from that fit's beginning, and may have become larger.
 * Threads may differ. Errors, which leave the trainer as it was: DATA (the file is damaged or no checkpoint, or the data is
 * another), USAGE (options, or the kind of device, differ; the message lists them). After DEVICE the trainer has no parameters.
 * `now` (may be NULL): how many epochs the fit (`epoch`) and steps the run (`step`) have completed. */
CUSGD_API cusgd_status cusgd_trainer_load_state(cusgd_trainer *trainer, const char *path, cusgd_progress *now);
CUSGD_API cusgd_status cusgd_trainer_load_state_memory(cusgd_trainer *trainer, const void *bytes, size_t count,
                                                       cusgd_progress *now);

/* Returns the index-th note for the user, on how the data is used, on the time and memory that a solver will need, or on the
 * device; NULL past the last. Owned by the trainer. A run may add notes at the end. */
CUSGD_API const char *cusgd_trainer_note(const cusgd_trainer *trainer, size_t index);

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

/* The means and scales by which the trainer standardizes the columns, d each, in the units of the data; either may be NULL. As
 * "column-means" and "column-scales" they standardize other data equally. Without standardization 0 and 1. Error: USAGE (whiten,
 * whose columns are mixtures of the data's). */
CUSGD_API cusgd_status cusgd_trainer_get_standardization(const cusgd_trainer *trainer, double *means, double *scales);

/* As cusgd_model_predict and cusgd_model_evaluate, on the device and in the precision of the trainer. */
CUSGD_API cusgd_status cusgd_trainer_predict(cusgd_trainer *trainer, const cusgd_data *data, cusgd_prediction as, double *out);
CUSGD_API cusgd_status cusgd_trainer_evaluate(cusgd_trainer *trainer, const cusgd_data *data, int64_t output,
                                              cusgd_metrics *metrics);

/* Creates a model of the current parameters, with the names and classes of the training data. */
CUSGD_API cusgd_status cusgd_trainer_create_model(cusgd_trainer *trainer, cusgd_model **out);

/* ---- Many models in one pass: sweeps -------------------------------------------------------------------------------------- */

/* The numbers in which the models of a sweep may differ; NAN: as in the options. */
typedef struct cusgd_configuration {
    double l1, l2, rate, momentum;
} cusgd_configuration;

typedef enum cusgd_select {
    CUSGD_SELECT_BEST,   /* the least mean loss; of equal ones the first */
    CUSGD_SELECT_ONE_SE, /* of those whose mean loss is within a standard error of the least, the one with the largest l1, and
                            of these with the largest l2: the simplest model that is not clearly worse */
} cusgd_select;

typedef struct cusgd_sweep_plan {
    size_t size;
    const cusgd_configuration *configurations;
    size_t count;
    int folds;           /* of cross-validation, 2 .. 63; 0: validation rows judge */
    const uint8_t *fold; /* the data's rows: each one's fold, below `folds`; NULL: drawn by the seed, stratified where the loss is
                            of classes */
    cusgd_select select;
} cusgd_sweep_plan;

/* What came of a configuration. Losses as cusgd_result has them. */
typedef struct cusgd_outcome {
    size_t size;
    cusgd_configuration numbers; /* as they ran */
    double mean;                 /* of the folds' losses, each the mean over the fold's rows; or the validation loss. NAN: one has
                                    diverged */
    double standard_error;       /* of that mean, from the folds' losses; NAN without folds */
    double loss;                 /* on the training rows, of the model that was trained on all of them; NAN: it has diverged */
    int64_t rank;                /* from 1, by mean; those that have diverged are last */
    int64_t epochs;              /* the most that one of its models took */
    int64_t nonzeros;            /* coefficients of the model that was trained on all rows */
    cusgd_stop stop;             /* EPOCHS, TOLERANCE; DIVERGED: one of its models has */
} cusgd_outcome;

typedef struct cusgd_sweep cusgd_sweep;

/* Trains all configurations at once, by solver sgd: every read of the training rows serves all models. With folds each
 * configuration has folds + 1 models, one without each fold's rows and one of all rows. A model ends by itself, by the options'
 * stopping rules on its training objective, or where its loss is no longer finite, and changes no bit of the others; on the CPU
 * none of them depends on which others there are. Columns are standardized by the moments of all training rows, and penalties
 * are scaled so that each model minimizes what it would with the moments of its own rows. The data must have one target. It must
 * outlive the sweep. Errors: USAGE (also without folds and validation rows), DATA, DEVICE, MEMORY, INTERRUPTED; DIVERGED: no
 * configuration is left. */
CUSGD_API cusgd_status cusgd_sweep_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                          const cusgd_sweep_plan *plan, cusgd_sweep **out);
CUSGD_API void cusgd_sweep_free(cusgd_sweep *sweep);
/* Of configuration i of the plan; returns 0 past the last. */
CUSGD_API int cusgd_sweep_outcome(const cusgd_sweep *sweep, size_t i, cusgd_outcome *out);
/* Its folds' losses, as many as the plan has folds, or one; the sweep's. NULL past the last. */
CUSGD_API const double *cusgd_sweep_losses(const cusgd_sweep *sweep, size_t i);
CUSGD_API size_t cusgd_sweep_chosen(const cusgd_sweep *sweep); /* its number in the plan */
/* The chosen configuration's model, trained on all training rows. */
CUSGD_API cusgd_status cusgd_sweep_create_model(cusgd_sweep *sweep, cusgd_model **out);

/* ---- Regularization paths ------------------------------------------------------------------------------------------------ */

/* A path: one model for each of `count` penalties, in falling order. Penalty alpha means l1 = alpha l1_ratio and
 * l2 = alpha (1 - l1_ratio), as scikit-learn's ElasticNet has it. */
typedef struct cusgd_path_plan {
    size_t size;
    double l1_ratio;      /* from 0 (ridge regression) to 1 (the lasso) */
    int64_t count;        /* of penalties */
    double ratio;         /* (0, 1): the last penalty as a share of the first, the smallest that leaves no coefficient (with
                             l1_ratio below 0.001, that for 0.001); those between are evenly spaced by their logarithms */
    const double *alphas; /* count, > 0: these penalties, in any order; NULL: by `ratio` */
    int folds;            /* of cross-validation, 2 .. 63; 0: none */
    const uint8_t *fold;  /* as in cusgd_sweep_plan */
    cusgd_select select;  /* with folds: 1se takes the largest alpha within a standard error of the least mean loss */
    double tolerance; /* duality gap at which a model is done, as a share of the loss of the model without columns; 0: 1e-12 */
} cusgd_path_plan;

/* What came of a penalty. Losses are mean squared errors, in the units of the data. */
typedef struct cusgd_path_point {
    size_t size;
    double alpha, l1, l2;
    double mean, standard_error; /* of the folds' losses; NAN without folds */
    double loss;                 /* on the training rows, of the model of all of them */
    double gap;                  /* the duality gap of that model, as a share as above; NAN for l1_ratio 0, which has none */
    int64_t nonzeros;            /* its coefficients that are not 0 */
} cusgd_path_point;

typedef struct cusgd_path cusgd_path;

/* Computes a path of the losses squared or mse, in double. The rows are read once, fold by fold, for the products of all columns:
 * (folds + 2) (d + 1)^2 doubles of memory. Then the lasso and the elastic net are solved by coordinate descent, ridge regression
 * by eigenvectors. Of the options, l1, l2 and those of solvers and steps have no part in it; each fold is standardized by the
 * moments of the rows outside it. The data must have one target. It must outlive the path. Errors: USAGE (other losses, bounds,
 * whiten, robust, valid-fraction), DATA, DEVICE, MEMORY, INTERRUPTED. */
CUSGD_API cusgd_status cusgd_path_create(const cusgd_options *options, const cusgd_data *train, const cusgd_path_plan *plan,
                                         cusgd_path **out);
CUSGD_API void cusgd_path_free(cusgd_path *path);
/* Of penalty i, by falling alpha; returns 0 past the last. */
CUSGD_API int cusgd_path_at(const cusgd_path *path, size_t i, cusgd_path_point *out);
/* Its folds' losses, as many as there are folds; and its model's d coefficients and intercept, in the units of the data. The
 * path's. NULL past the last, and losses without folds. */
CUSGD_API const double *cusgd_path_losses(const cusgd_path *path, size_t i);
CUSGD_API const double *cusgd_path_coefficients(const cusgd_path *path, size_t i);
CUSGD_API size_t cusgd_path_chosen(const cusgd_path *path); /* the number of the penalty; without folds the last */
/* The model of penalty i, trained on all rows. USAGE past the last. */
CUSGD_API cusgd_status cusgd_path_create_model(cusgd_path *path, size_t i, cusgd_model **out);

/* ---- Devices ------------------------------------------------------------------------------------------------------------- */

typedef struct cusgd_device {
    size_t size;
    char id[16]; /* a value of the option device: "cpu", "cuda:0" */
    char name[128];
    int64_t memory; /* bytes; 0 if unknown */
    int64_t cache;  /* bytes of the last-level cache; 0 if unknown */
    char note[256]; /* instruction set, compute capability and module, or why the device cannot be used; "" if there is none */
    int usable;
    int compiles; /* 1: the driver compiles code for this GPU at its first use, which takes minutes */
} cusgd_device;
/* Gets the index-th device. Returns 0 past the last. If there is no usable GPU, the note of an entry "cuda" says why. */
CUSGD_API int cusgd_device_at(size_t index, cusgd_device *device);

/* Sets the folder of the CUDA module (libcusgd-cuda.so). Must be called before the first call that needs a device; later calls
 * fail with USAGE. By default the module is searched for in the folder in the environment variable CUSGD_MODULE_DIR, then in the
 * folder of libcusgd, then in its subfolder cusgd/. */
CUSGD_API cusgd_status cusgd_set_module_folder(const char *folder);

#ifdef __cplusplus
}
#endif
#endif
