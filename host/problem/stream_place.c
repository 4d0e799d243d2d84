#include "stream_place.h"

#include "failure.h"
#include "scalar/shards.h"
#include "stream_windows.h"
#include <stdlib.h>
#include <string.h>

/* The end of the positions of an epoch that are in memory, at[h] for shard h (exclusive). */
typedef struct reach {
    int is_known;
    uint64_t epoch;
    int64_t *at;
} reach;

struct stream_place {
    row_reader *reader;
    int64_t ahead;     /* rows of the next window of each shard for which there is room */
    reach here, asked; /* `here` now, and `asked` once the current request has ended, which is set if whole windows were
                        * requested */
    int64_t part;      /* otherwise: rows of the window after asked.at of each shard once the request has ended */
    sampler *next;     /* one per shard: orders of the next epoch */
};

static int64_t first_row(const problem *p, int shard)
{
    return (int64_t)shard_start((uint64_t)p->train.rows.n, (uint64_t)p->train.shards, (uint64_t)shard);
}

/* Reduces the runs from `from` to `count` to the rows after the first `skip`, at most `rows`. Returns the new number of runs. */
static int64_t cut_runs(row_run *runs, int64_t from, int64_t count, int64_t skip, int64_t rows)
{
    int64_t kept = from;
    for (int64_t i = from; i < count && rows > 0; i++) {
        int64_t less = min_of(skip, runs[i].count), some = min_of(runs[i].count - less, rows);
        skip -= less;
        rows -= some;
        if (some > 0) runs[kept++] = (row_run){runs[i].first + less, some};
    }
    return kept;
}

/* Returns the number of rows of the windows after *from that a previous request has fetched. */
static int64_t part_of(const problem *p, const stream_place *s, const sampler *orders, const int64_t *from)
{
    int is_same = s->asked.epoch == orders[0].epoch;
    for (int h = 0; h < p->train.shards; h++) is_same &= s->asked.at[h] == from[h];
    return is_same ? s->part : 0;
}

/* Begins to fetch the window after *from of each shard, or its first `rows` rows. Other processes fetch those of their shards,
 * but all advance by the same windows, so that they run the same number of steps at a time. */
static cusgd_status ask(const problem *p, stream_place *s, const sampler *orders, const int64_t *from, int64_t rows)
{
    int64_t most = 0, count = 0, skip = part_of(p, s, orders, from);
    int shards = p->train.shards, is_whole = 1;
    for (int h = 0; h < shards; h++) {
        int64_t window = (int64_t)page_window_rows(orders[h].n, page_rows((uint64_t)p->d));
        most += window_runs(window, p->d);
        is_whole &= window <= rows;
    }
    row_run *runs = allocate((size_t)most, sizeof *runs);
    if (!runs) return fail_memory((size_t)most * sizeof *runs, "the rows to be read");
    for (int h = 0; h < shards; h++) {
        s->asked.at[h] = from[h];
        if (from[h] >= (int64_t)orders[h].n) continue;
        page_window w = window_at(&orders[h], from[h], p->d);
        int64_t before = count;
        if (p->train.bounds[h]) count += window_put_runs(&orders[h], &w, first_row(p, h), runs + count);
        count = cut_runs(runs, before, count, skip, rows);
        if (is_whole) s->asked.at[h] = (int64_t)(w.first + w.rows);
    }
    s->asked.epoch = orders[0].epoch;
    cusgd_status status = row_reader_begin(s->reader, runs, count, 0);
    s->asked.is_known = !status && is_whole;
    s->part = status || is_whole ? 0 : rows;
    free(runs);
    return status;
}

/* Waits for the current request. */
static cusgd_status receive(const problem *p, stream_place *s)
{
    cusgd_status status = row_reader_end(s->reader, NULL);
    s->here.is_known = !status && s->asked.is_known;
    s->here.epoch = s->asked.epoch;
    memcpy(s->here.at, s->asked.at, sizeof(int64_t) * (size_t)p->train.shards);
    s->asked.is_known = 0;
    row_reader_use(s->reader);
    return status;
}

static int has(const problem *p, const stream_place *s, const sampler *orders, int64_t batch)
{
    if (!s->here.is_known || s->here.epoch != orders[0].epoch) return 0;
    for (int h = 0; h < p->train.shards; h++) {
        batch_span span = sampler_span(&orders[h], (uint64_t)batch);
        if (span.count > 0 && span.first + span.count > s->here.at[h]) return 0;
    }
    return 1;
}

/* Restarts from the windows of the first rows of the batch. */
static cusgd_status begin_at(const problem *p, stream_place *s, const sampler *orders, int64_t batch)
{
    for (int h = 0; h < p->train.shards; h++) {
        batch_span span = sampler_span(&orders[h], (uint64_t)batch);
        s->here.at[h] = span.first < (int64_t)orders[h].n ? (int64_t)window_at(&orders[h], span.first, p->d).first : span.first;
    }
    return ask(p, s, orders, s->here.at, INT64_MAX);
}

/* Requests the windows after those in memory, or a part of them; after the last ones of the epoch, the first ones of the next
 * epoch, if there will be one. */
static cusgd_status ask_for_next(const problem *p, stream_place *s, const sampler *orders)
{
    int left = 0, shards = p->train.shards;
    for (int h = 0; h < shards; h++) left |= s->here.at[h] < (int64_t)orders[h].n;
    if (left) return ask(p, s, orders, s->here.at, s->ahead);
    if ((int64_t)orders[0].epoch + 1 >= p->options->epochs) return CUSGD_OK;
    for (int h = 0; h < shards; h++) {
        shard_of_rows of = {(uint64_t)p->train.rows.n, (uint64_t)p->d, (uint64_t)shards, (uint64_t)h};
        s->next[h] = sampler_of_shard(p->options->sampling, p->options->seed, of, orders[0].batches, orders[0].epoch + 1);
        s->asked.at[h] = 0;
    }
    return ask(p, s, s->next, s->asked.at, s->ahead);
}

static cusgd_status go_on(const problem *p, stream_place *s, const sampler *orders, int64_t batch)
{
    uint64_t epoch = orders[0].epoch;
    if (s->asked.is_known && s->asked.epoch == epoch) return receive(p, s);
    cusgd_status status = row_reader_end(s->reader, NULL);
    if (status) return status;
    return s->here.is_known && s->here.epoch == epoch ? ask(p, s, orders, s->here.at, INT64_MAX) : begin_at(p, s, orders, batch);
}

cusgd_status stream_place_batches(const problem *p, stream_place *s, const sampler *orders, int64_t batch, int64_t *end)
{
    cusgd_status status = CUSGD_OK;
    while (!status && !has(p, s, orders, batch)) status = go_on(p, s, orders, batch);
    for (*end = batch; !status && *end < (int64_t)orders[0].batches && has(p, s, orders, *end);) ++*end;
    if (!status && !s->asked.is_known && s->part == 0 && s->ahead > 0) status = ask_for_next(p, s, orders);
    if (status) stream_place_forget(s);
    return status;
}

void stream_place_forget(stream_place *s)
{
    s->here.is_known = s->asked.is_known = 0;
    s->part = 0;
}

cusgd_status stream_place_open(const problem *p, row_reader *reader, int64_t ahead, stream_place **out)
{
    size_t shards = (size_t)p->train.shards;
    stream_place *s = allocate_zeroed(1, sizeof *s);
    *out = s;
    if (!s) return fail_memory(sizeof *s, "the windows of rows");
    s->reader = reader;
    s->ahead = ahead / p->train.shards;
    s->here.at = allocate_zeroed(shards, sizeof *s->here.at);
    s->asked.at = allocate_zeroed(shards, sizeof *s->asked.at);
    s->next = allocate(shards, sizeof *s->next);
    if (s->here.at && s->asked.at && s->next) return CUSGD_OK;
    return fail_memory(shards * sizeof *s->next, "the windows of rows");
}

void stream_place_close(stream_place *s)
{
    if (!s) return;
    free(s->here.at);
    free(s->asked.at);
    free(s->next);
    free(s);
}
