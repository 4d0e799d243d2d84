/* Dense x becomes sparse, and sparse x dense. */
#include "data.h"
#include "failure.h"
#include "interrupt.h"
#include "notes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static size_t type_size(cusgd_type type) { return type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double); }

/* ---- Rows that are added ---- */

cusgd_status csr_put(csr_rows *s, int64_t j, double value)
{
    if (value == 0) return CUSGD_OK;
    if (s->stored == s->stored_room) {
        size_t room = 2 * (size_t)s->stored_room + 1024;
        void *indices = realloc(s->column, room * sizeof *s->column), *values = NULL;
        if (indices) s->column = indices;
        if (indices) values = realloc(s->value, room * type_size(s->type));
        if (!values) return fail_memory(room * (sizeof *s->column + type_size(s->type)), "the stored values");
        s->value = values;
        s->stored_room = (int64_t)room;
    }
    s->column[s->stored] = (int32_t)j;
    if (s->type == CUSGD_TYPE_FLOAT32)
        ((float *)s->value)[s->stored++] = (float)value;
    else
        ((double *)s->value)[s->stored++] = value;
    return CUSGD_OK;
}

cusgd_status csr_end_row(csr_rows *s)
{
    if (s->rows + 1 >= s->row_room) {
        size_t room = 2 * (size_t)s->row_room + 1024;
        int64_t *start = realloc(s->start, room * sizeof *start);
        if (!start) return fail_memory(room * sizeof *start, "the starts of the rows");
        start[0] = 0;
        s->start = start;
        s->row_room = (int64_t)room;
    }
    s->start[++s->rows] = s->stored;
    return CUSGD_OK;
}

cusgd_status csr_add_row(csr_rows *s, const double *x, int64_t d)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < d && !status; j++) status = csr_put(s, j, x[j]);
    return status ? status : csr_end_row(s);
}

static void replace_x(cusgd_data *data, void *x)
{
    static const int places[] = {0, PLACE_START, PLACE_COLUMN};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        free(data->memory[places[i]]);
        file_unmap(data->mapping[places[i]]);
        data->memory[places[i]] = data->mapping[places[i]] = NULL;
    }
    data->memory[0] = x;
}

/* Gives back the room that is not used; where that fails, all of it stays. */
static void *shrink(void *at, size_t bytes)
{
    void *less = realloc(at, bytes ? bytes : 1);
    return less ? less : at;
}

void csr_give(csr_rows *s, cusgd_data *data)
{
    size_t stored = (size_t)s->stored;
    replace_x(data, shrink(s->value, stored * type_size(s->type)));
    data->memory[PLACE_START] = shrink(s->start, ((size_t)s->rows + 1) * sizeof *s->start);
    data->memory[PLACE_COLUMN] = shrink(s->column, stored * sizeof *s->column);
    data->view.x = (cusgd_matrix){0};
    data->view.s = (cusgd_csr){data->memory[PLACE_START], data->memory[PLACE_COLUMN], data->memory[0], s->type, 0};
    *s = (csr_rows){0};
}

void csr_free(csr_rows *s)
{
    free(s->start);
    free(s->column);
    free(s->value);
    *s = (csr_rows){0};
}

cusgd_status csr_note(cusgd_data *data)
{
    double stored = (double)cusgd_data_stored(data) / (double)data->view.n;
    return data_note(data, "%s: x is stored sparse, with %.3g of the %" PRId64 " values of a row on average (--sparse)",
                     data->source, stored, data->view.d);
}

/* ---- Between the two ---- */

static cusgd_status make_sparse(cusgd_data *data)
{
    const examples *e = &data->view;
    csr_rows s = {.type = e->x.type};
    if (e->d > INT32_MAX) return fail(CUSGD_ERROR_USAGE, "%s: a sparse matrix has at most 2147483647 columns", data->source);
    cusgd_status status = CUSGD_OK;
    for (int64_t i = 0; i < e->n && !status; i++) {
        if (interrupt_asked_at(i)) status = fail_interrupted();
        for (int64_t j = 0; j < e->d && !status; j++) status = csr_put(&s, j, matrix_at(&e->x, i, j));
        if (!status) status = csr_end_row(&s);
    }
    if (!status) status = data_check_files(data);
    if (!status) csr_give(&s, data);
    csr_free(&s);
    return status;
}

static cusgd_status make_dense(cusgd_data *data)
{
    examples *e = &data->view;
    size_t size = type_size(e->s.type);
    cusgd_type type = e->s.type;
    char *x = (uint64_t)e->n <= SIZE_MAX / size / (uint64_t)e->d ? allocate_zeroed((size_t)e->n * (size_t)e->d, size) : NULL;
    if (!x)
        return fail(CUSGD_ERROR_MEMORY,
                    "%s: out of memory for %" PRId64 " x %" PRId64
                    " values: leave x sparse, as the solvers sgd, gd, cg and lbfgs "
                    "take it",
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
    replace_x(data, x);
    e->s = (cusgd_csr){0};
    e->x = (cusgd_matrix){x, type, e->d, 1};
    return CUSGD_OK;
}

cusgd_status cusgd_data_set_sparse(cusgd_data *data, int sparse)
{
    if (!data) return fail_null(__func__);
    if ((sparse != 0) == examples_are_sparse(&data->view)) return CUSGD_OK;
    cusgd_status status = data_on_host(data, "the change of storage");
    return status ? status : sparse ? make_sparse(data) : make_dense(data);
}
