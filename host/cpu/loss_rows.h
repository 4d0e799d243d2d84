/* Losses of rows of one output, a register of them at a time. */
#ifndef CUSGD_HOST_CPU_LOSS_ROWS_H
#define CUSGD_HOST_CPU_LOSS_ROWS_H

/* Predictions, targets and weights of rows. */
typedef struct loss_rows {
    const real *p, *y, *w;
} loss_rows;

/* Those of rows first .. count - 1, filled up in `room` where they are fewer; w: NULL: all 1. */
static inline loss_rows loss_rows_at(const loss_rows *all, int first, int count, real (*room)[WIDTH])
{
    loss_rows some = {all->p + first, all->y + first, all->w ? all->w + first : room[2]};
    for (int l = 0; l < WIDTH; l++) room[2][l] = 1;
    if (count - first >= WIDTH) return some;
    for (int l = 0; l < WIDTH; l++) {
        int at = first + l < count ? first + l : first;
        room[0][l] = all->p[at];
        room[1][l] = all->y[at];
        if (all->w) room[2][l] = all->w[at];
    }
    return (loss_rows){room[0], room[1], room[2]};
}

/* w l and w dl/dp at predictions p + b, which has to become vector instructions: the rows of one register at a time. */
static inline __attribute__((always_inline)) void losses_of(cusgd_loss kind, loss_rule rule, int count, const loss_rows *all,
                                                            real b, real *value, real *derivative)
{
    rule.kind = kind;
    for (int first = 0; first < count; first += WIDTH) {
        real room[3][WIDTH], values[WIDTH], derivatives[WIDTH];
        loss_rows some = loss_rows_at(all, first, count, room);
        for (int l = 0; l < WIDTH; l++) {
            struct loss_point at = loss_at(rule, some.p[l] + b, some.y[l]);
            values[l] = some.w[l] * at.value;
            derivatives[l] = some.w[l] * at.derivative;
        }
        memcpy(value + first, values, sizeof values);
        memcpy(derivative + first, derivatives, sizeof derivatives);
    }
}

/* Likewise of a formula. */
static void formula_losses(loss_rule rule, int count, const loss_rows *all, real b, real *value, real *derivative)
{
    real at[GROUP] = {0};
    for (int r = 0; r < count; r++) at[r] = all->p[r] + b;
    FORMULA_ROWS(rule.formula, count, at, all->y, value, derivative, NULL);
    for (int r = 0; all->w && r < count; r++) {
        value[r] = all->w[r] * value[r];
        derivative[r] = all->w[r] * derivative[r];
    }
}

#define LOSSES_CASE(KIND, ...) \
    case CUSGD_LOSS_##KIND: losses_of(CUSGD_LOSS_##KIND, rule, count, all, b, value, derivative); return;

/* The loss is chosen outside the loop. value, derivative: room for a multiple of WIDTH. */
static void losses(loss_rule rule, int count, const loss_rows *all, real b, real *value, real *derivative)
{
    switch (rule.kind) {
        LOSSES(LOSSES_CASE)
    default: formula_losses(rule, count, all, b, value, derivative); return;
    }
}
#undef LOSSES_CASE

#endif
