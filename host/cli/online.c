#include "online.h"

#include "cli.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* More of the stream; 0 at its end, or where a signal came while nothing did. */
static int fill(online *s)
{
    enum { MILLISECONDS = 100 };
    struct pollfd ready = {.fd = s->from, .events = POLLIN};
    while (poll(&ready, 1, MILLISECONDS) <= 0)
        if (signals_caught()) return 0;
    ssize_t count = read(s->from, s->buffer, sizeof s->buffer);
    s->at = 0;
    s->end = count > 0 ? (size_t)count : 0;
    return count > 0;
}

/* A record, which may have line ends in quotes; 0: there is none. */
static int take_record(online *s, FILE *to)
{
    int quoted = 0, c = 0, some = 0;
    while (c != '\n' || quoted) {
        if (s->at == s->end && !fill(s)) break;
        c = (unsigned char)s->buffer[s->at++];
        quoted ^= c == '"';
        putc_unlocked(c, to);
        some = 1;
    }
    return some;
}

static int fail_block(void) { return complain(CUSGD_ERROR_DATA, "standard input: a block cannot be kept: %s", strerror(errno)); }

/* Standard input becomes a new file with the header, what was carried, and up to `rows` records; *last: where the last begins. */
static int make_block(online *s, int64_t rows, int64_t *count, long *last)
{
    int block = memfd_create("block", MFD_CLOEXEC);
    FILE *to = block < 0 ? NULL : fdopen(dup(block), "w");
    if (!to) return fail_block();
    *count = s->carried != NULL;
    if (s->header) fwrite(s->header, 1, s->header_bytes, to);
    if (s->carried) fwrite(s->carried, 1, s->carried_bytes, to);
    free(s->carried);
    s->carried = NULL;
    while (*count < rows && !signals_caught()) {
        *last = ftell(to);
        if (!take_record(s, to)) break;
        ++*count;
    }
    int failed = ferror(to);
    if (fclose(to) != 0 || failed || lseek(block, 0, SEEK_SET) < 0 || dup2(block, STDIN_FILENO) < 0) {
        close(block);
        return fail_block();
    }
    if (s->block >= 0) close(s->block);
    s->block = block;
    return CUSGD_OK;
}

/* `bytes` of the block from `at` on, as a copy. */
static char *copy_of(const online *s, long at, size_t bytes)
{
    char *copy = malloc(bytes ? bytes : 1);
    if (copy && pread(s->block, copy, bytes, at) == (ssize_t)bytes) return copy;
    free(copy);
    return NULL;
}

int online_open(online *s, int64_t rows)
{
    int64_t count;
    long last = 0;
    s->block = -1;
    s->row = 0;
    s->from = dup(STDIN_FILENO);
    if (s->from < 0) return fail_block();
    int status = make_block(s, 1, &count, &last);
    if (status) return status;
    s->header_bytes = (size_t)lseek(s->block, 0, SEEK_END);
    s->header = copy_of(s, 0, s->header_bytes);
    if (!s->header) return fail_block();
    status = make_block(s, rows, &count, &last); /* the first record stands where a header does */
    if (!status && count == rows) {
        s->carried_bytes = (size_t)(lseek(s->block, 0, SEEK_END) - last);
        s->carried = copy_of(s, last, s->carried_bytes);
        if (!s->carried) return fail_block();
    }
    return !status && lseek(s->block, 0, SEEK_SET) < 0 ? fail_block() : status;
}

int online_take_first(online *s, int has_header)
{
    if (has_header) {
        free(s->carried);
        s->carried = NULL;
        return 0;
    }
    free(s->header);
    s->header = NULL;
    if (!s->carried) return 0;
    off_t end = lseek(s->block, 0, SEEK_END);
    return ftruncate(s->block, end - (off_t)s->carried_bytes) == 0 && lseek(s->block, 0, SEEK_SET) == 0;
}

int online_next(online *s, int64_t rows)
{
    int64_t count;
    long last;
    int status = make_block(s, rows, &count, &last);
    if (status) return -status;
    return count > 0 && !signals_caught();
}

void online_close(online *s)
{
    if (s->from >= 0) close(s->from);
    if (s->block >= 0) close(s->block);
    free(s->header);
    free(s->carried);
}
