/* The engine `fused`: a step runs as one kernel, or as two if the gradients of the parts are large in total.
 *
 * Bytes per step: B d 4 for x, which is read once (with cuBLAS and gathering: 3 reads and a write), and 8 parts d for the
 * gradients of the parts, which stay in the L2 cache. Flops: 4 B d. On an H200 (4.3 TB/s, 132 multiprocessors), the time of
 * reading dominates from batches of about 8 MB on. For smaller batches, the time is that from one kernel to the next and the
 * latency of a sequence of dependent operations: load, dot product, reduction, arrival at the counter, update. From compute
 * capability 9.0 on, a kernel starts while the previous one ends, prefetches its first rows into the L2 cache and waits. For a
 * batch of 65536 x 256, reading takes 15.6 us, and 2.4 us pass between the reading of two steps, in which memory delivers 10
 * MB. Predicted and measured times: tests/gpu/PREDICTED.md. Clusters process longer rows: cluster.cu. */
#include "parts.h"

/* Each block processes one part. If the step ends in this kernel, the last block to arrive adds up the loss of the batch,
 * counts the step and updates the parameters. */
template <class L>
__global__ __launch_bounds__(L::THREADS_MOST, 512 / L::THREADS_MOST) static void fused_kernel(fused_task t, int ends)
{
    typedef typename L::real real;
    SHARED(double, shared, shared_doubles<L>());
    SHARED(unsigned, ticket, 1);
    SHARED(step_row, rows, 2);
    SHARED(step_now, kept, 1); /* in shared memory, because it would occupy registers while the part is processed */
    place p = place_of<L>(t);
    step_now now = begin_step<L>(t, blockIdx.x, (const typename L::stored *)t.x, p);
    if (now.step < 0) return;
    if (ends) bring_rows(t.update.table, now.step, now.is_last, rows);
    if (threadIdx.x == 0) kept[0] = now;
    point_share<L> point;
    load_point<L>((const real *)t.point, p, &point);
    run_part<L>(t, part_of<L>(t, span_of(t, blockIdx.x, now.first, now.count), (const typename L::stored *)t.x), blockIdx.x, 0,
                point, p, shared);
    if (!ends) return;
    copy_async_wait();
    if (!is_last_block(&t.state->arrived, gridDim.x, ticket)) return;
    run_counts before = counts_of(t.state);
    part_sums<real> sums = add_sums<real, 4>(t, 0, 0, shared);
    if (threadIdx.x == 0) {
        t.state->arrived = 0;
        end_step(t, before, kept[0].step, kept[0].count, sums.loss);
    }
    if (!isfinite(sums.loss)) return;
    const update_now<real> by = update_now_by<real>(t.update, rows, rows + !kept[0].is_last);
    update_columns<real, 4>(t, 0, t.update, by, sums, 0, 1, shared);
}

/* The second kernel of a step, used if fused_kernel does not end it. Every block computes the loss of the batch, the first
 * block counts the step, and each block updates its share of the parameters. The kernel of the next step may start before this
 * one; it waits for both kernels. */
template <class real> __global__ static void fused_update_kernel(fused_task t)
{
    SHARED(double, shared, THREADS * 16 / (int)sizeof(real));
    SHARED(step_row, rows, 2);
    let_later_begin();
    int64_t steps = t.update.table->count;
    wait_for_earlier();
    int64_t step = t.state->active;
    bool is_last = step + 1 >= steps;
    if (step >= 0) bring_rows(t.update.table, step, is_last, rows);
    run_counts before = {};
    if (blockIdx.x + threadIdx.x == 0) before = counts_of(t.state); /* before this thread writes them below */
    part_sums<real> sums = add_sums<real, 8>(t, 0, blockIdx.x, shared);
    copy_async_wait();
    __syncthreads();
    if (step < 0) return;
    if (blockIdx.x + threadIdx.x == 0) end_step(t, before, step, rows[0].count, sums.loss);
    if (!isfinite(sums.loss)) return;
    const update_now<real> by = update_now_by<real>(t.update, rows, rows + !is_last);
    update_columns<real, 8>(t, 0, t.update, by, sums, blockIdx.x, gridDim.x, shared);
}

template <class real> static cudaError_t update_step_of(const fused_task *t, cudaStream_t stream)
{
    const int values = 16 / sizeof(real);
    int packs = (int)groups_of(t->update.size, values), width = update_width(t->shape.parts, packs);
    launch_way way = {false, t->early != 0, 0};
    return LAUNCH_AS(way, fused_update_kernel<real>, dim3(groups_of(packs, width)), dim3(THREADS), 0, stream, *t);
}

/* What a launch includes: all of a step, or only the parts, for a shard's share of a batch. */
enum launched { STEP, PARTS };

template <class L> static cudaError_t launch_step(const fused_task *t, launched what, cudaStream_t stream)
{
    typedef typename L::real real;
    int ends = what == STEP && t->shape.parts * t->stride * (int64_t)sizeof(real) <= PASSED_BYTES;
    dim3 grid((unsigned)t->shape.parts), block((unsigned)t->shape.threads);
    launch_way way = {false, t->early != 0, 0};
    cudaError_t error = LAUNCH_AS(way, fused_kernel<L>, grid, block, 0, stream, *t, ends);
    return error || ends || what == PARTS ? error : update_step_of<real>(t, stream);
}

template <class real> static cudaError_t cluster_step(const fused_task *t, launched what, cudaStream_t stream)
{
    cudaError_t error = kernel_cluster_parts(t, stream);
    return error || what == PARTS ? error : update_step_of<real>(t, stream);
}

template <class real, class stored> static cudaError_t step_of(const fused_task *t, launched what, cudaStream_t stream)
{
    const int values = 16 / sizeof(stored), longest = sizeof(stored) == sizeof(bf16) ? 4 : 8; /* packs, see fused_shape_of() */
    int packs = t->shape.packs;
    if (t->shape.blocks > 1) return cluster_step<real>(t, what, stream);
    if (t->shape.values == 1) return launch_step<layout<real, 1, 1, false, stored>>(t, what, stream);
    if (t->shape.lanes <= 32)
        return packs == 1   ? launch_step<layout<real, values, 1, false, stored>>(t, what, stream)
               : packs == 2 ? launch_step<layout<real, values, 2, false, stored>>(t, what, stream)
                            : launch_step<layout<real, values, 4, false, stored>>(t, what, stream);
    return packs == 1   ? launch_step<layout<real, values, 1, true, stored>>(t, what, stream)
           : packs == 2 ? launch_step<layout<real, values, 2, true, stored>>(t, what, stream)
           : packs == 4 ? launch_step<layout<real, values, 4, true, stored>>(t, what, stream)
                        : launch_step<layout<real, values, longest, true, stored>>(t, what, stream);
}

static cudaError_t launch(const fused_task *t, launched what, cudaStream_t stream)
{
    if (t->update.precision == CUSGD_PRECISION_DOUBLE) return step_of<double, double>(t, what, stream);
    return t->storage == CUSGD_STORAGE_BF16 ? step_of<float, bf16>(t, what, stream) : step_of<float, float>(t, what, stream);
}

extern "C" cudaError_t kernel_fused_step(const fused_task *t, cudaStream_t stream) { return launch(t, STEP, stream); }

extern "C" cudaError_t kernel_fused_parts(const fused_task *t, cudaStream_t stream) { return launch(t, PARTS, stream); }

/* Adds up the parts in the same order as a step without shards does. */
template <class real>
__global__ __launch_bounds__(THREADS, 1) static void fused_share_kernel(fused_task t, real *to, double *loss)
{
    const int values = 16 / sizeof(real);
    SHARED(double, shared, THREADS * 16 / (int)sizeof(real));
    part_sums<real> sums = add_sums<real, 8>(t, 0, blockIdx.x, shared);
    columns_place c = columns_of<real>(t);
    int u = ((int)blockIdx.x * c.width + c.column) * values;
    if (blockIdx.x + threadIdx.x == 0) *loss = sums.loss;
    if (!join_groups<real>(c, u, (int)t.update.penalized, t.update.size, sums.derivative, sums.gradient, shared)) return;
    pack<real> rounded;
    for (int v = 0; v < values; v++) rounded.at[v] = (real)sums.gradient[v];
    store_pack(to + u, rounded);
}

template <class real> static cudaError_t share_of(const fused_task *t, void *sums, double *loss, cudaStream_t stream)
{
    int packs = (int)groups_of(t->update.size, 16 / (int)sizeof(real)), width = update_width(t->shape.parts, packs);
    return LAUNCH(fused_share_kernel<real>, dim3(groups_of(packs, width)), dim3(THREADS), 0, stream, *t, (real *)sums, loss);
}

extern "C" cudaError_t kernel_fused_share(const fused_task *t, void *sums, double *loss, cudaStream_t stream)
{
    return t->update.precision == CUSGD_PRECISION_FLOAT ? share_of<float>(t, sums, loss, stream)
                                                        : share_of<double>(t, sums, loss, stream);
}
