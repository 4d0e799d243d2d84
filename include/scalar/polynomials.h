/* Made by scripts/make_polynomials.py: the polynomials of the elementary functions. The even and the odd powers are
 * added apart, which are two chains of operations that do not wait for each other. */
#ifndef CUSGD_SCALAR_POLYNOMIALS_H
#define CUSGD_SCALAR_POLYNOMIALS_H

#include "real.h"

/* clang-format off */
/* (e^r - 1 - r - r^2 / 2) / r^3 for r from -0.4 log(2) to 0.6 log(2). */
SCALAR real exp_rest(real r)
{
    real w = r * r, even, odd;
    if (REAL_IS_DOUBLE) {
        even = ((((real)0x1.ae9c3bee939ecp-26 * w + (real)0x1.71de4116111d5p-19) * w + (real)0x1.a01a019d4b294p-13) * w +
            (real)0x1.1111111111468p-7) * w + (real)0x1.5555555555555p-3;
        odd = ((((real)0x1.2f26f035613b4p-29 * w + (real)0x1.27df1d9eb7569p-22) * w + (real)0x1.a01a031804fd9p-16) * w +
            (real)0x1.6c16c16bf2737p-10) * w + (real)0x1.5555555555575p-5;
    } else {
        even = ((real)0x1.b376ap-13 * w + (real)0x1.110af6p-7) * w + (real)0x1.555556p-3;
        odd = (real)0x1.6cc26p-10 * w + (real)0x1.555534p-5;
    }
    return even + odd * r;
}

/* 2 (atanh(s) / s - 1) / z with z = s^2, s = (m - 1) / (m + 1) for m from sqrt(1/2) to sqrt(2). */
SCALAR real log_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = (((real)0x1.0fbe95d71602p-3 * w + (real)0x1.745cf9048dd95p-3) * w + (real)0x1.2492492476cccp-2) * w +
            (real)0x1.5555555555555p-1;
        odd = (((real)0x1.0c039c49989c6p-3 * w + (real)0x1.3b1c355a8f7a2p-3) * w + (real)0x1.c71c720159177p-3) * w +
            (real)0x1.9999999999a38p-2;
    } else {
        even = (real)0x1.245c44p-2 * w + (real)0x1.555556p-1;
        odd = (real)0x1.ddced8p-3 * w + (real)0x1.9999ecp-2;
    }
    return even + odd * z;
}

/* (atanh(s) / s - 1 - z / 3) / z^2 with z = s^2, likewise. */
SCALAR real log_far_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = (((real)0x1.df7ce9a6bcccbp-5 * w + (real)0x1.3b1395d4f9e5fp-4) * w + (real)0x1.c71c71c6eaa8dp-4) * w +
            (real)0x1.999999999999ap-3;
        odd = (((real)0x1.e02d197c00c78p-5 * w + (real)0x1.1118c74823a2ep-4) * w + (real)0x1.745d177a8f2p-4) * w +
            (real)0x1.2492492492521p-3;
    } else {
        even = (real)0x1.c6c0ecp-4 * w + (real)0x1.99999ap-3;
        odd = (real)0x1.8795bep-4 * w + (real)0x1.24928ep-3;
    }
    return even + odd * z;
}

/* (tanh(x) / x - 1) / z with z = x^2, x <= 5/8. */
SCALAR real tanh_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = (((((real)-0x1.05bbdae896297p-15 * w + (real)-0x1.f243823c8c981p-13) * w + (real)-0x1.7d9f6f23e8682p-10) * w +
            (real)-0x1.226e3473dce5cp-7) * w + (real)-0x1.ba1ba1ba0f126p-5) * w + (real)-0x1.5555555555555p-2;
        odd = (((((real)0x1.b33642a122cddp-18 * w + (real)0x1.8445870f6fe41p-14) * w + (real)0x1.3526e9ed54da1p-11) * w +
            (real)0x1.d6d39ae3905e2p-9) * w + (real)0x1.664f487e0a749p-6) * w + (real)0x1.11111111110a8p-3;
    } else {
        even = ((real)-0x1.116a16p-7 * w + (real)-0x1.ba08c4p-5) * w + (real)-0x1.555556p-2;
        odd = ((real)0x1.2c83cp-9 * w + (real)0x1.64a976p-6) * w + (real)0x1.1110eap-3;
    }
    return even + odd * z;
}

/* (sinh(x) / x - 1) / z with z = x^2 <= 1. */
SCALAR real sinh_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = (((real)0x1.b41232cf9950fp-41 * w + (real)0x1.ae6460fae3728p-26) * w + (real)0x1.a01a01a01ee7p-13) * w +
            (real)0x1.5555555555555p-3;
        odd = ((real)0x1.611cb330c1fe8p-33 * w + (real)0x1.71de3a4e14f4p-19) * w + (real)0x1.11111111110fdp-7;
    } else {
        even = (real)0x1.a009p-13 * w + (real)0x1.555556p-3;
        odd = (real)0x1.78a70ep-19 * w + (real)0x1.11111ep-7;
    }
    return even + odd * z;
}

/* (sin(x) / x - 1) / z with z = x^2, |x| <= pi / 4. */
SCALAR real sin_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = (((real)-0x1.ab17c21adf462p-41 * w + (real)-0x1.ae6454129f078p-26) * w + (real)-0x1.a01a01a019937p-13) * w +
            (real)-0x1.5555555555555p-3;
        odd = ((real)0x1.61217eed1c04ap-33 * w + (real)0x1.71de3a54607fap-19) * w + (real)0x1.111111111111p-7;
    } else {
        even = (real)-0x1.a013a8p-13 * w + (real)-0x1.555556p-3;
        odd = (real)0x1.6dbdf2p-19 * w + (real)0x1.11110ep-7;
    }
    return even + odd * z;
}

/* (cos(x) - 1 + z / 2) / z^2 with z = x^2, |x| <= pi / 4. */
SCALAR real cos_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = ((real)0x1.1eeb68d2958ddp-29 * w + (real)0x1.a01a019f4e9f4p-16) * w + (real)0x1.5555555555555p-5;
        odd = ((real)-0x1.907d9316a965fp-37 * w + (real)-0x1.27e4fa17c44ep-22) * w + (real)-0x1.6c16c16c16967p-10;
    } else {
        even = (real)0x1.9bd886p-16 * w + (real)0x1.555554p-5;
        odd = (real)-0x1.6c12d2p-10;
    }
    return even + odd * z;
}

/* (asin(x) / x - 1) / z with z = x^2 <= 1/4. */
SCALAR real asin_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = ((((((real)-0x1.3b416bb7d9257p-6 * w + (real)0x1.8f193743418ffp-9) * w + (real)0x1.3b49de7121487p-7) * w +
            (real)0x1.c990ad3d8fdcap-7) * w + (real)0x1.6e8ba123e494cp-6) * w + (real)0x1.6db6db6dac1ep-5) * w +
            (real)0x1.5555555555555p-3;
        odd = ((((((real)0x1.e529c6fce9bb4p-6 * w + (real)0x1.406192d124629p-6) * w + (real)0x1.31622469ce5adp-7) * w +
            (real)0x1.7b027ee1dd585p-7) * w + (real)0x1.1c4efce23019fp-6) * w + (real)0x1.f1c71c7a52ba3p-6) * w +
            (real)0x1.3333333333388p-4;
    } else {
        even = ((real)0x1.18f91ep-6 * w + (real)0x1.6d5bbap-5) * w + (real)0x1.555554p-3;
        odd = ((real)0x1.13fed4p-5 * w + (real)0x1.fd8da2p-6) * w + (real)0x1.33343p-4;
    }
    return even + odd * z;
}

/* (atan(x) / x - 1) / z with z = x^2, |x| <= tan(pi / 8). */
SCALAR real atan_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = (((((real)-0x1.1b1992aa413c9p-5 * w + (real)-0x1.ac7858539e493p-5) * w + (real)-0x1.110e84aa36d9dp-4) * w +
            (real)-0x1.745d165c497f3p-4) * w + (real)-0x1.249249248d739p-3) * w + (real)-0x1.5555555555555p-2;
        odd = (((((real)0x1.0a997ba33c1dbp-6 * w + (real)0x1.74d3a7b43351ap-5) * w + (real)0x1.e199c62156609p-5) * w +
            (real)0x1.3b1392a9c2d8bp-4) * w + (real)0x1.c71c71c2fc236p-4) * w + (real)0x1.9999999999952p-3;
    } else {
        even = ((real)-0x1.613c1cp-4 * w + (real)-0x1.248a1p-3) * w + (real)-0x1.555556p-2;
        odd = ((real)0x1.9d60fap-5 * w + (real)0x1.c57a94p-4) * w + (real)0x1.99997ap-3;
    }
    return even + odd * z;
}

/* (erf(x) / x - 2 / sqrt(pi)) / z with z = x^2, x <= 5/8. */
SCALAR real erf_rest(real z)
{
    real w = z * z, even, odd;
    if (REAL_IS_DOUBLE) {
        even = ((((real)-0x1.5ba2128212aa5p-23 * w + (real)-0x1.f4d073f562f52p-17) * w + (real)-0x1.c02db3dd6e888p-11) * w +
            (real)-0x1.b82ce3128832cp-6) * w + (real)-0x1.812746b0379e7p-2;
        odd = ((((real)0x1.b0fb80e5fe922p-27 * w + (real)0x1.b9af63b6eccc4p-20) * w + (real)0x1.f9a31c8a23f14p-14) * w +
            (real)0x1.565bcd0e27848p-8) * w + (real)0x1.ce2f21a042bdcp-4;
    } else {
        even = ((real)-0x1.870998p-11 * w + (real)-0x1.b817dep-6) * w + (real)-0x1.812746p-2;
        odd = (real)0x1.53fa5cp-8 * w + (real)0x1.ce2eep-4;
    }
    return even + odd * z;
}

/* (erf(x) - erf(1)) / d with d = x - 1, x from 5/8 to 3/2. */
SCALAR real erf_from_one(real d)
{
    real w = d * d, even, odd;
    if (REAL_IS_DOUBLE) {
        even = ((((((((real)0x1.c7cefa5abcf06p-21 * w + (real)-0x1.70cf0d8c34d4bp-18) * w + (real)0x1.3a19b186a427bp-16) * w +
            (real)0x1.66b5f4bb4977p-14) * w + (real)-0x1.ee30d8c90e51dp-10) * w + (real)0x1.f096fd6f41d4ap-7) * w +
            (real)-0x1.1b614b0f51fdp-4) * w + (real)0x1.1b614b0f52812p-3) * w + (real)0x1.a911f096fbc26p-2;
        odd = (((((((real)-0x1.0f14327f0b98bp-19 * w + (real)0x1.8d8b2b140a1bbp-16) * w + (real)-0x1.a38b41e049d7bp-13) * w +
            (real)0x1.4176c3c315d6bp-10) * w + (real)-0x1.391146bd0d4e7p-8) * w + (real)0x1.2e45a565c8f35p-8) * w +
            (real)0x1.1b614b0f52792p-4) * w + (real)-0x1.a911f096fbc26p-2;
    } else {
        even = ((((real)-0x1.3b8994p-10 * w + (real)0x1.ea1a0cp-7) * w + (real)-0x1.1b4dfap-4) * w + (real)0x1.1b61p-3) * w +
            (real)0x1.a911fp-2;
        odd = (((real)-0x1.227988p-8 * w + (real)0x1.2c149ep-8) * w + (real)0x1.1b62a4p-4) * w + (real)-0x1.a911f2p-2;
    }
    return even + odd * d;
}

/* e^(x^2) erfc(x) with u = (x - 3) / (x + 3), x from 3/2 to 6. */
SCALAR real erfc_scaled(real u)
{
    real w = u * u, even, odd;
    if (REAL_IS_DOUBLE) {
        even = (((((((real)0x1.3739dd8ebc67p-20 * w + (real)-0x1.0b306f733134ep-17) * w + (real)0x1.0caad1d05fb55p-14) * w +
            (real)-0x1.39084a54f9329p-11) * w + (real)0x1.17c838ed03342p-8) * w + (real)0x1.258b13b017e94p-4) * w +
            (real)0x1.f6ff204105973p-3) * w + (real)0x1.6e9827d229d2dp-3;
        odd = ((((((real)0x1.0c818b96f3197p-19 * w + (real)-0x1.aedd2f46e6648p-17) * w + (real)0x1.7b9d6db5ee7dbp-15) * w +
            (real)0x1.73102112bea8fp-11) * w + (real)-0x1.8fa58eb65590dp-6) * w + (real)-0x1.336ffbef088bdp-3) * w +
            (real)-0x1.4e102b9cf8514p-2;
    } else {
        even = (((real)0x1.10490ep-8 * w + (real)0x1.2591b6p-4) * w + (real)0x1.f6ff14p-3) * w + (real)0x1.6e9828p-3;
        odd = ((real)-0x1.8d5f66p-6 * w + (real)-0x1.33740ap-3) * w + (real)-0x1.4e1024p-2;
    }
    return even + odd * u;
}
/* clang-format on */

#endif
