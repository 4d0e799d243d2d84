#!/usr/bin/env python3
"""Time training on data that is larger than the memory it may take, compared with the same run on rows that are in memory.

usage: bench_stream.py CUSGD [ROWS [COLUMNS [MEMORY]]]    CUSGD: the command; 8000000 rows of 64 columns within 300M unless given

Measured are, for the samplings pages and none at batch 1024: the rate of an epoch, by wall time and by processor time, from the
difference between runs of 9 epochs and of one, the faster of two each; the largest amount of memory of the process's own
(RssAnon), without mapped files; whether both models have the same bytes; and the rate at which dd reads the file with and without
the page cache.
"""

from __future__ import annotations

import hashlib
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(command: list[str]) -> tuple[float, float, int]:
    """Return the wall time, the processor time and the most memory of its own, in bytes, that a process took."""
    before, begun, most = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        most = max(most, int(found.group(1)) * 1024 if found else 0)
        time.sleep(0.01)
    message = process.communicate()[1]
    if process.returncode:
        sys.exit(f"{' '.join(command)}: {message}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begun, processor, most


def disk_rate(path: Path, flag: list[str]) -> str:
    """Return what dd says of how fast it reads the file."""
    done = subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=4M", *flag], capture_output=True, text=True, check=False)
    return done.stderr.strip().rsplit(",", 1)[-1].strip()


def main() -> None:
    """Measure and print a table."""
    command, *given = sys.argv[1:]
    rows, columns = int(given[0]) if given else 8_000_000, int(given[1]) if len(given) > 1 else 64
    memory = given[2] if len(given) > 2 else "300M"
    size = rows * columns * 4 / 1e6
    with tempfile.TemporaryDirectory() as folder:
        data, model = Path(folder) / "data", Path(folder) / "model.safetensors"
        subprocess.run([command, "generate", data, "--rows", str(rows), "--cols", str(columns)], check=True, capture_output=True)
        print(f"{rows} x {columns}, {size:.0f} MB; page cache {disk_rate(data / 'x.npy', [])}", end="; ")
        print(f"disk {disk_rate(data / 'x.npy', ['iflag=direct'])}")
        print("sampling  memory     MB/s  MB per processor second  own memory  model")
        for sampling in ("pages", "none"):
            for budget in ("", memory):
                options = ["--sampling", sampling, *(["--memory", budget] if budget else []), "-q", "--device", "cpu"]
                options += ["--batch", "1024", "--optimizer", "sgd", "--rate", "0.01", "--evaluate-every", "end"]
                train = [command, "train", str(data), "--model", str(model), *options, "--epochs"]
                one, nine = ([run([*train, epochs]) for _ in range(2)] for epochs in ("1", "9"))
                wall, processor = ((min(r[i] for r in nine) - min(r[i] for r in one)) / 8 for i in (0, 1))
                digest = hashlib.sha256(model.read_bytes()).hexdigest()[:12]
                print(
                    f"{sampling:9} {budget or 'all':6} {size / wall:8.0f} {size / processor:12.0f} {nine[0][2] / 1e6:17.0f} MB",
                    digest,
                )


if __name__ == "__main__":
    main()
