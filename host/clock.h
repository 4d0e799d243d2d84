/* The clock for measuring durations. */
#ifndef CUSGD_HOST_CLOCK_H
#define CUSGD_HOST_CLOCK_H

#include <time.h>

/* Returns the seconds since an unspecified moment. */
static inline double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
