/* Targets from 1e-300 to 1e150: a run is right, or refused with what to do. The same numbers times a power of two are the same
 * problem, so the coefficients of all but the digits' place must be equal to the bit. */
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 200, COLS = 3 };

typedef struct plain {
    double x[ROWS * COLS], y[ROWS], w[ROWS];
} plain;

static plain plain_make(void)
{
    plain p;
    uint64_t seed = 21;
    for (int i = 0; i < ROWS; i++) {
        double sum = 1;
        for (int j = 0; j < COLS; j++) {
            p.x[i * COLS + j] = random_normal(&seed);
            sum += (j + 1) * p.x[i * COLS + j];
        }
        p.y[i] = sum + 0.3 * random_normal(&seed);
        p.w[i] = i % 7 ? 1 + i % 3 : 0;
    }
    return p;
}

/* Trains on targets times 2^power; parameters divided by it again. */
static cusgd_metrics run(const plain *p, cusgd_options o, int power, int weighted, double *parameters)
{
    double y[ROWS];
    for (int i = 0; i < ROWS; i++) y[i] = ldexp(p->y[i], power);
    o.l1 = ldexp(o.l1, power);
    if (!isnan(o.upper)) o.upper = ldexp(o.upper, power);
    cusgd_data *data = data_of(ROWS, COLS, 1, p->x, y, weighted ? p->w : NULL);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_result r = fit(t);
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics), of_model = CUSGD_INIT(cusgd_metrics);
    cusgd_model *model;
    parameters_of(t, COLS, 1, parameters);
    cr_assert_eq(cusgd_trainer_evaluate(t, data, -1, &m), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_trainer_create_model(t, &model), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_model_evaluate(model, data, -1, &of_model), CUSGD_OK, "%s", cusgd_last_error());
    cr_expect_float_eq(m.r2, of_model.r2, 1e-5, "2^%d: R2 %g of the trainer, %g of the model", power, m.r2, of_model.r2);
    if (isnormal(m.mse) && o.valid_fraction == 0) {
        cr_expect_float_eq(r.loss / m.mse, 1, 1e-5, "2^%d: loss %g, mean squared error %g", power, r.loss, m.mse);
    } else if (isnormal(m.mse)) { /* of parts of the rows */
        cr_expect(r.loss / m.mse > 0.3 && r.loss / m.mse < 3, "2^%d: loss %g, of all rows %g", power, r.loss, m.mse);
        cr_expect(r.valid_loss / m.mse > 0.3 && r.valid_loss / m.mse < 3, "2^%d: validation %g, of all rows %g", power,
                  r.valid_loss, m.mse);
    }
    for (int j = 0; j <= COLS; j++) parameters[j] = ldexp(parameters[j], -power);
    cusgd_model_free(model);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    return m;
}

static void check_powers(const char *name, const plain *p, const cusgd_options *o, int weighted)
{
    const int powers[] = {-990, -200, -160,
                          70,   100,  490}; /* all beyond where the targets' own unit is kept, in both precisions */
    double first[COLS + 1], other[COLS + 1];
    for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++) {
        cusgd_metrics m = run(p, *o, powers[i], weighted, i ? other : first);
        cr_expect_gt(m.r2, 0.9, "%s, 2^%d: R2 %g", name, powers[i], m.r2);
        /* In float every run is in its unit, so that the bits are equal; in double some are as they are given. */
        double off = i ? distance(first, other, COLS + 1) : 0;
        cr_expect_leq(off, o->precision == CUSGD_PRECISION_FLOAT ? 0 : 1e-7, "%s, 2^%d: coefficients differ by %g", name,
                      powers[i], off);
    }
    run(p, *o, 0, weighted, other);
    cr_expect_leq(distance(first, other, COLS + 1), o->precision == CUSGD_PRECISION_DOUBLE ? 1e-7 : 1e-4,
                  "%s: %g from plain ones", name, distance(first, other, COLS + 1));
}

Test(magnitude, quadratic_losses_take_any)
{
    plain p = plain_make();
    for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++)
        for (int loss = CUSGD_LOSS_SQUARED; loss <= CUSGD_LOSS_MSE; loss++) {
            cusgd_options o = options_default();
            o.precision = (cusgd_precision)precision;
            o.loss = (cusgd_loss)loss;
            check_powers("auto", &p, &o, 0);
            o.valid_fraction = 0.2;
            check_powers("auto, held out", &p, &o, 1);
            o.valid_fraction = 0;
            o.l1 = 0.01;
            if (precision == CUSGD_PRECISION_DOUBLE) check_powers("auto, l1", &p, &o, 0); /* a float could not hold them all */
            o.l1 = 0;
            o.upper = 2.5;
            check_powers("auto, bounded", &p, &o, 0);
            o.upper = (double)NAN;
            o.solver = CUSGD_SOLVER_EXACT;
            check_powers("exact", &p, &o, 1);
            o.solver = CUSGD_SOLVER_LBFGS;
            check_powers("lbfgs", &p, &o, 0);
            o.solver = CUSGD_SOLVER_SGD;
            o.optimizer = CUSGD_OPTIMIZER_SGD;
            o.rate = 0.05;
            o.epochs = 40;
            check_powers("sgd", &p, &o, 0);
        }
}

/* Standard errors scale as coefficients do. */
Test(magnitude, standard_errors)
{
    plain p = plain_make();
    const double *of_plain, *of_tiny;
    double y[ROWS];
    for (int i = 0; i < ROWS; i++) y[i] = ldexp(p.y[i], -800);
    cusgd_options o = options_default();
    o.solver = CUSGD_SOLVER_EXACT;
    cusgd_data *data = data_of(ROWS, COLS, 1, p.x, p.y, NULL), *tiny = data_of(ROWS, COLS, 1, p.x, y, NULL);
    cusgd_trainer *t = trainer_of(&o, data, NULL), *u = trainer_of(&o, tiny, NULL);
    cusgd_model *m, *n;
    fit(t), fit(u);
    cr_assert(cusgd_trainer_create_model(t, &m) == CUSGD_OK && cusgd_trainer_create_model(u, &n) == CUSGD_OK, "%s",
              cusgd_last_error());
    of_plain = cusgd_model_standard_errors(m, NULL);
    of_tiny = cusgd_model_standard_errors(n, NULL);
    cr_assert(of_plain && of_tiny);
    for (int j = 0; j <= COLS; j++)
        cr_expect_float_eq(ldexp(of_tiny[j], 800) / of_plain[j], 1, 1e-9, "%g, %g", of_tiny[j], of_plain[j]);
    cusgd_model_free(m);
    cusgd_model_free(n);
    cusgd_trainer_free(t);
    cusgd_trainer_free(u);
    cusgd_data_free(data);
    cusgd_data_free(tiny);
}

/* What cannot be taken in another unit is right, or refused with a remedy that works. */
static void check_other(const plain *p, cusgd_options o, double scale)
{
    double y[ROWS], parameters[COLS + 1];
    for (int i = 0; i < ROWS; i++) y[i] = (o.loss == CUSGD_LOSS_POISSON ? fabs(p->y[i]) : p->y[i]) * scale;
    cusgd_data *data = data_of(ROWS, COLS, 1, p->x, y, NULL);
    cusgd_trainer *t;
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    cusgd_status status = cusgd_trainer_create(&o, data, NULL, &t);
    if (status == CUSGD_OK) {
        fit(t);
        parameters_of(t, COLS, 1, parameters);
        cr_assert_eq(cusgd_trainer_evaluate(t, data, -1, &m), CUSGD_OK);
        double explained = o.loss == CUSGD_LOSS_POISSON ? m.d2 : m.r2;
        cr_expect(explained > (o.loss == CUSGD_LOSS_POISSON ? 0.1 : 0.9),
                  "loss %d, optimizer %d, precision %d, scale %g: explained %g", (int)o.loss, (int)o.optimizer, (int)o.precision,
                  scale, explained);
    } else {
        const char *said = cusgd_last_error();
        cr_expect(status == CUSGD_ERROR_DATA && strstr(said, "largest target"), "scale %g: %s", scale, said);
        cr_expect_neq(scale, 1, "%s", said);
        int helps = o.precision == CUSGD_PRECISION_FLOAT && scale > 1e-130 && scale < 1e130;
        cr_expect_eq(strstr(said, "--precision double") != NULL, helps, "scale %g: %s", scale, said);
    }
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

Test(magnitude, other_losses_are_right_or_refused)
{
    plain p = plain_make();
    const double scales[] = {1e-300, 1e-145, 1e-60, 1e-47, 1e-25, 1e-12, 1e-6, 1, 1e6, 1e12, 1e20, 1e60, 1e145, 1e300};
    const int losses[] = {CUSGD_LOSS_SQUARED, CUSGD_LOSS_HUBER, CUSGD_LOSS_QUANTILE, CUSGD_LOSS_LOG_COSH, CUSGD_LOSS_POISSON};
    for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++)
        for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++)
            for (int l = 0; l < 5; l++) {
                cusgd_options o = options_default();
                o.precision = (cusgd_precision)precision;
                o.loss = (cusgd_loss)losses[l];
                check_other(&p, o, scales[s]);
            }
}

/* A rate of adam is absolute: it is not scaled in silence. */
Test(magnitude, absolute_rates_are_refused)
{
    plain p = plain_make();
    double y[ROWS];
    for (int i = 0; i < ROWS; i++) y[i] = 1e20 * p.y[i];
    cusgd_data *data = data_of(ROWS, COLS, 1, p.x, y, NULL);
    cusgd_options o = options_default();
    cusgd_trainer *t;
    o.precision = CUSGD_PRECISION_FLOAT;
    o.optimizer = CUSGD_OPTIMIZER_ADAM;
    cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_DATA);
    cr_assert(strstr(cusgd_last_error(), "--precision double"), "%s", cusgd_last_error());
    cusgd_data_free(data);
}

/* Columns whose squares vanish are not taken for constant ones. */
Test(magnitude, tiny_columns)
{
    plain p = plain_make();
    cusgd_options o = options_default();
    cusgd_trainer *t;
    for (int i = 0; i < ROWS; i++) p.x[i * COLS + 1] *= 1e-200;
    cusgd_data *data = data_of(ROWS, COLS, 1, p.x, p.y, NULL);
    cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_DATA);
    cr_assert(strstr(cusgd_last_error(), "column 2"), "%s", cusgd_last_error());
    cusgd_data_free(data);
}
