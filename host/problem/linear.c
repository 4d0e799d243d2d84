#include "linear.h"

#include "failure.h"
#include "lapack_library.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Vectors ---- */

typedef double four __attribute__((vector_size(32)));

/* Eight lane sums and a fixed tree. */
double vector_dot(int64_t n, const double *x, const double *y)
{
    four sum[2] = {{0}}, a[2], b[2];
    double tail = 0, lane[4];
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(a, x + i, sizeof a);
        memcpy(b, y + i, sizeof b);
        sum[0] += a[0] * b[0];
        sum[1] += a[1] * b[1];
    }
    for (; i < n; i++) tail += x[i] * y[i];
    sum[0] += sum[1];
    memcpy(lane, sum, sizeof lane);
    return ((lane[0] + lane[2]) + (lane[1] + lane[3])) + tail;
}

double vector_norm(int64_t n, const double *x) { return sqrt(vector_dot(n, x, x)); }

void vector_add(int64_t n, double a, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

void vector_copy(int64_t n, const double *x, double *y) { memcpy(y, x, sizeof *y * (size_t)n); }
void matrix_diagonal(int64_t n, double scale, double *a)
{
    vector_zero(n * n, a);
    for (int64_t i = 0; i < n; i++) a[i * n + i] = scale;
}

void vector_zero(int64_t n, double *x) { memset(x, 0, sizeof *x * (size_t)n); }

void matrix_times(int64_t n, const double *a, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = vector_dot(n, a + i * n, x);
}

double matrix_norm(int64_t n, const double *a, double *work)
{
    return lapack.dlansy(LAPACK_COL_MAJOR, '1', 'U', (lapack_int)n, a, (lapack_int)n, work);
}

double matrix_top(int64_t n, double *a, double *work)
{
    double bound = matrix_norm(n, a, work), *values = work, *rest = work + n; /* values: ascending */
    if (!isfinite(bound)) return bound;
    lapack_int room = (lapack_int)((MATRIX_TOP_WORK - 1) * n);
    lapack_int failed = lapack.dsyev(LAPACK_COL_MAJOR, 'N', 'U', (lapack_int)n, a, (lapack_int)n, values, rest, room);
    return failed ? bound : values[n - 1];
}

int matrix_eigen(int64_t n, double *a, double *values)
{
    double *work = allocate((size_t)(MATRIX_TOP_WORK * n), sizeof *work);
    lapack_int room = (lapack_int)(MATRIX_TOP_WORK * n), failed = 1;
    if (work) failed = lapack.dsyev(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, values, work, room);
    free(work);
    return failed == 0;
}

/* ---- Products ---- */

typedef double two __attribute__((vector_size(16)));

static inline two two_at(const double *at)
{
    two v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Processes four rows at a time, so that x is read once for them and their sums are independent. */
void matrix_times_rows(int64_t rows, int64_t n, const double *z, const double *x, double *y)
{
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4, z += 4 * n) {
        two sum[4] = {{0}};
        int64_t j = 0;
        for (; j + 2 <= n; j += 2) {
            two at = two_at(x + j);
#pragma GCC unroll 4
            for (int r = 0; r < 4; r++) sum[r] += two_at(z + r * n + j) * at;
        }
        for (int r = 0; r < 4; r++) y[i + r] = sum[r][0] + sum[r][1] + (j < n ? z[r * n + j] * x[j] : 0);
    }
    for (; i < rows; i++, z += n) y[i] = vector_dot(n, z, x);
}

/* Likewise, y is read and written once for four rows. */
void matrix_add_rows(int64_t rows, int64_t n, const double *z, const double *x, double *restrict y)
{
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4, z += 4 * n)
        for (int64_t j = 0; j < n; j++)
            y[j] += (x[i] * z[j] + x[i + 1] * z[n + j]) + (x[i + 2] * z[2 * n + j] + x[i + 3] * z[3 * n + j]);
    for (; i < rows; i++, z += n) vector_add(n, x[i], z, y);
}

enum { FOUR = 4, BLOCK_ROWS = 64 };

/* BLOCK_ROWS rows, multiplied by the square roots of their weights, in groups of four columns, with zeros beyond the last column
 * and row. */
typedef double panel[BLOCK_ROWS][FOUR];

int64_t matrix_products_work(int64_t n) { return (n + FOUR - 1) / FOUR * FOUR * BLOCK_ROWS; }

static void fill_panels(int64_t rows, int64_t n, const double *z, const double *weight, panel *to)
{
    memset(to, 0, (size_t)matrix_products_work(n) * sizeof(double));
    for (int64_t i = 0; i < rows; i++) {
        double root = weight ? sqrt(weight[i]) : 1;
        for (int64_t j = 0; j < n; j++) to[j / FOUR][i][j % FOUR] = root * z[i * n + j];
    }
}

/* Computes a += left^T right, of which only `rows` x `columns` values are in the matrix. */
static void add_panels(const panel *left, const panel *right, int64_t rows, int64_t columns, int64_t n, double *a)
{
    two sum[FOUR][2] = {{{0}}};
    for (int i = 0; i < BLOCK_ROWS; i++) {
        two low = two_at((*right)[i]), high = two_at((*right)[i] + 2);
#pragma GCC unroll 4
        for (int l = 0; l < FOUR; l++) {
            two factor = {(*left)[i][l], (*left)[i][l]};
            sum[l][0] += factor * low;
            sum[l][1] += factor * high;
        }
    }
    for (int64_t l = 0; l < rows; l++)
        for (int64_t r = 0; r < columns; r++) a[l * n + r] += sum[l][r / 2][r % 2];
}

void matrix_add_products(int64_t rows, int64_t n, const double *z, const double *weight, double *a, double *work)
{
    panel *panels = (panel *)work;
    for (int64_t first = 0; first < rows; first += BLOCK_ROWS) {
        int64_t count = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        fill_panels(count, n, z + first * n, weight ? weight + first : NULL, panels);
        for (int64_t i = 0; i < n; i += FOUR)
            for (int64_t j = 0; j <= i; j += FOUR)
                add_panels(&panels[i / FOUR], &panels[j / FOUR], n - i < FOUR ? n - i : FOUR, n - j < FOUR ? n - j : FOUR, n,
                           a + i * n + j);
    }
}

/* ---- Cholesky ---- */

/* Factors row by row. LAPACK is faster from some hundred columns on, but loading OpenBLAS takes longer than a small
 * factorization: it starts threads, which spin before they sleep. */
int cholesky_factor_alone(int64_t n, double *a)
{
    for (int64_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (int64_t j = 0; j < i; j++) row[j] = (row[j] - vector_dot(j, row, a + j * n)) / a[j * n + j];
        double pivot = row[i] - vector_dot(i, row, row);
        if (!(pivot > 0 && isfinite(pivot))) return 0;
        row[i] = sqrt(pivot);
    }
    return 1;
}

int cholesky_factor(int64_t n, double *a)
{
    enum { MAX_ROWS = 128 };
    if (n <= MAX_ROWS) return cholesky_factor_alone(n, a);
    if (!lapack_is_here()) return 0;
    if (lapack.dpotrf(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a, (lapack_int)n) != 0) return 0;
    double sum = 0; /* some LAPACKs accept a NaN as a positive pivot */
    for (int64_t i = 0; i < n; i++) sum += a[i * n + i];
    return isfinite(sum);
}

int cholesky_factor_raised(int64_t n, double *a, double *scale)
{
    enum { TRIES = 10 };
    double ridge = 1e-15 * (double)n;
    for (int64_t i = 0; i < n; i++) {
        scale[i] = a[i * n + i] > 0 ? 1 / sqrt(a[i * n + i]) : 0;
        for (int64_t j = 0; j < i; j++) a[j * n + i] = a[i * n + j] * scale[i] * scale[j];
    }
    for (int tries = 0; tries < TRIES; tries++) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) a[i * n + j] = i == j ? 1 + ridge : a[j * n + i];
        if (cholesky_factor(n, a)) return 1;
        ridge *= 10;
    }
    return 0;
}

void cholesky_solve(int64_t n, const double *l, double *x)
{
    for (int64_t i = 0; i < n; i++) x[i] = (x[i] - vector_dot(i, l + i * n, x)) / l[i * n + i];
    for (int64_t i = n - 1; i >= 0; i--) {
        x[i] /= l[i * n + i];
        vector_add(i, -x[i], l + i * n, x);
    }
}

void cholesky_solve_scaled(int64_t n, const double *l, const double *scale, double *x)
{
    for (int64_t i = 0; i < n; i++) x[i] *= scale[i];
    cholesky_solve(n, l, x);
    for (int64_t i = 0; i < n; i++) x[i] *= scale[i];
}

void cholesky_invert(int64_t n, double *l)
{
    (void)lapack.dpotri(LAPACK_COL_MAJOR, 'U', (lapack_int)n, l, (lapack_int)n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) l[j * n + i] = l[i * n + j];
}

double cholesky_condition(int64_t n, const double *l, double norm, double *work)
{
    double inverse = 0; /* of the condition number */
    lapack_int *counts = (lapack_int *)(work + 3 * n);
    (void)lapack.dpocon(LAPACK_COL_MAJOR, 'U', (lapack_int)n, l, (lapack_int)n, norm, &inverse, work, counts);
    return inverse > 0 ? 1 / inverse : (double)INFINITY;
}

/* ---- Gaussian elimination ---- */

static void swap_rows(int64_t n, double *a, int64_t i, int64_t j)
{
    for (int64_t c = 0; c < n && i != j; c++) {
        double kept = a[i * n + c];
        a[i * n + c] = a[j * n + c];
        a[j * n + c] = kept;
    }
}

/* Returns the power of two that scales the largest of `count` values, `stride` apart, to [1/2, 1); 0 if it is 0 or not finite. */
static double scale_of_largest(int64_t count, int64_t stride, const double *a)
{
    int exponent;
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(a[i * stride]));
        sum += 0 * a[i * stride]; /* NaN if a value is not finite */
    }
    (void)frexp(largest, &exponent);
    return largest > 0 && !isnan(sum) ? ldexp(1, exponent < -1021 ? 1021 : -exponent) : 0;
}

/* Scales the rows of A and b, and then the columns of A, by powers of two. scale: the factors of the columns. */
static int equilibrate(int64_t n, double *a, int64_t m, double *b, double *scale)
{
    for (int64_t r = 0; r < n; r++) {
        double by = scale_of_largest(n, 1, a + r * n);
        if (!(by > 0)) return 0;
        for (int64_t c = 0; c < n; c++) a[r * n + c] *= by;
        for (int64_t c = 0; c < m; c++) b[r * m + c] *= by;
    }
    for (int64_t c = 0; c < n; c++) {
        scale[c] = scale_of_largest(n, n, a + c);
        if (!(scale[c] > 0)) return 0;
        for (int64_t r = 0; r < n; r++) a[r * n + c] *= scale[c];
    }
    return 1;
}

/* Gauss-Jordan elimination with partial pivoting. */
int matrix_solve(int64_t n, double *a, int64_t m, double *b, double *work)
{
    if (!equilibrate(n, a, m, b, work)) return 0;
    for (int64_t c = 0; c < n; c++) {
        int64_t pivot = c;
        for (int64_t r = c + 1; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[pivot * n + c])) pivot = r;
        if (!(fabs(a[pivot * n + c]) > 4 * (double)n * DBL_EPSILON)) return 0;
        swap_rows(n, a, c, pivot);
        swap_rows(m, b, c, pivot);
        for (int64_t r = 0; r < n; r++) {
            double factor = a[r * n + c] / a[c * n + c];
            if (r == c || !(fabs(factor) > 0)) continue;
            for (int64_t i = c; i < n; i++) a[r * n + i] -= factor * a[c * n + i];
            for (int64_t i = 0; i < m; i++) b[r * m + i] -= factor * b[c * m + i];
        }
    }
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < m; i++) b[r * m + i] *= work[r] / a[r * n + r];
    return 1;
}

/* ---- QR ---- */

void triangle_add(int64_t m, double *r, int64_t rows, int64_t room, double *more, double *work)
{
    lapack_int block = (lapack_int)(m < TRIANGLE_WORK / 2 ? m : TRIANGLE_WORK / 2);
    (void)lapack.dtpqrt(LAPACK_COL_MAJOR, (lapack_int)rows, (lapack_int)m, 0, block, r, (lapack_int)m, more, (lapack_int)room,
                        work, block, work + block * m);
}

/* Solves by substitution if the leading d x d part of R is far from singular, which is much cheaper than with pivoting. Returns 0
 * if it is not, and -1 if there is no memory. */
static int solve_full_rank(int64_t d, int64_t k, const double *r, double tolerance, double *theta)
{
    enum { MARGIN = 100 };
    lapack_int m = (lapack_int)(d + k), n = (lapack_int)d;
    double inverse = 0, *work = allocate((size_t)(3 * d + d * k), sizeof *work), *y = work ? work + 3 * d : NULL;
    lapack_int *counts = allocate((size_t)d, sizeof *counts);
    int memory = work && counts, good = memory;
    if (good) good = lapack.dtrcon(LAPACK_COL_MAJOR, '1', 'U', 'N', n, r, m, &inverse, work, counts) == 0;
    good = good && inverse > MARGIN * tolerance;
    for (int64_t c = 0; c < k && good; c++) vector_copy(d, r + (d + c) * (d + k), y + c * d);
    if (good) good = lapack.dtrtrs(LAPACK_COL_MAJOR, 'U', 'N', 'N', n, (lapack_int)k, r, m, y, n) == 0;
    for (int64_t j = 0; j < d && good; j++)
        for (int64_t c = 0; c < k; c++) theta[j * k + c] = y[c * d + j];
    free(work);
    free(counts);
    return memory ? good : -1;
}

int64_t triangle_solve(int64_t d, int64_t k, double *r, double tolerance, double *theta)
{
    lapack_int m = (lapack_int)(d + k), n = (lapack_int)d, outputs = (lapack_int)k, rank = -1;
    double best = 0, *y = r + d * m;
    int full = d > 0 ? solve_full_rank(d, k, r, tolerance, theta) : 1;
    if (full != 0) return full > 0 ? d : -1;
    lapack_int *order = allocate_zeroed((size_t)d, sizeof *order); /* 0: the column may be moved */
    (void)lapack.dgelsy(LAPACK_COL_MAJOR, n, n, outputs, r, m, y, m, order, tolerance, &rank, &best, -1);
    double *work = allocate((size_t)best, sizeof *work);
    rank = -1;
    if (order && work)
        (void)lapack.dgelsy(LAPACK_COL_MAJOR, n, n, outputs, r, m, y, m, order, tolerance, &rank, work, (lapack_int)best);
    for (int64_t j = 0; j < d && rank >= 0; j++)
        for (int64_t c = 0; c < k; c++) theta[j * k + c] = y[c * m + j];
    free(order);
    free(work);
    return rank;
}
