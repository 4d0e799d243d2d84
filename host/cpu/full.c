/* Passes over all rows at given parameters. */
#include "parts.h"

#include "error.h"
#include <stdlib.h>
#include <string.h>

void NAMED(by_output)(int64_t d, int64_t k, const double *from, real *to)
{
    int64_t ld = rows_padded(d) + LANES;
    for (int64_t c = 0; c < k; c++) {
        memset(to + c * ld, 0, sizeof(real) * (size_t)ld);
        for (int64_t j = 0; j < d; j++) to[c * ld + j] = (real)from[j * k + c];
        to[c * ld + ld - LANES] = (real)from[d * k + c];
    }
}

void NAMED(by_feature)(int64_t d, int64_t k, const real *from, double *to)
{
    int64_t ld = rows_padded(d) + LANES;
    for (int64_t c = 0; c < k; c++) {
        for (int64_t j = 0; j < d; j++) to[j * k + c] = (double)from[c * ld + j];
        to[d * k + c] = (double)from[c * ld + ld - LANES];
    }
}

/* A wave is as many chunks as have a place for their sums; chunks are added in order, waves in order, in double. */
enum { WAVE = 64 };

static double wave(const cpu *self, const rows_task *task, int64_t n, int64_t first_chunk, int64_t chunks, real *partial,
                   double *total)
{
    int64_t rows = chunk_rows(task->d), size = task->k * task->ld;
    int team = threads_for(self->threads, least(chunks * rows, n) * task->d * (int64_t)sizeof(real), THREAD_BYTES);
    double losses[WAVE], loss = 0;
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
    for (int64_t c = 0; c < chunks; c++) {
        int64_t first = (first_chunk + c) * rows;
        rows_task mine = *task;
        mine.gradient = partial ? partial + c * size : NULL;
        if (partial) memset(mine.gradient, 0, sizeof(real) * (size_t)size);
        losses[c] = self->rows->gradient(&mine, NULL, first, least(rows, n - first));
    }
    for (int64_t c = 0; c < chunks; c++) {
        loss += losses[c];
        for (int64_t j = 0; partial && j < size; j++) total[j] += (double)partial[c * size + j];
    }
    return loss;
}

cusgd_status NAMED(cpu_objective)(void *self, const bound *b, cusgd_loss loss, const double *theta, double *value,
                                  double *gradient)
{
    int64_t ld = rows_padded(b->d) + LANES, size = b->k * ld, chunks = chunk_count(b->n, b->d), waves = least(chunks, WAVE);
    real *point = allocate_aligned_zeroed((size_t)size, sizeof(real));
    real *partial = gradient ? allocate_aligned_zeroed((size_t)(waves * size), sizeof(real)) : NULL;
    double *total = gradient ? allocate_zeroed((size_t)size, sizeof(double)) : NULL;
    cusgd_status status = CUSGD_OK;
    if (!point || (gradient && (!partial || !total))) {
        status = fail_memory((size_t)(waves * size) * sizeof(real), "the full gradient");
    } else {
        rows_task task = NAMED(task_of)(b, loss, point, NULL);
        double sum = 0;
        NAMED(by_output)(b->d, b->k, theta, point);
        for (int64_t c = 0; c < chunks; c += WAVE) sum += wave(self, &task, b->n, c, least(WAVE, chunks - c), partial, total);
        *value = sum / (double)b->n;
        for (int64_t c = 0; gradient && c < b->k; c++) {
            for (int64_t j = 0; j < b->d; j++) gradient[j * b->k + c] = total[c * ld + j] / (double)b->n;
            gradient[b->d * b->k + c] = total[c * ld + ld - LANES] / (double)b->n;
        }
    }
    free(point);
    free(partial);
    free(total);
    return status;
}

cusgd_status NAMED(cpu_predict)(void *self, const bound *b, const double *theta, double *out)
{
    const cpu *c = self;
    int64_t ld = rows_padded(b->d) + LANES, rows = chunk_rows(b->d), chunks = chunk_count(b->n, b->d);
    real *point = allocate_aligned_zeroed((size_t)(b->k * ld), sizeof(real));
    if (!point) return fail_memory((size_t)(b->k * ld) * sizeof(real), "the parameters");
    rows_task task = NAMED(task_of)(b, CUSGD_LOSS_SQUARED, point, NULL);
    NAMED(by_output)(b->d, b->k, theta, point);
#pragma omp parallel for num_threads(threads_for(c->threads, b->n * b->d * (int64_t)sizeof(real), THREAD_BYTES)) schedule(static)
    for (int64_t i = 0; i < chunks; i++) c->rows->predict(&task, i * rows, least(rows, b->n - i * rows), out + i * rows * b->k);
    free(point);
    return CUSGD_OK;
}
