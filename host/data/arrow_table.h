/* An Arrow stream on its way to arrays: its rows as they come, and then as features. */
#ifndef CUSGD_HOST_DATA_ARROW_TABLE_H
#define CUSGD_HOST_DATA_ARROW_TABLE_H

#include "arrow.h"
#include "columns.h"
#include "encoding.h"

/* A column of the table while it is read. */
typedef struct arrow_column {
    arrow_type type;
    text_set texts;  /* those that stand for their numbers, in the order in which they come; of a target, too */
    int64_t known;   /* values that are not missing */
    int64_t unknown; /* categories that the encoding does not have */
} arrow_column;

typedef struct arrow_table {
    const cusgd_reader *reader;
    const char *source;
    columns columns;
    arrow_column *at;      /* as columns.at */
    double *x, *y, *w, *o; /* rows x d, rows x k, rows, rows; NaN: missing */
    int64_t rows, capacity;
    cusgd_missing missing;    /* not DEFAULT */
    cusgd_encoding *encoding; /* the reader's, or the one that the table makes; NULL: x stays */
    int classed;              /* 1: the target is text */
} arrow_table;

/* data/arrow_rows.c: adds a chunk's rows. */
cusgd_status arrow_add(arrow_table *t, const struct ArrowArray *chunk);
/* data/arrow_settle.c: once all rows are there: what becomes of missing values, classes, and the features' encoding; then the
 * data has the arrays. */
cusgd_status arrow_settle(arrow_table *t, cusgd_data *data);

#endif
