"""The method `partial_fit`, which continues training on further rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._trainer import Trainer
from ._base import Array, sparse_options, stacked, threads
from ._schedules import Position, Schedule, run_steps

FIRST_ROWS = 100  # minimum number of rows from which scales, optimizer and rate are chosen
Rows = tuple[Any, Array, Array | None]  # rows, dense or sparse, targets (n, k), and weights


def takes_steps(estimator: Any) -> bool:
    """Tell whether an estimator has `partial_fit`, or say why not."""
    if estimator.solver != "sgd":
        raise AttributeError(f"partial_fit needs solver='sgd', not {estimator.solver!r}: full-batch methods see all rows at once")
    return True


@dataclass
class First:
    """The rows of the first calls as long as they are few, and the coefficients and intercepts before these calls, or None."""

    start: tuple[Array, Array] | None
    rows: Rows | None = None
    trained: int = 0  # number of these rows that were used to compute the coefficients


class PartialMixin:
    """Implements `partial_fit` of regressors and classifiers.

    Attributes
    ----------
    t_ : float
        1 plus the number of rows with which the coefficients were updated.
    """

    t_: float
    n_iter_: int
    options_: dict[str, Any]
    _positions: list[Position]
    _trainer: Trainer | None = None
    _first: First | None = None  # None as soon as there were enough rows
    _waiting: Rows | None = None
    _last: tuple[Array, Array] | None = None  # the trainer's coefficients

    def _check_partial(self) -> None:
        """Raise an error if parameters are invalid or cannot be used with `partial_fit`."""
        estimator: Any = self
        estimator._check_parameters()
        if estimator.early_stopping:
            raise ValueError("early_stopping should be False with partial_fit")

    def _partial_rows(self, X: Any, y: Any, sample_weight: Any, first: bool) -> Rows:
        """Return validated rows, targets and weights."""
        estimator: Any = self
        X, y = estimator._features(X, y, reset=first)
        weights, X, (y,) = estimator._rows_with_weight(estimator._check_weights(sample_weight, X), X, y)
        return X, y, weights

    def _forget_steps(self) -> None:
        """Delete the state of earlier calls of `partial_fit`."""
        for name in ("t_", "_positions", "_trainer", "_first", "_waiting", "_last"):
            self.__dict__.pop(name, None)

    def _advance(self, X: Any, targets: Array, weights: Array | None) -> tuple[Array, Array]:
        """Update the coefficients by one epoch over the rows, and return them: (k, d) and (k,)."""
        estimator: Any = self
        options = estimator._objective(float(X.shape[0]), X.shape[0])
        outputs = targets.shape[1]
        if not estimator._runs_schedule():
            return self._advance_automatically(X, targets, weights, options)
        if estimator.shuffle:
            order = np.random.default_rng([estimator._seed(), int(getattr(self, "t_", 1))]).permutation(len(targets))
            X, targets, weights = X[order], targets[order], None if weights is None else weights[order]
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        positions = self._current_positions(outputs, X.shape[1])
        settings = Schedule(self, options, None).settings(X)
        for at in positions:
            if at.settings != settings:
                at.trainers = {}
        steps = int(self.t_) - 1
        for j in range(outputs):
            of_class = weights if weights is None or weights.ndim == 1 else np.ascontiguousarray(weights[:, j])
            y = np.ascontiguousarray(targets[:, j])
            # Without a trainer from earlier calls (for example after unpickling), invscaling can only begin at step 1
            one_by_one = estimator.learning_rate == "invscaling" and steps > 0 and not positions[j].trainers
            block = 1 if one_by_one else len(targets)
            for i in range(0, len(targets), block):
                part = slice(i, i + block)
                rows = X[part], y[part], None if of_class is None else of_class[part]
                positions[j] = self._take_steps(rows, options, steps + i, positions[j])
        self.t_ += len(targets)
        self.n_iter_ = 1
        self._positions = positions
        return np.array([at.result()[0] for at in positions]), np.array([at.result()[1] for at in positions])

    def _advance_automatically(
        self, X: Any, targets: Array, weights: Array | None, options: dict[str, Any]
    ) -> tuple[Array, Array]:
        """Update the coefficients by one epoch with the optimizer and rate that were chosen from the first rows.

        Few rows do not determine the scales of the columns or a safe rate. Until there are `FIRST_ROWS` rows, training therefore
        restarts with all rows so far whenever their number has grown by a quarter. A rate is safe only for steps with whole
        batches, so the rows of later calls are collected until they fill a batch.
        """
        estimator: Any = self
        known = getattr(estimator, "coef_", None) is not None
        classes = estimator._class_count()
        outputs = classes or targets.shape[1]
        start = (np.reshape(estimator.coef_, (outputs, -1)), np.reshape(estimator.intercept_, -1)) if known else None
        trainer, count = self._trainer, len(targets)
        rows = (X, targets, weights)
        goes_on = start is not None and (
            self._first is not None if self._last is None else all(map(_are_close, self._last, start))
        )
        if not goes_on:
            self._first, self._waiting = First(start), None
        if self._first is not None:
            rows = self._first.rows = _joined(self._first.rows, rows)
            enough = len(rows[1]) >= FIRST_ROWS
            if trainer is not None and goes_on and not enough and 4 * len(rows[1]) < 5 * self._first.trained:
                return self._end_call(count)
            self._first.trained = len(rows[1])
            X, y, weights = self._given(*rows)
            given = sparse_options(X, {"threads": threads(estimator.n_jobs), "seed": estimator._seed(), **options})
            trainer = Trainer(X, y, sample_weight=weights, _class_count=classes, **given)
            if self._first.start is not None:
                trainer.set_coefficients(*self._first.start)
            trainer.partial_fit(X, y, sample_weight=weights)
            self.options_ = dict(trainer.options)
            if enough:
                self._first = None
        else:
            assert trainer is not None
            rows = _joined(self._waiting, rows)
            if len(rows[1]) < int(self.options_["batch"]):
                self._waiting = rows
                return self._end_call(count)
            self._waiting = None
            X, y, weights = self._given(*rows)
            trainer.partial_fit(X, y, sample_weight=weights)
        self._trainer, self._last = trainer, trainer.coefficients()
        return self._end_call(count)

    def _end_call(self, count: int) -> tuple[Array, Array]:
        """Count the rows of a call, and return copies of the coefficients and intercepts."""
        assert self._last is not None
        self.t_ = getattr(self, "t_", 1.0) + count
        self.n_iter_ = 1
        return self._last[0].copy(), self._last[1].copy()

    def _given(self, X: Any, targets: Array, weights: Array | None) -> Rows:
        """Return rows, targets and weights in the form that a trainer needs."""
        y = targets[:, 0] if targets.shape[1] == 1 else targets
        if hasattr(self, "classes_") and (targets == targets[0]).all(axis=0).any():
            y, X, weights = _with_all_classes(y, X, weights)
        return X, y, weights

    def __getstate__(self) -> dict[str, Any]:
        parent: Any = super()
        state = dict(parent.__getstate__())
        for name in ("_trainer", "_last"):  # after unpickling, training continues with a new trainer from the coefficients
            state.pop(name, None)
        return state

    def _take_steps(self, data: Rows, options: dict[str, Any], steps: int, at: Position) -> Position:
        """Run a step for each row. ``steps`` is the number of steps before."""
        count = len(data[1])
        if hasattr(self, "classes_") and (data[1] == data[1][0]).all():
            data = _with_both_classes(*data)
        return run_steps(Schedule(self, options, data[2], steps), data, count, at)

    @property
    def _average_coef(self) -> Array:
        """The averages of the coefficients, as in the estimators of scikit-learn, if averages are taken."""
        return np.array([at.average_weight for at in self._averaged()])

    @property
    def _average_intercept(self) -> Array:
        return np.array([at.average_bias for at in self._averaged()])

    @property
    def _standard_coef(self) -> Array:
        return np.array([at.weight for at in self._averaged()])

    @property
    def _standard_intercept(self) -> Array:
        return np.array([at.bias for at in self._averaged()])

    def _averaged(self) -> list[Position]:
        """Return the state of training of each output, if averages are taken."""
        estimator: Any = self
        if not estimator.average or not getattr(self, "_positions", None):
            raise AttributeError("no averages were taken")
        return self._positions

    def _current_positions(self, outputs: int, columns: int) -> list[Position]:
        """Return the state of training of each output, which starts from coefficients that the user has set, if any."""
        estimator: Any = self
        if getattr(estimator, "coef_", None) is None:
            return [Position.start(columns) for _ in range(outputs)]
        weight = np.asarray(estimator.coef_, dtype=np.float64).reshape(outputs, columns)
        bias = np.asarray(estimator.intercept_, dtype=np.float64).reshape(outputs)
        kept = getattr(self, "_positions", None) or [None] * outputs
        return [
            at if at is not None and at.gives(weight[j], bias[j]) else Position(weight[j], bias[j]) for j, at in enumerate(kept)
        ]


def _joined(first: Rows | None, more: Rows) -> Rows:
    """Return the rows of both arguments."""
    if first is None:
        return more
    weights = None
    if first[2] is not None or more[2] is not None:
        weights = np.concatenate([np.ones(len(rows[1])) if rows[2] is None else rows[2] for rows in (first, more)])
    X = stacked(first[0], more[0])
    return X, np.concatenate([first[1], more[1]]), None if weights is None else weights.astype(X.dtype)


def _with_both_classes(X: Any, y: Array, weights: Array | None) -> tuple[Any, Array, Array]:
    """Append a row of the other class, because the library refuses data of one class. No step uses this row."""
    weights = np.ones(len(y), dtype=X.dtype) if weights is None else weights
    other = 1 - y[:1] if y[0] in (0, 1) and (y >= 0).all() else -y[:1]
    return stacked(X, X[:1]), np.append(y, other), np.append(weights, X.dtype.type(1e-30))


def _with_all_classes(y: Array, X: Any, weights: Array | None) -> tuple[Array, Any, Array]:
    """Append two rows of negligible weight, so that each target has both values. The first has no class, the second all."""
    weights = np.ones(len(y), dtype=X.dtype) if weights is None else weights
    ends = np.stack([np.full(y.shape[1:], y.min(initial=0), y.dtype), np.ones(y.shape[1:], y.dtype)])
    return np.concatenate([y, ends]), stacked(X, X[:1], X[:1]), np.append(weights, np.full(2, 1e-30, X.dtype))


def _are_close(ours: Array, theirs: Array) -> bool:
    """Tell whether coefficients are the same up to the rounding of float32."""
    return bool((np.abs(ours - theirs) <= 1e-30 + 1e-6 * np.abs(theirs)).all())
