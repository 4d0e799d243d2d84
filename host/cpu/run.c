/* A run on the CPU: what it keeps, from its start until the next one, and the table of what this device does. */
#include "parts.h"

#include "failure.h"
#include "models.h"
#include "rule.h"
#include "sparse.h"
#include <stdlib.h>
#include <string.h>

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
    free(self->point);
    free(self->sums.partial);
    free(self->sums.gradient);
    free(self->sums.canonical);
    free(self->sums.losses);
    free(self->scratch);
    NAMED(sparse_close)(self);
    free(self->order.rows);
    free(self->order.tables);
    free(self->order.spans);
    self->rate_factor = self->point = NULL;
    memset(&self->sums, 0, sizeof self->sums);
    self->scratch = NULL;
    memset(&self->order, 0, sizeof self->order);
}

/* Sums of gradients that are kept of a step on sparse rows: the shards', unless there is one, whose sum is the gradient. */
static size_t sparse_sums(const cpu *self) { return self->spec.shards > 1 ? (size_t)self->order.shards : 0; }

static int allocate_state(cpu *self)
{
    const run_spec *p = &self->spec;
    size_t size = (size_t)self->size, shards = (size_t)self->order.shards,
           chunks = shards * (size_t)chunk_count(self->order.share, self->chunk);
    int complete = 1;
    for (int a = 0; a < SNAPSHOTS; a++)
        for (int part = 0; part < STATE_PARTS; part++)
            if (spec_keeps(p, (enum state_part)part))
                complete &= (self->snapshot[a].at[part] = allocate_aligned_zeroed(size, sizeof(real))) != NULL;
    self->rate_factor = allocate_aligned_zeroed(size, sizeof(real));
    self->point = allocate_aligned_zeroed(size, sizeof(real));
    self->sums.gradient = allocate_aligned_zeroed(size, sizeof(real));
    self->sums.partial = allocate_aligned_zeroed((p->sparse ? sparse_sums(self) : chunks) * size + 1, sizeof(real));
    self->sums.losses = allocate_zeroed(chunks, sizeof(double));
    size_t scratch = p->loss.kind == CUSGD_LOSS_SOFTMAX ? (size_t)(self->threads * softmax_scratch(p->k)) : 0;
    if (scratch > 0) complete &= (self->scratch = allocate_aligned(scratch, sizeof(real))) != NULL;
    self->order.rows = allocate(shards * (size_t)self->order.share * BATCHES_KNOWN, sizeof(int64_t));
    self->order.tables = allocate(shards * SAMPLING_SPAN, sizeof(int64_t));
    self->order.spans = allocate_zeroed(shards, sizeof *self->order.spans);
    for (int i = 0; i < LIMIT_COUNT && p->limit[0]; i++)
        complete &= (self->limit[i] = allocate_aligned_zeroed(size, sizeof(real))) != NULL;
    if (p->clip.norm > 0) complete &= (self->sums.canonical = allocate((size_t)((p->d + 1) * p->k), sizeof(double))) != NULL;
    if (p->models) complete &= NAMED(models_open)(self, p->models, chunks);
    complete &= self->rate_factor && self->point && self->sums.gradient && self->sums.partial;
    return complete && self->sums.losses && self->order.rows && self->order.tables && self->order.spans;
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
    NAMED(products_close)(of);
    pool_free(((cpu *)of)->pool);
    free(((cpu *)of)->second);
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
    .state.put = put,
    .state.get = get,
    .state.read = read_part,
    .state.copy = copy,
    .steps = NAMED(cpu_steps),
    .report = report,
    .add_loss = add_loss,
    .models = {.room = NAMED(cpu_room),
               .batch_room = NAMED(cpu_batch_room),
               .retire = NAMED(cpu_retire),
               .fold_losses = NAMED(cpu_fold_losses)},
    .pieces = {.bind_in_place = NAMED(cpu_bind_in_place),
               .bind_again = NAMED(cpu_bind_again),
               .end = NAMED(cpu_piece_end),
               .objective = NAMED(cpu_objective_piece),
               .curvature = NAMED(cpu_curvature_piece),
               .hessian = NAMED(cpu_hessian_piece),
               .hessian_from = NAMED(cpu_hessian_from)},
    .objective = NAMED(cpu_objective),
    .hessian = NAMED(cpu_hessian),
    .predict = NAMED(cpu_predict),
    .tools.generate = NAMED(cpu_generate),
    .tools.read_bandwidth = read_bandwidth,
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
