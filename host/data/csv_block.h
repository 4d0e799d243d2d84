/* Whole records of a CSV file that stand in memory, read by one thread. Numbers go to their places; fields that are not finite
 * numbers, or whose column is not of numbers, are listed, for the thread that knows what was in the rows before. A block ends
 * where that thread is needed for more: at a record that is wrong, a comment, an empty line. */
#ifndef CUSGD_HOST_DATA_CSV_BLOCK_H
#define CUSGD_HOST_DATA_CSV_BLOCK_H

#include "csv_grammar.h"
#include "scan.h"

/* Where a column's fields go. */
typedef struct csv_place {
    enum place_use {
        USE_NONE,
        USE_LISTED,
        USE_NUMBER,
        USE_NOT_NEGATIVE, /* else it is listed */
        USE_POSITIVE
    } use;
    double *at; /* row 0's; USE_NUMBER and after it */
    int64_t stride;
} csv_place;

/* A field that is left, its quotes removed but those that are doubled. */
typedef struct csv_listed {
    const char *text;
    uint32_t length, row, line; /* row and line: from those of the block on */
    uint32_t column : 30, quoted : 1, doubled : 1;
} csv_listed;

typedef struct csv_block {
    const char *begin, *end; /* the records that begin in here */
    int64_t line, row;       /* `begin` is in this line; the first record is this row of the places */
    const char *next;        /* set by reading: behind the last record read, */
    int64_t next_line, rows; /* the line of that, and how many records were read */
    csv_listed *listed;      /* owned, kept for the next use of the block */
    size_t count, capacity;  /* of them */
    size_t lacking;          /* bytes that there was no memory for; reading ended there */
} csv_block;

typedef struct csv_text {
    csv_grammar grammar; /* its stop is the text's, behind which the file may go on */
    const csv_place *places;
    int64_t columns;
    field written; /* how a number is written: comma, thousands */
    char decimal;
} csv_text;

void csv_block_read(csv_block *b, const csv_text *t);

#endif
