/* The metrics of one output, from sums over rows. */
#ifndef CUSGD_HOST_TRAINER_SUMS_H
#define CUSGD_HOST_TRAINER_SUMS_H

#include "cusgd_train.h"
#include "problem/examples.h"
#include "scalar/loss_rule.h"

/* Weighted sums of one output. The mean and the squares of the targets are updated row by row (West 1979). */
typedef struct output_sums {
    double weight, loss, lower_bound, square, absolute, right, mean, variation;
    double unit; /* the unit of square, absolute, mean and variation: a power of two near the size of the targets if they are very
                  * large or small; else 1 */
    double above, below;                    /* see loss_given_offset() */
    double null;                            /* log links: the loss of the intercept-only model */
    double error, error_variation, largest; /* of r: the mean, the sum of squares about it, the largest absolute value */
    double confusion[4];
} output_sums;

/* Adds a row with prediction p, target y, weight w and offset o. s->unit must be set. */
void sums_add_row(output_sums *s, loss_rule loss, double p, double y, double w, double o);
/* Sets s->null of target c for log links, after all rows have been added. */
void sums_find_null(const examples *e, int64_t c, loss_rule loss, output_sums *s);
/* Adds `share` times each metric that applies to the loss. */
void sums_add_metrics(const output_sums *s, loss_rule loss, double share, cusgd_metrics *m);

#endif
