/* Second derivatives: (1/n) sum w l'' z z' with z = (x, 1), the upper triangle by panels of PANEL x PANEL.
 *
 * Rows are taken in waves of `slots` spans. Slot s adds up the spans whose numbers, counted from the set's first row, have the
 * remainder s, and the slots are added in order at the end; their number depends on the shape alone. */
#include "parts.h"
#include "scalar/softmax.h"

#include "failure.h"
#include "interrupt.h"
#include <stdlib.h>

enum { SPAN_ROWS = HESSIAN_SPAN, MAX_SLOTS = 16, SLOT_VALUES = 1 << 22 };

typedef struct second_pass {
    const cpu *self;
    const rows_task *task;
    int64_t n, k, blocks;  /* blocks: outputs that have a matrix of their own */
    int64_t panels, pairs; /* along a side; in the upper triangle */
    int64_t from;          /* the first panel of columns whose sums are wanted */
    int64_t slots, first;  /* of the wave: its first row */
    int64_t turn;          /* the slot of the piece's first span */
    int moves;             /* 1: l'' depends on p */
    double *p;             /* slots x SPAN_ROWS x k: predictions, span by span of the wave */
    double *s;             /* blocks x slots x SPAN_ROWS: w l'', likewise */
    double *sums;          /* blocks x slots x pairs x PANEL x PANEL */
} second_pass;

static int64_t span_count(const second_pass *t, int64_t span)
{
    int64_t left = t->n - t->first - span * SPAN_ROWS;
    return left < 0 ? 0 : min_of(left, SPAN_ROWS);
}

/* w l'' of a span of the wave. */
static void weigh_span(void *context, int64_t span)
{
    const second_pass *t = context;
    const rows_task *rows = t->task;
    int64_t first = t->first + span * SPAN_ROWS, count = span_count(t, span);
    double *p = t->p + span * SPAN_ROWS * t->k;
    if (count > 0 && t->moves) rows_for(t->self, rows)->predict(rows, first, count, p);
    for (int64_t c = 0; c < t->blocks; c++)
        for (int64_t i = 0; i < count; i++) {
            double w = rows->w ? (double)rows->w[first + i] : 1;
            real at = t->moves ? (real)p[i * t->k + c] : 0;
            const real *y = rows->y + (first + i) * rows->m;
            struct loss_point l = rule_at(rows->loss, at, rows->classed ? (real)class_is(*y, c) : y[c]);
            t->s[(c * t->slots + span) * SPAN_ROWS + i] = w * (double)l.curvature;
        }
}

/* Item (block, span, row of panels). */
static void add_panels(void *context, int64_t item)
{
    const second_pass *t = context;
    int64_t left = item % t->panels, place = item / t->panels, block = place / t->slots, span = place % t->slots;
    int64_t slot = (t->turn + span) % t->slots, before = left * t->panels - left * (left - 1) / 2; /* pairs in the rows above */
    double(*sums)[PANEL][PANEL] = (double(*)[PANEL][PANEL])t->sums + (block * t->slots + slot) * t->pairs + before;
    const double *s = t->s + place * SPAN_ROWS;
    panel_row of = {left, t->from, t->panels};
    rows_for(t->self, t->task)->products(t->task, s, t->first + span * SPAN_ROWS, span_count(t, span), of, sums);
}

static cusgd_status add_waves(second_pass *t)
{
    const cpu *self = t->self;
    int64_t wave = t->slots * SPAN_ROWS, items = t->blocks * t->slots * t->panels;
    for (t->first = 0; t->first < t->n; t->first += wave) {
        int64_t bytes = min_of(wave, t->n - t->first) * t->task->d * t->k * (int64_t)sizeof(real);
        if (!pool_run(self->pool, threads_for(self->threads, bytes, THREAD_BYTES), t->slots, weigh_span, t) ||
            !pool_run(self->pool, threads_for(self->threads, bytes * t->panels, THREAD_BYTES), items, add_panels, t))
            return fail_interrupted();
    }
    return CUSGD_OK;
}

/* Both triangles of block c from its slots' sums; n: all rows. */
static void collect(const second_pass *t, int64_t c, int64_t n, double *hessian)
{
    int64_t side = t->task->d + 1, values = PANEL * PANEL;
    const double *sums = t->sums + c * t->slots * t->pairs * values;
    for (int64_t left = 0; left < t->panels; left++)
        for (int64_t right = left; right < t->panels; right++, sums += values)
            for (int64_t a = left * PANEL; a < min_of(side, (left + 1) * PANEL) && right >= t->from; a++)
                for (int64_t b = max_of(a, right * PANEL); b < min_of(side, (right + 1) * PANEL); b++) {
                    double sum = 0;
                    for (int64_t slot = 0; slot < t->slots; slot++)
                        sum += sums[slot * t->pairs * values + a % PANEL * PANEL + b % PANEL];
                    hessian[a * side + b] = hessian[b * side + a] = sum / (double)n;
                }
}

static cusgd_status check(const dataset *b, loss_rule loss)
{
    if (b->classed && loss.kind == CUSGD_LOSS_SOFTMAX)
        return fail(CUSGD_ERROR_USAGE, "the outputs of the loss softmax have no second derivatives of their own");
    if (b->sparse) return fail(CUSGD_ERROR_USAGE, "second derivatives of sparse data are not computed: use solver lbfgs or cg");
    return CUSGD_OK;
}

/* Those of the pieces before, or zeros. */
static double *take_sums(cpu *self, piece_of at, int64_t count)
{
    double *sums = self->second;
    self->second = NULL;
    if (at.first > 0) return sums;
    free(sums); /* of a pass that was not ended */
    return allocate_aligned_zeroed((size_t)count, sizeof *sums);
}

/* from: the first column whose second derivatives are wanted. */
static cusgd_status find_hessian(cpu *self, const dataset *b, piece_of at, loss_rule loss, const double *theta, int64_t from,
                                 double *hessian)
{
    cusgd_status status = check(b, loss);
    if (status) return status;
    layout l = layout_of(b->d, b->k);
    int64_t panels = (b->d + PANEL) / PANEL; /* of d + 1 columns */
    second_pass t = {
        .self = self, .n = b->n, .k = b->k, .panels = panels, .pairs = panels * (panels + 1) / 2, .from = from / PANEL};
    t.moves = !loss_is_quadratic(loss.kind);
    t.blocks = t.moves ? b->k : 1;
    int64_t each = t.blocks * t.pairs * PANEL * PANEL; /* values of a slot */
    t.slots = min_of(max_of(SLOT_VALUES / each, 1), min_of(MAX_SLOTS, (at.n + SPAN_ROWS - 1) / SPAN_ROWS));
    t.turn = at.first / SPAN_ROWS % t.slots;
    real *point = allocate_aligned_zeroed((size_t)l.size, sizeof(real));
    t.p = allocate((size_t)(t.slots * SPAN_ROWS * t.k), sizeof(double));
    t.s = allocate((size_t)(t.blocks * t.slots * SPAN_ROWS), sizeof(double));
    t.sums = take_sums(self, at, t.slots * each);
    if (!point || !t.p || !t.s || !t.sums) {
        status = fail_memory((size_t)(t.slots * each) * sizeof(double), "the second derivatives");
    } else {
        rows_task task = NAMED(task_of)(b, loss, point, NULL);
        t.task = &task;
        if (t.moves) NAMED(layout_put)(&l, theta, point);
        status = add_waves(&t);
        int ends = at.first + b->n == at.n;
        for (int64_t c = 0; !status && ends && c < t.blocks; c++) collect(&t, c, at.n, hessian + c * (b->d + 1) * (b->d + 1));
        if (!status && !ends) self->second = t.sums, t.sums = NULL;
    }
    free(point);
    free(t.p);
    free(t.s);
    free(t.sums);
    return status;
}

cusgd_status NAMED(cpu_hessian_piece)(void *self, const dataset *b, piece_of at, loss_rule loss, const double *theta,
                                      double *hessian)
{
    return find_hessian(self, b, at, loss, theta, 0, hessian);
}

cusgd_status NAMED(cpu_hessian)(void *self, const dataset *b, loss_rule loss, const double *theta, double *hessian)
{
    return find_hessian(self, b, (piece_of){0, b->n}, loss, theta, 0, hessian);
}

cusgd_status NAMED(cpu_hessian_from)(void *self, const dataset *b, loss_rule loss, const double *theta, int64_t from,
                                     double *hessian)
{
    return find_hessian(self, b, (piece_of){0, b->n}, loss, theta, from, hessian);
}
