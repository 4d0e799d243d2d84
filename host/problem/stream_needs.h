/* The memory that a stream of training rows needs, and the options that allow it. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_NEEDS_H
#define CUSGD_HOST_PROBLEM_STREAM_NEEDS_H

#include "problem.h"

/* The bytes that a run needs in addition to its rows, those of an uploaded row, and those of a row as it is read, in the slot of
 * the reader or in the pages that contain it. */
typedef struct stream_needs {
    int64_t fixed, bound, slot;
    int64_t window; /* minimum rows per window; rows that are sent to a device need two windows per shard of this process, others
                     * one */
    int64_t piece;  /* minimum rows per block of a full pass, if rows are read in place */
} stream_needs;

/* Numbers of rows for which there is room: in a block of a full pass, or, for rows that are sent, in each of two windows of a
 * shard; for rows that are read in place, the numbers that are fetched ahead for the next block and the next window. */
typedef struct stream_room {
    int64_t piece, piece_ahead, window_ahead;
} stream_room;

stream_needs stream_needs_of(const problem *p);
/* *Chooses the room within the budget. Fails with USAGE if the budget is too small. */
cusgd_status stream_choose_room(const problem *p, const stream_needs *of, stream_room *room);
/* Fails with USAGE or DATA if the options or the data need all rows in memory. */
cusgd_status stream_check_options(const problem *p, const stream_needs *of);

#endif
