/* cusgd_tools.h: files and tables, synthetic data, and functions that check and measure devices. */
#ifndef CUSGD_TOOLS_H
#define CUSGD_TOOLS_H

#include "cusgd.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Files of data ------------------------------------------------------------------------------------------------------- */

typedef enum cusgd_header { CUSGD_HEADER_AUTO, CUSGD_HEADER_YES, CUSGD_HEADER_NO } cusgd_header;

/* The numbers of the columns of a table that features, targets and offset were read from. Opaque; cusgd_model_reader and
 * cusgd_data_reader put the layout of a model or of data into a reader. */
typedef struct cusgd_layout cusgd_layout;

/* How the columns of a table became features: which texts are booleans or categories, and the values that replace missing ones.
 * Opaque; cusgd_model_reader and cusgd_data_reader put the encoding of a model or of data into a reader. */
typedef struct cusgd_encoding cusgd_encoding;

/* The treatment of rows with missing values. A value that the encoding replaces is not missing. */
typedef enum cusgd_missing {
    CUSGD_MISSING_DEFAULT, /* the choice in the encoding; ERROR if there is no encoding */
    CUSGD_MISSING_ERROR,   /* reading the file fails */
    CUSGD_MISSING_DROP,    /* the rows are left out, with a note */
    CUSGD_MISSING_MEAN, /* a missing number becomes the mean of the feature, a missing category has 0 in all its columns; for each
                           feature with missing values a column is added that is 1 in these rows and otherwise 0. Rows without
                           a target, weight or offset are left out */
    CUSGD_MISSING_KEEP, /* for prediction (x_only): the rows are kept and their predictions are NaN, with a note */
    CUSGD_MISSING_AUTO, /* as DROP if at most one row in 20 has a missing value, else as ERROR; as DROP in a part of a longer
                         * table (lines_before) */
} cusgd_missing;

/* The dialect of a CSV file. Lines that begin with # and do not have the number of fields of the table are comments. */
typedef struct cusgd_dialect {
    char separator; /* any ASCII character except quotes, '.' and line ends; ' ' means any number of blanks and tabs; 0: detected
                     */
    char decimal;   /* decimal mark, '.' or ','; 0: detected */
    char thousands; /* separator of groups of three digits, which numbers may also lack: ',', '.', ' ' or '\''; not the decimal
                     * mark; 0: none */
    int64_t skip;   /* number of lines to skip before the table; 0: as in `layout`, or none; -1: none */
} cusgd_dialect;

/* The order of day and month in dates such as 5/3/2024. FOUND: detected, as the only order in which all values of a column are
 * valid dates. */
typedef enum cusgd_date_order {
    CUSGD_DATE_ORDER_FOUND,
    CUSGD_DATE_ORDER_DAY_FIRST,
    CUSGD_DATE_ORDER_MONTH_FIRST,
} cusgd_date_order;

/* The storage of x. AUTO: that of the file; a table is dense unless one of its columns has more than 1000 categories. */
typedef enum cusgd_sparse { CUSGD_SPARSE_AUTO, CUSGD_SPARSE_NO, CUSGD_SPARSE_YES } cusgd_sparse;

/* How the columns of a table become features. Booleans (true and false, yes and no, t and f, y and n, on and off, in any case)
 * become 1 and 0. Each category becomes a column named COL=CATEGORY that is 1 in the rows of the category and otherwise 0. */
typedef struct cusgd_encode {
    const char *const *categorical; /* names of features whose values (texts or numbers) are categories */
    size_t categorical_count;
    /* 1: features that have only texts become categories too, with a note, if the texts repeat (each occurs at least twice on
     * average, and there are at most 1000 different ones, or a million if x is to be sparse) and are not dates; 0: texts in
     * features that are not named above are an error */
    int categorical_auto;
    int all_levels; /* 1: a column for each category; 0: for each except the first (in numerical order, or else in byte order) */
    cusgd_missing missing;
    int strict; /* 1: a category that the encoding does not have is an error; 0: all its columns are 0, with a note */
    /* Names of features whose values are dates, in one of the forms in docs/file-formats.md. Each becomes those of the columns
     * year(COL), month(COL) (1 to 12), weekday(COL) (0: Monday) and days(COL) since 1970-01-01 that are not constant. A column
     * cannot be both a date and a category. Fails if the order of day and month is neither detected nor given. */
    const char *const *dates;
    size_t date_count;
    cusgd_date_order date_order;
    /* 2 to 10: powers of all these columns up to this degree are appended (COL^2, ...), at most 100,000 columns; 0 or 1: none */
    int polynomial;
    int interactions; /* 1: products of different columns (A*B) up to that total degree are appended too */
    /* For all kinds of files. YES: x is stored sparse, NO: dense, whatever the storage in the file (cusgd_data_set_sparse). With
     * YES or AUTO, a column of categories that is named above may have a million of them, otherwise 1000. With AUTO, a file that
     * is read by `cusgd_reader.encoding` is stored like the data of that encoding */
    cusgd_sparse sparse;
} cusgd_encode;

/* The index of the first column in LIBSVM text. AUTO: 0 if an index 0 occurs, else 1. */
typedef enum cusgd_index_base { CUSGD_INDEX_AUTO, CUSGD_INDEX_ZERO, CUSGD_INDEX_ONE } cusgd_index_base;

/* What the targets of a loss of classes are. */
typedef enum cusgd_class_targets {
    CUSGD_CLASSES_GIVEN, /* texts, or the numbers 0 and 1 */
    CUSGD_CLASSES_FIND,  /* the values of one target are classes: see cusgd_data_find_classes */
    CUSGD_CLASSES_SPLIT, /* likewise; several targets are shares of the classes that they name: see cusgd_data_split_targets */
} cusgd_class_targets;

/* The roles of the columns of a table. Columns are given by their names in the header or by numbers: from 1, or negative ones
 * from the end. Columns may have equal names if none of them is used or if they are given by number. */
typedef struct cusgd_roles {
    const char *const *targets; /* NULL: the last column */
    size_t target_count;
    const char *const *features; /* NULL: all columns that have no other role */
    size_t feature_count;
    const char *const *ignore; /* columns left out */
    size_t ignore_count;
    const char *weights;  /* the column of weights, or NULL */
    const char *offset;   /* the column of offsets, or NULL */
    const char *exposure; /* the column of exposures, or NULL; not both */
    /* NULL, or the column with the numbers of trials. The target is then the number of successes, or several targets are the
     * counts of each class (see cusgd_data_split_targets). Excludes `weights` */
    const char *trials;
    int x_only; /* 1: there are no targets (prediction) */
} cusgd_roles;

/* How to read a file. */
typedef struct cusgd_reader {
    size_t size; /* CUSGD_INIT(cusgd_reader): the defaults */
    cusgd_header header;
    cusgd_roles roles;
    const char *const *classes; /* NULL, or the texts or numbers in the target that mean class 0, 1, ...: class_count of them */
    /* NULL, or the numbers of the columns that `features`, `targets` and `offset` do not give. They apply to files with the same
     * number of columns as the file of the layout. In other files, the columns without a role in `roles` are used in the order of
     * the layout if their number matches (with x_only, that of the features); otherwise reading fails. */
    const cusgd_layout *layout;
    cusgd_dialect dialect; /* what is 0 here is taken from `layout`, or else detected from the first lines */
    cusgd_encode encode;   /* how the columns of a table become features */
    cusgd_class_targets find_classes;
    const cusgd_encoding *encoding; /* NULL, or the encoding to use; of `encode`, only `missing`, `strict` and `sparse` are used
                                     * then */
    int64_t lines_before;           /* added to line numbers in messages, for a part of a longer table */
    size_t class_count;             /* of `classes`; 0: 2 */
    cusgd_index_base index_base;    /* of the indices in LIBSVM text */
    int64_t columns; /* of LIBSVM text and folders of a CSR matrix, at least 1; 0: as many as its largest index requires */
    /* HDF5: the datasets to read, "x=/PATH,y=/PATH", also with w, offset or exposure. NULL: the datasets with these names that
     * exist */
    const char *datasets;
    int single_values; /* 1: the values of LIBSVM text are stored as float32, in half the memory, which suffices for runs in
                        * float */
    int threads;       /* number of CPU threads that read text; 0: the number that is fastest. The data does not depend on it */
    /* NULL, or a folder for temporary files: an array of more than spill_bytes (0: 64 MiB) that is read from text is stored in a
     * mapped file without a name, which is removed with the data. The disk must have room for 8 bytes per value. */
    const char *spill;
    int64_t spill_bytes;
} cusgd_reader;

/* 1 if the file is read as LIBSVM text: it is called .svm, .libsvm or .svmlight, also with .gz or .zst; or it is not called .csv
 * or .tsv and its first row is a number followed by INDEX:VALUE pairs, whose indices ascend. */
CUSGD_API int cusgd_file_is_libsvm(const char *path);
/* Opens data: a folder with x.npy, y.npy and optionally w.npy (weights) and offset.npy or exposure.npy, memory-mapped if they are
 * float32 or float64; a folder of numbered files, as cusgd_data_save writes it; a .npz with such arrays; a single .npy (x_only);
 * a sparse matrix that scipy.sparse.save_npz wrote (.npz, x_only, of the formats csr, csc and coo; or x.npz in the place of
 * x.npy), or that lies in the folder as indptr.npy, indices.npy and data.npy, also memory-mapped; LIBSVM text
 * (cusgd_file_is_libsvm); an HDF5 file (`datasets`), by the module libcusgd-hdf5.so; a table; or "-", a table on standard input.
 * `reader` NULL: the defaults. Columns of arrays have no names: `features` and `targets` are ignored for them, `offset` and
 * `exposure` for a folder; `ignore` and `weights` fail with USAGE. */
CUSGD_API cusgd_status cusgd_data_open(const char *path, const cusgd_reader *reader, cusgd_data **out);
/* Reads a table of Apache Arrow by its C stream interface, whose structure the caller has from Arrow; the stream is released,
 * also on failure. Columns of numbers, booleans, dates (date32, date64, timestamp), texts and dictionaries (categories) become
 * features as those of a table in a file do, with the roles, encoding and missing values (its validity bitmaps, NaN) that
 * `reader` says; what it says of files has no effect. The values are copied, into doubles. Errors: USAGE (trials), DATA (a type
 * that is not read, or the stream's own error), MEMORY. */
struct ArrowArrayStream;
CUSGD_API cusgd_status cusgd_data_arrow(struct ArrowArrayStream *stream, const cusgd_reader *reader, cusgd_data **out);
/* The line of the file at which the first row of a table begins, from 1; 0 if the data is not a table. Lines before it are a
 * header, comments and skipped lines. */
CUSGD_API int64_t cusgd_data_first_line(const cusgd_data *data);
/* For the SIGBUS handler of a program; `address` is si_addr of the siginfo_t. A read from a mapped file that has become shorter
 * raises SIGBUS, which ends the program unless it has a handler (cusgd_handle_faults installs one). If the address is in such a
 * file, this function maps zeros there, so that the thread can continue, and the call in progress fails with DATA. Returns 1 in
 * that case and 0 if the address is not in a mapped file of the library. Async-signal-safe; may be called in any thread. A file
 * that has become shorter is also an error if no signal was raised. */
CUSGD_API int cusgd_data_fault(void *address);
/* Installs a SIGBUS handler that calls cusgd_data_fault() and passes other addresses on to the handler that was there before.
 * Further calls do nothing. The command calls it, and the Python package if it is given a memory-mapped array or loads a model.
 */
CUSGD_API void cusgd_handle_faults(void);
/* Declares that arrays of wrapped data are in a file that the caller has mapped: `bytes` at `mapping`, from byte `offset` of the
 * file on. If the file becomes shorter, calls then fail with DATA as for files that the library opened, and cusgd_data_fault()
 * handles its addresses. The mapping must outlive the data. At most 5 files. Errors: USAGE (too many files, or an argument that
 * is NULL or 0), MEMORY. */
CUSGD_API cusgd_status cusgd_data_add_file(cusgd_data *data, const char *path, const void *mapping, size_t bytes, size_t offset);
/* Sets up `reader` to read another file in the way this data was read: the same features, targets and offset, by name if the data
 * has names, else by number, and the same classes. The column of weights is unchanged, and so are targets that were split into
 * classes. The reader refers to the data, which must
 * outlive it. */
CUSGD_API cusgd_status cusgd_data_reader(const cusgd_data *data, cusgd_reader *reader);
/* Sets up `reader` for the features and classes of the model, and for its targets and offset unless the reader gives them.
 * Columns are found by name, or by number (reader->layout) if they have no names. The reader refers to the model, which must
 * outlive it. */
CUSGD_API cusgd_status cusgd_model_reader(const cusgd_model *model, cusgd_reader *reader);

/* Checks that a model or predictions could be written to `path`, so that a long run does not fail at its end. */
CUSGD_API cusgd_status cusgd_file_check(const char *path);
/* Writes `count` bytes as a file. An existing file is replaced only when the new one is complete. Errors: DATA, MEMORY. */
CUSGD_API cusgd_status cusgd_file_write(const char *path, const void *bytes, size_t count);
/* Writes rows x columns numbers, row-major, to NAME.npy (float64). Replacement and errors as for cusgd_file_write. */
CUSGD_API cusgd_status cusgd_array_save(const char *path, int64_t rows, int64_t columns, const double *values);
/* Writes predictions of cusgd_model_predict to NAME.npy (float64; n, or n x columns), to NAME.csv (with a header of the target
 * names, or of the class names if each class has an output, and with class names for CUSGD_PREDICT_CLASS) or to "-" (CSV on
 * standard output). An existing file is replaced only when the new one is complete. */
CUSGD_API cusgd_status cusgd_predictions_save(const cusgd_model *model, cusgd_prediction as, int64_t n, const double *predictions,
                                              const char *path);

/* How rows are written to a folder of numbered .npy files, which cusgd_data_open maps as one matrix: see docs/file-formats.md. */
typedef struct cusgd_folder_options {
    size_t size;           /* CUSGD_INIT(cusgd_folder_options): the defaults */
    int64_t rows_per_file; /* of each file but the last, rounded up to a multiple of 1024; 0: about 256 MiB of x */
    int bf16;    /* 1: x is rounded to bfloat16, half the size; such files are read into memory, as float32, not mapped */
    int shuffle; /* 1: the rows are written in random order, so that the option sampling "none" has the same random order in every
                  * epoch. Of cusgd_data_save only */
    uint64_t seed; /* of the permutation */
} cusgd_folder_options;
/* Writes data to `folder`, which must not exist or be empty, with its names, classes and encoding, so that a model that is
 * trained on it takes the tables that the data was read from. It appears when it is complete: until then it has a hidden name
 * next to its place. Takes up to about 200 MB of memory for up to 64 GB of rows, whatever the order. A sparse x is written as
 * indptr.npy, indices.npy and data.npy. `options` NULL: the defaults. Errors: USAGE (rows in the memory of a GPU, targets split
 * into classes, bf16 for sparse rows), DATA (the folder, a full disk), MEMORY. */
CUSGD_API cusgd_status cusgd_data_save(const cusgd_data *data, const char *folder, const cusgd_folder_options *options);
/* Writes such a folder in parts: each call of cusgd_folder_append adds the rows of dense data, which must have the same numbers
 * of columns and targets and the same arrays as the first. The first data determines the types, names, classes and encoding; a
 * target of classes must be read with its class names (cusgd_data_reader), as later rows need not have all of the classes, nor in
 * the same order. cusgd_folder_finish completes the folder and frees the handle, also on failure; cusgd_folder_free instead
 * removes what was written. After an error the handle can only be freed. Errors are those of cusgd_data_save. */
typedef struct cusgd_folder cusgd_folder;
CUSGD_API cusgd_status cusgd_folder_create(const char *folder, const cusgd_folder_options *options, cusgd_folder **out);
CUSGD_API cusgd_status cusgd_folder_append(cusgd_folder *to, const cusgd_data *data);
CUSGD_API cusgd_status cusgd_folder_finish(cusgd_folder *to);
CUSGD_API void cusgd_folder_free(cusgd_folder *to);
/* Reads all files of a folder that these functions wrote, and compares them with the checksums in its index. Fails with DATA if
 * one differs, or if the folder has no checksums. */
CUSGD_API cusgd_status cusgd_folder_check(const char *folder);

typedef struct cusgd_table cusgd_table;

typedef enum cusgd_role {
    CUSGD_ROLE_NONE, /* not used */
    CUSGD_ROLE_IGNORED,
    CUSGD_ROLE_WEIGHTS,
    CUSGD_ROLE_OFFSET,
    CUSGD_ROLE_TARGET,
    CUSGD_ROLE_FEATURE,
} cusgd_role;

/* The kind of the values of a column that are not missing. */
typedef enum cusgd_column_kind {
    CUSGD_COLUMN_EMPTY,      /* there are none */
    CUSGD_COLUMN_NUMBER,     /* numbers */
    CUSGD_COLUMN_BOOLEAN,    /* a pair such as no and yes */
    CUSGD_COLUMN_CATEGORY,   /* texts that repeat */
    CUSGD_COLUMN_DATE,       /* dates */
    CUSGD_COLUMN_TEXT,       /* texts that hardly repeat, or more than a thousand different ones */
    CUSGD_COLUMN_MIXED,      /* numbers and texts */
    CUSGD_COLUMN_CONSTANT,   /* the same in every row */
    CUSGD_COLUMN_ROW_NUMBER, /* 0, 1, 2, ... or 1, 2, 3, ... */
    CUSGD_COLUMN_MARKED,     /* numbers, of which some have separated thousands, a decimal comma, a currency or a unit */
} cusgd_column_kind;

/* A column of a table, used or not. The strings are owned by the table. */
typedef struct cusgd_table_column {
    size_t size;
    const char *name;                /* NULL if the file has no header */
    cusgd_role role;                 /* the use that cusgd_data_open would make of it */
    int64_t place;                   /* its number among the features or targets, from 0 */
    int64_t numbers, missing, texts; /* numbers of fields that are finite numbers, missing values, and others */
    const char *values;              /* the first different values, at most three, separated by ", " */
    cusgd_column_kind kind;
    int64_t different; /* number of different texts; counted up to 1000 */
} cusgd_table_column;

/* Describes the columns of a table (a file or "-"), also if cusgd_data_open would fail because of its texts or missing values.
 * `reader` as there. Fails if the file is not a table or does not have a column that `reader` names. */
CUSGD_API cusgd_status cusgd_table_open(const char *path, const cusgd_reader *reader, cusgd_table **out);
CUSGD_API void cusgd_table_free(cusgd_table *table);
CUSGD_API int64_t cusgd_table_rows(const cusgd_table *table); /* without the header */
CUSGD_API int64_t cusgd_table_cols(const cusgd_table *table);
/* Gets column j, from 0. Returns 0 past the last. */
CUSGD_API int cusgd_table_at(const cusgd_table *table, int64_t j, cusgd_table_column *column);
/* Gets the dialect of the file, as given or detected, and whether its first line is a header. */
CUSGD_API void cusgd_table_format(const cusgd_table *table, cusgd_dialect *written, int *header);
/* Returns the options with which `cusgd train` can use the file, quoted for a shell: "--categorical sex --missing drop"; "" if
 * none are needed, NULL if no options make it usable. They include the choices in the reader. Owned by the table. */
CUSGD_API const char *cusgd_table_options(const cusgd_table *table);
/* As cusgd_data_note. The notes also include errors in the file, such as rows with a different number of fields than the first
 * line. */
CUSGD_API const char *cusgd_table_note(const cusgd_table *table, size_t index);

/* ---- Synthetic data ------------------------------------------------------------------------------------------------------ */

typedef enum cusgd_synthetic_targets {
    CUSGD_SYNTHETIC_LINEAR,   /* y = x theta + b + noise */
    CUSGD_SYNTHETIC_LOGISTIC, /* 0 or 1, drawn with log-odds x theta + b */
    CUSGD_SYNTHETIC_POSITIVE, /* with v = x theta + b + noise: 1 + v if v > 0, otherwise 1 / (1 - v) */
} cusgd_synthetic_targets;

/* Synthetic data: Gaussian x, and targets from a linear model. Equal arguments give equal data on every device. */
typedef struct cusgd_generator {
    size_t size;
    int64_t rows, cols, outputs, informative; /* informative: number of columns with nonzero coefficients; 0: all */
    double noise;                             /* standard deviation (linear and positive targets) */
    cusgd_synthetic_targets targets;
    double correlation; /* in (-1, 1): correlation of neighboring columns (AR(1)); 0: independent columns */
    double condition;   /* >= 1: condition number of the covariance of the columns; 1: the identity. Excludes correlation */
    uint64_t seed;
    cusgd_type type;    /* of x and y */
    const char *device; /* the device that generates the rows, a value of the option device; NULL: the CPU. The rows do not depend
                         * on it */
} cusgd_generator;
/* Sets the defaults: one output, noise 1, condition 1. generator->size must be set. */
CUSGD_API cusgd_status cusgd_generator_init(cusgd_generator *generator);

/* Creates the folder and writes x.npy, y.npy and true.safetensors (the coefficients) into it. If one of the files exists, this
 * fails unless `force` is 1. Errors: USAGE, DATA, DEVICE, MEMORY, INTERRUPTED. */
CUSGD_API cusgd_status cusgd_generate(const cusgd_generator *generator, const char *folder, int force);
/* Creates the same rows in memory. */
CUSGD_API cusgd_status cusgd_data_generate(const cusgd_generator *generator, cusgd_data **out);

/* ---- Measuring and checking a device ------------------------------------------------------------------------------------- */

/* Measures the bytes per second at which a device (a value of the option device) reads memory of that size that was just written:
 * the median of several passes. A training step on data of that size cannot be faster. `threads`: threads of the CPU; 0: the
 * number that is fastest. */
CUSGD_API cusgd_status cusgd_read_bandwidth(const char *device, int threads, int64_t bytes, double *bytes_per_second);

/* The result of one comparison. Differences are from the CPU in double precision, relative to its largest value. */
typedef struct cusgd_check_line {
    const char *what;   /* "gradient" */
    double device, cpu; /* the largest difference of the device, and of the CPU in the precision of the device */
    double share;       /* that of the device divided by the bound on rounding errors: above 1 fails; NAN: not judged */
    int64_t step;       /* the step with the largest difference, from 1; 0: the comparison is not of a step */
} cusgd_check_line;

enum { CUSGD_CHECK_LINES = 32 };
typedef struct cusgd_check_report {
    size_t size;
    int passed;
    int64_t steps;    /* the number that was compared one by one */
    char device[128]; /* the name of the device */
    int line_count;   /* number of lines that are used */
    cusgd_check_line lines[CUSGD_CHECK_LINES];
} cusgd_check_report;

/* Compares the device in the options with the CPU, in the precision of the options and in double, over the first `steps` (>= 1)
 * steps of a run. Before each step all have the same state. After it the gradients may differ by rounding errors, and each update
 * must have exactly the bits that follow from its gradient and the state. The function then compares full passes and the same
 * steps submitted together; differences of an independent run are reported but not judged. If the run diverges, the comparison
 * ends there. Returns CUSGD_OK if everything agrees and CUSGD_ERROR_MISMATCH if not; *report is filled in both cases. Fails with
 * DIVERGED if the first step is not finite, otherwise as cusgd_trainer_create. */
CUSGD_API cusgd_status cusgd_check(const cusgd_options *options, const cusgd_data *data, int64_t steps,
                                   cusgd_check_report *report);

#ifdef __cplusplus
}
#endif
#endif
