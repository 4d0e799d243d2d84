#!/usr/bin/env python3
"""Time sparse logistic regression beside scikit-learn's SGDClassifier, and the reading of LIBSVM text.

usage: bench_sparse.py CUSGD [ROWS [COLUMNS]]     CUSGD: the command; 200000 rows and 50000 columns unless given

The data are generated: about 61 values a row, whose columns are frequent and rare as words are. The penalty is l2 1e-5. Rows per
second are the best of five epochs, with one thread and with two. Needs NumPy, SciPy and scikit-learn.
"""

from __future__ import annotations

import re
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
DRAWN = 64


def generate(rows: int, cols: int) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
    """Return a matrix and classes of -1 and 1."""
    random = np.random.default_rng(1)
    column = (cols * random.random((rows, DRAWN)) ** 3).astype(np.int64)
    value = np.round(random.random((rows, DRAWN)), 3) + 0.001
    start = np.arange(rows + 1) * DRAWN
    X = scipy.sparse.csr_matrix((value.ravel(), column.ravel(), start), shape=(rows, cols))
    X.sum_duplicates()
    X.data = np.round(X.data, 3)
    margin = X @ random.normal(size=cols) / 2 + random.logistic(size=rows)
    return X, np.where(margin > 0, 1, -1)


def objective(X: scipy.sparse.csr_matrix, y: np.ndarray, weight: np.ndarray, bias: float) -> float:
    """Return the mean logistic loss and the penalty."""
    return float(np.mean(np.logaddexp(0, -y * (X @ weight + bias))) + L2 / 2 * weight @ weight)


def peer(X: scipy.sparse.csr_matrix, y: np.ndarray) -> None:
    """Time SGDClassifier, one thread, by its epochs."""
    model = SGDClassifier(loss="log_loss", alpha=L2, random_state=1)
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        model.partial_fit(X, y, classes=[-1, 1])
        seconds.append(time.perf_counter() - begun)
    found = objective(X, y, model.coef_[0], model.intercept_[0])
    print(f"SGDClassifier       {X.shape[0] / min(seconds):12.0f} rows/s, objective after 5 epochs {found:.6f}")


def ours(command: str, path: Path, threads: int) -> None:
    """Time the command's steps, as it prints them."""
    arguments = [command, "train", str(path), "--loss", "logistic", "--l2", str(L2), "--epochs", "5"]
    arguments += ["--optimizer", "adagrad", "--rate", "0.2", "--batch", "256", "--threads", str(threads), "--device", "cpu"]
    best = 0.0
    for _ in range(3):
        model = path.with_suffix(".safetensors")
        done = subprocess.run([*arguments, "--model", str(model)], capture_output=True, text=True, check=True)
        best = max([best] + [float(rate) for rate in re.findall(r"\(?([0-9.e+]+) rows/s", done.stderr)])
    print(f"cusgd, {threads} thread(s)  {best:12.0f} rows/s")


def main() -> None:
    """Generate the data, and time everything."""
    command = sys.argv[1]
    rows, cols = (int(sys.argv[2]) if len(sys.argv) > 2 else 200000), (int(sys.argv[3]) if len(sys.argv) > 3 else 50000)
    X, y = generate(rows, cols)
    print(f"{rows} x {cols}, {X.nnz / rows:.1f} values a row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.svm"
        dump_svmlight_file(X, y, str(path), zero_based=False)
        size = path.stat().st_size / 1e6
        begun = time.perf_counter()
        load_svmlight_file(str(path), n_features=cols)
        print(f"load_svmlight_file  {size / (time.perf_counter() - begun):12.0f} MB/s")
        begun = time.perf_counter()
        subprocess.run([command, "info", str(path)], capture_output=True, check=True)
        print(f"cusgd info          {size / (time.perf_counter() - begun):12.0f} MB/s")
        peer(X, y)
        ours(command, path, 1)
        ours(command, path, 2)


if __name__ == "__main__":
    main()
