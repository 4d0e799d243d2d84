#include "input.h"

#include "failure.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

enum { BUFFER_BYTES = 1 << 18, MAGIC_BYTES = 4 };

/* ---- Bytes as they stand in the file ------------------------------------------------------------------------------------- */

/* A pipe may keep its reader waiting, who still is to hear of interruptions. */
static cusgd_status wait_for_bytes(const input *in)
{
    enum { PATIENCE = 50 /* ms */ };
    struct pollfd waiting = {.fd = in->file, .events = POLLIN};
    int ready = 0;
    while (ready == 0 || (ready < 0 && errno == EINTR)) {
        if (interrupt_asked()) return fail_interrupted();
        ready = poll(&waiting, 1, PATIENCE);
    }
    return CUSGD_OK; /* reading reports what else is wrong */
}

static cusgd_status read_file(input *in, char *to, size_t room, size_t *count)
{
    ssize_t got;
    *count = 0;
    if (in->taken >= in->stop) return CUSGD_OK;
    if (room > in->stop - in->taken) room = (size_t)(in->stop - in->taken);
    do {
        cusgd_status status = wait_for_bytes(in);
        if (status) return status;
        got = read(in->file, to, room);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", in->source, strerror(errno));
    *count = (size_t)got;
    in->taken += (uint64_t)got;
    if (got > 0 || in->taken >= in->size) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: became shorter while it was read; leave data files unchanged during a run", in->source);
}

/* Reads on behind in->end; *count is 0 at the end. */
static cusgd_status fill(input *in, size_t *count)
{
    if (in->begin == in->end) in->begin = in->end = 0;
    cusgd_status status = read_file(in, in->buffer + in->end, BUFFER_BYTES - in->end, count);
    in->end += *count;
    return status;
}

/* ---- Decompressors ------------------------------------------------------------------------------------------------------- */

/* Each consumes bytes of the buffer, puts *count at `to`, and says whether it is inside of a member. Returns DATA where the bytes
 * are damaged, or MEMORY; the caller says so. */
#ifdef HAVE_ZLIB
static int open_gzip(input *in)
{
    z_stream *z = in->stream = allocate_zeroed(1, sizeof *z);
    if (z && inflateInit2(z, 15 + 16) == Z_OK) return 1;
    free(z);
    in->stream = NULL;
    return 0;
}

static cusgd_status step_gzip(input *in, char *to, size_t room, size_t *count)
{
    z_stream *z = in->stream;
    z->next_in = (unsigned char *)in->buffer + in->begin;
    z->avail_in = (unsigned)(in->end - in->begin);
    z->next_out = (unsigned char *)to;
    z->avail_out = (unsigned)(room < BUFFER_BYTES ? room : BUFFER_BYTES);
    unsigned before = z->avail_out;
    int code = inflate(z, Z_NO_FLUSH);
    in->begin = in->end - z->avail_in;
    *count = before - z->avail_out;
    in->partial = code != Z_STREAM_END;
    if (code == Z_STREAM_END) code = inflateReset(z); /* another member may follow */
    if (code == Z_MEM_ERROR) return CUSGD_ERROR_MEMORY;
    return code == Z_OK || code == Z_BUF_ERROR ? CUSGD_OK : CUSGD_ERROR_DATA;
}

static void close_gzip(input *in)
{
    if (in->stream) inflateEnd(in->stream);
    free(in->stream);
}
#endif

#ifdef HAVE_ZSTD
static int open_zstd(input *in)
{
    in->stream = ZSTD_createDStream();
    return in->stream != NULL;
}

static cusgd_status step_zstd(input *in, char *to, size_t room, size_t *count)
{
    ZSTD_inBuffer from = {in->buffer + in->begin, in->end - in->begin, 0};
    ZSTD_outBuffer out = {to, room, 0};
    size_t left = ZSTD_decompressStream(in->stream, &out, &from);
    in->begin += from.pos;
    *count = out.pos;
    in->partial = left != 0;
    if (ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation) return CUSGD_ERROR_MEMORY;
    return ZSTD_isError(left) ? CUSGD_ERROR_DATA : CUSGD_OK;
}

static void close_zstd(input *in) { ZSTD_freeDStream(in->stream); }
#endif

typedef struct format {
    const char *name, *magic;
    size_t length;
    int (*open)(input *in);
    cusgd_status (*step)(input *in, char *to, size_t room, size_t *count);
    void (*close)(input *in);
} format;

static const format formats[] = {
#ifdef HAVE_ZLIB
    [INPUT_GZIP] = {"gzip", "\x1F\x8B", 2, open_gzip, step_gzip, close_gzip},
#endif
#ifdef HAVE_ZSTD
    [INPUT_ZSTD] = {"zstd", "\x28\xB5\x2F\xFD", 4, open_zstd, step_zstd, close_zstd},
#endif
    [INPUT_PLAIN] = {NULL, NULL, 0, NULL, NULL, NULL},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* Once the file has ended, what is left in the decompressor is handed out; a file that ends inside of a member was cut. */
static cusgd_status decompress(input *in, char *to, size_t room, size_t *count)
{
    const format *f = &formats[in->kind];
    int at_end = 0;
    for (*count = 0; *count == 0;) {
        size_t got = 1;
        if (in->begin == in->end && !at_end) {
            cusgd_status status = fill(in, &got);
            if (status) return status;
            at_end = got == 0;
        }
        /* between two members, as tar and tapes fill their blocks up */
        while (!in->partial && in->kind == INPUT_GZIP && in->begin < in->end && in->buffer[in->begin] == '\0') in->begin++;
        if (in->begin == in->end && !in->partial && !at_end) continue;
        if (at_end && !in->partial) return CUSGD_OK;
        cusgd_status status = f->step(in, to, room, count);
        if (status == CUSGD_ERROR_MEMORY) return fail_memory(BUFFER_BYTES, "decompressing");
        if (status)
            return fail(CUSGD_ERROR_DATA, "%s: its compressed data is damaged: %s cannot decompress it", in->source, f->name);
        if (at_end && *count == 0)
            return fail(CUSGD_ERROR_DATA, "%s: its compressed data ends early: was it copied completely?", in->source);
    }
    return CUSGD_OK;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------------- */

/* What a file's end is compared with; 0: not known, as of a pipe. */
static uint64_t size_of(int file)
{
    struct stat info;
    return fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 ? (uint64_t)info.st_size : 0;
}

static cusgd_status find_format(input *in)
{
    size_t got = 1;
    cusgd_status status = CUSGD_OK;
    while (!status && got > 0 && in->end < MAGIC_BYTES) status = fill(in, &got);
    for (int i = 1; !status && i < FORMATS; i++) {
        if (!formats[i].name || in->end < MAGIC_BYTES || memcmp(in->buffer, formats[i].magic, formats[i].length) != 0) continue;
        in->kind = (enum input_kind)i;
        in->partial = 1;
        if (!formats[i].open(in)) status = fail_memory(BUFFER_BYTES, "decompressing");
    }
    return status;
}

cusgd_status input_open(input *in, const char *path, const char *source)
{
    *in = (input){.source = source, .file = -1, .stop = UINT64_MAX};
    in->buffer = allocate(BUFFER_BYTES, 1);
    if (!in->buffer) return fail_memory(BUFFER_BYTES, "reading");
    int is_standard = strcmp(path, "-") == 0;
    in->file = is_standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (in->file >= 0 && !is_standard) in->size = size_of(in->file);
    cusgd_status status =
        in->file < 0 ? fail(CUSGD_ERROR_DATA, "%s: cannot be opened: %s", source, strerror(errno)) : find_format(in);
    if (status) input_close(in);
    return status;
}

void input_close(input *in)
{
    if (in->stream) formats[in->kind].close(in);
    if (in->file >= 0) close(in->file);
    free(in->buffer);
    *in = (input){.file = -1};
}

cusgd_status input_piece(input *in, uint64_t from, uint64_t to)
{
    if (lseek(in->file, (off_t)from, SEEK_SET) < 0)
        return fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", in->source, strerror(errno));
    in->begin = in->end = 0;
    in->taken = in->first = from;
    in->stop = to;
    return CUSGD_OK;
}

double input_times(const input *in)
{
    uint64_t end = in->stop < in->size ? in->stop : in->size;
    return in->taken > in->first && end > in->taken ? (double)(end - in->first) / (double)(in->taken - in->first) : 1;
}

cusgd_status input_read(input *in, char *to, size_t room, size_t *count)
{
    if (in->kind != INPUT_PLAIN) return decompress(in, to, room, count);
    if (in->begin == in->end) return read_file(in, to, room, count);
    *count = in->end - in->begin < room ? in->end - in->begin : room;
    memcpy(to, in->buffer + in->begin, *count);
    in->begin += *count;
    return CUSGD_OK;
}

size_t byte_order_mark(const char *text, size_t length)
{
    static const char mark[] = "\xEF\xBB\xBF";
    return length >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
}
