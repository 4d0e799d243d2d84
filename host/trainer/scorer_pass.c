/* Scoring of rows, block by block. */
#include "scorer.h"

#include "data/bring.h"
#include "failure.h"
#include "interrupt.h"

#include <math.h>
#include <stdlib.h>

enum { PIECE_VALUES = 1 << 19, PIECE_ROWS = 1 << 18, READ_VALUES = 1 << 22 };

/* Returns the number of sparse rows per block: those with about this many values, which are copied for the upload, and more
 * values than there are parameters. */
static int64_t sparse_rows(const scorer *s, const examples *e)
{
    double stored = (double)(e->s.start[e->n] - e->s.start[0]) + 1, values = fmax(PIECE_VALUES / 16.0, 2 * (double)(s->d * s->k));
    double rows = fmin(values / stored * (double)e->n, (double)PIECE_ROWS / (double)s->k);
    return rows < 1 ? 1 : (int64_t)rows;
}

static int64_t rows_at_a_time(const scorer *s, const examples *e)
{
    if (examples_are_sparse(e)) return sparse_rows(s, e);
    int64_t rows = PIECE_VALUES / (s->d + s->k);
    return rows < 1 ? 1 : rows < PIECE_ROWS ? rows : PIECE_ROWS;
}

cusgd_status scorer_check_features(const scorer *s, const cusgd_data *data, int64_t first, int64_t count)
{
    examples features = data->view;
    features.k = 0;
    features.y.at = features.w.at = features.o.at = NULL;
    return examples_check_part(&features, (row_range){first, first + count}, -1, data->source, s->threads);
}

/* Scores a block. The prediction of a row with a value that is not finite is not finite either, so that values need to be checked
 * one by one only then. */
static cusgd_status score_piece(const scorer *s, const cusgd_data *data, int64_t first, int64_t count, double *p)
{
    examples piece = examples_piece(&data->view, first, count);
    dataset *b = NULL;
    int good = 1;
    piece.k = s->k;
    piece.classes = 0;
    piece.y.at = piece.w.at = NULL;
    cusgd_status status = s->backend->ops->bind(s->backend->self, &piece, &s->transform, &b);
    if (!status) status = s->backend->ops->predict(s->backend->self, b, s->theta, p);
    s->backend->ops->unbind(s->backend->self, b);
    for (int64_t i = 0; !status && i < count * s->k; i++) {
        good &= isfinite(p[i]) != 0;
        p[i] = (p[i] + s->shift[i % s->k]) * s->unit;
    }
    if (!good) status = scorer_check_features(s, data, first, count);
    examples_forget(&data->view, first, count);
    return status;
}

cusgd_status scorer_pass(const scorer *s, const cusgd_data *data, scorer_take *take, void *context)
{
    const examples *e = &data->view;
    int64_t rows = max_of(1, min_of(rows_at_a_time(s, e), e->n));
    double *p = allocate((size_t)(rows * s->k), sizeof *p);
    if (!p) return fail_memory((size_t)(rows * s->k) * sizeof *p, "predictions");
    cusgd_status status = CUSGD_OK;
    rows_ahead *ahead = rows_ahead_begin(e, max_of(rows, READ_VALUES / e->d));
    for (int64_t i = 0; !status && i < e->n; i += rows) {
        int64_t count = min_of(rows, e->n - i);
        if (interrupt_asked()) {
            status = fail_interrupted();
            break;
        }
        rows_ahead_wait(ahead, i + count);
        status = score_piece(s, data, i, count, p);
        if (!status) take(context, i, count, p);
    }
    rows_ahead_end(ahead);
    free(p);
    return status;
}
