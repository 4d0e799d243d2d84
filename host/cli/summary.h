/* The messages of `cusgd train` on standard error before and after a run. */
#ifndef CUSGD_CLI_SUMMARY_H
#define CUSGD_CLI_SUMMARY_H

#include "cusgd.h"

/* Prints notes on options that were given but have no effect with the others. */
void summary_notes(const cusgd_options *given);
/* Prints such notes for a regularization path. */
void summary_path_notes(const cusgd_options *given);
/* Returns whether a path uses an option of the library or refuses it. */
int path_reads(const char *name);
/* Prints such notes for online training. */
void summary_online_notes(const cusgd_options *given);
/* Prints the data, the model and the options that were chosen automatically. online: 1 for online training. */
void summary_start(const char *path, const cusgd_data *data, const cusgd_options *given, const cusgd_trainer *trainer,
                   int online);
/* Prints why the run ended, the metrics of the model, and its path. Returns a status. */
int summary_end(cusgd_trainer *trainer, const cusgd_model *model, const cusgd_data *data, const cusgd_data *valid,
                const cusgd_result *result, const char *model_path);
/* Runs the collective computations of summary_end() on a rank that prints nothing. Returns a status. */
int summary_take_part(cusgd_trainer *trainer, const cusgd_result *result);

#endif
