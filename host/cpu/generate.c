/* Synthetic rows. Every number is a function of its place: element (i, j) of x uses word i d + j of its stream. */
#include "parts.h"

#include "error.h"
#include "scalar/random.h"
#include <stdlib.h>

/* Householder reflections that turn the scaled axes, so that columns are correlated and standardization cannot undo the condition
 * number: x := x - 2 (x.u) u for two unit vectors. */
enum { REFLECTIONS = 2 };

typedef struct shape {
    int64_t d;
    double *scale;      /* d: sd along each axis; NULL: 1 */
    double *reflection; /* REFLECTIONS x d */
} shape;

static void shape_free(shape *s)
{
    free(s->scale);
    free(s->reflection);
}

/* The covariance's eigenvalues run geometrically from 1 down to 1 / condition. */
static cusgd_status shape_make(const cusgd_generator *g, shape *s)
{
    s->d = g->cols;
    s->scale = s->reflection = NULL;
    if (!(g->condition > 1)) return CUSGD_OK;
    s->scale = allocate((size_t)g->cols, sizeof(double));
    s->reflection = allocate((size_t)(REFLECTIONS * g->cols), sizeof(double));
    if (!s->scale || !s->reflection) {
        shape_free(s);
        return fail_memory((size_t)g->cols * 3 * sizeof(double), "the columns' shape");
    }
    uint64_t key = stream_key(g->seed, STREAM_SHAPE);
    for (int64_t j = 0; j < s->d; j++) s->scale[j] = s->d > 1 ? pow(g->condition, -0.5 * (double)j / (double)(s->d - 1)) : 1;
    for (int r = 0; r < REFLECTIONS; r++) {
        double *u = s->reflection + r * s->d, norm = 0;
        for (int64_t j = 0; j < s->d; j++) {
            uint64_t word = (uint64_t)(r * s->d + j);
            u[j] = normal_from(random_block(key, word / 4).at[word % 4]);
            norm += u[j] * u[j];
        }
        for (int64_t j = 0; j < s->d; j++) u[j] /= sqrt(norm);
    }
    return CUSGD_OK;
}

static void normals(uint64_t key, uint64_t first, int64_t count, double *out)
{
    for (int64_t i = 0; i < count;) {
        uint64_t word = first + (uint64_t)i;
        philox_words four = random_block(key, word / 4);
        for (uint64_t l = word % 4; l < 4 && i < count; l++, i++) out[i] = normal_from(four.at[l]);
    }
}

static void row_shape(const cusgd_generator *g, const shape *s, double *x)
{
    int64_t d = s->d;
    double fresh = sqrt(1 - g->correlation * g->correlation);
    for (int64_t j = 1; j < d && g->correlation != 0; j++) x[j] = g->correlation * x[j - 1] + fresh * x[j];
    if (!s->scale) return;
    for (int64_t j = 0; j < d; j++) x[j] *= s->scale[j];
    for (int r = 0; r < REFLECTIONS; r++) {
        const double *u = s->reflection + r * d;
        double along = 0;
        for (int64_t j = 0; j < d; j++) along += x[j] * u[j];
        for (int64_t j = 0; j < d; j++) x[j] -= 2 * along * u[j];
    }
}

/* Row i: x is rounded to real before y is made of it, so that y belongs to the x that is stored. */
static void row_make(const cusgd_generator *g, const shape *s, const double *truth, int64_t i, double *work, real *x, real *y)
{
    int64_t d = g->cols, k = g->outputs;
    normals(stream_key(g->seed, STREAM_FEATURES), (uint64_t)i * (uint64_t)d, d, work);
    row_shape(g, s, work);
    for (int64_t j = 0; j < d; j++) x[j] = (real)work[j];
    for (int64_t c = 0; c < k; c++) {
        uint64_t word = (uint64_t)i * (uint64_t)k + (uint64_t)c;
        uint32_t draw = random_block(stream_key(g->seed, STREAM_TARGETS), word / 4).at[word % 4];
        double p = truth[d * k + c];
        for (int64_t j = 0; j < d; j++) p += (double)x[j] * truth[j * k + c];
        y[c] = g->logistic ? (real)(uniform_open(draw) < loss_mean_at(CUSGD_LOSS_LOGISTIC, p))
                           : (real)(p + g->noise * normal_from(draw));
    }
}

cusgd_status NAMED(cpu_generate)(void *of, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                                 void *y)
{
    const cpu *self = of;
    int team = threads_for(self->threads, count * g->cols * 64, THREAD_BYTES);
    double *work = allocate((size_t)(team * g->cols), sizeof(double));
    shape s;
    if (!work) return fail_memory((size_t)(team * g->cols) * sizeof(double), "a synthetic row");
    cusgd_status status = shape_make(g, &s);
    if (status != CUSGD_OK) {
        free(work);
        return status;
    }
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < count; i++)
        row_make(g, &s, truth, first + i, work + thread_index() * g->cols, (real *)x + i * g->cols, (real *)y + i * g->outputs);
    shape_free(&s);
    free(work);
    return CUSGD_OK;
}
