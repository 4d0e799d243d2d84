#include "stream_windows.h"

page_window window_at(const sampler *order, int64_t i, int64_t columns)
{
    if (order->sampling == CUSGD_SAMPLING_PAGES) return pages_window_at(order, (uint64_t)i);
    uint64_t span = page_window_rows(order->n, page_rows((uint64_t)columns));
    page_window w = {(uint64_t)i / span, (uint64_t)i / span * span, span};
    if (w.rows > order->n - w.first) w.rows = order->n - w.first;
    return w;
}

int64_t window_runs(int64_t rows, int64_t columns) { return rows / (int64_t)page_rows((uint64_t)columns) + 2; }

int64_t window_put_runs(const sampler *order, const page_window *w, int64_t first, row_run *runs)
{
    if (order->sampling != CUSGD_SAMPLING_PAGES) {
        *runs = (row_run){first + (int64_t)w->first, (int64_t)w->rows};
        return 1;
    }
    int64_t count = 0, page = (int64_t)order->page, left = (int64_t)w->rows;
    for (uint64_t at = w->number * (order->span / order->page); left > 0; at++) {
        int64_t rows = order->missing && at == order->short_at ? page - (int64_t)order->missing : page;
        runs[count++] = (row_run){first + (int64_t)pages_start(order, at), rows};
        left -= rows;
    }
    return count;
}
