/* A loss that the user gives as a formula of the prediction p and the target y, and the mean of y as a formula of p. loss.h
 * evaluates them. */
#ifndef CUSGD_HOST_EXPR_FORMULA_H
#define CUSGD_HOST_EXPR_FORMULA_H

#include "expr/expression.h"
#include "options.h"

#include "scalar/loss_formula.h"

/* Compiles the options loss-expr, link and constant. Fails with USAGE, with a mark below the character that is wrong; also if the
 * loss does not depend on p, has more than LOSS_OPERATIONS operations or jumps, or if a constant is not used. *out is NULL on
 * failure and if the loss is not an expression. */
cusgd_status loss_formula_open(const cusgd_options *options, loss_formula **out);
void loss_formula_free(loss_formula *f); /* accepts NULL */

/* code.c. Compiles a program of at most LOSS_OPERATIONS operations, whose variables are p and y, to the code that devices run. */
void formula_encode(const program *p, formula_code *to);
/* Returns the number of operands of an operation. */
int formula_operands(int op);

/* study.c. Determines the kind of the expression. Fails with USAGE if the loss jumps or does not depend on the prediction. */
cusgd_status loss_formula_study(loss_formula *f);

#endif
