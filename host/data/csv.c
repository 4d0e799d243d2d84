/* A CSV file becomes dense arrays of double in one pass. */
#include "csv.h"

#include "data.h"
#include "failure.h"
#include "header.h"
#include "kind.h"
#include "layout.h"
#include "notes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_ROWS = 64 };

static void table_free(table *t)
{
    scan_close(&t->scan);
    survey_free(&t->survey);
    survey_free(&t->gaps);
    for (int64_t j = 0; t->observed && j < t->columns.d; j++) texts_free(&t->observed[j].texts);
    free(t->observed);
    columns_free(&t->columns);
    encoding_free(t->encoding);
    free(t->x);
    free(t->y);
    free(t->w);
    free(t->o);
    texts_free(&t->classes);
}

/* Puts where column j's field lies before the message. */
static cusgd_status fail_at(const table *t, int64_t line, int64_t j, cusgd_status status)
{
    return fail_in(status, "%s:%" PRId64 ":%" PRId64, t->scan.source, line, j + 1);
}

/* ---- Fields of the data -------------------------------------------------------------------------------------------------- */

/* A number that its column does not take. */
static cusgd_status fail_value(const table *t, int64_t j, field f, double value)
{
    char where[COLUMN_BYTES], shown[SHOWN_BYTES];
    column_show(&t->columns, j, where);
    field_trim(&f);
    text_show(f.text, f.length, shown);
    cusgd_status status;
    if (isinf(value))
        status = fail(CUSGD_ERROR_DATA, "%s in column %s is too large for a double", shown, where);
    else if (t->columns.at[j].role == ROLE_OFFSET)
        status = fail(CUSGD_ERROR_DATA, "the exposure %s in column %s is not greater than 0: remove the row", shown, where);
    else
        status = fail(CUSGD_ERROR_DATA, "the weight %s in column %s is negative: weights are 0 or greater", shown, where);
    return fail_at(t, f.line, j, status);
}

static cusgd_status fail_class(const table *t, int64_t j, const field *f)
{
    char where[COLUMN_BYTES], first[SHOWN_BYTES], second[SHOWN_BYTES], shown[SHOWN_BYTES];
    const text_set *c = &t->classes;
    column_show(&t->columns, j, where);
    text_show(c->at[0], strlen(c->at[0]), first);
    text_show(f->text, f->length, shown);
    text_show(c->at[c->count - 1], strlen(c->at[c->count - 1]), second);
    cusgd_status status;
    if (t->reader->classes)
        status = fail(CUSGD_ERROR_DATA, "'%s' in column %s is not one of the model's classes, '%s' %s '%s'", shown, where, first,
                      c->count > 2 ? "to" : "and", second);
    else if (field_kind(f) == FIELD_NUMBER && field_is_missing(t->first_class))
        return fail_at(
            t, t->first_class.line, j,
            fail(CUSGD_ERROR_DATA, "'%s' in column %s is not a finite number: fill it in, or remove the row", first, where));
    else if (field_kind(f) == FIELD_NUMBER)
        status = fail(CUSGD_ERROR_DATA, "%s in column %s is a number, yet the first row has the text '%s' there%s", shown, where,
                      first,
                      t->columns.named ? ": correct one of them, or encode the texts as numbers"
                                       : ": if the first line is a header, say --header yes");
    else
        status =
            fail(CUSGD_ERROR_DATA,
                 "column %s, the target, holds more than %d texts ('%s', '%s' and others), which are no classes: choose another "
                 "column (--target)",
                 where, MAX_CLASSES, first, second);
    return fail_at(t, f->line, j, status);
}

/* A missing value is a problem, or NaN. */
static cusgd_status put_missing(table *t, int64_t j, const field *f, double *to)
{
    const column *c = &t->columns.at[j];
    if (c->role == ROLE_FEATURE) t->observed[c->at].missing++;
    if (t->missing == CUSGD_MISSING_ERROR) return survey_add(&t->survey, t->columns.count, j, FIELD_MISSING, *f);
    *to = (double)NAN;
    t->lacking += c->role != ROLE_FEATURE;
    return t->missing == CUSGD_MISSING_AUTO ? survey_add(&t->gaps, t->columns.count, j, FIELD_MISSING, *f) : CUSGD_OK;
}

__attribute__((noinline)) static cusgd_status put_class(table *t, int64_t j, field f, double *to)
{
    if (field_has_no_class(f)) return put_missing(t, j, &f, to);
    field_trim(&f);
    int64_t number = texts_find(&t->classes, f.text, f.length);
    t->classes.total++;
    if (number < 0 && !t->reader->classes && field_kind(&f) != FIELD_NUMBER && t->classes.count < MAX_CLASSES) {
        cusgd_status status = texts_insert(&t->classes, &f);
        if (status) return fail_at(t, f.line, j, status);
        number = t->classes.count - 1;
        if (number == 0) t->first_class = (field){t->classes.at[0], f.length, f.line, f.quoted, 0, f.comma, f.thousands};
    }
    *to = (double)number;
    if (number >= 0) return CUSGD_OK;
    fail_class(t, j, &f);
    return survey_add_other(&t->survey);
}

static int fits_role(const table *t, enum role role, double value)
{
    if (role == ROLE_WEIGHT) return value >= 0;
    return role != ROLE_OFFSET || t->columns.offset != CUSGD_OFFSET_EXPOSURE || value > 0;
}

/* The target is text in the first row: a class, and so are all that follow. */
static cusgd_status begin_classes(table *t)
{
    cusgd_status status = CUSGD_OK;
    t->classed = 1;
    for (int64_t i = 0; t->reader->classes && i < reader_classes(t->reader) && !status; i++)
        status = texts_put(&t->classes, t->reader->classes[i]);
    return status;
}

/* ---- Texts of features --------------------------------------------------------------------------------------------------- */

/* A category that the encoding does not have. */
static cusgd_status put_unknown(table *t, int64_t j, field f, double *to)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    char shown[SHOWN_BYTES], where[COLUMN_BYTES];
    field_trim(&f);
    text_show(f.text, f.length, shown);
    if (t->reader->encode.strict) {
        fail_at(t, f.line, j,
                fail(CUSGD_ERROR_DATA, "'%s' in column %s is a category that the model does not know", shown,
                     column_show(&t->columns, j, where)));
        return survey_add_other(&t->survey);
    }
    if (seen->unknown++ == 0) strcpy(seen->example, shown);
    *to = -1;
    return CUSGD_OK;
}

static cusgd_status add_text(table *t, int64_t j, const field *f, double *to)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    char where[COLUMN_BYTES];
    int64_t number;
    cusgd_status status = texts_add(&seen->texts, *f, &number);
    if (status == CUSGD_ERROR_DATA) fail_at(t, f->line, j, status);
    if (status) return status;
    *to = (double)number;
    if (number >= 0) return CUSGD_OK;
    if (!t->columns.at[j].coding) return survey_add(&t->survey, t->columns.count, j, FIELD_TEXT, *f);
    int many = seen->texts.most == MAX_SPARSE_CATEGORIES, most = many ? MAX_SPARSE_CATEGORIES : MAX_CATEGORIES;
    fail_at(t, f->line, j,
            fail(CUSGD_ERROR_DATA,
                 "column %s has more than %d categories: if it holds names or identifiers, leave it out (--ignore)%s",
                 column_show(&t->columns, j, where), most, many ? "" : ", else store x sparse (--sparse yes)"));
    return survey_add_other(&t->survey);
}

/* A field of a feature whose values are categories. */
__attribute__((noinline)) static cusgd_status put_category(table *t, int64_t j, field f, double *to)
{
    if (field_has_no_class(f)) return put_missing(t, j, &f, to);
    if (!t->encoding) return add_text(t, j, &f, to);
    field_trim(&f);
    int64_t number = texts_find(&t->encoding->at[t->columns.at[j].at].categories, f.text, f.length);
    *to = (double)number;
    return number >= 0 ? CUSGD_OK : put_unknown(t, j, f, to);
}

/* A field of a feature whose values are dates. */
static cusgd_status put_date(table *t, int64_t j, field f, double *to)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    const feature *known = t->encoding ? &t->encoding->at[t->columns.at[j].at] : NULL;
    char shown[SHOWN_BYTES], where[COLUMN_BYTES];
    if (field_is_missing(f)) return put_missing(t, j, &f, to);
    field_trim(&f);
    enum date_reading reading = date_parse(f.text, f.length, known ? known->order : DATE_ORDER_OPEN, to);
    if (reading == DATE_OPEN && !known) {
        seen->order = (seen->open++ ? seen->order : DATE_ORDER_OPEN) & date_orders(*to);
        return CUSGD_OK;
    }
    if (reading == DATE_DAYS) return CUSGD_OK;
    text_show(f.text, f.length, shown);
    column_show(&t->columns, j, where);
    if (reading == DATE_OPEN)
        fail(CUSGD_ERROR_DATA,
             "'%s' in column %s: the model was trained on no date of this form, so that it is not known which "
             "number is the day: write dates as 2024-03-05",
             shown, where);
    else
        fail(CUSGD_ERROR_DATA, "'%s' in column %s is not a date that can be read: write dates as 2024-03-05", shown, where);
    fail_at(t, f.line, j, CUSGD_ERROR_DATA);
    return survey_add_other(&t->survey);
}

static cusgd_status put_coded(table *t, int64_t j, field f, double *to)
{
    return t->columns.at[j].coding == CODING_DATES ? put_date(t, j, f, to) : put_category(t, j, f, to);
}

/* A text among a feature's numbers: a boolean, or a category if all of the column turns out to be text, or a problem. */
static cusgd_status put_text(table *t, int64_t j, const field *f, double *to)
{
    int64_t at = t->columns.at[j].at;
    int pair, value, is_boolean;
    field word = *f;
    field_trim(&word);
    is_boolean = text_is_boolean(word.text, word.length, &pair, &value);
    if (t->encoding && t->encoding->at[at].kind == FEATURE_BOOLEAN && is_boolean) {
        *to = value;
        return CUSGD_OK;
    }
    int in_question =
        !t->encoding && (is_boolean || t->reader->encode.categorical_auto) && !(t->survey.at && t->survey.at[j].texts);
    return in_question ? add_text(t, j, f, to) : survey_add(&t->survey, t->columns.count, j, FIELD_TEXT, *f);
}

/* A field that is no number, or one that does not fit. */
__attribute__((noinline, cold)) static cusgd_status put_problem(table *t, int64_t j, const field *f, double *to)
{
    double value = 0;
    enum role role = t->columns.at[j].role;
    if (field_number(f, &value)) {
        fail_value(t, j, *f, value);
        return survey_add_other(&t->survey);
    }
    int first = t->rows == 0 || (t->lacking > 0 && t->lacking == t->rows); /* of the values that there are */
    int may_be_class = first && role == ROLE_TARGET && t->columns.k == 1 && !field_has_no_class(*f);
    if (may_be_class) {
        cusgd_status status = begin_classes(t);
        return status ? status : put_class(t, j, *f, to);
    }
    if (field_kind(f) == FIELD_MISSING) return put_missing(t, j, f, to);
    return role == ROLE_FEATURE ? put_text(t, j, f, to) : survey_add(&t->survey, t->columns.count, j, FIELD_TEXT, *f);
}

static cusgd_status put_field(table *t, int64_t j, const field *f)
{
    const column *c = &t->columns.at[j];
    if (c->role <= ROLE_IGNORED) return CUSGD_OK;
    double *to = c->role == ROLE_FEATURE  ? t->x + t->to * t->columns.d + c->at
                 : c->role == ROLE_TARGET ? t->y + t->to * t->columns.k + c->at
                 : c->role == ROLE_OFFSET ? t->o + t->to
                                          : t->w + t->to;
    if (c->role == ROLE_TARGET && t->classed) return put_class(t, j, *f, to);
    if (c->coding) return put_coded(t, j, *f, to);
    *to = 0;
    if (field_number(f, to) && isfinite(*to) && fits_role(t, c->role, *to)) return CUSGD_OK;
    return put_problem(t, j, f, to);
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

static cusgd_status fail_count(const table *t, int64_t line, int64_t j, int last)
{
    return fail_at(t, line, j,
                   fail(CUSGD_ERROR_DATA, "the row has %s %" PRId64 " field%s, where the first line has %" PRId64,
                        last ? "only" : "more than", j + 1, j ? "s" : "", t->columns.count));
}

static void begin_row(table *t) { t->to = survey_found(&t->survey) ? 0 : t->rows; }

/* A row whose fields have been read. */
static cusgd_status put_cells(table *t, const field *cells, int64_t count)
{
    cusgd_status status = CUSGD_OK;
    begin_row(t);
    for (int64_t j = 0; !status && j < t->columns.count && j < count; j++) status = put_field(t, j, &cells[j]);
    if (status) return status;
    if (count != t->columns.count) {
        int64_t j = count < t->columns.count ? count - 1 : t->columns.count - 1;
        return fail_count(t, cells[j].line, j, count < t->columns.count);
    }
    t->rows++;
    return CUSGD_OK;
}

static cusgd_status read_row(table *t)
{
    int64_t count = t->columns.count;
    field f;
    begin_row(t);
    for (int64_t j = 0; j < count; j++) {
        cusgd_status status = scan_field(&t->scan, &f);
        if (!status && f.last != (j == count - 1)) status = fail_count(t, f.line, j, f.last);
        if (!status) status = put_field(t, j, &f);
        if (status) return status;
    }
    t->rows++;
    return CUSGD_OK;
}

/* Once something is wrong the rows are read on to find all that is, some more of them at most. */
static cusgd_status read_rows(table *t)
{
    int more, last = 0;
    int64_t maximum = INT64_MAX;
    cusgd_status status;
    while (!(status = scan_record(&t->scan, &more)) && more) {
        if (!last && survey_found(&t->survey)) {
            last = 1;
            maximum = t->rows + SURVEY_ROWS;
        }
        t->cut = t->rows >= maximum;
        if (t->cut) break;
        if (t->rows == t->capacity && !last) status = table_resize(t, 2 * t->rows);
        if (!status) status = read_row(t);
        if (status) break;
    }
    return status;
}

/* ---- The first lines ----------------------------------------------------------------------------------------------------- */

static int names_are_asked(const cusgd_reader *r)
{
    return r->feature_count || r->target_count || r->ignore_count || r->weights || r->offset || r->exposure;
}

static cusgd_status begin_features(table *t)
{
    t->observed = allocate_zeroed((size_t)t->columns.d, sizeof *t->observed);
    if (!t->observed) return fail_memory((size_t)t->columns.d * sizeof *t->observed, "the features' texts");
    for (int64_t j = 0; j < t->columns.count; j++) {
        const column *c = &t->columns.at[j];
        int many = t->reader->encode.sparse == CUSGD_SPARSE_YES || (t->reader->encode.sparse == CUSGD_SPARSE_AUTO && c->coding);
        if (c->role == ROLE_FEATURE && many) t->observed[c->at].texts.most = MAX_SPARSE_CATEGORIES;
    }
    return CUSGD_OK;
}

static cusgd_status read_first(table *t, cusgd_data *data)
{
    opening o;
    cusgd_status status = opening_read(&t->scan, t->reader, &o, &t->columns);
    if (status) return status;
    status = columns_choose(&t->columns, t->reader);
    if (status == CUSGD_ERROR_DATA && o.doubtful && names_are_asked(t->reader))
        status =
            fail_in(status, "the first line is taken for the columns' names and has nothing but numbers (say --header no if it "
                            "is data)");
    if (status) status = fail_in(status, "%s:%" PRId64, t->scan.source, o.cells[0][0].line);
    if (!status) status = begin_features(t);
    if (!status) status = table_resize(t, MIN_ROWS);
    data->first_line = o.cells[o.header] ? o.cells[o.header][0].line : t->scan.line;
    for (int i = o.header; !status && i < 2 && o.cells[i]; i++) status = put_cells(t, o.cells[i], o.count[i]);
    if (!status && *o.note) status = data_note(data, "%s", o.note);
    opening_free(&o);
    return status;
}

/* ---- The whole ----------------------------------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Numbers the classes in the order of their bytes. */
static cusgd_status sort_classes(table *t)
{
    text_set *c = &t->classes;
    char **before = allocate((size_t)c->count, sizeof *before);
    double *number = allocate((size_t)c->count, sizeof *number);
    if (before && number) {
        memcpy(before, c->at, (size_t)c->count * sizeof *before);
        qsort(c->at, (size_t)c->count, sizeof *c->at, compare_texts);
        texts_renumber(c);
        for (int64_t i = 0; i < c->count; i++) number[i] = (double)texts_find(c, before[i], strlen(before[i]));
        for (int64_t i = 0; i < t->rows; i++)
            if (t->y[i] >= 0) t->y[i] = number[(int64_t)t->y[i]]; /* NaN: missing */
    }
    cusgd_status status = before && number ? CUSGD_OK : fail_memory((size_t)c->count * sizeof *number, "the classes");
    free(before);
    free(number);
    return status;
}

/* There must be two classes at least, and rows of them. */
static cusgd_status settle_classes(table *t)
{
    enum { FEW = 20 };
    const text_set *c = &t->classes;
    if (!t->classed || t->reader->classes) return CUSGD_OK;
    char shown[SHOWN_BYTES], advice[MARKS_ADVICE_BYTES];
    if (c->count < 2)
        return fail(CUSGD_ERROR_DATA, "%s: the target is '%s' in every row: there is nothing to tell apart", t->scan.source,
                    text_show(c->at[0], strlen(c->at[0]), shown));
    marks marked;
    int are_names = c->total > FEW && 2 * c->count > c->total;
    if ((are_names || (c->count > 2 && !t->reader->find_classes)) && texts_are_marked(c, &marked))
        return fail(CUSGD_ERROR_DATA, "%s: the target holds numbers with marks ('%s'): %s", t->scan.source,
                    text_show(c->at[0], strlen(c->at[0]), shown), marks_advice(&marked, 0, advice));
    if (are_names)
        return fail(CUSGD_ERROR_DATA,
                    "%s: the target has %" PRId64 " different texts in %" PRId64 " rows, which are names and no classes: choose "
                    "another column (--target)",
                    t->scan.source, c->count, c->total);
    return sort_classes(t);
}

/* ---- Handing out --------------------------------------------------------------------------------------------------------- */

/* Moves the columns' names to the data. */
static cusgd_status give_names(table *t, cusgd_data *data)
{
    if (!t->columns.named) return CUSGD_OK;
    size_t d = (size_t)t->columns.d, k = (size_t)t->columns.k;
    int encodes = t->encoding && !t->reader->encoding;
    if (!t->encoding) data->features = allocate_zeroed(d, sizeof *data->features);
    data->targets = k ? allocate_zeroed(k, sizeof *data->targets) : NULL;
    if ((!t->encoding && !data->features) || (k && !data->targets))
        return fail_memory((d + k) * sizeof *data->features, "the columns' names");
    for (int64_t j = 0; j < t->columns.count; j++) {
        column *c = &t->columns.at[j];
        if (c->role == ROLE_OFFSET)
            data->offset_name = c->name;
        else if (c->role == ROLE_TARGET)
            data->targets[c->at] = c->name;
        else if (c->role == ROLE_FEATURE && encodes)
            encoding_set_name(t->encoding, c->at, c->name);
        else if (c->role == ROLE_FEATURE && !t->encoding)
            data->features[c->at] = c->name;
        else
            continue;
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
    if (t->classed) {
        data_take_classes(data, t->classes.at, t->classes.count);
        t->classes.at = NULL;
    }
    cusgd_matrix o = {t->o, CUSGD_TYPE_FLOAT64, 1, 1};
    t->x = t->y = t->w = t->o = NULL;
    return cusgd_data_set_offset(data, t->columns.offset, o);
}

/* All that was found, and with what reading ended, in one message. */
static cusgd_status report(table *t, cusgd_status status)
{
    if (!survey_found(&t->survey) || (status && status != CUSGD_ERROR_DATA)) return status;
    if (status) survey_add_other(&t->survey);
    return survey_fail(&t->survey, &t->columns, t->reader, t->scan.source, t->rows, !t->cut);
}

static cusgd_status read_all(table *t, cusgd_data *data)
{
    cusgd_status status = read_first(t, data);
    if (!status) status = read_rows(t);
    if (!status || status == CUSGD_ERROR_DATA) {
        cusgd_status settled = t->observed ? csv_settle_missing(t) : CUSGD_OK;
        if (t->observed && !settled) settled = csv_settle_encoding(t, !status);
        if (settled) status = settled;
    }
    status = report(t, status);
    if (!status && t->rows == 0) status = fail(CUSGD_ERROR_DATA, "%s: has a header and no rows", data->source);
    if (!status) status = settle_classes(t);
    if (!status) status = csv_settle_rows(t, data);
    return status ? kind_explain(status, data->source, t->scan.sample, t->scan.sample_count) : CUSGD_OK;
}

static cusgd_missing missing_of(const cusgd_reader *reader)
{
    if (reader->encode.missing != CUSGD_MISSING_DEFAULT) return reader->encode.missing;
    return reader->encoding ? reader->encoding->missing : CUSGD_MISSING_ERROR;
}

cusgd_status csv_open(const char *path, const cusgd_reader *reader, cusgd_data *data)
{
    table t = {.reader = reader, .missing = missing_of(reader)};
    const dialect given = dialect_of(reader);
    if (reader->encode.polynomial < 0 || reader->encode.polynomial > MAX_DEGREE)
        return fail(CUSGD_ERROR_USAGE, "a polynomial has a degree of 1 to %d, not %d", MAX_DEGREE, reader->encode.polynomial);
    if (t.missing == CUSGD_MISSING_KEEP && !reader->x_only)
        return fail(CUSGD_ERROR_USAGE, "rows that lack a value are kept for prediction alone");
    cusgd_status status = encoding_copy(reader->encoding, &t.encoding);
    if (!status) status = scan_open(&t.scan, path, data->source, &given, reader->lines_before);
    if (status) {
        encoding_free(t.encoding);
        return status;
    }
    status = read_all(&t, data);
    if (!status) status = table_resize(&t, t.rows);
    if (!status) status = give_arrays(&t, data);
    if (!status) status = layout_of(&t.columns, &given, &data->layout);
    if (!status) status = note_index(data, &t.columns, reader);
    if (!status) status = note_counted_columns(data, &t.columns, reader);
    if (!status) status = csv_note_categories(&t, data);
    if (!status) status = give_names(&t, data);
    if (!status) status = csv_encode(&t, data);
    table_free(&t);
    return status;
}
