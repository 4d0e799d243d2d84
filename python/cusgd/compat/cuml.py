"""Minibatch estimators with the interface of cuML: ``from cusgd.compat.cuml import MBSGDClassifier, MBSGDRegressor``.

The parameters have the names, order, defaults and meaning that they have in cuML. The coefficients converge to the same values as
those of cuML, but they are not equal during training, because the order of the rows and the arithmetic differ. The parameters
``handle`` and ``output_type``, which cuML needs for the GPU, are accepted and have no effect. Results are NumPy arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._arrays import readable
from ..linear_model._base import WORDS, Array, Estimator, keep, nonnegative, share
from ..linear_model._classifier import Classifier, ProbabilityMixin
from ..linear_model._regressor import Regressor

__all__ = ["MBSGDClassifier", "MBSGDRegressor"]

_LOSSES = {"squared_loss": "squared", "hinge": "hinge", "log": "logistic"}


# The names of the library's options in these estimators, for messages
_NAMES = {
    **WORDS,
    "--epochs": "epochs",
    "more --epochs": "more epochs",
    "columns (leave out --no-standardize)": "columns",
    "smaller --rate, or leave it out": "smaller eta0",
}


def _by_columns(X: Any) -> Any:
    """Return rows as a matrix. As in cuML, a vector becomes a matrix with one column."""
    return np.asarray(readable(X, "X")).reshape(-1, 1) if getattr(X, "ndim", 2) == 1 else X


class _Minibatch(Estimator):
    """The base class of both estimators."""

    loss: str
    penalty: str | None
    epochs: int
    tol: float
    shuffle: bool
    learning_rate: str
    eta0: float
    power_t: float
    batch_size: int
    n_iter_no_change: int
    handle: Any
    output_type: Any

    def _words(self) -> dict[str, str]:
        return _NAMES

    def _features(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Array]:
        return super()._features(_by_columns(X), y, **checks)

    def _linear_predictor(self, X: Any) -> Array:
        return super()._linear_predictor(_by_columns(X))

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.loss not in _LOSSES:
            raise ValueError(f"loss={self.loss!r} must be one of {', '.join(_LOSSES)}")
        shares = {"l2": 0.0, "l1": 1.0, "elasticnet": share(self.l1_ratio, "l1_ratio"), "none": 0.0, None: 0.0}
        if self.penalty not in shares:
            raise ValueError(f"penalty={self.penalty!r} must be 'none', 'l1', 'l2' or 'elasticnet'")
        schedules: dict[str, dict[str, Any]] = {
            "constant": {"schedule": "constant"},
            "invscaling": {"schedule": "inverse-scaling", "decay_power": nonnegative(self.power_t, "power_t")},
            "adaptive": {"schedule": "plateau", "decay": 0.2, "decay_patience": self.n_iter_no_change},
        }
        if self.learning_rate not in schedules:
            raise ValueError(f"learning_rate={self.learning_rate!r} must be one of {', '.join(schedules)}")
        for name in ("epochs", "batch_size", "n_iter_no_change"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} == {getattr(self, name)}, must be >= 1")
        if not 0 < self.eta0 < math.inf:
            raise ValueError(f"eta0 == {self.eta0}, must be > 0")
        alpha = nonnegative(self.alpha, "alpha") if self.penalty not in ("none", None) else 0.0
        return {
            "loss": _LOSSES[self.loss],
            "optimizer": "sgd",
            "standardize": False,
            "intercept": bool(self.fit_intercept),
            "l1": alpha * shares[self.penalty],
            "l2": alpha * (1 - shares[self.penalty]),
            "rate": float(self.eta0),
            "batch": min(int(self.batch_size), rows),
            "epochs": int(self.epochs),
            "tolerance": nonnegative(self.tol, "tol"),
            "patience": int(self.n_iter_no_change),
            "sampling": "permute" if self.shuffle else "none",
            **schedules[self.learning_rate],
        }


class MBSGDRegressor(_Minibatch, Regressor):
    """Linear regression by minibatch SGD.

    Parameters
    ----------
    loss : str
        The loss, which must be "squared_loss".
    penalty : {"l2", "l1", "elasticnet", "none"} or None
        The penalty on the coefficients.
    alpha : float
        The strength of the penalty.
    l1_ratio : float
        The share of the l1 penalty in "elasticnet", from 0 to 1.
    fit_intercept : bool
        Whether to fit an intercept.
    epochs : int
        The maximum number of epochs.
    tol : float
        The smallest relative improvement per epoch that counts.
    shuffle : bool
        Whether each epoch uses the rows in a new random order.
    learning_rate : {"constant", "invscaling", "adaptive"}
        The schedule of the learning rate.
    eta0 : float
        The initial learning rate.
    power_t : float
        The exponent of "invscaling".
    batch_size : int
        The number of rows per step.
    n_iter_no_change : int
        The number of epochs without improvement after which the run ends. With "adaptive", the rate is then divided by 5 instead.
    handle, output_type : object
        These parameters have no effect.
    verbose : bool
        Whether to show progress.
    """

    _multi_output = False

    def __init__(
        self,
        *,
        loss: str = "squared_loss",
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        epochs: int = 1000,
        tol: float = 1e-3,
        shuffle: bool = True,
        learning_rate: str = "constant",
        eta0: float = 0.001,
        power_t: float = 0.5,
        batch_size: int = 32,
        n_iter_no_change: int = 5,
        handle: Any = None,
        verbose: bool = False,
        output_type: Any = None,
    ) -> None:
        keep(self, locals())


class MBSGDClassifier(_Minibatch, ProbabilityMixin, Classifier):
    """Linear classification by minibatch SGD. With more than two classes, each is trained against the rest.

    Parameters
    ----------
    loss : {"hinge", "log", "squared_loss"}
        "hinge" is a support vector machine, "log" is logistic regression, and "squared_loss" is least squares with the targets -1
        and 1.
    penalty, alpha, l1_ratio, fit_intercept, epochs, tol, shuffle, learning_rate, eta0, power_t, batch_size, n_iter_no_change
        As for `MBSGDRegressor`.
    handle, verbose, output_type
        As for `MBSGDRegressor`.
    """

    class_weight = None

    def __init__(
        self,
        *,
        loss: str = "hinge",
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        epochs: int = 1000,
        tol: float = 1e-3,
        shuffle: bool = True,
        learning_rate: str = "constant",
        eta0: float = 0.001,
        power_t: float = 0.5,
        batch_size: int = 32,
        n_iter_no_change: int = 5,
        handle: Any = None,
        verbose: bool = False,
        output_type: Any = None,
    ) -> None:
        keep(self, locals())

    def decision_function(self, X: Any) -> Array:
        """Return the values of the decision function (the linear predictor) for each row.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, or (n_samples, n_classes) for more
        """
        return super().decision_function(_by_columns(X))

    def _targets(self, index: Any, dtype: Any) -> Any:
        wanted = super()._targets(index, dtype)
        return 2 * wanted - 1 if self.loss == "squared_loss" else wanted
