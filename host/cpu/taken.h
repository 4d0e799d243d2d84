/* Passes over rows that stay where the caller has them: a group of them at a time is taken to memory of the thread's own. */
#ifndef CUSGD_HOST_CPU_TAKEN_H
#define CUSGD_HOST_CPU_TAKEN_H

/* Which rows of the matrices a group has, and those that are asked for meanwhile. */
typedef struct taken_rows {
    int64_t at[GROUP], behind[GROUP];
    int in_order; /* 1: one behind the other, so that a line of y is that of several rows */
} taken_rows;

/* Column c of the rows. */
static inline void take_column(const cusgd_matrix *m, const taken_rows *rows, int count, int64_t c, double *out)
{
    int64_t stride = m->row_stride, first = c * m->col_stride;
    if (m->type == CUSGD_TYPE_FLOAT32)
        for (int r = 0; r < count; r++) out[r] = (double)((const float *)m->at)[rows->at[r] * stride + first];
    else
        for (int r = 0; r < count; r++) out[r] = ((const double *)m->at)[rows->at[r] * stride + first];
}

/* y, w and o of the rows. */
static inline void take_values(const rows_task *t, const taken_rows *rows, group *g, real *w, real *o)
{
    const rows_source *s = t->source;
    const cusgd_matrix *matrices[] = {&s->of.y, &s->of.w, &s->of.o};
    real *y = source_room(s);
    int64_t m = t->m;
    double value[GROUP];
    for (int i = 0; i < 3; i++) {
        int64_t bytes = row_bytes(matrices[i]), step = rows->in_order && bytes > 0 ? LINE_BYTES / bytes : 1;
        if (step < 1) step = 1;
        for (int64_t r = 0; r < g->count && matrices[i]->at; r += step)
            fetch((const char *)matrices[i]->at + rows->behind[r] * bytes);
    }
    for (int64_t c = 0; c < m; c++) {
        double shift = s->shift ? s->shift[c] : 0;
        take_column(matrices[0], rows, g->count, c, value);
        for (int r = 0; r < g->count && m == 1; r++) y[r] = (real)(value[r] - shift);
        for (int r = 0; r < g->count && m > 1; r++) y[r * m + c] = (real)(value[r] - shift);
    }
    if (s->of.w.at) {
        take_column(matrices[1], rows, g->count, 0, value);
        for (int r = 0; r < g->count; r++) w[r] = (real)(value[r] / s->weight_mean);
    }
    if (s->of.o.at) {
        take_column(matrices[2], rows, g->count, 0, value);
        for (int r = 0; r < g->count; r++) o[r] = (real)value[r];
    }
    for (int r = 0; r < g->count && (t->layout.wide || t->k > 1); r++) g->y_row[r] = y + r * m;
    g->y = y;
    g->w = s->of.w.at ? w : NULL;
    g->o = s->of.o.at ? o : NULL;
}

/* Whether add_narrow() takes x, four rows at a time. */
static int takes_late(const rows_task *t) { return !t->layout.wide && !t->models && !is_softmax(t); }

/* x of the rows, or where it is; behind a row's d values stand zeros. */
static void take_x(const rows_task *t, const taken_rows *rows, group *g, rows_to_take *to)
{
    const rows_source *s = t->source;
    const char *x = s->of.x.at;
    int64_t padded = rows_padded(t->d), bytes = row_bytes(&s->of.x);
    to->from = s;
    to->count = g->count;
    to->stride = padded;
    to->out = (stored *)((real *)source_room(s) + rows_taken_targets(t->m));
    for (int r = 0; r < g->count; r++) to->x[r] = x + rows->at[r] * bytes;
    for (int r = 0; r < g->count; r++) g->ahead[r] = (const stored *)(const void *)(x + rows->behind[r] * bytes);
    for (int r = 0; r < g->count; r++) g->x[r] = s->stays ? (const stored *)(const void *)to->x[r] : to->out + r * padded;
    to->ahead = g->ahead;
    for (int r = g->count; r < g->fours; r++) g->x[r] = g->ahead[r] = g->x[0];
    if (s->stays) return;
    for (int r = 0; r < g->count && t->d < padded; r++)
        for (int64_t j = t->d; j < padded; j++) to->out[r * padded + j] = stored_of(0, 0);
    if (takes_late(t))
        g->taken_late = to;
    else
        take_rows(to, (row_span){0, g->count});
}

/* Rows i .. i + count - 1 of a range or a list. */
static inline void find_rows(const examples *of, const rows_range *range, const rows_list *list, int64_t i, int count,
                             int64_t distance, taken_rows *out)
{
    if (range) {
        const rows_range r = *range;
        for (int q = 0; q < count; q++) out->at[q] = r.first + i + q;
        for (int q = 0; q < count; q++) out->behind[q] = row_behind(&r, i + q, distance);
    } else {
        for (int q = 0; q < count; q++) out->at[q] = list->rows[i + q];
        for (int q = 0; q < count; q++) out->behind[q] = listed_behind(list, i + q, distance);
    }
    out->in_order = range && !of->rows;
    if (!of->rows) return;
    for (int q = 0; q < count; q++) out->at[q] = of->rows[out->at[q]];
    for (int q = 0; q < count; q++) out->behind[q] = of->rows[out->behind[q]];
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
        rows_to_take to;
        taken_rows rows;
        group_size(&g, count - i, maximum);
        find_rows(of, range, list, i, g.count, distance, &rows);
        take_values(t, &rows, &g, w, o);
        take_x(t, &rows, &g, &to);
        add_group(t, &g, loss);
    }
    return finish(t, loss);
}

#endif
