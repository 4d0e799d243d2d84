/* The numbers of the columns of a file by role, which a model keeps of the file that it was trained on. */
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
    dialect dialect;   /* the given members; others are detected in each file */
};

/* Creates a layout whose numbers are all 0. */
cusgd_status layout_create(int64_t width, int64_t d, int64_t k, cusgd_layout **out);
cusgd_status layout_copy(const cusgd_layout *from, cusgd_layout **out); /* NULL is copied as NULL */
void layout_free(cusgd_layout *l);                                      /* accepts NULL */
/* Creates the layout of columns that have roles. */
cusgd_status layout_of(const columns *c, const dialect *given, cusgd_layout **out);
/* Returns the dialect that the reader, or else its layout, gives. */
dialect dialect_of(const cusgd_reader *reader);
/* *Sets *valid to whether the numbers are columns of the file and differ from each other. */
cusgd_status layout_check(const cusgd_layout *l, int *valid);

/* Assigns roles to columns by the layout of the reader, where the reader does not give them: features unless reader->features is
 * set, targets unless it has some or is x_only, the offset unless it has one. Roles that the reader gives must have been
 * assigned. A file with the same number of columns as that of the layout has the same columns. In another file the remaining
 * columns are used if their number fits and either the reader has given the other roles or they can only be the features;
 * otherwise this fails. */
cusgd_status layout_assign(columns *c, const cusgd_reader *reader);

#endif
