/* Random numbers as pure functions of their position, so that every device and thread makes the same ones. */
#ifndef CUSGD_SCALAR_RANDOM_H
#define CUSGD_SCALAR_RANDOM_H

#include "real.h"

__extension__ typedef unsigned __int128 uint128;

typedef struct philox_words {
    uint32_t at[4];
} philox_words;

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): ten rounds of two multiplications on a 128-bit counter, keyed by 64 bits. */
DEVICE philox_words philox(philox_words counter, uint32_t key0, uint32_t key1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * counter.at[0], b = (uint64_t)0xCD9E8D57u * counter.at[2];
        philox_words next = {
            {(uint32_t)(b >> 32) ^ counter.at[1] ^ key0, (uint32_t)b, (uint32_t)(a >> 32) ^ counter.at[3] ^ key1, (uint32_t)a}};
        counter = next;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}

/* Independent streams of one seed. */
enum {
    STREAM_ORDER = 1,
    STREAM_REPLACE = 2,
    STREAM_HOLDOUT = 3,
    STREAM_FEATURES = 4,
    STREAM_TARGETS = 5,
    STREAM_TRUTH = 6,
    STREAM_SHAPE = 7,
    STREAM_SAMPLE = 8,
    STREAM_BATCHES = 9,
    STREAM_FOLDS = 10,
    STREAM_FILES = 16
};

/* The key of a stream: SplitMix64's finalizer (Steele, Lea, Flood 2014) over seed and stream. */
DEVICE uint64_t stream_key(uint64_t seed, uint64_t stream)
{
    uint64_t z = seed + stream * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Four words at block b of a key's stream: cuRAND's host generator PHILOX4_32_10 seeded with the key gives the same sequence. */
DEVICE philox_words random_block(uint64_t key, uint64_t b)
{
    philox_words counter = {{(uint32_t)(b >> 16), (uint32_t)(b >> 48), (uint32_t)(b & 0xFFFF), 0}};
    return philox(counter, (uint32_t)key, (uint32_t)(key >> 32));
}

/* 64 bits that depend on two numbers, for choices rather than for streams. */
DEVICE uint64_t random_bits(uint64_t key, uint64_t a, uint64_t b)
{
    philox_words counter = {{(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)}};
    philox_words w = philox(counter, (uint32_t)key, (uint32_t)(key >> 32));
    return (uint64_t)w.at[1] << 32 | w.at[0];
}

/* An integer in [0, n) from 64 random bits: the high half of their product, biased by less than n / 2^64. */
DEVICE uint64_t random_below(uint64_t bits, uint64_t n)
{
#if defined(__CUDA_ARCH__)
    return __umul64hi(bits, n);
#else
    return (uint64_t)((uint128)bits * n >> 64);
#endif
}

/* In (0, 1), never an end: the middle of the word's interval. */
DEVICE double uniform_open(uint32_t word) { return ((double)word + 0.5) * (1.0 / 4294967296.0); }

/* log(x) for normal x > 0 by + - * / alone, so that its bits are every device's. It is not real_log(), which is in the precision
 * of the source: generated numbers are made in double everywhere, and keep their bits. x = m 2^e with m in [sqrt(1/2), sqrt 2),
 * and log m = 2 atanh((m-1)/(m+1)) by its series. */
DEVICE double portable_log(double x)
{
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m = 2 * m;
        e--;
    }
    double s = (m - 1) / (m + 1), q = s * s, sum = 0;
    for (int i = 25; i >= 1; i -= 2) sum = sum * q + 1.0 / i;
    return 2 * s * sum + e * 0.69314718055994530942;
}

DEVICE double rational(const double *num, const double *den, double x)
{
    double a = num[7], b = den[7];
    for (int i = 6; i >= 0; i--) {
        a = a * x + num[i];
        b = b * x + den[i];
    }
    return a / b;
}

/* The standard normal's quantile at u in (0, 1) (Wichura 1988, algorithm AS 241, PPND16): about 16 digits. */
DEVICE double normal_quantile(double u)
{
    const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
                         4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3};
    const double b[8] = {1.0,
                         4.2313330701600911252e+1,
                         6.8718700749205790830e+2,
                         5.3941960214247511077e+3,
                         2.1213794301586595867e+4,
                         3.9307895800092710610e+4,
                         2.8729085735721942674e+4,
                         5.2264952788528545610e+3};
    const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                         3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                         2.27238449892691845833e-2, 7.74545014278341407640e-4};
    const double d[8] = {1.0,
                         2.05319162663775882187e0,
                         1.67638483018380384940e0,
                         6.89767334985100004550e-1,
                         1.48103976427480074590e-1,
                         1.51986665636164571966e-2,
                         5.47593808499534494600e-4,
                         1.05075007164441684324e-9};
    const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                         2.71155556874348757815e-5, 2.01033439929228813265e-7};
    const double f[8] = {1.0,
                         5.99832206555887937690e-1,
                         1.36929880922735805310e-1,
                         1.48753612908506148525e-2,
                         7.86869131145613259100e-4,
                         1.84631831751005468180e-5,
                         1.42151175831644588870e-7,
                         2.04426310338993978564e-15};
    double q = u - 0.5;
    if (q >= -0.425 && q <= 0.425) return q * rational(a, b, 0.180625 - q * q);
    double r = sqrt(-portable_log(q < 0 ? u : 1 - u));
    double z = r <= 5 ? rational(c, d, r - 1.6) : rational(e, f, r - 5);
    return q < 0 ? -z : z;
}

/* One standard normal a word; up to 6.3 standard deviations. */
DEVICE double normal_from(uint32_t word) { return normal_quantile(uniform_open(word)); }

#endif
