/* The grids of `cusgd sweep`: --grid l2=1e-6..1e-1:log:16 and --grid rate=.01,.03,.1. */
#ifndef CUSGD_CLI_GRID_H
#define CUSGD_CLI_GRID_H

#include "arguments.h"

/* l1, l2, rate, momentum, and: */
enum { GRID_LOSS_NUMBER = 4, GRID_CLASS_WEIGHT, GRID_NUMBERS };

enum { GRID_TEXT = 32 };

/* The values of one number, ascending where they were given by a range. */
typedef struct grid_axis {
    double *values;
    size_t count; /* 0: the number is not swept over */
    int logarithmic, is_range;
} grid_axis;

typedef struct grid {
    char loss[CUSGD_OPTION_TEXT]; /* the sweep's */
    grid_axis axis[GRID_NUMBERS];
} grid;

/* The name of a number; NULL: the loss has none. */
const char *grid_name(const grid *g, int at);
/* Whether reports have it: those that a model has anyway, and class weights that are swept over. */
int grid_shows(const grid *g, int at);
/* A number as text, of as many digits. */
const char *grid_text(const cusgd_configuration *c, int at, int digits, char text[GRID_TEXT]);

/* Returns a status, complained about; grid_free() frees what there is in any case. */
int grid_parse(const syntax *s, const text_list *texts, grid *out);
void grid_free(grid *g);

/* All combinations, or `drawn` of them (0: all) by the seed: of a range numbers between its ends, of a list its members. The
 * caller frees *out. Likewise. */
int grid_configurations(const grid *g, int64_t drawn, uint64_t seed, cusgd_configuration **out, size_t *count);

/* The number of a configuration by its place. */
double grid_number(const cusgd_configuration *c, int at);

/* Notes on standard error which numbers of the chosen configuration lie on the edge of their grid. */
void grid_put_notes(const grid *g, const cusgd_configuration *chosen);

#endif
