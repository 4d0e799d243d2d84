/* What a stream of training rows takes, and which options it fits. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_NEEDS_H
#define CUSGD_HOST_PROBLEM_STREAM_NEEDS_H

#include "problem.h"

/* Bytes that a run takes in addition to its rows, those of a bound row, and of a row as it is read: in the slot, or in the pages
 * that it lies in. */
typedef struct stream_needs {
    int64_t fixed, bound, slot;
    int64_t window; /* rows: what there must be room for, of rows that are sent to a device in two windows of each shard of this
                     * process; else in one, */
    int64_t piece;  /* and, where rows stay where they are, in a piece of a full pass */
} stream_needs;

/* Rows that there is room for: in a piece of a full pass, or, of rows that are sent, in each of two windows of a shard. Of rows
 * that stay where they are, those of the next piece, and of the next window, that are fetched ahead. */
typedef struct stream_room {
    int64_t piece, piece_ahead, window_ahead;
} stream_room;

stream_needs stream_needs_of(const problem *p);
/* *room: what there is within the option memory. Error: USAGE, where that is too little. */
cusgd_status stream_choose_room(const problem *p, const stream_needs *of, stream_room *room);
/* Errors: USAGE, DATA, where the options or the data need all rows at hand. */
cusgd_status stream_check_options(const problem *p, const stream_needs *of);

#endif
