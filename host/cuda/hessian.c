/* Second derivatives, (1/n) sum w l'' z z' with z = (x, 1). For each chunk, the loss kernel computes s = w l'' instead of
 * derivatives. X^T s is then the column of the intercepts, and X^T (s X) is a product by cuBLAS. Chunks are added in double. */
#include "cuda.h"

typedef double real; /* for loss.h, of which only a property of losses is used here */
#include "scalar/loss.h"

#include <stdlib.h>
#include <string.h>

/* Arrays for the products, in addition to c->pass.work. Device memory except `host`. */
typedef struct second_work {
    int64_t blocks;
    void *scaled;  /* rows x ld: s X */
    void *product; /* d x d, of one chunk */
    double *sums;  /* blocks x d x d */
    double *host;  /* d x d, followed by d x k and k values for the intercepts */
} second_work;

static const float one_float = 1, zero_float = 0;
static const double one_double = 1, zero_double = 0;

/* Computes product = x^T scaled; for cuBLAS, both are column-major d x rows. */
static cusgd_status multiply(const cuda *c, const second_work *h, const void *x, const dataset *b, int64_t rows)
{
    int d = (int)b->d, ld = (int)b->ld, n = (int)rows;
    if (c->precision == CUSGD_PRECISION_FLOAT)
        return BLAS(cublasSgemm(c->blas, CUBLAS_OP_N, CUBLAS_OP_T, d, d, n, &one_float, x, ld, h->scaled, ld, &zero_float,
                                h->product, d));
    return BLAS(
        cublasDgemm(c->blas, CUBLAS_OP_N, CUBLAS_OP_T, d, d, n, &one_double, x, ld, h->scaled, ld, &zero_double, h->product, d));
}

/* begins: 1 for the first chunk of all rows. */
static cusgd_status add_chunk(cuda *c, const second_work *h, const dataset *b, loss_task *t, int begins)
{
    const void *x;
    int64_t values = b->d * b->d, first = t->first, rows = t->rows;
    t->begins = begins;
    TRY(pass_rows(c, b, first, rows, &x));
    TRY(product(c, &c->pass.work, x, b->ld, rows, c->pass.theta));
    TRY(launch_loss(c, t));
    TRY(product_transposed(c, &c->pass.work, x, b->ld, rows));
    TRY(CUDA(kernel_accumulate(c->precision, c->pass.work.gradient, c->pass.work.sum, b->d * b->k, begins, c->stream)));
    for (int64_t k = 0; k < h->blocks; k++) {
        scale_task s = {c->precision, x, t->p, rows, b->ld, b->k, k, h->scaled};
        TRY(CUDA(kernel_scale(&s, c->stream)));
        TRY(multiply(c, h, x, b, rows));
        TRY(CUDA(kernel_accumulate(c->precision, h->product, h->sums + k * values, values, begins, c->stream)));
    }
    return CUSGD_OK;
}

/* Copies block k to the result: the coefficients, and the row and column of the intercept. Both triangles are copied from one. */
static cusgd_status fetch_block(cuda *c, const second_work *h, const dataset *b, int64_t n, int64_t k, double *hessian)
{
    int64_t d = b->d, side = d + 1;
    const double *edge = h->host + d * d, rows = (double)n;
    TRY(download_bytes(c, h->sums + k * d * d, sizeof(double) * (size_t)(d * d), h->host));
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = i; j < d; j++) hessian[i * side + j] = hessian[j * side + i] = h->host[i * d + j] / rows;
        hessian[i * side + d] = hessian[d * side + i] = edge[i * b->k + k] / rows;
    }
    hessian[d * side + d] = edge[d * b->k + k] / rows;
    return CUSGD_OK;
}

/* Downloads the result when the sums over all rows are complete. */
static cusgd_status fetch(cuda *c, const second_work *h, const dataset *b, int64_t n, double *hessian)
{
    int64_t d = b->d, side = d + 1;
    TRY(download_bytes(c, c->pass.work.sum, sizeof(double) * (size_t)(d * b->k), h->host + d * d));
    TRY(download_bytes(c, c->pass.work.total, sizeof(double) * (size_t)b->k, h->host + d * d + d * b->k));
    for (int64_t k = 0; k < h->blocks; k++) TRY(fetch_block(c, h, b, n, k, hessian + k * side * side));
    return CUSGD_OK;
}

static cusgd_status add_rows(cuda *c, second_work *h, const dataset *b, piece_of at, loss_rule loss, double *hessian)
{
    int64_t d = b->d, maximum = min_of(c->pass.work.rows, HESSIAN_ROWS);
    loss_task t = pass_loss(c, b, loss);
    t.second = 1;
    TRY(cuda_allocate(c, maximum * b->ld, c->element, "weighted rows", &h->scaled));
    TRY(cuda_allocate(c, d * d, c->element, "second derivatives", &h->product));
    if (!c->pass.second) TRY(cuda_allocate(c, h->blocks * d * d, sizeof(double), "second derivatives", &c->pass.second));
    h->sums = c->pass.second;
    for (t.first = 0; t.first < b->n; t.first += maximum) {
        t.rows = min_of(maximum, b->n - t.first);
        TRY(add_chunk(c, h, b, &t, at.first + t.first == 0));
    }
    return at.first + b->n < at.n ? cuda_synchronize(c) : fetch(c, h, b, at.n, hessian); /* because the piece will be freed */
}

static void free_sums(cuda *c)
{
    cuda_free(c->pass.second);
    c->pass.second = NULL;
}

/* The sums stay on the device until the last piece. */
cusgd_status cuda_hessian_piece(void *of, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *hessian)
{
    cuda *c = of;
    if (is_softmax(b, loss))
        return fail(CUSGD_ERROR_USAGE, "the outputs of the loss softmax have no second derivatives of their own");
    if (b->sparse) return fail(CUSGD_ERROR_USAGE, "second derivatives of sparse data are not computed: use solver lbfgs or cg");
    second_work h = {.blocks = loss_is_quadratic(loss.kind) ? 1 : b->k};
    size_t size = (size_t)((b->d + 1) * b->k), values = (size_t)(b->d * b->d) + size;
    double *zero = theta ? NULL : allocate_zeroed(size, sizeof(double));
    h.host = allocate(values, sizeof(double));
    cusgd_status status = h.host && (theta || zero) ? CUSGD_OK : fail_memory(values * sizeof(double), "second derivatives");
    if (!status) status = pass_open(c, b, at.n, b->k, theta ? theta : zero);
    if (!status && at.first == 0) free_sums(c); /* of an earlier pass that was not completed */
    if (!status) status = add_rows(c, &h, b, at, loss, hessian);
    if (status || at.first + b->n == at.n) free_sums(c);
    cuda_free(h.scaled);
    cuda_free(h.product);
    free(h.host);
    free(zero);
    return status;
}

cusgd_status cuda_hessian(void *of, const dataset *b, loss_rule loss, const double *theta, double *hessian)
{
    return cuda_hessian_piece(of, b, (piece_of){0, b->n}, loss, theta, hessian);
}
