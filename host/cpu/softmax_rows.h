/* The loss softmax, whose derivatives need all predictions of a row: first all products, then all losses, then the gradient. */
#ifndef CUSGD_HOST_CPU_SOFTMAX_ROWS_H
#define CUSGD_HOST_CPU_SOFTMAX_ROWS_H

#include "softmax_row.h"

static void add_narrow_softmax(const rows_task *t, const group *g, double *loss)
{
    real p[NARROW][GROUP], maximum[GROUP], rest[GROUP], own[GROUP] = {0}, value[GROUP] = {0}, derivative[GROUP];
    int64_t padded = rows_padded(t->d);
    for (int64_t c = 0; c < t->k; c++) {
        const real *theta = t->theta + c * t->layout.ld;
        for (int r = 0; r < g->fours; r += 4) dots(g->x + r, c == 0 ? g->ahead + r : NULL, theta, padded, p[c] + r);
        for (int r = 0; g->o && r < g->count; r++) p[c][r] += g->o[r];
        for (int r = 0; r < g->count; r++) p[c][r] += theta[padded];
    }
    for (int r = 0; r < g->count; r++) softmax_row((outputs){&p[0][r], t->k, 1, GROUP}, &maximum[r], &rest[r]);
    for (int64_t c = 0; c < t->k; c++) {
        for (int r = 0; r < g->count; r++) {
            struct loss_point l = softmax_at(p[c][r], class_is(*g->y_row[r], c), maximum[r], rest[r]);
            own[r] += g->w ? g->w[r] * l.value : l.value;
            derivative[r] = g->w ? g->w[r] * l.derivative : l.derivative;
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
        real w = g->w ? g->w[r] : 1, derivative[LANES] = {0};
        for (int l = 0; l < count; l++) {
            struct loss_point at = softmax_at(p[r * LANES + l], class_is(*g->y_row[r], c + l), maximum[r], rest[r]);
            derivative[l] = w * at.derivative;
            sums[r % 4] += (double)(w * at.value);
        }
        memcpy(p + r * LANES, derivative, sizeof derivative);
    }
}

static void add_wide_softmax(const rows_task *t, const group *g, double *loss)
{
    real maximum[WIDE_GROUP], rest[WIDE_GROUP];
    const stored *x[WIDE_GROUP];
    int64_t rows = softmax_rows(t->k), stride = rows * LANES;
    for (int r = 0; r < WIDE_GROUP; r++) x[r] = g->x[r < g->count ? r : 0];
    for (int64_t block = 0; block < t->layout.blocks; block++) {
        real *p = t->scratch + block * stride;
        wide_products(g->count, x, t->theta + block * t->layout.ld, t->d, p);
        if (g->o) wide_offsets(g->count, g->o, p);
    }
    for (int r = 0; r < g->count; r++) softmax_row((outputs){t->scratch + r * LANES, t->k, LANES, stride}, &maximum[r], &rest[r]);
    for (int64_t block = 0; block < t->layout.blocks; block++) {
        real *p = t->scratch + block * stride;
        wide_softmax_block(t, g, block * LANES, maximum, rest, p, loss);
        if (t->gradient) wide_add(t, g->count, x, p, t->gradient + block * t->layout.ld);
    }
}

#endif
