/* Reverse mode, and the value of an operation. */
#include "expr/expression.h"

#include <string.h>

typedef double real;

#include "scalar/expression.h"

/* Uses one lane of a program with three operands and the operation. */
double expression_fold(int op, double a, double b, double c)
{
    operation at[4] = {{.op = EXPRESSION_NUMBER, .a = -1, .b = -1, .c = -1, .number = a},
                       {.op = EXPRESSION_NUMBER, .a = -1, .b = -1, .c = -1, .number = b},
                       {.op = EXPRESSION_NUMBER, .a = -1, .b = -1, .c = -1, .number = c},
                       {.op = op, .a = 0, .b = 1, .c = 2}};
    program p = {.at = at, .count = 4};
    lanes place[4];
    expression_run(&p, 0, 1, place);
    return place[3].value[0];
}

/* The contributions of an operation with value v at x and y and adjoint t to the adjoints of its operands. */
typedef struct shares {
    double a, b;
} shares;

static shares extreme_shares(double ahead, double t)
{
    return (shares){tangent_of_taken(ahead, t, 0), tangent_of_taken(ahead, 0, t)};
}

static shares shares_of(int op, double x, double y, double v, double t)
{
    struct power_jet p;
    switch (op) {
    case EXPRESSION_ADD: return (shares){t, t};
    case EXPRESSION_SUBTRACT: return (shares){t, -t};
    case EXPRESSION_MULTIPLY:
    case EXPRESSION_SCALE: return (shares){t * y, t * x};
    case EXPRESSION_DIVIDE:
    case EXPRESSION_SHARE: return (shares){t / y, -t * v / y};
    case EXPRESSION_NEGATE: return (shares){-t, 0};
    case EXPRESSION_POWER: p = power_at(1, x, y); return (shares){tangent_times(p.x, t), 0};
    case EXPRESSION_POWER_OF: p = power_of_at(1, x, y); return (shares){tangent_times(p.x, t), tangent_times(p.y, t)};
    case EXPRESSION_MIN: return extreme_shares((double)((x < y) - (x > y)), t);
    case EXPRESSION_MAX: return extreme_shares((double)((x > y) - (x < y)), t);
    default: return (shares){tangent_times(function_at(op, 1, x).d, t), 0};
    }
}

void expression_reverse(const program *p, int result, const lanes *place, int lane, double *adjoint)
{
    int last = p->result[result];
    for (int k = 0; k < p->count; k++) adjoint[k] = k == last;
    for (int k = last; k >= 0; k--) {
        const operation *w = &p->at[k];
        double t = adjoint[k];
        if (t == 0 || !w->varies || w->op == EXPRESSION_VARIABLE || operation_is_comparison(w->op)) continue;
        if (w->op == EXPRESSION_SELECT) {
            adjoint[place[w->a].value[lane] != 0 ? w->b : w->c] += t;
            continue;
        }
        int b = w->b >= 0 ? w->b : w->a;
        shares s = shares_of(w->op, place[w->a].value[lane], place[b].value[lane], place[k].value[lane], t);
        if (p->at[w->a].varies) adjoint[w->a] += s.a;
        if (w->b >= 0 && p->at[w->b].varies) adjoint[w->b] += s.b;
    }
}
