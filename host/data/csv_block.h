/* A block of whole records of a CSV file in memory, which one thread reads. Numbers are stored directly. Fields that are not
 * finite numbers, or whose column is not numeric, are listed for the thread that knows the rows before. Reading ends where that
 * thread is needed for more: at a record that is wrong, a comment or an empty line. */
#ifndef CUSGD_HOST_DATA_CSV_BLOCK_H
#define CUSGD_HOST_DATA_CSV_BLOCK_H

#include "csv_grammar.h"
#include "scan.h"

/* The destination of the fields of a column. */
typedef struct csv_place {
    enum place_use {
        USE_NONE,
        USE_LISTED,
        USE_NUMBER,
        USE_NOT_NEGATIVE, /* negative numbers are listed */
        USE_POSITIVE
    } use;
    double *at; /* place of row 0; for USE_NUMBER and later values */
    int64_t stride;
} csv_place;

/* A listed field, without its quotes but with doubled quotes inside. */
typedef struct csv_listed {
    const char *text;
    uint32_t length, row, line; /* row and line are relative to those of the block */
    uint32_t column : 30, quoted : 1, doubled : 1;
} csv_listed;

typedef struct csv_block {
    const char *begin, *end; /* the range in which the records of the block begin */
    int64_t line, row;       /* the line of `begin`; the row of the first record in the destination */
    const char *next;        /* set by reading: the end of the last record that was read, */
    int64_t next_line, rows; /* its line, and the number of records that were read */
    csv_listed *listed;      /* owned; reused with the block */
    size_t count, capacity;  /* number of listed fields */
    size_t lacking;          /* bytes of an allocation that failed, which ended reading; 0: none */
} csv_block;

typedef struct csv_text {
    csv_grammar grammar; /* its `stop` is the end of the text, after which the file may continue */
    const csv_place *places;
    int64_t columns;
    field written; /* the format of numbers: comma, thousands */
    char decimal;
} csv_text;

void csv_block_read(csv_block *b, const csv_text *t);

#endif
