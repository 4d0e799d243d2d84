"""Penalties on the coefficients of columns of very different scales: solutions by scikit-learn on the columns as they are.

The objective is (1/n) sum_i (w_i / w_mean) l_i + l2/2 |coef|^2 + l1 |coef|_1. What scikit-learn finds is checked here by the
conditions of an optimum, and for least squares without l1 by the normal equations.
"""
import warnings

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

ROWS, SCALES, MEANS = 60, np.array([1000, 0.01, 1, 30, 0.2]), np.array([5000, 0.03, -2, 0, 1])
TIGHT = dict(tol=1e-14, max_iter=1000000)


def subgradient(x, y, w, logistic, l1, l2, coef, intercept):
    p = x @ coef + intercept
    derivative = (1 / (1 + np.exp(-p)) if logistic else p) - y
    g = x.T @ (w * derivative) / w.sum() + l2 * coef
    g = np.where(coef != 0, g + l1 * np.sign(coef), np.sign(g) * np.maximum(abs(g) - l1, 0))
    return np.append(g, (w * derivative).sum() / w.sum())


def solve(x, y, w, logistic, l1, l2):
    n = len(y)
    if logistic:
        fit = LogisticRegression(C=1 / (l2 * w.sum()), solver="newton-cholesky", **TIGHT).fit(x, y, w)
        return fit.coef_[0], fit.intercept_[0]
    if l1 == 0:
        fit = Ridge(alpha=l2 * w.sum(), solver="cholesky").fit(x, y, w)
        centre = (w @ x) / w.sum(), (w @ y) / w.sum()
        a, b = x - centre[0], y - centre[1]
        known = np.linalg.solve(a.T @ (w[:, None] * a) + l2 * w.sum() * np.eye(x.shape[1]), a.T @ (w * b))
        assert np.allclose(fit.coef_, known, rtol=1e-9)
        return fit.coef_, fit.intercept_
    fit = ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), **TIGHT).fit(x, y, w)
    return fit.coef_, fit.intercept_


def penalties():
    random = np.random.default_rng(5)
    x = (MEANS + SCALES * random.normal(size=(ROWS, len(SCALES)))).round(6)
    scores = (x - MEANS) / SCALES @ [1, 0.7, -0.5, 0.2, 0.3] + random.normal(size=ROWS)
    weights = random.integers(1, 4, ROWS).astype(float)
    y, classes = (3 + 2 * scores).round(6), (scores > 0).astype(float)
    out = []
    for name, logistic, weighted, l1, l2 in [("ridge", 0, 0, 0, 0.02), ("ridge, weighted", 0, 1, 0, 1), ("lasso", 0, 0, 0.01, 0),
                                             ("elastic net", 0, 0, 0.02, 0.005), ("logistic", 1, 0, 0, 0.01)]:
        w, targets = weights if weighted else np.ones(ROWS), classes if logistic else y
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            coef, intercept = solve(x, targets, w, logistic, l1, l2)
        left = subgradient(x, targets, w, logistic, l1, l2, coef, intercept) / np.append(SCALES, 1)
        assert abs(left).max() < 1e-9, (name, left)
        out.append(dict(name=name, loss="logistic" if logistic else "squared", l1=l1, l2=l2, weighted=bool(weighted),
                        coefficients=coef.tolist(), intercept=float(intercept)))
    return dict(rows=ROWS, cols=len(SCALES), x=x.ravel().tolist(), y=y.tolist(), classes=classes.tolist(),
                weights=weights.tolist(), solutions=out)
