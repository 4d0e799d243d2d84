/* Sums over rows of powers of z = (s x, 1): see `curvature` in host/backend.h. */
#include "block.h"
#include "kernels.h"
#include "stored.h"

template <class stored> __device__ static double square_at(const curvature_task &t, int64_t i, int64_t j)
{
    double z = (double)value_of(((const stored *)t.x)[(t.first + i) * t.ld + j]) * (t.scale ? t.scale[j] : 1);
    return z * z;
}

/* Computes q[i] = 1 + sum_j z_j^2. A row of threads processes a row of x and sums it in shared memory by a fixed tree. */
template <class stored> __global__ static void norms_kernel(curvature_task t)
{
    SHARED(double, shared, THREADS);
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    unsigned at = threadIdx.y * blockDim.x + threadIdx.x;
    double sum = 0;
    for (int64_t j = threadIdx.x; i < t.rows && j < t.d; j += blockDim.x) sum += square_at<stored>(t, i, j);
    shared[at] = sum;
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) shared[at] += shared[at + half];
    }
    if (threadIdx.x == 0 && i < t.rows) t.q[i] = 1 + shared[at];
}

/* Computes the sums of column j over the rows of segment s; column d has q in place of z_j^2. */
template <class real, class stored> __device__ static void add_segment(const curvature_task &t, int64_t s, int64_t j)
{
    double fourth = 0, second = 0;
    for (int64_t i = s * t.rows / t.segments; i < (s + 1) * t.rows / t.segments; i++) {
        double w = t.w ? (double)((const real *)t.w)[t.first + i] : 1, q = t.q[i], z = j < t.d ? square_at<stored>(t, i, j) : q;
        fourth += w * w * q * z;
        second += w * z;
    }
    t.partial[(s * (t.d + 1) + j) * 2] = fourth;
    t.partial[(s * (t.d + 1) + j) * 2 + 1] = second;
}

/* Each thread processes columns of a segment with the stride of the grid. */
template <class real, class stored> __global__ static void segments_kernel(curvature_task t)
{
    int64_t s = (int64_t)blockIdx.x * blockDim.y + threadIdx.y, step = (int64_t)gridDim.y * blockDim.x;
    if (s >= t.segments) return;
    for (int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x; j <= t.d; j += step) add_segment<real, stored>(t, s, j);
}

__global__ static void add_segments_kernel(curvature_task t)
{
    int64_t values = (t.d + 1) * 2;
    for (int64_t j = thread_number(); j < values; j += thread_count()) {
        double sum = t.sums[j];
        for (int64_t s = 0; s < t.segments; s++) sum += t.partial[s * values + j];
        t.sums[j] = sum;
    }
}

template <class real, class stored> static cudaError_t add_rows(const curvature_task *t, cudaStream_t stream)
{
    dim3 by_row = block_for(t->d), by_column = block_for(t->d + 1);
    dim3 segments = matrix_grid(t->segments, t->d + 1, by_column, 1);
    cudaError_t error = LAUNCH(norms_kernel<stored>, dim3(groups_of(t->rows, by_row.y)), by_row, 0, stream, *t);
    if (!error) error = LAUNCH((segments_kernel<real, stored>), segments, by_column, 0, stream, *t);
    if (!error) error = LAUNCH(add_segments_kernel, dim3(blocks_for((t->d + 1) * 2)), dim3(THREADS), 0, stream, *t);
    return error;
}

extern "C" cudaError_t kernel_curvature(const curvature_task *t, cudaStream_t stream)
{
    if (t->precision == CUSGD_PRECISION_DOUBLE) return add_rows<double, double>(t, stream);
    return t->storage == CUSGD_STORAGE_BF16 ? add_rows<float, bf16>(t, stream) : add_rows<float, float>(t, stream);
}
