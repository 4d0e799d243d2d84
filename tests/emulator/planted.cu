/* Compiled twice: with FAULTY 0 as planted_sound, with FAULTY 1 as planted_faulty (KERNELS names the table). */
#include "planted.h"
#include "port.h"

__global__ static void scale_kernel(float *x, int n)
{
    int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n + FAULTY) x[i] *= 2;
}
static cudaError_t scale(float *x, int n, cudaStream_t s)
{
    return LAUNCH(scale_kernel, dim3((unsigned)n / 128 + 1), dim3(128), 0, s, x, n);
}

template <class T> __global__ static void reverse_kernel(T *x, int n)
{
    SHARED(T, held, 1024);
    int i = (int)threadIdx.x;
    held[i] = x[i];
    if (!FAULTY) __syncthreads();
    x[i] = held[n - 1 - i];
}
static cudaError_t reverse(float *x, int n, cudaStream_t s)
{
    return LAUNCH(reverse_kernel<float>, dim3(1), dim3((unsigned)n), 0, s, x, n);
}

__global__ static void reverse_dynamic_kernel(float *x, int n)
{
    DYNAMIC_SHARED(float, held);
    int i = (int)threadIdx.x;
    held[i] = x[i];
    __syncthreads();
    x[i] = held[n - 1 - i];
}
static cudaError_t reverse_dynamic(float *x, int n, cudaStream_t s)
{
    size_t shared = (size_t)(n - FAULTY) * sizeof(float);
    return LAUNCH(reverse_dynamic_kernel, dim3(1), dim3((unsigned)n), shared, s, x, n);
}

__global__ static void sum_groups_kernel(const float *x, float *sums)
{
    SHARED(float, part, 8);
    float sum = warp_sum(x[threadIdx.x]), *at = part;
    if (threadIdx.x % 32 == 0) at[threadIdx.x / 32 + FAULTY] = sum;
    __syncthreads();
    if (threadIdx.x < 8) sums[threadIdx.x] = part[threadIdx.x];
}
static cudaError_t sum_groups(const float *x, float *sums, cudaStream_t s)
{
    return LAUNCH(sum_groups_kernel, dim3(1), dim3(256), 0, s, x, sums);
}

__global__ static void meet_kernel(float *x, int n)
{
    SHARED(int, arrived, 1);
    if (threadIdx.x == 0) arrived[0] = 0;
    __syncthreads();
    atomicAdd(arrived, 1);
    if (!FAULTY || threadIdx.x % 2)
        __syncthreads();
    else
        __syncwarp(0x55555555u);
    __syncthreads();
    x[threadIdx.x] = (float)(n - n + arrived[0]);
}
static cudaError_t meet(float *x, int n, cudaStream_t s) { return LAUNCH(meet_kernel, dim3(1), dim3((unsigned)n), 0, s, x, n); }

__global__ static void meet_elsewhere_kernel(float *x)
{
    if (FAULTY && threadIdx.x == 5) {
        x[5] = 2;
        __syncthreads();
    } else {
        __syncthreads();
    }
    x[threadIdx.x] = 1;
}
static cudaError_t meet_elsewhere(float *x, cudaStream_t s) { return LAUNCH(meet_elsewhere_kernel, dim3(1), dim3(64), 0, s, x); }

__global__ static void leave_kernel(float *x, int n)
{
    int i = (int)threadIdx.x;
    if (FAULTY && i >= n) return;
    __syncthreads();
    if (i < n) x[i] += 1;
}
static cudaError_t leave(float *x, int n, cudaStream_t s) { return LAUNCH(leave_kernel, dim3(1), dim3(64), 0, s, x, n); }

__global__ static void leave_grid_kernel(float *x)
{
    if (FAULTY && blockIdx.x == 1) return;
    grid_sync();
    x[blockIdx.x] = 1;
}
static cudaError_t leave_grid(float *x, cudaStream_t s)
{
    return LAUNCH_COOPERATIVE(leave_grid_kernel, dim3(2), dim3(1), 0, s, x);
}

__global__ static void fetch_kernel(const float *x, float *y, int n)
{
    SHARED(float, held, 256);
    int i = (int)threadIdx.x;
    copy_async(&held[i], &x[i]);
    if (!FAULTY) copy_async_wait();
    __syncthreads();
    y[i] = held[n - 1 - i];
    __syncthreads();
    if (FAULTY) copy_async_wait();
    y[i] = FAULTY ? y[i] : held[i];
}
static cudaError_t fetch(const float *x, float *y, int n, cudaStream_t s)
{
    return LAUNCH(fetch_kernel, dim3(1), dim3((unsigned)n), 0, s, x, y, n);
}

__global__ static void mask_kernel(unsigned *x)
{
    unsigned mask = FAULTY && threadIdx.x == 7 ? 0xffu : FULL_WARP;
    x[threadIdx.x] = __shfl_sync(mask, threadIdx.x + 1, 0);
}
static cudaError_t mask(unsigned *x, cudaStream_t s) { return LAUNCH(mask_kernel, dim3(1), dim3(32), 0, s, x); }

/* One thread a block; block b adds up x[2 b] and x[2 b + 1] and sends that to all of its cluster. */
__global__ static void cluster_kernel(const float *x, float *y, unsigned blocks)
{
    SHARED(float, sent, 8);
    unsigned rank = blockIdx.x % blocks;
    cluster_sync();
    for (unsigned to = 0; to < blocks; to++) of_cluster(sent, to)[rank] = x[2 * rank] + x[2 * rank + 1];
    if (!FAULTY) cluster_sync();
    float sum = 0;
    for (unsigned r = 0; r < blocks; r++) sum += sent[r];
    y[blockIdx.x] = sum;
    if (FAULTY) cluster_sync();
}
static cudaError_t cluster(const float *x, float *y, unsigned blocks, cudaStream_t s)
{
    launch_way way = {false, false, blocks};
    return LAUNCH_AS(way, cluster_kernel, dim3(2 * blocks), dim3(1), 0, s, x, y, blocks);
}

/* Likewise, by exchanges in turns, in `rounds` rounds: y += the sum. Planted: a round expects the bytes of another. */
__global__ static void exchange_kernel(const float *x, float *y, unsigned blocks)
{
    SHARED(float, sent, 16);
    SHARED(exchange, arrivals, 2);
    unsigned rank = blockIdx.x % blocks;
    for (int i = 0; i < 2; i++) exchange_open(arrivals + i);
    cluster_sync();
    for (unsigned round = 0; round < 5; round++) {
        float *half = sent + round % 2 * 8, sum = 0;
        exchange *arrival = arrivals + round % 2;
        exchange_expect(arrival, (FAULTY && round == 3 ? 1 : blocks) * (unsigned)sizeof *half);
        for (unsigned to = 0; to < blocks; to++) exchange_send(half + rank, x[2 * rank] + x[2 * rank + 1], arrival, to);
        exchange_await(arrival, round / 2 % 2);
        for (unsigned r = 0; r < blocks; r++) sum += half[r];
        y[blockIdx.x] = sum;
    }
}
static cudaError_t exchange_sums(const float *x, float *y, unsigned blocks, cudaStream_t s)
{
    launch_way way = {false, false, blocks};
    return LAUNCH_AS(way, exchange_kernel, dim3(2 * blocks), dim3(1), 0, s, x, y, blocks);
}

/* Planted: the line behind the array. */
__global__ static void line_kernel(float *x)
{
    fetch_line(x + threadIdx.x + (FAULTY ? 32 : 0));
    x[threadIdx.x] += 1;
}
static cudaError_t line(float *x, cudaStream_t s) { return LAUNCH(line_kernel, dim3(1), dim3(32), 0, s, x); }

__global__ static void cluster_leave_kernel(float *x)
{
    if (FAULTY && blockIdx.x == 2) return;
    cluster_sync();
    x[blockIdx.x] = 1;
}
static cudaError_t cluster_leave(float *x, cudaStream_t s)
{
    launch_way way = {false, false, 4};
    return LAUNCH_AS(way, cluster_leave_kernel, dim3(4), dim3(1), 0, s, x);
}

__global__ static void cluster_begin_kernel(float *x)
{
    SHARED(float, sent, 1);
    if (!FAULTY) cluster_sync();
    of_cluster(sent, (blockIdx.x + 1) % 4)[0] = 1;
    cluster_sync();
    x[blockIdx.x] = sent[0];
}
static cudaError_t cluster_begin(float *x, cudaStream_t s)
{
    launch_way way = {false, false, 4};
    return LAUNCH_AS(way, cluster_begin_kernel, dim3(4), dim3(1), 0, s, x);
}

__global__ static void early_kernel(float *x)
{
    let_later_begin();
    if (!FAULTY || threadIdx.x != 9) wait_for_earlier();
    x[threadIdx.x] += 1;
}
static cudaError_t early(float *x, cudaStream_t s)
{
    launch_way way = {false, true, 0};
    return LAUNCH_AS(way, early_kernel, dim3(1), dim3(32), 0, s, x);
}

/* y = x + 1 by a kernel that lets the next one begin; then z = y and x = -1 by one that is launched early. */
__global__ static void front_kernel(const float *x, float *y)
{
    let_later_begin();
    y[threadIdx.x] = x[threadIdx.x] + 1;
}
__global__ static void early_read_kernel(float *x, const float *y, float *z)
{
    float before = FAULTY ? y[threadIdx.x] : 0;
    wait_for_earlier();
    z[threadIdx.x] = FAULTY ? before : y[threadIdx.x];
    x[threadIdx.x] = -1;
}
__global__ static void early_write_kernel(float *x, const float *y, float *z)
{
    if (FAULTY) x[threadIdx.x] = -1;
    wait_for_earlier();
    z[threadIdx.x] = y[threadIdx.x];
    x[threadIdx.x] = -1;
}
static cudaError_t early_pair(void (*kernel)(float *, const float *, float *), float *x, float *y, float *z, cudaStream_t s)
{
    launch_way way = {false, true, 0};
    cudaError_t error = LAUNCH(front_kernel, dim3(1), dim3(32), 0, s, x, y);
    return error ? error : LAUNCH_AS(way, kernel, dim3(1), dim3(32), 0, s, x, y, z);
}
static cudaError_t early_read(float *x, float *y, float *z, cudaStream_t s) { return early_pair(early_read_kernel, x, y, z, s); }
static cudaError_t early_write(float *x, float *y, float *z, cudaStream_t s)
{
    return early_pair(early_write_kernel, x, y, z, s);
}

extern "C" const planted_kernels KERNELS = {
    scale, reverse, reverse_dynamic, sum_groups,    meet,  meet_elsewhere, leave,       leave_grid,    fetch,
    mask,  cluster, cluster_leave,   cluster_begin, early, early_read,     early_write, exchange_sums, line};
