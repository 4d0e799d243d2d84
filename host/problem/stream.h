/* Training rows of which there is room for some at a time (option memory). Steps and full passes take them from windows, sets
 * that are bound one after the other, while a thread reads the rows of the next one. All results are those of rows that are bound
 * together. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_H
#define CUSGD_HOST_PROBLEM_STREAM_H

#include "data/row_reader.h"
#include "problem.h"

/* Binds the training rows: all, where they fit into the option memory or that is not given; else as a stream. Errors: USAGE where
 * the options do not fit a stream, or the memory is too little; those of bind(). */
cusgd_status stream_bind_training(problem *p);
void stream_close(const problem *p, stream *s); /* accepts NULL */

/* Batches from `batch` on of the epoch that `orders` are of, as many as there are shards: *share, likewise, is where the rows of
 * this process's shards are, until the next call of any of these functions, and *end the batch behind them. Steps that the device
 * was given before need not be done, but for those of the other functions here. A share whose examples are bound already stays as
 * it is. */
cusgd_status stream_batches(const problem *p, stream *s, const sampler *orders, int64_t batch, batch_share *share, int64_t *end);

/* Over all training rows of a shard of this process: the mean loss and, unless NULL, its gradient; the curvature; second
 * derivatives, as the device's hessian(). There must be a stream of them. */
cusgd_status stream_loss(const problem *p, int shard, loss_rule loss, const double *theta, double *value, double *gradient);
cusgd_status stream_curvature(const problem *p, int shard, const double *scale, curvature *out);
cusgd_status stream_hessian(const problem *p, int shard, loss_rule loss, const double *theta, double *hessian);
/* Rows as they are bound: x m x d, w m. */
cusgd_status stream_rows(const problem *p, stream *s, const int64_t *rows, int64_t m, double *x, double *w);

/* DATA where the file has changed. */
cusgd_status stream_check(const stream *s);
/* The caller has spent so many seconds on steps and what they waited for. */
void stream_add_seconds(stream *s, double seconds);
/* What it took so far: all but times->size. */
void stream_took(const stream *s, cusgd_stream_times *times);
/* The same for people: how fast the rows were read and computed on, and who waited; the stream's own, until the next call. */
const char *stream_note(stream *s);
/* Of steps so far: bytes of rows that were sent to the device, and that were there already, and the seconds that the host spent
 * on sending; and bytes that full passes found there. 0: the device takes rows where they lie. */
typedef struct stream_traffic {
    double sent, found, seconds, found_by_passes;
} stream_traffic;
stream_traffic stream_sent(const stream *s);
/* What of the data is held in memory in addition to the option memory, for people; NULL: nothing. */
const char *stream_held_note(const stream *s);

#endif
