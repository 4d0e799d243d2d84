/* The measurements of `cusgd bench`, and their output. */
#ifndef CUSGD_HOST_CLI_BENCH_H
#define CUSGD_HOST_CLI_BENCH_H

#include "arguments.h"
#include "cli.h"

enum { MIB = 1 << 20 };

/* The requested measurements. */
typedef struct bench {
    const syntax *syntax;
    text_list shapes, batches, precisions, storages, samplings, engines, devices, threads; /* words */
    const char *loss, *optimizer, *rate;
    const char *memory; /* NULL: all rows are uploaded */
    int64_t epochs;
    double seconds;
    int json, fits;
} bench;

/* The rate at which a device reads its memory, in bytes per second. */
typedef struct reading {
    char device[16];            /* the device that was measured last */
    double bandwidth, at, took; /* at: time of the measurement; took: its duration; both in seconds */
} reading;

/* The training rows on one device. */
typedef struct ground {
    int64_t rows, cols, outputs;
    double bytes; /* bytes of x as stored */
    cusgd_data *data;
    cusgd_device device;
    reading *last;
    int headed; /* 1: the header of the table has been printed */
} ground;

/* A case and its result in seconds per step. */
typedef struct timing {
    const char *sampling, *precision, *storage, *engine, *threads;
    cusgd_options *options; /* options of the current case */
    int64_t batch;          /* rows per step */
    char device[128];       /* name of the device, with the number of threads */
    int64_t steps;          /* number of steps of a pass over x */
    int repeats;
    double median, fastest, slowest;
    double work;  /* minimum over the repeats of the processor time of all threads */
    double loss;  /* loss after the warm-up passes */
    int streamed; /* 1: rows are streamed in windows; the times of the stages in all repeats follow */
    cusgd_stream_times stages;
    double bandwidth; /* mean of the bandwidths before and after, because the load of the machine varies */
} timing;

/* bench_print.c. Returns the bytes to read for measuring the bandwidth. */
double bench_read_bytes(const cusgd_device *device);
/* Prints a line of the table, after its header if it is the first one. */
void bench_put_row(ground *g, const timing *t);
/* Prints a line with a JSON object. */
void bench_put_json(const bench *b, const ground *g, const timing *t);

#endif
