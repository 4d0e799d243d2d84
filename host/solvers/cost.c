/* The cost of the full-batch methods in multiplications and bytes, by which solver auto chooses one, and the announcement of a
 * long run. */
#include "solver.h"

#include "failure.h"
#include "options.h"
#include "physical_memory.h"
#include <math.h>
#include <stdio.h>

/* Assumed numbers of iterations, which in fact depend on the data. */
enum { PASSES = 300, NEWTON_ITERATIONS = 12, SECANT_ITERATIONS = 100 };

static shape shape_of(const problem *p) { return shape_make(p->train.rows.n, p->d, p->k); }

double solver_work(cusgd_solver which, shape a)
{
    switch (which) {
    case CUSGD_SOLVER_EXACT: /* wide.c, with a small problem of up to 2 n columns; else X^T X and its factor */
        if (a.d > a.n) return 2 * a.d * a.n * a.n + 8 * a.n * a.n * a.n;
        return a.n * a.side * a.side + a.side * a.side * a.side;
    case CUSGD_SOLVER_NEWTON: return NEWTON_ITERATIONS * a.k * (a.n * a.side * a.side + a.side * a.side * a.side / 3);
    case CUSGD_SOLVER_BFGS:
    case CUSGD_SOLVER_DFP:
    case CUSGD_SOLVER_BROYDEN_GOOD:
    case CUSGD_SOLVER_BROYDEN_BAD: return SECANT_ITERATIONS * (2 * a.n * a.d * a.k + 4 * a.size * a.size);
    case CUSGD_SOLVER_CG: return PASSES * 4 * a.n * a.d * a.k;
    default: return PASSES * 2 * a.n * a.d * a.k;
    }
}

double solver_bytes(cusgd_solver which, shape a)
{
    switch (which) {
    case CUSGD_SOLVER_EXACT: return 8 * (a.d > a.n ? a.d * a.n + 4 * a.n * a.n : 2 * a.side * a.side);
    case CUSGD_SOLVER_NEWTON: return 8 * (a.k + 2) * a.side * a.side;
    case CUSGD_SOLVER_BFGS:
    case CUSGD_SOLVER_DFP:
    case CUSGD_SOLVER_BROYDEN_GOOD:
    case CUSGD_SOLVER_BROYDEN_BAD: return 8 * a.size * a.size;
    default: return 8 * 32 * a.size;
    }
}

/* Returns whether coordinate descent is the default: for l1 on sparse columns, which leaves few coefficients, if this process has
 * all rows. */
static int by_columns(const problem *p)
{
    int here = p->backend->is_host && !p->backend->world && !p->train.stream;
    return p->l1 > 0 && examples_are_sparse(&p->train.rows) && !is_softmax(p) && here;
}

/* Prefers a direct solution or Newton's method, which reach the optimum and give standard errors, unless they take longer than
 * this limit and longer than a method of a few vectors. */
cusgd_solver solver_usual(const problem *p)
{
    const double affordable = 1e11, newton_affordable = 1e12, newton_wide = 1e8, room = memory_of_machine() / 4;
    enum { MAX_NEWTON_COLUMNS = 1000 };
    const cusgd_options *o = p->options;
    shape a = shape_of(p);
    int quadratic = loss_is_quadratic(o->loss);
    cusgd_solver direct = quadratic ? CUSGD_SOLVER_EXACT : CUSGD_SOLVER_NEWTON;
    cusgd_solver vectors = quadratic ? CUSGD_SOLVER_CG : CUSGD_SOLVER_LBFGS;
    double work = solver_work(direct, a), maximum = quadratic ? affordable : a.d > a.n ? newton_wide : newton_affordable;
    if (loss_is_nonsmooth(o->loss)) return CUSGD_SOLVER_EXACT;
    if (by_columns(p)) return CUSGD_SOLVER_COORDINATE;
    if (o->l1 > 0 || options_have_bounds(o) || is_softmax(p)) return CUSGD_SOLVER_LBFGS;
    if (examples_are_sparse(&p->train.rows)) return vectors; /* the direct methods need the matrix itself */
    if (!quadratic && a.d > MAX_NEWTON_COLUMNS) return vectors;
    if (room > 0 && solver_bytes(direct, a) > room) return vectors;
    return work <= fmax(maximum, solver_work(vectors, a)) ? direct : vectors;
}

void solver_announce(const problem *p, char *text, size_t room)
{
    const double rate = 1e10, long_seconds = 5, large = 4e9;
    cusgd_solver which = p->options->solver;
    shape a = shape_of(p);
    double seconds = solver_work(which, a) / rate, bytes = solver_bytes(which, a);
    int direct = which == CUSGD_SOLVER_EXACT || which == CUSGD_SOLVER_NEWTON;
    const char *other = loss_is_quadratic(p->options->loss) ? "cg" : "lbfgs";
    text[0] = '\0';
    if (bytes <= large && !(direct && seconds > long_seconds)) return;
    /* with fewer rows than columns, exact works on panels and tiles and can be interrupted between them */
    const char *waits =
        which == CUSGD_SOLVER_EXACT && a.d > a.n ? "" : "; it can be interrupted only between two matrix operations";
    snprintf(text, room,
             "solver %s needs about %.2g multiplications (%.2g s at 10^10 per second) and %.2g GB for its matrices%s. "
             "--solver %s needs no matrix",
             solver_word(which), solver_work(which, a), seconds, bytes / 1e9, waits, other);
}

cusgd_status solver_check_memory(const problem *p)
{
    double bytes = solver_bytes(p->options->solver, shape_of(p)), all = memory_of_machine();
    if (all == 0 || bytes <= all) return CUSGD_OK;
    return fail(
        CUSGD_ERROR_MEMORY,
        "out of memory: solver %s needs %.3g GB for its matrices at this number of columns, and this machine has %.3g GB; "
        "--solver %s needs no matrix",
        solver_word(p->options->solver), bytes / 1e9, all / 1e9, loss_is_quadratic(p->options->loss) ? "cg" : "lbfgs");
}
