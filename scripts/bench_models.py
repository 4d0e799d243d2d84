#!/usr/bin/env python3
"""Measure sweeps and regularization paths against scikit-learn's searches and skglm, and print tables in Markdown.

usage: bench_models.py [--rows N] [--cols D] [--repeat R]

Times are the least of R runs, the searches' turns alternating with cuSGD's; processor time is that of all threads. Needs
scikit-learn, and skglm for the paths of logistic regression, which are left out without it; CUSGD_LIBRARY says which library is
measured.
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


def epochs_of(X: Any, y: Any, sampling: str, repeat: int) -> list[float]:
    """Return the processor seconds of an epoch of nesterov's steps of 256 rows, on one thread: of a fit, and of 16 and 64 models.

    They are differences between runs of 20 and of 40 epochs, each the least of several in turn.
    """
    options = {"optimizer": "nesterov", "rate": 1e-4, "batch": 256, "sampling": sampling, "threads": 1, "evaluate_every": 10**6}
    judge, few, many, models = (X[:500], y[:500]), 20, 40, (0, 16, 64)

    def run(count: int, epochs: int) -> float:
        if count == 0:
            return timed(lambda: cusgd.fit(X, y, epochs=epochs, **options))[2]
        grid = {"l2": np.logspace(-6, -1, count)}
        return timed(lambda: cusgd.sweep(X, y, grid, valid=judge, epochs=epochs, **options))[2]

    runs = [[[run(count, epochs) for epochs in (few, many)] for count in models] for _ in range(max(repeat, 3))]
    least = np.min(runs, axis=0)
    return [float(seconds) for seconds in (least[:, 1] - least[:, 0]) / (many - few)]


def logistic_paths() -> None:
    """Print what 20 l1 penalties of logistic regression take, and how far skglm's objectives are above cuSGD's at most."""
    try:
        from skglm import GeneralizedLinearEstimator
        from skglm.datafits import Logistic
        from skglm.penalties import L1
        from skglm.solvers import ProxNewton
    except ImportError:
        return
    print("\n| logistic, l1, one thread | processor s | skglm, tol 1e-4, processor s | its objectives are above by |")
    print("|---|---:|---:|---:|")
    for rows, cols, ratio in ((2000, 1000, 0.03), (20_000, 200, 0.01)):
        X, score = problem(rows, cols)
        y = np.where(score > 0, 1.0, -1.0)
        Z = np.asfortranarray((X - X.mean(0)) / X.std(0))
        share = (y > 0).mean()
        alphas = np.abs(Z.T @ ((y > 0) - share)).max() / rows * np.logspace(0, np.log10(ratio), 20)

        def theirs(Z: Any = Z, y: Any = y, alphas: Any = alphas) -> list[tuple[Any, float]]:
            found: list[tuple[Any, float]] = []
            for alpha in alphas:
                solver = ProxNewton(fit_intercept=True, tol=1e-4, warm_start=True)
                model = GeneralizedLinearEstimator(Logistic(), L1(alpha), solver)
                if found:
                    model.coef_, model.intercept_ = found[-1][0][None, :], np.atleast_1d(found[-1][1])
                model.fit(Z, y)
                found.append((np.ravel(model.coef_).copy(), float(np.ravel(model.intercept_)[0])))
            return found

        def objective(w: Any, b: float, alpha: float, Z: Any = Z, y: Any = y) -> float:
            return float(np.logaddexp(0, -y * (Z @ w + b)).mean() + alpha * np.abs(w).sum())

        options = {"loss": "logistic", "alphas": alphas, "folds": 0, "standardize": False, "tolerance": 1e-8, "threads": 1}
        ours, _, seconds = timed(lambda Z=Z, y=y, options=options: cusgd.path(Z, y > 0, **options))
        theirs()  # compiles
        path, _, their_seconds = timed(theirs)
        above = max(
            objective(w, b, alpha) - objective(ours.coef_path_[:, i], ours.intercept_path_[i], alpha)
            for i, ((w, b), alpha) in enumerate(zip(path, alphas, strict=True))
        )
        print(f"| {rows} x {cols} | {seconds:.2f} | {their_seconds:.2f} | {above:.1e} |", flush=True)


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
    for rows, cols in ((60_000, 256), (400_000, 32)):
        X, y = (values.astype(np.float32) for values in problem(rows, cols))
        for sampling in ("none", "batches", "permute"):
            one, few, many = epochs_of(X, y, sampling, a.repeat)
            print(f"| {rows} x {cols}, sampling {sampling} | {one * 1e3:.1f} | {few / one:.1f} | {many / one:.1f} |", flush=True)
    logistic_paths()


if __name__ == "__main__":
    main()
