#include "survey.h"

#include "data.h"
#include "failure.h"
#include "text_buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void survey_free(survey *s)
{
    for (int64_t j = 0; s->at && j < s->count; j++) texts_free(&s->at[j].all);
    free(s->at);
    s->at = NULL;
}

int survey_found(const survey *s) { return s->at || *s->other; }

/* There is a problem in this line of column j. */
static cusgd_status take_place(survey *s, int64_t count, int64_t line, int64_t j, int is_text)
{
    int first = !s->at;
    if (first) s->at = allocate_zeroed((size_t)count, sizeof *s->at);
    s->count = count;
    if (!s->at) return fail_memory((size_t)count * sizeof *s->at, "what is wrong with the columns");
    if (!first && (line > s->line || (line == s->line && j + 1 >= s->column))) return CUSGD_OK;
    s->line = line;
    s->column = j + 1;
    s->texts_first = is_text;
    return CUSGD_OK;
}

/* Lists a text if it is not there yet, and there is room. */
static void list_text(survey_column *c, const char *shown)
{
    for (int i = 0; i < TEXTS_SHOWN; i++) {
        if (*c->text[i] == '\0') strcpy(c->text[i], shown);
        if (strcmp(c->text[i], shown) == 0) break;
    }
}

cusgd_status survey_add_texts(survey *s, int64_t count, int64_t j, const text_set *t)
{
    char late[TEXTS_SHOWN][SHOWN_BYTES];
    cusgd_status status = take_place(s, count, t->line, j, 1);
    if (status) return status;
    survey_column *c = &s->at[j];
    memcpy(late, c->text, sizeof late);
    memset(c->text, 0, sizeof c->text);
    for (int64_t i = 0; i < t->count && i < TEXTS_SHOWN; i++) text_show(t->at[i], strlen(t->at[i]), c->text[i]);
    for (int i = 0; i < TEXTS_SHOWN && *late[i]; i++) list_text(c, late[i]);
    c->texts += t->total;
    c->all.total += t->total;
    for (int64_t i = 0; i < t->count && c->all.count < MAX_CATEGORIES && !status; i++)
        if (texts_find(&c->all, t->at[i], strlen(t->at[i])) < 0) status = texts_put(&c->all, t->at[i]);
    return status;
}

cusgd_status survey_add(survey *s, int64_t count, int64_t j, enum field_kind kind, field f)
{
    cusgd_status status = take_place(s, count, f.line, j, kind == FIELD_TEXT);
    if (status) return status;
    survey_column *c = &s->at[j];
    char shown[SHOWN_BYTES];
    field_trim(&f);
    text_show(f.text, f.length, shown);
    if (kind == FIELD_MISSING) {
        if (c->missing++ == 0) strcpy(c->mark, shown);
        return CUSGD_OK;
    }
    int64_t ignored;
    c->texts++;
    status = text_is_utf8(f.text, f.length) ? texts_add(&c->all, f, &ignored) : CUSGD_OK;
    list_text(c, shown);
    return status;
}

cusgd_status survey_add_missing(survey *s, const survey *from)
{
    cusgd_status status = from->at ? take_place(s, from->count, from->line, from->column - 1, 0) : CUSGD_OK;
    for (int64_t j = 0; from->at && j < from->count && !status; j++) {
        s->at[j].missing += from->at[j].missing;
        if (!*s->at[j].mark) strcpy(s->at[j].mark, from->at[j].mark);
    }
    return status;
}

cusgd_status survey_add_other(survey *s)
{
    if (*s->other) return CUSGD_OK;
    s->other_first = !s->at;
    snprintf(s->other, sizeof s->other, "%s", cusgd_last_error());
    return CUSGD_OK;
}

/* ---- The message --------------------------------------------------------------------------------------------------------- */

enum group { TEXT_COLUMNS, MARKED_NUMBERS, STRAY_TEXTS, MISSING_VALUES, GROUPS };

/* Returns whether most fields of a column are texts. */
static int is_of_text(const survey_column *c, int64_t rows) { return 2 * c->texts > rows - c->missing; }

static int is_in(const survey *s, int64_t j, enum group g, int64_t rows)
{
    const survey_column *c = &s->at[j];
    if (g == MISSING_VALUES) return c->missing > 0;
    if (c->marked || g == MARKED_NUMBERS) return c->marked && g == MARKED_NUMBERS;
    return c->texts > 0 && is_of_text(c, rows) == (g == TEXT_COLUMNS);
}

static int64_t count_in(const survey *s, const columns *c, enum group g, int64_t rows)
{
    int64_t count = 0;
    for (int64_t j = 0; j < c->count; j++) count += is_in(s, j, g, rows);
    return count;
}

/* "'Female', 'Male'" */
static void put_texts(text_buffer *s, const survey_column *c)
{
    for (int i = 0; i < TEXTS_SHOWN && *c->text[i]; i++) text_put(s, "%s'%s'", i ? ", " : "", c->text[i]);
}

/* Writes the problem of one column: "column 'sex' holds text ('Female', 'Male')". */
static void put_one(text_buffer *out, const columns *c, const survey_column *at, int64_t j, enum group g, int64_t rows)
{
    char where[COLUMN_BYTES];
    column_show(c, j, where);
    if (g == TEXT_COLUMNS) {
        text_put(out, "column %s%s holds text (", where, c->at[j].role == ROLE_TARGET ? ", a target," : "");
        put_texts(out, at);
        text_put(out, ")");
    } else if (g == MARKED_NUMBERS) {
        text_put(out, "column %s holds numbers with marks (", where);
        put_texts(out, at);
        text_put(out, ")");
    } else if (g == STRAY_TEXTS) {
        text_put(out, "'%s' in column %s is not a number", at->text[0], where);
        if (at->texts > 1) text_put(out, ", nor %s %" PRId64 " more there", at->texts == 2 ? "is" : "are", at->texts - 1);
    } else if (*at->mark) {
        text_put(out, "'%s' in column %s is not a finite number", at->mark, where);
    } else {
        text_put(out, "column %s has no value here", where);
    }
    if (g == MISSING_VALUES && at->missing > 1) text_put(out, " (%" PRId64 " of %" PRId64 " rows lack one)", at->missing, rows);
}

/* How long the lists of columns may become in total, so that there is room for the advice behind them. */
enum { LIST_BYTES = 1500 };

/* Several columns' problem: "4 columns hold text: 'sex' ('Female', 'Male'), ...". The list ends with ", and 74 more" once it has
 * `room` bytes. */
static void put_many(text_buffer *out, const survey *s, const columns *c, enum group g, int64_t rows, size_t room)
{
    static const char *const titles[] = {"hold text", "hold numbers with marks", "have values that are not numbers",
                                         "lack values"};
    const char *before = "";
    char where[COLUMN_BYTES], advice[MARKS_ADVICE_BYTES];
    int64_t left = count_in(s, c, g, rows);
    text_put(out, "%" PRId64 " columns %s: ", left, titles[g]);
    size_t start = out->length;
    for (int64_t j = 0; j < c->count && out->length - start < room; j++) {
        const survey_column *at = &s->at[j];
        if (!is_in(s, j, g, rows)) continue;
        left--;
        text_put(out, "%s%s (", before, column_show(c, j, where));
        if (g != MISSING_VALUES)
            put_texts(out, at);
        else
            text_put(out, "%" PRId64, at->missing);
        if (g == MARKED_NUMBERS) text_put(out, ": %s", marks_advice(&at->marks, 1, advice));
        if (g == MISSING_VALUES && !*before) text_put(out, " of %" PRId64 " row%s", rows, rows == 1 ? "" : "s");
        text_put(out, ")");
        before = ", ";
    }
    if (left > 0) text_put(out, ", and %" PRId64 " more", left);
}

/* Whether column j may be left out: a feature that was not asked for by name, or the last column that nobody chose for the target
 * and that has no values. */
static int may_leave_out(const survey *s, const columns *c, const cusgd_reader *reader, int64_t j, int64_t rows)
{
    if (reader->layout) return 0;
    if (c->at[j].role == ROLE_TARGET) return !reader->roles.target_count && s->at[j].missing == rows;
    return c->at[j].role == ROLE_FEATURE && !reader->roles.feature_count;
}

/* What to do about a group of `count` columns, the first one `at`. `ignore`: what --ignore takes, or NULL. */
static void put_advice(text_buffer *out, const survey_column *at, enum group g, int64_t count, const char *ignore)
{
    int64_t values = count > 1 ? 2 : g == MISSING_VALUES ? at->missing : at->texts;
    const char *which = count > 1 ? "them" : "it", *it = values > 1 ? "them" : "it";
    const char *advice = count > 1 ? "as numbers" : text_advice(at->text[0]);
    if (g == TEXT_COLUMNS && ignore)
        text_put(out, ": leave %s out (--ignore %s), name the columns to use (--features), or encode %s %s", which, ignore, which,
                 advice);
    else if (g == TEXT_COLUMNS)
        text_put(out, ": encode %s %s", which, advice);
    if (g == TEXT_COLUMNS) return;
    if (g == MARKED_NUMBERS) {
        char marked[MARKS_ADVICE_BYTES];
        if (count == 1) text_put(out, ": %s", marks_advice(&at->marks, 1, marked));
        if (ignore) text_put(out, "%s leave %s out (--ignore %s)", count == 1 ? "; or" : ":", which, ignore);
        return;
    }
    if (g == STRAY_TEXTS)
        text_put(out, ": correct %s (write %s %s)", it, it, advice);
    else
        text_put(out, ": fill %s in", it);
    text_put(out, ", or remove the row%s", values > 1 ? "s" : "");
    if (ignore) text_put(out, " or the column%s (--ignore %s)", count > 1 ? "s" : "", ignore);
}

/* Says that a list for --ignore was cut, and how to see all columns. */
static void put_rest(text_buffer *out, const char *source, int64_t more)
{
    char file[QUOTED_BYTES];
    text_put(out, "; %" PRId64 " more column%s had no room in the list for --ignore; to see all columns: cusgd info %s", more,
             more == 1 ? "" : "s", file_for_shell(source, file));
}

/* The options with which the file could be used as it is; nothing where there are none: text among numbers must be corrected, and
 * a target's text is no category. */
static void put_remedy(text_buffer *out, const survey *s, const columns *c, const cusgd_reader *reader, const int64_t *counts,
                       int64_t rows)
{
    column_list categories = {.length = 0}, names = {.length = 0}, dates = {.length = 0};
    int is_other =
        counts[STRAY_TEXTS] > 0 || counts[MARKED_NUMBERS] > 0 || *s->other || (counts[TEXT_COLUMNS] > 0 && reader->layout);
    for (int64_t j = 0; j < c->count && !is_other; j++) {
        if (!is_in(s, j, TEXT_COLUMNS, rows)) continue;
        const text_set *all = &s->at[j].all;
        int are_dates = texts_are_dates(all), are_names = !are_dates && texts_are_names(all);
        is_other = c->at[j].role != ROLE_FEATURE || (reader->roles.feature_count && are_names);
        column_list_add(are_dates ? &dates : are_names ? &names : &categories, c, j);
    }
    int listed = categories.length || names.length || dates.length;
    if (is_other || categories.more || names.more || dates.more || (!listed && counts[MISSING_VALUES] == 0)) return;
    text_put(out, "; to use %s:", names.length ? "the others" : "them as they are");
    if (categories.length) text_put(out, " --categorical %s", column_list_text(&categories));
    if (dates.length) text_put(out, " --date %s", column_list_text(&dates));
    if (names.length) text_put(out, " --ignore %s", column_list_text(&names));
    if (counts[MISSING_VALUES] > 0) text_put(out, " --missing drop%s", listed ? "" : ", or --missing mean");
    column_list booleans = s->booleans;
    if (booleans.length) text_put(out, " (%s: read as 0 and 1)", column_list_text(&booleans));
}

/* Writes the problems in the fields of the columns. */
static void put_columns(text_buffer *out, const survey *s, const columns *c, const cusgd_reader *reader, const char *source,
                        int64_t rows)
{
    column_list list = {.length = 0};
    int64_t counts[GROUPS];
    int groups = 0, put_groups = 0;
    for (int g = 0; g < GROUPS; g++) groups += (counts[g] = count_in(s, c, (enum group)g, rows)) > 0;
    for (int64_t j = 0; j < c->count; j++)
        if ((s->at[j].missing || s->at[j].texts) && may_leave_out(s, c, reader, j, rows)) column_list_add(&list, c, j);
    const char *ignore = list.length ? column_list_text(&list) : NULL;
    for (int g = 0; g < GROUPS; g++) {
        int64_t first = 0;
        if (counts[g] == 0) continue;
        while (!is_in(s, first, (enum group)g, rows)) first++;
        if (put_groups++) text_put(out, "; ");
        if (counts[g] == 1)
            put_one(out, c, &s->at[first], first, (enum group)g, rows);
        else
            put_many(out, s, c, (enum group)g, rows, (size_t)(LIST_BYTES / groups));
        put_advice(out, &s->at[first], (enum group)g, counts[g], groups == 1 ? ignore : NULL);
    }
    put_remedy(out, s, c, reader, counts, rows);
    if (groups > 1 && ignore) text_put(out, "; or leave all of these columns out: --ignore %s", ignore);
    if (list.more) put_rest(out, source, list.more);
}

cusgd_status survey_fail(survey *s, const columns *c, const cusgd_reader *reader, const char *source, int64_t rows, int whole)
{
    text_buffer out = {.length = 0};
    for (int64_t j = 0; s->at && j < s->count; j++) s->at[j].marked = texts_are_marked(&s->at[j].all, &s->at[j].marks);
    if (!s->at || s->other_first) text_put(&out, "%s%s", s->other, s->at ? "; also " : "");
    if (s->at) {
        text_put(&out, "%s:%" PRId64 ":%" PRId64 ": ", source, s->line, s->column);
        put_columns(&out, s, c, reader, source, rows);
        if (!c->named && s->line == 1 && s->texts_first && reader->header != CUSGD_HEADER_YES)
            text_put(&out, "; if the first line is a header, say --header yes");
        if (!whole) text_put(&out, " (counted in the first %" PRId64 " rows)", rows);
        if (*s->other && !s->other_first) text_put(&out, "; also %s", s->other);
    }
    return fail(CUSGD_ERROR_DATA, "%s", out.text);
}
