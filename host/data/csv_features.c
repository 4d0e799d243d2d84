/* The columns of a CSV file as features, once its rows have been read. */
#include "csv.h"
#include "data.h"
#include "failure.h"
#include "layout.h"
#include "notes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Determines the kind of a feature with texts. If all fields of the column are texts, they may be booleans or categories;
 * otherwise texts are problems. */
static cusgd_status settle_feature(table *t, int64_t j, enum feature_kind *kind)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    int pair, value, first_pair = -1, booleans = 1;
    marks marked;
    for (int64_t i = 0; i < seen->texts.count && booleans; i++) {
        booleans = text_is_boolean(seen->texts.at[i], strlen(seen->texts.at[i]), &pair, &value) && (i == 0 || pair == first_pair);
        first_pair = pair;
    }
    int alone = seen->texts.total >= t->rows - seen->missing && !(t->survey.at && t->survey.at[j].texts);
    int coded = t->columns.at[j].coding == CODING_CATEGORIES;
    *kind = booleans && !coded ? FEATURE_BOOLEAN : FEATURE_CATEGORY;
    if (alone && *kind == FEATURE_BOOLEAN) column_list_add(&t->survey.booleans, &t->columns, j);
    int automatic = !coded && !booleans && alone && t->reader->encode.categorical_auto && !texts_are_names(&seen->texts) &&
                    !texts_are_dates(&seen->texts) && !texts_are_marked(&seen->texts, &marked);
    if (automatic) column_list_add(&t->survey.categories, &t->columns, j);
    if (coded || automatic || (alone && booleans)) return CUSGD_OK;
    return survey_add_texts(&t->survey, t->columns.count, j, &seen->texts);
}

/* Replaces the numbers of texts by 0 and 1 in some rows of a feature. */
static void put_booleans(table *t, int64_t at, int64_t first, int64_t count)
{
    const text_set *words = &t->observed[at].texts;
    int pair, values[MAX_CATEGORIES] = {0};
    double *x = t->x + first * t->columns.d + at;
    for (int64_t i = 0; i < words->count; i++) (void)text_is_boolean(words->at[i], strlen(words->at[i]), &pair, &values[i]);
    for (int64_t i = 0; i < count; i++, x += t->columns.d)
        if (!isnan(*x)) *x = values[(int)*x];
}

/* The order of day and month, where it was open. */
static void put_dates(table *t, int64_t at, int64_t first, int64_t count)
{
    double *x = t->x + first * t->columns.d + at;
    for (int64_t i = 0; i < count; i++, x += t->columns.d)
        if (date_is_open(*x)) *x = date_settle(*x, t->observed[at].order);
}

/* Once the kinds are known: span by span, as a table may be larger than memory. */
static void put_values(table *t)
{
    for (int64_t first = 0; first < t->rows; first += CSV_SPAN) {
        int64_t count = t->rows - first < CSV_SPAN ? t->rows - first : CSV_SPAN, changed = 0;
        for (int64_t at = 0; at < t->columns.d; at++) {
            enum feature_kind kind = t->encoding->at[at].kind;
            if (kind == FEATURE_BOOLEAN) put_booleans(t, at, first, count);
            if (kind == FEATURE_DATE && t->observed[at].open > 0) put_dates(t, at, first, count);
            changed += kind == FEATURE_BOOLEAN || (kind == FEATURE_DATE && t->observed[at].open > 0);
        }
        if (changed == 0) return;
        csv_forget(t, first, count);
    }
}

/* Determines the order of day and month of the dates of a column: the only one in which all of them are valid. */
static cusgd_status settle_dates(table *t, int64_t j)
{
    observed *seen = &t->observed[t->columns.at[j].at];
    char where[COLUMN_BYTES];
    if (seen->open == 0) seen->order = DATE_ORDER_OPEN;
    if (seen->open == 0 || survey_found(&t->survey)) return CUSGD_OK;
    enum date_order found = seen->order;
    seen->order &= date_order_of(t->reader->encode.date_order);
    column_show(&t->columns, j, where);
    if (seen->order == DATE_ORDER_OPEN)
        fail(CUSGD_ERROR_DATA,
             "%s: the dates in column %s may have the day or the month first, and no day above 12 shows which: say so "
             "(--date-order day-first or --date-order month-first)",
             t->scan.source, where);
    else if (seen->order == DATE_ORDER_NONE && found != DATE_ORDER_NONE)
        fail(CUSGD_ERROR_DATA, "%s: the dates in column %s have the %s first, unlike what --date-order says", t->scan.source,
             where, found == DATE_ORDER_DAY_FIRST ? "day" : "month");
    else if (seen->order == DATE_ORDER_NONE)
        fail(CUSGD_ERROR_DATA,
             "%s: some dates in column %s have the day first and others the month: write them all as 2024-03-05", t->scan.source,
             where);
    return seen->order == DATE_ORDER_OPEN || seen->order == DATE_ORDER_NONE ? survey_add_other(&t->survey) : CUSGD_OK;
}

/* The kinds of all features, once the table has been read; an encoding is made where one is needed. Not of a table that was not
 * read to its end: a text of the row that ended it may be the first of its column, which is of numbers. */
static cusgd_status settle_features(table *t, int whole, enum feature_kind *kinds)
{
    int degree = t->reader->encode.polynomial;
    int is_part = t->reader->encode.missing == CUSGD_MISSING_AUTO && t->reader->lines_before > 0;
    int needed = (t->missing == CUSGD_MISSING_DROP && !is_part) || t->missing == CUSGD_MISSING_MEAN || degree > 1;
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < t->columns.count && !status; j++) {
        const column *c = &t->columns.at[j];
        if (c->role != ROLE_FEATURE || (!c->coding && t->observed[c->at].texts.total == 0)) continue;
        kinds[c->at] = FEATURE_DATE;
        status = c->coding == CODING_DATES ? settle_dates(t, j) : settle_feature(t, j, &kinds[c->at]);
        needed = 1;
    }
    if (status || survey_found(&t->survey) || !needed || !whole) return status;
    status = encoding_create(t->columns.d, &t->encoding);
    if (status) return status;
    t->encoding->missing =
        t->missing == CUSGD_MISSING_KEEP || t->missing == CUSGD_MISSING_AUTO ? CUSGD_MISSING_ERROR : t->missing;
    t->encoding->terms.degree = degree > 1 ? degree : 1;
    t->encoding->terms.products = t->reader->encode.interactions;
    for (int64_t at = 0; at < t->columns.d; at++) {
        t->encoding->at[at].kind = kinds[at];
        t->encoding->at[at].order = t->observed[at].order;
        if (kinds[at] != FEATURE_CATEGORY) continue;
        t->encoding->at[at].categories = t->observed[at].texts;
        t->observed[at].texts = (text_set){0};
    }
    put_values(t);
    return CUSGD_OK;
}

cusgd_status csv_settle_encoding(table *t, int whole)
{
    enum feature_kind *kinds = t->encoding ? NULL : allocate_zeroed((size_t)t->columns.d, sizeof *kinds);
    if (t->encoding) return CUSGD_OK;
    if (!kinds) return fail_memory((size_t)t->columns.d * sizeof *kinds, "the features' kinds");
    cusgd_status status = settle_features(t, whole, kinds);
    free(kinds);
    return status;
}

/* Returns whether a row lacks a value that is not filled. */
static int is_incomplete(const table *t, int64_t i)
{
    int64_t d = t->columns.d, k = t->columns.k;
    const double *x = t->x + i * d;
    for (int64_t j = 0; j < k; j++)
        if (isnan(t->y[i * k + j])) return 1;
    if ((t->w && isnan(t->w[i])) || (t->o && isnan(t->o[i]))) return 1;
    int fills = t->missing == CUSGD_MISSING_MEAN;
    for (int64_t j = 0; j < d && !fills; j++)
        if (isnan(x[j]) && !(t->encoding && t->encoding->at[j].fills)) return 1;
    return 0;
}

static void move_row(table *t, int64_t from, int64_t to)
{
    size_t d = (size_t)t->columns.d, k = (size_t)t->columns.k;
    memmove(t->x + (size_t)to * d, t->x + (size_t)from * d, d * sizeof *t->x);
    if (k) memmove(t->y + (size_t)to * k, t->y + (size_t)from * k, k * sizeof *t->y);
    if (t->w) t->w[to] = t->w[from];
    if (t->o) t->o[to] = t->o[from];
}

/* Returns the number of rows that lack a value of this column; -1: the column is not used. */
static int64_t count_missing(const table *t, const column *c)
{
    if (c->role <= ROLE_IGNORED) return -1;
    if (c->role == ROLE_FEATURE) return t->observed[c->at].missing;
    const double *at = c->role == ROLE_TARGET ? t->y + c->at : c->role == ROLE_OFFSET ? t->o : t->w;
    int64_t stride = c->role == ROLE_TARGET ? t->columns.k : 1, count = 0;
    for (int64_t i = 0; i < t->rows; i++) count += isnan(at[i * stride]);
    return count;
}

/* Fails because every row lacks a value, and names the column that lacks most. */
static cusgd_status fail_empty(const table *t)
{
    char where[COLUMN_BYTES];
    int64_t worst = 0, maximum = -1;
    for (int64_t j = 0; j < t->columns.count; j++) {
        int64_t missing = count_missing(t, &t->columns.at[j]);
        if (missing > maximum) maximum = missing, worst = j;
    }
    enum role role = t->columns.at[worst].role;
    const char *what = role == ROLE_TARGET   ? "the target: name another one (--target)"
                       : role == ROLE_WEIGHT ? "the weights: name another column (--weights)"
                       : role == ROLE_OFFSET ? "the offset: name another column (--offset or --exposure)"
                                             : "a feature: leave it out (--ignore), or say --missing mean";
    return fail(CUSGD_ERROR_DATA, "%s: every row lacks a value, %s in column %s, %s", t->scan.source,
                maximum == t->rows ? "all of them" : "most of them", column_show(&t->columns, worst, where), what);
}

cusgd_status csv_settle_missing(table *t)
{
    enum { ONE_IN = 20 }; /* more than these change what the sample stands for, and are somebody's decision */
    int64_t count = 0;
    if (t->missing != CUSGD_MISSING_AUTO || !t->gaps.at) return CUSGD_OK;
    if (survey_found(&t->survey)) return survey_add_missing(&t->survey, &t->gaps);
    for (int64_t i = 0; i < t->rows; i++) {
        csv_passed(t, i);
        count += is_incomplete(t, i);
    }
    int is_part = t->reader->lines_before > 0; /* of a longer table, whose share is not known */
    if (!is_part && ONE_IN * count > t->rows) return survey_add_missing(&t->survey, &t->gaps);
    t->missing = CUSGD_MISSING_DROP;
    return CUSGD_OK;
}

/* Leaves rows out that lack a value; or, to keep them, lists them, and puts 0 in the place of what is missing. */
cusgd_status csv_settle_rows(table *t, cusgd_data *data)
{
    int64_t missing = t->lacking, kept = 0, all = t->rows, d = t->columns.d;
    for (int64_t j = 0; j < d; j++) missing += t->observed[j].missing;
    if (missing == 0 || t->missing == CUSGD_MISSING_ERROR) return CUSGD_OK;
    int keeps = t->missing == CUSGD_MISSING_KEEP;
    if (keeps) data->incomplete = allocate((size_t)all, sizeof *data->incomplete);
    if (keeps && !data->incomplete) return fail_memory((size_t)all * sizeof *data->incomplete, "the rows that lack a value");
    for (int64_t i = 0; i < all; i++) {
        int incomplete = is_incomplete(t, i);
        csv_passed(t, i);
        if (kept != i) csv_passed(t, kept);
        if (keeps && incomplete) {
            data->incomplete[data->incomplete_count++] = i;
            for (int64_t j = 0; j < d; j++)
                if (isnan(t->x[i * d + j])) t->x[i * d + j] = 0;
            if (t->o && isnan(t->o[i])) t->o[i] = 1; /* an exposure, too */
        }
        if (!keeps && incomplete) continue;
        if (kept != i) move_row(t, i, kept);
        kept++;
    }
    if (kept == 0) return fail_empty(t);
    t->rows = kept;
    int64_t count = keeps ? data->incomplete_count : all - kept;
    if (count == 0) return CUSGD_OK;
    const char *ending = keeps        ? (count == 1 ? "has no prediction" : "have no prediction")
                         : count == 1 ? "is left out"
                                      : "are left out";
    int chosen = t->reader->encode.missing == CUSGD_MISSING_AUTO;
    return data_note(data, "%s: %" PRId64 " of %" PRId64 " rows lack%s a value, and %s%s", data->source, count, all,
                     count == 1 ? "s" : "", ending,
                     chosen ? " (--missing mean keeps them, --missing error rejects the file)" : "");
}

cusgd_status csv_note_categories(table *t, cusgd_data *data)
{
    char where[COLUMN_BYTES];
    cusgd_status status = CUSGD_OK;
    if (t->survey.categories.length)
        status =
            data_note(data, "%s: text is read as categories: %s%s (--ignore leaves columns out, --categorical none rejects text)",
                      data->source, column_list_text(&t->survey.categories), t->survey.categories.more ? " and others" : "");
    for (int64_t j = 0; j < t->columns.count && !status; j++) {
        const column *c = &t->columns.at[j];
        if (c->role != ROLE_FEATURE || t->observed[c->at].unknown == 0) continue;
        int64_t count = t->observed[c->at].unknown;
        status =
            data_note(data,
                      "%s: %" PRId64 " row%s a category in column %s that the model does not know ('%s'): %s taken as none of "
                      "its categories (--strict makes this an error)",
                      data->source, count, count == 1 ? " has" : "s have", column_show(&t->columns, j, where),
                      t->observed[c->at].example, count == 1 ? "it is" : "they are");
    }
    return status;
}

static cusgd_status fail_term(const cusgd_data *data, int64_t row, int64_t j)
{
    char shown[SHOWN_BYTES];
    text_show(data->features[j], strlen(data->features[j]), shown);
    return fail(CUSGD_ERROR_DATA,
                "%s: %s is too large for a double in row %" PRId64
                ": divide the column by a power of ten, or take a smaller --polynomial",
                data->source, shown, row + 1);
}

/* Powers and products of numbers that are finite need not be. */
static cusgd_status check_terms(const cusgd_data *data, const cusgd_encoding *e)
{
    const examples *v = &data->view;
    int64_t base = e->d - e->terms.count;
    for (int64_t i = 0; e->terms.count > 0 && i < v->n; i++) {
        if (i % CSV_SPAN == 0 && i > 0) examples_forget(v, i - CSV_SPAN, CSV_SPAN);
        for (int64_t j = base; j < e->d && !examples_are_sparse(v); j++)
            if (!isfinite(matrix_at(&v->x, i, j))) return fail_term(data, i, j);
        for (int64_t at = examples_are_sparse(v) ? v->s.start[i] : 0; examples_are_sparse(v) && at < v->s.start[i + 1]; at++)
            if (!isfinite(csr_value(&v->s, at)) && csr_column(&v->s, at) >= base)
                return fail_term(data, i, csr_column(&v->s, at));
    }
    return CUSGD_OK;
}

static cusgd_status fail_large(const cusgd_data *data, const cusgd_encoding *e)
{
    return fail(CUSGD_ERROR_MEMORY,
                "%s: out of memory for %" PRId64 " x %" PRId64 " values: its features make many columns; where most values "
                "are 0, store x sparse (--sparse yes)",
                data->source, data->view.n, e->d);
}

static cusgd_status encode_dense(const cusgd_encoding *e, const cusgd_reader *reader, cusgd_data *data)
{
    examples *v = &data->view;
    const double *raw = v->x.at;
    size_t row = (size_t)e->d * sizeof(double), raw_row = (size_t)e->count * sizeof(double);
    grown x = {0};
    void *at;
    if ((uint64_t)v->n > SIZE_MAX / row) return fail_large(data, e);
    cusgd_status status = grown_resize(&x, (size_t)v->n * row, reader, "encoded rows");
    if (status) return status == CUSGD_ERROR_MEMORY ? fail_large(data, e) : status;
    for (int64_t first = 0; first < v->n; first += CSV_SPAN) {
        int64_t count = v->n - first < CSV_SPAN ? v->n - first : CSV_SPAN;
        encoding_apply(e, raw + first * e->count, count, (double *)x.at + first * e->d);
        grown_forget(&x, (size_t)first * row, (size_t)count * row);
        file_forget(raw + first * e->count, (size_t)count * raw_row);
    }
    data_replace(data, PLACE_X, NULL);
    status = grown_give(&x, (size_t)v->n * row, data, 0, &at);
    v->x = (cusgd_matrix){at, CUSGD_TYPE_FLOAT64, e->d, 1};
    return status;
}

static cusgd_status encode_sparse(const cusgd_encoding *e, const cusgd_reader *reader, int chosen, cusgd_data *data)
{
    csr_rows rows = {.type = CUSGD_TYPE_FLOAT64, .reader = reader};
    const double *raw = data->view.x.at;
    cusgd_status status = CUSGD_OK;
    for (int64_t first = 0; first < data->view.n && !status; first += CSV_SPAN) {
        int64_t count = data->view.n - first < CSV_SPAN ? data->view.n - first : CSV_SPAN;
        status = encoding_apply_sparse(e, raw + first * e->count, count, &rows);
        file_forget(raw + first * e->count, (size_t)(count * e->count) * sizeof *raw);
    }
    if (!status) status = csr_give(&rows, data);
    csr_free(&rows);
    if (status) return fail_in(status, "%s", data->source);
    data->view.d = e->d;
    return chosen ? csr_note(data) : CUSGD_OK;
}

/* Replaces the values of the columns by the encoded x. */
cusgd_status csv_encode(table *t, cusgd_data *data)
{
    examples *v = &data->view;
    cusgd_encoding *e = t->encoding;
    if (!e) return CUSGD_OK;
    cusgd_status status = t->reader->encoding ? CUSGD_OK : encoding_fit(e, (double *)v->x.at, v->n, t->reader->encode.all_levels);
    if (status) return fail_in(status, "%s", data->source);
    if (e->d < 1)
        return fail(CUSGD_ERROR_DATA, "%s: every feature has the same category in all rows: there is nothing to learn from",
                    data->source);
    if (t->reader->encode.sparse != CUSGD_SPARSE_AUTO)
        e->sparse = t->reader->encode.sparse == CUSGD_SPARSE_YES;
    else if (!t->reader->encoding)
        e->sparse = encoding_has_many(e);
    status = e->sparse ? encode_sparse(e, t->reader, !t->reader->encoding, data) : encode_dense(e, t->reader, data);
    if (status) return status;
    v->d = e->d;
    status = encoding_names(e, data->layout->features, &data->features);
    data->encoding = e;
    t->encoding = NULL;
    return status ? status : check_terms(data, e);
}
