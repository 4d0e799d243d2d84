/* Losses of rows of one output, a register of them at a time. */
#ifndef CUSGD_HOST_CPU_LOSS_ROWS_H
#define CUSGD_HOST_CPU_LOSS_ROWS_H

enum { LOSS_LANES = WIDTH < 4 ? 4 : WIDTH };
static const real ones[LANES] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* Predictions, targets and weights of rows; w: NULL: all 1. */
typedef struct loss_rows {
    const real *p, *y, *w;
} loss_rows;

/* Returns the rows from `first` on. */
static inline loss_rows loss_rows_from(const loss_rows *all, int first)
{
    return (loss_rows){all->p + first, all->y + first, all->w ? all->w + first : ones};
}

/* Returns four rows, which are padded in `room` if fewer are left. */
static inline loss_rows loss_rows_last(const loss_rows *all, int first, int count, real (*room)[4])
{
    loss_rows some = loss_rows_from(all, first);
    if (first + 4 <= count) return some;
    for (int l = 0; l < 4; l++) {
        int at = first + l < count ? l : 0;
        room[0][l] = some.p[at];
        room[1][l] = some.y[at];
        room[2][l] = some.w[at];
    }
    return (loss_rows){room[0], room[1], room[2]};
}

/* Computes w l and w dl/dp at predictions p + b. The loop must be vectorized. */
static inline __attribute__((always_inline)) void losses_in_lanes(int width, loss_rule rule, loss_rows some, real b, real *value,
                                                                  real *derivative)
{
    real values[LOSS_LANES], derivatives[LOSS_LANES];
    for (int l = 0; l < width; l++) {
        struct loss_point at = loss_at(rule, some.p[l] + b, some.y[l]);
        values[l] = some.w[l] * at.value;
        derivatives[l] = some.w[l] * at.derivative;
    }
    memcpy(value, values, (size_t)width * sizeof *value);
    memcpy(derivative, derivatives, (size_t)width * sizeof *derivative);
}

static inline __attribute__((always_inline)) void losses_of(cusgd_loss kind, loss_rule rule, int count, const loss_rows *all,
                                                            real b, real *value, real *derivative)
{
    int first = 0;
    real room[3][4];
    rule.kind = kind;
    for (; first + LOSS_LANES <= count; first += LOSS_LANES)
        losses_in_lanes(LOSS_LANES, rule, loss_rows_from(all, first), b, value + first, derivative + first);
    for (; first < count; first += 4)
        losses_in_lanes(4, rule, loss_rows_last(all, first, count, room), b, value + first, derivative + first);
}

/* Computes the same for a formula. */
static void formula_losses(loss_rule rule, int count, const loss_rows *all, real b, real *value, real *derivative)
{
    _Alignas(64) real at[GROUP] = {0}; /* as a register that crosses lines of the cache takes twice as long */
    for (int r = 0; r < count; r++) at[r] = all->p[r] + b;
    FORMULA_ROWS(rule.formula, count, at, all->y, value, derivative, NULL);
    for (int r = 0; all->w && r < count; r++) {
        value[r] = all->w[r] * value[r];
        derivative[r] = all->w[r] * derivative[r];
    }
}

#define LOSSES_CASE(KIND, ...) \
    case CUSGD_LOSS_##KIND: losses_of(CUSGD_LOSS_##KIND, rule, count, all, b, value, derivative); return;

/* Computes the losses of rows; the loss is selected outside the loop. value, derivative: room for a multiple of four. */
static void losses(loss_rule rule, int count, const loss_rows *all, real b, real *value, real *derivative)
{
    switch (rule.kind) {
        LOSSES(LOSSES_CASE)
    default: formula_losses(rule, count, all, b, value, derivative); return;
    }
}
#undef LOSSES_CASE

#endif
