/* Weighted means and sums of squared deviations of columns, computed by tiles that are merged in order (scalar/moments.h). The
 * additions are the same as on the CPU, and therefore the bits are too. */
#include "block.h"
#include "kernels.h"
#include "scalar/moments.h"

/* Returns the moments of column j over rows first .. last - 1, with deviations from their own mean, in two passes. */
template <class T>
__device__ static moment tile_moment(const T *x, const double *w, int64_t first, int64_t last, int64_t cols, int64_t j,
                                     int from_first)
{
    moment m = {0, 0, 0};
    int64_t counts = first; /* the first row with a positive weight */
    while (w && counts < last - 1 && w[counts] <= 0) counts++;
    double origin = from_first ? (double)x[counts * cols + j] : 0;
    for (int64_t i = first; i < last; i++) {
        double weight = w ? w[i] : 1;
        m.weight += weight;
        m.mean += weight * ((double)x[i * cols + j] - origin);
    }
    if (m.weight > 0) m.mean = origin + m.mean / m.weight;
    for (int64_t i = first; i < last && m.weight > 0; i++) {
        double deviation = (double)x[i * cols + j] - m.mean;
        m.square += (w ? w[i] : 1) * (deviation * deviation);
    }
    return m;
}

/* Each thread processes columns of one tile with the stride of the grid. */
template <class T>
__global__ static void tile_moments_kernel(const T *x, const double *w, int64_t rows, int64_t cols, int64_t tile, int from_first,
                                           moment_arrays out)
{
    int64_t group = (int64_t)blockIdx.x * blockDim.y + threadIdx.y, step = (int64_t)gridDim.y * blockDim.x;
    int64_t first = group * tile, last = first + tile < rows ? first + tile : rows;
    if (first >= rows) return;
    for (int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x; j < cols; j += step) {
        moment m = tile_moment(x, w, first, last, cols, j, from_first);
        out.weight[group * cols + j] = m.weight;
        out.mean[group * cols + j] = m.mean;
        out.square[group * cols + j] = m.square;
    }
}

extern "C" cudaError_t kernel_tile_moments(cusgd_type type, const void *x, const double *w, int64_t rows, int64_t cols,
                                           int64_t tile, int from_first, moment_arrays out, cudaStream_t stream)
{
    dim3 block = block_for(cols), grid = matrix_grid(groups_of(rows, tile), cols, block, 1);
    return type == CUSGD_TYPE_FLOAT32 ? LAUNCH(tile_moments_kernel<float>, grid, block, 0, stream, (const float *)x, w, rows,
                                               cols, tile, from_first, out)
                                      : LAUNCH(tile_moments_kernel<double>, grid, block, 0, stream, (const double *)x, w, rows,
                                               cols, tile, from_first, out);
}

__global__ static void merge_moments_kernel(moment_arrays from, int64_t first, int64_t count, moment_arrays to, int64_t into,
                                            int64_t cols)
{
    for (int64_t j = thread_number(); j < cols; j += thread_count()) {
        int64_t at = into * cols + j;
        moment sum = {to.weight[at], to.mean[at], to.square[at]};
        for (int64_t g = first; g < first + count; g++) {
            moment m = {from.weight[g * cols + j], from.mean[g * cols + j], from.square[g * cols + j]};
            moment_merge(&sum, &m);
        }
        to.weight[at] = sum.weight;
        to.mean[at] = sum.mean;
        to.square[at] = sum.square;
    }
}

extern "C" cudaError_t kernel_merge_moments(moment_arrays from, int64_t first, int64_t count, moment_arrays to, int64_t into,
                                            int64_t cols, cudaStream_t stream)
{
    return LAUNCH(merge_moments_kernel, dim3(blocks_for(cols)), dim3(THREADS), 0, stream, from, first, count, to, into, cols);
}
