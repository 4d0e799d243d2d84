/* Forward mode: an operation after the other, each at all lanes, in values, two tangents and the second derivative by both. */
#include "expr/variant.h"

#include "scalar/expression.h"

/* What every case below does at one lane: i. */
#define EACH_LANE for (int i = 0; i < points; i++)
#define INLINED   static inline __attribute__((always_inline)) void

static void fill(double number, int order, int points, lane_set *restrict o)
{
    EACH_LANE
    {
        o->value[i] = (real)number;
        if (order >= 1) o->one[i] = 0;
        if (order >= 2) o->two[i] = o->both[i] = 0;
    }
}

/* a + sign b */
INLINED run_sum(real sign, int order, int points, const lane_set *a, const lane_set *b, lane_set *restrict o)
{
    EACH_LANE
    {
        o->value[i] = a->value[i] + sign * b->value[i];
        if (order >= 1) o->one[i] = a->one[i] + sign * b->one[i];
        if (order >= 2) o->two[i] = a->two[i] + sign * b->two[i];
        if (order >= 2) o->both[i] = a->both[i] + sign * b->both[i];
    }
}

INLINED run_product(int order, int points, const lane_set *a, const lane_set *b, lane_set *restrict o)
{
    EACH_LANE
    {
        real x = a->value[i], y = b->value[i];
        o->value[i] = x * y;
        if (order >= 1) o->one[i] = a->one[i] * y + x * b->one[i];
        if (order >= 2) o->two[i] = a->two[i] * y + x * b->two[i];
        if (order >= 2) o->both[i] = (a->both[i] * y + x * b->both[i]) + (a->one[i] * b->two[i] + a->two[i] * b->one[i]);
    }
}

/* Of an operand by `factor`, a number: 0 x infinity is in no tangent, as that of the number is left out. */
INLINED run_multiple(int divides, int order, int points, const lane_set *a, double factor, lane_set *restrict o)
{
    real x = (real)factor;
    EACH_LANE
    {
        o->value[i] = divides ? a->value[i] / x : a->value[i] * x;
        if (order >= 1) o->one[i] = divides ? a->one[i] / x : a->one[i] * x;
        if (order >= 2) o->two[i] = divides ? a->two[i] / x : a->two[i] * x;
        if (order >= 2) o->both[i] = divides ? a->both[i] / x : a->both[i] * x;
    }
}

INLINED run_quotient(int order, int points, const lane_set *a, const lane_set *b, lane_set *restrict o)
{
    EACH_LANE
    {
        real y = b->value[i], v = a->value[i] / y, one = 0, two = 0;
        o->value[i] = v;
        if (order >= 1) o->one[i] = one = (a->one[i] - v * b->one[i]) / y;
        if (order >= 2) o->two[i] = two = (a->two[i] - v * b->two[i]) / y;
        if (order >= 2) o->both[i] = (a->both[i] - v * b->both[i] - (one * b->two[i] + two * b->one[i])) / y;
    }
}

/* One function at a time: callers make `op` a constant. */
INLINED run_function(int op, int order, int points, const lane_set *a, lane_set *restrict o)
{
    EACH_LANE
    {
        struct function_jet f = function_at(op, order, a->value[i]);
        o->value[i] = f.v;
        if (order >= 1) o->one[i] = tangent_times(f.d, a->one[i]);
        if (order >= 2) o->two[i] = tangent_times(f.d, a->two[i]);
        if (order >= 2) o->both[i] = tangent_times(f.d, a->both[i]) + tangent_times(f.dd, a->one[i] * a->two[i]);
    }
}

/* a^b; `of`: b may vary. */
INLINED run_power(int of, int order, int points, const lane_set *a, const lane_set *b, lane_set *restrict o)
{
    EACH_LANE
    {
        real x = a->value[i], y = b->value[i];
        struct power_jet p = of ? power_of_at(order, x, y) : power_at(order, x, y);
        o->value[i] = p.v;
        if (order >= 1) o->one[i] = tangent_times(p.x, a->one[i]) + tangent_times(p.y, b->one[i]);
        if (order >= 2) o->two[i] = tangent_times(p.x, a->two[i]) + tangent_times(p.y, b->two[i]);
        if (order >= 2)
            o->both[i] = tangent_times(p.x, a->both[i]) + tangent_times(p.y, b->both[i]) +
                         tangent_times(p.xx, a->one[i] * a->two[i]) + tangent_times(p.yy, b->one[i] * b->two[i]) +
                         tangent_times(p.xy, a->one[i] * b->two[i] + a->two[i] * b->one[i]);
    }
}

/* min and max: `sign` times a's lead is > 0 where a is taken. */
INLINED run_extreme(real sign, int order, int points, const lane_set *a, const lane_set *b, lane_set *restrict o)
{
    EACH_LANE
    {
        real x = a->value[i], y = b->value[i], ahead = sign * (real)((x > y) - (x < y));
        o->value[i] = sign > 0 ? larger_of(x, y) : smaller_of(x, y);
        if (order >= 1) o->one[i] = tangent_of_taken(ahead, a->one[i], b->one[i]);
        if (order >= 2) o->two[i] = tangent_of_taken(ahead, a->two[i], b->two[i]);
        if (order >= 2) o->both[i] = tangent_of_taken(ahead, a->both[i], b->both[i]);
    }
}

/* Both operands are read, so that the loop has no branch. */
#define SELECTED(member)                         \
    do {                                         \
        real x = a->member[i], y = b->member[i]; \
        o->member[i] = c->value[i] != 0 ? x : y; \
    } while (0)

INLINED run_select(int order, int points, const lane_set *c, const lane_set *a, const lane_set *b, lane_set *restrict o)
{
    EACH_LANE SELECTED(value);
    if (order >= 1) EACH_LANE SELECTED(one);
    if (order >= 2) EACH_LANE SELECTED(two);
    if (order >= 2) EACH_LANE SELECTED(both);
}
#undef SELECTED

INLINED run_comparison(int op, int order, int points, const lane_set *a, const lane_set *b, lane_set *restrict o)
{
    fill(0, order, points, o);
    EACH_LANE o->value[i] = comparison_at(op, a->value[i], b->value[i]);
}

INLINED run_negation(int order, int points, const lane_set *a, lane_set *restrict o)
{
    EACH_LANE
    {
        o->value[i] = -a->value[i];
        if (order >= 1) o->one[i] = -a->one[i];
        if (order >= 2) o->two[i] = -a->two[i];
        if (order >= 2) o->both[i] = -a->both[i];
    }
}

#define FUNCTION_CASE(OP, ...)                              \
    case EXPRESSION_##OP:                                   \
        run_function(EXPRESSION_##OP, order, points, a, o); \
        break;
#define COMPARISON_CASE(OP, ...) \
    case EXPRESSION_##OP: run_comparison(EXPRESSION_##OP, order, points, a, b, o); break;

INLINED run_multiply(const program *p, const operation *w, int order, int points, const lane_set *place, lane_set *restrict o)
{
    const operation *a = &p->at[w->a], *b = &p->at[w->b];
    if (!a->varies)
        run_multiple(0, order, points, place + w->b, a->number, o);
    else if (!b->varies)
        run_multiple(0, order, points, place + w->a, b->number, o);
    else
        run_product(order, points, place + w->a, place + w->b, o);
}

INLINED run_divide(const program *p, const operation *w, int order, int points, const lane_set *place, lane_set *restrict o)
{
    const operation *b = &p->at[w->b];
    if (!b->varies)
        run_multiple(1, order, points, place + w->a, b->number, o);
    else
        run_quotient(order, points, place + w->a, place + w->b, o);
}

INLINED run_all(const program *p, int order, int points, lane_set *place)
{
    for (int k = 0; k < p->count; k++) {
        const operation *w = &p->at[k];
        if (w->op == EXPRESSION_VARIABLE) continue;
        const lane_set *a = place + (w->a >= 0 ? w->a : 0), *b = place + (w->b >= 0 ? w->b : 0),
                       *c = place + (w->c >= 0 ? w->c : 0);
        lane_set *o = place + k;
        switch ((expression_op)w->op) {
        case EXPRESSION_NUMBER: fill(w->number, order, points, o); break;
        case EXPRESSION_VARIABLE: break;
        case EXPRESSION_ADD: run_sum(1, order, points, a, b, o); break;
        case EXPRESSION_SUBTRACT: run_sum(-1, order, points, a, b, o); break;
        case EXPRESSION_MULTIPLY: run_multiply(p, w, order, points, place, o); break;
        case EXPRESSION_DIVIDE: run_divide(p, w, order, points, place, o); break;
        case EXPRESSION_NEGATE: run_negation(order, points, a, o); break;
        case EXPRESSION_POWER: run_power(0, order, points, a, b, o); break;
        case EXPRESSION_POWER_OF: run_power(1, order, points, a, b, o); break;
        case EXPRESSION_MIN: run_extreme(-1, order, points, a, b, o); break;
        case EXPRESSION_MAX: run_extreme(1, order, points, a, b, o); break;
        case EXPRESSION_SELECT:
            run_select(order, points, a, b, c, o);
            break;
            EXPRESSION_FUNCTIONS(FUNCTION_CASE)
            EXPRESSION_COMPARISONS(COMPARISON_CASE)
        }
    }
}

static void run_values(const program *p, int points, lane_set *place) { run_all(p, 0, points, place); }
static void run_first(const program *p, int points, lane_set *place) { run_all(p, 1, points, place); }
/* Of a known number of points, what loops over them do is known too: half the time of simple operations. */
static void run_first_full(const program *p, lane_set *place) { run_all(p, 1, EXPRESSION_LANES, place); }
static void run_second(const program *p, int points, lane_set *place) { run_all(p, 2, points, place); }

void VARIANT(expression_run)(const program *p, int order, int points, lane_set *place)
{
    switch (order) {
    case 0: run_values(p, points, place); break;
    case 1:
        if (points == EXPRESSION_LANES)
            run_first_full(p, place);
        else
            run_first(p, points, place);
        break;
    default: run_second(p, points, place); break;
    }
}
