/* Kernels that the emulator is tested with. The first group exists twice: sound, and with a planted bug each. Launchers return
 * the launch's error and do not wait. */
#ifndef CUSGD_EMULATOR_PLANTED_H
#define CUSGD_EMULATOR_PLANTED_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct planted_kernels {
    cudaError_t (*scale)(float *x, int n, cudaStream_t s);           /* x *= 2; planted: an index one past the end */
    cudaError_t (*reverse)(float *x, int n, cudaStream_t s);         /* n <= 1024, in place; planted: no __syncthreads */
    cudaError_t (*reverse_dynamic)(float *x, int n, cudaStream_t s); /* the same; planted: dynamic shared memory too short */
    cudaError_t (*sum_groups)(const float *x, float *sums, cudaStream_t s); /* 8 sums of 32; planted: static shared overflow */
    cudaError_t (*meet)(float *x, int n, cudaStream_t s);                   /* x = n, n <= 1024; planted: half do not meet */
    cudaError_t (*meet_elsewhere)(float *x, cudaStream_t s);                /* x[64] = 1; planted: at another __syncthreads */
    cudaError_t (*leave)(float *x, int n, cudaStream_t s);                  /* x += 1, 64 threads; planted: return before it */
    cudaError_t (*leave_grid)(float *x, cudaStream_t s); /* x[2] = 1; planted: a block does not reach grid_sync */
    cudaError_t (*fetch)(const float *x, float *y, int n, cudaStream_t s); /* y = x, n <= 256; planted: no copy_async_wait */
    cudaError_t (*mask)(unsigned *x, cudaStream_t s);                      /* x[32] = lane 0's; planted: lanes' masks disagree */
    /* y[b] = sum of x[2 `blocks`] for the blocks b of each of two clusters; planted: no cluster_sync before the sums are read */
    cudaError_t (*cluster)(const float *x, float *y, unsigned blocks, cudaStream_t s);
    cudaError_t (*cluster_leave)(float *x,
                                 cudaStream_t s); /* x[4] = 1; planted: a block of the cluster does not meet the others */
    cudaError_t (*cluster_begin)(float *x, cudaStream_t s); /* x[4] = 1; planted: sends before the others have surely begun */
    cudaError_t (*early)(float *x, cudaStream_t s);         /* x[32] += 1; planted: a thread does not wait_for_earlier */
    /* y[32] = x + 1; z[32] = y and x = -1 by a kernel that may begin before the other is done. Planted: it reads y, or writes x,
     * before it has waited. */
    cudaError_t (*early_read)(float *x, float *y, float *z, cudaStream_t s);
    cudaError_t (*early_write)(float *x, float *y, float *z, cudaStream_t s);
    cudaError_t (*exchange_sums)(const float *x, float *y, unsigned blocks,
                                 cudaStream_t s);  /* as cluster; planted: a round expects too few bytes */
    cudaError_t (*line)(float *x, cudaStream_t s); /* x[32] += 1; planted: fetches the line behind x */
} planted_kernels;

extern const planted_kernels planted_sound, planted_faulty;

/* *total += the sum of x, over 4 blocks of 256 by warps; the same with packs of 16 bytes; n a multiple of 4 then. */
cudaError_t kernel_sum(const float *x, int n, float *total, cudaStream_t s);
cudaError_t kernel_sum_packs(const double *x, int n, double *total, cudaStream_t s);
/* y = x / sum(x), cooperative, `blocks` blocks; sums: blocks floats, scratch. */
cudaError_t kernel_normalize(const float *x, float *y, float *sums, int n, unsigned blocks, cudaStream_t s);
/* trail[*counter] = *counter; *counter += 1. */
cudaError_t kernel_count(int *counter, int *trail, cudaStream_t s);
cudaError_t kernel_add(float *x, int n, float what, cudaStream_t s);
/* x[t] = 100 z + 10 y + x of thread t's index in a 2 x 3 x 4 block. */
cudaError_t kernel_indices(int *x, cudaStream_t s);
/* Per lane l of 48 threads (the second warp is half): out[4 t ..] = ballot of odd lanes, shuffle up by 1, shuffle of 3 in parts
 * of 8, maximum of the half warp by its own mask. */
cudaError_t kernel_warps(unsigned *out, cudaStream_t s);
/* For each of 3 blocks, shared memory as it is found: out[4 b ..] = static, dynamic, and both again after 1 was written. */
cudaError_t kernel_garbage(float *out, cudaStream_t s);
/* 300 threads: out[0] sum of 1, out[1] maximum and out[2] minimum of thread numbers, out[3] bits or-ed, out[4] 300 by a CAS loop.
 */
cudaError_t kernel_atomics(unsigned *out, double *sum, cudaStream_t s);
/* Nothing, in any shape. */
cudaError_t kernel_nothing(dim3 grid, dim3 block, size_t shared, int cooperative, cudaStream_t s);
cudaError_t kernel_nothing_allow(int shared);
/* `rounds` barriers (kind 0) or shuffles (1) in blocks of 256. */
cudaError_t kernel_wait(float *x, unsigned blocks, int rounds, int kind, cudaStream_t s);

#ifdef __cplusplus
}
#endif
#endif
