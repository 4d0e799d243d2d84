#!/usr/bin/env python3
"""Time sparse logistic regression compared with scikit-learn's SGDClassifier and LIBLINEAR, and the reading of LIBSVM text.

usage: bench_sparse.py CUSGD [ROWS [COLUMNS]]     CUSGD: the command; 200000 rows and 50000 columns unless given

The data is synthetic: at most 75 values per row (61 of 50000 columns), tf-idf weights of columns whose frequencies follow
Zipf's law. The penalty is l2 1e-5. Measured are, in this order:

* the reading of LIBSVM text, in processor time and in wall time: cusgd info has as many threads as there are processors,
  load_svmlight_file one; the best of three runs of each, in turn;
* the peak memory of a run;
* the processor time from the file to a model whose objective is within a relative 1e-3 of the optimum, or what is reached in 20
  epochs, of the optimizer auto and of LIBLINEAR's -s 0 at its usual tolerance, both without an intercept;
* rows per second of SGDClassifier's epochs, and of cusgd's, from the difference between runs of 11 epochs and of one.
  Both are measured in turn, and the best of each counts, by processor time, which other processes of the machine disturb less,
  and by wall time.

5000 rows of 2000 columns take half a minute: enough to try the script, too little for figures. Needs NumPy, SciPy and
scikit-learn, and liblinear-train (Debian: liblinear-tools) for the comparison with LIBLINEAR.
"""

from __future__ import annotations

import json
import resource
import shutil
import struct
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


def objective(X: scipy.sparse.csr_matrix, y: np.ndarray, weight: np.ndarray) -> float:
    """Return the mean logistic loss and the penalty, without an intercept."""
    return float(np.mean(np.logaddexp(0, -y * (X @ weight))) + L2 / 2 * weight @ weight)


def peer(X: scipy.sparse.csr_matrix, y: np.ndarray) -> tuple[float, float]:
    """Return the processor time and the wall time of an epoch of SGDClassifier, which uses one thread."""
    model = SGDClassifier(loss="log_loss", alpha=L2, random_state=1)
    model.partial_fit(X, y, classes=[-1, 1])
    before, begun = time.process_time(), time.perf_counter()
    model.partial_fit(X, y)
    return time.process_time() - before, time.perf_counter() - begun


def run(arguments: list[str]) -> tuple[float, float]:
    """Return the processor time and the wall time of a command."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(arguments, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, time.perf_counter() - begun


def peak_memory(arguments: list[str]) -> int:
    """Return the most bytes that a command had in memory, but for its last hundredth of a second.

    What the system says of children that have ended counts this process's own memory, which they had before they began.
    """
    peak = 0
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, 1024 * int(line.split()[1]))
            time.sleep(0.01)
    return peak


def compare_reading(command: str, path: Path, cols: int) -> None:
    """Time the reading of text, both in turn."""
    size = path.stat().st_size / 1e6
    theirs, ours = [], []
    for _ in range(3):
        before, begun = time.process_time(), time.perf_counter()
        load_svmlight_file(str(path), n_features=cols)
        theirs.append((time.process_time() - before, time.perf_counter() - begun))
        ours.append(run([command, "info", str(path)]))
    for kind, mine, peers in zip(("processor", "wall"), fastest(ours), fastest(theirs), strict=True):
        rates = f"cusgd info {size / mine:.0f} MB/s, load_svmlight_file {size / peers:.0f}"
        print(f"{kind + ' time:':15} {rates}, ratio {peers / mine:.1f}")


def training(command: str, path: Path, *options: str) -> list[str]:
    """Return the words of a run."""
    words = [command, "train", str(path), "--loss", "logistic", "--l2", str(L2), "--device", "cpu"]
    return [*words, "--model", str(path.with_suffix(".safetensors")), *options]


def fastest(times: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the least processor time and the least wall time."""
    return min(t[0] for t in times), min(t[1] for t in times)


def compare_speeds(command: str, path: Path, X: scipy.sparse.csr_matrix, y: np.ndarray) -> None:
    """Time epochs, both in turn."""
    words = training(command, path, "--optimizer", "adagrad", "--rate", "0.2")
    for batch in (256, 4096):
        for threads in (1, 2):
            peers, one, many = [], [], []
            options = ["--batch", str(batch), "--threads", str(threads), "--epochs"]
            for _ in range(3):
                peers.append(peer(X, y))
                one.append(run([*words, *options, "1"]))
                many.append(run([*words, *options, str(1 + EPOCHS)]))
            taken = [after - before for before, after in zip(fastest(one), fastest(many), strict=True)]
            print(f"batch {batch}, {threads} thread(s), rows per second:")
            for kind, t, theirs in zip(("processor", "wall"), taken, fastest(peers), strict=True):
                ours, peers_rows = EPOCHS * X.shape[0] / max(t, 1e-3), X.shape[0] / theirs
                print(f"  {kind + ' time:':15} cusgd {ours:.0f}, SGDClassifier {peers_rows:.0f}, ratio {ours / peers_rows:.2f}")


def weights_of(path: Path, cols: int) -> np.ndarray:
    """Return the coefficients of a model."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    begin, end = json.loads(content[8 : 8 + length])["weight"]["data_offsets"]
    kind = np.float64 if end - begin == 8 * cols else np.float32
    return np.frombuffer(content[8 + length + begin : 8 + length + end], kind).astype(float)


def to_the_optimum(command: str, path: Path, X: scipy.sparse.csr_matrix, y: np.ndarray) -> None:
    """Time from the file to 1e-3 of the optimum."""
    model = path.with_suffix(".safetensors")
    print(f"peak memory {peak_memory(training(command, path, '--epochs', '1')) / X.nnz:.1f} bytes per stored value")
    exact = ["--no-intercept", "--solver", "lbfgs", "--precision", "double", "--gradient-tolerance", "1e-7", "--epochs", "2000"]
    run(training(command, path, *exact))
    optimum = objective(X, y, weights_of(model, X.shape[1]))
    print(f"the optimum is {optimum:.6f}")
    for epochs in range(1, 21):
        taken = run(training(command, path, "--no-intercept", "--threads", "1", "--epochs", str(epochs)))
        gap = objective(X, y, weights_of(model, X.shape[1])) / optimum - 1
        if gap <= 1e-3:
            break
    print(f"cusgd, {epochs} epochs: {taken[0]:.2f} s to {gap:.1e} above it{'' if gap <= 1e-3 else ', which is not 1e-3'}")
    if not (liblinear := shutil.which("liblinear-train")):
        print("LIBLINEAR: left out, as there is no liblinear-train")
        return
    theirs = path.with_suffix(".liblinear")
    taken = run([liblinear, "-s", "0", "-c", str(1 / (L2 * X.shape[0])), str(path), str(theirs)])
    lines = theirs.read_text().splitlines()
    weight = np.array(lines[lines.index("w") + 1 :], dtype=float) * (1 if lines[2].split()[1] == "1" else -1)
    print(f"LIBLINEAR -s 0: {taken[0]:.2f} s to {objective(X, y, weight) / optimum - 1:.1e} above it")


def main() -> None:
    """Generate the data, and time everything."""
    if not 2 <= len(sys.argv) <= 4 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    command = sys.argv[1]
    rows, cols = (int(sys.argv[2]) if len(sys.argv) > 2 else 200000), (int(sys.argv[3]) if len(sys.argv) > 3 else 50000)
    X, y = generate(rows, cols)
    print(f"{rows} x {cols}, {X.nnz / rows:.1f} values per row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.svm"
        dump_svmlight_file(X, y, str(path), zero_based=False)
        compare_reading(command, path, cols)
        to_the_optimum(command, path, X, y)
        compare_speeds(command, path, X, y)


if __name__ == "__main__":
    main()
