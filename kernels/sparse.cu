/* Products of sparse rows with parameters, and of their transpose with derivatives. Each sum has an order that follows from the
 * numbers of values and outputs alone: no atomic operation, and no result depends on the grid.
 *
 *     p[r k + c] = sum over a row's values of value theta[column k + c]              (sparse_rows_kernel)
 *     g[j k + c] = sum over a column's values in a batch of value p[place k + c]     (sparse_columns_kernel)
 *
 * Where there are many outputs, neighboring threads take neighboring outputs of one row or column. */
#include "block.h"
#include "kernels.h"

enum { AT_ONCE = 4 /* loads of a thread that are on their way together */ };

/* Over groups of LANES neighboring threads of a warp, all of whose threads call: a fixed tree. */
template <int LANES, class T> __device__ static T lane_sum(T v)
{
    UNROLLED
    for (int offset = LANES / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(FULL_WARP, v, offset);
    return v;
}

/* Values lane, lane + lanes, ... of begin .. end - 1, each times factor[index k]. */
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

/* ---- Rows ---- */

template <class real, int LANES> __global__ static void sparse_rows_kernel(sparse_rows_task t)
{
    int64_t first = t.first, count = t.rows;
    const int64_t *order = NULL;
    if (t.table) {
        int64_t step = t.state->next;
        first = t.table->row[step].first;
        count = t.table->row[step].count;
        if (t.order) order = t.order + step % 2 * t.batch;
        if (thread_number() == 0) t.state->gathered = step;
    }
    const int64_t packs = (t.cleared * (int64_t)sizeof(real) + 15) / 16;
    NOT_UNROLLED
    for (int64_t u = thread_number(); u < packs; u += thread_count())
        store_pack((real *)t.gradient + u * (16 / sizeof(real)), pack<real>());
    const unsigned lane = threadIdx.x % LANES;
    int64_t units = t.rows * t.k, step = thread_count() / LANES;
    for (int64_t base = thread_number() / LANES - threadIdx.x % 32 / LANES; base < units; base += step) {
        int64_t unit = base + threadIdx.x % 32 / LANES, i = t.k == 1 ? unit : unit / t.k,
                c = unit - i * t.k; /* a warp's turns are equal */
        real sum = 0;
        if (i < count) {
            int64_t row = order ? order[i] : first + i;
            sum = add_values<real, real>((const real *)t.x.value, t.x.column, (const real *)t.theta + c, t.x.start[row],
                                         t.x.start[row + 1], lane, LANES, t.k);
        }
        sum = lane_sum<LANES>(sum);
        if (lane == 0 && unit < units) ((real *)t.p)[unit] = sum;
    }
}

template <class real, int LANES> static cudaError_t launch_rows(const sparse_rows_task *t, cudaStream_t stream)
{
    enum { CLEARED = 16 }; /* values of a thread */
    int64_t units = t->rows * t->k, turns = (t->cleared + CLEARED - 1) / CLEARED;
    dim3 grid(blocks_for(units * LANES > turns ? units * LANES : turns));
    return LAUNCH((sparse_rows_kernel<real, LANES>), grid, dim3(THREADS), 0, stream, *t);
}

template <class real> static cudaError_t rows_by(const sparse_rows_task *t, cudaStream_t stream)
{
    if (t->lanes == 1) return launch_rows<real, 1>(t, stream);
    return t->lanes == 8 ? launch_rows<real, 8>(t, stream) : launch_rows<real, 32>(t, stream);
}

extern "C" cudaError_t kernel_sparse_rows(const sparse_rows_task *t, cudaStream_t stream)
{
    return t->precision == CUSGD_PRECISION_FLOAT ? rows_by<float>(t, stream) : rows_by<double>(t, stream);
}

/* ---- Columns ---- */

static const int lanes_of[SPARSE_LENGTHS] = {THREADS, 32, 8, 1};

extern "C" int sparse_length(int64_t values, int64_t k)
{
    enum { OCTET = 8, WARP = 128, BLOCK = 1024, OUTPUTS = 8 };
    if (values >= BLOCK) return SPARSE_BLOCK;
    if (k >= OUTPUTS || values < OCTET) return SPARSE_ALONE;
    return values < WARP ? SPARSE_OCTET : SPARSE_WARP;
}

extern "C" int64_t sparse_blocks(const sparse_batch *b, int64_t k)
{
    int64_t blocks = 0;
    for (int length = 0; length < SPARSE_LENGTHS; length++) {
        int64_t each = THREADS / lanes_of[length];
        blocks += (b->count[length] * k + each - 1) / each;
    }
    return blocks;
}

template <class sum> __device__ static void put_sum(const sparse_columns_task &t, int64_t at, sum v);
template <> __device__ void put_sum<float>(const sparse_columns_task &t, int64_t at, float v) { ((float *)t.gradient)[at] = v; }
template <> __device__ void put_sum<double>(const sparse_columns_task &t, int64_t at, double v)
{
    if (t.sum)
        t.sum[at] += v;
    else
        ((double *)t.gradient)[at] = v;
}

/* The columns of one length: the block's turn `*turn` among all of the batch, which the next length goes on with. */
template <class real, class sum, int LANES>
__device__ static void add_columns(const sparse_columns_task &t, const sparse_batch &b, int64_t first, int64_t count,
                                   int64_t *turn, sum *shared)
{
    const int UNITS = THREADS / LANES; /* columns and outputs of a block's turn */
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
        if (LANES > 32) { /* the warps' sums, in order */
            __syncthreads();
            if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = total;
            __syncthreads();
            for (int w = 1; w < LANES / 32 && threadIdx.x == 0; w++) total += shared[w];
        }
        if (lane == 0 && unit < units) put_sum<sum>(t, column->column * t.k + c, total);
    }
    *turn -= turns;
}

template <class real, class sum> __global__ static void sparse_columns_kernel(sparse_columns_task t)
{
    SHARED(sum, shared, THREADS / 32);
    int64_t number = t.number, turn = blockIdx.x;
    if (t.numbers) {
        int64_t step = t.state->active;
        if (step < 0) return;
        number = t.numbers[step];
    }
    const sparse_batch b = t.of.each[number];
    int64_t warp = b.count[SPARSE_BLOCK], octet = warp + b.count[SPARSE_WARP], alone = octet + b.count[SPARSE_OCTET];
    add_columns<real, sum, THREADS>(t, b, 0, warp, &turn, shared);
    add_columns<real, sum, 32>(t, b, warp, b.count[SPARSE_WARP], &turn, shared);
    add_columns<real, sum, 8>(t, b, octet, b.count[SPARSE_OCTET], &turn, shared);
    add_columns<real, sum, 1>(t, b, alone, b.count[SPARSE_ALONE], &turn, shared);
}

extern "C" cudaError_t kernel_sparse_columns(const sparse_columns_task *t, cudaStream_t stream)
{
    dim3 grid(t->blocks), block(THREADS);
    if (t->precision == CUSGD_PRECISION_DOUBLE)
        return LAUNCH((sparse_columns_kernel<double, double>), grid, block, 0, stream, *t);
    return t->sum ? LAUNCH((sparse_columns_kernel<float, double>), grid, block, 0, stream, *t)
                  : LAUNCH((sparse_columns_kernel<float, float>), grid, block, 0, stream, *t);
}
