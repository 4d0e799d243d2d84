#!/usr/bin/env python3
"""Measure the elementary functions (include/scalar/elementary.h, trigonometry.h) and print a table in Markdown.

usage: measure_elementary.py [--every] [--points N] [--functions NAME,...]

The largest errors in units in the last place: in float of every 257th float, with --every of all of them (against the C library's
functions in double, which are right to 29 more digits), in double of N random numbers and of numbers where errors are largest
(against mpmath); and nanoseconds a value, with this machine's instruction sets. Needs gcc, mpmath and NumPy.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from mpmath import mp, mpf

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ["exp", "expm1", "log", "log1p", "tanh", "sinh", "cosh", "erf", "asin", "acos", "atan", "sin", "cos", "tan"]
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-march=native",
         "-shared", "-fPIC"]  # fmt: skip

mp.prec = 200


def library_of(real: str, folder: Path) -> ctypes.CDLL:
    """Compile the functions in one precision."""
    target = folder / f"{real}.so"
    source = ROOT / "scripts/measure_elementary.c"
    subprocess.run(["gcc", *FLAGS, f"-I{ROOT / 'include'}", f"-DREAL={real}", "-o", target, source, "-lm"], check=True)
    library = ctypes.CDLL(os.fspath(target))
    library.worst_of.restype = ctypes.c_double
    return library


def run(library: ctypes.CDLL, name: str, *arguments: np.ndarray) -> np.ndarray:
    """Return f of arrays."""
    values = np.zeros_like(arguments[0])
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*arguments, values)]
    getattr(library, f"loop_{name}")(ctypes.c_long(len(values)), *pointers)
    return values


def error_of(got: float, exact: mpf) -> float:
    """Return the error in ulp of a double."""
    if exact == 0:
        return 0.0 if got == 0 else np.inf
    exponent = max(int(mp.floor(mp.log(abs(exact), 2))), -1022)
    return float(abs(mpf(got) - exact) / mpf(2) ** (exponent - 52))


def signed(random: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """Return the sizes with random signs."""
    return sizes * random.choice([-1, 1], len(sizes))


def domain(name: str, n: int, random: np.random.Generator) -> np.ndarray:
    """Return numbers of every size at which the function is finite."""
    if name == "log":
        return np.concatenate([np.exp2(random.uniform(-1074, 1023, n)), random.uniform(0.5, 2, n)])
    if name in ("asin", "acos"):
        return np.concatenate([random.uniform(-1, 1, n), signed(random, 1 - np.exp2(-random.uniform(0, 53, n)))])
    x = np.concatenate([signed(random, np.exp2(random.uniform(-30, 9.4, n))), random.uniform(-2, 2, n)])
    if name == "log1p":
        x = np.concatenate([x, -np.exp2(-random.uniform(0, 60, n)), np.exp2(random.uniform(0, 1023, n))])
        return x[x > -1]
    if name in ("sin", "cos", "tan"):
        return np.concatenate([x, np.exp2(random.uniform(0, 1023, n)), np.round(random.uniform(0, 1e5, n)) * (np.pi / 2)])
    return np.concatenate([x, random.uniform(-700, 700, n)])


def worst_in_double(library: ctypes.CDLL, name: str, n: int) -> float:
    """Return the largest error among random numbers."""
    random = np.random.default_rng(1)
    if name == "pow":
        x = np.concatenate([np.exp2(random.uniform(-1000, 1000, n)), random.uniform(0.5, 2, n)])
        y = random.uniform(-700, 700, 2 * n) / np.log(x)
        got = run(library, name, x, y)
        pairs = zip(got.tolist(), x.tolist(), y.tolist(), strict=True)
        return max(error_of(g, mp.power(mpf(a), mpf(b))) for g, a, b in pairs if np.isfinite(g))
    x = domain(name, n, random)
    got = run(library, name, x).tolist()
    with mp.workprec(1200 if name in ("sin", "cos", "tan") else 200):
        return max(error_of(g, getattr(mp, name)(mpf(a))) for g, a in zip(got, x.tolist(), strict=True))


def nanoseconds(library: ctypes.CDLL, name: str, kind: type) -> float:
    """Return the time a value takes, the least of many calls."""
    x = np.random.default_rng(1).uniform(-1, 1, 1 << 15).astype(kind)
    arguments = (np.abs(x), x) if name == "pow" else (x,)
    times = []
    for _ in range(100):
        start = time.perf_counter()
        run(library, name, *arguments)
        times.append(time.perf_counter() - start)
    return min(times) / len(x) * 1e9


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--functions", default=",".join([*FUNCTIONS, "pow"]))
    a = parser.parse_args()
    print("| function | ulp in float | at | ulp in double | ns in float | ns in double |\n|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        single, double = (library_of(real, Path(folder)) for real in ("float", "double"))
        for name in a.functions.split(","):
            at = ctypes.c_float()
            in_float = ["", ""]
            if name != "pow":
                worst = single.worst_of(name.encode(), 1 if a.every else 257, ctypes.byref(at))
                in_float = [f"{worst:.3f}", f"{at.value:.9g}"]
            cells = [name, *in_float, f"{worst_in_double(double, name, a.points):.3f}"]
            cells += [f"{nanoseconds(*of):.2f}" for of in ((single, name, np.float32), (double, name, np.float64))]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
