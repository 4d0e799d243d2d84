/* Rows in a random order, in little memory: they are dealt out to buckets of the order's successive parts, in one pass over the
 * data, and each bucket is put in order by itself. */
#include "failure.h"
#include "interrupt.h"
#include "pieces.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUCKETS = 1024, BUFFER_BYTES = 1 << 16, SCAN_BYTES = 1 << 20 }; /* at most so many buckets */

/* A record is a row's place in its bucket, then the row, array by array. */
typedef struct buckets {
    const pieces *s;
    int64_t n, rows, count; /* of all rows; rows of a bucket, and how many buckets */
    size_t row, record;     /* bytes */
    int64_t room;           /* records of a buffer */
    unsigned char *buffers; /* `room` records for each bucket */
    int64_t *held, *written;
    int file; /* unlinked; bucket b begins at b * rows * record */
    const char *folder;
} buckets;

/* A stream of its own, so that the order of the epochs has nothing to do with it. */
permutation pieces_order(int64_t n, uint64_t seed) { return permutation_make((uint64_t)n, stream_key(seed, STREAM_FILES), 0); }

static cusgd_status fail_file(const buckets *b, const char *what)
{
    return fail(CUSGD_ERROR_DATA, "%s: the shuffled rows cannot be %s: %s", b->folder, what, strerror(errno));
}

/* Writes or reads `count` bytes of the file. */
static cusgd_status move_bytes(const buckets *b, unsigned char *bytes, size_t count, int64_t at, int writes)
{
    while (count > 0) {
        ssize_t moved = writes ? pwrite(b->file, bytes, count, at) : pread(b->file, bytes, count, at);
        if (moved < 0 && errno == EINTR) continue;
        if (moved == 0) errno = writes ? ENOSPC : EIO;
        if (moved <= 0) return fail_file(b, writes ? "written" : "read");
        bytes += moved;
        count -= (size_t)moved;
        at += moved;
    }
    return CUSGD_OK;
}

static cusgd_status flush(buckets *b, int64_t bucket)
{
    int64_t count = b->held[bucket], at = (bucket * b->rows + b->written[bucket]) * (int64_t)b->record;
    unsigned char *from = b->buffers + (size_t)(bucket * b->room) * b->record;
    b->held[bucket] = 0;
    b->written[bucket] += count;
    return move_bytes(b, from, (size_t)count * b->record, at, 1);
}

/* Takes row i of packed arrays to `place` of the order. */
static cusgd_status deal(buckets *b, unsigned char *const arrays[PIECE_ARRAYS], int64_t i, int64_t place)
{
    int64_t bucket = place / b->rows, inside = place % b->rows;
    unsigned char *to = b->buffers + (size_t)(bucket * b->room + b->held[bucket]) * b->record;
    memcpy(to, &inside, sizeof inside);
    to += sizeof inside;
    for (int a = 0; a < PIECE_ARRAYS; a++) {
        size_t bytes = (size_t)b->s->cols[a] * piece_element(b->s->type[a]);
        memcpy(to, arrays[a] + (size_t)i * bytes, bytes);
        to += bytes;
    }
    return ++b->held[bucket] == b->room ? flush(b, bucket) : CUSGD_OK;
}

static cusgd_status deal_all(buckets *b, const cusgd_data *data, uint64_t seed)
{
    permutation order = pieces_order(b->n, seed);
    int64_t block = b->row < SCAN_BYTES ? (int64_t)(SCAN_BYTES / b->row) : 1;
    unsigned char *memory = allocate((size_t)block, b->row), *arrays[PIECE_ARRAYS];
    cusgd_status status = memory ? CUSGD_OK : fail_memory((size_t)block * b->row, "rows to be shuffled");
    pieces_divide(b->s, memory, block, arrays);
    for (int64_t first = 0; first < b->n && !status; first += block) {
        int64_t count = b->n - first < block ? b->n - first : block;
        pieces_pack(&data->view, b->s, first, count, arrays);
        examples_forget(&data->view, first, count);
        status = data_check_files(data);
        for (int64_t i = 0; i < count && !status; i++)
            status = deal(b, arrays, i, (int64_t)permutation_at(&order, (uint64_t)(first + i)));
        if (!status && interrupt_asked()) status = fail_interrupted();
    }
    for (int64_t k = 0; k < b->count && !status; k++) status = flush(b, k);
    free(memory);
    return status;
}

/* Puts a bucket's records, which lie at `records`, in their places. */
static void place_rows(const buckets *b, const unsigned char *records, int64_t rows, unsigned char *const arrays[PIECE_ARRAYS])
{
    for (int64_t i = 0; i < rows; i++) {
        int64_t inside;
        memcpy(&inside, records, sizeof inside);
        records += sizeof inside;
        for (int a = 0; a < PIECE_ARRAYS; a++) {
            size_t bytes = (size_t)b->s->cols[a] * piece_element(b->s->type[a]);
            memcpy(arrays[a] + (size_t)inside * bytes, records, bytes);
            records += bytes;
        }
    }
}

static cusgd_status append_buckets(buckets *b, pieces_writer *w)
{
    unsigned char *records = allocate((size_t)b->rows, b->record), *memory = allocate((size_t)b->rows, b->row);
    unsigned char *arrays[PIECE_ARRAYS];
    cusgd_status status = CUSGD_OK;
    if (!records || !memory) status = fail_memory((size_t)b->rows * (b->record + b->row), "a part of the shuffled rows");
    for (int64_t k = 0; k < b->count && !status; k++) {
        int64_t left = b->n - k * b->rows, rows = left < b->rows ? left : b->rows;
        status = move_bytes(b, records, (size_t)rows * b->record, k * b->rows * (int64_t)b->record, 0);
        if (status) break;
        pieces_divide(b->s, memory, rows, arrays);
        place_rows(b, records, rows, arrays);
        status = pieces_append(w, (const void *const *)arrays, rows);
        if (!status && interrupt_asked()) status = fail_interrupted();
    }
    free(records);
    free(memory);
    return status;
}

static cusgd_status open_buckets(buckets *b, const char *hidden, size_t bucket_bytes)
{
    b->rows = b->row < bucket_bytes ? (int64_t)(bucket_bytes / b->row) : 1;
    if (b->n / BUCKETS >= b->rows) b->rows = b->n / BUCKETS + 1;
    if (b->rows > b->n) b->rows = b->n;
    b->count = pieces_count(b->n, b->rows);
    b->record = b->row + sizeof(int64_t);
    b->room = b->record < BUFFER_BYTES ? (int64_t)(BUFFER_BYTES / b->record) : 1;
    b->buffers = allocate((size_t)(b->count * b->room), b->record);
    b->held = allocate_zeroed((size_t)b->count, sizeof *b->held);
    b->written = allocate_zeroed((size_t)b->count, sizeof *b->written);
    if (!b->buffers || !b->held || !b->written)
        return fail_memory((size_t)(b->count * b->room) * b->record, "parts of the shuffled rows");
    char *path = piece_path(hidden, "shuffle", -1);
    if (!path) return fail_memory(strlen(hidden), "a path");
    b->file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cusgd_status status = b->file < 0 ? fail_file(b, "written") : CUSGD_OK;
    unlink(path);
    free(path);
    return status;
}

cusgd_status pieces_append_shuffled(pieces_writer *w, const pieces *s, const cusgd_data *data, uint64_t seed, size_t bucket_bytes)
{
    buckets b = {.s = s, .n = data->view.n, .row = pieces_row_bytes(s), .file = -1, .folder = data->source};
    cusgd_status status = open_buckets(&b, pieces_folder(w), bucket_bytes);
    if (!status) status = deal_all(&b, data, seed);
    if (!status) status = append_buckets(&b, w);
    if (b.file >= 0) close(b.file);
    free(b.buffers);
    free(b.held);
    free(b.written);
    return status;
}
