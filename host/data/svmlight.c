/* LIBSVM text is read in one pass, on several threads: a window of whole lines is cut into blocks. Their newlines and colons are
 * counted first, which is fast and says where in the whole each block's rows and values have their place; then each is read by a
 * thread, right into that place. Where comments, or lines without a row, made a count too large, the gaps are closed. */
#include "failure.h"
#include "grown.h"
#include "input.h"
#include "interrupt.h"
#include "notes.h"
#include "pool.h"
#include "ranks.h"
#include "scalar/shards.h"
#include "svmlight_block.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { BLOCKS_EACH = 4 /* of a thread */, WINDOW_MOST = 1 << 23 };

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { BLOCK_BYTES = 16 }; /* what a fuzzer makes up is short */
#else
enum { BLOCK_BYTES = 1 << 18 };
#endif
size_t svmlight_block_bytes = BLOCK_BYTES;

typedef struct reading {
    const char *source;
    const cusgd_reader *reader;
    int64_t lines, rows, stored; /* that have been read */
    double times;                /* estimate of the total divided by that: see input_times() */
    grown start, index, value, y;
    int64_t largest, largest_line, smallest; /* of the indices */
    pool *pool;
    int threads, most; /* blocks of a window */
    svmlight_block *blocks;
} reading;

static size_t value_size(const reading *r) { return svmlight_value_size(r->reader); }

/* ---- Blocks -------------------------------------------------------------------------------------------------------------- */

/* Divides whole lines into blocks. Returns their number. */
static int cut(reading *r, const char *text, const char *end)
{
    size_t length = (size_t)(end - text), least = (length + (size_t)r->most - 1) / (size_t)r->most;
    size_t each = least > svmlight_block_bytes ? least : svmlight_block_bytes;
    int count = 0;
    for (const char *at = text; at < end; count++) {
        const char *stop = (size_t)(end - at) > each ? memchr(at + each - 1, '\n', (size_t)(end - at) - each + 1) : end - 1;
        r->blocks[count].begin = at;
        r->blocks[count].end = at = stop + 1;
    }
    return count;
}

static void count_block(void *context, int64_t i)
{
    const reading *r = context;
    svmlight_block_count(&r->blocks[i]);
}

static void read_block(void *context, int64_t i)
{
    const reading *r = context;
    (void)svmlight_block_read(&r->blocks[i], r->source, r->reader, 0); /* what failed is read again where its message is wanted */
}

static void *value_at(const reading *r, int64_t place) { return (char *)r->value.at + (size_t)place * value_size(r); }

/* Fails with the message for the first line that is wrong, after reading it again. */
static cusgd_status explain(const reading *r, svmlight_block *b)
{
    const char *end = b->end;
    int64_t before = r->lines + (b->lines > 0 ? b->lines - 1 : 0);
    b->begin = b->failed;
    const char *stop = memchr(b->begin, '\n', (size_t)(end - b->begin));
    if (stop) b->end = stop + 1;
    cusgd_status status = svmlight_block_read(b, r->source, r->reader, before);
    return status ? status : fail_memory((size_t)(end - b->begin), r->source); /* memory was short for a moment */
}

/* Merges the range of the indices of a block. */
static void take_range(reading *r, const svmlight_block *b)
{
    if (b->largest > r->largest) r->largest = b->largest, r->largest_line = r->lines + b->largest_line;
    if (b->smallest < r->smallest) r->smallest = b->smallest;
    r->lines += b->lines;
}

/* Asks for room for all that the file is expected to hold, since moving an array splits its huge pages. What is not used takes no
 * memory, and is given back at the end. */
static cusgd_status enlarge(const reading *r, grown *g, int64_t count, size_t size)
{
    size_t bytes = (size_t)count * size;
    double all = 1.02 * r->times * (double)bytes;
    if (bytes <= g->room) return CUSGD_OK;
    if (r->times > 1 && all < (double)(SIZE_MAX / 4) && !grown_spills((size_t)all, r->reader) &&
        grown_resize(g, (size_t)all, r->reader, "the rows read") == CUSGD_OK)
        return CUSGD_OK;
    return grown_resize(g, grown_larger(g, bytes), r->reader, "the rows read");
}

static cusgd_status make_room(reading *r, int64_t rows, int64_t stored)
{
    cusgd_status status = enlarge(r, &r->start, rows + 1, sizeof(int64_t));
    if (!status) status = enlarge(r, &r->y, rows, sizeof(double));
    if (!status) status = enlarge(r, &r->index, stored, sizeof(int32_t));
    return status ? status : enlarge(r, &r->value, stored, value_size(r));
}

/* Room for what was counted, and each block's place in it. */
static cusgd_status place_blocks(reading *r, int count)
{
    int64_t rows = r->rows, stored = r->stored;
    for (int i = 0; i < count; i++) rows += r->blocks[i].rows, stored += r->blocks[i].stored;
    cusgd_status status = make_room(r, rows, stored);
    rows = r->rows, stored = r->stored;
    for (int i = 0; i < count && !status; i++) {
        svmlight_block *b = &r->blocks[i];
        b->first = stored;
        b->start = (int64_t *)r->start.at + rows;
        b->y = (double *)r->y.at + rows;
        b->index = (int32_t *)r->index.at + stored;
        b->value = value_at(r, stored);
        rows += b->rows, stored += b->stored;
    }
    return status;
}

/* Moves the rows and values of a block to the end of those before. */
static void close_gaps(const reading *r, const svmlight_block *b)
{
    int64_t *start = (int64_t *)r->start.at + r->rows, gap = b->first - r->stored;
    if (b->start != start) {
        memmove(start, b->start, (size_t)b->rows * sizeof *start);
        memmove((double *)r->y.at + r->rows, b->y, (size_t)b->rows * sizeof *b->y);
    }
    if (gap == 0) return;
    for (int64_t row = 0; row < b->rows; row++) start[row] -= gap;
    memmove((int32_t *)r->index.at + r->stored, b->index, (size_t)b->stored * sizeof *b->index);
    memmove(value_at(r, r->stored), b->value, (size_t)b->stored * value_size(r));
}

/* The lines of text .. end - 1, of which the last ends with a newline. */
static cusgd_status take_lines(reading *r, const char *text, const char *end)
{
    int count = cut(r, text, end);
    if (!pool_run(r->pool, r->threads, count, count_block, r)) return fail_interrupted();
    cusgd_status status = place_blocks(r, count);
    if (status) return status;
    if (!pool_run(r->pool, r->threads, count, read_block, r)) return fail_interrupted();
    for (int i = 0; i < count; i++) {
        svmlight_block *b = &r->blocks[i];
        if (b->failed) return explain(r, b);
        close_gaps(r, b);
        take_range(r, b);
        r->rows += b->rows;
        r->stored += b->stored;
    }
    return CUSGD_OK;
}

/* ---- The whole ----------------------------------------------------------------------------------------------------------- */

/* A window holds as many whole lines as fit; a line that is longer makes it larger. at_start: 1 at the beginning of a file. */
static cusgd_status read_all(reading *r, input *in, int at_start)
{
    size_t room = (size_t)r->most * svmlight_block_bytes, used = 0, count = 1;
    char *text = allocate(room + 1, 1);
    cusgd_status status = text ? CUSGD_OK : fail_memory(room, r->source);
    while (!status && count > 0) {
        size_t begin = used;
        if (used == room) {
            char *more = realloc(text, 2 * room + 1);
            if (!more) status = fail_memory(2 * room, r->source);
            if (!more) break;
            text = more;
            room *= 2;
        }
        while (used < room && count > 0 && !status) {
            status = interrupt_asked() ? fail_interrupted() : input_read(in, text + used, room - used, &count);
            if (!status) used += count;
        }
        if (!status && count == 0 && used > 0 && text[used - 1] != '\n') text[used++] = '\n';
        const char *last = used > begin ? memrchr(text + begin, '\n', used - begin) : NULL;
        if (status || !last) continue;
        size_t lines = (size_t)(last + 1 - text);
        r->times = input_times(in);
        status = take_lines(r, text + (at_start ? byte_order_mark(text, lines) : 0), text + lines);
        at_start = 0;
        memmove(text, text + lines, used - lines);
        used -= lines;
    }
    free(text);
    return status;
}

/* Returns whether indices begin at 0. */
static int is_zero_based(const reading *r)
{
    cusgd_index_base base = r->reader->index_base;
    return base == CUSGD_INDEX_ZERO || (base == CUSGD_INDEX_AUTO && r->smallest == 0);
}

static int64_t columns_of(const reading *r) { return r->largest + is_zero_based(r); }

/* ---- Several processes --------------------------------------------------------------------------------------------------- */

/* What a rank has read. */
typedef struct read_part {
    int64_t rows, stored, largest, smallest;
    int good;
} read_part;

static cusgd_status share_arrays(const reading *r, const data_ranks *ranks, void *room, const int64_t *rows,
                                 const int64_t *stored)
{
    cusgd_status status = ranks_share_rows(ranks, &r->start, room, 0, sizeof(int64_t), rows);
    if (!status) status = ranks_share_rows(ranks, &r->y, room, 0, sizeof(double), rows);
    if (!status) status = ranks_share_rows(ranks, &r->index, room, 0, sizeof(int32_t), stored);
    return status ? status : ranks_share_rows(ranks, &r->value, room, 0, value_size(r), stored);
}

/* Adds what the others have read. All know before whether all have room: one that has failed would be waited for. */
static cusgd_status put_together(reading *r, const data_ranks *ranks, const read_part *all, int *good)
{
    int64_t rows[MAX_SHARDS], stored[MAX_SHARDS], before = 0, own = r->rows, *start;
    int lacks;
    r->rows = r->stored = 0;
    for (int rank = 0; rank < ranks->ranks; rank++) {
        r->rows += rows[rank] = all[rank].rows;
        r->stored += stored[rank] = all[rank].stored;
        before += rank < ranks->rank ? stored[rank] : 0;
        if (all[rank].largest > r->largest) r->largest = all[rank].largest;
        if (all[rank].smallest < r->smallest) r->smallest = all[rank].smallest;
    }
    int beyond = r->reader->columns > 0 && columns_of(r) > r->reader->columns; /* the message names a line of the file */
    void *room = allocate(ranks_room(ranks), 1);
    cusgd_status status = ranks_any(ranks, beyond || !room || make_room(r, r->rows, r->stored) != CUSGD_OK, &lacks);
    *good = !lacks;
    start = r->start.at;
    for (int64_t row = 0; row < own && !status && *good; row++) start[row] += before;
    if (!status && *good) status = share_arrays(r, ranks, room, rows, stored);
    free(room);
    return status;
}

static cusgd_status read_piece(reading *r, input *in, const text_piece *piece)
{
    cusgd_status status = input_piece(in, piece->begin, piece->end);
    return status ? status : read_all(r, in, piece->begin == 0);
}

/* Each rank reads a piece, where the file can be divided. *again: some rank has failed, and each has to read the whole file. */
static cusgd_status read_by_ranks(reading *r, const char *path, data_ranks *ranks, input *in, int *again)
{
    const text_division text = {
        .path = path, .size = in->size, .least = svmlight_block_bytes, .fit = in->kind == INPUT_PLAIN && in->size > 0};
    read_part all[MAX_SHARDS];
    text_piece piece;
    int divided, good = 1;
    cusgd_status status = ranks_divide(ranks, &text, &piece, &divided);
    if (status) return status;
    if (!divided) return read_all(r, in, 1);
    int failed = read_piece(r, in, &piece) != CUSGD_OK;
    all[ranks->rank] = (read_part){r->rows, r->stored, r->largest, r->smallest, !failed};
    status = ranks_share_equal(ranks, all, sizeof *all);
    for (int rank = 0; rank < ranks->ranks && !status; rank++) good &= all[rank].good;
    if (!status && good) status = put_together(r, ranks, all, &good);
    *again = !good;
    ranks->divided = !status && good;
    return status;
}

/* ---- Handing out --------------------------------------------------------------------------------------------------------- */

static cusgd_status give(reading *r, cusgd_data *data, int32_t **index)
{
    size_t rows = (size_t)r->rows, stored = (size_t)r->stored;
    void *start = NULL, *columns_at = NULL, *value = NULL, *y = NULL;
    ((int64_t *)r->start.at)[r->rows] = r->stored;
    cusgd_status status = grown_give(&r->value, stored * value_size(r), data, 0, &value);
    if (!status) status = grown_give(&r->y, rows * sizeof(double), data, 1, &y);
    if (!status) status = grown_give(&r->start, (rows + 1) * sizeof(int64_t), data, PLACE_START, &start);
    if (!status) status = grown_give(&r->index, stored * sizeof(int32_t), data, PLACE_COLUMN, &columns_at);
    data->view.n = r->rows;
    data->view.s = (cusgd_csr){start, columns_at, value, r->reader->single_values ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64, 0};
    *index = columns_at;
    if (r->reader->roles.x_only) return status;
    data->view.k = 1;
    data->view.y = (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1};
    return status;
}

/* Converts indices that were read as beginning at 1 to beginning at 0. */
static void shift(int32_t *index, int64_t count)
{
    enum { AT_ONCE = 1 << 22 };
    for (int64_t first = 0; first < count; first += AT_ONCE) {
        int64_t some = count - first < AT_ONCE ? count - first : AT_ONCE;
        for (int64_t i = first; i < first + some; i++) index[i]++;
        file_forget(index + first, (size_t)some * sizeof *index);
    }
}

/* Determines the index of the first column and the number of columns. */
static cusgd_status settle(reading *r, cusgd_data *data)
{
    const cusgd_reader *reader = r->reader;
    int32_t *index;
    int zero = is_zero_based(r);
    int64_t d = columns_of(r);
    if (r->rows == 0) return fail(CUSGD_ERROR_DATA, "%s: has no rows", r->source);
    if (reader->columns > 0 && d > reader->columns)
        return fail(CUSGD_ERROR_DATA,
                    "%s: line %" PRId64 ": index %" PRId64 " is beyond the %" PRId64 " columns, whose indices count from %d: see "
                    "--index-base and --columns",
                    r->source, r->largest_line, r->largest, reader->columns, !zero);
    if (reader->columns > 0) d = reader->columns;
    if (d < 1) return fail(CUSGD_ERROR_DATA, "%s: every row is empty: say how many columns there are by --columns", r->source);
    cusgd_status status = give(r, data, &index);
    if (status) return status;
    data->base = zero ? CUSGD_INDEX_ZERO : CUSGD_INDEX_ONE;
    data->view.d = d;
    if (zero && svmlight_base(reader) == 1) shift(index, r->stored);
    if (reader->index_base != CUSGD_INDEX_AUTO) return CUSGD_OK;
    return data_note(data, "%s: indices count from %d (--index-base), %" PRId64 " columns", r->source, !zero, d);
}

static cusgd_status begin(reading *r)
{
    size_t block = svmlight_block_bytes;
    r->threads = r->reader->threads > 0 ? r->reader->threads : pool_threads();
    size_t window = (size_t)r->threads * BLOCKS_EACH * block;
    r->most = (int)((window < WINDOW_MOST ? window : (size_t)WINDOW_MOST) / block);
    if (r->most < 1) r->most = 1;
    if (r->threads > r->most) r->threads = r->most;
    r->pool = pool_create(r->threads);
    r->blocks = allocate_zeroed((size_t)r->most, sizeof *r->blocks);
    if (!r->pool || !r->blocks) return fail_memory((size_t)r->most * sizeof *r->blocks, "reading on several threads");
    return make_room(r, 1, 1); /* so that no array is NULL */
}

static void end(reading *r)
{
    pool_free(r->pool);
    free(r->blocks);
    grown_free(&r->start);
    grown_free(&r->index);
    grown_free(&r->value);
    grown_free(&r->y);
}

static cusgd_status open_text(const char *path, const cusgd_reader *reader, data_ranks *ranks, cusgd_data *data, int *again)
{
    reading r = {.source = data->source, .reader = reader, .largest = -1, .smallest = INT64_MAX};
    input in;
    if (reader->roles.ignore_count || reader->roles.weights)
        return fail(CUSGD_ERROR_USAGE, "%s: the columns of LIBSVM text have no names to ignore or to take weights from", path);
    cusgd_status status = input_open(&in, path, data->source);
    if (status) return status;
    status = begin(&r);
    if (!status) status = ranks ? read_by_ranks(&r, path, ranks, &in, again) : read_all(&r, &in, 1);
    input_close(&in);
    if (!status && !*again) status = settle(&r, data);
    end(&r);
    return status;
}

cusgd_status svmlight_open(const char *path, const cusgd_reader *reader, cusgd_data *data)
{
    int again = 0, alone = 0;
    cusgd_status status = open_text(path, reader, data->opening.ranks, data, &again);
    again = ranks_settle(data, &status, again);
    return again ? open_text(path, reader, NULL, data, &alone) : status;
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

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

/* ---- By content ---------------------------------------------------------------------------------------------------------- */

/* Whether a whole line, or its beginning that stops at `end`, is a label and INDEX:VALUE pairs, at least one. */
static int is_row(const char *at, const char *end)
{
    int64_t before = -1, pairs = 0;
    double number;
    at = svmlight_number(at, end + 1, &number);
    while (at && at < end && *at != '\n' && *at != '#') {
        int64_t index = 0;
        while (svmlight_is_blank(*at)) at++;
        if (*at == '\n' || *at == '#') break;
        const char *begin = at;
        while ((unsigned char)(*at - '0') < 10 && index <= INT32_MAX) index = index * 10 + (*at++ - '0');
        if (at == begin || *at != ':' || index <= before) return 0;
        at = svmlight_number(at + 1, end + 1, &number);
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
    for (int full = count == FIRST; full && count > 0 && !svmlight_ends_token(text[count - 1]);)
        count--; /* a token that may be cut off */
    if (memchr(text, '\0', count)) return 0;
    text[count] = '\n';
    const char *at = text + byte_order_mark(text, count), *end = text + count;
    while (at < end) {
        while (at < end && svmlight_is_blank(*at)) at++;
        if (at < end && *at != '\n' && *at != '#') return is_row(at, end);
        at = memchr(at, '\n', (size_t)(end - at) + 1);
        at++;
    }
    return 0;
}
