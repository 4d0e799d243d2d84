/* A table described column by column. */
#ifndef CUSGD_HOST_DATA_TABLE_H
#define CUSGD_HOST_DATA_TABLE_H

#include "columns.h"
#include "dates.h"
#include "marks.h"

enum { VALUES_SHOWN = 3, MAX_DIFFERENT = 2 };

/* Texts that are dates. */
typedef struct date_texts {
    int64_t count, open;   /* open: those whose order is */
    enum date_order order; /* in which all of these are dates */
} date_texts;

typedef struct description {
    int64_t numbers, missing, texts;
    int shown;                            /* how many values are listed */
    char last[VALUES_SHOWN][SHOWN_BYTES]; /* they, each for itself */
    char values[VALUES_SHOWN * (SHOWN_BYTES + 2)];
    double first;                 /* number */
    double number[MAX_DIFFERENT]; /* the first different numbers */
    int different;                /* how many they are; MAX_DIFFERENT + 1: more */
    int counts_rows;              /* 1: so far each number is the one before and 1, from 0, 1, or, of an index, any */
    int counts, has_zero;         /* all are whole and not negative; one is 0 */
    text_set words;               /* the different texts */
    int64_t booleans;             /* texts that are one of `pair` */
    date_texts dates;
    int pair;
    struct {
        char shown[SHOWN_BYTES];
        int64_t line;
    } first_text;
    uint64_t digest; /* of the values in their order: equal columns have equal ones */
    int marked;      /* texts are numbers with these marks; known once all rows have been read */
    marks marks;
} description;

struct cusgd_table {
    columns columns;
    description *at; /* one a column */
    int64_t rows;
    int64_t ragged, ragged_line; /* rows of another number of fields than the first line; the first one's line */
    dialect dialect;
    int header;
    enum date_order order; /* in which the reader says that dates are */
    char *options;         /* of train; or NULL */
    cusgd_data *notes;     /* holds the notes and the file's name, nothing else */
};

/* data/table_options.c */
cusgd_column_kind table_kind(const cusgd_table *t, int64_t j);
/* Sets t->options, where there are options with which the table can be trained on. */
cusgd_status table_find_options(cusgd_table *t, const cusgd_reader *reader);

/* data/table_notes.c: whether two columns have the same value in every row, more than one value. */
int table_are_equal(const cusgd_table *t, int64_t i, int64_t j);
/* Notes of columns whose meaning is in doubt, and of equal ones. */
cusgd_status table_note_columns(const cusgd_table *t);

#endif
