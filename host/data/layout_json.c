#include "layout_json.h"

#include <string.h>

/* ---- To JSON ------------------------------------------------------------------------------------------------------------- */

static int add_numbers(cJSON *object, const char *key, const int64_t *numbers, int64_t count)
{
    cJSON *list = cJSON_AddArrayToObject(object, key);
    for (int64_t i = 0; list && i < count; i++) {
        cJSON *item = cJSON_CreateNumber((double)numbers[i]);
        if (item && cJSON_AddItemToArray(list, item)) continue;
        cJSON_Delete(item);
        return 0;
    }
    return list != NULL;
}

static int add_mark(cJSON *object, const char *key, char mark)
{
    const char text[] = {mark, '\0'};
    return !mark || cJSON_AddStringToObject(object, key, text);
}

cJSON *layout_to_json(const cusgd_layout *l)
{
    cJSON *object = cJSON_CreateObject();
    int good = object && cJSON_AddNumberToObject(object, "columns", (double)l->width) &&
               add_numbers(object, "features", l->features, l->d) && add_numbers(object, "targets", l->targets, l->k) &&
               (!l->offset || cJSON_AddNumberToObject(object, "offset", (double)l->offset)) &&
               add_mark(object, "separator", l->dialect.separator) && add_mark(object, "decimal", l->dialect.decimal) &&
               add_mark(object, "thousands", l->dialect.thousands) &&
               (l->dialect.skip <= 0 || cJSON_AddNumberToObject(object, "skipped_lines", (double)l->dialect.skip));
    if (good) return object;
    cJSON_Delete(object);
    return NULL;
}

/* ---- From JSON ----------------------------------------------------------------------------------------------------------- */

/* A whole number from `least` on; what is not there is `least`. */
static int take_number(const cJSON *item, int64_t least, int64_t *number)
{
    *number = least;
    if (!item) return 1;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)least && item->valuedouble < 0x1p40)) return 0;
    *number = (int64_t)item->valuedouble;
    return (double)*number == item->valuedouble;
}

static int take_numbers(const cJSON *list, int64_t *numbers, int64_t count)
{
    const cJSON *item;
    int64_t i = 0;
    if (!cJSON_IsArray(list)) return 0;
    cJSON_ArrayForEach(item, list)
    {
        if (i == count || !take_number(item, 1, &numbers[i++])) return 0;
    }
    return i == count;
}

static int take_mark(const cJSON *item, char *mark)
{
    if (!item) return 1;
    if (!cJSON_IsString(item) || strlen(item->valuestring) != 1) return 0;
    *mark = item->valuestring[0];
    return 1;
}

static const cJSON *get(const cJSON *object, const char *key) { return cJSON_GetObjectItemCaseSensitive(object, key); }

cusgd_status layout_from_json(const cJSON *json, int64_t d, int64_t k, cusgd_layout **out, int *good)
{
    cusgd_status status = layout_create(0, d, k, out);
    if (status) return status;
    cusgd_layout *l = *out;
    *good = cJSON_IsObject(json) && get(json, "columns") && take_number(get(json, "columns"), 1, &l->width) &&
            take_number(get(json, "offset"), 0, &l->offset) && take_number(get(json, "skipped_lines"), 0, &l->dialect.skip) &&
            take_numbers(get(json, "features"), l->features, d) && take_numbers(get(json, "targets"), l->targets, k) &&
            take_mark(get(json, "separator"), &l->dialect.separator) && take_mark(get(json, "decimal"), &l->dialect.decimal) &&
            take_mark(get(json, "thousands"), &l->dialect.thousands) && dialect_is_valid(&l->dialect);
    if (*good) status = layout_check(l, good);
    if (!status && *good) return CUSGD_OK;
    layout_free(l);
    *out = NULL;
    return status;
}
