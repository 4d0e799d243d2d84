"""The SGD algorithm of scikit-learn, which takes one row per step and has its own schedules and stopping rule.

`SGDRegressor` and `SGDClassifier` run it if ``learning_rate`` names a schedule of scikit-learn. Without shuffling, and after the
same number of epochs, the coefficients equal those of scikit-learn up to rounding. Like scikit-learn, the algorithm clips
derivatives at 1e12, which only a diverged run reaches. There are these differences:

- With the penalties "l1" and "elasticnet", the steps are proximal, and full-batch proximal steps follow the last epoch, so that
  zeros are exact at the optimum. scikit-learn truncates coefficients by a cumulative penalty (Tsuruoka et al. 2009).
- With ``tol``, the number of epochs may differ. The stopping rule uses the weighted mean of the losses before each step, plus the
  penalty at the end of the epoch. scikit-learn adds up unweighted losses and the penalty at each step.
- With early stopping and the penalties "l2" and "elasticnet", the scores are those of the coefficients. scikit-learn stores the
  factor by which the penalty shrinks the coefficients separately until the last epoch, and scores coefficients without it.
- With early stopping and "log_loss", scikit-learn 1.9 compares predictions of -1 and 1 with the classes 0 and 1, so rows of the
  first class never count as correct.

Sources: the documentation of SGD in scikit-learn; Bottou (2012) for "optimal"; Xu (2011) for averaging.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from .._arrays import is_sparse
from .._errors import CusgdError, DataError, DivergedError, warn
from .._results import Progress
from .._trainer import Trainer
from ..callbacks import Callback
from ._slow_intercept import make_trainer

SCHEDULES = ("constant", "optimal", "invscaling", "adaptive")
DEFAULT_ETA0 = 0.01
DEFAULT_EPOCHS = 1000
DEFAULT_TOLERANCE = 1e-3
DEFAULT_PATIENCE = 5
LARGEST_GRADIENT = 1e12  # the limit of derivatives, as in scikit-learn: even the numbers of a diverged run stay finite
LEAST_RATE = 1e-6  # "adaptive" ends at this rate

ZERO_WEIGHTS = "The sample weights for validation set are all zero, consider using a different random state."

Score = Callable[[Any, Any], float]


class Schedule:
    """The parameters of a run.

    Parameters
    ----------
    estimator : SGDRegressor or SGDClassifier
        The estimator that has the parameters.
    objective : dict
        The options of the loss, without penalties.
    weights : array of shape (n,), optional
        The weights of the rows. The library divides them by their mean, and scikit-learn does not.
    steps : int
        The number of rows that have been trained on before.
    """

    def __init__(self, estimator: Any, objective: dict[str, Any], weights: Any, steps: int = 0) -> None:
        self.name: str = estimator.learning_rate
        self.objective = objective
        self.weight_mean = 1.0 if weights is None else float(weights.mean())
        self.steps = steps
        self.alpha = float(estimator.alpha)  # determines the rate of "optimal", even without a penalty
        shares = {"l2": (0.0, 1.0), "l1": (1.0, 0.0), "elasticnet": (estimator.l1_ratio, 1 - (estimator.l1_ratio or 0.0))}
        self.l1, self.l2 = (self.alpha * share for share in shares.get(estimator.penalty, (0.0, 0.0)))
        self.eta0 = DEFAULT_ETA0 if estimator.eta0 is None else float(estimator.eta0)
        self.power_t = float(estimator.power_t)
        self.average = 1 if estimator.average is True else int(estimator.average or 0)
        self.epochs = DEFAULT_EPOCHS if estimator.max_iter is None else int(estimator.max_iter)
        self.tolerance = DEFAULT_TOLERANCE if estimator.tol == "auto" else estimator.tol
        self.patience = DEFAULT_PATIENCE if estimator.n_iter_no_change is None else int(estimator.n_iter_no_change)
        self.squared = objective.get("loss") == "squared"
        if self.weight_mean == 0:
            raise ValueError("All sample weights are zero")

    def options(self, rate: float, epochs: int, *, averaged: bool) -> dict[str, Any]:
        """Return the library's options for a run of at most ``epochs`` epochs."""
        l2 = self.l2
        if self.name in ("constant", "adaptive"):
            l2 = min(l2, 1 / rate)  # so that a step cannot change the sign of coefficients by shrinking them
        options = {
            **self.objective,
            "l1": self.l1 / self.weight_mean,
            "l2": l2 / self.weight_mean,
            "clip_value": LARGEST_GRADIENT,
            "optimizer": "sgd",
            "standardize": False,
            "batch": 1,
            "epochs": epochs,
            "evaluate_every": "end",
        }
        if self.name == "optimal":
            typical = math.sqrt(1 / math.sqrt(self.alpha))  # the typical size of a coefficient
            first = 1 / (typical * self.alpha) + self.steps
            options.update(schedule="time-decay", t0=self.weight_mean / self.alpha, t1=first)
        elif self.name == "invscaling" and self.steps > 0:  # for a run of one step: the library's schedules begin at step 1
            options.update(schedule="constant", rate=rate * self.weight_mean / (self.steps + 1) ** self.power_t)
        elif self.name == "invscaling":
            options.update(schedule="inverse-scaling", rate=rate * self.weight_mean, decay_power=self.power_t)
        else:
            options.update(schedule="constant", rate=rate * self.weight_mean)
        if averaged:
            options.update(optimizer="asgd", weight_decay=0.0, average=True, average_from=max(self.average - 1 - self.steps, 0))
        return options

    def settings(self, X: Any) -> tuple[Any, ...]:
        """Return all settings that a trainer cannot change later. It can change the number of steps and the weights of rows."""
        numbers = (self.l1, self.l2, self.alpha, self.eta0, self.power_t, self.average)
        return self.name, numbers, self.objective, X.dtype, X.shape[1], is_sparse(X)

    def averages(self, steps: int) -> int:
        """Return the number of steps, up to this one, over which the average is taken."""
        return max(steps - (self.average - 1), 0) if self.average else 0


# ---- One epoch, for partial_fit ----


@dataclass
class Position:
    """The state of training: coefficients (d,) and intercept, and their averages over ``count`` steps.

    ``settings`` are the settings of the trainers. A run with other settings cannot use these trainers.
    """

    weight: Any
    bias: float
    average_weight: Any = None
    average_bias: float = 0.0
    count: int = 0
    trainers: dict[bool, Trainer] = field(default_factory=dict, compare=False, repr=False)  # True: the one that averages
    settings: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def start(cls, columns: int) -> Position:
        """Return the initial state, in which all coefficients are 0."""
        return cls(np.zeros(columns), 0.0)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "trainers": {}, "settings": None}

    def result(self) -> tuple[Any, float]:
        """Return the coefficients and intercept of the estimator, which are the averages if there are any."""
        return (self.average_weight, self.average_bias) if self.count else (self.weight, self.bias)

    def add_average(self, weight: Any, bias: Any, count: int) -> None:
        """Include the averages (1, d) and (1,) over the steps since `count` was last set, and set it to the given number."""
        share = (count - self.count) / count
        before = (0.0, 0.0) if self.average_weight is None else (self.average_weight, self.average_bias)
        self.average_weight = before[0] + share * (weight[0] - before[0])
        self.average_bias = float(before[1] + share * (bias[0] - before[1]))
        self.count = count

    def gives(self, weight: Any, bias: float) -> bool:
        """Tell whether an estimator with these coefficients is in this state, up to the rounding of float32."""
        shown = self.result()
        return bool((np.abs(shown[0] - weight) <= 1e-6 * np.abs(weight)).all() and abs(shown[1] - bias) <= 1e-6 * abs(bias))


def run_steps(schedule: Schedule, data: tuple[Any, Any, Any], rows: int, at: Position) -> Position:
    """Run a step for each of the first ``rows`` rows, in their order, and return the state after them.

    A trainer is kept for later calls if it has run all steps so far, or if it does not have to know them. Averages and the rate
    of "invscaling" depend on all steps from step 1, whereas a new trainer can start at any step with the other schedules.
    """
    X, y, weights = data
    weights = _present(weights)
    settings = schedule.settings(X)
    kept: dict[bool, Trainer] = {}

    def end(averaged: bool) -> tuple[Any, float]:
        trainer = at.trainers.get(averaged)
        if trainer is not None:
            trainer.rebind(X, y, sample_weight=weights)
        else:
            options = schedule.options(schedule.eta0, 1, averaged=averaged)
            trainer = make_trainer(X, y, weights, {**options, "threads": 1, "sampling": "none"})
            trainer.set_coefficients(at.weight[None], [at.bias])
        if at.trainers or schedule.steps == 0 or (schedule.name != "invscaling" and not schedule.average):
            kept[averaged] = trainer
        trainer.step(rows)
        weight, bias = trainer.coefficients()
        return weight[0], float(bias[0])

    weight, bias = end(averaged=False)
    count = schedule.averages(schedule.steps + rows)
    takes_averages = count > 0 or (schedule.average > 0 and bool(kept))
    average = (weight, bias) if rows == 1 and not kept else end(averaged=True) if takes_averages else None
    if count == 0 or average is None:
        return Position(weight, bias, trainers=kept, settings=settings)
    new = min(count, rows)
    if at.count and not at.trainers:
        share = new / (at.count + new)
        average = (
            at.average_weight + share * (average[0] - at.average_weight),
            at.average_bias + share * (average[1] - at.average_bias),
        )
    return Position(weight, bias, *average, at.count + new, kept, settings)


# ---- Many epochs, for fit ----


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
        if tolerance is None:
            return False
        if self.score is not None:
            value = self.score(*self.trainer.coefficients())
            worse = value < self.best + tolerance
            self.best = max(self.best, value)
        else:
            value = now.loss * (0.5 if self.schedule.squared else 1.0) + self._penalty()
            worse = value > self.best - tolerance
            self.best = min(self.best, value)
        self.stale = self.stale + 1 if worse else 0
        return self.stale >= self.schedule.patience

    def _penalty(self) -> float:
        """Return the penalty of the coefficients as they are."""
        assert self.trainer is not None
        l1, l2 = self.schedule.l1, self.schedule.l2
        if not (l1 or l2):
            return 0.0
        weight = self.trainer.coefficients()[0]
        return l2 / 2 * float(np.vdot(weight, weight)) + (l1 * float(np.abs(weight).sum()) if l1 else 0.0)


def run_schedule(
    schedule: Schedule,
    data: tuple[Any, Any, Any],
    start: tuple[Any, Any] | None,
    score: Score | None,
    common: dict[str, Any],
    callbacks: list[Callback],
) -> tuple[Trainer, Position, int, bool]:
    """Run the algorithm of scikit-learn.

    Parameters
    ----------
    schedule : Schedule
        The parameters of the run.
    data : tuple (X, y, weights)
        The rows, with one target.
    start : tuple (weight, bias), optional
        The initial coefficients and intercept; by default 0.
    score : callable, optional
        The function that computes the validation score of coefficients and an intercept, for early stopping.
    common : dict
        Options such as the seed and the device.
    callbacks : list of callables
        Functions that are called after each epoch.

    Returns
    -------
    trainer, position, epochs, converged
        The last trainer, the state of training, the number of epochs that were run, and whether the stopping rule ended the run.
    """
    X, y, weights = data
    weights = _present(weights)
    rule = _StoppingRule(schedule, score)
    at = Position.start(X.shape[1]) if start is None else Position(start[0][0], float(start[1][0]))
    rate, epochs = schedule.eta0, 0

    def begin(epochs: int, averaged: bool) -> Trainer:
        options = schedule.options(rate, epochs, averaged=averaged)
        trainer = make_trainer(X, y, weights, {**common, **options})
        trainer.set_coefficients(at.weight[None], [at.bias])
        return trainer

    while True:
        # The rule needs the current coefficients, which a run with averages does not return
        trainer = plain = rule.trainer = begin(schedule.epochs - epochs, averaged=False)
        rule.stale = 0
        plain._run([rule, *callbacks])
        assert plain.result is not None
        ran, stopped = plain.result.epochs, plain.result.stop == "cancelled"
        epochs += ran
        count = schedule.averages(epochs * len(y))
        if count > 0:
            trainer = begin(ran, averaged=True)
            trainer._run([])
            at.add_average(*trainer.coefficients(), count)
        weight, bias = plain.coefficients()
        at.weight, at.bias = weight[0], float(bias[0])
        schedule.steps = epochs * len(y)
        if schedule.name != "adaptive" or not stopped or rate <= LEAST_RATE or epochs >= schedule.epochs:
            break
        rate /= 5
        common = {**common, "seed": int(common.get("seed") or 0) + 1}
    if schedule.name == "invscaling" and bool(schedule.average) == bool(count):
        few = [int(np.argmin(y)), int(np.argmax(y))]  # rows of both classes; the trainers then keep no other rows in memory
        at.trainers, at.settings = {False: plain, count > 0: trainer}, schedule.settings(X)
        for one in at.trainers.values():
            one.rebind(X[few], y[few], sample_weight=None if weights is None else weights[few])
    return trainer, at, epochs, stopped


def _present(weights: Any) -> Any:
    """Replace weights of 0 by tiny ones. Rows of weight 0 count as steps here, whereas the library would ignore them."""
    return weights if weights is None else np.maximum(weights, 1e-30)


def _in_words_of_scikit_learn(error: CusgdError) -> Exception:
    """Return the error that scikit-learn raises if a run diverges."""
    if isinstance(error, DataError) and "overflow" not in str(error):
        return error
    epoch = re.search(r"epoch (\d+)", str(error))
    return ValueError(
        f"Floating-point under-/overflow occurred at epoch #{epoch.group(1) if epoch else 1}. Scaling input data with "
        "StandardScaler or MinMaxScaler might help."
    )


class ScheduledMixin:
    """Runs the algorithm of scikit-learn if an estimator names one of its schedules."""

    result_: Any
    history_: Any
    options_: Any
    stderr_: Any
    p_values_: Any
    n_iter_: int
    t_: float
    converged_: bool

    def _minimize(self, X: Any, y: Any, weights: Any, options: dict[str, Any], start: tuple[Any, Any] | None) -> tuple[Any, Any]:
        """Return the coefficients (k, d) and intercepts (k,). With a schedule, each target is trained in a separate run."""
        estimator: Any = self
        if not estimator._runs_schedule():
            found: tuple[Any, Any] = super()._minimize(X, y, weights, options, start)  # type: ignore[misc]
            self.t_ = 1.0 + self.n_iter_ * len(y)
            return found
        targets = y[:, None] if y.ndim == 1 else y
        rows, held = self._held_out(targets, weights)
        own = self.__dict__.pop("_own_weights", weights)  # scores do not use the weights of classes
        common = {"seed": estimator._seed(), "threads": 1}
        positions, epochs, converged, troubles = [], [], [], []
        for j in range(targets.shape[1]):
            of_class = weights if weights is None or weights.ndim == 1 else weights[:, j]
            of_rows = None if of_class is None else np.ascontiguousarray(of_class[rows])
            score = None
            if held is not None:
                score = _score(estimator, X[held], targets[held, j], None if own is None else own[held])
            schedule = Schedule(estimator, options, of_rows)
            data = (X if held is None else X[rows], np.ascontiguousarray(targets[rows, j]), of_rows)
            begin = None if start is None else (start[0][j : j + 1], start[1][j : j + 1])
            try:
                trainer, at, count, ended = run_schedule(schedule, data, begin, score, common, estimator._callbacks())
            except (DivergedError, DataError) as error:
                raise _in_words_of_scikit_learn(error) from error
            positions.append(at)
            epochs.append(count)
            converged.append(ended)
            troubles.append(trainer._trouble())
        self.result_, self.history_, self.options_, self.stderr_ = trainer.result, trainer.history, dict(trainer.options), None
        self.p_values_ = None
        self.n_iter_, self.converged_ = max(epochs), all(converged)
        self.t_ = 1.0 + self.n_iter_ * len(y)
        self._positions = positions
        if not self.converged_ and schedule.tolerance is not None:
            warn(
                f"Maximum number of iteration reached before convergence (max_iter={schedule.epochs}). Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
            )
        for trouble in sorted({trouble for trouble in troubles if trouble}):
            warn(trouble, ConvergenceWarning)
        return np.array([at.result()[0] for at in positions]), np.array([at.result()[1] for at in positions])

    def _held_out(self, targets: Any, weights: Any) -> tuple[Any, Any]:
        """Return the rows for training and for validation (None without early stopping), chosen as in scikit-learn."""
        estimator: Any = self
        if not estimator.early_stopping:
            return slice(None), None
        classes = targets.argmax(axis=1) if targets.shape[1] > 1 else targets[:, 0]
        kind = StratifiedShuffleSplit if hasattr(self, "classes_") else ShuffleSplit
        state = 0 if estimator.random_state is None else estimator.random_state
        splitter = kind(test_size=estimator.validation_fraction, random_state=state)
        train, held = next(splitter.split(np.zeros((len(targets), 1)), classes))
        if weights is not None and not np.any(weights[held] > 0):
            raise ValueError(ZERO_WEIGHTS)
        return np.sort(train), held


def _score(estimator: Any, X: Any, y: Any, weights: Any) -> Score:
    """Return a function that scores coefficients on held-out rows by the accuracy of a classifier or R^2 of a regressor.

    The results equal those of accuracy_score and r2_score of scikit-learn, which would take a millisecond per epoch to check
    their arguments.
    """
    if hasattr(estimator, "classes_"):
        positive = y > 0
        return lambda weight, bias: float(np.average((X @ weight[0] + bias[0] > 0) == positive, weights=weights))
    each = np.ones(len(y)) if weights is None else weights
    total = float((each * (y - np.average(y, weights=weights)) ** 2).sum())

    def r_squared(weight: Any, bias: Any) -> float:
        rest = float((each * (y - estimator._mean(X @ weight[0] + bias[0])) ** 2).sum())
        if total == 0:
            return 1.0 if rest == 0 else 0.0
        return 1 - rest / total

    return r_squared
