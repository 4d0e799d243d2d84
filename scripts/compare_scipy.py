#!/usr/bin/env python3
"""Iterations of cuSGD's solvers compared with SciPy's, on the real data of tests/golden, from the same start (the intercept-only model) to
the same gradient. usage: compare_scipy.py CUSGD [--write FILE]; needs NumPy and SciPy."""
import argparse
import csv
import json
import os
import subprocess
import tempfile

import numpy as np
import scipy
from scipy.optimize import minimize

TOLERANCE = 1e-6  # |gradient| as a share of the starting point's
PAIRS = [("bfgs", "BFGS"), ("cg", "CG"), ("newton", "Newton-CG"), ("lbfgs", "L-BFGS-B")]
DATASETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden", "datasets")
PROBLEMS = [  # name, file, targets, loss, l2
    ("diabetes", "diabetes.csv", 1, "squared", 0.0),
    ("diabetes, ridge", "diabetes.csv", 1, "squared", 10 / 442),
    ("linnerud, 3 outputs", "linnerud.csv", 3, "squared", 0.0),
    ("breast cancer, C = 0.01", "breast_cancer.csv", 1, "logistic", 1 / (0.01 * 569)),
    ("breast cancer, C = 1", "breast_cancer.csv", 1, "logistic", 1 / 569),
    ("breast cancer, C = 100", "breast_cancer.csv", 1, "logistic", 1 / (100 * 569)),
]


def read(file, targets):
    with open(os.path.join(DATASETS, file), newline="") as lines:
        rows = list(csv.reader(lines))
    values = np.array(rows[1:], dtype=float)
    x, y = values[:, :-targets], values[:, -targets:]
    return rows[0], (x - x.mean(axis=0)) / x.std(axis=0), y


class Objective:
    """(1/n) sum l + l2/2 |theta|^2 over standardized columns; theta (d + 1) x k, the intercepts last."""

    def __init__(self, x, y, loss, l2):
        self.x = np.hstack([x, np.ones((len(x), 1))])
        self.loss, self.l2 = loss, l2
        self.y = y - y.mean(axis=0) if loss == "squared" else y
        self.shape = (self.x.shape[1], y.shape[1])
        self.start = np.zeros(self.shape)
        if loss == "logistic":
            self.start[-1] = np.log(y.mean(axis=0) / (1 - y.mean(axis=0)))

    def __call__(self, theta):
        theta = theta.reshape(self.shape)
        p, n = self.x @ theta, len(self.x)
        if self.loss == "squared":
            r = p - self.y
            value, derivative = np.sum(r * r) / 2, r
        else:
            value, derivative = np.sum(np.logaddexp(0, p) - self.y * p), 1 / (1 + np.exp(-p)) - self.y
        gradient = self.x.T @ derivative / n
        gradient[:-1] += self.l2 * theta[:-1]
        return value / n + self.l2 / 2 * np.sum(theta[:-1] ** 2), gradient.ravel()

    def hessian(self, theta):
        d, k = self.shape
        p = self.x @ theta.reshape(self.shape)
        full = np.zeros((d, k, d, k))
        for c in range(k):
            s = np.exp(-np.abs(p[:, c])) / (1 + np.exp(-np.abs(p[:, c]))) ** 2 if self.loss == "logistic" else np.ones(len(p))
            full[:, c, :, c] = (self.x.T * s) @ self.x / len(p) + self.l2 * np.diag([1.0] * (d - 1) + [0.0])
        return full.reshape(d * k, d * k)


class Reached(Exception):
    pass


def scipy_iterations(objective, method):
    start = objective.start.ravel()
    enough = TOLERANCE * np.linalg.norm(objective(start)[1])
    count = 0

    def callback(theta):
        nonlocal count
        count += 1
        if np.linalg.norm(objective(theta)[1]) <= enough:
            raise Reached

    hessian = {"hess": objective.hessian} if method == "Newton-CG" else {}
    options = {"maxiter": 10000}
    options.update({"xtol": 1e-14} if method == "Newton-CG" else {"gtol": 0})
    if method == "L-BFGS-B":
        options.update({"ftol": 0, "maxcor": 10})
    try:
        minimize(objective, start, jac=True, method=method, callback=callback, options=options, **hessian)
    except Reached:
        return count
    return None


def cusgd_iterations(command, solver, header, file, targets, loss, l2):
    with tempfile.TemporaryDirectory() as folder:
        history = os.path.join(folder, "history.jsonl")
        line = [command, "train", os.path.join(DATASETS, file), "--loss", loss, "--l2", repr(l2), "--solver", solver, "--quiet"]
        line += ["--precision", "double", "--device", "cpu", "--gradient-tolerance", repr(TOLERANCE)]
        line += ["--history", history, "--model", os.path.join(folder, "m.safetensors")]
        for name in header[-targets:]:
            line += ["--target", name]
        subprocess.run(line, check=True)
        with open(history) as lines:
            return json.loads(lines.readlines()[-1])["epoch"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command")
    parser.add_argument("--write", metavar="FILE", help="write the table there, too")
    arguments = parser.parse_args()
    lines = [f"Iterations to a gradient of {TOLERANCE:g} of the starting point's: cuSGD in double on the CPU / SciPy {scipy.__version__}.",
             "Made by scripts/compare_scipy.py.", "",
             "| Problem | " + " | ".join(f"{ours} / {theirs}" for ours, theirs in PAIRS) + " |",
             "|---|" + "---|" * len(PAIRS)]
    worst = 0
    for name, file, targets, loss, l2 in PROBLEMS:
        header, x, y = read(file, targets)
        objective = Objective(x, y, loss, l2)
        cells = []
        for ours, theirs in PAIRS:
            a, b = cusgd_iterations(arguments.command, ours, header, file, targets, loss, l2), scipy_iterations(objective, theirs)
            cells.append(f"{a} / {b if b else 'fails'}")
            worst = max(worst, a / b if b else 0)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", f"The largest ratio is {worst:.2f}."]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if arguments.write:
        with open(arguments.write, "w") as out:
            out.write(text)
    return worst > 1.5


if __name__ == "__main__":
    raise SystemExit(main())
