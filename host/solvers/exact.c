/* Least squares and ridge regression by a direct solution. If X^T X is well conditioned, by its Cholesky factor, with iterative
 * refinement by new gradients; otherwise by QR of X, tile by tile in double from the data before standardization (Demmel,
 * Grigori, Hoemmen, Langou 2012), with column pivoting. Without full rank the solution is that of minimum norm, and the rank is
 * reported. */
#include "exact.h"

#include "failure.h"
#include "interrupt.h"
#include "problem/row_source.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Cholesky ---- */

/* Repeats x -= H^-1 g until g no longer decreases. work: side */
static cusgd_status refine(solver *s, const double *l, const double *scale, double *work)
{
    enum { REFINEMENTS = 6 };
    int64_t side = s->problem->d + 1;
    cusgd_status status = CUSGD_OK;
    for (int i = 0; i < REFINEMENTS; i++) {
        double f, before = vector_norm(s->size, s->g);
        for (int64_t c = 0; c < s->problem->k; c++) {
            for (int64_t j = 0; j < side; j++) work[j] = s->g[j * s->problem->k + c] * scale[j];
            cholesky_solve(side, l, work);
            for (int64_t j = 0; j < side; j++)
                s->trial.x[j * s->problem->k + c] = s->x[j * s->problem->k + c] - work[j] * scale[j];
        }
        status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (status) break;
        double after = vector_norm(s->size, s->trial.g);
        if (!(after < before)) break;
        solver_move(s, f);
        if (after > before / 4 || after == 0) break;
    }
    return status;
}

/* *Solves the normal equations. *done is 1 if they were accurate enough. */
static cusgd_status solve_normal(solver *s, double *condition, int *done)
{
    int64_t side = s->problem->d + 1, values = side * side;
    double maximum = s->m.run->options->precision == CUSGD_PRECISION_DOUBLE ? 1e10 : 1e5;
    double *h = allocate((size_t)(values + 5 * side), sizeof *h);
    *done = 0;
    *condition = (double)INFINITY;
    if (!h) return fail_memory((size_t)values * sizeof *h, "X^T X");
    double *scale = h + values, *work = scale + side;
    cusgd_status status = solver_hessian(s, NULL, h);
    if (!status && !interrupt_asked()) {
        for (int64_t j = 0; j < side; j++) scale[j] = h[j * side + j] > 0 ? 1 / sqrt(h[j * side + j]) : 0;
        for (int64_t a = 0; a < side; a++)
            for (int64_t b = 0; b < side; b++) h[a * side + b] *= scale[a] * scale[b];
        double norm = matrix_norm(side, h, work);
        if (cholesky_factor(side, h)) *condition = cholesky_condition(side, h, norm, work);
        *done = *condition <= maximum;
        if (*done) status = refine(s, h, scale, work);
    }
    free(h);
    return status;
}

/* ---- QR ---- */

enum { TILE_ROWS = 256 };

cusgd_status find_centre(const problem *p, center *m)
{
    size_t d = (size_t)p->d, k = (size_t)p->k;
    m->x = allocate(2 * d + k, sizeof *m->x);
    if (!m->x) return fail_memory((2 * d + k) * sizeof *m->x, "the columns' means");
    m->y = m->x + d;
    cusgd_status status = problem_moments(p, m->x, m->y + k, m->y, &m->weight);
    if (p->train.rows.o.at) targets_given_offsets(p, m->y);
    for (size_t j = 0; j < d + k && !p->intercept; j++) m->x[j] = 0;
    return status;
}

double row_factor(const problem *p, const center *m, int64_t i)
{
    const examples *e = &p->train.rows;
    return e->w.at ? sqrt(weight_at(e, examples_row(e, i)) * (double)e->n / m->weight) : 1;
}

/* Reads rows first .. first + count - 1 of [x y-o], centered, scaled, and multiplied by the square roots of their weights. tile:
 * TILE_ROWS values per column. */
static void read_rows(const problem *p, const center *m, row_source *rows, int64_t first, int64_t count, double *tile)
{
    const examples *e = rows->of;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = examples_row(e, first + i);
        const double *x = rows_at(rows, row);
        double w = row_factor(p, m, first + i), *to = tile + i;
        for (int64_t j = 0; j < e->d; j++, to += TILE_ROWS) *to = w * (x[j] - m->x[j]) / p->units.scale[j];
        for (int64_t c = 0; c < e->k; c++, to += TILE_ROWS) *to = w * (target_at(e, row, c) - offset_at(e, row) - m->y[c]);
    }
}

double ridge_of(const solver *s, int64_t j)
{
    double second = loss_curvature_bound(s->problem->loss);
    return problem_l2(s->problem, j * s->problem->k) * (double)s->problem->train.rows.n / second;
}

/* Sets the initial triangle R, which contains the penalties. r: zeros. */
static void put_penalty(const solver *s, double *r)
{
    for (int64_t j = 0; j < s->problem->d; j++) r[j * (s->problem->d + s->problem->k + 1)] = sqrt(ridge_of(s, j));
}

void put_intercepts(const solver *s, const center *m, double *theta)
{
    for (int64_t c = 0; c < s->problem->k && s->problem->intercept; c++) {
        double b = m->y[c] - s->problem->units.shift[c];
        for (int64_t j = 0; j < s->problem->d; j++)
            b -= theta[j * s->problem->k + c] * (m->x[j] - s->problem->units.mean[j]) / s->problem->units.scale[j];
        theta[s->penalized + c] = b;
    }
}

double rank_tolerance(int64_t d, int64_t n) { return DBL_EPSILON * ((double)d + 10 * sqrt((double)n)); }

void note_rank(solver *s, int64_t rank, double condition)
{
    if (rank == 0)
        snprintf(s->note, sizeof s->note, "rank 0 of %lld: no column varies, and all coefficients are 0",
                 (long long)s->problem->d);
    else if (rank < s->problem->d)
        snprintf(
            s->note, sizeof s->note,
            "rank %lld of %lld: columns are constant or depend on each other, and of all solutions the one of least norm was "
            "taken",
            (long long)rank, (long long)s->problem->d);
    else if (isfinite(condition))
        snprintf(s->note, sizeof s->note, "the condition number of X^T X is about %.1g: solved by QR of X", condition);
    else
        snprintf(s->note, sizeof s->note, "X^T X is singular to rounding: solved by QR of X");
}

static cusgd_status solve_orthogonal(solver *s, double condition)
{
    int64_t d = s->problem->d, k = s->problem->k, n = s->problem->train.rows.n, side = d + k;
    size_t values = (size_t)((side + TILE_ROWS + TRIANGLE_WORK) * side);
    double *r = allocate_zeroed(values, sizeof *r), *tile = r + side * side, *work = tile + TILE_ROWS * side, f;
    center m = {0};
    row_source rows = {0};
    cusgd_status status = r ? find_centre(s->problem, &m) : fail_memory(values * sizeof *r, "the QR factors");
    if (!status) status = rows_open(&rows, &s->problem->train.rows, s->problem->backend);
    if (!status) {
        put_penalty(s, r);
        for (int64_t first = 0; first < n && !interrupt_asked(); first += TILE_ROWS) {
            int64_t count = n - first < TILE_ROWS ? n - first : TILE_ROWS;
            read_rows(s->problem, &m, &rows, first, count, tile);
            triangle_add(side, r, count, TILE_ROWS, tile, work);
        }
        s->passes++;
    }
    cusgd_status read = rows_close(&rows);
    if (!status) status = read;
    if (!status && !interrupt_asked()) {
        vector_copy(s->size, s->x, s->trial.x);
        int64_t rank = triangle_solve(d, k, r, rank_tolerance(d, n), s->trial.x);
        put_intercepts(s, &m, s->trial.x);
        note_rank(s, rank, condition);
        status = rank < 0 ? fail_memory((size_t)(d * d) * sizeof *r, "the QR factors")
                          : solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (!status) solver_move(s, f);
    }
    free(r);
    free(m.x);
    return status;
}

cusgd_status solver_solve(solver *s)
{
    double condition = (double)INFINITY;
    int done = 0;
    if (is_wide(s)) return solve_wide(s);
    cusgd_status status = solve_normal(s, &condition, &done);
    return !status && !done && !interrupt_asked() ? solve_orthogonal(s, condition) : status;
}

cusgd_status solve_exact(solver *s)
{
    cusgd_status status = s->quadratic ? solver_solve(s) : solve_quantile(s), iterated = CUSGD_OK;
    if (!status || status == CUSGD_ERROR_NOT_CONVERGED) iterated = solver_iterated(s);
    if (status || iterated) return iterated ? iterated : status;
    if (s->m.stop != CUSGD_STOP_CANCELLED) s->m.stop = CUSGD_STOP_SOLVED;
    return CUSGD_OK;
}
