/* Rows of a matrix of any strides that lies on the device, behind one another. */
#include "block.h"
#include "kernels.h"

template <class T> __global__ static void pick_kernel(pick_task t)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    if (i >= t.count) return;
    const T *from = (const T *)t.from + (t.rows ? t.rows[i] : i) * t.row_stride;
    for (; j < t.cols; j += step) ((T *)t.to)[i * t.cols + j] = from[j * t.col_stride];
}

extern "C" cudaError_t kernel_pick(const pick_task *t, cudaStream_t stream)
{
    dim3 block = block_for(t->cols), grid = matrix_grid(t->count, t->cols, block, 4);
    return t->type == CUSGD_TYPE_FLOAT32 ? LAUNCH(pick_kernel<float>, grid, block, 0, stream, *t)
                                         : LAUNCH(pick_kernel<double>, grid, block, 0, stream, *t);
}
