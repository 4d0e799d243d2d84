/* Upload of sparse rows: a dataset has a copy on the device and refers to the caller's rows, from which batches are converted
 * to columns. */
#include "cuda.h"
#include "scalar/rounding.h"
#include "sparse.h"

#include <stdlib.h>
#include <string.h>

int64_t sparse_length_of(const sparse_rows *x, int64_t i, int64_t *first)
{
    int64_t row = x->rows ? x->rows[i] : i;
    *first = x->from.start[row];
    return x->from.start[row + 1] - *first;
}

double sparse_value(const cuda *c, const sparse_rows *x, int64_t at)
{
    double value = csr_value(&x->from, at) * (x->inverse ? x->inverse[csr_column(&x->from, at)] : 1);
    return rounded_for(c->precision == CUSGD_PRECISION_FLOAT, value);
}

static cusgd_status take_list(const examples *e, sparse_rows *x)
{
    x->from = e->s;
    if (!e->rows) return CUSGD_OK;
    x->rows = allocate((size_t)e->n, sizeof *x->rows);
    if (!x->rows) return fail_memory((size_t)e->n * sizeof *x->rows, "the rows' numbers");
    memcpy(x->rows, e->rows, (size_t)e->n * sizeof *x->rows);
    return CUSGD_OK;
}

/* Scaling keeps zeros, but centering does not. */
static cusgd_status take_scale(const examples *e, const transform *t, sparse_rows *x)
{
    for (int64_t j = 0; t->mean && j < e->d; j++)
        if (t->mean[j] < 0 || t->mean[j] > 0)
            return fail(CUSGD_ERROR_USAGE,
                        "a GPU does not center sparse columns (--sparse-scale full): choose --device cpu, or --sparse-scale "
                        "rms");
    if (!t->scale) return CUSGD_OK;
    x->inverse = allocate((size_t)e->d, sizeof *x->inverse);
    if (!x->inverse) return fail_memory((size_t)e->d * sizeof *x->inverse, "the columns' scales");
    for (int64_t j = 0; j < e->d; j++) x->inverse[j] = 1 / t->scale[j];
    return CUSGD_OK;
}

/* Returns the number of threads per row, as many as rows of mean length keep busy. If there are many outputs, neighboring
 * threads process neighboring outputs instead. */
static int lanes_for(const sparse_rows *x, int64_t n, int64_t k)
{
    enum { OUTPUTS = 8, SHORT = 4, LONG = 64 };
    int64_t mean = x->stored / n;
    if (k >= OUTPUTS || mean < SHORT) return 1;
    return mean <= LONG ? 8 : 32;
}

/* Returns the rows per piece of a pass: as many pieces as threads can convert at a time, unless these would be short. The size
 * is limited by the memory for derivatives and by the 32-bit indices of values. */
static int64_t piece_for(const sparse_rows *x, int64_t n, int64_t k)
{
    const int64_t PIECES = 16, SHORT = 1 << 16, DERIVATIVES = 1 << 26, VALUES = (int64_t)1 << 31;
    int64_t rows = min_of(DERIVATIVES / k, n / PIECES + 1 > SHORT ? n / PIECES + 1 : SHORT);
    if (x->stored > VALUES) rows = min_of(rows, (int64_t)((double)n * (double)VALUES / (double)x->stored));
    return rows < 1 ? 1 : min_of(rows, n);
}

static cusgd_status allocate_rows(const cuda *c, const dataset *b, sparse_rows *x)
{
    for (int64_t i = 0, first; i < b->n; i++) x->stored += sparse_length_of(x, i, &first);
    x->lanes = lanes_for(x, b->n, b->k);
    x->piece = piece_for(x, b->n, b->k > 0 ? b->k : 1);
    TRY(cuda_allocate(c, b->n + 1, sizeof(int64_t), "the examples", &x->start));
    TRY(cuda_allocate(c, x->stored, sizeof(int32_t), "the examples", &x->column));
    return sparse_has_values(x) ? cuda_allocate(c, x->stored, c->element, "the examples", &x->value) : CUSGD_OK;
}

/* Data that are being uploaded. */
typedef struct upload {
    int slot;
    char *to; /* device pointer */
    size_t bytes;
} upload;

static cusgd_status flush(cuda *c, upload *u)
{
    if (u->bytes == 0) return CUSGD_OK;
    TRY(CUDA(cudaMemcpyAsync(u->to, c->ring.host[u->slot], u->bytes, cudaMemcpyHostToDevice, c->stream)));
    TRY(ring_give(c, u->slot));
    u->to += u->bytes;
    u->bytes = 0;
    return CUSGD_OK;
}

/* Returns the place for the next `size` bytes, where `size` divides the size of a slot. */
static cusgd_status place_next(cuda *c, upload *u, size_t size, void **at)
{
    if (u->bytes + size > RING_BYTES) TRY(flush(c, u));
    if (u->bytes == 0) TRY(ring_take(c, &u->slot));
    *at = (char *)c->ring.host[u->slot] + u->bytes;
    u->bytes += size;
    return CUSGD_OK;
}

static cusgd_status upload_starts(cuda *c, const dataset *b, const sparse_rows *x)
{
    upload u = {.to = x->start};
    int64_t start = 0, first;
    for (int64_t i = 0; i <= b->n; i++) {
        void *at;
        TRY(place_next(c, &u, sizeof start, &at));
        memcpy(at, &start, sizeof start);
        if (i < b->n) start += sparse_length_of(x, i, &first);
    }
    return flush(c, &u);
}

static cusgd_status upload_columns(cuda *c, const dataset *b, const sparse_rows *x)
{
    upload u = {.to = x->column};
    for (int64_t i = 0, first; i < b->n; i++) {
        int64_t length = sparse_length_of(x, i, &first);
        for (int64_t t = first; t < first + length; t++) {
            int32_t column = (int32_t)csr_column(&x->from, t);
            void *at;
            TRY(place_next(c, &u, sizeof column, &at));
            memcpy(at, &column, sizeof column);
        }
    }
    return flush(c, &u);
}

static cusgd_status upload_values(cuda *c, const dataset *b, const sparse_rows *x)
{
    upload u = {.to = x->value};
    for (int64_t i = 0, first; i < b->n && x->value; i++) {
        int64_t length = sparse_length_of(x, i, &first);
        for (int64_t t = first; t < first + length; t++) {
            void *at;
            double value = sparse_value(c, x, t);
            float narrow = (float)value;
            TRY(place_next(c, &u, c->element, &at));
            memcpy(at, c->precision == CUSGD_PRECISION_FLOAT ? (const void *)&narrow : (const void *)&value, c->element);
        }
    }
    return flush(c, &u);
}

cusgd_status sparse_bind(cuda *c, const examples *e, const transform *t, dataset *b)
{
    sparse_rows *x = b->sparse;
    TRY(take_list(e, x));
    TRY(take_scale(e, t, x));
    TRY(allocate_rows(c, b, x));
    TRY(upload_starts(c, b, x));
    TRY(upload_columns(c, b, x));
    return upload_values(c, b, x);
}

void sparse_unbind(dataset *b)
{
    sparse_rows *x = b->sparse;
    if (!x) return;
    free(x->rows);
    free(x->inverse);
    cuda_free(x->start);
    cuda_free(x->column);
    cuda_free(x->value);
    sparse_store_close(&x->by_columns);
    free(x);
}

void sparse_fetch(const cuda *c, const dataset *b, const int64_t *rows, int64_t m, double *x)
{
    const sparse_rows *s = b->sparse;
    memset(x, 0, sizeof(double) * (size_t)(m * b->d));
    for (int64_t i = 0; i < m; i++) {
        int64_t first, length = sparse_length_of(s, rows[i], &first);
        for (int64_t t = first; t < first + length; t++) x[i * b->d + csr_column(&s->from, t)] = sparse_value(c, s, t);
    }
}

/* Adds row i with weight w. */
static void add_curvature(const cuda *c, const sparse_rows *s, int64_t i, double w, const double *scale, curvature *out)
{
    int64_t first, length = sparse_length_of(s, i, &first);
    double q = 1;
    for (int64_t t = first; t < first + length; t++) {
        double z = sparse_value(c, s, t) * (scale ? scale[csr_column(&s->from, t)] : 1);
        q += z * z;
    }
    for (int64_t t = first; t < first + length; t++) {
        int64_t j = csr_column(&s->from, t);
        double z = sparse_value(c, s, t) * (scale ? scale[j] : 1);
        sparse_curvature_value(out, j, w, q, z * z);
    }
    sparse_curvature_row(out, w, q);
}

/* Computes the curvature on the host, which has the rows. It runs once per run and takes less time than the preceding upload. */
cusgd_status sparse_curvature(cuda *c, const dataset *b, const double *scale, curvature *out)
{
    double *w = b->w ? allocate((size_t)b->n, sizeof *w) : NULL;
    if (b->w && !w) return fail_memory((size_t)b->n * sizeof *w, "the rows' weights");
    sparse_curvature_start(out, b->d);
    cusgd_status status = cuda_enter(c);
    if (!status && w) status = download_reals(c, b->w, b->n, w);
    for (int64_t i = 0; i < b->n && !status; i++) add_curvature(c, b->sparse, i, w ? w[i] : 1, scale, out);
    free(w);
    return status;
}
