/* Chooses the options that are not set: the length of the run, and an optimizer with a rate that neither diverges nor converges
 * slowly.
 *
 * A safe rate for minibatches of B rows depends on two numbers of the data (curvature.c): lambda, the largest eigenvalue of H =
 * E[w z z'] with z = (x, 1), which limits the rate of full-batch steps, and R with E[w^2 |z|^2 z z'] <= R H, which measures the
 * noise of a single row (Jain, Kakade, Kidambi, Netrapalli, Sidford 2018). With momentum gamma the rate is
 *
 *     1 / (lambda + R / (B (1 - gamma))). */
#include "sgd.h"

#include "ascending.h"
#include "failure.h"
#include "scalar/rounding.h"
#include <math.h>
#include <stdlib.h>

/* ---- How long ---- */

enum { USUAL_BATCH = 256, MIN_BATCH = 8, STEPS_WANTED = 100, SPARSE_STEPS_WANTED = 200 };

static int64_t usual_batch(int64_t n, int sparse)
{
    int64_t b = USUAL_BATCH, wanted = sparse ? SPARSE_STEPS_WANTED : STEPS_WANTED;
    while (b > MIN_BATCH && n < wanted * b) b /= 2;
    return b;
}

/* Returns five epochs; more if an epoch has few rows, because the average then needs more epochs to settle, or few steps, because
 * momentum may then make the objective oscillate. */
static int64_t usual_patience(int64_t n, int64_t batches)
{
    enum { ROWS = 20000, STEPS = 400, LEAST = 5, MOST = 200 };
    int64_t epochs = ROWS / n > STEPS / batches ? ROWS / n : STEPS / batches;
    return epochs < LEAST ? LEAST : epochs > MOST ? MOST : epochs;
}

/* Returns the number of epochs that use two million rows, between 20 and 1000; for the schedule `step` at least as many as three
 * of its reductions take. */
static int64_t usual_epochs(const cusgd_options *o, int64_t n)
{
    double epochs = fmin(fmax(2e6 / (double)n, 20), 1000);
    if (o->schedule == CUSGD_SCHEDULE_STEP && o->decay_every > 0) epochs = fmax(epochs, ceil(3 * o->decay_every));
    return (int64_t)epochs;
}

void sgd_choose_run(sgd *s)
{
    cusgd_options *o = s->run->options;
    int64_t n = s->problem->train.rows.n;
    int bare = isnan(o->tolerance) && isnan(o->gradient_tolerance) && o->patience < 0;
    s->run->by_gradient = !isnan(o->gradient_tolerance);
    int open = bare && o->epochs == 0;
    s->run->by_tolerance = !isnan(o->tolerance) || o->patience >= 0 || (open && !schedule_table[o->schedule].falls_to_its_end);
    if (s->run->by_tolerance && isnan(o->tolerance)) o->tolerance = 1e-5;
    if (o->epochs == 0) o->epochs = usual_epochs(o, n);
    if (o->batch == 0) o->batch = usual_batch(n, examples_are_sparse(&s->problem->train.rows));
    if (o->batch > n) o->batch = n;
    int watches = o->schedule == CUSGD_SCHEDULE_PLATEAU;
    if (o->evaluate_every == 0)
        o->evaluate_every =
            watches || open || s->run->by_tolerance || s->run->by_gradient || s->problem->valid.rows.n > 0 ? 1 : -1;
    s->batches = (n + o->batch - 1) / o->batch;
    if (s->run->by_tolerance && o->patience < 0) o->patience = usual_patience(n, s->batches);
    s->run->spec.batch = o->batch;
}

/* ---- Rates ---- */

/* Returns 1 / (lambda + R / (B (1 - gamma))), scaled for a loss whose second derivative is at most
 * s->problem->targets.steepest. */
static double safe_rate(const sgd *s, double lambda, double noise, double momentum)
{
    double total = s->problem->targets.steepest * (lambda + noise / ((double)s->run->options->batch * (1 - momentum))) +
                   problem_max_l2(s->problem);
    return total > 0 ? 1 / total : 1;
}

/* Computes lambda, and R for minibatches; a full batch has no noise. c: work, d doubles. */
static cusgd_status find_curvature(const sgd *s, const double *scale, double *c, double *lambda, double *noise)
{
    cusgd_status status = curvature_of(s->problem, scale, c, lambda, noise);
    if (s->batches == 1 && s->run->options->sampling != CUSGD_SAMPLING_REPLACE) *noise = 0;
    return status;
}

static double median_positive(const double *c, int64_t d, double *work)
{
    int64_t count = 0;
    for (int64_t j = 0; j < d; j++)
        if (c[j] > 0) work[count++] = c[j];
    if (count == 0) return 1;
    qsort(work, (size_t)count, sizeof(double), ascending);
    return count % 2 ? work[count / 2] : (work[count / 2 - 1] + work[count / 2]) / 2;
}

/* Rule N, for quadratic objectives: Nesterov's method at the safe rate, with the largest momentum that the noise permits. Columns
 * that are far noisier than the median column (rare dummy variables, heavy tails) get a rate factor f_j < 1, which is equivalent
 * to a run on x sqrt(f); lambda and R are those of x sqrt(f). */
static cusgd_status rule_quadratic(sgd *s)
{
    cusgd_options *o = s->run->options;
    int64_t d = s->problem->d, k = s->problem->k;
    double *c = s->run->theta, *scale = s->run->gradient, lambda = 0, noise = 0, trace;
    s->rate_factor = allocate((size_t)((d + 1) * k), sizeof(double));
    if (!s->rate_factor) return fail_memory((size_t)((d + 1) * k) * sizeof(double), "each parameter's rate");
    cusgd_status status = column_noise(s->problem, NULL, c, &trace);
    if (status) return status;
    double usual = 3 * median_positive(c, d, scale);
    for (int64_t j = 0; j <= d; j++) {
        double f = j < d && c[j] > usual ? usual / c[j] : 1;
        for (int64_t output = 0; output < k; output++) s->rate_factor[j * k + output] = f;
        if (j < d) scale[j] = sqrt(f);
    }
    status = find_curvature(s, scale, c, &lambda, &noise);
    double slow = lambda > 0 ? noise / (lambda * (double)o->batch) : 1;
    if (isnan(o->momentum)) o->momentum = 1 - fmin(fmax(slow, 0.01), 1);
    if (isnan(o->rate)) o->rate = safe_rate(s, lambda, noise, o->momentum);
    s->run->spec.optimizer = CUSGD_OPTIMIZER_NESTEROV;
    s->eccentricity = 3;
    return status;
}

/* Returns the scale of gradients on standardized columns: for losses of real targets the scale of the targets or more; for log
 * links the derivative of the loss at the intercept-only model for a target of 0. */
static double gradient_scale(const sgd *s, double targets)
{
    double smallest = (double)INFINITY;
    if (!loss_has_log_link(s->run->options->loss)) return targets;
    for (int64_t c = 0; c < s->problem->k; c++)
        smallest = fmin(smallest, loss_at(s->problem->loss, s->problem->targets.null[c], 0).derivative);
    return smallest;
}

/* Rule A, for all other objectives: Nesterov's momentum with AdaGrad's rate factors, which adapt to all scales except that of the
 * targets. */
static cusgd_status rule_adaptive(sgd *s)
{
    cusgd_options *o = s->run->options;
    int64_t d = s->problem->d, k = s->problem->k;
    double maximum = 0;
    for (int64_t c = 0; c < k; c++) maximum = fmax(maximum, s->problem->targets.scale[c]);
    if (isnan(o->rate)) o->rate = loss_has_log_link(o->loss) ? 0.005 : 0.1 * maximum;
    if (k > 1) { /* outputs have different scales */
        s->rate_factor = allocate((size_t)((d + 1) * k), sizeof(double));
        if (!s->rate_factor) return fail_memory((size_t)((d + 1) * k) * sizeof(double), "each parameter's rate");
        for (int64_t u = 0; u < (d + 1) * k; u++) s->rate_factor[u] = s->problem->targets.scale[u % k] / maximum;
    }
    if (isnan(o->momentum)) o->momentum = 0.9;
    if (isnan(o->epsilon)) o->epsilon = 1e-10 * fmin(1, gradient_scale(s, maximum));
    s->run->spec.optimizer = OPTIMIZER_ADAGRAD_NESTEROV;
    s->eccentricity = loss_has_log_link(o->loss) ? 3 : 8;
    return CUSGD_OK;
}

/* Returns E|x|^2 of the transformed rows, from the root mean squares of the columns, which are 1 or 0 for standardized
 * columns. */
static double mean_square(const problem *p)
{
    double sum = 0;
    for (int64_t j = 0; j < p->d; j++) {
        double root = p->units.rms[j] / p->units.scale[j];
        if (p->options->sparse_scale == CUSGD_SPARSE_SCALE_FULL) root = fmin(root, 1);
        sum += root * root;
    }
    return sum > 0 ? sum : 1;
}

/* Chooses the rate for sparse rows. The first steps of FTRL have the length of the rate, so that a prediction changes by the rate
 * times E sum |x_j| <= sqrt(v E|x|^2), where v is the number of values of a row. The rate is chosen so that this change is a
 * share of the distance that predictions have to move. If columns have large values, the column of ones of the intercept is small
 * compared with them; the intercept then gets |x| times the rate, because it has to compensate for columns that are not
 * centered. */
static cusgd_status sparse_rate(sgd *s, double size)
{
    const cusgd_data *data = s->problem->train.data;
    int64_t coefficients = s->problem->d * s->problem->k, all = coefficients + s->problem->k;
    double square = mean_square(s->problem), values = (double)cusgd_data_stored(data) / (double)data->view.n;
    s->run->options->rate = 6 * size / sqrt(fmax(values, 1) * square);
    s->rate_factor = allocate((size_t)all, sizeof(double));
    if (!s->rate_factor) return fail_memory((size_t)all * sizeof(double), "each parameter's rate");
    double alone = s->run->options->sparse_scale == CUSGD_SPARSE_SCALE_FULL ? 1 : fmax(1, sqrt(square));
    for (int64_t u = 0; u < all; u++) s->rate_factor[u] = u < coefficients ? 1 : alone;
    return CUSGD_OK;
}

/* The rule for sparse rows: FTRL-Proximal. Its steps for rare columns are as long as for frequent ones, as with AdaGrad, and
 * penalties act on the sum of all steps and not on each step. The average of the parameters is nearer to the optimum. */
static cusgd_status rule_sparse(sgd *s)
{
    cusgd_options *o = s->run->options;
    double size = 0;
    for (int64_t c = 0; c < s->problem->k; c++) size = fmax(size, s->problem->targets.scale[c]);
    cusgd_status status = CUSGD_OK;
    if (loss_is_quadratic(o->loss)) {
        status = problem_measure_null(s->problem, 0);
        size = s->problem->null_loss > 0 ? sqrt(s->problem->null_loss) : 1;
    }
    if (!status && isnan(o->rate)) status = sparse_rate(s, loss_has_log_link(o->loss) ? 0.25 : size);
    if (isnan(o->momentum)) o->momentum = 0;
    if (isnan(o->epsilon)) o->epsilon = 1e-10 * fmin(1, gradient_scale(s, size));
    s->run->spec.optimizer = CUSGD_OPTIMIZER_FTRL;
    s->eccentricity = 5;
    return status;
}

/* Sets the default numbers of an optimizer that was given; rates that do not depend on the data are those of PyTorch. */
static cusgd_status usual_numbers(sgd *s)
{
    cusgd_options *o = s->run->options;
    const optimizer_info *usual = &optimizer_table[o->optimizer];
    double rate = isnan(usual->rate) ? 0.01 : usual->rate; /* 0.01 is only displayed, if the schedule needs no rate */
    s->run->spec.optimizer = (int)o->optimizer;
    s->eccentricity = AVERAGE_ECCENTRICITY;
    if (o->optimizer == CUSGD_OPTIMIZER_RMSPROP && o->momentum > 0) s->run->spec.optimizer = OPTIMIZER_RMSPROP_MOMENTUM;
    if (o->optimizer == CUSGD_OPTIMIZER_RMSPROP && o->centered)
        s->run->spec.optimizer = o->momentum > 0 ? OPTIMIZER_RMSPROP_CENTERED_MOMENTUM : OPTIMIZER_RMSPROP_CENTERED;
    if (usual->averages) {
        s->eccentricity = 0;
        if (o->average < 0) o->average = 1;
        if (o->average && o->average_from < 0) o->average_from = s->batches;
    }
    if (isnan(o->weight_decay) && optimizer_decays(s->run->spec.optimizer)) o->weight_decay = usual->weight_decay;
    if (isnan(o->momentum)) o->momentum = optimizer_has_velocity(s->run->spec.optimizer) ? 0.9 : 0;
    if (isnan(o->epsilon)) o->epsilon = usual->epsilon;
    int decays =
        o->schedule == CUSGD_SCHEDULE_OPTIMAL || (o->schedule == CUSGD_SCHEDULE_TIME_DECAY && !isnan(o->t0) && !isnan(o->t1));
    if (isnan(usual->rate) && isnan(o->rate) && !decays) {
        double lambda = 0, noise = 0;
        cusgd_status status = find_curvature(s, NULL, s->run->theta, &lambda, &noise);
        if (status) return status;
        rate = safe_rate(s, lambda, noise, o->momentum);
    }
    if (isnan(o->rate)) o->rate = rate;
    return CUSGD_OK;
}

static void choose(double *number, double usual)
{
    if (isnan(*number)) *number = usual;
}

/* Sets the default numbers of the schedule, and the schedule in units of steps. */
static void choose_schedule(sgd *s)
{
    cusgd_options *o = s->run->options;
    double epochs = (double)o->epochs, batches = (double)s->batches;
    cusgd_schedule kind = o->schedule;
    choose(&o->t1, 10 * batches);
    choose(&o->t0, o->rate * o->t1);
    /* Options that the schedule does not read remain unset. */
    const schedule_info *usual = &schedule_table[kind];
    if (usual->decay > 0) choose(&o->decay, usual->decay);
    if (usual->decay_power > 0) choose(&o->decay_power, usual->decay_power);
    if (usual->decays > 0) choose(&o->decay_every, epochs / usual->decays);
    if (usual->warm_up > 0) choose(&o->warm_up, usual->warm_up * epochs);
    if (usual->has_final_rate) choose(&o->final_rate, 0);
    if (usual->decay_patience > 0 && o->decay_patience == 0) o->decay_patience = usual->decay_patience;
    s->schedule = (rate_schedule){.kind = kind,
                                  .batches = s->batches,
                                  .steps = o->epochs <= INT64_MAX / s->batches ? o->epochs * s->batches : INT64_MAX,
                                  .by_epoch = o->rate_changes == CUSGD_PACE_EPOCH,
                                  .rate = o->rate,
                                  .t0 = o->t0,
                                  .t1 = o->t1,
                                  .decay = o->decay,
                                  .every = o->decay_every,
                                  .power = o->decay_power,
                                  .warm_up = floor(o->warm_up * batches),
                                  .final = o->final_rate};
    if (kind != CUSGD_SCHEDULE_OPTIMAL) return;
    s->schedule.t0 = 1 / o->l2;
    s->schedule.t1 = optimal_start(o->l2, rule_at(s->problem->loss, optimal_prediction(o->l2), 1).derivative);
    o->rate = schedule_rate(&s->schedule, 0);
}

/* Returns whether some parameter has its own penalties. */
static int has_factors(const run_spec *spec)
{
    int64_t size = spec->d * spec->k;
    for (int64_t u = 0; u < size && spec->limit[0]; u++)
        if (spec->limit[LIMIT_L1][u] < 1 || spec->limit[LIMIT_L1][u] > 1 || spec->limit[LIMIT_L2][u] < 1 ||
            spec->limit[LIMIT_L2][u] > 1)
            return 1;
    return 0;
}

int sgd_may_wait(const run_spec *spec, const cusgd_options *o)
{
    int plain = (spec->optimizer != CUSGD_OPTIMIZER_SGD || !has_factors(spec)) && spec->clip.norm <= 0 && spec->clip.value <= 0;
    return spec->sparse && o->shards <= 1 && optimizer_may_wait(spec->optimizer) && plain &&
           o->sparse_scale != CUSGD_SPARSE_SCALE_FULL;
}

/* Chooses which parameters a step updates for sparse data. On a CPU, updating all parameters would be most of the work if a batch
 * has few columns. On a GPU, according to predictions (tests/gpu/PREDICTED.md), updating those of the batch takes as long as
 * updating a share FROM of all parameters plus some time per value. */
static void choose_update(sgd *s)
{
    enum { FROM = 1 << 16, EACH = 4 };
    cusgd_options *o = s->run->options;
    run_spec *spec = &s->run->spec;
    const examples *e = &s->problem->train.rows;
    spec->lazy = 0;
    if (!spec->sparse) return;
    double rows = (double)s->problem->train.data->view.n, values = (double)cusgd_data_stored(s->problem->train.data);
    double of_batch = values / rows * (double)o->batch, d = (double)e->d;
    int few = s->problem->backend->is_host ? d > of_batch : (d - EACH * of_batch) * (double)spec->k > FROM;
    spec->lazy = sgd_may_wait(spec, o) && (o->update == CUSGD_UPDATE_LAZY || (o->update != CUSGD_UPDATE_DENSE && few));
    o->update = spec->lazy ? CUSGD_UPDATE_LAZY : CUSGD_UPDATE_DENSE;
}

cusgd_status sgd_choose_optimizer(sgd *s)
{
    cusgd_options *o = s->run->options;
    s->given_t0 = o->schedule == CUSGD_SCHEDULE_TIME_DECAY && !isnan(o->t0);
    /* If the schedule follows from l2 or t0, a rate has no effect and must not be reported as one that was given. */
    if (o->schedule == CUSGD_SCHEDULE_OPTIMAL || s->given_t0) o->rate = (double)NAN;
    int own_rate = isnan(o->rate) && !s->given_t0;
    int automatic = o->optimizer == CUSGD_OPTIMIZER_AUTO;
    cusgd_status status;
    if (!automatic)
        status = usual_numbers(s);
    else if (s->run->spec.sparse)
        status = rule_sparse(s);
    else if (loss_is_quadratic(o->loss))
        status = rule_quadratic(s);
    else
        status = rule_adaptive(s);
    if (status) return status;
    s->lipschitz = (double)NAN;
    s->retreats = own_rate;
    if (isnan(o->beta1)) o->beta1 = 0.9;
    if (isnan(o->beta2)) o->beta2 = 0.999;
    if (isnan(o->rho)) o->rho = optimizer_table[o->optimizer].rho > 0 ? optimizer_table[o->optimizer].rho : 0.9;
    if (isnan(o->epsilon)) o->epsilon = 1e-8;
    choose_schedule(s);
    if (o->average_from >= 0) o->average = 1;
    if (o->average < 0) o->average = automatic;
    if (o->average && o->average_from < 0) o->average_from = 0;
    s->run->spec.average = o->average;
    /* A device that computes in float rounds beta, and the bias correction must use the rounded value. */
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    s->run->spec.constants.beta1 = rounded_for(single, o->beta1);
    s->run->spec.constants.beta2 = rounded_for(single, o->beta2);
    s->run->spec.constants.rho = o->rho;
    s->run->spec.constants.epsilon = o->epsilon;
    s->run->spec.constants.decay = optimizer_decays(s->run->spec.optimizer) ? o->weight_decay : 0;
    s->run->spec.rate_factor = s->rate_factor;
    choose_update(s);
    if (status || (!s->retreats && !s->run->by_gradient)) return status;
    return problem_measure_null(s->problem, s->run->by_gradient);
}

void sgd_close(sgd *s) { free(s->rate_factor); }
