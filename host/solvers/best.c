/* Chooses the solver for `best`: minibatch steps, or the full-batch method that is expected to take the least time to the same
 * objective. The choice depends on the options, the loss and the shape, and not on measurements, so that equal calls make equal
 * choices. scripts/compare_solvers.py compares it with measured times. */
#include "solver.h"

#include "data.h"
#include "options.h"
#include "physical_memory.h"
#include <math.h>
#include <stdio.h>

/* Seconds on one core of an x86 CPU with AVX2, in float; only their ratios matter. */
static const double factor_multiplication = 6e-11; /* per multiplication of a matrix of second derivatives or its factors */
static const double pass_element = 1e-9;           /* a pass of a full-batch method, per element of x and output */
static const double pass_row = 35e-9;              /* in addition, per row and output, for losses with an exponential */
static const double step_element = 1.4e-9;         /* an epoch of minibatch steps and its evaluation, likewise */
static const double step_row = 70e-9;
static const double sample_element = 6e-8; /* computing the curvature for the rate of quadratic losses, per element */

/* Passes until a method of a few vectors has converged. They depend on the condition number, which the shape does not determine,
 * whereas factorizations do not. Well-conditioned columns take 10 to 40 passes. More are assumed for cg, because exact never
 * takes longer than expected. */
enum { CG_PASSES = 100, LBFGS_PASSES = 25 };

/* Returns the epochs until the average of the iterates has settled: more if an epoch has few rows, and few rows per column. */
static double expected_epochs(shape a) { return fmin(fmin(fmax(2e6 / a.n, 20), 1000), 8 + 2e4 / a.n + 250 * sqrt(a.d / a.n)); }

static double sgd_seconds(shape a, int quadratic)
{
    enum { SAMPLE_ROWS = 8192 }; /* curvature.c */
    double sample = quadratic ? fmin(a.n, fmax(SAMPLE_ROWS, 8 * a.d)) * a.d : 0;
    double row = step_element * a.d + (quadratic ? 0 : step_row);
    return sample_element * sample + expected_epochs(a) * a.n * a.k * row;
}

static double full_seconds(cusgd_solver which, shape a, int quadratic)
{
    double pass = a.n * a.k * (pass_element * a.d + (quadratic ? 0 : pass_row));
    if (which == CUSGD_SOLVER_CG) return CG_PASSES * pass;
    if (which == CUSGD_SOLVER_LBFGS || which == CUSGD_SOLVER_COORDINATE) return LBFGS_PASSES * pass;
    return factor_multiplication * solver_work(which, a);
}

/* Returns the cheapest of the full-batch methods that the loss, the storage and the memory allow. */
static cusgd_solver cheapest(const cusgd_options *o, shape a, int sparse)
{
    int quadratic = loss_is_quadratic(o->loss);
    cusgd_solver direct = quadratic ? CUSGD_SOLVER_EXACT : CUSGD_SOLVER_NEWTON;
    int proximal = o->l1 > 0 || options_have_bounds(o);
    cusgd_solver vectors = quadratic && !proximal ? CUSGD_SOLVER_CG : CUSGD_SOLVER_LBFGS;
    double room = memory_of_machine() / 4;
    if (sparse && o->l1 > 0 && o->loss != CUSGD_LOSS_SOFTMAX && o->shards <= 1) return CUSGD_SOLVER_COORDINATE;
    if (sparse || proximal || o->loss == CUSGD_LOSS_SOFTMAX) return vectors;
    if (room > 0 && solver_bytes(direct, a) > room) return vectors;
    return full_seconds(direct, a, quadratic) <= full_seconds(vectors, a, quadratic) ? direct : vectors;
}

/* Returns the reason why only minibatch steps are possible, or NULL. */
static const char *needs_sgd(const cusgd_options *o, char *text, size_t room)
{
    const char *name = options_only_sgd_reads(o);
    if (loss_is_nonsmooth(o->loss)) {
        snprintf(text, room, "the loss %s is not differentiable everywhere", loss_word(o->loss));
        return text;
    }
    if (!name) return NULL;
    snprintf(text, room, "only sgd reads the option %s", name);
    return text;
}

void solver_best(cusgd_options *o, const cusgd_data *train, char *reason, size_t room)
{
    char text[96];
    int64_t classes = classes_of(o, train);
    *reason = '\0';
    if (o->solver != CUSGD_SOLVER_BEST) return;
    const char *why = needs_sgd(o, text, sizeof text);
    o->solver = CUSGD_SOLVER_SGD;
    if (why) {
        snprintf(reason, room, "%s", why);
        return;
    }
    int sparse = examples_are_sparse(&train->view);
    int64_t d = sparse ? cusgd_data_stored(train) / train->view.n + 1 : train->view.d; /* values read per sparse row */
    shape a = shape_make(train->view.n, d, classes > 0 ? classes : train->view.k);
    a.n = fmax(1, a.n * (1 - o->valid_fraction));
    cusgd_solver full = cheapest(o, a, sparse);
    int quadratic = loss_is_quadratic(o->loss);
    double steps = sgd_seconds(a, quadratic), other = full_seconds(full, a, quadratic);
    if (!isnan(o->gradient_tolerance)) {
        o->solver = full;
        snprintf(reason, room, "sgd does not come near a gradient of 0, for which gradient-tolerance asks");
    } else if (other <= steps) {
        o->solver = full;
        snprintf(reason, room, "estimated at %.2g s on one core, sgd at %.2g s", other, steps);
    } else {
        snprintf(reason, room, "estimated at %.2g s on one core, %s at %.2g s", steps, solver_word(full), other);
    }
}
