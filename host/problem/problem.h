/* What is to be minimized: examples, a loss and penalties, in the coordinates of the bound examples. Methods (sgd/, solvers/)
 * take a problem and ask it for values, gradients and second derivatives; how they get from there to an optimum is no part of it.
 *
 * theta is (d+1) x k row-major, the intercepts its last row. Losses and objectives are in the units of the bound targets. */
#ifndef CUSGD_HOST_PROBLEM_PROBLEM_H
#define CUSGD_HOST_PROBLEM_PROBLEM_H

#include "backend.h"

typedef double real; /* above the device interface all is double */
#include "expr/loss.h"
#include "options.h"
#include "scalar/update.h"

/* Rows that are bound piece by piece (stream.h). */
typedef struct stream stream;

/* Training or validation examples. */
typedef struct example_set {
    const cusgd_data *data; /* the caller's; NULL: none of their own */
    examples rows;          /* n is 0 where there are none */
    int64_t *index;         /* which rows of the data, ascending, when some are left or held out; NULL: all */
    double *scaled;         /* a copy of the data's targets in the problem's unit; NULL where that is 1 */
    int shards;             /* of the rows: consecutive ones, scalar/shards.h */
    dataset **bounds;       /* shards, NULL those of other processes; NULL: there are no rows, or a stream copies them */
    stream *stream;         /* NULL: all rows are bound; else bounds, if there are any, are where the caller has the rows */
} example_set;

/* Between the data's units and those of the bound examples. */
typedef struct units {
    transform transform;
    double *mean, *scale, *shift; /* d, d, k: the transform's; scale 1, mean and shift 0 where it is off */
    double *own_scale;            /* d: the columns' own scales, which penalties in the data's units may enlarge */
    double *rms;                  /* d: sqrt(E x^2) in the data's units, for messages */
    double target;                /* the targets are bound in this unit, a power of two: see magnitude.c */
    double loss;                  /* target^2: losses in the units of the data are this times those of the bound examples */
} units;

/* What the training targets alone tell (targets.c). */
typedef struct target_facts {
    double *null;       /* k: the intercept-only model prediction, in the coordinates of the bound targets */
    double *scale;      /* k: the scale of what it leaves, for losses of real numbers but quadratic ones; else 1 */
    double steepest;    /* the loss's second derivative: its bound, or one to choose rates by */
    double lower_bound; /* the least mean loss that there could be, below 0 for log links */
    char note[192];     /* what there is to say of a formula; "": nothing */
    int minus;          /* 1: classes are -1 and 1 */
} target_facts;

typedef struct problem {
    const cusgd_options *options; /* the trainer's */
    const backend *backend;       /* likewise; NULL before problem_bind() */
    world *world;                 /* the processes that share the rows; NULL: this one alone */
    loss_rule loss;
    int64_t d, m, k; /* m: targets, the columns of y; k: outputs, as many, or one for each class of the target */
    int intercept;
    double l1, l2;
    double *limit[LIMIT_COUNT]; /* (d+1) x k, as a run spec has them; NULL all: factors of 1, no bounds */
    example_set train, valid;
    units units;
    target_facts targets;
    double null_loss, null_gradient; /* objective's and norm's at the intercept-only model; NaN: not measured */
    int separated;                   /* 1: no finite optimum exists (separation.c); 0: one exists, or it is not known; -1: not
                                        looked at */
    char separation[512];            /* what there is to say where it is 1 */
} problem;

/* Of theta and all that is shaped like it, in double. */
static inline int64_t problem_size(const problem *p) { return (p->d + 1) * p->k; }
static inline size_t theta_bytes(const problem *p) { return sizeof(double) * (size_t)problem_size(p); }

/* ---- Making one (problem.c) ---- */

/* Whether the options fit the data, without a look at its values. Errors: USAGE, DATA. */
cusgd_status problem_check_options(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid);
/* Checks the data and holds out rows; *p is zeroed, and problem_close() frees it whatever is returned. The processes of a world
 * divide the rows whose features are checked, and find together what one finds; NULL: this process alone. Errors: USAGE, DATA,
 * MEMORY, INTERRUPTED; DEVICE where the processes lose each other. */
cusgd_status problem_open(problem *p, world *w, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid);
/* Standardizes, studies the targets and binds the examples to a backend, which must live as long. */
cusgd_status problem_bind(problem *p, const backend *b);
void problem_close(problem *p);
/* Other training rows in the place of those that there are, bound by the same transform. What the targets alone tell stays, but
 * for their floor; what the intercept-only model scores is measured again, if it was. On failure *p is as it was. Errors: DATA,
 * MEMORY, DEVICE, INTERRUPTED. */
cusgd_status problem_rebind(problem *p, const cusgd_data *train);
/* Whether examples that are bound serve a problem of other options, too; then problem_reset() makes it one, when the options have
 * been replaced. */
int problem_binds_alike(const problem *p, const cusgd_options *after);
cusgd_status problem_reset(problem *p);

/* An error if a file of the data has become shorter, so that what was computed since may be of zeros. */
cusgd_status problem_check_data(const problem *p);

/* holdout.c: rows of weight 0 are as if they were not there. Errors: MEMORY, INTERRUPTED. */
cusgd_status leave_out_weightless(example_set *set);
/* Chooses the rows of training and validation by the seed. Errors: USAGE, MEMORY, INTERRUPTED. */
cusgd_status hold_out(problem *p);
/* magnitude.c: chooses the targets' unit, before anything is bound. Error: DATA, for targets that the precision cannot hold. */
cusgd_status scale_targets(problem *p);
/* Takes further training rows in that unit; likewise. */
cusgd_status rescale_targets(problem *p);
/* targets.c: null of losses whose intercept-only model is not the mean's link; scale and steepest; the range of auto's
 * exponentials. */
cusgd_status study_targets(problem *p);
/* The intercept-only model of a loss of real numbers with another number, in the coordinates of the bound targets; one output. */
cusgd_status targets_null(const problem *p, double number, double *null);
/* Where there are offsets: what loss_best_constant() computes the intercept-only model from, k values; NaN: it overflows.
 */
void targets_given_offsets(const problem *p, double *mean);
double targets_lower_bound(const problem *p);

/* classes.c: puts the loss that trains the data's classes in the place of the one that was asked for: softmax, or that one
 * itself. */
void classes_choose(cusgd_options *options, const cusgd_data *train);
/* How many classes the target has that it is trained on as; 0: each target has one output. */
int64_t classes_of(const cusgd_options *options, const cusgd_data *train);
static inline int is_softmax(const problem *p) { return p->loss.kind == CUSGD_LOSS_SOFTMAX; }
/* The share of each class in the weights of the training rows: k values. */
cusgd_status classes_shares(const problem *p, double *share);
/* The intercept-only model's predictions of softmax for such shares, of mean 0; work in place. */
void classes_null(int64_t k, double *share);
/* Chooses valid-fraction of the rows of each class, in the order of a permutation of the training rows: held[i] becomes 1 where
 * row i is held out, *count how many are. Errors: MEMORY, INTERRUPTED. */
cusgd_status classes_hold_out(const problem *p, const permutation *order, char *held, int64_t *count);

/* shards.c: binds the set's rows, shard by shard; likewise by another function of the device's than bind(); and back. */
typedef cusgd_status shard_binding(void *self, const examples *e, const transform *t, dataset **b);
cusgd_status shards_bind(const problem *p, const transform *t, example_set *set);
cusgd_status shards_bind_by(const problem *p, shard_binding *bind, const transform *t, example_set *set);
void shards_unbind(const problem *p, example_set *set);
/* Weighted moments of a set's rows, as backend.h has them: those of the shards, merged by the tree. */
cusgd_status shards_moments(const problem *p, const example_set *set, double *mean, double *variance, double *target_mean,
                            double *weight);
/* A pass over one shard, which is bound to b, or NULL where a stream copies the rows: `size` values, which are sums over its
 * rows, or with `means` means of them. */
typedef cusgd_status (*shard_pass)(const void *context, const problem *p, int shard, const dataset *b, double *values);
/* Over all shards of a set: their values added by the tree; means are weighted by the shards' rows. One shard's are as they are.
 */
cusgd_status shards_pass(const problem *p, const example_set *set, shard_pass pass, const void *context, int means, size_t size,
                         double *values);
/* Rows as they were bound: x m x d, w m; and those of a set whose bounds are there, though there may be a stream of it. */
cusgd_status shards_rows(const problem *p, const example_set *set, const int64_t *rows, int64_t m, double *x, double *w);
cusgd_status shards_bound_rows(const problem *p, const example_set *set, const int64_t *rows, int64_t m, double *x, double *w);
/* The shards of this process; of all processes, the most shards, and the most rows, that one has. */
tree_node shards_here(const problem *p, const example_set *set);
int shards_most(const problem *p, const example_set *set);
int64_t shards_most_rows(const problem *p, const example_set *set);

/* ---- Units (standardization.c) ---- */

/* Fills p->units and what is known of the targets; variance: d, target: m + k, both work. */
cusgd_status problem_standardize(problem *p, double *variance, double *target);
/* Medians in the place of means, and ranges between quartiles in that of deviations, but for columns of which half the values or
 * more are equal: these have no range. work: 2 d. */
cusgd_status problem_take_quartiles(problem *p, double *work);
/* The options' penalty factors and bounds, parameter by parameter: theta is the coefficient times its column's scale. */
cusgd_status problem_set_limits(problem *p);
/* An l2 in the data's units is l2 / scale^2 on a standardized coefficient. Where that is above 1, it and not the loss is the
 * second derivative along the column, and a larger scale brings it to 1: the rate of the other columns need not be small for it.
 */
double problem_penalized_scale(const cusgd_options *o, int64_t j, double scale);

/* ---- What methods ask (objective.c) ---- */

/* The mean loss at theta, and with the penalties the objective; the mean loss's gradient may be NULL. One pass over `set`. On
 * failure both values are NaN. */
cusgd_status problem_objective(const problem *p, const example_set *set, const double *theta, double *loss, double *objective,
                               double *gradient);
/* Mean loss alone, by a rule of its own, in one pass; the loss's second derivatives over the training rows, as backend.h has
 * them; the predictions of training rows first .. first + count - 1, count x k, in the coordinates of the bound targets; moments
 * of the training rows as they are given. */
cusgd_status problem_loss(const problem *p, const example_set *set, loss_rule loss, const double *theta, double *value,
                          double *gradient);
cusgd_status problem_hessian(const problem *p, loss_rule loss, const double *theta, double *hessian);
cusgd_status problem_predict(const problem *p, const double *theta, int64_t first, int64_t count, double *out);
cusgd_status problem_moments(const problem *p, double *mean, double *variance, double *target_mean, double *weight);
/* robust.c: the median of each column over the training rows of weight > 0, and the range between its quartiles; d each. Of a
 * bound problem, whose device fetches rows that lie in its memory. */
cusgd_status problem_quartiles(const problem *p, double *median, double *range);
/* The penalties of parameter u, which is no intercept, its factors included; and of all the largest l2. */
double problem_l1(const problem *p, int64_t u);
double problem_l2(const problem *p, int64_t u);
double problem_max_l2(const problem *p);
/* theta brought into its bounds. */
double problem_bounded(const problem *p, int64_t u, double theta);
/* The minimum-norm subgradient of the objective within the bounds, where the smooth part's gradient (l2 in it) is g; out: (d+1) x
 * k.
 */
void problem_subgradient(const problem *p, const double *theta, const double *g, double *out);
/* |minimum-norm subgradient| of the objective within the bounds, where the mean loss's gradient is `gradient`. */
double problem_gradient_norm(const problem *p, const double *theta, const double *gradient);
/* The intercept-only model; and what it scores (null_loss, and with_gradient null_gradient: bounds aside, which can exclude the
 * model or hold every coefficient where it is, and would leave a norm that is nothing but rounding). */
void problem_null(const problem *p, double *theta);
cusgd_status problem_measure_null(problem *p, int with_gradient);
/* The loss that is reported, in the units of the data, for a mean over rows of losses that are summed over outputs. */
double problem_reported(const problem *p, double loss);

/* Between the data's units (weight k x d, bias k; either may be NULL in the second) and theta. */
void problem_from_data(const problem *p, const double *weight, const double *bias, double *theta);
void problem_to_data(const problem *p, const double *theta, double *weight, double *bias);

/* ---- Its curvature and whether it has an optimum ---- */

/* curvature.c: lambda and R of the examples with columns scaled by `scale` (d; NULL: 1); d doubles of work at c. */
cusgd_status curvature_of(const problem *p, const double *scale, double *c, double *lambda, double *noise);
/* The parts of it: lambda and what of R a sample of the rows shows; and c_j = E[w^2 |z|^2 z_j^2] / E[w z_j^2] of each column, 0
 * for empty ones, and E[w^2 |z|^4] / E[w |z|^2]. */
cusgd_status sample_curvature(const problem *p, const double *scale, double *lambda, double *noise);
cusgd_status column_noise(const problem *p, const double *scale, double *c, double *trace);

/* separation.c: for losses whose optimum may be at infinity, whether it is (p->separated; looked at once); then *note is
 * what there is to say, else it stays. theta: (d+1) x k, the result. decays: 1 if the method itself shrinks coefficients. */
cusgd_status problem_separation(problem *p, const double *theta, int decays, char *note, size_t room);

#endif
