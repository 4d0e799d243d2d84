/* Computes the values that softmax shares between outputs:
 *
 *     for (i < rows) shared[i] = max_c q_c, sum_c e^(q_c - max) - 1, where q_c = p[i][c] + o[i] + intercept[c]
 *
 * Each warp processes one row, so that both few and many outputs are possible. The sum is one of integers (scalar/softmax.h),
 * so that it does not depend on the order of addition over lanes. */
#include "block.h"
#include "kernels.h"
#include "scalar/softmax.h"

enum { LANES_OF_A_ROW = 32, ROWS_OF_A_BLOCK = THREADS / LANES_OF_A_ROW };

/* Returns the row of the examples that is row i of p, or -1 for none. */
__device__ static int64_t example_of(const loss_task &t, int64_t i)
{
    if (!t.table) return t.first + i;
    int64_t step = t.state->next, at = t.start + i;
    if (at >= t.table->row[step].count) return -1;
    return t.order ? t.order[step % 2 * t.batch + at] : t.table->row[step].first + at;
}

template <class real> __device__ static real prediction(const loss_task &t, int64_t i, int64_t c, int64_t example)
{
    real p = ((const real *)t.p)[i * t.k + c];
    if (t.o) p += ((const real *)t.o)[example];
    return p + ((const real *)t.intercept)[c];
}

/* Return the maximum and the sum in all lanes of a warp. The maximum ignores NaNs, which softmax_add() detects. */
template <class real> __device__ static real warp_maximum(real v)
{
    for (int offset = LANES_OF_A_ROW / 2; offset > 0; offset /= 2) {
        real other = __shfl_xor_sync(FULL_WARP, v, offset);
        if (other > v) v = other;
    }
    return v;
}

__device__ static softmax_sum warp_total(softmax_sum sum)
{
    for (int offset = LANES_OF_A_ROW / 2; offset > 0; offset /= 2) {
        sum.high += __shfl_xor_sync(FULL_WARP, sum.high, offset);
        sum.low += __shfl_xor_sync(FULL_WARP, sum.low, offset);
        sum.bad |= __shfl_xor_sync(FULL_WARP, sum.bad, offset);
    }
    return sum;
}

template <class real> __global__ static void softmax_kernel(loss_task t)
{
    int64_t i = (int64_t)blockIdx.x * ROWS_OF_A_BLOCK + threadIdx.y;
    if (i >= t.rows) return; /* the same in all lanes of the warp */
    int64_t example = example_of(t, i);
    if (example < 0) return;
    softmax_sum sum = {0, 0, 0};
    real most = prediction<real>(t, i, threadIdx.x < t.k ? threadIdx.x : 0, example);
    for (int64_t c = threadIdx.x; c < t.k; c += LANES_OF_A_ROW) {
        real p = prediction<real>(t, i, c, example);
        if (p > most) most = p;
    }
    most = warp_maximum(most);
    for (int64_t c = threadIdx.x; c < t.k; c += LANES_OF_A_ROW) softmax_add<real>(&sum, prediction<real>(t, i, c, example), most);
    sum = warp_total(sum);
    if (threadIdx.x > 0) return;
    ((real *)t.shared)[2 * i] = most;
    ((real *)t.shared)[2 * i + 1] = (real)softmax_rest(sum);
}

extern "C" cudaError_t kernel_softmax(const loss_task *t, cudaStream_t stream)
{
    dim3 block(LANES_OF_A_ROW, ROWS_OF_A_BLOCK), grid(groups_of(t->rows, ROWS_OF_A_BLOCK));
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(softmax_kernel<float>, grid, block, 0, stream, *t)
                                                 : LAUNCH(softmax_kernel<double>, grid, block, 0, stream, *t);
}
