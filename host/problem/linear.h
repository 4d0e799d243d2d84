/* Linear algebra on arrays of the size of the parameters, in double. Vectors, matrix_solve() and small Cholesky factors are
 * implemented here; other factorizations use LAPACK, which the caller must have opened (lapack_library.h), except that
 * cholesky_factor() opens it itself when it needs it. Symmetric matrices are row-major, and only their lower triangle is read
 * (which is the upper one for LAPACK, whose matrices are column-major). */
#ifndef CUSGD_HOST_SOLVERS_LINEAR_H
#define CUSGD_HOST_SOLVERS_LINEAR_H

#include <stdint.h>

double vector_dot(int64_t n, const double *x, const double *y);
double vector_norm(int64_t n, const double *x);
void vector_add(int64_t n, double a, const double *x, double *y); /* y += a x */
void vector_copy(int64_t n, const double *x, double *y);
void vector_zero(int64_t n, double *x);

void matrix_diagonal(int64_t n, double scale, double *a); /* a: n x n, becomes scale I */
/* Computes y = A x; a: n x n, symmetric. */
void matrix_times(int64_t n, const double *a, const double *x, double *y);
/* Compute y = Z x and y += Z^T x; z: rows x n. */
void matrix_times_rows(int64_t rows, int64_t n, const double *z, const double *x, double *y);
void matrix_add_rows(int64_t rows, int64_t n, const double *z, const double *x, double *y);
/* Computes the lower triangle of A += Z^T diag(weight) Z, where Z is rows x n and the weights are >= 0 (NULL: 1). work:
 * matrix_products_work(n). */
void matrix_add_products(int64_t rows, int64_t n, const double *z, const double *weight, double *a, double *work);
int64_t matrix_products_work(int64_t n);
/* Returns the largest column sum of |A|. work: n. */
double matrix_norm(int64_t n, const double *a, double *work);
/* Computes b = A^-1 b without LAPACK. a: n x n, general, destroyed; b: n x m; work: n. Returns 0 if A is singular up to rounding,
 * or not finite. The scales of the rows and columns of A do not matter. */
int matrix_solve(int64_t n, double *a, int64_t m, double *b, double *work);
/* Returns the largest eigenvalue of A, or a bound on it if it cannot be computed. A is destroyed. work: MATRIX_TOP_WORK n. */
enum { MATRIX_TOP_WORK = 36 };
double matrix_top(int64_t n, double *a, double *work);

/* Computes the eigenvalues in ascending order, and in the rows of a their eigenvectors of length 1. Both triangles of a must be
 * set. Returns 0 if that fails. */
int matrix_eigen(int64_t n, double *a, double *values);

/* Factors A = L L^T, with L in the lower triangle of a; the upper triangle is unchanged. Returns 0 if A is not positive definite,
 * or if there is no LAPACK and n > 128. */
int cholesky_factor(int64_t n, double *a);
/* As cholesky_factor(), without LAPACK. */
int cholesky_factor_alone(int64_t n, double *a);
/* Factors D A D + r I likewise, where D = diag(scale) scales the diagonal to 1 (zeros remain) and r is the smallest sufficient
 * shift, at least the rounding error. D A D remains above the diagonal. Returns 0 if no r up to 1e-6 n suffices. */
int cholesky_factor_raised(int64_t n, double *a, double *scale);
/* Computes x = A^-1 x from the factor l, without LAPACK. */
void cholesky_solve(int64_t n, const double *l, double *x);
/* As cholesky_solve(), for a factor of D A D. */
void cholesky_solve_scaled(int64_t n, const double *l, const double *scale, double *x);
/* Replaces the factor l by the whole of A^-1. */
void cholesky_invert(int64_t n, double *l);
/* Returns an estimate of |A| |A^-1| in the norm of matrix_norm(), where `norm` is that of A. work: 4 n. */
double cholesky_condition(int64_t n, const double *l, double norm, double *work);

/* Adds rows to a triangle R, m x m column-major with zeros below its diagonal, so that R^T R increases by that of the `rows`
 * rows. The rows are column-major with `room` places per column, and are destroyed. work: TRIANGLE_WORK m. */
enum { TRIANGLE_WORK = 64 };
void triangle_add(int64_t m, double *r, int64_t rows, int64_t room, double *more, double *work);
/* Computes the least-squares solution of minimum norm, theta (d x k, row-major), from R, whose first d columns belong to x and
 * the last k to y: by substitution if R is far from singular, otherwise by QR with column pivoting and, if R does not have full
 * rank, a second QR from the right. R is destroyed. The rank is the largest number of leading columns whose estimated condition
 * number is below 1 / tolerance. Returns the rank, or -1 if there is no memory. */
int64_t triangle_solve(int64_t d, int64_t k, double *r, double tolerance, double *theta);

#endif
