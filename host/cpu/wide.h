/* Many outputs: LANES of them side by side, so that a row's value is multiplied by LANES coefficients at once. Both products are
 * made of tiles that stay in the registers; which sums share a tile changes no bit. */
#ifndef CUSGD_HOST_CPU_WIDE_H
#define CUSGD_HOST_CPU_WIDE_H

enum {
    TALL = PIECES <= 1   ? 12
           : PIECES == 2 ? 6
           : PIECES <= 4 ? 3
                         : 1,         /* rows or columns of a tile */
    THIRD = TALL >= 3 ? TALL / 3 : 1, /* of smaller tiles, for what is left */
    BLOCKS_TOGETHER = 4,              /* blocks of outputs whose derivatives are kept at once */
    STRIP = 48                        /* columns of x that are copied at once: a multiple of TALL and of LANES */
};
_Static_assert(STRIP % TALL == 0 && STRIP % LANES == 0, "else the rows of a strip overlap");

/* LANES values in registers, from memory and back. */
static inline __attribute__((always_inline)) void load_lanes(const real *at, lanes *to)
{
#pragma GCC unroll 8
    for (int q = 0; q < PIECES; q++) to[q] = load(at + q * WIDTH);
}

static inline __attribute__((always_inline)) void store_lanes(real *at, const lanes *from)
{
#pragma GCC unroll 8
    for (int q = 0; q < PIECES; q++) store(at + q * WIDTH, from[q]);
}

/* sum += x t */
static inline __attribute__((always_inline)) void add_product(lanes *sum, real x, const lanes *t)
{
#pragma GCC unroll 8
    for (int q = 0; q < PIECES; q++) sum[q] += x * t[q];
}

/* Rows that come later, of which the columns from .. to - 1 are fetched meanwhile; at NULL: none. */
typedef struct wide_ahead {
    const stored *const *at;
    int64_t from, to;
} wide_ahead;

/* The lines of each row are shared out among the blocks of outputs, so that they come in while there is work to do. */
static wide_ahead ahead_of(const rows_task *t, const group *g, int64_t block)
{
    int64_t lines = (t->d + LINE - 1) / LINE, blocks = t->layout.blocks;
    return (wide_ahead){g->ahead, lines * block / blocks * LINE, lines * (block + 1) / blocks * LINE};
}

/* p[r] = x[r] theta + intercepts for `tall` rows: p tall x LANES, theta (d+1) x LANES. */
static inline __attribute__((always_inline)) void product_tile(int tall, const stored *const *x, const stored *const *ahead,
                                                               wide_ahead lines, const real *theta, int64_t d, real *p)
{
    lanes sum[TALL][PIECES], t[PIECES];
#pragma GCC unroll 12
    for (int r = 0; r < tall; r++)
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[r][q] = (lanes){0};
    int64_t j = 0;
    do {
        int64_t end = j + LINE < d ? j + LINE : d;
        for (int r = 0; r < tall && j >= lines.from && j < lines.to; r++) fetch(ahead[r] + j);
        do {
            load_lanes(theta + j * LANES, t);
#pragma GCC unroll 12
            for (int r = 0; r < tall; r++) add_product(sum[r], value_x(x[r] + j), t);
        } while (++j < end);
    } while (j < d);
    load_lanes(theta + d * LANES, t);
#pragma GCC unroll 12
    for (int r = 0; r < tall; r++) {
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[r][q] += t[q];
        store_lanes(p + r * LANES, sum[r]);
    }
}

/* Rows beyond `count`, up to a multiple of TALL, may be any. */
static void wide_products(int count, const stored *const *x, wide_ahead ahead, const real *theta, int64_t d, real *p)
{
    int r = 0;
    if (!ahead.at) ahead = (wide_ahead){x, 0, 0};
    for (; count - r > 2 * THIRD || (TALL < 3 && r < count); r += TALL)
        product_tile(TALL, x + r, ahead.at + r, ahead, theta, d, p + r * LANES);
    if (TALL < 3 || r >= count) return;
    if (count - r > THIRD)
        product_tile(2 * THIRD, x + r, ahead.at + r, ahead, theta, d, p + r * LANES);
    else
        product_tile(THIRD, x + r, ahead.at + r, ahead, theta, d, p + r * LANES);
}

/* p[r] += o[r], every output's */
static void wide_offsets(int count, const real *o, real *p)
{
    for (int r = 0; r < count; r++)
        for (int l = 0; l < LANES; l++) p[r * LANES + l] += o[r];
}

/* g[i] += sum_r x[r][i] s[r] for `tall` columns: g tall x LANES, s count x LANES, x count rows of STRIP values. */
static inline __attribute__((always_inline)) void outer_tile(int tall, int count, const real *x, const real *s, real *g)
{
    lanes sum[TALL][PIECES], t[PIECES];
#pragma GCC unroll 12
    for (int i = 0; i < tall; i++) load_lanes(g + i * LANES, sum[i]);
    int r = 0;
    do {
        load_lanes(s + r * LANES, t);
#pragma GCC unroll 12
        for (int i = 0; i < tall; i++) add_product(sum[i], x[r * STRIP + i], t);
    } while (++r < count);
#pragma GCC unroll 12
    for (int i = 0; i < tall; i++) store_lanes(g + i * LANES, sum[i]);
}

/* Likewise for up to STRIP columns. One column at a time would wait for each sum before the next row, so that eight columns are
 * two fours where a tile has six. */
static void wide_outer(int count, const real *x, const real *s, int64_t columns, real *g)
{
    int64_t j = 0;
    for (; j + TALL <= columns && columns - j != TALL + THIRD; j += TALL) outer_tile(TALL, count, x + j, s, g + j * LANES);
    for (; TALL >= 3 && j + 2 * THIRD <= columns; j += 2 * THIRD) outer_tile(2 * THIRD, count, x + j, s, g + j * LANES);
    for (; THIRD > 1 && j + THIRD <= columns; j += THIRD) outer_tile(THIRD, count, x + j, s, g + j * LANES);
    for (; j < columns; j++) outer_tile(1, count, x + j, s, g + j * LANES);
}

/* p becomes w dl/dp, zero beyond `outputs`; adds w l to four sums. */
static inline __attribute__((always_inline)) void wide_losses_of(cusgd_loss kind, const rows_task *t, const group *g, int64_t c,
                                                                 int outputs, real *p, double *sums)
{
    loss_rule rule = t->loss;
    rule.kind = kind;
    for (int r = 0; r < g->count; r++) {
        real w = g->w ? g->w[r] : 1, value[LANES], derivative[LANES], y[LANES] = {0};
        for (int l = 0; l < outputs; l++) y[l] = target_of(t, g->y_row[r], c + l);
        for (int l = 0; l < LANES; l++) {
            struct loss_point at = loss_at(rule, p[r * LANES + l], y[l]);
            value[l] = l < outputs ? w * at.value : 0;
            derivative[l] = l < outputs ? w * at.derivative : 0;
        }
        memcpy(p + r * LANES, derivative, sizeof derivative);
        for (int l = 0; l < LANES; l++) sums[l % 4] += (double)value[l];
    }
}

/* Likewise of a formula, in all outputs of a row at once. */
static void wide_formula(const rows_task *t, const group *g, int64_t c, int outputs, real *p, double *sums)
{
    for (int r = 0; r < g->count; r++) {
        real w = g->w ? g->w[r] : 1, value[LANES] = {0}, derivative[LANES] = {0};
        FORMULA_ROWS(t->loss.formula, outputs, p + r * LANES, g->y_row[r] + c, value, derivative, NULL);
        for (int l = 0; l < LANES; l++) {
            p[r * LANES + l] = w * derivative[l];
            sums[l % 4] += (double)(w * value[l]);
        }
    }
}

/* The loss is a constant of the loop where it costs less than asking which it is. */
static void wide_losses(const rows_task *t, const group *g, int64_t c, int outputs, real *p, double *sums)
{
    switch (t->loss.kind) {
    case CUSGD_LOSS_SQUARED: wide_losses_of(CUSGD_LOSS_SQUARED, t, g, c, outputs, p, sums); return;
    case CUSGD_LOSS_MSE: wide_losses_of(CUSGD_LOSS_MSE, t, g, c, outputs, p, sums); return;
    case CUSGD_LOSS_HUBER: wide_losses_of(CUSGD_LOSS_HUBER, t, g, c, outputs, p, sums); return;
    case CUSGD_LOSS_LOGISTIC: wide_losses_of(CUSGD_LOSS_LOGISTIC, t, g, c, outputs, p, sums); return;
    default: break;
    }
    if (t->loss.formula)
        wide_formula(t, g, c, outputs, p, sums);
    else
        wide_losses_of(t->loss.kind, t, g, c, outputs, p, sums);
}

#include "outputs.h"

/* Columns j .. j + columns - 1 of the rows, filled up to LANES: rows that lie a power of two apart would share few places of the
 * first-level cache. */
static void copy_strip(const group *g, int64_t j, int64_t columns, real *strip)
{
    for (int64_t i = 0; i < columns; i += LANES)
        for (int r = 0; r < g->count; r++)
#pragma GCC unroll 8
            for (int q = 0; q < PIECES; q++) store(strip + r * STRIP + i + q * WIDTH, load_x(g->x[r] + j + i + q * WIDTH));
}

/* The sum of w dl/dp over the rows is the gradient of the intercepts. */
static void add_intercepts(int count, const real *p, real *gradient)
{
    lanes sum[PIECES], derivative[PIECES];
    load_lanes(gradient, sum);
    for (int r = 0; r < count; r++) {
        load_lanes(p + r * LANES, derivative);
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[q] += derivative[q];
    }
    store_lanes(gradient, sum);
}

/* Adds the rows to the gradients of `blocks` blocks of outputs: p[i] is w dl/dp of the one whose gradient is at gradient[i]. */
static void wide_add(const rows_task *t, const group *g, int blocks, const real *const *p, real *const *gradient)
{
    real strip[GROUP * STRIP];
    for (int64_t j = 0; j < t->d; j += STRIP) {
        int64_t columns = t->d - j < STRIP ? t->d - j : STRIP;
        copy_strip(g, j, columns, strip);
        for (int i = 0; i < blocks; i++) wide_outer(g->count, strip, p[i], columns, gradient[i] + j * LANES);
    }
    for (int i = 0; i < blocks; i++) add_intercepts(g->count, p[i], gradient[i] + t->d * LANES);
}

/* The losses of a block of outputs, the first of which is c, and their derivatives p. */
static void wide_block(const rows_task *t, const group *g, int64_t block, real *p, double *loss)
{
    int64_t c = block * LANES;
    int outputs = t->k - c < LANES ? (int)(t->k - c) : LANES;
    wide_products(g->count, g->x, ahead_of(t, g, block), t->theta + block * t->layout.ld, t->d, p);
    if (g->o) wide_offsets(g->count, g->o, p);
    if (t->models)
        models_losses(t, g, c, outputs, p);
    else
        wide_losses(t, g, c, outputs, p, loss);
}

static void add_wide(const rows_task *t, const group *g, double *loss)
{
    real room[BLOCKS_TOGETHER][GROUP * LANES], *gradient[BLOCKS_TOGETHER];
    const real *p[BLOCKS_TOGETHER];
    for (int64_t block = 0; block < t->layout.blocks;) {
        int count = 0;
        for (; block < t->layout.blocks && count < BLOCKS_TOGETHER; block++) {
            if (t->models && !models_live(t->models, block * LANES)) continue;
            wide_block(t, g, block, room[count], loss);
            p[count] = room[count];
            gradient[count++] = t->gradient ? t->gradient + block * t->layout.ld : NULL;
        }
        if (t->gradient) wide_add(t, g, count, p, gradient);
    }
}

#endif
