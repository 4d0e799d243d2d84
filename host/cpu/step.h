/* A minibatch step under way, which step.c (its rows), sums.c (their sums) and update.c (the parameters) share. */
#ifndef CUSGD_HOST_CPU_STEP_H
#define CUSGD_HOST_CPU_STEP_H

#include "parts.h"

enum { SPAN = 1024 }; /* parameters; a multiple of LANES */

/* One step of a slice. Its shards are those of this process, counted from the first of them. */
typedef struct step {
    cpu *self;
    const slice *slice;
    struct update_step numbers, next;
    int64_t i;
    int64_t rows;        /* of the batch */
    int64_t each;        /* chunks of a shard: as many as its longest share has, so that some may be empty */
    int64_t chunks;      /* of all shards */
    int team;            /* threads of stage one */
    shard_spans *shards; /* one each */
    int contiguous;
    double loss; /* of the batch, once processes have exchanged it */
} step;

/* sums.c: the loss of `count` shards from the first on; chunks' losses are `stride` values apart. */
double NAMED(shards_loss)(const step *t, const double *losses, int64_t stride, int first, int count);
/* The gradient of span i, SPAN parameters; the context is a step. */
void NAMED(sum_span)(void *context, int64_t i);
/* Where several processes have the shards: adds this process's and then all, into the gradient and the step's loss. */
cusgd_status NAMED(exchange_sums)(step *t, int threads, int64_t spans);

/* Values of a part of the columns whose products with theta are added by themselves: those of more are divided. */
enum { SPARSE_PART_VALUES = 4096 };
/* Threads that a pass over a batch's columns is worth. */
static inline int sparse_team(const cpu *self, int64_t values, int64_t columns)
{
    int64_t bytes = (values * (int64_t)sizeof(real) + columns * 16) * self->spec.k;
    return threads_for(self->threads, bytes, THREAD_BYTES);
}

/* sparse_batches.c: finds the rows of a shard's share of the step's batch, and their columns. */
void NAMED(sparse_batch)(const step *t, int shard);

/* sparse_step.c: makes a slice of steps on sparse rows ready. Intercepts and, with dense updates, all parameters are updated by
 * update.c. */
cusgd_status NAMED(sparse_begin)(cpu *self, const slice *s);
/* Derivatives of a shard's share of the step's batch; returns the sum of its losses. */
double NAMED(sparse_rows)(const step *t, int shard);
/* Then its gradient, divided by `rows`, of all parameters; or, where updates are lazy, of the intercepts alone, and the step of
 * the columns. */
void NAMED(sparse_columns)(const step *t, int shard, int64_t rows, real *gradient);

/* one_row.c: whether the slice's steps are of one row each and need no more than this does; and the steps. */
int NAMED(is_one_row)(const cpu *self, const slice *s);
void NAMED(one_row_steps)(cpu *self, const slice *s);

/* batch_products.c: prepares for a slice of steps that follow from products of columns. Error: MEMORY. */
cusgd_status NAMED(products_begin)(cpu *self, const slice *s);
/* Computes the mean gradients and the losses of one of these steps. */
void NAMED(products_gradient)(step *t);

/* update.c: parameters lo .. hi - 1, if there are any, all penalized or none. */
void NAMED(update_range)(cpu *self, const step *t, int64_t lo, int64_t hi, int penalized);
/* Updates span i, of whose gradient there is the sum; the context is a step. */
void NAMED(apply_span)(void *context, int64_t i);
/* Between the two where the gradient is clipped, by a norm to which every parameter that is trained adds. */
void NAMED(clip_gradient)(cpu *self);

#endif
