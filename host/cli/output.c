/* Checks of outputs before the work. */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Returns whether both paths lead to the same existing file. */
static int same_file(const char *a, const char *b)
{
    struct stat at_a, at_b;
    return stat(a, &at_a) == 0 && stat(b, &at_b) == 0 && at_a.st_dev == at_b.st_dev && at_a.st_ino == at_b.st_ino;
}

/* Returns whether the path is in a folder that convert has written, where all names are reserved. */
static int is_in_converted(const char *path, const char *folder)
{
    char parent[PATH_MAX], index[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length =
        slash ? snprintf(parent, sizeof parent, "%.*s", (int)(slash - path) + 1, path) : snprintf(parent, sizeof parent, ".");
    int index_length = snprintf(index, sizeof index, "%s/cusgd.json", folder);
    if (length < 0 || (size_t)length >= sizeof parent || index_length < 0 || (size_t)index_length >= sizeof index) return 0;
    return same_file(parent, folder) && same_file(index, index);
}

int check_overwrite(const char *option, const char *path, const char *input)
{
    static const char *const inside[] = {"", "/x.npy", "/y.npy", "/w.npy", "/offset.npy", "/exposure.npy"};
    char file[PATH_MAX];
    for (size_t i = 0; input && i < sizeof inside / sizeof inside[0]; i++) {
        int length = snprintf(file, sizeof file, "%s%s", input, inside[i]);
        if (length > 0 && (size_t)length < sizeof file && same_file(path, file))
            return complain(CUSGD_ERROR_USAGE, "%s %s would overwrite %s", option, path, file);
    }
    if (input && is_in_converted(path, input))
        return complain(CUSGD_ERROR_USAGE, "%s %s lies in the folder %s of converted data: name another place", option, path,
                        input);
    return CUSGD_OK;
}

int check_distinct(const char *option, const char *path, const char *other_option, const char *other_path)
{
    if (!path || !other_path || (strcmp(path, other_path) != 0 && !same_file(path, other_path))) return CUSGD_OK;
    return complain(CUSGD_ERROR_USAGE, "%s and %s are one file", option, other_option);
}

int check_file(const char *option, const char *path)
{
    if (strcmp(path, "-") == 0) return complain(CUSGD_ERROR_USAGE, "%s needs the name of a file, not -", option);
    cusgd_status status = cusgd_file_check(path);
    return status ? complain((int)status, "%s %s", option, cusgd_last_error()) : CUSGD_OK;
}

int write_file(const char *option, const char *path, void (*put)(const void *of, FILE *to), const void *of)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int failed = to == NULL;
    if (to) put(of, to);
    if (to) failed = ferror(to);
    if (to && fclose(to) != 0) failed = 1;
    int status = failed ? complain(CUSGD_ERROR_MEMORY, "out of memory for %s %s", option, path) : CUSGD_OK;
    cusgd_status written = status ? CUSGD_OK : cusgd_file_write(path, text, size);
    free(text);
    return written ? complain((int)written, "%s %s", option, cusgd_last_error()) : status;
}
