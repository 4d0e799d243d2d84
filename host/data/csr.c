/* Sparse matrices by rows: from the caller's memory, and from archives of scipy.sparse.save_npz. */
#include "data.h"
#include "failure.h"
#include "interrupt.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status check_row(const cusgd_csr *s, int64_t row, int64_t d, const char *source)
{
    int64_t before = -1;
    for (int64_t at = s->start[row]; at < s->start[row + 1]; at++) {
        int64_t j = csr_column(s, at);
        if (j < 0 || j >= d)
            return fail_data_row(row, -1, "%s: row %" PRId64 ": column %" PRId64 " is not one of 0 to %" PRId64, source, row + 1,
                                 j, d - 1);
        if (j == before)
            return fail_data_row(row, j, "%s: row %" PRId64 ": column %" PRId64 " is stored twice: sum_duplicates() in SciPy",
                                 source, row + 1, j);
        if (j < before)
            return fail_data_row(row, j, "%s: row %" PRId64 ": its columns do not ascend: sort_indices() in SciPy", source,
                                 row + 1);
        before = j;
    }
    return CUSGD_OK;
}

cusgd_status csr_check(const cusgd_csr *s, int64_t n, int64_t d, const char *source)
{
    if (d > INT32_MAX) return fail(CUSGD_ERROR_USAGE, "%s: a sparse matrix has at most 2147483647 columns", source);
    if (s->start[0] != 0) return fail(CUSGD_ERROR_DATA, "%s: the first start is %" PRId64 ", not 0", source, s->start[0]);
    for (int64_t i = 0; i < n; i++)
        if (s->start[i + 1] < s->start[i])
            return fail_data_row(i, -1, "%s: row %" PRId64 ": it ends before it starts", source, i + 1);
    if (s->start[n] > 0 && !s->column) return fail(CUSGD_ERROR_USAGE, "%s: the columns of the stored values are NULL", source);
    cusgd_status status = CUSGD_OK;
    for (int64_t i = 0; i < n && !status && !interrupt_asked_at(i); i++) status = check_row(s, i, d, source);
    return !status && interrupt_asked() ? fail_interrupted() : status;
}

cusgd_status cusgd_data_wrap_csr(int64_t n, int64_t d, int64_t k, cusgd_csr x, cusgd_matrix y, cusgd_matrix w, cusgd_data **out)
{
    *out = NULL;
    if (!x.start) return fail(CUSGD_ERROR_USAGE, "x has no starts of rows: there is no data without features");
    if (x.type != CUSGD_TYPE_FLOAT32 && x.type != CUSGD_TYPE_FLOAT64)
        return fail(CUSGD_ERROR_USAGE, "an array's type is neither CUSGD_TYPE_FLOAT32 nor CUSGD_TYPE_FLOAT64");
    cusgd_matrix there = {&x, CUSGD_TYPE_FLOAT64, 0, 0};
    cusgd_status status = cusgd_data_wrap(n, d, k, there, y, w, out);
    if (!status) status = csr_check(&x, n, d, "data");
    if (!status) {
        (*out)->view.x = (cusgd_matrix){0};
        (*out)->view.s = x;
        return CUSGD_OK;
    }
    cusgd_data_free(*out);
    *out = NULL;
    return status;
}

cusgd_status csr_select(const cusgd_csr *from, const int64_t *rows, int64_t count, cusgd_data *to)
{
    int64_t stored = 0;
    size_t index = from->wide ? sizeof(int64_t) : sizeof(int32_t),
           size = from->type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double);
    int64_t *start = to->memory[PLACE_START] = allocate((size_t)count + 1, sizeof *start);
    if (!start) return fail_memory(((size_t)count + 1) * sizeof *start, "a selection of rows");
    for (int64_t i = 0; i < count; i++) {
        start[i] = stored;
        stored += from->start[rows[i] + 1] - from->start[rows[i]];
    }
    start[count] = stored;
    char *column = to->memory[PLACE_COLUMN] = allocate((size_t)stored + 1, index);
    char *value = from->value ? allocate((size_t)stored + 1, size) : NULL;
    to->memory[0] = value;
    if (!column || (from->value && !value)) return fail_memory((size_t)stored * (index + size), "a selection of rows");
    for (int64_t i = 0; i < count && !interrupt_asked_at(i); i++) {
        size_t first = (size_t)from->start[rows[i]], length = (size_t)(start[i + 1] - start[i]), at = (size_t)start[i];
        memcpy(column + at * index, (const char *)from->column + first * index, length * index);
        if (value) memcpy(value + at * size, (const char *)from->value + first * size, length * size);
    }
    to->view.s = (cusgd_csr){start, column, value, from->type, from->wide};
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

/* ---- Archives ------------------------------------------------------------------------------------------------------------ */

/* An array of whole numbers of the archive, as int64_t, the caller's to free. */
static cusgd_status open_integers(const char *path, const char *name, int64_t **out, int64_t *count)
{
    npy_array a;
    int found;
    *out = NULL;
    cusgd_status status = npz_open(path, name, &a, &found);
    if (status) return status;
    if (!found)
        return fail(CUSGD_ERROR_DATA, "%s: has no array %s: scipy.sparse.save_npz(\"NAME.npz\", x.tocsr()) writes it", path,
                    name);
    *count = a.rows;
    *out = allocate((size_t)a.rows + 1, sizeof **out);
    if (!*out) status = fail_memory((size_t)a.rows * sizeof **out, path);
    for (int64_t i = 0; i < a.rows && !status; i++) {
        double value = matrix_at(&a.matrix, i, 0);
        if (!(value >= 0 && value < 0x1p53)) status = fail(CUSGD_ERROR_DATA, "%s: %s holds %g: it is damaged", path, name, value);
        if (!status) (*out)[i] = (int64_t)value;
    }
    file_unmap(a.mapping);
    free(a.memory);
    return status;
}

static cusgd_status take_shape(cusgd_data *data, const char *path)
{
    int64_t *shape, count;
    cusgd_status status = open_integers(path, "shape", &shape, &count);
    if (!status && count != 2) status = fail(CUSGD_ERROR_DATA, "%s: its shape has %" PRId64 " numbers, not 2", path, count);
    if (!status) {
        data->view.n = shape[0];
        data->view.d = shape[1];
    }
    if (!status && (data->view.n < 1 || data->view.d < 1)) status = fail(CUSGD_ERROR_DATA, "%s: has no rows or no columns", path);
    free(shape);
    return status;
}

static cusgd_status take_stored(cusgd_data *data, const char *path)
{
    int64_t *start = NULL, *column = NULL, starts = 0, columns = 0;
    npy_array values;
    int found = 0;
    cusgd_status status = open_integers(path, "indptr", &start, &starts);
    data->memory[PLACE_START] = start;
    if (!status) status = open_integers(path, "indices", &column, &columns);
    data->memory[PLACE_COLUMN] = column;
    if (!status) status = npz_open(path, "data", &values, &found);
    if (status) return status;
    if (!found) return fail(CUSGD_ERROR_DATA, "%s: has no array data", path);
    data->memory[0] = values.memory;
    data->mapping[0] = values.mapping;
    if (starts != data->view.n + 1 || columns != values.rows || start[data->view.n] != columns)
        return fail(CUSGD_ERROR_DATA,
                    "%s: its indptr, indices and data do not belong together: scipy.sparse.save_npz(\"NAME.npz\", x.tocsr()) "
                    "writes what is read here",
                    path);
    data->view.s = (cusgd_csr){start, column, values.matrix.at, values.matrix.type, 1};
    return csr_check(&data->view.s, data->view.n, data->view.d, data->source);
}

cusgd_status csr_open_archive(cusgd_data *data, const char *path, const cusgd_reader *reader, int *found)
{
    char format[4] = "";
    cusgd_status status = npz_tail(path, "format", format, found);
    if (status || !*found) return status;
    if (strcmp(format, "csr") != 0)
        return fail(CUSGD_ERROR_DATA, "%s: its sparse format is not csr: scipy.sparse.save_npz(\"NAME.npz\", x.tocsr())", path);
    if (!reader->x_only)
        return fail(CUSGD_ERROR_DATA,
                    "%s: holds a sparse matrix and no targets: predict reads it; train on LIBSVM text, or from Python or C",
                    path);
    status = take_shape(data, path);
    return status ? status : take_stored(data, path);
}
