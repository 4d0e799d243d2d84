/* Opens the device, times, keeps figures and writes them. */
#include "probe.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP = 3 };

static probe the_probe; /* where a failing call finds what was measured before it */
static const char *json_path;

/* ---- Writing ---- */

static void write_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', f);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
    }
    fputc('"', f);
}

static void write_json(const probe *p, const char *failure, FILE *f)
{
    int runtime = 0, driver = 0;
    (void)cudaRuntimeGetVersion(&runtime);
    (void)cudaDriverGetVersion(&driver);
    fputs("{\"device\": ", f);
    write_text(f, p->device);
    fprintf(f,
            ", \"compute_capability\": \"%d.%d\", \"multiprocessors\": %d, \"l2_bytes\": %d, \"shared_bytes\": %d, "
            "\"memory_bytes\": %zu, \"buffer_bytes\": %zu",
            p->major, p->minor, p->multiprocessors, p->l2_bytes, p->shared, p->memory, p->bytes);
    fprintf(f, ", \"cuda_runtime\": %d, \"cuda_driver\": %d, \"small\": %s, \"failure\": ", runtime, driver,
            p->small ? "true" : "false");
    failure ? write_text(f, failure) : (void)fputs("null", f);
    fputs(",\n \"figures\": [", f);
    for (int i = 0; i < p->figures; i++) {
        const probe_figure *g = &p->figure[i];
        fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", f);
        write_text(f, g->name);
        if (g->unit)
            fprintf(f, ", \"unit\": \"%s\", \"n\": %d, \"median\": %.6g, \"min\": %.6g, \"max\": %.6g}", g->unit, g->repeats,
                    g->median, g->minimum, g->maximum);
        else
            fputs(", \"unit\": null, \"refused\": ", f), write_text(f, g->why), fputc('}', f);
    }
    fputs("\n ]}\n", f);
}

/* Each as it comes: a probe that is ended has said what it had. */
static void write_head(const probe *p)
{
    printf("%s, compute capability %d.%d, %d multiprocessors, %.1f MB of L2, %.1f GB of memory, %d bytes of shared memory a "
           "block%s\n",
           p->device, p->major, p->minor, p->multiprocessors, p->l2_bytes / 1e6, (double)p->memory / 1e9, p->shared,
           p->small ? "; SMALL SHAPES: the figures mean nothing" : "");
    printf("%-72s %10s %10s %10s  %-4s %3s\n", "", "median", "min", "max", "unit", "n");
    fflush(stdout);
}

static void write_line(const probe_figure *g)
{
    if (g->unit)
        printf("%-72s %10.4g %10.4g %10.4g  %-4s %3d\n", g->name, g->median, g->minimum, g->maximum, g->unit, g->repeats);
    else
        printf("%-72s refused: %s\n", g->name, g->why);
    fflush(stdout);
}

static int finish(const probe *p, const char *failure)
{
    if (failure) fprintf(stderr, "gpu-probe: %s\n", failure);
    if (json_path) {
        FILE *f = fopen(json_path, "w");
        if (f) write_json(p, failure, f);
        if (!f || ferror(f) | fclose(f)) {
            fprintf(stderr, "gpu-probe: %s cannot be written\n", json_path);
            return 2;
        }
    }
    return failure != NULL;
}

void probe_check(cudaError_t error, const char *call, const char *file, int line)
{
    char text[512];
    if (error == cudaSuccess) return;
    snprintf(text, sizeof text, "%s: %s (%s), at %s:%d", call, cudaGetErrorString(error), cudaGetErrorName(error), file, line);
    exit(finish(&the_probe, text));
}

void probe_expect(int right, const char *what)
{
    char text[512];
    if (right) return;
    snprintf(text, sizeof text, "wrong result: %s", what);
    exit(finish(&the_probe, text));
}

/* ---- Timing ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void warm_up(probe *p, void (*work)(probe *p, void *context), void *context)
{
    for (int i = 0; i < WARM_UP; i++) work(p, context);
    CHECK(cudaGetLastError());
    CHECK(cudaStreamSynchronize(p->stream));
    p->runs = WARM_UP + p->repeats;
}

void probe_time(probe *p, void (*work)(probe *p, void *context), void *context)
{
    warm_up(p, work, context);
    for (int i = 0; i < p->repeats; i++) {
        float passed = 0;
        CHECK(cudaEventRecord(p->begin, p->stream));
        work(p, context);
        CHECK(cudaEventRecord(p->end, p->stream));
        CHECK(cudaEventSynchronize(p->end));
        CHECK(cudaEventElapsedTime(&passed, p->begin, p->end));
        p->milliseconds[i] = (double)passed;
    }
}

void probe_time_host(probe *p, void (*work)(probe *p, void *context), void *context)
{
    warm_up(p, work, context);
    for (int i = 0; i < p->repeats; i++) {
        double start = now();
        work(p, context);
        CHECK(cudaStreamSynchronize(p->stream));
        p->milliseconds[i] = now() - start;
    }
}

/* ---- Figures ---- */

static int by_size(const void *a, const void *b)
{
    double u = *(const double *)a, v = *(const double *)b;
    return (u > v) - (u < v);
}

static probe_figure *figure_add(probe *p, const char *unit, const char *format, va_list arguments)
{
    probe_expect(p->figures < PROBE_FIGURES, "more figures than there is room for");
    probe_figure *g = &p->figure[p->figures++];
    vsnprintf(g->name, sizeof g->name, format, arguments);
    g->unit = unit;
    return g;
}

static void figure_fill(probe *p, probe_figure *g, double *values)
{
    qsort(values, (size_t)p->repeats, sizeof *values, by_size);
    g->repeats = p->repeats;
    g->minimum = values[0];
    g->maximum = values[p->repeats - 1];
    g->median = (values[(p->repeats - 1) / 2] + values[p->repeats / 2]) / 2;
    write_line(g);
}

void probe_latency(probe *p, double count, const char *format, ...)
{
    double values[PROBE_REPEATS];
    va_list arguments;
    va_start(arguments, format);
    for (int i = 0; i < p->repeats; i++) values[i] = p->milliseconds[i] * 1e3 / count;
    figure_fill(p, figure_add(p, "us", format, arguments), values);
    va_end(arguments);
}

void probe_bandwidth(probe *p, double bytes, const char *format, ...)
{
    double values[PROBE_REPEATS];
    va_list arguments;
    va_start(arguments, format);
    for (int i = 0; i < p->repeats; i++) values[i] = bytes / 1e6 / fmax(p->milliseconds[i], 1e-6);
    figure_fill(p, figure_add(p, "GB/s", format, arguments), values);
    va_end(arguments);
}

void probe_value(probe *p, double value, const char *unit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    probe_figure *g = figure_add(p, unit, format, arguments);
    g->repeats = 1;
    g->median = g->minimum = g->maximum = value;
    write_line(g);
    va_end(arguments);
}

void probe_refused(probe *p, const char *why, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    probe_figure *g = figure_add(p, NULL, format, arguments);
    snprintf(g->why, sizeof g->why, "%s", why);
    write_line(g);
    va_end(arguments);
}

unsigned probe_sum_words(int64_t count)
{
    unsigned sum = 0;
    for (int64_t i = 0; i < count; i++) sum += probe_word((uint64_t)i);
    return sum;
}

void probe_expect_sum(probe *p, unsigned each, const char *what)
{
    unsigned sum = 0;
    CHECK(cudaMemcpyAsync(&sum, p->sum, sizeof sum, cudaMemcpyDeviceToHost, p->stream));
    CHECK(cudaMemsetAsync(p->sum, 0, sizeof sum, p->stream));
    CHECK(cudaStreamSynchronize(p->stream));
    probe_expect(sum == each * (unsigned)p->runs, what);
}

unsigned probe_resident(const probe *p, const void *kernel, int threads, size_t shared)
{
    int blocks = 0;
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, shared));
    return (unsigned)(blocks * p->multiprocessors);
}

/* ---- The device ---- */

static int open_device(probe *p)
{
    int count = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    cudaDeviceProp properties;
    if (error != cudaSuccess || count == 0) {
        fprintf(stderr, "gpu-probe: there is no GPU here that can be used (%s)\n",
                error != cudaSuccess ? cudaGetErrorString(error) : "none is counted");
        return 3;
    }
    CHECK(cudaSetDevice(0));
    CHECK(cudaGetDeviceProperties(&properties, 0));
    snprintf(p->device, sizeof p->device, "%s", properties.name);
    p->multiprocessors = properties.multiProcessorCount;
    p->major = properties.major;
    p->minor = properties.minor;
    p->l2_bytes = properties.l2CacheSize;
    p->memory = properties.totalGlobalMem;
    CHECK(cudaDeviceGetAttribute(&p->shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
    CHECK(cudaDeviceGetAttribute(&p->cooperative, cudaDevAttrCooperativeLaunch, 0));
    CHECK(cudaStreamCreateWithFlags(&p->stream, cudaStreamNonBlocking));
    CHECK(cudaEventCreate(&p->begin));
    CHECK(cudaEventCreate(&p->end));
    return 0;
}

static void close_device(probe *p)
{
    CHECK(cudaFree(p->words));
    CHECK(cudaFree(p->room));
    CHECK(cudaFree(p->sum));
    CHECK(cudaEventDestroy(p->begin));
    CHECK(cudaEventDestroy(p->end));
    CHECK(cudaStreamDestroy(p->stream));
}

int probe_main(int count, char **arguments, probe_part *const *parts)
{
    probe *p = &the_probe;
    int alone = 0;
    for (int i = 1; i < count; i++)
        if (strcmp(arguments[i], "--small") == 0)
            p->small = 1;
        else if (strcmp(arguments[i], "--properties") == 0)
            alone = 1;
        else if (strcmp(arguments[i], "--json") == 0 && i + 1 < count)
            json_path = arguments[++i];
        else {
            fputs("usage: gpu-probe [--json FILE] [--small] [--properties]\nMeasures the first GPU; a table goes to standard "
                  "output. "
                  "--properties: says what it is, alone.\n",
                  stderr);
            return 1;
        }
    p->repeats = p->small ? 2 : PROBE_REPEATS;
    int missing = open_device(p);
    if (missing) return missing;
    write_head(p);
    for (; *parts; parts++) {
        (*parts)(p);
        if (alone) break;
    }
    int code = finish(p, NULL);
    close_device(p);
    return code;
}
