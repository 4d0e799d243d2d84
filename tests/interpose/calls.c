/* To be preloaded (LD_PRELOAD): one of a program's calls of the operating system or of the allocator fails, or ends otherwise.
 * Calls are counted from 1, from the beginning of main() on. The environment says what happens:
 *
 *   FAIL_CALL    names of functions, separated by commas, which are counted together: "malloc,calloc"
 *   FAIL_NTH     the number of the call that is struck; 0: none
 *   FAIL_ACTION  error     it does nothing and fails with FAIL_ERRNO (a number)
 *                errors    so do all calls after it
 *                kill      the process is killed (SIGKILL) in place of the call; a write first writes half of its bytes
 *                short     it, and each call after it, reads or writes one byte alone
 *                again     it fails by EINTR, and the call that follows works
 *                truncate  the call works, and then the file FAIL_FILE is cut to FAIL_SIZE bytes
 *   FAIL_REPORT  a file, to which "reached\n" is appended when the call is struck; and, when main() has returned,
 *                "NAME N\n" for each function that was called N > 0 times,
 *                "descriptor left\n" for each descriptor that is open and was not at its beginning, "mapping left\n" for each
 * file that is still mapped and is neither code nor of the locale
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The functions that can be struck. clang-format would format the list differently each time. */
/* clang-format off */
#define FUNCTIONS(X) \
    X(malloc) X(calloc) X(realloc) X(aligned_alloc) X(posix_memalign) X(open) X(read) X(pread) X(write) X(pwrite) X(fstat) \
    X(stat) X(fsync) X(fdatasync) X(rename) X(link) X(unlink) X(ftruncate) X(fchmod) X(close) X(mmap) X(poll) X(lseek) \
    X(dup) X(dup2) X(mkdir) X(opendir) X(memfd_create) X(fopen) X(fdopen) X(fclose) X(fflush) X(pthread_create) X(madvise) X(mincore)
/* clang-format on */

enum function {
#define X(name) CALL_##name,
    FUNCTIONS(X)
#undef X
        FUNCTION_COUNT
};
static const char *const names[] = {
#define X(name) #name,
    FUNCTIONS(X)
#undef X
};

enum action { ERROR, ERRORS, KILL, SHORT, AGAIN, TRUNCATE };
static const char *const actions[] = {"error", "errors", "kill", "short", "again", "truncate"};

/* ---- What is to be struck ---- */

static char counted[FUNCTION_COUNT]; /* 1: calls of it count */
static enum action action;
static int wanted_errno;
static long wanted;
static _Atomic long made, made_of[FUNCTION_COUNT];
static _Atomic int counts; /* 1: main() is running */
static const char *report_path;

static void report(const char *line)
{
    int file =
        report_path ? (int)syscall(SYS_openat, AT_FDCWD, report_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0) return;
    (void)!syscall(SYS_write, file, line, strlen(line));
    syscall(SYS_close, file);
}

static void die(const char *why, const char *what)
{
    (void)!syscall(SYS_write, 2, why, strlen(why));
    (void)!syscall(SYS_write, 2, what, strlen(what));
    (void)!syscall(SYS_write, 2, "\n", 1);
    _exit(99);
}

static void count_functions(const char *list)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        int known = 0;
        for (int i = 0; i < FUNCTION_COUNT; i++)
            if (strlen(names[i]) == length && memcmp(names[i], list, length) == 0) known = counted[i] = 1;
        if (!known) die("FAIL_CALL: unknown function: ", list);
        list += length + (list[length] == ',');
    }
}

static void configure(void)
{
    const char *list = getenv("FAIL_CALL"), *number = getenv("FAIL_NTH"), *word = getenv("FAIL_ACTION"),
               *code = getenv("FAIL_ERRNO");
    report_path = getenv("FAIL_REPORT");
    if (!list || !number) return;
    wanted = strtol(number, NULL, 10);
    wanted_errno = code ? (int)strtol(code, NULL, 10) : EIO;
    count_functions(list);
    for (size_t i = 0; word && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(word, actions[i]) == 0) {
            action = (enum action)i;
            word = NULL;
        }
    if (word) die("FAIL_ACTION: unknown: ", word);
}

/* 1: this call is struck, by what is not TRUNCATE. */
static int is_struck(enum function f)
{
    if (!counts) return 0;
    atomic_fetch_add(&made_of[f], 1);
    if (!counted[f] || action == TRUNCATE || wanted == 0) return 0;
    long n = atomic_fetch_add(&made, 1) + 1;
    if (n == wanted) report("reached\n");
    return n == wanted || (n > wanted && (action == ERRORS || action == SHORT));
}

/* Whether the call is to fail: errno is set then. Does not return where the process is to be killed. */
static int fails(enum function f)
{
    if (!is_struck(f) || action == SHORT) return 0;
    if (action == KILL) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    errno = action == AGAIN ? EINTR : wanted_errno;
    return 1;
}

/* After a call that has been done. */
static void cut(enum function f)
{
    if (!counts || !counted[f] || action != TRUNCATE || atomic_fetch_add(&made, 1) + 1 != wanted) return;
    const char *file = getenv("FAIL_FILE"), *size = getenv("FAIL_SIZE");
    int before = errno;
    report("reached\n");
    if (!file || syscall(SYS_truncate, file, size ? strtol(size, NULL, 10) : 0) != 0)
        die("FAIL_FILE: cannot be cut: ", file ? file : "");
    errno = before;
}

/* ---- The functions themselves ---- */

/* While a function is looked for, memory comes from here. It is not given back. */
static _Alignas(64) char arena[1 << 16];
static _Atomic size_t arena_used;
static _Thread_local int looks __attribute__((tls_model("initial-exec")));

static void *arena_take(size_t size)
{
    size_t at = atomic_fetch_add(&arena_used, (size + 63) / 64 * 64);
    return at + size <= sizeof arena ? arena + at : NULL;
}

static int is_of_arena(const void *p) { return (const char *)p >= arena && (const char *)p < arena + sizeof arena; }

static void *look_up(const char *name)
{
    looks++;
    void *at = dlsym(RTLD_NEXT, name);
    looks--;
    if (!at) die("no such function: ", name);
    return at;
}

/* The function that is called where nothing is preloaded. */
#define REAL(name)                                                \
    ({                                                            \
        static void *_Atomic at;                                  \
        if (!atomic_load(&at)) atomic_store(&at, look_up(#name)); \
        (__typeof__(&(name)))(uintptr_t)atomic_load(&at);         \
    })

/* A function that fails by `failure`, and sets errno. */
#define PASS(type, failure, name, parameters, ...)              \
    __attribute__((visibility("default"))) type name parameters \
    {                                                           \
        if (fails(CALL_##name)) return failure;                 \
        type result = REAL(name)(__VA_ARGS__);                  \
        cut(CALL_##name);                                       \
        return result;                                          \
    }

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    if (looks) return arena_take(size);
    return fails(CALL_malloc) ? NULL : REAL(malloc)(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    if (looks) return arena_take(count * size);
    return fails(CALL_calloc) ? NULL : REAL(calloc)(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
    if (looks || is_of_arena(old)) return arena_take(size); /* of what the search for a function has, nothing is kept */
    return fails(CALL_realloc) ? NULL : REAL(realloc)(old, size);
}

__attribute__((visibility("default"))) void free(void *p)
{
    if (!is_of_arena(p)) REAL(free)(p);
}

__attribute__((visibility("default"))) int posix_memalign(void **out, size_t align, size_t size)
{
    int before = errno;
    if (!fails(CALL_posix_memalign)) return REAL(posix_memalign)(out, align, size);
    errno = before;
    return ENOMEM;
}

__attribute__((visibility("default"))) int pthread_create(pthread_t *thread, const pthread_attr_t *with, void *(*run)(void *),
                                                          void *of)
{
    int before = errno;
    if (!fails(CALL_pthread_create)) return REAL(pthread_create)(thread, with, run, of);
    errno = before;
    return wanted_errno;
}

__attribute__((visibility("default"))) int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (fails(CALL_open)) return -1;
    int file = REAL(open)(path, flags, mode);
    cut(CALL_open);
    return file;
}

/* A transfer's count of bytes. What is not short and is struck has failed before. */
static size_t shortened(int struck, size_t count) { return struck && action == SHORT && count > 1 ? 1 : count; }

__attribute__((visibility("default"))) ssize_t read(int file, void *to, size_t count)
{
    int struck = is_struck(CALL_read);
    if (struck && action == KILL) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    if (struck && action != SHORT) return errno = action == AGAIN ? EINTR : wanted_errno, -1;
    ssize_t result = REAL(read)(file, to, shortened(struck, count));
    cut(CALL_read);
    return result;
}

__attribute__((visibility("default"))) ssize_t write(int file, const void *from, size_t count)
{
    int struck = is_struck(CALL_write);
    if (struck && action == KILL) {
        (void)!REAL(write)(file, from, count / 2);
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    }
    if (struck && action != SHORT) return errno = action == AGAIN ? EINTR : wanted_errno, -1;
    ssize_t result = REAL(write)(file, from, shortened(struck, count));
    cut(CALL_write);
    return result;
}

PASS(void *, NULL, aligned_alloc, (size_t align, size_t size), align, size)
PASS(ssize_t, -1, pread, (int file, void *to, size_t count, off_t at), file, to, count, at)
PASS(ssize_t, -1, pwrite, (int file, const void *from, size_t count, off_t at), file, from, count, at)
PASS(int, -1, fstat, (int file, struct stat *to), file, to)
PASS(int, -1, stat, (const char *path, struct stat *to), path, to)
PASS(int, -1, fsync, (int file), file)
PASS(int, -1, fdatasync, (int file), file)
PASS(int, -1, rename, (const char *from, const char *to), from, to)
PASS(int, -1, link, (const char *from, const char *to), from, to)
PASS(int, -1, unlink, (const char *path), path)
PASS(int, -1, ftruncate, (int file, off_t size), file, size)
PASS(int, -1, fchmod, (int file, mode_t mode), file, mode)
PASS(void *, MAP_FAILED, mmap, (void *at, size_t size, int may, int how, int file, off_t from), at, size, may, how, file, from)
PASS(int, -1, madvise, (void *at, size_t size, int advice), at, size, advice)
PASS(int, -1, mincore, (void *at, size_t size, unsigned char *out), at, size, out)
PASS(int, -1, poll, (struct pollfd * of, nfds_t count, int wait), of, count, wait)
PASS(off_t, -1, lseek, (int file, off_t at, int whence), file, at, whence)
PASS(int, -1, dup, (int file), file)
PASS(int, -1, dup2, (int file, int as), file, as)
PASS(int, -1, mkdir, (const char *path, mode_t mode), path, mode)
PASS(DIR *, NULL, opendir, (const char *path), path)
PASS(int, -1, memfd_create, (const char *name, unsigned flags), name, flags)
PASS(FILE *, NULL, fopen, (const char *path, const char *mode), path, mode)
PASS(FILE *, NULL, fdopen, (int file, const char *mode), file, mode)
PASS(int, EOF, fflush, (FILE * file), file)

/* What fails is closed all the same, as by the operating system. */
__attribute__((visibility("default"))) int close(int file)
{
    int failed = fails(CALL_close), error = errno, result = REAL(close)(file);
    cut(CALL_close);
    if (!failed) return result;
    errno = error;
    return -1;
}

__attribute__((visibility("default"))) int fclose(FILE *file)
{
    int failed = fails(CALL_fclose), error = errno, result = REAL(fclose)(file);
    cut(CALL_fclose);
    if (!failed) return result;
    errno = error;
    return EOF;
}

/* ---- main() ---- */

enum { DESCRIPTORS = 64 };
static char was_open[DESCRIPTORS];
static int (*real_main)(int, char **, char **);

/* Neither the program's own files nor what the C library maps: the locale, conversions. */
static int is_foreign_mapping(const char *line)
{
    const char *path = strchr(line, '/');
    return path && strstr(line, " r--p") && !strstr(path, ".so") && !strstr(path, "/lib/") && !strstr(path, "/bin/") &&
           strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/memfd:", 7) != 0;
}

static void report_mappings(void)
{
    char line[4096];
    FILE *maps = REAL(fopen)("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps))
        if (is_foreign_mapping(line)) report("mapping left\n");
    if (maps) REAL(fclose)(maps);
}

static void report_counts(void)
{
    char line[64];
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        snprintf(line, sizeof line, "%s %ld\n", names[i], (long)made_of[i]);
        if (made_of[i] > 0) report(line);
    }
}

static int counted_main(int argc, char **argv, char **environment)
{
    configure();
    for (int i = 0; i < DESCRIPTORS; i++) was_open[i] = fcntl(i, F_GETFD) >= 0;
    counts = 1;
    int code = real_main(argc, argv, environment);
    counts = 0;
    for (int i = 0; i < DESCRIPTORS && report_path; i++)
        if (!was_open[i] && fcntl(i, F_GETFD) >= 0) report("descriptor left\n");
    if (report_path) report_mappings();
    if (report_path) report_counts();
    return code;
}

typedef int start(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
__attribute__((visibility("default"))) start __libc_start_main;
__attribute__((visibility("default"))) int __libc_start_main(int (*of)(int, char **, char **), int argc, char **argv,
                                                             void (*init)(void), void (*fini)(void), void (*loader)(void),
                                                             void *stack)
{
    real_main = of;
    return REAL(__libc_start_main)(counted_main, argc, argv, init, fini, loader, stack);
}
