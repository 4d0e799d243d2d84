/* What the tests compare with: the objective, its gradient and its minimizer, written plainly and in double, sharing no code with
 * the library; and readers for tests/golden. */
#ifndef CUSGD_TESTS_ORACLE_H
#define CUSGD_TESTS_ORACLE_H

#include "options.h"
#include <cjson/cJSON.h>

/* One output: (1/n) sum (w_i / w_mean) l(p_i, y_i) + l2/2 |theta|^2 + l1 |theta|_1, p = x theta + b. */
typedef struct problem {
    int64_t n, d;
    const double *x; /* n x d, row-major */
    const double *y; /* n */
    const double *w; /* n, or NULL: every weight 1 */
    cusgd_loss loss;
    double l1, l2;
    int intercept; /* 0: b is held at 0 */
} problem;

/* theta: d coefficients, then b. gradient: d + 1, of all but the l1 term; may be NULL. */
double oracle_objective(const problem *p, const double *theta, double *gradient);

/* How far theta is from optimal: the largest element of the minimum-norm subgradient. */
double oracle_optimality(const problem *p, const double *theta);

/* The minimizer: a linear system in long double (quadratic losses), Newton's method with halving (logistic), or coordinate
 * descent (l1 > 0). Returns oracle_optimality of what it found. */
double oracle_solve(const problem *p, double *theta);

/* A matrix read from a file; the caller frees `at`. */
typedef struct table {
    int64_t rows, cols;
    double *at; /* rows x cols, row-major */
} table;

/* tests/golden/NAME: a CSV with one header line; a JSON file, freed by cJSON_Delete. Both end the test if they cannot. */
table golden_table(const char *name);
cJSON *golden_json(const char *name);

/* Columns first .. first + count - 1 of a table; the caller frees them. */
double *table_columns(const table *t, int64_t first, int64_t count);

/* Subtracts each column's mean and divides by its standard deviation (by n). */
void standardize_columns(double *x, int64_t n, int64_t d);

double json_number(const cJSON *object, const char *name); /* ends the test if it is missing */
double json_number_or(const cJSON *object, const char *name, double fallback);
int64_t json_numbers(const cJSON *array, double *out, int64_t room); /* how many; nested arrays are read in order */

#endif
