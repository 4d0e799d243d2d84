#include "summary.h"

#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_open(const cusgd_options *options, const char *name)
{
    char value[CUSGD_OPTION_TEXT];
    return cusgd_options_get(options, name, value) != CUSGD_OK || strcmp(value, "auto") == 0 || strcmp(value, "false") == 0;
}

/* Prints a line for an option that was set but has no effect with the others. */
static void put_unused(const cusgd_options *given, const char *name, const char *because)
{
    char value[CUSGD_OPTION_TEXT];
    if (strcmp(name, "rate") == 0 && strcmp(because, "solver") != 0) {
        fprintf(stderr, "note: --rate changes nothing where %s\n",
                strcmp(because, "t0") == 0 ? "--t0 is given: the rate is t0 / (t + t1)"
                                           : "the schedule is optimal, which follows from --l2");
        return;
    }
    cusgd_options_get(given, because, value);
    if (option_is(given, "loss", "expression") && strcmp(because, "loss") == 0)
        fprintf(stderr, "note: --%s changes nothing with --loss-expr\n", name);
    else
        fprintf(stderr, "note: --%s changes nothing with --%s %s\n", name, because, value);
}

/* Calls `put` for every option that was set and that `because` gives a reason for, by the name by which it was typed. */
static void put_each_unused(const cusgd_options *given, const char *(*because)(const cusgd_options *given, const char *name),
                            void (*put)(const cusgd_options *given, const char *name, const char *because))
{
    char value[CUSGD_OPTION_TEXT], usual[CUSGD_OPTION_TEXT];
    const cusgd_option_info *info;
    cusgd_options *plain;
    if (cusgd_options_new(&plain)) return;
    for (size_t i = 0; (info = cusgd_option_at(i)) != NULL; i++) {
        const char *reason = because(given, info->name);
        cusgd_options_get(given, info->name, value);
        cusgd_options_get(plain, info->name, usual);
        /* If a flag is on by default, the switch that was typed is its alias. */
        int is_off = info->type == CUSGD_OPTION_FLAG && strcmp(value, "false") == 0 && info->alias;
        if (reason && strcmp(value, usual) != 0) put(given, is_off ? info->alias : info->name, reason);
    }
    cusgd_options_free(plain);
}

void summary_notes(const cusgd_options *given) { put_each_unused(given, cusgd_options_unused, put_unused); }

int path_reads(const char *name) { return strcmp(name, "power") == 0 || cusgd_path_reads(name); }

/* Returns why a path does not use an option. It uses the parameter of the loss if the loss has one. */
static const char *because_of_path(const cusgd_options *given, const char *name)
{
    int is_unused = strcmp(name, "power") == 0 && cusgd_options_unused(given, name);
    return path_reads(name) && !is_unused ? NULL : "path";
}

static int is_one_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return 0;
}

/* Returns why online training does not use an option: what needs several passes. */
static const char *because_of_online(const cusgd_options *given, const char *name)
{
    static const char *const names[] = {"sampling", "tolerance", "gradient-tolerance", "patience", "evaluate-every"};
    (void)given;
    return is_one_of(names, sizeof names / sizeof names[0], name) ? "online" : NULL;
}

static void put_unused_by_online(const cusgd_options *given, const char *name, const char *because)
{
    (void)given;
    fprintf(stderr, "note: --%s changes nothing with --%s, which takes each row once, in their order\n", name, because);
}

void summary_online_notes(const cusgd_options *given) { put_each_unused(given, because_of_online, put_unused_by_online); }

static void put_unused_by_path(const cusgd_options *given, const char *name, const char *because)
{
    (void)given;
    const char *penalties = strcmp(name, "l1") == 0 || strcmp(name, "l2") == 0 ? ": it has many penalties, by --l1-ratio" : "";
    fprintf(stderr, "note: --%s changes nothing for a %s%s\n", name, because, penalties);
}

void summary_path_notes(const cusgd_options *given) { put_each_unused(given, because_of_path, put_unused_by_path); }

static int is_sgd(const cusgd_options *options) { return option_is(options, "solver", "sgd"); }

/* What stood open and was chosen by the data, the numbers short, for people. reason: why this solver; "": it was asked for, or
 * is auto's. online: the number of passes and what ends them have no part in the run. */
static void put_choices(const cusgd_options *given, const cusgd_options *chosen, const char *reason, int online)
{
    static const char *const names[] = {"rate",     "t0",    "t1",     "warm-up",   "decay-every",
                                        "momentum", "batch", "epochs", "tolerance", "patience"};
    static const char *const words[] = {"sampling", "update"}; /* of sparse data */
    const size_t count = sizeof names / sizeof names[0] - (online ? 3 : 0);
    const char *before = "chosen: ";
    int sparse = !is_open(chosen, "update");
    char solver[CUSGD_OPTION_TEXT];
    cusgd_options_get(chosen, "solver", solver);
    if (!option_is(given, "solver", solver)) {
        fprintf(stderr, "%ssolver %s%s%s%s", before, solver, *reason ? " (" : "", reason, *reason ? ")" : "");
        before = ", ";
    }
    if (!is_sgd(chosen)) {
        fprintf(stderr, "%siterations %.0f, gradient tolerance %.4g\n", before, option_number(chosen, "epochs"),
                option_number(chosen, "gradient-tolerance"));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char value[CUSGD_OPTION_TEXT];
        if (!is_open(given, names[i]) || is_open(chosen, names[i]) || cusgd_options_unused(given, names[i])) continue;
        cusgd_options_get(chosen, names[i], value);
        fprintf(stderr, "%s%s %.4g", before, names[i], strtod(value, NULL));
        before = ", ";
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char value[CUSGD_OPTION_TEXT];
        if (!sparse || !is_open(given, words[i])) continue;
        cusgd_options_get(chosen, words[i], value);
        fprintf(stderr, "%s%s %s", before, words[i], value);
        before = ", ";
    }
    if (sparse && option_is(chosen, "sparse-scale", "none")) fprintf(stderr, "%ssparse-scale none", before);
    if (*before == ',') fputc('\n', stderr);
}

/* Prints the notes that the trainer has added since the last call. */
static void put_trainer_notes(const cusgd_trainer *trainer)
{
    static size_t count; /* the command has one trainer */
    const char *note;
    for (; (note = cusgd_trainer_note(trainer, count)) != NULL; count++) fprintf(stderr, "note: %s\n", shown(note));
}

void summary_start(const char *path, const cusgd_data *data, const cusgd_options *given, const cusgd_trainer *trainer, int online)
{
    const cusgd_options *chosen = cusgd_trainer_options(trainer);
    int64_t n = cusgd_data_rows(data), d = cusgd_data_cols(data), k = cusgd_trainer_outputs(trainer);
    static const char *const with_offset[] = {"", ", an offset", ", an exposure"};
    fprintf(stderr, "%s: %lld row%s, %lld column%s, %lld output%s%s; %s, %s\n",
            strcmp(path, "-") == 0 ? "standard input" : shown(path), (long long)n, plural(n), (long long)d, plural(d),
            (long long)k, plural(k), with_offset[cusgd_data_offset(data, NULL)], cusgd_trainer_device_name(trainer),
            option_is(chosen, "precision", "double") ? "double" : "float");
    put_choices(given, chosen, cusgd_trainer_solver_reason(trainer), online);
    put_trainer_notes(trainer);
    int on_gpu = strncmp(cusgd_trainer_device_name(trainer), "cuda", 4) == 0;
    if (!option_is(given, "engine", CUSGD_AUTO) && !on_gpu) fputs("note: --engine changes nothing on the CPU\n", stderr);
    if (option_is(given, "math", "exact")) return;
    if (!on_gpu)
        fputs("note: --math tf32 changes nothing on the CPU\n", stderr);
    else if (option_is(given, "precision", "double"))
        fputs("note: --math tf32 changes nothing with --precision double\n", stderr);
}

/* A number is only said to be within a bound that it is not above. A solver also ends where no more than rounding is left; the
 * result of a minibatch run may be another than the parameters that met the bound (an average, or the best on validation). */
static void put_gradient(const cusgd_options *o, const cusgd_result *r)
{
    double tolerance = option_number(o, "gradient-tolerance");
    if (!is_sgd(o) && r->epochs == 0 && r->gradient > tolerance && option_number(o, "l1") > 0)
        fputs("no coefficient that is not 0 lowers the objective", stderr);
    else if (r->gradient <= tolerance)
        fprintf(stderr, "the gradient is %.3g of the intercept-only model's, within %.3g", r->gradient, tolerance);
    else if (!is_sgd(o))
        fprintf(stderr, "the gradient is %.3g of the intercept-only model's, which is no more than rounding in %s", r->gradient,
                option_is(o, "precision", "double") ? "double" : "float");
    else
        fprintf(stderr, "the gradient met its tolerance (it is %.3g of the intercept-only model's at these parameters)",
                r->gradient);
}

static void put_reason(const cusgd_trainer *trainer, const cusgd_options *o, const cusgd_result *r)
{
    char solver[CUSGD_OPTION_TEXT];
    cusgd_options_get(o, "solver", solver);
    if (is_sgd(o))
        fprintf(stderr, "%lld epoch%s, %lld step%s in %.3g s (%.3g rows/s): ", (long long)r->epochs, plural(r->epochs),
                (long long)r->steps, plural(r->steps), r->seconds, r->rows_per_second);
    else
        fprintf(stderr, "%lld iteration%s of %s in %.3g s (%.3g rows/s): ", (long long)r->epochs, plural(r->epochs), solver,
                r->seconds, r->rows_per_second);
    switch (r->stop) {
    case CUSGD_STOP_SOLVED: fputs("solved", stderr); break;
    case CUSGD_STOP_TOLERANCE:
        if (option_is(o, "tolerance", CUSGD_AUTO)) {
            fputs("no step lowers the objective beyond rounding", stderr);
            break;
        }
        fprintf(stderr, "no relative improvement above %.3g in %.0f evaluation%s", option_number(o, "tolerance"),
                option_number(o, "patience"), plural((int64_t)option_number(o, "patience")));
        break;
    case CUSGD_STOP_GRADIENT: put_gradient(o, r); break;
    case CUSGD_STOP_CANCELLED: fputs("interrupted", stderr); break;
    default: fputs(is_sgd(o) ? "all epochs ran" : "not converged", stderr);
    }
    if (is_sgd(o) || isfinite(r->valid_loss))
        fprintf(stderr, "; parameters of epoch %lld%s%s", (long long)r->epoch,
                option_is(o, "average", "true") ? ", averaged" : "", isfinite(r->valid_loss) ? ", best on validation" : "");
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

/* The distance of the result from the optimum. */
typedef struct gap {
    double minimum;      /* minimum of the objective; NaN: unknown */
    double relative_gap; /* relative distance; NaN: unknown, or the objective is almost 0 or negative */
    int far;             /* 1: the minimum is known, and the objective exceeds it by more than FAR_SHARE */
    int reached;         /* 1: the minimum is known, and the objective equals it up to rounding errors */
} gap;

static const cusgd_loss_info *loss_of(const cusgd_options *o)
{
    char loss[CUSGD_OPTION_TEXT];
    return cusgd_options_get(o, "loss", loss) ? NULL : cusgd_loss_find(loss);
}

/* Returns whether a full-batch solver supports the loss and the options. */
static int has_solver(const cusgd_options *o)
{
    cusgd_options *full;
    if (loss_of(o)->smoothness == CUSGD_SMOOTH_NOT || cusgd_options_copy(o, &full)) return 0;
    int has = !cusgd_options_set(full, "solver", CUSGD_AUTO) && !cusgd_options_check(full);
    cusgd_options_free(full);
    return has;
}

/* What would get further: a full-batch solver where the loss has one and no option forbids it. */
static void put_advice(const cusgd_options *o, const cusgd_result *r)
{
    char limit[CUSGD_OPTION_TEXT];
    double epochs = option_number(o, "epochs");
    if (r->stop == CUSGD_STOP_TOLERANCE)
        snprintf(limit, sizeof limit, "%.3g", option_number(o, "tolerance"));
    else
        snprintf(limit, sizeof limit, "%.0f", epochs);
    const char *lower = r->stop == CUSGD_STOP_TOLERANCE ? "a smaller --tolerance" : "more --epochs";
    if (r->separated)
        fprintf(stderr, "; more --epochs than %.0f would lower the loss without end, as no finite optimum exists: give --l2",
                epochs);
    else if (!has_solver(o))
        fprintf(stderr, "; %s than %s would lower the loss", lower, limit);
    else
        fprintf(stderr, "; --solver auto gets there, %s than %s would lower the loss", lower, limit);
}

/* A tolerance was asked for, or on by default, and the epochs ended first; or each epoch brought so little that the run ended by
 * it, and yet the optimum is known to be further away than that. */
static void put_shortfall(const cusgd_options *o, const cusgd_result *r, const gap *g)
{
    int watched = !option_is(o, "tolerance", CUSGD_AUTO) || !option_is(o, "gradient-tolerance", CUSGD_AUTO);
    int ended = r->stop == CUSGD_STOP_EPOCHS || (r->stop == CUSGD_STOP_TOLERANCE && !isnan(g->minimum) && g->far);
    if (r->worse) return; /* the note of the result has advice */
    if (!ended || !watched || !is_sgd(o) || g->reached || !isnan(r->valid_loss)) return;
    fputs("note: not converged", stderr);
    if (!r->separated && isfinite(g->relative_gap)) fprintf(stderr, ": about %.2g %% above the optimum", 100 * g->relative_gap);
    put_advice(o, r);
    fputc('\n', stderr);
}

/* R2 judges the mean of the targets, which a model of a quantile does not predict; its measure needs the rows as data. Of one row
 * there is none. */
static cusgd_status put_metrics(const cusgd_model *model, const cusgd_data *data, const char *where, const cusgd_metrics *m)
{
    cusgd_order_metrics order = CUSGD_INIT(cusgd_order_metrics);
    cusgd_status status = CUSGD_OK;
    int is_quantile = strcmp(cusgd_model_loss(model, NULL)->name, "quantile") == 0;
    fprintf(stderr, "%s: loss %.6g", where, m->loss);
    if (!isnan(m->accuracy))
        fprintf(stderr, ", accuracy %.4f", m->accuracy);
    else if (!isnan(m->d2))
        fprintf(stderr, ", D2 %.6f", m->d2);
    else if (!is_quantile && !isnan(m->r2))
        fprintf(stderr, fabs(m->r2) < 1e15 ? ", R2 %.6f" : ", R2 %.17g", m->r2);
    else if (is_quantile && data && !(status = cusgd_model_order_metrics(model, data, -1, &order)))
        fprintf(stderr, ", D2 %.6f", order.d2_pinball);
    fputc('\n', stderr);
    return status;
}

/* Of the model as it is written, so that `cusgd evaluate` says the same of its file. */
static cusgd_status put_measures(const cusgd_model *model, const cusgd_data *data, const char *where, cusgd_metrics *m)
{
    cusgd_status status = cusgd_model_evaluate(model, data, -1, m);
    return status ? status : put_metrics(model, data, where, m);
}

/* The rows that were held out, which are no data of their own. */
static cusgd_status put_held_out(cusgd_trainer *trainer, const cusgd_model *model)
{
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    cusgd_status status = cusgd_trainer_evaluate_valid(trainer, -1, &m);
    return status ? status : put_metrics(model, NULL, "validation", &m);
}

/* Prints a note if the l1 penalty is so large that all coefficients are 0. */
static void put_zeros(const cusgd_options *o, const cusgd_model *model)
{
    int64_t count = cusgd_model_outputs(model) * cusgd_model_cols(model);
    const double *weight = cusgd_model_weight(model);
    double l1 = option_number(o, "l1");
    if (!(l1 > 0)) return;
    for (int64_t i = 0; i < count; i++)
        if (weight[i] != 0) return;
    fprintf(stderr, "note: all coefficients are 0, so that the model predicts a constant: give a smaller --l1 than %.9g\n", l1);
}

/* How far the run is from the least objective, where that is soon found, and whether it need have been a run at all. `explained`:
 * the share of the targets' variance; where it is all, a percentage of what is left says nothing. */
static cusgd_status put_optimum(cusgd_trainer *trainer, const cusgd_options *o, const cusgd_result *r, double explained, gap *g)
{
    int solved = loss_of(o)->smoothness == CUSGD_SMOOTH_QUADRATIC;
    double seconds, rounding = option_is(o, "precision", "double") ? 1e-12 : 1e-6;
    *g = (gap){(double)NAN, r->relative_gap, 0, 0};
    if (option_is(o, "solver", "exact") || (!is_sgd(o) && !solved)) return CUSGD_OK;
    cusgd_status status = cusgd_trainer_optimum(trainer, &g->minimum, &seconds);
    if (!status && !isnan(g->minimum))
        g->relative_gap = r->objective > g->minimum ? (r->objective - g->minimum) / fabs(g->minimum) : 0;
    double relative_gap = g->relative_gap;
    if (!(g->relative_gap <= 10) || explained > 1 - 1e-6 || (!isnan(g->minimum) && g->minimum <= 0))
        g->relative_gap = (double)NAN;
    if (status || isnan(g->minimum)) return status;
    g->reached = !(relative_gap > rounding);
    g->far = relative_gap > FAR_SHARE && !(explained > 1 - 1e-6);
    if (g->reached)
        fputs("optimum: the objective is the minimum, to rounding", stderr);
    else if (isfinite(g->relative_gap))
        fprintf(stderr, "optimum: the objective is %.2g %% above the minimum", 100 * g->relative_gap);
    else
        fprintf(stderr, "optimum: the objective is %.6g, and the minimum %.6g", r->objective, g->minimum);
    fprintf(stderr, "; --solver %s takes %.2g s%s\n", solved ? "exact" : "newton", seconds,
            seconds < r->seconds ? ", less than this run" : "");
    return CUSGD_OK;
}

int summary_end(cusgd_trainer *trainer, const cusgd_model *model, const cusgd_data *data, const cusgd_data *valid,
                const cusgd_result *result, const char *model_path)
{
    const cusgd_options *o = cusgd_trainer_options(trainer);
    cusgd_metrics measured = CUSGD_INIT(cusgd_metrics), unused = CUSGD_INIT(cusgd_metrics);
    gap g;
    put_reason(trainer, o, result);
    cusgd_status status = put_measures(model, data, option_number(o, "valid-fraction") > 0 ? "all rows" : "training", &measured);
    if (!status && valid) status = put_measures(model, valid, "validation", &unused);
    if (!status && !valid && isfinite(result->valid_loss)) status = put_held_out(trainer, model);
    if (!status) status = put_optimum(trainer, o, result, measured.r2, &g);
    if (status) return complain_last(status);
    put_zeros(o, model);
    put_shortfall(o, result, &g);
    fprintf(stderr, "model: %s\n", shown(model_path));
    return CUSGD_OK;
}

int summary_take_part(cusgd_trainer *trainer, const cusgd_result *result)
{
    const double unknown = (double)NAN;
    gap unused;
    cusgd_status status = put_optimum(trainer, cusgd_trainer_options(trainer), result, unknown, &unused);
    return status ? complain_last(status) : CUSGD_OK;
}
