/* Forward mode of a program: runs one operation after another, each in all lanes. */
#include "expr/expression.h"

typedef double real;

#include "scalar/expression.h"

/* Runs one operation in each lane; callers pass constants for `op` and `order`. All operands are read, so that the loop has no
 * branch. */
static inline __attribute__((always_inline)) void run(int op, int order, int points, const lanes *a, const lanes *b,
                                                      const lanes *c, lanes *restrict o)
{
    for (int i = 0; i < points; i++) {
        struct hyper_dual x = {a->value[i], a->one[i], a->two[i], a->both[i]},
                          y = {b->value[i], b->one[i], b->two[i], b->both[i]},
                          z = {c->value[i], c->one[i], c->two[i], c->both[i]};
        struct hyper_dual r = operation_at(op, order, x, y, z);
        o->value[i] = r.value;
        if (order >= 1) o->one[i] = r.one;
        if (order >= 2) o->two[i] = r.two;
        if (order >= 2) o->both[i] = r.both;
    }
}

static void fill(double number, int points, lanes *o)
{
    for (int i = 0; i < points; i++) {
        o->value[i] = number;
        o->one[i] = o->two[i] = o->both[i] = 0;
    }
}

#define RUN_CASE(OP, ...) \
    case EXPRESSION_##OP: run(EXPRESSION_##OP, order, points, a, b, c, o); break;

static inline __attribute__((always_inline)) void run_all(const program *p, int order, int points, lanes *place)
{
    for (int k = 0; k < p->count; k++) {
        const operation *w = &p->at[k];
        if (w->op == EXPRESSION_VARIABLE) continue;
        const lanes *a = place + (w->a >= 0 ? w->a : 0), *b = place + (w->b >= 0 ? w->b : 0), *c = place + (w->c >= 0 ? w->c : 0);
        lanes *o = place + k;
        switch ((expression_op)w->op) {
        case EXPRESSION_VARIABLE: break;
        case EXPRESSION_NUMBER:
            fill(w->number, points, o);
            break;
            EXPRESSION_ARITHMETIC(RUN_CASE)
            EXPRESSION_COMPARISONS(RUN_CASE)
        }
    }
}
#undef RUN_CASE

void expression_run(const program *p, int order, int points, lanes *place)
{
    switch (order) {
    case 0: run_all(p, 0, points, place); break;
    case 1: run_all(p, 1, points, place); break;
    default: run_all(p, 2, points, place); break;
    }
}
