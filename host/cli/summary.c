#include "summary.h"

#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WITH(optimizer) (1u << CUSGD_OPTIMIZER_##optimizer)
#define ADAMS           (WITH(ADAM) | WITH(ADAMW) | WITH(AMSGRAD) | WITH(NADAM) | WITH(RADAM) | WITH(ADAMAX))

#define ON(schedule) (1u << CUSGD_SCHEDULE_##schedule)
#define OF(loss)     (1u << CUSGD_LOSS_##loss)

/* Which optimizers, schedules and losses look at which options; the others are for all. */
typedef struct use {
    const char *name;
    unsigned by;
} use;
static const use of_schedules[] = {
    {"t0", ON(TIME_DECAY)},
    {"t1", ON(TIME_DECAY)},
    {"decay", ON(EXPONENTIAL) | ON(STEP) | ON(PLATEAU)},
    {"decay-every", ON(STEP)},
    {"decay-power", ON(INVERSE_SCALING) | ON(POLYNOMIAL)},
    {"decay-patience", ON(PLATEAU)},
    {"warm-up", ON(COSINE) | ON(ONE_CYCLE)},
    {"final-rate", ON(COSINE) | ON(POLYNOMIAL)},
    {NULL, 0},
};
static const use of_losses[] = {
    {"delta", OF(HUBER)},
    {"width", OF(EPSILON_INSENSITIVE) | OF(SQUARED_EPSILON_INSENSITIVE)},
    {"quantile", OF(QUANTILE)},
    {"power", OF(TWEEDIE)},
    {NULL, 0},
};
static const use of_optimizers[] = {
    {"momentum", WITH(MOMENTUM) | WITH(NESTEROV) | WITH(RMSPROP) | WITH(AUTO)},
    {"beta1", ADAMS},
    {"beta2", ADAMS},
    {"rho", WITH(ADADELTA) | WITH(RMSPROP)},
    {"epsilon", WITH(AUTO) | WITH(ADAGRAD) | WITH(ADADELTA) | WITH(RMSPROP) | ADAMS},
    {"centered", WITH(RMSPROP)},
    {"weight-decay", WITH(ADAMW) | WITH(ASGD)},
    {NULL, 0},
};

static int is_open(const cusgd_options *options, const char *name)
{
    char value[CUSGD_OPTION_TEXT];
    return cusgd_options_get(options, name, value) != CUSGD_OK || strcmp(value, "auto") == 0 || strcmp(value, "false") == 0;
}

/* 1 where the table says that `by` looks at the option, or says nothing of it. */
static int table_uses(const use *table, int by, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0) return table->by >> by & 1;
    return 1;
}

static int is_used(const cusgd_options *options, const char *name)
{
    int fixed =
        options->schedule == CUSGD_SCHEDULE_OPTIMAL || (options->schedule == CUSGD_SCHEDULE_TIME_DECAY && !isnan(options->t0));
    if (strcmp(name, "rate") == 0) return !fixed;
    return table_uses(of_optimizers, (int)options->optimizer, name) && table_uses(of_schedules, (int)options->schedule, name) &&
           table_uses(of_losses, (int)options->loss, name);
}

static void note_unused(const cusgd_options *given, const use *table, const char *kind)
{
    char chosen[CUSGD_OPTION_TEXT];
    cusgd_options_get(given, kind, chosen);
    for (; table->name; table++)
        if (!is_open(given, table->name) && !is_used(given, table->name))
            fprintf(stderr, "note: --%s changes nothing with --%s %s\n", table->name, kind, chosen);
}

/* What a full-batch method looks at; gradient descent at the first two as well. */
static int is_solvers(const cusgd_options *given, const char *name)
{
    static const char *const names[] = {"rate",
                                        "momentum",
                                        "loss",
                                        "delta",
                                        "width",
                                        "quantile",
                                        "power",
                                        "solver",
                                        "epochs",
                                        "l1",
                                        "l2",
                                        "seed",
                                        "tolerance",
                                        "no-intercept",
                                        "gradient-tolerance",
                                        "patience",
                                        "device",
                                        "precision",
                                        "threads",
                                        "no-standardize",
                                        "valid-fraction",
                                        "math"};
    for (size_t i = given->solver == CUSGD_SOLVER_GD ? 0 : 2; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return 0;
}

static void note_solver(const cusgd_options *given)
{
    char value[CUSGD_OPTION_TEXT], usual[CUSGD_OPTION_TEXT], solver[CUSGD_OPTION_TEXT];
    cusgd_options plain;
    cusgd_options_init(&plain);
    cusgd_options_get(given, "solver", solver);
    for (size_t i = 0; cusgd_option_at(i); i++) {
        const char *name = cusgd_option_at(i)->name;
        cusgd_options_get(given, name, value);
        cusgd_options_get(&plain, name, usual);
        if (!is_solvers(given, name) && strcmp(value, usual) != 0)
            fprintf(stderr, "note: --%s changes nothing with --solver %s\n", name, solver);
    }
}

void summary_notes(const cusgd_options *given)
{
    if (given->solver != CUSGD_SOLVER_SGD) {
        note_solver(given);
        note_unused(given, of_losses, "loss");
        return;
    }
    note_unused(given, of_optimizers, "optimizer");
    note_unused(given, of_schedules, "schedule");
    note_unused(given, of_losses, "loss");
    if (!is_open(given, "rate") && !is_used(given, "rate"))
        fprintf(stderr, "note: --rate changes nothing where %s\n",
                given->schedule == CUSGD_SCHEDULE_OPTIMAL ? "the schedule is optimal, which follows from --l2"
                                                          : "--t0 is given: the rate is t0 / (t + t1)");
}

/* What stood open and was chosen by the data, the numbers short, for people. */
static void put_choices(const cusgd_options *given, const cusgd_options *chosen)
{
    static const char *const names[] = {"rate",     "t0",    "t1",     "warm-up",   "decay-every",
                                        "momentum", "batch", "epochs", "tolerance", "patience"};
    const char *before = "chosen: ";
    if (given->solver != CUSGD_SOLVER_SGD) {
        char solver[CUSGD_OPTION_TEXT];
        cusgd_options_get(chosen, "solver", solver);
        fprintf(stderr, "chosen: %s%s%siterations %lld, gradient tolerance %.4g\n",
                given->solver == CUSGD_SOLVER_AUTO ? "solver " : "", given->solver == CUSGD_SOLVER_AUTO ? solver : "",
                given->solver == CUSGD_SOLVER_AUTO ? ", " : "", (long long)chosen->epochs, chosen->gradient_tolerance);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char value[CUSGD_OPTION_TEXT];
        if (!is_open(given, names[i]) || is_open(chosen, names[i]) || !is_used(given, names[i])) continue;
        cusgd_options_get(chosen, names[i], value);
        fprintf(stderr, "%s%s %.4g", before, names[i], strtod(value, NULL));
        before = ", ";
    }
    if (*before == ',') fputc('\n', stderr);
}

/* Those that the trainer has added since the last call. */
static void put_trainer_notes(const cusgd_trainer *trainer)
{
    static size_t count; /* the command has one trainer */
    const char *note;
    for (; (note = cusgd_trainer_note(trainer, count)) != NULL; count++) fprintf(stderr, "note: %s\n", shown(note));
}

void summary_start(const char *path, const cusgd_data *data, const cusgd_options *given, const cusgd_trainer *trainer)
{
    cusgd_options chosen;
    int64_t n = cusgd_data_rows(data), d = cusgd_data_cols(data), k = cusgd_data_outputs(data);
    cusgd_trainer_options(trainer, &chosen);
    static const char *const beside[] = {"", ", an offset", ", an exposure"};
    fprintf(stderr, "%s: %lld row%s, %lld column%s, %lld output%s%s; %s, %s\n",
            strcmp(path, "-") == 0 ? "standard input" : shown(path), (long long)n, plural(n), (long long)d, plural(d),
            (long long)k, plural(k), beside[cusgd_data_offset(data, NULL)], cusgd_trainer_device_name(trainer),
            chosen.precision == CUSGD_PRECISION_DOUBLE ? "double" : "float");
    put_choices(given, &chosen);
    put_trainer_notes(trainer);
    int on_gpu = strncmp(cusgd_trainer_device_name(trainer), "cuda", 4) == 0;
    if (given->engine != CUSGD_ENGINE_AUTO && !on_gpu) fputs("note: --engine changes nothing on the CPU\n", stderr);
    if (given->math == CUSGD_MATH_EXACT) return;
    if (!on_gpu)
        fputs("note: --math tf32 changes nothing on the CPU\n", stderr);
    else if (given->precision == CUSGD_PRECISION_DOUBLE)
        fputs("note: --math tf32 changes nothing with --precision double\n", stderr);
}

/* A number is only said to be within a bound that it is not above. A solver also ends where no more than rounding is left; the
 * result of a minibatch run may be another than the parameters that met the bound (an average, or the best on validation). */
static void put_gradient(const cusgd_options *o, const cusgd_result *r)
{
    if (r->gradient <= o->gradient_tolerance)
        fprintf(stderr, "the gradient is %.3g of the intercept-only model's, within %.3g", r->gradient, o->gradient_tolerance);
    else if (o->solver != CUSGD_SOLVER_SGD)
        fprintf(stderr, "the gradient is %.3g of the intercept-only model's, which is no more than rounding in %s", r->gradient,
                o->precision == CUSGD_PRECISION_DOUBLE ? "double" : "float");
    else
        fprintf(stderr, "the gradient met its tolerance (it is %.3g of the intercept-only model's at these parameters)",
                r->gradient);
}

static void put_reason(const cusgd_trainer *trainer, const cusgd_options *o, const cusgd_result *r)
{
    char solver[CUSGD_OPTION_TEXT];
    cusgd_options_get(o, "solver", solver);
    if (o->solver == CUSGD_SOLVER_SGD)
        fprintf(stderr, "%lld epoch%s, %lld step%s in %.3g s (%.3g rows/s): ", (long long)r->epochs, plural(r->epochs),
                (long long)r->steps, plural(r->steps), r->seconds, r->rows_per_second);
    else
        fprintf(stderr, "%lld iteration%s of %s in %.3g s (%.3g rows/s): ", (long long)r->epochs, plural(r->epochs), solver,
                r->seconds, r->rows_per_second);
    switch (r->stop) {
    case CUSGD_STOP_SOLVED: fputs("solved", stderr); break;
    case CUSGD_STOP_TOLERANCE:
        if (isnan(o->tolerance)) {
            fputs("no step lowers the objective beyond rounding", stderr);
            break;
        }
        fprintf(stderr, "no relative improvement above %.3g in %lld evaluation%s", o->tolerance, (long long)o->patience,
                plural(o->patience));
        break;
    case CUSGD_STOP_GRADIENT: put_gradient(o, r); break;
    case CUSGD_STOP_CANCELLED: fputs("interrupted", stderr); break;
    default: fputs(o->solver == CUSGD_SOLVER_SGD ? "all epochs ran" : "not converged", stderr);
    }
    if (o->solver == CUSGD_SOLVER_SGD || isfinite(r->valid_loss))
        fprintf(stderr, "; parameters of epoch %lld%s%s", (long long)r->epoch, o->average ? ", averaged" : "",
                isfinite(r->valid_loss) ? ", the best on validation" : "");
    fputc('\n', stderr);
    put_trainer_notes(trainer);
    if (*r->note) fprintf(stderr, "note: %s\n", shown(r->note));
    char times[32];
    snprintf(times, sizeof times, "%lld times", (long long)r->rollbacks);
    if (r->rollbacks)
        fprintf(stderr, "note: the rate was divided by 4 %s, because the loss rose; the run went on from better parameters\n",
                r->rollbacks == 1 ? "once" : times);
}

#define FAR_SHARE 1e-3

/* How far the result is from the optimum, in numbers that mean something. */
typedef struct gap {
    double least;  /* the least objective; NaN: not known */
    double excess; /* the relative distance; NaN: not known, or of an objective that is next to nothing or below 0 */
    int far;       /* 1: the least objective is known, and this is more than FAR_SHARE above it */
    int reached;   /* 1: the least objective is known, and this is it, to rounding */
} gap;

/* What would get further: a full-batch solver where the loss has one and no option forbids it. */
static void put_advice(const cusgd_options *o, const cusgd_result *r)
{
    const unsigned kinked = OF(HINGE) | OF(QUANTILE) | OF(EPSILON_INSENSITIVE);
    char limit[CUSGD_OPTION_TEXT];
    cusgd_options full = *o;
    if (r->stop == CUSGD_STOP_TOLERANCE)
        snprintf(limit, sizeof limit, "%.3g", o->tolerance);
    else
        snprintf(limit, sizeof limit, "%lld", (long long)o->epochs);
    full.solver = CUSGD_SOLVER_AUTO;
    const char *lower = r->stop == CUSGD_STOP_TOLERANCE ? "a smaller --tolerance" : "more --epochs";
    if (r->separated)
        fprintf(stderr, "; more --epochs than %lld would lower the loss without end, as no finite optimum exists: give --l2",
                (long long)o->epochs);
    else if (kinked >> o->loss & 1 || cusgd_options_check(&full))
        fprintf(stderr, "; %s than %s would lower the loss", lower, limit);
    else
        fprintf(stderr, "; --solver auto gets there, %s than %s would lower the loss", lower, limit);
}

/* A tolerance was asked for, or on by default, and the epochs ended first; or each epoch brought so little that the run ended by
 * it, and yet the optimum is known to be further away than that. */
static void put_shortfall(const cusgd_options *o, const cusgd_result *r, const gap *g)
{
    int watched = !isnan(o->tolerance) || !isnan(o->gradient_tolerance);
    int ended = r->stop == CUSGD_STOP_EPOCHS || (r->stop == CUSGD_STOP_TOLERANCE && !isnan(g->least) && g->far);
    if (!ended || !watched || o->solver != CUSGD_SOLVER_SGD || g->reached || !isnan(r->valid_loss)) return;
    fputs("note: not converged", stderr);
    if (!r->separated && isfinite(g->excess)) fprintf(stderr, ": about %.2g %% above the optimum", 100 * g->excess);
    put_advice(o, r);
    fputc('\n', stderr);
}

/* Of the model as it is written, so that `cusgd evaluate` says the same of its file. */
static cusgd_status put_measures(const cusgd_model *model, const cusgd_data *data, const char *where, cusgd_metrics *m)
{
    cusgd_status status = cusgd_model_evaluate(model, data, -1, m);
    if (status) return status;
    fprintf(stderr, "%s: loss %.6g, ", where, m->loss);
    if (!isnan(m->accuracy))
        fprintf(stderr, "accuracy %.4f\n", m->accuracy);
    else if (!isnan(m->d2))
        fprintf(stderr, "D2 %.6f\n", m->d2);
    else
        fprintf(stderr, "R2 %.6f\n", m->r2);
    return CUSGD_OK;
}

/* How far the run is from the least objective, where that is soon found, and whether it need have been a run at all. `explained`:
 * the share of the targets' variance; where it is all, a percentage of what is left says nothing. */
static cusgd_status put_optimum(cusgd_trainer *trainer, const cusgd_options *o, const cusgd_result *r, double explained, gap *g)
{
    const unsigned quadratic = OF(SQUARED) | OF(MSE);
    int solved = quadratic >> o->loss & 1;
    double seconds, rounding = o->precision == CUSGD_PRECISION_DOUBLE ? 1e-12 : 1e-6;
    *g = (gap){(double)NAN, r->relative_gap, 0, 0};
    if (o->solver == CUSGD_SOLVER_EXACT || (o->solver != CUSGD_SOLVER_SGD && !solved)) return CUSGD_OK;
    cusgd_status status = cusgd_trainer_optimum(trainer, &g->least, &seconds);
    if (!status && !isnan(g->least)) g->excess = r->objective > g->least ? (r->objective - g->least) / fabs(g->least) : 0;
    double excess = g->excess;
    if (!(g->excess <= 10) || explained > 1 - 1e-6 || (!isnan(g->least) && g->least <= 0)) g->excess = (double)NAN;
    if (status || isnan(g->least)) return status;
    g->reached = !(excess > rounding);
    g->far = excess > FAR_SHARE && !(explained > 1 - 1e-6);
    if (g->reached)
        fputs("optimum: the objective is the least, to rounding", stderr);
    else if (isfinite(g->excess))
        fprintf(stderr, "optimum: the objective is %.2g %% above the least", 100 * g->excess);
    else
        fprintf(stderr, "optimum: the objective is %.6g, and the least %.6g", r->objective, g->least);
    fprintf(stderr, "; --solver %s takes %.2g s%s\n", solved ? "exact" : "newton", seconds,
            seconds < r->seconds ? ", less than this run" : "");
    return CUSGD_OK;
}

int summary_end(cusgd_trainer *trainer, const cusgd_model *model, const cusgd_data *data, const cusgd_data *valid,
                const cusgd_result *result, const char *model_path)
{
    cusgd_options o;
    cusgd_metrics measured, unused;
    gap g;
    cusgd_trainer_options(trainer, &o);
    put_reason(trainer, &o, result);
    cusgd_status status = put_measures(model, data, o.valid_fraction > 0 ? "all rows" : "training", &measured);
    if (!status && valid) status = put_measures(model, valid, "validation", &unused);
    if (!status) status = put_optimum(trainer, &o, result, measured.r2, &g);
    if (status) return complain_last(status);
    if (!valid && isfinite(result->valid_loss)) fprintf(stderr, "validation: loss %.6g\n", result->valid_loss);
    put_shortfall(&o, result, &g);
    if (cusgd_data_class(data, 0) && isnan(measured.accuracy))
        fputs("note: the target has two classes; --loss logistic would fit their probabilities\n", stderr);
    fprintf(stderr, "model: %s\n", shown(model_path));
    return CUSGD_OK;
}
