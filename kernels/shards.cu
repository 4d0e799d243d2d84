/* Steps over shards: the sums of each shard are stored, rounded to `real`, and added by the tree of scalar/shards.h, as in
 * host/cpu/step.c:
 *
 *     sum(first, count) = sum(first, tree_left(count)) + sum(first + tree_left(count), count - tree_left(count))
 *
 * With several processes, each process adds the nodes of the tree that consist of its shards, and all processes receive the
 * nodes of all others (host/cuda/exchange.c).
 *
 * Bytes per parameter and step: 2 L reals for L shards, which stay in the L2 cache. */
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

/* Evaluates the tree from its leaves in order. Level l holds the sum over the latest 2^l shards that start at a multiple of 2^l
 * until the right neighbor is available. At the end, the levels of the bits of the number of shards remain, and the last
 * (smallest) ones are added first. A node of 2^l shards enters at level l. Only the last node of the tree may have another
 * number of shards; it starts the sum to which the remaining levels are added. nodes NULL: each of `count` nodes is one shard. */
enum { LEVELS = 11 };
static_assert(MAX_SHARDS < 1 << LEVELS, "a level for each bit of their number");
template <class T> __device__ static T tree_sum(const T *value, int64_t stride, int count, const tree_node *nodes)
{
    T level[LEVELS] = {}, sum = 0;
    int before = 0; /* number of shards in the levels */
    bool begun = false;
    for (int i = 0; i < count; i++) {
        tree_node at = {i, 1};
        if (nodes) at = nodes[i];
        sum = value[i * stride];
        bool moves = !(at.count & (at.count - 1)); /* to the next level until one is free; `break` would prevent unrolling */
        begun = !moves;
        if (moves) before += at.count;
        UNROLLED
        for (int l = 0; l < LEVELS; l++) {
            bool below = 1 << l < at.count, free = !(at.first >> l & 1);
            if (moves && !below && free) level[l] = sum;
            moves = moves && (below || !free);
            if (moves && !below) sum = level[l] + sum;
        }
    }
    UNROLLED
    for (int l = 0; l < LEVELS; l++) {
        if (!(before >> l & 1)) continue;
        sum = begun ? level[l] + sum : level[l];
        begun = true;
    }
    return sum;
}

template <class real> __global__ static void add_node_kernel(shards_task t, int first, int count, real *sums, double *loss)
{
    const real *from = (const real *)t.sums + first * t.stride;
    for (int64_t u = thread_number(); u < t.size; u += thread_count()) sums[u] = tree_sum(from + u, t.stride, count, nullptr);
    if (thread_number() == 0) *loss = tree_sum(t.losses + first, 1, count, nullptr);
}

extern "C" cudaError_t kernel_add_node(const shards_task *t, int first, int count, void *sums, double *loss, cudaStream_t stream)
{
    dim3 grid(blocks_for(t->size)), block(THREADS);
    return t->precision == CUSGD_PRECISION_FLOAT
               ? LAUNCH(add_node_kernel<float>, grid, block, 0, stream, *t, first, count, (float *)sums, loss)
               : LAUNCH(add_node_kernel<double>, grid, block, 0, stream, *t, first, count, (double *)sums, loss);
}

template <class real> __global__ static void add_shards_kernel(shards_task t, nodes_task n)
{
    int64_t added = n.end - n.first, intercepts = t.size - t.penalized;
    for (int64_t i = thread_number(); i < added + intercepts; i += thread_count()) {
        int64_t u = i < added ? n.first + i : t.penalized + i - added;
        real sum = tree_sum((const real *)n.sums + u, n.stride, n.count, n.nodes);
        if (u < t.penalized)
            ((real *)t.gradient)[u] = sum;
        else
            t.total[u - t.penalized] = (double)sum;
    }
    if (thread_number() > 0) return;
    t.state->pending = tree_sum(n.losses, n.loss_stride, n.count, n.nodes);
    account(t.state, t.table);
}

extern "C" cudaError_t kernel_add_shards(const shards_task *t, const nodes_task *n, cudaStream_t stream)
{
    dim3 grid(blocks_for(n->end - n->first + t->size - t->penalized)), block(THREADS);
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(add_shards_kernel<float>, grid, block, 0, stream, *t, *n)
                                                 : LAUNCH(add_shards_kernel<double>, grid, block, 0, stream, *t, *n);
}
