/* Opening folders of numbered files: those that cusgd convert has written are mapped, others are read into memory. */
#include "encoding.h"
#include "failure.h"
#include "interrupt.h"
#include "notes.h"
#include "pieces.h"
#include "scalar/bf16.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cusgd_matrix *matrix_of(cusgd_data *data, int array)
{
    examples *v = &data->view;
    cusgd_matrix *const matrices[PIECE_ARRAYS] = {&v->x, &v->y, &v->w, &v->o};
    return matrices[array];
}

/* ---- Of an index --------------------------------------------------------------------------------------------------------- */

static void parts_free(file_part *parts, int64_t count)
{
    for (int64_t i = 0; parts && i < count; i++) free((char *)parts[i].path);
    free(parts);
}

/* Lists the files and the positions of their elements. */
static cusgd_status list_parts(const char *folder, const pieces *s, int array, file_part **out)
{
    file_part *parts = *out = allocate_zeroed((size_t)s->files, sizeof *parts);
    if (!parts) return fail_memory((size_t)s->files * sizeof *parts, folder);
    for (int64_t i = 0; i < s->files; i++) {
        parts[i].path = piece_path(folder, piece_names[array], i);
        if (!parts[i].path) return fail_memory(strlen(folder), "a path");
        parts[i].offset = PIECE_START;
        parts[i].bytes = (size_t)(piece_rows(s, i) * s->cols[array]) * piece_element(s->type[array]);
    }
    return CUSGD_OK;
}

/* The index says how the elements are read, so each file's header must say the same: a file that was replaced by one of the same
 * size, with another type, shape or byte order, would be read as numbers that it does not have. */
static cusgd_status check_header(const pieces *s, int array, int64_t i, const char *path)
{
    char wanted[PIECE_START], found[PIECE_START] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t count = file >= 0 ? pread(file, found, sizeof found, 0) : -1;
    if (file >= 0) close(file);
    if (count < (ssize_t)sizeof found) return CUSGD_OK; /* mapping it reports the error */
    pieces_header(s, array, piece_rows(s, i), wanted);
    if (memcmp(wanted, found, sizeof found) == 0) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: has another header than cusgd convert wrote for the folder's index: convert the data again", path);
}

/* Copies the files' elements behind one another; bf16 as the floats that they are. */
static cusgd_status copy_part(const file_part *part, enum piece_type type, char *to)
{
    void *mapping;
    size_t bytes;
    cusgd_status status = file_map(part->path, &mapping, &bytes);
    if (status) return status;
    if (bytes != part->offset + part->bytes)
        status = fail(CUSGD_ERROR_DATA, "%s: has %zu bytes, where %zu belong: was it copied completely?", part->path, bytes,
                      part->offset + part->bytes);
    const char *from = (const char *)mapping + part->offset;
    if (!status && type != PIECE_BF16) memcpy(to, from, part->bytes);
    for (size_t i = 0; !status && type == PIECE_BF16 && i < part->bytes / sizeof(bf16); i++)
        ((float *)to)[i] = bf16_value(((const bf16 *)from)[i]);
    if (!status) status = file_check(mapping);
    file_unmap(mapping);
    return status;
}

static cusgd_status copy_parts(const char *folder, const pieces *s, int array, const file_part *parts, void **out)
{
    size_t wide = s->type[array] == PIECE_BF16 ? 2 : 1; /* times as long in memory */
    size_t count = (size_t)s->rows * (size_t)s->cols[array], element = piece_element(s->type[array]) * wide, done = 0;
    char *memory = *out = allocate_aligned(count, element);
    cusgd_status status = memory ? CUSGD_OK : fail_memory(count * element, folder);
    for (int64_t i = 0; i < s->files && !status; i++) {
        status = copy_part(&parts[i], s->type[array], memory + done);
        done += parts[i].bytes * wide;
        if (!status && interrupt_asked()) status = fail_interrupted();
    }
    return status;
}

static cusgd_status open_array(cusgd_data *data, const char *folder, const pieces *s, int array)
{
    file_part *parts;
    const void *at = NULL;
    cusgd_status status = list_parts(folder, s, array, &parts);
    for (int64_t i = 0; i < s->files && !status; i++) status = check_header(s, array, i, parts[i].path);
    int mapped = !status && s->type[array] != PIECE_BF16 && file_parts_fit(parts, s->files);
    if (!status && mapped) {
        status = file_map_parts(parts, s->files, &data->mapping[array]);
        at = data->mapping[array];
    } else if (!status) {
        status = copy_parts(folder, s, array, parts, &data->memory[array]);
        at = data->memory[array];
    }
    cusgd_type type = s->type[array] == PIECE_FLOAT64 ? CUSGD_TYPE_FLOAT64 : CUSGD_TYPE_FLOAT32;
    if (!status) *matrix_of(data, array) = (cusgd_matrix){at, type, s->cols[array], 1};
    parts_free(parts, s->files);
    return status;
}

/* Opens one of the arrays that accompany a sparse x. */
static cusgd_status open_companion(cusgd_data *data, const char *folder, const pieces *s, int array)
{
    char *path, name[16];
    npy_array a;
    snprintf(name, sizeof name, "%s.npy", piece_names[array]);
    path = piece_path(folder, name, -1);
    if (!path) return fail_memory(strlen(folder), "a path");
    cusgd_status status = npy_open(path, &a);
    if (!status) {
        data->mapping[array] = a.mapping;
        data->memory[array] = a.memory;
        *matrix_of(data, array) = a.matrix;
        if (a.rows != s->rows || (a.cols ? a.cols : 1) != s->cols[array])
            status = fail(CUSGD_ERROR_DATA, "%s: has another shape than the folder's index says: convert the data again", path);
    }
    free(path);
    return status;
}

static cusgd_status open_sparse(cusgd_data *data, const char *folder, const pieces *s)
{
    int found;
    cusgd_status status = csr_open_folder(data, folder, s->d, &found);
    if (!status && (!found || data->view.n != s->rows))
        status = fail(CUSGD_ERROR_DATA, "%s: indptr.npy has another length than the index says: convert the data again", folder);
    return status;
}

/* ---- Whether they are what the reader wants ------------------------------------------------------------------------------ */

static int same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

/* *same: whether both make the same columns of the same table. */
static cusgd_status compare_encodings(const cusgd_encoding *a, const cusgd_encoding *b, int *same)
{
    cJSON *left = encoding_to_json(a), *right = encoding_to_json(b);
    cusgd_status status = left && right ? CUSGD_OK : fail_memory(1, "an encoding");
    for (cJSON *side = left; side; side = side == left ? right : NULL) /* the treatment of rows does not affect columns */
        cJSON_DeleteItemFromObjectCaseSensitive(side, "missing");
    *same = !status && cJSON_Compare(left, right, 1);
    cJSON_Delete(left);
    cJSON_Delete(right);
    return status;
}

/* Checks that the features are those that a model or other data require, in their order. */
static cusgd_status check_wanted(const cusgd_data *data, const cusgd_reader *reader)
{
    int same = 1;
    cusgd_status status = CUSGD_OK;
    if (data->encoding && reader->encoding) {
        status = compare_encodings(data->encoding, reader->encoding, &same);
    } else if (data->features && !data->encoding && !reader->encoding && (int64_t)reader->roles.feature_count == data->view.d) {
        for (int64_t j = 0; j < data->view.d; j++) same = same && same_text(data->features[j], reader->roles.features[j]);
    }
    if (status || same) return status;
    return fail(CUSGD_ERROR_DATA,
                "%s: was converted with other columns or categories than these: convert its table again with --like and the "
                "model or the other folder",
                data->source);
}

static int64_t find_name(const char *name, const char *const *names, int64_t count)
{
    int64_t i = 0;
    while (i < count && strcmp(names[i], name) != 0) i++;
    return i < count ? i : -1;
}

/* y: the number that the reader has for each row's class. names: the reader's. */
static cusgd_status renumber(const cusgd_data *data, char *const *names, int64_t count, double *y)
{
    for (int64_t i = 0; i < data->view.n; i++) {
        double number = matrix_at(&data->view.y, i, 0);
        int is_class = number >= 0 && number < (double)data->class_count && number == floor(number);
        if (!is_class)
            return fail(CUSGD_ERROR_DATA,
                        "%s: row %" PRId64 " has target %g, and its %" PRId64 " classes have the numbers from 0 on", data->source,
                        i + 1, number, (int64_t)data->class_count);
        y[i] = (double)find_name(data->classes[(int64_t)number], (const char *const *)names, count);
    }
    return CUSGD_OK;
}

/* Numbers the classes as the reader does, which has names for all of them. */
static cusgd_status match_classes(cusgd_data *data, const cusgd_reader *reader)
{
    int64_t count = reader_classes(reader), n = data->view.n;
    int same = data->class_count == count;
    if (!data->classes || !reader->classes || data->view.k != 1) return CUSGD_OK;
    for (int64_t c = 0; c < data->class_count; c++) {
        int64_t at = find_name(data->classes[c], reader->classes, count);
        same = same && at == c;
        if (at < 0)
            return fail(CUSGD_ERROR_DATA, "%s: has class \"%.200s\", which the model does not know", data->source,
                        data->classes[c]);
    }
    if (same) return CUSGD_OK;
    double *y = allocate((size_t)n, sizeof *y);
    char **names = NULL;
    cusgd_status status = y ? texts_copy(reader->classes, count, &names) : fail_memory((size_t)n * sizeof *y, "the classes");
    if (!status) status = renumber(data, names, count, y);
    if (!status) status = data_check_files(data);
    if (status) {
        strings_free(names, count);
        free(y);
        return status;
    }
    data_take_classes(data, names, count);
    data_replace(data, PLACE_Y, y);
    data->view.y = (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1};
    return CUSGD_OK;
}

/* Forgets the targets, which predictions do not need and which may be invalid. */
static void forget_targets(cusgd_data *data)
{
    strings_free(data->targets, data->view.k);
    strings_free(data->classes, data->class_count);
    data->targets = data->classes = NULL;
    data->class_count = data->view.classes = data->view.k = 0;
}

static cusgd_status open_indexed(cusgd_data *data, const char *folder, const cusgd_reader *reader)
{
    pieces s;
    cusgd_status status = pieces_read_index(folder, data, &s);
    if (!status) status = check_wanted(data, reader);
    if (!status && !s.cols[PIECE_Y] && !reader->roles.x_only)
        status = fail(CUSGD_ERROR_DATA, "%s: has no targets: it was converted from features alone", folder);
    if (!status && reader->roles.x_only) forget_targets(data);
    if (!status && s.sparse) status = open_sparse(data, folder, &s);
    for (int a = 0; a < PIECE_ARRAYS && !status; a++) {
        int wanted = s.cols[a] && !(reader->roles.x_only && (a == PIECE_Y || a == PIECE_W));
        if (wanted) status = s.sparse ? open_companion(data, folder, &s, a) : open_array(data, folder, &s, a);
    }
    if (!status) status = match_classes(data, reader);
    free(s.sum);
    return status;
}

/* ---- Without an index ---------------------------------------------------------------------------------------------------- */

/* Returns the number in NAME-00012.npy; -1: the file has another kind of name. */
static int64_t number_of(const char *file, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(file, name, length) != 0 || file[length] != '-') return -1;
    const char *digits = file + length + 1;
    size_t count = strspn(digits, "0123456789");
    return count > 0 && count < 10 && strcmp(digits + count, ".npy") == 0 ? strtol(digits, NULL, 10) : -1;
}

/* Files of one array: their numbers are first, first + 1, ..., with the same number of digits or as many as they need. */
typedef struct numbered {
    int64_t first, count, last;
    char **names; /* by number - first */
} numbered;

static void numbered_free(numbered *list) { strings_free(list->names, list->names ? list->last - list->first + 1 : 0); }

/* Counts the files, and then copies their names. */
static cusgd_status list_numbered(const char *folder, const char *name, numbered *list)
{
    *list = (numbered){.first = INT64_MAX, .last = -1};
    cusgd_status status = CUSGD_OK;
    for (int pass = 0; pass < 2 && !status; pass++) {
        DIR *open = opendir(folder);
        if (!open) return fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", folder, strerror(errno));
        for (const struct dirent *file; !status && (file = readdir(open));) {
            int64_t number = number_of(file->d_name, name);
            if (number < 0) continue;
            list->count += pass == 0;
            if (pass == 0 && number < list->first) list->first = number;
            if (pass == 0 && number > list->last) list->last = number;
            char **at = pass && number >= list->first && number <= list->last ? &list->names[number - list->first] : NULL;
            if (at && *at) status = fail(CUSGD_ERROR_DATA, "%s: has %s and %s: remove one of them", folder, *at, file->d_name);
            if (at && !status && !(*at = strdup(file->d_name))) status = fail_memory(strlen(file->d_name), "a name");
        }
        closedir(open);
        if (list->count == 0) return CUSGD_OK;
        int gaps = list->last - list->first + 1 > list->count;
        if (pass == 0 && gaps)
            return fail(CUSGD_ERROR_DATA, "%s: of %s-%" PRId64 ".npy to %s-%" PRId64 ".npy only %" PRId64 " are there", folder,
                        name, list->first, name, list->last, list->count);
        if (pass == 0 && !(list->names = allocate_zeroed((size_t)list->count, sizeof *list->names)))
            status = fail_memory((size_t)list->count * sizeof *list->names, folder);
    }
    return status;
}

/* Opens each file and passes it to `take` with the number of rows before it. */
typedef struct gathering {
    const char *folder;
    int64_t rows, cols; /* of all; cols of the first file, at least 1 */
    int single;         /* 1: all are float32 */
    void *to;           /* NULL: first pass, which counts the rows */
} gathering;

static void copy_rows(const npy_array *a, const gathering *g, int64_t before)
{
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t j = 0; j < g->cols; j++) {
            int64_t at = (before + i) * g->cols + j;
            if (g->single)
                ((float *)g->to)[at] = (float)matrix_at(&a->matrix, i, j);
            else
                ((double *)g->to)[at] = matrix_at(&a->matrix, i, j);
        }
}

static cusgd_status fail_changed(const char *folder)
{
    return fail(CUSGD_ERROR_DATA, "%s: its files changed while they were read: open it when they are complete", folder);
}

static cusgd_status gather_file(const char *name, gathering *g, int64_t *before)
{
    npy_array a;
    char *path = piece_path(g->folder, name, -1);
    cusgd_status status = path ? npy_open(path, &a) : fail_memory(strlen(name), "a path");
    if (!status) {
        int64_t cols = a.cols ? a.cols : 1;
        if (*before == 0 && !g->to) g->cols = cols;
        if (cols != g->cols)
            status = fail(CUSGD_ERROR_DATA, "%s: has %" PRId64 " columns, and the first file has %" PRId64, path, cols, g->cols);
        if (!g->to) g->single = g->single && a.matrix.type == CUSGD_TYPE_FLOAT32;
        if (!status && g->to && *before + a.rows > g->rows) status = fail_changed(g->folder);
        if (!status && g->to) copy_rows(&a, g, *before);
        if (!status) status = file_check(a.mapping);
        *before += a.rows;
        file_unmap(a.mapping);
        free(a.memory);
    }
    free(path);
    return status;
}

/* One array of all its files. Read twice, so that no more memory is taken than for the rows and a file. */
static cusgd_status gather(cusgd_data *data, const char *folder, int array, int64_t *rows, int64_t *cols)
{
    numbered list;
    gathering g = {.folder = folder, .single = 1};
    cusgd_status status = list_numbered(folder, piece_names[array], &list);
    for (int pass = 0; pass < 2 && list.count && !status; pass++) {
        int64_t before = 0;
        for (int64_t i = 0; i < list.count && !status; i++) {
            status = gather_file(list.names[i], &g, &before);
            if (!status && interrupt_asked()) status = fail_interrupted();
        }
        if (pass == 0) g.rows = before;
        if (pass == 1 && !status && before < g.rows) status = fail_changed(folder);
        size_t element = g.single ? sizeof(float) : sizeof(double);
        if (pass == 0 && !status && !(g.to = data->memory[array] = allocate_aligned((size_t)g.rows * (size_t)g.cols, element)))
            status = fail_memory((size_t)g.rows * (size_t)g.cols * element, folder);
    }
    if (!status && list.count)
        *matrix_of(data, array) = (cusgd_matrix){g.to, g.single ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64, g.cols, 1};
    *rows = g.rows;
    *cols = g.cols;
    numbered_free(&list);
    return status;
}

static cusgd_status open_numbered(cusgd_data *data, const char *folder, const cusgd_reader *reader, int *found)
{
    int64_t rows, cols;
    examples *v = &data->view;
    cusgd_status status = gather(data, folder, PIECE_X, &v->n, &v->d);
    *found = status || v->n > 0;
    if (status || !*found) return status;
    for (int a = PIECE_Y; a < PIECE_ARRAYS && !status; a++) {
        if (reader->roles.x_only && a != PIECE_O) continue;
        status = gather(data, folder, a, &rows, &cols);
        if (!status && rows && rows != v->n)
            status = fail(CUSGD_ERROR_DATA, "%s: the files of %s have %" PRId64 " rows, and those of x have %" PRId64, folder,
                          piece_names[a], rows, v->n);
        if (!status && rows && a != PIECE_Y && cols != 1)
            status = fail(CUSGD_ERROR_DATA, "%s: the files of %s have %" PRId64 " columns, where one is wanted", folder,
                          piece_names[a], cols);
        if (!status && rows && a == PIECE_Y) v->k = cols;
        if (!status && !rows && a == PIECE_Y)
            status =
                fail(CUSGD_ERROR_DATA, "%s: has numbered files of x, and none of y: y-00000.npy belongs to x-00000.npy", folder);
    }
    if (!status && v->o.at) data->offset = CUSGD_OFFSET_LINEAR;
    return status
               ? status
               : data_note(data, "%s: its numbered files are read into memory; those that cusgd convert writes stay on the disk",
                           data->source);
}

cusgd_status pieces_open(cusgd_data *data, const char *folder, const cusgd_reader *reader, int *found)
{
    static const char *const whole[] = {"x.npy", "x.npz", "indptr.npy"};
    char *index = piece_path(folder, PIECES_INDEX, -1);
    if (!index) return fail_memory(strlen(folder), "a path");
    *found = access(index, F_OK) == 0;
    free(index);
    if (*found) return open_indexed(data, folder, reader);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        char *path = piece_path(folder, whole[i], -1);
        if (!path) return fail_memory(strlen(folder), "a path");
        int there = access(path, F_OK) == 0;
        free(path);
        if (there) return CUSGD_OK;
    }
    return open_numbered(data, folder, reader, found);
}
