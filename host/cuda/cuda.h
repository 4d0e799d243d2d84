/* The host half of the CUDA backend: memory, streams, graphs and cuBLAS; the kernels are in kernels/. Letters as in backend.h.
 * On the device, theta and all that is shaped like it is (d+1) x k row-major as above the device interface; x is n x ld, the d
 * columns padded by zeros where that makes rows start at multiples of 16 bytes. */
#ifndef CUSGD_HOST_CUDA_CUDA_H
#define CUSGD_HOST_CUDA_CUDA_H

#include "backend.h"
#include "failure.h"
#include "kernels.h"

#include <cublas_v2.h>
#include <curand.h>

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

/* ---- What a backend holds ---- */

/* Two pairs of buffers through which everything passes between the caller's memory and the device: while one is on its way, the
 * other is filled. */
enum { RING = 2, RING_BYTES = 8 * 1024 * 1024 };
typedef struct ring {
    void *host[RING];   /* pinned, RING_BYTES each */
    void *device[RING]; /* likewise, on the device */
    void *rows[RING];   /* device, row numbers of blocks that come from there; NULL until needed */
    cudaEvent_t done[RING];
    int next;
} ring;

/* What the products of rows with parameters need, for up to `rows` rows at a time. Device memory. */
typedef struct work {
    int64_t rows, d, k;
    void *p;         /* rows x k: predictions, then derivatives */
    void *gradient;  /* d x k, of the rows at hand */
    double *sum;     /* d x k, of all rows */
    double *total;   /* k: sums of derivatives */
    void *shared;    /* rows x 2: softmax's, of each row */
    double *partial; /* the loss kernel's */
    run_state *state;
} work;

/* Batches of sparse rows by columns, on the device; and what they were made of. */
typedef struct sparse_store {
    void *each, *column, *place, *value; /* of sparse_batches */
    int64_t batch_room, column_room, value_room;
    void *numbers;     /* device, of a run: the batch of each step of the table */
    unsigned blocks;   /* of a grid */
    const dataset *of; /* NULL: what is there serves nobody any more */
    permutation order;
    int64_t batches;
} sparse_store;

/* A shard of a run, and what its share of each batch is read by. Without shards there is one, whose share is the batch. */
typedef struct shard {
    const dataset *examples;  /* of the latest slice */
    const slice_table *table; /* device */
    int64_t *order;           /* device, 2 x most: the rows of this step and the next */
    sparse_store by_columns;  /* its shares, where rows are sparse */
} shard;

/* Of a run whose shards several processes have: exchange.c. All 0: there is one. */
typedef struct exchange {
    int all;                        /* nodes of the shards' tree that all ranks together have added */
    int first_node[MAX_SHARDS + 1]; /* of each rank; */
    tree_node own[MAX_SHARDS];      /* of this one */
    tree_node *nodes;               /* device: all */
    void *values;                   /* device: of all */
    int divides;                    /* 1: each rank adds a slice of the parameters */
} exchange;

/* Of a run on sparse rows whose updates are lazy. */
typedef struct lazy_run {
    int lazy;           /* 1: steps of this table are; 0: the run's are not, or no table can make up for these */
    catch_up *table;    /* host: of the steps under way; NULL: a column that no batch has misses nothing */
    void *since, *last; /* device: the same, and d numbers of steps */
} lazy_run;

typedef struct shards {
    int count;      /* of the run */
    int first, own; /* those of this process */
    int64_t most;   /* rows of a share */
    shard *each;    /* own */
    int64_t table_steps;
    size_t table_bytes; /* of that many steps: each table of the run begins so many after the one before */
    lazy_run lazy;      /* of one shard */
    void *sums;         /* device, own x padded(size), and own; NULL both without shards */
    double *losses;
    exchange exchange;
} shards;

typedef struct nccl_ranks nccl_ranks;

/* How the batches of a slice are read: what a captured graph depends on. */
typedef struct route {
    const dataset *examples; /* the first shard's */
    int64_t rows;            /* of the largest share of a batch */
    int contiguous;          /* batches are consecutive rows */
    int in_place;            /* ... read where they are, by launches whose pointers differ from step to step: no graph */
} route;

/* What the engines with one read of x need besides (kernels/fused.h). Device memory. */
typedef struct fused {
    fused_shape shape;
    void *partial;
    double *sums;
    unsigned *flags; /* PERSISTENT: its blocks' */
} fused;

/* What a report says of models, k values each. */
typedef struct model_report {
    double *losses;
    uint8_t *ended;
} model_report;

/* Which rows the batches of a store have. */
typedef struct batch_list {
    const sampler *order; /* NULL: `each` consecutive rows of all `rows` */
    int64_t first;        /* the batch of the first step; ignored where all of the epoch are listed */
    int whole;            /* 1: all of the epoch, by their numbers */
    int64_t each, rows;
    int64_t count, most; /* batches; rows of one */
} batch_list;

/* Sparse rows of a bound set. */
typedef struct sparse_rows {
    cusgd_csr from;  /* the caller's, who keeps them */
    int64_t *rows;   /* the set's row i is row rows[i] of them; NULL: row i */
    double *inverse; /* d: what a column's values are multiplied by; NULL: 1 */
    int64_t stored;
    void *start, *column, *value; /* device; value NULL: each is 1 */
    int lanes;
    int64_t piece;           /* rows of a pass at a time */
    sparse_store by_columns; /* of the pieces; empty until a gradient is asked for */
} sparse_rows;

/* The slices' numbers on their way to the device, which reads one of `written` while the host writes the other. */
typedef struct slice_tables {
    slice_table *device;     /* the batches', then those of several shards */
    slice_table *written[2]; /* pinned: where the host writes the next ones */
    cudaEvent_t uploaded[2]; /* ... once it has been read */
    int turn;
} slice_tables;

/* Calls of steps() since the last report. */
typedef struct step_calls {
    int64_t count;
    cudaEvent_t ran[2]; /* the latest two are done; */
    int *stopped[2];    /* pinned: what run_state's `failed` then was */
} step_calls;

/* Several steps on the latest slice's route, as a graph. */
typedef struct captured {
    int warm;              /* 1: a step has taken this route, so all that is loaded on first use is there */
    cudaGraphExec_t graph; /* NULL: not captured */
} captured;

/* A run: from start() to the next one. */
typedef struct run {
    run_spec spec; /* rate_factor is NULL: see below */
    int64_t size, penalized;
    void *snapshot[SNAPSHOTS][STATE_PARTS]; /* NULL: not kept */
    void *rate_factor, *point;              /* size; NULL: 1, theta */
    void *limit[LIMIT_COUNT];               /* size; NULL: 1, no bounds */
    model_arrays models;                    /* device; all NULL: the outputs are one model */
    model_report reported;                  /* host */
    double *squares;                        /* clip_partials(size): the gradient's; NULL: it is not clipped by its norm */
    work work;
    cusgd_engine engine; /* not AUTO */
    fused fused;         /* engines FUSED, PERSISTENT */
    shards shards;
    void *x; /* work.rows x ld: rows gathered; NULL until needed */
    slice_tables tables;
    run_state *report; /* pinned */
    step_calls calls;
    route route; /* of the latest slice */
    captured captured;
} run;

/* What passes over all rows keep from call to call. Device memory. */
typedef struct pass_state {
    work work;
    void *theta;  /* (d+1) x k */
    void *x;      /* work.rows x ld: rows that are kept as bf16, widened; NULL until needed */
    void *second; /* sums of second derivatives, between two pieces of the rows; NULL: there are none */
} pass_state;

/* The GPU, and what it can do. */
typedef struct gpu {
    int number, multiprocessors;
    int shared; /* bytes of shared memory that a block can have */
    int cooperative;
    int early, clusters; /* a kernel may begin before the one before it is done; blocks may share rows: cluster_fits() */
} gpu;

/* What the environment asks for; 1: use it where the device has it. */
typedef struct switches {
    int graph_steps; /* of a captured graph; 0: none is captured */
    int early, clusters;
    int64_t pages; /* bytes of the rows that a stream may keep on the device; -1: what is free */
    int trace;     /* 1: what the module does is written to stderr */
} switches;

typedef struct random_source {
    curandGenerator_t generator; /* NULL until first needed */
    int differs;                 /* cuRAND's words are not random.h's here */
} random_source;

/* Of a set whose rows come and go while steps are taken (windows.c). Events by halves. */
typedef struct passing {
    transform t;             /* mean, scale and shift are only asked whether they are NULL */
    examples like;           /* the rows that come are like these */
    double *numbers;         /* device, upload_transform()'s */
    void *raw;               /* device: rows as they have come, */
    size_t raw_bytes;        /* so many bytes */
    int64_t *list;           /* device: numbers of rows */
    cudaStream_t copies;     /* on which they come */
    cudaEvent_t arrived[2];  /* the rows of the half are there */
    cudaEvent_t released[2]; /* no step that was given needs them any more */
} passing;

typedef struct cuda {
    switches switches;
    int graph_steps; /* the environment's, or 0 once the device refused a graph */
    char note[512];  /* of the next report, if has_note */
    int has_note;
    gpu gpu;
    cusgd_precision precision;
    size_t element;            /* bytes of a real */
    cudaStream_t stream, side; /* side: row numbers, a batch ahead */
    cudaEvent_t forked, joined;
    cudaEvent_t persisted; /* the latest persistent launch is done; NULL: there was none */
    cublasHandle_t blas;
    void *workspace; /* cuBLAS's */
    random_source random;
    ring ring;
    run run;
    nccl_ranks *ranks; /* NULL: no run was shared with other processes yet */
    pass_state pass;
} cuda;

/* Bound examples, all on the device. */
struct dataset {
    int64_t n, d, m, k, ld; /* m: targets, k: outputs */
    int classed;            /* 1: y is a class's number, and each class has an output */
    cusgd_storage storage;  /* BF16: x is of bf16, and the precision float */
    size_t element;         /* bytes of a value of x */
    void *x, *y, *w, *o;    /* n x ld; n x m, n and n, or NULL */
    int borrowed;           /* 1: x is the caller's */
    int shared;             /* 1: all of these are another set's */
    sparse_rows *sparse;    /* x; NULL: it is dense */
    uint8_t *fold;          /* n; NULL: all 0 */
    int folds;              /* at least 1 */
    passing *passing;       /* NULL: its rows stay as they were bound */
};

/* Values in 16 bytes, and n rounded up to a multiple of it. */
static inline int64_t pack_values(const cuda *c) { return 16 / (int64_t)c->element; }
static inline int64_t padded(const cuda *c, int64_t n) { return (n + pack_values(c) - 1) / pack_values(c) * pack_values(c); }

/* How x is kept here: in double as such, however it has been rounded. */
static inline cusgd_storage kept_as(const cuda *c, cusgd_storage asked)
{
    return c->precision == CUSGD_PRECISION_FLOAT ? asked : CUSGD_STORAGE_FULL;
}
static inline size_t stored_bytes(const cuda *c, cusgd_storage kept) { return (size_t)value_bytes(c->precision, kept); }

/* Values from row to row of d columns, each of `element` bytes: short rows would grow by too much. */
static inline int64_t row_stride(size_t element, int64_t d)
{
    int64_t values = 16 / (int64_t)element;
    return d < padded_from(values) ? d : (d + values - 1) / values * values;
}

static inline const void *at_row(const dataset *b, int64_t row)
{
    return (const char *)b->x + (size_t)(row * b->ld) * b->element;
}

/* The most rows of a batch that a shard of a run has. */
static inline int64_t share_of(const run_spec *p)
{
    uint64_t batch = p->batch > 0 ? (uint64_t)p->batch : 1, count = p->shards > 1 ? (uint64_t)p->shards : 1;
    return (int64_t)shard_rows(batch, count, 0);
}

static inline void *at_real(const cuda *c, void *base, int64_t index) { return (char *)base + (size_t)index * c->element; }

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
/* The memory of a set of e->n rows. */
cusgd_status allocate_bound(const cuda *c, const examples *e, const transform *t, dataset *b);

/* ---- windows.c ---- */

void windows_close(dataset *b); /* what it has in addition to its rows */
cusgd_status cuda_pin(void *of, size_t bytes, const char *what, void **at);
void cuda_give_pinned(void *of, void *at);
cusgd_status cuda_windows_open(void *of, const examples *e, const transform *t, window_shape *shape, dataset **out);
cusgd_status cuda_windows_load(void *of, dataset *b, int half, const window_rows *rows);
cusgd_status cuda_windows_use(void *of, dataset *b, int half, const row_move *left);
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
cusgd_status models_report(cuda *c, steps_report *out);
cusgd_status cuda_room(void *of, const run_spec *p, int folds, double *each, double *there);
cusgd_status cuda_retire(void *of, const uint8_t *gone);
cusgd_status cuda_fold_losses(void *of, const dataset *b, loss_rule loss, int64_t outputs, const models *m, const double *theta,
                              double *sums);
update_task update_of(const cuda *c);
const void *gradient_at(const run *r); /* where it is taken */
cusgd_status cuda_report(void *of, steps_report *out);
cusgd_status cuda_add_loss(void *of, double loss);
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
