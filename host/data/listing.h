/* Fields of a table, with their places in it, in a few bytes each: so that one process can send them to another. */
#ifndef CUSGD_HOST_DATA_LISTING_H
#define CUSGD_HOST_DATA_LISTING_H

#include "scan.h"

typedef struct listing {
    unsigned char *at; /* owned */
    size_t used, room;
    int64_t row, line; /* of the last field */
} listing;

/* One more field; rows and lines do not descend. Errors: MEMORY. */
cusgd_status listing_add(listing *l, int64_t row, int64_t column, const field *f);
void listing_free(listing *l);

/* What has been read of `bytes` bytes: zeros but for `at` and `end` at first. */
typedef struct listing_place {
    const unsigned char *at, *end;
    int64_t row, line, column; /* of the field that was read last */
} listing_place;
/* The next field, whose text lies in the listing; it is not the last of its record for all that is known. 0: there is none. */
int listing_next(listing_place *p, field *f);

#endif
