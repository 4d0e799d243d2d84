#include "emulated.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* POSIX has functions and objects alike in a void *, ISO C has no cast for it. */
static int find(void *library, const char *name, void *function)
{
    void *at = dlsym(library, name);
    memcpy(function, &at, sizeof at);
    return at != NULL;
}

int emulated_find(emulated_module *out)
{
    char path[4096];
    const char *folder = getenv("CUSGD_MODULE_DIR");
    snprintf(path, sizeof path, "%s/libcusgd-cuda.so", folder ? folder : "");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* the one that backend_open() opens; never closed, as there */
    return library && find(library, MODULE_OPEN, &out->open) && find(library, MODULE_DESCRIBE, &out->describe) &&
           find(library, "emulator_set_order", &out->set_order) && find(library, "emulator_set_laziness", &out->set_laziness) &&
           find(library, "emulator_set_memory", &out->set_memory) && find(library, "emulator_live_bytes", &out->live_bytes) &&
           find(library, "emulator_live_objects", &out->live_objects) && find(library, "emulator_fail_call", &out->fail_call) &&
           find(library, "emulator_fail_from", &out->fail_from) && find(library, "emulator_refuse", &out->refuse) &&
           find(library, "emulator_miss_barrier", &out->miss_barrier) &&
           find(library, "emulator_set_multiprocessors", &out->set_multiprocessors) &&
           find(library, "emulator_reverse_words", &out->reverse_words) &&
           find(library, "emulator_failed_call", &out->failed_call) && find(library, "emulator_calls_of", &out->calls_of) &&
           find(library, "emulator_drains", &out->drains) && find(library, "emulator_user_memory", &out->user_memory) &&
           find(library, "emulator_user_free", &out->user_free) && find(library, "emulator_user_stream", &out->user_stream) &&
           find(library, "emulator_user_stream_free", &out->user_stream_free) &&
           find(library, "emulator_user_copy", &out->user_copy);
}

int emulated_is_cleanup(const char *call)
{
    return strstr(call, "Free") || strstr(call, "Destroy") || strcmp(call, "cudaSetDevice") == 0;
}

int emulated_is_named(const char *message, const char *call)
{
    if (strncmp(call, "launch of ", 10) == 0 || strcmp(call, "cudaFuncSetAttribute") == 0)
        return strstr(message, "GPU: CUDA: kernel_") != NULL;
    if (strcmp(call, "cudaMalloc") == 0) return strstr(message, "out of memory on GPU ") != NULL;
    if (strcmp(call, "cudaHostAlloc") == 0) return strstr(message, "out of memory: ") != NULL;
    return strstr(message, call) != NULL;
}
