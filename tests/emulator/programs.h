/* What the tests of the emulator share: calls that must succeed, memory and streams, and programs that run in every setting or in
 * a process of their own. */
#ifndef CUSGD_TESTS_EMULATOR_PROGRAMS_H
#define CUSGD_TESTS_EMULATOR_PROGRAMS_H

#include "emulator.h"
#include "planted.h"

#include <criterion/criterion.h>
#include <cublas_v2.h>
#include <curand.h>
#include <stddef.h>

enum { N = 1000 }; /* values of most programs */

/* A CUDA, cuBLAS or cuRAND call that succeeds; a condition that holds (Criterion's own assertions are slow by the thousand). */
#define OK(call)         check_call((int)(call), #call, __LINE__)
#define CHECK(condition) check_call(!(condition), #condition, __LINE__)
void check_call(int error, const char *what, int line);

cudaStream_t stream_make(void);
void *device_make(size_t bytes);
/* A copy of host memory on the device. */
void *device_copy(const void *from, size_t bytes);
/* To host memory, once the stream has come so far. */
void fetch(void *to, const void *from, size_t bytes, cudaStream_t s);
/* x_i = 1 + i mod 7; the caller frees it. */
float *numbers(int n);

/* Runs `program` in every order of threads and at every laziness; it must give back all it took. */
void run_everywhere(void (*program)(void));
/* Runs `program` in a process of its own; returns what it wrote to stderr, and how it ended: an exit status, or -signal. */
char *run_apart(void (*program)(void), int *end);

#endif
