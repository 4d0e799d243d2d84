/* A process that has trained can fork, and its child can train: with trainers of its own, and with its parent's. */
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 40000, COLS = 20 };

static cusgd_data *make_data(void)
{
    cusgd_data *data;
    cusgd_generator g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = ROWS;
    g.cols = COLS;
    cr_assert_eq(cusgd_data_generate(&g, &data), CUSGD_OK);
    return data;
}

static cusgd_options options_of(cusgd_solver solver)
{
    cusgd_options o;
    options_init(&o);
    o.solver = solver;
    o.epochs = solver == CUSGD_SOLVER_SGD ? 2 : 0;
    o.threads = 4;
    return o;
}

/* The parameters after a fit; 0: it failed. */
static int fit_to(cusgd_trainer *t, double *parameters)
{
    cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, NULL);
    return (status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED) &&
           cusgd_trainer_get_coefficients(t, parameters, parameters + COLS) == CUSGD_OK;
}

static int train_anew(const cusgd_data *data, cusgd_solver solver, double *parameters)
{
    cusgd_options o = options_of(solver);
    cusgd_trainer *t;
    if (cusgd_trainer_create(&o, data, NULL, &t) != CUSGD_OK) return 0;
    int good = fit_to(t, parameters);
    cusgd_trainer_free(t);
    return good;
}

/* In a child: exits 0 where `wanted` comes out; an alarm ends one that hangs. */
static void expect_in_child(cusgd_trainer *parents, const cusgd_data *data, cusgd_solver solver, const double *wanted)
{
    enum { LONG = 60 /* seconds */ };
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        double is[COLS + 1];
        alarm(LONG);
        int good = parents ? fit_to(parents, is) : train_anew(data, solver, is);
        if (parents) cusgd_trainer_free(parents);
        _exit(!good ? 2 : memcmp(is, wanted, sizeof is) != 0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "solver %d: the child was ended by signal %d", (int)solver, WTERMSIG(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "solver %d: %d", (int)solver, WEXITSTATUS(status));
}

Test(fork, trainers_of_the_child)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_SGD, CUSGD_SOLVER_EXACT, CUSGD_SOLVER_LBFGS};
    cusgd_data *data = make_data();
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        double wanted[COLS + 1], after[COLS + 1];
        cr_assert(train_anew(data, solvers[i], wanted)); /* whose threads the child will not have */
        expect_in_child(NULL, data, solvers[i], wanted);
        cr_assert(train_anew(data, solvers[i], after));
        cr_assert_arr_eq(after, wanted, sizeof after);
    }
    cusgd_data_free(data);
}

/* A trainer's threads stay with the parent; the child's copy of it starts others. */
Test(fork, the_parents_trainer)
{
    cusgd_data *data = make_data();
    cusgd_options o = options_of(CUSGD_SOLVER_SGD);
    double first[COLS + 1], second[COLS + 1], whole[COLS + 1];
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cr_assert(fit_to(t, first) && fit_to(t, whole));
    cusgd_trainer_free(t);
    t = trainer_of(&o, data, NULL);
    cr_assert(fit_to(t, first));
    expect_in_child(t, data, o.solver, whole); /* its second fit */
    expect_in_child(t, data, o.solver, whole);
    cr_assert(fit_to(t, second));
    cr_assert_arr_eq(second, whole, sizeof second);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}
