/* Training on rows that come in: standard input, taken block by block. */
#ifndef CUSGD_CLI_ONLINE_H
#define CUSGD_CLI_ONLINE_H

#include <stdint.h>
#include <stdio.h>

enum { ONLINE_ROWS = 8192, ONLINE_BUFFER = 1 << 16 };

/* Standard input is each block in turn, so that "-" is read as ever. */
typedef struct online {
    int from;    /* the stream itself; -1: not open */
    int block;   /* standard input's file */
    int64_t row; /* of the stream: rows in the blocks before this one */
    char *header;
    size_t header_bytes;
    char *carried; /* a record that was read too far, or NULL */
    size_t carried_bytes;
    char buffer[ONLINE_BUFFER];
    size_t at, end; /* in it: what is not taken yet */
} online;

/* The stream's first block: its first record and `rows` more, as the record may be a header. Returns a status, complained about.
 */
int online_open(online *s, int64_t rows);
/* What the first block was found to be: without a header its last row is the next one's. Returns whether it is to be read again.
 */
int online_take_first(online *s, int has_header);
/* The next block of that many rows, after the header if there is one. 1; 0 at the end, or where a signal came; a status < 0 of an
 * error that is complained about. */
int online_next(online *s, int64_t rows);
void online_close(online *s);

#endif
