/* The batch's rows of x, one behind the other: for (i < rows) out[i] = i < count ? x[order[i]] : 0. */
#include "block.h"
#include "kernels.h"

/* A row of ld values in pieces of 16 bytes, or (T real) one by one. */
template <class T> __device__ static void copy_row(const T *from, T *to, int64_t pieces)
{
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    for (; j < pieces; j += step) to[j] = from ? from[j] : T();
}

template <class real> __global__ static void gather_kernel(gather_task t)
{
    int64_t step = t.state->next, i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (t.start == 0 && blockIdx.x + blockIdx.y + threadIdx.x + threadIdx.y == 0) t.state->gathered = step;
    if (i >= t.rows) return;
    const step_row *s = t.table->row + step;
    int64_t position = t.start + i;
    const real *from = NULL;
    if (position < s->count) {
        int64_t row = t.order ? t.order[step % 2 * t.batch + position] : s->first + position;
        from = (const real *)t.x + row * t.ld;
    }
    real *to = (real *)t.out + i * t.ld;
    const int values = 16 / sizeof(real);
    if (t.ld % values == 0)
        copy_row((const pack<real> *)from, (pack<real> *)to, t.ld / values);
    else
        copy_row(from, to, t.ld);
}

template <class real> static cudaError_t gather(const gather_task *t, cudaStream_t stream)
{
    int64_t values = 16 / (int64_t)sizeof(real), pieces = t->ld % values == 0 ? t->ld / values : t->ld;
    dim3 block = block_for(pieces), grid(groups_of(t->rows, block.y), column_blocks(pieces, block, 4));
    return LAUNCH(gather_kernel<real>, grid, block, 0, stream, *t);
}

extern "C" cudaError_t kernel_gather(const gather_task *t, cudaStream_t stream)
{
    return t->precision == CUSGD_PRECISION_FLOAT ? gather<float>(t, stream) : gather<double>(t, stream);
}
