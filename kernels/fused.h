/* A step with one read of x, for one output: what the engines `fused` and `persistent` share, down to the bits they produce.
 *
 *     for (i in part) { l = loss_at(x[i] point + o[i] + intercept, y[i]); gradient += w[i] l.slope x[i] }
 *
 * A batch is cut into parts of shape.rows rows, each one block's work: the block leaves the part's gradient, loss and slope
 * behind, and these are added up in order. A row is shared by `lanes` threads, a team, and stays in their registers between its
 * two uses. A team takes ROWS rows at a time, so that as many loads are on their way; lane u of it owns row u: it alone finds
 * out which row that is, reads its y and w, and evaluates the loss. Where blocks share rows (cluster.cu), a block has a piece of
 * each, and all that is written here of a row is true of the piece, but for team_sums(). */
#ifndef CUSGD_KERNELS_FUSED_H
#define CUSGD_KERNELS_FUSED_H

#include "account.h"
#include "block.h"
#include "scalar/loss.h"
#include "stored.h"
#include "update.h"

enum { MOST_WARPS = 16 }; /* of a block */

/* How a kernel is compiled: VALUES of a row in one load, PACKS loads a thread and row; WIDE: the whole block is one team. Rows of
 * bf16 stay packed in the registers, 8 values in 4 of them, and are widened twice: they take the room of float rows half as long,
 * while point and gradient, in float, take that of rows as long. */
template <class real_type, int VALUES_, int PACKS_, bool WIDE_, class stored_type = real_type> struct layout {
    typedef real_type real;
    typedef stored_type stored;
    enum {
        VALUES = VALUES_,
        PACKS = PACKS_,
        WIDE = WIDE_,
        ROWS = PACKS == 1   ? (WIDE ? 4 : 8)
               : PACKS == 2 ? (WIDE && sizeof(real) == 8 ? 2 : 4)
               : PACKS == 4 ? 2
                            : 1,
        POINT_STAYS = PACKS < (sizeof(stored) == 4            ? 8
                               : sizeof(stored) == 8 && !WIDE ? 4
                                                              : 2), /* in registers; else it is read for every row */
        THREADS_MOST = WIDE && PACKS > 1 ? 512 : 256,
        FETCHES = CAN_FETCH && WIDE && PACKS < 8, /* rows ahead; beyond, there is no register left for it */
        CLUSTERED = 0                             /* 1: a row is shared by the blocks of a cluster */
    };
};

/* A thread's share of the parameters; and of a row, as it is kept. */
template <class L> struct share {
    typename L::real at[L::PACKS][L::VALUES];
};
template <class L> struct row_share {
    pack<typename L::stored> at[L::PACKS];
};

/* Where the rows of a part are: in memory at their places; or copied behind one another (`staged`), with their y, w and o. */
template <class real, class stored = real> struct part_rows {
    int64_t begin, end; /* positions in the batch */
    bool staged;
    const stored *x;
    const real *y, *w, *o; /* w and o may be NULL */
};

/* Where part `number` of a batch of `count` rows begins, and the one before it ends. */
__device__ static inline int64_t part_begin(const fused_task &t, int64_t number, int64_t count)
{
    return number * t.shape.rows < count ? number * t.shape.rows : count;
}

/* Its rows in memory; x: all rows, or the columns of them that the block works on. */
template <class L>
__device__ static part_rows<typename L::real, typename L::stored> part_of(const fused_task &t, const step_row *row,
                                                                          int64_t number, const typename L::stored *x)
{
    typedef typename L::real real;
    return {part_begin(t, number, row->count),
            part_begin(t, number + 1, row->count),
            false,
            x,
            (const real *)t.y,
            (const real *)t.w,
            (const real *)t.o};
}

/* ---- A thread's place in its team ---- */

struct place {
    int lanes, lane; /* of the team, this thread */
    int slots, slot; /* teams of the block, this one */
    int rank, ranks; /* the block of its cluster, and how many there are */
    int first;       /* column of the block's pieces: 0 where they are whole rows */
    int columns, d;  /* of them: what a row has, up to ld; those that stand for features */
    int room;        /* likewise: what a part's gradient has */
};

template <class L> __device__ static place place_of(const fused_task &t)
{
    place p;
    p.lanes = L::WIDE ? (int)blockDim.x : t.shape.lanes;
    p.lane = (int)threadIdx.x % p.lanes;
    p.slots = L::WIDE ? 1 : (int)blockDim.x / p.lanes;
    p.slot = L::WIDE ? 0 : (int)threadIdx.x / p.lanes;
    p.rank = p.first = 0;
    p.ranks = 1;
    p.columns = (int)t.ld;
    p.d = (int)t.update.penalised;
    p.room = (int)t.stride;
    return p;
}

/* Among the threads that can exchange values: which ROWS of them own rows. A wide team has such owners in every warp. */
template <class L> __device__ static int owner_width(const place &p) { return L::WIDE ? 32 : p.lanes; }

/* ---- Rows ---- */

__device__ static inline int64_t row_at(const fused_task &t, int64_t first, int64_t position)
{
    if (t.contiguous) return first + position;
    return (int64_t)sampler_row(&t.update.table->order, (uint64_t)(first + position));
}

/* columns: ld; what a row has behind its d columns is 0. */
template <class L>
__device__ static void load_share(const typename L::stored *from, int columns, const place &p, row_share<L> *to)
{
    UNROLLED
    for (int q = 0; q < L::PACKS; q++) {
        int c = (q * p.lanes + p.lane) * L::VALUES;
        to->at[q] = {};
        if (from && c < columns) {
            if (L::VALUES == 1)
                to->at[q] = pack_first(from[c]);
            else
                to->at[q] = load_pack(from + c);
        }
    }
}

/* The point at which the gradient is taken; its intercept stands behind it, where rows may be padded. */
template <class L> __device__ static void load_point(const typename L::real *from, int d, const place &p, share<L> *to)
{
    UNROLLED
    for (int q = 0; q < L::PACKS; q++)
        for (int i = 0; i < L::VALUES; i++) {
            int c = (q * p.lanes + p.lane) * L::VALUES + i;
            to->at[q][i] = c < d ? from[c] : 0;
        }
}

/* So many rows ahead of those that are worked on, rows are on their way to the L2 cache: 64 KB, which is more than a
 * multiprocessor's share of what memory sends in the time of a load. */
template <class L> __device__ static int64_t rows_ahead(const place &p)
{
    int64_t rows = 64 * 1024 / (p.columns * (int64_t)sizeof(typename L::stored));
    return rows < L::ROWS ? (int64_t)L::ROWS : rows;
}

template <class L>
__device__ static void fetch_row(const fused_task &t, int64_t first, const typename L::stored *x, int64_t position,
                                 const place &p)
{
    fetch(x + row_at(t, first, position) * t.ld, (unsigned)(p.columns * (int)sizeof *x));
}

/* The value of lane u of the owners, in every lane. */
template <class T> __device__ static T from_owner(T value, int u, int width) { return __shfl_sync(FULL_WARP, value, u, width); }

/* ---- Dot products ---- */

__device__ static inline float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
__device__ static inline double multiply_add(double a, double b, double c) { return fma(a, b, c); }

template <class L>
__device__ static typename L::real dot(const share<L> &point, const typename L::real *from, int d, const row_share<L> &x,
                                       const place &p)
{
    typename L::real s = 0;
    UNROLLED
    for (int q = 0; q < L::PACKS; q++) {
        int c = (q * p.lanes + p.lane) * L::VALUES;
        if (L::POINT_STAYS || L::VALUES == 1) {
            for (int i = 0; i < L::VALUES; i++) s = multiply_add(point.at[q][i], value_at(x.at[q], i), s);
            continue;
        }
        const int values = 16 / sizeof(typename L::real); /* that 16 bytes of the point have */
        UNROLLED
        for (int h = 0; h < L::VALUES; h += values) {
            if (c + h >= d) continue; /* else 16 bytes hold d - 1 and, at most, the intercept and room */
            pack<typename L::real> theta = load_pack(from + c + h);
            for (int i = 0; i < values; i++) s = multiply_add(c + h + i < d ? theta.at[i] : 0, value_at(x.at[q], h + i), s);
        }
    }
    return s;
}

/* Adds each of ROWS values, a block's own, up over the cluster, in the order of ranks. Each block sends them to all: shared,
 * behind what team_sums() uses: 2 x MOST_BLOCKS x ROWS, whose halves take turns. */
template <class L>
__device__ static void cluster_sums(typename L::real *value, const place &p, typename L::real *shared, int turn)
{
    typename L::real *sent = shared + 2 * L::ROWS * MOST_WARPS + (turn & 1) * MOST_BLOCKS * L::ROWS;
    UNROLLED
    for (int u = 0; u < L::ROWS; u++)
        if ((int)threadIdx.x < p.ranks) of_cluster(sent, threadIdx.x)[p.rank * L::ROWS + u] = value[u];
    cluster_sync();
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) {
        value[u] = sent[u];
        for (int r = 1; r < p.ranks; r++) value[u] += sent[r * L::ROWS + u];
    }
}

/* Adds each of ROWS values up over the team, by a fixed tree; all threads of the block call. shared: 2 x ROWS x MOST_WARPS,
 * whose halves take turns, so that one barrier does. */
template <class L> __device__ static void team_sums(typename L::real *value, const place &p, typename L::real *shared, int turn)
{
    int width = L::WIDE ? 32 : p.lanes;
    UNROLLED
    for (int u = 0; u < L::ROWS; u++)
        for (int offset = width / 2; offset > 0; offset /= 2) value[u] += __shfl_xor_sync(FULL_WARP, value[u], offset);
    if (!L::WIDE) return;
    typename L::real *mine = shared + (turn & 1) * L::ROWS * MOST_WARPS;
    int warps = (int)blockDim.x / 32;
    if (threadIdx.x % 32 == 0)
        for (int u = 0; u < L::ROWS; u++) mine[u * MOST_WARPS + (int)threadIdx.x / 32] = value[u];
    __syncthreads();
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) {
        value[u] = mine[u * MOST_WARPS];
        for (int w = 1; w < warps; w++) value[u] += mine[u * MOST_WARPS + w];
    }
    if (L::CLUSTERED) cluster_sums<L>(value, p, shared, turn);
}

/* ---- A part ---- */

/* What a thread has added up. */
template <class L> struct sums_of {
    share<L> gradient;
    double loss, slope; /* of the rows it owns */
};

/* In double a call apart: the registers that its exponentials take would have to come from the rows. */
__device__ static inline loss_point<float> loss_of(loss_rule rule, float p, float y) { return loss_at<float>(rule, p, y); }
__device__ APART static loss_point<double> loss_of(loss_rule rule, double p, double y) { return loss_at<double>(rule, p, y); }

/* Rows base + slot, base + slots + slot, ... of the part: ROWS of them for each team. */
template <class L>
__device__ static void add_rows(const fused_task &t, int64_t first, const part_rows<typename L::real, typename L::stored> &r,
                                int64_t base, const share<L> &point, const typename L::real *from, const place &p,
                                typename L::real *shared, int turn, sums_of<L> *to)
{
    typedef typename L::real real;
    int width = owner_width<L>(p), own = p.lane % width;
    int64_t mine = base + (int64_t)own * p.slots + p.slot, at = 0;
    bool owns = own < L::ROWS && mine < r.end;
    real y = 0, weight = 1, offset = 0, value[L::ROWS], slope = 0;
    if (owns) at = r.staged ? mine - r.begin : row_at(t, first, mine);
    if (owns) y = r.y[at];
    if (owns && r.w) weight = r.w[at];
    if (owns && r.o) offset = r.o[at];
    row_share<L> x[L::ROWS];
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) {
        int64_t row = from_owner(at, u, width);
        bool is_there = base + (int64_t)u * p.slots + p.slot < r.end;
        load_share<L>(is_there ? r.x + row * t.ld : nullptr, p.columns, p, &x[u]);
    }
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) value[u] = dot<L>(point, from, p.d, x[u], p);
    team_sums<L>(value, p, shared, turn);
    real prediction = 0;
    UNROLLED
    for (int u = 0; u < L::ROWS; u++)
        if (own == u) prediction = value[u];
    if (owns) {
        if (r.o) prediction += offset;
        loss_point<real> l = loss_of(t.loss, prediction + from[p.d], y);
        slope = r.w ? weight * l.slope : l.slope;
        if (!L::WIDE || threadIdx.x < 32) {
            to->loss += (double)(r.w ? weight * l.value : l.value);
            to->slope += (double)slope;
        }
    }
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) {
        real s = from_owner(slope, u, width);
        UNROLLED
        for (int q = 0; q < L::PACKS; q++)
            for (int i = 0; i < L::VALUES; i++)
                to->gradient.at[q][i] = multiply_add(s, value_at(x[u].at[q], i), to->gradient.at[q][i]);
    }
}

/* Adds two values up over the block, by a fixed tree: every thread has the sums. All call; shared: 2 MOST_WARPS + 2. */
__device__ static inline void block_sums(double *a, double *b, double *shared)
{
    int warp = (int)threadIdx.x / 32, warps = (int)blockDim.x / 32;
    *a = warp_sum(*a);
    *b = warp_sum(*b);
    __syncthreads(); /* the last sums may still be read */
    if (threadIdx.x % 32 == 0) {
        shared[2 * warp] = *a;
        shared[2 * warp + 1] = *b;
    }
    __syncthreads();
    *a = *b = 0;
    for (int w = 0; w < warps; w++) {
        *a += shared[2 * w];
        *b += shared[2 * w + 1];
    }
}

/* The teams' gradients, added up over the block, to `out`: `room` values, of which those from d on are 0. shared:
 * shared_doubles<L>(). */
template <class L>
__device__ static void store_gradient(share<L> *g, int room, const place &p, typename L::real *shared, typename L::real *out)
{
    typedef typename L::real real;
    int warp = (int)threadIdx.x / 32, warps = (int)blockDim.x / 32, columns = L::PACKS * p.lanes * L::VALUES;
    UNROLLED
    for (int q = 0; q < L::PACKS; q++) {
        int c = (q * p.lanes + p.lane) * L::VALUES;
        UNROLLED
        for (int i = 0; i < L::VALUES; i++) {
            real v = g->at[q][i];
            if (!L::WIDE)
                for (int offset = 16; offset >= p.lanes; offset /= 2) v += __shfl_xor_sync(FULL_WARP, v, offset);
            if (L::WIDE && c + i < room) out[c + i] = v;
            if (!L::WIDE && (int)threadIdx.x % 32 < p.lanes) shared[warp * columns + c + i] = v;
        }
    }
    if (L::WIDE) return;
    __syncthreads();
    for (int c = (int)threadIdx.x; c < room; c += (int)blockDim.x) {
        real v = shared[c];
        for (int w = 1; w < warps; w++) v += shared[w * columns + c];
        out[c] = v;
    }
}

/* Shared memory of a kernel, in doubles: for sums of teams, of the block, of the parts, in turn. */
template <class L> __host__ __device__ static constexpr int shared_doubles()
{
    const int teams = 2 * L::ROWS * (MOST_WARPS + (L::CLUSTERED ? MOST_BLOCKS : 0)),
              columns = L::WIDE ? 0 : L::PACKS * 32 * L::VALUES * THREADS / 32;
    const int reals = (teams > columns ? teams : columns) * (int)sizeof(typename L::real) / 8;
    const int parts = THREADS * 16 / (int)sizeof(typename L::real);
    return reals > parts ? reals : parts;
}

/* Parts' gradients, losses and slopes have room for two batches: while one is still read, the next writes the other. */
template <class real> __device__ static real *gradients_of(const fused_task &t, int turn)
{
    return (real *)t.partial + turn * t.shape.parts * t.stride;
}
__device__ static inline double *sums_at(const fused_task &t, int turn) { return t.sums + turn * t.shape.parts * 2; }

/* Part `number` of the batch: its gradient, loss and slope. */
template <class L>
__device__ static void run_part(const fused_task &t, int64_t first, const part_rows<typename L::real, typename L::stored> &r,
                                int64_t number, int turn, const share<L> &point, const typename L::real *from, const place &p,
                                double *shared)
{
    typedef typename L::real real;
    sums_of<L> sums = {};
    int half = 0;
    for (int64_t base = r.begin; base < r.end; base += (int64_t)p.slots * L::ROWS) {
        if (L::FETCHES && !r.staged) {
            int64_t later = base + rows_ahead<L>(p) + threadIdx.x;
            if (threadIdx.x < L::ROWS && later < r.end) fetch_row<L>(t, first, r.x, later, p);
        }
        add_rows<L>(t, first, r, base, point, from, p, (real *)shared, half++, &sums);
    }
    __syncthreads();
    store_gradient<L>(&sums.gradient, p.room, p, (real *)shared, gradients_of<real>(t, turn) + number * t.stride + p.first);
    block_sums(&sums.loss, &sums.slope, shared);
    if (threadIdx.x == 0 && p.rank == 0) {
        sums_at(t, turn)[2 * number] = sums.loss;
        sums_at(t, turn)[2 * number + 1] = sums.slope;
    }
    __syncthreads();
}

/* ---- Before the step before is done ---- */

/* Part `number`'s first rows, to the L2 cache: x depends on no step, and which rows come next on the number of steps alone. */
template <class L>
__device__ static void fetch_part(const fused_task &t, int64_t number, const typename L::stored *x, const place &p)
{
    int64_t step = 2 * *(const volatile int64_t *)&t.state->turns[t.turn] + t.turn;
    ASSERT_ALONE(t.state->failed || step == t.state->next);
    if (step >= t.update.table->count) return;
    const step_row *row = t.update.table->row + step;
    int64_t begin = part_begin(t, number, row->count), end = part_begin(t, number + 1, row->count), rows = rows_ahead<L>(p);
    if (end > begin + rows) end = begin + rows;
    for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) fetch_row<L>(t, row->first, x, i, p);
}

/* What each kernel of a step begins with: everything that depends on the steps before stands behind it. */
template <class L>
__device__ static void begin_step(const fused_task &t, int64_t number, const typename L::stored *x, const place &p)
{
    if (CAN_FETCH && L::VALUES > 1 && t.early) fetch_part<L>(t, number, x, p);
    wait_for_earlier();
    let_later_begin();
}

/* The step that has begun, for fused_update_kernel too; -1: none, the run has failed. */
__device__ static inline int64_t begun_step(const fused_task &t)
{
    int64_t step = t.state->failed ? -1 : t.state->next;
    if (blockIdx.x + threadIdx.x == 0) t.state->active = step;
    return step;
}

/* ---- Adding parts up ---- */

/* The batch's loss and slope, the same in every thread that calls; all of a block must. */
__device__ static inline void add_sums(const fused_task &t, int turn, double *shared, double *loss, double *slope)
{
    const double *sums = sums_at(t, turn);
    *loss = *slope = 0;
    for (int64_t i = threadIdx.x; i < t.shape.parts; i += blockDim.x) {
        *loss += sums[2 * i];
        *slope += sums[2 * i + 1];
    }
    block_sums(loss, slope, shared);
}

/* Neighbouring threads that share a part's columns, 16 bytes each: as many as are of use, but so few that the groups of them
 * which a block has need not add up more than 8 parts each, whose loads are on their way at once. */
__host__ __device__ static inline int update_width(int64_t parts, int packs)
{
    int width = 8;
    while (width < 64 && width < packs && parts * 2 * width <= 8 * THREADS) width *= 2;
    return width;
}

/* Adds 16 bytes of the gradients of parts group, group + groups, ... to sum, in this order. All loads of AT_ONCE parts stand
 * before the first addition: a thread issues instructions in order, so that it would otherwise wait for each load before the
 * next. Zeros stand for parts that are not there, since under a condition the compiler would move each load to its addition; they
 * change no bit, as a sum that began with +0 is never -0. */
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

/* Adds up the parts' gradients, 16 bytes of columns a thread, and updates these parameters. Groups of `width` threads take every
 * few-th part each, and their sums are added in order. `blocks` blocks share the columns, this is number `block`: the bits do not
 * depend on that, nor on AT_ONCE. All threads call, THREADS or more; shared: shared_doubles<L>(). */
template <class real, int AT_ONCE>
__device__ static void update_columns(const fused_task &t, int turn, const update_task &to, int64_t step, double slope,
                                      unsigned block, unsigned blocks, double *shared)
{
    const int values = 16 / sizeof(real);
    int d = (int)to.penalised, packs = (d + values) / values; /* with the intercept */
    const real *gradients = gradients_of<real>(t, turn);
    const update_now<real> now = update_now_of<real>(to, step);
    int width = update_width(t.shape.parts, packs);
    int groups = THREADS / width, group = (int)threadIdx.x / width, column = (int)threadIdx.x % width;
    for (int base = (int)block * width; base < packs; base += (int)blocks * width) {
        int u = (base + column) * values;
        double sum[values] = {};
        if (group < groups && u < d) add_parts<real, AT_ONCE>(gradients + u, t.stride, t.shape.parts, group, groups, sum);
        __syncthreads(); /* the last sums may still be read */
        UNROLLED
        for (int v = 0; v < values; v++)
            if (group < groups) shared[v * THREADS + (int)threadIdx.x] = sum[v];
        __syncthreads();
        if (group > 0 || u >= to.size) continue;
        UNROLLED
        for (int v = 0; v < values; v++) {
            for (int g = 1; g < groups; g++) sum[v] += shared[v * THREADS + g * width + column];
            if (u + v == d) sum[v] = slope;
        }
        update_pack<real>(to, now, u, sum);
    }
}

#endif
