/* `cusgd train --loss quantile --quantile .05,.5,.95`: one model that predicts several quantiles, trained in one pass. */
#ifndef CUSGD_CLI_QUANTILES_H
#define CUSGD_CLI_QUANTILES_H

#include "arguments.h"

typedef struct quantile_run {
    const text_list *texts; /* as given, two or more */
    const cusgd_options *options;
    const cusgd_data *data;
    const char *model_path;
    int quiet;
} quantile_run;

/* Prints a note on standard error that in this share of the rows a quantile is predicted to be less than a smaller one; 0 or NAN:
 * prints nothing. */
void quantiles_note_crossing(double share);
/* Trains and writes the model. Returns a status, complained about. */
int quantiles_train(const syntax *s, const quantile_run *q);

#endif
