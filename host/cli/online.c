#include "online.h"

#include "cli.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_RECORD_BYTES = 1 << 24, FIRST_RECORD_BYTES = 256 };

static int fail_block(int error)
{
    return complain(CUSGD_ERROR_DATA, "standard input: a block cannot be kept: %s", strerror(error));
}

static int fail_memory(int64_t bytes)
{
    return complain(CUSGD_ERROR_MEMORY, "out of memory: %lld bytes for rows of standard input were refused", (long long)bytes);
}

static int fail_read(void) { return complain(CUSGD_ERROR_DATA, "standard input: cannot be read: %s", strerror(errno)); }

/* ---- Bytes and records --------------------------------------------------------------------------------------------------- */

/* More of the stream: 1; 0 at its end, or after a signal where nothing more is there yet; a status < 0. */
static int fill(online *s)
{
    enum { MILLISECONDS = 100 };
    struct pollfd ready = {.fd = s->from, .events = POLLIN};
    ssize_t count = -1;
    s->at = s->end = 0;
    while (!s->ended) {
        int ends = signals_caught() != 0, polled = poll(&ready, 1, ends ? 0 : MILLISECONDS);
        if (polled < 0 && errno != EINTR) return -fail_read();
        if (polled == 0 && ends) s->ended = 1;
        if (polled <= 0) continue;
        count = read(s->from, s->buffer, sizeof s->buffer);
        if (count < 0 && errno != EINTR && errno != EAGAIN) return -fail_read();
        if (count == 0) s->ended = 1;
        if (count > 0) break;
    }
    s->end = count > 0 ? count : 0;
    return count > 0;
}

/* The next byte; -1: there is none; a status < -1. */
static int take_byte(online *s)
{
    if (s->pending_at < s->pending_bytes) return (unsigned char)s->pending[s->pending_at++];
    if (s->at == s->end) {
        int filled = fill(s);
        if (filled < 0) return filled - 1;
        if (filled == 0) return -1;
    }
    return (unsigned char)s->buffer[s->at++];
}

static int keep_byte(online *s, char c)
{
    if (s->record_bytes == s->record_capacity) {
        int64_t capacity = s->record_capacity ? 2 * s->record_capacity : FIRST_RECORD_BYTES;
        if (capacity > MAX_RECORD_BYTES)
            return complain(CUSGD_ERROR_DATA,
                            "standard input:%lld: a record of more than 16 MB starts here: is its closing quote missing?",
                            (long long)s->lines + 1);
        char *larger = realloc(s->record, (size_t)capacity);
        if (!larger) return fail_memory(capacity);
        s->record = larger;
        s->record_capacity = capacity;
    }
    s->record[s->record_bytes++] = c;
    return CUSGD_OK;
}

/* Where a quote opens a quoted field: behind this byte, blanks between them left out; '\n' at a record's start. */
static int begins_field(const online *s, int before)
{
    return before == '\n' || before == ',' || before == ';' || before == '\t' || before == '|' || before == s->separator;
}

/* A record, which may have line ends in quoted fields, becomes s->record. 1; 0: there is none, or a signal came within it; a
 * status < 0. */
static int take_record(online *s)
{
    int quoted = 0, closed = 0, c = 0, before = '\n'; /* closed: by the last byte; before: the last one that is no blank */
    int64_t lines = 0;
    s->record_bytes = 0;
    while ((c != '\n' || quoted) && (c = take_byte(s)) >= 0) {
        int opens = c == '"' && !quoted && (closed || begins_field(s, before)); /* closed: a doubled quote */
        int status = keep_byte(s, (char)c);
        if (status) return -status;
        closed = c == '"' && quoted;
        quoted = opens || (quoted && !closed);
        lines += c == '\n';
        if (c != ' ') before = c;
    }
    if (c < -1) return c + 1;
    if (c < 0 && (signals_caught() || s->record_bytes == 0)) return 0;
    s->lines += lines + (c < 0);
    return 1;
}

/* ---- Blocks -------------------------------------------------------------------------------------------------------------- */

static int write_records(online *s, FILE *to, int64_t rows, int64_t *count)
{
    int taken = 1;
    if (s->prefix) fwrite(s->prefix, 1, (size_t)s->prefix_bytes, to);
    for (*count = 0; *count < rows && (taken = take_record(s)) > 0; ++*count) fwrite(s->record, 1, (size_t)s->record_bytes, to);
    return taken < 0 ? -taken : CUSGD_OK;
}

/* A new file for a block, to be written to through the stream; NULL: errno says why, and nothing is open. */
static FILE *open_block(int *block)
{
    *block = memfd_create("block", MFD_CLOEXEC);
    int copy = *block < 0 ? -1 : dup(*block);
    FILE *to = copy < 0 ? NULL : fdopen(copy, "w");
    if (to) return to;
    int error = errno;
    if (copy >= 0) close(copy);
    if (*block >= 0) close(*block);
    errno = error;
    return NULL;
}

/* Standard input becomes a new file with the prefix and up to `rows` records. */
static int make_block(online *s, int64_t rows, int64_t *count)
{
    int block, error = 0;
    FILE *to = open_block(&block);
    if (!to) return fail_block(errno);
    s->before = s->lines;
    int status = write_records(s, to, rows, count);
    if (ferror(to)) error = ENOSPC;
    if (fclose(to) != 0 || lseek(block, 0, SEEK_SET) < 0 || dup2(block, STDIN_FILENO) < 0) error = error ? error : errno;
    if (!status && error) status = fail_block(error);
    if (status) {
        close(block);
        return status;
    }
    if (s->block >= 0) close(s->block);
    s->block = block;
    return CUSGD_OK;
}

static int check_compression(const online *s)
{
    unsigned char start[4] = {0};
    ssize_t count = pread(s->block, start, sizeof start, 0);
    const char *by = count >= 2 && start[0] == 0x1F && start[1] == 0x8B                   ? "gzip"
                     : count == 4 && memcmp(start, "\x28\xB5\x2F\xFD", sizeof start) == 0 ? "zstd"
                                                                                          : NULL;
    if (!by) return CUSGD_OK;
    return complain(CUSGD_ERROR_DATA,
                    "standard input: compressed by %s, which --online does not read: %s -dc FILE | cusgd train - "
                    "--online ...",
                    by, by);
}

int online_open(online *s, int64_t rows, char separator)
{
    int64_t count;
    *s = (online){.from = dup(STDIN_FILENO), .block = -1, .separator = separator};
    if (s->from < 0) return fail_block(errno);
    int status = make_block(s, rows, &count);
    return status ? status : check_compression(s);
}

/* All bytes of the block become the pending ones. */
static int take_back(online *s)
{
    int64_t done = 0;
    ssize_t count = 1;
    s->pending_bytes = lseek(s->block, 0, SEEK_END);
    if (s->pending_bytes < 0) return fail_block(errno);
    s->pending = malloc((size_t)s->pending_bytes + 1);
    if (!s->pending) return fail_memory(s->pending_bytes);
    for (; done < s->pending_bytes && count != 0; done += count > 0 ? count : 0) {
        count = pread(s->block, s->pending + done, (size_t)(s->pending_bytes - done), done);
        if (count < 0 && errno != EINTR) break;
    }
    return done == s->pending_bytes ? CUSGD_OK : fail_block(count < 0 ? errno : EIO);
}

/* How many bytes the first `lines` lines of the pending ones have. */
static int64_t bytes_of_lines(const online *s, int64_t lines)
{
    int64_t bytes = 0;
    for (; bytes < s->pending_bytes && lines > 0; bytes++) lines -= s->pending[bytes] == '\n';
    return bytes;
}

int online_settle(online *s, int64_t rows, int64_t first_line)
{
    int64_t count;
    int status = take_back(s);
    if (status) return status;
    s->prefix_lines = first_line - 1;
    s->prefix_bytes = bytes_of_lines(s, s->prefix_lines);
    s->prefix = malloc((size_t)s->prefix_bytes + 1);
    if (!s->prefix) return fail_memory(s->prefix_bytes);
    memcpy(s->prefix, s->pending, (size_t)s->prefix_bytes);
    s->pending_at = s->prefix_bytes;
    s->lines = s->prefix_lines;
    return make_block(s, rows, &count);
}

int online_next(online *s, int64_t rows)
{
    int64_t count;
    if (s->last) return 0;
    s->last = signals_caught() != 0;
    int status = make_block(s, rows, &count);
    if (status) return -status;
    return count > 0;
}

void online_close(online *s)
{
    if (s->from >= 0) close(s->from);
    if (s->block >= 0) close(s->block);
    free(s->prefix);
    free(s->pending);
    free(s->record);
    for (int i = 0; i < ONLINE_NOTES; i++) free(s->said.kinds[i]);
}

/* ---- Notes --------------------------------------------------------------------------------------------------------------- */

/* Whether a note like this one, but for its numbers, was printed before; if not, it is kept. */
static int is_said(online *s, const char *note)
{
    char *kind = malloc(strlen(note) + 1), *to = kind;
    if (!kind) return 0;
    for (; *note; note++)
        if (*note < '0' || *note > '9') *to++ = *note;
    *to = '\0';
    for (int i = 0; i < ONLINE_NOTES; i++) {
        if (s->said.kinds[i] && strcmp(s->said.kinds[i], kind) != 0) continue;
        int said = s->said.kinds[i] != NULL;
        if (said)
            free(kind);
        else
            s->said.kinds[i] = kind;
        return said;
    }
    free(kind);
    return 1;
}

void online_put_notes(online *s, const cusgd_data *block)
{
    const char *note;
    int again = 0;
    for (size_t i = 0; (note = cusgd_data_note(block, i)) != NULL; i++) {
        if (is_said(s, note))
            again = 1;
        else
            fprintf(stderr, "note: lines %lld to %lld: %s\n", (long long)s->before + 1, (long long)s->lines, shown(note));
    }
    s->said.repeated += again;
}

void online_end_notes(const online *s)
{
    if (s->said.repeated > 0)
        fprintf(stderr, "note: %lld more block%s of rows had such notes\n", (long long)s->said.repeated,
                plural(s->said.repeated));
}
