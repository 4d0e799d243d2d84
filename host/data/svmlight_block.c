#include "svmlight_block.h"

#include "failure.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What messages need besides the block. */
typedef struct reading {
    svmlight_block *b;
    const char *source;
    const cusgd_reader *reader;
    int64_t before;
    int32_t base; /* by how much indices become less */
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
            status = fail(CUSGD_ERROR_DATA, "%s: line %" PRId64 ": index %" PRId64 " occurs twice", r->source, line_of(r),
                          (int64_t)row[i].column + r->base);
    }
    free(row);
    return status;
}

/* ---- Lines --------------------------------------------------------------------------------------------------------------- */

/* "index:value"; *at becomes the place behind it. */
static cusgd_status take_entry(const reading *r, const char **at, int64_t *index, double *value)
{
    const char *text = *at, *c = text, *end = r->b->end;
    *index = 0;
    if (end - c >= 8) { /* how many digits there are is hard to foresee, and loops over them are dear */
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
    *at = svmlight_number(c + 1, end, value);
    return *at ? CUSGD_OK : fail_token(r, text, "has no value that is a finite number");
}

enum { SHORT_ENTRY = 20 /* bytes of a short entry that are looked at, at most */ };

/* Entries of an index of up to 8 digits and a short number, each with one blank behind it or at the end of the line, as most are;
 * stops before any other. These are what reading takes its time for. */
static inline const char *take_short_entries(svmlight_block *b, const char *at, int32_t base, int single, int64_t *before)
{
    const char *last = b->end - at >= SHORT_ENTRY ? b->end - SHORT_ENTRY : at - 1;
    int64_t stored = b->stored;
    while (at <= last) {
        int count;
        uint64_t digits = take_eight(at, &count);
        if (count == 0 || at[count] != ':') break;
        double value;
        const char *behind = svmlight_short_number(at + count + 1, &value);
        int64_t index = (int64_t)join_eight(digits << 8 * (8 - count));
        if (!behind || index <= *before) break;
        *before = index;
        b->index[stored] = (int32_t)index - base;
        if (single)
            ((float *)b->value)[stored] = (float)value;
        else
            ((double *)b->value)[stored] = value;
        stored++;
        at = behind;
        if (*at != ' ') break;
        at++;
    }
    b->stored = stored;
    return at;
}

/* The range of a row's indices, which ascend, in the range of the block's. */
static void take_range(const reading *r, int64_t first)
{
    svmlight_block *b = r->b;
    if (first == b->stored) return;
    int64_t smallest = (int64_t)b->index[first] + r->base, largest = (int64_t)b->index[b->stored - 1] + r->base;
    if (smallest < b->smallest) b->smallest = smallest;
    if (largest > b->largest) b->largest = largest, b->largest_line = b->lines;
}

/* The entries of a row from *at on, up to the line's newline or comment, where *at is then. */
static cusgd_status take_entries(const reading *r, const char **at)
{
    svmlight_block *b = r->b;
    int64_t first = b->stored, before = r->reader->index_base == CUSGD_INDEX_ONE ? 0 : -1, ascend = 1, index;
    double value;
    for (;;) {
        while (svmlight_is_blank(**at)) ++*at;
        *at = take_short_entries(b, *at, r->base, r->reader->single_values, &before);
        const char *text = *at;
        if (svmlight_is_blank(*text)) continue;
        if (*text == '\n' || *text == '#') break;
        cusgd_status status = take_entry(r, at, &index, &value);
        if (status) return status;
        if (!put_value(r, b->stored, value))
            return fail_token(r, text, "is beyond what precision float holds; use --precision double");
        if (index == 0 && r->reader->index_base == CUSGD_INDEX_ONE)
            return fail_token(r, text, "has index 0, and the indices count from 1 (--index-base)");
        b->index[b->stored++] = (int32_t)(index - r->base);
        ascend &= index > before;
        before = index;
    }
    cusgd_status status = ascend ? CUSGD_OK : sort_row(r, first);
    take_range(r, first);
    return status;
}

/* One line; *at becomes the place behind its newline. */
static cusgd_status take_line(const reading *r, const char **at)
{
    svmlight_block *b = r->b;
    b->lines++;
    while (svmlight_is_blank(**at)) ++*at;
    if (**at != '\n' && **at != '#') {
        const char *label = *at;
        *at = svmlight_number(label, b->end, &b->y[b->rows]);
        if (!*at) return fail_token(r, label, "is not a label: one finite number starts a line");
        b->start[b->rows++] = b->first + b->stored;
        cusgd_status status = take_entries(r, at);
        if (status) return status;
    }
    if (**at == '#') *at = memchr(*at, '\n', (size_t)(b->end - *at));
    ++*at;
    return CUSGD_OK;
}

/* ---- Blocks -------------------------------------------------------------------------------------------------------------- */

/* Whole words of counters that fit in a byte, which compilers turn into operations on many bytes. */
void svmlight_block_count(svmlight_block *b)
{
    enum { PIECE = 255, LANES = 32 };
    const unsigned char *at = (const unsigned char *)b->begin, *end = (const unsigned char *)b->end;
    b->rows = b->stored = 0;
    while (end - at >= LANES) {
        unsigned char newlines[LANES] = {0}, colons[LANES] = {0};
        for (int i = 0; i < PIECE && end - at >= LANES; i++, at += LANES)
            for (int lane = 0; lane < LANES; lane++) {
                newlines[lane] = (unsigned char)(newlines[lane] + (at[lane] == '\n'));
                colons[lane] = (unsigned char)(colons[lane] + (at[lane] == ':'));
            }
        for (int lane = 0; lane < LANES; lane++) b->rows += newlines[lane], b->stored += colons[lane];
    }
    for (; at < end; at++) b->rows += *at == '\n', b->stored += *at == ':';
}

cusgd_status svmlight_block_read(svmlight_block *b, const char *source, const cusgd_reader *reader, int64_t before)
{
    const reading r = {b, source, reader, before, svmlight_base(reader)};
    const char *at = b->begin;
    cusgd_status status = CUSGD_OK;
    b->lines = b->rows = b->stored = 0;
    b->largest = -1;
    b->smallest = INT64_MAX;
    b->failed = b->begin;
    while (at < b->end && !status) {
        b->failed = at;
        status = take_line(&r, &at);
    }
    if (!status) b->failed = NULL;
    return status;
}
