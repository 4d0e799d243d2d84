/* L-BFGS (Liu, Nocedal 1989): BFGS from the last PAIRS steps and changes of the gradient, by two loops. With l1, OWL-QN (Andrew,
 * Gao 2007): the direction comes from the minimum-norm subgradient and keeps its signs, and a step ends where a coordinate
 * changes sign: there it becomes 0. */
#include "solver.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

enum { PAIRS = 10 };

typedef struct history {
    int64_t n, count, next; /* count pairs are kept; the next one goes to place `next` */
    double *s, *y;          /* PAIRS x n */
    double rho[PAIRS];      /* 1 / s'y */
} history;

/* p = -H v */
static void two_loops(const history *h, const double *v, double *p)
{
    int64_t n = h->n;
    double alpha[PAIRS];
    for (int64_t u = 0; u < n; u++) p[u] = -v[u];
    for (int64_t i = 0; i < h->count; i++) {
        int64_t at = (h->next - 1 - i + 2 * PAIRS) % PAIRS;
        alpha[at] = h->rho[at] * vector_dot(n, h->s + at * n, p);
        vector_add(n, -alpha[at], h->y + at * n, p);
    }
    int64_t newest = (h->next - 1 + PAIRS) % PAIRS;
    if (h->count > 0) {
        double scale = 1 / (h->rho[newest] * vector_dot(n, h->y + newest * n, h->y + newest * n));
        for (int64_t u = 0; u < n; u++) p[u] *= scale;
    }
    for (int64_t i = h->count - 1; i >= 0; i--) {
        int64_t at = (h->next - 1 - i + 2 * PAIRS) % PAIRS;
        double beta = h->rho[at] * vector_dot(n, h->y + at * n, p);
        vector_add(n, alpha[at] - beta, h->s + at * n, p);
    }
}

/* The place of the next pair holds x and g of before the step. */
static void remember_before(const solver *s, history *h)
{
    vector_copy(h->n, s->x, h->s + h->next * h->n);
    vector_copy(h->n, s->g, h->y + h->next * h->n);
}

static void remember(const solver *s, history *h)
{
    int64_t n = h->n;
    double *step = h->s + h->next * n, *y = h->y + h->next * n;
    for (int64_t u = 0; u < n; u++) {
        step[u] = s->x[u] - step[u];
        y[u] = s->g[u] - y[u];
    }
    double bend = vector_dot(n, step, y);
    if (!(bend > 1e-14 * vector_norm(n, step) * vector_norm(n, y))) return;
    h->rho[h->next] = 1 / bend;
    h->next = (h->next + 1) % PAIRS;
    h->count += h->count < PAIRS;
}

/* OWL-QN's step: x + at p, held to the orthant of x (at 0, that of -v), by halving until f has fallen enough. */
static cusgd_status step_in_orthant(solver *s, const double *v, const double *p, double first)
{
    enum { HALVINGS = 40 };
    double at = first, f;
    for (int i = 0; i < HALVINGS; i++) {
        double promised = 0;
        for (int64_t u = 0; u < s->size; u++) {
            double sign = s->x[u] != 0 ? s->x[u] : -v[u], to = s->x[u] + at * p[u];
            s->trial[u] = u < s->penalized && to * sign <= 0 ? 0 : to;
            promised += v[u] * (s->trial[u] - s->x[u]);
        }
        cusgd_status status = solver_evaluate(s, s->trial, &f, s->trial_g);
        if (status != CUSGD_OK) return status;
        if (f <= s->f + 1e-4 * promised + s->noise * fabs(s->f) && promised < 0) {
            s->step = at;
            solver_move(s, f);
            return CUSGD_OK;
        }
        at /= 2;
    }
    s->stuck = 1;
    return CUSGD_OK;
}

static cusgd_status iterate(solver *s, history *h, double *v, double *p)
{
    int sparse = s->problem->l1 > 0;
    cusgd_status status = CUSGD_OK;
    while (status == CUSGD_OK && s->m.stop == CUSGD_STOP_NONE) {
        problem_subgradient(s->problem, s->x, s->g, v);
        two_loops(h, v, p);
        for (int64_t u = 0; sparse && u < s->penalized; u++)
            if (p[u] * v[u] >= 0) p[u] = 0;
        double derivative = vector_dot(s->size, v, p), first = h->count > 0 ? 1 : 1 / (1 + vector_norm(s->size, v));
        remember_before(s, h);
        s->stuck = !(derivative < 0);
        if (!s->stuck) status = sparse ? step_in_orthant(s, v, p, first) : solver_search(s, p, derivative, first, 0.9);
        if (status != CUSGD_OK || (s->stuck && h->count == 0)) break;
        if (s->stuck) { /* once more from the gradient */
            h->count = h->next = 0;
            s->stuck = 0;
            continue;
        }
        remember(s, h);
        status = solver_iterated(s);
    }
    return status;
}

cusgd_status solve_lbfgs(solver *s)
{
    size_t n = (size_t)s->size;
    double *memory = allocate((2 * PAIRS + 2) * n, sizeof *memory);
    if (!memory) return fail_memory((2 * PAIRS + 2) * n * sizeof *memory, "the last steps");
    history h = {.n = s->size, .s = memory, .y = memory + PAIRS * n};
    cusgd_status status = iterate(s, &h, memory + 2 * PAIRS * n, memory + (2 * PAIRS + 1) * n);
    free(memory);
    return status;
}
