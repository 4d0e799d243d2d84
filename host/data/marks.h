/* Numbers in texts with marks that no number has here: separated thousands, a decimal comma, a currency, percent sign or unit. */
#ifndef CUSGD_HOST_DATA_MARKS_H
#define CUSGD_HOST_DATA_MARKS_H

#include "texts.h"

typedef struct marks {
    char thousands;         /* what stands between the thousands, as cusgd_dialect has it; 0: nothing */
    int comma;              /* 1: there are commas that do not stand between thousands */
    int single;             /* 1: no text shows that a separator is no decimal mark, as 1,234,567 does */
    char unit[SHOWN_BYTES]; /* "$", "%", "kg"; "": there is none */
} marks;

/* Whether all texts, of which there are some, are numbers with such marks. Units of letters must be the same in all of them, for
 * identifiers such as 12a and 7b are no numbers. */
int texts_are_marked(const text_set *t, marks *m);

/* How the numbers become ones that can be read, as a command; of a feature also how they become categories. */
enum { MARKS_ADVICE_BYTES = 256 };
const char *marks_advice(const marks *m, int is_feature, char advice[MARKS_ADVICE_BYTES]);

#endif
