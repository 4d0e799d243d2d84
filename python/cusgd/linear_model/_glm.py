"""Generalized linear models with a logarithmic link."""

from __future__ import annotations

from typing import Any

from .._arrays import readable
from ._base import LOSSES, Array, keep, nonnegative, penalty_options, real, solver_options
from ._regressor import Regressor


class _Glm(Regressor):
    """A generalized linear model with a logarithmic link."""

    tol: float | None
    _multi_output = False

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        return {
            "loss": LOSSES[self._loss()],
            "solver": "auto",
            **solver_options(self, self.max_iter, self.tol),
            **penalty_options(0.0, nonnegative(self.alpha, "alpha")),
        }

    def _power(self) -> float:
        """Return the power of the Tweedie family."""
        return 1.0

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return D^2, the share of the intercept-only model's deviance that is explained.

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
        from sklearn.metrics import d2_tweedie_score

        given = readable(y, "y"), self.predict(X)
        return float(d2_tweedie_score(*given, sample_weight=readable(sample_weight, "sample_weight"), power=self._power()))


class PoissonRegressor(_Glm):
    """Poisson regression: counts whose logarithm of the mean is linear.

    Parameters
    ----------
    alpha : float
        Strength of the penalty ``alpha / 2 * |coef|^2`` on the mean of half the deviance.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        Limit of iterations.
    tol : float, optional
        The run ends when the gradient's norm is at most this share of the intercept-only model's; None: 1e-9, for float32 1e-5.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    verbose : int
        1: show a progress bar (of tqdm; without it, lines); 2: print a line per iteration.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    solver : str
        Without effect: it is chosen from the data.
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _loss(self) -> str:
        return "poisson"


class GammaRegressor(_Glm):
    """Gamma regression: positive targets whose logarithm of the mean is linear.

    Parameters
    ----------
    alpha, fit_intercept, solver, max_iter, tol, warm_start, verbose, n_jobs
        As for `PoissonRegressor`.
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _loss(self) -> str:
        return "gamma"

    def _power(self) -> float:
        return 2.0


class TweedieRegressor(_Glm):
    """Tweedie regression with a logarithmic link.

    Parameters
    ----------
    power : float
        From 1 (Poisson) to 2 (gamma), both included. (scikit-learn's default of 0, least squares, is `Ridge` here.)
    link : {"auto", "log"}
        The logarithm in either case.
    alpha, fit_intercept, solver, max_iter, tol, warm_start, verbose, n_jobs
        As for `PoissonRegressor`.
    """

    power: float
    link: str

    def __init__(
        self,
        *,
        power: float = 1.5,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        link: str = "auto",
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _loss(self) -> str:
        return {1.0: "poisson", 2.0: "gamma"}.get(float(self.power), "tweedie")

    def _power(self) -> float:
        return float(self.power)

    def _features(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Array]:
        if not 1 <= real(self.power, "power") <= 2:  # before y is looked at, whose range follows from it
            raise ValueError(f"power == {self.power}, must be in [1, 2]: LinearRegression and Ridge are power 0")
        return super()._features(X, y, **checks)

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.link not in ("auto", "log"):
            raise ValueError(f"link={self.link!r} must be 'auto' or 'log'; with the identity it is a regression of another loss")
        options = super()._objective(weight_sum, rows)
        return {**options, "power": float(self.power)} if self._loss() == "tweedie" else options
