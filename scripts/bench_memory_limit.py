#!/usr/bin/env python3
"""Train on a file that is larger than the memory that a control group allows, as fast as the disk is.

usage: bench_memory_limit.py CUSGD FOLDER [GB [LIMIT]]    20 GB within 2G (10^9 bytes) unless given; as root, for the group

FOLDER gets the data, GB of 64 float32 columns with targets 0 and 1, unless it is there already, and keeps it. Measured are: the
rate at which dd reads the file past the page cache; that of an epoch, from the difference between runs of three epochs and of
one, within the group; whether the model has the bytes of a run outside of it on all rows (only where those fit into half of the
machine's memory); and the rate of scikit-learn's SGDClassifier.partial_fit on blocks of the file as NumPy maps it, over the first
tenth, within the group. Rates are also given by processor time, which says more where the machine has other work.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

COLUMNS = 64
PEER = """
import sys, time
import numpy as np
from sklearn.linear_model import SGDClassifier
x, y = (np.load(f"{sys.argv[1]}/{name}.npy", mmap_mode="r") for name in "xy")
rows, block, model = len(x) // 10, 65536, SGDClassifier(loss="log_loss")
begun, worked = time.monotonic(), time.process_time()
for i in range(0, rows, block):
    model.partial_fit(x[i : min(i + block, rows)], y[i : min(i + block, rows)].ravel(), classes=[0, 1])
size = rows * x.shape[1] * x.itemsize / 1e6
print(size / (time.monotonic() - begun), size / (time.process_time() - worked))
"""


def group_of(limit: int) -> Path:
    """Make a control group of that much memory, of version 1 or 2."""
    one = Path("/sys/fs/cgroup/memory")
    group = (one if one.is_dir() else one.parent) / "cusgd-bench"
    group.mkdir(exist_ok=True)
    (group / ("memory.limit_in_bytes" if one.is_dir() else "memory.max")).write_text(str(limit))
    return group


def run(command: list[str], group: Path | None) -> tuple[float, float, str]:
    """Return the wall time and the processor time of a process, in the control group, and what it printed."""

    def enter() -> None:
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=enter)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begun, processor, done.stdout + done.stderr


def give_up(path: Path) -> None:
    """Take a file out of the page cache."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Measure and print."""
    command, folder, *given = sys.argv[1:]
    size, limit = float(given[0]) if given else 20, float(given[1].rstrip("G")) if len(given) > 1 else 2
    data, model = Path(folder), Path(folder) / "model.safetensors"
    rows = int(size * 1e9 / COLUMNS / 4)
    if not (data / "x.npy").exists():
        run([command, "generate", str(data), "--rows", str(rows), "--cols", str(COLUMNS), "--targets", "logistic"], None)
    os.sync()
    x = data / "x.npy"
    give_up(x)
    dd = subprocess.run(["dd", f"if={x}", "of=/dev/null", "bs=4M", "iflag=direct"], capture_output=True, text=True, check=True)
    print(f"dd, {x.stat().st_size / 1e9:.3g} GB:{dd.stderr.strip().rsplit(',', 1)[-1]}")
    group = group_of(int(limit * 1e9))
    options = ["--loss", "logistic", "--batch", "1024", "--optimizer", "sgd", "--rate", "0.01", "--evaluate-every", "end"]
    options += ["--device", "cpu", "--memory", f"{int(limit * 800)}M", "--model", str(model)]
    for sampling in ("none", "pages"):
        seconds, processor = [], []
        for epochs in ("1", "3"):
            give_up(x)
            took, worked, text = run([command, "train", str(data), *options, "--sampling", sampling, "--epochs", epochs], group)
            seconds.append(took)
            processor.append(worked)
        note = next((line for line in text.splitlines() if "training waited" in line), "")
        digest = hashlib.sha256(model.read_bytes()).hexdigest()[:12]
        rate, rate_of_work = (2 * x.stat().st_size / 1e6 / (of[1] - of[0]) for of in (seconds, processor))
        print(f"{sampling}: {rate:.0f} MB/s an epoch, {rate_of_work:.0f} MB per second of processor time; ", end="")
        print(f"runs of 1 and 3 epochs {seconds[0]:.1f} and {seconds[1]:.1f} s; model {digest}")
        print(f"  {note.strip()}")
        if x.stat().st_size < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2:
            whole = [word for word in options if word not in ("--memory", f"{int(limit * 800)}M")]
            run([command, "train", str(data), *whole, "--sampling", sampling, "--epochs", "3"], None)
            print(f"  all rows in memory: model {hashlib.sha256(model.read_bytes()).hexdigest()[:12]}")
    give_up(x)
    peer = [float(word) for word in run([sys.executable, "-c", PEER, str(data)], group)[2].split()[-2:]]
    print(f"SGDClassifier.partial_fit: {peer[0]:.0f} MB/s, {peer[1]:.0f} MB per second of processor time")
    group.rmdir()


if __name__ == "__main__":
    main()
