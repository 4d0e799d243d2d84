/* The rows that the batches of an epoch need, window by window. The rows of a window are read together. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_WINDOWS_H
#define CUSGD_HOST_PROBLEM_STREAM_WINDOWS_H

#include "data/row_reader.h"
#include "scalar/sampling.h"

/* Returns the window that contains position i. Windows have the same size if rows are in the order of the data. */
page_window window_at(const sampler *order, int64_t i, int64_t columns);
/* Returns the maximum number of runs of a window of `rows` rows. */
int64_t window_runs(int64_t rows, int64_t columns);
/* Lists the runs of a window, page by page, for an order whose rows begin at row `first`. Returns their number. */
int64_t window_put_runs(const sampler *order, const page_window *w, int64_t first, row_run *runs);

#endif
