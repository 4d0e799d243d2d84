/* A minibatch step as one writes it in C without a second thought: a loop over the rows, a dot product and a sum each, one
 * thread. cuSGD is held against it (scripts/bench.sh --smoke). cc -O3 -march=native -ffast-math; prints million rows per second
 * of processor time, the best of the passes that fit into SECONDS of it. usage: loop ROWS COLS BATCH SECONDS */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* theta -= rate / B sum_i (x_i theta - y_i) x_i over x's B rows. */
static void step(const float *x, const float *y, long batch, long d, float rate, float *theta, float *gradient)
{
    memset(gradient, 0, sizeof(float) * (size_t)d);
    for (long i = 0; i < batch; i++) {
        const float *row = x + i * d;
        float r = -y[i];
        for (long j = 0; j < d; j++) r += row[j] * theta[j];
        for (long j = 0; j < d; j++) gradient[j] += r * row[j];
    }
    for (long j = 0; j < d; j++) theta[j] -= rate / (float)batch * gradient[j];
}

/* Uniform numbers of variance 1; what they are does not matter, but that they are not 0. */
static float draw(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return ((float)(*state >> 8) / (1 << 23) - 1) * 1.7320508f;
}

int main(int argc, char **argv)
{
    if (argc != 5) return 1;
    long n = atol(argv[1]), d = atol(argv[2]), batch = atol(argv[3]);
    float *x = malloc(sizeof(float) * (size_t)(n * d)), *y = malloc(sizeof(float) * (size_t)n);
    float *theta = calloc((size_t)d, sizeof(float)), *gradient = malloc(sizeof(float) * (size_t)d);
    float rate = 0.5f / (1 + (float)(d + 1) / (float)batch);
    unsigned state = 1;
    if (n < batch || d < 1 || batch < 1 || !x || !y || !theta || !gradient) return 1;
    for (long i = 0; i < n * d; i++) x[i] = draw(&state);
    for (long i = 0; i < n; i++) y[i] = x[i * d] + draw(&state);
    double best = 1e30, end = now() + atof(argv[4]);
    for (int pass = 0; pass < 3 || now() < end; pass++) {
        double begun = now();
        for (long i = 0; i + batch <= n; i += batch) step(x + i * d, y + i, batch, d, rate, theta, gradient);
        double taken = now() - begun;
        if (taken < best) best = taken;
    }
    if (!(theta[0] > 0.5f)) return 1; /* it has learned something: y = x_0 + noise */
    printf("%.6g\n", 1e-6 * (double)(n / batch * batch) / best);
    free(x);
    free(y);
    free(theta);
    free(gradient);
    return 0;
}
