/* Dense x becomes sparse, and sparse x dense. */
#include "csr_rows.h"
#include "failure.h"
#include "interrupt.h"
#include "notes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows that are added ---- */

static cusgd_status enlarge(const csr_rows *s, grown *g, int64_t count, size_t size)
{
    enum { LEAST = 8192 };
    size_t bytes = (size_t)count * size;
    if (bytes <= g->room) return CUSGD_OK;
    return grown_resize(g, grown_larger(g, bytes < LEAST ? LEAST : bytes), s->reader, "the stored values");
}

cusgd_status csr_put(csr_rows *s, int64_t j, double value)
{
    if (value == 0) return CUSGD_OK;
    cusgd_status status = enlarge(s, &s->column, s->stored + 1, sizeof(int32_t));
    if (!status) status = enlarge(s, &s->value, s->stored + 1, type_bytes(s->type));
    if (status) return status;
    ((int32_t *)s->column.at)[s->stored] = (int32_t)j;
    if (s->type == CUSGD_TYPE_FLOAT32)
        ((float *)s->value.at)[s->stored++] = (float)value;
    else
        ((double *)s->value.at)[s->stored++] = value;
    return CUSGD_OK;
}

cusgd_status csr_end_row(csr_rows *s)
{
    cusgd_status status = enlarge(s, &s->start, s->rows + 2, sizeof(int64_t));
    if (status) return status;
    int64_t *start = s->start.at;
    start[0] = 0;
    start[++s->rows] = s->stored;
    return CUSGD_OK;
}

cusgd_status csr_add_row(csr_rows *s, const double *x, int64_t d)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < d && !status; j++) status = csr_put(s, j, x[j]);
    return status ? status : csr_end_row(s);
}

static void remove_x(cusgd_data *data)
{
    data_replace(data, PLACE_X, NULL);
    data_replace(data, PLACE_START, NULL);
    data_replace(data, PLACE_COLUMN, NULL);
}

cusgd_status csr_give(csr_rows *s, cusgd_data *data)
{
    void *start, *column_at, *value;
    remove_x(data);
    data->view.x = (cusgd_matrix){0};
    cusgd_status status = enlarge(s, &s->value, s->stored + 1, type_bytes(s->type)); /* none would stand for ones */
    if (!status) status = grown_give(&s->value, (size_t)s->stored * type_bytes(s->type), data, 0, &value);
    if (!status) status = grown_give(&s->start, ((size_t)s->rows + 1) * sizeof(int64_t), data, PLACE_START, &start);
    if (!status) status = grown_give(&s->column, (size_t)s->stored * sizeof(int32_t), data, PLACE_COLUMN, &column_at);
    if (!status) data->view.s = (cusgd_csr){start, column_at, value, s->type, 0};
    return status;
}

void csr_free(csr_rows *s)
{
    grown_free(&s->start);
    grown_free(&s->column);
    grown_free(&s->value);
    *s = (csr_rows){0};
}

cusgd_status csr_note(cusgd_data *data)
{
    double stored = (double)cusgd_data_stored(data) / (double)data->view.n;
    return data_note(data, "%s: x is stored sparse, with %.3g of the %" PRId64 " values of a row on average (--sparse)",
                     data->source, stored, data->view.d);
}

/* ---- Between the two ---- */

cusgd_status data_make_sparse(cusgd_data *data, const cusgd_reader *reader)
{
    enum { SPAN = 8192 };
    const examples *e = &data->view;
    csr_rows s = {.type = e->x.type, .reader = reader};
    if (e->d > INT32_MAX) return fail(CUSGD_ERROR_USAGE, "%s: a sparse matrix has at most 2147483647 columns", data->source);
    cusgd_status status = CUSGD_OK;
    for (int64_t i = 0; i < e->n && !status; i++) {
        if (interrupt_asked_at(i)) status = fail_interrupted();
        if (i % SPAN == 0 && i > 0) examples_forget(e, i - SPAN, SPAN);
        for (int64_t j = 0; j < e->d && !status; j++) status = csr_put(&s, j, matrix_at(&e->x, i, j));
        if (!status) status = csr_end_row(&s);
    }
    if (!status) status = data_check_files(data);
    if (!status) status = csr_give(&s, data);
    csr_free(&s);
    return status;
}

static cusgd_status make_dense(cusgd_data *data)
{
    examples *e = &data->view;
    size_t size = type_bytes(e->s.type);
    cusgd_type type = e->s.type;
    char *x = (uint64_t)e->n <= SIZE_MAX / size / (uint64_t)e->d ? allocate_zeroed((size_t)e->n * (size_t)e->d, size) : NULL;
    if (!x)
        return fail(CUSGD_ERROR_MEMORY,
                    "%s: out of memory for %" PRId64 " x %" PRId64
                    " values: leave x sparse, as the solvers sgd, gd, cg, lbfgs and coordinate take "
                    "it",
                    data->source, e->n, e->d);
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++)
        for (int64_t at = e->s.start[i]; at < e->s.start[i + 1]; at++) {
            int64_t to = i * e->d + csr_column(&e->s, at);
            if (type == CUSGD_TYPE_FLOAT32)
                ((float *)(void *)x)[to] = (float)csr_value(&e->s, at);
            else
                ((double *)(void *)x)[to] = csr_value(&e->s, at);
        }
    cusgd_status status = interrupt_asked() ? fail_interrupted() : data_check_files(data);
    if (status) {
        free(x);
        return status;
    }
    remove_x(data);
    data->memory[PLACE_X] = x;
    e->s = (cusgd_csr){0};
    e->x = (cusgd_matrix){x, type, e->d, 1};
    return CUSGD_OK;
}

cusgd_status cusgd_data_set_sparse(cusgd_data *data, int sparse)
{
    if (!data) return fail_null(__func__);
    if ((sparse != 0) == examples_are_sparse(&data->view)) return CUSGD_OK;
    cusgd_status status = data_on_host(data, "the change of storage");
    return status ? status : sparse ? data_make_sparse(data, NULL) : make_dense(data);
}
