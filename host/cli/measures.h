/* The measures of predictions that the command prints, by their names. */
#ifndef CUSGD_CLI_MEASURES_H
#define CUSGD_CLI_MEASURES_H

#include "arguments.h"

#include <stddef.h>

/* What is known of one output, or of the mean. */
typedef struct measured {
    cusgd_metrics metrics;
    cusgd_ranking ranking;     /* of classes */
    cusgd_order_metrics order; /* of numbers */
    double own_loss;           /* the mean of a loss that is a formula; NaN: of another, which other measures tell */
} measured;

/* The keys of JSON, and the columns of the table, those with a title: what is a number for the model's loss. */
typedef struct measure {
    const char *key, *title;
    size_t offset;
    size_t follows; /* 0, or the offset of a measure: where that one is a number, this one is too, unless there is only one row */
} measure;

extern const measure measures[]; /* the last one's key is NULL */

double measure_value(const measure *m, const measured *of);
/* Whether the model's loss has this measure, whose value may be NaN all the same. */
int measure_applies(const measure *m, const measured *of);
int has_classes(const measured *of);
int has_two_classes(const measured *of);

/* Those of cusgd_metrics that a list names; "standard" are those of the loss. Returns how many, at most MEASURES_MOST, or -1,
 * complained about. */
enum { MEASURES_MOST = 26 };
int measures_find(const syntax *s, const char *option, const text_list *names, const char *loss,
                  const measure *at[MEASURES_MOST]);

#endif
