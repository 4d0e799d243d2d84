/* Data from memory and from files of every kind, and what is asked of it. */
#include "encoding.h"
#include "failure.h"
#include "hdf5.h"
#include "interrupt.h"
#include "layout.h"
#include "pieces.h"
#include "public.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { X, Y, W, O }; /* places in cusgd_data's arrays */

/* ---- The caller's arrays ------------------------------------------------------------------------------------------------- */

cusgd_status data_create(const char *source, cusgd_data **out)
{
    cusgd_data *data = allocate_zeroed(1, sizeof *data);
    size_t size = cusgd_text_escape(source, NULL, 0) + 1;
    *out = NULL;
    if (data) data->source = allocate(size, 1);
    if (!data || !data->source) {
        free(data);
        return fail_memory(sizeof *data + size, "the data's description");
    }
    cusgd_text_escape(source, data->source, size);
    *out = data;
    return CUSGD_OK;
}

static int type_is_known(const cusgd_matrix *m) { return m->type == CUSGD_TYPE_FLOAT32 || m->type == CUSGD_TYPE_FLOAT64; }

cusgd_status cusgd_data_wrap(int64_t n, int64_t d, int64_t k, cusgd_matrix x, cusgd_matrix y, cusgd_matrix w, cusgd_data **out)
{
    *out = NULL;
    if (n < 1 || d < 1 || k < 0)
        return fail(CUSGD_ERROR_USAGE,
                    "the data needs n >= 1 rows, d >= 1 columns and k >= 0 targets, not %" PRId64 ", %" PRId64 " and %" PRId64, n,
                    d, k);
    if (!x.at) return fail(CUSGD_ERROR_USAGE, "x is NULL: there is no data without features");
    if ((y.at != NULL) != (k > 0)) return fail(CUSGD_ERROR_USAGE, "y is NULL where k is 0, and only there");
    if (!type_is_known(&x) || (y.at && !type_is_known(&y)) || (w.at && !type_is_known(&w)))
        return fail(CUSGD_ERROR_USAGE, "an array's type is neither CUSGD_TYPE_FLOAT32 nor CUSGD_TYPE_FLOAT64");
    cusgd_status status = data_create("data", out);
    if (!status) (*out)->view = (examples){.n = n, .d = d, .k = k, .x = x, .y = y, .w = w};
    return status;
}

/* log of `from`, the whole column, as the data's own. */
static cusgd_status take_logarithms(cusgd_data *data, const cusgd_matrix *from)
{
    int64_t n = data->view.n;
    double *o = allocate((size_t)n, sizeof *o);
    if (!o) return fail_memory((size_t)n * sizeof *o, "the exposures' logarithms");
    for (int64_t i = 0; i < n && !interrupt_asked_at(i); i++) {
        double exposure = matrix_at(from, i, 0);
        o[i] = log(exposure);
        if (exposure > 0 && isfinite(exposure)) continue;
        free(o);
        return fail_data_row(i, -1, "%s: row %" PRId64 ": the exposure %g is not a number greater than 0: remove the row",
                             data->source, i + 1, exposure);
    }
    if (interrupt_asked()) {
        free(o);
        return fail_interrupted();
    }
    free(data->memory[O]);
    data->memory[O] = o;
    data->view.o = (cusgd_matrix){o, CUSGD_TYPE_FLOAT64, 1, 1};
    return CUSGD_OK;
}

cusgd_status cusgd_data_set_offset(cusgd_data *data, cusgd_offset kind, cusgd_matrix o)
{
    if (!data) return fail_null(__func__);
    if (kind < CUSGD_OFFSET_NONE || kind > CUSGD_OFFSET_EXPOSURE)
        return fail(CUSGD_ERROR_USAGE, "offset kind %d: there is no such kind of offset", (int)kind);
    if (kind != CUSGD_OFFSET_NONE && (!o.at || !type_is_known(&o)))
        return fail(CUSGD_ERROR_USAGE,
                    "the offsets are NULL, or of a type that is neither CUSGD_TYPE_FLOAT32 nor CUSGD_TYPE_FLOAT64");
    cusgd_status status = CUSGD_OK;
    if (kind == CUSGD_OFFSET_EXPOSURE)
        status = take_logarithms(data, &o);
    else
        data->view.o = kind == CUSGD_OFFSET_NONE ? (cusgd_matrix){0} : o;
    if (status) return status;
    data->offset = kind;
    free(data->offset_name);
    data->offset_name = NULL;
    return CUSGD_OK;
}

/* ---- .npy ---------------------------------------------------------------------------------------------------------------- */

/* A .npy file as one of the data's places. */
static void keep_array(cusgd_data *data, const npy_array *a, int place, cusgd_matrix *matrix, int64_t *rows, int64_t *cols)
{
    *matrix = a->matrix;
    *rows = a->rows;
    *cols = a->cols;
    file_unmap(data->mapping[place]); /* of another file for the same place, which its caller refuses */
    free(data->memory[place]);
    data->mapping[place] = a->mapping;
    data->memory[place] = a->memory;
}

static cusgd_status open_npy(cusgd_data *data, const char *path, int place, cusgd_matrix *matrix, int64_t *rows, int64_t *cols)
{
    npy_array a;
    cusgd_status status = npy_open(path, &a);
    if (!status) keep_array(data, &a, place, matrix, rows, cols);
    return status;
}

/* Array `name`.npy of an archive likewise. */
static cusgd_status open_member(cusgd_data *data, const char *archive, const char *name, int place, cusgd_matrix *matrix,
                                int64_t *rows, int64_t *cols)
{
    npy_array a;
    int found;
    cusgd_status status = npz_open(archive, name, &a, &found);
    *rows = 0;
    if (status) return status;
    if (!found && place >= W) return CUSGD_OK;
    if (!found)
        return fail(CUSGD_ERROR_DATA, "%s: has no array %s: numpy.savez(\"NAME.npz\", x=x, y=y) writes both", archive, name);
    keep_array(data, &a, place, matrix, rows, cols);
    return CUSGD_OK;
}

static int name_ends(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);
    return length >= tail && strcasecmp(path + length - tail, ending) == 0;
}

/* Opens folder/name.npy as one of the data's places; *cols 0: one-dimensional. *path is the whole name, the caller's to free. */
static cusgd_status open_part(cusgd_data *data, const char *folder, const char *name, int place, cusgd_matrix *matrix,
                              int64_t *rows, int64_t *cols, char **path)
{
    size_t size = strlen(folder) + strlen(name) + 8;
    *path = allocate(size, 1);
    if (!*path) return fail_memory(size, "a path");
    snprintf(*path, size, "%s/%s.npy", folder, name);
    if (data->is_archive) return open_member(data, folder, name, place, matrix, rows, cols);
    if (place >= W && access(*path, F_OK) != 0 && errno == ENOENT) {
        *rows = 0;
        return CUSGD_OK;
    }
    return open_npy(data, *path, place, matrix, rows, cols);
}

static cusgd_status check_features(const char *path, int64_t cols)
{
    if (cols > 0) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: has one dimension, where rows x columns are wanted: save x.reshape(-1, 1) if it is one column", path);
}

static cusgd_status open_features(cusgd_data *data, const char *folder)
{
    examples *v = &data->view;
    char *path;
    cusgd_status status = open_part(data, folder, "x", X, &v->x, &v->n, &v->d, &path);
    if (!status) status = check_features(path, v->d);
    free(path);
    return status;
}

/* y.npy, or w.npy and its like: as many rows as x; *cols 1 where it has one dimension. */
static cusgd_status open_companion(cusgd_data *data, const char *folder, const char *name, int place, cusgd_matrix *matrix,
                                   int64_t *cols)
{
    int64_t rows = 0;
    char *path;
    cusgd_status status = open_part(data, folder, name, place, matrix, &rows, cols, &path);
    if (!status && *cols == 0) *cols = 1;
    if (!status && matrix->at && rows != data->view.n)
        status = fail(CUSGD_ERROR_DATA, "%s: has %" PRId64 " rows, but %s has %" PRId64, path, rows,
                      examples_are_sparse(&data->view) ? "x" : "x.npy", data->view.n);
    if (!status && place >= W && *cols != 1)
        status = fail(CUSGD_ERROR_DATA, "%s: has %" PRId64 " columns: one %s a row is wanted", path, *cols,
                      place == W ? "weight" : "number");
    free(path);
    return status;
}

/* offset.npy or exposure.npy. */
static cusgd_status open_offsets(cusgd_data *data, const char *folder)
{
    static const char *const names[] = {[CUSGD_OFFSET_LINEAR] = "offset", [CUSGD_OFFSET_EXPOSURE] = "exposure"};
    cusgd_status status = CUSGD_OK;
    for (int kind = CUSGD_OFFSET_LINEAR; kind <= CUSGD_OFFSET_EXPOSURE && !status; kind++) {
        cusgd_matrix o = {0};
        int64_t one = 0;
        const void *before = data->view.o.at;
        status = open_companion(data, folder, names[kind], O, &o, &one);
        if (!status && o.at && before)
            status = fail(CUSGD_ERROR_DATA, "%s: has offset.npy and exposure.npy: leave one of them", folder);
        if (!status && o.at) status = cusgd_data_set_offset(data, (cusgd_offset)kind, o);
    }
    return status;
}

static cusgd_status check_reader(const char *path, const cusgd_reader *reader)
{
    if (!reader->ignore_count && !reader->weights) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE,
                "%s: the columns of .npy files have no names to ignore or to take weights from: weights are w.npy", path);
}

/* x.npy; or a sparse matrix, x.npz or the arrays of a CSR matrix. */
static cusgd_status open_x(cusgd_data *data, const char *folder, const cusgd_reader *reader)
{
    size_t size = strlen(folder) + 16;
    char *path = allocate(size, 1);
    int sparse = 0;
    if (!path) return fail_memory(size, "a path");
    snprintf(path, size, "%s/x.npz", folder);
    cusgd_status status = CUSGD_OK;
    if (!data->is_archive && access(path, F_OK) == 0) status = csr_open_archive(data, path, &sparse);
    free(path);
    if (!status && !sparse && !data->is_archive) status = csr_open_folder(data, folder, reader->columns, &sparse);
    return status || sparse ? status : open_features(data, folder);
}

static cusgd_status open_folder(cusgd_data *data, const char *path, const cusgd_reader *reader)
{
    int64_t one = 0;
    int numbered = 0;
    cusgd_status status = check_reader(path, reader);
    if (!status && !data->is_archive) status = pieces_open(data, path, reader, &numbered);
    if (status || numbered) return status;
    status = open_x(data, path, reader);
    if (!status) status = open_offsets(data, path);
    if (status || reader->x_only) return status;
    status = open_companion(data, path, "y", Y, &data->view.y, &data->view.k);
    if (!status) status = open_companion(data, path, "w", W, &data->view.w, &one);
    return status;
}

static cusgd_status open_array(cusgd_data *data, const char *path, const cusgd_reader *reader)
{
    examples *v = &data->view;
    cusgd_status status = check_reader(path, reader);
    if (!status && !reader->x_only)
        status = fail(CUSGD_ERROR_DATA, "%s: holds features and no targets: put it into a folder as x.npy, with y.npy next to it",
                      path);
    if (!status) status = open_npy(data, path, X, &v->x, &v->n, &v->d);
    if (!status) status = check_features(path, v->d);
    return status;
}

/* ---- By name ------------------------------------------------------------------------------------------------------------- */

enum { START_BYTES = 8 };

/* A file's first bytes, 0 behind its end. A pipe is not read: it could not be read again. */
static cusgd_status read_start(const char *path, const struct stat *info, char start[START_BYTES])
{
    memset(start, 0, START_BYTES);
    if (!S_ISREG(info->st_mode)) return CUSGD_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    ssize_t count = 1;
    for (size_t at = 0; at < START_BYTES && count != 0; at += count > 0 ? (size_t)count : 0) {
        count = read(file, start + at, START_BYTES - at);
        if (count < 0 && errno != EINTR) break;
    }
    cusgd_status status = count < 0 ? fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", path, strerror(errno)) : CUSGD_OK;
    close(file);
    return status;
}

/* A zip archive is one of arrays where it is called .npz; kind_check distinguishes the others. */
static cusgd_status open_path(cusgd_data *data, const char *path, const cusgd_reader *reader)
{
    struct stat info;
    char start[START_BYTES];
    if (strcmp(path, "-") == 0) return csv_open(path, reader, data);
    if (stat(path, &info) != 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    int sparse = 0;
    cusgd_status status = read_start(path, &info, start);
    if (status) return status;
    data->is_archive = name_ends(path, ".npz") && memcmp(start, "PK", 2) == 0;
    if (data->is_archive) status = csr_open_archive(data, path, &sparse);
    if (!status && sparse && !reader->x_only)
        status = fail(CUSGD_ERROR_DATA,
                      "%s: holds a sparse matrix and no targets: put it into a folder as x.npz, with y.npy next to it", path);
    if (status || sparse) return status;
    if (cusgd_file_is_libsvm(path)) return svmlight_open(path, reader, data);
    if (memcmp(start, HDF5_MAGIC, HDF5_MAGIC_BYTES) == 0) {
        status = check_reader(path, reader);
        return status ? status : hdf5_open(data, path, reader);
    }
    if (S_ISDIR(info.st_mode) || data->is_archive) return open_folder(data, path, reader);
    if (name_ends(path, ".npy") || memcmp(start, "\x93NUMPY", 6) == 0) return open_array(data, path, reader);
    return csv_open(path, reader, data);
}

static cusgd_status settle_storage(cusgd_data *data, const cusgd_reader *reader)
{
    cusgd_sparse wanted = reader->encode.sparse;
    int is_sparse = examples_are_sparse(&data->view);
    if (wanted == CUSGD_SPARSE_AUTO || is_sparse == (wanted == CUSGD_SPARSE_YES)) return CUSGD_OK;
    cusgd_status status = is_sparse ? cusgd_data_set_sparse(data, 0) : data_make_sparse(data, reader);
    return status || is_sparse ? status : csr_note(data);
}

cusgd_status data_open(const char *path, const cusgd_reader *reader, cusgd_data **out)
{
    cusgd_reader usual = CUSGD_INIT(cusgd_reader);
    if (reader && reader->trials && !reader->x_only) {
        if (reader->weights) return fail(CUSGD_ERROR_USAGE, "trials are weights: give one of them");
        usual = *reader; /* what stands there first is the numbers of trials */
        usual.weights = reader->trials;
        usual.find_classes = CUSGD_CLASSES_GIVEN;
        if (reader->target_count > 1) usual.classes = NULL;
        usual.trials = NULL;
        cusgd_status opened = data_open(path, &usual, out);
        if (!opened) opened = cusgd_data_split_targets(*out, 1);
        if (opened) cusgd_data_free(*out), *out = NULL;
        return opened;
    }
    if (reader && reader->find_classes == CUSGD_CLASSES_SPLIT && reader->target_count > 1 && !reader->x_only) {
        usual = *reader;
        usual.classes = NULL;
        usual.find_classes = CUSGD_CLASSES_GIVEN;
        cusgd_status opened = data_open(path, &usual, out);
        if (!opened) opened = cusgd_data_split_targets(*out, 0);
        if (opened) cusgd_data_free(*out), *out = NULL;
        return opened;
    }
    cusgd_status status = data_create(strcmp(path, "-") == 0 ? "standard input" : path, out);
    if (!status) status = open_path(*out, path, reader ? reader : &usual);
    if (!status && reader) status = settle_storage(*out, reader);
    if (!status && reader && reader->classes) status = data_apply_classes(*out, reader->classes, reader_classes(reader));
    if (!status && reader && reader->find_classes) status = cusgd_data_find_classes(*out, NULL);
    if (status) {
        cusgd_data_free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- What it is ---------------------------------------------------------------------------------------------------------- */

void cusgd_data_free(cusgd_data *data)
{
    if (!data) return;
    for (int64_t j = 0; data->features && j < data->view.d; j++) free(data->features[j]);
    for (int64_t j = 0; data->targets && j < data->view.k; j++) free(data->targets[j]);
    free(data->features);
    free(data->targets);
    free(data->offset_name);
    layout_free(data->layout);
    encoding_free(data->encoding);
    free(data->incomplete);
    for (size_t i = 0; i < data->note_count; i++) free(data->notes[i]);
    free(data->notes);
    for (int i = 0; i < DATA_PLACES; i++) {
        free(data->memory[i]);
        file_unmap(data->mapping[i]);
    }
    for (int i = 0; i < WATCHED_FILES; i++) file_unwatch(data->watched[i]);
    strings_free(data->classes, data->class_count);
    free((void *)data->view.place);
    free(data->source);
    free(data);
}

cusgd_status data_check_files(const cusgd_data *data)
{
    cusgd_status status = CUSGD_OK;
    for (int i = 0; i < DATA_PLACES && !status; i++) status = file_check(data->mapping[i]);
    for (int i = 0; i < WATCHED_FILES && !status; i++) status = file_check_watched(data->watched[i]);
    return status;
}

cusgd_status cusgd_data_add_file(cusgd_data *data, const char *path, const void *mapping, size_t bytes, size_t offset)
{
    int i = 0;
    if (!data) return fail_null(__func__);
    if (!path || !mapping || bytes == 0) return fail(CUSGD_ERROR_USAGE, "a mapped file needs a path, an address and a size");
    while (i < WATCHED_FILES && data->watched[i]) i++;
    if (i == WATCHED_FILES) return fail(CUSGD_ERROR_USAGE, "data lies in at most %d mapped files", WATCHED_FILES);
    return file_watch(path, mapping, bytes, offset, &data->watched[i]);
}

int64_t cusgd_data_rows(const cusgd_data *data) { return data ? data->view.n : 0; }
int64_t cusgd_data_cols(const cusgd_data *data) { return data ? data->view.d : 0; }
int64_t cusgd_data_outputs(const cusgd_data *data) { return data ? data->view.k : 0; }
int64_t cusgd_data_stored(const cusgd_data *data)
{
    if (!data || !examples_are_sparse(&data->view)) return -1;
    return data->view.s.start[data->view.n] - data->view.s.start[0];
}

const char *cusgd_data_feature(const cusgd_data *data, int64_t j)
{
    if (!data) return NULL;
    return data->features && j >= 0 && j < data->view.d ? data->features[j] : NULL;
}

const char *cusgd_data_target(const cusgd_data *data, int64_t j)
{
    if (!data) return NULL;
    return data->targets && j >= 0 && j < data->view.k ? data->targets[j] : NULL;
}

const char *cusgd_data_class(const cusgd_data *data, int value)
{
    return data && data->classes && value >= 0 && value < data->class_count ? data->classes[value] : NULL;
}

int64_t cusgd_data_classes(const cusgd_data *data) { return data ? data->class_count : 0; }

cusgd_offset cusgd_data_offset(const cusgd_data *data, const char **name)
{
    if (name) *name = NULL;
    if (!data) return CUSGD_OFFSET_NONE;
    if (name) *name = data->offset_name;
    return data->offset;
}

int64_t cusgd_data_first_line(const cusgd_data *data) { return data ? data->first_line : 0; }

int64_t cusgd_data_feature_column(const cusgd_data *data, int64_t j)
{
    if (!data) return 0;
    if (!data->layout || j < 0 || j >= data->view.d) return 0;
    return data->layout->features[data->encoding ? encoding_source(data->encoding, j) : j];
}

int64_t cusgd_data_target_column(const cusgd_data *data, int64_t j)
{
    if (!data) return 0;
    return data->layout && j >= 0 && j < data->view.k ? data->layout->targets[j] : 0;
}

void data_reader(const cusgd_data *data, cusgd_reader *reader)
{
    reader->layout = data->layout;
    reader->ignore = reader->features = NULL;
    reader->ignore_count = reader->feature_count = 0;
    int split = reader->target_count > 1 && (reader->trials || reader->find_classes == CUSGD_CLASSES_SPLIT);
    if (!split) reader->targets = NULL, reader->target_count = 0;
    reader->encoding = data->encoding;
    if (!data->encoding) reader->encode = (cusgd_encode){.missing = reader->encode.missing, .strict = reader->encode.strict};
    if (data->encoding && data->encoding->at[0].name) {
        reader->features = data->encoding->names;
        reader->feature_count = (size_t)data->encoding->count;
    } else if (data->features && !data->encoding) {
        reader->features = (const char *const *)data->features;
        reader->feature_count = (size_t)data->view.d;
    }
    if (data->targets) {
        reader->targets = (const char *const *)data->targets;
        reader->target_count = (size_t)data->view.k;
    }
    if (data->offset_name) {
        reader->offset = data->offset == CUSGD_OFFSET_LINEAR ? data->offset_name : NULL;
        reader->exposure = data->offset == CUSGD_OFFSET_EXPOSURE ? data->offset_name : NULL;
    }
    if (data->base) {
        reader->index_base = data->base;
        reader->columns = data->view.d;
    }
    reader->encode.sparse = examples_are_sparse(&data->view) ? CUSGD_SPARSE_YES : CUSGD_SPARSE_NO;
    if (data->classes) reader->classes = (const char *const *)data->classes;
    if (data->classes) reader->class_count = (size_t)data->class_count;
    if (!split) reader->find_classes = CUSGD_CLASSES_GIVEN; /* they are the data's, or without names 0 and 1 */
}
