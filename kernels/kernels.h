/* Declares the kernel launchers that the host half of the CUDA backend (host/cuda/) calls, in plain C. The letters n, d, k have
 * the meaning of host/backend.h. A step runs these kernels in order:
 *
 *     order -> gather -> [product] -> loss -> [transposed product] -> update
 *
 * The products in brackets are calls of cuBLAS. All pointers are device pointers. `void *` points to values of type `real`,
 * which is float or double according to `precision`; x holds bf16 values if a task's `storage` says so, which requires float. A
 * launcher enqueues its kernel on the stream and returns the error of the launch. */
#ifndef CUSGD_KERNELS_KERNELS_H
#define CUSGD_KERNELS_KERNELS_H

#include "cusgd.h"
#include "cusgd_tools.h"
#include "scalar/bf16.h"
#include "scalar/catch_up.h"
#include "scalar/loss_rule.h"
#include "scalar/sampling.h"
#include "scalar/schedule.h"
#include "scalar/shards.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest numbers of columns of x and of targets. cuBLAS takes padded numbers of columns as int; the grid of loss.cu limits
 * the number of targets. */
enum { MAX_COLUMNS = INT32_MAX - 64, MAX_TARGETS = 1 << 20 };

/* Returns the number of columns from which on rows of x are padded to multiples of 16 bytes, which hold `values` values. */
static inline int64_t padded_from(int64_t values) { return values > 4 ? 32 : 8 * values; }
/* Returns the size of a value of x in bytes. storage is BF16 only if the precision is float. */
static inline int64_t value_bytes(cusgd_precision precision, cusgd_storage storage)
{
    return precision == CUSGD_PRECISION_DOUBLE ? 8 : storage == CUSGD_STORAGE_BF16 ? 2 : 4;
}

/* ---- The table of a slice of steps in device memory ---- */

enum { TABLE_STEPS = 4096 };

typedef struct step_row {
    step_numbers numbers;
    int64_t first, count; /* the batch consists of the positions first .. first + count - 1 of the epoch */
} step_row;

/* A run with shards has one table per shard, whose rows describe the shard's share of each batch, and one table for the
 * batches, of which only numbers and count are used. The allocation may have room for fewer rows than TABLE_STEPS. */
typedef struct slice_table {
    sampler order;
    int64_t count;
    step_row row[TABLE_STEPS];
} slice_table;

/* The state that the kernels of a run share. The host neither reads nor writes it within a slice. */
typedef struct run_state {
    int64_t gathered; /* as `next`, but advanced by the kernel that reads rows, for kernels that run concurrently with the loss
                         kernel */
    int64_t active;   /* the table row whose update is due; -1: none, because the run has failed */
    double pending;   /* the loss of the batch, or of all rows of a pass */
    int64_t turns[2]; /* FUSED: the numbers of finished even and odd steps of the slice, for kernels that start before the
                         previous step ends */
    unsigned arrived; /* the number of blocks of the loss kernel that have finished */
    int64_t next;   /* table row of the current step, advanced by the loss kernel; `next` and `failed` are 16 bytes that one load
                       reads */
    int64_t failed; /* 0 or a FAILED_... value; this and the following members count from the last report on */
    double loss;
    int64_t rows, done;
} run_state;

/* The reasons for a failed run: a loss is not finite, or the blocks of a cooperative launch did not all reach their barrier. */
enum { FAILED_LOSS = 1, FAILED_BARRIER = 2 };

/* Arrays with one value per output, used if the outputs are separate models (models of host/backend.h). All are NULL if the
 * outputs form one model. */
typedef struct model_arrays {
    const int *target_of;           /* NULL: output c has target c */
    const uint64_t *held_out;       /* NULL: all rows count */
    const double *momentum, *share; /* factors on the momentum, divisors of the gradient; NULL: neither */
    const double *number;           /* parameter of the loss; NULL: that of the task's loss */
    const double *class_weight;     /* 2 x k: factors on the weights of rows with a target <= 0 and > 0; NULL: 1 */
    double *pending;                /* the loss of the batch, or of all rows of a pass */
    double *losses;                 /* sum since the last report */
    uint8_t *alive;                 /* MODEL_RETIRED, MODEL_ALIVE or MODEL_ENDED; only MODEL_ALIVE takes steps */
    int follows, precedes; /* 1: the losses of other models of this batch have been computed before; are still to be computed */
} model_arrays;
enum { MODEL_RETIRED, MODEL_ALIVE, MODEL_ENDED };

/* ---- The rows of a batch ---- */

/* Computes the rows at the positions of a batch: of the step after the gathered one (ahead 1), or of the first step of the
 * slice (ahead 0). The rows of step s are stored at order[s % 2 * batch]. */
typedef struct order_task {
    const slice_table *table;
    const run_state *state;
    int64_t *order; /* 2 x batch */
    int64_t batch;  /* maximum number of rows of a batch, or of a shard's share of it */
    int ahead;
} order_task;
cudaError_t kernel_order(const order_task *t, cudaStream_t stream);

/* Copies the rows of x at positions start .. start + rows - 1 of the batch to out (rows x ld). Rows of out beyond the end of
 * the batch become zeros. */
typedef struct gather_task {
    cusgd_precision precision;
    cusgd_storage storage; /* of x */
    const slice_table *table;
    run_state *state;
    const int64_t *order; /* 2 x batch; NULL: consecutive rows */
    int64_t batch, start, rows, ld;
    const void *x; /* n x ld */
    void *out;
    int begins; /* 1: the first launch of a step, which advances `gathered` */
} gather_task;
cudaError_t kernel_gather(const gather_task *t, cudaStream_t stream);

/* ---- The loss ---- */

/* Replaces p by w dl/dp and computes, in double and in a fixed order, the sum of w l and, per output, the sum of w dl/dp. With
 * a table, the rows are those of the current step, and the last launch of the batch counts the step or marks the run as failed.
 * Without a table, the rows are first .. first + rows - 1. */
typedef struct loss_task {
    cusgd_precision precision;
    loss_rule loss;           /* a formula has at most LOSS_PLACES places; the launch copies it from host memory */
    int64_t m, k;             /* targets and outputs; the numbers differ only for models and for classes */
    int classed;              /* 1: m is 1, y holds the number of a class, and each class has an output; not for models */
    const slice_table *table; /* NULL: no table */
    run_state *state;
    const int64_t *order; /* 2 x batch; NULL: consecutive rows */
    int64_t batch, start; /* with a table: position in the batch of the first row of p */
    int64_t first;        /* without a table: the first row */
    int64_t rows;
    const void *y, *w, *o; /* n x m; n or NULL; n or NULL: targets, weights, offsets of p */
    void *shared;          /* rows x 2: results of kernel_softmax per row of p; NULL: another loss */
    model_arrays models;
    const uint8_t *fold; /* n; NULL: all 0; used for models only */
    int fold_alone; /* f > 0: for models, only rows of fold f - 1 count, and p is not changed; 0: the rows count that held_out
                       does not exclude */
    const void *intercept; /* k */
    void *p;               /* rows x k */
    double *partial;       /* loss_partials(rows, k) */
    double *total;         /* k: sum of w dl/dp */
    int begins, ends;      /* 1: the first, the last launch of a batch or of a pass; for models: of this group of models */
    int second;            /* 1: compute d2l/dp2 instead of dl/dp */
} loss_task;
cudaError_t kernel_loss(const loss_task *t, cudaStream_t stream);
/* Fills t->shared with the maximum of each row of predictions and the sum of e^(prediction - maximum), minus 1. It is launched
 * before kernel_loss if the loss is softmax over classes. */
cudaError_t kernel_softmax(const loss_task *t, cudaStream_t stream);
int64_t loss_partials(int64_t rows, int64_t k);

/* Computes out[i ld + j] = x[i ld + j] s[i k + c] for rows x ld values. */
typedef struct scale_task {
    cusgd_precision precision;
    const void *x, *s; /* rows x ld, rows x k */
    int64_t rows, ld, k, c;
    void *out;
} scale_task;
cudaError_t kernel_scale(const scale_task *t, cudaStream_t stream);

/* ---- Products of sparse rows and parameters (sparse.cu) ---- */

/* Row i holds the stored values start[i] .. start[i + 1] - 1 in ascending order of their columns. */
typedef struct sparse_matrix {
    const int64_t *start;
    const int32_t *column;
    const void *value; /* NULL: all values are 1 */
} sparse_matrix;

/* Computes p = x theta (rows x k). With a table, the rows are those of the current step, as in loss_task; without one they are
 * first .. first + rows - 1. */
typedef struct sparse_rows_task {
    cusgd_precision precision;
    sparse_matrix x;
    int lanes; /* number of threads that share a row: 1, 8 or 32 */
    const slice_table *table;
    run_state *state;
    const int64_t *order; /* 2 x batch; NULL: consecutive rows */
    int64_t batch, first, rows, k;
    const void *theta; /* d k */
    void *p;           /* rows x k */
    void *gradient;    /* array whose first `cleared` values are set to 0, padded to a multiple of 16 bytes; NULL: none */
    int64_t cleared;
    int begins; /* 1: the first launch of a step, which advances `gathered` */
} sparse_rows_task;
cudaError_t kernel_sparse_rows(const sparse_rows_task *t, cudaStream_t stream);

/* The values of a batch by columns: the columns that occur in it, the longest first, and in ascending order among those of
 * similar length. */
enum { SPARSE_BLOCK, SPARSE_WARP, SPARSE_OCTET, SPARSE_ALONE, SPARSE_LENGTHS }; /* the threads that sum a column */
typedef struct sparse_batch {
    int64_t value, column; /* index of the first value and of the first column of the batch in the arrays of all batches */
    int32_t count[SPARSE_LENGTHS]; /* number of columns summed by each kind of threads */
} sparse_batch;

/* The values of a column start at `begin`, counted from the first value of the batch, and end where those of the next column
 * start. One more entry follows the last column. */
typedef struct sparse_column {
    int32_t column;
    uint32_t begin;
} sparse_column;

typedef struct sparse_batches {
    const sparse_batch *each;
    const sparse_column *column;
    const uint32_t *place; /* the row of a value within the batch */
    const void *value;     /* NULL: all values are 1 */
} sparse_batches;

/* Computes gradient[j k + c] = the sum over column j of value p[place k + c] for the columns that occur; or adds it to sum[j k
 * + c]. */
typedef struct sparse_columns_task {
    cusgd_precision precision;
    sparse_batches of;
    const int64_t *numbers; /* the batch of each step of the table; NULL: `number` */
    int counts;             /* with numbers: 1: the step whose update is due; 0: the current step, for a shard's share of it */
    const run_state *state;
    int64_t number, k;
    const void *p;
    void *gradient; /* d k; NULL: add to sum */
    double *sum;
    unsigned blocks; /* size of the grid; results do not depend on it */
} sparse_columns_task;
cudaError_t kernel_sparse_columns(const sparse_columns_task *t, cudaStream_t stream);
/* Returns the kind of threads, SPARSE_BLOCK etc., that sum a column of `values` values for each of k outputs. */
int sparse_length(int64_t values, int64_t k);
/* Returns the number of blocks that a batch can keep busy. */
int64_t sparse_blocks(const sparse_batch *b, int64_t k);

/* ---- The parameters ---- */

typedef struct update_task {
    cusgd_precision precision;
    const slice_table *table;
    run_state *state;
    int optimizer, average, intercept;
    double beta1, beta2, rho, epsilon, l1, l2, decay;
    model_arrays models;
    int64_t outputs;                                     /* k */
    int64_t penalized, size;                             /* d k; (d+1) k. Arrays of reals are padded to multiples of 16 bytes */
    void *theta, *slot1, *slot2, *slot3, *means, *point; /* size each; NULL: absent */
    const void *rate_factor;                             /* size; NULL: 1 */
    const void *l1_factor, *l2_factor, *lower, *upper;   /* size each, all or none: factors on l1 and l2; bounds */
    double clip_norm, clip_value;                        /* 0: no clipping */
    double *squares;                                     /* clip_partials(size): factor on the gradient, partial sums */
    const void *gradient;                                /* d k: sum over the rows of the batch; NULL: it is in `sum` */
    const double *sum;                                   /* d k */
    const double *total;                                 /* k: derivatives of the intercepts */
} update_task;
/* Updates every parameter by one step, and computes the point at which the next gradient is taken. */
cudaError_t kernel_update(const update_task *t, cudaStream_t stream);
/* Computes the factor on the gradient. It is launched before kernel_update if clip_norm is positive. */
cudaError_t kernel_clip(const update_task *t, cudaStream_t stream);
int64_t clip_partials(int64_t size);
/* Computes the point of the first gradient of a slice. */
cudaError_t kernel_look_ahead(const update_task *t, cudaStream_t stream);
/* Computes sum = gradient (begins != 0) or sum += gradient for `size` values. */
cudaError_t kernel_accumulate(cusgd_precision precision, const void *gradient, double *sum, int64_t size, int begins,
                              cudaStream_t stream);

/* ---- Lazy updates of sparse columns (sparse_lazy.cu); scalar/lazy.h defines the steps that a column has missed ---- */

typedef struct lazy_task {
    update_task update;      /* gradient and sum: NULL */
    const catch_up *since;   /* one per step of the table, and one more; NULL: absent columns miss nothing */
    int32_t *last;           /* d: the step of the table up to which a column is up to date */
    sparse_columns_task sum; /* columns of the current batch */
} lazy_task;
/* Brings the columns of the current batch up to date before its rows are multiplied. */
cudaError_t kernel_catch_up(const lazy_task *t, cudaStream_t stream);
/* Updates the columns of the batch and the intercepts once their derivatives are known. */
cudaError_t kernel_lazy_step(const lazy_task *t, cudaStream_t stream);
/* Brings all columns up to date when the steps of the table are done. */
cudaError_t kernel_catch_up_all(const lazy_task *t, cudaStream_t stream);

/* ---- Shards: the sums of a step over each shard, and the tree of scalar/shards.h that adds them ---- */

typedef struct shards_task {
    cusgd_precision precision;
    const slice_table *table; /* the table of the batches */
    run_state *state;
    int count;               /* number of shards on this device */
    int64_t penalized, size; /* as in update_task */
    int64_t stride;          /* reals from the sums of one shard to the next: size or more */
    void *sums;              /* count x stride: gradients of the shares, followed by the derivatives of the intercepts */
    double *losses;          /* count */
    void *gradient;          /* d k */
    const double *sum;       /* d k: the gradient of the share if it is not in `gradient`; NULL: it is */
    double *total;           /* k */
} shards_task;
/* Copies the results of the launches for a share (gradient or sum, total, and the loss in the state) to the sums of shard
 * `shard`. */
cudaError_t kernel_keep_share(const shards_task *t, int shard, cudaStream_t stream);
/* Adds the sums of the local shards first .. first + count - 1, which form a node of the tree: size reals and a loss. */
cudaError_t kernel_add_node(const shards_task *t, int first, int count, void *sums, double *loss, cudaStream_t stream);

/* The nodes of the tree whose sum is the sum of a step: in ascending order, and together all shards. */
typedef struct nodes_task {
    const tree_node *nodes; /* device pointer; NULL: each node is a shard */
    int count;
    int64_t stride, loss_stride; /* distance between nodes in reals and in doubles */
    const void *sums;
    const double *losses;
    int64_t first, end; /* range of penalized parameters that are added; all intercepts are added in any case */
} nodes_task;
/* Adds the nodes into gradient and total; counts the step or marks the run as failed. */
cudaError_t kernel_add_shards(const shards_task *t, const nodes_task *n, cudaStream_t stream);

/* ---- A step that reads x once (fused.h), for one output ---- */

/* How batches and rows are divided among blocks and threads; computed by fused_shape_of() of host/cuda/shape.h. */
typedef struct fused_shape {
    int values;    /* values of a row per load: as many as 16 bytes hold, or 1 */
    int packs;     /* loads per thread and row */
    int threads;   /* threads per block */
    int lanes;     /* threads that share a row: 8, 16, 32, or all of the block */
    int blocks;    /* blocks of the cluster that shares a row; 1: no cluster */
    int64_t rows;  /* rows per part; a part is the share of a batch that one block or cluster works on */
    int64_t parts; /* number of parts of the largest batch */
} fused_shape;
enum {
    MAX_BLOCKS = 8,          /* maximum number of blocks of a cluster */
    PASSED_BYTES = 64 * 1024 /* of parts' gradients; a block reads them faster than a kernel is launched */
};
/* Sets *fits to whether the device can run clusters of MAX_BLOCKS blocks. It requires that kernel_probe() reports 90 or more. */
cudaError_t cluster_fits(int *fits);

typedef struct fused_task {
    update_task update; /* gradient and sum: NULL */
    run_state *state;
    loss_rule loss;
    fused_shape shape;
    cusgd_storage storage; /* of x */
    int contiguous;        /* 1: batches consist of consecutive rows */
    int64_t ld, stride;    /* stride: d reals rounded up to a multiple of 16 bytes */
    const void *x, *y, *w; /* n x ld; n; n, or NULL */
    const void *o;         /* n, or NULL: offsets of the predictions */
    const void *point;     /* d + 1: the point at which the gradient is taken */
    void *partial;         /* 2 x parts x stride: gradients of the parts of two successive batches */
    double *sums;          /* 2 x parts x 2: losses and derivatives of the parts */
    int turn;              /* 0: an even step of the slice, 1: an odd one */
    int early;             /* 1: the device lets a kernel start before the previous kernel has finished */
} fused_task;
/* Launches one step, which consists of one or two kernels. */
cudaError_t kernel_fused_step(const fused_task *t, cudaStream_t stream);
/* Launches the first kernel of a step if shape.blocks > 1. It computes the gradients, losses and derivatives of the parts. */
cudaError_t kernel_cluster_parts(const fused_task *t, cudaStream_t stream);

/* For a shard's share of a batch, which the task's table describes: kernel_fused_parts() processes the parts, and
 * kernel_fused_share() adds up their sums (d + 1 reals) and their losses. */
cudaError_t kernel_fused_parts(const fused_task *t, cudaStream_t stream);
cudaError_t kernel_fused_share(const fused_task *t, void *sums, double *loss, cudaStream_t stream);

/* Runs `steps` steps in one cooperative launch. flags: persistent_blocks() values, initially 0. */
typedef struct persistent_task {
    fused_task fused;
    int64_t steps;
    int multiprocessors, shared; /* multiprocessors of the device; bytes of shared memory available to a block */
    unsigned *flags;
} persistent_task;
cudaError_t kernel_persistent_steps(const persistent_task *t, cudaStream_t stream);
int64_t persistent_blocks(const fused_shape *shape, int multiprocessors);
/* Returns 1 if rows are short enough for the persistent kernel and `shared` bytes of a block hold the parameters. */
int persistent_takes(const fused_shape *shape, const update_task *update, int shared);
/* Returns 1 if shared memory also has room for two batches, so that one is copied while the other is processed. Of the
 * examples, only ld, storage and o are read. Without that room, some rows are read from global memory when they are needed. */
int persistent_stages(const persistent_task *t);

/* ---- Conversion of examples to and from their form on the device ---- */

/* Copies to[i cols + j] = from[r row_stride + j col_stride], where r is rows[i], or i if rows is NULL. */
typedef struct pick_task {
    int bytes; /* size of a value: 2, 4, 8 or 16 */
    const void *from;
    int64_t row_stride, col_stride;
    const int64_t *rows;
    int64_t count, cols;
    void *to;
} pick_task;
cudaError_t kernel_pick(const pick_task *t, cudaStream_t stream);

/* Computes to[i ld + j] = ((from[i cols + j] - mean[j]) inverse[j]) / divisor in double and rounds it. mean NULL: 0; inverse
 * NULL: 1. storage BF16: the result is rounded to bf16 and stored as bf16, or as double if the precision is double. With
 * in_float, values that a float holds are standardized in float instead (scalar/standardize.h), with the mean in_float[j] and the
 * inverse in_float[columns + j]. */
typedef struct convert_task {
    cusgd_precision precision;
    cusgd_storage storage;
    cusgd_type type; /* type of from, which is rows x cols */
    const void *from;
    const double *mean, *inverse;
    const float *in_float; /* NULL: compute in double */
    int64_t columns;
    double divisor;
    int64_t rows, cols, ld;
    void *to;
} convert_task;
cudaError_t kernel_convert(const convert_task *t, cudaStream_t stream);

/* Computes to[i cols + j] = from[r ld + j] + each[i] + add[j] in double, where r is rows[i], or i if rows is NULL. A NULL array
 * counts as 0. */
typedef struct widen_task {
    cusgd_precision precision;
    cusgd_storage storage; /* of from */
    const void *from, *add, *each;
    const int64_t *rows;
    int64_t count, cols, ld;
    double *to;
} widen_task;
cudaError_t kernel_widen(const widen_task *t, cudaStream_t stream);
/* Converts `count` values of bf16 to float. */
cudaError_t kernel_unpack(const bf16 *from, int64_t count, float *to, cudaStream_t stream);

/* ---- Moments (scalar/moments.h) ---- */

/* Weights, means and sums of squared deviations, one of each per column and group of rows: groups x cols. */
typedef struct moment_arrays {
    double *weight, *mean, *square;
} moment_arrays;

/* Computes the moments of each tile of `tile` rows of x (rows x cols, of `type`). w: one weight per row, or NULL. from_first:
 * means are computed relative to the first row that counts, so that the mean of a constant column is exactly that constant. */
cudaError_t kernel_tile_moments(cusgd_type type, const void *x, const double *w, int64_t rows, int64_t cols, int64_t tile,
                                int from_first, moment_arrays out, cudaStream_t stream);
/* Merges groups first .. first + count - 1 of `from` in order into group `into` of `to`. */
cudaError_t kernel_merge_moments(moment_arrays from, int64_t first, int64_t count, moment_arrays to, int64_t into, int64_t cols,
                                 cudaStream_t stream);

/* ---- Curvature of rows first .. first + rows - 1 of uploaded examples, with z = (s x, 1) and q = |z|^2 ---- */

typedef struct curvature_task {
    cusgd_precision precision;
    cusgd_storage storage; /* of x */
    const void *x, *w;     /* n x ld; n, or NULL */
    const double *scale;   /* d, or NULL */
    int64_t first, rows, d, ld;
    int64_t segments; /* number of groups of consecutive rows; their sums are added in order */
    double *q;        /* rows */
    double *partial;  /* segments x (d + 1) x 2 */
    double *sums;     /* (d + 1) x 2, added to: sums of w^2 q z_j^2 and of w z_j^2; row d has q for z_j^2 */
} curvature_task;
cudaError_t kernel_curvature(const curvature_task *t, cudaStream_t stream);

/* ---- Synthetic rows (scalar/generate.h) ---- */

typedef struct generate_task {
    cusgd_precision precision;
    int64_t first, rows, d, k;
    uint64_t features, targets; /* keys of the random streams */
    double correlation, noise;
    cusgd_synthetic_targets kind;
    const uint32_t *words;    /* starts at word (first d) / 4 * 4 of the stream; NULL: generated in the kernel */
    const double *scale;      /* d; NULL: columns are neither scaled nor reflected */
    const double *reflection; /* if scale is given: GENERATE_REFLECTIONS x d */
    const double *truth;      /* (d+1) x k */
    double *work;             /* rows x d, if columns are correlated or scaled */
    void *x, *y;              /* rows x d, rows x k */
} generate_task;
cudaError_t kernel_generate(const generate_task *t, cudaStream_t stream);
/* Sets *differs = 1 if one of `count` words differs from that of its stream. At most 4096 of them are compared. */
cudaError_t kernel_check_words(uint64_t key, uint64_t first_block, const uint32_t *words, int64_t count, int *differs,
                               cudaStream_t stream);

/* ---- Memory bandwidth ---- */

/* Sets word i of `count` words to i; count is even. */
cudaError_t kernel_fill(uint64_t *words, int64_t count, cudaStream_t stream);
/* Reads `count` words and writes read_sums(count) sums, at most READ_SUMS, which add up to the sum of the words modulo 2^64. */
enum { READ_SUMS = 4096 };
int64_t read_sums(int64_t count);
cudaError_t kernel_read(const uint64_t *words, int64_t count, uint64_t *sums, cudaStream_t stream);

/* Sets *capability to 10 times the compute capability that this module's code for the current device was compiled for. It fails
 * if there is no such code. */
cudaError_t kernel_probe(int *capability);

#ifdef __cplusplus
}
#endif
#endif
