#include "scan.h"

#include "csv_grammar.h"
#include "failure.h"
#include "kind.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 1 << 20, FIELD_BYTES_MOST = 1 << 24 };

static cusgd_status fail_at(const scanner *s, int64_t line, const char *sentence)
{
    return fail(CUSGD_ERROR_DATA, "%s:%" PRId64 ":%" PRId64 ": %s", s->source, line, s->column, sentence);
}

/* ---- Bytes --------------------------------------------------------------------------------------------------------------- */

/* Removes bytes that were returned from the buffer. */
static void move_to_front(scanner *s)
{
    if (s->begin > 0) memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
    s->buffer[s->end] = '\n';
}

/* 0: out of memory. */
static int grow(scanner *s, size_t capacity)
{
    char *larger = realloc(s->buffer, capacity + 1);
    if (!larger) return 0;
    s->buffer = larger;
    s->capacity = capacity;
    return 1;
}

/* Makes room after `end`: what was handed out goes; a field larger than the buffer doubles it. */
static cusgd_status make_room(scanner *s)
{
    move_to_front(s);
    if (s->end < s->capacity) return CUSGD_OK;
    if (s->capacity >= FIELD_BYTES_MOST)
        return fail_at(s, s->start, "a field of more than 16 MB starts here: is its closing quote missing?");
    return grow(s, 2 * s->capacity) ? CUSGD_OK : fail_memory(2 * s->capacity + 1, "a field");
}

/* Reads more bytes after `end`. */
static void read_more(scanner *s)
{
    size_t count;
    if ((s->status = input_read(&s->input, s->buffer + s->end, s->capacity - s->end, &count))) return;
    s->at_end = count == 0;
    s->end += count;
    s->buffer[s->end] = '\n';
}

/* Reads on until the byte `at` places after begin is there. Returns 0 if there is none, or s->status is a failure. */
static int fill(scanner *s, size_t at)
{
    while (s->begin + at >= s->end) {
        if (s->at_end || s->status) return 0;
        if ((s->status = make_room(s))) return 0;
        read_more(s);
    }
    return 1;
}

void scan_window(scanner *s, size_t bytes, char **text, size_t *length)
{
    if (s->end - s->begin < bytes) move_to_front(s);
    while (bytes > s->capacity && !s->at_end && !s->status)
        if (!grow(s, 2 * s->capacity)) s->status = fail_memory(2 * s->capacity + 1, "reading");
    while (s->end - s->begin < bytes && !s->at_end && !s->status) read_more(s);
    *text = s->buffer + s->begin;
    *length = s->end - s->begin;
}

void scan_pass(scanner *s, size_t bytes, int64_t line)
{
    s->begin += bytes;
    s->line = line;
}

uint64_t scan_place(const scanner *s)
{
    return s->input.taken - (uint64_t)(s->input.end - s->input.begin) - (uint64_t)(s->end - s->begin);
}

cusgd_status scan_piece(scanner *s, uint64_t from, uint64_t to)
{
    s->begin = s->end = 0;
    s->buffer[0] = '\n';
    s->at_end = 0;
    return s->status = input_piece(&s->input, from, to);
}

/* The byte `at` places after begin; -1 if there is none. May move the buffer. */
static int peek(scanner *s, size_t at)
{
    if (s->begin + at >= s->end && !fill(s, at)) return -1;
    return (unsigned char)s->buffer[s->begin + at];
}

/* ---- Opening ------------------------------------------------------------------------------------------------------------- */

/* Skips the line at begin. */
static void pass_line(scanner *s)
{
    size_t at = 0;
    int c;
    do {
        c = peek(s, at);
        if (c != '\n' && at < READ_BYTES / 2) {
            at += c >= 0;
            continue;
        }
        s->begin += at + (c == '\n');
        at = 0;
    } while (c >= 0 && c != '\n');
    s->begin += at;
    s->line++;
}

/* Passes over UTF-8's byte order mark and the lines that are to be skipped, and keeps the first bytes after them. */
static cusgd_status read_sample(scanner *s)
{
    (void)peek(s, 2);
    s->begin += byte_order_mark(s->buffer + s->begin, s->end - s->begin);
    for (int64_t i = 0; i < s->dialect.skip && !s->status && peek(s, 0) >= 0; i++) pass_line(s);
    s->preamble = s->dialect.skip > 0;
    (void)peek(s, SAMPLE_BYTES - 1);
    if (s->status) return s->status;
    s->sample_count = s->end - s->begin < SAMPLE_BYTES ? s->end - s->begin : SAMPLE_BYTES;
    s->sample = allocate(s->sample_count, 1);
    if (!s->sample) return fail_memory(s->sample_count, "a file's first bytes");
    memcpy(s->sample, s->buffer + s->begin, s->sample_count);
    return kind_check(s->source, s->sample, s->sample_count);
}

/* Excel's first line, which says what separates the columns: sep=; */
static void take_excel_line(scanner *s)
{
    static const char start[] = "sep=";
    for (size_t i = 0; i < 4; i++)
        if ((peek(s, i) | 0x20) != (start[i] | 0x20)) return;
    int separator = peek(s, 4), after = peek(s, 5);
    if (separator < ' ' && separator != '\t') return;
    if (after != '\n' && after != '\r' && after >= 0) return;
    if (!s->dialect.separator) s->dialect.separator = (char)separator;
    pass_line(s);
}

static void settle_dialect(scanner *s)
{
    take_excel_line(s);
    if (!s->dialect.decimal && s->dialect.thousands == ',') s->dialect.decimal = '.';
    if (!s->dialect.decimal && s->dialect.thousands == '.') s->dialect.decimal = ',';
    s->doubts_decimal =
        !dialect_find(s->buffer + s->begin, s->end - s->begin < SAMPLE_BYTES ? s->end - s->begin : SAMPLE_BYTES, &s->dialect);
    s->special['\n'] = s->special['\r'] = s->special['"'] = 1;
    s->special[(unsigned char)s->dialect.separator] = 1;
    if (s->dialect.separator == ' ') s->special['\t'] = 1;
}

int dialect_is_valid(const dialect *d)
{
    unsigned char s = (unsigned char)d->separator;
    int separates = s == '\0' || s == '\t' || (s >= ' ' && s < 127 && s != '"' && s != '.');
    int groups = d->thousands == '\0' || (strchr(",. '", d->thousands) && d->thousands != d->decimal);
    return separates && groups && (d->decimal == '\0' || d->decimal == '.' || d->decimal == ',');
}

cusgd_status scan_open(scanner *s, const char *path, const char *source, const dialect *given, int64_t before)
{
    *s = (scanner){.source = source, .dialect = *given, .capacity = READ_BYTES, .line = 1 + before};
    s->input.file = -1;
    if (!dialect_is_valid(given))
        return fail(CUSGD_ERROR_USAGE,
                    "the separator is any ASCII character but quotes, points and ends of lines, and the decimal "
                    "mark is '.' or ','; between thousands stands another mark: ',', '.', ' ' or an apostrophe");
    s->buffer = malloc(s->capacity + 1);
    if (!s->buffer) return fail_memory(s->capacity + 1, "reading");
    s->buffer[0] = '\n';
    cusgd_status status = input_open(&s->input, path, source);
    if (!status) status = read_sample(s);
    if (!status) settle_dialect(s);
    if (!status) status = s->status;
    if (status) scan_close(s);
    return status;
}

void scan_close(scanner *s)
{
    input_close(&s->input);
    free(s->buffer);
    free(s->sample);
    s->buffer = s->sample = NULL;
}

/* ---- Lines of comments --------------------------------------------------------------------------------------------------- */

/* How many fields the line has that begins *at bytes after begin; *at moves to the next line. */
static int64_t count_fields(scanner *s, size_t *at)
{
    int64_t count = 1;
    int quoted = 0, c, last = '\0', blanks = s->dialect.separator == ' ';
    for (; (c = peek(s, *at)) >= 0 && (quoted || c != '\n'); ++*at, last = c) {
        if (c == '"') quoted = !quoted;
        int separates = !quoted && (blanks ? (c == ' ' || c == '\t') && last != ' ' && last != '\t' : c == s->dialect.separator);
        count += separates;
    }
    if (c == '\n') ++*at;
    return count;
}

/* A line that begins with # and has as many fields as the table, or as the line after the first lines of that kind, is a record:
 * names may begin so, and marks of missing values such as #N/A. */
static int is_comment(scanner *s)
{
    size_t at = 0;
    if (peek(s, 0) != '#') return 0;
    int64_t count = count_fields(s, &at), width = s->width;
    while (width == 0 && (peek(s, at) == '#' || peek(s, at) == '\n' || peek(s, at) == '\r')) count_fields(s, &at);
    if (width == 0) width = peek(s, at) >= 0 ? count_fields(s, &at) : count;
    return !s->status && count != width;
}

/* ---- Fields -------------------------------------------------------------------------------------------------------------- */

cusgd_status scan_record(scanner *s, int *more)
{
    s->column = 0;
    int c;
    for (;;) {
        while ((c = peek(s, 0)) == ' ' || c == '\t') {
            if (s->dialect.separator != ' ') break;
            s->begin++;
        }
        size_t bytes = c == '\n' ? 1 : c == '\r' && peek(s, 1) == '\n' ? 2 : 0;
        if (bytes == 0 && c == '#' && is_comment(s)) {
            pass_line(s);
            s->preamble = 1;
            continue;
        }
        if (bytes == 0) break;
        s->blank = s->line++;
        s->begin += bytes;
    }
    *more = c >= 0;
    if (s->status) return s->status;
    if (s->width == 0 && s->preamble) s->blank = 0;
    if (c >= 0 && s->blank)
        return fail(CUSGD_ERROR_DATA, "%s:%" PRId64 ":1: an empty line before the data's end: remove it", s->source, s->blank);
    return CUSGD_OK;
}

size_t field_undouble(char *text, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') i++;
        text[kept++] = text[i];
    }
    return kept;
}

/* The shape of the field at begin, and the field; reads on until all of it is in the buffer. */
static enum csv_shape take_field(scanner *s, csv_field *f)
{
    enum { LONG = 1 << 16 }; /* of a longer field as much again is read before it is looked at once more */
    for (;;) {
        const csv_grammar g = {s->buffer + s->end, s->at_end, s->special, s->dialect.separator};
        enum csv_shape shape = csv_take_field(&g, s->buffer + s->begin, f);
        size_t length = s->end - s->begin;
        if (shape != CSV_CUT) return shape;
        (void)fill(s, length < LONG ? length : 2 * length);
        if (s->status) return shape;
    }
}

static cusgd_status fail_shape(const scanner *s, enum csv_shape shape, const csv_field *f)
{
    int64_t line = s->line + f->lines;
    if (shape == CSV_QUOTE_OPEN) return fail_at(s, s->line, "the quote that opens this field is never closed");
    if (shape == CSV_QUOTE_INSIDE)
        return fail_at(s, line, "a quote inside an unquoted field: quote the whole field and double the quotes in it");
    if (shape == CSV_TEXT_BEHIND)
        return fail_at(s, line, "text after the field's closing quote: a quote inside a quoted field is doubled");
    return fail_at(s, line, "a carriage return inside a field: end lines by a newline, with or without one before it");
}

cusgd_status scan_field(scanner *s, field *f)
{
    csv_field found;
    s->column++;
    f->line = s->start = s->line;
    enum csv_shape shape = take_field(s, &found);
    if (s->status) return s->status;
    if (shape != CSV_FIELD) return fail_shape(s, shape, &found);
    size_t start = (size_t)(found.text - s->buffer);
    f->text = s->buffer + start;
    f->length = found.doubled ? field_undouble(s->buffer + start, found.length) : found.length;
    f->last = found.last;
    f->quoted = found.quoted;
    f->comma = s->dialect.decimal == ',';
    f->thousands = s->dialect.thousands;
    s->begin = (size_t)(found.next - s->buffer);
    s->line += found.lines;
    return CUSGD_OK;
}

void field_trim(field *f)
{
    if (f->quoted) return;
    while (f->length > 0 && (f->text[0] == ' ' || f->text[0] == '\t')) f->text++, f->length--;
    while (f->length > 0 && (f->text[f->length - 1] == ' ' || f->text[f->length - 1] == '\t')) f->length--;
}

const char *text_show(const char *text, size_t length, char shown[SHOWN_BYTES])
{
    const size_t maximum = 40;
    size_t used = 0, at = 0;
    char one[ESCAPED_BYTES];
    while (at < length) {
        size_t next = at + text_escape_next(text + at, length - at, one), bytes = strlen(one);
        if (used + bytes > maximum) break;
        memcpy(shown + used, one, bytes);
        used += bytes;
        at = next;
    }
    strcpy(shown + used, at < length ? "..." : "");
    return shown;
}
