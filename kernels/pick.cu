/* Copies rows of a matrix on the device, of any strides, contiguously. Values are copied bit by bit, whatever their type. */
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
    switch (t->bytes) {
    case 2: return LAUNCH(pick_kernel<uint16_t>, grid, block, 0, stream, *t);
    case 4: return LAUNCH(pick_kernel<uint32_t>, grid, block, 0, stream, *t);
    case 8: return LAUNCH(pick_kernel<uint64_t>, grid, block, 0, stream, *t);
    default: return LAUNCH(pick_kernel<pack<float>>, grid, block, 0, stream, *t);
    }
}
