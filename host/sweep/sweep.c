/* The public functions of sweeps. */
#include "sweep.h"

#include "cusgd_world.h"
#include "failure.h"
#include "model.h"
#include "models.h"
#include "options.h"
#include "public.h"
#include "sized.h"
#include "trainer/shared.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status check_plan(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid,
                               const cusgd_sweep_plan *plan)
{
    if (plan->count == 0) return fail(CUSGD_ERROR_USAGE, "a sweep needs a configuration");
    if (plan->folds < 0 || plan->folds == 1 || plan->folds >= MAX_FOLDS)
        return fail(CUSGD_ERROR_USAGE, "the number of folds is %d; give from 2 to %d", plan->folds, MAX_FOLDS - 1);
    if (plan->folds > 0 && (valid || o->valid_fraction > 0))
        return fail(CUSGD_ERROR_USAGE, "folds and validation rows exclude each other; give one");
    if (plan->select == CUSGD_SELECT_ONE_SE && plan->folds == 0)
        return fail(CUSGD_ERROR_USAGE, "the rule 1se needs folds, from which the standard error is known");
    if (plan->halving < 0 || plan->halving == 1)
        return fail(CUSGD_ERROR_USAGE, "halving by %d: give 2 or more: one configuration of so many is trained further",
                    plan->halving);
    if (!(plan->memory >= 0)) return fail(CUSGD_ERROR_USAGE, "%g bytes of memory: give more than 0", plan->memory);
    if (cusgd_data_outputs(train) != 1)
        return fail(CUSGD_ERROR_USAGE, "a sweep takes one target, not %lld", (long long)cusgd_data_outputs(train));
    cusgd_status status = data_is_dense(train, "a sweep");
    if (status) return status;
    if (o->solver != CUSGD_SOLVER_SGD) return fail_option("solver", "a sweep trains by solver sgd");
    if (o->whiten != CUSGD_WHITEN_NONE)
        return fail_option("whiten", "a sweep standardizes columns, but does not decorrelate them: leave whiten out");
    if (o->memory > 0) return fail_option("memory", "a sweep needs all rows at hand: leave the option memory out");
    if (o->robust) return fail_option("robust", "a sweep standardizes by means and deviations, not by medians and quartiles");
    if (o->schedule == CUSGD_SCHEDULE_PLATEAU)
        return fail_option("schedule", "the schedule plateau follows one model's loss, and a sweep has many; choose another");
    if (!isnan(o->gradient_tolerance))
        return fail_option(
            "gradient-tolerance",
            "gradient-tolerance looks at one model's gradient, and a sweep has many models: give tolerance instead");
    return CUSGD_OK;
}

/* ---- The numbers of configurations ---- */

#define NUMBER(name) offsetof(cusgd_configuration, name)

static double number_of(const cusgd_sweep_plan *plan, size_t i, size_t number)
{
    double value;
    memcpy(&value, (const char *)&plan->configurations[i] + number, sizeof value);
    return value;
}

/* Returns how many configurations have their own value of a number. */
static size_t count_given(const cusgd_sweep_plan *plan, size_t number)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++)
        if (!isnan(number_of(plan, i, number))) count++;
    return count;
}

/* Fails if only some configurations have a value of a number that the run would choose, because it chooses it for all or for
 * none. */
static cusgd_status check_given(const cusgd_sweep_plan *plan, size_t number, double otherwise, const char *name)
{
    size_t given = count_given(plan, number);
    if (given == 0 || given == plan->count || !isnan(otherwise)) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "%zu of %zu configurations have a %s: give all of them one, or set the option %s", given,
                plan->count, name, name);
}

/* Checks the rates of the configurations, which are factors on the rates of the schedule; some schedules do not allow that. */
static cusgd_status check_rates(const cusgd_options *o, const cusgd_sweep_plan *plan)
{
    int rates = count_given(plan, NUMBER(rate)) > 0, ridges = count_given(plan, NUMBER(l2)) > 0;
    if (o->schedule == CUSGD_SCHEDULE_OPTIMAL && (rates || ridges))
        return fail_option("schedule", "the rates of the schedule optimal follow from one l2, and a sweep over rates or l2 has "
                                       "many: choose another schedule");
    if (rates && o->schedule == CUSGD_SCHEDULE_TIME_DECAY && !isnan(o->t0))
        return fail_option("t0", "the rates follow from t0: leave it out, or do not sweep over rates");
    if (rates && o->final_rate > 0)
        return fail_option("final-rate",
                           "final-rate is one number, and a sweep over rates ends at a share of each: leave it out");
    if (rates && o->optimizer == CUSGD_OPTIMIZER_ASGD)
        return fail_option("optimizer", "how fast the rate of asgd falls follows from one rate, and a sweep over rates has many: "
                                        "choose another optimizer");
    return CUSGD_OK;
}

static int is_number(double value, double least, double below) { return isnan(value) || (value >= least && value < below); }

static cusgd_status check_configuration(const cusgd_configuration *c, size_t i)
{
    const struct {
        const char *name;
        double value;
        int is_right;
    } numbers[] = {{"l1", c->l1, is_number(c->l1, 0, (double)INFINITY)},
                   {"l2", c->l2, is_number(c->l2, 0, (double)INFINITY)},
                   {"rate", c->rate, isnan(c->rate) || (c->rate > 0 && isfinite(c->rate))},
                   {"momentum", c->momentum, is_number(c->momentum, 0, 1)}};
    for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++)
        if (!numbers[j].is_right)
            return fail(CUSGD_ERROR_USAGE,
                        "configuration %zu has %s %g: penalties are at least 0, rates above 0, and momenta from 0 to below 1", i,
                        numbers[j].name, numbers[j].value);
    return CUSGD_OK;
}

/* Returns a power of two that is not less than the numbers of the configurations. It is the number of the run, from which the
 * trainer makes choices that are safe for all configurations. Configurations have multiples of it, and the products do not depend
 * on which power of two it is. */
static double base_of(const cusgd_sweep_plan *plan, size_t number, double otherwise)
{
    double most = otherwise;
    if (count_given(plan, number) == 0) return otherwise;
    if (count_given(plan, number) == plan->count) most = 0;
    for (size_t i = 0; i < plan->count; i++) most = fmax(most, number_of(plan, i, number));
    return most > 0 ? exp2(ceil(log2(most))) : most;
}

#define RUN_MOMENTUM 0.5 /* configurations with their own momentum have multiples of it */

/* Returns the momentum for which the rate is chosen, so that it is safe for all: 1 minus a power of two, not less than any of the
 * configurations. */
static double largest_momentum(const cusgd_sweep_plan *plan, double otherwise)
{
    double most = fmax(RUN_MOMENTUM, count_given(plan, NUMBER(momentum)) < plan->count ? otherwise : 0);
    for (size_t i = 0; i < plan->count; i++) most = fmax(most, number_of(plan, i, NUMBER(momentum)));
    return 1 - exp2(floor(log2(1 - most)));
}

static cusgd_status open_trainer(cusgd_sweep *s, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                 const cusgd_sweep_plan *plan)
{
    cusgd_options o = *options;
    o.l1 = base_of(plan, NUMBER(l1), o.l1);
    o.l2 = base_of(plan, NUMBER(l2), o.l2);
    o.rate = base_of(plan, NUMBER(rate), o.rate);
    int momenta = count_given(plan, NUMBER(momentum)) > 0;
    if (momenta) {
        if (o.optimizer != CUSGD_OPTIMIZER_MOMENTUM && o.optimizer != CUSGD_OPTIMIZER_NESTEROV &&
            o.optimizer != CUSGD_OPTIMIZER_RMSPROP)
            return fail_option("optimizer", "only the optimizers momentum, nesterov and rmsprop have a momentum to sweep over");
        o.momentum = largest_momentum(plan, o.momentum);
    }
    cusgd_status status = cusgd_trainer_create(&o, train, valid, &s->trainer);
    if (!status && momenta) s->trainer->options.momentum = RUN_MOMENTUM;
    return status ? status : models_fit(s->trainer->problem.train.rows.classes > 0);
}

static void take_configurations(cusgd_sweep *s, const cusgd_options *options, const cusgd_sweep_plan *plan)
{
    const cusgd_options *o = &s->trainer->options; /* for configurations without a rate or momentum: the chosen ones */
    double rate = count_given(plan, NUMBER(rate)) > 0 ? options->rate : o->rate;
    double momentum = count_given(plan, NUMBER(momentum)) > 0 ? options->momentum : o->momentum;
    for (size_t i = 0; i < s->count; i++) {
        cusgd_configuration *c = &s->configurations[i];
        *c = plan->configurations[i];
        if (isnan(c->l1)) c->l1 = options->l1;
        if (isnan(c->l2)) c->l2 = options->l2;
        if (isnan(c->rate)) c->rate = rate;
        if (isnan(c->momentum)) c->momentum = momentum;
        for (int64_t f = 0; f < columns_each(s); f++)
            s->columns[(int64_t)i * columns_each(s) + f] =
                (column){.configuration = i, .fold = f < s->folds ? (int)f : -1, .share = 1, .best = (double)INFINITY};
    }
}

/* Sets the number of epochs in which a batch has the same rows. */
static void take_repeats(cusgd_sweep *s)
{
    const cusgd_options *o = &s->trainer->options;
    int stays = o->sampling == CUSGD_SAMPLING_NONE || o->sampling == CUSGD_SAMPLING_BATCHES ||
                o->sampling == CUSGD_SAMPLING_REPLACE_BLOCKS;
    s->trainer->run.spec.repeats = stays ? o->epochs : 0;
}

static cusgd_status allocate_sweep(cusgd_sweep *s)
{
    size_t columns = s->count * (size_t)columns_each(s), side = (size_t)(s->trainer->problem.d + 1);
    s->configurations = allocate(s->count, sizeof *s->configurations);
    s->columns = allocate_zeroed(columns, sizeof *s->columns);
    s->kept = allocate_zeroed(s->count * side, sizeof(double));
    s->losses = allocate_zeroed((s->folds > 0 ? (size_t)s->folds : 1) * s->count, sizeof(double));
    s->outcomes = allocate_zeroed(s->count, sizeof *s->outcomes);
    s->dropped_at = allocate_zeroed(s->count, sizeof *s->dropped_at);
    int complete = s->configurations && s->columns && s->kept && s->losses && s->outcomes && s->dropped_at;
    return complete ? CUSGD_OK : fail_memory(s->count * side * sizeof(double), "the sweep's models");
}

static cusgd_status train_all(cusgd_sweep *s, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                              const cusgd_sweep_plan *plan)
{
    cusgd_status status = check_plan(options, train, valid, plan);
    for (size_t i = 0; i < plan->count && !status; i++) status = check_configuration(&plan->configurations[i], i);
    if (!status) status = check_given(plan, NUMBER(rate), options->rate, "rate");
    if (!status) status = check_given(plan, NUMBER(momentum), options->momentum, "momentum");
    if (!status) status = check_rates(options, plan);
    if (!status) status = numbers_check(options, plan, plan->folds > 0 || valid || options->valid_fraction > 0);
    if (!status) status = class_weights_check(options, plan);
    if (!status) status = open_trainer(s, options, train, valid, plan);
    s->count = plan->count;
    s->folds = plan->folds;
    if (!status) take_repeats(s);
    s->halving = plan->halving;
    if (!status) share_take(s);
    if (!status) status = share_begin(s, plan);
    if (!status) status = sweep_plan_passes(s, plan);
    if (!status) status = allocate_sweep(s);
    if (!status) take_configurations(s, options, plan);
    if (!status) status = numbers_take(s);
    if (!status) status = sweep_take_folds(s, plan->fold);
    if (!status) status = class_weights_take(s);
    if (!status) status = sweep_run(s);
    return status ? status : sweep_judge(s, plan->select);
}

cusgd_status cusgd_sweep_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                const cusgd_sweep_plan *plan, cusgd_sweep **out)
{
    return cusgd_sweep_create_shared(NULL, options, train, valid, plan, out);
}

cusgd_status cusgd_sweep_create_shared(cusgd_world *w, const cusgd_options *options, const cusgd_data *train,
                                       const cusgd_data *valid, const cusgd_sweep_plan *plan, cusgd_sweep **out)
{
    *out = NULL;
    if (!options || !train) return fail_null(__func__);
    cusgd_sweep_plan complete = {.size = plan->size};
    cusgd_status status = sized_check(plan->size, "plan");
    if (!status) status = cusgd_options_check(options);
    if (!status) status = data_on_host(train, "a sweep");
    if (!status && valid) status = data_on_host(valid, "a sweep");
    if (status) return status;
    sized_get(&complete, plan, sizeof complete);
    cusgd_sweep *s = allocate_zeroed(1, sizeof *s);
    if (!s) return fail_memory(sizeof *s, "a sweep");
    cusgd_options mine = *options;
    s->share.world = w && w->ranks > 1 ? w : NULL;
    if (w) status = shared_device(w, &mine);
    if (!status) status = train_all(s, &mine, train, valid, &complete);
    share_end(s, status);
    if (!status)
        *out = s;
    else
        cusgd_sweep_free(s);
    return status;
}

void cusgd_sweep_free(cusgd_sweep *s)
{
    if (!s) return;
    if (s->trainer) s->trainer->run.shown = NULL;
    cusgd_trainer_free(s->trainer);
    free(s->configurations);
    free(s->fold);
    free(s->ratio);
    free(s->columns);
    free(s->kept);
    free(s->losses);
    free(s->number);
    free(s->null);
    free(s->chosen);
    free(s->outcomes);
    free(s->dropped_at);
    free(s);
}

int cusgd_sweep_outcome(const cusgd_sweep *s, size_t i, cusgd_outcome *out)
{
    if (!s || i >= s->count || sized_check(out->size, "out") != CUSGD_OK) return 0;
    sized_put(out, &s->outcomes[i], sizeof *out);
    return 1;
}

const double *cusgd_sweep_losses(const cusgd_sweep *s, size_t i)
{
    return s && i < s->count ? s->losses + i * (size_t)(s->folds > 0 ? s->folds : 1) : NULL;
}

size_t cusgd_sweep_chosen(const cusgd_sweep *s) { return s ? s->chosen[0] : 0; }
int64_t cusgd_sweep_outputs(const cusgd_sweep *s) { return s ? s->outputs : 0; }

size_t cusgd_sweep_chosen_for(const cusgd_sweep *s, int64_t output)
{
    return s && output >= 0 && output < s->outputs ? s->chosen[output] : SIZE_MAX;
}

/* Creates the model of a configuration by the trainer of one output, whose options are set to those of the configuration. */
static cusgd_status create_single(cusgd_sweep *s, size_t i, cusgd_model **out)
{
    cusgd_trainer *t = s->trainer;
    const cusgd_configuration *c = &s->configurations[i];
    loss_number_set(&t->options, c->loss_number);
    t->options.l1 = c->l1;
    t->options.l2 = c->l2;
    t->options.rate = c->rate;
    t->options.momentum = c->momentum;
    memcpy(t->run.theta, s->kept + (int64_t)i * (t->problem.d + 1), theta_bytes(&t->problem));
    memcpy(t->run.start, t->run.theta, theta_bytes(&t->problem));
    t->run.shown = t->run.start;
    return cusgd_trainer_create_model(t, out);
}

cusgd_status cusgd_sweep_create_model(cusgd_sweep *s, cusgd_model **out)
{
    *out = NULL;
    if (!s) return fail_null(__func__);
    if (s->outputs == 1) return create_single(s, s->chosen[0], out);
    cusgd_model **parts = allocate_zeroed((size_t)s->outputs, sizeof(void *));
    cusgd_status status = parts ? CUSGD_OK : fail_memory((size_t)s->outputs * sizeof(void *), "the quantiles' models");
    for (int64_t j = 0; j < s->outputs && !status; j++) status = create_single(s, s->chosen[j], &parts[j]);
    if (!status) status = model_join(parts, s->outputs, out);
    for (int64_t j = 0; parts && j < s->outputs; j++) cusgd_model_free(parts[j]);
    free(parts);
    return status;
}
