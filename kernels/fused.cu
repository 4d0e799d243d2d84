/* The engine `fused`: a step in one kernel, or in two where the parts' gradients are large together.
 *
 * Bytes a step: B d 4 of x, read once (cuBLAS: 3 reads and a write, gathered), and 8 parts d of the parts' gradients, which stay
 * in the L2 cache. Flops: 4 B d. On an H200 (4.3 TB/s, 132 multiprocessors) reading takes longer than anything else from about 4
 * MB a batch on; below that, a launch within a graph and the chain load - dot - add up - arrive - update. Times, predicted and
 * measured: tests/gpu/PREDICTED.md. */
#include "fused.h"

/* Once: the last block to arrive has the batch's loss, counts the step, and where that is little work updates the parameters. */
template <class L>
__global__ __launch_bounds__(L::THREADS_MOST, 512 / L::THREADS_MOST) static void fused_kernel(fused_task t, int ends)
{
    typedef typename L::real real;
    SHARED(double, shared, shared_doubles<L>());
    SHARED(unsigned, ticket, 1);
    int64_t step = t.state->next;
    if (t.state->failed) {
        if (blockIdx.x + threadIdx.x == 0) t.state->active = -1;
        return;
    }
    const step_row *row = t.update.table->row + step;
    const real *from = (const real *)t.point;
    int d = (int)t.update.penalised;
    place p = place_of<L>(t.shape);
    share<L> point;
    load_point<L>(from, d, p, &point);
    part_rows<real, typename L::stored> r = {part_begin(t, blockIdx.x, row->count),
                                             part_begin(t, blockIdx.x + 1, row->count),
                                             false,
                                             (const typename L::stored *)t.x,
                                             (const real *)t.y,
                                             (const real *)t.w,
                                             (const real *)t.o};
    run_part<L>(t, row->first, r, blockIdx.x, 0, point, from, p, shared);
    if (threadIdx.x == 0) {
        __threadfence();
        ticket[0] = atomicAdd(&t.state->arrived, 1u);
    }
    __syncthreads();
    if (ticket[0] != gridDim.x - 1) return;
    __threadfence();
    double loss, slope;
    add_sums(t, 0, shared, &loss, &slope);
    if (threadIdx.x == 0) {
        t.state->pending = loss;
        t.state->arrived = 0;
        t.total[0] = slope;
        account(t.state, t.update.table);
    }
    __syncthreads();
    if (ends && t.state->active >= 0) update_columns<real>(t, 0, t.update, step, slope, 0, 1, shared);
}

template <class real> __global__ static void fused_update_kernel(fused_task t)
{
    SHARED(double, shared, THREADS * 16 / (int)sizeof(real));
    int64_t step = t.state->active;
    if (step >= 0) update_columns<real>(t, 0, t.update, step, t.total[0], blockIdx.x, gridDim.x, shared);
}

template <class L> static cudaError_t launch_step(const fused_task *t, cudaStream_t stream)
{
    enum { ONE_BLOCK_BYTES = 64 * 1024 }; /* of partial gradients: a block reads these in less time than a launch takes */
    typedef typename L::real real;
    int ends = t->shape.parts * t->stride * (int64_t)sizeof(real) <= ONE_BLOCK_BYTES;
    dim3 grid((unsigned)t->shape.parts), block((unsigned)t->shape.threads);
    cudaError_t error = LAUNCH(fused_kernel<L>, grid, block, 0, stream, *t, ends);
    if (error || ends) return error;
    return LAUNCH(fused_update_kernel<real>, dim3(groups_of(t->update.size, 64 * 16 / (int)sizeof(real))), dim3(THREADS), 0,
                  stream, *t);
}

/* Rows of 8 packs: of bf16 there are none. */
template <class real> static cudaError_t longest_step(const fused_task *t, cudaStream_t stream, real)
{
    return launch_step<layout<real, 16 / sizeof(real), 8, true>>(t, stream);
}
static cudaError_t longest_step(const fused_task *, cudaStream_t, bf16) { return cudaErrorInvalidValue; }

template <class real, class stored> static cudaError_t step_of(const fused_task *t, cudaStream_t stream)
{
    const int values = 16 / sizeof(stored);
    int packs = t->shape.packs;
    if (t->shape.values == 1) return launch_step<layout<real, 1, 1, false, stored>>(t, stream);
    if (t->shape.lanes <= 32)
        return packs == 1   ? launch_step<layout<real, values, 1, false, stored>>(t, stream)
               : packs == 2 ? launch_step<layout<real, values, 2, false, stored>>(t, stream)
                            : launch_step<layout<real, values, 4, false, stored>>(t, stream);
    return packs == 1   ? launch_step<layout<real, values, 1, true, stored>>(t, stream)
           : packs == 2 ? launch_step<layout<real, values, 2, true, stored>>(t, stream)
           : packs == 4 ? launch_step<layout<real, values, 4, true, stored>>(t, stream)
                        : longest_step(t, stream, stored());
}

extern "C" cudaError_t kernel_fused_step(const fused_task *t, cudaStream_t stream)
{
    if (t->update.precision == CUSGD_PRECISION_DOUBLE) return step_of<double, double>(t, stream);
    return t->storage == CUSGD_STORAGE_BF16 ? step_of<float, bf16>(t, stream) : step_of<float, float>(t, stream);
}

/* ---- The shape ---- */

/* Threads a row, and loads a thread: packs of 16 bytes (or values) up to this many go with them. */
struct row_shape {
    int most, lanes, threads, packs;
};
static const row_shape row_shapes[] = {{8, 8, 256, 1},      {16, 16, 256, 1},   {32, 32, 256, 1},   {64, 32, 256, 2},
                                       {128, 32, 256, 4},   {256, 256, 256, 1}, {512, 256, 256, 2}, {1024, 512, 512, 2},
                                       {2048, 512, 512, 4}, {4096, 512, 512, 8}};

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

extern "C" int fused_shape_of(cusgd_precision precision, cusgd_storage storage, int64_t batch, int64_t ld, fused_shape *out)
{
    enum {
        PART_BYTES = 32 * 1024, /* of x, at least: what a block reads in the time that a barrier takes */
        PART_ROWS = 8,          /* likewise: a part's gradient is as long as a row */
        MOST_PARTS = 528,       /* unless sums grow too long: 4 blocks on each of 132 multiprocessors */
        MOST_TERMS = 256        /* of a sum in `real` */
    };
    int64_t element = precision == CUSGD_PRECISION_DOUBLE ? 8 : storage == CUSGD_STORAGE_BF16 ? 2 : 4, values = 16 / element;
    if (ld < padded_from(values)) values = 1; /* such rows are not padded */
    for (const row_shape &s : row_shapes) {
        if (ld / values > s.most) continue;
        if (element == 2 && s.packs == 8) break; /* their sums in float would not fit into the registers */
        int64_t slots = s.threads / s.lanes, rows = larger(PART_BYTES / (ld * element), PART_ROWS);
        rows = larger(rows, (batch + MOST_PARTS - 1) / MOST_PARTS);
        if (rows > slots * MOST_TERMS) rows = slots * MOST_TERMS;
        rows = (rows + slots - 1) / slots * slots;
        *out = {(int)values, s.packs, s.threads, s.lanes, rows, (batch + rows - 1) / rows};
        return 1;
    }
    return 0;
}
