/* Which columns of a file were used for what, by number: what a model remembers of the file that it was trained on. */
#ifndef CUSGD_HOST_DATA_LAYOUT_H
#define CUSGD_HOST_DATA_LAYOUT_H

#include "columns.h"
#include "scan.h"

struct cusgd_layout {
    int64_t width;     /* columns of the file */
    int64_t d, k;      /* features, targets */
    int64_t *features; /* d numbers of columns, from 1 */
    int64_t *targets;  /* k numbers; NULL where k is 0 */
    int64_t offset;    /* the number of the column of offsets or exposures; 0: none */
    cusgd_offset kind; /* of the offset */
    dialect dialect;   /* what was said of it; the rest is found in every file anew */
};

/* A layout whose numbers are all 0. */
cusgd_status layout_create(int64_t width, int64_t d, int64_t k, cusgd_layout **out);
cusgd_status layout_copy(const cusgd_layout *from, cusgd_layout **out); /* NULL is copied as NULL */
void layout_free(cusgd_layout *l);                                      /* accepts NULL */
/* What the columns were chosen for. */
cusgd_status layout_of(const columns *c, const dialect *given, cusgd_layout **out);
/* What the reader, or else its layout, says of the dialect. */
dialect dialect_of(const cusgd_reader *reader);
/* *valid: whether the numbers are columns of the file, none of them twice. */
cusgd_status layout_check(const cusgd_layout *l, int *valid);

/* Gives roles to columns as the reader's layout has them, where the reader says nothing else: features unless reader->features is
 * given, targets unless it has some or is x_only, the offset unless it has one. What the reader does give has been assigned. A
 * file with as many columns as the layout's has the same ones; another is taken only where its columns that have no role yet are
 * as many as are wanted, and the caller has said which those are, or they can be the features alone. Else it is refused. */
cusgd_status layout_assign(columns *c, const cusgd_reader *reader);

#endif
