/* The dataset on the device has four parts: the pages that remain, from row 0 on; rows that have just been sent, in the order of
 * the file; and two halves. Each half has a part for each shard of this process: the rows of a group of the shard in the order of
 * the epoch, preceded by room for the rows that the last whole batch of the previous group has left over.
 *
 * The contents of a group follow from the orders of all shards and the room only. All processes, each of which sends the rows of
 * its own shards, therefore run the same number of steps at a time. */
#include "stream_send.h"

#include "clock.h"
#include "failure.h"
#include "scalar/order.h"
#include "scalar/shards.h"
#include "stream_group.h"
#include "stream_windows.h"
#include <stdlib.h>
#include <string.h>

/* The group that is being read: rows of the file, and their places on the device. */
typedef struct asked_rows {
    int half;
    row_run *runs;
    row_move *moves;
    int64_t count, rows; /* number of both; number of rows that are read */
    row_move *parts;     /* one per own shard: the places of its listed rows in the half */
    int64_t listed;      /* number of rows of all parts */
} asked_rows;

struct stream_send {
    row_reader *reader;
    tree_node own;    /* the shards of this process */
    int64_t room;     /* rows of a group per shard */
    int64_t page;     /* rows of a page */
    dataset *set;     /* NULL before the first steps */
    int64_t before;   /* rows before those of a group per shard */
    int64_t kept;     /* number of pages that remain: the first ones of the shards of this process */
    uint8_t *is_kept; /* 1: the page has been requested, so that later groups find it on the device */
    int64_t *list[2]; /* pinned, own x room: for each half, rows of the dataset in the order of the epoch */
    int64_t *store;   /* room: rows of the dataset, in the order of the file */
    stream_group here, ahead, asked;
    int half;      /* the half that contains `here` */
    int64_t *from; /* shards: work */
    asked_rows rows;
    sampler *next;  /* shards: work */
    sampler *bound; /* one per own shard: orders of the rows on the device */
    stream_traffic traffic;
};

static int64_t rows_of(const problem *p, int shard)
{
    return (int64_t)shard_rows((uint64_t)p->train.rows.n, (uint64_t)p->train.shards, (uint64_t)shard);
}

/* Returns the first page of a shard among those of this process; the shard may be the one after the last. */
static int64_t first_page(const problem *p, const stream_send *s, int shard)
{
    int64_t pages = 0;
    for (int h = s->own.first; h < shard; h++) pages += (rows_of(p, h) + s->page - 1) / s->page;
    return pages;
}

/* Returns the row of the dataset at which the groups of shard `number` of this process begin in a half. */
static int64_t half_start(const stream_send *s, int half, int number)
{
    return s->kept * s->page + s->own.count * s->room + (half * s->own.count + number) * (s->before + s->room) + s->before;
}

/* ---- Reading ---- */

/* Forgets the group that is being read: it will not be sent, so that its pages will not be on the device. */
static void forget_asked(stream_send *s)
{
    for (int64_t i = 0; i < s->rows.count && s->asked.is_there; i++)
        for (int64_t row = 0; row < s->rows.moves[i].count; row += s->page) {
            int64_t page = (s->rows.moves[i].to + row) / s->page;
            if (page < s->kept) s->is_kept[page] = 0;
        }
    s->asked.is_there = 0;
}

/* Adds rows to those to read. Merges runs that are adjacent both in the file and on the device. */
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

/* The beginning of a shard: its row of the file, and its first page among those of this process. */
typedef struct shard_begin {
    int64_t row, page;
} shard_begin;

/* Requests the pages that are not on the device for consecutive rows of a shard, which begin with a page. *through: the next row
 * of the dataset for rows that do not remain. store: the row of the dataset for each row. */
static void place_run(stream_send *s, shard_begin of, row_run run, int64_t *through, int64_t *store)
{
    for (int64_t done = 0, some; done < run.count; done += some) {
        int64_t page = of.page + (run.first + done) / s->page, to = page * s->page;
        some = min_of(s->page, run.count - done);
        if (page >= s->kept) {
            to = *through;
            *through += some;
        }
        if (page >= s->kept || !s->is_kept[page]) ask_for(s, (row_run){of.row + run.first + done, some}, to);
        if (page < s->kept) s->is_kept[page] = 1;
        for (int64_t i = 0; i < some; i++) store[done + i] = to + i;
    }
}

/* Lists the rows of the dataset for a window in the order of the epoch. work: runs of the window. */
static void place_window(stream_send *s, shard_begin of, const sampler *order, const page_window *w, int64_t *through,
                         row_run *work, int64_t *list)
{
    int64_t rows = (int64_t)w->rows, count = window_put_runs(order, w, 0, work), at = 0;
    for (int64_t i = 0; i < count; at += work[i++].count) place_run(s, of, work[i], through, s->store + at);
    if (order->sampling != CUSGD_SAMPLING_PAGES) {
        memcpy(list, s->store, sizeof *list * (size_t)rows);
        return;
    }
    for (int64_t i = 0; i < rows;) i += pages_places(order, w, (uint64_t)i, rows - i, list + i);
    for (int64_t i = 0; i < rows; i++) list[i] = s->store[list[i]];
}

/* Lists the rows of the requested group. work: runs of a window. */
static void place_group(const problem *p, stream_send *s, const sampler *orders, row_run *work)
{
    asked_rows *a = &s->rows;
    int64_t through = s->kept * s->page;
    a->count = a->rows = a->listed = 0;
    for (int i = 0; i < s->own.count; i++) {
        int h = s->own.first + i;
        uint64_t n = (uint64_t)p->train.rows.n, shards = (uint64_t)p->train.shards;
        shard_begin of = {(int64_t)shard_start(n, shards, (uint64_t)h), first_page(p, s, h)};
        int64_t end = s->asked.end[h];
        a->parts[i] = (row_move){0, end - s->asked.first[h], half_start(s, a->half, i)};
        for (int64_t at = s->asked.first[h]; at < end;) {
            page_window w = window_at(&orders[h], at, p->d);
            place_window(s, of, &orders[h], &w, &through, work, s->list[a->half] + a->listed);
            a->listed += (int64_t)w.rows;
            at += (int64_t)w.rows;
        }
    }
}

/* Begins to read the windows from positions `from` on. batch: see stream_group_plan(). */
static cusgd_status ask(const problem *p, stream_send *s, const sampler *orders, const int64_t *from, int64_t batch, int half)
{
    forget_asked(s);
    cusgd_status status = row_reader_end(s->reader, NULL);
    double begun = clock_seconds();
    if (!status) status = p->backend->ops->pieces.windows.await(p->backend->self, s->set, half);
    s->traffic.seconds += clock_seconds() - begun;
    size_t most = (size_t)window_runs(stream_group_window((uint64_t)p->train.rows.n, p->train.shards, p->d), p->d);
    row_run *work = allocate(most, sizeof *work);
    if (!status && !work) status = fail_memory(most * sizeof *work, "the rows to be read");
    if (!status) {
        s->rows.half = half;
        stream_group_plan(&s->asked, orders, from, (group_room){p->d, s->room}, batch);
        place_group(p, s, orders, work);
        status = row_reader_begin(s->reader, s->rows.runs, s->rows.count, half * s->own.count * s->room);
        if (status) forget_asked(s);
    }
    free(work);
    return status;
}

/* ---- Sending ---- */

static double row_bytes(const problem *p) { return (double)row_reader_row_bytes(&p->train.rows); }

/* Waits for the rows that are being read and sends them to the device as the group ahead. */
static cusgd_status send(const problem *p, stream_send *s)
{
    examples slot;
    const asked_rows *a = &s->rows;
    cusgd_status status = row_reader_end(s->reader, &slot);
    if (!status) {
        window_rows rows = {.sent = examples_piece(&slot, a->half * s->own.count * s->room, a->rows),
                            .moves = a->moves,
                            .move_count = a->count,
                            .list = s->list[a->half],
                            .count = a->listed,
                            .parts = a->parts,
                            .part_count = s->own.count};
        double begun = clock_seconds();
        status = p->backend->ops->pieces.windows.load(p->backend->self, s->set, a->half, &rows);
        s->traffic.seconds += clock_seconds() - begun;
    }
    if (status) {
        forget_asked(s);
        return status;
    }
    s->traffic.sent += (double)a->rows * row_bytes(p);
    s->traffic.found += (double)(a->listed - a->rows) * row_bytes(p);
    stream_group_take(&s->ahead, &s->asked);
    return CUSGD_OK;
}

/* Makes the group that begins at `from` the group ahead. */
static cusgd_status bring(const problem *p, stream_send *s, const sampler *orders, const int64_t *from, int64_t batch)
{
    if (stream_group_is(&s->ahead, orders[0].epoch, from)) return CUSGD_OK;
    s->ahead.is_there = 0;
    int is_asked = stream_group_is(&s->asked, orders[0].epoch, from) && s->rows.half != s->half;
    cusgd_status status = is_asked ? CUSGD_OK : ask(p, s, orders, from, batch, !s->half);
    return status ? status : send(p, s);
}

/* Makes steps use the group ahead, together with the rows from s->ahead.begin on of the previous group. */
static cusgd_status use(const problem *p, stream_send *s)
{
    row_move *moves = allocate((size_t)s->own.count, sizeof *moves);
    if (!moves) return fail_memory((size_t)s->own.count * sizeof *moves, "the windows of rows");
    for (int i = 0; i < s->own.count; i++) {
        int h = s->own.first + i;
        int64_t begin = s->ahead.begin[h], left = s->ahead.first[h] - begin;
        moves[i] = (row_move){0, left, half_start(s, !s->half, i) - left};
        if (left > 0) moves[i].from = half_start(s, s->half, i) + (begin - s->here.first[h]);
    }
    s->half = !s->half;
    stream_group_take(&s->here, &s->ahead);
    cusgd_status status = p->backend->ops->pieces.windows.use(p->backend->self, s->set, s->half, moves, s->own.count);
    free(moves);
    return status;
}

/* *Advances `orders` from the epoch of the group to that of the next group, and s->from to its first positions. Returns 0 if
 * there is none. */
static int follow(const problem *p, stream_send *s, const stream_group *g, sampler *orders)
{
    int shards = p->train.shards, left = 0;
    for (int h = 0; h < shards; h++) {
        s->from[h] = g->end[h];
        left |= g->end[h] < (int64_t)orders[h].n;
    }
    if (left) return 1;
    if ((int64_t)orders[0].epoch + 1 >= p->options->epochs) return 0;
    for (int h = 0; h < shards; h++) {
        shard_of_rows of = {(uint64_t)p->train.rows.n, (uint64_t)p->d, (uint64_t)shards, (uint64_t)h};
        orders[h] = sampler_of_shard(p->options->sampling, p->options->seed, of, orders[h].batches, orders[h].epoch + 1);
        s->from[h] = 0;
    }
    return 1;
}

/* Sends the next group and begins to read the one after it, while steps use the current group. */
static cusgd_status go_ahead(const problem *p, stream_send *s, const sampler *orders)
{
    memcpy(s->next, orders, sizeof *orders * (size_t)p->train.shards);
    if (!follow(p, s, &s->here, s->next)) return CUSGD_OK;
    cusgd_status status = bring(p, s, s->next, s->from, 0);
    if (status || !follow(p, s, &s->ahead, s->next)) return status;
    return stream_group_is(&s->asked, s->next[0].epoch, s->from) ? CUSGD_OK : ask(p, s, s->next, s->from, 0, s->half);
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

/* Opens the dataset. before: number of rows before those of a group. */
static cusgd_status open_set(const problem *p, stream_send *s, int64_t before)
{
    int64_t room = s->own.count * s->room;
    cusgd_status status = row_reader_end(s->reader, NULL);
    if (s->set) close_set(p, s);
    window_shape shape = {.rows = 3 * room + 2 * s->own.count * before,
                          .page = s->page,
                          .pages = first_page(p, s, s->own.first + s->own.count),
                          .spare = 2 * room,
                          .most_sent = room};
    if (!status)
        status = p->backend->ops->pieces.windows.open(p->backend->self, &p->train.rows, &p->units.transform, &shape, &s->set);
    if (status) return status;
    s->before = before;
    s->kept = shape.pages;
    s->is_kept = allocate_zeroed((size_t)shape.pages, 1);
    return s->is_kept ? CUSGD_OK : fail_memory((size_t)shape.pages, "the windows of rows");
}

/* ---- Batches ---- */

static int is_here(const problem *p, const stream_send *s, const sampler *orders, int64_t batch)
{
    int is = s->here.is_there && s->here.epoch == orders[0].epoch;
    for (int h = 0; h < p->train.shards && is; h++) {
        batch_span span = sampler_span(&orders[h], (uint64_t)batch);
        is = span.first >= s->here.begin[h] && span.first + span.count <= s->here.end[h];
    }
    return is;
}

/* Returns whether the batch begins in the current group or directly after it. */
static int goes_on(const problem *p, const stream_send *s, const sampler *orders, int64_t batch)
{
    int is = s->here.is_there && s->here.epoch == orders[0].epoch;
    for (int h = 0; h < p->train.shards && is; h++) {
        int64_t first = sampler_span(&orders[h], (uint64_t)batch).first;
        is = first >= s->here.begin[h] && first <= s->here.end[h];
    }
    return is;
}

/* Advances to the next group: the one after the current group if the batch begins there, otherwise the one of the first rows of
 * the batch. */
static cusgd_status advance(const problem *p, stream_send *s, const sampler *orders, int64_t batch)
{
    int on = goes_on(p, s, orders, batch);
    for (int h = 0; h < p->train.shards; h++) {
        int64_t first = sampler_span(&orders[h], (uint64_t)batch).first;
        if (!on) s->from[h] = first < (int64_t)orders[h].n ? (int64_t)window_at(&orders[h], first, p->d).first : first;
    }
    cusgd_status status = bring(p, s, orders, on ? s->here.end : s->from, batch);
    if (status) return status;
    for (int h = 0; h < p->train.shards; h++)
        s->ahead.begin[h] = on ? sampler_span(&orders[h], (uint64_t)batch).first : s->ahead.first[h];
    return use(p, s);
}

/* Returns the order on the device of the rows of shard `number` of this process, from s->here.begin on. */
static sampler order_of_bound(const problem *p, const stream_send *s, const sampler *of, int number)
{
    shard_of_rows rows = {of->total, (uint64_t)p->d, of->shards, of->shard};
    sampler order = sampler_of_shard(CUSGD_SAMPLING_NONE, 0, rows, of->batches, of->epoch);
    order.origin = (uint64_t)(s->here.first[of->shard] - half_start(s, s->half, number));
    return order;
}

cusgd_status stream_send_batches(const problem *p, stream_send *s, const sampler *orders, int64_t batch, batch_share *share,
                                 int64_t *end)
{
    int64_t before = stream_group_left(orders, p->d);
    cusgd_status status = s->set && before <= s->before ? CUSGD_OK : open_set(p, s, before);
    int moves = !status && !is_here(p, s, orders, batch);
    while (!status && !is_here(p, s, orders, batch)) status = advance(p, s, orders, batch);
    if (!status && moves) status = go_ahead(p, s, orders);
    if (status) {
        s->here.is_there = s->ahead.is_there = 0;
        forget_asked(s);
        return status;
    }
    for (*end = batch; *end < (int64_t)orders[0].batches && is_here(p, s, orders, *end);) ++*end;
    for (int i = 0; i < s->own.count; i++) {
        int h = s->own.first + i;
        s->bound[i] = order_of_bound(p, s, &orders[h], i);
        share[h] = (batch_share){s->set, &s->bound[i]};
    }
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

int64_t stream_send_kept(const problem *p, const stream_send *s, int shard)
{
    int64_t pages = s->set ? min_of(s->kept, first_page(p, s, shard + 1)) - first_page(p, s, shard) : 0;
    return pages > 0 ? pages * s->page : 0;
}

int stream_send_has(const problem *p, const stream_send *s, int shard, int64_t first, int64_t end)
{
    if (end > stream_send_kept(p, s, shard)) return 0;
    const uint8_t *is_kept = s->is_kept + first_page(p, s, shard);
    for (int64_t page = first / s->page; page * s->page < end; page++)
        if (!is_kept[page]) return 0;
    return 1;
}

cusgd_status stream_send_bind(const problem *p, stream_send *s, int shard, int64_t first, int64_t end, dataset **out)
{
    int64_t at = first_page(p, s, shard) * s->page + first;
    s->traffic.found_by_passes += (double)(end - first) * row_bytes(p);
    return p->backend->ops->pieces.windows.part(p->backend->self, s->set, at, end - first, out);
}

stream_traffic stream_send_traffic(const stream_send *s) { return s->traffic; }

/* ---- Its life ---- */

static cusgd_status open_lists(const problem *p, stream_send *s)
{
    size_t own = (size_t)s->own.count, shards = (size_t)p->train.shards, bytes = sizeof(int64_t) * own * (size_t)s->room;
    size_t most =
        own * (size_t)(s->room / s->page + s->room / stream_group_window((uint64_t)p->train.rows.n, p->train.shards, p->d) + 3);
    cusgd_status status = stream_group_open(&s->here, p->train.shards);
    if (!status) status = stream_group_open(&s->ahead, p->train.shards);
    if (!status) status = stream_group_open(&s->asked, p->train.shards);
    for (int half = 0; half < 2 && !status; half++) {
        void *list = NULL;
        status = p->backend->ops->pieces.windows.pin(p->backend->self, bytes, "the windows of rows", &list);
        s->list[half] = list;
    }
    if (status) return status;
    s->store = allocate((size_t)s->room, sizeof *s->store);
    s->from = allocate(shards, sizeof *s->from);
    s->next = allocate(shards, sizeof *s->next);
    s->bound = allocate(own, sizeof *s->bound);
    s->rows.runs = allocate(most, sizeof *s->rows.runs);
    s->rows.moves = allocate(most, sizeof *s->rows.moves);
    s->rows.parts = allocate(own, sizeof *s->rows.parts);
    int all = s->store && s->from && s->next && s->bound && s->rows.runs && s->rows.moves && s->rows.parts;
    return all ? CUSGD_OK : fail_memory(bytes, "the windows of rows");
}

cusgd_status stream_send_open(const problem *p, row_reader *reader, int64_t room, stream_send **out)
{
    stream_send *s = allocate_zeroed(1, sizeof *s);
    *out = s;
    if (!s) return fail_memory(sizeof *s, "the windows of rows");
    s->reader = reader;
    s->own = shards_here(p, &p->train);
    s->room = room;
    s->page = (int64_t)page_rows((uint64_t)p->d);
    return open_lists(p, s);
}

void stream_send_close(const problem *p, stream_send *s)
{
    if (!s) return;
    close_set(p, s);
    for (int half = 0; half < 2; half++) p->backend->ops->pieces.windows.unpin(p->backend->self, s->list[half]);
    stream_group_close(&s->here);
    stream_group_close(&s->ahead);
    stream_group_close(&s->asked);
    free(s->store);
    free(s->from);
    free(s->next);
    free(s->bound);
    free(s->rows.runs);
    free(s->rows.moves);
    free(s->rows.parts);
    free(s);
}
