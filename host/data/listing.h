/* A compact list of fields of a table with their places, which one process can send to another. */
#ifndef CUSGD_HOST_DATA_LISTING_H
#define CUSGD_HOST_DATA_LISTING_H

#include "scan.h"

typedef struct listing {
    unsigned char *at; /* owned */
    size_t used, room;
    int64_t row, line; /* row and line of the last field */
} listing;

/* Adds a field. Rows and lines must not decrease. Error: MEMORY. */
cusgd_status listing_add(listing *l, int64_t row, int64_t column, const field *f);
void listing_free(listing *l);

/* A position while reading a list; all members except `at` and `end` are initially 0. */
typedef struct listing_place {
    const unsigned char *at, *end;
    int64_t row, line, column; /* place of the last field that was read */
} listing_place;
/* Reads the next field, whose text is in the list. f->last is not known and set to 0. Returns 0 if there is none. */
int listing_next(listing_place *p, field *f);

#endif
