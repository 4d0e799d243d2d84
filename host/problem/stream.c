/* Streams of rows that are read in place (stream_place.h), or that are copied to a device with its own memory: for steps as
 * described in stream_send.h, and for passes in blocks, through the slot of the reader. */
#include "stream.h"
#include "stream_needs.h"
#include "stream_place.h"
#include "stream_send.h"

#include "clock.h"
#include "failure.h"
#include "interrupt.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Seconds of steps and full passes, and of copying rows during them. */
typedef struct stage_seconds {
    double all, copying;
} stage_seconds;

struct stream {
    row_reader *reader;
    stream_place *place; /* NULL: rows are copied to the slot of the reader */
    stream_send *send;   /* NULL: rows are not sent */
    int64_t room;        /* rows of a block, and of the slot */
    int64_t ahead;       /* rows of the next block for which there is room meanwhile */
    dataset *bound;      /* the block on the device, whose memory is reused */
    int64_t *list;       /* room: rows of the slot to upload */
    stage_seconds took;
    char note[448];
    char held[400]; /* a note on data in memory in addition to the budget; "": none */
};

static cusgd_status copy(const problem *p, stream *s, const examples *rows)
{
    double begun = clock_seconds();
    cusgd_status status = p->backend->ops->pieces.bind_again(p->backend->self, rows, &p->units.transform, &s->bound);
    s->took.copying += clock_seconds() - begun;
    return status;
}

/* Uploads the first `count` rows of the list. */
static cusgd_status bind(const problem *p, stream *s, int64_t count)
{
    examples rows;
    cusgd_status status = row_reader_end(s->reader, &rows);
    if (status) return status;
    rows.n = count;
    rows.rows = s->list; /* this makes bind() copy them, so that the slot can be reused */
    return copy(p, s, &rows);
}

cusgd_status stream_batches(const problem *p, stream *s, const sampler *orders, int64_t batch, batch_share *share, int64_t *end)
{
    return s->place ? stream_place_batches(p, s->place, orders, batch, end)
                    : stream_send_batches(p, s->send, orders, batch, share, end);
}

/* ---- Full passes ---- */

/* The function of a pass for one block. */
typedef cusgd_status (*piece_pass)(void *context, const problem *p, const dataset *b, piece_of at);

/* The rows of a shard, which begin at `start` of all rows. */
typedef struct shard_rows_of {
    int shard;
    int64_t start, n;
} shard_rows_of;

static shard_rows_of rows_of(const problem *p, int shard)
{
    uint64_t n = (uint64_t)p->train.rows.n, shards = (uint64_t)p->train.shards, h = (uint64_t)shard;
    return (shard_rows_of){shard, (int64_t)shard_start(n, shards, h), (int64_t)shard_rows(n, shards, h)};
}

/* Returns the end of a block. If the device keeps the first rows, a block ends after them if possible. */
static int64_t piece_end(const problem *p, const stream *s, enum full_pass pass, shard_rows_of of, int64_t first)
{
    int64_t kept = s->send ? stream_send_kept(p, s->send, of.shard) - first : 0;
    int64_t room = kept > 0 && kept < s->room ? kept : s->room;
    int64_t end = p->backend->ops->pieces.end(p->backend->self, pass, of.n, p->d, p->k, first, room);
    return end > first ? end : p->backend->ops->pieces.end(p->backend->self, pass, of.n, p->d, p->k, first, s->room);
}

/* Returns whether the device has these rows of a shard in pages that remain there. */
static int has_rows(const problem *p, const stream *s, shard_rows_of of, int64_t first, int64_t end)
{
    return s->send && stream_send_has(p, s->send, of.shard, first, end);
}

static cusgd_status read_rows(stream *s, int64_t first, int64_t count)
{
    row_run run = {first, count};
    cusgd_status status = count > 0 ? row_reader_end(s->reader, NULL) : CUSGD_OK;
    return status || count <= 0 ? status : row_reader_begin(s->reader, &run, 1, 0);
}

/* Uploads a block. Passes for second derivatives need a copy of the rows; others read them in place if the device can. */
static cusgd_status bind_piece(const problem *p, stream *s, enum full_pass pass, shard_rows_of of, int64_t first, int64_t count)
{
    if (has_rows(p, s, of, first, first + count)) {
        p->backend->ops->unbind(p->backend->self, s->bound);
        s->bound = NULL;
        return stream_send_bind(p, s->send, of.shard, first, first + count, &s->bound);
    }
    if (!s->place) {
        for (int64_t i = 0; i < count; i++) s->list[i] = i;
        return bind(p, s, count);
    }
    examples rows = examples_piece(&p->train.rows, of.start + first, count);
    cusgd_status status = row_reader_end(s->reader, NULL);
    row_reader_use(s->reader);
    if (status) return status;
    if (pass == PASS_HESSIAN) return copy(p, s, &rows);
    return p->backend->ops->pieces.bind_in_place(p->backend->self, &rows, &p->units.transform, &s->bound);
}

/* Stops reading ahead; what was read or requested is no longer valid. */
static cusgd_status stop_reading(const problem *p, stream *s)
{
    cusgd_status status = s->place ? CUSGD_OK : stream_send_pause(p, s->send), ended = row_reader_end(s->reader, NULL);
    if (s->place) stream_place_forget(s->place);
    return status ? status : ended;
}

/* Returns the first row of the block from `first` on that is not read while the previous block is processed, because there is no
 * room or the device has the block. */
static int64_t ahead_of(const problem *p, const stream *s, enum full_pass pass, shard_rows_of of, int64_t first)
{
    if (first >= of.n) return first;
    int64_t end = piece_end(p, s, pass, of, first);
    return has_rows(p, s, of, first, end) ? first : min_of(end, first + s->ahead);
}

/* Runs a pass. The next block, or as much of it as there is room for, is read while one is processed. */
static cusgd_status pass_over(const problem *p, int shard, enum full_pass pass, piece_pass body, void *context)
{
    stream *s = p->train.stream;
    double begun = clock_seconds();
    shard_rows_of of = rows_of(p, shard);
    cusgd_status status = stop_reading(p, s);
    for (int64_t first = 0, there = 0, end; first < of.n && !status; first = end) { /* there: first row not requested */
        end = piece_end(p, s, pass, of, first);
        if (!has_rows(p, s, of, first, end)) status = read_rows(s, of.start + there, end - there);
        if (!status) status = bind_piece(p, s, pass, of, first, end - first);
        there = ahead_of(p, s, pass, of, end);
        if (!status) status = read_rows(s, of.start + end, there - end);
        if (!status) status = body(context, p, s->bound, (piece_of){first, of.n});
        if (!status && interrupt_asked()) status = fail_interrupted();
    }
    stream_add_seconds(s, clock_seconds() - begun);
    return status;
}

typedef struct loss_pass {
    loss_rule loss;
    const double *theta;
    double *value, *gradient;
} loss_pass;

static cusgd_status add_losses(void *context, const problem *p, const dataset *b, piece_of at)
{
    loss_pass *l = context;
    return p->backend->ops->pieces.objective(p->backend->self, b, at, l->loss, l->theta, l->value, l->gradient);
}

cusgd_status stream_loss(const problem *p, int shard, loss_rule loss, const double *theta, double *value, double *gradient)
{
    loss_pass l = {loss, theta, value, gradient};
    return pass_over(p, shard, PASS_OBJECTIVE, add_losses, &l);
}

typedef struct curvature_pass {
    const double *scale;
    curvature *out;
} curvature_pass;

static cusgd_status add_curvature(void *context, const problem *p, const dataset *b, piece_of at)
{
    curvature_pass *c = context;
    return p->backend->ops->pieces.curvature(p->backend->self, b, at, c->scale, c->out);
}

cusgd_status stream_curvature(const problem *p, int shard, const double *scale, curvature *out)
{
    curvature_pass c = {scale, out};
    return pass_over(p, shard, PASS_CURVATURE, add_curvature, &c);
}

typedef struct hessian_pass {
    loss_rule loss;
    const double *theta;
    double *hessian;
} hessian_pass;

static cusgd_status add_second(void *context, const problem *p, const dataset *b, piece_of at)
{
    const hessian_pass *h = context;
    return p->backend->ops->pieces.hessian(p->backend->self, b, at, h->loss, h->theta, h->hessian);
}

cusgd_status stream_hessian(const problem *p, int shard, loss_rule loss, const double *theta, double *hessian)
{
    hessian_pass h = {loss, theta, hessian};
    return pass_over(p, shard, PASS_HESSIAN, add_second, &h);
}

/* ---- Single rows ---- */

typedef struct wanted_row {
    int64_t row, place;
} wanted_row;

static int compare_rows(const void *a, const void *b)
{
    const wanted_row *x = a, *y = b;
    return x->row != y->row ? (x->row > y->row) - (x->row < y->row) : (x->place > y->place) - (x->place < y->place);
}

/* Fetches at most `room` rows, in the order of the file. work: count. */
static cusgd_status fetch_rows(const problem *p, stream *s, const int64_t *rows, int64_t count, wanted_row *work, double *x,
                               double *w)
{
    row_run *runs = allocate((size_t)count, sizeof *runs);
    int64_t *at = allocate((size_t)count, sizeof *at);
    cusgd_status status = runs && at ? CUSGD_OK : fail_memory((size_t)count * sizeof *runs, "sampled rows");
    for (int64_t i = 0; i < count && !status; i++) work[i] = (wanted_row){rows[i], i};
    if (!status) qsort(work, (size_t)count, sizeof *work, compare_rows);
    for (int64_t i = 0; i < count && !status; i++) {
        runs[i] = (row_run){work[i].row, 1};
        if (!s->place) s->list[work[i].place] = i;
        at[i] = i;
    }
    if (!status) status = row_reader_begin(s->reader, runs, count, 0);
    if (!status) status = s->place ? row_reader_end(s->reader, NULL) : bind(p, s, count);
    if (!status && s->place)
        status = shards_bound_rows(p, &p->train, rows, count, x, w);
    else if (!status)
        status = p->backend->ops->rows(p->backend->self, s->bound, at, count, x, w);
    free(runs);
    free(at);
    return status;
}

cusgd_status stream_rows(const problem *p, stream *s, const int64_t *rows, int64_t m, double *x, double *w)
{
    int64_t most = min_of(m, s->room);
    double begun = clock_seconds();
    wanted_row *work = allocate((size_t)most, sizeof *work);
    if (!work) return fail_memory((size_t)most * sizeof *work, "sampled rows");
    cusgd_status status = stop_reading(p, s);
    for (int64_t i = 0; i < m && !status; i += most)
        status = fetch_rows(p, s, rows + i, min_of(most, m - i), work, x + i * p->d, w + i);
    free(work);
    row_reader_use(s->reader);
    stream_add_seconds(s, clock_seconds() - begun);
    return status;
}

/* ---- Its life ---- */

static cusgd_status open_slot(const problem *p, stream *s, int64_t each)
{
    const windows_ops *ops = &p->backend->ops->pieces.windows;
    slot_memory memory = {p->backend->self, ops->pin, ops->unpin};
    s->room = s->ahead = 2 * each * shards_here(p, &p->train).count; /* two groups of windows; passes use all of it */
    cusgd_status status = row_reader_open(&p->train.rows, s->room, &memory, &s->reader);
    if (status) return status;
    s->list = allocate((size_t)s->room, sizeof *s->list);
    if (!s->list) return fail_memory((size_t)s->room * sizeof *s->list, "the windows of rows");
    return stream_send_open(p, s->reader, each, &s->send);
}

static cusgd_status open_place(problem *p, stream *s, const stream_room *room)
{
    cusgd_status status = shards_bind_by(p, p->backend->ops->pieces.bind_in_place, &p->units.transform, &p->train);
    if (!status) status = row_reader_open(&p->train.rows, 0, NULL, &s->reader);
    s->room = room->piece;
    s->ahead = room->piece_ahead;
    return status ? status : stream_place_open(p, s->reader, room->window_ahead, &s->place);
}

static cusgd_status open_stream(problem *p, const stream_needs *of)
{
    stream *s = allocate_zeroed(1, sizeof *s);
    if (!s) return fail_memory(sizeof *s, "the windows of rows");
    stream_room room;
    cusgd_status status = stream_choose_room(p, of, &room);
    if (!status) status = p->backend->ops->pieces.bind_in_place ? open_place(p, s, &room) : open_slot(p, s, room.piece);
    if (!status && p->train.data->memory[PLACE_X])
        snprintf(
            s->held, sizeof s->held,
            "%.100s is held in memory, %.3g GB in addition to the option memory: only x.npy of floats and the folders of cusgd "
            "convert, but for bf16, are read when they are needed",
            p->train.data->source, (double)p->train.data->view.n * (double)row_reader_row_bytes(&p->train.data->view) / 1e9);
    if (status)
        stream_close(p, s);
    else
        p->train.stream = s;
    return status;
}

cusgd_status stream_bind_training(problem *p)
{
    const transform *t = &p->units.transform;
    if (p->options->memory == 0) return shards_bind(p, t, &p->train);
    stream_needs of = stream_needs_of(p);
    if (of.fixed + shards_most_rows(p, &p->train) * of.bound <= p->options->memory) return shards_bind(p, t, &p->train);
    cusgd_status status = stream_check_options(p, &of);
    return status ? status : open_stream(p, &of);
}

void stream_close(const problem *p, stream *s)
{
    if (!s) return;
    p->backend->ops->unbind(p->backend->self, s->bound);
    stream_send_close(p, s->send); /* before freeing memory that the device may be reading */
    row_reader_close(s->reader);
    stream_place_close(s->place);
    free(s->list);
    free(s);
}

cusgd_status stream_check(const stream *s) { return row_reader_check(s->reader); }

void stream_add_seconds(stream *s, double seconds) { s->took.all += seconds; }

void stream_took(const stream *s, cusgd_stream_times *times)
{
    row_reader_times t = row_reader_took(s->reader);
    times->read_bytes = t.bytes;
    times->present_bytes = t.present;
    times->read_seconds = t.reading;
    times->wait_seconds = t.waiting;
    times->copy_seconds = s->took.copying;
    if (s->send) {
        stream_traffic sent = stream_send_traffic(s->send);
        times->present_bytes += sent.found + sent.found_by_passes;
        times->copy_seconds += sent.seconds;
    }
    times->compute_seconds = fmax(s->took.all - t.waiting - times->copy_seconds, 0);
}

/* Returns MB/s. */
static double rate_of(double bytes, double seconds) { return seconds > 0 ? bytes / seconds / 1e6 : 0; }

const char *stream_note(stream *s)
{
    cusgd_stream_times t = CUSGD_INIT(cusgd_stream_times);
    char read[240];
    stream_took(s, &t);
    double all = t.wait_seconds + t.copy_seconds + t.compute_seconds;
    if (s->place && t.read_bytes == 0)
        snprintf(read, sizeof read, "rows were taken from mapped files, %.3g GB of which were in memory already",
                 t.present_bytes / 1e9);
    else if (s->place)
        snprintf(
            read, sizeof read,
            "rows were taken from mapped files: %.3g GB of them were in memory already, and %.3g GB were read ahead, at %.4g "
            "MB/s",
            t.present_bytes / 1e9, t.read_bytes / 1e9, rate_of(t.read_bytes, t.read_seconds));
    else
        snprintf(read, sizeof read,
                 "%.3g GB of rows were read, in pieces of up to %" PRId64
                 " rows, at %.4g MB/s; %.3g GB were sent to the device for steps, and %.3g GB were there already",
                 t.read_bytes / 1e9, s->room, rate_of(t.read_bytes, t.read_seconds), stream_send_traffic(s->send).sent / 1e9,
                 stream_send_traffic(s->send).found / 1e9);
    snprintf(s->note, sizeof s->note,
             "%s; steps and evaluations computed at %.4g MB/s; training waited %.3g s for rows, %.0f %% of its time", read,
             rate_of(t.read_bytes + t.present_bytes, t.compute_seconds), t.wait_seconds,
             all > 0 ? 100 * t.wait_seconds / all : 0);
    return s->note;
}

stream_traffic stream_sent(const stream *s) { return s->send ? stream_send_traffic(s->send) : (stream_traffic){0}; }

const char *stream_held_note(const stream *s) { return *s->held ? s->held : NULL; }
