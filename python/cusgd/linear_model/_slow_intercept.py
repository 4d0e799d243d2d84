"""The lower learning rate of the intercept in scikit-learn's SGD algorithm on sparse rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import is_sparse
from .._trainer import Trainer
from ._base import sparse_options

SLOWER = 0.1  # its square, 0.01, is the factor on the rate of the intercept on sparse rows, as in scikit-learn
_FACTORS = {"rate": SLOWER**2, "t0": SLOWER**2, "l1": 1 / SLOWER, "l2": 1 / SLOWER**2}


class _SlowIntercept(Trainer):
    """A trainer on sparse rows that updates the intercept with a hundredth of the rate.

    The values of the rows are multiplied by 10, and the coefficients and the rate are divided by 10 and by 100. The updates of
    the coefficients, in the units of the data, are then the same as without this scaling, and those of the intercept are a
    hundredth. In contrast to a separate column for the intercept, this allows lazy updates.
    """

    def __init__(self, X: Any, y: Any, **options: Any) -> None:
        scaled = {name: value * _FACTORS[name] if name in _FACTORS else value for name, value in options.items()}
        super().__init__(_scaled(X), y, **scaled)

    @property
    def options(self) -> Any:
        """The options of the run, converted to those for rows without scaling."""
        found = dict(super().options)
        return {**found, **{name: found[name] / factor for name, factor in _FACTORS.items() if found[name] is not None}}

    def rebind(self, X: Any, y: Any, **others: Any) -> None:
        super().rebind(_scaled(X), y, **others)

    def coefficients(self) -> tuple[Any, Any]:
        weight, bias = super().coefficients()
        return weight / SLOWER, bias

    def set_coefficients(self, weight: Any, bias: Any) -> None:
        super().set_coefficients(np.asarray(weight) * SLOWER, bias)


def _scaled(X: Any) -> Any:
    """Return the rows with values multiplied by 10. The arrays of the indices are shared."""
    return type(X)((X.data / X.dtype.type(SLOWER), X.indices, X.indptr), shape=X.shape)


def make_trainer(X: Any, y: Any, weights: Any, options: dict[str, Any]) -> Trainer:
    """Return a trainer for the algorithm of scikit-learn."""
    if not is_sparse(X):
        return Trainer(X, y, sample_weight=weights, **options)
    del options["clip_value"]  # lazy updates do not support it
    kind = _SlowIntercept if options["intercept"] else Trainer
    return kind(X, y, sample_weight=weights, **sparse_options(X, options))
