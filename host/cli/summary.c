#include "summary.h"

#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WITH(optimizer) (1u << CUSGD_OPTIMIZER_##optimizer)

/* Which optimizers look at which options; the others are for all. */
static const struct {
    const char *name;
    unsigned optimizers;
} uses[] = {
    {"momentum", WITH(MOMENTUM) | WITH(NESTEROV) | WITH(AUTO)},
    {"beta1", WITH(ADAM)},
    {"beta2", WITH(ADAM)},
    {"rho", WITH(ADADELTA) | WITH(RMSPROP)},
    {"epsilon", WITH(AUTO) | WITH(ADAGRAD) | WITH(ADADELTA) | WITH(RMSPROP) | WITH(ADAM)},
};

static int is_open(const cusgd_options *options, const char *name)
{
    char value[CUSGD_OPTION_TEXT];
    return cusgd_options_get(options, name, value) != CUSGD_OK || strcmp(value, "auto") == 0;
}

static int is_used(const cusgd_options *options, const char *name)
{
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (strcmp(uses[i].name, name) == 0) return uses[i].optimizers >> options->optimizer & 1;
    }
    if (strcmp(name, "t0") == 0 || strcmp(name, "t1") == 0) return options->schedule == CUSGD_SCHEDULE_TIME_DECAY;
    return strcmp(name, "rate") != 0 || options->schedule == CUSGD_SCHEDULE_CONSTANT || isnan(options->t0);
}

void summary_notes(const cusgd_options *given)
{
    char optimizer[CUSGD_OPTION_TEXT];
    cusgd_options_get(given, "optimizer", optimizer);
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (!is_open(given, uses[i].name) && !is_used(given, uses[i].name))
            fprintf(stderr, "note: --%s changes nothing with --optimizer %s\n", uses[i].name, optimizer);
    }
    if (!(is_open(given, "t0") && is_open(given, "t1")) && !is_used(given, "t0"))
        fputs("note: --t0 and --t1 change nothing without --schedule time-decay\n", stderr);
    if (!is_open(given, "rate") && !is_used(given, "rate"))
        fputs("note: --rate changes nothing where --t0 is given: the rate is t0 / (t + t1)\n", stderr);
}

/* What stood open and was chosen by the data, the numbers short, for people. */
static void put_choices(const cusgd_options *given, const cusgd_options *chosen)
{
    static const char *const names[] = {"rate", "t0", "t1", "momentum", "batch", "epochs", "tolerance", "patience"};
    const char *before = "chosen: ";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char value[CUSGD_OPTION_TEXT];
        if (!is_open(given, names[i]) || is_open(chosen, names[i]) || !is_used(given, names[i])) continue;
        cusgd_options_get(chosen, names[i], value);
        fprintf(stderr, "%s%s %.4g", before, names[i], strtod(value, NULL));
        before = ", ";
    }
    if (*before == ',') fputc('\n', stderr);
}

void summary_start(const char *path, const cusgd_data *data, const cusgd_options *given, const cusgd_trainer *trainer)
{
    cusgd_options chosen;
    int64_t n = cusgd_data_rows(data), d = cusgd_data_cols(data), k = cusgd_data_outputs(data);
    cusgd_trainer_options(trainer, &chosen);
    fprintf(stderr, "%s: %lld row%s, %lld column%s, %lld output%s; %s, %s\n", strcmp(path, "-") == 0 ? "standard input" : path,
            (long long)n, plural(n), (long long)d, plural(d), (long long)k, plural(k), cusgd_trainer_device(trainer),
            chosen.precision == CUSGD_PRECISION_DOUBLE ? "double" : "float");
    put_choices(given, &chosen);
    int on_gpu = strncmp(cusgd_trainer_device(trainer), "cuda", 4) == 0;
    if (given->engine != CUSGD_ENGINE_AUTO && !on_gpu) fputs("note: --engine changes nothing on the CPU\n", stderr);
    if (given->math == CUSGD_MATH_EXACT) return;
    if (!on_gpu)
        fputs("note: --math tf32 changes nothing on the CPU\n", stderr);
    else if (given->precision == CUSGD_PRECISION_DOUBLE)
        fputs("note: --math tf32 changes nothing with --precision double\n", stderr);
}

static void put_reason(const cusgd_options *o, const cusgd_result *r)
{
    fprintf(stderr, "%lld epoch%s, %lld step%s in %.3g s (%.3g rows/s): ", (long long)r->epochs, plural(r->epochs),
            (long long)r->steps, plural(r->steps), r->seconds, r->rows_per_second);
    switch (r->stop) {
    case CUSGD_STOP_TOLERANCE:
        fprintf(stderr, "no relative improvement above %.3g in %lld evaluation%s", o->tolerance, (long long)o->patience,
                plural(o->patience));
        break;
    case CUSGD_STOP_GRADIENT:
        fprintf(stderr, "the gradient is %.3g of the null model's, within %.3g", r->gradient, o->gradient_tolerance);
        break;
    case CUSGD_STOP_CANCELLED: fputs("interrupted", stderr); break;
    default: fputs("all epochs ran", stderr);
    }
    fprintf(stderr, "; parameters of epoch %lld%s%s\n", (long long)r->epoch, o->average ? ", averaged" : "",
            isfinite(r->valid_loss) ? ", the best on validation" : "");
    if (r->backoffs)
        fprintf(stderr, "note: %lld epoch%s undone and repeated at a quarter of the rate\n", (long long)r->backoffs,
                r->backoffs == 1 ? " was" : "s were");
}

/* A tolerance was asked for, or on by default, and the epochs ended first. */
static void put_shortfall(const cusgd_options *o, const cusgd_result *r)
{
    int watched = !isnan(o->tolerance) || !isnan(o->gradient_tolerance);
    if (r->stop != CUSGD_STOP_EPOCHS || !watched) return;
    fputs("note: not converged", stderr);
    if (isfinite(r->excess)) fprintf(stderr, ": about %.2g %% above the optimum", 100 * r->excess);
    fprintf(stderr, "; more --epochs than %lld would lower the loss\n", (long long)o->epochs);
}

static cusgd_status put_measures(cusgd_trainer *trainer, const cusgd_data *data, cusgd_loss loss, const char *where)
{
    cusgd_metrics m;
    cusgd_status status = cusgd_trainer_evaluate(trainer, data, -1, &m);
    if (status) return status;
    fprintf(stderr, "%s: loss %.6g, ", where, m.loss);
    if (loss == CUSGD_LOSS_LOGISTIC)
        fprintf(stderr, "accuracy %.4f\n", m.accuracy);
    else
        fprintf(stderr, "R2 %.6f\n", m.r2);
    return CUSGD_OK;
}

int summary_end(cusgd_trainer *trainer, const cusgd_data *data, const cusgd_data *valid, const cusgd_result *result,
                const char *model_path)
{
    cusgd_options o;
    cusgd_trainer_options(trainer, &o);
    put_reason(&o, result);
    cusgd_status status = put_measures(trainer, data, o.loss, o.valid_fraction > 0 ? "all rows" : "training");
    if (!status && valid) status = put_measures(trainer, valid, o.loss, "validation");
    if (status) return complain_last(status);
    if (!valid && isfinite(result->valid_loss)) fprintf(stderr, "validation: loss %.6g\n", result->valid_loss);
    put_shortfall(&o, result);
    if (cusgd_data_class(data, 0) && o.loss != CUSGD_LOSS_LOGISTIC)
        fputs("note: the target has two classes; --loss logistic would fit their probabilities\n", stderr);
    fprintf(stderr, "model: %s\n", model_path);
    return CUSGD_OK;
}
