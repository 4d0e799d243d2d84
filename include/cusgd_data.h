/* cusgd_data.h: examples in memory, which the library reads in place or copies. */
#ifndef CUSGD_DATA_H
#define CUSGD_DATA_H

#include "cusgd_base.h"

#ifdef __cplusplus
extern "C" {
#endif

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
 * d; y is n x k, or y.at is NULL and k 0 (data for prediction only); w is n x 1, or w.at is NULL (all weights are 1). Weights are
 * finite and >= 0; rows of weight 0 are ignored everywhere. The values are not read: trainers and models check them. Errors:
 * USAGE (a size, a type or an address is invalid), MEMORY. */
CUSGD_API cusgd_status cusgd_data_wrap(int64_t n, int64_t d, int64_t k, cusgd_matrix x, cusgd_matrix y, cusgd_matrix w,
                                       cusgd_data **out);

/* Arrays for cusgd_data_wrap_device: x is in the memory of a GPU, y and w are there or in the host's memory. Addresses are those
 * of cudaMalloc. The call waits until the work that was submitted to the stream, which may compute the arrays, has ended. */
typedef struct cusgd_device_arrays {
    size_t size;
    cusgd_matrix x, y, w; /* as in cusgd_data_wrap */
    void *stream;         /* a cudaStream_t; NULL: the default stream */
} cusgd_device_arrays;

/* Wraps arrays in the memory of a GPU. y and w are copied to the host. x stays where it is: a trainer on that GPU uses it in
 * place if it has the precision of the run, is stored in full, is not standardized, has its rows one after another (and each a
 * multiple of 16 bytes, from 32 columns on), and no row is held out; otherwise it is copied there. x must outlive the data and
 * its trainers and must not change meanwhile. Such data is for trainers on that GPU, with any solver, and for their predictions.
 * Models, trainers on the CPU, checks, sweeps, paths, the options whiten and memory, and the functions that copy rows
 * (cusgd_data_set_sparse, cusgd_data_split_targets, cusgd_data_select, cusgd_data_save, cusgd_folder_append) refuse it with
 * USAGE. Errors: USAGE, also for x in the host's memory; DATA, if a column of x is not finite; DEVICE, MEMORY. */
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

/* As cusgd_data_wrap, for sparse x of at most 2^31 - 1 columns. Reads the column numbers once. Fails also with DATA, which names
 * the row, where they do not ascend or are out of range. The solvers sgd, gd, cg, lbfgs and coordinate take sparse data. */
CUSGD_API cusgd_status cusgd_data_wrap_csr(int64_t n, int64_t d, int64_t k, cusgd_csr x, cusgd_matrix y, cusgd_matrix w,
                                           cusgd_data **out);
CUSGD_API int64_t cusgd_data_stored(const cusgd_data *data); /* the stored values of sparse data; -1: the data is dense */
/* Replaces x by a copy in the other kind of storage. `sparse` 1: by rows, without the values that are 0; 0: as a dense matrix,
 * which all solvers take. Does nothing if x is stored so already. The values keep their type. Not allowed while a
 * trainer uses the data. Errors: MEMORY, INTERRUPTED, USAGE (x lies in the memory of a GPU). */
CUSGD_API cusgd_status cusgd_data_set_sparse(cusgd_data *data, int sparse);

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

/* Converts a target of numbers to classes, if it has two values other than 0 and 1, or more than two values that are all whole
 * numbers. In ascending order they become classes 0, 1, ..., and the numbers become the names of the classes. With `model` (may
 * be NULL), the classes are those of the model, of which the data may lack some. Nothing changes if the target has class names
 * already or if there are several targets. Fails with DATA if there are more than two values that are not whole, more values than
 * half the rows, or values that are not classes of the model. */
typedef struct cusgd_model cusgd_model;
CUSGD_API cusgd_status cusgd_data_find_classes(cusgd_data *data, const cusgd_model *model);

/* Converts targets that are shares or counts of classes for losses of classes. Each row becomes one row for each class whose
 * share or count is not 0; the weights of these rows sum to that of the row. Rows of weight 0 are removed. counts 0: the target y
 * is the share of class 1, from 0 to 1, and the new rows have the weights w y and w (1 - y); if no target is strictly between 0
 * and 1, the data is unchanged. counts 1: the target y is the number of successes out of w trials, where w is the weight, and the
 * new rows have the weights y and w - y. If there are k >= 2 targets, each belongs to one class: they are shares that sum to 1
 * (to 1e-4), or counts that sum to the weights if there are any. The data then has one target with k classes, which have the
 * names of the targets or are numbered. x is copied for the new rows, and a note states their number. cusgd_data_find_classes
 * without a model does this for one target of shares with more than two values. Not allowed while a trainer uses the data. Fails
 * with DATA for a target outside its range, sums that are wrong, or named classes; USAGE if there are no weights for the counts
 * of one target. */
CUSGD_API cusgd_status cusgd_data_split_targets(cusgd_data *data, int counts);

/* Multiplies the weight of each row by the weight of its class: weights[i] >= 0 for the class names[i], 1 for classes that are
 * not named. names NULL ("balanced"): the weight of class c is n / (classes n_c), where n is the sum of the row weights and n_c
 * that of class c. Classes without names are called "0" and "1". Not allowed while a trainer uses the data. Fails with DATA if
 * there is no such class or if the target is not of classes. */
CUSGD_API cusgd_status cusgd_data_weigh_classes(cusgd_data *data, const char *const *names, const double *weights, int64_t count);

/* Copies the rows `rows`[0 .. count - 1] (numbers from 0, in this order; a row may occur several times) to new data: x, y,
 * weights, offsets, in their types, and names. count >= 1. `data` may be freed before *out. Errors: USAGE (a row that is out of
 * range, or rows in the memory of a GPU), DATA (a data file became shorter), MEMORY, INTERRUPTED. */
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

#ifdef __cplusplus
}
#endif
#endif
