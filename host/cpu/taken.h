/* Rows that stay where the caller has them (rows_source): a pass takes a group of them at a time, transformed as bind() does it,
 * to memory of its thread's that the first-level cache holds. So a file that is mapped is trained on without a copy of it. */
#ifndef CUSGD_HOST_CPU_TAKEN_H
#define CUSGD_HOST_CPU_TAKEN_H

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

/* Eight values of a row; the flags are constants in each copy of this. */
static inline __attribute__((always_inline)) void take_eight(const char *x, int wide, const eight *mean, const eight *inverse,
                                                             int rounds, stored *out)
{
    eight v;
    eight_floats narrow;
    memcpy(wide ? (void *)&v : (void *)&narrow, x, wide ? sizeof v : sizeof narrow);
    if (!wide) widen(&narrow, &v);
    if (mean) v = (v - *mean) * *inverse;
#ifndef STORED_BF16
    if (!rounds) {
        typedef real eight_reals __attribute__((vector_size(8 * sizeof(real))));
        eight_reals r = __builtin_convertvector(v, eight_reals);
        memcpy(out, &r, sizeof r);
        return;
    }
#endif
    for (int l = 0; l < 8; l++) out[l] = stored_of(v[l], rounds);
}

/* Rows to be taken, which are `stride` values apart there, and those that are asked for meanwhile. */
typedef struct rows_to_take {
    int count;
    const char *x[GROUP], *ahead[GROUP];
    int64_t stride;
    stored *out;
} rows_to_take;

/* COLUMNS columns from `from` on: what they are moved by stays in the registers. */
enum { COLUMNS = 32 };
static inline __attribute__((always_inline)) void take_columns(const rows_source *s, const rows_to_take *t, int wide, int moved,
                                                               int rounds, int64_t from)
{
    enum { LINE_BYTES = 64 };
    int64_t size = wide ? (int64_t)sizeof(double) : (int64_t)sizeof(float);
    eight mean[COLUMNS / 8], inverse[COLUMNS / 8];
    for (int q = 0; q < COLUMNS / 8 && moved; q++) {
        memcpy(&mean[q], s->mean + from + 8 * q, sizeof mean[q]);
        memcpy(&inverse[q], s->inverse + from + 8 * q, sizeof inverse[q]);
    }
    stored *restrict out = t->out + from;
    int64_t stride = t->stride, start = from * size;
    for (int r = 0, count = t->count; r < count; r++, out += stride) {
        const char *x = t->x[r] + start, *ahead = t->ahead[r] + start;
        for (int64_t at = 0; at < COLUMNS * size; at += LINE_BYTES) fetch(ahead + at);
#pragma GCC unroll 4
        for (int q = 0; q < COLUMNS / 8; q++)
            take_eight(x + 8 * q * size, wide, moved ? &mean[q] : NULL, &inverse[q], rounds, out + 8 * q);
    }
}

/* The columns from `from` on, fewer than COLUMNS. */
static inline __attribute__((always_inline)) void take_rest(const rows_source *s, const rows_to_take *t, int wide, int moved,
                                                            int rounds, int64_t from)
{
    size_t size = wide ? sizeof(double) : sizeof(float);
    for (; from < s->of.d; from += 8) {
        size_t count = s->of.d - from < 8 ? (size_t)(s->of.d - from) : 8;
        eight mean = {0}, inverse = {0};
        if (moved) memcpy(&mean, s->mean + from, count * sizeof *s->mean);
        if (moved) memcpy(&inverse, s->inverse + from, count * sizeof *s->inverse);
        for (int r = 0; r < t->count; r++) {
            char x[8 * sizeof(double)] = {0};
            stored eight_out[8];
            memcpy(x, t->x[r] + (size_t)from * size, count * size);
            fetch(t->ahead[r] + (size_t)from * size);
            take_eight(x, wide, moved ? &mean : NULL, &inverse, rounds, eight_out);
            memcpy(t->out + r * t->stride + from, eight_out, count * sizeof *eight_out);
        }
    }
}

static inline __attribute__((always_inline)) void take_kind(const rows_source *s, const rows_to_take *t, int wide, int moved,
                                                            int rounds)
{
    int64_t from = 0;
    for (; from + COLUMNS <= s->of.d; from += COLUMNS) take_columns(s, t, wide, moved, rounds, from);
    take_rest(s, t, wide, moved, rounds, from);
}

static void take_rows(const rows_source *s, const rows_to_take *t)
{
    int wide = s->of.x.type != CUSGD_TYPE_FLOAT32, moved = s->inverse != NULL;
    if (s->rounds)
        take_kind(s, t, wide, moved, 1);
    else if (wide)
        take_kind(s, t, 1, moved, 0);
    else if (moved)
        take_kind(s, t, 0, 1, 0);
    else
        take_kind(s, t, 0, 0, 0);
}

static inline int64_t row_bytes(const cusgd_matrix *m) { return m->row_stride * (int64_t)type_bytes(m->type); }

static void rows_take(const rows_source *s, int64_t first, int64_t count, void *out)
{
    enum { ROWS_AHEAD = 6 };
    const char *x = s->of.x.at;
    int64_t bytes = row_bytes(&s->of.x);
    for (int64_t i = 0; i < count; i += GROUP) {
        rows_to_take t = {
            .count = count - i < GROUP ? (int)(count - i) : GROUP, .stride = s->of.d, .out = (stored *)out + i * s->of.d};
        for (int64_t r = 0; r < t.count; r++) {
            int64_t later = i + r + ROWS_AHEAD < count ? first + i + r + ROWS_AHEAD : first + i + r;
            t.x[r] = x + examples_row(&s->of, first + i + r) * bytes;
            t.ahead[r] = x + examples_row(&s->of, later) * bytes;
        }
        take_rows(s, &t);
    }
}

/* y, w and o of the matrices' rows at[r], and those that are asked for meanwhile. */
static inline void take_values(const rows_task *t, const int64_t *at, const int64_t *behind, group *g, real *w, real *o)
{
    const rows_source *s = t->source;
    const cusgd_matrix matrices[] = {s->of.y, s->of.w, s->of.o};
    real *y = source_room(s);
    int64_t m = t->m;
    for (int i = 0; i < 3; i++) {
        if (!matrices[i].at) continue;
        int64_t bytes = row_bytes(&matrices[i]);
        for (int r = 0; r < g->count; r++) fetch((const char *)matrices[i].at + behind[r] * bytes);
    }
    for (int64_t c = 0; c < m; c++) {
        double shift = s->shift ? s->shift[c] : 0;
        for (int r = 0; r < g->count; r++) y[r * m + c] = (real)(matrix_at(&matrices[0], at[r], c) - shift);
    }
    for (int r = 0; r < g->count; r++) g->y_row[r] = y + r * m;
    for (int r = 0; matrices[1].at && r < g->count; r++) w[r] = (real)(matrix_at(&matrices[1], at[r], 0) / s->weight_mean);
    for (int r = 0; matrices[2].at && r < g->count; r++) o[r] = (real)matrix_at(&matrices[2], at[r], 0);
    g->y = y;
    g->w = matrices[1].at ? w : NULL;
    g->o = matrices[2].at ? o : NULL;
}

/* The matrices' rows at[0 .. g->count - 1]; behind: those that are asked for meanwhile, while these are brought here and once
 * more while they are worked on. */
static void take_group(const rows_task *t, const int64_t *at, const int64_t *behind, group *g, real *w, real *o)
{
    const rows_source *s = t->source;
    const char *x = s->of.x.at;
    int64_t padded = rows_padded(t->d), bytes = row_bytes(&s->of.x);
    rows_to_take to;
    to.count = g->count;
    to.stride = padded;
    to.out = (stored *)((real *)source_room(s) + rows_taken_targets(t->m));
    take_values(t, at, behind, g, w, o);
    for (int r = 0; r < g->count; r++) {
        stored *row = to.out + r * padded;
        to.x[r] = x + at[r] * bytes;
        to.ahead[r] = x + behind[r] * bytes;
        g->x[r] = row;
        g->ahead[r] = (const stored *)(const void *)to.ahead[r];
    }
    for (int r = g->count; r < g->fours; r++) g->x[r] = g->ahead[r] = g->x[0];
    if (s->stays) {
        for (int r = 0; r < g->fours; r++) g->x[r] = (const stored *)(const void *)to.x[r < g->count ? r : 0];
        return;
    }
    for (int r = 0; r < g->count && t->d < padded; r++)
        for (int64_t j = t->d; j < padded; j++) to.out[r * padded + j] = stored_of(0, 0);
    take_rows(s, &to);
}

/* A range, or a list of rows. */
static double add_taken(const rows_task *t, const rows_range *range, const rows_list *list)
{
    const examples *of = &t->source->of;
    int maximum = group_rows(t);
    int64_t count = range ? range->count : list->count;
    int64_t distance = rows_ahead(t, range ? range->next_count : list->next_count);
    double loss[4] = {0};
    real w[GROUP], o[GROUP];
    for (int64_t i = 0; i < count; i += maximum) {
        group g;
        int64_t at[GROUP], behind[GROUP];
        group_size(&g, count - i, maximum);
        for (int r = 0; r < g.count; r++) {
            at[r] = examples_row(of, range ? range->first + i + r : list->rows[i + r]);
            behind[r] = examples_row(of, range ? row_behind(range, i + r, distance) : listed_behind(list, i + r, distance));
        }
        take_group(t, at, behind, &g, w, o);
        add_group(t, &g, loss);
    }
    return finish(t, loss);
}

#endif
