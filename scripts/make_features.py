"""Golden vectors of features and statistics: dates by pandas, polynomials by scikit-learn.

Needs pandas and scikit-learn besides NumPy, and is therefore run by itself: python3 scripts/make_features.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import PolynomialFeatures

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden" / "tables"

DATES = [
    "2024-03-05", "2024/3/5", "2024.03.05", "20240305", "5 March 2024", "5-Mar-2024", "Mar 5, 2024", "March 5 2024", "5 Sept 2024",
    "2024-02-29", "2000-02-29", "1900-03-01", "1970-01-01", "1969-12-31", "1700-01-01", "2199-12-31", "2024-12-31",
    "2024-03-05T14:30:15", "2024-03-05 14:30", "2024-03-05 14:30:15.250", "2024-03-05T23:30:00Z", "2024-03-05T23:30:00-05:00",
    "2024-03-05 00:30+0200", "2024-03-05 2:30 PM", "2024-03-05 12:05 AM", "5 March 2024 08:00",
]  # fmt: skip
OPEN_DATES = ["13/3/2024", "05/03/2024", "3/5/2024 18:00", "29.2.2024", "1-12-1999"]


def parts_of(moment: pd.Timestamp) -> list[float]:
    if moment.tzinfo is not None:
        moment = moment.tz_convert("UTC").tz_localize(None)
    days = (moment - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    return [moment.year, moment.month, moment.weekday(), days]


def make_dates() -> dict:
    plain = [{"text": text, "parts": parts_of(pd.Timestamp(text.replace("Sept", "Sep")))} for text in DATES]
    day_first = [{"text": text, "parts": parts_of(pd.to_datetime(text, dayfirst=True))} for text in OPEN_DATES]
    month_first = [
        {"text": text, "parts": parts_of(pd.to_datetime(text, dayfirst=False))}
        for text in ["3/13/2024", "03/05/2024", "3/5/2024 18:00", "12-1-1999"]
    ]
    return {"plain": plain, "day_first": day_first, "month_first": month_first}


def make_polynomials() -> dict:
    """Three columns; all products up to degree 3, and the powers alone, in scikit-learn's order."""
    x = np.random.default_rng(3).normal(size=(6, 3)).round(3)
    expander = PolynomialFeatures(3, include_bias=False).fit(x)
    values = expander.transform(x)
    powers = (expander.powers_ > 0).sum(axis=1) == 1
    return {"x": x.tolist(), "interactions": values.tolist(), "powers": values[:, powers].tolist()}


if __name__ == "__main__":
    results = {"dates": make_dates(), "polynomials": make_polynomials()}
    (FOLDER / "features.json").write_text(json.dumps(results, indent=1) + "\n")
