/* Data structures of a backend on a GPU: its buffers, its run, and its datasets. The letters have the meaning of backend.h. On
 * the device, theta and arrays of its shape are (d+1) x k row-major, as in the device interface. x is n x ld; its d columns are
 * padded with zeros if rows then start at multiples of 16 bytes. */
#ifndef CUSGD_HOST_CUDA_HELD_H
#define CUSGD_HOST_CUDA_HELD_H

#include "backend.h"
#include "kernels.h"

#include <cublas_v2.h>
#include <curand.h>

/* Two pairs of buffers through which all data pass between the caller's memory and the device: one is filled while the other is
 * being transferred. */
enum { RING = 2, RING_BYTES = 8 * 1024 * 1024 };
typedef struct ring {
    void *host[RING];   /* pinned, RING_BYTES each */
    void *device[RING]; /* device, RING_BYTES each */
    void *rows[RING];   /* device: row numbers of blocks that are in device memory; NULL until needed */
    cudaEvent_t done[RING];
    int next;
} ring;

/* Arrays for the products of up to `rows` rows at a time with parameters. Device memory. */
typedef struct work {
    int64_t rows, d, k;
    void *p;         /* rows x k: predictions, then derivatives */
    void *gradient;  /* d x k, of the current rows */
    double *sum;     /* d x k, over all rows */
    double *total;   /* k: sums of derivatives */
    void *shared;    /* rows x 2: results of softmax per row */
    double *partial; /* partial sums of the loss kernel */
    run_state *state;
} work;

/* Batches of sparse rows by columns, on the device, and the examples and sampling that they were computed from. */
typedef struct sparse_store {
    void *each, *column, *place, *value; /* arrays of sparse_batches */
    int64_t batch_room, column_room, value_room;
    void *numbers;     /* device: the batch of each step of the run's table */
    unsigned blocks;   /* size of the grid */
    const dataset *of; /* NULL: the contents must not be used any more */
    permutation order;
    int64_t batches;
} sparse_store;

/* A shard of a run, and how its share of each batch is read. A run without shards has one, whose share is the whole batch. */
typedef struct shard {
    const dataset *examples;  /* of the latest slice */
    const slice_table *table; /* device */
    int64_t *order;           /* device, 2 x most: the rows of this step and of the next one */
    sparse_store by_columns;  /* its shares of the batches if rows are sparse */
} shard;

/* The exchange of a run whose shards are distributed over several processes (exchange.c). All members are 0 with one process. */
typedef struct exchange {
    int all;                        /* number of nodes of the shards' tree that all ranks compute together */
    int first_node[MAX_SHARDS + 1]; /* index of the first node of each rank */
    tree_node own[MAX_SHARDS];      /* the nodes of this rank */
    tree_node *nodes;               /* device: all nodes */
    void *values;                   /* device: the values of all nodes */
    int divides;                    /* 1: each rank adds a slice of the parameters */
} exchange;

/* The state of a run on sparse rows whose updates are lazy. */
typedef struct lazy_run {
    int lazy;           /* 1: the steps of the current table are lazy; 0: the run is not lazy, or see catch_up_fill() */
    catch_up *table;    /* host: the steps of the current table; NULL: absent columns miss nothing */
    void *since, *last; /* device: the same table, and d numbers of steps */
} lazy_run;

typedef struct shards {
    int count;      /* number of shards of the run */
    int first, own; /* the first shard of this process, and their number */
    int64_t most;   /* maximum number of rows of a share */
    shard *each;    /* `own` shards */
    int64_t table_steps;
    size_t table_bytes; /* size of a table of table_steps steps, and distance between the tables of a run */
    lazy_run lazy;      /* used with one shard only */
    void *sums;         /* device, own x padded(size), and own; both are NULL without shards */
    double *losses;
    exchange exchange;
} shards;

typedef struct nccl_ranks nccl_ranks;

/* How the batches of a slice are read; a captured graph depends on it. */
typedef struct route {
    const dataset *examples; /* examples of the first shard */
    int64_t rows;            /* rows of the largest share of a batch */
    int contiguous;          /* 1: batches are consecutive rows */
    int in_place;            /* 1: rows are read in place; pointers then differ between steps, so that no graph is possible
                              */
} route;

/* Additional memory of the engines that read x once (kernels/fused.h). Device memory. */
typedef struct fused {
    fused_shape shape;
    void *partial;
    double *sums;
    unsigned *flags; /* PERSISTENT: one per block */
} fused;

/* Results of models for a report, k values each. */
typedef struct model_report {
    double *losses;
    uint8_t *ended;
} model_report;

/* The rows of the batches of a store. */
typedef struct batch_list {
    const sampler *order; /* NULL: batches of `each` consecutive rows out of `rows` */
    int64_t first;        /* the batch of the first step; ignored if `whole` */
    int whole;            /* 1: all batches of the epoch, in the order of their numbers */
    int64_t each, rows;
    int64_t count, most; /* number of batches; maximum rows of a batch */
} batch_list;

/* The sparse rows of a dataset. */
typedef struct sparse_rows {
    cusgd_csr from;  /* owned by the caller, who keeps it valid */
    int64_t *rows;   /* row i of the dataset is row rows[i] of `from`; NULL: row i */
    double *inverse; /* d: factors on the values of columns; NULL: 1 */
    int64_t stored;
    void *start, *column, *value; /* device; value NULL: all values are 1 */
    int lanes;
    int64_t piece;           /* number of rows that a pass processes at a time */
    sparse_store by_columns; /* the pieces of a pass; empty until a gradient is requested */
} sparse_rows;

/* Upload buffers for the tables of slices: the device reads from one of `written` while the host writes to the other. */
typedef struct slice_tables {
    slice_table *device;     /* the table of the batches, followed by those of the shards if there are several */
    slice_table *written[2]; /* pinned; the host writes the next tables here */
    cudaEvent_t uploaded[2]; /* recorded after the upload, when the buffer may be overwritten */
    int turn;
} slice_tables;

/* The calls of steps() since the last report. */
typedef struct step_calls {
    int64_t count;
    cudaEvent_t ran[2]; /* recorded at the end of the latest two calls */
    int *stopped[2];    /* pinned: `failed` of run_state at these times */
} step_calls;

/* A graph of several steps on the route of the latest slice. */
typedef struct captured {
    int warm;              /* 1: a step has taken this route, so that everything that is loaded at first use has been loaded */
    cudaGraphExec_t graph; /* NULL: not captured */
} captured;

/* A run, which lasts from start() to the next start(). */
typedef struct run {
    run_spec spec;                          /* rate_factor is NULL here, see below */
    int64_t size, penalized;                /* size: of all groups of models; penalized: of one group */
    void *snapshot[SNAPSHOTS][STATE_PARTS]; /* NULL: not kept */
    void *rate_factor, *point;              /* size; NULL: 1, theta */
    void *limit[LIMIT_COUNT];               /* size; NULL: 1, no bounds */
    model_arrays models;                    /* device; all NULL: the outputs are one model */
    model_report reported;                  /* host memory */
    double *squares; /* clip_partials(size) for the norm of the gradient; NULL: gradients are not clipped by norm */
    work work;
    cusgd_engine engine; /* not AUTO */
    fused fused;         /* for the engines FUSED and PERSISTENT */
    shards shards;
    void *x; /* work.rows x ld: gathered rows; NULL until needed */
    slice_tables tables;
    run_state *report; /* pinned */
    step_calls calls;
    route route; /* the route of the latest slice */
    captured captured;
} run;

/* Arrays that passes over all rows keep from call to call. Device memory. */
typedef struct pass_state {
    work work;
    void *theta;  /* (d+1) x k */
    void *x;      /* work.rows x ld: rows of bf16 converted to reals; NULL until needed */
    void *second; /* sums of second derivatives between two pieces of the rows; NULL: none */
} pass_state;

/* The GPU and its capabilities. */
typedef struct gpu {
    int number, multiprocessors;
    int shared; /* bytes of shared memory available to a block */
    int cooperative;
    int early, clusters; /* a kernel may start before the previous one has finished; see cluster_fits() */
} gpu;

/* Settings from the environment; 1: use the feature if the device has it. */
typedef struct switches {
    int graph_steps; /* steps per captured graph; 0: no graphs */
    int early, clusters;
    int64_t pages; /* bytes of rows that a stream may keep on the device; -1: what is free */
    int trace;     /* 1: the module writes a trace to stderr */
} switches;

typedef struct random_source {
    curandGenerator_t generator; /* NULL until first needed */
    int differs;                 /* 1: the words of cuRAND differ from those of random.h here */
} random_source;

/* State of a dataset whose rows are replaced while steps are taken (windows.c). Arrays of events have one per half. */
typedef struct passing {
    transform t;             /* mean, scale and shift are only compared with NULL */
    examples like;           /* the shape and the matrices of the rows to come */
    double *numbers;         /* device: written by upload_transform() */
    void *raw;               /* device: rows as they are uploaded, before their conversion */
    size_t raw_bytes;        /* size of raw */
    int64_t *list;           /* device: row numbers */
    cudaStream_t copies;     /* stream on which rows are uploaded */
    cudaEvent_t arrived[2];  /* the rows of the half have been uploaded */
    cudaEvent_t released[2]; /* the steps that use the half have finished */
} passing;

typedef struct cuda {
    switches switches;
    int graph_steps; /* the environment's value, or 0 after the device has refused a graph */
    char note[512];  /* note for the next report, valid if has_note */
    int has_note;
    gpu gpu;
    cusgd_precision precision;
    size_t element;            /* bytes of a real */
    cudaStream_t stream, side; /* side: computes row numbers one batch ahead */
    cudaEvent_t forked, joined;
    cudaEvent_t persisted; /* recorded after the latest persistent launch; NULL: there was none */
    cublasHandle_t blas;
    void *workspace; /* for cuBLAS */
    random_source random;
    ring ring;
    run run;
    nccl_ranks *ranks; /* NULL: no run has been distributed over processes yet */
    pass_state pass;
} cuda;

/* A device dataset: examples that are on the device. */
struct dataset {
    int64_t n, d, m, k, ld; /* m: targets; k: outputs */
    int classed;            /* 1: y holds class numbers, and each class has an output */
    cusgd_storage storage;  /* BF16: x holds bf16, and the precision is float */
    size_t element;         /* bytes of a value of x */
    void *x, *y, *w, *o;    /* n x ld; n x m, n and n, or NULL */
    int borrowed;           /* 1: x belongs to the caller */
    int shared;             /* 1: these arrays belong to another dataset */
    sparse_rows *sparse;    /* x if it is sparse; NULL: x is dense */
    uint8_t *fold;          /* n; NULL: all 0 */
    int folds;              /* at least 1 */
    passing *passing;       /* NULL: the rows do not change after the upload */
};

/* Return the number of values in 16 bytes, and n rounded up to a multiple of it. */
static inline int64_t pack_values(const cuda *c) { return 16 / (int64_t)c->element; }
static inline int64_t padded(const cuda *c, int64_t n) { return (n + pack_values(c) - 1) / pack_values(c) * pack_values(c); }

/* Returns how x is stored here: as double if the precision is double, even if its values were rounded to bf16. */
static inline cusgd_storage kept_as(const cuda *c, cusgd_storage asked)
{
    return c->precision == CUSGD_PRECISION_FLOAT ? asked : CUSGD_STORAGE_FULL;
}
static inline size_t stored_bytes(const cuda *c, cusgd_storage kept) { return (size_t)value_bytes(c->precision, kept); }

/* Returns the row stride, in values of `element` bytes, for d columns. Short rows are not padded, because they would grow too
 * much. */
static inline int64_t row_stride(size_t element, int64_t d)
{
    int64_t values = 16 / (int64_t)element;
    return d < padded_from(values) ? d : (d + values - 1) / values * values;
}

static inline const void *at_row(const dataset *b, int64_t row)
{
    return (const char *)b->x + (size_t)(row * b->ld) * b->element;
}

/* Returns the maximum number of rows of a shard's share of a batch. */
static inline int64_t share_of(const run_spec *p)
{
    uint64_t batch = p->batch > 0 ? (uint64_t)p->batch : 1, count = p->shards > 1 ? (uint64_t)p->shards : 1;
    return (int64_t)shard_rows(batch, count, 0);
}

/* Return the number of parameters of a group of models (for other runs, of all parameters), and the number of groups. */
static inline int64_t group_size(const run *r) { return r->penalized + r->work.k; }
static inline int groups_of(const run *r) { return (int)(r->size / group_size(r)); }

static inline void *at_real(const cuda *c, void *base, int64_t index) { return (char *)base + (size_t)index * c->element; }

#endif
