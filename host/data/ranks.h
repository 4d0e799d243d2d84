/* Several processes, the ranks, that read one text file together: each reads a piece of its bytes, and all receive what the
 * others have read. Who opens the data says how bytes go from one rank to another (world_data.c). */
#ifndef CUSGD_HOST_DATA_RANKS_H
#define CUSGD_HOST_DATA_RANKS_H

#include "grown.h"

typedef struct data_ranks {
    int rank, ranks;
    int met;     /* 1: the ranks have met in ranks_divide() */
    int divided; /* 1: each has read a piece, and all have all of them */
    void *of;
    /* bytes[rank] of each rank, one behind the other in `all`, where this rank's own are: afterwards all ranks have all of them.
     * Called by all ranks; it waits as long as the others read. After a failure nothing more can be shared. */
    cusgd_status (*share)(void *of, void *all, const size_t *bytes);
} data_ranks;

/* `bytes` of each rank: `all`, room for those of all ranks, has this rank's own at its place. */
cusgd_status ranks_share_equal(const data_ranks *r, void *all, size_t bytes);
/* *any: whether some rank says so. */
cusgd_status ranks_any(const data_ranks *r, int says, int *any);
/* `size` bytes of each row; counts: of the rows of each rank. This rank's stand in the array from its row `first` on, where all
 * begin, and there is room for all: they go to their place behind those of the ranks before, and the others' are received, some
 * at a time, so that an array in a file takes little memory meanwhile. room: ranks_room() bytes. Called by all ranks. */
size_t ranks_room(const data_ranks *r);
extern size_t ranks_room_bytes; /* about so many, of which tests choose fewer */
cusgd_status ranks_share_rows(const data_ranks *r, const grown *array, void *room, int64_t first, size_t size,
                              const int64_t *counts);

/* Where this rank's piece of a file begins and ends. */
typedef struct text_piece {
    uint64_t begin, end;
} text_piece;

/* Divides a file from byte `begin` on, which is the start of a line, into pieces of about one size, that begin and end at ends of
 * lines; quotes: not at those between quotes. *divided: 0 where some rank cannot read the file, the ranks see different files, it
 * is too short to divide, or some rank says that it is not `fit`; nothing else is set then. Errors: those of share(). Called by
 * all ranks. */
typedef struct text_division {
    const char *path;
    uint64_t begin, size; /* of the file; 0: not known */
    size_t least;         /* bytes of a piece */
    int quotes, fit;
} text_division;
cusgd_status ranks_divide(data_ranks *r, const text_division *text, text_piece *piece, int *divided);
/* After the file has been read with *status: 1 where the data has to be opened by each rank alone, and is empty again: because
 * some rank's reading has failed (again: as all know), or what came after it. So what is wrong with a file is found where one
 * process finds it. Called by all ranks; `data` of one process: 0. */
int ranks_settle(cusgd_data *data, cusgd_status *status, int again);
/* For a rank that has failed before it met the others: they go on without dividing anything. */
cusgd_status ranks_decline(data_ranks *r);

#endif
