/* The device's set of rows has four parts: the pages that stay, from row 0 on; rows that have just been sent, in the order of the
 * file; and two halves. Each half has the rows of a group in the epoch's order, and in front of them room for the rows that the
 * last whole batch of the group before has left over. */
#include "stream_send.h"

#include "clock.h"
#include "failure.h"
#include "scalar/order.h"
#include "stream_windows.h"
#include <stdlib.h>
#include <string.h>

/* Positions first .. end - 1 of an epoch: as many whole windows as there is room for. */
typedef struct group {
    int is_there;
    uint64_t epoch;
    int64_t first, end;
} group;

/* What the group that is read consists of: rows of the file, and where on the device they go. */
typedef struct asked_rows {
    int half;
    row_run *runs;
    row_move *moves;
    int64_t count, rows; /* of both; rows that are read */
} asked_rows;

struct stream_send {
    row_reader *reader;
    int64_t room;         /* rows of a group */
    int64_t page, window; /* rows of a page, of a window */
    dataset *set;         /* NULL before the first steps */
    int64_t before;       /* rows in front of those of a group */
    int64_t kept;         /* pages that stay: the file's first ones */
    uint8_t *is_kept;     /* 1: the page has been asked for, so that it is there when a later group comes */
    int64_t *list[2];     /* pinned, room: of each half, rows of the set in the epoch's order */
    int64_t *store;       /* room: rows of the set, in the order of the file */
    group here, ahead, asked;
    int half;      /* in which `here` is */
    int64_t begin; /* the position of the first row in front of that group, or of its own */
    asked_rows rows;
    sampler order; /* of the rows that are bound */
    stream_traffic traffic;
};

static int is_group(const group *g, uint64_t epoch, int64_t first)
{
    return g->is_there && g->epoch == epoch && g->first == first;
}

/* The row of the set at which a half's groups begin. */
static int64_t half_start(const stream_send *s, int half)
{
    return s->kept * s->page + s->room + half * (s->before + s->room) + s->before;
}

/* ---- Reading ---- */

/* The group that is being read will not be sent, so its pages will not be on the device either. */
static void forget_asked(stream_send *s)
{
    for (int64_t i = 0; i < s->rows.count && s->asked.is_there; i++)
        for (int64_t row = 0; row < s->rows.moves[i].count; row += s->page) {
            int64_t page = (s->rows.moves[i].to + row) / s->page;
            if (page < s->kept) s->is_kept[page] = 0;
        }
    s->asked.is_there = 0;
}

/* Adds rows to those that are read. Runs that are neighbors both in the file and on the device become one. */
static void ask_for(stream_send *s, row_run rows, int64_t to)
{
    asked_rows *a = &s->rows;
    int64_t last = a->count - 1;
    a->rows += rows.count;
    if (last >= 0 && a->runs[last].first + a->runs[last].count == rows.first && a->moves[last].to + a->moves[last].count == to) {
        a->runs[last].count += rows.count;
        a->moves[last].count += rows.count;
        return;
    }
    a->runs[a->count] = rows;
    a->moves[a->count++] = (row_move){0, rows.count, to};
}

/* Of consecutive rows of the file, which begin with a page, asks for the pages that are not on the device. *through: the next
 * row of the set for rows that do not stay. store: the row of the set of each. */
static void place_run(stream_send *s, row_run run, int64_t *through, int64_t *store)
{
    for (int64_t done = 0, some; done < run.count; done += some) {
        int64_t page = (run.first + done) / s->page, to = page * s->page;
        some = min_of(s->page, run.count - done);
        if (page >= s->kept) {
            to = *through;
            *through += some;
        }
        if (page >= s->kept || !s->is_kept[page]) ask_for(s, (row_run){run.first + done, some}, to);
        if (page < s->kept) s->is_kept[page] = 1;
        for (int64_t i = 0; i < some; i++) store[done + i] = to + i;
    }
}

/* A window's rows of the set, in the order of the epoch. work: runs of the window. */
static void place_window(stream_send *s, const sampler *order, const page_window *w, int64_t *through, row_run *work,
                         int64_t *list)
{
    int64_t rows = (int64_t)w->rows, count = window_put_runs(order, w, 0, work), at = 0;
    for (int64_t i = 0; i < count; at += work[i++].count) place_run(s, work[i], through, s->store + at);
    if (order->sampling != CUSGD_SAMPLING_PAGES) {
        memcpy(list, s->store, sizeof *list * (size_t)rows);
        return;
    }
    for (int64_t i = 0; i < rows;) i += pages_places(order, w, (uint64_t)i, rows - i, list + i);
    for (int64_t i = 0; i < rows; i++) list[i] = s->store[list[i]];
}

/* Begins to read the windows from the one of position `from` on. */
static cusgd_status ask(const problem *p, stream_send *s, const sampler *order, int64_t from, int half)
{
    forget_asked(s);
    cusgd_status status = row_reader_end(s->reader, NULL);
    double begun = clock_seconds();
    if (!status) status = p->backend->ops->pieces.windows.await(p->backend->self, s->set, half);
    s->traffic.seconds += clock_seconds() - begun;
    size_t most = (size_t)window_runs(s->window, p->d);
    row_run *work = allocate(most, sizeof *work);
    if (!status && !work) status = fail_memory(most * sizeof *work, "the rows to be read");
    int64_t through = s->kept * s->page, rows = 0;
    s->rows.half = half;
    s->rows.count = s->rows.rows = 0;
    s->asked = (group){!status, order->epoch, from, from};
    while (!status && s->asked.end < (int64_t)order->n) {
        page_window w = window_at(order, s->asked.end, p->d);
        if (rows + (int64_t)w.rows > s->room) break;
        place_window(s, order, &w, &through, work, s->list[half] + rows);
        rows += (int64_t)w.rows;
        s->asked.end += (int64_t)w.rows;
    }
    free(work);
    if (!status) status = row_reader_begin(s->reader, s->rows.runs, s->rows.count, half * s->room);
    if (status) forget_asked(s);
    return status;
}

/* ---- Sending ---- */

static double row_bytes(const problem *p) { return (double)row_reader_row_bytes(&p->train.rows); }

/* Waits for the rows that are read and sends them to the device: they are the group ahead. */
static cusgd_status send(const problem *p, stream_send *s)
{
    examples slot;
    const asked_rows *a = &s->rows;
    cusgd_status status = row_reader_end(s->reader, &slot);
    if (!status) {
        window_rows rows = {.sent = examples_piece(&slot, a->half * s->room, a->rows),
                            .moves = a->moves,
                            .move_count = a->count,
                            .list = s->list[a->half],
                            .count = s->asked.end - s->asked.first,
                            .to = half_start(s, a->half)};
        double begun = clock_seconds();
        status = p->backend->ops->pieces.windows.load(p->backend->self, s->set, a->half, &rows);
        s->traffic.seconds += clock_seconds() - begun;
    }
    if (status) {
        forget_asked(s);
        return status;
    }
    s->traffic.sent += (double)a->rows * row_bytes(p);
    s->traffic.found += (double)(s->asked.end - s->asked.first - a->rows) * row_bytes(p);
    s->ahead = s->asked;
    s->asked.is_there = 0;
    return CUSGD_OK;
}

/* Sees to it that the group that begins at `from` is ahead. */
static cusgd_status bring(const problem *p, stream_send *s, const sampler *order, int64_t from)
{
    if (is_group(&s->ahead, order->epoch, from)) return CUSGD_OK;
    s->ahead.is_there = 0;
    int is_asked = is_group(&s->asked, order->epoch, from) && s->rows.half != s->half;
    cusgd_status status = is_asked ? CUSGD_OK : ask(p, s, order, from, !s->half);
    return status ? status : send(p, s);
}

/* The group ahead becomes the one that steps are taken on, with the rows from position `begin` on that the one before has. */
static cusgd_status use(const problem *p, stream_send *s, int64_t begin)
{
    int64_t left = s->ahead.first - begin;
    row_move move = {half_start(s, s->half) + (begin - s->here.first), left, half_start(s, !s->half) - left};
    s->half = !s->half;
    s->here = s->ahead;
    s->begin = begin;
    s->ahead.is_there = 0;
    return p->backend->ops->pieces.windows.use(p->backend->self, s->set, s->half, &move);
}

/* *order, that of the group's epoch, becomes that of the group behind it, and *from its first position. 0: there is none. */
static int follow(const problem *p, const group *g, sampler *order, int64_t *from)
{
    shard_of_rows all = {(uint64_t)p->train.rows.n, (uint64_t)p->d, 1, 0};
    *from = g->end;
    if (g->end < (int64_t)order->n) return 1;
    if ((int64_t)order->epoch + 1 >= p->options->epochs) return 0;
    *order = sampler_of_shard(p->options->sampling, p->options->seed, all, order->batches, order->epoch + 1);
    *from = 0;
    return 1;
}

/* While steps are taken on the group that is here, the next one is sent, and the one after that is read. */
static cusgd_status go_ahead(const problem *p, stream_send *s, sampler order)
{
    int64_t from;
    if (!follow(p, &s->here, &order, &from)) return CUSGD_OK;
    cusgd_status status = bring(p, s, &order, from);
    if (status || !follow(p, &s->ahead, &order, &from)) return status;
    return is_group(&s->asked, order.epoch, from) ? CUSGD_OK : ask(p, s, &order, from, s->half);
}

/* ---- The set ---- */

static void close_set(const problem *p, stream_send *s)
{
    s->here.is_there = s->ahead.is_there = s->asked.is_there = 0;
    p->backend->ops->unbind(p->backend->self, s->set);
    s->set = NULL;
    free(s->is_kept);
    s->is_kept = NULL;
}

/* For batches of up to `rows` rows. */
static cusgd_status open_set(const problem *p, stream_send *s, int64_t rows)
{
    int64_t pages = (p->train.rows.n + s->page - 1) / s->page;
    cusgd_status status = row_reader_end(s->reader, NULL);
    if (s->set) close_set(p, s);
    window_shape shape = {
        .rows = 3 * s->room + 2 * rows, .page = s->page, .pages = pages, .spare = 2 * s->room, .most_sent = s->room};
    if (!status)
        status = p->backend->ops->pieces.windows.open(p->backend->self, &p->train.rows, &p->units.transform, &shape, &s->set);
    if (status) return status;
    s->before = rows;
    s->kept = shape.pages;
    s->is_kept = allocate_zeroed((size_t)shape.pages, 1);
    return s->is_kept ? CUSGD_OK : fail_memory((size_t)shape.pages, "the windows of rows");
}

/* ---- Batches ---- */

static int is_here(const stream_send *s, const sampler *order, int64_t batch)
{
    batch_span span = sampler_span(order, (uint64_t)batch);
    return s->here.is_there && s->here.epoch == order->epoch && span.first >= s->begin && span.first + span.count <= s->here.end;
}

/* The next group: that behind the one that is here, if the batch begins there, else that of its first row. */
static cusgd_status advance(const problem *p, stream_send *s, const sampler *order, int64_t batch)
{
    int64_t first = sampler_span(order, (uint64_t)batch).first;
    int goes_on = s->here.is_there && s->here.epoch == order->epoch && first >= s->begin && first <= s->here.end;
    int64_t from = goes_on ? s->here.end : (int64_t)window_at(order, first, p->d).first;
    cusgd_status status = bring(p, s, order, from);
    return status ? status : use(p, s, goes_on ? first : from);
}

/* Where the epoch's rows from position `begin` on stand in the set. */
static sampler order_of_bound(const problem *p, const stream_send *s, const sampler *of)
{
    shard_of_rows all = {of->total, (uint64_t)p->d, 1, 0};
    sampler order = sampler_of_shard(CUSGD_SAMPLING_NONE, 0, all, of->batches, of->epoch);
    order.origin = (uint64_t)(s->here.first - half_start(s, s->half));
    return order;
}

cusgd_status stream_send_batches(const problem *p, stream_send *s, const sampler *order, int64_t batch, batch_share *share,
                                 int64_t *end)
{
    int64_t most = (int64_t)((order->total + order->batches - 1) / order->batches);
    cusgd_status status = s->set && most <= s->before ? CUSGD_OK : open_set(p, s, most);
    int moves = !status && !is_here(s, order, batch);
    while (!status && !is_here(s, order, batch)) status = advance(p, s, order, batch);
    if (!status && moves) status = go_ahead(p, s, *order);
    if (status) {
        s->here.is_there = s->ahead.is_there = 0;
        forget_asked(s);
        return status;
    }
    for (*end = batch; *end < (int64_t)order->batches && is_here(s, order, *end);) ++*end;
    s->order = order_of_bound(p, s, order);
    *share = (batch_share){s->set, &s->order};
    return CUSGD_OK;
}

cusgd_status stream_send_pause(const problem *p, stream_send *s)
{
    cusgd_status status = CUSGD_OK;
    forget_asked(s);
    for (int half = 0; half < 2 && s->set && !status; half++)
        status = p->backend->ops->pieces.windows.await(p->backend->self, s->set, half);
    return status;
}

int64_t stream_send_kept(const stream_send *s) { return s->set ? s->kept * s->page : 0; }

int stream_send_has(const stream_send *s, int64_t first, int64_t end)
{
    if (end > stream_send_kept(s)) return 0;
    for (int64_t page = first / s->page; page * s->page < end; page++)
        if (!s->is_kept[page]) return 0;
    return 1;
}

cusgd_status stream_send_bind(const problem *p, stream_send *s, int64_t first, int64_t end, dataset **out)
{
    s->traffic.found_by_passes += (double)(end - first) * row_bytes(p);
    return p->backend->ops->pieces.windows.part(p->backend->self, s->set, first, end - first, out);
}

stream_traffic stream_send_traffic(const stream_send *s) { return s->traffic; }

/* ---- Its life ---- */

cusgd_status stream_send_open(const problem *p, row_reader *reader, int64_t room, stream_send **out)
{
    stream_send *s = allocate_zeroed(1, sizeof *s);
    *out = s;
    if (!s) return fail_memory(sizeof *s, "the windows of rows");
    s->reader = reader;
    s->room = room;
    s->page = (int64_t)page_rows((uint64_t)p->d);
    s->window = (int64_t)page_window_rows((uint64_t)p->train.rows.n, (uint64_t)s->page);
    size_t bytes = sizeof(int64_t) * (size_t)room, most = (size_t)(room / s->page + room / s->window + 3);
    cusgd_status status = CUSGD_OK;
    for (int half = 0; half < 2 && !status; half++) {
        void *list = NULL;
        status = p->backend->ops->pieces.windows.pin(p->backend->self, bytes, "the windows of rows", &list);
        s->list[half] = list;
    }
    if (status) return status;
    s->store = allocate((size_t)room, sizeof *s->store);
    s->rows.runs = allocate(most, sizeof *s->rows.runs);
    s->rows.moves = allocate(most, sizeof *s->rows.moves);
    return s->store && s->rows.runs && s->rows.moves ? CUSGD_OK : fail_memory(bytes, "the windows of rows");
}

void stream_send_close(const problem *p, stream_send *s)
{
    if (!s) return;
    close_set(p, s);
    for (int half = 0; half < 2; half++) p->backend->ops->pieces.windows.unpin(p->backend->self, s->list[half]);
    free(s->store);
    free(s->rows.runs);
    free(s->rows.moves);
    free(s);
}
