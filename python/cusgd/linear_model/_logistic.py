"""Logistic regression."""

from __future__ import annotations

from typing import Any

from ._base import WORDS, keep, penalty_options, share, solver_options
from ._classifier import Classifier, ProbabilityMixin


class LogisticRegression(ProbabilityMixin, Classifier):
    """Logistic regression. More than two classes are trained together by softmax.

    The objective is the sum of the losses plus ``((1 - l1_ratio) / 2 * |coef|^2 + l1_ratio * |coef|_1) / C``.

    Parameters
    ----------
    penalty : {"l2", "l1", "elasticnet"} or None
        The penalty. "l1" stands for ``l1_ratio=1``, and None for no penalty.
    C : float
        The inverse of the strength of the penalty, above 0.
    l1_ratio : float, optional
        The share of the l1 penalty, from 0 to 1. None stands for 0, and is not allowed with "elasticnet".
    tol : float, optional
        The run ends when the norm of the gradient is at most this share of the norm for the intercept-only model. None stands for
        1e-9, or 1e-5 for float32. With None and more than two classes, the run then continues toward 1e-12 as long as
        ``max_iter`` allows, because the coefficients are otherwise far from the optimum if the classes are nearly separable.
    fit_intercept : bool
        Whether to fit an intercept, which is not penalized.
    class_weight : dict or "balanced", optional
        The weights of the classes.
    max_iter : int
        The maximum number of iterations.
    verbose : int
        1 shows a progress bar if tqdm is installed, and otherwise a line per iteration. 2 prints a line per iteration.
    warm_start : bool
        Whether to start from the coefficients of the previous fit.
    n_jobs : int, optional
        The number of threads. The result does not depend on it.
    dual, intercept_scaling, random_state, solver
        These parameters have no effect, because the solver is chosen from the data and the intercept is not penalized.
    """

    penalty: str | None
    C: float
    l1_ratio: float | None  # type: ignore[assignment]
    tol: float | None

    def __init__(
        self,
        *,
        penalty: str | None = "l2",
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float | None = None,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _words(self) -> dict[str, str]:
        return {**WORDS, "--l2 (1e-4, for example)": 'penalty="l2"', "some --l2": "a smaller C"}

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.penalty not in ("l2", "l1", "elasticnet", None):
            raise ValueError(f"penalty={self.penalty!r} must be 'l2', 'l1', 'elasticnet' or None")
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")
        if not self.C > 0:
            raise ValueError(f"C == {self.C}, must be > 0")
        of_l1 = 1.0 if self.penalty == "l1" else share(0.0 if self.l1_ratio is None else self.l1_ratio, "l1_ratio")
        options = {"loss": "logistic", "solver": "auto", **solver_options(self, self.max_iter, self.tol)}
        if self.penalty is None:
            return options
        strength = 1 / (self.C * weight_sum)
        options.update(penalty_options(strength * of_l1, strength * (1 - of_l1)))
        return {**options, "solver": "lbfgs"} if of_l1 > 0 else options
