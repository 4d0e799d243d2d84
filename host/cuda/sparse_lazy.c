/* Lazy updates of sparse columns (scalar/lazy.h). A step has the following launches, none of which processes parameters that
 * the batch does not use:
 *
 *     order --> catch up -> rows (theta x) -> loss -> columns (x^T derivatives, and their steps) ->
 *                              \-> order of the next step -----------------------------------/
 *
 * Catching up is omitted if absent columns miss nothing, which is the case without penalties, averages and bounds. All columns
 * are up to date at the end of a table, so that no other code depends on lazy updates. */
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

/* Returns whether columns that do not occur in a batch miss an update. */
static int misses(const run *r)
{
    return r->spec.average || r->spec.constants.l1 > 0 || r->spec.constants.l2 > 0 || r->limit[LIMIT_LOWER];
}

cusgd_status lazy_open(cuda *c)
{
    run *r = &c->run;
    size_t entries = (size_t)r->shards.table_steps + 1;
    if (!r->spec.lazy || !misses(r)) return CUSGD_OK;
    r->shards.lazy.table = allocate(entries, sizeof *r->shards.lazy.table);
    if (!r->shards.lazy.table) return fail_memory(entries * sizeof *r->shards.lazy.table, "a slice of lazy steps");
    TRY(cuda_allocate(c, (int64_t)entries, sizeof *r->shards.lazy.table, "a slice of lazy steps", &r->shards.lazy.since));
    return cuda_allocate(c, r->spec.d, sizeof(int32_t), "the columns' latest steps", &r->shards.lazy.last);
}

void lazy_close(run *r)
{
    free(r->shards.lazy.table);
    cuda_free(r->shards.lazy.since);
    cuda_free(r->shards.lazy.last);
    r->shards.lazy = (lazy_run){0};
}

cusgd_status lazy_begin(cuda *c, const slice *s, int64_t done, int64_t count)
{
    run *r = &c->run;
    lazy_run *l = &r->shards.lazy;
    int before = l->lazy, single = c->precision == CUSGD_PRECISION_FLOAT;
    l->lazy = r->spec.lazy;
    if (l->table)
        l->lazy = catch_up_fill(r->spec.optimizer, r->spec.constants.l1, r->spec.constants.l2, single, s->numbers + done, count,
                                l->table);
    if (l->lazy != before) { /* because the launches differ */
        graph_drop(r);
        r->captured.warm = 0;
    }
    if (!l->lazy || !l->table) return CUSGD_OK;
    TRY(CUDA(cudaMemsetAsync(l->last, 0, sizeof(int32_t) * (size_t)r->spec.d, c->stream)));
    return upload_bytes(c, l->table, ((size_t)count + 1) * sizeof *l->table, l->since);
}

static lazy_task task_of(const cuda *c, const shard *s)
{
    lazy_task t = {.update = update_of(c),
                   .since = c->run.shards.lazy.since,
                   .last = c->run.shards.lazy.last,
                   .sum = sparse_columns_of(c, s)};
    return t;
}

cusgd_status lazy_catch_up(const cuda *c, const shard *s)
{
    lazy_task t = task_of(c, s);
    return c->run.shards.lazy.table ? CUDA(kernel_catch_up(&t, c->stream)) : CUSGD_OK;
}

cusgd_status lazy_step(const cuda *c, const shard *s)
{
    lazy_task t = task_of(c, s);
    return CUDA(kernel_lazy_step(&t, c->stream));
}

cusgd_status lazy_end(const cuda *c)
{
    const lazy_run *l = &c->run.shards.lazy;
    if (!l->lazy || !l->table) return CUSGD_OK;
    lazy_task t = task_of(c, &c->run.shards.each[0]);
    return CUDA(kernel_catch_up_all(&t, c->stream));
}
