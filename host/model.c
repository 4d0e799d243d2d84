#include "model.h"

#include "data.h"
#include "data/layout.h"
#include "data/safetensors.h"
#include "error.h"
#include "options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Making -------------------------------------------------------------------------------------------------------------- */

static void free_texts(char **texts, int64_t count)
{
    for (int64_t i = 0; texts && i < count; i++) free(texts[i]);
    free(texts);
}

/* NULL: out of memory. */
static char **copy_texts(char *const *texts, int64_t count)
{
    char **copy = allocate_zeroed((size_t)count, sizeof *copy);
    for (int64_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(texts[i]);
        if (copy[i]) continue;
        free_texts(copy, i);
        return NULL;
    }
    return copy;
}

/* Makes room for `count` entries of metadata. */
static cusgd_status metadata_create(cusgd_model *m, size_t count)
{
    m->names = allocate_zeroed(count + 1, sizeof *m->names);
    m->values = allocate_zeroed(count + 1, sizeof *m->values);
    return m->names && m->values ? CUSGD_OK : fail_memory(2 * (count + 1) * sizeof *m->names, "a model's metadata");
}

static cusgd_status metadata_put(cusgd_model *m, const char *name, const char *value)
{
    size_t i = m->entries++;
    m->names[i] = strdup(name);
    m->values[i] = strdup(value);
    return m->names[i] && m->values[i] ? CUSGD_OK : fail_memory(strlen(name) + strlen(value), "a model's metadata");
}

static cusgd_status describe_options(cusgd_model *m, const cusgd_options *options)
{
    const char *name;
    char value[CUSGD_OPTION_TEXT];
    size_t count = 0;
    while (options_describe(options, count, &name, value)) count++;
    cusgd_status status = metadata_create(m, count + 3); /* one more for model_set_missing */
    if (!status) status = metadata_put(m, "cusgd", cusgd_version());
    if (!status) status = metadata_put(m, "loss", loss_word(options->loss));
    for (size_t i = 0; i < count && !status; i++) {
        options_describe(options, i, &name, value);
        if (strcmp(name, "loss") != 0) status = metadata_put(m, name, value);
    }
    return status;
}

static cusgd_status model_allocate(int64_t d, int64_t k, cusgd_model **out)
{
    cusgd_model *m = *out = allocate_zeroed(1, sizeof *m);
    if (!m) return fail_memory(sizeof *m, "a model");
    m->d = d;
    m->k = k;
    if ((uint64_t)d <= SIZE_MAX / (uint64_t)k) m->weight = allocate_zeroed((size_t)d * (size_t)k, sizeof *m->weight);
    m->bias = allocate_zeroed((size_t)k, sizeof *m->bias);
    if (m->weight && m->bias) return CUSGD_OK;
    return fail(CUSGD_ERROR_MEMORY, "out of memory for a model of %" PRId64 " x %" PRId64 " coefficients", k, d);
}

/* Each of `texts`, `classes` may be NULL, or hold NULL first: none. */
static cusgd_status copy_names(cusgd_model *m, char *const *features, char *const *targets, char *const *classes)
{
    int has_classes = classes && classes[0] && classes[1];
    if (features) m->features = copy_texts(features, m->d);
    if (targets) m->targets = copy_texts(targets, m->k);
    for (int i = 0; has_classes && i < 2; i++) m->classes[i] = strdup(classes[i]);
    if ((features && !m->features) || (targets && !m->targets) || (has_classes && !(m->classes[0] && m->classes[1])))
        return fail(CUSGD_ERROR_MEMORY, "out of memory for the names of %" PRId64 " columns", m->d);
    return CUSGD_OK;
}

cusgd_status model_create(const cusgd_options *options, int64_t d, int64_t k, char *const *features, char *const *targets,
                          char *const *classes, cusgd_model **out)
{
    cusgd_status status = model_allocate(d, k, out);
    if (!status) status = copy_names(*out, features, targets, classes);
    if (!status && options) {
        cusgd_options wide = *options; /* as its file will be read */
        wide.precision = CUSGD_PRECISION_DOUBLE;
        (*out)->threads = options->threads;
        (*out)->loss = loss_rule_of(&wide);
        status = describe_options(*out, options);
    }
    if (status) {
        cusgd_model_free(*out);
        *out = NULL;
    }
    return status;
}

cusgd_status model_set_offset(cusgd_model *model, cusgd_offset kind, const char *name)
{
    model->offset = kind;
    if (name && !(model->offset_name = strdup(name))) return fail_memory(strlen(name) + 1, "a name");
    return CUSGD_OK;
}

cusgd_status model_set_missing(cusgd_model *model, const char *reason)
{
    return metadata_put(model, "no_standard_errors", reason);
}

cusgd_status model_set_layout(cusgd_model *model, const cusgd_layout *layout) { return layout_copy(layout, &model->layout); }

void cusgd_model_free(cusgd_model *model)
{
    if (!model) return;
    for (size_t i = 0; i < model->entries; i++) {
        free(model->names[i]);
        free(model->values[i]);
    }
    free(model->names);
    free(model->values);
    free_texts(model->features, model->d);
    free_texts(model->targets, model->k);
    free(model->classes[0]);
    free(model->classes[1]);
    free(model->offset_name);
    layout_free(model->layout);
    free(model->errors);
    free(model->weight);
    free(model->bias);
    free(model);
}

/* ---- Loading ------------------------------------------------------------------------------------------------------------- */

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

/* weight: k x d, or d; bias: k, or one number of no dimension, or none at all. */
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

/* The texts of a JSON array of `count` strings, which the metadata holds as text. names: `count` NULLs, the caller's to free. */
static cusgd_status load_names(const safetensors *s, const char *key, int64_t count, char **names)
{
    cusgd_status status = CUSGD_OK;
    int64_t i = 0;
    cJSON *list = cJSON_Parse(metadata_text(s, key));
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

static cusgd_status load_all_names(const safetensors *s, cusgd_model *m)
{
    cusgd_status status = CUSGD_OK;
    if (metadata_text(s, "features")) m->features = allocate_zeroed((size_t)m->d, sizeof *m->features);
    if (metadata_text(s, "targets")) m->targets = allocate_zeroed((size_t)m->k, sizeof *m->targets);
    if ((metadata_text(s, "features") && !m->features) || (metadata_text(s, "targets") && !m->targets))
        return fail_memory((size_t)(m->d + m->k) * sizeof *m->features, "a model's names");
    if (m->features) status = load_names(s, "features", m->d, m->features);
    if (!status && m->targets) status = load_names(s, "targets", m->k, m->targets);
    if (!status && metadata_text(s, "classes")) status = load_names(s, "classes", 2, m->classes);
    return status;
}

/* Numbers as the text of a JSON array; they must be finite and not negative. */
static cusgd_status load_errors(const safetensors *s, cusgd_model *m)
{
    const char *text = metadata_text(s, "standard_errors"), *freedom = metadata_text(s, "residual_df");
    int64_t count = m->k * (m->d + 1), i = 0;
    double degrees = 0;
    if (!text) return CUSGD_OK;
    m->errors = allocate((size_t)count, sizeof *m->errors);
    if (!m->errors) return fail_memory((size_t)count * sizeof *m->errors, "a model's standard errors");
    cJSON *list = cJSON_Parse(text);
    const cJSON *item;
    int good = cJSON_IsArray(list) && cJSON_GetArraySize(list) == count;
    cJSON_ArrayForEach(item, list)
    {
        good = good && cJSON_IsNumber(item) && isfinite(item->valuedouble) && item->valuedouble >= 0;
        if (!good) break;
        m->errors[i++] = item->valuedouble;
    }
    cJSON_Delete(list);
    good = good && (!freedom || number_parse(freedom, strlen(freedom), &degrees)) && degrees >= 0 && degrees < 1e15;
    if (!good)
        return fail(CUSGD_ERROR_DATA, "%s: its metadata's standard_errors are no list of %" PRId64 " numbers", s->path, count);
    m->freedom = (int64_t)degrees;
    return CUSGD_OK;
}

static const char *const offset_words[] = {"none", "linear", "exposure"}; /* in the enumeration's order */

static cusgd_status load_offset(const safetensors *s, cusgd_model *m)
{
    const char *word = metadata_text(s, "offset"), *name = metadata_text(s, "offset_column");
    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, offset_words[i]) == 0) m->offset = (cusgd_offset)i;
    if (word && m->offset == CUSGD_OFFSET_NONE)
        return fail(CUSGD_ERROR_DATA, "%s: its metadata names an offset that this version of cuSGD does not know", s->path);
    return model_set_offset(m, m->offset, word ? name : NULL);
}

/* A JSON array of `count` whole numbers, as text. Returns whether it is one. */
static int load_numbers(const char *text, int64_t count, int64_t *numbers)
{
    int64_t i = 0;
    cJSON *list = text ? cJSON_Parse(text) : NULL;
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

static cusgd_status load_layout(const safetensors *s, cusgd_model *m)
{
    const char *width = metadata_text(s, "file_columns"), *offset = metadata_text(s, "offset_column_number");
    if (!width) return CUSGD_OK;
    cusgd_status status = layout_create(0, m->d, m->k, &m->layout);
    if (status) return status;
    double number = 0, at = 0;
    int good = number_parse(width, strlen(width), &number) && number >= 1 && number < 0x1p40 &&
               (!offset || (number_parse(offset, strlen(offset), &at) && at >= 1 && at < 0x1p40)) &&
               load_numbers(metadata_text(s, "feature_columns"), m->d, m->layout->features) &&
               load_numbers(metadata_text(s, "target_columns"), m->k, m->layout->targets);
    if (good) {
        m->layout->width = (int64_t)number;
        m->layout->offset = (int64_t)at;
        m->layout->kind = m->offset;
    }
    if (good) status = layout_check(m->layout, &good);
    if (status || (good && (at == 0 || m->offset != CUSGD_OFFSET_NONE))) return status;
    return fail(CUSGD_ERROR_DATA,
                "%s: its metadata's feature_columns and target_columns are not %" PRId64 " and %" PRId64
                " different numbers of columns up to file_columns",
                s->path, m->d, m->k);
}

/* What is said of the model's names is kept apart from the other metadata: it is written anew. */
static int is_names_key(const char *name)
{
    static const char *const keys[] = {"features",     "targets",         "classes",       "standard_errors",
                                       "residual_df",  "offset",          "offset_column", "offset_column_number",
                                       "file_columns", "feature_columns", "target_columns"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(name, keys[i]) == 0) return 1;
    return 0;
}

/* The loss of this word, with its number in double: predictions are made in double. 0: there is none. */
static int load_loss(const safetensors *s, const char *word, cusgd_model *m)
{
    static const char *const numbers[] = {"delta", "width", "quantile", "power"};
    cusgd_options options;
    cusgd_options_init(&options);
    options.precision = CUSGD_PRECISION_DOUBLE;
    if (!loss_from_word(word, &options.loss)) return 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *value = metadata_text(s, numbers[i]);
        if (value && cusgd_options_set(&options, numbers[i], value) != CUSGD_OK) return 0;
    }
    m->loss = loss_rule_of(&options);
    return 1;
}

/* Metadata is believed where cuSGD wrote it; another program's is kept as it is. */
static cusgd_status load_metadata(const safetensors *s, cusgd_model *m)
{
    const cJSON *item;
    int ours = metadata_text(s, "cusgd") != NULL;
    m->foreign = !ours;
    if (!s->metadata) return CUSGD_OK;
    cusgd_status status = ours ? load_all_names(s, m) : CUSGD_OK;
    if (!status && ours) status = load_errors(s, m);
    if (!status && ours) status = load_offset(s, m);
    if (!status && ours) status = load_layout(s, m);
    const char *loss = metadata_text(s, "loss");
    if (!status && ours && (!loss || !load_loss(s, loss, m)))
        status = fail(CUSGD_ERROR_DATA, "%s: its metadata names no loss that this version of cuSGD knows%s%s%s", s->path,
                      loss ? ", but '" : "", loss ? loss : "", loss ? "'" : "");
    if (!status) status = metadata_create(m, (size_t)cJSON_GetArraySize(s->metadata));
    cJSON_ArrayForEach(item, s->metadata)
    {
        if (status) break;
        if (!is_names_key(item->string)) status = metadata_put(m, item->string, item->valuestring);
    }
    return status;
}

cusgd_status cusgd_model_load(const char *path, cusgd_model **out)
{
    safetensors file;
    *out = NULL;
    cusgd_status status = safetensors_open(path, &file);
    if (status) return status;
    status = load_tensors(&file, out);
    if (!status) status = load_metadata(&file, *out);
    cusgd_status shrunk = file_check(file.mapping);
    if (shrunk) status = shrunk;
    safetensors_close(&file);
    if (status) {
        cusgd_model_free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- Saving -------------------------------------------------------------------------------------------------------------- */

/* Adds a list of names as the text of a JSON array. */
static int add_names(cJSON *metadata, const char *key, char *const *names, int64_t count)
{
    cJSON *list = cJSON_CreateArray();
    int good = list != NULL;
    for (int64_t i = 0; i < count && good; i++) {
        cJSON *name = cJSON_CreateString(names[i]);
        good = name && cJSON_AddItemToArray(list, name);
        if (!good) cJSON_Delete(name);
    }
    char *text = good ? cJSON_PrintUnformatted(list) : NULL;
    good = text && cJSON_AddStringToObject(metadata, key, text);
    cJSON_free(text);
    cJSON_Delete(list);
    return good;
}

static int add_errors(cJSON *metadata, const cusgd_model *m)
{
    char freedom[32];
    cJSON *list = cJSON_CreateDoubleArray(m->errors, (int)(m->k * (m->d + 1)));
    char *text = list ? cJSON_PrintUnformatted(list) : NULL;
    snprintf(freedom, sizeof freedom, "%" PRId64, m->freedom);
    int good = text && cJSON_AddStringToObject(metadata, "standard_errors", text);
    if (good && m->freedom > 0) good = cJSON_AddStringToObject(metadata, "residual_df", freedom) != NULL;
    cJSON_free(text);
    cJSON_Delete(list);
    return good;
}

/* Adds numbers as the text of a JSON array. */
static int add_numbers(cJSON *metadata, const char *key, const int64_t *numbers, int64_t count)
{
    cJSON *list = cJSON_CreateArray();
    int good = list != NULL;
    for (int64_t i = 0; i < count && good; i++) {
        cJSON *number = cJSON_CreateNumber((double)numbers[i]);
        good = number && cJSON_AddItemToArray(list, number);
        if (!good) cJSON_Delete(number);
    }
    char *text = good ? cJSON_PrintUnformatted(list) : NULL;
    good = text && cJSON_AddStringToObject(metadata, key, text);
    cJSON_free(text);
    cJSON_Delete(list);
    return good;
}

static int add_layout(cJSON *metadata, const cusgd_layout *l)
{
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, l->width);
    int good = cJSON_AddStringToObject(metadata, "file_columns", number) != NULL &&
               add_numbers(metadata, "feature_columns", l->features, l->d) &&
               add_numbers(metadata, "target_columns", l->targets, l->k);
    snprintf(number, sizeof number, "%" PRId64, l->offset);
    return good && (!l->offset || cJSON_AddStringToObject(metadata, "offset_column_number", number) != NULL);
}

/* The file's metadata; NULL: out of memory. */
static cJSON *describe_model(const cusgd_model *m)
{
    cJSON *metadata = cJSON_CreateObject();
    const char *name, *value;
    int good = metadata != NULL, ours = 0;
    for (size_t i = 0; cusgd_model_metadata(m, i, &name, &value); i++) ours |= strcmp(name, "cusgd") == 0;
    if (good && !ours)
        good = cJSON_AddStringToObject(metadata, "cusgd", cusgd_version()) &&
               cJSON_AddStringToObject(metadata, "loss", loss_word(m->loss.kind));
    for (size_t i = 0; good && cusgd_model_metadata(m, i, &name, &value); i++) {
        if (!ours && (strcmp(name, "loss") == 0)) continue; /* another program's, which may mean anything */
        good = cJSON_AddStringToObject(metadata, name, value) != NULL;
    }
    if (good && m->features) good = add_names(metadata, "features", m->features, m->d);
    if (good && m->targets) good = add_names(metadata, "targets", m->targets, m->k);
    if (good && m->classes[0] && m->classes[1]) good = add_names(metadata, "classes", m->classes, 2);
    if (good && m->offset) good = cJSON_AddStringToObject(metadata, "offset", offset_words[m->offset]) != NULL;
    if (good && m->offset_name) good = cJSON_AddStringToObject(metadata, "offset_column", m->offset_name) != NULL;
    if (good && m->layout) good = add_layout(metadata, m->layout);
    if (good && m->errors) good = add_errors(metadata, m);
    if (good) return metadata;
    cJSON_Delete(metadata);
    return NULL;
}

/* A model with numbers that are not finite predicts nothing; it is never written. */
static cusgd_status check_numbers(const char *path, const char *what, const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return fail(CUSGD_ERROR_DATA, "%s: not written: %s %" PRId64 " is %g, which is not a finite number", path, what,
                        i + 1, values[i]);
    }
    return CUSGD_OK;
}

/* The tensors are F64 whatever the precision of the run: an intercept beside columns of large mean needs the digits. */
cusgd_status cusgd_model_save(const cusgd_model *model, const char *path)
{
    int64_t d = model->d, k = model->k;
    cusgd_status status = check_numbers(path, "coefficient", model->weight, k * d);
    if (!status) status = check_numbers(path, "intercept", model->bias, k);
    if (!status && model->errors) status = check_numbers(path, "standard error", model->errors, k * (d + 1));
    if (status) return status;
    cJSON *metadata = describe_model(model);
    if (!metadata) return fail(CUSGD_ERROR_MEMORY, "out of memory for the metadata of %s", path);
    tensor tensors[] = {{"weight", CUSGD_TYPE_FLOAT64, 2, {k, d}, k * d, (const unsigned char *)model->weight},
                        {"bias", CUSGD_TYPE_FLOAT64, 1, {k, 0}, k, (const unsigned char *)model->bias}};
    status = safetensors_write(path, metadata, tensors, 2);
    cJSON_Delete(metadata);
    return status;
}

/* ---- What it is ---------------------------------------------------------------------------------------------------------- */

int64_t cusgd_model_cols(const cusgd_model *model) { return model->d; }
int64_t cusgd_model_outputs(const cusgd_model *model) { return model->k; }
const double *cusgd_model_weight(const cusgd_model *model) { return model->weight; }
const double *cusgd_model_bias(const cusgd_model *model) { return model->bias; }
cusgd_loss cusgd_model_loss(const cusgd_model *model) { return model->loss.kind; }

const double *cusgd_model_errors(const cusgd_model *model, int64_t *freedom)
{
    if (freedom) *freedom = model->freedom;
    return model->errors;
}

const char *cusgd_model_feature(const cusgd_model *model, int64_t j)
{
    return model->features && j >= 0 && j < model->d ? model->features[j] : NULL;
}

const char *cusgd_model_target(const cusgd_model *model, int64_t j)
{
    return model->targets && j >= 0 && j < model->k ? model->targets[j] : NULL;
}

const char *cusgd_model_class(const cusgd_model *model, int value)
{
    return value == 0 || value == 1 ? model->classes[value] : NULL;
}

int64_t cusgd_model_feature_column(const cusgd_model *model, int64_t j)
{
    return model->layout && j >= 0 && j < model->d ? model->layout->features[j] : 0;
}

int64_t cusgd_model_target_column(const cusgd_model *model, int64_t j)
{
    return model->layout && j >= 0 && j < model->k ? model->layout->targets[j] : 0;
}

int64_t cusgd_model_offset_column(const cusgd_model *model) { return model->layout ? model->layout->offset : 0; }

cusgd_offset cusgd_model_offset(const cusgd_model *model, const char **name)
{
    if (name) *name = model->offset_name;
    return model->offset;
}

int cusgd_model_metadata(const cusgd_model *model, size_t index, const char **name, const char **value)
{
    if (index >= model->entries) return 0;
    *name = model->names[index];
    *value = model->values[index];
    return 1;
}

void cusgd_model_reader(const cusgd_model *model, cusgd_reader *reader)
{
    reader->layout = model->layout;
    if (model->features) {
        reader->features = (const char *const *)model->features;
        reader->feature_count = (size_t)model->d;
    }
    if (model->targets && reader->target_count == 0) {
        reader->targets = (const char *const *)model->targets;
        reader->target_count = (size_t)model->k;
    }
    if (!reader->offset && !reader->exposure) {
        if (model->offset == CUSGD_OFFSET_LINEAR) reader->offset = model->offset_name;
        if (model->offset == CUSGD_OFFSET_EXPOSURE) reader->exposure = model->offset_name;
    }
    if (model->classes[0]) reader->classes = (const char *const *)model->classes;
}
