/* Converts batches of sparse rows to columns, on the host and from the caller's rows. Several batches are converted at a time
 * by several threads, each with its own counts of all columns. The places of a batch's values in its columns depend only on its
 * rows.
 *
 * With the sampling `batches`, the rows of a batch are the same in all epochs, and all batches are converted once per run. */
#include "cuda.h"
#include "sparse.h"

#include <stdlib.h>
#include <string.h>

enum { PARTS = 16, GROUP_VALUES = 1 << 22 }; /* shares of the threads; values that are converted before an upload */

typedef struct making {
    const cuda *c;
    const sparse_rows *x;
    const batch_list *list;
    int64_t d, k, parts;
    uint32_t *counts;      /* parts x d: 0 between batches */
    int32_t *touched;      /* parts x d */
    uint64_t *bits;        /* parts x sparse_bit_words(d): 0 between batches */
    int64_t *rows;         /* parts x list->most */
    sparse_batch *each;    /* list->count + 1 */
    int64_t first, end;    /* the current batches */
    sparse_column *column; /* columns of the current batches */
    uint32_t *place;
    void *value; /* NULL: all values are 1 */
} making;

/* ---- The rows of a batch ---- */

static batch_span span_of(const batch_list *l, int64_t batch)
{
    const sampler *order = l->order;
    if (!order) return (batch_span){batch * l->each, min_of(l->each, l->rows - batch * l->each)};
    if (!l->whole) return sampler_span(order, (uint64_t)(l->first + batch));
    return sparse_batch_span(order, batch);
}

static int64_t list_rows(const batch_list *l, int64_t batch, int64_t *rows)
{
    batch_span span = span_of(l, batch);
    for (int64_t r = 0; r < span.count; r++)
        rows[r] = l->order ? (int64_t)sampler_row(l->order, (uint64_t)(span.first + r)) : span.first + r;
    return span.count;
}

/* ---- A single batch ---- */

/* Counts the values of each column that occurs. Returns the number of columns and sets *values to the total number of values. */
static int64_t count_columns(const making *m, const int64_t *rows, int64_t count, uint32_t *counts, int32_t *touched,
                             int64_t *values)
{
    int64_t columns = 0;
    *values = 0;
    for (int64_t r = 0; r < count; r++) {
        int64_t first, length = sparse_length_of(m->x, rows[r], &first);
        for (int64_t t = first; t < first + length; t++) {
            int64_t j = csr_column(&m->x->from, t);
            if (counts[j]++ == 0) touched[columns++] = (int32_t)j;
        }
        *values += length;
    }
    return columns;
}

/* Sorts the columns of the batch by length class, and sets counts to the place of the next value of each column. */
static void place_columns(const sparse_batch *b, int64_t k, uint32_t *counts, const int32_t *touched, int64_t columns,
                          sparse_column *to)
{
    int64_t next[SPARSE_LENGTHS] = {0};
    uint32_t begin = 0;
    for (int length = 1; length < SPARSE_LENGTHS; length++) next[length] = next[length - 1] + b->count[length - 1];
    for (int64_t u = 0; u < columns; u++) to[next[sparse_length(counts[touched[u]], k)]++].column = touched[u];
    for (int64_t u = 0; u < columns; u++) {
        uint32_t values = counts[to[u].column];
        to[u].begin = counts[to[u].column] = begin;
        begin += values;
    }
    to[columns] = (sparse_column){0, begin};
}

static void put_values(const making *m, const int64_t *rows, int64_t count, uint32_t *counts, int64_t first_value)
{
    int single = m->c->precision == CUSGD_PRECISION_FLOAT;
    for (int64_t r = 0; r < count; r++) {
        int64_t first, length = sparse_length_of(m->x, rows[r], &first);
        for (int64_t t = first; t < first + length; t++) {
            int64_t to = first_value + counts[csr_column(&m->x->from, t)]++;
            m->place[to] = (uint32_t)r;
            if (m->value && single)
                ((float *)m->value)[to] = (float)sparse_value(m->c, m->x, t);
            else if (m->value)
                ((double *)m->value)[to] = sparse_value(m->c, m->x, t);
        }
    }
}

/* Processes a share of the current batches: only counts if the arrays are not allocated yet, otherwise fills the arrays. */
static void make_part(void *context, int64_t part)
{
    const making *m = context;
    int64_t count = m->end - m->first, last = m->first + (part + 1) * count / m->parts, columns, values;
    uint32_t *counts = m->counts + part * m->d;
    int32_t *touched = m->touched + part * m->d;
    int64_t *rows = m->rows + part * m->list->most;
    for (int64_t i = m->first + part * count / m->parts; i < last; i++) {
        sparse_batch *b = &m->each[i];
        int64_t listed = list_rows(m->list, i, rows);
        columns = count_columns(m, rows, listed, counts, touched, &values);
        if (m->column) {
            sparse_sort_columns(m->d, m->bits + (size_t)part * sparse_bit_words(m->d), touched, columns);
            place_columns(b, m->k, counts, touched, columns, m->column + b->column - m->each[m->first].column);
            put_values(m, rows, listed, counts, b->value - m->each[m->first].value);
        } else {
            *b = (sparse_batch){.value = values, .column = columns + 1};
            for (int64_t u = 0; u < columns; u++) b->count[sparse_length(counts[touched[u]], m->k)]++;
        }
        for (int64_t u = 0; u < columns; u++) counts[touched[u]] = 0;
    }
}

/* ---- All batches ---- */

static cusgd_status open_making(making *m)
{
    size_t most = (size_t)1 << 28, parts = most / ((size_t)m->d * (sizeof *m->counts + sizeof *m->touched));
    if (parts > PARTS) parts = PARTS;
    if (parts > (size_t)m->list->count) parts = (size_t)m->list->count;
    if (parts < 1) parts = 1;
    m->parts = (int64_t)parts;
    m->counts = allocate_zeroed(parts * (size_t)m->d, sizeof *m->counts);
    m->touched = allocate(parts * (size_t)m->d, sizeof *m->touched);
    m->bits = allocate_zeroed(parts * sparse_bit_words(m->d), sizeof *m->bits);
    m->rows = allocate(parts * (size_t)m->list->most, sizeof *m->rows);
    m->each = allocate_zeroed((size_t)m->list->count + 1, sizeof *m->each);
    if (m->counts && m->touched && m->bits && m->rows && m->each) return CUSGD_OK;
    return fail_memory(parts * ((size_t)m->d * 8 + (size_t)m->list->most * 8) + (size_t)m->list->count * sizeof *m->each,
                       "the batches' columns");
}

static void close_making(making *m)
{
    free(m->counts);
    free(m->touched);
    free(m->bits);
    free(m->rows);
    free(m->each);
    free(m->column);
    free(m->place);
    free(m->value);
}

/* Converts numbers of values and columns to the indices at which each batch starts. */
static cusgd_status sum_batches(making *m)
{
    int64_t value = 0, column = 0;
    for (int64_t i = 0; i <= m->list->count; i++) {
        sparse_batch *b = &m->each[i];
        int64_t values = b->value, columns = b->column;
        TRY(sparse_check_batch(values));
        b->value = value;
        b->column = column;
        value += values;
        column += columns;
    }
    return CUSGD_OK;
}

/* Provides room for `count` elements in *at; its contents are lost if it is reallocated. */
static cusgd_status make_room(const cuda *c, int64_t count, int64_t *room, size_t size, void **at, int *moved)
{
    if (count <= *room && *at) return CUSGD_OK;
    if (*at) TRY(cuda_synchronize(c)); /* because steps that read it may not have finished */
    cuda_free(*at);
    *at = NULL;
    *moved = 1;
    cusgd_status status = cuda_allocate(c, count, size, "the batches' columns", at);
    *room = status ? 0 : count;
    return status;
}

static cusgd_status make_store(const making *m, sparse_store *to, int *moved)
{
    const sparse_batch *all = &m->each[m->list->count];
    int64_t places = to->value_room;
    TRY(make_room(m->c, m->list->count, &to->batch_room, sizeof(sparse_batch), &to->each, moved));
    TRY(make_room(m->c, all->column, &to->column_room, sizeof(sparse_column), &to->column, moved));
    if (sparse_has_values(m->x)) TRY(make_room(m->c, all->value, &places, m->c->element, &to->value, moved));
    return make_room(m->c, all->value, &to->value_room, sizeof(uint32_t), &to->place, moved);
}

/* Returns the end of the group of batches that starts at m->first, with at least one batch. */
static int64_t group_end(const making *m)
{
    int64_t end = m->first + 1;
    while (end < m->list->count && m->each[end + 1].value - m->each[m->first].value <= GROUP_VALUES) end++;
    return end;
}

static cusgd_status room_for_group(making *m, int64_t values, int64_t columns)
{
    free(m->column);
    free(m->place);
    free(m->value);
    m->column = allocate((size_t)columns, sizeof *m->column);
    m->place = allocate((size_t)values, sizeof *m->place);
    m->value = sparse_has_values(m->x) ? allocate((size_t)values, m->c->element) : NULL;
    if (m->column && m->place && (m->value || !sparse_has_values(m->x))) return CUSGD_OK;
    return fail_memory((size_t)values * (sizeof *m->place + m->c->element) + (size_t)columns * sizeof *m->column,
                       "the batches' columns");
}

static cusgd_status make_group(cuda *c, making *m, const sparse_store *to)
{
    m->end = group_end(m);
    const sparse_batch *first = &m->each[m->first], *end = &m->each[m->end];
    size_t values = (size_t)(end->value - first->value), columns = (size_t)(end->column - first->column);
    TRY(room_for_group(m, (int64_t)values, (int64_t)columns));
    share_work(m->parts, make_part, m);
    TRY(upload_bytes(c, m->column, columns * sizeof *m->column, (sparse_column *)to->column + first->column));
    TRY(upload_bytes(c, m->place, values * sizeof *m->place, (uint32_t *)to->place + first->value));
    if (m->value) TRY(upload_bytes(c, m->value, values * c->element, at_real(c, to->value, first->value)));
    m->first = m->end;
    return CUSGD_OK;
}

static cusgd_status make_all(cuda *c, making *m, sparse_store *to, int *moved)
{
    int64_t blocks = to->blocks > 0 ? to->blocks : 1; /* never fewer than before, so that a graph may remain valid */
    TRY(open_making(m));
    m->end = m->list->count;
    share_work(m->parts, make_part, m);
    TRY(sum_batches(m));
    TRY(make_store(m, to, moved));
    for (m->first = 0; m->first < m->list->count;) TRY(make_group(c, m, to));
    for (int64_t i = 0; i < m->list->count; i++)
        if (sparse_blocks(&m->each[i], m->k) > blocks) blocks = sparse_blocks(&m->each[i], m->k);
    to->blocks = (unsigned)min_of(blocks, 4096);
    return upload_bytes(c, m->each, (size_t)m->list->count * sizeof *m->each, to->each);
}

cusgd_status sparse_store_fill(cuda *c, const dataset *b, const batch_list *list, sparse_store *to, int *moved)
{
    making m = {.c = c, .x = b->sparse, .list = list, .d = b->d, .k = b->k};
    to->of = NULL;
    *moved = 0;
    cusgd_status status = make_all(c, &m, to, moved);
    close_making(&m);
    return status;
}

sparse_store sparse_store_take(run *r)
{
    sparse_store taken = {0};
    if (r->shards.count != 1) return taken;
    taken = r->shards.each[0].by_columns;
    r->shards.each[0].by_columns = (sparse_store){0};
    return taken;
}

void sparse_store_close(sparse_store *store)
{
    cuda_free(store->each);
    cuda_free(store->column);
    cuda_free(store->place);
    cuda_free(store->value);
    cuda_free(store->numbers);
    *store = (sparse_store){0};
}
