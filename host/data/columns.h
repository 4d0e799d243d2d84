/* What each column of a CSV file is for. */
#ifndef CUSGD_HOST_DATA_COLUMNS_H
#define CUSGD_HOST_DATA_COLUMNS_H

#include "cusgd_tools.h"

enum role { ROLE_NONE, ROLE_IGNORED, ROLE_WEIGHT, ROLE_OFFSET, ROLE_TARGET, ROLE_FEATURE };

/* What a feature's values are where they are not numbers or booleans. */
enum coding { CODING_NONE, CODING_CATEGORIES, CODING_DATES };

typedef struct column {
    char *name; /* NULL where the file has no header; owned */
    enum role role;
    int64_t at;         /* its place among the features or the targets */
    enum coding coding; /* of a feature */
} column;

typedef struct columns {
    column *at;
    int64_t count, d, k; /* k: 0 where the reader is x_only */
    int weighted;        /* there is a column of weights */
    cusgd_offset offset; /* there is one of offsets, or of exposures */
    int named;
    int64_t *sorted; /* the columns in the order of their names; NULL where there are none */
} columns;

/* `count` columns of no name and no role. */
cusgd_status columns_create(columns *c, int64_t count);
void columns_free(columns *c);

/* Gives every column its role. The names, where there are any, must be set. Errors do not name the file. */
cusgd_status columns_choose(columns *c, const cusgd_reader *reader);

/* The column as a message names it: 'age', or 3 where it has no name. */
enum { COLUMN_BYTES = 64 };
const char *column_show(const columns *c, int64_t j, char shown[COLUMN_BYTES]);

/* A list of columns as --ignore and its like take it in a shell, with the option before it: " --ignore age,'a b'". */
typedef struct column_list {
    char text[1024];
    size_t length;
    int64_t more; /* columns that there was no room for */
} column_list;
/* Adds column j by its name, or by its number where it has none that can be typed and found. */
void column_list_add(column_list *list, const columns *c, int64_t j);
/* The text to put behind an option: quoted for the shell where that is needed. */
const char *column_list_text(column_list *list);

int compare_numbers(const void *a, const void *b); /* of int64_t, for qsort */

#endif
