/* Conversion of an Arrow stream to arrays: first its rows as they arrive, then their features. */
#ifndef CUSGD_HOST_DATA_ARROW_TABLE_H
#define CUSGD_HOST_DATA_ARROW_TABLE_H

#include "arrow.h"
#include "columns.h"
#include "encoding.h"

/* A column of the table while it is read. */
typedef struct arrow_column {
    arrow_type type;
    text_set texts;  /* texts of categories or classes, numbered in the order of their first occurrence */
    int64_t known;   /* number of values that are not missing */
    int64_t unknown; /* number of values whose category is not in the encoding */
} arrow_column;

typedef struct arrow_table {
    const cusgd_reader *reader;
    const char *source;
    columns columns;
    arrow_column *at;      /* as columns.at */
    double *x, *y, *w, *o; /* rows x d, rows x k, rows, rows; NaN: missing */
    int64_t rows, capacity;
    cusgd_missing missing;    /* not DEFAULT */
    cusgd_encoding *encoding; /* that of the reader, or a new one; NULL: x is not encoded */
    int classed;              /* 1: the target is a text */
} arrow_table;

/* data/arrow_rows.c. Adds the rows of a chunk. */
cusgd_status arrow_add(arrow_table *t, const struct ArrowArray *chunk);
/* data/arrow_settle.c. After all rows were added, treats missing values, numbers the classes and encodes the features. The arrays
 * then belong to the data. */
cusgd_status arrow_settle(arrow_table *t, cusgd_data *data);

#endif
