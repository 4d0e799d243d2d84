/* Opens files of every kind, and makes a reader that reads another file in the way that data was read. */
#include "encoding.h"
#include "failure.h"
#include "folder.h"
#include "hdf5.h"
#include "public.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int name_ends(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);
    return length >= tail && strcasecmp(path + length - tail, ending) == 0;
}

enum { START_BYTES = 8 };

/* Reads the first bytes of a file, padded with 0. A pipe is not read, because it could not be read again. */
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

/* Opens a path. A zip archive has arrays if its name ends in .npz; kind_check() handles others. */
static cusgd_status open_path(cusgd_data *data, const char *path, const cusgd_reader *reader)
{
    struct stat info;
    char start[START_BYTES];
    if (strcmp(path, "-") == 0) return csv_open(path, reader, data);
    if (stat(path, &info) != 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    int sparse = 0;
    cusgd_status status = read_start(path, &info, start);
    if (status) return status;
    data->opening.is_archive = name_ends(path, ".npz") && memcmp(start, "PK", 2) == 0;
    if (data->opening.is_archive) status = csr_open_archive(data, path, &sparse);
    if (!status && sparse && !reader->roles.x_only)
        status = fail(CUSGD_ERROR_DATA,
                      "%s: holds a sparse matrix and no targets: put it into a folder as x.npz, with y.npy next to it", path);
    if (status || sparse) return status;
    if (cusgd_file_is_libsvm(path)) return svmlight_open(path, reader, data);
    if (memcmp(start, HDF5_MAGIC, HDF5_MAGIC_BYTES) == 0) {
        status = reader_check_nameless(path, reader);
        return status ? status : hdf5_open(data, path, reader);
    }
    if (S_ISDIR(info.st_mode) || data->opening.is_archive) return folder_open(data, path, reader);
    if (name_ends(path, ".npy") || memcmp(start, "\x93NUMPY", 6) == 0) return array_open(data, path, reader);
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

/* As data_open(), and then splits the targets into the classes that they name. trials: see cusgd_data_split_targets(). */
static cusgd_status open_split(const char *path, cusgd_reader reader, int trials, struct data_ranks *ranks, cusgd_data **out)
{
    reader.find_classes = CUSGD_CLASSES_GIVEN;
    if (reader.roles.target_count > 1) reader.classes = NULL;
    cusgd_status status = data_open(path, &reader, ranks, out);
    if (!status) status = cusgd_data_split_targets(*out, trials);
    if (status) {
        cusgd_data_free(*out);
        *out = NULL;
    }
    return status;
}

cusgd_status data_open(const char *path, const cusgd_reader *reader, struct data_ranks *ranks, cusgd_data **out)
{
    cusgd_reader usual = CUSGD_INIT(cusgd_reader);
    if (reader && reader->roles.trials && !reader->roles.x_only) {
        if (reader->roles.weights) return fail(CUSGD_ERROR_USAGE, "trials are weights: give one of them");
        usual = *reader; /* what stands there first is the numbers of trials */
        usual.roles.weights = reader->roles.trials;
        usual.roles.trials = NULL;
        return open_split(path, usual, 1, ranks, out);
    }
    if (reader && reader->find_classes == CUSGD_CLASSES_SPLIT && reader->roles.target_count > 1 && !reader->roles.x_only)
        return open_split(path, *reader, 0, ranks, out);
    cusgd_status status = data_create(strcmp(path, "-") == 0 ? "standard input" : path, out);
    if (!status) (*out)->opening.ranks = ranks;
    if (!status) status = open_path(*out, path, reader ? reader : &usual);
    if (*out) (*out)->opening.ranks = NULL;
    if (!status && reader) status = settle_storage(*out, reader);
    if (!status && reader && reader->classes) status = data_apply_classes(*out, reader->classes, reader_classes(reader));
    if (!status && reader && reader->find_classes) status = cusgd_data_find_classes(*out, NULL);
    if (status) {
        cusgd_data_free(*out);
        *out = NULL;
    }
    return status;
}

void data_reader(const cusgd_data *data, cusgd_reader *reader)
{
    reader->layout = data->layout;
    reader->roles.ignore = reader->roles.features = NULL;
    reader->roles.ignore_count = reader->roles.feature_count = 0;
    int split = reader->roles.target_count > 1 && (reader->roles.trials || reader->find_classes == CUSGD_CLASSES_SPLIT);
    if (!split) reader->roles.targets = NULL, reader->roles.target_count = 0;
    reader->encoding = data->encoding;
    if (!data->encoding) reader->encode = (cusgd_encode){.missing = reader->encode.missing, .strict = reader->encode.strict};
    if (data->encoding && data->encoding->at[0].name) {
        reader->roles.features = data->encoding->names;
        reader->roles.feature_count = (size_t)data->encoding->count;
    } else if (data->features && !data->encoding) {
        reader->roles.features = (const char *const *)data->features;
        reader->roles.feature_count = (size_t)data->view.d;
    }
    if (data->targets) {
        reader->roles.targets = (const char *const *)data->targets;
        reader->roles.target_count = (size_t)data->view.k;
    }
    if (data->offset_name) {
        reader->roles.offset = data->offset == CUSGD_OFFSET_LINEAR ? data->offset_name : NULL;
        reader->roles.exposure = data->offset == CUSGD_OFFSET_EXPOSURE ? data->offset_name : NULL;
    }
    if (data->base) {
        reader->index_base = data->base;
        reader->columns = data->view.d;
    }
    reader->encode.sparse = examples_are_sparse(&data->view) ? CUSGD_SPARSE_YES : CUSGD_SPARSE_NO;
    if (data->classes) reader->classes = (const char *const *)data->classes;
    if (data->classes) reader->class_count = (size_t)data->class_count;
    if (!split) reader->find_classes = CUSGD_CLASSES_GIVEN; /* the classes are those of the data, or 0 and 1 */
}
