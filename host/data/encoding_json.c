/* An encoding as JSON: {"missing": "mean", "columns": [{"name": "sex", "kind": "category", "categories": [...], ...}, ...]}. */
#include "encoding.h"
#include "failure.h"
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {"number", "boolean", "category", "date"};     /* in the enumeration's order */
static const char *const orders[] = {"", "day-first", "month-first", "open"};     /* likewise */
static const char *const policies[] = {"error", "error", "drop", "mean", "keep"}; /* likewise */

/* ---- To JSON ------------------------------------------------------------------------------------------------------------- */

/* Adds an item, which it frees on failure. */
static int add(cJSON *list, cJSON *item)
{
    int good = list && item && cJSON_AddItemToArray(list, item);
    if (!good) cJSON_Delete(item);
    return good;
}

static int describe_date(const feature *f, cJSON *object)
{
    cJSON *list = cJSON_AddArrayToObject(object, "parts");
    int good = cJSON_AddStringToObject(object, "order", orders[f->order]) != NULL;
    for (int p = 0; good && p < DATE_PARTS; p++)
        if (f->parts >> p & 1) good = add(list, cJSON_CreateString(date_part_names[p]));
    return good;
}

static int describe_feature(const feature *f, cJSON *object)
{
    char number[NUMBER_TEXT];
    int good = (!f->name || cJSON_AddStringToObject(object, "name", f->name)) &&
               cJSON_AddStringToObject(object, "kind", kinds[f->kind]) != NULL;
    if (good && f->kind == FEATURE_CATEGORY) {
        cJSON *list = cJSON_AddArrayToObject(object, "categories");
        for (int64_t i = 0; good && i < f->categories.count; i++) good = add(list, cJSON_CreateString(f->categories.at[i]));
        good = good && cJSON_AddBoolToObject(object, "reference", f->reference) != NULL;
    }
    if (good && f->kind == FEATURE_DATE) good = describe_date(f, object);
    if (!good || !f->fills) return good;
    number_format(f->fill, number); /* cJSON itself may write a number without its last bits */
    return cJSON_AddRawToObject(object, "fill", number) && cJSON_AddBoolToObject(object, "indicator", f->indicator);
}

cJSON *encoding_to_json(const cusgd_encoding *e)
{
    cJSON *all = cJSON_CreateObject(), *columns = all ? cJSON_AddArrayToObject(all, "columns") : NULL;
    int good = columns && cJSON_AddStringToObject(all, "missing", policies[e->missing]);
    if (good && e->sparse) good = cJSON_AddTrueToObject(all, "sparse") != NULL;
    if (good && e->terms.degree > 1)
        good = cJSON_AddNumberToObject(all, "polynomial", e->terms.degree) &&
               cJSON_AddBoolToObject(all, "interactions", e->terms.products);
    for (int64_t j = 0; good && j < e->count; j++) {
        cJSON *object = cJSON_CreateObject();
        good = add(columns, object) && describe_feature(&e->at[j], object);
    }
    if (good) return all;
    cJSON_Delete(all);
    return NULL;
}

/* ---- From JSON ----------------------------------------------------------------------------------------------------------- */

static int find_word(const cJSON *item, const char *const *words, int count)
{
    for (int i = count - 1; cJSON_IsString(item) && i >= 0; i--)
        if (strcmp(item->valuestring, words[i]) == 0) return i;
    return -1;
}

/* Returns whether it makes sense; *status: of memory. */
static int load_categories(const cJSON *list, text_set *t, cusgd_status *status)
{
    const cJSON *item;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > MAX_SPARSE_CATEGORIES) return 0;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item) || texts_find(t, item->valuestring, strlen(item->valuestring)) >= 0) return 0;
        *status = texts_put(t, item->valuestring);
        if (*status) return 0;
    }
    return 1;
}

static int load_date(const cJSON *object, feature *f)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "parts"), *item;
    int order = find_word(cJSON_GetObjectItemCaseSensitive(object, "order"), orders, 4);
    cJSON_ArrayForEach(item, list)
    {
        int part = find_word(item, date_part_names, DATE_PARTS);
        if (part < 0) return 0;
        f->parts |= 1 << part;
    }
    f->order = (enum date_order)order;
    return order > 0 && f->parts != 0;
}

static int load_feature(const cJSON *object, cusgd_encoding *e, int64_t j, cusgd_status *status)
{
    feature *f = &e->at[j];
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "name"),
                *fill = cJSON_GetObjectItemCaseSensitive(object, "fill");
    int kind = find_word(cJSON_GetObjectItemCaseSensitive(object, "kind"), kinds, 4);
    if (kind < 0 || (name && !cJSON_IsString(name))) return 0;
    f->kind = (enum feature_kind)kind;
    if (name) encoding_set_name(e, j, strdup(name->valuestring));
    if (name && !f->name) *status = fail_memory(strlen(name->valuestring) + 1, "a name");
    f->reference = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "reference"));
    f->fills = fill != NULL;
    f->indicator = f->fills && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "indicator"));
    if (fill && (!cJSON_IsNumber(fill) || !isfinite(fill->valuedouble))) return 0;
    if (fill) f->fill = fill->valuedouble;
    if (f->kind == FEATURE_DATE && !load_date(object, f)) return 0;
    if (f->kind != FEATURE_CATEGORY) return !*status && !f->reference;
    return !*status && load_categories(cJSON_GetObjectItemCaseSensitive(object, "categories"), &f->categories, status);
}

/* The polynomial's degree, if there is one. */
static int load_degree(const cJSON *all, polynomial *terms)
{
    const cJSON *degree = cJSON_GetObjectItemCaseSensitive(all, "polynomial");
    if (!degree) return 1;
    if (!cJSON_IsNumber(degree) || !(degree->valuedouble >= 1 && degree->valuedouble <= MAX_DEGREE)) return 0;
    terms->degree = degree->valueint;
    terms->products = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(all, "interactions"));
    return 1;
}

static int load(const cJSON *all, int64_t d, cusgd_encoding **out, cusgd_status *status)
{
    const cJSON *columns = cJSON_GetObjectItemCaseSensitive(all, "columns"), *object;
    int policy = find_word(cJSON_GetObjectItemCaseSensitive(all, "missing"), policies, 5);
    int64_t count = cJSON_IsArray(columns) ? cJSON_GetArraySize(columns) : 0, j = 0;
    if (count == 0 || policy < 0) return 0;
    *status = encoding_create(count, out);
    if (*status) return 0;
    (*out)->missing = (cusgd_missing)policy;
    (*out)->sparse = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(all, "sparse"));
    if (!load_degree(all, &(*out)->terms)) return 0;
    cJSON_ArrayForEach(object, columns) if (!load_feature(object, *out, j++, status)) return 0;
    cusgd_status set = encoding_set_columns(*out);
    if (set == CUSGD_ERROR_MEMORY) *status = set;
    return !set && (*out)->d == d;
}

cusgd_status encoding_from_json(const char *text, int64_t d, cusgd_encoding **out)
{
    cJSON *all;
    cusgd_status status = json_parse(text, NULL, &all);
    *out = NULL;
    int good = !status && load(all, d, out, &status);
    cJSON_Delete(all);
    if (good) return CUSGD_OK;
    encoding_free(*out);
    *out = NULL;
    return status ? status : fail(CUSGD_ERROR_DATA, "its metadata's encoding does not describe %" PRId64 " features", d);
}
