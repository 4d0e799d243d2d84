/* What `cusgd bench` measures, and how it is printed. */
#ifndef CUSGD_HOST_CLI_BENCH_H
#define CUSGD_HOST_CLI_BENCH_H

#include "arguments.h"
#include "cli.h"

enum { MIB = 1 << 20 };

/* What is asked for. */
typedef struct bench {
    const syntax *syntax;
    text_list shapes, batches, precisions, storages, samplings, engines, devices, threads; /* words */
    const char *loss, *optimizer, *rate;
    const char *memory; /* NULL: all rows are bound */
    int64_t epochs;
    double seconds;
    int json, fits;
} bench;

/* How fast a device reads its memory, in bytes per second. */
typedef struct reading {
    char device[16];            /* that was measured last, as its word */
    double bandwidth, at, took; /* at: the clock's seconds; took: seconds */
} reading;

/* Rows that are trained on, on one device. */
typedef struct ground {
    int64_t rows, cols, outputs;
    double bytes; /* of x, as it is stored */
    cusgd_data *data;
    cusgd_device device;
    reading *last;
    int headed; /* the table's head is there */
} ground;

/* A case and what came of it: seconds per step. */
typedef struct timing {
    const char *sampling, *precision, *storage, *engine, *threads;
    cusgd_options *options; /* of the case under way */
    int64_t batch;          /* rows of a step */
    char device[128];       /* its name, with the threads in use */
    int64_t steps;          /* of a pass over x */
    int repeats;
    double median, fastest, slowest;
    double work;  /* the least of all repeats, of processor time in all threads */
    double loss;  /* after the passes that warm up */
    int streamed; /* 1: with a window of rows at a time, whose stages took, in all repeats: */
    cusgd_stream_times stages;
    double bandwidth; /* that of before and of after, averaged: what else runs on the machine comes and goes */
} timing;

/* bench_print.c. How much memory is read to measure its bandwidth: */
double bench_read_bytes(const cusgd_device *device);
/* A line of the table, whose head comes before the first one. */
void bench_put_row(ground *g, const timing *t);
/* A line that is a JSON object. */
void bench_put_json(const bench *b, const ground *g, const timing *t);

#endif
