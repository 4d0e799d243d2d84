"""Logistic regression."""

from __future__ import annotations

from typing import Any

from ._base import keep, penalty_options, solver_options
from ._classifier import Classifier, ProbabilityMixin


class LogisticRegression(ProbabilityMixin, Classifier):
    """Logistic regression, with a penalty ``|coef|^2 / (2 C)`` on the sum of the losses; several classes by softmax.

    Parameters
    ----------
    penalty : {"l2"} or None
        None: no penalty.
    C : float
        Inverse strength of the penalty.
    tol : float, optional
        The run ends when the gradient's norm is at most this share of the intercept-only model's; None: 1e-9, for float32 1e-5.
    fit_intercept : bool
        Whether to fit an intercept.
    class_weight : dict or "balanced", optional
        Weights of the classes.
    max_iter : int
        Limit of iterations.
    verbose : int
        1: show a progress bar (of tqdm; without it, lines); 2: print a line per iteration.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    penalty: str | None
    C: float
    tol: float | None

    def __init__(
        self,
        *,
        penalty: str | None = "l2",
        C: float = 1.0,
        tol: float | None = None,
        fit_intercept: bool = True,
        class_weight: Any = None,
        max_iter: int = 1000,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.penalty not in ("l2", None):
            raise ValueError(f"penalty={self.penalty!r} must be 'l2' or None; SGDClassifier has others")
        if not self.C > 0:
            raise ValueError(f"C == {self.C}, must be > 0")
        options = {"loss": "logistic", "solver": "auto", **solver_options(self, self.max_iter, self.tol)}
        return {**options, **penalty_options(0.0, 1 / (self.C * weight_sum))} if self.penalty else options
