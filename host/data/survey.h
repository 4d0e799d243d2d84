/* What keeps a table from being used: text and missing values where numbers are wanted, counted column by column, so that one
 * message can name all of it. */
#ifndef CUSGD_HOST_DATA_SURVEY_H
#define CUSGD_HOST_DATA_SURVEY_H

#include "columns.h"
#include "marks.h"

enum { TEXTS_SHOWN = 3, SURVEY_ROWS = 1 << 20, SURVEY_OTHER = 512 };

typedef struct survey_column {
    int64_t missing, texts;              /* fields of that kind */
    char text[TEXTS_SHOWN][SHOWN_BYTES]; /* the first different texts, then "" */
    text_set all;                        /* all different texts */
    char mark[SHOWN_BYTES];              /* how the first missing value is written */
    int marked;                          /* all texts are numbers with these marks; known once the table has been read */
    marks marks;
} survey_column;

typedef struct survey {
    survey_column *at;        /* one a column; NULL: nothing was found */
    int64_t count;            /* of columns */
    int64_t line, column;     /* where the first problem lies, from 1 */
    int texts_first;          /* that problem is a text */
    char other[SURVEY_OTHER]; /* a problem of another kind, with its place: the first one; or "" */
    int other_first;          /* it came before all others */
    column_list booleans;     /* features that are read as 0 and 1 without asking */
    column_list categories;   /* features of text that are categories without asking */
} survey;

void survey_free(survey *s);
/* Whether anything was found. */
int survey_found(const survey *s);
/* Takes note of a field of column j, of `count` columns. */
cusgd_status survey_add(survey *s, int64_t count, int64_t j, enum field_kind kind, field f);
/* Takes note of column j's texts, which came before all others of its fields that were taken note of. */
cusgd_status survey_add_texts(survey *s, int64_t count, int64_t j, const text_set *t);
/* Takes note of the missing values that another survey of the same columns has. */
cusgd_status survey_add_missing(survey *s, const survey *from);
/* Takes note of the last failure's message as a problem of another kind. Returns CUSGD_OK. */
cusgd_status survey_add_other(survey *s);

/* All that was found in a table of `rows` rows as one message. `whole`: 0 where it was not read to its end. */
cusgd_status survey_fail(survey *s, const columns *c, const cusgd_reader *reader, const char *source, int64_t rows, int whole);

#endif
