/* The columns of a CSV file and their roles. */
#ifndef CUSGD_HOST_DATA_COLUMNS_H
#define CUSGD_HOST_DATA_COLUMNS_H

#include "cusgd_tools.h"

enum role { ROLE_NONE, ROLE_IGNORED, ROLE_WEIGHT, ROLE_OFFSET, ROLE_TARGET, ROLE_FEATURE };

/* How the values of a feature are coded if they are not numbers or booleans. */
enum coding { CODING_NONE, CODING_CATEGORIES, CODING_DATES };

typedef struct column {
    char *name; /* NULL if the file has no header; owned */
    enum role role;
    int64_t at;         /* its index among the features or the targets */
    enum coding coding; /* of a feature */
} column;

typedef struct columns {
    column *at;
    int64_t count, d, k; /* k: 0 if the reader is x_only */
    int weighted;        /* there is a column of weights */
    cusgd_offset offset; /* the kind of its column of offsets or exposures */
    int named;
    int64_t *sorted; /* the columns sorted by name; NULL: no names */
} columns;

/* Creates `count` columns without names and roles. */
cusgd_status columns_create(columns *c, int64_t count);
void columns_free(columns *c);

/* Sets the role of every column. The names, if there are any, must be set. The messages do not name the file. */
cusgd_status columns_choose(columns *c, const cusgd_reader *reader);

/* Writes a column for a message: 'age', or 3 if it has no name. */
enum { COLUMN_BYTES = 64 };
const char *column_show(const columns *c, int64_t j, char shown[COLUMN_BYTES]);

/* A list of columns as an argument of --ignore or a similar option in a shell, preceded by the option: " --ignore age,'a b'". */
typedef struct column_list {
    char text[1024];
    size_t length;
    int64_t more; /* number of columns for which there was no room */
} column_list;
/* Adds column j by its name, or by its number if its name cannot be typed or is not unique. */
void column_list_add(column_list *list, const columns *c, int64_t j);
/* Returns the text of the list, quoted for the shell if necessary. */
const char *column_list_text(column_list *list);

int compare_numbers(const void *a, const void *b); /* of int64_t, for qsort */

#endif
