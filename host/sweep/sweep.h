/* Sweeps: many configurations, and their folds, are outputs of one run that are independent models. */
#ifndef CUSGD_HOST_SWEEP_SWEEP_H
#define CUSGD_HOST_SWEEP_SWEEP_H

#include "trainer/trainer.h"

/* A model: a configuration that is trained without the rows of a fold. */
typedef struct column {
    size_t configuration;
    int fold;               /* the fold that is held out; -1: none */
    double share;           /* the share of the total weight in its training rows */
    double class_weight[2]; /* factors on the weights of the rows of each class */
    double divisor;         /* the share with these factors, which divides gradients and losses */
    double best;            /* the smallest training objective so far */
    int64_t stale;          /* number of evaluations since then without improvement */
    double loss;            /* the latest mean loss on its training rows */
    int64_t epochs;         /* number of epochs that it was trained */
    cusgd_stop stop;
} column;

/* A pass over the data, with as many configurations as there is room for. The run on the device has the columns that still take
 * steps, and some that do not; they are listed in `live`. If the bits of a model depend on its place in a group (models.group in
 * host/backend.h), a column keeps its place: a group has whole configurations and unused places, and is in the run or not as a
 * whole. */
typedef struct sweep_pass {
    column *columns;
    int64_t k;
    int64_t *live, lives;              /* live: the column of each place, or -1 */
    double *theta;                     /* (d+1) x k */
    double *rate, *limit[LIMIT_COUNT]; /* (d+1) x k: arrays of the run spec */
    double *gathered;                  /* (d+1) x k: theta of the live columns */
    double *sums;                      /* folds x k, or k: sums of losses */
} sweep_pass;

/* The configurations that this rank trains. */
typedef struct sweep_share {
    world *world;      /* the world whose ranks share all configurations; NULL: there is one process */
    size_t first, end; /* those of this rank: first .. end - 1 */
    size_t each;       /* number of configurations per pass */
} sweep_share;

struct cusgd_sweep {
    cusgd_trainer *trainer; /* a trainer of one output, for the problem, the chosen options and the device */
    cusgd_configuration *configurations;
    size_t count; /* number of configurations */
    sweep_share share;
    int weighs;          /* 1: some configurations have class weights */
    int folds;           /* 0: validation rows are used */
    int halving;         /* see cusgd_sweep_plan */
    int64_t *dropped_at; /* count: the epoch after which halving drops the configuration; 0: none so far */
    uint8_t *fold;       /* the fold of each row of the data */
    double *ratio;       /* folds x d: the scale of each column without the rows of a fold, relative to that of all rows; NULL:
                          * all 1 */
    column *columns;     /* those of a configuration are adjacent, and the one of all rows is last */
    sweep_pass pass;     /* the current pass */
    double products;     /* bytes of products that a device may keep of batches that are the same in all epochs */
    double *kept;        /* count x (d+1): the models of all rows */
    double *losses;      /* count x folds, or count: in the units of the data */
    double *number;      /* count: parameters of the losses; NULL: that of the options */
    double *null;        /* count: starting intercepts for several quantiles; else NULL */
    cusgd_outcome *outcomes;
    size_t *chosen; /* `outputs` configurations: the best of each quantile; one for other losses */
    int64_t outputs;
};

static inline int64_t columns_each(const cusgd_sweep *s) { return s->folds + 1; }

/* Returns the number of places of a group; 0: columns need no groups. */
static inline int64_t group_of(const cusgd_sweep *s) { return s->trainer->backend.ops->models.group; }

/* Returns the number of configurations of a group, which passes and ranks do not divide. */
static inline size_t group_each(const cusgd_sweep *s) { return group_of(s) > 0 ? (size_t)(group_of(s) / columns_each(s)) : 1; }

/* Returns the number of places of so many configurations. */
static inline int64_t places_of(const cusgd_sweep *s, size_t configurations)
{
    size_t each = group_each(s);
    return (int64_t)((configurations + each - 1) / each) * (group_of(s) > 0 ? group_of(s) : columns_each(s));
}

/* Returns the column at a place of the run; NULL: the place is unused. */
static inline column *column_at(const sweep_pass *p, int64_t place)
{
    return p->live[place] < 0 ? NULL : &p->columns[p->live[place]];
}

/* folds.c. Sets the fold of each row: as given, after a check, or, for NULL, distributed in the order of the seed. The caller
 * frees *fold. */
cusgd_status folds_make(const uint8_t *given, int folds, const problem *p, uint8_t **fold);
/* Creates the folds and uploads the training rows with them. Sets fold, ratio and the shares of the columns. */
cusgd_status sweep_take_folds(cusgd_sweep *s, const uint8_t *given);
/* class_weights.c. Fails with USAGE if the class weights of a configuration are invalid. */
cusgd_status class_weights_check(const cusgd_options *o, const cusgd_sweep_plan *plan);
/* Sets the class weights and divisors of the columns, whose shares must be set. */
cusgd_status class_weights_take(cusgd_sweep *s);
/* numbers.c. Checks the loss parameters of the configurations. judged: 0 if no rows are held out, which is only allowed if there
 * is nothing to choose. */
cusgd_status numbers_check(const cusgd_options *o, const cusgd_sweep_plan *plan, int judged);
/* Returns whether configurations have different quantiles, which are not chosen from. */
int has_quantiles(const cusgd_sweep *s);
/* Sets number, null and outputs. The configurations must be complete. */
cusgd_status numbers_take(cusgd_sweep *s);
/* Returns whether two configurations compete, that is, one of them may be chosen over the other. */
int are_rivals(const cusgd_sweep *s, size_t a, size_t b);
/* memory.c. Sets the number of configurations per pass and calls `begins` of the plan. Fails if not one configuration fits. The
 * trainer, count and folds must be set. */
cusgd_status sweep_plan_passes(cusgd_sweep *s, const cusgd_sweep_plan *plan);
static inline int sweep_has_passes(const cusgd_sweep *s) { return s->share.each < s->count || s->share.world; }
/* share.c. Chooses the configurations that this rank trains. trainer, count, folds and world must be set. */
void share_take(cusgd_sweep *s);
/* Fails with USAGE or DATA if the plans, options or data of ranks differ. */
cusgd_status share_begin(cusgd_sweep *s, const cusgd_sweep_plan *plan);
/* To be called after every epoch, so that ranks that have finished know that this one still computes. */
cusgd_status share_beat(cusgd_sweep *s);
/* Waits until all ranks have finished, and then gives each of them the columns, losses and models of all. */
cusgd_status share_gather(cusgd_sweep *s);
/* Notifies the other ranks of a failure that they cannot know of. */
void share_end(cusgd_sweep *s, cusgd_status status);
/* pass.c. pass_open() allocates a pass, which pass_close() frees. pass_take() sets the columns of the configurations from `first`
 * on to their start. */
cusgd_status pass_open(cusgd_sweep *s);
void pass_close(cusgd_sweep *s);
void pass_take(cusgd_sweep *s, size_t first);
/* Starts the run of all columns on the device, from theta. */
cusgd_status pass_start(cusgd_sweep *s, run_spec spec);
/* Removes columns that take no more steps, or their groups, from the run if that saves half of it. No bit of the others
 * changes. */
cusgd_status pass_narrow(cusgd_sweep *s);
/* Get theta of the live columns, or the average that replaces it, or a given component, from the device. */
cusgd_status pass_get(cusgd_sweep *s);
cusgd_status pass_get_part(cusgd_sweep *s, enum state_part part);
/* Makes all columns of the pass live, each at its place, without changing the run on the device. */
void pass_all_live(cusgd_sweep *s);
/* evaluate.c. Computes the mean loss of each live column on its training rows and, in the units of the data, on its held-out
 * rows. */
cusgd_status sweep_evaluate(cusgd_sweep *s);
/* Computes the validation loss of each live column. */
cusgd_status sweep_validate(cusgd_sweep *s);
/* Returns the penalties of column c at theta. */
double sweep_penalties(const cusgd_sweep *s, int64_t c);
/* run.c. Trains all columns; sets `kept`, `losses` and the results of each column. */
cusgd_status sweep_run(cusgd_sweep *s);
/* halving.c. halving_is_due() returns whether configurations are compared at the end of an epoch. The others set `dropped_at` of
 * those that are not among the best of the remaining ones, and end the columns of the pass that are dropped after this epoch. */
int halving_is_due(const cusgd_sweep *s, int64_t epoch);
cusgd_status halving_compare(cusgd_sweep *s, int64_t epoch);
cusgd_status halving_drop(cusgd_sweep *s, int64_t epoch, uint8_t *gone);
/* select.c. Returns the unweighted mean of the held-out losses of a configuration, as in scikit-learn, and its standard error
 * (NAN without folds). */
double losses_mean(const cusgd_sweep *s, size_t i, double *standard_error);
/* Sets the outcomes of the configurations, and chooses one. */
cusgd_status sweep_judge(cusgd_sweep *s, cusgd_select select);

#endif
