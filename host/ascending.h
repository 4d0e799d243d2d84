/* Comparison functions of numbers for qsort. */
#ifndef CUSGD_HOST_ASCENDING_H
#define CUSGD_HOST_ASCENDING_H

static inline int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#endif
