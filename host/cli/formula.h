/* Functions that the commands for formulas share: values of variables on the command line, and the formula with its constants. */
#ifndef CUSGD_CLI_FORMULA_H
#define CUSGD_CLI_FORMULA_H

#include "arguments.h"
#include "cusgd_expression.h"

/* The values of a variable: NAME=VALUE or NAME=FIRST:LAST:COUNT. */
typedef struct axis {
    char name[32];
    double first, last;
    int64_t count;
} axis;

/* A compiled formula, and an axis for each of its variables. */
typedef struct formula {
    cusgd_expression *expression;
    axis *axes;
    size_t count; /* variables */
} formula;

/* Compiles the formula with the values of --constant, and assigns values to the variables from `given`, which `option` (for
 * messages) gave. Values may be formulas of numbers (pi/2); ranges are allowed if `ranges` is 1. Returns a status; formula_free()
 * frees the formula in any case. */
typedef struct formula_source {
    const syntax *syntax;
    const char *text, *option;
    const text_list *given, *constants;
    int ranges;
} formula_source;
int formula_open(const formula_source *from, formula *out);
void formula_free(formula *f);

/* Returns the i-th value of an axis. */
double axis_value(const axis *a, int64_t i);

#endif
