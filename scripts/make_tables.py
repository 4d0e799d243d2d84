"""Golden tables: mixed columns encoded by pandas and scikit-learn, with the models that scikit-learn fits to them.

Needs pandas and scikit-learn besides NumPy, and is therefore run by itself: python3 scripts/make_tables.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "tables"
ROWS = 120
TEXT = ["color", "place, with comma"]
NUMBERS = ["size", "age", "member"]


def make_table() -> pd.DataFrame:
    random = np.random.default_rng(7)
    color = random.choice(["red", "green", "blue", "Gr\u00fcn"], ROWS)
    place = random.choice(["A, north", 'B "old"', "C"], ROWS)
    size, age = random.normal(50, 9, ROWS).round(3), random.integers(18, 80, ROWS).astype(float)
    member = random.random(ROWS) < 0.4
    y = 2 * size - age / 3 + 9 * (color == "red") - 4 * (place == "C") + 5 * member + random.normal(0, 2, ROWS)
    table = pd.DataFrame({"color": color, TEXT[1]: place, "size": size, "age": age, "member": member, "y": y.round(4)})
    table.loc[random.choice(ROWS, 9, replace=False), "size"] = np.nan
    table.loc[random.choice(ROWS, 5, replace=False), "color"] = np.nan
    return table


def fit_dropped(table: pd.DataFrame) -> dict:
    """Rows without missing values; the first category in the order of bytes is the reference."""
    rows = table.dropna()
    encoder = OneHotEncoder(drop="first", sparse_output=False).fit(rows[TEXT])
    x = np.column_stack([encoder.transform(rows[TEXT]), rows[NUMBERS].astype(float)])
    model = LinearRegression().fit(x, rows["y"])
    return {"rows": len(rows), "coef": list(model.coef_), "intercept": model.intercept_, "predictions": list(model.predict(x))}


def fit_imputed(table: pd.DataFrame) -> dict:
    """Means and indicators; a missing category is one of its own, as an indicator makes it."""
    color = OneHotEncoder(categories=[sorted(table["color"].dropna().unique(), key=lambda s: s.encode())], drop="first",
                          handle_unknown="ignore", sparse_output=False)
    x = np.column_stack([
        color.fit(table[["color"]].dropna()).transform(table[["color"]].fillna("none of them")),
        table["color"].isna(),
        OneHotEncoder(drop="first", sparse_output=False).fit_transform(table[[TEXT[1]]]),
        SimpleImputer(add_indicator=True).fit_transform(table[["size"]]),
        table[["age", "member"]].astype(float),
    ]).astype(float)
    model = LinearRegression().fit(x, table["y"])
    return {"coef": list(model.coef_), "intercept": model.intercept_, "predictions": list(model.predict(x))}


def fit_ridge(table: pd.DataFrame, l2: float) -> dict:
    """All levels, standardized columns, the penalty l2/2 |theta|^2 added to the mean of the halved squares."""
    rows = table.dropna()
    encoder = OneHotEncoder(sparse_output=False).fit(rows[TEXT])
    x = np.column_stack([encoder.transform(rows[TEXT]), rows[NUMBERS].astype(float)])
    model = make_pipeline(StandardScaler(), Ridge(alpha=l2 * len(rows), tol=1e-12)).fit(x, rows["y"])
    return {"l2": l2, "predictions": list(model.predict(x))}


def fit_classes(table: pd.DataFrame) -> dict:
    """Labels 4 and 2 of a logistic regression on the complete numeric columns."""
    x = StandardScaler().fit_transform(table[["age"]])
    label = np.where(table["y"] > table["y"].median(), 4, 2)
    model = LogisticRegression(C=1 / (0.01 * len(x)), tol=1e-10, max_iter=10000).fit(x, label)
    return {"label": [int(v) for v in label], "probabilities": list(model.predict_proba(x)[:, 1]),
            "classes": [int(v) for v in model.predict(x)]}


def measure() -> dict:
    """Metrics of scores with ties, weighted; and of the scores as predictions of a number."""
    random = np.random.default_rng(9)
    score = random.normal(0, 2, 80).round(1)
    label = (score + random.normal(0, 2, 80) > 0.3).astype(int)
    weight = random.choice([0, 0.5, 1, 3], 80)
    number = score + random.normal(0.2, 1, 80).round(3)
    found = (score > 0).astype(int)
    k = {"sample_weight": weight}
    return {
        "score": list(score), "label": [int(v) for v in label], "weight": list(weight), "number": list(number),
        "accuracy": metrics.accuracy_score(label, found, **k),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, found, **k),
        "precision": metrics.precision_score(label, found, **k), "recall": metrics.recall_score(label, found, **k),
        "f1": metrics.f1_score(label, found, **k), "auc": metrics.roc_auc_score(label, score, **k),
        "average_precision": metrics.average_precision_score(label, score, **k),
        "confusion": [float(v) for v in metrics.confusion_matrix(label, found, **k).ravel()],
        "explained_variance": metrics.explained_variance_score(number, score, **k),
        "max_error": metrics.max_error(number[weight > 0], score[weight > 0]),
    }


if __name__ == "__main__":
    table = make_table()
    table.to_csv(FOLDER / "mixed.csv", index=False, na_rep="NA")
    results = {"dropped": fit_dropped(table), "imputed": fit_imputed(table), "ridge": fit_ridge(table, 0.1),
               "classes": fit_classes(table), "metrics": measure()}
    (FOLDER / "mixed.json").write_text(json.dumps(results, indent=1) + "\n")
