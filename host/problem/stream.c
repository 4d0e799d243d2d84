/* Rows that stay where they are (stream_place.h), or come from windows: then the slot of the reader holds the rows of some of the
 * order's windows, page behind page, and before them those that the last batch has left; what is bound is the rows of whole
 * batches, in the epoch's order. */
#include "stream.h"
#include "stream_needs.h"
#include "stream_place.h"
#include "stream_windows.h"

#include "failure.h"
#include "interrupt.h"
#include "scalar/order.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Positions first .. first + rows - 1 of the epoch, whose rows stand in the slot from row `at` on. */
typedef struct slot_window {
    page_window of;
    int64_t at;
} slot_window;

struct stream {
    row_reader *reader;
    stream_place *place;         /* NULL: rows are copied to the slot */
    int64_t room;                /* rows of the slot; of a piece */
    dataset *bound;              /* its memory is used again */
    int has_batches;             /* 1: it has those below, else other rows or none */
    sampler order;               /* of the rows that are bound */
    int64_t first_batch, behind; /* the batches that are bound */
    int64_t *list;               /* room: rows of the slot to be bound */
    row_run *runs;               /* to be read */
    /* The slot: the rows of positions `next` and up of an epoch, the first `kept` at its front, then those of the windows. */
    int is_filled;
    uint64_t epoch;
    int64_t next, kept, end;
    slot_window *windows;
    int64_t window_count;
    char note[256];
    char held[400]; /* a note of what is in memory in addition to the budget; "": nothing is */
};

/* Binds the first `count` rows of the list. */
static cusgd_status bind(const problem *p, stream *s, int64_t count)
{
    examples rows;
    cusgd_status status = row_reader_end(s->reader, &rows);
    if (status) return status;
    rows.n = count;
    rows.rows = s->list; /* so they are copied, and the slot can be filled again */
    s->has_batches = 0;
    return p->backend->ops->pieces.bind_again(p->backend->self, &rows, &p->units.transform, &s->bound);
}

/* ---- Steps ---- */

/* Begins to read the windows from the one of position `from` on, as many as there is room for, behind the kept rows. */
static cusgd_status read_on(const problem *p, stream *s, const sampler *order, int64_t from)
{
    int64_t at = s->kept, runs = 0;
    s->window_count = 0;
    s->end = from;
    for (int64_t i = from; i < (int64_t)order->n;) {
        page_window w = window_at(order, i, p->d);
        if (at + (int64_t)w.rows > s->room) break;
        s->windows[s->window_count++] = (slot_window){w, at};
        runs += window_put_runs(order, &w, 0, s->runs + runs);
        at += (int64_t)w.rows;
        i = s->end = (int64_t)(w.first + w.rows);
    }
    return row_reader_begin(s->reader, s->runs, runs, s->kept);
}

/* The slot's rows, in the order of their positions. */
static void list_rows(const stream *s, const sampler *order)
{
    int64_t *list = s->list, count = s->end - s->next, done = min_of(count, s->kept);
    for (int64_t i = 0; i < done; i++) list[i] = i;
    for (int64_t w = 0, some; w < s->window_count; w++, done += some) {
        const page_window *of = &s->windows[w].of;
        some = (int64_t)of->rows;
        for (int64_t i = 0; i < some && order->sampling != CUSGD_SAMPLING_PAGES; i++) list[done + i] = i;
        for (int64_t i = 0; i < some && order->sampling == CUSGD_SAMPLING_PAGES;)
            i += pages_places(order, of, (uint64_t)i, some - i, list + done + i);
        for (int64_t i = 0; i < some; i++) list[done + i] += s->windows[w].at;
    }
}

/* The slot's rows from position next + taken on go to its front, and the next windows are read behind them. They are listed. */
static cusgd_status advance(const problem *p, stream *s, const sampler *order, int64_t taken)
{
    int64_t left = s->end - s->next - taken;
    cusgd_status status = row_reader_end(s->reader, NULL);
    if (!status) status = row_reader_keep(s->reader, s->list + taken, left);
    s->next += taken;
    s->kept = left;
    return status ? status : read_on(p, s, order, s->end);
}

/* Fills the slot so that it has the rows of batch `batch`, which is its first. */
static cusgd_status fill(const problem *p, stream *s, const sampler *order, int64_t batch)
{
    int64_t first = sampler_span(order, (uint64_t)batch).first;
    cusgd_status status = row_reader_end(s->reader, NULL);
    if (status || (s->is_filled && s->epoch == order->epoch && s->next == first)) return status;
    s->kept = 0;
    s->epoch = order->epoch;
    s->next = (int64_t)window_at(order, first, p->d).first;
    status = read_on(p, s, order, s->next);
    list_rows(s, order);
    if (!status && first > s->next) status = advance(p, s, order, first - s->next);
    s->is_filled = !status;
    return status;
}

/* The batch behind the last whole one of the slot. */
static int64_t last_batch(const stream *s, const sampler *order, int64_t batch)
{
    while (batch < (int64_t)order->batches) {
        batch_span span = sampler_span(order, (uint64_t)batch);
        if (span.first + span.count > s->end) break;
        batch++;
    }
    return batch;
}

/* The order of rows that are bound in the order of `of`, from position `origin` on. */
static sampler order_of_bound(const problem *p, const sampler *of, int64_t origin)
{
    shard_of_rows all = {of->total, (uint64_t)p->d, 1, 0};
    sampler order = sampler_of_shard(CUSGD_SAMPLING_NONE, 0, all, of->batches, of->epoch);
    order.origin = (uint64_t)origin;
    return order;
}

/* Where the batch was made larger after the rows were bound. */
static cusgd_status fail_small(const problem *p, const stream *s, const sampler *order, int64_t batch)
{
    return fail_option("memory",
                       "the memory that was given has room for windows of %" PRId64 " rows of %s, too few for a batch of %" PRId64
                       ": give a smaller --batch, or more --memory",
                       s->room, p->train.data->source, sampler_rows(order, (uint64_t)batch));
}

/* Binds batch `batch` and those behind it that the slot has, and reads on. */
static cusgd_status bind_batches(const problem *p, stream *s, const sampler *order, int64_t batch)
{
    cusgd_status status = fill(p, s, order, batch);
    if (!status) list_rows(s, order);
    if (!status && last_batch(s, order, batch) == batch) { /* begun inside a window */
        status = advance(p, s, order, 0);
        list_rows(s, order);
    }
    if (status) return status;
    int64_t behind = last_batch(s, order, batch);
    if (behind == batch) return fail_small(p, s, order, batch);
    batch_span last = sampler_span(order, (uint64_t)behind - 1);
    int64_t taken = last.first + last.count - s->next;
    status = bind(p, s, taken);
    s->order = order_of_bound(p, order, s->next);
    s->first_batch = batch;
    s->behind = behind;
    s->has_batches = !status;
    return status ? status : advance(p, s, order, taken);
}

cusgd_status stream_batches(const problem *p, stream *s, const sampler *order, int64_t batch, batch_share *share, int64_t *end)
{
    if (s->place) return stream_place_batches(p, s->place, order, batch, end);
    int has = s->has_batches && s->order.epoch == order->epoch && batch >= s->first_batch && batch < s->behind;
    cusgd_status status = has ? CUSGD_OK : bind_batches(p, s, order, batch);
    if (status) s->is_filled = 0; /* the slot may lack rows, or have some of them moved */
    *share = (batch_share){s->bound, &s->order};
    *end = s->behind;
    return status;
}

/* ---- Full passes ---- */

/* What a pass does with a piece. */
typedef cusgd_status (*piece_pass)(void *context, const problem *p, const dataset *b, piece_of at);

/* A shard's rows: those of all from `start` on. */
typedef struct shard_rows_of {
    int64_t start, n;
} shard_rows_of;

/* The shard that is bound to `b`; where nothing is, all rows are one. */
static shard_rows_of shard_bound_to(const problem *p, const dataset *b)
{
    uint64_t n = (uint64_t)p->train.rows.n, shards = (uint64_t)p->train.shards, h = 0;
    while (b && p->train.bounds[h] != b) h++;
    return (shard_rows_of){(int64_t)shard_start(n, shards, h), (int64_t)shard_rows(n, shards, h)};
}

static int64_t piece_end(const problem *p, const stream *s, enum full_pass pass, shard_rows_of of, int64_t first)
{
    return p->backend->ops->pieces.end(p->backend->self, pass, of.n, p->d, p->k, first, s->room);
}

static cusgd_status read_piece(const problem *p, stream *s, enum full_pass pass, shard_rows_of of, int64_t first)
{
    row_run run = {of.start + first, piece_end(p, s, pass, of, first) - first};
    return first < of.n ? row_reader_begin(s->reader, &run, 1, 0) : CUSGD_OK;
}

/* Second derivatives are made of a copy of the rows; all else takes them where they lie, if the device can. */
static cusgd_status bind_piece(const problem *p, stream *s, enum full_pass pass, int64_t first, int64_t count)
{
    const pieces_ops *ops = &p->backend->ops->pieces;
    if (!s->place) {
        for (int64_t i = 0; i < count; i++) s->list[i] = i;
        return bind(p, s, count);
    }
    examples rows = examples_piece(&p->train.rows, first, count);
    cusgd_status status = row_reader_end(s->reader, NULL);
    if (status) return status;
    return (pass == PASS_HESSIAN ? ops->bind_again : ops->bind_in_place)(p->backend->self, &rows, &p->units.transform, &s->bound);
}

/* What has been read or asked for is not to be counted on. */
static cusgd_status stop_reading(stream *s)
{
    s->is_filled = 0;
    if (s->place) stream_place_forget(s->place);
    return row_reader_end(s->reader, NULL);
}

/* The next piece is read while one is worked on. */
static cusgd_status pass_over(const problem *p, const dataset *shard, enum full_pass pass, piece_pass body, void *context)
{
    stream *s = p->train.stream;
    shard_rows_of of = shard_bound_to(p, shard);
    cusgd_status status = stop_reading(s);
    if (!status) status = read_piece(p, s, pass, of, 0);
    for (int64_t first = 0; first < of.n && !status;) {
        int64_t end = piece_end(p, s, pass, of, first);
        status = bind_piece(p, s, pass, of.start + first, end - first);
        if (!status) status = read_piece(p, s, pass, of, end);
        if (!status) status = body(context, p, s->bound, (piece_of){first, of.n});
        if (!status && interrupt_asked()) status = fail_interrupted();
        first = end;
    }
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

cusgd_status stream_loss(const problem *p, const dataset *shard, loss_rule loss, const double *theta, double *value,
                         double *gradient)
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

cusgd_status stream_curvature(const problem *p, const dataset *shard, const double *scale, curvature *out)
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

cusgd_status stream_hessian(const problem *p, const dataset *shard, loss_rule loss, const double *theta, double *hessian)
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

/* At most `room` of them: they are read in the file's order. work: count. */
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
    wanted_row *work = allocate((size_t)most, sizeof *work);
    if (!work) return fail_memory((size_t)most * sizeof *work, "sampled rows");
    cusgd_status status = stop_reading(s);
    for (int64_t i = 0; i < m && !status; i += most)
        status = fetch_rows(p, s, rows + i, min_of(most, m - i), work, x + i * p->d, w + i);
    free(work);
    return status;
}

/* ---- Its life ---- */

static cusgd_status open_slot(const problem *p, stream *s)
{
    int64_t page = (int64_t)page_rows((uint64_t)p->d),
            span = (int64_t)page_window_rows((uint64_t)p->train.rows.n, (uint64_t)page);
    cusgd_status status = row_reader_open(&p->train.rows, s->room, &s->reader);
    if (status) return status;
    s->list = allocate((size_t)s->room, sizeof *s->list);
    s->runs = allocate((size_t)(s->room / page + s->room / span + 3), sizeof *s->runs);
    s->windows = allocate((size_t)(s->room / span + 3), sizeof *s->windows);
    if (s->list && s->runs && s->windows) return CUSGD_OK;
    return fail_memory((size_t)s->room * sizeof *s->list, "the windows of rows");
}

static cusgd_status open_place(problem *p, stream *s)
{
    cusgd_status status = shards_bind_by(p, p->backend->ops->pieces.bind_in_place, &p->units.transform, &p->train);
    if (!status) status = row_reader_open(&p->train.rows, 0, &s->reader);
    return status ? status : stream_place_open(p, s->reader, &s->place);
}

static cusgd_status open_stream(problem *p, const stream_needs *of)
{
    stream *s = allocate_zeroed(1, sizeof *s);
    if (!s) return fail_memory(sizeof *s, "the windows of rows");
    cusgd_status status = stream_choose_room(p, of, &s->room);
    if (!status) status = p->backend->ops->pieces.bind_in_place ? open_place(p, s) : open_slot(p, s);
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
    row_reader_close(s->reader);
    stream_place_close(s->place);
    free(s->list);
    free(s->runs);
    free(s->windows);
    free(s);
}

cusgd_status stream_check(const stream *s) { return row_reader_check(s->reader); }

const char *stream_note(stream *s)
{
    row_reader_times t = row_reader_took(s->reader);
    double rate = t.reading > 0 ? t.bytes / t.reading / 1e6 : 0;
    if (s->place)
        snprintf(
            s->note, sizeof s->note,
            "rows were taken from mapped files: %.3g GB of them were in memory already, and %.3g GB were read ahead, at %.4g "
            "MB/s; training waited %.3g s for them",
            t.present / 1e9, t.bytes / 1e9, rate, t.waiting);
    else
        snprintf(s->note, sizeof s->note,
                 "%.3g GB of rows were read, in windows of %" PRId64 " rows, at %.4g MB/s; training waited %.3g s for them",
                 t.bytes / 1e9, s->room, rate, t.waiting);
    return s->note;
}

const char *stream_held_note(const stream *s) { return *s->held ? s->held : NULL; }
