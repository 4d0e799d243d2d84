/* A survey of the problems of a table: texts and missing values where numbers are expected, counted by column, so that one
 * message can name all problems. */
#ifndef CUSGD_HOST_DATA_SURVEY_H
#define CUSGD_HOST_DATA_SURVEY_H

#include "columns.h"
#include "marks.h"

enum { TEXTS_SHOWN = 3, SURVEY_ROWS = 1 << 20, SURVEY_OTHER = 512 };

typedef struct survey_column {
    int64_t missing, texts;              /* number of fields of that kind */
    char text[TEXTS_SHOWN][SHOWN_BYTES]; /* the first different texts, then "" */
    text_set all;                        /* all different texts */
    char mark[SHOWN_BYTES];              /* the text of the first missing value */
    int marked;                          /* 1: all texts are numbers with these marks; set after the table was read */
    marks marks;
} survey_column;

typedef struct survey {
    survey_column *at;        /* one per column; NULL: no problem was found */
    int64_t count;            /* of columns */
    int64_t line, column;     /* place of the first problem, from 1 */
    int texts_first;          /* 1: that problem is a text */
    char other[SURVEY_OTHER]; /* the first problem of another kind, with its place; or "" */
    int other_first;          /* 1: it is the first of all problems */
    column_list booleans;     /* features that are read as 0 and 1 automatically */
    column_list categories;   /* features of text that become categories automatically */
} survey;

void survey_free(survey *s);
/* Returns whether there are problems. */
int survey_found(const survey *s);
/* Adds a field of column j of `count` columns. */
cusgd_status survey_add(survey *s, int64_t count, int64_t j, enum field_kind kind, field f);
/* Adds the texts of column j, which occurred before its other fields in the survey. */
cusgd_status survey_add_texts(survey *s, int64_t count, int64_t j, const text_set *t);
/* Adds the missing values of another survey of the same columns. */
cusgd_status survey_add_missing(survey *s, const survey *from);
/* Adds the message of the last failure as a problem of another kind. Returns CUSGD_OK. */
cusgd_status survey_add_other(survey *s);

/* Fails with a message that describes all problems of a table of `rows` rows. whole: 0 if it was not read to its end. */
cusgd_status survey_fail(survey *s, const columns *c, const cusgd_reader *reader, const char *source, int64_t rows, int whole);

#endif
