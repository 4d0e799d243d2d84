/* Training on rows as they arrive on standard input, block by block. */
#ifndef CUSGD_CLI_ONLINE_H
#define CUSGD_CLI_ONLINE_H

#include "cusgd_tools.h"

enum { ONLINE_ROWS = 8192, ONLINE_BUFFER = 1 << 16, ONLINE_NOTES = 16 };

/* The notes that were printed, without their numbers, and the number of blocks that repeated one. */
typedef struct said_notes {
    char *kinds[ONLINE_NOTES];
    int64_t repeated;
} said_notes;

/* Each block is written to a file that replaces standard input, so that "-" is read as usual. A block begins with the lines of
 * the stream before its first row (a header, comments, lines to skip), so that all blocks are read in the same way. */
typedef struct online {
    int from;       /* descriptor of the stream; -1: not open */
    int block;      /* descriptor of the file of the block; -1: none */
    int ended;      /* 1: the stream has ended, or was empty when a signal came, and is no longer read */
    int last;       /* 1: a signal came before this block, which is the last one */
    char separator; /* separator of fields; 0: any common one */
    char *prefix;   /* the lines before the first row */
    int64_t prefix_bytes, prefix_lines;
    int64_t before, lines; /* number of lines of the stream before the rows of the block, and up to their end */
    char *pending;         /* [pending_at, pending_bytes): bytes that were read beyond the block */
    int64_t pending_at, pending_bytes;
    char *record; /* the last record that was read */
    int64_t record_bytes, record_capacity;
    char buffer[ONLINE_BUFFER]; /* [at, end): bytes of the stream that were read but not used yet */
    int64_t at, end;
    said_notes said;
} online;

/* Creates a first block of `rows` records, from which the dialect is detected. Returns a status. */
int online_open(online *s, int64_t rows, char separator);
/* Creates the first block again, with `rows` rows. first_line: the line of the first row (cusgd_data_first_line). Returns a
 * status. */
int online_settle(online *s, int64_t rows, int64_t first_line);
/* Creates the next block of `rows` rows, or of fewer if the stream ends or a signal comes. Returns 1; 0 if there are no more
 * rows; or a negative status after printing a message. */
int online_next(online *s, int64_t rows);
void online_close(online *s);

/* Returns the number to add to line numbers of the block (cusgd_reader.lines_before). */
static inline int64_t online_lines_before(const online *s) { return s->before - s->prefix_lines; }

/* online_put_notes() prints the notes of a block, each kind once. At the end, the number of blocks that repeated such notes is
 * printed. */
void online_put_notes(online *s, const cusgd_data *block);
void online_end_notes(const online *s);

#endif
