/* What the tests of solvers share: which there are, their words, and options that differ from the defaults by one. */
#ifndef CUSGD_TESTS_SOLVERS_H
#define CUSGD_TESTS_SOLVERS_H

#include "options.h"
#include "oracle.h"
#include "support.h"
#include "training.h"

#include <stdlib.h>

static const cusgd_solver all[] = {CUSGD_SOLVER_AUTO,         CUSGD_SOLVER_EXACT,       CUSGD_SOLVER_GD,
                                   CUSGD_SOLVER_STEEPEST,     CUSGD_SOLVER_CG,          CUSGD_SOLVER_NEWTON,
                                   CUSGD_SOLVER_BFGS,         CUSGD_SOLVER_DFP,         CUSGD_SOLVER_LBFGS,
                                   CUSGD_SOLVER_BROYDEN_GOOD, CUSGD_SOLVER_BROYDEN_BAD, CUSGD_SOLVER_COORDINATE};
enum { SOLVERS = sizeof all / sizeof *all };

static inline int is_first_order(cusgd_solver s) { return s == CUSGD_SOLVER_GD || s == CUSGD_SOLVER_STEEPEST; }

static inline int is_broyden(cusgd_solver s) { return s == CUSGD_SOLVER_BROYDEN_GOOD || s == CUSGD_SOLVER_BROYDEN_BAD; }
static inline int takes_l1(cusgd_solver s)
{
    return s == CUSGD_SOLVER_AUTO || s == CUSGD_SOLVER_LBFGS || s == CUSGD_SOLVER_COORDINATE;
}

static inline const char *word_of(cusgd_solver s)
{
    static char word[CUSGD_OPTION_TEXT];
    cusgd_options o;
    options_init(&o);
    o.solver = s;
    cr_assert_eq(cusgd_options_get(&o, "solver", word), CUSGD_OK);
    return word;
}

static inline cusgd_options with(cusgd_solver s, cusgd_loss loss, double l2)
{
    cusgd_options o = options_default();
    o.solver = s;
    o.loss = loss;
    o.l2 = l2;
    return o;
}

/* The objective of one output at its d coefficients and intercept. */
static inline double objective_at(const problem *p, const double *theta) { return oracle_objective(p, theta, NULL); }

/* A data set of tests/golden. */
typedef struct real_data {
    table table;
    int64_t n, d, k;
    double *x, *y; /* x as it is, or standardized */
} real_data;

static inline real_data open_real(const char *file, int64_t k, int standardized)
{
    real_data r = {.table = golden_table(file), .k = k};
    r.n = r.table.rows;
    r.d = r.table.cols - k;
    r.x = table_columns(&r.table, 0, r.d);
    r.y = table_columns(&r.table, r.d, k);
    if (standardized) standardize_columns(r.x, r.n, r.d);
    return r;
}

static inline void close_real(real_data *r)
{
    free(r->x);
    free(r->y);
    free(r->table.at);
}

#endif
