#include "safetensors.h"

#include "data.h"
#include "failure.h"
#include "json.h"
#include "scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES = 8, HEADER_BYTES_MOST = 100000000 }; /* the format's own limit */
#define WHOLE_MOST 9007199254740992.0                     /* 2^53: JSON's numbers are doubles here */

static const struct {
    const char *name;
    unsigned bytes;
} types[] = {{"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"I8", 1},   {"I16", 2},     {"I32", 4},     {"I64", 8},
             {"U8", 1},  {"U16", 2}, {"U32", 4}, {"U64", 8},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"C64", 8}};

/* Where a tensor lies, counted from the first tensor's start. */
typedef struct place {
    uint64_t begin, end;
} place;

static cusgd_status fail_header(const char *path, const char *what)
{
    return fail(CUSGD_ERROR_DATA, "%s: is not a sound safetensors file: %s", path, what);
}

/* ---- The header's structure ---------------------------------------------------------------------------------------------- */

static int compare_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* JSON lets a key stand twice; which of them would count is anybody's guess. */
static cusgd_status check_keys(const char *path, const cJSON *object)
{
    size_t count = 0, i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, object) count++;
    const char **keys = allocate(count, sizeof *keys);
    if (!keys) return fail_memory(count * sizeof *keys, "a file's header");
    cJSON_ArrayForEach(item, object) keys[i++] = item->string;
    qsort(keys, count, sizeof *keys, compare_text);
    cusgd_status status = CUSGD_OK;
    for (i = 1; i < count && !status; i++) {
        char shown[SHOWN_BYTES];
        if (strcmp(keys[i - 1], keys[i]) == 0)
            status = fail(CUSGD_ERROR_DATA, "%s: is not a sound safetensors file: '%s' stands in its header twice", path,
                          text_show(keys[i], strlen(keys[i]), shown));
    }
    free(keys);
    return status;
}

static cusgd_status check_metadata(const char *path, const cJSON *metadata)
{
    if (!cJSON_IsObject(metadata)) return fail_header(path, "its metadata is no object");
    const cJSON *item;
    cJSON_ArrayForEach(item, metadata)
    {
        if (!cJSON_IsString(item)) return fail_header(path, "its metadata holds other things than strings");
    }
    return check_keys(path, metadata);
}

static int whole_from(const cJSON *item, uint64_t *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= WHOLE_MOST)) return 0;
    *value = (uint64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

/* The bytes that a tensor's type and shape ask for; 0 if they make no sense. */
static int tensor_bytes(const cJSON *info, uint64_t *bytes)
{
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(info, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(info, "shape"), *length;
    if (!cJSON_IsString(type) || !cJSON_IsArray(shape)) return 0;
    *bytes = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(type->valuestring, types[i].name) == 0) *bytes = types[i].bytes;
    }
    if (*bytes == 0) return 0;
    cJSON_ArrayForEach(length, shape)
    {
        uint64_t factor;
        if (!whole_from(length, &factor) || (factor > 0 && *bytes > UINT64_MAX / factor)) return 0;
        *bytes *= factor;
    }
    return 1;
}

/* {"dtype": ..., "shape": [...], "data_offsets": [begin, end]} and nothing else. */
static cusgd_status check_tensor(const char *path, const cJSON *info, place *p)
{
    uint64_t bytes;
    if (!cJSON_IsObject(info) || cJSON_GetArraySize(info) != 3) return fail_header(path, "a tensor has not its three keys");
    if (!tensor_bytes(info, &bytes)) return fail_header(path, "a tensor's type or shape makes no sense");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(info, "data_offsets");
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 || !whole_from(offsets->child, &p->begin) ||
        !whole_from(offsets->child->next, &p->end))
        return fail_header(path, "a tensor's data_offsets are no two whole numbers");
    if (p->end < p->begin || p->end - p->begin != bytes)
        return fail_header(path, "a tensor's data_offsets do not fit its type and shape");
    return CUSGD_OK;
}

static int compare_places(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

/* The tensors fill the rest of the file, without overlap or hole. */
static cusgd_status check_places(const char *path, place *places, size_t count, uint64_t bytes)
{
    uint64_t end = 0;
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 0; i < count; i++) {
        if (places[i].begin != end) return fail_header(path, "two tensors overlap, or there is a hole between them");
        end = places[i].end;
    }
    if (end == bytes) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: has %" PRIu64 " bytes of tensors, but its header says %" PRIu64 ": it is cut short or damaged", path, bytes,
                end);
}

static cusgd_status check_header(safetensors *s, uint64_t bytes)
{
    if (!cJSON_IsObject(s->header)) return fail_header(s->path, "its header is no object");
    cusgd_status status = check_keys(s->path, s->header);
    if (status) return status;
    size_t count = 0, room = (size_t)cJSON_GetArraySize(s->header);
    place *places = allocate(room, sizeof *places);
    if (!places) return fail_memory(room * sizeof *places, "a file's header");
    const cJSON *item;
    cJSON_ArrayForEach(item, s->header)
    {
        if (strcmp(item->string, "__metadata__") == 0) {
            s->metadata = item;
            status = check_metadata(s->path, item);
        } else {
            status = check_tensor(s->path, item, &places[count++]);
        }
        if (status) break;
    }
    if (!status) status = check_places(s->path, places, count, bytes);
    free(places);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

static uint64_t little_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

/* From a terminated copy, which a length is not enough for. */
static cusgd_status parse_json(safetensors *s, const char *text, size_t length)
{
    const char *end = NULL;
    char *copy = allocate(length + 1, 1);
    if (!copy) return fail_memory(length + 1, "a file's header");
    memcpy(copy, text, length);
    copy[length] = '\0';
    cusgd_status status = json_parse(copy, &end, &s->header);
    size_t used = s->header ? (size_t)(end - copy) : 0, spaces = s->header ? strspn(end, " ") : 0;
    free(copy);
    if (status) return status;
    if (!s->header) return fail_header(s->path, "its header is no JSON");
    return used + spaces == length ? CUSGD_OK : fail_header(s->path, "text follows its header");
}

static cusgd_status parse(safetensors *s)
{
    const unsigned char *bytes = s->bytes;
    if (s->count < PREFIX_BYTES + 2) return fail_header(s->path, "it is too short");
    uint64_t length = little_endian(bytes, PREFIX_BYTES);
    if (length > HEADER_BYTES_MOST || length > s->count - PREFIX_BYTES)
        return fail_header(s->path, "its header's length is beyond the file's end");
    const char *text = (const char *)bytes + PREFIX_BYTES;
    if (length == 0 || *text != '{' || !text_is_utf8(text, length)) return fail_header(s->path, "its header is no JSON in UTF-8");
    cusgd_status status = parse_json(s, text, length);
    s->values = bytes + PREFIX_BYTES + length;
    return status ? status : check_header(s, s->count - PREFIX_BYTES - length);
}

cusgd_status safetensors_open(const char *path, safetensors *out)
{
    *out = (safetensors){.path = path};
    cusgd_status status = file_map(path, &out->mapping, &out->count);
    out->bytes = out->mapping;
    if (!status) status = parse(out);
    if (status) safetensors_close(out);
    return status;
}

cusgd_status safetensors_open_memory(const char *name, const void *bytes, size_t count, safetensors *out)
{
    *out = (safetensors){.path = name, .bytes = bytes, .count = count};
    cusgd_status status = parse(out);
    if (status) safetensors_close(out);
    return status;
}

void safetensors_close(safetensors *s)
{
    cJSON_Delete(s->header);
    file_unmap(s->mapping);
    *s = (safetensors){0};
}

cusgd_status safetensors_tensor(const safetensors *s, const char *name, tensor *out)
{
    const cJSON *info = cJSON_GetObjectItemCaseSensitive(s->header, name);
    *out = (tensor){.name = name, .count = 1};
    if (!info) return CUSGD_OK;
    const char *type = cJSON_GetObjectItemCaseSensitive(info, "dtype")->valuestring;
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(info, "shape"), *length;
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(info, "data_offsets");
    if (strcmp(type, "F32") != 0 && strcmp(type, "F64") != 0)
        return fail(CUSGD_ERROR_DATA, "%s: its tensor %s is %s, not F32 or F64: convert it first", s->path, name, type);
    out->type = strcmp(type, "F32") == 0 ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;
    cJSON_ArrayForEach(length, shape)
    {
        if (out->dimensions == 2) return fail(CUSGD_ERROR_DATA, "%s: its tensor %s has more than two dimensions", s->path, name);
        out->shape[out->dimensions++] = (int64_t)length->valuedouble;
        out->count *= (int64_t)length->valuedouble;
    }
    if (out->count == 0) return fail(CUSGD_ERROR_DATA, "%s: its tensor %s is empty", s->path, name);
    out->values = s->values + (uint64_t)offsets->child->valuedouble;
    return CUSGD_OK;
}

/* "fc.weight (F32 3 x 4), fc.bias (F32 3), ...": what the file has, as much as there is room for. */
static const char *list_tensors(const safetensors *s, char *list, size_t size)
{
    size_t used = 0;
    const cJSON *item, *length;
    snprintf(list, size, "none");
    cJSON_ArrayForEach(item, s->header)
    {
        char shape[64] = "", name[SHOWN_BYTES];
        if (item == s->metadata) continue;
        cJSON_ArrayForEach(length, cJSON_GetObjectItemCaseSensitive(item, "shape"))
        {
            size_t at = strlen(shape);
            snprintf(shape + at, sizeof shape - at, "%s%.0f", at ? " x " : " ", length->valuedouble);
        }
        int wrote = snprintf(list + used, size - used, "%s%s (%s%s)", used ? ", " : "",
                             text_show(item->string, strlen(item->string), name),
                             cJSON_GetObjectItemCaseSensitive(item, "dtype")->valuestring, shape);
        if (wrote >= 0 && used + (size_t)wrote + 6 < size) { /* room for what ends a longer list */
            used += (size_t)wrote;
            continue;
        }
        snprintf(list + used, size - used, ", ...");
        break;
    }
    return list;
}

/* NAME of "NAME.weight", as its length; 0 where the tensor is another. */
static size_t layer_name(const char *tensor_name)
{
    const char ending[] = ".weight";
    size_t length = strlen(tensor_name), tail = sizeof ending - 1;
    return length > tail && strcmp(tensor_name + length - tail, ending) == 0 ? length - tail : 0;
}

/* Whether the file holds nothing but NAME.weight and perhaps NAME.bias; then *weight and *bias (or NULL) are their names. */
static int find_layer(const safetensors *s, const char **weight, const char **bias)
{
    const cJSON *item;
    *weight = *bias = NULL;
    int others = 0;
    cJSON_ArrayForEach(item, s->header)
    {
        if (item != s->metadata && !*weight && layer_name(item->string)) *weight = item->string;
    }
    size_t length = *weight ? layer_name(*weight) : 0;
    cJSON_ArrayForEach(item, s->header)
    {
        if (item == s->metadata || item->string == *weight) continue;
        int is_bias = length > 0 && strncmp(item->string, *weight, length) == 0 && strcmp(item->string + length, ".bias") == 0;
        if (is_bias)
            *bias = item->string;
        else
            others = 1;
    }
    return *weight && !others;
}

cusgd_status safetensors_linear(const safetensors *s, tensor *weight, tensor *bias)
{
    const char *weight_name = "weight", *bias_name = "bias", *layer_weight, *layer_bias;
    char list[512];
    *bias = (tensor){0};
    if (!cJSON_GetObjectItemCaseSensitive(s->header, "weight") && find_layer(s, &layer_weight, &layer_bias)) {
        weight_name = layer_weight;
        bias_name = layer_bias;
    }
    cusgd_status status = safetensors_tensor(s, weight_name, weight);
    if (!status && bias_name) status = safetensors_tensor(s, bias_name, bias);
    if (status || (weight->values && weight->dimensions > 0)) return status;
    return fail(
        CUSGD_ERROR_DATA,
        "%s: has no tensor weight of shape outputs x features, nor one layer alone (NAME.weight, NAME.bias), so it is not "
        "known to be a linear model. Its tensors: %s",
        s->path, list_tensors(s, list, sizeof list));
}

double tensor_at(const tensor *t, int64_t i)
{
    float narrow;
    double wide;
    if (t->type == CUSGD_TYPE_FLOAT64) {
        memcpy(&wide, t->values + i * 8, sizeof wide);
        return wide;
    }
    memcpy(&narrow, t->values + i * 4, sizeof narrow);
    return (double)narrow;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------- */

static uint64_t tensor_size(const tensor *t) { return (uint64_t)t->count * type_bytes(t->type); }

/* Adds `item`, which is freed where that fails. */
static int add_item(cJSON *object, const char *name, cJSON *item)
{
    if (item && cJSON_AddItemToObject(object, name, item)) return 1;
    cJSON_Delete(item);
    return 0;
}

static cJSON *describe_tensor(const tensor *t, uint64_t begin)
{
    cJSON *info = cJSON_CreateObject();
    double offsets[2] = {(double)begin, (double)(begin + tensor_size(t))};
    double shape[2] = {(double)t->shape[0], (double)t->shape[1]};
    int good = info && cJSON_AddStringToObject(info, "dtype", t->type == CUSGD_TYPE_FLOAT32 ? "F32" : "F64") &&
               add_item(info, "shape", cJSON_CreateDoubleArray(shape, t->dimensions)) &&
               add_item(info, "data_offsets", cJSON_CreateDoubleArray(offsets, 2));
    if (good) return info;
    cJSON_Delete(info);
    return NULL;
}

/* The header's text; NULL: out of memory. The caller frees it by cJSON_free. */
static char *describe(const cJSON *metadata, const tensor *tensors, size_t count)
{
    cJSON *header = cJSON_CreateObject();
    uint64_t begin = 0;
    int good = header && add_item(header, "__metadata__", cJSON_Duplicate(metadata, 1));
    for (size_t i = 0; i < count && good; i++) {
        good = add_item(header, tensors[i].name, describe_tensor(&tensors[i], begin));
        begin += tensor_size(&tensors[i]);
    }
    char *text = good ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

/* Where a file's bytes go: to a file, or to memory as far as there is room. */
typedef struct sink {
    replacement *file; /* NULL: to memory */
    unsigned char *buffer;
    size_t capacity, used;
} sink;

static cusgd_status put(sink *to, const void *bytes, size_t count)
{
    if (to->file) return replacement_write(to->file, bytes, count);
    if (to->used <= to->capacity && count > 0 && count <= to->capacity - to->used) memcpy(to->buffer + to->used, bytes, count);
    to->used += count;
    return CUSGD_OK;
}

/* The header's length, the header, and spaces up to a multiple of 8 bytes. */
static cusgd_status put_header(sink *to, const char *text)
{
    size_t length = strlen(text), padding = (8 - length % 8) % 8;
    unsigned char prefix[PREFIX_BYTES];
    if (length + padding > HEADER_BYTES_MOST)
        return fail(CUSGD_ERROR_DATA, "the names of the model's columns are too long for a safetensors file");
    for (int i = 0; i < PREFIX_BYTES; i++) prefix[i] = (unsigned char)((uint64_t)(length + padding) >> (8 * i));
    cusgd_status status = put(to, prefix, sizeof prefix);
    if (!status) status = put(to, text, length);
    if (!status) status = put(to, "        ", padding);
    return status;
}

static cusgd_status put_file(sink *to, const char *text, const tensor *tensors, size_t count)
{
    cusgd_status status = put_header(to, text);
    for (size_t i = 0; i < count && !status; i++) status = put(to, tensors[i].values, tensor_size(&tensors[i]));
    return status;
}

cusgd_status safetensors_put(replacement *file, const cJSON *metadata, const tensor *tensors, size_t count)
{
    char *text = describe(metadata, tensors, count);
    if (!text) return fail(CUSGD_ERROR_MEMORY, "out of memory for a file's header");
    sink to = {.file = file};
    cusgd_status status = put_file(&to, text, tensors, count);
    cJSON_free(text);
    return status;
}

cusgd_status safetensors_write(const char *path, const cJSON *metadata, const tensor *tensors, size_t count)
{
    replacement *file;
    cusgd_status status = replacement_open(path, &file);
    if (status) return status;
    status = safetensors_put(file, metadata, tensors, count);
    if (!status) return replacement_commit(file);
    replacement_abandon(file);
    return status;
}

cusgd_status safetensors_write_memory(void *buffer, size_t capacity, size_t *bytes, const cJSON *metadata, const tensor *tensors,
                                      size_t count)
{
    char *text = describe(metadata, tensors, count);
    if (!text) return fail(CUSGD_ERROR_MEMORY, "out of memory for a model's header");
    sink to = {.buffer = buffer, .capacity = capacity};
    cusgd_status status = put_file(&to, text, tensors, count);
    cJSON_free(text);
    *bytes = to.used;
    return status;
}
