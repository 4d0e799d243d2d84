/* Declarations for the sources that are compiled for each precision. */
#ifndef CUSGD_HOST_CPU_PARTS_H
#define CUSGD_HOST_CPU_PARTS_H

#include "cpu.h"
#include "rows.h"
#include "scalar/update.h"

#include "expr/loss.h" /* requires the type `real` */

/* Sparse rows, whose columns are in ascending order. The columns are divided into parts with about equal numbers of stored
 * values, which threads share. */
enum { COLUMN_PARTS = 16 };
typedef struct sparse_rows {
    const int64_t *start; /* n + 1; does not begin at 0 if the rows are a part of those of the caller */
    const int32_t *column;
    const real *value;
    int64_t cut[COLUMN_PARTS + 1]; /* part q: columns cut[q] .. cut[q + 1] - 1; all 0 until sparse_cut() */
    int64_t longest;               /* maximum number of stored values of a row */
    double *center;                /* d: the means to subtract from every row, including values that are not stored; NULL: none.
                                    * Owned */
    void *owned[3];
} sparse_rows;

/* A dataset: contiguous rows in the layout of rows.h. */
struct dataset {
    int64_t n, d, m, k;    /* m: targets, k: outputs */
    int classed;           /* 1: y is the number of a class, and each class has an output */
    cusgd_storage storage; /* BF16: x has bf16, only if real is float. In double, the rounded values are stored in real */
    const void *x;         /* n x d */
    const real *y, *w, *o; /* n x m; n, or NULL, both */
    rows_source *source;   /* reads x, y, w and o in the arrays of the caller. Owned; NULL: they are copied or used directly */
    real *tail;            /* see rows.h */
    int64_t tail_first;
    void *owned[4];      /* the copies of x, y, w and o, if any */
    size_t room[4];      /* their capacities in bytes */
    sparse_rows *sparse; /* sparse x, instead of the one above; NULL: x is dense */
    uint8_t *fold;       /* n; NULL: all 0 */
    int folds;           /* at least 1 */
};

/* Parameters in the layout of rows.h. */
typedef struct vectors {
    real *at[STATE_PARTS];
} vectors;

enum { BATCHES_KNOWN = 3 };

/* The positions of a shard in the batches of this step and the next ones (count 0 beyond the end of the slice), and what its
 * table is for. */
typedef struct shard_spans {
    batch_span batch[BATCHES_KNOWN];
    permutation table_of;
} shard_spans;

/* The rows that the current step and the next ones use. */
typedef struct row_order {
    int first, shards;  /* the shards of this process; the other members are for these only */
    int64_t share;      /* maximum number of rows of a shard in a batch */
    int64_t *rows;      /* BATCHES_KNOWN x shards x share, batches in turn */
    int64_t *tables;    /* shards x SAMPLING_SPAN: see rows.h; of spans[].table_of */
    shard_spans *spans; /* shards */
} row_order;

/* For runs of several processes: the largest nodes of the tree of shards that this process adds. */
enum { MAX_OWN_NODES = 2 * 10 }; /* 2 log2 MAX_SHARDS */
typedef struct own_nodes {
    int count;
    tree_node node[MAX_OWN_NODES];
    const void *values[MAX_OWN_NODES]; /* their sums of gradients */
    double losses[MAX_OWN_NODES];
} own_nodes;

/* batch_products.c: products of the columns of batches whose rows stay the same. */
typedef struct batch_products batch_products;

/* The state of independent models. Arrays have `width` values: the outputs, padded to whole blocks of LANES. */
typedef struct models_state {
    int64_t width;
    rows_models rows;       /* the members that passes over rows need; its arrays are those below */
    int *target_of;         /* NULL: not given, like the next one */
    real *counts;           /* see rows_models */
    uint8_t *alive, *ended; /* which take steps; which had a loss that is not finite */
    real *momentum;
    double *share;
    double *number; /* see rows_models; NULL: not given, like the next one */
    real *class_weight;
    gram_room *gram; /* one per thread; NULL: gradients are computed from rows */
    uint64_t *mask;  /* see rows_models */
    int *by_mask, *mask_end;
    double *chunk_losses;     /* chunks of all shards x width */
    double *losses;           /* losses since the last report */
    double *reported;         /* the losses in the last report */
    int by_products;          /* 1: steps are computed from products of the columns of a batch */
    double products_bytes;    /* maximum bytes of products to keep */
    batch_products *products; /* kept from run to run; NULL: none */
} models_state;

/* The stored values of the rows of a batch by columns. In each of the COLUMN_PARTS parts (sparse_rows.cut), columns are ordered
 * by their number of values, so that consecutive loops have equal lengths, and then ascending. */
typedef struct column_end {
    int32_t column;
    uint32_t end; /* end of its values */
} column_end;
typedef struct batch_columns {
    int64_t count; /* number of columns that occur */
    const column_end *columns;
    const int64_t *piece; /* COLUMN_PARTS + 1: piece q is columns[piece[q]] .. columns[piece[q + 1] - 1] */
    const void *place;    /* of each value's row in the batch: uint16_t, or uint32_t where `wide` */
    const real *value;
    int wide;
} batch_columns;

/* Transposed batches, contiguous; only one if the batches change from epoch to epoch. */
typedef struct batch_store {
    int64_t *value_first, *column_first; /* batches: where the values and the columns of each begin */
    int64_t *piece;                      /* batches x (COLUMN_PARTS + 1) */
    int64_t most_columns;                /* of a batch */
    column_end *columns;
    void *place;
    real *value;
    int64_t value_room, column_room;
} batch_store;

/* The rows of a shard in the batches of sparse rows. */
typedef struct sparse_shard {
    const dataset *of; /* the dataset of the batches below; NULL: none */
    permutation order;
    uint64_t batches;
    batch_store store;
    batch_columns batch; /* the batch of the current step */
    int64_t ahead[2];    /* for batches of one row: the rows of the next two steps; -1: none */
} sparse_shard;

/* The state of a run on sparse rows. */
typedef struct sparse_state {
    sparse_shard *shards; /* the shards of this process */
    double *losses;       /* one per chunk of SPARSE_CHUNK rows */
    uint32_t *counts;     /* threads x d, zero between uses */
    int32_t *touched;     /* threads x (d + 1) */
    uint64_t *bits;       /* threads x sparse_bit_words(d), zero between uses */
    int64_t *rows;        /* the batch's; spec.batch */
    real *derivative;     /* spec.batch x sparse_width() */
    real *bias;           /* sparse_width() */
    real *predicted;      /* COLUMN_PARTS x spec.batch x sparse_width(): x theta by parts of the columns */
    int lazy;             /* in this slice */
    int pending;          /* lazy: columns have missed updates */
    int32_t *last;        /* d: the step of the slice up to which a column is updated */
    catch_up *since;
    struct missed_steps *missed; /* what columns that are up to date until each step have missed at the slice's end */
    int64_t since_room;          /* of both */
    real *touched_values;        /* lazy: theta, average and slots of the batch's columns, touched_room of each */
    size_t touched_room;
} sparse_state;

/* The sums over the rows of the batch of a step. */
typedef struct step_sums {
    real *partial;     /* chunks of all shards x size: each chunk's gradient */
    real *gradient;    /* size: gradient of the batch */
    double *canonical; /* (d+1) k: the gradient in the order for computing its norm; NULL: the norm is not needed */
    double *losses;    /* one per chunk */
} step_sums;

typedef struct cpu {
    int threads;
    pool *pool;
    const rows_functions *rows[2]; /* by the type of x */
    run_spec spec;                 /* rate_factor is NULL: see below */
    struct update_rule rule;
    layout layout;
    int64_t size;  /* layout.size */
    int64_t chunk; /* rows of a chunk of a share */
    vectors snapshot[SNAPSHOTS];
    real *rate_factor, *point; /* rate factor of each parameter; the point at which the gradient is computed */
    real *limit[LIMIT_COUNT];  /* size; NULL: none in the run spec */
    step_sums sums;
    real *scratch; /* threads x softmax_scratch(k); NULL: not needed */
    sparse_state sparse;
    row_order order;
    own_nodes nodes;
    models_state models; /* width is 0 where all outputs are one model */
    steps_report report;
    double *second; /* sums of second derivatives between two windows of rows; NULL: none */
} cpu;

static inline rows_task NAMED(task_of)(const dataset *b, loss_rule loss, const real *theta, real *gradient)
{
    return (rows_task){.storage = b->storage,
                       .x = b->x,
                       .y = b->y,
                       .w = b->w,
                       .o = b->o,
                       .source = b->source,
                       .tail = b->tail,
                       .tail_first = b->tail_first,
                       .d = b->d,
                       .m = b->m,
                       .k = b->k,
                       .classed = b->classed,
                       .loss = loss,
                       .theta = theta,
                       .gradient = gradient,
                       .layout = layout_of(b->d, b->k),
                       .scratch =
                           NULL, /* all fields are named: where some are not, gcc clears the whole first, which takes longer */
                       .models = NULL,
                       .fold = NULL,
                       .losses = NULL};
}

static inline const rows_functions *rows_for(const cpu *c, const rows_task *t) { return c->rows[t->storage]; }

/* bind.c */
cusgd_status NAMED(cpu_bind)(void *self, const examples *e, const transform *t, dataset **out);
cusgd_status NAMED(cpu_bind_in_place)(void *self, const examples *e, const transform *t, dataset **b);
cusgd_status NAMED(cpu_bind_again)(void *self, const examples *e, const transform *t, dataset **b);
void NAMED(cpu_unbind)(void *self, dataset *b);
cusgd_status NAMED(cpu_rows)(void *self, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w);
cusgd_status NAMED(cpu_curvature_piece)(void *self, const dataset *b, piece_of at, const double *scale, curvature *out);
cusgd_status NAMED(cpu_curvature)(void *self, const dataset *b, const double *scale, curvature *out);
/* models.c. Allocates the state of a run of models. Returns 0 if there is no memory. */
int NAMED(models_open)(cpu *self, const models *of, size_t chunks);
void NAMED(models_close)(cpu *self);
/* Sets the members of a task for a pass over the rows of a chunk. */
void NAMED(models_task)(const cpu *self, const dataset *b, int64_t chunk, rows_task *t);
/* Sets the points of the first gradients of a slice. */
void NAMED(models_look)(cpu *self, struct update_step first);
/* Steps parameters lo .. hi - 1 of a block; lo and hi are multiples of LANES. */
void NAMED(models_update)(cpu *self, const struct update_step *now, const struct update_step *next, int64_t lo, int64_t hi,
                          int penalized);
cusgd_status NAMED(cpu_room)(void *of, const run_spec *p, int folds, double *each, double *there);
cusgd_status NAMED(cpu_retire)(void *of, const uint8_t *gone);
cusgd_status NAMED(cpu_fold_losses)(void *self, const dataset *b, loss_rule loss, int64_t outputs, const models *m,
                                    const double *theta, double *sums);
/* batch_products.c. Returns whether a run of models, on rows of so many folds, computes its steps from products of columns. The
 * decision must not depend on the other models or on the memory, because steps from rows and from products have different
 * rounding errors. */
int NAMED(products_pay)(const run_spec *p, int folds);
double NAMED(cpu_batch_room)(void *of, const run_spec *p, int folds);
/* Allocates what a run of models needs for its steps. The masks must be set. Error: MEMORY. */
cusgd_status NAMED(products_start)(cpu *self);
void NAMED(products_close)(cpu *self);
/* Forgets the products of a dataset that will be freed. */
void NAMED(products_forget)(cpu *self, const dataset *b);

/* sparse_bind.c. Uploads x of sparse examples, as a part of cpu_bind(). */
cusgd_status NAMED(sparse_bind)(const examples *e, const transform *t, dataset *b);
/* Divides the columns into parts for several threads, for batches and for passes with a gradient. Does so once per dataset.
 * Error: MEMORY. */
cusgd_status NAMED(sparse_cut)(const dataset *b);
void NAMED(sparse_unbind)(dataset *b);
void NAMED(sparse_curvature)(const dataset *b, const double *scale, curvature *out);
void NAMED(sparse_row)(const dataset *b, int64_t i, double *x); /* dense */

/* sparse_center.c. Sets the means of the columns in the units of the transformed rows. */
cusgd_status NAMED(sparse_center)(const transform *t, int64_t d, sparse_rows *s);
/* Computes what is added to x theta of each output: the intercept minus the product of theta with the means. */
void NAMED(sparse_bias)(const dataset *b, const layout *l, const real *theta, real *bias);
/* Converts the gradient of the columns as they are stored, and of the intercepts, to that of the centered columns. */
void NAMED(sparse_center_gradient)(const dataset *b, const layout *l, real *gradient);

/* sparse_pass.c. A pass over `count` sparse rows, which are listed or consecutive from `first` on. */
enum { SPARSE_CHUNK = 64 }; /* rows */
typedef struct sparse_pass {
    const cpu *self;
    const dataset *b;
    loss_rule loss;
    const real *theta; /* in the layout of rows.h */
    const real *bias;  /* sparse_width(), of sparse_bias() */
    layout layout;
    const int64_t *rows; /* NULL: consecutive from `first` on */
    int64_t first, count;
    const real *predicted; /* predicted_parts x count x sparse_width(): x theta in parts; NULL: it is computed */
    int64_t predicted_parts;
    real *derivative; /* count x sparse_width(): w l' of each row and output */
    double *losses;   /* one per chunk of SPARSE_CHUNK rows */
    double *sums;     /* (d+1) x k: sums of the full gradient */
    int parts;        /* of the columns, a power of 2; at most COLUMN_PARTS */
    int is_zero;      /* 1: all coefficients are 0, so that predictions are the biases */
} sparse_pass;
/* Returns the number of values per row, including the padding of the last block. */
static inline int64_t sparse_width(const layout *l) { return l->wide ? l->blocks * LANES : l->k; }
/* Computes derivatives and losses. Returns the sum of the losses. */
double NAMED(sparse_derivatives)(sparse_pass *s);
cusgd_status NAMED(sparse_objective)(const cpu *self, const dataset *b, loss_rule loss, const double *theta, double *value,
                                     double *gradient);
cusgd_status NAMED(sparse_predict)(const cpu *self, const dataset *b, const double *theta, double *out);

/* sparse_batches.c. Prepares sparse_batch() for the rows of a shard in the batches of a slice; with the sampling `batches` only
 * once per run. shard: counted from the first one of this process. */
cusgd_status NAMED(sparse_transpose)(cpu *self, const slice *s, int shard);
/* Forgets a dataset that will be freed, because another one may get the same address. */
void NAMED(sparse_forget)(cpu *self, const dataset *b);
void NAMED(sparse_close)(cpu *self);

/* sparse_lazy.c. The parameters of output block `block` and of listed columns, or of consecutive ones from `first` on; at most
 * LAZY_TILE. */
typedef struct lazy_columns {
    const column_end *columns; /* NULL: consecutive from `first` on */
    int64_t first, count, block;
} lazy_columns;
typedef struct lazy_work {
    real limit[LIMIT_COUNT][LAZY_TILE], shrink[LAZY_TILE], missed[LAZY_TILE], keep[LAZY_TILE];
} lazy_work;
/* Creates the tables of a slice. */
cusgd_status NAMED(lazy_begin)(cpu *self, const slice *s);
/* Copy these parameters to the tile and update them to step i, and copy them back. */
void NAMED(lazy_take)(const cpu *self, const lazy_columns *of, int64_t i, lazy_tile *t);
void NAMED(lazy_give)(const cpu *self, const lazy_columns *of, const lazy_tile *t);
/* Sets the penalty factors and bounds of the tile. */
void NAMED(lazy_limits)(const cpu *self, const lazy_columns *of, lazy_work *work, lazy_tile *t);
/* Updates all parameters to the end of the `done` completed steps of the slice. */
void NAMED(lazy_finish)(cpu *self, int64_t done);

/* step.c. Minibatch steps: the operation `steps` of the device interface. */
cusgd_status NAMED(cpu_steps)(void *of, const slice *s);
/* full.c */
cusgd_status NAMED(cpu_objective)(void *self, const dataset *b, loss_rule loss, const double *theta, double *value,
                                  double *gradient);
cusgd_status NAMED(cpu_objective_piece)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta,
                                        double *value, double *gradient);
int64_t NAMED(cpu_piece_end)(void *self, enum full_pass pass, int64_t n, int64_t d, int64_t k, int64_t first, int64_t room);
cusgd_status NAMED(cpu_predict)(void *self, const dataset *b, const double *theta, double *out);
/* hessian.c */
cusgd_status NAMED(cpu_hessian)(void *self, const dataset *b, loss_rule loss, const double *theta, double *hessian);
cusgd_status NAMED(cpu_hessian_from)(void *self, const dataset *b, loss_rule loss, const double *theta, int64_t from,
                                     double *hessian);
cusgd_status NAMED(cpu_hessian_piece)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta,
                                      double *hessian);
enum { HESSIAN_SPAN = 2048 }; /* rows; windows have a multiple of them */
/* generate.c */
cusgd_status NAMED(cpu_generate)(void *of, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                                 void *y);
/* Convert (d+1) x k doubles to the layout in `real`, with zeros as padding, and back. */
void NAMED(layout_put)(const layout *l, const double *from, real *to);
void NAMED(layout_get)(const layout *l, const real *from, double *to);
void NAMED(layout_read)(const layout *l, const real *from, real *to);

#endif
