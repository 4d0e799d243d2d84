/* The table and the JSON lines of `cusgd bench`. */
#include "bench.h"

#include <math.h>
#include <string.h>

/* Returns the bytes to read: so much more than the cache that what remains there does not speed up the next pass. GPUs replace
 * lines of their large caches randomly, and read 2 GiB in a millisecond. */
double bench_read_bytes(const cusgd_device *device)
{
    double minimum = 256.0 * MIB, by_cache = fmax(minimum, 4 * (double)device->cache);
    if (strncmp(device->id, "cuda", 4) != 0) return fmin(by_cache, 4 * minimum);
    return fmin(fmax(by_cache, 2048.0 * MIB), (double)device->memory / 4);
}

static double rows_per_second(const ground *g, const timing *t, double step) { return (double)g->rows / (double)t->steps / step; }

static void put_head(const ground *g, const timing *t)
{
    const char *kept = strcmp(t->storage, "full") == 0 ? "" : t->storage;
    printf("\n%lld x %lld, %s%s%s, %s: x has %.3g MiB", (long long)g->rows, (long long)g->cols, t->precision, *kept ? " on " : "",
           kept, g->device.id, g->bytes / MIB);
    if (g->outputs > 1) printf("; %lld outputs", (long long)g->outputs);
    printf("\n%-14s %-10s %6s %7s %10s %9s %18s %9s %9s %8s %8s\n", "sampling", "engine", "batch", "threads", "us/step",
           "Mrows/s", "(min .. max)", "x, GB/s", "reads", "share", "loss");
}

/* Returns a share in percent. */
static double share_of(double part, double all) { return all > 0 ? 100 * part / all : 0; }

/* Prints the times of the stages after the line of the case. Windows of rows are read, copied to a GPU and used at the same
 * time. */
static void put_stages(const cusgd_stream_times *s)
{
    double all = s->wait_seconds + s->copy_seconds + s->compute_seconds, bytes = s->read_bytes + s->present_bytes;
    printf("  of its time %.0f %% waiting, %.0f %% copying, %.0f %% computing", share_of(s->wait_seconds, all),
           share_of(s->copy_seconds, all), share_of(s->compute_seconds, all));
    if (s->compute_seconds > 0) printf(" (%.3g GB/s)", gigabytes_per_second(bytes, s->compute_seconds));
    if (s->read_bytes > 0 && s->read_seconds > 0)
        printf("; reading %.3g GB/s", gigabytes_per_second(s->read_bytes, s->read_seconds));
    if (s->copy_seconds > 0) printf("; copying %.3g GB/s", gigabytes_per_second(bytes, s->copy_seconds));
    putchar('\n');
}

void bench_put_row(ground *g, const timing *t)
{
    if (!g->headed) put_head(g, t);
    g->headed = 1;
    double rows = rows_per_second(g, t, t->median), rate = rows * g->bytes / (double)g->rows;
    char range[48];
    snprintf(range, sizeof range, "(%.4g .. %.4g)", 1e-6 * rows_per_second(g, t, t->slowest),
             1e-6 * rows_per_second(g, t, t->fastest));
    printf("%-14s %-10s %6lld %7s %10.4g %9.4g %18s %9.3g %9.3g %6.0f %% %8.4g\n", t->sampling, t->engine, (long long)t->batch,
           t->threads, 1e6 * t->median, 1e-6 * rows, range, 1e-9 * rate, 1e-9 * t->bandwidth, 100 * rate / t->bandwidth, t->loss);
    if (t->streamed) put_stages(&t->stages);
    fflush(stdout);
}

static void put_pair(const char *name, double value)
{
    printf(", \"%s\": ", name);
    put_json_number(stdout, value);
}

static void put_word(const char *name, const char *word)
{
    printf(", \"%s\": ", name);
    put_json_string(stdout, word);
}

static void put_stage_pairs(const cusgd_stream_times *s)
{
    put_pair("stream_read_bytes", s->read_bytes);
    put_pair("stream_present_bytes", s->present_bytes);
    put_pair("stream_read_seconds", s->read_seconds);
    put_pair("stream_wait_seconds", s->wait_seconds);
    put_pair("stream_copy_seconds", s->copy_seconds);
    put_pair("stream_compute_seconds", s->compute_seconds);
}

void bench_put_json(const bench *b, const ground *g, const timing *t)
{
    double row = g->bytes / (double)g->rows, rows = rows_per_second(g, t, t->median);
    printf("{\"rows\": %lld, \"cols\": %lld, \"outputs\": %lld, \"batch\": %lld", (long long)g->rows, (long long)g->cols,
           (long long)g->outputs, (long long)t->batch);
    put_word("precision", t->precision);
    put_word("storage", t->storage);
    put_word("sampling", t->sampling);
    put_word("engine", t->engine);
    put_word("device", g->device.id);
    put_word("device_name", t->device);
    put_word("threads", t->threads);
    put_word("loss_function", b->loss);
    put_word("optimizer", b->optimizer);
    put_pair("rate", option_number(t->options, "rate"));
    printf(", \"steps_per_pass\": %lld, \"repeats\": %d", (long long)t->steps, t->repeats);
    put_pair("step_seconds", t->median);
    put_pair("step_seconds_min", t->fastest);
    put_pair("step_seconds_max", t->slowest);
    put_pair("step_work_seconds_min", t->work);
    put_pair("rows_per_second", rows);
    put_pair("rows_per_second_min", rows_per_second(g, t, t->slowest));
    put_pair("rows_per_second_max", rows_per_second(g, t, t->fastest));
    put_pair("x_bytes_per_second", rows * row);
    put_pair("flops_per_second", 4 * rows * (double)g->cols * (double)g->outputs);
    put_pair("read_bytes_per_second", t->bandwidth);
    put_pair("read_bytes", bench_read_bytes(&g->device));
    put_pair("share", rows * row / t->bandwidth);
    put_pair("x_bytes", g->bytes);
    put_pair("cache_bytes", (double)g->device.cache);
    if (t->streamed) put_stage_pairs(&t->stages);
    printf(", \"passes\": %lld", (long long)b->epochs);
    put_pair("loss", t->loss);
    puts("}");
    fflush(stdout);
}
