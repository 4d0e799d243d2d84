/* Tables of Apache Arrow by its C data and stream interfaces (https://arrow.apache.org/docs/format/CDataInterface.html), which
 * need no library of Arrow. */
#ifndef CUSGD_HOST_DATA_ARROW_H
#define CUSGD_HOST_DATA_ARROW_H

#include "cusgd_tools.h"

/* ---- As Arrow has them ---- */

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

/* ---- data/arrow_values.c: one column's values ---- */

enum arrow_kind { ARROW_OTHER, ARROW_NOTHING, ARROW_NUMBER, ARROW_BOOLEAN, ARROW_TEXT, ARROW_DATE };

/* The type of the values of a column, from its format. */
typedef struct arrow_type {
    enum arrow_kind kind;
    char code;      /* of numbers, dates and texts: the letter that selects how they are read */
    double per_day; /* of dates: units per day */
    int coded;      /* 1: a dictionary, whose codes have the type `code_type` */
    char code_type;
} arrow_type;

arrow_type arrow_type_of(const struct ArrowSchema *schema);
/* Returns whether row i of the array has a value. */
int arrow_is_known(const struct ArrowArray *a, const arrow_type *t, int64_t i);
/* Returns whether the array, and its dictionary if there is one, have the buffers for rows 0 .. end - 1. */
int arrow_has_rows(const struct ArrowArray *a, const arrow_type *t, int64_t end);
/* Returns 0 if the code of row i is not in the dictionary or its text is outside of the buffer. */
int arrow_is_sound(const struct ArrowArray *a, const arrow_type *t, int64_t i);
/* Returns a number, 0 or 1, or the days of a date since 1970. *exact becomes 0 if a double cannot represent it. */
double arrow_number(const struct ArrowArray *a, const arrow_type *t, int64_t i, int *exact);
/* Returns the text of a row for which arrow_is_sound() is 1, not terminated. */
const char *arrow_text(const struct ArrowArray *a, const arrow_type *t, int64_t i, size_t *length);

#endif
