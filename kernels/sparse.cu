/* Products of sparse rows with parameters, and of their transpose with derivatives. The order of each sum depends only on the
 * numbers of values and outputs: there are no atomic operations, and results do not depend on the grid.
 *
 *     p[r k + c] = sum over a row's values of value theta[column k + c]              (sparse_rows_kernel)
 *     g[j k + c] = sum over a column's values in a batch of value p[place k + c]     (sparse_columns_kernel)
 *
 * If there are many outputs, neighboring threads process neighboring outputs of one row or column. */
#include "columns.h"

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
        if (t.begins && thread_number() == 0) t.state->gathered = step;
    }
    const int64_t packs = (t.cleared * (int64_t)sizeof(real) + 15) / 16;
    NOT_UNROLLED
    for (int64_t u = thread_number(); u < packs; u += thread_count())
        store_pack((real *)t.gradient + u * (16 / sizeof(real)), pack<real>());
    const unsigned lane = threadIdx.x % LANES;
    int64_t units = t.rows * t.k, step = thread_count() / LANES;
    for (int64_t base = thread_number() / LANES - threadIdx.x % 32 / LANES; base < units; base += step) {
        int64_t unit = base + threadIdx.x % 32 / LANES, i = t.k == 1 ? unit : unit / t.k,
                c = unit - i * t.k; /* all lanes of a warp run equally often */
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
    enum { CLEARED = 16 }; /* values per thread */
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
        int64_t each = THREADS / sparse_lanes[length];
        blocks += (b->count[length] * k + each - 1) / each;
    }
    return blocks;
}

/* The destination of the sums of a pass or of a step. */
template <class sum> struct sums_of {
    sum *at;
    int64_t k;
    bool adds; /* whether sums are added to the previous values */
};
template <class sum> __device__ static void put_sum(const sums_of<sum> &to, int64_t column, int64_t c, sum v)
{
    sum *at = to.at + column * to.k + c;
    *at = to.adds ? *at + v : v;
}

template <class real, class sum> __global__ static void sparse_columns_kernel(sparse_columns_task t)
{
    SHARED(sum, shared, THREADS / 32);
    int64_t number = t.number;
    if (t.numbers) {
        int64_t step = t.counts ? t.state->active : t.state->next;
        if (step < 0) return;
        number = t.numbers[step];
    }
    sums_of<sum> to = {t.sum ? (sum *)t.sum : (sum *)t.gradient, t.k, t.sum != NULL};
    add_batch<real>(t, number, shared, to);
}

extern "C" cudaError_t kernel_sparse_columns(const sparse_columns_task *t, cudaStream_t stream)
{
    dim3 grid(t->blocks), block(THREADS);
    if (t->precision == CUSGD_PRECISION_DOUBLE)
        return LAUNCH((sparse_columns_kernel<double, double>), grid, block, 0, stream, *t);
    return t->sum ? LAUNCH((sparse_columns_kernel<float, double>), grid, block, 0, stream, *t)
                  : LAUNCH((sparse_columns_kernel<float, float>), grid, block, 0, stream, *t);
}
