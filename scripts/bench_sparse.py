#!/usr/bin/env python3
"""Time sparse logistic regression compared with scikit-learn's SGDClassifier, and the reading of LIBSVM text.

usage: bench_sparse.py CUSGD [ROWS [COLUMNS]]     CUSGD: the command; 200000 rows and 50000 columns unless given

The data is synthetic: 61 values per row, tf-idf weights of columns whose frequencies follow Zipf's law. The penalty is l2 1e-5.
Speeds are rows per second of processor time, which other processes of the machine disturb less than the time of day: that of
SGDClassifier's epochs, and the difference between runs of 11 epochs and of one. With two threads both times are shown. Needs
NumPy, SciPy and scikit-learn.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse
from sklearn.datasets import dump_svmlight_file, load_svmlight_file
from sklearn.linear_model import SGDClassifier

L2 = 1e-5
DRAWN = 75  # columns per row, of which some are drawn twice
EPOCHS = 10


def generate(rows: int, cols: int) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
    """Return a matrix of tf-idf weights, its rows of norm 1, and classes of -1 and 1."""
    random = np.random.default_rng(1)
    share = np.cumsum(1 / np.arange(1, cols + 1))
    column = np.searchsorted(share / share[-1], random.random(rows * DRAWN)).clip(0, cols - 1)
    row = np.repeat(np.arange(rows), DRAWN)
    X = scipy.sparse.csr_matrix((np.ones(rows * DRAWN), (row, column)), shape=(rows, cols))
    idf = np.log((1 + rows) / (1 + np.bincount(X.indices, minlength=cols))) + 1
    X.data = (1 + np.log(X.data)) * idf[X.indices]
    norm = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X.data = np.round(X.data / np.repeat(norm, np.diff(X.indptr)), 5)
    truth = np.zeros(cols)
    used = min(5000, cols)
    truth[random.choice(used, used // 5, replace=False)] = 6 * random.standard_normal(used // 5)
    return X, np.where(random.random(rows) < 1 / (1 + np.exp(-(X @ truth))), 1, -1)


def objective(X: scipy.sparse.csr_matrix, y: np.ndarray, weight: np.ndarray, bias: float) -> float:
    """Return the mean logistic loss and the penalty."""
    return float(np.mean(np.logaddexp(0, -y * (X @ weight + bias))) + L2 / 2 * weight @ weight)


def peer(X: scipy.sparse.csr_matrix, y: np.ndarray) -> None:
    """Time SGDClassifier, which uses one thread, by its epochs."""
    model = SGDClassifier(loss="log_loss", alpha=L2, random_state=1)
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        model.partial_fit(X, y, classes=[-1, 1])
        seconds.append(time.process_time() - begun)
    found = objective(X, y, model.coef_[0], model.intercept_[0])
    print(f"SGDClassifier           {X.shape[0] / min(seconds):10.0f} rows/s, objective after 5 epochs {found:.6f}")


def run(arguments: list[str]) -> tuple[float, float]:
    """Return the processor time and the time of day that a command took."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.perf_counter()
    subprocess.run(arguments, capture_output=True, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, time.perf_counter() - begun


def ours(command: str, path: Path, rows: int, batch: int, threads: int) -> None:
    """Time the command's epochs."""
    arguments = [command, "train", str(path), "--loss", "logistic", "--l2", str(L2), "--optimizer", "adagrad", "--rate", "0.2"]
    arguments += ["--batch", str(batch), "--threads", str(threads), "--device", "cpu"]
    arguments += ["--model", str(path.with_suffix(".safetensors")), "--epochs"]
    one, many = run([*arguments, "1"]), run([*arguments, str(1 + EPOCHS)])
    speeds = [EPOCHS * rows / max(after - before, 1e-9) for before, after in zip(one, many, strict=True)]
    print(f"cusgd {threads} thread(s), {batch:4} {speeds[0]:10.0f} rows/s, {speeds[1]:.0f} by the time of day")


def main() -> None:
    """Generate the data, and time everything."""
    command = sys.argv[1]
    rows, cols = (int(sys.argv[2]) if len(sys.argv) > 2 else 200000), (int(sys.argv[3]) if len(sys.argv) > 3 else 50000)
    X, y = generate(rows, cols)
    print(f"{rows} x {cols}, {X.nnz / rows:.1f} values per row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.svm"
        dump_svmlight_file(X, y, str(path), zero_based=False)
        size = path.stat().st_size / 1e6
        begun = time.process_time()
        load_svmlight_file(str(path), n_features=cols)
        print(f"load_svmlight_file      {size / (time.process_time() - begun):10.0f} MB/s")
        print(f"cusgd info              {size / run([command, 'info', str(path)])[0]:10.0f} MB/s")
        peer(X, y)
        for batch in (256, 4096):
            for threads in (1, 2):
                ours(command, path, rows, batch, threads)


if __name__ == "__main__":
    main()
