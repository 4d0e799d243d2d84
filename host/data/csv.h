/* Conversion of a CSV file to arrays: first its rows as they are in the file, then their features. */
#ifndef CUSGD_HOST_DATA_CSV_H
#define CUSGD_HOST_DATA_CSV_H

#include "columns.h"
#include "encoding.h"
#include "grown.h"
#include "listing.h"
#include "ranks.h"
#include "survey.h"

/* What the fields of a feature contain besides numbers. */
typedef struct observed {
    text_set texts;            /* texts, whose numbers are in x; those of a given encoding are first */
    int64_t missing;           /* number of missing values, which are NaN in x */
    int64_t open;              /* number of dates whose order of day and month is not known */
    enum date_order order;     /* the orders in which all of these are dates */
    int64_t unknown;           /* number of values whose category is not in the encoding; they are -1 in x */
    char example[SHOWN_BYTES]; /* the first such category */
} observed;

/* The kind of a target, which is open until it has a value. If it is a text, y is the index of its class in `classes`. */
enum target_kind { TARGET_OPEN, TARGET_NUMBERS, TARGET_CLASSES };

typedef struct table {
    scanner scan;
    columns columns;
    const cusgd_reader *reader;
    double *x, *y, *w, *o; /* rows x d, rows x k, rows, rows (as they stand in the file) */
    grown held[4];         /* the memory of these arrays, which have room for as many rows as x */
    int64_t rows;
    int64_t to;               /* the row of the arrays to fill: `rows`, or 0 if the table has a problem */
    survey survey;            /* the problems of the table */
    survey gaps;              /* CUSGD_MISSING_AUTO: missing values, which are problems if too many rows have them */
    observed *observed;       /* one per feature */
    cusgd_missing missing;    /* not DEFAULT; AUTO until the rows have been read */
    int64_t lacking;          /* number of fields of targets, weights and offsets that are NaN */
    cusgd_encoding *encoding; /* that of the reader, or a new one; NULL: x is not encoded */
    int cut;                  /* 1: the file was not read to its end */
    enum target_kind target;
    text_set classes;  /* those of the reader, or else in the order of their first occurrence */
    field first_class; /* the place of the first class; its text is classes.at[0] */
} table;

/* data/csv_fields.c. Stores the field of row t->rows and column j in row t->to of the arrays. */
cusgd_status csv_put_field(table *t, int64_t j, const field *f);
/* Puts the place of the field of column j before the message. */
cusgd_status csv_fail_at(const table *t, int64_t line, int64_t j, cusgd_status status);

/* data/csv.c. Gets the number of doubles per row in each of the arrays. */
void csv_widths(const table *t, size_t width[4]);
/* Makes room for at least `rows` >= 1 rows. */
cusgd_status csv_make_room(table *t, int64_t rows);
/* Releases the memory of rows that a pass in order has processed, if they are in a file. */
enum { CSV_SPAN = 8192 }; /* number of rows that are processed at a time */
void csv_forget(const table *t, int64_t first, int64_t count);
static inline void csv_passed(const table *t, int64_t row)
{
    if (row % CSV_SPAN == 0 && row > 0) csv_forget(t, row - CSV_SPAN, CSV_SPAN);
}

/* data/csv_window.c. Reads rows by several threads, up to the next record that only the reader in csv.c supports, or to the end.
 * Rows from `maximum` on are not read, and t->cut is set. *records: the number of records that the reader in csv.c should read
 * before the next attempt; 0: none. */
extern size_t csv_block_bytes;
typedef struct windows windows;
/* kept NULL: fields that are not numbers are processed at once. Otherwise they are kept there, and records that only the reader
 * in csv.c supports are left for reading the file again. */
cusgd_status csv_windows_create(table *t, struct listing *kept, windows **out);
/* Returns whether reading by windows can be tried from the current record on. */
int csv_windows_fit(const windows *w);
cusgd_status csv_windows_read(windows *w, int64_t *maximum, int64_t *records);
void csv_windows_free(windows *w); /* accepts NULL */

/* data/csv_ranks.c. Reads the rows after the current record: each rank reads some, and all receive those of the others. *outcome:
 * RANKS_NONE: the file is not divided, and nothing has changed; RANKS_ALL: all rows were read; RANKS_AGAIN: there was a problem
 * or an unsupported record, so that each rank has to read the file from its beginning. fit: whether this rank can take part. */
enum ranks_outcome { RANKS_NONE, RANKS_ALL, RANKS_AGAIN };
cusgd_status csv_ranks_read(table *t, data_ranks *ranks, const char *path, int fit, enum ranks_outcome *outcome);

/* data/csv_features.c. To be called after all rows were read. Determines the kinds of features with texts and creates an encoding
 * if necessary; adds texts that cannot be used to the survey. whole: 0 if reading ended early; only the survey is then
 * completed. */
cusgd_status csv_settle_encoding(table *t, int whole);
/* Decides, after all rows were read, whether missing values are a problem (CUSGD_MISSING_AUTO). */
cusgd_status csv_settle_missing(table *t);
/* Removes rows that lack a value; or, if they are kept, lists them and replaces missing values by 0. */
cusgd_status csv_settle_rows(table *t, cusgd_data *data);
/* Adds notes on columns of text that were made categories automatically, and on categories that a given encoding does not
 * have. */
cusgd_status csv_note_categories(table *t, cusgd_data *data);
/* Replaces the values of the columns in the data by the encoded x. */
cusgd_status csv_encode(table *t, cusgd_data *data);

#endif
