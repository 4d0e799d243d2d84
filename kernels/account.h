/* How a step is counted. */
#ifndef CUSGD_KERNELS_ACCOUNT_H
#define CUSGD_KERNELS_ACCOUNT_H

#include "kernels.h"

/* One thread's work, once a step's loss is known: the step counts. */
__device__ static inline void count_step(run_state *s, const slice_table *table, double loss)
{
    s->loss += loss;
    s->rows += table->row[s->next].count;
    s->done++;
    s->next++;
}

/* Likewise, of the batch's loss in s->pending: counts the step, or declares the run failed. */
__device__ static inline void account(run_state *s, const slice_table *table)
{
    s->active = -1;
    if (!isfinite(s->pending)) s->failed = FAILED_LOSS;
    if (s->failed) return;
    s->active = s->next;
    count_step(s, table, s->pending);
}

#endif
