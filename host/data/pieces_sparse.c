/* Writing sparse rows: indptr.npy, indices.npy and data.npy, with y.npy, w.npy and offset.npy next to them. */
#include "failure.h"
#include "interrupt.h"
#include "pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rows in the order in which they are written; NULL: their own. */
typedef struct job {
    const pieces_writer *writer;
    const cusgd_data *data;
    int64_t *order;
} job;

static int64_t row_at(const job *j, int64_t place) { return j->order ? j->order[place] : place; }

static cusgd_status take_order(job *j, uint64_t seed)
{
    int64_t n = j->data->view.n;
    permutation order = pieces_order(n, seed);
    j->order = allocate((size_t)n, sizeof *j->order);
    if (!j->order) return fail_memory((size_t)n * sizeof *j->order, "the rows' order");
    for (int64_t i = 0; i < n; i++) j->order[permutation_at(&order, (uint64_t)i)] = i;
    return CUSGD_OK;
}

/* Closes what `status` says is good, and removes it else. */
static cusgd_status end(npy_writer *writer, cusgd_status status)
{
    if (!status) return npy_close(writer);
    npy_abandon(writer);
    return status;
}

static cusgd_status open_integers(const job *j, const char *name, int wide, int64_t count, npy_writer **out)
{
    char *path = piece_path(pieces_folder(j->writer), name, -1);
    cusgd_status status = path ? npy_create_integers(path, wide, count, out) : fail_memory(strlen(name), "a path");
    free(path);
    return status;
}

static cusgd_status open_numbers(const job *j, const char *name, cusgd_type type, int64_t rows, int64_t cols, npy_writer **out)
{
    char *path = piece_path(pieces_folder(j->writer), name, -1);
    cusgd_status status = path ? npy_create(path, type, rows, cols, out) : fail_memory(strlen(name), "a path");
    free(path);
    return status;
}

static cusgd_status save_starts(const job *j)
{
    const examples *e = &j->data->view;
    int64_t start = 0;
    npy_writer *writer;
    cusgd_status status = open_integers(j, "indptr.npy", 1, e->n + 1, &writer);
    if (status) return status;
    status = npy_append(writer, &start, 1);
    for (int64_t i = 0; i < e->n && !status; i++) {
        int64_t row = row_at(j, i);
        start += e->s.start[row + 1] - e->s.start[row];
        status = npy_append(writer, &start, 1);
    }
    return end(writer, status);
}

/* What one row has of the columns or of the values. */
static cusgd_status append_row(npy_writer *writer, const cusgd_csr *s, int64_t row, int columns)
{
    const int32_t *narrow = s->column;
    const int64_t *wide = s->column;
    const float *single = s->value, one = 1;
    const double *full = s->value;
    int64_t first = s->start[row], count = s->start[row + 1] - first;
    cusgd_status status = CUSGD_OK;
    if (columns) return npy_append(writer, s->wide ? (const void *)(wide + first) : narrow + first, count);
    if (s->value) return npy_append(writer, s->type == CUSGD_TYPE_FLOAT64 ? (const void *)(full + first) : single + first, count);
    for (int64_t i = 0; i < count && !status; i++) status = npy_append(writer, &one, 1);
    return status;
}

/* Rows in their own order that have been written. */
static void forget(const cusgd_csr *s, int64_t first, int64_t end, int columns)
{
    size_t size = !columns ? type_bytes(s->type) : s->wide ? sizeof(int64_t) : sizeof(int32_t);
    const char *at = columns ? s->column : s->value;
    if (at) file_forget(at + (size_t)s->start[first] * size, (size_t)(s->start[end] - s->start[first]) * size);
}

static cusgd_status save_stored(const job *j, int columns)
{
    enum { SPAN = 65536 };
    const examples *e = &j->data->view;
    int64_t stored = e->s.start[e->n];
    npy_writer *writer;
    cusgd_status status = columns ? open_integers(j, "indices.npy", e->s.wide, stored, &writer)
                                  : open_numbers(j, "data.npy", e->s.value ? e->s.type : CUSGD_TYPE_FLOAT32, stored, 0, &writer);
    if (status) return status;
    for (int64_t i = 0; i < e->n && !status; i++) {
        status = append_row(writer, &e->s, row_at(j, i), columns);
        if (!status && i % SPAN == 0 && interrupt_asked()) status = fail_interrupted();
        if (i % SPAN == 0 && i > 0 && !j->order) forget(&e->s, i - SPAN, i, columns);
    }
    if (!status) status = data_check_files(j->data);
    return end(writer, status);
}

/* A dense array, in double. */
static cusgd_status save_companion(const job *j, const char *name, const cusgd_matrix *m, int64_t cols)
{
    npy_writer *writer;
    if (!m->at) return CUSGD_OK;
    cusgd_status status = open_numbers(j, name, CUSGD_TYPE_FLOAT64, j->data->view.n, cols == 1 ? 0 : cols, &writer);
    if (status) return status;
    for (int64_t i = 0; i < j->data->view.n && !status; i++)
        for (int64_t c = 0; c < cols && !status; c++) {
            double value = matrix_at(m, row_at(j, i), c);
            status = npy_append(writer, &value, 1);
        }
    return end(writer, status);
}

cusgd_status pieces_save_sparse(const pieces_writer *w, const cusgd_data *data, int shuffle, uint64_t seed)
{
    const examples *e = &data->view;
    job j = {.writer = w, .data = data};
    cusgd_status status = shuffle ? take_order(&j, seed) : CUSGD_OK;
    if (!status) status = save_starts(&j);
    if (!status) status = save_stored(&j, 1);
    if (!status) status = save_stored(&j, 0);
    if (!status) status = save_companion(&j, "y.npy", &e->y, e->k);
    if (!status) status = save_companion(&j, "w.npy", &e->w, 1);
    if (!status) status = save_companion(&j, "offset.npy", &e->o, 1);
    free(j.order);
    return status;
}
