/* Rows as the caller has them (rows_source), standardized and rounded as bind() does it, to memory that the first-level cache
 * holds. So a mapped file is trained on without a copy of it. */
#ifndef CUSGD_HOST_CPU_TAKE_H
#define CUSGD_HOST_CPU_TAKE_H

static inline stored stored_of(double x, int rounds)
{
#ifdef STORED_BF16
    (void)rounds;
    return bf16_of(x);
#else
    return rounds ? (real)bf16_value(bf16_of(x)) : (real)x;
#endif
}

typedef float eight_floats __attribute__((vector_size(8 * sizeof(float))));
typedef double eight __attribute__((vector_size(8 * sizeof(double))));

/* By address, as vectors that the instruction set lacks are no parameters. */
static inline void widen(const eight_floats *v, eight *out)
{
#ifdef __AVX512F__
    *out = (eight)_mm512_cvtps_pd((__m256)*v); /* gcc 12 makes two halves of it */
#else
    *out = __builtin_convertvector(*v, eight);
#endif
}

/* Returns the set of lanes that are equal, lane l as bit l. */
enum { ALL_EIGHT = 255 };
static inline int equal_lanes(const eight *a, const eight *b)
{
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)*a, (__m512d)*b, _CMP_EQ_OQ);
#elif defined(__AVX2__)
    const __m256d *p = (const __m256d *)a, *q = (const __m256d *)b;
    int low = _mm256_movemask_pd(_mm256_cmp_pd(p[0], q[0], _CMP_EQ_OQ));
    return low | _mm256_movemask_pd(_mm256_cmp_pd(p[1], q[1], _CMP_EQ_OQ)) << 4;
#else
    int equal = 0;
    for (int l = 0; l < 8; l++) equal |= ((*a)[l] == (*b)[l]) << l;
    return equal;
#endif
}

/* What the values of a row are, and what they become: constants in each copy of the functions below. */
typedef struct taking {
    int wide; /* 1: double, 0: float */
    standardizing how;
    int rounds; /* 1: to bf16's values */
} taking;

/* What eight columns are standardized by. */
typedef struct eight_columns {
    eight mean, inverse;
    eight_floats mean_in_float, inverse_in_float;
} eight_columns;

/* `count` of the columns from `at` on; zeros stand for the others. */
static inline __attribute__((always_inline)) void columns_at(const rows_source *s, taking k, int64_t at, size_t count,
                                                             eight_columns *out)
{
    int64_t padded = rows_padded(s->of.d);
    memset(out, 0, sizeof *out);
    if (k.how == STANDARDIZE_IN_FLOAT) {
        memcpy(&out->mean_in_float, s->in_float + at, count * sizeof(float));
        memcpy(&out->inverse_in_float, s->in_float + padded + at, count * sizeof(float));
    }
    if (k.how == STANDARDIZE_IN_DOUBLE || (k.how && k.wide)) {
        memcpy(&out->mean, s->mean + at, count * sizeof(double));
        memcpy(&out->inverse, s->inverse + at, count * sizeof(double));
    }
}

#ifndef STORED_BF16
typedef real eight_reals __attribute__((vector_size(8 * sizeof(real))));

/* Standardizes eight doubles for training in float, those that floats hold in float. */
static inline __attribute__((always_inline)) void standardize_eight(const eight *v, const eight_columns *by, eight_reals *out)
{
    eight_floats narrow = __builtin_convertvector(*v, eight_floats);
    eight back;
    widen(&narrow, &back);
    int held = equal_lanes(v, &back);
    if (held < ALL_EIGHT) *out = __builtin_convertvector(STANDARDIZED(*v, by->mean, by->inverse), eight_reals);
    if (held == 0) return;
    narrow = STANDARDIZED(narrow, by->mean_in_float, by->inverse_in_float);
    for (int l = 0; l < 8 && held < ALL_EIGHT; l++)
        if (held >> l & 1) (*out)[l] = (real)narrow[l];
    if (held == ALL_EIGHT) *out = __builtin_convertvector(narrow, eight_reals);
}
#endif

/* Eight values of a row. */
static inline __attribute__((always_inline)) void take_eight(const char *x, taking k, const eight_columns *by, stored *out)
{
    eight v;
    eight_floats narrow;
    memcpy(k.wide ? (void *)&v : (void *)&narrow, x, k.wide ? sizeof v : sizeof narrow);
#ifndef STORED_BF16
    if (k.how == STANDARDIZE_IN_FLOAT) {
        eight_reals r;
        if (k.wide)
            standardize_eight(&v, by, &r);
        else
            r = __builtin_convertvector(STANDARDIZED(narrow, by->mean_in_float, by->inverse_in_float), eight_reals);
        memcpy(out, &r, sizeof r);
        return;
    }
#endif
    if (!k.wide) widen(&narrow, &v);
    if (k.how) v = STANDARDIZED(v, by->mean, by->inverse);
#ifndef STORED_BF16
    if (!k.rounds) {
        eight_reals r = __builtin_convertvector(v, eight_reals);
        memcpy(out, &r, sizeof r);
        return;
    }
#endif
    for (int l = 0; l < 8; l++) out[l] = stored_of(v[l], k.rounds);
}

/* Rows to be taken, and those that are asked for meanwhile, as bytes; the rows at `out` are `stride` values apart. */
struct rows_to_take {
    const rows_source *from;
    int count;
    const char *x[GROUP];
    const stored *const *ahead;
    int64_t stride;
    stored *out;
};

/* Some of them. */
typedef struct row_span {
    int first, end;
} row_span;

/* COLUMNS columns from `at` on: what they are standardized by stays in the registers. */
enum { COLUMNS = 32, LINE_BYTES = 64 };
static inline __attribute__((always_inline)) void take_columns(const rows_to_take *t, row_span rows, taking k, int64_t at)
{
    int64_t size = k.wide ? (int64_t)sizeof(double) : (int64_t)sizeof(float), start = at * size, stride = t->stride;
    eight_columns by[COLUMNS / 8];
    for (int q = 0; q < COLUMNS / 8; q++) columns_at(t->from, k, at + 8 * q, 8, &by[q]);
    stored *restrict out = t->out + rows.first * stride + at;
    for (int r = rows.first; r < rows.end; r++, out += stride) {
        const char *x = t->x[r] + start, *ahead = (const char *)t->ahead[r] + start;
        for (int64_t line = 0; line < COLUMNS * size; line += LINE_BYTES) fetch(ahead + line);
#pragma GCC unroll 4
        for (int q = 0; q < COLUMNS / 8; q++) take_eight(x + 8 * q * size, k, &by[q], out + 8 * q);
    }
}

/* The columns from `at` on, by eight. */
static inline __attribute__((always_inline)) void take_rest(const rows_to_take *t, row_span rows, taking k, int64_t at)
{
    size_t size = k.wide ? sizeof(double) : sizeof(float);
    int64_t d = t->from->of.d;
    for (; at < d; at += 8) {
        size_t count = d - at < 8 ? (size_t)(d - at) : 8;
        eight_columns by;
        columns_at(t->from, k, at, count, &by);
        for (int r = rows.first; r < rows.end; r++) {
            char x[8 * sizeof(double)] = {0};
            stored eight_out[8];
            memcpy(x, t->x[r] + (size_t)at * size, count * size);
            fetch((const char *)t->ahead[r] + (size_t)at * size);
            take_eight(x, k, &by, eight_out);
            memcpy(t->out + r * t->stride + at, eight_out, count * sizeof *eight_out);
        }
    }
}

static inline __attribute__((always_inline)) void take_kind(const rows_to_take *t, row_span rows, taking k)
{
    int64_t at = 0;
    for (; at + COLUMNS <= t->from->of.d; at += COLUMNS) take_columns(t, rows, k, at);
    take_rest(t, rows, k, at);
}

static void take_rows(const rows_to_take *t, row_span rows)
{
    const rows_source *s = t->from;
    int wide = s->of.x.type != CUSGD_TYPE_FLOAT32;
    if (s->rounds)
        take_kind(t, rows, (taking){wide, s->how, 1});
    else if (s->how == STANDARDIZE_IN_FLOAT)
        take_kind(t, rows, (taking){wide, STANDARDIZE_IN_FLOAT, 0});
    else if (wide)
        take_kind(t, rows, (taking){1, s->how, 0});
    else if (s->how)
        take_kind(t, rows, (taking){0, STANDARDIZE_IN_DOUBLE, 0});
    else
        take_kind(t, rows, (taking){0, STANDARDIZE_NOT, 0});
}

static inline int64_t row_bytes(const cusgd_matrix *m) { return m->row_stride * (int64_t)type_bytes(m->type); }

static void rows_take(const rows_source *s, int64_t first, int64_t count, void *out)
{
    enum { ROWS_AHEAD = 6 };
    const char *x = s->of.x.at;
    int64_t bytes = row_bytes(&s->of.x);
    for (int64_t i = 0; i < count; i += GROUP) {
        const stored *ahead[GROUP];
        rows_to_take t = {.from = s,
                          .ahead = ahead,
                          .count = count - i < GROUP ? (int)(count - i) : GROUP,
                          .stride = s->of.d,
                          .out = (stored *)out + i * s->of.d};
        for (int64_t r = 0; r < t.count; r++) {
            int64_t later = i + r + ROWS_AHEAD < count ? first + i + r + ROWS_AHEAD : first + i + r;
            t.x[r] = x + examples_row(&s->of, first + i + r) * bytes;
            ahead[r] = (const stored *)(const void *)(x + examples_row(&s->of, later) * bytes);
        }
        take_rows(&t, (row_span){0, t.count});
    }
}

#ifndef STORED_BF16
/* Whether take_sums() takes these rows. */
static inline int takes_sums(const rows_to_take *t)
{
    const rows_source *s = t->from;
    return !REAL_IS_DOUBLE && s->how == STANDARDIZE_IN_FLOAT && s->of.x.type == CUSGD_TYPE_FLOAT32;
}

/* The lane sums (lane_sums()) of the rows first .. first + BLOCK - 1 with theta, which are taken meanwhile: a row's values are
 * multiplied while the registers have them, and the reading of rows from memory goes on during the arithmetic. */
static inline __attribute__((always_inline)) void take_sums(const rows_to_take *t, int first, const real *theta, quad *folded)
{
    lanes sum[BLOCK][PIECES];
    int64_t d = t->from->of.d, padded = t->stride, whole = d / LANES * LANES, j = 0;
    const float *mean = t->from->in_float, *inverse = mean + padded;
    const real *row[BLOCK];
    const stored *ahead[BLOCK];
    real *out[BLOCK];
    if (whole < d) take_rest(t, (row_span){first, first + BLOCK}, (taking){0, STANDARDIZE_IN_FLOAT, 0}, whole);
#pragma GCC unroll 4
    for (int r = 0; r < BLOCK; r++) {
        row[r] = (const real *)(const void *)t->x[first + r];
        ahead[r] = t->ahead[first + r];
        out[r] = t->out + (first + r) * padded;
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[r][q] = (lanes){0};
    }
    for (; j < whole; j += LANES) {
#pragma GCC unroll 4
        for (int r = 0; r < BLOCK; r++) fetch(ahead[r] + j);
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) {
            int64_t at = j + q * WIDTH;
            lanes m = load((const real *)(const void *)(mean + at)), i = load((const real *)(const void *)(inverse + at)),
                  w = load(theta + at);
#pragma GCC unroll 4
            for (int r = 0; r < BLOCK; r++) {
                lanes v = STANDARDIZED(load(row[r] + at), m, i);
                store(out[r] + at, v);
                sum[r][q] += v * w;
            }
        }
    }
    for (; j < padded; j += LANES)
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++)
#pragma GCC unroll 4
            for (int r = 0; r < BLOCK; r++) sum[r][q] += load(out[r] + j + q * WIDTH) * load(theta + j + q * WIDTH);
#pragma GCC unroll 4
    for (int r = 0; r < BLOCK; r++) folded[r] = fold(sum[r]);
}
#endif

/* dots() of four rows from `first` on, fewer at the end of a group, which are taken first. */
static inline __attribute__((always_inline)) void take_dots(const rows_to_take *t, const stored *const *x, int first,
                                                            const real *theta, real *p)
{
#ifndef STORED_BF16
    if (takes_sums(t) && first + 4 <= t->count) {
        quad s[4];
#pragma GCC unroll 4
        for (int r = 0; r < 4; r += BLOCK) take_sums(t, first + r, theta, s + r);
        add_quads(s, p);
        return;
    }
#endif
    take_rows(t, (row_span){first, first + 4 < t->count ? first + 4 : t->count});
    dots(x + first, NULL, theta, t->stride, p);
}

#endif
