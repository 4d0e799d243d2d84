/* A run of `cusgd train`: train.c, and what is different where rows come once in train_online.c. */
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
    cusgd_data *former; /* online: a block that the trainer may still have */
} training_data;

/* All that a run holds. */
typedef struct training {
    const syntax *syntax;
    const char *data_path, *model_path, *valid_path, *init_path;
    history_choice history;
    int quiet, plots, online;
    online stream;
    reading reading;
    column_paths columns;
    cusgd_options *options; /* as given */
    cusgd_model *init;
    training_data data;
    cusgd_trainer *trainer;
    cusgd_model *model; /* that is written */
    progress progress;
    checkpoints checkpoints;
    ranks ranks;
} training;

/* Writes the model, of an interrupted run, too; returns a status, complained about. */
int training_write_model(training *t);

/* ---- train_online.c; each returns a status, complained about ---- */

/* Whether --online can be used with the other arguments. */
int training_check_online(const training *t);
/* Reads the first block into t->data.train. */
int training_open_first(training *t);
/* Trains on that block and on all that follow, and writes the model. */
int training_run_online(training *t);

#endif
