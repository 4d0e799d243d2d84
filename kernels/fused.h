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
        WARPS = !WIDE || PACKS == 1 ? 8
                : PACKS == 2        ? 0
                                    : 16,                /* of a block; 0: 8 or 16 */
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
    int64_t first;      /* the batch's, in the epoch */
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
__device__ static part_rows<typename L::real, typename L::stored> part_of(const fused_task &t, int64_t first, int64_t count,
                                                                          int64_t number, const typename L::stored *x)
{
    typedef typename L::real real;
    return {part_begin(t, number, count),
            part_begin(t, number + 1, count),
            first,
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

template <class L> __device__ static int warps_of() { return L::WARPS > 0 ? (int)L::WARPS : (int)blockDim.x / 32; }

/* Whether a team is a part of a warp, as large as is known at run time alone. */
template <class L> __host__ __device__ static constexpr bool may_be_narrow() { return !L::WIDE && L::PACKS == 1; }

template <class L> __device__ static place place_of(const fused_task &t)
{
    place p;
    p.lanes = L::WIDE ? warps_of<L>() * 32 : may_be_narrow<L>() ? t.shape.lanes : 32; /* a power of 2 */
    int thread = (int)threadIdx.x, bits = __ffs(p.lanes) - 1;
    p.lane = L::WIDE ? thread : thread & (p.lanes - 1);
    p.slots = L::WIDE ? 1 : THREADS >> bits;
    p.slot = L::WIDE ? 0 : thread >> bits;
    p.rank = p.first = 0;
    p.ranks = 1;
    p.columns = (int)t.ld;
    p.d = (int)t.update.penalised;
    p.room = (int)t.stride;
    return p;
}

/* Among the threads that can exchange values: which ROWS of them own rows. A wide team has such owners in every warp. */
template <class L> __device__ static int owner_width(const place &p) { return may_be_narrow<L>() ? p.lanes : 32; }

/* ---- Rows ---- */

__device__ static inline int64_t row_at(const fused_task &t, int64_t first, int64_t position)
{
    if (t.contiguous) return first + position;
    return (int64_t)sampler_row(&t.update.table->order, (uint64_t)(first + position));
}

/* from: the row, or NULL for zeros. columns: ld; what a row has behind its d columns is 0. */
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

/* The point at which the gradient is taken, and where it is in memory; its intercept stands there behind it, where rows may be
 * padded. */
template <class L> struct point_share {
    share<L> part;
    typename L::real intercept;
    const typename L::real *from;
};

template <class L> __device__ static void load_point(const typename L::real *from, const place &p, point_share<L> *to)
{
    UNROLLED
    for (int q = 0; q < L::PACKS; q++)
        for (int i = 0; i < L::VALUES; i++) {
            int c = (q * p.lanes + p.lane) * L::VALUES + i;
            to->part.at[q][i] = c < p.d ? from[c] : 0;
        }
    to->intercept = from[p.d];
    to->from = from;
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
template <class T> __device__ static const T *from_owner(const T *p, int u, int width)
{
    return reinterpret_cast<const T *>(from_owner(reinterpret_cast<unsigned long long>(p), u, width));
}

/* ---- Dot products ---- */

__device__ static inline float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
__device__ static inline double multiply_add(double a, double b, double c) { return fma(a, b, c); }

template <class L> __device__ static typename L::real dot(const point_share<L> &point, const row_share<L> &x, const place &p)
{
    typename L::real s = 0;
    UNROLLED
    for (int q = 0; q < L::PACKS; q++) {
        int c = (q * p.lanes + p.lane) * L::VALUES;
        if (L::POINT_STAYS || L::VALUES == 1) {
            for (int i = 0; i < L::VALUES; i++) s = multiply_add(point.part.at[q][i], value_at(x.at[q], i), s);
            continue;
        }
        const int values = 16 / sizeof(typename L::real); /* that 16 bytes of the point have */
        UNROLLED
        for (int h = 0; h < L::VALUES; h += values) {
            if (c + h >= p.d) continue; /* else 16 bytes hold d - 1 and, at most, the intercept and room */
            pack<typename L::real> theta = load_pack(point.from + c + h);
            for (int i = 0; i < values; i++) s = multiply_add(c + h + i < p.d ? theta.at[i] : 0, value_at(x.at[q], h + i), s);
        }
    }
    return s;
}

/* Adds ROWS values, a power of 2, up over `width` lanes, ROWS at least, by the tree in which lane l first adds lane l ^ (width /
 * 2) and then, from half to half, its neighbour. As two lanes add the same two sums, each adds half of them and leaves the other
 * half to the other: in the end lane l of the width has the sum of value number l / (width / ROWS) alone. All of the warp call.
 */
template <int ROWS, bool IS_WARP, class T> __device__ static T add_over_lanes(T *value, int width)
{
    const int lane = (int)threadIdx.x % 32;
    if (IS_WARP) width = 32;
    int offset = width / 2;
    UNROLLED
    for (int kept = ROWS / 2; kept > 0; kept /= 2, offset /= 2) {
        bool upper = lane & offset;
        UNROLLED
        for (int u = 0; u < kept; u++) {
            T keep = upper ? value[u + kept] : value[u], give = upper ? value[u] : value[u + kept];
            value[u] = keep + __shfl_xor_sync(FULL_WARP, give, offset);
        }
    }
    UNROLLED
    for (int rest = 16 / ROWS; rest > 0; rest /= 2)
        if (IS_WARP || rest < width / ROWS) value[0] += __shfl_xor_sync(FULL_WARP, value[0], rest);
    return value[0];
}

/* Adds up the values of the block's warps, in order. */
template <class L> __device__ static typename L::real add_over_warps(const typename L::real *of_warps)
{
    const int values = 16 / sizeof(typename L::real);
    typename L::real sum = 0;
    UNROLLED
    for (int half = 0; half < MOST_WARPS; half += 8) {
        if (half >= warps_of<L>()) break;
        UNROLLED
        for (int w = 0; w < 8; w += values) {
            pack<typename L::real> some = load_pack(of_warps + half + w);
            UNROLLED
            for (int v = 0; v < values; v++) sum = half + w + v == 0 ? some.at[v] : sum + some.at[v];
        }
    }
    return sum;
}

/* Adds a block's value of row lane % ROWS up over the cluster, of 4 or 8 blocks, in the order of ranks. Each block sends its
 * values to all, lane by lane of its first warp: shared, behind what team_sum() uses: 2 x MOST_BLOCKS x ROWS, whose halves take
 * turns. */
template <class L>
__device__ static typename L::real cluster_sum(typename L::real value, const place &p, typename L::real *shared, int turn)
{
    static_assert(L::ROWS * MOST_BLOCKS <= 32, "a lane sends one value");
    typename L::real *sent = shared + 2 * L::ROWS * MOST_WARPS + (turn & 1) * MOST_BLOCKS * L::ROWS;
    int own = (int)threadIdx.x % L::ROWS, to = (int)threadIdx.x / L::ROWS;
    if (to < p.ranks) of_cluster(sent, (unsigned)to)[p.rank * L::ROWS + own] = value;
    cluster_sync();
    typename L::real sum = sent[own];
    UNROLLED
    for (int half = 0; half < MOST_BLOCKS; half += 4) {
        if (half >= p.ranks) break;
        UNROLLED
        for (int r = half; r < half + 4; r++)
            if (r > 0) sum += sent[r * L::ROWS + own];
    }
    return sum;
}

/* Adds each of ROWS values up over the team, by a fixed tree: lane u of the owners gets number u. All threads of the block call.
 * shared, aligned to 16 bytes: 2 x ROWS x MOST_WARPS, whose halves take turns, so that one barrier does. */
template <class L>
__device__ static typename L::real team_sum(typename L::real *value, const place &p, typename L::real *shared, int turn)
{
    const int each = 32 / L::ROWS, lane = (int)threadIdx.x % 32;
    int width = owner_width<L>(p);
    typename L::real sum = add_over_lanes<L::ROWS, !may_be_narrow<L>()>(value, width);
    if (!L::WIDE) return __shfl_sync(FULL_WARP, sum, p.lane * (width / L::ROWS), width);
    typename L::real *mine = shared + (turn & 1) * L::ROWS * MOST_WARPS;
    if (lane % each == 0) mine[lane / each * MOST_WARPS + (int)threadIdx.x / 32] = sum;
    __syncthreads();
    sum = add_over_warps<L>(mine + lane % L::ROWS * MOST_WARPS);
    if constexpr (L::CLUSTERED != 0) sum = cluster_sum<L>(sum, p, shared, turn);
    return sum;
}

/* ---- A part ---- */

/* What a thread has added up. */
template <class L> struct sums_of {
    share<L> gradient;
    double loss, slope; /* of the rows it owns */
    int turn;           /* how often it has added rows up */
};

/* In double a call apart: the registers that its exponentials take would have to come from the rows. */
__device__ static inline loss_point<float> loss_of(loss_rule rule, float p, float y) { return loss_at<float>(rule, p, y); }
__device__ APART static loss_point<double> loss_of(loss_rule rule, double p, double y) { return loss_at<double>(rule, p, y); }

/* Rows base + slot, base + slots + slot, ... of the part: ROWS of them for each team. */
template <class L>
__device__ static void add_rows(const fused_task &t, const part_rows<typename L::real, typename L::stored> &r, int64_t base,
                                const point_share<L> &point, const place &p, typename L::real *shared, sums_of<L> *to)
{
    typedef typename L::real real;
    typedef typename L::stored stored;
    int width = owner_width<L>(p), own = p.lane % width;
    int64_t mine = base + (int64_t)own * p.slots + p.slot, at = 0;
    bool owns = own < L::ROWS && mine < r.end;
    real y = 0, weight = 1, offset = 0, value[L::ROWS], slope = 0;
    if (owns) at = r.staged ? mine - r.begin : row_at(t, r.first, mine);
    if (owns) y = r.y[at];
    if (owns && r.w) weight = r.w[at];
    if (owns && r.o) offset = r.o[at];
    const stored *row = owns ? r.x + at * t.ld : nullptr;
    row_share<L> x[L::ROWS];
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) load_share<L>(from_owner(row, u, width), p.columns, p, &x[u]);
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) value[u] = dot<L>(point, x[u], p);
    real prediction = team_sum<L>(value, p, shared, to->turn++);
    if (owns) {
        if (r.o) prediction += offset;
        loss_point<real> l = loss_of(t.loss, prediction + point.intercept, y);
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

/* Adds two values up over the block, of 8 or 16 warps, by a fixed tree: every thread has the sums. All call; shared, aligned to
 * 16 bytes: 2 MOST_WARPS. */
__device__ static inline void block_sums(double *a, double *b, double *shared)
{
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, warps = (int)blockDim.x / 32;
    double both[2] = {*a, *b}, sum = add_over_lanes<2, true>(both, 32);
    __syncthreads(); /* the last sums may still be read */
    if (lane % 16 == 0) shared[2 * warp + lane / 16] = sum;
    __syncthreads();
    *a = *b = 0;
    for (int half = 0; half < warps; half += 8) {
        UNROLLED
        for (int w = half; w < half + 8; w++) {
            pack<double> some = load_pack(shared + 2 * w);
            *a += some.at[0];
            *b += some.at[1];
        }
    }
}

/* Adds up the gradients of a warp's teams, of 8 lanes at least: each team gets the sums. */
template <class L> __device__ static void add_teams(share<L> *g, const place &p)
{
    UNROLLED
    for (int offset = 16; offset >= 8; offset /= 2) {
        if (offset < p.lanes) break;
        UNROLLED
        for (int i = 0; i < L::VALUES; i++) g->at[0][i] += __shfl_xor_sync(FULL_WARP, g->at[0][i], offset);
    }
}

/* The teams' gradients, added up over the block, to `out`: `room` values, of which those from d on are 0. shared:
 * shared_doubles<L>(). */
template <class L>
__device__ static void store_gradient(share<L> *g, int room, const place &p, typename L::real *shared, typename L::real *out)
{
    typedef typename L::real real;
    const int warps = THREADS / 32; /* but where WIDE */
    int warp = (int)threadIdx.x / 32, columns = L::PACKS * p.lanes * L::VALUES;
    if (may_be_narrow<L>()) add_teams<L>(g, p);
    UNROLLED
    for (int q = 0; q < L::PACKS; q++) {
        int c = (q * p.lanes + p.lane) * L::VALUES;
        UNROLLED
        for (int i = 0; i < L::VALUES; i++) {
            if (L::WIDE && c + i < room) out[c + i] = g->at[q][i];
            if (!L::WIDE && (int)threadIdx.x % 32 < p.lanes) shared[warp * columns + c + i] = g->at[q][i];
        }
    }
    if (L::WIDE) return;
    __syncthreads();
    NOT_UNROLLED
    for (int c = (int)threadIdx.x; c < room; c += THREADS) {
        real v = shared[c];
        UNROLLED
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
__device__ static void run_part(const fused_task &t, const part_rows<typename L::real, typename L::stored> &r, int64_t number,
                                int turn, const point_share<L> &point, const place &p, double *shared)
{
    typedef typename L::real real;
    sums_of<L> sums = {};
    NOT_UNROLLED
    for (int64_t base = r.begin; base < r.end; base += (int64_t)p.slots * L::ROWS) {
        if (L::FETCHES && !r.staged) {
            int64_t later = base + rows_ahead<L>(p) + threadIdx.x;
            if (threadIdx.x < L::ROWS && later < r.end) fetch_row<L>(t, r.first, r.x, later, p);
        }
        add_rows<L>(t, r, base, point, p, (real *)shared, &sums);
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

/* ---- How a step begins ---- */

/* The step under way, a row of the table; which rows its batch has; and whether it is the table's last. step -1: none, the run
 * has failed. */
struct step_now {
    int64_t step, first, count;
    bool is_last;
};
__device__ static inline step_now step_at(const fused_task &t, int64_t step)
{
    const step_row *row = t.update.table->row + step;
    return {step, row->first, row->count, step + 1 >= t.update.table->count};
}

/* Part `number`'s first rows, to the L2 cache: x depends on no step. */
template <class L>
__device__ static void fetch_part(const fused_task &t, const step_now &now, int64_t number, const typename L::stored *x,
                                  const place &p)
{
    int64_t begin = part_begin(t, number, now.count), end = part_begin(t, number + 1, now.count), rows = rows_ahead<L>(p);
    if (end > begin + rows) end = begin + rows;
    for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) fetch_row<L>(t, now.first, x, i, p);
}

/* What each kernel of a step begins with: everything that depends on the steps before stands behind it. Which step it is depends
 * on their number alone, which is known before they are done, and so is what the table says of it. */
template <class L>
__device__ static step_now begin_step(const fused_task &t, int64_t number, const typename L::stored *x, const place &p)
{
    step_now now = {-1, 0, 0, true};
    if (CAN_FETCH && t.early) {
        int64_t step = 2 * *(const volatile int64_t *)&t.state->turns[t.turn] + t.turn;
        ASSERT_ALONE(t.state->failed || step == t.state->next);
        if (step < t.update.table->count) {
            now = step_at(t, step);
            if (L::VALUES > 1) fetch_part<L>(t, now, number, x, p);
        }
    }
    wait_for_earlier();
    let_later_begin();
    static_assert(offsetof(run_state, next) % 16 == 0 && offsetof(run_state, failed) == offsetof(run_state, next) + 8,
                  "one load");
    pack<int64_t> next = load_pack(&t.state->next); /* and `failed` */
    if (next.at[1])
        now.step = -1;
    else if (now.step != next.at[0])
        now = step_at(t, next.at[0]);
    if (blockIdx.x + threadIdx.x == 0) t.state->active = now.step;
    return now;
}

/* ---- How it ends ---- */

/* One thread's work, once the batch's loss is known: the step counts, or the run has failed. before: counts_of(t.state). */
__device__ static inline void end_step(const fused_task &t, const run_counts &before, int64_t step, int64_t rows, double loss)
{
    t.state->turns[t.turn] = step / 2 + 1;
    if (isfinite(loss))
        count_step(t.state, before, step, rows, loss);
    else
        t.state->failed = FAILED_LOSS;
}

/* Starts to copy to shared memory what the table says of a step, and unless that is the last, of the step after it: 2 rows, for
 * update_now_by(). All threads call copy_async_wait() before a __syncthreads(). */
__device__ static inline void bring_rows(const slice_table *table, int64_t step, bool is_last, step_row *to)
{
    const int words = sizeof(step_row) / 8, word = (int)threadIdx.x;
    if (word < (is_last ? words : 2 * words)) copy_async((int64_t *)to + word, (const int64_t *)(table->row + step) + word);
}

/* ---- Adding parts up ---- */

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

/* What one thread adds up of a batch's parts: their losses and slopes; of the gradients, 16 bytes of columns. */
template <class real> struct part_sums {
    double loss, slope, gradient[16 / sizeof(real)];
};

/* How update_columns() shares out a block's threads among the columns of gradients and groups of parts. */
struct columns_place {
    int width, groups, group, column, packs; /* packs: 16 bytes of columns, with the intercept */
};
template <class real> __device__ static columns_place columns_of(const fused_task &t)
{
    const int values = 16 / sizeof(real);
    columns_place c;
    c.packs = ((int)t.update.penalised + values) / values;
    c.width = update_width(t.shape.parts, c.packs);
    int bits = __ffs(c.width) - 1, thread = (int)threadIdx.x;
    c.groups = THREADS >> bits;
    c.group = thread >> bits;
    c.column = thread & (c.width - 1);
    return c;
}

/* Gradients of the parts of this thread's group, from the columns of `base` on. */
template <class real, int AT_ONCE>
__device__ static void add_group(const fused_task &t, int turn, const columns_place &c, int base, double *sum)
{
    const int values = 16 / sizeof(real);
    int u = (base + c.column) * values;
    UNROLLED
    for (int v = 0; v < values; v++) sum[v] = 0;
    if (c.group < c.groups && u < (int)t.update.penalised)
        add_parts<real, AT_ONCE>(gradients_of<real>(t, turn) + u, t.stride, t.shape.parts, c.group, c.groups, sum);
}

/* The batch's loss and slope, the same in every thread; and this thread's first sums of gradients, for update_columns(). All
 * loads are on their way at once. All threads of a block call. */
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
    s.slope = 0 + first.at[1];
    NOT_UNROLLED
    for (int64_t i = threadIdx.x + blockDim.x; i < t.shape.parts; i += blockDim.x) {
        s.loss += sums[2 * i];
        s.slope += sums[2 * i + 1];
    }
    block_sums(&s.loss, &s.slope, shared);
    return s;
}

/* Updates the parameters, 16 bytes of columns a thread, by the parts' gradients, whose sums over the first columns of this block
 * are `first`'s. Groups of `width` threads take every few-th part each, and their sums are added in order. `blocks` blocks share
 * the columns, this is number `block`: the bits do not depend on that, nor on AT_ONCE. All threads call, THREADS or more; shared:
 * shared_doubles<L>(). */
template <class real, int AT_ONCE>
__device__ static void update_columns(const fused_task &t, int turn, const update_task &to, const update_now<real> &now,
                                      const part_sums<real> &first, unsigned block, unsigned blocks, double *shared)
{
    const int values = 16 / sizeof(real), at_once = 4;
    int d = (int)to.penalised;
    columns_place c = columns_of<real>(t);
    double sum[values];
    for (int v = 0; v < values; v++) sum[v] = first.gradient[v];
    NOT_UNROLLED
    for (int base = (int)block * c.width; base < c.packs; base += (int)blocks * c.width) {
        int u = (base + c.column) * values;
        __syncthreads(); /* the last sums may still be read */
        UNROLLED
        for (int v = 0; v < values; v++)
            if (c.group < c.groups) shared[v * THREADS + (int)threadIdx.x] = sum[v];
        __syncthreads();
        if (c.group == 0 && u < to.size) {
            UNROLLED
            for (int v = 0; v < values; v++) sum[v] = 0;
            NOT_UNROLLED
            for (int g = 0; g < c.groups; g += at_once) { /* groups: a power of 2, and 4 at least */
                UNROLLED
                for (int v = 0; v < values; v++) {
                    UNROLLED
                    for (int l = 0; l < at_once; l++) sum[v] += shared[v * THREADS + (g + l) * c.width + c.column];
                }
            }
            UNROLLED
            for (int v = 0; v < values; v++)
                if (u + v == d) sum[v] = first.slope;
            update_pack<real>(to, now, u, sum);
        }
        if (base + (int)blocks * c.width < c.packs) add_group<real, AT_ONCE>(t, turn, c, base + (int)blocks * c.width, sum);
    }
}

#endif
