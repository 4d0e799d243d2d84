/* How the kernels that walk over matrices share out rows and columns. */
#ifndef CUSGD_KERNELS_BLOCK_H
#define CUSGD_KERNELS_BLOCK_H

#include "port.h"

enum { THREADS = 256 };

/* A block of width x height threads: neighbouring threads stand at neighbouring columns, as many as the columns are worth. */
static inline dim3 block_for(int64_t columns)
{
    unsigned width = 1;
    while (width < 32 && width < columns) width *= 2;
    return dim3(width, THREADS / width);
}

static inline unsigned groups_of(int64_t count, int64_t each) { return (unsigned)((count + each - 1) / each); }

/* Blocks along the columns, each thread taking `each` of them or, beyond the grid's limit, more. */
static inline unsigned column_blocks(int64_t columns, dim3 block, int64_t each)
{
    unsigned blocks = groups_of(columns, block.x * each);
    return blocks < 65535 ? blocks : 65535;
}

/* Blocks for one thread a value, or a loop where that is more than enough to fill a device. */
static inline unsigned blocks_for(int64_t values)
{
    unsigned blocks = groups_of(values, THREADS);
    return blocks < 16384 ? blocks : 16384;
}

__device__ static inline int64_t thread_number() { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ static inline int64_t thread_count() { return (int64_t)gridDim.x * blockDim.x; }

/* Adds up a and b over the block's rows of threads by a fixed tree: the threads of row 0 have their column's sums. All threads
 * call; shared: 2 THREADS. */
__device__ static inline void column_sums(double *a, double *b, double *shared)
{
    unsigned at = threadIdx.y * blockDim.x + threadIdx.x;
    __syncthreads(); /* the last sums may still be read */
    shared[at] = *a;
    shared[THREADS + at] = *b;
    for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
            shared[at] += shared[at + half * blockDim.x];
            shared[THREADS + at] += shared[THREADS + at + half * blockDim.x];
        }
    }
    *a = shared[at];
    *b = shared[THREADS + at];
}

#endif
