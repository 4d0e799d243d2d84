/* A data set: making one of the caller's arrays, what is asked of it, and its end. */
#include "encoding.h"
#include "failure.h"
#include "interrupt.h"
#include "layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

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
    if ((y.at != NULL) != (k > 0)) return fail(CUSGD_ERROR_USAGE, "y must be NULL if k is 0, and k targets if it is not");
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
    data_replace(data, PLACE_O, o);
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

/* ---- Its files, and its end ---------------------------------------------------------------------------------------------- */

/* All but the name. */
static void free_contents(cusgd_data *data)
{
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
}

void data_reset(cusgd_data *data)
{
    char *source = data->source;
    free_contents(data);
    *data = (cusgd_data){.source = source, .opening = data->opening};
}

void cusgd_data_free(cusgd_data *data)
{
    if (!data) return;
    free_contents(data);
    free(data->source);
    free(data);
}

void data_replace(cusgd_data *data, int place, void *memory)
{
    file_unmap(data->mapping[place]);
    free(data->memory[place]);
    data->mapping[place] = NULL;
    data->memory[place] = memory;
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

/* ---- What it is ---------------------------------------------------------------------------------------------------------- */

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
