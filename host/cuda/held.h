/* What a backend on a GPU holds: its buffers, its run, and bound examples. Letters as in backend.h. On the device, theta and all
 * that is shaped like it is (d+1) x k row-major as above the device interface; x is n x ld, the d columns padded by zeros where
 * that makes rows start at multiples of 16 bytes. */
#ifndef CUSGD_HOST_CUDA_HELD_H
#define CUSGD_HOST_CUDA_HELD_H

#include "backend.h"
#include "kernels.h"

#include <cublas_v2.h>
#include <curand.h>

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
    run_spec spec;                          /* rate_factor is NULL: see below */
    int64_t size, penalized;                /* penalized: of a group of models */
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

/* Parameters of a group of models; of other runs all. */
static inline int64_t group_size(const run *r) { return r->penalized + r->work.k; }
static inline int groups_of(const run *r) { return (int)(r->size / group_size(r)); }

static inline void *at_real(const cuda *c, void *base, int64_t index) { return (char *)base + (size_t)index * c->element; }

#endif
