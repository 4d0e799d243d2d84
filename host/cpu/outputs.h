/* Losses of outputs that are models of their own (backend.h): by output, of the rows that count for it. */
#ifndef CUSGD_HOST_CPU_OUTPUTS_H
#define CUSGD_HOST_CPU_OUTPUTS_H

/* Whether a block of outputs, the first of which is c, has one that is wanted. */
static inline int models_live(const rows_models *m, int64_t c)
{
    int live = !m->alive;
    for (int l = 0; m->alive && l < LANES; l++) live |= m->alive[c + l];
    return live;
}

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

/* p becomes w dl/dp, zero where the row does not count: selected, since zero times NaN is NaN. What fills up the last block is
 * computed like the outputs, and nobody looks at it. */
static inline __attribute__((always_inline)) void models_losses_of(cusgd_loss kind, const rows_task *t, const group *g, int64_t c,
                                                                   int outputs, real *p)
{
    const rows_models *m = t->models;
    loss_rule rule = t->loss;
    rule.kind = kind;
    for (int r = 0; r < g->count; r++) {
        real w = g->w ? g->w[r] : 1, y[LANES], value[LANES], derivative[LANES];
        double *sums = t->losses + g->fold[r] * m->by_fold + c;
        models_targets(m, g->y_row[r], c, outputs, y);
        for (int l = 0; l < LANES; l++) {
            struct loss_point at = loss_at(rule, p[r * LANES + l], y[l]);
            value[l] = w * at.value;
            derivative[l] = w * at.derivative;
        }
        const real *counts = m->counts ? m->counts + g->fold[r] * m->width + c : NULL;
        for (int l = 0; counts && l < LANES; l++) {
            value[l] = counts[l] > 0 ? value[l] : 0;
            derivative[l] = counts[l] > 0 ? derivative[l] : 0;
        }
        memcpy(p + r * LANES, derivative, sizeof derivative);
        for (int l = 0; l < LANES; l++) sums[l] += (double)value[l];
    }
}

/* The loss is a constant of the loop where it costs less than asking which it is. */
static void models_losses(const rows_task *t, const group *g, int64_t c, int outputs, real *p)
{
    switch (t->loss.kind) {
    case CUSGD_LOSS_SQUARED: models_losses_of(CUSGD_LOSS_SQUARED, t, g, c, outputs, p); return;
    case CUSGD_LOSS_MSE: models_losses_of(CUSGD_LOSS_MSE, t, g, c, outputs, p); return;
    case CUSGD_LOSS_HUBER: models_losses_of(CUSGD_LOSS_HUBER, t, g, c, outputs, p); return;
    case CUSGD_LOSS_LOGISTIC: models_losses_of(CUSGD_LOSS_LOGISTIC, t, g, c, outputs, p); return;
    default: models_losses_of(t->loss.kind, t, g, c, outputs, p); return;
    }
}

#endif
