/* cuBLAS over OpenBLAS, in the order of the handle's stream. What OpenBLAS reads and writes is not instrumented, so the extent of
 * every vector and matrix is checked against the device's allocations before it runs. */
#include "internal.h"
#include <algorithm>
#include <cblas.h>
#include <cstring>
#include <cublas_v2.h>

struct cublasContext {
    cudaStream_t stream;
    cublasPointerMode_t mode;
    cublasMath_t math;
    void *workspace;
    size_t workspace_bytes;
};

namespace emulator
{
static CBLAS_TRANSPOSE blas(cublasOperation_t t) { return t == CUBLAS_OP_N ? CblasNoTrans : CblasTrans; }

static void blas_gemv(CBLAS_TRANSPOSE t, int m, int n, float alpha, const float *a, int lda, const float *x, int incx, float beta,
                      float *y, int incy)
{
    cblas_sgemv(CblasColMajor, t, m, n, alpha, a, lda, x, incx, beta, y, incy);
}
static void blas_gemv(CBLAS_TRANSPOSE t, int m, int n, double alpha, const double *a, int lda, const double *x, int incx,
                      double beta, double *y, int incy)
{
    cblas_dgemv(CblasColMajor, t, m, n, alpha, a, lda, x, incx, beta, y, incy);
}
static void blas_gemm(CBLAS_TRANSPOSE s, CBLAS_TRANSPOSE t, int m, int n, int k, float alpha, const float *a, int lda,
                      const float *b, int ldb, float beta, float *c, int ldc)
{
    cblas_sgemm(CblasColMajor, s, t, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
static void blas_gemm(CBLAS_TRANSPOSE s, CBLAS_TRANSPOSE t, int m, int n, int k, double alpha, const double *a, int lda,
                      const double *b, int ldb, double beta, double *c, int ldc)
{
    cblas_dgemm(CblasColMajor, s, t, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
static void blas_ger(int m, int n, float alpha, const float *x, int incx, const float *y, int incy, float *a, int lda)
{
    cblas_sger(CblasColMajor, m, n, alpha, x, incx, y, incy, a, lda);
}
static void blas_ger(int m, int n, double alpha, const double *x, int incx, const double *y, int incy, double *a, int lda)
{
    cblas_dger(CblasColMajor, m, n, alpha, x, incx, y, incy, a, lda);
}
static void blas_axpy(int n, float alpha, const float *x, int incx, float *y, int incy)
{
    cblas_saxpy(n, alpha, x, incx, y, incy);
}
static void blas_axpy(int n, double alpha, const double *x, int incx, double *y, int incy)
{
    cblas_daxpy(n, alpha, x, incx, y, incy);
}
static void blas_scal(int n, float alpha, float *x, int incx) { cblas_sscal(n, alpha, x, incx); }
static void blas_scal(int n, double alpha, double *x, int incx) { cblas_dscal(n, alpha, x, incx); }
static float blas_dot(int n, const float *x, int incx, const float *y, int incy) { return cblas_sdot(n, x, incx, y, incy); }
static double blas_dot(int n, const double *x, int incx, const double *y, int incy) { return cblas_ddot(n, x, incx, y, incy); }
static float blas_nrm2(int n, const float *x, int incx) { return cblas_snrm2(n, x, incx); }
static double blas_nrm2(int n, const double *x, int incx) { return cblas_dnrm2(n, x, incx); }

/* rows x columns elements, column-major with leading dimension ld, at p. */
template <class T> static void check_matrix(const char *name, const T *p, int rows, int columns, int ld)
{
    if (rows == 0 || columns == 0) return;
    size_t count = (size_t)(columns - 1) * (size_t)ld + (size_t)rows;
    if (!is_device(p, count * sizeof(T)))
        die("%s: %zu bytes at %p are not inside device memory", name, count * sizeof(T), (void *)p);
}

template <class T> static void check_vector(const char *name, const T *p, int n, int increment)
{
    check_matrix(name, p, 1, n, std::abs(increment));
}

/* alpha and beta: read at the call from the host, or by the device when it comes to the work. */
template <class T> struct scalar {
    T value;
    const T *pointer;
    T get() const { return pointer ? *pointer : value; }
};
template <class T> static scalar<T> scalar_of(const char *name, cublasHandle_t h, const T *p)
{
    if (h->mode == CUBLAS_POINTER_MODE_HOST) {
        if (is_device(p, 0)) die("%s: a scalar in device memory, but the pointer mode is host", name);
        return {*p, nullptr};
    }
    check_vector(name, p, 1, 1);
    return {T(), p};
}

/* cuBLAS chooses how it adds by the shapes and the leading dimensions, so that the bits of a column (a row here) may depend on
 * how many there are, and on its place among them. Here they do in any case: the sums of k products are cut in two, in either
 * half of the columns at another place, which follows from these. */
template <class T> struct matrix {
    CBLAS_TRANSPOSE turned;
    const T *at;
    int ld;
    const T *from(int row, int column) const
    {
        return turned == CblasNoTrans ? at + row + (ptrdiff_t)column * ld : at + column + (ptrdiff_t)row * ld;
    }
};

template <class T>
static void add_in_two(int first, int rows, int n, int k, int cut, T alpha, matrix<T> a, matrix<T> b, T beta, T *c, int ldc)
{
    blas_gemm(a.turned, b.turned, rows, n, cut, alpha, a.from(first, 0), a.ld, b.at, b.ld, beta, c + first, ldc);
    if (cut < k)
        blas_gemm(a.turned, b.turned, rows, n, k - cut, alpha, a.from(first, cut), a.ld, b.from(cut, 0), b.ld, T(1), c + first,
                  ldc);
}

template <class T> static void multiply(int m, int n, int k, T alpha, matrix<T> a, matrix<T> b, T beta, T *c, int ldc)
{
    int half = (m + 1) / 2;
    long long number = (long long)m * 7 + (long long)ldc * 3 + a.ld;
    add_in_two(0, half, n, k, k > 0 ? 1 + (int)(number % k) : 0, alpha, a, b, beta, c, ldc);
    if (half < m) add_in_two(half, m - half, n, k, k > 0 ? 1 + (int)((number + 1) % k) : 0, alpha, a, b, beta, c, ldc);
}

/* True where there is nothing to do but to return *status. */
static bool is_refused(const char *name, cublasHandle_t h, bool valid, cublasStatus_t *status)
{
    *status = !h                 ? CUBLAS_STATUS_NOT_INITIALIZED
              : call_fails(name) ? CUBLAS_STATUS_EXECUTION_FAILED
              : !valid           ? CUBLAS_STATUS_INVALID_VALUE
                                 : CUBLAS_STATUS_SUCCESS;
    return *status != CUBLAS_STATUS_SUCCESS;
}

/* The workspace is the library's to write on. */
static cublasStatus_t submit(cublasHandle_t h, work w)
{
    void *scratch = h->workspace;
    size_t bytes = std::min<size_t>(h->workspace_bytes, 4096);
    cudaError_t error = enqueue(h->stream, cudaGraphNodeTypeKernel, [=] {
        if (scratch) memset(scratch, 0xff, bytes);
        w();
    });
    return error ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

/* A result in host memory is there when the call returns. */
static cublasStatus_t submit_result(const char *name, cublasHandle_t h, const void *result, size_t bytes, work w)
{
    bool on_host = h->mode == CUBLAS_POINTER_MODE_HOST;
    if (is_device(result, on_host ? 0 : bytes) == on_host) die("%s: the result is not where the pointer mode says", name);
    if (on_host && is_capturing(h->stream)) return CUBLAS_STATUS_NOT_SUPPORTED;
    cublasStatus_t status = submit(h, std::move(w));
    return status || !on_host || !synchronize(h->stream) ? status : CUBLAS_STATUS_EXECUTION_FAILED;
}

template <class T>
static cublasStatus_t gemv(const char *name, cublasHandle_t h, cublasOperation_t t, int m, int n, const T *alpha, const T *a,
                           int lda, const T *x, int incx, const T *beta, T *y, int incy)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused(name, h, m >= 0 && n >= 0 && lda >= std::max(1, m) && incx && incy && alpha && beta, &status)) return status;
    if (m == 0 || n == 0) return status;
    scalar<T> A = scalar_of(name, h, alpha), B = scalar_of(name, h, beta);
    return submit(h, [=] {
        int from = t == CUBLAS_OP_N ? n : m, to = t == CUBLAS_OP_N ? m : n;
        check_matrix(name, a, m, n, lda);
        check_vector(name, x, from, incx);
        check_vector(name, y, to, incy);
        if (B.get() == 0) /* y is not read: it may hold NaN */
            for (int i = 0; i < to; i++) y[(ptrdiff_t)i * std::abs(incy)] = 0;
        blas_gemv(blas(t), m, n, A.get(), a, lda, x, incx, B.get(), y, incy);
    });
}

template <class T>
static cublasStatus_t gemm(const char *name, cublasHandle_t h, cublasOperation_t s, cublasOperation_t t, int m, int n, int k,
                           const T *alpha, const T *a, int lda, const T *b, int ldb, const T *beta, T *c, int ldc)
{
    locked guard(lock());
    cublasStatus_t status;
    int a_rows = s == CUBLAS_OP_N ? m : k, b_rows = t == CUBLAS_OP_N ? k : n;
    bool valid = m >= 0 && n >= 0 && k >= 0 && lda >= std::max(1, a_rows) && ldb >= std::max(1, b_rows) && ldc >= std::max(1, m);
    if (is_refused(name, h, valid && alpha && beta, &status)) return status;
    if (m == 0 || n == 0) return status;
    scalar<T> A = scalar_of(name, h, alpha), B = scalar_of(name, h, beta);
    return submit(h, [=] {
        check_matrix(name, a, a_rows, s == CUBLAS_OP_N ? k : m, lda);
        check_matrix(name, b, b_rows, t == CUBLAS_OP_N ? n : k, ldb);
        check_matrix(name, c, m, n, ldc);
        if (B.get() == 0)
            for (int j = 0; j < n; j++) std::fill_n(c + (ptrdiff_t)j * ldc, m, T(0));
        multiply(m, n, k, A.get(), matrix<T>{blas(s), a, lda}, matrix<T>{blas(t), b, ldb}, B.get(), c, ldc);
    });
}

template <class T>
static cublasStatus_t ger(const char *name, cublasHandle_t h, int m, int n, const T *alpha, const T *x, int incx, const T *y,
                          int incy, T *a, int lda)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused(name, h, m >= 0 && n >= 0 && lda >= std::max(1, m) && incx && incy && alpha, &status)) return status;
    if (m == 0 || n == 0) return status;
    scalar<T> A = scalar_of(name, h, alpha);
    return submit(h, [=] {
        check_vector(name, x, m, incx);
        check_vector(name, y, n, incy);
        check_matrix(name, a, m, n, lda);
        blas_ger(m, n, A.get(), x, incx, y, incy, a, lda);
    });
}

template <class T>
static cublasStatus_t axpy(const char *name, cublasHandle_t h, int n, const T *alpha, const T *x, int incx, T *y, int incy)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused(name, h, alpha, &status) || n <= 0) return status;
    scalar<T> A = scalar_of(name, h, alpha);
    return submit(h, [=] {
        check_vector(name, x, n, incx);
        check_vector(name, y, n, incy);
        blas_axpy(n, A.get(), x, incx, y, incy);
    });
}

template <class T> static cublasStatus_t scal(const char *name, cublasHandle_t h, int n, const T *alpha, T *x, int incx)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused(name, h, alpha, &status) || n <= 0) return status;
    scalar<T> A = scalar_of(name, h, alpha);
    return submit(h, [=] {
        check_vector(name, x, n, incx);
        blas_scal(n, A.get(), x, incx);
    });
}

template <class T>
static cublasStatus_t dot(const char *name, cublasHandle_t h, int n, const T *x, int incx, const T *y, int incy, T *result)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused(name, h, result, &status)) return status;
    return submit_result(name, h, result, sizeof *result, [=] {
        check_vector(name, x, n, incx);
        check_vector(name, y, n, incy);
        *result = blas_dot(n, x, incx, y, incy);
    });
}

template <class T> static cublasStatus_t nrm2(const char *name, cublasHandle_t h, int n, const T *x, int incx, T *result)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused(name, h, result, &status)) return status;
    return submit_result(name, h, result, sizeof *result, [=] {
        check_vector(name, x, n, incx);
        *result = blas_nrm2(n, x, incx);
    });
}
} // namespace emulator

using namespace emulator;

/* ---- handles ---- */

cublasStatus_t cublasCreate(cublasHandle_t *h)
{
    locked guard(lock());
    *h = nullptr;
    if (call_fails("cublasCreate")) return CUBLAS_STATUS_ALLOC_FAILED;
    openblas_set_num_threads(1); /* tests run side by side, and sums must not depend on the machine */
    *h = new cublasContext();
    (*h)->mode = CUBLAS_POINTER_MODE_HOST;
    object_made(*h, "cuBLAS handle");
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t h)
{
    locked guard(lock());
    bool fails = call_fails("cublasDestroy");
    if (!h) return CUBLAS_STATUS_NOT_INITIALIZED;
    object_gone(h);
    delete h;
    return fails ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

/* As in cuBLAS, the workspace does not follow to another stream. */
cublasStatus_t cublasSetStream(cublasHandle_t h, cudaStream_t stream)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused("cublasSetStream", h, true, &status)) return status;
    h->stream = stream;
    h->workspace = nullptr;
    h->workspace_bytes = 0;
    return status;
}

cublasStatus_t cublasGetStream(cublasHandle_t h, cudaStream_t *stream)
{
    locked guard(lock());
    cublasStatus_t status;
    if (is_refused("cublasGetStream", h, stream, &status)) return status;
    *stream = h->stream;
    return status;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t h, void *workspace, size_t bytes)
{
    locked guard(lock());
    cublasStatus_t status;
    bool valid = bytes == 0 || is_device(workspace, bytes);
    if (is_refused("cublasSetWorkspace", h, valid, &status)) return status;
    if (reinterpret_cast<size_t>(workspace) % 256) return CUBLAS_STATUS_NOT_SUPPORTED;
    h->workspace = bytes ? workspace : nullptr;
    h->workspace_bytes = bytes;
    return status;
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t h, cublasPointerMode_t mode)
{
    locked guard(lock());
    cublasStatus_t status;
    if (!is_refused("cublasSetPointerMode", h, true, &status)) h->mode = mode;
    return status;
}

/* Kept only: products here are always in full precision. */
cublasStatus_t cublasSetMathMode(cublasHandle_t h, cublasMath_t math)
{
    locked guard(lock());
    cublasStatus_t status;
    if (!is_refused("cublasSetMathMode", h, true, &status)) h->math = math;
    return status;
}

cublasStatus_t cublasGetMathMode(cublasHandle_t h, cublasMath_t *math)
{
    locked guard(lock());
    cublasStatus_t status;
    if (!is_refused("cublasGetMathMode", h, math, &status)) *math = h->math;
    return status;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t h, cublasAtomicsMode_t)
{
    locked guard(lock());
    cublasStatus_t status;
    is_refused("cublasSetAtomicsMode", h, true, &status);
    return status;
}

cublasStatus_t cublasGetVersion(cublasHandle_t h, int *version)
{
    locked guard(lock());
    cublasStatus_t status;
    if (!is_refused("cublasGetVersion", h, version, &status)) *version = CUBLAS_VERSION;
    return status;
}

const char *cublasGetStatusString(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "the operation completed successfully";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "the library was not initialized";
    case CUBLAS_STATUS_ALLOC_FAILED: return "the resource allocation failed";
    case CUBLAS_STATUS_INVALID_VALUE: return "an unsupported value or parameter was passed to the function";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "the function failed to launch on the GPU";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "the functionality requested is not supported";
    default: return "unknown error";
    }
}

const char *cublasGetStatusName(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_SUCCESS ? "CUBLAS_STATUS_SUCCESS" : cublasGetStatusString(status);
}

/* ---- products ---- */

cublasStatus_t cublasSgemv(cublasHandle_t h, cublasOperation_t t, int m, int n, const float *alpha, const float *a, int lda,
                           const float *x, int incx, const float *beta, float *y, int incy)
{
    return gemv("cublasSgemv", h, t, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

cublasStatus_t cublasDgemv(cublasHandle_t h, cublasOperation_t t, int m, int n, const double *alpha, const double *a, int lda,
                           const double *x, int incx, const double *beta, double *y, int incy)
{
    return gemv("cublasDgemv", h, t, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

cublasStatus_t cublasSgemm(cublasHandle_t h, cublasOperation_t s, cublasOperation_t t, int m, int n, int k, const float *alpha,
                           const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc)
{
    return gemm("cublasSgemm", h, s, t, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

cublasStatus_t cublasDgemm(cublasHandle_t h, cublasOperation_t s, cublasOperation_t t, int m, int n, int k, const double *alpha,
                           const double *a, int lda, const double *b, int ldb, const double *beta, double *c, int ldc)
{
    return gemm("cublasDgemm", h, s, t, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

cublasStatus_t cublasSger(cublasHandle_t h, int m, int n, const float *alpha, const float *x, int incx, const float *y, int incy,
                          float *a, int lda)
{
    return ger("cublasSger", h, m, n, alpha, x, incx, y, incy, a, lda);
}

cublasStatus_t cublasDger(cublasHandle_t h, int m, int n, const double *alpha, const double *x, int incx, const double *y,
                          int incy, double *a, int lda)
{
    return ger("cublasDger", h, m, n, alpha, x, incx, y, incy, a, lda);
}

cublasStatus_t cublasSaxpy(cublasHandle_t h, int n, const float *alpha, const float *x, int incx, float *y, int incy)
{
    return axpy("cublasSaxpy", h, n, alpha, x, incx, y, incy);
}

cublasStatus_t cublasDaxpy(cublasHandle_t h, int n, const double *alpha, const double *x, int incx, double *y, int incy)
{
    return axpy("cublasDaxpy", h, n, alpha, x, incx, y, incy);
}

cublasStatus_t cublasSscal(cublasHandle_t h, int n, const float *alpha, float *x, int incx)
{
    return scal("cublasSscal", h, n, alpha, x, incx);
}

cublasStatus_t cublasDscal(cublasHandle_t h, int n, const double *alpha, double *x, int incx)
{
    return scal("cublasDscal", h, n, alpha, x, incx);
}

cublasStatus_t cublasSdot(cublasHandle_t h, int n, const float *x, int incx, const float *y, int incy, float *result)
{
    return dot("cublasSdot", h, n, x, incx, y, incy, result);
}

cublasStatus_t cublasDdot(cublasHandle_t h, int n, const double *x, int incx, const double *y, int incy, double *result)
{
    return dot("cublasDdot", h, n, x, incx, y, incy, result);
}

cublasStatus_t cublasSnrm2(cublasHandle_t h, int n, const float *x, int incx, float *result)
{
    return nrm2("cublasSnrm2", h, n, x, incx, result);
}

cublasStatus_t cublasDnrm2(cublasHandle_t h, int n, const double *x, int incx, double *result)
{
    return nrm2("cublasDnrm2", h, n, x, incx, result);
}
