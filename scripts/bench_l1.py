#!/usr/bin/env python3
"""Time logistic regression with an l1 penalty on sparse rows compared with LIBLINEAR, and lasso paths; print tables in Markdown.

usage: bench_l1.py [REPEATS]     5 unless given; of 20,000 rows at most 2

The data is that of bench_sparse.py: tf-idf weights, 3,000 x 8,000 and 20,000 x 50,000, without an intercept. The solver
coordinate takes turns with LIBLINEAR, which is scikit-learn's, at two tolerances. Times are the least of the repeats, in seconds
of processor time of one thread, from a matrix in memory; behind them is how far the objective is above the least one that was
found, relative to it. Needs the Python package, NumPy, SciPy and scikit-learn; CUSGD_LIBRARY says which library is measured.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import cusgd
import numpy as np
from bench_sparse import generate
from sklearn.linear_model import LogisticRegression, lasso_path


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor time of a call, and what it returned."""
    before = time.process_time()
    found = call()
    return time.process_time() - before, found


def in_turns(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, tuple[float, Any]]:
    """Return the least time of each call, and what it returned last."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    found: dict[str, Any] = {}
    for _ in range(repeats):
        for name, call in calls.items():
            seconds, found[name] = timed(call)
            times[name].append(seconds)
    return {name: (min(of), found[name]) for name, of in times.items()}


def logistic(X: Any, y: Any, repeats: int) -> None:
    """Print a line of the table for each C."""
    n = X.shape[0]
    for C in (0.1, 1.0, 10.0, 100.0):

        def ours(precision: str, l1: float = 1 / (n * C)) -> Any:
            options = {"loss": "logistic", "solver": "coordinate", "intercept": False, "standardize": False, "threads": 1}
            return np.ravel(cusgd.fit(X, y, l1=l1, precision=precision, **options).weight)

        def theirs(tolerance: float, C: float = C) -> Any:
            options = {"solver": "liblinear", "penalty": "l1", "fit_intercept": False, "max_iter": 10000, "random_state": 0}
            return LogisticRegression(C=C, tol=tolerance, **options).fit(X, y).coef_[0]

        def objective(w: Any, C: float = C) -> float:
            return float(np.logaddexp(0, -y * (X @ w)).sum() + np.abs(w).sum() / C)

        found = in_turns(
            {
                "double": lambda: ours("double"),
                "float": lambda: ours("float"),
                "1e-4": lambda: theirs(1e-4),
                "1e-6": lambda: theirs(1e-6),
            },
            repeats,
        )
        reached = {name: objective(w) for name, (_, w) in found.items()}
        least = min(reached.values())
        cells = [f"{seconds:.3g} ({(reached[name] - least) / least:.0e})" for name, (seconds, _) in found.items()]
        print(f"| {n:,} x {X.shape[1]:,} | {C:g} | {' | '.join(cells)} |", flush=True)


def paths(X: Any, y: Any, repeats: int) -> None:
    """Print the times of 100 penalties of the lasso."""
    by_columns = X.tocsc()
    options = {"ratio": 1e-3, "count": 100, "folds": 0, "intercept": False}
    alphas = cusgd.path(X, y, **options).alphas_
    found = in_turns(
        {
            "cusgd.path": lambda: cusgd.path(X, y, **options).coef_path_,
            "lasso_path, tolerance 1e-4": lambda: lasso_path(by_columns, y, alphas=alphas)[1],
            "lasso_path, tolerance 1e-8": lambda: lasso_path(by_columns, y, alphas=alphas, tol=1e-8, max_iter=100000)[1],
        },
        repeats,
    )

    def objectives(coefficients: Any) -> Any:
        return ((X @ coefficients - y[:, None]) ** 2).mean(axis=0) / 2 + alphas * np.abs(coefficients).sum(axis=0)

    # Compared by objective: with more columns than rows the coefficients of the least penalties need not be unique.
    reached = {name: objectives(coefficients) for name, (_, coefficients) in found.items()}
    least = np.min(list(reached.values()), axis=0)
    for name, (seconds, _) in found.items():
        print(f"{name}: {seconds:.3g} s, objectives above the least by {((reached[name] - least) / least).max():.0e}", flush=True)


def main() -> None:
    """Measure and print."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    warnings.simplefilter("ignore")
    print("| rows x columns | C | coordinate, double | coordinate, float | LIBLINEAR 1e-4 | LIBLINEAR 1e-6 |")
    print("|---|---:|---:|---:|---:|---:|")
    small = generate(3000, 8000)
    logistic(*small, repeats)
    logistic(*generate(20000, 50000), min(repeats, 2))
    print()
    paths(*small, repeats)


if __name__ == "__main__":
    main()
