#include "lapack_library.h"

#include "failure.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* library: the handle in which the functions are looked up. */
static void set_one_thread(void *library)
{
    void (*set_threads)(int count);
    void *at = dlsym(library, "openblas_set_num_threads");
    if (!at) return;
    memcpy(&set_threads, &at, sizeof at);
    set_threads(1);
}

#ifdef CUSGD_LAPACK_LINKED

void lapack_use_one_thread(void) { set_one_thread(RTLD_DEFAULT); }

#define LINKED(member, function) .member = (function),
lapack_functions lapack = {LAPACK_FUNCTIONS(LINKED)};

int lapack_is_here(void) { return 1; }

cusgd_status lapack_open(const char *option, const char *value)
{
    (void)option, (void)value;
    return CUSGD_OK;
}

#else

#define LAPACK_NAME(member, function) #function,

lapack_functions lapack;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects opening the library and the next two variables */
static int has_sought;                                   /* 1: the search has ended, and its result does not change */
static void *opened;                                     /* the library; NULL: not opened yet */
static int has_one_thread;                               /* 1: the library must use one thread */
static char missing[400];                                /* the reason why there is no library; "": there is one, or it was not
                                                          * searched for */

/* Returns whether the loader failed for lack of memory. Its message names what it could not allocate, and does not always mention
 * memory. */
static int is_of_memory(const char *why)
{
    static const char *const phrases[] = {"memory", "cannot create ", "cannot allocate ", "cannot extend "};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (strstr(why, phrases[i])) return 1;
    return 0;
}

/* Keeps the reason that the loader gives, unless it had no memory: a later call may then succeed. */
static void note_missing(void)
{
    const char *why = dlerror();
    snprintf(missing, sizeof missing, "%.390s", why ? why : strerror(ENOMEM));
    has_sought = !is_of_memory(missing);
}

/* Opens the first of several names of the library that exists. The next name is tried only if there is no file with this one. */
static void *open_library(void)
{
    static const char *const usual[] = {CUSGD_LAPACK_LIBRARIES};
    const char *given = secure_getenv("CUSGD_LAPACK"), *const *names = given && *given ? &given : usual;
    size_t count = names == usual ? sizeof usual / sizeof *usual : 1;
    for (size_t i = 0; i < count; i++) {
        void *library = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
        if (library) return library;
        note_missing();
        if (!strstr(missing, "No such file")) break;
    }
    return NULL;
}

/* Searches for LAPACK. The library is never closed. POSIX stores functions and objects alike in a void *, for which ISO C has no
 * cast. */
static void seek_lapack(void)
{
    static const char *const names[] = {LAPACK_FUNCTIONS(LAPACK_NAME)};
    enum { COUNT = sizeof names / sizeof *names };
    void *library = open_library(), *found[COUNT];
    if (!library) return;
    for (int i = 0; i < COUNT; i++) {
        found[i] = dlsym(library, names[i]);
        if (found[i]) continue;
        note_missing();
        dlclose(library);
        return;
    }
    _Static_assert(sizeof lapack == sizeof found, "the functions are all that is in the structure");
    memcpy(&lapack, found, sizeof lapack);
    opened = library;
    if (has_one_thread) set_one_thread(opened);
    *missing = '\0';
    has_sought = 1;
}

int lapack_is_here(void)
{
    pthread_mutex_lock(&lock);
    if (!has_sought) seek_lapack();
    int is_here = !*missing;
    pthread_mutex_unlock(&lock);
    return is_here;
}

void lapack_use_one_thread(void)
{
    pthread_mutex_lock(&lock);
    has_one_thread = 1;
    if (opened) set_one_thread(opened);
    pthread_mutex_unlock(&lock);
}

cusgd_status lapack_open(const char *option, const char *value)
{
    char why[sizeof missing];
    if (lapack_is_here()) return CUSGD_OK;
    pthread_mutex_lock(&lock);
    int is_final = has_sought;
    memcpy(why, missing, sizeof why);
    pthread_mutex_unlock(&lock);
    if (!is_final) return fail(CUSGD_ERROR_MEMORY, "out of memory: LAPACK, which %s %s needs: %s", option, value, why);
    return fail_option(option,
                       "%s %s needs LAPACK (%s): install LAPACKE (Debian: liblapacke), or name a library that has it in the "
                       "environment variable CUSGD_LAPACK",
                       option, value, why);
}

#endif
