#!/usr/bin/env python3
"""Measure a pass over rows with many targets compared with the two matrix products that it consists of.

usage: outputs.py [--rows N] [--cols D] [--threads T] [--seconds S]

Needs the Python package cusgd, threadpoolctl and NumPy, whose products are those of its BLAS (OpenBLAS in most builds).
For k = 1, 16 and 1024 targets it prints a line of a table in Markdown: million rows per second of an epoch by minibatches of
1024 rows, of an iteration of gradient descent over all rows, and of the two products x theta and (x theta - y)' x over the
same batches. All in float, by as many threads; the best of repeats, since other programs only make a run slower.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import cusgd
import numpy as np
from threadpoolctl import threadpool_limits

BATCH = 1024


def seconds_of(function: Callable[[], object], least: float) -> float:
    """Return the shortest time of calls that take so many seconds in total, three at least."""
    times: list[float] = []
    function()
    while len(times) < 3 or sum(times) < least:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def products(X: np.ndarray, Y: np.ndarray, theta: np.ndarray) -> None:
    """Compute the predictions and the gradient of each batch."""
    for first in range(0, len(X), BATCH):
        x, y = X[first : first + BATCH], Y[first : first + BATCH]
        (x @ theta - y).T @ x


def epoch_of(X: np.ndarray, Y: np.ndarray, solver: str, threads: int, least: float) -> float:
    """Return the time of an epoch, or of an iteration, as a run reports it."""
    options = {"optimizer": "sgd", "rate": 1e-3, "batch": BATCH, "sampling": "none"} if solver == "sgd" else {}
    trainer = cusgd.Trainer(X, Y, solver=solver, precision="float", threads=threads, epochs=4, tolerance=0, **options)
    rates: list[float] = []
    start = time.perf_counter()
    while len(rates) < 3 or time.perf_counter() - start < least:
        rates.append(trainer.fit().rows_per_second)
    return len(X) / max(rates)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--cols", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    a = parser.parse_args()
    random = np.random.default_rng(0)
    X = random.standard_normal((a.rows, a.cols), dtype=np.float32)
    print(f"{a.rows:,} x {a.cols}, float\n\n| targets | epoch of sgd | iteration of gd | two products |\n|---:|---:|---:|---:|")
    for k in (1, 16, 1024):
        Y = random.standard_normal((a.rows, k), dtype=np.float32)
        theta = random.standard_normal((a.cols, k), dtype=np.float32)
        times = [epoch_of(X, Y, "sgd", a.threads, a.seconds), epoch_of(X, Y, "gd", a.threads, a.seconds)]
        with threadpool_limits(a.threads):
            times.append(seconds_of(partial(products, X, Y, theta), a.seconds))
        print(f"| {k} | " + " | ".join(f"{a.rows / t / 1e6:.3g}" for t in times) + " |", flush=True)


if __name__ == "__main__":
    main()
