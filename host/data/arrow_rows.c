#include "arrow_table.h"
#include "data.h"
#include "failure.h"
#include "interrupt.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status fail_cell(const arrow_table *t, int64_t j, const char *what)
{
    char where[COLUMN_BYTES];
    return fail_data_row(t->rows, -1, "%s: row %" PRId64 ", column %s: %s", t->source, t->rows + 1,
                         column_show(&t->columns, j, where), what);
}

/* ---- Texts --------------------------------------------------------------------------------------------------------------- */

/* Returns a value as a text, also for numbers that are categories. */
static const char *text_of(const struct ArrowArray *a, const arrow_type *type, int64_t i, char number[NUMBER_TEXT],
                           size_t *length)
{
    int exact;
    if (type->kind == ARROW_TEXT) return arrow_text(a, type, i, length);
    number_format(arrow_number(a, type, i, &exact), number);
    *length = strlen(number);
    return number;
}

/* Gets the number of a text, which is added to those of the column. */
static cusgd_status number_text(arrow_table *t, int64_t j, const char *text, size_t length, double *to)
{
    text_set *texts = &t->at[j].texts;
    int64_t number = texts_find(texts, text, length), most = t->columns.at[j].role == ROLE_TARGET ? MAX_CLASSES : MAX_CATEGORIES;
    if (number >= 0) {
        *to = (double)number;
        return CUSGD_OK;
    }
    if (!text_is_utf8(text, length))
        return fail_cell(t, j, memchr(text, 0, length) ? "the text has a NUL byte" : "the text is not UTF-8");
    if (texts->count >= most)
        return fail_cell(t, j, "the column has too many different texts for categories or classes: leave it out");
    char *copy = strndup(text, length);
    cusgd_status status = copy ? texts_put(texts, copy) : fail_memory(length + 1, "a text");
    free(copy);
    *to = (double)texts->count - 1;
    return status;
}

/* Looks up a text in the encoding of another table. */
static cusgd_status find_category(arrow_table *t, int64_t j, const text_set *known, const char *text, size_t length, double *to)
{
    *to = (double)texts_find(known, text, length);
    if (*to >= 0) return CUSGD_OK;
    if (t->reader->encode.strict) return fail_cell(t, j, "is a category that the model does not know");
    t->at[j].unknown++;
    return CUSGD_OK;
}

/* ---- Values -------------------------------------------------------------------------------------------------------------- */

static cusgd_status put_number(const arrow_table *t, int64_t j, const struct ArrowArray *a, int64_t i, double *to)
{
    int exact = 1;
    if (t->at[j].type.kind != ARROW_NUMBER && t->at[j].type.kind != ARROW_BOOLEAN)
        return fail_cell(t, j, "holds no numbers, where numbers are wanted");
    *to = arrow_number(a, &t->at[j].type, i, &exact);
    if (!exact) return fail_cell(t, j, "its integer is beyond 2^53 and has no exact double");
    return CUSGD_OK;
}

static cusgd_status put_boolean(const arrow_table *t, int64_t j, const struct ArrowArray *a, int64_t i, double *to)
{
    size_t length;
    int pair, value;
    if (t->at[j].type.kind != ARROW_TEXT) return put_number(t, j, a, i, to);
    const char *text = arrow_text(a, &t->at[j].type, i, &length);
    if (!text_is_boolean(text, length, &pair, &value)) return fail_cell(t, j, "is neither true nor false");
    *to = value;
    return CUSGD_OK;
}

static cusgd_status put_date(const arrow_table *t, int64_t j, const struct ArrowArray *a, int64_t i, double *to)
{
    int exact;
    if (t->at[j].type.kind != ARROW_DATE)
        return fail_cell(t, j, "is of no type of dates: cast the column to date32 or timestamp");
    *to = arrow_number(a, &t->at[j].type, i, &exact);
    return CUSGD_OK;
}

static int is_category(const arrow_table *t, int64_t j)
{
    const arrow_type *type = &t->at[j].type;
    return t->columns.at[j].coding == CODING_CATEGORIES || type->kind == ARROW_TEXT || type->coded;
}

static cusgd_status put_feature(arrow_table *t, int64_t j, const struct ArrowArray *a, int64_t i, double *to)
{
    const arrow_type *type = &t->at[j].type;
    const feature *f = t->reader->encoding ? &t->encoding->at[t->columns.at[j].at] : NULL;
    char number[NUMBER_TEXT];
    size_t length;
    if (f ? f->kind == FEATURE_CATEGORY : is_category(t, j)) {
        if (type->kind == ARROW_DATE) return fail_cell(t, j, "is a date, which is no category");
        const char *text = text_of(a, type, i, number, &length);
        return f ? find_category(t, j, &f->categories, text, length, to) : number_text(t, j, text, length, to);
    }
    if (f && f->kind == FEATURE_BOOLEAN) return put_boolean(t, j, a, i, to);
    if (f ? f->kind == FEATURE_DATE : type->kind == ARROW_DATE || t->columns.at[j].coding == CODING_DATES)
        return put_date(t, j, a, i, to);
    return put_number(t, j, a, i, to);
}

static cusgd_status put_target(arrow_table *t, int64_t j, const struct ArrowArray *a, int64_t i, double *to)
{
    size_t length;
    const arrow_type *type = &t->at[j].type;
    if (type->kind != ARROW_TEXT) return put_number(t, j, a, i, to);
    if (t->columns.k > 1) return fail_cell(t, j, "is text, and several targets are numbers");
    const char *text = arrow_text(a, type, i, &length);
    if (!t->reader->classes) return number_text(t, j, text, length, to);
    *to = (double)texts_find(&t->at[j].texts, text, length);
    return *to >= 0 ? CUSGD_OK : fail_cell(t, j, "is a class that the model does not know");
}

/* Returns the place of the value of the column in the current row. */
static double *place_of(const arrow_table *t, int64_t j)
{
    const column *c = &t->columns.at[j];
    if (c->role == ROLE_FEATURE) return t->x + t->rows * t->columns.d + c->at;
    if (c->role == ROLE_TARGET) return t->y + t->rows * t->columns.k + c->at;
    return (c->role == ROLE_WEIGHT ? t->w : t->o) + t->rows;
}

static cusgd_status put_value(arrow_table *t, int64_t j, const struct ArrowArray *a, int64_t i)
{
    const column *c = &t->columns.at[j];
    double *to = place_of(t, j);
    *to = (double)NAN;
    if (!arrow_is_sound(a, &t->at[j].type, i))
        return fail_cell(t, j,
                         t->at[j].type.coded ? "its code is none of the dictionary's: the table is damaged"
                                             : "its text lies outside of the column's characters: the table is damaged");
    if (!arrow_is_known(a, &t->at[j].type, i)) return CUSGD_OK;
    cusgd_status status = c->role == ROLE_FEATURE  ? put_feature(t, j, a, i, to)
                          : c->role == ROLE_TARGET ? put_target(t, j, a, i, to)
                                                   : put_number(t, j, a, i, to);
    if (status) return status;
    if (isinf(*to)) return fail_cell(t, j, "is infinite");
    if (c->role == ROLE_WEIGHT && *to < 0) return fail_cell(t, j, "weights are 0 or greater");
    t->at[j].known += !isnan(*to);
    return CUSGD_OK;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------- */

static cusgd_status grow_array(double **array, int64_t rows, int64_t cols)
{
    if (cols == 0) return CUSGD_OK;
    double *more =
        (uint64_t)rows <= SIZE_MAX / sizeof *more / (uint64_t)cols ? realloc(*array, (size_t)(rows * cols) * sizeof *more) : NULL;
    if (!more) return fail(CUSGD_ERROR_MEMORY, "out of memory for %" PRId64 " x %" PRId64 " values of a table", rows, cols);
    *array = more;
    return CUSGD_OK;
}

static cusgd_status grow(arrow_table *t, int64_t rows)
{
    if (rows <= t->capacity) return CUSGD_OK;
    int64_t room = rows < 2 * t->capacity ? 2 * t->capacity : rows;
    cusgd_status status = grow_array(&t->x, room, t->columns.d);
    if (!status) status = grow_array(&t->y, room, t->columns.k);
    if (!status) status = grow_array(&t->w, room, t->columns.weighted);
    if (!status) status = grow_array(&t->o, room, t->columns.offset != CUSGD_OFFSET_NONE);
    if (!status) t->capacity = room;
    return status;
}

/* Returns whether rows of a chunk are missing. Its count may be -1, which means unknown. */
static int lacks_rows(const struct ArrowArray *chunk)
{
    const arrow_type any = {.kind = ARROW_NUMBER};
    if (chunk->null_count >= 0 || chunk->n_buffers < 1 || !chunk->buffers) return chunk->null_count > 0;
    for (int64_t i = 0; i < chunk->length; i++)
        if (!arrow_is_known(chunk, &any, i)) return 1;
    return 0;
}

/* Checks that a chunk has the buffers that it claims, so that it is not read beyond its end. */
static cusgd_status check_chunk(const arrow_table *t, const struct ArrowArray *chunk)
{
    char where[COLUMN_BYTES];
    if (chunk->n_children != t->columns.count)
        return fail(CUSGD_ERROR_DATA, "%s: a part of the table has %" PRId64 " columns, and the first %" PRId64, t->source,
                    chunk->n_children, t->columns.count);
    if (chunk->offset < 0 || chunk->length < 0 || chunk->offset > INT64_MAX - chunk->length)
        return fail(CUSGD_ERROR_DATA, "%s: a part of the table has a negative number of rows: the table is damaged", t->source);
    for (int64_t j = 0; j < t->columns.count; j++)
        if (t->columns.at[j].role > ROLE_IGNORED &&
            !arrow_has_rows(chunk->children[j], &t->at[j].type, chunk->offset + chunk->length))
            return fail(CUSGD_ERROR_DATA,
                        "%s: column %s has fewer rows than the part of the table that it is in: the table is damaged", t->source,
                        column_show(&t->columns, j, where));
    if (!lacks_rows(chunk)) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: has rows that are missing as a whole: remove them", t->source);
}

cusgd_status arrow_add(arrow_table *t, const struct ArrowArray *chunk)
{
    cusgd_status status = check_chunk(t, chunk);
    if (!status && chunk->length > 0) status = grow(t, t->rows + chunk->length);
    for (int64_t i = 0; i < chunk->length && !status; i++, t->rows += !status) {
        for (int64_t j = 0; j < t->columns.count && !status; j++)
            if (t->columns.at[j].role > ROLE_IGNORED) status = put_value(t, j, chunk->children[j], chunk->offset + i);
        if (!status && i % 1024 == 0 && interrupt_asked()) status = fail_interrupted();
    }
    return status;
}
