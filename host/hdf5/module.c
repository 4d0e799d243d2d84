/* The module for datasets of an HDF5 file, which libcusgd opens if it is installed. libhdf5 does not support several threads, so
 * that a lock protects it. */
#include "data/hdf5.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hdf5_services services;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

enum { BLOCK_BYTES = 1 << 22 };

typedef struct dataset {
    hid_t file, set, type; /* type: that of the elements in memory */
} dataset;

/* Turns off the error messages that libhdf5 prints, because our message contains the reason. */
static void silence(H5E_auto2_t *print, void **of)
{
    H5Eget_auto2(H5E_DEFAULT, print, of);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static void unsilence(H5E_auto2_t print, void *of) { H5Eset_auto2(H5E_DEFAULT, print, of); }

/* Gets the innermost reason of the last failure. */
static herr_t take_reason(unsigned n, const H5E_error2_t *error, void *text)
{
    (void)n;
    if (error->desc && *error->desc) snprintf(text, 200, "%s", error->desc);
    return 0;
}

static cusgd_status fail_read(const char *path, const char *name)
{
    char reason[200] = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, reason);
    return services.fail(CUSGD_ERROR_DATA, "%s: %s cannot be read: %s", path, name, reason);
}

/* Returns the type in memory: half precision is converted to float, and types wider than double are rounded to double. */
static hid_t memory_type(hid_t type)
{
    if (H5Tget_class(type) != H5T_FLOAT) return H5Tget_native_type(type, H5T_DIR_ASCEND);
    return H5Tcopy(H5Tget_size(type) <= sizeof(float) ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE);
}

/* Describes a type. Enumerations, as which h5py stores booleans, are read as integers. */
static void describe_type(hid_t type, char descr[8])
{
    H5T_class_t kind = H5Tget_class(type);
    hid_t number = kind == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type);
    size_t bytes = H5Tget_size(type);
    int is_signed = kind != H5T_FLOAT && H5Tget_sign(number) == H5T_SGN_2;
    if ((kind == H5T_FLOAT || kind == H5T_INTEGER || kind == H5T_ENUM) && bytes <= 8)
        snprintf(descr, 8, "<%c%d", kind == H5T_FLOAT ? 'f' : is_signed ? 'i' : 'u', (int)bytes);
    else
        snprintf(descr, 8, "?");
    H5Tclose(number);
}

/* Returns a number of rows of whole chunks, of about BLOCK_BYTES. */
static int64_t block_rows(const dataset *d, const hdf5_array *a)
{
    hsize_t chunk[2] = {1, 1};
    hid_t plan = H5Dget_create_plist(d->set);
    if (plan >= 0 && H5Pget_layout(plan) == H5D_CHUNKED) H5Pget_chunk(plan, 2, chunk);
    if (plan >= 0) H5Pclose(plan);
    size_t row = H5Tget_size(d->type) * (size_t)(a->cols ? a->cols : 1);
    int64_t high = (int64_t)chunk[0], rows = row < BLOCK_BYTES ? (int64_t)(BLOCK_BYTES / row) : 1;
    return high < a->rows ? (rows / high + 1) * high : a->rows;
}

/* Sets *out for an open dataset. */
static cusgd_status describe(const char *path, const char *name, dataset *d, hdf5_array *out)
{
    hsize_t shape[2] = {0, 0};
    hid_t space = H5Dget_space(d->set), type = H5Dget_type(d->set);
    int dimensions = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    cusgd_status status = CUSGD_OK;
    if (dimensions < 1 || dimensions > 2)
        status = services.fail(CUSGD_ERROR_DATA, "%s: %s has %d dimensions: 1 or 2 are wanted", path, name, dimensions);
    else if (H5Sget_simple_extent_dims(space, shape, NULL) < 0)
        status = fail_read(path, name);
    if (!status && (shape[0] == 0 || (dimensions == 2 && shape[1] == 0)))
        status = services.fail(CUSGD_ERROR_DATA, "%s: %s is empty", path, name);
    if (!status && (shape[0] > INT64_MAX / 16 || shape[1] > INT64_MAX / 16 / shape[0]))
        status = services.fail(CUSGD_ERROR_DATA, "%s: %s is too large", path, name);
    if (!status && (d->type = memory_type(type)) < 0) status = fail_read(path, name);
    if (!status) {
        out->rows = (int64_t)shape[0];
        out->cols = dimensions == 2 ? (int64_t)shape[1] : 0;
        describe_type(d->type, out->descr);
        out->block = block_rows(d, out);
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return status;
}

static void close_set(dataset *d)
{
    if (d->type >= 0) H5Tclose(d->type);
    if (d->set >= 0) H5Dclose(d->set);
    if (d->file >= 0) H5Fclose(d->file);
    free(d);
}

/* Returns whether every part of the path exists and the last one is a dataset. */
static int is_there(hid_t file, const char *name)
{
    char part[1024];
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof part) return 0;
    for (size_t i = 1; i <= length; i++) {
        if (name[i] != '/' && name[i] != '\0') continue;
        snprintf(part, sizeof part, "%.*s", (int)i, name);
        if (strcmp(part, "/") != 0 && H5Lexists(file, part, H5P_DEFAULT) <= 0) return 0;
    }
    return H5Oexists_by_name(file, name, H5P_DEFAULT) > 0;
}

static cusgd_status open_set(const char *path, const char *name, hdf5_array *out, int *found)
{
    dataset *d = malloc(sizeof *d);
    if (!d) return services.fail(CUSGD_ERROR_MEMORY, "out of memory: %zu bytes for a dataset", sizeof *d);
    *d = (dataset){.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), .set = -1, .type = -1};
    cusgd_status status = d->file < 0 ? fail_read(path, "the file") : CUSGD_OK;
    *found = !status && is_there(d->file, name);
    if (*found && (d->set = H5Dopen2(d->file, name, H5P_DEFAULT)) < 0) status = fail_read(path, name);
    if (!status && *found) status = describe(path, name, d, out);
    if (status || !*found)
        close_set(d);
    else
        out->of = d;
    return status;
}

static cusgd_status module_open(const char *path, const char *name, hdf5_array *out, int *found)
{
    H5E_auto2_t print;
    void *of;
    pthread_mutex_lock(&turn);
    silence(&print, &of);
    cusgd_status status = open_set(path, name, out, found);
    unsilence(print, of);
    pthread_mutex_unlock(&turn);
    return status;
}

static cusgd_status read_rows(const hdf5_array *a, const char *path, int64_t first, int64_t count, void *to)
{
    const dataset *d = a->of;
    int dimensions = a->cols ? 2 : 1;
    hsize_t start[2] = {(hsize_t)first, 0}, shape[2] = {(hsize_t)count, (hsize_t)a->cols};
    hid_t space = H5Dget_space(d->set), memory = H5Screate_simple(dimensions, shape, NULL);
    int good = space >= 0 && memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, shape, NULL) >= 0 &&
               H5Dread(d->set, d->type, memory, space, H5P_DEFAULT, to) >= 0;
    cusgd_status status = good ? CUSGD_OK : fail_read(path, "a dataset");
    if (memory >= 0) H5Sclose(memory);
    if (space >= 0) H5Sclose(space);
    return status;
}

static cusgd_status module_read(const hdf5_array *a, const char *path, int64_t first, int64_t count, void *to)
{
    H5E_auto2_t print;
    void *of;
    pthread_mutex_lock(&turn);
    silence(&print, &of);
    cusgd_status status = read_rows(a, path, first, count, to);
    unsilence(print, of);
    pthread_mutex_unlock(&turn);
    return status;
}

static void module_close(hdf5_array *a)
{
    pthread_mutex_lock(&turn);
    if (a->of) close_set(a->of);
    a->of = NULL;
    pthread_mutex_unlock(&turn);
}

__attribute__((visibility("default"))) hdf5_module_open cusgd_hdf5_open;

const hdf5_module *cusgd_hdf5_open(int abi, const hdf5_services *given)
{
    static const hdf5_module module = {module_open, module_read, module_close};
    services = *given;
    return abi == HDF5_ABI ? &module : NULL;
}
