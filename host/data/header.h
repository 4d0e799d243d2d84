/* The beginning of a CSV file: its first two records, and whether the first one names the columns. */
#ifndef CUSGD_HOST_DATA_HEADER_H
#define CUSGD_HOST_DATA_HEADER_H

#include "columns.h"
#include "scan.h"

enum { NOTE_BYTES = 512 };

typedef struct opening {
    field *cells[2]; /* of the first and the second record, each with a copy of its text; NULL where there is none */
    int64_t count[2];
    int header;            /* 1: the first record is the header */
    int doubtful;          /* 1: it was found to be one, and holds nothing but numbers */
    char note[NOTE_BYTES]; /* what people should know of that decision, or "" */
} opening;

/* Reads two records, decides, and creates the columns with their names, as yet without roles. On failure nothing is left to free.
 * The reader says what is asked for. */
cusgd_status opening_read(scanner *s, const cusgd_reader *reader, opening *o, columns *c);
void opening_free(opening *o);

/* A copy of a name or a class; NULL on failure, *status says which. */
char *field_copy(const field *f, cusgd_status *status);

#endif
