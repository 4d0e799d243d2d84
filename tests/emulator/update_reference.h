/* A step of all parameters on the CPU, written as plainly as can be: what the kernels of update.cu must give, bit for bit.
 * Included by sources in which `real` is a type. */
#include "kernels.h"
#include "scalar/clip.h"
#include "scalar/update.h"

#include <stdlib.h>

/* The task's pointers are host memory here. Sums over `table`'s row `step` of the batch's gradient stand in t->gradient or
 * t->sum, and in t->total. */
static void reference_step(const update_task *t, int64_t step)
{
    const step_row *row = t->table->row + step;
    struct update_rule rule = {t->optimizer,     t->average,  (real)t->beta1, (real)t->beta2, (real)t->rho,
                               (real)t->epsilon, (real)t->l1, (real)t->l2,    (real)t->decay};
    struct update_step now = update_step_from(&row->numbers), next = now;
    int64_t trained = t->intercept ? t->size : t->penalized;
    double *g = malloc(sizeof *g * (size_t)t->size);
    if (step + 1 < t->table->count) next = update_step_from(&row[1].numbers);
    for (int64_t u = 0; u < t->size; u++) {
        double sum = u >= t->penalized ? t->total[u - t->penalized] : t->sum ? t->sum[u] : (double)((const real *)t->gradient)[u];
        g[u] = (double)(real)(sum / (double)row->count);
    }
    real scale = t->clip_norm > 0 ? (real)clip_scale(t->clip_norm, clip_squares(g, trained)) : 1;
    for (int64_t u = 0; u < trained; u++) {
        real *theta = t->theta, *slot1 = t->slot1, *slot2 = t->slot2, *slot3 = t->slot3, *means = t->means, *point = t->point;
        const real *rate_factor = t->rate_factor, *l1 = t->l1_factor, *l2 = t->l2_factor, *lower = t->lower, *upper = t->upper;
        struct own_rule own = {rate_factor ? rate_factor[u] : 1, 1, 1, 0, 0};
        if (lower) own = (struct own_rule){own.rate_factor, l1[u], l2[u], lower[u], upper[u]};
        struct parameter q = {theta[u], slot1 ? slot1[u] : 0, slot2 ? slot2[u] : 0, slot3 ? slot3[u] : 0, means ? means[u] : 0};
        update_parameter(rule, now, own, lower != NULL, u < t->penalized, point ? point[u] : theta[u],
                         clip_value((real)t->clip_value, scale, (real)g[u]), &q);
        theta[u] = q.theta;
        if (slot1) slot1[u] = q.slot1;
        if (slot2) slot2[u] = q.slot2;
        if (slot3) slot3[u] = q.slot3;
        if (means) means[u] = q.average;
        if (point) point[u] = gradient_point(rule, next, q.theta, q.slot1);
    }
    free(g);
}
