"""scikit-learn's SGD algorithm: one row per step, a rate by a schedule of its own, and its stopping rule.

`SGDRegressor` and `SGDClassifier` run it when ``learning_rate`` names one of scikit-learn's schedules. Without shuffling, and
after as many epochs, the coefficients are scikit-learn's up to rounding (which also clips derivatives at 1e12, where a run
has diverged). Where this does not hold:

- penalties "l1" and "elasticnet": steps are proximal, and full-batch proximal steps follow the last epoch, so that zeros are
  exact at the optimum; scikit-learn truncates by a cumulative penalty (Tsuruoka et al. 2009);
- the number of epochs, where ``tol`` is set: the rule looks at the mean of the losses before each step, by the rows' weights,
  plus the penalty at the end of the epoch, while scikit-learn sums unweighted losses and the penalty at each step;
- early stopping with a penalty "l2" or "elasticnet": the coefficients are scored here, and there what they would be without the
  factor by which the penalty has shrunk them, as scikit-learn keeps it apart until the last epoch has ended;
- early stopping with "log_loss": scikit-learn 1.9 compares predictions of -1 and 1 with classes 0 and 1, so that rows of the
  first class never count as right.

Source: scikit-learn's documentation of SGD; Bottou (2012) for "optimal"; Xu (2011) for averaging.
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
LARGEST_GRADIENT = 1e12  # beyond which a run has diverged: its numbers stay finite all the same, as in scikit-learn
LEAST_RATE = 1e-6  # at which "adaptive" ends

ZERO_WEIGHTS = "The sample weights for validation set are all zero, consider using a different random state."

Score = Callable[[Any, Any], float]


class Schedule:
    """The parameters of a run.

    Parameters
    ----------
    estimator : SGDRegressor or SGDClassifier
        Its parameters are read.
    objective : dict
        Options of the loss, without penalties.
    weights : array of shape (n,), optional
        The rows' weights. The library divides them by their mean, scikit-learn does not.
    steps : int
        Rows that were trained on before.
    """

    def __init__(self, estimator: Any, objective: dict[str, Any], weights: Any, steps: int = 0) -> None:
        self.name: str = estimator.learning_rate
        self.objective = objective
        self.weight_mean = 1.0 if weights is None else float(weights.mean())
        self.steps = steps
        self.alpha = float(estimator.alpha)  # "optimal" has its rate from it, with a penalty or not
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
            l2 = min(l2, 1 / rate)  # a step shrinks coefficients to 0 at most
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
            typical = math.sqrt(1 / math.sqrt(self.alpha))  # a weight of usual size
            first = 1 / (typical * self.alpha) + self.steps
            options.update(schedule="time-decay", t0=self.weight_mean / self.alpha, t1=first)
        elif self.name == "invscaling" and self.steps > 0:  # of one step: the library's schedules begin at step 1
            options.update(schedule="constant", rate=rate * self.weight_mean / (self.steps + 1) ** self.power_t)
        elif self.name == "invscaling":
            options.update(schedule="inverse-scaling", rate=rate * self.weight_mean, decay_power=self.power_t)
        else:
            options.update(schedule="constant", rate=rate * self.weight_mean)
        if averaged:
            options.update(optimizer="asgd", weight_decay=0.0, average=True, average_from=max(self.average - 1 - self.steps, 0))
        return options

    def settings(self, X: Any) -> tuple[Any, ...]:
        """Return all that a trainer cannot change later; the number of steps and the rows' weights it can."""
        numbers = (self.l1, self.l2, self.alpha, self.eta0, self.power_t, self.average)
        return self.name, numbers, self.objective, X.dtype, X.shape[1], is_sparse(X)

    def averages(self, steps: int) -> int:
        """Return how many of the steps up to this one the average is over."""
        return max(steps - (self.average - 1), 0) if self.average else 0


# ---- One epoch, for partial_fit ----


@dataclass
class Position:
    """Where training has come to: coefficients (d,) and intercept, and their averages over ``count`` steps.

    ``settings`` are those of the trainers, which a run of others cannot use.
    """

    weight: Any
    bias: float
    average_weight: Any = None
    average_bias: float = 0.0
    count: int = 0
    trainers: dict[bool, Trainer] = field(default_factory=dict, compare=False, repr=False)  # by whether they take averages
    settings: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def start(cls, columns: int) -> Position:
        """Return coefficients of 0."""
        return cls(np.zeros(columns), 0.0)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "trainers": {}, "settings": None}

    def result(self) -> tuple[Any, float]:
        """Return what the estimator shows: the averages as soon as there are some."""
        return (self.average_weight, self.average_bias) if self.count else (self.weight, self.bias)

    def add_average(self, weight: Any, bias: Any, count: int) -> None:
        """Take in the averages (1, d) and (1,) over the steps since `count` was set, which now is that of all steps."""
        share = (count - self.count) / count
        before = (0.0, 0.0) if self.average_weight is None else (self.average_weight, self.average_bias)
        self.average_weight = before[0] + share * (weight[0] - before[0])
        self.average_bias = float(before[1] + share * (bias[0] - before[1]))
        self.count = count

    def gives(self, weight: Any, bias: float) -> bool:
        """Tell whether an estimator with these coefficients is here, up to the rounding of float32."""
        shown = self.result()
        return bool((np.abs(shown[0] - weight) <= 1e-6 * np.abs(weight)).all() and abs(shown[1] - bias) <= 1e-6 * abs(bias))


def run_steps(schedule: Schedule, data: tuple[Any, Any, Any], rows: int, at: Position) -> Position:
    """Run a step for each of the first ``rows`` rows, in their order, and return where that leads.

    Trainers are kept where they know all steps so far, or need not: averages and the rate of "invscaling" begin at step 1, while
    other rates at any step can be given to a new one.
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
    callbacks : list of callables
        Called after each epoch.

    Returns
    -------
    trainer, position, epochs, converged
        The last trainer; where training has come to; epochs run in all; whether the stopping rule ended the run.
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
        # the rule looks at the current coefficients, which a run that takes averages does not have
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
        few = [int(np.argmin(y)), int(np.argmax(y))]  # rows of both classes, so that the trainers keep no more in memory
        at.trainers, at.settings = {False: plain, count > 0: trainer}, schedule.settings(X)
        for one in at.trainers.values():
            one.rebind(X[few], y[few], sample_weight=None if weights is None else weights[few])
    return trainer, at, epochs, stopped


def _present(weights: Any) -> Any:
    """Return weights of which those that are 0 are next to it, as rows of weight 0 are steps and the library leaves them out."""
    return weights if weights is None else np.maximum(weights, 1e-30)


def _in_words_of_scikit_learn(error: CusgdError) -> Exception:
    """Return the error that scikit-learn has for a run that diverges."""
    if isinstance(error, DataError) and "overflow" not in str(error):
        return error
    epoch = re.search(r"epoch (\d+)", str(error))
    return ValueError(
        f"Floating-point under-/overflow occurred at epoch #{epoch.group(1) if epoch else 1}. Scaling input data with "
        "StandardScaler or MinMaxScaler might help."
    )


class ScheduledMixin:
    """Runs scikit-learn's algorithm where an estimator names one of its schedules."""

    result_: Any
    history_: Any
    options_: Any
    stderr_: Any
    p_values_: Any
    n_iter_: int
    t_: float
    converged_: bool

    def _minimize(self, X: Any, y: Any, weights: Any, options: dict[str, Any], start: tuple[Any, Any] | None) -> tuple[Any, Any]:
        """Return the coefficients (k, d) and intercepts (k,): one run per target, or all in one where no schedule is named."""
        estimator: Any = self
        if not estimator._runs_schedule():
            found: tuple[Any, Any] = super()._minimize(X, y, weights, options, start)  # type: ignore[misc]
            self.t_ = 1.0 + self.n_iter_ * len(y)
            return found
        targets = y[:, None] if y.ndim == 1 else y
        rows, held = self._held_out(targets, weights)
        own = self.__dict__.pop("_own_weights", weights)  # without those of classes, which no score has
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
        """Return the rows to train on and those to validate on (None without early stopping), chosen as scikit-learn does."""
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
    """Return the function that scores coefficients on held-out rows: accuracy of classes, R^2 of predictions else.

    These are the numbers of scikit-learn's accuracy_score and r2_score, which check their arguments for a millisecond in each
    epoch.
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
