"""Least squares, with and without penalties."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._arrays import is_sparse
from .._errors import ConvergenceWarning, HostMemoryError, NotConvergedError
from .._path import path
from ._base import WORDS, Array, keep, nonnegative, penalty_options, share, solver_options, threads
from ._regressor import Regressor

FEW_ITERATIONS = 100  # number of lbfgs iterations before coordinate descent is tried
FEW_COLUMNS = 2000  # the products of so many columns take 32 MB, and less time than thousands of iterations
# Coefficients that must not be negative.
POSITIVE: dict[str, Any] = {"solver": "lbfgs", "lower": 0.0}


class LinearRegression(Regressor):
    """Ordinary least squares.

    If there are several solutions, the result is that with the minimum norm of the coefficients, as in scikit-learn.

    Parameters
    ----------
    fit_intercept : bool
        Whether to fit an intercept.
    positive : bool
        Whether to require nonnegative coefficients. L-BFGS with bounds then computes them.
    n_jobs : int, optional
        The number of threads. The result does not depend on it.
    copy_X, tol
        These parameters have no effect, because X is never modified and the solution is exact. For sparse X, it is computed to a
        norm of the gradient of 1e-9 relative to the start.

    Examples
    --------
    >>> import numpy as np
    >>> from cusgd.linear_model import LinearRegression
    >>> X = np.array([[1.0, 1], [1, 2], [2, 2], [2, 3]])
    >>> LinearRegression().fit(X, X @ [1.0, 2.0] + 3).coef_.round(6).tolist()
    [1.0, 2.0]
    """

    positive: bool

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float | None = None,
        n_jobs: int | None = None,
        positive: bool = False,
    ) -> None:
        keep(self, locals())

    def _words(self) -> dict[str, str]:
        return {**WORDS, "some --l2": "Ridge"}

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        options = {"loss": "squared", **solver_options(self, None, None)}
        return {**options, **(POSITIVE if self.positive else {"solver": "exact"})}

    def _minimize(
        self, X: Any, y: Array, weights: Array | None, options: dict[str, Any], start: tuple[Array, Array] | None
    ) -> tuple[Array, Array]:
        found = super()._minimize(X, y, weights, options, start)
        if "least norm" in self.result_.note:
            # That result minimizes the norm of the coefficients of standardized columns. As in scikit-learn, minimize the norm of
            # the coefficients of the original columns instead.
            found = self._train(X, y, weights, {**options, "standardize": False}, start=start)
        return found


class Ridge(Regressor):
    """Least squares with a penalty ``alpha * |coef|^2`` on the sum of squared errors.

    Parameters
    ----------
    alpha : float or array of shape (n_targets,)
        The strength of the penalty. An array contains a value for each target.
    fit_intercept : bool
        Whether to fit an intercept, which is not penalized.
    positive : bool
        Whether to require nonnegative coefficients. L-BFGS with bounds then computes them.
    max_iter : int, optional
        The maximum number of iterations with ``positive=True``.
    n_jobs : int, optional
        The number of threads. The result does not depend on it.
    copy_X, tol, solver, random_state
        These parameters have no effect, because X is never modified and the solution is exact.
    """

    positive: bool

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float | None = None,
        solver: str = "auto",
        positive: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        alphas = [nonnegative(alpha, "alpha") for alpha in np.atleast_1d(self.alpha)]
        options = {"loss": "squared", **solver_options(self, None, None), **penalty_options(0.0, alphas[0] / weight_sum)}
        if self.positive:
            return {**options, **solver_options(self, self.max_iter, None), **POSITIVE}
        return {**options, "solver": "exact"}

    def _minimize(
        self, X: Any, y: Array, weights: Array | None, options: dict[str, Any], start: tuple[Array, Array] | None
    ) -> tuple[Array, Array]:
        if np.ndim(self.alpha) == 0:
            return super()._minimize(X, y, weights, options, start)
        targets = y[:, None] if y.ndim == 1 else y
        alphas: list[float] = np.asarray(self.alpha, dtype=np.float64).tolist()
        if len(alphas) != targets.shape[1]:
            raise ValueError(
                f"Number of targets and number of penalties do not correspond: {len(alphas)} alphas for "
                f"{targets.shape[1]} targets"
            )
        weight_sum = float(X.shape[0]) if weights is None else float(weights.sum())
        found = []
        for j, alpha in enumerate(alphas):
            penalty = {"l2": 0.0, **penalty_options(0.0, alpha / weight_sum)}
            found.append(self._train(X, np.ascontiguousarray(targets[:, j]), weights, {**options, **penalty}))
        return np.vstack([weight for weight, _ in found]), np.concatenate([bias for _, bias in found])

    def _keep_coefficients(self, weight: Array, bias: Array, single: bool, dtype: Any) -> None:
        super()._keep_coefficients(weight, bias, single, dtype)
        if len(weight) == 1:  # unlike other regressors, Ridge of scikit-learn has a vector even if y is a matrix of one column
            self.coef_ = self.coef_.ravel()


class ElasticNet(Regressor):
    """Least squares with penalties on the absolute values and the squares of the coefficients.

    The objective is ``|y - X coef|^2 / (2 n) + alpha * l1_ratio * |coef|_1 + alpha * (1 - l1_ratio) / 2 * |coef|^2``.

    Parameters
    ----------
    alpha : float
        The strength of the penalty.
    l1_ratio : float
        The share of the penalty on absolute values, from 0 to 1.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        The maximum number of iterations. If dense rows with at most 2000 columns need more than 100 iterations, coordinate
        descent is tried, and further iterations start from its result.
    tol : float
        The run ends when the norm of the gradient is at most this share of the norm for the intercept-only model. None stands for
        1e-9, or 1e-5 for float32.
    warm_start : bool
        Whether to start from the coefficients of the previous fit.
    positive : bool
        Whether to require nonnegative coefficients. L-BFGS with bounds then computes them.
    n_jobs : int, optional
        The number of threads. The result does not depend on it.
    precompute, copy_X, random_state, selection
        These parameters of scikit-learn's coordinate descent have no effect.
    """

    tol: float | None
    max_iter: int
    positive: bool
    _multi_output = False

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        precompute: Any = False,
        max_iter: int = 10000,
        copy_X: bool = True,
        tol: float | None = None,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _words(self) -> dict[str, str]:
        return {**WORDS, "--solver auto, or some --l2": "a larger max_iter or tol"}

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        alpha, of_l1 = nonnegative(self.alpha, "alpha"), share(self.l1_ratio, "l1_ratio")
        objective = {"loss": "squared", **penalty_options(alpha * of_l1, alpha * (1 - of_l1))}
        bounds = POSITIVE if self.positive else {"solver": "lbfgs"}
        return {**objective, **solver_options(self, self.max_iter, self.tol), **bounds}

    def _minimize(
        self, X: Any, y: Array, weights: Array | None, options: dict[str, Any], start: tuple[Array, Array] | None
    ) -> tuple[Array, Array]:
        may_be_slow = not self.positive and options.get("l1", 0.0) > 0 and self.max_iter > FEW_ITERATIONS
        if may_be_slow and not is_sparse(X) and X.shape[1] <= FEW_COLUMNS:
            found = self._train(X, y, weights, {**options, "epochs": FEW_ITERATIONS}, start=start, warns=False)
            if self.converged_:
                return found
            start = self._by_coordinates(X, y, weights) or found
            found = super()._minimize(X, y, weights, {**options, "epochs": self.max_iter - FEW_ITERATIONS}, start)
            self.n_iter_ += FEW_ITERATIONS
            return found
        return super()._minimize(X, y, weights, options, start)

    def _by_coordinates(self, X: Any, y: Array, weights: Array | None) -> tuple[Array, Array] | None:
        """Return the optimum that coordinate descent on the products of all columns finds, or None if it does not converge.

        If columns are nearly linearly dependent, lbfgs takes thousands of iterations to find the optimum. If it starts there, it
        only has to compute the gradient.
        """
        settings: dict[str, Any] = {"standardize": False, "intercept": bool(self.fit_intercept), "threads": threads(self.n_jobs)}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                found = path(X, y, l1_ratio=self.l1_ratio, alphas=[self.alpha], folds=0, sample_weight=weights, **settings)
        except (NotConvergedError, HostMemoryError):
            return None
        if not found.converged_.all():
            return None
        return found.coef_[None, :], np.array([found.intercept_])


class Lasso(ElasticNet):
    """Least squares with a penalty on the absolute values of the coefficients (`ElasticNet` with ``l1_ratio=1``).

    Parameters
    ----------
    alpha : float
        The strength of the penalty.
    fit_intercept, max_iter, tol, warm_start, positive, n_jobs
        As for `ElasticNet`.
    precompute, copy_X, random_state, selection
        These parameters of scikit-learn's coordinate descent have no effect.
    """

    l1_ratio = 1.0

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        precompute: Any = False,
        max_iter: int = 10000,
        copy_X: bool = True,
        tol: float | None = None,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())
