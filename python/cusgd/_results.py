"""The results of runs: progress, times, metrics and history."""

from __future__ import annotations

import ctypes as C
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._words import in_python_words

_STOPS = {value: name[len("CUSGD_STOP_") :].lower() for name, value in vars(_capi).items() if name.startswith("CUSGD_STOP_")}


def _taken(kind: type, *found: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, each from the first C structure that has a member of its name."""
    taken = {}
    for of in fields(kind):
        holder = next((one for one in found if hasattr(one, of.name)), None)
        if holder is not None:
            value = getattr(holder, of.name)
            taken[of.name] = bool(value) if of.type == "bool" else value
    return taken


@dataclass(frozen=True)
class Progress:
    """The state of a run after an epoch, or after an iteration of a full-batch solver.

    Attributes
    ----------
    epoch, epochs : int
        The number of the epoch, and the maximum number of epochs.
    step : int
        The number of steps so far.
    loss, valid_loss : float
        The loss on the training rows and on the validation rows, as a mean over rows and outputs. For the losses squared and mse
        it is the squared error itself. A loss that was not computed is NaN.
    evaluated : bool
        Whether ``loss`` was computed by a full pass at the end of the epoch. Otherwise it is the mean over the steps of the
        epoch, each before its update.
    rate : float
        The learning rate of the last step.
    seconds : float
        The elapsed time of the run.
    rows_per_second : float
        The speed of the run.
    seconds_left : float
        An estimate of the time until the last epoch; NaN if it is not known.
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
        # This method is called after each epoch. It does not use `_taken`, which would take longer than an epoch of few rows.
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
class StreamTimes:
    """The times of reading, copying and computing if the training rows do not fit into the option ``memory``.

    The times cover steps and full passes since the trainer was created or received other rows. A separate thread reads ahead
    while steps are computed, so ``read_seconds`` overlaps with the other times. The sum of ``wait_seconds``, ``copy_seconds``
    and ``compute_seconds`` is the total time.

    Attributes
    ----------
    read_bytes : float
        The bytes of X that were read from files or copied from memory before their use.
    present_bytes : float
        The bytes of X that did not have to be read, because their pages were in memory or, with a GPU, on the device.
    read_seconds : float
        The time that the reading thread took.
    wait_seconds : float
        The time that training waited for the reading thread.
    copy_seconds : float
        The time in which the host copied rows to the device or, on the CPU, for the computation of second derivatives.
    compute_seconds : float
        The remaining time of steps and passes.
    """

    read_bytes: float
    present_bytes: float
    read_seconds: float
    wait_seconds: float
    copy_seconds: float
    compute_seconds: float

    @classmethod
    def _read(cls, found: Any) -> StreamTimes:
        return cls(**_taken(cls, found))


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes
    ----------
    stop : str
        The reason why the run ended: "epochs", "tolerance", "gradient", "cancelled", "diverged", "solved", "device" or "data".
    converged : bool
        Whether a stopping rule was met before the limit of epochs, and the result is not worse than the intercept-only model.
    epochs, steps : int
        The numbers of epochs and steps that were run.
    epoch : int
        The epoch whose parameters are the result.
    loss, valid_loss, objective : float
        The losses and the objective of these parameters. ``valid_loss`` is NaN if there is no validation data.
    gradient : float
        The norm of the gradient, relative to that of the intercept-only model; NaN unless ``gradient_tolerance`` was set.
    relative_gap : float
        The estimated relative gap between the objective and its minimum; NaN if it is not known.
    rate : float
        The learning rate of the last step.
    seconds : float
        The elapsed time of the run.
    rows_per_second : float
        The speed of the run.
    rollbacks : int
        The number of times that the run returned to earlier parameters with a quarter of the rate.
    separated : bool
        Whether it is known that no finite optimum exists.
    note : str
        A note about the result, or an empty string.
    null_loss : float
        The loss of the intercept-only model on the training rows; NaN if it is not known.
    worse : bool
        Whether ``loss`` is greater than ``null_loss``.
    stream_times : StreamTimes or None
        The times of reading and computing, or None if the training rows fit into ``memory``.
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
    stream_times: StreamTimes | None = None

    @classmethod
    def _read(cls, found: Any, times: StreamTimes | None) -> Result:
        read = _taken(cls, found)
        read["stop"] = _STOPS[found.stop]
        read["note"] = in_python_words(found.note.decode(errors="replace"))
        return cls(**read, stream_times=times)


@dataclass
class History:
    """The epochs of a run.

    Indexing with the name of a field of `Progress` returns an array with one value per epoch.

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
    """Metrics of a model, with the weights of the rows, as scikit-learn computes them.

    Metrics that do not apply to the loss are NaN.

    Attributes
    ----------
    rows : int
        The number of rows.
    loss : float
        The mean loss per row. For the losses squared and mse it is the squared error itself.
    mse, rmse, mae, r2 : float
        Metrics of regression: the mean squared error, its square root, the mean absolute error, and R^2.
    log_loss, accuracy : float
        Metrics of classification.
    balanced_accuracy, precision, recall, f1, f1_macro, f1_weighted : float
        Metrics of classification. With two classes, precision, recall and f1 are those of the second class; with more, they are
        means over the classes. f1_macro is the mean over the classes, and f1_weighted the mean by the weights of the classes.
    top3, top5 : float
        The share of the rows whose class is among the 3 or 5 most probable ones, if there are more classes than that.
    deviance, d2 : float
        Metrics of losses with a logarithmic link: the mean deviance, and the share of the deviance of the intercept-only model
        that is explained.
    explained_variance, max_error, median_absolute_error, d2_absolute_error : float
        Metrics of regression.
    pinball_loss, d2_pinball : float
        Metrics of the loss quantile.
    crossing : float
        For a model of several quantiles, the share of the rows in which a prediction is less than that of a smaller quantile.
    auc, average_precision : float
        Metrics of two classes: how well the predictions rank the rows of the second class before those of the first.
    confusion : tuple of tuples of float, or None
        The confusion matrix of two classes: the sums of the weights of the rows by class and predicted class.
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
    explained_variance: float
    max_error: float
    median_absolute_error: float
    d2_absolute_error: float
    pinball_loss: float
    d2_pinball: float
    crossing: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1: float
    f1_macro: float
    f1_weighted: float
    top3: float
    top5: float
    auc: float
    average_precision: float
    confusion: tuple[tuple[float, float], tuple[float, float]] | None

    def known(self) -> dict[str, float]:
        """Return the metrics that apply to the loss as a dict, without the confusion matrix."""
        return {name: value for name, value in vars(self).items() if isinstance(value, (int, float)) and not math.isnan(value)}

    @classmethod
    def _read(cls, *found: Any) -> Metrics:
        """Read each field from the first structure that has it. Fields that no structure has are NaN."""
        values: dict[str, Any] = dict.fromkeys(cls.__dataclass_fields__, math.nan)
        values.update(_taken(cls, *found))
        counts = list(values["confusion"])
        values["confusion"] = None if math.isnan(counts[0]) else ((counts[0], counts[1]), (counts[2], counts[3]))
        return cls(**values)


def sized(kind: type[C.Structure]) -> Any:
    """Return a structure whose first member, its size, is set."""
    made: Any = kind()
    made.size = C.sizeof(kind)
    return made
