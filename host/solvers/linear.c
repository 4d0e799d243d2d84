#include "linear.h"

#include "error.h"
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
void vector_zero(int64_t n, double *x) { memset(x, 0, sizeof *x * (size_t)n); }

void matrix_times(int64_t n, const double *a, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = vector_dot(n, a + i * n, x);
}

/* ---- Cholesky ---- */

int cholesky_factor(int64_t n, double *a)
{
    for (int64_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (int64_t j = 0; j < i; j++) row[j] = (row[j] - vector_dot(j, row, a + j * n)) / a[j * n + j];
        double pivot = row[i] - vector_dot(i, row, row);
        if (!(pivot > 0) || !isfinite(pivot)) return 0;
        row[i] = sqrt(pivot);
    }
    return 1;
}

/* x = L^-1 x, and x = L^-T x, which goes by L's rows too. */
static void solve_lower(int64_t n, const double *l, double *x)
{
    for (int64_t i = 0; i < n; i++) x[i] = (x[i] - vector_dot(i, l + i * n, x)) / l[i * n + i];
}

static void solve_upper(int64_t n, const double *l, double *x)
{
    for (int64_t i = n - 1; i >= 0; i--) {
        x[i] /= l[i * n + i];
        vector_add(i, -x[i], l + i * n, x);
    }
}

void cholesky_solve(int64_t n, const double *l, double *x)
{
    solve_lower(n, l, x);
    solve_upper(n, l, x);
}

void cholesky_inverse(int64_t n, const double *l, double *out)
{
    for (int64_t i = 0; i < n; i++) {
        vector_zero(n, out + i * n);
        out[i * n + i] = 1;
        cholesky_solve(n, l, out + i * n);
    }
}

double matrix_top(int64_t n, const double *a, double *work)
{
    enum { ITERATIONS = 5000 };
    double value = 0, *u = work, *v = work + n;
    for (int64_t i = 0; i < n; i++) u[i] = 1 + (double)(i * 7 % 11) / 11; /* no eigenvector is orthogonal to it but by chance */
    for (int step = 0; step < ITERATIONS; step++) {
        double norm = vector_norm(n, u), before = value;
        if (norm == 0) return 0;
        for (int64_t i = 0; i < n; i++) u[i] /= norm;
        matrix_times(n, a, u, v);
        value = vector_dot(n, u, v);
        vector_copy(n, v, u);
        if (step > 10 && fabs(value - before) <= 1e-13 * value) break;
    }
    return value;
}

double cholesky_condition(int64_t n, const double *l, double top, double *work)
{
    enum { ITERATIONS = 5 };
    double inverse = 0;
    for (int64_t i = 0; i < n; i++) work[i] = i % 2 ? 1 + (double)(i * 7 % 11) / 11 : -1;
    for (int step = 0; step < ITERATIONS; step++) {
        double norm = vector_norm(n, work);
        for (int64_t i = 0; i < n; i++) work[i] /= norm;
        cholesky_solve(n, l, work);
        inverse = vector_norm(n, work);
        if (!isfinite(inverse)) return (double)INFINITY;
    }
    return top * inverse;
}

/* ---- QR ---- */

/* The reflection I - tau v v^T, v = (1, tail / scale), that takes (head, tail) to (beta, 0): *scale and beta; returns tau. */
static double reflection(double head, double tail_norm, double *scale, double *beta)
{
    double norm = hypot(head, tail_norm);
    *beta = head > 0 ? -norm : norm;
    *scale = head - *beta;
    return -*scale / *beta; /* (beta - head) / beta */
}

void triangle_add(int64_t d, int64_t k, double *r, int64_t rows, double *more)
{
    int64_t width = d + k;
    double *sum = more + rows * width; /* the caller leaves room for a row */
    for (int64_t j = 0; j < d; j++) {
        double square = 0, scale, beta, *top = r + j * width;
        for (int64_t i = 0; i < rows; i++) square += more[i * width + j] * more[i * width + j];
        if (square == 0) continue;
        double tau = reflection(top[j], sqrt(square), &scale, &beta);
        top[j] = beta;
        int64_t rest = width - j - 1;
        vector_copy(rest, top + j + 1, sum);
        for (int64_t i = 0; i < rows; i++) vector_add(rest, more[i * width + j] /= scale, more + i * width + j + 1, sum);
        vector_add(rest, -tau, sum, top + j + 1);
        for (int64_t i = 0; i < rows; i++) vector_add(rest, -tau * more[i * width + j], sum, more + i * width + j + 1);
    }
}

/* Applies the reflection whose vector is (1, column j of a below row j, already scaled) to columns from..width of rows j.. . */
static void reflect_rows(int64_t rows, int64_t width, double *a, int64_t j, double tau, int64_t from, double *sum)
{
    int64_t count = width - from;
    vector_copy(count, a + j * width + from, sum);
    for (int64_t i = j + 1; i < rows; i++) vector_add(count, a[i * width + j], a + i * width + from, sum);
    vector_add(count, -tau, sum, a + j * width + from);
    for (int64_t i = j + 1; i < rows; i++) vector_add(count, -tau * a[i * width + j], sum, a + i * width + from);
}

/* Makes the reflection of column j from row j on, and applies it to the columns behind it. Returns tau. */
static double eliminate(int64_t rows, int64_t width, double *a, int64_t j, double *sum)
{
    double square = 0, scale, beta;
    for (int64_t i = j + 1; i < rows; i++) square += a[i * width + j] * a[i * width + j];
    if (square == 0) return 0;
    double tau = reflection(a[j * width + j], sqrt(square), &scale, &beta);
    a[j * width + j] = beta;
    for (int64_t i = j + 1; i < rows; i++) a[i * width + j] /= scale;
    reflect_rows(rows, width, a, j, tau, j + 1, sum);
    return tau;
}

/* Brings the column of largest norm, from row j on, to place j. */
static double pivot(int64_t d, int64_t width, double *a, int64_t j, int64_t *order, double *square)
{
    int64_t best = j;
    vector_zero(d, square);
    for (int64_t i = j; i < d; i++)
        for (int64_t c = j; c < d; c++) square[c] += a[i * width + c] * a[i * width + c];
    for (int64_t c = j; c < d; c++)
        if (square[c] > square[best]) best = c;
    double most = square[best];
    for (int64_t i = 0; i < d && best != j; i++) {
        double kept = a[i * width + j];
        a[i * width + j] = a[i * width + best];
        a[i * width + best] = kept;
    }
    int64_t kept = order[j];
    order[j] = order[best];
    order[best] = kept;
    return sqrt(most);
}

/* The first `rank` rows, upper triangular in their first columns: u = solution of the square system, rank x k. */
static void solve_full(int64_t d, int64_t k, const double *a, int64_t rank, double *u)
{
    int64_t width = d + k;
    for (int64_t i = rank - 1; i >= 0; i--) {
        vector_copy(k, a + i * width + d, u + i * k);
        for (int64_t j = i + 1; j < rank; j++) vector_add(k, -a[i * width + j], u + j * k, u + i * k);
        for (int64_t c = 0; c < k; c++) u[i * k + c] /= a[i * width + i];
    }
}

/* The same of least norm where rank < d: [R11 R12]^T = Q T, u = Q T^-T right-hand side; b: d x rank, tau: rank; u: d x k. */
static void solve_least_norm(int64_t d, int64_t k, const double *a, int64_t rank, double *b, double *tau, double *sum, double *u)
{
    int64_t width = d + k;
    for (int64_t i = 0; i < rank; i++)
        for (int64_t j = 0; j < d; j++) b[j * rank + i] = j >= i ? a[i * width + j] : 0;
    for (int64_t j = 0; j < rank; j++) tau[j] = eliminate(d, rank, b, j, sum);
    vector_zero(d * k, u);
    for (int64_t i = 0; i < rank; i++) { /* T^T is lower triangular */
        vector_copy(k, a + i * width + d, u + i * k);
        for (int64_t j = 0; j < i; j++) vector_add(k, -b[j * rank + i], u + j * k, u + i * k);
        for (int64_t c = 0; c < k; c++) u[i * k + c] /= b[i * rank + i];
    }
    for (int64_t j = rank - 1; j >= 0; j--) { /* u = H_0 .. H_(rank-1) u */
        vector_copy(k, u + j * k, sum);
        for (int64_t i = j + 1; i < d; i++) vector_add(k, b[i * rank + j], u + i * k, sum);
        vector_add(k, -tau[j], sum, u + j * k);
        for (int64_t i = j + 1; i < d; i++) vector_add(k, -tau[j] * b[i * rank + j], sum, u + i * k);
    }
}

int64_t triangle_solve(int64_t d, int64_t k, double *r, double tolerance, double *theta)
{
    int64_t width = d + k, rank = 0, *order = allocate((size_t)d, sizeof *order);
    double *work = allocate((size_t)(width + d + d * k), sizeof *work), *b = NULL, first = 0;
    if (!order || !work) rank = -1;
    for (int64_t j = 0; j < d && rank == 0; j++) order[j] = j;
    for (int64_t j = 0; j < d && rank == j; j++) {
        double size = pivot(d, width, r, j, order, work);
        if (j == 0) first = size;
        if (!(size > tolerance * first)) break;
        (void)eliminate(d, width, r, j, work);
        rank++;
    }
    if (rank > 0 && rank < d && !(b = allocate((size_t)(d * rank), sizeof *b))) rank = -1;
    if (rank >= 0) {
        double *u = work + width + d;
        vector_zero(d * k, u);
        if (rank == d)
            solve_full(d, k, r, rank, u);
        else if (rank > 0)
            solve_least_norm(d, k, r, rank, b, work + width, work, u);
        for (int64_t j = 0; j < d; j++) vector_copy(k, u + j * k, theta + order[j] * k);
    }
    free(order);
    free(work);
    free(b);
    return rank;
}
