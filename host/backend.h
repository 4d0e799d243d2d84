/* The device interface: what a device must be able to do, at the level of minibatch steps.
 * Everything above it (epochs, stopping, files, the command) is written once; everything below it may be as fast as the device
 * allows.
 *
 * Letters: n rows, d columns, k outputs; B the rows of a batch. theta is (d+1) x k row-major, the intercepts its last row, in the
 * coordinates of the bound data. A backend works in one precision, `real`; numbers cross the device interface in double.
 *
 * Equal calls give equal bits, whatever the number of threads or the scheduling: a batch is cut into chunks of a fixed number of
 * rows, chosen from (B, d, k) alone, and their sums are added in order. */
#ifndef CUSGD_HOST_BACKEND_H
#define CUSGD_HOST_BACKEND_H

#include "data.h"
#include "scalar/kinds.h"
#include "scalar/loss_rule.h"
#include "scalar/optimizers.h"
#include "scalar/sampling.h"
#include "scalar/schedule.h"
#include "scalar/standardize.h"
#include "world.h"

/* What happens to examples when they are bound: x' = (x - mean) (1 / scale), y' = y - shift, w' = w / weight_mean, o' = o, each
 * in double and then rounded: x' to bf16 (scalar/bf16.h) where that is its storage, in double too, so that all backends have the
 * same rows; all else is of the backend's precision. Floats may be standardized in float (scalar/standardize.h). */
typedef struct transform {
    const double *mean, *scale; /* d each, scale > 0; NULL both: x' = x */
    const double *shift;        /* k; NULL: y' = y */
    double weight_mean;         /* > 0 */
    cusgd_storage storage;      /* of x' */
    int in_float;               /* 1: so are those that become floats; see standardizes() */
} transform;

/* How dense x of that type is standardized. */
static inline standardizing standardizes(const transform *t, cusgd_type type, cusgd_precision precision)
{
    if (!t->mean) return STANDARDIZE_NOT;
    return t->in_float && type == CUSGD_TYPE_FLOAT32 && precision == CUSGD_PRECISION_FLOAT && t->storage == CUSGD_STORAGE_FULL
               ? STANDARDIZE_IN_FLOAT
               : STANDARDIZE_IN_DOUBLE;
}

/* Examples that a backend has within reach. */
typedef struct dataset dataset;

/* What a parameter may have of its own: factors on l1 and l2, and bounds. Intercepts have none. */
enum { LIMIT_L1, LIMIT_L2, LIMIT_LOWER, LIMIT_UPPER, LIMIT_COUNT };

/* Outputs that are models of their own and share nothing but the rows: each takes the steps that it would take alone, and one
 * whose loss is not finite ends alone. Arrays of one value an output. */
typedef struct models {
    const int *target_of;       /* the bound target that it learns; NULL: the one of its own number */
    const double *momentum;     /* factors on the steps' momentum; NULL: 1 */
    const uint64_t *held_out;   /* bit f: rows of fold f do not count for it; NULL: all rows count */
    const double *share;        /* > 0: the share of the rows' weight that counts for it, which divides its gradients; NULL: 1 */
    const double *number;       /* its loss's number, in the place of the loss rule's; NULL: that */
    const double *class_weight; /* 2 values an output, those for targets up to 0 first: factors on the rows' weights; NULL: 1 */
    int folds;                  /* of the rows; 0: 1 */
    double products_bytes;      /* bytes that may be kept of what is the same in all epochs (models_ops.batch_room) */
} models;

/* The numbers of an update that are the same in every step: update.h's update_rule. */
typedef struct update_constants {
    double beta1, beta2, rho, epsilon;
    double l1, l2;
    double decay;
} update_constants;

/* The most that the gradient's norm, and each of its values, may be; 0: anything. */
typedef struct gradient_clip {
    double norm, value;
} gradient_clip;

/* A run, fixed before its first step. */
typedef struct run_spec {
    loss_rule loss;
    int optimizer; /* cusgd_optimizer, not AUTO; or one of update.h's own */
    int64_t d, k;
    int64_t batch; /* the largest batch's rows */
    int sparse;    /* 1: the examples are sparse */
    int lazy;      /* 1: sgd, adagrad and ftrl update a column when a batch has it; penalties and averages catch up then */
    int shards;    /* the shares of every slice; 0: 1 */
    world *world;  /* between whose ranks they are divided; NULL: this process has all */
    int intercept; /* 0: the last row of theta stays as it is */
    int average;   /* keep PART_AVERAGE */
    update_constants constants;
    gradient_clip clip;
    int64_t repeats;                  /* of models: in how many epochs each batch has the same rows; 0: batches change */
    const double *rate_factor;        /* (d+1) x k: each parameter's share of the rate; NULL: 1. Copied by start() */
    const double *limit[LIMIT_COUNT]; /* (d+1) x k each, all or none. Copied likewise */
    const models *models;             /* NULL: all outputs are one model. Copied by start() */
    cusgd_storage storage;            /* of the examples whose steps are taken */
    int tf32;                         /* 1: a GPU's products of floats may round their factors to 10 bits, in steps alone */
    cusgd_engine engine;              /* how a GPU computes steps. The CPU has one way */
} run_spec;

/* A shard's part of every batch. */
typedef struct batch_share {
    const dataset *examples; /* the shard */
    const sampler *order;    /* its rows' order in the epoch */
} batch_share;

/* Consecutive steps of one epoch: batches first .. first + count - 1 of it. A step's gradient is the sum over its shares, divided
 * by the rows of the whole batch (sampler_rows). One share's sum is kept in double; several are each rounded to `real`, and
 * added in it by the tree of scalar/shards.h, losses in double. */
typedef struct slice {
    const batch_share *shares; /* as many as the run spec has shards, in the shards' order. Without examples: another rank's */
    int64_t first, count;
    const step_numbers *numbers; /* count; the backend copies them */
} slice;

/* What came of the steps since the last report. */
typedef struct steps_report {
    double loss;  /* sum over rows and outputs of (w/w_mean) l, each at its step's gradient point */
    int64_t rows; /* visited */
    int64_t done; /* steps that updated theta */
    int failed;   /* 1: the step after them had a loss that is not finite; it and all later ones left everything as it was.
                     Of models: no output is left that takes steps */
    const double *losses; /* of models, k: each output's part of `loss`. Both are the backend's, until the next call */
    const uint8_t
        *ended;       /* of models, k: 1: a loss was not finite. The output has stayed as it was before that step, and stays */
    const char *note; /* what the user should know of how the steps ran, once in the life of a backend, whose it is; or NULL */
} steps_report;

/* The parameters' state lies on the device, in snapshots that can be copied there. */
enum snapshot { SNAPSHOT_CURRENT, SNAPSHOT_EPOCH, SNAPSHOT_BEST, SNAPSHOTS };
enum state_part { STATE_THETA, STATE_AVERAGE, STATE_SLOT1, STATE_SLOT2, STATE_SLOT3, STATE_PARTS };

/* Whether a run has this part of the state. */
static inline int spec_keeps(const run_spec *p, enum state_part part)
{
    if (part == STATE_AVERAGE) return p->average;
    return part == STATE_THETA || (int)(part - STATE_SLOT1) < optimizer_slots(p->optimizer);
}

/* Sums over a bound set of examples, with x scaled by s, z_i = (s x_i, 1) and q_i = |z_i|^2: what a safe rate is made of. */
typedef struct curvature {
    double *fourth; /* d: sum w^2 q z_j^2 */
    double *second; /* d: sum w z_j^2 */
    double q2, q1;  /* sum w^2 q^2, sum w q */
} curvature;

/* The memory of a device that has one of its own; NULL of the host. */
typedef struct memory_ops {
    /* *device: the number of the GPU in whose memory `at` lies, or -1. */
    cusgd_status (*locate)(void *self, const void *at, int *device);
    /* A matrix of n x cols that lies there, row-major and of its own type, in the host's memory. */
    cusgd_status (*fetch)(void *self, const memory_place *place, const cusgd_matrix *m, int64_t n, int64_t cols, void *to);
} memory_ops;

/* The parameters' state: (d+1) x k values of each part of a snapshot. */
typedef struct state_ops {
    cusgd_status (*put)(void *self, enum snapshot a, enum state_part p, const double *values);
    cusgd_status (*get)(void *self, enum snapshot a, enum state_part p, double *values);
    /* The same in `real`: *at is where the values lie, which is the backend's own memory, until anything else is asked of it, or
     * `room`, which has a place for all of them; NULL: the run spec does not keep this part. */
    cusgd_status (*read)(void *self, enum snapshot a, enum state_part p, void *room, const void **at);
    cusgd_status (*copy)(void *self, enum snapshot to, enum snapshot from);
    /* After a report of a step that failed, which other processes do not know of yet: the next slice leaves everything as it was,
     * and its exchanges take place. NULL where wait() is. */
    cusgd_status (*stay_failed)(void *self);
} state_ops;

/* What the tools ask of a device besides training. */
typedef struct tool_ops {
    /* Rows first .. first + count - 1 of the synthetic problem: x count x d, y count x k, in `real`, in host memory. truth:
     * (d+1) x k. */
    cusgd_status (*generate)(void *self, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                             void *y);
    /* Bytes per second at which freshly written memory of that size (at least 1; rounded up a little) is read: the median of some
     * passes, each checked to have read it. */
    cusgd_status (*read_bandwidth)(void *self, int64_t bytes, double *bytes_per_second);
} tool_ops;

/* What runs of models have of their own. */
typedef struct models_ops {
    /* The bits of a model depend on its place in its group: models 0 .. group - 1 are one, the next `group` are the next one, and
     * so on. 0: they do not depend on its place. */
    int group;
    /* Bytes of the device's memory that each model of a run of models takes, with passes over `folds` folds; and how many of
     * its memory a run may be planned with. */
    cusgd_status (*room)(void *self, const run_spec *p, int folds, double *each, double *there);
    /* Bytes of each batch that such a run can keep from epoch to epoch (models.products_bytes) rather than compute them anew,
     * with the same bits; 0: none. NULL: likewise. */
    double (*batch_room)(void *self, const run_spec *p, int folds);
    /* Of a run of models: the outputs that are marked (k values) take no further step. They keep their state, and no bit of the
     * others changes. */
    cusgd_status (*retire)(void *self, const uint8_t *gone);
    /* Sums of w l over the rows of each fold, for each of `outputs` models at theta, (d+1) x outputs: sums folds x outputs, with
     * as many folds as the bound examples have. Of `m` the targets, the losses' numbers and the weights of classes count alone.
     */
    cusgd_status (*fold_losses)(void *self, const dataset *b, loss_rule loss, int64_t outputs, const models *m,
                                const double *theta, double *sums);
} models_ops;

/* Rows that pass through a device with memory of its own while it takes steps: a set of `rows` rows, some of which stay, and two
 * halves, in turn the one that steps are taken on and the one that the next rows are brought to. What is done to one half is
 * ordered with the steps by the device: nothing here waits for it but await(). */
typedef struct window_shape {
    int64_t rows;      /* that there must be room for, */
    int64_t page;      /* and pages of so many rows in front of them: */
    int64_t pages;     /* at most so many; in return, as many as the device has memory for. No result depends on it */
    int64_t spare;     /* rows that the device must be able to bind besides */
    int64_t most_sent; /* rows, of one call of load() */
} window_shape;
/* `count` rows, the next ones of those that are moved, which go to row `to` of the set and up. */
typedef struct row_move {
    int64_t from, count, to; /* from: of a move within the set; else the rows behind those of the move before */
} row_move;
typedef struct window_rows {
    examples sent;         /* rows that are transformed on their way, row-major in memory of pin(); of 0 rows: none are sent */
    const row_move *moves; /* of them */
    int64_t move_count;
    const int64_t *list; /* then `count` rows of the set, which are listed here, in memory of pin(), are copied within it: */
    int64_t count;
    const row_move *parts; /* the next ones of the list to row `to` and up */
    int64_t part_count;
} window_rows;
typedef struct windows_ops {
    /* Memory of the host that the device copies from while the host goes on. NULL, as all of this: the device has no memory of
     * its own. unpin() accepts NULL. */
    cusgd_status (*pin)(void *self, size_t bytes, const char *what, void **at);
    void (*unpin)(void *self, void *at);
    /* For rows like e's, which must have the same types and columns. The set's rows are undefined; unbind() frees it. */
    cusgd_status (*open)(void *self, const examples *e, const transform *t, window_shape *shape, dataset **out);
    /* Rows for a half; rows that stay may be among them. What is sent and the list stay as they are until await(). */
    cusgd_status (*load)(void *self, dataset *b, int half, const window_rows *rows);
    /* Steps that are given from now on use this half, and the other one may be loaded when those that were given are done; before
     * them, rows of the other half are moved here, by `count` moves. */
    cusgd_status (*use)(void *self, dataset *b, int half, const row_move *left, int64_t count);
    /* Until what was sent for the half has been read. */
    cusgd_status (*await)(void *self, const dataset *b, int half);
    /* Rows first .. first + count - 1 of the set, which await() has seen come, as a set of their own; it shares their memory, and
     * unbind() leaves that. */
    cusgd_status (*part)(void *self, const dataset *b, int64_t first, int64_t count, dataset **out);
} windows_ops;

/* Passes over sets whose rows are bound piece by piece, in order, because there is no room for all of them at once. They give the
 * bits of a pass over all rows, as a piece ends where the device's own sums do. */
typedef struct piece_of {
    int64_t first, n; /* its first row; the rows of the whole set */
} piece_of;
enum full_pass { PASS_OBJECTIVE, PASS_CURVATURE, PASS_HESSIAN };
typedef struct pieces_ops {
    /* Host examples, dense ones whose columns are next to each other, that stay where they are, as long as the caller keeps them;
     * each row is transformed when it is taken. For steps, for rows() and for the two passes below alone. NULL: the device needs
     * a copy. *b as below. */
    cusgd_status (*bind_in_place)(void *self, const examples *e, const transform *t, dataset **b);
    /* As bind(), in the place of *b, whose memory may be used again; *b may be NULL. On failure it is what unbind() takes. */
    cusgd_status (*bind_again)(void *self, const examples *e, const transform *t, dataset **b);
    /* Of a set of n rows, d columns and k outputs: behind which row a piece may end that begins at row `first` and has `room`
     * rows at most; `first` where that is too few. */
    int64_t (*end)(void *self, enum full_pass pass, int64_t n, int64_t d, int64_t k, int64_t first, int64_t room);
    /* As objective() and curvature(). What is returned holds sums, with which the next piece goes on, and behind the last piece
     * the result. Between two pieces nothing is asked of the backend but to bind, and to unbind. */
    cusgd_status (*objective)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *value,
                              double *gradient);
    cusgd_status (*curvature)(void *self, const dataset *b, piece_of at, const double *scale, curvature *out);
    /* As hessian(), which is set behind the last piece alone: the backend keeps the sums until then, or until the next first one.
     */
    cusgd_status (*hessian)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *hessian);
    /* A piece of columns, of all rows at once: what hessian() of the whole set gives for the columns from `from` on and for the
     * intercept, for whoever has the others at this theta: of these some may be set too. NULL: the device saves nothing by it. */
    cusgd_status (*hessian_from)(void *self, const dataset *b, loss_rule loss, const double *theta, int64_t from,
                                 double *hessian);
    windows_ops windows;
} pieces_ops;

typedef struct backend_ops {
    void (*close)(void *self);

    /* Brings examples within reach, standardized; x, y, w, o may be used in place as long as the caller keeps them. x may lie in
     * the device's own memory, here and for moments(); USAGE where it lies in another's. */
    cusgd_status (*bind)(void *self, const examples *e, const transform *t, dataset **out);
    void (*unbind)(void *self, dataset *b); /* accepts NULL */

    /* Weighted mean and variance of x's columns (d each), mean of y's (k), and the sum of the weights, of unbound examples; each
     * is accumulated by merging chunks in double (Chan, Golub, LeVeque 1983). A column of one value c has mean c and variance 0,
     * exactly, whatever its rows of weight 0 hold. */
    cusgd_status (*moments)(void *self, const examples *e, double *mean, double *variance, double *target_mean, double *weight);
    /* Of bound ones; scale: d, or NULL for 1. */
    cusgd_status (*curvature)(void *self, const dataset *b, const double *scale, curvature *out);
    /* Rows as they were bound: x m x d, w m. */
    cusgd_status (*rows)(void *self, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w);

    memory_ops memory;

    /* Fails where this device does not take a run spec, with a message that says why and what to do: USAGE, or DEVICE for a shape
     * that it cannot hold. Nothing is changed. It may be asked before the run spec is complete: a batch of 0 rows, and a
     * rate_factor or limits that are NULL, are not known yet. */
    cusgd_status (*refuses)(void *self, const run_spec *p);
    /* Takes a run spec, unless the device refuses it, and sets the state of all snapshots to zero. */
    cusgd_status (*start)(void *self, const run_spec *p);
    state_ops state;

    /* Runs steps on SNAPSHOT_CURRENT; may return before they are done. wait() waits for all but the latest slice, so that the
     * next one can be made ready meanwhile; *failed: 1 if one of those slices had a step that failed, which the next report
     * states exactly. NULL where steps() returns when they are done. report() waits for all that were given. */
    cusgd_status (*steps)(void *self, const slice *s);
    cusgd_status (*wait)(void *self, int *failed);
    cusgd_status (*report)(void *self, steps_report *out);
    /* Between a report and the next slice: the sum of losses in the next report begins at `loss`, to which the steps' own are
     * added one by one, and not at 0. */
    cusgd_status (*add_loss)(void *self, double loss);

    models_ops models;
    pieces_ops pieces;

    /* The mean loss (sum over outputs, weighted) at theta (host memory), without penalties; gradient, (d+1) x k, may be NULL. */
    cusgd_status (*objective)(void *self, const dataset *b, loss_rule loss, const double *theta, double *value, double *gradient);
    /* That loss's second derivatives, (1/n) sum w l'' z z' with z = (x, 1): blocks of (d+1) x (d+1), one an output; of quadratic
     * losses one alone, which serves all outputs, and theta may be NULL. */
    cusgd_status (*hessian)(void *self, const dataset *b, loss_rule loss, const double *theta, double *hessian);
    /* p = x theta + b + o, where there are offsets; all of the above take the same p. out: n x k. */
    cusgd_status (*predict)(void *self, const dataset *b, const double *theta, double *out);

    tool_ops tools;
} backend_ops;

typedef struct backend {
    const backend_ops *ops;
    void *self;
    world *world;   /* between whose ranks a set's shards are divided, which all call alike; NULL: there is one process */
    int is_host;    /* 1: the CPU, whose steps take longer: shorter slices keep an interruption from waiting */
    char name[128]; /* of the device, for people */
} backend;

/* cpu/: threads 0: as many as help. */
cusgd_status cpu_backend_open(cusgd_precision precision, int threads, backend *out);
int cpu_threads(void); /* the most that it starts on its own */
/* The moments of sparse examples, which host memory holds whatever the device (cpu/sparse_moments.c). */
cusgd_status sparse_moments(const examples *e, double *mean, double *variance, double *target_mean, double *weight);
/* *count: the GPUs that this process can use; 0 without a module for them (device.c). DEVICE where they cannot be counted. */
cusgd_status backend_gpus(int *count);
/* device.c: by the word of --device. */
cusgd_status backend_open(const char *device, cusgd_precision precision, int threads, backend *out);

#endif
