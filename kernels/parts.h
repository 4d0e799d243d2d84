/* The end of a step of fused.h: the losses, derivatives and gradients of the parts are added up in order, the step is counted,
 * and the parameters are updated. */
#ifndef CUSGD_KERNELS_PARTS_H
#define CUSGD_KERNELS_PARTS_H

#include "account.h"
#include "fused.h"
#include "update.h"

/* ---- Counting the step ---- */

/* Counts the step, or marks the run as failed, once the loss of the batch is known. One thread calls it. before:
 * counts_of(t.state). */
__device__ static inline void end_step(const fused_task &t, const run_counts &before, int64_t step, int64_t rows, double loss)
{
    t.state->turns[t.turn] = step / 2 + 1;
    if (isfinite(loss))
        count_step(t.state, before, step, rows, loss);
    else
        t.state->failed = FAILED_LOSS;
}

/* Starts an asynchronous copy to shared memory of the table row of a step and, unless it is the last, of the row after it: 2
 * rows, for update_now_by(). All threads call copy_async_wait() before a __syncthreads(). */
__device__ static inline void bring_rows(const slice_table *table, int64_t step, bool is_last, step_row *to)
{
    const int words = sizeof(step_row) / 8, word = (int)threadIdx.x;
    if (word < (is_last ? words : 2 * words)) copy_async((int64_t *)to + word, (const int64_t *)(table->row + step) + word);
}

/* ---- Sums over parts ---- */

/* Returns the number of neighboring threads that share the columns of a part, 16 bytes each. It is as large as useful, but
 * small enough that each group of threads adds at most 8 parts, whose loads are in flight together. */
__host__ __device__ static inline int update_width(int64_t parts, int packs)
{
    int width = 8;
    while (width < 64 && width < packs && parts * 2 * width <= 8 * THREADS) width *= 2;
    return width;
}

/* Adds 16 bytes of the gradients of parts group, group + groups, ... to sum, in this order. All loads of AT_ONCE parts precede
 * the first addition, because a thread issues instructions in order and would otherwise wait for each load before it issues the
 * next. Absent parts are replaced by zeros, since the compiler would move a conditional load next to its addition; the zeros
 * change no bit, because a sum that started with +0 is never -0. */
template <class real, int AT_ONCE>
__device__ static void add_parts(const real *gradients, int64_t stride, int64_t parts, int group, int groups, double *sum)
{
    const int values = 16 / sizeof(real);
    for (int64_t first = group; first < parts; first += (int64_t)AT_ONCE * groups) {
        pack<real> g[AT_ONCE];
        UNROLLED
        for (int l = 0; l < AT_ONCE; l++) {
            int64_t part = first + (int64_t)l * groups;
            g[l] = {};
            if (part < parts) g[l] = load_pack(gradients + part * stride);
        }
        UNROLLED
        for (int l = 0; l < AT_ONCE; l++) {
            UNROLLED
            for (int v = 0; v < values; v++) sum[v] += (double)g[l].at[v];
        }
    }
}

/* The sums that one thread computes over the parts of a batch: losses, derivatives, and 16 bytes of columns of the gradients. */
template <class real> struct part_sums {
    double loss, derivative, gradient[16 / sizeof(real)];
};

/* How update_columns() divides the threads of a block among the columns of the gradients and groups of parts. */
struct columns_place {
    int width, groups, group, column, packs; /* packs: number of packs of 16 bytes of columns, including the intercept */
};
template <class real> __device__ static columns_place columns_of(const fused_task &t)
{
    const int values = 16 / sizeof(real);
    columns_place c;
    c.packs = ((int)t.update.penalized + values) / values;
    c.width = update_width(t.shape.parts, c.packs);
    int bits = __ffs(c.width) - 1, thread = (int)threadIdx.x;
    c.groups = THREADS >> bits;
    c.group = thread >> bits;
    c.column = thread & (c.width - 1);
    return c;
}

/* Adds the gradients of the parts of this thread's group for the columns that start at pack `base`. */
template <class real, int AT_ONCE>
__device__ static void add_group(const fused_task &t, int turn, const columns_place &c, int base, double *sum)
{
    const int values = 16 / sizeof(real);
    int u = (base + c.column) * values;
    UNROLLED
    for (int v = 0; v < values; v++) sum[v] = 0;
    if (c.group < c.groups && u < (int)t.update.penalized)
        add_parts<real, AT_ONCE>(gradients_of<real>(t, turn) + u, t.stride, t.shape.parts, c.group, c.groups, sum);
}

/* Adds up the loss and the derivative of the batch, which all threads receive, and this thread's first sums of gradients for
 * update_columns(). All loads are issued before the first result is needed. All threads of the block must call. */
template <class real, int AT_ONCE>
__device__ static part_sums<real> add_sums(const fused_task &t, int turn, unsigned block, double *shared)
{
    const double *sums = sums_at(t, turn);
    part_sums<real> s;
    pack<double> first = {};
    if (threadIdx.x < t.shape.parts) first = load_pack(sums + 2 * threadIdx.x);
    columns_place c = columns_of<real>(t);
    add_group<real, AT_ONCE>(t, turn, c, (int)block * c.width, s.gradient);
    s.loss = 0 + first.at[0];
    s.derivative = 0 + first.at[1];
    NOT_UNROLLED
    for (int64_t i = threadIdx.x + blockDim.x; i < t.shape.parts; i += blockDim.x) {
        s.loss += sums[2 * i];
        s.derivative += sums[2 * i + 1];
    }
    block_sums(&s.loss, &s.derivative, shared);
    return s;
}

/* Adds the sums of the groups in order, for 16 bytes of columns from u on; the value of the intercept is `derivative`. Returns
 * true in the threads of the first group with u < size, which receive the sums. All threads of the block must call. */
template <class real>
__device__ static bool join_groups(const columns_place &c, int u, int d, int64_t size, double derivative, double *sum,
                                   double *shared)
{
    const int values = 16 / sizeof(real), at_once = 4;
    __syncthreads(); /* because earlier sums may still be read */
    UNROLLED
    for (int v = 0; v < values; v++)
        if (c.group < c.groups) shared[v * THREADS + (int)threadIdx.x] = sum[v];
    __syncthreads();
    if (c.group > 0 || u >= size) return false;
    UNROLLED
    for (int v = 0; v < values; v++) sum[v] = 0;
    NOT_UNROLLED
    for (int g = 0; g < c.groups; g += at_once) { /* groups is a power of 2 and at least 4 */
        UNROLLED
        for (int v = 0; v < values; v++) {
            UNROLLED
            for (int l = 0; l < at_once; l++) sum[v] += shared[v * THREADS + (g + l) * c.width + c.column];
        }
    }
    UNROLLED
    for (int v = 0; v < values; v++)
        if (u + v == d) sum[v] = derivative;
    return true;
}

/* Updates the parameters from the gradients of the parts, one pack of 16 bytes of columns per thread; `first` holds the sums
 * over the first columns of this block. Groups of `width` threads each add every `groups`-th part, and the sums of the groups
 * are added in order. `blocks` blocks share the columns, and this one has number `block`; the resulting bits depend neither on
 * that nor on AT_ONCE. All threads must call, at least THREADS of them; shared: shared_doubles<L>(). */
template <class real, int AT_ONCE>
__device__ static void update_columns(const fused_task &t, int turn, const update_task &to, const update_now<real> &now,
                                      const part_sums<real> &first, unsigned block, unsigned blocks, double *shared)
{
    const int values = 16 / sizeof(real);
    columns_place c = columns_of<real>(t);
    double sum[values];
    for (int v = 0; v < values; v++) sum[v] = first.gradient[v];
    NOT_UNROLLED
    for (int base = (int)block * c.width; base < c.packs; base += (int)blocks * c.width) {
        int u = (base + c.column) * values;
        if (join_groups<real>(c, u, (int)to.penalized, to.size, first.derivative, sum, shared))
            update_pack<real>(to, now, u, sum);
        if (base + (int)blocks * c.width < c.packs) add_group<real, AT_ONCE>(t, turn, c, base + (int)blocks * c.width, sum);
    }
}

#endif
