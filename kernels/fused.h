/* A step with one read of x, for one output: what the engines `fused` and `persistent` share, down to the bits they produce.
 *
 *     for (i in part) { l = loss_at(x[i] point + o[i] + intercept, y[i]); gradient += w[i] l.derivative x[i] }
 *
 * A batch is cut into parts of shape.rows rows, each one block's work: the block leaves the part's gradient, loss and derivative
 * behind, and these are added up in order. A row is shared by `lanes` threads, a team, and stays in their registers between its
 * two uses. A team takes ROWS rows at a time, so that as many loads are on their way; lane u of it owns row u: it alone finds
 * out which row that is, reads its y and w, and evaluates the loss. Where blocks share rows (cluster.cu), a block has a piece of
 * each, and all that is written here of a row is true of the piece, but for team_sum(). How parts
 * are added up and the parameters updated: parts.h. */
#ifndef CUSGD_KERNELS_FUSED_H
#define CUSGD_KERNELS_FUSED_H

#include "team.h"

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
 * 2) and then, from half to half, its neighbor. As two lanes add the same two sums, each adds half of them and leaves the other
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
    for (int half = 0; half < MAX_WARPS; half += 8) {
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
    static_assert(L::ROWS * MAX_BLOCKS <= 32, "a lane sends one value");
    typename L::real *sent = shared + 2 * L::ROWS * MAX_WARPS + (turn & 1) * MAX_BLOCKS * L::ROWS;
    exchange *round = p.sent + (turn & 1);
    int own = (int)threadIdx.x % L::ROWS, to = (int)threadIdx.x / L::ROWS;
    if (threadIdx.x == 0) exchange_expect(round, (unsigned)(p.ranks * L::ROWS * (int)sizeof value));
    if (to < p.ranks) exchange_send(sent + p.rank * L::ROWS + own, value, round, (unsigned)to);
    exchange_await(round, turn >> 1 & 1);
    typename L::real sum = sent[own];
    UNROLLED
    for (int half = 0; half < MAX_BLOCKS; half += 4) {
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
    typename L::real *mine = shared + (turn & 1) * L::ROWS * MAX_WARPS;
    if (lane % each == 0) mine[lane / each * MAX_WARPS + (int)threadIdx.x / 32] = sum;
    __syncthreads();
    sum = add_over_warps<L>(mine + lane % L::ROWS * MAX_WARPS);
    if constexpr (L::CLUSTERED != 0) sum = cluster_sum<L>(sum, p, shared, turn);
    return sum;
}

/* ---- A part ---- */

/* What a thread has added up. */
template <class L> struct sums_of {
    share<L> gradient;
    double loss, derivative; /* of the rows it owns */
    int turn;                /* how often it has added rows up */
};

/* In double a call apart: the registers that its exponentials take would have to come from the rows. */
__device__ static inline loss_point<float> loss_of(loss_rule rule, float p, float y) { return loss_at<float>(rule, p, y); }
__device__ APART static loss_point<double> loss_of(loss_rule rule, double p, double y) { return loss_at<double>(rule, p, y); }

/* Rows base + slot, base + slots + slot, ... of the part: ROWS of them for each team. */
template <class L>
__device__ static void add_rows(const fused_task &t, const part_rows<typename L::real, typename L::stored> &r, int base,
                                const point_share<L> &point, const place &p, typename L::real *shared, sums_of<L> *to)
{
    typedef typename L::real real;
    /* Lanes that own no row do as the last owner does, and rows behind the part's end are its last row, whose loss and derivative
     * do not count: 0 times its values is added to the gradient. */
    int width = owner_width<L>(p), own = p.lane % width;
    int mine = base + (own < L::ROWS ? own : L::ROWS - 1) * p.slots + p.slot;
    bool owns = own < L::ROWS && mine < r.count;
    if (mine >= r.count) mine = r.count - 1;
    int64_t at = r.staged ? mine : row_at(t, r.first + mine), row = at * t.ld;
    real y = r.y[at], weight = r.w ? r.w[at] : 1, offset = r.o ? r.o[at] : 0, value[L::ROWS], derivative = 0;
    row_share<L> x[L::ROWS];
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) load_share<L>(r.x + from_owner(row, u, width), p.columns, p, &x[u]);
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) value[u] = dot<L>(point, x[u], p);
    real prediction = team_sum<L>(value, p, shared, to->turn++);
    if (owns) {
        if (r.o) prediction += offset;
        loss_point<real> l = loss_of(t.loss, prediction + intercept_of<L>(point, p), y);
        derivative = r.w ? weight * l.derivative : l.derivative;
        if (!L::WIDE || threadIdx.x < 32) {
            to->loss += (double)(r.w ? weight * l.value : l.value);
            to->derivative += (double)derivative;
        }
    }
    UNROLLED
    for (int u = 0; u < L::ROWS; u++) {
        real s = from_owner(derivative, u, width);
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
    const int teams = 2 * L::ROWS * (MAX_WARPS + (L::CLUSTERED ? MAX_BLOCKS : 0)),
              columns = L::WIDE ? 0 : L::PACKS * 32 * L::VALUES * THREADS / 32;
    const int reals = (teams > columns ? teams : columns) * (int)sizeof(typename L::real) / 8;
    const int parts = THREADS * 16 / (int)sizeof(typename L::real);
    return reals > parts ? reals : parts;
}

/* Parts' gradients, losses and derivatives have room for two batches: while one is still read, the next writes the other. */
template <class real> __device__ static real *gradients_of(const fused_task &t, int turn)
{
    return (real *)t.partial + turn * t.shape.parts * t.stride;
}
__device__ static inline double *sums_at(const fused_task &t, int turn) { return t.sums + turn * t.shape.parts * 2; }

/* The rows of a pass that begins at the part's row `later`. */
template <class L>
__device__ static void fetch_ahead(const fused_task &t, const part_rows<typename L::real, typename L::stored> &r, int later,
                                   const place &p)
{
    if (is_one_piece<L>(t)) {
        row_span rows = {r.first + later, later + L::ROWS < r.count ? (int)L::ROWS : r.count - later};
        if (threadIdx.x == 0) fetch_piece<L>(t, r.x, rows);
    } else if (threadIdx.x < L::ROWS && later + (int)threadIdx.x < r.count)
        fetch_row<L>(t, r.x, r.first + later + threadIdx.x, p);
}

/* Part `number` of the batch: its gradient, loss and derivative. */
template <class L>
__device__ static void run_part(const fused_task &t, const part_rows<typename L::real, typename L::stored> &r, int64_t number,
                                int turn, const point_share<L> &point, const place &p, double *shared)
{
    typedef typename L::real real;
    sums_of<L> sums = {};
    NOT_UNROLLED
    for (int base = 0; base < r.count; base += p.slots * L::ROWS) {
        if (L::FETCHES && !r.staged) fetch_ahead<L>(t, r, base + rows_ahead<L>(p), p);
        add_rows<L>(t, r, base, point, p, (real *)shared, &sums);
    }
    __syncthreads();
    store_gradient<L>(&sums.gradient, p.room, p, (real *)shared, gradients_of<real>(t, turn) + number * t.stride + p.first);
    block_sums(&sums.loss, &sums.derivative, shared);
    if (threadIdx.x == 0 && p.rank == 0) {
        sums_at(t, turn)[2 * number] = sums.loss;
        sums_at(t, turn)[2 * number + 1] = sums.derivative;
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
    row_span rows = span_of(t, number, now.first, now.count);
    int maximum = rows_ahead<L>(p);
    if (rows.count > maximum) rows.count = maximum;
    if (is_one_piece<L>(t)) {
        if (threadIdx.x == 0) fetch_piece<L>(t, x, rows);
    } else if (!L::WIDE && (L::VALUES == 1 || t.ld * (int64_t)sizeof *x < BULK_BYTES))
        fetch_lines<L>(t, x, rows);
    else
        for (int i = (int)threadIdx.x; i < rows.count; i += (int)blockDim.x) fetch_row<L>(t, x, rows.first + i, p);
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
            fetch_part<L>(t, now, number, x, p);
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

#endif
