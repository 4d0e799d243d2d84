"""Quantile regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import is_sparse, readable
from .._sweep import fit_quantiles
from ._base import Array, keep, nonnegative, penalty_options, solver_options, threads
from ._regressor import Regressor

FEW_COLUMNS = 2000
LARGE = 5e9  # for so many rows times squared columns, each of 10 to 30 iterations takes about a second


class QuantileRegressor(Regressor):
    """Linear regression of one or several quantiles with the penalty ``alpha * |coef|_1``.

    An interior point method computes the optimum, with a relative error of the objective of at most 1e-9. Minibatch steps are
    used instead for several quantiles, for sparse rows, and for dense rows with more than 2000 columns or with a product of the
    rows and the squared columns above 5e9. With several hundred rows or more, their objective is within 1 % of the optimum.

    Parameters
    ----------
    quantile : float or list of float
        The quantile, between 0 and 1. Several quantiles are trained in one pass over the data. In ascending order of the
        quantiles, ``coef_`` then has a row, ``intercept_`` a value, and the result of `predict` a column for each.
    alpha : float
        The strength of the penalty.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int, optional
        The maximum number of epochs of minibatch steps.
    n_jobs : int, optional
        The number of threads. The result does not depend on it.
    random_state : int, RandomState or None
        The seed. None stands for the seed 0.
    solver, solver_options
        These parameters of scikit-learn's linear program have no effect.
    """

    quantile: Any
    _multi_output = False

    def __init__(
        self,
        *,
        quantile: Any = 0.5,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "highs",
        solver_options: Any = None,
        max_iter: int | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        keep(self, locals())

    def _loss(self) -> str:
        return "quantile"

    def _is_several(self) -> bool:
        return np.ndim(self.quantile) == 1

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        # For few rows, these batches are larger than the library's default, because in extreme quantiles few residuals have one
        # of the signs.
        options = {"loss": "quantile", "batch": min(256, rows), **solver_options(self, self.max_iter, None)}
        if not self._is_several():
            options["quantile"] = float(self.quantile)
        return {**options, **penalty_options(nonnegative(self.alpha, "alpha"), 0.0)}

    def _minimize(self, X: Any, y: Array, weights: Array | None, options: dict[str, Any], start: Any) -> tuple[Array, Array]:
        if not self._is_several():
            if not is_sparse(X) and X.shape[1] <= FEW_COLUMNS and X.shape[0] * X.shape[1] ** 2 <= LARGE:
                options = {**options, "solver": "auto"}
                del options["batch"]
            return super()._minimize(X, y, weights, options, start)
        options = {**options, "seed": self._seed(), "threads": threads(self.n_jobs)}
        found = fit_quantiles(X, y, self.quantile, sample_weight=weights, **options)
        self.n_iter_ = max(outcome.epochs for outcome in found.outcomes)
        self.converged_ = all(outcome.stop != "epochs" for outcome in found.outcomes)
        return found.model.weight, found.model.bias

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2, or the mean of D^2 over several quantiles.

        D^2 is the share of the pinball loss of the intercept-only model that the model explains.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.
        y : array of shape (n_samples,)
            Targets.
        sample_weight : array of shape (n_samples,), optional
            Weights.

        Returns
        -------
        float
        """
        if not self._is_several():
            return float(super().score(X, y, sample_weight))
        from sklearn.metrics import d2_pinball_score

        y, sample_weight = readable(y, "y"), readable(sample_weight, "sample_weight")
        columns = zip(sorted(self.quantile), self.predict(X).T, strict=True)
        return float(np.mean([d2_pinball_score(y, p, sample_weight=sample_weight, alpha=level) for level, p in columns]))

    def _keep_coefficients(self, weight: Array, bias: Array, single: bool, dtype: Any) -> None:
        super()._keep_coefficients(weight, bias, single and not self._is_several(), dtype)
