/* Steps on sparse rows: first the derivatives of the batch's rows, then the sums of its columns, each added in a fixed order by
 * whatever thread, so that their number cannot change a bit.
 *
 * A dense update gives step.c the gradient of all parameters. A lazy one (sparse_lazy.c) works on copies of the parameters of the
 * batch's columns: they are brought up to date before the batch is predicted, and are written back when their columns' sums are
 * known. */
#include "step.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INLINED static inline __attribute__((always_inline))

/* Sums of fewer values are added in order; of more by lanes, by their position. */
enum { FEW = 8 };

typedef struct column_step {
    cpu *self;
    const step *of;
    const batch_columns *columns;
    real *gradient; /* of an update that is not lazy */
    int64_t rows;
    real inverse;  /* 1 / rows */
    int64_t parts; /* of the columns: COLUMN_PARTS pieces, or fewer parts of several pieces, a power of 2 */
} column_step;

/* ---- Sums of a column ---- */

INLINED int64_t place_at(const void *place, int wide, int64_t at)
{
    return wide ? (int64_t)((const uint32_t *)place)[at] : (int64_t)((const uint16_t *)place)[at];
}

INLINED real sum_values(const real *derivative, int64_t stride, const void *place, int wide, const real *value, int64_t at,
                        int64_t end)
{
    real lane[FEW] = {0}, sum = 0;
    if (end - at < FEW) {
        for (; at < end; at++) sum += value[at] * derivative[place_at(place, wide, at) * stride];
        return sum;
    }
    for (; at + FEW <= end; at += FEW)
        for (int l = 0; l < FEW; l++) lane[l] += value[at + l] * derivative[place_at(place, wide, at + l) * stride];
    for (int l = 0; at < end; at++, l++) lane[l] += value[at] * derivative[place_at(place, wide, at) * stride];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* Of output c, where outputs are few. */
INLINED real column_sum(const batch_columns *of, const real *derivative, int64_t stride, int64_t at, int64_t end)
{
    if (of->wide) return sum_values(derivative, stride, of->place, 1, of->value, at, end);
    if (stride == 1) return sum_values(derivative, 1, of->place, 0, of->value, at, end);
    return sum_values(derivative, stride, of->place, 0, of->value, at, end);
}

/* Of LANES outputs. */
static void column_sums(const batch_columns *of, const real *derivative, int64_t stride, int64_t at, int64_t end, real *sum)
{
    memset(sum, 0, LANES * sizeof *sum);
    for (; at < end; at++) {
        const real *row = derivative + place_at(of->place, of->wide, at) * stride;
        for (int l = 0; l < LANES; l++) sum[l] += of->value[at] * row[l];
    }
}

/* ---- Predictions of a batch ---- */

/* Adds theta x of LANES outputs. */
static void add_products(const batch_columns *of, int64_t at, int64_t end, const real *theta, int64_t stride, real *p)
{
    for (; at < end; at++) {
        real *row = p + place_at(of->place, of->wide, at) * stride;
        for (int l = 0; l < LANES; l++) row[l] += of->value[at] * theta[l];
    }
}

/* Adds theta x of one output. */
INLINED void add_product(const batch_columns *of, int64_t at, int64_t end, real theta, int64_t stride, real *p)
{
    const real *value = of->value;
    if (of->wide || stride != 1)
        for (; at < end; at++) p[place_at(of->place, of->wide, at) * stride] += value[at] * theta;
    else
        for (; at < end; at++) p[((const uint16_t *)of->place)[at]] += value[at] * theta;
}

/* The columns of a part, and where the values of the first begin. */
typedef struct column_range {
    int64_t first, end, at;
} column_range;

static column_range part_columns(const column_step *s, int64_t part)
{
    int64_t each = COLUMN_PARTS / s->parts;
    const batch_columns *b = s->columns;
    column_range of = {b->piece[part * each], b->piece[(part + 1) * each], 0};
    if (of.first > 0) of.at = (int64_t)b->columns[of.first - 1].end;
    return of;
}

/* Copies of the parameters of columns c .. c + count - 1 of the batch, of one block of outputs. */
static void touched_tile(const cpu *self, int64_t c, int64_t count, int64_t block, lazy_tile *t)
{
    const sparse_state *z = &self->sparse;
    int64_t each = self->layout.wide ? LANES : 1;
    real *at = z->touched_values + (block * z->shards[0].batch.count + c) * each;
    size_t room = z->touched_room;
    t->rule = &self->rule;
    t->count = count * each;
    t->theta = at;
    t->average = at + room;
    for (int i = 0; i < optimizer_slots(self->rule.optimizer); i++) t->slot[i] = at + room * (size_t)(2 + i);
    t->limit[0] = NULL;
}

/* Adds the products of columns c .. c + count - 1, of one block of outputs, whose parameters are theta; their values begin at
 * `at`. Returns where those of the next column begin. */
static int64_t add_columns(const column_step *s, int64_t c, int64_t count, int64_t at, const real *theta, int64_t block, real *p)
{
    const layout *l = &s->self->layout;
    const batch_columns *of = s->columns;
    const column_end *columns = of->columns + c;
    int64_t width = sparse_width(l), i = 0;
    if (l->wide) {
        for (; i < count; at = columns[i++].end)
            add_products(of, at, columns[i].end, theta + i * LANES, width, p + block * LANES);
        return at;
    }
    p += block;
    if (s->rows == 1) { /* each column has one value, and the sum stays in a register */
        real sum = *p;
        for (; i < count; i++, at++) sum += of->value[at] * theta[i];
        *p = sum;
        return at;
    }
    for (; i < count && columns[i].end == at + 1; i++, at++)
        p[place_at(of->place, of->wide, at) * width] += of->value[at] * theta[i];
    for (; i < count; at = columns[i++].end) add_product(of, at, columns[i].end, theta[i], width, p);
    return at;
}

/* Copies of the parameters of columns c .. c + count - 1, of an update that is not lazy. */
static const real *copy_point(const column_step *s, int64_t c, int64_t count, int64_t block, real *copy)
{
    const layout *l = &s->self->layout;
    int64_t each = l->wide ? LANES : 1;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < each; k++)
            copy[i * each + k] = s->self->point[block * l->ld + s->columns->columns[c + i].column * each + k];
    return copy;
}

/* Rows add the products of a part's columns in their order, and then the parts (sparse_pass.c). */
static void predict_part(void *context, int64_t part)
{
    const column_step *s = context;
    cpu *self = s->self;
    const layout *l = &self->layout;
    column_range of = part_columns(s, part);
    int64_t width = sparse_width(l), each = l->wide ? LANES : 1;
    real *p = self->sparse.predicted + part * s->rows * width;
    memset(p, 0, sizeof(real) * (size_t)(s->rows * width));
    for (int64_t c = of.first; c < of.end; c += LAZY_TILE / each) {
        int64_t count = min_of(of.end - c, LAZY_TILE / each), at = of.at;
        for (int64_t block = 0; block < l->blocks; block++) {
            real copy[LAZY_TILE];
            const real *theta;
            if (self->sparse.lazy) {
                lazy_tile t;
                touched_tile(self, c, count, block, &t);
                NAMED(lazy_take)(self, &(lazy_columns){s->columns->columns + c, 0, count, block}, s->of->i, &t);
                theta = t.theta;
            } else {
                theta = copy_point(s, c, count, block, copy);
            }
            at = add_columns(s, c, count, of.at, theta, block, p);
        }
        of.at = at;
    }
}

/* ---- The step of a batch ---- */

/* The means over the rows of the gradients of columns c .. c + count - 1, of one block of outputs; returns where the values of
 * the next column begin. */
static int64_t column_means(const column_step *s, int64_t c, int64_t count, int64_t at, int64_t block, real *out)
{
    const layout *l = &s->self->layout;
    const real *derivative = s->self->sparse.derivative;
    int64_t width = sparse_width(l);
    const batch_columns *of = s->columns;
    const column_end *columns = of->columns + c;
    int64_t i = 0;
    for (; l->wide && i < count; at = columns[i++].end) {
        column_sums(of, derivative + block * LANES, width, at, columns[i].end, out + i * LANES);
        for (int k = 0; k < LANES; k++) out[i * LANES + k] *= s->inverse;
    }
    derivative += block;
    for (; i < count && columns[i].end == at + 1; i++, at++) /* as sum_values() has it */
        out[i] = (0 + of->value[at] * derivative[place_at(of->place, of->wide, at) * width]) * s->inverse;
    for (; i < count; at = columns[i++].end) out[i] = column_sum(of, derivative, width, at, columns[i].end) * s->inverse;
    return at;
}

static void update_tile(const column_step *s, const lazy_columns *of, int64_t c, const real *gradient)
{
    cpu *self = s->self;
    sparse_state *z = &self->sparse;
    int whole = lazy_is_whole(self->rule.optimizer);
    lazy_work work;
    lazy_tile t;
    touched_tile(self, c, of->count, of->block, &t);
    t.now = &s->of->numbers;
    t.gradient = gradient;
    if (whole) NAMED(lazy_limits)(self, of, &work, &t);
    self->rows[CUSGD_STORAGE_FULL]->step_lazily(&t);
    NAMED(lazy_give)(self, of, &t);
    for (int64_t i = 0; z->pending && i < of->count; i++) z->last[of->columns[i].column] = (int32_t)(s->of->i + whole);
}

static void gradient_tile(const column_step *s, const lazy_columns *of, const real *mean)
{
    const layout *l = &s->self->layout;
    int64_t each = l->wide ? LANES : 1;
    real *gradient = s->gradient + of->block * l->ld;
    for (int64_t i = 0; i < of->count; i++)
        for (int64_t k = 0; k < each; k++) gradient[of->columns[i].column * each + k] = mean[i * each + k];
}

static void update_part(void *context, int64_t part)
{
    const column_step *s = context;
    const layout *l = &s->self->layout;
    column_range of = part_columns(s, part);
    int64_t each = l->wide ? LANES : 1;
    for (int64_t c = of.first; c < of.end; c += LAZY_TILE / each) {
        int64_t count = min_of(of.end - c, LAZY_TILE / each), next = of.at;
        real mean[LAZY_TILE];
        for (int64_t block = 0; block < l->blocks; block++) {
            lazy_columns tile = {s->columns->columns + c, 0, count, block};
            next = column_means(s, c, count, of.at, block, mean);
            if (s->self->sparse.lazy)
                update_tile(s, &tile, c, mean);
            else
                gradient_tile(s, &tile, mean);
        }
        of.at = next;
    }
}

/* ---- A slice ---- */

cusgd_status NAMED(sparse_begin)(cpu *self, const slice *s)
{
    cusgd_status status = CUSGD_OK;
    for (int h = 0; h < self->order.shards && !status; h++) status = NAMED(sparse_transpose)(self, s, h);
    return status || self->order.shards == 0 ? status : NAMED(lazy_begin)(self, s);
}

static int64_t values_of(const batch_columns *of) { return of->count > 0 ? (int64_t)of->columns[of->count - 1].end : 0; }

static int team_of(const cpu *self, const batch_columns *of) { return sparse_team(self, values_of(of), of->count); }

/* The gradient of the intercepts, `count` rows in order, divided by `rows`. */
static void add_intercepts(const cpu *self, int64_t count, int64_t rows, real *gradient)
{
    const layout *l = &self->layout;
    int64_t width = sparse_width(l), each = l->wide ? LANES : 1;
    for (int64_t c = 0; c < width; c++) {
        double sum = 0;
        for (int64_t r = 0; r < count; r++) sum += (double)self->sparse.derivative[r * width + c];
        gradient[c / each * l->ld + l->ld - LANES + c % each] = (real)(sum / (double)rows);
    }
}

double NAMED(sparse_rows)(const step *t, int shard)
{
    cpu *self = t->self;
    sparse_state *z = &self->sparse;
    const batch_columns *batch = &z->shards[shard].batch;
    NAMED(sparse_batch)(t, shard);
    column_step s = {.self = self, .of = t, .columns = batch, .rows = t->shards[shard].batch[0].count};
    s.parts = 1; /* by the batch alone */
    while (s.parts < COLUMN_PARTS && values_of(batch) > s.parts * SPARSE_PART_VALUES) s.parts *= 2;
    pool_for(self->pool, team_of(self, batch), s.parts, predict_part, &s);
    sparse_pass pass = {.self = self,
                        .b = t->slice->shares[self->order.first + shard].examples,
                        .loss = self->spec.loss,
                        .theta = z->lazy ? self->snapshot[SNAPSHOT_CURRENT].at[STATE_THETA] : self->point,
                        .bias = z->bias,
                        .layout = self->layout,
                        .rows = z->rows,
                        .first = 0,
                        .count = s.rows,
                        .predicted = z->predicted,
                        .predicted_parts = s.parts,
                        .derivative = z->derivative,
                        .losses = z->losses,
                        .sums = NULL,
                        .parts = 0,
                        .is_zero = 0};
    NAMED(sparse_bias)(pass.b, &self->layout, pass.theta, z->bias);
    return NAMED(sparse_derivatives)(&pass);
}

void NAMED(sparse_columns)(const step *t, int shard, int64_t rows, real *gradient)
{
    cpu *self = t->self;
    column_step s = {.self = self, .of = t, .columns = &self->sparse.shards[shard].batch, .gradient = gradient};
    int team = team_of(self, s.columns);
    s.inverse = (real)(1.0 / (double)rows);
    s.parts = team > 1 ? COLUMN_PARTS : 1;
    if (!self->sparse.lazy) memset(gradient, 0, sizeof(real) * (size_t)self->size);
    add_intercepts(self, t->shards[shard].batch[0].count, rows, gradient);
    pool_for(self->pool, team, s.parts, update_part, &s);
    NAMED(sparse_center_gradient)(t->slice->shares[self->order.first + shard].examples, &self->layout, gradient);
}
