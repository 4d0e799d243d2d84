/* The losses of a pass's columns: each on its training rows, and on those that were held out of it. */
#include "sweep.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

static cusgd_status add_losses(const void *context, const problem *p, const dataset *b, double *values)
{
    const cusgd_sweep *s = context;
    size_t lives = (size_t)s->pass.lives;
    int *target_of = allocate_zeroed(lives, sizeof *target_of);
    if (!target_of) return fail_memory(lives * sizeof *target_of, "the models' targets");
    models m = {.target_of = target_of};
    cusgd_status status =
        p->backend->ops->models.fold_losses(p->backend->self, b, p->loss, s->pass.lives, &m, s->pass.gathered, values);
    free(target_of);
    return status;
}

/* Fills the pass's sums, folds x lives. */
static cusgd_status sum_losses(cusgd_sweep *s, example_set *rows, int folds)
{
    sweep_pass *p = &s->pass;
    for (int64_t j = 0; j <= s->trainer->problem.d; j++)
        for (int64_t i = 0; i < p->lives; i++) p->gathered[j * p->lives + i] = p->theta[j * p->k + p->live[i]];
    return shards_pass(&s->trainer->problem, rows, add_losses, s, 0, (size_t)(folds * p->lives), p->sums);
}

cusgd_status sweep_evaluate(cusgd_sweep *s)
{
    problem *p = &s->trainer->problem;
    const sweep_pass *now = &s->pass;
    int folds = s->folds > 0 ? s->folds : 1;
    double n = (double)p->train.rows.n;
    cusgd_status status = sum_losses(s, &p->train, folds);
    for (int64_t i = 0; i < now->lives && !status; i++) {
        column *of = &now->columns[now->live[i]];
        double sum = 0;
        for (int f = 0; f < folds; f++)
            if (f != of->fold) sum += now->sums[f * now->lives + i];
        of->loss = sum / (n * of->share);
        if (of->fold >= 0)
            s->losses[of->configuration * (size_t)s->folds + (size_t)of->fold] =
                problem_reported(p, now->sums[of->fold * now->lives + i] / (n * (1 - of->share)));
    }
    return status;
}

cusgd_status sweep_validate(cusgd_sweep *s)
{
    problem *p = &s->trainer->problem;
    const sweep_pass *now = &s->pass;
    cusgd_status status = sum_losses(s, &p->valid, 1);
    for (int64_t i = 0; i < now->lives && !status; i++)
        s->losses[now->columns[now->live[i]].configuration] = problem_reported(p, now->sums[i] / (double)p->valid.rows.n);
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
