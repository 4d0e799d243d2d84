/* Sweeps: many configurations, and their folds, as outputs of one run that are models of their own. */
#ifndef CUSGD_HOST_SWEEP_SWEEP_H
#define CUSGD_HOST_SWEEP_SWEEP_H

#include "trainer/trainer.h"

/* One model: a configuration, without the rows of a fold. */
typedef struct column {
    size_t configuration;
    int fold;               /* of its rows none count; -1: all rows count */
    double share;           /* of the rows' weight that counts */
    double class_weight[2]; /* factors on it, of the rows of either class */
    double divisor;         /* the share with these factors, by which gradients and losses are divided */
    double best;            /* the least training objective so far, */
    int64_t stale;          /* and the evaluations since that have not improved on it */
    double loss;            /* the latest mean loss on its training rows */
    int64_t epochs;         /* that it took */
    cusgd_stop stop;
} column;

/* One pass over the data: as many configurations as there is room for. The device's run has those columns that still take steps,
 * and some that do not: `live`, by number. Where a model's bits depend on its place in a group (models.group of host/backend.h),
 * a column keeps it: a group has whole configurations, and places that nobody has, and is in the run or not as a whole. */
typedef struct sweep_pass {
    column *columns;
    int64_t k;
    int64_t *live, lives;              /* live: of each place its column, or -1 */
    double *theta;                     /* (d+1) x k */
    double *rate, *limit[LIMIT_COUNT]; /* (d+1) x k: of the run spec */
    double *gathered;                  /* (d+1) x k: theta of the live columns */
    double *sums;                      /* folds x k, or k: losses */
} sweep_pass;

/* The configurations that this process trains. */
typedef struct sweep_share {
    world *world;      /* whose processes share them all; NULL: there is one */
    size_t first, end; /* those of this one, */
    size_t each;       /* and of a pass */
} sweep_share;

struct cusgd_sweep {
    cusgd_trainer *trainer; /* of one output: the problem, the choices, the device */
    cusgd_configuration *configurations;
    size_t count; /* of configurations */
    sweep_share share;
    int weighs;          /* 1: some have weights of classes */
    int folds;           /* 0: validation rows judge */
    int halving;         /* see cusgd_sweep_plan */
    int64_t *dropped_at; /* count: the epoch after which halving drops the configuration; 0: it does not, as far as is known */
    uint8_t *fold;       /* the data's rows */
    double *ratio;       /* folds x d: a column's scale without a fold's rows, as a share of the one with all; NULL: all 1 */
    column *columns;     /* those of a configuration side by side, the one of all rows last */
    sweep_pass pass;     /* the one under way */
    double products;     /* bytes that a device may keep of batches that are the same in all epochs */
    double *kept;        /* count x (d+1): the models of all rows */
    double *losses;      /* count x folds, or count: in the units of the data */
    double *number;      /* count: of their losses; NULL: the options' */
    double *null;        /* count: the intercepts that training starts from, of several quantiles; else NULL */
    cusgd_outcome *outcomes;
    size_t *chosen; /* `outputs` configurations: the best of each quantile; of other losses one */
    int64_t outputs;
};

static inline int64_t columns_each(const cusgd_sweep *s) { return s->folds + 1; }

/* Places of a group; 0: columns need no groups. */
static inline int64_t group_of(const cusgd_sweep *s) { return s->trainer->backend.ops->models.group; }

/* Configurations of a group, which are not parted: not by passes, and not by processes. */
static inline size_t group_each(const cusgd_sweep *s) { return group_of(s) > 0 ? (size_t)(group_of(s) / columns_each(s)) : 1; }

/* Places of so many configurations. */
static inline int64_t places_of(const cusgd_sweep *s, size_t configurations)
{
    size_t each = group_each(s);
    return (int64_t)((configurations + each - 1) / each) * (group_of(s) > 0 ? group_of(s) : columns_each(s));
}

/* The column at a place of the run; NULL: nobody has it. */
static inline column *column_at(const sweep_pass *p, int64_t place)
{
    return p->live[place] < 0 ? NULL : &p->columns[p->live[place]];
}

/* folds.c: each row's fold, as given (checked) or (NULL) dealt in the seed's order; *fold is malloc'd. */
cusgd_status folds_make(const uint8_t *given, int folds, const problem *p, uint8_t **fold);
/* Makes the folds; binds the training rows with them. Sets fold, ratio and the columns' shares.
 */
cusgd_status sweep_take_folds(cusgd_sweep *s, const uint8_t *given);
/* class_weights.c: USAGE where configurations have weights of classes that cannot be. */
cusgd_status class_weights_check(const cusgd_options *o, const cusgd_sweep_plan *plan);
/* Sets the columns' class weights and divisors, where their shares are known. */
cusgd_status class_weights_take(cusgd_sweep *s);
/* numbers.c: checks the configurations' numbers of the loss; judged: 0: no rows are held out, which only a sweep that chooses
 * nothing may do without. */
cusgd_status numbers_check(const cusgd_options *o, const cusgd_sweep_plan *plan, int judged);
/* Whether configurations have quantiles of their own, which are not chosen from. */
int has_quantiles(const cusgd_sweep *s);
/* Sets number, null and outputs, where the configurations are complete. */
cusgd_status numbers_take(cusgd_sweep *s);
/* Whether two configurations are chosen from. */
int are_rivals(const cusgd_sweep *s, size_t a, size_t b);
/* memory.c: sets how many configurations a pass has, and calls the plan's `begins`; refuses those of which not one fits. The
 * trainer, count and folds are there. */
cusgd_status sweep_plan_passes(cusgd_sweep *s, const cusgd_sweep_plan *plan);
static inline int sweep_has_passes(const cusgd_sweep *s) { return s->share.each < s->count || s->share.world; }
/* share.c: which configurations this process trains; trainer, count, folds and world are set. */
void share_take(cusgd_sweep *s);
/* USAGE or DATA where ranks were given different plans, options or data. */
cusgd_status share_begin(cusgd_sweep *s, const cusgd_sweep_plan *plan);
/* Behind every epoch, so that processes that have none left know that this one works. */
cusgd_status share_beat(cusgd_sweep *s);
/* Waits until no process works any more; then all have the columns, losses and models of all. */
cusgd_status share_gather(cusgd_sweep *s);
/* Notifies the others of a failure that they cannot know of. */
void share_end(cusgd_sweep *s, cusgd_status status);
/* pass.c: room for a pass; pass_close() frees it. Then the columns of the configurations from `first` on, at the start. */
cusgd_status pass_open(cusgd_sweep *s);
void pass_close(cusgd_sweep *s);
void pass_take(cusgd_sweep *s, size_t first);
/* Starts the device's run of all columns, from theta. */
cusgd_status pass_start(cusgd_sweep *s, run_spec spec);
/* Leaves columns that take no more steps, or their groups, out of the run where that saves half of it; no bit of the others
 * changes. */
cusgd_status pass_narrow(cusgd_sweep *s);
/* Brings theta of the live columns, or the average that stands for it, or the part that is named, from the device. */
cusgd_status pass_get(cusgd_sweep *s);
cusgd_status pass_get_part(cusgd_sweep *s, enum state_part part);
/* All columns of the pass are live, each in its place; the device's run is not changed. */
void pass_all_live(cusgd_sweep *s);
/* evaluate.c: the mean loss of each live column on its training rows and, in the units of the data, its held-out one. */
cusgd_status sweep_evaluate(cusgd_sweep *s);
/* The validation loss of each live column. */
cusgd_status sweep_validate(cusgd_sweep *s);
/* The penalties of column c at theta. */
double sweep_penalties(const cusgd_sweep *s, int64_t c);
/* run.c: trains all columns; sets `kept`, `losses` and what is known of each column. */
cusgd_status sweep_run(cusgd_sweep *s);
/* halving.c: whether configurations are compared at the end of an epoch; sets `dropped_at` of those that are not among the best
 * of those that were not dropped before; and ends the pass's columns that are dropped after this epoch. */
int halving_is_due(const cusgd_sweep *s, int64_t epoch);
cusgd_status halving_compare(cusgd_sweep *s, int64_t epoch);
cusgd_status halving_drop(cusgd_sweep *s, int64_t epoch, uint8_t *gone);
/* select.c: the plain mean of a configuration's held-out losses, as scikit-learn's, and its standard error (NAN without folds).
 */
double losses_mean(const cusgd_sweep *s, size_t i, double *standard_error);
/* The configurations' outcomes, and the one that is chosen. */
cusgd_status sweep_judge(cusgd_sweep *s, cusgd_select select);

#endif
