/* The outcomes of the configurations, and the choice of one. */
#include "sweep.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

static const column *last_column(const cusgd_sweep *s, size_t i) { return &s->columns[((int64_t)i + 1) * columns_each(s) - 1]; }

static int64_t nonzeros_of(const cusgd_sweep *s, size_t i)
{
    int64_t d = s->trainer->problem.d, count = 0;
    for (int64_t j = 0; j < d; j++) count += s->kept[(int64_t)i * (d + 1) + j] != 0;
    return count;
}

double losses_mean(const cusgd_sweep *s, size_t i, double *standard_error)
{
    int folds = s->folds > 0 ? s->folds : 1;
    const double *losses = s->losses + i * (size_t)folds;
    double mean = 0, squares = 0;
    for (int f = 0; f < folds; f++) mean += losses[f] / folds;
    for (int f = 0; f < folds; f++) squares += (losses[f] - mean) * (losses[f] - mean);
    *standard_error = folds > 1 ? sqrt(squares / (folds - 1) / folds) : (double)NAN;
    return mean;
}

/* Returns why a configuration ended: the first of these reasons that one of its models has. */
static cusgd_stop stop_of(const cusgd_sweep *s, size_t i)
{
    static const cusgd_stop order[] = {CUSGD_STOP_DIVERGED, CUSGD_STOP_DROPPED, CUSGD_STOP_EPOCHS};
    for (size_t n = 0; n < sizeof order / sizeof order[0]; n++)
        for (int64_t c = 0; c < columns_each(s); c++)
            if (last_column(s, i)[-c].stop == order[n]) return order[n];
    return CUSGD_STOP_TOLERANCE;
}

static void describe(const cusgd_sweep *s, size_t i)
{
    const problem *p = &s->trainer->problem;
    cusgd_outcome *o = &s->outcomes[i];
    const column *all = last_column(s, i);
    *o = (cusgd_outcome){.size = sizeof *o, .numbers = s->configurations[i], .stop = stop_of(s, i)};
    o->mean = losses_mean(s, i, &o->standard_error);
    for (int64_t c = 0; c < columns_each(s); c++) {
        const column *of = all - c;
        o->epochs = of->epochs > o->epochs ? of->epochs : o->epochs;
    }
    o->loss = problem_reported(p, all->loss);
    o->nonzeros = nonzeros_of(s, i);
    if (o->stop == CUSGD_STOP_DIVERGED || !isfinite(o->mean)) o->mean = o->standard_error = (double)NAN;
    if (all->stop == CUSGD_STOP_DIVERGED) o->loss = (double)NAN;
}

/* Returns the epochs after which a configuration was dropped. */
static int64_t lasted(const cusgd_outcome *o) { return o->stop == CUSGD_STOP_DROPPED ? o->epochs : INT64_MAX; }

/* Returns whether configuration a ranks before b. */
static int is_before(const cusgd_sweep *s, size_t a, size_t b)
{
    double x = s->outcomes[a].mean, y = s->outcomes[b].mean;
    if (isnan(x) || isnan(y)) return isnan(x) && isnan(y) ? a < b : isnan(y);
    if (lasted(&s->outcomes[a]) != lasted(&s->outcomes[b])) return lasted(&s->outcomes[a]) > lasted(&s->outcomes[b]);
    return x < y || (x == y && a < b);
}

static int is_simpler(const cusgd_configuration *a, const cusgd_configuration *b)
{
    return a->l1 > b->l1 || (a->l1 == b->l1 && a->l2 > b->l2);
}

/* Returns the simplest configuration within a standard error of the best. */
static size_t simplest(const cusgd_sweep *s, size_t best)
{
    size_t chosen = best;
    double limit = s->outcomes[best].mean + s->outcomes[best].standard_error;
    for (size_t i = 0; i < s->count; i++)
        if (are_rivals(s, i, best) && s->outcomes[i].stop != CUSGD_STOP_DROPPED && s->outcomes[i].mean <= limit &&
            is_simpler(&s->configurations[i], &s->configurations[chosen]))
            chosen = i;
    return chosen;
}

/* Fails because configuration i and all that it competes with have diverged. */
static cusgd_status fail_diverged(const cusgd_sweep *s, size_t i)
{
    if (has_quantiles(s))
        return fail(CUSGD_ERROR_DIVERGED, "all configurations of quantile %g have diverged; sweep over lower rates",
                    s->configurations[i].loss_number);
    if (s->count == 1) return fail(CUSGD_ERROR_DIVERGED, "the only configuration has diverged; sweep over lower rates");
    return fail(CUSGD_ERROR_DIVERGED, "all %zu configurations have diverged; sweep over lower rates", s->count);
}

cusgd_status sweep_judge(cusgd_sweep *s, cusgd_select select)
{
    int64_t outputs = 0;
    for (size_t i = 0; i < s->count; i++) describe(s, i);
    for (size_t i = 0; i < s->count; i++) {
        s->outcomes[i].rank = 1;
        for (size_t j = 0; j < s->count; j++) s->outcomes[i].rank += j != i && are_rivals(s, i, j) && is_before(s, j, i);
        if (s->outcomes[i].rank > 1) continue;
        if (isnan(s->outcomes[i].mean)) return fail_diverged(s, i);
        int64_t at = outputs++;
        for (; at > 0 && s->number[s->chosen[at - 1]] > s->number[i]; at--) s->chosen[at] = s->chosen[at - 1];
        s->chosen[at] = select == CUSGD_SELECT_ONE_SE ? simplest(s, i) : i;
    }
    return CUSGD_OK;
}
