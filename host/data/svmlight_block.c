#include "svmlight_block.h"

#include "failure.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What messages need besides the block. */
typedef struct reading {
    svmlight_block *b;
    const char *source;
    const cusgd_reader *reader;
    int64_t before;
} reading;

static int64_t line_of(const reading *r) { return r->before + r->b->lines; }

static cusgd_status fail_token(const reading *r, const char *at, const char *what)
{
    char shown[48];
    int length = 0;
    while (length < 40 && !svmlight_ends_token(at[length])) length++;
    char text[41];
    memcpy(text, at, (size_t)length);
    text[length] = '\0';
    cusgd_text_escape(text, shown, sizeof shown);
    return fail(CUSGD_ERROR_DATA, "%s: line %" PRId64 ": '%s' %s", r->source, line_of(r), shown, what);
}

/* ---- Values -------------------------------------------------------------------------------------------------------------- */

static double value_at(const reading *r, int64_t at)
{
    return r->reader->single_values ? (double)((const float *)r->b->value)[at] : ((const double *)r->b->value)[at];
}

/* 0 where the value is beyond what a float holds. */
static int put_value(const reading *r, int64_t at, double value)
{
    if (!r->reader->single_values) {
        ((double *)r->b->value)[at] = value;
        return 1;
    }
    ((float *)r->b->value)[at] = (float)value;
    return isfinite((float)value) != 0;
}

/* Room for all that `bytes` of text may hold: "0\n" is a row, and "0:0 " a value. */
static cusgd_status make_room(const reading *r, int64_t bytes)
{
    svmlight_block *b = r->b;
    int64_t rows = bytes / 2 + 1, stored = bytes / 4 + 1;
    size_t value = svmlight_value_size(r->reader);
    if (stored <= b->stored_room) return CUSGD_OK;
    svmlight_block_free(b);
    b->start = allocate((size_t)rows, sizeof *b->start);
    b->y = allocate((size_t)rows, sizeof *b->y);
    b->index = allocate((size_t)stored, sizeof *b->index);
    b->value = allocate((size_t)stored, value);
    if (!b->start || !b->y || !b->index || !b->value)
        return fail_memory((size_t)rows * 2 * sizeof *b->y + (size_t)stored * (sizeof *b->index + value), r->source);
    b->row_room = rows;
    b->stored_room = stored;
    return CUSGD_OK;
}

void svmlight_block_free(svmlight_block *b)
{
    free(b->start);
    free(b->y);
    free(b->index);
    free(b->value);
    b->start = NULL;
    b->y = NULL;
    b->index = NULL;
    b->value = NULL;
    b->row_room = b->stored_room = 0;
}

typedef struct entry {
    int32_t column;
    double value;
} entry;

static int compare_entries(const void *a, const void *b)
{
    int32_t left = ((const entry *)a)->column, right = ((const entry *)b)->column;
    return (left > right) - (left < right);
}

/* Sorts the row's values from `first` on; an index that occurs twice is an error. */
static cusgd_status sort_row(const reading *r, int64_t first)
{
    size_t count = (size_t)(r->b->stored - first);
    entry *row = allocate(count, sizeof *row);
    if (!row) return fail_memory(count * sizeof *row, "sorting a row");
    for (size_t i = 0; i < count; i++) row[i] = (entry){r->b->index[first + (int64_t)i], value_at(r, first + (int64_t)i)};
    qsort(row, count, sizeof *row, compare_entries);
    cusgd_status status = CUSGD_OK;
    for (size_t i = 0; i < count; i++) {
        r->b->index[first + (int64_t)i] = row[i].column;
        put_value(r, first + (int64_t)i, row[i].value);
        if (i > 0 && row[i].column == row[i - 1].column && !status)
            status =
                fail(CUSGD_ERROR_DATA, "%s: line %" PRId64 ": index %d occurs twice", r->source, line_of(r), (int)row[i].column);
    }
    free(row);
    return status;
}

/* ---- Lines --------------------------------------------------------------------------------------------------------------- */

/* "index:value"; *at becomes the place behind it. */
static cusgd_status take_entry(const reading *r, const char **at, int64_t *index)
{
    svmlight_block *b = r->b;
    const char *text = *at, *c = text;
    *index = 0;
    if (b->end - c >= 8) { /* how many digits there are is hard to foresee, and loops over them are dear */
        int count;
        uint64_t digits = take_eight(c, &count);
        if (count > 0) *index = (int64_t)join_eight(digits << 8 * (8 - count));
        c += count;
    }
    while ((unsigned char)(*c - '0') < 10 && *index <= INT32_MAX) *index = *index * 10 + (*c++ - '0');
    if (*index > INT32_MAX) return fail_token(r, text, "has an index above 2147483647");
    if (c == text && strncmp(text, "qid:", 4) == 0)
        return fail_token(r, text, "is a query of a ranking, which cuSGD does not learn: remove it");
    if (c == text || *c != ':') return fail_token(r, text, "is not INDEX:VALUE");
    double value;
    *at = svmlight_number(c + 1, b->end, &value);
    if (!*at) return fail_token(r, text, "has no value that is a finite number");
    if (!put_value(r, b->stored, value))
        return fail_token(r, text, "is beyond what precision float holds; use --precision double");
    if (*index == 0 && r->reader->index_base == CUSGD_INDEX_ONE)
        return fail_token(r, text, "has index 0, and the indices count from 1 (--index-base)");
    b->index[b->stored++] = (int32_t)*index;
    return CUSGD_OK;
}

/* One line, behind which a newline stands at `end`. */
static cusgd_status take_line(const reading *r, const char *at, const char *end)
{
    svmlight_block *b = r->b;
    int64_t first = b->stored, before = -1, ascend = 1;
    b->lines++;
    while (svmlight_is_blank(*at)) at++;
    if (at == end || *at == '#') return CUSGD_OK;
    const char *label = at;
    at = svmlight_number(at, b->end, &b->y[b->rows]);
    if (!at) return fail_token(r, label, "is not a label: one finite number starts a line");
    for (;;) {
        int64_t index;
        while (svmlight_is_blank(*at)) at++;
        if (at == end || *at == '#') break;
        cusgd_status status = take_entry(r, &at, &index);
        if (status) return status;
        ascend &= index > before;
        before = index;
        if (index > b->largest) b->largest = index, b->largest_line = b->lines;
        if (index < b->smallest) b->smallest = index;
    }
    b->start[b->rows++] = first;
    return ascend ? CUSGD_OK : sort_row(r, first);
}

cusgd_status svmlight_block_read(svmlight_block *b, const char *source, const cusgd_reader *reader, int64_t before)
{
    const reading r = {b, source, reader, before};
    const char *at = b->begin;
    b->lines = b->rows = b->stored = 0;
    b->largest = -1;
    b->smallest = INT64_MAX;
    b->failed = b->begin;
    cusgd_status status = make_room(&r, b->end - b->begin);
    while (at < b->end && !status) {
        const char *stop = memchr(at, '\n', (size_t)(b->end - at));
        b->failed = at;
        status = take_line(&r, at, stop);
        at = stop + 1;
    }
    if (!status) b->failed = NULL;
    return status;
}
