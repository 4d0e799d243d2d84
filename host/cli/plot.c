#include "plot.h"

#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEIGHT = 12, LABEL = 9, MAX_WIDTH = 100 };

void loss_curve_add(loss_curve *c, const cusgd_progress *now)
{
    if (c->failed || (!isfinite(now->loss) && !isfinite(now->valid_loss))) return;
    loss_point *points = grow_array(c->points, c->count, sizeof *points);
    c->failed = points == NULL;
    if (c->failed) return;
    c->points = points;
    c->points[c->count++] = (loss_point){(double)now->epoch, now->loss, now->valid_loss};
}

void loss_curve_free(loss_curve *c)
{
    free(c->points);
    *c = (loss_curve){0};
}

/* The canvas and its scales. Epochs are on a logarithmic scale, as most of a loss's decrease is in the first ones; losses too
 * where they span more than a factor of ten. */
typedef struct canvas {
    char cell[HEIGHT][MAX_WIDTH];
    int width, log_y;
    double first, last; /* logarithms of epochs */
    double low, high;   /* on the scale of the losses */
} canvas;

static double scaled(const canvas *v, double loss) { return v->log_y ? log10(loss) : loss; }

static int find_scales(canvas *v, const loss_curve *c)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    size_t finite = 0;
    for (size_t i = 0; i < c->count; i++) {
        const double losses[] = {c->points[i].loss, c->points[i].valid};
        for (int which = 0; which < 2; which++)
            if (isfinite(losses[which])) {
                low = fmin(low, losses[which]);
                high = fmax(high, losses[which]);
                finite += which == 0;
            }
    }
    if (finite < 2 || !(c->points[c->count - 1].epoch > c->points[0].epoch)) return 0;
    v->log_y = low > 0 && high > 10 * low;
    v->low = scaled(v, low);
    v->high = scaled(v, high);
    v->first = log10(c->points[0].epoch);
    v->last = log10(c->points[c->count - 1].epoch);
    return 1;
}

static double loss_of(const loss_point *p, int valid) { return valid ? p->valid : p->loss; }

/* The first point from `from` on at which the curve was evaluated; the count of points if there is none. */
static size_t next_known(const loss_curve *c, int valid, size_t from)
{
    while (from < c->count && isnan(loss_of(&c->points[from], valid))) from++;
    return from;
}

/* Marks the curve in every column from its first point to its last, interpolated between the two points about it. */
static void draw_curve(canvas *v, const loss_curve *c, int valid, char mark)
{
    const double rounding = 1e-9;
    size_t left = next_known(c, valid, 0), right = left, next;
    if (left == c->count) return;
    for (int x = 0; x < v->width; x++) {
        double epoch = pow(10, v->first + (v->last - v->first) * x / (v->width - 1));
        while (c->points[right].epoch < epoch && (next = next_known(c, valid, right + 1)) < c->count) {
            left = right;
            right = next;
        }
        const loss_point *a = &c->points[left], *b = &c->points[right];
        if (epoch < a->epoch * (1 - rounding) || epoch > b->epoch * (1 + rounding)) continue;
        double share = b->epoch > a->epoch ? fmin(1, fmax(0, (epoch - a->epoch) / (b->epoch - a->epoch))) : 1;
        double loss = loss_of(a, valid) + share * (loss_of(b, valid) - loss_of(a, valid));
        if (!isfinite(loss)) continue;
        double height = v->high > v->low ? (scaled(v, loss) - v->low) / (v->high - v->low) : 0;
        int row = (int)lround((HEIGHT - 1) * (1 - height));
        char *cell = &v->cell[row < 0 ? 0 : row >= HEIGHT ? HEIGHT - 1 : row][x];
        *cell = *cell == ' ' ? mark : '#';
    }
}

static int has_valid(const loss_curve *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (isfinite(c->points[i].valid)) return 1;
    return 0;
}

static void print_rows(const canvas *v, FILE *file)
{
    for (int row = 0; row < HEIGHT; row++) {
        char label[32] = "";
        double at = v->high - (v->high - v->low) * row / (HEIGHT - 1);
        if (row == 0 || row == HEIGHT / 2 || row == HEIGHT - 1)
            snprintf(label, sizeof label, "%.4g", v->log_y ? pow(10, at) : at);
        int end = v->width;
        while (end > 0 && v->cell[row][end - 1] == ' ') end--;
        fprintf(file, "%*s |%.*s\n", LABEL, label, end, v->cell[row]);
    }
}

/* The axis of epochs, with the powers of ten on it. */
static void print_axis(const canvas *v, const loss_curve *c, FILE *file)
{
    char axis[MAX_WIDTH + 1], labels[MAX_WIDTH + 24];
    memset(axis, '-', (size_t)v->width);
    axis[v->width] = '\0';
    memset(labels, ' ', sizeof labels);
    int end = 0;
    for (int power = (int)ceil(v->first - 1e-9); power <= v->last + 1e-9; power++) {
        int x = (int)lround((power - v->first) / (v->last - v->first) * (v->width - 1));
        axis[x] = '+';
        char text[24];
        int length = snprintf(text, sizeof text, "%.0f", pow(10, power));
        if (x + length > v->width) x = v->width - length; /* the plot is no wider than its axis */
        if (x < end) continue;
        memcpy(labels + x, text, (size_t)length);
        end = x + length + 1;
    }
    labels[end > 0 ? end - 1 : 0] = '\0';
    fprintf(file, "%*s +%s\n%*s  %s\n", LABEL, "", axis, LABEL, "", labels);
    fprintf(file, "%*s  loss by epoch%s: * training%s\n", LABEL, "",
            v->log_y ? ", both on logarithmic scales" : " on a logarithmic scale", has_valid(c) ? ", o validation, # both" : "");
}

void loss_curve_draw(const loss_curve *c, int width, FILE *file)
{
    canvas v;
    if (c->failed || c->count < 2 || !find_scales(&v, c)) return;
    v.width = width - LABEL - 3;
    if (v.width > MAX_WIDTH) v.width = MAX_WIDTH;
    if (v.width < 20 - LABEL - 3) v.width = 20 - LABEL - 3;
    memset(v.cell, ' ', sizeof v.cell);
    draw_curve(&v, c, 0, '*');
    if (has_valid(c)) draw_curve(&v, c, 1, 'o');
    print_rows(&v, file);
    print_axis(&v, c, file);
}
