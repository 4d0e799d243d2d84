/* What the columns of a table are, and the options of `cusgd train` that would use it as it is. */
#include "table.h"

#include "failure.h"
#include "notes.h"
#include "text_buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cusgd_column_kind table_kind(const cusgd_table *t, int64_t j)
{
    const description *d = &t->at[j];
    int64_t there = d->numbers + d->texts;
    if (there == 0) return CUSGD_COLUMN_EMPTY;
    if (d->marked && d->texts + d->numbers > 1 && d->different + d->words.count > 1) return CUSGD_COLUMN_MARKED;
    if (d->numbers > 0 && d->texts > 0) return CUSGD_COLUMN_MIXED;
    if (t->rows > 1 && d->missing == 0 && d->different + d->words.count == 1) return CUSGD_COLUMN_CONSTANT;
    if (d->numbers > 0)
        return d->counts_rows && d->numbers == t->rows && t->rows > 2 ? CUSGD_COLUMN_ROW_NUMBER : CUSGD_COLUMN_NUMBER;
    if (d->booleans == d->texts) return CUSGD_COLUMN_BOOLEAN;
    if (d->dates.count == d->texts) return CUSGD_COLUMN_DATE;
    return texts_are_names(&d->words) ? CUSGD_COLUMN_TEXT : CUSGD_COLUMN_CATEGORY;
}

/* ---- Options ------------------------------------------------------------------------------------------------------------- */

/* " --ignore a,b", if there is anything to list. */
static void put_list(text_buffer *l, const char *option, column_list *list)
{
    l->cut |= list->more > 0;
    if (list->length) text_put(l, " --%s %s", option, column_list_text(list));
}

static void put_column(text_buffer *l, const char *option, const columns *c, int64_t j)
{
    column_list list = {.length = 0};
    column_list_add(&list, c, j);
    /* A single column is given as it is, without the quotes of a list. */
    if (list.length > 1 && list.text[1] == '"') snprintf(list.text + 1, sizeof list.text - 1, "%" PRId64, j + 1);
    if (list.length > 1 && list.text[1] >= '0' && list.text[1] <= '9') list.length = strlen(list.text + 1);
    put_list(l, option, &list);
}

enum { MAX_COMPARED = 4096 }; /* columns, of which each is compared with each */

/* Whether another column that is used, and stands before it, has the same name. */
static int is_repeated(const columns *c, int64_t j)
{
    if (!c->named || c->count > MAX_COMPARED) return 0;
    for (int64_t i = 0; i < j; i++)
        if (c->at[i].role >= ROLE_OFFSET && strcmp(c->at[i].name, c->at[j].name) == 0) return 1;
    return 0;
}

/* row_numbers: whether a column that only counts the rows is of use. */
static int is_usable(const cusgd_table *t, int64_t j, int row_numbers)
{
    cusgd_column_kind kind = table_kind(t, j);
    const description *d = &t->at[j];
    enum date_order order = (enum date_order)(d->dates.order & t->order);
    int dated =
        kind == CUSGD_COLUMN_DATE && (d->dates.open == 0 || order == DATE_ORDER_DAY_FIRST || order == DATE_ORDER_MONTH_FIRST);
    return (kind == CUSGD_COLUMN_NUMBER || kind == CUSGD_COLUMN_BOOLEAN || kind == CUSGD_COLUMN_CATEGORY || dated ||
            (row_numbers && kind == CUSGD_COLUMN_ROW_NUMBER)) &&
           !is_repeated(&t->columns, j);
}

/* Whether a feature says the same as the target, or as a feature before it, in every row. */
static int is_redundant(const cusgd_table *t, int64_t j, int64_t target, int row_numbers)
{
    if (t->columns.count > MAX_COMPARED) return 0;
    for (int64_t i = 0; i < j; i++)
        if (is_usable(t, i, row_numbers) && table_are_equal(t, i, j)) return 1;
    return table_are_equal(t, target, j);
}

static int is_target(const cusgd_table *t, int64_t j)
{
    cusgd_column_kind kind = table_kind(t, j);
    int of_text = kind == CUSGD_COLUMN_BOOLEAN || kind == CUSGD_COLUMN_CATEGORY;
    return kind == CUSGD_COLUMN_NUMBER || (of_text && t->at[j].words.count == 2);
}

/* Also a column of more than two classes, where somebody chose it, or it stands where targets do. */
static int may_be_target(const cusgd_table *t, int64_t j)
{
    return is_target(t, j) || (table_kind(t, j) == CUSGD_COLUMN_CATEGORY && t->at[j].words.count > 2);
}

/* The one target: the column that has this role, or, where nobody chose it, the last that can be one; -1: there is none. */
static int64_t find_target(const cusgd_table *t, const cusgd_reader *reader)
{
    int64_t last = -1;
    for (int64_t j = 0; j < t->columns.count; j++) {
        enum role role = t->columns.at[j].role;
        if (role == ROLE_TARGET && (reader->roles.target_count || may_be_target(t, j))) return may_be_target(t, j) ? j : -1;
        if ((role == ROLE_FEATURE || role == ROLE_NONE) && is_target(t, j) && is_usable(t, j, 0)) last = j;
    }
    return last;
}

/* What the reader says, in the command's words. */
static void put_given(text_buffer *l, const cusgd_table *t, const cusgd_reader *reader)
{
    const dialect *d = &reader->dialect;
    if (reader->header == CUSGD_HEADER_YES || reader->header == CUSGD_HEADER_NO)
        text_put(l, " --header %s", reader->header == CUSGD_HEADER_YES ? "yes" : "no");
    if (d->separator == '\t')
        text_put(l, " --separator tab");
    else if (d->separator)
        text_put(l, d->separator == '\'' ? " --separator \"%c\"" : " --separator '%c'", d->separator);
    if (d->decimal) text_put(l, " --decimal %s", d->decimal == ',' ? "comma" : "point");
    if (d->thousands)
        text_put(l, " --thousands %s",
                 d->thousands == ','   ? "comma"
                 : d->thousands == '.' ? "point"
                 : d->thousands == ' ' ? "blank"
                                       : "apostrophe");
    if (reader->encode.date_order)
        text_put(l, " --date-order %s", reader->encode.date_order == CUSGD_DATE_ORDER_DAY_FIRST ? "day-first" : "month-first");
    if (d->skip > 0) text_put(l, " --skip %" PRId64, d->skip);
    for (int64_t j = 0; j < t->columns.count; j++) {
        if (t->columns.at[j].role == ROLE_WEIGHT) put_column(l, reader->roles.trials ? "trials" : "weights", &t->columns, j);
        if (t->columns.at[j].role == ROLE_OFFSET) put_column(l, reader->roles.offset ? "offset" : "exposure", &t->columns, j);
    }
}

static int may_be_feature(const cusgd_table *t, const cusgd_reader *reader, int64_t j, int64_t target)
{
    enum role role = t->columns.at[j].role;
    return j != target && (role == ROLE_FEATURE || role == ROLE_TARGET || (role == ROLE_NONE && !reader->roles.feature_count));
}

/* A column that counts the rows is the one feature of, say, a series in time; next to other features it is an index. */
static int needs_row_numbers(const cusgd_table *t, const cusgd_reader *reader, int64_t target)
{
    for (int64_t j = 0; j < t->columns.count; j++)
        if (may_be_feature(t, reader, j, target) && is_usable(t, j, 0) && !is_redundant(t, j, target, 0)) return 0;
    return 1;
}

/* The features, the columns to leave out, and what is missing. Returns how many features there are. */
static int64_t put_columns(text_buffer *l, const cusgd_table *t, const cusgd_reader *reader, int64_t target)
{
    column_list categories = {.length = 0}, dates = {.length = 0}, ignored = {.length = 0}, chosen = {.length = 0};
    int64_t missing = t->at[target].missing, worst = 0, count = 0;
    int row_numbers = needs_row_numbers(t, reader, target);
    for (int64_t j = 0; j < t->columns.count; j++) {
        int is_feature = may_be_feature(t, reader, j, target);
        int is_wanted = is_feature && is_usable(t, j, row_numbers) && !is_redundant(t, j, target, row_numbers);
        if (t->columns.at[j].role == ROLE_IGNORED || (is_feature && !is_wanted)) column_list_add(&ignored, &t->columns, j);
        if (!is_wanted) continue;
        count++;
        column_list_add(&chosen, &t->columns, j);
        if (table_kind(t, j) == CUSGD_COLUMN_CATEGORY) column_list_add(&categories, &t->columns, j);
        if (table_kind(t, j) == CUSGD_COLUMN_DATE) column_list_add(&dates, &t->columns, j);
        missing += t->at[j].missing;
        worst = t->at[j].missing > worst ? t->at[j].missing : worst;
    }
    put_list(l, "categorical", &categories);
    put_list(l, "date", &dates);
    if (reader->roles.feature_count)
        put_list(l, "features", &chosen);
    else
        put_list(l, "ignore", &ignored);
    if (missing > 0) text_put(l, " --missing %s", 5 * worst > t->rows ? "mean" : "drop");
    return count;
}

cusgd_status table_find_options(cusgd_table *t, const cusgd_reader *reader)
{
    text_buffer l = {.length = 0};
    int64_t target = find_target(t, reader);
    if (target < 0 || reader->roles.target_count > 1 || t->ragged || t->rows < 2) return CUSGD_OK;
    int is_default = !reader->roles.target_count && t->columns.at[target].role == ROLE_TARGET;
    const description *d = &t->at[target];
    if (!is_default) put_column(&l, "target", &t->columns, target);
    put_given(&l, t, reader);
    int64_t features = put_columns(&l, t, reader, target);
    if (d->texts > 0 || d->different == 2 || reader->roles.trials) text_put(&l, " --loss logistic");
    if (features == 0 || l.cut) return CUSGD_OK;
    char shown[COLUMN_BYTES];
    int may_count = d->texts == 0 && !reader->roles.trials && d->counts && d->has_zero && d->different > MAX_DIFFERENT;
    cusgd_status status =
        may_count ? data_note(t->notes,
                              "the target, column %s, holds whole numbers from 0 on: for counts say --loss poisson, and "
                              "--exposure COL where rows stand for unequal times or sizes; for classes --loss logistic",
                              column_show(&t->columns, target, shown))
                  : CUSGD_OK;
    if (status) return status;
    t->options = strdup(l.length ? l.text + 1 : "");
    return t->options ? CUSGD_OK : fail_memory(l.length, "a table's options");
}
