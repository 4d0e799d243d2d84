/* How the threads of a block share the rows of a part (fused.h): compile-time layouts, the place of a thread in its team, and
 * functions that locate, load and prefetch rows. */
#ifndef CUSGD_KERNELS_TEAM_H
#define CUSGD_KERNELS_TEAM_H

#include "block.h"
#include "kernels.h"
#include "scalar/loss.h"
#include "stored.h"

enum { MAX_WARPS = 16 }; /* maximum number of warps of a block */

/* Compile-time parameters of a kernel. VALUES: values of a row per load; PACKS: loads per thread and row; WIDE: the whole block
 * is one team. Rows of bf16 stay packed in registers, 8 values in 4 registers, and are converted to float at both uses. They
 * take as many registers as float rows of half the length, whereas point and gradient, which are float, take as many as for
 * float rows of the same length. */
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
                                                              : 2), /* in registers; 0: it is read for each row */
        THREADS_MOST = WIDE && PACKS > 1 ? 512 : 256,
        WARPS = !WIDE || PACKS == 1 ? 8
                : PACKS == 2        ? 0
                                    : 16,                /* warps per block; 0: 8 or 16, known at run time */
        FETCHES = CAN_FETCH && WIDE && PACKS < 8, /* whether rows are prefetched; larger PACKS leave no register for it */
        CLUSTERED = 0                             /* 1: the blocks of a cluster share a row */
    };
};

/* A thread's share of the parameters and of a row, the latter as stored. */
template <class L> struct share {
    typename L::real at[L::PACKS][L::VALUES];
};
template <class L> struct row_share {
    pack<typename L::stored> at[L::PACKS];
};

/* The location of the rows of a part: in global memory at their places, or, if `staged`, copied contiguously to shared memory
 * with their y, w and o. To save registers, a row is identified by a 32-bit index within the part, and only the start of the
 * part has 64 bits. */
template <class real, class stored = real> struct part_rows {
    int64_t first; /* position in the epoch of the first row of the part */
    int count;
    bool staged;
    const stored *x;
    const real *y, *w, *o; /* w and o may be NULL */
};

/* Rows at successive positions of the epoch. */
struct row_span {
    int64_t first;
    int count;
};

/* Returns the rows of part `number` of a batch of `count` rows that starts at position `first`. */
__device__ static inline row_span span_of(const fused_task &t, int64_t number, int64_t first, int64_t count)
{
    int64_t begin = number * t.shape.rows, rest = begin < count ? count - begin : 0;
    return {first + begin, (int)(rest < t.shape.rows ? rest : t.shape.rows)};
}

/* Returns the location of these rows in global memory. x: all rows, or the columns of them that this block processes. */
template <class L>
__device__ static part_rows<typename L::real, typename L::stored> part_of(const fused_task &t, const row_span &rows,
                                                                          const typename L::stored *x)
{
    typedef typename L::real real;
    return {rows.first, rows.count, false, x, (const real *)t.y, (const real *)t.w, (const real *)t.o};
}

/* ---- A thread's place in its team ---- */

struct place {
    int lanes, lane; /* number of lanes of the team; index of this thread among them */
    int slots, slot; /* number of teams of the block; index of this thread's team */
    int rank, ranks; /* index of this block in its cluster; number of blocks of the cluster */
    exchange *sent;  /* two exchanges between the blocks of the cluster; NULL without a cluster */
    int first;       /* first column of the block's pieces of rows; 0 if it has whole rows */
    int columns, d;  /* columns of a piece, up to ld; number of them that are features */
    int intercept;   /* index of the intercept relative to the block's part of the point */
    int room;        /* values of the block's part of a gradient, including padding */
};

template <class L> __device__ static int warps_of() { return L::WARPS > 0 ? (int)L::WARPS : (int)blockDim.x / 32; }

/* Returns whether a team can be smaller than a warp; its size is then only known at run time. */
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
    p.sent = nullptr;
    p.columns = (int)t.ld;
    p.d = p.intercept = (int)t.update.penalized;
    p.room = (int)t.stride;
    return p;
}

/* Returns the number of neighboring lanes among which ROWS lanes own rows. In a wide team, every warp has such owners. */
template <class L> __device__ static int owner_width(const place &p) { return may_be_narrow<L>() ? p.lanes : 32; }

/* ---- Rows ---- */

/* Returns the row at a position of the epoch. */
__device__ static inline int64_t row_at(const fused_task &t, int64_t position)
{
    if (t.contiguous) return position;
    return (int64_t)sampler_row(&t.update.table->order, (uint64_t)position);
}

/* Loads this thread's share of the row at `from`. Lanes without columns of the row load its first columns, so that no load is
 * conditional: the compiler would move the use of a conditional load between the other loads. */
template <class L>
__device__ static void load_share(const typename L::stored *from, int columns, const place &p, row_share<L> *to)
{
    UNROLLED
    for (int q = 0; q < L::PACKS; q++) {
        int c = (q * p.lanes + p.lane) * L::VALUES, there = c < columns ? c : 0;
        if (L::VALUES == 1)
            to->at[q] = pack_first(from[there]);
        else
            to->at[q] = load_pack(from + there);
    }
}

/* The point at which the gradient is taken, in registers and in memory. Its intercept follows its d coefficients, where rows
 * have padding. */
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
    to->intercept = from[p.intercept];
    to->from = from;
}

/* Returns how many rows ahead of the current ones are prefetched into the L2 cache: 64 KB of them, which is more than a
 * multiprocessor's share of the memory bandwidth times the latency of a load. Rows of one or two cache lines are limited to the
 * number of threads. */
template <class L> __device__ static int rows_ahead(const place &p)
{
    int rows = 64 * 1024 / (p.columns * (int)sizeof(typename L::stored));
    if (L::VALUES == 1 && rows > THREADS) rows = THREADS;
    return rows < L::ROWS ? (int)L::ROWS : rows;
}

/* Sizes that determine how rows are prefetched: contiguous rows in bulk, short rows at random places by cache lines with one
 * line per thread, and other rows one by one. */
enum { LINE_BYTES = 128, BULK_BYTES = 1024 };

/* Returns whether whole rows are read that are contiguous and start at multiples of 16 bytes. */
template <class L> __device__ static bool is_one_piece(const fused_task &t)
{
    return !L::CLUSTERED && L::VALUES > 1 && t.contiguous;
}

template <class L>
__device__ static void fetch_row(const fused_task &t, const typename L::stored *x, int64_t position, const place &p)
{
    fetch(x + row_at(t, position) * t.ld, (unsigned)(p.columns * (int)sizeof *x));
}

/* Prefetches contiguous rows. One thread calls it, only if is_one_piece(). */
template <class L> __device__ static void fetch_piece(const fused_task &t, const typename L::stored *x, const row_span &rows)
{
    if (rows.count > 0) fetch(x + rows.first * t.ld, (unsigned)(rows.count * (int)t.ld * (int)sizeof *x));
}

/* Prefetches all cache lines that rows at any places touch. All threads of the block call. */
template <class L> __device__ static void fetch_lines(const fused_task &t, const typename L::stored *x, const row_span &rows)
{
    const int each = (int)t.ld * (int)sizeof *x, whole = each / LINE_BYTES, lines = whole + (each % LINE_BYTES > 0 ? 2 : 0);
    for (int i = (int)threadIdx.x; i < rows.count * lines; i += THREADS) {
        const char *row = reinterpret_cast<const char *>(x + row_at(t, rows.first + i / lines) * t.ld);
        int at = i % lines * LINE_BYTES;
        fetch_line(row + (at < each ? at : each - (int)sizeof *x));
    }
}

/* If the point does not stay in registers, its intercept does not either. */
template <class L> __device__ static typename L::real intercept_of(const point_share<L> &point, const place &p)
{
    return L::POINT_STAYS ? point.intercept : point.from[p.intercept];
}

/* Returns the value of lane u of the owners in every lane. */
template <class T> __device__ static T from_owner(T value, int u, int width) { return __shfl_sync(FULL_WARP, value, u, width); }

#endif
