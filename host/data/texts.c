#include "texts.h"

#include "dates.h"
#include "failure.h"
#include "header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void texts_free(text_set *t)
{
    for (int64_t i = 0; t->at && i < t->count; i++) free(t->at[i]);
    free(t->at);
    free(t->slots);
    *t = (text_set){0};
}

/* FNV-1a. */
static size_t hash(const char *text, size_t length)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++) h = (h ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32);
}

/* Returns the slot of the text, or the free slot for it. slot_count must be > 0. */
static size_t find_slot(const text_set *t, const char *text, size_t length)
{
    size_t slot = hash(text, length) & (t->slot_count - 1);
    for (; t->slots[slot] >= 0; slot = (slot + 1) & (t->slot_count - 1)) {
        const char *there = t->at[t->slots[slot]];
        if (strncmp(there, text, length) == 0 && there[length] == '\0') break;
    }
    return slot;
}

int64_t texts_find(const text_set *t, const char *text, size_t length)
{
    if (t->slot_count == 0 || memchr(text, '\0', length)) return -1;
    return t->slots[find_slot(t, text, length)];
}

void texts_renumber(text_set *t)
{
    for (size_t i = 0; i < t->slot_count; i++) t->slots[i] = -1;
    for (int64_t i = 0; i < t->count; i++) t->slots[find_slot(t, t->at[i], strlen(t->at[i]))] = i;
}

static cusgd_status grow(text_set *t)
{
    size_t count = t->slot_count ? 2 * t->slot_count : 16;
    char **at = realloc(t->at, count / 2 * sizeof *at);
    int64_t *slots = allocate(count, sizeof *slots);
    if (at) t->at = at;
    if (!at || !slots) {
        free(slots);
        return fail_memory(count * sizeof *slots, "a column's categories");
    }
    free(t->slots);
    t->slots = slots;
    t->slot_count = count;
    texts_renumber(t);
    return CUSGD_OK;
}

/* Inserts a text, and takes ownership of it, also on failure. */
static cusgd_status insert(text_set *t, char *text)
{
    cusgd_status status = 2 * ((size_t)t->count + 1) > t->slot_count ? grow(t) : CUSGD_OK;
    if (status) {
        free(text);
        return status;
    }
    t->slots[find_slot(t, text, strlen(text))] = t->count;
    t->at[t->count++] = text;
    return CUSGD_OK;
}

cusgd_status texts_put(text_set *t, const char *text)
{
    char *copy = strdup(text);
    return copy ? insert(t, copy) : fail_memory(strlen(text) + 1, "a category");
}

cusgd_status texts_insert(text_set *t, const field *f)
{
    cusgd_status status = CUSGD_OK;
    char *copy = field_copy(f, &status);
    return status ? status : insert(t, copy);
}

static int is_full(const text_set *t) { return t->count >= (t->most > 0 ? t->most : MAX_CATEGORIES); }

cusgd_status texts_add(text_set *t, field f, int64_t *number)
{
    field_trim(&f);
    if (t->total++ == 0) t->line = f.line;
    *number = texts_find(t, f.text, f.length);
    if (*number >= 0 || is_full(t)) return CUSGD_OK;
    *number = t->count;
    return texts_insert(t, &f);
}

int texts_are_names(const text_set *t)
{
    enum { FEW = 20 };
    return is_full(t) || (t->total > FEW && 2 * t->count > t->total);
}

int texts_are_dates(const text_set *t)
{
    enum date_order order = DATE_ORDER_OPEN;
    int open = 0;
    for (int64_t i = 0; i < t->count; i++) {
        double value;
        enum date_reading reading = date_parse(t->at[i], strlen(t->at[i]), DATE_ORDER_OPEN, &value);
        if (reading == DATE_NONE) return 0;
        if (reading == DATE_OPEN) order &= date_orders(value);
        open |= reading == DATE_OPEN;
    }
    return t->count > 0 && (!open || order == DATE_ORDER_DAY_FIRST || order == DATE_ORDER_MONTH_FIRST);
}

int text_is_boolean(const char *text, size_t length, int *pair, int *value)
{
    static const char *const pairs[][2] = {{"false", "true"}, {"no", "yes"}, {"f", "t"}, {"n", "y"}, {"off", "on"}};
    for (int i = 0; i < 2 * (int)(sizeof pairs / sizeof *pairs); i++) {
        const char *word = pairs[i / 2][i % 2];
        if (strlen(word) != length || strncasecmp(word, text, length) != 0) continue;
        *pair = i / 2;
        *value = i % 2;
        return 1;
    }
    return 0;
}
