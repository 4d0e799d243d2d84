#include "row_source.h"

#include "examples.h"
#include "failure.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 20, MAX_BLOCK_ROWS = 4096 };

/* Returns the row after the last row of the view. */
static int64_t end_of(const examples *e)
{
    int64_t end = e->rows ? 0 : e->n;
    for (int64_t i = 0; i < e->n && e->rows; i++)
        if (e->rows[i] >= end) end = e->rows[i] + 1;
    return end;
}

static cusgd_status open_block(row_source *r)
{
    const examples *e = r->of;
    if (!r->device || !r->device->ops->memory.fetch)
        return fail(CUSGD_ERROR_USAGE, "the rows lie in the memory of GPU %d, and the device is another: use --device cuda:%d",
                    e->place->device, e->place->device);
    size_t row = (size_t)e->d * type_bytes(e->x.type);
    r->room = row < BLOCK_BYTES ? (int64_t)(BLOCK_BYTES / row) : 1;
    if (r->room > MAX_BLOCK_ROWS) r->room = MAX_BLOCK_ROWS;
    r->end = end_of(e);
    r->block = allocate((size_t)r->room, row);
    return r->block ? CUSGD_OK : fail_memory((size_t)r->room * row, "rows of a GPU");
}

cusgd_status rows_open(row_source *r, const examples *e, const backend *device)
{
    *r = (row_source){.of = e, .device = device, .scattered = -1, .row = allocate_zeroed((size_t)e->d, sizeof(double))};
    if (!r->row) return fail_memory((size_t)e->d * sizeof(double), "a row");
    return e->place ? open_block(r) : CUSGD_OK;
}

/* Fetches rows from `row` on: as many as there is room for if rows are read consecutively, otherwise only this one. */
static void fetch_block(row_source *r, int64_t row)
{
    const examples *e = r->of;
    int64_t next = r->first + r->count;
    cusgd_matrix m = e->x;
    r->count = row >= next && row < next + r->room ? r->room : 1;
    if (r->count > r->end - row) r->count = r->end - row;
    r->first = row;
    m.at = (const char *)m.at + (size_t)(row * m.row_stride) * type_bytes(m.type);
    if (!r->status) r->status = r->device->ops->memory.fetch(r->device->self, e->place, &m, r->count, e->d, r->block);
    if (r->status) memset(r->block, 0, (size_t)(r->count * e->d) * type_bytes(m.type));
}

static const double *dense_row(const row_source *r, const cusgd_matrix *m, int64_t row)
{
    int64_t start = row * m->row_stride, d = r->of->d;
    if (m->type == CUSGD_TYPE_FLOAT32) {
        const float *at = (const float *)m->at + start;
        for (int64_t j = 0; j < d; j++) r->row[j] = (double)at[j * m->col_stride];
        return r->row;
    }
    const double *at = (const double *)m->at + start;
    if (m->col_stride == 1) return at;
    for (int64_t j = 0; j < d; j++) r->row[j] = at[j * m->col_stride];
    return r->row;
}

static const double *sparse_row(row_source *r, int64_t row)
{
    const cusgd_csr *s = &r->of->s;
    for (int64_t i = r->scattered < 0 ? 0 : s->start[r->scattered]; r->scattered >= 0 && i < s->start[r->scattered + 1]; i++)
        r->row[csr_column(s, i)] = 0;
    for (int64_t i = s->start[row]; i < s->start[row + 1]; i++) r->row[csr_column(s, i)] = csr_value(s, i);
    r->scattered = row;
    return r->row;
}

const double *rows_at(row_source *r, int64_t row)
{
    const examples *e = r->of;
    if (examples_are_sparse(e)) return sparse_row(r, row);
    if (!e->place) return dense_row(r, &e->x, row);
    if (row < r->first || row >= r->first + r->count) fetch_block(r, row);
    cusgd_matrix block = {r->block, e->x.type, e->d, 1};
    return dense_row(r, &block, row - r->first);
}

int64_t rows_stored(row_source *r, int64_t row, int32_t *column, double *value)
{
    const examples *e = r->of;
    int sparse = examples_are_sparse(e);
    int64_t first = sparse ? e->s.start[row] : 0, count = sparse ? e->s.start[row + 1] - first : e->d;
    const double *x = sparse ? NULL : rows_at(r, row);
    for (int64_t at = 0; at < count; at++) {
        column[at] = (int32_t)(sparse ? csr_column(&e->s, first + at) : at);
        value[at] = sparse ? csr_value(&e->s, first + at) : x[at];
    }
    return count;
}

static void fetch_column(row_source *r, int64_t j)
{
    const examples *e = r->of;
    size_t size = type_bytes(e->x.type);
    cusgd_matrix m = e->x;
    m.at = (const char *)m.at + (size_t)(j * m.col_stride) * size;
    if (!r->column && !r->status) r->column = allocate((size_t)r->end, size);
    if (!r->column && !r->status) r->status = fail_memory((size_t)r->end * size, "a column of a GPU");
    if (!r->status) r->status = r->device->ops->memory.fetch(r->device->self, e->place, &m, r->end, 1, r->column);
}

int64_t rows_column(row_source *r, int64_t j, double *out)
{
    const examples *e = r->of;
    int64_t count = 0;
    if (e->place) fetch_column(r, j);
    const cusgd_matrix fetched = {r->column, e->x.type, 1, 1};
    for (counted_rows at = {.of = e}; counted_next(&at); count++)
        out[count] = !e->place ? rows_value(r, at.row, j) : r->status ? 0 : matrix_at(&fetched, at.row, 0);
    return count;
}

void rows_announce(const row_source *r, int64_t first, int64_t count)
{
    const cusgd_matrix *x = &r->of->x;
    enum { WORTH_ASKING = 1 << 24 }; /* bytes: the system reads less than that ahead anyway, and each call takes a microsecond */
    if ((double)r->of->n * (double)r->of->d * (double)type_bytes(x->type) < WORTH_ASKING) return;
    if (r->of->place || examples_are_sparse(r->of) || x->col_stride != 1 || count <= 0) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), value = type_bytes(x->type), stride = (uintptr_t)x->row_stride * value;
    uintptr_t at = (uintptr_t)x->at + (uintptr_t)first * stride, before = at % page;
    size_t bytes = (size_t)(count - 1) * stride + (size_t)r->of->d * value;
    (void)madvise((char *)x->at + (uintptr_t)first * stride - before, bytes + before, MADV_WILLNEED);
}

cusgd_status rows_close(row_source *r)
{
    free(r->row);
    free(r->block);
    free(r->column);
    r->row = NULL;
    r->block = r->column = NULL;
    return r->status;
}
