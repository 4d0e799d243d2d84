/* The device interface: the operations that a device offers to training, at the level of minibatch steps. The code above it
 * (epochs, stopping rules, files, the command) exists once for all devices; the code below it is optimized for each device.
 *
 * Letters: n is the number of rows, d of columns, k of outputs, B of the rows of a batch. theta is (d+1) x k, row-major; its last
 * row holds the intercepts. It is in the coordinates of the device dataset (see `transform`). A backend computes in one
 * precision, which is called `real`; numbers cross the device interface in double.
 *
 * Equal calls give equal bits, whatever the number of threads or their scheduling: a batch is divided into chunks of a fixed
 * number of rows, which depends on (B, d, k) alone, and the sums of the chunks are added in order. */
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

/* The transformation of examples when they are uploaded: x' = (x - mean) (1 / scale), y' = y - shift, w' = w / weight_mean, o' =
 * o. Each is computed in double and then rounded to the precision of the backend. With bf16 storage, x' is rounded from double to
 * bf16 directly (scalar/bf16.h), so that all backends have the same rows. Values that a float holds may be standardized
 * in float (standardizes() below). */
typedef struct transform {
    const double *mean, *scale; /* d each, scale > 0; NULL both: x' = x */
    const double *shift;        /* k; NULL: y' = y */
    double weight_mean;         /* > 0 */
    cusgd_storage storage;      /* of x' */
    int in_float;               /* 1: floats hold the means; see standardizes() */
} transform;

/* Returns how dense x is standardized. */
static inline standardizing standardizes(const transform *t, cusgd_precision precision)
{
    if (!t->mean) return STANDARDIZE_NOT;
    return t->in_float && precision == CUSGD_PRECISION_FLOAT && t->storage == CUSGD_STORAGE_FULL ? STANDARDIZE_IN_FLOAT
                                                                                                 : STANDARDIZE_IN_DOUBLE;
}

/* A device dataset: examples that a backend can compute on. */
typedef struct dataset dataset;

/* The arrays in which parameters may differ: factors on l1 and l2, and bounds. Intercepts have neither penalties nor bounds. */
enum { LIMIT_L1, LIMIT_L2, LIMIT_LOWER, LIMIT_UPPER, LIMIT_COUNT };

/* Outputs that are independent models of the same rows. Each takes the steps that it would take if it were trained alone, and
 * ends by itself if its loss is not finite. The arrays have one value per output unless their comments say otherwise. */
typedef struct models {
    const int *target_of;       /* the number of the target that the output learns; NULL: its own number */
    const double *momentum;     /* factor on the momentum of each step; NULL: 1 */
    const uint64_t *held_out;   /* bit f set: rows of fold f are held out from the output; NULL: it uses all rows */
    const double *share;        /* > 0: the output's share of the total weight, which divides its gradients; NULL: 1 */
    const double *number;       /* parameter of the loss, instead of that of the loss rule; NULL: the loss rule's */
    const double *class_weight; /* 2 per output: factors on the weights of rows with targets <= 0 and > 0; NULL: 1 */
    int folds;                  /* number of folds of the rows; 0 means 1 */
    double products_bytes;      /* memory for products that are the same in all epochs (models_ops.batch_room) */
} models;

/* The numbers of an update that do not change from step to step; see update_rule in scalar/update.h. */
typedef struct update_constants {
    double beta1, beta2, rho, epsilon;
    double l1, l2;
    double decay;
} update_constants;

/* Upper limits on the norm of a gradient and on the absolute value of each of its elements; 0: no limit. */
typedef struct gradient_clip {
    double norm, value;
} gradient_clip;

/* A run spec: what is fixed before the first step of a run. */
typedef struct run_spec {
    loss_rule loss;
    int optimizer; /* a cusgd_optimizer except AUTO, or an internal one of scalar/update.h */
    int64_t d, k;
    int64_t batch; /* number of rows of the largest batch */
    int sparse;    /* 1: the examples are sparse */
    int lazy;      /* 1: sgd, adagrad and ftrl update a column only when it is in the batch, and then apply the penalties and
                    * averaging that it missed */
    int shards;    /* number of shards, and of the shares of every slice; 0 means 1 */
    world *world;  /* the ranks that the shards are divided between; NULL: this process has all of them */
    int intercept; /* 0: steps leave the last row of theta unchanged */
    int average;   /* 1: keep STATE_AVERAGE */
    update_constants constants;
    gradient_clip clip;
    int64_t repeats;                  /* for runs of models: the number of epochs in which each batch has the same rows; 0:
                                       * batches change */
    const double *rate_factor;        /* (d+1) x k, the rate factor of each parameter; NULL: 1. start() copies it */
    const double *limit[LIMIT_COUNT]; /* (d+1) x k each; all are set, or none is. start() copies them */
    const models *models;             /* NULL: all outputs are one model. start() copies it */
    cusgd_storage storage;            /* of the training rows */
    int tf32;                         /* 1: a GPU may round the factors of float products to 10 bits, only in steps */
    cusgd_engine engine;              /* how a GPU computes steps; the CPU ignores it */
} run_spec;

/* The rows of one shard in every batch. */
typedef struct batch_share {
    const dataset *examples; /* the shard */
    const sampler *order;    /* the order of its rows in the epoch */
} batch_share;

/* Consecutive steps of one epoch, which use its batches first .. first + count - 1. The gradient of a step is the sum over the
 * shares, divided by the number of rows of the whole batch (sampler_rows). The sum of a single share is kept in double. The sums
 * of several shares are each rounded to `real` and added in `real` by the tree of scalar/shards.h; their losses are added in
 * double. */
typedef struct slice {
    const batch_share *shares; /* one per shard of the run spec, in order; examples NULL: another rank has the shard */
    int64_t first, count;
    const step_numbers *numbers; /* count; the backend copies them */
} slice;

/* The outcome of the steps since the last report. */
typedef struct steps_report {
    double loss;  /* sum over rows and outputs of (w/w_mean) l, where l is computed at the point of each step's gradient */
    int64_t rows; /* number of rows that were used */
    int64_t done; /* number of steps that updated theta */
    int failed;   /* 1: the loss of the next step was not finite; that step and all later ones changed nothing. For runs of
                   * models: no output can take further steps */
    const double *losses; /* for runs of models: the part of `loss` of each output, k. The backend owns `losses` and `ended` until
                           * the next call */
    const uint8_t *ended; /* for runs of models, k: 1 if a loss of the output was not finite. The output keeps the values from
                           * before that step */
    const char *note;     /* a note for the user on how the steps ran, at most once in the life of a backend, which owns it; or
                           * NULL */
} steps_report;

/* The state of the optimizer is on the device, in snapshots that can be copied to each other there. */
enum snapshot { SNAPSHOT_CURRENT, SNAPSHOT_EPOCH, SNAPSHOT_BEST, SNAPSHOTS };
enum state_part { STATE_THETA, STATE_AVERAGE, STATE_SLOT1, STATE_SLOT2, STATE_SLOT3, STATE_PARTS };

/* Returns whether a run has this component of the state. */
static inline int spec_keeps(const run_spec *p, enum state_part part)
{
    if (part == STATE_AVERAGE) return p->average;
    return part == STATE_THETA || (int)(part - STATE_SLOT1) < optimizer_slots(p->optimizer);
}

/* Sums over a device dataset from which a safe learning rate is computed, where z_i = (s x_i, 1) for the scales s, and q_i =
 * |z_i|^2. */
typedef struct curvature {
    double *fourth; /* d: sum w^2 q z_j^2 */
    double *second; /* d: sum w z_j^2 */
    double q2, q1;  /* sum w^2 q^2, sum w q */
} curvature;

/* Operations on the memory of a device that has its own; NULL for the CPU. */
typedef struct memory_ops {
    /* Sets *device to the number of the GPU in whose memory `at` lies, or to -1. */
    cusgd_status (*locate)(void *self, const void *at, int *device);
    /* Copies a matrix of n x cols from that memory to `to` in the memory of the host, row-major, without converting its type. */
    cusgd_status (*fetch)(void *self, const memory_place *place, const cusgd_matrix *m, int64_t n, int64_t cols, void *to);
} memory_ops;

/* Access to the state of the optimizer. Each component of a snapshot has (d+1) x k values. */
typedef struct state_ops {
    cusgd_status (*put)(void *self, enum snapshot a, enum state_part p, const double *values);
    cusgd_status (*get)(void *self, enum snapshot a, enum state_part p, double *values);
    /* Gets a component in `real`. Sets *at to the values, which are either in the memory of the backend, where they are valid
     * until the next call, or in `room`, which must have space for all of them; *at is NULL if the run does not keep this
     * component. */
    cusgd_status (*read)(void *self, enum snapshot a, enum state_part p, void *room, const void **at);
    cusgd_status (*copy)(void *self, enum snapshot to, enum snapshot from);
    /* To be called after a report of a step that failed, if other processes do not know of the failure yet: the next slice then
     * takes part in their exchanges but changes nothing. NULL if wait() is NULL. */
    cusgd_status (*stay_failed)(void *self);
} state_ops;

/* Operations for tools: synthetic data and measurements. */
typedef struct tool_ops {
    /* Generates rows first .. first + count - 1 of synthetic data: x is count x d, y is count x k, in `real`, in host memory.
     * truth: (d+1) x k, the true parameters. */
    cusgd_status (*generate)(void *self, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                             void *y);
    /* Measures the bytes per second at which the device reads `bytes` (at least 1; slightly rounded up) of memory that was just
     * written: the median of several passes. Each pass is checked to have read everything. */
    cusgd_status (*read_bandwidth)(void *self, int64_t bytes, double *bytes_per_second);
} tool_ops;

/* Operations for runs of models. */
typedef struct models_ops {
    /* Models 0 .. group - 1 form a group, the next `group` models the next one, and so on. The bits of a model depend on its
     * place in its group, and on no other model. 0: they do not depend on the place either. */
    int group;
    /* Sets *each to the bytes of device memory that one model of such a run needs, including passes over `folds` folds, and
     * *there to the bytes that a run may be planned with. */
    cusgd_status (*room)(void *self, const run_spec *p, int folds, double *each, double *there);
    /* Returns the bytes per batch that such a run can keep from epoch to epoch (models.products_bytes) instead of recomputing
     * them, with the same bits; 0: it cannot keep any. NULL means the same as 0. */
    double (*batch_room)(void *self, const run_spec *p, int folds);
    /* Ends the outputs that are marked in `gone`, k values: they keep their state and take no further steps. No bit of the other
     * outputs changes. */
    cusgd_status (*retire)(void *self, const uint8_t *gone);
    /* Computes the sums of w l over the rows of each fold, for each of `outputs` models at theta, (d+1) x outputs. sums: folds x
     * outputs, where folds is the number of folds of the dataset. Only the targets, the loss parameters and the class weights of
     * `m` are used. */
    cusgd_status (*fold_losses)(void *self, const dataset *b, loss_rule loss, int64_t outputs, const models *m,
                                const double *theta, double *sums);
} models_ops;

/* Windows of rows that are copied to a device with its own memory while it takes steps, because there is no room for all rows. A
 * dataset of `rows` rows consists of resident rows and two halves: steps use one half while the next rows are copied to the
 * other. The device orders these copies and the steps; only await() waits for them. */
typedef struct window_shape {
    int64_t rows;      /* number of rows that must fit */
    int64_t page;      /* rows per page of the resident rows, which precede the halves */
    int64_t pages;     /* maximum number of these pages; open() sets the number that fits into memory. Results do not depend on
                        * it */
    int64_t spare;     /* number of rows for which memory must remain after open() */
    int64_t most_sent; /* maximum number of rows that one call of load() sends */
} window_shape;
/* A move of `count` consecutive rows to rows `to` .. of the dataset. */
typedef struct row_move {
    int64_t from, count, to; /* from: the first row, for moves within the dataset. Rows that are sent are taken in order, so that
                              * `from` is ignored */
} row_move;
typedef struct window_rows {
    examples sent;         /* rows to send, row-major in memory of pin(), which are transformed; 0 rows: nothing is sent */
    const row_move *moves; /* the places of the rows that are sent */
    int64_t move_count;
    const int64_t *list; /* the numbers of `count` rows of the dataset, in memory of pin(), which are copied within it after
                          * that */
    int64_t count;
    const row_move *parts; /* the places of the listed rows, which are taken in order */
    int64_t part_count;
} window_rows;
typedef struct windows_ops {
    /* Allocates host memory from which the device copies while the host continues. All functions of windows_ops are NULL if the
     * device has no memory of its own. unpin() accepts NULL. */
    cusgd_status (*pin)(void *self, size_t bytes, const char *what, void **at);
    void (*unpin)(void *self, void *at);
    /* Creates a dataset for windows over rows with the types and columns of `e`. Its rows are undefined. unbind() frees it. */
    cusgd_status (*open)(void *self, const examples *e, const transform *t, window_shape *shape, dataset **out);
    /* Copies rows to a half, and possibly to resident rows. The rows that are sent and the list must not change until await(). */
    cusgd_status (*load)(void *self, dataset *b, int half, const window_rows *rows);
    /* Makes further steps use this half. The other half may be loaded again after the steps that were submitted before. Before
     * the further steps run, `count` moves copy rows of the other half to this one. */
    cusgd_status (*use)(void *self, dataset *b, int half, const row_move *left, int64_t count);
    /* Waits until the rows that were sent to the half have been read. */
    cusgd_status (*await)(void *self, const dataset *b, int half);
    /* Creates a dataset of rows first .. first + count - 1, whose copies await() has waited for. It shares their memory, which
     * unbind() of it does not free. */
    cusgd_status (*part)(void *self, const dataset *b, int64_t first, int64_t count, dataset **out);
} windows_ops;

/* Passes over a dataset that is uploaded window by window, in order, because there is no room for all of it. The results have the
 * bits of a pass over all rows, because windows end where the sums of the device end. */
typedef struct piece_of {
    int64_t first, n; /* the first row of the window; the number of rows of the whole dataset */
} piece_of;
enum full_pass { PASS_OBJECTIVE, PASS_CURVATURE, PASS_HESSIAN };
typedef struct pieces_ops {
    /* Creates a device dataset of dense host examples with adjacent columns without copying them: the caller keeps them, and each
     * row is transformed when it is read. Only steps, rows() and the two passes below take such a dataset. NULL: the device needs
     * a copy. *b is as for bind_again(). */
    cusgd_status (*bind_in_place)(void *self, const examples *e, const transform *t, dataset **b);
    /* As bind(), but replaces the dataset *b (may be NULL), whose memory may be reused. After a failure *b can still be passed to
     * unbind(). */
    cusgd_status (*bind_again)(void *self, const examples *e, const transform *t, dataset **b);
    /* Returns the row before which a window must end that begins at row `first` of n rows, d columns and k outputs and can hold
     * `room` rows. Returns `first` if `room` is too small. */
    int64_t (*end)(void *self, enum full_pass pass, int64_t n, int64_t d, int64_t k, int64_t first, int64_t room);
    /* As objective() and curvature(), for one window. After each window the results hold sums, which must be passed on to the
     * call for the next window, and after the last window the final values. Between two windows the backend may only be asked to
     * upload and free datasets. */
    cusgd_status (*objective)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *value,
                              double *gradient);
    cusgd_status (*curvature)(void *self, const dataset *b, piece_of at, const double *scale, curvature *out);
    /* As hessian(), for one window. The result is set after the last window; until then, or until a new first window, the backend
     * keeps the sums. */
    cusgd_status (*hessian)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *hessian);
    /* Computes hessian() of the whole dataset for the columns from `from` on and for the intercept only, for a caller that has
     * the other columns at this theta. Some of the others may be set too. NULL: the device would save no time. */
    cusgd_status (*hessian_from)(void *self, const dataset *b, loss_rule loss, const double *theta, int64_t from,
                                 double *hessian);
    windows_ops windows;
} pieces_ops;

typedef struct backend_ops {
    void (*close)(void *self);

    /* Uploads examples and transforms them. The arrays x, y, w and o may be used in place for as long as the caller keeps them. x
     * may be in the memory of this device, here and in moments(); fails with USAGE if it is in that of another. */
    cusgd_status (*bind)(void *self, const examples *e, const transform *t, dataset **out);
    void (*unbind)(void *self, dataset *b); /* accepts NULL */

    /* Computes the weighted mean and variance of the columns of x (d each), the mean of y (k) and the sum of the weights of host
     * examples, by merging chunks in double (Chan, Golub, LeVeque 1983). A column of one value c has exactly the mean c and the
     * variance 0, whatever its rows of weight 0 contain. */
    cusgd_status (*moments)(void *self, const examples *e, double *mean, double *variance, double *target_mean, double *weight);
    /* Computes the sums of `curvature` over a device dataset. scale: d values, or NULL for 1. */
    cusgd_status (*curvature)(void *self, const dataset *b, const double *scale, curvature *out);
    /* Gets m rows as the device has them: x is m x d, w has m values. */
    cusgd_status (*rows)(void *self, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w);

    memory_ops memory;

    /* Fails if this device does not support a run spec, with a message that says why and what to do: USAGE, or DEVICE for a shape
     * that it cannot hold. Changes nothing. The run spec may still be incomplete: a batch of 0 rows, and a rate_factor or limits
     * that are NULL, are not known yet. */
    cusgd_status (*refuses)(void *self, const run_spec *p);
    /* Begins a run, unless the device refuses its run spec, and sets the state of all snapshots to zero. */
    cusgd_status (*start)(void *self, const run_spec *p);
    state_ops state;

    /* steps() runs steps on SNAPSHOT_CURRENT and may return before they are complete. wait() waits for all slices except the
     * latest one, so that the caller can prepare the next slice meanwhile; it sets *failed to 1 if a step of these slices failed,
     * which the next report describes exactly. wait is NULL if steps() returns when its steps are complete. report() waits for
     * all steps. */
    cusgd_status (*steps)(void *self, const slice *s);
    cusgd_status (*wait)(void *self, int *failed);
    cusgd_status (*report)(void *self, steps_report *out);
    /* To be called between a report and the next slice: the sum of losses in the next report begins at `loss` instead of 0, and
     * the losses of the steps are added to it one by one. */
    cusgd_status (*add_loss)(void *self, double loss);

    models_ops models;
    pieces_ops pieces;

    /* Computes the mean loss (weighted, summed over the outputs) at theta (host memory), without penalties. gradient, (d+1) x k,
     * may be NULL. */
    cusgd_status (*objective)(void *self, const dataset *b, loss_rule loss, const double *theta, double *value, double *gradient);
    /* Computes the second derivatives of that loss, (1/n) sum w l'' z z' with z = (x, 1): one block of (d+1) x (d+1) per output.
     * For a quadratic loss there is only one block, which is that of all outputs, and theta may be NULL. */
    cusgd_status (*hessian)(void *self, const dataset *b, loss_rule loss, const double *theta, double *hessian);
    /* Predicts p = x theta + b, plus o if there are offsets, as all operations above do. out: n x k. */
    cusgd_status (*predict)(void *self, const dataset *b, const double *theta, double *out);

    tool_ops tools;
} backend_ops;

typedef struct backend {
    const backend_ops *ops;
    void *self;
    world *world;   /* the ranks that the shards are divided between, which all make the same calls; NULL: there is one process */
    int is_host;    /* 1: the CPU. Its steps take longer, so slices must be shorter to keep interruptions prompt */
    char name[128]; /* the name of the device in messages */
} backend;

/* Defined in cpu/. threads 0: the number that is fastest. */
cusgd_status cpu_backend_open(cusgd_precision precision, int threads, backend *out);
int cpu_threads(void); /* the maximum number of threads that it chooses by itself */
/* Computes the moments of sparse examples, which are in host memory for all devices (cpu/sparse_moments.c). */
cusgd_status sparse_moments(const examples *e, double *mean, double *variance, double *target_mean, double *weight);
/* Sets *count to the number of GPUs that this process can use; 0 if there is no module for them (device.c). Fails with DEVICE if
 * they cannot be counted. */
cusgd_status backend_gpus(int *count);
/* Opens the device that the option `device` names (device.c). */
cusgd_status backend_open(const char *device, cusgd_precision precision, int threads, backend *out);

#endif
