/* A problem: examples, a loss and penalties to be minimized, in the coordinates of the device dataset. The methods (sgd/,
 * solvers/) get values, gradients and second derivatives from it; how they find an optimum is not part of it.
 *
 * theta is (d+1) x k, row-major; its last row has the intercepts. Losses and objectives are in the units of the transformed
 * targets. */
#ifndef CUSGD_HOST_PROBLEM_PROBLEM_H
#define CUSGD_HOST_PROBLEM_PROBLEM_H

#include "backend.h"

typedef double real; /* above the device interface everything is in double */
#include "expr/loss.h"
#include "options.h"
#include "scalar/update.h"

/* Rows that are uploaded window by window (stream.h). */
typedef struct stream stream;

/* Training or validation examples. */
typedef struct example_set {
    const cusgd_data *data; /* the data of the caller; NULL: the set has no data of its own */
    examples rows;          /* n is 0 if there are no rows */
    int64_t *index;         /* rows of the data, ascending, if some are left out or held out; NULL: all */
    double *scaled;         /* a copy of the targets in the unit of the problem; NULL if the unit is 1 */
    int shards;             /* number of shards, which consist of consecutive rows (scalar/shards.h) */
    dataset **bounds;       /* one per shard, NULL for shards of other processes; NULL: there are no rows, or a stream copies
                             * them */
    stream *stream;         /* NULL: all rows are uploaded. Otherwise `bounds`, if set, are the rows in the memory of the
                             * caller */
} example_set;

/* Conversion between the units of the data and those of the transformed examples. */
typedef struct units {
    transform transform;
    double *mean, *scale, *shift; /* d, d, k: those of the transform; scale is 1, mean and shift are 0 without standardization */
    double *own_scale;            /* d: scales of the columns before penalties in the units of the data increase them */
    double *rms;                  /* d: sqrt(E x^2) in the units of the data, for messages */
    double target;                /* the unit of the uploaded targets, a power of two (magnitude.c) */
    double loss;                  /* target^2: the factor from losses of the transformed examples to those in the units of the
                                   * data */
} units;

/* Numbers that depend on the training targets only (targets.c). */
typedef struct target_facts {
    double *null;       /* k: the predictions of the intercept-only model, in the coordinates of the transformed targets */
    double *scale;      /* k: the scale of its residuals, for losses of real numbers that are not quadratic; else 1 */
    double steepest;    /* bound on the second derivative of the loss, or a value for choosing rates */
    double lower_bound; /* lower bound of the mean loss, below 0 for log links */
    char note[192];     /* a note on a formula; "": none */
    int minus;          /* 1: classes are -1 and 1 */
} target_facts;

typedef struct problem {
    const cusgd_options *options; /* the options of the trainer */
    const backend *backend;       /* the backend of the trainer; NULL before problem_bind() */
    world *world;                 /* the processes that share the rows; NULL: only this one */
    loss_rule loss;
    int64_t d, m, k; /* m: targets, the columns of y; k: outputs, equal to m or one for each class of the target */
    int intercept;
    double l1, l2;
    double *limit[LIMIT_COUNT]; /* (d+1) x k, as in a run spec; all NULL: factors of 1 and no bounds */
    example_set train, valid;
    units units;
    target_facts targets;
    double null_loss, null_gradient; /* loss and gradient norm of the intercept-only model; NaN: not measured */
    int separated;                   /* 1: no finite optimum exists (separation.c); 0: one exists, or it is unknown; -1: not
                                      * examined */
    char separation[512];            /* a note if it is 1 */
} problem;

/* Return the number of values and of bytes of theta and arrays of its shape. */
static inline int64_t problem_size(const problem *p) { return (p->d + 1) * p->k; }
static inline size_t theta_bytes(const problem *p) { return sizeof(double) * (size_t)problem_size(p); }

/* ---- Making one (problem.c) ---- */

/* Checks whether the options fit the data, without reading its values. Errors: USAGE, DATA. */
cusgd_status problem_check_options(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid);
/* Checks the data and holds out rows. *p must be zeroed; problem_close() frees it, also after a failure. The ranks of a world
 * divide the rows whose features are checked, and all get the same result; NULL: only this process. Errors: USAGE, DATA, MEMORY,
 * INTERRUPTED; DEVICE if the connection to another rank is lost. */
cusgd_status problem_open(problem *p, world *w, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid);
/* Standardizes, examines the targets and uploads the examples to a backend, which must outlive the problem. */
cusgd_status problem_bind(problem *p, const backend *b);
void problem_close(problem *p);
/* Replaces the training rows, with the same transform. The numbers that depend on the targets remain, except for their lower
 * bound. The loss of the intercept-only model is measured again if it was measured. On failure *p is unchanged. Errors: DATA,
 * MEMORY, DEVICE, INTERRUPTED. */
cusgd_status problem_rebind(problem *p, const cusgd_data *train);
/* Returns whether the uploaded examples can be used with other options. If so, problem_reset() adapts the problem after the
 * options have been replaced. */
int problem_binds_alike(const problem *p, const cusgd_options *after);
cusgd_status problem_reset(problem *p);

/* Fails if a file of the data has become shorter, so that recent results may have been computed from zeros. */
cusgd_status problem_check_data(const problem *p);

/* holdout.c. Removes rows of weight 0 from the set. Errors: MEMORY, INTERRUPTED. */
cusgd_status leave_out_weightless(example_set *set);
/* Chooses the rows of training and validation by the seed. Errors: USAGE, MEMORY, INTERRUPTED. */
cusgd_status hold_out(problem *p);
/* magnitude.c. Chooses the unit of the targets, before anything is uploaded. Fails with DATA for targets that the precision
 * cannot represent. */
cusgd_status scale_targets(problem *p);
/* Converts further training rows to that unit. Fails likewise. */
cusgd_status rescale_targets(problem *p);
/* targets.c. Computes target_facts: `null` for losses whose intercept-only model does not follow from the mean, scale, steepest,
 * and the range of the exponentials of optimizer auto. */
cusgd_status study_targets(problem *p);
/* Computes the intercept-only model of a loss of real numbers with another parameter, in the coordinates of the transformed
 * targets, for one output. */
cusgd_status targets_null(const problem *p, double number, double *null);
/* With offsets, computes the argument of loss_best_constant() for the intercept-only model, k values; NaN: it overflows. */
void targets_given_offsets(const problem *p, double *mean);
double targets_lower_bound(const problem *p);

/* classes.c. Replaces the loss by the one that trains the classes of the data: softmax or the given loss. */
void classes_choose(cusgd_options *options, const cusgd_data *train);
/* Returns the number of classes of the target if each class has an output; 0: each target has one output. */
int64_t classes_of(const cusgd_options *options, const cusgd_data *train);
static inline int is_softmax(const problem *p) { return p->loss.kind == CUSGD_LOSS_SOFTMAX; }
/* Computes the share of each class in the weights of the training rows, k values. */
cusgd_status classes_shares(const problem *p, double *share);
/* Replaces such shares by the predictions of the intercept-only model of softmax, whose mean is 0. */
void classes_null(int64_t k, double *share);
/* Holds out the share valid-fraction of the rows of each class, in the order of a permutation of the training rows. held[i]
 * becomes 1 if row i is held out, and *count their number. Errors: MEMORY, INTERRUPTED. */
cusgd_status classes_hold_out(const problem *p, const permutation *order, char *held, int64_t *count);

/* shards.c. Upload the rows of a set shard by shard, with bind() or another function of the device, and free them. */
typedef cusgd_status shard_binding(void *self, const examples *e, const transform *t, dataset **b);
cusgd_status shards_bind(const problem *p, const transform *t, example_set *set);
cusgd_status shards_bind_by(const problem *p, shard_binding *bind, const transform *t, example_set *set);
void shards_unbind(const problem *p, example_set *set);
/* Weighted moments of a set's rows, as backend.h has them: those of the shards, merged by the tree. */
cusgd_status shards_moments(const problem *p, const example_set *set, double *mean, double *variance, double *target_mean,
                            double *weight);
/* A pass over one shard, whose dataset is b, or NULL if a stream copies the rows. It computes `size` values, which are sums over
 * the rows, or means if `means` is 1. */
typedef cusgd_status (*shard_pass)(const void *context, const problem *p, int shard, const dataset *b, double *values);
/* Runs a pass over all shards of a set and adds their values by the tree; means are weighted by the numbers of rows. The values
 * of a single shard are unchanged. */
cusgd_status shards_pass(const problem *p, const example_set *set, shard_pass pass, const void *context, int means, size_t size,
                         double *values);
/* Get rows as the device has them: x is m x d, w has m values. The second function reads from `bounds`, even if there is a
 * stream. */
cusgd_status shards_rows(const problem *p, const example_set *set, const int64_t *rows, int64_t m, double *x, double *w);
cusgd_status shards_bound_rows(const problem *p, const example_set *set, const int64_t *rows, int64_t m, double *x, double *w);
/* Return the shards of this process, and the maximum number of shards and of rows of any process. */
tree_node shards_here(const problem *p, const example_set *set);
int shards_most(const problem *p, const example_set *set);
int64_t shards_most_rows(const problem *p, const example_set *set);

/* ---- Units (standardization.c) ---- */

/* Sets p->units and p->targets. variance: d, target: m + k, both work. */
cusgd_status problem_standardize(problem *p, double *variance, double *target);
/* Decides whether columns are standardized in float (scalar/standardize.h), and rounds their means to float if they are. */
void problem_standardize_in_float(problem *p);
/* Replaces means by medians, and standard deviations by interquartile ranges, except for columns in which at least half of the
 * values are equal, as their range is 0. work: 2 d. */
cusgd_status problem_take_quartiles(problem *p, double *work);
/* Sets the penalty factors and bounds of each parameter from the options. theta is the coefficient times the scale of its
 * column. */
cusgd_status problem_set_limits(problem *p);
/* Returns the scale of a column with an l2 in the units of the data, which is l2 / scale^2 for the standardized coefficient. If
 * that exceeds 1, the penalty dominates the second derivative along the column. A larger scale reduces it to 1, so that the rate
 * of the other columns need not be small. */
double problem_penalized_scale(const cusgd_options *o, int64_t j, double scale);

/* ---- What methods ask (objective.c) ---- */

/* Computes the mean loss at theta, the objective (with penalties) and the gradient of the mean loss (may be NULL) by one pass
 * over `set`. On failure both values are NaN. */
cusgd_status problem_objective(const problem *p, const example_set *set, const double *theta, double *loss, double *objective,
                               double *gradient);
/* Compute: the mean loss by another rule, in one pass; the second derivatives of the loss over the training rows, as in
 * backend.h; the predictions of training rows first .. first + count - 1, count x k, in the coordinates of the transformed
 * targets; the moments of the training rows before the transform. */
cusgd_status problem_loss(const problem *p, const example_set *set, loss_rule loss, const double *theta, double *value,
                          double *gradient);
cusgd_status problem_hessian(const problem *p, loss_rule loss, const double *theta, double *hessian);
cusgd_status problem_predict(const problem *p, const double *theta, int64_t first, int64_t count, double *out);
cusgd_status problem_moments(const problem *p, double *mean, double *variance, double *target_mean, double *weight);
/* robust.c. Computes the median and the interquartile range of each column over the training rows with weight > 0, d values each.
 * The problem must have a backend, which fetches rows from its memory. */
cusgd_status problem_quartiles(const problem *p, double *median, double *range);
/* Return the penalties of parameter u, which is not an intercept, including its factors, and the largest l2 of all parameters. */
double problem_l1(const problem *p, int64_t u);
double problem_l2(const problem *p, int64_t u);
double problem_max_l2(const problem *p);
/* Returns theta, projected on the bounds of parameter u. */
double problem_bounded(const problem *p, int64_t u, double theta);
/* Computes the minimum-norm subgradient of the objective within the bounds from the gradient g of the smooth part (with l2). out:
 * (d+1) x k. */
void problem_subgradient(const problem *p, const double *theta, const double *g, double *out);
/* Returns the norm of the minimum-norm subgradient of the objective within the bounds from the gradient of the mean loss. */
double problem_gradient_norm(const problem *p, const double *theta, const double *gradient);
/* Compute the intercept-only model, and its loss and gradient norm (null_loss, and if with_gradient is 1 null_gradient). The
 * bounds are ignored: they can exclude the model, or fix every coefficient, for which the norm would only be rounding errors. */
void problem_null(const problem *p, double *theta);
cusgd_status problem_measure_null(problem *p, int with_gradient);
/* Returns the loss to report, in the units of the data, for a mean over rows of losses that are summed over outputs. */
double problem_reported(const problem *p, double loss);

/* Convert between the units of the data (weight k x d, bias k; either may be NULL in the second function) and theta. */
void problem_from_data(const problem *p, const double *weight, const double *bias, double *theta);
void problem_to_data(const problem *p, const double *theta, double *weight, double *bias);

/* ---- Its curvature and whether it has an optimum ---- */

/* curvature.c. Computes lambda and R of the examples with columns scaled by `scale` (d; NULL: 1). c: work, d doubles. */
cusgd_status curvature_of(const problem *p, const double *scale, double *c, double *lambda, double *noise);
/* The parts of curvature_of(): lambda and a lower bound of R from a sample of the rows; c_j = E[w^2 |z|^2 z_j^2] / E[w z_j^2] of
 * each column, 0 for empty ones; and E[w^2 |z|^4] / E[w |z|^2]. */
cusgd_status sample_curvature(const problem *p, const double *scale, double *lambda, double *noise);
cusgd_status column_noise(const problem *p, const double *scale, double *c, double *trace);

/* separation.c. For losses whose optimum may be at infinity, determines whether it is (p->separated, computed once). If so,
 * writes a note; otherwise `note` is unchanged. theta: (d+1) x k, the result. decays: 1 if the method itself shrinks
 * coefficients. */
cusgd_status problem_separation(problem *p, const double *theta, int decays, char *note, size_t room);

#endif
