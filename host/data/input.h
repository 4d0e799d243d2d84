/* The bytes of a file or of standard input, decompressed where they are compressed. */
#ifndef CUSGD_HOST_DATA_INPUT_H
#define CUSGD_HOST_DATA_INPUT_H

#include "cusgd_tools.h"

typedef struct input {
    const char *source; /* the file's name, for messages; the caller's */
    int file;           /* its descriptor */
    enum input_kind { INPUT_PLAIN, INPUT_GZIP, INPUT_ZSTD } kind;
    char *buffer; /* bytes read and not yet handed out or decompressed: [begin, end) */
    size_t begin, end;
    uint64_t size, taken; /* of the file when it was opened (0: not known); bytes read since */
    uint64_t first, stop; /* of the file's bytes, those from `first` to `stop` - 1 are read */
    void *stream;         /* the decompressor's state; NULL: none */
    int partial;          /* the decompressor is inside of a member or frame */
} input;

/* path "-": standard input. `source` is kept. The first bytes say whether the file is compressed by gzip or zstd; where this
 * build cannot decompress it, the bytes are handed out as they are. On failure nothing is open. */
cusgd_status input_open(input *in, const char *path, const char *source);
void input_close(input *in);
/* Goes on with the bytes `from` .. `to` - 1 of a file that is not compressed; what was read and not handed out is forgotten. */
cusgd_status input_piece(input *in, uint64_t from, uint64_t to);
/* About how many times as much as was read there is in all: at least 1, which stands for an unknown amount, too. */
double input_times(const input *in);
/* Puts up to `room` >= 1 bytes at `to`; *count is 0 only at the end. */
cusgd_status input_read(input *in, char *to, size_t room, size_t *count);
/* How many bytes UTF-8's byte order mark takes, which some programs write, of a file that begins with these: 3 or 0. */
size_t byte_order_mark(const char *text, size_t length);

#endif
