#include "interface.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tests hold messages to what the command says. */
__attribute__((constructor)) static void with_dashes(void) { cusgd_set_option_dashes(1); }

void interface_fail(const char *format, ...)
{
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cr_assert_fail("%s", text);
    abort(); /* not reached: cr_assert_fail leaves the test */
}

void interface_ok(cusgd_status status, const char *what)
{
    if (status != CUSGD_OK) interface_fail("%s: status %d: %s", what, (int)status, cusgd_last_error());
}

static int is_asked(const char *variable)
{
    const char *asked = getenv(variable);
    return asked && strcmp(asked, "1") == 0;
}

int interface_torture(void) { return is_asked("CUSGD_TORTURE"); }
int interface_short(void) { return is_asked("CUSGD_INTERFACE_SHORT"); }

void *interface_allocate(int64_t count, size_t size)
{
    void *p = calloc((size_t)count + 1, size);
    if (!p) interface_fail("no memory for %lld values", (long long)count);
    return p;
}

void interface_backend_open(cusgd_precision precision, int threads, backend *out)
{
    const char *device = getenv("CUSGD_INTERFACE_DEVICE");
    interface_ok(backend_open(device ? device : "cpu", precision, threads, out), "backend_open");
}

cusgd_engine interface_engine(const backend *b, const run_spec *p, int asked)
{
    run_spec trial = *p;
    trial.engine = (cusgd_engine)asked;
    trial.rate_factor = NULL;
    cusgd_status status = b->ops->start(b->self, &trial);
    int refused = status == CUSGD_ERROR_USAGE && strstr(cusgd_last_error(), "--engine auto");
    if (!refused) interface_ok(status, "start");
    if (p->clip.norm > 0) return CUSGD_ENGINE_CUBLAS; /* the only one, for a gradient apart too */
    if (!refused) return trial.engine;
    if (p->k == 1 && p->d <= 1000) interface_fail("engine %d: %s", asked, cusgd_last_error());
    return CUSGD_ENGINE_AUTO;
}

/* ---- Choices ---- */

uint64_t interface_bits(uint64_t *state) /* xorshift64* (Vigna 2016), state not 0 */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

double interface_uniform(uint64_t *state) { return (double)(interface_bits(state) >> 11) * 0x1p-52 - 1; }

static int draw(uint64_t *state, int levels) { return (int)(interface_bits(state) % (uint64_t)levels); }

/* Which pairs of levels have occurred: one byte for each, by the levels' places in one long list. */
typedef struct pairs {
    int count, levels, start[INTERFACE_FACTORS];
    char *seen;
} pairs;

static int pairs_of(pairs *p, const int *level, int mark)
{
    int fresh = 0;
    for (int a = 0; a < p->count; a++)
        for (int b = 0; b < a; b++) {
            char *seen = &p->seen[(p->start[a] + level[a]) * p->levels + p->start[b] + level[b]];
            fresh += !*seen;
            if (mark) *seen = 1;
        }
    return fresh;
}

static int64_t cover_pairs(const interface_factor *f, pairs *p, uint64_t state, void (*visit)(const int *, void *), void *context)
{
    enum { CANDIDATES = 50, FEW = 6 };
    int64_t left = 0, visits = 0, maximum = interface_short() ? FEW : INT64_MAX;
    for (int a = 0; a < p->count; a++)
        for (int b = 0; b < a; b++) left += f[a].levels * f[b].levels;
    while (left > 0 && visits < maximum) {
        int best[INTERFACE_FACTORS] = {0}, freshest = -1;
        for (int i = 0; i < CANDIDATES; i++) {
            int level[INTERFACE_FACTORS] = {0};
            for (int a = 0; a < p->count; a++) level[a] = draw(&state, f[a].levels);
            int fresh = pairs_of(p, level, 0);
            if (fresh > freshest) memcpy(best, level, sizeof best);
            if (fresh > freshest) freshest = fresh;
        }
        if (freshest == 0) continue;
        left -= pairs_of(p, best, 1);
        visit(best, context);
        visits++;
    }
    return visits;
}

/* At most that many of the combinations, so that a campaign ends: by what computes. */
static int64_t max_combinations(void)
{
    int emulated = getenv("CUSGD_EMULATOR_ORDER") != NULL;
    return (emulated ? 10000 : 30000) / (REDUCED ? 4 : 1);
}

static int64_t common_divisor(int64_t a, int64_t b) { return b ? common_divisor(b, a % b) : a; }

/* All combinations of the crossed factors; where they are too many, at equal steps that divide into no factor's levels. */
static int64_t cover_product(const interface_factor *f, int count, uint64_t state, void (*visit)(const int *, void *),
                             void *context)
{
    int64_t visits = 0, combinations = 1, maximum = max_combinations(), step = 1;
    for (int a = 0; a < count; a++) combinations *= f[a].crossed ? f[a].levels : 1;
    if (combinations > maximum)
        for (step = combinations / maximum + 1; common_divisor(combinations, step) > 1;) step++;
    for (int64_t number = 0; number < combinations; number += step, visits++) {
        int level[INTERFACE_FACTORS];
        int64_t rest = number;
        for (int a = 0; a < count; a++) {
            level[a] = f[a].crossed ? (int)(rest % f[a].levels) : draw(&state, f[a].levels);
            if (f[a].crossed) rest /= f[a].levels;
        }
        visit(level, context);
    }
    return visits;
}

int64_t interface_cover(const interface_factor *factors, uint64_t seed, void (*visit)(const int *, void *), void *context)
{
    pairs p = {0, 0, {0}, NULL};
    for (; factors[p.count].levels > 0; p.count++) {
        p.start[p.count] = p.levels;
        p.levels += factors[p.count].levels;
    }
    if (interface_torture()) return cover_product(factors, p.count, seed, visit, context);
    p.seen = interface_allocate((int64_t)p.levels * p.levels, 1);
    int64_t visits = cover_pairs(factors, &p, seed, visit, context);
    free(p.seen);
    return visits;
}

/* ---- Examples ---- */

/* A matrix of rows x cols in this layout, gaps filled with NaN: what reads them is found out. */
static cusgd_matrix matrix_make(const interface_spec *s, int64_t rows, int64_t cols, void **memory)
{
    int64_t gap = s->layout == INTERFACE_STRIDED || s->layout == INTERFACE_BACKWARD ? 3 : 0;
    int64_t col = s->layout == INTERFACE_COLUMNS ? rows : gap ? 2 : 1, row = s->layout == INTERFACE_COLUMNS ? 1 : 2 * cols + gap;
    if (!gap && s->layout != INTERFACE_COLUMNS) row = cols;
    int64_t values = rows * cols * 2 + rows * gap + 1, start = 0;
    if (s->layout == INTERFACE_BACKWARD) {
        start = (rows - 1) * row + (cols - 1) * col;
        row = -row;
        col = -col;
    }
    int is_float = s->type == CUSGD_TYPE_FLOAT32;
    if (s->layout == INTERFACE_ROWS || s->layout == INTERFACE_COLUMNS)
        values = rows * cols; /* no more: what reads past it is found out */
    *memory = malloc((size_t)values * (is_float ? sizeof(float) : sizeof(double)));
    if (!*memory) interface_fail("no memory for %lld values", (long long)values);
    for (int64_t i = 0; i < values; i++)
        if (is_float)
            ((float *)*memory)[i] = NAN;
        else
            ((double *)*memory)[i] = (double)NAN;
    const void *at = is_float ? (const void *)((float *)*memory + start) : (const void *)((double *)*memory + start);
    return (cusgd_matrix){at, s->type, row, col};
}

/* Stores one element and returns what it became. */
static double matrix_put(const cusgd_matrix *m, int64_t row, int64_t col, double value)
{
    int64_t at = row * m->row_stride + col * m->col_stride;
    if (m->type == CUSGD_TYPE_FLOAT32) {
        float *to = (float *)m->at + at;
        *to = (float)value;
        return (double)*to;
    }
    *((double *)m->at + at) = value;
    return value;
}

static void sources_fill(interface_examples *e, uint64_t *state)
{
    const interface_spec *s = &e->spec;
    for (int64_t i = 0; i < s->n; i++) {
        int64_t row = examples_row(&e->source, i);
        for (int64_t j = 0; j < s->d; j++) {
            double x = e->mean[j] + e->scale[j] * (interface_uniform(state) + interface_uniform(state));
            if (s->standardized && (i + j) % 3 == 0)
                x = (double)(float)x; /* what floats hold is standardized otherwise than what they do not */
            e->source_x[i * s->d + j] = matrix_put(&e->source.x, row, j, x);
        }
        for (int64_t c = 0; c < s->k; c++) {
            double y = s->binary ? (double)(interface_bits(state) >> 63) : e->shift[c] + 2 * interface_uniform(state);
            if (s->positive) y = 0.25 + fabs(y);
            e->source_y[i * s->k + c] = matrix_put(&e->source.y, row, c, y);
        }
        double w = i > 0 && draw(state, 8) == 0 ? 0 : 1.1 + interface_uniform(state);
        e->source_w[i] = s->weighted ? matrix_put(&e->source.w, row, 0, w) : 1;
        if (s->offset)
            e->o[i] = interface_scalar_of(s->precision)->round(matrix_put(&e->source.o, row, 0, interface_uniform(state)));
    }
}

double interface_bf16(double value)
{
    const double maximum = 0x1.FEp127;
    int e;
    (void)frexp(value, &e);
    int last = e - 8 < -133 ? -133 : e - 8; /* the exponent of the last of 8 bits */
    double rounded = ldexp(rint(ldexp(value, -last)), last);
    return fabs(rounded) > maximum && fabs(value) <= (double)FLT_MAX ? copysign(maximum, value) : rounded;
}

/* Standardized in float: each operation in double, which is the float's once it has been rounded. */
static double standardized_in_float(double x, double mean, double inverse)
{
    double (*rounded)(double) = interface_scalar_of(CUSGD_PRECISION_FLOAT)->round;
    return rounded(rounded(x - mean) * rounded(inverse));
}

/* x' = (x - mean) (1 / scale), y' = y - shift, w' = w / weight_mean, each in double and then rounded. */
static void bound_fill(interface_examples *e)
{
    const interface_spec *s = &e->spec;
    double (*rounded)(double) = interface_scalar_of(s->precision)->round;
    int in_float = s->standardized == 2 && s->precision == CUSGD_PRECISION_FLOAT && s->storage == CUSGD_STORAGE_FULL;
    for (int64_t i = 0; i < s->n; i++) {
        for (int64_t j = 0; j < s->d; j++) {
            double x = e->source_x[i * s->d + j], inverse = 1 / e->scale[j];
            if (in_float && (double)(float)x == x)
                x = standardized_in_float(x, e->mean[j], inverse);
            else
                x = s->standardized ? (x - e->mean[j]) * inverse : x;
            e->x[i * s->d + j] = s->storage == CUSGD_STORAGE_BF16 ? interface_bf16(x) : rounded(x);
        }
        for (int64_t c = 0; c < s->k; c++) {
            double y = e->source_y[i * s->k + c];
            e->y[i * s->k + c] = rounded(s->shifted ? y - e->shift[c] : y);
        }
        e->w[i] = s->weighted ? rounded(e->source_w[i] / e->transform.weight_mean) : 1;
    }
}

void interface_examples_make(const interface_spec *spec, interface_examples *e)
{
    int64_t n = spec->n, d = spec->d, k = spec->k, length = spec->listed ? 2 * n + 3 : n;
    uint64_t state = spec->seed * 2 + 1;
    memset(e, 0, sizeof *e);
    e->spec = *spec;
    e->x = interface_allocate(n * d, sizeof(double));
    e->y = interface_allocate(n * k, sizeof(double));
    e->w = interface_allocate(n, sizeof(double));
    e->o = interface_allocate(n, sizeof(double));
    e->source_x = interface_allocate(n * d, sizeof(double));
    e->source_y = interface_allocate(n * k, sizeof(double));
    e->source_w = interface_allocate(n, sizeof(double));
    e->mean = interface_allocate(d, sizeof(double));
    e->scale = interface_allocate(d, sizeof(double));
    e->shift = interface_allocate(k, sizeof(double));
    e->rows = interface_allocate(n, sizeof(int64_t));
    /* Unless it is taken away when bound, a mean far from 0 would drown everything else. */
    for (int64_t j = 0; j < d; j++) e->mean[j] = (spec->standardized ? 5 : 0.3) * interface_uniform(&state);
    for (int64_t j = 0; j < d && spec->standardized == 2; j++) e->mean[j] = (double)(float)e->mean[j];
    for (int64_t j = 0; j < d; j++) e->scale[j] = spec->standardized ? pow(10, interface_uniform(&state)) : 1;
    for (int64_t c = 0; c < k; c++) e->shift[c] = spec->shifted ? 3 * interface_uniform(&state) : 0;
    for (int64_t i = 0; i < n; i++)
        e->rows[i] = 2 * (n - 1 - i) + (int64_t)(interface_bits(&state) >> 63); /* descending, with gaps */
    e->source = (examples){.n = n, .d = d, .k = k, .rows = spec->listed ? e->rows : NULL};
    e->source.x = matrix_make(spec, length, d, &e->memory[0]);
    if (k > 0) e->source.y = matrix_make(spec, length, k, &e->memory[1]);
    if (spec->weighted) e->source.w = matrix_make(spec, length, 1, &e->memory[2]);
    if (spec->offset) e->source.o = matrix_make(spec, length, 1, &e->memory[3]);
    sources_fill(e, &state);
    e->transform = (transform){.mean = spec->standardized ? e->mean : NULL,
                               .scale = spec->standardized ? e->scale : NULL,
                               .shift = spec->shifted ? e->shift : NULL,
                               .weight_mean = spec->weighted ? 0.875 : 1,
                               .storage = spec->storage,
                               .in_float = spec->standardized == 2};
    bound_fill(e);
}

void interface_examples_free(interface_examples *e)
{
    free(e->x);
    free(e->y);
    free(e->w);
    free(e->o);
    free(e->source_x);
    free(e->source_y);
    free(e->source_w);
    free(e->mean);
    free(e->scale);
    free(e->shift);
    free(e->rows);
    for (int i = 0; i < 4; i++) free(e->memory[i]);
}

dataset *interface_bind(const backend *b, const interface_examples *e)
{
    dataset *out = NULL;
    interface_ok(b->ops->bind(b->self, &e->source, &e->transform, &out), "bind");
    return out;
}

void interface_spec_for(interface_spec *spec, cusgd_loss loss, int in_place)
{
    spec->type = (cusgd_type)(in_place ? (int)spec->precision : 1 - (int)spec->precision);
    spec->binary = cusgd_loss_at((size_t)loss)->targets == CUSGD_TARGET_CLASS;
    spec->positive = loss == CUSGD_LOSS_POISSON || loss == CUSGD_LOSS_GAMMA || loss == CUSGD_LOSS_TWEEDIE;
    spec->shifted = spec->standardized && !spec->binary && !spec->positive;
}

const char *interface_describe(const interface_spec *s)
{
    static char text[200];
    snprintf(text, sizeof text,
             "n %d d %d k %d precision %d storage %d type %d layout %d listed %d weighted %d standardized %d shifted %d "
             "offset %d",
             (int)s->n, (int)s->d, (int)s->k, (int)s->precision, (int)s->storage, (int)s->type, (int)s->layout, s->listed,
             s->weighted, s->standardized, s->shifted, s->offset);
    return text;
}

void interface_session_open(interface_session *s)
{
    s->cases = 0;
    for (int p = 0; p < 2; p++) interface_backend_open((cusgd_precision)p, 2, &s->of[p]);
}

void interface_session_close(interface_session *s)
{
    for (int p = 0; p < 2; p++) s->of[p].ops->close(s->of[p].self);
}

/* ---- Oracles ---- */

void interface_theta(const interface_spec *spec, uint64_t *state, double size, double *theta)
{
    for (int64_t u = 0; u < (spec->d + 1) * spec->k; u++)
        theta[u] = interface_scalar_of(spec->precision)->round(size * interface_uniform(state));
}

loss_rule interface_loss(int kind)
{
    static const double numbers[INTERFACE_LOSSES] = {[CUSGD_LOSS_HUBER] = 0.75,
                                                     [CUSGD_LOSS_EPSILON_INSENSITIVE] = 0.25,
                                                     [CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE] = 0.5,
                                                     [CUSGD_LOSS_QUANTILE] = 0.25,
                                                     [CUSGD_LOSS_TWEEDIE] = 1.25};
    loss_rule rule = {
        .kind = (cusgd_loss)kind, .number = numbers[kind], .minimum = -(double)INFINITY, .maximum = (double)INFINITY};
    if (kind == CUSGD_LOSS_TWEEDIE) rule.minimum = -0.5, rule.maximum = 0.25; /* straight lines within reach */
    return rule;
}

/* e^(a p), straight beyond `end`, and its derivative. */
static long double exponential_exact(long double a, long double p, long double end, long double *derivative)
{
    int beyond = a > 0 ? p > end : p < end;
    long double e = expl(a * (beyond ? end : p));
    *derivative = a * e;
    return beyond ? e * (1 + a * (p - end)) : e;
}

/* l and dl/dp, written out here: scalar/loss.h is what the backend uses. */
static long double loss_exact(loss_rule rule, long double p, long double y, long double *derivative)
{
    long double r = p - y, size = fabsl(r), sign = r > 0 ? 1 : r < 0 ? -1 : 0, q = (long double)rule.number, up, down, e, f;
    long double side = y == 1 ? 1 : -1, margin = 1 - side * p;
    long double outside = size > q ? size - q : 0;
    switch (rule.kind) {
    case CUSGD_LOSS_SQUARED: *derivative = r; return r * r / 2;
    case CUSGD_LOSS_MSE: *derivative = 2 * r; return r * r;
    case CUSGD_LOSS_SOFTMAX: /* of one output: its p is the difference to another's */
    case CUSGD_LOSS_LOGISTIC:
        *derivative = y == 1 ? -1 / (1 + expl(p)) : 1 / (1 + expl(-p));
        return y == 1 ? log1pl(expl(-p)) : log1pl(expl(p));
    case CUSGD_LOSS_HUBER: *derivative = size > q ? q * sign : r; return size > q ? q * (size - q / 2) : r * r / 2;
    case CUSGD_LOSS_EPSILON_INSENSITIVE: *derivative = outside > 0 ? sign : 0; return outside;
    case CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE: *derivative = 2 * outside * sign; return outside * outside;
    case CUSGD_LOSS_HINGE: *derivative = margin > 0 ? -side : 0; return margin > 0 ? margin : 0;
    case CUSGD_LOSS_SQUARED_HINGE: *derivative = margin > 0 ? -2 * side * margin : 0; return margin > 0 ? margin * margin : 0;
    case CUSGD_LOSS_MODIFIED_HUBER:
        *derivative = margin > 2 ? -4 * side : margin > 0 ? -2 * side * margin : 0;
        return margin > 2 ? -4 * side * p : margin > 0 ? margin * margin : 0;
    case CUSGD_LOSS_PERCEPTRON: *derivative = side * p <= 0 ? -side : 0; return side * p < 0 ? -side * p : 0;
    case CUSGD_LOSS_QUANTILE: *derivative = r > 0 ? 1 - q : r < 0 ? -q : 0; return r > 0 ? (1 - q) * r : -q * r;
    case CUSGD_LOSS_POISSON:
        e = exponential_exact(1, p, (long double)rule.maximum, &up);
        *derivative = up - y;
        return e - y * p;
    case CUSGD_LOSS_GAMMA:
        e = exponential_exact(-1, p, (long double)rule.minimum, &down);
        *derivative = 1 + y * down;
        return p + y * e;
    case CUSGD_LOSS_TWEEDIE:
        e = exponential_exact(2 - q, p, (long double)rule.maximum, &up);
        f = exponential_exact(1 - q, p, (long double)rule.minimum, &down);
        *derivative = up / (2 - q) - y * down / (1 - q);
        return e / (2 - q) - y * f / (1 - q);
    case CUSGD_LOSS_LOG_COSH: break;
    default: break; /* formulas, which are the CPU's */
    }
    *derivative = tanhl(r);
    return logl(coshl(r));
}

/* How far the derivative of a convex function may move while p does by `distance`. */
static long double derivative_change(loss_rule rule, long double p, long double y, long double distance)
{
    long double at, above, below;
    (void)loss_exact(rule, p, y, &at);
    (void)loss_exact(rule, p + distance, y, &above);
    (void)loss_exact(rule, p - distance, y, &below);
    return fmaxl(above - at, at - below);
}

/* One row's share of one output's sums. A prediction is off by a few roundings of |x| |theta| + |b| + |o|, so the derivative by
 * what it moves meanwhile, and every addend by a few roundings of itself. */
static void add_row(const interface_examples *e, loss_rule loss, const double *theta, int64_t i, int64_t c, long double *gradient,
                    double factor, interface_sums *sums, long double *total)
{
    int64_t d = e->spec.d, k = e->spec.k;
    const double *x = e->x + i * d;
    long double p = (long double)theta[d * k + c] + (long double)e->o[i], size, value, derivative, w = (long double)e->w[i];
    long double y = (long double)e->y[i * k + c], terms = 0;
    size = fabsl((long double)theta[d * k + c]) + fabsl((long double)e->o[i]);
    for (int64_t j = 0; j < d; j++) {
        long double term = (long double)x[j] * (long double)theta[j * k + c];
        p += term;
        size += fabsl(term);
    }
    value = loss_exact(loss, p, y, &derivative);
    size += fabsl(y) + (long double)loss.number;
    long double f = (long double)factor, change = derivative_change(loss, p, y, f * size);
    if (e->spec.positive) terms = (1 + fabsl(y)) * size + change / f; /* differences of terms: of derivative and size, or so */
    double error = (double)(w * (change / f + fabsl(derivative)));
    for (int64_t j = 0; j < d; j++) {
        gradient[j * k + c] += w * derivative * (long double)x[j];
        sums->bound[j * k + c] += factor * error * fabs(x[j]);
    }
    gradient[d * k + c] += w * derivative;
    sums->bound[d * k + c] += factor * error;
    *total += w * value;
    sums->loss_bound += factor * (double)(w * (fabsl(derivative) * size + fabsl(value) + change * size + terms));
}

/* Roundings that add up at random over a dot product and over the rows; the latter do not where all rows have one prediction, and
 * so, with targets that are classes, one of two addends. */
static double roundings(const interface_examples *e, const double *theta, int64_t c, int64_t count)
{
    int64_t d = e->spec.d, k = e->spec.k, zeros = 0;
    for (int64_t j = 0; j < d; j++) zeros += theta[j * k + c] == 0;
    double rows = zeros == d && !e->spec.offset ? (double)count : sqrt((double)count);
    return interface_scalar_of(e->spec.precision)->unit * (4 + sqrt((double)d) + rows);
}

void interface_gradient(const interface_examples *e, loss_rule loss, const double *theta, const int64_t *rows, int64_t count,
                        interface_sums *sums)
{
    int64_t size = (e->spec.d + 1) * e->spec.k;
    const interface_scalar *scalar = interface_scalar_of(e->spec.precision);
    double rows_of = (double)count;
    long double *gradient = interface_allocate(size, sizeof *gradient), total = 0;
    memset(sums->bound, 0, sizeof(double) * (size_t)size);
    sums->loss_bound = 0;
    for (int64_t c = 0; c < e->spec.k; c++) {
        double factor = roundings(e, theta, c, count);
        for (int64_t r = 0; r < count; r++) add_row(e, loss, theta, rows[r], c, gradient, factor, sums, &total);
    }
    for (int64_t u = 0; u < size; u++) {
        sums->gradient[u] = (double)(gradient[u] / (long double)rows_of);
        sums->bound[u] = sums->bound[u] / rows_of + scalar->tiny;
    }
    sums->loss = (double)total;
    sums->loss_bound += scalar->tiny;
    free(gradient);
}

void interface_generated(const backend *b, const cusgd_generator *g, const double *truth, int64_t first, int64_t count, double *x,
                         double *y)
{
    size_t bytes = g->type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double);
    void *xs = interface_allocate(count * g->cols, bytes), *ys = interface_allocate(count * g->outputs, bytes);
    interface_ok(b->ops->tools.generate(b->self, g, truth, first, count, xs, ys), "generate");
    for (int64_t i = 0; i < count * g->cols; i++)
        x[i] = g->type == CUSGD_TYPE_FLOAT32 ? (double)((float *)xs)[i] : ((double *)xs)[i];
    for (int64_t i = 0; i < count * g->outputs; i++)
        y[i] = g->type == CUSGD_TYPE_FLOAT32 ? (double)((float *)ys)[i] : ((double *)ys)[i];
    free(xs);
    free(ys);
}
