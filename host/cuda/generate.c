/* Synthetic rows, computed in pieces: cuRAND generates the random words, and kernels/generate.cu computes the same rows from
 * them as the CPU. */
#include "cuda.h"

typedef double real;
#include "scalar/generate.h"

#include <stdlib.h>
#include <string.h>

/* Device memory of a call. */
typedef struct pieces {
    int64_t rows; /* rows per piece */
    void *words, *differs, *work, *x, *y, *shape, *truth;
} pieces;

static void pieces_close(pieces *p)
{
    cuda_free(p->words);
    cuda_free(p->differs);
    cuda_free(p->work);
    cuda_free(p->x);
    cuda_free(p->y);
    cuda_free(p->shape);
    cuda_free(p->truth);
}

/* Uploads the d scales of columns, followed by the reflections. */
static cusgd_status upload_shape(cuda *c, const cusgd_generator *g, void **out)
{
    int64_t d = g->cols, count = (1 + GENERATE_REFLECTIONS) * d;
    double *shape = allocate((size_t)count, sizeof(double));
    if (!shape) return fail_memory((size_t)count * sizeof(double), "the columns' shape");
    for (int64_t j = 0; j < d; j++) shape[j] = generate_scale(g->condition, d, j);
    for (int r = 0; r < GENERATE_REFLECTIONS; r++) generate_reflection(g->seed, d, r, shape + (1 + r) * d);
    cusgd_status status = cuda_allocate(c, count, sizeof(double), "the columns' shape", out);
    if (!status) status = upload_doubles(c, shape, count, *out);
    free(shape);
    return status;
}

static cusgd_status pieces_open(cuda *c, const cusgd_generator *g, const double *truth, int64_t count, pieces *p)
{
    enum { PIECE_VALUES = 1 << 24 };
    int64_t d = g->cols, k = g->outputs, rows = PIECE_VALUES / (d + k);
    int shaped = g->condition > 1;
    p->rows = min_of(rows < 1 ? 1 : rows, count);
    TRY(cuda_allocate(c, p->rows * d + 8, sizeof(uint32_t), "random numbers", &p->words));
    TRY(cuda_allocate(c, 1, sizeof(int), "a flag", &p->differs));
    TRY(cuda_allocate(c, p->rows * d, c->element, "synthetic rows", &p->x));
    TRY(cuda_allocate(c, p->rows * k, c->element, "synthetic targets", &p->y));
    if (shaped || g->correlation != 0) TRY(cuda_allocate(c, p->rows * d, sizeof(double), "synthetic rows", &p->work));
    if (shaped) TRY(upload_shape(c, g, &p->shape));
    TRY(cuda_allocate(c, (d + 1) * k, sizeof(double), "the true coefficients", &p->truth));
    return upload_doubles(c, truth, (d + 1) * k, p->truth);
}

static cusgd_status open_random(cuda *c)
{
    TRY(RANDOM(curandCreateGenerator(&c->random.generator, CURAND_RNG_PSEUDO_PHILOX4_32_10)));
    TRY(RANDOM(curandSetStream(c->random.generator, c->stream)));
    return RANDOM(
        curandSetGeneratorOrdering(c->random.generator, CURAND_ORDERING_PSEUDO_LEGACY)); /* the ordering that never changes */
}

/* Generates `count` words of a stream, starting with block `first`. In the ordering that is documented as legacy, the words of
 * cuRAND equal those of random.h. This is checked at thousands of places; if it does not hold, *out becomes NULL, and the
 * kernels generate the words themselves. */
static cusgd_status make_words(cuda *c, const pieces *p, uint64_t key, uint64_t first, int64_t count, const uint32_t **out)
{
    int differs = 1;
    *out = NULL;
    if (c->random.differs) return CUSGD_OK;
    if (!c->random.generator) TRY(open_random(c));
    TRY(RANDOM(curandSetPseudoRandomGeneratorSeed(c->random.generator, key)));
    TRY(RANDOM(curandSetGeneratorOffset(c->random.generator, first * 4)));
    TRY(RANDOM(curandGenerate(c->random.generator, p->words, (size_t)count)));
    TRY(CUDA(cudaMemsetAsync(p->differs, 0, sizeof differs, c->stream)));
    TRY(CUDA(kernel_check_words(key, first, p->words, count, p->differs, c->stream)));
    TRY(download_bytes(c, p->differs, sizeof differs, &differs));
    c->random.differs = differs;
    if (!differs) *out = p->words;
    return CUSGD_OK;
}

static cusgd_status make_piece(cuda *c, const cusgd_generator *g, const pieces *p, int64_t first, int64_t rows)
{
    uint64_t start = (uint64_t)first * (uint64_t)g->cols;
    int64_t blocks = ((int64_t)(start % 4) + rows * g->cols + 3) / 4;
    generate_task t = {.precision = c->precision,
                       .first = first,
                       .rows = rows,
                       .d = g->cols,
                       .k = g->outputs,
                       .features = stream_key(g->seed, STREAM_FEATURES),
                       .targets = stream_key(g->seed, STREAM_TARGETS),
                       .correlation = g->correlation,
                       .noise = g->noise,
                       .kind = g->targets,
                       .scale = p->shape,
                       .reflection = p->shape ? (const double *)p->shape + g->cols : NULL,
                       .truth = p->truth,
                       .work = p->work,
                       .x = p->x,
                       .y = p->y};
    TRY(make_words(c, p, t.features, start / 4, blocks * 4, &t.words));
    return CUDA(kernel_generate(&t, c->stream));
}

cusgd_status cuda_generate(void *of, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                           void *y)
{
    cuda *c = of;
    pieces p = {0};
    TRY(cuda_enter(c));
    TRY(check_shape(g->cols, g->outputs));
    cusgd_status status = pieces_open(c, g, truth, count, &p);
    for (int64_t i = 0; i < count && !status; i += p.rows) {
        int64_t rows = min_of(p.rows, count - i);
        status = make_piece(c, g, &p, first + i, rows);
        if (!status) status = download_bytes(c, p.x, (size_t)(rows * g->cols) * c->element, at_real(c, x, i * g->cols));
        if (!status) status = download_bytes(c, p.y, (size_t)(rows * g->outputs) * c->element, at_real(c, y, i * g->outputs));
    }
    pieces_close(&p);
    return status;
}
