/* The measures of one output, of sums over rows. */
#ifndef CUSGD_HOST_TRAINER_SUMS_H
#define CUSGD_HOST_TRAINER_SUMS_H

#include "cusgd_train.h"
#include "problem/examples.h"
#include "scalar/loss_rule.h"

/* Weighted sums of one output. Targets' mean and squares are updated row by row (West 1979). */
typedef struct output_sums {
    double weight, loss, lower_bound, square, absolute, right, mean, variation;
    double unit; /* of square, absolute, mean and variation: a power of two near the targets' size if that is unusual; else 1 */
    double above, below;                    /* loss_given_offset() */
    double null;                            /* log links: the intercept-only model's loss */
    double error, error_variation, largest; /* of r: mean, sum of squares about it, the largest */
    double confusion[4];
} output_sums;

/* Adds a row of prediction p, target y, weight w and offset o; unit is set. */
void sums_add_row(output_sums *s, loss_rule loss, double p, double y, double w, double o);
/* Sets null of target c, whose rows have all been added; of log links. */
void sums_find_null(const examples *e, int64_t c, loss_rule loss, output_sums *s);
/* Adds `share` times each measure that the loss has. */
void sums_add_metrics(const output_sums *s, loss_rule loss, double share, cusgd_metrics *m);

#endif
