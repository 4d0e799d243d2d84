/* The losses of the columns of a pass: on the training rows of each column, and on its held-out rows. */
#include "sweep.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

/* The columns whose losses are summed, and whether each uses its own loss parameter and class weights. */
typedef struct loss_sums {
    const cusgd_sweep *sweep;
    int own;
} loss_sums;

static cusgd_status add_losses(const void *context, const problem *p, int shard, const dataset *b, double *values)
{
    (void)shard;
    const loss_sums *of = context;
    const cusgd_sweep *s = of->sweep;
    size_t lives = (size_t)s->pass.lives;
    int *target_of = allocate_zeroed(lives, sizeof *target_of);
    double *numbers = allocate(3 * lives, sizeof *numbers), *number = numbers, *weight = number + lives;
    cusgd_status status =
        target_of && numbers ? CUSGD_OK : fail_memory(lives * (sizeof *target_of + 3 * sizeof *numbers), "the models' targets");
    for (size_t i = 0; i < lives && !status; i++) {
        const column *c = column_at(&s->pass, (int64_t)i);
        weight[i] = weight[lives + i] = number[i] = 0;
        if (!c) continue;
        number[i] = s->number ? s->number[c->configuration] : 0;
        for (size_t y = 0; y < 2; y++) weight[y * lives + i] = c->class_weight[y];
    }
    models m = {.target_of = target_of,
                .number = of->own && s->number ? number : NULL,
                .class_weight = of->own && s->weighs ? weight : NULL};
    if (!status)
        status = p->backend->ops->models.fold_losses(p->backend->self, b, p->loss, s->pass.lives, &m, s->pass.gathered, values);
    free(target_of);
    free(numbers);
    return status;
}

/* Computes the sums of the pass, folds x lives. */
static cusgd_status sum_losses(cusgd_sweep *s, example_set *rows, int folds, int own)
{
    const loss_sums of = {s, own};
    sweep_pass *p = &s->pass;
    for (int64_t j = 0; j <= s->trainer->problem.d; j++)
        for (int64_t i = 0; i < p->lives; i++)
            p->gathered[j * p->lives + i] = p->live[i] < 0 ? 0 : p->theta[j * p->k + p->live[i]];
    return shards_pass(&s->trainer->problem, rows, add_losses, &of, 0, (size_t)(folds * p->lives), p->sums);
}

/* Returns whether columns are compared by their own losses. Losses with different deltas or class weights cannot be compared;
 * those with the parameters of the options are used instead. */
static int judges_by_own(const cusgd_sweep *s) { return (!s->number || has_quantiles(s)) && !s->weighs; }

/* Sets the held-out losses of the columns from the sums of the pass. */
static void take_held_out(cusgd_sweep *s)
{
    const problem *p = &s->trainer->problem;
    const sweep_pass *now = &s->pass;
    for (int64_t i = 0; i < now->lives; i++) {
        const column *of = column_at(now, i);
        if (!of || of->fold < 0) continue;
        double sum = now->sums[of->fold * now->lives + i], rows = (double)p->train.rows.n * (1 - of->share);
        s->losses[of->configuration * (size_t)s->folds + (size_t)of->fold] = problem_reported(p, sum / rows);
    }
}

cusgd_status sweep_evaluate(cusgd_sweep *s)
{
    problem *p = &s->trainer->problem;
    const sweep_pass *now = &s->pass;
    int folds = s->folds > 0 ? s->folds : 1;
    double n = (double)p->train.rows.n;
    cusgd_status status = sum_losses(s, &p->train, folds, 1);
    for (int64_t i = 0; i < now->lives && !status; i++) {
        column *of = column_at(now, i);
        double sum = 0;
        for (int f = 0; f < folds; f++)
            if (of && f != of->fold) sum += now->sums[f * now->lives + i];
        if (of) of->loss = sum / (n * of->divisor);
    }
    if (!status && s->folds > 0 && !judges_by_own(s)) status = sum_losses(s, &p->train, folds, 0);
    if (!status && s->folds > 0) take_held_out(s);
    return status;
}

cusgd_status sweep_validate(cusgd_sweep *s)
{
    problem *p = &s->trainer->problem;
    const sweep_pass *now = &s->pass;
    if (p->valid.rows.n == 0) { /* nothing is chosen from, and the training losses stand for the missing ones */
        for (int64_t i = 0; i < now->lives; i++) {
            const column *of = column_at(now, i);
            if (of) s->losses[of->configuration] = problem_reported(p, of->loss);
        }
        return CUSGD_OK;
    }
    cusgd_status status = sum_losses(s, &p->valid, 1, judges_by_own(s));
    for (int64_t i = 0; i < now->lives && !status; i++) {
        const column *of = column_at(now, i);
        if (of) s->losses[of->configuration] = problem_reported(p, now->sums[i] / (double)p->valid.rows.n);
    }
    return status;
}

double sweep_penalties(const cusgd_sweep *s, int64_t c)
{
    const problem *p = &s->trainer->problem;
    const sweep_pass *now = &s->pass;
    double l1 = 0, l2 = 0;
    for (int64_t j = 0; j < p->d; j++) {
        int64_t u = j * now->k + c;
        l1 += now->limit[LIMIT_L1][u] * fabs(now->theta[u]);
        l2 += now->limit[LIMIT_L2][u] * now->theta[u] * now->theta[u];
    }
    return p->l1 * l1 + p->l2 / 2 * l2;
}
