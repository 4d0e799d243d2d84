/* Minibatch steps on the CPU: the reference for every device. A step is
 *
 *     g = (1/B) sum over the batch's rows of w l'(x theta + b, y) (x, 1), at the optimizer's gradient point
 *     theta, state = update(theta, state, g)
 *
 * Each shard's share of the batch is cut into chunks of chunk_rows(B / shards, d) rows. Stage one adds up each chunk's rows;
 * stage two adds a shard's chunks in order and the shards by a fixed tree, and updates the parameters, span by span. Threads draw
 * chunks and spans, so their number cannot change a bit. */
#include "parts.h"

#include "failure.h"
#include "models.h"
#include "rule.h"
#include "scalar/clip.h"
#include "sparse.h"
#include <stdlib.h>
#include <string.h>

enum { SPAN = 1024 }; /* parameters; a multiple of LANES */

/* One step of a slice. Its shards are those of this process, counted from the first of them. */
typedef struct step {
    cpu *self;
    const slice *slice;
    struct update_step numbers, next;
    int64_t i;
    int64_t rows;        /* of the batch */
    int64_t each;        /* chunks of a shard: as many as its longest share has, so that some may be empty */
    int64_t chunks;      /* of all shards */
    int team;            /* threads of stage one */
    shard_spans *shards; /* one each */
    int contiguous;
    double loss; /* of the batch, once processes have exchanged it */
} step;

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
    rows_task task = NAMED(task_of)(rows_of, self->spec.loss, self->point, self->partial + at * self->size);
    if (self->models.width > 0) NAMED(models_task)(self, rows_of, at, &task);
    memset(task.gradient, 0, sizeof(real) * (size_t)self->size);
    if (self->scratch) task.scratch = self->scratch + pool_thread() * softmax_scratch(task.k);
    self->losses[at] = 0;
    if (t->contiguous) {
        rows_range range = {batch[0].first + start, rows, batch[later].first + after.first, after.count};
        if (rows > 0) self->losses[at] = rows_for(self, &task)->gradient(&task, range);
        return;
    }
    const int64_t *next = order_of(self, shard, t->i + later) + after.first;
    rows_list list = {order_of(self, shard, t->i) + start, next, rows, after.count};
    if (rows > 0) self->losses[at] = rows_for(self, &task)->gradient_listed(&task, &list);
    find_later(t, shard, c);
}

/* Of `count` shards from the first on; chunks' losses are `stride` values apart. */
static double shards_loss(const step *t, const double *losses, int64_t stride, int first, int count)
{
    double loss = 0;
    if (count > 1) {
        int left = tree_left(count);
        return shards_loss(t, losses, stride, first, left) + shards_loss(t, losses, stride, first + left, count - left);
    }
    for (int64_t c = 0; c < t->each; c++) loss += losses[(first * t->each + c) * stride];
    return loss;
}

/* Of models: the sum over those that go on; one whose loss is not finite ends. NaN: none goes on. */
static double models_loss(cpu *self, const step *t)
{
    models_state *m = &self->models;
    double total = (double)NAN;
    for (int64_t c = 0; c < self->spec.k; c++) {
        if (!m->alive[c]) continue;
        double loss = shards_loss(t, m->chunk_losses + c, m->width, 0, self->spec.shards);
        if (!isfinite(loss)) {
            m->alive[c] = 0;
            m->ended[c] = 1;
            continue;
        }
        m->losses[c] += loss;
        total = isnan(total) ? loss : total + loss;
    }
    return total;
}

/* Parameters lo .. hi - 1, if there are any, all penalized or none. The optimizer is a constant in each copy of this loop. */
static inline __attribute__((always_inline)) void update_loop(int optimizer, int limited, cpu *self, const step *t, int64_t lo,
                                                              int64_t hi, int penalized)
{
    struct update_rule rule = self->rule;
    struct update_step now = t->numbers, next = t->next;
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    int slots = optimizer_slots(optimizer);
    real *theta = v->at[STATE_THETA], *slot1 = v->at[STATE_SLOT1], *slot2 = v->at[STATE_SLOT2];
    real *slot3 = v->at[STATE_SLOT3], *average = v->at[STATE_AVERAGE];
    const real *gradient = self->gradient, *rate_factor = self->rate_factor;
    real *point = self->point, *const *limit = self->limit;
    rule.optimizer = optimizer;
    for (int64_t u = lo; u < hi; u++) {
        struct parameter q = {theta[u], slots > 0 ? slot1[u] : 0, slots > 1 ? slot2[u] : 0, slots > 2 ? slot3[u] : 0,
                              rule.average ? average[u] : 0};
        struct own_rule own = {rate_factor[u], 1, 1, 0, 0};
        if (limited)
            own = (struct own_rule){rate_factor[u], limit[LIMIT_L1][u], limit[LIMIT_L2][u], limit[LIMIT_LOWER][u],
                                    limit[LIMIT_UPPER][u]};
        update_parameter(rule, now, own, limited, penalized, point[u], gradient[u], &q);
        theta[u] = q.theta;
        if (slots > 0) slot1[u] = q.slot1;
        if (slots > 1) slot2[u] = q.slot2;
        if (slots > 2) slot3[u] = q.slot3;
        if (rule.average) average[u] = q.average;
        point[u] = gradient_point(rule, next, q.theta, q.slot1);
    }
}

static void update_range(cpu *self, const step *t, int64_t lo, int64_t hi, int penalized)
{
    if (self->models.width > 0) {
        if (lo < hi) NAMED(models_update)(self, &t->numbers, &t->next, lo, hi, penalized);
        return;
    }
    if (self->limit[0]) {
        update_loop(self->rule.optimizer, 1, self, t, lo, hi, penalized);
        return;
    }
    switch (self->rule.optimizer) {
    case CUSGD_OPTIMIZER_SGD: update_loop(CUSGD_OPTIMIZER_SGD, 0, self, t, lo, hi, penalized); return;
    case CUSGD_OPTIMIZER_MOMENTUM: update_loop(CUSGD_OPTIMIZER_MOMENTUM, 0, self, t, lo, hi, penalized); return;
    case CUSGD_OPTIMIZER_NESTEROV: update_loop(CUSGD_OPTIMIZER_NESTEROV, 0, self, t, lo, hi, penalized); return;
    default: update_loop(self->rule.optimizer, 0, self, t, lo, hi, penalized); return;
    }
}

/* Parameters lo .. hi - 1. */
typedef struct range {
    int64_t lo, hi;
} range;

/* The sum of a shard's chunks, in order and in double. */
static void sum_chunks(const step *t, int shard, range at, double *sum)
{
    const cpu *self = t->self;
    const real *partial = self->partial + shard * t->each * self->size;
    for (int64_t u = at.lo; u < at.hi; u++) sum[u - at.lo] = (double)partial[u];
    for (int64_t c = 1; c < t->each; c++)
        for (int64_t u = at.lo; u < at.hi; u++) sum[u - at.lo] += (double)partial[c * self->size + u];
}

/* The sum over `count` shards from the first on, in `real`: of each where its first chunk was, and then in the first of them. */
static real *sum_shards(const step *t, int first, int count, range at, double *work)
{
    real *sum = t->self->partial + first * t->each * t->self->size;
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
static void sum_span(void *context, int64_t i)
{
    const step *t = context;
    cpu *self = t->self;
    double sum[SPAN], rows = (double)t->rows;
    range at = {i * SPAN, min_of((i + 1) * SPAN, self->size)};
    if (self->spec.shards == 1) {
        sum_chunks(t, 0, at, sum);
        for (int64_t u = at.lo; u < at.hi; u++) self->gradient[u] = (real)(sum[u - at.lo] / rows);
        return;
    }
    const real *total = self->spec.world ? self->gradient : sum_shards(t, 0, self->spec.shards, at, sum);
    for (int64_t u = at.lo; u < at.hi; u++) self->gradient[u] = (real)((double)total[u] / rows);
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
static cusgd_status exchange(step *t, int threads, int64_t spans)
{
    cpu *self = t->self;
    own_nodes *nodes = &self->nodes;
    pool_for(self->pool, threads, spans, sum_nodes, t);
    for (int a = 0; a < nodes->count; a++) {
        int first = nodes->node[a].first - self->order.first;
        nodes->values[a] = self->partial + first * t->each * self->size;
        nodes->losses[a] = shards_loss(t, self->losses, 1, first, nodes->node[a].count);
    }
    world_terms terms = {self->spec.shards, sizeof(real) == sizeof(float), self->size, nodes->values, nodes->losses};
    return world_sum(self->spec.world, &terms, self->gradient, &t->loss);
}

static void apply_span(void *context, int64_t i)
{
    const step *t = context;
    cpu *self = t->self;
    const layout *l = &self->layout;
    int64_t lo = i * SPAN, hi = min_of(lo + SPAN, self->size);
    for (int64_t start = lo / l->ld * l->ld; start < hi; start += l->ld) {
        int64_t intercept = start + l->ld - LANES;
        update_range(self, t, max_of(lo, start), min_of(hi, start + l->penalized), 1);
        if (self->spec.intercept) update_range(self, t, max_of(lo, intercept), min_of(hi, intercept + l->intercepts), 0);
    }
}

static void update_span(void *context, int64_t i)
{
    sum_span(context, i);
    apply_span(context, i);
}

/* Between the two where the gradient is clipped, by a norm to which every parameter that is trained adds. */
static void clip_gradient(cpu *self)
{
    const run_spec *p = &self->spec;
    const layout *l = &self->layout;
    int64_t trained = (p->d + (p->intercept != 0)) * p->k;
    for (int64_t u = 0; u < trained && p->clip_norm > 0; u++)
        self->canonical[u] = (double)self->gradient[layout_at(l, u / p->k, u % p->k)];
    double squares = p->clip_norm > 0 ? clip_squares(self->canonical, trained) : 0;
    real scale = (real)clip_scale(p->clip_norm, squares), maximum = (real)p->clip_value;
    for (int64_t u = 0; u < self->size; u++) self->gradient[u] = clip_value(maximum, scale, self->gradient[u]);
}

/* After stage one: counts the step, or declares the run failed. */
static void account(cpu *self, const step *t)
{
    double loss = self->models.width > 0 ? models_loss(self, t)
                  : self->spec.world     ? t->loss
                                         : shards_loss(t, self->losses, 1, 0, self->spec.shards);
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
        if (self->spec.clip_norm > 0 || self->spec.clip_value > 0) clip_gradient(self);
        pool_for(self->pool, threads_for(self->threads, self->size * (int64_t)sizeof(real), THREAD_BYTES), spans, apply_span, t);
        return;
    }
    for (int64_t start = 0; start < self->size && self->spec.intercept; start += l->ld) {
        int64_t intercept = start + l->ld - LANES;
        update_range(self, t, intercept, intercept + l->intercepts, 0);
    }
}

static cusgd_status sparse_steps(cpu *self, const slice *s)
{
    cusgd_status status = NAMED(sparse_begin)(self, s);
    if (status) return status;
    step t = first_step(self, s);
    while (t.i + 1 < s->count) {
        next_step(&t);
        NAMED(sparse_rows)(self, s, t.i);
        account(self, &t);
        if (self->report.failed) {
            t.i--;
            break;
        }
        NAMED(sparse_columns)(self, s, t.i, t.rows);
        update_sparse(self, &t);
    }
    NAMED(lazy_finish)(self, t.i + 1);
    return CUSGD_OK;
}

static cusgd_status steps(void *of, const slice *s)
{
    cpu *self = of;
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    if (s->count == 0 || self->report.failed) return CUSGD_OK;
    if (self->models.width > 0 && models_fit(s->shares[0].examples->classed) != CUSGD_OK) return CUSGD_ERROR_USAGE;
    for (int h = 0; h < self->order.shards && !self->spec.sparse; h++) begin_order(self, s, h);
    struct update_step first = update_step_from(s->numbers);
    for (int64_t u = 0; u < self->size; u++)
        self->point[u] = gradient_point(self->rule, first, v->at[STATE_THETA][u], v->at[STATE_SLOT1] ? v->at[STATE_SLOT1][u] : 0);
    if (self->spec.sparse) return sparse_steps(self, s);
    if (self->models.width > 0) NAMED(models_look)(self, first);
    int64_t row = self->spec.d * self->spec.k * (int64_t)sizeof(real), spans = (self->size + SPAN - 1) / SPAN;
    step t = first_step(self, s);
    for (int64_t i = 0; i < s->count; i++) {
        next_step(&t);
        int64_t sums = t.chunks * self->size * (int64_t)sizeof(real);
        t.team = pool_team(self->pool, threads_for(self->threads, t.rows * row, THREAD_BYTES), t.chunks);
        pool_for(self->pool, t.team, t.chunks, add_rows, &t);
        int threads = threads_for(self->threads, sums, THREAD_BYTES);
        cusgd_status status = self->spec.world ? exchange(&t, threads, spans) : CUSGD_OK;
        if (status) return status;
        account(self, &t);
        if (self->report.failed) break;
        if (self->spec.clip_norm > 0 || self->spec.clip_value > 0) {
            pool_for(self->pool, threads, spans, sum_span, &t);
            clip_gradient(self);
            pool_for(self->pool, threads, spans, apply_span, &t);
        } else {
            pool_for(self->pool, threads, spans, update_span, &t);
        }
    }
    return CUSGD_OK;
}

static cusgd_status add_loss(void *of, double loss)
{
    ((cpu *)of)->report.loss = loss;
    return CUSGD_OK;
}

static cusgd_status report(void *of, steps_report *out)
{
    cpu *self = of;
    models_state *m = &self->models;
    *out = self->report;
    memset(&self->report, 0, sizeof self->report);
    if (m->width == 0) return CUSGD_OK;
    memcpy(m->reported, m->losses, sizeof(double) * (size_t)m->width);
    memset(m->losses, 0, sizeof(double) * (size_t)m->width);
    out->losses = m->reported;
    out->ended = m->ended;
    return CUSGD_OK;
}

static void release(cpu *self)
{
    for (int a = 0; a < SNAPSHOTS; a++)
        for (int p = 0; p < STATE_PARTS; p++) free(self->snapshot[a].at[p]);
    memset(self->snapshot, 0, sizeof self->snapshot);
    free(self->rate_factor);
    for (int i = 0; i < LIMIT_COUNT; i++) free(self->limit[i]);
    memset(self->limit, 0, sizeof self->limit);
    NAMED(models_close)(self);
    free(self->canonical);
    self->canonical = NULL;
    free(self->point);
    free(self->partial);
    free(self->gradient);
    free(self->losses);
    free(self->scratch);
    NAMED(sparse_close)(self);
    free(self->order.rows);
    free(self->order.tables);
    free(self->order.spans);
    self->rate_factor = self->point = self->partial = self->gradient = NULL;
    self->losses = NULL;
    self->scratch = NULL;
    memset(&self->order, 0, sizeof self->order);
}

/* Which parts a run spec keeps. */
static int keeps(const run_spec *p, enum state_part part)
{
    switch (part) {
    case STATE_AVERAGE: return p->average;
    case STATE_SLOT1: return optimizer_slots(p->optimizer) > 0;
    case STATE_SLOT2: return optimizer_slots(p->optimizer) > 1;
    case STATE_SLOT3: return optimizer_slots(p->optimizer) > 2;
    default: return 1;
    }
}

static int allocate_state(cpu *self)
{
    const run_spec *p = &self->spec;
    size_t size = (size_t)self->size, shards = (size_t)self->order.shards,
           chunks = shards * (size_t)chunk_count(self->order.share, self->chunk);
    int complete = 1;
    for (int a = 0; a < SNAPSHOTS; a++)
        for (int part = 0; part < STATE_PARTS; part++)
            if (keeps(p, (enum state_part)part))
                complete &= (self->snapshot[a].at[part] = allocate_aligned_zeroed(size, sizeof(real))) != NULL;
    self->rate_factor = allocate_aligned_zeroed(size, sizeof(real));
    self->point = allocate_aligned_zeroed(size, sizeof(real));
    self->gradient = allocate_aligned_zeroed(size, sizeof(real));
    self->partial = allocate_aligned_zeroed(p->sparse ? 1 : chunks * size, sizeof(real));
    self->losses = allocate_zeroed(chunks, sizeof(double));
    size_t scratch = p->loss.kind == CUSGD_LOSS_SOFTMAX ? (size_t)(self->threads * softmax_scratch(p->k)) : 0;
    if (scratch > 0) complete &= (self->scratch = allocate_aligned(scratch, sizeof(real))) != NULL;
    self->order.rows = allocate(shards * (size_t)self->order.share * BATCHES_KNOWN, sizeof(int64_t));
    self->order.tables = allocate(shards * SAMPLING_SPAN, sizeof(int64_t));
    self->order.spans = allocate_zeroed(shards, sizeof *self->order.spans);
    for (int i = 0; i < LIMIT_COUNT && p->limit[0]; i++)
        complete &= (self->limit[i] = allocate_aligned_zeroed(size, sizeof(real))) != NULL;
    if (p->clip_norm > 0) complete &= (self->canonical = allocate((size_t)((p->d + 1) * p->k), sizeof(double))) != NULL;
    if (p->models) complete &= NAMED(models_open)(self, p->models, chunks);
    complete &= self->rate_factor && self->point && self->gradient && self->partial;
    return complete && self->losses && self->order.rows && self->order.tables && self->order.spans;
}

static cusgd_status refuses(void *of, const run_spec *p)
{
    (void)of;
    cusgd_status status = models_refuses(p);
    if (!status && p->world && p->models)
        status = fail(CUSGD_ERROR_USAGE, "models that are trained in one pass are trained by one process");
    return status ? status : sparse_refuses(p);
}

static cusgd_status start(void *of, const run_spec *p)
{
    cpu *self = of;
    release(self);
    cusgd_status status = refuses(of, p);
    if (status) return status;
    self->spec = *p;
    self->layout = layout_as(p->models || p->k > NARROW, p->d, p->k);
    self->size = self->layout.size;
    if (self->spec.shards < 1) self->spec.shards = 1;
    tree_node own = p->world ? world_shards(p->world, self->spec.shards, p->world->rank) : (tree_node){0, self->spec.shards};
    self->order.first = own.first;
    self->order.shards = own.count;
    self->nodes.count = p->world ? world_nodes(self->spec.shards, own, self->nodes.node) : 0;
    self->order.share = (int64_t)shard_rows((uint64_t)p->batch, (uint64_t)self->spec.shards, 0);
    self->chunk = p->sparse ? SPARSE_CHUNK : chunk_rows(self->order.share, p->d);
    memset(&self->report, 0, sizeof self->report);
    self->rule = rule_of(p);
    if (!allocate_state(self)) {
        release(self);
        return fail_memory((size_t)(self->size * own.count * chunk_count(self->order.share, self->chunk)) * sizeof(real),
                           "the parameters' state and the chunks' gradients");
    }
    self->spec.models = NULL;
    if (p->rate_factor)
        NAMED(layout_put)(&self->layout, p->rate_factor, self->rate_factor);
    else
        for (int64_t u = 0; u < self->size; u++) self->rate_factor[u] = 1;
    for (int i = 0; i < LIMIT_COUNT && p->limit[0]; i++) NAMED(layout_put)(&self->layout, p->limit[i], self->limit[i]);
    self->spec.rate_factor = NULL;
    memset(self->spec.limit, 0, sizeof self->spec.limit);
    return CUSGD_OK;
}

/* A part that the run spec does not keep takes nothing and reads as zeros. */
static cusgd_status put(void *of, enum snapshot a, enum state_part part, const double *values)
{
    cpu *self = of;
    real *at = self->snapshot[a].at[part];
    if (at) NAMED(layout_put)(&self->layout, values, at);
    return CUSGD_OK;
}

static cusgd_status get(void *of, enum snapshot a, enum state_part part, double *values)
{
    cpu *self = of;
    const real *at = self->snapshot[a].at[part];
    if (at)
        NAMED(layout_get)(&self->layout, at, values);
    else
        memset(values, 0, sizeof(double) * (size_t)((self->spec.d + 1) * self->spec.k));
    return CUSGD_OK;
}

/* The usual run of one output has its parameters in one piece: a checkpoint is written from where they lie. */
static cusgd_status read_part(void *of, enum snapshot a, enum state_part part, void *room, const void **out)
{
    const cpu *self = of;
    const real *at = self->snapshot[a].at[part];
    int is_whole = self->layout.k == 1 && layout_at(&self->layout, self->layout.d, 0) == self->layout.d;
    *out = at && !is_whole ? room : at;
    if (at && !is_whole) NAMED(layout_read)(&self->layout, at, room);
    return CUSGD_OK;
}

static cusgd_status copy(void *of, enum snapshot to, enum snapshot from)
{
    cpu *self = of;
    for (int p = 0; p < STATE_PARTS; p++)
        if (self->snapshot[from].at[p])
            memcpy(self->snapshot[to].at[p], self->snapshot[from].at[p], sizeof(real) * (size_t)self->size);
    return CUSGD_OK;
}

static cusgd_status moments(void *of, const examples *e, double *mean, double *variance, double *target_mean, double *weight)
{
    const cpu *self = of;
    if (examples_are_sparse(e)) return sparse_moments(e, mean, variance, target_mean, weight);
    return cpu_moments(self->pool, self->threads, e, mean, variance, target_mean, weight);
}

static cusgd_status read_bandwidth(void *of, int64_t bytes, double *bytes_per_second)
{
    const cpu *self = of;
    return cpu_read_bandwidth(self->pool, self->threads, bytes, bytes_per_second);
}

static void closes(void *of)
{
    release(of);
    pool_free(((cpu *)of)->pool);
    free(of);
}

static const backend_ops ops = {
    .close = closes,
    .bind = NAMED(cpu_bind),
    .unbind = NAMED(cpu_unbind),
    .moments = moments,
    .curvature = NAMED(cpu_curvature),
    .rows = NAMED(cpu_rows),
    .refuses = refuses,
    .start = start,
    .put = put,
    .get = get,
    .read = read_part,
    .copy = copy,
    .steps = steps,
    .report = report,
    .add_loss = add_loss,
    .models = {.room = NAMED(cpu_room), .retire = NAMED(cpu_retire), .fold_losses = NAMED(cpu_fold_losses)},
    .pieces = {.bind_again = NAMED(cpu_bind_again),
               .end = NAMED(cpu_piece_end),
               .objective = NAMED(cpu_objective_piece),
               .curvature = NAMED(cpu_curvature_piece)},
    .objective = NAMED(cpu_objective),
    .hessian = NAMED(cpu_hessian),
    .predict = NAMED(cpu_predict),
    .generate = NAMED(cpu_generate),
    .read_bandwidth = read_bandwidth,
};

cusgd_status NAMED(cpu_open)(int threads, const char **isa, backend *out)
{
    cpu *self = allocate_zeroed(1, sizeof *self);
    pool *threads_kept = pool_create(threads);
    if (!self || !threads_kept) {
        free(self);
        pool_free(threads_kept);
        return fail_memory(sizeof *self, "the CPU backend");
    }
    self->threads = threads;
    self->pool = threads_kept;
    self->rows[CUSGD_STORAGE_FULL] = NAMED(rows_select)(isa);
    if (sizeof(real) == sizeof(float)) self->rows[CUSGD_STORAGE_BF16] = rows_select_bf16(isa);
    out->ops = &ops;
    out->self = self;
    return CUSGD_OK;
}
