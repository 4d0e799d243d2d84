/* Training on rows that come in: standard input, taken block by block. */
#ifndef CUSGD_CLI_ONLINE_H
#define CUSGD_CLI_ONLINE_H

#include "cusgd_tools.h"

enum { ONLINE_ROWS = 8192, ONLINE_BUFFER = 1 << 16, ONLINE_NOTES = 16 };

/* Notes that were printed, without their numbers, and how many blocks had such a note again. */
typedef struct said_notes {
    char *kinds[ONLINE_NOTES];
    int64_t repeated;
} said_notes;

/* Each block in turn becomes the file behind standard input, so that "-" is read as usual. A block begins with the lines of the
 * stream that come before its first row (a header, comments, lines to skip), so that all blocks are read in the same way. */
typedef struct online {
    int from;       /* the stream; -1: not open */
    int block;      /* the file of the block; -1: none */
    int ended;      /* 1: the stream has ended, or had nothing more when a signal came: it is no longer read */
    int last;       /* 1: a signal came before this block, and no other follows */
    char separator; /* of fields; 0: any usual one */
    char *prefix;   /* the lines before the first row */
    int64_t prefix_bytes, prefix_lines;
    int64_t before, lines; /* lines of the stream before the rows of the block, and after them */
    char *pending;         /* bytes of the stream that were read too far: [pending_at, pending_bytes) */
    int64_t pending_at, pending_bytes;
    char *record; /* the last record that was read */
    int64_t record_bytes, record_capacity;
    char buffer[ONLINE_BUFFER]; /* bytes of the stream that were read and not taken yet: [at, end) */
    int64_t at, end;
    said_notes said;
} online;

/* Makes a first block of `rows` records, to find out how the table is written. Returns a status, complained about. */
int online_open(online *s, int64_t rows, char separator);
/* Makes the first block again, now of `rows` rows: first_line is the line of the first one (cusgd_data_first_line). Likewise. */
int online_settle(online *s, int64_t rows, int64_t first_line);
/* The next block of that many rows, or of fewer where the stream ends or a signal comes. 1; 0: there are no more rows; a status
 * < 0 of an error that is complained about. */
int online_next(online *s, int64_t rows);
void online_close(online *s);

/* The number that a reader adds to line numbers of the block (cusgd_reader.lines_before). */
static inline int64_t online_lines_before(const online *s) { return s->before - s->prefix_lines; }

/* Prints the notes of a block, each kind once; and at the end how many blocks had such notes again. */
void online_put_notes(online *s, const cusgd_data *block);
void online_end_notes(const online *s);

#endif
