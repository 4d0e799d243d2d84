/* gpu-probe: the latencies and bandwidths of a GPU that decide how a kernel is written (tests/gpu/README.md). What is read is
 * summed, and each sum compared with the host's own: a loop that the compiler removed would be found. Units: microseconds; GB/s
 * of 1e9. */
#ifndef CUSGD_TESTS_GPU_PROBE_H
#define CUSGD_TESTS_GPU_PROBE_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

enum { PROBE_FIGURES = 320, PROBE_REPEATS = 25 };

typedef struct probe_figure {
    char name[80];
    const char *unit; /* NULL: it could not be measured */
    char why[160];    /* then, why */
    int repeats;
    double median, minimum, maximum;
} probe_figure;

typedef struct probe {
    int small; /* 1: shapes that an emulated GPU can do; the figures then mean nothing */
    int repeats, multiprocessors, major, minor, l2_bytes, cooperative;
    int shared; /* bytes that a block can have if it asks */
    size_t memory;
    char device[256];
    cudaStream_t stream;
    cudaEvent_t begin, end;
    double milliseconds[PROBE_REPEATS]; /* of the last probe_time() */
    int64_t runs;                       /* of its work, warming up included */
    /* words: probe_word(0), probe_word(1), ... of `bytes`, a power of 2, on the device; room: as much, for copies. expected: the
     * words' sum modulo 2^32, as the host makes it. sum: where kernels add theirs. */
    size_t bytes;
    unsigned *words, *room, *sum, expected;
    int figures;
    probe_figure figure[PROBE_FIGURES];
} probe;

/* Ends the program, with what was measured so far, unless the call succeeded. */
#define CHECK(call) probe_check((call), #call, __FILE__, __LINE__)
void probe_check(cudaError_t error, const char *call, const char *file, int line);
/* Likewise, if what was computed is wrong. */
void probe_expect(int right, const char *what);

/* Runs work(context) three times unmeasured and then p->repeats times, by events on p->stream or by the host's clock, which
 * includes waiting for the stream. */
void probe_time(probe *p, void (*work)(probe *p, void *context), void *context);
void probe_time_host(probe *p, void (*work)(probe *p, void *context), void *context);

/* The last probe_time() as a figure: microseconds for each of `count`, or GB/s of `bytes`. */
void probe_latency(probe *p, double count, const char *format, ...) __attribute__((format(printf, 3, 4)));
void probe_bandwidth(probe *p, double bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A figure of one reading; why there is none. */
void probe_value(probe *p, double value, const char *unit, const char *format, ...) __attribute__((format(printf, 4, 5)));
void probe_refused(probe *p, const char *why, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The sum that kernels have added to since the last call must be `each` times the runs of the last probe_time(). */
void probe_expect_sum(probe *p, unsigned each, const char *what);
unsigned probe_sum_words(int64_t count); /* of the first words, modulo 2^32 */

/* Blocks of `threads` threads that the whole device holds at once. */
unsigned probe_resident(const probe *p, const void *kernel, int threads, size_t shared);

/* ---- The parts ---- */

void probe_fill(probe *p);           /* allocates words, room and sum; the others need them */
void probe_launches(probe *p);       /* launches, graph nodes, the cooperative grid barrier */
void probe_reads(probe *p);          /* read-only by width and unrolling, copies */
void probe_random_rows(probe *p);    /* by bytes of a row */
void probe_updates(probe *p);        /* the optimizers', of many parameters */
void probe_host_copies(probe *p);    /* host to device */
void probe_latencies(probe *p);      /* dependent loads, arrivals, one multiprocessor's rows */
void probe_products(probe *p);       /* cuBLAS's */
void probe_flag_barriers(probe *p);  /* barriers made by hand; from here on a real GPU is needed */
void probe_cluster_counts(probe *p); /* how many fit the device */
void probe_warm_up(probe *p);        /* a second of work, and the clock behind it */
void probe_cool_down(probe *p);      /* the clock at the end */
void probe_fetches(probe *p);        /* rows brought into the L2 cache ahead */
void probe_clusters(probe *p);       /* barriers and distributed shared memory, compute capability 9.0 */
void probe_bulk_copies(probe *p);    /* read-only through shared memory, likewise */

typedef void probe_part(probe *p);
/* Opens the device, runs the parts, the first of them alone under --properties, and writes the figures. parts ends with NULL.
 * Returns main's exit code: 3 without a GPU. */
int probe_main(int count, char **arguments, probe_part *const *parts);

/* Word i of the data: neither zero nor repeating. Every compiler makes the same. */
#ifdef __CUDACC__
__host__ __device__
#endif
    static inline unsigned
    probe_word(uint64_t i)
{
    unsigned w = (unsigned)i * 0x9E3779B1u + 0x7F4A7C15u;
    w ^= w >> 15;
    w *= 0x85EBCA77u;
    return w ^ w >> 13;
}

#endif
