/* How the kernels that walk over matrices share out rows and columns. */
#ifndef CUSGD_KERNELS_BLOCK_H
#define CUSGD_KERNELS_BLOCK_H

#include "port.h"

enum { THREADS = 256 };

/* The blocks of a grid along x and along y, on every architecture (CUDA C++ Programming Guide, "Compute Capabilities"). */
enum { MAX_GRID_X = 0x7fffffff, MAX_GRID_Y = 65535 };

/* A block of width x height threads: neighboring threads stand at neighboring columns, as many as the columns are worth. */
static inline dim3 block_for(int64_t columns)
{
    unsigned width = 1;
    while (width < 32 && width < columns) width *= 2;
    return dim3(width, THREADS / width);
}

/* More groups than a grid's x can have become a number that every launch refuses, not a smaller one that it would accept. */
static inline unsigned groups_of(int64_t count, int64_t each)
{
    int64_t groups = (count + each - 1) / each;
    return groups <= MAX_GRID_X ? (unsigned)groups : UINT32_MAX;
}

/* The grid of a kernel that works on a matrix: its rows along x; its columns along y, each thread taking `each` of them. There
 * may be fewer blocks along y than that needs: the kernel steps over the columns by gridDim.y * blockDim.x. Every grid with a y
 * is made here, but for loss.cu's, whose number of columns has a bound. */
static inline dim3 matrix_grid(int64_t rows, int64_t columns, dim3 block, int64_t each)
{
    unsigned y = groups_of(columns, block.x * each);
    return dim3(groups_of(rows, block.y), y < MAX_GRID_Y ? y : (unsigned)MAX_GRID_Y);
}

/* Blocks for one thread a value, or a loop where that is more than enough to fill a device. */
static inline unsigned blocks_for(int64_t values)
{
    unsigned blocks = groups_of(values, THREADS); /* too many are still more than the most here */
    return blocks < 16384 ? blocks : 16384;
}

__device__ static inline int64_t thread_number() { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ static inline int64_t thread_count() { return (int64_t)gridDim.x * blockDim.x; }

/* Whether this block is the last of `blocks` to come here, in all of its threads, which all call: what the others wrote before
 * they came is seen by all of them. *arrived: 0 before the first comes; it is for the last to make it 0 again. shared: 1. */
__device__ static inline bool is_last_block(unsigned *arrived, unsigned blocks, unsigned *shared)
{
    __syncthreads();
    if (threadIdx.x + threadIdx.y == 0) shared[0] = count_arrival(arrived);
    __syncthreads();
    return shared[0] == blocks - 1;
}

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
