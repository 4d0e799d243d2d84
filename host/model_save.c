/* Saves models as safetensors files: the tensors weight and bias, and metadata. */
#include "model.h"

#include "data.h"
#include "data/encoding.h"
#include "data/layout.h"
#include "data/safetensors.h"
#include "failure.h"
#include "options.h"
#include "public.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds the text of a JSON array to the metadata and frees the array. list NULL: out of memory. */
static int add_list(cJSON *metadata, const char *key, cJSON *list)
{
    char *text = list ? cJSON_PrintUnformatted(list) : NULL;
    int good = text && cJSON_AddStringToObject(metadata, key, text);
    cJSON_free(text);
    cJSON_Delete(list);
    return good;
}

/* Adds an item to a JSON array; frees the item on failure. */
static int add_item(cJSON *list, cJSON *item)
{
    int good = list && item && cJSON_AddItemToArray(list, item);
    if (!good) cJSON_Delete(item);
    return good;
}

static int add_names(cJSON *metadata, const char *key, char *const *names, int64_t count)
{
    cJSON *list = cJSON_CreateArray();
    int good = 1;
    for (int64_t i = 0; i < count && good; i++) good = add_item(list, cJSON_CreateString(names[i]));
    return add_list(metadata, key, list) && good;
}

static int add_numbers(cJSON *metadata, const char *key, const int64_t *numbers, int64_t count)
{
    cJSON *list = cJSON_CreateArray();
    int good = 1;
    for (int64_t i = 0; i < count && good; i++) good = add_item(list, cJSON_CreateNumber((double)numbers[i]));
    return add_list(metadata, key, list) && good;
}

static int add_errors(cJSON *metadata, const cusgd_model *m)
{
    char residual_degrees[32], number[32];
    cJSON *list = cJSON_CreateArray();
    int good = 1;
    for (int64_t i = 0; i < m->k * (m->d + 1) && good; i++) {
        snprintf(number, sizeof number, "%.17g", m->errors[i]); /* cJSON would not write all digits */
        good = add_item(list, cJSON_CreateRaw(number));
    }
    snprintf(residual_degrees, sizeof residual_degrees, "%" PRId64, m->residual_degrees);
    return add_list(metadata, "standard_errors", list) && good &&
           (m->residual_degrees <= 0 || cJSON_AddStringToObject(metadata, "residual_df", residual_degrees) != NULL);
}

static int add_layout(cJSON *metadata, const cusgd_layout *l)
{
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, l->width);
    int good = cJSON_AddStringToObject(metadata, "file_columns", number) != NULL &&
               add_numbers(metadata, "feature_columns", l->features, l->d) &&
               add_numbers(metadata, "target_columns", l->targets, l->k);
    snprintf(number, sizeof number, "%" PRId64, l->offset);
    good = good && (!l->offset || cJSON_AddStringToObject(metadata, "offset_column_number", number) != NULL);
    const char separator[] = {l->dialect.separator, '\0'}, decimal[] = {l->dialect.decimal, '\0'},
               thousands[] = {l->dialect.thousands, '\0'};
    snprintf(number, sizeof number, "%" PRId64, l->dialect.skip);
    return good && (!*separator || cJSON_AddStringToObject(metadata, "separator", separator) != NULL) &&
           (!*decimal || cJSON_AddStringToObject(metadata, "decimal", decimal) != NULL) &&
           (!*thousands || cJSON_AddStringToObject(metadata, "thousands", thousands) != NULL) &&
           (l->dialect.skip <= 0 || cJSON_AddStringToObject(metadata, "skipped_lines", number) != NULL);
}

/* Creates the metadata of the file; NULL: out of memory. */
static cJSON *describe_model(const cusgd_model *m)
{
    cJSON *metadata = cJSON_CreateObject();
    const char *name, *value;
    int good = metadata != NULL, ours = 0;
    for (size_t i = 0; cusgd_model_metadata(m, i, &name, &value); i++) ours |= strcmp(name, "cusgd") == 0;
    if (good && !ours && !m->foreign) /* a model of another program keeps being one, as the options of its training are unknown */
        good = cJSON_AddStringToObject(metadata, "cusgd", cusgd_version()) &&
               cJSON_AddStringToObject(metadata, "loss", loss_word(m->loss.kind));
    for (size_t i = 0; good && cusgd_model_metadata(m, i, &name, &value); i++) {
        good = cJSON_AddStringToObject(metadata, name, value) != NULL;
    }
    if (good && m->features) good = add_names(metadata, "features", m->features, m->d);
    if (good && m->targets) good = add_names(metadata, "targets", m->targets, m->m);
    if (good && m->classes) good = add_names(metadata, "classes", m->classes, m->class_count);
    if (good && m->offset.kind) good = cJSON_AddStringToObject(metadata, "offset", model_offset_words[m->offset.kind]) != NULL;
    if (good && m->offset.name) good = cJSON_AddStringToObject(metadata, "offset_column", m->offset.name) != NULL;
    if (good && m->layout) good = add_layout(metadata, m->layout);
    if (good && m->encoding) good = add_list(metadata, "encoding", encoding_to_json(m->encoding));
    if (good && m->errors) good = add_errors(metadata, m);
    if (good) return metadata;
    cJSON_Delete(metadata);
    return NULL;
}

/* Fails if a number is not finite: such a model could not predict, and is never written. */
static cusgd_status check_numbers(const char *path, const char *what, const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return fail(CUSGD_ERROR_DATA, "%s: not written: %s %" PRId64 " is %g, which is not a finite number", path, what,
                        i + 1, values[i]);
    }
    return CUSGD_OK;
}

/* Fails if a name is not UTF-8, because the file could not be read again. */
static cusgd_status check_texts(const char *path, char *const *texts, int64_t count)
{
    for (int64_t i = 0; texts && i < count; i++)
        if (texts[i] && !text_is_utf8(texts[i], strlen(texts[i])))
            return fail(CUSGD_ERROR_DATA, "%s: not written: the model's name or metadata '%.60s' is not UTF-8 text", path,
                        texts[i]);
    return CUSGD_OK;
}

/* The contents of a model file, which are written to a file or to memory. */
typedef struct contents {
    cJSON *metadata;
    tensor tensors[2];
} contents;

/* Prepares the contents. The tensors are F64 for runs in any precision, because the intercept of a model whose columns have large
 * means needs the digits. `path` is for messages. The caller frees the metadata. */
static cusgd_status contents_of(const cusgd_model *model, const char *path, contents *out)
{
    int64_t d = model->d, k = model->k;
    cusgd_status status = check_numbers(path, "coefficient", model->weight, k * d);
    if (!status) status = check_numbers(path, "intercept", model->bias, k);
    if (!status && model->errors) status = check_numbers(path, "standard error", model->errors, k * (d + 1));
    if (!status) status = check_texts(path, model->features, d);
    if (!status) status = check_texts(path, model->targets, model->m);
    if (!status) status = check_texts(path, model->classes, model->class_count);
    if (!status) status = check_texts(path, &model->offset.name, 1);
    if (!status) status = check_texts(path, model->metadata.names, (int64_t)model->metadata.count);
    if (!status) status = check_texts(path, model->metadata.values, (int64_t)model->metadata.count);
    if (status) return status;
    *out = (contents){describe_model(model),
                      {{"weight", CUSGD_TYPE_FLOAT64, 2, {k, d}, k * d, (const unsigned char *)model->weight},
                       {"bias", CUSGD_TYPE_FLOAT64, 1, {k, 0}, k, (const unsigned char *)model->bias}}};
    return out->metadata ? CUSGD_OK : fail(CUSGD_ERROR_MEMORY, "out of memory for the metadata of %s", path);
}

cusgd_status cusgd_model_save(const cusgd_model *model, const char *path)
{
    if (!model) return fail_null(__func__);
    contents c;
    cusgd_status status = contents_of(model, path, &c);
    if (status) return status;
    status = safetensors_write(path, c.metadata, c.tensors, 2);
    cJSON_Delete(c.metadata);
    return status;
}

cusgd_status cusgd_model_save_memory(const cusgd_model *model, void *buffer, size_t capacity, size_t *bytes)
{
    if (!model) return fail_null(__func__);
    contents c;
    cusgd_status status = contents_of(model, "a model", &c);
    if (status) return status;
    status = safetensors_write_memory(buffer, buffer ? capacity : 0, bytes, c.metadata, c.tensors, 2);
    cJSON_Delete(c.metadata);
    if (!status && buffer && *bytes > capacity)
        status = fail(CUSGD_ERROR_USAGE, "the model has %zu bytes, and the buffer %zu", *bytes, capacity);
    return status;
}
