/* Reads the bytes of a file or of standard input, and decompresses them if necessary. */
#ifndef CUSGD_HOST_DATA_INPUT_H
#define CUSGD_HOST_DATA_INPUT_H

#include "cusgd_tools.h"

typedef struct input {
    const char *source; /* name of the file in messages, owned by the caller */
    int file;           /* file descriptor */
    enum input_kind { INPUT_PLAIN, INPUT_GZIP, INPUT_ZSTD } kind;
    char *buffer; /* [begin, end): bytes that were read but not yet returned or decompressed */
    size_t begin, end;
    uint64_t size, taken; /* size of the file when it was opened (0: unknown); bytes read since */
    uint64_t first, stop; /* the bytes `first` .. `stop` - 1 of the file are read */
    void *stream;         /* state of the decompressor; NULL: none */
    int partial;          /* 1: the decompressor is inside a member or frame */
} input;

/* path "-": standard input. `source` is kept. The first bytes determine whether the file is compressed by gzip or zstd. If this
 * build cannot decompress it, the bytes are returned unchanged. On failure nothing is open. */
cusgd_status input_open(input *in, const char *path, const char *source);
void input_close(input *in);
/* Continues with the bytes `from` .. `to` - 1 of a file that is not compressed; bytes that were read but not returned are
 * dropped. */
cusgd_status input_piece(input *in, uint64_t from, uint64_t to);
/* Returns an estimate of the total size divided by what was read: at least 1, also if it is unknown. */
double input_times(const input *in);
/* Reads up to `room` >= 1 bytes to `to`. *count is 0 only at the end. */
cusgd_status input_read(input *in, char *to, size_t room, size_t *count);
/* Returns the length of the byte order mark of UTF-8 at the beginning of a file: 3, or 0 if there is none. */
size_t byte_order_mark(const char *text, size_t length);

#endif
