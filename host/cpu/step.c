/* Minibatch steps on the CPU: the reference for every device. A step is
 *
 *     g = (1/B) sum over the batch's rows of w l'(x theta + b, y) (x, 1), at the optimizer's gradient point
 *     theta, state = update(theta, state, g)
 *
 * Each shard's share of the batch is cut into chunks of chunk_rows(B / shards, d) rows. Stage one adds up each chunk's rows;
 * stage two adds a shard's chunks in order and the shards by a fixed tree, and updates the parameters, span by span. Threads draw
 * chunks and spans, so their number cannot change a bit. */
#include "step.h"

#include "models.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* The rows of a shard's share of batch i. */
static int64_t *order_of(const cpu *self, int shard, int64_t i)
{
    return self->order.rows + (i % BATCHES_KNOWN * self->order.shards + shard) * self->order.share;
}

static const batch_share *share_of(const cpu *self, const slice *s, int shard) { return &s->shares[self->order.first + shard]; }

static batch_span span_of(const cpu *self, const slice *s, int shard, int64_t i)
{
    batch_span none = {0, 0};
    return i < s->count ? sampler_span(share_of(self, s, shard)->order, (uint64_t)(s->first + i)) : none;
}

static step first_step(cpu *self, const slice *s)
{
    step t = {.self = self,
              .slice = s,
              .i = -1,
              .shards = self->order.spans,
              .contiguous = sampling_is_contiguous(s->shares[0].order->sampling)};
    for (int h = 0; h < self->order.shards; h++)
        for (int l = 1; l < BATCHES_KNOWN; l++) t.shards[h].batch[l] = span_of(self, s, h, l - 1);
    return t;
}

static void next_step(step *t)
{
    const slice *s = t->slice;
    int64_t i = ++t->i, longest = 0;
    for (int h = 0; h < t->self->order.shards; h++) {
        batch_span *batch = t->shards[h].batch;
        for (int l = 1; l < BATCHES_KNOWN; l++) batch[l - 1] = batch[l];
        batch[BATCHES_KNOWN - 1] = span_of(t->self, s, h, i + BATCHES_KNOWN - 1);
        longest = max_of(longest, batch[0].count);
    }
    int several = t->self->spec.shards > 1; /* one share is the batch, known without more divisions */
    t->rows = several ? sampler_rows(s->shares[0].order, (uint64_t)(s->first + i)) : longest;
    t->numbers = update_step_from(s->numbers + i);
    t->next = i + 1 < s->count ? update_step_from(s->numbers + i + 1) : t->numbers;
    t->each = max_of(1, chunk_count(longest, t->self->chunk)); /* of a batch that gives no row to this process, zeros */
    if (t->self->spec.sparse) t->each = 1;                     /* a share's sum is made at once */
    t->chunks = t->each * t->self->order.shards;
}

/* Chunk c's part of the rows of its shard's share of the last batch known: the last chunk finds those beyond this step's. */
static void find_later(const step *t, int shard, int64_t c)
{
    const cpu *self = t->self;
    const sampler *epoch = share_of(self, t->slice, shard)->order;
    batch_span later = t->shards[shard].batch[BATCHES_KNOWN - 1];
    int64_t start = min_of(c * self->chunk, later.count);
    int64_t end = c + 1 < t->each ? min_of(start + self->chunk, later.count) : later.count;
    int64_t *order = order_of(self, shard, t->i + BATCHES_KNOWN - 1);
    if (start < end)
        self->rows[CUSGD_STORAGE_FULL]->order(epoch, self->order.tables + shard * SAMPLING_SPAN, later.first + start, end - start,
                                              order + start);
}

/* Where the thread whose chunk is `at`, number c of its shard, goes on: the chunk behind it, or its first one of the next batch;
 * nothing where that is another shard's. */
static batch_span after_chunk(const step *t, int shard, int64_t c, int64_t at)
{
    int64_t chunk = t->self->chunk, next = at + 1;
    int owner = pool_owner(t->chunks, t->team, at);
    batch_span in = t->shards[shard].batch[0];
    if (next == pool_range(t->chunks, t->team, owner + 1)) {
        in = t->shards[shard].batch[1];
        next = pool_range(t->chunks, t->team, owner);
    }
    int64_t start = (next - shard * t->each) * chunk;
    if (next < shard * t->each || next >= (shard + 1) * t->each) return (batch_span){(c + 1) * chunk, 0};
    return (batch_span){start, max_of(0, in.count - start)};
}

/* Stage one, for chunk `at` of all shards' chunks. */
static void add_rows(void *context, int64_t at)
{
    const step *t = context;
    cpu *self = t->self;
    int shard = (int)(at / t->each);
    const batch_span *batch = t->shards[shard].batch;
    int64_t c = at - shard * t->each, start = min_of(c * self->chunk, batch[0].count);
    int64_t rows = min_of(self->chunk, batch[0].count - start);
    batch_span after = after_chunk(t, shard, c, at);
    int later = after.first < start + rows; /* in the next batch */
    const dataset *rows_of = share_of(self, t->slice, shard)->examples;
    rows_task task = NAMED(task_of)(rows_of, self->spec.loss, self->point, self->sums.partial + at * self->size);
    if (self->models.width > 0) NAMED(models_task)(self, rows_of, at, &task);
    memset(task.gradient, 0, sizeof(real) * (size_t)self->size);
    if (self->scratch) task.scratch = self->scratch + pool_thread() * softmax_scratch(task.k);
    self->sums.losses[at] = 0;
    if (t->contiguous) {
        rows_range range = {batch[0].first + start, rows, batch[later].first + after.first, after.count};
        if (rows > 0) self->sums.losses[at] = rows_for(self, &task)->gradient(&task, range);
        return;
    }
    const int64_t *next = order_of(self, shard, t->i + later) + after.first;
    rows_list list = {order_of(self, shard, t->i) + start, next, rows, after.count};
    if (rows > 0) self->sums.losses[at] = rows_for(self, &task)->gradient_listed(&task, &list);
    find_later(t, shard, c);
}

/* The losses of models that diverge may have a sum beyond all numbers before any of them is; that is no failure of the others. */
static double within_double(double sum) { return fmax(fmin(sum, DBL_MAX), -DBL_MAX); }

/* Of models: the sum over those that go on; one whose loss is not finite ends. NaN: none goes on. */
static double models_loss(cpu *self, const step *t)
{
    models_state *m = &self->models;
    double total = (double)NAN;
    for (int64_t c = 0; c < self->spec.k; c++) {
        if (!m->alive[c]) continue;
        double loss = NAMED(shards_loss)(t, m->chunk_losses + c, m->width, 0, self->spec.shards);
        if (!isfinite(loss)) {
            m->alive[c] = 0;
            m->ended[c] = 1;
            continue;
        }
        m->losses[c] += loss;
        total = isnan(total) ? loss : within_double(total + loss);
    }
    return total;
}

static void update_span(void *context, int64_t i)
{
    NAMED(sum_span)(context, i);
    NAMED(apply_span)(context, i);
}

/* After stage one: counts the step, or declares the run failed. */
static void account(cpu *self, const step *t)
{
    double loss = self->models.width > 0 ? models_loss(self, t)
                  : self->spec.world     ? t->loss
                                         : NAMED(shards_loss)(t, self->sums.losses, 1, 0, self->spec.shards);
    if (!isfinite(loss)) {
        self->report.failed = 1;
        return;
    }
    self->report.loss += loss;
    self->report.rows += t->rows;
    self->report.done++;
}

/* A shard's rows of the slice's first steps; the table changes with the epoch. */
static void begin_order(cpu *self, const slice *s, int shard)
{
    const sampler *order = share_of(self, s, shard)->order;
    const rows_functions *rows = self->rows[CUSGD_STORAGE_FULL];
    permutation *of = &self->order.spans[shard].table_of;
    int64_t *table = self->order.tables + shard * SAMPLING_SPAN;
    if (order->sampling == CUSGD_SAMPLING_BLOCKS && memcmp(of, &order->window, sizeof *of) != 0) {
        rows->order_table(order, table);
        memcpy(of, &order->window, sizeof *of);
    }
    for (int64_t i = 0; i < BATCHES_KNOWN - 1 && i < s->count && !sampling_is_contiguous(order->sampling); i++) {
        batch_span at = span_of(self, s, shard, i);
        rows->order(order, table, at.first, at.count, order_of(self, shard, i));
    }
}

/* Intercepts, and of a dense update all parameters. */
static void update_sparse(cpu *self, step *t)
{
    const layout *l = &self->layout;
    int64_t spans = (self->size + SPAN - 1) / SPAN;
    if (!self->sparse.lazy) {
        if (self->spec.clip.norm > 0 || self->spec.clip.value > 0) NAMED(clip_gradient)(self);
        pool_for(self->pool, threads_for(self->threads, self->size * (int64_t)sizeof(real), THREAD_BYTES), spans,
                 NAMED(apply_span), t);
        return;
    }
    for (int64_t start = 0; start < self->size && self->spec.intercept; start += l->ld) {
        int64_t intercept = start + l->ld - LANES;
        NAMED(update_range)(self, t, intercept, intercept + l->intercepts, 0);
    }
}

/* Losses of the shards' shares and, of several, their gradients, and what other processes have of both. */
static cusgd_status sparse_gradient(cpu *self, step *t)
{
    int64_t spans = (self->size + SPAN - 1) / SPAN;
    for (int h = 0; h < self->order.shards; h++) {
        self->sums.losses[h] = NAMED(sparse_rows)(t, h);
        if (self->spec.shards > 1) NAMED(sparse_columns)(t, h, 1, self->sums.partial + h * self->size);
    }
    if (!self->spec.world) return CUSGD_OK;
    return NAMED(exchange_sums)(t, threads_for(self->threads, self->size * (int64_t)sizeof(real), THREAD_BYTES), spans);
}

/* Where the slice's first gradient is taken; lazy updates of columns have theta itself. */
static void look_ahead(cpu *self, const slice *s)
{
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    const layout *l = &self->layout;
    const real *theta = v->at[STATE_THETA], *slot1 = v->at[STATE_SLOT1];
    struct update_step first = update_step_from(s->numbers);
    int64_t skipped = self->spec.sparse && self->sparse.lazy ? l->ld - LANES : 0; /* of a block: all but the intercepts */
    for (int64_t start = 0; start < self->size; start += l->ld)
        for (int64_t u = start + skipped; u < start + l->ld; u++)
            self->point[u] = gradient_point(self->rule, first, theta[u], slot1 ? slot1[u] : 0);
}

static cusgd_status sparse_steps(cpu *self, const slice *s)
{
    cusgd_status status = NAMED(sparse_begin)(self, s);
    if (status) return status;
    look_ahead(self, s);
    step t = first_step(self, s);
    while (t.i + 1 < s->count) {
        next_step(&t);
        status = sparse_gradient(self, &t);
        if (status) return status;
        account(self, &t);
        if (self->report.failed) {
            t.i--;
            break;
        }
        if (self->spec.shards == 1)
            NAMED(sparse_columns)(&t, 0, t.rows, self->sums.gradient);
        else
            pool_for(self->pool, threads_for(self->threads, self->size * (int64_t)sizeof(real), THREAD_BYTES),
                     (self->size + SPAN - 1) / SPAN, NAMED(sum_span), &t);
        update_sparse(self, &t);
    }
    if (self->sparse.lazy) NAMED(lazy_finish)(self, t.i + 1);
    return CUSGD_OK;
}

/* Rows are read where the products of their columns are not known yet. */
static cusgd_status products_steps(cpu *self, const slice *s)
{
    int64_t spans = (self->size + SPAN - 1) / SPAN;
    cusgd_status status = NAMED(products_begin)(self, s);
    if (status) return status;
    step t = first_step(self, s);
    while (t.i + 1 < s->count) {
        next_step(&t);
        NAMED(products_gradient)(&t);
        account(self, &t);
        if (self->report.failed) break;
        pool_for(self->pool, threads_for(self->threads, self->size * (int64_t)sizeof(real), THREAD_BYTES), spans,
                 NAMED(apply_span), &t);
    }
    return CUSGD_OK;
}

/* Of one target, whose rows are bound. */
static int is_by_products(const cpu *self, const dataset *b) { return self->models.by_products && b->m == 1 && !b->source; }

cusgd_status NAMED(cpu_steps)(void *of, const slice *s)
{
    cpu *self = of;
    if (s->count == 0 || self->report.failed) return CUSGD_OK;
    if (self->spec.sparse) return sparse_steps(self, s);
    if (self->models.width > 0 && models_fit(s->shares[0].examples->classed) != CUSGD_OK) return CUSGD_ERROR_USAGE;
    look_ahead(self, s);
    if (self->models.width > 0) NAMED(models_look)(self, update_step_from(s->numbers));
    if (is_by_products(self, share_of(self, s, 0)->examples)) return products_steps(self, s);
    for (int h = 0; h < self->order.shards; h++) begin_order(self, s, h);
    if (NAMED(is_one_row)(self, s)) {
        NAMED(one_row_steps)(self, s);
        return CUSGD_OK;
    }
    int64_t row = self->spec.d * self->spec.k * (int64_t)sizeof(real), spans = (self->size + SPAN - 1) / SPAN;
    step t = first_step(self, s);
    for (int64_t i = 0; i < s->count; i++) {
        next_step(&t);
        int64_t sums = t.chunks * self->size * (int64_t)sizeof(real);
        t.team = pool_team(self->pool, threads_for(self->threads, t.rows * row, THREAD_BYTES), t.chunks);
        pool_for(self->pool, t.team, t.chunks, add_rows, &t);
        int threads = threads_for(self->threads, sums, THREAD_BYTES);
        cusgd_status status = self->spec.world ? NAMED(exchange_sums)(&t, threads, spans) : CUSGD_OK;
        if (status) return status;
        account(self, &t);
        if (self->report.failed) break;
        if (self->spec.clip.norm > 0 || self->spec.clip.value > 0) {
            pool_for(self->pool, threads, spans, NAMED(sum_span), &t);
            NAMED(clip_gradient)(self);
            pool_for(self->pool, threads, spans, NAMED(apply_span), &t);
        } else {
            pool_for(self->pool, threads, spans, update_span, &t);
        }
    }
    return CUSGD_OK;
}
