/* gpu-steps: what a training step takes inside a run of many, by shape, engine, order of the rows and storage
 * (tests/gpu/README.md). It calls the device interface (host/backend.h) itself, so that nothing of the command and of the loop
 * over epochs is timed, and it takes the difference between a long and a short run, so that what begins and ends a run is not
 * timed either. */
#include "backend.h"
#include "scalar/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_REPEATS = 25, MAX_SLICE = 4096, LONG = 3 /* the long run's share of steps, the short one's being 1 */ };

typedef struct arguments {
    const char *device, *shapes, *engines, *samplings, *storages, *json;
    const char *update;    /* of sparse rows, by FTRL: dense or lazy; NULL: by plain SGD, dense */
    double bytes, seconds; /* of x; that one case takes at most, by estimate */
    int64_t stored;        /* values of a row that is sparse; 0: rows are dense */
    int64_t steps;         /* of a short run, at least */
    int repeats;           /* 0: one run and no times, for a profiler */
} arguments;

static const char *const engine_names[] = {"auto", "cublas", "fused", "persistent"};
#define SAMPLING_NAME(KIND, NAME, ROW, FLAGS) [CUSGD_SAMPLING_##KIND] = NAME,
static const char *const sampling_names[] = {SAMPLINGS(SAMPLING_NAME)};
static const char *const storage_names[] = {"full", "bf16"};

typedef struct bench {
    backend device;
    const arguments *given;
    FILE *json;
    float *x; /* given->bytes of it; every shape takes its rows from the start. y: as long as the longest shape has rows */
    float *y;
    int64_t *start; /* of sparse rows, as many as y has; and their columns */
    int32_t *column;
    step_numbers numbers[MAX_SLICE];
    int timed, bad; /* cases */
} bench;

/* One shape, engine, order and storage. */
typedef struct test_case {
    int64_t d, batch, rows, slice; /* rows of x; steps of a slice */
    int64_t next, epoch;           /* the batch at which the next slice starts */
    int engine, sampling, storage;
    dataset *examples;
} test_case;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(cusgd_status status, const char *what)
{
    if (status == CUSGD_OK) return;
    fprintf(stderr, "gpu-steps: %s: %s\n", what, cusgd_last_error());
    exit(1);
}

/* ---- Running ---- */

static int64_t row_values(const bench *b, int64_t d) { return b->given->stored > 0 ? b->given->stored : d; }

static int64_t batches_of(const test_case *c) { return c->rows / c->batch; }

/* At least `steps` steps, in slices that follow each other through the epochs without a wait; returns how many. */
static int64_t run_steps(bench *b, test_case *c, int64_t steps)
{
    const backend_ops *ops = b->device.ops;
    steps_report report;
    int64_t given = 0;
    while (given < steps) {
        sampler order =
            sampler_make((cusgd_sampling)c->sampling, 1, (uint64_t)c->rows, (uint64_t)batches_of(c), (uint64_t)c->epoch);
        slice s = {&(batch_share){c->examples, &order}, c->next, c->slice, b->numbers};
        if (s.count > batches_of(c) - c->next) s.count = batches_of(c) - c->next;
        must(ops->steps(b->device.self, &s), "steps");
        given += s.count;
        c->next += s.count;
        if (c->next == batches_of(c)) c->next = 0, c->epoch++;
    }
    must(ops->report(b->device.self, &report), "report");
    if (report.failed || report.done != given || !isfinite(report.loss)) {
        fprintf(stderr, "gpu-steps: %lld of %lld steps were done, with a loss of %g\n", (long long)report.done, (long long)given,
                report.loss);
        exit(1);
    }
    return given;
}

static int by_size(const void *a, const void *b)
{
    double u = *(const double *)a, v = *(const double *)b;
    return (u > v) - (u < v);
}

static void case_write(bench *b, const test_case *c, const double *us, int count)
{
    double median = (us[(count - 1) / 2] + us[count / 2]) / 2, bytes = (double)(c->d * c->batch * (c->storage ? 2 : 4));
    if (b->given->stored > 0) bytes = (double)(b->given->stored * c->batch) * 16; /* value and place, by rows and by columns */
    printf("%6lld x %-6lld %-10s %-14s %-5s %9.3f %9.3f %9.3f %8.0f\n", (long long)c->d, (long long)c->batch,
           engine_names[c->engine], sampling_names[c->sampling], storage_names[c->storage], median, us[0], us[count - 1],
           bytes / median / 1e3);
    fflush(stdout);
    if (b->json)
        fprintf(b->json,
                "{\"rows\": %lld, \"cols\": %lld, \"stored\": %lld, \"batch\": %lld, \"engine\": \"%s\", \"sampling\": \"%s\", "
                "\"storage\": \"%s\", \"update\": \"%s\", "
                "\"slice\": %lld, \"n\": %d, \"step_us\": %.6g, \"min\": %.6g, \"max\": %.6g}\n",
                (long long)c->rows, (long long)c->d, (long long)row_values(b, c->d), (long long)c->batch, engine_names[c->engine],
                sampling_names[c->sampling], storage_names[c->storage], b->given->update ? b->given->update : "",
                (long long)c->slice, count, median, us[0], us[count - 1]);
    b->timed++;
}

static void case_time(bench *b, test_case *c)
{
    const arguments *a = b->given;
    double us[MAX_REPEATS];
    int64_t steps = run_steps(b, c, a->steps); /* warms up: graphs are captured, kernels loaded */
    int count = 0;
    if (a->repeats == 0) return;
    double start = now();
    steps = run_steps(b, c, steps);
    double each = (now() - start) * (1 + LONG), begun = now();
    while (count < a->repeats && (count < 3 || now() - begun + each < a->seconds)) {
        double begin = now();
        int64_t few = run_steps(b, c, steps);
        double middle = now();
        int64_t many = run_steps(b, c, LONG * steps);
        us[count++] = 1e6 * ((now() - middle) - (middle - begin)) / (double)(many - few);
    }
    qsort(us, (size_t)count, sizeof *us, by_size);
    case_write(b, c, us, count);
}

static void case_run(bench *b, test_case *c)
{
    run_spec p = {.loss = {CUSGD_LOSS_SQUARED, 0, -(double)INFINITY, (double)INFINITY, NULL},
                  .optimizer = CUSGD_OPTIMIZER_SGD,
                  .d = c->d,
                  .k = 1,
                  .batch = c->batch,
                  .sparse = b->given->stored > 0,
                  .intercept = 1,
                  .storage = (cusgd_storage)c->storage,
                  .engine = (cusgd_engine)c->engine};
    if (b->given->update) {
        p.optimizer = CUSGD_OPTIMIZER_FTRL;
        p.lazy = strcmp(b->given->update, "lazy") == 0;
        p.average = 1;
        p.constants.beta1 = p.constants.l2 = 1e-6;
    }
    c->next = c->epoch = 0;
    for (int i = 0; i < MAX_SLICE; i++) {
        optimizer_numbers(p.optimizer, 0, 0, i, b->numbers + i);
        b->numbers[i].rate = 0.1 / (double)row_values(b, c->d);
        b->numbers[i].average = 1e-3;
    }
    if (b->device.ops->start(b->device.self, &p) == CUSGD_OK) {
        case_time(b, c);
        return;
    }
    printf("%6lld x %-6lld %-10s %-14s %-5s refused: %s\n", (long long)c->d, (long long)c->batch, engine_names[c->engine],
           sampling_names[c->sampling], storage_names[c->storage], cusgd_last_error());
}

/* ---- The cases ---- */

/* Whether the comma-separated list has the name. */
static int is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ',')) return 1;
    return 0;
}

/* Columns of a row, the first ones far more often than the last, as those of words: in equal parts of their logarithms. */
static void columns_make(bench *b, int64_t d, int64_t count)
{
    const int64_t stored = b->given->stored;
    const float *random = b->x;
    for (int64_t i = 0; i < count; i++) {
        int64_t before = -1;
        b->start[i] = i * stored;
        for (int64_t t = 0; t < stored; t++) {
            double part = ((double)t + 0.5 * (1 + (double)random[i * stored + t])) / (double)stored;
            int64_t j = (int64_t)pow((double)(d + 1), part) - 1;
            if (j <= before) j = before + 1;
            if (j > d - stored + t) j = d - stored + t;
            b->column[i * stored + t] = (int32_t)j;
            before = j;
        }
    }
    b->start[count] = count * stored;
}

static void examples_bind(bench *b, test_case *c)
{
    examples e = {.n = c->rows, .d = c->d, .k = 1};
    transform t = {.weight_mean = 1, .storage = (cusgd_storage)c->storage};
    e.x = (cusgd_matrix){b->x, CUSGD_TYPE_FLOAT32, c->d, 1};
    if (b->given->stored > 0) {
        e.x.at = NULL;
        e.s = (cusgd_csr){b->start, b->column, b->x, CUSGD_TYPE_FLOAT32, 0};
    }
    e.y = (cusgd_matrix){b->y, CUSGD_TYPE_FLOAT32, 1, 1};
    must(b->device.ops->bind(b->device.self, &e, &t, &c->examples), "the data cannot be brought to the device");
}

static void shape_run(bench *b, int64_t d, int64_t batch)
{
    const arguments *a = b->given;
    test_case c = {.d = d, .batch = batch};
    int64_t batches = (int64_t)(a->bytes / 4) / (row_values(b, d) * batch);
    if (batches < 1) batches = 1;
    c.rows = batches * batch;
    if (a->stored > 0) columns_make(b, d, c.rows);
    c.slice = batches < MAX_SLICE ? batches : MAX_SLICE;
    if (c.slice > a->steps) c.slice = a->steps;
    for (c.storage = 0; c.storage < 2; c.storage++) {
        if (!is_listed(a->storages, storage_names[c.storage])) continue;
        examples_bind(b, &c);
        for (c.sampling = SAMPLING_COUNT - 1; c.sampling >= 0; c.sampling--)
            for (c.engine = 0; c.engine < 4; c.engine++)
                if (is_listed(a->samplings, sampling_names[c.sampling]) && is_listed(a->engines, engine_names[c.engine]))
                    case_run(b, &c);
        b->device.ops->unbind(b->device.self, c.examples);
    }
}

/* Shapes as DxB,...; visit is called for each. Returns 0 where the text is something else. */
static int shapes_walk(bench *b, const char *text, void (*visit)(bench *b, int64_t d, int64_t batch))
{
    long long d, batch;
    int used;
    while (sscanf(text, "%lldx%lld%n", &d, &batch, &used) == 2 && d > 0 && batch > 0) {
        visit(b, d, batch);
        text += used;
        if (*text == 0) return 1;
        if (*text++ != ',') return 0;
    }
    return 0;
}

/* A batch at least has to fit. */
static int64_t values, rows;
static void shape_measure(bench *b, int64_t d, int64_t batch)
{
    int64_t wanted = (int64_t)(b->given->bytes / 4);
    int64_t each = row_values(b, d), here = wanted / (each * batch) * batch;
    if (here < batch) here = batch;
    if (here > rows) rows = here;
    if (here * each > values) values = here * each;
}

/* Uniform in (-1, 1); xorshift64* (Vigna 2016). */
static void fill(float *out, int64_t count, uint64_t state)
{
    for (int64_t i = 0; i < count; i++) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out[i] = (float)((state * 0x2545F4914F6CDD1Du) >> 40) * 0x1p-23f - 1;
    }
}

static void data_make(bench *b)
{
    enum { PIECE = 1 << 20 };
    b->x = malloc((size_t)values * sizeof *b->x);
    b->y = malloc((size_t)rows * sizeof *b->y);
    int sparse = b->given->stored > 0;
    b->start = sparse ? malloc((size_t)(rows + 1) * sizeof *b->start) : NULL;
    b->column = sparse ? malloc((size_t)values * sizeof *b->column) : NULL;
    if (!b->x || !b->y || (sparse && (!b->start || !b->column))) {
        fputs("gpu-steps: no memory for the data\n", stderr);
        exit(1);
    }
    for (int64_t at = 0; at < values; at += PIECE)
        fill(b->x + at, values - at < PIECE ? values - at : PIECE, 0x9E3779B97F4A7C15u + (uint64_t)at);
    fill(b->y, rows, 1);
}

/* ---- Arguments ---- */

static int usage(void)
{
    fputs(
        "usage: gpu-steps [--device NAME] [--shapes DxB,...] [--engines NAME,...] [--samplings NAME,...] [--storages full,bf16]\n"
        "                 [--stored N [--update dense|lazy]] [--bytes N] [--steps N] [--repeats N] [--seconds S] [--json FILE]\n"
        "Times steps of squared loss and plain SGD: batches of B rows of D floats, from N bytes of rows; with --stored of "
        "sparse\n"
        "rows with so many values, at most D, and with --update by FTRL with an average and l2. A run has at least --steps "
        "steps; --repeats 0 makes one run and times nothing. "
        "--json: a line for each case is appended.\n",
        stderr);
    return 2;
}

/* Returns 0 for what is not understood. */
static int arguments_read(arguments *a, int count, char **words)
{
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = words[i], *value = words[i + 1];
        if (strcmp(name, "--device") == 0)
            a->device = value;
        else if (strcmp(name, "--shapes") == 0)
            a->shapes = value;
        else if (strcmp(name, "--engines") == 0)
            a->engines = value;
        else if (strcmp(name, "--samplings") == 0)
            a->samplings = value;
        else if (strcmp(name, "--storages") == 0)
            a->storages = value;
        else if (strcmp(name, "--update") == 0)
            a->update = value;
        else if (strcmp(name, "--stored") == 0)
            a->stored = atoll(value);
        else if (strcmp(name, "--bytes") == 0)
            a->bytes = atof(value);
        else if (strcmp(name, "--steps") == 0)
            a->steps = atoll(value);
        else if (strcmp(name, "--repeats") == 0)
            a->repeats = atoi(value);
        else if (strcmp(name, "--seconds") == 0)
            a->seconds = atof(value);
        else if (strcmp(name, "--json") == 0)
            a->json = value;
        else
            return 0;
    }
    if (a->update && (a->stored == 0 || (strcmp(a->update, "dense") != 0 && strcmp(a->update, "lazy") != 0))) return 0;
    return count % 2 == 1 && a->stored >= 0 && a->bytes >= 4 && a->steps > 0 && a->repeats >= 0 && a->repeats <= MAX_REPEATS;
}

int main(int count, char **words)
{
    static bench b;
    arguments a = {.device = "cuda",
                   .shapes = "32x256,32x4096,32x65536,256x1024,256x65536,1024x4096,16384x1024",
                   .engines = "auto,cublas,fused,persistent",
                   .samplings = "none",
                   .storages = "full",
                   .bytes = 0x1p31,
                   .seconds = 1,
                   .steps = MAX_SLICE,
                   .repeats = 7};
    b.given = &a;
    if (!arguments_read(&a, count, words) || !shapes_walk(&b, a.shapes, shape_measure)) return usage();
    must(backend_open(a.device, CUSGD_PRECISION_FLOAT, 0, &b.device), "the device cannot be opened");
    if (a.json && !(b.json = fopen(a.json, "a"))) {
        fprintf(stderr, "gpu-steps: %s cannot be written\n", a.json);
        return 1;
    }
    data_make(&b);
    printf("%s; at least %lld steps per run; microseconds per step\n", b.device.name, (long long)a.steps);
    printf("%6s x %-6s %-10s %-14s %-5s %9s %9s %9s %8s\n", "d", "batch", "engine", "sampling", "rows", "median", "min", "max",
           "GB/s");
    shapes_walk(&b, a.shapes, shape_run);
    b.device.ops->close(b.device.self);
    free(b.x);
    free(b.y);
    free(b.start);
    free(b.column);
    if (b.json && fclose(b.json) != 0) return 1;
    if (b.timed > 0 || a.repeats == 0) return 0;
    fputs("gpu-steps: nothing was timed\n", stderr);
    return 1;
}
