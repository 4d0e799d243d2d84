/* Steps of models of squared error whose batches have the same rows in every epoch. With z = (x, 1), the mean gradient of a batch
 * is M theta - m, where M = (1/B) sum w z z^T and m = (1/B) sum w z (y - o): (d+1)^2 products for each model, instead of 2 d for
 * each row of the batch. M and m are computed once, or again in each epoch where there is no room for them, with the same bits.
 *
 * M and m are rounded to `real` when they have been summed: an error like that of x itself, by half a unit in the last place. */
#include "step.h"

#include "failure.h"
#include <stdlib.h>
#include <string.h>

enum {
    PART = 8 * BAND,   /* rows of M that a thread takes at once */
    PACKED_PIECE = 48, /* rows of x, likewise */
    TILE_VALUES = PACKED_LEFT * LANES
};

/* LANES models that count the rows of the same folds, `count` of them in use. */
typedef struct products_group {
    int mask, count;
    int is_block; /* their parameters lie side by side, as a block of the layout */
    int64_t at[LANES];
    int number[LANES];
} products_group;

struct batch_products {
    /* What products are kept of. */
    const dataset *of;
    int sampling, masks;
    permutation order;
    uint64_t batches;
    uint64_t *mask;
    int64_t d;
    /* A slot is a batch's products, for each mask: M by bands, and m. The last slot is for batches that have none. */
    int64_t each, kept;
    uint8_t *ready; /* kept */
    real *values;   /* (kept + 1) x masks x each */
    double *square; /* (kept + 1) x masks: means of w (y - o)^2 */
    /* Room to compute them. */
    packed_rows packed;
    int place[PACKED_ROWS];
    double *sums; /* folds x strips x panels x PACKED_LEFT x LANES */
    /* Of the run. */
    int64_t groups;
    products_group *group;
    real *theta, *gradient; /* groups x side x LANES, of those that are no block */
    double *part_squares;   /* groups x parts x LANES */
};

/* ---- What it takes ---- */

static int64_t round_up(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

static int64_t values_each(int64_t d)
{
    int64_t bands = band_count(d + 1);
    return round_up(band_start(bands, bands) + bands * BAND, LANES);
}

static int64_t strips_of(int64_t d) { return (d + 2 + PACKED_LEFT - 1) / PACKED_LEFT; }
static int64_t panels_of(int64_t d) { return (d + 2 + LANES - 1) / LANES; }
static int64_t parts_of(int64_t d) { return (d + 1 + PART - 1) / PART; }

/* How many products of each kind a batch has: those without the rows of a fold, for each fold, and those of all rows. */
static double sets_of(int folds) { return folds > 1 ? folds + 1 : 1; }

/* Steps from rows take 2 multiplications for each row, column and model. Steps from products take (d+1) / B, and the products
 * themselves, which are computed once for all epochs and all models of a pass, d / 2; a pass takes as long for 16 models as for
 * fewer. That the loops for products are slower is in the numbers 1.6, for 2, and 0.65, for 1/2, which were measured. Nor may the
 * products of all batches be more than twice as large as x is in floats. */
int NAMED(products_pay)(const run_spec *p, int folds)
{
    enum { MODELS = 16, MOST_OF_X = 2 };
    int is_quadratic = p->loss.kind == CUSGD_LOSS_SQUARED || p->loss.kind == CUSGD_LOSS_MSE;
    double d = (double)p->d, batch = (double)p->batch, once = 0.65 * d / MODELS;
    if (!is_quadratic || p->sparse || p->shards > 1 || p->world || p->repeats <= 0) return 0;
    return sets_of(folds) * d <= 2 * MOST_OF_X * batch && d / batch + once / (double)p->repeats <= 1.6;
}

double NAMED(cpu_batch_room)(void *of, const run_spec *p, int folds)
{
    (void)of;
    return NAMED(products_pay)(p, folds) ? sets_of(folds) * ((double)values_each(p->d) * sizeof(real) + sizeof(double)) : 0;
}

/* ---- Room ---- */

static void close_groups(batch_products *p)
{
    free(p->group);
    free(p->theta);
    free(p->gradient);
    free(p->part_squares);
    p->group = NULL;
    p->theta = p->gradient = NULL;
    p->part_squares = NULL;
}

static void close_slots(batch_products *p)
{
    free(p->mask);
    free(p->ready);
    free(p->values);
    free(p->square);
    free(p->packed.left);
    free(p->packed.right);
    free(p->sums);
    p->mask = NULL;
    p->ready = NULL;
    p->values = p->packed.left = p->packed.right = NULL;
    p->square = p->sums = NULL;
    p->of = NULL;
}

void NAMED(products_close)(cpu *self)
{
    batch_products *p = self->models.products;
    if (!p) return;
    close_groups(p);
    close_slots(p);
    free(p);
    self->models.products = NULL;
}

void NAMED(products_forget)(cpu *self, const dataset *b)
{
    if (self->models.products && self->models.products->of == b) close_slots(self->models.products);
}

static products_group group_of(const cpu *self, int mask, const int *number, int left)
{
    products_group g = {.mask = mask, .count = left < LANES ? left : LANES};
    for (int l = 0; l < LANES; l++) {
        int c = number[l < g.count ? l : 0];
        g.number[l] = c;
        g.at[l] = c / LANES * self->layout.ld + c % LANES;
    }
    g.is_block = number[0] % LANES == 0 && g.number[g.count - 1] == number[0] + g.count - 1 &&
                 (g.count == LANES || number[0] + g.count == self->spec.k);
    return g;
}

/* Numbers of a mask ascend, so that LANES of them are a block where the first and the last are as far apart. */
static void make_groups(const cpu *self, batch_products *p)
{
    const rows_models *all = &self->models.rows;
    p->groups = 0;
    for (int mask = 0, c = 0; mask < all->masks; mask++)
        for (; c < all->mask_end[mask]; c += p->group[p->groups++].count)
            p->group[p->groups] = group_of(self, mask, all->by_mask + c, all->mask_end[mask] - c);
}

cusgd_status NAMED(products_start)(cpu *self)
{
    const rows_models *all = &self->models.rows;
    size_t most = (size_t)(self->spec.k / LANES + all->masks + 1), side = (size_t)self->spec.d + 1;
    if (!self->models.products && !(self->models.products = allocate_zeroed(1, sizeof *self->models.products)))
        return fail_memory(sizeof *self->models.products, "the batches' products");
    batch_products *p = self->models.products;
    close_groups(p);
    p->group = allocate(most, sizeof *p->group);
    p->theta = allocate_aligned_zeroed(most * side * LANES, sizeof(real));
    p->gradient = allocate_aligned_zeroed(most * side * LANES, sizeof(real));
    p->part_squares = allocate(most * (size_t)parts_of(self->spec.d) * LANES, sizeof(double));
    if (!p->group || !p->theta || !p->gradient || !p->part_squares)
        return fail_memory(most * side * LANES * sizeof(real), "the models' gradients");
    make_groups(self, p);
    return CUSGD_OK;
}

/* Whether what is kept is of this slice's batches. */
static int is_kept(const cpu *self, const batch_products *p, const batch_share *share)
{
    const sampler *order = share->order;
    const rows_models *all = &self->models.rows;
    if (p->of != share->examples || p->sampling != order->sampling || p->batches != order->batches || p->d != self->spec.d)
        return 0;
    if (memcmp(&p->order, &order->order, sizeof p->order) != 0 && order->sampling == CUSGD_SAMPLING_BATCHES) return 0;
    return p->masks == all->masks && memcmp(p->mask, all->mask, sizeof *p->mask * (size_t)p->masks) == 0;
}

/* As many batches as the models' memory allows; where the machine has not even that, fewer. */
static void open_kept(batch_products *p, double bytes)
{
    double each = (double)p->masks * ((double)p->each * sizeof(real) + sizeof(double)), most = bytes / each;
    p->kept = most < (double)p->batches ? (int64_t)most : (int64_t)p->batches;
    for (;; p->kept /= 2) {
        size_t slots = ((size_t)p->kept + 1) * (size_t)p->masks;
        p->values = allocate_aligned(slots * (size_t)p->each, sizeof(real));
        p->square = allocate(slots, sizeof(double));
        if ((p->values && p->square) || p->kept == 0) return;
        free(p->values);
        free(p->square);
    }
}

static cusgd_status open_slots(cpu *self, batch_products *p, const batch_share *share)
{
    const rows_models *all = &self->models.rows;
    int64_t d = self->spec.d, strips = strips_of(d), panels = panels_of(d);
    size_t sums = (size_t)(share->examples->folds * strips * panels) * TILE_VALUES;
    close_slots(p);
    p->sampling = share->order->sampling;
    p->order = share->order->order;
    p->batches = share->order->batches;
    p->masks = all->masks;
    p->d = d;
    p->each = values_each(d);
    p->mask = allocate((size_t)p->masks, sizeof *p->mask);
    open_kept(p, self->models.products_bytes);
    p->ready = allocate_zeroed((size_t)p->kept + 1, 1);
    p->packed.width = d + 2;
    p->packed.left = allocate_aligned_zeroed((size_t)strips * PACKED_ROWS * PACKED_LEFT, sizeof(real));
    p->packed.right = allocate_aligned_zeroed((size_t)panels * PACKED_ROWS * LANES, sizeof(real));
    p->sums = allocate_aligned(sums, sizeof(double));
    if (!p->mask || !p->ready || !p->values || !p->square || !p->packed.left || !p->packed.right || !p->sums) {
        close_slots(p);
        return fail_memory(sums * sizeof(double), "the products of a batch");
    }
    memcpy(p->mask, all->mask, sizeof *p->mask * (size_t)p->masks);
    p->of = share->examples;
    return CUSGD_OK;
}

/* ---- The products of a batch ---- */

/* Rows of a batch that are packed together. */
typedef struct packing {
    const cpu *self;
    batch_products *p;
    const dataset *of;
    int64_t first;       /* of the rows, where they are consecutive */
    const int64_t *rows; /* NULL: they are */
    int64_t count;
    int64_t slot, batch_rows;
} packing;

static int fold_of(const packing *k, int64_t i)
{
    int64_t row = k->rows ? k->rows[i] : k->first + i;
    return k->of->fold ? k->of->fold[row] : 0;
}

/* Places the rows of each fold side by side. */
static void place_rows(const packing *k)
{
    packed_rows *packed = &k->p->packed;
    int next[MAX_FOLDS] = {0};
    for (int64_t i = 0; i < k->count; i++) next[fold_of(k, i)]++;
    for (int f = 0, end = 0; f < MAX_FOLDS; f++) {
        end += next[f];
        packed->end[f] = end;
        next[f] = end - next[f];
    }
    for (int64_t i = 0; i < k->count; i++) k->p->place[i] = next[fold_of(k, i)]++;
}

static void pack_piece(void *context, int64_t i)
{
    const packing *k = context;
    int64_t first = i * PACKED_PIECE, count = min_of(PACKED_PIECE, k->count - first);
    rows_packing to = {&k->p->packed, k->p->place + first};
    rows_models packs = {.packing = &to};
    rows_task task = NAMED(task_of)(k->of, k->self->spec.loss, k->self->point, NULL);
    task.layout = k->self->layout;
    task.models = &packs;
    if (k->rows) {
        rows_list list = {k->rows + first, k->rows + first, count, 0};
        rows_for(k->self, &task)->gradient_listed(&task, &list);
    } else {
        rows_for(k->self, &task)->gradient(&task, (rows_range){k->first + first, count, k->first + first, 0});
    }
}

/* Whether a tile has a column that is not to the left of all its rows. */
static int is_upper(int64_t strip, int64_t panel) { return (panel + 1) * LANES > strip * PACKED_LEFT; }

static void add_tile_of(void *context, int64_t i)
{
    const packing *k = context;
    int64_t strips = strips_of(k->p->d), panels = panels_of(k->p->d);
    if (!is_upper(i / panels, i % panels)) return;
    k->self->rows[CUSGD_STORAGE_FULL]->add_products(&k->p->packed, i / panels, i % panels, strips * panels * TILE_VALUES,
                                                    k->p->sums + i * TILE_VALUES);
}

/* A sum of z's products, of columns `row` and j, to where it belongs among the slot's values of a mask: to M, to m where j is
 * y's, or nowhere, as it is known from the other side. */
static void put_value(const packing *k, int mask, int64_t row, int64_t j, double sum)
{
    batch_products *p = k->p;
    int64_t side = p->d + 1, bands = band_count(side), band = row / BAND, set = k->slot * p->masks + mask;
    real *to = p->values + set * p->each, value = (real)(sum / (double)k->batch_rows);
    if (row == side && j == side)
        p->square[set] = sum / (double)k->batch_rows;
    else if (row < side && j == side)
        to[band_start(bands, bands) + row] = value;
    else if (row < side && j >= band * BAND)
        to[band_start(bands, band) + (j - band * BAND) * BAND + row % BAND] = value;
}

/* The sums of the folds that count, over the batch's rows. */
static void round_tile(void *context, int64_t i)
{
    const packing *k = context;
    const batch_products *p = k->p;
    int64_t tiles = strips_of(p->d) * panels_of(p->d), strip = i / panels_of(p->d), panel = i % panels_of(p->d);
    int64_t rows = min_of(PACKED_LEFT, p->d + 2 - strip * PACKED_LEFT), columns = min_of(LANES, p->d + 2 - panel * LANES);
    if (!is_upper(strip, panel)) return;
    for (int mask = 0; mask < p->masks; mask++) {
        double sum[TILE_VALUES] = {0};
        for (int f = 0; f < k->of->folds; f++) {
            const double *from = p->sums + (f * tiles + i) * TILE_VALUES;
            if (p->mask[mask] >> f & 1) continue;
            for (int u = 0; u < TILE_VALUES; u++) sum[u] += from[u];
        }
        for (int64_t r = 0; r < rows; r++)
            for (int64_t j = 0; j < columns; j++)
                put_value(k, mask, strip * PACKED_LEFT + r, panel * LANES + j, sum[r * LANES + j]);
    }
}

static void compute_products(const step *t, int64_t slot)
{
    cpu *self = t->self;
    batch_products *p = self->models.products;
    const batch_share *share = &t->slice->shares[self->order.first];
    batch_span span = t->shards[0].batch[0];
    packing k = {self, p, share->examples, span.first, NULL, 0, slot, t->rows};
    int64_t tiles = strips_of(p->d) * panels_of(p->d);
    int team = threads_for(self->threads, span.count * p->each * (int64_t)sizeof(real) / 8, THREAD_BYTES);
    memset(p->sums, 0, (size_t)(share->examples->folds * tiles) * TILE_VALUES * sizeof(double));
    memset(p->values + slot * p->masks * p->each, 0, (size_t)(p->masks * p->each) * sizeof(real));
    if (!t->contiguous) {
        self->rows[CUSGD_STORAGE_FULL]->order(share->order, self->order.tables, span.first, span.count, self->order.rows);
        k.rows = self->order.rows;
    }
    for (int64_t at = 0; at < span.count; at += k.count) {
        k.count = min_of(PACKED_ROWS, span.count - at);
        place_rows(&k);
        pool_for(self->pool, team, (k.count + PACKED_PIECE - 1) / PACKED_PIECE, pack_piece, &k);
        pool_for(self->pool, team, tiles, add_tile_of, &k);
        k.first += k.count;
        if (k.rows) k.rows += k.count;
    }
    pool_for(self->pool, team, tiles, round_tile, &k);
}

/* Returns the slot with the products of the step's batch, which are computed if they are not there. */
static int64_t find_slot(const step *t)
{
    batch_products *p = t->self->models.products;
    int64_t batch = (int64_t)sampler_batch(t->slice->shares[t->self->order.first].order, (uint64_t)(t->slice->first + t->i));
    int64_t slot = min_of(batch, p->kept);
    if (slot == p->kept || !p->ready[slot]) compute_products(t, slot);
    if (slot < p->kept) p->ready[slot] = 1;
    return slot;
}

/* ---- The models' gradients ---- */

typedef struct products_step {
    const step *step;
    int64_t slot;
} products_step;

static int is_live(const cpu *self, const products_group *g)
{
    int live = 0;
    for (int l = 0; l < g->count; l++) live |= self->models.alive[g->number[l]];
    return live;
}

static void gather_theta(void *context, int64_t i)
{
    const products_step *s = context;
    cpu *self = s->step->self;
    const products_group *g = &self->models.products->group[i];
    int64_t side = self->spec.d + 1;
    real *to = self->models.products->theta + i * side * LANES;
    if (g->is_block || !is_live(self, g)) return;
    for (int64_t j = 0; j < side; j++)
        for (int l = 0; l < LANES; l++) to[j * LANES + l] = self->point[g->at[l] + j * LANES];
}

/* Computes part i % parts of the gradients of group i / parts. */
static void add_part(void *context, int64_t i)
{
    const products_step *s = context;
    cpu *self = s->step->self;
    batch_products *p = self->models.products;
    int64_t side = p->d + 1, parts = parts_of(p->d), bands = band_count(side), first = i % parts * PART;
    const products_group *g = &p->group[i / parts];
    const real *values = p->values + (s->slot * p->masks + g->mask) * p->each;
    int64_t own = i / parts * side * LANES;
    real *gradient = g->is_block ? self->sums.gradient + g->at[0] : p->gradient + own;
    products_part part = {.x = values,
                          .y = values + band_start(bands, bands),
                          .side = side,
                          .first = first,
                          .end = min_of(first + PART, side),
                          .theta = g->is_block ? self->point + g->at[0] : p->theta + own,
                          .derivative = loss_at(self->spec.loss, 1, 0).derivative,
                          .gradient = gradient,
                          .square = p->part_squares + i * LANES};
    if (!is_live(self, g)) return;
    self->rows[CUSGD_STORAGE_FULL]->products_gradient(&part);
    for (int64_t j = part.first; j < part.end && !g->is_block; j++)
        for (int l = 0; l < g->count; l++) self->sums.gradient[g->at[l] + j * LANES] = gradient[j * LANES + l];
}

/* Losses are rounded to `real`, so that a model fails whose loss `real` cannot hold, as it does by steps from rows. */
static void take_losses(const products_step *s)
{
    cpu *self = s->step->self;
    batch_products *p = self->models.products;
    int64_t parts = parts_of(p->d);
    double value = (double)loss_at(self->spec.loss, 1, 0).value, rows = (double)s->step->rows;
    for (int64_t i = 0; i < p->groups; i++) {
        const products_group *g = &p->group[i];
        for (int l = 0; l < g->count && is_live(self, g); l++) {
            double sum = p->square[s->slot * p->masks + g->mask];
            for (int64_t part = 0; part < parts; part++) sum += p->part_squares[(i * parts + part) * LANES + l];
            real loss = (real)(value * rows * sum);
            self->models.chunk_losses[g->number[l]] = (double)(loss < 0 ? 0 : loss);
        }
    }
}

cusgd_status NAMED(products_begin)(cpu *self, const slice *s)
{
    const batch_share *share = &s->shares[self->order.first];
    return is_kept(self, self->models.products, share) ? CUSGD_OK : open_slots(self, self->models.products, share);
}

void NAMED(products_gradient)(step *t)
{
    cpu *self = t->self;
    batch_products *p = self->models.products;
    products_step s = {t, find_slot(t)};
    int team = threads_for(self->threads, p->groups * p->each * (int64_t)sizeof(real), THREAD_BYTES);
    pool_for(self->pool, team, p->groups, gather_theta, &s);
    pool_for(self->pool, team, p->groups * parts_of(p->d), add_part, &s);
    t->each = t->chunks = 1;
    take_losses(&s);
}
