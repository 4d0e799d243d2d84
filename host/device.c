/* Which devices there are, and opening one by the word of --device. */
#include "backend.h"
#include "error.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Why there is no CUDA device: the CUDA backend is a module of its own, and none is installed beside this library. */
static const char no_cuda[] = "this build of cuSGD has no CUDA module";

cusgd_status backend_open(const char *device, cusgd_precision precision, int threads, backend *out)
{
    if (strncmp(device, "cuda", 4) == 0)
        return fail(CUSGD_ERROR_DEVICE, "device %s: %s; use --device cpu or auto", device, no_cuda);
    return cpu_backend_open(precision, threads, out);
}

static void describe_cpu(cusgd_device *device)
{
    backend b;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    snprintf(device->word, sizeof device->word, "cpu");
    device->memory = pages > 0 && page > 0 ? (int64_t)pages * page : 0;
    if (cpu_backend_open(CUSGD_PRECISION_FLOAT, 0, &b) != CUSGD_OK) {
        snprintf(device->note, sizeof device->note, "%.250s", cusgd_last_error());
        return;
    }
    snprintf(device->name, sizeof device->name, "%s", b.name);
    device->usable = 1;
    b.ops->close(b.self);
}

int cusgd_device_at(size_t index, cusgd_device *device)
{
    memset(device, 0, sizeof *device);
    if (index > 1) return 0;
    if (index == 0) {
        describe_cpu(device);
    } else {
        snprintf(device->word, sizeof device->word, "cuda");
        snprintf(device->name, sizeof device->name, "none");
        snprintf(device->note, sizeof device->note, "%s", no_cuda);
    }
    return 1;
}
