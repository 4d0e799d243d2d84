/* Sparse matrices by rows, in the caller's memory. */
#include "data.h"
#include "failure.h"
#include "interrupt.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Whether all is right with a row whose indices have 32 bits, some of them at a time without a branch for each. */
static int is_right(const int32_t *column, int64_t count, int64_t d)
{
    enum { TOGETHER = 1024 };
    int falls = 0;
    if (count > 0 && (column[0] < 0 || column[count - 1] >= d)) return 0;
    for (int64_t first = 1; first < count && !falls; first += TOGETHER) {
        int64_t end = count - first < TOGETHER ? count : first + TOGETHER;
        for (int64_t i = first; i < end; i++) falls |= column[i] <= column[i - 1];
    }
    return !falls;
}

static cusgd_status check_row(const cusgd_csr *s, int64_t row, int64_t d, const char *source)
{
    if (!s->wide && is_right((const int32_t *)s->column + s->start[row], s->start[row + 1] - s->start[row], d)) return CUSGD_OK;
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
    size_t index = from->wide ? sizeof(int64_t) : sizeof(int32_t), size = type_bytes(from->type);
    int64_t *start = to->memory[PLACE_START] = allocate((size_t)count + 1, sizeof *start);
    if (!start) return fail_memory(((size_t)count + 1) * sizeof *start, "a selection of rows");
    for (int64_t i = 0; i < count; i++) {
        start[i] = stored;
        stored += from->start[rows[i] + 1] - from->start[rows[i]];
    }
    start[count] = stored;
    char *column = to->memory[PLACE_COLUMN] = allocate((size_t)stored + 1, index);
    char *value = from->value ? allocate((size_t)stored + 1, size) : NULL;
    to->memory[PLACE_X] = value;
    if (!column || (from->value && !value)) return fail_memory((size_t)stored * (index + size), "a selection of rows");
    for (int64_t i = 0; i < count && !interrupt_asked_at(i); i++) {
        size_t first = (size_t)from->start[rows[i]], length = (size_t)(start[i + 1] - start[i]), at = (size_t)start[i];
        memcpy(column + at * index, (const char *)from->column + first * index, length * index);
        if (value) memcpy(value + at * size, (const char *)from->value + first * size, length * size);
    }
    to->view.s = (cusgd_csr){start, column, value, from->type, from->wide};
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}
