/* Whether a model of logistic, poisson or tweedie loss has a finite optimum. It has none where some direction v of the
 * coefficients never raises the loss of a row and lowers that of some row for ever:
 *   logistic: s z'v >= 0 for all rows, s = 1 or -1 for the classes, and > 0 for some (Albert, Anderson 1984);
 *   poisson, tweedie: z'v = 0 where y > 0, z'v <= 0 where y = 0, and < 0 for some.
 * z is (x, 1). Weights, offsets and the size of y do not matter, and columns that a penalty or a bound holds have no part in v.
 *
 * 1. Of one column by its ranges in both groups of rows, exactly. 2. By the margins of the result. 3. By Newton's method on the
 * rows alone, where they are few. Let H p = -g be a step of it. Where max |z'p| < 1 the slopes l'_i (1 - l'' / l' z'p) have the
 * signs of the l'_i and the gradient 0, which no v as above allows: a finite optimum exists. Where none exists, p tends to such a
 * v, which is then checked row by row. Of many rows a sample is taken, to which rows are added that contradict its v. */
#include "solver.h"

#include "error.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FREE = 400, PASS_WORK = 20000000, MIN_SAMPLE = 512 };

enum verdict { FINITE, SEPARATED, UNKNOWN };

/* How a coefficient may go to infinity. */
enum freedom { HELD = 0, UP = 1, DOWN = 2, BOTH = 3 };

typedef struct search {
    cusgd_trainer *t;
    int64_t c; /* the output */
    int logistic;
    enum freedom *may;           /* d */
    double *low[2], *high[2];    /* d: the range of a column where y = 0, and where y > 0 */
    int64_t count[2];            /* rows of positive weight of both groups */
    int64_t free, *column;       /* columns with part in v, d for the intercept, which comes last */
    double *middle, *half;       /* free: x is taken as (x - middle) / half */
    int64_t rows, room, *row;    /* the sample */
    double *z;                   /* room x free */
    double *at, *trial, *change; /* room: predictions; those of a step; z'p */
    double *h, *l;               /* free x free: second derivatives, and their factor */
    double *g, *p, *scale;       /* free: gradient, step */
} search;

static int is_positive(const search *s, int64_t row) { return matrix_at(&s->t->train_rows.y, row, s->c) > 0; }

static int counts(const search *s, int64_t row)
{
    const examples *e = &s->t->train_rows;
    return !e->w.at || matrix_at(&e->w, row, 0) > 0;
}

/* ---- Columns ---- */

static enum freedom freedom_of(const cusgd_trainer *t, int64_t j)
{
    const cusgd_options *o = &t->options;
    int penalty = (o->l1 > 0 || o->l2 > 0) && trainer_penalty(t, j * t->plan.k) > 0;
    if (penalty || t->plan.decay > 0) return HELD;
    return (enum freedom)((isnan(o->upper) ? UP : HELD) | (isnan(o->lower) ? DOWN : HELD));
}

static void find_ranges(search *s)
{
    const examples *e = &s->t->train_rows;
    for (int y = 0; y < 2; y++) {
        s->count[y] = 0;
        for (int64_t j = 0; j < e->d; j++) s->low[y][j] = (double)INFINITY, s->high[y][j] = -(double)INFINITY;
    }
    for (int64_t i = 0; i < e->n && !s->t->cancelled; i++) {
        int64_t row = examples_row(e, i);
        if (!counts(s, row)) continue;
        int y = is_positive(s, row);
        double *low = s->low[y], *high = s->high[y];
        s->count[y]++;
        for (int64_t j = 0; j < e->d; j++) {
            double x = matrix_at(&e->x, row, j);
            low[j] = x < low[j] ? x : low[j];
            high[j] = x > high[j] ? x : high[j];
        }
    }
}

/* Whether v is +-1 at column j and of any value at the intercept; both groups have rows. */
static int separates_alone(const search *s, int64_t j)
{
    double low0 = s->low[0][j], high0 = s->high[0][j], low1 = s->low[1][j], high1 = s->high[1][j];
    double cut = s->logistic || s->t->plan.intercept ? low1 : 0; /* where z'v = 0 */
    if (s->may[j] == HELD || (low0 == high0 && low1 == high1 && low0 == low1)) return 0;
    if (!s->logistic) {
        if (low1 != high1 || low1 != cut) return 0;
        return ((s->may[j] & UP) && high0 <= cut) || ((s->may[j] & DOWN) && low0 >= cut);
    }
    int rises = s->t->plan.intercept ? high0 <= low1 : high0 <= 0 && low1 >= 0;
    int falls = s->t->plan.intercept ? high1 <= low0 : high1 <= 0 && low0 >= 0;
    return ((s->may[j] & UP) && rises) || ((s->may[j] & DOWN) && falls);
}

/* The columns that have part in a v of several: those that may go both ways and are not constant. */
static void take_columns(search *s)
{
    s->free = 0;
    for (int64_t j = 0; j < s->t->plan.d; j++) {
        double low = fmin(s->low[0][j], s->low[1][j]), high = fmax(s->high[0][j], s->high[1][j]);
        double middle = s->t->plan.intercept ? low + (high - low) / 2 : 0, half = fmax(high - middle, middle - low);
        if (s->may[j] != BOTH || !(half > 0) || !isfinite(half)) continue;
        s->middle[s->free] = middle;
        s->half[s->free] = half;
        s->column[s->free++] = j;
    }
    if (s->t->plan.intercept) s->column[s->free++] = s->t->plan.d;
}

/* ---- Rows ---- */

static void read_row(const search *s, int64_t row, double *z)
{
    for (int64_t a = 0; a < s->free; a++)
        z[a] = s->column[a] < s->t->plan.d ? (matrix_at(&s->t->train_rows.x, row, s->column[a]) - s->middle[a]) / s->half[a] : 1;
}

static void add_row(search *s, int64_t row)
{
    s->row[s->rows] = row;
    read_row(s, row, s->z + s->rows++ * s->free);
}

/* What v makes of a row: >= 0 as it should be, or below 0. */
static double gain(const search *s, int64_t row, double zv)
{
    if (s->logistic) return is_positive(s, row) ? zv : -zv;
    return is_positive(s, row) ? -fabs(zv) : -zv;
}

/* Gains below this are no more than rounding, where `most` is the greatest. */
static double slack(double most) { return -1e-7 * most; }

/* Checks v on all rows; those that contradict it join the sample as far as there is room. *all: every gain is positive. */
static int holds_everywhere(search *s, const double *v, double most, double *z, int *all)
{
    const examples *e = &s->t->train_rows;
    int holds = 1;
    *all = 1;
    for (int64_t i = 0; i < e->n && !s->t->cancelled; i++) {
        int64_t row = examples_row(e, i);
        if (!counts(s, row)) continue;
        read_row(s, row, z);
        double g = gain(s, row, vector_dot(s->free, z, v));
        *all &= g > -1e3 * slack(most);
        if (g >= slack(most)) continue;
        holds = 0;
        if (s->rows == s->room) break;
        add_row(s, row);
    }
    return holds && !s->t->cancelled;
}

/* ---- Newton's method on the sample, of logistic loss, or poisson's with all y > 0 brought to 1 ---- */

static struct loss_point loss_of(const search *s, int64_t i, double p)
{
    double y = is_positive(s, s->row[i]);
    return s->logistic ? loss_logistic(p, y) : loss_poisson(p, y, (double)INFINITY);
}

static double sum_of_losses(const search *s, const double *at)
{
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i++) sum += loss_of(s, i, at[i]).value;
    return sum;
}

static void differentiate(search *s)
{
    int64_t f = s->free;
    vector_zero(f * f, s->h);
    vector_zero(f, s->g);
    for (int64_t i = 0; i < s->rows; i++) {
        struct loss_point l = loss_of(s, i, s->at[i]);
        const double *z = s->z + i * f;
        for (int64_t a = 0; a < f; a++) {
            double left = l.curvature * z[a], *h = s->h + a * f;
            s->g[a] += l.slope * z[a];
            for (int64_t b = 0; b <= a; b++) h[b] += left * z[b];
        }
    }
}

/* l becomes the factor of H with its diagonal brought to 1 and raised a little; *full: H has full rank. */
static int factor(search *s, int *full)
{
    int64_t f = s->free;
    double least = 1;
    for (int64_t a = 0; a < f; a++) s->scale[a] = s->h[a * f + a] > 0 ? 1 / sqrt(s->h[a * f + a]) : 1;
    for (double ridge = 1e-14 * (double)f; ridge < 1e-9; ridge *= 10) {
        for (int64_t a = 0; a < f; a++)
            for (int64_t b = 0; b <= a; b++) s->l[a * f + b] = s->h[a * f + b] * s->scale[a] * s->scale[b] + (a == b ? ridge : 0);
        if (!cholesky_factor(f, s->l)) continue;
        for (int64_t a = 0; a < f; a++) least = fmin(least, s->l[a * f + a]);
        *full = least > 1e-5;
        return 1;
    }
    return 0;
}

/* p = -H^-1 g and z'p. */
static int step(search *s, int *full)
{
    int64_t f = s->free;
    if (!factor(s, full)) return 0;
    for (int64_t a = 0; a < f; a++) s->p[a] = -s->g[a] * s->scale[a];
    cholesky_solve(f, s->l, s->p);
    for (int64_t a = 0; a < f; a++) s->p[a] *= s->scale[a];
    for (int64_t i = 0; i < s->rows; i++) s->change[i] = vector_dot(f, s->z + i * f, s->p);
    return 1;
}

/* Moves along p by halves of it until the sum of losses falls enough. */
static int move(search *s)
{
    enum { HALVINGS = 40 };
    double before = sum_of_losses(s, s->at), promised = vector_dot(s->free, s->g, s->p), share = 1;
    for (int i = 0; i < HALVINGS; i++, share /= 2) {
        vector_copy(s->rows, s->at, s->trial);
        vector_add(s->rows, share, s->change, s->trial);
        if (sum_of_losses(s, s->trial) <= before + 1e-4 * share * promised + 1e-13 * fabs(before)) {
            vector_copy(s->rows, s->trial, s->at);
            return 1;
        }
    }
    return 0;
}

/* On the sample; SEPARATED: by p, whose greatest gain is *most. */
static enum verdict judge_sample(search *s, double *most)
{
    enum { ITERATIONS = 60, EARLIEST = 8 };
    int full;
    vector_zero(s->rows, s->at);
    for (int i = 0; i < ITERATIONS && !s->t->cancelled; i++) {
        double least = 0, largest = 0;
        differentiate(s);
        if (!step(s, &full)) return UNKNOWN;
        *most = 0;
        for (int64_t r = 0; r < s->rows; r++) {
            double g = gain(s, s->row[r], s->change[r]);
            least = fmin(least, g);
            *most = fmax(*most, g);
            largest = fmax(largest, fabs(s->change[r]));
        }
        if (largest < 0.5) return full || s->rows == s->count[0] + s->count[1] ? FINITE : UNKNOWN;
        if (i >= EARLIEST && *most >= 0.5 && least >= slack(*most)) return SEPARATED;
        if (!move(s)) return UNKNOWN;
    }
    return UNKNOWN;
}

static void take_sample(search *s)
{
    const examples *e = &s->t->train_rows;
    int64_t most = s->room / 2;
    double every = e->n > most ? (double)e->n / (double)most : 1;
    if (e->n <= s->room) every = 1;
    for (double i = 0; i < (double)e->n && s->rows < s->room; i += every) {
        int64_t row = examples_row(e, (int64_t)i);
        if (counts(s, row)) add_row(s, row);
    }
}

static enum verdict judge_rows(search *s, int *all)
{
    enum { ROUNDS = 4 };
    double most;
    take_sample(s);
    for (int round = 0; round < ROUNDS && !s->t->cancelled; round++) {
        int64_t before = s->rows;
        enum verdict v = judge_sample(s, &most);
        if (v != SEPARATED) return v;
        if (holds_everywhere(s, s->p, most, s->g, all)) return SEPARATED;
        if (s->rows == before) return UNKNOWN;
    }
    return UNKNOWN;
}

/* Whether the rows are linearly independent, as they mostly are where they are no more than the columns: then some v has any
 * gains that are asked for. By the Cholesky factor of their Gram matrix, each row brought to length 1. */
static cusgd_status judge_independence(search *s, enum verdict *v)
{
    int64_t n = s->count[0] + s->count[1], f = s->free, m = 0;
    double *z = allocate((size_t)(n * f + n * n), sizeof *z), *gram = z + n * f;
    if (!z) return fail_memory((size_t)(n * f + n * n) * sizeof *z, "the check for separated classes");
    for (int64_t i = 0; i < s->t->train_rows.n; i++) {
        int64_t row = examples_row(&s->t->train_rows, i);
        if (!counts(s, row)) continue;
        double *at = z + m++ * f;
        read_row(s, row, at);
        double length = vector_norm(f, at);
        for (int64_t a = 0; a < f && length > 0; a++) at[a] /= length;
    }
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b <= a; b++) gram[a * n + b] = vector_dot(f, z + a * f, z + b * f);
    int independent = cholesky_factor(n, gram);
    for (int64_t a = 0; a < n && independent; a++) independent = gram[a * n + a] > 1e-5;
    if (independent) *v = SEPARATED;
    free(z);
    return CUSGD_OK;
}

/* Whether the result's own coefficients classify every row correctly, by more than rounding. */
static void judge_margins(search *s, const double *theta, enum verdict *v)
{
    const cusgd_trainer *t = s->t;
    const examples *e = &t->train_rows;
    int64_t d = t->plan.d, k = t->plan.k;
    double least = (double)INFINITY, most = 0;
    *v = UNKNOWN;
    for (int64_t j = 0; j < d; j++)
        if (s->may[j] != BOTH) return;
    for (int64_t i = 0; i < e->n && !t->cancelled && !(least <= 0); i++) {
        int64_t row = examples_row(e, i);
        double p = theta[d * k + s->c];
        if (!counts(s, row)) continue;
        for (int64_t j = 0; j < d; j++) p += theta[j * k + s->c] * ((matrix_at(&e->x, row, j) - t->mean[j]) / t->scale[j]);
        least = fmin(least, gain(s, row, p));
        most = fmax(most, fabs(p));
    }
    if (!t->cancelled && least > 1e-6 * most) *v = SEPARATED;
}

/* ---- What is said of it ---- */

enum { NAMED = 3 };

static void append(char *text, size_t room, const char *part)
{
    size_t used = strlen(text);
    if (used + 1 < room) snprintf(text + used, room - used, "%s", part);
}

/* '"a", "b" and 5 more', of `count` columns of which `column` has the first NAMED. */
static void append_columns(const search *s, const int64_t *column, int64_t count, char *text, size_t room)
{
    char part[64];
    for (int64_t i = 0; i < count && i < NAMED; i++) {
        const char *name = cusgd_data_feature(s->t->data, column[i]);
        const char *before = i == 0 ? "" : i + 1 == count ? " and " : ", ";
        if (name)
            snprintf(part, sizeof part, "%s\"%.24s\"", before, name);
        else
            snprintf(part, sizeof part, "%s%lld", before, (long long)column[i] + 1);
        append(text, room, part);
    }
    if (count > NAMED) snprintf(part, sizeof part, " and %lld more", (long long)(count - NAMED));
    if (count > NAMED) append(text, room, part);
}

static void begin_note(const search *s, char *text, size_t room)
{
    const char *target = cusgd_data_target(s->t->data, s->c);
    text[0] = '\0';
    if (s->t->plan.k > 1 && target) snprintf(text, room, "%.24s: ", target);
    if (s->t->plan.k > 1 && !target) snprintf(text, room, "output %lld: ", (long long)s->c + 1);
}

static void end_note(char *text, size_t room)
{
    append(text, room, ": no finite optimum exists, and coefficients grow without bound; give --l2 (1e-4, for example)");
}

static void note_one_class(const search *s, char *text, size_t room)
{
    begin_note(s, text, room);
    append(text, room, s->logistic ? "all targets are of one class" : "all targets are 0");
    append(text, room, ": no finite optimum exists, as the intercept goes to infinity");
}

static void note_alone(const search *s, const int64_t *column, int64_t count, char *text, size_t room)
{
    begin_note(s, text, room);
    append(text, room, count > 1 ? "columns " : "column ");
    append_columns(s, column, count, text, room);
    append(text, room,
           count > 1 ? (s->logistic ? " each separate the classes" : " each separate rows whose targets are all 0")
                     : (s->logistic ? " separates the classes" : " separates rows whose targets are all 0"));
    end_note(text, room);
}

/* v is p: the columns with the largest parts in it are named. */
static void note_together(search *s, int all, char *text, size_t room)
{
    int64_t column[NAMED], count = 0, columns = s->free - s->t->plan.intercept;
    double first = 0;
    while (count < NAMED && count < columns) {
        int64_t best = 0;
        for (int64_t a = 1; a < columns; a++)
            if (fabs(s->p[a]) > fabs(s->p[best])) best = a;
        if (count == 0) first = fabs(s->p[best]);
        if (!(fabs(s->p[best]) > 1e-2 * first)) break;
        column[count++] = s->column[best];
        s->p[best] = 0;
    }
    begin_note(s, text, room);
    append(text, room, "a combination of columns (mainly ");
    append_columns(s, column, count, text, room);
    append(text, room,
           s->logistic ? (all ? ") separates the classes" : ") separates the classes but for ties")
                       : ") separates rows whose targets are all 0");
    end_note(text, room);
}

static void note_independence(const search *s, char *text, size_t room)
{
    begin_note(s, text, room);
    append(text, room, "there are no more rows than columns, which can tell any classes or zero counts apart");
    end_note(text, room);
}

static void note_margins(const search *s, char *text, size_t room)
{
    begin_note(s, text, room);
    append(text, room, "the model classifies every row correctly, so a plane separates the classes");
    end_note(text, room);
}

/* ---- The whole ---- */

/* Rows as they are: what one column or the targets alone decide. */
static enum verdict judge_columns(search *s, char *text, size_t room)
{
    int64_t found = 0, column[NAMED];
    find_ranges(s);
    int64_t zero = s->count[0], positive = s->count[1];
    if (s->t->cancelled || (zero == 0 && !s->logistic)) return s->t->cancelled ? UNKNOWN : FINITE;
    if (positive == 0 || zero == 0) {
        if (!s->t->plan.intercept) return UNKNOWN;
        note_one_class(s, text, room);
        return SEPARATED;
    }
    for (int64_t j = 0; j < s->t->plan.d; j++)
        if (separates_alone(s, j) && found++ < NAMED) column[found - 1] = j;
    if (found == 0) return UNKNOWN;
    note_alone(s, column, found, text, room);
    return SEPARATED;
}

static cusgd_status judge_together(search *s, enum verdict *v, char *text, size_t room)
{
    int64_t f = s->free, n = s->t->train_rows.n, sample = PASS_WORK / (f * f);
    if (sample < MIN_SAMPLE) sample = MIN_SAMPLE;
    s->room = n < 2 * sample ? n : 2 * sample;
    s->rows = 0;
    size_t values = (size_t)(s->room * (f + 3) + 2 * f * f + 3 * f);
    s->z = allocate(values, sizeof *s->z);
    s->row = allocate((size_t)s->room, sizeof *s->row);
    cusgd_status status = s->z && s->row ? CUSGD_OK : fail_memory(values * sizeof *s->z, "the check for separated classes");
    s->at = s->z + s->room * f;
    s->trial = s->at + s->room;
    s->change = s->trial + s->room;
    s->h = s->change + s->room;
    s->l = s->h + f * f;
    s->g = s->l + f * f;
    s->p = s->g + f;
    s->scale = s->p + f;
    int all = 0;
    if (status == CUSGD_OK) *v = judge_rows(s, &all);
    if (status == CUSGD_OK && *v == SEPARATED) note_together(s, all, text, room);
    free(s->z);
    free(s->row);
    return status;
}

static cusgd_status judge_output(search *s, const double *theta, enum verdict *v, char *text, size_t room)
{
    enum { MAX_ROWS = 1000 };
    cusgd_status status = CUSGD_OK;
    *v = judge_columns(s, text, room);
    if (*v != UNKNOWN || s->t->cancelled) return status;
    take_columns(s);
    int64_t n = s->count[0] + s->count[1];
    if (n <= s->free && n <= MAX_ROWS) {
        status = judge_independence(s, v);
        if (*v == SEPARATED) note_independence(s, text, room);
        if (*v == SEPARATED || status != CUSGD_OK) return status;
    }
    if (s->free > 0 && s->free <= MAX_FREE) return judge_together(s, v, text, room);
    if (s->logistic) judge_margins(s, theta, v);
    if (*v == SEPARATED) note_margins(s, text, room);
    return status;
}

static cusgd_status open_search(search *s, cusgd_trainer *t)
{
    size_t d = (size_t)t->plan.d;
    *s = (search){.t = t, .logistic = t->plan.loss.kind == CUSGD_LOSS_LOGISTIC};
    s->low[0] = allocate(6 * d, sizeof(double));
    s->column = allocate(d + 1, sizeof *s->column);
    s->may = allocate(d, sizeof *s->may);
    if (!s->low[0] || !s->column || !s->may) return fail_memory(7 * d * sizeof(double), "the ranges of the columns");
    s->low[1] = s->low[0] + d;
    s->high[0] = s->low[1] + d;
    s->high[1] = s->high[0] + d;
    s->middle = s->high[1] + d;
    s->half = s->middle + d;
    for (int64_t j = 0; j < t->plan.d; j++) s->may[j] = freedom_of(t, j);
    return CUSGD_OK;
}

static void close_search(search *s)
{
    free(s->low[0]);
    free(s->column);
    free(s->may);
}

cusgd_status trainer_separation(cusgd_trainer *t, const double *theta, char *note, size_t room)
{
    cusgd_loss loss = t->plan.loss.kind;
    if (loss != CUSGD_LOSS_LOGISTIC && loss != CUSGD_LOSS_POISSON && loss != CUSGD_LOSS_TWEEDIE) t->separated = 0;
    search s;
    cusgd_status status = t->separated < 0 ? open_search(&s, t) : CUSGD_OK;
    if (t->separated < 0) {
        enum verdict v = UNKNOWN;
        for (s.c = 0; s.c < t->plan.k && status == CUSGD_OK && v != SEPARATED && !t->cancelled; s.c++)
            status = judge_output(&s, theta, &v, t->separation, sizeof t->separation);
        if (status == CUSGD_OK && !t->cancelled) t->separated = v == SEPARATED;
        close_search(&s);
        t->cancelled = 0; /* the fit has ended already */
    }
    if (status == CUSGD_OK && t->separated > 0) snprintf(note, room, "%s", t->separation);
    return status;
}
