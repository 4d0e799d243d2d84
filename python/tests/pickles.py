#!/usr/bin/env python3
"""Write the pickles that later versions are to load, with what the objects predict.

usage: pickles.py

Writes python/tests/data/pickles-VERSION/: NAME.pickle of each object, and predictions.json. Run it once for each version that is
released, and do not change what it wrote: test_pickles.py loads the files of all versions.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cusgd
import numpy as np
from cusgd import linear_model
from cusgd.compat import cuml

HERE = Path(__file__).resolve().parent
NEW_ROWS = np.array([[0.5, -1.0, 2.0], [-2.0, 0.25, 0.0], [1.0, 1.0, 1.0]])


def rows():
    """Return rows, real targets, counts, and classes as text."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=60)
    return X, y, rng.poisson(np.exp(y / 4)).astype(float), np.array(["low", "mean", "top"])[np.digitize(y, [2.0, 4.0])]


def objects(folder):
    """Return objects by name."""
    X, y, counts, names = rows()
    short = {"max_iter": 4, "tol": None}
    steps = linear_model.SGDClassifier(loss="log_loss", learning_rate="invscaling", eta0=0.1, average=True)
    few = linear_model.SGDRegressor()
    for i in range(0, 60, 20):
        steps.partial_fit(X[i : i + 20], names[i : i + 20], classes=np.unique(names))
        few.partial_fit(X[i : i + 20], y[i : i + 20])
    table = folder / "table.csv"
    table.write_text("a,b,kind,y\n" + "".join(f"{i},{i * i % 7},{'xyz'[i % 3]},{3 * i % 11}\n" for i in range(30)))
    return {
        "sgd_regressor": linear_model.SGDRegressor(**short).fit(X, y),
        "sgd_classifier": linear_model.SGDClassifier(**short).fit(X, names),
        "sgd_classifier_partial": steps,
        "sgd_regressor_partial": few,
        "own_loss": linear_model.SGDRegressor(loss_expr="log(cosh((p - y)/c))", constants={"c": 2.0}, **short).fit(X, y),
        "linear_regression": linear_model.LinearRegression().fit(X, y),
        "ridge": linear_model.Ridge(alpha=0.1).fit(X, y),
        "elastic_net": linear_model.ElasticNet(alpha=0.01).fit(X, y),
        "lasso": linear_model.Lasso(alpha=0.01).fit(X, y),
        "logistic_regression": linear_model.LogisticRegression().fit(X, (y > 3).astype(int)),
        "poisson_regressor": linear_model.PoissonRegressor().fit(X, counts),
        "gamma_regressor": linear_model.GammaRegressor().fit(X, counts + 1),
        "tweedie_regressor": linear_model.TweedieRegressor(power=1.5).fit(X, counts),
        "quantile_regressor": linear_model.QuantileRegressor(quantile=[0.25, 0.75], max_iter=4).fit(X, y),
        "sgd_regressor_cv": linear_model.SGDRegressorCV(param_grid={"alpha": [1e-3, 1e-1]}, cv=2, max_iter=4).fit(X, y),
        "sgd_classifier_cv": linear_model.SGDClassifierCV(param_grid={"alpha": [1e-3, 1e-1]}, cv=2, max_iter=4).fit(X, y > 3),
        "cuml_regressor": cuml.MBSGDRegressor(epochs=4).fit(X, y),
        "cuml_classifier": cuml.MBSGDClassifier(epochs=4).fit(X, (y > 3).astype(int)),
        "model": cusgd.fit(X, names, loss="logistic", l2=1e-3, epochs=4),
        "model_of_table": cusgd.fit(cusgd.read_table(table, target="y"), solver="exact"),
        "path": cusgd.path(X, y, alphas=[0.1, 0.01]),
        "sweep": cusgd.sweep(X, y, grid={"l2": [1e-4, 1e-2]}, folds=2, epochs=4),
    }


def predictions(found):
    """Return what an object predicts of `NEW_ROWS`, by method, as lists."""
    model = getattr(found, "model", found)
    if isinstance(model, cusgd.Model):
        X = NEW_ROWS if len(model.weight[0]) == 3 else np.eye(len(model.weight[0]))
        return {"link": model.predict(X, "link").tolist()}
    methods = [name for name in ("predict", "predict_proba", "decision_function") if hasattr(found, name)]
    return {name: getattr(found, name)(NEW_ROWS).tolist() for name in methods}


def main():
    """Write all."""
    folder = HERE / "data" / f"pickles-{cusgd.__version__}"
    folder.mkdir(parents=True)  # fails where the files exist
    expected = {}
    for name, made in objects(folder).items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(made, protocol=4))
        expected[name] = predictions(made)
    (folder / "table.csv").unlink()
    (folder / "predictions.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
