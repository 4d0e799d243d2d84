/* Determines whether few rows prove that a finite optimum exists (separation.c). A direction v in which the loss decreases
 * forever has l' z'v <= 0 at every row, and z'v = 0 where a count is positive. If some rows have numbers c with the signs of
 * their l' (any sign where a count is positive) and sum c z = 0, the terms of sum c z'v are <= 0 and their sum is 0: so z'v = 0
 * at all of these rows, and if they have full rank, v is 0.
 *
 * Every step of a second-order method gives such sums: c = l' + w z'p has sum c z = 0 if H = sum w z z' and H p = -g, for any w;
 * only the signs remain to be checked. With the bound on l'' as w (Boehning, Lindsay 1988), H is the same at every step, a step
 * needs only two products with the rows, and a few steps suffice if classes overlap well; otherwise Newton's method is tried.
 * Rows are taken evenly from the data, equal numbers of each group, and their number is doubled as long as they prove nothing. */
#include "separation.h"

#include "interrupt.h"
#include <math.h>
#include <stdlib.h>

/* An order of the rows in which any number of them is evenly spread: each is `step` rows after the previous one, modulo n. */
typedef struct spread {
    int64_t n, step, at, visited;
} spread;

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static spread spread_over(int64_t n)
{
    const double golden = 0.6180339887498949;
    spread w = {.n = n, .step = (int64_t)(golden * (double)n)};
    while (common_divisor(w.step, n) != 1) w.step++;
    return w;
}

static int64_t spread_next(spread *w)
{
    int64_t at = w->at;
    w->visited++;
    w->at = at < w->n - w->step ? at + w->step : at - (w->n - w->step);
    return at;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Adds rows to the sample until it has `each` rows of both groups, or VISITS times as many rows have been visited. */
static void take_rows(search *s, spread *w, int64_t each, int64_t *count)
{
    enum { VISITS = 64 };
    const examples *e = &s->problem->train.rows;
    sample *of = &s->sample;
    int64_t before = of->rows, limit = min_of(w->n, VISITS * 2 * each);
    while (w->visited < limit && (count[0] < each || count[1] < each) && !interrupt_asked_at(w->visited)) {
        int64_t row = examples_row(e, spread_next(w));
        int y = is_positive(s, row);
        if (count[y] == each || !counts(s, row)) continue;
        count[y]++;
        of->row[of->rows++] = row;
    }
    qsort(of->row + before, (size_t)(of->rows - before), sizeof *of->row, by_number);
    for (int64_t i = before; i < of->rows; i++) rows_announce(s->x, of->row[i], 1);
    for (int64_t i = before; i < of->rows; i++) read_sampled(s, i);
}

/* Computes four times the derivatives at the predictions, for losses whose second derivatives are at most 1/4: log(1 + e^p) - y
 * p, and for counts log(1 + e^p) if y is 0, otherwise p^2 / 8. */
static void find_derivatives(const search *s)
{
    const sample *of = &s->sample;
    const double *restrict y = of->y, *restrict at = of->at;
    double *restrict derivative = of->derivative;
    for (int64_t i = 0; i < of->rows && s->logistic; i++) derivative[i] = 4 * loss_logistic(at[i], y[i]).derivative;
    for (int64_t i = 0; i < of->rows && !s->logistic; i++)
        derivative[i] = y[i] > 0 ? at[i] : 4 * loss_logistic(at[i], 0).derivative;
}

/* Returns whether the c have the required signs, by more than rounding errors: those of the l', but any sign where a count is
 * positive. */
static int have_signs(const search *s)
{
    const double share = 1e-2, rounding = 1e-6;
    const sample *of = &s->sample;
    int all = 1;
    for (int64_t i = 0; i < of->rows; i++) {
        double c = of->derivative[i] + of->change[i], least = fmax(share * fabs(of->derivative[i]), rounding);
        all &= of->y[i] > 0 ? !s->logistic || c < -least : c > least;
    }
    return all;
}

/* Takes the step from the point at which the derivatives are, and goes beyond it by a share of the last move (Nesterov 1983). */
static void move_on(search *s, double *t)
{
    const sample *of = &s->sample;
    newton *m = &s->newton;
    double onward = 0, next = (1 + sqrt(1 + 4 * *t * *t)) / 2, share = (*t - 1) / next;
    for (int64_t a = 0; a < s->free; a++) onward += m->g[a] * (m->v[a] + m->p[a] - m->last[a]);
    if (onward > 0) next = 1, share = 0; /* overshoot: restart the shares (O'Donoghue, Candes 2015) */
    *t = next;
    for (int64_t a = 0; a < s->free; a++) {
        double at = m->v[a] + m->p[a];
        m->v[a] = at + share * (at - m->last[a]);
        m->last[a] = at;
    }
    for (int64_t i = 0; i < of->rows; i++) {
        double at = of->at[i] + of->change[i];
        of->at[i] = at + share * (at - of->trial[i]);
        of->trial[i] = at;
    }
}

static int proves(search *s)
{
    enum { STEPS = 16 };
    const sample *of = &s->sample;
    double t = 1;
    matrix_times_rows(of->rows, s->free, of->z, s->newton.v, of->at);
    vector_copy(of->rows, of->at, of->trial);
    vector_copy(s->free, s->newton.v, s->newton.last);
    for (int i = 0; i < STEPS && !interrupt_asked(); i++) {
        find_derivatives(s);
        recession_solve(s);
        if (have_signs(s)) return 1;
        move_on(s, &t);
    }
    return 0;
}

/* Adds rows to the sample until it has `rows` rows, if there are that many. *more: 1 if rows were added. */
static cusgd_status grow(search *s, spread *w, int64_t rows, int64_t *count, int *more)
{
    int64_t before = s->sample.rows, f = s->free;
    cusgd_status status = sample_reserve(s, min_of(rows, w->n));
    if (status) return status;
    take_rows(s, w, rows / 2, count);
    matrix_add_products(s->sample.rows - before, f, s->sample.z + before * f, NULL, s->newton.h, s->newton.work);
    *more = s->sample.rows > before;
    return CUSGD_OK;
}

cusgd_status judge_few(search *s, int64_t most, enum verdict *v, int *settled)
{
    enum { FIRST = 128, FIRST_PER_COLUMN = 4, PER_COLUMN = 8, NEWTON_PER_COLUMN = 32 };
    const double NEWTON_WORK = 1.5e8; /* multiplications per step */
    int64_t f = s->free, n = s->problem->train.rows.n, rows = max_of(FIRST, FIRST_PER_COLUMN * f), count[2] = {0, 0};
    int full = 0, proven = 0, more = 1;
    double maximum;
    spread w = spread_over(n);
    cusgd_status status = grow(s, &w, rows, count, &more);
    vector_zero(f, s->newton.v);
    while (!status && more && recession_factor(s, &full) && !interrupt_asked()) {
        proven = proves(s);
        *settled = proven && (full || rows >= most);
        if (*settled && full) *v = FINITE;
        if (*settled || rows >= (proven ? most : PER_COLUMN * f)) break;
        rows *= 2;
        status = grow(s, &w, rows, count, &more);
    }
    while (!status && more && !proven && !interrupt_asked() && (double)s->sample.rows * (double)(f * f) <= NEWTON_WORK) {
        *settled = judge_sample(s, 0, &maximum) == FINITE;
        if (*settled) *v = FINITE;
        if (*settled || rows >= NEWTON_PER_COLUMN * f) break;
        rows *= 4;
        status = grow(s, &w, rows, count, &more);
    }
    return status;
}
