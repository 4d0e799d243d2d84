/* scalar/loss.h against tables made in 50-digit arithmetic, finite differences, and its own claims. */
#include "oracle.h"
#include "scalar.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

typedef double real;
#include "scalar/loss.h"

static const struct {
    const char *golden;
    cusgd_loss loss;
} losses[] = {{"squared_half", CUSGD_LOSS_SQUARED}, {"squared", CUSGD_LOSS_MSE}, {"logistic01", CUSGD_LOSS_LOGISTIC}};
enum { LOSSES = sizeof losses / sizeof *losses };

static const cJSON *golden_loss(const cJSON *json, const char *name)
{
    const cJSON *loss;
    cJSON_ArrayForEach(
        loss, cJSON_GetObjectItem(json, "losses")) if (!strcmp(cJSON_GetObjectItem(loss, "loss")->valuestring, name)) return loss;
    cr_assert_fail("no golden loss %s", name);
    return NULL;
}

/* A few roundings of relative size u (2^-53 or 2^-24), and the smallest float's spacing, to which what is subnormal is rounded.
 * Squared losses in float round y and p first: the derivative then changes by u (|p| + |y|) per unit of slope 1 or 2. */
static void check_near(const scalar_functions *f, double got, double expected, double inherited, const char *what, double y,
                       double p)
{
    double tiny = f->unit > 1e-10 ? 0x1p-149 : 0x1p-1074;
    double bound = 5 * f->unit * fabs(expected) + inherited + tiny;
    cr_assert_leq(fabs(got - expected), bound, "%s at y = %g, p = %g: %.17g, not %.17g", what, y, p, got, expected);
}

static void check_table(const scalar_functions *f)
{
    cJSON *json = golden_json("losses.json");
    int checked = 0;
    for (int l = 0; l < LOSSES; l++) {
        const cJSON *row;
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(golden_loss(json, losses[l].golden), "points"))
        {
            double y = json_number(row, "y"), p = json_number(row, "p");
            double value = json_number(row, "value"), slope = json_number(row, "dldp");
            loss_numbers got = f->loss(losses[l].loss, p, y);
            /* In float p and y are other numbers: dp apart, they change l by slope dp and its slope by curvature dp; besides
             * that, 1 - sigmoid or a sum rounds once per operation. */
            double dp = f->unit > 1e-10 ? f->unit * (fabs(p) + fabs(y)) : 0;
            double curvature = losses[l].loss == CUSGD_LOSS_MSE ? 2 : 1;
            check_near(f, got.value, value, fabs(slope) * dp + curvature * dp * dp, "value", y, p);
            check_near(f, got.slope, slope, losses[l].loss == CUSGD_LOSS_LOGISTIC ? fabs(slope) * dp : curvature * dp, "slope", y,
                       p);
            checked++;
        }
    }
    cr_assert_eq(checked, 13 + 13 + 34);
    cJSON_Delete(json);
}

Test(loss, golden_double) { check_table(&scalar_double); }
Test(loss, golden_float) { check_table(&scalar_float); }

/* Central differences with h = 1e-4: truncation h^2/6 times a third derivative below 0.1, rounding 1e-16 |l| / h. */
Test(loss, derivatives_by_differences)
{
    const double h = 1e-4;
    for (int l = 0; l < LOSSES; l++)
        for (double p = -12; p <= 12; p += 0.37)
            for (double y = 0; y <= 1; y++) {
                loss_numbers at = scalar_double.loss(losses[l].loss, p, y), up = scalar_double.loss(losses[l].loss, p + h, y),
                             down = scalar_double.loss(losses[l].loss, p - h, y);
                double bound = 1e-9 + 1e-11 * fabs(at.value);
                cr_assert_float_eq((up.value - down.value) / (2 * h), at.slope, bound, "%s slope at %g", losses[l].golden, p);
                cr_assert_float_eq((up.slope - down.slope) / (2 * h), at.curvature, bound, "%s curvature at %g", losses[l].golden,
                                   p);
                cr_assert_leq(at.curvature, loss_curvature_bound(losses[l].loss));
            }
    for (int l = 0; l < LOSSES; l++) /* the bound is reached */
        cr_assert_eq(scalar_double.loss(losses[l].loss, 0, 0).curvature, loss_curvature_bound(losses[l].loss));
}

Test(loss, extreme_predictions)
{
    const scalar_functions *both[] = {&scalar_float, &scalar_double};
    for (int f = 0; f < 2; f++) {
        for (double p = 100; p <= 1e30; p *= 10) {
            loss_numbers right = both[f]->loss(CUSGD_LOSS_LOGISTIC, p, 1), wrong = both[f]->loss(CUSGD_LOSS_LOGISTIC, p, 0);
            cr_assert(right.value >= 0 && right.value < 1e-43 && right.slope <= 0 && right.slope > -1e-43);
            cr_assert_float_eq(wrong.value / p, 1, 1e-7);
            cr_assert_eq(wrong.slope, 1);
            cr_assert(wrong.curvature >= 0 && wrong.curvature < 1e-43);
            loss_numbers mirror = both[f]->loss(CUSGD_LOSS_LOGISTIC, -p, 1);
            cr_assert(mirror.value == wrong.value && mirror.slope == -wrong.slope && mirror.curvature == wrong.curvature);
        }
        for (int l = 0; l < LOSSES; l++) { /* what is lost must show */
            cr_assert(isnan(both[f]->loss(losses[l].loss, (double)NAN, 1).value));
            cr_assert(isinf(both[f]->loss(losses[l].loss, -(double)INFINITY, 1).value));
        }
    }
}

/* The best constant's mean gradient vanishes, and the inverse link brings the mean back. */
Test(loss, best_constant)
{
    for (int l = 0; l < LOSSES; l++)
        for (double mean = 1e-5; mean < 1; mean += 0.0137) {
            double p = loss_best_constant(losses[l].loss, mean);
            double slope = mean * scalar_double.loss(losses[l].loss, p, 1).slope +
                           (1 - mean) * scalar_double.loss(losses[l].loss, p, 0).slope;
            cr_assert_float_eq(slope, 0, 1e-15);
            cr_assert_float_eq(loss_mean_at(losses[l].loss, p), mean, 4e-16);
        }
    cr_assert(loss_best_constant(CUSGD_LOSS_LOGISTIC, 1) < 14 && loss_best_constant(CUSGD_LOSS_LOGISTIC, 1) > 13);
    cr_assert(loss_best_constant(CUSGD_LOSS_LOGISTIC, 0) > -14 && loss_best_constant(CUSGD_LOSS_LOGISTIC, 0) < -13);
    cr_assert_eq(loss_best_constant(CUSGD_LOSS_SQUARED, -3.25), -3.25);
}

Test(loss, facts)
{
    for (int l = 0; l < LOSSES; l++) {
        cusgd_loss loss = losses[l].loss;
        int logistic = loss == CUSGD_LOSS_LOGISTIC;
        cr_assert_eq(loss_is_shift_invariant(loss), !logistic);
        cr_assert_eq(loss_is_quadratic(loss), !logistic);
        cr_assert(loss_target_is_valid(loss, 0) && loss_target_is_valid(loss, 1));
        cr_assert_eq(loss_target_is_valid(loss, 0.5), !logistic);
        double p = 1.75, y = 1; /* what is reported: the squared error, or the loss itself */
        double reported = loss_reported(loss, scalar_double.loss(loss, p, y).value);
        cr_assert_float_eq(reported, logistic ? log1p(exp(-p)) : (p - y) * (p - y), 1e-15);
    }
}
