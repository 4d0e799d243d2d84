/* `cusgd train --online`: one pass over rows as they come from standard input, in blocks. */
#include "training.h"

#include "cli.h"
#include "signals.h"
#include "summary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Arguments ---- */

static int schedule_needs_length(const cusgd_options *options)
{
    return option_is(options, "schedule", "cosine") || option_is(options, "schedule", "one-cycle") ||
           option_is(options, "schedule", "polynomial");
}

int training_check_online(const training *t)
{
    if (strcmp(t->data_path, "-") != 0 || t->valid_path || t->history.path || t->plots || t->reading.trials ||
        t->reading.class_weights.count || option_number(t->options, "valid-fraction") > 0)
        return complain_usage(t->syntax, "--online reads each row once from standard input (DATA is -); it cannot be used with "
                                         "--valid, --valid-fraction, --class-weight, --trials, --history or --plot");
    if (!option_is(t->options, "solver", "sgd"))
        return complain_usage(t->syntax, "--online needs --solver sgd, which goes on with other rows");
    if (!isnan(option_number(t->options, "epochs")))
        return complain_usage(t->syntax, "--online reads each row once: leave out --epochs");
    if (!option_is(t->options, "whiten", "none"))
        return complain_usage(t->syntax, "--online does not have all rows at once, which --whiten needs: leave out --whiten");
    if (schedule_needs_length(t->options))
        return complain_usage(
            t->syntax, "--online does not know how many steps there will be, over which the schedules cosine, one-cycle and "
                       "polynomial lay out the rate: choose constant or inverse-scaling");
    if (t->checkpoints.path)
        return complain_usage(t->syntax,
                              "--online reads rows that pass once, so that a run cannot be resumed: leave out --checkpoint");
    return CUSGD_OK;
}

/* ---- The first block ---- */

/* Whole batches, so that blocks do not show in the result. */
static int64_t block_rows(const training *t)
{
    double batch = option_number(t->options, "batch");
    int64_t rows = batch > 0 && batch < 1e7 ? (int64_t)batch : 1;
    return (ONLINE_ROWS + rows - 1) / rows * rows;
}

static int open_online(training *t, char separator)
{
    cusgd_status status = cusgd_options_set(t->options, "sampling", "none");
    return status ? complain_last(status) : online_open(&t->stream, block_rows(t), separator);
}

/* The first block, read once to find where its rows begin, and then as all others. A signal ends the run between two blocks. */
int training_open_first(training *t)
{
    int wrong = open_online(t, t->reading.reader.dialect.separator);
    if (wrong) return wrong;
    signals_defer(1);
    cusgd_status status = cusgd_data_open(t->data_path, &t->reading.reader, &t->data.train);
    if (!status) {
        wrong = online_settle(&t->stream, block_rows(t), cusgd_data_first_line(t->data.train));
        if (wrong) return wrong;
        cusgd_data_free(t->data.train);
        t->data.train = NULL;
        status = cusgd_data_open(t->data_path, &t->reading.reader, &t->data.train);
    }
    if (!status) {
        if (!t->quiet) online_put_notes(&t->stream, t->data.train);
        return CUSGD_OK;
    }
    complain_last(status);
    if (status == CUSGD_ERROR_DATA && !t->stream.ended)
        fprintf(stderr,
                "cusgd: --online takes columns, categories and classes from the first %d rows: shuffle the rows, or give "
                "--init MODEL, whose they then are\n",
                ONLINE_ROWS);
    return (int)status;
}

/* ---- Rows as they come ---- */

/* Sums of the progressive loss: each row's before the step that it had a part in. */
typedef struct tally {
    int64_t rows, since_rows, next; /* next: that many rows are reported */
    double loss, since;
} tally;

static void report(const training *t, tally *sum, int ends)
{
    if (t->quiet || sum->since_rows == 0 || (sum->rows < sum->next && !ends)) return;
    if (sum->next == 0) fprintf(stderr, "%12s  %14s  %14s\n", "rows", "average loss", "since last");
    fprintf(stderr, "%12lld  %14.6g  %14.6g\n", (long long)sum->rows, sum->loss / (double)sum->rows,
            sum->since / (double)sum->since_rows);
    sum->next = 2 * sum->rows;
    sum->since_rows = 0;
    sum->since = 0;
}

/* Trains on the block at hand. */
static cusgd_status train_block(training *t, const cusgd_data *block, tally *sum)
{
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    cusgd_status status = cusgd_trainer_partial_fit(t->trainer, block, &now);
    int64_t rows = cusgd_data_rows(block);
    if (status) return status;
    sum->rows += rows;
    sum->since_rows += rows;
    sum->loss += now.loss * (double)rows;
    sum->since += now.loss * (double)rows;
    report(t, sum, 0);
    return CUSGD_OK;
}

/* The next block as the one before was read; t->data.train becomes it. 1; 0 at the end; a status < 0, complained about. */
static int next_block(training *t, tally *sum, cusgd_status *status)
{
    cusgd_reader reader = t->reading.reader;
    cusgd_data *block;
    int more = online_next(&t->stream, block_rows(t));
    if (more <= 0) return more;
    cusgd_data_reader(t->data.train, &reader);
    reader.lines_before = online_lines_before(&t->stream);
    if (!t->reading.missing && !t->init) reader.encode.missing = CUSGD_MISSING_AUTO;
    *status = cusgd_data_open("-", &reader, &block);
    if (*status) return 0;
    if (!t->quiet) online_put_notes(&t->stream, block);
    *status = train_block(t, block, sum);
    if (*status)
        t->data.former = t->data.train;
    else
        cusgd_data_free(t->data.train);
    t->data.train = block;
    return !*status;
}

int training_run_online(training *t)
{
    tally sum = {0};
    cusgd_status status =
        t->init ? cusgd_trainer_set_coefficients(t->trainer, cusgd_model_weight(t->init), cusgd_model_bias(t->init)) : CUSGD_OK;
    if (status) return complain_last(status);
    if (!t->quiet) summary_start(t->data_path, t->data.train, t->options, t->trainer, 1);
    status = train_block(t, t->data.train, &sum);
    int more = !status;
    while (more > 0) more = next_block(t, &sum, &status);
    report(t, &sum, 1);
    if (!t->quiet) online_end_notes(&t->stream);
    if (status && status != CUSGD_ERROR_INTERRUPTED) {
        fprintf(stderr, "cusgd: in the rows after row %lld:\n", (long long)sum.rows);
        complain_last(status);
    }
    /* Rows come once: what was learned before unreadable ones is worth a model. */
    int failure = more < 0 ? -more : status == CUSGD_ERROR_INTERRUPTED ? CUSGD_OK : (int)status;
    if (failure && (failure != CUSGD_ERROR_DATA || sum.rows == 0)) return failure;
    int wrong = training_write_model(t), signal = signals_caught();
    if (!wrong && failure)
        fprintf(stderr, "cusgd: the model of the first %lld rows is in %s\n", (long long)sum.rows, shown(t->model_path));
    else if (!wrong && !t->quiet)
        fprintf(stderr, "%lld rows; model: %s\n", (long long)sum.rows, shown(t->model_path));
    return wrong ? wrong : failure ? failure : signal ? 128 + signal : CUSGD_OK;
}
