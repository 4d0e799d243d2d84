/* How the threads of a block share the rows of a part (fused.h): layouts, a thread's place, and how rows are found, loaded and
 * asked for ahead. */
#ifndef CUSGD_KERNELS_TEAM_H
#define CUSGD_KERNELS_TEAM_H

#include "block.h"
#include "kernels.h"
#include "scalar/loss.h"
#include "stored.h"

enum { MAX_WARPS = 16 }; /* of a block */

/* How a kernel is compiled: VALUES of a row in one load, PACKS loads per thread and row; WIDE: the whole block is one team. Rows
 * of bf16 stay packed in the registers, 8 values in 4 of them, and are widened twice: they take the room of float rows half as
 * long, while point and gradient, in float, take that of rows as long. */
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

/* Where a part's rows are: in memory at their places; or copied behind one another (`staged`), with their y, w and o. Which row
 * of the part one is takes 32 bits, and where the part begins 64: registers are short. */
template <class real, class stored = real> struct part_rows {
    int64_t first; /* position in the epoch of the part's first row */
    int count;
    bool staged;
    const stored *x;
    const real *y, *w, *o; /* w and o may be NULL */
};

/* Rows that stand behind one another in the order of the epoch. */
struct row_span {
    int64_t first;
    int count;
};

/* Part `number` of a batch of `count` rows, from position `first` on. */
__device__ static inline row_span span_of(const fused_task &t, int64_t number, int64_t first, int64_t count)
{
    int64_t begin = number * t.shape.rows, rest = begin < count ? count - begin : 0;
    return {first + begin, (int)(rest < t.shape.rows ? rest : t.shape.rows)};
}

/* Its rows in memory; x: all rows, or the columns of them that the block works on. */
template <class L>
__device__ static part_rows<typename L::real, typename L::stored> part_of(const fused_task &t, const row_span &rows,
                                                                          const typename L::stored *x)
{
    typedef typename L::real real;
    return {rows.first, rows.count, false, x, (const real *)t.y, (const real *)t.w, (const real *)t.o};
}

/* ---- A thread's place in its team ---- */

struct place {
    int lanes, lane; /* of the team, this thread */
    int slots, slot; /* teams of the block, this one */
    int rank, ranks; /* the block of its cluster, and how many there are */
    exchange *sent;  /* 2, through which they send each other values; NULL where there is no cluster */
    int first;       /* column of the block's pieces: 0 where they are whole rows */
    int columns, d;  /* of them: what a row has, up to ld; those that stand for features */
    int intercept;   /* where it stands behind the point */
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
    p.sent = nullptr;
    p.columns = (int)t.ld;
    p.d = p.intercept = (int)t.update.penalized;
    p.room = (int)t.stride;
    return p;
}

/* Among the threads that can exchange values: which ROWS of them own rows. A wide team has such owners in every warp. */
template <class L> __device__ static int owner_width(const place &p) { return may_be_narrow<L>() ? p.lanes : 32; }

/* ---- Rows ---- */

/* The row at a position of the epoch. */
__device__ static inline int64_t row_at(const fused_task &t, int64_t position)
{
    if (t.contiguous) return position;
    return (int64_t)sampler_row(&t.update.table->order, (uint64_t)position);
}

/* from: the row. Lanes that have none of its `columns`, ld of them, load its first ones: no load depends on a condition, since
 * the compiler would move what uses a load that does between the others. */
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
    to->intercept = from[p.intercept];
    to->from = from;
}

/* So many rows ahead of those that are worked on, rows are on their way to the L2 cache: 64 KB, which is more than a
 * multiprocessor's share of what memory sends in the time of a load; but of rows of a line or two, no more than threads. */
template <class L> __device__ static int rows_ahead(const place &p)
{
    int rows = 64 * 1024 / (p.columns * (int)sizeof(typename L::stored));
    if (L::VALUES == 1 && rows > THREADS) rows = THREADS;
    return rows < L::ROWS ? (int)L::ROWS : rows;
}

/* How rows are asked for: many bytes at once where they stand behind one another; short ones at random places by lines, a thread
 * each; others one by one. */
enum { LINE_BYTES = 128, BULK_BYTES = 1024 };

/* Rows behind one another that are read whole, and start at multiples of 16 bytes. */
template <class L> __device__ static bool is_one_piece(const fused_task &t)
{
    return !L::CLUSTERED && L::VALUES > 1 && t.contiguous;
}

template <class L>
__device__ static void fetch_row(const fused_task &t, const typename L::stored *x, int64_t position, const place &p)
{
    fetch(x + row_at(t, position) * t.ld, (unsigned)(p.columns * (int)sizeof *x));
}

/* One thread calls, where is_one_piece(). */
template <class L> __device__ static void fetch_piece(const fused_task &t, const typename L::stored *x, const row_span &rows)
{
    if (rows.count > 0) fetch(x + rows.first * t.ld, (unsigned)(rows.count * (int)t.ld * (int)sizeof *x));
}

/* Likewise, rows that begin anywhere: all lines that a row touches. The block calls. */
template <class L> __device__ static void fetch_lines(const fused_task &t, const typename L::stored *x, const row_span &rows)
{
    const int each = (int)t.ld * (int)sizeof *x, whole = each / LINE_BYTES, lines = whole + (each % LINE_BYTES > 0 ? 2 : 0);
    for (int i = (int)threadIdx.x; i < rows.count * lines; i += THREADS) {
        const char *row = reinterpret_cast<const char *>(x + row_at(t, rows.first + i / lines) * t.ld);
        int at = i % lines * LINE_BYTES;
        fetch_line(row + (at < each ? at : each - (int)sizeof *x));
    }
}

/* Where the point does not stay in registers, there is none for this either. */
template <class L> __device__ static typename L::real intercept_of(const point_share<L> &point, const place &p)
{
    return L::POINT_STAYS ? point.intercept : point.from[p.intercept];
}

/* The value of lane u of the owners, in every lane. */
template <class T> __device__ static T from_owner(T value, int u, int width) { return __shfl_sync(FULL_WARP, value, u, width); }

#endif
