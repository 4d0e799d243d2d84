#!/usr/bin/env python3
"""Compare the time of training steps by the library's losses with that by the same losses as formulas, side by side.

usage: bench_own_loss.py [ROWS [REPEATS]]     200000 rows and 7 repeats unless given

Rows are of 16, 64 and 256 columns in float, on one thread, by optimizer sgd of a fixed rate with batches of 256 rows. Both losses
of a pair are trained in turn, and the median of the quotients of their processor times is shown: other work of the machine meets
both alike. Needs the Python package and NumPy.
"""

from __future__ import annotations

import statistics
import sys
import time

import cusgd
import numpy as np

PAIRS = {
    "squared": ("(p - y)^2/2", "real"),
    "huber": ("abs(p - y) <= 1.35 ? (p - y)^2/2 : 1.35*(abs(p - y) - 1.35/2)", "real"),
    "log-cosh": ("log(cosh(p - y))", "real"),
    "logistic": ("log(1 + exp(p)) - y*p", "class"),
    "poisson": ("exp(p) - y*p", "count"),
}
EPOCHS = 5


def seconds(X: np.ndarray, y: np.ndarray, **loss: str) -> float:
    """Return the processor time of a run from the first step to its result."""
    trainer = cusgd.Trainer(
        X, y, optimizer="sgd", rate=1e-4, batch=256, epochs=EPOCHS, threads=1, evaluate_every="end", device="cpu", **loss
    )
    before = time.process_time()
    trainer.fit()
    return time.process_time() - before


def main() -> None:
    """Print a table of quotients."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200000
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    random = np.random.default_rng(0)
    print(f"{'loss':>10} {'columns':>8} {'ns a row':>9} {'formula':>9} {'quotient':>9}")
    for columns in (16, 64, 256):
        X = random.standard_normal((rows, columns), dtype=np.float32)
        linear = X @ (random.standard_normal(columns) / columns).astype(np.float32)
        targets = {
            "real": linear + random.standard_normal(rows, dtype=np.float32),
            "class": (random.random(rows) < 1 / (1 + np.exp(-linear))).astype(np.float32),
            "count": random.poisson(np.exp(linear)).astype(np.float32),
        }
        for name, (formula, kind) in PAIRS.items():
            y = targets[kind]
            own, theirs = [], []
            for _ in range(repeats):
                theirs.append(seconds(X, y, loss=name))
                own.append(seconds(X, y, loss_expr=formula))
            quotient = statistics.median(a / b for a, b in zip(own, theirs, strict=True))
            unit = 1e9 / (EPOCHS * rows)
            print(
                f"{name:>10} {columns:>8} {statistics.median(theirs) * unit:>9.1f} {statistics.median(own) * unit:>9.1f} "
                f"{quotient:>9.2f}"
            )


if __name__ == "__main__":
    main()
