#include "notes.h"

#include "data.h"
#include "failure.h"
#include "options.h"
#include "scan.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

cusgd_status data_note(cusgd_data *data, const char *format, ...)
{
    char text[1024], *copy;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    options_undash(text);
    char **longer = allocate_next(data->notes, data->note_count, sizeof *longer, "a note");
    if (!longer) return CUSGD_ERROR_MEMORY;
    data->notes = longer;
    copy = strdup(text);
    if (!copy) return fail_memory(strlen(text) + 1, "a note");
    data->notes[data->note_count++] = copy;
    return CUSGD_OK;
}

const char *cusgd_data_note(const cusgd_data *data, size_t index)
{
    return data && index < data->note_count ? data->notes[index] : NULL;
}

/* ---- Row numbers --------------------------------------------------------------------------------------------------------- */

int is_index_name(const char *name)
{
    static const char *const names[] = {
        "",           "index",  "idx",    "id", "row", "rowid", "row_id", "rownames", "row.names", "row names", "row_names",
        "row_number", "rownum", "number", "no", "no.", "nr",    "nr.",    "obs",      "#",         "level_0",   "unnamed: 0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0) return 1;
    return 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Sorting more rows than these would cost more time and memory than a note is worth. */
enum { MAX_SORTED = 10000000 };

/* Whether no two of the values are equal; 0 also if there are too many to sort, or no memory to sort them in. */
static int all_differ(const cusgd_matrix *x, int64_t n)
{
    int differ = 1;
    double *sorted = n <= MAX_SORTED ? allocate((size_t)n, sizeof *sorted) : NULL;
    if (!sorted) return 0;
    for (int64_t i = 0; i < n; i++) sorted[i] = matrix_at(x, i, 0);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
    for (int64_t i = 1; i < n && differ; i++) differ = sorted[i] != sorted[i - 1];
    free(sorted);
    return differ;
}

enum counting { COUNTS_NOTHING, COUNTS_ROWS, NUMBERS_ROWS };

/* Whole numbers each of which is the one before and 1; or, where the column has no name, as in a part of a table: whole numbers,
 * each of which stands once. */
static enum counting find_counting(const cusgd_matrix *x, int64_t n, int unnamed)
{
    double first = matrix_at(x, 0, 0);
    int in_order = 1, whole = 1;
    for (int64_t i = 0; i < n && whole; i++) {
        double value = matrix_at(x, i, 0);
        in_order = in_order && value == first + (double)i;
        whole = value >= 0 && value == floor(value) && value < 0x1p53;
    }
    if (whole && in_order) return COUNTS_ROWS;
    return whole && unnamed && all_differ(x, n) ? NUMBERS_ROWS : COUNTS_NOTHING;
}

cusgd_status note_index(cusgd_data *data, const columns *c, const cusgd_reader *reader)
{
    const char *name = c->named ? c->at[0].name : "";
    cusgd_matrix x = data->view.x;
    char shown[COLUMN_BYTES];
    if (reader->roles.feature_count || reader->layout) return CUSGD_OK; /* the user chose it */
    if (c->at[0].role != ROLE_FEATURE || data->view.d < 2 || data->view.n < 3 || !is_index_name(name)) return CUSGD_OK;
    x.at = (const double *)x.at + c->at[0].at;
    int unnamed = c->named && *name == '\0';
    enum counting counting = find_counting(&x, data->view.n, unnamed);
    if (counting == COUNTS_NOTHING) return CUSGD_OK;
    column_list list = {.length = 0};
    column_list_add(&list, c, 0);
    snprintf(shown, sizeof shown, "1 has no name and");
    if (!unnamed) column_show(c, 0, shown);
    return data_note(data, "%s: column %s %s, and is taken for a feature: if it is an index and no measurement, say --ignore %s",
                     data->source, shown,
                     counting == COUNTS_ROWS ? "counts the rows" : "holds a different whole number in every row",
                     column_list_text(&list));
}

/* ---- A header of numbers ------------------------------------------------------------------------------------------------- */

cusgd_status note_counted_columns(cusgd_data *data, const columns *c, const cusgd_reader *reader)
{
    if (c->named || c->count < 3 || data->view.n < 2 || reader->header != CUSGD_HEADER_AUTO || reader->layout) return CUSGD_OK;
    for (int64_t i = 0; i < c->count; i++) {
        const column *one = &c->at[i];
        if (one->coding || (one->role != ROLE_FEATURE && one->role != ROLE_TARGET)) return CUSGD_OK;
        const cusgd_matrix *from = one->role == ROLE_FEATURE ? &data->view.x : &data->view.y;
        if (matrix_at(from, 0, one->at) != (double)i) return CUSGD_OK;
    }
    return data_note(data, "%s: the first row is 0, 1, 2, ...: if these are names of the columns, say --header yes",
                     data->source);
}
