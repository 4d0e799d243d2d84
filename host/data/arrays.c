/* Data in the caller's memory: its names, and a selection of its rows. */
#include "data.h"
#include "encoding.h"
#include "error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

static void free_texts(char **texts, int64_t count)
{
    for (int64_t i = 0; texts && i < count; i++) free(texts[i]);
    free(texts);
}

/* *to: a copy of `count` texts in the place of those that are there; as it was where `texts` is NULL, and on failure. */
static cusgd_status replace_texts(const char *const *texts, int64_t count, char ***to)
{
    if (!texts) return CUSGD_OK;
    char **copy = allocate_zeroed((size_t)count, sizeof *copy);
    if (!copy) return fail_memory((size_t)count * sizeof *copy, "names");
    for (int64_t i = 0; i < count; i++) {
        copy[i] = texts[i] ? strdup(texts[i]) : NULL;
        if (copy[i]) continue;
        free_texts(copy, i);
        return texts[i] ? fail_memory(strlen(texts[i]) + 1, "a name")
                        : fail(CUSGD_ERROR_USAGE, "name %" PRId64 " of %" PRId64 " is NULL: name all or none", i + 1, count);
    }
    free_texts(*to, count);
    *to = copy;
    return CUSGD_OK;
}

static cusgd_status replace_text(const char *text, char **to)
{
    char *copy = strdup(text);
    if (!copy) return fail_memory(strlen(text) + 1, "a name");
    free(*to);
    *to = copy;
    return CUSGD_OK;
}

cusgd_status cusgd_data_set_names(cusgd_data *data, const char *const *features, const char *const *targets,
                                  const char *const *classes, const char *source)
{
    if (classes && !(classes[0] && classes[1]))
        return fail(CUSGD_ERROR_USAGE, "a target has two classes, and a name is missing: name both or none");
    cusgd_status status = replace_texts(features, data->view.d, &data->features);
    if (!status) status = replace_texts(targets, data->view.k, &data->targets);
    for (int i = 0; classes && i < 2 && !status; i++) status = replace_text(classes[i], &data->classes[i]);
    if (!status && source) status = replace_text(source, &data->source);
    return status;
}

/* ---- Selecting rows ------------------------------------------------------------------------------------------------------ */

static size_t type_bytes(cusgd_type type) { return type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double); }

static void copy_rows(const cusgd_matrix *from, const int64_t *rows, int64_t count, int64_t cols, unsigned char *to)
{
    size_t size = type_bytes(from->type);
    for (int64_t i = 0; i < count; i++) {
        const unsigned char *row = (const unsigned char *)from->at + (ptrdiff_t)(rows[i] * from->row_stride) * (ptrdiff_t)size;
        if (from->col_stride == 1) {
            memcpy(to, row, (size_t)cols * size);
            to += (size_t)cols * size;
            continue;
        }
        for (int64_t j = 0; j < cols; j++, to += size)
            memcpy(to, row + (ptrdiff_t)(j * from->col_stride) * (ptrdiff_t)size, size);
    }
}

/* The rows of a matrix, in row-major order, as the data's own; nothing where the matrix is none. */
static cusgd_status select_matrix(const cusgd_matrix *from, const int64_t *rows, int64_t count, int64_t cols, void **memory,
                                  cusgd_matrix *to)
{
    if (!from->at) return CUSGD_OK;
    if (count > INT64_MAX / 8 / cols) return fail(CUSGD_ERROR_MEMORY, "out of memory for %" PRId64 " rows", count);
    *memory = allocate((size_t)(count * cols), type_bytes(from->type));
    if (!*memory) return fail_memory((size_t)(count * cols) * type_bytes(from->type), "a selection of rows");
    copy_rows(from, rows, count, cols, *memory);
    *to = (cusgd_matrix){*memory, from->type, cols, 1};
    return CUSGD_OK;
}

static int compare_rows(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static cusgd_status select_incomplete(const cusgd_data *from, const int64_t *rows, int64_t count, cusgd_data *to)
{
    to->incomplete = allocate((size_t)count, sizeof *to->incomplete);
    if (!to->incomplete) return fail_memory((size_t)count * sizeof *to->incomplete, "the rows that lack a value");
    for (int64_t i = 0; i < count; i++)
        if (bsearch(&rows[i], from->incomplete, (size_t)from->incomplete_count, sizeof *rows, compare_rows))
            to->incomplete[to->incomplete_count++] = i;
    return CUSGD_OK;
}

static cusgd_status select_all(const cusgd_data *from, const int64_t *rows, int64_t count, cusgd_data *to)
{
    const examples *e = &from->view;
    to->view = (examples){.n = count, .d = e->d, .k = e->k};
    to->offset = from->offset;
    cusgd_status status = select_matrix(&e->x, rows, count, e->d, &to->memory[0], &to->view.x);
    if (!status) status = select_matrix(&e->y, rows, count, e->k, &to->memory[1], &to->view.y);
    if (!status) status = select_matrix(&e->w, rows, count, 1, &to->memory[2], &to->view.w);
    if (!status) status = select_matrix(&e->o, rows, count, 1, &to->memory[3], &to->view.o);
    if (!status) status = encoding_copy(from->encoding, &to->encoding);
    if (!status && from->incomplete_count) status = select_incomplete(from, rows, count, to);
    if (!status && from->offset_name) status = replace_text(from->offset_name, &to->offset_name);
    if (!status)
        status = cusgd_data_set_names(to, (const char *const *)from->features, (const char *const *)from->targets,
                                      from->classes[0] ? (const char *const *)from->classes : NULL, NULL);
    return status ? status : data_check_files(from);
}

cusgd_status cusgd_data_select(const cusgd_data *data, const int64_t *rows, int64_t count, cusgd_data **out)
{
    *out = NULL;
    if (count < 1) return fail(CUSGD_ERROR_USAGE, "a selection has at least 1 row, not %" PRId64, count);
    for (int64_t i = 0; i < count; i++)
        if (rows[i] < 0 || rows[i] >= data->view.n)
            return fail(CUSGD_ERROR_USAGE, "row %" PRId64 " is not in the data, whose rows are 0 to %" PRId64, rows[i],
                        data->view.n - 1);
    cusgd_status status = data_create(data->source, out);
    if (!status) status = select_all(data, rows, count, *out);
    if (!status) return CUSGD_OK;
    cusgd_data_free(*out);
    *out = NULL;
    return status;
}
