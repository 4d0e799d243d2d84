/* Upload of examples: creates standardized copies of them on the device. */
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

/* Uploads a matrix of the examples and converts it. */
static cusgd_status bind_matrix(cuda *c, const examples *e, const bound_matrix *m)
{
    int64_t rows, cols;
    stage_shape(e->n, m->columns, 1, &rows, &cols);
    if (m->ld > m->columns) TRY(CUDA(cudaMemsetAsync(m->to, 0, (size_t)(e->n * m->ld) * m->element, c->stream)));
    for (int64_t first = 0; first < e->n; first += rows)
        for (int64_t j = 0; j < m->columns; j += cols) {
            stage s;
            const matrix_block block = {e, m->of, first, min_of(rows, e->n - first), j, min_of(cols, m->columns - j)};
            TRY(stage_block(c, &block, 0, &s));
            convert_task t = bound_convert(c, m, first, j);
            t.from = s.x;
            t.rows = block.rows;
            t.cols = block.cols;
            TRY(CUDA(kernel_convert(&t, c->stream)));
            TRY(ring_give(c, s.slot));
        }
    return CUSGD_OK;
}

/* Uploads the values that standardize columns: means and inverses of scales in double, and, after the shifts of the targets,
 * the means and the inverses in float. */
static cusgd_status upload_columns(cuda *c, const examples *e, const transform *t, double *numbers)
{
    int64_t d = e->d;
    double *inverse = allocate((size_t)d, sizeof *inverse);
    float *narrow = allocate((size_t)d, 2 * sizeof *narrow);
    cusgd_status status = CUSGD_OK;
    if (!inverse || !narrow) status = fail_memory((size_t)d * (sizeof *inverse + 2 * sizeof *narrow), "the columns' scales");
    for (int64_t j = 0; j < d && !status; j++) {
        inverse[j] = 1 / t->scale[j];
        narrow[j] = (float)t->mean[j];
        narrow[d + j] = (float)inverse[j];
    }
    if (!status) status = upload_doubles(c, t->mean, d, numbers);
    if (!status) status = upload_doubles(c, inverse, d, numbers + d);
    if (!status) status = upload_bytes(c, narrow, 2 * (size_t)d * sizeof *narrow, numbers + 2 * d + e->k);
    free(inverse);
    free(narrow);
    return status;
}

cusgd_status upload_transform(cuda *c, const examples *e, const transform *t, double *numbers)
{
    if (t->mean) TRY(upload_columns(c, e, t, numbers));
    return t->shift ? upload_doubles(c, t->shift, e->k, numbers + 2 * e->d) : CUSGD_OK;
}

static cusgd_status bind_folds(cuda *c, const examples *e, uint8_t *to)
{
    uint8_t *fold = allocate((size_t)e->n, 1);
    if (!fold) return fail_memory((size_t)e->n, "the rows' folds");
    for (int64_t i = 0; i < e->n; i++) fold[i] = e->fold[examples_row(e, i)];
    cusgd_status status = upload_bytes(c, fold, (size_t)e->n, to);
    free(fold);
    return status;
}

int bound_matrices(const cuda *c, const examples *e, const transform *t, const double *numbers, const dataset *b,
                   bound_matrix *list)
{
    int count = 0;
    const double *mean = t->mean ? numbers : NULL, *inverse = t->mean ? numbers + e->d : NULL;
    const double *shift = t->shift ? numbers + 2 * e->d : NULL;
    const float *in_float =
        standardizes(t, c->precision) == STANDARDIZE_IN_FLOAT ? (const float *)(numbers + 2 * e->d + e->k) : NULL;
    const cusgd_storage full = CUSGD_STORAGE_FULL;
    if (!b->borrowed && !b->sparse)
        list[count++] = (bound_matrix){&e->x, e->d, b->ld, mean, inverse, in_float, 1, t->storage, b->element, b->x};
    if (b->y) list[count++] = (bound_matrix){&e->y, e->k, e->k, shift, NULL, NULL, 1, full, c->element, b->y};
    if (b->w) list[count++] = (bound_matrix){&e->w, 1, 1, NULL, NULL, NULL, t->weight_mean, full, c->element, b->w};
    if (b->o) list[count++] = (bound_matrix){&e->o, 1, 1, NULL, NULL, NULL, 1, full, c->element, b->o};
    return count;
}

convert_task bound_convert(const cuda *c, const bound_matrix *m, int64_t row, int64_t column)
{
    convert_task t = {.precision = c->precision,
                      .storage = m->storage,
                      .type = m->of->type,
                      .mean = m->mean ? m->mean + column : NULL,
                      .inverse = m->inverse ? m->inverse + column : NULL,
                      .in_float = m->in_float ? m->in_float + column : NULL,
                      .columns = m->columns,
                      .divisor = m->divisor,
                      .ld = m->ld,
                      .to = (char *)m->to + (size_t)(row * m->ld + column) * m->element};
    return t;
}

static cusgd_status bind_all(cuda *c, const examples *e, const transform *t, double *numbers, dataset *b)
{
    bound_matrix list[BOUND_MATRICES];
    TRY(upload_transform(c, e, t, numbers));
    TRY(place_await(c, e));
    if (b->sparse) TRY(sparse_bind(c, e, t, b));
    int count = bound_matrices(c, e, t, numbers, b, list);
    for (int i = 0; i < count; i++) TRY(bind_matrix(c, e, &list[i]));
    if (b->fold) TRY(bind_folds(c, e, b->fold));
    return cuda_synchronize(c);
}

static cusgd_status allocate_x(const cuda *c, const examples *e, const transform *t, dataset *b)
{
    if (examples_are_sparse(e)) {
        b->sparse = allocate_zeroed(1, sizeof *b->sparse);
        return b->sparse ? CUSGD_OK : fail_memory(sizeof *b->sparse, "bound examples");
    }
    b->ld = row_stride(b->element, e->d);
    if (e->n > INT64_MAX / b->ld) return fail(CUSGD_ERROR_DEVICE, "the examples are too large for any GPU; use --device cpu");
    b->borrowed = place_serves(c, e, t, b);
    if (!b->borrowed) return cuda_allocate(c, e->n * b->ld, b->element, "the examples", &b->x);
    b->x = (void *)e->x.at;
    return CUSGD_OK;
}

cusgd_status allocate_bound(const cuda *c, const examples *e, const transform *t, dataset *b)
{
    b->n = e->n;
    b->d = e->d;
    b->m = e->k;
    b->k = examples_outputs(e);
    b->classed = e->classes > 0;
    b->storage = kept_as(c, t->storage);
    b->element = stored_bytes(c, b->storage);
    TRY(allocate_x(c, e, t, b));
    if (e->k > 0 && e->y.at) TRY(cuda_allocate(c, e->n * e->k, c->element, "the targets", &b->y));
    if (e->w.at) TRY(cuda_allocate(c, e->n, c->element, "the weights", &b->w));
    if (e->o.at) TRY(cuda_allocate(c, e->n, c->element, "the offsets", &b->o));
    b->folds = e->folds > 1 ? e->folds : 1;
    void *fold = NULL;
    if (e->fold) TRY(cuda_allocate(c, e->n, 1, "the rows' folds", &fold));
    b->fold = fold;
    return CUSGD_OK;
}

cusgd_status cuda_bind(void *of, const examples *e, const transform *t, dataset **out)
{
    cuda *c = of;
    void *numbers = NULL;
    *out = NULL;
    TRY(cuda_enter(c));
    TRY(check_shape(e->d, examples_outputs(e)));
    dataset *b = allocate_zeroed(1, sizeof *b);
    if (!b) return fail_memory(sizeof *b, "bound examples");
    cusgd_status status = allocate_bound(c, e, t, b);
    if (!status) status = cuda_allocate(c, transform_numbers(e), sizeof(double), "the transform's numbers", &numbers);
    if (!status) status = bind_all(c, e, t, numbers, b);
    if (!status)
        *out = b;
    else
        cuda_unbind(c, b);
    cuda_free(numbers);
    return status;
}

void cuda_unbind(void *of, dataset *b)
{
    cuda *c = of;
    if (!b) return;
    (void)cudaSetDevice(c->gpu.number);
    for (int h = 0; h < c->run.shards.own; h++) {
        shard *s = &c->run.shards.each[h];
        if (s->examples == b) graph_close(c);
        if (s->by_columns.of == b) s->by_columns.of = NULL; /* because another dataset may get the same address */
    }
    if (!b->shared) {
        sparse_unbind(b);
        windows_close(b);
        if (!b->borrowed) cuda_free(b->x);
        cuda_free(b->y);
        cuda_free(b->w);
        cuda_free(b->o);
        cuda_free(b->fold);
    }
    free(b);
}

cusgd_status cuda_bind_again(void *of, const examples *e, const transform *t, dataset **b)
{
    cuda_unbind(of, *b);
    return cuda_bind(of, e, t, b);
}

/* Copies columns of some rows as doubles to host memory, through t->to. */
static cusgd_status fetch_rows(cuda *c, const widen_task *t, double *to)
{
    TRY(CUDA(kernel_widen(t, c->stream)));
    return download_bytes(c, t->to, sizeof(double) * (size_t)(t->count * t->cols), to);
}

cusgd_status cuda_rows(void *of, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w)
{
    cuda *c = of;
    void *listed = NULL, *wide = NULL;
    int64_t piece = RING_BYTES / (int64_t)sizeof(double) / b->d;
    if (piece < 1) piece = 1;
    if (piece > m) piece = m;
    TRY(cuda_enter(c));
    if (b->sparse) sparse_fetch(c, b, rows, m, x);
    cusgd_status status = cuda_allocate(c, piece, sizeof(int64_t), "row numbers", &listed);
    if (!status) status = cuda_allocate(c, piece * b->d, sizeof(double), "sampled rows", &wide);
    for (int64_t i = 0; i < m && !status; i += piece) {
        int64_t count = min_of(piece, m - i);
        status = CUDA(cudaMemcpyAsync(listed, rows + i, sizeof(int64_t) * (size_t)count, cudaMemcpyHostToDevice, c->stream));
        widen_task t = {.precision = c->precision, .rows = listed, .count = count, .cols = 1, .ld = 1, .from = b->w, .to = wide};
        if (!status && b->w) status = fetch_rows(c, &t, w + i);
        t.storage = b->storage;
        t.from = b->x;
        t.cols = b->d;
        t.ld = b->ld;
        if (!status && !b->sparse) status = fetch_rows(c, &t, x + i * b->d);
        for (int64_t j = i; !b->w && j < i + count; j++) w[j] = 1;
    }
    cuda_free(listed);
    cuda_free(wide);
    return status;
}
