/* Computes the rows of a batch: for (i < count) order[i] = sampler_row(first + i). */
#include "block.h"
#include "kernels.h"

__global__ static void order_kernel(order_task t)
{
    int64_t step = t.ahead ? t.state->gathered + 1 : 0;
    if (step >= t.table->count) return;
    int64_t first = t.table->row[step].first, count = t.table->row[step].count, *order = t.order + step % 2 * t.batch;
    for (int64_t i = thread_number(); i < count; i += thread_count())
        order[i] = (int64_t)sampler_row(&t.table->order, (uint64_t)(first + i));
}

extern "C" cudaError_t kernel_order(const order_task *t, cudaStream_t stream)
{
    return LAUNCH(order_kernel, dim3(blocks_for(t->batch)), dim3(THREADS), 0, stream, *t);
}
