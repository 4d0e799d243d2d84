/* Least squares and ridge with fewer rows than columns, by orthogonal factors of the transpose: X^T = Q R with R n x n, then
 * theta = Q z where z solves the small problem R^T z = y. A component of theta outside the range of Q would only increase its
 * norm, so that the minimum norm of z is that of theta, and |z|^2 is the penalty if there is one. A d x d matrix is never formed.
 *
 * Columns without a penalty (U) and columns with one (P, divided by the square root of their penalties) are factored separately;
 * a group with fewer than n columns is not factored. With an intercept the rows are centered and linearly dependent: sum u_i a_i
 * = 0, where u has the square roots of the weights. A Householder reflection that maps u to the first axis makes the first row 0,
 * and this row is removed. */
#include "exact.h"

#include "failure.h"
#include "interrupt.h"
#include "lapack_library.h"
#include "problem/row_source.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PANEL_COLUMNS = 64 };

/* One group of columns. */
typedef struct group {
    int64_t count, *column; /* columns of x */
    int64_t width;          /* number of columns in the small problem: min(count, rows) */
    double *a;              /* count x rows, column-major: X^T, and then its factors if count > rows */
    double *t;              /* PANEL_COLUMNS x rows: the factors of the blocks of reflections */
} group;

typedef struct wide {
    solver *s;
    center m;
    int64_t rows, *row; /* positions of rows with nonzero weights; with an intercept the first one is removed from the problem */
    double *u;          /* the factors of the rows, normalized to length 1 */
    double *y;          /* rows x k */
    double *first;      /* d + k: the first row, if there is an intercept */
    group g[2];         /* without a penalty, and with one */
} wide;

static int64_t count_rows(const problem *p, int64_t *row)
{
    const examples *e = &p->train.rows;
    int64_t count = 0;
    for (int64_t i = 0; i < e->n; i++) {
        if (!(weight_at(e, examples_row(e, i)) > 0)) continue;
        if (row) row[count] = i;
        count++;
    }
    return count;
}

int is_wide(const solver *s) { return s->problem->d > count_rows(s->problem, NULL) - (s->problem->intercept != 0); }

/* ---- Reading ---- */

/* Returns column j of row i, whose values are x. */
static double x_at(const wide *w, const double *x, int64_t i, int64_t j)
{
    return row_factor(w->s->problem, &w->m, i) * (x[j] - w->m.x[j]) / w->s->problem->units.scale[j];
}

static const double *row_at(const wide *w, row_source *rows, int64_t i)
{
    return rows_at(rows, examples_row(&w->s->problem->train.rows, i));
}

static double y_at(const wide *w, int64_t i, int64_t c)
{
    const examples *e = &w->s->problem->train.rows;
    int64_t row = examples_row(e, i);
    return row_factor(w->s->problem, &w->m, i) * (target_at(e, row, c) - offset_at(e, row) - w->m.y[c]);
}

/* Returns the multiple of the first row that the reflection subtracts from row i. */
static double reflected(const wide *w, int64_t i) { return w->first ? w->u[i] / (1 + w->u[0]) : 0; }

static void read_first(wide *w, row_source *rows)
{
    int64_t d = w->s->problem->d, k = w->s->problem->k;
    double square = 0;
    for (int64_t i = 0; i < w->rows; i++) {
        w->u[i] = row_factor(w->s->problem, &w->m, w->row[i]);
        square += w->u[i] * w->u[i];
    }
    for (int64_t i = 0; i < w->rows; i++) w->u[i] /= sqrt(square);
    if (!w->first) return;
    const double *x = row_at(w, rows, w->row[0]);
    for (int64_t j = 0; j < d; j++) w->first[j] = x_at(w, x, w->row[0], j);
    for (int64_t c = 0; c < k; c++) w->first[d + c] = y_at(w, w->row[0], c);
}

static int64_t problem_rows(const wide *w) { return w->rows - (w->first != NULL); }

static void read_group(const wide *w, row_source *rows, group *g, int penalized)
{
    int64_t n = problem_rows(w), skipped = w->first != NULL;
    for (int64_t i = 0; i < n && !interrupt_asked(); i++) {
        int64_t at = w->row[i + skipped];
        const double *values = row_at(w, rows, at);
        double share = reflected(w, i + skipped), *to = g->a + i * g->count;
        for (int64_t j = 0; j < g->count; j++) {
            int64_t column = g->column[j];
            double x = x_at(w, values, at, column) - (w->first ? share * w->first[column] : 0);
            to[j] = penalized ? x / sqrt(ridge_of(w->s, column)) : x;
        }
    }
}

static void read_targets(const wide *w)
{
    int64_t n = problem_rows(w), k = w->s->problem->k, skipped = w->first != NULL;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < k; c++)
            w->y[i * k + c] =
                y_at(w, w->row[i + skipped], c) - (w->first ? reflected(w, i + skipped) * w->first[w->s->problem->d + c] : 0);
}

/* ---- Factors ---- */

/* Applies the reflections of a panel to the columns after it, a few columns at a time, so that cancellations are prompt. */
static void update_columns(const wide *w, group *g, int64_t j, int64_t block, double *work)
{
    const double piece = 5e7; /* multiplications */
    int64_t n = problem_rows(w), rows = g->count - j, some = (int64_t)(piece / (2 * (double)rows * (double)block)) + 1;
    double *at = g->a + j * g->count + j;
    for (int64_t first = j + block; first < n && !interrupt_asked(); first += some) {
        lapack_int count = (lapack_int)(n - first < some ? n - first : some), lead = (lapack_int)g->count;
        (void)lapack.dgemqrt(LAPACK_COL_MAJOR, 'L', 'T', (lapack_int)rows, count, (lapack_int)block, (lapack_int)block, at, lead,
                             g->t + j * PANEL_COLUMNS, PANEL_COLUMNS, g->a + first * g->count + j, lead, work);
    }
}

/* Factors a = Q R by panels. work: PANEL_COLUMNS times the larger side of a. Ends early after a cancellation. */
static void factor_group(const wide *w, group *g, double *work)
{
    int64_t n = problem_rows(w);
    for (int64_t j = 0; j < n && !interrupt_asked(); j += PANEL_COLUMNS) {
        lapack_int block = (lapack_int)(n - j < PANEL_COLUMNS ? n - j : PANEL_COLUMNS), rows = (lapack_int)(g->count - j);
        (void)lapack.dgeqrt(LAPACK_COL_MAJOR, rows, block, block, g->a + j * g->count + j, (lapack_int)g->count,
                            g->t + j * PANEL_COLUMNS, PANEL_COLUMNS, work);
        update_columns(w, g, j, block, work);
    }
}

/* Computes theta = Q z in place: v has `count` values, and its first rows are z. */
static void apply_factor(const wide *w, const group *g, double *v, double *work)
{
    int64_t n = problem_rows(w), last = (n - 1) / PANEL_COLUMNS * PANEL_COLUMNS;
    for (int64_t j = last; j >= 0; j -= PANEL_COLUMNS) {
        lapack_int block = (lapack_int)(n - j < PANEL_COLUMNS ? n - j : PANEL_COLUMNS), rows = (lapack_int)(g->count - j);
        (void)lapack.dgemqrt(LAPACK_COL_MAJOR, 'L', 'N', rows, 1, block, block, g->a + j * g->count + j, (lapack_int)g->count,
                             g->t + j * PANEL_COLUMNS, PANEL_COLUMNS, v + j, rows, work);
    }
}

/* Returns column `a` of the group in row i of the small problem: an element of R^T, or of the column itself. */
static double small_at(const wide *w, const group *g, int64_t i, int64_t a)
{
    int64_t n = problem_rows(w);
    if (g->count > n && a > i) return 0;
    return g->a[i * g->count + a];
}

/* ---- The small problem ---- */

enum { TILE_ROWS = 256 };

/* Computes the solution z of the small problem (side x k, row-major). Returns its rank, or -1. r: a triangle of side + k,
 * zeros. */
static int64_t solve_small(const wide *w, double *r, double *tile, double *work, double *z)
{
    int64_t n = problem_rows(w), k = w->s->problem->k, side = w->g[0].width + w->g[1].width, all = side + k;
    for (int64_t a = w->g[0].width; a < side; a++) r[a * (all + 1)] = 1;
    for (int64_t first = 0; first < n; first += TILE_ROWS) {
        int64_t count = n - first < TILE_ROWS ? n - first : TILE_ROWS;
        double *to = tile;
        for (int part = 0; part < 2; part++)
            for (int64_t a = 0; a < w->g[part].width; a++, to += TILE_ROWS)
                for (int64_t i = 0; i < count; i++) to[i] = small_at(w, &w->g[part], first + i, a);
        for (int64_t c = 0; c < k; c++, to += TILE_ROWS)
            for (int64_t i = 0; i < count; i++) to[i] = w->y[(first + i) * k + c];
        triangle_add(all, r, count, TILE_ROWS, tile, work);
        if (interrupt_asked()) return side;
    }
    return triangle_solve(side, k, r, rank_tolerance(side, n), z);
}

/* Sets theta for the columns of the group from its part of z, which begins at row `first`. v: work, `count` values. */
static void put_group(const wide *w, const group *g, int penalized, const double *z, double *v, double *work)
{
    int64_t k = w->s->problem->k;
    for (int64_t c = 0; c < k && g->count > 0; c++) {
        vector_zero(g->count, v);
        for (int64_t a = 0; a < g->width; a++) v[a] = z[a * k + c];
        if (g->count > g->width && g->width > 0) apply_factor(w, g, v, work);
        for (int64_t a = 0; a < g->count; a++) {
            double root = penalized ? sqrt(ridge_of(w->s, g->column[a])) : 1;
            w->s->trial.x[g->column[a] * k + c] = v[a] / root;
        }
    }
}

/* ---- The whole ---- */

static cusgd_status open_wide(wide *w)
{
    int64_t d = w->s->problem->d, k = w->s->problem->k;
    w->rows = count_rows(w->s->problem, NULL);
    w->row = allocate((size_t)(w->rows + d), sizeof *w->row);
    w->u = allocate((size_t)(w->rows * (1 + k) + d + k), sizeof *w->u);
    if (!w->row || !w->u) return fail_memory((size_t)(w->rows * (1 + k) + d + k) * sizeof *w->u, "the rows");
    count_rows(w->s->problem, w->row);
    w->y = w->u + w->rows;
    w->first = w->s->problem->intercept ? w->y + w->rows * k : NULL;
    w->g[0].column = w->row + w->rows;
    for (int64_t j = 0; j < d; j++)
        if (!(ridge_of(w->s, j) > 0)) w->g[0].column[w->g[0].count++] = j;
    w->g[1].column = w->g[0].column + w->g[0].count;
    for (int64_t j = 0; j < d; j++)
        if (ridge_of(w->s, j) > 0) w->g[1].column[w->g[1].count++] = j;
    return find_centre(w->s->problem, &w->m);
}

static cusgd_status open_groups(wide *w, row_source *rows)
{
    size_t n = (size_t)problem_rows(w);
    for (int part = 0; part < 2; part++) {
        group *g = &w->g[part];
        size_t values = (size_t)g->count * n;
        g->width = g->count < (int64_t)n ? g->count : (int64_t)n;
        if (values == 0) continue;
        g->a = allocate(values + PANEL_COLUMNS * n, sizeof *g->a);
        if (!g->a) return fail_memory(values * sizeof *g->a, "the factors of X^T; --solver cg needs none");
        g->t = g->a + values;
        read_group(w, rows, g, part);
    }
    return CUSGD_OK;
}

static cusgd_status solve_groups(wide *w, int64_t *rank)
{
    solver *s = w->s;
    int64_t n = problem_rows(w), k = s->problem->k, side = w->g[0].width + w->g[1].width, all = side + k;
    int64_t maximum = s->problem->d > all ? s->problem->d : all;
    size_t values = (size_t)(all * all + TILE_ROWS * all + side * k + s->problem->d + PANEL_COLUMNS * (maximum + PANEL_COLUMNS));
    double *r = allocate_zeroed(values, sizeof *r);
    if (!r) return fail_memory(values * sizeof *r, "the small problem");
    double *tile = r + all * all, *z = tile + TILE_ROWS * all, *v = z + side * k, *work = v + s->problem->d;
    for (int part = 0; part < 2; part++)
        if (w->g[part].count > n && n > 0) factor_group(w, &w->g[part], work);
    *rank = solve_small(w, r, tile, work, z);
    if (*rank >= 0 && !interrupt_asked())
        for (int part = 0; part < 2; part++) put_group(w, &w->g[part], part, z + (part ? w->g[0].width * k : 0), v, work);
    free(r);
    return *rank < 0 ? fail_memory((size_t)(side * side) * sizeof *r, "the small problem") : CUSGD_OK;
}

static cusgd_status read_wide(wide *w)
{
    row_source rows;
    cusgd_status status = rows_open(&rows, &w->s->problem->train.rows, w->s->problem->backend);
    if (!status) {
        read_first(w, &rows);
        read_targets(w);
        status = open_groups(w, &rows);
    }
    cusgd_status read = rows_close(&rows);
    return status ? status : read;
}

cusgd_status solve_wide(solver *s)
{
    wide w = {.s = s};
    int64_t rank = 0;
    double f;
    vector_copy(s->size, s->x, s->trial.x);
    cusgd_status status = open_wide(&w);
    if (!status) status = read_wide(&w);
    if (!status) status = solve_groups(&w, &rank);
    s->passes++;
    if (!status && !interrupt_asked()) {
        put_intercepts(s, &w.m, s->trial.x);
        int64_t narrow = w.g[1].count - w.g[1].width; /* number of further parameters that the penalty determines */
        if (rank > 0 && rank == problem_rows(&w) && w.g[1].count == 0)
            snprintf(s->note, sizeof s->note,
                     "rank %lld of %lld, as there are fewer rows than columns: of all solutions the one of least norm was taken",
                     (long long)rank, (long long)s->problem->d);
        else if (rank + narrow < s->problem->d)
            note_rank(s, rank + narrow, (double)INFINITY);
        status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (!status) solver_move(s, f);
    }
    free(w.m.x);
    free(w.row);
    free(w.u);
    free(w.g[0].a);
    free(w.g[1].a);
    return status;
}
