/* The loss softmax, whose derivatives need all predictions of a row: first all products, then all losses, then the gradient. */
#ifndef CUSGD_HOST_CPU_SOFTMAX_ROWS_H
#define CUSGD_HOST_CPU_SOFTMAX_ROWS_H

#include "softmax_row.h"

/* p becomes e^(p - maximum) in `power`; what a row's outputs have in common. Loops over rows become vector instructions. */
static void narrow_softmax_rows(int64_t k, int rows, real (*p)[GROUP], real (*power)[GROUP], real *maximum, real *rest)
{
    memcpy(maximum, p[0], (size_t)rows * sizeof *maximum);
    for (int64_t c = 1; c < k; c++)
        for (int r = 0; r < rows; r++) maximum[r] = p[c][r] > maximum[r] ? p[c][r] : maximum[r];
    for (int64_t c = 0; c < k; c++)
        for (int r = 0; r < rows; r++) power[c][r] = real_exp(p[c][r] - maximum[r]);
    for (int r = 0; r < rows; r++) {
        softmax_sum sum = {0, 0, 0};
        for (int64_t c = 0; c < k; c++) softmax_add_power(&sum, power[c][r]);
        rest[r] = (real)softmax_rest(sum);
    }
}

static void add_narrow_softmax(const rows_task *t, const group *g, double *loss)
{
    real p[NARROW][GROUP], power[NARROW][GROUP], maximum[GROUP], rest[GROUP], w[GROUP];
    real own[GROUP] = {0}, value[GROUP] = {0}, derivative[GROUP];
    int mine[GROUP];
    int64_t padded = rows_padded(t->d);
    for (int64_t c = 0; c < t->k; c++) {
        const real *theta = t->theta + c * t->layout.ld;
        for (int r = 0; r < g->fours; r += 4) dots(g->x + r, c == 0 ? g->ahead + r : NULL, theta, padded, p[c] + r);
        for (int r = 0; g->o && r < g->count; r++) p[c][r] += g->o[r];
        for (int r = 0; r < g->fours; r++) p[c][r] += theta[padded];
    }
    narrow_softmax_rows(t->k, g->fours, p, power, maximum, rest);
    for (int r = 0; r < g->fours; r++) w[r] = g->w && r < g->count ? g->w[r] : 1;
    for (int64_t c = 0; c < t->k; c++) {
        for (int r = 0; r < g->fours; r++) mine[r] = r < g->count && class_is(*g->y_row[r], c);
        for (int r = 0; r < g->fours; r++) {
            struct loss_point l = softmax_of_power(power[c][r], p[c][r], mine[r], maximum[r], rest[r]);
            own[r] += w[r] * l.value;
            derivative[r] = w[r] * l.derivative;
        }
        if (c == t->k - 1) memcpy(value, own, sizeof value); /* rows are added in order, whatever their classes */
        add_output(t, g, c, value, derivative, loss);
    }
}

/* p of outputs c .. c + LANES - 1 becomes w dl/dp, zero beyond the last output; adds w l to four sums. */
static void wide_softmax_block(const rows_task *t, const group *g, int64_t c, const real *maximum, const real *rest, real *p,
                               double *sums)
{
    int64_t count = t->k - c < LANES ? t->k - c : LANES;
    for (int r = 0; r < g->count; r++) {
        real w = g->w ? g->w[r] : 1, y = *g->y_row[r], derivative[LANES], value[LANES];
        int64_t own = (y < 0 ? 0 : (int64_t)y) - c;
        for (int l = 0; l < LANES; l++) {
            struct loss_point at = softmax_at(p[r * LANES + l], l == own, maximum[r], rest[r]);
            derivative[l] = l < count ? w * at.derivative : 0;
            value[l] = w * at.value;
        }
        if (own >= 0 && own < count) sums[r % 4] += (double)value[own];
        memcpy(p + r * LANES, derivative, sizeof derivative);
    }
}

static void add_wide_softmax(const rows_task *t, const group *g, double *loss)
{
    real maximum[GROUP], rest[GROUP];
    int64_t rows = softmax_rows(t->k), stride = rows * LANES;
    for (int64_t block = 0; block < t->layout.blocks; block++) {
        real *p = t->scratch + block * stride;
        wide_products(g->count, g->x, ahead_of(t, g, block), t->theta + block * t->layout.ld, t->d, p);
        if (g->o) wide_offsets(g->count, g->o, p);
    }
    for (int r = 0; r < g->count; r++) softmax_row((outputs){t->scratch + r * LANES, t->k, LANES, stride}, &maximum[r], &rest[r]);
    for (int64_t block = 0; block < t->layout.blocks;) {
        const real *p[BLOCKS_TOGETHER];
        real *gradient[BLOCKS_TOGETHER];
        int count = 0;
        for (; block < t->layout.blocks && count < BLOCKS_TOGETHER; block++, count++) {
            real *own = t->scratch + block * stride;
            wide_softmax_block(t, g, block * LANES, maximum, rest, own, loss);
            p[count] = own;
            gradient[count] = t->gradient ? t->gradient + block * t->layout.ld : NULL;
        }
        if (t->gradient) wide_add(t, g, count, p, gradient);
    }
}

#endif
