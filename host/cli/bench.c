/* Measures the speed of minibatch steps for shapes, batches, precisions, storages, samplings and devices, compared with the rate
 * at which the same device reads memory. Only cusgd_trainer_step() is timed, for whole passes over x. */
#include "bench.h"
#include "signals.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_REPEATS = 5, MAX_REPEATS = 200 };

static double now(void) { return clock_seconds(CLOCK_MONOTONIC); }

/* ---- Words --------------------------------------------------------------------------------------------------------------- */

/* Parses an integer, also 1e6, at *text, and moves *text behind it. */
static int parse_whole(const char **text, int64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)**text)) return 0;
    double number = strtod(*text, &end);
    *text = end;
    *value = number >= 1 && number <= 1e15 && number == floor(number) ? (int64_t)number : 0;
    return *value != 0;
}

/* "1000000x32" or "1e6x32"; "1e5x512x64": with 64 outputs */
static int parse_shape(const char *text, ground *g)
{
    g->outputs = 1;
    if (!parse_whole(&text, &g->rows) || *text++ != 'x' || !parse_whole(&text, &g->cols)) return 0;
    if (*text == 'x' && (text++, !parse_whole(&text, &g->outputs))) return 0;
    return *text == '\0' && g->rows <= INT64_MAX / 16 / g->cols && g->rows <= INT64_MAX / 16 / g->outputs;
}

static int list_default(text_list *list, const char *const *words, size_t count)
{
    if (list->count) return CUSGD_OK;
    list->at = malloc(count * sizeof *list->at);
    if (!list->at) return complain(CUSGD_ERROR_MEMORY, "out of memory");
    memcpy(list->at, words, count * sizeof *list->at);
    list->count = count;
    return CUSGD_OK;
}

static int fill_lists(bench *b)
{
    static const char *const shapes[] = {"1000000x32", "200000x256", "50000x2048"}, *const batches[] = {"32", "256", "4096"};
    static const char *const precisions[] = {"float"}, *const storages[] = {"full"};
    const char *const samplings[] = {"none", b->memory ? "pages" : "permute"};
    static const char *const engines[] = {"auto"}, *const devices[] = {"auto"}, *const threads[] = {"auto"};
    int status = list_default(&b->shapes, shapes, 3);
    if (!status) status = list_default(&b->batches, batches, 3);
    if (!status) status = list_default(&b->precisions, precisions, 1);
    if (!status) status = list_default(&b->storages, storages, 1);
    if (!status) status = list_default(&b->samplings, samplings, 2);
    if (!status) status = list_default(&b->engines, engines, 1);
    if (!status) status = list_default(&b->devices, devices, 1);
    if (!status) status = list_default(&b->threads, threads, 1);
    return status;
}

/* Checks all words before the first measurement. */
static int check_words(const bench *b, cusgd_options *o)
{
    const struct {
        const char *name;
        const text_list *words;
    } lists[] = {{"batch", &b->batches},  {"precision", &b->precisions}, {"storage", &b->storages}, {"sampling", &b->samplings},
                 {"engine", &b->engines}, {"device", &b->devices},       {"threads", &b->threads}};
    ground g;
    for (size_t i = 0; i < b->shapes.count; i++) {
        if (!parse_shape(b->shapes.at[i], &g))
            return complain_usage(b->syntax, "a shape is ROWSxCOLS or ROWSxCOLSxOUTPUTS, as in 1e6x32, not \"%s\"",
                                  b->shapes.at[i]);
    }
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
        for (size_t i = 0; i < lists[l].words->count; i++) {
            if (cusgd_options_set(o, lists[l].name, lists[l].words->at[i]))
                return complain_usage(b->syntax, "%s", cusgd_last_error());
            if (lists[l].words == &b->batches && option_is(o, "batch", CUSGD_AUTO))
                return complain_usage(b->syntax, "batch must be a number");
        }
    }
    if (cusgd_options_set(o, "loss", b->loss) || cusgd_options_set(o, "optimizer", b->optimizer) ||
        cusgd_options_set(o, "rate", b->rate) || (b->memory && cusgd_options_set(o, "memory", b->memory)))
        return complain_usage(b->syntax, "%s", cusgd_last_error());
    for (size_t i = 0; i < b->precisions.count * b->storages.count; i++) {
        cusgd_options_set(o, "precision", b->precisions.at[i / b->storages.count]);
        cusgd_options_set(o, "storage", b->storages.at[i % b->storages.count]);
        if (cusgd_options_check(o)) return complain_usage(b->syntax, "%s", cusgd_last_error());
    }
    if (b->seconds < 0 || b->epochs < 1) return complain_usage(b->syntax, "--seconds must not be negative, --epochs at least 1");
    return CUSGD_OK;
}

/* ---- One case ------------------------------------------------------------------------------------------------------------ */

/* Returns half of the largest safe rate for standard normal columns, so that training does not diverge while it is timed. With
 * momentum m the total effect of a gradient on theta is 1 / (1 - m) times as large. */
static double safe_rate(const bench *b, int64_t cols, int64_t batch)
{
    double curvature = fmax(cusgd_loss_find(b->loss)->hessian_bound, 1);
    double rate = 0.5 / ((isfinite(curvature) ? curvature : 1) * (1 + (double)(cols + 1) / (double)batch));
    if (strcmp(b->optimizer, "sgd") == 0) return rate;
    if (strcmp(b->optimizer, "momentum") == 0 || strcmp(b->optimizer, "nesterov") == 0) return 0.1 * rate;
    return CUSGD_AUTO_NUMBER; /* the optimizer's usual one */
}

/* Sets the options; the words have been checked. x is not standardized, and nothing is evaluated between steps. */
static void set_options(const bench *b, const ground *g, timing *t, const char *batch)
{
    cusgd_options *o = t->options;
    cusgd_options_set(o, "batch", batch);
    cusgd_options_set(o, "precision", t->precision);
    cusgd_options_set(o, "storage", t->storage);
    cusgd_options_set(o, "sampling", t->sampling);
    cusgd_options_set(o, "engine", t->engine);
    cusgd_options_set(o, "threads", t->threads);
    cusgd_options_set(o, "device", g->device.id);
    cusgd_options_set(o, "loss", b->loss);
    cusgd_options_set(o, "optimizer", b->optimizer);
    cusgd_options_set(o, "rate", b->rate);
    if (b->memory) cusgd_options_set(o, "memory", b->memory);
    t->batch = (int64_t)fmin(option_number(o, "batch"), (double)g->rows);
    cusgd_options_set_number(o, "batch", (double)t->batch);
    if (option_is(o, "rate", CUSGD_AUTO)) cusgd_options_set_number(o, "rate", safe_rate(b, g->cols, t->batch));
    cusgd_options_set(o, "no-standardize", NULL);
    cusgd_options_set_number(o, "epochs", (double)b->epochs);
    t->steps = (g->rows + t->batch - 1) / t->batch;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Gets the times of the stages since `before`. */
static void take_stages(const cusgd_trainer *trainer, const cusgd_stream_times *before, timing *t)
{
    cusgd_stream_times *s = &t->stages;
    t->streamed = cusgd_trainer_stream_times(trainer, s);
    s->read_bytes -= before->read_bytes;
    s->present_bytes -= before->present_bytes;
    s->read_seconds -= before->read_seconds;
    s->wait_seconds -= before->wait_seconds;
    s->copy_seconds -= before->copy_seconds;
    s->compute_seconds -= before->compute_seconds;
}

static cusgd_status time_repeat(cusgd_trainer *trainer, int64_t steps, double *seconds, double *work)
{
    double begun = now(), worked = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    cusgd_status status = cusgd_trainer_step(trainer, steps);
    *seconds = now() - begun;
    *work = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - worked;
    return status;
}

/* Times the steps: warms up for --epochs passes, and then measures repeats of whole passes that take at least 10 ms. */
static cusgd_status time_steps(const bench *b, const ground *g, cusgd_trainer *trainer, timing *t)
{
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    double first = 0, total = 0, work = 0, taken[MAX_REPEATS];
    cusgd_status status = cusgd_trainer_step(trainer, b->epochs * t->steps);
    if (!status) status = cusgd_trainer_evaluate(trainer, g->data, -1, &m);
    if (!status) status = time_repeat(trainer, t->steps, &first, &work);
    int64_t steps = t->steps * (first < 0.01 ? (int64_t)ceil(0.01 / fmax(first, 1e-6)) : 1);
    cusgd_stream_times before = CUSGD_INIT(cusgd_stream_times);
    cusgd_trainer_stream_times(trainer, &before);
    t->loss = m.loss;
    while (!status && t->repeats < MAX_REPEATS && (t->repeats < MIN_REPEATS || total < b->seconds)) {
        status = time_repeat(trainer, steps, &taken[t->repeats], &work);
        if (t->repeats == 0 || work / (double)steps < t->work) t->work = work / (double)steps;
        total += taken[t->repeats++];
    }
    if (status) return status;
    take_stages(trainer, &before, t);
    qsort(taken, (size_t)t->repeats, sizeof taken[0], by_size);
    t->median = (taken[(t->repeats - 1) / 2] + taken[t->repeats / 2]) / 2 / (double)steps;
    t->fastest = taken[0] / (double)steps;
    t->slowest = taken[t->repeats - 1] / (double)steps;
    return CUSGD_OK;
}

/* ---- All of them --------------------------------------------------------------------------------------------------------- */

/* Measures the bandwidth if the last measurement is not recent, because with large caches it takes longer than a case. */
static cusgd_status measure_bandwidth(const ground *g)
{
    reading *last = g->last;
    double begun = now();
    if (strcmp(last->device, g->device.id) == 0 && begun - last->at < fmax(0.2, last->took / 2)) return CUSGD_OK;
    last->device[0] = 0;
    cusgd_status status = cusgd_read_bandwidth(g->device.id, 0, (int64_t)bench_read_bytes(&g->device), &last->bandwidth);
    if (status) return status;
    snprintf(last->device, sizeof last->device, "%s", g->device.id);
    last->at = now();
    last->took = last->at - begun;
    return CUSGD_OK;
}

/* Times a case. If engines are compared, those that do not support the case skip it. */
static int time_case(const bench *b, ground *g, timing *t, const char *batch)
{
    cusgd_trainer *trainer;
    set_options(b, g, t, batch);
    cusgd_status status = cusgd_trainer_create(t->options, g->data, NULL, &trainer);
    if (status == CUSGD_ERROR_USAGE && b->engines.count > 1 && strcmp(t->engine, CUSGD_AUTO) != 0) {
        fprintf(stderr, "note: left out: %s\n", cusgd_last_error());
        return CUSGD_OK;
    }
    if (!status) status = measure_bandwidth(g);
    if (!status) snprintf(t->device, sizeof t->device, "%s", cusgd_trainer_device_name(trainer));
    t->bandwidth = g->last->bandwidth / 2;
    if (!status) status = time_steps(b, g, trainer, t);
    if (!status) status = measure_bandwidth(g);
    t->bandwidth += g->last->bandwidth / 2;
    cusgd_trainer_free(trainer);
    if (status) return complain_last(status);
    if (b->json)
        bench_put_json(b, g, t);
    else
        bench_put_row(g, t);
    return CUSGD_OK;
}

static int run_case(const bench *b, ground *g, timing *t, const char *batch)
{
    int status = options_open(&t->options);
    if (!status) status = time_case(b, g, t, batch);
    cusgd_options_free(t->options);
    return status;
}

/* The device that a word names: a GPU for auto, if one is usable. */
static void find_device(const char *word, cusgd_device *out)
{
    cusgd_device found = CUSGD_INIT(cusgd_device);
    int is_auto = strcmp(word, "auto") == 0;
    const char *name = is_auto || strcmp(word, "cuda") == 0 ? "cuda:0" : word;
    for (size_t i = 0; cusgd_device_at(i, &found); i++) {
        if (strcmp(found.id, name) == 0 && (found.usable || !is_auto)) {
            *out = found;
            return;
        }
    }
    *out = CUSGD_INIT(cusgd_device);
    if (is_auto)
        cusgd_device_at(0, out);
    else
        snprintf(out->id, sizeof out->id, "%.15s", word); /* the library reports the error */
}

static int run_device(const bench *b, ground *g, const char *precision, const char *storage)
{
    if (!b->fits && g->bytes <= (double)g->device.cache)
        fprintf(stderr,
                "note: x of %lld x %lld (%.3g MiB) fits into the cache of %s (%.3g MiB), which may be faster than memory; give "
                "more rows, or --fits\n",
                (long long)g->rows, (long long)g->cols, g->bytes / MIB, g->device.id, (double)g->device.cache / MIB);
    int gpu = strncmp(g->device.id, "cuda", 4) == 0;
    size_t threads = gpu ? 1 : b->threads.count, engines = gpu ? b->engines.count : 1; /* others have one */
    int status = CUSGD_OK;
    for (size_t i = 0; i < threads * engines * b->samplings.count * b->batches.count && !status; i++) {
        size_t rest = i / b->batches.count, sampling = rest % b->samplings.count;
        rest /= b->samplings.count;
        timing now_timed = {.sampling = b->samplings.at[sampling],
                            .precision = precision,
                            .storage = storage,
                            .engine = gpu ? b->engines.at[rest % engines] : "auto",
                            .threads = b->threads.at[rest / engines],
                            .stages = CUSGD_INIT(cusgd_stream_times)};
        status = run_case(b, g, &now_timed, b->batches.at[i % b->batches.count]);
    }
    return status;
}

/* Runs the cases of one shape in one precision, on generated rows. */
static int run_shape(const bench *b, const char *shape, const char *precision, reading *last)
{
    ground g = {.last = last};
    cusgd_generator of = CUSGD_INIT(cusgd_generator);
    cusgd_options *o;
    int status = options_open(&o);
    if (status) return status;
    cusgd_options_set(o, "loss", b->loss);
    cusgd_options_set(o, "precision", precision);
    parse_shape(shape, &g);
    cusgd_generator_init(&of);
    of.rows = g.rows;
    of.cols = g.cols;
    of.outputs = g.outputs;
    of.targets = targets_for(o);
    of.type = type_for(o);
    of.device = b->devices.at[0];
    cusgd_options_free(o);
    cusgd_status made = cusgd_data_generate(&of, &g.data);
    status = made ? complain_last(made) : CUSGD_OK;
    for (size_t i = 0; i < b->devices.count && !status; i++) {
        find_device(b->devices.at[i], &g.device);
        for (size_t s = 0; s < b->storages.count && !status; s++) {
            const char *storage = b->storages.at[s];
            int bytes = strcmp(storage, "bf16") == 0 ? 2 : of.type == CUSGD_TYPE_FLOAT64 ? 8 : 4;
            g.headed = 0;
            g.bytes = (double)g.rows * (double)g.cols * bytes;
            status = run_device(b, &g, precision, storage);
        }
    }
    cusgd_data_free(g.data);
    return status;
}

static int run_all(const bench *b)
{
    reading last = {0};
    int status = CUSGD_OK;
    for (size_t i = 0; i < b->shapes.count && !status; i++)
        for (size_t p = 0; p < b->precisions.count && !status; p++)
            status = run_shape(b, b->shapes.at[i], b->precisions.at[p], &last);
    return status;
}

int bench_main(int argc, char **argv)
{
    bench b = {.loss = "squared", .optimizer = "sgd", .rate = "auto", .epochs = 3, .seconds = 0.5};
    text_list *const lists[] = {&b.shapes,    &b.batches, &b.precisions, &b.storages,
                                &b.samplings, &b.engines, &b.devices,    &b.threads};
    const argument table[] = {
        {0, "shapes", "NxD[xK],...", "1000000x32,200000x256,50000x2048", "rows x columns of x, x outputs", TAKES_COLUMNS,
         &b.shapes},
        {0, "batch", "B,...", "32,256,4096", "rows per step", TAKES_COLUMNS, &b.batches},
        {0, "precision", "float|double,...", "float", "of the computation and of x", TAKES_COLUMNS, &b.precisions},
        {0, "storage", "full|bf16,...", "full", "of x; bf16 requires float", TAKES_COLUMNS, &b.storages},
        {0, "sampling", "WORD,...", "none,permute", "order of the rows: see train; with --memory: none,pages", TAKES_COLUMNS,
         &b.samplings},
        {0, "engine", "WORD,...", "auto", "how a GPU computes steps: see train", TAKES_COLUMNS, &b.engines},
        {0, "device", "auto|cpu|cuda[:I],...", "auto", "what computes", TAKES_COLUMNS, &b.devices},
        {0, "threads", "N,...", "as many as help", "of the CPU", TAKES_COLUMNS, &b.threads},
        {0, "loss", "WORD", "squared", "loss function: see train --help", TAKES_TEXT, &b.loss},
        {0, "optimizer", "WORD", "sgd", "update rule: see train", TAKES_TEXT, &b.optimizer},
        {0, "rate", "R", "a safe one for sgd, else the optimizer's usual one", "learning rate", TAKES_TEXT, &b.rate},
        {0, "memory", "BYTES", "all rows", "limits the memory for rows, as train --memory", TAKES_TEXT, &b.memory},
        {0, "epochs", "E", "3", "passes over x before the timing; the loss is that after them", TAKES_COUNT, &b.epochs},
        {0, "seconds", "S", "0.5", "that each case is timed, at least 5 repeats", TAKES_NUMBER, &b.seconds},
        {0, "fits", NULL, NULL, "print no note where x fits into the cache", TAKES_NOTHING, &b.fits},
        {0, "json", NULL, NULL, "one JSON object a line, one a case, numbers in full", TAKES_NOTHING, &b.json},
    };
    const syntax s = {.word = "bench",
                      .operands = "[OPTION]...",
                      .summary = "Times minibatch steps on random data, and compares them with how fast memory is read.",
                      .example = "cusgd bench --shapes 200000x256 --batch 1024 --sampling none,blocks,permute",
                      .groups = {{table, sizeof table / sizeof table[0]}}};
    int status;
    b.syntax = &s;
    signals_handle();
    if (arguments_parse(&s, argc, argv, NULL, &status)) {
        status = fill_lists(&b);
        cusgd_options *tried = NULL;
        if (!status) status = options_open(&tried);
        if (!status) status = check_words(&b, tried);
        cusgd_options_free(tried);
        if (!status) status = run_all(&b);
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) text_list_free(lists[i]);
    return signals_exit_code(status);
}
