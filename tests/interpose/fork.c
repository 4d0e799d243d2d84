/* fork() for programs that AddressSanitizer and Criterion are in (gcc 12): Criterion allocates in the child before it calls
 * execve(), and where another thread, nanomsg's, held a lock of AddressSanitizer's allocator in that moment, nobody releases it
 * in the child, which then waits without end. Here the child first takes these locks, and says that it could; the parent ends one
 * that does not, and makes another. */
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
    ANSWER_MS = 20000,      /* it takes a millisecond; on a busy machine more */
    CACHED_BYTES = 1 << 17, /* of a size, at most, that a thread keeps: what is beyond needs the lock */
    BLOCKS_MOST = 4096,
    FURTHER = 16, /* variables that Criterion adds to those of the environment, at most */
    TRIES = 10
};

/* Blocks of a size, until one at least has come from where the lock is. */
static void take_lock(size_t size)
{
    static void *block[BLOCKS_MOST];
    size_t count = CACHED_BYTES / size + 2;
    if (count > BLOCKS_MOST) count = BLOCKS_MOST;
    for (size_t i = 0; i < count; i++) block[i] = malloc(size);
    for (size_t i = 0; i < count; i++) free(block[i]);
}

/* Criterion's child copies the pointers of the environment, and adds some. */
static void take_locks(void)
{
    size_t count = 1;
    for (char **variable = environ; variable && *variable; variable++) count++;
    for (size_t more = 0; more <= FURTHER; more++) take_lock((count + more) * sizeof *environ);
}

static int has_answered(int from)
{
    struct pollfd answer = {from, POLLIN, 0};
    char byte;
    return poll(&answer, 1, ANSWER_MS) == 1 && read(from, &byte, 1) == 1;
}

__attribute__((visibility("default"))) pid_t fork(void)
{
    pid_t (*original)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    for (int tries = 0; tries < TRIES; tries++) {
        int ends[2];
        if (!original || pipe(ends)) return -1;
        pid_t child = original();
        if (child == 0) {
            take_locks();
            close(ends[0]);
            if (write(ends[1], "", 1) != 1) _exit(1);
            close(ends[1]);
            return 0;
        }
        close(ends[1]);
        int answered = child < 0 || has_answered(ends[0]);
        close(ends[0]);
        if (answered) return child;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return -1;
}
