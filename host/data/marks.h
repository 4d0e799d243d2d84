/* Texts that are numbers with marks that are not read as part of numbers: separated thousands, a decimal comma, a currency, a
 * percent sign or a unit. */
#ifndef CUSGD_HOST_DATA_MARKS_H
#define CUSGD_HOST_DATA_MARKS_H

#include "texts.h"

typedef struct marks {
    char thousands;         /* the thousands separator, as in cusgd_dialect; 0: none */
    int comma;              /* 1: there are commas that do not separate thousands */
    int single;             /* 1: the separator might be a decimal mark; a text such as 1,234,567 would exclude it */
    char unit[SHOWN_BYTES]; /* "$", "%", "kg"; "": there is none */
} marks;

/* Returns whether there are texts and all are numbers with such marks. Units of letters must be the same in all texts, because
 * identifiers such as 12a and 7b are not numbers. */
int texts_are_marked(const text_set *t, marks *m);

/* Writes advice on how to read the numbers, as a command; for a feature also how to make them categories. */
enum { MARKS_ADVICE_BYTES = 256 };
const char *marks_advice(const marks *m, int is_feature, char advice[MARKS_ADVICE_BYTES]);

#endif
