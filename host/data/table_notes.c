/* What is to be known of a table's columns before it is used: how their values are meant, and which of them say the same. */
#include "table.h"

#include "data.h"
#include "failure.h"
#include "notes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MOST = 5 }; /* of one kind: tables may have thousands of such columns */

static int is_used(const cusgd_table *t, int64_t j) { return t->columns.at[j].role != ROLE_IGNORED; }

static cusgd_status note_marked(const cusgd_table *t, int64_t j)
{
    const description *d = &t->at[j];
    char where[COLUMN_BYTES], advice[MARKS_ADVICE_BYTES];
    return data_note(t->notes, "column %s holds numbers with marks ('%s'): %s", column_show(&t->columns, j, where),
                     d->first_text.shown, marks_advice(&d->marks, t->columns.at[j].role == ROLE_FEATURE, advice));
}

static cusgd_status note_mixed(const cusgd_table *t, int64_t j)
{
    const description *d = &t->at[j];
    char where[COLUMN_BYTES];
    return data_note(t->notes,
                     "%s:%" PRId64 ":%" PRId64 ": column %s holds %" PRId64 " number%s and %" PRId64
                     " text%s, the first of which is '%s': correct the rarer kind, or leave the column out",
                     t->notes->source, d->first_text.line, j + 1, column_show(&t->columns, j, where), d->numbers,
                     d->numbers == 1 ? "" : "s", d->texts, d->texts == 1 ? "" : "s", d->first_text.shown);
}

static cusgd_status note_date(const cusgd_table *t, int64_t j)
{
    char where[COLUMN_BYTES];
    return data_note(t->notes,
                     "the dates in column %s ('%s') may have the day or the month first, and no day above 12 shows which: say so "
                     "(--date-order day-first or --date-order month-first)",
                     column_show(&t->columns, j, where), t->at[j].first_text.shown);
}

/* Notes of the columns of one kind, the first ones. */
static cusgd_status note_each(const cusgd_table *t, int (*is_so)(const cusgd_table *t, int64_t j),
                              cusgd_status (*note)(const cusgd_table *t, int64_t j))
{
    int64_t count = 0;
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < t->columns.count && !status; j++)
        if (is_used(t, j) && is_so(t, j) && count++ < NOTES_MOST) status = note(t, j);
    if (status || count <= NOTES_MOST) return status;
    return data_note(t->notes, "... and %" PRId64 " more column%s of this kind", count - NOTES_MOST,
                     count - NOTES_MOST == 1 ? "" : "s");
}

static int is_marked(const cusgd_table *t, int64_t j) { return table_kind(t, j) == CUSGD_COLUMN_MARKED; }
static int is_mixed(const cusgd_table *t, int64_t j) { return table_kind(t, j) == CUSGD_COLUMN_MIXED; }
static int is_open_date(const cusgd_table *t, int64_t j)
{
    const description *d = &t->at[j];
    return table_kind(t, j) == CUSGD_COLUMN_DATE && d->dates.open > 0 && (d->dates.order & t->order) == DATE_ORDER_OPEN;
}

/* ---- Equal columns ------------------------------------------------------------------------------------------------------- */

typedef struct digest {
    uint64_t value;
    int64_t column;
} digest;

static int compare_digests(const void *a, const void *b)
{
    const digest *x = a, *y = b;
    if (x->value != y->value) return x->value > y->value ? 1 : -1;
    return (x->column > y->column) - (x->column < y->column);
}

static int may_equal(const cusgd_table *t, int64_t j)
{
    cusgd_column_kind kind = table_kind(t, j);
    return is_used(t, j) && kind != CUSGD_COLUMN_EMPTY && kind != CUSGD_COLUMN_CONSTANT && t->rows > 2;
}

int table_are_equal(const cusgd_table *t, int64_t i, int64_t j)
{
    return t->at[i].digest == t->at[j].digest && may_equal(t, i) && may_equal(t, j);
}

/* Columns with the same value in every row, each with the first one of them. */
static cusgd_status note_equal(const cusgd_table *t)
{
    digest *all = allocate((size_t)t->columns.count, sizeof *all);
    int64_t count = 0, equal = 0, first = 0;
    cusgd_status status = CUSGD_OK;
    if (!all) return fail_memory((size_t)t->columns.count * sizeof *all, "the columns' digests");
    for (int64_t j = 0; j < t->columns.count; j++)
        if (may_equal(t, j)) all[count++] = (digest){t->at[j].digest, j};
    qsort(all, (size_t)count, sizeof *all, compare_digests);
    for (int64_t i = 1; i < count && !status; i++) {
        char one[COLUMN_BYTES], other[COLUMN_BYTES];
        column_list list = {.length = 0};
        if (all[i].value != all[i - 1].value) first = i;
        if (all[i].value != all[first].value || i == first || equal++ >= NOTES_MOST) continue;
        column_list_add(&list, &t->columns, all[i].column);
        status = data_note(t->notes,
                           "columns %s and %s are equal in every row: one of them is enough, and with both no single coefficient "
                           "is determined (--ignore %s)",
                           column_show(&t->columns, all[first].column, one), column_show(&t->columns, all[i].column, other),
                           column_list_text(&list));
    }
    if (!status && equal > NOTES_MOST)
        status = data_note(t->notes, "... and %" PRId64 " more pairs of equal columns", equal - NOTES_MOST);
    free(all);
    return status;
}

cusgd_status table_note_columns(const cusgd_table *t)
{
    cusgd_status status = note_each(t, is_marked, note_marked);
    if (!status) status = note_each(t, is_mixed, note_mixed);
    if (!status) status = note_each(t, is_open_date, note_date);
    if (!status) status = note_equal(t);
    return status;
}
