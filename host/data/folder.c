/* Folders and archives of NumPy arrays: x.npy, y.npy, w.npy and offset.npy or exposure.npy. */
#include "folder.h"
#include "failure.h"
#include "pieces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The data owns the array from here on, as one of its places. */
static void keep_array(cusgd_data *data, const npy_array *a, int place)
{
    data_replace(data, place, a->memory); /* of another file for the same place, which its caller refuses */
    data->mapping[place] = a->mapping;
}

/* Array `name`.npy of an archive; of those that may be missing `a` stays empty. */
static cusgd_status open_member(const char *archive, const char *name, int place, npy_array *a)
{
    int found;
    cusgd_status status = npz_open(archive, name, a, &found);
    if (status || found) return status;
    *a = (npy_array){0};
    if (place >= PLACE_W) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: has no array %s: numpy.savez(\"NAME.npz\", x=x, y=y) writes both", archive, name);
}

/* Opens folder/name.npy as one of the data's places; a->cols 0: one-dimensional. *path is the whole name, the caller's to free.
 */
static cusgd_status open_part(cusgd_data *data, const char *folder, const char *name, int place, npy_array *a, char **path)
{
    size_t size = strlen(folder) + strlen(name) + 8;
    *a = (npy_array){0};
    *path = allocate(size, 1);
    if (!*path) return fail_memory(size, "a path");
    snprintf(*path, size, "%s/%s.npy", folder, name);
    cusgd_status status = CUSGD_OK;
    if (data->opening.is_archive)
        status = open_member(folder, name, place, a);
    else if (place < PLACE_W || access(*path, F_OK) == 0 || errno != ENOENT)
        status = npy_open(*path, a);
    if (!status && a->matrix.at) keep_array(data, a, place);
    return status;
}

/* x of the data. */
static cusgd_status take_features(cusgd_data *data, const char *path, const npy_array *a)
{
    if (a->cols == 0)
        return fail(CUSGD_ERROR_DATA,
                    "%s: has one dimension, where rows x columns are wanted: save x.reshape(-1, 1) if it is one column", path);
    data->view.x = a->matrix;
    data->view.n = a->rows;
    data->view.d = a->cols;
    return CUSGD_OK;
}

static cusgd_status open_features(cusgd_data *data, const char *folder)
{
    npy_array a;
    char *path;
    cusgd_status status = open_part(data, folder, "x", PLACE_X, &a, &path);
    if (!status) status = take_features(data, path, &a);
    free(path);
    return status;
}

/* y.npy, or w.npy and its like: as many rows as x; *cols 1 where it has one dimension. */
static cusgd_status open_companion(cusgd_data *data, const char *folder, const char *name, int place, cusgd_matrix *matrix,
                                   int64_t *cols)
{
    npy_array a;
    char *path;
    cusgd_status status = open_part(data, folder, name, place, &a, &path);
    *matrix = a.matrix;
    *cols = a.cols == 0 ? 1 : a.cols;
    if (!status && a.matrix.at && a.rows != data->view.n)
        status = fail(CUSGD_ERROR_DATA, "%s: has %" PRId64 " rows, but %s has %" PRId64, path, a.rows,
                      examples_are_sparse(&data->view) ? "x" : "x.npy", data->view.n);
    if (!status && place >= PLACE_W && *cols != 1)
        status = fail(CUSGD_ERROR_DATA, "%s: has %" PRId64 " columns: one %s a row is wanted", path, *cols,
                      place == PLACE_W ? "weight" : "number");
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
        status = open_companion(data, folder, names[kind], PLACE_O, &o, &one);
        if (!status && o.at && before)
            status = fail(CUSGD_ERROR_DATA, "%s: has offset.npy and exposure.npy: leave one of them", folder);
        if (!status && o.at) status = cusgd_data_set_offset(data, (cusgd_offset)kind, o);
    }
    return status;
}

cusgd_status reader_check_nameless(const char *path, const cusgd_reader *reader)
{
    if (!reader->roles.ignore_count && !reader->roles.weights) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE,
                "%s: the columns of .npy files have no names to ignore or to take weights from: weights are w.npy", path);
}

/* Refuses a folder that has no x.npy. Where that cannot be known, opening the file says why. */
static cusgd_status check_features(const char *folder)
{
    size_t size = strlen(folder) + 16;
    char *path = allocate(size, 1);
    if (!path) return fail_memory(size, "a path");
    snprintf(path, size, "%s/x.npy", folder);
    int is_missing = access(path, F_OK) != 0 && errno == ENOENT;
    free(path);
    if (!is_missing) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: has no x.npy: a folder of data has the features as x.npy (x.npz where they are sparse) and the targets as "
                "y.npy, or is written by cusgd convert",
                folder);
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
    if (!data->opening.is_archive && access(path, F_OK) == 0) status = csr_open_archive(data, path, &sparse);
    free(path);
    if (!status && !sparse && !data->opening.is_archive) status = csr_open_folder(data, folder, reader->columns, &sparse);
    if (!status && !sparse && !data->opening.is_archive) status = check_features(folder);
    return status || sparse ? status : open_features(data, folder);
}

cusgd_status folder_open(cusgd_data *data, const char *path, const cusgd_reader *reader)
{
    int64_t one = 0;
    int numbered = 0;
    cusgd_status status = reader_check_nameless(path, reader);
    if (!status && !data->opening.is_archive) status = pieces_open(data, path, reader, &numbered);
    if (status || numbered) return status;
    status = open_x(data, path, reader);
    if (!status) status = open_offsets(data, path);
    if (status || reader->roles.x_only) return status;
    status = open_companion(data, path, "y", PLACE_Y, &data->view.y, &data->view.k);
    if (!status) status = open_companion(data, path, "w", PLACE_W, &data->view.w, &one);
    return status;
}

cusgd_status array_open(cusgd_data *data, const char *path, const cusgd_reader *reader)
{
    npy_array a;
    cusgd_status status = reader_check_nameless(path, reader);
    if (!status && !reader->roles.x_only)
        status = fail(CUSGD_ERROR_DATA, "%s: holds features and no targets: put it into a folder as x.npy, with y.npy next to it",
                      path);
    if (!status) status = npy_open(path, &a);
    if (status) return status;
    keep_array(data, &a, PLACE_X);
    return take_features(data, path, &a);
}
