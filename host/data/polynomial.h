/* Powers and products of columns as additional columns. */
#ifndef CUSGD_HOST_DATA_POLYNOMIAL_H
#define CUSGD_HOST_DATA_POLYNOMIAL_H

#include "cusgd_tools.h"

enum { MAX_DEGREE = 10, MAX_TERMS = 100000 };

/* A column from which terms are computed. */
typedef struct base_column {
    int64_t source; /* the feature from which it is computed */
    int is_binary;  /* 1: its values are 0 and 1, so that its powers equal the column */
} base_column;

typedef struct polynomial {
    int degree;   /* 1: there are no terms */
    int products; /* 1: also products of different columns */
    int64_t count;
    int32_t *at; /* count x degree, row-major: the factors of each term, ascending, followed by -1; owned */
} polynomial;

/* Lists all terms of degree 2 to p->degree of the columns, by degree and then in the order of their columns (as
 * PolynomialFeatures of scikit-learn), except those that would equal a column or be 0 in every row: powers of binary columns, and
 * products of two binary columns of one source. degree and products must be set. Fails with DATA if there would be more than
 * MAX_TERMS; the message does not name the file. */
cusgd_status polynomial_make(polynomial *p, const base_column *columns, int64_t count);
cusgd_status polynomial_copy(const polynomial *from, polynomial *to);
void polynomial_free(polynomial *p);

/* Computes the p->count terms of a row into out. */
void polynomial_apply(const polynomial *p, const double *row, double *out);
/* Returns the name of term j of columns with names: "a^2*b". NULL: out of memory. */
char *polynomial_name(const polynomial *p, int64_t j, char *const *names);

#endif
