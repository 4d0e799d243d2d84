"""Generalized linear models with a logarithmic link."""

from __future__ import annotations

from typing import Any

from .._arrays import readable
from ._base import LOSSES, Array, keep, nonnegative, penalty_options, real, solver_options
from ._regressor import Regressor


class _Glm(Regressor):
    """The base class of generalized linear models with a logarithmic link."""

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
        """Return the power of the Tweedie distribution, which is 1 for Poisson and 2 for gamma."""
        return 1.0

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return D^2, the share of the deviance of the intercept-only model that the model explains.

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
    """Poisson regression of counts. The logarithm of the mean of a count is linear in the columns.

    Parameters
    ----------
    alpha : float
        The strength of the penalty ``alpha / 2 * |coef|^2``, which is added to the mean of half the deviance.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        The maximum number of iterations.
    tol : float, optional
        The run ends when the norm of the gradient is at most this share of the norm for the intercept-only model. None stands for
        1e-9, or 1e-5 for float32.
    warm_start : bool
        Whether to start from the coefficients of the previous fit.
    verbose : int
        1 shows a progress bar if tqdm is installed, and otherwise a line per iteration. 2 prints a line per iteration.
    n_jobs : int, optional
        The number of threads. The result does not depend on it.
    solver : str
        This parameter has no effect, because the solver is chosen from the data.
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
    """Gamma regression of positive targets. The logarithm of the mean of a target is linear in the columns.

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
        The power of the variance function, from 1 (Poisson) to 2 (gamma). For 0, the default of scikit-learn, use `Ridge`.
    link : {"auto", "log"}
        The link function, which is the logarithm for both values.
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
        if not 1 <= real(self.power, "power") <= 2:  # checked before y, whose range depends on it
            raise ValueError(f"power == {self.power}, must be in [1, 2]: LinearRegression and Ridge are power 0")
        return super()._features(X, y, **checks)

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.link not in ("auto", "log"):
            raise ValueError(f"link={self.link!r} must be 'auto' or 'log'; with the identity it is a regression of another loss")
        options = super()._objective(weight_sum, rows)
        return {**options, "power": float(self.power)} if self._loss() == "tweedie" else options
