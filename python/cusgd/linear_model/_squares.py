"""Least squares, plain and with penalties."""

from __future__ import annotations

from typing import Any

from ._base import Array, keep, nonnegative, penalty_options, share, solver_options
from ._regressor import Regressor


class LinearRegression(Regressor):
    """Ordinary least squares. Of several solutions, that of least norm of the coefficients, as scikit-learn's.

    Parameters
    ----------
    fit_intercept : bool
        Whether to fit an intercept.
    positive : bool
        Whether coefficients must not be negative; trained by full-batch steps then.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Examples
    --------
    >>> import numpy as np
    >>> from cusgd.linear_model import LinearRegression
    >>> X = np.array([[1.0, 1], [1, 2], [2, 2], [2, 3]])
    >>> LinearRegression().fit(X, X @ [1.0, 2.0] + 3).coef_.round(6).tolist()
    [1.0, 2.0]
    """

    positive: bool

    def __init__(self, *, fit_intercept: bool = True, positive: bool = False, n_jobs: int | None = None) -> None:
        keep(self, locals())

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        options = {"loss": "squared", **solver_options(self, None, None)}
        if self.positive:
            # By steps of all rows, as minibatch steps do not come to rest at bounds
            return {**options, "lower": 0.0, "batch": rows, "epochs": 10**4, "tolerance": 1e-12, "patience": 100}
        return {**options, "solver": "exact"}

    def _minimize(
        self, X: Array, y: Array, weights: Array | None, options: dict[str, Any], start: tuple[Array, Array] | None
    ) -> tuple[Array, Array]:
        found = super()._minimize(X, y, weights, options, start)
        if "least norm" in self.result_.note:
            # Standardized columns' coefficients; scikit-learn takes the least norm of those of the columns as they are
            found = self._train(X, y, weights, {**options, "standardize": False}, start=start)
        return found


class Ridge(Regressor):
    """Least squares with a penalty ``alpha * |coef|^2`` on the sum of squared errors.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether to fit an intercept, which is not penalized.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    def __init__(self, alpha: float = 1.0, *, fit_intercept: bool = True, n_jobs: int | None = None) -> None:
        keep(self, locals())

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        return {
            "loss": "squared",
            "solver": "exact",
            **solver_options(self, None, None),
            **penalty_options(0.0, nonnegative(self.alpha, "alpha") / weight_sum),
        }


class ElasticNet(Regressor):
    """Least squares with penalties on the absolute values and squares of the coefficients.

    Minimizes ``|y - X coef|^2 / (2 n) + alpha * l1_ratio * |coef|_1 + alpha * (1 - l1_ratio) / 2 * |coef|^2``.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    l1_ratio : float
        Share of the penalty on absolute values, from 0 to 1.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        Limit of iterations.
    tol : float
        The run ends when the gradient's norm is at most this share of the intercept-only model's.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    tol: float | None
    _multi_output = False

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        max_iter: int = 10000,
        tol: float | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        alpha, of_l1 = nonnegative(self.alpha, "alpha"), share(self.l1_ratio, "l1_ratio")
        return {
            "loss": "squared",
            "solver": "lbfgs",
            **solver_options(self, self.max_iter, self.tol),
            **penalty_options(alpha * of_l1, alpha * (1 - of_l1)),
        }


class Lasso(ElasticNet):
    """Least squares with a penalty on the absolute values of the coefficients: `ElasticNet` with ``l1_ratio=1``.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        Limit of iterations.
    tol : float
        The run ends when the gradient's norm is at most this share of the intercept-only model's.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    l1_ratio = 1.0

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        max_iter: int = 10000,
        tol: float | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())
