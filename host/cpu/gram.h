/* Models of squared error in few columns. All models have the same rows, and a model's gradient is X^T W (X theta - y): once the
 * products X^T W (X, 1, y) of a chunk of rows are known, they take (d+1)^2 multiplications a model, instead of 2 d for each row.
 *
 * Products are added in `real` over a run of GRAM_ROWS rows at most, and runs in double, as is everything after them, where sums
 * as large as the targets' cancel. The other models have no influence on these results. */
#ifndef CUSGD_HOST_CPU_GRAM_H
#define CUSGD_HOST_CPU_GRAM_H

enum {
    GRAM_ROWS = 24,
    GRAM_LEFT = 8,                /* rows of a tile, a register each */
    GRAM_SIDE = GRAM_COLUMNS + 1, /* with the column of ones */
    GRAM_TALL = 2,                /* rows of a tile of sums of LANES models: an even number of them is added */
    GRAM_PARTS = LANES / DOUBLES
};

/* Rows of one fold, contiguous. Columns from d on have any value. */
typedef struct gram_rows {
    int count;
    const stored *ahead[GRAM_ROWS];                                                  /* later rows, for prefetching */
    real x[GRAM_ROWS][GRAM_COLUMNS], weighed[GRAM_ROWS][GRAM_COLUMNS], y[GRAM_ROWS]; /* weighed: w x; not set where all w are 1 */
} gram_rows;

static inline doubles doubles_of(const real *at)
{
    real some __attribute__((vector_size(DOUBLES * sizeof(real))));
    memcpy(&some, at, sizeof some);
    return __builtin_convertvector(some, doubles);
}

static inline __attribute__((always_inline)) void add_to_doubles(lanes v, double *to)
{
    real from[WIDTH];
    store(from, v);
#pragma GCC unroll 2
    for (int q = 0; q < WIDTH / DOUBLES; q++) {
        doubles sum = doubles_at(to + q * DOUBLES) + doubles_of(from + q * DOUBLES);
        memcpy(to + q * DOUBLES, &sum, sizeof sum);
    }
}

/* Columns a .. a + GRAM_LEFT - 1 of `left` times WIDTH columns of x from b on. Meanwhile the line of later rows in which column
 * `line` is (-1: none) is asked for: while rows are copied there would be too many at once. */
static inline __attribute__((always_inline)) void gram_tile(const gram_rows *rows, const real (*left)[GRAM_COLUMNS], int64_t a,
                                                            int64_t b, int64_t line, gram_sums *sums)
{
    lanes sum[GRAM_LEFT] = {{0}};
    for (int r = 0; r < rows->count; r++) {
        lanes x = load(rows->x[r] + b);
        if (line >= 0) fetch(rows->ahead[r] + line);
#pragma GCC unroll 8
        for (int i = 0; i < GRAM_LEFT; i++) sum[i] += left[r][a + i] * x;
    }
#pragma GCC unroll 8
    for (int i = 0; i < GRAM_LEFT; i++) add_to_doubles(sum[i], sums->x[a + i] + b);
}

/* LANES columns from b on, times 1 and times y. */
static inline __attribute__((always_inline)) void gram_columns(const gram_rows *rows, const real (*left)[GRAM_COLUMNS], int64_t b,
                                                               gram_sums *sums)
{
    lanes one[PIECES] = {{0}}, y[PIECES] = {{0}};
    for (int r = 0; r < rows->count; r++)
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) {
            lanes x = load(left[r] + b + q * WIDTH);
            one[q] += x;
            y[q] += x * rows->y[r];
        }
    for (int q = 0; q < PIECES; q++) {
        add_to_doubles(one[q], sums->one + b + q * WIDTH);
        add_to_doubles(y[q], sums->y + b + q * WIDTH);
    }
}

static void gram_run(int64_t d, const gram_rows *rows, int is_weighed, gram_sums *sums)
{
    const real(*left)[GRAM_COLUMNS] = is_weighed ? rows->weighed : rows->x;
    int64_t line = 0;
    for (int64_t a = 0; a < d; a += GRAM_LEFT)
        for (int64_t b = a / WIDTH * WIDTH; b < d; b += WIDTH, line += LINE)
            if (line < d)
                gram_tile(rows, left, a, b, line, sums);
            else
                gram_tile(rows, left, a, b, -1, sums);
    for (int64_t b = 0; b < d; b += LANES) gram_columns(rows, left, b, sums);
}

/* Copies a row; sums without columns are added at once. */
static inline __attribute__((always_inline)) void gram_take(const rows_task *t, const group *g, int r, gram_rows *rows,
                                                            gram_sums *sums)
{
    real y = g->y[r] - (g->o ? g->o[r] : 0);
    double w = g->w ? (double)g->w[r] : 1;
    rows->ahead[rows->count] = g->ahead[r];
    for (int64_t j = 0; j < t->d; j += LANES)
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) {
            lanes x = load_x(g->x[r] + j + q * WIDTH);
            store(rows->x[rows->count] + j + q * WIDTH, x);
            if (g->w) store(rows->weighed[rows->count] + j + q * WIDTH, g->w[r] * x);
        }
    rows->y[rows->count++] = y;
    sums->weight += w;
    sums->weight_y += w * (double)y;
    sums->square_y += w * (double)y * (double)y;
}

/* Orders the rows of the group by fold. end[f]: the end of those of fold f. */
static void rows_by_fold(const rows_task *t, const group *g, uint8_t *order, int *end)
{
    memset(end, 0, sizeof *end * MAX_FOLDS);
    for (int r = 0; r < g->count; r++) end[t->models->counts ? g->fold[r] : 0]++;
    for (int f = 0, before = 0; f < MAX_FOLDS; f++) {
        int count = end[f];
        end[f] = before;
        before += count;
    }
    for (int r = 0; r < g->count; r++) order[end[t->models->counts ? g->fold[r] : 0]++] = (uint8_t)r;
}

static gram_room *own_gram(const rows_task *t) { return t->models->gram + pool_thread(); }

static void add_gram(const rows_task *t, const group *g)
{
    gram_room *room = own_gram(t);
    gram_rows rows;
    uint8_t order[GROUP];
    int end[MAX_FOLDS];
    rows_by_fold(t, g, order, end);
    for (int f = 0, at = 0; at < g->count; f++) {
        gram_sums *sums = &room->fold[f];
        if (at < end[f] && !(room->present >> f & 1)) memset(sums, 0, sizeof *sums);
        if (at < end[f]) room->present |= (uint64_t)1 << f;
        while (at < end[f]) {
            for (rows.count = 0; at < end[f] && rows.count < GRAM_ROWS; at++) gram_take(t, g, order[at], &rows, sums);
            gram_run(t->d, &rows, g->w != NULL, sums);
        }
    }
}

/* ---- The models' gradients ---- */

/* The products of all rows that the models of a mask use: the upper triangle, and full squares of GRAM_TALL on the diagonal. */
typedef struct gram_whole {
    double x[GRAM_SIDE + 1][GRAM_SIDE + 1], y[GRAM_SIDE + 1], square_y;
} gram_whole;

static void gram_add_fold(int64_t d, const gram_sums *from, gram_whole *to)
{
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = i / DOUBLES * DOUBLES; j < d; j += DOUBLES) {
            doubles sum = doubles_at(to->x[i] + j) + doubles_at(from->x[i] + j);
            memcpy(to->x[i] + j, &sum, sizeof sum);
        }
        to->y[i] += from->y[i];
    }
}

static void gram_gather(const rows_task *t, const gram_room *room, uint64_t held_out, gram_whole *to)
{
    int64_t d = t->d;
    double one[GRAM_SIDE] = {0};
    memset(to, 0, sizeof *to);
    for (int f = 0; f < MAX_FOLDS; f++) {
        const gram_sums *from = &room->fold[f];
        if (!((room->present & ~held_out) >> f & 1)) continue;
        gram_add_fold(d, from, to);
        for (int64_t i = 0; i < d; i++) one[i] += from->one[i];
        one[d] += from->weight;
        to->y[d] += from->weight_y;
        to->square_y += from->square_y;
    }
    for (int64_t i = 0; i <= d; i++) {
        to->x[i][d] = one[i];
        to->x[i][d + 1] = 0; /* what rows have behind their columns came here */
    }
    for (int64_t i = 0; i < d; i += GRAM_TALL) to->x[i + 1][i] = to->x[i][i + 1];
}

/* Parameters of LANES models, the gradients of the sums of w (p - y)^2 / 2, and the sums of w (p - y)^2. */
typedef struct gram_block {
    double theta[GRAM_SIDE + 1][LANES], gradient[GRAM_SIDE + 1][LANES], square[LANES];
} gram_block;

/* Multiplies two rows of the products by theta. The last row is followed by a row of zeros. */
static inline void gram_product(const gram_whole *of, int64_t side, int64_t i, gram_block *b)
{
    doubles sum[GRAM_TALL][GRAM_PARTS] = {{{0}}};
    for (int64_t j = 0; j < side; j++) {
        const double *x = j < i ? &of->x[j][i] : &of->x[i][j]; /* the products are symmetric */
        int64_t below = j < i ? 1 : GRAM_SIDE + 1;
#pragma GCC unroll 8
        for (int q = 0; q < GRAM_PARTS; q++) {
            doubles theta = doubles_at(b->theta[j] + q * DOUBLES);
#pragma GCC unroll 2
            for (int r = 0; r < GRAM_TALL; r++) sum[r][q] += x[r * below] * theta;
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < GRAM_TALL; r++)
#pragma GCC unroll 8
        for (int q = 0; q < GRAM_PARTS; q++) {
            doubles g = sum[r][q] - of->y[i + r], theta = doubles_at(b->theta[i + r] + q * DOUBLES),
                    square = doubles_at(b->square + q * DOUBLES) + theta * (g - of->y[i + r]);
            memcpy(b->gradient[i + r] + q * DOUBLES, &g, sizeof g);
            memcpy(b->square + q * DOUBLES, &square, sizeof square);
        }
}

/* The models of a mask, `count` of LANES: the beginning of their parameters, and whether they form a block. */
typedef struct gram_models {
    const int *number;
    int64_t at[LANES];
    int count, is_block;
} gram_models;

static gram_models gram_models_from(const rows_task *t, const int *number, int left)
{
    gram_models m = {.number = number, .count = left < LANES ? left : LANES};
    for (int l = 0; l < LANES; l++) {
        int64_t c = number[l < m.count ? l : 0];
        m.at[l] = c / LANES * t->layout.ld + c % LANES;
    }
    m.is_block = m.count == LANES && number[0] % LANES == 0 && number[LANES - 1] == number[0] + LANES - 1;
    return m;
}

static int gram_live(const rows_models *all, const gram_models *m)
{
    int live = !all->alive;
    for (int l = 0; all->alive && l < m->count; l++) live |= all->alive[m->number[l]];
    return live;
}

static void gram_theta(const rows_task *t, const gram_models *m, gram_block *b)
{
    for (int64_t j = 0; j <= t->d; j++) {
        real room[LANES];
        const real *from = t->theta + m->at[0] + j * LANES;
        for (int l = 0; !m->is_block && l < LANES; l++) room[l] = t->theta[m->at[l] + j * LANES];
        if (!m->is_block) from = room;
        for (int l = 0; l < LANES; l += DOUBLES) {
            doubles some = doubles_of(from + l);
            memcpy(b->theta[j] + l, &some, sizeof some);
        }
    }
    memset(b->theta[t->d + 1], 0, sizeof b->theta[0]);
}

/* Stores the results. Losses are rounded to `real`; a sum that overflows counts as a failure. */
static void gram_give(const rows_task *t, const gram_models *m, const gram_block *b)
{
    struct loss_point unit = loss_at(t->loss, 1, 0);
    double derivative = (double)unit.derivative, value = (double)unit.value;
    for (int64_t j = 0; j <= t->d; j++) {
        real *to = t->gradient + j * LANES;
        if (m->is_block)
            for (int l = 0; l < LANES; l++) to[m->at[0] + l] += (real)(derivative * b->gradient[j][l]);
        else
            for (int l = 0; l < m->count; l++) to[m->at[l]] += (real)(derivative * b->gradient[j][l]);
    }
    for (int l = 0; l < m->count; l++) {
        real loss = (real)(value * b->square[l]);
        t->losses[m->number[l]] += (double)(loss < 0 ? 0 : loss);
    }
}

/* Computes gradients and losses after the rows of a chunk. */
static void finish_gram(const rows_task *t)
{
    const rows_models *all = t->models;
    gram_room *room = own_gram(t);
    gram_whole whole;
    gram_block b;
    for (int mask = 0, c = 0; mask < all->masks; mask++) {
        gram_gather(t, room, all->mask[mask], &whole);
        for (; c < all->mask_end[mask]; c += LANES) {
            gram_models m = gram_models_from(t, all->by_mask + c, all->mask_end[mask] - c);
            if (!gram_live(all, &m)) continue;
            gram_theta(t, &m, &b);
            for (int l = 0; l < LANES; l++) b.square[l] = whole.square_y;
            for (int64_t i = 0; i <= t->d; i += GRAM_TALL) gram_product(&whole, t->d + 1, i, &b);
            gram_give(t, &m, &b);
        }
        c = all->mask_end[mask];
    }
    room->present = 0;
}

#endif
