/* The clock that durations are measured by. */
#ifndef CUSGD_HOST_CLOCK_H
#define CUSGD_HOST_CLOCK_H

#include <time.h>

/* Seconds since some moment. */
static inline double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
