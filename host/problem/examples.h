/* Going through the rows of a view, in order and one by one: what is known of single rows above the device interface is read
 * here. */
#ifndef CUSGD_HOST_PROBLEM_EXAMPLES_H
#define CUSGD_HOST_PROBLEM_EXAMPLES_H

#include "data.h"
#include "interrupt.h"

/* The rows that count: those of weight > 0. Starts as {.of = view}. It ends early where the user interrupts, which the caller
 * asks once more behind the loop. */
typedef struct counted_rows {
    const examples *of;
    int64_t next;
    int64_t row;           /* of the data, not of the view; */
    double weight, offset; /* its own, as given */
} counted_rows;

static inline int counted_next(counted_rows *r)
{
    while (r->next < r->of->n) {
        int64_t i = r->next++;
        if (interrupt_asked_at(i)) return 0;
        r->row = examples_row(r->of, i);
        r->weight = weight_at(r->of, r->row);
        r->offset = offset_at(r->of, r->row);
        if (r->weight > 0) return 1;
    }
    return 0;
}

/* The row's target, of output c. */
static inline double counted_target(const counted_rows *r, int64_t c) { return target_at(r->of, r->row, c); }

#endif
