/* The index of a folder of numbered files, cusgd.json. */
#include "encoding.h"
#include "failure.h"
#include "json.h"
#include "layout_json.h"
#include "pieces.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_VERSION = 1 };
static const char index_format[] = "cusgd rows";
const char *const piece_names[PIECE_ARRAYS] = {"x", "y", "w", "offset"};
static const char *const types[] = {"float32", "float64", "bf16"}; /* in the enumeration's order */

char *piece_path(const char *folder, const char *name, int64_t file)
{
    size_t size = strlen(folder) + strlen(name) + 40;
    char *path = allocate(size, 1);
    if (path && file < 0) snprintf(path, size, "%s/%s", folder, name);
    if (path && file >= 0) snprintf(path, size, "%s/%s-%05" PRId64 ".npy", folder, name, file);
    return path;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------- */

static int add_item(cJSON *list, cJSON *item)
{
    int good = list && item && cJSON_AddItemToArray(list, item);
    if (!good) cJSON_Delete(item);
    return good;
}

/* Names: no list where there are none. */
static int add_names(cJSON *object, const char *key, char *const *names, int64_t count)
{
    cJSON *list = names ? cJSON_AddArrayToObject(object, key) : NULL;
    int good = !names || list;
    for (int64_t i = 0; names && good && i < count; i++) good = add_item(list, cJSON_CreateString(names[i]));
    return good;
}

/* Adds what another function has made of it, which NULL says failed. */
static int add_object(cJSON *object, const char *key, cJSON *item)
{
    int good = item && cJSON_AddItemToObject(object, key, item);
    if (!good) cJSON_Delete(item);
    return good;
}

/* {"type": "float32", "columns": 3, "checksums": ["0123456789abcdef", ...]} */
static int add_array(cJSON *arrays, const pieces *s, int array)
{
    char sum[20];
    cJSON *object = cJSON_AddObjectToObject(arrays, piece_names[array]), *list = NULL;
    int good = object && cJSON_AddStringToObject(object, "type", types[s->type[array]]) &&
               cJSON_AddNumberToObject(object, "columns", (double)s->cols[array]);
    if (good && s->sum) good = (list = cJSON_AddArrayToObject(object, "checksums")) != NULL;
    for (int64_t file = 0; good && s->sum && file < s->files; file++) {
        snprintf(sum, sizeof sum, "%016" PRIx64, s->sum[file * PIECE_ARRAYS + array]);
        good = add_item(list, cJSON_CreateString(sum));
    }
    return good;
}

static int add_offset(cJSON *all, const cusgd_data *data)
{
    if (data->offset == CUSGD_OFFSET_NONE) return 1;
    return cJSON_AddStringToObject(all, "offset", data->offset == CUSGD_OFFSET_EXPOSURE ? "exposure" : "offset") &&
           (!data->offset_name || cJSON_AddStringToObject(all, "offset_name", data->offset_name));
}

static int describe(cJSON *all, const pieces *s, const cusgd_data *data)
{
    cJSON *arrays = NULL;
    int good = cJSON_AddNumberToObject(all, "rows", (double)s->rows) &&
               cJSON_AddNumberToObject(all, "rows_per_file", (double)s->rows_per_file) &&
               cJSON_AddNumberToObject(all, "columns", (double)s->d) && cJSON_AddBoolToObject(all, "sparse", s->sparse) &&
               (arrays = cJSON_AddObjectToObject(all, "arrays")) != NULL;
    for (int a = 0; good && a < PIECE_ARRAYS; a++)
        if (s->cols[a]) good = add_array(arrays, s, a);
    good = good && add_names(all, "features", data->features, s->d) &&
           add_names(all, "targets", data->targets, s->cols[PIECE_Y]) &&
           add_names(all, "classes", data->classes, data->class_count) && add_offset(all, data);
    if (good && data->base) good = cJSON_AddNumberToObject(all, "index_base", data->base == CUSGD_INDEX_ZERO ? 0 : 1) != NULL;
    if (good && data->layout) good = add_object(all, "table", layout_to_json(data->layout));
    return good && (!data->encoding || add_object(all, "encoding", encoding_to_json(data->encoding)));
}

cusgd_status pieces_write_index(const char *folder, const pieces *s, const cusgd_data *described)
{
    char *path = piece_path(folder, PIECES_INDEX, -1), *text = NULL;
    cJSON *all = cJSON_CreateObject();
    int good = path && all && cJSON_AddStringToObject(all, "format", index_format) &&
               cJSON_AddNumberToObject(all, "version", INDEX_VERSION) && cJSON_AddBoolToObject(all, "complete", s != NULL) &&
               (!s || describe(all, s, described)) && (text = cJSON_Print(all)) != NULL;
    cusgd_status status = good ? cusgd_file_write(path, text, strlen(text)) : fail_memory(strlen(folder), "a folder's index");
    cJSON_free(text);
    cJSON_Delete(all);
    free(path);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

static const cJSON *get(const cJSON *object, const char *key) { return cJSON_GetObjectItemCaseSensitive(object, key); }

/* A whole number from `least` to `most`. */
static int take_number(const cJSON *item, int64_t least, int64_t most, int64_t *number)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)least && item->valuedouble <= (double)most)) return 0;
    *number = (int64_t)item->valuedouble;
    return (double)*number == item->valuedouble;
}

static int take_sum(const cJSON *item, uint64_t *sum)
{
    const char *digits = "0123456789abcdef";
    if (!cJSON_IsString(item) || strlen(item->valuestring) != 16 || strspn(item->valuestring, digits) != 16) return 0;
    *sum = 0;
    for (const char *at = item->valuestring; *at; at++) *sum = *sum << 4 | (uint64_t)(strchr(digits, *at) - digits);
    return 1;
}

static int take_sums(const cJSON *list, pieces *s, int array)
{
    const cJSON *item;
    int64_t file = 0;
    if (!cJSON_IsArray(list)) return 0;
    cJSON_ArrayForEach(item, list)
    {
        if (file == s->files || !take_sum(item, &s->sum[file++ * PIECE_ARRAYS + array])) return 0;
    }
    return file == s->files;
}

static int take_array(const cJSON *object, pieces *s, int array)
{
    const cJSON *type = get(object, "type");
    int found = 0;
    for (int t = 0; cJSON_IsString(type) && t < 3 && !found; t++) {
        found = strcmp(type->valuestring, types[t]) == 0;
        s->type[array] = (enum piece_type)t;
    }
    int64_t most = array >= PIECE_W ? 1 : INT64_C(1) << 40;
    return found && (s->type[array] != PIECE_BF16 || array == PIECE_X) &&
           take_number(get(object, "columns"), 1, most, &s->cols[array]) && s->rows <= (INT64_C(1) << 58) / s->cols[array] &&
           (s->sparse || take_sums(get(object, "checksums"), s, array));
}

/* The shape; sums has room for no more than the text has bytes. */
static int take_shape(const cJSON *all, size_t length, pieces *s)
{
    const int64_t most = INT64_C(1) << 48;
    s->sparse = cJSON_IsTrue(get(all, "sparse"));
    if (!take_number(get(all, "rows"), 1, most, &s->rows) ||
        !take_number(get(all, "rows_per_file"), 1, most, &s->rows_per_file) ||
        !take_number(get(all, "columns"), 1, INT64_C(1) << 40, &s->d))
        return 0;
    s->files = pieces_count(s->rows, s->rows_per_file);
    return (s->files == 1 || s->rows_per_file % PIECE_ROWS == 0) && (size_t)s->files <= length && (s->files == 1 || !s->sparse);
}

static int take_arrays(const cJSON *all, pieces *s)
{
    const cJSON *arrays = get(all, "arrays"), *object;
    for (int a = 0; a < PIECE_ARRAYS; a++)
        if ((object = get(arrays, piece_names[a])) && !take_array(object, s, a)) return 0;
    return s->sparse ? s->cols[PIECE_X] == 0 : s->cols[PIECE_X] == s->d;
}

/* Returns whether it is a list of `count` texts, or none; *status: of memory. */
static int take_names(const cJSON *list, int64_t count, char ***out, cusgd_status *status)
{
    const cJSON *item;
    int64_t i = 0;
    if (!list) return 1;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count || count < 1) return 0;
    char **names = *out = allocate_zeroed((size_t)count, sizeof *names);
    if (!names) *status = fail_memory((size_t)count * sizeof *names, "the columns' names");
    cJSON_ArrayForEach(item, list)
    {
        if (*status || !cJSON_IsString(item) || !text_is_utf8(item->valuestring, strlen(item->valuestring))) return 0;
        names[i] = strdup(item->valuestring);
        if (!names[i++]) *status = fail_memory(strlen(item->valuestring) + 1, "a name");
    }
    return !*status;
}

static int take_offset(const cJSON *all, const pieces *s, cusgd_data *data, cusgd_status *status)
{
    const cJSON *kind = get(all, "offset"), *name = get(all, "offset_name");
    if (!kind) return !name && s->cols[PIECE_O] == 0;
    if (!cJSON_IsString(kind) || s->cols[PIECE_O] != 1 || (name && !cJSON_IsString(name))) return 0;
    data->offset = strcmp(kind->valuestring, "exposure") == 0 ? CUSGD_OFFSET_EXPOSURE : CUSGD_OFFSET_LINEAR;
    if (name && !(data->offset_name = strdup(name->valuestring))) *status = fail_memory(strlen(name->valuestring) + 1, "a name");
    return !*status;
}

static int take_classes(const cJSON *all, const pieces *s, cusgd_data *data, cusgd_status *status)
{
    const cJSON *list = get(all, "classes");
    int64_t count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    char **names = NULL;
    if (list && (count < 2 || count > MAX_CLASSES || s->cols[PIECE_Y] < 1 || (count > 2 && s->cols[PIECE_Y] != 1))) return 0;
    int good = take_names(list, count, &names, status);
    if (good && names)
        data_take_classes(data, names, count);
    else
        strings_free(names, count);
    return good;
}

/* How the table's columns became x. */
static int take_encoding(const cJSON *all, cusgd_data *data, cusgd_status *status)
{
    const cJSON *table = get(all, "table"), *encoding = get(all, "encoding"), *base = get(all, "index_base");
    int64_t number = 0, d = data->view.d;
    int good = 1;
    char *text = encoding ? cJSON_PrintUnformatted(encoding) : NULL;
    if (encoding && !text) *status = fail_memory(1, "an encoding");
    if (text) *status = encoding_from_json(text, d, &data->encoding);
    cJSON_free(text);
    if (*status == CUSGD_ERROR_DATA) *status = CUSGD_OK, good = 0;
    if (!good || *status) return 0;
    if (base && !take_number(base, 0, 1, &number)) return 0;
    if (base) data->base = number ? CUSGD_INDEX_ONE : CUSGD_INDEX_ZERO;
    if (table) *status = layout_from_json(table, data->encoding ? data->encoding->count : d, data->view.k, &data->layout, &good);
    if (data->layout) data->layout->kind = data->offset;
    return good && !*status;
}

static int take_all(const cJSON *all, size_t length, cusgd_data *data, pieces *s, cusgd_status *status)
{
    if (!take_shape(all, length, s)) return 0;
    if (!s->sparse && !(s->sum = allocate_zeroed((size_t)s->files * PIECE_ARRAYS, sizeof *s->sum)))
        *status = fail_memory((size_t)s->files * PIECE_ARRAYS * sizeof *s->sum, "checksums");
    if (*status || !take_arrays(all, s)) return 0;
    data->view.n = s->rows;
    data->view.d = s->d;
    data->view.k = s->cols[PIECE_Y];
    return take_names(get(all, "features"), s->d, &data->features, status) &&
           take_names(get(all, "targets"), s->cols[PIECE_Y], &data->targets, status) && take_offset(all, s, data, status) &&
           take_classes(all, s, data, status) && take_encoding(all, data, status);
}

/* The whole file as text, the caller's to free. */
static cusgd_status read_text(const char *path, char **out, size_t *length)
{
    void *mapping;
    cusgd_status status = file_map(path, &mapping, length);
    *out = NULL;
    if (status) return status;
    *out = allocate(*length + 1, 1);
    if (*out) {
        memcpy(*out, mapping, *length);
        (*out)[*length] = '\0';
        status = file_check(mapping);
    } else {
        status = fail_memory(*length + 1, path);
    }
    file_unmap(mapping);
    return status;
}

static cusgd_status check_kind(const char *path, const cJSON *all)
{
    const cJSON *format = get(all, "format"), *version = get(all, "version");
    if (!cJSON_IsString(format) || strcmp(format->valuestring, index_format) != 0 || !cJSON_IsNumber(version))
        return fail(CUSGD_ERROR_DATA, "%s: is not the index of a folder that cusgd convert has written", path);
    if (version->valuedouble != INDEX_VERSION)
        return fail(CUSGD_ERROR_DATA, "%s: is of version %g, and this cuSGD reads version %d: convert the data again", path,
                    version->valuedouble, INDEX_VERSION);
    if (cJSON_IsTrue(get(all, "complete"))) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: the folder is not complete, as what wrote it was interrupted: remove it and convert again",
                path);
}

cusgd_status pieces_read_index(const char *folder, cusgd_data *data, pieces *s)
{
    char *path = piece_path(folder, PIECES_INDEX, -1), *text = NULL;
    size_t length = 0;
    cJSON *all = NULL;
    *s = (pieces){0};
    cusgd_status status = path ? read_text(path, &text, &length) : fail_memory(strlen(folder), "a path");
    if (!status) status = json_parse(text, NULL, &all);
    if (!status) status = check_kind(path, all);
    int good = status || take_all(all, length, data, s, &status);
    if (!status && !good)
        status =
            fail(CUSGD_ERROR_DATA, "%s: is damaged: what it says of the folder makes no sense; convert the data again", path);
    cJSON_Delete(all);
    free(text);
    free(path);
    return status;
}
