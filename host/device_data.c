/* Data whose rows are in the memory of a GPU. */
#include "backend.h"
#include "failure.h"
#include "public.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opens a backend on the GPU that has x in its memory. Sets *device to its number. */
static cusgd_status open_owner(const void *x, int *device, backend *out)
{
    char name[32];
    cusgd_status status = backend_open("cuda", CUSGD_PRECISION_FLOAT, 1, out);
    if (status) return status;
    status = out->ops->memory.locate(out->self, x, device);
    if (!status && *device < 0)
        status = fail(CUSGD_ERROR_USAGE, "x does not lie in the memory of a GPU: cusgd_data_wrap takes arrays of the host");
    if (!status && *device == 0) return CUSGD_OK;
    out->ops->close(out->self);
    *out = (backend){.ops = NULL};
    if (status) return status;
    snprintf(name, sizeof name, "cuda:%d", *device);
    return backend_open(name, CUSGD_PRECISION_FLOAT, 1, out);
}

/* Replaces the matrix (y or w) by a copy in host memory, which *memory owns, if it is in the memory of the same GPU. */
static cusgd_status bring(const backend *b, const cusgd_data *data, const char *name, int64_t cols, cusgd_matrix *m,
                          void **memory)
{
    int device;
    if (!m->at) return CUSGD_OK;
    cusgd_status status = b->ops->memory.locate(b->self, m->at, &device);
    if (status || device < 0) return status;
    if (device != data->view.place->device)
        return fail(CUSGD_ERROR_USAGE, "%s lies in the memory of GPU %d, and x in that of GPU %d", name, device,
                    data->view.place->device);
    size_t value = type_bytes(m->type);
    *memory = allocate((size_t)(data->view.n * cols), value);
    if (!*memory) return fail_memory((size_t)(data->view.n * cols) * value, "a copy of what lies on the GPU");
    status = b->ops->memory.fetch(b->self, data->view.place, m, data->view.n, cols, *memory);
    *m = (cusgd_matrix){*memory, m->type, cols, 1};
    return status;
}

/* Lists the rows whose weight is not 0 in *rows, which the caller frees; NULL if there are no weights. */
static cusgd_status rows_that_count(const cusgd_data *data, examples *e, int64_t **rows)
{
    *e = data->view;
    *rows = NULL;
    if (!e->w.at) return CUSGD_OK;
    *rows = allocate((size_t)e->n, sizeof **rows);
    if (!*rows) return fail_memory((size_t)e->n * sizeof **rows, "the rows that count");
    int64_t count = 0;
    for (int64_t i = 0; i < e->n; i++)
        if (weight_at(e, i) != 0) (*rows)[count++] = i;
    e->n = count;
    e->rows = *rows;
    e->w.at = NULL;
    return CUSGD_OK;
}

/* Checks that all columns are finite in rows with nonzero weights: if one is not, its mean is not finite either. */
static cusgd_status check_columns(const backend *b, const cusgd_data *data)
{
    examples e;
    int64_t *rows, d = data->view.d;
    double weight, *sums = allocate((size_t)(2 * d + data->view.k), sizeof *sums);
    if (!sums) return fail_memory((size_t)(2 * d + data->view.k) * sizeof *sums, "the columns' moments");
    cusgd_status status = rows_that_count(data, &e, &rows);
    int counts = !status && e.n > 0;
    if (counts) status = b->ops->moments(b->self, &e, sums, sums + d, sums + 2 * d, &weight);
    for (int64_t j = 0; j < d && counts && !status; j++)
        if (!isfinite(sums[j]))
            status =
                fail(CUSGD_ERROR_DATA,
                     "%s: column %lld has values that are not finite, or too large to be added up: remove their rows or fill "
                     "them in",
                     data->source, (long long)j + 1);
    free(rows);
    free(sums);
    return status;
}

cusgd_status data_wrap_device(int64_t n, int64_t d, int64_t k, const cusgd_device_arrays *arrays, cusgd_data **out)
{
    enum { Y = 1, W = 2 }; /* indices of cusgd_data.memory */
    backend b = {.ops = NULL};
    cusgd_data *data;
    memory_place *place = NULL;
    cusgd_status status = cusgd_data_wrap(n, d, k, arrays->x, arrays->y, arrays->w, &data);
    if (status) return status;
    place = allocate_zeroed(1, sizeof *place);
    if (!place) status = fail_memory(sizeof *place, "the data's place");
    data->view.place = place;
    if (!status) status = open_owner(arrays->x.at, &place->device, &b);
    if (!status) place->late = 1;
    if (!status) place->stream = arrays->stream;
    if (!status) status = bring(&b, data, "y", k, &data->view.y, &data->memory[Y]);
    if (!status) status = bring(&b, data, "w", 1, &data->view.w, &data->memory[W]);
    if (!status) status = check_columns(&b, data);
    if (b.ops) b.ops->close(b.self);
    if (!status) place->late = 0; /* check_columns() has read all of x */
    if (status)
        cusgd_data_free(data);
    else
        *out = data;
    return status;
}
