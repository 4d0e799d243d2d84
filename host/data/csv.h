/* A CSV file on its way to arrays: its rows as they stand in the file, and then as features. */
#ifndef CUSGD_HOST_DATA_CSV_H
#define CUSGD_HOST_DATA_CSV_H

#include "columns.h"
#include "encoding.h"
#include "grown.h"
#include "listing.h"
#include "ranks.h"
#include "survey.h"

/* What the fields of a feature have shown in addition to numbers. */
typedef struct observed {
    text_set texts;            /* that stand for their numbers in x; those of a given encoding first */
    int64_t missing;           /* NaN in x */
    int64_t open;              /* dates whose order of day and month is open */
    enum date_order order;     /* those in which all of these are dates */
    int64_t unknown;           /* -1 in x: categories that the encoding does not have */
    char example[SHOWN_BYTES]; /* the first of them */
} observed;

/* What a target is: open while it has had no value; of one text more, y is a number of `classes`. */
enum target_kind { TARGET_OPEN, TARGET_NUMBERS, TARGET_CLASSES };

typedef struct table {
    scanner scan;
    columns columns;
    const cusgd_reader *reader;
    double *x, *y, *w, *o; /* rows x d, rows x k, rows, rows (as they stand in the file) */
    grown held[4];         /* in which they lie, in the data's places: room for as many rows as the first one has */
    int64_t rows;
    int64_t to;               /* the row of the arrays that is filled: `rows`, or 0 where the table cannot be used any more */
    survey survey;            /* why it cannot */
    survey gaps;              /* CUSGD_MISSING_AUTO: missing values, which are problems if too many rows have them */
    observed *observed;       /* one a feature */
    cusgd_missing missing;    /* not DEFAULT; AUTO until the rows have been read */
    int64_t lacking;          /* fields of targets, weights and offsets that are NaN */
    cusgd_encoding *encoding; /* the reader's, or the one that the table makes; NULL: x stays */
    int cut;                  /* 1: it was not read to its end */
    enum target_kind target;
    text_set classes;  /* the reader's, else in the order in which they come */
    field first_class; /* where the first one stands; its text is classes.at[0] */
} table;

/* data/csv_fields.c: a field of row t->rows, of column j, into place t->to of the arrays. */
cusgd_status csv_put_field(table *t, int64_t j, const field *f);
/* Puts where column j's field lies before the message. */
cusgd_status csv_fail_at(const table *t, int64_t line, int64_t j, cusgd_status status);

/* data/csv.c: doubles of a row in each of the arrays. */
void csv_widths(const table *t, size_t width[4]);
/* Makes room for rows >= 1 rows, and for more of them. */
cusgd_status csv_make_room(table *t, int64_t rows);
/* Of a pass over the rows in order: these have been passed, and where they lie in a file they need no memory any more. */
enum { CSV_SPAN = 8192 }; /* rows that are passed at a time */
void csv_forget(const table *t, int64_t first, int64_t count);
static inline void csv_passed(const table *t, int64_t row)
{
    if (row % CSV_SPAN == 0 && row > 0) csv_forget(t, row - CSV_SPAN, CSV_SPAN);
}

/* data/csv_window.c: reads rows on several threads, up to the next record that only csv.c's reader understands, or to the end.
 * Rows from `maximum` on are left, and t->cut set. *records: how many records are for csv.c's reader before this is worth trying
 * again; 0: none. */
extern size_t csv_block_bytes;
typedef struct windows windows;
/* kept NULL: fields that are no numbers are taken at once. Else they are kept there, and records that only csv.c's reader
 * understands have to be left to another reading of the file. */
cusgd_status csv_windows_create(table *t, struct listing *kept, windows **out);
/* Whether it is worth trying from the present record on. */
int csv_windows_fit(const windows *w);
cusgd_status csv_windows_read(windows *w, int64_t *maximum, int64_t *records);
void csv_windows_free(windows *w); /* accepts NULL */

/* data/csv_ranks.c: the rows behind the present record, of which each rank reads some, and the others receive them.
 * *outcome: RANKS_NONE where the file is not divided, and nothing has changed; RANKS_ALL where all rows have been read;
 * RANKS_AGAIN where something is wrong, or not for this: then each rank has to read the file from its beginning. fit: whether
 * this rank can. */
enum ranks_outcome { RANKS_NONE, RANKS_ALL, RANKS_AGAIN };
cusgd_status csv_ranks_read(table *t, data_ranks *ranks, const char *path, int fit, enum ranks_outcome *outcome);

/* data/csv_features.c: once all rows have been read. Kinds of the features whose texts stand in x, and an encoding where one is
 * needed; texts that cannot be used are added to the survey. whole: 0 where reading ended early, which alone is done then. */
cusgd_status csv_settle_encoding(table *t, int whole);
/* Decides, once all rows have been read, whether missing values are a problem (CUSGD_MISSING_AUTO). */
cusgd_status csv_settle_missing(table *t);
/* Leaves rows out that lack a value; or, to keep them, lists them, and puts 0 in the place of what is missing. */
cusgd_status csv_settle_rows(table *t, cusgd_data *data);
/* Notes the columns of text that are categories without being named so, and categories that a given encoding does not have. */
cusgd_status csv_note_categories(table *t, cusgd_data *data);
/* Puts x as encoded in the place of the columns' values, which the data has. */
cusgd_status csv_encode(table *t, cusgd_data *data);

#endif
