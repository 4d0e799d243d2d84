/* How a step is counted. */
#ifndef CUSGD_KERNELS_ACCOUNT_H
#define CUSGD_KERNELS_ACCOUNT_H

#include "kernels.h"

/* One thread's work, once the batch's loss is known (s->pending): counts the step, or declares the run failed. */
__device__ static inline void account(run_state *s, const slice_table *table)
{
    s->active = -1;
    if (!isfinite(s->pending)) s->failed = 1;
    if (s->failed) return;
    s->loss += s->pending;
    s->rows += table->row[s->next].count;
    s->done++;
    s->active = s->next++;
}

#endif
