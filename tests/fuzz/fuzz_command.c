/* The command line: the command's own sources, with what would read, write or take long left out. */
#include "cusgd_tools.h"
#include "cusgd_world.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cusgd_main(int argc, char **argv); /* host/cli/main.c's main */

static int stubs; /* 1: the functions below fail by DATA */

/* The linker leads the calls here (--wrap). */
#define STUB(name, parameters, failure, ...)           \
    cusgd_status __real_##name parameters;             \
    cusgd_status __wrap_##name parameters;             \
    cusgd_status __wrap_##name parameters              \
    {                                                  \
        if (!stubs) return __real_##name(__VA_ARGS__); \
        failure;                                       \
        return CUSGD_ERROR_DATA;                       \
    }

STUB(cusgd_data_open, (const char *path, const cusgd_reader *reader, cusgd_data **out), *out = NULL, path, reader, out)
STUB(cusgd_table_open, (const char *path, const cusgd_reader *reader, cusgd_table **out), *out = NULL, path, reader, out)
STUB(cusgd_data_generate, (const cusgd_generator *g, cusgd_data **out), *out = NULL, g, out)
STUB(cusgd_data_save, (const cusgd_data *data, const char *folder, const cusgd_folder_options *options), (void)data, data, folder,
     options)
STUB(cusgd_folder_check, (const char *folder), (void)folder, folder)
STUB(cusgd_generate, (const cusgd_generator *g, const char *to, int force), (void)g, g, to, force)
STUB(cusgd_model_load, (const char *path, cusgd_model **out), *out = NULL, path, out)
STUB(cusgd_file_check, (const char *path), (void)path, path)
STUB(cusgd_read_bandwidth, (const char *device, int threads, int64_t bytes, double *rate), *rate = 0, device, threads, bytes,
     rate)
STUB(cusgd_world_open, (const char *which, double timeout, cusgd_world **out), *out = NULL, which, timeout, out)

/* A word a line. */
void feed_command(const uint8_t *bytes, size_t size)
{
    enum { MOST = 64 };
    char program[] = "cusgd", *argv[MOST + 2] = {program}, *text = malloc(size + 1), *at = text;
    int argc = 1;
    if (!text) abort();
    if (size) memcpy(text, bytes, size);
    text[size] = '\0';
    while (argc <= MOST && (argv[argc] = strsep(&at, "\n")) != NULL) argc++;
    argv[argc] = NULL;
    stubs = 1;
    int status = cusgd_main(argc, argv);
    stubs = 0;
    cusgd_set_interrupt(NULL, NULL);
    if (status < 0 || status > CUSGD_ERROR_NOT_CONVERGED) abort();
    free(text);
}
