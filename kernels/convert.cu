/* Between the host's numbers and the device's: what bind() makes of the caller's, and what goes back in double. */
#include "block.h"
#include "kernels.h"

template <class from_t, class real> __global__ static void convert_kernel(convert_task t)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    if (i >= t.rows) return;
    for (; j < t.cols; j += step) {
        double v = (double)((const from_t *)t.from)[i * t.cols + j];
        if (t.mean) v -= t.mean[j];
        if (t.inverse) v *= t.inverse[j];
        ((real *)t.to)[i * t.ld + j] = (real)(v / t.divisor);
    }
}

extern "C" cudaError_t kernel_convert(const convert_task *t, cudaStream_t stream)
{
    dim3 block = block_for(t->cols), grid(groups_of(t->rows, block.y), column_blocks(t->cols, block, 4));
    if (t->type == CUSGD_TYPE_FLOAT32)
        return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH((convert_kernel<float, float>), grid, block, 0, stream, *t)
                                                     : LAUNCH((convert_kernel<float, double>), grid, block, 0, stream, *t);
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH((convert_kernel<double, float>), grid, block, 0, stream, *t)
                                                 : LAUNCH((convert_kernel<double, double>), grid, block, 0, stream, *t);
}

template <class real> __global__ static void widen_kernel(widen_task t)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    if (i >= t.count) return;
    const real *from = (const real *)t.from + (t.rows ? t.rows[i] : i) * t.ld, *add = (const real *)t.add;
    real each = t.each ? ((const real *)t.each)[i] : 0;
    for (; j < t.cols; j += step) {
        real v = t.each ? from[j] + each : from[j];
        t.to[i * t.cols + j] = (double)(add ? v + add[j] : v);
    }
}

extern "C" cudaError_t kernel_widen(const widen_task *t, cudaStream_t stream)
{
    dim3 block = block_for(t->cols), grid(groups_of(t->count, block.y), column_blocks(t->cols, block, 4));
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(widen_kernel<float>, grid, block, 0, stream, *t)
                                                 : LAUNCH(widen_kernel<double>, grid, block, 0, stream, *t);
}
