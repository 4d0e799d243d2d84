/* Pieces of the caller's matrices, brought to one form: row-major doubles. */
#include "cpu.h"
#include "failure.h"

#include <stdlib.h>
#include <string.h>

/* Where columns lie one behind the other, a few of them are read side by side, each along its memory, so that what is written of
 * a row fills a cache line. */
static void tile_of(const examples *e, const cusgd_matrix *m, int64_t first, int64_t count, int64_t cols, double *out)
{
    enum { TOGETHER = 8 };
    int64_t step = m->row_stride < m->col_stride ? TOGETHER : cols;
    for (int64_t from = 0; from < cols; from += step) {
        int64_t end = min_of(from + step, cols);
        for (int64_t i = 0; i < count; i++) {
            int64_t start = examples_row(e, first + i) * m->row_stride;
            if (m->type == CUSGD_TYPE_FLOAT32) {
                const float *at = (const float *)m->at + start;
                for (int64_t j = from; j < end; j++) out[i * cols + j] = (double)at[j * m->col_stride];
            } else {
                const double *at = (const double *)m->at + start;
                for (int64_t j = from; j < end; j++) out[i * cols + j] = at[j * m->col_stride];
            }
        }
    }
}

void tile_x(const examples *e, int64_t first, int64_t count, double *x) { tile_of(e, &e->x, first, count, e->d, x); }
void tile_y(const examples *e, int64_t first, int64_t count, double *y) { tile_of(e, &e->y, first, count, e->k, y); }

void tile_w(const examples *e, int64_t first, int64_t count, double *w)
{
    if (e->w.at) {
        tile_of(e, &e->w, first, count, 1, w);
        return;
    }
    for (int64_t i = 0; i < count; i++) w[i] = 1;
}
