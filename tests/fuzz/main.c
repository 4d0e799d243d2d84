/* For libFuzzer. FUZZ_READER says which reader. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static const fuzz_reader *reader;

static void clean(void)
{
    static const char *const names[] = {
        "x.npy",           "data.npz",         "data.svm",         "data.h5",          "table.csv",
        "rows/cusgd.json", "rows/x-00000.npy", "rows/y-00000.npy", "rows/w-00000.npy", "rows/offset-00000.npy"};
    if (chdir(folder) != 0) return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(names[i]);
    rmdir("rows");
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *name = getenv("FUZZ_READER");
    for (size_t i = 0; name && fuzz_reader_at(i); i++)
        if (strcmp(fuzz_reader_at(i)->name, name) == 0) reader = fuzz_reader_at(i);
    snprintf(folder, sizeof folder, "%s/cusgd-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!reader || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || !mkdtemp(folder)) abort();
    fuzz_set_folder(folder);
    atexit(clean);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    reader->feed(bytes, size);
    return 0;
}
