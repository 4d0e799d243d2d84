/* Steps that fail, and slices of no steps, on a device by its interface. See step_experiment.h. */
#include "step_experiment.h"

#include <criterion/criterion.h>
#include <math.h>

/* The experiment's steps with row `bad`'s target such that its squared error overflows. */
static void check_failure(experiment *x, int64_t failing)
{
    double *before = x->state[0];
    int64_t after = x->count - failing - 1;
    experiment_restart(x); /* what the steps before it come to */
    if (failing > 0) experiment_slice(x, 0, failing);
    steps_report good = experiment_report(x), nothing = {.done = 0};
    if (failing > 0) experiment_state(x, before = x->state[1]);
    if (good.failed || good.done != failing) interface_fail("%s: the steps before the bad one fail", x->text);
    steps_report bad = good;
    bad.failed = 1;

    experiment_restart(x);
    experiment_slice(x, 0, x->count);
    experiment_check_same(x, before, experiment_report(x), bad, failing, "a slice with a bad step");

    experiment_restart(x);
    experiment_slice(x, 0, failing + 1);
    if (after > 0) experiment_slice(x, failing + 1, after);
    experiment_check_same(x, before, experiment_report(x), bad, failing, "slices after a bad step");
    if (after > 0) { /* reported: the run may go on */
        experiment_slice(x, failing + 1, 1);
        steps_report next = experiment_report(x);
        if (next.failed || next.done != 1) interface_fail("%s: no step after the report", x->text);
    }
    experiment_slice(x, failing, 1);
    experiment_restart(x); /* unreported, and forgotten */
    experiment_check_same(x, x->state[0], experiment_report(x), nothing, 0, "start after a bad step");
}

Test(interface_failures, the_first_bad_step_ends_the_run)
{
    step_session s;
    step_session_open(&s);
    static const int64_t shapes[][4] = {{40, 5, 1, 4}, {64, 33, 3, 16}, {12000, 61, 2, 3000}}; /* n, d, k, batch */
    int cases = 3 * 2 * (interface_short() ? 1 : STEP_OPTIMIZERS * (REDUCED ? 1 : STEP_TEAMS));
    for (int i = 0; i < cases; i++) {
        const int64_t *shape = shapes[i % 3];
        int precision = i / 3 % 2, permute = i % 2, optimizer = i / 6 % STEP_OPTIMIZERS, threads = i / 6 / STEP_OPTIMIZERS;
        if (REDUCED && i % 3 == 2 && optimizer % 4) continue;
        interface_spec spec = {.n = shape[0],
                               .d = shape[1],
                               .k = shape[2],
                               .precision = (cusgd_precision)precision,
                               .type = (cusgd_type)precision,
                               .seed = 21};
        run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED,
                      .optimizer = step_optimizers[optimizer],
                      .d = spec.d,
                      .k = spec.k,
                      .batch = shape[3],
                      .intercept = 1,
                      .average = 1,
                      .constants.beta1 = 0.9,
                      .constants.beta2 = 0.99,
                      .constants.rho = 0.9,
                      .constants.epsilon = 1e-7,
                      .constants.l1 = 0.01};
        experiment x;
        int64_t rows[3000];
        experiment_make(&x, &s.of[precision][threads], &spec, &p, 0, permute ? CUSGD_SAMPLING_PERMUTE : CUSGD_SAMPLING_NONE);
        x.b->ops->unbind(x.b->self, x.at);
        int64_t failing = i % x.count, count = experiment_rows(&x, failing, rows), row = rows[count - 1];
        if (precision == 0)
            ((float *)x.e.memory[1])[row * spec.k] = 1e30f;
        else
            ((double *)x.e.memory[1])[row * spec.k] = 1e200;
        x.at = interface_bind(x.b, &x.e);
        check_failure(&x, failing);
        experiment_free(&x);
    }
    step_session_close(&s);
}

Test(interface_failures, parameters_that_are_not_numbers_fail_the_first_step)
{
    step_session s;
    step_session_open(&s);
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < 18; i++) {
        int precision = i % 2;
        cusgd_loss loss = (cusgd_loss)(i / 6);
        interface_spec spec = {.n = 12, .d = 4, .k = 2, .precision = (cusgd_precision)precision, .binary = 1, .seed = 22};
        run_spec p = {.loss.kind = loss, .optimizer = CUSGD_OPTIMIZER_SGD, .d = 4, .k = 2, .batch = 6, .intercept = 1};
        experiment x;
        experiment_make(&x, &s.of[precision][0], &spec, &p, 0, CUSGD_SAMPLING_NONE);
        experiment_part(&x, 0, STATE_THETA)[3] = values[i / 2 % 3];
        experiment_restart(&x);
        experiment_slice(&x, 0, x.count);
        steps_report nothing = {.failed = 1};
        experiment_check_same(&x, x.state[0], experiment_report(&x), nothing, 0, "a parameter that is not a number");
        experiment_free(&x);
    }
    step_session_close(&s);
}

Test(interface_failures, an_empty_slice_does_nothing)
{
    step_session s;
    step_session_open(&s);
    for (int precision = 0; precision < 2; precision++) {
        interface_spec spec = {.n = 12, .d = 4, .k = 2, .precision = (cusgd_precision)precision, .seed = 23};
        run_spec p = {
            .loss.kind = CUSGD_LOSS_SQUARED, .optimizer = CUSGD_OPTIMIZER_ADAM, .d = 4, .k = 2, .batch = 6, .intercept = 1};
        experiment x;
        experiment_make(&x, &s.of[precision][0], &spec, &p, 0, CUSGD_SAMPLING_PERMUTE);
        experiment_restart(&x);
        experiment_slice(&x, 0, 0);
        experiment_check_same(&x, x.state[0], experiment_report(&x), (steps_report){.done = 0}, 0, "no steps");
        experiment_free(&x);
    }
    step_session_close(&s);
}
