/* Steps and passes over sparse rows. A step of the engine `cublas` has the following launches and does not call cuBLAS:
 *
 *     order --> rows (theta x, and zeros to the gradient) -> loss -> columns (x^T derivatives) -> update ->
 *                 \-> order of the next step -------------------------------------------------/
 *
 * sparse_lazy.c describes lazy steps. The columns are those of the batch, which is stored by columns beforehand
 * (sparse_batches.c). */
#include "sparse.h"
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

static sparse_rows_task rows_task(const cuda *c, const dataset *b, const void *theta, void *p)
{
    const sparse_rows *x = b->sparse;
    return (sparse_rows_task){
        .precision = c->precision, .x = {x->start, x->column, x->value}, .lanes = x->lanes, .k = b->k, .theta = theta, .p = p};
}

static sparse_columns_task columns_task(const cuda *c, const dataset *b, const sparse_store *store, const void *p)
{
    return (sparse_columns_task){.precision = c->precision,
                                 .of = {store->each, store->column, store->place, b->sparse->value ? store->value : NULL},
                                 .k = b->k,
                                 .p = p,
                                 .blocks = store->blocks};
}

/* ---- Steps ---- */

static int is_whole(const slice *s) { return s->shares[0].order->sampling == CUSGD_SAMPLING_BATCHES; }

int64_t sparse_steps_at_once(const cuda *c, const slice *s)
{
    const int64_t VALUES = 1 << 24;
    const dataset *b = c->run.shards.each[0].examples;
    double each = (double)c->run.route.rows * (double)b->sparse->stored / (double)b->n + 1;
    int64_t steps = (int64_t)((double)VALUES / each);
    return is_whole(s) ? c->run.shards.table_steps : steps < 1 ? 1 : steps;
}

/* Returns the share of a local shard. number: its index among the local shards. */
static const batch_share *share_at(const cuda *c, const slice *s, int number) { return &s->shares[c->run.shards.first + number]; }

/* Uploads the number of the store's batch for each step. */
static cusgd_status number_steps(cuda *c, const slice *s, int number, int64_t done, int64_t count)
{
    const sampler *order = share_at(c, s, number)->order;
    sparse_store *store = &c->run.shards.each[number].by_columns;
    size_t bytes = (size_t)count * sizeof(int64_t);
    int64_t *numbers = allocate((size_t)count, sizeof *numbers);
    if (!numbers) return fail_memory(bytes, "the steps' batches");
    for (int64_t i = 0; i < count; i++)
        numbers[i] = is_whole(s) ? (int64_t)sampler_batch(order, (uint64_t)(s->first + done + i)) : i;
    cusgd_status status = CUSGD_OK;
    if (!store->numbers)
        status = cuda_allocate(c, c->run.shards.table_steps, sizeof(int64_t), "the steps' batches", &store->numbers);
    if (!status) status = upload_bytes(c, numbers, bytes, store->numbers);
    free(numbers);
    return status;
}

/* Prepares a shard's shares of the batches of these steps. */
static cusgd_status prepare_shard(cuda *c, const slice *s, int number, int64_t done, int64_t count)
{
    run *r = &c->run;
    sparse_store *store = &r->shards.each[number].by_columns;
    const sampler *order = share_at(c, s, number)->order;
    const dataset *b = share_at(c, s, number)->examples;
    batch_list list = {.order = order, .first = s->first + done, .whole = is_whole(s), .count = count, .most = r->shards.most};
    unsigned blocks = store->blocks;
    int moved;
    TRY(number_steps(c, s, number, done, count));
    if (list.whole) list.count = (int64_t)order->batches;
    if (list.whole && store->of == b && store->batches == list.count &&
        memcmp(&store->order, &order->order, sizeof order->order) == 0)
        return CUSGD_OK;
    TRY(sparse_store_fill(c, b, &list, store, &moved));
    if (moved || store->blocks != blocks) graph_drop(r);
    if (list.whole) store->of = b;
    store->order = order->order;
    store->batches = list.count;
    return CUSGD_OK;
}

cusgd_status sparse_prepare(cuda *c, const slice *s, int64_t done, int64_t count)
{
    for (int h = 0; h < c->run.shards.own; h++) TRY(prepare_shard(c, s, h, done, count));
    return lazy_begin(c, s, done, count);
}

cusgd_status sparse_step_rows(const cuda *c, const shard *s)
{
    const run *r = &c->run;
    sparse_rows_task t = rows_task(c, s->examples, gradient_at(r), r->work.p);
    t.table = s->table;
    t.state = r->work.state;
    t.order = r->route.contiguous ? NULL : s->order;
    t.batch = r->shards.most;
    t.rows = r->route.rows;
    t.gradient = r->work.gradient;
    t.cleared = r->shards.lazy.lazy ? 0 : r->penalized;
    t.begins = s == r->shards.each;
    return CUDA(kernel_sparse_rows(&t, c->stream));
}

sparse_columns_task sparse_columns_of(const cuda *c, const shard *s)
{
    const run *r = &c->run;
    sparse_columns_task t = columns_task(c, s->examples, &s->by_columns, r->work.p);
    t.numbers = s->by_columns.numbers;
    t.counts = r->shards.count == 1;
    t.state = r->work.state;
    return t;
}

cusgd_status sparse_step_columns(const cuda *c, const shard *s)
{
    sparse_columns_task t = sparse_columns_of(c, s);
    t.gradient = c->run.work.gradient;
    return CUDA(kernel_sparse_columns(&t, c->stream));
}

/* ---- Passes ---- */

cusgd_status sparse_pass_rows(const cuda *c, const dataset *b, int64_t first, int64_t rows)
{
    sparse_rows_task t = rows_task(c, b, c->pass.theta, c->pass.work.p);
    t.first = first;
    t.rows = rows;
    return CUDA(kernel_sparse_rows(&t, c->stream));
}

cusgd_status sparse_pass_begin(cuda *c, const dataset *b)
{
    sparse_rows *x = b->sparse;
    int moved;
    batch_list list = {.each = x->piece, .rows = b->n, .count = (b->n + x->piece - 1) / x->piece, .most = x->piece};
    if (!x->by_columns.of) TRY(sparse_store_fill(c, b, &list, &x->by_columns, &moved));
    x->by_columns.of = b;
    return CUDA(cudaMemsetAsync(c->pass.work.sum, 0, sizeof(double) * (size_t)(b->d * b->k), c->stream));
}

cusgd_status sparse_pass_columns(const cuda *c, const dataset *b, int64_t piece)
{
    sparse_columns_task t = columns_task(c, b, &b->sparse->by_columns, c->pass.work.p);
    t.number = piece;
    t.sum = c->pass.work.sum;
    return CUDA(kernel_sparse_columns(&t, c->stream));
}
