/* Fits by full-batch solvers: where they end, which iterate they leave, and what callbacks and cancellations do. */
#include "options.h"
#include "solvers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

Test(solver_fits, epochs_bound_the_iterations)
{
    real_data r = open_real("datasets/breast_cancer.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    for (int i = 0; i < SOLVERS; i++) {
        if (all[i] == CUSGD_SOLVER_EXACT) continue;
        cusgd_options o = with(all[i], CUSGD_LOSS_LOGISTIC, 1e-3);
        cusgd_result first = CUSGD_INIT(cusgd_result), second = CUSGD_INIT(cusgd_result);
        o.epochs = 2;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        assert_fails(cusgd_trainer_fit(t, NULL, NULL, &first), CUSGD_ERROR_NOT_CONVERGED,
                     "not converged: after 2 iterations of solver");
        cr_assert(first.epochs == 2 && first.epoch == 2 && first.stop == CUSGD_STOP_EPOCHS && first.objective > 0, "%s",
                  word_of(all[i]));
        cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &second), CUSGD_ERROR_NOT_CONVERGED); /* goes on */
        cr_assert(second.epochs == 4 && second.objective < first.objective, "%s: %g, then %g", word_of(all[i]), first.objective,
                  second.objective);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    close_real(&r);
}

typedef struct log {
    int64_t calls, stop_at;
    double valid, minimum, last;
} log_;

static int on_iteration(const cusgd_progress *p, void *user)
{
    log_ *l = user;
    l->calls++;
    cr_assert(p->epoch == l->calls && p->evaluated && isfinite(p->loss));
    l->last = p->loss;
    l->valid = p->valid_loss;
    if (l->calls == 1 || p->valid_loss < l->minimum) l->minimum = p->valid_loss;
    return l->calls == l->stop_at;
}

/* The iterate that does best on the held-out rows is kept, and iterations are reported as epochs. */
Test(solver_fits, validation_keeps_the_best_iterate)
{
    real_data r = open_real("datasets/breast_cancer.csv", 1, 0);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_LBFGS, CUSGD_LOSS_LOGISTIC, 1e-6);
    o.valid_fraction = 0.3;
    o.gradient_tolerance = 1e-4;
    log_ l = {0};
    cusgd_result result = CUSGD_INIT(cusgd_result);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, on_iteration, &l, &result));
    cr_assert(result.epoch < result.epochs && l.calls == result.epochs, "the problem does not overfit");
    cr_assert(fabs(result.valid_loss - l.minimum) < 1e-12 && l.valid > l.minimum, "%g, not %g", result.valid_loss, l.minimum);
    cusgd_trainer_free(t);
    l = (log_){.stop_at = 3};
    t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, on_iteration, &l, &result));
    cr_assert(result.stop == CUSGD_STOP_CANCELLED && l.calls == 3);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    close_real(&r);
}

/* Steps of one thread and of three give the same bits. */
Test(solver_fits, threads_change_no_bit)
{
    uint64_t state = 3;
    int64_t n = 6000, d = 40;
    double *x = random_normals(&state, n * d), *y = zeros(n), a[41], b[41];
    for (int64_t i = 0; i < n; i++) y[i] = random_normal(&state) + x[i * d] > 0;
    cusgd_data *data = data_of(n, d, 1, x, y, NULL);
    for (int i = 0; i < SOLVERS; i++) {
        if (is_first_order(all[i])) continue;
        cusgd_options o = with(all[i], all[i] == CUSGD_SOLVER_EXACT ? CUSGD_LOSS_SQUARED : CUSGD_LOSS_LOGISTIC, 1e-3);
        o.threads = 1;
        train(&o, data, a);
        o.threads = 3;
        train(&o, data, b);
        cr_assert(memcmp(a, b, sizeof a) == 0, "%s", word_of(all[i]));
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(solver_fits, a_rate_too_large_diverges_with_a_sentence)
{
    real_data r = open_real("datasets/diabetes.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_GD, CUSGD_LOSS_SQUARED, 0);
    o.rate = 10;
    cusgd_result result = CUSGD_INIT(cusgd_result);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_fails(cusgd_trainer_fit(t, NULL, NULL, &result), CUSGD_ERROR_DIVERGED, "gradient descent at rate 10");
    cr_assert_eq(result.stop, CUSGD_STOP_DIVERGED);
    cr_assert(result.epoch == 0 && result.epochs > 0 && !result.worse); /* its starting point is the best */
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    close_real(&r);
}

/* What is left is the iterate of least objective: of a run that diverges at last, and of one that only rises. */
Test(solver_fits, a_rising_objective_leaves_its_least_iterate)
{
    real_data r = open_real("datasets/diabetes.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    for (int ends = 0; ends < 2; ends++) {
        cusgd_options o = with(CUSGD_SOLVER_GD, CUSGD_LOSS_SQUARED, 0);
        cusgd_result result = CUSGD_INIT(cusgd_result);
        cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
        log_ l = {0};
        o.rate = 0.9;
        if (ends) o.epochs = 6;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_status status = cusgd_trainer_fit(t, on_iteration, &l, &result);
        cr_assert_eq(status, ends ? CUSGD_ERROR_NOT_CONVERGED : CUSGD_ERROR_DIVERGED, "%s", cusgd_last_error());
        cr_assert(l.last > result.null_loss, "the rate is not too large");
        assert_works(cusgd_trainer_evaluate(t, data, -1, &m));
        cr_assert(m.r2 >= 0 && m.r2 < 1 && !result.worse, "R2 %g", m.r2);
        cr_assert(result.epoch < result.epochs && result.epochs == l.calls && !result.converged);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    close_real(&r);
}

typedef struct questions {
    int asked, at; /* so often; yes is said from the at-th on */
} questions;

static int ask(void *user)
{
    questions *q = user;
    return ++q->asked >= q->at;
}

static double rate_of(const cusgd_trainer *t)
{
    double rate;
    assert_works(cusgd_options_get_number(cusgd_trainer_options(t), "rate", &rate));
    return rate;
}

/* An interruption while the rate is being found leaves it open: the next fit has the rate of one that was not interrupted. */
Test(solver_fits, an_interrupted_fit_leaves_the_rate_open)
{
    real_data r = open_real("datasets/diabetes.csv", 1, 0);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_GD, CUSGD_LOSS_SQUARED, 0);
    cusgd_result result = CUSGD_INIT(cusgd_result);
    o.epochs = 5;
    o.threads = 1;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &result), CUSGD_ERROR_NOT_CONVERGED);
    double rate = rate_of(t);
    cr_assert_lt(rate, 0.9);
    cusgd_trainer_free(t);
    for (int at = 1; at <= 30; at++) { /* wherever it is interrupted */
        questions q = {0, at};
        t = trainer_of(&o, data, NULL);
        cusgd_set_interrupt(ask, &q);
        cusgd_trainer_fit(t, NULL, NULL, &result);
        cusgd_set_interrupt(NULL, NULL);
        if (at == 1) cr_assert_eq(result.stop, CUSGD_STOP_CANCELLED);
        cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &result), CUSGD_ERROR_NOT_CONVERGED, "%s", cusgd_last_error());
        cr_assert_eq(rate_of(t), rate, "question %d: %g, not %g", at, rate_of(t), rate);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    close_real(&r);
}

/* In a callback the trainer's parameters are the iterate's, and nothing can be begun that would change the run. */
typedef struct callee {
    cusgd_trainer *trainer;
    const cusgd_data *data;
} callee;

static int on_iterate(const cusgd_progress *p, void *user)
{
    const callee *c = user;
    cusgd_trainer *trainer = c->trainer;
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    double weight[64] = {0}, bias[1] = {0};
    cusgd_model *model;
    assert_works(cusgd_trainer_evaluate(trainer, c->data, -1, &m));
    cr_assert(fabs(m.loss - p->loss) <= 1e-9 * m.loss, "iteration %d: %.17g, not %.17g", (int)p->epoch, m.loss, p->loss);
    assert_works(cusgd_trainer_create_model(trainer, &model));
    cr_assert_null(cusgd_model_standard_errors(model, NULL));
    cusgd_model_free(model);
    assert_fails(cusgd_trainer_fit(trainer, NULL, NULL, NULL), CUSGD_ERROR_USAGE, "cusgd_trainer_fit cannot be called");
    assert_fails(cusgd_trainer_step(trainer, 1), CUSGD_ERROR_USAGE, "cusgd_trainer_step cannot be called");
    assert_fails(cusgd_trainer_set_coefficients(trainer, weight, bias), CUSGD_ERROR_USAGE, "cannot be called");
    assert_fails(cusgd_trainer_optimum(trainer, weight, bias), CUSGD_ERROR_USAGE, "cannot be called");
    return 0;
}

Test(solver_fits, what_a_callback_may_do)
{
    static const cusgd_solver some[] = {CUSGD_SOLVER_SGD, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_BROYDEN_GOOD};
    real_data r = open_real("datasets/breast_cancer.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        cusgd_options o = with(some[i], CUSGD_LOSS_LOGISTIC, 1e-3);
        o.epochs = 4;
        if (some[i] == CUSGD_SOLVER_SGD) o.evaluate_every = 1;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_status status = cusgd_trainer_fit(t, on_iterate, &(callee){t, data}, NULL);
        cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED, "%s", cusgd_last_error());
        if (some[i] == CUSGD_SOLVER_SGD) assert_works(cusgd_trainer_step(t, 1)); /* afterwards it may */
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    close_real(&r);
}
