/* Determines whether a model with logistic, softmax, poisson or tweedie loss has a finite optimum. It has none if, along some
 * direction v of the coefficients, the loss of no row increases and that of some row decreases forever:
 *   logistic: s z'v >= 0 for all rows, s = 1 or -1 for the classes, and > 0 for some (Albert, Anderson 1984);
 *   softmax: the same of one class against the rest, or a model that gives each row's class the largest output. There are other
 *   v of several classes, which are not looked for;
 *   poisson, tweedie: z'v = 0 where y > 0, z'v <= 0 where y = 0, and < 0 for some.
 * z is (x, 1). Weights, offsets and the size of y do not matter, and columns that a penalty or a bound holds have no part in v.
 *
 * Looked for, in this order, are: one column, by its ranges in both groups of rows, exactly; rows that are linearly independent;
 * v of several columns by Newton's method on the rows (recession.c); with more columns than that takes, the result itself as v.
 *
 * Newton's method answers both ways. Let H p = -g be a step of it, on the sum of the losses l_i. If |z'p| < 1 at every row, the
 * numbers l'_i + l''_i z_i'p have the signs of the l'_i, and their sum with the z_i is 0, which no v as above allows: a finite
 * optimum exists. If none exists, p tends to such a v, and is checked row by row. Of many rows a sample is taken, to which rows
 * that contradict its v are added. */
#include "separation.h"

#include "failure.h"
#include "interrupt.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Columns ---- */

static enum freedom freedom_of(const problem *p, int64_t j)
{
    const cusgd_options *o = p->options;
    if (problem_l1(p, j * p->k) > 0 || problem_l2(p, j * p->k) > 0) return HELD;
    return (enum freedom)((isnan(o->upper) ? UP : HELD) | (isnan(o->lower) ? DOWN : HELD));
}

/* Returns whether a v that is +-1 at column j and has any value at the intercept separates. Both groups must have rows. */
static int separates_alone(const search *s, int64_t j)
{
    double low0 = s->low[0][j], high0 = s->high[0][j], low1 = s->low[1][j], high1 = s->high[1][j];
    double cut = s->logistic || s->problem->intercept ? low1 : 0; /* the place where z'v = 0 */
    if (s->may[j] == HELD || (low0 == high0 && low1 == high1 && low0 == low1)) return 0;
    if (!s->logistic) {
        if (low1 != high1 || low1 != cut) return 0;
        return ((s->may[j] & UP) && high0 <= cut) || ((s->may[j] & DOWN) && low0 >= cut);
    }
    int rises = s->problem->intercept ? high0 <= low1 : high0 <= 0 && low1 >= 0;
    int falls = s->problem->intercept ? high1 <= low0 : high1 <= 0 && low0 >= 0;
    return ((s->may[j] & UP) && rises) || ((s->may[j] & DOWN) && falls);
}

/* Keeps those of the `open` columns in s->column for which further rows may matter: columns that are constant so far or separate
 * the rows so far. Returns their number. */
static int64_t keep_open(search *s, int64_t open)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < open && s->count[0] > 0 && s->count[1] > 0; i++) {
        int64_t j = s->column[i];
        double low = fmin(s->low[0][j], s->low[1][j]), high = fmax(s->high[0][j], s->high[1][j]);
        if (!(low < high) || separates_alone(s, j)) s->column[kept++] = j;
    }
    return s->count[0] > 0 && s->count[1] > 0 ? kept : open;
}

/* Extends the ranges of `count` columns by a row. */
static void add_to_ranges(search *s, int64_t row, int64_t count, const int64_t *column)
{
    enum { FEW = 8 }; /* number of columns from which reading a single column pays */
    int y = is_positive(s, row);
    double *low = s->low[y], *high = s->high[y];
    const double *x = FEW * count > s->problem->d ? rows_at(s->x, row) : NULL;
    for (int64_t i = 0; i < count; i++) {
        int64_t j = column[i];
        double value = x ? x[j] : rows_value(s->x, row, j);
        low[j] = value < low[j] ? value : low[j];
        high[j] = value > high[j] ? value : high[j];
    }
}

/* Counts the rows of both groups until both have rows. Returns whether both have. */
static int both_exist(search *s)
{
    const examples *e = &s->problem->train.rows;
    s->count[0] = s->count[1] = 0;
    for (int64_t i = 0; i < e->n && (s->count[0] == 0 || s->count[1] == 0) && !interrupt_asked_at(i); i++) {
        int64_t row = examples_row(e, i);
        if (counts(s, row)) s->count[is_positive(s, row)]++;
    }
    return s->count[0] > 0 && s->count[1] > 0;
}

/* Counts the rows and computes the ranges of the columns, as long as the ranges can decide and the rows may not outnumber the
 * columns. */
static void find_ranges(search *s)
{
    enum { FIRST = 64, MOST_BETWEEN = 4096 };
    const examples *e = &s->problem->train.rows;
    int64_t open = 0, look = FIRST;
    if (!both_exist(s)) return;
    for (int y = 0; y < 2; y++) {
        s->count[y] = 0;
        for (int64_t j = 0; j < e->d; j++) s->low[y][j] = (double)INFINITY, s->high[y][j] = -(double)INFINITY;
    }
    for (int64_t j = 0; j < e->d; j++)
        if (s->may[j] != HELD) s->column[open++] = j;
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++) {
        int64_t row = examples_row(e, i);
        if (i == look) {
            open = keep_open(s, open);
            look += min_of(look, MOST_BETWEEN);
        }
        if (open == 0 && s->count[0] > 0 && s->count[1] > 0 && s->count[0] + s->count[1] > e->d + 1) break;
        if (!counts(s, row)) continue;
        s->count[is_positive(s, row)]++;
        if (open > 0) add_to_ranges(s, row, open, s->column);
    }
}

/* Chooses the columns for a v of several columns: those that may go in both directions and are not constant. Their scales are
 * computed from evenly spread rows. */
static void take_columns(search *s)
{
    enum { ROWS = 256 };
    const examples *e = &s->problem->train.rows;
    int64_t rows = min_of(e->n, ROWS);
    s->free = 0;
    for (int64_t j = 0; j < s->problem->d; j++)
        if (s->may[j] == BOTH) s->column[s->free++] = j;
    for (int64_t i = 0; i < rows && s->free > 0; i++) {
        int64_t row = examples_row(e, i * (e->n / rows));
        if (counts(s, row)) add_to_ranges(s, row, s->free, s->column);
    }
    s->free = 0;
    for (int64_t j = 0; j < s->problem->d; j++) {
        double low = fmin(s->low[0][j], s->low[1][j]), high = fmax(s->high[0][j], s->high[1][j]);
        double middle = s->problem->intercept ? low + (high - low) / 2 : 0, half = fmax(high - middle, middle - low);
        if (s->may[j] != BOTH || !(half > 0) || !isfinite(half)) continue;
        s->middle[s->free] = middle;
        s->half[s->free] = half;
        s->column[s->free++] = j;
    }
    if (s->problem->intercept) s->column[s->free++] = s->problem->d;
}

/* ---- What is said of it ---- */

enum { NAMED = 3 };

static void append(char *text, size_t room, const char *part)
{
    size_t used = strlen(text);
    if (used + 1 < room) snprintf(text + used, room - used, "%s", part);
}

/* Returns the bytes of the characters of a name that fit into 24 bytes. */
static int shown_bytes(const char *name)
{
    enum { MAX_BYTES = 24 };
    size_t length = strlen(name), bytes = length < MAX_BYTES ? length : MAX_BYTES;
    while (bytes > 0 && bytes < length && ((unsigned char)name[bytes] & 0xC0) == 0x80) bytes--; /* UTF-8: inside a character */
    return (int)bytes;
}

/* Appends '"a", "b" and 5 more' for `count` columns, of which `column` has the first NAMED. */
static void append_columns(const search *s, const int64_t *column, int64_t count, char *text, size_t room)
{
    char part[64];
    for (int64_t i = 0; i < count && i < NAMED; i++) {
        const char *name = cusgd_data_feature(s->problem->train.data, column[i]);
        const char *before = i == 0 ? "" : i + 1 == count ? " and " : ", ";
        if (name)
            snprintf(part, sizeof part, "%s\"%.*s\"", before, shown_bytes(name), name);
        else
            snprintf(part, sizeof part, "%s%lld", before, (long long)column[i] + 1);
        append(text, room, part);
    }
    if (count > NAMED) snprintf(part, sizeof part, " and %lld more", (long long)(count - NAMED));
    if (count > NAMED) append(text, room, part);
}

/* Begins the note. If there are several outputs, it names the target or class. */
static void begin_note(const search *s, char *text, size_t room)
{
    const cusgd_data *data = s->problem->train.data;
    int is_class = s->problem->k > s->problem->m;
    const char *name = is_class ? cusgd_data_class(data, (int)s->c) : cusgd_data_target(data, s->c);
    text[0] = '\0';
    if (is_class && name) snprintf(text, room, "class %.*s against the others: ", shown_bytes(name), name);
    if (is_class && !name) snprintf(text, room, "class %lld against the others: ", (long long)s->c);
    if (is_class) return;
    if (s->problem->k > 1 && name) snprintf(text, room, "%.*s: ", shown_bytes(name), name);
    if (s->problem->k > 1 && !name) snprintf(text, room, "output %lld: ", (long long)s->c + 1);
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

/* Writes the note for v = p, with the names of its largest columns. */
static void note_together(search *s, int all, char *text, size_t room)
{
    int64_t column[NAMED], count = 0, columns = s->free - s->problem->intercept;
    double first = 0;
    while (count < NAMED && count < columns) {
        int64_t best = 0;
        for (int64_t a = 1; a < columns; a++)
            if (fabs(s->newton.p[a]) > fabs(s->newton.p[best])) best = a;
        if (count == 0) first = fabs(s->newton.p[best]);
        if (!(fabs(s->newton.p[best]) > 1e-2 * first)) break;
        column[count++] = s->column[best];
        s->newton.p[best] = 0;
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

/* Decides by single columns or the targets. */
static enum verdict judge_columns(search *s, char *text, size_t room)
{
    int64_t found = 0, column[NAMED];
    find_ranges(s);
    int64_t zero = s->count[0], positive = s->count[1];
    if (interrupt_asked() || (zero == 0 && !s->logistic)) return interrupt_asked() ? UNKNOWN : FINITE;
    if (positive == 0 || zero == 0) {
        if (!s->problem->intercept) return UNKNOWN;
        note_one_class(s, text, room);
        return SEPARATED;
    }
    for (int64_t j = 0; j < s->problem->d; j++)
        if (separates_alone(s, j) && found++ < NAMED) column[found - 1] = j;
    if (found == 0) return UNKNOWN;
    note_alone(s, column, found, text, room);
    return SEPARATED;
}

static cusgd_status judge_output(search *s, const double *theta, enum verdict *v, char *text, size_t room)
{
    enum { MAX_ROWS = 1000 };
    const double MAX_WORK = 1e10 /* multiplications: some seconds */, MAX_VALUES = 1e8 /* a copy of the rows: 0.8 GB */;
    cusgd_status status = CUSGD_OK;
    *v = judge_columns(s, text, room);
    if (*v != UNKNOWN || interrupt_asked()) return status;
    take_columns(s);
    int64_t n = s->count[0] + s->count[1];
    double values = (double)n * (double)s->free;
    if (n <= s->free && n <= MAX_ROWS && values <= MAX_VALUES && (double)n * values <= MAX_WORK) {
        status = judge_independence(s, n, v);
        if (*v == SEPARATED) note_independence(s, text, room);
        if (*v == SEPARATED || status) return status;
    }
    if (s->free > 0 && s->free <= MAX_FREE) {
        int all = 0;
        status = judge_together(s, v, &all);
        if (*v == SEPARATED) note_together(s, all, text, room);
        close_rows(s);
        return status;
    }
    if (s->logistic && !is_softmax(s->problem)) judge_margins(s, theta, v);
    if (*v == SEPARATED) note_margins(s, text, room);
    return status;
}

/* Examines each class or output; then, for softmax, all together. With many classes only the latter is done. */
static cusgd_status judge(search *s, const double *theta, enum verdict *v, char *text, size_t room)
{
    enum { MAX_OUTPUTS = 32 }; /* each needs its own search */
    cusgd_status status = CUSGD_OK;
    int64_t outputs = s->problem->train.rows.classes > MAX_OUTPUTS ? 0 : s->problem->k;
    for (s->c = 0; s->c < outputs && !status && *v != SEPARATED && !interrupt_asked(); s->c++)
        status = judge_output(s, theta, v, text, room);
    if (status || *v == SEPARATED || !is_softmax(s->problem) || interrupt_asked()) return status;
    status = judge_all_margins(s, theta, v);
    if (*v != SEPARATED) return status;
    *text = '\0';
    append(text, room, "the model classifies every row correctly, so planes separate the classes");
    end_note(text, room);
    return status;
}

static cusgd_status open_search(search *s, const problem *p, int decays, row_source *rows)
{
    size_t d = (size_t)p->d;
    *s = (search){.problem = p, .x = rows, .logistic = loss_is_of_classes(p->loss.kind)};
    s->low[0] = allocate(6 * d, sizeof(double));
    s->column = allocate(d + 1, sizeof *s->column);
    s->may = allocate(d, sizeof *s->may);
    if (!s->low[0] || !s->column || !s->may) return fail_memory(7 * d * sizeof(double), "the ranges of the columns");
    s->low[1] = s->low[0] + d;
    s->high[0] = s->low[1] + d;
    s->high[1] = s->high[0] + d;
    s->middle = s->high[1] + d;
    s->half = s->middle + d;
    for (int64_t j = 0; j < p->d; j++) s->may[j] = decays ? HELD : freedom_of(p, j);
    return rows_open(rows, &p->train.rows, p->backend);
}

static void close_search(search *s)
{
    free(s->low[0]);
    free(s->column);
    free(s->may);
}

cusgd_status problem_separation(problem *p, const double *theta, int decays, char *note, size_t room)
{
    cusgd_loss loss = p->loss.kind;
    /* Sparse rows are not examined; the answer remains unknown. */
    if (examples_are_sparse(&p->train.rows)) return CUSGD_OK;
    if (!loss_may_lack_optimum(loss)) p->separated = 0;
    search s;
    row_source rows = {0};
    cusgd_status status = p->separated < 0 ? open_search(&s, p, decays, &rows) : CUSGD_OK;
    if (p->separated < 0) {
        enum verdict v = UNKNOWN;
        if (!status) status = judge(&s, theta, &v, p->separation, sizeof p->separation);
        cusgd_status read = rows_close(&rows);
        if (!status) status = read;
        if (!status && !interrupt_asked()) p->separated = v == SEPARATED;
        close_search(&s);
        if (status == CUSGD_ERROR_MEMORY) status = CUSGD_OK; /* the answer is unknown, and the result remains valid */
    }
    if (!status && p->separated > 0) snprintf(note, room, "%s", p->separation);
    return status;
}
