/* The output during a run: lines on standard error, and the history file. */
#ifndef CUSGD_CLI_PROGRESS_H
#define CUSGD_CLI_PROGRESS_H

#include "cusgd.h"
#include "measures.h"
#include "plot.h"

#include <stdio.h>

/* The path of the history, and the metrics of the validation data in it. */
typedef struct history_choice {
    const char *path;
    text_list names;
    const measure *at[MEASURES_MOST];
    int count;
} history_choice;
/* Finds the named metrics; to be called when the options are known. Returns a status. */
int history_check(history_choice *h, const syntax *s, const char *valid_path);

/* What the metrics are computed from. */
typedef struct validation {
    cusgd_trainer *trainer;
    const cusgd_data *data;
    const history_choice *measures;
} validation;

typedef struct progress {
    int quiet, terminal;
    int iterations;            /* 1: the solver is a full-batch one, whose epochs are iterations */
    cusgd_stream_times before; /* times at the previous line */
    double shown;              /* time of the last line on the terminal, in seconds */
    int line_is_open;          /* 1: the line on the terminal has not been ended */
    FILE *history;             /* NULL: none, or abandoned after an error */
    const char *history_path;
    int history_failed;
    validation validation;
    int plots; /* 1: `curve` is kept, to be drawn at the end */
    loss_curve curve;
} progress;

/* Opens the history (NULL: none). Its old contents are removed, except for the lines of the first `resumed` epochs; -1: the run
 * is new. Returns a status. */
int progress_open(progress *p, int quiet, const char *history_path, int64_t resumed);
void progress_epoch(progress *p, const cusgd_progress *now);
/* Ends the line on the terminal; to be called before other output. */
void progress_end_line(progress *p);
/* Draws the loss by epoch on standard error, if p->plots is set. */
void progress_plot(const progress *p);
/* Closes the history and frees the curve. Returns a status: CUSGD_ERROR_DATA if a part of it could not be written. */
int progress_close(progress *p);

#endif
