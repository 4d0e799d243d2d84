/* Which rows the batches of an epoch need, window by window: a window's rows are read together. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_WINDOWS_H
#define CUSGD_HOST_PROBLEM_STREAM_WINDOWS_H

#include "data/row_reader.h"
#include "scalar/sampling.h"

/* The window that position i is in. Rows in the data's own order have windows of the same size. */
page_window window_at(const sampler *order, int64_t i, int64_t columns);
/* The most runs that a window of so many rows has. */
int64_t window_runs(int64_t rows, int64_t columns);
/* Its runs, page by page, in the rows of the order, which begin at row `first`; returns how many. */
int64_t window_put_runs(const sampler *order, const page_window *w, int64_t first, row_run *runs);

#endif
