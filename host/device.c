/* Lists the devices and opens the one that the option `device` names. GPUs are supported by a module, which is opened only when
 * it may be needed, because it loads cuBLAS, some hundred megabytes. */
#include "backend.h"
#include "failure.h"
#include "module.h"
#include "module_file.h"
#include "options.h"
#include "pool.h"
#include "public.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char module_name[] = "libcusgd-cuda.so";

/* ---- The module ---- */

static struct module {
    module_open *open; /* NULL: there is no usable module */
    module_describe *describe;
    char path[MODULE_PATH];
    char missing[512]; /* the reason why there is no module */
} module;
static pthread_once_t module_sought = PTHREAD_ONCE_INIT;
static const backend_services services = {fail, pool_share, sparse_moments, world_shards, world_nodes, world_any, world_tell};

static void load_module(void)
{
    void *library = dlopen(module.path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        snprintf(module.missing, sizeof module.missing, "the CUDA module does not open: %.400s", why ? why : "no reason given");
        return;
    }
    /* The library is never closed, because CUDA does not support it. POSIX stores functions and objects alike in a void *, for
     * which ISO C has no cast. */
    void *open = dlsym(library, MODULE_OPEN), *describe = dlsym(library, MODULE_DESCRIBE);
    if (!open || !describe) {
        snprintf(module.missing, sizeof module.missing, "the CUDA module %.300s is of another version of cuSGD", module.path);
        return;
    }
    memcpy(&module.open, &open, sizeof open);
    memcpy(&module.describe, &describe, sizeof describe);
}

/* Opens the module. A module in a folder that the user has set is always opened, an installed one only if there is a driver. */
static void seek_module(void)
{
    int named;
    if (!module_find(module_name, module.path, &named)) {
        snprintf(module.missing, sizeof module.missing, "cuSGD's CUDA module, %s, is not installed", module_name);
        return;
    }
    if (named) {
        load_module();
        return;
    }
    if (!dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) /* stays open, because the module needs it */
        snprintf(module.missing, sizeof module.missing, "this machine has no NVIDIA driver (libcuda.so.1)");
    else
        load_module();
}

static const struct module *the_module(void)
{
    pthread_once(&module_sought, seek_module);
    return &module;
}

/* ---- Opening ---- */

static cusgd_status open_cuda(int index, cusgd_precision precision, backend *out)
{
    const struct module *m = the_module();
    if (!m->open) return fail(CUSGD_ERROR_DEVICE, "%s", m->missing);
    out->is_host = 0;
    out->world = NULL;
    return m->open(MODULE_ABI, &services, index, precision, out);
}

/* The caller has checked that `device` is auto, cpu, cuda or cuda:I. */
cusgd_status backend_open(const char *device, cusgd_precision precision, int threads, backend *out)
{
    if (strncmp(device, "cuda", 4) == 0) {
        int index = device[4] == ':' ? (int)strtol(device + 5, NULL, 10) : 0;
        cusgd_status status = open_cuda(index, precision, out);
        if (status != CUSGD_ERROR_DEVICE) return status;
        char why[800];
        snprintf(why, sizeof why, "%s", cusgd_last_error());
        return fail(status, "device %s: %s; --device auto takes the CPU where there is no GPU", device, why);
    }
    if (strcmp(device, "auto") == 0) {
        thread_error before;
        thread_error_take(&before);
        if (open_cuda(0, precision, out) == CUSGD_OK) return CUSGD_OK;
        thread_error_put_back(&before); /* a missing GPU is not a failure of the call */
    }
    return cpu_backend_open(precision, threads, out);
}

cusgd_status cusgd_read_bandwidth(const char *device, int threads, int64_t bytes, double *bytes_per_second)
{
    cusgd_options o;
    options_init(&o);
    cusgd_status status = cusgd_options_set(&o, "device", device);
    if (status) return status;
    if (threads < 0 || bytes < 1)
        return fail(CUSGD_ERROR_USAGE, "%d threads reading %lld bytes: give at least 0 threads and 1 byte", threads,
                    (long long)bytes);
    /* Tries 1, 2, 4, ... threads and then the maximum; a device without threads is measured once. */
    int maximum = threads ? threads : cpu_threads(), count = threads ? threads : 1, last = 0;
    for (*bytes_per_second = 0; !status && !last; count = 2 * count < maximum ? 2 * count : maximum) {
        backend b;
        double rate = 0;
        status = backend_open(device, CUSGD_PRECISION_FLOAT, count, &b);
        if (status) break;
        last = count == maximum || strncmp(b.name, "cuda", 4) == 0;
        status = b.ops->tools.read_bandwidth(b.self, bytes, &rate);
        b.ops->close(b.self);
        if (rate > *bytes_per_second) *bytes_per_second = rate;
    }
    return status;
}

/* ---- Listing ---- */

/* Returns the size of the last-level cache according to the system; 0 if it is unknown. */
static int64_t cpu_cache(void)
{
    int64_t bytes = 0;
    for (int i = 0; i < 8; i++) {
        char path[80], text[32] = "", *unit;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        FILE *file = fopen(path, "r");
        if (!file) break;
        if (fgets(text, sizeof text, file)) { /* "32768K" */
            long long kilobytes = strtoll(text, &unit, 10);
            if (*unit == 'K' && kilobytes > bytes / 1024) bytes = kilobytes * 1024;
        }
        fclose(file);
    }
    return bytes;
}

static void describe_cpu(cusgd_device *device)
{
    backend b;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    snprintf(device->id, sizeof device->id, "cpu");
    device->memory = pages > 0 && page > 0 ? (int64_t)pages * page : 0;
    device->cache = cpu_cache();
    if (cpu_backend_open(CUSGD_PRECISION_FLOAT, 0, &b) != CUSGD_OK) {
        snprintf(device->note, sizeof device->note, "%.250s", cusgd_last_error());
        return;
    }
    snprintf(device->name, sizeof device->name, "%s", b.name);
    device->usable = 1;
    b.ops->close(b.self);
}

/* Describes GPU `index`. If there are no GPUs, entry 0 says why. */
static int describe_cuda(int index, cusgd_device *device)
{
    const struct module *m = the_module();
    int count = 0;
    cusgd_status status = m->open ? m->describe(MODULE_ABI, &services, index, device, &count) : CUSGD_ERROR_DEVICE;
    if (index > 0 && index >= count) return 0;
    if (!status && index < count) {
        size_t used = strlen(device->note);
        snprintf(device->note + used, sizeof device->note - used, ", %.200s", m->path);
        return 1;
    }
    if (count == 0) snprintf(device->id, sizeof device->id, "cuda");
    const char *why = !m->open ? m->missing : !status ? "there is no NVIDIA GPU in this machine" : cusgd_last_error();
    if (!*device->name) snprintf(device->name, sizeof device->name, "none");
    snprintf(device->note, sizeof device->note, "%.250s", why);
    device->usable = 0;
    return 1;
}

cusgd_status backend_gpus(int *count)
{
    const struct module *m = the_module();
    cusgd_device device;
    *count = 0;
    cusgd_status status = m->open ? m->describe(MODULE_ABI, &services, 0, &device, count) : CUSGD_OK;
    if (status) *count = 0;
    return status;
}

int device_at(size_t index, cusgd_device *device)
{
    memset(device, 0, sizeof *device);
    if (index > INT_MAX / 2) return 0;
    if (index > 0) return describe_cuda((int)index - 1, device);
    describe_cpu(device);
    return 1;
}
