/* Epochs of several slices on the emulated GPU: it never stands idle between two of them, and what needs a report, a divergence
 * or a cancellation, comes out as if each slice had been waited for. The streams are late: see tests.cmake. */
#include "emulated.h"
#include "inside.h"
#include "training.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static emulated_module emulated;

static void setup(void) { cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module"); }
TestSuite(slices, .init = setup);

/* A row a step; the first slices of an epoch have 4 and 16 steps, those after them 64. */
enum { SLICE = 64, FIRST = 4, SECOND = FIRST + 16, THIRD = SECOND + SLICE, ROWS = THIRD + 3 * SLICE + 20 };

/* y = 1 + x / 2; `bad`: the row that is 1e30 instead, whose squared error no float holds; -1: none. */
static cusgd_data *make_rows(int64_t bad, float *x, float *y)
{
    for (int64_t i = 0; i < ROWS; i++) {
        x[i] = (float)(i % 17) / 8 - 1;
        y[i] = 1 + x[i] / 2;
    }
    if (bad >= 0) x[bad] = 1e30f;
    return data_of_floats(ROWS, 1, 1, x, y, NULL);
}

static cusgd_options options_of(cusgd_engine engine)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_MOMENTUM, 0.01, 1, 1);
    o.precision = CUSGD_PRECISION_FLOAT;
    o.sampling = CUSGD_SAMPLING_NONE;
    o.standardize = 0;
    o.engine = engine;
    return o;
}

/* What stands between two steps of a batch of 67 MB must be few: a GPU reads it in 16 to 25 us. */
Test(slices, emul_are_long)
{
    int64_t large = INT64_C(65536) * 256 * 4;
    cr_expect(slice_steps(large, 0) >= 64 && slice_steps(large, 0) <= 512, "%lld", (long long)slice_steps(large, 0));
    cr_expect_eq(slice_steps(large, 1), 1);
    cr_expect_eq(slice_steps(4, 0), 4096);
    cr_expect_eq(slice_steps(4, 1), 512);
    cr_expect_eq(slice_steps(INT64_MAX, 0), 1);
}

static cusgd_trainer *trainer_in_slices(const cusgd_options *o, const cusgd_data *data)
{
    cusgd_trainer *t = trainer_of(o, data, NULL);
    set_slice(t, SLICE);
    return t;
}

/* Calls that wait and launches, in so many steps at once. */
typedef struct counts {
    unsigned long synchronized, drains, launches;
} counts;

/* Of kernels and of graphs. */
static unsigned long launches_made(void) { return emulated.calls_of("launch of ") + emulated.calls_of("cudaGraphLaunch"); }

static counts count_steps(cusgd_trainer *t, int64_t steps)
{
    counts before = {emulated.calls_of("cudaStreamSynchronize"), emulated.drains(), launches_made()};
    cr_assert_eq(cusgd_trainer_step(t, steps), CUSGD_OK, "%s", cusgd_last_error());
    return (counts){emulated.calls_of("cudaStreamSynchronize") - before.synchronized, emulated.drains() - before.drains,
                    launches_made() - before.launches};
}

/* Five slices wait for the GPU as often as one: for the report. */
Test(slices, emul_the_gpu_does_not_stand_idle)
{
    static const cusgd_engine engines[] = {CUSGD_ENGINE_FUSED, CUSGD_ENGINE_PERSISTENT};
    static float x[ROWS], y[ROWS];
    cusgd_data *data = make_rows(-1, x, y);
    for (int i = 0; i < 2; i++) {
        cusgd_options o = options_of(engines[i]);
        cusgd_trainer *t = trainer_in_slices(&o, data);
        counts one = count_steps(t, FIRST), five = count_steps(t, THIRD + 2 * SLICE);
        cr_expect(one.synchronized > 0 && one.drains > 0, "nothing is counted");
        cr_expect_eq(five.synchronized, one.synchronized, "%lu, not %lu", five.synchronized, one.synchronized);
        cr_expect_eq(five.drains, one.drains, "idle %lu times, not %lu", five.drains, one.drains);
        if (engines[i] == CUSGD_ENGINE_FUSED) /* most steps are in graphs */
            cr_expect_lt(five.launches, (THIRD + 2 * SLICE) / 3, "%lu launches", five.launches);
        if (engines[i] == CUSGD_ENGINE_PERSISTENT) cr_expect_eq(five.launches, 5, "%lu launches", five.launches);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
}

/* The parameters after the first `steps` steps, one at a time. */
static void run_apart(cusgd_engine engine, int64_t steps, double *parameters)
{
    static float x[ROWS], y[ROWS];
    cusgd_data *data = make_rows(-1, x, y);
    cusgd_options o = options_of(engine);
    cusgd_trainer *t = trainer_in_slices(&o, data);
    for (int64_t done = 0; done < steps; done++) cr_assert_eq(cusgd_trainer_step(t, 1), CUSGD_OK, "%s", cusgd_last_error());
    parameters_of(t, 1, 1, parameters);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* In the first slice, in those between, at their ends, and in the last. */
Test(slices, emul_a_divergence_is_told_exactly)
{
    static const int64_t steps[] = {2, SECOND + 7, THIRD - 1, THIRD + SLICE, ROWS - 2};
    static float x[ROWS], y[ROWS];
    for (int i = 0; i < 5; i++) {
        double parameters[2], before[2];
        char words[64];
        cusgd_engine engine = i % 2 ? CUSGD_ENGINE_FUSED : CUSGD_ENGINE_PERSISTENT;
        cusgd_data *data = make_rows(steps[i], x, y);
        cusgd_options o = options_of(engine);
        cusgd_trainer *t = trainer_in_slices(&o, data);
        unsigned long launches = emulated.calls_of("launch of persistent");
        cr_assert_eq(cusgd_trainer_step(t, ROWS - 1), CUSGD_ERROR_DIVERGED);
        snprintf(words, sizeof words, "not finite at step %lld (", (long long)steps[i] + 1);
        cr_expect(strstr(cusgd_last_error(), words), "%s", cusgd_last_error());
        cr_expect_eq(steps_of(t), steps[i]);
        if (i == 0) /* no slice is given once a divergence is known, one slice later */
            cr_expect_eq(emulated.calls_of("launch of persistent") - launches, 2, "launches of a failed run: %lu",
                         emulated.calls_of("launch of persistent") - launches);
        parameters_of(t, 1, 1, parameters);
        run_apart(engine, steps[i], before);
        cr_expect_arr_eq(parameters, before, sizeof before, "step %lld", (long long)steps[i]);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

static int ask(void *user) { return --*(int *)user < 0; }

/* Steps that were given are counted, and none is given after the answer. */
Test(slices, emul_a_cancellation_ends_with_whole_slices)
{
    static float x[ROWS], y[ROWS];
    cusgd_data *data = make_rows(-1, x, y);
    static const int64_t ends[] = {0, FIRST, SECOND, THIRD};
    for (int slices = 0; slices < 4; slices++) {
        int questions = slices;
        double parameters[2], before[2];
        cusgd_options o = options_of(CUSGD_ENGINE_PERSISTENT);
        cusgd_trainer *t = trainer_in_slices(&o, data);
        cusgd_set_interrupt(ask, &questions);
        cr_assert_eq(cusgd_trainer_step(t, ROWS), CUSGD_ERROR_INTERRUPTED);
        cusgd_set_interrupt(NULL, NULL);
        cr_expect_eq(steps_of(t), ends[slices], "%d slices: %lld steps", slices, (long long)steps_of(t));
        parameters_of(t, 1, 1, parameters);
        run_apart(CUSGD_ENGINE_PERSISTENT, ends[slices], before);
        cr_expect_arr_eq(parameters, before, sizeof before);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
}

/* An epoch's loss and rows, which the report has, are those of all its slices. */
static int keep(const cusgd_progress *p, void *user)
{
    *(cusgd_progress *)user = *p;
    return 0;
}

Test(slices, emul_an_epoch_tells_the_loss_of_all_slices)
{
    static float x[ROWS], y[ROWS];
    cusgd_data *data = make_rows(-1, x, y);
    cusgd_progress last[2];
    for (int cpu = 0; cpu < 2; cpu++) {
        cusgd_options o = options_of(CUSGD_ENGINE_AUTO);
        o.evaluate_every = 0;
        snprintf(o.device, sizeof o.device, cpu ? "cpu" : "cuda");
        cusgd_trainer *t = trainer_in_slices(&o, data);
        cr_assert_eq(cusgd_trainer_fit(t, keep, &last[cpu], NULL), CUSGD_OK, "%s", cusgd_last_error());
        cr_expect_eq(last[cpu].step, ROWS);
        cusgd_trainer_free(t);
    }
    cr_expect(last[1].loss > 0);
    cr_expect_float_eq(last[0].loss, last[1].loss, 1e-4 * last[1].loss, "%.9g, on the CPU %.9g", last[0].loss, last[1].loss);
    cusgd_data_free(data);
}
