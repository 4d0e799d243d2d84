/* The table of a slice of steps by which lazy updates (lazy.h) make up for missed ones. */
#ifndef CUSGD_SCALAR_CATCH_UP_H
#define CUSGD_SCALAR_CATCH_UP_H

#include "rounding.h"
#include "schedule.h"

#include <stdint.h>

/* What has happened in a slice until a step, for columns that a lazy update has not touched since another one: products and
 * sums over the steps from the slice's start. */
typedef struct catch_up {
    double shrink, threshold; /* prod (1 - rate l2); sum rate l1 / shrink */
    double rate;              /* sum of rates */
    double keep;              /* prod (1 - weight of the iterate in the average) since its last zero */
    int64_t fresh;            /* the step behind that zero */
    double steps;             /* of the run, as ftrl counts them */
} catch_up;

#ifndef __cplusplus
/* Makes the table of a slice of `count` steps, count + 1 entries. single: the device works in float. Returns 0 where a step
 * shrinks theta to nothing or beyond, which no product can undo. */
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
        if (!(next.keep > 1e-200)) { /* the average is this iterate, or nothing is left of the ones before */
            next.keep = 1;
            next.fresh = i + 1;
        }
        since[i + 1] = next;
    }
    return 1;
}
#endif

#endif
