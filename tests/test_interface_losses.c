/* The device interface's losses and derivatives: each device has the bits of include/scalar/loss.h as it is compiled for the CPU.
 * A row of zeros has its intercept for a prediction, so that its gradient is dl/dp, with no other rounding. See interface.h. */
#include "interface.h"
#include "scalar.h"

#include <criterion/criterion.h>
#include <math.h>

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

static void check_row(const backend *b, const scalar_functions *f, loss_rule rule, int i)
{
    float x = 0, y = (float)target(rule.kind, i);
    double theta[2] = {1, prediction(i)}, value, gradient[2];
    examples source = {.n = 1, .d = 1, .k = 1, .x = {&x, CUSGD_TYPE_FLOAT32, 1, 1}, .y = {&y, CUSGD_TYPE_FLOAT32, 1, 1}};
    dataset *at;
    interface_ok(b->ops->bind(b->self, &source, &(transform){.weight_mean = 1}, &at), "bind");
    interface_ok(b->ops->objective(b->self, at, rule, theta, &value, gradient), "objective");
    b->ops->unbind(b->self, at);
    loss_numbers expected = f->loss(rule, theta[1], (double)y);
    cr_expect(value == expected.value && gradient[1] == expected.derivative,
              "loss %d at p = %.9g, y = %.9g: %.17g and derivative %.17g, not %.17g and %.17g", (int)rule.kind, theta[1],
              (double)y, value, gradient[1], expected.value, expected.derivative);
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
