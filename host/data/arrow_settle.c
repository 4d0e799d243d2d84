#include "arrow_table.h"
#include "data.h"
#include "failure.h"
#include "layout.h"
#include "notes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows that lack a value ---------------------------------------------------------------------------------------------- */

static int is_incomplete(const arrow_table *t, int64_t i)
{
    int lacks = (t->columns.weighted && isnan(t->w[i])) || (t->columns.offset && isnan(t->o[i]));
    for (int64_t j = 0; j < t->columns.k; j++) lacks |= isnan(t->y[i * t->columns.k + j]) != 0;
    for (int64_t j = 0; j < t->columns.d && t->missing != CUSGD_MISSING_MEAN; j++)
        lacks |= isnan(t->x[i * t->columns.d + j]) && !(t->encoding && t->encoding->at[j].fills);
    return lacks;
}

static void move_row(arrow_table *t, int64_t from, int64_t to)
{
    size_t d = (size_t)t->columns.d, k = (size_t)t->columns.k;
    memmove(t->x + (size_t)to * d, t->x + (size_t)from * d, d * sizeof *t->x);
    if (k) memmove(t->y + (size_t)to * k, t->y + (size_t)from * k, k * sizeof *t->y);
    if (t->w) t->w[to] = t->w[from];
    if (t->o) t->o[to] = t->o[from];
}

static cusgd_status fail_missing(const arrow_table *t, int64_t row)
{
    char where[COLUMN_BYTES];
    int64_t j = 0;
    for (; j < t->columns.count - 1; j++) { /* the first column that lacks the row's value */
        const column *c = &t->columns.at[j];
        const double *at = c->role == ROLE_FEATURE  ? t->x + row * t->columns.d + c->at
                           : c->role == ROLE_TARGET ? t->y + row * t->columns.k + c->at
                           : c->role == ROLE_WEIGHT ? t->w + row
                           : c->role == ROLE_OFFSET ? t->o + row
                                                    : NULL;
        if (at && isnan(*at)) break;
    }
    return fail_data_row(row, -1,
                         "%s: row %" PRId64
                         " lacks a value in column %s: leave such rows out (missing: drop), or put the mean there "
                         "(mean)",
                         t->source, row + 1, column_show(&t->columns, j, where));
}

static cusgd_status settle_missing(arrow_table *t, cusgd_data *data)
{
    enum { ONE_IN = 20 };
    int64_t count = 0, first = -1, kept = 0, all = t->rows;
    for (int64_t i = all - 1; i >= 0; i--)
        if (is_incomplete(t, i)) count++, first = i;
    int chosen = t->missing == CUSGD_MISSING_AUTO;
    if (chosen && ONE_IN * count <= all) t->missing = CUSGD_MISSING_DROP;
    if (count == 0) return CUSGD_OK;
    if (t->missing != CUSGD_MISSING_DROP && t->missing != CUSGD_MISSING_MEAN) return fail_missing(t, first);
    for (int64_t i = 0; i < all; i++) {
        if (is_incomplete(t, i)) continue;
        if (kept != i) move_row(t, i, kept);
        kept++;
    }
    t->rows = kept;
    if (kept == 0) return fail(CUSGD_ERROR_DATA, "%s: every row lacks a value", t->source);
    return data_note(data, "%s: %" PRId64 " of %" PRId64 " rows lack%s a value, and %s left out", t->source, count, all,
                     count == 1 ? "s" : "", count == 1 ? "is" : "are");
}

/* ---- Classes ------------------------------------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The classes in the order of their bytes, and y as their numbers. */
static cusgd_status settle_classes(arrow_table *t, text_set *c)
{
    if (t->reader->classes) return CUSGD_OK;
    if (c->count < 2) return fail(CUSGD_ERROR_DATA, "%s: the target is the same text in every row", t->source);
    char **before = allocate((size_t)c->count, sizeof *before);
    if (!before) return fail_memory((size_t)c->count * sizeof *before, "the classes");
    memcpy(before, c->at, (size_t)c->count * sizeof *before);
    qsort(c->at, (size_t)c->count, sizeof *c->at, compare_texts);
    texts_renumber(c);
    for (int64_t i = 0; i < t->rows; i++) {
        const char *text = before[(int64_t)t->y[i]];
        t->y[i] = (double)texts_find(c, text, strlen(text));
    }
    free(before);
    return CUSGD_OK;
}

/* ---- Features ------------------------------------------------------------------------------------------------------------ */

static enum feature_kind kind_of(const arrow_table *t, int64_t j)
{
    const arrow_type *type = &t->at[j].type;
    if (t->columns.at[j].coding == CODING_CATEGORIES || type->kind == ARROW_TEXT || type->coded) return FEATURE_CATEGORY;
    if (type->kind == ARROW_DATE) return FEATURE_DATE;
    return type->kind == ARROW_BOOLEAN ? FEATURE_BOOLEAN : FEATURE_NUMBER;
}

/* Texts that nobody called categories, nor the table's type does, must repeat. */
static cusgd_status check_categories(const arrow_table *t, int64_t j)
{
    char where[COLUMN_BYTES];
    const arrow_column *c = &t->at[j];
    text_set texts = c->texts;
    texts.total = c->known;
    int asked = t->columns.at[j].coding == CODING_CATEGORIES || c->type.coded;
    if (asked || (t->reader->encode.categorical_auto && !texts_are_names(&texts))) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: column %s holds text: name it among the categorical ones, or leave it out", t->source,
                column_show(&t->columns, j, where));
}

static cusgd_status make_encoding(arrow_table *t)
{
    int degree = t->reader->encode.polynomial;
    int needed = t->missing == CUSGD_MISSING_DROP || t->missing == CUSGD_MISSING_MEAN || degree > 1;
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < t->columns.count && !status; j++) {
        if (t->columns.at[j].role != ROLE_FEATURE) continue;
        needed |= kind_of(t, j) != FEATURE_NUMBER;
        if (kind_of(t, j) == FEATURE_CATEGORY) status = check_categories(t, j);
    }
    if (status || !needed) return status;
    status = encoding_create(t->columns.d, &t->encoding);
    if (status) return status;
    t->encoding->missing = t->missing == CUSGD_MISSING_AUTO ? CUSGD_MISSING_ERROR : t->missing;
    t->encoding->terms.degree = degree > 1 ? degree : 1;
    t->encoding->terms.products = t->reader->encode.interactions;
    for (int64_t j = 0; j < t->columns.count; j++) {
        column *c = &t->columns.at[j];
        if (c->role != ROLE_FEATURE) continue;
        feature *f = &t->encoding->at[c->at];
        f->kind = kind_of(t, j);
        f->order = DATE_ORDER_OPEN;
        encoding_set_name(t->encoding, c->at, c->name);
        c->name = NULL;
        if (f->kind != FEATURE_CATEGORY) continue;
        f->categories = t->at[j].texts;
        t->at[j].texts = (text_set){0};
    }
    return encoding_fit(t->encoding, t->x, t->rows, t->reader->encode.all_levels);
}

/* x as encoded, in the place of the columns' values. */
static cusgd_status encode(arrow_table *t, cusgd_data *data)
{
    cusgd_encoding *e = t->encoding;
    if (e->d < 1) return fail(CUSGD_ERROR_DATA, "%s: every feature has the same category in all rows", t->source);
    double *x =
        (uint64_t)t->rows <= SIZE_MAX / sizeof *x / (uint64_t)e->d ? allocate((size_t)t->rows, (size_t)e->d * sizeof *x) : NULL;
    if (!x) return fail(CUSGD_ERROR_MEMORY, "out of memory for %" PRId64 " x %" PRId64 " values", t->rows, e->d);
    encoding_apply(e, t->x, t->rows, x);
    free(t->x);
    t->x = x;
    data->view.d = e->d;
    data->encoding = e;
    t->encoding = NULL;
    return encoding_names(e, data->layout->features, &data->features);
}

/* ---- Handing out --------------------------------------------------------------------------------------------------------- */

static cusgd_status give_names(arrow_table *t, cusgd_data *data)
{
    size_t d = (size_t)t->columns.d, k = (size_t)t->columns.k;
    if (!data->encoding) data->features = allocate_zeroed(d, sizeof *data->features);
    data->targets = k ? allocate_zeroed(k, sizeof *data->targets) : NULL;
    if (!data->features || (k && !data->targets)) return fail_memory((d + k) * sizeof *data->features, "the columns' names");
    for (int64_t j = 0; j < t->columns.count; j++) {
        column *c = &t->columns.at[j];
        char **to = c->role == ROLE_TARGET                       ? &data->targets[c->at]
                    : c->role == ROLE_OFFSET                     ? &data->offset_name
                    : c->role == ROLE_FEATURE && !data->encoding ? &data->features[c->at]
                                                                 : NULL;
        if (!to) continue;
        *to = c->name;
        c->name = NULL;
    }
    return CUSGD_OK;
}

static cusgd_status give_arrays(arrow_table *t, cusgd_data *data)
{
    examples *v = &data->view;
    int64_t k = t->columns.k;
    *v = (examples){.n = t->rows, .d = v->d, .k = k};
    v->x = (cusgd_matrix){t->x, CUSGD_TYPE_FLOAT64, v->d, 1};
    v->y = (cusgd_matrix){t->y, CUSGD_TYPE_FLOAT64, k, 1};
    v->w = (cusgd_matrix){t->w, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_matrix o = {t->o, CUSGD_TYPE_FLOAT64, 1, 1};
    double *const arrays[] = {t->x, t->y, t->w, t->o};
    for (int i = 0; i < 4; i++) data->memory[i] = arrays[i];
    t->x = t->y = t->w = t->o = NULL;
    return cusgd_data_set_offset(data, t->columns.offset, o);
}

static cusgd_status note_unknown(const arrow_table *t, cusgd_data *data)
{
    char where[COLUMN_BYTES];
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < t->columns.count && !status; j++)
        if (t->at[j].unknown)
            status = data_note(data, "%s: %" PRId64 " rows have a category in column %s that the model does not know", t->source,
                               t->at[j].unknown, column_show(&t->columns, j, where));
    return status;
}

cusgd_status arrow_settle(arrow_table *t, cusgd_data *data)
{
    const dialect none = {0};
    int64_t target = 0;
    while (t->classed && t->columns.at[target].role != ROLE_TARGET) target++;
    if (t->rows == 0) return fail(CUSGD_ERROR_DATA, "%s: has no rows", t->source);
    data->view.d = t->columns.d;
    cusgd_status status = settle_missing(t, data);
    if (!status && t->classed) status = settle_classes(t, &t->at[target].texts);
    if (!status) status = layout_of(&t->columns, &none, &data->layout);
    if (!status) status = note_unknown(t, data);
    if (!status && !t->encoding) status = make_encoding(t);
    if (!status && t->encoding) status = encode(t, data);
    if (!status) status = give_names(t, data);
    if (!status) status = give_arrays(t, data);
    if (status || !t->classed) return status;
    data_take_classes(data, t->at[target].texts.at, t->at[target].texts.count);
    t->at[target].texts.at = NULL;
    t->at[target].texts.count = 0;
    return CUSGD_OK;
}
