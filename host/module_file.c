#include "module_file.h"

#include "failure.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char module_folder[MODULE_PATH]; /* the folder of cusgd_set_module_folder(); "": none */
static _Atomic int was_sought;

static int is_file_in(const char *folder, const char *below, const char *name, char path[MODULE_PATH])
{
    int length = snprintf(path, MODULE_PATH, "%s%s/%s", folder, below, name);
    return length > 0 && length < MODULE_PATH && access(path, R_OK) == 0;
}

static int find_installed(const char *name, char path[MODULE_PATH])
{
    Dl_info here;
    char folder[MODULE_PATH];
    if (!dladdr(&was_sought, &here) || !here.dli_fname) return 0;
    char *resolved = realpath(here.dli_fname, NULL);
    if (!resolved) return 0;
    int length = snprintf(folder, sizeof folder, "%s", resolved);
    free(resolved);
    char *slash = strrchr(folder, '/');
    if (length < 0 || (size_t)length >= sizeof folder || !slash) return 0;
    *slash = 0;
    return is_file_in(folder, "", name, path) || is_file_in(folder, "/cusgd", name, path);
}

int module_find(const char *name, char path[MODULE_PATH], int *named)
{
    atomic_store(&was_sought, 1);
    const char *folder = *module_folder ? module_folder : secure_getenv("CUSGD_MODULE_DIR");
    *named = folder && *folder && is_file_in(folder, "", name, path);
    return *named || find_installed(name, path);
}

cusgd_status cusgd_set_module_folder(const char *folder)
{
    size_t length = strlen(folder);
    if (atomic_load(&was_sought))
        return fail(CUSGD_ERROR_USAGE,
                    "modules have been looked for already: name their folder before the first device or world is used");
    if (length == 0 || length >= sizeof module_folder)
        return fail(CUSGD_ERROR_USAGE, "the folder of the modules has a name of %zu bytes", length);
    memcpy(module_folder, folder, length + 1);
    return CUSGD_OK;
}
