/* A loss in rows: forward mode with p as the only direction, and as both where the second derivative is asked for. */
#include "expr/variant.h"

#include "expr/formula.h"

#include "expr/loss.h"

#include <string.h>

static void fill(real number, int count, real *to)
{
    for (int i = 0; i < count; i++) to[i] = number;
}

/* The tangents of a variable, which are the same in all rows: `one` of p, 0 of y. */
static void set_tangents(int order, int count, real tangent, lane_set *place)
{
    if (order >= 1) fill(tangent, count, place->one);
    if (order >= 2) fill(tangent, count, place->two);
    if (order >= 2) fill(0, count, place->both);
}

void VARIANT(loss_formula_rows)(const loss_formula *f, int count, const real *p, const real *y, real *value, real *derivative,
                                real *curvature)
{
    lane_set place[LOSS_OPERATIONS];
    const lane_set *result = place + f->loss.result[0];
    int order = curvature ? 2 : derivative ? 1 : 0, most = count < EXPRESSION_LANES ? count : EXPRESSION_LANES;
    set_tangents(order, most, 1, place + f->p);
    if (f->y >= 0) set_tangents(order, most, 0, place + f->y);
    for (int first = 0; first < count; first += EXPRESSION_LANES) {
        int some = count - first < EXPRESSION_LANES ? count - first : EXPRESSION_LANES;
        size_t bytes = sizeof(real) * (size_t)some;
        memcpy(place[f->p].value, p + first, bytes);
        if (f->y >= 0) memcpy(place[f->y].value, y + first, bytes);
        VARIANT(expression_run)(&f->loss, order, some, place);
        memcpy(value + first, result->value, bytes);
        if (order >= 1) memcpy(derivative + first, result->one, bytes);
        if (order >= 2) memcpy(curvature + first, result->both, bytes);
    }
}
