/* Shards of a run. A step processes the shares of the batch one after another, each like a batch. Their sums are stored,
 * rounded to the run's precision, and added by the tree of scalar/shards.h before the update (kernels/shards.cu). The tables of
 * all shards follow that of the batches, so that one copy uploads them all. */
#include "exchange.h"

#include <stddef.h>
#include <stdlib.h>

static size_t bytes_of(int64_t steps) { return offsetof(slice_table, row) + (size_t)steps * sizeof(step_row); }

static slice_table *table_at(const run *r, slice_table *tables, int number)
{
    return (slice_table *)(void *)((char *)tables + (size_t)number * r->shards.table_bytes);
}

/* Returns the number of steps per table. Runs with many shards have shorter tables, which together take about as much memory as
 * one. */
static int64_t table_steps(int tables)
{
    enum { LEAST = 64 }; /* steps of a graph (switches.c) */
    int64_t steps = TABLE_STEPS / tables / LEAST * LEAST;
    return steps > LEAST ? steps : LEAST;
}

static cusgd_status open_sums(cuda *c)
{
    shards *s = &c->run.shards;
    void *losses;
    TRY(cuda_allocate(c, s->own * padded(c, c->run.size), c->element, "the shards' gradients", &s->sums));
    TRY(cuda_allocate(c, s->own, sizeof(double), "the shards' losses", &losses));
    s->losses = losses;
    return CUSGD_OK;
}

cusgd_status shards_open(cuda *c)
{
    run *r = &c->run;
    shards *s = &r->shards;
    void *memory;
    const world *w = r->spec.world;
    tree_node here = w ? world_shards(w, r->spec.shards, w->rank) : (tree_node){0, r->spec.shards};
    s->each = allocate_zeroed((size_t)here.count, sizeof *s->each);
    if (!s->each) return fail_memory((size_t)here.count * sizeof *s->each, "the shards");
    s->count = r->spec.shards;
    s->first = here.first;
    s->own = here.count;
    s->most = share_of(&r->spec);
    s->table_steps = table_steps(tables_of(r));
    s->table_bytes = bytes_of(s->table_steps);
    TRY(cuda_allocate(c, tables_of(r), s->table_bytes, "a slice of steps", &memory));
    r->tables.device = memory;
    for (int h = 0; h < s->own; h++) {
        TRY(cuda_allocate(c, 2 * s->most, sizeof(int64_t), "row numbers", &memory));
        s->each[h].order = memory;
        s->each[h].table = table_at(r, r->tables.device, s->count > 1 ? h + 1 : 0);
    }
    return s->count > 1 ? open_sums(c) : CUSGD_OK;
}

void shards_close(run *r)
{
    shards *s = &r->shards;
    for (int h = 0; h < s->own; h++) {
        cuda_free(s->each[h].order);
        sparse_store_close(&s->each[h].by_columns);
    }
    exchange_close(&s->exchange);
    cuda_free(s->sums);
    cuda_free(s->losses);
    free(s->each);
    *s = (shards){0};
}

int shards_are(const run *r, const slice *s)
{
    int same = 1;
    for (int h = 0; h < r->shards.own; h++) same &= r->shards.each[h].examples == s->shares[r->shards.first + h].examples;
    return same;
}

void shards_take(run *r, const slice *s)
{
    for (int h = 0; h < r->shards.own; h++) r->shards.each[h].examples = s->shares[r->shards.first + h].examples;
}

static void write_table(slice_table *t, const sampler *order, int64_t first, int64_t count)
{
    t->order = *order;
    t->count = count;
    for (int64_t i = 0; i < count; i++) {
        batch_span span = sampler_span(order, (uint64_t)(first + i));
        t->row[i].first = span.first;
        t->row[i].count = span.count;
    }
}

size_t shards_write(const run *r, const slice *s, int64_t done, int64_t count, slice_table *to)
{
    const batch_share *shares = s->shares + r->shards.first;
    const sampler *order = shares[0].order;
    write_table(to, order, s->first + done, count);
    for (int64_t i = 0; i < count; i++) to->row[i].numbers = s->numbers[done + i];
    if (r->shards.count == 1) return bytes_of(count);
    for (int64_t i = 0; i < count; i++) to->row[i].count = sampler_rows(order, (uint64_t)(s->first + done + i));
    for (int h = 0; h < r->shards.own; h++) write_table(table_at(r, to, h + 1), shares[h].order, s->first + done, count);
    return (size_t)r->shards.own * r->shards.table_bytes + bytes_of(count);
}

static shards_task task_of(const cuda *c)
{
    const run *r = &c->run;
    shards_task t = {.precision = c->precision,
                     .table = r->tables.device,
                     .state = r->work.state,
                     .count = r->shards.own,
                     .penalized = r->penalized,
                     .size = r->size,
                     .stride = padded(c, r->size),
                     .sums = r->shards.sums,
                     .losses = r->shards.losses,
                     .gradient = r->work.gradient,
                     .sum = r->route.rows > r->work.rows ? r->work.sum : NULL,
                     .total = r->work.total};
    return t;
}

cusgd_status shards_keep(const cuda *c, int number)
{
    const run *r = &c->run;
    shards_task t = task_of(c);
    if (r->engine == CUSGD_ENGINE_FUSED)
        return fused_share(c, &r->shards.each[number], at_real(c, t.sums, number * t.stride), t.losses + number);
    return CUDA(kernel_keep_share(&t, number, c->stream));
}

cusgd_status shards_add(const cuda *c)
{
    shards_task t = task_of(c);
    nodes_task n = {
        .count = t.count, .stride = t.stride, .loss_stride = 1, .sums = t.sums, .losses = t.losses, .end = t.penalized};
    return c->run.shards.exchange.all > 0 ? exchange_add(c, &t) : CUDA(kernel_add_shards(&t, &n, c->stream));
}
