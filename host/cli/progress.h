/* What a user sees and keeps of a run while it goes on: lines on standard error, and the history file. */
#ifndef CUSGD_CLI_PROGRESS_H
#define CUSGD_CLI_PROGRESS_H

#include "cusgd.h"
#include "measures.h"
#include "plot.h"

#include <stdio.h>

/* Where the history goes, and which measures of the validation data are in it. */
typedef struct history_choice {
    const char *path;
    text_list names;
    const measure *at[MEASURES_MOST];
    int count;
} history_choice;
/* Finds the measures that are named, once the options are known. Returns a status, complained about. */
int history_check(history_choice *h, const syntax *s, const char *valid_path);

/* What they are measures of. */
typedef struct validation {
    cusgd_trainer *trainer;
    const cusgd_data *data;
    const history_choice *measures;
} validation;

typedef struct progress {
    int quiet, terminal;
    int iterations;            /* 1: of a full-batch solver, which has iterations for epochs */
    cusgd_stream_times before; /* of the line before */
    double shown;              /* seconds: when the line on the terminal was last written */
    int line_is_open;          /* the terminal's line has no end yet */
    FILE *history;             /* NULL: none, or given up */
    const char *history_path;
    int history_failed;
    validation validation;
    int plots; /* 1: `curve` is kept, to be drawn at the end */
    loss_curve curve;
} progress;

/* Opens the history (NULL: none), whose old content is lost, but for the lines of the first `resumed` epochs; -1: it is a new
 * run. Returns a status, complained about. */
int progress_open(progress *p, int quiet, const char *history_path, int64_t resumed);
void progress_epoch(progress *p, const cusgd_progress *now);
/* Ends the terminal's line, before anything else is printed. */
void progress_end_line(progress *p);
/* Draws the loss by epoch on standard error, if p->plots is set. */
void progress_plot(const progress *p);
/* Closes the history and frees the curve. Returns a status: CUSGD_ERROR_DATA if a part of it could not be written. */
int progress_close(progress *p);

#endif
