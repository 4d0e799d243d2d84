/* scalar/loss.h against tables made in 50-digit arithmetic, finite differences, and its own claims. */
#include "oracle.h"
#include "scalar.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

typedef double real;
#include "scalar/loss.h"

#define EVERYWHERE -(double)INFINITY, (double)INFINITY, NULL

/* Tables of one loss are distinguished by their number. */
static const struct {
    const char *golden, *number;
    loss_rule rule;
} losses[] = {{"squared_half", NULL, {CUSGD_LOSS_SQUARED, 0, EVERYWHERE}},
              {"squared", NULL, {CUSGD_LOSS_MSE, 0, EVERYWHERE}},
              {"logistic01", NULL, {CUSGD_LOSS_LOGISTIC, 0, EVERYWHERE}},
              {"logistic_pm1", NULL, {CUSGD_LOSS_LOGISTIC, 0, EVERYWHERE}},
              {"huber", "delta", {CUSGD_LOSS_HUBER, 1, EVERYWHERE}},
              {"huber", "delta", {CUSGD_LOSS_HUBER, 1.35, EVERYWHERE}},
              {"epsilon_insensitive", "epsilon", {CUSGD_LOSS_EPSILON_INSENSITIVE, 0, EVERYWHERE}},
              {"epsilon_insensitive", "epsilon", {CUSGD_LOSS_EPSILON_INSENSITIVE, 0.1, EVERYWHERE}},
              {"squared_epsilon_insensitive", "epsilon", {CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE, 0, EVERYWHERE}},
              {"squared_epsilon_insensitive", "epsilon", {CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE, 0.1, EVERYWHERE}},
              {"hinge", NULL, {CUSGD_LOSS_HINGE, 0, EVERYWHERE}},
              {"squared_hinge", NULL, {CUSGD_LOSS_SQUARED_HINGE, 0, EVERYWHERE}},
              {"quantile", "tau", {CUSGD_LOSS_QUANTILE, 0.1, EVERYWHERE}},
              {"quantile", "tau", {CUSGD_LOSS_QUANTILE, 0.5, EVERYWHERE}},
              {"quantile", "tau", {CUSGD_LOSS_QUANTILE, 0.9, EVERYWHERE}},
              {"poisson_log", NULL, {CUSGD_LOSS_POISSON, 0, EVERYWHERE}},
              {"gamma_log", NULL, {CUSGD_LOSS_GAMMA, 0, EVERYWHERE}},
              {"tweedie_log", "power", {CUSGD_LOSS_TWEEDIE, 1.25, EVERYWHERE}},
              {"tweedie_log", "power", {CUSGD_LOSS_TWEEDIE, 1.5, EVERYWHERE}},
              {"tweedie_log", "power", {CUSGD_LOSS_TWEEDIE, 1.875, EVERYWHERE}},
              {"log_cosh", NULL, {CUSGD_LOSS_LOG_COSH, 0, EVERYWHERE}},
              {"modified_huber", NULL, {CUSGD_LOSS_MODIFIED_HUBER, 0, EVERYWHERE}},
              {"perceptron", NULL, {CUSGD_LOSS_PERCEPTRON, 0, EVERYWHERE}},
              {"logistic01", NULL, {CUSGD_LOSS_SOFTMAX, 0, EVERYWHERE}}}; /* of two classes: test_classes.c has rows of more */
enum { TABLES = sizeof losses / sizeof *losses, LOSSES = LOSS_COUNT };

static loss_rule rule_for(int kind)
{
    for (int l = 0; l < TABLES; l++)
        if ((int)losses[l].rule.kind == kind) return losses[l].rule;
    cr_assert_fail("loss %d has no golden index", kind);
    return losses[0].rule;
}

static const cJSON *golden_loss(const cJSON *json, int index)
{
    const cJSON *loss;
    cJSON_ArrayForEach(loss, cJSON_GetObjectItem(json, "losses"))
    {
        const char *number = losses[index].number;
        if (strcmp(cJSON_GetObjectItem(loss, "loss")->valuestring, losses[index].golden) != 0) continue;
        if (!number || json_number(cJSON_GetObjectItem(loss, "params"), number) == losses[index].rule.number) return loss;
    }
    cr_assert_fail("no golden loss %s", losses[index].golden);
    return NULL;
}

/* A number, or the infinity that the file spells. */
static double golden_number(const cJSON *row, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(row, name);
    return cJSON_IsString(item) ? item->valuestring[0] == '-' ? -(double)INFINITY : (double)INFINITY : json_number(row, name);
}

/* How far the derivative moves while p does by dp: derivatives of convex functions do not fall. */
static double derivative_change(loss_rule rule, double p, double y, double dp)
{
    double at = scalar_double.loss(rule, p, y).derivative;
    return fmax(scalar_double.loss(rule, p + dp, y).derivative - at, at - scalar_double.loss(rule, p - dp, y).derivative);
}

/* The sum of the sizes of the terms whose difference the loss is, and of those of its derivative. */
static void terms_of(loss_rule rule, double p, double y, double *value, double *derivative)
{
    double q = rule.number;
    switch (rule.kind) {
    case CUSGD_LOSS_POISSON: *value = exp(p) + fabs(y * p), *derivative = exp(p) + y; return;
    case CUSGD_LOSS_GAMMA: *value = fabs(p) + y * exp(-p), *derivative = 1 + y * exp(-p); return;
    case CUSGD_LOSS_TWEEDIE:
        *value = exp((2 - q) * p) / (2 - q) + y * exp((1 - q) * p) / (q - 1);
        *derivative = (exp((2 - q) * p) + y * exp((1 - q) * p)) * (1 + fabs(p));
        *value *= 1 + fabs(p);
        return;
    default: *value = *derivative = 0;
    }
}

/* What is lost: some roundings of relative size u (2^-53 or 2^-24) of the result and of its terms; and what comes of p and y,
 * which in float are other numbers. The smallest float's spacing is for what is subnormal. */
static void check_point(const scalar_functions *f, int index, const cJSON *row)
{
    loss_rule rule = losses[index].rule;
    double y = json_number(row, "y"), p = json_number(row, "p"), u = f->unit, value_terms, derivative_terms;
    double value = golden_number(row, "value"), derivative = golden_number(row, "dldp");
    double tiny = u > 1e-10 ? 0x1p-149 : 0x1p-1074, dp = u > 1e-10 ? u * (fabs(p) + fabs(y) + rule.number) : 0;
    loss_numbers got = f->loss(rule, p, y);
    terms_of(rule, p, y, &value_terms, &derivative_terms);
    double change = derivative_change(rule, p, y, dp + u * (fabs(p) + fabs(y)));
    double value_bound = 8 * u * (fabs(value) + value_terms) + 2 * (fabs(derivative) + change) * dp + tiny;
    double derivative_bound = 8 * u * (fabs(derivative) + derivative_terms) + change + tiny;
    if (isinf(value) || fabs(value) > (u > 1e-10 ? 3.4e38 : 1.7e308)) { /* not to be held: an infinity, never NaN */
        cr_assert(isinf(got.value) && got.value > 0, "%s at y = %g, p = %g: %g", losses[index].golden, y, p, got.value);
        return;
    }
    if (!(fabs(derivative) < 1e38)) derivative_bound = (double)INFINITY;
    cr_assert_leq(fabs(got.value - value), value_bound, "%s at y = %g, p = %g: %.17g, not %.17g", losses[index].golden, y, p,
                  got.value, value);
    if (cJSON_GetObjectItem(row, "not_differentiable"))
        cr_assert(got.derivative >= json_number(row, "sub_lo") && got.derivative <= json_number(row, "sub_hi"));
    else
        cr_assert_leq(fabs(got.derivative - derivative), derivative_bound, "%s at y = %g, p = %g: derivative %.17g, not %.17g",
                      losses[index].golden, y, p, got.derivative, derivative);
}

static void check_tables(const scalar_functions *f)
{
    cJSON *json = golden_json("losses.json");
    int checked = 0;
    for (int index = 0; index < TABLES; index++) {
        const cJSON *row;
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(golden_loss(json, index), "points"))
        {
            check_point(f, index, row);
            checked++;
        }
    }
    cr_assert_geq(checked, 360);
    cJSON_Delete(json);
}

Test(loss, golden_double) { check_tables(&scalar_double); }
Test(loss, golden_float) { check_tables(&scalar_float); }

/* Central differences with h = 1e-4: truncation h^2/6 times a third derivative below its bound, rounding 1e-16 |l| / h. Away from
 * points where the loss is not differentiable. */
Test(loss, derivatives_by_differences)
{
    const double h = 1e-4;
    int judged = 0;
    for (int index = 0; index < TABLES; index++)
        for (double p = -7; p <= 7; p += 0.37)
            for (double y = 0; y <= 2; y++) {
                loss_rule rule = losses[index].rule;
                if (!loss_target_is_valid(rule.kind, y)) continue;
                loss_numbers at = scalar_double.loss(rule, p, y), up = scalar_double.loss(rule, p + h, y),
                             down = scalar_double.loss(rule, p - h, y);
                cr_assert_leq(at.curvature, loss_curvature_bound(rule));
                cr_assert_leq(fabs(at.derivative), loss_derivative_bound(rule));
                cr_assert(at.curvature >= 0 && up.derivative >= down.derivative, "%s at %g", losses[index].golden, p);
                if (fabs(up.curvature - down.curvature) > 0.5 ||
                    (loss_is_nonsmooth(rule.kind) && up.derivative != down.derivative)) {
                    if (!loss_has_log_link(rule.kind)) continue; /* l or its derivative is not differentiable in between */
                }
                double bound = 1e-9 + 1e-11 * fabs(at.value) + h * h * (fabs(at.derivative) + 2 * at.curvature + y);
                cr_assert_float_eq((up.value - down.value) / (2 * h), at.derivative, bound, "%s derivative at %g",
                                   losses[index].golden, p);
                cr_assert_float_eq((up.derivative - down.derivative) / (2 * h), at.curvature, bound, "%s curvature at %g",
                                   losses[index].golden, p);
                judged++;
            }
    cr_assert_gt(judged, 1500);
    for (int l = 0; l < LOSSES; l++) { /* the bound is reached, beyond the width at the latest */
        loss_rule rule = rule_for(l);
        double bound = loss_curvature_bound(rule);
        double maximum = fmax(scalar_double.loss(rule, 0, 0).curvature, scalar_double.loss(rule, 2, 0).curvature);
        if (rule.kind == CUSGD_LOSS_SOFTMAX)
            maximum *= 2; /* with p_1 = -p_0 the row's second derivative is twice that of p_1 - p_0 */
        if (isfinite(bound)) cr_assert_eq(maximum, bound, "loss %d", l);
    }
}

/* Beyond its range an exponential goes on along its tangent: value and derivative are continuous, and no number overflows. */
Test(loss, straight_exponentials)
{
    const int kinds[] = {CUSGD_LOSS_POISSON, CUSGD_LOSS_GAMMA, CUSGD_LOSS_TWEEDIE};
    for (int l = 0; l < 3; l++) {
        loss_rule plain = rule_for(kinds[l]), rule = plain;
        rule.minimum = -2, rule.maximum = 3;
        for (double p = -2; p <= 3; p += 0.25) {
            loss_numbers a = scalar_double.loss(plain, p, 2), b = scalar_double.loss(rule, p, 2);
            cr_assert(a.value == b.value && a.derivative == b.derivative);
        }
        for (double end = -2; end <= 3; end += 5) {
            loss_numbers in = scalar_double.loss(plain, end, 2), out = scalar_double.loss(rule, end + copysign(1e-9, end), 2);
            cr_assert_float_eq(in.value, out.value, 1e-6);
            cr_assert_float_eq(in.derivative, out.derivative, 1e-6);
        }
        for (double p = -1e30; p <= 1e30; p += 1e30) {
            loss_numbers far = scalar_float.loss(rule, p, 2);
            cr_assert(isfinite(far.value) && isfinite(far.derivative), "loss %d at %g: %g", kinds[l], p, far.value);
        }
    }
}

Test(loss, extreme_predictions)
{
    const scalar_functions *both[] = {&scalar_float, &scalar_double};
    for (int f = 0; f < 2; f++) {
        loss_rule logistic = rule_for(CUSGD_LOSS_LOGISTIC);
        for (double p = 100; p <= 1e30; p *= 10) {
            loss_numbers right = both[f]->loss(logistic, p, 1), wrong = both[f]->loss(logistic, p, 0);
            cr_assert(right.value >= 0 && right.value < 1e-43 && right.derivative <= 0 && right.derivative > -1e-43);
            cr_assert_float_eq(wrong.value / p, 1, 1e-7);
            cr_assert_eq(wrong.derivative, 1);
            cr_assert(wrong.curvature >= 0 && wrong.curvature < 1e-43);
            loss_numbers mirror = both[f]->loss(logistic, -p, 1);
            cr_assert(mirror.value == wrong.value && mirror.derivative == -wrong.derivative &&
                      mirror.curvature == wrong.curvature);
        }
        for (int l = 0; l < LOSSES; l++) { /* what is lost must show */
            cr_assert(isnan(both[f]->loss(rule_for(l), (double)NAN, 1).value), "loss %d", l);
            cr_assert(!isfinite(both[f]->loss(rule_for(l), -(double)INFINITY, 1).value), "loss %d", l);
        }
    }
}

/* The intercept-only model's mean gradient vanishes, and the inverse link brings the mean back. */
Test(loss, best_constant)
{
    const int by_mean[] = {CUSGD_LOSS_SQUARED, CUSGD_LOSS_MSE,   CUSGD_LOSS_LOGISTIC, CUSGD_LOSS_SQUARED_HINGE,
                           CUSGD_LOSS_POISSON, CUSGD_LOSS_GAMMA, CUSGD_LOSS_TWEEDIE,  CUSGD_LOSS_MODIFIED_HUBER};
    for (int l = 0; l < 8; l++)
        for (double mean = 1e-5; mean < 1; mean += 0.0137) {
            loss_rule rule = rule_for(by_mean[l]);
            double low = loss_target_is_valid(rule.kind, 0) ? 0 : mean / 2, share = (mean - low) / (1 - low);
            double p = loss_best_constant(rule.kind, mean), size = 1;
            double one = scalar_double.loss(rule, p, 1).derivative, zero = scalar_double.loss(rule, p, low).derivative;
            size = fmax(size, fmax(fabs(one), fabs(zero)));
            cr_assert_float_eq(share * one + (1 - share) * zero, 0, 4e-15 * size, "loss %d, mean %g", by_mean[l], mean);
            if (rule.kind != CUSGD_LOSS_SQUARED_HINGE && rule.kind != CUSGD_LOSS_MODIFIED_HUBER)
                cr_assert_float_eq(loss_mean_at(rule.kind, p), mean, 1e-15);
        }
    cr_assert(loss_best_constant(CUSGD_LOSS_LOGISTIC, 1) < 14 && loss_best_constant(CUSGD_LOSS_LOGISTIC, 1) > 13);
    cr_assert(loss_best_constant(CUSGD_LOSS_LOGISTIC, 0) > -14 && loss_best_constant(CUSGD_LOSS_LOGISTIC, 0) < -13);
    cr_assert(loss_best_constant(CUSGD_LOSS_HINGE, 0.6) == 1 && loss_best_constant(CUSGD_LOSS_HINGE, 0.4) == -1);
    cr_assert_eq(loss_best_constant(CUSGD_LOSS_SQUARED, -3.25), -3.25);
    cr_assert(isfinite(loss_best_constant(CUSGD_LOSS_POISSON, 0)));
}

/* No prediction scores less than the floor, and one reaches it. */
Test(loss, floor)
{
    for (int l = 0; l < LOSSES; l++)
        for (double y = 0; y <= 4; y += 0.5) {
            loss_rule rule = rule_for(l);
            double minimum = (double)INFINITY;
            if (!loss_target_is_valid(rule.kind, y)) continue;
            for (double p = -40; p <= 40; p += 1.0 / 256) minimum = fmin(minimum, scalar_double.loss(rule, p, y).value);
            cr_assert_geq(minimum, loss_lower_bound(rule, y) - 1e-12, "loss %d at y = %g", l, y);
            cr_assert_leq(minimum, loss_lower_bound(rule, y) + 1e-4, "loss %d at y = %g", l, y);
        }
}

Test(loss, facts)
{
    for (int l = 0; l < LOSSES; l++) {
        cusgd_loss loss = (cusgd_loss)l;
        int classes = loss == CUSGD_LOSS_LOGISTIC || loss == CUSGD_LOSS_HINGE || loss == CUSGD_LOSS_SQUARED_HINGE ||
                      loss == CUSGD_LOSS_MODIFIED_HUBER || loss == CUSGD_LOSS_PERCEPTRON || loss == CUSGD_LOSS_SOFTMAX;
        int log_link = loss == CUSGD_LOSS_POISSON || loss == CUSGD_LOSS_GAMMA || loss == CUSGD_LOSS_TWEEDIE;
        cr_assert_eq(loss_is_of_classes(loss), classes);
        cr_assert_eq(loss_has_log_link(loss), log_link);
        cr_assert_eq(loss_is_shift_invariant(loss), !classes && !log_link);
        cr_assert_eq(loss_is_quadratic(loss), loss == CUSGD_LOSS_SQUARED || loss == CUSGD_LOSS_MSE);
        cr_assert(loss_target_is_valid(loss, 1));
        cr_assert_eq(loss_target_is_valid(loss, 0), loss != CUSGD_LOSS_GAMMA);
        cr_assert_eq(loss_target_is_valid(loss, -1), !log_link);
        cr_assert_eq(loss_target_is_valid(loss, 0.5), !classes);
        cr_assert_eq(loss_target_is_valid(loss, -0.5), !classes && !log_link);
        double p = 1.75, y = 1,
               value = scalar_double.loss(rule_for(l), p, y).value; /* reported: the squared error, or the loss */
        cr_assert_eq(loss_reported(loss, value), loss == CUSGD_LOSS_SQUARED ? (p - y) * (p - y) : value);
        loss_numbers shifted = scalar_double.loss(rule_for(l), p - 3, y - 3), plain = scalar_double.loss(rule_for(l), p, y);
        if (loss_is_shift_invariant(loss)) cr_assert(shifted.value == plain.value && shifted.derivative == plain.derivative);
        if (classes) { /* -1 is 0 */
            loss_numbers minus = scalar_double.loss(rule_for(l), p, -1), zero = scalar_double.loss(rule_for(l), p, 0);
            cr_assert(minus.value == zero.value && minus.derivative == zero.derivative);
        }
    }
}
