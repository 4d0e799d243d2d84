/* cusgd_check through the public API; on the device that CUSGD_TEST_DEVICE names. That it fails where a kernel is wrong is shown
 * by emulator/faults.sh. */
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cusgd_check_line *line_of(const cusgd_check_report *r, const char *what)
{
    for (int i = 0; i < CUSGD_CHECK_LINES; i++)
        if (strcmp(r->lines[i].what, what) == 0) return &r->lines[i];
    cr_assert_fail("there is no line %s", what);
    return NULL;
}

static cusgd_check_report checked(const cusgd_options *o, const cusgd_data *data, int64_t steps)
{
    cusgd_check_report r = CUSGD_INIT(cusgd_check_report);
    cusgd_status status = cusgd_check(o, data, steps, &r);
    cr_assert_eq(status, CUSGD_OK, "status %d: %s", (int)status, cusgd_last_error());
    cr_assert(r.passed && r.steps == steps, "passed %d, %d steps", r.passed, (int)r.steps);
    for (int i = 0; i < CUSGD_CHECK_LINES; i++)
        cr_assert(!(r.lines[i].share > 1) && r.lines[i].step <= steps, "%s: %g", r.lines[i].what, r.lines[i].share);
    return r;
}

static cusgd_data *made(int64_t n, int64_t d, int64_t k, cusgd_precision precision, int logistic)
{
    cusgd_generator g;
    cusgd_data *data;
    g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = n, g.cols = d, g.outputs = k, g.type = (cusgd_type)precision,
    g.targets = logistic ? CUSGD_SYNTHETIC_LOGISTIC : CUSGD_SYNTHETIC_LINEAR;
    cr_assert_eq(cusgd_data_generate(&g, &data), CUSGD_OK, "%s", cusgd_last_error());
    return data;
}

/* Rounding of floats shows, and is explained by far; the update is exact. */
Test(check, float_lies_within_rounding_of_double)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, 50, 1);
    o.precision = CUSGD_PRECISION_FLOAT;
    cusgd_data *data = made(1000, 30, 2, CUSGD_PRECISION_FLOAT, 0);
    cusgd_check_report r = checked(&o, data, 25); /* into the second epoch */
    static const char *const rounded[] = {"gradient", "loss", "full gradient", "predictions", "free run: theta"};
    for (int i = 0; i < 5; i++) {
        const cusgd_check_line *l = line_of(&r, rounded[i]);
        cr_assert(l->device > 1e-9 && l->device < 1e-3 && l->cpu > 1e-9, "%s: %g, %g", l->what, l->device, l->cpu);
    }
    const cusgd_check_line *update = line_of(&r, "update");
    cr_assert(update->device == 0 && update->cpu == 0 && update->share == 0 && update->step == 1);
    cr_assert(isnan(line_of(&r, "free run: theta")->share));
    cr_assert(strlen(r.device) > 0);
    cusgd_data_free(data);
}

/* Weights, held-out rows, rows of another layout and type, a chosen rate. */
Test(check, whatever_a_trainer_takes)
{
    enum { N = 400, D = 6 };
    uint64_t state = 5;
    double *x = random_normals(&state, N * D), *y = random_normals(&state, N), *w = random_normals(&state, N);
    for (int i = 0; i < N; i++) y[i] = y[i] > 0, w[i] = i % 9 ? fabs(w[i]) : 0;
    cusgd_matrix columns = {x, CUSGD_TYPE_FLOAT64, 1, N}, target = {y, CUSGD_TYPE_FLOAT64, 1, 1},
                 weights = {w, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data;
    cr_assert_eq(cusgd_data_wrap(N, D, 1, columns, target, weights, &data), CUSGD_OK);
    for (int precision = 0; precision < 2; precision++) {
        cusgd_options o = options_default();
        o.precision = (cusgd_precision)precision;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.valid_fraction = 0.2;
        o.l1 = 0.01;
        checked(&o, data, 12);
        o.batch = 1000; /* all rows in one */
        checked(&o, data, 3);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
    free(w);
}

/* A run that diverges is compared as far as it is finite. */
Test(check, a_run_that_diverges_ends_there)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 1e30, 100, 1);
    cusgd_check_report r = CUSGD_INIT(cusgd_check_report);
    cusgd_data *data = made(1000, 5, 1, CUSGD_PRECISION_FLOAT, 0);
    o.precision = CUSGD_PRECISION_FLOAT;
    cr_assert_eq(cusgd_check(&o, data, 10, &r), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert(r.passed && r.steps >= 1 && r.steps < 4, "%d steps", (int)r.steps);
    cusgd_data_free(data);
}

Test(check, what_it_refuses)
{
    cusgd_options o = options_default();
    cusgd_check_report r = CUSGD_INIT(cusgd_check_report);
    cusgd_data *data = made(100, 5, 1, CUSGD_PRECISION_DOUBLE, 0);
    cr_assert_eq(cusgd_check(&o, data, 0, &r), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "at least 1 step"), "%s", cusgd_last_error());
    o.loss = CUSGD_LOSS_LOGISTIC; /* targets are not 0 and 1 */
    cr_assert_eq(cusgd_check(&o, data, 5, &r), CUSGD_ERROR_DATA);
    o.rate = -1;
    cr_assert_eq(cusgd_check(&o, data, 5, &r), CUSGD_ERROR_USAGE);
    cr_assert_not(r.passed);
    cusgd_data_free(data);
}
