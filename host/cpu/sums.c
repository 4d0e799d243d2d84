/* The sums of a step: chunks are added in order, shards by a fixed tree, processes by the same tree. */
#include "step.h"

double NAMED(shards_loss)(const step *t, const double *losses, int64_t stride, int first, int count)
{
    double loss = 0;
    if (count > 1) {
        int left = tree_left(count);
        return NAMED(shards_loss)(t, losses, stride, first, left) +
               NAMED(shards_loss)(t, losses, stride, first + left, count - left);
    }
    for (int64_t c = 0; c < t->each; c++) loss += losses[(first * t->each + c) * stride];
    return loss;
}

/* Parameters lo .. hi - 1. */
typedef struct range {
    int64_t lo, hi;
} range;

/* The sum of a shard's chunks, in order and in double. */
static void sum_chunks(const step *t, int shard, range at, double *sum)
{
    const cpu *self = t->self;
    const real *partial = self->sums.partial + shard * t->each * self->size;
    for (int64_t u = at.lo; u < at.hi; u++) sum[u - at.lo] = (double)partial[u];
    for (int64_t c = 1; c < t->each; c++)
        for (int64_t u = at.lo; u < at.hi; u++) sum[u - at.lo] += (double)partial[c * self->size + u];
}

/* The sum over `count` shards from the first on, in `real`: of each where its first chunk was, and then in the first of them. */
static real *sum_shards(const step *t, int first, int count, range at, double *work)
{
    real *sum = t->self->sums.partial + first * t->each * t->self->size;
    if (count == 1) {
        sum_chunks(t, first, at, work);
        for (int64_t u = at.lo; u < at.hi; u++) sum[u] = (real)work[u - at.lo];
        return sum;
    }
    int left = tree_left(count);
    sum_shards(t, first, left, at, work);
    const real *right = sum_shards(t, first + left, count - left, at, work);
    for (int64_t u = at.lo; u < at.hi; u++) sum[u] += right[u];
    return sum;
}

/* Stage two, for a span of parameters: add the chunks; then update. */
void NAMED(sum_span)(void *context, int64_t i)
{
    const step *t = context;
    cpu *self = t->self;
    double sum[SPAN], rows = (double)t->rows;
    range at = {i * SPAN, min_of((i + 1) * SPAN, self->size)};
    if (self->spec.shards == 1) {
        const step_sums *s = &self->sums;
        chunk_sums all = {s->partial + at.lo, t->each, self->size, at.hi - at.lo, t->rows, s->gradient + at.lo};
        self->rows[CUSGD_STORAGE_FULL]->mean_gradient(&all);
        return;
    }
    const real *total = self->spec.world ? self->sums.gradient : sum_shards(t, 0, self->spec.shards, at, sum);
    for (int64_t u = at.lo; u < at.hi; u++) self->sums.gradient[u] = (real)((double)total[u] / rows);
}

/* Stage one and a half, where several processes have the shards: this one's, a span of parameters at a time, */
static void sum_nodes(void *context, int64_t i)
{
    const step *t = context;
    cpu *self = t->self;
    own_nodes *nodes = &self->nodes;
    double sum[SPAN];
    range at = {i * SPAN, min_of((i + 1) * SPAN, self->size)};
    for (int a = 0; a < nodes->count; a++) sum_shards(t, nodes->node[a].first - self->order.first, nodes->node[a].count, at, sum);
}

/* and then all, whose sum lies where the gradient will. */
cusgd_status NAMED(exchange_sums)(step *t, int threads, int64_t spans)
{
    cpu *self = t->self;
    own_nodes *nodes = &self->nodes;
    pool_for(self->pool, threads, spans, sum_nodes, t);
    for (int a = 0; a < nodes->count; a++) {
        int first = nodes->node[a].first - self->order.first;
        nodes->values[a] = self->sums.partial + first * t->each * self->size;
        nodes->losses[a] = NAMED(shards_loss)(t, self->sums.losses, 1, first, nodes->node[a].count);
    }
    world_terms terms = {self->spec.shards, sizeof(real) == sizeof(float), self->size, nodes->values, nodes->losses};
    return world_sum(self->spec.world, &terms, self->sums.gradient, &t->loss);
}
