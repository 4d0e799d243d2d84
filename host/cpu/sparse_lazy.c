/* Lazy updates, of the columns that a batch has: what the others miss (scalar/lazy.h) is made up for before a batch that has them
 * is predicted, and at the end of the slice. */
#include "parts.h"

#include "failure.h"
#include <stdlib.h>
#include <string.h>

cusgd_status NAMED(lazy_begin)(cpu *self, const slice *s)
{
    sparse_state *z = &self->sparse;
    int parts = 2 + optimizer_slots(self->rule.optimizer);
    size_t room = (size_t)(z->shards[0].store.most_columns * sparse_width(&self->layout));
    z->lazy = self->spec.lazy;
    z->pending = z->lazy && (self->rule.average || self->rule.l1 > 0 || self->rule.l2 > 0 || self->limit[0]);
    if (z->lazy && z->touched_room < room) {
        free(z->touched_values);
        z->touched_values = allocate_aligned(room * (size_t)parts, sizeof(real));
        z->touched_room = z->touched_values ? room : 0;
        if (!z->touched_values) return fail_memory(room * (size_t)parts * sizeof(real), "a batch's parameters");
    }
    if (!z->pending) return CUSGD_OK;
    if (z->since_room <= s->count) {
        free(z->since);
        free(z->missed);
        z->since_room = s->count + 1;
        z->since = allocate((size_t)z->since_room, sizeof *z->since);
        z->missed = allocate((size_t)z->since_room, sizeof *z->missed);
        if (!z->since || !z->missed) {
            z->since_room = 0;
            return fail_memory((size_t)s->count * (sizeof *z->since + sizeof *z->missed), "a slice of lazy steps");
        }
    }
    z->lazy = z->pending = catch_up_fill(self->rule.optimizer, self->spec.constants.l1, self->spec.constants.l2,
                                         sizeof(real) == sizeof(float), s->numbers, s->count, z->since);
    memset(z->last, 0, sizeof *z->last * (size_t)self->spec.d);
    return CUSGD_OK;
}

/* ---- Tiles ---- */

static inline int64_t column_at(const lazy_columns *of, int64_t c) { return of->columns ? of->columns[c].column : of->first + c; }

/* Copies parameters of these columns from `part`. */
static void take(const lazy_columns *of, const layout *l, const real *part, real *to)
{
    if (l->wide)
        for (int64_t c = 0; c < of->count; c++)
            memcpy(to + c * LANES, part + of->block * l->ld + column_at(of, c) * LANES, LANES * sizeof *to);
    else
        for (int64_t c = 0; c < of->count; c++) to[c] = part[of->block * l->ld + column_at(of, c)];
}

static void give(const lazy_columns *of, const layout *l, const real *from, real *part)
{
    if (l->wide)
        for (int64_t c = 0; c < of->count; c++)
            memcpy(part + of->block * l->ld + column_at(of, c) * LANES, from + c * LANES, LANES * sizeof *from);
    else
        for (int64_t c = 0; c < of->count; c++) part[of->block * l->ld + column_at(of, c)] = from[c];
}

void NAMED(lazy_give)(const cpu *self, const lazy_columns *of, const lazy_tile *t)
{
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    give(of, &self->layout, t->theta, v->at[STATE_THETA]);
    for (int i = 0; i < optimizer_slots(self->rule.optimizer); i++) give(of, &self->layout, t->slot[i], v->at[STATE_SLOT1 + i]);
    if (self->rule.average) give(of, &self->layout, t->average, v->at[STATE_AVERAGE]);
}

void NAMED(lazy_limits)(const cpu *self, const lazy_columns *of, lazy_work *work, lazy_tile *t)
{
    for (int i = 0; i < LIMIT_COUNT && self->limit[0]; i++) {
        take(of, &self->layout, self->limit[i], work->limit[i]);
        t->limit[i] = work->limit[i];
    }
}

/* Of columns `each` values apart in the tile; listed: 0 where they are not, but first and up, at the slice's end. */
static inline __attribute__((always_inline)) void find_missed_by(int optimizer, int averages, int listed, const sparse_state *z,
                                                                 const lazy_columns *of, int64_t i, lazy_work *work, int each)
{
    for (int64_t c = 0; c < of->count; c++) {
        int32_t last = z->last[listed ? of->columns[c].column : of->first + c];
        struct missed_steps m = listed ? missed_between(optimizer, averages, z->since, last, i) : z->missed[last];
        work->shrink[c * each] = m.shrink;
        work->missed[c * each] = m.amount;
        work->keep[c * each] = m.keep;
    }
}

/* What each column of the tile has missed until step i: of the first of its outputs. The usual cases have loops of their own. */
static void find_missed(const cpu *self, const lazy_columns *of, int64_t i, lazy_work *work, lazy_tile *t)
{
    const sparse_state *z = &self->sparse;
    int each = self->layout.wide ? LANES : 1, optimizer = self->rule.optimizer, averages = self->rule.average;
    int plain = each == 1 && averages == (optimizer == CUSGD_OPTIMIZER_FTRL), listed = of->columns != NULL;
    t->shrink = work->shrink;
    t->missed = work->missed;
    t->keep = work->keep;
    t->steps = (real)z->since[i].steps;
    if (!listed)
        find_missed_by(optimizer, averages, 0, z, of, i, work, each);
    else if (plain && optimizer == CUSGD_OPTIMIZER_SGD)
        find_missed_by(CUSGD_OPTIMIZER_SGD, 0, 1, z, of, i, work, 1);
    else if (plain && optimizer == CUSGD_OPTIMIZER_ADAGRAD)
        find_missed_by(CUSGD_OPTIMIZER_ADAGRAD, 0, 1, z, of, i, work, 1);
    else if (plain && optimizer == CUSGD_OPTIMIZER_FTRL)
        find_missed_by(CUSGD_OPTIMIZER_FTRL, 1, 1, z, of, i, work, 1);
    else
        find_missed_by(optimizer, averages, 1, z, of, i, work, each);
}

/* Gives the other outputs of a column what the first one has. */
static void fill_outputs(const lazy_columns *of, real *values)
{
    for (int64_t c = 0; c < of->count; c++)
        for (int l = 1; l < LANES; l++) values[c * LANES + l] = values[c * LANES];
}

void NAMED(lazy_take)(const cpu *self, const lazy_columns *of, int64_t i, lazy_tile *t)
{
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    lazy_work work;
    take(of, &self->layout, v->at[STATE_THETA], t->theta);
    for (int p = 0; p < optimizer_slots(self->rule.optimizer); p++) take(of, &self->layout, v->at[STATE_SLOT1 + p], t->slot[p]);
    if (self->rule.average) take(of, &self->layout, v->at[STATE_AVERAGE], t->average);
    if (!self->sparse.pending) return;
    NAMED(lazy_limits)(self, of, &work, t);
    find_missed(self, of, i, &work, t);
    if (self->layout.wide) {
        fill_outputs(of, work.shrink);
        fill_outputs(of, work.missed);
        fill_outputs(of, work.keep);
    }
    self->rows[CUSGD_STORAGE_FULL]->catch_up(t);
}

/* ---- The end of a slice ---- */

typedef struct finishing {
    cpu *self;
    int64_t done;
} finishing;

enum { FINISHED_TOGETHER = 4096 }; /* columns */

static void finish_span(void *context, int64_t span)
{
    const finishing *f = context;
    cpu *self = f->self;
    int64_t end = min_of((span + 1) * FINISHED_TOGETHER, self->layout.d), each = self->layout.wide ? LANES : 1;
    real part[5][LAZY_TILE];
    for (int64_t block = 0; block < self->layout.blocks; block++)
        for (int64_t j = span * FINISHED_TOGETHER; j < end; j += LAZY_TILE / each) {
            lazy_columns of = {NULL, j, min_of(end - j, LAZY_TILE / each), block};
            lazy_tile t = {.rule = &self->rule,
                           .count = of.count * each,
                           .theta = part[0],
                           .average = part[1],
                           .slot = {part[2], part[3], part[4]}};
            NAMED(lazy_take)(self, &of, f->done, &t);
            NAMED(lazy_give)(self, &of, &t);
        }
}

void NAMED(lazy_finish)(cpu *self, int64_t done)
{
    finishing f = {self, done};
    const sparse_state *z = &self->sparse;
    int64_t spans = (self->spec.d + FINISHED_TOGETHER - 1) / FINISHED_TOGETHER;
    for (int64_t i = 0; z->pending && i <= done; i++)
        z->missed[i] = missed_between(self->rule.optimizer, self->rule.average, z->since, i, done);
    if (z->pending) pool_for(self->pool, threads_for(self->threads, self->size * 16, THREAD_BYTES), spans, finish_span, &f);
}
