/* Dividing a text file between the processes that read it. */
#include "ranks.h"

#include "census.h"
#include "data.h"
#include "failure.h"
#include "hash.h"
#include "interrupt.h"
#include "scalar/shards.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

cusgd_status ranks_share_equal(const data_ranks *r, void *all, size_t bytes)
{
    size_t sizes[MAX_SHARDS];
    for (int rank = 0; rank < r->ranks; rank++) sizes[rank] = bytes;
    return r->share(r->of, all, sizes);
}

cusgd_status ranks_any(const data_ranks *r, int says, int *any)
{
    unsigned char all[MAX_SHARDS] = {0};
    all[r->rank] = says != 0;
    cusgd_status status = ranks_share_equal(r, all, 1);
    *any = 0;
    for (int rank = 0; rank < r->ranks; rank++) *any |= all[rank];
    return status;
}

size_t ranks_room_bytes = 1 << 24;

/* Bytes of each rank that are shared at a time. */
static size_t portion(const data_ranks *r)
{
    size_t each = ranks_room_bytes / (size_t)r->ranks;
    return each > 0 ? each : 1;
}

size_t ranks_room(const data_ranks *r) { return portion(r) * (size_t)r->ranks; }

/* From the end on, as the places may overlap. */
static void move_up(const grown *array, size_t from, size_t to, size_t bytes)
{
    while (bytes > 0 && to > from) {
        size_t some = bytes < ranks_room_bytes ? bytes : ranks_room_bytes;
        bytes -= some;
        memmove((char *)array->at + to + bytes, (char *)array->at + from + bytes, some);
        grown_forget(array, to + bytes, some);
        grown_forget(array, from + bytes, some);
    }
}

/* Bytes of all ranks' portions: start[rank] .. start[rank + 1] - 1 are a rank's, of which those behind the first `passed` come.
 */
static cusgd_status share_portions(const data_ranks *r, const grown *array, char *room, const size_t *start, size_t passed)
{
    size_t bytes[MAX_SHARDS], each = portion(r), own = 0;
    for (int rank = 0; rank < r->ranks; rank++) {
        size_t all = start[rank + 1] - start[rank], left = all > passed ? all - passed : 0;
        bytes[rank] = left < each ? left : each;
        own += rank < r->rank ? bytes[rank] : 0;
    }
    if (bytes[r->rank] > 0) memcpy(room + own, (char *)array->at + start[r->rank] + passed, bytes[r->rank]);
    cusgd_status status = r->share(r->of, room, bytes);
    for (int rank = 0; rank < r->ranks && !status; room += bytes[rank++]) {
        if (rank != r->rank && bytes[rank] > 0) memcpy((char *)array->at + start[rank] + passed, room, bytes[rank]);
        grown_forget(array, start[rank] + passed, bytes[rank]);
    }
    return status;
}

cusgd_status ranks_share_rows(const data_ranks *r, const grown *array, void *room, int64_t first, size_t size,
                              const int64_t *counts)
{
    size_t start[MAX_SHARDS + 1] = {(size_t)first * size}, most = 0, each = portion(r);
    cusgd_status status = CUSGD_OK;
    for (int rank = 0; rank < r->ranks; rank++) {
        size_t bytes = (size_t)counts[rank] * size;
        start[rank + 1] = start[rank] + bytes;
        most = bytes > most ? bytes : most;
    }
    move_up(array, start[0], start[r->rank], (size_t)counts[r->rank] * size);
    for (size_t passed = 0; passed < most && !status; passed += each) status = share_portions(r, array, room, start, passed);
    return status;
}

/* ---- Bytes of the file --------------------------------------------------------------------------------------------------- */

enum { AT_ONCE = 1 << 18 };

/* Up to `room` bytes from a place on; 0 at the file's end, -1 where it cannot be read. */
static ssize_t read_at(int file, char *to, size_t room, uint64_t from)
{
    ssize_t got;
    do {
        if (interrupt_asked()) return -1;
        got = pread(file, to, room, (off_t)from);
    } while (got < 0 && errno == EINTR);
    return got;
}

static uint64_t minimum(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* 0: it cannot be read. */
static int count_quotes(int file, char *work, uint64_t from, uint64_t to, int64_t *quotes)
{
    for (*quotes = 0; from < to;) {
        ssize_t got = read_at(file, work, (size_t)minimum(AT_ONCE, to - from), from);
        if (got <= 0) return 0;
        census c = {.begin = work, .end = work + got};
        census_take(&c);
        *quotes += c.quotes;
        from += (uint64_t)got;
    }
    return 1;
}

/* *at: behind the first end of a line at or behind it that is not between quotes; the file's end where there is none. */
static int find_start(int file, char *work, int quoted, uint64_t size, uint64_t *at)
{
    for (;;) {
        ssize_t got = read_at(file, work, (size_t)minimum(AT_ONCE, size - *at), *at);
        if (got < 0) return 0;
        if (got == 0) return 1;
        for (ssize_t i = 0; i < got; i++, ++*at) {
            if (work[i] == '"' && quoted >= 0) quoted = !quoted;
            if (work[i] != '\n' || quoted > 0) continue;
            ++*at;
            return 1;
        }
    }
}

/* A hash of the file's first and last bytes: ranks that see different files divide none. */
static int hash_ends(int file, char *work, uint64_t size, uint64_t *hash)
{
    enum { ENDS = 1 << 16 };
    *hash = 1;
    for (int end = 0; end < 2; end++) {
        ssize_t got = read_at(file, work, ENDS, end && size > ENDS ? size - ENDS : 0);
        if (got < 0) return 0;
        *hash = hash_bytes(*hash, work, (size_t)got);
    }
    return 1;
}

/* ---- Dividing ------------------------------------------------------------------------------------------------------------ */

/* What each rank says, in this order: that it can read the file, and which one that is; the quotes in its part; its start. */
typedef struct said {
    uint64_t fit, size, begin, hash;
} said;

typedef struct division {
    const data_ranks *ranks;
    const text_division *text;
    int file;
    char *work;
    said all[MAX_SHARDS]; /* of each rank */
} division;

static cusgd_status say(division *v, said mine)
{
    v->all[v->ranks->rank] = mine;
    return ranks_share_equal(v->ranks, v->all, sizeof mine);
}

static int all_fit(const division *v)
{
    int fit = 1;
    for (int rank = 0; rank < v->ranks->ranks; rank++) fit &= v->all[rank].fit != 0;
    return fit;
}

static uint64_t cut_at(const division *v, int rank)
{
    uint64_t bytes = v->text->size - v->text->begin, ranks = (uint64_t)v->ranks->ranks;
    return v->text->begin + bytes / ranks * (uint64_t)rank + bytes % ranks * (uint64_t)rank / ranks;
}

/* *same: all ranks can read one file, which is long enough. */
static cusgd_status compare_files(division *v, int *same)
{
    const text_division *t = v->text;
    said mine = {.fit = t->fit && v->file >= 0 && t->size > t->begin, .size = t->size, .begin = t->begin};
    mine.fit = mine.fit && (t->size - t->begin) / (uint64_t)v->ranks->ranks >= t->least;
    mine.fit = mine.fit && hash_ends(v->file, v->work, t->size, &mine.hash);
    cusgd_status status = say(v, mine);
    *same = !status && all_fit(v);
    for (int rank = 1; rank < v->ranks->ranks && *same; rank++) *same = memcmp(&v->all[rank], &v->all[0], sizeof(said)) == 0;
    return status;
}

/* *quoted: whether this rank's cut is between quotes; -1: quotes mean nothing. */
static cusgd_status find_quotes(division *v, int *fits, int *quoted)
{
    int64_t quotes = 0, before = 0;
    int rank = v->ranks->rank;
    *quoted = -1;
    if (!v->text->quotes) return CUSGD_OK;
    int good = count_quotes(v->file, v->work, cut_at(v, rank), cut_at(v, rank + 1), &quotes);
    cusgd_status status = say(v, (said){.fit = (uint64_t)good, .size = (uint64_t)quotes});
    *fits = !status && all_fit(v);
    for (int other = 0; other < rank; other++) before += (int64_t)v->all[other].size;
    *quoted = before % 2 != 0;
    return status;
}

static cusgd_status divide(division *v, text_piece *piece, int *divided)
{
    int fits = 0, quoted = -1, rank = v->ranks->rank;
    cusgd_status status = compare_files(v, &fits);
    if (!status && fits) status = find_quotes(v, &fits, &quoted);
    if (status || !fits) return status;
    uint64_t at = cut_at(v, rank);
    int good = rank == 0 || find_start(v->file, v->work, quoted, v->text->size, &at);
    status = say(v, (said){.fit = (uint64_t)good, .begin = at});
    *divided = !status && all_fit(v);
    *piece = (text_piece){at, rank + 1 < v->ranks->ranks ? v->all[rank + 1].begin : v->text->size};
    return status;
}

cusgd_status ranks_divide(data_ranks *r, const text_division *text, text_piece *piece, int *divided)
{
    division v = {.ranks = r, .text = text, .file = -1};
    *divided = 0;
    r->met = 1;
    v.work = allocate(AT_ONCE, 1);
    if (text->fit && v.work) v.file = open(text->path, O_RDONLY | O_CLOEXEC);
    cusgd_status status = divide(&v, piece, divided);
    if (v.file >= 0) close(v.file);
    free(v.work);
    return status;
}

cusgd_status ranks_decline(data_ranks *r)
{
    const text_division none = {.path = ""};
    text_piece piece;
    int divided;
    return ranks_divide(r, &none, &piece, &divided);
}

int ranks_settle(cusgd_data *data, cusgd_status *status, int again)
{
    data_ranks *r = data->opening.ranks;
    int failed = again;
    if (!r || (again && *status)) return 0; /* in the latter case the ranks have lost each other */
    if (r->divided && !again) {
        cusgd_status shared = ranks_any(r, *status != CUSGD_OK, &failed);
        if (shared) *status = shared;
        if (shared) return 0;
    }
    if (failed) data_reset(data);
    return failed;
}
