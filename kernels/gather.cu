/* Copies the rows of a batch contiguously: for (i < rows) out[i] = i < count ? x[order[i]] : 0. Rows stored as bf16 are
 * converted to float, because cuBLAS multiplies bf16 only by bf16, and theta and derivatives should not be rounded. */
#include "block.h"
#include "kernels.h"
#include "stored.h"

/* Copies a row as packs of 16 bytes, or value by value (T real). */
template <class T> __device__ static void copy_row(const T *from, T *to, int64_t pieces)
{
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    for (; j < pieces; j += step) to[j] = from ? from[j] : T();
}
__device__ static void copy_row(const bf16 *from, float *to, int64_t pieces)
{
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    for (; j < pieces; j += step) to[j] = from ? value_of(from[j]) : 0;
}
__device__ static void copy_row(const pack<bf16> *from, pack<float> *to, int64_t pieces)
{
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    for (; j < pieces; j += step) {
        pack<bf16> v = from ? from[j] : pack<bf16>();
        for (int i = 0; i < 8; i++) to[2 * j + i / 4].at[i % 4] = value_at(v, i);
    }
}

template <class real, class stored> __global__ static void gather_kernel(gather_task t)
{
    int64_t step = t.state->next, i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (t.begins && blockIdx.x + blockIdx.y + threadIdx.x + threadIdx.y == 0) t.state->gathered = step;
    if (i >= t.rows) return;
    const step_row *s = t.table->row + step;
    int64_t position = t.start + i;
    const stored *from = NULL;
    if (position < s->count) {
        int64_t row = t.order ? t.order[step % 2 * t.batch + position] : s->first + position;
        from = (const stored *)t.x + row * t.ld;
    }
    real *to = (real *)t.out + i * t.ld;
    const int values = 16 / sizeof(stored);
    if (t.ld % values == 0)
        copy_row((const pack<stored> *)from, (pack<real> *)to, t.ld / values);
    else
        copy_row(from, to, t.ld);
}

template <class real, class stored> static cudaError_t gather(const gather_task *t, cudaStream_t stream)
{
    int64_t values = 16 / (int64_t)sizeof(stored), pieces = t->ld % values == 0 ? t->ld / values : t->ld;
    dim3 block = block_for(pieces), grid = matrix_grid(t->rows, pieces, block, 4);
    return LAUNCH((gather_kernel<real, stored>), grid, block, 0, stream, *t);
}

extern "C" cudaError_t kernel_gather(const gather_task *t, cudaStream_t stream)
{
    if (t->precision == CUSGD_PRECISION_DOUBLE) return gather<double, double>(t, stream);
    return t->storage == CUSGD_STORAGE_BF16 ? gather<float, bf16>(t, stream) : gather<float, float>(t, stream);
}
