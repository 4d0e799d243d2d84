/* A step over shards: each one's sums are kept, rounded to `real`, and added by the tree of scalar/shards.h, which
 * host/cpu/step.c has, too:
 *
 *     sum(first, count) = sum(first, tree_left(count)) + sum(first + tree_left(count), count - tree_left(count))
 *
 * Bytes per parameter and step: of L shards, 2 L reals, which stay in the L2 cache. */
#include "account.h"
#include "block.h"
#include "kernels.h"

template <class real> __global__ static void keep_share_kernel(shards_task t, int shard)
{
    real *to = (real *)t.sums + shard * t.stride;
    for (int64_t u = thread_number(); u < t.size; u += thread_count())
        to[u] = u >= t.penalized ? (real)t.total[u - t.penalized] : t.sum ? (real)t.sum[u] : ((const real *)t.gradient)[u];
    if (thread_number() == 0) t.losses[shard] = t.state->pending;
}

extern "C" cudaError_t kernel_keep_share(const shards_task *t, int shard, cudaStream_t stream)
{
    dim3 grid(blocks_for(t->size)), block(THREADS);
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(keep_share_kernel<float>, grid, block, 0, stream, *t, shard)
                                                 : LAUNCH(keep_share_kernel<double>, grid, block, 0, stream, *t, shard);
}

/* The tree from its leaves on, in their order: level l has the sum over the latest 2^l values that begin at a multiple of 2^l,
 * until its right neighbor is there. What is left at the end are the trees of count's bits, whose last ones are added first. */
enum { LEVELS = 11 };
static_assert(MAX_SHARDS < 1 << LEVELS, "a level for each bit of their number");
template <class T> __device__ static T tree_sum(const T *value, int64_t stride, int count)
{
    T level[LEVELS] = {}, sum = 0;
    for (int h = 0; h < count; h++) {
        sum = value[h * stride];
        bool moves = true; /* to the next level, until one is free; no `break`, which keeps the compiler from unrolling */
        UNROLLED
        for (int l = 0; l < LEVELS; l++) {
            bool free = !(h >> l & 1);
            if (moves && free) level[l] = sum;
            moves = moves && !free;
            if (moves) sum = level[l] + sum;
        }
    }
    bool begun = false;
    UNROLLED
    for (int l = 0; l < LEVELS; l++) {
        if (!(count >> l & 1)) continue;
        sum = begun ? level[l] + sum : level[l];
        begun = true;
    }
    return sum;
}

template <class real> __global__ static void add_shards_kernel(shards_task t)
{
    for (int64_t u = thread_number(); u < t.size; u += thread_count()) {
        real sum = tree_sum((const real *)t.sums + u, t.stride, t.count);
        if (u < t.penalized)
            ((real *)t.gradient)[u] = sum;
        else
            t.total[u - t.penalized] = (double)sum;
    }
    if (thread_number() > 0) return;
    t.state->pending = tree_sum(t.losses, 1, t.count);
    account(t.state, t.table);
}

extern "C" cudaError_t kernel_add_shards(const shards_task *t, cudaStream_t stream)
{
    dim3 grid(blocks_for(t->size)), block(THREADS);
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(add_shards_kernel<float>, grid, block, 0, stream, *t)
                                                 : LAUNCH(add_shards_kernel<double>, grid, block, 0, stream, *t);
}
