/* A run of `cusgd train`: train.c, and train_online.c for online training. */
#ifndef CUSGD_CLI_TRAINING_H
#define CUSGD_CLI_TRAINING_H

#include "checkpoint.h"
#include "column_file.h"
#include "online.h"
#include "progress.h"
#include "ranks.h"
#include "reading.h"

typedef struct training_data {
    cusgd_data *train, *valid;
    cusgd_data *former; /* online: a block that the trainer may still use */
} training_data;

/* The state of a run. */
typedef struct training {
    const syntax *syntax;
    const char *data_path, *model_path, *valid_path, *init_path;
    history_choice history;
    int quiet, plots, online;
    online stream;
    reading reading;
    column_paths columns;
    cusgd_options *options; /* the options that were given */
    cusgd_model *init;
    training_data data;
    cusgd_trainer *trainer;
    cusgd_model *model; /* the model to write */
    progress progress;
    checkpoints checkpoints;
    ranks ranks;
} training;

/* Writes the model, also after an interruption. Returns a status. */
int training_write_model(training *t);

/* ---- train_online.c; each returns a status, complained about ---- */

/* Checks whether --online can be used with the other arguments. */
int training_check_online(const training *t);
/* Reads the first block into t->data.train. */
int training_open_first(training *t);
/* Trains on that block and on all that follow, and writes the model. */
int training_run_online(training *t);

#endif
