/* Shards: how rows and batches are divided among them, and that runs of any number of shards repeat bit for bit and find the same
 * optimum. Steps over them: test_interface_shards.c. */
#include "backend.h"
#include "scalar/shards.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int counts[] = {1, 2, 3, 4, 5, 7, 8};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/* ---- Division ------------------------------------------------------------------------------------------------------------ */

Test(shards, rows_are_divided)
{
    for (uint64_t n = 1; n <= 70; n++)
        for (uint64_t shards = 1; shards <= n; shards++) {
            uint64_t row = 0;
            for (uint64_t h = 0; h < shards; h++) {
                uint64_t rows = shard_rows(n, shards, h);
                cr_assert(rows == n / shards || rows == n / shards + 1);
                cr_assert_eq(shard_start(n, shards, h), row, "%d rows, shard %d of %d", (int)n, (int)h, (int)shards);
                for (uint64_t i = 0; i < rows; i++) cr_assert_eq(shard_of(n, shards, row + i), h);
                row += rows;
            }
            cr_assert_eq(row, n);
        }
    for (int count = 2; count <= 40; count++) {
        int left = tree_left(count);
        cr_assert(left < count && 2 * left >= count && (left & (left - 1)) == 0, "%d: %d", count, left);
    }
}

/* The steps of an epoch visit each row of each shard once, and take as many rows in all as without shards, to within one row as
 * many from each. */
static void check_epoch(cusgd_sampling sampling, uint64_t n, uint64_t batches, uint64_t shards)
{
    unsigned char *seen = calloc(n, 1);
    sampler whole = sampler_make(sampling, 4, n, batches, 2);
    sampler of[8];
    for (uint64_t h = 0; h < shards; h++) of[h] = sampler_of_shard(sampling, 4, (shard_of_rows){n, 1, shards, h}, batches, 2);
    for (uint64_t b = 0; b < batches; b++) {
        int64_t total = 0, largest = 0, smallest = INT64_MAX, expected = sampler_span(&whole, b).count;
        for (uint64_t h = 0; h < shards; h++) {
            batch_span span = sampler_span(&of[h], b);
            total += span.count;
            largest = span.count > largest ? span.count : largest;
            smallest = span.count < smallest ? span.count : smallest;
            for (int64_t i = span.first; i < span.first + span.count; i++) {
                uint64_t row = sampler_row(&of[h], (uint64_t)i), global = shard_start(n, shards, h) + row;
                cr_assert(row < of[h].n && !seen[global], "sampling %d, shard %d, row %d", (int)sampling, (int)h, (int)row);
                seen[global] = 1;
            }
            cr_assert_eq(sampler_rows(&of[h], b), expected);
        }
        cr_assert(total == expected && largest - smallest <= 1, "sampling %d, %d rows of %d", (int)sampling, (int)total,
                  (int)expected);
    }
    for (uint64_t i = 0; i < n; i++) cr_assert(seen[i]);
    free(seen);
}

Test(shards, batches_are_divided)
{
    const cusgd_sampling once[] = {CUSGD_SAMPLING_PERMUTE, CUSGD_SAMPLING_BLOCKS, CUSGD_SAMPLING_NONE, CUSGD_SAMPLING_BATCHES,
                                   CUSGD_SAMPLING_PAGES};
    const uint64_t sizes[][2] = {{8, 8}, {9, 9}, {100, 7}, {1001, 30}, {5000, 20}, {5003, 1}};
    for (int m = 0; m < 5; m++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (int k = 0; k < COUNTS; k++) check_epoch(once[m], sizes[s][0], sizes[s][1], (uint64_t)counts[k]);
}

/* Shards of equal size have orders of their own; the first one's is that of rows without shards. Batches that are drawn are the
 * same in all shards. */
Test(shards, orders_are_their_own)
{
    const cusgd_sampling drawn[] = {CUSGD_SAMPLING_PERMUTE, CUSGD_SAMPLING_BLOCKS, CUSGD_SAMPLING_REPLACE, CUSGD_SAMPLING_BATCHES,
                                    CUSGD_SAMPLING_PAGES};
    for (int m = 0; m < 5; m++) {
        sampler first = sampler_of_shard(drawn[m], 9, (shard_of_rows){4000, 1, 2, 0}, 10, 3),
                other = sampler_of_shard(drawn[m], 9, (shard_of_rows){4000, 1, 2, 1}, 10, 3);
        sampler alone = sampler_make(drawn[m], 9, 2000, 10, 3);
        int same = 0;
        for (uint64_t i = 0; i < 2000; i++) {
            same += sampler_row(&first, i) == sampler_row(&other, i);
            cr_assert_eq(sampler_row(&first, i), sampler_row(&alone, i));
        }
        cr_assert_lt(same, 100, "sampling %d", (int)drawn[m]);
    }
    const cusgd_sampling by_batch[] = {CUSGD_SAMPLING_REPLACE_BLOCKS, CUSGD_SAMPLING_BATCHES};
    for (int m = 0; m < 2; m++) {
        sampler first = sampler_of_shard(by_batch[m], 9, (shard_of_rows){4000, 1, 5, 0}, 10, 3),
                other = sampler_of_shard(by_batch[m], 9, (shard_of_rows){4000, 1, 5, 4}, 10, 3);
        for (uint64_t b = 0; b < 10; b++) cr_assert_eq(sampler_batch(&first, b), sampler_batch(&other, b));
    }
}

/* ---- Runs ---------------------------------------------------------------------------------------------------------------- */

enum { N = 1203, COLS = 9 };

typedef struct made {
    double *x, *y, *w;
    cusgd_data *data;
} made;

/* silent: the weights of the first half are 0. */
static made make(int classes, int silent)
{
    uint64_t seed = 17;
    made m = {random_normals(&seed, N * COLS), zeros(N), zeros(N), NULL};
    for (int64_t i = 0; i < N; i++) {
        double p = 0.3 + m.x[i * COLS] - 0.5 * m.x[i * COLS + 1] + random_normal(&seed);
        m.y[i] = classes ? p > 0 : 100 + p;
        m.w[i] = silent && i < N / 2 + 1 ? 0 : 0.5 + random_uniform(&seed);
        m.x[i * COLS + 2] = 5; /* constant */
        m.x[i * COLS + 3] += (double)i / 100;
    }
    m.data = data_of(N, COLS, 1, m.x, m.y, m.w);
    return m;
}

static void made_free(made *m)
{
    cusgd_data_free(m->data);
    free(m->x);
    free(m->y);
    free(m->w);
}

/* Full passes over shards find what passes without them find. */
Test(shards, solvers_find_the_same)
{
    const cusgd_solver solvers[] = {CUSGD_SOLVER_EXACT, CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_CG};
    for (int s = 0; s < 4; s++)
        for (int silent = 0; silent < 2; silent++) {
            int classes = solvers[s] != CUSGD_SOLVER_EXACT && silent;
            made m = make(classes, silent);
            cusgd_options o = options_default();
            double expected[COLS + 1], got[COLS + 1];
            o.loss = classes ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
            o.solver = solvers[s];
            strcpy(o.device, "cpu");
            o.gradient_tolerance = 1e-12;
            o.epochs = 200;
            train(&o, m.data, expected);
            for (int k = 1; k < COUNTS; k++) {
                o.shards = counts[k];
                train(&o, m.data, got);
                cr_assert_lt(distance(expected, got, COLS + 1), 1e-8 * 100, "solver %d, %d shards: %g", (int)solvers[s],
                             counts[k], distance(expected, got, COLS + 1));
            }
            made_free(&m);
        }
}

/* Of every number of shards the run is the same whatever the threads, and ends as near to the optimum as one without shards. */
Test(shards, runs_repeat)
{
    for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++)
        for (int sampling = 0; sampling < SAMPLING_COUNT; sampling++) {
            made m = make(sampling % 2, 0);
            cusgd_options o = options_default();
            double first[COLS + 1], again[COLS + 1], loss = 0;
            o.loss = sampling % 2 ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
            o.precision = (cusgd_precision)precision;
            o.sampling = (cusgd_sampling)sampling;
            o.valid_fraction = sampling % 3 ? 0 : 0.2;
            strcpy(o.device, "cpu");
            o.epochs = 20;
            for (int k = 0; k < COUNTS; k++) {
                o.shards = counts[k];
                o.threads = 1;
                double now = train(&o, m.data, first).loss;
                if (k == 0) loss = now;
                if (o.valid_fraction == 0) /* else the best on few rows, of any epoch, is the result */
                    cr_assert_lt(fabs(now - loss), 0.005 * loss, "sampling %d, %d shards: %g, not %g", sampling, counts[k], now,
                                 loss);
                for (o.threads = 2; o.threads <= 5; o.threads += 3) {
                    cr_assert_eq(train(&o, m.data, again).loss, now);
                    cr_assert(memcmp(first, again, sizeof first) == 0, "sampling %d, %d shards, %d threads: %g apart", sampling,
                              counts[k], o.threads, distance(first, again, COLS + 1));
                }
            }
            made_free(&m);
        }
}

/* Batches of fewer rows than there are shards: some steps take nothing from a shard, and an epoch still visits each row once. */
Test(shards, batches_of_one_row)
{
    made m = make(0, 0);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 1, 2);
    cusgd_result result;
    strcpy(o.device, "cpu");
    o.shards = 8;
    cusgd_trainer *t = trainer_of(&o, m.data, NULL);
    result = fit(t);
    cr_assert_eq(result.steps, 2 * N);
    cr_assert_lt(result.loss, 100);
    cusgd_trainer_free(t);
    made_free(&m);
}

Test(shards, more_than_rows_are_refused)
{
    const double x[] = {1, 2, 3}, y[] = {1, 2, 4};
    cusgd_data *data = data_of(3, 1, 1, x, y, NULL);
    cusgd_options o = options_default();
    cusgd_trainer *t;
    o.shards = 4;
    strcpy(o.device, "cpu");
    cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "4 shards of 3 rows"), "%s", cusgd_last_error());
    o.shards = 3;
    o.solver = CUSGD_SOLVER_EXACT;
    cusgd_trainer_free(trainer_of(&o, data, NULL));
    cusgd_data_free(data);
}
