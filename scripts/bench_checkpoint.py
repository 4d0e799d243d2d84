#!/usr/bin/env python3
"""Time checkpoints of 1,000,000 parameters with optimizer adam, and count what checkpoints add to a run.

usage: bench_checkpoint.py CUSGD [FOLDER]     CUSGD: the command; FOLDER: where checkpoints are written, or a temporary one

A checkpoint's time is given as processor time, which other processes of the machine disturb little, and as time of day, which has
the waiting for the disk as well. What `--every 5minutes` adds are instructions, which valgrind's cachegrind counts, of runs too
short for a second checkpoint: their number does not grow with the run, and the checkpoints of long runs are timed above. Needs
NumPy, valgrind and the Python package.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cusgd
import numpy as np

COLUMNS = 1_000_000
REPETITIONS = 15
RUN = "--loss logistic --optimizer adam --rate 0.01 --batch 64 --evaluate-every 1 --patience 1000 --threads 1 --quiet"


def show(name: str, save: Callable[[], object]) -> None:
    """Print the median times of calls."""
    processor, day = [], []
    for _ in range(REPETITIONS):
        begun, begun_day = time.process_time(), time.perf_counter()
        save()
        processor.append(1e3 * (time.process_time() - begun))
        day.append(1e3 * (time.perf_counter() - begun_day))
    print(
        f"{name}: processor time {statistics.median(processor):.1f} ms (least {min(processor):.1f}), "
        f"time of day {statistics.median(day):.1f} ms (least {min(day):.1f})"
    )


def instructions(command: list[str]) -> int:
    """Return how many instructions a command executes."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    found = subprocess.run([*valgrind, *command], check=True, capture_output=True, text=True)
    count = re.search(r"I *refs: *([\d,]+)", found.stderr)
    assert count, found.stderr
    return int(count[1].replace(",", ""))


def main() -> None:
    """Time the checkpoints of a trainer, then count the instructions of runs."""
    command = str(Path(sys.argv[1]).resolve())
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        folder = Path(name)
        X = random.standard_normal((64, COLUMNS), dtype=np.float32)
        trainer = cusgd.Trainer(X, X[:, :5].sum(axis=1), optimizer="adam", rate=1e-4, batch=16, epochs=3, standardize=False)
        trainer.fit()
        trainer.step(2)  # so that the snapshots differ
        path = folder / "run.state"
        show("to a file", lambda: trainer.save_state(path))
        print(f"it has {path.stat().st_size / 1e6:.1f} MB")

        data = str(folder / "data")
        made = [command, "generate", data, "--rows", "20000", "--cols", "50", "--targets", "logistic"]
        subprocess.run(made, check=True, capture_output=True)
        for epochs in (50, 150):
            run = [command, "train", data, *RUN.split(), "--epochs", str(epochs), "--model", str(folder / "model")]
            without = instructions(run)
            added = instructions([*run, "--checkpoint", str(folder / f"{epochs}.state"), "--every", "5minutes"]) - without
            print(f"{epochs} epochs: {without / 1e6:.1f} million instructions, and {added / 1e6:.2f} million with checkpoints")


if __name__ == "__main__":
    main()
