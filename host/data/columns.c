#include "columns.h"

#include "data.h"
#include "encoding.h"
#include "failure.h"
#include "layout.h"
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
    if (c->named && *c->at[j].name)
        snprintf(shown, COLUMN_BYTES, "'%s'", text_show(c->at[j].name, strlen(c->at[j].name), name));
    else
        snprintf(shown, COLUMN_BYTES, "%" PRId64, j + 1);
    return shown;
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

/* Writes "'age', 'sex', ...", as far as there is room. */
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
    free(c->sorted);
    c->sorted = allocate((size_t)c->count, sizeof *c->sorted);
    if (!c->sorted) return fail_memory((size_t)c->count * sizeof *c->sorted, "the columns' names");
    for (int64_t j = 0; j < c->count; j++) c->sorted[j] = j;
    qsort_r(c->sorted, (size_t)c->count, sizeof *c->sorted, compare_names, c->at);
    return CUSGD_OK;
}

/* Returns the first place in c->sorted of the columns of that name. *count: their number. */
static int64_t find_name(const columns *c, const char *name, int64_t *count)
{
    int64_t low = 0, high = c->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(name, c->at[c->sorted[middle]].name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (*count = 0; low + *count < c->count; ++*count)
        if (strcmp(name, c->at[c->sorted[low + *count]].name) != 0) break;
    return low;
}

/* Returns the column of a number: from 1, or from -1 backwards; -1 if there is none. */
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

/* Of several columns of one name: the one whose number the layout has for this role, else none. */
static cusgd_status choose_of_name(const columns *c, const cusgd_layout *l, enum role role, size_t index, int64_t first,
                                   int64_t count, int64_t *j)
{
    int64_t number = 0;
    if (l && l->width == c->count && role == ROLE_FEATURE && (int64_t)index < l->d) number = l->features[index];
    if (l && l->width == c->count && role == ROLE_TARGET && (int64_t)index < l->k) number = l->targets[index];
    if (l && l->width == c->count && role == ROLE_OFFSET) number = l->offset;
    for (int64_t i = first; i < first + count; i++) {
        *j = c->sorted[i];
        if (count == 1 || *j + 1 == number) return CUSGD_OK;
    }
    char shown[COLUMN_BYTES];
    int64_t a = c->sorted[first], b = c->sorted[first + 1];
    return fail(CUSGD_ERROR_DATA,
                "%" PRId64 " columns are named %s (%" PRId64 " and %" PRId64
                "%s): say which by its number, or give each its own name",
                count, column_show(c, *j, shown), a < b ? a + 1 : b + 1, a < b ? b + 1 : a + 1, count > 2 ? ", ..." : "");
}

static cusgd_status find(const columns *c, const cusgd_reader *reader, enum role role, const char *word, size_t index, int64_t *j)
{
    int64_t count = 0, first = c->named ? find_name(c, word, &count) : 0;
    if (count > 0) return choose_of_name(c, reader->layout, role, index, first, count, j);
    *j = find_number(c, word);
    if (*j >= 0) return CUSGD_OK;
    char shown[SHOWN_BYTES], list[512];
    text_show(word, strlen(word), shown);
    if (*word == '\0') snprintf(shown, sizeof shown, "''"); /* else nothing would be seen of it */
    if (!c->named)
        return fail(CUSGD_ERROR_DATA, "there is no column %s: there are columns 1 to %" PRId64 ", and no header that names them",
                    shown, c->count);
    int is_number = word[strspn(word, "0123456789")] == '\0', is_given = reader->layout || reader->encoding;
    return fail(CUSGD_ERROR_DATA, "there is no column %s%s%s%s; there are %" PRId64 ": %s", is_number ? "" : "'", shown,
                is_number ? "" : "'", is_given ? ", which the model or an option names" : "", c->count,
                list_names(c, list, sizeof list));
}

/* ---- Lists --------------------------------------------------------------------------------------------------------------- */

int compare_numbers(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Returns whether the name can be typed and belongs only to this column. */
static int name_is_usable(const columns *c, int64_t j)
{
    const char *name = c->named ? c->at[j].name : "";
    int64_t count = 0;
    if (*name == '\0' || strncmp(name, "--", 2) == 0 || !c->sorted) return 0;
    find_name(c, name, &count);
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < 32 || *at == 127 || *at == '\'') return 0;
    return count == 1;
}

void column_list_add(column_list *list, const columns *c, int64_t j)
{
    char number[32];
    const char *name = number;
    int64_t count = 0;
    snprintf(number, sizeof number, "%" PRId64, j + 1);
    if (c->named && c->sorted) find_name(c, number, &count);
    if (count > 0) snprintf(number, sizeof number, "%" PRId64, j - c->count); /* that is another column's name: from the end */
    if (name_is_usable(c, j)) name = c->at[j].name;
    int quoted = *name == '"' || strchr(name, ',') != NULL;
    size_t maximum =
        2 * strlen(name) + 8; /* a comma, quotes, those in the name doubled, the end of the list, the shell's quotes */
    if (list->more || list->length + maximum > sizeof list->text - 8) {
        list->more++;
        return;
    }
    char *to = list->text + 1 + list->length; /* the first byte is kept for the shell's quote */
    if (list->length) *to++ = ',';
    if (quoted) *to++ = '"';
    for (; *name; name++) {
        if (quoted && *name == '"') *to++ = '"';
        *to++ = *name;
    }
    if (quoted) *to++ = '"';
    *to = '\0';
    list->length = (size_t)(to - list->text) - 1;
}

const char *column_list_text(column_list *list)
{
    char *text = list->text + 1, *end = text + list->length;
    int plain = text[strcspn(text, " \t\"\\$`!&|;<>()*?[]{}#~%^=")] == '\0';
    if (list->more) end += snprintf(end, 6, ",...");
    if (plain) return text;
    list->text[0] = '\'';
    end[0] = '\'';
    end[1] = '\0';
    return list->text;
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

static cusgd_status assign_words(columns *c, const cusgd_reader *reader, const char *const *words, size_t count, enum role role)
{
    for (size_t i = 0; i < count; i++) {
        int64_t j;
        cusgd_status status = find(c, reader, role, words[i], i, &j);
        if (!status) status = assign(c, j, role, (int64_t)i);
        if (status) return status;
    }
    return CUSGD_OK;
}

/* Of offsets or exposures: a model that is to predict asks for it as well as its user does. */
static cusgd_status assign_offset(columns *c, const cusgd_reader *reader)
{
    if (reader->roles.offset && reader->roles.exposure)
        return fail(CUSGD_ERROR_USAGE, "offset and exposure are two words for what is added to x theta + b: give one of them");
    if (!reader->roles.offset && !reader->roles.exposure) return CUSGD_OK;
    c->offset = reader->roles.offset ? CUSGD_OFFSET_LINEAR : CUSGD_OFFSET_EXPOSURE;
    cusgd_status status =
        assign_words(c, reader, reader->roles.offset ? &reader->roles.offset : &reader->roles.exposure, 1, ROLE_OFFSET);
    return status ? fail_in(status, reader->roles.offset ? "the offset" : "the exposure") : CUSGD_OK;
}

/* Assigns the requested targets, or else the last column without another role. */
static cusgd_status assign_targets(columns *c, const cusgd_reader *reader)
{
    if (reader->roles.x_only) return CUSGD_OK;
    c->k = reader->roles.target_count ? (int64_t)reader->roles.target_count : 1;
    if (reader->roles.target_count)
        return assign_words(c, reader, reader->roles.targets, reader->roles.target_count, ROLE_TARGET);
    int64_t last = c->count - 1;
    while (last >= 0 && c->at[last].role != ROLE_NONE) last--;
    if (last < 0) return fail(CUSGD_ERROR_DATA, "no column is left for the target");
    return assign(c, last, ROLE_TARGET, 0);
}

static cusgd_status assign_features(columns *c, const cusgd_reader *reader)
{
    c->d = (int64_t)reader->roles.feature_count;
    if (c->d) return assign_words(c, reader, reader->roles.features, reader->roles.feature_count, ROLE_FEATURE);
    for (int64_t j = 0; j < c->count; j++) {
        if (c->at[j].role == ROLE_NONE) c->at[j] = (column){c->at[j].name, ROLE_FEATURE, c->d++, 0};
    }
    if (c->d) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "no column is left for the features%s",
                c->count == 1 ? ": the first line has one field; if another character separates columns, say which (--separator)"
                              : "");
}

/* Assigns the roles that the reader gives, and the others by the layout. */
static cusgd_status assign_by_layout(columns *c, const cusgd_reader *reader)
{
    cusgd_status status = CUSGD_OK;
    if (reader->roles.target_count && !reader->roles.x_only) status = assign_targets(c, reader);
    if (!status && reader->roles.feature_count) status = assign_features(c, reader);
    return status ? status : layout_assign(c, reader);
}

/* Those that are used, and have the same name as another that is, which was found at `at` in the order of the names. */
static cusgd_status fail_names(const columns *c, const char *name, int64_t at)
{
    column_list list = {.length = 0};
    int64_t first = 0, count = 0, second = 0;
    for (int64_t j = 0; j < c->count; j++) {
        if (c->at[j].role < ROLE_OFFSET || strcmp(c->at[j].name, name) != 0) continue;
        if (count++ == 0) first = j;
        if (count == 2) second = j;
        if (count > 1 || *name == '\0') column_list_add(&list, c, j);
    }
    char shown[COLUMN_BYTES], names[512];
    if (*name == '\0')
        return fail(CUSGD_ERROR_DATA,
                    "%" PRId64
                    " columns have no name (the header has %s): give each one, or leave them out by their numbers (--ignore "
                    "%s)",
                    count, list_names(c, names, sizeof names), column_list_text(&list));
    return fail(CUSGD_ERROR_DATA,
                "%s columns are named %s (the header has %s), %" PRId64 " and %" PRId64
                "%s: give each its own name, or leave all but "
                "one out by their numbers (--ignore %s)",
                count == 2 ? "two" : "several", column_show(c, c->sorted[at], shown), list_names(c, names, sizeof names),
                first + 1, second + 1, count > 2 ? ", ..." : "", column_list_text(&list));
}

/* Fails if features and targets have equal names, which could not be distinguished later. */
static cusgd_status check_names(const columns *c, const cusgd_reader *reader)
{
    int64_t last = -1; /* the last column that is used, in the order of the names */
    for (int64_t i = 0; c->named && !reader->layout && i < c->count; i++) {
        int64_t j = c->sorted[i];
        if (c->at[j].role < ROLE_OFFSET) continue;
        if (last >= 0 && strcmp(c->at[last].name, c->at[j].name) == 0) return fail_names(c, c->at[j].name, i);
        last = j;
    }
    return CUSGD_OK;
}

/* Those of a list of the reader's. */
static cusgd_status mark_list(columns *c, const cusgd_reader *reader, const char *const *words, size_t count, enum coding coding)
{
    static const char *const titles[] = {"", "categories (--categorical)", "dates (--date)"};
    char shown[COLUMN_BYTES];
    for (size_t i = 0; i < count; i++) {
        int64_t j;
        cusgd_status status = find(c, reader, ROLE_NONE, words[i], i, &j);
        if (status) return status;
        if (c->at[j].role != ROLE_FEATURE)
            return fail(CUSGD_ERROR_DATA, "column %s is asked for as %s, but is used as %s", column_show(c, j, shown),
                        titles[coding], role_word(c->at[j].role));
        if (c->at[j].coding != CODING_NONE && c->at[j].coding != coding)
            return fail(CUSGD_ERROR_DATA, "column %s is asked for both as %s and as %s", column_show(c, j, shown),
                        titles[c->at[j].coding], titles[coding]);
        c->at[j].coding = coding;
    }
    return CUSGD_OK;
}

/* Those that the reader calls categorical or dates, or that are so in its encoding. */
static cusgd_status mark_codings(columns *c, const cusgd_reader *reader)
{
    const cusgd_encoding *e = reader->encoding;
    const cusgd_encode *given = &reader->encode;
    if (e && e->count != c->d)
        return fail(CUSGD_ERROR_DATA, "%" PRId64 " columns are chosen for features, and the model was trained on %" PRId64, c->d,
                    e->count);
    for (int64_t j = 0; e && j < c->count; j++) {
        enum feature_kind kind = c->at[j].role == ROLE_FEATURE ? e->at[c->at[j].at].kind : FEATURE_NUMBER;
        c->at[j].coding = kind == FEATURE_CATEGORY ? CODING_CATEGORIES : kind == FEATURE_DATE ? CODING_DATES : CODING_NONE;
    }
    if (e) return CUSGD_OK;
    cusgd_status status = mark_list(c, reader, given->categorical, given->categorical_count, CODING_CATEGORIES);
    return status ? status : mark_list(c, reader, given->dates, given->date_count, CODING_DATES);
}

static cusgd_status choose_roles(columns *c, const cusgd_reader *reader)
{
    int by_layout = reader->layout && (!reader->roles.feature_count || (!reader->roles.target_count && !reader->roles.x_only));
    cusgd_status status = c->named ? sort_names(c) : CUSGD_OK;
    if (!status) status = assign_words(c, reader, reader->roles.ignore, reader->roles.ignore_count, ROLE_IGNORED);
    if (!status && reader->roles.weights) status = assign_words(c, reader, &reader->roles.weights, 1, ROLE_WEIGHT);
    c->weighted = reader->roles.weights != NULL;
    if (!status) status = assign_offset(c, reader);
    if (!status && by_layout) return assign_by_layout(c, reader);
    if (!status) status = assign_targets(c, reader);
    if (!status) status = assign_features(c, reader);
    return status ? status : check_names(c, reader);
}

cusgd_status columns_choose(columns *c, const cusgd_reader *reader)
{
    cusgd_status status = choose_roles(c, reader);
    return status ? status : mark_codings(c, reader);
}
