/* The loss by epoch, drawn with characters (train --plot). */
#ifndef CUSGD_CLI_PLOT_H
#define CUSGD_CLI_PLOT_H

#include "cusgd.h"

#include <stdio.h>

typedef struct loss_point {
    double epoch, loss, valid; /* NaN where it was not evaluated */
} loss_point;

/* The curve owns its points. All zero: empty. */
typedef struct loss_curve {
    loss_point *points;
    size_t count;
    int failed; /* 1: out of memory; the curve is then incomplete and is not drawn */
} loss_curve;

void loss_curve_add(loss_curve *c, const cusgd_progress *now);
/* Draws at most `width` columns (at least 20); nothing if fewer than two points are finite. */
void loss_curve_draw(const loss_curve *c, int width, FILE *file);
void loss_curve_free(loss_curve *c);

#endif
