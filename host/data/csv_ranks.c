/* The rows of a CSV file, read by several processes. Each reads a piece of the file: numbers go to their places, and all other
 * fields are kept. Then all ranks receive the rows and the fields of all, and take the fields in the file's order, as one process
 * does, so that all have what it has. Where that meets a problem, each rank reads the file by itself, as one process does: the
 * message is then that process's, too. */
#include "csv.h"
#include "data.h"
#include "failure.h"
#include "interrupt.h"
#include "scalar/shards.h"

#include <stdlib.h>
#include <string.h>

/* What a rank has read. */
typedef struct read_part {
    int64_t rows, bytes; /* of its listing */
    int good;
} read_part;

typedef struct shared_reading {
    table *t;
    const data_ranks *ranks;
    listing kept;
    int64_t begin; /* the first row that is divided */
    int64_t rows;  /* of all ranks */
    read_part all[MAX_SHARDS];
} shared_reading;

/* ---- This rank's piece --------------------------------------------------------------------------------------------------- */

/* Whether nothing but empty lines and comments is left; what else is, is not for this reader. */
static int is_at_end(table *t)
{
    int more = 1;
    return scan_record(&t->scan, &more) == CUSGD_OK && !more;
}

static cusgd_status read_piece(shared_reading *s, windows *w, const text_piece *piece, int *good)
{
    table *t = s->t;
    int64_t maximum = INT64_MAX, records = 0;
    cusgd_status status = scan_piece(&t->scan, piece->begin, piece->end);
    while (!status && records == 0) status = csv_windows_read(w, &maximum, &records);
    if (!status && t->scan.status) status = t->scan.status;
    int is_last = s->ranks->rank + 1 == s->ranks->ranks;
    *good = !status && (is_last ? is_at_end(t) : records == INT64_MAX && t->scan.begin == t->scan.end);
    return status;
}

/* *good: all ranks have read their pieces. */
static cusgd_status agree_on_rows(shared_reading *s, int *good)
{
    int rank = s->ranks->rank;
    s->all[rank] = (read_part){s->t->rows - s->begin, (int64_t)s->kept.used, *good};
    cusgd_status status = ranks_share_equal(s->ranks, s->all, sizeof *s->all);
    for (int other = 0; other < s->ranks->ranks && !status; other++) {
        *good &= s->all[other].good;
        s->rows += s->all[other].rows;
    }
    return status;
}

/* ---- The rows of all ranks ----------------------------------------------------------------------------------------------- */

static cusgd_status share_rows(const shared_reading *s, void *room)
{
    const table *t = s->t;
    int64_t counts[MAX_SHARDS];
    size_t width[4];
    cusgd_status status = CUSGD_OK;
    csv_widths(t, width);
    for (int rank = 0; rank < s->ranks->ranks; rank++) counts[rank] = s->all[rank].rows;
    for (int i = 0; i < 4 && !status; i++)
        if (width[i] > 0) status = ranks_share_rows(s->ranks, &t->held[i], room, s->begin, width[i] * sizeof(double), counts);
    return status;
}

/* The fields that a rank has kept, whose rows count from `first` on. */
static cusgd_status take_fields(table *t, const unsigned char *at, int64_t bytes, int64_t first)
{
    listing_place place = {.at = at, .end = at + bytes};
    field f = {.comma = t->scan.dialect.decimal == ',', .thousands = t->scan.dialect.thousands};
    cusgd_status status = CUSGD_OK;
    while (!status && !survey_found(&t->survey) && listing_next(&place, &f)) {
        t->rows = t->to = first + place.row;
        status = csv_put_field(t, place.column, &f);
    }
    return status;
}

static cusgd_status take_all_fields(const shared_reading *s, const unsigned char *kept, int *good)
{
    int64_t first = s->begin;
    cusgd_status status = CUSGD_OK;
    for (int rank = 0; rank < s->ranks->ranks && !status; rank++) {
        status = take_fields(s->t, kept, s->all[rank].bytes, first);
        kept += s->all[rank].bytes;
        first += s->all[rank].rows;
    }
    *good = !status && !survey_found(&s->t->survey);
    s->t->rows = s->begin + s->rows;
    return status;
}

/* *good: all ranks have taken the fields. One may lack the memory for a field, and what is made of the others is then of no use.
 */
static cusgd_status take_on_all(const shared_reading *s, const unsigned char *kept, int *good)
{
    int failed;
    (void)take_all_fields(s, kept, good);
    cusgd_status status = ranks_any(s->ranks, !*good, &failed);
    *good = !failed;
    return status;
}

/* All ranks know before whether all have room: one that has failed would be waited for. */
static cusgd_status put_together(shared_reading *s, int *good)
{
    size_t bytes[MAX_SHARDS], all = 0, before = 0;
    int lacks, rank = s->ranks->rank;
    for (int other = 0; other < s->ranks->ranks; other++) {
        bytes[other] = (size_t)s->all[other].bytes;
        before += other < rank ? bytes[other] : 0;
        all += bytes[other];
    }
    unsigned char *kept = allocate(all + 1, 1);
    void *room = allocate(ranks_room(s->ranks), 1);
    int has_room = kept && room && csv_make_room(s->t, s->begin + s->rows) == CUSGD_OK;
    cusgd_status status = ranks_any(s->ranks, !has_room, &lacks);
    *good = !lacks;
    if (!status && *good) status = share_rows(s, room);
    free(room);
    if (!status && *good && s->kept.used > 0) memcpy(kept + before, s->kept.at, s->kept.used);
    listing_free(&s->kept);
    if (!status && *good) status = s->ranks->share(s->ranks->of, kept, bytes);
    if (!status && *good) status = take_on_all(s, kept, good);
    free(kept);
    return status;
}

/* ---- The whole ----------------------------------------------------------------------------------------------------------- */

cusgd_status csv_ranks_read(table *t, data_ranks *ranks, const char *path, int fit, enum ranks_outcome *outcome)
{
    shared_reading s = {.t = t, .ranks = ranks, .begin = t->rows, .kept = {.row = t->rows}};
    const input *in = &t->scan.input;
    windows *w = NULL;
    int divided, good = 0;
    *outcome = RANKS_NONE;
    fit = fit && in->kind == INPUT_PLAIN && in->size > 0 && csv_windows_create(t, &s.kept, &w) == CUSGD_OK && csv_windows_fit(w);
    const text_division text = {.path = path,
                                .begin = fit ? scan_place(&t->scan) : 0,
                                .size = in->size,
                                .least = csv_block_bytes,
                                .quotes = 1,
                                .fit = fit};
    text_piece piece;
    cusgd_status status = ranks_divide(ranks, &text, &piece, &divided);
    if (!status && divided) {
        *outcome = RANKS_AGAIN;
        (void)read_piece(&s, w, &piece, &good);
        status = agree_on_rows(&s, &good);
    }
    if (!status && good) status = put_together(&s, &good);
    ranks->divided = !status && good;
    if (ranks->divided) *outcome = RANKS_ALL;
    csv_windows_free(w);
    listing_free(&s.kept);
    return status;
}
