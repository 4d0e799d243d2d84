"""Regression of quantiles."""

from __future__ import annotations

from typing import Any

from ._base import keep, nonnegative, penalty_options, solver_options
from ._regressor import Regressor


class QuantileRegressor(Regressor):
    """Linear regression of a quantile, with a penalty ``alpha * |coef|_1``; by minibatch steps.

    The objective ends within 1 % of the optimum's from some hundred rows on; with fewer, or where few rows lie beyond the
    quantile, scikit-learn's exact solver is the better choice.

    Parameters
    ----------
    quantile : float
        Which one, between 0 and 1.
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int, optional
        Limit of epochs.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    random_state : int, RandomState or None
        None is seed 0.
    solver, solver_options
        Without effect: they are of scikit-learn's linear program.
    """

    quantile: float
    _multi_output = False

    def __init__(
        self,
        *,
        quantile: float = 0.5,
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

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        # Larger batches than the library's for few rows: rare residuals of extreme quantiles need them
        options = {
            "loss": "quantile",
            "quantile": float(self.quantile),
            "batch": min(256, rows),
            **solver_options(self, self.max_iter, None),
        }
        return {**options, **penalty_options(nonnegative(self.alpha, "alpha"), 0.0)}
