/* See rows.h. Compiled with -DROWS_ISA=baseline, avx2, avx512 and the flags of each.
 *
 * Rows are taken in groups that stay in the first-level cache: all dot products, then all losses, then the gradient. */
#include "rows.h"

#include "expr/loss.h"
#include "scalar/order.h"
#include "scalar/softmax.h"
#include <string.h>
#ifdef __AVX2__ /* AVX-512 has it */
#include <immintrin.h>
#endif

#define FORMULA_ROWS REAL_NAME(NAMED(loss_formula_rows), ROWS_ISA)

#if defined(__AVX512F__)
#define REGISTER_BYTES 64
#elif defined(__AVX__)
#define REGISTER_BYTES 32
#else
#define REGISTER_BYTES 16
#endif

typedef real lanes __attribute__((vector_size(REGISTER_BYTES)));
typedef real quad __attribute__((vector_size(4 * sizeof(real))));

enum {
    WIDTH = REGISTER_BYTES / (int)sizeof(real),
    PIECES = LANES / WIDTH, /* registers that a dot product's lanes take */
    BLOCK = PIECES <= 2   ? 4
            : PIECES == 4 ? 2
                          : 1,          /* rows whose lanes fit in the registers at once */
    FOLDED = WIDTH < 4 ? 4 : WIDTH,     /* lanes left when registers have been added to registers */
    TILE = 8,                           /* registers of gradient kept while a group's rows are added */
    AHEAD = 8192 / (int)sizeof(stored), /* values between what is read and what is asked for */
    LINE = 64 / (int)sizeof(stored)     /* a cache line's values */
};

static inline lanes load(const real *at)
{
    lanes v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline void store(real *at, lanes v) { memcpy(at, &v, sizeof v); }

/* LANES values by whole registers: gcc copies arrays in halves of them, and to read a register back from two halves takes longer.
 */
static inline __attribute__((always_inline)) void copy_lanes(real *to, const real *from)
{
#pragma GCC unroll 8
    for (int q = 0; q < PIECES; q++) store(to + q * WIDTH, load(from + q * WIDTH));
}

/* WIDTH values of x, and one. */
#ifdef STORED_BF16
static inline lanes load_x(const stored *at)
{
    typedef uint16_t halves __attribute__((vector_size(WIDTH * sizeof(uint16_t))));
    typedef uint32_t words __attribute__((vector_size(REGISTER_BYTES)));
    halves h;
    lanes v;
    memcpy(&h, at, sizeof h);
    words w = __builtin_convertvector(h, words) << 16;
    memcpy(&v, &w, sizeof v);
    return v;
}
static inline real value_x(const stored *at) { return bf16_value(*at); }
#else
static inline lanes load_x(const stored *at) { return load(at); }
static inline real value_x(const stored *at) { return *at; }
#endif

static inline quad load_quad(const real *at)
{
    quad v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Four of the sixteen lanes: halves added to halves twice, lane l with l + 8, then l + 4. */
static inline quad fold(lanes *sum)
{
    real lane[FOLDED];
#pragma GCC unroll 4
    for (int half = PIECES / 2; half * WIDTH >= 4; half /= 2)
#pragma GCC unroll 4
        for (int q = 0; q < half; q++) sum[q] += sum[q + half];
#pragma GCC unroll 4
    for (int q = 0; q < FOLDED / WIDTH; q++) store(lane + q * WIDTH, sum[q]);
#pragma GCC unroll 2
    for (int half = FOLDED / 2; half >= 4; half /= 2)
#pragma GCC unroll 2
        for (int l = 0; l < half; l += 4) {
            quad added = load_quad(lane + l) + load_quad(lane + l + half);
            memcpy(lane + l, &added, sizeof added);
        }
    return load_quad(lane);
}

/* Asks for a line that will be read in a while, for the second-level cache: the first has too few places for lines on their way,
 * and steps were half as fast. */
static inline __attribute__((always_inline)) void fetch(const void *line) { __builtin_prefetch(line, 0, 2); }

/* The lane sums of x[0 .. BLOCK-1] with theta, folded to four each. Meanwhile the rows ahead[0 .. BLOCK-1] (NULL: none) are asked
 * for, line by line: in one burst the lines would wait for each other. */
static inline __attribute__((always_inline)) void lane_sums(const stored *const *x, const stored *const *ahead, const real *theta,
                                                            int64_t padded, quad *folded)
{
    lanes sum[BLOCK][PIECES];
#pragma GCC unroll 4
    for (int r = 0; r < BLOCK; r++)
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[r][q] = (lanes){0}; /* memset() was a quarter of the time of 32 columns of doubles */
    for (int64_t j = 0; j < padded; j += LANES) {
        if (ahead)
#pragma GCC unroll 4
            for (int r = 0; r < BLOCK; r++)
                for (int at = 0; at < LANES; at += LINE) fetch(ahead[r] + j + at);
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) {
            lanes t = load(theta + j + q * WIDTH);
#pragma GCC unroll 4
            for (int r = 0; r < BLOCK; r++) sum[r][q] += load_x(x[r] + j + q * WIDTH) * t;
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < BLOCK; r++) folded[r] = fold(sum[r]);
}

/* (l0 + l2) + (l1 + l3) of each of four sums of lanes, by a transposition. */
static inline __attribute__((always_inline)) void add_quads(const quad *s, real *p)
{
    quad ab = __builtin_shufflevector(s[0], s[1], 0, 4, 1, 5) + __builtin_shufflevector(s[0], s[1], 2, 6, 3, 7);
    quad cd = __builtin_shufflevector(s[2], s[3], 0, 4, 1, 5) + __builtin_shufflevector(s[2], s[3], 2, 6, 3, 7);
    quad all = __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    memcpy(p, &all, sizeof all);
}

/* p[r] = x[r] . theta for four rows. */
static inline __attribute__((always_inline)) void dots(const stored *const *x, const stored *const *ahead, const real *theta,
                                                       int64_t padded, real *p)
{
    quad s[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; r += BLOCK) lane_sums(x + r, ahead ? ahead + r : NULL, theta, padded, s + r);
    add_quads(s, p);
}

static inline __attribute__((always_inline)) void add_tile(int registers, int count, const stored *const *x,
                                                           const stored *const *ahead, const real *s, int64_t j, real *g)
{
    lanes t[TILE];
#pragma GCC unroll 8
    for (int q = 0; q < registers; q++) t[q] = load(g + j + q * WIDTH);
    for (int r = 0; r < count; r++) {
        if (ahead)
            for (int at = 0; at < registers * WIDTH; at += LINE) fetch(ahead[r] + j + at);
#pragma GCC unroll 8
        for (int q = 0; q < registers; q++) t[q] += load_x(x[r] + j + q * WIDTH) * s[r];
    }
#pragma GCC unroll 8
    for (int q = 0; q < registers; q++) store(g + j + q * WIDTH, t[q]);
}

/* g += sum_r s[r] x[r], row after row; what it adds to g from d on nobody reads. The rows ahead are asked for once more: a line
 * for which there was no place is forgotten. */
static inline __attribute__((always_inline)) void accumulate(int count, const stored *const *x, const stored *const *ahead,
                                                             const real *s, int64_t padded, real *g)
{
    int64_t j = 0;
    for (; j + TILE * WIDTH <= padded; j += TILE * WIDTH) add_tile(TILE, count, x, ahead, s, j, g);
    for (; j + TILE / 2 * WIDTH <= padded; j += TILE / 2 * WIDTH) add_tile(TILE / 2, count, x, ahead, s, j, g);
    for (; j + 2 * WIDTH <= padded; j += 2 * WIDTH) add_tile(2, count, x, NULL, s, j, g);
    for (; j < padded; j += WIDTH) add_tile(1, count, x, NULL, s, j, g);
}

static inline const stored *row_at(const rows_task *t, int64_t i)
{
    return i < t->tail_first ? (const stored *)t->x + i * t->d : (const stored *)t->tail + (i - t->tail_first) * t->d;
}

typedef struct rows_to_take rows_to_take; /* take.h */

/* Rows that are worked on together: `count` of them, filled up by the first one. */
typedef struct group {
    int count, fours;
    const stored *x[GROUP], *ahead[GROUP]; /* the rows; rows that come later */
    const real *y;                         /* k == 1: count targets */
    const real *y_row[GROUP];              /* k > 1, or models: each row's m targets */
    const real *w, *o;                     /* count each; NULL: all 1, all 0 */
    uint8_t fold[GROUP];                   /* of models: the rows' folds */
    const rows_to_take *taken_late;        /* x is there once the dot products have been computed; NULL: it is there */
} group;

/* The row's target for output c. */
static inline real target_of(const rows_task *t, const real *y_row, int64_t c)
{
    return t->classed ? (real)class_is(*y_row, c) : y_row[c];
}

static inline int is_softmax(const rows_task *t) { return t->classed && t->loss.kind == CUSGD_LOSS_SOFTMAX; }

#ifdef STORED_BF16
#define REAL_ALONE NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
#else
#include "lazy_tile.h"
#include "models_update.h"
#define REAL_ALONE \
    losses_alone, update_models, lazy_catch_up, lazy_step, mean_gradient, step_rows, add_products, products_gradient
#endif
#include "loss_rows.h"
#ifndef STORED_BF16
static void losses_alone(loss_rule rule, int count, const real *p, const real *y, const real *w, real *value, real *derivative)
{
    losses(rule, count, &(loss_rows){p, y, w}, 0, value, derivative);
}
#endif
#include "products.h"
#ifndef STORED_BF16
#include "chunk_sums.h"
#endif
#include "gram.h"
#include "wide.h"

#include "batch_products.h" /* behind the tiles of wide.h */

/* Adds w l and w dl/dp of output c to four loss sums and to the gradient. */
static inline __attribute__((always_inline)) void add_output(const rows_task *t, const group *g, int64_t c, real *value,
                                                             real *derivative, double *loss)
{
    int64_t padded = rows_padded(t->d);
    for (int r = g->count; r < g->fours; r++) value[r] = derivative[r] = 0;
    for (int r = 0; r < g->fours; r += 4)
        for (int l = 0; l < 4; l++) loss[l] += (double)value[r + l];
    if (!t->gradient) return;
    real *gradient = t->gradient + c * t->layout.ld;
    accumulate(g->count, g->x, c == 0 ? g->ahead : NULL, derivative, padded, gradient);
    for (int first = 0; first < g->fours; first += INTERCEPT_ROWS) {
        int end = g->fours - first < INTERCEPT_ROWS ? g->fours : first + INTERCEPT_ROWS;
        real intercept[4] = {0};
        for (int r = first; r < end; r += 4)
            for (int l = 0; l < 4; l++) intercept[l] += derivative[r + l];
        gradient[padded] += (intercept[0] + intercept[2]) + (intercept[1] + intercept[3]);
    }
}

#include "softmax_rows.h"
#include "take.h"

/* Adds a group to the gradient and to four loss sums. */
static void add_narrow(const rows_task *t, const group *g, double *loss)
{
    real p[GROUP], strided[GROUP], value[GROUP], derivative[GROUP];
    int64_t padded = rows_padded(t->d);
    for (int64_t c = 0; c < t->k; c++) {
        const real *theta = t->theta + c * t->layout.ld, *y = g->y;
        for (int r = 0; r < g->fours; r += 4) {
            if (g->taken_late && c == 0)
                take_dots(g->taken_late, g->x, r, theta, p + r);
            else
                dots(g->x + r, c == 0 ? g->ahead + r : NULL, theta, padded, p + r);
        }
        for (int r = 0; g->o && r < g->count; r++) p[r] += g->o[r];
        if (t->k > 1) {
            for (int r = 0; r < g->count; r++) strided[r] = target_of(t, g->y_row[r], c);
            y = strided;
        }
        losses(t->loss, g->count, &(loss_rows){p, y, g->w}, theta[padded], value, derivative);
        add_output(t, g, c, value, derivative, loss);
    }
}

static int is_by_gram(const rows_task *t) { return t->models && t->models->gram && t->m == 1; }

static void add_group(const rows_task *t, const group *g, double *loss)
{
    if (t->models && t->models->packing)
        pack_group(t, g);
    else if (is_by_gram(t))
        add_gram(t, g);
    else if (is_softmax(t))
        (t->layout.wide ? add_wide_softmax : add_narrow_softmax)(t, g, loss);
    else if (t->layout.wide)
        add_wide(t, g, loss);
    else
        add_narrow(t, g, loss);
}

/* Behind the last group of a pass; returns the sum of the losses. */
static double finish(const rows_task *t, const double *loss)
{
    if (is_by_gram(t)) finish_gram(t);
    return (loss[0] + loss[2]) + (loss[1] + loss[3]);
}

static int group_rows(const rows_task *t)
{
    if (t->layout.wide && is_softmax(t)) return softmax_rows(t->k);
    return rows_of_group(&t->layout, t->models != NULL, t->loss.formula != NULL);
}

static void group_size(group *g, int64_t left, int maximum)
{
    g->taken_late = NULL;
    g->count = left < maximum ? (int)left : maximum;
    g->fours = (g->count + 3) / 4 * 4;
}

/* With the first row, so that tiles need not end at the last one: those of few outputs are of four rows, others of 12 at most. */
static void fill_up(const rows_task *t, group *g)
{
    int end = t->layout.wide ? (g->count + 11) / 12 * 12 : g->fours;
    for (int r = g->count; r < end; r++) g->x[r] = g->ahead[r] = g->x[0];
}

/* Rows between the one that is read and the one that is asked for: no more than are known to come. */
static int64_t rows_ahead(const rows_task *t, int64_t next_count)
{
    int64_t usual = t->layout.wide ? group_rows(t) : AHEAD / t->d + 4;
    return next_count >= usual ? usual : next_count > 4 ? next_count : 4;
}

/* The row that is `distance` behind number i of those asked for, or past their end in what is known of the next ones; else it
 * itself. */
static int64_t row_behind(const rows_range *r, int64_t i, int64_t distance)
{
    int64_t at = i + distance, beyond = at - r->count;
    if (beyond < 0) return r->first + at;
    return beyond < r->next_count ? r->next + beyond : r->first + i;
}

static int64_t listed_behind(const rows_list *l, int64_t i, int64_t distance)
{
    int64_t at = i + distance, beyond = at - l->count;
    if (beyond < 0) return l->rows[at];
    return beyond < l->next_count ? l->next[beyond] : l->rows[i];
}

#include "taken.h"

/* y, w and o are read in place. */
static double add_range(const rows_task *t, rows_range range)
{
    if (t->source) return add_taken(t, &range, NULL);
    int maximum = group_rows(t);
    int64_t distance = rows_ahead(t, range.next_count);
    const stored *x = t->x;
    double loss[4] = {0};
    for (int64_t i = 0; i < range.count; i += maximum) {
        group g;
        int64_t at = range.first + i;
        group_size(&g, range.count - i, maximum);
        for (int r = 0; r < g.count; r++) {
            g.x[r] = x + (at + r) * t->d;
            g.ahead[r] = x + row_behind(&range, i + r, distance) * t->d;
        }
        if (at + g.count > t->tail_first)
            for (int r = 0; r < g.count; r++) g.x[r] = row_at(t, at + r);
        fill_up(t, &g);
        if (t->layout.wide || t->k > 1)
            for (int r = 0; r < g.count; r++) g.y_row[r] = t->y + (at + r) * t->m;
        if (t->models)
            for (int r = 0; r < g.count; r++) g.fold[r] = t->fold ? t->fold[at + r] : 0;
        g.y = t->y + at;
        g.w = t->w ? t->w + at : NULL;
        g.o = t->o ? t->o + at : NULL;
        add_group(t, &g, loss);
    }
    return finish(t, loss);
}

/* Whether rows begin at other places than a cache line's first: then they end in a line more than their length says. */
static int rows_straddle(const rows_task *t) { return ((uintptr_t)t->x | (uintptr_t)t->d * sizeof(stored)) % 64 != 0; }

/* y, w and o are gathered. */
static double add_listed(const rows_task *t, const rows_list *list)
{
    if (t->source) return add_taken(t, NULL, list);
    int maximum = group_rows(t), straddle = rows_straddle(t);
    int64_t distance = rows_ahead(t, list->next_count);
    double loss[4] = {0};
    real y[GROUP], w[GROUP], o[GROUP];
    for (int64_t i = 0; i < list->count; i += maximum) {
        group g;
        group_size(&g, list->count - i, maximum);
        for (int r = 0; r < g.count; r++) {
            int64_t at = list->rows[i + r], behind = listed_behind(list, i + r, distance);
            g.x[r] = row_at(t, at);
            g.ahead[r] = (const stored *)t->x + behind * t->d;
            if (straddle) fetch(g.ahead[r] + t->d - 1);
            g.y_row[r] = t->y + at * t->m;
            fetch(t->y + behind * t->m);
            y[r] = *g.y_row[r];
            if (t->w) w[r] = t->w[at];
            if (t->o) o[r] = t->o[at];
            if (t->models) g.fold[r] = t->fold ? t->fold[at] : 0;
        }
        fill_up(t, &g);
        g.y = y;
        g.w = t->w ? w : NULL;
        g.o = t->o ? o : NULL;
        add_group(t, &g, loss);
    }
    return finish(t, loss);
}

#ifndef STORED_BF16
#include "one_row.h"
#endif

static void predict_narrow(const rows_task *t, int64_t first, int64_t count, double *out)
{
    int64_t padded = rows_padded(t->d);
    for (int64_t i = 0; i < count; i += 4) {
        const stored *x[4];
        int size = (int)(count - i < 4 ? count - i : 4);
        for (int r = 0; r < 4; r++) x[r] = row_at(t, first + i + (r < size ? r : 0));
        for (int64_t c = 0; c < t->k; c++) {
            const real *theta = t->theta + c * t->layout.ld;
            real p[4];
            dots(x, NULL, theta, padded, p);
            for (int r = 0; t->o && r < size; r++) p[r] += t->o[first + i + r];
            for (int r = 0; r < size; r++) out[(i + r) * t->k + c] = (double)(p[r] + theta[padded]);
        }
    }
}

static void predict_wide(const rows_task *t, int64_t first, int64_t count, double *out)
{
    for (int64_t i = 0; i < count; i += WIDE_GROUP) {
        const stored *x[WIDE_GROUP];
        real p[WIDE_GROUP * LANES];
        int size = (int)(count - i < WIDE_GROUP ? count - i : WIDE_GROUP);
        for (int r = 0; r < WIDE_GROUP; r++) x[r] = row_at(t, first + i + (r < size ? r : 0));
        for (int64_t c = 0; c < t->k; c += LANES) {
            wide_products(size, x, (wide_ahead){0}, t->theta + c / LANES * t->layout.ld, t->d, p);
            if (t->o) wide_offsets(size, t->o + first + i, p);
            for (int r = 0; r < size; r++)
                for (int64_t l = 0; l < LANES && c + l < t->k; l++) out[(i + r) * t->k + c + l] = (double)p[r * LANES + l];
        }
    }
}

static void rows_predict(const rows_task *t, int64_t first, int64_t count, double *out)
{
    (t->layout.wide ? predict_wide : predict_narrow)(t, first, count, out);
}

const rows_functions REAL_NAME(STORED_NAMED(rows), ROWS_ISA) = {add_range,     add_listed,  rows_predict, rows_take,
                                                                rows_products, order_range, order_table,  REAL_ALONE};
