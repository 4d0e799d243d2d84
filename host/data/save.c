/* Predictions on their way out: .npy, .csv, or CSV on standard output. */
#include "data.h"
#include "failure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Text is collected and goes, a piece at a time, to a file that takes its place when it is complete, or to standard output. */
typedef struct sink {
    replacement *file; /* NULL: standard output */
    size_t used;
    char piece[1 << 16];
} sink;

static cusgd_status sink_flush(sink *s)
{
    size_t count = s->used;
    s->used = 0;
    if (s->file) return replacement_write(s->file, s->piece, count);
    for (size_t at = 0; at < count;) {
        ssize_t written = write(STDOUT_FILENO, s->piece + at, count - at);
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = ENOSPC;
        if (written <= 0) return fail(CUSGD_ERROR_DATA, "cannot write standard output: %s", strerror(errno));
        at += (size_t)written;
    }
    return CUSGD_OK;
}

static cusgd_status sink_put(sink *s, const char *text, size_t length)
{
    while (length > 0) {
        size_t room = sizeof s->piece - s->used, part = length < room ? length : room;
        memcpy(s->piece + s->used, text, part);
        s->used += part;
        text += part;
        length -= part;
        cusgd_status status = s->used == sizeof s->piece ? sink_flush(s) : CUSGD_OK;
        if (status) return status;
    }
    return CUSGD_OK;
}

/* The prediction of a row that lacks a value. In quotes where it is all of its line: readers pass over empty lines. */
static cusgd_status sink_nothing(sink *s, int alone, char end)
{
    cusgd_status status = alone ? sink_put(s, "\"\"", 2) : CUSGD_OK;
    return status ? status : sink_put(s, &end, 1);
}

/* A field as RFC 4180 wants it: in quotes, doubled inside, where it holds a comma, a quote or the end of a line. */
static cusgd_status sink_field(sink *s, const char *text, char end)
{
    cusgd_status status = CUSGD_OK;
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        status = sink_put(s, text, strlen(text));
    } else {
        status = sink_put(s, "\"", 1);
        for (; *text && !status; text++) status = *text == '"' ? sink_put(s, "\"\"", 2) : sink_put(s, text, 1);
        if (!status) status = sink_put(s, "\"", 1);
    }
    return status ? status : sink_put(s, &end, 1);
}

/* Outputs are targets, or the classes or quantiles of one. */
static cusgd_status put_header(sink *s, const cusgd_model *model, int64_t k)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < k && !status; j++) {
        char numbered[40];
        snprintf(numbered, sizeof numbered, k == 1 ? "prediction" : "prediction%lld", (long long)j + 1);
        const char *name = k < cusgd_model_outputs(model) ? cusgd_model_target(model, j) : cusgd_model_output(model, j);
        status = sink_field(s, name ? name : numbered, j + 1 < k ? ',' : '\n');
    }
    return status;
}

/* Of a prediction that is one, or of a row that has none. */
static int class_number(double prediction) { return isnan(prediction) ? 0 : (int)prediction; }

static cusgd_status put_rows(sink *s, const cusgd_model *model, cusgd_prediction as, int64_t n, int64_t k,
                             const double *predictions)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t i = 0; i < n * k && !status; i++) {
        char number[NUMBER_TEXT], end = (i + 1) % k ? ',' : '\n';
        number_format(predictions[i], number);
        const char *name = as == CUSGD_PREDICT_CLASS ? cusgd_model_class(model, class_number(predictions[i])) : NULL;
        status = isnan(predictions[i]) ? sink_nothing(s, k == 1, end) : sink_field(s, name ? name : number, end);
    }
    return status;
}

static cusgd_status csv_save(const cusgd_model *model, cusgd_prediction as, int64_t n, int64_t k, const double *predictions,
                             const char *path)
{
    sink *s = allocate(1, sizeof *s);
    if (!s) return fail_memory(sizeof *s, "writing predictions");
    s->file = NULL;
    s->used = 0;
    cusgd_status status = strcmp(path, "-") == 0 ? CUSGD_OK : replacement_open(path, &s->file);
    if (!status) status = put_header(s, model, k);
    if (!status) status = put_rows(s, model, as, n, k, predictions);
    if (!status) status = sink_flush(s);
    if (status)
        replacement_abandon(s->file);
    else if (s->file)
        status = replacement_commit(s->file);
    free(s);
    return status;
}

static cusgd_status npy_save(int64_t n, int64_t k, const double *predictions, const char *path)
{
    npy_writer *writer;
    cusgd_status status = npy_create(path, CUSGD_TYPE_FLOAT64, n, k == 1 ? 0 : k, &writer);
    if (status) return status;
    status = npy_append(writer, predictions, n * k);
    if (status) {
        npy_abandon(writer);
        return status;
    }
    return npy_close(writer);
}

/* Classes that are numbers stand for themselves; others are 0, 1, ... */
static cusgd_status npy_save_classes(const cusgd_model *model, int64_t n, int64_t k, const double *predictions, const char *path)
{
    int64_t classes = cusgd_model_classes(model);
    int numbers = classes > 0;
    double *values = allocate((size_t)(classes > 0 ? classes : 1), sizeof *values);
    double *labels = allocate((size_t)(n * k), sizeof *labels);
    cusgd_status status = values && labels ? CUSGD_OK : fail_memory((size_t)(n * k) * sizeof *labels, "the classes");
    for (int64_t c = 0; c < classes && numbers && !status; c++) {
        const char *name = cusgd_model_class(model, (int)c);
        numbers = number_parse(name, strlen(name), &values[c]);
    }
    for (int64_t i = 0; i < n * k && numbers && !status; i++)
        labels[i] = isnan(predictions[i]) ? predictions[i] : values[class_number(predictions[i])];
    if (!status) status = npy_save(n, k, numbers ? labels : predictions, path);
    free(values);
    free(labels);
    return status;
}

static int ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), tail = strlen(end);
    return length > tail && strcmp(path + length - tail, end) == 0;
}

cusgd_status cusgd_predictions_save(const cusgd_model *model, cusgd_prediction as, int64_t n, const double *predictions,
                                    const char *path)
{
    if (!model) return fail_null(__func__);
    int64_t k = cusgd_model_prediction_cols(model, as);
    if (ends_with(path, ".npy") && as == CUSGD_PREDICT_CLASS) return npy_save_classes(model, n, k, predictions, path);
    if (ends_with(path, ".npy")) return npy_save(n, k, predictions, path);
    if (ends_with(path, ".csv") || strcmp(path, "-") == 0) return csv_save(model, as, n, k, predictions, path);
    return fail(CUSGD_ERROR_USAGE, "%s: predictions go to a file named .npy or .csv, or to -", path);
}

cusgd_status cusgd_array_save(const char *path, int64_t rows, int64_t columns, const double *values)
{
    if (!path || !values) return fail_null(__func__);
    return npy_save(rows, columns, values, path);
}

cusgd_status cusgd_file_check(const char *path)
{
    replacement *trial;
    cusgd_status status = replacement_open(path, &trial);
    replacement_abandon(trial);
    return status;
}

cusgd_status cusgd_file_write(const char *path, const void *bytes, size_t count)
{
    replacement *file;
    cusgd_status status = replacement_open(path, &file);
    if (status) return status;
    status = replacement_write(file, bytes, count);
    if (!status) return replacement_commit(file);
    replacement_abandon(file);
    return status;
}
