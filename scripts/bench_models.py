#!/usr/bin/env python3
"""Measure sweeps and regularization paths against scikit-learn's searches, and print a table in Markdown.

usage: bench_models.py [--rows N] [--cols D] [--repeat R]

Times are the least of R runs, the searches' turns alternating with cuSGD's; processor time is that of all threads. Needs
scikit-learn; CUSGD_LIBRARY says which library is measured.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import cusgd
import joblib
import numpy as np
import sklearn
from cusgd.linear_model import SGDRegressorCV
from sklearn.linear_model import LassoCV, SGDRegressor
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit

THREADS = 2
ALPHAS = np.logspace(-6, -1, 16)


def problem(rows: int, cols: int) -> tuple[Any, Any]:
    """Correlated columns, of which 20 have a part in the target."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, cols))
    X = X @ np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(np.arange(cols), np.arange(cols)))).T
    theta = np.zeros(cols)
    theta[:20] = rng.standard_normal(20)
    return X, X @ theta + 3 * rng.standard_normal(rows)


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a call returns, and its wall and processor seconds."""
    processor, wall = time.process_time(), time.perf_counter()
    found = call()
    return found, time.perf_counter() - wall, time.process_time() - processor


def compare(name: str, ours: Callable[[], Any], theirs: Callable[[], Any], repeat: int, say: Callable[[Any, Any], str]) -> None:
    """Print a line of the table."""
    times = []
    for _ in range(repeat):
        left, *seconds = timed(ours)
        right, *other = timed(theirs)
        times.append((*seconds, *other))
    wall, processor, their_wall, their_processor = np.min(times, axis=0)
    print(
        f"| {name} | {wall:.2f} | {processor:.2f} | {their_wall:.1f} | {their_processor:.1f} | {their_wall / wall:.0f} | "
        f"{their_processor / processor:.0f} | {say(left, right)} |",
        flush=True,
    )


def epoch(X: Any, y: Any, models: int, sampling: str) -> float:
    """Return the processor seconds of an epoch of nesterov's steps of 256 rows, on one thread: of a sweep, or with 0 of a fit."""
    options = {"optimizer": "nesterov", "rate": 1e-4, "batch": 256, "sampling": sampling, "threads": 1, "evaluate_every": 10**6}
    judge = (X[:500], y[:500])

    def run(epochs: int) -> float:
        if models == 0:
            return timed(lambda: cusgd.fit(X, y, epochs=epochs, **options))[2]
        grid = {"l2": np.logspace(-6, -1, models)}
        return timed(lambda: cusgd.sweep(X, y, grid, valid=judge, epochs=epochs, **options))[2]

    few, many = (5, 45) if models == 0 else (1, 6)
    return min((run(many) - run(few)) / (many - few) for _ in range(3))


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--cols", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=2)
    a = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = problem(a.rows, a.cols)
    columns, folds = np.asfortranarray(X), np.arange(a.rows) % 5
    print(f"{a.rows} x {a.cols} in double, {THREADS} threads, scikit-learn {sklearn.__version__}, cusgd {cusgd.__version__}\n")
    print("| | s | processor s | scikit-learn, s | processor s | ratio | of processor s | |\n|---|" + "---:|" * 6 + "---|")
    with joblib.parallel_backend("threading"):
        compare(
            "16 alphas x 5 folds: `SGDRegressorCV(max_iter=4, tol=0)` in float, `GridSearchCV(SGDRegressor())`",
            lambda: SGDRegressorCV(param_grid={"alpha": ALPHAS}, cv=KFold(5), n_jobs=THREADS, max_iter=4, tol=0).fit(
                X.astype(np.float32), y.astype(np.float32)
            ),
            lambda: GridSearchCV(
                SGDRegressor(), {"alpha": ALPHAS}, cv=KFold(5), n_jobs=THREADS, scoring="neg_mean_squared_error"
            ).fit(X, y),
            a.repeat,
            lambda ours, theirs: f"mean squared error {-ours.best_score_:.5f}, {-theirs.best_score_:.5f}",
        )
        compare(
            "100 penalties x 5 folds: `cusgd.path`, `LassoCV()`",
            lambda: cusgd.path(X, y, folds=folds, ratio=1e-3, standardize=False, threads=THREADS),
            lambda: LassoCV(cv=PredefinedSplit(folds), alphas=100, n_jobs=THREADS).fit(columns, y),
            a.repeat,
            lambda ours, theirs: f"coefficients within {np.abs(ours.coef_ - theirs.coef_).max():.1e}",
        )
    print("\n| float, one thread | an epoch of one model, ms | of 16, times that | of 64 |\n|---|---:|---:|---:|")
    for rows, cols, sampling in ((60_000, 256, "none"), (400_000, 32, "permute")):
        X, y = (values.astype(np.float32) for values in problem(rows, cols))
        one = epoch(X, y, 0, sampling)
        ratios = [epoch(X, y, models, sampling) / one for models in (16, 64)]
        print(f"| {rows} x {cols}, sampling {sampling} | {one * 1e3:.1f} | {ratios[0]:.1f} | {ratios[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
