#!/usr/bin/env python3
"""Measure whether ``solver="best"`` chooses well: processor seconds of sgd, auto and best over a grid of shapes.

usage: compare_solvers.py [--quick] [--loss LOSS]...

Each problem has rows, columns, outputs and a correlation between columns. A run counts where its objective is within 1e-3 of the
lowest of the three, relatively. A line has the seconds of each, what best became, and its seconds relative to the faster other.
Needs NumPy and the package; CUSGD_LIBRARY names the library.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import cusgd
import numpy as np

NEAR = 1e-3
LIMIT = 1.5
SHORT = 0.005  # seconds, below which what is measured is the calls
TURNS = 3
SHAPES = {
    "squared": [
        (1000, 10, 1), (20000, 20, 1), (20000, 300, 1), (2000, 1000, 1), (8000, 1500, 1), (100000, 50, 1), (300000, 20, 1),
        (100000, 300, 1), (100, 5000, 1), (20000, 50, 10),
    ],
    "logistic": [
        (1000, 10, 1), (20000, 20, 1), (20000, 150, 1), (5000, 300, 1), (1000, 500, 1), (100000, 50, 1), (300000, 10, 1),
        (5000, 50, 5),
    ],
    "poisson": [(1000, 10, 1), (20000, 20, 1), (20000, 100, 1), (100000, 10, 1)],
    "softmax": [(1000, 10, 3), (20000, 20, 5), (5000, 100, 4)],
}  # fmt: skip
CORRELATIONS = (0.0, 0.8, 0.99)


def problem(loss: str, n: int, d: int, k: int, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Return columns that share factors, ten columns a factor, and targets of a linear model with noise."""
    random = np.random.default_rng(n + d + k)
    factors = random.standard_normal((n, max(1, d // 10)), dtype="f")
    X = np.sqrt(np.float32(1 - correlation)) * random.standard_normal((n, d), dtype="f")
    X += np.sqrt(np.float32(correlation)) * factors[:, np.arange(d) % factors.shape[1]]
    z = X @ (random.standard_normal((d, k)) / np.sqrt(d)).astype("f")
    if loss == "squared":
        y = z + random.standard_normal((n, k))
    elif loss == "logistic":
        y = random.random((n, k)) < 1 / (1 + np.exp(-2 * z))
    elif loss == "poisson":
        y = random.poisson(np.exp(np.clip(z / 2, -3, 3)))
    else:
        y = np.argmax(z + random.gumbel(size=z.shape), axis=1)[:, None]
    return X, np.ascontiguousarray(y.squeeze(), dtype="f")


def train(X: np.ndarray, y: np.ndarray, **options: object) -> tuple[float, float, str]:
    """Return processor seconds, the objective and the solver."""
    begun = time.process_time()
    trainer = cusgd.Trainer(X, y, threads=1, device="cpu", **options)
    result = trainer.fit()
    return time.process_time() - begun, result.objective, str(trainer.options["solver"])


def compare(loss: str, shape: tuple[int, int, int], correlation: float) -> float:
    """Print one problem's line, and return the seconds of best relative to the faster of the others; 0 where all are short."""
    X, y = problem(loss, *shape, correlation)
    options = {"loss": "logistic" if loss == "softmax" else loss, "l2": 0.0 if loss == "squared" else 1e-4}
    runs = {}
    for solver in ("sgd", "auto", "best"):
        turns = [train(X, y, solver=solver, **options)]
        while len(turns) < TURNS and turns[0][0] < 1:
            turns.append(train(X, y, solver=solver, **options))
        runs[solver] = min(turns)
    lowest = min(objective for _, objective, _ in runs.values())
    counts = {name: run[1] <= lowest + NEAR * abs(lowest) for name, run in runs.items()}
    fastest = min(runs[name][0] for name in ("sgd", "auto") if counts[name])
    ratio = runs["best"][0] / fastest if counts["best"] else np.inf
    cells = [f"{name} {run[0]:.3g} s{'' if counts[name] else ' (far)'}" for name, run in runs.items()]
    n, d, k = shape
    print(f"{loss:9}{n:>7} x {d:<5}{k:>3}  {correlation:<5}{', '.join(cells)}; {runs['best'][2]}, {ratio:.2f}", flush=True)
    return 0 if runs["best"][0] < SHORT else ratio


def main() -> None:
    """Measure all problems."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out what has more than two million values")
    parser.add_argument("--loss", action="append", choices=SHAPES)
    given = parser.parse_args()
    warnings.simplefilter("ignore", cusgd.ConvergenceWarning)
    ratios = [
        compare(loss, shape, correlation)
        for loss in given.loss or SHAPES
        for shape in SHAPES[loss]
        for correlation in CORRELATIONS
        if not given.quick or shape[0] * shape[1] <= 2_000_000
    ]
    within = sum(ratio <= LIMIT for ratio in ratios)
    print(f"{within} of {len(ratios)} within {LIMIT} of the faster; the largest ratio is {max(ratios):.2f}")


if __name__ == "__main__":
    main()
