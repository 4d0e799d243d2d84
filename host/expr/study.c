/* Determines which derivatives a loss has, independently of the data, from its values between some predictions for some
 * targets. */
#include "expr/formula.h"

typedef double real;

#include "ascending.h"
#include "expr/loss.h"
#include "failure.h"

#include "scalar/expression_op.h"

#include <math.h>
#include <stdlib.h>

/* The loss, or one of its derivatives. */
typedef enum side { VALUE, DERIVATIVE, CURVATURE } side;

static double at(const loss_formula *f, side which, double p, double y)
{
    double all[3];
    loss_formula_rows_double_baseline(f, 1, &p, &y, &all[VALUE], &all[DERIVATIVE], &all[CURVATURE]);
    return all[which];
}

/* Returns whether there is a jump between two predictions, by bisecting into the half with the larger difference down to adjacent
 * numbers. A pole is not a jump, because its value is not finite. *place: the prediction of the jump. */
static int jumps(const loss_formula *f, side which, double y, double low, double high, double *place)
{
    const double small = 1e-7;
    double left = at(f, which, low, y), right = at(f, which, high, y);
    while (isfinite(left) && isfinite(right) && fabs(right - left) > small * (1 + fabs(left) + fabs(right))) {
        double middle = low + (high - low) / 2, between = at(f, which, middle, y);
        *place = middle;
        if (!(middle > low && middle < high)) return 1;
        if (fabs(between - left) > fabs(right - between)) {
            high = middle;
            right = between;
        } else {
            low = middle;
            left = between;
        }
    }
    return 0;
}

/* The predictions to examine: near and far from 0 and y, in ascending order. */
enum { DECADES = 5, PROBES = 2 * (2 * 3 * DECADES + 1) };
static void fill_probes(double y, double *p)
{
    static const double steps[] = {1, 2.2, 4.7};
    int count = 0;
    for (int center = 0; center < 2; center++) {
        double about = center ? y : 0, unit = 0.01;
        p[count++] = about;
        for (int k = 0; k < DECADES; k++) {
            for (int s = 0; s < 3; s++) {
                p[count++] = about - steps[s] * unit;
                p[count++] = about + steps[s] * unit;
            }
            unit *= 10;
        }
    }
    qsort(p, PROBES, sizeof *p, ascending);
}

/* Returns whether the loss or a derivative jumps for one of some targets. *p, *y: the place of the jump. */
static int has_jump(const loss_formula *f, side which, double *p, double *y)
{
    static const double targets[] = {0, 1, -1, 0.4, 7, -60};
    double probe[PROBES];
    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
        *y = targets[t];
        fill_probes(*y, probe);
        for (int i = 0; i + 1 < PROBES; i++)
            if (probe[i] < probe[i + 1] && jumps(f, which, *y, probe[i], probe[i + 1], p)) return 1;
    }
    return 0;
}

/* Returns whether the loss has the same value at all examined predictions, for each of some targets; these are near and far,
 * because a loss may be 0 between. A loss that is NaN or overflows somewhere is not constant. */
static int is_constant(const loss_formula *f)
{
    enum { TIMES_TEN = 60 };
    static const double targets[] = {1, -1, 0, 7};
    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
        double y = targets[t], here = at(f, VALUE, y, y), far = 1e-30;
        for (int k = 0; k < TIMES_TEN; k++) {
            for (int sign = -1; sign <= 1; sign += 2)
                if (at(f, VALUE, sign * far, y) != here || at(f, DERIVATIVE, sign * far, y) != 0) return 0;
            far *= 10;
        }
    }
    return 1;
}

/* Returns whether no operation jumps or has a derivative that jumps. */
static int is_smooth(const formula_code *code)
{
    for (int i = 0; i < code->count; i++) {
        switch ((expression_op)code->step[i].op) {
        case EXPRESSION_ADD:
        case EXPRESSION_SUBTRACT:
        case EXPRESSION_MULTIPLY:
        case EXPRESSION_SCALE:
        case EXPRESSION_NEGATE:
        case EXPRESSION_EXP:
        case EXPRESSION_EXPM1:
        case EXPRESSION_SIN:
        case EXPRESSION_COS:
        case EXPRESSION_TANH:
        case EXPRESSION_SINH:
        case EXPRESSION_COSH:
        case EXPRESSION_ATAN:
        case EXPRESSION_ERF:
        case EXPRESSION_SIGMOID:
        case EXPRESSION_SOFTPLUS:
        case EXPRESSION_LOGCOSH: break;
        default: return 0;
        }
    }
    return 1;
}

/* Returns whether p and y only occur in p - y or y - p. */
static int is_of_difference(const formula_code *code)
{
    for (int i = 0; i < code->count; i++) {
        const formula_step *s = &code->step[i];
        int operands[] = {s->a, s->b, s->c}, count = formula_operands(s->op);
        int difference = s->op == EXPRESSION_SUBTRACT &&
                         ((s->a == OPERAND_P && s->b == OPERAND_Y) || (s->a == OPERAND_Y && s->b == OPERAND_P));
        for (int k = 0; k < count && !difference; k++)
            if (operands[k] == OPERAND_P || operands[k] == OPERAND_Y) return 0;
    }
    return code->result != OPERAND_P;
}

cusgd_status loss_formula_study(loss_formula *f)
{
    int shift = is_of_difference(&f->loss), smooth = is_smooth(&f->loss);
    double p = 0, y = 0;
    if (is_constant(f))
        return fail_option("loss-expr",
                           "--loss-expr has the same value at every prediction p: nothing would be learned; give a loss that "
                           "depends on p");
    if (!smooth && has_jump(f, VALUE, &p, &y))
        return fail_option("loss-expr",
                           "--loss-expr jumps, for the target %g at the prediction %g: its derivative would not lead there; give "
                           "a continuous loss",
                           y, p);
    f->kind = shift ? CUSGD_LOSS_EXPRESSION_SHIFT : CUSGD_LOSS_EXPRESSION;
    if (!smooth && has_jump(f, DERIVATIVE, &p, &y))
        f->kind = shift ? CUSGD_LOSS_EXPRESSION_SHIFT_NOT : CUSGD_LOSS_EXPRESSION_NOT;
    else if (!smooth && has_jump(f, CURVATURE, &p, &y))
        f->kind = shift ? CUSGD_LOSS_EXPRESSION_SHIFT_ONCE : CUSGD_LOSS_EXPRESSION_ONCE;
    return CUSGD_OK;
}
