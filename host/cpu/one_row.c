/* Slices of steps of one row, where nothing else is in the way: the arithmetic is one_row.h's. */
#include "step.h"

#include <math.h>

/* Of dense rows that are bound, one output and one shard, by a rule that keeps theta and its average alone, without penalty
 * factors, bounds or a norm to clip by; and of no more parameters than one thread should update. */
int NAMED(is_one_row)(const cpu *self, const slice *s)
{
    const run_spec *p = &self->spec;
    const dataset *b = s->shares[0].examples;
    const sampler *order = s->shares[0].order;
    int is_plain = p->batch == 1 && p->k == 1 && p->shards == 1 && !p->world && !p->sparse && self->models.width == 0;
    int is_cheap = optimizer_slots(p->optimizer) == 0 && !self->limit[0] && !(p->clip.norm > 0);
    if (!is_plain || !is_cheap || p->loss.kind >= CUSGD_LOSS_EXPRESSION || order->batches != order->total) return 0;
    return !b->source && !b->classed && b->storage == CUSGD_STORAGE_FULL &&
           threads_for(self->threads, self->size * (int64_t)sizeof(real), THREAD_BYTES) == 1;
}

/* The rows of steps first .. first + count - 1 of the epoch. */
static void rows_of_steps(const cpu *self, const sampler *order, int64_t first, int64_t count, int64_t *rows)
{
    const rows_functions *functions = self->rows[CUSGD_STORAGE_FULL];
    int is_in_order = order->sampling != CUSGD_SAMPLING_BATCHES && order->sampling != CUSGD_SAMPLING_REPLACE_BLOCKS;
    int64_t each = is_in_order ? count : 1;
    for (int64_t i = 0; i < count; i += each) {
        batch_span at = sampler_span(order, (uint64_t)(first + i));
        functions->order(order, self->order.tables, at.first, each, rows + i);
    }
}

void NAMED(one_row_steps)(cpu *self, const slice *s)
{
    enum { KNOWN = 512 }; /* rows that are found at a time */
    int64_t rows[KNOWN];
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    rows_task task = NAMED(task_of)(s->shares[0].examples, self->spec.loss, v->at[STATE_THETA], NULL);
    row_steps steps = {.task = &task,
                       .rule = self->rule,
                       .theta = v->at[STATE_THETA],
                       .average = v->at[STATE_AVERAGE],
                       .rate_factor = self->rate_factor,
                       .clip = self->spec.clip.value > 0 ? (real)self->spec.clip.value : (real)INFINITY,
                       .intercept = self->spec.intercept,
                       .rows = rows,
                       .loss = self->report.loss};
    for (int64_t i = 0; i < s->count && !self->report.failed; i += steps.count) {
        steps.count = min_of(s->count - i, KNOWN);
        steps.numbers = s->numbers + i;
        rows_of_steps(self, s->shares[0].order, s->first + i, steps.count, rows);
        int64_t done = self->rows[CUSGD_STORAGE_FULL]->steps(&steps);
        self->report.done += done;
        self->report.rows += done;
        self->report.failed = done < steps.count;
    }
    self->report.loss = steps.loss;
}
