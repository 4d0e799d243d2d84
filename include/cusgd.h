/* cusgd.h: stochastic gradient descent for linear models, on GPUs and CPUs.
 *
 * The model is p = x theta + b with k outputs, plus an offset o of the row where the data has one; training minimises over theta
 * and b
 *
 *     (1/n) sum_i (w_i / w_mean) l(p_i, y_i)  +  l2/2 |theta|^2  +  l1 |theta|_1
 *
 * summed over the outputs, by minibatch steps; b (the intercept) is not penalised. Letters keep their meaning everywhere:
 * n rows (examples), d columns (features), k outputs (targets), theta d x k coefficients, b k intercepts, x, y, w, o one
 * example's features, targets, weight and offset.
 *
 * Conventions. Every function that can fail returns a cusgd_status, and cusgd_last_error() then says what, where and what to do.
 * Handles are opaque; whoever receives one through an `out` argument frees it with the matching *_free, which accepts NULL. On
 * failure *out is NULL. Strings and arrays passed in are only read, and copied where they are kept, unless said otherwise.
 * Different handles may be used from different threads at once; one handle by one thread at a time. The library prints nothing,
 * never exits and installs no signal handler. */
#ifndef CUSGD_H
#define CUSGD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CUSGD_VERSION_MAJOR 0
#define CUSGD_VERSION_MINOR 1
#define CUSGD_VERSION_PATCH 0

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
    CUSGD_ERROR_NOT_CONVERGED = 7, /* a full-batch solver did not converge */
    CUSGD_ERROR_INTERRUPTED = 130, /* cusgd_set_interrupt's function wanted it; the command: 128 + the signal */
} cusgd_status;

/* The message of this thread's last failure; "" if there was none. Valid until this thread's next call that fails. */
CUSGD_API const char *cusgd_last_error(void);
CUSGD_API const char *cusgd_version(void); /* "0.1.0" */

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

/* ---- Options ------------------------------------------------------------------------------------------------------------- */

typedef enum cusgd_loss {
    CUSGD_LOSS_SQUARED,                     /* (p - y)^2 / 2 */
    CUSGD_LOSS_MSE,                         /* (p - y)^2 */
    CUSGD_LOSS_LOGISTIC,                    /* log(1 + e^p) - y p, y in {0, 1}. Losses of classes take {-1, 1} as well: -1 is 0 */
    CUSGD_LOSS_HUBER,                       /* r = p - y: r^2 / 2 up to |r| = delta, then delta (|r| - delta/2) */
    CUSGD_LOSS_EPSILON_INSENSITIVE,         /* max(0, |r| - width) */
    CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE, /* max(0, |r| - width)^2 */
    CUSGD_LOSS_HINGE,                       /* max(0, 1 - s p), s = 1 where y is 1, else -1 */
    CUSGD_LOSS_SQUARED_HINGE,               /* max(0, 1 - s p)^2 */
    CUSGD_LOSS_QUANTILE,                    /* quantile (y - p) where y is above p, (1 - quantile) (p - y) where it is below */
    CUSGD_LOSS_POISSON,                     /* e^p - y p, y >= 0: logarithmic link, as in the next two */
    CUSGD_LOSS_GAMMA,                       /* p + y e^-p, y > 0 */
    CUSGD_LOSS_TWEEDIE,                     /* e^((2-q) p) / (2-q) + y e^((1-q) p) / (q-1), q the power, y >= 0 */
    CUSGD_LOSS_LOG_COSH,                    /* log cosh r */
} cusgd_loss;

typedef enum cusgd_optimizer {
    CUSGD_OPTIMIZER_AUTO, /* needs no rate: see the README, "What runs when nothing is said" */
    CUSGD_OPTIMIZER_SGD,
    CUSGD_OPTIMIZER_MOMENTUM, /* Polyak 1964; the rate inside the velocity */
    CUSGD_OPTIMIZER_NESTEROV, /* Nesterov 1983; the gradient at theta - momentum v */
    CUSGD_OPTIMIZER_ADAGRAD,  /* Duchi, Hazan, Singer 2011 */
    CUSGD_OPTIMIZER_ADADELTA, /* Zeiler 2012 */
    CUSGD_OPTIMIZER_RMSPROP,  /* Tieleman, Hinton 2012 */
    CUSGD_OPTIMIZER_ADAM,     /* Kingma, Ba 2015 */
    CUSGD_OPTIMIZER_ADAMW,    /* Loshchilov, Hutter 2019: weight decay apart from the gradient */
    CUSGD_OPTIMIZER_AMSGRAD,  /* Reddi, Kale, Kumar 2018 */
    CUSGD_OPTIMIZER_NADAM,    /* Dozat 2016 */
    CUSGD_OPTIMIZER_RADAM,    /* Liu et al. 2020 */
    CUSGD_OPTIMIZER_ADAMAX,   /* Kingma, Ba 2015 */
    CUSGD_OPTIMIZER_ASGD,     /* Polyak, Juditsky 1992; Bottou 2012: sgd at a falling rate, averaged from the second epoch on */
} cusgd_optimizer;

/* What minimises the objective: minibatch steps, or a method that looks at all rows at once. Those take `epochs` as the most
 * iterations, `tolerance` and `gradient_tolerance` as stopping rules, and no other option of the optimizer. */
typedef enum cusgd_solver {
    CUSGD_SOLVER_SGD,
    CUSGD_SOLVER_AUTO,     /* exact, cg, newton or lbfgs, by the loss and the shape */
    CUSGD_SOLVER_EXACT,    /* squared, mse: Cholesky of X^T X, or QR of X; the least norm of all solutions */
    CUSGD_SOLVER_GD,       /* gradient descent; rate: 1 / the largest second derivative unless given; momentum 0 unless given */
    CUSGD_SOLVER_STEEPEST, /* steepest descent with line search */
    CUSGD_SOLVER_CG,       /* conjugate gradients: CGLS, or Polak-Ribiere+ */
    CUSGD_SOLVER_NEWTON,   /* damped */
    CUSGD_SOLVER_BFGS,
    CUSGD_SOLVER_DFP,
    CUSGD_SOLVER_LBFGS, /* with l1: OWL-QN */
    CUSGD_SOLVER_BROYDEN_GOOD,
    CUSGD_SOLVER_BROYDEN_BAD,
} cusgd_solver;

/* Of step t, counted from 0, or of the first step of its epoch (rate_changes); E epochs have passed, of all that may run. */
typedef enum cusgd_schedule {
    CUSGD_SCHEDULE_CONSTANT,
    CUSGD_SCHEDULE_TIME_DECAY,      /* t0 / (t + t1) */
    CUSGD_SCHEDULE_INVERSE_SCALING, /* rate / (t + 1)^decay_power */
    CUSGD_SCHEDULE_OPTIMAL,         /* 1 / (l2 (t + c)), c as scikit-learn has it (Bottou 2012) */
    CUSGD_SCHEDULE_EXPONENTIAL,     /* rate decay^E */
    CUSGD_SCHEDULE_STEP,            /* rate decay^floor(E / decay_every) */
    CUSGD_SCHEDULE_COSINE,          /* up to rate in warm_up epochs, then half a cosine down to final_rate */
    CUSGD_SCHEDULE_ONE_CYCLE, /* half a cosine from rate / 25 up to rate in warm_up epochs, half a cosine down to rate / 250000 */
    CUSGD_SCHEDULE_POLYNOMIAL, /* from rate to final_rate by (1 - t / steps)^decay_power */
    CUSGD_SCHEDULE_PLATEAU,    /* rate, times decay whenever decay_patience evaluations brought nothing */
} cusgd_schedule;

typedef enum cusgd_pace { CUSGD_PACE_STEP, CUSGD_PACE_EPOCH } cusgd_pace;

/* How the rows of an epoch are chosen; all but `none` depend on the seed and the epoch alone, on every device alike. */
typedef enum cusgd_sampling {
    CUSGD_SAMPLING_PERMUTE,        /* each row once an epoch, in random order */
    CUSGD_SAMPLING_BLOCKS,         /* each row once; blocks of rows permuted, and rows again within a window of blocks */
    CUSGD_SAMPLING_REPLACE,        /* every row drawn independently */
    CUSGD_SAMPLING_REPLACE_BLOCKS, /* every batch one of the epoch's contiguous batches, drawn independently */
    CUSGD_SAMPLING_NONE,           /* the data's own order */
} cusgd_sampling;

typedef enum cusgd_precision { CUSGD_PRECISION_FLOAT, CUSGD_PRECISION_DOUBLE } cusgd_precision;

/* How a trainer keeps x, as far as it copies it, and reads it in every step. */
typedef enum cusgd_storage {
    CUSGD_STORAGE_FULL, /* in its precision */
    CUSGD_STORAGE_BF16, /* standardized and then rounded to bfloat16, 8 bits, in half the bytes; sums are in float all the same */
} cusgd_storage;

/* Of a GPU's matrix products in training steps, where the precision is float. */
typedef enum cusgd_math {
    CUSGD_MATH_EXACT,
    CUSGD_MATH_TF32, /* factors may be rounded to 10 bits behind the point: faster with many outputs */
} cusgd_math;

/* How a GPU computes training steps. */
typedef enum cusgd_engine {
    CUSGD_ENGINE_AUTO,       /* by the shape of the data, the batch and the device: see the README */
    CUSGD_ENGINE_CUBLAS,     /* rows gathered, then products by cuBLAS: takes every run */
    CUSGD_ENGINE_FUSED,      /* a kernel that reads each row once; one target */
    CUSGD_ENGINE_PERSISTENT, /* the same, many steps in a launch; one target, batches of a few megabytes */
} cusgd_engine;

/* Fields without a plain default have a value that means "choose": NAN for numbers (not l1, l2, valid_fraction), 0 for batch,
 * epochs and evaluate_every, -1 for patience. A trainer replaces it when it sees the data (cusgd_trainer_options). */
typedef struct cusgd_options {
    cusgd_loss loss;
    cusgd_solver solver;
    cusgd_optimizer optimizer;
    cusgd_schedule schedule;
    cusgd_sampling sampling;
    cusgd_precision precision;
    cusgd_storage storage; /* BF16: of the training rows, with precision float and solver sgd; all that is evaluated is in full */
    cusgd_math math;
    cusgd_engine engine;
    double delta;           /* huber: > 0, in the targets' units, as is width; NAN: 1.35 */
    double width;           /* epsilon-insensitive, squared-epsilon-insensitive: >= 0; NAN: 0.1 */
    double quantile;        /* (0, 1); NAN: 0.5 */
    double power;           /* tweedie: (1, 2); NAN: 1.5 */
    double rate;            /* > 0; NAN: from the data's curvature (sgd, momentum, nesterov, auto) or the optimizer's usual one */
    double t0, t1;          /* time-decay: > 0; NAN: t1 = 10 epochs' steps, t0 = rate t1 */
    double decay;           /* exponential, step, plateau: (0, 1); NAN: 0.95, 0.1, 0.1 */
    double decay_every;     /* step: epochs, > 0; NAN: a third of all */
    double decay_power;     /* inverse-scaling, polynomial: > 0; NAN: 0.25, 1 */
    int64_t decay_patience; /* plateau: evaluations, >= 1; 0: 3 */
    double warm_up;         /* cosine, one-cycle: epochs, >= 0; NAN: 5 %, 30 % of all */
    double final_rate;      /* cosine, polynomial: >= 0; NAN: 0 */
    cusgd_pace rate_changes;       /* how often a schedule moves */
    double momentum;               /* [0, 1) */
    double beta1, beta2;           /* adam and its kin: [0, 1) */
    double rho;                    /* adadelta, rmsprop: [0, 1) */
    int centered;                  /* 1: rmsprop divides by the gradient's deviation */
    double weight_decay;           /* >= 0: the share of the rate by which adamw and asgd shrink coefficients; NAN: 0.01, 1e-4 */
    double epsilon;                /* > 0 */
    int64_t batch;                 /* rows a step; more than the rows there are: full batch */
    int64_t epochs;                /* passes over the data at most */
    double l1, l2;                 /* >= 0, on standardized coefficients when standardize is on */
    const double *penalty_factors; /* d factors >= 0 on l1 and l2, the caller's, read by cusgd_trainer_create; NULL: all 1 */
    double lower, upper;           /* bounds on every coefficient, in the data's units; NAN: none */
    double clip_norm, clip_value;  /* > 0: the most that a batch's gradient's norm, and each of its values, may be; NAN: any */
    int average;           /* 0 or 1: the result is an average of the iterates (Shamir, Zhang 2013); -1: the optimizer's choice */
    int64_t average_from;  /* the step at which averaging starts, >= 0; -1: the first. >= 0 turns averaging on */
    int standardize;       /* 1: columns are brought to mean 0, variance 1 inside; results are in the data's units all the same */
    int intercept;         /* 1: fit b */
    double valid_fraction; /* [0, 1): share of the rows held out, chosen by the seed */
    int64_t evaluate_every;    /* epochs between full passes over the objective; -1: only at the end */
    int64_t patience;          /* evaluations without improvement that end the run */
    double tolerance;          /* >= 0; a relative improvement below it counts as none */
    double gradient_tolerance; /* >= 0; the run ends when |gradient| falls to this share of the null model's */
    uint64_t seed;
    int threads;     /* CPU threads; 0: as many as help. Results do not depend on it */
    char device[16]; /* "auto", "cpu", "cuda" or "cuda:I" */
} cusgd_options;

CUSGD_API void cusgd_options_init(cusgd_options *options);

/* NULL if the options make sense, else a sentence that says which does not and what to do (this thread's, until its next call).
 */
CUSGD_API const char *cusgd_options_check(const cusgd_options *options);

/* Sets an option by its word on the command line ("batch", "l2", "no-standardize"); `value` NULL for those that take none.
 * "auto" leaves the choice to the trainer where there is one. On failure the options are as they were. */
CUSGD_API cusgd_status cusgd_options_set(cusgd_options *options, const char *name, const char *value);

/* An option's value as text that cusgd_options_set takes: a word, a number by %.17g, "true" or "false", "auto". */
enum { CUSGD_OPTION_TEXT = 64 };
CUSGD_API cusgd_status cusgd_options_get(const cusgd_options *options, const char *name, char value[CUSGD_OPTION_TEXT]);

/* What there is to set, one entry an option, for help texts and for programs that pass options on. */
typedef struct cusgd_option_info {
    const char *name;     /* "batch" */
    const char *argument; /* "N", "X", "permute|blocks|..."; NULL if the option takes none */
    const char *fallback; /* what holds when it is not given, in words or as a value */
    const char *help;     /* one line */
    const char *also;     /* another word that is taken for it ("lr"), for one without argument its opposite; or NULL */
} cusgd_option_info;
CUSGD_API const cusgd_option_info *cusgd_option_at(size_t index); /* NULL past the last */

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
 * has at == NULL (k is then 0: for prediction only), w is n x 1 or has at == NULL (every weight 1). n, d >= 1. */
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

typedef enum cusgd_header { CUSGD_HEADER_AUTO, CUSGD_HEADER_YES, CUSGD_HEADER_NO } cusgd_header;

/* The numbers of the columns that a CSV's features, targets and offset were read from. Opaque: cusgd_model_reader and
 * cusgd_data_reader give a reader the one of their model or data. */
typedef struct cusgd_layout cusgd_layout;

/* How to read a file. Columns are named by the header's names, else by numbers from 1, negative ones from the end. Two columns
 * may have one name where neither is used, or where the one that is wanted is given by its number. */
typedef struct cusgd_reader {
    cusgd_header header;
    const char *const *targets; /* NULL: the last column */
    size_t target_count;
    const char *const *features; /* NULL: every column that is nothing else */
    size_t feature_count;
    const char *const *ignore; /* columns left out */
    size_t ignore_count;
    const char *weights;        /* the column of weights, or NULL */
    const char *offset;         /* the column of offsets, or NULL */
    const char *exposure;       /* the column of exposures, or NULL; not both */
    const char *const *classes; /* NULL, or the two names that a text target's 0 and 1 stand for */
    int x_only;                 /* 1: there are no targets (prediction) */
    /* NULL, or where the columns stand that `features`, `targets` and `offset` do not name: those of a file with as many columns
     * as the layout's. In another one they are found only where it has no others: the features alone with x_only, and in the
     * layout's order what `ignore`, `weights`, `features` or `targets` leave. Else the file is refused. */
    const cusgd_layout *layout;
} cusgd_reader;
CUSGD_API void cusgd_reader_init(cusgd_reader *reader);

/* Opens a folder with x.npy, y.npy and, where rows are weighted, w.npy, where they have offsets, offset.npy or exposure.npy
 * (float32 or float64, C or Fortran order; memory-mapped); a lone .npy (x_only); a .csv; or "-", CSV on standard input. `reader`
 * NULL: cusgd_reader_init's. Columns of .npy files have no names: `features` and `targets` pass over them, as do `offset` and
 * `exposure` over a folder's; `ignore` and `weights` are errors there. */
CUSGD_API cusgd_status cusgd_data_open(const char *path, const cusgd_reader *reader, cusgd_data **out);
CUSGD_API void cusgd_data_free(cusgd_data *data);
/* For a program's SIGBUS handler, with the siginfo_t's si_addr: where that lies in a file that is mapped here, and that has
 * become shorter, zeros are put there, so that the thread that was reading goes on, and the call in progress fails with DATA.
 * Returns 1 then, and 0 where the address is none of these. Async-signal-safe; for any thread. The library installs no handler:
 * without one the signal ends the program. What the pages before held is not looked at, and a shorter file is an error without a
 * signal, too. */
CUSGD_API int cusgd_data_fault(void *address);
CUSGD_API int64_t cusgd_data_rows(const cusgd_data *data);
CUSGD_API int64_t cusgd_data_cols(const cusgd_data *data);
CUSGD_API int64_t cusgd_data_outputs(const cusgd_data *data);
CUSGD_API const char *cusgd_data_feature(const cusgd_data *data, int64_t j); /* its name, or NULL where columns have none */
CUSGD_API const char *cusgd_data_target(const cusgd_data *data, int64_t j);  /* likewise */
CUSGD_API const char *cusgd_data_class(const cusgd_data *data, int value);   /* what y = 0 or 1 stands for, or NULL */
/* The number, from 1, of the CSV's column that feature or target j was read from; 0 where the data is no CSV. */
CUSGD_API int64_t cusgd_data_feature_column(const cusgd_data *data, int64_t j);
CUSGD_API int64_t cusgd_data_target_column(const cusgd_data *data, int64_t j);
/* What people should know of how the file was read (a first line with numbers in it that was taken for a header, a feature that
 * only counts the rows): the index-th sentence, the data's; NULL past the last. */
CUSGD_API const char *cusgd_data_note(const cusgd_data *data, size_t index);
/* Makes `reader` read another file as this data was read: the same features, targets and offset, by name where the data has
 * names, else by number, and the same classes. Weights stay the reader's. It borrows from the data. */
CUSGD_API void cusgd_data_reader(const cusgd_data *data, cusgd_reader *reader);
/* Whether there are offsets, and (unless `name` is NULL) their column's name or NULL. */
CUSGD_API cusgd_offset cusgd_data_offset(const cusgd_data *data, const char **name);

typedef struct cusgd_table cusgd_table;

typedef enum cusgd_role {
    CUSGD_ROLE_NONE, /* not used */
    CUSGD_ROLE_IGNORED,
    CUSGD_ROLE_WEIGHTS,
    CUSGD_ROLE_OFFSET,
    CUSGD_ROLE_TARGET,
    CUSGD_ROLE_FEATURE,
} cusgd_role;

/* A column of a CSV file, used or not. The strings are the table's. */
typedef struct cusgd_table_column {
    const char *name;                /* NULL where the file has no header */
    cusgd_role role;                 /* what cusgd_data_open would use it for */
    int64_t place;                   /* among the features or targets, from 0 */
    int64_t numbers, missing, texts; /* how many of its fields are finite numbers, marks of missing values, and neither */
    const char *values;              /* its first different values, at most three, separated by ", " */
} cusgd_table_column;

/* Describes a CSV file (or "-") column by column, also one whose text or missing values cusgd_data_open refuses. `reader` as
 * there. Fails where the file cannot be read as CSV at all, or has no column that `reader` asks for. */
CUSGD_API cusgd_status cusgd_table_open(const char *path, const cusgd_reader *reader, cusgd_table **out);
CUSGD_API void cusgd_table_free(cusgd_table *table);
CUSGD_API int64_t cusgd_table_rows(const cusgd_table *table); /* not counting the header */
CUSGD_API int64_t cusgd_table_cols(const cusgd_table *table);
/* Column j, from 0. Returns 0 past the last. */
CUSGD_API int cusgd_table_at(const cusgd_table *table, int64_t j, cusgd_table_column *column);
/* As cusgd_data_note; also a row with another number of fields than the first line, where describing ends. */
CUSGD_API const char *cusgd_table_note(const cusgd_table *table, size_t index);

typedef enum cusgd_synthetic_targets {
    CUSGD_SYNTHETIC_LINEAR,   /* y = x theta + b + noise */
    CUSGD_SYNTHETIC_LOGISTIC, /* 0 or 1, a coin with log-odds x theta + b */
    CUSGD_SYNTHETIC_POSITIVE, /* with v = x theta + b + noise: 1 + v where v > 0, else 1 / (1 - v) */
} cusgd_synthetic_targets;

/* Synthetic data: x Gaussian, and targets made of it. Equal for equal arguments on every device. */
typedef struct cusgd_generator {
    int64_t rows, cols, outputs, informative; /* informative: columns with a nonzero coefficient; 0: all */
    double noise;                             /* standard deviation (linear and positive targets) */
    cusgd_synthetic_targets targets;
    double correlation; /* in (-1, 1): neighbouring columns' (AR(1)); 0: none */
    double condition;   /* >= 1: condition number of the columns' covariance; 1: none. Not with correlation */
    uint64_t seed;
    cusgd_precision precision;
} cusgd_generator;
CUSGD_API void cusgd_generator_init(cusgd_generator *generator);

/* Writes folder/x.npy, y.npy and true.safetensors, making the folder; files that are there are kept (an error) unless `force`.
 * The rows are made on the CPU. */
CUSGD_API cusgd_status cusgd_generate(const cusgd_generator *generator, const char *folder, int force);
/* The same rows in memory. */
CUSGD_API cusgd_status cusgd_data_generate(const cusgd_generator *generator, cusgd_data **out);

/* ---- Model --------------------------------------------------------------------------------------------------------------- */

typedef struct cusgd_model cusgd_model;

/* Reads a safetensors file with `weight` (k x d or d) and `bias` (k or absent), F32 or F64, with or without cuSGD's metadata; or
 * with NAME.weight and NAME.bias alone, as PyTorch names one layer's ("linear.weight", "0.weight"). */
CUSGD_API cusgd_status cusgd_model_load(const char *path, cusgd_model **out);
/* Writes one, its tensors F64 whatever the precision of the run, so that the file predicts what the model predicts; equal models
 * give equal bytes. The old file stays until the new one is complete. DATA: a number of the model is not finite, and nothing is
 * written. */
CUSGD_API cusgd_status cusgd_model_save(const cusgd_model *model, const char *path);
/* Whether a file could be written there, as a model or predictions are: to be asked before a long run, not after it. */
CUSGD_API cusgd_status cusgd_file_check(const char *path);
CUSGD_API void cusgd_model_free(cusgd_model *model);
CUSGD_API int64_t cusgd_model_cols(const cusgd_model *model);
CUSGD_API int64_t cusgd_model_outputs(const cusgd_model *model);
CUSGD_API const double *cusgd_model_weight(const cusgd_model *model); /* k x d, row-major; the model's */
CUSGD_API const double *cusgd_model_bias(const cusgd_model *model);   /* k; the model's */
/* Standard errors, k x (d + 1), the intercepts' last; the model's. NULL unless solver exact or newton (auto) trained it without
 * penalty on a loss that is a likelihood's, and a finite optimum exists; the metadata's no_standard_errors then has the reason.
 * Weights count equal rows for logistic and poisson (statsmodels' freq_weights); their scale does not matter for squared and mse
 * (WLS). *freedom (may be NULL): degrees of the t distribution that coefficients over their
 * errors follow; 0: a normal one. */
CUSGD_API const double *cusgd_model_standard_errors(const cusgd_model *model, int64_t *freedom);
CUSGD_API const char *cusgd_model_feature(const cusgd_model *model, int64_t j); /* NULL where there are no names */
CUSGD_API const char *cusgd_model_target(const cusgd_model *model, int64_t j);
CUSGD_API const char *cusgd_model_class(const cusgd_model *model, int value); /* what y = 0 or 1 stands for, or NULL */
CUSGD_API cusgd_loss cusgd_model_loss(const cusgd_model *model);
/* What it was trained with, and the column's name or NULL, as cusgd_data_offset. */
CUSGD_API cusgd_offset cusgd_model_offset(const cusgd_model *model, const char **name);
/* The metadata, one entry an index: *name and *value are the model's. Returns 0 past the last. */
CUSGD_API int cusgd_model_metadata(const cusgd_model *model, size_t index, const char **name, const char **value);
/* The number, from 1, of the column that feature or target j had in the CSV that the model was trained on; 0 where it was no CSV.
 */
CUSGD_API int64_t cusgd_model_feature_column(const cusgd_model *model, int64_t j);
CUSGD_API int64_t cusgd_model_target_column(const cusgd_model *model, int64_t j);
CUSGD_API int64_t cusgd_model_offset_column(const cusgd_model *model); /* likewise; 0 also where it had no offset */
/* Makes `reader` pick the model's features by name, its targets and its offset too unless the reader has some, and map the
 * model's classes. Where the columns had no names, they are found by their numbers (reader->layout). It borrows from the model.
 */
CUSGD_API void cusgd_model_reader(const cusgd_model *model, cusgd_reader *reader);

typedef enum cusgd_prediction {
    CUSGD_PREDICT_MEAN,  /* the expected target: p; the probability of 1 for logistic loss; e^p for log-link ones. Hinge: p */
    CUSGD_PREDICT_LINK,  /* p = x theta + b, plus the row's offset */
    CUSGD_PREDICT_CLASS, /* 0 or 1 (logistic, hinge, squared-hinge) */
    CUSGD_PREDICT_PROBABILITY, /* of 1 (logistic) */
} cusgd_prediction;

/* out: n x k, row-major. Computed in double on the CPU. A model that was trained with offsets wants data that has them (DATA),
 * one that was trained without takes none. */
CUSGD_API cusgd_status cusgd_model_predict(const cusgd_model *model, const cusgd_data *data, cusgd_prediction as, double *out);

/* Writes predictions that cusgd_model_predict made (n x k) to NAME.npy (float64, n or n x k), to NAME.csv (under a header of the
 * targets' names; CUSGD_PREDICT_CLASS by the classes' names) or to "-" (CSV on standard output). The old file stays until the new
 * one is complete. */
CUSGD_API cusgd_status cusgd_predictions_save(const cusgd_model *model, cusgd_prediction as, int64_t n, const double *predictions,
                                              const char *path);

/* Weighted by the data's weights. Fields that do not apply to the model's loss are NAN. */
typedef struct cusgd_metrics {
    int64_t rows;
    double loss;               /* mean loss a row: the squared error itself for squared and mse, else l */
    double mse, rmse, mae, r2; /* regression, of predictions with their offsets; r2 is beside the targets' mean */
    double log_loss, accuracy; /* classification; the log loss for logistic alone */
    double deviance, d2;       /* log-link losses: mean deviance, and the share of the null model's (b + o) that is explained */
} cusgd_metrics;
/* `output` in [0, k), or -1 for the mean over the outputs. */
CUSGD_API cusgd_status cusgd_model_evaluate(const cusgd_model *model, const cusgd_data *data, int64_t output,
                                            cusgd_metrics *metrics);

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

/* Called in the thread that called cusgd_trainer_fit; a nonzero value ends training (CUSGD_STOP_CANCELLED). */
typedef int (*cusgd_callback)(const cusgd_progress *progress, void *user);

typedef struct cusgd_result {
    cusgd_stop stop;
    int64_t epochs, steps;   /* run in all */
    int64_t epoch;           /* whose end the parameters are from: the best evaluated one's, if epochs were evaluated */
    double loss, valid_loss; /* of these parameters, full passes; NAN where there is no validation data */
    double objective;        /* the objective in full */
    double gradient;         /* |gradient| as a share of the null model's; NAN unless gradient_tolerance was asked for */
    double relative_gap;     /* estimated relative distance of the objective to the optimum; NAN where it cannot be told */
    double rate;             /* of the last step */
    double seconds, rows_per_second;
    int64_t rollbacks; /* how often the run went back to better parameters and divided the rate by 4, because the loss rose */
    int separated;  /* 1: no finite optimum exists, as `note` says (logistic, poisson, tweedie); 0: one exists, or it is not known
                     */
    char note[512]; /* what else there is to know: "rank 3 of 5: ...", that no finite optimum exists (logistic, poisson, tweedie),
                     * that the result is worse than the intercept-only model; "" if nothing */
} cusgd_result;

/* `train` and `valid` (NULL: none) must outlive the trainer. Checks the options against the data, refuses what is not finite,
 * standardizes, chooses what was left open. Errors: USAGE, DATA, DEVICE, MEMORY. */
CUSGD_API cusgd_status cusgd_trainer_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                            cusgd_trainer **out);
CUSGD_API void cusgd_trainer_free(cusgd_trainer *trainer);

/* Trains until a rule of the options ends it. `callback` and `result` may be NULL; a solver's iterations are told as epochs.
 * CONVERGED (only solvers other than sgd): the parameters are the best reached, and not yet the optimum; so also where the
 * gradient is small but the least objective, if cusgd_trainer_optimum knows it, is not reached. DIVERGED leaves the best
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

/* Ends the cusgd_trainer_fit or cusgd_trainer_step that is at work, after the steps in flight; without one, the next fit. May be
 * called from a signal handler or another thread. */
CUSGD_API void cusgd_trainer_cancel(cusgd_trainer *trainer);

/* What people should know of how the data was taken, of the time and memory that a solver is going to need, and of how the device
 * ran: the index-th sentence, the trainer's; NULL past the last. A run may add sentences at the end. */
CUSGD_API const char *cusgd_trainer_note(const cusgd_trainer *trainer, size_t index);

/* The options as they run, every choice made. */
CUSGD_API void cusgd_trainer_options(const cusgd_trainer *trainer, cusgd_options *options);
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

/* Bytes a second at which `device` (what --device takes) reads freshly written memory of that size, the median of some passes:
 * what no training step on data of that size can exceed. Of the CPU with so many threads; 0: with as many as read fastest. */
CUSGD_API cusgd_status cusgd_read_bandwidth(const char *device, int threads, int64_t bytes, double *bytes_per_second);

/* ---- Checking a device ---------------------------------------------------------------------------------------------------- */

/* What was compared of one thing. Differences are to the CPU in double, relative to the largest value there. */
typedef struct cusgd_check_line {
    const char *what;   /* "gradient" */
    double device, cpu; /* the largest difference: the device's; and the CPU's in the device's precision */
    double share;       /* the device's, in units of what rounding explains: above 1 fails; NAN: not judged */
    int64_t step;       /* at which it was worst, from 1; 0: no step's */
} cusgd_check_line;

enum { CUSGD_CHECK_LINES = 11 };
typedef struct cusgd_check_report {
    int passed;
    int64_t steps;    /* compared in lockstep */
    char device[128]; /* its name */
    cusgd_check_line lines[CUSGD_CHECK_LINES];
} cusgd_check_report;

/* Runs the options' device beside the CPU, in the options' precision and in double, over the first `steps` (>= 1) steps of a run:
 * before every step all have the same state, after it the gradients may differ by rounding, and each update must be, to the bit,
 * what the gradient makes of the state. Then full passes, the same steps in one piece, and in free run, which is not judged. A
 * run that diverges ends there. Returns CUSGD_OK if all agrees, CUSGD_ERROR_MISMATCH if not, with *report filled in in both
 * cases; DIVERGED if not even the first step is finite; else as cusgd_trainer_create. */
CUSGD_API cusgd_status cusgd_check(const cusgd_options *options, const cusgd_data *data, int64_t steps,
                                   cusgd_check_report *report);

#ifdef __cplusplus
}
#endif
#endif
