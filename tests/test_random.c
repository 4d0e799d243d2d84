/* scalar/random.h: published known answers, the normal quantile, and the distributions. Every seed is fixed, so a statistic is
 * one number: thresholds are where chance alone would come once in a million or less. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scalar/random.h"

/* Random123's kat_vectors for philox4x32, 10 rounds. */
Test(random, philox_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                 {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                  {0xffffffff, 0xffffffff},
                  {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                 {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                  {0xa4093822, 0x299f31d0},
                  {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
    for (int i = 0; i < 3; i++) {
        philox_words w;
        memcpy(w.at, known[i].counter, sizeof w.at);
        w = philox(w, known[i].key[0], known[i].key[1]);
        cr_assert_eq(memcmp(w.at, known[i].out, sizeof w.at), 0, "vector %d: %08x %08x %08x %08x", i, w.at[0], w.at[1], w.at[2],
                     w.at[3]);
    }
    cr_assert_eq(random_block(1234, 0).at[0], 0x2090b348u); /* cuRAND's first word for seed 1234 */
}

Test(random, streams_and_blocks_differ)
{
    enum { COUNT = 4096 };
    static uint64_t seen[3 * COUNT];
    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t far = (i & 1 ? 1 : 0x100000001) * i * 0x10001; /* blocks beyond 2^16 and 2^48 */
        seen[i] = stream_key(i / 8, 1 + i % 8);
        memcpy(&seen[COUNT + i], random_block(7, far).at, sizeof *seen);
        seen[2 * COUNT + i] = random_bits(7, far, far + (i << 40));
    }
    for (int i = 0; i < 3 * COUNT; i++)
        for (int j = i & ~(COUNT - 1); j < i; j++) cr_assert_neq(seen[i], seen[j], "%d and %d", i, j);
    for (int bit = 0; bit < 64; bit++) { /* keys of neighboring seeds share no bit */
        int ones = 0;
        for (int i = 0; i < COUNT; i++) ones += (int)(seen[i] >> bit & 1);
        cr_assert(abs(ones - COUNT / 2) < 5 * 32, "bit %d: %d", bit, ones);
    }
}

Test(random, below)
{
    const uint64_t ends[] = {1, 2, 3, 1000, 0xffffffffu, (uint64_t)1 << 62, UINT64_MAX};
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(random_below(0, ends[i]), 0);
        cr_assert_eq(random_below(UINT64_MAX, ends[i]), ends[i] - 1);
        cr_assert_eq(random_below((uint64_t)1 << 63, ends[i]), ends[i] / 2);
    }
}

/* Pearson's statistic of counts with equal expectations, as a standard normal (Wilson, Hilferty 1931). */
static double uniform_score(const int *counts, int cells, double total)
{
    double expected = total / cells, sum = 0, df = cells - 1;
    for (int i = 0; i < cells; i++) sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return (cbrt(sum / df) - 1 + 2 / (9 * df)) / sqrt(2 / (9 * df));
}

Test(random, uniform)
{
    enum { CELLS = 1000, BLOCKS = 250000 };
    int counts[4][CELLS] = {{0}}, ones[32] = {0}, small[CELLS] = {0};
    for (uint64_t b = 0; b < BLOCKS; b++) {
        philox_words w = random_block(stream_key(11, STREAM_FEATURES), b);
        for (int i = 0; i < 4; i++) {
            double u = uniform_open(w.at[i]);
            cr_assert(u > 0 && u < 1);
            counts[i][(int)(u * CELLS)]++;
            for (int bit = 0; bit < 32; bit++) ones[bit] += (int)(w.at[i] >> bit & 1);
        }
        small[random_below(random_bits(5, b, 0), CELLS)]++;
    }
    for (int i = 0; i < 4; i++) cr_assert_lt(fabs(uniform_score(counts[i], CELLS, BLOCKS)), 5);
    cr_assert_lt(fabs(uniform_score(small, CELLS, BLOCKS)), 5);
    for (int bit = 0; bit < 32; bit++) cr_assert_lt(abs(ones[bit] - 2 * BLOCKS), 5 * 500); /* 500: the standard deviation */
    cr_assert(uniform_open(0) == 0x1p-33 && uniform_open(UINT32_MAX) == 1 - 0x1p-33);
}

/* Against the C library's, in units of the last place of the result. */
Test(random, portable_log)
{
    double worst = 0;
    for (uint64_t i = 0; i < 400000; i++) {
        uint64_t bits = random_bits(3, i, 0);
        double u = uniform_open((uint32_t)bits), x = i % 4 == 0   ? u
                                                     : i % 4 == 1 ? ldexp(1 + u, (int)(bits >> 32) % 1000)
                                                     : i % 4 == 2 ? 1 + ldexp(u - 0.5, -(int)(bits >> 32 & 31))
                                                                  : 0.7 + 0.01 * u + (double)(bits >> 63) * 0.71;
        double expected = log(x);
        if (expected == 0) continue;
        worst = fmax(worst, fabs(portable_log(x) - expected) / (fabs(expected) * 0x1p-52));
    }
    cr_assert_lt(worst, 2.5, "%g ulp", worst);
    cr_assert_eq(portable_log(1), 0);
}

/* Python's statistics.NormalDist().inv_cdf. */
static const double quantiles[][2] = {{1.1641532182693481e-10, -6.337957754553789},
                                      {0.9999999998835847, 6.337957754553789},
                                      {3.4924596548080444e-10, -6.166429517819749},
                                      {1e-300, -37.0470962993612},
                                      {1e-200, -30.205594179579634},
                                      {1e-100, -21.27345356096532},
                                      {1e-50, -14.933337534788489},
                                      {1e-20, -9.262340089798405},
                                      {1e-15, -7.941345326170995},
                                      {1e-13, -7.3487961028006765},
                                      {1.3e-11, -6.66761145651074},
                                      {1.4e-11, -6.656723091518184},
                                      {1e-11, -6.706023155495136},
                                      {1e-10, -6.361340902404056},
                                      {1e-08, -5.61200124417479},
                                      {1e-06, -4.753424308822899},
                                      {1e-05, -4.2648907939228256},
                                      {0.0001, -3.71901648545568},
                                      {0.001, -3.090232306167813},
                                      {0.005, -2.5758293035489},
                                      {0.01, -2.3263478740408408},
                                      {0.02, -2.0537489106318225},
                                      {0.03, -1.8807936081512509},
                                      {0.05, -1.6448536269514726},
                                      {0.07, -1.4757910281791702},
                                      {0.074, -1.4466320671589785},
                                      {0.0751, -1.4388253927525398},
                                      {0.08, -1.4050715603096322},
                                      {0.1, -1.2815515655446008},
                                      {0.13, -1.1263911290388005},
                                      {0.17, -0.9541652531461942},
                                      {0.2, -0.8416212335729142},
                                      {0.25, -0.6744897501960817},
                                      {0.3, -0.5244005127080407},
                                      {0.33, -0.4399131656732338},
                                      {0.37, -0.3318533464368165},
                                      {0.41, -0.22754497664114945},
                                      {0.45, -0.125661346855074},
                                      {0.49, -0.025068908258711057},
                                      {0.499999, -2.5066282745665597e-06},
                                      {0.5, 0.0},
                                      {0.500001, 2.5066282747057056e-06},
                                      {0.51, 0.025068908258711057},
                                      {0.6, 0.2533471031357998},
                                      {0.7, 0.5244005127080407},
                                      {0.8, 0.8416212335729144},
                                      {0.9, 1.2815515655446008},
                                      {0.92, 1.4050715603096327},
                                      {0.924, 1.4325027208258119},
                                      {0.926, 1.4466320671589785},
                                      {0.95, 1.6448536269514715},
                                      {0.99, 2.3263478740408408},
                                      {0.999, 3.090232306167813},
                                      {0.99999, 4.26489079392384},
                                      {0.9999999, 5.199337582290662},
                                      {0.99999999999, 6.706023143414748}};

Test(random, normal_quantile)
{
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        double u = quantiles[i][0], expected = quantiles[i][1], got = normal_quantile(u);
        cr_assert_leq(fabs(got - expected), 1e-14 * fabs(expected), "%.17g: %.17g, not %.17g", u, got, expected);
    }
    /* And through the distribution function: an error e of z changes its tail by (z^2 + 1) e or so, relatively. */
    for (uint64_t i = 0; i < 100000; i++) {
        double u = uniform_open((uint32_t)random_bits(9, i, 0)) / 2;
        if (i % 2) u = pow(10, -600 * u); /* down to 1e-300 */
        if (u > 0.5) continue;
        double z = normal_quantile(u), tail = erfc(-z / sqrt(2)) / 2;
        cr_assert_leq(fabs(tail / u - 1), 1e-15 * (z * z + 5), "u = %g: %g", u, tail / u - 1);
    }
    cr_assert(fabs(normal_from(0) + 6.33) < 0.01 && normal_from(UINT32_MAX) == -normal_from(0));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A million normals: the first four moments within 5 of their standard deviations, and Kolmogorov and Smirnov's statistic. */
Test(random, normals)
{
    enum { COUNT = 1000000 };
    double *z = malloc(COUNT * sizeof *z), sum[5] = {0}, lagged = 0, distance = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        z[i] = normal_from(random_block(stream_key(1, STREAM_TARGETS), i / 4).at[i % 4]);
        double power = 1;
        for (int m = 1; m <= 4; m++) sum[m] += power *= z[i];
        if (i) lagged += z[i] * z[i - 1];
    }
    const double moment[] = {0, 0, 1, 0, 3}, variance[] = {0, 1, 2, 15, 96};
    for (int m = 1; m <= 4; m++) cr_assert_lt(fabs(sum[m] / COUNT - moment[m]), 5 * sqrt(variance[m] / COUNT), "moment %d", m);
    cr_assert_lt(fabs(lagged / COUNT), 5 / sqrt(COUNT));
    qsort(z, COUNT, sizeof *z, compare);
    for (int i = 0; i < COUNT; i++) {
        double below = erfc(-z[i] / sqrt(2)) / 2;
        distance = fmax(distance, fmax(below - (double)i / COUNT, (double)(i + 1) / COUNT - below));
    }
    cr_assert_lt(distance * sqrt(COUNT), 2.7); /* chance: 2 exp(-2 2.7^2) = 9e-7 */
    free(z);
}
