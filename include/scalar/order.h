/* scalar/sampling.h's orders, many positions at a time: the rounds outside, positions inside, which the compiler makes vectors
 * of. */
#ifndef CUSGD_SCALAR_ORDER_H
#define CUSGD_SCALAR_ORDER_H

#include "sampling.h"
#include <string.h>

enum { TOGETHER = 128, FEW_TOGETHER = 16 };

/* out[l] = permutation_at(p, first + l) for `count` of `together` positions, a constant. */
static inline __attribute__((always_inline)) void permute_together(const permutation *p, uint64_t first, int together, int count,
                                                                   int64_t *out)
{
    uint32_t high[TOGETHER], low[TOGETHER];
    uint64_t low_mask = ((uint64_t)1 << p->low_bits) - 1;
    for (int l = 0; l < together; l++) {
        uint64_t i = first + (uint64_t)l;
        high[l] = (uint32_t)(i >> p->low_bits);
        low[l] = (uint32_t)(i & low_mask);
    }
    for (int r = 0; r < PERMUTATION_ROUNDS; r += 2)
        for (int l = 0; l < together; l++) permutation_round(p, r, &high[l], &low[l]);
    for (int l = 0; l < count; l++) out[l] = (int64_t)((uint64_t)high[l] << p->low_bits | low[l]);
    for (int l = 0; l < count; l++) /* the few that landed outside walk on */
        if ((uint64_t)out[l] >= p->n) out[l] = (int64_t)permutation_at(p, (uint64_t)out[l]);
}

static inline void permute_range(const permutation *p, uint64_t first, int64_t count, int64_t *out)
{
    int64_t done = 0;
    for (; count - done >= TOGETHER; done += TOGETHER)
        permute_together(p, first + (uint64_t)done, TOGETHER, TOGETHER, out + done);
    if (count - done == 1) { /* as in steps of one row */
        out[done] = (int64_t)permutation_at(p, first + (uint64_t)done);
        return;
    }
    for (; done < count; done += FEW_TOGETHER)
        permute_together(p, first + (uint64_t)done, FEW_TOGETHER,
                         (int)(count - done < FEW_TOGETHER ? count - done : FEW_TOGETHER), out + done);
}

/* The same of positions that are not consecutive, in place. */
static inline void permute_listed(const permutation *p, int64_t count, int64_t *at)
{
    for (int64_t done = 0; done < count; done += FEW_TOGETHER) {
        uint32_t high[FEW_TOGETHER] = {0}, low[FEW_TOGETHER] = {0};
        uint64_t low_mask = ((uint64_t)1 << p->low_bits) - 1;
        int some = count - done < FEW_TOGETHER ? (int)(count - done) : FEW_TOGETHER;
        for (int l = 0; l < some; l++) {
            high[l] = (uint32_t)((uint64_t)at[done + l] >> p->low_bits);
            low[l] = (uint32_t)((uint64_t)at[done + l] & low_mask);
        }
        for (int r = 0; r < PERMUTATION_ROUNDS; r += 2)
            for (int l = 0; l < FEW_TOGETHER; l++) permutation_round(p, r, &high[l], &low[l]);
        for (int l = 0; l < some; l++) {
            int64_t *to = at + done + l;
            *to = (int64_t)((uint64_t)high[l] << p->low_bits | low[l]);
            if ((uint64_t)*to >= p->n) *to = (int64_t)permutation_at(p, (uint64_t)*to);
        }
    }
}

/* Positions of a whole window of `pages`, whose permutation is turned: from there on until it begins anew. */
static inline int64_t pages_whole(const sampler *s, const page_window *w, uint64_t inside, int64_t count, int64_t *rows)
{
    uint64_t at = (inside + pages_turn(s, w->number)) & (s->span - 1), flip = pages_flip(s, w->number);
    if ((uint64_t)count > s->span - at) count = (int64_t)(s->span - at);
    permute_range(&s->window, at, count, rows);
    for (int64_t i = 0; i < count; i++) rows[i] ^= (int64_t)flip;
    return count;
}

/* pages_place() of some positions of a window: as many as are returned. */
static inline int64_t pages_places(const sampler *s, const page_window *w, uint64_t inside, int64_t count, int64_t *rows)
{
    if ((uint64_t)count > w->rows - inside) count = (int64_t)(w->rows - inside);
    if (w->rows == s->span) return pages_whole(s, w, inside, count, rows);
    permute_range(pages_partial(s, w), inside, count, rows);
    return count;
}

/* The pages at `count` positions of their order, from `first` on: each thread keeps those of the last window that it met. A walk
 * for each row would be long where the pages are few, as permutation_at() then walks a much larger square. */
enum { KEPT_PAGES = 1024 };
static inline const int64_t *window_pages(const sampler *s, uint64_t first, uint64_t count)
{
    static _Thread_local struct {
        permutation order;
        uint64_t first, count;
        int64_t page[KEPT_PAGES];
    } known;
    if (known.first == first && known.count == count && memcmp(&known.order, &s->order, sizeof s->order) == 0) return known.page;
    known.order = s->order;
    known.first = first;
    known.count = count;
    permute_range(&s->order, first, (int64_t)count, known.page);
    return known.page;
}

/* Of some places of a window their rows, in place: `count` is at most FEW_PLACES. */
enum { FEW_PLACES = 512 };
static inline void pages_rows(const sampler *s, uint64_t window, int64_t count, int64_t *rows)
{
    int64_t page[FEW_PLACES], place[FEW_PLACES];
    uint64_t pages = s->span / s->page, first = window * pages, shorter = s->missing ? s->short_at : UINT64_MAX;
    uint64_t start = first - (first >= shorter && first > 0); /* in the order of the pages, which lacks the shorter one */
    for (int64_t i = 0; i < count; i++) {
        uint64_t filled = pages_filled(s, window, (uint64_t)rows[i]), p = first + filled / s->page;
        place[i] = (int64_t)(filled % s->page);
        rows[i] = p == shorter;
        page[i] = (int64_t)(p - (p >= shorter && p > 0)); /* of the shorter one any will do */
    }
    if (start + pages > s->order.n) pages = s->order.n - start;
    if (pages <= KEPT_PAGES) {
        const int64_t *kept = window_pages(s, start, pages);
        for (int64_t i = 0; i < count; i++) page[i] = kept[page[i] - (int64_t)start];
    } else {
        permute_listed(&s->order, count, page);
    }
    for (int64_t i = 0; i < count; i++) rows[i] = (rows[i] ? (int64_t)(s->n / s->page) : page[i]) * (int64_t)s->page + place[i];
}

static inline void pages_range(const sampler *s, int64_t first, int64_t count, int64_t *rows)
{
    for (int64_t i = 0, some; i < count; i += some) {
        page_window w = pages_window_at(s, (uint64_t)(first + i));
        some = count - i < FEW_PLACES ? count - i : FEW_PLACES;
        some = pages_places(s, &w, (uint64_t)(first + i) - w.first, some, rows + i);
        pages_rows(s, w.number, some, rows + i);
    }
}

/* Where the blocks of a window start: each thread keeps those of the last window that it met, as batches are smaller. */
static inline const uint64_t *window_starts(const sampler *s, uint64_t window)
{
    static _Thread_local struct {
        permutation order;
        uint64_t offset, window, start[SAMPLING_WINDOW];
    } known;
    if (known.window == window && known.offset == s->offset && memcmp(&known.order, &s->order, sizeof s->order) == 0)
        return known.start;
    known.order = s->order;
    known.offset = s->offset;
    known.window = window;
    for (uint64_t b = 0; b < SAMPLING_WINDOW; b++) known.start[b] = blocks_start(s, window * SAMPLING_WINDOW + b);
    return known.start;
}

/* Positions of one window of `blocks`, from a table of the window's permutation. */
static inline void blocks_range(const sampler *s, const int64_t *restrict table, uint64_t window, uint64_t inside, int64_t count,
                                int64_t *restrict rows)
{
    const uint64_t *restrict start = window_starts(s, window);
    uint32_t bits = blocks_bits(s, window);
    if (blocks_is_whole(s, window))
        for (int64_t i = 0; i < count; i++)
            rows[i] = (int64_t)blocks_flipped(bits, (uint64_t)table[blocks_turned(bits, inside + (uint64_t)i)]);
    else
        permute_range(&s->leftover, inside, count, rows);
    for (int64_t i = 0; i < count; i++) {
        uint64_t place = (uint64_t)rows[i];
        rows[i] = (int64_t)blocks_wrap(s, start[place / SAMPLING_BLOCK] + place % SAMPLING_BLOCK);
    }
}

static inline void order_table(const sampler *s, int64_t *table) { permute_range(&s->window, 0, SAMPLING_SPAN, table); }

static inline void order_range(const sampler *s, const int64_t *table, int64_t first, int64_t count, int64_t *rows)
{
    if (s->sampling == CUSGD_SAMPLING_PERMUTE || s->sampling == CUSGD_SAMPLING_BATCHES) {
        permute_range(&s->order, (uint64_t)first, count, rows);
    } else if (s->sampling == CUSGD_SAMPLING_BLOCKS) {
        for (int64_t i = first; i < first + count;) {
            int64_t window = i / SAMPLING_SPAN, end = (window + 1) * SAMPLING_SPAN;
            if (end > first + count) end = first + count;
            blocks_range(s, table, (uint64_t)window, (uint64_t)(i % SAMPLING_SPAN), end - i, rows + (i - first));
            i = end;
        }
    } else if (s->sampling == CUSGD_SAMPLING_PAGES) {
        pages_range(s, first, count, rows);
    } else {
        for (int64_t i = 0; i < count; i++) rows[i] = (int64_t)sampler_row(s, (uint64_t)(first + i));
    }
}

#endif
