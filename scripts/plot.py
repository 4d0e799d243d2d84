#!/usr/bin/env python3
"""Draw the losses of one or more runs from the files that ``cusgd train --history`` writes.

usage: plot.py OUT.png HISTORY.jsonl... [--by step|epoch|seconds] [--minimum X]
                [--points DATA.csv --grid GRID.csv --curves LABEL=PREDICTIONS.csv...]
       plot.py OUT.png --path COEFFICIENTS.csv

A history may be given as LABEL=FILE; otherwise its label is the file's name. Validation losses are dashed. With ``--minimum``
the distance to that value is drawn. ``--points`` adds a second panel: the points (first column x, last column y) and curves
through them, which are predictions for the x of GRID. ``--path`` draws the coefficients that ``cusgd path`` writes against the
penalty. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def labeled(word: str) -> tuple[str, str]:
    """Split LABEL=FILE; without a label use the file's name."""
    label, separator, path = word.partition("=")
    return (label, path) if separator else (Path(word).stem, word)


def read_columns(path: str) -> list[list[float]]:
    """Return the first and the last column of a CSV file with a header."""
    with open(path, newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return [[float(row[j]) for row in rows] for j in (0, -1)]


def read_history(path: str) -> list[dict[str, Any]]:
    """Return the records of a history."""
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def draw_losses(axes: Any, histories: list[tuple[str, str]], by: str, minimum: float | None) -> None:
    """Draw training losses, and validation losses where there are any."""
    for i, (label, path) in enumerate(histories):
        records = read_history(path)
        for key, style, name in (("loss", "-", label), ("valid_loss", "--", f"{label}, validation")):
            drawn = [(record[by], record[key] - (minimum or 0)) for record in records if record[key] is not None]
            drawn = [(x, y) for x, y in drawn if y > (1e-16 if minimum is not None else 0)]
            if drawn:
                axes.plot([x for x, _ in drawn], [y for _, y in drawn], style, color=f"C{i % 10}", label=name, linewidth=1.4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(by)
    axes.set_ylabel("mean loss" if minimum is None else "mean loss - minimum")
    axes.grid(True, which="both", color="#e6e6e6", linewidth=0.6)
    axes.legend(frameon=False)


def draw_fits(axes: Any, points: str, grid: str, curves: list[tuple[str, str]]) -> None:
    """Draw points and the predictions of models on a grid."""
    axes.plot(*read_columns(points), ".", color="#999999", markersize=4)
    x = read_columns(grid)[0]
    for i, (label, path) in enumerate(curves):
        axes.plot(x, read_columns(path)[1], color=f"C{i % 10}", label=label, linewidth=1.4)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.legend(frameon=False)


def draw_path(axes: Any, path: str) -> None:
    """Draw each coefficient against the penalty, which falls from left to right."""
    with open(path, newline="") as lines:
        header, *rows = list(csv.reader(lines))
    alphas = [float(row[0]) for row in rows]
    for j in range(2, len(header)):  # behind alpha and the intercept
        label = header[j] if len(header) <= 14 else None
        axes.plot(alphas, [float(row[j]) for row in rows], label=label, linewidth=1.2)
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xlabel("alpha")
    axes.set_ylabel("coefficient")
    axes.grid(True, color="#e6e6e6", linewidth=0.6)
    if len(header) <= 14:
        axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))  # curves begin at the left


def main() -> None:
    """Parse the arguments and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("histories", nargs="*", metavar="HISTORY")
    parser.add_argument("--by", choices=("step", "epoch", "seconds"), default="step")
    parser.add_argument("--minimum", type=float)
    parser.add_argument("--path", metavar="COEFFICIENTS")
    parser.add_argument("--points")
    parser.add_argument("--grid")
    parser.add_argument("--curves", nargs="+", default=[], metavar="LABEL=PREDICTIONS")
    a = parser.parse_args()
    if bool(a.path) == bool(a.histories):
        parser.error("give histories, or --path")
    panels = 2 if a.points else 1
    figure, axes = pyplot.subplots(1, panels, figsize=(5.6 * panels, 3.8), squeeze=False, constrained_layout=True)
    if a.path:
        draw_path(axes[0][0], a.path)
    else:
        draw_losses(axes[0][0], [labeled(word) for word in a.histories], a.by, a.minimum)
    if a.points:
        draw_fits(axes[0][1], a.points, a.grid, [labeled(word) for word in a.curves])
    figure.savefig(a.out, dpi=110)


if __name__ == "__main__":
    main()
