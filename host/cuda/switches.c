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

switches switches_read(void)
{
    switches s = {.graph = !is_set_to("CUSGD_CUDA_GRAPH", "0"),
                  .early = !is_set_to("CUSGD_CUDA_EARLY", "0"),
                  .clusters = !is_set_to("CUSGD_CUDA_CLUSTERS", "0"),
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
    fprintf(stderr, "cusgd-cuda %d: %s\n", c->device, line);
}
