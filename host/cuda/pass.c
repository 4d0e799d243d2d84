/* Passes over all rows at given parameters, chunk by chunk, in place. */
#include "cuda.h"

cusgd_status pass_open(cuda *c, const dataset *b, int64_t n, int64_t k, const double *theta)
{
    int64_t rows = b->sparse ? b->sparse->piece : min_of(n, chunk_rows(c, b->d, k)), size = (b->d + 1) * k;
    work *w = &c->pass.work;
    TRY(cuda_enter(c));
    TRY(choose_math(c, 0));
    if (w->rows < rows || w->d != b->d || w->k != k) {
        TRY(cuda_synchronize(c));
        work_close(w);
        cuda_free(c->pass.theta);
        cuda_free(c->pass.x);
        c->pass.theta = c->pass.x = NULL;
        TRY(work_open(c, rows, b->d, k, w));
    }
    if (b->storage != CUSGD_STORAGE_FULL && !c->pass.x)
        TRY(cuda_allocate(c, w->rows * b->ld, c->element, "widened rows", &c->pass.x));
    if (!c->pass.theta) TRY(cuda_allocate(c, size, c->element, "the parameters", &c->pass.theta));
    return upload_reals(c, theta, size, c->pass.theta);
}

int64_t pass_step(const cuda *c, const dataset *b) { return b->sparse ? b->sparse->piece : c->pass.work.rows; }

cusgd_status pass_rows(cuda *c, const dataset *b, int64_t first, int64_t rows, const void **x)
{
    *x = at_row(b, first);
    if (b->storage == CUSGD_STORAGE_FULL) return CUSGD_OK;
    cusgd_status status = CUDA(kernel_unpack(*x, rows * b->ld, c->pass.x, c->stream));
    *x = c->pass.x;
    return status;
}

static const void *intercept_of(const cuda *c) { return at_real(c, c->pass.theta, c->pass.work.d * c->pass.work.k); }

loss_task pass_loss(const cuda *c, const dataset *b, loss_rule loss)
{
    const work *w = &c->pass.work;
    return (loss_task){.precision = c->precision,
                       .loss = loss,
                       .m = b->m,
                       .k = w->k,
                       .classed = b->classed,
                       .shared = is_softmax(b, loss) ? w->shared : NULL,
                       .fold = b->fold,
                       .state = w->state,
                       .y = b->y,
                       .w = b->w,
                       .o = b->o,
                       .intercept = intercept_of(c),
                       .p = w->p,
                       .partial = w->partial,
                       .total = w->total};
}

/* Computes p for rows first .. first + rows - 1. */
static cusgd_status pass_product(cuda *c, const dataset *b, int64_t first, int64_t rows, const void **x)
{
    *x = NULL;
    if (b->sparse) return sparse_pass_rows(c, b, first, rows);
    TRY(pass_rows(c, b, first, rows, x));
    return product(c, &c->pass.work, *x, b->ld, rows, c->pass.theta);
}

/* begins: 1 for the first chunk of all rows. */
static cusgd_status pass_chunk(cuda *c, const dataset *b, loss_rule loss, int64_t first, int64_t rows, int begins,
                               int with_gradient)
{
    const work *w = &c->pass.work;
    const void *x;
    loss_task t = pass_loss(c, b, loss);
    t.first = first;
    t.rows = rows;
    t.begins = begins;
    TRY(pass_product(c, b, first, rows, &x));
    TRY(launch_loss(c, &t));
    if (!with_gradient) return CUSGD_OK;
    if (b->sparse) return sparse_pass_columns(c, b, first / pass_step(c, b));
    TRY(product_transposed(c, w, x, b->ld, rows));
    return CUDA(kernel_accumulate(c->precision, w->gradient, w->sum, b->d * b->k, begins, c->stream));
}

/* The sums stay on the device until the last piece. */
cusgd_status cuda_objective_piece(void *of, const dataset *b, piece_of at, loss_rule loss, const double *theta, double *value,
                                  double *gradient)
{
    cuda *c = of;
    const work *w = &c->pass.work;
    run_state state;
    int64_t n = at.n, penalized = b->d * b->k;
    TRY(pass_open(c, b, n, b->k, theta));
    if (b->sparse && gradient) TRY(sparse_pass_begin(c, b));
    for (int64_t first = 0, each = pass_step(c, b); first < b->n; first += each)
        TRY(pass_chunk(c, b, loss, first, min_of(each, b->n - first), at.first + first == 0, gradient != NULL));
    if (at.first + b->n < n) return cuda_synchronize(c); /* because the piece will be freed */
    TRY(download_bytes(c, w->state, sizeof state, &state));
    *value = state.pending / (double)n;
    if (!gradient) return CUSGD_OK;
    TRY(download_bytes(c, w->sum, sizeof(double) * (size_t)penalized, gradient));
    TRY(download_bytes(c, w->total, sizeof(double) * (size_t)b->k, gradient + penalized));
    for (int64_t u = 0; u < penalized + b->k; u++) gradient[u] /= (double)n;
    return CUSGD_OK;
}

cusgd_status cuda_objective(void *of, const dataset *b, loss_rule loss, const double *theta, double *value, double *gradient)
{
    return cuda_objective_piece(of, b, (piece_of){0, b->n}, loss, theta, value, gradient);
}

int64_t cuda_piece_end(void *of, enum full_pass pass, int64_t n, int64_t d, int64_t k, int64_t first, int64_t room)
{
    int64_t rows = pass == PASS_CURVATURE ? CURVATURE_ROWS : chunk_rows(of, d, k), end = first + room;
    int64_t each = pass == PASS_HESSIAN ? min_of(rows, HESSIAN_ROWS) : rows;
    return end >= n ? n : end / each * each;
}

cusgd_status cuda_predict(void *of, const dataset *b, const double *theta, double *out)
{
    cuda *c = of;
    const work *w = &c->pass.work;
    void *wide = NULL;
    if (b->k == 0) return CUSGD_OK;
    TRY(pass_open(c, b, b->n, b->k, theta));
    int64_t each = pass_step(c, b);
    TRY(cuda_allocate(c, each * b->k, sizeof(double), "the predictions", &wide));
    cusgd_status status = CUSGD_OK;
    for (int64_t first = 0; first < b->n && !status; first += each) {
        int64_t rows = min_of(each, b->n - first);
        widen_task t = {.precision = c->precision,
                        .from = w->p,
                        .add = intercept_of(c),
                        .each = b->o ? at_real(c, b->o, first) : NULL,
                        .count = rows,
                        .cols = b->k,
                        .ld = b->k,
                        .to = wide};
        const void *x;
        status = pass_product(c, b, first, rows, &x);
        if (!status) status = CUDA(kernel_widen(&t, c->stream));
        if (!status) status = download_bytes(c, wide, sizeof(double) * (size_t)(rows * b->k), out + first * b->k);
    }
    cuda_free(wide);
    return status;
}
