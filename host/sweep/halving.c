/* Successive halving (Jamieson, Talwalkar 2016): after 1, h, h^2, ... epochs the best 1/h of the configurations continue. */
#include "sweep.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

int halving_is_due(const cusgd_sweep *s, int64_t epoch)
{
    if (s->halving == 0) return 0;
    while (epoch % s->halving == 0) epoch /= s->halving;
    return epoch == 1;
}

typedef struct entrant {
    double mean; /* infinite if one of its models has diverged */
    size_t configuration;
} entrant;

static int by_mean(const void *a, const void *b)
{
    const entrant *x = a, *y = b;
    if (x->mean < y->mean || x->mean > y->mean) return x->mean < y->mean ? -1 : 1;
    return x->configuration < y->configuration ? -1 : 1;
}

static int has_diverged(const cusgd_sweep *s, size_t i)
{
    for (int64_t c = 0; c < columns_each(s); c++)
        if (s->columns[(int64_t)i * columns_each(s) + c].stop == CUSGD_STOP_DIVERGED) return 1;
    return 0;
}

cusgd_status halving_compare(cusgd_sweep *s, int64_t epoch)
{
    size_t count = 0;
    entrant *entrants = allocate(s->count, sizeof *entrants);
    if (!entrants) return fail_memory(s->count * sizeof *entrants, "the configurations that go on");
    for (size_t i = 0; i < s->count; i++) {
        double unused, mean = losses_mean(s, i, &unused);
        if (s->dropped_at[i] > 0) continue;
        entrants[count++] = (entrant){has_diverged(s, i) || isnan(mean) ? (double)INFINITY : mean, i};
    }
    qsort(entrants, count, sizeof *entrants, by_mean);
    size_t remain = (count + (size_t)s->halving - 1) / (size_t)s->halving;
    for (size_t i = remain; i < count; i++) s->dropped_at[entrants[i].configuration] = epoch;
    free(entrants);
    return CUSGD_OK;
}

cusgd_status halving_drop(cusgd_sweep *s, int64_t epoch, uint8_t *gone)
{
    const backend *b = &s->trainer->backend;
    const sweep_pass *p = &s->pass;
    for (int64_t c = 0; c < p->k; c++)
        if (s->dropped_at[p->columns[c].configuration] == epoch && p->columns[c].stop != CUSGD_STOP_DIVERGED)
            p->columns[c].stop = CUSGD_STOP_DROPPED;
    for (int64_t i = 0; i < p->lives; i++) {
        const column *of = column_at(p, i);
        gone[i] = of && of->stop == CUSGD_STOP_DROPPED;
    }
    return b->ops->models.retire(b->self, gone);
}
