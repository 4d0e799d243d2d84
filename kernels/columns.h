/* Sums over the stored values of sparse rows and over the columns of a batch of them, for sparse.cu and sparse_lazy.cu. The
 * order of each sum depends only on the numbers of values and outputs. */
#ifndef CUSGD_KERNELS_COLUMNS_H
#define CUSGD_KERNELS_COLUMNS_H

#include "block.h"
#include "kernels.h"

enum { AT_ONCE = 4 /* loads of a thread that are in flight together */ };

/* Sums over groups of LANES neighboring threads of a warp by a fixed tree. All threads of the warp must call. */
template <int LANES, class T> __device__ static T lane_sum(T v)
{
    UNROLLED
    for (int offset = LANES / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(FULL_WARP, v, offset);
    return v;
}

/* Sums values begin + lane, begin + lane + lanes, ... below end, each times factor[index k]. */
template <class real, class sum, class index_of>
__device__ static sum add_values(const real *value, const index_of *index, const real *factor, int64_t begin, int64_t end,
                                 unsigned lane, unsigned lanes, int64_t k)
{
    sum total = 0;
    for (int64_t at = begin + lane; at < end; at += AT_ONCE * lanes) {
        real v[AT_ONCE], f[AT_ONCE];
        int64_t place[AT_ONCE];
        UNROLLED
        for (int i = 0; i < AT_ONCE; i++) {
            int64_t here = at + i * (int64_t)lanes;
            place[i] = here < end ? (int64_t)index[here] : -1;
            v[i] = value && here < end ? value[here] : 1;
        }
        UNROLLED
        for (int i = 0; i < AT_ONCE; i++) f[i] = place[i] >= 0 ? factor[place[i] * k] : 0;
        UNROLLED
        for (int i = 0; i < AT_ONCE; i++)
            if (place[i] >= 0) total += (sum)v[i] * (sum)f[i];
    }
    return total;
}

/* Number of threads that share a column, by its length class. */
static const int sparse_lanes[SPARSE_LENGTHS] = {THREADS, 32, 8, 1};

/* Sums the columns of one length class. *turn: index of the block's next turn among those of the whole batch; the next length
 * class continues with it. One thread passes each sum to put_sum(to, column, output, sum). */
template <class real, class sum, int LANES, class place>
__device__ static void add_columns(const sparse_columns_task &t, const sparse_batch &b, int64_t first, int64_t count,
                                   int64_t *turn, sum *shared, const place &to)
{
    const int UNITS = THREADS / LANES; /* pairs of column and output per turn of a block */
    const unsigned lane = threadIdx.x % LANES;
    int64_t units = count * t.k, turns = (units + UNITS - 1) / UNITS;
    for (; *turn < turns; *turn += gridDim.x) {
        int64_t unit = *turn * UNITS + threadIdx.x / LANES, u = t.k == 1 ? unit : unit / t.k, c = unit - u * t.k;
        const sparse_column *column = t.of.column + b.column + first + u;
        sum total = 0;
        if (unit < units)
            total =
                add_values<real, sum>((const real *)t.of.value, t.of.place, (const real *)t.p + c,
                                      b.value + (int64_t)column[0].begin, b.value + (int64_t)column[1].begin, lane, LANES, t.k);
        total = lane_sum<(LANES < 32 ? LANES : 32)>(total);
        if (LANES > 32) { /* adds the sums of the warps in order */
            __syncthreads();
            if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = total;
            __syncthreads();
            for (int w = 1; w < LANES / 32 && threadIdx.x == 0; w++) total += shared[w];
        }
        if (lane == 0 && unit < units) put_sum(to, column->column, c, total);
    }
    *turn -= turns;
}

/* Sums all columns of a batch. Returns the block's turn after them, which is 0 in exactly one block of the grid. */
template <class real, class sum, class place>
__device__ static int64_t add_batch(const sparse_columns_task &t, int64_t number, sum *shared, const place &to)
{
    int64_t turn = blockIdx.x;
    const sparse_batch b = t.of.each[number];
    int64_t warp = b.count[SPARSE_BLOCK], octet = warp + b.count[SPARSE_WARP], alone = octet + b.count[SPARSE_OCTET];
    add_columns<real, sum, THREADS>(t, b, 0, warp, &turn, shared, to);
    add_columns<real, sum, 32>(t, b, warp, b.count[SPARSE_WARP], &turn, shared, to);
    add_columns<real, sum, 8>(t, b, octet, b.count[SPARSE_OCTET], &turn, shared, to);
    add_columns<real, sum, 1>(t, b, alone, b.count[SPARSE_ALONE], &turn, shared, to);
    return turn;
}

#endif
