#include "hdf5.h"

#include "data.h"
#include "elements.h"
#include "failure.h"
#include "interrupt.h"
#include "module_file.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { X, Y, W, OFFSET, EXPOSURE, NAMES };
static const char *const names[NAMES] = {"x", "y", "w", "offset", "exposure"};
static const char module_name[] = "libcusgd-hdf5.so";

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
static const int64_t MOST_BYTES = 1 << 24; /* what a fuzzer makes up claims any size */
#else
static const int64_t MOST_BYTES = INT64_MAX;
#endif

/* ---- The module ---------------------------------------------------------------------------------------------------------- */

static const hdf5_module *module; /* NULL: there is none that can be used */
static char missing[MODULE_PATH + 200];
static pthread_once_t module_sought = PTHREAD_ONCE_INIT;

/* Never closed: data may be read from it at any time. */
static void seek_module(void)
{
    static const hdf5_services services = {fail};
    char path[MODULE_PATH];
    int named;
    hdf5_module_open *open;
    if (!module_find(module_name, path, &named)) {
        snprintf(missing, sizeof missing, "cuSGD's module %s is not installed", module_name);
        return;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL), *at = library ? dlsym(library, HDF5_MODULE_OPEN) : NULL;
    const char *why = at ? NULL : dlerror();
    if (at) {
        memcpy(&open, &at, sizeof at);
        module = open(HDF5_ABI, &services);
    }
    if (!module)
        snprintf(missing, sizeof missing, "%s does not open: %.150s", path, why ? why : "it is of another version of cuSGD");
}

static cusgd_status need_module(const char *path)
{
    char file[QUOTED_BYTES];
    pthread_once(&module_sought, seek_module);
    if (module) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: is an HDF5 file, and %s: build cuSGD where libhdf5 is installed, or save its arrays, in Python: f = "
                "h5py.File(%s); numpy.savez(\"NAME.npz\", x=f[\"x\"], y=f[\"y\"])",
                path, missing, file_for_python(path, file));
}

/* ---- Which datasets ------------------------------------------------------------------------------------------------------ */

typedef struct chosen {
    char *text;            /* the reader's, cut into pieces; NULL: there is none */
    const char *at[NAMES]; /* NULL: not to be read */
} chosen;

static cusgd_status fail_datasets(const char *given)
{
    return fail(CUSGD_ERROR_USAGE, "datasets are given like x=/train/x,y=/train/y, of x, y, w, offset and exposure, not \"%s\"",
                given);
}

/* "x=/a/b,y=/c" */
static cusgd_status choose(const char *given, chosen *c)
{
    *c = (chosen){.text = given ? strdup(given) : NULL};
    if (!given) return CUSGD_OK;
    if (!c->text) return fail_memory(strlen(given) + 1, "names of datasets");
    char *rest = c->text, *item;
    while ((item = strsep(&rest, ",")) != NULL) {
        char *path = strchr(item, '=');
        int i = 0;
        if (!path) return fail_datasets(given);
        *path++ = '\0';
        while (i < NAMES && strcmp(item, names[i]) != 0) i++;
        if (i == NAMES || *path == '\0' || c->at[i]) return fail_datasets(given);
        c->at[i] = path;
    }
    return c->at[X] ? CUSGD_OK : fail_datasets(given);
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

/* The rows, block by block, as numbers in memory. */
static cusgd_status read_rows(const hdf5_array *a, const char *path, const char *name, const elements *e, void *to)
{
    int64_t cols = a->cols ? a->cols : 1;
    size_t element = type_bytes(elements_type(e));
    int direct = e->kind == 'f' && e->bytes == element;
    void *block = direct ? NULL : allocate((size_t)(a->block * cols), e->bytes);
    cusgd_status status = direct || block ? CUSGD_OK : fail_memory((size_t)(a->block * cols) * e->bytes, path);
    for (int64_t first = 0; first < a->rows && !status; first += a->block) {
        int64_t count = a->rows - first < a->block ? a->rows - first : a->block;
        char *here = (char *)to + (size_t)(first * cols) * element;
        status = module->read(a, path, first, count, direct ? here : block);
        int64_t inexact = direct || status ? -1 : elements_convert(e, block, count * cols, here);
        if (inexact >= 0)
            status = fail(CUSGD_ERROR_DATA,
                          "%s: %s, row %" PRId64 ", column %" PRId64 ": its integer is beyond 2^53 and has no exact float64",
                          path, name, first + inexact / cols + 1, inexact % cols + 1);
        if (!status && interrupt_asked()) status = fail_interrupted();
    }
    free(block);
    return status;
}

/* One dataset as one of the data's places. *rows 0: it is not there, which `needed` says is an error. */
static cusgd_status read_array(cusgd_data *data, const char *path, const char *name, int place, int needed, npy_array *out)
{
    hdf5_array a = {.of = NULL};
    int found = 0;
    *out = (npy_array){.rows = 0};
    cusgd_status status = module->open(path, name, &a, &found);
    if (!status && !found && needed)
        status =
            fail(CUSGD_ERROR_DATA,
                 "%s: has no dataset %s: say by --dataset x=/PATH,y=/PATH which ones to read (h5ls -r lists them)", path, name);
    if (status || !found) return status;
    elements e = elements_of(a.descr);
    int64_t cols = a.cols ? a.cols : 1;
    size_t element = sizeof(double);
    if (!e.kind) status = fail(CUSGD_ERROR_DATA, "%s: %s holds no numbers of at most 8 bytes", path, name);
    if (!status && elements_type(&e) == CUSGD_TYPE_FLOAT32) element = sizeof(float);
    if (!status && a.rows > MOST_BYTES / (int64_t)sizeof(double) / cols)
        status = fail(CUSGD_ERROR_DATA, "%s: %s says that it has %" PRId64 " x %" PRId64 " numbers, which no memory holds", path,
                      name, a.rows, cols);
    void *memory = status ? NULL : allocate_aligned((size_t)a.rows * (size_t)cols, element);
    if (!status && !memory) status = fail_memory((size_t)a.rows * (size_t)cols * element, path);
    if (!status) status = read_rows(&a, path, name, &e, memory);
    module->close(&a);
    if (status) {
        free(memory);
        return status;
    }
    data_replace(data, place, memory);
    *out = (npy_array){{memory, elements_type(&e), cols, 1}, a.rows, a.cols, NULL, NULL};
    return CUSGD_OK;
}

/* An array that belongs to x. */
static cusgd_status read_companion(cusgd_data *data, const char *path, const char *name, int place, int needed, npy_array *out)
{
    cusgd_status status = read_array(data, path, name, place, needed, out);
    if (status || !out->rows) return status;
    if (out->rows != data->view.n)
        return fail(CUSGD_ERROR_DATA, "%s: %s has %" PRId64 " rows, and x has %" PRId64, path, name, out->rows, data->view.n);
    if (place > Y && out->cols > 1)
        return fail(CUSGD_ERROR_DATA, "%s: %s has %" PRId64 " columns, where one is wanted", path, name, out->cols);
    return CUSGD_OK;
}

/* There is one of both at most. */
static cusgd_status check_offsets(const char *path, const char *const at[NAMES])
{
    cusgd_status status = CUSGD_OK;
    int both = 0;
    for (int i = OFFSET; i <= EXPOSURE && !status; i++) {
        hdf5_array a = {.of = NULL};
        int found = 0;
        if (at[i]) status = module->open(path, at[i], &a, &found);
        if (!status && found) module->close(&a);
        both += found;
    }
    if (status || both < 2) return status;
    return fail(CUSGD_ERROR_DATA, "%s: has an offset and an exposure: say by --dataset which one to read", path);
}

static cusgd_status read_all(cusgd_data *data, const char *path, const cusgd_reader *reader, const chosen *c)
{
    const char *at[NAMES];
    npy_array a;
    examples *v = &data->view;
    for (int i = 0; i < NAMES; i++) at[i] = c->text ? c->at[i] : names[i];
    if (reader->roles.x_only) at[Y] = at[W] = NULL;
    if (!reader->roles.x_only && !at[Y])
        return fail(CUSGD_ERROR_USAGE, "%s: say which dataset has the targets: x=...,y=...", path);
    cusgd_status status = read_array(data, path, at[X], X, 1, &a);
    if (!status && a.cols == 0)
        status = fail(CUSGD_ERROR_DATA, "%s: %s has one dimension, where rows x columns are wanted", path, at[X]);
    if (status) return status;
    v->x = a.matrix;
    v->n = a.rows;
    v->d = a.cols;
    if (at[Y]) status = read_companion(data, path, at[Y], Y, 1, &a);
    if (!status && at[Y]) v->y = a.matrix, v->k = a.cols ? a.cols : 1;
    if (!status && at[W]) status = read_companion(data, path, at[W], W, c->text != NULL, &a);
    if (!status && at[W] && a.rows) v->w = a.matrix;
    if (!status) status = check_offsets(path, at);
    for (int i = OFFSET; i <= EXPOSURE && !status; i++) {
        if (!at[i]) continue;
        status = read_companion(data, path, at[i], OFFSET, c->text != NULL, &a);
        if (!status && a.rows)
            status = cusgd_data_set_offset(data, i == OFFSET ? CUSGD_OFFSET_LINEAR : CUSGD_OFFSET_EXPOSURE, a.matrix);
    }
    return status;
}

cusgd_status hdf5_open(cusgd_data *data, const char *path, const cusgd_reader *reader)
{
    chosen c = {.text = NULL};
    cusgd_status status = need_module(path);
    if (!status) status = choose(reader->datasets, &c);
    if (!status) status = read_all(data, path, reader, &c);
    free(c.text);
    return status;
}
