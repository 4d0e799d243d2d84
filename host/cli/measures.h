/* The metrics of predictions that the command prints, by their names. */
#ifndef CUSGD_CLI_MEASURES_H
#define CUSGD_CLI_MEASURES_H

#include "arguments.h"

#include <stddef.h>

/* The metrics of one output, or of the mean over the outputs. */
typedef struct measured {
    cusgd_metrics metrics;
    cusgd_ranking ranking;     /* for classes */
    cusgd_order_metrics order; /* for real targets */
    double own_loss;           /* mean loss of a formula; NaN for other losses, which other metrics report */
} measured;

/* A metric: its key in JSON and, if it has a title, its column in the table. It is printed if it is a number for the loss of the
 * model. */
typedef struct measure {
    const char *key, *title;
    size_t offset;
    size_t follows; /* 0, or the offset of another metric: if that one is a number, so is this one, unless there is only one
                     * row */
} measure;

extern const measure measures[]; /* the key of the last entry is NULL */

double measure_value(const measure *m, const measured *of);
/* Returns whether the metric applies to the loss of the model; its value may still be NaN. */
int measure_applies(const measure *m, const measured *of);
int has_classes(const measured *of);
int has_two_classes(const measured *of);

/* Finds the metrics of cusgd_metrics that a list names; "standard" means the usual ones for the loss. Returns their number, at
 * most MEASURES_MOST, or -1 after printing a message. */
enum { MEASURES_MOST = 26 };
int measures_find(const syntax *s, const char *option, const text_list *names, const char *loss,
                  const measure *at[MEASURES_MOST]);

#endif
