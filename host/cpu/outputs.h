/* Losses of outputs that are independent models (backend.h): for each output, over the rows that it uses. */
#ifndef CUSGD_HOST_CPU_OUTPUTS_H
#define CUSGD_HOST_CPU_OUTPUTS_H

/* Gets the target of each output in a row; 0 in the unused lanes of the last block. */
static inline __attribute__((always_inline)) void models_targets(const rows_models *m, const real *row, int64_t c, int outputs,
                                                                 real *y)
{
    memset(y, 0, LANES * sizeof *y);
    for (int l = 0; l < outputs; l++) y[l] = row[m->target_of ? m->target_of[c + l] : c + l];
}

/* Adds `count` rows of LANES values to LANES sums, which are kept in registers. */
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

/* w l and w dl/dp of a row's outputs, in the place of p; number: of each output's loss, or NULL. y: of each output, or where
 * `shared` one of all. */
static inline __attribute__((always_inline)) void lanes_losses(cusgd_loss kind, int shared, loss_rule rule, const double *number,
                                                               real w, const real *y, real *at, real *value)
{
    real p[LANES], values[LANES];
    rule.kind = kind;
    copy_lanes(p, at);
    for (int l = 0; l < LANES; l++) {
        if (number) rule.number = number[l];
        struct loss_point point = loss_at(rule, p[l], shared ? y[0] : y[l]);
        values[l] = w * point.value;
        p[l] = w * point.derivative;
    }
    copy_lanes(value, values);
    copy_lanes(at, p);
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

/* w l and w dl/dp of the rows, p becoming the latter. What fills up the last block is computed like the outputs, and nobody looks
 * at it. */
static inline __attribute__((always_inline)) void models_losses_of(cusgd_loss kind, int shared, const rows_task *t,
                                                                   const group *g, int64_t c, int outputs, real *p, real *values)
{
    const rows_models *m = t->models;
    const double *number = m->number ? m->number + c : NULL;
    for (int r = 0; r < g->count; r++) {
        real w = g->w ? g->w[r] : 1, y[LANES], *at = p + r * LANES, *value = values + r * LANES;
        if (shared)
            y[0] = t->m == 1 ? g->y[r] : g->y_row[r][m->target_of[0]];
        else
            models_targets(m, g->y_row[r], c, outputs, y);
        if (kind >= CUSGD_LOSS_EXPRESSION)
            lanes_formula(t->loss, w, y, at, value);
        else if (number)
            lanes_losses(kind, shared, t->loss, number, w, y, at, value);
        else
            lanes_losses(kind, shared, t->loss, NULL, w, y, at, value);
    }
}

#define MODELS_LOSSES_CASE(KIND)                                    \
    case KIND:                                                      \
        if (t->models->shared)                                      \
            models_losses_of(KIND, 1, t, g, c, outputs, p, values); \
        else                                                        \
            models_losses_of(KIND, 0, t, g, c, outputs, p, values); \
        return;

/* Compiles the loop with the loss as a constant for losses that take less time than selecting the loss. */
static void lanes_losses_of_rows(const rows_task *t, const group *g, int64_t c, int outputs, real *p, real *values)
{
    switch (t->loss.kind) {
        MODELS_LOSSES_CASE(CUSGD_LOSS_SQUARED)
        MODELS_LOSSES_CASE(CUSGD_LOSS_MSE)
        MODELS_LOSSES_CASE(CUSGD_LOSS_HUBER)
        MODELS_LOSSES_CASE(CUSGD_LOSS_LOGISTIC)
    default: models_losses_of(t->loss.kind, 0, t, g, c, outputs, p, values); return;
    }
}
#undef MODELS_LOSSES_CASE

/* Multiplies by the class weights. */
static void weigh_classes(const rows_task *t, const group *g, int64_t c, int outputs, real *p, real *values)
{
    const real *weight = t->models->class_weight + c;
    for (int r = 0; r < g->count; r++) {
        real y[LANES], *at = p + r * LANES, *value = values + r * LANES;
        models_targets(t->models, g->y_row[r], c, outputs, y);
        for (int l = 0; l < LANES; l++) {
            real factor = y[l] > 0 ? weight[t->models->width + l] : weight[l];
            value[l] *= factor;
            at[l] *= factor;
        }
    }
}

/* Sets the values of held-out rows to zero. They are selected, not multiplied, because 0 times NaN is NaN. */
static void leave_out(const rows_task *t, const group *g, int64_t c, real *p, real *values)
{
    for (int r = 0; r < g->count; r++) {
        real counts[LANES], at[LANES], value[LANES];
        copy_lanes(counts, t->models->counts + g->fold[r] * t->models->width + c);
        copy_lanes(at, p + r * LANES);
        copy_lanes(value, values + r * LANES);
        for (int l = 0; l < LANES; l++) {
            value[l] = counts[l] > 0 ? value[l] : 0;
            at[l] = counts[l] > 0 ? at[l] : 0;
        }
        copy_lanes(p + r * LANES, at);
        copy_lanes(values + r * LANES, value);
    }
}

/* Replaces p by w dl/dp of the outputs from c on, and adds w l to their losses. */
static void models_losses(const rows_task *t, const group *g, int64_t c, int outputs, real *p)
{
    const rows_models *m = t->models;
    real values[GROUP * LANES];
    lanes_losses_of_rows(t, g, c, outputs, p, values);
    if (m->class_weight) weigh_classes(t, g, c, outputs, p, values);
    if (m->counts) leave_out(t, g, c, p, values);
    if (m->by_fold == 0)
        add_rows_of(g->count, values, t->losses + c);
    else
        for (int r = 0; r < g->count; r++) add_rows_of(1, values + r * LANES, t->losses + g->fold[r] * m->by_fold + c);
}

#endif
