/* Synthetic rows: scalar/generate.h, row by row. */
#include "parts.h"

#include "failure.h"
#include "interrupt.h"
#include "scalar/generate.h"
#include <stdlib.h>

typedef struct shape {
    int64_t d;
    double *scale;      /* d: sd along each axis; NULL: 1 */
    double *reflection; /* GENERATE_REFLECTIONS x d */
} shape;

static void shape_free(shape *s)
{
    free(s->scale);
    free(s->reflection);
}

static cusgd_status shape_make(const cusgd_generator *g, shape *s)
{
    s->d = g->cols;
    s->scale = s->reflection = NULL;
    if (!(g->condition > 1)) return CUSGD_OK;
    s->scale = allocate((size_t)g->cols, sizeof(double));
    s->reflection = allocate((size_t)(GENERATE_REFLECTIONS * g->cols), sizeof(double));
    if (!s->scale || !s->reflection) {
        shape_free(s);
        return fail_memory((size_t)g->cols * 3 * sizeof(double), "the columns' shape");
    }
    for (int64_t j = 0; j < s->d; j++) s->scale[j] = generate_scale(g->condition, s->d, j);
    for (int r = 0; r < GENERATE_REFLECTIONS; r++) generate_reflection(g->seed, s->d, r, s->reflection + r * s->d);
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

/* Row i: x is rounded to real before y is made of it, so that y belongs to the x that is stored. */
static void row_make(const cusgd_generator *g, const shape *s, const double *truth, int64_t i, double *work, real *x, real *y)
{
    int64_t d = g->cols, k = g->outputs;
    normals(stream_key(g->seed, STREAM_FEATURES), (uint64_t)i * (uint64_t)d, d, work);
    generate_row_shape(d, g->correlation, s->scale, s->reflection, work);
    for (int64_t j = 0; j < d; j++) x[j] = (real)work[j];
    for (int64_t c = 0; c < k; c++) {
        double p = generate_linear(d, k, x, truth, c);
        y[c] = (real)generate_target(stream_key(g->seed, STREAM_TARGETS), (uint64_t)(i * k + c), g->targets, g->noise, p);
    }
}

typedef struct making {
    const cusgd_generator *g;
    const shape *s;
    const double *truth;
    int64_t first, count, rows; /* rows: made at once */
    double *work;               /* d, one thread's behind the other's */
    real *x, *y;
} making;

static void make_rows(void *context, int64_t piece)
{
    const making *m = context;
    int64_t d = m->g->cols, last = min_of((piece + 1) * m->rows, m->count);
    for (int64_t i = piece * m->rows; i < last; i++)
        row_make(m->g, m->s, m->truth, m->first + i, m->work + pool_thread() * d, m->x + i * d, m->y + i * m->g->outputs);
}

cusgd_status NAMED(cpu_generate)(void *of, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, void *x,
                                 void *y)
{
    enum { PIECE_VALUES = 4096 };
    const cpu *self = of;
    int team = threads_for(self->threads, count * g->cols * 64, THREAD_BYTES);
    double *work = allocate((size_t)(team * g->cols), sizeof(double));
    shape s;
    if (!work) return fail_memory((size_t)(team * g->cols) * sizeof(double), "a synthetic row");
    cusgd_status status = shape_make(g, &s);
    if (!status) {
        making m = {g, &s, truth, first, count, max_of(1, PIECE_VALUES / g->cols), work, x, y};
        if (!pool_run(self->pool, team, (count + m.rows - 1) / m.rows, make_rows, &m)) status = fail_interrupted();
        shape_free(&s);
    }
    free(work);
    return status;
}
