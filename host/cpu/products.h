/* X^T diag(s) X by panels of PANEL x PANEL values, in double whatever `real` is: tiles of four rows of a panel stay in the
 * registers while a group of rows of x is added. How wide the registers are changes no bit: every sum takes its rows in order. */
#ifndef CUSGD_HOST_CPU_PRODUCTS_H
#define CUSGD_HOST_CPU_PRODUCTS_H

typedef double doubles __attribute__((vector_size(REGISTER_BYTES)));
enum { DOUBLES = REGISTER_BYTES / (int)sizeof(double), PRODUCT_ROWS = 32, TILE_ROWS = 4 };

/* PANEL columns from `start` on of `count` rows, each times its s (NULL: 1): column d is 1, and beyond it 0. */
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

static inline __attribute__((always_inline)) void panel_tile(double (*left)[PANEL], double (*right)[PANEL], int a, int b,
                                                             double (*sums)[PANEL])
{
    doubles sum[TILE_ROWS][2] = {{{0}}};
    for (int r = 0; r < PRODUCT_ROWS; r++) {
        doubles v[2];
        memcpy(v, right[r] + b, sizeof v);
#pragma GCC unroll 4
        for (int i = 0; i < TILE_ROWS; i++) {
            sum[i][0] += left[r][a + i] * v[0];
            sum[i][1] += left[r][a + i] * v[1];
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < TILE_ROWS; i++) {
        doubles total[2];
        memcpy(total, sums[a + i] + b, sizeof total);
        total[0] += sum[i][0];
        total[1] += sum[i][1];
        memcpy(sums[a + i] + b, total, sizeof total);
    }
}

static void rows_products(const rows_task *t, const double *s, int64_t first, int64_t count, int64_t left, int64_t panels,
                          double (*sums)[PANEL][PANEL])
{
    double weighed[PRODUCT_ROWS][PANEL], plain[PRODUCT_ROWS][PANEL];
    for (int64_t i = 0; i < count; i += PRODUCT_ROWS) {
        int size = (int)(count - i < PRODUCT_ROWS ? count - i : PRODUCT_ROWS);
        panel_fill(t, s + i, first + i, size, left * PANEL, weighed);
        for (int64_t right = left; right < panels; right++) {
            panel_fill(t, NULL, first + i, size, right * PANEL, plain);
            for (int a = 0; a < PANEL; a += TILE_ROWS)
                for (int b = 0; b < PANEL; b += 2 * DOUBLES) panel_tile(weighed, plain, a, b, sums[right - left]);
        }
    }
}

#endif
