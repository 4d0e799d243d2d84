/* Data that is read when it is needed, on a GPU: which rows are sent to it, which stay there, and that the bits are those of
 * rows that are all in memory. The device is CUSGD_TEST_DEVICE, as in training.h. */
#include "inside.h"
#include "reduced.h"
#include "streams.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(stream_gpu, .timeout = 600);

/* As few rows as there can be more of than fit: this is what the emulated GPU has time for. */
Test(stream_gpu, on_the_device)
{
    stream_rows m = make_rows(150000, D, 1, 1);
    double resident[D + 1], streamed[D + 1];
    cusgd_options o = stream_options("epochs=1 batch=1500 optimizer=adam rate=0.01 sampling=pages evaluate-every=1 memory=42M");
    train(&o, m.data, streamed);
    o.memory = 0;
    train(&o, m.data, resident);
    cr_assert_eq(memcmp(resident, streamed, sizeof resident), 0, "%.17g, not %.17g", streamed[0], resident[0]);
    free_rows(&m);
}

/* Rows that are sent to a GPU until the end of each epoch, in bytes, and the parameters in the end. */
enum { SENT_EPOCHS = 2 };
typedef struct sent_run {
    double sent[SENT_EPOCHS], found[SENT_EPOCHS], parameters[D + 1], loss;
    double present; /* in the end, with what the evaluation found */
} sent_run;

typedef struct epochs_of {
    cusgd_trainer *trainer;
    sent_run *run;
} epochs_of;

static int note_traffic(const cusgd_progress *p, void *of)
{
    const epochs_of *e = of;
    if (p->epoch > 0) traffic_of(e->trainer, &e->run->sent[p->epoch - 1], &e->run->found[p->epoch - 1]);
    return 0;
}

/* pages: CUSGD_CUDA_PAGES; "": as if it were not set. */
static sent_run run_sent(const stream_rows *m, const char *words, const char *pages)
{
    sent_run run;
    cusgd_result result = CUSGD_INIT(cusgd_result);
    cusgd_options o = stream_options(words);
    o.epochs = SENT_EPOCHS;
    setenv("CUSGD_CUDA_PAGES", pages, 1);
    cusgd_trainer *t = trainer_of(&o, m->data, NULL);
    epochs_of e = {t, &run};
    assert_works(cusgd_trainer_fit(t, o.memory ? note_traffic : NULL, &e, &result));
    parameters_of(t, D, 1, run.parameters);
    run.loss = result.loss;
    cusgd_stream_times times = CUSGD_INIT(cusgd_stream_times);
    cr_assert_eq(cusgd_trainer_stream_times(t, &times), o.memory > 0);
    run.present = times.present_bytes;
    cusgd_trainer_free(t);
    return run;
}

/* Of x, y and w. */
static double bytes_of(int64_t rows) { return (double)rows * (D + 2) * (double)sizeof(float); }

static void check_sent(const sent_run *run, const sent_run *bound, int64_t kept)
{
    const int last = SENT_EPOCHS - 1;
    double once = bytes_of(N), again = last * bytes_of(N - kept), there = last * bytes_of(kept);
    cr_assert_eq(memcmp(run->parameters, bound->parameters, sizeof bound->parameters), 0, "%lld rows stay: %.17g, not %.17g",
                 (long long)kept, run->parameters[0], bound->parameters[0]);
    cr_assert_float_eq(run->sent[last], once + again, 1, "%lld rows stay: %.17g bytes were sent, not %.17g", (long long)kept,
                       run->sent[last], once + again);
    cr_assert_float_eq(run->found[last], there, 1, "%lld rows stay: %.17g bytes were there, not %.17g", (long long)kept,
                       run->found[last], there);
    cr_assert_eq(memcmp(&run->loss, &bound->loss, sizeof run->loss), 0, "%lld rows stay: %.17g, not %.17g", (long long)kept,
                 run->loss, bound->loss);
    double by_passes = run->present - there; /* of the evaluation and that of the model without columns, in whole pieces */
    if (kept == N)
        cr_assert_float_eq(by_passes, 2 * bytes_of(N), 1, "%.17g bytes were there in the evaluations", by_passes);
    else
        cr_assert(by_passes > 0 && by_passes <= 2 * bytes_of(kept), "%.17g bytes were there in the evaluations", by_passes);
}

/* Pages that a GPU has room for are sent once, be that all of them or some, and the model has the bits of rows that are bound
 * together. */
Test(stream_gpu, pages_that_stay_on_the_device)
{
    enum { PAGE = 1024, KEPT = 70 };
    if (!device_is_gpu()) cr_skip_test("the CPU takes rows where they lie");
    stream_rows m = make_rows(N, D, 1, 1);
    char some[32];
    snprintf(some, sizeof some, "%lld", (long long)bytes_of(KEPT * PAGE) + 1); /* as they are bound, in float too */
    static const char *const words[] = {"batch=3000 rate=0.01 optimizer=adam evaluate-every=end",
                                        "batch=5000 rate=0.01 optimizer=adam evaluate-every=end sampling=none"};
    for (int i = 0; i < 2; i++) {
        char within[200];
        snprintf(within, sizeof within, "%s memory=25M", words[i]);
        sent_run bound = run_sent(&m, words[i], ""), run = run_sent(&m, within, i == 0 ? some : "");
        check_sent(&run, &bound, i == 0 ? KEPT * PAGE : N);
    }
    free_rows(&m);
}

/* Two shards of more rows than fit: batches that end in the middle of windows, that are longer than a window, and than all that
 * there is room for; pages that stay, of one shard and of both, and none. */
Test(stream_gpu, shards)
{
    enum { PAGE = 1024, ROWS = 4 * WINDOW + 30001 };
    if (!device_is_gpu()) cr_skip_test("the CPU takes rows where they lie");
    stream_rows m = make_rows(ROWS, D, 1, 1);
    static const struct {
        const char *words;
        int64_t kept;
    } runs[] = {{"batch=7000 optimizer=adam sampling=pages evaluate-every=1", 100},
                {"batch=40000 optimizer=momentum sampling=none evaluate-every=end", 50},
                {"batch=150000 optimizer=adam sampling=pages evaluate-every=end", 0},
                {"batch=7000 sampling=pages valid-fraction=0.01 engine=cublas evaluate-every=1", 1000}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i += REDUCED ? 2 : 1) {
        char words[200], pages[32];
        snprintf(words, sizeof words, "%s rate=0.01 shards=2", runs[i].words);
        snprintf(pages, sizeof pages, "%lld", (long long)bytes_of(runs[i].kept * PAGE));
        sent_run bound = run_sent(&m, words, "");
        strcat(words, " memory=44M");
        sent_run run = run_sent(&m, words, pages);
        cr_assert_eq(memcmp(run.parameters, bound.parameters, sizeof bound.parameters), 0, "%s: %.17g, not %.17g", words,
                     run.parameters[0], bound.parameters[0]);
        cr_assert_eq(memcmp(&run.loss, &bound.loss, sizeof run.loss), 0, "%s: %.17g, not %.17g", words, run.loss, bound.loss);
        cr_assert(run.found[SENT_EPOCHS - 1] > 0 || runs[i].kept == 0, "%s: no page stayed", words);
    }
    free_rows(&m);
}

/* A window that was being read when rows were read in between is read again: its pages are not on the device. */
Test(stream_gpu, pages_that_were_asked_for_in_vain)
{
    if (!device_is_gpu()) cr_skip_test("the CPU takes rows where they lie");
    stream_rows m = make_rows(N, D, 1, 1);
    double parameters[2][D + 1];
    cusgd_options o = stream_options("epochs=1 batch=5000 rate=0.01 optimizer=adam evaluate-every=end sampling=none");
    for (int streams = 0; streams < 2; streams++) {
        o.memory = streams ? 25000000 : 0;
        cusgd_trainer *t = trainer_of(&o, m.data, NULL);
        assert_works(cusgd_trainer_step(t, 2));
        if (streams) assert_works(read_between(t));
        assert_works(cusgd_trainer_step(t, (N + 4999) / 5000 - 2));
        parameters_of(t, D, 1, parameters[streams]);
        cusgd_trainer_free(t);
    }
    cr_assert_eq(memcmp(parameters[0], parameters[1], sizeof parameters[0]), 0, "%.17g, not %.17g", parameters[1][0],
                 parameters[0][0]);
    free_rows(&m);
}
