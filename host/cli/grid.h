/* The grids of `cusgd sweep`: --grid l2=1e-6..1e-1:log:16 and --grid rate=.01,.03,.1. */
#ifndef CUSGD_CLI_GRID_H
#define CUSGD_CLI_GRID_H

#include "arguments.h"

/* Indices of the numbers after l1, l2, rate and momentum. */
enum { GRID_LOSS_NUMBER = 4, GRID_CLASS_WEIGHT, GRID_NUMBERS };

enum { GRID_TEXT = 32 };

/* The values of one number, ascending if they were given by a range. */
typedef struct grid_axis {
    double *values;
    size_t count; /* 0: the sweep does not vary the number */
    int logarithmic, is_range;
} grid_axis;

typedef struct grid {
    char loss[CUSGD_OPTION_TEXT]; /* the loss of the sweep */
    grid_axis axis[GRID_NUMBERS];
} grid;

/* Returns the name of a number; NULL: the loss has no parameter. */
const char *grid_name(const grid *g, int at);
/* Returns whether reports contain a number: all that every model has, and class weights if the sweep varies them. */
int grid_shows(const grid *g, int at);
/* Writes a number with `digits` digits. */
const char *grid_text(const cusgd_configuration *c, int at, int digits, char text[GRID_TEXT]);

/* Parses the grids. Returns a status; grid_free() frees the grid in any case. */
int grid_parse(const syntax *s, const text_list *texts, grid *out);
void grid_free(grid *g);

/* Creates all combinations, or `drawn` random ones (0: all) by the seed: numbers between the ends of ranges, and members of
 * lists. The caller frees *out. Returns a status. */
int grid_configurations(const grid *g, int64_t drawn, uint64_t seed, cusgd_configuration **out, size_t *count);

/* Returns a number of a configuration by its index. */
double grid_number(const cusgd_configuration *c, int at);

/* Prints notes on standard error for numbers of the chosen configuration that are at the edge of their grid. */
void grid_put_notes(const grid *g, const cusgd_configuration *chosen);

#endif
