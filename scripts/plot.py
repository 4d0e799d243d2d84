#!/usr/bin/env python3
"""Draws losses by step from the histories that `cusgd train --history` writes and, beside them, fits through points. Needs matplotlib.

usage: plot.py OUT.png --loss LABEL=HISTORY.jsonl... [--optimum X] [--points DATA.csv --grid GRID.csv --curves LABEL=PREDICTIONS.csv...]
--optimum: losses are drawn as their distance to it. Points and grid: the first column is x, the last of DATA y."""
import argparse
import csv
import json

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

STYLES = ["-", "--", "-.", ":"]


def pairs(words):
    return [word.split("=", 1) for word in words or []]


def columns(path):
    with open(path, newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return [[float(row[j]) for row in rows] for j in (0, -1)]


def draw_losses(axes, histories, optimum):
    for i, (label, path) in enumerate(histories):
        with open(path) as lines:
            rows = [json.loads(line) for line in lines]
        rows = [row for row in rows if row["loss"] is not None]
        losses = [row["loss"] - (optimum or 0) for row in rows]
        drawn = [(row["step"], loss) for row, loss in zip(rows, losses) if loss > 1e-16]
        axes.plot([step for step, _ in drawn], [loss for _, loss in drawn], STYLES[i % 4], label=label, linewidth=1.4)
    axes.set_yscale("log")
    axes.set_xscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("mean loss" if optimum is None else "mean loss above the closed form's")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.legend()


def draw_fits(axes, points, grid, curves):
    axes.plot(*columns(points), ".", color="#999999", markersize=4)
    x = columns(grid)[0]
    for i, (label, path) in enumerate(curves):
        axes.plot(x, columns(path)[1], STYLES[i % 4], label=label, linewidth=1.4)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.legend()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--loss", nargs="+", required=True, metavar="LABEL=HISTORY")
    parser.add_argument("--optimum", type=float)
    parser.add_argument("--points")
    parser.add_argument("--grid")
    parser.add_argument("--curves", nargs="+", metavar="LABEL=PREDICTIONS")
    a = parser.parse_args()
    panels = 2 if a.points else 1
    figure, axes = pyplot.subplots(1, panels, figsize=(5.2 * panels, 3.8), squeeze=False, constrained_layout=True)
    draw_losses(axes[0][0], pairs(a.loss), a.optimum)
    if a.points:
        draw_fits(axes[0][1], a.points, a.grid, pairs(a.curves))
    figure.savefig(a.out, dpi=90)


if __name__ == "__main__":
    main()
