/* The inner loops over rows, compiled once for every instruction set and precision; all give the same bits.
 *
 * A dot product is 16 lane sums, lane l adding the columns j with j mod 16 = l in order, and then a fixed tree: the same
 * additions whether a register holds 2 lanes or 16. A gradient adds rows in order. With many outputs, lanes are outputs, and a
 * dot product adds its columns in order. */
#ifndef CUSGD_HOST_CPU_ROWS_H
#define CUSGD_HOST_CPU_ROWS_H

#include "cusgd.h"
#include "data.h"
#include "pool.h"
#include "real.h"
#include "scalar/bf16.h"
#include "scalar/lazy.h"
#include "scalar/loss_rule.h"
#include "scalar/sampling.h"
#include "scalar/standardize.h"

/* How rows.c is compiled to find x: in real, or (with -DSTORED_BF16, real being float) as bf16, with the same sums: a pass over
 * bf16 rows gives the bits of one over the floats that they are. */
#ifdef STORED_BF16
typedef bf16 stored;
#define STORED_NAMED(name) REAL_NAME(name, bf16)
#else
typedef real stored;
#define STORED_NAMED(name) NAMED(name)
#endif

enum { LANES = 16, PANEL = 32, LIMITS = 4 };

static inline int64_t rows_padded(int64_t d) { return (d + LANES - 1) / LANES * LANES; }

/* How parameters lie. Up to NARROW outputs: a block an output, its d coefficients, zeros, and its intercept at [ld - LANES].
 * More: a block for every LANES outputs (the last filled up with zeros), feature by feature: d x LANES, then LANES intercepts. */
enum { NARROW = 8 };
typedef struct layout {
    int wide;
    int64_t d, k;
    int64_t blocks, ld, size;      /* size = blocks x ld */
    int64_t penalized, intercepts; /* of a block: values from its start, values from [ld - LANES] */
} layout;

static inline layout layout_as(int wide, int64_t d, int64_t k)
{
    layout l = {.wide = wide, .d = d, .k = k};
    l.blocks = l.wide ? (k + LANES - 1) / LANES : k;
    l.ld = l.wide ? (d + 1) * LANES : rows_padded(d) + LANES;
    l.size = l.blocks * l.ld;
    l.penalized = l.wide ? d * LANES : d;
    l.intercepts = l.wide ? LANES : 1;
    return l;
}

static inline layout layout_of(int64_t d, int64_t k) { return layout_as(k > NARROW, d, k); }

/* Where coefficient j of output c stands; j = d: its intercept. */
static inline int64_t layout_at(const layout *l, int64_t j, int64_t c)
{
    if (l->wide) return c / LANES * l->ld + j * LANES + c % LANES;
    return c * l->ld + (j < l->d ? j : l->ld - LANES);
}

/* Sums over the rows of a fold: w x x^T, of which the upper triangle counts, w x, w x y, w, w y and w y^2. */
enum { GRAM_COLUMNS = 32 };
typedef struct gram_sums {
    double x[GRAM_COLUMNS][GRAM_COLUMNS], one[GRAM_COLUMNS], y[GRAM_COLUMNS], weight, weight_y, square_y;
} gram_sums;
typedef struct gram_room {
    uint64_t present; /* bit f: the pass under way has met rows of fold f */
    gram_sums fold[MAX_FOLDS];
} gram_room;

/* Rows z = (x, 1, y - o) of a batch, so many at a time and ordered by their folds, for the products of their columns. */
enum { PACKED_ROWS = 192, PACKED_LEFT = 48 };
typedef struct packed_rows {
    int64_t width;      /* columns of z: d + 2 */
    real *left;         /* w z, in strips of PACKED_LEFT columns, PACKED_ROWS x PACKED_LEFT each */
    real *right;        /* z, in panels of LANES columns, PACKED_ROWS x LANES each */
    int end[MAX_FOLDS]; /* where the rows of each fold end */
} packed_rows;
typedef struct rows_packing {
    packed_rows *to;
    const int *place; /* of the rows that come next, which a pass moves on */
} rows_packing;

/* Products of the columns of (x, 1) lie by bands: band b has rows b BAND .. b BAND + BAND - 1 of the columns from b BAND on,
 * column by column, BAND values each. They are symmetric; what stands to the left of a band is found in the bands above. */
enum { BAND = 12 };
static inline int64_t band_count(int64_t side) { return (side + BAND - 1) / BAND; }
static inline int64_t band_start(int64_t bands, int64_t b) { return (b * bands - b * (b - 1) / 2) * BAND * BAND; }

/* Rows `first` .. end - 1 of the gradients of LANES models, from the products of a batch; `first` is a multiple of BAND. */
typedef struct products_part {
    const real *x, *y; /* of (x, 1) with itself, and with y - o: up to a multiple of BAND, zeros behind the columns */
    int64_t side;      /* d + 1 */
    int64_t first, end;
    const real *theta; /* side x LANES */
    real derivative;   /* of the loss, at p - y = 1 */
    real *gradient;    /* side x LANES: set, in these rows */
    double *square;    /* LANES: set to these rows' part of the mean of w (p - y)^2, less that of w (y - o)^2 */
} products_part;

/* Outputs that are models of their own (backend.h), in blocks of LANES whatever their number. Arrays of one value an output, the
 * last block's filled up. */
typedef struct rows_models {
    const int *target_of;     /* NULL: the target of its own number */
    int shared;               /* 1: all learn the first one's target */
    const double *number;     /* of their losses; NULL: the task's loss has it */
    const real *class_weight; /* 2 x width: factors on the weights of rows whose target is up to 0, and above; NULL: 1 */
    const real *counts;       /* MAX_FOLDS x width, 0: the fold's rows do not count for the output; NULL: all rows count */
    int64_t width;            /* outputs, with what fills up the last block */
    const uint8_t *alive;     /* a block of none is left out; NULL: all */
    int64_t by_fold;          /* losses are by fold, each so many values behind the one before, and all rows count; 0: they are by
                                 output alone */
    /* For steps from products of columns (gram.h): */
    gram_room *gram;       /* one each thread; NULL: gradients are of rows */
    int masks;             /* sets of folds whose rows an output does not count: */
    const uint64_t *mask;  /* each once, */
    const int *by_mask;    /* outputs ordered by it, */
    const int *mask_end;   /* and where the outputs of each end */
    rows_packing *packing; /* rows are copied there, and nothing else is done with them; NULL: they are not */
} rows_models;

/* Whether a block of outputs, the first of which is c, has one that is wanted. */
static inline int models_live(const rows_models *m, int64_t c)
{
    int live = !m->alive;
    for (int l = 0; m->alive && l < LANES; l++) live |= m->alive[c + l];
    return live;
}

/* A step of `count` parameters, a multiple of LANES, of a block of outputs that are models of their own; all penalized or none.
 * Arrays of parameters begin at the first of these, those of LANES values with the block's first output. */
typedef struct models_step {
    struct update_rule rule;
    struct update_step now, next;
    int penalized;
    int64_t count;
    real *theta, *slot[3], *average, *point; /* updated; those that the rule does not keep are not read */
    const real *gradient, *rate_factor;
    const real *limit[LIMITS]; /* factors on l1 and l2, lower and upper bounds; NULL all: 1 and none */
    const uint8_t *alive;      /* LANES: 0: keeps its values */
    const real *momentum;      /* LANES: factors on the step's */
    const double *share;       /* LANES: of the rows, by which the gradient is divided */
} models_step;

/* The gradient of `count` parameters, a multiple of LANES: the sum of `chunks` chunks' sums, `stride` values apart, divided by
 * the rows. */
typedef struct chunk_sums {
    const real *partial;
    int64_t chunks, stride, count, rows;
    real *gradient; /* set */
} chunk_sums;

/* Parameters of sparse columns whose updates are lazy, at most LAZY_TILE, none of them an intercept's. Arrays have `count`
 * values; those that the rule does not keep are not read. */
enum { LAZY_TILE = 128 };
typedef struct lazy_tile {
    const struct update_rule *rule; /* of sgd, adagrad or ftrl */
    const struct update_step *now;  /* of a step alone */
    int64_t count;
    real *theta, *slot[3], *average; /* updated */
    const real *gradient;            /* of a step alone */
    const real *limit[4];            /* factors on l1 and l2, lower and upper bounds; NULL all: 1 and none */
    /* Of catching up alone: what the steps since the last one would have done to each. */
    const real *shrink, *missed, *keep; /* as missed_steps has them */
    real steps;
} lazy_tile;

/* Rows that stay as the caller has them, x with its columns next to each other; a pass transforms each one that it takes. */
typedef struct rows_source {
    examples of;
    standardizing how;
    const double *mean, *inverse; /* d each, of what is standardized */
    const float *in_float;        /* likewise in float: means and inverses, rows_padded(d) each; else NULL */
    const double *shift;          /* of the targets; NULL: none */
    double weight_mean;
    int rounds; /* 1: x' is one of bf16's values */
    int stays;  /* 1: x' is x, of the type and with the strides that a pass needs */
    char *room; /* rows_taken_bytes() for each thread, `each` bytes apart, aligned to 64: rows on which a pass works */
    size_t each;
} rows_source;

/* That of the thread that runs a pass. */
static inline void *source_room(const rows_source *s) { return s->room + (size_t)pool_thread() * s->each; }

static inline real source_target(const rows_source *s, int64_t i, int64_t c)
{
    return (real)(matrix_at(&s->of.y, examples_row(&s->of, i), c) - (s->shift ? s->shift[c] : 0));
}
static inline real source_weight(const rows_source *s, int64_t i)
{
    return (real)(weight_at(&s->of, examples_row(&s->of, i)) / s->weight_mean);
}
static inline real source_offset(const rows_source *s, int64_t i) { return (real)offset_at(&s->of, examples_row(&s->of, i)); }

/* The most rows that are worked on together: what half of the first-level cache holds; many outputs are worth reading it from
 * the second. They decide about bits: the losses of several outputs are added up by groups, and derivatives of an intercept by
 * INTERCEPT_ROWS rows, or by groups where these are fewer. `apart`: outputs are models of their own. A formula takes fewer
 * instructions for more rows at a time; for other losses smaller groups are faster when rows come from memory. */
enum { GROUP = 72, WIDE_GROUP = 48, NARROW_GROUP = 64, INTERCEPT_ROWS = 32, GROUP_BYTES = 16384 };
static inline int rows_of_group(const layout *l, int apart, int is_formula)
{
    int64_t rows = GROUP_BYTES / (l->d * (int64_t)sizeof(real)) / 4 * 4;
    if (l->wide) return apart ? GROUP : WIDE_GROUP;
    if (rows >= INTERCEPT_ROWS) return is_formula && l->k == 1 && rows >= NARROW_GROUP ? NARROW_GROUP : INTERCEPT_ROWS;
    return rows < 4 ? 4 : (int)rows;
}

/* What a pass over rows of a source needs for each thread: a group's targets, and its x. */
static inline int64_t rows_taken_targets(int64_t m) { return (GROUP * m + LANES - 1) / LANES * LANES; }
static inline size_t rows_taken_bytes(const layout *l, int64_t m)
{
    return sizeof(real) * (size_t)(rows_taken_targets(m) + rows_of_group(l, 1, 1) * rows_padded(l->d));
}

/* What a pass over rows works on: bound examples, parameters, and the sums it adds to.
 *
 * Loops run over a multiple of LANES columns: behind a row's d values stand the next row's, which meet zeros of theta. Behind the
 * last rows there may be nothing, so those are read from a copy with zeros behind it. */
typedef struct rows_task {
    cusgd_storage storage;     /* what x and tail are of: real, or bf16 */
    const void *x;             /* n x d */
    const real *y, *w, *o;     /* n x m; n, or NULL, both */
    const rows_source *source; /* in the place of x, y, w, o, in gradient() alone; NULL: they are there */
    const void *tail;          /* rows from tail_first on, copied; NULL where tail_first is n */
    int64_t tail_first;
    int64_t d, m, k; /* m: targets; k: outputs, as many unless they are models of their own, or y is a class (`classed`): then 1
                        and one for each class */
    int classed;     /* not of models */
    loss_rule loss;
    const real *theta;
    real *gradient;            /* added to; NULL: only the loss is wanted */
    layout layout;             /* of both */
    real *scratch;             /* softmax_scratch(k) values, one thread's; NULL: softmax of many outputs is not asked for */
    const rows_models *models; /* NULL: all outputs are one model */
    const uint8_t *fold;       /* n: the rows' folds; NULL: all 0. Only models look at it */
    double *losses;            /* of models: added to, instead of what the functions return */
} rows_task;

/* Steps of one row each, of one output and by a rule without slots. The gradient is taken at theta. */
typedef struct row_steps {
    const rows_task *task; /* of bound rows; its parameters are not used */
    struct update_rule rule;
    const step_numbers *numbers; /* count */
    const int64_t *rows;         /* count: of each step, known to the last one: later ones are fetched meanwhile */
    int64_t count;
    real *theta, *average; /* updated; average: NULL where the rule keeps none */
    const real *rate_factor;
    real clip; /* the gradient's values are brought into [-clip, clip]; 0: they stay */
    int intercept;
    double loss; /* added to, step by step */
} row_steps;

/* Softmax needs all predictions of a row at once. Rows that are worked on together, of more than NARROW outputs (a multiple of
 * TALL, wide.h); and the room for their predictions. */
static inline int softmax_rows(int64_t k) { return k <= 4096 ? 48 : 12; }
static inline int64_t softmax_scratch(int64_t k) { return k > NARROW ? (k + LANES - 1) / LANES * LANES * softmax_rows(k) : 0; }

/* Rows first .. first + count - 1; or those listed. And what the same thread will be asked for after them, as far as it is known:
 * it is fetched meanwhile. */
typedef struct rows_range {
    int64_t first, count, next, next_count;
} rows_range;
typedef struct rows_list {
    const int64_t *rows, *next;
    int64_t count, next_count;
} rows_list;

typedef struct panel_row {
    int64_t left, from, end;
} panel_row;

enum { LOSS_ROWS = 64 };

typedef struct rows_functions {
    /* Adds the rows. Returns the sum of w l over rows and outputs. */
    double (*gradient)(const rows_task *t, rows_range range);
    double (*gradient_listed)(const rows_task *t, const rows_list *list);
    /* p of rows first .. first + count - 1: out count x k. */
    void (*predict)(const rows_task *t, int64_t first, int64_t count, double *out);
    /* x' of rows first .. first + count - 1 of a source: out count x d, of `stored`. */
    void (*take)(const rows_source *s, int64_t first, int64_t count, void *out);
    /* Adds rows first .. first + count - 1 to panels `from` (or left, where that is more) .. end - 1 of X^T diag(s) X's row of
     * panels `left`, in double: with z = (x, 1), sums[right - left][a][b] += sum s z[left PANEL + a] z[right PANEL + b] where the
     * second column is not before the first; other values are not to be read. s: count. */
    void (*products)(const rows_task *t, const double *s, int64_t first, int64_t count, panel_row of,
                     double (*sums)[PANEL][PANEL]);
    /* The rows at positions first .. first + count - 1 of the epoch (sampler_row). table: SAMPLING_SPAN values, which
     * order_table() has filled for the sampler; needed by `blocks` alone. */
    void (*order)(const sampler *s, const int64_t *table, int64_t first, int64_t count, int64_t *rows);
    void (*order_table)(const sampler *s, int64_t *table);
    /* NULL in those of bf16: */
    /* w l and w dl/dp of so many predictions, at most LOSS_ROWS; w: NULL: all 1. value, derivative: room for a multiple of four.
     */
    void (*losses)(loss_rule rule, int count, const real *p, const real *y, const real *w, real *value, real *derivative);
    void (*update_models)(const models_step *s);
    void (*catch_up)(const lazy_tile *t);
    void (*step_lazily)(const lazy_tile *t);
    void (*mean_gradient)(const chunk_sums *s);
    /* Returns how many steps were taken: fewer than `count` where the next one's loss is not finite. */
    int64_t (*steps)(row_steps *s);
    /* Adds the products of a strip's and a panel's columns to sums, PACKED_LEFT x LANES for each fold, `stride` values apart. */
    void (*add_products)(const packed_rows *rows, int64_t strip, int64_t panel, int64_t stride, double *sums);
    void (*products_gradient)(const products_part *p);
} rows_functions;

/* Those of the best instruction set that this machine has, or of the one that the environment's CUSGD_ISA names (baseline, avx2,
 * avx512); *name is set to it. */
const rows_functions *NAMED(rows_select)(const char **name);
const rows_functions *rows_select_bf16(const char **name);

#endif
