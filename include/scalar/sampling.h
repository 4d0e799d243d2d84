/* The row at position i of epoch e is a pure function of (seed, e, i, n), which is the same on every device. */
#ifndef CUSGD_SCALAR_SAMPLING_H
#define CUSGD_SCALAR_SAMPLING_H

#include "kinds.h"
#include "random.h"
#include "shards.h"

/* A keyed bijection of [0, n), n <= 2^63: index i is the pair (i >> low_bits, its low bits), the first below high_size. With
 * fewer than 16 values per half, or fewer than 8 rounds, some orders were measurably more frequent; a small n therefore uses a
 * larger square. */
enum { PERMUTATION_ROUNDS = 8, PERMUTATION_SIDE_BITS = 4 };
typedef struct permutation {
    uint64_t n;
    int low_bits;
    uint32_t high_size; /* about sqrt n, as 2^low_bits is; the product is n or slightly more */
    uint32_t key[PERMUTATION_ROUNDS];
} permutation;

DEVICE permutation permutation_make(uint64_t n, uint64_t key, uint64_t epoch)
{
    permutation p;
    int bits = 2 * PERMUTATION_SIDE_BITS;
    while (bits < 63 && ((uint64_t)1 << bits) < n) bits++;
    p.n = n;
    p.low_bits = (bits + 1) / 2;
    p.high_size = (uint32_t)((n - 1) >> p.low_bits) + 1;
    if (p.high_size < 1 << PERMUTATION_SIDE_BITS) p.high_size = 1 << PERMUTATION_SIDE_BITS;
    for (int r = 0; r < PERMUTATION_ROUNDS; r += 2) {
        uint64_t w = random_bits(key, epoch, (uint64_t)r);
        p.key[r] = (uint32_t)w;
        p.key[r + 1] = (uint32_t)(w >> 32);
    }
    return p;
}

/* The round function: one 32-bit multiplication by the key. With a fixed multiplier, the few values of a short half would be
 * mapped similarly for all keys. */
DEVICE uint32_t permutation_hash(uint32_t half, uint32_t key)
{
    uint32_t product = (half + key) * (key | 1);
    return product ^ product >> 16;
}

/* Two rounds of a Feistel network (Luby, Rackoff 1988) on an index's halves, the high one added modulo its size. */
DEVICE void permutation_round(const permutation *p, int r, uint32_t *high, uint32_t *low)
{
    *low ^= permutation_hash(*high, p->key[r]) & (uint32_t)(((uint64_t)1 << p->low_bits) - 1);
    *high += (uint32_t)((uint64_t)permutation_hash(*low, p->key[r + 1]) * p->high_size >> 32);
    if (*high >= p->high_size) *high -= p->high_size;
}

/* Returns the image of position i: applies the rounds of the network until the result is in [0, n) (Black, Rogaway 2002), which
 * takes one application except for about one in sqrt n positions. */
DEVICE uint64_t permutation_at(const permutation *p, uint64_t i)
{
    do {
        uint32_t high = (uint32_t)(i >> p->low_bits), low = (uint32_t)(i & (((uint64_t)1 << p->low_bits) - 1));
        for (int r = 0; r < PERMUTATION_ROUNDS; r += 2) permutation_round(p, r, &high, &low);
        i = (uint64_t)high << p->low_bits | low;
    } while (i >= p->n);
    return i;
}

/* Batch b of m holds positions [batch_start(n, m, b), batch_start(n, m, b + 1)): sizes equal to within one row. */
DEVICE uint64_t batch_start(uint64_t n, uint64_t m, uint64_t b) { return (uint64_t)((uint128)b * n / m); }

/* `blocks`: SAMPLING_BLOCK contiguous rows move together, and rows are permuted again inside SAMPLING_WINDOW of such blocks, a
 * span; all are powers of 2. */
enum { SAMPLING_BLOCK = 64, SAMPLING_WINDOW = 32, SAMPLING_SPAN = SAMPLING_BLOCK * SAMPLING_WINDOW };

/* Everything that determines the order of an epoch; computed on the host once per epoch. If the rows are divided into shards,
 * each shard has its own order, and the positions of a batch are distributed to the shards in turn. */
typedef struct sampler {
    int sampling; /* cusgd_sampling */
    uint64_t n, batches, epoch;
    uint64_t total, shards, shard; /* total: rows of all shards, of which this one has n; shards and shard are 1 and 0 if there is
                                    * only one */
    uint64_t key;                  /* replace, replace-blocks */
    uint64_t offset;               /* blocks: the first row of the first block */
    uint64_t page, span;           /* pages: rows of a page, of a window; both powers of 2 */
    uint64_t short_at, missing;    /* pages: the place of the shorter page, and the number of rows that it lacks; 0: there is
                                    * none */
    permutation order;             /* permute, batches: of rows; blocks: of blocks; pages: of pages */
    permutation turns;             /* batches: of the batches; pages: of the rows of the window with the shorter page */
    permutation window;            /* blocks, pages: of a whole window's rows, turned and flipped from window to window */
    permutation leftover;          /* blocks, pages: of the last, shorter window's rows */
    uint64_t origin;               /* for rows that are uploaded in the order of the epoch: the position of the first one */
} sampler;

/* `pages`: whole pages of the file are read one behind the other, so a page has 64 rows at least and 256 KiB, as floats; and rows
 * are permuted again inside a window of 32 pages at least and 2 % of the rows, so that a batch of sorted data has all kinds of
 * rows. */
enum { PAGE_ROWS = 64, PAGE_BYTES = 256 * 1024, WINDOW_PAGES = 32, WINDOW_SHARE = 50 };

DEVICE uint64_t page_rows(uint64_t cols)
{
    uint64_t rows = PAGE_ROWS;
    while (rows * cols * sizeof(float) < PAGE_BYTES) rows *= 2;
    return rows;
}

DEVICE uint64_t page_window_rows(uint64_t n, uint64_t page)
{
    uint64_t rows = WINDOW_PAGES * page;
    while (rows < n / WINDOW_SHARE) rows *= 2;
    return rows;
}

/* Returns the key of a shard in a stream. */
DEVICE uint64_t shard_key(uint64_t key, uint64_t shard) { return shard ? stream_key(key, shard) : key; }

/* Sets the members for `pages`. The shorter page has a random place in the order, so that its rows are not always last. */
DEVICE void sampler_make_pages(sampler *s, uint64_t cols, uint64_t key)
{
    uint64_t n = s->n, whole, window, last;
    s->page = page_rows(cols);
    s->span = page_window_rows(n, s->page);
    whole = n / s->page;
    s->missing = n % s->page ? s->page - n % s->page : 0;
    s->short_at = s->missing ? random_below(random_bits(key, s->epoch, 1001), whole + 1) : whole;
    s->order = permutation_make(whole ? whole : 1, key, s->epoch);
    s->window = permutation_make(s->span, key, s->epoch);
    s->turns = permutation_make(s->span - s->missing, key, s->epoch);
    window = s->short_at / (s->span / s->page);
    last = (n + s->missing - 1) / s->span;
    last = n - (last * s->span - (last > window ? s->missing : 0));
    s->leftover = permutation_make(last, key, s->epoch);
}

/* A shard of rows that are divided into shards. It has at least one row. */
typedef struct shard_of_rows {
    uint64_t total, columns; /* of all rows */
    uint64_t shards, shard;
} shard_of_rows;

/* Returns the order of a shard. The batch of each step is the same in all shards. */
DEVICE sampler sampler_of_shard(cusgd_sampling sampling, uint64_t seed, shard_of_rows of, uint64_t batches, uint64_t epoch)
{
    sampler s;
    uint64_t common = stream_key(seed, STREAM_ORDER), key = shard_key(common, of.shard);
    uint64_t n = shard_rows(of.total, of.shards, of.shard);
    uint64_t blocks = n / SAMPLING_BLOCK, tail = n % SAMPLING_SPAN;
    s.sampling = (int)sampling;
    s.n = n;
    s.batches = batches;
    s.epoch = epoch;
    s.total = of.total;
    s.shards = of.shards;
    s.shard = of.shard;
    s.key = stream_key(seed, STREAM_REPLACE);
    if (sampling == CUSGD_SAMPLING_REPLACE) s.key = shard_key(s.key, of.shard);
    s.offset = random_below(random_bits(key, epoch, 1000), n);
    s.origin = s.page = s.span = s.short_at = s.missing = 0;
    s.turns = permutation_make(batches, common, epoch);
    if (sampling == CUSGD_SAMPLING_PAGES) {
        sampler_make_pages(&s, of.columns, key);
        return s;
    }
    if (sampling == CUSGD_SAMPLING_BATCHES) /* the rows of a batch do not depend on the epoch */
        s.order = permutation_make(n, shard_key(stream_key(seed, STREAM_BATCHES), of.shard), 0);
    else
        s.order = permutation_make(sampling == CUSGD_SAMPLING_BLOCKS ? (blocks ? blocks : 1) : n, key, epoch);
    s.window = permutation_make(SAMPLING_SPAN, key, epoch);
    s.leftover = permutation_make(tail ? tail : 1, key, epoch);
    return s;
}

DEVICE sampler sampler_make(cusgd_sampling sampling, uint64_t seed, uint64_t n, uint64_t batches, uint64_t epoch)
{
    shard_of_rows all = {n, 1, 1, 0};
    return sampler_of_shard(sampling, seed, all, batches, epoch);
}

/* The rows are cut into blocks from a random row on, cyclically; the blocks stand in random order, rows that fill no block last;
 * and every SAMPLING_WINDOW blocks in that order are shuffled row by row. One permutation serves all whole windows of an epoch,
 * so that a device may keep it as a table: position i of window w takes place at(i + turn) ^ flip. */
DEVICE int blocks_is_whole(const sampler *s, uint64_t window) { return s->n / SAMPLING_SPAN > window; }

/* Random bits of a window (MurmurHash3's last steps, Appleby 2011): the low half its turn, the high half its flip. */
DEVICE uint32_t blocks_bits(const sampler *s, uint64_t window)
{
    uint32_t h = (uint32_t)window + s->window.key[0];
    h = (h ^ h >> 16) * 0x85EBCA6Bu;
    h = (h ^ h >> 13) * 0xC2B2AE35u;
    return h ^ h >> 16;
}

DEVICE uint64_t blocks_turned(uint32_t bits, uint64_t inside) { return (inside + bits) % SAMPLING_SPAN; }
DEVICE uint64_t blocks_flipped(uint32_t bits, uint64_t place) { return place ^ (bits >> 16) % SAMPLING_SPAN; }

/* Returns the first row of block b in the random order of the blocks, to be wrapped at n. */
DEVICE uint64_t blocks_start(const sampler *s, uint64_t b)
{
    return (b < s->n / SAMPLING_BLOCK ? permutation_at(&s->order, b) : b) * SAMPLING_BLOCK + s->offset;
}

DEVICE uint64_t blocks_wrap(const sampler *s, uint64_t row) { return row >= s->n ? row - s->n : row; }

DEVICE uint64_t blocks_row_at(const sampler *s, uint64_t i)
{
    uint64_t window = i / SAMPLING_SPAN, place = i % SAMPLING_SPAN;
    uint32_t bits = blocks_bits(s, window);
    if (blocks_is_whole(s, window))
        place = blocks_flipped(bits, permutation_at(&s->window, blocks_turned(bits, place)));
    else
        place = permutation_at(&s->leftover, place);
    return blocks_wrap(s, blocks_start(s, window * SAMPLING_WINDOW + place / SAMPLING_BLOCK) + place % SAMPLING_BLOCK);
}

/* A window of `pages`: whole pages in their random order, one of which may be shorter. */
typedef struct page_window {
    uint64_t number, first, rows; /* positions first .. first + rows - 1 */
} page_window;

DEVICE uint64_t pages_short_window(const sampler *s) { return s->short_at / (s->span / s->page); }

DEVICE page_window pages_window_at(const sampler *s, uint64_t i)
{
    page_window w;
    uint64_t shorter = pages_short_window(s), end;
    w.number = i / s->span;
    if (w.number >= shorter && i >= (shorter + 1) * s->span - s->missing) w.number = (i + s->missing) / s->span;
    w.first = w.number * s->span - (w.number > shorter ? s->missing : 0);
    end = (w.number + 1) * s->span - (w.number >= shorter ? s->missing : 0);
    w.rows = (end < s->n ? end : s->n) - w.first;
    return w;
}

/* Returns the first row of the page at place p of the order. */
DEVICE uint64_t pages_start(const sampler *s, uint64_t p)
{
    if (s->missing && p == s->short_at) return s->n / s->page * s->page;
    return permutation_at(&s->order, p - (s->missing && p > s->short_at)) * s->page;
}

/* Random bits of a window, which turn and flip the permutation that whole windows share, as in `blocks`. */
DEVICE uint64_t pages_turn(const sampler *s, uint64_t window) { return blocks_bits(s, 2 * window) & (s->span - 1); }
DEVICE uint64_t pages_flip(const sampler *s, uint64_t window) { return blocks_bits(s, 2 * window + 1) & (s->span - 1); }

/* Returns the permutation of a window that is not whole. */
DEVICE const permutation *pages_partial(const sampler *s, const page_window *w)
{
    return w->first + w->rows == s->n ? &s->leftover : &s->turns;
}

/* Returns the row at position `inside` of a window, as an index into the contiguous rows of its pages. */
DEVICE uint64_t pages_place(const sampler *s, const page_window *w, uint64_t inside)
{
    if (w->rows < s->span) return permutation_at(pages_partial(s, w), inside);
    return permutation_at(&s->window, (inside + pages_turn(s, w->number)) & (s->span - 1)) ^ pages_flip(s, w->number);
}

/* Returns that index if all pages had the same length: the missing rows of the shorter page are skipped. */
DEVICE uint64_t pages_filled(const sampler *s, uint64_t window, uint64_t place)
{
    uint64_t end = (s->short_at + 1) * s->page - s->missing; /* of the shorter page */
    return s->missing && window * s->span + place >= end && window == pages_short_window(s) ? place + s->missing : place;
}

DEVICE uint64_t pages_row_at(const sampler *s, uint64_t i)
{
    page_window w = pages_window_at(s, i);
    uint64_t place = pages_filled(s, w.number, pages_place(s, &w, i - w.first));
    return pages_start(s, w.number * (s->span / s->page) + place / s->page) + place % s->page;
}

/* Returns the batch that step b of the epoch uses: batch b, except for batches and replace-blocks. */
DEVICE uint64_t sampler_batch(const sampler *s, uint64_t b)
{
    if (s->sampling == CUSGD_SAMPLING_BATCHES) return permutation_at(&s->turns, b);
    if (s->sampling == CUSGD_SAMPLING_REPLACE_BLOCKS) return random_below(random_bits(s->key, s->epoch, b), s->batches);
    return b;
}

/* The positions first .. first + count - 1 of the shard that step b of the epoch uses. With several shards there may be none. */
typedef struct batch_span {
    int64_t first, count;
} batch_span;

DEVICE batch_span sampler_span(const sampler *s, uint64_t b)
{
    batch_span span;
    uint64_t batch = sampler_batch(s, b);
    span.first = (int64_t)shard_rows(batch_start(s->total, s->batches, batch), s->shards, s->shard);
    span.count = (int64_t)shard_rows(batch_start(s->total, s->batches, batch + 1), s->shards, s->shard) - span.first;
    span.first -= (int64_t)s->origin;
    return span;
}

/* Returns the number of rows of all shards that step b uses. */
DEVICE int64_t sampler_rows(const sampler *s, uint64_t b)
{
    uint64_t batch = sampler_batch(s, b);
    return (int64_t)(batch_start(s->total, s->batches, batch + 1) - batch_start(s->total, s->batches, batch));
}

/* Flags of a row: the properties of a sampling. */
enum {
    SAMPLING_CONTIGUOUS = 1, /* consecutive positions of a batch are consecutive rows */
    SAMPLING_IN_BLOCKS = 2,  /* neighboring rows remain together, so that rows are held out in blocks */
    SAMPLING_NOT_RANDOM = 4, /* batches have rows in the order of the data, which is bad for sorted data */
    SAMPLING_REPLACES = 8    /* a row may occur several times in an epoch, or never */
};

/* One row per sampling, in the enumeration's order: enumerator, name, the row at position i of the epoch, flags. */
/* clang-format off */
#define SAMPLINGS(X)                                                                                                           \
    X(PERMUTE, "permute", permutation_at(&s->order, i), 0)                                                                     \
    X(BATCHES, "batches", permutation_at(&s->order, i), 0)                                                                     \
    X(BLOCKS, "blocks", blocks_row_at(s, i), SAMPLING_IN_BLOCKS)                                                               \
    X(REPLACE, "replace", random_below(random_bits(s->key, s->epoch, i), s->n), SAMPLING_REPLACES)                             \
    X(REPLACE_BLOCKS, "replace-blocks", i, SAMPLING_CONTIGUOUS | SAMPLING_IN_BLOCKS | SAMPLING_NOT_RANDOM | SAMPLING_REPLACES) \
    X(NONE, "none", i, SAMPLING_CONTIGUOUS | SAMPLING_IN_BLOCKS | SAMPLING_NOT_RANDOM)                                         \
    X(PAGES, "pages", pages_row_at(s, i), SAMPLING_IN_BLOCKS)
/* clang-format on */

#define COUNT_ONE(KIND, NAME, ROW, FLAGS) +1
enum { SAMPLING_COUNT = SAMPLINGS(COUNT_ONE) };
#undef COUNT_ONE

#define ROW_CASE(KIND, NAME, ROW, FLAGS) \
    case CUSGD_SAMPLING_##KIND: return ROW;

/* Returns the row at position i of the epoch. */
DEVICE uint64_t sampler_row(const sampler *s, uint64_t i)
{
    switch (s->sampling) {
        SAMPLINGS(ROW_CASE)
    default: return i;
    }
}
#undef ROW_CASE

#define FLAGS_CASE(KIND, NAME, ROW, FLAGS) \
    case CUSGD_SAMPLING_##KIND: return FLAGS;

DEVICE int sampling_flags(int sampling)
{
    switch (sampling) {
        SAMPLINGS(FLAGS_CASE)
    default: return 0;
    }
}
#undef FLAGS_CASE

/* Returns whether consecutive positions are consecutive rows. */
DEVICE int sampling_is_contiguous(int sampling) { return (sampling_flags(sampling) & SAMPLING_CONTIGUOUS) != 0; }

#endif
