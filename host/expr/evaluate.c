/* Forward mode: an operation after the other, each at all lanes, in values, two tangents and the second derivative by both. */
#include "expr/expression.h"

typedef double real;

#include "scalar/expression.h"

/* What every case below does at one lane: i. */
#define EACH_LANE for (int i = 0; i < points; i++)
#define INLINED   static inline __attribute__((always_inline)) void

static void fill(double number, int order, int points, lanes *o)
{
    EACH_LANE
    {
        o->value[i] = (real)number;
        if (order >= 1) o->one[i] = 0;
        if (order >= 2) o->two[i] = o->both[i] = 0;
    }
}

/* a + sign b */
INLINED run_sum(real sign, int order, int points, const lanes *a, const lanes *b, lanes *o)
{
    EACH_LANE
    {
        o->value[i] = a->value[i] + sign * b->value[i];
        if (order >= 1) o->one[i] = a->one[i] + sign * b->one[i];
        if (order >= 2) o->two[i] = a->two[i] + sign * b->two[i];
        if (order >= 2) o->both[i] = a->both[i] + sign * b->both[i];
    }
}

INLINED run_product(int order, int points, const lanes *a, const lanes *b, lanes *o)
{
    EACH_LANE
    {
        real x = a->value[i], y = b->value[i];
        o->value[i] = x * y;
        if (order >= 1) o->one[i] = tangent_times(y, a->one[i]) + tangent_times(x, b->one[i]);
        if (order >= 2) o->two[i] = tangent_times(y, a->two[i]) + tangent_times(x, b->two[i]);
        if (order >= 2)
            o->both[i] = (tangent_times(y, a->both[i]) + tangent_times(x, b->both[i])) +
                         (tangent_product(a->one[i], b->two[i]) + tangent_product(a->two[i], b->one[i]));
    }
}

INLINED run_quotient(int order, int points, const lanes *a, const lanes *b, lanes *o)
{
    EACH_LANE
    {
        real y = b->value[i], v = a->value[i] / y, one = 0, two = 0;
        o->value[i] = v;
        if (order >= 1) o->one[i] = one = tangent_over(a->one[i] - tangent_times(v, b->one[i]), y);
        if (order >= 2) o->two[i] = two = tangent_over(a->two[i] - tangent_times(v, b->two[i]), y);
        if (order >= 2)
            o->both[i] = tangent_over(a->both[i] - tangent_times(v, b->both[i]) -
                                          (tangent_product(one, b->two[i]) + tangent_product(two, b->one[i])),
                                      y);
    }
}

/* One function at a time: callers make `op` a constant. */
INLINED run_function(int op, int order, int points, const lanes *a, lanes *o)
{
    EACH_LANE
    {
        struct function_jet f = function_at(op, order, a->value[i]);
        o->value[i] = f.v;
        if (order >= 1) o->one[i] = tangent_times(f.d, a->one[i]);
        if (order >= 2) o->two[i] = tangent_times(f.d, a->two[i]);
        if (order >= 2) o->both[i] = tangent_times(f.d, a->both[i]) + tangent_times(f.dd, tangent_product(a->one[i], a->two[i]));
    }
}

/* a^b; `of`: b may vary. */
INLINED run_power(int of, int order, int points, const lanes *a, const lanes *b, lanes *o)
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
                         tangent_times(p.xx, tangent_product(a->one[i], a->two[i])) +
                         tangent_times(p.yy, tangent_product(b->one[i], b->two[i])) +
                         tangent_times(p.xy, tangent_product(a->one[i], b->two[i]) + tangent_product(a->two[i], b->one[i]));
    }
}

/* min and max: `sign` times a's lead is > 0 where a is taken. */
INLINED run_extreme(real sign, int order, int points, const lanes *a, const lanes *b, lanes *o)
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

INLINED run_select(int order, int points, const lanes *c, const lanes *a, const lanes *b, lanes *o)
{
    EACH_LANE
    {
        int first = c->value[i] != 0;
        o->value[i] = first ? a->value[i] : b->value[i];
        if (order >= 1) o->one[i] = first ? a->one[i] : b->one[i];
        if (order >= 2) o->two[i] = first ? a->two[i] : b->two[i];
        if (order >= 2) o->both[i] = first ? a->both[i] : b->both[i];
    }
}

INLINED run_comparison(int op, int order, int points, const lanes *a, const lanes *b, lanes *o)
{
    fill(0, order, points, o);
    EACH_LANE o->value[i] = comparison_at(op, a->value[i], b->value[i]);
}

INLINED run_negation(int order, int points, const lanes *a, lanes *o)
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

INLINED run_all(const program *p, int order, int points, lanes *place)
{
    for (int k = 0; k < p->count; k++) {
        const operation *w = &p->at[k];
        if (w->op == EXPRESSION_VARIABLE) continue;
        const lanes *a = place + (w->a >= 0 ? w->a : 0), *b = place + (w->b >= 0 ? w->b : 0), *c = place + (w->c >= 0 ? w->c : 0);
        lanes *o = place + k;
        switch ((expression_op)w->op) {
        case EXPRESSION_NUMBER: fill(w->number, order, points, o); break;
        case EXPRESSION_VARIABLE: break;
        case EXPRESSION_ADD: run_sum(1, order, points, a, b, o); break;
        case EXPRESSION_SUBTRACT: run_sum(-1, order, points, a, b, o); break;
        case EXPRESSION_MULTIPLY: run_product(order, points, a, b, o); break;
        case EXPRESSION_DIVIDE: run_quotient(order, points, a, b, o); break;
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

static void run_values(const program *p, int points, lanes *place) { run_all(p, 0, points, place); }
static void run_first(const program *p, int points, lanes *place) { run_all(p, 1, points, place); }
static void run_second(const program *p, int points, lanes *place) { run_all(p, 2, points, place); }

void expression_run(const program *p, int order, int points, lanes *place)
{
    switch (order) {
    case 0: run_values(p, points, place); break;
    case 1: run_first(p, points, place); break;
    default: run_second(p, points, place); break;
    }
}
