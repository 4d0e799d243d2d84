/* Newton's method on a sample of rows (recession.c), and the memory of both. */
#include "separation.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

/* ---- Room ---- */

cusgd_status sample_reserve(search *s, int64_t room)
{
    enum { PER_ROW = 6 };
    sample *of = &s->sample;
    int64_t f = s->free;
    size_t bytes = (size_t)(room * (f + PER_ROW)) * sizeof(double);
    if (room <= of->room) return CUSGD_OK;
    double *z = realloc(of->z, (size_t)(room * f) * sizeof *z);
    if (z) of->z = z;
    int64_t *row = realloc(of->row, (size_t)room * sizeof *row);
    if (row) of->row = row;
    free(of->y);
    of->y = allocate((size_t)(PER_ROW * room), sizeof *of->y);
    if (!z || !row || !of->y) return fail_memory(bytes, "the check for separated classes");
    double **parts[PER_ROW] = {&of->y, &of->at, &of->derivative, &of->curvature, &of->trial, &of->change};
    for (int i = 1; i < PER_ROW; i++) *parts[i] = of->y + i * room;
    for (int64_t i = 0; i < of->rows; i++) of->y[i] = is_positive(s, of->row[i]);
    of->room = room;
    return CUSGD_OK;
}

cusgd_status recession_open(search *s)
{
    enum { PER_COLUMN = 5 };
    int64_t f = s->free;
    size_t values = (size_t)(2 * f * f + PER_COLUMN * f + matrix_products_work(f));
    newton *m = &s->newton;
    m->h = allocate(values, sizeof *m->h);
    if (!m->h) return fail_memory(values * sizeof *m->h, "the check for separated classes");
    m->l = m->h + f * f;
    m->g = m->l + f * f;
    m->p = m->g + f;
    m->scale = m->p + f;
    m->v = m->scale + f;
    m->last = m->v + f;
    m->work = m->last + f;
    vector_zero(f * f, m->h);
    return CUSGD_OK;
}

void close_rows(search *s)
{
    free(s->sample.z);
    free(s->sample.row);
    free(s->sample.y);
    free(s->newton.h);
    s->sample = (sample){0};
    s->newton = (newton){0};
}

/* ---- Steps ---- */

/* Computes the derivatives of the losses at these predictions. Returns the sum of the losses. */
static double evaluate(search *s, const double *restrict at)
{
    const sample *of = &s->sample;
    const double *restrict y = of->y;
    double sum = 0, *restrict derivative = of->derivative, *restrict second = of->curvature;
    for (int64_t i = 0; i < of->rows; i++) {
        struct loss_point l = s->logistic ? loss_logistic(at[i], y[i]) : loss_poisson(at[i], y[i], (double)INFINITY);
        derivative[i] = l.derivative;
        second[i] = l.curvature;
        sum += l.value;
    }
    return sum;
}

void recession_start(search *s)
{
    vector_zero(s->sample.rows, s->sample.at);
    s->sample.sum = evaluate(s, s->sample.at);
}

int recession_factor(search *s, int *full)
{
    enum { TRIES = 5 };
    int64_t f = s->free;
    newton *m = &s->newton;
    double minimum = 1;
    for (int64_t a = 0; a < f; a++) m->scale[a] = m->h[a * f + a] > 0 ? 1 / sqrt(m->h[a * f + a]) : 1;
    for (int tries = 0; tries < TRIES; tries++) {
        double ridge = 1e-14 * (double)f * pow(10, tries);
        for (int64_t a = 0; a < f; a++)
            for (int64_t b = 0; b <= a; b++) m->l[a * f + b] = m->h[a * f + b] * m->scale[a] * m->scale[b] + (a == b ? ridge : 0);
        if (!cholesky_factor_alone(f, m->l)) continue;
        for (int64_t a = 0; a < f; a++) minimum = fmin(minimum, m->l[a * f + a]);
        *full = minimum > 1e-5;
        return 1;
    }
    return 0;
}

void recession_solve(search *s)
{
    const sample *of = &s->sample;
    newton *m = &s->newton;
    int64_t f = s->free;
    vector_zero(f, m->g);
    matrix_add_rows(of->rows, f, of->z, of->derivative, m->g);
    for (int64_t a = 0; a < f; a++) m->p[a] = -m->g[a];
    cholesky_solve_scaled(f, m->l, m->scale, m->p);
    matrix_times_rows(of->rows, f, of->z, m->p, of->change);
}

int recession_step(search *s, int *full)
{
    int64_t f = s->free;
    vector_zero(f * f, s->newton.h);
    matrix_add_products(s->sample.rows, f, s->sample.z, s->sample.curvature, s->newton.h, s->newton.work);
    if (!recession_factor(s, full)) return 0;
    recession_solve(s);
    return 1;
}

int recession_move(search *s)
{
    enum { HALVINGS = 40 };
    sample *of = &s->sample;
    double promised = vector_dot(s->free, s->newton.g, s->newton.p);
    for (int i = 0; i < HALVINGS; i++) {
        double share = ldexp(1, -i);
        vector_copy(of->rows, of->at, of->trial);
        vector_add(of->rows, share, of->change, of->trial);
        double sum = evaluate(s, of->trial);
        if (!(sum <= of->sum + 1e-4 * share * promised + 1e-13 * fabs(of->sum))) continue;
        vector_copy(of->rows, of->trial, of->at);
        of->sum = sum;
        return 1;
    }
    return 0;
}
