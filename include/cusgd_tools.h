/* cusgd_tools.h: what surrounds training: files and tables, synthetic data, and the checking and measuring of devices. */
#ifndef CUSGD_TOOLS_H
#define CUSGD_TOOLS_H

#include "cusgd.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Files of data ------------------------------------------------------------------------------------------------------- */

typedef enum cusgd_header { CUSGD_HEADER_AUTO, CUSGD_HEADER_YES, CUSGD_HEADER_NO } cusgd_header;

/* The numbers of the columns that a CSV's features, targets and offset were read from. Opaque: cusgd_model_reader and
 * cusgd_data_reader give a reader the one of their model or data. */
typedef struct cusgd_layout cusgd_layout;

/* How the columns of a table became features: which texts are booleans or categories, what stands for missing values. Opaque:
 * cusgd_model_reader and cusgd_data_reader give a reader the one of their model or data. */
typedef struct cusgd_encoding cusgd_encoding;

/* What happens to rows that lack a value. A value that the encoding fills in is not missing. */
typedef enum cusgd_missing {
    CUSGD_MISSING_DEFAULT, /* what the encoding's table was read with; ERROR where there is none */
    CUSGD_MISSING_ERROR,   /* the file is refused */
    CUSGD_MISSING_DROP,    /* they are left out, with a note */
    CUSGD_MISSING_MEAN,    /* a feature is the mean of its other values, a category none; a column that is 1 there, and else 0, is
                              added for each feature that lacks values. Rows that lack a target, a weight or an offset are left out
                            */
    CUSGD_MISSING_KEEP,    /* for prediction (x_only): the row stays, and its predictions are NaN, with a note */
} cusgd_missing;

/* How a CSV is written. Lines that begin with # and have another number of fields than the table are comments. */
typedef struct cusgd_dialect {
    char separator; /* of columns: any ASCII character but quotes, '.' and ends of lines; ' ': blanks and tabs, any number; 0:
                       open */
    char decimal;   /* '.' or ','; 0: open */
    int64_t skip;   /* lines before the table that are passed over; 0: open; -1: none */
} cusgd_dialect;

/* How a CSV's columns become features. Booleans (true and false, yes and no, t and f, y and n, on and off, in any case) are 1 and
 * 0. A category has a column of its own, named COL=CATEGORY, which is 1 in its rows, and else 0. */
typedef struct cusgd_encode {
    const char *const *categorical; /* features whose values, numbers too, are categories */
    size_t categorical_count;
    int categorical_auto; /* 1: also features that hold nothing but text. Else text is refused */
    int all_levels;       /* 1: a column for each category; 0: none for the first in order (by number, else by bytes) */
    cusgd_missing missing;
    int strict; /* 1: a category that the encoding does not have is an error; 0: all its columns are 0, with a note */
} cusgd_encode;

/* How to read a file. Columns are named by the header's names, else by numbers from 1, negative ones from the end. Two columns
 * may have one name where neither is used, or where the one that is wanted is given by its number. */
typedef struct cusgd_reader {
    size_t size; /* CUSGD_INIT(cusgd_reader): the defaults */
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
    const char *const *classes; /* NULL, or the two names, or numbers, that a target's 0 and 1 stand for */
    int x_only;                 /* 1: there are no targets (prediction) */
    /* NULL, or where the columns stand that `features`, `targets` and `offset` do not name: those of a file with as many columns
     * as the layout's. In another one they are found only where it has no others: the features alone with x_only, and in the
     * layout's order what `ignore`, `weights`, `features` or `targets` leave. Else the file is refused. */
    const cusgd_layout *layout;
    cusgd_dialect dialect; /* what is open is what `layout` remembers of another file's reader, else found in the first lines */
    cusgd_encode encode;   /* how a CSV's columns become features */
    int find_classes;      /* 1: a target's two values are classes, whatever they are: see cusgd_data_find_classes */
    const cusgd_encoding *encoding; /* NULL, or the one to use; `encode` then decides about `missing` and `strict` alone */
} cusgd_reader;

/* Opens a folder with x.npy, y.npy and, where rows are weighted, w.npy, where they have offsets, offset.npy or exposure.npy
 * (float32 or float64, C or Fortran order; memory-mapped); a lone .npy (x_only); a .csv; or "-", CSV on standard input. `reader`
 * NULL: the defaults. Columns of .npy files have no names: `features` and `targets` pass over them, as do `offset` and
 * `exposure` over a folder's; `ignore` and `weights` are errors there. */
CUSGD_API cusgd_status cusgd_data_open(const char *path, const cusgd_reader *reader, cusgd_data **out);
/* For a program's SIGBUS handler, with the siginfo_t's si_addr: where that lies in a file that is mapped here, and that has
 * become shorter, zeros are put there, so that the thread that was reading goes on, and the call in progress fails with DATA.
 * Returns 1 then, and 0 where the address is none of these. Async-signal-safe; for any thread. The library installs no handler:
 * without one the signal ends the program. What the pages before held is not looked at, and a shorter file is an error without a
 * signal, too. */
CUSGD_API int cusgd_data_fault(void *address);
/* Makes `reader` read another file as this data was read: the same features, targets and offset, by name where the data has
 * names, else by number, and the same classes. Weights stay the reader's. It borrows from the data. */
CUSGD_API cusgd_status cusgd_data_reader(const cusgd_data *data, cusgd_reader *reader);
/* Makes `reader` pick the model's features by name, its targets and its offset too unless the reader has some, and map the
 * model's classes. Where the columns had no names, they are found by their numbers (reader->layout). It borrows from the model.
 */
CUSGD_API cusgd_status cusgd_model_reader(const cusgd_model *model, cusgd_reader *reader);

/* Checks that `path` can be written, as models and predictions are, so that a long run does not fail at its end. */
CUSGD_API cusgd_status cusgd_file_check(const char *path);
/* Writes predictions that cusgd_model_predict made (n x k) to NAME.npy (float64, n or n x k), to NAME.csv (under a header of the
 * targets' names; CUSGD_PREDICT_CLASS by the classes' names) or to "-" (CSV on standard output). The old file stays until the new
 * one is complete. */
CUSGD_API cusgd_status cusgd_predictions_save(const cusgd_model *model, cusgd_prediction as, int64_t n, const double *predictions,
                                              const char *path);

typedef struct cusgd_table cusgd_table;

typedef enum cusgd_role {
    CUSGD_ROLE_NONE, /* not used */
    CUSGD_ROLE_IGNORED,
    CUSGD_ROLE_WEIGHTS,
    CUSGD_ROLE_OFFSET,
    CUSGD_ROLE_TARGET,
    CUSGD_ROLE_FEATURE,
} cusgd_role;

/* What the values of a column are that are not missing. */
typedef enum cusgd_column_kind {
    CUSGD_COLUMN_EMPTY,      /* there are none */
    CUSGD_COLUMN_NUMBER,     /* numbers */
    CUSGD_COLUMN_BOOLEAN,    /* a pair such as no and yes */
    CUSGD_COLUMN_CATEGORY,   /* texts that repeat */
    CUSGD_COLUMN_DATE,       /* dates */
    CUSGD_COLUMN_TEXT,       /* texts of which nearly each stands once, or of more than a thousand */
    CUSGD_COLUMN_MIXED,      /* numbers and texts */
    CUSGD_COLUMN_CONSTANT,   /* the same in every row */
    CUSGD_COLUMN_ROW_NUMBER, /* 0, 1, 2, ... or 1, 2, 3, ... */
} cusgd_column_kind;

/* A column of a CSV file, used or not. The strings are the table's. */
typedef struct cusgd_table_column {
    size_t size;
    const char *name;                /* NULL where the file has no header */
    cusgd_role role;                 /* what cusgd_data_open would use it for */
    int64_t place;                   /* among the features or targets, from 0 */
    int64_t numbers, missing, texts; /* how many of its fields are finite numbers, marks of missing values, and neither */
    const char *values;              /* its first different values, at most three, separated by ", " */
    cusgd_column_kind kind;
    int64_t different; /* texts; at most 1000 are told apart */
} cusgd_table_column;

/* Describes a CSV file (or "-") column by column, also one whose text or missing values cusgd_data_open refuses. `reader` as
 * there. Fails where the file cannot be read as CSV at all, or has no column that `reader` asks for. */
CUSGD_API cusgd_status cusgd_table_open(const char *path, const cusgd_reader *reader, cusgd_table **out);
CUSGD_API void cusgd_table_free(cusgd_table *table);
CUSGD_API int64_t cusgd_table_rows(const cusgd_table *table); /* not counting the header */
CUSGD_API int64_t cusgd_table_cols(const cusgd_table *table);
/* Column j, from 0. Returns 0 past the last. */
CUSGD_API int cusgd_table_at(const cusgd_table *table, int64_t j, cusgd_table_column *column);
/* How the file is written, nothing open; and whether its first line is a header. */
CUSGD_API void cusgd_table_format(const cusgd_table *table, cusgd_dialect *written, int *header);
/* The options of `cusgd train` that would use the file as it is, quoted for a shell: "--categorical sex --missing drop"; "" where
 * none are needed; NULL where there are none. The reader's choices are among them. */
CUSGD_API const char *cusgd_table_options(const cusgd_table *table);
/* As cusgd_data_note; also what keeps the file from being read: rows with another number of fields than the first line, and what
 * describing ends at. */
CUSGD_API const char *cusgd_table_note(const cusgd_table *table, size_t index);

/* ---- Synthetic data ------------------------------------------------------------------------------------------------------ */

typedef enum cusgd_synthetic_targets {
    CUSGD_SYNTHETIC_LINEAR,   /* y = x theta + b + noise */
    CUSGD_SYNTHETIC_LOGISTIC, /* 0 or 1, a coin with log-odds x theta + b */
    CUSGD_SYNTHETIC_POSITIVE, /* with v = x theta + b + noise: 1 + v where v > 0, else 1 / (1 - v) */
} cusgd_synthetic_targets;

/* Synthetic data: x Gaussian, and targets made of it. Equal for equal arguments on every device. */
typedef struct cusgd_generator {
    size_t size;
    int64_t rows, cols, outputs, informative; /* informative: columns with a nonzero coefficient; 0: all */
    double noise;                             /* standard deviation (linear and positive targets) */
    cusgd_synthetic_targets targets;
    double correlation; /* in (-1, 1): neighboring columns' (AR(1)); 0: none */
    double condition;   /* >= 1: condition number of the columns' covariance; 1: none. Not with correlation */
    uint64_t seed;
    cusgd_type type; /* of x and y */
} cusgd_generator;
/* Fills in the defaults: one output, noise 1, condition 1. generator->size is set already. */
CUSGD_API cusgd_status cusgd_generator_init(cusgd_generator *generator);

/* Writes folder/x.npy, y.npy and true.safetensors, making the folder; files that are there are kept (an error) unless `force`.
 * The rows are made on the CPU. */
CUSGD_API cusgd_status cusgd_generate(const cusgd_generator *generator, const char *folder, int force);
/* The same rows in memory. */
CUSGD_API cusgd_status cusgd_data_generate(const cusgd_generator *generator, cusgd_data **out);

/* ---- Measuring and checking a device ------------------------------------------------------------------------------------- */

/* Bytes per second at which `device` (what --device takes) reads freshly written memory of that size, the median of some passes:
 * what no training step on data of that size can exceed. Of the CPU with so many threads; 0: with as many as read fastest. */
CUSGD_API cusgd_status cusgd_read_bandwidth(const char *device, int threads, int64_t bytes, double *bytes_per_second);

/* What was compared of one thing. Differences are to the CPU in double, relative to the largest value there. */
typedef struct cusgd_check_line {
    const char *what;   /* "gradient" */
    double device, cpu; /* the largest difference: the device's; and the CPU's in the device's precision */
    double share;       /* the device's, in units of what rounding explains: above 1 fails; NAN: not judged */
    int64_t step;       /* at which it was worst, from 1; 0: no step's */
} cusgd_check_line;

enum { CUSGD_CHECK_LINES = 32 };
typedef struct cusgd_check_report {
    size_t size;
    int passed;
    int64_t steps;    /* compared in lockstep */
    char device[128]; /* its name */
    int line_count;   /* of lines, in use */
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
