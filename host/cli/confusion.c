#include "confusion.h"

#include "cli.h"

#include <errno.h>
#include <string.h>

/* A field of a CSV, quoted where it must be. */
static void put_name(FILE *file, const char *name)
{
    int quoted = *name == '\0' || strpbrk(name, ",\"\r\n") || *name == ' ' || name[strlen(name) - 1] == ' ';
    if (quoted) putc('"', file);
    for (; *name; name++) {
        if (*name == '"') putc('"', file);
        putc(*name, file);
    }
    if (quoted) putc('"', file);
}

int confusion_save(const char *path, const char *const *names, int64_t k, const double *counts)
{
    FILE *file = fopen(path, "w");
    if (!file) return complain(CUSGD_ERROR_DATA, "--confusion %s: cannot be written: %s", path, strerror(errno));
    fputs("class", file);
    for (int64_t j = 0; j < k; j++) {
        putc(',', file);
        put_name(file, names[j]);
    }
    for (int64_t i = 0; i < k; i++) {
        putc('\n', file);
        put_name(file, names[i]);
        for (int64_t j = 0; j < k; j++) {
            putc(',', file);
            put_json_number(file, counts[i * k + j]);
        }
    }
    putc('\n', file);
    int failed = ferror(file);
    if (fclose(file) == 0 && !failed) return CUSGD_OK;
    return complain(CUSGD_ERROR_DATA, "--confusion %s: cannot be written: %s", path, strerror(errno));
}
