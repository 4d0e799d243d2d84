/* Collects the state of a fit between two iterations for a checkpoint, and restores it from one. */
#include "solver.h"

#include "failure.h"
#include <stdlib.h>

/* ---- What a method keeps ---- */

double *solver_room(solver *s, size_t state, size_t room)
{
    s->keeps.values = allocate(room, sizeof(double));
    s->keeps.count = (int64_t)state;
    if (!s->keeps.values || s->function) return s->keeps.values;
    const fit_vector *loaded = &s->m.run->fit.vector[VECTOR_METHOD];
    s->keeps.is_loaded = s->keeps.is_loaded && loaded->count == s->keeps.count;
    if (s->keeps.is_loaded && state > 0) vector_copy(s->keeps.count, loaded->values, s->keeps.values);
    if (!s->silent.on) run_forget_fit(s->m.run);
    return s->keeps.values;
}

void solver_free_room(solver *s)
{
    free(s->keeps.values);
    s->keeps.values = NULL;
}

/* ---- There ---- */

static void set_vectors(const solver *s, fit_vector *vector)
{
    vector[VECTOR_ITERATE] = (fit_vector){s->x, 2 * s->size}; /* x and g are contiguous */
    vector[VECTOR_LEAST] = (fit_vector){s->kept.least, 2 * s->size};
    vector[VECTOR_BEST] = (fit_vector){s->kept.best_iteration > 0 ? s->kept.best : NULL, s->size};
    vector[VECTOR_METHOD] = (fit_vector){s->keeps.count > 0 ? s->keeps.values : NULL, s->keeps.count};
}

void solver_offer(solver *s)
{
    fit_state *fit = &s->m.run->fit;
    if (!fit->callback || s->silent.on || s->m.epochs == 0 || !s->keeps.values) return;
    fit->at = (fit_position){.epochs = s->m.epochs,
                             .rows = s->m.rows,
                             .now = s->m.now,
                             .solver = {.first = s->kept.first,
                                        .best_iteration = s->kept.best_iteration,
                                        .least_iterations = s->kept.least_iterations,
                                        .result = s->kept.result,
                                        .passes = s->passes,
                                        .least_f = s->kept.least_f,
                                        .f = s->f,
                                        .gradient = s->gradient,
                                        .step = s->step}};
    for (int i = 0; i < SOLVER_NUMBERS; i++) fit->at.solver.number[i] = s->keeps.number[i];
    set_vectors(s, fit->vector);
    run_offer(s->m.run, s->m.epochs, s->kept.first + s->m.epochs);
    run_forget_fit(s->m.run);
}

int solver_goes_on(solver *s)
{
    cusgd_stop stop = s->m.stop;
    if (s->function) return stop == CUSGD_STOP_NONE && !s->stuck;
    if (stop == CUSGD_STOP_NONE || stop == CUSGD_STOP_CANCELLED || stop == CUSGD_STOP_EPOCHS) solver_offer(s);
    return stop == CUSGD_STOP_NONE && !s->stuck;
}

/* ---- And back ---- */

static void take_vector(const fit_vector *from, double *to)
{
    if (from->values) vector_copy(from->count, from->values, to);
}

void solver_resume(solver *s, int64_t stale)
{
    const fit_position *fit = &s->m.run->fit.at;
    const solver_position *at = &fit->solver;
    const fit_vector *vector = s->m.run->fit.vector;
    s->m.run->at.stale = stale;
    s->m.epochs = fit->epochs;
    s->m.rows = fit->rows;
    s->m.now = fit->now;
    s->kept.first = at->first;
    s->kept.best_iteration = at->best_iteration;
    s->kept.least_iterations = at->least_iterations;
    s->kept.result = at->result;
    s->kept.least_f = at->least_f;
    s->passes = at->passes;
    s->f = at->f;
    s->gradient = at->gradient;
    s->step = at->step;
    for (int i = 0; i < SOLVER_NUMBERS; i++) s->keeps.number[i] = at->number[i];
    take_vector(&vector[VECTOR_ITERATE], s->x);
    take_vector(&vector[VECTOR_LEAST], s->kept.least);
    if (s->kept.best && vector[VECTOR_BEST].values)
        take_vector(&vector[VECTOR_BEST], s->kept.best);
    else
        s->kept.best_iteration = 0;
    s->keeps.is_loaded = 1;
    if (s->m.epochs >= s->m.run->options->epochs) s->m.stop = CUSGD_STOP_EPOCHS;
}
