#include "scan.h"

#include "data.h"
#include "error.h"
#include "interrupt.h"
#include "kind.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20, FIELD_BYTES_MOST = 1 << 24 };

/* The bytes at which an unquoted field may end or go wrong. */
static const unsigned char special[256] = {['\n'] = 1, ['\r'] = 1, [','] = 1, ['"'] = 1};

static cusgd_status fail_at(const scanner *s, int64_t line, const char *sentence)
{
    return fail(CUSGD_ERROR_DATA, "%s:%" PRId64 ":%" PRId64 ": %s", s->source, line, s->column, sentence);
}

/* ---- Bytes --------------------------------------------------------------------------------------------------------------- */

/* Makes room after `end`: what was handed out goes; a field larger than the buffer doubles it. */
static cusgd_status make_room(scanner *s)
{
    memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
    if (s->end < s->capacity) return CUSGD_OK;
    if (s->capacity >= FIELD_BYTES_MOST)
        return fail_at(s, s->start, "a field of more than 16 MB starts here: is its closing quote missing?");
    char *larger = realloc(s->buffer, 2 * s->capacity + 1);
    if (!larger) return fail_memory(2 * s->capacity + 1, "a field");
    s->buffer = larger;
    s->capacity *= 2;
    return CUSGD_OK;
}

/* A pipe may keep its reader waiting, who still is to hear of interruptions. */
static cusgd_status wait_for_bytes(const scanner *s)
{
    enum { PATIENCE = 50 /* ms */ };
    struct pollfd waiting = {.fd = s->file, .events = POLLIN};
    int ready = 0;
    while (ready == 0 || (ready < 0 && errno == EINTR)) {
        if (interrupt_asked()) return fail_interrupted();
        ready = poll(&waiting, 1, PATIENCE);
    }
    return CUSGD_OK; /* what else is wrong, reading tells */
}

/* Reads on until the byte `at` places after begin is there. Returns 0 if there is none, or s->status is a failure. */
static int fill(scanner *s, size_t at)
{
    while (s->begin + at >= s->end) {
        if (s->at_end || s->status) return 0;
        if ((s->status = make_room(s))) return 0;
        if ((s->status = wait_for_bytes(s))) return 0;
        ssize_t count = read(s->file, s->buffer + s->end, s->capacity - s->end);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            s->status = fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", s->source, strerror(errno));
            return 0;
        }
        s->at_end = count == 0;
        s->end += (size_t)count;
        s->buffer[s->end] = '\n';
    }
    return 1;
}

/* The byte `at` places after begin; -1 if there is none. May move the buffer. */
static int peek(scanner *s, size_t at)
{
    if (s->begin + at >= s->end && !fill(s, at)) return -1;
    return (unsigned char)s->buffer[s->begin + at];
}

/* ---- Opening ------------------------------------------------------------------------------------------------------------- */

/* Passes over UTF-8's byte order mark, and keeps the first bytes. */
static cusgd_status read_sample(scanner *s)
{
    if (peek(s, 0) == 0xEF && peek(s, 1) == 0xBB && peek(s, 2) == 0xBF) s->begin += 3;
    (void)peek(s, SAMPLE_BYTES - 1);
    if (s->status) return s->status;
    s->sample_count = s->end - s->begin < SAMPLE_BYTES ? s->end - s->begin : SAMPLE_BYTES;
    s->sample = allocate(s->sample_count, 1);
    if (!s->sample) return fail_memory(s->sample_count, "a file's first bytes");
    memcpy(s->sample, s->buffer + s->begin, s->sample_count);
    return kind_check(s->source, s->sample, s->sample_count);
}

cusgd_status scan_open(scanner *s, const char *path, const char *source)
{
    *s = (scanner){.source = source, .file = -1, .capacity = READ_BYTES, .line = 1};
    s->buffer = malloc(s->capacity + 1);
    if (!s->buffer) return fail_memory(s->capacity + 1, "reading");
    s->buffer[0] = '\n';
    s->file = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    cusgd_status status =
        s->file < 0 ? fail(CUSGD_ERROR_DATA, "%s: cannot be opened: %s", source, strerror(errno)) : read_sample(s);
    if (status) scan_close(s);
    return status;
}

void scan_close(scanner *s)
{
    if (s->file >= 0) close(s->file);
    free(s->buffer);
    free(s->sample);
    s->buffer = s->sample = NULL;
    s->file = -1;
}

/* ---- Fields -------------------------------------------------------------------------------------------------------------- */

cusgd_status scan_record(scanner *s, int *more)
{
    s->column = 0;
    int c;
    for (;;) {
        c = peek(s, 0);
        size_t bytes = c == '\n' ? 1 : c == '\r' && peek(s, 1) == '\n' ? 2 : 0;
        if (bytes == 0) break;
        s->blank = s->line++;
        s->begin += bytes;
    }
    *more = c >= 0;
    if (s->status) return s->status;
    if (c >= 0 && s->blank)
        return fail(CUSGD_ERROR_DATA, "%s:%" PRId64 ":1: an empty line before the data's end: remove it", s->source, s->blank);
    return CUSGD_OK;
}

/* The field's text starts `start` bytes after begin, and its end (a comma, a line's end, the file's) stands at `at`. Hands it
 * out. */
static cusgd_status finish(scanner *s, size_t start, size_t length, size_t at, field *f)
{
    int c = peek(s, at), next = c == '\r' ? peek(s, at + 1) : 0;
    if (s->status) return s->status;
    if (c == '\r' && next != '\n' && next >= 0)
        return fail_at(s, s->line, "a carriage return inside a field: end lines by a newline, with or without one before it");
    f->text = s->buffer + s->begin + start;
    f->length = length;
    f->last = c != ',';
    s->begin += at + (c >= 0) + (next == '\n');
    s->line += c == '\n' || next == '\n';
    return CUSGD_OK;
}

/* Removes the first of every two quotes; returns the length left. */
static size_t undouble(char *text, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') i++;
        text[kept++] = text[i];
    }
    return kept;
}

/* A field whose opening quote stands at `at`. */
static cusgd_status scan_quoted(scanner *s, size_t at, field *f)
{
    size_t start = ++at, length;
    int doubled = 0, c;
    for (;; at++) {
        c = peek(s, at);
        if (c == '\n') s->line++;
        if (c >= 0 && c != '"') continue;
        if (c < 0 || peek(s, at + 1) != '"') break;
        doubled = 1;
        at++;
    }
    if (s->status) return s->status;
    if (c < 0) return fail_at(s, f->line, "the quote that opens this field is never closed");
    length = at - start;
    if (doubled) length = undouble(s->buffer + s->begin + start, length);
    do {
        c = peek(s, ++at);
    } while (c == ' ' || c == '\t');
    if (s->status) return s->status;
    if (c >= 0 && (!special[c] || c == '"'))
        return fail_at(s, s->line, "text after the field's closing quote: a quote inside a quoted field is doubled");
    f->quoted = 1;
    return finish(s, start, length, at, f);
}

cusgd_status scan_field(scanner *s, field *f)
{
    s->column++;
    f->line = s->start = s->line;
    f->quoted = 0;
    size_t at = 0;
    int c;
    do { /* the newline at the buffer's end stops the inner loop; peek reads on, and the field goes on if it can */
        const char *p = s->buffer + s->begin + at;
        while (!special[(unsigned char)*p]) p++;
        at = (size_t)(p - (s->buffer + s->begin));
        c = peek(s, at);
    } while (c >= 0 && !special[c]);
    if (c != '"') return finish(s, 0, at, at, f);
    for (size_t i = 0; i < at; i++) {
        char before = s->buffer[s->begin + i];
        if (before != ' ' && before != '\t')
            return fail_at(s, s->line, "a quote inside an unquoted field: quote the whole field and double the quotes in it");
    }
    return scan_quoted(s, at, f);
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
