/* The table of a slice of steps from which lazy updates (lazy.h) compute missed updates. */
#ifndef CUSGD_SCALAR_CATCH_UP_H
#define CUSGD_SCALAR_CATCH_UP_H

#include "rounding.h"
#include "schedule.h"

#include <stdint.h>

/* Products and sums over the steps from the start of a slice up to a step, from which the missed updates of a column between two
 * steps follow. */
typedef struct catch_up {
    double shrink, threshold; /* prod (1 - rate l2); sum rate l1 / shrink */
    double rate;              /* sum of rates */
    double keep;              /* prod (1 - weight of the iterate in the average) since its last zero */
    int64_t fresh;            /* the step after that zero */
    double steps;             /* number of steps of the run, for ftrl */
} catch_up;

#ifndef __cplusplus
/* Computes the table of a slice of `count` steps, count + 1 entries. single: the device computes in float. Returns 0 if a step
 * shrinks theta by a factor <= 0, which a quotient of products cannot express. */
static inline int catch_up_fill(int optimizer, double l1, double l2, int single, const step_numbers *numbers, int64_t count,
                                catch_up *since)
{
    double threshold = rounded_for(single, l1), decay = rounded_for(single, l2);
    since[0] = (catch_up){1, 0, 0, 1, 0, rounded_for(single, numbers->correction1) - 1};
    for (int64_t i = 0; i < count; i++) {
        double rate = rounded_for(single, numbers[i].rate);
        catch_up next = since[i];
        next.steps = rounded_for(single, numbers[i].correction1);
        next.shrink *= 1 - rate * decay;
        next.rate += rate;
        if (optimizer == CUSGD_OPTIMIZER_SGD && !(next.shrink > 1e-200)) return 0;
        next.threshold += rate * threshold / next.shrink;
        next.keep *= 1 - numbers[i].average;
        if (!(next.keep > 1e-200)) { /* the average is this iterate, up to underflow */
            next.keep = 1;
            next.fresh = i + 1;
        }
        since[i + 1] = next;
    }
    return 1;
}
#endif

#endif
