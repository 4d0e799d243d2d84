/* Counting of steps. */
#ifndef CUSGD_KERNELS_ACCOUNT_H
#define CUSGD_KERNELS_ACCOUNT_H

#include "kernels.h"

/* The counters of a run. One thread updates them once the loss of a step is known. */
typedef struct run_counts {
    double loss;
    int64_t rows, done;
} run_counts;
__device__ static inline run_counts counts_of(const run_state *s) { return {s->loss, s->rows, s->done}; }

/* Counts step `step` with `rows` rows. `before` is counts_of(s), which may be read long before the loss is known. */
__device__ static inline void count_step(run_state *s, const run_counts &before, int64_t step, int64_t rows, double loss)
{
    s->loss = before.loss + loss;
    s->rows = before.rows + rows;
    s->done = before.done + 1;
    s->next = step + 1;
}

/* Counts the step whose loss is s->pending, or marks the run as failed. */
__device__ static inline void account(run_state *s, const slice_table *table)
{
    s->active = -1;
    if (!isfinite(s->pending)) s->failed = FAILED_LOSS;
    if (s->failed) return;
    s->active = s->next;
    count_step(s, counts_of(s), s->next, table->row[s->next].count, s->pending);
}

/* Activates the update of the first models of a batch when the losses of its other models are still to be computed: the step is
 * not counted yet. */
__device__ static inline void let_step(run_state *s) { s->active = s->failed ? -1 : s->next; }

#endif
