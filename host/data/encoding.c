#include "encoding.h"

#include "failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Making -------------------------------------------------------------------------------------------------------------- */

cusgd_status encoding_create(int64_t count, cusgd_encoding **out)
{
    cusgd_encoding *e = *out = allocate_zeroed(1, sizeof *e);
    if (e) e->at = allocate_zeroed((size_t)count, sizeof *e->at);
    if (e) e->names = allocate_zeroed((size_t)count, sizeof *e->names);
    if (e && e->at && e->names) {
        e->terms.degree = 1;
        e->count = e->d = count;
        return CUSGD_OK;
    }
    encoding_free(e);
    *out = NULL;
    return fail_memory((size_t)count * sizeof *e->at, "the features' encoding");
}

void encoding_free(cusgd_encoding *e)
{
    for (int64_t j = 0; e && e->at && j < e->count; j++) {
        free(e->at[j].name);
        texts_free(&e->at[j].categories);
    }
    if (e) polynomial_free(&e->terms);
    if (e) free(e->at);
    if (e) free(e->names);
    free(e);
}

void encoding_set_name(cusgd_encoding *e, int64_t j, char *name)
{
    e->at[j].name = name;
    e->names[j] = name;
}

static cusgd_status copy_feature(const feature *from, cusgd_encoding *e, int64_t j)
{
    cusgd_status status = CUSGD_OK;
    feature *to = &e->at[j];
    *to = *from;
    to->categories = (text_set){0};
    encoding_set_name(e, j, from->name ? strdup(from->name) : NULL);
    if (from->name && !to->name) return fail_memory(strlen(from->name) + 1, "a name");
    for (int64_t i = 0; i < from->categories.count && !status; i++) status = texts_put(&to->categories, from->categories.at[i]);
    return status;
}

cusgd_status encoding_copy(const cusgd_encoding *from, cusgd_encoding **out)
{
    *out = NULL;
    cusgd_status status = from ? encoding_create(from->count, out) : CUSGD_OK;
    if (status || !from) return status;
    (*out)->d = from->d;
    (*out)->missing = from->missing;
    (*out)->sparse = from->sparse;
    status = polynomial_copy(&from->terms, &(*out)->terms);
    for (int64_t j = 0; j < from->count && !status; j++) status = copy_feature(&from->at[j], *out, j);
    if (!status) return CUSGD_OK;
    encoding_free(*out);
    *out = NULL;
    return status;
}

/* ---- Columns of x -------------------------------------------------------------------------------------------------------- */

/* Those of a feature, without its indicator. */
static int64_t own_columns(const feature *f)
{
    if (f->kind == FEATURE_DATE) return __builtin_popcount((unsigned)f->parts);
    return f->kind == FEATURE_CATEGORY ? f->categories.count - (f->reference && f->categories.count > 0) : 1;
}

static int64_t columns_of(const feature *f) { return own_columns(f) + f->indicator; }

/* Columns that are no terms. */
static int64_t base_columns(const cusgd_encoding *e)
{
    int64_t count = 0;
    for (int64_t j = 0; j < e->count; j++) count += columns_of(&e->at[j]);
    return count;
}

int64_t encoding_source(const cusgd_encoding *e, int64_t j)
{
    int64_t source = 0, base = e->d - e->terms.count;
    if (j >= base) j = e->terms.at[(j - base) * e->terms.degree];
    for (; source < e->count && j >= columns_of(&e->at[source]); source++) j -= columns_of(&e->at[source]);
    return source;
}

cusgd_status encoding_set_columns(cusgd_encoding *e)
{
    int64_t base = base_columns(e), at = 0;
    base_column *columns = allocate((size_t)base + 1, sizeof *columns); /* of which there may be none */
    if (!columns) return fail_memory((size_t)base * sizeof *columns, "the features' columns");
    for (int64_t j = 0; j < e->count; j++) {
        const feature *f = &e->at[j];
        for (int64_t i = 0; i < columns_of(f); i++)
            columns[at++] =
                (base_column){j, i == own_columns(f) || f->kind == FEATURE_CATEGORY || (f->kind == FEATURE_BOOLEAN && !f->fills)};
    }
    cusgd_status status = polynomial_make(&e->terms, columns, base);
    e->d = base + e->terms.count;
    free(columns);
    return status;
}

static char *join(const char *before, const char *name, const char *after, const char *end)
{
    size_t size = strlen(before) + strlen(name) + strlen(after) + strlen(end) + 1;
    char *text = allocate(size, 1);
    if (text) snprintf(text, size, "%s%s%s%s", before, name, after, end);
    return text;
}

/* The names of a feature's columns. Returns how many there is memory for. */
static int64_t name_columns(const feature *f, const char *name, char **names)
{
    int64_t count = 0;
    if (f->kind == FEATURE_NUMBER || f->kind == FEATURE_BOOLEAN) count += (names[count] = join("", name, "", "")) != NULL;
    for (int64_t i = f->reference; f->kind == FEATURE_CATEGORY && i < f->categories.count; i++)
        count += (names[count] = join("", name, "=", f->categories.at[i])) != NULL;
    for (int i = 0; f->kind == FEATURE_DATE && i < DATE_PARTS; i++) {
        if (!(f->parts >> i & 1)) continue;
        char *part = join(date_part_names[i], "(", name, ")");
        count += (names[count] = part) != NULL;
    }
    if (f->indicator) count += (names[count] = join("missing(", name, "", ")")) != NULL;
    return count;
}

cusgd_status encoding_names(const cusgd_encoding *e, const int64_t *numbers, char ***out)
{
    char **names = *out = allocate_zeroed((size_t)e->d, sizeof *names);
    int64_t count = 0;
    int good = names != NULL;
    for (int64_t j = 0; good && j < e->count; j++) {
        const feature *f = &e->at[j];
        char number[32];
        snprintf(number, sizeof number, "%" PRId64, numbers ? numbers[j] : j + 1);
        int64_t named = name_columns(f, f->name ? f->name : number, names + count);
        good = named == columns_of(f);
        count += named;
    }
    for (int64_t j = 0; good && j < e->terms.count; j++) good = (names[count++] = polynomial_name(&e->terms, j, names)) != NULL;
    if (good) return CUSGD_OK;
    for (int64_t i = 0; names && i < count; i++) free(names[i]);
    free(names);
    *out = NULL;
    return fail_memory((size_t)e->d * sizeof *names, "the features' names");
}

/* ---- Fitting ------------------------------------------------------------------------------------------------------------- */

/* Of categories or of texts alone: by value where all are numbers, else by bytes. */
static int compare_as_numbers(const void *a, const void *b)
{
    double left = 0, right = 0;
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    number_parse(x, strlen(x), &left);
    number_parse(y, strlen(y), &right);
    return left == right ? strcmp(x, y) : left > right ? 1 : -1;
}

static int compare_as_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

typedef struct category {
    char *text;
    int64_t number;
} category;

/* Keeps the categories that occur, in order; rank: where each of them comes, at first 0 for those that occur and else -1. */
static void sort_categories(text_set *all, category *sorted, int64_t *rank)
{
    int64_t kept = 0;
    int numbers = 1;
    double ignored;
    for (int64_t c = 0; c < all->count; c++) {
        if (rank[c] < 0) {
            free(all->at[c]);
            continue;
        }
        numbers = numbers && number_parse(all->at[c], strlen(all->at[c]), &ignored);
        sorted[kept++] = (category){all->at[c], c};
    }
    if (kept > 0) qsort(sorted, (size_t)kept, sizeof *sorted, numbers ? compare_as_numbers : compare_as_texts);
    for (int64_t s = 0; s < kept; s++) {
        all->at[s] = sorted[s].text;
        rank[sorted[s].number] = s;
    }
    all->count = kept;
    texts_renumber(all);
}

/* What the values of a feature have shown, in the order of the rows. */
typedef struct fitting {
    int64_t *rank; /* of a category: 0 where it occurs, else -1; then where it comes. NULL: the feature has none */
    int64_t seen;  /* values that are there */
    double sum, first[DATE_PARTS];
} fitting;

/* Whether its values decide anything. */
static int must_see(const cusgd_encoding *e, const feature *f)
{
    return f->kind >= FEATURE_CATEGORY || e->missing == CUSGD_MISSING_MEAN;
}

static void see_values(feature *f, fitting *s, const double *raw, int64_t n, int64_t stride)
{
    double parts[DATE_PARTS];
    for (int64_t i = 0; i < n; i++, raw += stride) {
        if (s->rank && *raw >= 0) s->rank[(int64_t)*raw] = 0;
        if (isnan(*raw)) continue;
        if (f->kind == FEATURE_DATE) date_parts(*raw, s->seen ? parts : s->first);
        for (int p = 0; p < DATE_PARTS && f->kind == FEATURE_DATE && s->seen > 0; p++) f->parts |= (parts[p] != s->first[p]) << p;
        s->sum += *raw;
        s->seen++;
    }
}

static cusgd_status settle_categories(feature *f, int64_t *rank)
{
    size_t count = (size_t)f->categories.count + 1; /* there may be none */
    category *sorted = allocate(count, sizeof *sorted);
    if (!sorted) return fail_memory(count * sizeof *sorted, "a column's categories");
    sort_categories(&f->categories, sorted, rank);
    free(sorted);
    return CUSGD_OK;
}

/* Of values whose sum overflows. */
static double mean_of_large(const double *raw, int64_t n, int64_t stride)
{
    double mean = 0, count = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(raw[i * stride])) {
            count++;
            mean += raw[i * stride] / count - mean / count;
        }
    return mean;
}

static void settle_missing(feature *f, const fitting *s, const double *raw, int64_t n, int64_t stride)
{
    f->fills = 1;
    f->indicator = s->seen < n;
    f->fill = f->kind == FEATURE_CATEGORY || s->seen == 0 ? 0
              : isfinite(s->sum)                          ? s->sum / (double)s->seen
                                                          : mean_of_large(raw, n, stride);
}

/* Of all features; raw: n x e->count. Dates keep the parts that differ, or the days where none does. */
static cusgd_status settle_features(cusgd_encoding *e, const fitting *all, const double *raw, int64_t n, int all_levels)
{
    for (int64_t j = 0; j < e->count; j++) {
        feature *f = &e->at[j];
        cusgd_status status = all[j].rank ? settle_categories(f, all[j].rank) : CUSGD_OK;
        if (status) return status;
        f->reference = f->kind == FEATURE_CATEGORY && !all_levels;
        if (f->kind == FEATURE_DATE && f->parts == 0) f->parts = 1 << DATE_DAY_NUMBER;
        if (e->missing == CUSGD_MISSING_MEAN) settle_missing(f, &all[j], raw + j, n, e->count);
    }
    return encoding_set_columns(e);
}

static cusgd_status begin_fitting(cusgd_encoding *e, fitting *all)
{
    for (int64_t j = 0; j < e->count; j++) {
        feature *f = &e->at[j];
        size_t count = (size_t)f->categories.count + 1;
        f->parts = 0;
        if (f->kind != FEATURE_CATEGORY) continue;
        all[j].rank = allocate(count, sizeof *all[j].rank);
        if (!all[j].rank) return fail_memory(count * sizeof *all[j].rank, "a column's categories");
        for (size_t c = 0; c < count; c++) all[j].rank[c] = -1;
    }
    return CUSGD_OK;
}

/* The numbers of categories in their order, in the place of those in which they came. */
static void put_ranks(const cusgd_encoding *e, const fitting *all, double *raw, int64_t n)
{
    for (int64_t j = 0; j < e->count; j++)
        for (int64_t i = j; all[j].rank && i < n * e->count; i += e->count)
            if (raw[i] >= 0) raw[i] = (double)all[j].rank[(int64_t)raw[i]];
}

/* Span by span, as the rows may be more than memory holds. */
cusgd_status encoding_fit(cusgd_encoding *e, double *raw, int64_t n, int all_levels)
{
    enum { SPAN = 8192 };
    fitting *all = allocate_zeroed((size_t)e->count, sizeof *all);
    cusgd_status status = all ? begin_fitting(e, all) : fail_memory((size_t)e->count * sizeof *all, "the features");
    int must = 0, has_categories = 0;
    for (int64_t j = 0; j < e->count && !status; j++) {
        must |= must_see(e, &e->at[j]);
        has_categories |= all[j].rank != NULL;
    }
    for (int64_t first = 0; first < n && !status && must; first += SPAN) {
        int64_t count = n - first < SPAN ? n - first : SPAN;
        double *span = raw + first * e->count;
        for (int64_t j = 0; j < e->count; j++)
            if (must_see(e, &e->at[j])) see_values(&e->at[j], &all[j], span + j, count, e->count);
        file_forget(span, (size_t)(count * e->count) * sizeof *span);
    }
    if (!status) status = settle_features(e, all, raw, n, all_levels);
    for (int64_t first = 0; first < n && !status && has_categories; first += SPAN) {
        int64_t count = n - first < SPAN ? n - first : SPAN;
        put_ranks(e, all, raw + first * e->count, count);
        file_forget(raw + first * e->count, (size_t)(count * e->count) * sizeof *raw);
    }
    for (int64_t j = 0; all && j < e->count; j++) free(all[j].rank);
    free(all);
    return status;
}

/* ---- Applying ------------------------------------------------------------------------------------------------------------ */

/* Returns the place after the feature's columns. */
static double *apply_feature(const feature *f, double raw, double *x)
{
    int missing = isnan(raw);
    if (f->kind == FEATURE_CATEGORY) {
        int64_t columns = own_columns(f), at = missing || raw < 0 ? -1 : (int64_t)raw - f->reference;
        for (int64_t c = 0; c < columns; c++) x[c] = c == at;
        x += columns;
    } else if (f->kind == FEATURE_DATE) {
        double parts[DATE_PARTS];
        date_parts(missing ? f->fill : raw, parts);
        for (int p = 0; p < DATE_PARTS; p++)
            if (f->parts >> p & 1) *x++ = parts[p];
    } else {
        *x++ = missing ? f->fill : raw;
    }
    if (f->indicator) *x++ = missing;
    return x;
}

void encoding_apply(const cusgd_encoding *e, const double *raw, int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++, x += e->d) {
        double *to = x;
        for (int64_t j = 0; j < e->count; j++) to = apply_feature(&e->at[j], raw[i * e->count + j], to);
        polynomial_apply(&e->terms, x, to);
    }
}

int encoding_has_many(const cusgd_encoding *e)
{
    for (int64_t j = 0; j < e->count; j++)
        if (e->at[j].categories.count > MAX_CATEGORIES) return 1;
    return 0;
}

/* Puts a feature's values into the row that is being made; *column becomes the place after its columns. */
static cusgd_status put_feature(const feature *f, double raw, csr_rows *x, int64_t *column)
{
    double own[DATE_PARTS + 1];
    int64_t count = own_columns(f), at = raw >= 0 ? (int64_t)raw - f->reference : -1;
    cusgd_status status = CUSGD_OK;
    if (f->kind == FEATURE_CATEGORY) {
        if (at >= 0) status = csr_put(x, *column + at, 1);
        if (!status && f->indicator) status = csr_put(x, *column + count, isnan(raw));
    } else {
        apply_feature(f, raw, own);
        for (int64_t i = 0; i < columns_of(f) && !status; i++) status = csr_put(x, *column + i, own[i]);
    }
    *column += columns_of(f);
    return status;
}

cusgd_status encoding_apply_sparse(const cusgd_encoding *e, const double *raw, int64_t n, csr_rows *x)
{
    cusgd_status status = CUSGD_OK;
    double *row = e->terms.count > 0 ? allocate((size_t)e->d, sizeof *row) : NULL; /* terms are made of a whole row */
    if (e->terms.count > 0 && !row) return fail_memory((size_t)e->d * sizeof *row, "a row");
    for (int64_t i = 0; i < n && !status; i++, raw += e->count) {
        if (row) {
            encoding_apply(e, raw, 1, row);
            status = csr_add_row(x, row, e->d);
            continue;
        }
        int64_t column = 0;
        for (int64_t j = 0; j < e->count && !status; j++) status = put_feature(&e->at[j], raw[j], x, &column);
        if (!status) status = csr_end_row(x);
    }
    free(row);
    return status;
}
