/* Batches of sparse rows by columns. The rows of a batch of the sampling `batches` are the same in all epochs, so all batches are
 * transposed once a run; those of other samplings when their step comes. */
#include "step.h"

#include "failure.h"
#include "sparse.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct batch_rows {
    const sparse_rows *x;
    const int64_t *rows;
    int64_t count;
} batch_rows;

enum { AHEAD = 8 /* rows between the one that is read and the one that is asked for */ };

/* A batch's rows lie anywhere in memory. */
static inline void ask_for_start(const batch_rows *of, int64_t r)
{
    if (r + 2 * AHEAD < of->count) __builtin_prefetch(of->x->start + of->rows[r + 2 * AHEAD]);
}

/* array: the rows' columns or values, elements of `size` bytes. */
static inline void ask_for_lines(const sparse_rows *x, int64_t row, const void *array, size_t size)
{
    enum { LINE = 64, LINES_MOST = 16 /* a longer row's others are foreseen by the processor */ };
    const char *at = (const char *)array + (size_t)x->start[row] * size;
    const char *end = (const char *)array + (size_t)x->start[row + 1] * size;
    for (int i = 0; i < LINES_MOST && at < end; i++, at += LINE) __builtin_prefetch(at);
}

static inline void ask_for_row(const batch_rows *of, int64_t r, const void *array, size_t size)
{
    if (r + AHEAD < of->count) ask_for_lines(of->x, of->rows[r + AHEAD], array, size);
}

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
    for (int64_t r = 0; r < of->count; r++) {
        ask_for_start(of, r);
        ask_for_row(of, r, of->x->column, sizeof *of->x->column);
        for (int64_t at = of->x->start[of->rows[r]]; at < of->x->start[of->rows[r] + 1]; at++) {
            int32_t j = of->x->column[at];
            touched[columns] = j; /* whether it is new is hard to foresee */
            columns += counts[j]++ == 0;
        }
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
    int64_t u = 0, next[LENGTHS + 1] = {0};
    for (int q = 0; q < COLUMN_PARTS; q++) {
        int64_t first = piece[q] = u, sum = first, longest = 0;
        for (; u < columns && touched[u] < of->x->cut[q + 1]; u++) {
            int64_t length = min_of(counts[touched[u]], LENGTHS);
            next[length]++;
            longest = max_of(longest, length);
        }
        for (int64_t l = 1; l <= longest; l++) {
            int64_t here = next[l];
            next[l] = sum;
            sum += here;
        }
        for (int64_t v = first; v < u; v++) ends[next[min_of(counts[touched[v]], LENGTHS)]++].column = touched[v];
        memset(next, 0, sizeof *next * (size_t)(longest + 1));
    }
    piece[COLUMN_PARTS] = u;
}

/* Transposes a batch to the place of its first value and to where columns are free; returns how many it has. next: the first
 * column that is free; NULL: there is one batch alone. counts: zero, before and after. */
static int64_t transpose(const cpu *self, const batch_store *to, const batch_rows *of, int64_t batch, _Atomic int64_t *next)
{
    int thread = next ? pool_thread() : 0;
    const sparse_state *z = &self->sparse;
    int64_t first_value = to->value_first ? to->value_first[batch] : 0;
    uint32_t *counts = z->counts + thread * self->spec.d, end = 0;
    int32_t *touched = z->touched + thread * (self->spec.d + 1);
    int64_t columns = count_columns(of, counts, touched), first = next ? atomic_fetch_add(next, columns) : 0;
    column_end *ends = to->columns + first;
    if (next) to->column_first[batch] = first;
    sparse_sort_columns(self->spec.d, z->bits + (size_t)thread * sparse_bit_words(self->spec.d), touched, columns);
    order_columns(of, counts, touched, columns, ends, to->piece + batch * (COLUMN_PARTS + 1));
    for (int64_t u = 0; u < columns; u++) { /* counts become where a column's next value goes */
        uint32_t begin = end;
        end += counts[ends[u].column];
        ends[u].end = end;
        counts[ends[u].column] = begin;
    }
    for (int64_t r = 0; r < of->count; r++) {
        ask_for_row(of, r, of->x->value, sizeof *of->x->value);
        for (int64_t at = of->x->start[of->rows[r]]; at < of->x->start[of->rows[r] + 1]; at++) {
            int64_t place = first_value + counts[of->x->column[at]]++;
            put_place(to->place, is_wide(self), place, r);
            to->value[place] = of->x->value[at];
        }
    }
    for (int64_t u = 0; u < columns; u++) counts[touched[u]] = 0;
    return columns;
}

/* ---- Which rows ---- */

static const batch_share *share_of(const cpu *self, const slice *s, int shard) { return &s->shares[self->order.first + shard]; }

/* A shard's rows at these positions of the epoch. */
static batch_rows list_rows(const cpu *self, const slice *s, int shard, batch_span at, int64_t *rows)
{
    const batch_share *share = share_of(self, s, shard);
    self->rows[CUSGD_STORAGE_FULL]->order(share->order, self->order.tables + shard * SAMPLING_SPAN, at.first, at.count, rows);
    return (batch_rows){share->examples->sparse, rows, at.count};
}

static batch_rows list_step(const cpu *self, const slice *s, int shard, int64_t i)
{
    batch_span at = sampler_span(share_of(self, s, shard)->order, (uint64_t)(s->first + i));
    return list_rows(self, s, shard, at, self->sparse.rows);
}

/* ---- Room ---- */

static cusgd_status make_room(const cpu *self, batch_store *to, int64_t values, int64_t columns)
{
    if (values > to->value_room) {
        free(to->place);
        free(to->value);
        to->place = allocate_aligned((size_t)values, place_size(self));
        to->value = allocate_aligned((size_t)values, sizeof(real));
        to->value_room = to->place && to->value ? values : 0;
        if (to->value_room == 0) return fail_memory((size_t)values * (place_size(self) + sizeof(real)), "the batches' columns");
    }
    if (columns > to->column_room) {
        free(to->columns);
        to->columns = allocate_aligned((size_t)columns, sizeof *to->columns);
        to->column_room = to->columns ? columns : 0;
        if (to->column_room == 0) return fail_memory((size_t)columns * sizeof *to->columns, "the batches' columns");
    }
    return CUSGD_OK;
}

/* Work that is kept for the whole run. */
static cusgd_status make_work(cpu *self)
{
    sparse_state *z = &self->sparse;
    size_t batch = (size_t)self->spec.batch, d = (size_t)self->spec.d, width = (size_t)sparse_width(&self->layout);
    if (z->rows) return CUSGD_OK;
    z->shards = allocate_zeroed((size_t)self->order.shards, sizeof *z->shards);
    z->losses = allocate((size_t)chunk_count(self->spec.batch, SPARSE_CHUNK), sizeof *z->losses);
    z->rows = allocate((size_t)self->threads * batch, sizeof *z->rows);
    z->derivative = allocate_aligned(batch * width, sizeof(real));
    z->bias = allocate(width, sizeof(real));
    z->predicted = allocate_aligned(COLUMN_PARTS * batch * width, sizeof(real));
    z->counts = allocate_zeroed((size_t)self->threads * d, sizeof *z->counts);
    z->touched = allocate((size_t)self->threads * (d + 1), sizeof *z->touched);
    z->bits = allocate_zeroed((size_t)self->threads * sparse_bit_words(self->spec.d), sizeof *z->bits);
    z->last = allocate_zeroed(d, sizeof *z->last);
    if (z->shards && z->losses && z->rows && z->derivative && z->bias && z->predicted && z->counts && z->touched && z->bits &&
        z->last)
        return CUSGD_OK;
    NAMED(sparse_close)(self);
    return fail_memory(batch * width * sizeof(real) + (size_t)self->threads * d * 8, "the batches' columns");
}

/* ---- All batches ---- */

typedef struct building {
    cpu *self;
    const slice *slice;
    int shard;
    /* The first column that is free. Where a batch's columns lie depends on which thread comes first; nothing else does. */
    _Atomic int64_t next;
} building;

static batch_rows list_batch(const building *b, int64_t batch)
{
    const sampler *order = share_of(b->self, b->slice, b->shard)->order;
    int64_t *rows = b->self->sparse.rows + pool_thread() * b->self->spec.batch;
    return list_rows(b->self, b->slice, b->shard, sparse_batch_span(order, batch), rows);
}

static void count_batch(void *context, int64_t batch)
{
    const building *b = context;
    batch_rows of = list_batch(b, batch);
    b->self->sparse.shards[b->shard].store.value_first[batch] = stored_in(&of);
}

static void build_batch(void *context, int64_t batch)
{
    building *b = context;
    batch_rows of = list_batch(b, batch);
    transpose(b->self, &b->self->sparse.shards[b->shard].store, &of, batch, &b->next);
}

/* Numbers of values become where each batch begins; *columns: how many the batches have together, at most. Returns how many
 * values there are. */
static int64_t place_values(int64_t *at, int64_t batches, int64_t d, int64_t *columns)
{
    int64_t sum = 0;
    *columns = 0;
    for (int64_t i = 0; i < batches; i++) {
        int64_t here = at[i];
        at[i] = sum;
        sum += here;
        *columns += min_of(here, d);
    }
    return sum;
}

/* Gives back the room of columns that no batch has, which was never in use. */
static void trim_columns(batch_store *to, int64_t columns)
{
    column_end *less = realloc(to->columns, (size_t)max_of(columns, 1) * sizeof *less);
    if (!less) return;
    to->columns = less;
    to->column_room = max_of(columns, 1);
}

static int64_t columns_in(const batch_store *s, int64_t batch) { return s->piece[batch * (COLUMN_PARTS + 1) + COLUMN_PARTS]; }

static cusgd_status build_all(cpu *self, const slice *s, int shard)
{
    sparse_shard *z = &self->sparse.shards[shard];
    batch_store *to = &z->store;
    const sampler *order = share_of(self, s, shard)->order;
    int64_t batches = (int64_t)order->batches;
    z->of = NULL;
    free(to->value_first);
    free(to->column_first);
    free(to->piece);
    to->value_first = allocate((size_t)batches, sizeof *to->value_first);
    to->column_first = allocate((size_t)batches, sizeof *to->column_first);
    to->piece = allocate((size_t)batches * (COLUMN_PARTS + 1), sizeof *to->piece);
    if (!to->value_first || !to->column_first || !to->piece) return fail_memory((size_t)batches * 16, "the batches' columns");
    building b = {self, s, shard, 0};
    pool_for(self->pool, self->threads, batches, count_batch, &b);
    cusgd_status status = CUSGD_OK;
    for (int64_t i = 0; i < batches && !status; i++) status = sparse_check_batch(to->value_first[i]);
    int64_t columns, values = place_values(to->value_first, batches, self->spec.d, &columns);
    if (!status) status = make_room(self, to, values, columns);
    if (status) return status;
    pool_for(self->pool, self->threads, batches, build_batch, &b);
    trim_columns(to, b.next);
    to->most_columns = 0;
    for (int64_t i = 0; i < batches; i++) to->most_columns = max_of(to->most_columns, columns_in(to, i));
    z->of = share_of(self, s, shard)->examples;
    z->order = order->order;
    z->batches = order->batches;
    return CUSGD_OK;
}

/* Whether batches, or shards' shares of them, have no more than one row: then they need no transposition. */
static int has_single_rows(const cpu *self) { return self->order.share == 1; }

/* Room for one batch, of samplings whose batches change. */
static cusgd_status make_one(const cpu *self, batch_store *to, int64_t values)
{
    int64_t columns = min_of(values, self->spec.d);
    if (!to->piece) to->piece = allocate_zeroed(COLUMN_PARTS + 1, sizeof *to->piece);
    if (!to->piece) return fail_memory((COLUMN_PARTS + 1) * sizeof *to->piece, "the batches' columns");
    free(to->value_first);
    free(to->column_first);
    to->value_first = to->column_first = NULL;
    to->most_columns = max_of(to->most_columns, columns);
    return make_room(self, to, values, columns);
}

cusgd_status NAMED(sparse_transpose)(cpu *self, const slice *s, int shard)
{
    cusgd_status status = make_work(self);
    if (!status) status = NAMED(sparse_cut)(share_of(self, s, shard)->examples);
    if (status) return status;
    sparse_shard *z = &self->sparse.shards[shard];
    const batch_share *share = share_of(self, s, shard);
    const sampler *order = share->order;
    if (order->sampling == CUSGD_SAMPLING_BLOCKS)
        self->rows[CUSGD_STORAGE_FULL]->order_table(order, self->order.tables + shard * SAMPLING_SPAN);
    if (has_single_rows(self)) {
        z->of = NULL;
        status = make_one(self, &z->store, max_of(share->examples->sparse->longest, 1));
        if (!status) memset(z->store.place, 0, (size_t)z->store.value_room * place_size(self));
        return status;
    }
    if (order->sampling == CUSGD_SAMPLING_BATCHES) {
        int is_built =
            z->of == share->examples && z->batches == order->batches && memcmp(&z->order, &order->order, sizeof z->order) == 0;
        return is_built ? CUSGD_OK : build_all(self, s, shard);
    }
    int64_t values = 0;
    z->of = NULL;
    for (int64_t i = 0; i < s->count; i++) {
        batch_rows of = list_step(self, s, shard, i);
        values = max_of(values, stored_in(&of));
    }
    status = sparse_check_batch(values);
    return status ? status : make_one(self, &z->store, values);
}

/* The row that a shard has `later` steps behind this one, where batches have one; -1: none is known. */
static int64_t row_of_step(const step *t, int shard, int later)
{
    int64_t row;
    if (t->shards[shard].batch[later].count == 0) return -1;
    list_rows(t->self, t->slice, shard, t->shards[shard].batch[later], &row);
    return row;
}

/* Rows lie anywhere in memory: where they begin is asked for two steps before they are read, and they themselves one step. */
static int64_t next_row(const step *t, int shard)
{
    int64_t *ahead = t->self->sparse.shards[shard].ahead, row = t->i == 0 ? row_of_step(t, shard, 0) : ahead[0];
    const dataset *b = share_of(t->self, t->slice, shard)->examples;
    const sparse_rows *x = b->sparse;
    ahead[0] = t->i == 0 ? row_of_step(t, shard, 1) : ahead[1];
    ahead[1] = row_of_step(t, shard, 2);
    if (ahead[1] >= 0) __builtin_prefetch(x->start + ahead[1]);
    if (ahead[0] < 0) return row;
    __builtin_prefetch(b->y + ahead[0] * b->m);
    ask_for_lines(x, ahead[0], x->column, sizeof *x->column);
    ask_for_lines(x, ahead[0], x->value, sizeof *x->value);
    return row;
}

/* A row is its own transposition: its columns ascend, and each has one value. Pieces are looked for only where a step divides the
 * columns into parts. row: -1: there is none. */
static batch_columns take_row(const cpu *self, const sparse_rows *x, const batch_store *to, int64_t row)
{
    int64_t first = row < 0 ? 0 : x->start[row], count = row < 0 ? 0 : x->start[row + 1] - first, q = 0;
    int divided = count > SPARSE_PART_VALUES || sparse_team(self, count, count) > 1;
    to->piece[0] = 0;
    for (int64_t u = 0; u < count; u++) to->columns[u] = (column_end){x->column[first + u], (uint32_t)u + 1};
    for (int64_t u = 0; u < count && divided; u++)
        while (x->column[first + u] >= x->cut[q + 1]) to->piece[++q] = u;
    while (q < COLUMN_PARTS) to->piece[++q] = count;
    return (batch_columns){count, to->columns, to->piece, to->place, x->value + first, is_wide(self)};
}

void NAMED(sparse_batch)(const step *t, int shard)
{
    cpu *self = t->self;
    sparse_shard *z = &self->sparse.shards[shard];
    const batch_store *from = &z->store;
    const slice *s = t->slice;
    int64_t first = 0, values = 0, batch = 0, count;
    if (has_single_rows(self)) {
        self->sparse.rows[0] = next_row(t, shard);
        z->batch = take_row(self, share_of(self, s, shard)->examples->sparse, from, self->sparse.rows[0]);
        return;
    }
    batch_rows of = list_rows(self, s, shard, t->shards[shard].batch[0], self->sparse.rows);
    if (share_of(self, s, shard)->order->sampling == CUSGD_SAMPLING_BATCHES) {
        batch = (int64_t)sampler_batch(share_of(self, s, shard)->order, (uint64_t)(s->first + t->i));
        first = from->column_first[batch];
        count = columns_in(from, batch);
        values = from->value_first[batch];
    } else {
        count = transpose(self, from, &of, 0, NULL);
    }
    z->batch = (batch_columns){count,
                               from->columns + first,
                               from->piece + batch * (COLUMN_PARTS + 1),
                               (const char *)from->place + (size_t)values * place_size(self),
                               from->value + values,
                               is_wide(self)};
}

void NAMED(sparse_forget)(cpu *self, const dataset *b)
{
    const sparse_state *z = &self->sparse;
    for (int h = 0; z->shards && h < self->order.shards; h++)
        if (z->shards[h].of == b) z->shards[h].of = NULL;
}

void NAMED(sparse_close)(cpu *self)
{
    sparse_state *z = &self->sparse;
    for (int h = 0; z->shards && h < self->order.shards; h++) {
        batch_store *store = &z->shards[h].store;
        free(store->value_first);
        free(store->column_first);
        free(store->piece);
        free(store->columns);
        free(store->place);
        free(store->value);
    }
    free(z->shards);
    free(z->losses);
    free(z->touched_values);
    free(z->counts);
    free(z->touched);
    free(z->bits);
    free(z->rows);
    free(z->derivative);
    free(z->bias);
    free(z->predicted);
    free(z->last);
    free(z->since);
    free(z->missed);
    memset(z, 0, sizeof *z);
}
