#!/usr/bin/python3
"""Trains every loss under every penalty with cusgd, on the real data of tests/golden, and compares the objective that it reaches
with the optimum that a peer finds: scikit-learn or statsmodels where they fit the same objective, else SciPy on the objective itself.
One line a case; the exit code says whether all are within a relative 1e-4.

usage: reference.py CUSGD [TABLE]     (TABLE: scripts/reference.md by default; "-" for standard output alone)
Needs scikit-learn, statsmodels, scipy and numpy (Debian: python3-sklearn python3-statsmodels).
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import scipy.optimize
import scipy.sparse
import statsmodels.api as sm
from sklearn import linear_model, svm

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "tests", "golden", "datasets")
DELTA, WIDTH, SHARE, POWER = 20.0, 10.0, 0.3, 1.5
BOUND = 1e-4
PENALTIES = {"none": (0, 0), "l2": (0, 0.01), "l1": (0.02, 0), "elastic": (0.01, 0.01)}


def read(name):
    with open(os.path.join(DATA, name)) as file:
        rows = list(csv.reader(file))
    table = np.array(rows[1:], dtype=float)
    x, y = table[:, :-1], table[:, -1]
    return (x - x.mean(0)) / x.std(0), y


class Loss:
    """value(p, y), derivative(p, y) and the options that ask cusgd for it"""
    def __init__(self, word, value, derivative, data, options=(), unit=1.0):
        self.word, self.value, self.derivative, self.data, self.options, self.unit = word, value, derivative, data, list(options), unit


def tube(p, y):
    return np.maximum(np.abs(p - y) - WIDTH, 0)


def short(p, y):
    return np.maximum(1 - (2 * y - 1) * p, 0)


DIABETES, CANCER = "diabetes.csv", "breast_cancer.csv"
LOSSES = [
    Loss("squared", lambda p, y: (p - y) ** 2 / 2, lambda p, y: p - y, DIABETES, unit=77.0),
    Loss("mse", lambda p, y: (p - y) ** 2, lambda p, y: 2 * (p - y), DIABETES, unit=77.0),
    Loss("huber", lambda p, y: np.where(np.abs(p - y) <= DELTA, (p - y) ** 2 / 2, DELTA * (np.abs(p - y) - DELTA / 2)),
         lambda p, y: np.clip(p - y, -DELTA, DELTA), DIABETES, ["--delta", DELTA], 20.0),
    Loss("epsilon-insensitive", tube, None, DIABETES, ["--width", WIDTH], 1.0),
    Loss("squared-epsilon-insensitive", lambda p, y: tube(p, y) ** 2, lambda p, y: 2 * tube(p, y) * np.sign(p - y), DIABETES,
         ["--width", WIDTH], 77.0),
    Loss("quantile", lambda p, y: np.where(y > p, SHARE * (y - p), (1 - SHARE) * (p - y)), None, DIABETES, ["--quantile", SHARE]),
    Loss("log-cosh", lambda p, y: np.abs(p - y) + np.log1p(np.exp(-2 * np.abs(p - y))) - np.log(2), lambda p, y: np.tanh(p - y),
         DIABETES),
    Loss("poisson", lambda p, y: np.exp(p) - y * p, lambda p, y: np.exp(p) - y, DIABETES, unit=10.0),
    Loss("gamma", lambda p, y: p + y * np.exp(-p), lambda p, y: 1 - y * np.exp(-p), DIABETES, unit=0.5),
    Loss("tweedie", lambda p, y: np.exp((2 - POWER) * p) / (2 - POWER) - y * np.exp((1 - POWER) * p) / (1 - POWER),
         lambda p, y: np.exp((2 - POWER) * p) - y * np.exp((1 - POWER) * p), DIABETES, ["--power", POWER], 3.0),
    Loss("logistic", lambda p, y: np.logaddexp(0, p) - y * p, lambda p, y: 1 / (1 + np.exp(-p)) - y, CANCER),
    Loss("hinge", short, None, CANCER),
    Loss("squared-hinge", lambda p, y: short(p, y) ** 2, lambda p, y: -2 * (2 * y - 1) * short(p, y), CANCER),
]


def objective(loss, x, y, l1, l2, w, b):
    return loss.value(x @ w + b, y).mean() + l1 * np.abs(w).sum() + l2 / 2 * (w @ w)


def by_scipy(loss, x, y, l1, l2):
    """L-BFGS-B on w = u - v, u, v >= 0, where there is an l1 penalty"""
    n, d = x.shape
    signs = np.hstack([np.eye(d), -np.eye(d)]) if l1 else np.eye(d)
    m = signs.shape[1]

    def function(z):
        w, b = signs @ z[:m], z[m]
        derivative = loss.derivative(x @ w + b, y) / n
        value = loss.value(x @ w + b, y).mean() + l2 / 2 * (w @ w) + (l1 * z[:m].sum() if l1 else 0)
        return value, np.append(signs.T @ (x.T @ derivative + l2 * w) + (l1 if l1 else 0), derivative.sum())

    start = np.zeros(m + 1)
    start[m] = np.log(y.mean()) if loss.word in ("poisson", "gamma", "tweedie") else 0 if loss.data == CANCER else y.mean()
    bounds = [(0 if l1 else None, None)] * m + [(None, None)]
    best = scipy.optimize.minimize(function, start, jac=True, method="L-BFGS-B", bounds=bounds,
                                   options=dict(maxiter=100000, maxfun=1000000, ftol=1e-15, gtol=1e-10, maxcor=50))
    return signs @ best.x[:m], best.x[m], "SciPy, L-BFGS-B"


def by_programme(loss, x, y, l1, l2):
    """Losses that are not differentiable as a linear or quadratic program: p - y (or 1 - s p) is split into the parts that cost something"""
    n, d = x.shape
    if loss.word == "hinge":
        s = 2 * y - 1
        rows, target, above, below = np.hstack([x * s[:, None], s[:, None]]), np.ones(n), 1.0, 0.0
    else:
        rows, target = np.hstack([x, np.ones((n, 1))]), y
        above, below = (SHARE, 1 - SHARE) if loss.word == "quantile" else (1.0, 1.0)
    width = WIDTH if loss.word == "epsilon-insensitive" else 0
    if l2 == 0:
        # u, v >= 0: w = u - v; b free; e, f >= 0: rows w + e >= target - width, rows w - f <= target + width
        cost = np.concatenate([np.full(2 * d, l1), [0], np.full(n, above / n), np.full(n, below / n)])
        a = np.hstack([rows[:, :d], -rows[:, :d], rows[:, d:]])
        eye, zero = np.eye(n), np.zeros((n, n))
        upper = np.vstack([np.hstack([-a, -eye, zero]), np.hstack([a, zero, -eye])])
        limit = np.concatenate([-(target - width), target + width])
        if loss.word == "hinge":
            upper, limit = upper[:n], limit[:n]
        bounds = [(0, None)] * (2 * d) + [(None, None)] + [(0, None)] * (2 * n)
        best = scipy.optimize.linprog(cost, upper, limit, bounds=bounds, method="highs")
        return best.x[:d] - best.x[d:2 * d], best.x[2 * d], "SciPy, linprog"
    # The points without a derivative are smoothed over a width that shrinks step by step
    w, b = np.zeros(d), np.median(y) if loss.data == DIABETES else 0.0
    for sharp in 10.0 ** -np.arange(0, 7):
        def smooth(t):
            return np.where(t > sharp, t - sharp / 2, np.where(t > 0, t * t / (2 * sharp), 0)), np.clip(t / sharp, 0, 1)

        def function(z):
            w, b = (z[:d] - z[d:2 * d] if l1 else z[:d]), z[-1]
            p = rows @ np.append(w, b)
            low, low_slope = smooth(target - width - p)
            high, high_slope = smooth(p - target - width)
            value = (above * low + below * high).mean() + l2 / 2 * (w @ w) + (l1 * z[:2 * d].sum() if l1 else 0)
            g = rows.T @ (below * high_slope - above * low_slope) / n
            gw = g[:d] + l2 * w
            return value, np.concatenate([gw + l1, -gw + l1, g[d:]]) if l1 else np.append(gw, g[d])

        z = np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), [b]]) if l1 else np.append(w, b)
        bounds = [(0 if l1 else None, None)] * (len(z) - 1) + [(None, None)]
        best = scipy.optimize.minimize(function, z, jac=True, method="L-BFGS-B", bounds=bounds,
                                       options=dict(maxiter=100000, maxfun=1000000, ftol=1e-15, gtol=1e-10, maxcor=50))
        w, b = (best.x[:d] - best.x[d:2 * d] if l1 else best.x[:d]), best.x[-1]
    return w, b, "SciPy, smoothed loss"


def by_glm(word, kind, x, y, offset):
    """statsmodels' GLM with an offset, or an exposure"""
    links, families = sm.families.links, sm.families
    family = {"squared": families.Gaussian(), "logistic": families.Binomial(), "poisson": families.Poisson(),
              "gamma": families.Gamma(link=links.log()), "tweedie": families.Tweedie(link=links.log(), var_power=POWER)}[word]
    m = sm.GLM(y, sm.add_constant(x), family=family, **{kind: offset}).fit(tol=1e-14, maxiter=1000)
    return m.params[1:], m.params[0], "statsmodels, GLM, %s" % kind


def with_offsets(loss, x, y):
    """The kind of offset, its values, and targets that it changes: a column of x stands for it"""
    if loss.word in ("poisson", "gamma", "tweedie"):
        exposure = np.exp(x[:, 2])
        return "exposure", exposure, y * exposure
    return "offset", x[:, 2] * (30 if loss.data == DIABETES else 1), y


def by_peer(loss, x, y, l1, l2):
    """What scikit-learn or statsmodels minimizes where that is this objective; None elsewhere"""
    n = len(y)
    if loss.word in ("squared", "mse"):
        scale = 1 if loss.word == "squared" else 2
        if l1:
            total = (l1 + l2) / scale
            m = linear_model.ElasticNet(alpha=total, l1_ratio=l1 / (l1 + l2), tol=1e-12, max_iter=1000000).fit(x, y)
        else:
            m = linear_model.Ridge(alpha=max(l2, 1e-14) * n / scale, solver="svd").fit(x, y)
        return m.coef_, m.intercept_, "scikit-learn, " + type(m).__name__
    if loss.word in ("poisson", "gamma") and not l1:
        make = linear_model.PoissonRegressor if loss.word == "poisson" else linear_model.GammaRegressor
        m = make(alpha=l2, tol=1e-12, max_iter=100000).fit(x, y)
        return m.coef_, m.intercept_, "scikit-learn, " + make.__name__
    if loss.word == "tweedie" and not l1 and not l2:
        family = sm.families.Tweedie(link=sm.families.links.log(), var_power=POWER)
        m = sm.GLM(y, sm.add_constant(x), family=family).fit(tol=1e-14, maxiter=1000)
        return m.params[1:], m.params[0], "statsmodels, GLM Tweedie"
    if loss.word == "logistic" and (l1 or l2):
        l1_ratio = l1 / (l1 + l2)
        kind = dict(penalty="elasticnet", l1_ratio=l1_ratio, solver="saga") if l1 else dict(penalty="l2", solver="lbfgs")
        m = linear_model.LogisticRegression(C=1 / ((l1 + l2) * n), tol=1e-10, max_iter=200000, **kind).fit(x, y)
        return m.coef_[0], m.intercept_[0], "scikit-learn, LogisticRegression"
    if loss.word == "hinge" and l2 and not l1:
        m = svm.SVC(kernel="linear", C=1 / (l2 * n), tol=1e-8).fit(x, y)
        return m.coef_[0], m.intercept_[0], "scikit-learn, SVC"
    if loss.word == "epsilon-insensitive" and l2 and not l1:
        m = svm.SVR(kernel="linear", C=1 / (l2 * n), epsilon=WIDTH, tol=1e-8).fit(x, y)
        return m.coef_[0], m.intercept_[0], "scikit-learn, SVR"
    if loss.word == "quantile" and not l2:
        m = linear_model.QuantileRegressor(quantile=SHARE, alpha=l1, solver="highs").fit(x, y)
        return m.coef_, m.intercept_, "scikit-learn, QuantileRegressor"
    return None


def by_cusgd(cusgd, loss, x, y, l1, l2, folder, offset=None):
    """w and b in units of x, which is standardized already"""
    np.save(os.path.join(folder, "x.npy"), x)
    np.save(os.path.join(folder, "y.npy"), y)
    if offset:
        np.save(os.path.join(folder, offset[0] + ".npy"), offset[1])
    model = os.path.join(folder, "model.safetensors")
    command = [cusgd, "train", folder, "--loss", loss.word, "--l1", l1, "--l2", l2, "--precision", "double", "--no-standardize",
               "--device", "cpu", "--quiet", "--model", model, "--epochs", 10000, "--schedule", "polynomial",
               "--batch", 64, "--no-average"] + loss.options
    subprocess.run([str(word) for word in command], check=True)
    with open(model, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, values = json.loads(file.read(size)), file.read()
    take = lambda name: np.frombuffer(values[slice(*header[name]["data_offsets"])], dtype="<f8")
    return take("weight"), take("bias")[0]


def main():
    warnings.filterwarnings("ignore")
    cusgd = os.path.abspath(sys.argv[1])
    path = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "reference.md")
    lines, worst = [], 0.0
    for loss in LOSSES:
        for name, (l1, l2) in PENALTIES.items():
            if loss.data == CANCER and name == "none":
                continue  # the classes can be separated: there is no optimum
            x, y = read(loss.data)
            l1, l2 = l1 * loss.unit, l2 * (1 if loss.data == CANCER else max(loss.unit / 77.0, 0.001))
            found = by_peer(loss, x, y, l1, l2) or (by_scipy if loss.derivative else by_programme)(loss, x, y, l1, l2)
            least = objective(loss, x, y, l1, l2, *found[:2])
            with tempfile.TemporaryDirectory() as folder:
                w, b = by_cusgd(cusgd, loss, x, y, l1, l2, folder)
            ours = objective(loss, x, y, l1, l2, w, b)
            gap = (ours - least) / abs(least)
            worst = max(worst, gap)
            lines.append("| %s | %s | %s | %.8g | %.8g | %.1e | %d of %d |" % (
                loss.word, name, found[2], least, ours, gap, np.count_nonzero(w == 0), len(w)))
            print(lines[-1], flush=True)
    for loss in LOSSES:
        if loss.word not in ("squared", "poisson", "gamma", "tweedie", "logistic"):
            continue
        x, y = read(loss.data)
        kind, offset, y = with_offsets(loss, x, y)
        x = np.delete(x, 2, axis=1)[:, :6]
        if loss.data == CANCER:
            x = x[:, :2]  # more of them can separate the classes
        found = by_glm(loss.word, kind, x, y, offset)
        shift = np.log(offset) if kind == "exposure" else offset
        with tempfile.TemporaryDirectory() as folder:
            w, b = by_cusgd(cusgd, loss, x, y, 0, 0, folder, (kind, offset))
        least, ours = (loss.value(x @ w_ + b_ + shift, y).mean() for w_, b_ in (found[:2], (w, b)))
        gap = (ours - least) / abs(least)
        worst = max(worst, gap)
        lines.append("| %s | %s | %s | %.8g | %.8g | %.1e | %d of %d |" % (
            loss.word, "none, " + kind, found[2], least, ours, gap, np.count_nonzero(w == 0), len(w)))
        print(lines[-1], flush=True)
    text = """# The objective's optimum, by a peer and by cusgd

Written by scripts/reference.py. Data: tests/golden/datasets, %s for classes, %s else, columns standardized. Both models are scored by
one function; a negative relative gap means that cusgd's objective is the lower one. Penalty weights: l1 (0, 0.02, 0.01) and l2 0.01 in units of
the loss; see the script. Cases with an offset or exposure leave its column out of x. cusgd runs `--optimizer auto --schedule polynomial --no-average --batch 64 --epochs 10000 --precision double`.

| Loss | Penalty | Peer | Peer's objective | cusgd's | Relative gap | Zeros |
|---|---|---|---|---|---|---|
""" % (CANCER, DIABETES) + "\n".join(lines) + "\n"
    if path != "-":
        with open(path, "w") as file:
            file.write(text)
    print("worst relative gap %.2g, %s" % (worst, "within" if worst <= BOUND else "NOT within") + " a relative %g" % BOUND)
    return 0 if worst <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
