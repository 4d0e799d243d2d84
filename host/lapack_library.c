#include "lapack_library.h"

#include "failure.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CUSGD_LAPACK_LINKED

#define LINKED(member, function) .member = (function),
lapack_functions lapack = {LAPACK_FUNCTIONS(LINKED)};

int lapack_is_here(void) { return 1; }

cusgd_status lapack_open(const char *option, const char *value)
{
    (void)option, (void)value;
    return CUSGD_OK;
}

#else

lapack_functions lapack;
static char missing[400]; /* why there is none; "": there is one */

static void *open_library(void)
{
    static const char *const usual[] = {CUSGD_LAPACK_LIBRARIES};
    const char *given = secure_getenv("CUSGD_LAPACK");
    void *library = NULL;
    if (given && *given) {
        library = dlopen(given, RTLD_LAZY | RTLD_LOCAL);
    } else {
        for (size_t i = 0; i < sizeof usual / sizeof *usual && !library; i++) library = dlopen(usual[i], RTLD_LAZY | RTLD_LOCAL);
    }
    if (library) return library;
    const char *why = dlerror();
    snprintf(missing, sizeof missing, "%.390s", why ? why : "it does not open");
    return NULL;
}

/* Never closed. POSIX has functions and objects alike in a void *, ISO C has no cast for it. */
static void seek_lapack(void)
{
    lapack_functions found;
    void *library = open_library(), *at;
    if (!library) return;
#define SEEK(member, function)                                          \
    at = dlsym(library, #function);                                     \
    if (!at) snprintf(missing, sizeof missing, "it has no " #function); \
    memcpy(&found.member, &at, sizeof at);
    LAPACK_FUNCTIONS(SEEK)
#undef SEEK
    if (!*missing) lapack = found;
}

int lapack_is_here(void)
{
    static pthread_once_t sought = PTHREAD_ONCE_INIT;
    pthread_once(&sought, seek_lapack);
    return !*missing;
}

cusgd_status lapack_open(const char *option, const char *value)
{
    if (lapack_is_here()) return CUSGD_OK;
    return fail_option(option,
                       "%s %s needs LAPACK (%s): install LAPACKE (Debian: liblapacke), or name a library that has it in the "
                       "environment variable CUSGD_LAPACK",
                       option, value, missing);
}

#endif
