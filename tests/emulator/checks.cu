/* Kernels whose results show that the emulator does what CUDA does. */
#include "planted.h"
#include "port.h"

template <class T> __device__ static void add_block_sum(T sum, T *total)
{
    SHARED(T, part, 32);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x < 32) {
        sum = warp_sum(threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : T(0));
        if (threadIdx.x == 0) atomicAdd(total, sum);
    }
}

template <class T> __global__ static void sum_kernel(const T *x, int n, T *total)
{
    T sum = 0;
    for (int i = (int)(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += (int)(gridDim.x * blockDim.x)) sum += x[i];
    add_block_sum(sum, total);
}
cudaError_t kernel_sum(const float *x, int n, float *total, cudaStream_t s)
{
    return LAUNCH(sum_kernel<float>, dim3(4), dim3(256), 0, s, x, n, total);
}

template <class T, int WIDTH> __global__ static void sum_packs_kernel(const T *x, int n, T *total)
{
    T sum = 0;
    for (int i = (int)(blockIdx.x * blockDim.x + threadIdx.x); i < n / WIDTH; i += (int)(gridDim.x * blockDim.x)) {
        pack<T> p = load_pack(x + i * WIDTH);
        for (int j = 0; j < WIDTH; j++) sum += p.at[j];
    }
    add_block_sum(sum, total);
}
cudaError_t kernel_sum_packs(const double *x, int n, double *total, cudaStream_t s)
{
    return LAUNCH((sum_packs_kernel<double, 2>), dim3(4), dim3(256), 0, s, x, n, total);
}

__global__ static void normalize_kernel(const float *x, float *y, float *sums, int n)
{
    SHARED(float, mine, 1); /* must survive the barrier, while the other blocks use theirs */
    if (threadIdx.x == 0) {
        mine[0] = 0;
        for (int i = (int)blockIdx.x; i < n; i += (int)gridDim.x) mine[0] += x[i];
        sums[blockIdx.x] = mine[0];
    }
    grid_sync();
    float total = 0;
    for (unsigned b = 0; b < gridDim.x; b++) total += b == blockIdx.x ? mine[0] : sums[b];
    grid_sync();
    if (threadIdx.x == 0) sums[blockIdx.x] = 0;
    for (int i = (int)(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += (int)(gridDim.x * blockDim.x)) y[i] = x[i] / total;
}
cudaError_t kernel_normalize(const float *x, float *y, float *sums, int n, unsigned blocks, cudaStream_t s)
{
    return LAUNCH_COOPERATIVE(normalize_kernel, dim3(blocks), dim3(64), 0, s, x, y, sums, n);
}

__global__ static void count_kernel(int *counter, int *trail)
{
    trail[*counter] = *counter;
    *counter += 1;
}
cudaError_t kernel_count(int *counter, int *trail, cudaStream_t s)
{
    return LAUNCH(count_kernel, dim3(1), dim3(1), 0, s, counter, trail);
}

__global__ static void add_kernel(float *x, int n, float what)
{
    int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) x[i] += what;
}
cudaError_t kernel_add(float *x, int n, float what, cudaStream_t s)
{
    return LAUNCH(add_kernel, dim3(((unsigned)n + 255) / 256), dim3(256), 0, s, x, n, what);
}

__global__ static void indices_kernel(int *x)
{
    unsigned t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    x[t] = (int)(100 * threadIdx.z + 10 * threadIdx.y + threadIdx.x);
}
cudaError_t kernel_indices(int *x, cudaStream_t s) { return LAUNCH(indices_kernel, dim3(1), dim3(2, 3, 4), 0, s, x); }

__global__ static void warps_kernel(unsigned *out)
{
    unsigned t = threadIdx.x, lane = t % 32, maximum = lane * 7 % 32;
    if (lane < 16) /* lanes part, and meet again by masks of their own */
        for (int offset = 8; offset > 0; offset /= 2) maximum = max(maximum, __shfl_xor_sync(0xffffu, maximum, offset));
    else
        for (int offset = 8; offset > 0; offset /= 2) maximum = max(maximum, __shfl_xor_sync(0xffff0000u, maximum, offset));
    out[4 * t] = __ballot_sync(FULL_WARP, (int)(lane % 2));
    out[4 * t + 1] = __shfl_up_sync(FULL_WARP, lane, 1);
    out[4 * t + 2] = __shfl_sync(FULL_WARP, lane, 3, 8);
    out[4 * t + 3] = maximum;
}
cudaError_t kernel_warps(unsigned *out, cudaStream_t s) { return LAUNCH(warps_kernel, dim3(1), dim3(48), 0, s, out); }

__global__ static void garbage_kernel(float *out)
{
    SHARED(float, fixed, 1);
    DYNAMIC_SHARED(float, dynamic);
    out += 4 * blockIdx.x;
    out[0] = fixed[0];
    out[1] = dynamic[0];
    fixed[0] = dynamic[0] = 1;
    out[2] = fixed[0];
    out[3] = dynamic[0];
}
cudaError_t kernel_garbage(float *out, cudaStream_t s) { return LAUNCH(garbage_kernel, dim3(3), dim3(1), sizeof(float), s, out); }

__global__ static void atomics_kernel(unsigned *out, double *sum)
{
    unsigned t = blockIdx.x * blockDim.x + threadIdx.x, old = out[4], assumed;
    atomicAdd(&out[0], 1u);
    atomicMax(&out[1], t);
    atomicMin(&out[2], t);
    atomicOr(&out[3], 1u << t % 20);
    do {
        assumed = old;
        old = atomicCAS(&out[4], assumed, assumed + 1);
    } while (old != assumed);
    atomicAdd(sum, 0.5);
}
cudaError_t kernel_atomics(unsigned *out, double *sum, cudaStream_t s)
{
    return LAUNCH(atomics_kernel, dim3(3), dim3(100), 0, s, out, sum);
}

__global__ static void nothing_kernel() {}
cudaError_t kernel_nothing(dim3 grid, dim3 block, size_t shared, int cooperative, cudaStream_t s)
{
    return cooperative ? LAUNCH_COOPERATIVE(nothing_kernel, grid, block, shared, s)
                       : LAUNCH(nothing_kernel, grid, block, shared, s);
}
cudaError_t kernel_nothing_allow(int shared)
{
    return cudaFuncSetAttribute((const void *)nothing_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared);
}

__global__ static void wait_kernel(float *x, int rounds, int kind)
{
    float v = (float)threadIdx.x;
    for (int i = 0; i < rounds; i++)
        if (kind)
            v += __shfl_xor_sync(FULL_WARP, v, 1);
        else
            __syncthreads();
    if (threadIdx.x == 0) x[blockIdx.x] = v;
}
cudaError_t kernel_wait(float *x, unsigned blocks, int rounds, int kind, cudaStream_t s)
{
    return LAUNCH(wait_kernel, dim3(blocks), dim3(256), 0, s, x, rounds, kind);
}
