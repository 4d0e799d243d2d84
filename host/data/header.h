/* The beginning of a CSV file: its first two records, and whether the first one names the columns. */
#ifndef CUSGD_HOST_DATA_HEADER_H
#define CUSGD_HOST_DATA_HEADER_H

#include "columns.h"
#include "scan.h"

enum { NOTE_BYTES = 512 };

typedef struct opening {
    field *cells[2]; /* fields of the first two records, each with a copy of its text; NULL: no such record */
    int64_t count[2];
    int header;            /* 1: the first record is the header */
    int doubtful;          /* 1: it was detected as a header although it has only numbers */
    char note[NOTE_BYTES]; /* a note on that decision, or "" */
} opening;

/* Reads two records, decides whether the first is a header, and creates the columns with their names but without roles. On
 * failure nothing remains to be freed. */
cusgd_status opening_read(scanner *s, const cusgd_reader *reader, opening *o, columns *c);
void opening_free(opening *o);

/* Copies a name or a class. Returns NULL on failure and sets *status. */
char *field_copy(const field *f, cusgd_status *status);

#endif
