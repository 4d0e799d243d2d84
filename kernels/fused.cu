/* The engine `fused`: a step in one kernel, or in two where the parts' gradients are large together.
 *
 * Bytes per step: B d 4 of x, read once (cuBLAS: 3 reads and a write, gathered), and 8 parts d of the parts' gradients, which
 * stay in the L2 cache. Flops: 4 B d. On an H200 (4.3 TB/s, 132 multiprocessors) reading takes longer than anything else from
 * about 8 MB a batch on; below that, the way from kernel to kernel and the chain load - dot - add up - arrive - update. From
 * compute capability 9.0 on a kernel begins while the one before it ends, brings its first rows into the L2 cache and waits: of a
 * batch of 65536 x 256, 15.6 us of reading, what lies between two steps is 2.4 us, in which memory sends 10 MB. Times, predicted
 * and measured: tests/gpu/PREDICTED.md. Longer rows, by clusters: cluster.cu. */
#include "parts.h"

/* A part a block. Where the step ends in this kernel, the last block to arrive has the batch's loss, counts the step and updates
 * the parameters. */
template <class L>
__global__ __launch_bounds__(L::THREADS_MOST, 512 / L::THREADS_MOST) static void fused_kernel(fused_task t, int ends)
{
    typedef typename L::real real;
    SHARED(double, shared, shared_doubles<L>());
    SHARED(unsigned, ticket, 1);
    SHARED(step_row, rows, 2);
    SHARED(step_now, kept, 1); /* rather than registers, through all of the part */
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

/* Otherwise: every block has the batch's loss, the first one counts the step, and each updates its share of the parameters. The
 * next step's kernel may begin before this one does: it waits for both. */
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
    if (blockIdx.x + threadIdx.x == 0) before = counts_of(t.state); /* this thread writes them below: others may not read them */
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

/* Which part of a step a launch is for: all of it, or of a shard's share the parts' gradients alone. */
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
    const int values = 16 / sizeof(stored), longest = sizeof(stored) == sizeof(bf16) ? 4 : 8; /* packs: fused_shape_of() */
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

/* In the order in which a step without shards adds its parts up. */
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
