/* The run of all columns: the steps are sgd's, the judgement is each column's own. */
#include "sweep.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The run specs ---- */

/* A penalty of a column as a factor on the run's: `base` is the options'. */
static double penalty_factor(double own, double base) { return base > 0 ? own / base : 0; }

static void fill_numbers(cusgd_sweep *s)
{
    const problem *p = &s->trainer->problem;
    const cusgd_options *o = &s->trainer->options;
    const double *rate_factor = s->trainer->sgd.rate_factor;
    for (int64_t u = 0; u < (p->d + 1) * s->k; u++) {
        int64_t j = u / s->k;
        const column *c = &s->columns[u % s->k];
        const cusgd_configuration *own = &s->configurations[c->configuration];
        double ratio = s->ratio && c->fold >= 0 && j < p->d ? s->ratio[c->fold * p->d + j] : 1;
        s->rate[u] = own->rate / o->rate * (rate_factor ? rate_factor[j] : 1);
        s->limit[LIMIT_L1][u] = penalty_factor(own->l1, o->l1) * ratio * (p->limit[0] ? p->limit[LIMIT_L1][j] : 1);
        s->limit[LIMIT_L2][u] = penalty_factor(own->l2, o->l2) * ratio * ratio * (p->limit[0] ? p->limit[LIMIT_L2][j] : 1);
        s->limit[LIMIT_LOWER][u] = p->limit[0] ? p->limit[LIMIT_LOWER][j] : -(double)INFINITY;
        s->limit[LIMIT_UPPER][u] = p->limit[0] ? p->limit[LIMIT_UPPER][j] : (double)INFINITY;
    }
}

/* Arrays of one value a column. */
typedef struct own_numbers {
    int *target_of;
    double *momentum, *share;
    uint64_t *held_out;
} own_numbers;

static cusgd_status start_run(cusgd_sweep *s, run_spec spec, const own_numbers *own)
{
    const backend *b = &s->trainer->backend;
    models m = {own->target_of, own->momentum, own->held_out, own->share};
    for (int64_t c = 0; c < s->k; c++) {
        const column *of = &s->columns[c];
        double momentum = s->trainer->options.momentum;
        own->target_of[c] = 0;
        own->momentum[c] = momentum > 0 ? s->configurations[of->configuration].momentum / momentum : 1;
        own->share[c] = of->share;
        own->held_out[c] = of->fold < 0 ? 0 : (uint64_t)1 << of->fold;
    }
    spec.k = s->k;
    spec.models = &m;
    for (int i = 0; i < LIMIT_COUNT; i++) spec.limit[i] = s->limit[i];
    cusgd_status status = b->ops->start(b->self, &spec);
    if (!status) status = b->ops->put(b->self, SNAPSHOT_CURRENT, STATE_THETA, s->theta);
    return status ? status : b->ops->put(b->self, SNAPSHOT_CURRENT, STATE_AVERAGE, s->theta);
}

/* Takes a run spec, with the numbers that all columns have. */
static cusgd_status begin(cusgd_sweep *s, run_spec spec)
{
    size_t k = (size_t)s->k;
    own_numbers own = {allocate(k, sizeof(int)), allocate(k, sizeof(double)), allocate(k, sizeof(double)),
                       allocate(k, sizeof(uint64_t))};
    int complete = own.target_of && own.momentum && own.share && own.held_out;
    cusgd_status status = complete ? start_run(s, spec, &own) : fail_memory(k * 4 * sizeof(double), "the models' numbers");
    free(own.target_of);
    free(own.momentum);
    free(own.share);
    free(own.held_out);
    return status;
}

/* ---- Evaluation ---- */

static cusgd_status add_losses(const void *context, const problem *p, const dataset *b, double *values)
{
    const cusgd_sweep *s = context;
    int *target_of = allocate_zeroed((size_t)s->k, sizeof *target_of);
    if (!target_of) return fail_memory((size_t)s->k * sizeof *target_of, "the models' targets");
    models m = {.target_of = target_of};
    cusgd_status status = p->backend->ops->fold_losses(p->backend->self, b, p->loss, s->k, &m, s->theta, values);
    free(target_of);
    return status;
}

static cusgd_status get_theta(cusgd_sweep *s)
{
    const backend *b = &s->trainer->backend;
    return b->ops->get(b->self, SNAPSHOT_CURRENT, s->trainer->run.spec.average ? STATE_AVERAGE : STATE_THETA, s->theta);
}

/* The penalties of column c at theta. */
static double penalties_of(const cusgd_sweep *s, int64_t c)
{
    const problem *p = &s->trainer->problem;
    double l1 = 0, l2 = 0;
    for (int64_t j = 0; j < p->d; j++) {
        int64_t u = j * s->k + c;
        l1 += s->limit[LIMIT_L1][u] * fabs(s->theta[u]);
        l2 += s->limit[LIMIT_L2][u] * s->theta[u] * s->theta[u];
    }
    return p->l1 * l1 + p->l2 / 2 * l2;
}

/* The mean loss of each column on its training rows, and its held-out one, in the units of the bound targets. */
static cusgd_status evaluate(cusgd_sweep *s)
{
    const problem *p = &s->trainer->problem;
    int folds = s->folds > 0 ? s->folds : 1;
    double n = (double)p->train.rows.n;
    cusgd_status status = shards_pass(p, &p->train, add_losses, s, 0, (size_t)(folds * s->k), s->sums);
    for (int64_t c = 0; c < s->k && !status; c++) {
        column *of = &s->columns[c];
        double sum = 0;
        for (int f = 0; f < folds; f++)
            if (f != of->fold) sum += s->sums[f * s->k + c];
        of->loss = sum / (n * of->share);
        if (of->fold >= 0)
            s->losses[of->configuration * (size_t)s->folds + (size_t)of->fold] =
                problem_reported(p, s->sums[of->fold * s->k + c] / (n * (1 - of->share)));
    }
    return status;
}

static cusgd_status validate(cusgd_sweep *s)
{
    const problem *p = &s->trainer->problem;
    cusgd_status status = shards_pass(p, &p->valid, add_losses, s, 0, (size_t)s->k, s->sums);
    for (int64_t c = 0; c < s->k && !status; c++)
        s->losses[s->columns[c].configuration] = problem_reported(p, s->sums[c] / (double)p->valid.rows.n);
    return status;
}

/* ---- Epochs ---- */

/* Ends columns that have converged, by the rule of monitor.c. `going`: how many go on. */
static cusgd_status judge(cusgd_sweep *s, int64_t epoch, uint8_t *gone, int64_t *going)
{
    const cusgd_options *o = &s->trainer->options;
    const backend *b = &s->trainer->backend;
    double lowest = s->trainer->problem.targets.lower_bound;
    *going = 0;
    for (int64_t c = 0; c < s->k; c++) {
        column *of = &s->columns[c];
        gone[c] = 0;
        if (of->stop != CUSGD_STOP_NONE) continue;
        double score = of->loss + penalties_of(s, c);
        of->epochs = epoch;
        int improves = score < of->best - o->tolerance * fmax(of->best - lowest, 0) || !isfinite(of->best);
        of->stale = improves ? 0 : of->stale + 1;
        of->best = fmin(of->best, score);
        if (s->trainer->run.by_tolerance && of->stale >= o->patience) {
            of->stop = CUSGD_STOP_TOLERANCE;
            gone[c] = 1;
        }
        *going += of->stop == CUSGD_STOP_NONE;
    }
    return b->ops->retire(b->self, gone);
}

/* Which columns have had a loss that is not finite. A run whose columns have all ended is no failure of the sweep yet. */
static cusgd_status take_ended(cusgd_sweep *s, int64_t epoch, cusgd_status status)
{
    const backend *b = &s->trainer->backend;
    steps_report r;
    if (status && status != CUSGD_ERROR_DIVERGED) return status;
    cusgd_status reported = b->ops->report(b->self, &r);
    for (int64_t c = 0; c < s->k && reported == CUSGD_OK; c++)
        if (r.ended[c] && s->columns[c].stop == CUSGD_STOP_NONE) {
            s->columns[c].stop = CUSGD_STOP_DIVERGED;
            s->columns[c].epochs = epoch;
        }
    return reported;
}

/* An epoch that nothing judges; returns how many columns go on. */
static int64_t count_epoch(cusgd_sweep *s, int64_t epoch)
{
    int64_t going = 0;
    for (int64_t c = 0; c < s->k; c++) {
        if (s->columns[c].stop != CUSGD_STOP_NONE) continue;
        s->columns[c].epochs = epoch;
        going++;
    }
    return going;
}

static cusgd_status run_epochs(cusgd_sweep *s, uint8_t *gone)
{
    sgd *method = &s->trainer->sgd;
    const cusgd_options *o = &s->trainer->options;
    cusgd_status status = CUSGD_OK;
    int64_t going = s->k;
    for (int64_t epoch = 1; epoch <= o->epochs && going > 0 && !status; epoch++) {
        steps_report total;
        status = take_ended(s, epoch, sgd_step(method, method->batches, &total));
        int due = o->evaluate_every > 0 ? epoch % o->evaluate_every == 0 : 0;
        if (!status && due) status = get_theta(s);
        if (!status && due) status = evaluate(s);
        if (!status && due) status = judge(s, epoch, gone, &going);
        if (!status && !due) going = count_epoch(s, epoch);
    }
    for (int64_t c = 0; c < s->k; c++)
        if (s->columns[c].stop == CUSGD_STOP_NONE) s->columns[c].stop = CUSGD_STOP_EPOCHS;
    return status ? status : get_theta(s);
}

/* Of full-batch steps of each column, where the loss's second derivative over all rows is at most `steepest`. */
static void fill_safe_rates(cusgd_sweep *s, double steepest)
{
    const problem *p = &s->trainer->problem;
    for (int64_t c = 0; c < s->k; c++) {
        double l2 = 0;
        for (int64_t j = 0; j < p->d; j++) l2 = fmax(l2, p->l2 * s->limit[LIMIT_L2][j * s->k + c]);
        for (int64_t j = 0; j <= p->d; j++) s->rate[j * s->k + c] = 1 / (steepest / s->columns[c].share + l2);
    }
}

/* Full-batch proximal steps clear the batches' noise from zeros, as at the end of sgd's own runs. A loss without a bound on its
 * second derivative has no rate that is safe for all columns: there they are left out. */
static cusgd_status clear_zeros(cusgd_sweep *s)
{
    enum { PROXIMAL_STEPS = 3 };
    sgd *method = &s->trainer->sgd;
    const problem *p = &s->trainer->problem;
    const backend *b = p->backend;
    double lipschitz, noise;
    if (!(p->l1 > 0) || p->train.shards > 1 || !isfinite(loss_curvature_bound(p->loss))) return CUSGD_OK;
    cusgd_status status = sample_curvature(p, NULL, &lipschitz, &noise);
    run_spec spec = method->run->spec;
    spec.optimizer = CUSGD_OPTIMIZER_SGD;
    spec.average = 0;
    spec.decay = 0;
    spec.rate_factor = s->rate;
    spec.batch = p->train.rows.n;
    step_numbers now = {.rate = 1, .average = 1};
    sampler order = sampler_make(CUSGD_SAMPLING_NONE, 0, (uint64_t)p->train.rows.n, 1, 0);
    batch_share share = {p->train.bounds[0], &order};
    slice one = {&share, 0, 1, &now};
    steps_report r;
    if (!status) fill_safe_rates(s, 1.1 * p->targets.steepest * lipschitz);
    if (!status) status = begin(s, spec);
    for (int i = 0; i < PROXIMAL_STEPS && !status; i++) status = b->ops->steps(b->self, &one);
    if (!status) status = b->ops->report(b->self, &r);
    return status ? status : b->ops->get(b->self, SNAPSHOT_CURRENT, STATE_THETA, s->theta);
}

cusgd_status sweep_run(cusgd_sweep *s)
{
    const problem *p = &s->trainer->problem;
    run_spec spec = s->trainer->run.spec;
    uint8_t *gone = allocate((size_t)s->k, 1);
    if (!gone) return fail_memory((size_t)s->k, "the models' states");
    fill_numbers(s);
    for (int64_t u = 0; u < (p->d + 1) * s->k; u++) s->theta[u] = s->trainer->run.start[u / s->k];
    spec.rate_factor = s->rate;
    cusgd_status status = begin(s, spec);
    if (!status) status = run_epochs(s, gone);
    if (!status) status = clear_zeros(s);
    if (!status) status = evaluate(s);
    if (!status && s->folds == 0) status = validate(s);
    free(gone);
    return status;
}
