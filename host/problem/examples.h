/* Iteration over the rows of a view in order. Code above the device interface that needs single rows uses it. */
#ifndef CUSGD_HOST_PROBLEM_EXAMPLES_H
#define CUSGD_HOST_PROBLEM_EXAMPLES_H

#include "data.h"
#include "interrupt.h"

/* An iterator over the rows with weight > 0, to be initialized as {.of = view}. It ends early after an interruption, for which
 * the caller must check again after the loop. */
typedef struct counted_rows {
    const examples *of;
    int64_t next;
    int64_t row;           /* number of the row in the data, not in the view */
    double weight, offset; /* of the row, not transformed */
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

/* Returns the target of output c of the row. */
static inline double counted_target(const counted_rows *r, int64_t c) { return target_at(r->of, r->row, c); }

#endif
