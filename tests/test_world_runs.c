/* Several processes, as threads: runs have the bits of one process whatever the number of ranks, and all end where one is
 * interrupted or fails. */
#include "cusgd_world.h"
#include "interrupt.h"
#include "support.h"
#include "thread_world.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

Test(world_runs, runs_of_steps_are_those_of_one_process) { check_runs(0, 10); }
Test(world_runs, runs_of_solvers_are_those_of_one_process) { check_runs(10, RUNS); }

/* Rows that are read when they are needed, on one rank and on two; on more of them each one's fit into the memory. */
Test(world_runs, streams)
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
Test(world_runs, runs_on_sparse_rows_are_those_of_one_process)
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
Test(world_runs, rows_in_order_of_their_class)
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

Test(world_runs, a_callback_of_one_rank_ends_all)
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

Test(world_runs, one_rank_interrupts_all)
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

Test(world_runs, all_ranks_learn_of_differences_and_failures)
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

Test(world_runs, all_ranks_find_the_first_value_that_is_wrong)
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

/* Rank 1 has no memory for its part of an exchange. */
static void create_without_memory(world *w, void *context)
{
    const difference *d = context;
    world_ops scarce = *w->ops;
    cusgd_trainer *t;
    scarce.exchange = exchange_without_memory;
    if (w->rank == 1) w->ops = &scarce;
    cusgd_status status = cusgd_trainer_create_shared(w, &d->options[0], d->data[0], NULL, &t);
    cr_assert_eq(status, w->rank == 1 ? CUSGD_ERROR_MEMORY : CUSGD_ERROR_DEVICE, "%s", cusgd_last_error());
    if (w->rank != 1) cr_assert_str_eq(cusgd_last_error(), "rank 1 has failed: out of memory for messages");
}

Test(world_runs, others_learn_of_an_exchange_without_memory)
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
