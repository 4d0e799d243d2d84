/* Settings of the CUDA module from the environment (README.md, "Environment variables of the CUDA module"): they disable
 * features of CUDA that a device or a driver may not support, and enable a trace, without another build. */
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

/* Steps per graph. Between two graphs no kernel starts early, which costs 1 to 2 us, so a graph has many steps. More steps
 * would take longer to capture (2 to 6 nodes per step), and would leave more steps of a short slice to single launches. */
enum { GRAPH_STEPS = 64 };

/* Returns the number of steps per graph. It is even, because the kernels of even and odd steps differ. */
static int graph_steps(void)
{
    const char *given = secure_getenv("CUSGD_CUDA_GRAPH");
    char *end;
    if (!given || !*given) return GRAPH_STEPS;
    long steps = strtol(given, &end, 10);
    return *end || steps < 0 || steps > TABLE_STEPS || steps % 2 ? GRAPH_STEPS : (int)steps;
}

/* Returns the limit in bytes of the rows of a stream that may stay on the device, or -1 for no limit. */
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
    char line[512]; /* written by a single call, so that lines of several threads do not mix */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "cusgd-cuda %d: %s\n", c->gpu.number, line);
}
