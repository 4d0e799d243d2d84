#include "layout.h"

#include "data.h"
#include "failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void layout_free(cusgd_layout *l)
{
    if (!l) return;
    free(l->features);
    free(l->targets);
    free(l);
}

cusgd_status layout_create(int64_t width, int64_t d, int64_t k, cusgd_layout **out)
{
    cusgd_layout *l = *out = allocate_zeroed(1, sizeof *l);
    if (l) {
        *l = (cusgd_layout){.width = width, .d = d, .k = k};
        l->features = allocate_zeroed((size_t)d, sizeof *l->features);
        l->targets = allocate_zeroed((size_t)k, sizeof *l->targets);
    }
    if (l && l->features && l->targets) return CUSGD_OK;
    layout_free(l);
    *out = NULL;
    return fail_memory((size_t)(d + k) * sizeof *l->features, "the columns' numbers");
}

cusgd_status layout_copy(const cusgd_layout *from, cusgd_layout **out)
{
    *out = NULL;
    cusgd_status status = from ? layout_create(from->width, from->d, from->k, out) : CUSGD_OK;
    if (status || !from) return status;
    memcpy((*out)->features, from->features, (size_t)from->d * sizeof *from->features);
    memcpy((*out)->targets, from->targets, (size_t)from->k * sizeof *from->targets);
    (*out)->offset = from->offset;
    (*out)->kind = from->kind;
    (*out)->dialect = from->dialect;
    return CUSGD_OK;
}

dialect dialect_of(const cusgd_reader *reader)
{
    dialect d = reader->dialect;
    if (!reader->layout) return d;
    const dialect *known = &reader->layout->dialect;
    if (!d.separator) d.separator = known->separator;
    if (!d.decimal) d.decimal = known->decimal;
    if (!d.thousands) d.thousands = known->thousands;
    if (!d.skip) d.skip = known->skip;
    return d;
}

cusgd_status layout_of(const columns *c, const dialect *given, cusgd_layout **out)
{
    cusgd_status status = layout_create(c->count, c->d, c->k, out);
    for (int64_t j = 0; !status && j < c->count; j++) {
        if (c->at[j].role == ROLE_FEATURE) (*out)->features[c->at[j].at] = j + 1;
        if (c->at[j].role == ROLE_TARGET) (*out)->targets[c->at[j].at] = j + 1;
        if (c->at[j].role == ROLE_OFFSET) (*out)->offset = j + 1;
    }
    if (status) return status;
    (*out)->kind = c->offset;
    (*out)->dialect = *given;
    return CUSGD_OK;
}

cusgd_status layout_check(const cusgd_layout *l, int *valid)
{
    *valid = l->width >= 1 && l->width < INT64_C(1) << 40 && l->d + l->k <= l->width && l->offset >= 0;
    int64_t count = l->d + l->k + (l->offset > 0);
    int64_t *all = allocate((size_t)count, sizeof *all);
    if (!all) return fail_memory((size_t)count * sizeof *all, "the columns' numbers");
    for (int64_t i = 0; i < count; i++) {
        all[i] = i < l->d ? l->features[i] : i < l->d + l->k ? l->targets[i - l->d] : l->offset;
        *valid = *valid && all[i] >= 1 && all[i] <= l->width;
    }
    qsort(all, (size_t)count, sizeof *all, compare_numbers);
    for (int64_t i = 1; i < count; i++) *valid = *valid && all[i] != all[i - 1];
    free(all);
    return CUSGD_OK;
}

/* ---- Using one ----------------------------------------------------------------------------------------------------------- */

/* A column that is wanted: its number in the layout's file, and what it is for. */
typedef struct want {
    int64_t number, at;
    enum role role;
} want;

static int compare_wants(const void *a, const void *b)
{
    return compare_numbers(&((const want *)a)->number, &((const want *)b)->number);
}

/* Fills `all`, which has room for d + k + 1; returns how many. */
static int64_t list_wants(const cusgd_layout *l, const cusgd_reader *reader, want *all)
{
    int64_t count = 0;
    for (int64_t j = 0; j < l->d && !reader->roles.feature_count; j++) all[count++] = (want){l->features[j], j, ROLE_FEATURE};
    for (int64_t j = 0; j < l->k && !reader->roles.target_count && !reader->roles.x_only; j++)
        all[count++] = (want){l->targets[j], j, ROLE_TARGET};
    if (l->offset && !reader->roles.offset && !reader->roles.exposure) all[count++] = (want){l->offset, 0, ROLE_OFFSET};
    return count;
}

static int all_are_free(const columns *c, const want *all, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (c->at[all[i].number - 1].role != ROLE_NONE) return 0;
    return 1;
}

static int64_t count_free(const columns *c)
{
    int64_t count = 0;
    for (int64_t j = 0; j < c->count; j++) count += c->at[j].role == ROLE_NONE;
    return count;
}

/* " 2, 3, 4", as much as there is room for. */
static const char *list_numbers(const int64_t *numbers, int64_t count, char *list, size_t size)
{
    size_t length = 0;
    list[0] = '\0';
    for (int64_t i = 0; i < count; i++) {
        if (size - length < 32) {
            snprintf(list + length, size - length, ", ...");
            break;
        }
        length += (size_t)snprintf(list + length, size - length, "%s %" PRId64, i ? "," : "", numbers[i]);
    }
    return list;
}

static cusgd_status fail_layout(const columns *c, const cusgd_reader *reader)
{
    const cusgd_layout *l = reader->layout;
    char features[256], targets[128], offset[48] = "";
    if (l->offset) snprintf(offset, sizeof offset, "; offset: %" PRId64, l->offset);
    list_numbers(l->features, l->d, features, sizeof features);
    list_numbers(l->targets, l->k, targets, sizeof targets);
    return fail(CUSGD_ERROR_DATA,
                "the file has %" PRId64 " column%s, and the model was trained on a file of %" PRId64
                " (features:%s; target%s:%s%s): "
                "leave out what is neither feature nor target (--ignore, -1 is the last column), or say which columns are the "
                "features (--features%s) in the model's order%s",
                c->count, c->count == 1 ? "" : "s", l->width, features, l->k == 1 ? "" : "s", targets, offset,
                l->d == 1 ? " COL" : " COL,...", reader->roles.x_only ? "" : ", and the target (--target)");
}

cusgd_status layout_assign(columns *c, const cusgd_reader *reader)
{
    const cusgd_layout *l = reader->layout;
    want *all = allocate((size_t)(l->d + l->k + 1), sizeof *all);
    if (!all) return fail_memory((size_t)(l->d + l->k + 1) * sizeof *all, "the columns that are wanted");
    int64_t count = list_wants(l, reader, all), next = 0;
    int same = c->count == l->width && all_are_free(c, all, count);
    int said = reader->roles.ignore_count || reader->roles.weights || reader->roles.target_count || reader->roles.feature_count;
    int fits = !same && count_free(c) == count && (said || reader->roles.x_only) &&
               !(reader->roles.x_only && reader->roles.feature_count);
    qsort(all, (size_t)count, sizeof *all, compare_wants);
    for (int64_t i = 0; (same || fits) && i < count; i++) {
        while (fits && c->at[next].role != ROLE_NONE) next++;
        column *to = &c->at[same ? all[i].number - 1 : next];
        to->role = all[i].role;
        to->at = all[i].at;
        if (to->role == ROLE_OFFSET) c->offset = l->kind;
    }
    free(all);
    c->d = reader->roles.feature_count ? (int64_t)reader->roles.feature_count : l->d;
    c->k = reader->roles.x_only ? 0 : reader->roles.target_count ? (int64_t)reader->roles.target_count : l->k;
    return same || fits ? CUSGD_OK : fail_layout(c, reader);
}
