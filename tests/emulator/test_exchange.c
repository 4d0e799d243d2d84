/* The GPUs of several processes (host/cuda/exchange.c, nccl.c), whose ranks are threads here, each with an emulated GPU of its
 * own: models are those of one process; where NCCL fails all ranks end, one of them names the call, and nothing is left behind.
 * Processes: ranks.sh. CUSGD_MODULE_DIR names the module's folder, CUSGD_NCCL the module, which has NCCL's functions, too. */
#include "cusgd_world.h"
#include "emulated.h"
#include "thread_world.h"
#include "training.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static emulated_module emulated;

static void setup(void) { cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module"); }
TestSuite(exchange, .init = setup, .timeout = 300);

enum { MOST_RANKS = 3, STEPS = 6 };

/* A run, and what came of it on each rank. */
typedef struct shared_run {
    cusgd_options options;
    double *x, *y;
    cusgd_data *data; /* of these */
    int64_t cols;
    double patience;  /* seconds that a rank waits for another */
    int absent;       /* the rank that takes no steps; -1: none */
    double *expected; /* cols + 1 parameters; NULL: not compared */
    cusgd_status status[MOST_RANKS];
    char message[MOST_RANKS][600];
} shared_run;

static cusgd_status take_steps(cusgd_trainer *t, const shared_run *r, int rank)
{
    if (rank == r->absent) return CUSGD_OK;
    cusgd_status status = cusgd_trainer_step(t, STEPS / 2);
    return status ? status : cusgd_trainer_step(t, STEPS / 2);
}

/* Agrees with the others behind each slice, and does nothing on its GPU, until one of them has given up. */
static void be_missed(world *w)
{
    int any;
    while (world_any(w, 0, &any) == CUSGD_OK) continue;
}

static void take_part(world *w, void *context)
{
    shared_run *r = context;
    cusgd_trainer *t = NULL;
    w->timeout = r->patience;
    cusgd_status status = cusgd_trainer_create_shared(w, &r->options, r->data, NULL, &t);
    if (!status) status = take_steps(t, r, w->rank);
    snprintf(r->message[w->rank], sizeof r->message[0], "%s", status ? cusgd_last_error() : "");
    r->status[w->rank] = status;
    if (w->rank == r->absent) be_missed(w);
    if (status) w->ops->notify(w->of, "has ended"); /* as the launcher of processes does */
    if (!status && r->expected && r->absent < 0) {
        double *parameters = calloc((size_t)r->cols + 1, sizeof *parameters);
        parameters_of(t, r->cols, 1, parameters);
        cr_assert_arr_eq(parameters, r->expected, sizeof *parameters * (size_t)(r->cols + 1), "rank %d of %d", w->rank, w->ranks);
        free(parameters);
    }
    cusgd_trainer_free(t);
}

static shared_run run_of(int64_t rows, int64_t cols)
{
    shared_run r = {.options = options_plain(CUSGD_OPTIMIZER_MOMENTUM, 0.001, 8, 2), .cols = cols, .patience = 30, .absent = -1};
    r.options.shards = 8;
    r.options.threads = 1;
    strcpy(r.options.device, "cuda");
    uint64_t seed = 7;
    r.x = random_normals(&seed, rows * cols);
    r.y = random_normals(&seed, rows);
    for (int64_t i = 0; i < rows; i++) r.y[i] += r.x[i * cols];
    r.data = data_of(rows, cols, 1, r.x, r.y, NULL);
    return r;
}

static void run_free(shared_run *r)
{
    cusgd_data_free(r->data);
    free(r->x);
    free(r->y);
    free(r->expected);
}

static void run_alone(shared_run *r)
{
    cusgd_trainer *t = trainer_of(&r->options, r->data, NULL);
    r->expected = calloc((size_t)r->cols + 1, sizeof *r->expected);
    cr_assert_eq(take_steps(t, r, 0), CUSGD_OK, "%s", cusgd_last_error());
    parameters_of(t, r->cols, 1, r->expected);
    cusgd_trainer_free(t);
}

static void run_ranks(shared_run *r, int ranks)
{
    for (int i = 0; i < MOST_RANKS; i++) r->status[i] = CUSGD_OK, *r->message[i] = '\0';
    world_of_threads(ranks, take_part, r);
}

static void check_nothing_left(const char *call)
{
    cr_assert(emulated.live_bytes() == 0 && emulated.live_objects() == 0, "%s: %zu bytes and %zu objects are left", call,
              emulated.live_bytes(), emulated.live_objects());
}

/* Nodes that are sent whole, and, beyond 1 MB, in slices. */
Test(exchange, emul_runs_are_those_of_one_process)
{
    for (int wide = 0; wide < 2; wide++) {
        shared_run r = wide ? run_of(16, 60000) : run_of(100, 6);
        run_alone(&r);
        for (int ranks = 2; ranks <= MOST_RANKS; ranks++) {
            run_ranks(&r, ranks);
            for (int i = 0; i < ranks; i++) cr_assert_eq(r.status[i], CUSGD_OK, "rank %d: %s", i, r.message[i]);
            check_nothing_left("a run");
        }
        run_free(&r);
    }
}

static int is_named(const char *message, const char *call)
{
    /* the call that is waited for is named instead */
    if (strcmp(call, "ncclCommGetAsyncError") == 0) return strstr(message, "GPU: NCCL: nccl") != NULL;
    return emulated_is_named(message, call);
}

/* All ranks have ended by a failure, and one of them says the words. */
static void check_all_failed(const shared_run *r, int ranks, const char *words)
{
    int named = 0;
    for (int i = 0; i < ranks; i++) {
        cr_assert(r->status[i] != CUSGD_OK, "%s: rank %d went on, where another says: %s", words, i, r->message[!i]);
        named += is_named(r->message[i], words);
    }
    cr_assert(named > 0, "%s is not in '%s', nor in '%s'", words, r->message[0], r->message[1]);
    check_nothing_left(words);
}

/* Each function of NCCL's that is called in a run, on all ranks. */
Test(exchange, emul_a_library_that_fails)
{
    static const char *const functions[] = {
        "ncclGetUniqueId", "ncclCommInitRankConfig", "ncclCommGetAsyncError", "ncclGroupStart", "ncclSend", "ncclRecv",
        "ncclGroupEnd"};
    shared_run r = run_of(100, 6);
    emulated.set_laziness(1); /* there is something to wait for */
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        emulated.refuse(functions[i]);
        run_ranks(&r, 2);
        emulated.refuse(NULL);
        check_all_failed(&r, 2, functions[i]);
    }
    run_ranks(&r, 2);
    for (int i = 0; i < 2; i++) cr_assert_eq(r.status[i], CUSGD_OK, "afterwards: %s", r.message[i]);
    check_nothing_left("a run after all that");
    run_free(&r);
}

Test(exchange, emul_a_rank_that_takes_no_steps_is_missed)
{
    shared_run r = run_of(100, 6);
    r.patience = 0.2;
    r.absent = 1;
    run_ranks(&r, 2);
    cr_assert(strstr(r.message[0], "for 0.2 seconds: it has ended, or needs a longer --timeout"), "%s", r.message[0]);
    check_nothing_left("an absent rank");
    run_free(&r);
}

static void check_unusable(const char *library, const char *words)
{
    shared_run r = run_of(100, 6);
    setenv("CUSGD_NCCL", library, 1);
    run_ranks(&r, 2);
    check_all_failed(&r, 2, words);
    for (int i = 0; i < 2; i++) cr_assert(strstr(r.message[i], "need NCCL"), "rank %d: %s", i, r.message[i]);
    run_free(&r);
}

Test(exchange, emul_no_library) { check_unusable("/nowhere/libnccl.so.2", "does not open: "); }

Test(exchange, emul_another_library) { check_unusable("libm.so.6", "has no ncclGetVersion, as NCCL 2.14"); }

Test(exchange, emul_an_older_library)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/libcusgd-cuda.so", getenv("CUSGD_MODULE_DIR"));
    setenv("CUSGD_EMULATOR_NCCL", "21399", 1);
    check_unusable(path, "is of version 21399");
}
