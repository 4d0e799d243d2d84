/* Conversion between the caller's values and those on the device, in both directions. */
#include "block.h"
#include "kernels.h"
#include "scalar/standardize.h"
#include "stored.h"

__device__ static inline void put(double v, bool, float *to) { *to = (float)v; }
__device__ static inline void put(double v, bool rounds, double *to) { *to = rounds ? (double)bf16_value(bf16_of(v)) : v; }
__device__ static inline void put(double v, bool, bf16 *to) { *to = bf16_of(v); }

template <class from_t, class to_t> __global__ static void convert_kernel(convert_task t)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    if (i >= t.rows) return;
    for (; j < t.cols; j += step) {
        from_t x = ((const from_t *)t.from)[i * t.cols + j];
        to_t *to = (to_t *)t.to + i * t.ld + j;
        if (t.in_float && is_float((double)x)) {
            const float *of = t.in_float + j;
            put((double)STANDARDIZED((float)x, of[0], of[t.columns]), false, to);
            continue;
        }
        double v = STANDARDIZED((double)x, t.mean ? t.mean[j] : 0, t.inverse ? t.inverse[j] : 1);
        put(v / t.divisor, t.storage == CUSGD_STORAGE_BF16, to);
    }
}

template <class from_t> static cudaError_t convert(const convert_task *t, cudaStream_t stream)
{
    dim3 block = block_for(t->cols), grid = matrix_grid(t->rows, t->cols, block, 4);
    if (t->precision == CUSGD_PRECISION_DOUBLE) return LAUNCH((convert_kernel<from_t, double>), grid, block, 0, stream, *t);
    return t->storage == CUSGD_STORAGE_BF16 ? LAUNCH((convert_kernel<from_t, bf16>), grid, block, 0, stream, *t)
                                            : LAUNCH((convert_kernel<from_t, float>), grid, block, 0, stream, *t);
}

extern "C" cudaError_t kernel_convert(const convert_task *t, cudaStream_t stream)
{
    return t->type == CUSGD_TYPE_FLOAT32 ? convert<float>(t, stream) : convert<double>(t, stream);
}

/* Returns v + add[at], or v if add is NULL. */
template <class real> __device__ static real plus(real v, const real *add, int64_t at) { return add ? v + add[at] : v; }

template <class real, class stored> __global__ static void widen_kernel(widen_task t)
{
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x, step = (int64_t)gridDim.y * blockDim.x;
    if (i >= t.count) return;
    const stored *from = (const stored *)t.from + (t.rows ? t.rows[i] : i) * t.ld;
    const real *add = (const real *)t.add, *each = (const real *)t.each;
    for (; j < t.cols; j += step) t.to[i * t.cols + j] = (double)plus<real>(plus<real>(value_of(from[j]), each, i), add, j);
}

extern "C" cudaError_t kernel_widen(const widen_task *t, cudaStream_t stream)
{
    dim3 block = block_for(t->cols), grid = matrix_grid(t->count, t->cols, block, 4);
    if (t->precision == CUSGD_PRECISION_DOUBLE) return LAUNCH((widen_kernel<double, double>), grid, block, 0, stream, *t);
    return t->storage == CUSGD_STORAGE_BF16 ? LAUNCH((widen_kernel<float, bf16>), grid, block, 0, stream, *t)
                                            : LAUNCH((widen_kernel<float, float>), grid, block, 0, stream, *t);
}

/* Converts packs of 16 bytes (whole = 1) or single values. */
__global__ static void unpack_kernel(const bf16 *from, int64_t count, float *to, int whole)
{
    if (!whole)
        for (int64_t i = thread_number(); i < count; i += thread_count()) to[i] = value_of(from[i]);
    else
        for (int64_t i = thread_number(); i < count / 8; i += thread_count()) {
            pack<bf16> v = load_pack(from + 8 * i);
            for (int h = 0; h < 2; h++) {
                pack<float> half;
                for (int k = 0; k < 4; k++) half.at[k] = value_at(v, 4 * h + k);
                store_pack(to + 8 * i + 4 * h, half);
            }
        }
}

extern "C" cudaError_t kernel_unpack(const bf16 *from, int64_t count, float *to, cudaStream_t stream)
{
    int whole = count % 8 == 0 && is_pack_aligned(from) && is_pack_aligned(to);
    return LAUNCH(unpack_kernel, dim3(blocks_for(whole ? count / 8 : count)), dim3(THREADS), 0, stream, from, count, to, whole);
}
