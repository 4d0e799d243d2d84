/* Finds options that have no effect because of others. The tables of losses, optimizers and schedules say which options each of
 * them reads. */
#include "options_table.h"
#include "scalar/optimizers.h"
#include "scalar/schedule.h"

#include <math.h>
#include <string.h>

static int reads(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count && names[i]; i++)
        if (strcmp(names[i], name) == 0) return 1;
    return 0;
}

/* These functions return whether the chosen loss, optimizer or schedule does not read an option that others of its table read. */
static int schedule_ignores(cusgd_schedule chosen, const char *name)
{
    int others = 0;
    for (int i = 0; i < SCHEDULE_COUNT; i++) others |= reads(schedule_table[i].reads, MAX_SCHEDULE_READS, name);
    return others && !reads(schedule_table[chosen].reads, MAX_SCHEDULE_READS, name);
}

static int optimizer_ignores(cusgd_optimizer chosen, const char *name)
{
    int others = 0;
    for (int i = 0; i < OPTIMIZER_COUNT; i++) others |= reads(optimizer_table[i].reads, MAX_READS, name);
    return others && !reads(optimizer_table[chosen].reads, MAX_READS, name);
}

static int loss_ignores(cusgd_loss chosen, const char *name)
{
    int others = 0;
    if (strcmp(name, "constant") == 0 || strcmp(name, "link") == 0) return !loss_is_expression(chosen);
    for (int i = 0; i < LOSS_COUNT; i++) others |= reads(&loss_table[i].info.option, 1, name);
    return others && !reads(&loss_table[chosen].info.option, 1, name);
}

/* Returns whether a full-batch solver ignores an option. Besides the parameter of the loss, these solvers read the listed
 * options; only gradient descent reads the first two. */
static int solver_ignores(const cusgd_options *options, const char *name)
{
    static const char *const names[] = {"rate",     "momentum",     "loss",      "delta",          "width",
                                        "quantile", "power",        "solver",    "epochs",         "l1",
                                        "l2",       "seed",         "tolerance", "intercept",      "gradient-tolerance",
                                        "patience", "device",       "precision", "threads",        "standardize",
                                        "robust",   "whiten",       "math",      "valid-fraction", "penalty-units",
                                        "classes",  "sparse-scale", "memory",    "loss-expr",      "constant",
                                        "link",     "lower",        "upper"};
    size_t first = options->solver == CUSGD_SOLVER_GD ? 0 : 2;
    if (options->valid_fraction > 0 && strcmp(name, "sampling") == 0) return 0; /* it chooses blocks or single rows */
    return !reads(names + first, sizeof names / sizeof names[0] - first, name);
}

int cusgd_path_reads(const char *name)
{
    static const char *const names[] = {"loss",           "seed",          "intercept", "device", "precision",   "threads",
                                        "standardize",    "penalty-units", "robust",    "whiten", "lower",       "upper",
                                        "valid-fraction", "loss-expr",     "constant",  "link",   "sparse-scale"};
    const cusgd_option_info *info = name ? options_find(name) : NULL;
    return info && reads(names, sizeof names / sizeof names[0], info->name);
}

const char *options_only_sgd_reads(const cusgd_options *options)
{
    cusgd_options usual, full = *options;
    char text[CUSGD_OPTION_TEXT], plain[CUSGD_OPTION_TEXT];
    options_init(&usual);
    full.solver = CUSGD_SOLVER_LBFGS;
    for (const option *o = option_rows; o->info.name; o++) {
        option_text(o, &full, text);
        option_text(o, &usual, plain);
        if (strcmp(text, plain) != 0 && solver_ignores(&full, o->info.name)) return o->info.name;
    }
    return NULL;
}

const char *cusgd_options_unused(const cusgd_options *options, const char *name)
{
    if (!options) return NULL;
    const cusgd_option_info *info = options_find(name);
    if (!info) return NULL;
    name = info->name;
    if (loss_ignores(options->loss, name)) return "loss";
    if (strcmp(name, "classes") == 0 && !loss_is_of_classes(options->loss)) return "loss";
    if (strcmp(name, "penalty-units") == 0 && !options->standardize) return "standardize";
    if (options->solver != CUSGD_SOLVER_SGD && options->solver != CUSGD_SOLVER_BEST)
        return solver_ignores(options, name) ? "solver" : NULL;
    if (optimizer_ignores(options->optimizer, name)) return "optimizer";
    if (schedule_ignores(options->schedule, name)) return "schedule";
    if (strcmp(name, "rate") != 0) return NULL;
    if (options->schedule == CUSGD_SCHEDULE_OPTIMAL) return "schedule";
    return options->schedule == CUSGD_SCHEDULE_TIME_DECAY && !isnan(options->t0) ? "t0" : NULL;
}
