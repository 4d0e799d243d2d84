/* Several processes (ranks) that read one text file together: each reads a part of its bytes, and all receive what the others
 * have read. The caller provides the function that exchanges bytes (world_data.c). */
#ifndef CUSGD_HOST_DATA_RANKS_H
#define CUSGD_HOST_DATA_RANKS_H

#include "grown.h"

typedef struct data_ranks {
    int rank, ranks;
    int met;     /* 1: the ranks have met in ranks_divide() */
    int divided; /* 1: each rank has read a part, and all have received all parts */
    void *of;
    /* Gathers bytes[rank] of each rank, contiguous in `all`, which already has those of this rank at their place. All ranks must
     * call it; it waits as long as the others read. After a failure nothing more can be exchanged. */
    cusgd_status (*share)(void *of, void *all, const size_t *bytes);
} data_ranks;

/* Gathers `bytes` of each rank in `all`, which already has those of this rank at their place. */
cusgd_status ranks_share_equal(const data_ranks *r, void *all, size_t bytes);
/* *Sets *any to whether `says` is nonzero on some rank. */
cusgd_status ranks_any(const data_ranks *r, int says, int *any);
/* Gathers the rows of all ranks in an array, `size` bytes per row. counts: the number of rows of each rank. Those of this rank
 * are in the array from row `first` on, where the rows of all begin; there must be room for all. They are moved behind those of
 * the lower ranks, and the others are received in portions, so that an array in a file needs little memory. room: ranks_room()
 * bytes. All ranks must call it. */
size_t ranks_room(const data_ranks *r);
extern size_t ranks_room_bytes; /* approximate value of ranks_room(); tests set a smaller one */
cusgd_status ranks_share_rows(const data_ranks *r, const grown *array, void *room, int64_t first, size_t size,
                              const int64_t *counts);

/* The beginning and the end of the part of a file that this rank reads. */
typedef struct text_piece {
    uint64_t begin, end;
} text_piece;

/* Divides a file from byte `begin` on, the start of a line, into parts of similar size that begin and end at line ends; quotes:
 * 1: not at those inside quotes. *divided becomes 0, and nothing else is set, if some rank cannot read the file, the ranks see
 * different files, it is too short to divide, or some rank is not `fit`. Errors: those of share(). All ranks must call it. */
typedef struct text_division {
    const char *path;
    uint64_t begin, size; /* size of the file; 0: unknown */
    size_t least;         /* minimum bytes of a part */
    int quotes, fit;
} text_division;
cusgd_status ranks_divide(data_ranks *r, const text_division *text, text_piece *piece, int *divided);
/* To be called after the file was read with *status. Returns 1 if each rank has to open the data by itself, after emptying it,
 * because reading failed on some rank (again: 1 if all ranks know that), or something after it. Faults of a file are then found
 * as by a single process. All ranks must call it; returns 0 for data of one process. */
int ranks_settle(cusgd_data *data, cusgd_status *status, int again);
/* To be called by a rank that has failed before the first exchange: the others then continue without dividing the file. */
cusgd_status ranks_decline(data_ranks *r);

#endif
