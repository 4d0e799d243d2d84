#!/usr/bin/env python3
"""Draw how well a model fits: predictions against targets, residuals, and the largest coefficients.

usage: plot_fit.py OUT.png MODEL DATA.csv [--target COLUMN] [--cusgd PATH]

MODEL is what ``cusgd train`` writes, DATA a CSV file with a header and its target (default: its last column). Bars show 95 %
confidence intervals where the model has standard errors. Needs matplotlib; runs the command ``cusgd`` for the predictions.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

MAX_COEFFICIENTS = 20


def number(text: str) -> float:
    """Return a number; NaN where a value is missing."""
    try:
        return float(text.strip('"'))
    except ValueError:
        return float("nan")


def read_column(path: str, name: str | None) -> list[float]:
    """Return a column of a CSV file with a header; None: the last one."""
    with open(path, newline="") as lines:
        rows = list(csv.reader(lines))
    j = -1 if name is None else rows[0].index(name)
    return [number(row[j]) for row in rows[1:]]


def run(command: list[str]) -> str:
    """Return the standard output of a command."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def predictions(cusgd: str, model: str, data: str) -> list[float]:
    """Return the model's predictions of the rows of a file."""
    return [number(line) for line in run([cusgd, "predict", model, data, "-o", "-"]).splitlines()[1:]]


def coefficients(cusgd: str, model: str) -> list[dict[str, Any]]:
    """Return what the command knows of the first output's coefficients, without the intercept."""
    found = [json.loads(line) for line in run([cusgd, "info", model, "--coefficients", "--json"]).splitlines()]
    return [one for one in found if one["feature"] is not None and one["output"] == found[0]["output"]]


def draw_agreement(axes: Any, targets: list[float], predicted: list[float]) -> None:
    """Draw targets against predictions, with the line on which they are equal."""
    axes.plot(predicted, targets, ".", color="C0", alpha=0.5, markersize=4)
    ends = [min(targets + predicted), max(targets + predicted)]
    axes.plot(ends, ends, color="#666666", linewidth=1)
    axes.set_xlabel("prediction")
    axes.set_ylabel("target")


def draw_residuals(axes: Any, targets: list[float], predicted: list[float]) -> None:
    """Draw residuals against predictions."""
    axes.plot(predicted, [y - p for y, p in zip(targets, predicted, strict=True)], ".", color="C1", alpha=0.5, markersize=4)
    axes.axhline(0, color="#666666", linewidth=1)
    axes.set_xlabel("prediction")
    axes.set_ylabel("target - prediction")


def draw_coefficients(axes: Any, found: list[dict[str, Any]]) -> None:
    """Draw the largest coefficients, with their confidence intervals where these are known."""
    largest = sorted(found, key=lambda one: -abs(one["coefficient"]))[:MAX_COEFFICIENTS][::-1]
    values = [one["coefficient"] for one in largest]
    axes.barh([one["feature"] for one in largest], values, color="C2")
    known = [one for one in largest if one["lower"] is not None]
    if known:
        centers = [one["coefficient"] for one in known]
        below = [one["coefficient"] - one["lower"] for one in known]
        above = [one["upper"] - one["coefficient"] for one in known]
        names = [one["feature"] for one in known]
        axes.errorbar(centers, names, xerr=[below, above], fmt="none", ecolor="#444444", capsize=2)
    axes.axvline(0, color="#666666", linewidth=1)
    axes.set_xlabel("coefficient" + (", 95 % interval" if known else ""))


def main() -> None:
    """Parse the arguments and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--target")
    parser.add_argument("--cusgd", default="cusgd")
    a = parser.parse_args()
    targets = read_column(a.data, a.target)
    predicted = predictions(a.cusgd, a.model, a.data)
    known = [pair for pair in zip(targets, predicted, strict=True) if not any(map(math.isnan, pair))]
    targets, predicted = [y for y, _ in known], [p for _, p in known]
    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.8), constrained_layout=True)
    draw_agreement(axes[0], targets, predicted)
    draw_residuals(axes[1], targets, predicted)
    draw_coefficients(axes[2], coefficients(a.cusgd, a.model))
    figure.savefig(a.out, dpi=110)


if __name__ == "__main__":
    main()
