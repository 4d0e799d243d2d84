/* The parts of the CPU backend. Functions that depend on `real` are compiled twice (NAMED), the others once. */
#ifndef CUSGD_HOST_CPU_CPU_H
#define CUSGD_HOST_CPU_CPU_H

#include "backend.h"
#include "pool.h"

/* Returns the number of threads for a task. The result of the task never depends on it. */
static inline int threads_for(int maximum, int64_t bytes, int64_t bytes_each)
{
    int64_t worth = bytes / bytes_each;
    return worth < 1 ? 1 : worth < maximum ? (int)worth : maximum;
}

/* The bytes that a thread reads in two microseconds; for less, another thread does not pay. */
enum { THREAD_BYTES = 32 * 1024 };

/* The same for single passes, for which threads may have to be started, or waited for on a busy machine. */
enum { PASS_BYTES = 512 * 1024 };

/* Returns the rows of a chunk, the unit in which a sum over `rows` rows is grouped: about 128 KB of floats; if there would be
 * fewer than four chunks, a quarter of the rows, but at least 32 KB. */
static inline int64_t chunk_rows(int64_t rows, int64_t d)
{
    int64_t usual = ((int64_t)1 << 15) / d / 64 * 64, few = ((int64_t)1 << 13) / d / 16 * 16, quarter = (rows + 63) / 64 * 16;
    usual = usual < 64 ? 64 : usual > 1024 ? 1024 : usual;
    if (quarter < few) quarter = few;
    return quarter < 16 ? 16 : quarter < usual ? quarter : usual;
}

static inline int64_t chunk_count(int64_t rows, int64_t chunk) { return (rows + chunk - 1) / chunk; }

/* The number of spans of consecutive rows over which a curvature is summed. With fewer rows, each row is a span. The function
 * returns the first row of span number `span`. */
enum { CURVATURE_SPANS = 64 };
static inline int64_t curvature_span(int64_t n, int64_t span)
{
    int64_t spans = n < CURVATURE_SPANS ? n : CURVATURE_SPANS;
    return span < spans ? span * n / spans : n;
}

/* tile.c. Copy rows first .. first + count - 1 of x, of any type and strides, to row-major doubles; and y and w likewise. */
void tile_x(const examples *e, int64_t first, int64_t count, double *x);
void tile_y(const examples *e, int64_t first, int64_t count, double *y);
void tile_w(const examples *e, int64_t first, int64_t count, double *w); /* 1 if there are no weights */

/* moments.c */
cusgd_status cpu_moments(pool *p, int threads, const examples *e, double *mean, double *variance, double *target_mean,
                         double *weight);

/* bandwidth.c */
cusgd_status cpu_read_bandwidth(pool *p, int threads, int64_t bytes, double *bytes_per_second);

/* run.c, for each precision. *isa becomes the name of the instruction set. */
cusgd_status cpu_open_float(int threads, const char **isa, backend *out);
cusgd_status cpu_open_double(int threads, const char **isa, backend *out);

#endif
