/* Several processes, as threads: sums over shards, and sweeps, have the bits of one process whatever the number of ranks; what
 * they read together. Runs: test_world_runs.c. */
#include "cusgd_world.h"
#include "interrupt.h"
#include "scalar/shards.h"
#include "support.h"
#include "thread_world.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Sums ---------------------------------------------------------------------------------------------------------------- */

typedef struct sums {
    int shards, single;
    int64_t count;
    double *terms;  /* shards x count */
    double *losses; /* shards */
    double *expected, expected_loss;
    int wishes; /* the rank that wants to end; -1: none */
} sums;

/* The tree, as scalar/shards.h describes it: an independent implementation. */
static double add(const sums *s, const double *terms, int64_t stride, int first, int count, int single)
{
    if (count == 1) return single ? (double)(float)terms[first * stride] : terms[first * stride];
    int left = 1;
    while (2 * left < count) left *= 2;
    double a = add(s, terms, stride, first, left, single), b = add(s, terms, stride, first + left, count - left, single);
    return single ? (double)((float)a + (float)b) : a + b;
}

static int wishes_to_end(void *user) { return *(const int *)user; }

static void check_sum(world *w, void *context)
{
    const sums *s = context;
    tree_node nodes[MAX_SHARDS], own = world_shards(w, s->shards, w->rank);
    int count = world_nodes(s->shards, own, nodes), wish = w->rank == s->wishes, covered = 0;
    size_t size = s->single ? sizeof(float) : sizeof(double);
    char *values = malloc((size_t)(count + 1) * (size_t)s->count * size + 1), *out = malloc((size_t)s->count * size + 1);
    const void *at[MAX_SHARDS];
    double losses[MAX_SHARDS], loss = 0;
    for (int i = 0; i < count; i++) {
        covered += nodes[i].count;
        at[i] = values + (size_t)i * (size_t)s->count * size;
        for (int64_t u = 0; u < s->count; u++) {
            double value = add(s, s->terms + u, s->count, nodes[i].first, nodes[i].count, s->single);
            if (s->single)
                ((float *)(void *)values)[i * s->count + u] = (float)value;
            else
                ((double *)(void *)values)[i * s->count + u] = value;
        }
        losses[i] = add(s, s->losses, 1, nodes[i].first, nodes[i].count, 0);
    }
    cr_assert_eq(covered, own.count);
    cusgd_set_interrupt(wishes_to_end, &wish);
    world_terms terms = {s->shards, s->single, s->count, at, losses};
    assert_works(world_sum(w, &terms, out, &loss));
    for (int64_t u = 0; u < s->count; u++) {
        double value = s->single ? (double)((float *)(void *)out)[u] : ((double *)(void *)out)[u];
        cr_assert_eq(value, s->expected[u], "%d ranks, %d shards, value %lld of %lld: %.17g, not %.17g", w->ranks, s->shards,
                     (long long)u, (long long)s->count, value, s->expected[u]);
    }
    cr_assert_eq(loss, s->expected_loss, "%d ranks, %d shards", w->ranks, s->shards);
    cr_assert_eq(w->stop, s->wishes >= 0, "rank %d of %d", w->rank, w->ranks);
    cusgd_set_interrupt(NULL, NULL);
    free(values);
    free(out);
}

/* 20001 doubles are slices, the others are swapped or sent to all. */
Test(world, sums_are_those_of_one_process)
{
    static const int shard_counts[] = {8, 11, 16, 24};
    static const int64_t counts[] = {1, 33, 20001};
    uint64_t state = 7;
    for (size_t l = 0; l < sizeof shard_counts / sizeof *shard_counts; l++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (int single = 0; single < 2; single++) {
                sums s = {.shards = shard_counts[l], .single = single, .count = counts[i]};
                s.terms = random_normals(&state, s.shards * s.count);
                s.losses = random_normals(&state, s.shards);
                s.expected = zeros(s.count);
                for (int64_t u = 0; u < s.count; u++) s.expected[u] = add(&s, s.terms + u, s.count, 0, s.shards, single);
                s.expected_loss = add(&s, s.losses, 1, 0, s.shards, 0);
                for (int p = 0; p < RANK_COUNTS; p++) {
                    s.wishes = p % 2 ? rank_counts[p] - 1 : -1;
                    world_of_threads(rank_counts[p], check_sum, &s);
                }
                free(s.terms);
                free(s.losses);
                free(s.expected);
            }
}

/* ---- Sweeps -------------------------------------------------------------------------------------------------------------- */

enum { N = 203, D = 7, CONFIGURATIONS = 7, SWEEP_FOLDS = 3 };

typedef struct shared_sweep {
    cusgd_options options;
    const cusgd_data *train;
    cusgd_sweep_plan plan;
    cusgd_sweep *alone;
    int fails; /* the rank whose plan differs; -1: none */
} shared_sweep;

static void check_sweep(world *w, void *context)
{
    const shared_sweep *r = context;
    cusgd_sweep *s;
    cusgd_model *model, *expected;
    assert_works(cusgd_sweep_create_shared(w, &r->options, r->train, NULL, &r->plan, &s));
    cr_assert_eq(cusgd_sweep_chosen(s), cusgd_sweep_chosen(r->alone));
    for (size_t i = 0; i < CONFIGURATIONS; i++) {
        cusgd_outcome a = CUSGD_INIT(cusgd_outcome), b = CUSGD_INIT(cusgd_outcome);
        cusgd_sweep_outcome(s, i, &a);
        cusgd_sweep_outcome(r->alone, i, &b);
        cr_assert_eq(memcmp(cusgd_sweep_losses(s, i), cusgd_sweep_losses(r->alone, i), sizeof(double) * SWEEP_FOLDS), 0,
                     "rank %d of %d, configuration %zu", w->rank, w->ranks, i);
        cr_assert_eq(a.loss, b.loss);
        cr_assert_eq(a.rank, b.rank);
        cr_assert_eq(a.stop, b.stop);
        cr_assert_eq(a.epochs, b.epochs);
        cr_assert_eq(a.nonzeros, b.nonzeros);
    }
    assert_works(cusgd_sweep_create_model(s, &model));
    assert_works(cusgd_sweep_create_model(r->alone, &expected));
    cr_assert_arr_eq(cusgd_model_weight(model), cusgd_model_weight(expected), D * sizeof(double));
    cusgd_model_free(model);
    cusgd_model_free(expected);
    cusgd_sweep_free(s);
}

/* Also of more ranks than configurations; some of which converge after few epochs, so that ranks end at different times. */
Test(world, sweeps_are_those_of_one_process)
{
    uint64_t state = 3;
    cusgd_configuration all[CONFIGURATIONS];
    double *x = random_normals(&state, N * D), *y = random_normals(&state, N);
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    for (int i = 0; i < CONFIGURATIONS; i++)
        all[i] = (cusgd_configuration){.01 * i, 2. * (i % 2), .003 * (1 + i * i), (double)NAN, (double)NAN, (double)NAN};
    for (int halving = 0; halving <= 2; halving += 2) {
        shared_sweep r = {.options = options_default(), .train = data, .plan = CUSGD_INIT(cusgd_sweep_plan)};
        r.options.threads = 1;
        r.options.epochs = 9;
        r.options.batch = 16;
        r.plan.configurations = all;
        r.plan.count = CONFIGURATIONS;
        r.plan.folds = SWEEP_FOLDS;
        r.plan.halving = halving;
        assert_works(cusgd_sweep_create(&r.options, data, NULL, &r.plan, &r.alone));
        for (int p = 0; p < RANK_COUNTS; p++) world_of_threads(rank_counts[p], check_sweep, &r);
        cusgd_sweep_free(r.alone);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

static void check_other_plan(world *w, void *context)
{
    const shared_sweep *r = context;
    cusgd_sweep *s;
    cusgd_sweep_plan plan = r->plan;
    if (w->rank == r->fails) plan.count--;
    cr_assert_eq(cusgd_sweep_create_shared(w, &r->options, r->train, NULL, &plan, &s), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "different options"), "%s", cusgd_last_error());
}

Test(world, sweeps_of_different_plans_are_refused)
{
    uint64_t state = 3;
    double *x = random_normals(&state, N * D), *y = random_normals(&state, N);
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    cusgd_configuration all[2] = {{0, 0, .01, (double)NAN, (double)NAN, (double)NAN},
                                  {0, 1, .01, (double)NAN, (double)NAN, (double)NAN}};
    shared_sweep r = {.options = options_default(), .train = data, .plan = CUSGD_INIT(cusgd_sweep_plan), .fails = 1};
    r.plan.configurations = all;
    r.plan.count = 2;
    r.plan.folds = SWEEP_FOLDS;
    world_of_threads(2, check_other_plan, &r);
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

/* Data that all can read, and data that one rank cannot. */
static void open_data(world *w, void *context)
{
    char(*paths)[600] = context;
    cusgd_data *data = NULL;
    assert_works(cusgd_data_open_shared(w, paths[0], NULL, &data));
    cr_assert_eq(cusgd_data_rows(data), 3);
    cr_assert_eq(cusgd_data_cols(data), 2);
    cusgd_data_free(data);
    const char *path = w->rank == 1 ? "/nowhere/table.csv" : paths[0];
    cusgd_status status = cusgd_data_open_shared(w, path, NULL, &data);
    cr_assert(!data);
    cr_assert_eq(status, w->rank == 1 ? CUSGD_ERROR_DATA : CUSGD_ERROR_DEVICE);
    cr_assert(strstr(cusgd_last_error(), "/nowhere/table.csv: cannot be opened"), "%s", cusgd_last_error());
    cr_assert_eq(strstr(cusgd_last_error(), "rank 1 has failed") != NULL, w->rank != 1, "%s", cusgd_last_error());
    assert_works(cusgd_data_open_shared(w, paths[0], NULL, &data)); /* the world is sound */
    cusgd_data_free(data);
}

/* Rank 1 has no memory for what the ranks exchange when they have read. */
static void open_without_memory(world *w, void *context)
{
    char(*paths)[600] = context;
    world_ops scarce = *w->ops;
    cusgd_data *data = NULL;
    scarce.exchange = exchange_without_memory;
    if (w->rank == 1) w->ops = &scarce;
    cusgd_status status = cusgd_data_open_shared(w, paths[0], NULL, &data);
    cr_assert(!data);
    cr_assert_eq(status, w->rank == 1 ? CUSGD_ERROR_MEMORY : CUSGD_ERROR_DEVICE, "%s", cusgd_last_error());
    if (w->rank != 1) cr_assert_str_eq(cusgd_last_error(), "rank 1 has failed: out of memory for messages");
}

Test(world, a_rank_without_memory_ends_the_reading_of_all, .init = folder_setup, .fini = folder_teardown)
{
    char paths[1][600];
    snprintf(paths[0], sizeof paths[0], "%s", file_text("table.csv", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n"));
    for (int ranks = 2; ranks < 5; ranks++) world_of_threads(ranks, open_without_memory, paths);
}

enum { MOST_RANKS = 4 };

/* Rank 1 fails outside of the library, and says so, while the others open data. What they exchange later fails with its words. */
static void fail_elsewhere(world *w, void *context)
{
    char(*paths)[600] = context;
    cusgd_data *data = NULL;
    if (w->rank == 1) {
        cusgd_world_fail(w, "a file is missing here");
        return;
    }
    cr_assert_eq(cusgd_data_open_shared(w, paths[0], NULL, &data), CUSGD_ERROR_DEVICE);
    cr_assert_str_eq(cusgd_last_error(), "rank 1 has failed: a file is missing here");
    char all[MOST_RANKS] = {0};
    const size_t bytes[MOST_RANKS] = {1, 1, 1, 1};
    cr_assert_neq(cusgd_data_open("no-such-file.csv", NULL, &data), CUSGD_OK);
    cr_assert_eq(world_share(w, all, bytes), CUSGD_ERROR_DEVICE);
    cr_assert_str_eq(cusgd_last_error(), "rank 1 has failed: a file is missing here");
}

Test(world, a_rank_that_says_it_has_failed_ends_the_reading_of_all, .init = folder_setup, .fini = folder_teardown)
{
    char paths[1][600];
    snprintf(paths[0], sizeof paths[0], "%s", file_text("table.csv", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n"));
    for (int ranks = 2; ranks <= MOST_RANKS; ranks++) world_of_threads(ranks, fail_elsewhere, paths);
    cusgd_world_fail(NULL, "nobody waits");
}

Test(world, where_one_rank_cannot_read_all_fail, .init = folder_setup, .fini = folder_teardown)
{
    char paths[1][600];
    snprintf(paths[0], sizeof paths[0], "%s", file_text("table.csv", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n"));
    for (int ranks = 2; ranks < 5; ranks++) world_of_threads(ranks, open_data, paths);
}
