/* LIBSVM (SVMlight) text: a line a row, "label index:value index:value ... # comment", read in one pass. */
#include "data.h"
#include "digits.h"
#include "failure.h"
#include "input.h"
#include "interrupt.h"
#include "notes.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef struct reading {
    const char *source;
    const cusgd_reader *reader;
    int64_t line, rows, stored, row_room, stored_room;
    int64_t *start;
    int32_t *index; /* as they are in the file */
    void *value;    /* float where the reader wants that, else double */
    double *y;
    int64_t largest, largest_line, smallest;
    const char *end; /* of the lines that have been read from the file */
} reading;

static int is_name(const char *path)
{
    static const char *const endings[] = {".svm", ".libsvm", ".svmlight"}, *const packed[] = {"", ".gz", ".zst"};
    for (size_t i = 0; i < 9; i++) {
        size_t length = strlen(path), ending = strlen(endings[i / 3]), all = ending + strlen(packed[i % 3]);
        if (length > all && strncasecmp(path + length - all, endings[i / 3], ending) == 0 &&
            strcasecmp(path + length - all + ending, packed[i % 3]) == 0)
            return 1;
    }
    return 0;
}

static int is_table_name(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && (strcasecmp(path + length - 4, ".csv") == 0 || strcasecmp(path + length - 4, ".tsv") == 0);
}

static size_t value_size(const reading *r) { return r->reader->single_values ? sizeof(float) : sizeof(double); }

static double value_at(const reading *r, int64_t at)
{
    return r->reader->single_values ? (double)((const float *)r->value)[at] : ((const double *)r->value)[at];
}

/* 0 where the value is beyond what a float holds. */
static int put_value(reading *r, int64_t at, double value)
{
    if (!r->reader->single_values) {
        ((double *)r->value)[at] = value;
        return 1;
    }
    ((float *)r->value)[at] = (float)value;
    return isfinite((float)value) != 0;
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static int ends_token(char c) { return is_blank(c) || c == '\n' || c == '#'; }

static cusgd_status fail_token(const reading *r, const char *at, const char *what)
{
    char shown[48];
    int length = 0;
    while (length < 40 && !ends_token(at[length])) length++;
    char text[41];
    memcpy(text, at, (size_t)length);
    text[length] = '\0';
    cusgd_text_escape(text, shown, sizeof shown);
    return fail(CUSGD_ERROR_DATA, "%s: line %" PRId64 ": '%s' %s", r->source, r->line, shown, what);
}

/* Returns the place behind the number, or NULL where there is none, or none that is finite. `end` is behind a newline, which no
 * number goes beyond: in another line where there is one, so that the last numbers of a line are read eight digits at a time,
 * too. */
static inline const char *take_number(const char *at, const char *end, double *value)
{
    static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    if (end - at >= 10 && at[1] == '.' && (unsigned char)(at[0] - '0') < 10) { /* most are 0.1234 */
        int count;
        uint64_t digits = take_eight(at + 2, &count);
        if (count > 0 && count < 8 && ends_token(at[2 + count])) { /* two exact doubles, whose quotient is rounded once */
            *value = ((at[0] - '0') * tens[count] + (double)(int64_t)join_eight(digits << 8 * (8 - count))) / tens[count];
            return at + 2 + count;
        }
    }
    const char *behind = number_take(at, end, '.', value);
    return behind && ends_token(*behind) && isfinite(*value) ? behind : NULL;
}

/* Room for one more row, and for as many values as `bytes` of text may hold. */
static cusgd_status make_room(reading *r, int64_t bytes)
{
    int64_t wanted = r->stored + bytes / 4 + 1;
    if (r->rows + 2 > r->row_room) {
        int64_t room = 2 * r->row_room + 1024;
        void *start = realloc(r->start, (size_t)room * sizeof *r->start), *y = NULL;
        if (start) r->start = start;
        if (start) y = realloc(r->y, (size_t)room * sizeof *r->y);
        if (!start || !y) return fail_memory((size_t)room * sizeof *r->y, r->source);
        r->y = y;
        r->row_room = room;
    }
    if (wanted > r->stored_room) {
        int64_t room = wanted + r->stored_room / 2;
        void *indices = realloc(r->index, (size_t)room * sizeof *r->index), *value = NULL;
        if (indices) r->index = indices;
        if (indices) value = realloc(r->value, (size_t)room * value_size(r));
        if (!indices || !value) return fail_memory((size_t)room * (sizeof *r->index + value_size(r)), r->source);
        r->value = value;
        r->stored_room = room;
    }
    return CUSGD_OK;
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
static cusgd_status sort_row(reading *r, int64_t first)
{
    size_t count = (size_t)(r->stored - first);
    entry *row = allocate(count, sizeof *row);
    if (!row) return fail_memory(count * sizeof *row, "sorting a row");
    for (size_t i = 0; i < count; i++) row[i] = (entry){r->index[first + (int64_t)i], value_at(r, first + (int64_t)i)};
    qsort(row, count, sizeof *row, compare_entries);
    cusgd_status status = CUSGD_OK;
    for (size_t i = 0; i < count; i++) {
        r->index[first + (int64_t)i] = row[i].column;
        put_value(r, first + (int64_t)i, row[i].value);
        if (i > 0 && row[i].column == row[i - 1].column && !status)
            status =
                fail(CUSGD_ERROR_DATA, "%s: line %" PRId64 ": index %d occurs twice", r->source, r->line, (int)row[i].column);
    }
    free(row);
    return status;
}

/* "index:value"; *at becomes the place behind it. */
static cusgd_status take_entry(reading *r, const char **at, int64_t *index)
{
    const char *text = *at, *c = text;
    *index = 0;
    if (r->end - c >= 8) { /* how many digits there are is hard to foresee, and loops over them are dear */
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
    *at = take_number(c + 1, r->end, &value);
    if (!*at) return fail_token(r, text, "has no value that is a finite number");
    if (!put_value(r, r->stored, value))
        return fail_token(r, text, "is beyond what precision float holds; use --precision double");
    if (*index == 0 && r->reader->index_base == CUSGD_INDEX_ONE)
        return fail_token(r, text, "has index 0, and the indices count from 1 (--index-base)");
    r->index[r->stored++] = (int32_t)*index;
    return CUSGD_OK;
}

/* One line, behind which a newline stands at `end`. */
static cusgd_status take_line(reading *r, const char *at, const char *end)
{
    int64_t first = r->stored, before = -1, ascend = 1;
    r->line++;
    while (is_blank(*at)) at++;
    if (at == end || *at == '#') return CUSGD_OK;
    cusgd_status status = make_room(r, end - at);
    if (status) return status;
    const char *label = at;
    at = take_number(at, r->end, &r->y[r->rows]);
    if (!at) return fail_token(r, label, "is not a label: one finite number starts a line");
    for (;;) {
        int64_t index;
        while (is_blank(*at)) at++;
        if (at == end || *at == '#') break;
        status = take_entry(r, &at, &index);
        if (status) return status;
        ascend &= index > before;
        before = index;
        if (index > r->largest) r->largest = index, r->largest_line = r->line;
        if (index < r->smallest) r->smallest = index;
    }
    r->start[r->rows++] = first;
    return ascend ? CUSGD_OK : sort_row(r, first);
}

/* The lines of text .. end - 1, of which the last ends with a newline. */
static cusgd_status take_lines(reading *r, const char *text, const char *end)
{
    cusgd_status status = CUSGD_OK;
    r->end = end;
    while (text < end && !status) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        status = take_line(r, text, stop);
        text = stop + 1;
    }
    return status;
}

static cusgd_status read_all(reading *r, input *in)
{
    size_t room = (size_t)1 << 20, used = 0, count = 1;
    char *text = allocate(room + 1, 1);
    cusgd_status status = text ? CUSGD_OK : fail_memory(room, r->source);
    while (!status && count > 0) {
        if (used == room) { /* a line longer than the buffer */
            char *more = realloc(text, 2 * room + 1);
            if (!more) status = fail_memory(2 * room, r->source);
            if (!more) break;
            text = more;
            room *= 2;
        }
        status = interrupt_asked() ? fail_interrupted() : input_read(in, text + used, room - used, &count);
        size_t begin = used;
        used += count;
        if (!status && count == 0 && used > 0) text[used++] = '\n';
        const char *last = used > begin ? memrchr(text + begin, '\n', used - begin) : NULL;
        if (status || !last) continue;
        size_t lines = (size_t)(last + 1 - text);
        status = take_lines(r, text, text + lines);
        memmove(text, text + lines, used - lines);
        used -= lines;
    }
    free(text);
    return status;
}

/* Which index the first column has, and how many columns there are. */
static cusgd_status settle(reading *r, cusgd_data *data)
{
    const cusgd_reader *reader = r->reader;
    int zero = reader->index_base == CUSGD_INDEX_ZERO || (reader->index_base == CUSGD_INDEX_AUTO && r->smallest == 0);
    int64_t d = r->largest - (zero ? 0 : 1) + 1;
    if (r->rows == 0) return fail(CUSGD_ERROR_DATA, "%s: has no rows", r->source);
    if (reader->columns > 0 && d > reader->columns)
        return fail(CUSGD_ERROR_DATA,
                    "%s: line %" PRId64 ": index %" PRId64 " is beyond the %" PRId64 " columns, whose indices count from %d: see "
                    "--index-base and --columns",
                    r->source, r->largest_line, r->largest, reader->columns, !zero);
    if (reader->columns > 0) d = reader->columns;
    if (d < 1) return fail(CUSGD_ERROR_DATA, "%s: every row is empty: say how many columns there are by --columns", r->source);
    for (int64_t i = 0; i < r->stored && !zero; i++) r->index[i]--;
    r->start[r->rows] = r->stored;
    data->base = zero ? CUSGD_INDEX_ZERO : CUSGD_INDEX_ONE;
    data->view.n = r->rows;
    data->view.d = d;
    data->view.s = (cusgd_csr){r->start, r->index, r->value, reader->single_values ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64, 0};
    if (!reader->x_only) {
        data->view.k = 1;
        data->view.y = (cusgd_matrix){r->y, CUSGD_TYPE_FLOAT64, 1, 1};
    }
    if (reader->index_base != CUSGD_INDEX_AUTO) return CUSGD_OK;
    return data_note(data, "%s: indices count from %d (--index-base), %" PRId64 " columns", r->source, !zero, d);
}

cusgd_status svmlight_open(const char *path, const cusgd_reader *reader, cusgd_data *data)
{
    reading r = {.source = data->source, .reader = reader, .largest = -1, .smallest = INT64_MAX};
    input in;
    if (reader->ignore_count || reader->weights)
        return fail(CUSGD_ERROR_USAGE, "%s: the columns of LIBSVM text have no names to ignore or to take weights from", path);
    cusgd_status status = input_open(&in, path, data->source);
    if (status) return status;
    status = make_room(&r, 1);
    if (!status) status = read_all(&r, &in);
    input_close(&in);
    if (!status) status = settle(&r, data);
    data->memory[0] = r.value;
    data->memory[1] = r.y;
    data->memory[PLACE_START] = r.start;
    data->memory[PLACE_COLUMN] = r.index;
    return status;
}

/* ---- By content ---------------------------------------------------------------------------------------------------------- */

/* Whether a whole line, or its beginning that stops at `end`, is a label and INDEX:VALUE pairs, at least one. */
static int is_row(const char *at, const char *end)
{
    int64_t before = -1, pairs = 0;
    double number;
    at = take_number(at, end + 1, &number);
    while (at && at < end && *at != '\n' && *at != '#') {
        int64_t index = 0;
        while (is_blank(*at)) at++;
        if (*at == '\n' || *at == '#') break;
        const char *begin = at;
        while ((unsigned char)(*at - '0') < 10 && index <= INT32_MAX) index = index * 10 + (*at++ - '0');
        if (at == begin || *at != ':' || index <= before) return 0;
        at = take_number(at + 1, end + 1, &number);
        before = index;
        pairs += at != NULL;
    }
    return at && pairs > 0;
}

int cusgd_file_is_libsvm(const char *path)
{
    enum { FIRST = 4096 };
    char text[FIRST + 1];
    if (!path) return 0;
    if (is_name(path)) return 1;
    struct stat info;
    if (is_table_name(path) || stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return 0;
    FILE *file = fopen(path, "rbe");
    if (!file) return 0;
    size_t count = fread(text, 1, FIRST, file);
    fclose(file);
    for (int full = count == FIRST; full && count > 0 && !ends_token(text[count - 1]);) count--; /* a token that may be cut off */
    if (memchr(text, '\0', count)) return 0;
    text[count] = '\n';
    const char *at = text, *end = text + count;
    while (at < end) {
        while (at < end && is_blank(*at)) at++;
        if (at < end && *at != '\n' && *at != '#') return is_row(at, end);
        at = memchr(at, '\n', (size_t)(end - at) + 1);
        at++;
    }
    return 0;
}
