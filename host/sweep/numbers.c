/* Configurations whose losses have different parameters: quantiles, each of which the model predicts; deltas and widths, of which
 * the best is chosen. */
#include "sweep.h"

#include "failure.h"
#include "options.h"
#include "scalar/rounding.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns the parameter in the options, in double; a run in float rounds it. */
static double number_of_options(const cusgd_options *o)
{
    cusgd_options wide = *o;
    wide.precision = CUSGD_PRECISION_DOUBLE;
    return loss_info_of(o->loss)->option ? loss_rule_of(&wide).number : (double)NAN;
}

static int is_given(const cusgd_configuration *c) { return !isnan(c->loss_number); }

/* Returns whether a configuration has a loss parameter. For a loss without a parameter, 0 means none, because callers may have
 * zeroed the configuration. */
static int any_is_given(const cusgd_sweep_plan *plan, int has_number)
{
    for (size_t i = 0; i < plan->count; i++)
        if (is_given(&plan->configurations[i]) && (has_number || plan->configurations[i].loss_number != 0)) return 1;
    return 0;
}

/* Returns whether there is something to choose: two configurations with the same quantile, or with another loss. */
static int has_rivals(const cusgd_options *o, const cusgd_sweep_plan *plan)
{
    const double otherwise = number_of_options(o);
    if (o->loss != CUSGD_LOSS_QUANTILE) return plan->count > 1;
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < i; j++) {
            double x = is_given(&plan->configurations[i]) ? plan->configurations[i].loss_number : otherwise;
            double y = is_given(&plan->configurations[j]) ? plan->configurations[j].loss_number : otherwise;
            if (!(x < y) && !(x > y)) return 1;
        }
    return 0;
}

cusgd_status numbers_check(const cusgd_options *o, const cusgd_sweep_plan *plan, int judged)
{
    const char *name = loss_info_of(o->loss)->option;
    if (!judged && (plan->halving > 0 || plan->select == CUSGD_SELECT_ONE_SE || has_rivals(o, plan)))
        return fail(CUSGD_ERROR_USAGE, "a sweep judges its models by folds or by validation rows; give one");
    if (!any_is_given(plan, name != NULL)) return CUSGD_OK;
    if (!name)
        return fail_option("loss", "the loss %s has no quantile, delta or width to sweep over", loss_info_of(o->loss)->name);
    if (o->loss == CUSGD_LOSS_TWEEDIE)
        return fail_option("loss", "losses of different powers cannot be compared: sweep once for each power");
    if (o->loss == CUSGD_LOSS_QUANTILE && plan->halving > 0)
        return fail(CUSGD_ERROR_USAGE,
                    "halving compares all configurations, and losses of different quantiles differ: leave it out");
    for (size_t i = 0; i < plan->count; i++) {
        cusgd_options trial = *o;
        double number = plan->configurations[i].loss_number;
        if (!is_given(&plan->configurations[i])) continue;
        if (cusgd_options_set_number(&trial, name, number)) return fail_in(CUSGD_ERROR_USAGE, "configuration %zu", i);
    }
    return CUSGD_OK;
}

/* Returns whether the loss parameter differs from that of the options. */
static int differs(const cusgd_sweep *s, double number)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->configurations[i].loss_number < number || s->configurations[i].loss_number > number) return 1;
    return 0;
}

int has_quantiles(const cusgd_sweep *s) { return s->null != NULL; }

int are_rivals(const cusgd_sweep *s, size_t a, size_t b)
{
    return !has_quantiles(s) || !(s->number[a] < s->number[b] || s->number[a] > s->number[b]);
}

/* Returns the number of different quantiles. */
static int64_t count_outputs(const cusgd_sweep *s)
{
    int64_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        int is_new = 1;
        for (size_t j = 0; j < i && is_new; j++) is_new = !are_rivals(s, i, j);
        count += is_new;
    }
    return count;
}

/* Computes the starting intercept, as for a single model: for optimizer auto that of the intercept-only model. */
static cusgd_status start_of(const cusgd_sweep *s, double number, double *null)
{
    const problem *p = &s->trainer->problem;
    *null = s->trainer->run.start[p->d];
    return s->trainer->options.optimizer == CUSGD_OPTIMIZER_AUTO ? targets_null(p, number, null) : CUSGD_OK;
}

cusgd_status numbers_take(cusgd_sweep *s)
{
    const cusgd_options *o = &s->trainer->options;
    cusgd_status status = CUSGD_OK;
    for (size_t i = 0; i < s->count; i++)
        if (!is_given(&s->configurations[i]) || !loss_info_of(o->loss)->option)
            s->configurations[i].loss_number = number_of_options(o);
    if (differs(s, number_of_options(o))) {
        s->number = allocate(s->count, sizeof(double));
        if (o->loss == CUSGD_LOSS_QUANTILE) s->null = allocate(s->count, sizeof(double));
        if (!s->number || (o->loss == CUSGD_LOSS_QUANTILE && !s->null))
            return fail_memory(s->count * sizeof(double), "the losses' numbers");
    }
    for (size_t i = 0; s->number && i < s->count && !status; i++) {
        double number = s->configurations[i].loss_number;
        s->number[i] = rounded_for(o->precision == CUSGD_PRECISION_FLOAT, number);
        if (s->null) status = start_of(s, s->number[i], &s->null[i]);
    }
    s->outputs = count_outputs(s);
    s->chosen = allocate_zeroed((size_t)s->outputs, sizeof *s->chosen);
    return status || s->chosen ? status : fail_memory((size_t)s->outputs * sizeof *s->chosen, "the chosen configurations");
}
