"""Estimators with the interface of scikit-learn.

The parameters that define the objective (such as loss, penalty, alpha and C) have the names, defaults and meaning that they have
in scikit-learn. cuSGD chooses how to minimize the objective: the columns are standardized internally, and the solver, the
learning rate and the stopping rule are chosen from the data. Coefficients are in the units of the data.

In addition to the attributes of scikit-learn, fitted estimators have ``result_`` (`cusgd.Result`), ``history_``
(`cusgd.History`), ``options_`` (dict), ``converged_`` (bool), and ``stderr_`` and ``p_values_`` (the standard errors and p-values
of the coefficients and, last, of the intercept, or None). Estimators that train several models in one pass differ:
`QuantileRegressor` with several quantiles has only ``converged_``, and `SGDRegressorCV` and `SGDClassifierCV` have ``sweep_``
(`cusgd.Sweep`) instead.
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
