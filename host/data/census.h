/* Counts the line ends and quotes in a part of a text, from which the beginnings of its records follow. */
#ifndef CUSGD_HOST_DATA_CENSUS_H
#define CUSGD_HOST_DATA_CENSUS_H

#include <stdint.h>

typedef struct census {
    const char *begin, *end;
    int64_t lines, quotes;
} census;

static inline void census_take(census *c)
{
    enum { STEP = 128 }; /* number of bytes whose sums fit into one byte */
    const char *at = c->begin;
    c->lines = c->quotes = 0;
    for (; c->end - at >= STEP; at += STEP) {
        unsigned char lines = 0, quotes = 0;
        for (int k = 0; k < STEP; k++) {
            lines = (unsigned char)(lines + (at[k] == '\n'));
            quotes = (unsigned char)(quotes + (at[k] == '"'));
        }
        c->lines += lines;
        c->quotes += quotes;
    }
    for (; at < c->end; at++) {
        c->lines += *at == '\n';
        c->quotes += *at == '"';
    }
}

#endif
