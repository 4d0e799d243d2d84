/* The host half of the CUDA backend: memory, streams, graphs and cuBLAS; the kernels are in kernels/. What it holds: held.h. */
#ifndef CUSGD_HOST_CUDA_CUDA_H
#define CUSGD_HOST_CUDA_CUDA_H

#include "failure.h"
#include "held.h"

/* ---- Checking ---- */

cusgd_status cuda_check(cudaError_t error, const char *call, const char *file, int line);
cusgd_status blas_check(cublasStatus_t error, const char *call, const char *file, int line);
cusgd_status random_check(curandStatus_t error, const char *call, const char *file, int line);

/* A call's error as a status, with a message that names the call and its place. */
#define CUDA(call)   cuda_check((call), #call, __FILE__, __LINE__)
#define BLAS(call)   blas_check((call), #call, __FILE__, __LINE__)
#define RANDOM(call) random_check((call), #call, __FILE__, __LINE__)
/* Returns from the function that holds it unless the status is OK. */
#define TRY(expression)                         \
    do {                                        \
        cusgd_status try_status = (expression); \
        if (try_status) return try_status;      \
    } while (0)

/* ---- module.c ---- */

/* What sparse_moments() of backend.h says. */
cusgd_status host_sparse_moments(const examples *e, double *mean, double *variance, double *target_mean, double *weight);
/* This thread's latest message of a failure. */
const char *last_failure(void);
/* Calls body for i in 0 .. count - 1 on as many of the CPU's threads as help. */
void share_work(int64_t count, void (*body)(void *context, int64_t i), void *context);

/* ---- switches.c ---- */

switches switches_read(void);
/* Writes a line to stderr if the environment asks for a trace. */
__attribute__((format(printf, 2, 3))) void trace(const cuda *c, const char *format, ...);

/* ---- memory.c ---- */

/* This thread's calls are for the backend's device from here on. */
cusgd_status cuda_enter(const cuda *c);
/* Device memory of count * size bytes, its contents undefined; cuda_free() accepts NULL. Failure says how much is free. */
cusgd_status cuda_allocate(const cuda *c, int64_t count, size_t size, const char *what, void **out);
void cuda_free(void *p);
cusgd_status cuda_pinned(size_t bytes, const char *what, void **out);
void cuda_unpin(void *p);
cusgd_status cuda_synchronize(const cuda *c);
/* The event may be one behind what other processes have a part in. */
cusgd_status cuda_await(const cuda *c, cudaEvent_t event);
cusgd_status ring_open(cuda *c);
void ring_close(cuda *c);
/* A slot that may be filled; ring_give() once everything that uses it is on the stream. */
cusgd_status ring_take(cuda *c, int *slot);
cusgd_status ring_give(cuda *c, int slot);
/* `count` doubles to device memory, as they are or in `real`; and back. Returns when the host's memory is free again. */
cusgd_status upload_doubles(cuda *c, const double *values, int64_t count, double *to);
cusgd_status upload_reals(cuda *c, const double *values, int64_t count, void *to);
cusgd_status download_reals(cuda *c, const void *from, int64_t count, double *values);
/* `count` reals, which lie at the beginning of `values`, as doubles. */
void widen_in_place(const cuda *c, int64_t count, double *values);
cusgd_status upload_bytes(cuda *c, const void *from, size_t bytes, void *to);
cusgd_status download_bytes(cuda *c, const void *from, size_t bytes, void *to);

/* ---- stage.c ---- */

/* A block of one of the examples' matrices: rows first .. first + rows - 1, columns column .. column + cols - 1. */
typedef struct matrix_block {
    const examples *e;
    const cusgd_matrix *m;
    int64_t first, rows, column, cols;
} matrix_block;

/* A block on its way through the ring, row-major. */
typedef struct stage {
    int slot;
    const void *x;   /* device: rows x cols of the matrix's type */
    const double *w; /* device: rows; NULL: none asked for, or all 1 */
} stage;
cusgd_status stage_block(cuda *c, const matrix_block *b, int with_weights, stage *out);
/* Rows and columns of a block that fits: whole rows where a `unit` of them does. Rows are a multiple of unit. */
void stage_shape(int64_t n, int64_t columns, int64_t unit, int64_t *rows, int64_t *cols);

/* ---- place.c: rows that the caller has on the device ---- */

/* What comes next on the stream waits until x is ready, where that lies on the device: on this one, or it fails. */
cusgd_status place_await(cuda *c, const examples *e);
/* Whether x may serve as the bound rows of b. */
int place_serves(const cuda *c, const examples *e, const transform *t, const dataset *b);

/* ---- products.c ---- */

/* Rows that are worked on at a time: a function of the row's length and outputs alone. */
int64_t chunk_rows(const cuda *c, int64_t d, int64_t k);
cusgd_status work_open(const cuda *c, int64_t rows, int64_t d, int64_t k, work *w);
void work_close(work *w);
/* How cuBLAS multiplies from here on: as it stands, or with factors rounded to TF32. */
cusgd_status choose_math(const cuda *c, int tf32);
/* p = x theta and g = x^T p, for `rows` rows of x. */
cusgd_status product(const cuda *c, const work *w, const void *x, int64_t ld, int64_t rows, const void *theta);
cusgd_status product_transposed(const cuda *c, const work *w, const void *x, int64_t ld, int64_t rows);
/* That d and k are what cuBLAS and the kernels take. */
cusgd_status check_shape(int64_t d, int64_t k);
/* Or USAGE: a kernel keeps few results of a formula. */
cusgd_status formula_fits(loss_rule loss);
/* The loss kernel, and before it what softmax needs. */
cusgd_status launch_loss(const cuda *c, const loss_task *t);
/* Whether the outputs of examples depend on each other. */
static inline int is_softmax(const dataset *b, loss_rule loss) { return b->classed && loss.kind == CUSGD_LOSS_SOFTMAX; }

/* ---- sparse.c, sparse_bind.c, sparse_batches.c: sparse rows ---- */

cusgd_status sparse_bind(cuda *c, const examples *e, const transform *t, dataset *b);
void sparse_unbind(dataset *b);
void sparse_fetch(const cuda *c, const dataset *b, const int64_t *rows, int64_t m, double *x);
cusgd_status sparse_curvature(cuda *c, const dataset *b, const double *scale, curvature *out);
/* The stored values of row i: *first of them, and their number. */
int64_t sparse_length_of(const sparse_rows *x, int64_t i, int64_t *first);
double sparse_value(const cuda *c, const sparse_rows *x, int64_t at); /* as it was bound */
/* 0: each stored value is 1. */
static inline int sparse_has_values(const sparse_rows *x) { return x->from.value || x->inverse; }
/* Fills a store; fails where a batch is too large. *moved: 1 where its memory lies elsewhere now. */
cusgd_status sparse_store_fill(cuda *c, const dataset *b, const batch_list *list, sparse_store *to, int *moved);
void sparse_store_close(sparse_store *store);
/* The batches of a run that is about to be closed, for the next one: making them takes as long as some epochs. */
sparse_store sparse_store_take(run *r);
/* Of the batch under way, in place of gather and product, and of the transposed product. */
cusgd_status sparse_step_rows(const cuda *c, const shard *s);
cusgd_status sparse_step_columns(const cuda *c, const shard *s);
sparse_columns_task sparse_columns_of(const cuda *c, const shard *s); /* of the latter */
/* Makes the batches of `count` steps from number `done` of the slice on ready. */
cusgd_status sparse_prepare(cuda *c, const slice *s, int64_t done, int64_t count);
/* Steps whose batches are made at a time: all, or as many as some memory takes. */
int64_t sparse_steps_at_once(const cuda *c, const slice *s);
/* sparse_lazy.c: what lazy updates of a run need; */
cusgd_status lazy_open(cuda *c);
void lazy_close(run *r);
/* before, and after, `count` steps from number `done` of the slice on; */
cusgd_status lazy_begin(cuda *c, const slice *s, int64_t done, int64_t count);
cusgd_status lazy_end(const cuda *c);
/* and of each step: before its rows are multiplied, and in place of the columns' sums and the update. */
cusgd_status lazy_catch_up(const cuda *c, const shard *s);
cusgd_status lazy_step(const cuda *c, const shard *s);
/* The same of a pass: rows first .. first + rows - 1, which are piece `piece`. */
cusgd_status sparse_pass_rows(const cuda *c, const dataset *b, int64_t first, int64_t rows);
cusgd_status sparse_pass_begin(cuda *c, const dataset *b); /* before the first piece's columns */
cusgd_status sparse_pass_columns(const cuda *c, const dataset *b, int64_t piece);

/* ---- pass.c ---- */

/* Rows of a pass that are worked on at a time. */
int64_t pass_step(const cuda *c, const dataset *b);

/* c->pass made ready for examples of this shape and k outputs, theta in c->pass.theta; and the loss kernel's task there, but for
 * its rows. */
cusgd_status pass_open(cuda *c, const dataset *b, int64_t n, int64_t k, const double *theta);
loss_task pass_loss(const cuda *c, const dataset *b, loss_rule loss);
/* *x: rows first .. first + rows - 1, at most pass.work.rows of them, as reals, ld from row to row: in place, or until the next
 * call.
 */
cusgd_status pass_rows(cuda *c, const dataset *b, int64_t first, int64_t rows, const void **x);

/* ---- engine.c ---- */

/* *engine: one that takes the run spec, the one that is asked for unless that is AUTO; *shape is set unless that is CUBLAS. */
cusgd_status engine_choose(const cuda *c, const run_spec *p, cusgd_engine *engine, fused_shape *shape);
void engine_trace(const cuda *c);

/* ---- shards.c ---- */

/* The tables of a run: the batches', and where there are several shards each one's here. */
static inline int tables_of(const run *r) { return r->shards.count > 1 ? r->shards.own + 1 : 1; }

/* What the shards of the run, or its only one, need: the tables of steps among it. */
cusgd_status shards_open(cuda *c);
void shards_close(run *r);
/* Whether a slice has the same examples as the one before; from here on it has these. */
int shards_are(const run *r, const slice *s);
void shards_take(run *r, const slice *s);
/* Writes `count` steps from number `done` of the slice on to the tables `to`. Returns how many bytes of them that takes. */
size_t shards_write(const run *r, const slice *s, int64_t done, int64_t count, slice_table *to);
/* Keeps the sums of a share that its launches have left, and adds all shards' up. number: of those here. */
cusgd_status shards_keep(const cuda *c, int number);
cusgd_status shards_add(const cuda *c);

/* ---- fused.c ---- */

cusgd_status fused_open(cuda *c);
void fused_close(fused *f);
/* turn: 0 for an even step of the slice's table, 1 for an odd one. */
cusgd_status fused_step(const cuda *c, int turn);
/* A shard's share of a batch: its gradient, d + 1 reals, and its loss, on the device. */
cusgd_status fused_share(const cuda *c, const shard *s, void *sums, double *loss);
/* `count` steps from the one under way on. */
cusgd_status persistent_steps(cuda *c, int64_t count);
/* The backend, whose stream is idle, launches nothing any more. */
void persistent_close(cuda *c);

/* ---- bind.c: what binding is made of ---- */

/* One of the examples' matrices on the way to a bound set. */
typedef struct bound_matrix {
    const cusgd_matrix *of;
    int64_t columns, ld;          /* ld: of the bound one */
    const double *mean, *inverse; /* device; NULL: 0, 1 */
    const float *in_float;        /* device: means, rests and inverses of x that is standardized in float; else NULL */
    double divisor;
    cusgd_storage storage;
    size_t element; /* bytes of a bound value */
    void *to;       /* the bound rows */
} bound_matrix;
enum { BOUND_MATRICES = 4 };
/* Those that b has, of e. Returns how many. */
int bound_matrices(const cuda *c, const examples *e, const transform *t, const double *numbers, const dataset *b,
                   bound_matrix *list);
/* From this row and column of the bound matrix on; but for what is converted, and how many rows and columns. */
convert_task bound_convert(const cuda *c, const bound_matrix *m, int64_t row, int64_t column);
/* numbers: 2 d + k doubles of device memory: mean, 1 / scale, shift. */
cusgd_status upload_transform(cuda *c, const examples *e, const transform *t, double *numbers);
/* Doubles that `numbers` has room for. */
static inline int64_t transform_numbers(const examples *e) { return 2 * e->d + e->k + (3 * e->d + 1) / 2; }
/* The memory of a set of e->n rows. */
cusgd_status allocate_bound(const cuda *c, const examples *e, const transform *t, dataset *b);

/* ---- windows.c ---- */

void windows_close(dataset *b); /* what it has in addition to its rows */
cusgd_status cuda_pin(void *of, size_t bytes, const char *what, void **at);
void cuda_give_pinned(void *of, void *at);
cusgd_status cuda_windows_open(void *of, const examples *e, const transform *t, window_shape *shape, dataset **out);
cusgd_status cuda_windows_load(void *of, dataset *b, int half, const window_rows *rows);
cusgd_status cuda_windows_use(void *of, dataset *b, int half, const row_move *left, int64_t count);
cusgd_status cuda_windows_await(void *of, const dataset *b, int half);
cusgd_status cuda_windows_part(void *of, const dataset *b, int64_t first, int64_t count, dataset **out);

/* ---- The operations ---- */
cusgd_status cuda_bind(void *of, const examples *e, const transform *t, dataset **out); /* bind.c */
cusgd_status cuda_bind_again(void *of, const examples *e, const transform *t, dataset **b);
void cuda_unbind(void *of, dataset *b);
cusgd_status cuda_rows(void *of, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w);
cusgd_status cuda_moments(void *of, const examples *e, double *mean, double *variance, double *target_mean,
                          double *weight); /* moments.c */
/* Rows whose sums stand together in a curvature; a piece has a multiple of them. */
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
void graph_drop(run *r);                           /* the graph alone: its route stays */
cusgd_status cuda_steps(void *of, const slice *s); /* step.c */
cusgd_status cuda_wait(void *of, int *failed);
cusgd_status models_open(cuda *c, const models *of); /* models.c: what a run of models keeps */
void models_close(run *r);
/* Of those of a run the ones of a group. */
model_arrays models_of_group(const run *r, int group);
/* Of rows x k values those of a group of models, rows x MODELS_GROUP: zeros where there is no such model. */
void group_take(const double *values, int64_t rows, int64_t k, int64_t group, double *to);
cusgd_status models_report(cuda *c, steps_report *out);
cusgd_status cuda_room(void *of, const run_spec *p, int folds, double *each, double *there);
cusgd_status cuda_retire(void *of, const uint8_t *gone);
cusgd_status cuda_fold_losses(void *of, const dataset *b, loss_rule loss, int64_t outputs, const models *m, const double *theta,
                              double *sums);
update_task update_of(const cuda *c);
const void *gradient_at(const run *r); /* where it is taken */
cusgd_status cuda_report(void *of, steps_report *out);
cusgd_status cuda_add_loss(void *of, double loss);
cusgd_status cuda_stay_failed(void *of);
cusgd_status cuda_objective_piece(void *of, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *value,
                                  double *gradient);
cusgd_status cuda_objective(void *of, const dataset *b, loss_rule loss, const double *theta, double *value,
                            double *gradient); /* pass.c */
/* hessian.c; rows whose products are added at a time: few enough for sums in real. A piece has a multiple of them. */
enum { HESSIAN_ROWS = 8192 };
cusgd_status cuda_hessian(void *of, const dataset *b, loss_rule loss, const double *theta, double *hessian);
cusgd_status cuda_hessian_piece(void *of, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *hessian);
cusgd_status cuda_predict(void *of, const dataset *b, const double *theta, double *out);
cusgd_status cuda_generate(void *of, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                           void *y);                                                 /* generate.c */
cusgd_status cuda_read_bandwidth(void *of, int64_t bytes, double *bytes_per_second); /* bandwidth.c */

#endif
