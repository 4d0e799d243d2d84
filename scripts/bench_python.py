#!/usr/bin/env python3
"""Compare the Python estimators with those of scikit-learn, in time and objective.

usage: bench_python.py [--rows N] [--threads T] [--repeats R]

Prints a table in Markdown: wall time and processor time, each the least of R runs. Data: N x 20 float32, y linear in X with noise. The
searches have 20 values of alpha and 3 folds, on N / 50 rows of 50 columns and on N / 5 of 20.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import sklearn.linear_model as reference
from cusgd.linear_model import SGDRegressor, SGDRegressorCV
from sklearn.model_selection import GridSearchCV


def timed(function, repeats):
    """Return the least wall time and the least processor time of some calls, in seconds."""
    walls, processor = [], []
    for _ in range(repeats):
        wall, used = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - used)
    return min(walls), min(processor)


def made(rows, columns):
    """Return rows and targets in float32."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, columns), dtype=np.float32)
    y = X @ rng.standard_normal(columns, dtype=np.float32) + rng.standard_normal(rows, dtype=np.float32)
    return X, y


def objective(model, X, y):
    """Return the mean squared error / 2 with the penalty of alpha = 1e-4."""
    return float(np.mean((y - model.predict(X)) ** 2) / 2 + 1e-4 / 2 * np.sum(np.square(model.coef_)))


def fits(rows, threads, repeats):
    """Print a row per estimator: fit."""
    X, y = made(rows, 20)
    for name, model, count in (
        ("scikit-learn `SGDRegressor().fit`", reference.SGDRegressor(), 1),
        ("`SGDRegressor().fit`", SGDRegressor(n_jobs=threads), repeats),
        ('`SGDRegressor(solver="auto").fit`', SGDRegressor(solver="auto", n_jobs=threads), repeats),
    ):
        wall, used = timed(lambda model=model: model.fit(X, y), count)
        print(f"| {name}, {rows} x 20 | {wall:.3f} s | {used:.3f} s | {objective(model, X, y):.7f} |", flush=True)


def searches(rows, columns, threads):
    """Print a row per way to choose alpha."""
    X, y = made(rows, columns)
    grid = {"alpha": np.logspace(-6, 0, 20)}
    for name, model in (
        ("scikit-learn `GridSearchCV(SGDRegressor())`", GridSearchCV(reference.SGDRegressor(), grid, cv=3)),
        ("`GridSearchCV(SGDRegressor())`", GridSearchCV(SGDRegressor(n_jobs=threads), grid, cv=3)),
        ('`GridSearchCV(SGDRegressor(solver="auto"))`', GridSearchCV(SGDRegressor(solver="auto", n_jobs=threads), grid, cv=3)),
        ("`SGDRegressorCV`", SGDRegressorCV(param_grid=grid, cv=3, n_jobs=threads)),
    ):
        wall, used = timed(lambda model=model: model.fit(X, y), 1)
        print(f"| {name}, 20 x 3, {rows} x {columns} | {wall:.3f} s | {used:.3f} s | |", flush=True)


def calls(repeats):
    """Print a row per short call."""
    X, y = made(100_000, 20)
    for name, kind in (("scikit-learn ", reference.SGDRegressor), ("", SGDRegressor)):
        model = kind(learning_rate="constant", eta0=1e-3, max_iter=5, tol=None).fit(X, y)
        for what, function in (("predict` of a row", lambda model=model: model.predict(X[:1])),):
            wall, used = timed(lambda function=function: [function() for _ in range(1000)], repeats)
            print(f"| {name}`{what} | {1e3 * wall:.0f} us | {1e3 * used:.0f} us | |", flush=True)
        for learning_rate in ("constant", "invscaling") if name else ("constant", "invscaling", "auto"):
            model = kind(learning_rate=learning_rate, eta0=1e-3, shuffle=False)
            model.partial_fit(X[:1000], y[:1000])

            def some(model=model):
                for i in range(0, 30_000, 100):
                    model.partial_fit(X[i : i + 100], y[i : i + 100])

            wall, used = timed(some, repeats)
            what = f"partial_fit` of 100 rows, {learning_rate}"
            print(f"| {name}`{what} | {1e6 * wall / 300:.0f} us | {1e6 * used / 300:.0f} us | |", flush=True)


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| | wall | processor | objective |\n|---|---:|---:|---:|")
    fits(given.rows, given.threads, given.repeats)
    searches(given.rows // 50, 50, given.threads)
    searches(given.rows // 5, 20, given.threads)
    calls(given.repeats)


if __name__ == "__main__":
    main()
