/* Checks the values of data. A pass at the speed of memory finds the first block of rows with a bad value; a second, slow pass
 * finds the place in that block. */
#include "bring.h"
#include "data.h"
#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "pool.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_VALUES = 1 << 15 }; /* of x in a block: in the second-level cache */

/* The exponent of infinities and NaNs is all ones. Integers, so that the loops vectorize. */
static int floats_are_finite(const float *x, int64_t count)
{
    const uint32_t exponent = UINT32_C(0x7F800000);
    uint32_t bad = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bad |= (bits & exponent) == exponent;
    }
    return !bad;
}

static int doubles_are_finite(const double *x, int64_t count)
{
    const uint64_t exponent = UINT64_C(0x7FF0000000000000);
    uint64_t bad = 0;
    for (int64_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bad |= (bits & exponent) == exponent;
    }
    return !bad;
}

/* Returns whether `count` values of m are finite, from (row, col) on, along a row or down a column. */
static int run_is_finite(const cusgd_matrix *m, int64_t row, int64_t col, int64_t count, int down)
{
    int64_t start = row * m->row_stride + col * m->col_stride;
    if ((down ? m->row_stride : m->col_stride) == 1) {
        if (m->type == CUSGD_TYPE_FLOAT32) return floats_are_finite((const float *)m->at + start, count);
        return doubles_are_finite((const double *)m->at + start, count);
    }
    int good = 1;
    for (int64_t i = 0; i < count; i++) good &= isfinite(matrix_at(m, down ? row + i : row, down ? col : col + i)) != 0;
    return good;
}

/* The stored values of a sparse row. */
static int stored_are_finite(const cusgd_csr *s, int64_t row)
{
    int64_t first = s->start[row], count = s->start[row + 1] - first;
    if (!s->value) return 1;
    if (s->type == CUSGD_TYPE_FLOAT32) return floats_are_finite((const float *)s->value + first, count);
    return doubles_are_finite((const double *)s->value + first, count);
}

/* Rows first .. first + count - 1 of x. */
static int features_are_finite(const examples *e, int64_t first, int64_t count)
{
    const cusgd_matrix *x = &e->x;
    int good = 1;
    if (examples_are_sparse(e)) {
        for (int64_t i = first; i < first + count; i++) good &= stored_are_finite(&e->s, examples_row(e, i));
        return good;
    }
    if (e->rows || x->row_stride != 1) {
        if (!e->rows && x->col_stride == 1 && x->row_stride == e->d) return run_is_finite(x, first, 0, count * e->d, 0);
        for (int64_t i = first; i < first + count; i++) good &= run_is_finite(x, examples_row(e, i), 0, e->d, 0);
    } else {
        for (int64_t j = 0; j < e->d; j++) good &= run_is_finite(x, first, j, count, 1);
    }
    return good;
}

cusgd_status data_on_host(const cusgd_data *data, const char *what)
{
    if (!data->view.place) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE,
                "the rows of %s lie in the memory of GPU %d, where %s does not read them: give a copy in the host's memory",
                data->source, data->view.place->device, what);
}

cusgd_status data_is_dense(const cusgd_data *data, const char *what)
{
    if (!examples_are_sparse(&data->view)) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE,
                "the rows of %s are sparse, and %s needs dense rows: give --sparse no, or an array that is dense", data->source,
                what);
}

static int target_is_good(const examples *e, int loss, double y)
{
    if (e->classes > 0) return (y >= 0 && y < (double)e->classes && y == floor(y)) || (y == -1 && e->classes == 2);
    return isfinite(y) && loss_target_is_valid((cusgd_loss)loss, y);
}
static int offset_is_good(const examples *e, int64_t row) { return isfinite(offset_at(e, row)) != 0; }
static int weight_is_good(double w) { return isfinite(w) && w >= 0; }

/* What the rows of a block contain: a positive weight; for classes, targets 0 and -1. */
enum { SEEN_WEIGHT = 1, SEEN_ZERO = 2, SEEN_MINUS = 4 };

static int block_is_good(const examples *e, int loss, int64_t first, int64_t count, int *seen)
{
    int good = 1;
    for (int64_t i = first; i < first + count; i++) {
        int64_t row = examples_row(e, i);
        for (int64_t j = 0; e->y.at && loss >= 0 && j < e->k; j++) {
            double y = matrix_at(&e->y, row, j);
            good &= target_is_good(e, loss, y);
            *seen |= y == 0 ? SEEN_ZERO : y == -1 ? SEEN_MINUS : 0;
        }
        double w = weight_at(e, row);
        good &= weight_is_good(w) & offset_is_good(e, row);
        *seen |= w > 0 ? SEEN_WEIGHT : 0;
    }
    return good;
}

/* ---- Messages ------------------------------------------------------------------------------------------------------------ */

static cusgd_status fail_target(const examples *e, int loss, const char *source, int64_t row, int64_t j, double y)
{
    int64_t k = e->k;
    static const char *const takes[] = {[CUSGD_TARGET_CLASS] = "0 and 1, or -1 and 1: encode the two classes so",
                                        [CUSGD_TARGET_POSITIVE] = "numbers greater than 0: remove the row",
                                        [CUSGD_TARGET_NONNEGATIVE] = "numbers of 0 or more: remove the row"};
    char which[48] = "target";
    if (k > 1) snprintf(which, sizeof which, "target %" PRId64 ",", j + 1);
    if (!isfinite(y))
        return fail_data_row(row, -1, "%s: row %" PRId64 ": %s %g is not a finite number: remove the row", source, row + 1, which,
                             y);
    if (e->classes > 0)
        return fail_data_row(
            row, -1, "%s: row %" PRId64 ": %s %g is no class: the numbers of the %" PRId64 " classes are 0 to %" PRId64 "%s",
            source, row + 1, which, y, e->classes, e->classes - 1,
            y == floor(y) ? "" : "; where targets are shares of classes, name a column for each class (--target)");
    return fail_data_row(row, -1, "%s: row %" PRId64 ": %s %g does not fit %s loss, which takes %s, or choose another loss",
                         source, row + 1, which, y, loss_word((cusgd_loss)loss), takes[loss_info_of((cusgd_loss)loss)->targets]);
}

/* Fails if a row has a bad value. */
static cusgd_status check_row(const examples *e, int loss, const char *source, int64_t row)
{
    int sparse = examples_are_sparse(e);
    int64_t first = sparse ? e->s.start[row] : 0, count = sparse ? e->s.start[row + 1] - first : e->place ? 0 : e->d;
    for (int64_t i = 0; i < count; i++) {
        int64_t j = sparse ? csr_column(&e->s, first + i) : i;
        double x = sparse ? csr_value(&e->s, first + i) : matrix_at(&e->x, row, j);
        if (!isfinite(x))
            return fail_data_row(
                row, j, "%s: row %" PRId64 ", column %" PRId64 ": %g is not a finite number: remove the row or fill the value in",
                source, row + 1, j + 1, x);
    }
    for (int64_t j = 0; e->y.at && loss >= 0 && j < e->k; j++) {
        double y = matrix_at(&e->y, row, j);
        if (!target_is_good(e, loss, y)) return fail_target(e, loss, source, row, j, y);
    }
    if (!offset_is_good(e, row))
        return fail_data_row(row, -1, "%s: row %" PRId64 ": the offset %g is not a finite number: remove the row", source,
                             row + 1, offset_at(e, row));
    double w = weight_at(e, row);
    if (weight_is_good(w)) return CUSGD_OK;
    return fail_data_row(row, -1, "%s: row %" PRId64 ": the weight %g is not one: weights are finite, and 0 or greater", source,
                         row + 1, w);
}

/* Returns whether a serial pass must end before row i; checks every 65536th row. */
static int must_end(int64_t i) { return i % 65536 == 0 && interrupt_asked(); }

/* *Finds the first row with this target. *at: the row, or n if there is none. */
static cusgd_status first_with(const examples *e, double y, int64_t *at)
{
    for (*at = 0; *at < e->n; ++*at) {
        if (must_end(*at)) return fail_interrupted();
        for (int64_t j = 0; j < e->k; j++)
            if (matrix_at(&e->y, examples_row(e, *at), j) == y) return CUSGD_OK;
    }
    return CUSGD_OK;
}

/* Targets of -1 stand for the class that others' 0 stands for. */
static cusgd_status fail_both(const examples *e, int loss, const char *source)
{
    int64_t minus, zero;
    cusgd_status status = first_with(e, -1, &minus);
    if (!status) status = first_with(e, 0, &zero);
    if (status) return status;
    return fail(CUSGD_ERROR_DATA,
                "%s: row %" PRId64 " has target -1 and row %" PRId64
                " 0, and %s loss takes two classes: encode them as 0 and 1, or "
                "as -1 and 1",
                source, examples_row(e, minus) + 1, examples_row(e, zero) + 1, loss_word((cusgd_loss)loss));
}

/* ---- All rows ------------------------------------------------------------------------------------------------------------ */

typedef struct check {
    const examples *e;
    int loss;
    int64_t first, end;  /* the rows whose features are looked at */
    int64_t block;       /* rows of a block */
    int64_t begin;       /* the first block that is looked at */
    int64_t fetched;     /* rows that are fetched at once: whole blocks */
    _Atomic int64_t bad; /* the first bad block: the same one however the blocks are shared out */
    _Atomic int seen;
} check;

static void check_block(void *context, int64_t i)
{
    check *c = context;
    int64_t b = c->begin + i, first = b * c->block, count = c->e->n - first < c->block ? c->e->n - first : c->block;
    int64_t bad = atomic_load_explicit(&c->bad, memory_order_relaxed);
    int seen = 0;
    if (b >= bad) return;
    int64_t from = max_of(first, c->first), to = min_of(first + count, c->end);
    int looks = from < to && !c->e->place;
    if (looks && first % c->fetched == 0) examples_bring(c->e, from, min_of(c->fetched, c->end - from), NULL);
    int good = !looks || features_are_finite(c->e, from, to - from);
    good &= block_is_good(c->e, c->loss, first, count, &seen);
    if (looks) examples_forget(c->e, from, to - from);
    if ((atomic_load_explicit(&c->seen, memory_order_relaxed) | seen) != atomic_load_explicit(&c->seen, memory_order_relaxed))
        atomic_fetch_or(&c->seen, seen);
    while (!good && b < bad && !atomic_compare_exchange_weak(&c->bad, &bad, b)) continue;
}

cusgd_status examples_check(const examples *e, int loss, const char *source, int threads)
{
    return examples_check_part(e, (row_range){0, e->n}, loss, source, threads);
}

cusgd_status examples_check_part(const examples *e, row_range part, int loss, const char *source, int threads)
{
    enum { BLOCKS_EACH = 32 }; /* of a thread: less is not worth starting one */
    int64_t block = e->d < BLOCK_VALUES ? BLOCK_VALUES / e->d : 1, end = (e->n + block - 1) / block, begin = 0;
    int seen = 0;
    if (!e->y.at && !e->w.at && !e->o.at) { /* there is nothing to look at outside of the part */
        begin = part.first / block;
        end = (part.end + block - 1) / block;
        seen = SEEN_WEIGHT;
    }
    check c = {
        .e = e, .loss = loss, .first = part.first, .end = part.end, .block = block, .begin = begin, .bad = end, .seen = seen};
    c.fetched = 4 * examples_fetched(e, block); /* is read by several threads */
    if (part.first < part.end) examples_expect(e);
    if (threads < 1) threads = pool_threads();
    int64_t count = end - begin;
    if (threads > count / BLOCKS_EACH) threads = count < BLOCKS_EACH ? 1 : (int)(count / BLOCKS_EACH);
    int all = count > 0 ? pool_once(threads, count, check_block, &c) : 1;
    if (all <= 0) return all < 0 ? fail_memory(sizeof c, "the threads that check the data") : fail_interrupted();
    for (int64_t i = c.bad * block; c.bad < end && i < e->n; i++) {
        cusgd_status status = check_row(e, loss, source, examples_row(e, i));
        if (status) return status;
    }
    if (!(c.seen & SEEN_WEIGHT)) return fail(CUSGD_ERROR_DATA, "%s: every weight is 0: there is nothing to train on", source);
    int both = (c.seen & SEEN_ZERO) && (c.seen & SEEN_MINUS), classes = loss >= 0 && loss_is_of_classes((cusgd_loss)loss);
    return both && classes ? fail_both(e, loss, source) : CUSGD_OK;
}

/* *both: whether column j of y has both classes in rows that count; *first: the class of the first such row. */
static cusgd_status find_classes(const examples *e, int64_t j, int *both, double *first)
{
    int any = 0;
    *both = 0;
    for (int64_t i = 0; i < e->n && !*both; i++) {
        if (must_end(i)) return fail_interrupted();
        int64_t row = examples_row(e, i);
        if (e->w.at && matrix_at(&e->w, row, 0) == 0) continue;
        double y = matrix_at(&e->y, row, j);
        if (!any) *first = y;
        any = 1;
        *both = e->classes > 2 ? y != *first : (y > 0) != (*first > 0);
    }
    return CUSGD_OK;
}

cusgd_status examples_check_classes(const examples *e, int loss, const char *source)
{
    if (!loss_is_of_classes((cusgd_loss)loss)) return CUSGD_OK;
    for (int64_t j = 0; j < e->k; j++) {
        double y = 0;
        char which[48] = "the target";
        int both;
        cusgd_status status = find_classes(e, j, &both, &y);
        if (status) return status;
        if (both) continue;
        if (e->k > 1) snprintf(which, sizeof which, "target %" PRId64, j + 1);
        return fail(CUSGD_ERROR_DATA,
                    "%s: %s is %g in every row%s%s, and %s loss needs rows of both classes: there is nothing to tell apart",
                    source, which, y, e->rows && !e->w.at ? " that is trained on" : "", e->w.at ? " whose weight is not 0" : "",
                    loss_word((cusgd_loss)loss));
    }
    return CUSGD_OK;
}

cusgd_status examples_have_target(const examples *e, double y, int *have)
{
    int64_t at;
    cusgd_status status = first_with(e, y, &at);
    *have = !status && at < e->n;
    return status;
}
