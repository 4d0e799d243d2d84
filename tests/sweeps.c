#include "sweeps.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sweep_rows_make(rows_made *t)
{
    double sorted[N];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++)
            t->x[i * D + j] = (double)((i * i * (3 + 2 * j) + 17 * i * (j + 1) + 5 * j) % 101) / 8 * (1 + j) + j;
        t->y[i] = t->x[i * D] - t->x[i * D + 1] / 2 + t->x[i * D + 2] / 4 + (double)(i * 37 % 29 - 14) / 4;
        t->w[i] = 1 + (double)(i * 5 % 7) / 4;
        t->fold[i] = (uint8_t)(i * 3 / 2 % FOLDS);
    }
    for (int i = 0; i < N; i++) t->thirds[i] = i % 3;
    memcpy(sorted, t->y, sizeof sorted);
    qsort(sorted, N, sizeof *sorted, by_value);
    for (int i = 0; i < N; i++) {
        t->classes[i] = t->y[i] > (sorted[N / 2 - 1] + sorted[N / 2]) / 2;
        if (i * 7 % 11 == 0) t->classes[i] = 1 - t->classes[i];
    }
}

cusgd_sweep_plan sweep_plan_of(const rows_made *t, const cusgd_configuration *configurations, size_t count)
{
    cusgd_sweep_plan plan = CUSGD_INIT(cusgd_sweep_plan);
    plan.configurations = configurations;
    plan.count = count;
    plan.folds = FOLDS;
    plan.fold = t->fold;
    return plan;
}

cusgd_sweep *sweep_of(const cusgd_options *o, const cusgd_data *data, const cusgd_sweep_plan *plan)
{
    cusgd_sweep *sweep;
    cusgd_status status = cusgd_sweep_create(o, data, NULL, plan, &sweep);
    cr_assert_eq(status, CUSGD_OK, "%s", cusgd_last_error());
    return sweep;
}

cusgd_options sweep_options(void)
{
    cusgd_options o = options_default();
    o.optimizer = CUSGD_OPTIMIZER_MOMENTUM;
    o.batch = 16;
    o.epochs = 12;
    return o;
}

void check_same_outcome(const cusgd_sweep *a, size_t i, const cusgd_sweep *b, size_t j)
{
    cusgd_outcome x = CUSGD_INIT(cusgd_outcome), y = CUSGD_INIT(cusgd_outcome);
    cr_assert(cusgd_sweep_outcome(a, i, &x) && cusgd_sweep_outcome(b, j, &y));
    cr_assert_arr_eq(cusgd_sweep_losses(a, i), cusgd_sweep_losses(b, j), FOLDS * sizeof(double));
    cr_assert_eq(x.loss, y.loss);
    cr_assert_eq(x.epochs, y.epochs);
    cr_assert_eq(x.nonzeros, y.nonzeros);
}

cusgd_outcome sweep_outcome_of(const cusgd_sweep *s, size_t i)
{
    cusgd_outcome o = CUSGD_INIT(cusgd_outcome);
    cr_assert(cusgd_sweep_outcome(s, i, &o));
    return o;
}
