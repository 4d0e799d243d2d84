/* Linear algebra of the size of the parameters, in double: vectors, matrix_solve and small Cholesky factors here, what else has
 * factors by LAPACK, which the caller has opened (lapack_library.h; cholesky_factor opens it itself where it needs it). Symmetric
 * matrices are row-major, of which the lower triangle is looked at (to LAPACK, which counts by columns, the upper one). */
#ifndef CUSGD_HOST_SOLVERS_LINEAR_H
#define CUSGD_HOST_SOLVERS_LINEAR_H

#include <stdint.h>

double vector_dot(int64_t n, const double *x, const double *y);
double vector_norm(int64_t n, const double *x);
void vector_add(int64_t n, double a, const double *x, double *y); /* y += a x */
void vector_copy(int64_t n, const double *x, double *y);
void vector_zero(int64_t n, double *x);

void matrix_diagonal(int64_t n, double scale, double *a); /* a: n x n, becomes scale I */
/* y = A x; a: n x n, symmetric. */
void matrix_times(int64_t n, const double *a, const double *x, double *y);
/* y = Z x and y += Z^T x; z: rows x n. */
void matrix_times_rows(int64_t rows, int64_t n, const double *z, const double *x, double *y);
void matrix_add_rows(int64_t rows, int64_t n, const double *z, const double *x, double *y);
/* A += Z^T diag(weight) Z, its lower triangle, Z rows x n; the weights are not negative, NULL: 1. work: matrix_products_work(n).
 */
void matrix_add_products(int64_t rows, int64_t n, const double *z, const double *weight, double *a, double *work);
int64_t matrix_products_work(int64_t n);
/* The largest column sum of |A|; work: n. */
double matrix_norm(int64_t n, const double *a, double *work);
/* b becomes A^-1 b, without LAPACK; a: n x n, any, destroyed; b: n x m; work: n. Returns 0 where A is singular, to rounding, or
 * not finite: the scales of its rows and columns do not matter. */
int matrix_solve(int64_t n, double *a, int64_t m, double *b, double *work);
/* The largest eigenvalue of A, which is destroyed, or a bound on it where it cannot be had; work: MATRIX_TOP_WORK n. */
enum { MATRIX_TOP_WORK = 36 };
double matrix_top(int64_t n, double *a, double *work);

/* Eigenvalues, ascending, and in a's rows their eigenvectors, of length 1; both triangles of a are there. Returns 0 where they
 * cannot be had. */
int matrix_eigen(int64_t n, double *a, double *values);

/* A = L L^T, L in a's lower triangle; what is above it is not touched. Returns 0 where A is not positive definite, or there is
 * no LAPACK for more than 128 rows. */
int cholesky_factor(int64_t n, double *a);
/* Likewise, without LAPACK. */
int cholesky_factor_alone(int64_t n, double *a);
/* Likewise of D A D + r I, where D = diag(scale) brings the diagonal to 1 (0 stays) and r is as small as it takes, from rounding
 * on. D A D stays above the diagonal. Returns 0 where no r up to 1e-6 n is enough. */
int cholesky_factor_raised(int64_t n, double *a, double *scale);
/* x = A^-1 x, without LAPACK. */
void cholesky_solve(int64_t n, const double *l, double *x);
/* The same of a factor of D A D. */
void cholesky_solve_scaled(int64_t n, const double *l, const double *scale, double *x);
/* l becomes A^-1, all of it. */
void cholesky_invert(int64_t n, double *l);
/* An estimate of |A| |A^-1| in matrix_norm's norm, where `norm` is A's; work: 4 n. */
double cholesky_condition(int64_t n, const double *l, double norm, double *work);

/* A triangle R, m x m column-major, zeros below its diagonal, takes in `rows` further rows, column-major with `room` places a
 * column, destroyed: afterwards R^T R is what it was plus theirs. work: TRIANGLE_WORK m. */
enum { TRIANGLE_WORK = 64 };
void triangle_add(int64_t m, double *r, int64_t rows, int64_t room, double *more, double *work);
/* The least-squares solution of least norm, theta d x k row-major, where R's first d columns stand for x and its last k for y: by
 * substitution where R is far from singular, else by QR with column pivoting and, below full rank, a second QR from the right. R
 * is destroyed. The rank is that of the most leading columns whose condition number is estimated below 1 / tolerance. Returns it,
 * or -1 where there is no memory. */
int64_t triangle_solve(int64_t d, int64_t k, double *r, double tolerance, double *theta);

#endif
