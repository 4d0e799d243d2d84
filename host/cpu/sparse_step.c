/* Steps on sparse rows: first the derivatives of the batch's rows, then the sums of its columns, each added in a fixed order by
 * whatever thread, so that their number cannot change a bit.
 *
 * A dense update gives step.c the gradient of all parameters. A lazy one, of sgd and adagrad, updates a parameter as soon as its
 * column's sum is known, and leaves the others alone. What they miss is made up for before a batch that has their column is
 * predicted, and at the end of the slice (catch_up_with()):
 *
 *     sgd      |theta| = max(0, P |theta| - T), the composition of the steps' shrinkage 1 - rate l2 and threshold rate l1
 *     adagrad  theta = S(theta, c A l1) / (1 + c A l2), A the sum of the rates, c = 1 / (sqrt(G) + epsilon), since G stands still
 *
 * (Duchi, Singer 2009; Lipton, Elkan 2015). The average of the iterates takes theta as it stood meanwhile. In adagrad l2 acts by
 * its proximal map and does not add to G: the optimum is the same, the way there is not. */
#include "parts.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INLINED static inline __attribute__((always_inline))

/* Sums of fewer values are added in order; of more by lanes, by their position. */
enum { FEW = 8 };

typedef struct column_step {
    cpu *self;
    batch_columns of;
    struct update_step numbers;
    int64_t i; /* of the slice */
    int64_t rows;
    real inverse;  /* 1 / rows */
    int64_t parts; /* of the columns, with about equal numbers of values */
} column_step;

/* The first column of a part: the values are divided equally. */
static int64_t part_start(const column_step *s, int64_t part)
{
    int64_t low = 0, high = s->of.count;
    if (part == s->parts || s->of.count == 0) return s->of.count;
    uint64_t wanted = (uint64_t)s->of.columns[s->of.count - 1].end * (uint64_t)part / (uint64_t)s->parts;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (s->of.columns[middle].end <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

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

/* ---- Lazy updates ---- */

/* Brings a parameter from step `last` of the slice to step i. Without a gradient so far adagrad has no scale, and waits. */
INLINED void catch_up_with(int optimizer, const cpu *self, int64_t last, int64_t i, struct parameter *q)
{
    const catch_up *from = self->sparse.since + last, *to = self->sparse.since + i;
    struct update_rule rule = self->rule;
    if (last == i) return;
    if (optimizer == CUSGD_OPTIMIZER_SGD && (rule.l1 > 0 || rule.l2 > 0)) {
        real shrink = (real)(to->shrink / from->shrink);
        q->theta *= shrink;
        if (rule.l1 > 0) q->theta = soft_threshold(q->theta, (real)(to->shrink * (to->threshold - from->threshold)));
    } else if ((rule.l1 > 0 || rule.l2 > 0) && q->slot1 > 0) { /* both sides of the quotient times 1 / c */
        real rate = (real)(to->rate - from->rate), root = real_sqrt(q->slot1) + rule.epsilon;
        real numerator = q->theta * root; /* signs are random: no branch depends on them without l1 */
        if (rule.l1 > 0) numerator = soft_threshold(numerator, rate * rule.l1);
        q->theta = numerator / (root + rate * rule.l2);
    }
    if (rule.average) {
        real keep = last < to->fresh ? 0 : (real)(to->keep / from->keep);
        q->average = q->theta + keep * (q->average - q->theta);
    }
}

INLINED struct parameter parameter_at(const cpu *self, int slots, int64_t u)
{
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    return (struct parameter){v->at[STATE_THETA][u], slots ? v->at[STATE_SLOT1][u] : 0, 0, 0,
                              self->rule.average ? v->at[STATE_AVERAGE][u] : 0};
}

INLINED void put_parameter(cpu *self, int slots, int64_t u, struct parameter q)
{
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    v->at[STATE_THETA][u] = q.theta;
    if (slots) v->at[STATE_SLOT1][u] = q.slot1;
    if (self->rule.average) v->at[STATE_AVERAGE][u] = q.average;
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

/* A part of the columns, brought to the step first. Rows add a part's columns in order, and then the parts (sparse_pass.c). */
INLINED void predict_columns(int optimizer, int pending, const column_step *s, int64_t part)
{
    cpu *self = s->self;
    const layout *l = &self->layout;
    sparse_state *z = &self->sparse;
    int slots = optimizer == CUSGD_OPTIMIZER_ADAGRAD;
    int64_t first = part_start(s, part), end = part_start(s, part + 1), width = sparse_width(l), each = l->wide ? LANES : 1;
    int64_t at = first > 0 ? (int64_t)s->of.columns[first - 1].end : 0;
    const real *theta = z->lazy ? self->snapshot[SNAPSHOT_CURRENT].at[STATE_THETA] : self->point;
    real *p = z->predicted + part * s->rows * width;
    memset(p, 0, sizeof(real) * (size_t)(s->rows * width));
    for (int64_t c = first; c < end; c++) {
        int64_t j = s->of.columns[c].column, stop = s->of.columns[c].end, last = pending ? z->last[j] : 0;
        for (int64_t block = 0; block < l->blocks; block++) {
            int64_t start = block * l->ld + j * each;
            for (int64_t u = start; u < start + each && pending && last < s->i; u++) {
                struct parameter q = parameter_at(self, slots, u);
                catch_up_with(optimizer, self, last, s->i, &q);
                put_parameter(self, slots, u, q);
            }
            if (l->wide)
                add_products(&s->of, at, stop, theta + start, width, p + block * LANES);
            else
                add_product(&s->of, at, stop, theta[start], width, p + block);
        }
        if (pending) z->last[j] = (int32_t)s->i;
        at = stop;
    }
}

static void predict_part(void *context, int64_t part)
{
    const column_step *s = context;
    if (!s->self->sparse.pending)
        predict_columns(CUSGD_OPTIMIZER_SGD, 0, s, part);
    else if (s->self->rule.optimizer == CUSGD_OPTIMIZER_SGD)
        predict_columns(CUSGD_OPTIMIZER_SGD, 1, s, part);
    else
        predict_columns(CUSGD_OPTIMIZER_ADAGRAD, 1, s, part);
}

/* ---- The step of a batch ---- */

/* sgd's step is the dense one. adagrad's penalties, and its share in the average, come with those of the steps that follow. */
INLINED void step_lazily(int optimizer, const column_step *s, int64_t u, real g)
{
    cpu *self = s->self;
    int slots = optimizer == CUSGD_OPTIMIZER_ADAGRAD;
    struct update_rule rule = self->rule;
    struct parameter q = parameter_at(self, slots, u);
    struct own_rule own = {1, 1, 1, 0, 0};
    rule.optimizer = optimizer;
    if (slots) rule.average = 0;
    update_parameter(rule, s->numbers, own, 0, !slots, q.theta, g, &q);
    put_parameter(self, slots, u, q);
}

INLINED void lazy_columns(int optimizer, const column_step *s, int64_t first, int64_t end)
{
    const layout *l = &s->self->layout;
    sparse_state *z = &s->self->sparse;
    int64_t width = sparse_width(l), at = first > 0 ? (int64_t)s->of.columns[first - 1].end : 0;
    for (int64_t c = first; c < end; c++) {
        int64_t j = s->of.columns[c].column, stop = s->of.columns[c].end;
        for (int64_t k = 0; k < l->k && !l->wide; k++)
            step_lazily(optimizer, s, k * l->ld + j, column_sum(&s->of, z->derivative + k, width, at, stop) * s->inverse);
        for (int64_t block = 0; block < l->blocks && l->wide; block++) {
            real sum[LANES];
            column_sums(&s->of, z->derivative + block * LANES, width, at, stop, sum);
            for (int k = 0; k < LANES; k++) step_lazily(optimizer, s, block * l->ld + j * LANES + k, sum[k] * s->inverse);
        }
        if (z->pending && optimizer == CUSGD_OPTIMIZER_SGD) z->last[j] = (int32_t)(s->i + 1);
        at = stop;
    }
}

static void update_part(void *context, int64_t part)
{
    const column_step *s = context;
    int64_t first = part_start(s, part), end = part_start(s, part + 1);
    if (s->self->rule.optimizer == CUSGD_OPTIMIZER_SGD)
        lazy_columns(CUSGD_OPTIMIZER_SGD, s, first, end);
    else
        lazy_columns(CUSGD_OPTIMIZER_ADAGRAD, s, first, end);
}

/* ---- Dense updates ---- */

static void gradient_part(void *context, int64_t part)
{
    const column_step *s = context;
    const layout *l = &s->self->layout;
    const sparse_state *z = &s->self->sparse;
    real *gradient = s->self->gradient, sum[LANES];
    int64_t first = part_start(s, part), end = part_start(s, part + 1), width = sparse_width(l);
    int64_t at = first > 0 ? (int64_t)s->of.columns[first - 1].end : 0;
    for (int64_t c = first; c < end; c++) {
        int64_t j = s->of.columns[c].column, stop = s->of.columns[c].end;
        for (int64_t k = 0; k < l->k && !l->wide; k++)
            gradient[k * l->ld + j] = column_sum(&s->of, z->derivative + k, width, at, stop) * s->inverse;
        for (int64_t block = 0; block < l->blocks && l->wide; block++) {
            column_sums(&s->of, z->derivative + block * LANES, width, at, stop, sum);
            for (int k = 0; k < LANES; k++) gradient[block * l->ld + j * LANES + k] = sum[k] * s->inverse;
        }
        at = stop;
    }
}

/* ---- A slice ---- */

/* The tables of what untouched columns miss; 0: a step shrinks theta to nothing or beyond, which no product can undo. */
static int make_tables(cpu *self, const slice *s)
{
    catch_up *since = self->sparse.since;
    double l1 = (double)self->rule.l1, l2 = (double)self->rule.l2;
    since[0] = (catch_up){1, 0, 0, 1, 0};
    for (int64_t i = 0; i < s->count; i++) {
        double rate = (double)update_step_from(s->numbers + i).rate, weight = s->numbers[i].average;
        catch_up next = since[i];
        next.shrink *= 1 - rate * l2;
        next.rate += rate;
        if (self->rule.optimizer == CUSGD_OPTIMIZER_SGD && !(next.shrink > 1e-200)) return 0;
        next.threshold += rate * l1 / next.shrink;
        next.keep *= 1 - weight;
        if (!(next.keep > 1e-200)) { /* the average is this iterate, or nothing is left of the ones before */
            next.keep = 1;
            next.fresh = i + 1;
        }
        since[i + 1] = next;
    }
    return 1;
}

cusgd_status NAMED(sparse_begin)(cpu *self, const slice *s)
{
    sparse_state *z = &self->sparse;
    cusgd_status status = NAMED(sparse_transpose)(self, s);
    if (status) return status;
    z->lazy = self->spec.lazy;
    z->pending = z->lazy && (self->rule.average || self->rule.l1 > 0 || self->rule.l2 > 0);
    if (!z->pending) return CUSGD_OK;
    if (z->since_room <= s->count) {
        free(z->since);
        z->since_room = s->count + 1;
        z->since = allocate((size_t)z->since_room, sizeof *z->since);
        if (!z->since) {
            z->since_room = 0;
            return fail_memory((size_t)s->count * sizeof *z->since, "a slice of lazy steps");
        }
    }
    z->lazy = z->pending = make_tables(self, s);
    memset(z->last, 0, sizeof *z->last * (size_t)self->spec.d);
    return CUSGD_OK;
}

static int64_t values_of(const batch_columns *of) { return of->count > 0 ? (int64_t)of->columns[of->count - 1].end : 0; }

/* Threads that a pass over the batch's columns is worth. */
static int team_of(const cpu *self, const batch_columns *of)
{
    int64_t bytes = (values_of(of) * (int64_t)sizeof(real) + of->count * 16) * self->spec.k;
    return threads_for(self->threads, bytes, THREAD_BYTES);
}

/* The gradient of the intercepts, rows in order. */
static void add_intercepts(cpu *self, int64_t rows)
{
    const layout *l = &self->layout;
    int64_t width = sparse_width(l), each = l->wide ? LANES : 1;
    for (int64_t c = 0; c < width; c++) {
        double sum = 0;
        for (int64_t r = 0; r < rows; r++) sum += (double)self->sparse.derivative[r * width + c];
        self->gradient[c / each * l->ld + l->ld - LANES + c % each] = (real)(sum / (double)rows);
    }
}

void NAMED(sparse_rows)(cpu *self, const slice *s, int64_t i)
{
    enum { PART_VALUES = 4096 };
    sparse_state *z = &self->sparse;
    const sampler *order = s->shares[0].order;
    batch_span at = sampler_span(order, (uint64_t)(s->first + i));
    z->batch = NAMED(sparse_batch)(self, s, i);
    column_step step = {.self = self, .of = z->batch, .i = i, .rows = at.count};
    step.parts = max_of(1, min_of(values_of(&z->batch) / PART_VALUES, PREDICTED_PARTS)); /* by the batch alone */
    pool_for(self->pool, team_of(self, &z->batch), step.parts, predict_part, &step);
    self->rows[CUSGD_STORAGE_FULL]->order(order, self->order.tables, at.first, at.count, z->rows);
    sparse_pass pass = {.self = self,
                        .b = s->shares[0].examples,
                        .loss = self->spec.loss,
                        .theta = z->lazy ? self->snapshot[SNAPSHOT_CURRENT].at[STATE_THETA] : self->point,
                        .layout = self->layout,
                        .rows = z->rows,
                        .count = at.count,
                        .predicted = z->predicted,
                        .predicted_parts = step.parts,
                        .derivative = z->derivative,
                        .losses = self->losses};
    NAMED(sparse_derivatives)(&pass);
}

void NAMED(sparse_columns)(cpu *self, const slice *s, int64_t i, int64_t rows)
{
    column_step step = {
        .self = self, .of = self->sparse.batch, .numbers = update_step_from(s->numbers + i), .i = i, .rows = rows};
    step.inverse = (real)(1.0 / (double)rows);
    step.parts = pool_team(self->pool, team_of(self, &step.of), self->threads);
    if (!self->sparse.lazy) memset(self->gradient, 0, sizeof(real) * (size_t)self->size);
    add_intercepts(self, rows);
    pool_for(self->pool, (int)step.parts, step.parts, self->sparse.lazy ? update_part : gradient_part, &step);
}

typedef struct finishing {
    cpu *self;
    int64_t done;
} finishing;

enum { FINISHED_TOGETHER = 4096 }; /* columns */

static void finish_span(void *context, int64_t span)
{
    const finishing *f = context;
    cpu *self = f->self;
    const layout *l = &self->layout;
    int slots = self->rule.optimizer == CUSGD_OPTIMIZER_ADAGRAD;
    int64_t end = min_of((span + 1) * FINISHED_TOGETHER, l->d), each = l->wide ? LANES : 1;
    for (int64_t block = 0; block < l->blocks; block++)
        for (int64_t j = span * FINISHED_TOGETHER; j < end; j++)
            for (int64_t u = block * l->ld + j * each; u < block * l->ld + (j + 1) * each; u++) {
                struct parameter q = parameter_at(self, slots, u);
                catch_up_with(self->rule.optimizer, self, self->sparse.last[j], f->done, &q);
                put_parameter(self, slots, u, q);
            }
}

void NAMED(sparse_finish)(cpu *self, int64_t done)
{
    finishing f = {self, done};
    int64_t spans = (self->spec.d + FINISHED_TOGETHER - 1) / FINISHED_TOGETHER;
    if (self->sparse.pending)
        pool_for(self->pool, threads_for(self->threads, self->size * 16, THREAD_BYTES), spans, finish_span, &f);
}
