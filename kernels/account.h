/* How a step is counted. */
#ifndef CUSGD_KERNELS_ACCOUNT_H
#define CUSGD_KERNELS_ACCOUNT_H

#include "kernels.h"

/* What is counted; one thread's work, once a step's loss is known. */
typedef struct run_counts {
    double loss;
    int64_t rows, done;
} run_counts;
__device__ static inline run_counts counts_of(const run_state *s) { return {s->loss, s->rows, s->done}; }

/* Step number `step` counts, of `rows` rows; `before`: counts_of(s), which may be read long before the loss is known. */
__device__ static inline void count_step(run_state *s, const run_counts &before, int64_t step, int64_t rows, double loss)
{
    s->loss = before.loss + loss;
    s->rows = before.rows + rows;
    s->done = before.done + 1;
    s->next = step + 1;
}

/* Of the batch's loss in s->pending: counts the step, or declares the run failed. */
__device__ static inline void account(run_state *s, const slice_table *table)
{
    s->active = -1;
    if (!isfinite(s->pending)) s->failed = FAILED_LOSS;
    if (s->failed) return;
    s->active = s->next;
    count_step(s, counts_of(s), s->next, table->row[s->next].count, s->pending);
}

/* Of models that others of the same batch follow: which of these take the step is known, and it is not over. */
__device__ static inline void let_step(run_state *s) { s->active = s->failed ? -1 : s->next; }

#endif
