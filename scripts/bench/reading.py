#!/usr/bin/env python3
"""Measures how fast a table is read, compared with polars, pyarrow and pandas, all in one run.

usage: reading.py LIBCUSGD [--rows N] [--repeats N] [--threads N]

Prints a table in Markdown: for each kind of file, megabytes of text per second of elapsed time with `threads` threads, per second
of processor time with one thread, and the elapsed time of each peer over cuSGD's. Repeats take turns, so that what else runs on
the machine meets all alike; medians are printed. cuSGD's figure includes its checks and arrays of double, row by row; the peers'
is that of their own tables, column by column, without a copy to NumPy.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PEERS = ("polars", "pyarrow", "pandas")


def write_files(folder, rows):
    """Three tables of 20 columns: short numbers, as many digits as a double needs, and whole numbers."""
    random = np.random.default_rng(1)
    x = random.standard_normal((rows, 20))
    header = ",".join(f"c{j}" for j in range(20))
    files = {}
    whole = random.integers(0, 1000, (rows, 20))
    for name, values, form in (("6 digits", x, "%.6g"), ("17 digits", x, "%.17g"), ("whole", whole, "%d")):
        files[name] = folder / f"{name.replace(' ', '-')}.csv"
        np.savetxt(files[name], values, delimiter=",", fmt=form, header=header, comments="")
    return files


def reader(peer, threads, library):
    """A function of a path that reads it with so many threads; None: it is not installed."""
    try:
        if peer == "cusgd":
            os.environ["CUSGD_LIBRARY"] = str(library)
            sys.path.insert(0, str(ROOT / "python"))
            import cusgd

            return lambda path: cusgd.read_table(path, threads=threads)
        if peer == "polars":
            import polars

            return lambda path: polars.read_csv(path)
        if peer == "pyarrow":
            import pyarrow
            from pyarrow import csv

            pyarrow.set_cpu_count(threads)
            return lambda path: csv.read_csv(path, read_options=csv.ReadOptions(use_threads=threads > 1))
        import pandas

        return lambda path: pandas.read_csv(path)
    except ImportError:
        return None


def serve(peer, threads, library):
    """Reads the file of each line of the standard input, and prints elapsed and processor seconds."""
    read = reader(peer, threads, library)
    print("ready" if read else "absent", flush=True)
    for line in sys.stdin:
        wall, work = time.perf_counter(), time.process_time()
        table = read(line.strip())
        print(time.perf_counter() - wall, time.process_time() - work, flush=True)
        del table


class Peer:
    """A process of its own: a library's threads are set once."""

    def __init__(self, name, threads, library):
        environment = os.environ | {"POLARS_MAX_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, __file__, str(library), "--serve", name, "--threads", str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.is_there = self.process.stdout.readline().strip() == "ready"

    def read(self, path):
        print(path, file=self.process.stdin, flush=True)
        return tuple(map(float, self.process.stdout.readline().split()))


def measure(files, threads, repeats, library):
    """{(file, peer, threads): (elapsed, processor seconds)}, medians."""
    peers = {(name, n): Peer(name, n, library) for name in ("cusgd",) + PEERS for n in {1, threads}}
    times = {}
    for _ in range(repeats + 1):
        for file, path in files.items():
            for (name, n), peer in peers.items():
                if peer.is_there:
                    times.setdefault((file, name, n), []).append(peer.read(path))
    for peer in peers.values():
        peer.process.stdin.close()
        peer.process.wait()
    return {key: tuple(statistics.median(column) for column in zip(*all_of[1:], strict=True)) for key, all_of in times.items()}


def put_report(files, threads, times):
    present = [name for name in PEERS if any(key[1] == name for key in times)]
    columns = ["file", "MB", f"MB/s, {threads} threads", "MB/s of processor time, 1 thread"]
    columns += [f"{name}, times as long" for name in present]
    print(f"| {' | '.join(columns)} |")
    print("|---|---:|---:|---:|" + "---:|" * len(present))
    for file, path in files.items():
        size = path.stat().st_size / 1e6
        own = times[file, "cusgd", threads][0]
        work = times[file, "cusgd", 1][1]
        cells = [file, f"{size:.0f}", f"{size / own:.0f}", f"{size / work:.0f}"]
        cells += [f"{times[file, name, threads][0] / own:.2f}" for name in present]
        print(f"| {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--rows", type=int, default=500000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.threads, given.library.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), given.rows)
        put_report(files, given.threads, measure(files, given.threads, given.repeats, given.library))


if __name__ == "__main__":
    main()
