/* Runs of some steps on a device, by its interface, and how their steps, states and reports are judged. A step is judged in two:
 * its gradient, against an exact sum and a bound on rounding; and given that gradient, its update, to the last bit. The gradient
 * is seen through a run of momentum with rate 1 and momentum 0, whose velocity it is. */
#ifndef CUSGD_TESTS_STEP_EXPERIMENT_H
#define CUSGD_TESTS_STEP_EXPERIMENT_H

#include "interface.h"

enum {
    EXPERIMENT_STEPS = 10, /* at most, of a case */
    STEP_OPTIMIZERS = 18,
    STEP_TEAMS = 3
};
extern const int step_optimizers[STEP_OPTIMIZERS];

typedef struct step_session {
    backend of[2][STEP_TEAMS]; /* by precision and threads */
    uint64_t cases;
} step_session;

void step_session_open(step_session *s);
void step_session_close(step_session *s);

/* A run of some steps of one epoch, and what it starts from. */
typedef struct experiment {
    const backend *b;
    interface_examples e;
    dataset *at;
    run_spec spec; /* rate_factor is NULL: see below */
    double *rate_factor, *limit[LIMIT_COUNT];
    sampler order;
    int64_t first, count, size; /* steps; (d+1) k */
    step_numbers numbers[EXPERIMENT_STEPS];
    double *state[EXPERIMENT_STEPS + 1]; /* PARTS x size: before step t */
    char text[400];                      /* the case, for messages */
} experiment;

static inline double *experiment_part(const experiment *x, int64_t t, int part) { return x->state[t] + part * x->size; }

void experiment_make(experiment *x, const backend *b, const interface_spec *spec, const run_spec *p, int rate_factor,
                     int sampling);
void experiment_free(experiment *x);
/* The state that the device has. */
void experiment_state(const experiment *x, double *state);
/* The start of the run, with a rate_factor and limits that are gone when start() has returned. */
void experiment_restart(const experiment *x);
/* Steps t .. t + count - 1, with numbers that are gone when steps() has returned. */
void experiment_slice(const experiment *x, int64_t t, int64_t count);
steps_report experiment_report(const experiment *x);
/* The rows of step t; their number. */
int64_t experiment_rows(const experiment *x, int64_t t, int64_t *rows);
/* Step by step, keeping every state. */
steps_report experiment_run(experiment *x);
/* Judges every step that experiment_run() made, and its report. */
void experiment_check_steps(const experiment *x, steps_report report);
/* The same steps in other slices: all at once; three and the rest; with a report between. */
void experiment_check_slices(const experiment *x, steps_report report);
/* The device has this state after t steps, and reports a as it reported b. */
void experiment_check_same(const experiment *x, const double *state, steps_report a, steps_report b, int64_t t, const char *what);

#endif
