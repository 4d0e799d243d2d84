/* The CPU backend's parts. What depends on `real` is compiled twice (NAMED), the rest once. */
#ifndef CUSGD_HOST_CPU_CPU_H
#define CUSGD_HOST_CPU_CPU_H

#include "backend.h"
#include "pool.h"

/* Threads that a piece of work is worth; the result never depends on it. */
static inline int threads_for(int maximum, int64_t bytes, int64_t bytes_each)
{
    int64_t worth = bytes / bytes_each;
    return worth < 1 ? 1 : worth < maximum ? (int)worth : maximum;
}

/* What one thread reads in two microseconds: less is not worth a hand-over to another. */
enum { THREAD_BYTES = 32 * 1024 };

/* Likewise of passes that are made once, when threads may have to be started first, or on a busy machine waited for. */
enum { PASS_BYTES = 512 * 1024 };

/* Rows of a chunk, the unit in which a sum over `rows` rows is grouped: 128 KB of floats or so; where the rows would then make
 * fewer than four chunks a quarter of them, but 32 KB. */
static inline int64_t chunk_rows(int64_t rows, int64_t d)
{
    int64_t usual = ((int64_t)1 << 15) / d / 64 * 64, few = ((int64_t)1 << 13) / d / 16 * 16, quarter = (rows + 63) / 64 * 16;
    usual = usual < 64 ? 64 : usual > 1024 ? 1024 : usual;
    if (quarter < few) quarter = few;
    return quarter < 16 ? 16 : quarter < usual ? quarter : usual;
}

static inline int64_t chunk_count(int64_t rows, int64_t chunk) { return (rows + chunk - 1) / chunk; }

/* A curvature is the sum over so many spans of consecutive rows, of which the one numbered `span` begins here. Of fewer rows each
 * is one. */
enum { CURVATURE_SPANS = 64 };
static inline int64_t curvature_span(int64_t n, int64_t span)
{
    int64_t spans = n < CURVATURE_SPANS ? n : CURVATURE_SPANS;
    return span < spans ? span * n / spans : n;
}

/* tile.c: rows first .. first + count - 1 of x in double, row-major, whatever their type and strides; and y, w likewise. */
void tile_x(const examples *e, int64_t first, int64_t count, double *x);
void tile_y(const examples *e, int64_t first, int64_t count, double *y);
void tile_w(const examples *e, int64_t first, int64_t count, double *w); /* 1 where there are no weights */

/* moments.c */
cusgd_status cpu_moments(pool *p, int threads, const examples *e, double *mean, double *variance, double *target_mean,
                         double *weight);

/* bandwidth.c */
cusgd_status cpu_read_bandwidth(pool *p, int threads, int64_t bytes, double *bytes_per_second);

/* run.c, for each precision; *isa becomes the instruction set in use. */
cusgd_status cpu_open_float(int threads, const char **isa, backend *out);
cusgd_status cpu_open_double(int threads, const char **isa, backend *out);

#endif
