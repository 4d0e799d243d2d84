/* What the environment asks of the CUDA module (README.md, "Environment variables of the CUDA module"): ways around parts of
 * CUDA that a device or a driver may not bear, and a trace, none of which needs another build. */
#include "cuda.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_set_to(const char *name, const char *value)
{
    const char *given = secure_getenv(name);
    return given && strcmp(given, value) == 0;
}

/* Between two graphs no kernel begins early: 1 to 2 us in which memory stands still, so a graph has many steps. More would cost
 * time when it is captured, 2 to 6 nodes a step, and leave more of a short slice's steps to be launched one by one. */
enum { GRAPH_STEPS = 64 };

/* An even number, as the kernels of even and odd steps differ. */
static int graph_steps(void)
{
    const char *given = secure_getenv("CUSGD_CUDA_GRAPH");
    char *end;
    if (!given || !*given) return GRAPH_STEPS;
    long steps = strtol(given, &end, 10);
    return *end || steps < 0 || steps > TABLE_STEPS || steps % 2 ? GRAPH_STEPS : (int)steps;
}

/* Bytes of the rows of a stream that may stay on the device. */
static int64_t pages(void)
{
    const char *given = secure_getenv("CUSGD_CUDA_PAGES");
    char *end;
    if (!given || !*given) return -1;
    long long bytes = strtoll(given, &end, 10);
    return *end || bytes < 0 ? -1 : (int64_t)bytes;
}

switches switches_read(void)
{
    switches s = {.graph_steps = graph_steps(),
                  .early = !is_set_to("CUSGD_CUDA_EARLY", "0"),
                  .clusters = !is_set_to("CUSGD_CUDA_CLUSTERS", "0"),
                  .pages = pages(),
                  .trace = is_set_to("CUSGD_CUDA_TRACE", "1")};
    return s;
}

void trace(const cuda *c, const char *format, ...)
{
    if (!c->switches.trace) return;
    char line[512]; /* written at once, so that lines of several threads do not mix */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "cusgd-cuda %d: %s\n", c->gpu.number, line);
}
