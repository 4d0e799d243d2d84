/* `cusgd train`. */
#include "training.h"

#include "classes.h"
#include "cli.h"
#include "quantiles.h"
#include "signals.h"
#include "summary.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Before anything is read --------------------------------------------------------------------------------------------- */

static int check_quantiles(const training *t)
{
    if (t->syntax->quantiles->count == 0) return CUSGD_OK;
    if (cusgd_world_ranks(t->ranks.world) > 1)
        return complain_usage(t->syntax, "several quantiles are trained by one process: give one, or leave out the launcher");
    if (t->online || t->valid_path || t->init_path || t->history.path || t->plots || t->checkpoints.path ||
        option_number(t->options, "valid-fraction") > 0)
        return complain_usage(t->syntax,
                              "several quantiles are trained in one pass, to its end: leave out --valid, "
                              "--valid-fraction, --init, --history, --plot, --checkpoint and --online, or train a model for "
                              "each quantile");
    return CUSGD_OK;
}

/* Whether the files that are written can be, and are not those that are read. */
static int check_files(const training *t)
{
    enum { INPUTS = 5 };
    const char *history = t->history.path,
               *inputs[INPUTS] = {t->init_path, t->data_path, t->valid_path, t->columns.factors, t->columns.scales};
    int status = CUSGD_OK;
    for (int i = 0; i < INPUTS && !status; i++) {
        if (i > 0) status = check_overwrite("--model", t->model_path, inputs[i]); /* --init may be trained on in its place */
        if (!status && history) status = check_overwrite("--history", history, inputs[i]);
        if (!status && t->checkpoints.path) status = check_overwrite("--checkpoint", t->checkpoints.path, inputs[i]);
    }
    if (!status) status = check_distinct("--history", history, "--model", t->model_path);
    if (!status) status = check_distinct("--checkpoint", t->checkpoints.path, "--model", t->model_path);
    if (!status) status = check_distinct("--checkpoint", t->checkpoints.path, "--history", history);
    if (status || !ranks_writes(&t->ranks)) return status;
    if (t->checkpoints.path) status = check_file("--checkpoint", t->checkpoints.path);
    return status ? status : check_file("--model", t->model_path);
}

static int check_arguments(training *t)
{
    if (!t->model_path) return complain_usage(t->syntax, "--model is missing: where does the model go?");
    t->checkpoints.quiet = t->quiet;
    const char *wrong = checkpoint_arguments(&t->checkpoints);
    if (wrong) return complain_usage(t->syntax, "%s", wrong);
    if (cusgd_options_check(t->options)) return complain_usage(t->syntax, "%s", cusgd_last_error());
    if (t->valid_path && option_number(t->options, "valid-fraction") > 0)
        return complain_usage(t->syntax, "--valid and --valid-fraction are two sources of validation data: give one");
    if (t->online && training_check_online(t)) return CUSGD_ERROR_USAGE;
    if (ranks_check_input(&t->ranks, t->syntax, t->data_path)) return CUSGD_ERROR_USAGE;
    if (check_quantiles(t)) return CUSGD_ERROR_USAGE;
    if (history_check(&t->history, t->syntax, t->valid_path)) return CUSGD_ERROR_USAGE;
    return check_files(t);
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

/* Where the target has classes, the outputs are known once there is a trainer. */
static int check_init(const training *t)
{
    int64_t d = cusgd_data_cols(t->data.train), k = cusgd_data_outputs(t->data.train);
    int64_t init_d = cusgd_model_cols(t->init), init_k = cusgd_model_targets(t->init);
    if (init_d != d || init_k != k)
        return complain(CUSGD_ERROR_DATA, "--init %s has %lld feature%s and %lld output%s, %s has %lld and %lld", t->init_path,
                        (long long)init_d, plural(init_d), (long long)init_k, plural(init_k), t->data_path, (long long)d,
                        (long long)k);
    if (!t->trainer || cusgd_model_outputs(t->init) == cusgd_trainer_outputs(t->trainer)) return CUSGD_OK;
    return complain(CUSGD_ERROR_DATA, "--init %s has %lld output%s, and this run has %lld: --classes decides how many",
                    t->init_path, (long long)cusgd_model_outputs(t->init), plural(cusgd_model_outputs(t->init)),
                    (long long)cusgd_trainer_outputs(t->trainer));
}

/* Where the model of --init says how columns become features, the command line does not. */
static void note_encoding(const cusgd_reader *reader)
{
    const cusgd_encode *e = &reader->encode;
    const int given[] = {e->categorical_auto || e->categorical_count > 0, e->date_count > 0,
                         e->date_order != CUSGD_DATE_ORDER_FOUND, e->polynomial > 0, e->interactions};
    static const char *const names[] = {"categorical", "date", "date-order", "polynomial", "interactions"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (reader->encoding && given[i])
            fprintf(stderr, "note: --%s changes nothing with --init, whose model says how columns become features\n", names[i]);
}

static int open_all(training *t)
{
    cusgd_status status = t->init_path ? cusgd_model_load(t->init_path, &t->init) : CUSGD_OK;
    if (status) return complain_last(status);
    int wrong = reading_reader(&t->reading, t->syntax, t->data_path, t->init, &t->reading.reader);
    if (wrong) return wrong;
    reading_spill_shared(t->ranks.world, &t->reading.reader);
    if (!t->quiet) note_encoding(&t->reading.reader);
    t->reading.reader.single_values = option_is(t->options, "precision", "float");
    if (t->online) {
        wrong = training_open_first(t);
        if (wrong) return wrong;
    } else {
        wrong = reading_open(t->ranks.world, t->data_path, &t->reading.reader, t->quiet, &t->data.train);
        if (wrong) return wrong;
    }
    if ((wrong = weigh_classes(t->data.train, &t->reading.class_weights, t->options)) != CUSGD_OK) return wrong;
    if (t->init && (wrong = check_init(t)) != CUSGD_OK) return wrong;
    if ((wrong = read_columns(&t->columns, cusgd_data_cols(t->data.train), t->options)) != CUSGD_OK) return wrong;
    return t->valid_path
               ? reading_open_alike(t->ranks.world, t->valid_path, t->data.train, t->reading.reader, t->quiet, &t->data.valid)
               : CUSGD_OK;
}

/* ---- Running ------------------------------------------------------------------------------------------------------------- */

static int on_epoch(const cusgd_progress *now, void *user)
{
    progress_epoch(user, now);
    return signals_caught() != 0;
}

/* What has ended the run: a signal here, or one that came to another process. */
static int signal_of(const training *t)
{
    int caught = signals_caught();
    return caught == 0 && cusgd_world_stopped(t->ranks.world) ? SIGTERM : caught;
}

int training_write_model(training *t)
{
    signals_defer(1); /* of an interrupted run, too */
    cusgd_status status = cusgd_trainer_create_model(t->trainer, &t->model);
    if (!status && ranks_writes(&t->ranks)) status = cusgd_model_save(t->model, t->model_path);
    signals_defer(0);
    return status ? complain_last(status) : CUSGD_OK;
}

/* After a divergence, the device's failure or the data's loss there is a model to write only if an epoch was completed and its
 * loss is finite; only after a divergence can it be reported once more, but what is kept has had a finite one. A model that is
 * worse than a constant must not replace one that may be good. */
static int end_early(training *t, cusgd_status status, const cusgd_result *result)
{
    complain_last(status);
    if (result->epoch == 0) {
        fprintf(stderr, "cusgd: no epoch %s: %s is not written\n",
                result->epochs == 0 ? "was completed" : "was better than the starting point", shown(t->model_path));
    } else if (result->worse) {
        fprintf(stderr,
                "cusgd: the best parameters are worse than the intercept-only model (loss %.6g, not %.6g): %s is not written\n",
                result->loss, result->null_loss, shown(t->model_path));
    } else if (status == CUSGD_ERROR_DIVERGED && !isfinite(result->loss)) {
        fprintf(stderr, "cusgd: no epoch ended with a finite loss: %s is not written\n", shown(t->model_path));
    } else if (training_write_model(t) == CUSGD_OK && ranks_writes(&t->ranks)) {
        fprintf(stderr, "cusgd: the parameters of epoch %lld are in %s\n", (long long)result->epoch, shown(t->model_path));
    }
    return (int)status;
}

static int run(training *t)
{
    cusgd_result result = CUSGD_INIT(cusgd_result);
    cusgd_status status =
        t->init ? cusgd_trainer_set_coefficients(t->trainer, cusgd_model_weight(t->init), cusgd_model_bias(t->init)) : CUSGD_OK;
    if (status) return complain_last(status);
    int64_t resumed;
    int wrong = checkpoint_begin(&t->checkpoints, t->trainer, &resumed);
    int writes = ranks_writes(&t->ranks); /* the others compute the same, and write it nowhere */
    if (!wrong && writes) wrong = progress_open(&t->progress, t->quiet, t->history.path, resumed);
    if (!wrong && !writes) wrong = progress_open(&t->progress, t->quiet, t->history.path ? "/dev/null" : NULL, -1);
    if (wrong) return wrong;
    t->progress.plots = t->plots;
    t->progress.validation = (validation){t->trainer, t->data.valid, &t->history};
    t->progress.iterations = !option_is(cusgd_trainer_options(t->trainer), "solver", "sgd");
    if (!t->quiet) summary_start(t->data_path, t->data.train, t->options, t->trainer, 0);

    status = cusgd_trainer_fit(t->trainer, on_epoch, &t->progress, &result);
    int signal = result.stop == CUSGD_STOP_CANCELLED ? signal_of(t) : 0;
    progress_end_line(&t->progress);
    progress_plot(&t->progress);
    int history = progress_close(&t->progress);
    if (status == CUSGD_ERROR_DIVERGED || status == CUSGD_ERROR_DEVICE || status == CUSGD_ERROR_DATA ||
        (status == CUSGD_ERROR_NOT_CONVERGED && result.worse))
        return end_early(t, status, &result);
    int unfinished =
        status == CUSGD_ERROR_NOT_CONVERGED ? complain_last(status) : CUSGD_OK; /* the model is written all the same */
    if (status && !unfinished) return complain_last(status);

    wrong = training_write_model(t);
    if (wrong) return wrong;
    if (signal)
        fprintf(stderr, "cusgd: interrupted after %lld epoch%s (%lld steps); the model so far is in %s\n",
                (long long)result.epochs, plural(result.epochs), (long long)result.steps, shown(t->model_path));
    else if (!t->quiet && !writes)
        wrong = summary_take_part(t->trainer, &result);
    else if (!t->quiet)
        wrong = summary_end(t->trainer, t->model, t->data.train, t->data.valid, &result, t->model_path);
    return signal ? 128 + signal : wrong ? wrong : history ? history : unfinished;
}

/* Before the silence that this causes. A GPU's note begins with its compute capability. */
static void note_compilation(const cusgd_options *options)
{
    char text[CUSGD_OPTION_TEXT];
    const char *word = text;
    cusgd_options_get(options, "device", text);
    cusgd_device device = CUSGD_INIT(cusgd_device);
    if (strcmp(word, "cpu") == 0) return;
    if (strchr(word, ':') == NULL) word = "cuda:0"; /* cuda, or auto where there is a GPU */
    for (size_t i = 1; cusgd_device_at(i, &device); i++)
        if (strcmp(device.id, word) == 0 && device.compiles)
            fprintf(
                stderr,
                "note: the driver may first compile the CUDA module for this GPU (%.*s), in minutes; a build of cuSGD with this "
                "architecture in CMAKE_CUDA_ARCHITECTURES needs no such time\n",
                (int)strcspn(device.note, ","), device.note);
}

static int train(training *t)
{
    int status = check_arguments(t);
    if (!status) status = checkpoint_lock(&t->checkpoints);
    if (!status && !t->quiet && t->online) summary_online_notes(t->options);
    if (!status) status = open_all(t);
    if (!status && !t->quiet) summary_notes(t->options);
    if (!status && !t->quiet) note_compilation(t->options);
    if (!status && t->syntax->quantiles->count > 0) {
        status =
            quantiles_train(t->syntax, &(quantile_run){t->syntax->quantiles, t->options, t->data.train, t->model_path, t->quiet});
    } else if (!status) {
        cusgd_status created =
            t->ranks.world ? cusgd_trainer_create_shared(t->ranks.world, t->options, t->data.train, t->data.valid, &t->trainer)
                           : cusgd_trainer_create(t->options, t->data.train, t->data.valid, &t->trainer);
        status = created ? complain_last(created) : t->init ? check_init(t) : CUSGD_OK;
        if (!status) status = t->online ? training_run_online(t) : run(t);
        if (created == CUSGD_ERROR_INTERRUPTED)
            fprintf(stderr, "cusgd: training had not begun: %s is not written\n", shown(t->model_path));
    }
    cusgd_trainer_free(t->trainer);
    cusgd_model_free(t->model);
    cusgd_data_free(t->data.valid);
    cusgd_data_free(t->data.train);
    cusgd_data_free(t->data.former);
    cusgd_model_free(t->init);
    if (t->online) online_close(&t->stream);
    checkpoint_unlock(&t->checkpoints);
    return status;
}

static void free_arguments(training *t, text_list *quantiles)
{
    cusgd_options_free(t->options);
    reading_free(&t->reading);
    text_list_free(&t->history.names);
    text_list_free(quantiles);
}

int train_main(int argc, char **argv)
{
    training t = {.stream = {.from = -1, .block = -1}, .checkpoints = {.lock = -1, .of = &t.ranks}};
    text_list several = {NULL, 0}; /* quantiles */
    ranks_begin(&t.ranks);
    argument reading_table[READING_ARGUMENTS];
    const argument table[] = {
        {'m', "model", "OUT", NULL, "the trained model, a safetensors file (required)", TAKES_TEXT, &t.model_path},
        {0, "valid", "DATA", "none", "validation data; the epoch that does best on it is kept", TAKES_TEXT, &t.valid_path},
        {0, "init", "MODEL", "zeros; auto: the intercept-only model", "where training starts", TAKES_TEXT, &t.init_path},
        {0, "penalty-factors", "FILE", "all 1", "a line per column: its factor on l1 and l2, or one on each", TAKES_TEXT,
         &t.columns.factors},
        {0, "column-scales", "FILE", "their own", "a line per column: its mean and scale", TAKES_TEXT, &t.columns.scales},
        {0, "class-weight", "balanced|none|FILE|CLASS=W,...", "all 1", "factors on the weights of each class's rows",
         TAKES_COLUMNS, &t.reading.class_weights},
        {0, "history", "FILE", "none", "training history: JSON Lines, one object per epoch", TAKES_TEXT, &t.history.path},
        {0, "history-metrics", "standard|NAME,...", "none", "measures of --valid in it, as evaluate names them", TAKES_COLUMNS,
         &t.history.names},
        {0, "checkpoint", "FILE", "none", "where the run's state is saved, to go on from after a failure", TAKES_TEXT,
         &t.checkpoints.path},
        {0, "every", "N", "5minutes", "how often: 100steps, 1epochs or 5minutes", TAKES_TEXT, &t.checkpoints.every},
        {0, "resume", NULL, NULL, "go on from the checkpoint, if there is one", TAKES_NOTHING, &t.checkpoints.resume},
        {0, "world", "auto|openmpi|mpich|none", "by the launcher", "the processes that train together under mpirun", TAKES_TEXT,
         &t.ranks.which},
        {0, "timeout", "SECONDS", "60", "how long to wait for another process that does not answer", TAKES_NUMBER,
         &t.ranks.timeout},
        {0, "online", NULL, NULL, "with -: one pass over the rows as they come, in blocks of 8192", TAKES_NOTHING, &t.online},
        {0, "plot", NULL, NULL, "draw the loss by epoch at the end", TAKES_NOTHING, &t.plots},
        {'q', "quiet", NULL, NULL, "print nothing but errors", TAKES_NOTHING, &t.quiet},
    };
    static const char *const usual[] = {"features", "target",         "weights", "missing", "categorical", "loss",
                                        "solver",   "optimizer",      "rate",    "batch",   "epochs",      "l1",
                                        "l2",       "valid-fraction", "seed",    "device",  NULL};
    reading_arguments(&t.reading, reading_table);
    int status = options_open(&t.options);
    if (status) return status;
    const syntax s = {.word = "train",
                      .operands = "DATA --model OUT [OPTION]...",
                      .operand_count = 1,
                      .summary =
                          "Trains a linear model on DATA: arrays (a folder or .npz with x and y), a table (CSV), or - (CSV).",
                      .example = "cusgd train houses.csv --target price --model houses.safetensors",
                      .groups = {{table, sizeof table / sizeof table[0]}, {reading_table + 1, READING_ARGUMENTS - 1}},
                      .options = t.options,
                      .quantiles = &several,
                      .usual = usual};
    t.syntax = &s;
    signals_handle();
    signal(SIGPIPE, SIG_IGN); /* a reader of the progress that goes away must not take the model with it */
    if (arguments_parse(&s, argc, argv, &t.data_path, &status)) {
        status = ranks_open(&t.ranks, t.options, argc, argv);
        if (!status) status = train(&t);
        status = ranks_end(&t.ranks, status);
    } else if (status) {
        status = ranks_refuse(&t.ranks, status);
    }
    free_arguments(&t, &several);
    return signals_exit_code(status);
}
