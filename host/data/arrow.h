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

/* What a column's format says of its values. */
typedef struct arrow_type {
    enum arrow_kind kind;
    char code;      /* of numbers, dates and texts: the letter by which they are read */
    double per_day; /* of dates: units in a day */
    int coded;      /* 1: a dictionary, whose codes are numbers of `code_type` */
    char code_type;
} arrow_type;

arrow_type arrow_type_of(const struct ArrowSchema *schema);
/* Whether row i of the array has a value. */
int arrow_is_known(const struct ArrowArray *a, const arrow_type *t, int64_t i);
/* Whether the array, and its dictionary where the type is coded, has the buffers that its rows up to, but not with, `end` need.
 */
int arrow_has_rows(const struct ArrowArray *a, const arrow_type *t, int64_t end);
/* 0: its code is none of the dictionary's, or its text lies outside of its buffer, so that nobody knows what it was. */
int arrow_is_sound(const struct ArrowArray *a, const arrow_type *t, int64_t i);
/* A number, 0 or 1, or a date's days since 1970. *exact: 0 where a double does not hold it. */
double arrow_number(const struct ArrowArray *a, const arrow_type *t, int64_t i, int *exact);
/* A text, not terminated, of a row that is sound. */
const char *arrow_text(const struct ArrowArray *a, const arrow_type *t, int64_t i, size_t *length);

#endif
