#!/usr/bin/env python3
"""Draw how well a model fits: predictions against targets, residuals, and the largest coefficients.

Of classes, which of them were taken for which, and how often the model is right for each probability that it predicts.

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
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

MAX_COEFFICIENTS = 20
MAX_CLASSES = 12  # beyond which the numbers of the confusion matrix have no room
BINS = 10  # of probabilities


def number(text: str) -> float:
    """Return a number; NaN where a value is missing."""
    try:
        return float(text.strip('"'))
    except ValueError:
        return float("nan")


def read_texts(path: str, name: str | None) -> list[str]:
    """Return a column of a CSV file with a header; None: the last one."""
    with open(path, newline="") as lines:
        rows = list(csv.reader(lines))
    j = -1 if name is None else rows[0].index(name)
    return [row[j] for row in rows[1:]]


def read_column(path: str, name: str | None) -> list[float]:
    """Return a column of numbers."""
    return [number(text) for text in read_texts(path, name)]


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


def measures(cusgd: str, model: str, data: str, target: str | None) -> dict[str, Any]:
    """Return what the command finds of the model's first target."""
    text = run([cusgd, "evaluate", model, data, "--json", *(["--target", target] if target else [])])
    return dict(json.loads(text)["outputs"][0]) if text else {}


def confusion(cusgd: str, model: str, data: str, target: str | None) -> tuple[list[str], list[list[float]]]:
    """Return the names of the classes, and how much weight of each (a row) was taken for which."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "confusion.csv")
        run([cusgd, "evaluate", model, data, "--confusion", path, *(["--target", target] if target else [])])
        with open(path, newline="") as lines:
            rows = list(csv.reader(lines))
    return rows[0][1:], [[float(cell) for cell in row[1:]] for row in rows[1:]]


def probabilities(cusgd: str, model: str, data: str, classes: list[str]) -> list[list[float]]:
    """Return the probability of each class for each row."""
    lines = run([cusgd, "predict", model, data, "--as", "probability", "-o", "-"]).splitlines()[1:]
    rows = [[number(cell) for cell in line.split(",")] for line in lines]
    return [[1 - row[0], row[0]] if len(classes) == 2 and len(row) == 1 else row for row in rows]


def calibration(labels: list[str], rows: list[list[float]], classes: list[str]) -> list[tuple[float, float, int]]:
    """Return, for bins of the probability of a class, its mean, the share of rows that are of the class, and their number.

    Of two classes, the second one counts; of more, each row counts once for the class that is predicted.
    """
    known = {name: c for c, name in enumerate(classes)}
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for label, row in zip(labels, rows, strict=True):
        own = known.get(label.strip(), next((c for c, name in enumerate(classes) if number(name) == number(label)), None))
        if own is None or any(map(math.isnan, row)):
            continue
        c = 1 if len(classes) == 2 else row.index(max(row))
        bins[min(int(row[c] * BINS), BINS - 1)].append((row[c], own == c))
    return [(sum(p for p, _ in of) / len(of), sum(hit for _, hit in of) / len(of), len(of)) for of in bins if of]


def draw_confusion(axes: Any, classes: list[str], matrix: list[list[float]]) -> None:
    """Draw the share of each class that was taken for each, with the weights in numbers."""
    shares = [[cell / (sum(row) or 1) for cell in row] for row in matrix]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= MAX_CLASSES:
        axes.set_xticks(range(len(classes)), classes, rotation=30 if max(map(len, classes)) > 4 else 0)
        axes.set_yticks(range(len(classes)), classes)
        for i, row in enumerate(matrix):
            for j, cell in enumerate(row):
                axes.text(j, i, f"{cell:g}", ha="center", va="center", color="white" if shares[i][j] > 0.5 else "black")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("class")


def draw_calibration(axes: Any, classes: list[str], points: list[tuple[float, float, int]]) -> None:
    """Draw shares against predicted probabilities, with the line on which they are equal."""
    axes.plot([0, 1], [0, 1], color="#666666", linewidth=1)
    axes.plot([p for p, _, _ in points], [share for _, share, _ in points], "o-", color="C0")
    for p, share, count in points:
        axes.annotate(str(count), (p, share), textcoords="offset points", xytext=(6, -9), fontsize=7, color="#444444")
    what = f"of class {classes[1]}" if len(classes) == 2 else "of the predicted class"
    axes.set_xlabel(f"predicted probability {what}")
    axes.set_ylabel("share of these rows that are of it")


def main() -> None:
    """Parse the arguments and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--target")
    parser.add_argument("--cusgd", default="cusgd")
    a = parser.parse_args()
    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.8), constrained_layout=True)
    found = measures(a.cusgd, a.model, a.data, a.target)
    if "confusion" in found:
        classes, matrix = confusion(a.cusgd, a.model, a.data, a.target)
        draw_confusion(axes[0], classes, matrix)
        if "log_loss" in found:
            rows = probabilities(a.cusgd, a.model, a.data, classes)
            draw_calibration(axes[1], classes, calibration(read_texts(a.data, a.target), rows, classes))
        else:
            axes[1].set_axis_off()  # hinge losses have no probabilities
    else:
        targets, predicted = read_column(a.data, a.target), predictions(a.cusgd, a.model, a.data)
        known = [pair for pair in zip(targets, predicted, strict=True) if not any(map(math.isnan, pair))]
        targets, predicted = [y for y, _ in known], [p for _, p in known]
        draw_agreement(axes[0], targets, predicted)
        draw_residuals(axes[1], targets, predicted)
    largest = coefficients(a.cusgd, a.model)
    draw_coefficients(axes[2], largest)
    if "confusion" in found and len(classes) > 2:
        axes[2].set_xlabel(f"coefficient of {largest[0]['output']}")
    figure.savefig(a.out, dpi=110)


if __name__ == "__main__":
    main()
