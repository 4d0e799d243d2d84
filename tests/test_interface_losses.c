/* The device interface's losses and derivatives: each device has the bits of include/scalar/loss.h as it is compiled for the CPU.
 * A row of zeros has its intercept for a prediction, so that its gradient is dl/dp, with no other rounding. See interface.h. */
#include "interface.h"
#include "losses_as_formulas.h"
#include "scalar.h"

#include "expr/formula.h"

#include "scalar/expression_op.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 60 };

/* Of both signs, from far to close, exact in float; and those at which formulas change. */
static double prediction(int i)
{
    static const double chosen[] = {0, 1, -1, 1.5, -2, 90, -110, 0x1p-30, 20.5, -37};
    double size = ldexp(1 + (double)(i * 37 % 64) / 64, i % 12 - 6);
    return i < (int)(sizeof chosen / sizeof chosen[0]) ? chosen[i] : i % 2 ? size : -size;
}

static double target(cusgd_loss loss, int i)
{
    if (loss_is_of_classes(loss)) return i % 3 == 0;
    return loss_target_is_valid(loss, -1) ? prediction(i * 7 % ROWS) : 0.25 + i % 5;
}

static int same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void check_row(const backend *b, const scalar_functions *f, loss_rule rule, int i)
{
    float x = 0, y = (float)target(rule.kind, i);
    double theta[2] = {1, prediction(i)}, value, gradient[2];
    examples source = {.n = 1, .d = 1, .k = 1, .x = {&x, CUSGD_TYPE_FLOAT32, 1, 1}, .y = {&y, CUSGD_TYPE_FLOAT32, 1, 1}};
    dataset *at;
    interface_ok(b->ops->bind(b->self, &source, &(transform){.weight_mean = 1}, &at), "bind");
    interface_ok(b->ops->objective(b->self, at, rule, theta, &value, gradient), "objective");
    loss_numbers expected = f->loss(rule, theta[1], (double)y);
    cr_expect(same(value, expected.value) && same(gradient[1], expected.derivative),
              "loss %d at p = %.9g, y = %.9g: %.17g and derivative %.17g, not %.17g and %.17g", (int)rule.kind, theta[1],
              (double)y, value, gradient[1], expected.value, expected.derivative);
    if (rule.formula) {
        double hessian[4];
        interface_ok(b->ops->hessian(b->self, at, rule, theta, hessian), "hessian");
        cr_expect(same(hessian[3], expected.curvature), "second derivative at p = %.9g, y = %.9g: %.17g, not %.17g", theta[1],
                  (double)y, hessian[3], expected.curvature);
    }
    b->ops->unbind(b->self, at);
}

Test(interface_losses, equal_those_of_the_formulas_to_the_bit)
{
    const scalar_functions *precisions[] = {&scalar_float, &scalar_double};
    interface_session s;
    interface_session_open(&s);
    for (int precision = 0; precision < 2; precision++)
        for (int kind = 0; kind < INTERFACE_LOSSES; kind++)
            for (int i = 0; i < ROWS; i++) check_row(&s.of[precision], precisions[precision], interface_loss(kind), i);
    interface_session_close(&s);
}

/* ---- Formulas ---- */

static loss_formula formula_of(const char *text)
{
    char variable[2][EXPRESSION_NAME] = {"p", "y"};
    formula_names names = {.variable = variable, .variables = 2};
    loss_formula f = {.kind = CUSGD_LOSS_EXPRESSION};
    program read;
    interface_ok(program_open(&read), "program");
    interface_ok(expression_parse(text, &names, &read), text);
    formula_encode(&read, &f.loss);
    program_free(&read);
    return f;
}

static void check_formula(interface_session *s, const char *text, int rows)
{
    const scalar_functions *precisions[] = {&scalar_float, &scalar_double};
    loss_formula f = formula_of(text);
    loss_rule rule = {.kind = f.kind, .formula = &f};
    cr_assert_leq(f.loss.places, LOSS_PLACES, "%s", text);
    for (int precision = 0; precision < 2; precision++)
        for (int i = 0; i < rows; i++) check_row(&s->of[precision], precisions[precision], rule, i);
}

/* Each operation, with operands that depend on p and that do not, and as many results at a time as a kernel keeps. */
Test(interface_losses, formulas_equal_the_scalar_ones_to_the_bit)
{
    enum { SOME = 14, NESTED = LOSS_PLACES };
    static const char *const functions[] = {
#define FUNCTION(OP, NAME, ...) NAME "(p/8) - p*" NAME "(y) + " NAME "(y - p)",
        EXPRESSION_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    static const char *const operations[] = {"p^y + abs(p)^-1.5 + 2^p + y^3*p",
                                             "min(p, y) + max(p*p, y) - min(2, p)",
                                             "(p - 1)/(y*p + 3) + p/3 + 3/p + p/y",
                                             "p < y ? p*p : 3*y",
                                             "y > 0 ? -p : (p - y)^4",
                                             "p <= 1 ? p : 2*p - 1",
                                             "p >= 1 ? p != y : (p == y) + p",
                                             "p",
                                             "y*p - 7"};
    char nested[40 * NESTED] = "p";
    interface_session s;
    interface_session_open(&s);
    for (int i = NESTED - 1; i > 0; i--) {
        char inside[sizeof nested];
        memcpy(inside, nested, sizeof nested);
        snprintf(nested, sizeof nested, "(p - %d)*(%.*s)", i, 36 * NESTED, inside);
    }
    for (int i = 0; i < FORMULAS; i++) check_formula(&s, losses_as_formulas[i].text, ROWS);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) check_formula(&s, functions[i], SOME);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) check_formula(&s, operations[i], ROWS);
    check_formula(&s, nested, SOME);
    cr_assert_eq(formula_of(nested).loss.places, NESTED - 1);
    interface_session_close(&s);
}
