#!/usr/bin/env python3
"""Predict by how much several processes shorten a step or a full pass; prints the tables of docs/scaling.md.

usage: predict_scaling.py

A step of P processes takes (time to read x) / P + exchange. The exchange is what host/world_sum.c does: up to 64 KB a swap of the
whole gradient for each doubling of P, beyond that each process sends 2 (P - 1) / P of it. Nothing here is measured: the rates and
latencies below are those of data sheets and of published tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

SMALL = 64 * 1024  # bytes


@dataclass(frozen=True)
class Machines:
    """Processes of one kind and what connects them."""

    name: str
    read: float  # bytes of x per second and process
    latency: float  # seconds of a message
    network: float  # bytes per second and process

    def exchange(self, processes: int, size: float) -> float:
        """Return the seconds of a sum of `size` bytes."""
        if processes == 1:
            return 0
        if size <= SMALL:
            return ceil(log2(processes)) * (self.latency + size / self.network)
        return 2 * (self.latency + size * (processes - 1) / processes / self.network)

    def speedup(self, processes: int, x_bytes: float, size: float) -> float:
        """Return how many times faster a step over `x_bytes` is than in one process."""
        alone = x_bytes / self.read
        return alone / (alone / processes + self.exchange(processes, size))


SOCKETS = Machines("CPU sockets, 25 GbE", 100e9, 15e-6, 3e9)
GPUS = Machines("H200, NVLink", 4.3e12, 10e-6, 400e9)
NODES = Machines("H200, 8 per machine, 400 Gb/s InfiniBand", 4.3e12, 15e-6, 50e9)
CASES = ((4096, 256), (65536, 256), (1_000_000, 256), (65536, 16384))


def main() -> None:
    """Print a table for each kind of machine."""
    for machines, counts in ((SOCKETS, (2, 4, 8)), (GPUS, (2, 8)), (NODES, (16, 64))):
        print(f"| {machines.name}: rows x columns | " + " | ".join(f"{p} processes" for p in counts) + " |")
        print("|---|" + "---|" * len(counts))
        for rows, columns in CASES:
            values = [machines.speedup(p, 4 * rows * columns, 4 * (columns + 1)) for p in counts]
            print(f"| {rows:,} x {columns:,} | " + " | ".join(f"{value:.2g}" for value in values) + " |")
        print()


if __name__ == "__main__":
    main()
