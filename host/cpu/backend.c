/* The CPU as a device. */
#include "cpu.h"
#include "failure.h"

#include <stdio.h>

int cpu_threads(void) { return pool_threads(); }

cusgd_status cpu_backend_open(cusgd_precision precision, int threads, backend *out)
{
    const char *isa = "";
    int team = threads > 0 ? threads : cpu_threads();
    cusgd_status status = precision == CUSGD_PRECISION_FLOAT ? cpu_open_float(team, &isa, out) : cpu_open_double(team, &isa, out);
    if (!status) out->is_host = 1;
    out->world = NULL;
    if (!status) snprintf(out->name, sizeof out->name, "CPU, %s, %d thread%s", isa, team, team == 1 ? "" : "s");
    return status;
}
