/* Powers and products of columns, as further columns. */
#ifndef CUSGD_HOST_DATA_POLYNOMIAL_H
#define CUSGD_HOST_DATA_POLYNOMIAL_H

#include "cusgd_tools.h"

enum { MAX_DEGREE = 10, MAX_TERMS = 100000 };

/* What is known of a column that terms are made of. */
typedef struct base_column {
    int64_t source; /* the feature that it comes from */
    int is_binary;  /* its values are 0 and 1: its powers are itself */
} base_column;

typedef struct polynomial {
    int degree;   /* 1: there are no terms */
    int products; /* 1: of different columns too */
    int64_t count;
    int32_t *at; /* count x degree, row-major: the columns whose product a term is, ascending; -1 behind the last; owned */
} polynomial;

/* All terms of degree 2 to p->degree of `columns` columns, by their degree and then in the order of their columns (that of
 * scikit-learn's PolynomialFeatures), but those that would copy a column, or be 0 in every row: powers of binary ones, and
 * products of a binary one with another one of its source. degree and products are set. DATA where there would be more than
 * MAX_TERMS; the message does not name the file. */
cusgd_status polynomial_make(polynomial *p, const base_column *columns, int64_t count);
cusgd_status polynomial_copy(const polynomial *from, polynomial *to);
void polynomial_free(polynomial *p);

/* out: p->count values of a row's columns. */
void polynomial_apply(const polynomial *p, const double *row, double *out);
/* The name of term j of columns that have names: "a^2*b". NULL: out of memory. */
char *polynomial_name(const polynomial *p, int64_t j, char *const *names);

#endif
