/* How kernels that iterate over matrices divide rows and columns among blocks and threads. */
#ifndef CUSGD_KERNELS_BLOCK_H
#define CUSGD_KERNELS_BLOCK_H

#include "port.h"

enum { THREADS = 256 };

/* The maximum grid dimensions x and y on every architecture (CUDA C++ Programming Guide, "Compute Capabilities"). */
enum { MAX_GRID_X = 0x7fffffff, MAX_GRID_Y = 65535 };

/* Returns a block of width x height threads. Neighboring threads process neighboring columns; the width is at most 32 and the
 * smallest power of 2 that is not less than `columns`. */
static inline dim3 block_for(int64_t columns)
{
    unsigned width = 1;
    while (width < 32 && width < columns) width *= 2;
    return dim3(width, THREADS / width);
}

/* Returns the number of groups of `each`. If it exceeds the maximum grid dimension x, it becomes a number that every launch
 * rejects, rather than a truncated number that a launch would accept. */
static inline unsigned groups_of(int64_t count, int64_t each)
{
    int64_t groups = (count + each - 1) / each;
    return groups <= MAX_GRID_X ? (unsigned)groups : UINT32_MAX;
}

/* Returns the grid of a kernel that processes a matrix: rows along x, columns along y, with `each` columns per thread. The grid
 * may have fewer blocks along y than that requires; the kernel steps over columns by gridDim.y * blockDim.x. All grids with a y
 * dimension are made here, except that of loss.cu, whose number of columns is limited. */
static inline dim3 matrix_grid(int64_t rows, int64_t columns, dim3 block, int64_t each)
{
    unsigned y = groups_of(columns, block.x * each);
    return dim3(groups_of(rows, block.y), y < MAX_GRID_Y ? y : (unsigned)MAX_GRID_Y);
}

/* Returns the number of blocks for one value per thread, limited to a number that fills any device; kernels loop over the rest.
 */
static inline unsigned blocks_for(int64_t values)
{
    unsigned blocks = groups_of(values, THREADS); /* the value for too many groups also exceeds the limit below */
    return blocks < 16384 ? blocks : 16384;
}

__device__ static inline int64_t thread_number() { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ static inline int64_t thread_count() { return (int64_t)gridDim.x * blockDim.x; }

/* Returns, in all threads of a block, whether it is the last of `blocks` blocks to call. The last block sees what all others
 * wrote before their calls. All threads must call. *arrived: 0 before the first call; the last block must reset it. shared: 1
 * value. */
__device__ static inline bool is_last_block(unsigned *arrived, unsigned blocks, unsigned *shared)
{
    __syncthreads();
    if (threadIdx.x + threadIdx.y == 0) shared[0] = count_arrival(arrived);
    __syncthreads();
    return shared[0] == blocks - 1;
}

/* Sums a and b over the thread rows of the block by a fixed tree; the threads of row 0 receive the sums of their columns. All
 * threads must call. shared: 2 THREADS values. */
__device__ static inline void column_sums(double *a, double *b, double *shared)
{
    unsigned at = threadIdx.y * blockDim.x + threadIdx.x;
    __syncthreads(); /* because earlier sums may still be read */
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
