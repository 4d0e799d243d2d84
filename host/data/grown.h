/* Growing arrays. An array that exceeds the limit of the reader is moved to a mapped file without a name, so that the system can
 * reclaim the memory of parts that are not in use. */
#ifndef CUSGD_HOST_DATA_GROWN_H
#define CUSGD_HOST_DATA_GROWN_H

#include "data.h"

typedef struct grown {
    void *at; /* NULL: it is empty */
    size_t room;
    int is_file, file; /* 1: `at` is a mapping of the file `file` */
    size_t forgotten;  /* bytes at the beginning of the file whose memory was released when it grew */
} grown;

/* Returns whether an array of so many bytes is stored in a file. */
int grown_spills(size_t bytes, const cusgd_reader *reader);
/* Sets the capacity to `bytes`. Errors: MEMORY; DATA if the file cannot be created or the disk is full. `what` is for messages.
 * reader NULL: the array remains in memory. */
cusgd_status grown_resize(grown *g, size_t bytes, const cusgd_reader *reader, const char *what);
/* Returns the capacity to request if `bytes` do not fit, which is somewhat larger, so that few of many small steps need a
 * copy. */
size_t grown_larger(const grown *g, size_t bytes);
void grown_free(grown *g);
/* Releases the memory of bytes from .. from + count - 1, if they are in a file, because they will not be used soon. */
void grown_forget(const grown *g, size_t from, size_t count);
/* Makes the data own the first `bytes` as one of its arrays, which must be empty. *at becomes their address. g is then empty,
 * also on failure. */
cusgd_status grown_give(grown *g, size_t bytes, cusgd_data *data, int place, void **at);

#endif
