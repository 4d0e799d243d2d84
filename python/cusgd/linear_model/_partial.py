"""Training on more rows: `partial_fit`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from .._arrays import readable
from ._base import Array
from ._schedules import Position, Schedule, run_steps


def follows_a_schedule(estimator: Any) -> bool:
    """Tell whether an estimator has `partial_fit`, or say why not."""
    if not estimator._runs_schedule():
        raise AttributeError(
            "partial_fit follows one of scikit-learn's schedules: name one, as in learning_rate='invscaling' (and solver='sgd')"
        )
    return True


class PartialMixin:
    """What the `partial_fit` of regressors and classifiers have in common.

    Attributes
    ----------
    t_ : float
        1 plus the number of rows that the coefficients were updated with.
    """

    t_: float
    _positions: list[Position]

    def _check_partial(self) -> None:
        """Refuse parameters that `partial_fit` cannot follow."""
        estimator: Any = self
        estimator._check_parameters()
        if estimator.early_stopping:
            raise ValueError("early_stopping should be False with partial_fit")

    def _partial_rows(self, X: Any, y: Any, sample_weight: Any, first: bool) -> tuple[Array, Array, Array | None]:
        """Return validated rows, targets and weights."""
        estimator: Any = self
        X, y = validate_data(
            self, readable(X, "X"), readable(y, "y"), accept_sparse=False, dtype=[np.float64, np.float32], reset=first
        )
        weights, X, (y,) = estimator._rows_with_weight(sample_weight, X, y)
        return X, y, weights

    def _forget_steps(self) -> None:
        """Forget what earlier calls have left for `partial_fit`."""
        for name in ("t_", "_positions"):
            self.__dict__.pop(name, None)

    def _advance(self, X: Array, targets: Array, weights: Array | None) -> tuple[Array, Array]:
        """Update the coefficients by one epoch over the rows, and return them: (k, d) and (k,)."""
        estimator: Any = self
        options = estimator._objective(float(len(X)), len(X))
        outputs = targets.shape[1]
        if estimator.shuffle:
            order = np.random.default_rng([estimator._seed(), int(getattr(self, "t_", 1))]).permutation(len(X))
            X, targets, weights = X[order], targets[order], None if weights is None else weights[order]
        if not hasattr(self, "t_"):
            self.t_ = 1.0
        positions = self._current_positions(outputs, X.shape[1])
        steps = int(self.t_) - 1
        # invscaling can only begin at step 1 in one run of the library
        block = 1 if estimator.learning_rate == "invscaling" and steps > 0 else len(X)
        for j in range(outputs):
            of_class = weights if weights is None or weights.ndim == 1 else np.ascontiguousarray(weights[:, j])
            y = np.ascontiguousarray(targets[:, j])
            for i in range(0, len(X), block):
                part = slice(i, i + block)
                rows = X[part], y[part], None if of_class is None else of_class[part]
                positions[j] = self._take_steps(rows, options, steps + i, positions[j])
        self.t_ += len(X)
        self.n_iter_ = 1
        self._positions = positions
        return np.array([at.result()[0] for at in positions]), np.array([at.result()[1] for at in positions])

    def _take_steps(self, data: tuple[Array, Array, Array | None], options: dict[str, Any], steps: int, at: Position) -> Position:
        """Run a step for each row, after so many steps before."""
        count = len(data[0])
        if hasattr(self, "classes_") and (data[1] == data[1][0]).all():
            data = _with_both_classes(*data)
        return run_steps(Schedule(self, options, data[2], steps), data, count, at)

    @property
    def _average_coef(self) -> Array:
        """The averages of the coefficients, in a run that takes them; as scikit-learn's estimators have them."""
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
        """Return where training has come to, if averages are taken."""
        estimator: Any = self
        if not estimator.average or not getattr(self, "_positions", None):
            raise AttributeError("no averages were taken")
        return self._positions

    def _current_positions(self, outputs: int, columns: int) -> list[Position]:
        """Return where each output's training has come to; coefficients that were set by hand count."""
        estimator: Any = self
        if getattr(estimator, "coef_", None) is None:
            return [Position.start(columns) for _ in range(outputs)]
        weight = np.asarray(estimator.coef_, dtype=np.float64).reshape(outputs, columns)
        bias = np.asarray(estimator.intercept_, dtype=np.float64).reshape(outputs)
        kept = getattr(self, "_positions", None) or [None] * outputs
        return [
            at if at is not None and at.gives(weight[j], bias[j]) else Position(weight[j], bias[j]) for j, at in enumerate(kept)
        ]


def _with_both_classes(X: Array, y: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """Return the rows and behind them one of the other class, which is not trained on: the library refuses data of one class."""
    weights = np.ones(len(X), dtype=X.dtype) if weights is None else weights
    other = 1 - y[:1] if y[0] in (0, 1) and (y >= 0).all() else -y[:1]
    return np.vstack([X, X[:1]]), np.append(y, other), np.append(weights, X.dtype.type(1e-30))
