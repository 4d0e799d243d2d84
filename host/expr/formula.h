/* A loss that a user gives as a formula of the prediction p and the target y, and the mean of y as one of p. loss.h evaluates
 * it. */
#ifndef CUSGD_HOST_EXPR_FORMULA_H
#define CUSGD_HOST_EXPR_FORMULA_H

#include "expr/expression.h"
#include "options.h"

#include "scalar/loss_formula.h"

/* Reads the options loss-expr, link and constant. USAGE, with a mark below the character that is wrong; or where the loss does
 * not depend on p, has more than LOSS_OPERATIONS operations, or jumps, or neither formula has a constant that is given. *out:
 * NULL on failure, and where the loss is none. */
cusgd_status loss_formula_open(const cusgd_options *options, loss_formula **out);
void loss_formula_free(loss_formula *f); /* accepts NULL */

/* code.c: what devices run, of a program of at most LOSS_OPERATIONS operations whose variables are p and y. */
void formula_encode(const program *p, formula_code *to);
/* How many operands an operation has. */
int formula_operands(int op);

/* study.c: which of the kinds of expressions the loss is. USAGE: it jumps, or is the same at every prediction. */
cusgd_status loss_formula_study(loss_formula *f);

#endif
