/* Computes for (i < rows) for (j < ld) out[i ld + j] = x[i ld + j] s[i k + c]. */
#include "block.h"
#include "kernels.h"

template <class real> __global__ static void scale_kernel(scale_task t)
{
    const real *x = (const real *)t.x, *s = (const real *)t.s;
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y, step = (int64_t)gridDim.y * blockDim.x;
    if (i >= t.rows) return;
    real factor = s[i * t.k + t.c];
    for (int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x; j < t.ld; j += step)
        ((real *)t.out)[i * t.ld + j] = x[i * t.ld + j] * factor;
}

extern "C" cudaError_t kernel_scale(const scale_task *t, cudaStream_t stream)
{
    dim3 block = block_for(t->ld), grid = matrix_grid(t->rows, t->ld, block, 4);
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(scale_kernel<float>, grid, block, 0, stream, *t)
                                                 : LAUNCH(scale_kernel<double>, grid, block, 0, stream, *t);
}
