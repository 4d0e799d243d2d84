/* L-BFGS (Liu, Nocedal 1989): BFGS from the last PAIRS steps and changes of the gradient, by two loops. With l1, OWL-QN (Andrew,
 * Gao 2007): the direction comes from the minimum-norm subgradient and keeps its signs, and a step ends where a coordinate
 * changes sign: there it becomes 0. With bounds, a projected step (Bertsekas 1982): coordinates that would leave the bounds move
 * only where that lowers the objective, and stop at the bound. */
#include "solver.h"

#include "failure.h"
#include "options.h"
#include <math.h>

enum { PAIRS = 10, PLACES = PAIRS + 1 }; /* the pair under way is none of those that are kept */

typedef struct history {
    int64_t n, count, next; /* count pairs are kept; the next one goes to place `next` */
    double *s, *y;          /* PLACES x n */
    double *rho;            /* PLACES: 1 / s'y */
} history;

/* p = -H v */
static void two_loops(const history *h, const double *v, double *p)
{
    int64_t n = h->n;
    double alpha[PLACES];
    for (int64_t u = 0; u < n; u++) p[u] = -v[u];
    for (int64_t i = 0; i < h->count; i++) {
        int64_t at = (h->next - 1 - i + 2 * PLACES) % PLACES;
        alpha[at] = h->rho[at] * vector_dot(n, h->s + at * n, p);
        vector_add(n, -alpha[at], h->y + at * n, p);
    }
    int64_t newest = (h->next - 1 + PLACES) % PLACES;
    if (h->count > 0) {
        double scale = 1 / (h->rho[newest] * vector_dot(n, h->y + newest * n, h->y + newest * n));
        for (int64_t u = 0; u < n; u++) p[u] *= scale;
    }
    for (int64_t i = h->count - 1; i >= 0; i--) {
        int64_t at = (h->next - 1 - i + 2 * PLACES) % PLACES;
        double beta = h->rho[at] * vector_dot(n, h->y + at * n, p);
        vector_add(n, alpha[at] - beta, h->s + at * n, p);
    }
}

/* Where the pairs lie is saved with them. */
static void set_count(solver *s, history *h, int64_t count, int64_t next)
{
    s->keeps.number[0] = (double)(h->count = count);
    s->keeps.number[1] = (double)(h->next = next);
}

/* The place of the next pair holds x and g of before the step. */
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
    set_count(s, h, h->count + (h->count < PAIRS), (h->next + 1) % PLACES);
}

/* Whether coordinate u is at a bound from which the objective falls only outwards, or would come to one by adding p. */
static int meets_bound(const solver *s, int64_t u, double v, double p)
{
    const double *lower = s->problem->limit[LIMIT_LOWER], *upper = s->problem->limit[LIMIT_UPPER];
    if (!lower) return 0;
    double x = s->x[u], to = x + p;
    return to <= lower[u] || to >= upper[u] || (v == 0 && (x <= lower[u] || x >= upper[u]));
}

/* Leaves out of the direction p the coordinates whose step would end early, by a change of sign with l1 or at a bound, and which
 * do not lower the objective by themselves: then what is left of a step still lowers it. first: the length of the first step. */
static void hold_back(const solver *s, const double *v, double *p, double first)
{
    int l1 = s->problem->l1 > 0;
    for (int64_t u = 0; u < s->penalized; u++)
        if (p[u] * v[u] >= 0 && (l1 || meets_bound(s, u, v[u], first * p[u]))) p[u] = 0;
}

/* x + at p, held to the orthant of x (with l1; at 0, that of -v) and to the bounds, by halving until f has fallen enough. */
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
        double first = h->count > 0 ? 1 : 1 / (1 + vector_norm(s->size, v));
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

cusgd_status solve_lbfgs(solver *s)
{
    size_t n = (size_t)s->size, state = PLACES * (2 * n + 1);
    double *room = solver_room(s, state, state + 2 * n);
    if (!room) return fail_memory((state + 2 * n) * sizeof *room, "the last steps");
    history h = {.n = s->size, .s = room, .y = room + PLACES * n, .rho = room + 2 * PLACES * n};
    double count = s->keeps.number[0], next = s->keeps.number[1];
    int is_sound = s->keeps.is_loaded && count >= 0 && count <= PAIRS && next >= 0 && next < PLACES;
    if (!is_sound) vector_zero((int64_t)state, room); /* what is saved has been set */
    set_count(s, &h, is_sound ? (int64_t)count : 0, is_sound ? (int64_t)next : 0);
    return iterate(s, &h, room + state, room + state + n);
}
