/* The run of all columns: steps are those of sgd, and each column has its own stopping rules. */
#include "sweep.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

/* ---- Epochs ---- */

/* Ends columns that have converged, by the rule of monitor.c. gone: one value per live column. */
static cusgd_status judge(cusgd_sweep *s, uint8_t *gone)
{
    const cusgd_options *o = &s->trainer->options;
    const backend *b = &s->trainer->backend;
    const sweep_pass *p = &s->pass;
    double lowest = s->trainer->problem.targets.lower_bound;
    for (int64_t i = 0; i < p->lives; i++) {
        column *of = column_at(p, i);
        gone[i] = 0;
        if (!of || of->stop != CUSGD_STOP_NONE) continue;
        double score = of->loss + sweep_penalties(s, p->live[i]);
        int improves = score < of->best - o->tolerance * fmax(of->best - lowest, 0) || !isfinite(of->best);
        of->stale = improves ? 0 : of->stale + 1;
        of->best = fmin(of->best, score);
        if (!s->trainer->run.by_tolerance || of->stale < o->patience) continue;
        of->stop = CUSGD_STOP_TOLERANCE;
        gone[i] = 1;
    }
    return b->ops->models.retire(b->self, gone);
}

/* Ends columns whose loss is not finite. If all columns of a run have ended, the sweep has not failed yet. */
static cusgd_status take_ended(cusgd_sweep *s, int64_t epoch, cusgd_status status)
{
    const backend *b = &s->trainer->backend;
    const sweep_pass *p = &s->pass;
    steps_report r;
    if (status && status != CUSGD_ERROR_DIVERGED) return status;
    cusgd_status reported = b->ops->report(b->self, &r);
    for (int64_t i = 0; i < p->lives && reported == CUSGD_OK; i++) {
        column *of = column_at(p, i);
        if (!of || of->stop != CUSGD_STOP_NONE) continue;
        of->epochs = epoch;
        if (r.ended[i]) of->stop = CUSGD_STOP_DIVERGED;
    }
    return reported;
}

static int64_t count_going(const sweep_pass *p)
{
    int64_t going = 0;
    for (int64_t c = 0; c < p->k; c++) going += p->columns[c].stop == CUSGD_STOP_NONE;
    return going;
}

/* Evaluates the columns and ends some of them, by the stopping rules or by halving. */
static cusgd_status look(cusgd_sweep *s, int64_t epoch, uint8_t *gone)
{
    const cusgd_options *o = &s->trainer->options;
    int due = o->evaluate_every > 0 ? epoch % o->evaluate_every == 0 : 0, halves = halving_is_due(s, epoch);
    if (!due && !halves) return CUSGD_OK;
    cusgd_status status = pass_get(s);
    if (!status) status = sweep_evaluate(s);
    if (!status && due) status = judge(s, gone);
    if (!status && halves && s->folds == 0) status = sweep_validate(s);
    if (!status && halves && !sweep_has_passes(s)) status = halving_compare(s, epoch);
    if (!status && halves) status = halving_drop(s, epoch, gone);
    return status ? status : pass_narrow(s);
}

/* Runs up to `epochs` of the epochs in the options. */
static cusgd_status run_epochs(cusgd_sweep *s, int64_t epochs, uint8_t *gone)
{
    sgd *method = &s->trainer->sgd;
    sweep_pass *p = &s->pass;
    cusgd_status status = CUSGD_OK;
    for (int64_t epoch = 1; epoch <= epochs && count_going(p) > 0 && !status; epoch++) {
        steps_report total;
        status = take_ended(s, epoch, sgd_step(method, method->batches, &total));
        if (!status) status = look(s, epoch, gone);
        if (!status) status = share_beat(s);
    }
    for (int64_t c = 0; c < p->k; c++)
        if (p->columns[c].stop == CUSGD_STOP_NONE) p->columns[c].stop = CUSGD_STOP_EPOCHS;
    return status ? status : pass_get(s);
}

/* ---- The end of a pass ---- */

/* Sets the rates of full-batch steps of each column, for a loss whose second derivative is at most `steepest`. */
static void fill_safe_rates(cusgd_sweep *s, double steepest)
{
    const problem *p = &s->trainer->problem;
    sweep_pass *now = &s->pass;
    for (int64_t c = 0; c < now->k; c++) {
        double l2 = 0, heaviest = fmax(now->columns[c].class_weight[0], now->columns[c].class_weight[1]);
        for (int64_t j = 0; j < p->d; j++) l2 = fmax(l2, p->l2 * now->limit[LIMIT_L2][j * now->k + c]);
        for (int64_t j = 0; j <= p->d; j++) now->rate[j * now->k + c] = 1 / (steepest * heaviest / now->columns[c].divisor + l2);
    }
}

/* Runs steps on all rows, in the order of each shard. */
static cusgd_status take_full_steps(const cusgd_sweep *s, int count)
{
    const example_set *train = &s->trainer->problem.train;
    const backend *b = &s->trainer->backend;
    size_t shards = (size_t)train->shards;
    sampler *orders = allocate(shards, sizeof *orders);
    batch_share *shares = allocate(shards, sizeof *shares);
    step_numbers now = {.rate = 1, .average = 1};
    slice one = {shares, 0, 1, &now};
    steps_report r;
    cusgd_status status = orders && shares ? CUSGD_OK : fail_memory(shards * sizeof *orders, "a slice of steps");
    for (int h = 0; h < train->shards && !status; h++) {
        orders[h] = sampler_of_shard(
            CUSGD_SAMPLING_NONE, 0,
            (shard_of_rows){(uint64_t)train->rows.n, (uint64_t)train->rows.d, (uint64_t)train->shards, (uint64_t)h}, 1, 0);
        shares[h] = (batch_share){train->bounds[h], &orders[h]};
    }
    for (int i = 0; i < count && !status; i++) status = b->ops->steps(b->self, &one);
    if (!status) status = b->ops->report(b->self, &r);
    free(orders);
    free(shares);
    return status;
}

/* Sets coefficients to 0 that the noise of batches keeps near 0, by full-batch proximal steps as at the end of a run of sgd. A
 * loss without a bound on its second derivative has no safe rate for all columns, so that these steps are skipped. */
static cusgd_status clear_zeros(cusgd_sweep *s)
{
    enum { PROXIMAL_STEPS = 3 };
    const problem *p = &s->trainer->problem;
    double lipschitz, noise;
    if (!(p->l1 > 0) || !isfinite(loss_curvature_bound(p->loss))) return CUSGD_OK;
    cusgd_status status = sample_curvature(p, NULL, &lipschitz, &noise);
    run_spec spec = s->trainer->run.spec;
    spec.optimizer = CUSGD_OPTIMIZER_SGD;
    spec.average = 0;
    spec.constants.decay = 0;
    spec.repeats = 0;
    spec.batch = p->train.rows.n;
    if (!status) fill_safe_rates(s, 1.1 * p->targets.steepest * lipschitz);
    if (!status) status = pass_start(s, spec);
    if (!status) status = take_full_steps(s, PROXIMAL_STEPS);
    return status ? status : pass_get_part(s, STATE_THETA);
}

/* Keeps the models of all rows of the pass that begins with configuration `first`. */
static void keep_models(cusgd_sweep *s, size_t first)
{
    const sweep_pass *p = &s->pass;
    int64_t side = s->trainer->problem.d + 1, each = columns_each(s);
    for (int64_t i = 0; i < p->k / each; i++)
        for (int64_t j = 0; j < side; j++) s->kept[((int64_t)first + i) * side + j] = p->theta[j * p->k + (i + 1) * each - 1];
}

static cusgd_status run_pass(cusgd_sweep *s, size_t first, uint8_t *gone)
{
    sweep_pass *p = &s->pass;
    pass_take(s, first);
    cusgd_status status = pass_start(s, s->trainer->run.spec);
    if (!status) status = run_epochs(s, s->trainer->options.epochs, gone);
    for (int64_t c = 0; c < p->k; c++) /* including those that had converged */
        if (s->dropped_at[p->columns[c].configuration] > 0 && p->columns[c].stop != CUSGD_STOP_DIVERGED)
            p->columns[c].stop = CUSGD_STOP_DROPPED;
    if (!status) status = clear_zeros(s);
    pass_all_live(s);
    if (!status) status = sweep_evaluate(s);
    if (!status && s->folds == 0) status = sweep_validate(s);
    if (!status) keep_models(s, first);
    return status;
}

/* Runs the first epochs of a pass, to get the losses that halving compares. */
static cusgd_status begin_pass(cusgd_sweep *s, size_t first, int64_t epochs, uint8_t *gone)
{
    pass_take(s, first);
    cusgd_status status = pass_start(s, s->trainer->run.spec);
    if (!status) status = run_epochs(s, epochs, gone);
    if (!status) status = sweep_evaluate(s);
    return status || s->folds > 0 ? status : sweep_validate(s);
}

/* Returns whether some model was trained for `epochs` epochs; otherwise all have ended before. */
static int has_reached(const cusgd_sweep *s, int64_t epochs)
{
    for (int64_t c = 0; c < (int64_t)s->count * columns_each(s); c++)
        if (s->columns[c].epochs == epochs) return 1;
    return 0;
}

/* Halving compares all configurations. If they do not fit into one pass of one process, they are trained up to each comparison,
 * each time from the start, until it is known which of them are dropped and when. */
static cusgd_status find_dropped(cusgd_sweep *s, const run_position *begun, uint8_t *gone)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t epochs = 1; epochs <= s->trainer->options.epochs && !status; epochs *= s->halving) {
        for (size_t first = s->share.first; first < s->share.end && !status; first += s->share.each) {
            s->trainer->run.at = *begun;
            status = begin_pass(s, first, epochs, gone);
        }
        if (!status) status = share_gather(s);
        if (status || !has_reached(s, epochs)) return status;
        status = halving_compare(s, epochs);
    }
    return status;
}

cusgd_status sweep_run(cusgd_sweep *s)
{
    const run_position begun = s->trainer->run.at; /* so that every pass reads the rows in the same order */
    size_t most = (size_t)places_of(s, s->share.each);
    uint8_t *gone = allocate(most, 1);
    cusgd_status status = gone ? pass_open(s) : fail_memory(most, "the models' states");
    if (!status && s->halving > 0 && sweep_has_passes(s)) status = find_dropped(s, &begun, gone);
    for (size_t first = s->share.first; first < s->share.end && !status; first += s->share.each) {
        s->trainer->run.at = begun;
        status = run_pass(s, first, gone);
    }
    if (!status) status = share_gather(s);
    pass_close(s);
    free(gone);
    return status;
}
