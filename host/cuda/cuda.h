/* The interface between the files of the host half of the CUDA backend: memory, streams, graphs and cuBLAS. The kernels are in
 * kernels/; held.h defines the data structures. */
#ifndef CUSGD_HOST_CUDA_CUDA_H
#define CUSGD_HOST_CUDA_CUDA_H

#include "failure.h"
#include "held.h"

/* ---- Checking of calls ---- */

cusgd_status cuda_check(cudaError_t error, const char *call, const char *file, int line);
cusgd_status blas_check(cublasStatus_t error, const char *call, const char *file, int line);
cusgd_status random_check(curandStatus_t error, const char *call, const char *file, int line);

/* Converts the error of a call to a status, with a message that names the call and its place in the source. */
#define CUDA(call)   cuda_check((call), #call, __FILE__, __LINE__)
#define BLAS(call)   blas_check((call), #call, __FILE__, __LINE__)
#define RANDOM(call) random_check((call), #call, __FILE__, __LINE__)
/* Returns from the calling function unless the status is OK. */
#define TRY(expression)                         \
    do {                                        \
        cusgd_status try_status = (expression); \
        if (try_status) return try_status;      \
    } while (0)

/* ---- module.c ---- */

/* As sparse_moments() of backend.h. */
cusgd_status host_sparse_moments(const examples *e, double *mean, double *variance, double *target_mean, double *weight);
/* Returns the latest error message of this thread. */
const char *last_failure(void);
/* Calls body for i in 0 .. count - 1, in parallel on the threads of the CPU. */
void share_work(int64_t count, void (*body)(void *context, int64_t i), void *context);

/* ---- switches.c ---- */

switches switches_read(void);
/* Writes a line to stderr if the environment asks for a trace. */
__attribute__((format(printf, 2, 3))) void trace(const cuda *c, const char *format, ...);

/* ---- memory.c ---- */

/* Makes the backend's device the current one of this thread. */
cusgd_status cuda_enter(const cuda *c);
/* Allocates device memory of count * size bytes with undefined contents. The error message of a failure says how much is free.
 * cuda_free() accepts NULL. */
cusgd_status cuda_allocate(const cuda *c, int64_t count, size_t size, const char *what, void **out);
void cuda_free(void *p);
cusgd_status cuda_pinned(size_t bytes, const char *what, void **out);
void cuda_unpin(void *p);
cusgd_status cuda_synchronize(const cuda *c);
/* Waits for an event, which may follow work that other processes take part in. */
cusgd_status cuda_await(const cuda *c, cudaEvent_t event);
cusgd_status ring_open(cuda *c);
void ring_close(cuda *c);
/* ring_take() returns a slot that may be filled; ring_give() releases it once all work that uses it has been enqueued on the
 * stream. */
cusgd_status ring_take(cuda *c, int *slot);
cusgd_status ring_give(cuda *c, int slot);
/* Copy `count` doubles to device memory, as doubles or as `real`, and back. The host memory may be reused after the return. */
cusgd_status upload_doubles(cuda *c, const double *values, int64_t count, double *to);
cusgd_status upload_reals(cuda *c, const double *values, int64_t count, void *to);
cusgd_status download_reals(cuda *c, const void *from, int64_t count, double *values);
/* Converts `count` reals at the beginning of `values` to doubles, in place. */
void widen_in_place(const cuda *c, int64_t count, double *values);
cusgd_status upload_bytes(cuda *c, const void *from, size_t bytes, void *to);
cusgd_status download_bytes(cuda *c, const void *from, size_t bytes, void *to);

/* ---- stage.c ---- */

/* A block of a matrix of the examples: rows first .. first + rows - 1 and columns column .. column + cols - 1. */
typedef struct matrix_block {
    const examples *e;
    const cusgd_matrix *m;
    int64_t first, rows, column, cols;
} matrix_block;

/* A block that passes through the ring, row-major. */
typedef struct stage {
    int slot;
    const void *x;   /* device: rows x cols values of the matrix's type */
    const double *w; /* device: rows; NULL: not requested, or all 1 */
} stage;
cusgd_status stage_block(cuda *c, const matrix_block *b, int with_weights, stage *out);
/* Computes the rows and columns of a block that fits into a slot: whole rows if `unit` of them fit. Rows are a multiple of
 * unit. */
void stage_shape(int64_t n, int64_t columns, int64_t unit, int64_t *rows, int64_t *cols);

/* ---- place.c: rows that the caller has in device memory ---- */

/* If x lies in device memory, makes the stream wait until x is ready; fails if x lies on another device. */
cusgd_status place_await(cuda *c, const examples *e);
/* Returns 1 if x may serve as the rows of b without a copy. */
int place_serves(const cuda *c, const examples *e, const transform *t, const dataset *b);

/* ---- products.c ---- */

/* Returns the number of rows that are processed at a time. It depends only on the length and the outputs of rows. */
int64_t chunk_rows(const cuda *c, int64_t d, int64_t k);
cusgd_status work_open(const cuda *c, int64_t rows, int64_t d, int64_t k, work *w);
void work_close(work *w);
/* Selects how cuBLAS multiplies from now on: exactly, or with factors rounded to TF32. */
cusgd_status choose_math(const cuda *c, int tf32);
/* Compute p = x theta and gradient = x^T p for `rows` rows of x. */
cusgd_status product(const cuda *c, const work *w, const void *x, int64_t ld, int64_t rows, const void *theta);
cusgd_status product_transposed(const cuda *c, const work *w, const void *x, int64_t ld, int64_t rows);
/* Fails if cuBLAS and the kernels do not support d and k. */
cusgd_status check_shape(int64_t d, int64_t k);
/* Returns USAGE if a formula needs more intermediate results than a kernel can keep. */
cusgd_status formula_fits(loss_rule loss);
/* Launches the loss kernel, preceded by the softmax kernel if it is needed. */
cusgd_status launch_loss(const cuda *c, const loss_task *t);
/* Returns whether the loss is softmax over classes, so that the outputs depend on each other. */
static inline int is_softmax(const dataset *b, loss_rule loss) { return b->classed && loss.kind == CUSGD_LOSS_SOFTMAX; }

/* ---- sparse.c, sparse_bind.c, sparse_batches.c: sparse rows ---- */

cusgd_status sparse_bind(cuda *c, const examples *e, const transform *t, dataset *b);
void sparse_unbind(dataset *b);
void sparse_fetch(const cuda *c, const dataset *b, const int64_t *rows, int64_t m, double *x);
cusgd_status sparse_curvature(cuda *c, const dataset *b, const double *scale, curvature *out);
/* Returns the number of stored values of row i and sets *first to the index of the first one. */
int64_t sparse_length_of(const sparse_rows *x, int64_t i, int64_t *first);
double sparse_value(const cuda *c, const sparse_rows *x, int64_t at); /* the value as uploaded */
/* Returns 0 if all stored values are 1. */
static inline int sparse_has_values(const sparse_rows *x) { return x->from.value || x->inverse; }
/* Fills a store with batches; fails if a batch is too large. Sets *moved to 1 if memory of the store has been reallocated. */
cusgd_status sparse_store_fill(cuda *c, const dataset *b, const batch_list *list, sparse_store *to, int *moved);
void sparse_store_close(sparse_store *store);
/* Moves the batches out of a run that is about to be closed, for use by the next run: computing them takes as long as some
 * epochs. */
sparse_store sparse_store_take(run *r);
/* Launch the products of the current batch: the first instead of gather and product, the second instead of the transposed
 * product. */
cusgd_status sparse_step_rows(const cuda *c, const shard *s);
cusgd_status sparse_step_columns(const cuda *c, const shard *s);
sparse_columns_task sparse_columns_of(const cuda *c, const shard *s); /* the task of sparse_step_columns() */
/* Prepares the batches of `count` steps of the slice that start at step `done`. */
cusgd_status sparse_prepare(cuda *c, const slice *s, int64_t done, int64_t count);
/* Returns the number of steps whose batches are prepared at a time: all, or as many as fit into a limited amount of memory. */
int64_t sparse_steps_at_once(const cuda *c, const slice *s);
/* ---- sparse_lazy.c: lazy updates ---- */
cusgd_status lazy_open(cuda *c);
void lazy_close(run *r);
/* Called before and after `count` steps of the slice that start at step `done`. */
cusgd_status lazy_begin(cuda *c, const slice *s, int64_t done, int64_t count);
cusgd_status lazy_end(const cuda *c);
/* Called in each step: before its rows are multiplied, and instead of the sums of columns and the update. */
cusgd_status lazy_catch_up(const cuda *c, const shard *s);
cusgd_status lazy_step(const cuda *c, const shard *s);
/* The same for a pass: rows first .. first + rows - 1, which are piece `piece`. */
cusgd_status sparse_pass_rows(const cuda *c, const dataset *b, int64_t first, int64_t rows);
cusgd_status sparse_pass_begin(cuda *c, const dataset *b); /* called before the columns of the first piece */
cusgd_status sparse_pass_columns(const cuda *c, const dataset *b, int64_t piece);

/* ---- pass.c ---- */

/* Returns the number of rows that a pass processes at a time. */
int64_t pass_step(const cuda *c, const dataset *b);

/* pass_open() prepares c->pass for examples of this shape with k outputs, with theta in c->pass.theta. pass_loss() returns the
 * loss task for it, except its rows. */
cusgd_status pass_open(cuda *c, const dataset *b, int64_t n, int64_t k, const double *theta);
loss_task pass_loss(const cuda *c, const dataset *b, loss_rule loss);
/* Sets *x to rows first .. first + rows - 1, at most pass.work.rows of them, as reals with a row stride of ld. They are in
 * place or valid until the next call. */
cusgd_status pass_rows(cuda *c, const dataset *b, int64_t first, int64_t rows, const void **x);

/* ---- engine.c ---- */

/* Sets *engine to an engine that supports the run spec: the requested one unless that is AUTO. Sets *shape unless *engine is
 * CUBLAS. */
cusgd_status engine_choose(const cuda *c, const run_spec *p, cusgd_engine *engine, fused_shape *shape);
void engine_trace(const cuda *c);

/* ---- shards.c ---- */

/* Returns the number of tables of a run: one for the batches and, with several shards, one per local shard. */
static inline int tables_of(const run *r) { return r->shards.count > 1 ? r->shards.own + 1 : 1; }

/* Allocates what the shards of the run need, or its only one, including the tables of steps. */
cusgd_status shards_open(cuda *c);
void shards_close(run *r);
/* shards_are() returns whether a slice has the examples that shards_take() took last. */
int shards_are(const run *r, const slice *s);
void shards_take(run *r, const slice *s);
/* Writes `count` steps of the slice, starting at step `done`, to the tables `to`. Returns the size of the written tables in
 * bytes. */
size_t shards_write(const run *r, const slice *s, int64_t done, int64_t count, slice_table *to);
/* shards_keep() stores the sums that the launches for a share have computed; shards_add() adds those of all shards. number:
 * index of the local shard. */
cusgd_status shards_keep(const cuda *c, int number);
cusgd_status shards_add(const cuda *c);

/* ---- fused.c ---- */

cusgd_status fused_open(cuda *c);
void fused_close(fused *f);
/* turn: 0 for an even step of the slice's table, 1 for an odd step. */
cusgd_status fused_step(const cuda *c, int turn);
/* Computes the gradient of a shard's share of a batch, d + 1 reals, and its loss, in device memory. */
cusgd_status fused_share(const cuda *c, const shard *s, void *sums, double *loss);
/* Launches `count` steps, starting with the current one. */
cusgd_status persistent_steps(cuda *c, int64_t count);
/* Must be called before a backend is destroyed, when its stream is idle; the backend launches nothing afterwards. */
void persistent_close(cuda *c);

/* ---- bind.c: upload of examples ---- */

/* A matrix of the examples that is uploaded to a device dataset. */
typedef struct bound_matrix {
    const cusgd_matrix *of;
    int64_t columns, ld;          /* ld: row stride in the dataset */
    const double *mean, *inverse; /* device pointers; NULL: 0 and 1 */
    const float *in_float;        /* device pointer: means and inverses; NULL: not in float */
    double divisor;
    cusgd_storage storage;
    size_t element; /* bytes of an uploaded value */
    void *to;       /* the rows in the dataset */
} bound_matrix;
enum { BOUND_MATRICES = 4 };
/* Lists the matrices of e that b has. Returns their number. */
int bound_matrices(const cuda *c, const examples *e, const transform *t, const double *numbers, const dataset *b,
                   bound_matrix *list);
/* Returns the task that converts to this row and column of the uploaded matrix; its source and its numbers of rows and columns
 * are not set. */
convert_task bound_convert(const cuda *c, const bound_matrix *m, int64_t row, int64_t column);
/* Uploads the transform. numbers: transform_numbers() doubles in device memory; mean, 1 / scale and shift come first. */
cusgd_status upload_transform(cuda *c, const examples *e, const transform *t, double *numbers);
/* Returns the number of doubles of `numbers`. */
static inline int64_t transform_numbers(const examples *e) { return 3 * e->d + e->k; }
/* Allocates the memory of a dataset of e->n rows. */
cusgd_status allocate_bound(const cuda *c, const examples *e, const transform *t, dataset *b);

/* ---- windows.c ---- */

void windows_close(dataset *b); /* frees what it has in addition to its rows */
cusgd_status cuda_pin(void *of, size_t bytes, const char *what, void **at);
void cuda_give_pinned(void *of, void *at);
cusgd_status cuda_windows_open(void *of, const examples *e, const transform *t, window_shape *shape, dataset **out);
cusgd_status cuda_windows_load(void *of, dataset *b, int half, const window_rows *rows);
cusgd_status cuda_windows_use(void *of, dataset *b, int half, const row_move *left, int64_t count);
cusgd_status cuda_windows_await(void *of, const dataset *b, int half);
cusgd_status cuda_windows_part(void *of, const dataset *b, int64_t first, int64_t count, dataset **out);

/* ---- Operations of the device interface ---- */
cusgd_status cuda_bind(void *of, const examples *e, const transform *t, dataset **out); /* bind.c */
cusgd_status cuda_bind_again(void *of, const examples *e, const transform *t, dataset **b);
void cuda_unbind(void *of, dataset *b);
cusgd_status cuda_rows(void *of, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w);
cusgd_status cuda_moments(void *of, const examples *e, double *mean, double *variance, double *target_mean,
                          double *weight); /* moments.c */
/* Rows whose sums are added together for a curvature; a piece has a multiple of them. */
enum { CURVATURE_ROWS = 16384 };
int64_t cuda_piece_end(void *of, enum full_pass pass, int64_t n, int64_t d, int64_t k, int64_t first, int64_t room);
cusgd_status cuda_curvature_piece(void *of, const dataset *b, piece_of at, const double *scale, curvature *out);
cusgd_status cuda_curvature(void *of, const dataset *b, const double *scale, curvature *out);
cusgd_status cuda_locate(void *of, const void *at, int *device); /* place.c */
cusgd_status cuda_fetch(void *of, const memory_place *place, const cusgd_matrix *m, int64_t n, int64_t cols, void *to);
cusgd_status cuda_refuses(void *of, const run_spec *p); /* engine.c */
cusgd_status cuda_start(void *of, const run_spec *p);
cusgd_status cuda_put(void *of, enum snapshot a, enum state_part part, const double *values);
cusgd_status cuda_get(void *of, enum snapshot a, enum state_part part, double *values);
cusgd_status cuda_read(void *of, enum snapshot a, enum state_part part, void *room, const void **at);
cusgd_status cuda_copy(void *of, enum snapshot to, enum snapshot from);
void run_close(cuda *c);
void graph_close(cuda *c);
void graph_drop(run *r);                           /* destroys only the graph and keeps its route */
cusgd_status cuda_steps(void *of, const slice *s); /* step.c */
cusgd_status cuda_wait(void *of, int *failed);
cusgd_status models_open(cuda *c, const models *of); /* models.c: allocates what a run of models needs */
void models_close(run *r);
/* Returns the arrays of a group of models of the run. */
model_arrays models_of_group(const run *r, int group);
/* Copies the columns of a group of models from rows x k values to rows x MODELS_GROUP; columns of absent models become zeros. */
void group_take(const double *values, int64_t rows, int64_t k, int64_t group, double *to);
cusgd_status models_report(cuda *c, steps_report *out);
cusgd_status cuda_room(void *of, const run_spec *p, int folds, double *each, double *there);
cusgd_status cuda_retire(void *of, const uint8_t *gone);
cusgd_status cuda_fold_losses(void *of, const dataset *b, loss_rule loss, int64_t outputs, const models *m, const double *theta,
                              double *sums);
update_task update_of(const cuda *c);
const void *gradient_at(const run *r); /* the point at which the gradient is taken */
cusgd_status cuda_report(void *of, steps_report *out);
cusgd_status cuda_add_loss(void *of, double loss);
cusgd_status cuda_stay_failed(void *of);
cusgd_status cuda_objective_piece(void *of, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *value,
                                  double *gradient);
cusgd_status cuda_objective(void *of, const dataset *b, loss_rule loss, const double *theta, double *value,
                            double *gradient); /* pass.c */
/* hessian.c: the number of rows whose products are summed at a time, few enough for sums in real. A piece has a multiple of
 * them. */
enum { HESSIAN_ROWS = 8192 };
cusgd_status cuda_hessian(void *of, const dataset *b, loss_rule loss, const double *theta, double *hessian);
cusgd_status cuda_hessian_piece(void *of, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *hessian);
cusgd_status cuda_predict(void *of, const dataset *b, const double *theta, double *out);
cusgd_status cuda_generate(void *of, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                           void *y);                                                 /* generate.c */
cusgd_status cuda_read_bandwidth(void *of, int64_t bytes, double *bytes_per_second); /* bandwidth.c */

#endif
