/* Patience and what a result is compared with, by minibatch steps and by full-batch methods alike. */
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 400, COLS = 3 };

typedef struct set {
    double *x, *y;
    cusgd_data *data;
} set;

/* y = 1 + x_1 + x_2 + x_3 + noise; as a count of mean `size` e^(.3 (x_1 + ..)) where size > 0. */
static set make(double size)
{
    uint64_t seed = 3;
    set s = {random_normals(&seed, ROWS * COLS), zeros(ROWS), NULL};
    for (int i = 0; i < ROWS; i++) {
        double sum = s.x[i * COLS] + s.x[i * COLS + 1] + s.x[i * COLS + 2];
        s.y[i] = size > 0 ? floor(size * exp(0.3 * sum)) : 1 + sum + 0.5 * random_normal(&seed);
    }
    s.data = data_of(ROWS, COLS, 1, s.x, s.y, NULL);
    return s;
}

static void drop(set *s)
{
    cusgd_data_free(s->data);
    free(s->x);
    free(s->y);
}

/* Improvements count only while they halve the objective: so patience is what ends the run. */
static cusgd_options impatient(void)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, 32, 200);
    o.tolerance = 0.5;
    o.patience = 7;
    return o;
}

static int ends_at(const cusgd_progress *p, void *epoch) { return p->epoch == *(const int64_t *)epoch; }

/* Cancelled anywhere and continued, a run ends at the epoch and with the bits of the run that nobody cancelled. */
Test(patience, goes_on_after_a_cancellation)
{
    set s = make(0);
    cusgd_options o = impatient();
    double whole[COLS + 1], parts[COLS + 1];
    cusgd_result all = train(&o, s.data, whole);
    cr_assert_eq(all.stop, CUSGD_STOP_TOLERANCE);
    cr_assert_gt(all.epochs, o.patience);
    for (int64_t after = 1; after < all.epochs; after++) {
        cusgd_trainer *t = trainer_of(&o, s.data, NULL);
        cusgd_result r = CUSGD_INIT(cusgd_result);
        cr_assert_eq(cusgd_trainer_fit(t, ends_at, &after, &r), CUSGD_OK);
        cr_assert_eq(r.stop, CUSGD_STOP_CANCELLED);
        r = fit(t);
        cr_expect_eq(r.epochs, all.epochs, "cancelled after %lld: %lld epochs", (long long)after, (long long)r.epochs);
        cr_expect_eq(r.stop, CUSGD_STOP_TOLERANCE);
        parameters_of(t, COLS, 1, parts);
        cr_expect_arr_eq(parts, whole, sizeof whole);
        cusgd_trainer_free(t);
    }
    drop(&s);
}

/* Who calls again after the run has ended by itself wants it to go on: all of the patience is there again. */
Test(patience, begins_anew_once_it_is_used_up)
{
    set s = make(0);
    cusgd_options o = impatient();
    cusgd_trainer *t = trainer_of(&o, s.data, NULL);
    cusgd_result first = fit(t), second = fit(t);
    cr_expect_eq(first.stop, CUSGD_STOP_TOLERANCE);
    cr_expect_geq(second.epochs - first.epochs, o.patience);
    cusgd_trainer_free(t);
    drop(&s);
}

/* New parameters are a new run. */
Test(patience, is_whole_after_new_parameters)
{
    set s = make(0);
    cusgd_options o = impatient();
    cusgd_trainer *t = trainer_of(&o, s.data, NULL);
    double zero[COLS] = {0}, bias = 0, once[COLS + 1], again[COLS + 1];
    cusgd_result first = fit(t);
    parameters_of(t, COLS, 1, once);
    cr_assert_eq(cusgd_trainer_set_coefficients(t, zero, &bias), CUSGD_OK);
    cusgd_result second = fit(t);
    parameters_of(t, COLS, 1, again);
    cr_expect_eq(second.epochs, first.epochs);
    cr_expect_arr_eq(once, again, sizeof once);
    cusgd_trainer_free(t);
    drop(&s);
}

/* The loss of counts of a million lies near -10^7, and all that can be gained is a small share of that. The tolerance is a share
 * of what lies above the lower bound, as it is for minibatch steps, so the run goes on until that is within it. */
Test(patience, of_solvers_counts_from_the_lower_bound)
{
    set s = make(1e6);
    cusgd_options o = options_default();
    o.loss = CUSGD_LOSS_POISSON;
    const cusgd_solver solvers[] = {CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_CG, CUSGD_SOLVER_BFGS};
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        o.solver = solvers[i];
        o.tolerance = 0.01;
        double parameters[COLS + 1];
        cusgd_trainer *t = trainer_of(&o, s.data, NULL);
        cusgd_result r = fit(t);
        parameters_of(t, COLS, 1, parameters);
        cr_assert(r.stop == CUSGD_STOP_TOLERANCE || r.stop == CUSGD_STOP_GRADIENT);
        for (int j = 0; j < COLS; j++) cr_expect_float_eq(parameters[j], 0.3, 0.02, "%d: %g", (int)i, parameters[j]);
        cusgd_trainer_free(t);
    }
    drop(&s);
}

/* A full-batch run from a bad start that ends before it is any better than a constant says so, as one by minibatch steps does. */
Test(patience, a_solver_says_that_its_result_is_worse_than_a_constant)
{
    set s = make(0);
    cusgd_options o = options_default();
    o.solver = CUSGD_SOLVER_GD;
    o.rate = 1e-3;
    o.epochs = 1;
    double weight[COLS], bias = 0;
    for (int j = 0; j < COLS; j++) weight[j] = 100;
    cusgd_trainer *t = trainer_of(&o, s.data, NULL);
    cr_assert_eq(cusgd_trainer_set_coefficients(t, weight, &bias), CUSGD_OK);
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_ERROR_NOT_CONVERGED);
    cr_expect(r.worse && strstr(r.note, "worse than the intercept-only model"), "%s", r.note);
    cusgd_trainer_free(t);
    drop(&s);
}
