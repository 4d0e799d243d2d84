/* Products of rows with parameters by cuBLAS, whose matrices are column-major: for cuBLAS, row-major x (rows x d, ld) is d x
 * rows, and theta, gradient (d x k) and p (rows x k) are k x d and k x rows. */
#include "cuda.h"

#include "scalar/loss_formula.h"

cusgd_status check_shape(int64_t d, int64_t k)
{
    if (d > MAX_COLUMNS || k > MAX_TARGETS)
        return fail(CUSGD_ERROR_DEVICE, "a GPU takes at most %d columns and %d targets, not %lld and %lld; use --device cpu",
                    MAX_COLUMNS, MAX_TARGETS, (long long)d, (long long)k);
    return CUSGD_OK;
}

/* Chooses chunks that about fit into the L2 cache, so that the transposed product reads them from there, and that are short
 * enough for sums in real. */
int64_t chunk_rows(const cuda *c, int64_t d, int64_t k)
{
    enum { CHUNK_BYTES = 32 * 1024 * 1024, MIN_ROWS = 64, MAX_ROWS = 65536 };
    int64_t rows = CHUNK_BYTES / ((d > k ? d : k) * (int64_t)c->element) / MIN_ROWS * MIN_ROWS;
    return rows < MIN_ROWS ? MIN_ROWS : min_of(rows, MAX_ROWS);
}

cusgd_status work_open(const cuda *c, int64_t rows, int64_t d, int64_t k, work *w)
{
    void *state = NULL, *sum = NULL, *total = NULL, *partial = NULL;
    cusgd_status status = cuda_allocate(c, rows * k, c->element, "the predictions", &w->p);
    if (!status) status = cuda_allocate(c, padded(c, d * k), c->element, "the gradient", &w->gradient);
    if (!status) status = cuda_allocate(c, d * k, sizeof(double), "the gradient's sum", &sum);
    if (!status) status = cuda_allocate(c, k, sizeof(double), "the intercepts' gradient", &total);
    if (!status) status = cuda_allocate(c, loss_partials(rows, k), sizeof(double), "the loss's sums", &partial);
    if (!status) status = cuda_allocate(c, 2 * rows, c->element, "the rows' sums", &w->shared);
    if (!status) status = cuda_allocate(c, 1, sizeof(run_state), "the run's state", &state);
    w->rows = rows;
    w->d = d;
    w->k = k;
    w->sum = sum;
    w->total = total;
    w->partial = partial;
    w->state = state;
    if (!status) status = CUDA(cudaMemsetAsync(state, 0, sizeof(run_state), c->stream));
    if (status) work_close(w);
    return status;
}

void work_close(work *w)
{
    cuda_free(w->p);
    cuda_free(w->gradient);
    cuda_free(w->sum);
    cuda_free(w->total);
    cuda_free(w->shared);
    cuda_free(w->partial);
    cuda_free(w->state);
    *w = (work){0};
}

cusgd_status formula_fits(loss_rule loss)
{
    if (!loss.formula || loss.formula->loss.places <= LOSS_PLACES) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE,
                "the formula of the loss needs %d intermediate results at a time, and a GPU keeps at most %d; use --device cpu",
                loss.formula->loss.places, LOSS_PLACES);
}

cusgd_status launch_loss(const cuda *c, const loss_task *t)
{
    TRY(formula_fits(t->loss));
    if (t->shared) TRY(CUDA(kernel_softmax(t, c->stream)));
    return CUDA(kernel_loss(t, c->stream));
}

cusgd_status choose_math(const cuda *c, int tf32)
{
    return BLAS(cublasSetMathMode(c->blas, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_PEDANTIC_MATH));
}

static const float one_float = 1, zero_float = 0;
static const double one_double = 1, zero_double = 0;

/* Computes p = x theta. */
cusgd_status product(const cuda *c, const work *w, const void *x, int64_t ld, int64_t rows, const void *theta)
{
    int d = (int)w->d, k = (int)w->k, n = (int)rows, step = (int)ld;
    if (c->precision == CUSGD_PRECISION_FLOAT)
        return w->k == 1 ? BLAS(cublasSgemv(c->blas, CUBLAS_OP_T, d, n, &one_float, x, step, theta, 1, &zero_float, w->p, 1))
                         : BLAS(cublasSgemm(c->blas, CUBLAS_OP_N, CUBLAS_OP_N, k, n, d, &one_float, theta, k, x, step,
                                            &zero_float, w->p, k));
    return w->k == 1 ? BLAS(cublasDgemv(c->blas, CUBLAS_OP_T, d, n, &one_double, x, step, theta, 1, &zero_double, w->p, 1))
                     : BLAS(cublasDgemm(c->blas, CUBLAS_OP_N, CUBLAS_OP_N, k, n, d, &one_double, theta, k, x, step, &zero_double,
                                        w->p, k));
}

/* Computes gradient = x^T p. */
cusgd_status product_transposed(const cuda *c, const work *w, const void *x, int64_t ld, int64_t rows)
{
    int d = (int)w->d, k = (int)w->k, n = (int)rows, step = (int)ld;
    if (c->precision == CUSGD_PRECISION_FLOAT)
        return w->k == 1
                   ? BLAS(cublasSgemv(c->blas, CUBLAS_OP_N, d, n, &one_float, x, step, w->p, 1, &zero_float, w->gradient, 1))
                   : BLAS(cublasSgemm(c->blas, CUBLAS_OP_N, CUBLAS_OP_T, k, d, n, &one_float, w->p, k, x, step, &zero_float,
                                      w->gradient, k));
    return w->k == 1 ? BLAS(cublasDgemv(c->blas, CUBLAS_OP_N, d, n, &one_double, x, step, w->p, 1, &zero_double, w->gradient, 1))
                     : BLAS(cublasDgemm(c->blas, CUBLAS_OP_N, CUBLAS_OP_T, k, d, n, &one_double, w->p, k, x, step, &zero_double,
                                        w->gradient, k));
}
