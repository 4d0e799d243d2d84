/* Computes X^T diag(s) X by panels of PANEL x PANEL values, always in double: tiles of four rows of a panel are kept in registers
 * while a group of rows of x is added. The width of the registers does not change the bits, because every sum adds its rows in
 * order. */
#ifndef CUSGD_HOST_CPU_PRODUCTS_H
#define CUSGD_HOST_CPU_PRODUCTS_H

typedef double doubles __attribute__((vector_size(REGISTER_BYTES)));
enum { DOUBLES = REGISTER_BYTES / (int)sizeof(double), PRODUCT_ROWS = 32, TILE_ROWS = 4 };

/* Pointers to rows of PANEL values. */
typedef const double *panel_rows[PRODUCT_ROWS];

/* Copies PANEL columns from `start` on of `count` rows, each multiplied by its s (NULL: 1). Column d is 1, and further ones are
 * 0. */
static void panel_fill(const rows_task *t, const double *s, int64_t first, int count, int64_t start, double (*panel)[PANEL])
{
    int64_t held = t->d - start < PANEL ? t->d - start : PANEL;
    memset(panel, 0, sizeof *panel * PRODUCT_ROWS);
    for (int r = 0; r < count; r++) {
        const stored *x = (const stored *)t->x + (first + r) * t->d + start;
        double factor = s ? s[r] : 1;
        for (int64_t j = 0; j < held; j++) panel[r][j] = (double)value_x(x + j) * factor;
        if (held < PANEL) panel[r][held] = factor;
    }
}

/* Gets such columns without factors; whole panels of doubles are used without copying. */
static void panel_find(const rows_task *t, int64_t first, int count, int64_t start, double (*room)[PANEL], panel_rows rows)
{
    int is_there = sizeof(stored) == sizeof(double) && count == PRODUCT_ROWS && t->d - start >= PANEL;
    if (!is_there) panel_fill(t, NULL, first, count, start, room);
    for (int r = 0; r < PRODUCT_ROWS; r++)
        rows[r] = is_there ? (const double *)(const void *)((const stored *)t->x + (first + r) * t->d + start) : room[r];
}

static inline doubles doubles_at(const double *at)
{
    doubles v;
    memcpy(&v, at, sizeof v); /* one register: gcc 12 copies an array of two by halves, through memory */
    return v;
}

static inline __attribute__((always_inline)) void panel_tile(double (*left)[PANEL], panel_rows right, int a, int b,
                                                             double (*sums)[PANEL])
{
    doubles sum[TILE_ROWS][2] = {{{0}}};
    for (int r = 0; r < PRODUCT_ROWS; r++) {
        doubles v = doubles_at(right[r] + b), w = doubles_at(right[r] + b + DOUBLES);
#pragma GCC unroll 4
        for (int i = 0; i < TILE_ROWS; i++) {
            sum[i][0] += left[r][a + i] * v;
            sum[i][1] += left[r][a + i] * w;
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < TILE_ROWS; i++) {
        doubles v = doubles_at(sums[a + i] + b) + sum[i][0], w = doubles_at(sums[a + i] + b + DOUBLES) + sum[i][1];
        memcpy(sums[a + i] + b, &v, sizeof v);
        memcpy(sums[a + i] + b + DOUBLES, &w, sizeof w);
    }
}

/* Returns the number of the columns 0 .. d in the panel. */
static int panel_held(const rows_task *t, int64_t panel)
{
    int64_t held = t->d + 1 - panel * PANEL;
    return (int)(held < PANEL ? held : PANEL);
}

static void rows_products(const rows_task *t, const double *s, int64_t first, int64_t count, panel_row of,
                          double (*sums)[PANEL][PANEL])
{
    int64_t left = of.left;
    double weighed[PRODUCT_ROWS][PANEL], room[PRODUCT_ROWS][PANEL];
    panel_rows plain;
    for (int64_t i = 0; i < count; i += PRODUCT_ROWS) {
        int size = (int)(count - i < PRODUCT_ROWS ? count - i : PRODUCT_ROWS);
        panel_fill(t, s + i, first + i, size, left * PANEL, weighed);
        for (int64_t right = left > of.from ? left : of.from; right < of.end; right++) {
            panel_find(t, first + i, size, right * PANEL, room, plain);
            for (int a = 0; a < panel_held(t, left); a += TILE_ROWS) {
                /* On the diagonal, only tiles that have values above it are needed. */
                int from = right > left ? 0 : a / (2 * DOUBLES) * (2 * DOUBLES);
                for (int b = from; b < panel_held(t, right); b += 2 * DOUBLES)
                    panel_tile(weighed, plain, a, b, sums[right - left]);
            }
        }
    }
}

#endif
