/* What the host half of the CUDA backend (host/cuda/) asks of the kernels: plain C. Letters as in host/backend.h; a step goes
 *
 *     order -> gather -> [product] -> loss -> [transposed product] -> update
 *
 * with the products in brackets cuBLAS's. All pointers are device memory. `void *` is memory of `real`, which is float or double
 * by `precision`; x is memory of bf16 where a task's `storage` says so, which requires float. A launcher puts its kernel
 * on the stream and returns the launch's error. */
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

/* The columns of x and the targets that tasks may have. cuBLAS takes numbers of columns, padded, as int; loss.cu's grid has a
 * bound for targets. */
enum { MAX_COLUMNS = INT32_MAX - 64, MAX_TARGETS = 1 << 20 };

/* Rows of x from so many columns on, of which 16 bytes hold `values`, are padded to multiples of 16 bytes. */
static inline int64_t padded_from(int64_t values) { return values > 4 ? 32 : 8 * values; }
/* Bytes of one of their values. storage: BF16 only where the precision is float. */
static inline int64_t value_bytes(cusgd_precision precision, cusgd_storage storage)
{
    return precision == CUSGD_PRECISION_DOUBLE ? 8 : storage == CUSGD_STORAGE_BF16 ? 2 : 4;
}

/* ---- A slice of steps, as it lies on the device ---- */

enum { TABLE_STEPS = 4096 };

typedef struct step_row {
    step_numbers numbers;
    int64_t first, count; /* the batch is positions first .. first + count - 1 of the epoch */
} step_row;

/* Of a run with shards there is a table for each shard, whose rows are the shard's share of the batches, and one for the batches,
 * of which numbers and count alone are used. They may have room for fewer rows than this. */
typedef struct slice_table {
    sampler order;
    int64_t count;
    step_row row[TABLE_STEPS];
} slice_table;

/* What the kernels of a run keep for each other; nothing of it passes through the host inside a slice. */
typedef struct run_state {
    int64_t
        gathered;   /* as `next`, but moved on by the kernel that reads rows: for what runs at the same time as the loss kernel */
    int64_t active; /* the row whose update is due; -1: none, the run has failed */
    double pending; /* the loss of the batch, or of all rows of a pass */
    int64_t turns[2]; /* FUSED: even and odd steps of the slice that are done, for what begins before the step before is done */
    unsigned arrived; /* blocks of the loss kernel that are done */
    int64_t next;     /* the row of the step under way: the loss kernel moves it on. It and `failed` are 16 bytes, one load */
    int64_t failed;   /* from here on: since the last report; 0, or why: below */
    double loss;
    int64_t rows, done;
} run_state;

/* Why a run has failed: a loss is not finite; the blocks of a cooperative launch did not meet at their barrier. */
enum { FAILED_LOSS = 1, FAILED_BARRIER = 2 };

/* Outputs that are models of their own (models of host/backend.h): arrays of one value an output. All NULL: they are one model.
 */
typedef struct model_arrays {
    const int *target_of;           /* NULL: the target of its own number */
    const uint64_t *held_out;       /* NULL: all rows count */
    const double *momentum, *share; /* factors and divisors; NULL both */
    const double *number;           /* of their losses; NULL: the task's loss has it */
    const double *class_weight;     /* 2 x k, of targets up to 0 and above: factors on the rows' weights; NULL: 1 */
    double *pending;                /* the loss of the batch, or of all rows of a pass */
    double *losses;                 /* since the last report */
    uint8_t *alive;                 /* whether it takes steps: MODEL_... */
    int follows, precedes;          /* of a batch: 1: other models have had their losses before; will have them yet */
} model_arrays;
enum { MODEL_RETIRED, MODEL_ALIVE, MODEL_ENDED };

/* ---- The rows of a batch ---- */

/* Rows at the batch's positions, of the step after the one gathered (ahead 1) or of the slice's first (ahead 0): step s has its
 * own at order[s % 2 * batch]. */
typedef struct order_task {
    const slice_table *table;
    const run_state *state;
    int64_t *order; /* 2 x batch */
    int64_t batch;  /* the most rows that a batch, or a shard's share of it, has */
    int ahead;
} order_task;
cudaError_t kernel_order(const order_task *t, cudaStream_t stream);

/* out: rows x ld of reals, x's rows at positions start .. start + rows - 1 of the batch, zeros where the batch has no such row.
 */
typedef struct gather_task {
    cusgd_precision precision;
    cusgd_storage storage; /* of x */
    const slice_table *table;
    run_state *state;
    const int64_t *order; /* 2 x batch; NULL: consecutive rows */
    int64_t batch, start, rows, ld;
    const void *x; /* n x ld */
    void *out;
    int begins; /* the first launch of a step: it moves `gathered` on */
} gather_task;
cudaError_t kernel_gather(const gather_task *t, cudaStream_t stream);

/* ---- The loss ---- */

/* Replaces p by w dl/dp and adds up, in double and in a fixed order, w l and, for each output, w dl/dp. With a table the rows are
 * those of its step under way, and the last of the batch's launches counts the step or declares the run failed; without one
 * they are first .. first + rows - 1. */
typedef struct loss_task {
    cusgd_precision precision;
    loss_rule loss;           /* a formula has at most LOSS_PLACES places; the launch copies it from the host's memory */
    int64_t m, k;             /* targets, outputs: equal, but of models or of classes */
    int classed;              /* 1: m is 1, y is a class's number, and each class has an output; not of models */
    const slice_table *table; /* or NULL */
    run_state *state;
    const int64_t *order; /* 2 x batch; NULL: consecutive rows */
    int64_t batch, start; /* with a table: the position of p's first row in the batch */
    int64_t first;        /* without one: the row that is p's first */
    int64_t rows;
    const void *y, *w, *o; /* n x m; n, or NULL, both: weights, offsets of p */
    void *shared;          /* rows x 2: softmax's maximum and rest of each row of p, by kernel_softmax; NULL: another loss */
    model_arrays models;
    const uint8_t *fold;   /* n; NULL: all 0. Only models look at it */
    int fold_alone;        /* f > 0: of models, rows of fold f - 1 count, and p stays as it is; 0: those that held_out leaves */
    const void *intercept; /* k */
    void *p;               /* rows x k */
    double *partial;       /* loss_partials(rows, k) */
    double *total;         /* k: sum of w dl/dp */
    int begins, ends;      /* the first, the last launch of a batch or a pass; of models: for these ones */
    int second;            /* 1: d2l/dp2 in place of dl/dp */
} loss_task;
cudaError_t kernel_loss(const loss_task *t, cudaStream_t stream);
/* Before it where the loss is softmax of classes: fills t->shared. */
cudaError_t kernel_softmax(const loss_task *t, cudaStream_t stream);
int64_t loss_partials(int64_t rows, int64_t k);

/* out[i ld + j] = x[i ld + j] s[i k + c] for rows x ld. */
typedef struct scale_task {
    cusgd_precision precision;
    const void *x, *s; /* rows x ld, rows x k */
    int64_t rows, ld, k, c;
    void *out;
} scale_task;
cudaError_t kernel_scale(const scale_task *t, cudaStream_t stream);

/* ---- Sparse rows (sparse.cu): their products with parameters ---- */

/* Row i holds the stored values start[i] .. start[i + 1] - 1, whose columns ascend. */
typedef struct sparse_matrix {
    const int64_t *start;
    const int32_t *column;
    const void *value; /* NULL: each is 1 */
} sparse_matrix;

/* p = x theta, rows x k. With a table the rows are those of its step under way, as in loss_task; without one they are
 * first .. first + rows - 1. */
typedef struct sparse_rows_task {
    cusgd_precision precision;
    sparse_matrix x;
    int lanes; /* threads that share a row: 1, 8 or 32 */
    const slice_table *table;
    run_state *state;
    const int64_t *order; /* 2 x batch; NULL: consecutive rows */
    int64_t batch, first, rows, k;
    const void *theta; /* d k */
    void *p;           /* rows x k */
    void *gradient;    /* `cleared` values that become 0, with room for a multiple of 16 bytes; NULL: none */
    int64_t cleared;
    int begins; /* the first launch of a step: it moves `gathered` on */
} sparse_rows_task;
cudaError_t kernel_sparse_rows(const sparse_rows_task *t, cudaStream_t stream);

/* A batch by columns: those that occur in it, the longest first, and of about equal length in ascending order. */
enum { SPARSE_BLOCK, SPARSE_WARP, SPARSE_OCTET, SPARSE_ALONE, SPARSE_LENGTHS }; /* how many threads add up a column */
typedef struct sparse_batch {
    int64_t value, column;         /* where its values, and its columns, begin among those of all batches */
    int32_t count[SPARSE_LENGTHS]; /* columns that are added up in each way */
} sparse_batch;

/* Its values begin..., relative to the batch's first, and end where the next column's begin; after the last column comes one
 * more.
 */
typedef struct sparse_column {
    int32_t column;
    uint32_t begin;
} sparse_column;

typedef struct sparse_batches {
    const sparse_batch *each;
    const sparse_column *column;
    const uint32_t *place; /* of a value's row in the batch */
    const void *value;     /* NULL: each is 1 */
} sparse_batches;

/* gradient[j k + c] = the sum over column j of value p[place k + c], for the columns that occur; or sum[j k + c] += it. */
typedef struct sparse_columns_task {
    cusgd_precision precision;
    sparse_batches of;
    const int64_t *numbers; /* the batch of each of the table's steps; NULL: `number` */
    int counts;             /* with them: 1: the step is the one whose update is due; 0: it is under way, a shard's share of it */
    const run_state *state;
    int64_t number, k;
    const void *p;
    void *gradient; /* d k; NULL: sum */
    double *sum;
    unsigned blocks; /* of the grid; no result depends on it */
} sparse_columns_task;
cudaError_t kernel_sparse_columns(const sparse_columns_task *t, cudaStream_t stream);
/* Threads that add up a column of so many values for each of k outputs: one of SPARSE_BLOCK and so on. */
int sparse_length(int64_t values, int64_t k);
/* Blocks that a batch keeps busy. */
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
    int64_t penalized, size;                             /* d k; (d+1) k. Arrays of reals have room for a multiple of 16 bytes */
    void *theta, *slot1, *slot2, *slot3, *means, *point; /* size each; NULL: not kept */
    const void *rate_factor;                             /* size; NULL: 1 */
    const void *l1_factor, *l2_factor, *lower, *upper;   /* size, all or none: factors on l1 and l2, bounds */
    double clip_norm, clip_value;                        /* 0: none */
    double *squares;      /* clip_partials(size): what the gradient is multiplied by, then partial sums */
    const void *gradient; /* d k: sum over the batch's rows, or NULL: in `sum` */
    const double *sum;    /* d k */
    const double *total;  /* k: the intercepts' */
} update_task;
/* One step of every parameter, and the point of the next step's gradient. */
cudaError_t kernel_update(const update_task *t, cudaStream_t stream);
/* Before it, where there is a clip_norm: what the gradient is multiplied by. */
cudaError_t kernel_clip(const update_task *t, cudaStream_t stream);
int64_t clip_partials(int64_t size);
/* The point of the slice's first gradient. */
cudaError_t kernel_look_ahead(const update_task *t, cudaStream_t stream);
/* sum = gradient (begins), or sum += gradient: `size` values. */
cudaError_t kernel_accumulate(cusgd_precision precision, const void *gradient, double *sum, int64_t size, int begins,
                              cudaStream_t stream);

/* ---- Lazy updates of sparse columns (sparse_lazy.cu): what is missed, scalar/lazy.h ---- */

typedef struct lazy_task {
    update_task update;      /* gradient and sum: NULL */
    const catch_up *since;   /* the table's steps + 1; NULL: a column that no batch has misses nothing */
    int32_t *last;           /* d: the step of the table until which a column is up to date */
    sparse_columns_task sum; /* of the batch under way */
} lazy_task;
/* Brings the columns of the batch under way up to date, before its rows are multiplied; */
cudaError_t kernel_catch_up(const lazy_task *t, cudaStream_t stream);
/* their step, and the intercepts', once their derivatives are known; */
cudaError_t kernel_lazy_step(const lazy_task *t, cudaStream_t stream);
/* and all columns, of which none is behind any more, when the table's steps are done. */
cudaError_t kernel_catch_up_all(const lazy_task *t, cudaStream_t stream);

/* ---- Shards: a step's sums over each, and the tree of scalar/shards.h that adds them ---- */

typedef struct shards_task {
    cusgd_precision precision;
    const slice_table *table; /* of the batches */
    run_state *state;
    int count;               /* of the shards that are here */
    int64_t penalized, size; /* as in update_task */
    int64_t stride;          /* reals of a shard's sums: size or more */
    void *sums;              /* count x stride: of the shares' gradients, of the intercepts' derivatives last */
    double *losses;          /* count */
    void *gradient;          /* d k */
    const double *sum;       /* d k: the share's gradient where it is not in `gradient`; NULL: it is */
    double *total;           /* k */
} shards_task;
/* Keeps what a share's launches have left in gradient or sum, in total and in the state, as the sums of shard `shard`. */
cudaError_t kernel_keep_share(const shards_task *t, int shard, cudaStream_t stream);
/* The sum over shards first .. first + count - 1 of those here, which are a node of the tree: size reals and a loss. */
cudaError_t kernel_add_node(const shards_task *t, int first, int count, void *sums, double *loss, cudaStream_t stream);

/* What a step's sum is made from: nodes of the tree that are all shards together, ascending. */
typedef struct nodes_task {
    const tree_node *nodes; /* device; NULL: each is a shard */
    int count;
    int64_t stride, loss_stride; /* from node to node: reals, doubles */
    const void *sums;
    const double *losses;
    int64_t first, end; /* the penalized parameters that are added, besides all intercepts */
} nodes_task;
/* Their sums to gradient and total; and counts the step, or declares the run failed. */
cudaError_t kernel_add_shards(const shards_task *t, const nodes_task *n, cudaStream_t stream);

/* ---- A step with one read of x (fused.h), for one output ---- */

/* How a batch and its rows are shared out: fused_shape_of(), host/cuda/shape.h. */
typedef struct fused_shape {
    int values;    /* of a row that a thread loads at once: 16 bytes' worth, or 1 */
    int packs;     /* such loads per thread and row */
    int threads;   /* of a block */
    int lanes;     /* threads that share a row: 8, 16, 32, or the block */
    int blocks;    /* that share a row, as a cluster; 1: none */
    int64_t rows;  /* of a part, which is a block's or a cluster's share of a batch */
    int64_t parts; /* of the largest batch */
} fused_shape;
enum {
    MAX_BLOCKS = 8,          /* of a cluster */
    PASSED_BYTES = 64 * 1024 /* of parts' gradients: a block reads them in less time than another kernel's launch takes */
};
/* Whether the device, for which kernel_probe() says 90 or more, holds clusters of MOST_BLOCKS blocks. */
cudaError_t cluster_fits(int *fits);

typedef struct fused_task {
    update_task update; /* gradient and sum: NULL */
    run_state *state;
    loss_rule loss;
    fused_shape shape;
    cusgd_storage storage; /* of x */
    int contiguous;        /* batches are consecutive rows */
    int64_t ld, stride;    /* stride: d reals, rounded up to 16 bytes */
    const void *x, *y, *w; /* n x ld; n; n, or NULL */
    const void *o;         /* n, or NULL: offsets of p */
    const void *point;     /* d + 1: where the gradient is taken */
    void *partial;         /* 2 x parts x stride: gradients of a batch's parts, of two batches in turn */
    double *sums;          /* 2 x parts x 2: their losses and derivatives */
    int turn;              /* 0: an even step of the slice, 1: an odd one */
    int early;             /* 1: the device lets a kernel begin before the one before it is done */
} fused_task;
/* A step, of one or two kernels. */
cudaError_t kernel_fused_step(const fused_task *t, cudaStream_t stream);
/* The first of them where shape.blocks > 1: parts' gradients, losses and derivatives. */
cudaError_t kernel_cluster_parts(const fused_task *t, cudaStream_t stream);

/* Of a shard's share of a batch, that of the task's table: the parts alone; then their sums, d + 1 reals, and their loss. */
cudaError_t kernel_fused_parts(const fused_task *t, cudaStream_t stream);
cudaError_t kernel_fused_share(const fused_task *t, void *sums, double *loss, cudaStream_t stream);

/* `steps` steps in one cooperative launch. flags: persistent_blocks() of them, 0 at first. */
typedef struct persistent_task {
    fused_task fused;
    int64_t steps;
    int multiprocessors, shared; /* of the device; bytes that a block can have */
    unsigned *flags;
} persistent_task;
cudaError_t kernel_persistent_steps(const persistent_task *t, cudaStream_t stream);
int64_t persistent_blocks(const fused_shape *shape, int multiprocessors);
/* Whether rows are short enough for it, and a block's `shared` bytes hold the parameters. */
int persistent_takes(const fused_shape *shape, const update_task *update, int shared);
/* Whether there is room for two batches besides, so that one is copied while the other is worked on; of the task's examples, ld,
 * storage and o are asked for alone. Where there is not, some rows are read from memory when they are needed. */
int persistent_stages(const persistent_task *t);

/* ---- Bringing examples to the device, and back ---- */

/* to[i cols + j] = from[r row_stride + j col_stride], values of `type`: r is rows[i], or i (rows NULL). */
typedef struct pick_task {
    int bytes; /* of a value: 2, 4, 8 or 16 */
    const void *from;
    int64_t row_stride, col_stride;
    const int64_t *rows;
    int64_t count, cols;
    void *to;
} pick_task;
cudaError_t kernel_pick(const pick_task *t, cudaStream_t stream);

/* to[i ld + j] = ((from[i cols + j] - mean[j]) inverse[j]) / divisor, in double before it is rounded; NULL: 0, 1. storage BF16:
 * rounded to that, and kept in it, or where the precision is double in double. in_float: in the place of all this, floats become
 * floats by STANDARDIZED_FLOAT (scalar/standardize.h) with column j's in_float[j], [columns + j] and [2 columns + j]. */
typedef struct convert_task {
    cusgd_precision precision;
    cusgd_storage storage;
    cusgd_type type; /* of from: rows x cols */
    const void *from;
    const double *mean, *inverse;
    const float *in_float; /* NULL: not so */
    int64_t columns;
    double divisor;
    int64_t rows, cols, ld;
    void *to;
} convert_task;
cudaError_t kernel_convert(const convert_task *t, cudaStream_t stream);

/* to[i cols + j] = from[r ld + j] + each[i] + add[j] (NULL: 0), a sum of reals, in double: r is rows[i], or i (rows NULL). */
typedef struct widen_task {
    cusgd_precision precision;
    cusgd_storage storage; /* of from */
    const void *from, *add, *each;
    const int64_t *rows;
    int64_t count, cols, ld;
    double *to;
} widen_task;
cudaError_t kernel_widen(const widen_task *t, cudaStream_t stream);
/* The floats that `count` bf16 are. */
cudaError_t kernel_unpack(const bf16 *from, int64_t count, float *to, cudaStream_t stream);

/* ---- Moments (scalar/moments.h) ---- */

/* A weight, a mean and a sum of squared deviations for each column of each group of rows: groups x cols. */
typedef struct moment_arrays {
    double *weight, *mean, *square;
} moment_arrays;

/* Of each tile of `tile` rows of x (rows x cols, of `type`); w: rows, or NULL. from_first: means are taken as seen from the first
 * row that counts, so that a constant column's is that constant. */
cudaError_t kernel_tile_moments(cusgd_type type, const void *x, const double *w, int64_t rows, int64_t cols, int64_t tile,
                                int from_first, moment_arrays out, cudaStream_t stream);
/* Merges groups first .. first + count - 1 of `from`, in order, into group `into` of `to`. */
cudaError_t kernel_merge_moments(moment_arrays from, int64_t first, int64_t count, moment_arrays to, int64_t into, int64_t cols,
                                 cudaStream_t stream);

/* ---- Curvature: with z = (s x, 1) and q = |z|^2, of rows first .. first + rows - 1 of bound examples ---- */

typedef struct curvature_task {
    cusgd_precision precision;
    cusgd_storage storage; /* of x */
    const void *x, *w;     /* n x ld; n, or NULL */
    const double *scale;   /* d, or NULL */
    int64_t first, rows, d, ld;
    int64_t segments; /* groups of consecutive rows, whose sums are added in order */
    double *q;        /* rows */
    double *partial;  /* segments x (d + 1) x 2 */
    double *sums;     /* (d + 1) x 2, added to: column j's sum of w^2 q z_j^2, and of w z_j^2; last, with q for z_j^2 */
} curvature_task;
cudaError_t kernel_curvature(const curvature_task *t, cudaStream_t stream);

/* ---- Synthetic rows (scalar/generate.h) ---- */

typedef struct generate_task {
    cusgd_precision precision;
    int64_t first, rows, d, k;
    uint64_t features, targets; /* keys of their streams */
    double correlation, noise;
    cusgd_synthetic_targets kind;
    const uint32_t *words;    /* word 0 is the stream's first d / 4 * 4; NULL: made in the kernel */
    const double *scale;      /* d; NULL: columns are not shaped */
    const double *reflection; /* with scale: GENERATE_REFLECTIONS x d */
    const double *truth;      /* (d+1) x k */
    double *work;             /* rows x d where columns are correlated or shaped */
    void *x, *y;              /* rows x d, rows x k */
} generate_task;
cudaError_t kernel_generate(const generate_task *t, cudaStream_t stream);
/* *differs = 1 if one of `count` words, tried at up to 4096 places, is not its stream's. */
cudaError_t kernel_check_words(uint64_t key, uint64_t first_block, const uint32_t *words, int64_t count, int *differs,
                               cudaStream_t stream);

/* ---- How fast memory is read ---- */

/* Word i of `count`, an even number, becomes i. */
cudaError_t kernel_fill(uint64_t *words, int64_t count, cudaStream_t stream);
/* sums: read_sums(count) of at most READ_SUMS; their sum is that of the words, modulo 2^64. */
enum { READ_SUMS = 4096 };
int64_t read_sums(int64_t count);
cudaError_t kernel_read(const uint64_t *words, int64_t count, uint64_t *sums, cudaStream_t stream);

/* The compute capability, times 10, that this module's code for the current device is written for; fails where it has none. */
cudaError_t kernel_probe(int *capability);

#ifdef __cplusplus
}
#endif
#endif
