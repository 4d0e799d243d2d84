/* A CSV file becomes dense arrays of double in one pass. */
#include "columns.h"
#include "data.h"
#include "error.h"
#include "scan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS_SHOWN = 3, LEAST_ROWS = 64 };

typedef struct table {
    scanner scan;
    columns columns;
    const cusgd_reader *reader;
    double *x, *y, *w, *o; /* rows x d, rows x k, rows, rows (as they stand in the file); room for `capacity` rows */
    int64_t rows, capacity;
    int classed;      /* the one target is text: y is 0 or 1 for classes[0] or [1] */
    char *classes[2]; /* the reader's, else in the order in which they come */

    /* A feature that is text in the first row ends the reading, once its first values are known. */
    int64_t text_column; /* -1: none */
    int64_t text_line, text_columns;
    char texts[TEXTS_SHOWN * (SHOWN_BYTES + 4)];
} table;

static void table_free(table *t)
{
    scan_close(&t->scan);
    columns_free(&t->columns);
    free(t->x);
    free(t->y);
    free(t->w);
    free(t->o);
    free(t->classes[0]);
    free(t->classes[1]);
}

/* Puts where column j's field lies before the message. */
static cusgd_status fail_at(const table *t, int64_t line, int64_t j, cusgd_status status)
{
    return fail_in(status, "%s:%" PRId64 ":%" PRId64, t->scan.source, line, j + 1);
}

/* ---- What a field is ----------------------------------------------------------------------------------------------------- */

/* Whether the field, in lower or upper case, is the word. */
static int field_is(const field *f, const char *word)
{
    if (strlen(word) != f->length) return 0;
    for (size_t i = 0; i < f->length; i++) {
        char c = f->text[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c) != word[i]) return 0;
    }
    return 1;
}

/* What programs write where there is no value, or none that is finite. */
static int field_is_missing(field f)
{
    static const char *const words[] = {"", "na", "n/a", "nan", "null", "?", "inf", "infinity"};
    field_trim(&f);
    if (f.length > 0 && (*f.text == '-' || *f.text == '+')) f.text++, f.length--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (field_is(&f, words[i])) return 1;
    }
    return 0;
}

static int field_is_number(const field *f)
{
    double ignored;
    return number_parse(f->text, f->length, &ignored);
}

/* A copy of a name or a class; NULL on failure, *status says which. */
static char *copy_text(const field *f, cusgd_status *status)
{
    char shown[SHOWN_BYTES], *copy = NULL;
    if (!text_is_utf8(f->text, f->length))
        *status = fail(CUSGD_ERROR_DATA, "'%s' is not UTF-8 text: save the file as UTF-8", text_show(f->text, f->length, shown));
    else if (!(copy = strndup(f->text, f->length)))
        *status = fail_memory(f->length + 1, "a name");
    return copy;
}

/* ---- Fields of the data -------------------------------------------------------------------------------------------------- */

static cusgd_status fail_value(const table *t, int64_t j, field f, double value)
{
    char where[COLUMN_BYTES], shown[SHOWN_BYTES];
    column_show(&t->columns, j, where);
    field_trim(&f);
    text_show(f.text, f.length, shown);
    cusgd_status status;
    if (f.length == 0)
        status = fail(CUSGD_ERROR_DATA, "column %s has no value here: fill it in, or remove the row or the column", where);
    else if (field_is_missing(f))
        status = fail(CUSGD_ERROR_DATA, "'%s' in column %s is not a finite number: fill it in, or remove the row or the column",
                      shown, where);
    else if (isinf(value))
        status = fail(CUSGD_ERROR_DATA, "%s in column %s is too large for a double", shown, where);
    else if (t->columns.at[j].role == ROLE_OFFSET && t->columns.offset == CUSGD_OFFSET_EXPOSURE && value <= 0)
        status = fail(CUSGD_ERROR_DATA, "the exposure %s in column %s is not greater than 0: remove the row", shown, where);
    else if (value < 0)
        status = fail(CUSGD_ERROR_DATA, "the weight %s in column %s is negative: weights are 0 or greater", shown, where);
    else
        status = fail(CUSGD_ERROR_DATA, "'%s' in column %s is not a number", shown, where);
    return fail_at(t, f.line, j, status);
}

/* Takes note of the text in the text column; of other columns that it is not the only one. */
static void note_text(table *t, int64_t j, field f)
{
    char shown[SHOWN_BYTES];
    if (t->text_column < 0) {
        t->text_column = j;
        t->text_line = f.line;
    }
    if (t->rows == 0) t->text_columns++;
    if (t->text_column != j) return;
    field_trim(&f);
    size_t length = strlen(t->texts);
    snprintf(t->texts + length, sizeof t->texts - length, "%s'%s'", length ? ", " : "", text_show(f.text, f.length, shown));
}

static cusgd_status fail_text(const table *t)
{
    char where[COLUMN_BYTES], others[64] = "";
    column_show(&t->columns, t->text_column, where);
    if (t->text_columns > 1) snprintf(others, sizeof others, ", and so do %" PRId64 " more", t->text_columns - 1);
    cusgd_status status = fail(CUSGD_ERROR_DATA,
                               "column %s holds text (%s)%s: leave it out (--ignore), name the columns to use (--features), or "
                               "encode it as numbers",
                               where, t->texts, others);
    return fail_at(t, t->text_line, t->text_column, status);
}

static cusgd_status fail_class(const table *t, int64_t j, const field *f)
{
    char where[COLUMN_BYTES], first[SHOWN_BYTES], second[SHOWN_BYTES], shown[SHOWN_BYTES];
    column_show(&t->columns, j, where);
    text_show(t->classes[0], strlen(t->classes[0]), first);
    text_show(f->text, f->length, shown);
    if (t->classes[1]) text_show(t->classes[1], strlen(t->classes[1]), second);
    cusgd_status status;
    if (t->reader->classes)
        status = fail(CUSGD_ERROR_DATA, "'%s' in column %s is not one of the model's classes, '%s' and '%s'", shown, where, first,
                      second);
    else if (field_is_number(f))
        status = fail(CUSGD_ERROR_DATA, "%s in column %s is a number, yet the first row has the text '%s' there%s", shown, where,
                      first, t->columns.named ? "" : ": if the first line is a header, say --header yes");
    else
        status =
            fail(CUSGD_ERROR_DATA,
                 "column %s, the target, holds '%s', '%s' and '%s', but text targets have two classes: choose another column "
                 "(--target), or encode it as numbers",
                 where, first, second, shown);
    return fail_at(t, f->line, j, status);
}

static int class_is(const char *name, const field *f)
{
    return name && strlen(name) == f->length && memcmp(name, f->text, f->length) == 0;
}

static cusgd_status put_class(table *t, int64_t j, field f, double *to)
{
    if (field_is_missing(f)) return fail_value(t, j, f, 0);
    field_trim(&f);
    for (int i = 0; i < 2; i++) {
        cusgd_status status = CUSGD_OK;
        if (!t->classes[i] && !field_is_number(&f)) t->classes[i] = copy_text(&f, &status);
        if (status) return fail_at(t, f.line, j, status);
        *to = i;
        if (class_is(t->classes[i], &f)) return CUSGD_OK;
    }
    return fail_class(t, j, &f);
}

static int fits_role(const table *t, enum role role, double value)
{
    if (role == ROLE_WEIGHT) return value >= 0;
    return role != ROLE_OFFSET || t->columns.offset != CUSGD_OFFSET_EXPOSURE || value > 0;
}

static cusgd_status put_field(table *t, int64_t j, const field *f)
{
    const column *c = &t->columns.at[j];
    if (c->role <= ROLE_IGNORED) return CUSGD_OK;
    if (t->text_column >= 0 && t->rows > 0) {
        if (j == t->text_column) note_text(t, j, *f);
        return CUSGD_OK;
    }
    double *to = c->role == ROLE_FEATURE  ? t->x + t->rows * t->columns.d + c->at
                 : c->role == ROLE_TARGET ? t->y + t->rows * t->columns.k + c->at
                 : c->role == ROLE_OFFSET ? t->o + t->rows
                                          : t->w + t->rows;
    if (c->role == ROLE_TARGET && t->classed) return put_class(t, j, *f, to);
    *to = 0;
    int is_number = number_parse(f->text, f->length, to);
    if (is_number && isfinite(*to) && fits_role(t, c->role, *to)) return CUSGD_OK;
    if (is_number || t->rows > 0 || field_is_missing(*f)) return fail_value(t, j, *f, *to);

    /* Text in the first row. */
    if (c->role == ROLE_FEATURE) {
        note_text(t, j, *f);
        return CUSGD_OK;
    }
    if (c->role != ROLE_TARGET || t->columns.k != 1) return fail_value(t, j, *f, 0);
    t->classed = 1;
    for (int i = 0; t->reader->classes && i < 2; i++) {
        t->classes[i] = strdup(t->reader->classes[i]);
        if (!t->classes[i]) return fail_memory(strlen(t->reader->classes[i]) + 1, "a class");
    }
    return put_class(t, j, *f, to);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------- */

/* Makes room for rows >= 1 rows of `values` doubles each. */
static cusgd_status resize(double **array, int64_t rows, int64_t values)
{
    size_t row_bytes = (size_t)values * sizeof(double), bytes = (size_t)rows * row_bytes;
    if (values == 0) return CUSGD_OK;
    double *larger = bytes / row_bytes == (size_t)rows ? realloc(*array, bytes) : NULL;
    if (!larger) return fail_memory(bytes, "the rows read");
    *array = larger;
    return CUSGD_OK;
}

static cusgd_status table_resize(table *t, int64_t rows)
{
    cusgd_status status = resize(&t->x, rows, t->columns.d);
    if (!status) status = resize(&t->y, rows, t->columns.k);
    if (!status) status = resize(&t->w, rows, t->columns.weighted);
    if (!status) status = resize(&t->o, rows, t->columns.offset != CUSGD_OFFSET_NONE);
    if (!status) t->capacity = rows;
    return status;
}

static cusgd_status read_row(table *t)
{
    int64_t count = t->columns.count;
    field f;
    for (int64_t j = 0; j < count; j++) {
        cusgd_status status = scan_field(&t->scan, &f);
        if (!status && f.last != (j == count - 1))
            status = fail_at(t, f.line, j,
                             fail(CUSGD_ERROR_DATA, "the row has %s %" PRId64 " fields, where the first line has %" PRId64,
                                  f.last ? "only" : "more than", j + 1, count));
        if (!status) status = put_field(t, j, &f);
        if (status) return status;
    }
    t->rows++;
    return CUSGD_OK;
}

static cusgd_status read_rows(table *t)
{
    int more;
    cusgd_status status;
    while (!(status = scan_record(&t->scan, &more)) && more) {
        if (t->text_column >= 0 && t->rows >= TEXTS_SHOWN) break;
        if (t->rows == t->capacity) status = table_resize(t, 2 * t->rows);
        if (!status) status = read_row(t);
        if (status) return status;
    }
    if (!status && t->text_column >= 0) return fail_text(t);
    return status;
}

/* ---- The first line ------------------------------------------------------------------------------------------------------ */

static void free_cells(field *cells, int64_t count)
{
    for (int64_t j = 0; j < count; j++) free((void *)cells[j].text);
    free(cells);
}

/* The fields of the first record, each with a copy of its text. On failure *cells is NULL. */
static cusgd_status read_cells(table *t, field **cells, int64_t *count)
{
    int64_t capacity = 0;
    int more;
    *cells = NULL;
    *count = 0;
    cusgd_status status = scan_record(&t->scan, &more);
    if (!status && !more) status = fail(CUSGD_ERROR_DATA, "%s: is empty", t->scan.source);
    while (!status && more) {
        field f;
        if (*count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            field *larger = realloc(*cells, (size_t)capacity * sizeof f);
            if (!larger) status = fail_memory((size_t)capacity * sizeof f, "the first line");
            if (larger) *cells = larger;
        }
        if (!status) status = scan_field(&t->scan, &f);
        if (status) break;
        char *copy = allocate(f.length + 1, 1);
        if (!copy) status = fail_memory(f.length + 1, "the first line");
        if (!copy) break;
        memcpy(copy, f.text, f.length);
        f.text = copy;
        (*cells)[(*count)++] = f;
        more = !f.last;
    }
    if (!status) return CUSGD_OK;
    free_cells(*cells, *count);
    *cells = NULL;
    return status;
}

/* Whether the first line must be a header: a column is asked for that has no such number, or there is text in it where the data
 * is numbers. Missing values are no evidence: a first row must not be lost for one. */
static cusgd_status find_header(const table *t, const field *cells, int64_t count, int *header)
{
    columns numbered;
    cusgd_status status = columns_create(&numbered, count);
    if (!status) status = columns_choose(&numbered, t->reader);
    *header = status != CUSGD_OK;
    for (int64_t j = 0; !*header && j < count; j++) {
        enum role role = numbered.at[j].role;
        int numeric = role == ROLE_FEATURE || role == ROLE_WEIGHT || role == ROLE_OFFSET;
        *header = numeric && !field_is_number(&cells[j]) && !field_is_missing(cells[j]);
    }
    columns_free(&numbered);
    return status == CUSGD_ERROR_MEMORY ? status : CUSGD_OK;
}

static cusgd_status take_names(table *t, const field *cells)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < t->columns.count; j++) {
        field name = cells[j];
        field_trim(&name);
        t->columns.at[j].name = copy_text(&name, &status);
        if (status) return fail_at(t, name.line, j, status);
    }
    t->columns.named = 1;
    return CUSGD_OK;
}

/* Whether a file of one column was meant to have several. */
static int has_other_separators(const field *cells, int64_t count)
{
    return count == 1 && (memchr(cells[0].text, ';', cells[0].length) || memchr(cells[0].text, '\t', cells[0].length));
}

static cusgd_status read_first(table *t)
{
    field *cells;
    int64_t count;
    int header = t->reader->header == CUSGD_HEADER_YES;
    cusgd_status status = read_cells(t, &cells, &count);
    if (status) return status;
    status = columns_create(&t->columns, count);
    if (!status && t->reader->header == CUSGD_HEADER_AUTO) status = find_header(t, cells, count, &header);
    if (!status && header) status = take_names(t, cells);
    if (!status) {
        status = columns_choose(&t->columns, t->reader);
        if (status && has_other_separators(cells, count))
            status = fail(status, "the columns are not separated by commas: replace the semicolons or tabs");
        if (status) status = fail_in(status, "%s:%" PRId64, t->scan.source, cells[0].line);
    }
    if (!status) status = table_resize(t, LEAST_ROWS);
    for (int64_t j = 0; !status && !header && j < count; j++) status = put_field(t, j, &cells[j]);
    t->rows = !header;
    free_cells(cells, count);
    return status;
}

/* ---- The whole ----------------------------------------------------------------------------------------------------------- */

/* Both classes must have come; in sorted order they are 0 and 1. */
static cusgd_status settle_classes(table *t)
{
    if (!t->classed || t->reader->classes) return CUSGD_OK;
    if (!t->classes[1]) {
        char shown[SHOWN_BYTES];
        return fail(CUSGD_ERROR_DATA, "%s: the target is '%s' in every row: there is nothing to tell apart", t->scan.source,
                    text_show(t->classes[0], strlen(t->classes[0]), shown));
    }
    if (strcmp(t->classes[0], t->classes[1]) < 0) return CUSGD_OK;
    char *first = t->classes[0];
    t->classes[0] = t->classes[1];
    t->classes[1] = first;
    for (int64_t i = 0; i < t->rows; i++) t->y[i] = 1 - t->y[i];
    return CUSGD_OK;
}

/* Moves the columns' names to the data. */
static cusgd_status give_names(table *t, cusgd_data *data)
{
    if (!t->columns.named) return CUSGD_OK;
    size_t d = (size_t)t->columns.d, k = (size_t)t->columns.k;
    data->features = allocate_zeroed(d, sizeof *data->features);
    data->targets = k ? allocate_zeroed(k, sizeof *data->targets) : NULL;
    if (!data->features || (k && !data->targets)) return fail_memory((d + k) * sizeof *data->features, "the columns' names");
    for (int64_t j = 0; j < t->columns.count; j++) {
        column *c = &t->columns.at[j];
        if (c->role == ROLE_OFFSET) {
            data->offset_name = c->name;
            c->name = NULL;
        }
        if (c->role != ROLE_FEATURE && c->role != ROLE_TARGET) continue;
        (c->role == ROLE_FEATURE ? data->features : data->targets)[c->at] = c->name;
        c->name = NULL;
    }
    return CUSGD_OK;
}

static cusgd_status give_arrays(table *t, cusgd_data *data)
{
    int64_t d = t->columns.d, k = t->columns.k;
    data->view = (examples){.n = t->rows, .d = d, .k = k};
    data->view.x = (cusgd_matrix){t->x, CUSGD_TYPE_FLOAT64, d, 1};
    data->view.y = (cusgd_matrix){t->y, CUSGD_TYPE_FLOAT64, k, 1};
    data->view.w = (cusgd_matrix){t->w, CUSGD_TYPE_FLOAT64, 1, 1};
    data->memory[0] = t->x;
    data->memory[1] = t->y;
    data->memory[2] = t->w;
    data->memory[3] = t->o;
    memcpy(data->classes, t->classes, sizeof t->classes);
    cusgd_matrix o = {t->o, CUSGD_TYPE_FLOAT64, 1, 1};
    t->x = t->y = t->w = t->o = NULL;
    t->classes[0] = t->classes[1] = NULL;
    return cusgd_data_set_offset(data, t->columns.offset, o);
}

cusgd_status csv_open(const char *path, const cusgd_reader *reader, cusgd_data *data)
{
    table t = {.reader = reader, .text_column = -1};
    cusgd_status status = scan_open(&t.scan, path, data->source);
    if (status) return status;
    status = read_first(&t);
    if (!status) status = read_rows(&t);
    if (!status && t.rows == 0) status = fail(CUSGD_ERROR_DATA, "%s: has a header and no rows", data->source);
    if (!status) status = settle_classes(&t);
    if (!status) status = table_resize(&t, t.rows);
    if (!status) status = give_arrays(&t, data);
    if (!status) status = give_names(&t, data);
    table_free(&t);
    return status;
}
