"""Estimators with the interface of scikit-learn's.

What defines the objective (loss, penalty, alpha, C) has scikit-learn's names, defaults and meaning. How it is minimized is
cuSGD's choice: columns are standardized inside, and solver, learning rate and stopping rule are chosen from the data. Results are
in the data's units.

Estimators whose ``fit`` was called have, besides scikit-learn's attributes: ``result_`` (`cusgd.Result`), ``history_``
(`cusgd.History`), ``options_`` (dict), ``converged_`` (bool), ``stderr_`` and ``p_values_`` (standard errors and p-values, the
intercept's last, or None). Of those that train several models in one pass, `QuantileRegressor` with several quantiles has only
``converged_``, and `SGDRegressorCV` and `SGDClassifierCV` have ``sweep_`` (`cusgd.Sweep`) instead.
"""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ModuleNotFoundError:
    raise ModuleNotFoundError(f"{__name__} needs scikit-learn: pip install scikit-learn", name="sklearn") from None

from ._cv import SGDClassifierCV, SGDRegressorCV
from ._glm import GammaRegressor, PoissonRegressor, TweedieRegressor
from ._logistic import LogisticRegression
from ._quantile import QuantileRegressor
from ._sgd import SGDClassifier, SGDRegressor
from ._squares import ElasticNet, Lasso, LinearRegression, Ridge

__all__ = [
    "ElasticNet",
    "GammaRegressor",
    "Lasso",
    "LinearRegression",
    "LogisticRegression",
    "PoissonRegressor",
    "QuantileRegressor",
    "Ridge",
    "SGDClassifier",
    "SGDClassifierCV",
    "SGDRegressor",
    "SGDRegressorCV",
    "TweedieRegressor",
]
