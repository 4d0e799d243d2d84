/* Targets of losses with a logarithmic link in any unit: what a rate per person, per second or per year comes to. y times a
 * factor is the same model with the factor's logarithm in the intercept, and explains the same share of the deviance. */
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { ROWS = 300, COLS = 2 };

/* D2 of the parameters, by the definition: the share of the intercept-only model's deviance that is gone. */
static double explained(cusgd_loss loss, double power, const double *x, const double *y, const double *theta)
{
    double mean = 0, null = 0, left = 0;
    for (int i = 0; i < ROWS; i++) mean += y[i] / ROWS;
    for (int i = 0; i < ROWS; i++) {
        double m = exp(theta[0] * x[i * COLS] + theta[1] * x[i * COLS + 1] + theta[COLS]), r[2] = {mean, m}, d[2] = {0, 0};
        for (int s = 0; s < 2; s++) {
            if (loss == CUSGD_LOSS_POISSON) d[s] = y[i] * log(y[i] / r[s]) - (y[i] - r[s]);
            if (loss == CUSGD_LOSS_GAMMA) d[s] = -log(y[i] / r[s]) + y[i] / r[s] - 1;
            if (loss == CUSGD_LOSS_TWEEDIE)
                d[s] = pow(y[i], 2 - power) / ((1 - power) * (2 - power)) - y[i] * pow(r[s], 1 - power) / (1 - power) +
                       pow(r[s], 2 - power) / (2 - power);
        }
        null += d[0];
        left += d[1];
    }
    return 1 - left / null;
}

static void check(cusgd_loss loss, cusgd_solver solver, cusgd_precision precision, double scale)
{
    uint64_t seed = 31;
    double *x = random_normals(&seed, ROWS * COLS), *y = zeros(ROWS), theta[COLS + 1];
    for (int i = 0; i < ROWS; i++) y[i] = scale * exp(x[i * COLS] - 0.5 * x[i * COLS + 1] + 0.1 * random_normal(&seed));
    cusgd_data *data = data_of(ROWS, COLS, 1, x, y, NULL);
    cusgd_options o = options_default();
    o.loss = loss;
    o.solver = solver;
    o.precision = precision;
    cusgd_trainer *t;
    if (cusgd_trainer_create(&o, data, NULL, &t) == CUSGD_OK) {
        cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
        cusgd_result r = CUSGD_INIT(cusgd_result);
        cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, &r);
        cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED, "%s", cusgd_last_error());
        cr_assert_eq(cusgd_trainer_evaluate(t, data, -1, &m), CUSGD_OK);
        parameters_of(t, COLS, 1, theta);
        double d2 = explained(loss, 1.5, x, y, theta);
        cr_expect_float_eq(m.d2, d2, 1e-4 * (1 + fabs(d2)), "loss %d, solver %d, scale %g: D2 %g, by its definition %g",
                           (int)loss, (int)solver, scale, m.d2, d2);
        cr_expect(m.d2 > 0.9 || r.note[0] || status == CUSGD_ERROR_NOT_CONVERGED || r.stop == CUSGD_STOP_EPOCHS,
                  "loss %d, solver %d, precision %d, scale %g: D2 %g and nothing said", (int)loss, (int)solver, (int)precision,
                  scale, m.d2);
        if (scale >= 1e-12 && scale <= 1e6)
            cr_expect_gt(m.d2, 0.9, "loss %d, solver %d, precision %d, scale %g: D2 %g", (int)loss, (int)solver, (int)precision,
                         scale, m.d2);
    } else {
        cr_expect(scale < 1e-12 || scale > 1e12, "loss %d, scale %g: %s", (int)loss, scale, cusgd_last_error());
    }
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(log_link_scale, deviance_and_model_in_any_unit)
{
    const double scales[] = {1e-150, 1e-47, 1e-20, 1e-10, 1e-8, 1e-6, 1, 1e6, 1e15};
    const cusgd_loss losses[] = {CUSGD_LOSS_POISSON, CUSGD_LOSS_GAMMA, CUSGD_LOSS_TWEEDIE};
    for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++)
        for (int l = 0; l < 3; l++)
            for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++) {
                check(losses[l], CUSGD_SOLVER_SGD, (cusgd_precision)precision, scales[s]);
                check(losses[l], CUSGD_SOLVER_AUTO, (cusgd_precision)precision, scales[s]);
            }
}

/* A share of ones below one in a million has its own log-odds; of one class alone there are none. */
Test(log_link_scale, constants)
{
    double parameters[2], x[4] = {1, 2, 3, 4}, y[4] = {1, 0, 0, 0}, w[4] = {1e-9, 1, 1, 1};
    cusgd_data *data = data_of(4, 1, 1, x, y, w);
    cusgd_options o = options_default();
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.upper = o.lower = 0; /* the intercept alone */
    o.epochs = 1;
    o.rate = 1e-12;
    train(&o, data, parameters);
    cr_expect_float_eq(parameters[1], log(1e-9 / 3), 1e-3, "%g", parameters[1]);
    cusgd_data_free(data);
}
