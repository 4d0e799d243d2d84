/* Passes over all rows at given parameters. */
#include "parts.h"

#include "failure.h"
#include "interrupt.h"
#include <stdlib.h>
#include <string.h>

void NAMED(layout_put)(const layout *l, const double *from, real *to)
{
    memset(to, 0, sizeof(real) * (size_t)l->size);
    for (int64_t j = 0; j <= l->d; j++)
        for (int64_t c = 0; c < l->k; c++) to[layout_at(l, j, c)] = (real)from[j * l->k + c];
}

void NAMED(layout_get)(const layout *l, const real *from, double *to)
{
    for (int64_t j = 0; j <= l->d; j++)
        for (int64_t c = 0; c < l->k; c++) to[j * l->k + c] = (double)from[layout_at(l, j, c)];
}

void NAMED(layout_read)(const layout *l, const real *from, real *to)
{
    for (int64_t c = 0; c < l->k; c++)
        for (int64_t j = 0; j <= l->d; j++) to[j * l->k + c] = from[layout_at(l, j, c)];
}

/* A wave is as many chunks as have a place for their sums; chunks are added in order, waves in order, in double. */
enum { WAVE = 64 };

typedef struct wave {
    const cpu *self;
    const rows_task *task;
    int64_t first_chunk, chunk, n;
    real *partial; /* WAVE x size; NULL: no gradient is wanted */
    real *scratch; /* threads x softmax_scratch(k), or NULL */
    double losses[WAVE];
} wave;

static void add_chunk(void *context, int64_t c)
{
    wave *w = context;
    int64_t first = (w->first_chunk + c) * w->chunk, size = w->task->layout.size;
    rows_task mine = *w->task;
    mine.gradient = w->partial ? w->partial + c * size : NULL;
    if (w->partial) memset(mine.gradient, 0, sizeof(real) * (size_t)size);
    if (w->scratch) mine.scratch = w->scratch + pool_thread() * softmax_scratch(mine.k);
    rows_range range = {first, min_of(w->chunk, w->n - first), first + w->chunk, max_of(0, w->n - first - w->chunk)};
    w->losses[c] = rows_for(w->self, &mine)->gradient(&mine, range);
}

/* Adds a wave's losses to *loss; 0 where it was interrupted. */
static int run_wave(wave *w, int64_t chunks, double *total, double *loss)
{
    const cpu *self = w->self;
    int64_t size = w->task->layout.size, bytes = chunks * w->chunk * w->task->d * w->task->k * (int64_t)sizeof(real);
    double sum = 0;
    if (!pool_run(self->pool, threads_for(self->threads, bytes, THREAD_BYTES), chunks, add_chunk, w)) return 0;
    for (int64_t c = 0; c < chunks; c++) {
        sum += w->losses[c];
        for (int64_t j = 0; w->partial && j < size; j++) total[j] += (double)w->partial[c * size + j];
    }
    *loss += sum;
    return 1;
}

/* What the pieces before have left in `from`, of (d+1) x k values, to where they lie here; and back, divided by `rows`. */
static void sums_take(const layout *l, const double *from, double *total)
{
    for (int64_t j = 0; j <= l->d; j++)
        for (int64_t c = 0; c < l->k; c++) total[layout_at(l, j, c)] = from[j * l->k + c];
}

static void sums_give(const layout *l, const double *total, double rows, double *to)
{
    for (int64_t j = 0; j <= l->d; j++)
        for (int64_t c = 0; c < l->k; c++) to[j * l->k + c] = total[layout_at(l, j, c)] / rows;
}

cusgd_status NAMED(cpu_objective_piece)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta,
                                        double *value, double *gradient)
{
    layout l = layout_of(b->d, b->k);
    int64_t size = l.size, chunk = chunk_rows(at.n, b->d);
    int64_t chunks = chunk_count(b->n, chunk), waves = min_of(chunks, WAVE);
    real *point = allocate_aligned_zeroed((size_t)size, sizeof(real));
    real *partial = gradient ? allocate_aligned_zeroed((size_t)(waves * size), sizeof(real)) : NULL;
    double *total = gradient ? allocate_zeroed((size_t)size, sizeof(double)) : NULL;
    size_t room =
        b->classed && loss.kind == CUSGD_LOSS_SOFTMAX ? (size_t)(((const cpu *)self)->threads * softmax_scratch(b->k)) : 0;
    real *scratch = room ? allocate_aligned(room, sizeof(real)) : NULL;
    cusgd_status status = CUSGD_OK;
    if (!point || (room && !scratch) || (gradient && (!partial || !total))) {
        status = fail_memory((size_t)(waves * size) * sizeof(real), "the full gradient");
    } else {
        rows_task task = NAMED(task_of)(b, loss, point, NULL);
        wave w = {.self = self, .task = &task, .chunk = chunk, .n = b->n, .partial = partial, .scratch = scratch};
        double sum = at.first > 0 ? *value : 0, rows = at.first + b->n == at.n ? (double)at.n : 1;
        NAMED(layout_put)(&l, theta, point);
        if (gradient && at.first > 0) sums_take(&l, gradient, total);
        for (; !status && w.first_chunk < chunks; w.first_chunk += WAVE)
            if (!run_wave(&w, min_of(WAVE, chunks - w.first_chunk), total, &sum)) status = fail_interrupted();
        *value = sum / rows;
        if (gradient) sums_give(&l, total, rows, gradient);
    }
    free(point);
    free(partial);
    free(scratch);
    free(total);
    return status;
}

cusgd_status NAMED(cpu_objective)(void *self, const dataset *b, loss_rule loss, const double *theta, double *value,
                                  double *gradient)
{
    if (b->sparse) return NAMED(sparse_objective)(self, b, loss, theta, value, gradient);
    return NAMED(cpu_objective_piece)(self, b, (piece_of){0, b->n}, loss, theta, value, gradient);
}

/* Waves of an objective, and spans of a curvature and of second derivatives, are whole. */
int64_t NAMED(cpu_piece_end)(void *self, enum full_pass pass, int64_t n, int64_t d, int64_t k, int64_t first, int64_t room)
{
    (void)self, (void)k;
    int64_t each = WAVE * chunk_rows(n, d), end = first + room;
    if (end >= n) return n;
    if (pass == PASS_OBJECTIVE) return end / each * each;
    if (pass == PASS_HESSIAN) return end / HESSIAN_SPAN * HESSIAN_SPAN;
    int64_t span = first * CURVATURE_SPANS / n;
    while (span < CURVATURE_SPANS && curvature_span(n, span + 1) <= end) span++;
    return max_of(first, curvature_span(n, span));
}

typedef struct prediction {
    const cpu *self;
    const rows_task *task;
    int64_t n, chunk;
    double *out;
} prediction;

static void predict_chunk(void *context, int64_t c)
{
    const prediction *p = context;
    int64_t first = c * p->chunk;
    rows_for(p->self, p->task)->predict(p->task, first, min_of(p->chunk, p->n - first), p->out + first * p->task->k);
}

cusgd_status NAMED(cpu_predict)(void *self, const dataset *b, const double *theta, double *out)
{
    const cpu *c = self;
    if (b->sparse) return NAMED(sparse_predict)(c, b, theta, out);
    layout l = layout_of(b->d, b->k);
    int64_t bytes = b->n * b->d * b->k * (int64_t)sizeof(real);
    real *point = allocate_aligned_zeroed((size_t)l.size, sizeof(real));
    if (!point) return fail_memory((size_t)l.size * sizeof(real), "the parameters");
    rows_task task = NAMED(task_of)(b, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, point, NULL);
    prediction p = {c, &task, b->n, chunk_rows(b->n, b->d), out};
    NAMED(layout_put)(&l, theta, point);
    int all = pool_run(c->pool, threads_for(c->threads, bytes, THREAD_BYTES), chunk_count(b->n, p.chunk), predict_chunk, &p);
    free(point);
    return all ? CUSGD_OK : fail_interrupted();
}
