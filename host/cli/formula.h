/* What the commands on formulas share: values of names on the command line, and the formula with its constants. */
#ifndef CUSGD_CLI_FORMULA_H
#define CUSGD_CLI_FORMULA_H

#include "arguments.h"
#include "cusgd_expression.h"

/* The values of one name: NAME=VALUE or NAME=FIRST:LAST:COUNT. */
typedef struct axis {
    char name[32];
    double first, last;
    int64_t count;
} axis;

/* A compiled formula, and an axis of each of its variables. */
typedef struct formula {
    cusgd_expression *expression;
    axis *axes;
    size_t count; /* variables */
} formula;

/* Compiles the formula with --constant's values, and takes the variables' from `given`; `option`: what gave them. Values are
 * formulas of numbers (pi/2); ranges are allowed where `ranges` is 1. Returns a status, complained about; formula_free() frees
 * what there is in any case. */
typedef struct formula_source {
    const syntax *syntax;
    const char *text, *option;
    const text_list *given, *constants;
    int ranges;
} formula_source;
int formula_open(const formula_source *from, formula *out);
void formula_free(formula *f);

/* The i-th value of an axis. */
double axis_value(const axis *a, int64_t i);

#endif
