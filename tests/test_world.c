/* Several processes, as threads: sums over shards, and runs, have the bits of one process whatever the number of ranks. */
#include "cusgd_world.h"
#include "failure.h"
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

static const int rank_counts[] = {2, 3, 4, 5, 8};
enum { RANK_COUNTS = sizeof rank_counts / sizeof rank_counts[0] };

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

/* ---- Runs ---------------------------------------------------------------------------------------------------------------- */

enum { N = 203, D = 7, ROOM = 3 * (D + 1) };

typedef struct run {
    cusgd_options options;
    const cusgd_data *train, *valid;
    int classes; /* outputs */
    double expected[ROOM], expected_loss;
    int cancels; /* the rank whose callback ends the run after an epoch; -1: none */
} run;

static int ends_after_one(const cusgd_progress *now, void *user)
{
    (void)user;
    return now->epoch == 1;
}

static void check_run(world *w, void *context)
{
    const run *r = context;
    double parameters[ROOM];
    cusgd_trainer *t;
    cusgd_result result = CUSGD_INIT(cusgd_result);
    assert_works(cusgd_trainer_create_shared(w, &r->options, r->train, r->valid, &t));
    cusgd_status status = cusgd_trainer_fit(t, w->rank == r->cancels ? ends_after_one : NULL, NULL, &result);
    cr_assert(!status || status == CUSGD_ERROR_NOT_CONVERGED, "%s", cusgd_last_error());
    parameters_of(t, D, r->classes, parameters);
    cr_assert_eq(memcmp(parameters, r->expected, sizeof(double) * (size_t)(r->classes * (D + 1))), 0,
                 "rank %d of %d: %.17g, not %.17g", w->rank, w->ranks, parameters[0], r->expected[0]);
    cr_assert_eq(result.loss, r->expected_loss);
    if (r->cancels >= 0) cr_assert_eq(result.stop, CUSGD_STOP_CANCELLED);
    cusgd_trainer_free(t);
}

static void check_ranks(run *r)
{
    cusgd_result result = CUSGD_INIT(cusgd_result);
    cusgd_trainer *t = trainer_of(&r->options, r->train, r->valid);
    (void)cusgd_trainer_fit(t, r->cancels >= 0 ? ends_after_one : NULL, NULL, &result);
    r->classes = (int)cusgd_trainer_outputs(t);
    cr_assert(r->classes * (D + 1) <= ROOM);
    parameters_of(t, D, r->classes, r->expected);
    r->expected_loss = result.loss;
    cusgd_trainer_free(t);
    for (int p = 0; p < RANK_COUNTS; p++) world_of_threads(rank_counts[p], check_run, r);
}

static run run_of(const char *const (*texts)[2], const cusgd_data *train)
{
    run r = {.options = options_default(), .train = train, .cancels = -1};
    r.options.shards = 8;
    r.options.epochs = 3;
    r.options.threads = 1;
    snprintf(r.options.device, sizeof r.options.device, "cpu");
    for (; (*texts)[0]; texts++) assert_works(cusgd_options_set(&r.options, (*texts)[0], (*texts)[1]));
    return r;
}

/* A run of 64 columns; without a world it is the one whose parameters are expected. */
typedef struct large_run {
    run run;
    double expected[65];
} large_run;

static void check_large(world *w, void *context)
{
    large_run *r = context;
    double parameters[65];
    cusgd_trainer *t;
    if (w)
        assert_works(cusgd_trainer_create_shared(w, &r->run.options, r->run.train, NULL, &t));
    else
        t = trainer_of(&r->run.options, r->run.train, NULL);
    fit(t);
    parameters_of(t, 64, 1, w ? parameters : r->expected);
    cr_assert(!w || memcmp(parameters, r->expected, sizeof parameters) == 0, "rank %d of %d: %.17g, not %.17g", w ? w->rank : 0,
              w ? w->ranks : 1, parameters[0], r->expected[0]);
    cusgd_trainer_free(t);
}

typedef enum target { REAL, CLASSES, THREE, TWO_OUTPUTS } target;

static double target_of(target kind, const double *row, int64_t i)
{
    double p = row[0] - row[3] / 2;
    return kind == CLASSES ? p > 0 : kind == THREE ? (double)(i % 3) : p + row[5] / 7;
}

static const struct {
    const char *options[6][2];
    target target;
} runs[] = {
    {{{NULL}}, REAL},
    {{{"optimizer", "adam"}, {"l1", "0.01"}, {"sampling", "blocks"}}, REAL},
    {{{"optimizer", "momentum"}, {"clip-norm", "0.1"}, {"precision", "double"}}, REAL},
    {{{"batch", "5"}, {"sampling", "none"}}, REAL}, /* fewer rows than shards: some processes have none of a batch */
    {{{"batch", "1"}, {"epochs", "1"}}, REAL},
    {{{"valid-fraction", "0.02"}, {"patience", "2"}}, REAL}, /* fewer validation rows than shards */
    {{{"loss", "huber"}, {"lower", "0"}, {"average", "true"}}, REAL},
    {{{"loss", "logistic"}}, CLASSES},
    {{{"loss", "logistic"}, {"batch", "16"}}, THREE},
    {{{NULL}}, TWO_OUTPUTS},
    {{{"solver", "exact"}}, REAL},
    {{{"solver", "newton"}, {"loss", "logistic"}, {"l2", "0.01"}, {"epochs", "50"}}, CLASSES},
    {{{"solver", "lbfgs"}, {"loss", "logistic"}, {"l2", "0.01"}, {"epochs", "50"}}, THREE},
    {{{"solver", "cg"}, {"epochs", "50"}}, TWO_OUTPUTS},
    {{{"solver", "gd"}, {"epochs", "50"}}, REAL},
};
enum { RUNS = sizeof runs / sizeof runs[0] };

static cusgd_data *data_for(target kind, uint64_t seed, double **x, double **y)
{
    int64_t k = kind == TWO_OUTPUTS ? 2 : 1;
    *x = random_normals(&seed, N * D);
    *y = random_normals(&seed, N * k);
    for (int64_t i = 0; i < N; i++)
        for (int64_t c = 0; c < k; c++)
            (*y)[i * k + c] = target_of(kind, *x + i * D, i) + (kind == REAL ? (*y)[i] / 10 : 0) + (double)c * (*x)[i * D + 1];
    return data_of(N, D, k, *x, *y, NULL);
}

static void check_runs(int first, int last)
{
    for (int i = first; i < last; i++) {
        double *x, *y;
        cusgd_data *data = data_for(runs[i].target, (uint64_t)i, &x, &y);
        if (runs[i].target == THREE) assert_works(cusgd_data_set_classes(data, NULL, 3));
        run r = run_of(runs[i].options, data);
        check_ranks(&r);
        cusgd_data_free(data);
        free(x);
        free(y);
    }
}

Test(world, runs_of_steps_are_those_of_one_process) { check_runs(0, 10); }
Test(world, runs_of_solvers_are_those_of_one_process) { check_runs(10, RUNS); }

/* Rows that are read when they are needed, on one rank and on two; on more of them each one's fit into the memory. */
Test(world, streams)
{
    enum { LARGE = 180000, COLUMNS = 64 };
    float *x = malloc(sizeof(float) * LARGE * COLUMNS), *y = malloc(sizeof(float) * LARGE);
    for (int64_t i = 0; i < LARGE * COLUMNS; i++) x[i] = (float)(i * 7919 % 1009) / 500;
    for (int64_t i = 0; i < LARGE; i++) y[i] = x[i * COLUMNS] - x[i * COLUMNS + 9] + (float)(i % 7);
    static const char *const options[][2] = {{"precision", "float"}, {"sampling", "pages"}, {"batch", "2000"}, {"epochs", "1"},
                                             {"optimizer", "adam"},  {"rate", "0.01"},      {NULL, NULL}};
    large_run r = {run_of(options, data_of_floats(LARGE, COLUMNS, 1, x, y, NULL)), {0}};
    check_large(NULL, &r);
    assert_works(cusgd_options_set(&r.run.options, "memory", "23.5M"));
    world_of_threads(1, check_large, &r);
    world_of_threads(2, check_large, &r);
    world_of_threads(5, check_large, &r);
    cusgd_data_free((cusgd_data *)r.run.train);
    free(x);
    free(y);
}

/* Sparse rows, some of them empty, and batches that some processes have no row of. */
Test(world, runs_on_sparse_rows_are_those_of_one_process)
{
    static const char *const options[][5][2] = {
        {{NULL}},
        {{"optimizer", "adam"}, {"l1", "0.01"}, {"precision", "double"}, {"sampling", "permute"}},
        {{"batch", "5"}, {"optimizer", "sgd"}, {"rate", "0.1"}, {"clip-norm", "0.1"}},
        {{"sparse-scale", "full"}, {"epochs", "2"}},
        {{"solver", "lbfgs"}, {"loss", "logistic"}, {"l2", "0.01"}, {"epochs", "50"}},
    };
    for (int i = 0; i < 5; i++) {
        double *x, *y;
        cusgd_data *data = data_for(i == 4 ? CLASSES : TWO_OUTPUTS, (uint64_t)i, &x, &y);
        for (int64_t u = 0; u < N * D; u++)
            if (u % 3 == 0 || u / D % 20 == 7) x[u] = 0;
        assert_works(cusgd_data_set_sparse(data, 1));
        run r = run_of(options[i], data);
        check_ranks(&r);
        cusgd_data_free(data);
        free(x);
        free(y);
    }
}

/* A class that stands in one shard alone, and so on one rank. */
Test(world, rows_in_order_of_their_class)
{
    double *x, *y;
    cusgd_data *data = data_for(CLASSES, 3, &x, &y);
    for (int64_t i = 0; i < N; i++) y[i] = i >= N - 20;
    static const char *const options[][2] = {{"loss", "logistic"}, {NULL, NULL}};
    run r = run_of(options, data);
    check_ranks(&r);
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(world, a_callback_of_one_rank_ends_all)
{
    double *x, *y;
    cusgd_data *data = data_for(REAL, 3, &x, &y);
    static const char *const sgd[][2] = {{"epochs", "9"}, {NULL, NULL}}, *const lbfgs[][2] = {{"solver", "lbfgs"}, {NULL, NULL}};
    for (int i = 0; i < 2; i++) {
        run r = run_of(i ? lbfgs : sgd, data);
        r.cancels = 1;
        check_ranks(&r);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* ---- Interruptions and failures ------------------------------------------------------------------------------------------ */

typedef struct interruption {
    cusgd_options options;
    const cusgd_data *data;
    int64_t steps[MAX_THREADS];
} interruption;

static int after_some(void *user) { return ++*(int *)user > 40; }

/* One rank wants the fit to end somewhere within it; all end behind the same step. */
static void interrupt_fit(world *w, void *context)
{
    interruption *i = context;
    cusgd_trainer *t;
    int asked = 0;
    cusgd_result result = CUSGD_INIT(cusgd_result);
    assert_works(cusgd_trainer_create_shared(w, &i->options, i->data, NULL, &t));
    if (w->rank == w->ranks - 1) cusgd_set_interrupt(after_some, &asked);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, &result));
    cusgd_set_interrupt(NULL, NULL);
    cr_assert_eq(result.stop, CUSGD_STOP_CANCELLED, "rank %d ended by rule %d", w->rank, (int)result.stop);
    cr_assert(cusgd_world_stopped(w));
    i->steps[w->rank] = result.steps;
    cusgd_trainer_free(t);
}

Test(world, one_rank_interrupts_all)
{
    double *x, *y;
    cusgd_data *data = data_for(REAL, 3, &x, &y);
    static const char *const options[][2] = {{"epochs", "1000000"}, {"batch", "8"}, {"tolerance", "0"}, {NULL, NULL}};
    run r = run_of(options, data);
    for (int p = 0; p < RANK_COUNTS; p++) {
        interruption i = {.options = r.options, .data = data};
        world_of_threads(rank_counts[p], interrupt_fit, &i);
        for (int rank = 1; rank < rank_counts[p]; rank++) cr_assert_eq(i.steps[rank], i.steps[0]);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

typedef struct difference {
    cusgd_options options[2];
    const cusgd_data *data[2];
    cusgd_status status;
    const char *message; /* on rank 0 */
} difference;

/* Rank 1 has its own options and data. */
static void create_different(world *w, void *context)
{
    const difference *d = context;
    cusgd_trainer *t;
    int other = w->rank == 1;
    cusgd_status status = cusgd_trainer_create_shared(w, &d->options[other], d->data[other], NULL, &t);
    cr_assert_neq(status, CUSGD_OK, "rank %d has made a trainer", w->rank);
    cr_assert_null(t);
    if (w->rank == 0) cr_assert_eq(status, d->status, "%s", cusgd_last_error());
    if (w->rank == 0) cr_assert(strstr(cusgd_last_error(), d->message), "%s", cusgd_last_error());
}

Test(world, all_ranks_learn_of_differences_and_failures)
{
    double *x[2], *y[2];
    cusgd_data *data = data_for(REAL, 3, &x[0], &y[0]), *other = data_for(REAL, 4, &x[1], &y[1]);
    static const char *const none[][2] = {{NULL, NULL}}, *const seed[][2] = {{"seed", "9"}, {NULL, NULL}};
    static const char *const gpu[][2] = {{"device", "cuda"}, {NULL, NULL}};
    cusgd_options usual = run_of(none, data).options, seeded = run_of(seed, data).options, cuda = run_of(gpu, data).options;
    const difference cases[] = {
        {{usual, usual}, {data, other}, CUSGD_ERROR_DATA, "different data"},
        {{usual, seeded}, {data, data}, CUSGD_ERROR_USAGE, "different options"},
        {{usual, cuda}, {data, data}, CUSGD_ERROR_DEVICE, "rank 1 has failed"},
        {{cuda, cuda}, {data, data}, CUSGD_ERROR_DEVICE, "device cuda"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        difference d = cases[i];
        world_of_threads(3, create_different, &d);
    }
    usual.shards = 2;
    difference few = {{usual, usual}, {data, data}, CUSGD_ERROR_USAGE, "3 processes cannot share 2 shards"};
    world_of_threads(3, create_different, &few);
    for (int i = 0; i < 2; i++) free(x[i]), free(y[i]);
    cusgd_data_free(data);
    cusgd_data_free(other);
}

/* Each rank looks at the features of some rows, and all find the first value that is wrong, in whatever rank's rows it lies. */
static void create_of_bad_rows(world *w, void *context)
{
    const difference *d = context;
    cusgd_trainer *t;
    cr_assert_eq(cusgd_trainer_create_shared(w, &d->options[0], d->data[0], NULL, &t), d->status, "%s", cusgd_last_error());
    cr_assert(strstr(cusgd_last_error(), d->message), "rank %d: %s", w->rank, cusgd_last_error());
    cr_assert(!t);
}

Test(world, all_ranks_find_the_first_value_that_is_wrong)
{
    static const char *const none[][2] = {{NULL, NULL}};
    static const int64_t bad[][2] = {{0, 0}, {N - 1, N - 1}, {N / 2, N - 1}, {3, N / 2}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double *x, *y;
        char message[64];
        cusgd_data *data = data_for(REAL, 3, &x, &y);
        cusgd_options usual = run_of(none, data).options;
        for (int j = 0; j < 2; j++) x[bad[i][j] * D + 1] = (double)NAN;
        snprintf(message, sizeof message, "row %lld, column 2: nan is not a finite number", (long long)bad[i][0] + 1);
        difference d = {{usual, usual}, {data, data}, CUSGD_ERROR_DATA, message};
        for (int ranks = 2; ranks < 6; ranks++) world_of_threads(ranks, create_of_bad_rows, &d);
        free(x), free(y);
        cusgd_data_free(data);
    }
}

static cusgd_status no_memory(void *of, const world_message *messages, int count)
{
    (void)of, (void)messages, (void)count;
    return fail(CUSGD_ERROR_MEMORY, "out of memory for messages");
}

/* Rank 1 has no memory for its part of an exchange. */
static void create_without_memory(world *w, void *context)
{
    const difference *d = context;
    world_ops scarce = *w->ops;
    cusgd_trainer *t;
    scarce.exchange = no_memory;
    if (w->rank == 1) w->ops = &scarce;
    cusgd_status status = cusgd_trainer_create_shared(w, &d->options[0], d->data[0], NULL, &t);
    cr_assert_eq(status, w->rank == 1 ? CUSGD_ERROR_MEMORY : CUSGD_ERROR_DEVICE, "%s", cusgd_last_error());
    if (w->rank != 1) cr_assert_str_eq(cusgd_last_error(), "rank 1 has failed: out of memory for messages");
}

Test(world, others_learn_of_an_exchange_without_memory)
{
    double *x, *y;
    cusgd_data *data = data_for(REAL, 3, &x, &y);
    static const char *const none[][2] = {{NULL, NULL}};
    difference d = {.options = {run_of(none, data).options}, .data = {data}};
    world_of_threads(3, create_without_memory, &d);
    free(x);
    free(y);
    cusgd_data_free(data);
}

/* ---- Sweeps -------------------------------------------------------------------------------------------------------------- */

enum { CONFIGURATIONS = 7, SWEEP_FOLDS = 3 };

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
    scarce.exchange = no_memory;
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

/* Rank 1 fails outside of the library, and says so, while the others open data. */
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
}

Test(world, a_rank_that_says_it_has_failed_ends_the_reading_of_all, .init = folder_setup, .fini = folder_teardown)
{
    char paths[1][600];
    snprintf(paths[0], sizeof paths[0], "%s", file_text("table.csv", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n"));
    for (int ranks = 2; ranks < 5; ranks++) world_of_threads(ranks, fail_elsewhere, paths);
    cusgd_world_fail(NULL, "nobody waits");
}

Test(world, where_one_rank_cannot_read_all_fail, .init = folder_setup, .fini = folder_teardown)
{
    char paths[1][600];
    snprintf(paths[0], sizeof paths[0], "%s", file_text("table.csv", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n"));
    for (int ranks = 2; ranks < 5; ranks++) world_of_threads(ranks, open_data, paths);
}
