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
    WIDE_GROUP = GROUP                /* rows of a group: a multiple of TALL */
};

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
    memset(sum, 0, sizeof sum);
    int64_t line = lines.from < lines.to ? lines.from : d;
    for (int64_t j = 0; j < d; j++) {
        if (j == line) {
            for (int r = 0; r < tall; r++) fetch(ahead[r] + j);
            line = line + LINE < lines.to ? line + LINE : d;
        }
        load_lanes(theta + j * LANES, t);
#pragma GCC unroll 12
        for (int r = 0; r < tall; r++) add_product(sum[r], value_x(x[r] + j), t);
    }
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

/* g[j] += sum_r x[r][j] s[r] for `tall` columns from j on: g d x LANES, s count x LANES. */
static inline __attribute__((always_inline)) void outer_tile(int tall, int count, const stored *const *x, const real *s,
                                                             int64_t j, real *g)
{
    lanes sum[TALL][PIECES], t[PIECES];
#pragma GCC unroll 12
    for (int i = 0; i < tall; i++) load_lanes(g + (j + i) * LANES, sum[i]);
    for (int r = 0; r < count; r++) {
        load_lanes(s + r * LANES, t);
#pragma GCC unroll 12
        for (int i = 0; i < tall; i++) add_product(sum[i], value_x(x[r] + j + i), t);
    }
#pragma GCC unroll 12
    for (int i = 0; i < tall; i++) store_lanes(g + (j + i) * LANES, sum[i]);
}

static void wide_outer(int count, const stored *const *x, const real *s, int64_t d, real *g)
{
    int64_t j = 0;
    for (; j + TALL <= d; j += TALL) outer_tile(TALL, count, x, s, j, g);
    /* One column at a time would wait for each sum before the next row. */
    for (; TALL >= 3 && j + 2 * THIRD <= d; j += 2 * THIRD) outer_tile(2 * THIRD, count, x, s, j, g);
    for (; THIRD > 1 && j + THIRD <= d; j += THIRD) outer_tile(THIRD, count, x, s, j, g);
    for (; j < d; j++) outer_tile(1, count, x, s, j, g);
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

/* Adds the rows to the gradient of a block of outputs: p is w dl/dp. */
static void wide_add(const rows_task *t, const group *g, const real *p, real *gradient)
{
    lanes sum[PIECES], derivative[PIECES];
    wide_outer(g->count, g->x, p, t->d, gradient);
    load_lanes(gradient + t->d * LANES, sum);
    for (int r = 0; r < g->count; r++) {
        load_lanes(p + r * LANES, derivative);
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[q] += derivative[q];
    }
    store_lanes(gradient + t->d * LANES, sum);
}

static void add_wide(const rows_task *t, const group *g, double *loss)
{
    real p[WIDE_GROUP * LANES];
    for (int64_t block = 0; block < t->layout.blocks; block++) {
        int64_t c = block * LANES, start = block * t->layout.ld;
        int outputs = t->k - c < LANES ? (int)(t->k - c) : LANES;
        if (t->models && !models_live(t->models, c)) continue;
        wide_products(g->count, g->x, ahead_of(t, g, block), t->theta + start, t->d, p);
        if (g->o) wide_offsets(g->count, g->o, p);
        if (t->models)
            models_losses(t, g, c, outputs, p);
        else
            wide_losses(t, g, c, outputs, p, loss);
        if (t->gradient) wide_add(t, g, p, t->gradient + start);
    }
}

#endif
