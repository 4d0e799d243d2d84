/* What a stream of training rows takes, and which options it fits. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_NEEDS_H
#define CUSGD_HOST_PROBLEM_STREAM_NEEDS_H

#include "problem.h"

/* Bytes that a run takes in addition to its rows, those of a bound row, and of a row as it is read. */
typedef struct stream_needs {
    int64_t fixed, bound, slot;
    int64_t
        row; /* of each row of a window: on the host both, and where the device has memory of its own two rows as they are read */
    int64_t window; /* the fewest rows that there must be room for */
} stream_needs;

stream_needs stream_needs_of(const problem *p);
/* *room: how many rows a window has within the option memory. Error: USAGE, where that is too few. */
cusgd_status stream_choose_room(const problem *p, const stream_needs *of, int64_t *room);
/* Errors: USAGE, DATA, where the options or the data need all rows at hand. */
cusgd_status stream_check_options(const problem *p, const stream_needs *of);

#endif
