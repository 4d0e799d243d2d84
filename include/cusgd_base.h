/* cusgd_base.h: statuses and errors, losses, options and devices. cusgd.h has the conventions of all functions. */
#ifndef CUSGD_BASE_H
#define CUSGD_BASE_H

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

/* Returns the message of the last failure in this thread, or "" if there was none. The message is valid until the next failure in
 * this thread. */
CUSGD_API const char *cusgd_last_error(void);

/* The last failure of this thread as a structure, for programs. */
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
    CUSGD_SMOOTH_NOT,       /* not differentiable everywhere: only solver sgd minimizes it, and exact the loss quantile */
} cusgd_smoothness;

/* A loss function l(p, y). In formulas r = p - y, and s = 1 for y = 1, otherwise -1. All losses are convex in p. */
typedef struct cusgd_loss_info {
    const char *name;    /* value of the option `loss`: "huber" */
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
 * may be written as 1e6. "loss-expr" makes the loss an expression, and "loss" takes the formula away: the one that is set last
 * holds. "constant" NAME=VALUE is added to those that there are, or takes the place of the one of that name. CUSGD_AUTO leaves
 * the option to the trainer if it can choose it. On failure (USAGE; the option is in cusgd_last_error_info) the options are
 * unchanged. */
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

/* Gets the value of an option as text that cusgd_options_set accepts: a name, a number by %.17g, "true" or "false", a formula, or
 * "auto". */
enum { CUSGD_OPTION_TEXT = 1024 };
CUSGD_API cusgd_status cusgd_options_get(const cusgd_options *options, const char *name, char value[CUSGD_OPTION_TEXT]);
/* Gets the value of an option that cusgd_options_set_number accepts: NaN for CUSGD_AUTO, -1 for the word of a whole number. */
CUSGD_API cusgd_status cusgd_options_get_number(const cusgd_options *options, const char *name, double *value);

/* Checks the options against each other. Fails with USAGE and a message that says which option is wrong and what to do. */
CUSGD_API cusgd_status cusgd_options_check(const cusgd_options *options);

/* Finds options that have no effect. Returns the name of the option because of which `name` is not used ("loss" for "delta" if
 * the loss is not huber; "t0" for "rate"), or NULL if it is used or if there is no such option. */
CUSGD_API const char *cusgd_options_unused(const cusgd_options *options, const char *name);

typedef enum cusgd_option_type {
    CUSGD_OPTION_NAME,      /* one of `choices` */
    CUSGD_OPTION_NUMBER,    /* a finite number from `min` to `max`, each excluded where min_excluded, max_excluded say so */
    CUSGD_OPTION_WHOLE,     /* a whole number from `min` to `max`, or one of `choices` */
    CUSGD_OPTION_FLAG,      /* "true" or "false" */
    CUSGD_OPTION_SEED,      /* a whole number from 0 to 2^64 - 1 */
    CUSGD_OPTION_DEVICE,    /* "auto", "cpu", "cuda" or "cuda:I" */
    CUSGD_OPTION_FORMULA,   /* text of at most `max` bytes, which is read when a trainer is created */
    CUSGD_OPTION_CONSTANTS, /* NAME=VALUE, several separated by commas; at most `max` bytes */
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

/* Sets the folder of the modules (libcusgd-cuda.so, libcusgd-openmpi.so, libcusgd-mpich.so). Must be called before the first call
 * that needs a device or a world; later calls fail with USAGE. By default a module is searched for in the folder in the
 * environment variable CUSGD_MODULE_DIR, then in the folder of libcusgd, then in its subfolder cusgd/. */
CUSGD_API cusgd_status cusgd_set_module_folder(const char *folder);

#ifdef __cplusplus
}
#endif
#endif
