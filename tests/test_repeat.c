/* The same run gives the same bits again: five times next to other runs, in two threads at once, and on the emulated GPU
 * whatever the order of its threads and the lateness of its streams. The device is CUSGD_TEST_DEVICE, as in training.h. */
#include "emulated.h"
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLS = 33, MAX_OUTPUTS = 3, MAX_VALUES = MAX_OUTPUTS * (COLS + 1) + 1 };

static emulated_module emulated;
static int is_emulated; /* 0: a real device */

static void setup(void)
{
    const cusgd_options o = options_default();
    is_emulated = strncmp(o.device, "cuda", 4) == 0 && emulated_find(&emulated);
}
TestSuite(repeat, .init = setup);

/* Batches of a twentieth have rows enough for several threads, and an epoch has steps enough for a graph. */
static int64_t rows(void) { return is_emulated ? (REDUCED ? 1000 : 3000) : REDUCED ? 6000 : 20000; }

/* ---- Runs ---------------------------------------------------------------------------------------------------------------- */

/* A problem and how it is run. */
typedef struct job {
    cusgd_options options;
    cusgd_data *data;
    int64_t outputs;
    double *x, *y;
    double result[MAX_VALUES]; /* parameters, k x (d + 1), and the loss */
    cusgd_status status;
    char message[256]; /* of a failure: errors are the thread's own */
} job;

static void job_make(job *j, cusgd_optimizer optimizer, cusgd_sampling sampling, cusgd_precision precision, int64_t outputs)
{
    uint64_t seed = (uint64_t)optimizer + 1;
    *j = (job){.options = options_default(), .outputs = outputs};
    j->options.optimizer = optimizer;
    j->options.sampling = sampling;
    j->options.precision = precision;
    j->options.batch = rows() / 20;
    j->options.epochs = 3;
    j->x = random_normals(&seed, rows() * COLS);
    j->y = random_normals(&seed, rows() * outputs);
    for (int64_t i = 0; i < rows() * outputs; i++) j->y[i] += j->x[i / outputs * COLS];
    j->data = data_of(rows(), COLS, outputs, j->x, j->y, NULL);
}

static void job_free(job *j)
{
    cusgd_data_free(j->data);
    free(j->x);
    free(j->y);
}

/* Nothing here is asserted: it may run in a thread of its own. */
static void *job_run(void *of)
{
    job *j = of;
    cusgd_trainer *t;
    cusgd_result r = CUSGD_INIT(cusgd_result);
    memset(j->result, 0, sizeof j->result);
    j->status = cusgd_trainer_create(&j->options, j->data, NULL, &t);
    if (!j->status) j->status = cusgd_trainer_fit(t, NULL, NULL, &r);
    if (!j->status) j->status = cusgd_trainer_get_coefficients(t, j->result, j->result + j->outputs * COLS);
    if (!j->status) j->result[MAX_VALUES - 1] = r.loss;
    if (j->status) snprintf(j->message, sizeof j->message, "%s", cusgd_last_error());
    cusgd_trainer_free(t);
    return NULL;
}

static void check_same(const job *first, const job *again, const char *what)
{
    cr_assert_eq(again->status, CUSGD_OK, "%s: status %d, %s", what, (int)again->status, again->message);
    cr_assert(memcmp(first->result, again->result, sizeof first->result) == 0, "%s changes the result by %g (optimizer %d)", what,
              distance(first->result, again->result, MAX_VALUES), (int)first->options.optimizer);
}

/* ---- Other runs -------------------------------------------------------------------------------------------------------- */

/* A trainer that steps in a thread of its own until a flag ends it. */
typedef struct neighbor {
    job job;
    pthread_t thread;
    _Atomic int begun, ends;
} neighbor;

static void *neighbor_run(void *of)
{
    neighbor *n = of;
    cusgd_trainer *t;
    n->job.status = cusgd_trainer_create(&n->job.options, n->job.data, NULL, &t);
    n->begun = 1;
    while (!n->job.status && !n->ends) n->job.status = cusgd_trainer_step(t, 7);
    if (n->job.status) snprintf(n->job.message, sizeof n->job.message, "%s", cusgd_last_error());
    cusgd_trainer_free(t);
    return NULL;
}

static void neighbor_start(neighbor *n, cusgd_optimizer optimizer, cusgd_sampling sampling, int64_t outputs)
{
    job_make(&n->job, optimizer, sampling, CUSGD_PRECISION_FLOAT, outputs);
    n->begun = n->ends = 0;
    cr_assert_eq(pthread_create(&n->thread, NULL, neighbor_run, n), 0);
    while (!n->begun) sched_yield(); /* it is past the preparations: its steps are what must overlap */
}

static void neighbor_end(neighbor *n)
{
    n->ends = 1;
    pthread_join(n->thread, NULL);
    cr_assert_eq(n->job.status, CUSGD_OK, "the other run: status %d, %s", (int)n->job.status, n->job.message);
    job_free(&n->job);
}

/* ---- The tests ----------------------------------------------------------------------------------------------------------- */

static void check_repeats(cusgd_optimizer optimizer, cusgd_sampling sampling, cusgd_precision precision, int64_t outputs)
{
    job first, again;
    neighbor other[2];
    job_make(&first, optimizer, sampling, precision, outputs);
    job_run(&first);
    cr_assert_eq(first.status, CUSGD_OK);
    again = first;
    neighbor_start(&other[0], CUSGD_OPTIMIZER_ADAM, CUSGD_SAMPLING_PERMUTE, 1);
    neighbor_start(&other[1], CUSGD_OPTIMIZER_MOMENTUM, CUSGD_SAMPLING_BLOCKS, 2);
    for (int i = 0; i < 5; i++) {
        job_run(&again);
        check_same(&first, &again, "other runs");
    }
    for (int i = 0; i < 2; i++) neighbor_end(&other[i]);
    job_free(&first);
}

Test(repeat, five_times_next_to_other_runs)
{
    check_repeats(CUSGD_OPTIMIZER_AUTO, CUSGD_SAMPLING_PERMUTE, CUSGD_PRECISION_FLOAT, 1);
    check_repeats(CUSGD_OPTIMIZER_ADAM, CUSGD_SAMPLING_REPLACE, CUSGD_PRECISION_DOUBLE, 3);
    check_repeats(CUSGD_OPTIMIZER_SGD, CUSGD_SAMPLING_NONE, CUSGD_PRECISION_FLOAT, 1);
}

Test(repeat, two_trainers_at_once)
{
    job alone[2], both[2];
    pthread_t thread[2];
    job_make(&alone[0], CUSGD_OPTIMIZER_AUTO, CUSGD_SAMPLING_PERMUTE, CUSGD_PRECISION_FLOAT, 1);
    alone[1] = alone[0];
    alone[1].options.seed = 1;
    for (int i = 0; i < 2; i++) {
        job_run(&alone[i]);
        both[i] = alone[i];
    }
    for (int i = 0; i < 2; i++) cr_assert_eq(pthread_create(&thread[i], NULL, job_run, &both[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 2; i++) check_same(&alone[i], &both[i], "another trainer");
    cr_assert(memcmp(both[0].result, both[1].result, sizeof both[0].result) != 0, "the seed changes nothing");
    job_free(&alone[0]);
}

Test(repeat, orders_and_lazinesses_of_the_emulated_gpu)
{
    const unsigned orders[] = {0, 1, 2, 9}, lazinesses[] = {0, 1, 2, 7};
    job first, again;
    neighbor other;
    if (!is_emulated) {
        puts("orders of threads and late streams: left out, only the emulated GPU takes these settings");
        cr_skip();
    }
    job_make(&first, CUSGD_OPTIMIZER_AUTO, CUSGD_SAMPLING_PERMUTE, CUSGD_PRECISION_FLOAT, 2);
    emulated.set_order(0);
    emulated.set_laziness(0);
    job_run(&first);
    cr_assert_eq(first.status, CUSGD_OK);
    again = first;
    neighbor_start(&other, CUSGD_OPTIMIZER_RMSPROP, CUSGD_SAMPLING_REPLACE, 1);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            char what[60];
            snprintf(what, sizeof what, "order %u, laziness %u", orders[i], lazinesses[j]);
            emulated.set_order(orders[i]);
            emulated.set_laziness(lazinesses[j]);
            job_run(&again);
            check_same(&first, &again, what);
        }
    neighbor_end(&other);
    job_free(&first);
}
