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
    for (int i = 0; i < 4; i++) grown_free(&t->held[i]);
    texts_free(&t->classes);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------- */

void csv_widths(const table *t, size_t width[4])
{
    width[0] = (size_t)t->columns.d;
    width[1] = (size_t)t->columns.k;
    width[2] = (size_t)t->columns.weighted;
    width[3] = t->columns.offset != CUSGD_OFFSET_NONE;
}

/* Makes room for rows >= 1 rows. */
static cusgd_status resize(table *t, int64_t rows)
{
    double **const arrays[4] = {&t->x, &t->y, &t->w, &t->o};
    size_t width[4];
    cusgd_status status = CUSGD_OK;
    csv_widths(t, width);
    for (int i = 0; i < 4 && !status; i++) {
        size_t row = width[i] * sizeof(double), bytes = (size_t)rows * row;
        if (row == 0) continue;
        if (bytes / row != (size_t)rows) return fail_memory(bytes, "the rows read");
        status = grown_resize(&t->held[i], bytes, t->reader, "the rows read");
        *arrays[i] = t->held[i].at;
    }
    return status;
}

cusgd_status csv_make_room(table *t, int64_t rows)
{
    size_t row = (size_t)t->columns.d * sizeof(double);
    return (size_t)rows <= t->held[0].room / row ? CUSGD_OK
                                                 : resize(t, (int64_t)(grown_larger(&t->held[0], (size_t)rows * row) / row));
}

void csv_forget(const table *t, int64_t first, int64_t count)
{
    size_t width[4];
    csv_widths(t, width);
    for (int i = 0; i < 4; i++)
        grown_forget(&t->held[i], (size_t)first * width[i] * sizeof(double), (size_t)count * width[i] * sizeof(double));
}

static cusgd_status fail_count(const table *t, int64_t line, int64_t j, int last)
{
    return csv_fail_at(t, line, j,
                       fail(CUSGD_ERROR_DATA, "the row has %s %" PRId64 " field%s, where the first line has %" PRId64,
                            last ? "only" : "more than", j + 1, j ? "s" : "", t->columns.count));
}

static void begin_row(table *t) { t->to = survey_found(&t->survey) ? 0 : t->rows; }

/* Stores a row whose fields have been read. */
static cusgd_status put_cells(table *t, const field *cells, int64_t count)
{
    cusgd_status status = CUSGD_OK;
    begin_row(t);
    for (int64_t j = 0; !status && j < t->columns.count && j < count; j++) status = csv_put_field(t, j, &cells[j]);
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
        if (!status) status = csv_put_field(t, j, &f);
        if (status) return status;
    }
    t->rows++;
    return CUSGD_OK;
}

/* Reads up to *records rows, and sets *records to 0 if there were as many. Once something is wrong the rows are read on to find
 * all that is, some more of them at most. */
static cusgd_status read_rows(table *t, int64_t *maximum, int64_t *records)
{
    int more;
    cusgd_status status = CUSGD_OK;
    for (; *records > 0 && !(status = scan_record(&t->scan, &more)) && more; --*records) {
        int last = survey_found(&t->survey);
        if (last && *maximum == INT64_MAX) *maximum = t->rows + SURVEY_ROWS;
        t->cut = t->rows >= *maximum;
        if (t->cut) break;
        if (!last) status = csv_make_room(t, t->rows + 1);
        if (!status) status = read_row(t);
        if (status) break;
    }
    return status;
}

/* Reads the rest of the rows by several threads, and records that these do not support one after another. */
static cusgd_status read_rest(table *t)
{
    int64_t maximum = INT64_MAX, records = 0;
    windows *w;
    cusgd_status status = csv_windows_create(t, NULL, &w);
    while (!status && !t->cut && records == 0) {
        status = csv_windows_read(w, &maximum, &records);
        if (!status && !t->cut && records > 0) status = read_rows(t, &maximum, &records);
    }
    csv_windows_free(w);
    return status;
}

/* ---- The first lines ----------------------------------------------------------------------------------------------------- */

static int names_are_asked(const cusgd_reader *r)
{
    return r->roles.feature_count || r->roles.target_count || r->roles.ignore_count || r->roles.weights || r->roles.offset ||
           r->roles.exposure;
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
    if (!status) status = resize(t, MIN_ROWS);
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
        for (int64_t i = 0; i < t->rows; i++) {
            csv_passed(t, i);
            if (t->y[i] >= 0) t->y[i] = number[(int64_t)t->y[i]]; /* NaN: missing */
        }
    }
    cusgd_status status = before && number ? CUSGD_OK : fail_memory((size_t)c->count * sizeof *number, "the classes");
    free(before);
    free(number);
    return status;
}

/* Checks that there are at least two classes and rows of them. */
static cusgd_status settle_classes(table *t)
{
    enum { FEW = 20 };
    const text_set *c = &t->classes;
    if (t->target != TARGET_CLASSES || t->reader->classes) return CUSGD_OK;
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
    void *at[4];
    size_t width[4];
    cusgd_status status = CUSGD_OK;
    csv_widths(t, width);
    for (int i = 0; i < 4 && !status; i++)
        status = grown_give(&t->held[i], (size_t)t->rows * width[i] * sizeof(double), data, i, &at[i]);
    t->x = t->y = t->w = t->o = NULL;
    if (status) return status;
    data->view = (examples){.n = t->rows, .d = d, .k = k};
    data->view.x = (cusgd_matrix){at[0], CUSGD_TYPE_FLOAT64, d, 1};
    data->view.y = (cusgd_matrix){at[1], CUSGD_TYPE_FLOAT64, k, 1};
    data->view.w = (cusgd_matrix){at[2], CUSGD_TYPE_FLOAT64, 1, 1};
    if (t->target == TARGET_CLASSES) {
        data_take_classes(data, t->classes.at, t->classes.count);
        t->classes.at = NULL;
    }
    return cusgd_data_set_offset(data, t->columns.offset, (cusgd_matrix){at[3], CUSGD_TYPE_FLOAT64, 1, 1});
}

/* Fails with one message for all problems and for the failure that ended reading. */
static cusgd_status report(table *t, cusgd_status status)
{
    if (!survey_found(&t->survey) || (status && status != CUSGD_ERROR_DATA)) return status;
    if (status) survey_add_other(&t->survey);
    return survey_fail(&t->survey, &t->columns, t->reader, t->scan.source, t->rows, !t->cut);
}

/* The first records, up to the target's first value, which all ranks read; then each a part of the others. first: how reading
 * the first lines has ended. */
static cusgd_status read_by_ranks(table *t, data_ranks *ranks, const char *path, cusgd_status first, enum ranks_outcome *outcome)
{
    enum { FIRST = 1024 };
    int64_t maximum = INT64_MAX, records = FIRST;
    int open = !first && t->columns.k == 1 && t->target == TARGET_OPEN;
    if (open) first = read_rows(t, &maximum, &records);
    cusgd_status status = csv_ranks_read(t, ranks, path, !first, outcome);
    return status ? status : first;
}

static cusgd_status read_rows_of(table *t, const char *path, data_ranks *ranks, cusgd_data *data, enum ranks_outcome *outcome)
{
    cusgd_status status = read_first(t, data);
    if (ranks) status = read_by_ranks(t, ranks, path, status, outcome);
    if (!status && *outcome == RANKS_NONE) status = read_rest(t);
    return status;
}

static cusgd_status read_all(table *t, const char *path, data_ranks *ranks, cusgd_data *data, enum ranks_outcome *outcome)
{
    cusgd_status status = read_rows_of(t, path, ranks, data, outcome);
    if (*outcome == RANKS_AGAIN) return status;
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

static cusgd_status open_table(const char *path, const cusgd_reader *reader, data_ranks *ranks, cusgd_data *data,
                               enum ranks_outcome *outcome)
{
    table t = {.reader = reader, .missing = missing_of(reader)};
    const dialect given = dialect_of(reader);
    if (reader->encode.polynomial < 0 || reader->encode.polynomial > MAX_DEGREE)
        return fail(CUSGD_ERROR_USAGE, "a polynomial has a degree of 1 to %d, not %d", MAX_DEGREE, reader->encode.polynomial);
    if (t.missing == CUSGD_MISSING_KEEP && !reader->roles.x_only)
        return fail(CUSGD_ERROR_USAGE, "rows that lack a value are kept for prediction alone");
    cusgd_status status = encoding_copy(reader->encoding, &t.encoding);
    if (!status) status = scan_open(&t.scan, path, data->source, &given, reader->lines_before);
    if (status) {
        encoding_free(t.encoding);
        return status;
    }
    status = read_all(&t, path, ranks, data, outcome);
    if (*outcome == RANKS_AGAIN) {
        table_free(&t);
        return status;
    }
    if (!status) status = resize(&t, t.rows);
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

cusgd_status csv_open(const char *path, const cusgd_reader *reader, cusgd_data *data)
{
    enum ranks_outcome outcome = RANKS_NONE, alone = RANKS_NONE;
    cusgd_status status = open_table(path, reader, data->opening.ranks, data, &outcome);
    int again = ranks_settle(data, &status, outcome == RANKS_AGAIN);
    return again ? open_table(path, reader, NULL, data, &alone) : status;
}
