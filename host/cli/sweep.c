#include "classes.h"
#include "cli.h"
#include "grid.h"
#include "ranks.h"
#include "reading.h"
#include "signals.h"
#include "summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One run of `cusgd sweep`, and all that it holds. */
typedef struct sweep_paths {
    const char *data, *model, *valid, *report;
} sweep_paths;

typedef struct sweeping {
    const syntax *syntax;
    sweep_paths path;
    const char *select;
    text_list grids;
    int64_t folds, drawn, halving;
    const char *memory;
    int quiet;
    ranks ranks;
    reading reading;
    cusgd_options *options;
    grid grid;
    cusgd_configuration *configurations;
    size_t count;
    cusgd_data *data, *valid;
    cusgd_sweep *sweep;
} sweeping;

static const char *stop_word(cusgd_stop stop)
{
    switch (stop) {
    case CUSGD_STOP_EPOCHS: return "epochs";
    case CUSGD_STOP_TOLERANCE: return "converged";
    case CUSGD_STOP_DIVERGED: return "diverged";
    case CUSGD_STOP_DROPPED: return "dropped";
    default: return "stopped";
    }
}

static int check_arguments(const sweeping *w)
{
    if (!w->path.model) return complain_usage(w->syntax, "--model is missing: where does the chosen model go?");
    if (cusgd_options_check(w->options)) return complain_usage(w->syntax, "%s", cusgd_last_error());
    if (ranks_check_input(&w->ranks, w->syntax, w->path.data)) return CUSGD_ERROR_USAGE;
    if (w->select && strcmp(w->select, "best") != 0 && strcmp(w->select, "1se") != 0)
        return complain_usage(w->syntax, "--select is %s; give best or 1se", w->select);
    const char *inputs[] = {w->path.data, w->path.valid};
    int status = CUSGD_OK;
    for (int i = 0; i < 2 && !status; i++) {
        status = check_overwrite("--model", w->path.model, inputs[i]);
        if (!status && w->path.report) status = check_overwrite("--report", w->path.report, inputs[i]);
    }
    if (!status) status = check_distinct("--report", w->path.report, "--model", w->path.model);
    if (!ranks_writes(&w->ranks)) return status;
    if (!status) status = check_file("--model", w->path.model);
    return status || !w->path.report ? status : check_file("--report", w->path.report);
}

static int open_all(sweeping *w)
{
    cusgd_reader reader;
    int wrong = reading_reader(&w->reading, w->syntax, w->path.data, NULL, &reader);
    if (wrong) return wrong;
    for (size_t i = 0; i < w->count; i++) reader.encode.all_levels |= w->configurations[i].l2 > 0; /* as with --l2 */
    wrong = reading_open(w->ranks.world, w->path.data, &reader, w->quiet, &w->data);
    if (!wrong) wrong = weigh_classes(w->data, &w->reading.class_weights, w->options);
    if (wrong || !w->path.valid) return wrong;
    return reading_open_alike(w->ranks.world, w->path.valid, w->data, reader, w->quiet, &w->valid);
}

/* Folds are the default where no other rows judge. */
static int folds_of(const sweeping *w)
{
    if (w->folds >= 0) return (int)(w->folds < 1000 ? w->folds : 1000);
    return w->path.valid || option_number(w->options, "valid-fraction") > 0 ? 0 : 5;
}

static void put_report(const void *of, FILE *to)
{
    const sweeping *w = of;
    int folds = folds_of(w);
    char text[GRID_TEXT];
    fputs("rank,", to);
    for (int n = 0; n < GRID_NUMBERS; n++)
        if (grid_shows(&w->grid, n)) fprintf(to, "%s,", grid_name(&w->grid, n));
    for (int f = 0; f < folds; f++) fprintf(to, "fold_%d,", f + 1);
    fputs("mean,standard_error,loss,epochs,nonzeros,stop\n", to);
    cusgd_outcome o = CUSGD_INIT(cusgd_outcome);
    for (size_t i = 0; cusgd_sweep_outcome(w->sweep, i, &o); i++) {
        const double *losses = cusgd_sweep_losses(w->sweep, i);
        fprintf(to, "%lld", (long long)o.rank);
        for (int n = 0; n < GRID_NUMBERS; n++) {
            if (grid_shows(&w->grid, n)) fprintf(to, ",%s", grid_text(&o.numbers, n, 17, text));
        }
        for (int f = 0; f < folds; f++) {
            fputc(',', to);
            put_csv_number(to, losses[f]);
        }
        const double numbers[] = {o.mean, o.standard_error, o.loss};
        for (int n = 0; n < 3; n++) {
            fputc(',', to);
            put_csv_number(to, numbers[n]);
        }
        fprintf(to, ",%lld,%lld,%s\n", (long long)o.epochs, (long long)o.nonzeros, stop_word(o.stop));
    }
}

/* Before the first step, so that the user sees the memory before a long run. */
static void put_begin(void *user, int64_t models, int64_t passes, double bytes)
{
    const sweeping *w = user;
    if (w->quiet) return;
    fprintf(stderr, "%lld model%s: %lld pass%s of %.3g MB\n", (long long)models, plural(models), (long long)passes,
            passes == 1 ? "" : "es", bytes / 1e6);
}

static void put_chosen(const sweeping *w, size_t chosen)
{
    cusgd_outcome o = CUSGD_INIT(cusgd_outcome);
    const char *separator = ": ";
    cusgd_sweep_outcome(w->sweep, chosen, &o);
    char text[GRID_TEXT];
    fputs("chosen", stdout);
    for (int n = 0; n < GRID_NUMBERS; n++) {
        if (!grid_shows(&w->grid, n)) continue;
        printf("%s%s %s", separator, grid_name(&w->grid, n), grid_text(&o.numbers, n, 6, text));
        separator = ", ";
    }
    printf(": loss %.6g", o.mean);
    if (!isnan(o.standard_error)) printf(" (standard error %.2g)", o.standard_error);
    printf(", %lld nonzero%s\n", (long long)o.nonzeros, plural(o.nonzeros));
}

static void put_summary(const sweeping *w)
{
    cusgd_outcome o = CUSGD_INIT(cusgd_outcome);
    size_t diverged = 0;
    for (size_t i = 0; cusgd_sweep_outcome(w->sweep, i, &o); i++) diverged += o.stop == CUSGD_STOP_DIVERGED;
    printf("%zu configuration%s, %d folds, %zu diverged\n", w->count, plural((int64_t)w->count), folds_of(w), diverged);
    for (int64_t j = 0; j < cusgd_sweep_outputs(w->sweep); j++) put_chosen(w, cusgd_sweep_chosen_for(w->sweep, j));
    printf("model: %s\n", shown(w->path.model));
    fflush(stdout);
    for (int64_t j = 0; j < cusgd_sweep_outputs(w->sweep); j++) {
        cusgd_sweep_outcome(w->sweep, cusgd_sweep_chosen_for(w->sweep, j), &o);
        grid_put_notes(&w->grid, &o.numbers);
    }
}

static int write_model(const sweeping *w)
{
    cusgd_model *model = NULL;
    signals_defer(1);
    cusgd_status status = cusgd_sweep_create_model(w->sweep, &model);
    if (!status) status = cusgd_model_save(model, w->path.model);
    signals_defer(0);
    cusgd_model_free(model);
    return status ? complain_last(status) : CUSGD_OK;
}

/* Written as the library's option of that name, which limits the rows and not the models. */
static int take_memory(const sweeping *w, double *bytes)
{
    cusgd_options *options;
    int status = w->memory ? options_open(&options) : CUSGD_OK;
    if (status || !w->memory) return status;
    if (cusgd_options_set(options, "memory", w->memory) || cusgd_options_get_number(options, "memory", bytes))
        status = complain_usage(w->syntax, "%s", cusgd_last_error());
    cusgd_options_free(options);
    return status;
}

static int sweep(sweeping *w)
{
    cusgd_sweep_plan plan = CUSGD_INIT(cusgd_sweep_plan);
    int status = check_arguments(w);
    if (!status) status = take_memory(w, &plan.memory);
    if (!status) cusgd_options_get(w->options, "loss", w->grid.loss);
    if (!status) status = grid_parse(w->syntax, &w->grids, &w->grid);
    if (!status) status = grid_configurations(&w->grid, w->drawn, seed_of(w->options), &w->configurations, &w->count);
    if (!status) status = open_all(w);
    if (status) return status;
    if (!w->quiet) summary_notes(w->options);
    plan.configurations = w->configurations;
    plan.count = w->count;
    plan.folds = folds_of(w);
    plan.halving = (int)(w->halving < 1000000 ? w->halving : 1000000);
    plan.begins = put_begin;
    plan.user = w;
    plan.select = w->select && strcmp(w->select, "1se") == 0 ? CUSGD_SELECT_ONE_SE : CUSGD_SELECT_BEST;
    cusgd_status ran = cusgd_sweep_create_shared(w->ranks.world, w->options, w->data, w->valid, &plan, &w->sweep);
    if (ran) return complain_last(ran);
    if (!ranks_writes(&w->ranks)) return CUSGD_OK;
    status = write_model(w);
    if (!status && w->path.report) status = write_file("--report", w->path.report, put_report, w);
    if (!status && !w->quiet) put_summary(w);
    return status;
}

int sweep_main(int argc, char **argv)
{
    sweeping w = {.folds = -1};
    ranks_begin(&w.ranks);
    argument reading_table[READING_ARGUMENTS];
    const argument table[] = {
        {0, "grid", "NAME=VALUES", NULL, "l1, l2, rate, ...: a list, or FIRST..LAST:log:COUNT (required)", TAKES_TEXTS, &w.grids},
        {0, "random", "N", "all combinations", "draw so many configurations from the grids", TAKES_COUNT, &w.drawn},
        {0, "folds", "K", "5, without validation data", "folds of cross-validation", TAKES_COUNT, &w.folds},
        {0, "valid", "DATA", "none", "validation data, instead of folds", TAKES_TEXT, &w.path.valid},
        {0, "class-weight", "balanced|none|FILE|CLASS=W,...", "all 1", "factors on the weights of each class's rows",
         TAKES_COLUMNS, &w.reading.class_weights},
        {0, "select", "RULE", "best", "best, or 1se: the simplest within a standard error of it", TAKES_TEXT, &w.select},
        {0, "halving", "H", "off", "after 1, H, H^2, ... epochs the best of H configurations goes on", TAKES_COUNT, &w.halving},
        {0, "memory", "BYTES", "half of what there is", "memory for the models of a pass (2G)", TAKES_TEXT, &w.memory},
        {'m', "model", "OUT", NULL, "the chosen model, trained on all rows (required)", TAKES_TEXT, &w.path.model},
        {0, "report", "FILE", "none", "a CSV table of all configurations", TAKES_TEXT, &w.path.report},
        {0, "world", "auto|openmpi|mpich|none", "by the launcher", "the processes that share the sweep under mpirun", TAKES_TEXT,
         &w.ranks.which},
        {0, "timeout", "SECONDS", "60", "how long to wait for another process that does not answer", TAKES_NUMBER,
         &w.ranks.timeout},
        {'q', "quiet", NULL, NULL, "print nothing but errors", TAKES_NOTHING, &w.quiet},
    };
    static const char *const usual[] = {"features", "target",   "weights",   "missing", "categorical", "loss",      "batch",
                                        "epochs",   "patience", "tolerance", "seed",    "device",      "precision", NULL};
    reading_arguments(&w.reading, reading_table);
    int status = options_open(&w.options);
    if (status) return status;
    const syntax s = {.word = "sweep",
                      .operands = "DATA --grid NAME=VALUES --model OUT [OPTION]...",
                      .operand_count = 1,
                      .summary = "Trains many models in one pass over DATA, and writes the one that does best on rows held out.",
                      .example = "cusgd sweep houses.csv --grid l2=1e-6..1e-1:log:16 --model houses.safetensors",
                      .groups = {{table, sizeof table / sizeof table[0]}, {reading_table + 1, READING_ARGUMENTS - 1}},
                      .options = w.options,
                      .usual = usual};
    w.syntax = &s;
    signals_handle();
    if (arguments_parse(&s, argc, argv, &w.path.data, &status)) {
        status = ranks_open(&w.ranks, NULL, argc, argv);
        if (!status) status = sweep(&w);
        status = ranks_end(&w.ranks, status);
    } else if (status) {
        status = ranks_refuse(&w.ranks, status);
    }
    cusgd_sweep_free(w.sweep);
    cusgd_data_free(w.data);
    cusgd_data_free(w.valid);
    cusgd_options_free(w.options);
    free(w.configurations);
    grid_free(&w.grid);
    text_list_free(&w.grids);
    reading_free(&w.reading);
    return signals_exit_code(status);
}
