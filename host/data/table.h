/* A description of a table, column by column. */
#ifndef CUSGD_HOST_DATA_TABLE_H
#define CUSGD_HOST_DATA_TABLE_H

#include "columns.h"
#include "dates.h"
#include "marks.h"

enum { VALUES_SHOWN = 3, MAX_DIFFERENT = 2 };

/* The texts of a column that are dates. */
typedef struct date_texts {
    int64_t count, open;   /* open: those whose order of day and month is not known */
    enum date_order order; /* the orders in which all of these are dates */
} date_texts;

typedef struct description {
    int64_t numbers, missing, texts;
    int shown;                            /* number of values that are listed */
    char last[VALUES_SHOWN][SHOWN_BYTES]; /* the listed values */
    char values[VALUES_SHOWN * (SHOWN_BYTES + 2)];
    double first;                 /* number */
    double number[MAX_DIFFERENT]; /* the first different numbers */
    int different;                /* number of different numbers; MAX_DIFFERENT + 1: more */
    int counts_rows;              /* 1: so far each number is the previous one plus 1, beginning with 0 or 1, or any number for an
                                   * index */
    int counts, has_zero;         /* 1: all are integers >= 0; 1: one is 0 */
    text_set words;               /* the different texts */
    int64_t booleans;             /* number of texts that are one of `pair` */
    date_texts dates;
    int pair;
    struct {
        char shown[SHOWN_BYTES];
        int64_t line;
    } first_text;
    uint64_t digest; /* hash of the values in order, which is equal for equal columns */
    int marked;      /* 1: texts are numbers with these marks; set after all rows were read */
    marks marks;
} description;

struct cusgd_table {
    columns columns;
    description *at; /* one per column */
    int64_t rows;
    int64_t ragged, ragged_line; /* number of rows with another number of fields than the first line; line of the first one */
    dialect dialect;
    int header;
    enum date_order order; /* the order of dates that the reader gives */
    char *options;         /* options for `cusgd train`; or NULL */
    cusgd_data *notes;     /* has only the notes and the name of the file */
};

/* data/table_options.c */
cusgd_column_kind table_kind(const cusgd_table *t, int64_t j);
/* Sets t->options if there are options with which `cusgd train` can use the table. */
cusgd_status table_find_options(cusgd_table *t, const cusgd_reader *reader);

/* data/table_notes.c. Returns whether two columns are equal in every row and not constant. */
int table_are_equal(const cusgd_table *t, int64_t i, int64_t j);
/* Adds notes on columns whose meaning is doubtful, and on equal columns. */
cusgd_status table_note_columns(const cusgd_table *t);

#endif
