/* What the sources compiled for each precision share. */
#ifndef CUSGD_HOST_CPU_PARTS_H
#define CUSGD_HOST_CPU_PARTS_H

#include "cpu.h"
#include "rows.h"
#include "scalar/update.h"

#include "expr/loss.h" /* behind the type real */

/* Sparse rows: their columns ascend. Parts of the columns with about equal numbers of stored values are what threads share. */
enum { COLUMN_PARTS = 16 };
typedef struct sparse_rows {
    const int64_t *start; /* n + 1, not from 0 where the rows are some of the caller's */
    const int32_t *column;
    const real *value;
    int64_t cut[COLUMN_PARTS + 1]; /* part q: columns cut[q] .. cut[q + 1] - 1; all 0 until sparse_cut() */
    int64_t longest;               /* stored values of a row, at most */
    double *center;                /* d: what is subtracted from every row, stored or not; NULL: nothing. Owned */
    void *owned[3];
} sparse_rows;

/* Bound examples: rows one behind the other, as rows.h wants them. */
struct dataset {
    int64_t n, d, m, k;    /* m: targets, k: outputs */
    int classed;           /* 1: y is a class's number, and each class has an output */
    cusgd_storage storage; /* BF16: x is of bf16; only where real is float. In double, what was rounded is kept in real */
    const void *x;         /* n x d */
    const real *y, *w, *o; /* n x m; n, or NULL, both */
    rows_source *source;   /* in the place of x, y, w and o: these stay where the caller has them. Owned; NULL: they are bound */
    real *tail;            /* see rows.h */
    int64_t tail_first;
    void *owned[4];      /* what of x, y, w, o was copied, */
    size_t room[4];      /* and the bytes there are for that */
    sparse_rows *sparse; /* x, in the place of the one above; NULL: it is dense */
    uint8_t *fold;       /* n; NULL: all 0 */
    int folds;           /* at least 1 */
};

/* Parameters as rows.h lays them out. */
typedef struct vectors {
    real *at[STATE_PARTS];
} vectors;

enum { BATCHES_KNOWN = 3 };

/* A shard's shares of this step's batch and of the next ones', count 0 beyond the slice's end; what its table is of. */
typedef struct shard_spans {
    batch_span batch[BATCHES_KNOWN];
    permutation table_of;
} shard_spans;

/* Which rows the step under way and the next ones visit. */
typedef struct row_order {
    int first, shards;  /* those of this process; what follows is of these alone */
    int64_t share;      /* rows of a batch that a shard has, at most */
    int64_t *rows;      /* BATCHES_KNOWN x shards x share, batches in turn */
    int64_t *tables;    /* shards x SAMPLING_SPAN: see rows.h; of spans[].table_of */
    shard_spans *spans; /* shards */
} row_order;

/* Of a run that several processes share: the largest nodes of the shards' tree that this one adds. */
enum { MAX_OWN_NODES = 2 * 10 }; /* 2 log2 MAX_SHARDS */
typedef struct own_nodes {
    int count;
    tree_node node[MAX_OWN_NODES];
    const void *values[MAX_OWN_NODES]; /* their sums of gradients, */
    double losses[MAX_OWN_NODES];
} own_nodes;

/* batch_products.c: products of the columns of batches whose rows stay the same. */
typedef struct batch_products batch_products;

/* Of outputs that are models of their own: `width` values, the outputs filled up to whole blocks of LANES. */
typedef struct models_state {
    int64_t width;
    rows_models rows;       /* what passes over rows need of it; its arrays are those below */
    int *target_of;         /* NULL: not given, like the next one */
    real *counts;           /* see rows_models */
    uint8_t *alive, *ended; /* which take steps; which have had a loss that is not finite */
    real *momentum;
    double *share;
    double *number; /* see rows_models; NULL: not given, like the next one */
    real *class_weight;
    gram_room *gram; /* threads; NULL: gradients are of rows */
    uint64_t *mask;  /* see rows_models */
    int *by_mask, *mask_end;
    double *chunk_losses;     /* chunks of all shards x width */
    double *losses;           /* since the last report */
    double *reported;         /* the losses of that */
    int by_products;          /* 1: steps follow from products of a batch's columns, */
    double products_bytes;    /* of which so many bytes are kept */
    batch_products *products; /* kept from run to run; NULL: none */
} models_state;

/* The stored values of a batch's rows by columns. Those of each of COLUMN_PARTS pieces, which sparse_rows.cut bounds, are
 * ordered by how many values they have, so that loops over these are of one length for long, and then ascend. */
typedef struct column_end {
    int32_t column;
    uint32_t end; /* its values end before this one */
} column_end;
typedef struct batch_columns {
    int64_t count; /* of columns that occur */
    const column_end *columns;
    const int64_t *piece; /* COLUMN_PARTS + 1: piece q is columns[piece[q]] .. columns[piece[q + 1] - 1] */
    const void *place;    /* of each value's row in the batch: uint16_t, or uint32_t where `wide` */
    const real *value;
    int wide;
} batch_columns;

/* Transposed batches, one behind the other; of samplings whose batches change, one. */
typedef struct batch_store {
    int64_t *value_first, *column_first; /* batches: where the values and the columns of each begin */
    int64_t *piece;                      /* batches x (COLUMN_PARTS + 1) */
    int64_t most_columns;                /* of a batch */
    column_end *columns;
    void *place;
    real *value;
    int64_t value_room, column_room;
} batch_store;

/* A shard's shares of the batches of sparse rows. */
typedef struct sparse_shard {
    const dataset *of; /* what the batches below are of; NULL: nothing is known */
    permutation order;
    uint64_t batches;
    batch_store store;
    batch_columns batch; /* of the step under way */
    int64_t ahead[2];    /* of batches of one row: the rows of the next step and of the one after that; -1: there is none */
} sparse_shard;

/* Of a run on sparse rows. */
typedef struct sparse_state {
    sparse_shard *shards; /* those of this process */
    double *losses;       /* one a chunk of SPARSE_CHUNK rows */
    uint32_t *counts;     /* threads x d, zero between uses */
    int32_t *touched;     /* threads x (d + 1) */
    uint64_t *bits;       /* threads x sparse_bit_words(d), zero between uses */
    int64_t *rows;        /* the batch's; spec.batch */
    real *derivative;     /* spec.batch x sparse_width() */
    real *bias;           /* sparse_width() */
    real *predicted;      /* COLUMN_PARTS x spec.batch x sparse_width(): x theta by parts of the columns */
    int lazy;             /* in this slice */
    int pending;          /* lazy: untouched columns have something to catch up with */
    int32_t *last;        /* d: the step of the slice until which a column is up to date */
    catch_up *since;
    struct missed_steps *missed; /* what columns that are up to date until each step have missed at the slice's end */
    int64_t since_room;          /* of both */
    real *touched_values;        /* lazy: theta, average and slots of the batch's columns, touched_room of each */
    size_t touched_room;
} sparse_state;

/* What the rows of a step's batch add up to. */
typedef struct step_sums {
    real *partial;     /* chunks of all shards x size: each chunk's gradient */
    real *gradient;    /* size: the batch's */
    double *canonical; /* (d+1) k: that in the order in which its norm is taken; NULL: it is not */
    double *losses;    /* one a chunk */
} step_sums;

typedef struct cpu {
    int threads;
    pool *pool;
    const rows_functions *rows[2]; /* by what x is kept in */
    run_spec spec;                 /* rate_factor is NULL: see below */
    struct update_rule rule;
    layout layout;
    int64_t size;  /* layout.size */
    int64_t chunk; /* rows of a share's chunk */
    vectors snapshot[SNAPSHOTS];
    real *rate_factor, *point; /* each parameter's share of the rate; where the gradient is taken */
    real *limit[LIMIT_COUNT];  /* size; NULL: the run spec has none */
    step_sums sums;
    real *scratch; /* threads x softmax_scratch(k); NULL: not needed */
    sparse_state sparse;
    row_order order;
    own_nodes nodes;
    models_state models; /* width is 0 where all outputs are one model */
    steps_report report;
    double *second; /* sums of second derivatives, between two pieces of the rows; NULL: there are none */
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
/* models.c: what a run of models keeps; 0: there is no memory. */
int NAMED(models_open)(cpu *self, const models *of, size_t chunks);
void NAMED(models_close)(cpu *self);
/* What a pass over a chunk's rows needs of it. */
void NAMED(models_task)(const cpu *self, const dataset *b, int64_t chunk, rows_task *t);
/* Where the slice's first gradients are taken. */
void NAMED(models_look)(cpu *self, struct update_step first);
/* A step of parameters lo .. hi - 1 of one block, which begin and end with whole LANES. */
void NAMED(models_update)(cpu *self, const struct update_step *now, const struct update_step *next, int64_t lo, int64_t hi,
                          int penalized);
cusgd_status NAMED(cpu_room)(void *of, const run_spec *p, int folds, double *each, double *there);
cusgd_status NAMED(cpu_retire)(void *of, const uint8_t *gone);
cusgd_status NAMED(cpu_fold_losses)(void *self, const dataset *b, loss_rule loss, int64_t outputs, const models *m,
                                    const double *theta, double *sums);
/* batch_products.c: whether a run of models, on rows of so many folds, takes its steps by products of columns. What decides must
 * not depend on the other models, nor on the memory, since steps from rows and from products round differently. */
int NAMED(products_pay)(const run_spec *p, int folds);
double NAMED(cpu_batch_room)(void *of, const run_spec *p, int folds);
/* Allocates what a run of models needs for its steps; it has its masks already. Error: MEMORY. */
cusgd_status NAMED(products_start)(cpu *self);
void NAMED(products_close)(cpu *self);
/* Gives up the products of these examples, which are about to be freed. */
void NAMED(products_forget)(cpu *self, const dataset *b);

/* sparse_bind.c: x of sparse examples, as a part of cpu_bind(). */
cusgd_status NAMED(sparse_bind)(const examples *e, const transform *t, dataset *b);
/* Divides the columns into parts for several threads, which passes that need a gradient, and batches, call for. Does so once for
 * each set. Error: MEMORY. */
cusgd_status NAMED(sparse_cut)(const dataset *b);
void NAMED(sparse_unbind)(dataset *b);
void NAMED(sparse_curvature)(const dataset *b, const double *scale, curvature *out);
void NAMED(sparse_row)(const dataset *b, int64_t i, double *x); /* dense */

/* sparse_center.c: the columns' means in the units of the bound rows. */
cusgd_status NAMED(sparse_center)(const transform *t, int64_t d, sparse_rows *s);
/* What is added to x theta of each output: the intercept less the product of the means. */
void NAMED(sparse_bias)(const dataset *b, const layout *l, const real *theta, real *bias);
/* The gradient of the centered columns, where it is that of the columns as they are stored, and the intercepts'. */
void NAMED(sparse_center_gradient)(const dataset *b, const layout *l, real *gradient);

/* sparse_pass.c: a pass over `count` sparse rows, those listed or first and up. */
enum { SPARSE_CHUNK = 64 }; /* rows */
typedef struct sparse_pass {
    const cpu *self;
    const dataset *b;
    loss_rule loss;
    const real *theta; /* as the layout has it */
    const real *bias;  /* sparse_width(), of sparse_bias() */
    layout layout;
    const int64_t *rows; /* NULL: first and up */
    int64_t first, count;
    const real *predicted; /* predicted_parts x count x sparse_width(): x theta in parts; NULL: it is computed */
    int64_t predicted_parts;
    real *derivative; /* count x sparse_width(): w l' of each row and output */
    double *losses;   /* one a chunk of SPARSE_CHUNK rows */
    double *sums;     /* (d+1) x k: of the full gradient */
    int parts;        /* of the columns, a power of 2; at most COLUMN_PARTS */
    int is_zero;      /* 1: all coefficients are 0, so that no value adds to a prediction */
} sparse_pass;
/* Values of a row's outputs, with what fills up the last block. */
static inline int64_t sparse_width(const layout *l) { return l->wide ? l->blocks * LANES : l->k; }
/* Fills derivative and losses; returns the sum of the losses. */
double NAMED(sparse_derivatives)(sparse_pass *s);
cusgd_status NAMED(sparse_objective)(const cpu *self, const dataset *b, loss_rule loss, const double *theta, double *value,
                                     double *gradient);
cusgd_status NAMED(sparse_predict)(const cpu *self, const dataset *b, const double *theta, double *out);

/* sparse_batches.c: makes sparse_batch() of a shard's shares of the slice's batches ready, of `batches` once a run. shard:
 * counted from the first of this process. */
cusgd_status NAMED(sparse_transpose)(cpu *self, const slice *s, int shard);
/* The examples are about to go, and others may come to lie there. */
void NAMED(sparse_forget)(cpu *self, const dataset *b);
void NAMED(sparse_close)(cpu *self);

/* sparse_lazy.c: parameters of output block `block` and of the columns listed, or first and up; at most LAZY_TILE. */
typedef struct lazy_columns {
    const column_end *columns; /* NULL: first and up */
    int64_t first, count, block;
} lazy_columns;
typedef struct lazy_work {
    real limit[LIMIT_COUNT][LAZY_TILE], shrink[LAZY_TILE], missed[LAZY_TILE], keep[LAZY_TILE];
} lazy_work;
/* Makes the tables of a slice. */
cusgd_status NAMED(lazy_begin)(cpu *self, const slice *s);
/* Copies them to the tile and brings them to step i; and back. */
void NAMED(lazy_take)(const cpu *self, const lazy_columns *of, int64_t i, lazy_tile *t);
void NAMED(lazy_give)(const cpu *self, const lazy_columns *of, const lazy_tile *t);
/* Gives the tile its penalty factors and bounds. */
void NAMED(lazy_limits)(const cpu *self, const lazy_columns *of, lazy_work *work, lazy_tile *t);
/* Brings all parameters up to date, of which `done` steps of the slice have been made. */
void NAMED(lazy_finish)(cpu *self, int64_t done);

/* step.c: minibatch steps; the operation `steps` of the interface. */
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
enum { HESSIAN_SPAN = 2048 }; /* rows; a piece has a multiple of them */
/* generate.c */
cusgd_status NAMED(cpu_generate)(void *of, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                                 void *y);
/* (d+1) x k in double to the layout in real, zero where nothing stands, and back. */
void NAMED(layout_put)(const layout *l, const double *from, real *to);
void NAMED(layout_get)(const layout *l, const real *from, double *to);
void NAMED(layout_read)(const layout *l, const real *from, real *to);

#endif
