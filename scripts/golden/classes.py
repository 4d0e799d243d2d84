"""Predictions of several classes and what they are worth: scikit-learn's metrics, weighted, with ties of the largest score."""
import os

import numpy as np
from sklearn import metrics
from sklearn.datasets import load_iris


def softmax(p):
    e = np.exp(p - p.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_vs_rest(p):
    e = 1 / (1 + np.exp(-p))
    return e / e.sum(axis=1, keepdims=True)


def measures(y, share, found, w):
    one = {"sample_weight": w}
    macro = {"average": "macro", "zero_division": 0, **one}
    k = share.shape[1]
    out = {
        "log_loss": metrics.log_loss(y, share, labels=range(k), **one),
        "accuracy": metrics.accuracy_score(y, found, **one),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, found, **one),
        "precision": metrics.precision_score(y, found, **macro),
        "recall": metrics.recall_score(y, found, **macro),
        "f1": metrics.f1_score(y, found, **macro),
        "f1_weighted": metrics.f1_score(y, found, average="weighted", zero_division=0, **one),
        "confusion": metrics.confusion_matrix(y, found, labels=range(k), **one).ravel().tolist(),
    }
    for top in (3, 5):
        if k > top:
            out[f"top{top}"] = metrics.top_k_accuracy_score(y, share, k=top, labels=range(k), **one)
    return out


def case(random, n, k, kind):
    p = np.round(random.normal(size=(n, k)) * 2, 3)
    y = np.where(random.uniform(size=n) < 0.5, p.argmax(axis=1), random.integers(0, k, n))
    y[y == k - 1] = 0  # a class that is predicted and does not occur
    w = random.integers(0, 4, n).astype(float)
    share = (softmax if kind == "softmax" else one_vs_rest)(p)
    return {"kind": kind, "classes": k, "p": p.ravel().tolist(), "y": y.tolist(), "w": w.tolist(), "share": share.ravel().tolist(),
            "plain": measures(y, share, p.argmax(axis=1), None), "weighted": measures(y, share, p.argmax(axis=1), w)}


def iris(folder):
    """The table of the guide, by name of the class."""
    data = load_iris()
    names = [name.removesuffix(" (cm)").replace(" ", "_") for name in data.feature_names]
    with open(os.path.join(folder, "datasets", "iris.csv"), "w") as file:
        file.write(",".join([*names, "species"]) + "\n")
        for row, y in zip(data.data, data.target):
            file.write(",".join(["%.1f" % value for value in row] + [str(data.target_names[y])]) + "\n")


def classes():
    random = np.random.default_rng(5)
    return {"cases": [case(random, 40, k, kind) for k in (3, 5, 7) for kind in ("softmax", "logistic")]}
