"""The intercept of scikit-learn's SGD algorithm on sparse rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import is_sparse
from .._trainer import Trainer
from ._base import sparse_options

SLOWER = 0.1  # its square is the factor of the intercept's rate on sparse rows, as in scikit-learn
_FACTORS = {"rate": SLOWER**2, "t0": SLOWER**2, "l1": 1 / SLOWER, "l2": 1 / SLOWER**2}


class _SlowIntercept(Trainer):
    """A trainer on sparse rows, whose intercept learns at a hundredth of the rate.

    It has ten times the rows, a tenth of the coefficients, and a hundredth of the rate: coefficients move as they would, and the
    intercept a hundredth of that. Lazy updates stay possible, which they would not with a column of its own.
    """

    def __init__(self, X: Any, y: Any, **options: Any) -> None:
        scaled = {name: value * _FACTORS[name] if name in _FACTORS else value for name, value in options.items()}
        super().__init__(_scaled(X), y, **scaled)

    @property
    def options(self) -> Any:
        """The options as they run, of the rows as they are."""
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
    """Return ten times the rows; the places of their values are shared."""
    return type(X)((X.data / X.dtype.type(SLOWER), X.indices, X.indptr), shape=X.shape)


def make_trainer(X: Any, y: Any, weights: Any, options: dict[str, Any]) -> Trainer:
    """Return a trainer for scikit-learn's algorithm."""
    if not is_sparse(X):
        return Trainer(X, y, sample_weight=weights, **options)
    del options["clip_value"]  # lazy updates have none
    kind = _SlowIntercept if options["intercept"] else Trainer
    return kind(X, y, sample_weight=weights, **sparse_options(X, options))
