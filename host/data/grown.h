/* Arrays that grow, in memory; one that becomes larger than the reader says goes to an unnamed file, which is mapped, so that the
 * system can take back the memory of what is not in use. */
#ifndef CUSGD_HOST_DATA_GROWN_H
#define CUSGD_HOST_DATA_GROWN_H

#include "data.h"

typedef struct grown {
    void *at; /* NULL: it is empty */
    size_t room;
    int is_file, file; /* 1: `at` is the map of that descriptor's file */
    size_t forgotten;  /* bytes of a file from its beginning on whose memory was given back when it grew */
} grown;

/* Whether an array of so many bytes goes to a file. */
int grown_spills(size_t bytes, const cusgd_reader *reader);
/* Makes the room as large, or as small. Errors: MEMORY; DATA where the file cannot be made or has no room on its disk. `what` is
 * for messages; `reader` NULL: it stays in memory. */
cusgd_status grown_resize(grown *g, size_t bytes, const cusgd_reader *reader, const char *what);
/* The room to ask for where `bytes` do not fit: somewhat more, so that few of many small steps copy anything. */
size_t grown_larger(const grown *g, size_t bytes);
void grown_free(grown *g);
/* Bytes from .. from + count - 1 are not needed soon: those of a file do not count as memory of the process until they are. */
void grown_forget(const grown *g, size_t from, size_t count);
/* Hands the first `bytes` over to the data as one of its places, which is empty; *at: where they lie by then. On failure, too, g
 * is empty behind it. */
cusgd_status grown_give(grown *g, size_t bytes, cusgd_data *data, int place, void **at);

#endif
