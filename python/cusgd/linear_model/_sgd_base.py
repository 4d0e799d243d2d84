"""The base class of `SGDRegressor` and `SGDClassifier`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from sklearn.linear_model._base import SparseCoefMixin

from .._errors import warn
from .._results import Progress
from .._trainer import SHORT
from ._base import (
    LOSSES,
    SCHEDULE_WORDS,
    Array,
    Estimator,
    loss_options,
    nonnegative,
    penalty_options,
    real,
    share,
)
from ._own_loss import OWN_LOSS
from ._partial import PartialMixin
from ._schedules import SCHEDULES, ZERO_WEIGHTS, ScheduledMixin

CLASS_LOSSES = ("hinge", "squared_hinge", "log_loss", "modified_huber", "perceptron")
ALL_EPOCHS = 10**9  # a patience that no run reaches
_PENALTIES = ("l2", "l1", "elasticnet", None)


def loss_functions_of(names: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    """Return the losses in the form of scikit-learn's class attribute ``loss_functions``."""
    return {name: (LOSSES[name], 0.1) if name == "huber" or "epsilon" in name else (LOSSES[name],) for name in names}


class FlatLoss:
    """Ends a run if the loss has fallen little in the last epochs, relative to the loss after the first epoch.

    If the classes are separable, the loss falls toward 0 for thousands of epochs, by a similar share of the current loss each
    time. The stopping rule of the library is relative to the current loss and would not end such a run.
    """

    share = 1e-3

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.first: float | None = None
        self.reference = math.inf
        self.stale = 0

    def __call__(self, now: Progress) -> bool:
        if self.first is None:
            self.first = now.loss
        if now.loss < self.reference - self.share * self.first:
            self.reference, self.stale = now.loss, 0
        else:
            self.stale += 1
        return self.stale >= self.patience


class Sgd(SparseCoefMixin, ScheduledMixin, PartialMixin, Estimator):  # type: ignore[misc]
    """The base class of `SGDRegressor` and `SGDClassifier`."""

    loss: str
    penalty: str | None
    tol: float | str | None
    shuffle: bool
    epsilon: float
    learning_rate: str
    eta0: float | None
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int | None
    average: bool | int | None
    power_t: float
    solver: str
    optimizer: str
    batch_size: int | str
    standardize: bool
    device: str

    # The library's name and the default of epsilon, for each name of a loss in scikit-learn
    loss_functions: ClassVar[dict[str, tuple[Any, ...]]] = {}

    def _runs_schedule(self) -> bool:
        """Tell whether `fit` runs the algorithm of scikit-learn, with one of its schedules."""
        return self.solver == "sgd" and self.learning_rate != "auto"

    def _words(self) -> dict[str, str]:
        return SCHEDULE_WORDS if self._runs_schedule() else super()._words()

    def _check_parameters(self) -> None:
        """Raise an error if parameters are invalid."""
        self._check_loss()
        for name, choices in (
            ("loss", self.loss_functions),
            ("penalty", _PENALTIES),
            ("learning_rate", ("auto", *SCHEDULES)),
        ):
            value = getattr(self, name)
            if not isinstance(value, (str, type(None))) or value not in choices:
                hint = ": classes are for SGDClassifier" if name == "loss" and self.loss in CLASS_LOSSES else ""
                raise ValueError(f"{name}={value!r} must be one of {', '.join(map(str, choices))}{hint}")
        nonnegative(self.alpha, "alpha")
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")
        if self.l1_ratio is not None:
            share(self.l1_ratio, "l1_ratio")
        if self.learning_rate == "optimal" and not self.alpha > 0:
            raise ValueError("alpha must be > 0 since learning_rate is 'optimal', which computes the rate from it")
        for name in ("max_iter", "n_iter_no_change"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, np.integer)) and value >= 1):
                raise ValueError(f"{name}={value!r} must be None or an integer of at least 1")
        if self.tol is not None and self.tol != "auto":
            real(self.tol, "tol")
        if self.average is not None:
            real(self.average, "average")
        if self.eta0 is not None and not real(self.eta0, "eta0") > 0:
            raise ValueError(f"eta0 == {self.eta0}, must be > 0")
        if not isinstance(self.shuffle, (bool, np.bool_)):
            raise ValueError(f"shuffle={self.shuffle!r} must be True or False")
        if real(self.power_t, "power_t") < 0:
            warn(
                "Negative values for `power_t` are deprecated, as in scikit-learn: the rate of 'invscaling' rises, and "
                "no other reads it",
                FutureWarning,
            )
        if self.early_stopping and not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction == {self.validation_fraction}, must be in (0, 1)")

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        """Return the options of a run with minibatch steps or a full-batch solver."""
        self._check_parameters()
        options: dict[str, Any] = {
            **self._loss_options(),
            "solver": self.solver,
            "intercept": bool(self.fit_intercept),
            "device": self.device,
            "standardize": bool(self.standardize),
        }
        if self.penalty is not None and not self._runs_schedule():
            of_l1 = {"l2": 0.0, "l1": 1.0}.get(self.penalty, self.l1_ratio)
            options.update(penalty_options(self.alpha * of_l1, self.alpha * (1 - of_l1)))
        if self.max_iter is not None:
            options["epochs"] = int(self.max_iter)
        if self.solver != "sgd":
            if rows * self.n_features_in_ <= SHORT:
                options["gradient_tolerance"] = 1e-11  # takes little time on so few values
            return options
        options["sampling"] = "permute" if self.shuffle else "none"
        if self._runs_schedule():
            return options
        return {
            **options,
            "optimizer": self.optimizer,
            "rate": None if self.eta0 is None else float(self.eta0),
            "batch": None if self.batch_size == "auto" else self.batch_size,
            "tolerance": 1e-5 if self.tol == "auto" else float(self.tol or 0.0),
            "patience": ALL_EPOCHS if self.tol is None else self.n_iter_no_change,
            "average": None if self.average is None else bool(self.average),
            "average_from": int(self.average) - 1 if self.average and self.average is not True else None,
            "valid_fraction": float(self.validation_fraction) if self.early_stopping else None,
        }

    def _check_loss(self) -> None:
        """Raise an error if parameters of the loss are invalid."""

    def _loss_options(self) -> dict[str, Any]:
        """Return the options of the loss."""
        return loss_options(self.loss, self.epsilon)

    def _loss(self) -> str:
        """Return the name of the loss in scikit-learn."""
        return self.loss

    def _check_weights(self, sample_weight: Any, X: Any) -> Array | None:
        if self.early_stopping and sample_weight is not None and not np.any(sample_weight):
            raise ValueError(ZERO_WEIGHTS)
        return super()._check_weights(sample_weight, X)

    def _runs_all_epochs(self) -> bool:
        return self.tol is None or self.tol == 0

    def _advice(self) -> str:
        differentiable = self._loss() not in (OWN_LOSS, "epsilon_insensitive", "quantile", "hinge", "perceptron")
        full_batch = ', or solver="auto", a full-batch method' if self.solver == "sgd" and differentiable else ""
        return "increasing max_iter" + full_batch

    def _rows_with_weight(self, weights: Array | None, X: Any, *others: Array) -> tuple[Array | None, Any, tuple[Array, ...]]:
        if self._runs_schedule():  # rows of weight 0 count as steps in the schedules of scikit-learn
            return weights, X, others
        return super()._rows_with_weight(weights, X, *others)

    def fit(self, X: Any, y: Any, coef_init: Any = None, intercept_init: Any = None, sample_weight: Any = None) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Rows. Training uses single precision for float32 and double precision for all other types. Columns of a sparse matrix
            are not standardized.
        y : array of shape (n_samples,) or, for regressors, (n_samples, n_targets)
            Targets or classes.
        coef_init, intercept_init : array, optional
            The initial values, in the shapes of ``coef_`` and ``intercept_``. If only one is given, the other starts at 0.
        sample_weight : array of shape (n_samples,), optional
            Weights, at least 0. Rows with weight 0 are ignored.

        Returns
        -------
        self
        """
        self._check_parameters()
        self._forget_steps()
        return self._fit(X, y, sample_weight, (coef_init, intercept_init))
