#!/usr/bin/env python3
"""Draw searches of a minimum or a root of a formula in one variable, from what ``cusgd minimize --json`` and ``solve --json`` print.

usage: plot_search.py OUT.png CURVE.csv LABEL=SEARCH.jsonl...

CURVE.csv is what ``cusgd grad FORMULA --at x=FIRST:LAST:COUNT -o CURVE.csv`` writes. The first panel has the curve and the
iterates on it, the second the value of the formula, or the norm, at each iteration. Needs matplotlib.
"""

from __future__ import annotations

import csv
import json
import sys
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def read_curve(path: str) -> tuple[list[float], list[float]]:
    """Return the first two columns: the variable and the value."""
    with open(path, newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return [float(row[0]) for row in rows], [float(row[1]) for row in rows]


def read_search(path: str) -> list[dict[str, Any]]:
    """Return the iterates; the last line is the summary."""
    with open(path) as lines:
        return [record for record in map(json.loads, lines) if "iteration" in record]


def height(curve: tuple[list[float], list[float]], x: float) -> float:
    """Return the curve's value at x, between its points by a line."""
    for a, b, u, v in zip(curve[0], curve[0][1:], curve[1], curve[1][1:]):
        if a <= x <= b:
            return u + (v - u) * (x - a) / (b - a)
    return float("nan")


def main() -> None:
    """Draw the picture."""
    if len(sys.argv) < 4:
        sys.exit("\n".join((__doc__ or "").splitlines()[2:3]))
    curve = read_curve(sys.argv[2])
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    left.plot(*curve, color="black", linewidth=1)
    for i, word in enumerate(sys.argv[3:]):
        label, _, path = word.partition("=")
        records = read_search(path)
        points = [next(iter(record["x"].values())) for record in records]
        left.plot(points, [height(curve, x) for x in points], "o-", color=f"C{i}", label=label, markersize=4, linewidth=0.8)
        key = "norm" if "norm" in records[0] else "value"
        drawn = [(record["iteration"], abs(record[key])) for record in records if record[key]]
        right.plot([k for k, _ in drawn], [y for _, y in drawn], "o-", color=f"C{i}", label=label, markersize=4, linewidth=0.8)
    left.set_xlabel("x")
    left.set_ylabel("f(x)")
    right.set_xlabel("iteration")
    right.set_ylabel("|f|")
    right.set_yscale("log")
    right.grid(True, color="#e6e6e6", linewidth=0.6)
    left.legend()
    figure.tight_layout()
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
