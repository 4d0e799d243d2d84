#!/usr/bin/env python3
"""Writes include/scalar/polynomials.h: the polynomials that the elementary functions (include/scalar/elementary.h) are made of.

Each one interpolates its function at Chebyshev nodes in 60-digit arithmetic, which comes within a small factor of the best
polynomial of its degree. The degree is the lowest that changes the elementary function by less than a share of an ulp; each
coefficient is then rounded to the nearest number of its type.

usage: make_polynomials.py [FILE]     (include/scalar/polynomials.h by default)
Needs mpmath.
"""
import re
import struct
import sys
import textwrap
from pathlib import Path

from mpmath import mp, mpf

mp.dps = 60
SHARE = 2**-5  # of an ulp, which a polynomial may be off by
WIDTH = 140


def rest_of_sine(z):
    x = mp.sqrt(z)
    return (mp.sin(x) / x - 1) / z


def rest_of_cosine(z):
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def odd_rest(function):
    """(f(x) / x - 1) / z with z = x^2, of an odd function with f'(0) = 1."""

    def rest(z):
        x = mp.sqrt(z)
        return (function(x) / x - 1) / z

    return rest


def scaled_erfc(u):
    x = 3 * (1 + u) / (1 - u)
    return mp.exp(x * x) * mp.erfc(x)


ROOT_HALF = mp.sqrt(mpf(1) / 2)
LARGEST_S = (1 - ROOT_HALF) / (1 + ROOT_HALF)  # (m - 1) / (m + 1) at m = sqrt(2)
EIGHTH = mp.tan(mp.pi / 8)

# Name; variable; what it approximates, for people and as a function; the interval; and the largest error, relative to the
# elementary function's value, that an error of 1 causes.
POLYNOMIALS = [
    ("exp_rest", "r", "(e^r - 1 - r - r^2 / 2) / r^3 for r from -0.4 log(2) to 0.6 log(2)",
     lambda r: (mp.exp(r) - 1 - r - r * r / 2) / r**3,
     (mpf("-0.4001") * mp.log(2), mpf("0.6001") * mp.log(2)), 0.18),
    ("log_rest", "z", "2 (atanh(s) / s - 1) / z with z = s^2, s = (m - 1) / (m + 1) for m from sqrt(1/2) to sqrt(2)",
     lambda z: 2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, (0, LARGEST_S**2), LARGEST_S**2 / 2),
    ("log_far_rest", "z", "(atanh(s) / s - 1 - z / 3) / z^2 with z = s^2, likewise",
     lambda z: (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1 - z / 3) / z**2, (0, LARGEST_S**2), LARGEST_S**4 * 2**11),
    ("tanh_rest", "z", "(tanh(x) / x - 1) / z with z = x^2, x <= 5/8", odd_rest(mp.tanh), (0, mpf(25) / 64), 0.5),
    ("sinh_rest", "z", "(sinh(x) / x - 1) / z with z = x^2 <= 1", odd_rest(mp.sinh), (0, 1), 1),
    ("sin_rest", "z", "(sin(x) / x - 1) / z with z = x^2, |x| <= pi / 4", rest_of_sine, (0, mpf("0.6169")), 0.7),
    ("cos_rest", "z", "(cos(x) - 1 + z / 2) / z^2 with z = x^2, |x| <= pi / 4", rest_of_cosine, (0, mpf("0.6169")), 0.55),
    ("asin_rest", "z", "(asin(x) / x - 1) / z with z = x^2 <= 1/4", odd_rest(mp.asin), (0, mpf("0.25")), 0.25),
    ("atan_rest", "z", "(atan(x) / x - 1) / z with z = x^2, |x| <= tan(pi / 8)", odd_rest(mp.atan),
     (0, EIGHTH**2 * mpf("1.001")), 0.2),
    ("erf_rest", "z", "(erf(x) / x - 2 / sqrt(pi)) / z with z = x^2, x <= 5/8",
     lambda z: (mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 2 / mp.sqrt(mp.pi)) / z, (0, mpf(25) / 64), 0.5),
    ("erf_from_one", "d", "(erf(x) - erf(1)) / d with d = x - 1, x from 5/8 to 3/2", lambda d: (mp.erf(1 + d) - mp.erf(1)) / d,
     (mpf(-3) / 8, mpf(1) / 2), 0.7),
    ("erfc_scaled", "u", "e^(x^2) erfc(x) with u = (x - 3) / (x + 3), x from 3/2 to 6", scaled_erfc,
     (mpf(-1) / 3, mpf(1) / 3), 0.12),
]  # fmt: skip


def at_end(function, x, below):
    """f at x, or by its limit where x is 0 and the formula has no value."""
    return function(mpf(x) if x else mpf(below) * mpf(10) ** -20)


def interpolate(function, interval, degree):
    """The coefficients, from the constant one on, of the interpolant at the Chebyshev nodes of the interval."""
    a, b = (mpf(v) for v in interval)
    nodes = [(a + b) / 2 + (b - a) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * degree + 2)) for i in range(degree + 1)]
    matrix = mp.matrix(degree + 1, degree + 1)
    for i, x in enumerate(nodes):
        for j in range(degree + 1):
            matrix[i, j] = x**j
    return list(mp.lu_solve(matrix, mp.matrix([at_end(function, x, b) for x in nodes])))


def value(coefficients, x):
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def error(function, interval, coefficients):
    a, b = (mpf(v) for v in interval)
    points = [(a + b) / 2 + (b - a) / 2 * mp.cos(mp.pi * i / 41) for i in range(42)]
    return max(abs(value(coefficients, x) - at_end(function, x, b)) for x in points)


def fit(function, interval, weight, digits):
    """Coefficients of the lowest degree that is good enough for numbers of so many binary digits."""
    for degree in range(1, 40):
        coefficients = interpolate(function, interval, degree)
        if error(function, interval, coefficients) * weight <= mpf(2) ** -digits * SHARE:
            return coefficients
    raise SystemExit(f"no degree below 40 is enough: {function}")


def spelled(c, single):
    """The nearest float or double to c, in hexadecimal."""
    nearest = float(c)
    if single:
        nearest = struct.unpack("f", struct.pack("f", nearest))[0]
    return f"(real){re.sub(r'0+p', 'p', nearest.hex())}".replace(".p", "p")


def chain(name, terms, indent):
    """Lines of C: `name` is the polynomial of these coefficients in the square, by Horner's rule."""
    text = terms[-1]
    for term in reversed(terms[:-1]):
        text = f"({text}) * w + {term}" if "w" in text else f"{text} * w + {term}"
    lines = textwrap.wrap(f"{name} = {text};", WIDTH - indent - 8, break_long_words=False)
    return [" " * indent + lines[0]] + [" " * (indent + 4) + line for line in lines[1:]]


def body(coefficients, single):
    terms = [spelled(c, single) for c in coefficients]
    lines = chain("even", terms[0::2], 8)
    lines += chain("odd", terms[1::2], 8)
    return lines


def function_text(name, variable, says, function, interval, weight):
    double = fit(function, interval, weight, 53)
    single = fit(function, interval, weight, 24)
    text = textwrap.fill(f"{says}.", WIDTH - 6).replace("\n", "\n * ")
    lines = [
        f"/* {text} */",
        f"SCALAR real {name}(real {variable})",
        "{",
        f"    real w = {variable} * {variable}, even, odd;",
        "    if (REAL_IS_DOUBLE) {",
        *body(double, single=False),
        "    } else {",
        *body(single, single=True),
        "    }",
        f"    return even + odd * {variable};",
        "}",
    ]
    return "\n".join(lines)


HEAD = """/* Made by scripts/make_polynomials.py: the polynomials of the elementary functions. The even and the odd powers are
 * added apart, which are two chains of operations that do not wait for each other. */
#ifndef CUSGD_SCALAR_POLYNOMIALS_H
#define CUSGD_SCALAR_POLYNOMIALS_H

#include "real.h"

/* clang-format off */
"""
TAIL = """
/* clang-format on */

#endif
"""


def main():
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "../include/scalar/polynomials.h")
    target.write_text(HEAD + "\n\n".join(function_text(*row) for row in POLYNOMIALS) + TAIL)


if __name__ == "__main__":
    main()
