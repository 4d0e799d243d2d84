/* scalar/sampling.h: bijections, their uniformity, the sampling modes, the cut into batches. Every seed is fixed, so a
 * statistic is one number; scores are standard normal under the hypothesis and 5 is passed by chance once in 3 million.
 * CUSGD_TORTURE=1 in the environment: more seeds and sizes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scalar/order.h"

static int torture(void)
{
    const char *word = getenv("CUSGD_TORTURE");
    return word && !strcmp(word, "1");
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Pearson's statistic of `cells` equally likely counts, of `df` degrees of freedom, as a standard normal (Wilson, Hilferty 1931).
 */
static double uniform_score(const int *counts, int64_t cells, double expected, double df)
{
    double sum = 0;
    for (int64_t i = 0; i < cells; i++)
        if (counts[i] >= 0) sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return (cbrt(sum / df) - 1 + 2 / (9 * df)) / sqrt(2 / (9 * df));
}

/* ---- The bijection ------------------------------------------------------------------------------------------------------- */

Test(permutation, bijection_up_to_2000)
{
    enum { MOST = 5000 };
    static uint64_t seen[MOST];
    uint64_t mark = 0, maximum = torture() ? MOST : 2000;
    for (uint64_t n = 1; n <= maximum; n++)
        for (uint64_t epoch = 0; epoch < 2; epoch++) {
            permutation p = permutation_make(n, 12345 + n, epoch);
            mark++;
            for (uint64_t i = 0; i < n; i++) {
                uint64_t to = permutation_at(&p, i);
                cr_assert(to < n && seen[to] != mark, "n = %d: position %d", (int)n, (int)i);
                seen[to] = mark;
            }
        }
}

/* Where n cannot be walked whole: images of runs of positions, near and far, are distinct, in range, and every bit is fair. */
Test(permutation, bijection_of_huge_ranges)
{
    const uint64_t sizes[] = {((uint64_t)1 << 32) - 1, (uint64_t)1 << 32,       ((uint64_t)1 << 32) + 1, 10000000019,
                              (uint64_t)1 << 40,       ((uint64_t)1 << 47) + 7, (uint64_t)1 << 62,       ((uint64_t)1 << 62) + 1,
                              (uint64_t)1 << 63};
    enum { SAMPLE = 40000 };
    uint64_t *to = malloc(SAMPLE * sizeof *to);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint64_t n = sizes[s];
        permutation p = permutation_make(n, 99, s);
        for (uint64_t i = 0; i < SAMPLE; i++) {
            uint64_t at = i < SAMPLE / 2 ? i : n - 1 - i * (n / (2 * SAMPLE)); /* a run, then strides to the end */
            to[i] = permutation_at(&p, at);
            cr_assert_lt(to[i], n);
        }
        for (int bit = 0; (uint64_t)1 << (bit + 1) <= n && bit < 62; bit++) {
            double ones = 0, share = 0.5; /* the exact share of numbers below n with this bit */
            uint64_t period = (uint64_t)2 << bit, whole = n / period * (period / 2), rest = n % period;
            share = ((double)whole + (rest > period / 2 ? (double)(rest - period / 2) : 0)) / (double)n;
            for (int i = 0; i < SAMPLE; i++) ones += (double)(to[i] >> bit & 1);
            cr_assert_lt(fabs(ones - SAMPLE * share) / sqrt(SAMPLE * share * (1 - share)), 5, "n = %g, bit %d", (double)n, bit);
        }
        qsort(to, SAMPLE, sizeof *to, compare);
        for (int i = 1; i < SAMPLE; i++) cr_assert_neq(to[i], to[i - 1], "n = %g", (double)n);
    }
    free(to);
}

/* The rank of an order among the n! of them (Lehmer's code). */
static int order_rank(const uint64_t *order, int n)
{
    int rank = 0;
    for (int i = 0; i < n; i++) {
        int smaller = 0;
        for (int j = i + 1; j < n; j++) smaller += order[j] < order[i];
        rank = rank * (n - i) + smaller;
    }
    return rank;
}

/* All n! orders of few rows come equally often, over epochs of one seed and over seeds. */
Test(permutation, every_order_of_few_rows)
{
    static int counts[40320];
    int factorial = 1, maximum = torture() ? 8 : 6;
    for (int n = 2; n <= maximum; n++) {
        factorial *= n;
        int trials = (torture() ? 400 : 40) * factorial;
        if (trials < 20000) trials = 20000;
        for (int over = 0; over < 2; over++) {
            memset(counts, 0, sizeof counts);
            for (int t = 0; t < trials; t++) {
                uint64_t order[8], key = over ? stream_key((uint64_t)t, STREAM_ORDER) : 5;
                permutation p = permutation_make((uint64_t)n, key, over ? 0 : (uint64_t)t);
                for (int i = 0; i < n; i++) order[i] = permutation_at(&p, (uint64_t)i);
                counts[order_rank(order, n)]++;
            }
            double score = uniform_score(counts, factorial, (double)trials / factorial, factorial - 1);
            cr_assert_lt(score, 5, "n = %d, over %s: %g", n, over ? "seeds" : "epochs", score);
        }
    }
}

/* The images of two positions: every ordered pair of different rows comes equally often. */
static double pair_score(uint64_t n, uint64_t i, uint64_t j, int trials, int *counts)
{
    memset(counts, 0, n * n * sizeof *counts);
    for (uint64_t r = 0; r < n; r++) counts[r * n + r] = -1;
    for (int t = 0; t < trials; t++) {
        permutation p = permutation_make(n, 31, (uint64_t)t);
        counts[permutation_at(&p, i) * n + permutation_at(&p, j)]++;
    }
    double pairs = (double)(n * (n - 1));
    return uniform_score(counts, (int64_t)(n * n), trials / pairs, pairs - 1);
}

Test(permutation, pairs_of_positions)
{
    const uint64_t sizes[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 33, 50};
    static int counts[50 * 50];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint64_t n = sizes[s], pairs[][2] = {{0, 1}, {n / 2, n / 2 - 1}, {n - 1, 0}, {0, n / 2}};
        for (int k = 0; k < 4; k++) {
            double score = pair_score(n, pairs[k][0], pairs[k][1], torture() ? 1000000 : 10000, counts);
            cr_assert_lt(score, 5, "n = %d, positions %d and %d: %g", (int)n, (int)pairs[k][0], (int)pairs[k][1], score);
        }
    }
}

/* Where a table of pairs would be too large: the difference of two images, modulo n, is uniform on 1 .. n - 1, for every gap.
 * Orders of a few hundred to a few thousand rows are the hardest: the halves of an index are short, and there is no walk. */
Test(permutation, differences)
{
    const uint64_t sizes[] = {200, 256, 257, 300, 512, 777, 1000, 1024, 2048, 4096, 5000, 16384};
    static int counts[16384];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint64_t n = sizes[s];
        for (uint64_t gap = 1; gap < n; gap *= 2) {
            int trials = torture() ? 1000000 : 30000;
            memset(counts, 0, sizeof counts);
            for (int t = 0; t < trials; t++) {
                permutation p = permutation_make(n, 17, (uint64_t)t);
                uint64_t at = random_below(random_bits(1, (uint64_t)t, 0), n - gap);
                counts[(permutation_at(&p, at + gap) + n - permutation_at(&p, at)) % n]++;
            }
            cr_assert_eq(counts[0], 0);
            double score = uniform_score(counts + 1, (int64_t)n - 1, trials / (double)(n - 1), (double)n - 2);
            cr_assert_lt(score, 5, "n = %d, gap %d: %g", (int)n, (int)gap, score);
        }
    }
}

/* The same on large n, by the top six bits and the low six bits of the images of neighbors. */
Test(permutation, neighbors_in_large_ranges)
{
    const uint64_t sizes[] = {(uint64_t)1 << 14, (uint64_t)1 << 17, 1000000, (uint64_t)1 << 30, 3000000000, (uint64_t)1 << 45};
    static int top[4096], low[4096];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint64_t gap = 1; gap < sizes[s] / 2; gap *= torture() ? 2 : 8) {
            uint64_t n = sizes[s];
            int total = 0;
            memset(top, 0, sizeof top);
            memset(low, 0, sizeof low);
            for (uint64_t e = 0; e < (torture() ? 400u : 40u); e++) {
                permutation p = permutation_make(n, 23, e);
                uint64_t start = random_below(random_bits(2, e, gap), n - gap);
                for (uint64_t i = 0; i < 2000; i++, total++) {
                    uint64_t at = (start + i) % (n - gap); /* a run of positions, as a batch has */
                    uint64_t a = permutation_at(&p, at), b = permutation_at(&p, at + gap);
                    top[(int)((double)a / (double)n * 64) * 64 + (int)((double)b / (double)n * 64)]++;
                    low[(a & 63) * 64 + (b & 63)]++;
                }
            }
            cr_assert_lt(uniform_score(top, 4096, total / 4096.0, 4095), 5, "n = %g, gap %g, top bits", (double)n, (double)gap);
            cr_assert_lt(uniform_score(low, 4096, total / 4096.0, 4095), 5, "n = %g, gap %g, low bits", (double)n, (double)gap);
        }
}

/* Epochs that follow each other, and seeds: the image of a position says nothing about its next one. */
Test(permutation, epochs_are_independent)
{
    const uint64_t sizes[] = {7, 12, 30, 50};
    static int counts[2500];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int over = 0; over < 2; over++) {
            uint64_t n = sizes[s];
            int trials = torture() ? 1000000 : 50000;
            memset(counts, 0, sizeof counts);
            uint64_t last = 0;
            for (uint64_t t = 0; t <= (uint64_t)trials; t++) {
                permutation p = permutation_make(n, over ? stream_key(t, STREAM_ORDER) : 3, over ? 0 : t);
                uint64_t now = permutation_at(&p, n / 3);
                if (t) counts[last * n + now]++;
                last = now;
            }
            double score = uniform_score(counts, (int64_t)(n * n), trials / (double)(n * n), (double)(n * n - 1));
            cr_assert_lt(score, 5, "n = %d: %g", (int)n, score);
        }
}

/* ---- The sampling modes -------------------------------------------------------------------------------------------------- */

static const cusgd_sampling once[] = {CUSGD_SAMPLING_PERMUTE, CUSGD_SAMPLING_BLOCKS, CUSGD_SAMPLING_NONE, CUSGD_SAMPLING_PAGES,
                                      CUSGD_SAMPLING_BATCHES};
enum { ONCE = sizeof once / sizeof once[0], IN_TURN = 4 /* of them, the first: batches come in their own order */ };

static void check_every_row_once(cusgd_sampling sampling, uint64_t n, uint64_t seed, uint64_t epoch, unsigned char *seen)
{
    sampler s = sampler_make(sampling, seed, n, 1, epoch);
    memset(seen, 0, n);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t row = sampler_row(&s, i);
        cr_assert(row < n && !seen[row], "sampling %d, n = %d, position %d", (int)sampling, (int)n, (int)i);
        seen[row] = 1;
        if (sampling == CUSGD_SAMPLING_NONE) cr_assert_eq(row, i);
    }
}

Test(sampling, every_row_once)
{
    enum { WINDOW = SAMPLING_BLOCK * SAMPLING_WINDOW };
    const int around[] = {SAMPLING_BLOCK,          2 * SAMPLING_BLOCK, 3 * SAMPLING_BLOCK, WINDOW,
                          WINDOW + SAMPLING_BLOCK, 2 * WINDOW,         5 * WINDOW};
    unsigned char *seen = malloc(6 * WINDOW);
    for (int m = 0; m < ONCE; m++) {
        for (uint64_t n = 1; n < (torture() ? 3 * WINDOW : 200); n++) check_every_row_once(once[m], n, n, n / 2, seen);
        for (size_t a = 0; a < sizeof around / sizeof *around; a++)
            for (int by = -3; by <= 3; by++)
                for (uint64_t epoch = 0; epoch < 4; epoch++)
                    check_every_row_once(once[m], (uint64_t)(around[a] + by), 7, epoch, seen);
    }
    free(seen);
}

/* `blocks`: rows stand equally often everywhere; the rows of a window lie in few contiguous runs; neighbors get separated. */
Test(sampling, blocks)
{
    enum { ROWS = 333, CELLS = 37 };
    static int counts[ROWS * CELLS];
    int epochs = torture() ? 400000 : 40000;
    for (int e = 0; e < epochs; e++) {
        sampler s = sampler_make(CUSGD_SAMPLING_BLOCKS, 3, ROWS, 1, (uint64_t)e);
        for (uint64_t i = 4; i < ROWS; i += 97) counts[sampler_row(&s, i) * CELLS + i / 9]++;
    }
    for (uint64_t i = 4; i < ROWS; i += 97) { /* one position's row over the epochs */
        int rows[ROWS];
        for (uint64_t r = 0; r < ROWS; r++) rows[r] = counts[r * CELLS + i / 9];
        cr_assert_lt(uniform_score(rows, ROWS, epochs / (double)ROWS, ROWS - 1), 5, "position %d", (int)i);
    }

    enum { WINDOW = SAMPLING_BLOCK * SAMPLING_WINDOW, SHORT = WINDOW + 30, N = 40 * WINDOW + 100 };
    static int last[SHORT]; /* rows that fill no block stand last: every row in its turn */
    for (int e = 0; e < epochs; e++) {
        sampler t = sampler_make(CUSGD_SAMPLING_BLOCKS, 3, SHORT, 1, (uint64_t)e);
        last[sampler_row(&t, SHORT - 1)]++;
    }
    cr_assert_lt(uniform_score(last, SHORT, epochs / (double)SHORT, SHORT - 1), 5);

    sampler s = sampler_make(CUSGD_SAMPLING_BLOCKS, 3, N, 1, 0);
    static uint64_t rows[WINDOW];
    int together = 0;
    for (uint64_t window = 0; window < 40; window++) {
        for (uint64_t i = 0; i < WINDOW; i++) rows[i] = sampler_row(&s, window * WINDOW + i);
        for (int i = 1; i < WINDOW; i++) together += rows[i] == rows[i - 1] + 1;
        qsort(rows, WINDOW, sizeof *rows, compare);
        int runs = 1;
        for (int i = 1; i < WINDOW; i++) runs += rows[i] != rows[i - 1] + 1;
        cr_assert_leq(runs, SAMPLING_WINDOW + 1); /* one block may lie across the end of the data */
        cr_assert_geq(runs, SAMPLING_WINDOW / 2); /* and the blocks are not neighbors */
    }
    cr_assert_lt(together, 40 * 8); /* expected: one in a window */
}

/* `pages`, of any number of columns and rows: each row once, of a window no more than its pages, which are whole but for one,
 * as the windows' own numbers say; the processor's vectorized order is the same. */
static void check_pages(uint64_t n, uint64_t columns, uint64_t epoch, unsigned char *seen)
{
    sampler s = sampler_of_shard(CUSGD_SAMPLING_PAGES, 3, (shard_of_rows){n, columns, 1, 0}, 1, epoch);
    memset(seen, 0, n);
    cr_assert_geq(s.page * columns * sizeof(float), PAGE_BYTES);
    cr_assert(s.span >= 32 * s.page && s.span >= n / 50 && (s.span & (s.span - 1)) == 0);
    for (uint64_t i = 0; i < n;) {
        page_window w = pages_window_at(&s, i);
        cr_assert(w.first == i && w.rows > 0 && w.rows <= s.span, "n = %d, position %d", (int)n, (int)i);
        for (uint64_t end = i + w.rows; i < end; i++) {
            uint64_t row = sampler_row(&s, i), place = pages_place(&s, &w, i - w.first);
            cr_assert(row < n && !seen[row], "n = %d, position %d", (int)n, (int)i);
            seen[row] = 1;
            cr_assert(place < w.rows && pages_window_at(&s, i).number == w.number);
            if (row == n - 1) cr_assert_eq(row % s.page, (pages_filled(&s, w.number, place)) % s.page);
        }
    }
    static int64_t rows[1000], table[SAMPLING_SPAN];
    order_table(&s, table); /* `pages` does not read it */
    for (uint64_t first = 0; first < n; first += 997) {
        int64_t count = n - first < 1000 ? (int64_t)(n - first) : 1000;
        order_range(&s, table, (int64_t)first, count, rows);
        for (int64_t i = 0; i < count; i++) cr_assert_eq((uint64_t)rows[i], sampler_row(&s, first + (uint64_t)i));
    }
}

/* The processor keeps the pages of a window: those of other epochs, shards and windows in between are not taken for them. */
static void check_orders_in_turn(uint64_t n, uint64_t columns, uint64_t step)
{
    enum { ORDERS = 6, COUNT = 40 };
    sampler s[ORDERS];
    for (uint64_t o = 0; o < ORDERS; o++)
        s[o] = sampler_of_shard(CUSGD_SAMPLING_PAGES, 3, (shard_of_rows){n, columns, 2, o % 2}, 1, o / 2);
    for (uint64_t first = 0; first + COUNT < n / 2; first += step) {
        for (int o = 0; o < ORDERS; o++) {
            int64_t rows[COUNT];
            order_range(&s[o], NULL, (int64_t)first, COUNT, rows);
            for (uint64_t i = 0; i < COUNT; i++) cr_assert_eq((uint64_t)rows[i], sampler_row(&s[o], first + i));
        }
    }
}

Test(sampling, pages)
{
    enum { COLUMNS = 1024, PAGE = 64, WINDOW = 32 * PAGE }; /* the smallest ones */
    const int around[] = {1, PAGE, 2 * PAGE, WINDOW, WINDOW + PAGE, 3 * WINDOW, 5 * WINDOW + 7 * PAGE, 120 * WINDOW};
    unsigned char *seen = malloc(121 * WINDOW);
    for (size_t a = 0; a < sizeof around / sizeof *around; a++)
        for (int by = -1; by <= 1; by++)
            for (uint64_t epoch = 0; epoch < (around[a] > 6 * WINDOW ? 1 : 12); epoch++)
                if (around[a] + by > 0) check_pages((uint64_t)(around[a] + by), COLUMNS, epoch, seen);
    check_pages(200000, 2, 1, seen);
    check_pages(4000, 100000, 1, seen);
    free(seen);
    check_orders_in_turn(70, COLUMNS, 997);
    check_orders_in_turn(40 * WINDOW + 5, COLUMNS, 997);
    check_orders_in_turn(KEPT_PAGES * 102 * PAGE, COLUMNS, 80021); /* a window has more pages than are kept */

    /* A position has every row equally often, also those of the shorter page. */
    enum { ROWS = 3 * WINDOW + 30, EPOCHS = 60000, CELL = 30 };
    static int cells[ROWS / CELL + 1];
    for (int e = 0; e < EPOCHS; e++) {
        sampler s = sampler_of_shard(CUSGD_SAMPLING_PAGES, 3, (shard_of_rows){ROWS, COLUMNS, 1, 0}, 1, (uint64_t)e);
        cells[sampler_row(&s, ROWS - 1) / CELL]++;
    }
    int count = ROWS / CELL;
    cr_assert_lt(uniform_score(cells, count, EPOCHS * (double)CELL / ROWS, count - 1), 5);
}

/* The windows of an epoch share a permutation: turned and flipped, it brings a position to every place equally often, and two
 * neighbors to every distance (an exclusive or of places). */
Test(sampling, windows_of_blocks)
{
    static int places[SAMPLING_SPAN], distances[SAMPLING_SPAN];
    int64_t windows = torture() ? 4000000 : 400000, span = SAMPLING_SPAN;
    sampler s = sampler_make(CUSGD_SAMPLING_BLOCKS, 3, (uint64_t)(windows * span), 1, 7);
    for (uint64_t w = 0; w < (uint64_t)windows; w++) {
        uint32_t bits = blocks_bits(&s, w);
        uint64_t place = blocks_flipped(bits, permutation_at(&s.window, blocks_turned(bits, 1000)));
        uint64_t next = blocks_flipped(bits, permutation_at(&s.window, blocks_turned(bits, 1001)));
        cr_assert_eq(sampler_row(&s, w * (uint64_t)span + 1000),
                     blocks_wrap(&s, blocks_start(&s, w * SAMPLING_WINDOW + place / SAMPLING_BLOCK) + place % SAMPLING_BLOCK));
        places[place]++;
        distances[place ^ next]++;
    }
    cr_assert_lt(fabs(uniform_score(places, span, (double)windows / (double)span, (double)span - 1)), 5);
    cr_assert_eq(distances[0], 0);
    int distinct = 0;
    for (int i = 0; i < span; i++) distinct += distances[i] > 0;
    cr_assert_gt(distinct, span / 2);
}

Test(sampling, replace_is_uniform)
{
    const uint64_t sizes[] = {2, 7, 1000};
    static int counts[1000], repeats[2];
    for (int k = 0; k < 3; k++) {
        int total = 200000;
        memset(counts, 0, sizeof counts);
        memset(repeats, 0, sizeof repeats);
        uint64_t n = sizes[k], last = n;
        sampler s = sampler_make(CUSGD_SAMPLING_REPLACE, 5, n, 1, 0);
        for (int t = 0; t < total; t++) {
            if (t % 1000 == 0) s = sampler_make(CUSGD_SAMPLING_REPLACE, 5, n, 1, (uint64_t)t / 1000);
            uint64_t row = sampler_row(&s, (uint64_t)(t % 1000));
            cr_assert_lt(row, n);
            counts[row]++;
            repeats[row == last]++;
            last = row;
        }
        cr_assert_lt(fabs(uniform_score(counts, (int64_t)n, total / (double)n, (double)n - 1)), 5);
        double share = 1 / (double)n; /* draws in a row are independent */
        cr_assert_lt(fabs(repeats[1] - total * share) / sqrt(total * share * (1 - share)), 5);
    }
    sampler one = sampler_make(CUSGD_SAMPLING_REPLACE, 5, 1, 1, 0);
    cr_assert_eq(sampler_row(&one, 3), 0);
}

Test(sampling, replace_blocks_draws_batches)
{
    const uint64_t batches[] = {2, 7, 100};
    static int counts[100];
    for (int k = 0; k < 3; k++) {
        uint64_t m = batches[k], total = 100000;
        memset(counts, 0, sizeof counts);
        for (uint64_t t = 0; t < total; t += m) {
            sampler s = sampler_make(CUSGD_SAMPLING_REPLACE_BLOCKS, 5, 1000, m, t);
            for (uint64_t b = 0; b < m; b++) {
                uint64_t drawn = sampler_batch(&s, b);
                cr_assert_lt(drawn, m);
                counts[drawn]++;
            }
            cr_assert_eq(sampler_row(&s, t % 1000), t % 1000); /* inside a batch rows keep their order */
        }
        double drawn = ceil((double)total / (double)m) * (double)m;
        cr_assert_lt(fabs(uniform_score(counts, (int64_t)m, drawn / (double)m, (double)m - 1)), 5);
    }
    for (int m = 0; m < IN_TURN; m++) {
        sampler s = sampler_make(once[m], 5, 1000, 10, 0);
        for (uint64_t b = 0; b < 10; b++) cr_assert_eq(sampler_batch(&s, b), b);
    }
    cr_assert(sampling_is_contiguous(CUSGD_SAMPLING_NONE) && sampling_is_contiguous(CUSGD_SAMPLING_REPLACE_BLOCKS));
    cr_assert(!sampling_is_contiguous(CUSGD_SAMPLING_PERMUTE) && !sampling_is_contiguous(CUSGD_SAMPLING_PAGES) &&
              !sampling_is_contiguous(CUSGD_SAMPLING_BLOCKS) && !sampling_is_contiguous(CUSGD_SAMPLING_REPLACE) &&
              !sampling_is_contiguous(CUSGD_SAMPLING_BATCHES));
}

/* `batches`: the rows of a batch, and their order in it, are every epoch's; each batch comes once an epoch. */
Test(sampling, batches_are_drawn_once)
{
    enum { ROWS = 1003, MOST = 1003 };
    static unsigned char seen[MOST];
    const uint64_t counts[] = {1, 2, 3, 10, 64, 500, MOST};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        uint64_t m = counts[k];
        sampler first = sampler_make(CUSGD_SAMPLING_BATCHES, 8, ROWS, m, 0);
        for (uint64_t epoch = 1; epoch < 5; epoch++) {
            sampler s = sampler_make(CUSGD_SAMPLING_BATCHES, 8, ROWS, m, epoch);
            uint64_t rows = 0;
            memset(seen, 0, sizeof seen);
            for (uint64_t i = 0; i < ROWS; i++) cr_assert_eq(sampler_row(&s, i), sampler_row(&first, i));
            for (uint64_t b = 0; b < m; b++) {
                uint64_t batch = sampler_batch(&s, b);
                batch_span span = sampler_span(&s, b);
                cr_assert(batch < m && !seen[batch], "%d batches, epoch %d, step %d", (int)m, (int)epoch, (int)b);
                cr_assert_eq((uint64_t)span.first, batch * ROWS / m);
                seen[batch] = 1;
                rows += (uint64_t)span.count;
            }
            cr_assert_eq(rows, ROWS);
        }
    }
}

/* Over seeds every pair of rows meets in a batch equally often; over epochs every batch stands everywhere, and behind every
 * other, equally often. */
Test(sampling, batches_are_uniform)
{
    enum { ROWS = 12, BATCHES = 4 };
    static int together[ROWS * ROWS], at[BATCHES * BATCHES], behind[BATCHES * BATCHES];
    int trials = torture() ? 1000000 : 60000;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j <= i; j++) together[i * ROWS + j] = -1; /* not counted */
    for (int i = 0; i < BATCHES; i++) behind[i * BATCHES + i] = -1;
    for (int t = 0; t < trials; t++) {
        sampler s = sampler_make(CUSGD_SAMPLING_BATCHES, (uint64_t)t, ROWS, BATCHES, 3);
        uint64_t one = sampler_row(&s, 6), other = sampler_row(&s, 7); /* of the batch of positions 6, 7, 8 */
        together[one < other ? one * ROWS + other : other * ROWS + one]++;
        s = sampler_make(CUSGD_SAMPLING_BATCHES, 11, ROWS, BATCHES, (uint64_t)t);
        at[sampler_batch(&s, 2) * BATCHES + (uint64_t)t % BATCHES]++;
        behind[sampler_batch(&s, 0) * BATCHES + sampler_batch(&s, 1)]++;
    }
    const int pairs = ROWS * (ROWS - 1) / 2, ordered = BATCHES * (BATCHES - 1), cells = BATCHES * BATCHES;
    cr_assert_lt(fabs(uniform_score(together, ROWS * ROWS, trials / (double)pairs, pairs - 1)), 5);
    cr_assert_lt(fabs(uniform_score(at, cells, trials / (double)cells, cells - 1)), 5);
    cr_assert_lt(fabs(uniform_score(behind, cells, trials / (double)ordered, ordered - 1)), 5);
}

/* Two samplers of equal arguments agree in any order of asking; a change of seed or epoch changes the order. */
Test(sampling, pure_function)
{
    for (int mode = 0; mode < SAMPLING_COUNT; mode++) {
        if (mode == CUSGD_SAMPLING_NONE) continue;
        uint64_t n = 5000, m = 50, changed[2] = {0, 0};
        sampler a = sampler_make((cusgd_sampling)mode, 1, n, m, 4), b = sampler_make((cusgd_sampling)mode, 1, n, m, 4),
                seed = sampler_make((cusgd_sampling)mode, 2, n, m, 4), epoch = sampler_make((cusgd_sampling)mode, 1, n, m, 5);
        static uint64_t first[5000];
        for (uint64_t i = 0; i < n; i++) first[i] = sampler_row(&a, i) + n * sampler_batch(&a, i % m);
        for (uint64_t i = n; i-- > 0;) {
            cr_assert_eq(first[i], sampler_row(&b, i) + n * sampler_batch(&b, i % m));
            changed[0] += first[i] != sampler_row(&seed, i) + n * sampler_batch(&seed, i % m);
            changed[1] += first[i] != sampler_row(&epoch, i) + n * sampler_batch(&epoch, i % m);
        }
        cr_assert(changed[0] > n * 9 / 10 && changed[1] > n * 9 / 10, "sampling %d", mode);
    }
}

/* ---- Batches ------------------------------------------------------------------------------------------------------------- */

static void check_batches(uint64_t n, uint64_t m, uint64_t first, uint64_t count)
{
    uint64_t minimum = n / m, start = batch_start(n, m, first);
    for (uint64_t b = first; b < first + count; b++) {
        uint64_t end = batch_start(n, m, b + 1);
        cr_assert(end - start == minimum || (n % m && end - start == minimum + 1), "n = %g, m = %g, batch %g", (double)n,
                  (double)m, (double)b);
        start = end;
    }
}

Test(batches, partition)
{
    for (uint64_t n = 1; n <= (torture() ? 1500 : 300); n++)
        for (uint64_t m = 1; m <= n; m++) {
            check_batches(n, m, 0, m);
            cr_assert(batch_start(n, m, 0) == 0 && batch_start(n, m, m) == n);
            for (uint64_t b = 0; b <= m; b++) cr_assert_eq(batch_start(n, m, b), b * n / m);
        }
    const uint64_t one = 1,
                   sizes[] = {(one << 32) - 1, (one << 32) + 1, 10000000019, (one << 53) + 1, (one << 62) - 1, one << 62};
    for (int s = 0; s < 6; s++) {
        uint64_t n = sizes[s],
                 counts[] = {1, 3, 1000003, (one << 31) + 5, (one << 32) - 5, n / 256 + 1, n / 3, n / 2 + 1, n - 1, n};
        for (int k = 0; k < 10; k++) {
            uint64_t m = counts[k], run = m < 1000 ? m : 1000;
            if (m > n) continue;
            check_batches(n, m, 0, run);
            check_batches(n, m, m / 2 - (m > 1 ? run / 2 : 0), run / 2);
            check_batches(n, m, m - run, run);
            cr_assert(batch_start(n, m, 0) == 0 && batch_start(n, m, m) == n);
        }
    }
}
