#include "stream_group.h"

#include "scalar/order.h"
#include "scalar/shards.h"
#include "stream_windows.h"
#include <stdlib.h>
#include <string.h>

cusgd_status stream_group_open(stream_group *g, int shards)
{
    size_t count = 3 * (size_t)shards;
    *g = (stream_group){.shards = shards, .first = allocate_zeroed(count, sizeof *g->first)};
    if (!g->first) return fail_memory(count * sizeof *g->first, "the windows of rows");
    g->end = g->first + shards;
    g->begin = g->end + shards;
    return CUSGD_OK;
}

void stream_group_close(stream_group *g)
{
    free(g->first);
    *g = (stream_group){0};
}

int stream_group_is(const stream_group *g, uint64_t epoch, const int64_t *first)
{
    return g->is_there && g->epoch == epoch && memcmp(g->first, first, sizeof *first * (size_t)g->shards) == 0;
}

void stream_group_take(stream_group *to, stream_group *from)
{
    stream_group was = *to;
    *to = *from;
    *from = was;
    from->is_there = 0;
}

/* Returns the position after the last whole window from `from` on that begins before `until` and for which there is room. */
static int64_t windows_end(const sampler *order, int64_t from, group_room room, int64_t until)
{
    int64_t end = from;
    while (end < min_of(until, (int64_t)order->n)) {
        page_window w = window_at(order, end, room.columns);
        if (end + (int64_t)w.rows > from + room.rows) break;
        end += (int64_t)w.rows;
    }
    return end;
}

/* Returns the number of batches with all positions before `end`. */
static int64_t batches_before(const sampler *order, int64_t end)
{
    uint64_t least = 0, most = order->batches;
    while (least < most) {
        uint64_t middle = least + (most - least) / 2;
        batch_span span = sampler_span(order, middle);
        if (span.first + span.count <= end)
            least = middle + 1;
        else
            most = middle;
    }
    return (int64_t)least;
}

void stream_group_plan(stream_group *g, const sampler *orders, const int64_t *first, group_room room, int64_t batch)
{
    int64_t before = INT64_MAX, fit = INT64_MAX;
    for (int h = 0; h < g->shards; h++) {
        before = min_of(before, batches_before(&orders[h], first[h]));
        fit = min_of(fit, batches_before(&orders[h], windows_end(&orders[h], first[h], room, INT64_MAX)));
    }
    int64_t last = min_of(max_of(fit - 1, max_of(before, batch)), (int64_t)orders[0].batches - 1);
    for (int h = 0; h < g->shards; h++) {
        batch_span span = sampler_span(&orders[h], (uint64_t)last);
        g->first[h] = first[h];
        g->end[h] = windows_end(&orders[h], first[h], room, span.first + span.count);
    }
    g->epoch = orders[0].epoch;
    g->is_there = 1;
}

int64_t stream_group_left(const sampler *orders, int64_t columns)
{
    uint64_t batch = (orders->total + orders->batches - 1) / orders->batches;
    int64_t between = orders->shards > 1 ? stream_group_window(orders->total, (int)orders->shards, columns) : 0;
    return (int64_t)shard_rows(batch, orders->shards, 0) + between;
}

int64_t stream_group_window(uint64_t rows, int shards, int64_t columns)
{
    return (int64_t)page_window_rows(shard_rows(rows, (uint64_t)shards, 0), page_rows((uint64_t)columns));
}
