/* A reader fed with what libFuzzer makes up. FUZZ_READER says which: csv, npy, safetensors. It may refuse a file; it must not
 * crash, leak, or read or write where it should not, which the sanitizers watch. */
#include "cusgd_tools.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/cusgd-fuzz.XXXXXX", path[64];

static void clean(void)
{
    remove(path);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *reader = getenv("FUZZ_READER");
    if (!reader || strlen(reader) > 16 || !mkdtemp(folder)) abort();
    snprintf(path, sizeof path, "%s/file.%s", folder, reader);
    atexit(clean);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
    if (strstr(path, ".safetensors")) {
        cusgd_model *model;
        if (cusgd_model_load(path, &model) == CUSGD_OK) cusgd_model_free(model);
    } else {
        cusgd_data *data;
        cusgd_reader reader;
        reader = CUSGD_INIT(cusgd_reader);
        reader.x_only = strstr(path, ".npy") != NULL;
        if (cusgd_data_open(path, &reader, &data) == CUSGD_OK) cusgd_data_free(data);
        cusgd_table *table;
        if (!reader.x_only && cusgd_table_open(path, &reader, &table) == CUSGD_OK) cusgd_table_free(table);
    }
    return 0;
}
