/* Dense linear algebra of the size of the parameters, in double, row-major. Sums are taken in a fixed order, so that a solution
 * is the same bits on every machine: what keeps LAPACK out, whose results change with the CPU and the number of threads. */
#ifndef CUSGD_HOST_SOLVERS_LINEAR_H
#define CUSGD_HOST_SOLVERS_LINEAR_H

#include <stdint.h>

double vector_dot(int64_t n, const double *x, const double *y);
double vector_norm(int64_t n, const double *x);
void vector_add(int64_t n, double a, const double *x, double *y); /* y += a x */
void vector_copy(int64_t n, const double *x, double *y);
void vector_zero(int64_t n, double *x);

/* y = A x; a: n x n, symmetric. */
void matrix_times(int64_t n, const double *a, const double *x, double *y);

/* A = L L^T, L in a's lower triangle; what is above it is not touched. Returns 0 where A is not positive definite. */
int cholesky_factor(int64_t n, double *a);
/* x = A^-1 x */
void cholesky_solve(int64_t n, const double *l, double *x);
/* out = A^-1 */
void cholesky_inverse(int64_t n, const double *l, double *out);
/* The largest eigenvalue of a symmetric positive semidefinite matrix by power iteration; work: 2 n. */
double matrix_top(int64_t n, const double *a, double *work);
/* An estimate of the condition number of A, whose largest eigenvalue is `top`, by inverse iteration; work: n. */
double cholesky_condition(int64_t n, const double *l, double top, double *work);

/* A triangle R (d x (d + k), the last k columns being right-hand sides) takes in `rows` further rows (rows x (d + k), destroyed):
 * Householder reflections bring them to zero. Behind them there is room for one row of work. R begins as zeros. */
void triangle_add(int64_t d, int64_t k, double *r, int64_t rows, double *more);
/* The minimum-norm least-squares solution of R theta = right-hand sides, theta d x k, by QR with column pivoting (Businger, Golub
 * 1965) and, below full rank, a second QR from the right (Golub, Van Loan 2013, 5.5). R is destroyed. Pivots below `tolerance`
 * times the first count as zero. Returns the rank, or -1 where there is no memory. */
int64_t triangle_solve(int64_t d, int64_t k, double *r, double tolerance, double *theta);

#endif
