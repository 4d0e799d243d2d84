/* Losses of outputs that are models of their own (backend.h): by output, of the rows that count for it. */
#ifndef CUSGD_HOST_CPU_OUTPUTS_H
#define CUSGD_HOST_CPU_OUTPUTS_H

/* Each output's target of a row. */
static inline __attribute__((always_inline)) void models_targets(const rows_models *m, const real *row, int64_t c, int outputs,
                                                                 real *y)
{
    if (m->shared) {
        real one = row[m->target_of[0]];
        for (int l = 0; l < LANES; l++) y[l] = one;
        return;
    }
    memset(y, 0, LANES * sizeof *y);
    for (int l = 0; l < outputs; l++) y[l] = row[m->target_of ? m->target_of[c + l] : c + l];
}

/* Adds `count` rows of LANES values to LANES sums, which stay in the registers meanwhile. */
static inline __attribute__((always_inline)) void add_rows_of(int count, const real *values, double *sums)
{
    enum { PARTS = LANES / DOUBLES };
    doubles sum[PARTS];
#pragma GCC unroll 8
    for (int q = 0; q < PARTS; q++) sum[q] = doubles_at(sums + q * DOUBLES);
    for (int r = 0; r < count; r++)
#pragma GCC unroll 8
        for (int q = 0; q < PARTS; q++) {
            double some[DOUBLES];
            for (int l = 0; l < DOUBLES; l++) some[l] = (double)values[r * LANES + q * DOUBLES + l];
            sum[q] += doubles_at(some);
        }
#pragma GCC unroll 8
    for (int q = 0; q < PARTS; q++) memcpy(sums + q * DOUBLES, &sum[q], sizeof sum[q]);
}

/* w l and w dl/dp of a row's outputs, in the place of p; number: of each output's loss, or NULL. */
static inline __attribute__((always_inline)) void lanes_losses(cusgd_loss kind, loss_rule rule, const double *number, real w,
                                                               const real *y, real *at, real *value)
{
    rule.kind = kind;
    for (int l = 0; l < LANES; l++) {
        if (number) rule.number = number[l];
        struct loss_point point = loss_at(rule, at[l], y[l]);
        value[l] = w * point.value;
        at[l] = w * point.derivative;
    }
}

static void lanes_formula(loss_rule rule, real w, const real *y, real *at, real *value)
{
    real p[LANES];
    memcpy(p, at, sizeof p);
    FORMULA_ROWS(rule.formula, LANES, p, y, value, at, NULL);
    for (int l = 0; l < LANES; l++) {
        value[l] = w * value[l];
        at[l] = w * at[l];
    }
}

/* weight: of the lanes' rows of one class, and `width` behind it of the other. */
static inline __attribute__((always_inline)) void weigh_classes(const real *weight, int64_t width, const real *y, real *at,
                                                                real *value)
{
    for (int l = 0; l < LANES; l++) {
        real factor = y[l] > 0 ? weight[width + l] : weight[l];
        value[l] *= factor;
        at[l] *= factor;
    }
}

/* p becomes w dl/dp, zero where the row does not count: selected, since zero times NaN is NaN. What fills up the last block is
 * computed like the outputs, and nobody looks at it. */
static inline __attribute__((always_inline)) void models_losses_of(cusgd_loss kind, const rows_task *t, const group *g, int64_t c,
                                                                   int outputs, const double *number, real *p)
{
    const rows_models *m = t->models;
    real values[WIDE_GROUP * LANES];
    for (int r = 0; r < g->count; r++) {
        real w = g->w ? g->w[r] : 1, y[LANES], *at = p + r * LANES, *value = values + r * LANES;
        models_targets(m, g->y_row[r], c, outputs, y);
        if (kind >= CUSGD_LOSS_EXPRESSION)
            lanes_formula(t->loss, w, y, at, value);
        else
            lanes_losses(kind, t->loss, number, w, y, at, value);
        if (m->class_weight) weigh_classes(m->class_weight + c, m->width, y, at, value);
        const real *counts = m->counts ? m->counts + g->fold[r] * m->width + c : NULL;
        for (int l = 0; counts && l < LANES; l++) {
            value[l] = counts[l] > 0 ? value[l] : 0;
            at[l] = counts[l] > 0 ? at[l] : 0;
        }
    }
    if (m->by_fold == 0)
        add_rows_of(g->count, values, t->losses + c);
    else
        for (int r = 0; r < g->count; r++) add_rows_of(1, values + r * LANES, t->losses + g->fold[r] * m->by_fold + c);
}

/* The loss is a constant of the loop where it costs less than asking which it is. */
static void models_losses(const rows_task *t, const group *g, int64_t c, int outputs, real *p)
{
    const double *number = t->models->number ? t->models->number + c : NULL;
    if (number) {
        models_losses_of(t->loss.kind, t, g, c, outputs, number, p);
        return;
    }
    switch (t->loss.kind) {
    case CUSGD_LOSS_SQUARED: models_losses_of(CUSGD_LOSS_SQUARED, t, g, c, outputs, NULL, p); return;
    case CUSGD_LOSS_MSE: models_losses_of(CUSGD_LOSS_MSE, t, g, c, outputs, NULL, p); return;
    case CUSGD_LOSS_HUBER: models_losses_of(CUSGD_LOSS_HUBER, t, g, c, outputs, NULL, p); return;
    case CUSGD_LOSS_LOGISTIC: models_losses_of(CUSGD_LOSS_LOGISTIC, t, g, c, outputs, NULL, p); return;
    default: models_losses_of(t->loss.kind, t, g, c, outputs, NULL, p); return;
    }
}

#endif
