/* Products of the columns of a batch, and the gradients of models of squared error that follow from them (batch_products.c). */
#ifndef CUSGD_HOST_CPU_BATCH_PRODUCTS_H
#define CUSGD_HOST_CPU_BATCH_PRODUCTS_H

/* Stores a value of a packed row in both layouts. */
static inline void pack_value(const packed_rows *to, int64_t j, int64_t at, real z, real weighed)
{
    to->right[(j / LANES * PACKED_ROWS + at) * LANES + j % LANES] = z;
    to->left[(j / PACKED_LEFT * PACKED_ROWS + at) * PACKED_LEFT + j % PACKED_LEFT] = weighed;
}

/* Stores LANES columns of x from j on. Columns from d on are set afterwards. */
static inline __attribute__((always_inline)) void pack_lanes(const packed_rows *to, int64_t j, int64_t at, const stored *x,
                                                             real w)
{
    real *right = to->right + (j / LANES * PACKED_ROWS + at) * LANES;
    real *left = to->left + (j / PACKED_LEFT * PACKED_ROWS + at) * PACKED_LEFT + j % PACKED_LEFT;
#pragma GCC unroll 8
    for (int q = 0; q < PIECES; q++) {
        lanes v = load_x(x + j + q * WIDTH);
        store(right + q * WIDTH, v);
        store(left + q * WIDTH, v * w);
    }
}

static void pack_group(const rows_task *t, const group *g)
{
    rows_packing *p = t->models->packing;
    for (int r = 0; r < g->count; r++) {
        int64_t at = p->place[r];
        real w = g->w ? g->w[r] : 1, y = g->y[r] - (g->o ? g->o[r] : 0);
        for (int64_t j = 0; j < t->d; j += LANES) pack_lanes(p->to, j, at, g->x[r], w);
        pack_value(p->to, t->d, at, 1, w);
        pack_value(p->to, t->d + 1, at, y, w * y);
    }
    p->place += g->count;
}

#ifndef STORED_BF16
/* Sums are in `real` over PRODUCT_RUN rows at most, and in double beyond. */
enum { PRODUCT_RUN = 48 };

static void add_products(const packed_rows *rows, int64_t strip, int64_t panel, int64_t stride, double *sums)
{
    int64_t left = rows->width - strip * PACKED_LEFT, columns = left < PACKED_LEFT ? left : PACKED_LEFT;
    for (int f = 0, at = 0; f < MAX_FOLDS && at < rows->end[MAX_FOLDS - 1]; f++, sums += stride)
        while (at < rows->end[f]) {
            int count = rows->end[f] - at < PRODUCT_RUN ? rows->end[f] - at : PRODUCT_RUN;
            real some[PACKED_LEFT * LANES] = {0};
            wide_outer(count, rows->left + (strip * PACKED_ROWS + at) * PACKED_LEFT,
                       rows->right + (panel * PACKED_ROWS + at) * LANES, columns, some);
            for (int64_t u = 0; u < columns * LANES; u += WIDTH) add_to_doubles(load(some + u), sums + u);
            at += count;
        }
}

_Static_assert(BAND % TALL == 0, "else rows of a tile are in two bands");

/* Multiplies rows i .. i + TALL - 1 of the products, which are in one band, by theta. */
static inline __attribute__((always_inline)) void products_rows(const products_part *p, int64_t i, lanes (*sum)[PIECES])
{
    int64_t bands = band_count(p->side), band = i / BAND;
    lanes theta[PIECES];
#pragma GCC unroll 12
    for (int r = 0; r < TALL; r++)
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[r][q] = (lanes){0};
    const real *from = p->theta;
    for (int64_t b = 0; b < band; b++) {
        const real *x = p->x + band_start(bands, b) + (i - b * BAND) * BAND;
        for (int j = 0; j < BAND; j++, from += LANES) {
            load_lanes(from, theta);
#pragma GCC unroll 12
            for (int r = 0; r < TALL; r++) add_product(sum[r], x[r * BAND + j], theta);
        }
    }
    const real *x = p->x + band_start(bands, band) + (i - band * BAND);
    for (int64_t j = band * BAND; j < p->side; j++, from += LANES, x += BAND) {
        load_lanes(from, theta);
#pragma GCC unroll 12
        for (int r = 0; r < TALL; r++) add_product(sum[r], x[r], theta);
    }
}

static void products_gradient(const products_part *p)
{
    double square[LANES] = {0};
    for (int64_t i = p->first; i < p->end; i += TALL) {
        lanes sum[TALL][PIECES];
        products_rows(p, i, sum);
        for (int r = 0; r < TALL && i + r < p->end; r++) {
            const real *theta = p->theta + (i + r) * LANES;
            real *gradient = p->gradient + (i + r) * LANES, y = p->y[i + r], rest[LANES];
#pragma GCC unroll 8
            for (int q = 0; q < PIECES; q++) {
                lanes g = sum[r][q] - y;
                store(rest + q * WIDTH, g - y);
                store(gradient + q * WIDTH, g * p->derivative);
            }
            for (int l = 0; l < LANES; l++) square[l] += (double)theta[l] * (double)rest[l];
        }
    }
    memcpy(p->square, square, sizeof square);
}
#endif

#endif
