/* Which loss: apart from loss.h, which is written in `real`. */
#ifndef CUSGD_SCALAR_LOSS_RULE_H
#define CUSGD_SCALAR_LOSS_RULE_H

#include "kinds.h"

/* A loss with its numbers. Beyond [least, most] the exponentials of log-link losses go on as straight lines, so that a step too
 * far can be taken back: an infinite range is the loss itself. */
typedef struct loss_rule {
    cusgd_loss kind;
    double number; /* huber's delta, an insensitive one's width, quantile's share, tweedie's power */
    double minimum, maximum;
    const struct loss_formula *formula; /* of an expression (loss_formula.h), in the memory of the host; else NULL */
} loss_rule;

#endif
