"""What became of a run."""

from __future__ import annotations

import ctypes as C
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._errors import in_python_words

_STOPS = {value: name[len("CUSGD_STOP_") :].lower() for name, value in vars(_capi).items() if name.startswith("CUSGD_STOP_")}


@dataclass(frozen=True)
class Progress:
    """A run after an epoch, or an iteration of a full-batch solver.

    Losses are means over rows and outputs: the squared error itself for the losses squared and mse. NaN: not computed.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    evaluated: bool
    valid_loss: float
    rate: float
    seconds: float
    rows_per_second: float
    seconds_left: float

    @classmethod
    def _read(cls, now: Any) -> Progress:
        return cls(
            now.epoch,
            now.epochs,
            now.step,
            now.loss,
            bool(now.evaluated),
            now.valid_loss,
            now.rate,
            now.seconds,
            now.rows_per_second,
            now.seconds_left,
        )


@dataclass(frozen=True)
class Result:
    """What became of a run.

    Attributes
    ----------
    stop : str
        Why it ended: "epochs", "tolerance", "gradient", "cancelled", "diverged", "solved", "device" or "data".
    converged : bool
        Whether a stopping rule was met before the limit of epochs, and the result is not worse than the intercept-only model.
    epochs, steps : int
        Run in all.
    epoch : int
        The epoch whose parameters are the result.
    loss, valid_loss, objective : float
        Of these parameters; NaN where there is no validation data.
    gradient : float
        The gradient's norm relative to the one of the intercept-only model; NaN unless ``gradient_tolerance`` was set.
    relative_gap : float
        The estimated relative distance of the objective to the minimum; NaN where it is not known.
    rate : float
        The learning rate of the last step.
    rollbacks : int
        How often the run returned to better parameters and divided the rate by 4.
    separated : bool
        Whether it is known that no finite optimum exists.
    note : str
        What else there is to know.
    null_loss : float
        The loss of the intercept-only model on the training rows; NaN where it is not known.
    worse : bool
        Whether `loss` is above that.
    """

    stop: str
    converged: bool
    epochs: int
    steps: int
    epoch: int
    loss: float
    valid_loss: float
    objective: float
    gradient: float
    relative_gap: float
    rate: float
    seconds: float
    rows_per_second: float
    rollbacks: int
    separated: bool
    note: str
    null_loss: float
    worse: bool

    @classmethod
    def _read(cls, found: Any) -> Result:
        stop = _STOPS[found.stop]
        return cls(
            stop,
            bool(found.converged),
            found.epochs,
            found.steps,
            found.epoch,
            found.loss,
            found.valid_loss,
            found.objective,
            found.gradient,
            found.relative_gap,
            found.rate,
            found.seconds,
            found.rows_per_second,
            found.rollbacks,
            bool(found.separated),
            in_python_words(found.note.decode(errors="replace")),
            found.null_loss,
            bool(found.worse),
        )


@dataclass
class History:
    """The epochs of a run. Indexing by a field's name gives an array with one value per epoch.

    Examples
    --------
    >>> import cusgd
    >>> model = cusgd.fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], epochs=2)
    >>> len(model.history), model.history["epoch"].tolist()
    (2, [1, 2])
    """

    epochs: list[Progress] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Progress]:
        return iter(self.epochs)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return np.array([getattr(epoch, name) for epoch in self.epochs])


@dataclass(frozen=True)
class Metrics:
    """How well a model predicts, weighted by the rows' weights. What does not apply to the model's loss is NaN.

    Attributes
    ----------
    rows : int
    loss : float
        Mean loss per row: the squared error itself for the losses squared and mse.
    mse, rmse, mae, r2 : float
        Of regressions.
    log_loss, accuracy : float
        Of classes.
    deviance, d2 : float
        Of losses with a log link: mean deviance, and the share of the intercept-only model's deviance that is explained.
    """

    rows: int
    loss: float
    mse: float
    rmse: float
    mae: float
    r2: float
    log_loss: float
    accuracy: float
    deviance: float
    d2: float

    def known(self) -> dict[str, float]:
        """Return the metrics that apply, by name."""
        return {name: value for name, value in vars(self).items() if not math.isnan(value)}

    @classmethod
    def _read(cls, found: Any) -> Metrics:
        return cls(*[getattr(found, name) for name in cls.__dataclass_fields__])


def sized(kind: type[C.Structure]) -> Any:
    """Return a structure whose first member, its size, is set."""
    made: Any = kind()
    made.size = C.sizeof(kind)
    return made
