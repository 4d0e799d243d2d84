/* Loads a model from its file: the tensors, and the metadata that cuSGD writes. */
#include "model.h"

#include "data.h"
#include "data/encoding.h"
#include "data/json.h"
#include "data/layout.h"
#include "data/safetensors.h"
#include "failure.h"
#include "options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status copy_tensor(const char *path, const tensor *t, double *to)
{
    for (int64_t i = 0; i < t->count; i++) {
        to[i] = tensor_at(t, i);
        if (!isfinite(to[i]))
            return fail(CUSGD_ERROR_DATA, "%s: element %" PRId64 " of its tensor %s is %g: there is no predicting with it", path,
                        i, t->name, to[i]);
    }
    return CUSGD_OK;
}

/* Loads weight (k x d, or d) and bias (k, a scalar, or absent). */
static cusgd_status load_tensors(const safetensors *s, cusgd_model **out)
{
    tensor weight, bias;
    cusgd_status status = safetensors_linear(s, &weight, &bias);
    if (status) return status;
    int64_t k = weight.dimensions == 2 ? weight.shape[0] : 1, d = weight.count / k;
    if (bias.values && (bias.count != k || bias.dimensions > 1))
        return fail(CUSGD_ERROR_DATA, "%s: its %s does not fit its %s of %" PRId64 " outputs", s->path, bias.name, weight.name,
                    k);
    status = model_allocate(d, k, out);
    if (!status) status = copy_tensor(s->path, &weight, (*out)->weight);
    if (!status && bias.values) status = copy_tensor(s->path, &bias, (*out)->bias);
    return status;
}

static const char *metadata_text(const safetensors *s, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(s->metadata, name);
    return item ? item->valuestring : NULL;
}

/* Loads a metadata entry that is the text of a JSON array of `count` strings. names: `count` NULLs; the caller frees them. */
static cusgd_status load_names(const safetensors *s, const char *key, int64_t count, char **names)
{
    int64_t i = 0;
    cJSON *list;
    cusgd_status status = json_parse(metadata_text(s, key), NULL, &list);
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsArray(list) || !cJSON_IsString(item) || i == count) break;
        names[i] = strdup(item->valuestring);
        if (!names[i++]) status = fail_memory(strlen(item->valuestring) + 1, "a name");
        if (status) break;
    }
    if (!status && (item || i != count || !cJSON_IsArray(list)))
        status = fail(CUSGD_ERROR_DATA, "%s: its metadata's %s are no list of %" PRId64 " names", s->path, key, count);
    cJSON_Delete(list);
    return status;
}

/* Loads the names of the classes. With more than two classes, or with softmax, each class is an output, and there is one
 * target. */
static cusgd_status load_classes(const safetensors *s, cusgd_model *m)
{
    const char *text = metadata_text(s, "classes"), *loss = metadata_text(s, "loss");
    int softmax = loss && strcmp(loss, "softmax") == 0;
    cJSON *list = text ? cJSON_Parse(text) : NULL;
    if (text && !list) return fail(CUSGD_ERROR_DATA, "%s: its metadata's classes are no list of names", s->path);
    int64_t count = cJSON_IsArray(list) && cJSON_GetArraySize(list) == m->k ? m->k : 2;
    cJSON_Delete(list);
    if (!softmax && m->k <= 2) count = 2;
    if (softmax || (text && count > 2)) m->m = 1;
    if (!text) return CUSGD_OK;
    m->classes = allocate_zeroed((size_t)count, sizeof *m->classes);
    if (!m->classes) return fail_memory((size_t)count * sizeof *m->classes, "a model's classes");
    m->class_count = count;
    return load_names(s, "classes", count, m->classes);
}

static cusgd_status load_all_names(const safetensors *s, cusgd_model *m)
{
    cusgd_status status = CUSGD_OK;
    if (metadata_text(s, "features")) m->features = allocate_zeroed((size_t)m->d, sizeof *m->features);
    status = load_classes(s, m);
    if (status) return status;
    if (metadata_text(s, "targets")) m->targets = allocate_zeroed((size_t)m->m, sizeof *m->targets);
    if ((metadata_text(s, "features") && !m->features) || (metadata_text(s, "targets") && !m->targets))
        return fail_memory((size_t)(m->d + m->k) * sizeof *m->features, "a model's names");
    if (m->features) status = load_names(s, "features", m->d, m->features);
    if (!status && m->targets) status = load_names(s, "targets", m->m, m->targets);
    return status;
}

/* Loads the standard errors, the text of a JSON array of finite numbers >= 0. */
static cusgd_status load_errors(const safetensors *s, cusgd_model *m)
{
    const char *text = metadata_text(s, "standard_errors"), *residual_degrees = metadata_text(s, "residual_df");
    int64_t count = m->k * (m->d + 1), i = 0;
    double degrees = 0;
    if (!text) return CUSGD_OK;
    m->errors = allocate((size_t)count, sizeof *m->errors);
    if (!m->errors) return fail_memory((size_t)count * sizeof *m->errors, "a model's standard errors");
    cJSON *list;
    cusgd_status status = json_parse(text, NULL, &list);
    if (status) return status;
    const cJSON *item;
    int good = cJSON_IsArray(list) && cJSON_GetArraySize(list) == count;
    cJSON_ArrayForEach(item, list)
    {
        good = good && cJSON_IsNumber(item) && isfinite(item->valuedouble) && item->valuedouble >= 0;
        if (!good) break;
        m->errors[i++] = item->valuedouble;
    }
    cJSON_Delete(list);
    good = good && (!residual_degrees || number_parse(residual_degrees, strlen(residual_degrees), &degrees)) && degrees >= 0 &&
           degrees < 1e15;
    if (!good)
        return fail(CUSGD_ERROR_DATA, "%s: its metadata's standard_errors are no list of %" PRId64 " numbers", s->path, count);
    m->residual_degrees = (int64_t)degrees;
    return CUSGD_OK;
}

static cusgd_status load_offset(const safetensors *s, cusgd_model *m)
{
    const char *word = metadata_text(s, "offset"), *name = metadata_text(s, "offset_column");
    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, model_offset_words[i]) == 0) m->offset.kind = (cusgd_offset)i;
    if (word && m->offset.kind == CUSGD_OFFSET_NONE)
        return fail(CUSGD_ERROR_DATA, "%s: its metadata names an offset that this version of cuSGD does not know", s->path);
    return model_set_offset(m, m->offset.kind, word ? name : NULL);
}

/* Parses the text of a JSON array of `count` integers. Returns whether it is one; *status becomes MEMORY if there is no
 * memory. */
static int load_numbers(const char *text, int64_t count, int64_t *numbers, cusgd_status *status)
{
    int64_t i = 0;
    cJSON *list;
    *status = json_parse(text, NULL, &list);
    const cJSON *item;
    int good = cJSON_IsArray(list);
    cJSON_ArrayForEach(item, list)
    {
        good = good && i < count && cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble < 0x1p40;
        if (!good) break;
        numbers[i++] = (int64_t)item->valuedouble;
    }
    cJSON_Delete(list);
    return good && i == count;
}

/* Loads the dialect. Returns whether it is valid. */
static int load_dialect(const safetensors *s, dialect *d)
{
    const char *separator = metadata_text(s, "separator"), *decimal = metadata_text(s, "decimal"),
               *thousands = metadata_text(s, "thousands"), *skipped = metadata_text(s, "skipped_lines");
    double skip = 0;
    if (separator) d->separator = separator[0];
    if (decimal) d->decimal = decimal[0];
    if (thousands) d->thousands = thousands[0];
    if (skipped && (!number_parse(skipped, strlen(skipped), &skip) || skip < 1 || skip > 0x1p40)) return 0;
    d->skip = (int64_t)skip;
    return (!separator || strlen(separator) == 1) && (!decimal || strlen(decimal) == 1) &&
           (!thousands || strlen(thousands) == 1) && dialect_is_valid(d);
}

static cusgd_status load_layout(const safetensors *s, cusgd_model *m)
{
    const char *width = metadata_text(s, "file_columns"), *offset = metadata_text(s, "offset_column_number");
    if (!width) return CUSGD_OK;
    int64_t d = m->encoding ? m->encoding->count : m->d;
    cusgd_status status = layout_create(0, d, m->m, &m->layout);
    if (status) return status;
    if (!load_dialect(s, &m->layout->dialect))
        return fail(CUSGD_ERROR_DATA, "%s: its metadata's separator, decimal, thousands or skipped_lines make no sense", s->path);
    double number = 0, at = 0;
    int good = number_parse(width, strlen(width), &number) && number >= 1 && number < 0x1p40 &&
               (!offset || (number_parse(offset, strlen(offset), &at) && at >= 1 && at < 0x1p40)) &&
               load_numbers(metadata_text(s, "feature_columns"), d, m->layout->features, &status) &&
               load_numbers(metadata_text(s, "target_columns"), m->m, m->layout->targets, &status);
    if (good) {
        m->layout->width = (int64_t)number;
        m->layout->offset = (int64_t)at;
        m->layout->kind = m->offset.kind;
    }
    if (good) status = layout_check(m->layout, &good);
    if (status || (good && (at == 0 || m->offset.kind != CUSGD_OFFSET_NONE))) return status;
    return fail(CUSGD_ERROR_DATA,
                "%s: its metadata's feature_columns and target_columns are not %" PRId64 " and %" PRId64
                " different numbers of columns up to file_columns",
                s->path, d, m->m);
}

static cusgd_status load_encoding(const safetensors *s, cusgd_model *m)
{
    const char *text = metadata_text(s, "encoding");
    cusgd_status status = text ? encoding_from_json(text, m->d, &m->encoding) : CUSGD_OK;
    return status ? fail_in(status, "%s", s->path) : CUSGD_OK;
}

/* Returns whether the model keeps this entry apart from its other metadata and writes it anew. */
static int is_names_key(const char *name)
{
    static const char *const keys[] = {"features",     "targets",         "classes",        "standard_errors",
                                       "residual_df",  "offset",          "offset_column",  "offset_column_number",
                                       "file_columns", "feature_columns", "target_columns", "separator",
                                       "decimal",      "thousands",       "skipped_lines",  "encoding"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(name, keys[i]) == 0) return 1;
    return 0;
}

/* Sets the loss of that name, with its parameter in double, as predictions are computed in double. Returns 0 if there is no such
 * loss. */
static int load_loss(const safetensors *s, const char *word, cusgd_model *m)
{
    cusgd_options options;
    options_init(&options);
    options.precision = CUSGD_PRECISION_DOUBLE;
    if (!loss_from_word(word, &options.loss)) return 0;
    const char *option = loss_info_of(options.loss)->option, *value = option ? metadata_text(s, option) : NULL;
    if (value && !m->fan.at && cusgd_options_set(&options, option, value) != CUSGD_OK) return 0;
    for (int i = 0; i < FORMULA_OPTIONS && loss_is_expression(options.loss); i++) {
        const char *text = metadata_text(s, model_formula_options[i]);
        if (text && cusgd_options_set(&options, model_formula_options[i], text) != CUSGD_OK) return 0;
    }
    if (loss_is_expression(options.loss) && !*options.loss_expression) return 0;
    return model_set_loss(m, &options) == CUSGD_OK;
}

/* Loads the quantiles. If there are several, they are outputs of one target. */
static cusgd_status load_quantiles(const safetensors *s, cusgd_model *m)
{
    const char *loss = metadata_text(s, "loss"), *text = metadata_text(s, "quantile");
    cusgd_status status = CUSGD_OK;
    if (!loss || !text || strcmp(loss, "quantile") != 0 || model_take_quantiles(m, text, &status)) return status;
    return fail(CUSGD_ERROR_DATA, "%s: its metadata's quantile is '%.60s', not %" PRId64 " ascending numbers between 0 and 1",
                s->path, text, m->k);
}

/* Loads the metadata. It is interpreted if cuSGD wrote it; that of other programs is only kept. */
static cusgd_status load_metadata(const safetensors *s, cusgd_model *m)
{
    const cJSON *item;
    int ours = metadata_text(s, "cusgd") != NULL;
    m->foreign = !ours;
    if (!s->metadata) return CUSGD_OK;
    cusgd_status status = ours ? load_quantiles(s, m) : CUSGD_OK;
    if (!status && ours) status = load_all_names(s, m);
    if (!status && m->fan.at) status = model_name_quantiles(m);
    if (!status && ours) status = load_errors(s, m);
    if (!status && ours) status = load_offset(s, m);
    if (!status && ours) status = load_encoding(s, m);
    if (!status && ours) status = load_layout(s, m);
    const char *loss = metadata_text(s, "loss");
    if (!status && ours && (!loss || !load_loss(s, loss, m)))
        status = fail(CUSGD_ERROR_DATA, "%s: its metadata names no loss that this version of cuSGD knows%s%s%s", s->path,
                      loss ? ", but '" : "", loss ? loss : "", loss ? "'" : "");
    if (!status && ours) status = model_settle_classes(m);
    if (status && ours && m->loss.kind == CUSGD_LOSS_SOFTMAX) status = fail_in(status, "%s", s->path);
    if (!status) status = model_metadata_create(m, (size_t)cJSON_GetArraySize(s->metadata));
    cJSON_ArrayForEach(item, s->metadata)
    {
        if (status) break;
        if (!ours || !is_names_key(item->string)) status = model_metadata_put(m, item->string, item->valuestring);
    }
    return status;
}

/* Loads a model from an open file, and closes the file. */
static cusgd_status load_file(safetensors *file, cusgd_model **out)
{
    cusgd_status status = load_tensors(file, out);
    if (!status) status = load_metadata(file, *out);
    cusgd_status shrunk = file_check(file->mapping);
    if (shrunk) status = shrunk;
    safetensors_close(file);
    if (status) {
        cusgd_model_free(*out);
        *out = NULL;
    }
    return status;
}

cusgd_status cusgd_model_load(const char *path, cusgd_model **out)
{
    safetensors file;
    *out = NULL;
    cusgd_status status = safetensors_open(path, &file);
    return status ? status : load_file(&file, out);
}

cusgd_status cusgd_model_load_memory(const void *bytes, size_t count, cusgd_model **out)
{
    safetensors file;
    *out = NULL;
    cusgd_status status = safetensors_open_memory("the bytes of a model", bytes, count, &file);
    return status ? status : load_file(&file, out);
}
