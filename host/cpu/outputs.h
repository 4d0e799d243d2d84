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

/* p becomes w dl/dp, zero beyond `outputs` and where the row does not count: selected, since zero times NaN is NaN. */
static inline __attribute__((always_inline)) void models_losses_of(cusgd_loss kind, const rows_task *t, const group *g, int64_t c,
                                                                   int outputs, real *p)
{
    const rows_models *m = t->models;
    loss_rule rule = t->loss;
    rule.kind = kind;
    for (int r = 0; r < g->count; r++) {
        uint64_t fold = (uint64_t)1 << g->fold[r];
        real w = g->w ? g->w[r] : 1, y[LANES] = {0}, value[LANES] = {0}, derivative[LANES] = {0};
        double *sums = t->losses + g->fold[r] * m->by_fold + c;
        for (int l = 0; l < outputs; l++) y[l] = g->y_row[r][m->target_of ? m->target_of[c + l] : c + l];
        for (int l = 0; l < outputs; l++) {
            struct loss_point at = loss_at(rule, p[r * LANES + l], y[l]);
            value[l] = w * at.value;
            derivative[l] = w * at.derivative;
        }
        for (int l = 0; m->held_out && l < outputs; l++) {
            int counts = (m->held_out[c + l] & fold) == 0;
            value[l] = counts ? value[l] : 0;
            derivative[l] = counts ? derivative[l] : 0;
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
