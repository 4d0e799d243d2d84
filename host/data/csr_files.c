/* Sparse matrices in files: archives of scipy.sparse.save_npz, and folders of the arrays of a CSR matrix. */
#include "data.h"
#include "failure.h"
#include "interrupt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Archives ------------------------------------------------------------------------------------------------------------ */

/* An array of whole numbers of the archive, as int64_t, the caller's to free. */
static cusgd_status open_integers(const char *path, const char *name, int64_t **out, int64_t *count)
{
    npy_array a;
    int found;
    *out = NULL;
    cusgd_status status = npz_open(path, name, &a, &found);
    if (status) return status;
    if (!found) return fail(CUSGD_ERROR_DATA, "%s: has no array %s: scipy.sparse.save_npz writes it", path, name);
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

static cusgd_status fail_parts(const char *path)
{
    return fail(CUSGD_ERROR_DATA, "%s: its arrays do not belong together: scipy.sparse.save_npz writes what is read here", path);
}

static cusgd_status open_values(cusgd_data *data, const char *path, int64_t count)
{
    npy_array values;
    int found = 0;
    cusgd_status status = npz_open(path, "data", &values, &found);
    if (status) return status;
    if (!found) return fail(CUSGD_ERROR_DATA, "%s: has no array data", path);
    data->memory[PLACE_X] = values.memory;
    data->mapping[PLACE_X] = values.mapping;
    data->view.s.value = values.matrix.at;
    data->view.s.type = values.matrix.type;
    return values.rows == count ? CUSGD_OK : fail_parts(path);
}

static cusgd_status take_rows(cusgd_data *data, const char *path)
{
    int64_t *start = NULL, *column = NULL, starts = 0, columns = 0;
    cusgd_status status = open_integers(path, "indptr", &start, &starts);
    data->memory[PLACE_START] = start;
    if (!status) status = open_integers(path, "indices", &column, &columns);
    data->memory[PLACE_COLUMN] = column;
    if (!status && (starts != data->view.n + 1 || start[data->view.n] != columns)) status = fail_parts(path);
    if (!status) status = open_values(data, path, columns);
    if (!status) data->view.s = (cusgd_csr){start, column, data->view.s.value, data->view.s.type, 1};
    return status;
}

/* Where the stored values of a matrix are that is not stored by rows. */
typedef struct places {
    int64_t count, *row, *column, *order, *next;
} places;

/* The places in the order of their keys, those of equal keys as they were; from NULL: 0, 1, ... work: keys + 1 values, which
 * become where each key's begin. */
static void order_by(const int64_t *key, int64_t keys, int64_t count, const int64_t *from, int64_t *work, int64_t *to)
{
    memset(work, 0, sizeof *work * (size_t)(keys + 1));
    for (int64_t i = 0; i < count; i++) work[key[i] + 1]++;
    for (int64_t j = 0; j < keys; j++) work[j + 1] += work[j];
    for (int64_t i = 0; i < count; i++) {
        int64_t at = from ? from[i] : i;
        to[work[key[at]]++] = at;
    }
    memmove(work + 1, work, sizeof *work * (size_t)keys);
    work[0] = 0;
}

static cusgd_status check_places(const cusgd_data *data, const places *p, const char *path)
{
    for (int64_t i = 0; i < p->count; i++)
        if (p->row[i] >= data->view.n || p->column[i] >= data->view.d)
            return fail(CUSGD_ERROR_DATA, "%s: stores a value in row %" PRId64 " and column %" PRId64 ", which it does not have",
                        path, p->row[i] + 1, p->column[i]);
    return CUSGD_OK;
}

/* Stores by rows what lies at p, and sets the data's values, which come from the archive, in that order. */
static cusgd_status store_rows(cusgd_data *data, places *p, const char *path)
{
    int64_t n = data->view.n, d = data->view.d;
    cusgd_csr *s = &data->view.s;
    cusgd_status status = check_places(data, p, path);
    if (status) return status;
    int64_t *start = data->memory[PLACE_START] = allocate((size_t)n + 1, sizeof *start);
    int64_t *column = data->memory[PLACE_COLUMN] = allocate((size_t)p->count + 1, sizeof *column);
    double *value = allocate((size_t)p->count + 1, sizeof *value);
    p->next = allocate((size_t)d + 1, sizeof *p->next);
    p->order = allocate(2 * (size_t)p->count + 1, sizeof *p->order);
    if (!start || !column || !value || !p->next || !p->order) {
        free(value);
        return fail_memory((size_t)p->count * 5 * sizeof *column, path);
    }
    order_by(p->column, d, p->count, NULL, p->next, p->order);
    order_by(p->row, n, p->count, p->order, start, p->order + p->count);
    for (int64_t i = 0; i < p->count; i++) {
        int64_t at = p->order[p->count + i];
        column[i] = p->column[at];
        value[i] = csr_value(s, at);
    }
    data_replace(data, PLACE_X, value);
    *s = (cusgd_csr){start, column, value, CUSGD_TYPE_FLOAT64, 1};
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

/* Each stored value's column, of a matrix by columns. */
static cusgd_status list_columns(const cusgd_data *data, places *p, const char *path)
{
    int64_t *start = NULL, starts = 0;
    cusgd_status status = open_integers(path, "indptr", &start, &starts);
    if (!status && (starts != data->view.d + 1 || start[0] != 0 || start[data->view.d] != p->count)) status = fail_parts(path);
    for (int64_t j = 0; j < data->view.d && !status; j++)
        if (start[j + 1] < start[j] || start[j + 1] > p->count) status = fail_parts(path);
    if (!status) p->column = allocate((size_t)p->count + 1, sizeof *p->column);
    if (!status && !p->column) status = fail_memory((size_t)p->count * sizeof *p->column, path);
    for (int64_t j = 0; j < data->view.d && !status; j++)
        for (int64_t at = start[j]; at < start[j + 1]; at++) p->column[at] = j;
    free(start);
    return status;
}

static cusgd_status take_places(cusgd_data *data, const char *path, int by_columns)
{
    places p = {0};
    int64_t columns = 0;
    cusgd_status status = open_integers(path, by_columns ? "indices" : "row", &p.row, &p.count);
    if (!status && by_columns) status = list_columns(data, &p, path);
    if (!status && !by_columns) status = open_integers(path, "col", &p.column, &columns);
    if (!status && !by_columns && columns != p.count) status = fail_parts(path);
    if (!status) status = open_values(data, path, p.count);
    if (!status) status = store_rows(data, &p, path);
    free(p.row);
    free(p.column);
    free(p.order);
    free(p.next);
    return status;
}

cusgd_status csr_open_archive(cusgd_data *data, const char *path, int *found)
{
    char format[4] = "";
    cusgd_status status = npz_tail(path, "format", format, found);
    if (status || !*found) return status;
    int by_rows = strcmp(format, "csr") == 0, by_columns = strcmp(format, "csc") == 0;
    if (!by_rows && !by_columns && strcmp(format, "coo") != 0)
        return fail(CUSGD_ERROR_DATA,
                    "%s: its sparse format is not csr, csc or coo: scipy.sparse.save_npz(\"NAME.npz\", x.tocsr())", path);
    status = take_shape(data, path);
    if (!status) status = by_rows ? take_rows(data, path) : take_places(data, path, by_columns);
    return status ? status : csr_check(&data->view.s, data->view.n, data->view.d, data->source);
}

/* ---- Folders ------------------------------------------------------------------------------------------------------------- */

static cusgd_status map_part(const char *folder, const char *name, npy_integers *out)
{
    size_t size = strlen(folder) + strlen(name) + 8;
    char *path = allocate(size, 1);
    if (!path) return fail_memory(size, "a path");
    snprintf(path, size, "%s/%s.npy", folder, name);
    cusgd_status status = npy_map_integers(path, out);
    free(path);
    return status;
}

/* The rows' starts are few, and are kept as 64 bits. */
static cusgd_status take_starts(cusgd_data *data, const char *folder)
{
    npy_integers a;
    cusgd_status status = map_part(folder, "indptr", &a);
    if (status) return status;
    int64_t *start = data->memory[PLACE_START] = allocate((size_t)a.count, sizeof *start);
    if (!start) status = fail_memory((size_t)a.count * sizeof *start, folder);
    for (int64_t i = 0; i < a.count && start; i++) start[i] = a.wide ? ((const int64_t *)a.at)[i] : ((const int32_t *)a.at)[i];
    data->view.n = a.count - 1;
    data->view.s.start = start;
    cusgd_status files = file_check(a.mapping);
    file_unmap(a.mapping);
    if (!status && data->view.n < 1) status = fail(CUSGD_ERROR_DATA, "%s/indptr.npy: has one number: there are no rows", folder);
    return files ? files : status;
}

static cusgd_status map_stored(cusgd_data *data, const char *folder)
{
    npy_integers column;
    npy_array values;
    size_t size = strlen(folder) + 16;
    char *path = allocate(size, 1);
    if (!path) return fail_memory(size, "a path");
    snprintf(path, size, "%s/data.npy", folder);
    cusgd_status status = map_part(folder, "indices", &column);
    if (!status) {
        data->mapping[PLACE_COLUMN] = column.mapping;
        status = npy_open(path, &values);
    }
    free(path);
    if (status) return status;
    data->mapping[PLACE_X] = values.mapping;
    data->memory[PLACE_X] = values.memory;
    int64_t stored = data->view.s.start[data->view.n];
    data->view.s = (cusgd_csr){data->view.s.start, column.at, values.matrix.at, values.matrix.type, column.wide};
    if (column.count == stored && values.rows == stored && values.cols == 0) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: indptr.npy ends with %" PRId64 ", and indices.npy and data.npy have %" PRId64 " and %" PRId64
                " numbers: they "
                "do not belong together",
                folder, stored, column.count, values.rows);
}

cusgd_status csr_open_folder(cusgd_data *data, const char *folder, int64_t d, int *found)
{
    size_t size = strlen(folder) + 16;
    char *path = allocate(size, 1);
    if (!path) return fail_memory(size, "a path");
    snprintf(path, size, "%s/indptr.npy", folder);
    *found = access(path, F_OK) == 0;
    free(path);
    if (!*found) return CUSGD_OK;
    cusgd_status status = take_starts(data, folder);
    if (!status) status = map_stored(data, folder);
    if (status) return status;
    data->view.d = d;
    int64_t stored = data->view.s.start[data->view.n];
    for (int64_t at = 0; at < stored && d == 0; at++)
        if (csr_column(&data->view.s, at) >= data->view.d) data->view.d = csr_column(&data->view.s, at) + 1;
    if (data->view.d < 1)
        return fail(CUSGD_ERROR_DATA, "%s: every row is empty: say how many columns there are by --columns", folder);
    return csr_check(&data->view.s, data->view.n, data->view.d, data->source);
}
