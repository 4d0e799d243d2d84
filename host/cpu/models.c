/* Outputs that are models of their own: what a run keeps of them, their updates, and passes over all rows. */
#include "parts.h"

#include "failure.h"
#include "interrupt.h"
#include "models.h"
#include "physical_memory.h"
#include "scalar/optimizers.h"
#include <stdlib.h>
#include <string.h>

static int64_t width_of(int64_t outputs) { return (outputs + LANES - 1) / LANES * LANES; }

void NAMED(models_close)(cpu *self)
{
    models_state *m = &self->models;
    free(m->target_of);
    free(m->counts);
    free(m->alive);
    free(m->ended);
    free(m->momentum);
    free(m->share);
    free(m->number);
    free(m->class_weight);
    free(m->gram);
    free(m->mask);
    free(m->by_mask);
    free(m->mask_end);
    free(m->chunk_losses);
    free(m->losses);
    free(m->reported);
    *m = (models_state){.products = m->products};
}

static int all_equal(const int *target_of, int64_t k)
{
    int equal = target_of != NULL;
    for (int64_t c = 1; equal && c < k; c++) equal = target_of[c] == target_of[0];
    return equal;
}

/* A copy of k values; what fills up the last block has the first one's. */
static double *copy_filled(const double *values, int64_t k)
{
    int64_t width = width_of(k);
    double *copy = allocate((size_t)width, sizeof *copy);
    for (int64_t c = 0; copy && c < width; c++) copy[c] = values[c < k ? c : 0];
    return copy;
}

/* Likewise of 2 x k. */
static real *copy_weights(const double *weights, int64_t k)
{
    int64_t width = width_of(k);
    real *copy = allocate(2 * (size_t)width, sizeof *copy);
    for (int64_t i = 0; copy && i < 2 * width; i++) copy[i] = i % width < k ? (real)weights[i / width * k + i % width] : 1;
    return copy;
}

/* Whether gradients follow from products of columns, which takes less where columns are few and chunks long. Nothing here may
 * depend on what other models there are: the ways round differently. */
static int is_by_gram(const cpu *self, const models *of)
{
    enum { ROWS_EACH_COLUMN = 4 };
    const run_spec *p = &self->spec;
    int is_quadratic = p->loss.kind == CUSGD_LOSS_SQUARED || p->loss.kind == CUSGD_LOSS_MSE;
    int64_t rows = min_of(self->chunk, self->order.share);
    return is_quadratic && !p->sparse && !of->class_weight && p->d <= GRAM_COLUMNS && rows >= ROWS_EACH_COLUMN * p->d;
}

static int find_mask(const uint64_t *mask, int masks, uint64_t own)
{
    int at = 0;
    while (at < masks && mask[at] != own) at++;
    return at;
}

/* The outputs by their sets of folds whose rows they do not count. */
static int masks_open(cpu *self, const uint64_t *held_out)
{
    models_state *m = &self->models;
    size_t k = (size_t)self->spec.k;
    int masks = 0, placed = 0;
    m->mask = allocate(k, sizeof *m->mask);
    m->by_mask = allocate(k, sizeof *m->by_mask);
    m->mask_end = allocate(k, sizeof *m->mask_end);
    if (!m->mask || !m->by_mask || !m->mask_end) return 0;
    for (size_t c = 0; c < k; c++) {
        uint64_t own = held_out ? held_out[c] : 0;
        if (find_mask(m->mask, masks, own) == masks) m->mask[masks++] = own;
    }
    for (int i = 0; i < masks; i++) {
        for (size_t c = 0; c < k; c++)
            if ((held_out ? held_out[c] : 0) == m->mask[i]) m->by_mask[placed++] = (int)c;
        m->mask_end[i] = placed;
    }
    m->rows.masks = masks;
    m->rows.mask = m->mask;
    m->rows.by_mask = m->by_mask;
    m->rows.mask_end = m->mask_end;
    return 1;
}

int NAMED(models_open)(cpu *self, const models *of, size_t chunks)
{
    models_state *m = &self->models;
    int64_t k = self->spec.k;
    size_t width = (size_t)width_of(k);
    m->width = (int64_t)width;
    if (of->target_of) m->target_of = allocate_zeroed(width, sizeof *m->target_of);
    if (of->held_out) m->counts = allocate_zeroed(MAX_FOLDS * width, sizeof *m->counts);
    m->alive = allocate_zeroed(width, 1);
    m->ended = allocate_zeroed(width, 1);
    m->momentum = allocate_zeroed(width, sizeof *m->momentum);
    m->share = allocate_zeroed(width, sizeof *m->share);
    if (of->number) m->number = copy_filled(of->number, k);
    if (of->class_weight) m->class_weight = copy_weights(of->class_weight, k);
    m->chunk_losses = allocate_zeroed(chunks * width, sizeof(double));
    m->losses = allocate_zeroed(width, sizeof(double));
    m->reported = allocate_zeroed(width, sizeof(double));
    if ((of->target_of && !m->target_of) || (of->held_out && !m->counts) || (of->number && !m->number) ||
        (of->class_weight && !m->class_weight) || !m->alive || !m->ended || !m->momentum || !m->share || !m->chunk_losses ||
        !m->losses || !m->reported)
        return 0;
    for (size_t c = 0; c < width; c++) {
        m->momentum[c] = (int64_t)c < k && of->momentum ? (real)of->momentum[c] : 1;
        m->share[c] = (int64_t)c < k && of->share ? of->share[c] : 1;
        m->alive[c] = (int64_t)c < k;
    }
    if (of->target_of) memcpy(m->target_of, of->target_of, sizeof *m->target_of * (size_t)k);
    for (size_t i = 0; of->held_out && i < MAX_FOLDS * width; i++) {
        size_t c = i % width;
        m->counts[i] = (int64_t)c < k && (of->held_out[c] >> i / width & 1) == 0;
    }
    m->rows = (rows_models){.target_of = m->target_of,
                            .shared = all_equal(m->target_of, k),
                            .number = m->number,
                            .class_weight = m->class_weight,
                            .counts = m->counts,
                            .width = (int64_t)width,
                            .alive = m->alive};
    m->by_products = !of->class_weight && NAMED(products_pay)(&self->spec, of->folds);
    m->products_bytes = of->products_bytes;
    if (m->by_products) return masks_open(self, of->held_out) && NAMED(products_start)(self) == CUSGD_OK;
    if (!is_by_gram(self, of)) return 1;
    m->rows.gram = m->gram = allocate_zeroed((size_t)self->threads, sizeof *m->gram);
    return m->gram && masks_open(self, of->held_out);
}

void NAMED(models_task)(const cpu *self, const dataset *b, int64_t chunk, rows_task *t)
{
    const models_state *m = &self->models;
    t->k = self->spec.k;
    t->layout = self->layout;
    t->models = &m->rows;
    t->fold = b->fold;
    t->losses = m->chunk_losses + chunk * m->width;
    memset(t->losses, 0, sizeof(double) * (size_t)m->width);
}

void NAMED(models_look)(cpu *self, struct update_step first)
{
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    const models_state *m = &self->models;
    int64_t ld = self->layout.ld;
    for (int64_t u = 0; u < self->size; u++) {
        struct update_step own = first;
        own.momentum = first.momentum * m->momentum[u / ld * LANES + u % LANES];
        self->point[u] = gradient_point(self->rule, own, v->at[STATE_THETA][u], v->at[STATE_SLOT1] ? v->at[STATE_SLOT1][u] : 0);
    }
}

void NAMED(models_update)(cpu *self, const struct update_step *now, const struct update_step *next, int64_t lo, int64_t hi,
                          int penalized)
{
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    const models_state *m = &self->models;
    real *const *limit = self->limit;
    int64_t c = lo / self->layout.ld * LANES;
    models_step s = {.rule = self->rule, .now = *now, .next = *next, .penalized = penalized, .count = hi - lo};
    if (!models_live(&m->rows, c)) return;
    for (int i = 0; i < optimizer_slots(self->rule.optimizer); i++) s.slot[i] = v->at[STATE_SLOT1 + i] + lo;
    s.theta = v->at[STATE_THETA] + lo;
    s.average = self->rule.average ? v->at[STATE_AVERAGE] + lo : NULL;
    s.point = self->point + lo;
    s.gradient = self->sums.gradient + lo;
    s.rate_factor = self->rate_factor + lo;
    for (int i = 0; limit[0] && i < LIMITS; i++) s.limit[i] = limit[i] + lo;
    s.alive = m->alive + c;
    s.momentum = m->momentum + c;
    s.share = m->share + c;
    self->rows[CUSGD_STORAGE_FULL]->update_models(&s);
}

cusgd_status NAMED(cpu_retire)(void *of, const uint8_t *gone)
{
    cpu *self = of;
    for (int64_t c = 0; c < self->models.width && c < self->spec.k; c++)
        if (gone[c]) self->models.alive[c] = 0;
    return CUSGD_OK;
}

enum { WAVE = 64 }; /* chunks whose losses are kept apart in a pass over all rows */

/* What allocate_state(), models_open() and cpu_fold_losses() take for each output. Half of the memory is left to the data. */
cusgd_status NAMED(cpu_room)(void *of, const run_spec *p, int folds, double *each, double *there)
{
    (void)of;
    int shards = p->shards > 0 ? p->shards : 1, parts = 1 + (p->average != 0) + optimizer_slots(p->optimizer);
    int64_t share = (int64_t)shard_rows((uint64_t)p->batch, (uint64_t)shards, 0);
    double chunks = shards * (double)chunk_count(share, chunk_rows(share, p->d));
    double values = SNAPSHOTS * parts + 3 + LIMIT_COUNT + chunks; /* 3: rate_factor, point, gradient */
    *each = ((double)p->d + 1) * values * sizeof(real) + (chunks + (double)folds * (WAVE + 1)) * sizeof(double);
    *there = memory_of_machine() / 2;
    return CUSGD_OK;
}

/* ---- Losses of all rows ---- */

typedef struct fold_pass {
    const cpu *self;
    const rows_task *task;
    int64_t first_chunk, chunk, n;
    int64_t size; /* of a chunk's sums: folds x width */
    double *sums; /* WAVE x size */
} fold_pass;

static void add_chunk(void *context, int64_t c)
{
    const fold_pass *p = context;
    int64_t first = (p->first_chunk + c) * p->chunk;
    rows_task mine = *p->task;
    mine.losses = p->sums + c * p->size;
    memset(mine.losses, 0, sizeof(double) * (size_t)p->size);
    rows_range range = {first, min_of(p->chunk, p->n - first), first + p->chunk, max_of(0, p->n - first - p->chunk)};
    rows_for(p->self, &mine)->gradient(&mine, range);
}

/* Chunks are added in order, wave by wave; 0 where it was interrupted. */
static int add_waves(fold_pass *p, double *total)
{
    const cpu *self = p->self;
    int64_t chunks = chunk_count(p->n, p->chunk), row = p->task->d * p->task->k * (int64_t)sizeof(real);
    for (; p->first_chunk < chunks; p->first_chunk += WAVE) {
        int64_t count = min_of(WAVE, chunks - p->first_chunk);
        int threads = threads_for(self->threads, count * p->chunk * row, THREAD_BYTES);
        if (!pool_run(self->pool, threads, count, add_chunk, p)) return 0;
        for (int64_t c = 0; c < count; c++)
            for (int64_t i = 0; i < p->size; i++) total[i] += p->sums[c * p->size + i];
    }
    return 1;
}

cusgd_status NAMED(cpu_fold_losses)(void *self, const dataset *b, loss_rule loss, int64_t outputs, const models *m,
                                    const double *theta, double *sums)
{
    cusgd_status status = models_fit(b->classed);
    if (status) return status;
    layout l = layout_as(1, b->d, outputs);
    int64_t width = width_of(outputs), size = b->folds * width;
    rows_models rows = {.width = width, .by_fold = width};
    int *target_of = allocate_zeroed((size_t)width, sizeof *target_of);
    double *number = m->number ? copy_filled(m->number, outputs) : NULL;
    real *class_weight = m->class_weight ? copy_weights(m->class_weight, outputs) : NULL;
    real *point = allocate_aligned_zeroed((size_t)l.size, sizeof(real));
    double *total = allocate_zeroed((size_t)(size * (WAVE + 1)), sizeof *total);
    if (target_of && point && total && (number || !m->number) && (class_weight || !m->class_weight)) {
        for (int64_t c = 0; c < outputs; c++) target_of[c] = m->target_of ? m->target_of[c] : (int)c;
        rows.target_of = target_of;
        rows.shared = all_equal(target_of, outputs);
        rows.number = number;
        rows.class_weight = class_weight;
        rows_task task = NAMED(task_of)(b, loss, point, NULL);
        task.k = outputs;
        task.layout = l;
        task.models = &rows;
        task.fold = b->fold;
        NAMED(layout_put)(&l, theta, point);
        fold_pass p = {self, &task, 0, chunk_rows(b->n, b->d), b->n, size, total + size};
        if (!add_waves(&p, total)) status = fail_interrupted();
        for (int64_t f = 0; f < b->folds; f++) memcpy(sums + f * outputs, total + f * width, sizeof(double) * (size_t)outputs);
    } else {
        status = fail_memory((size_t)l.size * sizeof(real) + (size_t)(size * (WAVE + 1)) * sizeof *total, "the models' losses");
    }
    free(target_of);
    free(number);
    free(class_weight);
    free(point);
    free(total);
    return status;
}
