/* Models of several quantiles of one target, where each output predicts a quantile. */
#include "model.h"

#include "data.h"
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Quantiles as text --------------------------------------------------------------------------------------------------- */

/* Parses the number up to the next comma or the end, and moves *at behind it. */
static int next_quantile(const char **at, double *value)
{
    size_t length = strcspn(*at, ",");
    int good = number_parse(*at, length, value) && *value > 0 && *value < 1;
    *at += length;
    return good;
}

int model_take_quantiles(cusgd_model *m, const char *text, cusgd_status *status)
{
    *status = CUSGD_OK;
    if (!strchr(text, ',')) return 1;
    m->fan.at = allocate((size_t)m->k, sizeof *m->fan.at);
    if (!m->fan.at) *status = fail_memory((size_t)m->k * sizeof *m->fan.at, "a model's quantiles");
    if (*status) return 1;
    for (int64_t j = 0; j < m->k; j++) {
        double *q = m->fan.at + j;
        if (!next_quantile(&text, q) || (j > 0 && !(*q > q[-1])) || *text != (j + 1 < m->k ? ',' : '\0')) return 0;
        text++;
    }
    m->m = 1;
    m->loss.number = m->fan.at[0];
    return 1;
}

/* Writes a number with the fewest digits that are read back as the same number. */
static void quantile_format(double value, char text[NUMBER_TEXT])
{
    double again;
    snprintf(text, NUMBER_TEXT, "%.15g", value);
    if (!number_parse(text, strlen(text), &again) || again < value || again > value) number_format(value, text);
}

cusgd_status model_name_quantiles(cusgd_model *m)
{
    const char *target = m->targets ? m->targets[0] : NULL;
    m->fan.names = allocate_zeroed((size_t)m->k, sizeof *m->fan.names);
    if (!m->fan.names) return fail_memory((size_t)m->k * sizeof *m->fan.names, "the names of the outputs");
    for (int64_t j = 0; j < m->k; j++) {
        char number[NUMBER_TEXT];
        quantile_format(m->fan.at[j], number);
        const char *before = target ? target : "quantile";
        size_t room = strlen(before) + strlen(number) + 2;
        if (!(m->fan.names[j] = allocate(room, 1))) return fail_memory(room, "a name");
        snprintf(m->fan.names[j], room, "%s:%s", before, number);
    }
    return CUSGD_OK;
}

/* ---- Joining ------------------------------------------------------------------------------------------------------------- */

/* Returns the values of a metadata entry in all parts, separated by commas. */
static char *joined_values(cusgd_model *const *parts, int64_t count, size_t entry)
{
    size_t room = 1;
    for (int64_t j = 0; j < count; j++) room += strlen(parts[j]->metadata.values[entry]) + 1;
    char *text = allocate(room, 1), *at = text;
    for (int64_t j = 0; text && j < count; j++)
        at += snprintf(at, room - (size_t)(at - text), "%s%s", j ? "," : "", parts[j]->metadata.values[entry]);
    return text;
}

static int all_same(cusgd_model *const *parts, int64_t count, size_t entry)
{
    for (int64_t j = 1; j < count; j++)
        if (strcmp(parts[j]->metadata.values[entry], parts[0]->metadata.values[entry]) != 0) return 0;
    return 1;
}

/* Joins the metadata. An entry in which the parts differ becomes the list of their values. */
static cusgd_status join_metadata(cusgd_model *const *parts, int64_t count, cusgd_model *m)
{
    cusgd_status status = model_metadata_create(m, parts[0]->metadata.count);
    for (size_t i = 0; i < parts[0]->metadata.count && !status; i++) {
        char *joined = all_same(parts, count, i) ? NULL : joined_values(parts, count, i);
        const char *value = joined ? joined : parts[0]->metadata.values[i];
        if (!joined && !all_same(parts, count, i)) status = fail_memory(strlen(value), "a model's metadata");
        if (!status) status = model_metadata_put(m, parts[0]->metadata.names[i], value);
        free(joined);
    }
    return status;
}

cusgd_status model_join(cusgd_model *const *parts, int64_t count, cusgd_model **out)
{
    const cusgd_model *one = parts[0];
    int64_t d = one->d;
    cusgd_status status = model_allocate(d, count, out);
    cusgd_model *m = *out;
    if (!status && !(m->fan.at = allocate((size_t)count, sizeof(double))))
        status = fail_memory((size_t)count * sizeof(double), "a model's quantiles");
    if (!status) {
        m->m = 1;
        m->loss = one->loss;
        m->threads = one->threads;
    }
    for (int64_t j = 0; j < count && !status; j++) {
        m->fan.at[j] = parts[j]->loss.number;
        m->bias[j] = parts[j]->bias[0];
        memcpy(m->weight + j * d, parts[j]->weight, sizeof(double) * (size_t)d);
    }
    if (!status && one->features) status = texts_copy((const char *const *)one->features, d, &m->features);
    if (!status && one->targets) status = texts_copy((const char *const *)one->targets, 1, &m->targets);
    if (!status) status = model_set_offset(m, one->offset.kind, one->offset.name);
    if (!status) status = model_set_layout(m, one->layout);
    if (!status) status = model_set_encoding(m, one->encoding);
    if (!status) status = join_metadata(parts, count, m);
    if (!status) status = model_name_quantiles(m);
    if (!status) return CUSGD_OK;
    cusgd_model_free(m);
    *out = NULL;
    return status;
}
