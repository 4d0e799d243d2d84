/* Data in the caller's memory: its names, and a selection of its rows. */
#include "data.h"
#include "encoding.h"
#include "failure.h"
#include "interrupt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

/* The names that cusgd_data_set_names was given, copied; NULL: those of the data stay. */
typedef struct names {
    char **features, **targets, **classes, *source;
} names;

static cusgd_status copy_names(const cusgd_data *data, const char *const *features, const char *const *targets,
                               const char *const *classes, const char *source, names *out)
{
    *out = (names){0};
    cusgd_status status = classes_check(classes, 2);
    if (!status && features) status = texts_copy(features, data->view.d, &out->features);
    if (!status && targets) status = texts_copy(targets, data->view.k, &out->targets);
    if (!status && classes) status = texts_copy(classes, 2, &out->classes);
    if (!status && source && !(out->source = strdup(source))) status = fail_memory(strlen(source) + 1, "a name");
    return status;
}

static void names_free(const cusgd_data *data, names *n)
{
    strings_free(n->features, data->view.d);
    strings_free(n->targets, data->view.k);
    strings_free(n->classes, 2);
    free(n->source);
}

static void swap_texts(char ***a, char ***b)
{
    char **kept = *a;
    if (!*b) return;
    *a = *b;
    *b = kept;
}

static void swap_text(char **a, char **b)
{
    char *kept = *a;
    if (!*b) return;
    *a = *b;
    *b = kept;
}

cusgd_status cusgd_data_set_names(cusgd_data *data, const char *const *features, const char *const *targets,
                                  const char *const *classes, const char *source)
{
    if (!data) return fail_null(__func__);
    names new;
    cusgd_status status = copy_names(data, features, targets, classes, source, &new);
    if (!status) { /* all of them, or none */
        swap_texts(&data->features, &new.features);
        swap_texts(&data->targets, &new.targets);
        if (new.classes) data_take_classes(data, new.classes, 2);
        new.classes = NULL;
        swap_text(&data->source, &new.source);
    }
    names_free(data, &new);
    return status;
}

/* ---- Selecting rows ------------------------------------------------------------------------------------------------------ */

/* Copies rows of a matrix. Ends early after an interruption. */
static void copy_rows(const cusgd_matrix *from, const int64_t *rows, int64_t count, int64_t cols, unsigned char *to)
{
    size_t size = type_bytes(from->type);
    int64_t often = 1 + 65536 / (1 + cols); /* number of rows between checks for interruptions */
    for (int64_t i = 0; i < count && (i % often || !interrupt_asked()); i++) {
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

/* Copies rows of a matrix, row-major, into an array that the data owns; does nothing if there is no matrix. */
static cusgd_status select_matrix(const cusgd_matrix *from, const int64_t *rows, int64_t count, int64_t cols, void **memory,
                                  cusgd_matrix *to)
{
    if (!from->at) return CUSGD_OK;
    if (count > INT64_MAX / 8 / cols) return fail(CUSGD_ERROR_MEMORY, "out of memory for %" PRId64 " rows", count);
    *memory = allocate((size_t)(count * cols), type_bytes(from->type));
    if (!*memory) return fail_memory((size_t)(count * cols) * type_bytes(from->type), "a selection of rows");
    copy_rows(from, rows, count, cols, *memory);
    *to = (cusgd_matrix){*memory, from->type, cols, 1};
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
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

/* Marks parts of a split row that are adjacent in the selection as parts of one row. */
static cusgd_status select_whole(const int64_t *from, const int64_t *rows, int64_t count, cusgd_data *to)
{
    int64_t *whole = to->memory[PLACE_WHOLE] = allocate((size_t)count, sizeof *whole);
    if (!whole) return fail_memory((size_t)count * sizeof *whole, "the parts of rows");
    for (int64_t i = 0; i < count; i++) whole[i] = from[rows[i]];
    return CUSGD_OK;
}

static cusgd_status select_all(const cusgd_data *from, const int64_t *rows, int64_t count, cusgd_data *to)
{
    const examples *e = &from->view;
    to->view = (examples){.n = count, .d = e->d, .k = e->k};
    to->offset = from->offset;
    cusgd_status status = select_matrix(&e->x, rows, count, e->d, &to->memory[PLACE_X], &to->view.x);
    if (!status && examples_are_sparse(e)) status = csr_select(&e->s, rows, count, to);
    if (!status) status = select_matrix(&e->y, rows, count, e->k, &to->memory[PLACE_Y], &to->view.y);
    if (!status) status = select_matrix(&e->w, rows, count, 1, &to->memory[PLACE_W], &to->view.w);
    if (!status) status = select_matrix(&e->o, rows, count, 1, &to->memory[PLACE_O], &to->view.o);
    if (!status) status = encoding_copy(from->encoding, &to->encoding);
    if (!status && from->incomplete_count) status = select_incomplete(from, rows, count, to);
    if (!status && from->memory[PLACE_WHOLE]) status = select_whole(from->memory[PLACE_WHOLE], rows, count, to);
    if (!status && from->offset_name && !(to->offset_name = strdup(from->offset_name)))
        status = fail_memory(strlen(from->offset_name) + 1, "a name");
    if (!status)
        status = cusgd_data_set_names(to, (const char *const *)from->features, (const char *const *)from->targets, NULL, NULL);
    char **classes = NULL;
    if (!status && from->classes) status = texts_copy((const char *const *)from->classes, from->class_count, &classes);
    if (classes) data_take_classes(to, classes, from->class_count);
    return status ? status : data_check_files(from);
}

cusgd_status cusgd_data_select(const cusgd_data *data, const int64_t *rows, int64_t count, cusgd_data **out)
{
    *out = NULL;
    if (!data) return fail_null(__func__);
    cusgd_status here = data_on_host(data, "a selection of rows");
    if (here) return here;
    if (count < 1) return fail(CUSGD_ERROR_USAGE, "a selection has at least 1 row, not %" PRId64, count);
    for (int64_t i = 0; i < count && !interrupt_asked_at(i); i++)
        if (rows[i] < 0 || rows[i] >= data->view.n)
            return fail(CUSGD_ERROR_USAGE, "row %" PRId64 " is not in the data, whose rows are 0 to %" PRId64, rows[i],
                        data->view.n - 1);
    if (interrupt_asked()) return fail_interrupted(); /* not every row has been checked */
    cusgd_status status = data_create(data->source, out);
    if (!status) status = select_all(data, rows, count, *out);
    if (!status) return CUSGD_OK;
    cusgd_data_free(*out);
    *out = NULL;
    return status;
}
