#include "columns.h"

#include "data.h"
#include "error.h"
#include "scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cusgd_status columns_create(columns *c, int64_t count)
{
    *c = (columns){.count = count};
    c->at = allocate_zeroed((size_t)count, sizeof *c->at);
    return c->at ? CUSGD_OK : fail_memory((size_t)count * sizeof *c->at, "the columns");
}

void columns_free(columns *c)
{
    for (int64_t j = 0; c->at && j < c->count; j++) free(c->at[j].name);
    free(c->at);
    free(c->sorted);
    *c = (columns){0};
}

const char *column_show(const columns *c, int64_t j, char shown[COLUMN_BYTES])
{
    char name[SHOWN_BYTES];
    if (c->named)
        snprintf(shown, COLUMN_BYTES, "'%s'", text_show(c->at[j].name, strlen(c->at[j].name), name));
    else
        snprintf(shown, COLUMN_BYTES, "%" PRId64, j + 1);
    return shown;
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

/* "'age', 'sex', ...", as many as there is room for. */
static const char *list_names(const columns *c, char *list, size_t size)
{
    size_t length = 0;
    char shown[COLUMN_BYTES];
    for (int64_t j = 0; j < c->count; j++) {
        column_show(c, j, shown);
        if (length + strlen(shown) + sizeof ", ..." > size) {
            snprintf(list + length, size - length, ", ...");
            return list;
        }
        length += (size_t)snprintf(list + length, size - length, "%s%s", j ? ", " : "", shown);
    }
    return list;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const column *at = context;
    return strcmp(at[*(const int64_t *)a].name, at[*(const int64_t *)b].name);
}

static cusgd_status sort_names(columns *c)
{
    c->sorted = allocate((size_t)c->count, sizeof *c->sorted);
    if (!c->sorted) return fail_memory((size_t)c->count * sizeof *c->sorted, "the columns' names");
    for (int64_t j = 0; j < c->count; j++) c->sorted[j] = j;
    qsort_r(c->sorted, (size_t)c->count, sizeof *c->sorted, compare_names, c->at);
    for (int64_t j = 1; j < c->count; j++) {
        if (strcmp(c->at[c->sorted[j - 1]].name, c->at[c->sorted[j]].name) != 0) continue;
        char shown[COLUMN_BYTES], list[512];
        return fail(CUSGD_ERROR_DATA, "two columns are named %s (the header has %s): give each its own name",
                    column_show(c, c->sorted[j], shown), list_names(c, list, sizeof list));
    }
    return CUSGD_OK;
}

/* The column that bears the name, -1 if none does. */
static int64_t find_name(const columns *c, const char *name)
{
    int64_t low = 0, high = c->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(name, c->at[c->sorted[middle]].name);
        if (order == 0) return c->sorted[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

/* The column of a number: from 1, or from -1 backwards; -1 if there is none. */
static int64_t find_number(const columns *c, const char *word)
{
    int negative = *word == '-';
    const char *digits = word + negative;
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 18 || digits[length] != '\0') return -1;
    int64_t number = strtoll(digits, NULL, 10);
    if (number < 1 || number > c->count) return -1;
    return negative ? c->count - number : number - 1;
}

static cusgd_status find(const columns *c, const char *word, int64_t *j)
{
    *j = c->named ? find_name(c, word) : -1;
    if (*j < 0) *j = find_number(c, word);
    if (*j >= 0) return CUSGD_OK;
    char shown[SHOWN_BYTES], list[512];
    text_show(word, strlen(word), shown);
    if (!c->named)
        return fail(CUSGD_ERROR_DATA, "there is no column %s: there are columns 1 to %" PRId64 ", and no header that names them",
                    shown, c->count);
    return fail(CUSGD_ERROR_DATA, "there is no column '%s'; there are %" PRId64 ": %s", shown, c->count,
                list_names(c, list, sizeof list));
}

/* ---- Roles --------------------------------------------------------------------------------------------------------------- */

static const char *role_word(enum role r)
{
    static const char *const words[] = {"nothing", "a column to ignore", "the weights", "the offset", "a target", "a feature"};
    return words[r];
}

static cusgd_status assign(columns *c, int64_t j, enum role role, int64_t at)
{
    enum role before = c->at[j].role;
    char shown[COLUMN_BYTES];
    if (before == role && role == ROLE_IGNORED) return CUSGD_OK;
    if (before == role)
        return fail(CUSGD_ERROR_DATA, "column %s is asked for twice as %s", column_show(c, j, shown), role_word(role));
    if (before != ROLE_NONE)
        return fail(CUSGD_ERROR_DATA, "column %s is asked for both as %s and as %s", column_show(c, j, shown), role_word(before),
                    role_word(role));
    c->at[j].role = role;
    c->at[j].at = at;
    return CUSGD_OK;
}

static cusgd_status assign_words(columns *c, const char *const *words, size_t count, enum role role)
{
    for (size_t i = 0; i < count; i++) {
        int64_t j;
        cusgd_status status = find(c, words[i], &j);
        if (!status) status = assign(c, j, role, (int64_t)i);
        if (status) return status;
    }
    return CUSGD_OK;
}

/* Of offsets or exposures: a model that is to predict asks for it as well as its user does. */
static cusgd_status assign_offset(columns *c, const cusgd_reader *reader)
{
    if (reader->offset && reader->exposure)
        return fail(CUSGD_ERROR_USAGE, "offset and exposure are two words for what is added to x theta + b: give one of them");
    if (!reader->offset && !reader->exposure) return CUSGD_OK;
    c->offset = reader->offset ? CUSGD_OFFSET_LINEAR : CUSGD_OFFSET_EXPOSURE;
    cusgd_status status = assign_words(c, reader->offset ? &reader->offset : &reader->exposure, 1, ROLE_OFFSET);
    return status ? fail_in(status, reader->offset ? "the offset" : "the exposure") : CUSGD_OK;
}

/* Those asked for, else the last column that has no other role. */
static cusgd_status assign_targets(columns *c, const cusgd_reader *reader)
{
    if (reader->x_only) return CUSGD_OK;
    c->k = reader->target_count ? (int64_t)reader->target_count : 1;
    if (reader->target_count) return assign_words(c, reader->targets, reader->target_count, ROLE_TARGET);
    int64_t last = c->count - 1;
    while (last >= 0 && c->at[last].role != ROLE_NONE) last--;
    if (last < 0) return fail(CUSGD_ERROR_DATA, "no column is left for the target");
    return assign(c, last, ROLE_TARGET, 0);
}

static cusgd_status assign_features(columns *c, const cusgd_reader *reader)
{
    c->d = (int64_t)reader->feature_count;
    if (c->d) return assign_words(c, reader->features, reader->feature_count, ROLE_FEATURE);
    for (int64_t j = 0; j < c->count; j++) {
        if (c->at[j].role == ROLE_NONE) c->at[j] = (column){c->at[j].name, ROLE_FEATURE, c->d++};
    }
    return c->d ? CUSGD_OK : fail(CUSGD_ERROR_DATA, "no column is left for the features");
}

cusgd_status columns_choose(columns *c, const cusgd_reader *reader)
{
    cusgd_status status = c->named ? sort_names(c) : CUSGD_OK;
    if (!status) status = assign_words(c, reader->ignore, reader->ignore_count, ROLE_IGNORED);
    if (!status && reader->weights) status = assign_words(c, &reader->weights, 1, ROLE_WEIGHT);
    c->weighted = reader->weights != NULL;
    if (!status) status = assign_offset(c, reader);
    if (!status) status = assign_targets(c, reader);
    if (!status) status = assign_features(c, reader);
    return status;
}
