"""Golden vectors of features and statistics: dates by pandas, polynomials by scikit-learn, distributions by mpmath,
p-values and intervals by statsmodels.

Needs these four and SciPy besides NumPy, and is therefore run by itself: python3 scripts/make_features.py
"""

from __future__ import annotations

import json
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.linear_model import Lasso, Ridge
from sklearn.preprocessing import PolynomialFeatures, RobustScaler

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


def make_robust() -> dict:
    """Ridge regressions of columns with outliers, scaled by RobustScaler: the penalty l2/2 |theta|^2 added to half the mean square."""
    random = np.random.default_rng(11)
    x = np.column_stack([random.standard_t(1.5, 61), 1000 + 50 * random.normal(size=61), random.exponential(0.01, 61)]).round(5)
    y = (x @ [1.0, 0.02, 30.0] + random.normal(size=61)).round(5)
    scaler, n, fits = RobustScaler().fit(x), len(x), {}
    for name, center in (("intercept", True), ("no_intercept", False)):
        z = (x - center * scaler.center_) / scaler.scale_
        ridge = Ridge(alpha=0.3 * n, fit_intercept=center, solver="cholesky").fit(z, y)
        weight = ridge.coef_ / scaler.scale_
        fits[name] = [*weight, ridge.intercept_ - center * weight @ scaler.center_]
    return {"x": x.tolist(), "y": y.tolist(), "l2": 0.3, **fits}


def make_whitened() -> dict:
    """Ridge and lasso of correlated columns, whitened by PCA(whiten=True) and by the ZCA formula, after StandardScaler and without
    it; coefficients and intercept in the data's units, of l2/2 |theta|^2 and l1 |theta|_1 added to half the mean square."""
    random = np.random.default_rng(23)
    n = 80
    common = random.normal(size=(n, 1))
    x = (common + 0.3 * random.normal(size=(n, 4))) * [1.0, 20.0, 0.5, 3.0] + [0.0, 100.0, 1.0, -5.0]
    x = x.round(4)
    y = (x @ [1.0, -0.1, 2.0, 0.0] + random.normal(size=n)).round(4)
    results = {"x": x.tolist(), "y": y.tolist(), "l2": 0.2, "l1": 0.15}
    for scaled in (True, False):
        scale = x.std(axis=0) if scaled else np.ones(4)
        centered = (x - x.mean(axis=0)) / scale
        pca = PCA(whiten=True).fit(centered)
        forward = {"pca": pca.components_.T / np.sqrt(pca.explained_variance_ * (n - 1) / n)}
        np.testing.assert_allclose(pca.transform(centered) * np.sqrt(n / (n - 1)), centered @ forward["pca"], atol=1e-10)
        values, vectors = np.linalg.eigh(np.cov(centered.T, bias=True))
        forward["zca"] = vectors @ np.diag(values**-0.5) @ vectors.T
        for kind, matrix in forward.items():
            z = centered @ matrix
            for name, model in (
                ("ridge", Ridge(alpha=0.2 * n, solver="cholesky")),
                ("lasso", Lasso(alpha=0.15, tol=1e-14, max_iter=100000)),
            ):
                fit = model.fit(z, y)
                weight = matrix @ fit.coef_ / scale
                results[f"{kind}_{name}_{'scaled' if scaled else 'raw'}"] = [*weight, fit.intercept_ - weight @ x.mean(axis=0)]
    return results


def two_sided(t: mpmath.mpf, degrees: float) -> mpmath.mpf:
    """The probability beyond +-t, of `degrees` (0: a normal distribution)."""
    if degrees == 0:
        return mpmath.erfc(t / mpmath.sqrt(2))
    return mpmath.betainc(
        mpmath.mpf(degrees) / 2, mpmath.mpf(1) / 2, 0, degrees / (degrees + mpmath.mpf(t) ** 2), regularized=True
    )


def make_distributions() -> dict:
    """[value, degrees of freedom (0: normal), result]: probabilities beyond +-t, and the t of a probability, in 40 digits. SciPy is
    the second opinion: it agrees to 1e-12 but at very small t and at many degrees of freedom."""
    mpmath.mp.dps = 40
    degrees = [0, 1, 2, 3, 4.5, 7, 10, 21, 37, 100, 431, 1000, 12345, 1e6]
    points = [1e-8, 0.001, 0.1, 0.5, 0.9, 1, 1.5, 1.96, 2.5, 4, 6, 9, 15, 30]
    shares = [0.9, 0.7, 0.5, 0.2, 0.1, 0.05, 0.01, 0.001, 1e-5, 1e-9]
    probabilities, quantiles, apart = [], [], 0
    for d in degrees:
        distribution = stats.t(d) if d else stats.norm
        for t in points:
            p = float(two_sided(mpmath.mpf(t), d))
            probabilities.append([t, d, p])
            apart += abs(2 * distribution.sf(t) / p - 1) > 1e-12
        for p in shares:
            start = mpmath.mpf(distribution.isf(p / 2))
            t = float(mpmath.findroot(lambda t, d=d, p=p: mpmath.log(two_sided(t, d) / p), start))
            quantiles.append([p, d, t])
            apart += abs(distribution.isf(p / 2) / t - 1) > 1e-12
    print(f"{apart} of {len(probabilities) + len(quantiles)} values differ from SciPy's by more than 1e-12")
    return {"probability": probabilities, "quantile": quantiles}


def make_metrics() -> dict:
    """Weighted metrics of a score p, with ties: of classes, of numbers, and of e^p as a mean. `plain`: without weights."""
    random = np.random.default_rng(19)
    n = 70
    score = random.normal(0, 0.7, n).round(1)
    weight = random.choice([0, 0.5, 1, 3], n)
    label = (score + random.normal(0, 1, n) > 0.2).astype(int)
    number = (score + random.standard_t(3, n)).round(1)
    count = random.poisson(np.exp(score))
    positive = (np.exp(score) * random.gamma(3, 1 / 3, n)).round(3) + 0.01
    found, mean, k = (score > 0).astype(int), np.exp(score), {"sample_weight": weight}
    results = {"score": score, "weight": weight, "label": label, "number": number, "count": count, "positive": positive}
    for name, k in (("weighted", {"sample_weight": weight}), ("plain", {})):
        kept = weight > 0 if k else weight >= 0
        results[name] = {
            "f1_macro": metrics.f1_score(label, found, average="macro", **k),
            "f1_weighted": metrics.f1_score(label, found, average="weighted", **k),
            "log_loss": metrics.log_loss(label, 1 / (1 + np.exp(-score)), **k),
            "median_absolute_error": metrics.median_absolute_error(
                number[kept], score[kept], **{n: v[kept] for n, v in k.items()}
            ),
            "d2_absolute_error": metrics.d2_absolute_error_score(number, score, **k),
            "d2_pinball": metrics.d2_pinball_score(number, score, alpha=0.8, **k),
            "pinball": metrics.mean_pinball_loss(number, score, alpha=0.8, **k),
            "r2": metrics.r2_score(number, score, **k),
            "explained_variance": metrics.explained_variance_score(number, score, **k),
            "mae": metrics.mean_absolute_error(number, score, **k),
        }
        for loss, y, power in (("poisson", count, 1), ("gamma", positive, 2), ("tweedie", positive, 1.5)):
            results[name][loss] = {
                "deviance": metrics.mean_tweedie_deviance(y, mean, power=power, **k),
                "d2": metrics.d2_tweedie_score(y, mean, power=power, **k),
            }
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in results.items()}


def known(fit: object) -> dict:
    """Of each coefficient, the intercept last."""
    low, high = np.asarray(fit.conf_int(0.05)).T
    return {
        "value": list(fit.params),
        "error": list(fit.bse),
        "statistic": list(fit.tvalues),
        "p_value": list(fit.pvalues),
        "lower": list(low),
        "upper": list(high),
    }


def make_inference() -> dict:
    """OLS, logistic and Poisson models of the diabetes data."""
    table = pd.read_csv(FOLDER.parent / "datasets" / "diabetes.csv")
    x = table.drop(columns="target")
    x["intercept"] = 1.0
    y = table["target"]
    logistic = sm.GLM((y > 140).astype(float), x, family=sm.families.Binomial()).fit(tol=1e-14)
    poisson = sm.GLM(y, x, family=sm.families.Poisson()).fit(tol=1e-14)
    return {"squared": known(sm.OLS(y, x).fit()), "logistic": known(logistic), "poisson": known(poisson)}


if __name__ == "__main__":
    results = {"dates": make_dates(), "polynomials": make_polynomials(), "robust": make_robust(), "whitened": make_whitened()}
    statistics = {"distributions": make_distributions(), "inference": make_inference(), "metrics": make_metrics()}
    (FOLDER / "statistics.json").write_text(json.dumps(statistics) + "\n")
    (FOLDER / "features.json").write_text(json.dumps(results, indent=1) + "\n")
