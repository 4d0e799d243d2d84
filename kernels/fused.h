/* A step that reads x once, for one output. The engines `fused` and `persistent` share this code and therefore produce equal
 * bits.
 *
 *     for (i in part) { l = loss_at(x[i] point + o[i] + intercept, y[i]); gradient += w[i] l.derivative x[i] }
 *
 * A batch is divided into parts of shape.rows rows, and each part is processed by one block, which writes the gradient, loss
 * and derivative of the part. These are then added up in order (parts.h). A row is shared by a team of `lanes` threads, which
 * keeps it in registers between its two uses. A team processes ROWS rows at a time, so that their loads are in flight together.
 * Lane u of the team owns row u: it alone computes the index of that row, reads its y and w, and evaluates its loss.
 *
 * If the blocks of a cluster share rows (cluster.cu), each block has a piece of every row. What this file says of rows then
 * applies to pieces, except for team_sum(). */
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
        const int values = 16 / sizeof(typename L::real); /* number of values of the point in 16 bytes */
        UNROLLED
        for (int h = 0; h < L::VALUES; h += values) {
            if (c + h >= p.d) continue; /* the 16 bytes at d - 1 may also hold the intercept and padding */
            pack<typename L::real> theta = load_pack(point.from + c + h);
            for (int i = 0; i < values; i++) s = multiply_add(c + h + i < p.d ? theta.at[i] : 0, value_at(x.at[q], h + i), s);
        }
    }
    return s;
}

/* Sums each of ROWS values over `width` lanes, by the tree in which lane l first adds the value of lane l ^ (width / 2), then
 * that of lane l ^ (width / 4), and so on. ROWS is a power of 2 and at most `width`. Since two lanes would compute the same two
 * sums, each computes half of them and sends its operands of the other half to the other lane: in the end, lane l of the width
 * has only the sum of value l / (width / ROWS). All threads of the warp must call. */
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

/* Adds the values of the warps of the block in order. */
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

/* Adds the block's value of row lane % ROWS over a cluster of 4 or 8 blocks, in the order of their ranks. The lanes of the
 * first warp of each block send its values to all blocks. The buffer follows that of team_sum() in `shared` and has 2 x
 * MAX_BLOCKS x ROWS values; successive calls alternate between its halves. */
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

/* Sums each of ROWS values over the team by a fixed tree; lane u of the owners receives sum u. All threads of the block must
 * call. shared, aligned to 16 bytes: 2 x ROWS x MAX_WARPS values; successive calls alternate between the halves, so that one
 * barrier per call suffices. */
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

/* The sums that a thread accumulates over a part. */
template <class L> struct sums_of {
    share<L> gradient;
    double loss, derivative; /* of the rows that the thread owns */
    int turn;                /* number of calls of team_sum() so far */
};

/* The version for double is not inlined: its exponentials would otherwise take registers that hold the rows. */
__device__ static inline loss_point<float> loss_of(loss_rule rule, float p, float y) { return loss_at<float>(rule, p, y); }
__device__ APART static loss_point<double> loss_of(loss_rule rule, double p, double y) { return loss_at<double>(rule, p, y); }

/* Processes ROWS rows per team: rows base + slot, base + slots + slot, ... of the part. */
template <class L>
__device__ static void add_rows(const fused_task &t, const part_rows<typename L::real, typename L::stored> &r, int base,
                                const point_share<L> &point, const place &p, typename L::real *shared, sums_of<L> *to)
{
    typedef typename L::real real;
    /* Lanes that own no row repeat what the last owner does. Rows beyond the end of the part are replaced by its last row with
     * a derivative of 0, so that 0 times its values is added to the gradient and its loss is not counted. */
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

/* Sums two values over a block of 8 or 16 warps by a fixed tree; every thread receives the sums. All threads must call. shared,
 * aligned to 16 bytes: 2 MAX_WARPS values. */
__device__ static inline void block_sums(double *a, double *b, double *shared)
{
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, warps = (int)blockDim.x / 32;
    double both[2] = {*a, *b}, sum = add_over_lanes<2, true>(both, 32);
    __syncthreads(); /* because earlier sums may still be read */
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

/* Sums the gradients of the teams of a warp; every team receives the sums. A team has at least 8 lanes. */
template <class L> __device__ static void add_teams(share<L> *g, const place &p)
{
    UNROLLED
    for (int offset = 16; offset >= 8; offset /= 2) {
        if (offset < p.lanes) break;
        UNROLLED
        for (int i = 0; i < L::VALUES; i++) g->at[0][i] += __shfl_xor_sync(FULL_WARP, g->at[0][i], offset);
    }
}

/* Sums the gradients of the teams of the block and writes `room` values to `out`, of which those from d on are 0. shared:
 * shared_doubles<L>() doubles. */
template <class L>
__device__ static void store_gradient(share<L> *g, int room, const place &p, typename L::real *shared, typename L::real *out)
{
    typedef typename L::real real;
    const int warps = THREADS / 32; /* except if WIDE */
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

/* Returns the size of a kernel's shared buffer in doubles. The sums of teams, of the block and of parts use it one after the
 * other. */
template <class L> __host__ __device__ static constexpr int shared_doubles()
{
    const int teams = 2 * L::ROWS * (MAX_WARPS + (L::CLUSTERED ? MAX_BLOCKS : 0)),
              columns = L::WIDE ? 0 : L::PACKS * 32 * L::VALUES * THREADS / 32;
    const int reals = (teams > columns ? teams : columns) * (int)sizeof(typename L::real) / 8;
    const int parts = THREADS * 16 / (int)sizeof(typename L::real);
    return reals > parts ? reals : parts;
}

/* The gradients, losses and derivatives of parts are stored for two batches, so that one batch can be written while the other
 * is still read. */
template <class real> __device__ static real *gradients_of(const fused_task &t, int turn)
{
    return (real *)t.partial + turn * t.shape.parts * t.stride;
}
__device__ static inline double *sums_at(const fused_task &t, int turn) { return t.sums + turn * t.shape.parts * 2; }

/* Prefetches the rows of the pass that starts at row `later` of the part. */
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

/* Computes the gradient, loss and derivative of part `number` of the batch. */
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

/* ---- The start of a step ---- */

/* The current step (a row of the table), its range of rows, and whether it is the last of the table. step is -1 if the run has
 * failed. */
struct step_now {
    int64_t step, first, count;
    bool is_last;
};
__device__ static inline step_now step_at(const fused_task &t, int64_t step)
{
    const step_row *row = t.update.table->row + step;
    return {step, row->first, row->count, step + 1 >= t.update.table->count};
}

/* Prefetches the first rows of part `number` into the L2 cache. This may precede the end of earlier steps, because x does not
 * depend on them. */
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

/* Starts each kernel of a step. Whatever depends on earlier steps follows this call. The index of the step is known before the
 * previous step has finished, because it depends only on the number of steps, and so is the table row of the step. */
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
    pack<int64_t> next = load_pack(&t.state->next); /* next and failed */
    if (next.at[1])
        now.step = -1;
    else if (now.step != next.at[0])
        now = step_at(t, next.at[0]);
    if (blockIdx.x + threadIdx.x == 0) t.state->active = now.step;
    return now;
}

#endif
