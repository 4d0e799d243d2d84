/* What `cusgd train` says on standard error before and after a run. */
#ifndef CUSGD_CLI_SUMMARY_H
#define CUSGD_CLI_SUMMARY_H

#include "cusgd.h"

/* Names the options that were given and change nothing with the others. */
void summary_notes(const cusgd_options *given);
/* Likewise, for a regularization path. */
void summary_path_notes(const cusgd_options *given);
/* Whether an option of the library has a part in a path, or is refused by it. */
int path_reads(const char *name);
/* Likewise, for rows as they come. */
void summary_online_notes(const cusgd_options *given);
/* What is trained on what, and what was chosen where nothing was given. online: 1 of rows as they come, in one pass. */
void summary_start(const char *path, const cusgd_data *data, const cusgd_options *given, const cusgd_trainer *trainer,
                   int online);
/* Why it ended, how good the model is, where it is. Returns a status, complained about. */
int summary_end(cusgd_trainer *trainer, const cusgd_model *model, const cusgd_data *data, const cusgd_data *valid,
                const cusgd_result *result, const char *model_path);
/* Of a process that prints nothing: its part of what summary_end() of another one computes with it. Likewise. */
int summary_take_part(cusgd_trainer *trainer, const cusgd_result *result);

#endif
