/* L-BFGS (Liu, Nocedal 1989): BFGS from the last steps and changes of the gradient by the two-loop recursion; for softmax with an
 * initial matrix (precondition.c). With l1, OWL-QN (Andrew, Gao 2007): the direction is computed from the minimum-norm
 * subgradient and keeps its signs, and coordinates whose sign a step would change become 0. With bounds, a projected step
 * (Bertsekas 1982): coordinates at a bound move only if that decreases the objective, and others stop at their bounds. */
#include "solver.h"

#include "failure.h"
#include "options.h"
#include <math.h>

enum { PAIRS = 10, MAX_PAIRS = 30 }; /* MAX_PAIRS if they cost little compared with a pass */

typedef struct history {
    int64_t n, count, next; /* number of pairs; the next one is stored at place `next` */
    int64_t places;         /* maximum number of pairs plus one for the current pair */
    double *s, *y;          /* places x n */
    double *rho;            /* places: 1 / s'y */
    double *work;           /* n */
    preconditioner first;   /* H without pairs, up to its scale */
} history;

/* Computes p = -H v. */
static void two_loops(const history *h, const double *v, double *p)
{
    int64_t n = h->n;
    double alpha[MAX_PAIRS + 1];
    for (int64_t u = 0; u < n; u++) p[u] = -v[u];
    int64_t newest = (h->next - 1 + h->places) % h->places;
    for (int64_t i = 0; i < h->count; i++) {
        int64_t at = (h->next - 1 - i + 2 * h->places) % h->places;
        alpha[at] = h->rho[at] * vector_dot(n, h->s + at * n, p);
        vector_add(n, -alpha[at], h->y + at * n, p);
    }
    preconditioner_apply(&h->first, p);
    if (h->count > 0) {
        vector_copy(n, h->y + newest * n, h->work);
        preconditioner_apply(&h->first, h->work);
        double scale = 1 / (h->rho[newest] * vector_dot(n, h->y + newest * n, h->work));
        for (int64_t u = 0; u < n; u++) p[u] *= scale;
    }
    for (int64_t i = h->count - 1; i >= 0; i--) {
        int64_t at = (h->next - 1 - i + 2 * h->places) % h->places;
        double beta = h->rho[at] * vector_dot(n, h->y + at * n, p);
        vector_add(n, alpha[at] - beta, h->s + at * n, p);
    }
}

/* Sets the number and place of the pairs, which checkpoints also save. */
static void set_count(solver *s, history *h, int64_t count, int64_t next)
{
    s->keeps.number[0] = (double)(h->count = count);
    s->keeps.number[1] = (double)(h->next = next);
}

/* Stores x and g before a step at the place of the next pair. */
static void remember_before(const solver *s, history *h)
{
    vector_copy(h->n, s->x, h->s + h->next * h->n);
    vector_copy(h->n, s->g, h->y + h->next * h->n);
}

static void remember(solver *s, history *h)
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
    set_count(s, h, h->count + (h->count < h->places - 1), (h->next + 1) % h->places);
}

/* Returns whether coordinate u is at a bound and the objective decreases only outwards, or adding p would move it to a bound. */
static int meets_bound(const solver *s, int64_t u, double v, double p)
{
    const double *lower = s->problem->limit[LIMIT_LOWER], *upper = s->problem->limit[LIMIT_UPPER];
    if (!lower) return 0;
    double x = s->x[u], to = x + p;
    return to <= lower[u] || to >= upper[u] || (v == 0 && (x <= lower[u] || x >= upper[u]));
}

/* Removes the coordinates from the direction p whose step would end early, by a change of sign with l1 or at a bound, and which
 * do not decrease the objective by themselves, so that the rest of the step still decreases it. first: the length of the first
 * step. */
static void hold_back(const solver *s, const double *v, double *p, double first)
{
    int l1 = s->problem->l1 > 0;
    for (int64_t u = 0; u < s->penalized; u++)
        if (p[u] * v[u] >= 0 && (l1 || meets_bound(s, u, v[u], first * p[u]))) p[u] = 0;
}

/* Steps to x + at p, projected on the orthant of x (with l1; that of -v where x is 0) and on the bounds, halving `at` until f has
 * decreased enough. */
static cusgd_status step_within(solver *s, const double *v, const double *p, double first)
{
    enum { HALVINGS = 40 };
    int l1 = s->problem->l1 > 0;
    double at = first, f;
    for (int i = 0; i < HALVINGS; i++) {
        double promised = 0;
        for (int64_t u = 0; u < s->size; u++) {
            double sign = s->x[u] != 0 ? s->x[u] : -v[u], to = s->x[u] + at * p[u];
            if (u < s->penalized) to = problem_bounded(s->problem, u, l1 && to * sign <= 0 ? 0 : to);
            s->trial.x[u] = to;
            promised += v[u] * (s->trial.x[u] - s->x[u]);
        }
        cusgd_status status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (status) return status;
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
    int held = s->problem->l1 > 0 || (!s->function && options_have_bounds(s->problem->options));
    cusgd_status status = CUSGD_OK;
    while (!status && solver_goes_on(s)) {
        problem_subgradient(s->problem, s->x, s->g, v);
        two_loops(h, v, p);
        double first = h->count > 0 || h->first.factor ? 1 : 1 / (1 + vector_norm(s->size, v));
        if (held) hold_back(s, v, p, first);
        double derivative = vector_dot(s->size, v, p);
        remember_before(s, h);
        s->stuck = !(derivative < 0);
        if (!s->stuck) status = held ? step_within(s, v, p, first) : solver_search(s, p, derivative, first, 0.9);
        if (status || (s->stuck && h->count == 0)) break;
        if (s->stuck) { /* restart from the gradient */
            set_count(s, h, 0, 0);
            s->stuck = 0;
            continue;
        }
        remember(s, h);
        status = solver_iterated(s);
    }
    return status;
}

static cusgd_status solve(solver *s, history *h)
{
    size_t n = (size_t)s->size, state = (size_t)h->places * (2 * n + 1);
    double *room = solver_room(s, state, state + 3 * n), *work = room + state;
    if (!room) return fail_memory((state + 3 * n) * sizeof *room, "the last steps");
    h->s = room;
    h->y = h->s + h->places * h->n;
    h->rho = h->y + h->places * h->n;
    h->work = work + 2 * n;
    double count = s->keeps.number[0], next = s->keeps.number[1];
    int is_sound = s->keeps.is_loaded && count >= 0 && count < (double)h->places && next >= 0 && next < (double)h->places;
    if (!is_sound) vector_zero((int64_t)state, room); /* checkpoints save defined values */
    set_count(s, h, is_sound ? (int64_t)count : 0, is_sound ? (int64_t)next : 0);
    return iterate(s, h, work, work + n);
}

cusgd_status solve_lbfgs(solver *s)
{
    history h = {.n = s->size};
    cusgd_status status = preconditioner_open(s, &h.first);
    h.places = (h.first.factor ? MAX_PAIRS : PAIRS) + 1;
    if (!status) status = solve(s, &h);
    preconditioner_close(&h.first);
    return status;
}
