/* Coordinate descent on a copy of the rows by columns (problem/column_descent.h), output by output. An iteration is a proximal
 * Newton step of each output; between iterations only the iterate and the shift of the second derivatives are kept. The descent
 * is in double on the host, on the values that the device has; the device computes the objective and the gradient, by which the
 * fit ends. */
#include "solver.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "physical_memory.h"
#include "problem/column_descent.h"
#include "scalar/rounding.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct coordinate {
    solver *of;
    columns x;
    column_problem output; /* of the current output */
    column_descent now;
    double *center; /* d: the means by which columns are centered that are stored uncentered, in their scale; NULL: not
                     * centered */
} coordinate;

/* ---- Beginning ---- */

static cusgd_status check_room(const problem *p)
{
    const examples *e = &p->train.rows;
    double stored = examples_are_sparse(e) ? (double)cusgd_data_stored(p->train.data) : (double)e->n * (double)e->d;
    double bytes = columns_bytes(stored, (double)e->d), all = memory_of_machine();
    if (p->backend->world || p->train.stream)
        return fail(CUSGD_ERROR_USAGE, "solver coordinate needs all rows in this process's memory: take --solver lbfgs");
    if (all == 0 || bytes <= all) return CUSGD_OK;
    return fail(
        CUSGD_ERROR_MEMORY,
        "out of memory: solver coordinate needs %.3g GB for a copy of the values by columns, and this machine has %.3g GB; "
        "--solver lbfgs needs no copy",
        bytes / 1e9, all / 1e9);
}

/* Allocates targets, weights and offsets in one block of 3 n doubles, and the penalties of the columns, 2 d. */
static cusgd_status take_rows(coordinate *t)
{
    const problem *p = t->of->problem;
    const examples *e = &p->train.rows;
    int single = p->options->precision == CUSGD_PRECISION_FLOAT, centers = examples_are_sparse(e) && p->units.transform.mean;
    size_t n = (size_t)e->n, d = (size_t)p->d, values = 3 * n + 3 * d;
    double *at = solver_room(t->of, 0, values);
    if (!at) return fail_memory(values * sizeof *at, "coordinate descent");
    t->output = (column_problem){.x = &t->x,
                                 .loss = p->loss,
                                 .intercept = p->intercept,
                                 .steepest = p->targets.steepest,
                                 .target = at,
                                 .weight = at + n,
                                 .offset = e->o.at ? at + 2 * n : NULL,
                                 .l1 = at + 3 * n,
                                 .l2 = at + 3 * n + d,
                                 .stride = p->k};
    t->center = centers ? at + 3 * n + 2 * d : NULL;
    for (int64_t j = 0; j < p->d && centers; j++) t->center[j] = p->units.mean[j] / p->units.scale[j];
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++) {
        int64_t row = examples_row(e, i);
        t->output.weight[i] = rounded_for(single, weight_at(e, row) / p->units.transform.weight_mean) / (double)e->n;
        if (t->output.offset) t->output.offset[i] = rounded_for(single, offset_at(e, row));
    }
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

static cusgd_status begin(coordinate *t)
{
    const problem *p = t->of->problem;
    cusgd_status status = check_room(p);
    if (!status) status = take_rows(t);
    if (!status)
        status =
            columns_open(&p->train.rows, &p->units.transform, p->options->precision == CUSGD_PRECISION_FLOAT, p->backend, &t->x);
    return status ? status : column_descent_open(&t->output, &t->now);
}

/* ---- An iteration ---- */

/* Returns the intercept for centered columns minus that for columns as they are stored. */
static double center_part(const coordinate *t) { return t->center ? vector_dot(t->x.d, t->center, t->now.theta) : 0; }

/* Sets up the descent for output c of the iterate. */
static void open_output(coordinate *t, int64_t c)
{
    const solver *s = t->of;
    const problem *p = s->problem;
    const examples *e = &p->train.rows;
    int single = p->options->precision == CUSGD_PRECISION_FLOAT;
    for (int64_t i = 0; i < e->n; i++)
        t->output.target[i] = rounded_for(single, output_target(e, examples_row(e, i), c) - p->units.shift[c]);
    for (int64_t j = 0; j < p->d; j++) {
        int64_t u = j * p->k + c;
        t->output.l1[j] = problem_l1(p, u);
        t->output.l2[j] = problem_l2(p, u);
        t->now.theta[j] = problem_bounded(p, u, s->x[u]);
    }
    t->output.lower = p->limit[LIMIT_LOWER] ? p->limit[LIMIT_LOWER] + c : NULL;
    t->output.upper = p->limit[LIMIT_UPPER] ? p->limit[LIMIT_UPPER] + c : NULL;
    t->now.intercept = s->x[s->penalized + c] - center_part(t);
    column_descent_measure(&t->now);
}

/* Sets output c of the trial point. Returns whether it has changed. */
static int put_output(coordinate *t, int64_t c)
{
    solver *s = t->of;
    int moved = 0;
    for (int64_t j = 0; j < s->problem->d; j++) {
        int64_t u = j * s->problem->k + c;
        moved |= t->now.theta[j] < s->x[u] || t->now.theta[j] > s->x[u];
        s->trial.x[u] = t->now.theta[j];
    }
    int64_t u = s->penalized + c;
    if (s->problem->intercept) s->trial.x[u] = t->now.intercept + center_part(t);
    return moved || s->trial.x[u] < s->x[u] || s->trial.x[u] > s->x[u];
}

/* Sets the trial point to the iterate after a step of each output. *moved: 1 if it differs from the iterate. */
static cusgd_status step(coordinate *t, int *moved)
{
    solver *s = t->of;
    double enough = s->goal.aim / sqrt((double)s->problem->k), shortest = 1;
    cusgd_status status = CUSGD_OK;
    vector_copy(s->size, s->x, s->trial.x);
    *moved = 0;
    for (int64_t c = 0; c < s->problem->k && !status; c++) {
        open_output(t, c);
        if (t->now.violation > enough / 4) status = column_descent_step(&t->now, enough);
        if (status) break;
        shortest = t->now.step > 0 ? fmin(shortest, t->now.step) : shortest;
        *moved |= put_output(t, c);
    }
    s->step = shortest;
    return status;
}

/* Runs the iterations. It ends after a few steps that decrease neither the objective nor the gradient, because only rounding
 * errors are left. */
static cusgd_status iterate(coordinate *t)
{
    enum { IDLE_STEPS = 3 };
    solver *s = t->of;
    cusgd_status status = CUSGD_OK;
    if (s->keeps.is_loaded && s->keeps.number[0] > 0) t->now.damping = s->keeps.number[0];
    double idle = s->keeps.is_loaded ? s->keeps.number[1] : 0;
    while (!status && solver_goes_on(s)) {
        double f, before = s->f, gradient = s->gradient;
        int moved = 0;
        status = step(t, &moved);
        s->stuck = !moved || idle >= IDLE_STEPS;
        if (status || s->stuck) break;
        status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (status) break;
        solver_move(s, f);
        problem_subgradient(s->problem, s->x, s->g, s->trial.g);
        int helps = f < before - s->noise * fabs(before) || vector_norm(s->size, s->trial.g) < gradient / 2;
        s->keeps.number[0] = t->now.damping;
        s->keeps.number[1] = idle = helps ? 0 : idle + 1;
        status = solver_iterated(s);
    }
    return status;
}

cusgd_status solve_coordinate(solver *s)
{
    coordinate t = {.of = s};
    if (!s->problem->backend->is_host)
        snprintf(s->note, sizeof s->note, "coordinate descent runs on the host; the device evaluates the objective alone");
    cusgd_status status = begin(&t);
    if (!status) status = iterate(&t);
    column_descent_close(&t.now);
    columns_close(&t.x);
    return status;
}
