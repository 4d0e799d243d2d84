"""scikit-learn's SGD algorithm: one row per step, a rate by a schedule of its own, and its stopping rule.

`SGDRegressor` and `SGDClassifier` run it when ``learning_rate`` names one of scikit-learn's schedules. Without shuffling the
coefficients are scikit-learn's up to rounding (which also clips derivatives of the loss at 1e12, where a run has diverged).
Source: scikit-learn's documentation of SGD; Bottou (2012) for "optimal"; Xu (2011) for averaging.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from .._results import Progress
from .._trainer import Trainer

SCHEDULES = ("constant", "optimal", "invscaling", "adaptive")
DEFAULT_ETA0 = 0.01
DEFAULT_EPOCHS = 1000
DEFAULT_TOLERANCE = 1e-3
DEFAULT_PATIENCE = 5
LEAST_RATE = 1e-6  # at which "adaptive" ends

Score = Callable[[Any, Any], float]


class Schedule:
    """The parameters of a run.

    Parameters
    ----------
    estimator : SGDRegressor or SGDClassifier
        Its parameters are read.
    objective : dict
        Options of the loss, without penalties.
    weight_mean : float
        Mean of the sample weights. The library divides weights by it, scikit-learn does not.
    """

    def __init__(self, estimator: Any, objective: dict[str, Any], weight_mean: float) -> None:
        self.name: str = estimator.learning_rate
        self.objective = objective
        self.weight_mean = weight_mean
        self.alpha = float(estimator.alpha) if estimator.penalty else 0.0
        share = {"l2": 0.0, "l1": 1.0, "elasticnet": estimator.l1_ratio, None: 0.0}[estimator.penalty]
        self.l1, self.l2 = self.alpha * share, self.alpha * (1 - share)
        self.eta0 = DEFAULT_ETA0 if estimator.eta0 is None else float(estimator.eta0)
        self.power_t = float(estimator.power_t)
        self.average = 1 if estimator.average is True else int(estimator.average or 0)
        self.epochs = DEFAULT_EPOCHS if estimator.max_iter is None else int(estimator.max_iter)
        self.tolerance = DEFAULT_TOLERANCE if estimator.tol == "auto" else estimator.tol
        self.patience = DEFAULT_PATIENCE if estimator.n_iter_no_change is None else int(estimator.n_iter_no_change)
        self.squared = estimator.loss == "squared_error"
        if self.name == "optimal" and not self.alpha > 0:
            raise ValueError("alpha must be > 0 since learning_rate is 'optimal'.")

    def options(self, rate: float, epochs: int) -> dict[str, Any]:
        """Return the library's options for a run of at most ``epochs`` epochs."""
        options = {
            **self.objective,
            "l1": self.l1 / self.weight_mean,
            "l2": self.l2 / self.weight_mean,
            "optimizer": "sgd",
            "standardize": False,
            "batch": 1,
            "epochs": epochs,
            "evaluate_every": "end",
        }
        if self.name == "optimal":
            typical = math.sqrt(1 / math.sqrt(self.alpha))  # a weight of usual size
            options.update(schedule="time-decay", t0=self.weight_mean / self.alpha, t1=1 / (typical * self.alpha))
        elif self.name == "invscaling" and self.power_t > 0:
            options.update(schedule="inverse-scaling", rate=rate * self.weight_mean, decay_power=self.power_t)
        else:
            options.update(schedule="constant", rate=rate * self.weight_mean)
        if self.average:
            options.update(optimizer="asgd", weight_decay=0.0, average=True, average_from=max(self.average - 1, 0))
        return options


class _StoppingRule:
    """Ends a run when losses, or validation scores, have not improved by ``tolerance`` for ``patience`` epochs."""

    def __init__(self, schedule: Schedule, score: Score | None) -> None:
        self.schedule = schedule
        self.score = score
        self.best = -math.inf if score else math.inf
        self.stale = 0
        self.trainer: Trainer | None = None

    def __call__(self, now: Progress) -> bool:
        assert self.trainer is not None
        tolerance = self.schedule.tolerance
        weight, bias = self.trainer.coefficients()
        if self.score is not None:
            value = self.score(weight, bias)
            worse = tolerance is not None and value < self.best + tolerance
            self.best = max(self.best, value)
        else:
            value = now.loss * (0.5 if self.schedule.squared else 1.0)
            value += self.schedule.l2 / 2 * float((weight**2).sum()) + self.schedule.l1 * float(np.abs(weight).sum())
            worse = tolerance is not None and value > self.best - tolerance
            self.best = min(self.best, value)
        self.stale = self.stale + 1 if worse else 0
        return self.stale >= self.schedule.patience


def run_schedule(
    schedule: Schedule,
    data: tuple[Any, Any, Any],
    start: tuple[Any, Any] | None,
    score: Score | None,
    common: dict[str, Any],
) -> tuple[Trainer, tuple[Any, Any], int, bool]:
    """Run scikit-learn's algorithm.

    Parameters
    ----------
    schedule : Schedule
        What to run.
    data : tuple (X, y, weights)
        One target.
    start : tuple (weight, bias), optional
        Where to start; by default at 0.
    score : callable, optional
        Validation score of coefficients and intercept, for early stopping.
    common : dict
        Options such as the seed and the device.

    Returns
    -------
    trainer, (weight, bias), epochs, converged
        The last trainer; the result; epochs run in all; whether the stopping rule ended the run.
    """
    X, y, weights = data
    rule = _StoppingRule(schedule, score)
    parameters = start or (np.zeros((1, X.shape[1])), np.zeros(1))
    rate, epochs = schedule.eta0, 0
    while True:
        trainer = Trainer(X, y, sample_weight=weights, **{**common, **schedule.options(rate, schedule.epochs - epochs)})
        trainer.set_coefficients(*parameters)
        rule.trainer, rule.stale = trainer, 0
        trainer._run(rule)
        assert trainer.result is not None
        parameters = trainer.coefficients()
        epochs += trainer.result.epochs
        stopped = trainer.result.stop == "cancelled"
        if schedule.name != "adaptive" or not stopped or rate <= LEAST_RATE or epochs >= schedule.epochs:
            return trainer, parameters, epochs, stopped
        rate /= 5
        common = {**common, "seed": int(common.get("seed") or 0) + 1}


class ScheduledMixin:
    """Runs scikit-learn's algorithm where an estimator names one of its schedules."""

    result_: Any
    history_: Any
    options_: Any
    stderr_: Any
    n_iter_: int
    converged_: bool

    def _minimize(self, X: Any, y: Any, weights: Any, options: dict[str, Any], start: tuple[Any, Any] | None) -> tuple[Any, Any]:
        """Return the coefficients (k, d) and intercepts (k,): one run per target, or all in one where no schedule is named."""
        estimator: Any = self
        if not estimator._runs_schedule():
            found: tuple[Any, Any] = super()._minimize(X, y, weights, options, start)  # type: ignore[misc]
            return found
        common = {"seed": estimator._seed(), "threads": 1}
        targets = y[:, None] if y.ndim == 1 else y
        rows, held = self._held_out(targets)
        mean = 1.0 if weights is None else float(weights[rows].mean())
        schedule = Schedule(estimator, options, mean)
        parts, epochs, converged = [], [], []
        for j in range(targets.shape[1]):
            score = None if held is None else _score(estimator, X[held], targets[held, j])
            data = (X[rows], np.ascontiguousarray(targets[rows, j]), None if weights is None else weights[rows])
            begin = None if start is None else (start[0][j : j + 1], start[1][j : j + 1])
            trainer, part, count, ended = run_schedule(schedule, data, begin, score, common)
            parts.append(part)
            epochs.append(count)
            converged.append(ended)
        self.result_, self.history_, self.options_, self.stderr_ = trainer.result, trainer.history, dict(trainer.options), None
        self.n_iter_, self.converged_ = max(epochs), all(converged)
        if not self.converged_ and schedule.tolerance is not None:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return np.vstack([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _held_out(self, targets: Any) -> tuple[Any, Any]:
        """Return the rows to train on and those to validate on (None without early stopping), chosen as scikit-learn does."""
        estimator: Any = self
        if not estimator.early_stopping:
            return slice(None), None
        classes = targets.argmax(axis=1) if targets.shape[1] > 1 else targets[:, 0]
        kind = StratifiedShuffleSplit if hasattr(self, "classes_") else ShuffleSplit
        splitter = kind(test_size=estimator.validation_fraction, random_state=estimator.random_state)
        train, held = next(splitter.split(np.zeros((len(targets), 1)), classes))
        return np.sort(train), held


def _score(estimator: Any, X: Any, y: Any) -> Score:
    """Return the function that scores coefficients on held-out rows: accuracy of classes, R^2 else."""
    if hasattr(estimator, "classes_"):
        positive = y > 0
        return lambda weight, bias: float(np.mean((X @ weight[0] + bias[0] > 0) == positive))
    spread = float(((y - y.mean()) ** 2).sum())
    return lambda weight, bias: 1 - float(((y - X @ weight[0] - bias[0]) ** 2).sum()) / spread
