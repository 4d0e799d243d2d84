/* What the tests of data that is read when it is needed share: rows of several windows, and the options of such runs. */
#ifndef CUSGD_TESTS_STREAMS_H
#define CUSGD_TESTS_STREAMS_H

#include "training.h"

/* A window of 64 columns has 32768 rows: three of them and a bit. */
enum { D = 64, WINDOW = 32768, N = 3 * WINDOW + 1234 };

typedef struct stream_rows {
    int64_t n, d, k;
    float *x, *y, *w;
    cusgd_data *data;
} stream_rows;

/* n rows and `k` targets: numbers, or, where k is 0, two classes, of which those of class 0 are first. */
stream_rows make_rows(int64_t n, int64_t d, int64_t k, int weighted);
void free_rows(stream_rows *m);

/* Sampling pages, in float, and the words NAME=VALUE, separated by blanks. */
cusgd_options stream_options(const char *words);

int device_is_gpu(void);

#endif
