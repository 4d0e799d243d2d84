#include "programs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void check_call(int error, const char *what, int line)
{
    if (error) cr_assert(0, "line %d: %s: %d", line, what, error);
}

cudaStream_t stream_make(void)
{
    cudaStream_t s;
    OK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
    return s;
}

void *device_make(size_t bytes)
{
    void *p;
    OK(cudaMalloc(&p, bytes));
    return p;
}

void *device_copy(const void *from, size_t bytes)
{
    void *p = device_make(bytes);
    OK(cudaMemcpy(p, from, bytes, cudaMemcpyHostToDevice));
    return p;
}

void fetch(void *to, const void *from, size_t bytes, cudaStream_t s)
{
    OK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, s));
    OK(cudaStreamSynchronize(s));
}

float *numbers(int n)
{
    float *x = malloc((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++) x[i] = (float)(1 + i % 7);
    return x;
}

void run_everywhere(void (*program)(void))
{
    for (unsigned order = 0; order < 5; order++) {
        for (unsigned laziness = 0; laziness < 5; laziness++) {
            emulator_set_order(order);
            emulator_set_laziness(laziness);
            program();
            cr_assert(emulator_live_bytes() == 0, "order %u, laziness %u", order, laziness);
            cr_assert(emulator_live_objects() == 0, "order %u, laziness %u", order, laziness);
        }
    }
    emulator_set_order(0);
    emulator_set_laziness(0);
}

char *run_apart(void (*program)(void), int *end)
{
    static char text[1 << 16];
    FILE *log = tmpfile();
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(fileno(log), 2);
        program();
        _exit(0);
    }
    waitpid(child, &status, 0);
    *end = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    rewind(log);
    text[fread(text, 1, sizeof text - 1, log)] = 0;
    fclose(log);
    return text;
}
