/* The columns of a pass: the numbers with which they are trained, and the run on the device of those that still take steps. */
#include "sweep.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Room ---- */

cusgd_status pass_open(cusgd_sweep *s)
{
    sweep_pass *p = &s->pass;
    size_t k = s->share.each * (size_t)columns_each(s), places = (size_t)places_of(s, s->share.each);
    size_t side = (size_t)(s->trainer->problem.d + 1), size = side * k;
    p->live = allocate(places, sizeof *p->live);
    p->theta = allocate_zeroed(size, sizeof(double));
    p->gathered = allocate_zeroed(side * places, sizeof(double));
    p->rate = allocate_zeroed(size, sizeof(double));
    p->sums = allocate_zeroed((s->folds > 0 ? (size_t)s->folds : 1) * places, sizeof(double));
    int complete = p->live && p->theta && p->gathered && p->rate && p->sums;
    for (int i = 0; i < LIMIT_COUNT; i++) complete &= (p->limit[i] = allocate_zeroed(size, sizeof(double))) != NULL;
    return complete ? CUSGD_OK : fail_memory(((2 + LIMIT_COUNT) * k + places) * side * sizeof(double), "the sweep's parameters");
}

void pass_close(cusgd_sweep *s)
{
    sweep_pass *p = &s->pass;
    free(p->live);
    free(p->theta);
    free(p->gathered);
    free(p->rate);
    free(p->sums);
    for (int i = 0; i < LIMIT_COUNT; i++) free(p->limit[i]);
    memset(p, 0, sizeof *p);
}

/* ---- The columns' numbers ---- */

/* Fixes a coefficient at 0, or at the bound next to 0. If a column is constant in the training rows of a fold, its coefficient
 * and the intercept are not determined separately, and the predictions of held-out rows would be arbitrary. */
static void fix_coefficient(sweep_pass *p, int64_t u)
{
    double *lower = &p->limit[LIMIT_LOWER][u], *upper = &p->limit[LIMIT_UPPER][u];
    *lower = *upper = fmin(fmax(0, *lower), *upper);
}

/* Returns the penalty of a column as a factor on that of the run; `base` is that of the options. */
static double penalty_factor(double own, double base) { return base > 0 ? own / base : 0; }

static void fill_numbers(cusgd_sweep *s)
{
    const problem *p = &s->trainer->problem;
    const cusgd_options *o = &s->trainer->options;
    const double *rate_factor = s->trainer->sgd.rate_factor;
    sweep_pass *now = &s->pass;
    for (int64_t u = 0; u < (p->d + 1) * now->k; u++) {
        int64_t j = u / now->k;
        const column *c = &now->columns[u % now->k];
        const cusgd_configuration *own = &s->configurations[c->configuration];
        double ratio = s->ratio && c->fold >= 0 && j < p->d ? s->ratio[c->fold * p->d + j] : 1;
        now->rate[u] = own->rate / o->rate * (rate_factor ? rate_factor[j] : 1);
        now->limit[LIMIT_L1][u] = penalty_factor(own->l1, o->l1) * ratio * (p->limit[0] ? p->limit[LIMIT_L1][j] : 1);
        now->limit[LIMIT_L2][u] = penalty_factor(own->l2, o->l2) * ratio * ratio * (p->limit[0] ? p->limit[LIMIT_L2][j] : 1);
        now->limit[LIMIT_LOWER][u] = p->limit[0] ? p->limit[LIMIT_LOWER][j] : -(double)INFINITY;
        now->limit[LIMIT_UPPER][u] = p->limit[0] ? p->limit[LIMIT_UPPER][j] : (double)INFINITY;
        if (!(ratio > 0)) fix_coefficient(now, u);
    }
}

void pass_all_live(cusgd_sweep *s)
{
    sweep_pass *p = &s->pass;
    int64_t each = (int64_t)group_each(s) * columns_each(s), group = group_of(s) > 0 ? group_of(s) : each;
    p->lives = places_of(s, (size_t)(p->k / columns_each(s)));
    for (int64_t i = 0; i < p->lives; i++) {
        int64_t c = i / group * each + i % group;
        p->live[i] = i % group < each && c < p->k ? c : -1;
    }
}

void pass_take(cusgd_sweep *s, size_t first)
{
    sweep_pass *p = &s->pass;
    size_t count = s->share.end - first < s->share.each ? s->share.end - first : s->share.each;
    p->columns = s->columns + (int64_t)first * columns_each(s);
    p->k = (int64_t)count * columns_each(s);
    for (int64_t c = 0; c < p->k; c++) {
        column *of = &p->columns[c];
        of->best = (double)INFINITY;
        of->loss = 0;
        of->stale = of->epochs = 0;
        of->stop = CUSGD_STOP_NONE;
    }
    pass_all_live(s);
    fill_numbers(s);
    for (int64_t u = 0; u < (s->trainer->problem.d + 1) * p->k; u++) p->theta[u] = s->trainer->run.start[u / p->k];
    for (int64_t c = 0; s->null && s->trainer->problem.intercept && c < p->k; c++)
        p->theta[s->trainer->problem.d * p->k + c] = s->null[p->columns[c].configuration];
}

/* ---- The device's run ---- */

/* Gathers the values of the live columns from (d+1) x k values; unused places become 0. */
static void gather(const cusgd_sweep *s, const double *from, double *to)
{
    const sweep_pass *p = &s->pass;
    for (int64_t j = 0; j <= s->trainer->problem.d; j++)
        for (int64_t i = 0; i < p->lives; i++) to[j * p->lives + i] = p->live[i] < 0 ? 0 : from[j * p->k + p->live[i]];
}

/* Arrays with one value or d + 1 values per live column. */
typedef struct own_numbers {
    int *target_of;
    double *momentum, *share, *number, *class_weight, *rate, *limit[LIMIT_COUNT];
    uint64_t *held_out;
} own_numbers;

static int own_open(size_t lives, size_t size, own_numbers *own)
{
    *own = (own_numbers){.target_of = allocate_zeroed(lives, sizeof(int)),
                         .momentum = allocate(lives, sizeof(double)),
                         .share = allocate(lives, sizeof(double)),
                         .number = allocate(lives, sizeof(double)),
                         .class_weight = allocate(2 * lives, sizeof(double)),
                         .rate = allocate(size, sizeof(double)),
                         .held_out = allocate(lives, sizeof(uint64_t))};
    int complete =
        own->target_of && own->momentum && own->share && own->number && own->class_weight && own->rate && own->held_out;
    for (int i = 0; i < LIMIT_COUNT; i++) complete &= (own->limit[i] = allocate(size, sizeof(double))) != NULL;
    return complete;
}

static void own_close(own_numbers *own)
{
    free(own->target_of);
    free(own->momentum);
    free(own->share);
    free(own->number);
    free(own->class_weight);
    free(own->rate);
    free(own->held_out);
    for (int i = 0; i < LIMIT_COUNT; i++) free(own->limit[i]);
}

static void own_fill(const cusgd_sweep *s, own_numbers *own)
{
    const sweep_pass *p = &s->pass;
    double momentum = s->trainer->options.momentum;
    for (int64_t i = 0; i < p->lives; i++) {
        const column *of = column_at(p, i);
        own->momentum[i] = own->share[i] = 1;
        own->number[i] = own->class_weight[i] = own->class_weight[p->lives + i] = 0;
        own->held_out[i] = 0;
        if (!of) continue;
        own->momentum[i] = momentum > 0 ? s->configurations[of->configuration].momentum / momentum : 1;
        own->share[i] = of->divisor;
        for (int y = 0; y < 2; y++) own->class_weight[y * p->lives + i] = of->class_weight[y];
        own->number[i] = s->number ? s->number[of->configuration] : 0;
        own->held_out[i] = of->fold < 0 ? 0 : (uint64_t)1 << of->fold;
    }
    gather(s, p->rate, own->rate);
    for (int i = 0; i < LIMIT_COUNT; i++) gather(s, p->limit[i], own->limit[i]);
}

/* Ends the unused places, and if `ended_too` is 1 the columns that have ended and must not change. */
static cusgd_status retire_places(cusgd_sweep *s, int ended_too)
{
    const backend *b = &s->trainer->backend;
    const sweep_pass *p = &s->pass;
    uint8_t *gone = allocate((size_t)p->lives, 1);
    if (!gone) return fail_memory((size_t)p->lives, "the models' states");
    for (int64_t i = 0; i < p->lives; i++) {
        const column *of = column_at(p, i);
        gone[i] = !of || (ended_too && of->stop != CUSGD_STOP_NONE);
    }
    cusgd_status status = b->ops->models.retire(b->self, gone);
    free(gone);
    return status;
}

/* Starts the run with the state set to zeros. */
static cusgd_status start_run(cusgd_sweep *s, run_spec spec)
{
    const backend *b = &s->trainer->backend;
    own_numbers own;
    size_t lives = (size_t)s->pass.lives, size = (size_t)(s->trainer->problem.d + 1) * lives;
    cusgd_status status =
        own_open(lives, size, &own) ? CUSGD_OK : fail_memory((1 + LIMIT_COUNT) * size * sizeof(double), "the models' numbers");
    if (!status) {
        own_fill(s, &own);
        models m = {own.target_of,
                    own.momentum,
                    own.held_out,
                    own.share,
                    s->number ? own.number : NULL,
                    s->weighs ? own.class_weight : NULL,
                    s->folds,
                    s->products};
        spec.k = s->pass.lives;
        spec.models = &m;
        spec.rate_factor = own.rate;
        for (int i = 0; i < LIMIT_COUNT; i++) spec.limit[i] = own.limit[i];
        status = b->ops->start(b->self, &spec);
    }
    own_close(&own);
    return status;
}

cusgd_status pass_start(cusgd_sweep *s, run_spec spec)
{
    const backend *b = &s->trainer->backend;
    pass_all_live(s);
    cusgd_status status = start_run(s, spec);
    if (!status) status = retire_places(s, 0);
    gather(s, s->pass.theta, s->pass.gathered);
    if (!status) status = b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, s->pass.gathered);
    return status ? status : b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_AVERAGE, s->pass.gathered);
}

cusgd_status pass_get(cusgd_sweep *s) { return pass_get_part(s, s->trainer->run.spec.average ? STATE_AVERAGE : STATE_THETA); }

cusgd_status pass_get_part(cusgd_sweep *s, enum state_part part)
{
    sweep_pass *p = &s->pass;
    const backend *b = &s->trainer->backend;
    cusgd_status status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, part, p->gathered);
    for (int64_t j = 0; j <= s->trainer->problem.d && !status; j++)
        for (int64_t i = 0; i < p->lives; i++)
            if (p->live[i] >= 0) p->theta[j * p->k + p->live[i]] = p->gathered[j * p->lives + i];
    return status;
}

/* ---- Fewer columns ---- */

/* Lists the columns that continue, or in whose group one does; `place` becomes their present places. Returns their number. */
static int64_t still_live(const cusgd_sweep *s, int64_t *place)
{
    const sweep_pass *p = &s->pass;
    int64_t going = 0, group = group_of(s) > 0 ? group_of(s) : 1;
    for (int64_t first = 0; first < p->lives; first += group) {
        int goes = 0;
        for (int64_t i = first; i < first + group; i++) {
            const column *of = column_at(p, i);
            goes |= of && of->stop == CUSGD_STOP_NONE;
        }
        for (int64_t i = first; goes && i < first + group; i++) place[going++] = i;
    }
    return going;
}

/* Starts a run of only the columns at `place`, with their state. state: STATE_PARTS arrays of (d+1) x lives. */
static cusgd_status move_state(cusgd_sweep *s, const int64_t *place, int64_t going, double *state)
{
    sweep_pass *p = &s->pass;
    const backend *b = &s->trainer->backend;
    const run_spec *spec = &s->trainer->run.spec;
    int64_t rows = s->trainer->problem.d + 1, before = p->lives;
    cusgd_status status = CUSGD_OK;
    for (int part = 0; part < STATE_PARTS && !status; part++)
        if (spec_keeps(spec, (enum state_part)part))
            status = b->ops->state.get(b->self, SNAPSHOT_CURRENT, (enum state_part)part, state + part * rows * before);
    if (status) return status;
    for (int64_t i = 0; i < going; i++) p->live[i] = p->live[place[i]];
    p->lives = going;
    status = start_run(s, *spec);
    if (!status) status = retire_places(s, 1);
    for (int part = 0; part < STATE_PARTS && !status; part++) {
        double *at = state + part * rows * before;
        if (!spec_keeps(spec, (enum state_part)part)) continue;
        for (int64_t j = 0; j < rows; j++)
            for (int64_t i = 0; i < going; i++) at[j * going + i] = at[j * before + place[i]];
        status = b->ops->state.put(b->self, SNAPSHOT_CURRENT, (enum state_part)part, at);
    }
    return status;
}

cusgd_status pass_narrow(cusgd_sweep *s)
{
    enum { FEW = 16 }; /* columns that take the CPU as long as one */
    sweep_pass *p = &s->pass;
    if (p->lives <= FEW) return CUSGD_OK;
    int64_t *place = allocate((size_t)p->lives, sizeof *place);
    if (!place) return fail_memory((size_t)p->lives * sizeof *place, "the models that go on");
    int64_t going = still_live(s, place);
    cusgd_status status = CUSGD_OK;
    if (going > 0 && going <= p->lives / 2) {
        size_t values = STATE_PARTS * (size_t)((s->trainer->problem.d + 1) * p->lives);
        double *state = allocate(values, sizeof *state);
        status = state ? move_state(s, place, going, state) : fail_memory(values * sizeof *state, "the models' state");
        free(state);
    }
    free(place);
    return status;
}
