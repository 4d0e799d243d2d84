/* The public functions that write data to a folder of numbered files. */
#include "encoding.h"
#include "failure.h"
#include "hash.h"
#include "interrupt.h"
#include "layout.h"
#include "pieces.h"
#include "scalar/bf16.h"
#include "sized.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t FILE_BYTES = INT64_C(1) << 28; /* of x, if the options give no number of rows */
enum { BUCKET_BYTES = 1 << 26 };                    /* that are shuffled at a time */
enum { BLOCK_BYTES = 1 << 22 };                     /* that are converted at a time */

/* ---- Rows in the files' types -------------------------------------------------------------------------------------------- */

static void pack_value(double value, enum piece_type type, unsigned char *to)
{
    float single = (float)value;
    bf16 half = bf16_of(value);
    if (type == PIECE_FLOAT64) memcpy(to, &value, sizeof value);
    if (type == PIECE_FLOAT32) memcpy(to, &single, sizeof single);
    if (type == PIECE_BF16) memcpy(to, &half, sizeof half);
}

static void pack_matrix(const cusgd_matrix *m, int64_t first, int64_t count, int64_t cols, enum piece_type type,
                        unsigned char *to)
{
    size_t element = piece_element(type);
    if ((int)type == (int)m->type && m->col_stride == 1) {
        for (int64_t i = first; i < first + count; i++, to += (size_t)cols * element)
            memcpy(to, (const char *)m->at + i * m->row_stride * (int64_t)element, (size_t)cols * element);
        return;
    }
    for (int64_t i = first; i < first + count; i++)
        for (int64_t j = 0; j < cols; j++, to += element) pack_value(matrix_at(m, i, j), type, to);
}

void pieces_pack(const examples *e, const pieces *s, int64_t first, int64_t count, unsigned char *const to[PIECE_ARRAYS])
{
    const cusgd_matrix *const matrices[PIECE_ARRAYS] = {&e->x, &e->y, &e->w, &e->o};
    for (int a = 0; a < PIECE_ARRAYS; a++)
        if (s->cols[a]) pack_matrix(matrices[a], first, count, s->cols[a], s->type[a], to[a]);
}

size_t pieces_row_bytes(const pieces *s)
{
    size_t bytes = 0;
    for (int a = 0; a < PIECE_ARRAYS; a++) bytes += (size_t)s->cols[a] * piece_element(s->type[a]);
    return bytes;
}

void pieces_divide(const pieces *s, unsigned char *memory, int64_t rows, unsigned char *arrays[PIECE_ARRAYS])
{
    for (int a = 0; a < PIECE_ARRAYS; a++) {
        arrays[a] = memory;
        memory += (size_t)(rows * s->cols[a]) * piece_element(s->type[a]);
    }
}

static cusgd_status append_in_order(pieces_writer *w, const pieces *s, const cusgd_data *data)
{
    size_t row = pieces_row_bytes(s);
    int64_t block = row < BLOCK_BYTES ? (int64_t)(BLOCK_BYTES / row) : 1;
    unsigned char *memory = allocate((size_t)block, row), *arrays[PIECE_ARRAYS];
    cusgd_status status = memory ? CUSGD_OK : fail_memory((size_t)block * row, "rows to be written");
    pieces_divide(s, memory, block, arrays);
    for (int64_t first = 0; first < data->view.n && !status; first += block) {
        int64_t count = data->view.n - first < block ? data->view.n - first : block;
        pieces_pack(&data->view, s, first, count, arrays);
        examples_forget(&data->view, first, count);
        status = data_check_files(data);
        if (!status) status = pieces_append(w, (const void *const *)arrays, count);
        if (!status && interrupt_asked()) status = fail_interrupted();
    }
    free(memory);
    return status;
}

/* ---- What is to be written ----------------------------------------------------------------------------------------------- */

static cusgd_status take_options(const cusgd_folder_options *given, cusgd_folder_options *options)
{
    *options = (cusgd_folder_options)CUSGD_INIT(cusgd_folder_options);
    cusgd_status status = given ? sized_check(given->size, "options") : CUSGD_OK;
    if (status || !given) return status;
    sized_get(options, given, sizeof *options);
    if (options->rows_per_file >= 0 && options->rows_per_file < INT64_C(1) << 48) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "a file cannot have %" PRId64 " rows", options->rows_per_file);
}

static cusgd_status check_data(const cusgd_data *data, const cusgd_folder_options *options)
{
    cusgd_status status = data_on_host(data, "writing a folder");
    if (status) return status;
    if (data->memory[PLACE_WHOLE])
        return fail(CUSGD_ERROR_USAGE, "%s: its rows were split into classes, which a folder cannot say: write them before that",
                    data->source);
    if (data->incomplete_count)
        return fail(CUSGD_ERROR_USAGE, "%s: row %" PRId64 " lacks a value, which a folder cannot say: leave such rows out",
                    data->source, data->incomplete[0] + 1);
    if (examples_are_sparse(&data->view) && options->bf16)
        return fail(CUSGD_ERROR_USAGE, "%s: its rows are sparse, and bf16 is for dense rows", data->source);
    return CUSGD_OK;
}

/* The files' form. */
static pieces form_of(const cusgd_data *data, const cusgd_folder_options *options)
{
    const examples *e = &data->view;
    pieces s = {.sparse = examples_are_sparse(e), .d = e->d};
    const cusgd_matrix *const matrices[PIECE_ARRAYS] = {&e->x, &e->y, &e->w, &e->o};
    const int64_t cols[PIECE_ARRAYS] = {e->d, e->k, 1, 1};
    for (int a = 0; a < PIECE_ARRAYS; a++) {
        s.cols[a] = matrices[a]->at ? cols[a] : 0;
        s.type[a] = (enum piece_type)matrices[a]->type;
    }
    if (options->bf16) s.type[PIECE_X] = PIECE_BF16;
    int64_t row = (int64_t)piece_element(s.type[PIECE_X]) * e->d;
    s.rows_per_file = options->rows_per_file ? options->rows_per_file : FILE_BYTES / row;
    s.rows_per_file = (s.rows_per_file / PIECE_ROWS + (s.rows_per_file % PIECE_ROWS > 0)) * PIECE_ROWS;
    if (s.rows_per_file == 0) s.rows_per_file = PIECE_ROWS;
    return s;
}

cusgd_status cusgd_data_save(const cusgd_data *data, const char *folder, const cusgd_folder_options *given)
{
    cusgd_folder_options options;
    pieces_writer *w;
    if (!data || !folder) return fail_null(__func__);
    cusgd_status status = take_options(given, &options);
    if (!status) status = check_data(data, &options);
    if (status) return status;
    pieces s = form_of(data, &options);
    status = pieces_create(folder, &s, &w);
    if (status) return status;
    if (s.sparse)
        status = pieces_save_sparse(w, data, options.shuffle, options.seed);
    else if (options.shuffle)
        status = pieces_append_shuffled(w, &s, data, options.seed, BUCKET_BYTES);
    else
        status = append_in_order(w, &s, data);
    if (!status) return pieces_finish(w, data);
    pieces_abandon(w);
    return status;
}

/* ---- By and by ----------------------------------------------------------------------------------------------------------- */

struct cusgd_folder {
    cusgd_folder_options options;
    char *path;
    pieces_writer *writer;
    pieces s;
    cusgd_data *described; /* one row of the first data, for its names */
    int has_failed;        /* 1: rows may be missing */
};

cusgd_status cusgd_folder_create(const char *folder, const cusgd_folder_options *given, cusgd_folder **out)
{
    *out = NULL;
    if (!folder) return fail_null(__func__);
    cusgd_folder *to = allocate_zeroed(1, sizeof *to);
    if (!to) return fail_memory(sizeof *to, "writing a folder");
    cusgd_status status = take_options(given, &to->options);
    if (!status && to->options.shuffle)
        status = fail(
            CUSGD_ERROR_USAGE,
            "rows that are appended are not shuffled: open the complete folder, and write it by cusgd_data_save with shuffle");
    if (!status && !(to->path = strdup(folder))) status = fail_memory(strlen(folder), "a path");
    if (status) {
        cusgd_folder_free(to);
        return status;
    }
    *out = to;
    return CUSGD_OK;
}

static cusgd_status begin(cusgd_folder *to, const cusgd_data *data)
{
    int64_t row = 0;
    to->s = form_of(data, &to->options);
    cusgd_status status = cusgd_data_select(data, &row, 1, &to->described);
    if (!status) status = layout_copy(data->layout, &to->described->layout);
    return status ? status : pieces_create(to->path, &to->s, &to->writer);
}

static cusgd_status check_form(const cusgd_folder *to, const cusgd_data *data)
{
    pieces s = form_of(data, &to->options);
    for (int a = 0; a < PIECE_ARRAYS; a++)
        if (s.cols[a] != to->s.cols[a])
            return fail(CUSGD_ERROR_DATA, "%s: has %" PRId64 " columns of %s, and the rows before have %" PRId64, data->source,
                        s.cols[a], piece_names[a], to->s.cols[a]);
    cusgd_status status = texts_check_same("column", to->described->features, data->features, s.d, data->source);
    if (!status) status = texts_check_same("target", to->described->targets, data->targets, data->view.k, data->source);
    if (status) return status;
    int same = data->class_count == to->described->class_count;
    for (int64_t c = 0; c < data->class_count && same; c++) same = strcmp(data->classes[c], to->described->classes[c]) == 0;
    if (same) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: has other classes than the rows before, or in another order: read it with their names",
                data->source);
}

static cusgd_status check_handle(const cusgd_folder *to)
{
    return to->has_failed ? fail(CUSGD_ERROR_USAGE, "%s: rows of it could not be written, so that it can only be freed", to->path)
                          : CUSGD_OK;
}

cusgd_status cusgd_folder_append(cusgd_folder *to, const cusgd_data *data)
{
    if (!to || !data) return fail_null(__func__);
    cusgd_status status = check_handle(to);
    if (!status) status = check_data(data, &to->options);
    if (!status) status = data_is_dense(data, "writing a folder in parts");
    if (!status && !to->described) status = begin(to, data);
    if (!status) status = check_form(to, data);
    if (!status) status = append_in_order(to->writer, &to->s, data);
    to->has_failed |= status != CUSGD_OK;
    return status;
}

cusgd_status cusgd_folder_finish(cusgd_folder *to)
{
    if (!to) return fail_null(__func__);
    cusgd_status status = check_handle(to);
    if (!status && !to->writer) status = fail(CUSGD_ERROR_DATA, "%s: there are no rows to write", to->path);
    if (!status) {
        status = pieces_finish(to->writer, to->described);
        to->writer = NULL;
    }
    cusgd_folder_free(to);
    return status;
}

void cusgd_folder_free(cusgd_folder *to)
{
    if (!to) return;
    pieces_abandon(to->writer);
    cusgd_data_free(to->described);
    free(to->path);
    free(to);
}

/* ---- Checking ------------------------------------------------------------------------------------------------------------ */

static cusgd_status check_sum(const char *path, uint64_t expected)
{
    void *mapping;
    size_t bytes;
    uint64_t sum = 1;
    cusgd_status status = file_map(path, &mapping, &bytes);
    for (size_t at = PIECE_START; !status && at < bytes; at += SUMMED_BYTES) {
        sum = hash_bytes(sum, (const char *)mapping + at, bytes - at < SUMMED_BYTES ? bytes - at : SUMMED_BYTES);
        if (interrupt_asked()) status = fail_interrupted();
    }
    if (!status) status = file_check(mapping);
    if (!status && sum != expected)
        status = fail(CUSGD_ERROR_DATA, "%s: is damaged: its checksum is not the one in the index; convert the data again", path);
    file_unmap(mapping);
    return status;
}

cusgd_status cusgd_folder_check(const char *folder)
{
    cusgd_data *data;
    pieces s;
    if (!folder) return fail_null(__func__);
    cusgd_status status = data_create(folder, &data);
    if (status) return status;
    status = pieces_read_index(folder, data, &s);
    if (!status && s.sparse) status = fail(CUSGD_ERROR_DATA, "%s: sparse rows have no checksums", folder);
    for (int64_t i = 0; i < s.files * PIECE_ARRAYS && !status; i++) {
        char *path = s.cols[i % PIECE_ARRAYS] ? piece_path(folder, piece_names[i % PIECE_ARRAYS], i / PIECE_ARRAYS) : NULL;
        if (!s.cols[i % PIECE_ARRAYS]) continue;
        status = path ? check_sum(path, s.sum[i]) : fail_memory(strlen(folder), "a path");
        free(path);
    }
    free(s.sum);
    cusgd_data_free(data);
    return status;
}
