/* Batches of sparse rows by columns. The rows of a batch of the sampling `batches` are the same in all epochs, so all batches are
 * transposed once a run; those of other samplings when their step comes. */
#include "parts.h"

#include "failure.h"
#include "sparse.h"
#include <stdlib.h>
#include <string.h>

typedef struct batch_rows {
    const sparse_rows *x;
    const int64_t *rows;
    int64_t count;
} batch_rows;

static int64_t stored_in(const batch_rows *of)
{
    int64_t values = 0;
    for (int64_t r = 0; r < of->count; r++) values += of->x->start[of->rows[r] + 1] - of->x->start[of->rows[r]];
    return values;
}

/* Counts the values of each column; touched: the columns that occur, whose number is returned. */
static int64_t count_columns(const batch_rows *of, uint32_t *counts, int32_t *touched)
{
    int64_t columns = 0;
    for (int64_t r = 0; r < of->count; r++)
        for (int64_t at = of->x->start[of->rows[r]]; at < of->x->start[of->rows[r] + 1]; at++) {
            int32_t j = of->x->column[at];
            if (counts[j]++ == 0) touched[columns++] = j;
        }
    return columns;
}

static void put_place(void *place, int wide, int64_t at, int64_t row)
{
    if (wide)
        ((uint32_t *)place)[at] = (uint32_t)row;
    else
        ((uint16_t *)place)[at] = (uint16_t)row;
}

static int is_wide(const cpu *self) { return self->spec.batch > UINT16_MAX + 1; }
static size_t place_size(const cpu *self) { return is_wide(self) ? sizeof(uint32_t) : sizeof(uint16_t); }

/* Puts the columns of each piece, which ascend, in the order of their numbers of values. */
static void order_columns(const batch_rows *of, const uint32_t *counts, const int32_t *touched, int64_t columns, column_end *ends,
                          int64_t *piece)
{
    enum { LENGTHS = 64 }; /* longer ones are alike */
    int64_t u = 0;
    for (int q = 0; q < COLUMN_PARTS; q++) {
        int64_t first = piece[q] = u, next[LENGTHS + 1] = {0}, sum = first;
        for (; u < columns && touched[u] < of->x->cut[q + 1]; u++) next[min_of(counts[touched[u]], LENGTHS)]++;
        for (int l = 0; l <= LENGTHS; l++) {
            int64_t here = next[l];
            next[l] = sum;
            sum += here;
        }
        for (int64_t v = first; v < u; v++) ends[next[min_of(counts[touched[v]], LENGTHS)]++].column = touched[v];
    }
    piece[COLUMN_PARTS] = u;
}

/* Transposes a batch to the place of its first value and column. counts: zero, before and after. */
static int64_t transpose(const cpu *self, const batch_rows *of, int thread, int64_t batch)
{
    const sparse_state *z = &self->sparse;
    int64_t first_value = z->store.value_first ? z->store.value_first[batch] : 0;
    column_end *ends = z->store.columns + (z->store.column_first ? z->store.column_first[batch] : 0);
    uint32_t *counts = z->counts + thread * self->spec.d, end = 0;
    int32_t *touched = z->touched + thread * self->spec.d;
    int64_t columns = count_columns(of, counts, touched);
    sparse_sort_columns(self->spec.d, counts, touched, columns);
    order_columns(of, counts, touched, columns, ends, z->store.piece + batch * (COLUMN_PARTS + 1));
    for (int64_t u = 0; u < columns; u++) { /* counts become where a column's next value goes */
        uint32_t begin = end;
        end += counts[ends[u].column];
        ends[u].end = end;
        counts[ends[u].column] = begin;
    }
    for (int64_t r = 0; r < of->count; r++)
        for (int64_t at = of->x->start[of->rows[r]]; at < of->x->start[of->rows[r] + 1]; at++) {
            int64_t to = first_value + counts[of->x->column[at]]++;
            put_place(z->store.place, is_wide(self), to, r);
            z->store.value[to] = of->x->value[at];
        }
    for (int64_t u = 0; u < columns; u++) counts[touched[u]] = 0;
    return columns;
}

/* ---- Which rows ---- */

/* The rows of the batch at these positions of the epoch. */
static batch_rows list_rows(const cpu *self, const slice *s, batch_span at, const int64_t *table, int64_t *rows)
{
    self->rows[CUSGD_STORAGE_FULL]->order(s->shares[0].order, table, at.first, at.count, rows);
    return (batch_rows){s->shares[0].examples->sparse, rows, at.count};
}

static batch_rows list_step(const cpu *self, const slice *s, int64_t i)
{
    return list_rows(self, s, sampler_span(s->shares[0].order, (uint64_t)(s->first + i)), self->order.tables, self->sparse.rows);
}

/* ---- Room ---- */

static cusgd_status make_room(cpu *self, int64_t values, int64_t columns)
{
    sparse_state *z = &self->sparse;
    if (values > z->store.value_room) {
        free(z->store.place);
        free(z->store.value);
        z->store.place = allocate_aligned((size_t)values, place_size(self));
        z->store.value = allocate_aligned((size_t)values, sizeof(real));
        z->store.value_room = z->store.place && z->store.value ? values : 0;
        if (z->store.value_room == 0)
            return fail_memory((size_t)values * (place_size(self) + sizeof(real)), "the batches' columns");
    }
    if (columns > z->store.column_room) {
        free(z->store.columns);
        z->store.columns = allocate_aligned((size_t)columns, sizeof *z->store.columns);
        z->store.column_room = z->store.columns ? columns : 0;
        if (z->store.column_room == 0) return fail_memory((size_t)columns * sizeof *z->store.columns, "the batches' columns");
    }
    return CUSGD_OK;
}

/* Work that is kept for the whole run. */
static cusgd_status make_work(cpu *self)
{
    sparse_state *z = &self->sparse;
    size_t batch = (size_t)self->spec.batch, d = (size_t)self->spec.d, width = (size_t)sparse_width(&self->layout);
    if (z->rows) return CUSGD_OK;
    z->rows = allocate((size_t)self->threads * batch, sizeof *z->rows);
    z->derivative = allocate_aligned(batch * width, sizeof(real));
    z->bias = allocate(width, sizeof(real));
    z->predicted = allocate_aligned(COLUMN_PARTS * batch * width, sizeof(real));
    z->counts = allocate_zeroed((size_t)self->threads * d, sizeof *z->counts);
    z->touched = allocate((size_t)self->threads * d, sizeof *z->touched);
    z->last = allocate_zeroed(d, sizeof *z->last);
    if (z->rows && z->derivative && z->bias && z->predicted && z->counts && z->touched && z->last) return CUSGD_OK;
    NAMED(sparse_close)(self);
    return fail_memory(batch * width * sizeof(real) + (size_t)self->threads * d * 8, "the batches' columns");
}

/* ---- All batches ---- */

typedef struct building {
    cpu *self;
    const slice *slice;
    int counting; /* 1: columns are counted; 0: they are put where the counts say */
} building;

static void build_batch(void *context, int64_t batch)
{
    const building *b = context;
    cpu *self = b->self;
    sparse_state *z = &self->sparse;
    const sampler *order = b->slice->shares[0].order;
    int thread = pool_thread();
    int64_t first = (int64_t)batch_start(order->n, order->batches, (uint64_t)batch),
            end = (int64_t)batch_start(order->n, order->batches, (uint64_t)batch + 1);
    batch_rows of =
        list_rows(self, b->slice, (batch_span){first, end - first}, self->order.tables, z->rows + thread * self->spec.batch);
    if (!b->counting) {
        transpose(self, &of, thread, batch);
        return;
    }
    uint32_t *counts = z->counts + thread * self->spec.d;
    int32_t *touched = z->touched + thread * self->spec.d;
    z->store.value_first[batch] = stored_in(&of);
    z->store.column_first[batch] = count_columns(&of, counts, touched);
    for (int64_t u = 0; u < z->store.column_first[batch]; u++) counts[touched[u]] = 0;
}

/* Numbers of each become where each begins. */
static int64_t sum_before(int64_t *at, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t here = at[i];
        at[i] = sum;
        sum += here;
    }
    at[count] = sum;
    return sum;
}

static cusgd_status build_all(cpu *self, const slice *s)
{
    sparse_state *z = &self->sparse;
    const sampler *order = s->shares[0].order;
    int64_t batches = (int64_t)order->batches;
    z->of = NULL;
    free(z->store.value_first);
    free(z->store.column_first);
    free(z->store.piece);
    z->store.value_first = allocate((size_t)batches + 1, sizeof *z->store.value_first);
    z->store.column_first = allocate((size_t)batches + 1, sizeof *z->store.column_first);
    z->store.piece = allocate((size_t)batches * (COLUMN_PARTS + 1), sizeof *z->store.piece);
    if (!z->store.value_first || !z->store.column_first || !z->store.piece)
        return fail_memory(((size_t)batches + 1) * 16, "the batches' columns");
    building b = {self, s, 1};
    pool_for(self->pool, self->threads, batches, build_batch, &b);
    cusgd_status status = CUSGD_OK;
    z->store.most_columns = 0;
    for (int64_t i = 0; i < batches && !status; i++) {
        z->store.most_columns = max_of(z->store.most_columns, z->store.column_first[i]);
        status = sparse_check_batch(z->store.value_first[i]);
    }
    int64_t columns = sum_before(z->store.column_first, batches), values = sum_before(z->store.value_first, batches);
    if (!status) status = make_room(self, values, columns);
    if (status) return status;
    b.counting = 0;
    pool_for(self->pool, self->threads, batches, build_batch, &b);
    z->of = s->shares[0].examples;
    z->order = order->order;
    z->batches = order->batches;
    return CUSGD_OK;
}

/* Room for one batch, of samplings whose batches change. */
static cusgd_status make_one(cpu *self, int64_t values)
{
    sparse_state *z = &self->sparse;
    int64_t columns = min_of(values, self->spec.d);
    if (!z->store.piece) z->store.piece = allocate(COLUMN_PARTS + 1, sizeof *z->store.piece);
    if (!z->store.piece) return fail_memory((COLUMN_PARTS + 1) * sizeof *z->store.piece, "the batches' columns");
    free(z->store.value_first);
    free(z->store.column_first);
    z->store.value_first = z->store.column_first = NULL;
    z->store.most_columns = max_of(z->store.most_columns, columns);
    return make_room(self, values, columns);
}

cusgd_status NAMED(sparse_transpose)(cpu *self, const slice *s)
{
    sparse_state *z = &self->sparse;
    const sampler *order = s->shares[0].order;
    cusgd_status status = make_work(self);
    if (status) return status;
    if (order->sampling == CUSGD_SAMPLING_BLOCKS) self->rows[CUSGD_STORAGE_FULL]->order_table(order, self->order.tables);
    if (order->sampling == CUSGD_SAMPLING_BATCHES) {
        int is_built = z->of == s->shares[0].examples && z->batches == order->batches &&
                       memcmp(&z->order, &order->order, sizeof z->order) == 0;
        return is_built ? CUSGD_OK : build_all(self, s);
    }
    int64_t values = 0;
    z->of = NULL;
    for (int64_t i = 0; i < s->count; i++) {
        batch_rows of = list_step(self, s, i);
        values = max_of(values, stored_in(&of));
    }
    status = sparse_check_batch(values);
    return status ? status : make_one(self, values);
}

batch_columns NAMED(sparse_batch)(cpu *self, const slice *s, int64_t i)
{
    const sparse_state *z = &self->sparse;
    const sampler *order = s->shares[0].order;
    int64_t first = 0, values = 0, batch = 0, count;
    if (order->sampling == CUSGD_SAMPLING_BATCHES) {
        batch = (int64_t)sampler_batch(order, (uint64_t)(s->first + i));
        first = z->store.column_first[batch];
        count = z->store.column_first[batch + 1] - first;
        values = z->store.value_first[batch];
    } else {
        batch_rows of = list_step(self, s, i);
        count = transpose(self, &of, 0, 0);
    }
    return (batch_columns){count,
                           z->store.columns + first,
                           z->store.piece + batch * (COLUMN_PARTS + 1),
                           (const char *)z->store.place + (size_t)values * place_size(self),
                           z->store.value + values,
                           is_wide(self)};
}

void NAMED(sparse_close)(cpu *self)
{
    sparse_state *z = &self->sparse;
    free(z->store.value_first);
    free(z->store.column_first);
    free(z->store.piece);
    free(z->store.columns);
    free(z->store.place);
    free(z->store.value);
    free(z->touched_values);
    free(z->counts);
    free(z->touched);
    free(z->rows);
    free(z->derivative);
    free(z->bias);
    free(z->predicted);
    free(z->last);
    free(z->since);
    memset(z, 0, sizeof *z);
}
