/* A loss that a user gives as a formula of the prediction p and the target y, and the mean of y as one of p. loss.h evaluates
 * it. */
#ifndef CUSGD_HOST_EXPR_FORMULA_H
#define CUSGD_HOST_EXPR_FORMULA_H

#include "expr/expression.h"
#include "options.h"

typedef struct loss_formula {
    program loss, link; /* link.count is 0 where the mean is p itself */
    int p, y;           /* the operations of the loss that are these variables; y is -1 where it is in no use */
    cusgd_loss kind;    /* what derivatives it has, and whether it is of p - y alone */
} loss_formula;

/* Reads the options loss-expr, link and constant. USAGE, with a mark below the character that is wrong; or where the loss does
 * not depend on p, has more than LOSS_OPERATIONS operations, or jumps. *out: NULL on failure, and where the loss is none. */
cusgd_status loss_formula_open(const cusgd_options *options, loss_formula **out);
void loss_formula_free(loss_formula *f);

/* study.c: which of the kinds of expressions the loss is. USAGE: it jumps. */
cusgd_status loss_formula_study(loss_formula *f);

#endif
